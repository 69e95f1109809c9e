package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecSpec;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import dev.cay.SweepReport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What processes that died left is adopted if it lives, and removed if it does not. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SweepTest {
    private static final String NAME = "cay-it-sweep";

    private static Path record(Sandbox sandbox) {
        return DetachedState.SANDBOXES.resolve(sandbox.id()).resolve("state.json");
    }

    private static void killFirst(Sandbox sandbox) {
        long first = sandbox.info().firstProcess().orElseThrow();
        ProcessHandle.of(first).orElseThrow().destroyForcibly();
        for (int attempt = 0; attempt < 500 && Files.exists(Path.of("/proc/" + first)); attempt++) {
            java.util.concurrent.locks.LockSupport.parkNanos(10_000_000);
        }
    }

    @Test
    void whatLivesIsAdoptedAndLeftAlone(Sandboxes engine) {
        Sandbox sandbox = engine.create(DetachedTest.named(NAME));
        SandboxInfo before = sandbox.info();
        for (int i = 0; i < 3; i++) {
            SweepReport report = engine.sweep();
            assertThat(report.adopted()).contains(sandbox.id());
            assertThat(report.removed()).doesNotContain(sandbox.id());
        }
        assertThat(sandbox.info()).isEqualTo(before);
        assertThat(sandbox.exec("true").exit().success()).isTrue();
        sandbox.remove();
    }

    /** What a dead one held of the machine is given back; what it said stays until it is removed. */
    @Test
    void whatDiedGivesBackAllButItsRecord(Sandboxes engine) {
        DetachedState before = DetachedState.now();
        Sandbox sandbox = engine.create(DetachedTest.named(NAME));
        killFirst(sandbox);
        SweepReport report = engine.sweep();
        assertThat(report.failures()).isEmpty();
        assertThat(report.adopted()).doesNotContain(sandbox.id());
        assertThat(sandbox.info().state()).isEqualTo(SandboxState.DEAD);
        Set<String> left = new TreeSet<>(DetachedState.now().lines());
        left.removeAll(before.lines());
        assertThat(left)
                .filteredOn(line -> line.contains(sandbox.id()) || line.contains(NAME))
                .hasSize(2)
                .allMatch(line -> line.startsWith("record ") || line.startsWith("name "));
        sandbox.remove();
    }

    /** Its number has been given to another process: that is not touched. */
    @Test
    void aProcessThatOnlyHasTheNumberIsNotTaken(Sandboxes engine) throws Exception {
        Sandbox sandbox = engine.create(DetachedTest.named(NAME));
        Process innocent = new ProcessBuilder("sleep", "1000").start();
        try {
            String json = Files.readString(record(sandbox));
            String number = Long.toString(sandbox.info().firstProcess().orElseThrow());
            Files.writeString(
                    record(sandbox),
                    json.replaceFirst("(\"pid\":\\s*)" + number, "$1" + innocent.pid())
                            .replaceFirst("(\"startTime\":\\s*)[0-9]+", "$11")); // both may start in one clock tick
            assertThat(Files.readString(record(sandbox))).isNotEqualTo(json);
            assertThat(engine.sweep().adopted()).doesNotContain(sandbox.id());
            assertThat(sandbox.info().state()).isEqualTo(SandboxState.DEAD);
            assertThat(innocent.isAlive()).isTrue();
            sandbox.remove();
            assertThat(innocent.isAlive()).isTrue();
        } finally {
            innocent.destroyForcibly().waitFor();
            innocent.getInputStream().close();
            innocent.getErrorStream().close();
            innocent.getOutputStream().close();
        }
    }

    @Test
    void aDamagedRecordGoesWithItsSandbox(Sandboxes engine) throws IOException {
        for (String damage : new String[] {"", "{", "{}", "[1]", "\0\0\0"}) {
            Sandbox sandbox = engine.create(DetachedTest.named(NAME));
            Files.writeString(record(sandbox), damage);
            assertThat(engine.list()).extracting(SandboxInfo::id).doesNotContain(sandbox.id());
            assertThatThrownBy(() -> engine.open(NAME)).isInstanceOf(SandboxException.class);
            assertThat(engine.sweep().removed()).contains(sandbox.id());
            sandbox.close();
            assertThatThrownBy(() -> engine.open(NAME)).isInstanceOf(SandboxException.NotFound.class);
        }
    }

    /** Another version of Cay may know what to do with it. */
    @Test
    void theRecordOfAnotherVersionIsLeftAlone(Sandboxes engine) throws IOException {
        Sandbox sandbox = engine.create(DetachedTest.named(NAME));
        String json = Files.readString(record(sandbox));
        Files.writeString(record(sandbox), json.replaceFirst("(\"version\":\\s*)1", "$199"));
        SweepReport report = engine.sweep();
        assertThat(report.removed()).doesNotContain(sandbox.id());
        assertThatThrownBy(sandbox::info).isInstanceOf(SandboxException.Unsupported.class);
        Files.writeString(record(sandbox), json);
        assertThat(sandbox.exec("true").exit().success()).isTrue();
        sandbox.remove();
    }

    @Test
    void whatIsHalfMadeOrHalfGoneIsRemoved(Sandboxes engine) throws IOException {
        Path store = DetachedState.SANDBOXES;
        FileTime old = FileTime.from(Instant.now().minusSeconds(3600));
        Path born = Files.createDirectories(store.resolve(".new-0123456789ab"));
        Files.writeString(born.resolve("state.json"), "{");
        Files.setLastModifiedTime(born, old);
        Path young = Files.createDirectories(store.resolve(".new-0123456789ac"));
        Path gone = Files.createDirectories(store.resolve(".gone-0123456789ad/executions"));
        Files.writeString(gone.resolve("1"), "x");
        Path name = store.resolve("names/" + NAME);
        Files.createSymbolicLink(name, Path.of("0123456789ae"));
        assertThat(engine.sweep().failures()).isEmpty();
        assertThat(born).doesNotExist();
        assertThat(gone.getParent()).doesNotExist();
        assertThat(Files.isSymbolicLink(name)).isFalse();
        assertThat(young).exists(); // somebody may be at it
        Files.delete(young);
    }

    /** Nobody who is at work is disturbed by those who clean up. */
    @Test
    void sweepsWhileOthersWork(Sandboxes engine) throws Exception {
        try (OtherProcess other = OtherProcess.start();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            other.tell("engine");
            List<Future<String>> lives = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                lives.add(threads.submit(() -> {
                    StringBuilder said = new StringBuilder();
                    for (int round = 0; round < 5; round++) {
                        Sandbox sandbox =
                                engine.create(SandboxSpec.host().detached().build());
                        said.append(sandbox.exec("echo", "on").stdout().strip());
                        sandbox.remove();
                    }
                    return said.toString();
                }));
            }
            while (!lives.stream().allMatch(Future::isDone)) {
                // One that is just being removed may be removed by this; none that lives.
                assertThat(other.tell("sweep")).contains("failures=[]");
            }
            for (Future<String> life : lives) {
                assertThat(life.get()).isEqualTo("ononononon");
            }
        }
    }

    /** What the engine of a dead process had for itself is left over too. */
    @Test
    void aDeadMakersEngineGoesToo(Sandboxes engine) {
        Set<String> before = DetachedState.engines();
        Set<String> its;
        try (OtherProcess other = OtherProcess.start()) {
            other.tell("create", NAME);
            its = DetachedState.engines();
            its.removeAll(before);
            other.kill();
        }
        engine.sweep();
        Set<String> after = DetachedState.engines();
        engine.open(NAME).remove();
        assertThat(after).doesNotContainAnyElementsOf(its);
    }

    /** Whoever claimed them was killed before he wrote down that he had: no sandbox has the id that they are claimed for. */
    @Test
    void idsOfNobodyAreGivenBack(Sandboxes engine) throws IOException {
        Path claimed = Path.of("/run/cay/ranges/single-4095");
        Files.createSymbolicLink(claimed, Path.of("0123456789af"));
        try {
            assertThat(engine.sweep().failures()).isEmpty();
            assertThat(Files.isSymbolicLink(claimed)).isFalse();
        } finally {
            Files.deleteIfExists(claimed);
        }
    }

    /**
     * Whoever started the sandbox's own command was killed between two files that he wrote: that it runs is written, but not what
     * runs. Such a sandbox can be found, stopped, started and removed.
     */
    @Test
    void aStartOfWhichHalfIsWritten(Sandboxes engine) throws IOException {
        Sandbox sandbox = engine.create(SandboxSpec.host()
                .name(NAME)
                .detached()
                .command(ExecSpec.of("sleep", "1000"))
                .build());
        String json = Files.readString(record(sandbox));
        Files.writeString(
                record(sandbox),
                json.replaceFirst("(\"state\":\\s*)\"created\"", "$1\"running\"")
                        .replaceFirst("(\"generation\":\\s*)0", "$11"));
        assertThat(Files.readString(record(sandbox))).isNotEqualTo(json);
        try {
            engine.sweep();
            assertThat(engine.list()).extracting(SandboxInfo::id).contains(sandbox.id());
            try (Sandbox later = engine.open(NAME)) {
                later.stop(Duration.ZERO);
                assertThat(later.info().state()).isIn(SandboxState.CREATED, SandboxState.EXITED);
                later.start().close();
                later.remove();
            }
        } finally {
            sandbox.remove();
        }
    }
}
