package dev.cay.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.Size;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.ImageSource;
import dev.cay.engine.container.NetworkSource;
import dev.cay.engine.container.Places;
import dev.cay.engine.container.VolumeSource;
import dev.cay.engine.kernels.GuestKernel;
import dev.cay.engine.kernels.Initramfs;
import dev.cay.engine.microvm.Acceleration;
import dev.cay.engine.microvm.ContainerHome;
import dev.cay.engine.microvm.Disk;
import dev.cay.engine.microvm.Machine;
import dev.cay.engine.microvm.MachineEnd;
import dev.cay.engine.microvm.MachineSpec;
import dev.cay.engine.microvm.Origin;
import dev.cay.engine.microvm.QemuVmm;
import dev.cay.linux.HostKernel;
import dev.cay.linux.MemoryFile;
import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.SyscallException;
import dev.cay.linux.TimestampCounter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.extension.ExtendWith;

/** A real QEMU, in a container, boots a real kernel with a first process of the test's own, that does what it is told. */
@ExtendWith(RootLane.class)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class MachineTest {
    private static final Duration LONG = Duration.ofSeconds(180);

    private final Path directory = Lab.directory();

    private final HostKernel host = host();
    private Containers containers;
    private GuestKernel kernel;
    private Path initramfs;
    private long kilohertz;

    private static HostKernel host() {
        try {
            return new HostKernel();
        } catch (SyscallException e) {
            throw new IllegalStateException(e);
        }
    }

    @BeforeAll
    void prepare() throws IOException {
        kernel = GuestKernels.debian();
        initramfs = directory.resolve("initramfs");
        Initramfs.write(initramfs, Files.readAllBytes(Lab.probe("guest")), kernel);
        kilohertz = TimestampCounter.kilohertz(host);
    }

    /** Its own for each test, so that the next one finds the machine as it was. */
    @BeforeEach
    void open() throws IOException {
        containers = new Containers(
                Places.ofThisUser(), VolumeSource.none(), ImageSource.none(), NetworkSource.none(), _ -> {});
    }

    @AfterEach
    void close() {
        containers.close();
    }

    @AfterAll
    void closeHost() {
        host.close();
    }

    private Machine start(Disk... disks) throws IOException {
        return start(kilohertz, disks);
    }

    private Machine start(long timestampKilohertz, Disk... disks) throws IOException {
        return new QemuVmm(new ContainerHome(containers))
                .start(new MachineSpec(
                        kernel.vmlinux(),
                        initramfs,
                        Size.mib(128),
                        1,
                        new Acceleration.Emulated(timestampKilohertz),
                        List.of(disks)));
    }

    private static void say(Machine machine, String line) throws IOException {
        Pipe.write(
                machine.channel(System.nanoTime() + LONG.toNanos()),
                ByteBuffer.allocateDirect(64).put((line + "\n").getBytes(UTF_8)).flip());
    }

    private static boolean hears(Machine machine, Duration limit) throws IOException {
        return Poll.await(limit.toNanos(), Poll.Interest.reading(machine.channel(System.nanoTime() + LONG.toNanos())))
                != 0;
    }

    private static String hear(Machine machine) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(64);
        assertThat(hears(machine, LONG)).as(machine.console()).isTrue();
        Pipe.read(machine.channel(System.nanoTime() + LONG.toNanos()), buffer);
        byte[] bytes = new byte[buffer.flip().remaining()];
        buffer.get(bytes);
        return new String(bytes, UTF_8);
    }

    /**
     * It measures for longer than it believes, as if QEMU had stood still meanwhile, and the sixth time is left at that, unless on a busy
     * machine one mistake has made up for the other before.
     */
    @Test
    void aGuestThatMeasuresItsTimerWronglyBootsAgain() throws IOException {
        try (Machine machine = start(kilohertz * 14 / 10)) {
            assertThat(hear(machine)).isEqualTo("ready\n");
            assertThat(machine.console().split("host bus clock speed is ")).hasSizeGreaterThan(2);
            say(machine, "power off");
            assertThat(machine.await(LONG)).contains(new MachineEnd.PoweredOff());
        }
    }

    @Test
    void aGuestIsReachedPausedAndPowersOff() throws IOException {
        Path disk = Files.write(directory.resolve("disk"), new byte[1 << 20]);
        Files.writeString(disk, "from host" + "\0".repeat(4096));
        try (Machine machine = start(new Disk(disk, "first", false))) {
            assertThat(hear(machine)).isEqualTo("ready\n");
            say(machine, "hello");
            assertThat(hear(machine)).isEqualTo("hello\n");
            say(machine, "disk");
            assertThat(hear(machine)).isEqualTo("from host");
            assertThat(Files.readAllBytes(disk)).contains("guest".getBytes(UTF_8));

            machine.pause();
            say(machine, "are you there");
            assertThat(hears(machine, Duration.ofMillis(300))).isFalse();
            machine.resume();
            assertThat(hear(machine)).isEqualTo("are you there\n");

            say(machine, "power off");
            assertThat(machine.await(LONG)).contains(new MachineEnd.PoweredOff());
            assertThat(machine.console()).contains("reboot: Power down");
            assertThatThrownBy(machine::pause).isInstanceOf(IOException.class).hasMessageContaining("powered off");
        }
    }

    @Test
    void aPanicIsAnEndThatTheConsoleExplains() throws IOException {
        try (Machine machine = start()) {
            assertThat(hear(machine)).isEqualTo("ready\n");
            say(machine, "panic");
            assertThat(machine.await(LONG)).contains(new MachineEnd.Reset());
            assertThat(machine.console()).contains("Kernel panic - not syncing: Attempted to kill init!");
        }
    }

    @Test
    void clonesGoOnWhereTheirMouldWasSaved() throws IOException {
        QemuVmm vmm = new QemuVmm(new ContainerHome(containers));
        Size size = Size.mib(128);
        MachineSpec spec =
                new MachineSpec(kernel.vmlinux(), initramfs, size, 1, new Acceleration.Emulated(kilohertz), List.of());
        try (MemoryFile memory = MemoryFile.create(host, "memory", size.bytes());
                MemoryFile state = MemoryFile.create(host, "state", 0)) {
            try (Machine mould = vmm.start(spec, new Origin.Mould(memory))) {
                assertThat(hear(mould)).isEqualTo("ready\n");
                mould.save(state);
            }
            memory.seal();
            try (Machine one = vmm.start(spec, new Origin.Clone(memory, state));
                    Machine other = vmm.start(spec, new Origin.Clone(memory, state))) {
                say(one, "one");
                say(other, "other");
                assertThat(hear(other)).isEqualTo("other\n");
                assertThat(hear(one)).isEqualTo("one\n");
            }
        }
    }

    @Test
    void whatQemuRefusesIsSaid() throws IOException {
        Path broken = Files.write(directory.resolve("broken"), new byte[100]);
        MachineSpec spec =
                new MachineSpec(broken, initramfs, Size.mib(128), 1, new Acceleration.Emulated(kilohertz), List.of());
        assertThatThrownBy(() ->
                        new QemuVmm(new ContainerHome(containers)).start(spec).close())
                .isInstanceOf(IOException.class)
                .hasMessageContaining("qemu");
    }

    /** Whoever breaks out of a machine is nobody, in a container. */
    @Test
    void aVmmHasNoRights() throws IOException {
        try (Machine machine = start()) {
            String status = Lab.onHost(
                    "bash",
                    "-c",
                    "cat /proc/" + GuestKernels.vmms().iterator().next().pid() + "/status");
            assertThat(status)
                    .contains("CapEff:\t0000000000000000")
                    .contains("NoNewPrivs:\t1")
                    .contains("Seccomp:\t2");
            assertThat(status.lines()
                            .filter(line -> line.startsWith("Uid:"))
                            .toList()
                            .getFirst()
                            .split("\t")[1])
                    .hasSizeGreaterThan(8);
            assertThat(machine.end()).isEmpty();
        }
    }
}
