package dev.cay.engine.fuse;

import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OpenFile;
import dev.cay.linux.Results;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** What is asked of files and directories that are open. Thread-safe but for {@link #list}. */
final class Contents {
    /** As much as a kernel asks for at once that has not been allowed more. */
    private static final int LARGEST_READ = 128 * 1024;

    /** FUSE_WRITE_CACHE: pages that were mapped. */
    private static final int OF_MAPPED = 1;

    private final Kernel kernel;
    private final Handles handles;

    Contents(Kernel kernel, Handles handles) {
        this.kernel = kernel;
        this.handles = handles;
    }

    Reply read(Request request) throws IOException, Refusal, MalformedRequestException {
        long number = request.large();
        long offset = offset(request);
        int size = size(request);
        request.skip(20);
        request.end();
        Handle handle = handles.find(number);
        return handle.use(fd -> {
            Arg.Buffer buffer = new Arg.Buffer(size);
            Op read = FileOps.readAt(Arg.of(fd), buffer, offset);
            Results results = kernel.run(OpList.of(read));
            int length = (int) results.value(read);
            return new Reply(length).bytes(results.bytes(buffer), length);
        });
    }

    Reply write(Request request) throws IOException, Refusal, MalformedRequestException {
        long number = request.large();
        long offset = offset(request);
        int size = request.number();
        boolean mapped = (request.number() & OF_MAPPED) != 0;
        request.skip(16);
        byte[] bytes = request.rest(size);
        Handle handle = handles.find(number);
        return handle.use(fd -> {
            Op write = handle.appends() && !mapped
                    ? OpenFile.append(Arg.of(fd), "", bytes)
                    : FileOps.writeAt(Arg.of(fd), "", bytes, offset);
            int written = (int) kernel.run(OpList.of(write)).value(write);
            return new Reply(2 * Integer.BYTES).number(written).number(0);
        });
    }

    private static long offset(Request request) throws MalformedRequestException, Refusal {
        long offset = request.large();
        if (offset < 0) {
            throw new Refusal(Errno.EINVAL);
        }
        return offset;
    }

    private static int size(Request request) throws MalformedRequestException {
        int size = request.number();
        if (size < 0 || size > LARGEST_READ) {
            throw new MalformedRequestException("a read of " + Integer.toUnsignedString(size) + " bytes");
        }
        return size;
    }

    Reply sync(Request request) throws IOException, Refusal, MalformedRequestException {
        Handle handle = handles.find(request.large());
        request.skip(2 * Integer.BYTES);
        request.end();
        return handle.use(fd -> {
            kernel.run(OpList.of(OpenFile.sync(Arg.of(fd), "")));
            return Reply.empty();
        });
    }

    /**
     * What comes next in a directory.
     *
     * @param tree adds the attributes of each name; its lock is held then
     */
    Reply list(Request request, Nodes nodes, Tree tree, boolean plus)
            throws IOException, Refusal, MalformedRequestException {
        long number = request.large();
        long offset = request.large();
        int size = size(request);
        request.skip(20);
        request.end();
        Handle handle = handles.find(number);
        return handle.use(fd -> {
            Arg.Buffer buffer = new Arg.Buffer(Math.max(Entry.LARGEST, size));
            Op read = DirectoryOps.entries(Arg.of(fd), buffer);
            Results results = kernel.run(OpList.of(OpenFile.seek(Arg.of(fd), offset), read));
            List<Entry> entries = Entry.of(results.bytes(buffer), (int) results.value(read), size, plus);
            Reply reply = new Reply(size);
            List<Arg.Buffer> statuses = new ArrayList<>();
            List<Op> asked = new ArrayList<>();
            if (plus) {
                for (Entry entry : entries) {
                    statuses.add(FileStatus.room());
                    asked.add(DirectoryOps.status(Arg.of(fd), entry.name(), statuses.getLast())
                            .tolerating(Errno.ENOENT, Errno.EACCES, Errno.EIO, Errno.ESTALE));
                }
            }
            Results answered = asked.isEmpty() ? results : kernel.run(OpList.of(asked.toArray(Op[]::new)));
            for (int i = 0; i < entries.size(); i++) {
                Entry entry = entries.get(i);
                if (plus && (entry.isDots() || answered.failed(asked.get(i)))) {
                    reply.skip(Tree.ENTRY_SIZE); // it is looked up when somebody wants to know more
                } else if (plus) {
                    Status status = Status.of(answered.bytes(statuses.get(i)));
                    tree.putEntry(reply, nodes.found(handle.node(), entry.name(), status), status);
                }
                entry.put(reply, nodes.device(handle.node().key()));
            }
            return reply;
        });
    }

    /** A name that getdents64(2) told: {@code struct linux_dirent64}, and {@code struct fuse_dirent} towards the guest. */
    private record Entry(long inode, long next, int type, byte[] name) {
        /** With the longest name. */
        static final int LARGEST = 280;

        private static final int NAME = 19;
        private static final int HEADER_SIZE = 24;

        /** As many as there is room for. */
        static List<Entry> of(byte[] written, int length, int room, boolean plus) {
            ByteBuffer buffer = ByteBuffer.wrap(written, 0, length).order(ByteOrder.nativeOrder());
            List<Entry> entries = new ArrayList<>();
            int left = room;
            for (int at = 0; length - at > NAME; ) {
                int size = Short.toUnsignedInt(buffer.getShort(at + 16));
                if (size <= NAME || size > length - at) {
                    throw new IllegalStateException("getdents64 returned an entry of " + size + " bytes");
                }
                int end = at + NAME;
                while (end < at + size && written[end] != 0) {
                    end++;
                }
                byte[] name = java.util.Arrays.copyOfRange(written, at + NAME, end);
                left -= align(HEADER_SIZE + name.length) + (plus ? Tree.ENTRY_SIZE : 0);
                if (left < 0) {
                    break;
                }
                entries.add(new Entry(buffer.getLong(at), buffer.getLong(at + 8), written[at + 18], name));
                at += size;
            }
            return entries;
        }

        boolean isDots() {
            return name.length == 1 && name[0] == '.' || name.length == 2 && name[0] == '.' && name[1] == '.';
        }

        void put(Reply reply, int device) {
            reply.large(Status.inode(inode, device))
                    .large(next)
                    .number(name.length)
                    .number(type);
            reply.bytes(name, name.length).skip(align(name.length) - name.length);
        }

        private static int align(int length) {
            return length + 7 & ~7;
        }
    }
}
