package dev.cay.engine.agent;

import dev.cay.engine.json.JsonReader;

/**
 * What ATTACH asks for.
 *
 * @param execution its number, from 1
 * @param stdout how many bytes of its output the peer has
 * @param stderr the same of its error
 * @param isKept whether the command outlives this connection too
 * @param stays as in {@link StartRequest}
 */
record AttachRequest(int execution, long stdout, long stderr, boolean isKept, boolean stays) {
    static AttachRequest read(byte[] payload) throws RefusalException {
        Fields fields = new Fields();
        JsonRequest.read(payload, "ATTACH", fields);
        if (fields.execution == 0) {
            throw new RefusalException("ATTACH names no execution");
        }
        return new AttachRequest(fields.execution, fields.stdout, fields.stderr, fields.kept, fields.stays);
    }

    private static final class Fields implements JsonRequest.Fields {
        private int execution;
        private long stdout;
        private long stderr;
        private boolean kept = true;
        private boolean stays;

        @Override
        public boolean read(String field, JsonReader value) {
            switch (field) {
                case "execution" -> execution = value.number(field, Integer.MAX_VALUE);
                case "from" -> value.object(field, name -> offset(name, value));
                case "on_disconnect" -> kept = StartRequest.isKept(value, field);
                case "stay_attached" -> stays = value.flag(field);
                default -> {
                    return false;
                }
            }
            return true;
        }

        private void offset(String name, JsonReader value) {
            switch (name) {
                case "stdout" -> stdout = position(name, value);
                case "stderr" -> stderr = position(name, value);
                default -> value.skip();
            }
        }

        private static long position(String name, JsonReader value) {
            long position = value.unsigned(name);
            if (position < 0) {
                throw value.refused(name + " is beyond what a stream can have");
            }
            return position;
        }
    }
}
