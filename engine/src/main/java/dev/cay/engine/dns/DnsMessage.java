package dev.cay.engine.dns;

import static java.util.Objects.requireNonNull;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A message, RFC 1035 section 4, with the OPT record of RFC 6891 apart.
 *
 * @param flags the 16 bits behind the id
 * @param questions one, unless somebody plays with us
 * @param edns the OPT record, if there is one
 */
record DnsMessage(
        int id,
        int flags,
        List<Question> questions,
        List<DnsRecord> answers,
        List<DnsRecord> authorities,
        List<DnsRecord> additionals,
        Optional<Edns> edns) {
    static final int HEADER = 12;
    static final int MAXIMUM = 65535;

    /** What goes through every network in one piece: dnsflagday.net/2020. */
    static final int UDP_SIZE = 1232;

    /** What everybody can take who says nothing of it. */
    static final int PLAIN_UDP_SIZE = 512;

    static final int RESPONSE = 0x8000;
    static final int OPCODE = 0x7800;
    static final int AUTHORITATIVE = 0x0400;
    static final int TRUNCATED = 0x0200;
    static final int RECURSION_DESIRED = 0x0100;
    static final int RECURSION_AVAILABLE = 0x0080;

    static final int NO_ERROR = 0;
    static final int FORMAT_ERROR = 1;
    static final int SERVER_FAILURE = 2;
    static final int NAME_ERROR = 3;
    static final int NOT_IMPLEMENTED = 4;
    static final int REFUSED = 5;
    static final int BAD_VERSION = 16;

    private static final int RCODE = 0xf;
    private static final int MINIMUM_QUESTION = 5;
    private static final int MINIMUM_RECORD = 11;

    /**
     * The OPT record.
     *
     * @param size of the datagrams that its sender can take
     * @param options as they stand in it
     */
    record Edns(int size, int extendedCode, int version, byte[] options) {
        private static final int EXTENDED_ERROR = 15; // RFC 8914

        static Edns ours() {
            return new Edns(UDP_SIZE, 0, 0, new byte[0]);
        }

        /** One that says more about why there is no answer: a number of RFC 8914, and words. */
        static Edns because(int code, String words) {
            byte[] text = words.getBytes(StandardCharsets.UTF_8);
            WireOutput out = new WireOutput()
                    .u16(EXTENDED_ERROR)
                    .u16(2 + text.length)
                    .u16(code)
                    .bytes(text);
            return new Edns(UDP_SIZE, 0, 0, out.toBytes());
        }

        Edns withExtendedCode(int code) {
            return new Edns(size, code, version, options);
        }
    }

    DnsMessage {
        questions = List.copyOf(questions);
        answers = List.copyOf(answers);
        authorities = List.copyOf(authorities);
        additionals = List.copyOf(additionals);
        requireNonNull(edns, "edns is null");
    }

    static DnsMessage question(int id, Question question, Optional<Edns> edns) {
        return new DnsMessage(id, RECURSION_DESIRED, List.of(question), List.of(), List.of(), List.of(), edns);
    }

    boolean isResponse() {
        return (flags & RESPONSE) != 0;
    }

    boolean isTruncated() {
        return (flags & TRUNCATED) != 0;
    }

    int opcode() {
        return (flags & OPCODE) >> 11;
    }

    int code() {
        return edns.map(Edns::extendedCode).orElse(0) << 4 | flags & RCODE;
    }

    /** @throws MalformedMessageException if it is not a message from its first octet to the last */
    static DnsMessage read(byte[] bytes, int length) throws MalformedMessageException {
        WireInput in = new WireInput(bytes, length);
        int id = in.u16();
        int flags = in.u16();
        int[] counts = {in.u16(), in.u16(), in.u16(), in.u16()};
        // What is announced has to be there before room is made for it.
        if ((long) MINIMUM_QUESTION * counts[0] + (long) MINIMUM_RECORD * (counts[1] + counts[2] + counts[3])
                > in.remaining()) {
            throw new MalformedMessageException("more records than there is room for");
        }
        List<Question> questions = new ArrayList<>(counts[0]);
        for (int i = 0; i < counts[0]; i++) {
            questions.add(new Question(in.name(), in.u16(), in.u16()));
        }
        List<DnsRecord> answers = records(in, counts[1]);
        List<DnsRecord> authorities = records(in, counts[2]);
        List<DnsRecord> additionals = records(in, counts[3]);
        if (in.remaining() > 0) {
            throw new MalformedMessageException(in.remaining() + " octets behind the end");
        }
        Optional<Edns> edns = edns(additionals);
        additionals.removeIf(record -> record.type() == DnsType.OPT);
        return new DnsMessage(id, flags, questions, answers, authorities, additionals, edns);
    }

    private static List<DnsRecord> records(WireInput in, int count) throws MalformedMessageException {
        List<DnsRecord> records = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            DnsName name = in.name();
            int type = in.u16();
            int recordClass = in.u16();
            long timeToLive = in.u32();
            int length = in.u16();
            records.add(new DnsRecord(name, type, recordClass, timeToLive, DnsType.data(type, length, in)));
        }
        return records;
    }

    private static Optional<Edns> edns(List<DnsRecord> additionals) throws MalformedMessageException {
        Optional<Edns> edns = Optional.empty();
        for (DnsRecord record : additionals) {
            if (record.type() == DnsType.OPT) {
                if (edns.isPresent() || record.name().length() != 1) {
                    throw new MalformedMessageException("not the OPT record that there may be");
                }
                long bits = record.rawTimeToLive();
                edns = Optional.of(
                        new Edns(record.recordClass(), (int) (bits >> 24), (int) (bits >> 16) & 0xff, record.data()));
            }
        }
        return edns;
    }

    byte[] write() {
        WireOutput out = new WireOutput()
                .u16(id)
                .u16(flags)
                .u16(questions.size())
                .u16(answers.size())
                .u16(authorities.size())
                .u16(additionals.size() + (edns.isPresent() ? 1 : 0));
        for (Question question : questions) {
            out.name(question.name()).u16(question.type()).u16(question.recordClass());
        }
        answers.forEach(record -> record.write(out));
        authorities.forEach(record -> record.write(out));
        additionals.forEach(record -> record.write(out));
        edns.ifPresent(opt -> out.u8(0)
                .u16(DnsType.OPT)
                .u16(opt.size())
                .u8(opt.extendedCode())
                .u8(opt.version())
                .u16(0)
                .u16(opt.options().length)
                .bytes(opt.options()));
        return out.toBytes();
    }

    /** As {@link #write}; if that is too long, without records and with the bit that says so. */
    byte[] write(int maximum) {
        byte[] whole = write();
        return whole.length <= maximum
                ? whole
                : new DnsMessage(id, flags | TRUNCATED, questions, List.of(), List.of(), List.of(), edns).write();
    }
}
