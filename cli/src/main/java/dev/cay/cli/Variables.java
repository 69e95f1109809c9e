package dev.cay.cli;

import java.util.Optional;

/** The environment variables of the caller. */
interface Variables {
    Optional<String> variable(String name);
}
