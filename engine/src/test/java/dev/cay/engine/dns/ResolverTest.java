package dev.cay.engine.dns;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.engine.Seeded;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The resolver over sockets of the loopback interface, with servers that mean well and others. */
class ResolverTest {
    private static final InetAddress LOOPBACK = InetAddress.ofLiteral("127.0.0.1");
    private static final ResolverLimits LIMITS = limits(1_000_000, 1_000_000, 128, 4);

    private final Network network = new Network();
    private FakeServer server;
    private Resolver resolver;
    private InetSocketAddress address;

    private static ResolverLimits limits(int rate, int burst, int outstanding, int connections) {
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
    private static final class Network implements Zone {
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

    private void restart(Upstreams upstreams, ResolverLimits limits) throws IOException {
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

    private static DnsMessage question(String name, int type) {
        return DnsMessage.question(4711, new Question(DnsName.of(name), type, 1), Optional.of(DnsMessage.Edns.ours()));
    }

    private DnsMessage ask(String name, int type) throws IOException {
        return ask(question(name, type));
    }

    private DnsMessage ask(DnsMessage question) throws IOException {
        byte[] answer = exchange(question.write());
        DnsMessage message = DnsMessage.read(answer, answer.length);
        assertThat(message.id()).isEqualTo(question.id());
        assertThat(message.isResponse()).isTrue();
        return message;
    }

    private byte[] exchange(byte[] question) throws IOException {
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.setSoTimeout(30_000);
            socket.connect(address);
            socket.send(new DatagramPacket(question, question.length));
            DatagramPacket answer = new DatagramPacket(new byte[65535], 65535);
            socket.receive(answer);
            return java.util.Arrays.copyOf(answer.getData(), answer.getLength());
        }
    }

    private static List<String> addresses(DnsMessage message) {
        List<String> addresses = new ArrayList<>();
        for (DnsRecord record : message.answers()) {
            record.address().ifPresent(one -> addresses.add(one.getHostAddress()));
        }
        return addresses;
    }

    private static DnsRecord soa(String zone, long seconds) {
        WireOutput out = new WireOutput();
        DnsName.of("ns." + zone).write(out);
        DnsName.of("admin." + zone).write(out);
        out.u32(1).u32(2).u32(3).u32(4).u32(seconds);
        return new DnsRecord(DnsName.of(zone), DnsType.SOA, 1, 1000, out.toBytes());
    }

    // --- what is answered

    @Test
    void aNameIsAskedForOnceAndItsAddressesAreAdmittedFirst() throws IOException {
        DnsMessage first = ask("www.example.test", DnsType.A);
        DnsMessage second = ask("WWW.example.TEST", DnsType.A);

        assertThat(addresses(first)).containsExactly("192.0.2.1");
        assertThat(addresses(second)).containsExactly("192.0.2.1");
        assertThat(first.answers().getFirst().timeToLive()).isBetween(90L, 100L);
        assertThat(second.questions().getFirst().name()).hasToString("WWW.example.TEST.");
        assertThat(network.admitted).containsExactly("www.example.test 192.0.2.1");
        assertThat(server.questions()).isEqualTo(1);
        assertThat(resolver.statistics()).isEqualTo(new ResolverStatistics(2, 1, 1, 0, 0, 0));
    }

    @Test
    void bothFamilies() throws IOException {
        assertThat(addresses(ask("www.example.test", DnsType.AAAA))).containsExactly("2001:db8:0:0:0:0:0:1");
    }

    @Test
    void aForgottenClientIsToldAnew() throws IOException {
        ask("www.example.test", DnsType.A);
        network.decisions.put("www.example.test", new Zone.Denied("no"));
        assertThat(ask("www.example.test", DnsType.A).code())
                .as("a decision needs no forgetting")
                .isEqualTo(DnsMessage.NAME_ERROR);
        network.decisions.clear();
        resolver.forget(LOOPBACK);
        ask("www.example.test", DnsType.A);
        assertThat(server.questions()).isEqualTo(2);
        assertThat(network.admitted).hasSize(2);
    }

    @Test
    void addressesThatAreNoLongerReachableAreAdmittedAgain() throws IOException {
        network.reachable = Duration.ZERO;
        assertThat(ask("www.example.test", DnsType.A).answers().getFirst().timeToLive())
                .isZero();
        ask("www.example.test", DnsType.A);
        assertThat(network.admitted).hasSize(2);
        assertThat(server.questions()).isEqualTo(1);
    }

    @Test
    void whatCannotBeMadeReachableIsNotTold() throws IOException {
        network.broken = true;
        DnsMessage answer = ask("www.example.test", DnsType.A);
        assertThat(answer.code()).isEqualTo(DnsMessage.SERVER_FAILURE);
        assertThat(answer.answers()).isEmpty();
        network.broken = false;
        assertThat(addresses(ask("www.example.test", DnsType.A))).hasSize(1);
    }

    @Test
    void thatThereIsNothingIsKept() throws IOException {
        server.both(question ->
                FakeServer.answer(question, DnsMessage.NAME_ERROR, List.of(), List.of(soa("example.test", 30))));
        for (int i = 0; i < 3; i++) {
            DnsMessage answer = ask("nope.example.test", DnsType.A);
            assertThat(answer.code()).isEqualTo(DnsMessage.NAME_ERROR);
            assertThat(answer.authorities()).hasSize(1);
        }
        assertThat(server.questions()).isEqualTo(1);
    }

    @Test
    void aliasesAreFollowedAndWhatElseIsSentGoesNoFurther() throws IOException {
        server.both(question -> {
            DnsName asked = question.questions().getFirst().name();
            DnsName edge = DnsName.of("edge.cdn.test");
            return new DnsMessage(
                    question.id(),
                    DnsMessage.RESPONSE,
                    question.questions(),
                    List.of(
                            DnsRecord.of(DnsName.of("bank.test"), InetAddress.ofLiteral("203.0.113.66"), 9999),
                            DnsRecord.of(edge, InetAddress.ofLiteral("192.0.2.9"), 20),
                            DnsRecord.of(asked, DnsType.CNAME, edge, 60)),
                    List.of(),
                    List.of(DnsRecord.of(DnsName.of("bank.test"), InetAddress.ofLiteral("203.0.113.66"), 9999)),
                    Optional.empty());
        });
        DnsMessage answer = ask("www.example.test", DnsType.A);

        assertThat(answer.answers()).hasSize(2);
        assertThat(addresses(answer)).containsExactly("192.0.2.9");
        assertThat(answer.additionals()).isEmpty();
        assertThat(answer.answers().getFirst().timeToLive()).isBetween(10L, 20L);
        assertThat(network.admitted).containsExactly("www.example.test 192.0.2.9");
    }

    @Test
    void aCircleOfAliasesComesToAnEnd() throws IOException {
        server.both(question -> {
            DnsName asked = question.questions().getFirst().name();
            DnsName other = DnsName.of("b.test");
            return FakeServer.answer(
                    question,
                    DnsMessage.NO_ERROR,
                    List.of(
                            DnsRecord.of(asked, DnsType.CNAME, other, 60),
                            DnsRecord.of(other, DnsType.CNAME, asked, 60)),
                    List.of());
        });
        assertThat(ask("a.test", DnsType.A).code()).isEqualTo(DnsMessage.SERVER_FAILURE);
    }

    @Test
    void otherTypesAreHandedOn() throws IOException {
        byte[] text = {2, 'h', 'i'};
        server.both(question -> FakeServer.answer(
                question,
                DnsMessage.NO_ERROR,
                List.of(new DnsRecord(question.questions().getFirst().name(), DnsType.TXT, 1, 5, text)),
                List.of()));
        assertThat(ask("a.test", DnsType.TXT).answers().getFirst().data()).isEqualTo(text);
    }

    // --- what is not

    @Test
    void aDeniedNameDoesNotExistAndNobodyHearsOfIt() throws IOException {
        network.decisions.put("secret.evil.test", new Zone.Denied("rule 3: deny evil.test"));
        for (int type : new int[] {DnsType.A, DnsType.AAAA, DnsType.TXT, DnsType.HTTPS, DnsType.CNAME, 65400}) {
            DnsMessage answer = ask("Secret.evil.test", type);
            assertThat(answer.code()).isEqualTo(DnsMessage.NAME_ERROR);
            assertThat(new String(answer.edns().orElseThrow().options(), java.nio.charset.StandardCharsets.UTF_8))
                    .endsWith("rule 3: deny evil.test");
        }
        assertThat(server.questions()).isZero();
        assertThat(network.kept).contains("secret.evil.test: rule 3: deny evil.test");
    }

    @Test
    void rebindingIsKeptFromTheClient() throws IOException {
        network.blocked.add(InetAddress.ofLiteral("10.0.0.1"));
        server.both(question -> FakeServer.addresses(question, 60, "10.0.0.1", "192.0.2.1"));
        assertThat(addresses(ask("rebind.test", DnsType.A))).containsExactly("192.0.2.1");

        server.both(question -> FakeServer.addresses(question, 60, "10.0.0.1"));
        DnsMessage answer = ask("rebind2.test", DnsType.A);
        assertThat(answer.code()).isEqualTo(DnsMessage.NO_ERROR);
        assertThat(answer.answers()).isEmpty();
        assertThat(network.admitted).containsExactly("rebind.test 192.0.2.1");
        assertThat(network.kept)
                .containsExactly(
                        "rebind.test: its address 10.0.0.1 is out of reach",
                        "rebind2.test: its address 10.0.0.1 is out of reach");
    }

    @Test
    void anAddressOfTheOtherFamilyIsNone() throws IOException {
        byte[] mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, 10, 0, 0, 1};
        server.both(question -> FakeServer.answer(
                question,
                DnsMessage.NO_ERROR,
                List.of(new DnsRecord(question.questions().getFirst().name(), DnsType.AAAA, 1, 60, mapped)),
                List.of()));
        assertThat(ask("mapped.test", DnsType.AAAA).answers()).isEmpty();
        assertThat(network.admitted).isEmpty();
    }

    @Test
    void recordsThatHoldAddressesOnTheSideAreNotThere() throws IOException {
        DnsMessage answer = ask("www.example.test", DnsType.HTTPS);
        assertThat(answer.code()).isEqualTo(DnsMessage.NO_ERROR);
        assertThat(answer.answers()).isEmpty();
        assertThat(server.questions()).isZero();
    }

    @Test
    void namesThatNobodyOutsideHasToHear() throws IOException {
        for (String name : List.of(
                "router",
                "x.invalid",
                "x.onion",
                "use-application-dns.net",
                "1.0.0.10.in-addr.arpa",
                "1.0.168.192.in-addr.arpa")) {
            assertThat(ask(name, DnsType.A).code()).as(name).isEqualTo(DnsMessage.NAME_ERROR);
        }
        assertThat(addresses(ask("localhost", DnsType.A))).containsExactly("127.0.0.1");
        assertThat(addresses(ask("a.localhost", DnsType.AAAA))).containsExactly("0:0:0:0:0:0:0:1");
        assertThat(server.questions()).isZero();
    }

    @Test
    void namesOfTheNetworkItself() throws IOException {
        network.decisions.put(
                "db", new Zone.Local(List.of(InetAddress.ofLiteral("10.88.0.7"), InetAddress.ofLiteral("fd00::7"))));
        assertThat(addresses(ask("db", DnsType.A))).containsExactly("10.88.0.7");
        assertThat(addresses(ask("DB", DnsType.AAAA))).containsExactly("fd00:0:0:0:0:0:0:7");
        assertThat(ask("db", DnsType.MX).answers()).isEmpty();
        DnsMessage reverse = ask("7.0.88.10.in-addr.arpa", DnsType.PTR);
        assertThat(reverse.answers().getFirst().target()).isEqualTo(DnsName.of("db"));
        assertThat(reverse.flags() & DnsMessage.AUTHORITATIVE).isNotZero();
        assertThat(ask("8.0.88.10.in-addr.arpa", DnsType.PTR).code()).isEqualTo(DnsMessage.NAME_ERROR);
        assertThat(server.questions()).isZero();
        assertThat(network.admitted).isEmpty();
    }

    @Test
    void strangersGetNoAnswer() throws IOException {
        network.strangers = true;
        try (DatagramSocket socket = new DatagramSocket()) {
            byte[] question = question("a.test", DnsType.A).write();
            socket.send(new DatagramPacket(question, question.length, address));
        }
        await(() -> resolver.statistics().dropped() == 1);
        assertThat(server.questions()).isZero();
    }

    // --- hostile clients

    @Test
    void questionsThatAreNoneAreRefused() throws IOException {
        ask("a.test", DnsType.A); // from now on a client
        DnsMessage plain = question("a.test", DnsType.A);
        assertThat(ask("a.test", DnsType.ANY).code()).isEqualTo(DnsMessage.NOT_IMPLEMENTED);
        assertThat(ask("a.test", 252).code()).isEqualTo(DnsMessage.NOT_IMPLEMENTED);
        assertThat(ask(DnsMessage.question(
                                1, new Question(DnsName.of("version.bind"), DnsType.TXT, 3), Optional.empty()))
                        .code())
                .isEqualTo(DnsMessage.NOT_IMPLEMENTED);
        assertThat(ask(DnsMessage.question(1, new Question(DnsName.of("a b.test"), DnsType.A, 1), Optional.empty()))
                        .code())
                .isEqualTo(DnsMessage.REFUSED);
        assertThat(ask(DnsMessage.question(
                                1,
                                new Question(DnsName.of("a.test"), DnsType.A, 1),
                                Optional.of(new DnsMessage.Edns(1232, 0, 1, new byte[0]))))
                        .code())
                .isEqualTo(DnsMessage.BAD_VERSION);
        byte[] update = plain.write();
        update[2] = 5 << 3;
        byte[] answer = exchange(update);
        assertThat(DnsMessage.read(answer, answer.length).code()).isEqualTo(DnsMessage.NOT_IMPLEMENTED);
        byte[] cut = exchange(java.util.Arrays.copyOf(plain.write(), 20));
        assertThat(cut).hasSize(DnsMessage.HEADER);
        assertThat(cut[3] & 0xf).isEqualTo(DnsMessage.FORMAT_ERROR);
        assertThat(server.questions()).isEqualTo(1);
    }

    @Test
    void nonsenseDoesNotStopIt() throws IOException {
        ask("a.test", DnsType.A);
        Seeded.run(random -> {
            try (DatagramSocket socket = new DatagramSocket()) {
                socket.connect(address);
                byte[] valid = question("a.test", DnsType.A).write();
                for (int i = 0; i < 300; i++) {
                    byte[] bytes = valid.clone();
                    for (int j = random.nextInt(8); j >= 0; j--) {
                        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
                    }
                    socket.send(new DatagramPacket(bytes, random.nextInt(bytes.length + 1)));
                }
            }
        });
        assertThat(addresses(ask("a.test", DnsType.A))).hasSize(1);
    }

    @Test
    void tooManyQuestionsAreLost() throws IOException {
        restart(Upstreams.of(List.of(server.address())), limits(1, 5, 10, 4));
        try (DatagramSocket socket = new DatagramSocket()) {
            byte[] question = question("a.test", DnsType.A).write();
            for (int i = 0; i < 100; i++) {
                socket.send(new DatagramPacket(question, question.length, address));
            }
        }
        await(() -> resolver.statistics().dropped() > 50 && server.questions() > 0);
        assertThat(server.questions()).isEqualTo(1);
    }

    @Test
    void onlySoManyWait() throws Exception {
        restart(Upstreams.of(List.of(server.address())), limits(1_000_000, 1_000_000, 2, 4));
        CountDownLatch go = new CountDownLatch(1);
        server.byDatagram(question -> {
            try {
                go.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return List.of(FakeServer.addresses(question, 60, "192.0.2.1").write());
        });
        List<Thread> waiting = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            String name = "slow" + i + ".test";
            waiting.add(Thread.ofVirtual().start(() -> {
                try {
                    ask(name, DnsType.A);
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            }));
        }
        await(() -> resolver.statistics().forwarded() == 2);
        assertThat(ask("third.test", DnsType.A).code()).isEqualTo(DnsMessage.REFUSED);
        go.countDown();
        for (Thread thread : waiting) {
            thread.join();
        }
        assertThat(addresses(ask("third.test", DnsType.A))).hasSize(1);
    }

    @Test
    void theSameQuestionIsAskedOnceAtATime() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        server.byDatagram(question -> {
            try {
                go.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            return List.of(FakeServer.addresses(question, 60, "192.0.2.1").write());
        });
        List<Thread> asking = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            asking.add(Thread.ofVirtual().start(() -> {
                try {
                    assertThat(addresses(ask("same.test", DnsType.A))).hasSize(1);
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            }));
        }
        await(() -> resolver.statistics().questions() == 20);
        go.countDown();
        for (Thread thread : asking) {
            thread.join();
        }
        assertThat(server.questions()).isEqualTo(1);
    }

    @Test
    void onlySoMuchIsKept() throws IOException {
        for (int i = 0; i < 20; i++) {
            ask("n" + i + ".test", DnsType.A);
        }
        ask("n19.test", DnsType.A);
        assertThat(server.questions()).isEqualTo(20);
        ask("n0.test", DnsType.A);
        assertThat(server.questions()).isEqualTo(21);
    }

    // --- TCP

    private static DnsMessage overTcp(Socket socket, DnsMessage question) throws IOException {
        byte[] bytes = question.write();
        DataOutputStream out = new DataOutputStream(socket.getOutputStream());
        out.writeShort(bytes.length);
        out.write(bytes);
        DataInputStream in = new DataInputStream(socket.getInputStream());
        byte[] answer = in.readNBytes(in.readUnsignedShort());
        return DnsMessage.read(answer, answer.length);
    }

    @Test
    void aLongAnswerComesByTcp() throws IOException {
        server.both(question -> {
            List<DnsRecord> many = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                many.add(DnsRecord.of(
                        question.questions().getFirst().name(), InetAddress.ofLiteral("198.51.100." + i), 60));
            }
            return FakeServer.answer(question, DnsMessage.NO_ERROR, many, List.of());
        });
        server.byDatagram(question -> {
            byte[] cut = FakeServer.answer(question, DnsMessage.NO_ERROR, List.of(), List.of())
                    .write();
            cut[2] |= 2;
            return List.of(cut);
        });
        DnsMessage cut = ask("many.test", DnsType.A);
        assertThat(cut.isTruncated()).isTrue();
        assertThat(cut.answers()).isEmpty();
        try (Socket socket = new Socket(address.getAddress(), address.getPort())) {
            socket.setSoTimeout(30_000);
            assertThat(overTcp(socket, question("many.test", DnsType.A)).answers())
                    .hasSize(200);
            assertThat(overTcp(socket, question("many.test", DnsType.A)).answers())
                    .as("the same connection")
                    .hasSize(200);
        }
        assertThat(server.connections).hasSize(1);
    }

    @Test
    void onlySoManyConnections() throws Exception {
        List<Socket> sockets = new ArrayList<>();
        for (int i = 0; i < LIMITS.connections(); i++) {
            Socket socket = new Socket(address.getAddress(), address.getPort());
            socket.setSoTimeout(30_000);
            assertThat(overTcp(socket, question("a.test", DnsType.A)).answers()).hasSize(1);
            sockets.add(socket);
        }
        try (Socket one = new Socket(address.getAddress(), address.getPort())) {
            one.setSoTimeout(30_000);
            assertThat(one.getInputStream().read()).isEqualTo(-1);
        }
        for (Socket socket : sockets) {
            socket.close();
        }
        await(() -> {
            try (Socket again = new Socket(address.getAddress(), address.getPort())) {
                again.setSoTimeout(30_000);
                return overTcp(again, question("a.test", DnsType.A)).answers().size() == 1;
            } catch (IOException e) {
                return false;
            }
        });
    }

    // --- hostile and broken servers

    @Test
    void everyQuestionGoesFromAnotherPortWithAnotherId() throws IOException {
        Set<Integer> ids = new HashSet<>();
        for (int i = 0; i < 16; i++) {
            ask("p" + i + ".test", DnsType.A);
        }
        server.datagrams.forEach(question -> ids.add(question.id()));
        assertThat(ids).hasSizeGreaterThan(12);
        assertThat(new HashSet<>(server.ports)).hasSizeGreaterThan(12);
        assertThat(server.datagrams.getFirst().flags()).isEqualTo(DnsMessage.RECURSION_DESIRED);
    }

    @Test
    void answersToOtherQuestionsAreNotBelieved() throws IOException {
        server.byDatagram(question -> {
            DnsMessage evil = FakeServer.addresses(question, 60, "203.0.113.66");
            DnsMessage good = FakeServer.addresses(question, 60, "192.0.2.1");
            byte[] otherId = evil.write();
            otherId[1] ^= 1;
            byte[] notAnAnswer = evil.write();
            notAnAnswer[2] &= 0x7f;
            byte[] otherName = FakeServer.addresses(question("other.test", DnsType.A), 60, "203.0.113.66")
                    .write();
            otherName[0] = (byte) (question.id() >> 8);
            otherName[1] = (byte) question.id();
            return List.of(otherId, notAnAnswer, otherName, new byte[] {1, 2, 3}, good.write());
        });
        assertThat(addresses(ask("spoofed.test", DnsType.A))).containsExactly("192.0.2.1");
        assertThat(server.connections).isEmpty();
    }

    @Test
    void whenSomebodyGuessesItAsksByTcp() throws IOException {
        server.byDatagram(question -> {
            List<byte[]> guesses = new ArrayList<>();
            for (int i = 1; i < 50; i++) {
                byte[] guess =
                        FakeServer.addresses(question, 60, "203.0.113.66").write();
                guess[1] ^= (byte) i;
                guesses.add(guess);
            }
            return guesses;
        });
        assertThat(addresses(ask("guessed.test", DnsType.A))).containsExactly("192.0.2.1");
        assertThat(server.connections).hasSize(1);
    }

    @Test
    void aServerThatDoesNotKnowOptionsIsAskedWithout() throws IOException {
        server.both(question -> question.edns().isPresent()
                ? FakeServer.answer(question, DnsMessage.FORMAT_ERROR, List.of(), List.of())
                : FakeServer.addresses(question, 60, "192.0.2.1"));
        assertThat(addresses(ask("old.test", DnsType.A))).containsExactly("192.0.2.1");
        assertThat(server.questions()).isEqualTo(2);
    }

    @Test
    void aBrokenServerIsFollowedByTheNext() throws IOException {
        try (FakeServer broken = new FakeServer(
                question -> FakeServer.answer(question, DnsMessage.SERVER_FAILURE, List.of(), List.of()))) {
            restart(Upstreams.of(List.of(broken.address(), server.address())), LIMITS);
            assertThat(addresses(ask("a.test", DnsType.A))).hasSize(1);
            assertThat(addresses(ask("b.test", DnsType.A))).hasSize(1);
            assertThat(broken.questions()).as("the good one is preferred").isEqualTo(1);
        }
    }

    @Test
    void noServerIsAFailureAtOnce() throws IOException {
        InetSocketAddress nobody;
        try (DatagramSocket socket = new DatagramSocket(0, LOOPBACK)) {
            nobody = new InetSocketAddress(LOOPBACK, socket.getLocalPort());
        }
        restart(Upstreams.of(List.of(nobody)), LIMITS);
        assertThat(ask("a.test", DnsType.A).code()).isEqualTo(DnsMessage.SERVER_FAILURE);
        restart(Upstreams.of(List.of()), LIMITS);
        assertThat(ask("a.test", DnsType.A).code()).isEqualTo(DnsMessage.SERVER_FAILURE);
    }

    @Test
    void itDoesNotAskItself() throws IOException {
        List<InetSocketAddress> servers = new CopyOnWriteArrayList<>();
        restart(() -> servers, LIMITS);
        servers.add(address);
        assertThat(ask("a.test", DnsType.A).code()).isEqualTo(DnsMessage.SERVER_FAILURE);
    }

    // --- the rest

    @Test
    void itListensOnSeveralAddressesAndLeavesThem() throws IOException {
        InetAddress other = InetAddress.ofLiteral("127.0.0.9");
        InetSocketAddress first = address;
        address = resolver.listen(other, 0);
        assertThat(addresses(ask("a.test", DnsType.A))).hasSize(1);
        resolver.leave(other);
        await(() -> {
            try (Socket socket = new Socket()) {
                socket.connect(address, 5000);
                return false;
            } catch (IOException e) {
                return true;
            }
        });
        address = first;
        assertThat(addresses(ask("a.test", DnsType.A))).hasSize(1);
    }

    @Test
    void theServersOfThisMachine(@TempDir Path folder) throws IOException {
        Path file = folder.resolve("resolv.conf");
        assertThat(Upstreams.of(file).servers()).isEmpty();
        Files.writeString(
                file,
                "# comment\nsearch example.test\nnameserver 192.0.2.53\nnameserver\t2001:db8::53 \n"
                        + "nameserver nonsense\nnameserver fe80::1%nowhere\noptions edns0\n");
        assertThat(Upstreams.of(file).servers())
                .containsExactly(
                        new InetSocketAddress(InetAddress.ofLiteral("192.0.2.53"), 53),
                        new InetSocketAddress(InetAddress.ofLiteral("2001:db8::53"), 53));
    }

    private interface Condition {
        boolean holds();
    }

    private static void await(Condition condition) {
        long deadline = System.nanoTime() + 30_000_000_000L;
        while (!condition.holds()) {
            assertThat(System.nanoTime()).isLessThan(deadline);
            java.util.concurrent.locks.LockSupport.parkNanos(5_000_000);
        }
    }
}
