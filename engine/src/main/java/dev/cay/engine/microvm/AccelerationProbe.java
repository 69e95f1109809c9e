package dev.cay.engine.microvm;

import dev.cay.linux.Stub;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.Optional;

/**
 * Whether the processor can run guests of a kernel. A device that is there says little: within some virtual machines it opens and boots
 * nothing. So a guest is booted, once for each start of this machine, VMM and kernel, and what became of it is written down.
 *
 * @param device {@code /dev/kvm}
 * @param verdicts a directory that is empty after each start of this machine: a file for what has been tried, with why it
 *     does not work, or nothing if it does
 * @param patience how long a guest may take until its first process answers; by the processor it takes some tenths of a second
 */
record AccelerationProbe(Vmm vmm, Path device, Path verdicts, Duration patience) {
    static final Path KVM = Path.of("/dev/kvm");

    private static final Duration PATIENCE = Duration.ofSeconds(5);

    AccelerationProbe(Vmm vmm, Path verdicts) {
        this(vmm, KVM, verdicts, PATIENCE);
    }

    /** Makes the machine that is tried. */
    interface Guest {
        /** One without disks, run by the processor. */
        MachineSpec spec() throws IOException;
    }

    /**
     * Whether it can.
     *
     * @param key of the VMM and the kernel
     * @param guest asked if it is not known yet
     */
    boolean works(String key, Guest guest) throws IOException {
        if (!isOpen(device)) {
            return false;
        }
        Path file = verdicts.resolve(key);
        Optional<String> known = read(file);
        if (known.isEmpty()) {
            known = Optional.of(boot(guest.spec()));
            write(file, known.get());
        }
        return known.get().isEmpty();
    }

    static boolean isOpen(Path device) {
        return Files.isReadable(device) && Files.isWritable(device);
    }

    private static Optional<String> read(Path file) throws IOException {
        try {
            return Optional.of(Files.readString(file));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    private void write(Path file, String verdict) throws IOException {
        Files.createDirectories(verdicts);
        Path born = Files.createTempFile(verdicts, ".new-", "");
        Files.write(born, verdict.getBytes(StandardCharsets.UTF_8));
        Files.move(born, file, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Why a guest does not come up; nothing if it does. */
    private String boot(MachineSpec spec) {
        long deadline = System.nanoTime() + patience.toNanos();
        try (Machine machine = vmm.start(spec, new Origin.Boot());
                Stub stub = Stub.ofMachine(machine.channel(deadline), deadline)) {
            stub.ping();
            return "";
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }

    /** What has been found out on this machine, whatever was tried; empty if nothing has been. */
    static Optional<String> found(Path verdicts) throws IOException {
        if (!Files.isDirectory(verdicts)) {
            return Optional.empty();
        }
        Optional<String> worst = Optional.empty();
        try (var files = Files.newDirectoryStream(verdicts, "[!.]*")) {
            for (Path file : files) {
                String verdict = Files.readString(file);
                if (verdict.isEmpty()) {
                    return Optional.of("");
                }
                worst = Optional.of(verdict);
            }
        }
        return worst;
    }
}
