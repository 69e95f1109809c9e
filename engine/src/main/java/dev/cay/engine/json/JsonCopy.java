package dev.cay.engine.json;

import dev.cay.engine.json.JsonTokens.Token;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Copies JSON that has been read before, with a change. */
public final class JsonCopy {
    private JsonCopy() {}

    /**
     * The same text with other texts in one array, which it has.
     *
     * @param object the name of an object in the outermost one
     * @param array the name of an array in that
     */
    public static byte[] withTexts(byte[] json, String object, String array, List<String> texts) {
        JsonTokens tokens =
                new JsonTokens(new String(json, StandardCharsets.UTF_8), "the document", "", JsonReader.MAXIMUM_DEPTH);
        tokens.next();
        goTo(tokens, object);
        tokens.next();
        goTo(tokens, array);
        String before = tokens.before();
        tokens.next();
        tokens.skip();
        String member = JsonWriter.object(out -> out.texts(array, texts));
        return (before + member.substring(1, member.length() - 1) + tokens.behind()).getBytes(StandardCharsets.UTF_8);
    }

    /** To the name of a field of the object that has just begun. */
    private static void goTo(JsonTokens tokens, String field) {
        while (tokens.next() == Token.NAME && !tokens.content().equals(field)) {
            tokens.next();
            tokens.skip();
        }
        if (tokens.token() != Token.NAME) {
            throw tokens.refused("it has no " + field, "");
        }
    }
}
