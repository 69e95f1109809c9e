package dev.cay.cli;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/** One JSON object on a line of its own: so do all commands write what programs read. */
final class JsonLine {
    private static final int BUFFER = 8 * 1024;

    private JsonLine() {}

    /** The fields of an object. */
    interface Fields {
        void writeTo(Json json) throws IOException;
    }

    static void print(Streams streams, Fields fields) {
        try {
            OutputStream out = new BufferedOutputStream(streams.out(), BUFFER);
            Json json = new Json(out).begin();
            fields.writeTo(json);
            json.end();
            out.write('\n');
            out.flush();
        } catch (IOException e) {
            throw streams.failure(Streams.OUT, e);
        }
    }
}
