package dev.cay.engine.microvm;

import dev.cay.ExecSpec;
import dev.cay.Finding;
import dev.cay.Limits;
import dev.cay.Mount;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.Writable;
import dev.cay.engine.container.Container;
import dev.cay.engine.container.Containers;
import dev.cay.engine.container.GuestUser;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.ListeningPair;
import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/**
 * Gives a machine directories and files of this one: virtiofsd(1), which reads and writes the guest's memory and has a container of its own, where
 * there is nothing but the host's programs and what is shared. So whom it obeys by mistake reaches no more than the guest has
 * anyway; what is read-only is so by the kernel's word, and no path of the guest is followed anywhere else. It ends with its VMM. Thread-safe.
 */
final class FileServer implements AutoCloseable {
    /** By which the guest finds it. */
    static final String TAG = "cay";

    /** That of QEMU before 8.0. The one in Rust, which came after it, makes files as root only, and has not been tried. */
    private static final Path PROGRAM = Path.of("/usr/lib/qemu/virtiofsd");

    /** See setpriv(1): of util-linux, as every system has it. */
    private static final Path SETPRIV = Path.of("/usr/bin/setpriv");

    /** What it insists on. */
    private static final String CAPABILITIES =
            "-all,+chown,+dac_override,+fowner,+fsetid,+setgid,+setuid,+setpcap,+sys_chroot,+mknod,+setfcap";

    /** Where its container has what is shared. */
    static final String PLACE = "/tmp/shares";

    private static final int PIDS = 64;
    private static final Size MEMORY = Size.mib(512);
    private static final int BUFFER = 8 * 1024;

    private final Container container;
    private final Container.Process process;
    private final Fd messages;
    private final Fd connection;
    private final GuestUser user;
    private final ConsoleTail tail = new ConsoleTail();
    private final CompletableFuture<Boolean> end = new CompletableFuture<>();
    private boolean closed;

    private FileServer(Container container, Container.Process process, Fd messages, Fd connection, GuestUser user) {
        this.container = container;
        this.process = process;
        this.messages = messages;
        this.connection = connection;
        this.user = user;
        Thread.ofVirtual().name("cay-files").start(this::listen);
    }

    /** Whether this machine has one. */
    static boolean isThere() {
        return Files.isExecutable(PROGRAM) && Files.isExecutable(SETPRIV);
    }

    static Finding finding() {
        return isThere()
                ? new Finding("microvm files", Finding.Verdict.GOOD, PROGRAM + " gives microVMs the files of -v", "")
                : new Finding(
                        "microvm files",
                        Finding.Verdict.LIMITED,
                        "relayed, as there is no " + PROGRAM + ", or no " + SETPRIV
                                + ": slower, and a process of 50 MB for each detached microVM that has some",
                        "install the virtiofsd of QEMU 5 to 7 (Debian 12: qemu-system-common)");
    }

    /** What the one of a number is called in what it shows. */
    static String name(int number) {
        return Integer.toString(number);
    }

    /**
     * Starts one.
     *
     * @param shared at least one; each is called after its place here, see {@link #name}
     * @param user who the owner of each is in the guest, see {@link Mount.Bind}
     * @param limits of {@link #limits}
     * @throws SandboxException.InvalidSpec if one of them may not be shared
     */
    static FileServer start(Kernel host, Containers containers, List<Mount.Bind> shared, GuestUser user, Limits limits)
            throws IOException {
        ListeningPair sockets = ListeningPair.create(host);
        Pipe output = Pipe.reading();
        try {
            Container container =
                    containers.create(container(shared, user, limits).build());
            try (Container.Launch launch = container.prepare()) {
                Fd theirs = output.theirs();
                Container.Process process = launch.start(
                        program(user),
                        new Container.Streams(theirs, theirs, theirs, false, List.of(sockets.listener())));
                return new FileServer(container, process, output.ours(), sockets.connection(), user);
            } catch (IOException | SandboxException e) {
                container.kill();
                container.close();
                throw e;
            }
        } catch (IOException | SandboxException e) {
            output.ours().close();
            sockets.connection().close();
            throw e;
        } finally { // it has its own
            output.theirs().close();
            sockets.listener().close();
        }
    }

    /**
     * What one may use: besides its own memory that of its guest, as a page there that it is the first to write to is its own to the
     * kernel; and as much of processors and io as its machine may.
     *
     * @param ofSandbox the limits of its machine's sandbox
     */
    static Limits limits(Limits ofSandbox, Size guestMemory) {
        return new Limits(
                Optional.of(Size.bytes(MEMORY.bytes() + guestMemory.bytes())),
                PIDS,
                ofSandbox.cpus(),
                ofSandbox.cpuWeight(),
                ofSandbox.io());
    }

    /** The container that one needs. */
    static SandboxSpec.Builder container(List<Mount.Bind> shared, GuestUser user, Limits limits) {
        SandboxSpec.Builder spec = SandboxSpec.host()
                .writable(new Writable.Nothing(Size.mib(1)))
                .user(user.text())
                .limits(limits);
        for (int i = 0; i < shared.size(); i++) {
            Mount.Bind bind = shared.get(i);
            String place = PLACE + "/" + name(i);
            spec.mount(new Mount.Bind(bind.source(), place, bind.readOnly(), bind.executable(), bind.anywhere()));
        }
        return spec;
    }

    /**
     * What runs there.
     *
     * <p>For each file that it makes it takes the ids of whoever asks for it in the guest; but it links and renames as itself, so it must be somebody
     * who has an id on the host: the owner, with what root may do in its container.
     */
    static ExecSpec program(GuestUser user) {
        List<String> line = List.of(
                SETPRIV.toString(),
                "--reuid=" + user.user(),
                "--regid=" + user.group(),
                "--clear-groups",
                "--inh-caps=" + CAPABILITIES,
                "--ambient-caps=" + CAPABILITIES,
                PROGRAM.toString(),
                "-f",
                "--fd=" + Container.Streams.FURTHER,
                "-o",
                "source=" + PLACE + ",sandbox=chroot,announce_submounts");
        return ExecSpec.builder(line).user(GuestUser.ROOT.text()).build();
    }

    /** Who the owner of what it serves is in the guest. */
    GuestUser user() {
        return user;
    }

    /** For the VMM, whose it is from its start on. */
    Fd connection() {
        return connection;
    }

    /** What went wrong with its machine, and the last that it has said itself, which may be the reason. */
    IOException explained(IOException failure) {
        String said = ConsoleTail.lastLines(tail.text());
        return said.isEmpty()
                ? failure
                : new IOException(failure.getMessage() + "\nvirtiofsd's last lines:\n" + said, failure);
    }

    /** Ends with the machine, and the machine with it: its guest would wait for ever. */
    void serve(Machine machine) {
        CompletableFuture<Void> unused = end.thenRun(machine::kill);
        machine.onEnd(() -> Thread.startVirtualThread(this::close));
    }

    /** What it says is read for as long as it lives: else a guest could have it wait for a reader. */
    private void listen() {
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        try {
            for (int count = 0; count != Pipe.END; count = Pipe.read(messages, buffer)) {
                byte[] bytes = new byte[Math.max(0, count)];
                buffer.flip().get(bytes);
                tail.add(bytes, bytes.length);
                buffer.clear();
                Poll.await(Poll.FOREVER, Poll.Interest.reading(messages));
            }
        } catch (SyscallException e) {
            container.kill(process); // nobody would hear of its end
        }
        Poll.await(Poll.FOREVER, process.child().end());
        end.complete(true);
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        connection.close();
        container.kill(process);
        end.join();
        process.child().await();
        messages.close();
        container.forget(process);
        container.close();
    }
}
