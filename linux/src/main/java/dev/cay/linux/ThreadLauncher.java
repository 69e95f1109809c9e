package dev.cay.linux;

import java.util.Optional;

/** The launcher proper: the child runs on this process's memory while the thread that made it waits. */
final class ThreadLauncher implements Launcher {
    private static final long CLONE_PIDFD = 0x1000;

    @Override
    public Child spawn(OpList list, Birth birth, Optional<Observer> watching) throws SyscallException {
        try (Encoding encoding = new Encoding(list, watching.isPresent())) {
            encoding.birth(Launcher.flags(birth) | CLONE_PIDFD, birth.cgroup());
            long pid = Native.check(Native.spawn(encoding.address()), SystemCall.CLONE3, "");
            watching.ifPresent(one -> one.ran(list, encoding.times()));
            return Launcher.born(new Child((int) pid, new Fd(encoding.child())), encoding);
        }
    }

    @Override
    public void close() {
        // nothing is held
    }
}
