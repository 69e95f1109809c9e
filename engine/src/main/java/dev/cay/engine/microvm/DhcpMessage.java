package dev.cay.engine.microvm;

import dev.cay.linux.netlink.MacAddress;
import java.io.ByteArrayOutputStream;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * A message of DHCP, see RFC 2131 and RFC 2132. What comes from a server is nobody's friend: what is no message is none, and lengths
 * are those of what came.
 *
 * @param transaction by which an answer finds its question
 * @param broadcast whether answers are to go to all, as long as who asks has no address that they could go to
 * @param client the address that who asks has; all zeros if none
 * @param yours the address that a server gives
 * @param options by their numbers; parts of one are put together
 */
record DhcpMessage(
        boolean reply,
        int transaction,
        boolean broadcast,
        InetAddress client,
        InetAddress yours,
        MacAddress station,
        Map<Integer, byte[]> options) {
    static final int DISCOVER = 1;
    static final int OFFER = 2;
    static final int REQUEST = 3;
    static final int ACK = 5;
    static final int NAK = 6;
    static final int RELEASE = 7;

    static final int MASK = 1;
    static final int ROUTER = 3;
    static final int NAME_SERVER = 6;
    static final int HOST_NAME = 12;
    static final int WANTED_ADDRESS = 50;
    static final int LEASE_TIME = 51;
    static final int TYPE = 53;
    static final int SERVER = 54;
    static final int WANTED_OPTIONS = 55;
    static final int MAXIMUM_SIZE = 57;
    static final int RENEWAL_TIME = 58;
    static final int REBINDING_TIME = 59;
    static final int CLIENT_ID = 61;

    /** The most that we take: what fits into one frame of Ethernet. */
    static final int SIZE = 1472;

    private static final int FIXED = 236;
    private static final int LEAST = 300; // relays of old drop what is smaller, as BOOTP has it
    private static final int COOKIE = 0x63825363;
    private static final int PAD = 0;
    private static final int END = 255;
    private static final int BROADCAST = 0x8000;
    private static final int STATION_AT = 28;
    private static final int LONGEST_OPTION = 255;
    private static final byte ETHERNET = 1;

    DhcpMessage {
        options = new TreeMap<>(options);
    }

    static InetAddress address(byte[] bytes) {
        try {
            return InetAddress.getByAddress(bytes);
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(HexFormat.of().formatHex(bytes), e);
        }
    }

    byte[] encoded() {
        ByteBuffer head = ByteBuffer.allocate(FIXED + Integer.BYTES);
        head.put((byte) (reply ? 2 : 1)).put(ETHERNET).put((byte) 6).put((byte) 0);
        head.putInt(transaction).putShort((short) 0).putShort((short) (broadcast ? BROADCAST : 0));
        head.put(client.getAddress()).put(yours.getAddress());
        head.put(STATION_AT, station.bytes()).putInt(FIXED, COOKIE);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.writeBytes(head.array());
        options.forEach((number, value) -> {
            if (value.length == 0 || value.length > LONGEST_OPTION) {
                throw new IllegalArgumentException("option " + number + " of " + value.length + " bytes");
            }
            bytes.write(number);
            bytes.write(value.length);
            bytes.writeBytes(value);
        });
        bytes.write(END);
        while (bytes.size() < LEAST) {
            bytes.write(PAD);
        }
        return bytes.toByteArray();
    }

    /** Empty if it is none. */
    static Optional<DhcpMessage> parse(byte[] bytes, int length) {
        ByteBuffer from = ByteBuffer.wrap(bytes, 0, length);
        try {
            int operation = from.get();
            boolean isEthernet = from.get() == ETHERNET && from.get() == 6;
            if (operation < 1 || operation > 2 || !isEthernet || from.getInt(FIXED) != COOKIE) {
                return Optional.empty();
            }
            boolean toAll = (from.getShort(10) & BROADCAST) != 0;
            byte[] station = new byte[6];
            from.get(STATION_AT, station);
            return Optional.of(new DhcpMessage(
                    operation == 2,
                    from.getInt(4),
                    toAll,
                    addressAt(from, 12),
                    addressAt(from, 16),
                    MacAddress.of(station),
                    options(from.position(FIXED + Integer.BYTES))));
        } catch (BufferUnderflowException | IndexOutOfBoundsException | IllegalArgumentException e) {
            return Optional.empty(); // it is shorter than it says
        }
    }

    private static InetAddress addressAt(ByteBuffer from, int position) {
        byte[] bytes = new byte[4];
        from.get(position, bytes);
        return address(bytes);
    }

    private static Map<Integer, byte[]> options(ByteBuffer from) {
        Map<Integer, byte[]> options = new TreeMap<>();
        while (from.hasRemaining()) {
            int number = from.get() & 0xff;
            if (number == END) {
                return options;
            }
            if (number != PAD) {
                byte[] value = new byte[from.get() & 0xff];
                from.get(value);
                options.merge(number, value, DhcpMessage::joined); // RFC 3396
            }
        }
        return options;
    }

    private static byte[] joined(byte[] first, byte[] second) {
        byte[] both = new byte[first.length + second.length];
        System.arraycopy(first, 0, both, 0, first.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    /** 0 if it has none. */
    int type() {
        byte[] value = options.getOrDefault(TYPE, new byte[0]);
        return value.length == 1 ? value[0] : 0;
    }

    /** The addresses of an option; none if its length is that of no addresses. */
    List<InetAddress> addresses(int option) {
        byte[] value = options.getOrDefault(option, new byte[0]);
        List<InetAddress> addresses = new ArrayList<>();
        for (int at = 0; value.length % 4 == 0 && at < value.length; at += 4) {
            addresses.add(address(new byte[] {value[at], value[at + 1], value[at + 2], value[at + 3]}));
        }
        return addresses;
    }

    /** In seconds. */
    OptionalLong time(int option) {
        byte[] value = options.getOrDefault(option, new byte[0]);
        return value.length == Integer.BYTES
                ? OptionalLong.of(Integer.toUnsignedLong(ByteBuffer.wrap(value).getInt()))
                : OptionalLong.empty();
    }
}
