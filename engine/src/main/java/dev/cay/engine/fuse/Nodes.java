package dev.cay.engine.fuse;

import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The files that the guest knows. Each is found by the names that lead to it from the root, of which none may be a link, and what is found must be
 * the file that was meant: so nothing is open for a guest but what it has open itself. Guarded by the server's lock.
 */
final class Nodes {
    static final long ROOT = 1;

    /** More than a guest of some hundred megabytes can remember, as each takes a kilobyte there. */
    private static final int MAXIMUM = 1 << 18;

    private static final int DEEPEST = 1024;

    /** PATH_MAX, without the NUL. */
    private static final int LONGEST_PATH = 4095;

    private static final int DEVICES = 100;

    private static final long RESOLVE =
            FileOps.RESOLVE_BENEATH | FileOps.RESOLVE_NO_SYMLINKS | FileOps.RESOLVE_NO_MAGICLINKS;

    /** What a descriptor itself is. */
    static final byte[] ITSELF = {};

    private static final byte[] HERE = {'.'};

    private final Place place;
    private final Node root;
    private final Map<Long, Node> byNumber = new HashMap<>();
    private final Map<Status.Key, Node> byKey = new HashMap<>();

    /** The numbers of their devices, the first one's being 0. */
    private final List<Long> devices = new ArrayList<>();

    private long last = ROOT;

    Nodes(Place place) throws IOException {
        this.place = place;
        Arg.Buffer buffer = FileStatus.room();
        Results results = place.kernel().run(OpList.of(DirectoryOps.status(Arg.of(place.root()), ITSELF, buffer)));
        root = new Node(ROOT, Status.of(results.bytes(buffer)));
        root.looked();
        byNumber.put(ROOT, root);
        byKey.put(root.key(), root);
    }

    /** Opens a name in a directory, which is not followed, and asks what has been opened. */
    static Op open(Arg directory, byte[] name, int flags, int mode) {
        return DirectoryOps.open(directory, name, flags | FileOps.O_NOFOLLOW, mode, RESOLVE);
    }

    Node find(long number) throws Refusal {
        Node node = byNumber.get(number);
        if (node == null) {
            throw new Refusal(Errno.ESTALE);
        }
        return node;
    }

    /** The node of a file that has been found under a name; the guest knows it once more. */
    Node found(Node directory, byte[] name, Status status) throws Refusal {
        Node node = byKey.get(status.key());
        if (node == null || node.type() != status.type()) { // or its number on the disk is another file's by now
            if (byNumber.size() >= MAXIMUM) {
                throw new Refusal(Errno.ENOMEM);
            }
            last++;
            node = new Node(last, status);
            byNumber.put(node.number(), node);
            byKey.put(node.key(), node);
        }
        if (node != root) {
            node.place(directory, name);
        }
        node.looked();
        return node;
    }

    /** A file has got another name. */
    void moved(Node directory, byte[] name, Status status) {
        Node node = byKey.get(status.key());
        if (node != null && node != root) {
            node.place(directory, name);
        }
    }

    void forget(long number, long times) {
        Node node = byNumber.get(number);
        if (node == null || node == root || !node.forget(times)) {
            return;
        }
        byNumber.remove(number);
        byKey.remove(node.key(), node);
    }

    int device(Status status) {
        return device(status.key());
    }

    int device(Status.Key key) {
        long device = (long) key.deviceMajor() << Integer.SIZE | Integer.toUnsignedLong(key.deviceMinor());
        int index = devices.indexOf(device);
        if (index < 0 && devices.size() < DEVICES) {
            devices.add(device);
            index = devices.size() - 1;
        }
        return index < 0 ? DEVICES : index;
    }

    /** What is done in a directory. */
    interface Use<T> {
        T with(Arg directory) throws IOException, Refusal;
    }

    /** Does something in a directory, if it is still there: then it is open, whatever becomes of its name. */
    <T> T in(Node directory, Use<T> use) throws IOException, Refusal {
        if (directory == root) {
            return use.with(Arg.of(place.root()));
        }
        try (Fd fd = open(directory, FileOps.O_PATH | FileOps.O_DIRECTORY)) {
            return use.with(Arg.of(fd));
        }
    }

    /** What is found out about a file that is open. */
    interface Look {
        List<Op> of(Arg file);
    }

    /** Finds something out about a file that is looked for by its name, if it is still that. */
    Results look(Node node, Look look) throws IOException, Refusal {
        Op opening = opening(node, FileOps.O_PATH);
        Arg.Buffer buffer = FileStatus.room();
        OpList.Builder list = OpList.builder();
        list.add(opening);
        list.add(DirectoryOps.status(Arg.of(opening), ITSELF, buffer));
        list.addAll(look.of(Arg.of(opening)));
        list.add(FileOps.close(opening));
        Results results = place.kernel().run(list.build());
        requireSame(node, Status.of(results.bytes(buffer)));
        return results;
    }

    /** Opens what is a node, if it is still there; the caller's to close. */
    Fd open(Node node, int flags) throws IOException, Refusal {
        Op opening = opening(node, flags);
        Arg.Buffer buffer = FileStatus.room();
        Results results = place.kernel().run(OpList.of(opening, DirectoryOps.status(Arg.of(opening), ITSELF, buffer)));
        Fd fd = results.fd(opening);
        try {
            requireSame(node, Status.of(results.bytes(buffer)));
        } catch (Refusal e) {
            fd.close();
            throw e;
        }
        return fd;
    }

    private Op opening(Node node, int flags) throws Refusal {
        return open(Arg.of(place.root()), path(node), flags, 0);
    }

    /** From the root on. */
    private byte[] path(Node wanted) throws Refusal {
        if (wanted == root) {
            return HERE;
        }
        int length = 0;
        int depth = 0;
        for (Node node = wanted; node != root; node = node.parent()) {
            length += node.name().length + 1;
            depth++;
            if (depth > DEEPEST || length > LONGEST_PATH) { // or what was moved here while nobody looked is a circle
                throw new Refusal(Errno.ENAMETOOLONG);
            }
        }
        byte[] path = new byte[length - 1];
        int end = path.length;
        for (Node node = wanted; node != root; node = node.parent()) {
            System.arraycopy(node.name(), 0, path, end - node.name().length, node.name().length);
            end -= node.name().length + 1;
            if (end >= 0) {
                path[end] = '/';
            }
        }
        return path;
    }

    private static void requireSame(Node node, Status status) throws Refusal {
        if (!isSame(node, status)) {
            throw new Refusal(Errno.ESTALE);
        }
    }

    /** Whether that is the file that was meant. */
    private static boolean isSame(Node node, Status status) {
        return node.key().equals(status.key()) && node.type() == status.type();
    }

    void close() {
        byNumber.clear();
        byKey.clear();
    }
}
