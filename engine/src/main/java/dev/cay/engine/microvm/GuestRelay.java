package dev.cay.engine.microvm;

import dev.cay.engine.container.GuestUser;
import dev.cay.engine.fuse.FuseServer;
import dev.cay.engine.fuse.MalformedRequestException;
import dev.cay.engine.fuse.Place;
import dev.cay.linux.Arg;
import dev.cay.linux.Credentials;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.MessageStream;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Relayed files as a guest has them: a file system of FUSE, whose requests its first process sends, and what answers these. Thread-safe.
 *
 * @param requests of the guest's kernel
 */
record GuestRelay(MessageStream requests) implements AutoCloseable {
    /** How many requests are answered at once; a file system that is slow makes others wait when so many wait for it. */
    private static final int WORKERS = 4;

    /** CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER: the guest's kernel has looked whether whoever asks may do it. */
    private static final long CAPABILITIES = 0b1011;

    /** Linux's numbers of {@code /dev/fuse}. */
    private static final int MAJOR = 10;

    private static final int MINOR = 229;

    /** For the time of the mount, which is told a number: one that the first process has nothing at. */
    private static final int NUMBER = 900;

    private static final String OPTIONS =
            "fd=" + NUMBER + ",rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other";

    private static final String DEVICE = ".relay";

    /**
     * Opens what is shared.
     *
     * @param inside runs lists in the container of {@link FileServer#container}, as its root
     * @param user who the owner of what is shared is there
     */
    static FuseServer open(Kernel inside, GuestUser user) throws IOException {
        Op root = FileOps.openResolved(
                FileServer.PLACE, FileOps.O_PATH | FileOps.O_DIRECTORY, FileOps.RESOLVE_NO_SYMLINKS);
        Fd opened = inside.run(OpList.of(root)).fd(root);
        return new FuseServer(new Place(inside, opened, GuestRelay::identity, user.user(), user.group()));
    }

    /** Whoever becomes somebody else loses what he may as root: that he gets back. */
    private static List<Op> identity(int user, int group) {
        List<Op> list = new ArrayList<>(Credentials.makeFilesOf(user, group));
        list.add(Credentials.capset(CAPABILITIES));
        return list;
    }

    /**
     * Makes it a file system of the guest at {@code /dev/.shares}, and answers what is asked of it from then on.
     *
     * @param stub the guest's first process
     * @param failed is told, at least once, why no more is answered, if it is not that the machine has ended
     */
    static GuestRelay mount(Stub stub, FuseServer server, Consumer<Exception> failed) throws SyscallException {
        GuestRelay relay = new GuestRelay(mount(stub));
        for (int i = 0; i < WORKERS; i++) {
            Thread.ofVirtual().name("cay-relay").start(() -> relay.work(stub, server, failed));
        }
        return relay;
    }

    /** What is asked of it waits for an answer. */
    private static MessageStream mount(Stub stub) throws SyscallException {
        GuestFiles files = new GuestFiles();
        Op devices = files.directory("/dev", 0755);
        Arg at = Arg.of(devices);
        files.add(FileOps.mknod(at, DEVICE, FileOps.S_IFCHR | 0600, MAJOR, MINOR));
        Op open = files.add(FileOps.openAt(at, DEVICE, FileOps.O_RDWR | FileOps.O_NONBLOCK, 0));
        files.add(FileOps.unlink(at, DEVICE, 0));
        Op copy = files.add(FileOps.copyTo(Arg.of(open), NUMBER));
        files.mount(FileServer.TAG, "/dev/.shares", "fuse", Mount.MS_NOSUID | Mount.MS_NODEV, OPTIONS);
        files.add(FileOps.close(copy));
        files.add(FileOps.close(devices));
        Fd opened = stub.run(files.build()).fd(open);
        return MessageStream.open(stub, opened, Integer.MAX_VALUE);
    }

    private void work(Stub stub, FuseServer server, Consumer<Exception> failed) {
        try {
            for (Optional<byte[]> request = requests.read(); request.isPresent(); request = requests.read()) {
                Optional<byte[]> answer = server.answer(request.get());
                if (answer.isPresent()) {
                    requests.write(answer.get(), Errno.ENOENT); // nobody waits for it any more
                }
            }
        } catch (SyscallException e) {
            if (!stub.isGone()) {
                failed.accept(e);
            }
        } catch (MalformedRequestException | RuntimeException e) {
            failed.accept(e);
        }
    }

    @Override
    public void close() {
        requests.close();
    }
}
