package dev.cay.engine.agent;

import java.nio.charset.StandardCharsets;

/** The first line of a connection, as VMMs with a hybrid vsock take it: {@code CONNECT 52}, answered by {@code OK 1024}. */
final class Handshake {
    /** The longest line that could be right is shorter. */
    static final int MAXIMUM_LINE = 32;

    private static final String CONNECT = "CONNECT ";
    private static final int MAXIMUM_DIGITS = 10;

    private Handshake() {}

    /**
     * Which port a line asks for.
     *
     * @param line without its end
     */
    static Port port(String line) throws RefusalException {
        String digits = line.startsWith(CONNECT) ? line.substring(CONNECT.length()) : "";
        if (digits.isEmpty()
                || digits.length() > MAXIMUM_DIGITS
                || !digits.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw new RefusalException("a connection begins with the line CONNECT 52, or 53 or 54");
        }
        return Port.of((int) Math.min(Long.parseLong(digits), Integer.MAX_VALUE))
                .orElseThrow(() -> new RefusalException(
                        "nothing is at port " + digits + ": 52 has executions, 53 files, 54 control"));
    }

    /** @param number tells connections apart, nothing else */
    static byte[] accepted(long number) {
        return ("OK " + number + "\n").getBytes(StandardCharsets.US_ASCII);
    }

    /** Who knows the handshake alone takes any other line for a refusal. */
    static byte[] refused(String reason) {
        return ("ERROR " + reason + "\n").getBytes(StandardCharsets.UTF_8);
    }
}
