package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Sandbox;
import dev.cay.it.AgentClient.Ended;
import dev.cay.it.AgentClient.Frame;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What is the same in the rows of all ports. */
abstract class AgentRows {
    private static final Pattern EXECUTION = Pattern.compile("\"execution\":([0-9]+)");

    final Sandbox sandbox;
    final Path socket;
    final AgentConformance.Abilities abilities;

    AgentRows(Sandbox sandbox, Path socket, AgentConformance.Abilities abilities) {
        this.sandbox = sandbox;
        this.socket = socket;
        this.abilities = abilities;
    }

    /** The rows, in the order in which they are tried. */
    abstract Map<String, AgentConformance.Check> checks();

    AgentClient executions() throws IOException {
        return AgentClient.connect(socket, AgentClient.EXECUTIONS);
    }

    AgentClient files() throws IOException {
        return AgentClient.connect(socket, AgentClient.FILES);
    }

    static String shell(String script, String... more) {
        String fields = more.length == 0 ? "" : "," + String.join(",", more);
        return "{\"cmd\":[\"sh\",\"-c\",\"" + script.replace("\\", "\\\\").replace("\"", "\\\"") + "\"]" + fields + "}";
    }

    Ended run(String start) throws IOException {
        try (AgentClient client = executions()) {
            return client.send(AgentClient.START, start).ended();
        }
    }

    static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    static int number(Frame started) {
        Matcher matcher = EXECUTION.matcher(started.text());
        assertThat(matcher.find()).isTrue();
        return Integer.parseInt(matcher.group(1));
    }

    static byte[] time(Instant time) {
        return ByteBuffer.allocate(12)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(time.getEpochSecond())
                .putInt(time.getNano())
                .array();
    }
}
