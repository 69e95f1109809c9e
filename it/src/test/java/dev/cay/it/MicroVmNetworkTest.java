package dev.cay.it;

import static dev.cay.it.NetlinkLab.address;
import static dev.cay.it.NetworkWorld.HOST;
import static dev.cay.it.NetworkWorld.HOST6;
import static dev.cay.it.NetworkWorld.INTERNET;
import static dev.cay.it.NetworkWorld.INTERNET6;
import static dev.cay.it.NetworkWorld.LAN;
import static dev.cay.it.NetworkWorld.LAN6;
import static dev.cay.it.NetworkWorld.METADATA;
import static dev.cay.it.NetworkWorld.PORT;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.AgentSocket;
import dev.cay.AgentSpec;
import dev.cay.DeniedConnections;
import dev.cay.EgressPolicy;
import dev.cay.EgressRule;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.ImageConfig;
import dev.cay.Isolation;
import dev.cay.Network;
import dev.cay.Networks;
import dev.cay.PublishedPort;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.SeccompPolicy;
import dev.cay.Size;
import dev.cay.engine.microvm.MachineAccess;
import dev.cay.linux.Child;
import dev.cay.linux.HostKernel;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.IpPrefix;
import dev.cay.linux.netlink.Link;
import dev.cay.linux.netlink.LinkMessages;
import dev.cay.linux.netlink.LinkSettings;
import dev.cay.linux.netlink.MacAddress;
import dev.cay.linux.netlink.Route;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A microVM on a network has what a container on it has. One guest, since emulated it takes seconds to boot. */
@ExtendWith(RootLane.class)
class MicroVmNetworkTest {
    private static final String NAME = "cay-it-network";
    private static final int SERVED = 8000;
    private static final int PUBLISHED = 18000;
    private static final int WEB = 80;
    private static final String GREET = """
            import socket, sys
            s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(('', int(sys.argv[1]))); s.listen(); print('on', flush=True)
            while True:
                client = s.accept()[0]; client.send(b'hello'); client.close()
            """;

    private static final Size MEMORY = Size.mib(256);
    private static final Duration LONG = Duration.ofSeconds(60);

    private NetworkWorld world;

    @BeforeEach
    void build() throws Exception {
        Lab.need("python3");
        world = NetworkWorld.create();
    }

    @AfterEach
    void close() throws Exception {
        world.close();
    }

    @Test
    void aGuestIsOnANetworkAsAContainerIs() throws Exception {
        world.engine(engine -> {
            Path root = Lab.smallRoot();
            Files.copy(Lab.probe("network"), root.resolve("bin/network"));
            Path archive = Lab.directory().resolve("root.tar");
            Lab.onHost("tar", "-C", root.toString(), "--numeric-owner", "-cf", archive.toString(), ".");
            GuestKernels.debian();
            try (InputStream stream = Files.newInputStream(archive)) {
                engine.images()
                        .importRoot(
                                stream,
                                Optional.of(NAME),
                                ImageConfig.empty(ImageConfig.Platform.parse("linux/amd64")));
                engine.networks().create("lan", Optional.empty());
                try (Sandbox neighbour = engine.create(SandboxSpec.host()
                        .hostname("neighbour")
                        .network(Network.named("lan"))
                        .build())) {
                    int before = links().size();
                    try (Sandbox guest = engine.create(spec())) {
                        assertThat(links()).hasSize(before + 1).contains("cay" + guest.id());
                        new Guest(engine, guest, neighbour).check();
                    }
                    checkClone(engine, neighbour);
                    assertThat(links()).hasSize(before);
                } finally {
                    engine.networks().remove("lan");
                    engine.images().remove(NAME);
                }
            }
        });
    }

    /** Its card is its own, though the template's has nothing behind it. */
    private void checkClone(Sandboxes engine, Sandbox neighbour) throws Exception {
        engine.templates().create(NAME, MEMORY);
        try {
            try (Sandbox clone = engine.create(spec())) {
                assertThat(clone.info().machine().orElseThrow().template()).contains(NAME);
                Guest guest = new Guest(engine, clone, neighbour);
                guest.hasWhatItsLeaseSays();
                guest.readsAPage();
                engine.snapshots().create(clone, NAME);
            }
            checkDetached(engine, neighbour);
        } finally {
            engine.templates().remove(NAME);
        }
        try (Sandbox copy = engine.snapshots().restore(NAME, Optional.empty())) {
            Guest guest = new Guest(engine, copy, neighbour);
            guest.hasWhatItsLeaseSays();
            guest.readsAPage();
        } finally {
            engine.snapshots().remove(NAME);
        }
    }

    /** One that outlives its maker, which takes part in nothing of this. */
    private void checkDetached(Sandboxes engine, Sandbox neighbour) throws Exception {
        engine.create(builder().name(NAME).detached().build()).close();
        try (Sandbox opened = engine.open(NAME)) {
            assertThat(opened.info().machine().orElseThrow().template()).contains(NAME);
            Guest guest = new Guest(engine, opened, neighbour);
            guest.hasWhatItsLeaseSays();
            guest.reachesWhatItsPolicySays();
            guest.readsAPage();
            guest.knowsItsNeighbour();
            guest.servesAPublishedPort();
            guest.obeysAnotherPolicy();
        } finally {
            engine.open(NAME).remove();
        }
    }

    /** Without a filter, so that its root may do all that a hostile guest could. */
    private static SandboxSpec spec() {
        return builder().build();
    }

    private static SandboxSpec.Builder builder() {
        return SandboxSpec.image(NAME)
                .isolation(Isolation.MICROVM)
                .memory(MEMORY)
                .hostname("guest")
                .seccomp(SeccompPolicy.unconfined())
                .network(Network.named("lan")
                        .withPorts(List.of(PublishedPort.parse("0.0.0.0:" + PUBLISHED + ":" + SERVED))));
    }

    private List<String> links() throws IOException {
        try (Rtnetlink host = world.host.rtnetlink()) {
            return host.links().stream().map(Link::name).toList();
        }
    }

    /** One that runs, and what is asked of it. */
    private final class Guest {
        private final Sandboxes engine;
        private final Sandbox sandbox;
        private final Sandbox neighbour;
        private final Networks.Info network;
        private final Networks.Member member;

        Guest(Sandboxes engine, Sandbox sandbox, Sandbox neighbour) {
            this.engine = engine;
            this.sandbox = sandbox;
            this.neighbour = neighbour;
            network = engine.networks().list().stream()
                    .filter(info -> info.name().equals("lan"))
                    .findFirst()
                    .orElseThrow();
            member = engine.networks().member(sandbox.id());
        }

        void check() throws Exception {
            hasWhatItsLeaseSays();
            try (HostKernel kernel = new HostKernel()) {
                bothGetAgainWhatTheyHad(kernel);
            }
            assertThat(NetworkWorld.connect(neighbour, INTERNET, PORT)).isEqualTo(HOST);
            reachesWhatItsPolicySays();
            readsAPage();
            knowsItsNeighbour();
            servesAPublishedPort();
            convincesNobody();
            obeysAnotherPolicy();
        }

        private void bothGetAgainWhatTheyHad(HostKernel kernel) throws IOException {
            MachineAccess access = new MachineAccess(
                    kernel,
                    DetachedState.SANDBOXES.resolve(sandbox.id()),
                    sandbox.id(),
                    sandbox.info().spec());
            try (dev.cay.engine.microvm.Guest entered = access.enter(LONG)) {
                entered.reached(guest -> getsAgainWhatItHad(sandbox, Rtnetlink.open(guest)));
            }
            int first = Math.toIntExact(neighbour.info().firstProcess().orElseThrow());
            try (Child process = Child.of(kernel, first)) {
                getsAgainWhatItHad(neighbour, Rtnetlink.openIn(kernel, process.pidfd()));
            }
        }

        /** Something has given its device another station, another address and another way. */
        private static void spoil(Rtnetlink inside) throws IOException {
            int device = inside.link("eth0").orElseThrow().index();
            inside.execute(LinkMessages.change(device, LinkSettings.none().withUp(false)));
            for (InterfaceAddress address : inside.addresses()) {
                if (address.link() == device) {
                    inside.execute(address.delete());
                }
            }
            IpPrefix all = new IpPrefix(InetAddress.ofLiteral("0.0.0.0"), 0);
            inside.execute(
                    LinkMessages.change(device, LinkSettings.none().withAddress(new MacAddress(0x02_00_00_00_00_99L))),
                    LinkMessages.change(device, LinkSettings.none().withUp(true)),
                    InterfaceAddress.of(device, InetAddress.ofLiteral("10.99.0.2"), 24)
                            .add(),
                    Route.via(all, InetAddress.ofLiteral("10.99.0.1"), device).add());
        }

        /** Whatever has been made of it; and nothing else. Here, since both kinds of sandboxes are. */
        private void getsAgainWhatItHad(Sandbox asked, Rtnetlink opened) throws IOException {
            String own = engine.networks().member(asked.id()).address().getHostAddress();
            String gateway = network.gateway().getHostAddress();
            try (Rtnetlink inside = opened) {
                spoil(inside);
            }
            assertThat(addresses(asked)).contains("10.99.0.2").doesNotContain(own);
            try (AgentSocket agent = engine.serve(asked, AgentSpec.STANDARD)) {
                for (List<String> other : List.of(
                        List.of("10.99.0.2", netmask(), gateway),
                        List.of(own, "255.255.255.252", gateway),
                        List.of(own, netmask(), "10.99.0.1"))) {
                    AgentClient.Ended refused = reconfigured(agent, other);
                    assertThat(refused.code()).isEqualTo(-1);
                    assertThat(refused.stderr()).startsWith("cay: unsupported").contains("that its network gave it is");
                    assertThat(addresses(asked)).contains("10.99.0.2");
                }
                AgentClient.Ended given = reconfigured(agent, List.of(own, netmask(), gateway));
                assertThat(given.code()).as(given.stderr()).isZero();
                assertThat(addresses(asked)).contains(own).doesNotContain("10.99.0.2");
                assertThat(reconfigured(agent, List.of(own, netmask(), gateway)).code())
                        .as("what is so already")
                        .isZero();
            }
        }

        private static String addresses(Sandbox sandbox) {
            return Lab.sh(sandbox, "cat /proc/net/fib_trie");
        }

        private String netmask() {
            int mask = -1 << (32 - network.subnet().prefix());
            return (mask >>> 24) + "." + (mask >>> 16 & 255) + "." + (mask >>> 8 & 255) + "." + (mask & 255);
        }

        private AgentClient.Ended reconfigured(AgentSocket agent, List<String> wanted) throws IOException {
            try (AgentClient client = AgentClient.connect(agent.path(), AgentClient.EXECUTIONS)) {
                return client.send(
                                AgentClient.NET_RECONFIG,
                                "{\"ip\":\"" + wanted.get(0) + "\",\"netmask\":\"" + wanted.get(1) + "\",\"gateway\":\""
                                        + wanted.get(2) + "\"}")
                        .ended();
            }
        }

        private void hasWhatItsLeaseSays() {
            assertThat(Lab.sh(sandbox, "cat /sys/class/net/eth0/address")).isEqualTo(station(member));
            assertThat(Lab.sh(sandbox, "busybox ip -o addr show eth0 scope global"))
                    .contains("inet " + member.address().getHostAddress() + "/")
                    .contains("inet6 ");
            assertThat(Lab.sh(sandbox, "cat /etc/resolv.conf; busybox grep -m 1 host.cay /etc/hosts"))
                    .isEqualTo("nameserver " + network.gateway().getHostAddress() + "\n"
                            + network.gateway().getHostAddress() + "\thost.cay.internal");
        }

        private void reachesWhatItsPolicySays() {
            List<String> targets = new ArrayList<>();
            for (String place : List.of(INTERNET, INTERNET6, LAN, LAN6, METADATA, HOST, HOST6)) {
                Stream.of("tcp", "udp", "icmp").forEach(protocol -> targets.add(protocol + "," + place + "," + PORT));
            }
            Map<String, String> answers;
            try (DeniedConnections denied = engine.networks().followDenied()) {
                answers = reach(targets);
                assertThat(denied.next(Duration.ofSeconds(30)))
                        .isNotEmpty()
                        .allMatch(one -> one.sandbox().equals(sandbox.id()));
            }
            answers.forEach((target, answer) -> {
                String[] parts = target.split(",");
                String place = parts[1].contains(":") ? "[" + parts[1] + "]" : parts[1];
                EgressPolicy.Decision decision = engine.networks()
                        .explain(sandbox.id(), place + (parts[0].equals("icmp") ? "" : ":" + PORT) + "/" + parts[0]);
                assertThat(answer.contains(".") || answer.contains(":"))
                        .as("%s: %s, %s", target, answer, decision)
                        .isEqualTo(decision.action() == EgressRule.Action.ALLOW);
                assertThat(answer).as("%s fails at once", target).isNotEqualTo("timeout");
            });
            assertThat(answers)
                    .containsEntry("tcp," + INTERNET + "," + PORT, HOST)
                    .containsEntry(
                            "udp," + INTERNET6 + "," + PORT, address(HOST6).getHostAddress())
                    .containsEntry("icmp," + INTERNET + "," + PORT, INTERNET)
                    .containsEntry("tcp," + METADATA + "," + PORT, "ECONNREFUSED");
        }

        private Map<String, String> reach(List<String> targets) {
            List<String> command = new ArrayList<>(List.of("network", "reach"));
            command.addAll(targets);
            return Lab.answers(sandbox.exec(command.toArray(String[]::new)));
        }

        private void readsAPage() throws Exception {
            try (ServerSocket server = world.internet.listen(address(INTERNET), WEB)) {
                Thread serving = Thread.ofPlatform().daemon().start(() -> page(server));
                assertThat(Lab.sh(sandbox, "busybox wget -q -O - http://" + INTERNET + "/"))
                        .isEqualTo("a page");
                serving.join();
            }
        }

        /** Asked by its own means: to ask as programs do a static program needs files of a C library. */
        private void knowsItsNeighbour() {
            String there = engine.networks().member(neighbour.id()).address().getHostAddress();
            assertThat(Lab.sh(sandbox, "busybox nslookup -type=a neighbour")).contains("Address: " + there);
            try (Execution server = neighbour.start(ExecSpec.of("python3", "-c", GREET, "" + SERVED))) {
                assertThat(Lab.line(server.stdout())).isEqualTo("on");
                assertThat(reach(List.of("tcp," + there + "," + SERVED)).values())
                        .containsExactly("hello");
                server.kill();
            }
        }

        private static void page(ServerSocket server) {
            try (Socket client = server.accept()) {
                client.getOutputStream().write("HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\na page".getBytes(UTF_8));
            } catch (IOException e) {
                throw new IllegalStateException(e);
            }
        }

        private void servesAPublishedPort() throws Exception {
            try (Execution server = sandbox.start(
                    ExecSpec.of("busybox", "nc", "-ll", "-p", "" + SERVED, "-e", "/bin/echo", "-n", "served"))) {
                String answer = "";
                for (long end = System.nanoTime() + Duration.ofSeconds(60).toNanos();
                        !answer.equals("served") && System.nanoTime() < end; ) {
                    answer = NetworkWorld.connect(world.host, "127.0.0.1", PUBLISHED);
                }
                assertThat(answer).isEqualTo("served");
                assertThat(NetworkWorld.connect(world.lan, "192.168.77.1", PUBLISHED))
                        .isEqualTo("served");
                assertThat(NetworkWorld.connect(neighbour, "guest", SERVED)).isEqualTo("served");
                server.kill();
            }
        }

        private void convincesNobody() throws Exception {
            Networks.Member other = engine.networks().member(neighbour.id());
            String gateway = station(network.gateway().getAddress());
            var outside = NetworkSpoofingTest.listening(world.internet, "cay-truth", 3, "00:00:00:00:00:00");
            assertThat(Lab.attempt(
                            sandbox,
                            "network lie " + station(member) + ","
                                    + member.address().getHostAddress() + " "
                                    + station(other) + "," + other.address().getHostAddress() + " " + gateway + " "
                                    + INTERNET))
                    .isEmpty();
            assertThat(outside.get())
                    .as("seen in the internet, besides the truth")
                    .isEqualTo("[]");
            assertThat(NetworkWorld.connect(neighbour, INTERNET, PORT)).isEqualTo(HOST);
        }

        private void obeysAnotherPolicy() {
            List<String> targets = List.of("tcp," + INTERNET + "," + PORT, "tcp," + LAN + "," + PORT);
            engine.networks().setEgress(sandbox.id(), EgressPolicy.denyAll());
            assertThat(reach(targets).values()).containsOnly("ECONNREFUSED");
            engine.networks().setEgress(sandbox.id(), EgressPolicy.allowAll());
            assertThat(reach(targets).values()).containsExactlyInAnyOrder(HOST, "192.168.77.1");
        }

        private static String station(Networks.Member member) {
            return station(member.address().getAddress());
        }

        private static String station(byte[] address) {
            return NetworkSpoofingTest.station(address);
        }
    }
}
