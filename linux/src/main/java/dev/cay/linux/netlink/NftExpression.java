package dev.cay.linux.netlink;

import static java.util.Objects.requireNonNull;

import java.util.Optional;
import java.util.OptionalInt;

/**
 * One step of a rule. A step loads something into registers, looks at registers, in which case the rule may end there,
 * or does something. There are 16 registers of four bytes, numbered from 0; what is longer takes those that follow.
 */
public sealed interface NftExpression {
    int REGISTERS = 16;

    private static void checkRegister(int register) {
        if (register < 0 || register >= REGISTERS) {
            throw new IllegalArgumentException("not a register: " + register);
        }
    }

    /** Loads bytes of the packet. */
    record Load(Header header, int offset, int length, int register) implements NftExpression {
        public Load {
            requireNonNull(header, "header is null");
            checkRegister(register);
        }
    }

    /** Where the bytes of a packet are counted from. */
    enum Header {
        LINK(0),
        NETWORK(1),
        TRANSPORT(2);

        private final int number;

        Header(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }
    }

    /** Loads what is known of a packet. */
    record Meta(MetaKey key, int register) implements NftExpression {
        public Meta {
            requireNonNull(key, "key is null");
            checkRegister(register);
        }
    }

    /** What is known of a packet. */
    enum MetaKey {
        ETHERNET_TYPE(1),
        MARK(3),
        INPUT_NAME(6),
        OUTPUT_NAME(7),
        NFPROTO(15),
        PROTOCOL(16);

        private final int number;

        MetaKey(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }
    }

    /** Gives the packet the mark in a register. */
    record SetMark(int register) implements NftExpression {
        public SetMark {
            checkRegister(register);
        }
    }

    /** Loads the state of the packet's connection, a bit of {@link NftRuleBuilder.State}. */
    record ConnectionState(int register) implements NftExpression {
        public ConnectionState {
            checkRegister(register);
        }
    }

    /** Loads which way the packet goes, in one byte: 0 as the first packet of its connection, 1 the other way. */
    record ConnectionDirection(int register) implements NftExpression {
        public ConnectionDirection {
            checkRegister(register);
        }
    }

    /** Loads what has become of the packet's connection: {@link NftRuleBuilder#translated}. */
    record ConnectionStatus(int register) implements NftExpression {
        public ConnectionStatus {
            checkRegister(register);
        }
    }

    /** Loads what kind of address the destination is: 2 if it is one of this machine. */
    record DestinationType(int register) implements NftExpression {
        public DestinationType {
            checkRegister(register);
        }
    }

    /** Keeps the bits of a mask, then changes those of another one to what they are not. */
    record Mask(int register, NftValue mask, NftValue changed) implements NftExpression {
        public Mask {
            checkRegister(register);
            requireNonNull(mask, "mask is null");
            if (changed.length() != mask.length()) {
                throw new IllegalArgumentException(changed + " is not as long as " + mask);
            }
        }

        public Mask(int register, NftValue mask) {
            this(register, mask, NftValue.of(new byte[mask.length()]));
        }
    }

    /** Ends the rule unless a register compares so. */
    record Compare(int register, Comparison comparison, NftValue value) implements NftExpression {
        public Compare {
            checkRegister(register);
            requireNonNull(comparison, "comparison is null");
            requireNonNull(value, "value is null");
        }
    }

    /** How to compare; "less" is that of numbers in the order of the network. */
    enum Comparison {
        EQUAL(0),
        NOT_EQUAL(1),
        LESS(2),
        LESS_OR_EQUAL(3),
        GREATER(4),
        GREATER_OR_EQUAL(5);

        private final int number;

        Comparison(int number) {
            this.number = number;
        }

        int number() {
            return number;
        }
    }

    /**
     * Ends the rule unless a key is in a set.
     *
     * @param result the register that gets what a map leads to; absent for sets and for maps to verdicts
     * @param verdict whether the verdict that the map leads to is the rule's
     * @param inverted whether the rule ends if it is in the set
     */
    record Lookup(String set, int register, OptionalInt result, boolean verdict, boolean inverted)
            implements NftExpression {
        public Lookup {
            NftTable.checkName(set);
            checkRegister(register);
            result.ifPresent(NftExpression::checkRegister);
        }
    }

    /** Loads a value. */
    record Immediate(int register, NftValue value) implements NftExpression {
        public Immediate {
            checkRegister(register);
            requireNonNull(value, "value is null");
        }
    }

    /** Decides. */
    record Decide(NftVerdict verdict) implements NftExpression {
        public Decide {
            requireNonNull(verdict, "verdict is null");
        }
    }

    /** Counts. */
    record Counter(long packets, long bytes) implements NftExpression {}

    /**
     * Ends the rule for packets over a limit.
     *
     * @param rate how many packets or bytes
     * @param seconds in how long: 1, 60, 3600
     * @param burst how many more at once
     * @param bytes whether bytes are counted, not packets
     * @param over whether it is the other way round: the rule goes on for packets over the limit
     */
    record Limit(long rate, long seconds, int burst, boolean bytes, boolean over) implements NftExpression {
        public Limit {
            if (rate <= 0 || seconds <= 0 || burst < 0) {
                throw new IllegalArgumentException("limit: " + rate + " in " + seconds + " s, burst " + burst);
            }
        }
    }

    /**
     * Ends the rule while there are more connections than this.
     *
     * @param over whether it is the other way round
     */
    record ConnectionLimit(int count, boolean over) implements NftExpression {
        public ConnectionLimit {
            if (count < 0) {
                throw new IllegalArgumentException("count: " + count);
            }
        }
    }

    /**
     * Sends the beginning of the packet to whoever listens to a group of the kernel's packet log.
     *
     * @param prefix a word for the listener; at most 127 bytes
     * @param length how much of the packet, in bytes; 0 for all of it
     */
    record Log(int group, String prefix, int length) implements NftExpression {
        public Log {
            if (group < 0 || group > 0xffff || length < 0) {
                throw new IllegalArgumentException("log: group " + group + ", length " + length);
            }
            NftElement.checkComment(prefix);
        }
    }

    /** Drops the packet and tells the sender. */
    record Reject(Answer answer) implements NftExpression {
        public Reject {
            requireNonNull(answer, "answer is null");
        }

        /** What the sender is told. */
        public enum Answer {
            /** A TCP reset; for TCP only. */
            TCP_RESET,
            NO_ROUTE,
            PORT_UNREACHABLE,
            HOST_UNREACHABLE,
            ADMIN_PROHIBITED
        }
    }

    /** Gives the connection the address of the link it leaves by. */
    record Masquerade() implements NftExpression {}

    /**
     * Translates an address of the connection.
     *
     * @param destination whether its destination's, not its source's
     * @param family IPv4 or IPv6
     * @param address the register with the address
     * @param port the register with the port, which stays as it is without
     */
    record Nat(boolean destination, NftFamily family, int address, OptionalInt port) implements NftExpression {
        public Nat {
            requireNonNull(family, "family is null");
            checkRegister(address);
            port.ifPresent(NftExpression::checkRegister);
        }
    }

    /** Sends the connection to this machine. */
    record Redirect(OptionalInt port) implements NftExpression {
        public Redirect {
            port.ifPresent(NftExpression::checkRegister);
        }
    }

    /** A step that somebody else made and that we have no word for. */
    record Other(String name) implements NftExpression {}

    /** The counter of a rule, if it has one. */
    static Optional<Counter> counter(Iterable<NftExpression> expressions) {
        for (NftExpression expression : expressions) {
            if (expression instanceof Counter counter) {
                return Optional.of(counter);
            }
        }
        return Optional.empty();
    }
}
