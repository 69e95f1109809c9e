package dev.cay.linux.netlink;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.ProtocolException;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PayloadTest {
    @Test
    void attributesArePaddedToFourBytes() {
        MessageWriter writer = new MessageWriter()
                .u8(1)
                .u8(2)
                .networkU16(0x0304)
                .text(3, "lo")
                .attribute8(4, 0xff)
                .network32(5, 1)
                .nest(6, inner -> inner.network16(7, 0x0800));

        assertThat(HexFormat.of().formatHex(writer.bytes()))
                .isEqualTo("01020304" + "070003006c6f0000" + "05000400ff000000" + "0800050000000001" + "0c000680"
                        + "0600070008000000");
    }

    @Test
    void whatIsWrittenIsRead() throws ProtocolException {
        Payload payload = new Payload(new MessageWriter()
                .u32(7)
                .text(3, "eth0")
                .network64(4, -2)
                .nest(5, inner -> inner.attribute8(1, 200).network16(2, 0xfffe))
                .attribute(3, new byte[] {'x'})
                .attribute(6, new byte[] {10, 0, 0, 1})
                .bytes());

        assertThat(payload.u32(0)).isEqualTo(7);
        assertThat(payload.attributes(4)).hasSize(5);
        assertThat(payload.attribute(4, 3).orElseThrow().text())
                .as("the last one counts")
                .isEqualTo("x");
        assertThat(payload.attribute(4, 4).orElseThrow().network64()).isEqualTo(-2);
        Payload nest = payload.attribute(4, 5).orElseThrow();
        assertThat(nest.attribute(1).orElseThrow().u8(0)).isEqualTo(200);
        assertThat(nest.attribute(2).orElseThrow().networkU16(0)).isEqualTo(0xfffe);
        assertThat(payload.attribute(4, 6).orElseThrow().address()).isEqualTo(InetAddress.ofLiteral("10.0.0.1"));
        assertThat(payload.attribute(4, 9)).isEmpty();
    }

    @Test
    void nothingIsReadThatIsNotThere() {
        Payload payload = new Payload(new byte[] {1, 2, 3});

        assertThatThrownBy(() -> payload.u32(0)).isInstanceOf(ProtocolException.class);
        assertThatThrownBy(() -> payload.u16(2)).isInstanceOf(ProtocolException.class);
        assertThatThrownBy(() -> payload.u8(-1)).isInstanceOf(ProtocolException.class);
        assertThatThrownBy(() -> payload.u8(Integer.MAX_VALUE)).isInstanceOf(ProtocolException.class);
        assertThatThrownBy(payload::network64).isInstanceOf(ProtocolException.class);
        assertThatThrownBy(payload::address).isInstanceOf(ProtocolException.class);
        assertThatThrownBy(() -> new Payload(new byte[4], 2, 3)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void attributesThatLieAboutTheirLengthAreRefused() {
        for (String hex : List.of("03000100", "0000010000000000", "0900010000000000", "ffff0100", "08000100000000")) {
            assertThatThrownBy(() -> new Payload(HexFormat.of().parseHex(hex)).attributes())
                    .as(hex)
                    .isInstanceOf(ProtocolException.class);
        }
    }

    @Test
    void aTextEndsAtItsZeroOrAtItsEndAndHasNoControlCharacters() {
        assertThat(new Payload("lo\0rest".getBytes(java.nio.charset.StandardCharsets.UTF_8)).text())
                .isEqualTo("lo");
        assertThat(new Payload("a\nb\u001b[31m".getBytes(java.nio.charset.StandardCharsets.UTF_8)).text())
                .isEqualTo("a?b?[31m");
        assertThat(new Payload(new byte[0]).text()).isEmpty();
    }

    @Test
    void tooLongForAnAttribute() {
        MessageWriter writer = new MessageWriter();

        assertThatThrownBy(() -> writer.attribute(1, new byte[0xfffc])).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new MessageWriter().nest(1, inner -> {
                    inner.attribute(1, new byte[40_000]);
                    inner.attribute(1, new byte[40_000]);
                }))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("attribute 1");
        assertThat(new MessageWriter().attribute(1, new byte[0xfffb]).size()).isEqualTo(0x10000);
    }

    /** Attributes of any number, type and length come back as they were. */
    @Test
    void anyAttributes() throws ProtocolException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            MessageWriter writer = new MessageWriter();
            int count = random.nextInt(20);
            int[] types = random.ints(count, 0, 0x4000).toArray();
            byte[][] values = new byte[count][];
            for (int i = 0; i < count; i++) {
                values[i] = new byte[random.nextInt(70)];
                random.nextBytes(values[i]);
                writer.attribute(types[i], values[i]);
            }
            List<Payload.Attribute> read = new Payload(writer.bytes()).attributes();
            assertThat(read).as("seed %d", seed).hasSize(count);
            for (int i = 0; i < count; i++) {
                assertThat(read.get(i).type()).as("seed %d", seed).isEqualTo(types[i]);
                assertThat(read.get(i).value().bytes()).as("seed %d", seed).isEqualTo(values[i]);
            }
        }
    }
}
