package dev.cay.engine.seccomp;

import static dev.cay.engine.seccomp.Action.Errno.ENOSYS;
import static java.util.Objects.requireNonNull;

import dev.cay.SandboxException;
import dev.cay.linux.Architecture;
import dev.cay.linux.KernelVersion;
import java.util.List;
import java.util.Set;

/**
 * What each system call of one architecture may do. Of the rules that name a call, the first whose conditions are all
 * true decides; if there is none, the default does. Calls of other ABIs never run, whatever the profile says: see
 * {@link SeccompCompiler}.
 *
 * @param architecture whose calls the names mean
 * @param defaultAction for calls that we know and no rule decides
 * @param rules in the order in which they are tried
 */
record SeccompProfile(Architecture architecture, Action defaultAction, List<Rule> rules) {
    SeccompProfile {
        requireNonNull(architecture, "architecture is null");
        requireNonNull(defaultAction, "defaultAction is null");
        rules = List.copyOf(rules);
    }

    /**
     * What happens to some calls.
     *
     * @param names of the calls; those that the architecture does not have are passed over
     * @param action what happens
     * @param conditions all of which must be true; none for every call of these names
     */
    record Rule(Set<String> names, Action action, List<Condition> conditions) {
        Rule {
            names = Set.copyOf(names);
            requireNonNull(action, "action is null");
            conditions = List.copyOf(conditions);
        }
    }

    /** Our own policy. */
    static SeccompProfile standard(Architecture architecture) {
        return new SeccompProfile(architecture, StandardProfile.DEFAULT, StandardProfile.rules());
    }

    /**
     * Reads a profile of Docker's or of the OCI runtime specification.
     *
     * @param capabilities of the sandbox: a profile of Docker's can depend on them
     */
    static SeccompProfile parse(String json, Architecture architecture, Set<String> capabilities) {
        return new ProfileParser(architecture, capabilities, kernel()).parse(json);
    }

    private static KernelVersion kernel() {
        return KernelVersion.running()
                .orElseThrow(() -> new SandboxException.Unsupported(
                        "this kernel's version is " + System.getProperty("os.version"),
                        "Cay compares profiles with versions such as 6.18"));
    }

    /**
     * For numbers that our table does not have: gaps, and calls of kernels newer than the table. A C library that tries
     * a new call takes ENOSYS for "old kernel" and falls back to the old call, but EPERM for an answer, and gives up. A
     * profile that lets everything pass that it does not name means these as well.
     */
    Action unknownAction() {
        return switch (defaultAction) {
            case Action.Allow allow -> allow;
            case Action.Log log -> log;
            case Action.Errno _, Action.Trap _, Action.KillThread _, Action.KillProcess _ -> new Action.Errno(ENOSYS);
        };
    }
}
