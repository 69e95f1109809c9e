package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.OutputKind;
import dev.cay.OutputLog;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.Sandboxes;
import dev.cay.Size;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Commands of a detached sandbox are let go of and taken up again by number, with what they wrote last. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class AttachTest {
    private static final String NAME = "cay-it-attach";

    private Sandboxes engine;
    private Sandbox sandbox;

    @BeforeEach
    void make() {
        engine = Sandboxes.local();
        sandbox = engine.create(DetachedTest.named(NAME));
    }

    @AfterEach
    void remove() {
        sandbox.remove();
        engine.close();
    }

    private int letGo(ExecSpec command, String untilLine) {
        try (Execution execution = sandbox.start(command)) {
            assertThat(Lab.line(execution.stdout())).isEqualTo(untilLine);
            execution.detach();
            return execution.id();
        }
    }

    private void awaitEnd(int number) {
        while (sandbox.executions().stream()
                .anyMatch(info -> info.id() == number && info.exit().isEmpty())) {
            java.util.concurrent.locks.LockSupport.parkNanos(5_000_000);
        }
    }

    @Test
    void fromOneProcessToAnotherAndBack() throws IOException {
        String number;
        try (OtherProcess other = OtherProcess.start()) {
            number = other.tell("start", NAME, "echo begun; while read x; do echo got $x; done; echo end; exit 4");
            assertThat(other.tell("line", "0")).isEqualTo("begun");
            other.tell("write", "0", "one");
            assertThat(other.tell("line", "0")).isEqualTo("got one");
            other.kill();
        }
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("attach", NAME, number);
            assertThat(other.tell("line", "0")).isEqualTo("begun");
            assertThat(other.tell("line", "0")).isEqualTo("got one");
            other.tell("write", "0", "two");
            assertThat(other.tell("line", "0")).isEqualTo("got two");
            other.kill();
        }
        try (Execution execution = sandbox.attach(Integer.parseInt(number))) {
            execution.stdin().write("three\n".getBytes(StandardCharsets.UTF_8));
            execution.stdin().close();
            assertThat(Lab.rest(execution.stdout())).isEqualTo("begun\ngot one\ngot two\ngot three\nend\n");
            assertThat(execution.await()).isEqualTo(Exit.exited(4));
        }
    }

    @Test
    void whoAttachesTakesItAwayFromWhoHadIt() throws IOException {
        try (Execution first = sandbox.start(ExecSpec.of("sh", "-c", "echo on; while read x; do echo got $x; done"))) {
            assertThat(Lab.line(first.stdout())).isEqualTo("on");
            Sandbox elsewhere = engine.open(NAME);
            try (Execution second = elsewhere.attach(first.id())) {
                assertThatThrownBy(first::await).isInstanceOf(SandboxException.Conflict.class);
                assertThatThrownBy(() -> first.stdout().readAllBytes()).isInstanceOf(SandboxException.Conflict.class);
                second.stdin().write("it\n".getBytes(StandardCharsets.UTF_8));
                assertThat(Lab.line(second.stdout())).isEqualTo("on");
                assertThat(Lab.line(second.stdout())).isEqualTo("got it");
                second.stdin().close();
                assertThat(second.await()).isEqualTo(Exit.exited(0));
            }
            elsewhere.close();
            first.detach();
        }
    }

    /** Who lost a command to somebody else and closes it does not kill it. */
    @Test
    void whoLostItDoesNotEndIt() {
        Execution first = sandbox.start(ExecSpec.of("sh", "-c", "echo on; exec sleep 1000"));
        assertThat(Lab.line(first.stdout())).isEqualTo("on");
        Sandbox elsewhere = engine.open(NAME);
        try (Execution second = elsewhere.attach(first.id())) {
            assertThatThrownBy(first::await).isInstanceOf(SandboxException.Conflict.class);
            first.close();
            assertThat(second.await(Duration.ofMillis(200))).isEmpty();
            second.kill();
            assertThat(second.await().signal()).isEqualTo(9);
        }
        elsewhere.close();
    }

    /** By default the last MiB of each stream; what nobody reads does not stop the command while nobody is attached. */
    @Test
    void theLastOfALongOutputIsKept() throws IOException {
        int number =
                letGo(ExecSpec.of("sh", "-c", "echo on; sleep 0.3; seq 1 700000; seq -f e%g 1 20 >&2; echo end"), "on");
        awaitEnd(number);
        OutputLog log = sandbox.log(number, OutputKind.STDOUT, 0);
        StringBuilder all = new StringBuilder("on\n");
        for (int i = 1; i <= 700_000; i++) {
            all.append(i).append('\n');
        }
        all.append("end\n");
        assertThat(log.next()).isEqualTo(all.length());
        assertThat(log.bytes()).hasSize(1 << 20);
        assertThat(new String(log.bytes(), StandardCharsets.UTF_8)).isEqualTo(all.substring(all.length() - (1 << 20)));
        assertThat(sandbox.log(number, OutputKind.STDERR, 0).bytes()).hasSizeGreaterThan(50);
        OutputLog tail = sandbox.log(number, OutputKind.STDOUT, log.next() - 4);
        assertThat(new String(tail.bytes(), StandardCharsets.UTF_8)).isEqualTo("end\n");
        assertThat(sandbox.log(number, OutputKind.STDOUT, log.next() + 1000).bytes())
                .isEmpty();
        try (Execution execution = sandbox.attach(number)) {
            assertThat(execution.stdout().readAllBytes()).hasSize(1 << 20);
            assertThat(execution.await()).isEqualTo(Exit.exited(0));
        }
    }

    @Test
    void howMuchIsKeptCanBeSaid() {
        for (long bytes : new long[] {0, 1, 8192, 4 << 20}) {
            ExecSpec command = ExecSpec.builder("sh", "-c", "echo on; sleep 0.1; seq 1 20000; echo end")
                    .kept(Size.bytes(bytes))
                    .build();
            int number = letGo(command, "on");
            awaitEnd(number);
            OutputLog log = sandbox.log(number, OutputKind.STDOUT, 0);
            assertThat(log.next()).as("%d kept", bytes).isEqualTo(3 + 108_894 + 4);
            assertThat((long) log.bytes().length)
                    .isBetween(Math.min(bytes, log.next()), Math.min(bytes + 4096, log.next()));
        }
    }

    /** No byte is lost or seen twice between what was kept and what comes. */
    @Test
    void nothingIsLostBetweenWhatWasAndWhatComes() throws IOException {
        int number = letGo(
                ExecSpec.of(
                        "sh",
                        "-c",
                        "echo on; i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo $i; done; " + "sleep 0.2; echo end"),
                "on");
        Random random = new Random(7);
        for (int round = 0; round < 15; round++) {
            try (Execution execution = sandbox.attach(number)) {
                int lines = random.nextInt(200);
                assertThat(Lab.line(execution.stdout())).isEqualTo("on");
                for (int line = 1; line <= lines; line++) {
                    assertThat(Lab.line(execution.stdout())).isEqualTo(Integer.toString(line));
                }
                execution.detach();
            }
        }
        StringBuilder all = new StringBuilder("on\n");
        for (int i = 1; i <= 4000; i++) {
            all.append(i).append('\n');
        }
        try (Execution execution = sandbox.attach(number)) {
            assertThat(Lab.rest(execution.stdout())).isEqualTo(all + "end\n");
            assertThat(execution.await()).isEqualTo(Exit.exited(0));
        }
    }

    @Test
    void inputIsStreamedAndHasAnEnd() throws IOException {
        byte[] input = new byte[3_000_000];
        new Random(11).nextBytes(input);
        try (Execution execution = sandbox.start(ExecSpec.of("sh", "-c", "cksum; echo over"))) {
            execution.stdin().write(input);
            execution.stdin().close();
            assertThat(Lab.line(execution.stdout())).endsWith(" 3000000");
            assertThat(Lab.line(execution.stdout())).isEqualTo("over");
            assertThat(execution.await()).isEqualTo(Exit.exited(0));
        }
        try (Execution execution =
                sandbox.start(ExecSpec.of("sh", "-c", "exec <&-; sleep 0.1; echo closed; sleep 0.3"))) {
            assertThat(Lab.line(execution.stdout())).isEqualTo("closed");
            assertThatThrownBy(() -> {
                        for (int i = 0; i < 100; i++) {
                            execution.stdin().write(new byte[65536]);
                        }
                    })
                    .isInstanceOf(IOException.class);
        }
    }

    @Test
    void whatIsNotThereIsNotFound() {
        for (int number : new int[] {-1, 0, 1, 99, Integer.MAX_VALUE}) {
            assertThatThrownBy(() -> sandbox.attach(number)).isInstanceOf(SandboxException.NotFound.class);
            assertThatThrownBy(() -> sandbox.log(number, OutputKind.STDOUT, 0))
                    .isInstanceOf(SandboxException.NotFound.class);
        }
    }
}
