package dev.cay.engine.agent;

import dev.cay.engine.json.JsonReader;
import java.nio.charset.StandardCharsets;

/**
 * A line of port 54, such as {@code {"id":1,"request":"ping"}}.
 *
 * @param id what the answer is to carry, so that it is known whose it is
 * @param request what is asked for
 * @param execution for {@code signal}: the number of a command
 * @param signal for {@code signal}
 * @param seconds for {@code clock}: since 1970
 * @param nanoseconds for {@code clock}
 * @param graceMillis for {@code shutdown}: how long commands may take to end by themselves
 * @param thawAfterSeconds for {@code freeze}: how long file systems stand still if nobody says {@code thaw}
 */
record ControlRequest(
        long id,
        String request,
        int execution,
        int signal,
        long seconds,
        int nanoseconds,
        int graceMillis,
        int thawAfterSeconds) {
    private static final int MAXIMUM_GRACE = 3_600_000;
    private static final int LONGEST_STANDSTILL = 3600;
    private static final int USUAL_STANDSTILL = 60;

    static ControlRequest read(String line) throws RefusalException {
        Fields fields = new Fields();
        JsonRequest.read(line.getBytes(StandardCharsets.UTF_8), "the request", fields);
        return new ControlRequest(
                fields.id,
                fields.request,
                fields.execution,
                fields.signal,
                fields.seconds,
                fields.nanoseconds,
                fields.graceMillis,
                fields.thawAfterSeconds);
    }

    private static final class Fields implements JsonRequest.Fields {
        private long id;
        private String request = "";
        private int execution;
        private int signal;
        private long seconds = -1;
        private int nanoseconds;
        private int graceMillis;
        private int thawAfterSeconds = USUAL_STANDSTILL;

        @Override
        public boolean read(String field, JsonReader value) {
            switch (field) {
                case "id" -> id = value.number(field, Integer.MAX_VALUE);
                case "request" -> request = value.text(field);
                case "execution" -> execution = value.number(field, Integer.MAX_VALUE);
                case "signal" -> signal = value.number(field, 64);
                case "seconds" -> seconds = value.unsigned(field);
                case "nanos" -> nanoseconds = value.number(field, 999_999_999);
                case "graceMillis" -> graceMillis = value.number(field, MAXIMUM_GRACE);
                case "thawAfterSeconds" -> {
                    thawAfterSeconds = value.number(field, LONGEST_STANDSTILL);
                    if (thawAfterSeconds == 0) {
                        throw value.refused("file systems stand still for a second at least");
                    }
                }
                default -> {
                    return false;
                }
            }
            return true;
        }
    }
}
