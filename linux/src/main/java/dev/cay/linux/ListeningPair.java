package dev.cay.linux;

/**
 * A pair of unix sockets for a program that will not have a connection but insists on accepting it. Where it listens is in a file
 * system that hangs nowhere and is gone already, so nobody else can come first.
 *
 * @param listener to be given to the program
 * @param connection the first that it accepts
 */
public record ListeningPair(Fd listener, Fd connection) implements AutoCloseable {
    /**
     * Makes one.
     *
     * @param kernel of this process, where it may mount
     */
    public static ListeningPair create(Kernel kernel) throws SyscallException {
        Op context = Mount.fsopen("tmpfs");
        Op mount = Mount.fsmount(context, Mount.ATTR_NOSUID | Mount.ATTR_NODEV | Mount.ATTR_NOEXEC);
        OpList list = OpList.of(
                context, Mount.set(context, "mode", "0700"), Mount.create(context), mount, FileOps.close(context));
        try (Fd directory = kernel.run(list).fd(mount)) {
            String path = "/proc/self/fd/" + directory.number() + "/socket";
            Fd listener = UnixSocket.listen(kernel, path);
            try {
                return new ListeningPair(listener, UnixSocket.connect(kernel, path));
            } catch (SyscallException e) {
                listener.close();
                throw e;
            }
        }
    }

    @Override
    public void close() {
        listener.close();
        connection.close();
    }
}
