package dev.cay.engine.fuse;

import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OpenFile;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** What is asked about names and what is behind them. Guarded by the server's lock. */
final class Tree {
    /** {@code struct fuse_entry_out}. */
    static final int ENTRY_SIZE = 40 + Status.SIZE;

    private static final int ATTRIBUTES_SIZE = 16 + Status.SIZE;
    private static final int OPENED_SIZE = 16;
    private static final int LONGEST_TARGET = 4096;

    /** What a mode can have besides what a file is: nobody leaves programs here that run as somebody else. */
    private static final int MODE = 01777;

    private static final int SET_GROUP = 02000;

    /** Of a guest's flags those that are this machine's business: how it is opened, O_DSYNC, O_SYNC. */
    private static final int OPEN_FLAGS = 3 | 010000 | 04000000;

    private static final int O_TRUNC = 01000;

    /** FOPEN_NOFLUSH: closing it asks nothing, so that the guest's first process, which brings the answer, may do that. */
    private static final int NO_FLUSH = 1 << 5;

    /** RENAME_NOREPLACE and RENAME_EXCHANGE. */
    private static final int RENAME_FLAGS = 3;

    private static final int RENAME_EXCHANGE = 2;

    private final Place place;
    private final Nodes nodes;
    private final Handles handles;

    Tree(Place place, Nodes nodes, Handles handles) {
        this.place = place;
        this.nodes = nodes;
        this.handles = handles;
    }

    Reply lookup(Request request) throws IOException, Refusal, MalformedRequestException {
        Node directory = nodes.find(request.node());
        byte[] name = request.name();
        request.end();
        return entry(directory, name);
    }

    private Reply entry(Node directory, byte[] name) throws IOException, Refusal {
        Arg.Buffer buffer = FileStatus.room();
        AtomicReference<Op> asked = new AtomicReference<>();
        Results results = nodes.look(directory, at -> {
            asked.set(DirectoryOps.status(at, name, buffer).tolerating(Errno.ENOENT, Errno.ENOTDIR));
            return List.of(asked.get());
        });
        if (results.failed(asked.get())) {
            throw new Refusal((int) -results.value(asked.get()));
        }
        return entry(directory, name, Status.of(results.bytes(buffer)));
    }

    private Reply entry(Node directory, byte[] name, Status status) throws Refusal {
        Reply reply = new Reply(ENTRY_SIZE);
        putEntry(reply, nodes.found(directory, name, status), status);
        return reply;
    }

    void putEntry(Reply reply, Node node, Status status) {
        reply.large(node.number())
                .large(0)
                .large(Status.VALID)
                .large(Status.VALID)
                .skip(2 * Integer.BYTES);
        status.put(reply, nodes.device(status));
    }

    Reply getAttributes(Request request) throws IOException, Refusal, MalformedRequestException {
        Node node = nodes.find(request.node());
        request.skip(16);
        request.end();
        return attributes(status(node));
    }

    private Reply attributes(Status status) {
        Reply reply = new Reply(ATTRIBUTES_SIZE).large(Status.VALID).skip(2 * Integer.BYTES);
        status.put(reply, nodes.device(status));
        return reply;
    }

    private Status status(Node node) throws IOException, Refusal {
        Arg.Buffer buffer = FileStatus.room();
        try {
            return Status.of(nodes.look(node, file -> List.of(DirectoryOps.status(file, Nodes.ITSELF, buffer)))
                    .bytes(buffer));
        } catch (Refusal e) {
            return openHandle(node, e).use(this::status);
        } catch (SyscallException e) {
            return openHandle(node, new Refusal(e.errno())).use(this::status);
        }
    }

    private Status status(Fd fd) throws IOException {
        Arg.Buffer buffer = FileStatus.room();
        Results results = place.kernel().run(OpList.of(DirectoryOps.status(Arg.of(fd), Nodes.ITSELF, buffer)));
        return Status.of(results.bytes(buffer));
    }

    /** By which a file is reached that has lost its name. */
    private static Handle openHandle(Node node, Refusal otherwise) throws Refusal {
        if (node.handles().isEmpty()) {
            throw otherwise;
        }
        return node.handles().getLast();
    }

    Reply setAttributes(Request request) throws IOException, Refusal, MalformedRequestException {
        Node node = nodes.find(request.node());
        Changes changes = Changes.of(request, node);
        if (changes.handle().isPresent()) {
            return attributes(handles.find(changes.handle().getAsLong()).use(fd -> changed(fd, changes)));
        }
        Fd fd;
        try {
            fd = nodes.open(node, changes.openFlags(node));
        } catch (Refusal e) {
            return attributes(openHandle(node, e).use(open -> changed(open, changes)));
        } catch (SyscallException e) {
            return attributes(openHandle(node, new Refusal(e.errno())).use(open -> changed(open, changes)));
        }
        try (fd) {
            return attributes(changed(fd, changes));
        }
    }

    private Status changed(Fd fd, Changes changes) throws IOException {
        OpList.Builder list = OpList.builder();
        changes.add(list, Arg.of(fd));
        Arg.Buffer buffer = FileStatus.room();
        list.add(DirectoryOps.status(Arg.of(fd), Nodes.ITSELF, buffer));
        return Status.of(place.kernel().run(list.build()).bytes(buffer));
    }

    Reply readLink(Request request) throws IOException, Refusal, MalformedRequestException {
        Node node = nodes.find(request.node());
        request.end();
        Arg.Buffer buffer = new Arg.Buffer(LONGEST_TARGET);
        AtomicReference<Op> read = new AtomicReference<>();
        Results results = nodes.look(node, file -> {
            read.set(DirectoryOps.readLink(file, Nodes.ITSELF, buffer));
            return List.of(read.get());
        });
        int length = (int) results.value(read.get());
        return new Reply(length).bytes(results.bytes(buffer), length);
    }

    Reply makeLink(Request request) throws IOException, Refusal, MalformedRequestException {
        Node directory = nodes.find(request.node());
        byte[] name = request.name();
        byte[] target = request.target();
        request.end();
        return made(request, directory, name, at -> DirectoryOps.symlink(target, at, name));
    }

    Reply makeDirectory(Request request) throws IOException, Refusal, MalformedRequestException {
        Node directory = nodes.find(request.node());
        int mode = request.number() & (MODE | SET_GROUP);
        request.skip(Integer.BYTES);
        byte[] name = request.name();
        request.end();
        return made(request, directory, name, at -> DirectoryOps.makeDirectory(at, name, mode));
    }

    /** What is no device. */
    Reply makeNode(Request request) throws IOException, Refusal, MalformedRequestException {
        Node directory = nodes.find(request.node());
        int mode = request.number();
        request.skip(3 * Integer.BYTES);
        byte[] name = request.name();
        request.end();
        int type = mode & FileStatus.S_IFMT;
        if (type != FileStatus.S_IFREG && type != FileStatus.S_IFSOCK && type != DirectoryOps.S_IFIFO) {
            throw new Refusal(Errno.EPERM);
        }
        return made(request, directory, name, at -> DirectoryOps.makeNode(at, name, type | mode & MODE));
    }

    private interface Making {
        Op in(Arg directory);
    }

    private Reply made(Request request, Node directory, byte[] name, Making making) throws IOException, Refusal {
        List<Op> identity = identity(request);
        Arg.Buffer buffer = FileStatus.room();
        Results results = nodes.in(directory, at -> {
            OpList.Builder list = OpList.builder();
            list.addAll(identity);
            list.add(making.in(at));
            list.add(DirectoryOps.status(at, name, buffer));
            return place.kernel().run(list.build());
        });
        return entry(directory, name, Status.of(results.bytes(buffer)));
    }

    private List<Op> identity(Request request) throws Refusal {
        return place.identity().of(Changes.id(request.user()), Changes.id(request.group()));
    }

    Reply remove(Request request, boolean isDirectory) throws IOException, Refusal, MalformedRequestException {
        Node directory = nodes.find(request.node());
        byte[] name = request.name();
        request.end();
        return nodes.in(directory, at -> {
            place.kernel()
                    .run(OpList.of(
                            isDirectory ? DirectoryOps.removeDirectory(at, name) : DirectoryOps.unlink(at, name)));
            return Reply.empty();
        });
    }

    /** @param flagged whether the request says how */
    Reply rename(Request request, boolean flagged) throws IOException, Refusal, MalformedRequestException {
        Node from = nodes.find(request.node());
        Node to = nodes.find(request.large());
        int flags = flagged ? request.number() : 0;
        request.skip(flagged ? Integer.BYTES : 0);
        byte[] oldName = request.name();
        byte[] newName = request.name();
        request.end();
        if ((flags & ~RENAME_FLAGS) != 0) {
            throw new Refusal(Errno.EINVAL);
        }
        return nodes.in(
                from,
                source -> nodes.in(to, target -> {
                    Arg.Buffer moved = FileStatus.room();
                    Arg.Buffer other = FileStatus.room();
                    OpList.Builder list = OpList.builder();
                    list.addAll(place.asOwner());
                    list.add(DirectoryOps.rename(source, oldName, target, newName, flags));
                    Op there =
                            list.add(DirectoryOps.status(target, newName, moved).tolerating(Errno.ENOENT));
                    Op here =
                            list.add(DirectoryOps.status(source, oldName, other).tolerating(Errno.ENOENT));
                    Results results = place.kernel().run(list.build());
                    if (!results.failed(there)) {
                        nodes.moved(to, newName, Status.of(results.bytes(moved)));
                    }
                    if (flags == RENAME_EXCHANGE && !results.failed(here)) {
                        nodes.moved(from, oldName, Status.of(results.bytes(other)));
                    }
                    return Reply.empty();
                }));
    }

    Reply link(Request request) throws IOException, Refusal, MalformedRequestException {
        Node directory = nodes.find(request.node());
        Node node = nodes.find(request.large());
        byte[] name = request.name();
        request.end();
        Arg.Buffer buffer = FileStatus.room();
        Results results = nodes.in(
                node.parent(),
                from -> nodes.in(directory, to -> {
                    OpList.Builder list = OpList.builder();
                    list.addAll(place.asOwner());
                    list.add(DirectoryOps.link(from, node.name(), to, name));
                    list.add(DirectoryOps.status(to, name, buffer));
                    return place.kernel().run(list.build());
                }));
        return entry(directory, name, Status.of(results.bytes(buffer)));
    }

    Reply open(Request request, boolean isDirectory) throws IOException, Refusal, MalformedRequestException {
        Node node = nodes.find(request.node());
        int flags = request.number();
        request.skip(Integer.BYTES);
        request.end();
        handles.requireRoom();
        if (isDirectory) {
            Fd fd = nodes.open(node, FileOps.O_RDONLY | FileOps.O_DIRECTORY);
            return opened(new Reply(OPENED_SIZE), node, fd, false, 0);
        }
        if (node.type() != FileStatus.S_IFREG) { // of all else the guest has one of its own
            throw new Refusal(Errno.EOPNOTSUPP);
        }
        Fd fd = nodes.open(node, flags & OPEN_FLAGS | FileOps.O_NONBLOCK);
        truncate(fd, flags);
        return opened(new Reply(OPENED_SIZE), node, fd, (flags & FileOps.O_APPEND) != 0, NO_FLUSH);
    }

    private void truncate(Fd fd, int flags) throws IOException {
        if ((flags & O_TRUNC) == 0) {
            return;
        }
        try {
            place.kernel().run(OpList.of(OpenFile.truncate(Arg.of(fd), "", 0)));
        } catch (IOException e) {
            fd.close();
            throw e;
        }
    }

    private Reply opened(Reply reply, Node node, Fd fd, boolean appends, int how) {
        return reply.large(handles.add(node, fd, appends).number()).number(how).number(0);
    }

    Reply create(Request request) throws IOException, Refusal, MalformedRequestException {
        Node directory = nodes.find(request.node());
        int flags = request.number();
        int mode = request.number() & MODE;
        request.skip(2 * Integer.BYTES);
        byte[] name = request.name();
        request.end();
        handles.requireRoom();
        int how = flags & (OPEN_FLAGS | FileOps.O_EXCL) | FileOps.O_CREAT | FileOps.O_NONBLOCK;
        List<Op> identity = identity(request);
        Arg.Buffer buffer = FileStatus.room();
        AtomicReference<Op> opening = new AtomicReference<>();
        Results results = nodes.in(directory, at -> {
            opening.set(Nodes.open(at, name, how, mode));
            OpList.Builder list = OpList.builder();
            list.addAll(identity);
            list.add(opening.get());
            list.add(DirectoryOps.status(Arg.of(opening.get()), Nodes.ITSELF, buffer));
            return place.kernel().run(list.build());
        });
        Status status = Status.of(results.bytes(buffer));
        Fd fd = results.fd(opening.get());
        try {
            if (status.type() != FileStatus.S_IFREG) { // somebody on this machine was faster
                throw new Refusal(Errno.EEXIST);
            }
            Node node = nodes.found(directory, name, status);
            truncate(fd, flags);
            Reply reply = new Reply(ENTRY_SIZE + OPENED_SIZE);
            putEntry(reply, node, status);
            return opened(reply, node, fd, (flags & FileOps.O_APPEND) != 0, NO_FLUSH);
        } catch (Refusal e) {
            fd.close();
            throw e;
        }
    }

    /** {@code struct fuse_kstatfs}, of what statfs(2) says. */
    Reply fileSystem(Request request) throws IOException, Refusal, MalformedRequestException {
        Node node = nodes.find(request.node());
        request.end();
        return FileSystemStatus.of(nodes, node);
    }
}
