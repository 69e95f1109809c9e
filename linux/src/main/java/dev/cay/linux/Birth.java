package dev.cay.linux;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * Into what a new process is born.
 *
 * @param namespaces the {@code CLONE_NEW*} namespaces made for it, see {@link Namespaces}
 * @param cgroup a directory of the version 2 hierarchy to be born in
 */
public record Birth(long namespaces, Optional<Fd> cgroup) {
    public Birth {
        requireNonNull(cgroup, "cgroup is null");
    }
}
