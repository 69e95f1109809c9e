package dev.cay.engine.dns;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Servers that a resolver asks: such as mean well, and others. */
class ResolverServersTest extends ResolverFixture {
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
}
