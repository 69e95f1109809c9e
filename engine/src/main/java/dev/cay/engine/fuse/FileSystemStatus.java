package dev.cay.engine.fuse;

import dev.cay.linux.Arg;
import dev.cay.linux.OpenFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** How much room there is, as statfs(2) says it: {@code struct statfs} of 64-bit machines. */
final class FileSystemStatus {
    private static final int STATFS_SIZE = 120;

    /** {@code struct fuse_kstatfs}. */
    private static final int REPLY_SIZE = 80;

    private FileSystemStatus() {}

    static Reply of(Nodes nodes, Node node) throws IOException, Refusal {
        Arg.Buffer buffer = new Arg.Buffer(STATFS_SIZE);
        byte[] written = nodes.look(node, file -> List.of(OpenFile.fileSystem(file, buffer)))
                .bytes(buffer);
        ByteBuffer statfs = ByteBuffer.wrap(written).order(ByteOrder.nativeOrder());
        Reply reply = new Reply(REPLY_SIZE);
        for (int field = 2; field <= 6; field++) { // blocks: all, free, available; files: all, free
            reply.large(statfs.getLong(field * Long.BYTES));
        }
        reply.number((int) statfs.getLong(8)).number((int) statfs.getLong(64)).number((int) statfs.getLong(72));
        return reply.skip(7 * Integer.BYTES);
    }
}
