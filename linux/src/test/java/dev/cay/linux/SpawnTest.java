package dev.cay.linux;

import static dev.cay.linux.Children.PLAIN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** Children, made by a thread of this process and by a process of their own: nobody can tell which. */
@ParameterizedClass(name = "inThread={0}")
@ValueSource(booleans = {true, false})
@Timeout(60)
class SpawnTest {
    private static final boolean ROOT = "root".equals(System.getProperty("user.name"));

    private final boolean inThread;
    private HostKernel kernel;

    SpawnTest(boolean inThread) {
        this.inThread = inThread;
    }

    @BeforeEach
    void open() throws SyscallException {
        kernel = new HostKernel(inThread);
    }

    @AfterEach
    void close() {
        kernel.close();
        assertThat(ProcessHandle.current().children()).as("processes left over").isEmpty();
    }

    @Test
    void exitCodesAndSignals() throws SyscallException {
        assertThat(kernel.spawn(Children.shell("exit 7"), PLAIN).await()).isEqualTo(new Child.Status(true, 7));
        assertThat(kernel.spawn(Children.shell("kill -9 $$"), PLAIN).await()).isEqualTo(new Child.Status(false, 9));
        assertThat(kernel.spawn(OpList.of(), PLAIN).await())
                .as("the end of a list")
                .isEqualTo(new Child.Status(true, 0));
        assertThat(kernel.spawn(OpList.of(Processes.exit(3)), PLAIN).await()).isEqualTo(new Child.Status(true, 3));
    }

    @Test
    void theChildIsOurs() throws IOException {
        String[] pids = Children.output(kernel, PLAIN, "echo $$ $PPID").strip().split(" ");

        assertThat(pids[1]).isEqualTo(Long.toString(ProcessHandle.current().pid()));
        assertThat(pids[0]).isNotEqualTo(pids[1]);
    }

    /** Who makes a child may be killed before that can ask to be told of it. */
    @Test
    void aChildWhoseParentIsAnotherGoesOnNoFurther() throws SyscallException {
        OpList.Builder ours = OpList.builder();
        ours.addAll(Processes.dieWithParent());
        ours.add(Processes.exit(7));
        assertThat(kernel.spawn(ours.build(), PLAIN).await()).isEqualTo(new Child.Status(true, 7));

        OpList.Builder another = OpList.builder();
        another.addAll(Processes.dieWith(1));
        another.addAll(Children.shell("exit 7").operations());
        assertThatThrownBy(() -> kernel.spawn(another.build(), PLAIN))
                .isInstanceOf(SyscallException.class)
                .hasMessageContaining("ESRCH");
    }

    @Test
    void aChildCanBeSignalledAndAwaitedByMany() throws Exception {
        try (Child child = kernel.spawn(Children.shell("exec sleep 1000"), PLAIN)) {
            assertThat(child.poll()).isEmpty();
            List<Future<Child.Status>> waiting = new ArrayList<>();
            try (ExecutorService virtual = Executors.newVirtualThreadPerTaskExecutor();
                    ExecutorService platform = Executors.newFixedThreadPool(5)) {
                for (int i = 0; i < 5; i++) {
                    waiting.add(virtual.submit(child::await));
                    waiting.add(platform.submit(child::await));
                }
                child.signal(Processes.SIGTERM);
                for (Future<Child.Status> one : waiting) {
                    assertThat(one.get(10, TimeUnit.SECONDS)).isEqualTo(new Child.Status(false, Processes.SIGTERM));
                }
            }
            assertThat(child.poll()).contains(new Child.Status(false, Processes.SIGTERM));
            child.signal(Processes.SIGKILL); // whoever has ended takes it in silence
        }
    }

    @Test
    void signalsAreAsInAFreshProcess() throws IOException {
        String status = Children.output(kernel, PLAIN, "cat /proc/self/status");
        String ours = Files.readString(Path.of("/proc/self/status"));

        assertThat(field(status, "SigBlk")).isZero();
        assertThat(field(status, "SigCgt")).isZero();
        assertThat(field(status, "SigIgn") & ~field(ours, "SigIgn"))
                .as("ignored, but not by us")
                .isZero();
        assertThat(field(status, "SigPnd") | field(status, "ShdPnd")).isZero();
    }

    private static long field(String status, String name) {
        Matcher line = Pattern.compile(name + ":\\s*([0-9a-f]+)").matcher(status);
        assertThat(line.find()).isTrue();
        return Long.parseUnsignedLong(line.group(1), 16);
    }

    /** On its way to execve it shares somebody's memory. */
    @Test
    void theChildCannotBeLookedInto() throws SyscallException {
        try (Pipe pipe = Pipe.reading()) {
            Op dumpable = Op.of(SystemCall.PRCTL, "PR_GET_DUMPABLE", Arg.of(3));
            Op write =
                    Op.of(SystemCall.WRITE, "", Arg.of(pipe.theirs()), new Arg.Location(dumpable), Arg.of(Long.BYTES));
            kernel.spawn(OpList.of(dumpable, write), PLAIN).await();

            ByteBuffer answer = ByteBuffer.allocateDirect(Long.BYTES).order(ByteOrder.nativeOrder());
            assertThat(Pipe.read(pipe.ours(), answer)).isEqualTo(Long.BYTES);
            assertThat(answer.getLong(0)).isZero();
        }
    }

    @Test
    void onlyWhatIsHandedOverStaysOpen() throws IOException {
        try (Pipe pipe = Pipe.reading();
                Pipe handed = Pipe.reading()) {
            String script = "";
            for (Fd fd : List.of(pipe.ours(), pipe.theirs(), handed.ours(), handed.theirs())) {
                script += "[ ! -e /proc/self/fd/" + fd.number() + " ] || echo " + fd.number() + " is open;";
            }
            script += "[ -e /proc/self/fd/77 ] && echo 77";

            // A descriptor that the list works on is not one that the program gets.
            assertThat(Children.output(kernel, PLAIN, script, FileOps.duplicate(Arg.of(handed.theirs()), 77)))
                    .isEqualTo("77\n");
        }
    }

    @Test
    void aFailureNamesItsStepAndLeavesNothing() throws IOException {
        List<String> before = descriptors();

        assertThatThrownBy(() -> kernel.spawn(
                        OpList.of(
                                Processes.setsid(),
                                FileOps.open("/dev/null", FileOps.O_RDONLY),
                                Processes.execve("/no/such/program", List.of("x"), List.of())),
                        PLAIN))
                .hasMessage("execve(/no/such/program): ENOENT (step 2)");

        assertThat(descriptors()).isEqualTo(before);
        // That no process is left is what close() asserts.
    }

    @Test
    void aBirthThatIsRefusedSaysSo() throws SyscallException {
        Op open = FileOps.open("/", FileOps.O_RDONLY);
        try (Fd noCgroup = kernel.run(OpList.of(open)).fd(open)) {
            Birth birth = new Birth(0, Optional.of(noCgroup));

            assertThatThrownBy(() -> kernel.spawn(OpList.of(), birth)).hasMessage("clone3: EBADF");
        }
    }

    @Test
    void isBornIntoNamespaces() throws IOException {
        long namespaces = Namespaces.USER
                | Namespaces.PID
                | Namespaces.MOUNT
                | Namespaces.NETWORK
                | Namespaces.IPC
                | Namespaces.UTS
                | Namespaces.CGROUP;
        Birth birth = new Birth(namespaces, Optional.empty());

        String output = Children.output(kernel, birth, "echo $$; hostname", Namespaces.sethostname("elsewhere"));

        assertThat(output).isEqualTo("1\nelsewhere\n");
    }

    @Test
    void isBornIntoACgroup() throws IOException {
        Path hierarchy = Files.exists(Path.of("/sys/fs/cgroup/unified"))
                ? Path.of("/sys/fs/cgroup/unified")
                : Path.of("/sys/fs/cgroup");
        Path group = ROOT ? Files.createDirectory(hierarchy.resolve("cay-spawn-test-" + inThread)) : hierarchy;
        Op open = FileOps.open(group.toString(), FileOps.O_RDONLY);
        try (Fd cgroup = kernel.run(OpList.of(open)).fd(open)) {
            Birth birth = new Birth(0, Optional.of(cgroup));
            if (ROOT) {
                assertThat(Children.output(kernel, birth, "cat /proc/self/cgroup"))
                        .contains("/" + group.getFileName());
            } else {
                assertThatThrownBy(() -> kernel.spawn(OpList.of(), birth)).hasMessage("clone3: EACCES");
            }
        } finally {
            if (ROOT) {
                Files.delete(group);
            }
        }
    }

    @Test
    void virtualThreadsSpawn() throws Exception {
        Thread[] threads = new Thread[20];
        AtomicBoolean failed = new AtomicBoolean();
        for (int i = 0; i < threads.length; i++) {
            int code = i;
            threads[i] = Thread.startVirtualThread(() -> {
                try (Child child = kernel.spawn(Children.shell("exit " + code), PLAIN)) {
                    failed.compareAndSet(false, child.await().number() != code);
                } catch (SyscallException e) {
                    failed.set(true);
                }
            });
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failed).isFalse();
    }

    @Test
    void manySpawnAtOnceWhileGarbageIsCollected() throws Exception {
        AtomicBoolean over = new AtomicBoolean();
        Thread collector = Thread.ofPlatform().start(() -> {
            while (!over.get()) {
                System.gc();
                LockSupport.parkNanos(2_000_000);
            }
        });
        List<Future<Child.Status>> ends = new ArrayList<>();
        try (ExecutorService platform = Executors.newFixedThreadPool(16)) {
            for (int i = 0; i < 200; i++) {
                int code = i;
                OpList list = OpList.of(Processes.execve("/bin/sh", List.of("sh", "-c", "exit " + code), List.of()));
                ends.add(platform.submit(() -> {
                    try (Child child = kernel.spawn(list, PLAIN)) {
                        return child.await();
                    }
                }));
            }
            for (int i = 0; i < ends.size(); i++) {
                assertThat(ends.get(i).get()).isEqualTo(new Child.Status(true, i));
            }
        } finally {
            over.set(true);
            collector.join();
        }
    }

    @Test
    void anInterruptedCallerGetsItsChildAllTheSame() throws SyscallException {
        Thread.currentThread().interrupt();
        try (Child child = kernel.spawn(Children.shell("exit 4"), PLAIN)) {
            assertThat(Thread.interrupted()).isTrue();
            assertThat(child.await().number()).isEqualTo(4);
        }
    }

    private static List<String> descriptors() throws IOException {
        return List.of(new java.io.File("/proc/self/fd").list()).stream()
                .sorted()
                .toList();
    }
}
