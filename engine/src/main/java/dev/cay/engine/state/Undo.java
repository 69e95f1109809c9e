package dev.cay.engine.state;

import static java.util.Objects.requireNonNull;

/** How something is undone that has been done on this machine for a sandbox. */
public sealed interface Undo {
    /** Removes a control group and those below it. */
    record RemoveCgroup(String name) implements Undo {
        public RemoveCgroup {
            requireNonNull(name, "name is null");
        }
    }

    /** Gives back the user ids that are the sandbox's. */
    record ReleaseIds() implements Undo {}

    /** Kills a process, if it is still the same. */
    record KillProcess(ProcessIdentity process) implements Undo {
        public KillProcess {
            requireNonNull(process, "process is null");
        }
    }

    /** Gives back a sandbox's name. */
    record ReleaseName(String name) implements Undo {
        public ReleaseName {
            requireNonNull(name, "name is null");
        }
    }

    /** Takes a volume off a place of the host, and the sandbox off the volume's users. */
    record UnmountVolume(String volume, String path) implements Undo {
        public UnmountVolume {
            requireNonNull(volume, "volume is null");
            requireNonNull(path, "path is null");
        }
    }

    /** Takes the sandbox off its network, and gives back its addresses and ports. */
    record LeaveNetwork(String network) implements Undo {
        public LeaveNetwork {
            requireNonNull(network, "network is null");
        }
    }

    /** Takes the sandbox off the users of its image. */
    record ReleaseImage() implements Undo {}
}
