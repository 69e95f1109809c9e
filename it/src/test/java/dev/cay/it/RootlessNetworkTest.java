package dev.cay.it;

import static dev.cay.it.NetlinkLab.address;
import static dev.cay.it.NetworkWorld.HOST;
import static dev.cay.it.NetworkWorld.HOST6;
import static dev.cay.it.NetworkWorld.INTERNET;
import static dev.cay.it.NetworkWorld.INTERNET6;
import static dev.cay.it.NetworkWorld.LAN;
import static dev.cay.it.NetworkWorld.LAN6;
import static dev.cay.it.NetworkWorld.METADATA;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.IpPrefix;
import dev.cay.linux.netlink.Route;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.io.OutputStream;
import java.net.DatagramSocket;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.FutureTask;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/** The way out of an ordinary user's sandboxes, which is pasta(1). */
class RootlessNetworkTest extends RootlessLab {
    /** Where it is everybody's, as on most machines, with a device that is nobody else's here. */
    private static final String TAP_DEVICE = "mount -t tmpfs none /dev/net\nmknod -m 666 /dev/net/tun c 10 200\n";

    private static final String OTHER_ADDRESS = "93.184.216.77";

    /** Greets everybody until somebody says something: whoever gave up waiting comes again. */
    private static final String GREET = """
            import socket, sys
            s = socket.socket(); s.bind(('', int(sys.argv[1]))); s.listen()
            said = b''
            while not said:
                with s.accept()[0] as client:
                    try:
                        client.send(b'hello'); client.shutdown(socket.SHUT_WR)
                        said = client.recv(1) # who has heard it hangs up; before that pasta must not end
                    except ConnectionError: pass
            """;

    /** The policy of a sandbox of root, in the sandbox's own network namespace; pasta(1) carries on what may pass. */
    @Test
    void aSandboxReachesWhatItsPolicySaysThroughPasta() throws Exception {
        Lab.need("pasta");
        try (NetworkWorld world = NetworkWorld.create()) {
            wayOut(world);
            try (OtherProcess engine = world.host.inside(() -> engine(true, Optional.empty(), TAP_DEVICE))) {
                assertThat(reached(engine, "public"))
                        .contains(
                                "tcp," + INTERNET + ",7000 " + HOST,
                                "udp," + INTERNET + ",7000 " + HOST,
                                "tcp," + INTERNET6 + ",7000 " + address(HOST6).getHostAddress(),
                                "tcp," + LAN + ",7000 ECONNREFUSED",
                                "tcp," + LAN6 + ",7000 ECONNREFUSED",
                                "tcp," + METADATA + ",7000 ECONNREFUSED",
                                "tcp," + OTHER_ADDRESS + ",7000 ECONNREFUSED")
                        .noneMatch(line -> line.endsWith("timeout"))
                        .filteredOn(line -> line.matches(".*7000 [0-9a-f]+[.:].*"))
                        .hasSize(3);
                assertThat(reached(engine, "deny")).noneMatch(line -> line.matches(".*7000 [0-9a-f]+[.:].*"));
                assertThat(reached(engine, "default,deny;allow," + LAN + ":tcp"))
                        .contains("tcp," + LAN + ",7000 192.168.77.1", "tcp," + INTERNET + ",7000 ECONNREFUSED");
                assertThat(engine.tell("once", "way-out", "public", "nft flush ruleset 2>&1 || echo $?"))
                        .as("its root may not change it")
                        .contains("not permitted");
                engine.order("once", "way-out", "public", python(GREET) + " 8080");
                String greeting = "";
                long deadline = System.nanoTime() + 60_000_000_000L;
                while (!greeting.equals("hello") && System.nanoTime() < deadline) {
                    greeting = NetworkWorld.connect(world.host, "127.0.0.1", 18080);
                }
                assertThat(greeting).as("from its published port").isEqualTo("hello");
                world.host.inside(() -> {
                    try (Socket socket = new Socket("127.0.0.1", 18080)) {
                        socket.getOutputStream().write('.');
                        return socket.getInputStream().readAllBytes();
                    }
                });
                assertThat(engine.answer().orElseThrow()).startsWith("ok exited 0");
                engine.order("once", "way-out", "public", "sleep 1000");
                await("sleep");
                assertThat(processes()).anyMatch(line -> line.contains("passt") || line.contains("pasta"));
                engine.kill();
            }
        }
    }

    /** By way of a place that has nothing behind it, and with one more address, which is of this machine and public. */
    private static void wayOut(NetworkWorld world) throws Exception {
        try (Rtnetlink host = world.host.rtnetlink()) {
            int link = host.link("internet").orElseThrow().index();
            host.execute(
                    Route.via(new IpPrefix(address("0.0.0.0"), 0), address(INTERNET), link)
                            .add(),
                    Route.via(new IpPrefix(address("::"), 0), address(INTERNET6), link)
                            .add(),
                    InterfaceAddress.of(host.link("lo").orElseThrow().index(), address(OTHER_ADDRESS), 32)
                            .add());
        }
    }

    private static List<String> reached(OtherProcess engine, String policy) {
        StringBuilder targets = new StringBuilder();
        for (String place : List.of(INTERNET, INTERNET6, LAN, LAN6, METADATA, HOST, OTHER_ADDRESS)) {
            targets.append(" tcp,").append(place).append(",7000");
        }
        targets.append(" udp,")
                .append(INTERNET)
                .append(",7000 udp,")
                .append(LAN)
                .append(",7000");
        String answer = engine.tell("once", "way-out", policy, python(NetworkWorld.PROBE) + targets);
        assertThat(answer).startsWith("exited 0 ");
        return List.of(answer.substring("exited 0 ".length()).split("\\|"));
    }

    /** In one line. */
    private static String python(String program) {
        String text = Base64.getEncoder().encodeToString(program.getBytes(StandardCharsets.UTF_8));
        return "exec python3 -c \"$(echo " + text + " | base64 -d)\"";
    }

    @Test
    void withoutPastaItSaysWhatToDo() throws IOException {
        String hidden = "[ ! -e /usr/bin/pasta ] || mount --bind /dev/null /usr/bin/pasta\n";
        try (OtherProcess engine = engine(true, Optional.empty(), hidden)) {
            engine.order("once", "way-out", "public", "true");
            assertThat(engine.answer().orElseThrow())
                    .startsWith("failed unsupported")
                    .contains("there is no /usr/bin/pasta");
        }
        assumeTrue(Lab.has("pasta"), "pasta is not installed");
        String closed = "mount -t tmpfs none /dev/net\nmknod -m 600 /dev/net/tun c 10 200\n";
        try (OtherProcess engine = engine(true, Optional.empty(), closed)) {
            engine.order("once", "way-out", "public", "true");
            assertThat(engine.answer().orElseThrow())
                    .startsWith("failed unsupported")
                    .contains("/dev/net/tun is not this user's to open");
        }
    }

    /** The engine's resolver is asked, and opens what it has told of names that rules speak of. */
    @Test
    void namesAreAnsweredAsItsPolicySays() throws Exception {
        Lab.need("pasta");
        String script = """
                import socket
                def reach(host, port=7000):
                    try: return socket.create_connection((host, port), 20).recv(100).decode()
                    except OSError as e: return type(e).__name__
                print(reach('%s'), reach('web.example.com'), reach('%s'), reach('other.example.com'), reach('near.example.com'))
                u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(20)
                try: u.connect(('%s', 53)); u.send(b'?'); print(u.recv(100))
                except OSError as e: print(type(e).__name__)
                """.formatted(INTERNET, INTERNET, INTERNET);
        Map<String, String> names = Map.of("web.example.com", INTERNET, "near.example.com", LAN);
        List<String> asked = new CopyOnWriteArrayList<>();
        try (NetworkWorld world = NetworkWorld.create();
                DatagramSocket server = world.internet.inside(() -> new DatagramSocket(53, address(INTERNET)))) {
            wayOut(world);
            NameServer.start(server, names, asked);
            Path servers = Files.writeString(place().resolve("resolv.conf"), "nameserver " + INTERNET + "\n");
            String preparation = TAP_DEVICE + "mount --bind " + servers + " /etc/resolv.conf\n";
            try (OtherProcess engine = world.host.inside(() -> engine(true, Optional.empty(), preparation))) {
                assertThat(engine.tell(
                                "once",
                                "way-out",
                                "default,deny;deny,other.example.com;allow,*.example.com:tcp:7000",
                                python(script)))
                        .as("refused until it has asked; no names of what is near; no other server")
                        .isEqualTo("exited 0 ConnectionRefusedError " + HOST + " " + HOST
                                + " gaierror gaierror|PermissionError");
                assertThat(asked).contains("web.example.com").doesNotContain("other.example.com");
                denied(engine, "dns other.example.com");
                denied(engine, "udp " + INTERNET + ":53");
                assertThat(engine.tell("once", "way-out", "public", python(script)))
                        .startsWith("exited 0 " + HOST + " " + HOST + " " + HOST + " gaierror gaierror|");
            }
        }
    }

    @Test
    void aPolicyIsExchangedAndToldOf() throws Exception {
        Lab.need("pasta");
        String connect = python("""
                import socket
                for host in ('%s', '%s'):
                    try: print(socket.create_connection((host, 7000), 20).recv(100).decode())
                    except OSError as e: print(type(e).__name__)
                """.formatted(INTERNET, LAN));
        try (NetworkWorld world = NetworkWorld.create()) {
            wayOut(world);
            try (OtherProcess engine = world.host.inside(() -> engine(true, Optional.empty(), TAP_DEVICE))) {
                engine.tell("create-attached-networked", "box");
                assertThat(engine.tell("exec", "box", connect))
                        .isEqualTo("exited 0 " + HOST + "|ConnectionRefusedError");
                assertThat(engine.tell("explain", "box", LAN + ":7000")).startsWith("DENY");
                denied(engine, "tcp " + LAN + ":7000 no rule speaks of it"); // as long as that is true
                engine.tell("egress", "box", "default deny\tallow " + LAN);
                assertThat(engine.tell("exec", "box", connect))
                        .isEqualTo("exited 0 ConnectionRefusedError|192.168.77.1");
                assertThat(engine.tell("explain", "box", LAN + ":7000")).startsWith("ALLOW");
                denied(engine, "tcp " + INTERNET + ":7000 no rule speaks of it");
                try (OtherProcess other = world.host.inside(() -> engine(true, Optional.empty(), TAP_DEVICE))) {
                    assertThat(other.tell("explain", "box", LAN + ":7000")).startsWith("ALLOW");
                    other.order("egress", "box", "default allow");
                    assertThat(other.answer().orElseThrow())
                            .startsWith("failed unsupported")
                            .contains("by the process that made it");
                }
                engine.order("publish", "box", "8081:80");
                assertThat(engine.answer().orElseThrow())
                        .startsWith("failed unsupported")
                        .contains("when it is made");
            }
        }
    }

    @Test
    void aStreamIsAsFastAsItMayBe() throws Exception {
        Lab.need("pasta");
        String stream = python("""
                import socket, time
                s = socket.create_connection(('%s', 7010), 60); s.settimeout(120)
                began = time.time()
                for i in range(16): s.sendall(b'x' * 65536)
                s.shutdown(socket.SHUT_WR)
                s.recv(100)
                print(int((time.time() - began) * 1000))
                """.formatted(INTERNET));
        try (NetworkWorld world = NetworkWorld.create();
                ServerSocket sink = world.internet.inside(() -> new ServerSocket(7010))) {
            wayOut(world);
            FutureTask<Long> received = new FutureTask<>(() -> {
                try (Socket client = sink.accept()) {
                    long bytes = client.getInputStream().transferTo(OutputStream.nullOutputStream());
                    client.getOutputStream().write(1);
                    return bytes;
                }
            });
            Thread.ofPlatform().daemon().start(received);
            try (OtherProcess engine = world.host.inside(() -> engine(true, Optional.empty(), TAP_DEVICE))) {
                String[] words = engine.tell("once", "way-out", "allow,public;bandwidth,256k", stream)
                        .split(" ");
                assertThat(words).startsWith("exited", "0");
                assertThat(received.get()).isEqualTo(16 * 65_536);
                // 1 MiB, of which 512 KiB may come at once.
                assertThat(Integer.parseInt(words[2])).isGreaterThan(1600);
            }
        }
    }

    /** Killed before each step: the next engine leaves nothing of it. */
    @Test
    void whatTheDeadLeaveIsSwept() throws Exception {
        Lab.need("pasta");
        try (NetworkWorld world = NetworkWorld.create()) {
            wayOut(world);
            int steps;
            try (OtherProcess engine = world.host.inside(() -> engine(true, Optional.empty(), TAP_DEVICE))) {
                engine.tell("engine");
                engine.tell("die-at", "0");
                engine.tell("create-attached-networked", "box");
                steps = Integer.parseInt(engine.tell("count"));
            }
            assertThat(steps).isGreaterThan(20);
            try (OtherProcess.Succession others = new OtherProcess.Succession(
                    () -> world.host.inside(() -> engine(true, Optional.empty(), TAP_DEVICE)))) {
                for (int step = 1; step <= steps; step++) {
                    try (OtherProcess engine = others.next()) {
                        engine.tell("engine");
                        engine.tell("die-at", Integer.toString(step));
                        engine.order("create-attached-networked", "box");
                        engine.answer();
                        engine.kill();
                    }
                    nothingOfTheUserIsLeft(step, "/proc/" + others.waiting() + " ");
                }
            }
            try (OtherProcess engine = world.host.inside(() -> engine(true, Optional.empty(), TAP_DEVICE))) {
                engine.tell("create-attached-networked", "box");
                try (var left = Files.list(place().resolve("run/cay/networks"))) {
                    assertThat(left.map(path -> path.getFileName().toString()))
                            .as("its own")
                            .filteredOn(name -> name.contains("-"))
                            .hasSize(1);
                }
            }
        }
    }

    /** What is denied is written down a moment later. */
    private static void denied(OtherProcess engine, String what) {
        long deadline = System.nanoTime() + 20_000_000_000L;
        String denied = engine.tell("denied");
        while (!denied.contains(what) && System.nanoTime() < deadline) {
            LockSupport.parkNanos(50_000_000);
            denied = engine.tell("denied");
        }
        assertThat(denied).contains(what).doesNotContain("ff02:");
    }

    private static void nothingOfTheUserIsLeft(int step, String butThis) throws IOException {
        long deadline = System.nanoTime() + 20_000_000_000L;
        List<String> left;
        do {
            left = processes().stream()
                    .filter(line -> !line.startsWith(butThis))
                    .toList();
            LockSupport.parkNanos(10_000_000);
        } while (!left.isEmpty() && System.nanoTime() < deadline);
        assertThat(left).as("killed before step " + step).isEmpty();
    }
}
