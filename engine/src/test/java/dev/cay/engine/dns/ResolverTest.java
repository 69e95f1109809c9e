package dev.cay.engine.dns;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What a resolver answers, and to whom. */
class ResolverTest extends ResolverFixture {
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
}
