package dev.cay.it;

import static dev.cay.it.Lab.need;
import static dev.cay.it.NetworkWorld.HOST;
import static dev.cay.it.NetworkWorld.INTERNET;
import static dev.cay.it.NetworkWorld.PORT;
import static dev.cay.it.NetworkWorld.connect;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.EgressPolicy;
import dev.cay.Network;
import dev.cay.Networks;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Frames built by hand, sent from the namespace of a sandbox by the root of the machine, which may more than anybody in a sandbox:
 * nobody believes them, and nobody else gets them.
 */
@ExtendWith(RootLane.class)
class NetworkSpoofingTest {
    /** LIAR VICTIM GATEWAY, each MAC,IPV4,IPV6, and TARGET: lies of all kinds, and then the truth, three times. */
    private static final String LIE = """
            import socket, struct, sys
            def parse(text):
                mac, ip, ip6 = text.split(',')
                return bytes.fromhex(mac.replace(':', '')), socket.inet_aton(ip), socket.inet_pton(socket.AF_INET6, ip6)
            liar, victim, gateway = map(parse, sys.argv[1:4]); target = socket.inet_aton(sys.argv[4])
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(('eth0', 0))
            ALL = b'\\xff' * 6
            def total(data):
                if len(data) % 2: data += b'\\0'
                n = sum(struct.unpack('!%dH' % (len(data) // 2), data))
                n = (n >> 16) + (n & 0xffff); n += n >> 16
                return ~n & 0xffff
            def arp(to, source, op, claimed, asked):
                s.send(to + source + b'\\x08\\x06' + struct.pack('!HHBBH', 1, 0x800, 6, 4, op) + source + claimed + to + asked)
            def udp(source_mac, source_ip, text, tag=b''):
                body = struct.pack('!HHHH', 4000, 7009, 8 + len(text), 0) + text
                head = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(body), 1, 0, 64, 17, 0) + source_ip + target
                head = head[:10] + struct.pack('!H', total(head)) + head[12:]
                s.send(gateway[0] + source_mac + tag + b'\\x08\\x00' + head + body)
            def advertise(source_mac, claimed, to_mac, to):
                icmp = struct.pack('!BBHI', 136, 0, 0, 0x20000000) + claimed + b'\\x02\\x01' + source_mac
                pseudo = claimed + to + struct.pack('!II', len(icmp), 58)
                icmp = icmp[:2] + struct.pack('!H', total(pseudo + icmp)) + icmp[4:]
                head = struct.pack('!IHBB', 0x60000000, len(icmp), 58, 255) + claimed + to
                s.send(to_mac + source_mac + b'\\x86\\xdd' + head + icmp)
            def router(source_mac):
                link = socket.inet_pton(socket.AF_INET6, 'fe80::bad'); every = socket.inet_pton(socket.AF_INET6, 'ff02::1')
                icmp = struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0)
                icmp = icmp[:2] + struct.pack('!H', total(link + every + struct.pack('!II', len(icmp), 58) + icmp)) + icmp[4:]
                head = struct.pack('!IHBB', 0x60000000, len(icmp), 58, 255) + link + every
                s.send(b'\\x33\\x33\\0\\0\\0\\x01' + source_mac + b'\\x86\\xdd' + head + icmp)
            for i in range(3):
                for source in (liar[0], victim[0], gateway[0]):
                    for to in (ALL, gateway[0], victim[0]):
                        for op in (1, 2):
                            arp(to, source, op, victim[1], gateway[1])
                            arp(to, source, op, gateway[1], victim[1])
                    advertise(source, victim[2], gateway[0], gateway[2])
                    advertise(source, gateway[2], victim[0], victim[2])
                    router(source)
                    if source != liar[0]: udp(source, liar[1], b'cay-lie of a station')
                    udp(source, victim[1], b'cay-lie of an address')
                    udp(source, gateway[1], b'cay-lie of the gateway')
                    udp(source, liar[1], b'cay-lie in a vlan', b'\\x81\\x00\\x00\\x01')
                    udp(source, liar[1], b'cay-lie in two vlans', b'\\x88\\xa8\\x00\\x01\\x81\\x00\\x00\\x01')
                udp(liar[0], liar[1], b'cay-truth')
            """;

    /** Prints what comes that is ours, or from a station that is named, until something comes that has to. */
    private static final String LISTEN = """
            import socket, sys, time
            until, count, station = sys.argv[1].encode(), int(sys.argv[2]), bytes.fromhex(sys.argv[3].replace(':', ''))
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); s.settimeout(0.2)
            seen = set(); end = time.time() + 60
            while count and time.time() < end:
                try: data, where = s.recvfrom(2000)
                except socket.timeout: continue
                if where[2] == socket.PACKET_OUTGOING: continue
                if until in data: count -= 1
                elif b'cay-lie' in data: seen.add(data[data.index(b'cay-lie'):].decode('latin1'))
                if data[6:12] == station: seen.add('its station')
            print('timeout' if count else sorted(seen))
            """;

    private NetworkWorld world;

    @BeforeEach
    void build() throws Exception {
        need("python3");
        need("ip");
        world = NetworkWorld.create();
    }

    @AfterEach
    void close() throws Exception {
        world.close();
    }

    private static Sandbox box(Sandboxes engine) {
        return engine.create(SandboxSpec.host()
                .network(Network.named("lan").withEgress(EgressPolicy.allowAll()))
                .build());
    }

    @Test
    void framesBuiltByHandConvinceNobody() throws Exception {
        world.engine(engine -> {
            Networks.Info network = engine.networks().create("lan", java.util.Optional.empty());
            try (Sandbox liar = box(engine);
                    Sandbox victim = box(engine);
                    NetlinkLab inLiar = lab(liar);
                    NetlinkLab inVictim = lab(victim)) {
                Networks.Member one = engine.networks().member(liar.id());
                Networks.Member other = engine.networks().member(victim.id());
                String station = station(one.address().getAddress());
                String there = station(other.address().getAddress());
                String gateway = station(network.gateway().getAddress());
                assertThat(connect(victim, INTERNET, PORT)).isEqualTo(HOST);
                String knownHere = known(world.host, network.bridge());
                String knownThere = known(inVictim, "eth0");

                FutureTask<String> outside = listening(world.internet, "cay-truth", 3, "00:00:00:00:00:00");
                FutureTask<String> neighbour = listening(inVictim, HOST, 1, station);
                inLiar.output(
                        "python3",
                        "-c",
                        LIE,
                        station + "," + one.address().getHostAddress() + ","
                                + one.address6().getHostAddress(),
                        there + "," + other.address().getHostAddress() + ","
                                + other.address6().getHostAddress(),
                        gateway + "," + network.gateway().getHostAddress() + ","
                                + network.gateway6().getHostAddress(),
                        INTERNET);
                assertThat(outside.get())
                        .as("seen in the internet, besides the truth")
                        .isEqualTo("[]");
                assertThat(connect(victim, INTERNET, PORT)).isEqualTo(HOST); // ends the listening, too
                assertThat(neighbour.get()).as("seen by the neighbour").isEqualTo("[]");
                assertThat(known(world.host, network.bridge())).isEqualTo(knownHere);
                assertThat(known(inVictim, "eth0")).isEqualTo(knownThere);
            } finally {
                engine.networks().remove("lan");
            }
        });
    }

    private NetlinkLab lab(Sandbox sandbox) throws Exception {
        return NetlinkLab.of(world.kernel, sandbox.info().firstProcess().orElseThrow());
    }

    static String station(byte[] address) {
        return "02:ca:%02x:%02x:%02x:%02x".formatted(address[0], address[1], address[2], address[3]);
    }

    /** Who is where, as it is known in a place. */
    private static String known(NetlinkLab lab, String link) throws Exception {
        return lab.output(
                "sh", "-c", "ip neigh show dev " + link + " | sort; ip -6 route show dev " + link + " | sort");
    }

    static FutureTask<String> listening(NetlinkLab lab, String until, int count, String station) throws Exception {
        long before = sockets(lab);
        FutureTask<String> task =
                new FutureTask<>(() -> lab.output("python3", "-c", LISTEN, until, Integer.toString(count), station)
                        .trim());
        Thread.ofPlatform().daemon().start(task);
        long deadline = System.nanoTime() + 60_000_000_000L;
        while (sockets(lab) <= before && System.nanoTime() < deadline) {
            Thread.sleep(10);
        }
        return task;
    }

    private static long sockets(NetlinkLab lab) throws Exception {
        return lab.output("cat", "/proc/net/packet").lines().count();
    }
}
