package dev.cay.engine.microvm;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** The last bytes of a console. Thread-safe. */
final class ConsoleTail {
    static final int SIZE = 64 * 1024;

    /** Of what is shown in an error. */
    private static final int LINES = 12;

    private final byte[] ring = new byte[SIZE];
    private long written;

    synchronized void add(byte[] bytes, int length) {
        for (int i = 0; i < length; i++) {
            ring[(int) (written % SIZE)] = bytes[i];
            written++;
        }
    }

    /** All that is kept; control characters but tabs and line ends are left out, so that a terminal can show it. */
    synchronized String text() {
        int length = (int) Math.min(written, SIZE);
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = ring[(int) ((written - length + i) % SIZE)];
        }
        StringBuilder text = new StringBuilder(length);
        for (char c : new String(bytes, StandardCharsets.UTF_8).toCharArray()) {
            if (c == '\n' || c == '\t' || !Character.isISOControl(c)) {
                text.append(c);
            }
        }
        return text.toString();
    }

    /** The last lines of a text. */
    static String lastLines(String text) {
        String[] lines = text.strip().split("\n");
        int from = Math.max(0, lines.length - LINES);
        return String.join("\n", java.util.Arrays.asList(lines).subList(from, lines.length));
    }

    /** What went wrong with a machine: how it ended, if it has, and the last that was said. */
    static IOException explained(Machine machine, IOException failure) {
        String end = machine.end().map(MachineEnd::text).orElse(failure.getMessage());
        String console = lastLines(machine.console());
        return new IOException(end + (console.isEmpty() ? "" : "\nthe console's last lines:\n" + console), failure);
    }
}
