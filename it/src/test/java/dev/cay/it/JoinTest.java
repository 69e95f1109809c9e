package dev.cay.it;

import static dev.cay.it.Lab.attempt;
import static dev.cay.it.Lab.install;
import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.SeccompPolicy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Nothing of this JVM ever joins a sandbox: its first process makes the others, which until their execve share the memory of a
 * program that knows nothing. Code in the sandbox that waits for them must get nothing of this JVM, and cannot hold it up; and
 * afterwards they have exactly the sandbox's walls.
 */
@ExtendWith(RootLane.class)
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class JoinTest {
    private static final int JOINS = 300;
    private static final int FEW_JOINS = 4;
    private static final ExecSpec BRIEF = ExecSpec.builder("true")
            .timeout(Duration.ofSeconds(2))
            .grace(Duration.ZERO)
            .build();

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void nothingOfTheJvmCanBeReadWhileAProcessJoins(boolean userNamespace, Sandboxes engine) {
        SandboxSpec spec = SandboxSpec.host().userNamespace(userNamespace).build();
        try (Sandbox sandbox = engine.create(spec)) {
            String spy = install(sandbox, "spy");
            try (Execution looking = sandbox.start(
                    ExecSpec.of(spy, "java", "libjvm", "surefire", System.getProperty("cay.root"), "dev.cay"))) {
                assertThat(Lab.line(looking.stdout())).isEqualTo("looking");
                for (int i = 0; i < JOINS; i++) {
                    assertThat(sandbox.exec("true").exit().success()).isTrue();
                }
                Lab.end(looking);
                String report = Lab.rest(looking.stdout());
                assertThat(looking.await().success()).isTrue();
                assertThat(report.lines())
                        .as("of the JVM was seen, its command line included")
                        .hasSize(1);
            }
        }
    }

    /** Pitfall of a shared memory: a process that is stopped while it joins would hold up the thread that made it. */
    @ParameterizedTest
    @CsvSource({"19,true", "19,false", "9,true", "11,true", "20,true"})
    void nobodyInTheSandboxCanHoldUpTheEngine(int signal, boolean userNamespace, Sandboxes engine) throws Exception {
        SandboxSpec spec = SandboxSpec.host().userNamespace(userNamespace).build();
        Sandbox sandbox = engine.create(spec);
        String pester = install(sandbox, "pester");
        Execution pestering = sandbox.start(ExecSpec.of(pester, Integer.toString(signal)));
        assertThat(Lab.line(pestering.stdout())).isEqualTo("pestering");
        List<Execution> started = new ArrayList<>();
        Thread joins = Thread.ofPlatform().daemon().start(() -> {
            try {
                for (int i = 0; i < FEW_JOINS; i++) {
                    started.add(sandbox.start(BRIEF));
                }
            } catch (SandboxException.Closed e) {
                return; // only after it has been held up
            }
        });
        // Each of them may be stopped, and is killed when its time is over.
        boolean heldUp = !joins.join(Duration.ofSeconds(60));
        // Whatever happened, the sandbox can be ended, and with it whoever was held up.
        Thread closes = Thread.ofPlatform().daemon().start(sandbox::close);
        boolean stuck = !closes.join(Duration.ofSeconds(30));
        if (stuck) {
            killAll(sandbox.id());
            closes.join();
        }
        joins.join();
        started.forEach(Execution::close);
        assertThat(heldUp)
                .as("a stopped process held up the thread that starts commands")
                .isFalse();
        assertThat(stuck).as("and the closing of its sandbox").isFalse();
    }

    /** What a sandbox does to the processes that join it must not reach the others. */
    @Test
    void aSandboxThatStopsItsCommandsDoesNotHoldUpOthers(Sandboxes engine) throws Exception {
        Sandbox hostile = engine.create(SandboxSpec.host().build());
        Execution pestering = hostile.start(ExecSpec.of(install(hostile, "pester"), "19"));
        assertThat(Lab.line(pestering.stdout())).isEqualTo("pestering");
        List<Thread> joins = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            joins.add(Thread.ofVirtual().start(() -> {
                try {
                    for (int join = 0; join < JOINS / 4; join++) {
                        hostile.start(BRIEF);
                    }
                } catch (SandboxException.Closed e) {
                    return; // it has been ended with its sandbox
                }
            }));
        }
        java.util.concurrent.locks.LockSupport.parkNanos(Duration.ofSeconds(1).toNanos());
        Thread calm = Thread.ofVirtual().start(() -> {
            try (Sandbox other = engine.create(SandboxSpec.host().build())) {
                other.exec("true");
            }
        });
        boolean heldUp = !calm.join(Duration.ofSeconds(30));
        Thread closes = Thread.ofPlatform().daemon().start(hostile::close);
        if (!closes.join(Duration.ofSeconds(30))) {
            killAll(hostile.id());
            closes.join();
        }
        for (Thread thread : joins) {
            thread.join();
        }
        calm.join();
        assertThat(heldUp).as("a sandbox was held up by another one").isFalse();
    }

    private static void killAll(String id) throws Exception {
        Lab.onHost(
                "sh",
                "-c",
                "for f in $(find /sys/fs/cgroup -path '*/cay/*/" + id + "/cgroup.kill'); do echo 1 > $f; done");
    }

    /** CVE-2019-5736: whoever gets hold of the program of a process that comes from outside could overwrite it. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void cve20195736NobodyCanOpenTheEnginesProgram(boolean userNamespace, Sandboxes engine) {
        SandboxSpec spec = SandboxSpec.host().userNamespace(userNamespace).build();
        try (Sandbox sandbox = engine.create(spec)) {
            String overwrite = install(sandbox, "overwrite");
            sh(
                    sandbox,
                    "ln -s /proc/self/exe /tmp/self; ln -s /tmp/self /tmp/indirect;"
                            + " printf '#!/proc/self/exe\\n' > /tmp/script; chmod 755 /tmp/script");
            try (Execution waiting = sandbox.start(ExecSpec.of(overwrite))) {
                assertThat(Lab.line(waiting.stdout())).isEqualTo("waiting");
                for (int i = 0; i < JOINS / 10; i++) {
                    for (String program :
                            List.of("/proc/self/exe", "/tmp/self", "/tmp/indirect", "/proc/thread-self/exe")) {
                        Exit exit = sandbox.exec(program).exit();
                        assertThat(exit.reason()).as(program).isEqualTo(Exit.Reason.SPAWN_FAILED);
                    }
                }
                Lab.end(waiting);
                assertThat(Lab.rest(waiting.stdout()).trim()).isEqualTo("held 0 written 0");
            }
        }
    }

    /** The same by way of a script: the kernel resolves the interpreter while the stub, sealed, is still the process's program. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void cve20195736AScriptCannotNameTheEnginesProgram(boolean userNamespace, Sandboxes engine) {
        SandboxSpec spec = SandboxSpec.host().userNamespace(userNamespace).build();
        try (Sandbox sandbox = engine.create(spec)) {
            sh(sandbox, "printf '#!/proc/self/exe -version\\n' > /tmp/script; chmod 755 /tmp/script");
            ExecResult result = sandbox.exec("/tmp/script");
            assertThat(result.exit().success()).as(result.stderr()).isFalse();
            assertThat(result.stderr() + result.stdout())
                    .as("nothing ran but the stub, which was not told what to be")
                    .isIn("", "stub: attached or detached?\n");
        }
    }

    /** The same by changing a file into a link between the check and the use. */
    @Test
    void cve20195736ALinkThatComesAndGoesDoesNotHelp(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            sh(
                    sandbox,
                    "mkdir /tmp/d; cp /bin/true /tmp/d/file; ln -s /proc/self/exe /tmp/d/link; cp /bin/true /tmp/d/now");
            Lab.need("python3");
            String flip = """
                    import os, sys, select
                    print('flipping', flush=True)
                    while not select.select([0], [], [], 0)[0]:
                        for i in range(200):
                            for kind in ('link', 'file'):
                                try: os.unlink('/tmp/d/new')
                                except OSError: pass
                                os.link('/tmp/d/' + kind, '/tmp/d/new', follow_symlinks=False)
                                os.rename('/tmp/d/new', '/tmp/d/now')
                    """;
            try (Execution flipping = sandbox.start(ExecSpec.of("/usr/bin/python3", "-c", flip))) {
                assertThat(Lab.line(flipping.stdout())).isEqualTo("flipping");
                for (int i = 0; i < JOINS; i++) {
                    ExecResult result = sandbox.exec("/tmp/d/now", "-version");
                    assertThat(result.stderr())
                            .as("the JVM's own program ran")
                            .doesNotContain("penJDK")
                            .doesNotContain("libjli");
                }
                Lab.end(flipping);
            }
        }
    }

    /** CVE-2024-21626: no descriptor of the engine is there to be the working directory. */
    @Test
    void cve202421626NoDescriptorLeadsOut(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            for (int number = 0; number < 64; number++) {
                for (String tail : List.of("", "/..", "/../../../../..")) {
                    ExecResult result =
                            sandbox.exec(ExecSpec.builder("sh", "-c", "ls -d run/cay/engines work/main; pwd -P")
                                    .workingDirectory("/proc/self/fd/" + number + tail)
                                    .build());
                    if (result.exit().reason() != Exit.Reason.SPAWN_FAILED) {
                        assertThat(result.stdout())
                                .as("fd %d%s: %s", number, tail, result.stdout())
                                .doesNotContain("run/cay")
                                .doesNotContain("work/main");
                    }
                }
            }
        }
    }

    /** V9: descriptors of the engine do not reach commands, however many it has open. */
    @Test
    void v9CommandsHaveThreeDescriptors(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            sandbox.start(ExecSpec.of("sleep", "1000")); // ends with the sandbox
            String open = sh(sandbox, "for f in /proc/self/fd/*; do readlink $f; done; true");
            assertThat(open.lines()).hasSize(3).allMatch(line -> line.startsWith("pipe:"));
            // How many the first process has can be seen, what they are cannot.
            assertThat(attempt(sandbox, "readlink /proc/1/fd/* 2>/dev/null; true"))
                    .isEmpty();
        }
    }

    /** K5: an execution has exactly the walls of what is there already. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void k5ExecutionsHaveTheSandboxsWalls(boolean userNamespace, Sandboxes engine) {
        SandboxSpec spec = SandboxSpec.host().userNamespace(userNamespace).build();
        try (Sandbox sandbox = engine.create(spec)) {
            String namespaces = "for n in cgroup ipc mnt net pid time user uts; do readlink /proc/self/ns/$n; done";
            String walls =
                    "cat /proc/self/status /proc/self/cgroup | grep -E '^(Cap|NoNew|Seccomp|SigBlk|SigIgn|SigCgt|Groups|Uid|Gid|[0-9])'";
            String first = sh(sandbox, namespaces);
            String status = sh(sandbox, walls);
            assertThat(sh(sandbox, namespaces)).isEqualTo(first);
            assertThat(sh(sandbox, walls).replaceAll("(?m)^0::.*$", ""))
                    .isEqualTo(status.replaceAll("(?m)^0::.*$", ""));
            // Without a user namespace nobody may make device nodes, not even root.
            String capabilities = userNamespace ? "a80425fb" : "a00425fb";
            assertThat(status)
                    .contains("NoNewPrivs:\t1")
                    .contains("Seccomp:\t2")
                    .contains("CapInh:\t0000000000000000")
                    .contains("CapPrm:\t00000000" + capabilities)
                    .contains("CapEff:\t00000000" + capabilities)
                    .contains("CapAmb:\t0000000000000000")
                    .contains("SigBlk:\t0000000000000000")
                    .contains("SigIgn:\t0000000000000000")
                    .contains("SigCgt:\t0000000000000000");
            for (String name : List.of("cgroup", "ipc", "mnt", "net", "pid", "uts")) {
                assertThat(first).doesNotContain(Lab.onHost("readlink", "/proc/self/ns/" + name));
            }
            String user = Lab.onHost("readlink", "/proc/self/ns/user");
            if (userNamespace) {
                assertThat(first).doesNotContain(user);
            } else {
                assertThat(first).contains(user);
            }
            // The first process is as confined as the others, and from outside seen in the same namespaces.
            long init = initOf(sandbox);
            for (String name : List.of("cgroup", "ipc", "mnt", "net", "pid", "user", "uts")) {
                assertThat(first).contains(Lab.onHost("readlink", "/proc/" + init + "/ns/" + name));
            }
            // It has what the sandbox's root has, and nobody in there can become who it is.
            assertThat(Lab.onHost("grep", "-E", "^(CapEff|CapPrm|CapBnd|NoNewPrivs)", "/proc/" + init + "/status"))
                    .isEqualTo("CapPrm:\t00000000" + capabilities + "\nCapEff:\t00000000" + capabilities
                            + "\nCapBnd:\t00000000" + capabilities + "\nNoNewPrivs:\t1");
            long outside = Long.parseLong(Lab.onHost("stat", "-c", "%u", "/proc/" + init));
            assertThat(sh(sandbox, "awk '$2 <= " + outside + " && " + outside + " < $2 + $3' /proc/self/uid_map"))
                    .as("the ids that can be had in there")
                    .isEqualTo(userNamespace ? "" : "         0          0 4294967295");
        }
    }

    static long initOf(Sandbox sandbox) {
        return Long.parseLong(Lab.onHost(
                "sh",
                "-c",
                "cat /sys/fs/cgroup/*/cay/*/" + sandbox.id() + "/cgroup.procs /sys/fs/cgroup/cay/*/" + sandbox.id()
                        + "/cgroup.procs 2>/dev/null | sort -n | head -1"));
    }

    @Test
    void theFirstProcessCannotBeTouchedFromInside(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            for (int signal : new int[] {1, 2, 9, 11, 15, 19}) {
                attempt(sandbox, "kill -" + signal + " 1");
            }
            assertThat(sh(sandbox, "cat /proc/1/comm; grep State /proc/1/status"))
                    .startsWith("cay-init")
                    .contains("S (sleeping)");
            assertThat(attempt(sandbox, "cat /proc/1/environ; cat /proc/1/maps; ls -l /proc/1/fd /proc/1/exe"))
                    .doesNotContain("memfd")
                    .doesNotContain("r-xp");
        }
    }

    @Test
    void theFirstProcessReapsOrphans(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            sh(sandbox, "for i in 1 2 3 4 5 6 7 8 9 10; do (true & ) ; done; (sh -c 'sleep 0.05' &) ; sleep 0.3");
            assertThat(sh(sandbox, "ps -eo stat= | grep -c Z || true")).isEqualTo("0");
        }
    }

    /** Nor does it take the exit code of a command for an orphan's, or the other way round. */
    @Test
    void g1OrphansTakeNobodysExitCode(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            for (int code = 0; code < 50; code++) {
                Exit exit = sandbox.exec("sh", "-c", "(exit 99 &); (sleep 0.01; exit 98) & exit " + code)
                        .exit();
                assertThat(exit).isEqualTo(Exit.exited(code));
            }
        }
    }

    /** Whatever a filter or policy says, a joining process puts on all of it. */
    @Test
    void anUnconfinedSandboxStillHasNoNewPrivileges(Sandboxes engine) {
        SandboxSpec spec =
                SandboxSpec.host().seccomp(SeccompPolicy.unconfined()).build();
        try (Sandbox sandbox = engine.create(spec)) {
            assertThat(sh(sandbox, "grep NoNew /proc/self/status")).endsWith("1");
        }
    }
}
