package dev.cay.linux;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * Into what a new process is born.
 *
 * @param namespaces the {@code CLONE_NEW*} namespaces made for it, see {@link Namespaces}
 * @param cgroup a directory of the version 2 hierarchy to be born in
 * @param pidNamespaceOf a process whose pid namespace it is to be born in
 * @param exposed whether strangers may live in that pid namespace. They would see a child that shares this process's memory: its
 *     command line, for one; and they could stop it once it is of their user. So it gets a memory of its own, which takes longer
 * @param diesWithCaller whether the process belongs to this one: only then may its list ask for a parent-death signal
 */
public record Birth(long namespaces, Optional<Fd> cgroup, Optional<Child> pidNamespaceOf, boolean exposed, boolean diesWithCaller) {
    public Birth {
        requireNonNull(cgroup, "cgroup is null");
        requireNonNull(pidNamespaceOf, "pidNamespaceOf is null");
    }

    /** Into a pid namespace where nobody is but those whom this process has made. */
    public Birth(long namespaces, Optional<Fd> cgroup, Optional<Child> pidNamespaceOf, boolean diesWithCaller) {
        this(namespaces, cgroup, pidNamespaceOf, false, diesWithCaller);
    }
}
