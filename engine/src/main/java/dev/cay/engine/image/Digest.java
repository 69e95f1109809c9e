package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/**
 * The digest of some bytes, as the OCI image specification writes it: {@code sha256:} and 64 digits, or {@code sha512:} and 128. No
 * other algorithm is registered.
 *
 * @param algorithm how it was computed
 * @param hex its value, in lower case
 */
public record Digest(Algorithm algorithm, String hex) {
    /** The algorithms that the specification registers. */
    public enum Algorithm {
        SHA256("sha256", "SHA-256", 64),
        SHA512("sha512", "SHA-512", 128);

        private final String text;
        private final String java;
        private final int length;

        Algorithm(String text, String java, int length) {
            this.text = text;
            this.java = java;
            this.length = length;
        }

        /** Something that computes it. */
        MessageDigest start() {
            try {
                return MessageDigest.getInstance(java);
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException("every JDK has " + java, e);
            }
        }
    }

    public Digest {
        requireNonNull(algorithm, "algorithm is null");
        if (hex.length() != algorithm.length || !isHex(hex)) {
            throw new IllegalArgumentException("not the digits of a digest");
        }
    }

    /** Written out, as is {@link #hashCode}: those that a record has by itself cost a cold JVM milliseconds. */
    @Override
    public boolean equals(Object other) {
        return other instanceof Digest digest && algorithm == digest.algorithm && hex.equals(digest.hex);
    }

    @Override
    public int hashCode() {
        return hex.hashCode();
    }

    /** Reads a digest; empty if the text is none. */
    public static Optional<Digest> parse(String text) {
        for (Algorithm algorithm : Algorithm.values()) {
            int colon = algorithm.text.length();
            if (text.length() == colon + 1 + algorithm.length
                    && text.startsWith(algorithm.text)
                    && text.charAt(colon) == ':'
                    && isHex(text.substring(colon + 1))) {
                return Optional.of(new Digest(algorithm, text.substring(colon + 1)));
            }
        }
        return Optional.empty();
    }

    /** The digest of some bytes. */
    static Digest of(byte[] bytes) {
        return of(bytes, Algorithm.SHA256);
    }

    static Digest of(byte[] bytes, Algorithm algorithm) {
        return new Digest(algorithm, HexFormat.of().formatHex(algorithm.start().digest(bytes)));
    }

    /** What {@link Algorithm#start} has computed. */
    static Digest end(Algorithm algorithm, MessageDigest computed) {
        return new Digest(algorithm, HexFormat.of().formatHex(computed.digest()));
    }

    /** Whether these bytes have this digest. */
    boolean isOf(byte[] bytes) {
        return of(bytes, algorithm).equals(this);
    }

    /** A name for files: without the colon, which some tools take for a separator. */
    String fileName() {
        return algorithm.text + "-" + hex;
    }

    static boolean isHex(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) {
                return false;
            }
        }
        return true;
    }

    /** As {@link #parse} reads it. */
    @Override
    public String toString() {
        return algorithm.text + ":" + hex;
    }
}
