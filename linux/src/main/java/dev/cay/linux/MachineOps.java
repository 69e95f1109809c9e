package dev.cay.linux;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;

/** What concerns a whole machine: for lists that its first process runs. */
public final class MachineOps {
    private static final long EVERYBODY = -1;
    private static final long CLOCK_REALTIME = 0;
    private static final long CLOCK_BOOTTIME = 7;
    private static final int SIGCONT = 18;
    private static final int SIGSTOP = 19;
    private static final int TIMESPEC_SIZE = 16;
    private static final long SCHED_RR = 2;
    private static final long SCHED_RESET_ON_FORK = 0x40000000;
    private static final long REBOOT_MAGIC1 = 0xfee1deadL;
    private static final long REBOOT_MAGIC2 = 672274793;
    private static final long REBOOT_POWER_OFF = 0x4321fedcL;
    private static final long REBOOT_RESTART = 0x01234567L;
    private static final long MEMBARRIER_CMD_GLOBAL = 1;
    private static final long RNDADDENTROPY = 0x40085203;
    private static final long RNDRESEEDCRNG = 0x5207;

    private MachineOps() {}

    /**
     * {@code int kill(-1, int sig)} kill(2): to all processes but the first and the one that does it. No error if there is none.
     */
    public static Op signalAll(int signal) {
        return Op.of(SystemCall.KILL, "all", Arg.of(EVERYBODY), Arg.of(signal)).tolerating(Errno.ESRCH);
    }

    /**
     * Has all processes but the first stand still: none of them makes one more step outside of the kernel. The signal has come to all of
     * them when kill(2) returns, but who runs on another processor sees it when he enters the kernel the next time. That each processor
     * has done so is what membarrier(2) waits for: {@code int membarrier(MEMBARRIER_CMD_GLOBAL, 0, 0)}, a grace period of RCU.
     *
     * @param processors of the machine; one that has a single one need not know membarrier(2)
     */
    public static OpList haltAll(int processors) {
        Op stop = signalAll(SIGSTOP);
        return processors == 1
                ? OpList.of(stop)
                : OpList.of(
                        stop,
                        Op.of(
                                SystemCall.MEMBARRIER,
                                "all processors",
                                Arg.of(MEMBARRIER_CMD_GLOBAL),
                                Arg.of(0),
                                Arg.of(0)));
    }

    /** Lets all of them go on. */
    public static Op continueAll() {
        return signalAll(SIGCONT);
    }

    /** {@code int kill(1, int sig)} kill(2): to the first process. */
    public static Op signalFirst(int signal) {
        return Op.of(SystemCall.KILL, "first", Arg.of(1), Arg.of(signal));
    }

    /**
     * {@code int sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, const struct sched_param *)} sched_setscheduler(2): it comes
     * before all that is not real time, when it has something to do; its children do not.
     */
    public static Op beforeOthers() {
        ByteBuffer priority = Arg.struct(Integer.BYTES);
        priority.putInt(0, 1);
        return Op.of(
                SystemCall.SCHED_SETSCHEDULER,
                "real time",
                Arg.of(0),
                Arg.of(SCHED_RR | SCHED_RESET_ON_FORK),
                new Arg.Bytes(priority.array()));
    }

    /** {@code void sync(void)} sync(2): returns when all that was written is on the disks. */
    public static Op sync() {
        return Op.of(SystemCall.SYNC, "");
    }

    /** {@code int reboot(.., .., RB_POWER_OFF, ..)} reboot(2): does not return. */
    public static Op powerOff() {
        return reboot("power off", REBOOT_POWER_OFF);
    }

    /** {@code int reboot(.., .., RB_AUTOBOOT, ..)} reboot(2): does not return. */
    public static Op restart() {
        return reboot("restart", REBOOT_RESTART);
    }

    private static Op reboot(String name, long command) {
        return Op.of(SystemCall.REBOOT, name, Arg.of(REBOOT_MAGIC1), Arg.of(REBOOT_MAGIC2), Arg.of(command), Arg.of(0));
    }

    /** {@code int clock_gettime(CLOCK_REALTIME, struct timespec *)} clock_gettime(2), for {@link #instant}. */
    public static Op clock(Arg.Buffer time) {
        return Op.of(SystemCall.CLOCK_GETTIME, "", Arg.of(CLOCK_REALTIME), time);
    }

    /** {@code int clock_gettime(CLOCK_BOOTTIME, struct timespec *)} clock_gettime(2): since the kernel began, for {@link #duration}. */
    public static Op uptime(Arg.Buffer time) {
        return Op.of(SystemCall.CLOCK_GETTIME, "", Arg.of(CLOCK_BOOTTIME), time);
    }

    /** Room for what {@link #clock} and {@link #uptime} leave. */
    public static Arg.Buffer timespec() {
        return new Arg.Buffer(TIMESPEC_SIZE);
    }

    /** What {@link #clock} has left. */
    public static Instant instant(byte[] timespec) {
        ByteBuffer buffer = ByteBuffer.wrap(timespec).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        return Instant.ofEpochSecond(buffer.getLong(0), buffer.getLong(Long.BYTES));
    }

    /** What {@link #uptime} has left. */
    public static Duration duration(byte[] timespec) {
        ByteBuffer buffer = ByteBuffer.wrap(timespec).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        return Duration.ofSeconds(buffer.getLong(0), buffer.getLong(Long.BYTES));
    }

    /** {@code int clock_settime(CLOCK_REALTIME, const struct timespec *)} clock_gettime(2). */
    public static Op setClock(Instant time) {
        ByteBuffer timespec = Arg.struct(TIMESPEC_SIZE);
        timespec.putLong(time.getEpochSecond()).putLong(time.getNano());
        return Op.of(SystemCall.CLOCK_SETTIME, "", Arg.of(CLOCK_REALTIME), new Arg.Bytes(timespec.array()));
    }

    /**
     * {@code int ioctl(int random, RNDADDENTROPY, struct rand_pool_info *)} random(4): mixes secret bytes in, and counts them.
     *
     * @param random the open {@code /dev/urandom}
     */
    public static Op addEntropy(Arg random, byte[] secret) {
        ByteBuffer pool = Arg.struct(2 * Integer.BYTES + secret.length);
        pool.putInt(Byte.SIZE * secret.length).putInt(secret.length).put(secret);
        return FileOps.ioctl(random, "entropy", RNDADDENTROPY, new Arg.Bytes(pool.array()));
    }

    /** {@code int ioctl(int random, RNDRESEEDCRNG)} random(4): whoever asks from now on gets bytes that depend on it. */
    public static Op reseed(Arg random) {
        return FileOps.ioctl(random, "reseed", RNDRESEEDCRNG, Arg.of(0));
    }
}
