package dev.cay.engine.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecSpec;
import dev.cay.Exit;
import dev.cay.FilePath;
import dev.cay.TerminalSize;
import dev.cay.engine.Seeded;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** What peers ask for in JSON: what counts, what is passed over, what is refused. */
final class RequestsTest {
    private static final List<String> SAMPLES = List.of(
            "{\"cmd\":[\"sh\",\"-c\",\"true\"],\"env\":{\"A\":\"1\"},\"working_dir\":\"/tmp\",\"user\":\"0:0\",\"tty\":true,"
                    + "\"tty_width\":90,\"tty_height\":33,\"timeout_seconds\":3,\"on_disconnect\":\"keep\"}",
            "{\"execution\":3,\"from\":{\"stdout\":8,\"stderr\":9},\"on_disconnect\":\"kill\"}",
            "{\"port\":80,\"timeout_ms\":1000}",
            "{\"path\":\"/x\",\"mode\":420,\"uid\":1,\"gid\":2,\"atomic\":true,\"append\":false,\"offset\":1,\"length\":2}",
            "{\"from\":\"/a\",\"to\":\"/b\",\"recursive\":true}",
            "{\"id\":1,\"request\":\"signal\",\"execution\":2,\"signal\":9,\"seconds\":1,\"nanos\":2,\"graceMillis\":3}");

    private static final String DAMAGE = "\"{}[]:,0129x\\u\0\377-.e";

    private static StartRequest start(String json) throws RefusalException {
        return StartRequest.read(json.getBytes(UTF_8));
    }

    private static void refused(ThrowingCallable call, String reason) {
        assertThatThrownBy(call).isInstanceOf(RefusalException.class).hasMessageContaining(reason);
    }

    @Test
    void startIsRead() throws RefusalException {
        StartRequest request = start(SAMPLES.getFirst());
        assertThat(request.isKept()).isTrue();
        assertThat(request.command().command()).containsExactly("sh", "-c", "true");
        assertThat(request.command().environment()).isEqualTo(Map.of("A", "1"));
        assertThat(request.command().workingDirectory()).contains("/tmp");
        assertThat(request.command().user()).contains("0:0");
        assertThat(request.command().terminal()).contains(new TerminalSize(90, 33));
        assertThat(request.command().timeout()).contains(Duration.ofSeconds(3));
        assertThat(request.command().kept()).isEqualTo(StartRequest.KEPT);
    }

    @Test
    void whatIsAbsentHasItsUsualValue() throws RefusalException {
        for (String json : List.of(
                "{\"cmd\":[\"true\"]}",
                "{\"cmd\":[\"true\"],\"env\":null,\"working_dir\":\"\",\"user\":\"\",\"tty\":false,\"tty_width\":0,"
                        + "\"tty_height\":0,\"timeout_seconds\":0,\"more\":{\"a\":[1,null,{}]}}")) {
            StartRequest request = start(json);
            assertThat(request.isKept()).isFalse();
            ExecSpec command = request.command();
            assertThat(command.environment()).isEmpty();
            assertThat(command.workingDirectory()).isEmpty();
            assertThat(command.user()).isEmpty();
            assertThat(command.timeout()).isEmpty();
            assertThat(command.terminal()).isEmpty();
        }
        assertThat(start("{\"cmd\":[\"true\"],\"tty\":true}").command().terminal())
                .contains(TerminalSize.STANDARD);
    }

    @Test
    void whatIsOfAnotherTypeIsRefused() {
        refused(() -> start("{\"cmd\":[1]}"), "is not a string");
        refused(() -> start("{\"cmd\":[\"a\"],\"cmd\":[\"b\"]}"), "cmd");
        refused(() -> start("{\"cmd\":[\"a\"],\"tty\":\"yes\"}"), "tty is not true or false");
        refused(() -> start("{\"cmd\":[\"a\"],\"tty_width\":65536}"), "tty_width is not a number");
        refused(() -> start("{\"cmd\":[\"a\"],\"timeout_seconds\":1.5}"), "whole number");
        refused(() -> start("{\"cmd\":[\"a\"],\"on_disconnect\":\"wait\"}"), "neither keep nor kill");
        refused(() -> start("{\"cmd\":[]}"), "command is empty");
        refused(() -> StartRequest.read(new byte[] {'{', '"', (byte) 0xFF, '"', '}'}), "not UTF-8");
        refused(() -> PortWait.read("{}".getBytes(UTF_8)), "no port");
        refused(() -> AttachRequest.read("{}".getBytes(UTF_8)), "no execution");
        refused(() -> file(FrameType.FILE_MOVE_REQ, "{\"from\":\"/a\"}"), "does not name");
        refused(() -> file(FrameType.FILE_READ_REQ, "{\"path\":\"a\\u0000\"}"), "NUL");
        refused(() -> file(FrameType.FILE_WRITE_REQ, "{\"path\":\"a\",\"mode\":4096}"), "mode");
        refused(() -> file(FrameType.FILE_WRITE_REQ, "{\"path\":\"a\",\"atomic\":1}"), "atomic");
        refused(() -> ControlRequest.read("{\"request\":\"freeze\",\"thawAfterSeconds\":0}"), "a second at least");
        refused(() -> ControlRequest.read("{\"request\":\"freeze\",\"thawAfterSeconds\":3601}"), "thawAfterSeconds");
        refused(() -> Hello.check("{}".getBytes(UTF_8)), "protocol");
    }

    @Test
    void nestingHasABound() throws RefusalException {
        int deepest = JsonRequest.MAXIMUM_DEPTH - 1;
        assertThat(start("{\"cmd\":[\"a\"],\"x\":" + "[".repeat(deepest) + "]".repeat(deepest) + "}")
                        .command()
                        .command())
                .containsExactly("a");
        refused(
                () -> start("{\"cmd\":[\"a\"],\"x\":" + "[".repeat(deepest + 1) + "]".repeat(deepest + 1) + "}"),
                "depth");
        refused(() -> start("{\"x\":" + "{\"x\":".repeat(100_000)), "depth");
    }

    private static FileRequest file(FrameType type, String json) throws RefusalException {
        return FileRequest.read(type, json.getBytes(UTF_8));
    }

    @Test
    void filesAreNamed() throws RefusalException {
        FileRequest request = file(FrameType.FILE_WRITE_REQ, SAMPLES.get(3));
        assertThat(request.writing().mode()).isEqualTo(0644);
        assertThat(request.writing().user()).isEqualTo(OptionalLong.of(1));
        assertThat(request.offset()).isEqualTo(1);
        assertThat(request.length()).isEqualTo(2);
        request = file(FrameType.FILE_MOVE_REQ, SAMPLES.get(4));
        assertThat(request.path()).isEqualTo(FilePath.of("/a"));
        assertThat(request.to()).contains(FilePath.of("/b"));
        request = file(FrameType.FILE_READ_REQ, "{\"path\":\"x\",\"mode\":0}");
        assertThat(request.mode()).isEmpty();
        assertThat(request.length()).isEqualTo(Long.MAX_VALUE);
    }

    /** Whatever comes is read or refused. */
    @Test
    void damagedRequestsAreReadOrRefused() {
        Seeded.run(random -> {
            int read = 0;
            for (int i = 0; i < 5_000; i++) {
                byte[] json = SAMPLES.get(random.nextInt(SAMPLES.size())).getBytes(UTF_8);
                for (int j = random.nextInt(4); j > 0; j--) {
                    json[random.nextInt(json.length)] = (byte) DAMAGE.charAt(random.nextInt(DAMAGE.length()));
                }
                try {
                    readAny(json, random.nextInt(6));
                    read++;
                } catch (RefusalException e) {
                    assertThat(e.getMessage()).isNotEmpty();
                }
            }
            assertThat(read).isGreaterThan(250);
        });
    }

    private static void readAny(byte[] json, int which) throws RefusalException {
        switch (which) {
            case 0 -> StartRequest.read(json);
            case 1 -> AttachRequest.read(json);
            case 2 -> PortWait.read(json);
            case 3 -> FileRequest.read(FrameType.FILE_WRITE_REQ, json);
            case 4 -> FileRequest.read(FrameType.FILE_MOVE_REQ, json);
            default -> ControlRequest.read(new String(json, UTF_8));
        }
    }

    @Test
    void listenersAreFoundInTheKernelsTable() {
        PortWait wait = new PortWait(8080, Duration.ZERO);
        String line =
                "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0";
        assertThat(wait.isListener(line)).isTrue();
        assertThat(wait.isListener(line.replace(" 0A ", " 01 "))).isFalse();
        assertThat(wait.isListener(line.replace("1F90", "1F91"))).isFalse();
        assertThat(wait.isListener(
                        "  1: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0"))
                .isTrue();
        assertThat(wait.isListener("  sl  local_address rem_address   st tx_queue rx_queue"))
                .isFalse();
        assertThat(wait.isListener("")).isFalse();
    }

    @Test
    void handshakes() throws RefusalException {
        assertThat(Handshake.port("CONNECT 52")).isEqualTo(Port.EXECUTIONS);
        assertThat(Handshake.port("CONNECT 54")).isEqualTo(Port.CONTROL);
        for (String wrong :
                List.of("", "CONNECT", "CONNECT ", "connect 52", "CONNECT 52 ", "CONNECT +52", "CONNECT 52\r")) {
            refused(() -> Handshake.port(wrong), "CONNECT 52");
        }
        refused(() -> Handshake.port("CONNECT 9999999999"), "nothing is at port");
    }

    @Test
    void codesAreThoseOfAShell() {
        assertThat(List.of(
                                Exit.exited(7),
                                Exit.signalled(Exit.Reason.OOM, 9),
                                Exit.signalled(Exit.Reason.TIMEOUT, 15),
                                Exit.spawnFailed(2, "execve /x: ENOENT (step 9)"),
                                Exit.spawnFailed(13, "execve /x: EACCES (step 9)"),
                                Exit.spawnFailed(2, "openat2 /x: ENOENT (step 7)"))
                        .stream()
                        .map(ExitFrames::code)
                        .toList())
                .containsExactly(7, 137, 143, 127, 126, 125);
    }
}
