package dev.cay.linux;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What a process does about itself on its way to execve. */
public final class Processes {
    public static final int SIGTERM = 15;
    public static final int SIGKILL = 9;

    private static final int SIGCHLD = 17;
    private static final int SIGSTOP = 19;
    private static final int MAXIMUM_SIGNAL = 64;
    static final long SIG_IGN = 1;
    private static final long SIG_SETMASK = 2;
    private static final long SCHED_OTHER = 0;
    private static final long PR_SET_PDEATHSIG = 1;
    private static final long PR_SET_DUMPABLE = 4;

    /** The kernel's {@code struct sigaction}: handler, flags, restorer, mask. */
    static final int SIGACTION_SIZE = 32;

    private Processes() {}

    /** {@code int prctl(PR_SET_DUMPABLE, 0)} prctl(2): nobody without privilege over this process may look into it. */
    public static Op undumpable() {
        return Op.of(SystemCall.PRCTL, "not dumpable", Arg.of(PR_SET_DUMPABLE), Arg.of(0));
    }

    /**
     * {@code int prctl(PR_SET_PDEATHSIG, SIGKILL)} prctl(2): dies with the thread that made it, which has to wait for it then; lost
     * by a change of user. For a process that sees this one's number.
     *
     * <p>Who made it may be dead by then, and nobody would say so any more: the list goes on if its parent is this process,
     * {@code int tgkill(getppid(), pid, 0)} tgkill(2), else it ends with ESRCH.
     */
    public static List<Op> dieWithParent() {
        return dieWith(Native.call(SystemCall.GETPID, 0));
    }

    static List<Op> dieWith(long maker) {
        Op parent = Op.of(SystemCall.GETPPID, "");
        return List.of(
                Op.of(SystemCall.PRCTL, "parent-death signal", Arg.of(PR_SET_PDEATHSIG), Arg.of(SIGKILL)),
                parent,
                Op.of(SystemCall.TGKILL, "parent", Arg.of(parent), Arg.of(maker), Arg.of(0)));
    }

    /**
     * {@code int sched_setscheduler(0, SCHED_OTHER, &(struct sched_param) {0})} sched_setscheduler(2): takes its turns as others do,
     * whatever its maker does.
     */
    public static Op ordinaryScheduling() {
        return Op.of(
                SystemCall.SCHED_SETSCHEDULER,
                "ordinary scheduling",
                Arg.of(0),
                Arg.of(SCHED_OTHER),
                new Arg.Bytes(new byte[Integer.BYTES]));
    }

    /** {@code pid_t setsid(void)} setsid(2). */
    public static Op setsid() {
        return Op.of(SystemCall.SETSID, "");
    }

    /** {@code int rt_sigprocmask(SIG_SETMASK, none, NULL, 8)} sigprocmask(2): takes back what the launcher blocked. */
    public static Op unblockSignals() {
        return Op.of(
                SystemCall.RT_SIGPROCMASK, "", Arg.of(SIG_SETMASK), new Arg.Bytes(new byte[8]), Arg.of(0), Arg.of(8));
    }

    /** {@code int rt_sigaction(SIGCHLD, NULL, struct sigaction *)} sigaction(2): how this process takes the end of a child. */
    static Op askChildren(Arg.Buffer action) {
        return askSignal(SIGCHLD, action);
    }

    private static Op askSignal(int signal, Arg.Buffer action) {
        return Op.of(SystemCall.RT_SIGACTION, "", Arg.of(signal), Arg.of(0), action, Arg.of(8));
    }

    /** {@code int rt_sigaction(SIGCHLD, SIG_DFL)} sigaction(2): whoever ends can be waited for. */
    static Op keepChildren() {
        return defaultSignal(SIGCHLD);
    }

    private static Op defaultSignal(int signal) {
        return Op.of(
                SystemCall.RT_SIGACTION,
                "signal " + signal,
                Arg.of(signal),
                new Arg.Bytes(new byte[SIGACTION_SIZE]),
                Arg.of(0),
                Arg.of(8));
    }

    /**
     * Takes back the ignoring of signals that this process was started with, by nohup(1) for one: a child's handlers are gone by
     * itself, but what is ignored stays ignored over any execve.
     */
    public static List<Op> defaultIgnoredSignals(Kernel kernel) throws SyscallException {
        Map<Integer, Arg.Buffer> actions = new TreeMap<>();
        OpList.Builder list = OpList.builder();
        for (int signal = 1; signal <= MAXIMUM_SIGNAL; signal++) {
            if (signal != SIGKILL && signal != SIGSTOP) {
                Arg.Buffer action = new Arg.Buffer(SIGACTION_SIZE);
                actions.put(signal, action);
                list.add(askSignal(signal, action));
            }
        }
        Results results = kernel.run(list.build());
        List<Op> defaults = new ArrayList<>();
        actions.forEach((signal, action) -> {
            if (ByteBuffer.wrap(results.bytes(action))
                            .order(ByteOrder.nativeOrder())
                            .getLong(0)
                    == SIG_IGN) {
                defaults.add(defaultSignal(signal));
            }
        });
        return defaults;
    }

    /** {@code int execve(const char *pathname, char *const argv[], char *const envp[])} execve(2). */
    public static Op execve(String path, List<String> arguments, List<String> environment) {
        return execve(path, Arg.vector(arguments), Arg.vector(environment));
    }

    /** The same with vectors that several operations may share: see {@link Arg#vector}. */
    public static Op execve(String path, Arg arguments, Arg environment) {
        return Op.of(SystemCall.EXECVE, path, Arg.text(path), arguments, environment);
    }

    /** {@code int execveat(int dirfd, "", char *const argv[], char *const envp[], AT_EMPTY_PATH)} execveat(2). */
    public static Op execve(Arg program, List<String> arguments, List<String> environment) {
        return Op.of(
                SystemCall.EXECVEAT,
                arguments.getFirst(),
                program,
                Arg.text(""),
                Arg.vector(arguments),
                Arg.vector(environment),
                Arg.of(FileOps.AT_EMPTY_PATH));
    }

    /** {@code void exit_group(int status)} exit_group(2). */
    public static Op exit(int status) {
        return Op.of(SystemCall.EXIT_GROUP, "", Arg.of(status));
    }

    /** {@code void exit_group(int status)} exit_group(2): ends this process at once, whatever its threads do. */
    public static void exitGroup(int status) {
        Native.call(SystemCall.EXIT_GROUP, status);
    }
}
