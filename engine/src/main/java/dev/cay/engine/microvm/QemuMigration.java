package dev.cay.engine.microvm;

import dev.cay.engine.json.JsonWriter;
import dev.cay.linux.Fd;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * How a QEMU writes its machine into a file, and reads it from there: what it calls migration (docs/devel/migration.rst).
 *
 * @param commands by which it is told
 */
record QemuMigration(Commands commands) {
    /** What QEMU calls a descriptor that it is given. */
    private static final String STATE = "state";

    /** Bytes in a second; else QEMU takes its time so that a network has some left. */
    private static final long UNLIMITED = 1L << 40;

    /** How long it may take to write a machine, of which there may be gigabytes. */
    private static final long WRITING_NANOSECONDS = TimeUnit.MINUTES.toNanos(10);

    /** How long it may take to give that up. */
    private static final long PATIENCE_NANOSECONDS = TimeUnit.SECONDS.toNanos(60);

    private static final long LOOK_AGAIN_NANOSECONDS = 4_000_000;

    /** Those of a monitor. */
    interface Commands {
        /**
         * Has a command carried out.
         *
         * @param passed goes with it
         * @return what the answer says as the status; empty if nothing
         * @throws IOException if QEMU refuses it, has ended or does not answer
         */
        String execute(String command, Consumer<JsonWriter> arguments, List<Fd> passed) throws IOException;

        /** The same with a command that needs nothing said. */
        default String execute(String command) throws IOException {
            return execute(command, _ -> {}, List.of());
        }
    }

    /** Where a migration can end; before it is asked for the first time there is none. */
    private static boolean isOver(String status) {
        return List.of("", "none", "completed").contains(status) || isInVain(status);
    }

    /** The cause stands behind it. */
    private static boolean isInVain(String status) {
        return status.startsWith("failed") || status.equals("cancelled");
    }

    /**
     * Halts the machine, and writes it.
     *
     * @param state open for writing; closed here
     * @param withMemory whether the guest's memory is written too
     * @param begun is run when QEMU has begun to
     */
    void save(Fd state, boolean withMemory, Runnable begun) throws IOException {
        if (withMemory) {
            commands.execute(
                    "migrate-set-parameters", arguments -> arguments.field("max-bandwidth", UNLIMITED), List.of());
        }
        prepare(state, withMemory);
        commands.execute("migrate", arguments -> arguments.field("uri", "fd:" + STATE), List.of());
        begun.run();
        long deadline = System.nanoTime() + WRITING_NANOSECONDS;
        for (String status = ""; !status.equals("completed"); status = commands.execute("query-migrate")) {
            if (isInVain(status) || System.nanoTime() - deadline >= 0) {
                throw new IOException("QEMU cannot save the machine: " + status);
            }
            LockSupport.parkNanos(LOOK_AGAIN_NANOSECONDS);
        }
    }

    /**
     * Has a machine that waits for that go on where another one was saved, and does not wait for it; one whose state does not fit ends,
     * and says why.
     *
     * @param state open for reading; closed here
     */
    void receive(Fd state, boolean withMemory) throws IOException {
        prepare(state, withMemory);
        commands.execute("migrate-incoming", arguments -> arguments.field("uri", "fd:" + STATE), List.of());
    }

    /** Waits until the machine that was received runs. */
    void awaitRunning(long deadline) throws IOException {
        await("running", deadline);
    }

    /** Waits until the machine has been received that is not to run yet. */
    void awaitHalted(long deadline) throws IOException {
        await("paused", deadline);
    }

    private void await(String status, long deadline) throws IOException {
        while (!commands.execute("query-status").equals(status)) {
            if (System.nanoTime() - deadline >= 0) {
                throw new IOException("QEMU does not bring the machine back");
            }
            LockSupport.parkNanos(LOOK_AGAIN_NANOSECONDS);
        }
    }

    /** Lets a machine go on, whatever whoever was to save it has left undone. */
    void giveUp() throws IOException {
        long deadline = System.nanoTime() + PATIENCE_NANOSECONDS;
        if (!isOver(commands.execute("query-migrate"))) {
            commands.execute("migrate_cancel");
            while (!isOver(commands.execute("query-migrate"))) {
                if (System.nanoTime() - deadline >= 0) {
                    throw new IOException("QEMU does not stop saving the machine");
                }
                LockSupport.parkNanos(LOOK_AGAIN_NANOSECONDS);
            }
        }
        commands.execute("cont");
    }

    /** What is said before the state of a machine is written or read. */
    private void prepare(Fd state, boolean withMemory) throws IOException {
        try (state) {
            commands.execute(
                    "migrate-set-capabilities",
                    arguments -> arguments.objects(
                            "capabilities",
                            List.of("x-ignore-shared"),
                            (out, name) -> out.field("capability", name).field("state", !withMemory)),
                    List.of());
            commands.execute("getfd", arguments -> arguments.field("fdname", STATE), List.of(state));
        }
    }
}
