package dev.cay.linux;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * The kernel of this machine for an ordinary user: lists run as root of a user namespace that belongs to this user, see
 * user_namespaces(7). A thread of a JVM cannot enter one. A child can: it shares this process's memory and descriptors, so what a
 * list opens is here afterwards as if it had run in the thread that waits for it. Costs a tenth of a millisecond for each list.
 *
 * @param host makes the child
 * @param user the user namespace
 * @param mounts a mount namespace that belongs to it
 * @param holder a program that ends when its standard input does; see {@link Stub#program}
 */
public record RootlessKernel(HostKernel host, Fd user, Fd mounts, Fd holder) implements LocalKernel {
    public RootlessKernel {
        requireNonNull(host, "host is null");
        requireNonNull(user, "user is null");
        requireNonNull(mounts, "mounts is null");
        requireNonNull(holder, "holder is null");
    }

    /** {@inheritDoc} It runs in a child, as root of the user namespace. */
    @Override
    public Results run(OpList list) throws SyscallException {
        OpList.Builder whole = entering();
        whole.addAll(list.operations());
        return host.visit(whole.build());
    }

    /**
     * {@inheritDoc} A child enters the user namespace and makes it, as a child of this process. Of this process's descriptors it has
     * copies.
     */
    @Override
    public Child spawn(OpList list, Birth birth) throws SyscallException {
        OpList.Builder whole = entering();
        byte[] clone = Encoding.sibling(Launcher.flags(birth), birth.cgroup()).array();
        Op maker = whole.add(Op.forking(SystemCall.CLONE3, "", new Arg.Bytes(clone), Arg.of(clone.length)));
        whole.addAll(list.operations());
        return host.spawn(whole.build(), maker);
    }

    @Override
    public void sethostname(Child member, String name) throws SyscallException {
        run(OpList.of(Namespaces.enter(member.pidfd(), Namespaces.UTS), Namespaces.sethostname(name)));
    }

    @Override
    public OwnedNamespaces namespaces(Optional<OwnedNamespaces.Maps> user, boolean network) throws SyscallException {
        return OwnedNamespaces.create(this, holder, user, network);
    }

    private OpList.Builder entering() {
        OpList.Builder list = OpList.builder();
        list.add(Namespaces.enter(user, Namespaces.USER));
        list.add(Namespaces.enter(mounts, Namespaces.MOUNT));
        return list;
    }
}
