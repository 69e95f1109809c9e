package dev.cay.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Sandbox;
import dev.cay.it.AgentClient.Ended;
import dev.cay.it.AgentClient.Frame;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Every row of the agent protocol, against a sandbox of any kind that has a shell. */
final class AgentConformance {
    private static final Pattern EXECUTION = Pattern.compile("\"execution\":([0-9]+)");

    private final Sandbox sandbox;
    private final Path socket;
    private final Abilities abilities;

    /**
     * What a kind of sandbox can do, and another cannot.
     *
     * @param shared whether other processes see its commands
     * @param clock whether it has a clock of its own
     * @param accounts whether it is known what each command has used
     */
    record Abilities(boolean shared, boolean clock, boolean accounts) {}

    /** One row. */
    interface Check {
        void run() throws IOException;
    }

    AgentConformance(Sandbox sandbox, Path socket, Abilities abilities) {
        this.sandbox = sandbox;
        this.socket = socket;
        this.abilities = abilities;
    }

    /** All rows, one after the other. */
    void run() throws IOException {
        for (Map.Entry<String, Check> check : checks().entrySet()) {
            try {
                check.getValue().run();
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError(check.getKey() + ": " + e.getMessage(), e);
            }
        }
    }

    private Map<String, Check> checks() {
        Map<String, Check> checks = new LinkedHashMap<>();
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
        checks.put("connection lost", this::lostConnectionKills);
        checks.put("CLOCK_SYNC", this::clock);
        checks.put("NET_RECONFIG", this::network);
        checks.put("WAIT_PORT", this::ports);
        checks.put("HELLO, STARTED, EXIT_DETAIL", this::details);
        checks.put("ATTACH", this::attach);
        checks.put("refusals", this::refusals);
        checks.put("FILE_WRITE and FILE_READ", this::contents);
        checks.put("a broken upload", this::brokenUpload);
        checks.put("FILE_STAT, FILE_LIST", this::listings);
        checks.put("MKDIR, MOVE, REMOVE", this::changes);
        checks.put("FILE_ERR", this::fileErrors);
        checks.put("FILE_WATCH", this::watch);
        checks.put("TAR", this::archives);
        checks.put("control", this::control);
        checks.put("shutdown", this::shutdown);
        return checks;
    }

    private AgentClient executions() throws IOException {
        return AgentClient.connect(socket, AgentClient.EXECUTIONS);
    }

    private AgentClient files() throws IOException {
        return AgentClient.connect(socket, AgentClient.FILES);
    }

    private static String shell(String script, String... more) {
        String fields = more.length == 0 ? "" : "," + String.join(",", more);
        return "{\"cmd\":[\"sh\",\"-c\",\"" + script.replace("\\", "\\\\").replace("\"", "\\\"") + "\"]" + fields + "}";
    }

    private Ended run(String start) throws IOException {
        try (AgentClient client = executions()) {
            return client.send(AgentClient.START, start).ended();
        }
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

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
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

    private static byte[] time(Instant time) {
        return ByteBuffer.allocate(12)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(time.getEpochSecond())
                .putInt(time.getNano())
                .array();
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
                    .matches(detail -> detail.contains("\"usage\":{\"cpuNanos\":") == abilities.accounts());
        }
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

    private static int number(Frame started) {
        Matcher matcher = EXECUTION.matcher(started.text());
        assertThat(matcher.find()).isTrue();
        return Integer.parseInt(matcher.group(1));
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

    private void contents() throws IOException {
        byte[] bytes = new byte[1_000_000];
        new Random(2).nextBytes(bytes);
        try (AgentClient client = files()) {
            client.send(AgentClient.WRITE, "{\"path\":\"/tmp/new/deep/file\",\"mode\":0}");
            client.upload(new ByteArrayInputStream(bytes)).next(AgentClient.ACK);
            assertThat(client.next().type()).isEqualTo(AgentClient.END);
        }
        assertThat(Lab.sh(sandbox, "stat -c '%a %u %s' /tmp/new/deep/file; stat -c %a /tmp/new/deep"))
                .isEqualTo("644 0 1000000\n755");
        try (AgentClient client = files()) {
            assertThat(client.send(AgentClient.READ, "{\"path\":\"/tmp/new/deep/file\"}")
                            .download())
                    .isEqualTo(bytes);
        }
        try (AgentClient client = files()) {
            client.send(AgentClient.READ, "{\"path\":\"/tmp/new/deep/file\",\"offset\":999990,\"length\":4}");
            assertThat(client.download()).isEqualTo(java.util.Arrays.copyOfRange(bytes, 999_990, 999_994));
        }
        try (AgentClient client = files()) {
            client.send(
                    AgentClient.WRITE,
                    "{\"path\":\"/tmp/new/deep/file\",\"mode\":448,\"uid\":7,\"gid\":8,\"atomic\":true}");
            client.upload(new ByteArrayInputStream("new".getBytes(UTF_8))).next(AgentClient.ACK);
        }
        assertThat(Lab.sh(sandbox, "stat -c '%a %u %g %s' /tmp/new/deep/file")).isEqualTo("700 7 8 3");
        for (String path : List.of("/tmp/new/deep/file", "/tmp/appended")) {
            try (AgentClient client = files()) {
                client.send(AgentClient.WRITE, "{\"path\":\"" + path + "\",\"append\":true}");
                client.upload(new ByteArrayInputStream("er".getBytes(UTF_8))).next(AgentClient.ACK);
            }
        }
        assertThat(Lab.sh(sandbox, "cat /tmp/new/deep/file; stat -c ' %a %u' /tmp/new/deep/file; cat /tmp/appended"))
                .isEqualTo("newer 700 7\ner");
        failed(AgentClient.WRITE, "{\"path\":\"/tmp/x\",\"atomic\":false}", "EINVAL");
    }

    private void brokenUpload() throws IOException {
        Lab.sh(sandbox, "mkdir /tmp/broken; echo old > /tmp/broken/file");
        try (AgentClient client = files()) {
            client.send(AgentClient.WRITE, "{\"path\":\"/tmp/broken/file\"}").send(AgentClient.DATA, new byte[100_000]);
        }
        try (AgentClient client = files()) {
            client.send(AgentClient.WRITE, "{\"path\":\"/tmp/broken/file\"}").send(AgentClient.DATA, new byte[10]);
            client.send(AgentClient.STDIN, "what?");
            assertThat(client.next(AgentClient.ERROR).text())
                    .startsWith("EIO: ")
                    .contains("STDIN");
        }
        assertThat(Lab.sh(
                        sandbox,
                        "while [ $(ls -A /tmp/broken | wc -l) != 1 ]; do sleep 0.05; done; cat /tmp/broken/file"))
                .isEqualTo("old");
    }

    private void listings() throws IOException {
        Lab.sh(
                sandbox,
                "mkdir /tmp/listed; cd /tmp/listed; echo 12345 > file; chmod 640 file; ln -s /no/where link; mkdir empty");
        try (AgentClient client = files()) {
            String stat = client.send(AgentClient.STAT, "{\"path\":\"/tmp/listed/file\"}")
                    .next(AgentClient.STAT_ANSWER)
                    .text();
            assertThat(stat)
                    .contains(
                            "\"name\":\"file\"",
                            "\"kind\":\"file\"",
                            "\"size\":6",
                            "\"mode\":416",
                            "\"uid\":0",
                            "\"gid\":0")
                    .containsPattern("\"mtime_secs\":[0-9]{10},\"mtime_nanos\":[0-9]+");
        }
        try (AgentClient client = files()) {
            assertThat(client.send(AgentClient.STAT, "{\"path\":\"/tmp/listed/link\"}")
                            .next(AgentClient.STAT_ANSWER)
                            .text())
                    .contains("\"kind\":\"symlink\"", "\"symlink_target\":\"/no/where\"");
        }
        assertThat(list("/tmp/listed"))
                .hasSize(1)
                .first()
                .asString()
                .startsWith("[{")
                .endsWith("}]")
                .contains("empty", "link", "file");
        assertThat(list("/tmp/listed/empty")).containsExactly("[]");
        Lab.sh(
                sandbox,
                "mkdir /tmp/many; cd /tmp/many; i=0; while [ $i -lt 1000 ]; do : > a-name-that-is-not-short-$i; i=$((i+1)); done");
        List<String> pages = list("/tmp/many");
        assertThat(pages).hasSizeGreaterThan(1);
        assertThat(String.join("", pages).split("\"name\":\"a-name-that-is-not-short-[0-9]+\"", -1))
                .hasSize(1001);
    }

    private List<String> list(String path) throws IOException {
        List<String> pages = new java.util.ArrayList<>();
        try (AgentClient client = files()) {
            client.send(AgentClient.LIST, "{\"path\":\"" + path + "\"}");
            Frame frame = client.next();
            for (; frame.type() == AgentClient.LIST_ANSWER; frame = client.next()) {
                pages.add(frame.text());
            }
            assertThat(frame.type()).as(frame.text()).isEqualTo(AgentClient.DONE);
        }
        return pages;
    }

    private void acknowledged(int type, String request) throws IOException {
        try (AgentClient client = files()) {
            client.send(type, request).next(AgentClient.ACK);
            assertThat(client.next().type()).isEqualTo(AgentClient.END);
        }
    }

    private void changes() throws IOException {
        acknowledged(AgentClient.MKDIR, "{\"path\":\"/tmp/made/below\"}");
        acknowledged(AgentClient.MKDIR, "{\"path\":\"/tmp/made/secret\",\"mode\":448}");
        assertThat(Lab.sh(sandbox, "stat -c %a /tmp/made /tmp/made/below /tmp/made/secret"))
                .isEqualTo("755\n755\n700");
        acknowledged(AgentClient.MOVE, "{\"from\":\"/tmp/made/below\",\"to\":\"/tmp/made/other\"}");
        acknowledged(AgentClient.REMOVE, "{\"path\":\"/tmp/made/other\"}");
        assertThat(Lab.sh(sandbox, "ls /tmp/made")).isEqualTo("secret");
        acknowledged(AgentClient.REMOVE, "{\"path\":\"/tmp/made\",\"recursive\":true}");
        assertThat(Lab.attempt(sandbox, "ls /tmp/made")).contains("No such file");
    }

    private void failed(int type, String request, String errno) throws IOException {
        try (AgentClient client = files()) {
            assertThat(client.send(type, request).next(AgentClient.ERROR).text())
                    .startsWith(errno + ": ");
            assertThat(client.next().type()).isEqualTo(AgentClient.END);
        }
    }

    private void fileErrors() throws IOException {
        failed(AgentClient.READ, "{\"path\":\"/no/such/file\"}", "ENOENT");
        failed(AgentClient.STAT, "{\"path\":\"/no/such/file\"}", "ENOENT");
        failed(AgentClient.LIST, "{\"path\":\"/etc/passwd\"}", "ENOTDIR");
        failed(AgentClient.MOVE, "{\"from\":\"/no/such/file\",\"to\":\"/tmp/x\"}", "ENOENT");
        failed(AgentClient.MOVE, "{\"path\":\"/no/such/file\",\"to\":\"/tmp/x\"}", "EINVAL");
        failed(AgentClient.READ, "{\"path\":7}", "EINVAL");
        failed(AgentClient.READ, "{\"path\":\"\"}", "EINVAL");
        failed(AgentClient.READ, "{\"path\":\"/etc/passwd\",\"offset\":-1}", "EINVAL");
        Lab.sh(sandbox, "mkdir -p /tmp/full/inner");
        failed(AgentClient.REMOVE, "{\"path\":\"/tmp/full\"}", "ENOTEMPTY");
        try (AgentClient client = files()) { // told behind all that was on its way, not by a broken connection
            client.send(AgentClient.WRITE, "{\"path\":\"/tmp/full\"}");
            client.upload(new ByteArrayInputStream(new byte[2_000_000]));
            assertThat(client.next(AgentClient.ERROR).text()).startsWith("EISDIR: ");
        }
    }

    private void watch() throws IOException {
        Lab.sh(sandbox, "mkdir -p /tmp/watched/below");
        try (AgentClient client = files()) {
            client.send(AgentClient.WATCH, "{\"path\":\"/tmp/watched\",\"recursive\":true}")
                    .next(AgentClient.ACK);
            Lab.sh(sandbox, "echo x > /tmp/watched/below/file");
            assertThat(client.next(AgentClient.EVENT).text())
                    .contains("\"kind\":\"created\"", "\"path\":\"/tmp/watched/below/file\"");
            Lab.sh(sandbox, "mv /tmp/watched/below/file /tmp/watched/renamed");
            Frame event = client.next(AgentClient.EVENT);
            while (!event.text().contains("renamed\"")) {
                event = client.next(AgentClient.EVENT);
            }
            assertThat(event.text())
                    .contains("\"path\":\"/tmp/watched/below/file\"", "\"renamed_to\":\"/tmp/watched/renamed\"");
        }
        failed(AgentClient.WATCH, "{\"path\":\"/no/such/directory\"}", "ENOENT");
    }

    private void archives() throws IOException {
        Lab.sh(sandbox, "mkdir -p /tmp/tree/below; echo content > /tmp/tree/below/file; ln -s below /tmp/tree/link");
        byte[] archive;
        try (AgentClient client = AgentClient.greeted(socket, AgentClient.FILES)) {
            archive = client.send(AgentClient.TAR_READ, "{\"path\":\"/tmp/tree\"}")
                    .download();
        }
        Lab.sh(sandbox, "mkdir /tmp/copy");
        try (AgentClient client = AgentClient.greeted(socket, AgentClient.FILES)) {
            client.send(AgentClient.TAR_WRITE, "{\"path\":\"/tmp/copy\"}");
            client.upload(new ByteArrayInputStream(archive)).next(AgentClient.ACK);
        }
        assertThat(Lab.sh(sandbox, "cat /tmp/copy/tree/link/file; readlink /tmp/copy/tree/link"))
                .isEqualTo("content\nbelow");
        try (AgentClient client = AgentClient.greeted(socket, AgentClient.FILES)) {
            client.send(AgentClient.TAR_WRITE, "{\"path\":\"/tmp/copy\"}");
            client.upload(new ByteArrayInputStream(new byte[] {1, 2, 3}));
            assertThat(client.next(AgentClient.ERROR).text()).isNotEmpty();
        }
    }

    private void control() throws IOException {
        try (AgentClient client = AgentClient.connect(socket, AgentClient.CONTROL)) {
            assertThat(client.line("{\"id\":1,\"request\":\"ping\"}")).isEqualTo("{\"id\":1,\"ok\":{\"pong\":true}}");
            assertThat(client.line("{\"id\":2,\"request\":\"inspect\"}"))
                    .startsWith("{\"id\":2,\"ok\":{\"sandbox\":\"" + sandbox.id() + "\"")
                    .contains("\"state\":\"", "\"usage\":{\"cpuNanos\":");
            assertThat(client.line("{\"id\":3,\"request\":\"executions\"}"))
                    .startsWith("{\"id\":3,\"ok\":{\"executions\":[");
            assertThat(client.line("{\"id\":4,\"request\":\"freeze\"}")).contains("\"code\":\"unsupported\"");
            assertThat(client.line("{\"id\":4,\"request\":\"thaw\"}")).contains("\"code\":\"unsupported\"");
            assertThat(client.line("{\"id\":5,\"request\":\"other\"}")).contains("\"code\":\"unsupported\"");
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
                    assertThat(client.line(signal)).isEqualTo("{\"id\":9,\"ok\":{}}");
                    assertThat(other.ended().signal()).isEqualTo(15);
                }
            }
            assertThat(client.line("[]")).contains("\"error\":{\"code\":\"invalid-request\"");
            assertThat(client.next().type()).isEqualTo(AgentClient.END);
        }
        try (AgentClient client = AgentClient.connect(socket, AgentClient.CONTROL)) {
            client.write("x".repeat(70_000).getBytes(UTF_8));
            assertThat(client.line()).contains("a line is longer than");
        }
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
