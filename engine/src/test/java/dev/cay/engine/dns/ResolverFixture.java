package dev.cay.engine.dns;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** A resolver on the loopback interface, a network whose policy a test sets, and a server that it asks. */
abstract class ResolverFixture {
    static final InetAddress LOOPBACK = InetAddress.ofLiteral("127.0.0.1");
    static final ResolverLimits LIMITS = limits(1_000_000, 1_000_000, 128, 4);

    final Network network = new Network();
    FakeServer server;
    Resolver resolver;
    InetSocketAddress address;

    static ResolverLimits limits(int rate, int burst, int outstanding, int connections) {
        return new ResolverLimits(
                rate,
                burst,
                outstanding,
                connections,
                8,
                1 << 16,
                Duration.ofSeconds(300),
                Duration.ofSeconds(60),
                Duration.ofSeconds(5),
                Duration.ofSeconds(20));
    }

    /** A network whose policy a test sets. */
    static final class Network implements Zone {
        final Map<String, Decision> decisions = new ConcurrentHashMap<>();
        final Set<InetAddress> blocked = ConcurrentHashMap.newKeySet();
        final List<String> admitted = new CopyOnWriteArrayList<>();
        final List<String> kept = new CopyOnWriteArrayList<>();
        volatile Duration reachable = Duration.ofMinutes(5);
        volatile boolean broken;
        volatile boolean strangers;

        @Override
        public Decision decide(InetAddress client, String name) {
            return strangers ? new Stranger() : decisions.getOrDefault(name, new Forwarded());
        }

        @Override
        public Admission admit(InetAddress client, String name, List<InetAddress> addresses, Duration lifetime)
                throws IOException {
            if (broken) {
                throw new IOException("the packet filter is on strike");
            }
            List<InetAddress> allowed =
                    addresses.stream().filter(one -> !blocked.contains(one)).toList();
            allowed.forEach(one -> admitted.add(name + " " + one.getHostAddress()));
            return new Admission(allowed, reachable);
        }

        @Override
        public Optional<String> name(InetAddress client, InetAddress asked) {
            return asked.getHostAddress().equals("10.88.0.7") ? Optional.of("db") : Optional.empty();
        }

        @Override
        public void kept(InetAddress client, String name, String rule) {
            kept.add(name + ": " + rule);
        }
    }

    @BeforeEach
    void start() throws IOException {
        server = new FakeServer(question -> FakeServer.addresses(question, 100, "192.0.2.1", "2001:db8::1"));
        restart(Upstreams.of(List.of(server.address())), LIMITS);
    }

    void restart(Upstreams upstreams, ResolverLimits limits) throws IOException {
        if (resolver != null) {
            resolver.close();
        }
        resolver = Resolver.start(network, upstreams, limits);
        address = resolver.listen(LOOPBACK, 0);
    }

    @AfterEach
    void stop() throws IOException {
        resolver.close();
        server.close();
    }

    static DnsMessage question(String name, int type) {
        return DnsMessage.question(4711, new Question(DnsName.of(name), type, 1), Optional.of(DnsMessage.Edns.ours()));
    }

    DnsMessage ask(String name, int type) throws IOException {
        return ask(question(name, type));
    }

    DnsMessage ask(DnsMessage question) throws IOException {
        byte[] answer = exchange(question.write());
        DnsMessage message = DnsMessage.read(answer, answer.length);
        assertThat(message.id()).isEqualTo(question.id());
        assertThat(message.isResponse()).isTrue();
        return message;
    }

    byte[] exchange(byte[] question) throws IOException {
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.setSoTimeout(30_000);
            socket.connect(address);
            socket.send(new DatagramPacket(question, question.length));
            DatagramPacket answer = new DatagramPacket(new byte[65535], 65535);
            socket.receive(answer);
            return java.util.Arrays.copyOf(answer.getData(), answer.getLength());
        }
    }

    static List<String> addresses(DnsMessage message) {
        List<String> addresses = new ArrayList<>();
        for (DnsRecord record : message.answers()) {
            record.address().ifPresent(one -> addresses.add(one.getHostAddress()));
        }
        return addresses;
    }

    static DnsRecord soa(String zone, long seconds) {
        WireOutput out = new WireOutput();
        DnsName.of("ns." + zone).write(out);
        DnsName.of("admin." + zone).write(out);
        out.u32(1).u32(2).u32(3).u32(4).u32(seconds);
        return new DnsRecord(DnsName.of(zone), DnsType.SOA, 1, 1000, out.toBytes());
    }

    interface Condition {
        boolean holds();
    }

    static void await(Condition condition) {
        long deadline = System.nanoTime() + 30_000_000_000L;
        while (!condition.holds()) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            java.util.concurrent.locks.LockSupport.parkNanos(5_000_000);
        }
    }
}
