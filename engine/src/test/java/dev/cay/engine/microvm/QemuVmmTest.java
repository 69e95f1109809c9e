package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.IoLimits;
import dev.cay.Limits;
import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.engine.Seeded;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.MemoryFile;
import dev.cay.linux.UnixSocket;
import dev.cay.linux.netlink.MacAddress;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A machine as its VMM shows it, which may be honest, broken, or in the hands of its guest. */
@Timeout(120)
class QemuVmmTest {
    private static final Duration LONG = Duration.ofSeconds(60);
    private static final MachineSpec SPEC = new MachineSpec(
            Path.of("/k/vmlinux"),
            Path.of("/k/initramfs"),
            Size.mib(256),
            1,
            new Acceleration.Emulated(2_100_000),
            List.of(new Disk(Path.of("/i/a,b"), "layer0", true), new Disk(Path.of("/i/c"), "data", false)));

    private final FakeHome home = new FakeHome();
    private Machine machine;

    @TempDir
    Path directory;

    private Machine start() throws IOException {
        machine = new QemuVmm(home).start(SPEC);
        return machine;
    }

    @AfterEach
    void close() {
        if (machine != null) {
            machine.close();
            assertThat(home.closed).isTrue();
        }
    }

    @Test
    void qemuIsCalledWithAllThatItShallHave() throws IOException {
        start();
        assertThat(home.commandLine)
                .startsWith("/usr/bin/qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot")
                .containsSequence("-kernel", "/seen/vmlinux", "-initrd", "/seen/initramfs")
                .contains("if=none,id=disk0,format=raw,readonly=on,file=/seen/a,,b")
                .contains("if=none,id=disk1,format=raw,readonly=off,file=/seen/c")
                .containsSequence("-chardev", "socket,id=channel,fd=1")
                .contains("virtserialport,chardev=channel,name=dev.cay.stub,id=first")
                .containsSequence("-smp", "cpus=1,maxcpus=2")
                .anyMatch(word -> word.contains(" nr_cpus=1 tsc_early_khz=2100000 tsc=reliable"))
                .anyMatch(word -> word.contains("apic=verbose"));
        assertThat(home.needs.limits().cpus()).isEmpty();
        assertThat(home.needs.readOnly())
                .containsExactly(Path.of("/k/vmlinux"), Path.of("/k/initramfs"), Path.of("/i/a,b"));
        assertThat(home.needs.writable()).containsExactly(Path.of("/i/c"));
        assertThat(home.needs.limits().memory()).contains(Size.mib(256 + 128 + 192));
    }

    /** A guest that has more than one is emulated with memory barriers anyway. */
    @Test
    void aMachineHasAsManyProcessorsAsAreWanted() throws IOException {
        machine = new QemuVmm(home)
                .start(new MachineSpec(
                        SPEC.kernel(), SPEC.initramfs(), SPEC.memory(), 3, SPEC.acceleration(), SPEC.disks()));
        assertThat(home.commandLine)
                .containsSequence("-smp", "cpus=3,maxcpus=3")
                .anyMatch(word -> word.contains(" nr_cpus=3 tsc_early_khz=2100000 tsc=reliable"));
    }

    /** What it writes does not stay in the host's cache where the limit would not find it. */
    @Test
    void theLimitsOfASandboxAreThoseOfItsVmm() throws IOException {
        IoLimits io =
                new IoLimits(OptionalLong.empty(), OptionalLong.of(5), OptionalLong.empty(), OptionalLong.empty());
        Limits limits = new Limits(Optional.of(Size.mib(256)), 7, OptionalDouble.of(0.5), OptionalInt.of(50), io);
        machine = new QemuVmm(home).start(SPEC.within(limits));
        assertThat(home.needs.limits())
                .isEqualTo(new Limits(
                        Optional.of(Size.mib(256 + 128 + 192)), 256, OptionalDouble.of(0.5), OptionalInt.of(50), io));
        assertThat(home.commandLine)
                .contains("if=none,id=disk0,format=raw,readonly=on,file=/seen/a,,b")
                .contains("if=none,id=disk1,format=raw,readonly=off,cache.direct=on,file=/seen/c");
    }

    @Test
    void aNetworkCardIsADescriptor() throws IOException {
        List<Fd> pair = UnixSocket.pair(); // what it is makes no difference here
        Fd device = pair.getFirst();
        MachineSpec.NetworkCard card = new MachineSpec.NetworkCard(device, MacAddress.parse("02:ca:0a:58:00:02"));
        machine = new QemuVmm(home)
                .start(new MachineSpec(
                        SPEC.kernel(),
                        SPEC.initramfs(),
                        true,
                        SPEC.memory(),
                        1,
                        SPEC.acceleration(),
                        List.of(),
                        Optional.of(card)));
        assertThat(home.commandLine)
                .containsSequence(
                        "-netdev",
                        "tap,id=network,fd=3",
                        "-device",
                        "virtio-net-device,netdev=network,mac=02:ca:0a:58:00:02");
        assertThat(home.sockets.getLast()).isSameAs(device);
        pair.getLast().close();
    }

    /** Whoever serves the files reads and writes in the guest's memory, which has to be shared for that. */
    @Test
    void whoServesFilesIsADescriptorToo() throws IOException {
        List<Fd> pair = UnixSocket.pair();
        machine = new QemuVmm(home).start(SPEC.with(Optional.of(pair.getFirst())));
        assertThat(home.commandLine)
                .contains("memory-backend-memfd,id=ram,size=256M,share=on")
                .contains("microvm,rtc=on,acpi=on,isa-serial=on,memory-backend=ram")
                .containsSequence("-chardev", "socket,id=files,fd=3")
                .contains("vhost-user-fs-device,chardev=files,tag=cay");
        assertThat(home.sockets.getLast()).isSameAs(pair.getFirst());
        pair.getLast().close();
    }

    @Test
    void aKernelWithoutAcpiHasItsConsoleOnVirtioAndRestartsToEnd() throws IOException {
        machine = new QemuVmm(home)
                .start(new MachineSpec(
                        SPEC.kernel(),
                        SPEC.initramfs(),
                        false,
                        SPEC.memory(),
                        1,
                        SPEC.acceleration(),
                        SPEC.disks(),
                        Optional.empty()));
        assertThat(home.commandLine)
                .contains("microvm,rtc=on,acpi=off,isa-serial=off")
                .containsSequence("virtio-serial-device", "-device", "virtconsole,chardev=console")
                .doesNotContain("-serial")
                .anyMatch(word -> word.startsWith("console=hvc0 ") && word.contains(" reboot=t "));
    }

    @Test
    void aCloneGetsNoKernelAndAllPlacesForDisks() throws IOException {
        try (HostKernel host = new HostKernel();
                MemoryFile memory =
                        MemoryFile.create(host, "memory", SPEC.memory().bytes());
                MemoryFile state = MemoryFile.create(host, "state", 0)) {
            home.migration = "completed";
            machine = new QemuVmm(home).start(SPEC, new Origin.Mould(memory));
            machine.save(state);
            assertThat(home.commandLine)
                    .contains("-kernel")
                    .anyMatch(word -> word.startsWith("memory-backend-file,id=ram,size=256M,share=on"));
            assertThat(home.commands)
                    .containsExactly(
                            "qmp_capabilities", "migrate-set-capabilities", "getfd", "migrate", "query-migrate");
            machine.close();
            FakeHome other = new FakeHome();
            try (Machine clone = new QemuVmm(other).start(SPEC, new Origin.Clone(memory, state))) {
                assertThat(clone.end()).isEmpty();
                assertThat(other.commandLine)
                        .doesNotContain("-kernel", "-append", "-initrd")
                        .containsSequence("-incoming", "defer")
                        .contains("if=none,id=disk1,format=raw,readonly=off,file=/seen/c")
                        .contains("virtio-blk-device,drive=disk19,serial=place19")
                        .anyMatch(word -> word.startsWith("memory-backend-file,id=ram,size=256M,share=off"));
                assertThat(other.needs.readOnly()).containsExactly(Path.of("/i/a,b"));
                assertThat(other.commands)
                        .containsExactly("qmp_capabilities", "migrate-set-capabilities", "getfd", "migrate-incoming");
            }
        }
    }

    @Test
    void aSpareOneIsHaltedAndGetsItsDisksLater() throws IOException {
        Path layer = Files.createFile(directory.resolve("layer"));
        try (HostKernel host = new HostKernel();
                MemoryFile memory =
                        MemoryFile.create(host, "memory", SPEC.memory().bytes());
                MemoryFile state = MemoryFile.create(host, "state", 0)) {
            home.migration = "paused";
            QemuMachine spare = new QemuVmm(home).launch(SPEC.empty(), new Origin.Spare(memory, state));
            machine = spare;
            assertThat(home.commandLine)
                    .containsSequence("-S", "-incoming", "defer")
                    .contains("virtio-blk-device,drive=disk0,serial=layer0,id=place0")
                    .doesNotContain("-kernel");
            assertThat(home.needs.writable()).isEmpty();
            spare.awaitReceived(System.nanoTime() + LONG.toNanos());
            spare.furnish(host, List.of(new Disk(layer, "layer0", true)));
            assertThat(home.commands)
                    .endsWith("migrate-incoming", "query-status", "add-fd", "blockdev-add", "qom-set", "cont");
        }
    }

    @Test
    void aMachineIsPausedAndResumed() throws IOException {
        start().pause();
        machine.resume();
        assertThat(home.commands).containsExactly("qmp_capabilities", "stop", "cont");
        home.answer = "{\"error\": {\"class\": \"GenericError\", \"desc\": \"not now\"}, \"id\": ID}\r\n";
        assertThatThrownBy(machine::pause).isInstanceOf(IOException.class).hasMessage("QEMU refuses stop: 'not now'");
        assertThat(machine.end()).isEmpty();
    }

    @Test
    void aGuestWithAWrongTimerBootsAgainBeforeAnybodySpeaksWithIt() throws IOException {
        start();
        home.say(
                2,
                "[ 0.2] ..... host bus clock speed is 12.0000 MHz.\n[ 0.2] ..... host bus clock speed is 1001.0000 MHz.\n");
        Fd channel = machine.channel(System.nanoTime() + LONG.toNanos());
        assertThat(home.commands).containsExactly("qmp_capabilities", "set-action", "system_reset", "set-action");
        assertThat(machine.channel(0)).isSameAs(channel);
    }

    @Test
    void aKernelThatDoesNotSayWhatItHasMeasuredIsThereWhenItsFirstProcessIs() throws IOException {
        start();
        assertThatThrownBy(() -> machine.channel(System.nanoTime())).hasMessage("the guest does not come in time");
        home.say(0, "{\"event\": \"VSERPORT_CHANGE\", \"data\": {\"open\": true, \"id\": \"first\"}}\r\n");
        assertThat(machine.channel(System.nanoTime() + LONG.toNanos())).isNotNull();
        assertThat(home.commands).containsExactly("qmp_capabilities");
    }

    @Test
    void endsAreToldApart() throws IOException {
        record Case(String reason, Child.Status status, MachineEnd end) {}
        List<Case> cases = List.of(
                new Case("guest-shutdown", new Child.Status(true, 0), new MachineEnd.PoweredOff()),
                new Case("guest-reset", new Child.Status(true, 0), new MachineEnd.Reset()),
                new Case("guest-panic", new Child.Status(true, 0), new MachineEnd.Reset()),
                new Case("host-qmp-quit", new Child.Status(true, 0), new MachineEnd.Quit()),
                new Case("", new Child.Status(true, 0), new MachineEnd.Failed(0)),
                new Case("guest-shutdown", new Child.Status(true, 1), new MachineEnd.Failed(1)),
                new Case("guest-shutdown", new Child.Status(false, 11), new MachineEnd.Killed(11)));
        for (Case one : cases) {
            FakeHome other = new FakeHome();
            try (Machine ended = new QemuVmm(other).start(SPEC)) {
                CompletableFuture<Boolean> told = new CompletableFuture<>();
                ended.onEnd(() -> told.complete(true));
                other.say(
                        0,
                        "{\"timestamp\": {\"seconds\": 1}, \"event\": \"SHUTDOWN\", \"data\": {\"guest\": true,"
                                + " \"reason\": \"" + one.reason() + "\"}}\r\n");
                other.say(2, "the last words\n");
                other.end(one.status());
                assertThat(ended.await(LONG)).contains(one.end());
                assertThat(told.orTimeout(60, TimeUnit.SECONDS).join()).isTrue();
                assertThat(ended.console()).isEqualTo("the last words\n");
                assertThatThrownBy(ended::pause).hasMessageContaining(one.end().text());
            }
        }
    }

    /** It gives up when it is started. */
    private CompletableFuture<Void> givesUp(String saying) {
        home.greeting = "";
        return home.started.thenRunAsync(() -> {
            try {
                home.say(2, "qemu-system-x86_64: " + saying + "\n");
                home.end(new Child.Status(true, 1));
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    @Test
    void aQemuWithoutTheMachineIsRefusedWithWhatToDo() {
        CompletableFuture<Void> gone = givesUp("unsupported machine type");
        assertThatThrownBy(this::start)
                .isInstanceOfSatisfying(
                        SandboxException.Unsupported.class,
                        e -> assertThat(e.hint()).contains("--vmm qemu-q35"))
                .hasMessage("this QEMU has no machine microvm");
        gone.join();
        assertThat(home.closed).isTrue();
    }

    @Test
    void whatQemuSaysWhenItGivesUpIsTold() {
        CompletableFuture<Void> gone = givesUp("no such file");
        assertThatThrownBy(this::start)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("code 1")
                .hasMessageContaining("no such file");
        gone.join();
        assertThat(home.closed).isTrue();
    }

    /** The console is kept as far as it is asked for, and stalls nobody. */
    @Test
    void aFloodOfTheConsoleIsCut() throws IOException {
        start();
        String line = "\u001b[31m" + "x".repeat(1000) + "\n";
        for (int i = 0; i < 400; i++) {
            home.say(2, line);
        }
        home.say(2, "the end\n");
        machine.pause();
        home.end(new Child.Status(false, 9));
        assertThat(machine.await(LONG)).contains(new MachineEnd.Killed(9));
        assertThat(machine.console()).endsWith("the end\n").doesNotContain("\u001b");
        assertThat(machine.console().length()).isLessThanOrEqualTo(ConsoleTail.SIZE);
    }

    /** A QEMU that does not keep to its protocol is in somebody else's hands: it is killed. */
    @Test
    void aMonitorThatLiesIsTheEnd() throws IOException {
        for (String lie :
                List.of("nonsense\n", "[]\n", "{\"id\": \"x\"}\n", "{\"event\": 7}\n", "x".repeat((1 << 20) + 1))) {
            FakeHome other = new FakeHome();
            try (Machine hostile = new QemuVmm(other).start(SPEC)) {
                other.say(0, lie);
                assertThat(hostile.await(LONG)).as(lie.substring(0, 2)).isPresent();
                assertThat(other.killed).isTrue();
            }
        }
    }

    /** However its bytes are cut into pieces, and whatever is changed in them. */
    @Test
    void anyBytesAreMessagesOrRefused() {
        String talk = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22}}}}\r\n{\"return\": {}, \"id\": 7}\r\n"
                + "{\"return\": {\"ram\": {\"status\": 1}, \"status\": \"failed\", \"error-desc\": \"no space\"}, \"id\": 9}\r\n"
                + "{\"error\": {\"class\": \"E\", \"desc\": \"d\"}, \"id\": 8}\r\n{\"event\": \"RESUME\"}\r\n"
                + "{\"event\": \"SHUTDOWN\", \"data\": {\"reason\": \"guest-reset\"}}\r\n"
                + "{\"event\": \"VSERPORT_CHANGE\", \"data\": {\"open\": true, \"id\": \"first\"}}\r\n";
        Seeded.run(random -> {
            for (int round = 0; round < 2000; round++) {
                byte[] bytes = talk.getBytes(StandardCharsets.UTF_8);
                boolean whole = round % 2 == 0;
                for (int i = 0; !whole && i < 3; i++) {
                    bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
                }
                List<Qmp.Message> messages = new ArrayList<>();
                Qmp qmp = new Qmp(messages::add);
                try {
                    for (int at = 0; at < bytes.length; ) {
                        int length = Math.min(bytes.length - at, 1 + random.nextInt(40));
                        byte[] piece = new byte[length];
                        System.arraycopy(bytes, at, piece, 0, length);
                        qmp.accept(piece, length);
                        at += length;
                    }
                } catch (IOException e) {
                    assertThat(whole).isFalse();
                }
                if (whole) {
                    assertThat(messages)
                            .containsExactly(
                                    new Qmp.Message.Greeting(),
                                    new Qmp.Message.Done(7, ""),
                                    new Qmp.Message.Done(9, "failed: 'no space'"),
                                    new Qmp.Message.Refused(8, "'d'"),
                                    new Qmp.Message.Halted(false),
                                    new Qmp.Message.Shutdown("guest-reset"),
                                    new Qmp.Message.Opened(true));
                }
            }
        });
    }
}
