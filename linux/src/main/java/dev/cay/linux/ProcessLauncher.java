package dev.cay.linux;

import java.lang.invoke.MethodHandle;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * The launcher where this process may not have executable memory: the same machine code as a program of its own, executed from
 * a memfd ({@code program} in {@code launcher-*.S}). It maps the list at the address where it is mapped here, makes the child
 * as ours (CLONE_PARENT) and ends. All walls are the same; a launch costs one more exec, about half a millisecond.
 *
 * <p>A list to be spawned can name descriptors as {@link Arg.Descriptor} only, not by numbers inside of a struct: these are
 * what the program is given.
 */
final class ProcessLauncher implements Launcher {
    private static final long CLONE_PARENT = 0x8000;
    private static final long CLONE_PARENT_SETTID = 0x10_0000;

    /** {@code struct request} of {@code launcher-*.S}. */
    private static final int REQUEST_SIZE = 24;

    private static final int REQUEST_ADDRESS = 0;
    private static final int REQUEST_MEMORY_SIZE = 8;
    private static final int REQUEST_RESULT = 16;
    private static final long P_PID = 1;

    private static final MethodHandle POSIX_SPAWN = Downcalls.library("posix_spawn");
    private static final MethodHandle ACTIONS_INIT = Downcalls.library("posix_spawn_file_actions_init");
    private static final MethodHandle ACTIONS_DESTROY = Downcalls.library("posix_spawn_file_actions_destroy");
    private static final MethodHandle ACTIONS_DUP2 = Downcalls.library("posix_spawn_file_actions_adddup2");
    private static final MethodHandle ATTRIBUTES_INIT = Downcalls.library("posix_spawnattr_init");
    private static final MethodHandle ATTRIBUTES_FLAGS = Downcalls.library("posix_spawnattr_setflags");
    private static final MethodHandle ATTRIBUTES_MASK = Downcalls.library("posix_spawnattr_setsigmask");
    private static final MethodHandle ATTRIBUTES_DEFAULTS = Downcalls.library("posix_spawnattr_setsigdefault");

    /** At least {@code sizeof(posix_spawn_file_actions_t)}, {@code (posix_spawnattr_t)} and {@code (sigset_t)} of any libc. */
    private static final int ACTIONS_SIZE = 256;

    private static final int ATTRIBUTES_SIZE = 512;
    private static final int SIGSET_SIZE = 128;
    private static final long POSIX_SPAWN_SETSIGDEF = 4;
    private static final long POSIX_SPAWN_SETSIGMASK = 8;

    /** The signals 32 and 33, which glibc keeps for itself and ignores in every program that posix_spawn starts. */
    private static final long SIGNALS_OF_LIBC = 3L << 31;

    private final Fd program;

    ProcessLauncher(Kernel kernel) throws SyscallException {
        program = Program.sealed(kernel, "cay-launcher", image(Native.ARCHITECTURE));
    }

    static byte[] image(Architecture architecture) {
        return Program.image(
                architecture, Native.resource("launcher-" + architecture.text() + ".bin"), entry(architecture));
    }

    /** Where the code of the program begins. */
    static int entry(Architecture architecture) {
        return switch (architecture) {
            case X86_64 -> 0x180;
            case AARCH64 -> 0x1c0;
        };
    }

    @Override
    public Child spawn(OpList list, Birth birth, Optional<Observer> watching) throws SyscallException {
        boolean timed = watching.isPresent();
        try (SharedMemory memory = new SharedMemory(REQUEST_SIZE + Encoding.sizeOf(list, timed))) {
            ByteBuffer request = memory.buffer();
            Scratch scratch = Scratch.of(request);
            scratch.allocate(REQUEST_SIZE);
            request.putLong(REQUEST_ADDRESS, memory.address());
            request.putLong(REQUEST_MEMORY_SIZE, memory.size());
            try (Encoding encoding = new Encoding(list, timed, scratch)) {
                encoding.birth(Launcher.flags(birth) | CLONE_PARENT | CLONE_PARENT_SETTID, birth.cgroup());
                int status = run(memory.fd(), descriptors(memory, list, birth));
                if (status != 0) {
                    throw failure(status, request.getLong(REQUEST_RESULT), encoding.child());
                }
                int pid = (int) Native.check(request.getLong(REQUEST_RESULT), SystemCall.CLONE3, "");
                watching.ifPresent(one -> one.ran(list, encoding.times()));
                return Launcher.born(new Child(pid, pidfd(pid)), encoding);
            }
        }
    }

    /** What the program needs of ours, each under its own number. */
    private static SortedSet<Integer> descriptors(SharedMemory memory, OpList list, Birth birth) {
        SortedSet<Integer> numbers = new TreeSet<>();
        numbers.add(memory.fd().number());
        birth.cgroup().ifPresent(cgroup -> numbers.add(cgroup.number()));
        for (Op operation : list.operations()) {
            for (Arg argument : operation.arguments()) {
                if (argument instanceof Arg.Descriptor(Fd fd)) {
                    numbers.add(fd.number());
                }
            }
        }
        return numbers;
    }

    /** Runs the program to its end: its {@code si_status} if it exited, the negative of the signal that ended it if not. */
    private int run(Fd memory, SortedSet<Integer> descriptors) throws SyscallException {
        try (Scratch scratch = Scratch.borrow()) {
            long actions = scratch.address(scratch.allocate(ACTIONS_SIZE));
            long attributes = attributes(scratch);
            int number =
                    scratch.store((Integer.toOctalString(memory.number()) + '\0').getBytes(StandardCharsets.US_ASCII));
            int path = scratch.store(("/proc/self/fd/" + program.number() + '\0').getBytes(StandardCharsets.US_ASCII));
            int arguments = scratch.allocate(2 * Long.BYTES);
            int environment = scratch.allocate(Long.BYTES);
            int pid = scratch.allocate(Long.BYTES);
            scratch.buffer().putLong(arguments, scratch.address(number));
            call(ACTIONS_INIT, actions);
            try {
                for (int descriptor : descriptors) {
                    call(ACTIONS_DUP2, actions, descriptor, descriptor); // onto itself: clears close-on-exec
                }
                call(
                        POSIX_SPAWN,
                        scratch.address(pid),
                        scratch.address(path),
                        actions,
                        attributes,
                        scratch.address(arguments),
                        scratch.address(environment));
            } finally {
                call(ACTIONS_DESTROY, actions);
            }
            return await(scratch.buffer().getInt(pid));
        }
    }

    /** All signals blocked: a key pressed at the terminal ends us, not the program half-way. */
    private static long attributes(Scratch scratch) throws SyscallException {
        long attributes = scratch.address(scratch.allocate(ATTRIBUTES_SIZE));
        int mask = scratch.allocate(SIGSET_SIZE);
        int defaults = scratch.allocate(SIGSET_SIZE);
        for (int i = 0; i < SIGSET_SIZE; i += Long.BYTES) {
            scratch.buffer().putLong(mask + i, -1);
        }
        scratch.buffer().putLong(defaults, SIGNALS_OF_LIBC);
        call(ATTRIBUTES_INIT, attributes);
        call(ATTRIBUTES_MASK, attributes, scratch.address(mask));
        call(ATTRIBUTES_DEFAULTS, attributes, scratch.address(defaults));
        call(ATTRIBUTES_FLAGS, attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        return attributes;
    }

    /** Functions that return an errno. */
    private static void call(MethodHandle function, long... arguments) throws SyscallException {
        long[] six = java.util.Arrays.copyOf(arguments, 6);
        int errno;
        try {
            errno = (int) (long) function.invokeExact(six[0], six[1], six[2], six[3], six[4], six[5], 0L);
        } catch (Throwable t) {
            throw Downcalls.unexpected(t);
        }
        if (errno != 0) {
            throw new SyscallException("posix_spawn", "the launcher", errno);
        }
    }

    /** Waits for a child of ours by its number, which nobody else can have before it is reaped. */
    private static int await(int pid) {
        try (Scratch scratch = Scratch.borrow()) {
            int info = scratch.allocate(Child.SIGINFO_SIZE);
            long result = Native.retried(SystemCall.WAITID, P_PID, pid, scratch.address(info), Child.WEXITED, 0);
            if (Native.failed(result)) {
                throw new IllegalStateException("waitid: " + Errno.nameOf((int) -result));
            }
            int status = scratch.buffer().getInt(info + Child.SIGINFO_STATUS);
            return scratch.buffer().getInt(info + Child.SIGINFO_CODE) == Child.CLD_EXITED ? status : -status;
        }
    }

    /** Why the program did not do what it is for. A child that it made all the same is taken back. */
    private static SyscallException failure(int status, long result, int pid) {
        if (pid != 0) {
            kill(pid);
        }
        if (status < 0) {
            return new SyscallException("clone3", "the launcher got signal " + -status, Errno.EOWNERDEAD.number());
        }
        if (result == 0) {
            return new SyscallException("mmap", "the launcher's list", Errno.EEXIST.number());
        }
        return new SyscallException(SystemCall.CLOSE_RANGE.text(), "launcher", (int) -result);
    }

    private static Fd pidfd(int pid) throws SyscallException {
        try {
            return Launcher.pidfd(pid);
        } catch (SyscallException e) {
            kill(pid);
            throw e;
        }
    }

    private static void kill(int pid) {
        Native.call(SystemCall.KILL, pid, Processes.SIGKILL);
        await(pid);
    }

    @Override
    public Results visit(OpList list, Optional<Observer> watching) throws SyscallException {
        throw notHere();
    }

    @Override
    public Child spawn(OpList list, Op maker, Optional<Observer> watching) throws SyscallException {
        throw notHere();
    }

    /** The program that makes our children has descriptors of its own. */
    private static SyscallException notHere() {
        return new SyscallException(
                "mprotect", "a child with our descriptors needs code in memory", Errno.EACCES.number());
    }

    @Override
    public void close() {
        program.close();
    }
}
