package dev.cay.linux;

import java.util.Optional;

/** The launcher proper: the child runs on this process's memory while the thread that made it waits. */
final class ThreadLauncher implements Launcher {
    private static final long CLONE_PIDFD = 0x1000;
    private static final Birth PLAIN = new Birth(0, Optional.empty());

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
    public Results visit(OpList list, Optional<Observer> watching) throws SyscallException {
        try (Encoding encoding = new Encoding(list, watching.isPresent())) {
            visit(encoding);
            watching.ifPresent(one -> one.ran(list, encoding.times()));
            if (encoding.failed() < 0) {
                return encoding.results();
            }
            HostKernel.closeOpened(list, encoding);
            throw encoding.failure();
        }
    }

    @Override
    public Child spawn(OpList list, Op maker, Optional<Observer> watching) throws SyscallException {
        try (Encoding encoding = new Encoding(list, watching.isPresent())) {
            visit(encoding);
            watching.ifPresent(one -> one.ran(list, encoding.times()));
            int pid = (int) encoding.result(list.indexOf(maker));
            if (pid <= 0) {
                throw encoding.failure();
            }
            return Launcher.born(new Child(pid, Launcher.pidfd(pid)), encoding);
        }
    }

    private static void visit(Encoding encoding) throws SyscallException {
        encoding.birth(Launcher.flags(PLAIN) | CLONE_FILES | CLONE_PIDFD, Optional.empty());
        long pid = Native.check(Native.spawn(encoding.address()), SystemCall.CLONE3, "");
        try (Child child = new Child((int) pid, new Fd(encoding.child()))) {
            if (!child.await().exited()) {
                throw new SyscallException("clone3", "the child was killed", Errno.EOWNERDEAD.number());
            }
        }
    }

    @Override
    public void close() {
        // nothing is held
    }
}
