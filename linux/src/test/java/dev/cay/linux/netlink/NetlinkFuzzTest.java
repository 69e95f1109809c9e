package dev.cay.linux.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.ProtocolException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Answers that are damaged are read, or refused with a {@link ProtocolException}; nothing else happens. */
class NetlinkFuzzTest {
    private static final int ROUNDS = 3000;
    private static final NftTable TABLE = new NftTable(NftFamily.INET, "t");
    private static final NftChain CHAIN = TABLE.chain("c");
    private static final NftSet SET =
            NftSet.of(TABLE, "s", NftDataType.PORT).toVerdicts().withIntervals();
    private static final NftSet KEYS = NftSet.of(TABLE, "k", NftDataType.PORT, NftDataType.IPV4_ADDRESS)
            .toValues(NftDataType.PORT)
            .withTimeout(Duration.ofSeconds(9))
            .withCounters();

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);

    /** What reads a body. */
    private interface Reader {
        Object read(Payload body) throws ProtocolException;
    }

    private void damage(byte[] valid, Reader reader) throws ProtocolException {
        assertThat(Payload.reading(() -> reader.read(new Payload(valid)))).isNotNull();
        for (int round = 0; round < ROUNDS; round++) {
            byte[] damaged = damaged(valid);
            try {
                Payload.reading(() -> reader.read(new Payload(damaged)));
            } catch (ProtocolException e) {
                assertThat(e).hasMessageStartingWith("netlink: ");
            } catch (RuntimeException e) {
                throw new AssertionError(
                        "seed " + seed + ": " + java.util.HexFormat.of().formatHex(damaged), e);
            }
        }
    }

    private byte[] damaged(byte[] valid) {
        byte[] damaged = java.util.Arrays.copyOf(
                valid, random.nextInt(4) == 0 ? random.nextInt(valid.length + 1) : valid.length);
        for (int i = random.nextInt(6); i > 0 && damaged.length > 0; i--) {
            int at = random.nextInt(damaged.length);
            damaged[at] = (byte)
                    switch (random.nextInt(4)) {
                        case 0 -> 0;
                        case 1 -> 0xff;
                        case 2 -> damaged[at] ^ 1 << random.nextInt(8);
                        default -> random.nextInt(256);
                    };
        }
        return damaged;
    }

    @Test
    void datagrams() throws ProtocolException {
        byte[] valid = new Answers()
                .error(1, 22, "what is wrong", 20)
                .frame(16, 2, 1, new byte[33])
                .done(2, 1, 0)
                .datagram();
        damage(valid, body -> {
            List<Frame> frames = Frame.parse(body.bytes());
            for (Frame frame : frames) {
                if (frame.type() == Frame.NLMSG_ERROR) {
                    Answer.ofError(frame);
                } else {
                    Answer.ofDone(frame);
                }
            }
            return frames;
        });
    }

    @Test
    void links() throws ProtocolException {
        MessageWriter body = new MessageWriter().u32(0).u32(7).u32(0x11043).u32(0);
        body.text(3, "eth0")
                .attribute32(4, 1500)
                .attribute(1, new byte[6])
                .attribute32(10, 5)
                .attribute32(5, 9)
                .attribute(23, new byte[200])
                .nest(
                        18,
                        info -> info.text(1, "veth")
                                .text(4, "bridge")
                                .nest(
                                        5,
                                        port -> port.attribute8(33, 1)
                                                .attribute8(4, 0)
                                                .attribute8(8, 1)
                                                .attribute8(9, 1)));
        damage(body.bytes(), Link::parse);
    }

    @Test
    void addressesRoutesAndNeighbours() throws ProtocolException {
        InetAddress address = InetAddress.ofLiteral("fd00::1");
        damage(InterfaceAddress.of(3, address, 64).add().body().bytes(), InterfaceAddress::parse);
        damage(
                Route.via(new IpPrefix(InetAddress.ofLiteral("fd00::"), 64), address, 4)
                        .withMetric(8)
                        .add()
                        .body()
                        .bytes(),
                Route::parse);
        damage(Neighbour.permanent(3, address, new MacAddress(5)).set().body().bytes(), Neighbour::parse);
    }

    @Test
    void rules() throws ProtocolException {
        NftRule rule = new NftRule(CHAIN, OptionalLong.of(7), NftCodecTest.steps(), "comment");
        damage(
                NftCodecTest.only(new NftBatch().replaceRule(rule)).bytes(),
                body -> ExpressionReader.readRule(CHAIN, body));
    }

    @Test
    void chains() throws ProtocolException {
        NftChain base = new NftChain(
                TABLE, "in", Optional.of(new NftChain.Base(NftChain.Hook.INPUT, -300, NftChain.Kind.FILTER, false)));
        damage(NftCodecTest.only(new NftBatch().addChain(base)).bytes(), body -> ChainReader.read(TABLE, body));
    }

    @Test
    void setsAndElements() throws ProtocolException {
        damage(NftCodecTest.only(new NftBatch().addSet(KEYS)).bytes(), body -> SetCodec.readSet(TABLE, body));
        NftBatch pairs = new NftBatch()
                .addElements(
                        SET,
                        NftElement.range(NftValue.u16(5), NftValue.u16(9)).to(new NftVerdict.Jump("x")),
                        NftElement.of(NftValue.u16(70))
                                .to(new NftVerdict.Drop())
                                .withComment("c"));
        damage(NftCodecTest.only(pairs).bytes(), body -> SetCodec.readElements(SET, List.of(new Frame(1, 0, 1, body))));
        NftBatch keys = new NftBatch()
                .addElements(
                        KEYS,
                        NftElement.of(NftValue.u16(5), NftCodecTest.ip("10.0.0.1"))
                                .to(NftValue.u16(6))
                                .withTimeout(Duration.ofSeconds(4)));
        damage(NftCodecTest.only(keys).bytes(), body -> SetCodec.readElements(KEYS, List.of(new Frame(1, 0, 1, body))));
    }
}
