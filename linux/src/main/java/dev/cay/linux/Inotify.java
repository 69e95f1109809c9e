package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Being told of changes in directories: inotify(7). */
public final class Inotify {
    public static final int IN_MODIFY = 0x2;
    public static final int IN_ATTRIB = 0x4;
    public static final int IN_MOVED_FROM = 0x40;
    public static final int IN_MOVED_TO = 0x80;
    public static final int IN_CREATE = 0x100;
    public static final int IN_DELETE = 0x200;
    public static final int IN_UNMOUNT = 0x2000;
    /** Events were lost. */
    public static final int IN_Q_OVERFLOW = 0x4000;
    /** A watch has been taken away, or its directory has gone: there will be nothing of it any more. */
    public static final int IN_IGNORED = 0x8000;
    /** Only directories. */
    public static final int IN_ONLYDIR = 0x1000000;
    /** Nothing about files that have no name any more. */
    public static final int IN_EXCL_UNLINK = 0x4000000;
    /** It is about a directory. */
    public static final int IN_ISDIR = 0x40000000;

    private static final int IN_NONBLOCK_CLOEXEC = FileOps.O_NONBLOCK | FileOps.O_CLOEXEC;
    private static final int EVENT_SIZE = 16;
    private static final int EVENT_MASK = 4;
    private static final int EVENT_COOKIE = 8;
    private static final int EVENT_LENGTH = 12;

    private Inotify() {}

    /**
     * Something that happened.
     *
     * @param watch what {@link #watch} returned
     * @param mask {@code IN_*}
     * @param cookie the same for both halves of a renaming
     * @param name the name in the directory; empty if it is about the directory itself
     */
    public record Event(int watch, int mask, int cookie, byte[] name) {
        public boolean is(int bits) {
            return (mask & bits) != 0;
        }
    }

    /** {@code int inotify_init1(IN_NONBLOCK | IN_CLOEXEC)} inotify_init(2). */
    public static Op create() {
        return Op.opening(SystemCall.INOTIFY_INIT1, "", Arg.of(IN_NONBLOCK_CLOEXEC));
    }

    /**
     * {@code int inotify_add_watch(int fd, const char *pathname, uint32_t mask)} inotify_add_watch(2), of the very directory that
     * a descriptor is: its name in this process's {@code /proc} leads to that and nowhere else.
     */
    public static Op watch(Fd inotify, Fd directory, int mask) {
        return Op.of(
                SystemCall.INOTIFY_ADD_WATCH,
                "",
                Arg.of(inotify),
                Arg.text("/proc/self/fd/" + directory.number()),
                Arg.of(mask));
    }

    /** The same of the working directory. */
    public static Op watchHere(Fd inotify, int mask) {
        return Op.of(SystemCall.INOTIFY_ADD_WATCH, "", Arg.of(inotify), Arg.text("."), Arg.of(mask));
    }

    /** {@code int inotify_rm_watch(int fd, int wd)} inotify_rm_watch(2). */
    public static Op unwatch(Fd inotify, int watch) {
        return Op.of(SystemCall.INOTIFY_RM_WATCH, "", Arg.of(inotify), Arg.of(watch));
    }

    /** The events that a read(2) of so many bytes brought: {@code struct inotify_event}. */
    public static List<Event> events(byte[] read, int length) {
        ByteBuffer buffer = ByteBuffer.wrap(read, 0, length).order(ByteOrder.nativeOrder());
        List<Event> events = new ArrayList<>();
        int at = 0;
        while (length - at >= EVENT_SIZE) {
            int room = buffer.getInt(at + EVENT_LENGTH);
            int start = at + EVENT_SIZE;
            if (room < 0 || room > length - start) {
                throw new IllegalStateException("inotify returned a name of " + room + " bytes");
            }
            int end = start;
            while (end < start + room && read[end] != 0) {
                end++;
            }
            events.add(new Event(
                    buffer.getInt(at),
                    buffer.getInt(at + EVENT_MASK),
                    buffer.getInt(at + EVENT_COOKIE),
                    Arrays.copyOfRange(read, start, end)));
            at = start + room;
        }
        return events;
    }
}
