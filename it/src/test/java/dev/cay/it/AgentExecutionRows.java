package dev.cay.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Sandbox;
import dev.cay.it.AgentClient.Ended;
import dev.cay.it.AgentClient.Frame;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Port 52, and the handshake before it. */
final class AgentExecutionRows extends AgentRows {
    AgentExecutionRows(Sandbox sandbox, Path socket, AgentConformance.Abilities abilities) {
        super(sandbox, socket, abilities);
    }

    @Override
    Map<String, AgentConformance.Check> checks() {
        Map<String, AgentConformance.Check> checks = new LinkedHashMap<>();
        checks.put("handshake", this::handshake);
        checks.put("START, STDOUT, STDERR, EXIT", this::commandsRun);
        checks.put("START in full", this::startInFull);
        checks.put("START refused", this::refusedStarts);
        checks.put("START that cannot be", this::unspawned);
        checks.put("STDIN and EOF", this::input);
        checks.put("tty, RESIZE", this::terminal);
        checks.put("SIGNAL", this::signals);
        checks.put("timeout_seconds", this::timeout);
        checks.put("EXIT is not delayed", this::exitIsNotDelayed);
        checks.put("stay_attached", this::descendantsAreHeard);
        checks.put("connection lost", this::lostConnectionKills);
        checks.put("CLOCK_SYNC", this::clock);
        checks.put("NET_RECONFIG", this::network);
        checks.put("WAIT_PORT", this::ports);
        checks.put("HELLO, STARTED, EXIT_DETAIL", this::details);
        checks.put("ATTACH", this::attach);
        checks.put("refusals", this::refusals);
        return checks;
    }

    private void handshake() throws IOException {
        for (String wrong :
                List.of("CONNECT 99", "CONNECT", "CONNECT 5x", "GET / HTTP/1.1", "CONNECT -1", "x".repeat(33))) {
            try (AgentClient client = AgentClient.silent(socket)) {
                client.write((wrong + "\n").getBytes(UTF_8));
                assertThat(client.line()).as(wrong).startsWith("ERROR ");
                assertThat(client.next().type()).isEqualTo(AgentClient.END);
            }
        }
        try (AgentClient client = AgentClient.silent(socket)) { // all in one write, as a VMM's client may do
            client.write("CONNECT 53\n$\0\0\0\0".getBytes(UTF_8));
            assertThat(client.line()).startsWith("OK ");
            client.next(AgentClient.ERROR);
        }
    }

    private void commandsRun() throws IOException {
        assertThat(run(shell("echo out; echo err >&2; exit 7")))
                .isEqualTo(new Ended("out\n", "err\n", 7, 0, List.of()));
        assertThat(
                        run("{\"cmd\":[\"true\"],\"env\":null,\"working_dir\":\"\",\"user\":\"\",\"tty\":false,\"tty_width\":0,"
                                        + "\"tty_height\":0,\"timeout_seconds\":0,\"what\":[[{\"is\":{}}],1.5]}")
                                .code())
                .isZero();
    }

    private void startInFull() throws IOException {
        Ended ended = run(shell(
                "pwd; id -u; id -g; echo $ONE-$TWO; echo $HOME",
                "\"env\":{\"ONE\":\"1\",\"TWO\":\"\\u00e4\"}",
                "\"working_dir\":\"/tmp\"",
                "\"user\":\"1000:1000\""));
        assertThat(ended.stdout()).startsWith("/tmp\n1000\n1000\n1-ä\n");
        assertThat(run(shell("echo $HOME $USER $LOGNAME $SHELL")).stdout()).matches("/[a-z]* root root /bin/[a-z]+\n");
        // session and process group of its own, no descriptors but three, default signals
        ended = run(shell("read -r line < /proc/self/stat; set -- $line; echo $1 $5 $6; ls /proc/self/fd"));
        assertThat(ended.stdout()).matches("([0-9]+) \\1 \\1\n0\n1\n2\n3\n");
        assertThat(run("{\"cmd\":[\"cat\",\"/proc/self/status\"]}").stdout())
                .contains("\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    }

    private void refusedStarts() throws IOException {
        for (String start : List.of(
                "{}",
                "{\"cmd\":[]}",
                "{\"cmd\":[\"\"]}",
                "{\"cmd\":\"true\"}",
                "{\"cmd\":[1]}",
                "{\"cmd\":[\"a\\u0000b\"]}",
                "{\"cmd\":[\"true\"],\"tty\":1}",
                "{\"cmd\":[\"true\"],\"env\":{\"A\":1}}",
                "{\"cmd\":[\"true\"],\"env\":{\"A=\":\"\"}}",
                "{\"cmd\":[\"true\"],\"user\":\"nobody-here\"}",
                "{\"cmd\":[\"true\"],\"timeout_seconds\":-1}",
                "{\"cmd\":[\"true\"],\"x\":" + "[".repeat(40) + "]".repeat(40) + "}",
                "{\"cmd\":[\"true\"]} more",
                "no JSON")) {
            Ended ended = run(start);
            assertThat(ended.code()).as(start).isEqualTo(126);
            assertThat(ended.stderr()).as(start).startsWith("cay: ").hasSizeGreaterThan(20);
        }
    }

    private void unspawned() throws IOException {
        assertThat(run("{\"cmd\":[\"/no/such/program\"]}").code()).isEqualTo(127);
        assertThat(run("{\"cmd\":[\"/etc/passwd\"]}").code()).isEqualTo(126);
        Ended ended = run("{\"cmd\":[\"true\"],\"working_dir\":\"/no/such/directory\"}");
        assertThat(ended.code()).isEqualTo(125);
        assertThat(ended.stderr()).contains("/no/such/directory").contains("ENOENT");
    }

    private void input() throws IOException {
        byte[] bytes = new byte[300_000];
        new Random(1).nextBytes(bytes);
        try (AgentClient client = executions()) {
            client.send(AgentClient.START, "{\"cmd\":[\"wc\",\"-c\"]}");
            client.send(AgentClient.STDIN, bytes).send(AgentClient.STDIN).send(AgentClient.STDIN, bytes);
            client.send(AgentClient.EOF);
            assertThat(client.ended().stdout().strip()).isEqualTo("600000");
        }
        try (AgentClient client = executions()) {
            client.send(AgentClient.START, "{\"cmd\":[\"sleep\",\"1000\"]}");
            client.send(AgentClient.EOF).send(AgentClient.STDIN, "late");
            Ended ended = client.ended();
            assertThat(ended.code()).isEqualTo(137);
            assertThat(ended.stderr()).contains("STDIN is out of order");
        }
    }

    private void terminal() throws IOException {
        try (AgentClient client = executions()) {
            client.send(
                    AgentClient.START,
                    shell(
                            "stty size; tty; trap 'stty size' WINCH; echo err >&2; echo on; cat; while :; do read x && break; done;"
                                    + " echo got $x",
                            "\"tty\":true",
                            "\"tty_width\":90",
                            "\"tty_height\":33"));
            client.awaitOutput("on\r\n");
            client.send(AgentClient.EOF); // ends cat, and nothing else
            client.send(AgentClient.RESIZE, (byte) 100, (byte) 0, (byte) 40, (byte) 0);
            client.awaitOutput("40 100\r\n");
            client.send(AgentClient.STDIN, "word\n");
            Ended ended = client.ended();
            assertThat(ended.stdout()).endsWith("got word\r\n");
            assertThat(ended.stderr()).isEmpty();
            assertThat(ended.code()).isZero();
        }
        assertThat(run(shell("stty size; tty; echo err >&2", "\"tty\":true")).stdout())
                .startsWith("24 80\r\n/dev/")
                .endsWith("err\r\n");
    }

    private void signals() throws IOException {
        try (AgentClient client = executions()) {
            client.send(
                    AgentClient.START,
                    shell("sh -c 'trap \"echo heard\" USR1; echo on; while :; do sleep 0.1; done' & wait"));
            client.awaitOutput("on\n");
            client.signal(10);
            Ended ended = client.ended(); // the shell dies of it, its child hears it
            assertThat(ended.code()).isEqualTo(128 + 10);
            assertThat(ended.signal()).isEqualTo(10);
        }
        for (int wrong : new int[] {0, 65, -9}) {
            try (AgentClient client = executions()) {
                client.send(AgentClient.START, "{\"cmd\":[\"sleep\",\"1000\"]}").signal(wrong);
                Ended ended = client.ended();
                assertThat(ended.stderr()).contains("signal " + wrong + " does not exist");
                assertThat(ended.code()).isEqualTo(137);
            }
        }
    }

    private void timeout() throws IOException {
        try (AgentClient client = AgentClient.greeted(socket, AgentClient.EXECUTIONS)) {
            client.send(AgentClient.START, "{\"cmd\":[\"sleep\",\"1000\"],\"timeout_seconds\":1}");
            client.next(AgentClient.STARTED);
            Ended ended = client.ended();
            assertThat(ended.code()).isEqualTo(128 + 15);
            assertThat(ended.signal()).isEqualTo(15);
            assertThat(ended.details()).singleElement().asString().contains("\"reason\":\"timeout\"");
        }
    }

    /** Neither by a descendant that has the pipes nor by input that nobody reads. */
    private void exitIsNotDelayed() throws IOException {
        assertThat(run(shell("sleep 1000 & echo on; exit 4"))).isEqualTo(new Ended("on\n", "", 4, 0, List.of()));
        try (AgentClient client = executions()) {
            client.send(AgentClient.START, shell("echo on; sleep 1; exit 3"));
            client.awaitOutput("on\n");
            Thread flood = Thread.ofVirtual().start(() -> {
                try {
                    while (true) {
                        client.send(AgentClient.STDIN, new byte[100_000]);
                    }
                } catch (IOException e) {
                    return; // it has ended
                }
            });
            Ended ended = client.ended();
            assertThat(ended.code()).isEqualTo(3);
            join(flood);
        }
    }

    /** Who has asked to stay attached hears descendants to the end, and takes them along when he leaves. */
    private void descendantsAreHeard() throws IOException {
        String later = shell("(sleep 1; echo late) & echo on; exit 4", "\"stay_attached\":true");
        assertThat(run(later)).isEqualTo(new Ended("on\nlate\n", "", 4, 0, List.of()));
        assertThat(run(shell("(sleep 1; echo late) & echo on; exit 4")))
                .isEqualTo(new Ended("on\n", "", 4, 0, List.of()));
        try (AgentClient client = executions()) {
            client.send(
                    AgentClient.START,
                    shell(
                            "rm -f /tmp/stays; sh -c 'echo $$ > /tmp/stays; exec sleep 1000' & "
                                    + "while ! test -s /tmp/stays; do sleep 0.02; done; echo on",
                            "\"stay_attached\":true"));
            client.awaitOutput("on\n");
        }
        assertThat(sandbox.exec("sh", "-c", "while kill -0 $(cat /tmp/stays) 2> /dev/null; do sleep 0.05; done")
                        .exit()
                        .code())
                .isZero();
    }

    private void lostConnectionKills() throws IOException {
        try (AgentClient client = executions()) {
            client.send(AgentClient.START, shell("echo $$ > /tmp/lost; echo on; exec sleep 1000"));
            client.awaitOutput("on\n");
        }
        assertThat(sandbox.exec("sh", "-c", "while kill -0 $(cat /tmp/lost) 2> /dev/null; do sleep 0.05; done")
                        .exit()
                        .code())
                .isZero();
        // In the middle of what is being written, and with input that nobody reads.
        try (AgentClient client = executions()) {
            client.send(AgentClient.START, shell("echo $$ > /tmp/lost; echo on; exec cat /dev/zero"));
            client.send(AgentClient.STDIN, new byte[50_000]);
            client.next(AgentClient.STDOUT);
        }
        assertThat(sandbox.exec("sh", "-c", "while kill -0 $(cat /tmp/lost) 2> /dev/null; do sleep 0.05; done")
                        .exit()
                        .code())
                .isZero();
    }

    private void clock() throws IOException {
        Instant wanted = Instant.now().plusSeconds(3600);
        try (AgentClient client = executions()) {
            Ended ended = client.send(AgentClient.CLOCK_SYNC, time(wanted)).ended();
            assertThat(ended.code()).isEqualTo(abilities.clock() ? 0 : -1);
            assertThat(ended.stderr().isEmpty()).isEqualTo(abilities.clock());
        }
        if (abilities.clock()) {
            assertThat(Long.parseLong(Lab.sh(sandbox, "date +%s"))).isGreaterThanOrEqualTo(wanted.getEpochSecond());
            try (AgentClient client = executions()) {
                assertThat(client.send(AgentClient.CLOCK_SYNC, time(Instant.now()))
                                .ended()
                                .code())
                        .isZero();
            }
        }
        try (AgentClient client = executions()) {
            Ended ended =
                    client.send(AgentClient.CLOCK_SYNC, time(Instant.EPOCH)).ended();
            assertThat(ended.code()).isEqualTo(-1);
            assertThat(ended.stderr()).startsWith("cay: ");
        }
    }

    private void network() throws IOException {
        try (AgentClient client = executions()) {
            Ended ended = client.send(
                            AgentClient.NET_RECONFIG,
                            "{\"ip\":\"10.0.0.2\",\"netmask\":\"255.255.255.0\",\"gateway\":\"10.0.0.1\"}")
                    .ended();
            assertThat(ended.code()).isEqualTo(-1);
            assertThat(ended.stderr()).startsWith("cay: unsupported");
        }
    }

    private void ports() throws IOException {
        try (AgentClient client = executions()) {
            client.send(AgentClient.WAIT_PORT, "{\"port\":7071,\"timeout_ms\":50}");
            assertThat(client.ended().code()).isEqualTo(1);
        }
        try (AgentClient server = executions();
                AgentClient client = executions()) {
            client.send(AgentClient.WAIT_PORT, "{\"port\":7070,\"timeout_ms\":60000}");
            server.send(AgentClient.START, "{\"cmd\":[\"busybox\",\"nc\",\"-l\",\"-p\",\"7070\"]}");
            assertThat(client.ended().code()).isZero();
        }
        try (AgentClient client = executions()) { // who leaves is not waited for
            client.send(AgentClient.WAIT_PORT, "{\"port\":7071,\"timeout_ms\":2000000000}");
        }
        for (String wrong : List.of("{}", "{\"port\":0}", "{\"port\":70000,\"timeout_ms\":1}", "{\"port\":\"80\"}")) {
            try (AgentClient client = executions()) {
                assertThat(client.send(AgentClient.WAIT_PORT, wrong).ended().code())
                        .isEqualTo(126);
            }
        }
    }

    private void details() throws IOException {
        try (AgentClient client = AgentClient.greeted(socket, AgentClient.EXECUTIONS)) {
            client.send(AgentClient.START, shell("kill -9 $$"));
            assertThat(client.next(AgentClient.STARTED).text()).contains("\"execution\":");
            Ended ended = client.ended();
            assertThat(ended.details())
                    .singleElement()
                    .asString()
                    .contains("\"reason\":\"signalled\"")
                    .contains("\"code\":137")
                    .contains("\"signal\":9")
                    .contains("\"core\":false") // as there may be none
                    .matches(detail -> detail.contains("\"usage\":{\"cpuNanos\":") == abilities.accounts());
        }
        rusage();
        try (AgentClient client = AgentClient.greeted(socket, AgentClient.EXECUTIONS)) {
            client.send(AgentClient.START, "{\"cmd\":[\"/no/such/program\"]}");
            Ended ended = client.ended(); // without STARTED
            assertThat(ended.details())
                    .singleElement()
                    .asString()
                    .contains("\"reason\":\"spawn-failed\"")
                    .contains("\"errno\":\"ENOENT\"")
                    .contains("\"step\":\"execve");
        }
        try (AgentClient client = AgentClient.greeted(socket, AgentClient.EXECUTIONS)) {
            Ended ended = client.send(AgentClient.START, "{}").ended();
            assertThat(ended.stderr()).isEmpty();
            assertThat(ended.details()).singleElement().asString().contains("\"message\":\"");
        }
        try (AgentClient client = executions()) {
            Ended ended = client.send(AgentClient.HELLO, "{\"protocol\":0}").ended();
            assertThat(ended.code()).isEqualTo(126);
        }
    }

    /** Of what its process used, and what that has waited for; also if it was kept. */
    private void rusage() throws IOException {
        String used = "x=12345678; i=0; while [ $i -lt 20 ]; do x=$x$x; i=$((i+1)); done; true | true"; // 8 MiB
        for (String policy : List.of("kill", "keep")) {
            try (AgentClient client = AgentClient.greeted(socket, AgentClient.EXECUTIONS)) {
                client.send(AgentClient.START, shell(used, "\"on_disconnect\":\"" + policy + "\""));
                client.next(AgentClient.STARTED);
                String detail = client.ended().details().getFirst();
                assertThat(detail).doesNotContain("\"core\"");
                for (String some : List.of("userNanos", "peakMemoryBytes", "minorFaults", "voluntarySwitches")) {
                    assertThat(detail).containsPattern("\"rusage\":\\{.*\"" + some + "\":[1-9]");
                }
                assertThat(detail)
                        .containsPattern("\"systemNanos\":[0-9]+,")
                        .containsPattern("\"majorFaults\":[0-9]+,\"readBytes\":[0-9]+,\"writtenBytes\":[0-9]+,")
                        .containsPattern("\"involuntarySwitches\":[0-9]+}");
            }
        }
    }

    private void attach() throws IOException {
        int number;
        try (AgentClient client = AgentClient.greeted(socket, AgentClient.EXECUTIONS)) {
            client.send(
                    AgentClient.START,
                    shell("echo 0123456789; while read x; do echo got $x; done; exit 6", "\"on_disconnect\":\"keep\""));
            Frame started = client.next(AgentClient.STARTED);
            if (abilities.shared()) {
                assertThat(started.text()).containsPattern("\"pid\":[1-9]");
            }
            number = number(started);
            client.awaitOutput("9\n");
            client.send(AgentClient.STDIN, "one\n");
            client.awaitOutput("got one\n");
        }
        try (AgentClient client = AgentClient.greeted(socket, AgentClient.EXECUTIONS)) {
            client.send(AgentClient.ATTACH, "{\"execution\":" + number + ",\"from\":{\"stdout\":8,\"stderr\":0}}");
            assertThat(client.next(AgentClient.STARTED).text()).contains("\"from\":{\"stdout\":8,\"stderr\":0}");
            client.send(AgentClient.STDIN, "two\n");
            client.awaitOutput("got two\n");
        }
        try (AgentClient client = AgentClient.greeted(socket, AgentClient.EXECUTIONS)) { // it survives that
            client.send(AgentClient.ATTACH, "{\"execution\":" + number + ",\"from\":{\"stdout\":80000}}");
            assertThat(client.ended().details()).singleElement().asString().contains("bytes so far");
        }
        AgentClient loser = AgentClient.greeted(socket, AgentClient.EXECUTIONS);
        loser.send(AgentClient.ATTACH, "{\"execution\":" + number + "}").next(AgentClient.STARTED);
        try (loser;
                AgentClient client = AgentClient.greeted(socket, AgentClient.EXECUTIONS)) {
            client.send(AgentClient.ATTACH, "{\"execution\":" + number + ",\"from\":{\"stdout\":8}}");
            client.next(AgentClient.STARTED);
            Ended lost = loser.ended();
            assertThat(lost.code()).isEqualTo(-1);
            assertThat(lost.details()).singleElement().asString().contains("conflict");
            client.send(AgentClient.EOF);
            Ended ended = client.ended();
            assertThat(ended.stdout()).isEqualTo("89\ngot one\ngot two\n");
            assertThat(ended.code()).isEqualTo(6);
            assertThat(ended.details()).singleElement().asString().contains("\"reason\":\"exited\"");
        }
        if (abilities.shared()) { // what is written of one that has ended
            try (AgentClient client = AgentClient.greeted(socket, AgentClient.EXECUTIONS)) {
                client.send(AgentClient.ATTACH, "{\"execution\":" + number + "}")
                        .next(AgentClient.STARTED);
                assertThat(client.ended().details())
                        .singleElement()
                        .asString()
                        .contains("\"code\":6", "\"usage\":{\"cpuNanos\":", "\"rusage\":{\"userNanos\":");
            }
        }
        try (AgentClient client = AgentClient.greeted(socket, AgentClient.EXECUTIONS)) {
            Ended ended =
                    client.send(AgentClient.ATTACH, "{\"execution\":999999}").ended();
            assertThat(ended.details()).singleElement().asString().contains("not-found");
        }
    }

    /** What a peer may not do ends its connection with a reason, and no other. */
    private void refusals() throws IOException {
        try (AgentClient witness = executions()) {
            witness.send(AgentClient.START, "{\"cmd\":[\"cat\"]}");
            for (byte[] wrong : List.of(
                    AgentClient.header(0x7F, 0),
                    AgentClient.header(AgentClient.STDIN, 1),
                    AgentClient.header(AgentClient.EXIT, 8),
                    AgentClient.header(AgentClient.WRITE, 2),
                    AgentClient.header(AgentClient.START, -1),
                    AgentClient.header(AgentClient.START, (16 << 20) + 1),
                    AgentClient.header(AgentClient.SIGNAL, 5),
                    AgentClient.header(AgentClient.CLOCK_SYNC, 11))) {
                try (AgentClient client = executions()) {
                    client.write(wrong);
                    Ended ended = client.ended();
                    assertThat(ended.code()).isEqualTo(126);
                    assertThat(ended.stderr()).startsWith("cay: ");
                }
            }
            for (int ours : new int[] {AgentClient.ATTACH, AgentClient.STARTED}) {
                try (AgentClient client = executions()) {
                    assertThat(client.send(ours, "{}").ended().stderr()).contains("HELLO");
                }
            }
            try (AgentClient client = files()) {
                client.send(AgentClient.TAR_READ, "{\"path\":\"/etc\"}");
                assertThat(client.next(AgentClient.ERROR).text())
                        .startsWith("EINVAL: ")
                        .contains("HELLO");
            }
            try (AgentClient client = executions()) { // half a frame
                client.write(new byte[] {1, 9, 0});
            }
            try (AgentClient client = executions()) {
                client.write(AgentClient.header(AgentClient.START, 1000));
            }
            witness.send(AgentClient.STDIN, "here").send(AgentClient.EOF);
            assertThat(witness.ended()).isEqualTo(new Ended("here", "", 0, 0, List.of()));
        }
    }
}
