package dev.cay.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Sandbox;
import dev.cay.it.AgentClient.Ended;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Port 54. */
final class AgentControlRows extends AgentRows {
    AgentControlRows(Sandbox sandbox, Path socket, AgentConformance.Abilities abilities) {
        super(sandbox, socket, abilities);
    }

    @Override
    Map<String, AgentConformance.Check> checks() {
        Map<String, AgentConformance.Check> checks = new LinkedHashMap<>();
        checks.put("control", this::control);
        checks.put("activity", this::activity);
        checks.put("shutdown", this::shutdown);
        return checks;
    }

    private void control() throws IOException {
        try (AgentClient client = AgentClient.connect(socket, AgentClient.CONTROL)) {
            assertThat(client.line("{\"id\":1,\"request\":\"ping\"}")).isEqualTo("{\"id\":1,\"ok\":{\"pong\":true}}");
            assertThat(client.line("{\"id\":2,\"request\":\"inspect\"}"))
                    .startsWith("{\"id\":2,\"ok\":{\"sandbox\":\"" + sandbox.id() + "\"")
                    .contains("\"state\":\"", "\"usage\":{\"cpuNanos\":", "\"paused\":false")
                    .matches(answer -> answer.contains("\"machine\":{\"health\":\"healthy\"") == abilities.clock())
                    .matches(answer -> answer.contains("\"boot\":[{\"step\":\"limits\",") == abilities.clock());
            assertThat(client.line("{\"id\":3,\"request\":\"executions\"}"))
                    .startsWith("{\"id\":3,\"ok\":{\"executions\":[");
            for (String request : List.of("freeze", "thaw", "thaw")) { // its changes are memory, so there is no disk
                assertThat(client.line("{\"id\":4,\"request\":\"" + request + "\"}"))
                        .contains(abilities.clock() ? "\"id\":4,\"ok\":{\"disks\":[]}" : "\"code\":\"unsupported\"");
            }
            assertThat(client.line("{\"id\":5,\"request\":\"other\",\"thawAfterSeconds\":1}"))
                    .contains("\"code\":\"unsupported\"");
            assertThat(client.line("{\"id\":6,\"request\":\"signal\",\"execution\":999999,\"signal\":9}"))
                    .contains("\"id\":6,\"error\":{\"code\":\"not-found\"");
            String clock = "{\"id\":7,\"request\":\"clock\",\"seconds\":"
                    + Instant.now().getEpochSecond() + ",\"nanos\":0}";
            assertThat(client.line(clock)).startsWith(abilities.clock() ? "{\"id\":7,\"ok\":" : "{\"id\":7,\"error\":");
            if (abilities.shared()) {
                assertThat(client.line("{\"id\":8,\"request\":\"events\"}")).isEqualTo("{\"id\":8,\"ok\":{}}");
                try (AgentClient other = AgentClient.greeted(socket, AgentClient.EXECUTIONS)) {
                    other.send(AgentClient.START, "{\"cmd\":[\"sleep\",\"1000\"]}");
                    int number = number(other.next(AgentClient.STARTED));
                    String signal = "{\"id\":9,\"request\":\"signal\",\"execution\":" + number + ",\"signal\":15}";
                    assertThat(answer(client, signal)).isEqualTo("{\"id\":9,\"ok\":{}}");
                    assertThat(other.ended().signal()).isEqualTo(15);
                }
            }
            assertThat(answer(client, "[]")).contains("\"error\":{\"code\":\"invalid-request\"");
            assertThat(client.next().type()).isEqualTo(AgentClient.END);
        }
        try (AgentClient client = AgentClient.connect(socket, AgentClient.CONTROL)) {
            client.write("x".repeat(70_000).getBytes(UTF_8));
            assertThat(client.line()).contains("a line is longer than");
        }
    }

    /** Events come when they are seen, and so before it as well. */
    private static String answer(AgentClient client, String request) throws IOException {
        String line = client.line(request);
        while (line.startsWith("{\"event\":")) {
            line = client.line();
        }
        return line;
    }

    /** What is done is counted, and whoever only looks does nothing. */
    private void activity() throws IOException {
        try (AgentClient client = AgentClient.connect(socket, AgentClient.CONTROL)) {
            String idle = awaitActivity(client, "\"commands\":0,\"files\":0");
            assertThat(idle).containsPattern("\"last\":\"20[0-9-]+T[0-9:.]+Z\"");
            assertThat(activity(client)).isEqualTo(idle);
            try (AgentClient cat = executions();
                    AgentClient writer = files()) {
                cat.send(AgentClient.START, "{\"cmd\":[\"cat\"]}").send(AgentClient.STDIN, new byte[100_000]);
                writer.send(AgentClient.WRITE, "{\"path\":\"/tmp/counted\"}");
                String busy = awaitActivity(client, "\"commands\":1,\"files\":1");
                assertThat(busy).isNotEqualTo(idle);
                cat.send(AgentClient.EOF);
                assertThat(cat.ended().stdout()).hasSize(100_000);
                writer.send(AgentClient.DONE).next(AgentClient.ACK);
            }
            String after = awaitActivity(client, "\"commands\":0,\"files\":0");
            for (String bytes : List.of("receivedBytes", "sentBytes")) {
                assertThat(number(after, bytes) - number(idle, bytes)).isBetween(100_000L, 101_000L);
            }
        }
    }

    private static String activity(AgentClient client) throws IOException {
        String answer = client.line("{\"request\":\"inspect\"}");
        int at = answer.indexOf("\"activity\":{");
        assertThat(at).as(answer).isPositive();
        return answer.substring(at, answer.indexOf('}', at));
    }

    private static String awaitActivity(AgentClient client, String expected) throws IOException {
        String activity = activity(client);
        while (!activity.contains(expected)) { // those before are about to leave
            activity = activity(client);
        }
        return activity;
    }

    private static long number(String activity, String field) {
        String rest = activity.substring(activity.indexOf(field) + field.length() + 2);
        return Long.parseLong(rest.split("[^0-9]")[0]);
    }

    /** All commands end, asked first; the sandbox stays. */
    private void shutdown() throws IOException {
        try (AgentClient client = AgentClient.connect(socket, AgentClient.CONTROL);
                AgentClient polite = AgentClient.greeted(socket, AgentClient.EXECUTIONS);
                AgentClient stubborn = AgentClient.greeted(socket, AgentClient.EXECUTIONS)) {
            polite.send(
                    AgentClient.START,
                    shell("trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.1; done"));
            polite.next(AgentClient.STARTED);
            assertThat(polite.next(AgentClient.STDOUT).text()).isEqualTo("ready\n");
            stubborn.send(AgentClient.START, shell("trap '' TERM; echo ready; while :; do sleep 0.1; done"));
            stubborn.next(AgentClient.STARTED);
            assertThat(stubborn.next(AgentClient.STDOUT).text()).isEqualTo("ready\n");
            assertThat(client.line("{\"id\":1,\"request\":\"shutdown\",\"graceMillis\":1000}"))
                    .isEqualTo("{\"id\":1,\"ok\":{}}");
            Ended asked = polite.ended();
            assertThat(asked.code()).isEqualTo(3);
            assertThat(asked.stdout()).isEqualTo("asked\n");
            assertThat(stubborn.ended().signal()).isEqualTo(9);
        }
    }
}
