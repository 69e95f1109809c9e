package dev.cay.engine.archive;

import static java.util.Objects.requireNonNull;

import dev.cay.engine.archive.HeaderBlock.Field;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarException.Reason;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;

/**
 * Reads an archive that is not to be trusted, entry by entry: v7, ustar, star, GNU and pax. Memory is bounded by {@link
 * TarLimits}. Sparse files, and types that only some writer knows, are refused.
 *
 * <p>An archive ends with two blocks of zeros, or where a header could begin. What follows is not looked at, but part of it may
 * have been read from the source; whoever feeds a pipe may still want to write it.
 *
 * <p>Not thread-safe. After an exception the reader is of no use.
 */
public final class TarReader {
    private static final int SCRATCH = 4096;

    private final TarInput input;
    private final TarLimits limits;
    private final HeaderBlock header = new HeaderBlock();
    private final Extensions extensions;
    private byte[] scratch = new byte[SCRATCH];
    private boolean ended;
    private long number;
    private long remaining;
    private int padding;
    private long contentSize;

    /** Reads from a source that needs no buffer, and is not closed. */
    public TarReader(InputStream source, TarLimits limits) {
        this.input = new TarInput(requireNonNull(source, "source is null"));
        this.limits = requireNonNull(limits, "limits is null");
        this.extensions = new Extensions(limits);
    }

    /**
     * The next entry; what is left of the content of the one before is passed over. Empty at the end.
     *
     * @throws TarException if the archive is damaged, or asks for more than the limits
     */
    public Optional<TarEntry> next() throws IOException {
        try {
            input.skip(remaining);
            remaining = 0;
            input.skip(padding);
            padding = 0;
            if (ended) {
                return Optional.empty();
            }
            number++;
            extensions.clear();
            return read();
        } catch (TarException e) {
            throw e.in(number);
        }
    }

    /**
     * The content of the current entry, which ends where that does; empty for all but files. Usable until {@link #next} is
     * called, needs no buffer and no closing. Fastest with {@link InputStream#transferTo}.
     */
    public InputStream content() {
        return new Content(number);
    }

    private Optional<TarEntry> read() throws IOException {
        while (!atEnd()) {
            header.verify();
            switch (header.type()) {
                case 'x' -> {
                    int length = extension(limits.paxSize(), Reason.PAX_TOO_LARGE);
                    extensions.records(scratch, length);
                }
                case 'L' -> longText(Extensions.PATH);
                case 'K' -> longText(Extensions.LINK_PATH);
                case 'g' -> {
                    count();
                    int length = extension(limits.paxSize(), Reason.PAX_TOO_LARGE);
                    extensions.globalRecords(scratch, length);
                    number++;
                }
                default -> {
                    count();
                    return Optional.of(entry());
                }
            }
        }
        ended = true;
        if (!extensions.isEmpty()) {
            throw TarInput.truncated();
        }
        return Optional.empty();
    }

    private boolean atEnd() throws IOException {
        if (!input.readIfAny(header.bytes(), HeaderBlock.LENGTH)) {
            return true;
        }
        if (!header.isZero()) {
            return false;
        }
        if (input.readIfAny(header.bytes(), HeaderBlock.LENGTH) && !header.isZero()) {
            // Some readers end here and some go on, so what is behind could be seen by one alone.
            throw new TarException(Reason.BAD_HEADER, "a single block of zeros stands before it");
        }
        return true;
    }

    /** Global headers count: each costs time, and there is no end to them. */
    private void count() throws TarException {
        if (number > limits.entries()) {
            throw new TarException(
                    Reason.TOO_MANY_ENTRIES, "the archive has more than " + limits.entries() + " entries");
        }
    }

    private void longText(String keyword) throws IOException {
        int length = extension(limits.nameLength() + 1, Reason.NAME_TOO_LONG);
        extensions.longText(keyword, scratch, length);
    }

    /** Reads the content of an extending header to {@link #scratch}, which may then be another array; returns its length. */
    private int extension(int limit, Reason reason) throws IOException {
        long announced = header.number(Field.SIZE, Long.MAX_VALUE);
        if (announced > limit) {
            throw new TarException(reason, "a header before it announces " + announced + " bytes of " + limit);
        }
        int length = (int) announced;
        if (length > scratch.length) {
            scratch = new byte[length];
        }
        if (!input.readIfAny(scratch, length)) {
            throw TarInput.truncated();
        }
        input.skip(padding(length));
        return length;
    }

    private TarEntry entry() throws TarException {
        ByteString name = limited(extensions.text(Extensions.PATH, header.name()));
        Kind kind = kind(name);
        int mode = (int) header.number(Field.MODE, Long.MAX_VALUE) & TarEntry.MODE_BITS;
        TarEntry entry = new TarEntry(
                name,
                kind,
                mode,
                number(Extensions.UID, Field.UID),
                number(Extensions.GID, Field.GID),
                modified(),
                extensions.xattrs());
        if (entry.size() > limits.contentSize() - contentSize) {
            throw new TarException(
                    Reason.CONTENT_TOO_LARGE, "all content is more than " + limits.contentSize() + " bytes");
        }
        contentSize += entry.size();
        remaining = entry.size();
        padding = padding(entry.size());
        return entry;
    }

    /** Only files have content, whatever the header of another says: so do Go and Python, and with them most that unpacks. */
    private Kind kind(ByteString name) throws TarException {
        byte type = header.type();
        return switch (type) {
            case '0', '7' -> file();
            // Before ustar a directory was a file with a slash.
            case 0 -> name.endsWith('/') ? new Kind.Directory() : file();
            case '1' -> new Kind.HardLink(target());
            case '2' -> new Kind.SymbolicLink(target());
            case '3' -> new Kind.CharacterDevice(major(), minor());
            case '4' -> new Kind.BlockDevice(major(), minor());
            case '5' -> new Kind.Directory();
            case '6' -> new Kind.Fifo();
            case 'S' ->
                throw new TarException(Reason.UNSUPPORTED_SPARSE, name.quoted() + " is sparse, which is not supported");
            default ->
                throw new TarException(
                        Reason.UNSUPPORTED_TYPE,
                        name.quoted() + " is of a type not known, 0x" + Integer.toHexString(type & 0xFF));
        };
    }

    private Kind file() throws TarException {
        return new Kind.File(number(Extensions.SIZE, Field.SIZE));
    }

    private ByteString target() throws TarException {
        ByteString target = limited(extensions.text(Extensions.LINK_PATH, header.text(Field.LINK)));
        if (target.isEmpty()) {
            throw new TarException(Reason.BAD_HEADER, "it is a link to nothing");
        }
        return target;
    }

    private int major() throws TarException {
        return (int) header.number(Field.MAJOR, Kind.MAXIMUM_MAJOR);
    }

    private int minor() throws TarException {
        return (int) header.number(Field.MINOR, Kind.MAXIMUM_MINOR);
    }

    private ByteString limited(ByteString name) throws TarException {
        if (name.length() > limits.nameLength()) {
            throw new TarException(
                    Reason.NAME_TOO_LONG, name.quoted() + " has more than " + limits.nameLength() + " bytes");
        }
        return name;
    }

    private long number(String keyword, Field field) throws TarException {
        return extensions.has(keyword) ? extensions.number(keyword) : header.number(field, Long.MAX_VALUE);
    }

    private Instant modified() throws TarException {
        if (extensions.has(Extensions.MTIME)) {
            return extensions.modified();
        }
        long seconds = header.number(Field.MTIME);
        if (seconds < Instant.MIN.getEpochSecond() || seconds > Instant.MAX.getEpochSecond()) {
            throw new TarException(Reason.BAD_NUMBER, "its mtime is not possible");
        }
        return Instant.ofEpochSecond(seconds);
    }

    /** How many bytes stand between so much content and the next header. */
    static int padding(long size) {
        return (int) -size & HeaderBlock.LENGTH - 1;
    }

    private final class Content extends InputStream {
        private final long of;

        private Content(long of) {
            this.of = of;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            Objects.checkFromIndexSize(offset, length, target.length);
            requireCurrent();
            if (remaining == 0 && length > 0) {
                return -1;
            }
            try {
                int count = length == 0
                        ? 0
                        : TarInput.required(input.read(target, offset, (int) Math.min(length, remaining)));
                remaining -= count;
                return count;
            } catch (TarException e) {
                throw e.in(number);
            }
        }

        @Override
        public long transferTo(OutputStream target) throws IOException {
            requireCurrent();
            try {
                long size = remaining;
                while (remaining > 0) {
                    remaining -= input.transfer(remaining, target);
                }
                return size;
            } catch (TarException e) {
                throw e.in(number);
            }
        }

        private void requireCurrent() {
            if (of != number) {
                throw new IllegalStateException("the content of an entry that the reader has left");
            }
        }
    }
}
