package dev.cay.engine.dns;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.engine.Seeded;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

/** Clients of a resolver that ask too much, or nonsense, and those that come by TCP. */
class ResolverClientsTest extends ResolverFixture {
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
}
