package dev.cay.cli;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;

/** A tar archive of files of this machine, made while it is read. */
final class TarStream extends InputStream {
    private static final int END_BLOCKS = 2;

    private final Deque<Level> levels = new ArrayDeque<>();
    private InputStream part;
    private TarFile reading;
    private long left;
    private boolean ended;
    private long leftOut;

    /** A directory that has been begun. */
    private record Level(DirectoryStream<Path> stream, Iterator<Path> files, byte[] name) {}

    /**
     * Begins with a file or a directory.
     *
     * @param name what it is called in the archive; a directory whose name is empty is not in it, only its files are
     */
    TarStream(TarFile file, byte[] name) throws IOException {
        reading = file;
        part = InputStream.nullInputStream();
        begin(file, name);
    }

    /** How many files were left out because they are of no kind that can be copied. */
    long leftOut() {
        return leftOut;
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        while (true) {
            int count = part.read(buffer, offset, length);
            if (count > 0) {
                return count;
            }
            if (!next()) {
                return -1;
            }
        }
    }

    /** Goes on to the next part: the content of the file whose header was read, or the header of the next file. */
    private boolean next() throws IOException {
        part.close();
        if (left >= 0 && reading.kind() == TarFile.Kind.FILE) {
            part = new Content(reading, left);
            left = -1;
            return true;
        }
        left = -1;
        while (!levels.isEmpty()) {
            Level level = levels.peek();
            if (!hasNext(level)) {
                level.stream().close();
                levels.pop();
                continue;
            }
            Path path = level.files().next();
            TarFile file = TarFile.of(path);
            if (file.kind() == TarFile.Kind.OTHER) {
                leftOut++;
                continue;
            }
            begin(file, join(level.name(), HostNames.name(path)));
            return true;
        }
        if (ended) {
            return false;
        }
        ended = true;
        part = new ByteArrayInputStream(new byte[END_BLOCKS * TarHeader.BLOCK]);
        return true;
    }

    private static boolean hasNext(Level level) throws IOException {
        try {
            return level.files().hasNext();
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
    }

    private void begin(TarFile file, byte[] name) throws IOException {
        reading = file;
        left = file.kind() == TarFile.Kind.FILE ? file.size() : -1;
        if (name.length > 0) {
            part = new ByteArrayInputStream(TarHeader.of(file, name));
        }
        if (file.kind() == TarFile.Kind.DIRECTORY) {
            DirectoryStream<Path> stream = Files.newDirectoryStream(file.path());
            levels.push(new Level(stream, stream.iterator(), name));
        }
    }

    private static byte[] join(byte[] directory, byte[] name) {
        if (directory.length == 0) {
            return name;
        }
        byte[] joined = new byte[directory.length + 1 + name.length];
        System.arraycopy(directory, 0, joined, 0, directory.length);
        joined[directory.length] = '/';
        System.arraycopy(name, 0, joined, directory.length + 1, name.length);
        return joined;
    }

    @Override
    public void close() throws IOException {
        part.close();
        for (Level level : levels) {
            level.stream().close();
        }
    }

    /** As many bytes of a file as its header says, and zeros up to the end of the block. */
    private static final class Content extends InputStream {
        private final TarFile file;
        private final InputStream in;
        private long left;
        private int padding;

        Content(TarFile file, long size) throws IOException {
            this.file = file;
            in = file.open();
            left = size;
            padding = (int) ((TarHeader.BLOCK - size % TarHeader.BLOCK) % TarHeader.BLOCK);
        }

        @Override
        public int read() {
            throw new UnsupportedOperationException("files are read by the buffer");
        }

        @Override
        public int read(byte[] buffer, int offset, int length) throws IOException {
            if (left > 0) {
                int count = in.read(buffer, offset, (int) Math.min(length, left));
                if (count < 0) {
                    throw new IOException("'" + file.path() + "' became shorter while it was read");
                }
                left -= count;
                return count;
            }
            int count = Math.min(length, padding);
            Arrays.fill(buffer, offset, offset + count, (byte) 0);
            padding -= count;
            return count == 0 ? -1 : count;
        }

        @Override
        public void close() throws IOException {
            in.close();
        }
    }
}
