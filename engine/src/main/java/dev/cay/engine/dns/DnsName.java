package dev.cay.engine.dns;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/**
 * A domain name, RFC 1035 section 3.1. Immutable; equal to one that differs in the case of ASCII letters only, RFC 4343. The
 * case is kept.
 */
final class DnsName {
    static final int MAXIMUM_LENGTH = 255;
    static final int MAXIMUM_LABEL = 63;

    /** Labels, each behind its length; the last one is empty. */
    private final byte[] wire;

    private final int hash;

    private DnsName(byte[] wire) {
        this.wire = wire;
        int sum = 0;
        for (byte octet : wire) {
            sum = 31 * sum + lower(octet);
        }
        hash = sum;
    }

    /** Takes labels that have been checked. */
    static DnsName ofWire(byte[] wire, int length) {
        return new DnsName(Arrays.copyOf(wire, length));
    }

    /**
     * A name in words: labels between dots; ASCII alone, nothing is escaped.
     *
     * @throws IllegalArgumentException if it is too long, or has an empty label
     */
    static DnsName of(String text) {
        byte[] octets = text.getBytes(StandardCharsets.US_ASCII);
        if (octets.length > MAXIMUM_LENGTH - 2) {
            throw new IllegalArgumentException("a name of " + octets.length + " characters: " + text);
        }
        byte[] wire = new byte[octets.length + 2];
        int start = 0;
        for (int i = 0; i <= octets.length; i++) {
            if (i == octets.length || octets[i] == '.') {
                if (i == start || i - start > MAXIMUM_LABEL) {
                    throw new IllegalArgumentException("a label of " + (i - start) + " characters: " + text);
                }
                wire[start] = (byte) (i - start);
                start = i + 1;
            } else {
                wire[i + 1] = octets[i];
            }
        }
        return new DnsName(wire);
    }

    int length() {
        return wire.length;
    }

    /** The labels, each behind its length. */
    byte[] wire() {
        return wire.clone();
    }

    void write(WireOutput out) {
        out.bytes(wire);
    }

    int labels() {
        int labels = 0;
        for (int at = 0; wire[at] != 0; at += wire[at] + 1) {
            labels++;
        }
        return labels;
    }

    /**
     * What a policy can speak about: the name in lower case, labels between dots; empty if it has other characters than
     * letters, digits, {@code -} and {@code _}, a dot within a label for one, or is the root.
     */
    Optional<String> host() {
        if (wire.length == 1) {
            return Optional.empty();
        }
        byte[] text = new byte[wire.length - 2];
        int next = 0;
        for (int i = 0; i < wire.length - 1; i++) {
            if (i == next) {
                next += wire[i] + 1;
                if (i > 0) {
                    text[i - 1] = '.';
                }
            } else {
                byte octet = lower(wire[i]);
                if ((octet < 'a' || octet > 'z') && (octet < '0' || octet > '9') && octet != '-' && octet != '_') {
                    return Optional.empty();
                }
                text[i - 1] = octet;
            }
        }
        return Optional.of(new String(text, StandardCharsets.US_ASCII));
    }

    /** The same name in a case that nobody can guess; a bit of the mask for each letter, again from the first after 64. */
    DnsName withCase(long mask) {
        byte[] mixed = wire.clone();
        int next = 0;
        int letter = 0;
        for (int i = 0; i < mixed.length; i++) {
            if (i == next) {
                next += mixed[i] + 1;
            } else if (lower(mixed[i]) >= 'a' && lower(mixed[i]) <= 'z') {
                boolean upper = (mask >>> letter++ % Long.SIZE & 1) != 0;
                mixed[i] = (byte) (upper ? lower(mixed[i]) - ('a' - 'A') : lower(mixed[i]));
            }
        }
        return new DnsName(mixed);
    }

    /** Whether it is equal in case too. */
    boolean isExactly(DnsName other) {
        return Arrays.equals(wire, other.wire);
    }

    /** Lengths of labels are less than any letter, so this changes none. */
    private static byte lower(byte octet) {
        return octet >= 'A' && octet <= 'Z' ? (byte) (octet + ('a' - 'A')) : octet;
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof DnsName name) || name.hash != hash || name.wire.length != wire.length) {
            return false;
        }
        for (int i = 0; i < wire.length; i++) {
            if (lower(wire[i]) != lower(name.wire[i])) {
                return false;
            }
        }
        return true;
    }

    @Override
    public int hashCode() {
        return hash;
    }

    /** For people; what is not printable is a question mark. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (int at = 0; wire[at] != 0; at += wire[at] + 1) {
            for (int i = 1; i <= wire[at]; i++) {
                byte octet = wire[at + i];
                text.append(octet > ' ' && octet < 127 && octet != '.' ? (char) octet : '?');
            }
            text.append('.');
        }
        return text.isEmpty() ? "." : text.toString();
    }
}
