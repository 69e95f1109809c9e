package dev.cay.it;

import static dev.cay.it.Lab.attempt;
import static dev.cay.it.Lab.need;
import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Network;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A sandbox without a network reaches nothing but itself; one on the host's network reaches what the host reaches. */
@ExtendWith(RootLane.class)
class NetworkWallsTest {
    private static final String CONNECT = """
            import socket, sys
            s = socket.socket(); s.settimeout(20)
            try:
                s.connect((sys.argv[1], int(sys.argv[2]))); print('connected', s.recv(5).decode())
            except OSError as e: print('failed', e)
            """;

    @BeforeEach
    void python() {
        need("python3");
    }

    @Test
    void loopbackIsTheOnlyInterfaceAndWorks(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            assertThat(sh(sandbox, "ls /sys/class/net; grep -c . /proc/net/route || true"))
                    .isEqualTo("lo\n1");
            assertThat(sh(sandbox, """
                            python3 -c '
                            import socket
                            for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                                server = socket.socket(family); server.bind((address, 0)); server.listen()
                                client = socket.socket(family); client.connect(server.getsockname()); print("up")'
                            """)).isEqualTo("up\nup");
        }
    }

    @Test
    void withoutNetworkTheHostsServicesAreOutOfReach(Sandboxes engine) throws IOException {
        try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
                Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            assertThat(connect(sandbox, "127.0.0.1", server.getLocalPort())).startsWith("failed");
            assertThat(connect(sandbox, "192.0.2.1", 80)).startsWith("failed").contains("unreachable");
            assertThat(connect(sandbox, "169.254.169.254", 80))
                    .startsWith("failed")
                    .contains("unreachable");
        }
    }

    @Test
    void onTheHostsNetworkTheHostsServicesAreInReach(Sandboxes engine) throws Exception {
        try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
                Sandbox sandbox =
                        engine.create(SandboxSpec.host().network(Network.host()).build())) {
            Thread answers = Thread.ofPlatform().start(() -> {
                try (var client = server.accept()) {
                    client.getOutputStream().write("hello".getBytes(java.nio.charset.StandardCharsets.UTF_8));
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
            assertThat(connect(sandbox, "127.0.0.1", server.getLocalPort())).isEqualTo("connected hello");
            answers.join();
            assertThat(sh(sandbox, "readlink /proc/self/ns/net"))
                    .isEqualTo(Lab.onHost("readlink", "/proc/self/ns/net"));
            assertThat(attempt(
                            sandbox,
                            "ip link add cay-test0 type dummy; ip link set lo down; ip addr add 10.9.9.9/32 dev lo"))
                    .contains("not permitted");
        }
    }

    private static String connect(Sandbox sandbox, String host, int port) {
        return sandbox.exec("python3", "-c", CONNECT, host, Integer.toString(port))
                .stdout()
                .trim();
    }

    /** Abstract sockets are no files; only the network namespace, or Landlock, keeps them apart. */
    @Test
    void abstractSocketsOfTheHostAreOutOfReach(Sandboxes engine) throws Exception {
        String name = "cay-it-" + ProcessHandle.current().pid();
        Process server = new ProcessBuilder(
                        "python3",
                        "-c",
                        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind('\\0" + name
                                + "'); s.listen(); print('on', flush=True); sys.stdin.read()")
                .start();
        try {
            assertThat(Lab.line(server.getInputStream())).isEqualTo("on");
            String client = "python3 -c \"import socket; socket.socket(socket.AF_UNIX).connect('\\0" + name
                    + "'); print('connected')\"";
            try (Sandbox none = engine.create(SandboxSpec.host().build());
                    Sandbox host = engine.create(
                            SandboxSpec.host().network(Network.host()).build())) {
                assertThat(attempt(none, client)).contains("refused");
                String abi =
                        attempt(host, "python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, 0, 0, 1))'");
                if (abi.matches("[6-9]|[1-9][0-9]+")) {
                    assertThat(attempt(host, client)).contains("not permitted");
                }
            }
        } finally {
            server.destroyForcibly().waitFor();
            server.getInputStream().close();
            server.getOutputStream().close();
            server.getErrorStream().close();
        }
    }

    @Test
    void resolverFilesAreOursAndOnlyTheHostsNetworkGetsItsNameServers(Sandboxes engine) {
        try (Sandbox none = engine.create(SandboxSpec.host().build());
                Sandbox host =
                        engine.create(SandboxSpec.host().network(Network.host()).build())) {
            assertThat(sh(none, "cat /etc/resolv.conf; grep -c localhost /etc/hosts"))
                    .isEqualTo("2");
            assertThat(sh(host, "cat /etc/resolv.conf")).isEqualTo(Lab.onHost("cat", "/etc/resolv.conf"));
            sh(host, "echo changed > /etc/resolv.conf");
        }
        assertThat(Lab.onHost("cat", "/etc/resolv.conf")).doesNotContain("changed");
    }

    @Test
    void theHostsNetworkFilesDoNotShowThrough(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            assertThat(sh(sandbox, "cat /proc/net/tcp /proc/net/unix | wc -l")).isEqualTo("2");
            assertThat(sh(sandbox, "cat /proc/net/dev | grep : | cut -d: -f1 | tr -d ' '"))
                    .isEqualTo("lo");
        }
    }
}
