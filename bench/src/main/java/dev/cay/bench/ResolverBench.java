package dev.cay.bench;

import dev.cay.engine.dns.Resolver;
import dev.cay.engine.dns.ResolverLimits;
import dev.cay.engine.dns.Upstreams;
import dev.cay.engine.dns.Zone;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * Questions for names over the loopback interface, in this process: the resolver, a server behind it that answers at once, and
 * clients that ask one question after the other. No packet filter, no sandbox: what the resolver itself takes.
 */
final class ResolverBench {
    static final String KNOWN = "dns, known";
    static final String ASKED = "dns, asked";

    private static final InetAddress LOOPBACK = InetAddress.ofLiteral("127.0.0.1");
    private static final int CLIENTS = 4;
    private static final int WARMUP = 4000;
    private static final int QUESTIONS = 10_000;
    private static final int HEADER = 12;
    private static final int OPTIONS_RECORD = 11;
    private static final int TIMEOUT_MILLIS = 10_000;
    private static final int UNLIMITED = 1_000_000_000;
    private static final byte[] ANSWER = {(byte) 0xc0, 12, 0, 1, 0, 1, 0, 0, 2, 88, 0, 4, (byte) 192, 0, 2, 1};

    private final InetSocketAddress resolver;

    private ResolverBench(InetSocketAddress resolver) {
        this.resolver = resolver;
    }

    static Report run(Options options) throws IOException {
        options.check(List.of());
        Report report = new Report("dns", "questions for names, answered by the resolver");
        run(report);
        return report;
    }

    /** Adds its rows and figures to the report of the networks. */
    static void run(Report report) throws IOException {
        ResolverLimits limits = new ResolverLimits(
                UNLIMITED,
                UNLIMITED,
                CLIENTS * 2,
                CLIENTS,
                1024,
                1 << 20,
                Duration.ofHours(1),
                Duration.ofSeconds(60),
                Duration.ofSeconds(5),
                Duration.ofSeconds(10));
        try (DatagramSocket server = new DatagramSocket(0, LOOPBACK)) {
            Thread.ofPlatform().name("bench-dns-server").daemon().start(() -> serve(server));
            Upstreams upstreams = Upstreams.of(List.of(new InetSocketAddress(LOOPBACK, server.getLocalPort())));
            try (Resolver resolver = Resolver.start(new Everything(), upstreams, limits)) {
                ResolverBench bench = new ResolverBench(resolver.listen(LOOPBACK, 0));
                bench.measure(report, KNOWN, "known", 1);
                bench.measure(report, ASKED, "asked", Integer.MAX_VALUE);
            }
        }
        report.note("'" + KNOWN + "' and '" + ASKED + "' are questions to the resolver over loopback, " + CLIENTS
                + " clients in this JVM, a server in this JVM behind it; no sandbox, no packet filter.");
    }

    private void measure(Report report, String row, String figure, int names) throws IOException {
        ask(WARMUP, names, 0);
        long began = System.nanoTime();
        List<Long> times = ask(QUESTIONS, names, WARMUP);
        double seconds = (System.nanoTime() - began) / 1e9;
        times.sort(null);
        report.row(row, Samples.ofNanoseconds(times));
        report.figure("dns_" + figure + "_per_second", times.size() / seconds);
        report.figure("dns_" + figure + "_p99_ms", times.get(times.size() * 99 / 100) / 1e6);
    }

    private List<Long> ask(int questions, int names, int first) throws IOException {
        List<FutureTask<List<Long>>> tasks = new ArrayList<>();
        for (int i = 0; i < CLIENTS; i++) {
            int client = i;
            FutureTask<List<Long>> task =
                    new FutureTask<>(() -> client(client, first, first + questions / CLIENTS, names));
            tasks.add(task);
            Thread.ofPlatform().name("bench-dns-client").daemon().start(task);
        }
        List<Long> times = new ArrayList<>();
        for (FutureTask<List<Long>> task : tasks) {
            try {
                times.addAll(task.get());
            } catch (ExecutionException | InterruptedException e) {
                throw new IOException("a client: " + e.getMessage(), e);
            }
        }
        return times;
    }

    private List<Long> client(int client, int first, int last, int names) throws IOException {
        List<Long> times = new ArrayList<>();
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.connect(resolver);
            socket.setSoTimeout(TIMEOUT_MILLIS);
            byte[] buffer = new byte[512];
            for (int i = first; i < last; i++) {
                byte[] question = question(i, "n" + i % names + "-" + client % names);
                long began = System.nanoTime();
                socket.send(new DatagramPacket(question, question.length));
                DatagramPacket answer = new DatagramPacket(buffer, buffer.length);
                socket.receive(answer);
                times.add(System.nanoTime() - began);
                if (buffer[7] != 1) {
                    throw new IOException("not one answer but " + buffer[7]);
                }
            }
        }
        return times;
    }

    /** A question for an address of {@code LABEL.bench.test}. */
    private static byte[] question(int id, String label) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[] {(byte) (id >> 8), (byte) id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0});
        for (String one : List.of(label, "bench", "test")) {
            out.write(one.length());
            out.writeBytes(one.getBytes(StandardCharsets.US_ASCII));
        }
        out.writeBytes(new byte[] {0, 0, 1, 0, 1});
        return out.toByteArray();
    }

    /** One address for whatever is asked. */
    private static void serve(DatagramSocket server) {
        byte[] buffer = new byte[512];
        while (!server.isClosed()) {
            try {
                DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
                server.receive(packet);
                byte[] question = Arrays.copyOfRange(buffer, HEADER, packet.getLength() - OPTIONS_RECORD);
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                out.writeBytes(new byte[] {buffer[0], buffer[1], (byte) 0x81, (byte) 0x80, 0, 1, 0, 1, 0, 0, 0, 0});
                out.writeBytes(question);
                out.writeBytes(ANSWER);
                byte[] answer = out.toByteArray();
                server.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
            } catch (IOException e) {
                // closed
            }
        }
    }

    /** A network where everything is allowed. */
    private static final class Everything implements Zone {
        @Override
        public Decision decide(InetAddress client, String name) {
            return new Forwarded();
        }

        @Override
        public Admission admit(InetAddress client, String name, List<InetAddress> addresses, Duration lifetime) {
            return new Admission(addresses, Duration.ofHours(1));
        }

        @Override
        public Optional<String> name(InetAddress client, InetAddress address) {
            return Optional.empty();
        }
    }
}
