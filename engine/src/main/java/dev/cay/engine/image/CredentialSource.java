package dev.cay.engine.image;

import java.io.IOException;
import java.util.Optional;

/** Knows credentials. Thread-safe. */
interface CredentialSource {
    /**
     * The credential for a repository, if there is one.
     *
     * @param repository empty if it is for the whole registry
     */
    Optional<Credential> find(String registry, String repository) throws IOException;
}
