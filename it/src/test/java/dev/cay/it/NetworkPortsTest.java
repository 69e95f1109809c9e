package dev.cay.it;

import static dev.cay.it.Lab.need;
import static dev.cay.it.Lab.sh;
import static dev.cay.it.NetworkWorld.HOST;
import static dev.cay.it.NetworkWorld.HOST6;
import static dev.cay.it.NetworkWorld.connect;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.EgressPolicy;
import dev.cay.ExecSpec;
import dev.cay.Network;
import dev.cay.PublishedPort;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Ports of the machine that lead into a sandbox: from where, and to whom. */
@ExtendWith(RootLane.class)
class NetworkPortsTest {
    /** Tells everybody who he is. */
    private static final String SERVER = """
            import socket
            s = socket.create_server(('::', 80), family=socket.AF_INET6, dualstack_ipv6=True)
            while True:
                c, a = s.accept(); c.send(a[0].replace('::ffff:', '').encode()); c.close()
            """;

    private NetworkWorld world;

    @BeforeEach
    void build() throws Exception {
        need("python3");
        world = NetworkWorld.create();
    }

    @AfterEach
    void close() throws Exception {
        world.close();
    }

    private static Sandbox server(Sandboxes engine, String... ports) {
        List<PublishedPort> published =
                List.of(ports).stream().map(PublishedPort::parse).toList();
        Sandbox sandbox = engine.create(SandboxSpec.host()
                .network(Network.bridge().withPorts(published))
                .build());
        sandbox.start(ExecSpec.of("python3", "-c", SERVER));
        sh(
                sandbox,
                "until python3 -c \"import socket; socket.create_connection(('127.0.0.1', 80))\" 2>/dev/null;"
                        + " do sleep 0.05; done");
        return sandbox;
    }

    /** What comes of connecting where nobody should answer: it is not waited for long. */
    private static String failure(NetlinkLab from, String address, int port) throws Exception {
        String answer = connect(from, address, port, Duration.ofSeconds(1));
        return answer.contains("refused") || answer.contains("No route") || answer.contains("timed out")
                ? "failed"
                : answer;
    }

    @Test
    void leadInFromTheMachineFromOthersAndFromSandboxes() throws Exception {
        world.engine(engine -> {
            try (Sandbox sandbox =
                            server(engine, "8080:80", "0.0.0.0:8081:80", HOST + ":8082:80", "[" + HOST6 + "]:8083:80");
                    Sandbox other = engine.create(
                            SandboxSpec.host().network(Network.bridge()).build());
                    Sandbox jailed = engine.create(SandboxSpec.host()
                            .network(Network.bridge().withEgress(EgressPolicy.denyAll()))
                            .build())) {
                assertThat(connect(world.host, "127.0.0.1", 8080))
                        .as("loopback")
                        .matches("10\\..*");
                assertThat(connect(world.host, "127.0.0.1", 8081))
                        .as("all, by loopback")
                        .matches("10\\..*");
                assertThat(connect(world.host, HOST, 8081))
                        .as("all, by its address")
                        .isEqualTo(HOST);
                assertThat(connect(world.host, HOST, 8082)).as("one address").isEqualTo(HOST);
                assertThat(connect(world.host, HOST6, 8083)).as("IPv6").contains(":");
                assertThat(connect(world.internet, HOST, 8081))
                        .as("from outside")
                        .isEqualTo(NetworkWorld.INTERNET);
                assertThat(connect(world.internet, HOST, 8082)).isEqualTo(NetworkWorld.INTERNET);
                assertThat(connect(world.internet, HOST6, 8083)).contains(":");

                assertThat(failure(world.internet, HOST, 8080)).as("loopback's").isEqualTo("failed");
                assertThat(failure(world.internet, HOST, 80))
                        .as("the sandbox's own")
                        .isEqualTo("failed");
                assertThat(failure(world.lan, "192.168.77.1", 8082))
                        .as("another address")
                        .isEqualTo("failed");
                String ip = engine.networks().member(sandbox.id()).address().getHostAddress();
                assertThat(failure(world.internet, ip, 80))
                        .as("by a route to its own address")
                        .isEqualTo("failed");

                assertThat(connect(other, HOST, 8081)).as("a neighbour").matches("10\\..*");
                assertThat(connect(sandbox, HOST, 8081)).as("itself").matches("10\\..*");
                assertThat(connect(jailed, HOST, 8081))
                        .as("one that may nothing")
                        .isEqualTo("ECONNREFUSED");
                assertThat(connect(other, ip, 80)).as("past the port").isEqualTo("ECONNREFUSED");
            }
        });
    }

    /**
     * For ports that are published on 127.0.0.1 the kernel is told that bridges may have such packets: that opens the machine's
     * loopback to nobody, neither from outside nor from a sandbox whose root does what he likes.
     */
    @Test
    void loopbackIsNobodyElses() throws Exception {
        need("ip");
        String lead = "ip addr flush dev lo; echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet;"
                + " ip route add 127.0.0.0/8 via ";
        world.engine(engine -> {
            try (Sandbox sandbox = server(engine, "8080:80", "0.0.0.0:8081:80", "[::]:8082:80");
                    Sandbox other = engine.create(SandboxSpec.host()
                            .network(Network.bridge().withEgress(EgressPolicy.allowAll()))
                            .build());
                    NetlinkLab inOther = NetlinkLab.of(
                            world.kernel, other.info().firstProcess().orElseThrow())) {
                assertThat(connect(world.host, "127.0.0.1", 8080)).matches("10\\..*");
                assertThat(connect(world.host, "127.0.0.2", NetworkWorld.PORT)).isEqualTo("127.0.0.1");
                String gateway = engine.networks().list().getFirst().gateway().getHostAddress();
                world.internet.output("sh", "-c", lead + HOST);
                inOther.output("sh", "-c", lead + gateway);
                for (NetlinkLab place : List.of(world.internet, inOther)) {
                    for (int port : new int[] {8080, 8081, NetworkWorld.PORT}) {
                        assertThat(failure(place, "127.0.0.1", port))
                                .as("127.0.0.1:%d", port)
                                .isEqualTo("failed");
                        assertThat(failure(place, "127.0.0.2", port))
                                .as("127.0.0.2:%d", port)
                                .isEqualTo("failed");
                    }
                }
                assertThat(connect(world.internet, HOST, 8081))
                        .as("the way is there")
                        .isEqualTo(NetworkWorld.INTERNET);
                assertThat(connect(world.internet, HOST6, 8082)).contains(":");
                assertThat(failure(world.internet, HOST6, 8080)).isEqualTo("failed");
                assertThat(failure(world.internet, HOST6, 8081))
                        .as("of the other family")
                        .isEqualTo("failed");
                String ip = engine.networks().member(sandbox.id()).address6().getHostAddress();
                assertThat(failure(world.internet, ip, 80)).as("past the port").isEqualTo("failed");
            }
        });
    }

    @Test
    void comeAndGoWhileItRuns() throws Exception {
        world.engine(engine -> {
            try (Sandbox sandbox = server(engine)) {
                PublishedPort port = PublishedPort.parse("0.0.0.0:8090:80");
                assertThat(failure(world.internet, HOST, 8090)).isEqualTo("failed");
                engine.networks().publish(sandbox.id(), port);
                assertThat(connect(world.internet, HOST, 8090)).isEqualTo(NetworkWorld.INTERNET);
                assertThat(engine.networks().member(sandbox.id()).ports()).containsExactly(port);
                engine.networks().unpublish(sandbox.id(), port);
                assertThat(failure(world.internet, HOST, 8090)).isEqualTo("failed");
                assertThatThrownBy(() -> engine.networks().unpublish(sandbox.id(), port))
                        .isInstanceOf(SandboxException.NotFound.class);
            }
        });
    }

    @Test
    void whoHasAPortIsNamed() throws Exception {
        world.engine(engine -> {
            try (Sandbox sandbox = server(engine, "8080:80");
                    ServerSocket taken = new ServerSocket(0)) {
                assertThatThrownBy(() -> server(engine, "0.0.0.0:8080:81"))
                        .isInstanceOf(SandboxException.Conflict.class)
                        .hasMessageContaining("in use by the sandbox " + sandbox.id());
                assertThatThrownBy(() -> engine.networks()
                                .publish(sandbox.id(), PublishedPort.parse(taken.getLocalPort() + ":80")))
                        .isInstanceOf(SandboxException.Conflict.class)
                        .hasMessageContaining(
                                "the process " + ProcessHandle.current().pid());
                assertThatThrownBy(
                                () -> engine.networks().publish(sandbox.id(), PublishedPort.parse("203.0.113.9:80:80")))
                        .isInstanceOf(SandboxException.InvalidSpec.class)
                        .hasMessageContaining("does not have the address 203.0.113.9");
            }
            try (Sandbox again = server(engine, "8080:80")) {
                assertThat(connect(world.host, "127.0.0.1", 8080))
                        .as("free again")
                        .matches("10\\..*");
                assertThat(again.id()).isNotEmpty();
            }
        });
    }
}
