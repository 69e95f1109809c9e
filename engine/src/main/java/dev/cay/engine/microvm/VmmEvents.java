package dev.cay.engine.microvm;

import java.nio.charset.StandardCharsets;

/**
 * What Cloud Hypervisor says on its event monitor: JSON objects, each on several lines. Of all that only the restart of the machine matters
 * here, as it is not wanted. Not thread-safe.
 */
final class VmmEvents {
    private static final String RESTART = "\"source\":\"vm\",\"event\":\"rebooting\"";

    private final Runnable onRestart;
    private final StringBuilder last = new StringBuilder();

    VmmEvents(Runnable onRestart) {
        this.onRestart = onRestart;
    }

    /** Takes what has come, in any pieces. */
    void accept(byte[] bytes, int length) {
        for (char c : new String(bytes, 0, length, StandardCharsets.ISO_8859_1).toCharArray()) {
            if (c > ' ') {
                last.append(c);
            }
        }
        if (last.indexOf(RESTART) >= 0) {
            onRestart.run();
        }
        last.delete(0, Math.max(0, last.length() - RESTART.length() + 1));
    }
}
