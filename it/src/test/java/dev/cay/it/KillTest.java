package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Execution;
import dev.cay.ExecutionInfo;
import dev.cay.Exit;
import dev.cay.OutputKind;
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
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A process is killed, by SIGKILL, before every list of system calls that it runs, and before every change of a file below {@code
 * /run/cay}, to make a detached sandbox, to start a command in it, to stop it and to remove it. Whoever comes next finds a sandbox that works, or none, and after a sweep and the
 * removal of what lives nothing of it is left. Every list is tried: each is a JVM of about half a second, and there are few
 * enough of them.
 */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class KillTest {
    private static final String NAME = "cay-it-kill";
    private static final int ENOUGH = 200;

    /** Before what a process is killed. */
    private enum Step {
        LIST,
        FILE;

        /** What a process has that can be. */
        Map<String, String> environment() {
            return this == FILE ? FatalShim.environment() : Map.of();
        }

        void arm(OtherProcess process, int number) {
            if (this == FILE) {
                process.tell("look", "/cay-it-fatal-" + number);
            } else {
                process.tell("die-at", Integer.toString(number));
            }
        }
    }

    /** What is done in the other process, and what must be true of what it leaves. */
    private interface Check {
        void check(Sandboxes engine, SweepReport report) throws Exception;
    }

    /**
     * Tries an order that is killed at every place, until it is not. What the engine does with files in the background, and at its
     * close, is among the places.
     */
    private static int everywhere(Step step, Runnable preparation, String order, Check check) throws Exception {
        DetachedState before = DetachedState.now();
        Map<String, String> environment = step.environment();
        Set<String> wrong = new TreeSet<>();
        int number = 1;
        try (OtherProcess.Succession others =
                new OtherProcess.Succession(() -> OtherProcess.start(List.of(), environment))) {
            for (boolean killed = true; killed && number < ENOUGH; number++) {
                preparation.run();
                String place = "killed before step " + number;
                killed = isKilled(step, number, order, others.next(), failure -> wrong.add(place + ": " + failure));
                try (Sandboxes engine = Sandboxes.local()) {
                    SweepReport report = engine.sweep();
                    assertThat(report.failures()).isEmpty();
                    check.check(engine, report);
                } catch (AssertionError | SandboxException | java.util.NoSuchElementException e) {
                    wrong.add(place + ": " + e);
                }
                for (String failure : removeAll()) {
                    wrong.add(place + ", at removal: " + failure);
                }
                String difference = before.differenceFromNow();
                if (!difference.isEmpty()) {
                    wrong.add(place + ": " + difference);
                    before = DetachedState.now();
                }
            }
        }
        assertThat(wrong).as("of " + number + " places").isEmpty();
        return number - 1;
    }

    private static boolean isKilled(
            Step step, int number, String order, OtherProcess other, Consumer<String> failures) {
        try (other) {
            if (!order.equals("engine")) {
                other.tell("engine");
            }
            step.arm(other, number);
            other.order(order);
            if (other.answer().isEmpty()) {
                other.await();
                if (!other.orphans().isEmpty()) {
                    failures.accept("a child of its own lives on");
                }
            } else if (step == Step.LIST) {
                step.arm(other, 0);
            }
        }
        return other.await() != 0;
    }

    private static Set<String> removeAll() {
        Set<String> failures = new TreeSet<>();
        try (Sandboxes engine = Sandboxes.local()) {
            try {
                engine.open(NAME).remove();
            } catch (SandboxException.NotFound e) {
                // as it should be, if it is in no list either
            } catch (RuntimeException e) {
                failures.add(e.toString());
            }
        }
        return failures;
    }

    private static void make(String command) {
        try (Sandboxes engine = Sandboxes.local()) {
            SandboxSpec.Builder builder = SandboxSpec.host().name(NAME).detached();
            if (!command.isEmpty()) {
                builder.command(dev.cay.ExecSpec.of("sh", "-c", command));
            }
            engine.create(builder.build()).close();
        }
    }

    private static Optional<SandboxInfo> listed(Sandboxes engine) {
        return engine.list().stream().filter(info -> info.name().equals(NAME)).findFirst();
    }

    /** A command runs in it, and all that is known of the others can be asked. */
    private static void works(Sandbox sandbox) {
        assertThat(sandbox.exec("sh", "-c", "echo on").stdout()).isEqualTo("on\n");
        for (ExecutionInfo info : sandbox.executions()) {
            sandbox.log(info.id(), OutputKind.STDOUT, 0);
            try (Execution execution = sandbox.attach(info.id())) {
                assertThat(execution.id()).isEqualTo(info.id());
                execution.detach();
            }
        }
    }

    /** The holder of the first mounts is a process outside of all groups. */
    @ParameterizedTest
    @EnumSource
    void whileItBegins(Step step) throws Exception {
        Set<Long> before = strays();
        everywhere(step, () -> {}, "engine", (engine, report) -> {
            Set<Long> left = strays();
            left.removeAll(before);
            left.forEach(pid -> ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly));
            assertThat(left).as("first processes of nothing").isEmpty();
        });
    }

    /** First processes that are nobody's children and in no control group of ours. */
    private static Set<Long> strays() {
        Set<Long> strays = straysNow();
        for (int attempt = 0; attempt < 20 && !strays.isEmpty(); attempt++) {
            LockSupport.parkNanos(10_000_000);
            strays.retainAll(straysNow());
        }
        return strays;
    }

    private static Set<Long> straysNow() {
        Set<Long> strays = new TreeSet<>();
        ProcessHandle.allProcesses().map(ProcessHandle::pid).forEach(pid -> {
            Path directory = Path.of("/proc/" + pid);
            try {
                if (Files.readString(directory.resolve("cmdline")).startsWith("cay-init")
                        && Files.readString(directory.resolve("status")).contains("\nPPid:\t1\n")
                        && !Files.readString(directory.resolve("cgroup")).contains("/cay/")) {
                    strays.add(pid);
                }
            } catch (IOException e) {
                // it has just ended
            }
        });
        return strays;
    }

    @ParameterizedTest
    @EnumSource
    void whileItMakesOne(Step step) throws Exception {
        int places = everywhere(step, () -> {}, "create " + NAME, (engine, report) -> {
            Optional<SandboxInfo> info = listed(engine);
            if (info.isPresent()) {
                assertThat(report.adopted()).contains(info.get().id());
                try (Sandbox sandbox = engine.open(NAME)) {
                    works(sandbox);
                }
            } else {
                make(""); // the name is free
            }
        });
        assertThat(places).isGreaterThan(10);
    }

    @ParameterizedTest
    @EnumSource
    void whileItStartsACommand(Step step) throws Exception {
        int places =
                everywhere(step, () -> make(""), "start " + NAME + " echo begun; exec sleep 1000", (engine, report) -> {
                    try (Sandbox sandbox = engine.open(NAME)) {
                        assertThat(sandbox.info().state()).isEqualTo(SandboxState.RUNNING);
                        works(sandbox);
                        sandbox.stop(Duration.ZERO);
                        assertThat(sandbox.executions())
                                .allMatch(info -> info.exit().isPresent());
                    }
                });
        assertThat(places).isGreaterThan(3);
    }

    /** What was written down before it was done, and never was, is an end of the command. */
    @ParameterizedTest
    @EnumSource
    void whileItStartsTheSandboxesOwnCommand(Step step) throws Exception {
        int places = everywhere(step, () -> make("echo begun; exec sleep 1000"), "own " + NAME, (engine, report) -> {
            try (Sandbox sandbox = engine.open(NAME)) {
                works(sandbox);
                sandbox.stop(Duration.ZERO);
                assertThat(sandbox.info().state()).isIn(SandboxState.CREATED, SandboxState.EXITED);
                try (Execution execution = sandbox.start()) {
                    assertThat(Lab.line(execution.stdout())).isEqualTo("begun");
                    execution.kill();
                    assertThat(execution.await()).isEqualTo(Exit.signalled(Exit.Reason.KILLED, 9));
                }
            }
        });
        assertThat(places).isGreaterThan(3);
    }

    @ParameterizedTest
    @EnumSource
    void whileItStopsOne(Step step) throws Exception {
        int places = everywhere(
                step,
                () -> {
                    make("exec sleep 1000");
                    try (Sandboxes engine = Sandboxes.local();
                            Sandbox sandbox = engine.open(NAME);
                            Execution own = sandbox.start()) {
                        own.detach();
                    }
                },
                "stop " + NAME,
                (engine, report) -> {
                    try (Sandbox sandbox = engine.open(NAME)) {
                        works(sandbox);
                        sandbox.stop(Duration.ZERO);
                        assertThat(sandbox.info().state()).isEqualTo(SandboxState.EXITED);
                    }
                });
        assertThat(places).isGreaterThan(3);
    }

    @ParameterizedTest
    @EnumSource
    void whileItRemovesOne(Step step) throws Exception {
        int places = everywhere(step, () -> make("exec sleep 1000"), "remove " + NAME, (engine, report) -> {
            Optional<SandboxInfo> info = listed(engine);
            if (info.isPresent()) {
                try (Sandbox sandbox = engine.open(NAME)) {
                    works(sandbox);
                }
            }
        });
        assertThat(places).isGreaterThan(3);
    }
}
