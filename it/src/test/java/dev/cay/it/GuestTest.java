package dev.cay.it;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecSpec;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.GuestCommands;
import dev.cay.engine.container.GuestSurroundings;
import dev.cay.engine.container.ImageSource;
import dev.cay.engine.container.NetworkSource;
import dev.cay.engine.container.Places;
import dev.cay.engine.container.VolumeSource;
import dev.cay.engine.kernels.GuestKernel;
import dev.cay.engine.kernels.Initramfs;
import dev.cay.engine.microvm.Acceleration;
import dev.cay.engine.microvm.ContainerHome;
import dev.cay.engine.microvm.GuestClock;
import dev.cay.engine.microvm.GuestShutdown;
import dev.cay.engine.microvm.Machine;
import dev.cay.engine.microvm.MachineEnd;
import dev.cay.engine.microvm.MachineSpec;
import dev.cay.engine.microvm.QemuVmm;
import dev.cay.linux.Arg;
import dev.cay.linux.Child;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.KeptExecution;
import dev.cay.linux.MachineOps;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import dev.cay.linux.TimestampCounter;
import dev.cay.linux.netlink.LinkMessages;
import dev.cay.linux.netlink.LinkSettings;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;

/** The stub as the first process of a real kernel, which an emulator boots. Its root is the initramfs, its only program a probe. */
@ExtendWith(RootLane.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class GuestTest {
    private static final Duration LONG = Duration.ofSeconds(180);
    private static final long FOREVER = Long.MAX_VALUE;
    private static final String PROBE = "/captive";

    /** What the first process may have in memory, all it does included. */
    private static final int MAXIMUM_RESIDENT_KIB = 256;

    private static final int STREAMED = 1 << 20;

    private final Path directory = Lab.directory();
    private HostKernel host;
    private GuestKernel kernel;
    private Path initramfs;

    @BeforeAll
    void prepare() throws IOException {
        host = new HostKernel();
        kernel = GuestKernels.debian();
        initramfs = directory.resolve("guest-initramfs");
        Initramfs.write(initramfs, Files.readAllBytes(GuestKernels.stub()), kernel);
    }

    @AfterAll
    void close() {
        host.close();
    }

    @FunctionalInterface
    private interface Use {
        void of(Machine machine, Stub stub) throws IOException, InterruptedException;
    }

    private void inGuest(Use use) throws IOException, InterruptedException {
        try (Containers containers = new Containers(
                        Places.ofThisUser(), VolumeSource.none(), ImageSource.none(), NetworkSource.none(), _ -> {});
                Machine machine = new QemuVmm(new ContainerHome(containers))
                        .start(new MachineSpec(
                                kernel.vmlinux(),
                                initramfs,
                                Size.mib(128),
                                1,
                                new Acceleration.Emulated(TimestampCounter.kilohertz(host)),
                                List.of()))) {
            try (Stub stub = Stub.ofMachine(
                    machine.channel(System.nanoTime() + LONG.toNanos()), System.nanoTime() + LONG.toNanos())) {
                furnish(stub);
                use.of(machine, stub);
            } catch (IOException | AssertionError e) {
                throw new AssertionError(e.getMessage() + "\nconsole:\n" + machine.console(), e);
            }
        }
    }

    private static Op make(String path) {
        return FileOps.mkdir(Arg.of(0), path, 0755).tolerating(Errno.EEXIST);
    }

    private static void furnish(Stub stub) throws IOException {
        OpList.Builder list = OpList.builder();
        List.of("/proc", "/etc", "/tmp").forEach(path -> list.add(make(path)));
        list.add(Mount.mount("proc", "/proc", "proc", 0, ""));
        write(list, "/etc/passwd", "root:x:0:0::/:/bin/sh\n".getBytes(US_ASCII), 0644);
        write(list, "/etc/group", "root:x:0:\n".getBytes(US_ASCII), 0644);
        write(list, PROBE, Files.readAllBytes(Lab.probe("captive")), 0755);
        stub.runInside(list.build());
    }

    private static void write(OpList.Builder list, String path, byte[] bytes, int mode) {
        Op file = list.add(FileOps.openAt(Arg.of(0), path, FileOps.O_WRONLY | FileOps.O_CREAT, mode));
        list.add(FileOps.write(Arg.of(file), path, bytes));
        list.add(FileOps.close(file));
    }

    private static String read(Stub stub, String path) throws SyscallException {
        Arg.Buffer buffer = new Arg.Buffer(4096);
        Op open = FileOps.open(path, FileOps.O_RDONLY);
        Op read = FileOps.read(Arg.of(open), buffer);
        Results results = stub.run(OpList.of(open, read, FileOps.close(open)));
        return new String(results.bytes(buffer), 0, (int) results.value(read), UTF_8);
    }

    private static byte[] readAll(KeptExecution.Output output) throws SyscallException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        while (true) {
            Optional<byte[]> piece = output.read(FOREVER);
            if (piece.isEmpty()) {
                return all.toByteArray();
            }
            all.writeBytes(piece.get());
        }
    }

    private static GuestCommands commands(Stub stub) throws SyscallException {
        GuestCommands.wall(stub);
        return GuestCommands.open(stub, "guest", SandboxSpec.image("none").build(), GuestSurroundings.none());
    }

    @Test
    void itServesAsItDoesInAContainerAndEndsInOrder() throws IOException, InterruptedException {
        inGuest((machine, stub) -> {
            assertThat(read(stub, "/proc/1/comm")).isEqualTo("cay-init\n");
            streams(stub);
            interfaces(stub);
            clockAndRandomness(stub);
            assertThat(resident(stub)).isLessThanOrEqualTo(MAXIMUM_RESIDENT_KIB);

            stub.run(OpList.of(make("/mounted"), Mount.mount("x", "/mounted", "tmpfs", 0, "")));
            stub.run(GuestShutdown.ask());
            assertThat(GuestShutdown.release(stub)).doesNotContain("/mounted", "/proc");
            assertThat(machine.end()).isEmpty();
            assertThat(switchOff(stub)).as("nobody answers").isFalse();
            assertThat(machine.await(LONG)).contains(new MachineEnd.PoweredOff());
        });
    }

    private static boolean switchOff(Stub stub) {
        try {
            stub.run(OpList.of(MachineOps.powerOff()));
            return true;
        } catch (SyscallException e) {
            return false;
        }
    }

    private static void streams(Stub stub) throws IOException, InterruptedException {
        byte[] sent = new byte[STREAMED];
        new Random(5).nextBytes(sent);
        try (GuestCommands commands = commands(stub);
                KeptExecution cat = commands.start(1, ExecSpec.of(PROBE, "cat"))) {
            Thread writer = Thread.startVirtualThread(() -> {
                try {
                    cat.write(sent, 0, sent.length);
                    cat.endInput();
                } catch (SyscallException e) {
                    throw new IllegalStateException(e);
                }
            });
            assertThat(readAll(cat.output())).isEqualTo(sent);
            assertThat(cat.await(FOREVER).orElseThrow().status()).isEqualTo(new Child.Status(true, 7));
            writer.join();
        }
    }

    /** The code that makes networks of containers, as it is, over the channel. */
    private static void interfaces(Stub stub) throws IOException {
        try (Rtnetlink netlink = Rtnetlink.open(stub)) {
            int loopback = netlink.link("lo").orElseThrow().index();
            netlink.execute(LinkMessages.change(loopback, LinkSettings.none().withUp(true)));
            assertThat(netlink.link("lo").orElseThrow().up()).isTrue();
        }
    }

    private static void clockAndRandomness(Stub stub) throws SyscallException {
        for (String wrong : List.of("1970-01-02T00:00:00Z", "2106-02-07T06:28:15Z")) {
            stub.run(OpList.of(MachineOps.setClock(Instant.parse(wrong))));
            assertThat(GuestClock.correct(stub, InstantSource.system())).isTrue();
            Arg.Buffer time = MachineOps.timespec();
            Instant before = Instant.now();
            Results results = stub.run(OpList.of(MachineOps.clock(time)));
            // What it takes to get there is what it lags behind.
            assertThat(MachineOps.instant(results.bytes(time)))
                    .isBetween(before.minus(LONG), Instant.now().plus(GuestClock.TOLERATED));
        }
        GuestClock.awake(stub, new byte[32], InstantSource.system());
    }

    private static int resident(Stub stub) throws SyscallException {
        String line = read(stub, "/proc/1/status")
                .lines()
                .filter(one -> one.startsWith("VmRSS:"))
                .findFirst()
                .orElseThrow();
        return Integer.parseInt(line.replaceAll("[^0-9]", ""));
    }

    /** Whoever is root in a guest can neither speak for its first process nor silence it. */
    @Test
    void aHostileProgramReachesNeitherTheChannelNorTheFirstProcess() throws IOException, InterruptedException {
        inGuest((machine, stub) -> {
            String device = read(stub, "/sys/class/virtio-ports/vport0p1/dev").strip();
            String[] numbers = device.split(":");
            try (GuestCommands commands = commands(stub);
                    KeptExecution hostile =
                            commands.start(1, ExecSpec.of(PROBE, "hostile", numbers[0], numbers[1], "/dev/vport0p1"))) {
                String output = new String(readAll(hostile.output()), UTF_8);
                assertThat(readAll(hostile.error())).isEmpty(); // until then it is remembered
                assertThat(hostile.await(FOREVER).orElseThrow().status()).isEqualTo(new Child.Status(true, 0));
                assertThat(output.lines())
                        .hasSize(12)
                        .as("the port is taken, whatever it is called; the rest is forbidden")
                        .allMatch(line -> line.endsWith("=EBUSY")
                                || line.endsWith("=EPERM")
                                || line.endsWith("=EACCES")
                                || line.endsWith("=ENOENT")
                                || line.endsWith("=EMFILE")
                                || line.endsWith("=ENOSYS"))
                        .contains("open port=EBUSY", "trace the first=EPERM", "reboot=EPERM");
            }
            stub.ping();
            comesBack(machine, stub);
            isAlone(machine);
        });
    }

    private Optional<Stub> second = Optional.empty();

    /** Another session over the same channel finds what runs. */
    private void comesBack(Machine machine, Stub first) throws IOException {
        commands(first).start(5, ExecSpec.of(PROBE, "wait")); // what the first has of it is gone with its session
        Op copy = FileOps.copy(Arg.of(machine.channel(System.nanoTime() + LONG.toNanos())), "channel");
        Fd channel = host.run(OpList.of(copy)).fd(copy);
        Stub stub = Stub.ofMachine(channel, System.nanoTime() + LONG.toNanos());
        second = Optional.of(stub);
        assertThat(stub.alive()).extracting(Stub.Alive::number).containsExactly(5);
        try (KeptExecution execution = stub.attach(5)) {
            execution.write(new byte[] {42}, 0, 1);
            assertThat(execution.await(FOREVER).orElseThrow().status()).isEqualTo(new Child.Status(true, 42));
        }
    }

    /** A guest that hears nothing for as long as its host said switches itself off. */
    private void isAlone(Machine machine) throws SyscallException {
        second.orElseThrow().leave(GuestShutdown.alone(true), 500);
        assertThat(machine.await(LONG)).contains(new MachineEnd.PoweredOff());
        second.orElseThrow().close();
    }
}
