package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.Exit;
import dev.cay.FilePath;
import dev.cay.ImageConfig;
import dev.cay.OutputKind;
import dev.cay.PublishedPort;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import dev.cay.Size;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Sandboxes that end with the process that made them, seen and entered by others. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class AttachedTest {
    private static final String NAME = "cay-it-attached";

    private static void await(BooleanSupplier condition) {
        long deadline = System.nanoTime() + 30_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertThat(System.nanoTime()).as("it does not come").isLessThan(deadline);
            LockSupport.parkNanos(5_000_000);
        }
    }

    private static Optional<SandboxInfo> listed(Sandboxes engine, String id) {
        return engine.list().stream().filter(info -> info.id().equals(id)).findFirst();
    }

    @Test
    void enteredByAnotherProcess(Sandboxes engine) throws Exception {
        try (OtherProcess owner = OtherProcess.start()) {
            String id = owner.tell("create-attached", NAME);
            SandboxInfo info = listed(engine, id).orElseThrow();
            assertThat(info.state()).isEqualTo(SandboxState.RUNNING);
            assertThat(info.spec().lifetime().detached()).isFalse();
            for (String name : List.of(id, NAME, id.substring(0, 8))) {
                try (Sandbox sandbox = engine.open(name)) {
                    assertThat(sandbox.id()).isEqualTo(id);
                    assertThat(sandbox.info().firstProcess()).isPresent();
                    assertThat(Lab.sh(sandbox, "hostname; echo $$ > /tmp/file")).isEqualTo(id);
                }
            }
            try (Sandbox sandbox = engine.open(NAME)) {
                sandbox.files().write("/tmp/in", "from outside".getBytes(StandardCharsets.UTF_8));
                assertThat(owner.tell("exec", NAME, "cat /tmp/in")).isEqualTo("exited 0 from outside");
                assertThat(sandbox.files().stat(FilePath.of("/tmp/file"), true).size())
                        .isPositive();
                assertThat(sandbox.usage().processes()).isPositive();
                assertThat(sandbox.exec(ExecSpec.builder("sleep", "1000")
                                        .timeout(Duration.ofMillis(100))
                                        .grace(Duration.ZERO)
                                        .build())
                                .exit()
                                .reason())
                        .isEqualTo(Exit.Reason.TIMEOUT);
                assertThat(sandbox.exec(ExecSpec.builder("stty", "size")
                                        .terminal(new dev.cay.TerminalSize(90, 30))
                                        .build())
                                .stdout())
                        .contains("30 90");
            }
        }
        assertThatThrownBy(() -> engine.open(NAME)).isInstanceOf(SandboxException.NotFound.class);
    }

    /** {@code cay cp} of trees, both ways. */
    @Test
    void treesGoInAndOut(Sandboxes engine) throws Exception {
        try (OtherProcess owner = OtherProcess.start()) {
            owner.tell("create-attached", NAME);
            try (Sandbox sandbox = engine.open(NAME)) {
                Lab.sh(sandbox, "mkdir -p /tmp/a/b; echo one > /tmp/a/b/file; ln -s b/file /tmp/a/link; mkdir /tmp/c");
                ByteArrayOutputStream packed = new ByteArrayOutputStream();
                sandbox.files().pack(FilePath.of("/tmp/a"), packed);
                sandbox.files().unpack(FilePath.of("/tmp/c"), new ByteArrayInputStream(packed.toByteArray()));
                assertThat(Lab.sh(sandbox, "diff -r --no-dereference /tmp/a /tmp/c/a 2>&1 || diff -r /tmp/a /tmp/c"))
                        .isEmpty();
                assertThat(owner.tell("exec", NAME, "cat /tmp/c/a/link || cat /tmp/c/link"))
                        .isEqualTo("exited 0 one");
            }
        }
    }

    /** {@code cay commit}. */
    @Test
    void anImageIsMadeOfWhatIsChangedInIt(Sandboxes engine) throws Exception {
        Path archive = Lab.directory().resolve("root.tar");
        Lab.onHost("tar", "-C", Lab.smallRoot().toString(), "--numeric-owner", "-cf", archive.toString(), ".");
        try (InputStream in = Files.newInputStream(archive)) {
            engine.images()
                    .importRoot(
                            in, Optional.of("cay-it/of"), ImageConfig.empty(ImageConfig.Platform.parse("linux/amd64")));
        }
        try (OtherProcess owner = OtherProcess.start()) {
            owner.tell("create-attached-of", NAME, "cay-it/of");
            owner.tell("exec", NAME, "echo changed > /changed");
            try (Sandbox sandbox = engine.open(NAME)) {
                engine.commit(sandbox, Optional.of("cay-it/changed"));
            }
        }
        try (Sandbox sandbox = engine.create(SandboxSpec.image("cay-it/changed").build())) {
            assertThat(sandbox.exec("/bin/sh", "-c", "cat /changed").stdout()).isEqualTo("changed\n");
        }
        engine.images().remove("cay-it/changed");
        engine.images().remove("cay-it/of");
    }

    /** {@code cay port} and {@code cay egress}. */
    @Test
    void itsPortsAreSetFromOutside(Sandboxes engine) {
        try (OtherProcess owner = OtherProcess.start()) {
            String id = owner.tell("create-attached-networked", NAME);
            PublishedPort port = PublishedPort.parse("127.0.0.1:18090:80");
            engine.networks().publish(NAME, port);
            assertThat(engine.networks().member(id).ports()).containsExactly(port);
            engine.networks().unpublish(NAME, port);
            assertThat(engine.networks().member(id).ports()).isEmpty();
        }
    }

    /** What others run in it is kept, as in a sandbox that outlives everybody, for as long as it lives. */
    @Test
    void whatOthersRunIsTakenUpAgain(Sandboxes engine) throws Exception {
        try (OtherProcess owner = OtherProcess.start()) {
            owner.tell("create-attached", NAME);
            int number;
            try (Sandbox sandbox = engine.open(NAME);
                    Execution execution = sandbox.start(ExecSpec.of("sh", "-c", "echo one; read x; echo got $x"))) {
                number = execution.id();
                assertThat(Lab.line(execution.stdout())).isEqualTo("one");
                execution.detach();
            }
            try (Sandbox sandbox = engine.open(NAME)) {
                assertThat(sandbox.executions()).extracting(ExecutionInfo::id).containsExactly(number);
                try (Execution again = sandbox.attach(number)) {
                    again.stdin().write("two\n".getBytes(StandardCharsets.UTF_8));
                    assertThat(Lab.rest(again.stdout())).isEqualTo("one\ngot two\n");
                    assertThat(again.await()).isEqualTo(Exit.exited(0));
                }
                assertThat(new String(sandbox.log(number, OutputKind.STDOUT, 4).bytes(), StandardCharsets.UTF_8))
                        .isEqualTo("got two\n");
            }
        }
    }

    @Test
    void theOwnersCommandIsSeenSignalledAndStopped(Sandboxes engine) {
        try (OtherProcess owner = OtherProcess.start()) {
            owner.tell(
                    "create-attached",
                    NAME,
                    "trap 'echo hup' HUP; trap 'echo term; exit 7' TERM; echo on; while :; do sleep 0.02; done");
            owner.tell("own-attached");
            assertThat(owner.tell("line", "0")).isEqualTo("on");
            try (Sandbox sandbox = engine.open(NAME)) {
                ExecutionInfo own = sandbox.executions().getFirst();
                assertThat(own.id()).isEqualTo(1);
                assertThat(own.command()).startsWith("sh", "-c");
                assertThat(Lab.sh(sandbox, "tr '\\0' ' ' </proc/" + own.pid() + "/cmdline"))
                        .startsWith("sh -c trap");
                assertThatThrownBy(sandbox::start).isInstanceOf(SandboxException.Conflict.class);
                assertThatThrownBy(() -> sandbox.attach(1)).isInstanceOf(SandboxException.Unsupported.class);
                assertThatThrownBy(() -> sandbox.log(1, OutputKind.STDOUT, 0))
                        .isInstanceOf(SandboxException.Unsupported.class);
                sandbox.signal(1, 1);
                assertThat(owner.tell("line", "0")).isEqualTo("hup");
                try (Execution other = sandbox.start(ExecSpec.of("sh", "-c", "echo on; setsid sleep 1000; exit 8"))) {
                    assertThat(Lab.line(other.stdout())).isEqualTo("on");
                    sandbox.stop(Duration.ofSeconds(20));
                    assertThat(other.await().signal()).isEqualTo(9);
                }
                assertThat(owner.tell("line", "0")).isEqualTo("term");
                assertThat(owner.tell("ended", "0")).isEqualTo("exited 7");
                assertThat(sandbox.executions()).noneMatch(info -> info.id() == 1);
                assertThat(Lab.sh(sandbox, "echo it lives")).isEqualTo("it lives");
            }
        }
    }

    @Test
    void oneWithoutANameIsSeenAfterAMoment(Sandboxes engine) {
        try (OtherProcess owner = OtherProcess.start()) {
            String id = owner.tell("create-attached", "-");
            await(() -> listed(engine, id).isPresent());
            try (Sandbox sandbox = engine.open(id)) {
                assertThat(Lab.sh(sandbox, "echo in")).isEqualTo("in");
            }
        }
    }

    @Test
    void theSameProcessOpensItsOwn(Sandboxes engine) {
        try (Sandbox own = engine.create(SandboxSpec.host().build())) {
            assertThat(engine.list()).extracting(SandboxInfo::id).contains(own.id());
            try (Sandbox same = engine.open(own.id())) {
                assertThat(Lab.sh(same, "echo two > /tmp/f; cat /tmp/f")).isEqualTo("two");
            }
            assertThat(Lab.sh(own, "cat /tmp/f"))
                    .as("letting go of it does not end it")
                    .isEqualTo("two");
        }
    }

    @Test
    void aNameBelongsToOneSandboxOfEitherKind(Sandboxes engine) {
        try (OtherProcess owner = OtherProcess.start()) {
            owner.tell("create-attached", NAME);
            for (SandboxSpec spec : List.of(SandboxSpec.host().name(NAME).build(), DetachedTest.named(NAME))) {
                assertThatThrownBy(() -> engine.create(spec))
                        .isInstanceOf(SandboxException.Conflict.class)
                        .hasMessageContaining(NAME);
            }
        }
        try (Sandbox sandbox = engine.create(DetachedTest.named(NAME));
                OtherProcess other = OtherProcess.start()) {
            other.order("create-attached", NAME);
            assertThat(other.answer().orElseThrow()).startsWith("failed conflict");
            sandbox.remove();
            other.tell("create-attached", NAME);
        }
    }

    @Test
    void removedByAnotherProcess(Sandboxes engine) {
        try (OtherProcess owner = OtherProcess.start()) {
            owner.tell("create-attached", NAME, "echo on; exec sleep 1000");
            owner.tell("own-attached");
            assertThat(owner.tell("line", "0")).isEqualTo("on");
            engine.open(NAME).remove();
            assertThatThrownBy(() -> engine.open(NAME)).isInstanceOf(SandboxException.NotFound.class);
            assertThat(owner.tell("ended", "0")).endsWith("9");
            engine.create(SandboxSpec.host().name(NAME).build()).close();
            owner.order("exec", NAME, "true");
            assertThat(owner.answer().orElseThrow()).startsWith("failed");
        }
    }

    /** It is gone with its owner at once; whoever was in it is told so, and the next who looks finds nothing of it. */
    @Test
    void theOwnerDiesWhileOthersAreInIt(Sandboxes engine) {
        try (OtherProcess owner = OtherProcess.start()) {
            String id = owner.tell("create-attached", NAME);
            Sandbox sandbox = engine.open(NAME);
            Execution execution = sandbox.start(ExecSpec.of("sleep", "1000"));
            owner.kill();
            assertThat(execution.await().signal()).isEqualTo(9);
            assertThatThrownBy(() -> sandbox.exec("true"))
                    .isInstanceOfAny(SandboxException.Closed.class, SandboxException.NotFound.class);
            assertThat(listed(engine, id)).isEmpty();
            assertThatThrownBy(() -> engine.open(NAME)).isInstanceOf(SandboxException.NotFound.class);
            execution.close();
            sandbox.close();
        }
    }

    /** What it ran goes on, as any command whose caller is gone, and goes with the sandbox. */
    @Test
    void aVisitorDies(Sandboxes engine) {
        try (Sandbox own =
                engine.create(SandboxSpec.host().name(NAME).memory(Size.mib(64)).build())) {
            try (OtherProcess visitor = OtherProcess.start()) {
                visitor.tell("start", NAME, "setsid sleep 1000 & echo on; exec sleep 1000");
                assertThat(visitor.tell("line", "0")).isEqualTo("on");
                visitor.kill();
                assertThat(visitor.orphans()).isEmpty();
            }
            assertThat(Lab.sh(own, "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 1000'"))
                    .isEqualTo("1");
        }
    }

    @Test
    void ownerAndVisitorsWorkInItAtOnce(Sandboxes engine) throws Exception {
        try (Sandbox own = engine.create(SandboxSpec.host().name(NAME).build());
                OtherProcess one = OtherProcess.start();
                OtherProcess two = OtherProcess.start();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Future<String>> results = new ArrayList<>();
            for (int i = 0; i < 20; i++) {
                int number = i;
                results.add(threads.submit(() -> Lab.sh(own, "echo here " + number)));
            }
            for (int i = 0; i < 10; i++) {
                for (OtherProcess other : List.of(one, two)) {
                    assertThat(other.tell("exec", NAME, "echo there " + i + "; exit " + i))
                            .isEqualTo("exited " + i + " there " + i);
                }
            }
            for (int i = 0; i < 20; i++) {
                assertThat(results.get(i).get()).isEqualTo("here " + i);
            }
        }
    }

    /** A visitor's command counts against the limits of the sandbox, and the end that they bring is told to all. */
    @Test
    void aVisitorUsesUpTheMemory(Sandboxes engine) {
        try (OtherProcess owner = OtherProcess.start()) {
            owner.tell("create-attached-small", NAME);
            try (Sandbox sandbox = engine.open(NAME)) {
                Exit exit = sandbox.exec("python3", "-c", "x = bytearray(200 << 20)")
                        .exit();
                assertThat(exit.reason()).isEqualTo(Exit.Reason.OOM);
            }
            owner.order("exec", NAME, "true");
            assertThat(owner.answer().orElseThrow()).startsWith("failed");
        }
    }
}
