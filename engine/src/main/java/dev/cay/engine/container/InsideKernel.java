package dev.cay.engine.container;

import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Credentials;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.time.Duration;
import java.util.List;

/**
 * Runs lists inside a sandbox as its root: the first process itself is nobody there.
 *
 * @param groups whether it may choose its groups
 */
record InsideKernel(Stub stub, boolean groups) implements Kernel {
    /** Far more than one list takes on a machine with too much to do; what is in the sandbox can make it last without end. */
    private static final Duration LIMIT = Duration.ofSeconds(20);

    private static final List<Op> AS_ROOT = List.of(Credentials.setgid(0), Credentials.setuid(0), FileOps.umask(0));

    @Override
    public Results run(OpList list) throws SyscallException {
        OpList.Builder asRoot = OpList.builder();
        asRoot.add(Privileges.setgroups(List.of(), groups));
        asRoot.addAll(AS_ROOT);
        asRoot.addAll(list.operations());
        return stub.run(asRoot.build(), LIMIT);
    }

    @Override
    public Child spawn(OpList list, Birth birth) {
        throw new UnsupportedOperationException("commands are started by the container");
    }
}
