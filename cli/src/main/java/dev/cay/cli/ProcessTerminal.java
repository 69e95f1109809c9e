package dev.cay.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The terminal of this process. */
final class ProcessTerminal implements TerminalDevice {
    private static final int CHARACTER_DEVICE = 0020000;
    private static final int KIND = 0170000;

    @Override
    public boolean isTerminal(int descriptor) {
        try {
            Path file = Path.of("/proc/self/fd/" + descriptor);
            int mode = ((Number) Files.getAttribute(file, "unix:mode")).intValue();
            return (mode & KIND) == CHARACTER_DEVICE
                    && isTerminalDevice(((Number) Files.getAttribute(file, "unix:rdev")).longValue());
        } catch (IOException | UnsupportedOperationException | IllegalArgumentException e) {
            return false;
        }
    }

    @Override
    public RawTerminal raw() {
        return SttyTerminal.start();
    }

    /**
     * Tells terminals by their major number, since the JDK has no isatty(3) for a single stream.
     *
     * <p>From the kernel's admin-guide/devices.txt: 4 virtual consoles and serial lines, 5 /dev/tty and /dev/console, 136 to
     * 143 pseudo terminals, 166 and 188 USB, 204 the serial lines of small machines, 229 the consoles of virtual ones.
     */
    static boolean isTerminalDevice(long device) {
        int major = (int) (device >>> 8 & 0xFFF);
        return switch (major) {
            case 4, 166, 188, 204, 229 -> true;
            case 5 -> (device & 0xFF) <= 1;
            default -> major >= 136 && major <= 143;
        };
    }
}
