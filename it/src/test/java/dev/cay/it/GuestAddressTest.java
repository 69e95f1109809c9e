package dev.cay.it;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.BootStep;
import dev.cay.Furnishing;
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
import dev.cay.engine.microvm.DhcpClient;
import dev.cay.engine.microvm.Disk;
import dev.cay.engine.microvm.GuestAddressing;
import dev.cay.engine.microvm.GuestBoot;
import dev.cay.engine.microvm.GuestSpec;
import dev.cay.engine.microvm.Home;
import dev.cay.engine.microvm.Machine;
import dev.cay.engine.microvm.MachineSpec;
import dev.cay.engine.microvm.QemuVmm;
import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import dev.cay.linux.Tap;
import dev.cay.linux.TimestampCounter;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.Link;
import dev.cay.linux.netlink.LinkMessages;
import dev.cay.linux.netlink.LinkSettings;
import dev.cay.linux.netlink.MacAddress;
import dev.cay.linux.netlink.Route;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * What no sandbox asks of a guest, and whoever builds on {@link GuestSpec} can: addresses that its kernel's command line says, or
 * busybox's DHCP server on its link; a disk for its root.
 */
@ExtendWith(RootLane.class)
final class GuestAddressTest {
    private static final Duration LONG = Duration.ofSeconds(120);
    private static final String CARD = "dhcp0";

    private final Path directory = Lab.directory();
    private Path file;
    private HostKernel host;
    private NetlinkLab lab;

    /** One boot for all: each has the addresses of the one before taken away first. */
    @Test
    void itsCommandLineOrAServerTellsIt() throws Exception {
        try (HostKernel kernel = new HostKernel()) {
            host = kernel;
            file = disk();
            try (NetlinkLab network = NetlinkLab.create(host)) {
                lab = network;
                MacAddress station = MacAddress.parse("02:ca:00:00:00:77");
                MachineSpec machine = machine(new MachineSpec.NetworkCard(card(), station));
                try (Containers containers = new Containers(
                                Places.ofThisUser(),
                                VolumeSource.none(),
                                ImageSource.none(),
                                NetworkSource.none(),
                                _ -> {});
                        Machine started = new QemuVmm(told(new ContainerHome(containers))).start(machine);
                        Stub stub = Stub.ofMachine(started.channel(deadline()), deadline())) {
                    commandLine(stub);
                    server(stub);
                    disk(stub);
                }
            }
        }
    }

    /** Where QEMU tells its guest's kernel more than it is told here. */
    private static Home told(Home home) {
        return (command, needs, streams) -> home.start(
                seen -> {
                    List<String> words = new ArrayList<>(command.of(seen));
                    int line = words.indexOf("-append") + 1;
                    words.set(line, words.get(line) + " ip=10.99.0.20::10.99.0.1:255.255.255.0::eth0:off");
                    return words;
                },
                needs,
                streams);
    }

    private static long deadline() {
        return System.nanoTime() + LONG.toNanos();
    }

    /** The other end of its card, with the address of who serves it. */
    private Fd card() throws Exception {
        Op open = Tap.open();
        Fd tap = lab.inside(() -> {
            Fd device = host.run(OpList.of(open)).fd(open);
            host.run(OpList.of(Tap.become(Arg.of(device), CARD)));
            return device;
        });
        try (Rtnetlink here = lab.rtnetlink()) {
            int link = here.link(CARD).orElseThrow().index();
            here.execute(
                    LinkMessages.change(link, LinkSettings.none().withUp(true)),
                    InterfaceAddress.of(link, InetAddress.getByName("10.99.0.1"), 24)
                            .add());
        }
        return tap;
    }

    private MachineSpec machine(MachineSpec.NetworkCard card) throws IOException {
        GuestKernel kernel = GuestKernels.debian();
        Path initramfs = directory.resolve("guest-initramfs");
        Initramfs.write(initramfs, Files.readAllBytes(GuestKernels.stub()), kernel);
        return new MachineSpec(
                kernel.vmlinux(),
                initramfs,
                true,
                Size.mib(128),
                1,
                new Acceleration.Emulated(TimestampCounter.kilohertz(host)),
                List.of(new Disk(file, "data", false)),
                Optional.of(card));
    }

    /** A disk with a file system of which only the guest finds out the type. */
    private Path disk() throws IOException {
        Path content = Files.createDirectories(directory.resolve("content/etc"));
        Files.writeString(content.resolve("hosts"), "its own\n");
        Path file = directory.resolve("data.img");
        Lab.onHost("mkfs.ext4", "-q", "-d", content.getParent().toString(), file.toString(), "16m");
        return file;
    }

    /** Last of all, as there is no way back: nothing of the disk changes, not even by a mount of it that can write. */
    private void disk(Stub stub) throws IOException {
        byte[] before = Files.readAllBytes(file);
        boot(stub, new GuestAddressing.CommandLine(), new GuestSpec.Root.Disk("data", Optional.empty(), true));
        assertThat(read(stub, "/etc/hosts"))
                .contains("\n10.99.0.1\thost.cay.internal\n")
                .doesNotContain("its own");
        assertThat(read(stub, "/proc/self/mountinfo"))
                .containsPattern(" / / ro,nosuid,nodev,relatime .*overlay")
                .containsPattern(" /run rw,nosuid,nodev,relatime .*tmpfs.*size=")
                .containsPattern(" /var rw,nosuid,nodev,relatime .*tmpfs.*size=")
                .containsPattern(" /tmp rw,nosuid,nodev,relatime .*tmpfs.*size=");
        assertThatThrownBy(() -> stub.run(OpList.of(FileOps.mkdir(Arg.of(0), "/etc/new", 0755))))
                .hasMessageContaining("EROFS");
        stub.run(OpList.of(FileOps.mkdir(Arg.of(0), "/var/new", 0755)));
        assertThat(Files.readAllBytes(file)).isEqualTo(before);
    }

    private static GuestBoot boot(Stub stub, GuestAddressing addressing) throws IOException {
        return boot(stub, addressing, new GuestSpec.Root.Initramfs());
    }

    private static GuestBoot boot(Stub stub, GuestAddressing addressing, GuestSpec.Root root) throws IOException {
        GuestBoot boot = new GuestBoot(stub);
        boot.bringUp(
                new GuestSpec(
                        root,
                        false,
                        List.of(),
                        "guest",
                        GuestSpec.HOST_ALIAS,
                        addressing,
                        List.of(),
                        List.of(),
                        OptionalInt.empty(),
                        new Furnishing(List.of(), Map.of(), Optional.empty())),
                deadline());
        return boot;
    }

    private void commandLine(Stub stub) throws Exception {
        assertThat(addresses(stub)).isEmpty();
        for (int again = 0; again < 2; again++) {
            assertThat(boot(stub, new GuestAddressing.CommandLine()).steps())
                    .extracting(BootStep::name)
                    .contains("network");
            assertThat(addresses(stub)).containsExactly("10.99.0.20/24");
            assertThat(gateways(stub)).containsExactly("10.99.0.1");
        }
        assertThat(read(stub, "/etc/hosts")).contains("\n10.99.0.1\thost.cay.internal\n");
        assertThat(lab.output("busybox", "ping", "-c", "1", "-W", "20", "10.99.0.20"))
                .contains(" 0% packet loss");
        try (Rtnetlink there = Rtnetlink.open(stub)) {
            int link = there.link("eth0").orElseThrow().index();
            there.execute(InterfaceAddress.of(link, InetAddress.getByName("10.99.0.20"), 24)
                    .delete());
        }
        assertThat(gateways(stub)).isEmpty();
    }

    private static List<String> addresses(Stub stub) throws IOException {
        try (Rtnetlink there = Rtnetlink.open(stub)) {
            Link link = there.link("eth0").orElseThrow();
            return there.addresses().stream()
                    .filter(one -> one.link() == link.index() && one.address().getAddress().length == 4)
                    .map(one -> one.address().getHostAddress() + "/" + one.prefixLength())
                    .toList();
        }
    }

    private static List<String> gateways(Stub stub) throws IOException {
        try (Rtnetlink there = Rtnetlink.open(stub)) {
            return there.routes().stream()
                    .filter(route -> route.destination().length() == 0 && route.kind() == Route.Kind.UNICAST)
                    .flatMap(route -> route.gateway().stream())
                    .map(InetAddress::getHostAddress)
                    .toList();
        }
    }

    private static String read(Stub stub, String path) throws SyscallException {
        Arg.Buffer buffer = new Arg.Buffer(4096);
        Op open = FileOps.open(path, FileOps.O_RDONLY);
        Op read = FileOps.read(Arg.of(open), buffer);
        Results results = stub.run(OpList.of(open, read, FileOps.close(open)));
        return new String(results.bytes(buffer), 0, (int) results.value(read), UTF_8);
    }

    private void server(Stub stub) throws Exception {
        DhcpClient client;
        Child serving = serve("10.99.0.100");
        try {
            GuestBoot boot = boot(stub, new GuestAddressing.Dhcp());
            client = boot.lease().orElseThrow();
            assertThat(addresses(stub)).containsExactly("10.99.0.100/24");
            assertThat(gateways(stub)).containsExactly("10.99.0.1");
            assertThat(read(stub, "/etc/resolv.conf")).isEqualTo("nameserver 10.99.0.53\nnameserver 10.99.0.54\n");
            assertThat(read(stub, "/etc/hosts")).contains("\n10.99.0.1\thost.cay.internal\n");
            await(() -> client.renewals() > 0);
            assertThat(addresses(stub)).containsExactly("10.99.0.100/24");
        } finally {
            end(serving);
        }
        serving = serve("10.99.0.150"); // it knows nothing of what was before, so it refuses
        try (client) {
            await(() -> client.lease().address().address().getHostAddress().equals("10.99.0.150"));
            await(() -> addressesOf(stub).equals(List.of("10.99.0.150/24")));
            assertThat(gateways(stub)).containsExactly("10.99.0.1");
        } finally {
            end(serving);
        }
    }

    private static List<String> addressesOf(Stub stub) {
        try {
            return addresses(stub);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void await(BooleanSupplier condition) {
        long deadline = deadline();
        while (!condition.getAsBoolean()) {
            assertThat(deadline - System.nanoTime()).as("it never happens").isPositive();
            LockSupport.parkNanos(20_000_000);
        }
    }

    private Child serve(String address) throws IOException {
        Path settings = Files.writeString(directory.resolve("udhcpd-" + address), """
                start %1$s
                end %1$s
                interface %2$s
                max_leases 1
                min_lease 1
                lease_file %3$s
                pidfile %3$s.pid
                option subnet 255.255.255.0
                option router 10.99.0.1
                option dns 10.99.0.53 10.99.0.54
                option lease 2
                """.formatted(
                        address, CARD, directory.resolve("leases-" + address)));
        Files.createFile(directory.resolve("leases-" + address));
        Op log = FileOps.openAt(
                Arg.of(0), directory.resolve("log").toString(), FileOps.O_WRONLY | FileOps.O_CREAT, 0600);
        return host.spawn(
                OpList.of(
                        Namespaces.enter(lab.namespace(), Namespaces.NETWORK),
                        log,
                        FileOps.duplicate(Arg.of(log), 1),
                        FileOps.duplicate(Arg.of(log), 2),
                        Processes.unblockSignals(),
                        Processes.execve(
                                "/usr/bin/busybox",
                                List.of("udhcpd", "-f", "-a", "50", settings.toString()),
                                List.of())),
                new Birth(0, Optional.empty()));
    }

    private static void end(Child serving) throws SyscallException {
        serving.signal(Processes.SIGKILL);
        serving.await();
        serving.close();
    }
}
