package dev.cay.engine.dns;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.cay.engine.Seeded;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DnsMessageTest {
    private static final int ROUNDS = 2000;

    private static byte[] hex(String text) {
        return HexFormat.of().parseHex(text.replace(" ", ""));
    }

    private static DnsMessage read(byte[] bytes) throws MalformedMessageException {
        return DnsMessage.read(bytes, bytes.length);
    }

    private static List<byte[]> corpus() throws IOException {
        try (InputStream in = DnsMessageTest.class.getResourceAsStream("messages.hex")) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.startsWith("#") && !line.isBlank())
                    .map(DnsMessageTest::hex)
                    .toList();
        }
    }

    @Test
    void aQuestion() throws IOException {
        DnsMessage message = read(corpus().getFirst());

        assertThat(message.id()).isEqualTo(0x1a2b);
        assertThat(message.isResponse()).isFalse();
        assertThat(message.questions())
                .containsExactly(new Question(DnsName.of("www.example.com"), DnsType.A, DnsRecord.CLASS_INTERNET));
        assertThat(message.edns().orElseThrow().size()).isEqualTo(1232);
        assertThat(message.write()).isEqualTo(corpus().getFirst());
    }

    @Test
    void anAnswerWithAnAlias() throws IOException {
        DnsMessage message = read(corpus().get(1));
        Question question = message.questions().getFirst();
        Result result = Result.of(question, message);

        assertThat(result.aliases().getFirst().target()).isEqualTo(DnsName.of("cwd.example.com"));
        assertThat(result.records())
                .extracting(record -> record.address().orElseThrow())
                .containsExactly(InetAddress.ofLiteral("93.184.216.34"), InetAddress.ofLiteral("93.184.216.35"));
        assertThat(result.timeToLive()).isEqualTo(300);
    }

    @Test
    void nothingSaysHowLongItWillBeNothing() throws IOException {
        DnsMessage message = read(corpus().get(2));
        Result result = Result.of(message.questions().getFirst(), message);

        assertThat(result.code()).isEqualTo(DnsMessage.NAME_ERROR);
        assertThat(result.records()).isEmpty();
        assertThat(result.timeToLive()).isEqualTo(60);
    }

    @Test
    void namesInDataAreWrittenOut() throws IOException {
        DnsMessage message = read(corpus().get(3));
        DnsMessage again = read(message.write());

        DnsRecord mail = again.answers().getFirst();
        assertThat(mail.data()).isEqualTo(hex("000a 046d61696c 03666f6f 00"));
        assertThat(again.answers().get(1).data()).isEqualTo(hex("0001 0002 0050 0473727631 03666f6f 00"));
        assertThat(again.answers()).hasSize(5);
    }

    @Test
    void hostileMessagesAreRefused() throws IOException {
        List<byte[]> messages = corpus();
        for (byte[] message : messages.subList(4, 12)) {
            assertThatExceptionOfType(MalformedMessageException.class)
                    .as(HexFormat.of().formatHex(message))
                    .isThrownBy(() -> read(message));
        }
    }

    @Test
    void whateverIsReadCanBeWrittenAndMeansTheSame() throws IOException {
        List<byte[]> messages = corpus();
        Seeded.run(random -> {
            int read = 0;
            for (int round = 0; round < ROUNDS; round++) {
                byte[] bytes = damaged(messages.get(random.nextInt(messages.size())), random);
                try {
                    DnsMessage message = read(bytes);
                    read++;
                    byte[] written = message.write();
                    if (written.length <= DnsMessage.MAXIMUM) {
                        assertThat(read(written).write()).isEqualTo(written);
                        assertThat(read(written).answers()).hasSameSizeAs(message.answers());
                    }
                    if (message.questions().size() == 1) {
                        Result.of(message.questions().getFirst(), message).timeToLive();
                    }
                } catch (MalformedMessageException e) {
                    assertThat(e).hasMessageStartingWith("dns: ");
                }
            }
            assertThat(read).isPositive();
        });
    }

    private static byte[] damaged(byte[] message, Random random) {
        byte[] damaged = java.util.Arrays.copyOf(
                message, random.nextInt(4) == 0 ? random.nextInt(message.length + 20) : message.length);
        for (int i = random.nextInt(5); i > 0 && damaged.length > 0; i--) {
            damaged[random.nextInt(damaged.length)] = (byte)
                    (random.nextBoolean() ? random.nextInt(256) : new int[] {0, 0xc0, 0xff, 1, 12}[random.nextInt(5)]);
        }
        return damaged;
    }

    @Test
    void anyMessageSurvivesTheWire() {
        Seeded.run(random -> {
            for (int round = 0; round < 300; round++) {
                List<DnsRecord> answers = new ArrayList<>();
                for (int i = random.nextInt(8); i > 0; i--) {
                    byte[] data = new byte[random.nextInt(300)];
                    random.nextBytes(data);
                    answers.add(new DnsRecord(name(random), DnsType.TXT, 1, random.nextInt(1 << 30), data));
                }
                answers.add(DnsRecord.of(name(random), DnsType.CNAME, name(random), 7));
                DnsMessage message = new DnsMessage(
                        random.nextInt(1 << 16),
                        DnsMessage.RESPONSE,
                        List.of(new Question(name(random), random.nextInt(1 << 16), 1)),
                        answers,
                        List.of(),
                        List.of(),
                        random.nextBoolean() ? Optional.empty() : Optional.of(DnsMessage.Edns.because(15, "no")));
                byte[] written = message.write();
                DnsMessage again = read(written);

                assertThat(again.write()).isEqualTo(written);
                assertThat(again.questions()).isEqualTo(message.questions());
                for (int i = 0; i < answers.size(); i++) {
                    assertThat(again.answers().get(i).name())
                            .isEqualTo(answers.get(i).name());
                    assertThat(again.answers().get(i).data())
                            .isEqualTo(answers.get(i).data());
                }
            }
        });
    }

    private static DnsName name(Random random) {
        byte[] wire = new byte[DnsName.MAXIMUM_LENGTH];
        int length = 0;
        for (int labels = random.nextInt(6); labels > 0; labels--) {
            int size = 1 + random.nextInt(20);
            wire[length++] = (byte) size;
            for (int i = 0; i < size; i++) {
                wire[length++] = (byte) random.nextInt(256);
            }
        }
        return DnsName.ofWire(wire, length + 1);
    }

    @Test
    void aLongAnswerSaysThatItIsCutOff() throws IOException {
        List<DnsRecord> many = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            many.add(DnsRecord.of(DnsName.of("a.test"), InetAddress.ofLiteral("192.0.2." + i), 5));
        }
        DnsMessage message = new DnsMessage(
                1,
                DnsMessage.RESPONSE,
                List.of(new Question(DnsName.of("a.test"), DnsType.A, 1)),
                many,
                List.of(),
                List.of(),
                Optional.empty());

        assertThat(read(message.write(DnsMessage.MAXIMUM)).answers()).hasSize(100);
        byte[] cut = message.write(DnsMessage.PLAIN_UDP_SIZE);
        assertThat(cut).hasSizeLessThanOrEqualTo(DnsMessage.PLAIN_UDP_SIZE);
        assertThat(read(cut).isTruncated()).isTrue();
        assertThat(read(cut).answers()).isEmpty();
    }

    @Test
    void aNameOfManyPointersIsNotFollowedForEver() {
        // Each question's name is a pointer to the one before.
        WireOutput out = new WireOutput().u16(1).u16(0).u16(1000).u16(0).u16(0).u16(0);
        out.u8(0).u16(1).u16(1);
        for (int i = 1; i < 1000; i++) {
            int before = i == 1 ? 12 : 12 + 5 + (i - 2) * 6;
            out.u16(0xc000 | before).u16(1).u16(1);
        }
        assertThatExceptionOfType(MalformedMessageException.class)
                .isThrownBy(() -> read(out.toBytes()))
                .withMessageContaining("pointer");
    }

    @Test
    void namesOfHosts() {
        assertThat(DnsName.of("WWW.Example-1.com").host()).contains("www.example-1.com");
        assertThat(DnsName.of("_http._tcp.example.com").host()).contains("_http._tcp.example.com");
        assertThat(DnsName.ofWire(hex("00"), 1).host()).isEmpty();
        assertThat(DnsName.ofWire(hex("03 612e62 00"), 5).host())
                .as("a dot in a label")
                .isEmpty();
        assertThat(DnsName.ofWire(hex("01 00 00"), 3).host()).isEmpty();
        assertThat(DnsName.of("a b.test").host()).isEmpty();
        assertThat(DnsName.of("A.test")).isEqualTo(DnsName.of("a.TEST")).hasSameHashCodeAs(DnsName.of("a.tEst"));
        assertThat(DnsName.of("a.test").labels()).isEqualTo(2);
        assertThatIllegalArgumentException().isThrownBy(() -> DnsName.of("a..b"));
        assertThatIllegalArgumentException().isThrownBy(() -> DnsName.of("a".repeat(64)));
        assertThatIllegalArgumentException().isThrownBy(() -> DnsName.of(("a".repeat(49) + ".").repeat(5) + "abcd"));
    }

    @Test
    void theCaseOfLettersIsMixedAndComparedExactly() {
        DnsName name = DnsName.of("abc.test");

        assertThat(name.withCase(0b1111111)).hasToString("ABC.TEST.");
        assertThat(name.withCase(0b0000101)).hasToString("AbC.test.").isEqualTo(name);
        assertThat(name.isExactly(name.withCase(1))).isFalse();
        assertThat(name.isExactly(name.withCase(0))).isTrue();
    }

    @Test
    void namesOfAddresses() {
        assertThat(Reverse.address("1.2.0.192.in-addr.arpa")).contains(InetAddress.ofLiteral("192.0.2.1"));
        assertThat(Reverse.address("2.0.192.in-addr.arpa")).isEmpty();
        assertThat(Reverse.address("01.2.0.192.in-addr.arpa")).isEmpty();
        assertThat(Reverse.address("256.2.0.192.in-addr.arpa")).isEmpty();
        String nibbles = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        assertThat(Reverse.address(nibbles)).contains(InetAddress.ofLiteral("2001:db8::1"));
        assertThat(Reverse.address(nibbles.replace('b', 'g'))).isEmpty();
        assertThat(Reverse.address("example.com")).isEmpty();
        for (String text :
                List.of("10.1.2.3", "127.0.0.1", "169.254.1.1", "100.64.0.1", "192.168.0.1", "fd00::1", "::1")) {
            assertThat(Reverse.isPublic(InetAddress.ofLiteral(text))).as(text).isFalse();
        }
        for (String text : List.of("1.1.1.1", "93.184.216.34", "2606:4700::1111", "192.0.1.1", "172.32.0.1")) {
            assertThat(Reverse.isPublic(InetAddress.ofLiteral(text))).as(text).isTrue();
        }
    }
}
