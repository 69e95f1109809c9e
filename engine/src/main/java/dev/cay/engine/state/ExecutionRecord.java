package dev.cay.engine.state;

import dev.cay.Exit;
import dev.cay.OutputKind;
import dev.cay.OutputLog;
import dev.cay.SandboxException;
import dev.cay.linux.ResourceUsage;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;

/**
 * The file that a sandbox's first process keeps of an execution: a header and a ring for each output, see design/002-stub.md. It
 * is written while it is read, and by a process that belongs to the sandbox: every number in it is checked.
 */
public final class ExecutionRecord {
    /** How many bytes of a stream are written at once; that many of the oldest may be changing while they are read. */
    static final int WRITE = 32 * 1024;

    static final int HEADER = 4096;
    static final int TOTALS = 64;
    static final int USAGE = 80;
    static final int FIELDS = USAGE + ResourceUsage.SIZE;
    private static final byte[] MAGIC = "CayEXEC1".getBytes(StandardCharsets.US_ASCII);

    static final int ENDED = 2;
    private static final int CLD_EXITED = 1;
    private static final int CLD_DUMPED = 3;
    private static final int SIGKILL = 9;
    private static final int SIGTERM = 15;
    private static final int MAXIMUM_SIGNAL = 64;

    private final Path file;

    ExecutionRecord(Path file) {
        this.file = file;
    }

    /** The size of the rings in which so many bytes of each stream can be read at any time. */
    static int ringFor(long kept) {
        return kept == 0 ? 0 : Math.toIntExact((kept + HEADER - 1) / HEADER * HEADER + WRITE);
    }

    /** Makes a record of which nothing is written yet. It takes no space before it is. */
    static void create(Path file, int ring) throws IOException {
        try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
            out.setLength(0);
            out.write(MAGIC);
            out.setLength(HEADER + 2L * ring);
        }
    }

    /** The beginning of a record of which nothing is written yet, up to its rings; for one that is made elsewhere. */
    public static byte[] blank() {
        return Arrays.copyOf(MAGIC, HEADER);
    }

    /** Where a first process that is on another machine keeps the record. */
    @FunctionalInterface
    public interface Origin {
        /** Reads up to so many bytes from a place on; fewer at the end of what is written there. */
        byte[] read(long at, int length) throws IOException;
    }

    /** By which nobody else changes it meanwhile. */
    @FunctionalInterface
    public interface Lock {
        void hold(Change change) throws IOException;
    }

    /** What is done under a lock. */
    @FunctionalInterface
    public interface Change {
        void make() throws IOException;
    }

    /**
     * Brings over what is new in a record that is kept elsewhere, which is believed no more than this one.
     *
     * @param lock held by whoever changes something here; it is not held while the origin is read
     */
    public void bring(Origin origin, Lock lock) throws IOException {
        new RecordCopy(file, ring()).bring(origin, lock);
    }

    /** The file, for the sandbox's first process to write. */
    public Path file() {
        return file;
    }

    /** The size of each of its rings, a multiple of 4096. */
    public int ring() throws IOException {
        try (RandomAccessFile in = open()) {
            return ring(in);
        }
    }

    /**
     * What its header says.
     *
     * @param pid in the sandbox; 0 if it has not been started
     * @param started when it was started; 1970 if it has not been
     * @param exit how it ended; empty if it has not
     * @param ended when that was; empty if it has not
     * @param used what its process has used, and those that it has waited for; empty if it has not ended, or a first process of an earlier
     *     version has written it
     */
    public record Header(
            int pid, Instant started, Optional<Exit> exit, Optional<Instant> ended, Optional<ResourceUsage> used) {}

    public Header header() throws IOException {
        try (RandomAccessFile in = open()) {
            ring(in);
            ByteBuffer fields = read(in, 0, FIELDS);
            Optional<Exit> exit = fields.getInt(8) == ENDED
                    ? Optional.of(exit(fields.getInt(16), fields.getInt(20), fields.getInt(40) != 0))
                    : Optional.empty();
            return new Header(
                    fields.getInt(12),
                    StateJson.instant(Math.max(0, fields.getLong(24))),
                    exit,
                    exit.map(end -> StateJson.instant(Math.max(0, fields.getLong(32)))),
                    exit.flatMap(end -> ResourceUsage.read(fields, USAGE)).filter(used -> used.peakKibibytes() > 0));
        }
    }

    /**
     * What was written to a stream, as far as it is kept.
     *
     * @param from how many of its bytes are of no interest
     * @param most how many bytes to return at the most
     */
    public OutputLog log(OutputKind kind, long from, int most) throws IOException {
        return log(kind, from, most, () -> {});
    }

    /** The same with something that happens when the bytes have been read, for tests. */
    OutputLog log(OutputKind kind, long from, int most, Runnable meanwhile) throws IOException {
        int which = switch (kind) {
            case STDOUT -> 0;
            case STDERR -> 1;
        };
        try (RandomAccessFile in = open()) {
            int ring = ring(in);
            long start = Math.max(from, oldest(total(in, which), ring));
            int length = Math.clamp(total(in, which) - start, 0, Math.min(most, ring));
            byte[] bytes = new byte[length];
            for (int done = 0; done < length; ) {
                long at = (start + done) % ring;
                int part = (int) Math.min(length - done, ring - at);
                in.seek(HEADER + (long) which * ring + at);
                in.readFully(bytes, done, part);
                done += part;
            }
            meanwhile.run();
            // What has been written by now may be in place of what was to be read.
            int lost = Math.clamp(oldest(total(in, which), ring) - start, 0, length);
            return new OutputLog(start + lost, Arrays.copyOfRange(bytes, lost, length));
        }
    }

    /** The first byte of a stream that is not, and not being, written over. */
    private static long oldest(long total, int ring) {
        return ring == 0 ? total : Math.max(0, total - (ring - WRITE));
    }

    private long total(RandomAccessFile in, int which) throws IOException {
        long total = read(in, TOTALS + 8L * which, 8).getLong(0);
        if (total < 0) {
            throw damaged();
        }
        return total;
    }

    private int ring(RandomAccessFile in) throws IOException {
        long rings = in.length() - HEADER;
        long ring = rings / 2;
        boolean fits = rings >= 0 && rings % 2 == 0 && ring % HEADER == 0 && ring <= Integer.MAX_VALUE;
        if (!fits
                || ring != 0 && ring <= WRITE
                || !Arrays.equals(read(in, 0, MAGIC.length).array(), MAGIC)) {
            throw damaged();
        }
        return (int) ring;
    }

    private static ByteBuffer read(RandomAccessFile in, long at, int length) throws IOException {
        byte[] bytes = new byte[length];
        in.seek(at);
        in.readFully(bytes);
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Why a signal came, other than for the time, is not known here. */
    private static Exit exit(int code, int status, boolean timedOut) {
        int signal = status >= 1 && status <= MAXIMUM_SIGNAL ? status : SIGKILL;
        boolean core = code == CLD_DUMPED;
        if (timedOut) {
            return Exit.signalled(Exit.Reason.TIMEOUT, code == CLD_EXITED ? SIGTERM : signal)
                    .withCore(core);
        }
        return code == CLD_EXITED
                ? Exit.exited(status & 0xFF)
                : Exit.signalled(Exit.Reason.SIGNALLED, signal).withCore(core);
    }

    /** No channel: an interrupt of the reader would close it. */
    private RandomAccessFile open() throws IOException {
        return new RandomAccessFile(file.toFile(), "r");
    }

    private SandboxException damaged() {
        return new SandboxException.HostFailed(file + " is not the record of an execution", "remove the sandbox", null);
    }
}
