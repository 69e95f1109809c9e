package dev.cay.it;

import static dev.cay.it.Lab.need;
import static dev.cay.it.NetworkWorld.HOST;
import static dev.cay.it.NetworkWorld.INTERNET;
import static dev.cay.it.NetworkWorld.LAN;
import static dev.cay.it.NetworkWorld.PORT;
import static dev.cay.it.NetworkWorld.connect;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.EgressPolicy;
import dev.cay.Network;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.linux.netlink.NftChain;
import dev.cay.linux.netlink.NftFamily;
import dev.cay.linux.netlink.NftTable;
import dev.cay.linux.netlink.Nftables;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Inet4Address;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Sandboxes come to a network and go again: many at once, in the middle of it, and one after the other at the same address. */
@ExtendWith(RootLane.class)
class NetworkLifeTest {
    private static final NftTable OURS = new NftTable(NftFamily.INET, "cay");
    private static final int MANY = 200;
    private static final long PATIENCE_NANOSECONDS = 60_000_000_000L;

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

    private static Sandbox box(Sandboxes engine, EgressPolicy policy) {
        return engine.create(
                SandboxSpec.host().network(Network.bridge().withEgress(policy)).build());
    }

    private Nftables filter() throws Exception {
        return Nftables.openIn(world.kernel, world.host.namespace());
    }

    @Test
    void manyAtOnce() throws Exception {
        world.engine(engine -> {
            // Threads of this network namespace, all of which begin at the same moment.
            try (ExecutorService threads = Executors.newFixedThreadPool(MANY)) {
                CountDownLatch begin = new CountDownLatch(1);
                List<Future<Sandbox>> making = new ArrayList<>();
                for (int i = 0; i < MANY; i++) {
                    making.add(threads.submit(() -> {
                        begin.await();
                        return box(engine, EgressPolicy.publicOnly());
                    }));
                }
                begin.countDown();
                List<Sandbox> made = new ArrayList<>();
                for (Future<Sandbox> one : making) {
                    made.add(one.get());
                }
                assertThat(made)
                        .extracting(one -> engine.networks().member(one.id()).address())
                        .hasSize(MANY)
                        .doesNotHaveDuplicates();
                for (Sandbox one : List.of(made.getFirst(), made.get(MANY / 2), made.getLast())) {
                    assertThat(connect(one, INTERNET, PORT)).isEqualTo(HOST);
                    assertThat(connect(one, LAN, PORT)).isEqualTo("ECONNREFUSED");
                }
                List<Future<?>> closing = new ArrayList<>();
                made.forEach(one -> closing.add(threads.submit(one::close)));
                for (Future<?> one : closing) {
                    one.get();
                }
            }
        });
    }

    /** Forwarding is the whole machine's: it stays until the last one of whatever process has ended, and then is what it was. */
    @Test
    void s1TheFirstToEndCutsOffNobody() throws Exception {
        String before = forwarding();
        world.engine(engine -> {
            try (Sandbox here = box(engine, EgressPolicy.publicOnly())) {
                try (OtherProcess other = world.host.inside(OtherProcess::start)) {
                    other.tell("engine");
                    other.tell("create-networked", Lab.PREFIX + "net");
                    engine.open(Lab.PREFIX + "net").remove();
                }
                assertThat(forwarding()).as("while one lives").isNotEqualTo(before);
                assertThat(connect(here, INTERNET, PORT)).isEqualTo(HOST);
            }
        });
        assertThat(forwarding()).as("when nobody is left").isEqualTo(before);
    }

    private String forwarding() throws Exception {
        return world.host.output("cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding");
    }

    /** Killed between any two steps: a sweep finds what is left, and nothing else. */
    @Test
    void whatTheDeadLeaveIsSwept() throws Exception {
        world.engine(engine -> {
            try (Sandbox living = box(engine, EgressPolicy.publicOnly())) {
                String before = snapshot();
                int step = 0;
                try (OtherProcess.Succession others =
                        new OtherProcess.Succession(() -> world.host.inside(OtherProcess::start))) {
                    for (boolean killed = true; killed; ) {
                        step++;
                        try (OtherProcess other = others.next()) {
                            other.tell("engine");
                            other.tell("die-at", Integer.toString(step));
                            other.order("create-networked", Lab.PREFIX + "net");
                            killed = other.answer()
                                    .filter(text -> text.startsWith("ok"))
                                    .isEmpty();
                            if (!killed) {
                                engine.open(Lab.PREFIX + "net").remove(); // there are no more steps
                            }
                        }
                        engine.sweep();
                        assertThat(snapshot()).as("killed before step " + step).isEqualTo(before);
                    }
                }
                assertThat(step).as("steps").isGreaterThan(20);
                assertThat(connect(living, INTERNET, PORT)).isEqualTo(HOST);
                assertThat(connect(living, LAN, PORT)).isEqualTo("ECONNREFUSED");
            }
        });
    }

    /** What one has begun, another one at its address may not go on with. */
    @Test
    void anAddressComesBackWithoutItsConnections() throws Exception {
        String flow = """
                import errno, socket, sys
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(20)
                s.bind(('', 5555)); s.connect((sys.argv[1], 7000))
                try: s.send(b'?'); print(s.recv(100).decode())
                except OSError as e: print(errno.errorcode.get(e.errno, e))
                """;
        world.engine(engine -> {
            Inet4Address address;
            try (Sandbox first = box(engine, EgressPolicy.publicOnly())) {
                address = (Inet4Address) engine.networks().member(first.id()).address();
                assertThat(first.exec("python3", "-c", flow, INTERNET).stdout().trim())
                        .isEqualTo(HOST);
            }
            SandboxSpec again = SandboxSpec.host()
                    .network(Network.bridge().withEgress(EgressPolicy.denyAll()).withAddress(address))
                    .build();
            try (Sandbox second = patiently(engine, again)) {
                assertThat(engine.networks().member(second.id()).address()).isEqualTo(address);
                assertThat(second.exec("python3", "-c", flow, INTERNET).stdout().trim())
                        .as("the same ports, and a policy that allows nothing")
                        .isIn("EHOSTUNREACH", "ECONNREFUSED", "EACCES");
            }
        });
    }

    /** An address rests until the kernel has taken its link apart. */
    private static Sandbox patiently(Sandboxes engine, SandboxSpec spec) throws InterruptedException {
        long deadline = System.nanoTime() + PATIENCE_NANOSECONDS;
        while (true) {
            try {
                return engine.create(spec);
            } catch (SandboxException.Conflict e) {
                if (System.nanoTime() > deadline) {
                    throw e;
                }
                Thread.sleep(20);
            }
        }
    }

    /** So much at once, and then so much a second; a busy machine may take longer. */
    @Test
    void aStreamIsAsFastAsItMayBe() throws Exception {
        String stream = """
                import socket, sys, time
                s = socket.create_connection((sys.argv[1], 7010), 60); s.settimeout(120)
                began = time.time()
                for i in range(16): s.sendall(b'x' * 65536)
                s.shutdown(socket.SHUT_WR)
                got = b''
                while True:
                    part = s.recv(100)
                    if not part: break
                    got += part
                print(got.decode(), time.time() - began)
                """;
        world.engine(engine -> {
            try (ServerSocket sink = world.internet.inside(() -> new ServerSocket(7010));
                    Sandbox limited = box(engine, EgressPolicy.publicOnly().withBandwidth(Size.kib(256)))) {
                Thread.ofPlatform().daemon().start(() -> {
                    try (Socket client = sink.accept()) {
                        long bytes = client.getInputStream().transferTo(OutputStream.nullOutputStream());
                        client.getOutputStream().write(Long.toString(bytes).getBytes(StandardCharsets.US_ASCII));
                    } catch (IOException e) {
                        // the test hears of it from the sandbox
                    }
                });
                String[] words = limited.exec("python3", "-c", stream, INTERNET)
                        .stdout()
                        .trim()
                        .split(" ");
                assertThat(words[0]).isEqualTo(Integer.toString(16 * 65_536));
                // 1 MiB, of which 512 KiB may come at once: what a second allows, and a burst.
                assertThat(Double.parseDouble(words[1])).isGreaterThan(1.6);
            }
        });
    }

    /** What there is of networks, without what the kernel is still taking apart. */
    private String snapshot() throws Exception {
        try (Nftables nftables = filter()) {
            StringBuilder text = new StringBuilder();
            nftables.chains(OURS).stream()
                    .map(NftChain::name)
                    .sorted()
                    .forEach(name -> text.append(name).append('\n'));
            nftables.sets(OURS).stream()
                    .map(set -> set.name())
                    .sorted()
                    .forEach(name -> text.append(name).append('\n'));
            for (var set : nftables.sets(OURS)) {
                if (set.name().matches("(sources|policies|published|names).*")) {
                    text.append(set.name())
                            .append(nftables.elements(set).size())
                            .append('\n');
                }
            }
            return text.toString();
        }
    }
}
