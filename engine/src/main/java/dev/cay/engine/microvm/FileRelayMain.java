package dev.cay.engine.microvm;

import dev.cay.engine.container.Container;
import dev.cay.engine.container.GuestUser;
import dev.cay.engine.fuse.FuseServer;
import dev.cay.linux.Arg;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Stub;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/**
 * The process that relays files to a microVM that outlives its maker, see {@link LastingFiles}. It runs in the container that has them, with which it
 * ends; that ends with the microVM. Its descriptors are a connection to that container's first process, the host's end of a
 * channel of the microVM, and a pipe, to which it writes a byte when the files are there.
 */
public final class FileRelayMain {
    static final int INSIDE = Home.FURTHER;
    static final int CHANNEL = INSIDE + 1;
    static final int TOLD = CHANNEL + 1;

    /** How long it may take until there is a guest; whoever makes that has given it up by then. */
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private FileRelayMain() {}

    /** @param arguments the numbers of the user and of the group who own what is shared */
    public static void main(String[] arguments) {
        try {
            Exception why = serve(new GuestUser(Integer.parseInt(arguments[0]), Integer.parseInt(arguments[1])));
            System.err.println(why.getMessage());
        } catch (IOException e) {
            System.err.println(e.getMessage());
        }
        System.exit(1);
    }

    /** @return why it cannot go on; if it is that the machine has ended, there is no return */
    private static Exception serve(GuestUser owner) throws IOException {
        HostKernel kernel = new HostKernel();
        FuseServer server = GuestRelay.open(Container.inside(new Stub(inherited(kernel, INSIDE))), owner);
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        // It keeps nothing up: the guest ends for want of something to do as if it were not there.
        Stub guest = Stub.ofMachine(inherited(kernel, CHANNEL), deadline, true);
        CompletableFuture<Exception> failure = new CompletableFuture<>();
        GuestRelay relay = GuestRelay.mount(guest, server, failure::complete);
        try (Fd told = inherited(kernel, TOLD)) {
            kernel.run(OpList.of(FileOps.write(Arg.of(told), "word", new byte[] {1})));
        }
        Exception why = failure.join();
        relay.close();
        return why;
    }

    private static Fd inherited(HostKernel kernel, int number) throws IOException {
        Op copy = FileOps.copy(Arg.of(number), "descriptor " + number);
        return kernel.run(OpList.of(copy)).fd(copy);
    }
}
