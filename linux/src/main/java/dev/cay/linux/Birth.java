package dev.cay.linux;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * Into what a new process is born.
 *
 * @param namespaces the {@code CLONE_NEW*} namespaces made for it, see {@link Namespaces}
 * @param cgroup a directory of the version 2 hierarchy to be born in
 * @param pidNamespaceOf a process whose pid namespace it is to be born in
 * @param diesWithCaller whether the process belongs to this one: only then may its list ask for a parent-death signal
 */
public record Birth(long namespaces, Optional<Fd> cgroup, Optional<Child> pidNamespaceOf, boolean diesWithCaller) {
    public Birth {
        requireNonNull(cgroup, "cgroup is null");
        requireNonNull(pidNamespaceOf, "pidNamespaceOf is null");
    }
}
