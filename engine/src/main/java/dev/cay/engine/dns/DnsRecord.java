package dev.cay.engine.dns;

import static java.util.Objects.requireNonNull;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Optional;

/**
 * A resource record, RFC 1035 section 3.2. Immutable. Names within its data are written out, so that the data can be put into
 * another message.
 */
final class DnsRecord {
    static final int CLASS_INTERNET = 1;

    private final DnsName name;
    private final int type;
    private final int recordClass;
    private final long timeToLive;
    private final byte[] data;

    DnsRecord(DnsName name, int type, int recordClass, long timeToLive, byte[] data) {
        this.name = requireNonNull(name, "name is null");
        this.type = type;
        this.recordClass = recordClass;
        this.timeToLive = timeToLive;
        this.data = data.clone();
    }

    /** An address. */
    static DnsRecord of(DnsName name, InetAddress address, long timeToLive) {
        int type = address instanceof Inet4Address ? DnsType.A : DnsType.AAAA;
        return new DnsRecord(name, type, CLASS_INTERNET, timeToLive, address.getAddress());
    }

    /** One whose data is a name. */
    static DnsRecord of(DnsName name, int type, DnsName target, long timeToLive) {
        return new DnsRecord(name, type, CLASS_INTERNET, timeToLive, target.wire());
    }

    DnsName name() {
        return name;
    }

    int type() {
        return type;
    }

    int recordClass() {
        return recordClass;
    }

    /** In seconds. A number with the highest bit is zero, RFC 2181 section 8. */
    long timeToLive() {
        return timeToLive > Integer.MAX_VALUE ? 0 : timeToLive;
    }

    /** The field as it stands; in an OPT record it is something else. */
    long rawTimeToLive() {
        return timeToLive;
    }

    DnsRecord withTimeToLive(long seconds) {
        return new DnsRecord(name, type, recordClass, seconds, data);
    }

    DnsRecord withName(DnsName other) {
        return new DnsRecord(other, type, recordClass, timeToLive, data);
    }

    /** How many octets it takes, roughly. */
    int size() {
        return name.length() + 10 + data.length;
    }

    byte[] data() {
        return data.clone();
    }

    /** Of an A or AAAA record, if it has the length of one. */
    Optional<InetAddress> address() {
        if (type == DnsType.A && data.length == 4 || type == DnsType.AAAA && data.length == 16) {
            try {
                // An IPv4 address in the form of IPv6 becomes one of IPv4 here, and is looked at as such.
                return Optional.of(InetAddress.getByAddress(data));
            } catch (UnknownHostException e) {
                throw new IllegalStateException(e);
            }
        }
        return Optional.empty();
    }

    /** The name that is all its data. */
    DnsName target() throws MalformedMessageException {
        WireInput in = new WireInput(data, data.length);
        DnsName target = in.name();
        if (in.remaining() > 0) {
            throw new MalformedMessageException("something behind a name");
        }
        return target;
    }

    /** The last field of an SOA record: how long it may be believed that there is nothing, RFC 2308 section 4. */
    long minimum() throws MalformedMessageException {
        if (data.length < 4) {
            throw new MalformedMessageException("an SOA record of " + data.length + " octets");
        }
        WireInput in = new WireInput(data, data.length);
        in.bytes(data.length - 4);
        return in.u32();
    }

    void write(WireOutput out) {
        out.name(name)
                .u16(type)
                .u16(recordClass)
                .u32(timeToLive)
                .u16(data.length)
                .bytes(data);
    }

    @Override
    public String toString() {
        return name + " " + timeToLive + " " + type + " "
                + address().map(InetAddress::getHostAddress).orElse("...");
    }
}
