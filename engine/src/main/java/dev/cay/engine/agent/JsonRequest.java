package dev.cay.engine.agent;

import dev.cay.SandboxException;
import dev.cay.engine.json.JsonReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Reads a JSON object of a peer: UTF-8, not deeper than 32, fields nobody knows passed over, wrong types refused. */
final class JsonRequest {
    static final int MAXIMUM_DEPTH = 32;

    /** Gets each field that is there and not null, and reads its value. */
    interface Fields {
        /** @return whether it knows the field, and has read its value */
        boolean read(String field, JsonReader value);
    }

    private JsonRequest() {}

    /** @param what the payload is, for messages */
    static void read(byte[] payload, String what, Fields fields) throws RefusalException {
        String text;
        try {
            text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(payload))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new RefusalException(what + " is not UTF-8");
        }
        try {
            JsonReader reader = JsonReader.bounded(text, what, "", MAXIMUM_DEPTH);
            reader.document(field -> {
                if (!fields.read(field, reader)) {
                    reader.skip();
                }
            });
        } catch (SandboxException.InvalidSpec e) {
            throw new RefusalException(e.getMessage());
        }
    }
}
