package dev.cay.engine.dns;

/** Types of records, and the form of their data as far as names in it may be compressed: RFC 1035, RFC 3597 section 4. */
final class DnsType {
    static final int A = 1;
    static final int NS = 2;
    static final int CNAME = 5;
    static final int SOA = 6;
    static final int PTR = 12;
    static final int MX = 15;
    static final int TXT = 16;
    static final int AAAA = 28;
    static final int SRV = 33;
    static final int OPT = 41;
    static final int SVCB = 64;
    static final int HTTPS = 65;
    static final int IXFR = 251;
    static final int ANY = 255;

    /** TKEY, TSIG, and the types that are only asked for; RFC 6895 section 3.1. */
    private static final int FIRST_META = 128;

    private static final int LAST_META = 255;

    private DnsType() {}

    /** Whether records of it are data, so that they can be asked for one by one. */
    static boolean isData(int type) {
        return type != 0 && type != OPT && (type < FIRST_META || type > LAST_META);
    }

    /** The data of a record with its names written out. */
    static byte[] data(int type, int length, WireInput in) throws MalformedMessageException {
        return switch (type) {
            case NS, 3, 4, CNAME, 7, 8, 9, PTR, 39 -> parts(length, in, 0, 1, 0); // MD MF MB MG MR DNAME
            case MX, 18, 21, 36 -> parts(length, in, 2, 1, 0); // AFSDB RT KX
            case SOA -> parts(length, in, 0, 2, 20);
            case SRV -> parts(length, in, 6, 1, 0);
            case 14, 17 -> parts(length, in, 0, 2, 0); // MINFO RP
            case 26 -> parts(length, in, 2, 2, 0); // PX
            case 35 -> pointer(length, in); // NAPTR
            default -> in.bytes(length);
        };
    }

    /** So many octets, names, octets. */
    private static byte[] parts(int length, WireInput in, int before, int names, int after)
            throws MalformedMessageException {
        int start = in.position();
        WireOutput out = new WireOutput();
        out.bytes(in.bytes(before));
        for (int i = 0; i < names; i++) {
            in.name().write(out);
        }
        out.bytes(in.bytes(after));
        check(length, in.position() - start);
        return out.toBytes();
    }

    /** Two numbers, three strings, a name: RFC 3403 section 4.1. */
    private static byte[] pointer(int length, WireInput in) throws MalformedMessageException {
        int start = in.position();
        WireOutput out = new WireOutput();
        out.bytes(in.bytes(4));
        for (int i = 0; i < 3; i++) {
            int size = in.u8();
            out.u8(size).bytes(in.bytes(size));
        }
        in.name().write(out);
        check(length, in.position() - start);
        return out.toBytes();
    }

    private static void check(int announced, int read) throws MalformedMessageException {
        if (announced != read) {
            throw new MalformedMessageException("data of " + read + " octets, announced as " + announced);
        }
    }
}
