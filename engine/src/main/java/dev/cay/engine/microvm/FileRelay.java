package dev.cay.engine.microvm;

import dev.cay.Mount;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.engine.container.Container;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.GuestUser;
import dev.cay.engine.fuse.FuseServer;
import dev.cay.engine.fuse.MalformedRequestException;
import dev.cay.engine.fuse.Place;
import dev.cay.linux.Credentials;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.MessageStream;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Poll;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * Gives a machine directories and files of this one where there is no {@link FileServer}: what its kernel asks comes over the channel, is
 * answered by lists in a container in which there is nothing but what is shared, and goes back over the channel. The container is that of
 * {@link FileServer}, so the same is refused, and nothing is followed out of it. It ends with its machine. Thread-safe.
 */
final class FileRelay implements AutoCloseable {
    /** For tests, and to compare: set to {@code relay}, files are relayed where there is a virtiofsd too. */
    private static final String PROPERTY = "dev.cay.shares";

    /** How many requests are answered at once; a file system that is slow makes others wait when so many wait for it. */
    private static final int WORKERS = 4;

    /** CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER: the guest's kernel has looked whether whoever asks may do it. */
    private static final long CAPABILITIES = 0b1011;

    private final Container container;
    private final FuseServer server;
    private final GuestUser user;
    private final CompletableFuture<Boolean> end = new CompletableFuture<>();
    private final CompletableFuture<Boolean> broken = new CompletableFuture<>();
    private volatile Optional<String> reason = Optional.empty();
    private Optional<MessageStream> stream = Optional.empty();
    private boolean closed;

    private FileRelay(Container container, FuseServer server, GuestUser user) {
        this.container = container;
        this.server = server;
        this.user = user;
        Thread.ofVirtual().name("cay-files").start(() -> {
            Poll.await(Poll.FOREVER, container.first().end());
            broken.complete(true);
            end.complete(true);
        });
    }

    /** Whether it is used here. */
    static boolean isWanted() {
        return !FileServer.isThere() || "relay".equals(System.getProperty(PROPERTY));
    }

    /**
     * Refuses what cannot be served.
     *
     * @throws SandboxException.Unsupported says why
     */
    static void check(SandboxSpec spec) {
        refuse(
                spec.lifetime().detached(),
                "a microVM that outlives its maker sees files of this machine by the virtiofsd of QEMU 5 to 7 only, which is not"
                        + " here: nobody would be there to relay them",
                "leave out --detach");
        refuse(
                spec.furnishing().init().isPresent(),
                "a microVM with an init of its image sees files of this machine by the virtiofsd of QEMU 5 to 7 only, which is not"
                        + " here: it is its own first process that relays them",
                "leave out --image-init");
    }

    private static void refuse(boolean condition, String message, String hint) {
        if (condition) {
            throw new SandboxException.Unsupported(message, hint + ", or install it (Debian 12: qemu-system-common)");
        }
    }

    /**
     * Opens what is shared.
     *
     * @param shared at least one; each is called after its place here, see {@link FileServer#name}
     * @param user who the owner of each is in the guest, see {@link Mount.Bind}
     * @throws SandboxException.InvalidSpec if one of them may not be shared
     */
    static FileRelay start(Containers containers, List<Mount.Bind> shared, GuestUser user) throws IOException {
        Container container =
                containers.create(FileServer.container(shared, user).build());
        try {
            Kernel inside = container.inside();
            Op root = FileOps.openResolved(
                    FileServer.PLACE, FileOps.O_PATH | FileOps.O_DIRECTORY, FileOps.RESOLVE_NO_SYMLINKS);
            Fd opened = inside.run(OpList.of(root)).fd(root);
            Place place = new Place(inside, opened, FileRelay::identity, user.user(), user.group());
            return new FileRelay(container, new FuseServer(place), user);
        } catch (IOException | RuntimeException e) {
            container.kill();
            container.close();
            throw e;
        }
    }

    /** Whoever becomes somebody else loses what he may as root: that he gets back. */
    private static List<Op> identity(int user, int group) {
        List<Op> list = new ArrayList<>(Credentials.makeFilesOf(user, group));
        list.add(Credentials.capset(CAPABILITIES));
        return list;
    }

    /** Who the owner of what it serves is in the guest. */
    GuestUser user() {
        return user;
    }

    /** What went wrong with its machine, and what it has seen of that. */
    IOException explained(IOException failure) {
        return reason.isEmpty() ? failure : new IOException(failure.getMessage() + "\n" + reason.get(), failure);
    }

    /** Ends with the machine, and the machine with it: its guest would wait for ever. */
    void serve(Machine machine) {
        CompletableFuture<Void> unused = broken.thenRun(machine::kill);
        machine.onEnd(() -> Thread.startVirtualThread(this::close));
    }

    /** Makes it a file system of the guest at {@code /dev/.shares}, and begins to answer. */
    synchronized void mount(Stub stub) throws SyscallException {
        MessageStream opened = GuestRelay.mount(stub);
        stream = Optional.of(opened);
        for (int i = 0; i < WORKERS; i++) {
            Thread.ofVirtual().name("cay-relay").start(() -> work(stub, opened));
        }
    }

    private void work(Stub stub, MessageStream requests) {
        try {
            for (Optional<byte[]> request = requests.read(); request.isPresent(); request = requests.read()) {
                Optional<byte[]> answer = server.answer(request.get());
                if (answer.isPresent()) {
                    requests.write(answer.get(), Errno.ENOENT); // nobody waits for it any more
                }
            }
        } catch (SyscallException e) {
            if (!stub.isGone()) {
                fail(e);
            }
        } catch (MalformedRequestException | RuntimeException e) {
            fail(e);
        }
    }

    private void fail(Exception why) {
        reason = Optional.of(String.valueOf(why.getMessage()));
        broken.complete(true);
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        stream.ifPresent(MessageStream::close);
        container.kill();
        end.join();
        server.close();
        container.close();
    }
}
