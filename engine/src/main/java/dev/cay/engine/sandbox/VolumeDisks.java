package dev.cay.engine.sandbox;

import dev.cay.Mount;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.engine.state.VolumeStore;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/**
 * Volumes as disks of a microVM. A file system that two kernels have mounted is destroyed, so a volume is one's alone: no other sandbox
 * uses it, and no device of this machine has its file any more.
 */
record VolumeDisks(Supplier<VolumeStore> store) {
    private static final Path DEVICES = Path.of("/sys/block");

    /** What a container had mounted is taken down in the background. */
    private static final long PATIENCE_NANOSECONDS = 5_000_000_000L;

    private static final long LOOK_NANOSECONDS = 5_000_000;

    /**
     * Takes those of a sandbox.
     *
     * @return the file of each, by its name
     */
    Map<String, Path> use(SandboxSpec spec, String id) {
        Map<String, Path> files = new LinkedHashMap<>();
        try {
            for (Mount mount : spec.mounts()) {
                if (mount instanceof Mount.Named named && !files.containsKey(named.volume())) {
                    Path file = store.get().useAlone(named.volume(), id);
                    files.put(named.volume(), file);
                    awaitNoDevice(named.volume(), file);
                }
            }
        } catch (RuntimeException e) {
            release(spec, id);
            throw e;
        }
        return files;
    }

    /** Gives them back. */
    void release(SandboxSpec spec, String id) {
        for (Mount mount : spec.mounts()) {
            if (mount instanceof Mount.Named named) {
                store.get().release(named.volume(), id);
            }
        }
    }

    private static void awaitNoDevice(String volume, Path file) {
        long deadline = System.nanoTime() + PATIENCE_NANOSECONDS;
        while (StoredSandboxes.guarded(() -> hasDevice(file))) {
            if (System.nanoTime() - deadline >= 0) {
                throw new SandboxException.Conflict(
                        "the volume " + volume + " is mounted on this machine", "unmount it, or wait until it is");
            }
            LockSupport.parkNanos(LOOK_NANOSECONDS);
        }
    }

    private static boolean hasDevice(Path file) throws IOException {
        if (!Files.isDirectory(DEVICES)) {
            return false;
        }
        try (DirectoryStream<Path> devices = Files.newDirectoryStream(DEVICES, "loop*")) {
            for (Path device : devices) {
                if (backing(device).equals(file.toString())) {
                    return true;
                }
            }
        }
        return false;
    }

    /** The file of a loop device; none of this name if it has none. */
    private static String backing(Path device) {
        try {
            return Files.readString(device.resolve("loop/backing_file")).strip();
        } catch (IOException e) {
            return ""; // it is free, or has just become so
        }
    }
}
