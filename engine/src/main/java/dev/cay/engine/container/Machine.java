package dev.cay.engine.container;

import dev.cay.SandboxException;
import dev.cay.linux.KernelVersion;
import java.io.IOException;

/** What this machine must have for containers, asked before anything is done, so that what is missing can be named. */
final class Machine {
    /** The first that lets detached mounts be layers of an overlay, and of which all else is known to work. */
    static final KernelVersion OLDEST = new KernelVersion(6, 15);

    private Machine() {}

    /**
     * Refuses a machine on which nothing would work.
     *
     * @throws SandboxException.Unsupported if something is missing
     */
    static void require() {
        if (KernelVersion.running()
                .filter(version -> version.compareTo(OLDEST) >= 0)
                .isEmpty()) {
            throw new SandboxException.Unsupported(
                    "Linux " + System.getProperty("os.version") + " is too old",
                    "Cay needs Linux " + OLDEST + " or newer");
        }
    }

    /**
     * Where its control groups are.
     *
     * @throws SandboxException.Unsupported if there are none
     */
    static Hierarchies hierarchies() throws IOException {
        return Hierarchies.detect()
                .orElseThrow(() -> new SandboxException.Unsupported(
                        "no cgroup2 file system is mounted", "mount -t cgroup2 none /sys/fs/cgroup"));
    }
}
