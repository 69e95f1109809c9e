package dev.cay.engine.archive;

import static java.util.Objects.requireNonNull;

import dev.cay.engine.archive.HeaderBlock.Field;
import dev.cay.engine.archive.TarEntry.Kind;
import dev.cay.engine.archive.TarException.Reason;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;

/**
 * Writes an archive that tar, bsdtar, Go and Python read: ustar where that is enough, with pax records where it is not. The same
 * entries make the same bytes.
 *
 * <p>Names are written as they are; that of a directory ends with a slash by convention.
 *
 * <p>Not thread-safe. After an exception the archive cannot be continued.
 */
public final class TarWriter {
    private static final ByteString EXTENSION_NAME = ByteString.of("PaxHeader");
    private static final int EXTENSION_MODE = 0644;
    private static final byte[] ZEROS = new byte[HeaderBlock.LENGTH];

    private final OutputStream target;
    private final byte[] buffer = new byte[64 * 1024];
    private final HeaderBlock header = new HeaderBlock();
    private final HeaderBlock extension = new HeaderBlock();
    private final ByteArrayOutputStream records = new ByteArrayOutputStream();
    private int position;
    private long number;
    private boolean usable = true;

    /** Writes to a target that needs no buffer, and is not closed. */
    public TarWriter(OutputStream target) {
        this.target = requireNonNull(target, "target is null");
    }

    /** Adds an entry that has no content. */
    public void add(TarEntry entry) throws IOException {
        add(entry, InputStream.nullInputStream());
    }

    /**
     * Adds an entry and reads its content: exactly as much as the entry announces, if there is more.
     *
     * @throws TarException with TRUNCATED if there is less
     */
    public void add(TarEntry entry, InputStream content) throws IOException {
        begin();
        number++;
        header(entry);
        content(content, entry.size());
        pad(entry.size());
        usable = true;
    }

    /** Ends the archive and flushes the target. Nothing can be added then. */
    public void finish() throws IOException {
        begin();
        header.clear();
        write(header.bytes(), HeaderBlock.LENGTH);
        write(header.bytes(), HeaderBlock.LENGTH);
        drain();
        target.flush();
    }

    /** An archive whose last entry failed must not be made to look whole. */
    private void begin() {
        if (!usable) {
            throw new IllegalStateException("the archive is finished, or an entry failed");
        }
        usable = false;
    }

    private void header(TarEntry entry) throws IOException {
        records.reset();
        header.clear();
        name(entry.name());
        header.put(Field.MODE, entry.mode());
        number(Field.UID, Extensions.UID, entry.uid());
        number(Field.GID, Extensions.GID, entry.gid());
        number(Field.SIZE, Extensions.SIZE, entry.size());
        time(entry.modified());
        for (Map.Entry<String, ByteString> xattr : entry.xattrs().entrySet()) {
            String name = xattr.getKey().replace("%", "%25").replace("=", "%3D");
            record(Extensions.XATTR + name, xattr.getValue());
        }
        char type = kind(entry.kind());
        if (records.size() > 0) {
            extension();
        }
        header.seal(type);
        write(header.bytes(), HeaderBlock.LENGTH);
    }

    private char kind(Kind kind) {
        return switch (kind) {
            case Kind.File _ -> '0';
            case Kind.HardLink(ByteString link) -> link(link, '1');
            case Kind.SymbolicLink(ByteString link) -> link(link, '2');
            case Kind.CharacterDevice(int major, int minor) -> device(major, minor, '3');
            case Kind.BlockDevice(int major, int minor) -> device(major, minor, '4');
            case Kind.Directory _ -> '5';
            case Kind.Fifo _ -> '6';
        };
    }

    private char link(ByteString link, char type) {
        header.put(Field.LINK, link);
        if (link.length() > Field.LINK.length() || !link.isAscii()) {
            text(Extensions.LINK_PATH, link);
        }
        return type;
    }

    private char device(int major, int minor, char type) {
        header.put(Field.MAJOR, major);
        header.put(Field.MINOR, minor);
        return type;
    }

    private void name(ByteString name) {
        int length = name.length();
        int room = Field.NAME.length();
        if (name.isAscii() && length > room) {
            int slash = name.indexOf('/', Math.max(1, length - room - 1));
            if (slash > 0 && slash <= Field.PREFIX.length() && slash < length - 1) {
                header.put(Field.PREFIX, name.slice(0, slash));
                header.put(Field.NAME, name.slice(slash + 1, length));
                return;
            }
        }
        header.put(Field.NAME, name);
        if (length > room || !name.isAscii()) {
            text(Extensions.PATH, name);
        }
    }

    /** A reader may convert names from UTF-8 unless told that they are not. */
    private void text(String keyword, ByteString text) {
        if (text.text().isEmpty()) {
            record("hdrcharset", ByteString.of("BINARY"));
        }
        record(keyword, text);
    }

    private void number(Field field, String keyword, long number) {
        if (field.holds(number)) {
            header.put(field, number);
        } else {
            header.put(field, 0);
            record(keyword, ByteString.of(Long.toString(number)));
        }
    }

    private void time(Instant time) {
        long seconds = time.getEpochSecond();
        boolean fits = Field.MTIME.holds(seconds);
        header.put(Field.MTIME, fits ? seconds : 0);
        if (!fits || time.getNano() > 0) {
            record(Extensions.MTIME, ByteString.of(decimal(seconds, time.getNano())));
        }
    }

    private static String decimal(long seconds, int nanos) {
        boolean borrow = seconds < 0 && nanos > 0;
        long whole = borrow ? seconds + 1 : seconds;
        int fraction = borrow ? 1_000_000_000 - nanos : nanos;
        String sign = borrow && whole == 0 ? "-" : "";
        String digits = Integer.toString(1_000_000_000 + fraction).substring(1).replaceAll("0+$", "");
        return sign + whole + (digits.isEmpty() ? "" : "." + digits);
    }

    private void record(String keyword, ByteString value) {
        byte[] key = keyword.getBytes(StandardCharsets.UTF_8);
        int rest = 1 + key.length + 1 + value.length() + 1;
        int length = rest + digits(rest);
        // The digits count themselves, which can take one more.
        length = rest + digits(length);
        records.writeBytes((length + " ").getBytes(StandardCharsets.US_ASCII));
        records.writeBytes(key);
        records.write('=');
        records.writeBytes(value.toBytes());
        records.write('\n');
    }

    private static int digits(int number) {
        return Integer.toString(number).length();
    }

    private void extension() throws IOException {
        int length = records.size();
        extension.clear();
        extension.put(Field.NAME, EXTENSION_NAME);
        extension.put(Field.MODE, EXTENSION_MODE);
        extension.put(Field.UID, 0);
        extension.put(Field.GID, 0);
        extension.put(Field.SIZE, length);
        extension.put(Field.MTIME, 0);
        extension.seal('x');
        write(extension.bytes(), HeaderBlock.LENGTH);
        write(records.toByteArray(), length);
        pad(length);
    }

    private void content(InputStream content, long size) throws IOException {
        for (long rest = size; rest > 0; ) {
            if (position > buffer.length / 2) {
                drain();
            }
            int count = content.read(buffer, position, (int) Math.min(rest, buffer.length - position));
            if (count < 0) {
                String what = "its content ends " + rest + " bytes before the " + size + " announced";
                throw new TarException(Reason.TRUNCATED, what).in(number);
            }
            position += count;
            rest -= count;
        }
    }

    private void pad(long size) throws IOException {
        write(ZEROS, TarReader.padding(size));
    }

    private void write(byte[] bytes, int length) throws IOException {
        for (int done = 0; done < length; ) {
            if (position == buffer.length) {
                drain();
            }
            int count = Math.min(length - done, buffer.length - position);
            System.arraycopy(bytes, done, buffer, position, count);
            position += count;
            done += count;
        }
    }

    private void drain() throws IOException {
        target.write(buffer, 0, position);
        position = 0;
    }
}
