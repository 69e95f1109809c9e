package dev.cay.engine.agent;

import dev.cay.engine.json.JsonWriter;
import java.util.List;

/** What a peer that knows our frames says first, and what it is answered. */
final class Hello {
    static final int PROTOCOL = 1;

    /** What there is beyond the published frames. */
    private static final List<String> FEATURES = List.of(
            "exit-detail",
            "core",
            "rusage",
            "started",
            "attach",
            "stay-attached",
            "tar",
            "read-range",
            "owner",
            "append",
            "in-place");

    private Hello() {}

    /** @throws RefusalException if it speaks no version that there is */
    static void check(byte[] payload) throws RefusalException {
        int[] protocol = new int[1];
        JsonRequest.read(payload, "HELLO", (field, value) -> {
            if (field.equals("protocol")) {
                protocol[0] = value.number(field, Integer.MAX_VALUE);
                return true;
            }
            return false;
        });
        if (protocol[0] < PROTOCOL) {
            throw new RefusalException("HELLO names no protocol from 1 on");
        }
    }

    static String answer() {
        return JsonWriter.object(
                json -> json.field("protocol", PROTOCOL).field("agent", "cay").texts("features", FEATURES));
    }
}
