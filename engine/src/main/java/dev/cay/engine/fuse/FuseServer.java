package dev.cay.engine.fuse;

import dev.cay.linux.Errno;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.util.Optional;

/**
 * Answers what a guest's kernel asks about the files of a {@link Place}. Thread-safe: what is read and written goes on side by side, names are one
 * after the other.
 */
public final class FuseServer implements AutoCloseable {
    /** So much is written by one request at most: together with its header no more than a stub reads at once. */
    public static final int LARGEST_WRITE = 28 * 1024;

    private static final int MAJOR = 7;

    /** Linux 5.16. Older ones ask something when a file is closed, which the guest's first process must not wait for. */
    private static final int OLDEST_MINOR = 35;

    private static final int MINOR = 36;
    private static final int LARGEST_READAHEAD = 128 * 1024;

    /** {@code struct fuse_init_out}. */
    private static final int INIT_SIZE = 64;

    /** How many requests that nobody waits for may be on their way, and at how many that is much. */
    private static final int BACKGROUND = 12;

    private static final int CONGESTED = 9;

    /** ASYNC_READ, BIG_WRITES, AUTO_INVAL_DATA, DO_READDIRPLUS, READDIRPLUS_AUTO, PARALLEL_DIROPS. */
    private static final int FEATURES = 1 | 1 << 5 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 18;

    private final Place place;
    private final Handles handles = new Handles();
    private final Nodes nodes;
    private final Tree tree;
    private final Contents contents;
    private volatile boolean greeted;

    /** @param place its root is closed with this */
    public FuseServer(Place place) throws IOException {
        this.place = place;
        nodes = new Nodes(place);
        tree = new Tree(place, nodes, handles);
        contents = new Contents(place.kernel(), handles);
    }

    /**
     * Does what is asked.
     *
     * @param message as the guest's kernel wrote it
     * @return the answer; empty if none is wanted
     * @throws MalformedRequestException if no kernel asks that
     */
    public Optional<byte[]> answer(byte[] message) throws MalformedRequestException {
        Request request = Request.of(message);
        if (!greeted && request.opcode() != Operation.INIT) {
            throw new MalformedRequestException("operation " + request.opcode() + " comes first");
        }
        try {
            return reply(request).map(reply -> reply.to(request.unique()));
        } catch (Refusal e) {
            return Optional.of(Reply.error(e.errno(), request.unique()));
        } catch (SyscallException e) {
            return Optional.of(Reply.error(e.errno(), request.unique()));
        } catch (IOException e) {
            return Optional.of(Reply.error(Errno.EIO.number(), request.unique()));
        }
    }

    private Optional<Reply> reply(Request request) throws IOException, Refusal, MalformedRequestException {
        switch (request.opcode()) {
            case Operation.FORGET -> {
                forget(request.node(), request.large());
                return Optional.empty();
            }
            case Operation.BATCH_FORGET -> {
                forgetAll(request);
                return Optional.empty();
            }
            case Operation.INTERRUPT -> { // nothing here takes long
                return Optional.empty();
            }
            case Operation.READ -> {
                return Optional.of(contents.read(request));
            }
            case Operation.WRITE -> {
                return Optional.of(contents.write(request));
            }
            case Operation.FSYNC, Operation.FSYNCDIR -> {
                return Optional.of(contents.sync(request));
            }
            default -> {
                synchronized (this) {
                    return Optional.of(named(request));
                }
            }
        }
    }

    private Reply named(Request request) throws IOException, Refusal, MalformedRequestException {
        return switch (request.opcode()) {
            case Operation.INIT -> greet(request);
            case Operation.LOOKUP -> tree.lookup(request);
            case Operation.GETATTR -> tree.getAttributes(request);
            case Operation.SETATTR -> tree.setAttributes(request);
            case Operation.READLINK -> tree.readLink(request);
            case Operation.SYMLINK -> tree.makeLink(request);
            case Operation.MKNOD -> tree.makeNode(request);
            case Operation.MKDIR -> tree.makeDirectory(request);
            case Operation.UNLINK -> tree.remove(request, false);
            case Operation.RMDIR -> tree.remove(request, true);
            case Operation.RENAME -> tree.rename(request, false);
            case Operation.RENAME2 -> tree.rename(request, true);
            case Operation.LINK -> tree.link(request);
            case Operation.OPEN -> tree.open(request, false);
            case Operation.OPENDIR -> tree.open(request, true);
            case Operation.CREATE -> tree.create(request);
            case Operation.STATFS -> tree.fileSystem(request);
            case Operation.READDIR -> contents.list(request, nodes, tree, false);
            case Operation.READDIRPLUS -> contents.list(request, nodes, tree, true);
            case Operation.RELEASE, Operation.RELEASEDIR -> {
                handles.release(request.large());
                yield Reply.empty();
            }
            case Operation.DESTROY -> Reply.empty();
            // Locks, attributes and the rest are the guest's own, or are not there; and access is what modes say.
            default -> throw new Refusal(Errno.ENOSYS);
        };
    }

    private Reply greet(Request request) throws MalformedRequestException {
        int major = request.number();
        int minor = request.number();
        if (greeted || major != MAJOR || Integer.compareUnsigned(minor, OLDEST_MINOR) < 0) {
            throw new MalformedRequestException("its version is " + major + "." + minor + ", at least " + MAJOR + "."
                    + OLDEST_MINOR + " (Linux 5.16) is needed");
        }
        int readahead = request.number();
        int features = request.number() & FEATURES;
        greeted = true;
        boolean less = Integer.compareUnsigned(readahead, LARGEST_READAHEAD) < 0;
        Reply reply = new Reply(INIT_SIZE).number(MAJOR).number(Math.min(minor, MINOR));
        reply.number(less ? readahead : LARGEST_READAHEAD).number(features);
        reply.small(BACKGROUND).small(CONGESTED).number(LARGEST_WRITE).number(1); // times are told in nanoseconds
        return reply.skip(reply.remaining());
    }

    private synchronized void forget(long node, long times) {
        nodes.forget(node, times);
    }

    private void forgetAll(Request request) throws MalformedRequestException {
        int count = request.number();
        request.skip(Integer.BYTES);
        for (int i = 0; i < count; i++) { // a count that lies finds nothing there
            forget(request.large(), request.large());
        }
        request.end();
    }

    @Override
    public synchronized void close() {
        handles.close();
        nodes.close();
        place.root().close();
    }
}
