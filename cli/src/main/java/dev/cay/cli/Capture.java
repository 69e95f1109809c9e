package dev.cay.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.OptionalInt;

/** Keeps the beginning of what a command writes, for the JSON form. One thread writes; another may read after that. */
final class Capture extends ByteArrayOutputStream {
    private final long limit;
    private boolean truncated;

    Capture(long limit) {
        super(8 * 1024);
        this.limit = limit;
    }

    @Override
    public synchronized void write(int value) {
        write(new byte[] {(byte) value}, 0, 1);
    }

    @Override
    public synchronized void write(byte[] bytes, int offset, int length) {
        int kept = (int) Math.min(length, limit - count);
        super.write(bytes, offset, kept);
        truncated |= kept < length;
    }

    synchronized boolean truncated() {
        return truncated;
    }

    /** Writes it as a text if it is one, otherwise as base64 under a name that says so. */
    synchronized void writeTo(Json json, String name) throws IOException {
        OptionalInt text = textLength();
        if (text.isPresent()) {
            json.field(name, buf, text.getAsInt());
        } else {
            byte[] encoded = Base64.getEncoder().encode(toByteArray());
            json.field(name + "_base64", encoded, encoded.length);
        }
    }

    /** How many bytes are UTF-8, where a character that the limit has cut in two is left out; empty if it is not UTF-8. */
    private OptionalInt textLength() {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer bytes = ByteBuffer.wrap(buf, 0, count);
        CharBuffer decoded = CharBuffer.allocate(8 * 1024);
        CoderResult result;
        do {
            result = decoder.decode(bytes, decoded.clear(), !truncated);
        } while (result.isOverflow());
        return result.isError() ? OptionalInt.empty() : OptionalInt.of(bytes.position());
    }
}
