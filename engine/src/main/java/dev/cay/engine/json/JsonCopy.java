package dev.cay.engine.json;

import java.io.ByteArrayOutputStream;
import java.util.List;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/** Copies JSON that has been read before, with a change. */
public final class JsonCopy {
    private static final JsonFactory FACTORY = new JsonFactory();

    private JsonCopy() {}

    /**
     * The same text with other texts in one array.
     *
     * @param object the name of an object in the outermost one
     * @param array the name of an array in that
     */
    public static byte[] withTexts(byte[] json, String object, String array, List<String> texts) {
        ByteArrayOutputStream out = new ByteArrayOutputStream(json.length);
        try (JsonParser parser = FACTORY.createParser(ObjectReadContext.empty(), json);
                JsonGenerator generator = FACTORY.createGenerator(ObjectWriteContext.empty(), out)) {
            String outer = "";
            String inner = "";
            int depth = 0;
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token == JsonToken.PROPERTY_NAME) {
                    outer = depth == 1 ? parser.currentName() : outer;
                    inner = parser.currentName();
                }
                if (token == JsonToken.START_ARRAY && depth == 2 && outer.equals(object) && inner.equals(array)) {
                    generator.writeStartArray();
                    texts.forEach(generator::writeString);
                    generator.writeEndArray();
                    parser.skipChildren();
                    continue;
                }
                depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
                generator.copyCurrentEvent(parser);
            }
        }
        return out.toByteArray();
    }
}
