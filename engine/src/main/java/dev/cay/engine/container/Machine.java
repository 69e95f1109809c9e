package dev.cay.engine.container;

import dev.cay.SandboxException;
import dev.cay.linux.KernelVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What this machine must have for containers, asked before anything is done, so that what is missing can be named. */
final class Machine {
    /** The first that lets detached mounts be layers of an overlay, and of which all else is known to work. */
    static final KernelVersion OLDEST = new KernelVersion(6, 15);

    private Machine() {}

    /**
     * Where its control groups are.
     *
     * @throws SandboxException.Unsupported if something is missing
     */
    static Hierarchies require() throws IOException {
        if (KernelVersion.running()
                .filter(version -> version.compareTo(OLDEST) >= 0)
                .isEmpty()) {
            throw new SandboxException.Unsupported(
                    "Linux " + System.getProperty("os.version") + " is too old",
                    "Cay needs Linux " + OLDEST + " or newer");
        }
        if (((Number) Files.getAttribute(Path.of("/proc/self"), "unix:uid")).intValue() != 0) {
            throw new SandboxException.Unsupported("this process is not root's", "run it as root");
        }
        return Hierarchies.detect()
                .orElseThrow(() -> new SandboxException.Unsupported(
                        "no cgroup2 file system is mounted", "mount -t cgroup2 none /sys/fs/cgroup"));
    }
}
