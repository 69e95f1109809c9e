package dev.cay.engine.microvm;

import dev.cay.engine.json.JsonWriter;
import dev.cay.engine.state.MachineOutput;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * QEMU's monitor, taken until it is closed. Not thread-safe.
 *
 * <p>What was asked for stays asked for when whoever did so is gone.
 */
final class Monitor implements QemuMigration.Commands, AutoCloseable {
    /** How long QEMU may take to answer, or whoever has the monitor to let go of it. */
    private static final long PATIENCE_NANOSECONDS = TimeUnit.SECONDS.toNanos(20);

    private static final int BUFFER = 8 * 1024;

    private final MachineDoors.Taken taken;
    private final Queue<Qmp.Message> messages = new ArrayDeque<>();
    private final Qmp qmp = new Qmp(this::hear);
    private boolean up;
    private long ids;
    private long deadline;

    private Monitor(MachineDoors.Taken taken) {
        this.taken = taken;
    }

    /**
     * Takes it.
     *
     * @throws dev.cay.SandboxException.Conflict if somebody else does not let go of it
     * @throws IOException if QEMU has ended or does not answer
     */
    static Monitor take(Kernel host, MachineDoors doors) throws IOException {
        Monitor monitor = new Monitor(doors.monitor(host, System.nanoTime() + PATIENCE_NANOSECONDS));
        try {
            monitor.deadline = System.nanoTime() + PATIENCE_NANOSECONDS;
            while (!(monitor.next() instanceof Qmp.Message.Greeting)) {
                // what it had to say to whoever was there before
            }
            monitor.execute("qmp_capabilities");
            return monitor;
        } catch (IOException | RuntimeException e) {
            monitor.close();
            throw e;
        }
    }

    /** Takes it for a command without arguments. */
    static void execute(Kernel host, MachineDoors doors, String command) throws IOException {
        try (Monitor monitor = take(host, doors)) {
            monitor.execute(command);
        }
    }

    @Override
    public String execute(String command, Consumer<JsonWriter> arguments, List<Fd> passed) throws IOException {
        deadline = System.nanoTime() + PATIENCE_NANOSECONDS;
        long id = ++ids;
        byte[] line = Qmp.command(command, arguments, id);
        if (UnixSocket.send(taken.socket(), line, 0, line.length, passed) != line.length) {
            throw new IOException("QEMU takes no commands");
        }
        while (true) {
            Qmp.Message message = next();
            if (message instanceof Qmp.Message.Refused refused && refused.id() == id) {
                throw new IOException("QEMU refuses " + command + ": " + refused.why());
            }
            if (message instanceof Qmp.Message.Done done && done.id() == id) {
                return done.status();
            }
        }
    }

    /** A machine that boots, whose console is read elsewhere. */
    TimerWatch.Boot boot(MachineOutput said) {
        return new TimerWatch.Boot() {
            @Override
            public String console() throws IOException {
                return said.console();
            }

            @Override
            public boolean isUp() throws IOException {
                hear(0);
                messages.clear(); // nobody has asked for anything
                return up;
            }

            @Override
            public void reset() throws IOException {
                up = false;
                QemuMachine.reset(Monitor.this);
            }
        };
    }

    @Override
    public void close() {
        taken.close();
    }

    private void hear(Qmp.Message message) {
        if (message instanceof Qmp.Message.Opened opened) {
            up = opened.open();
        }
        messages.add(message);
    }

    private Qmp.Message next() throws IOException {
        while (messages.isEmpty()) {
            long left = deadline - System.nanoTime();
            if (left <= 0 || !hear(left)) {
                throw new IOException("QEMU does not answer");
            }
        }
        return messages.remove();
    }

    /** Takes what it says, if it says something in time; whether it has. */
    private boolean hear(long nanoseconds) throws IOException {
        if (Poll.await(nanoseconds, Poll.Interest.reading(taken.socket())) == 0) {
            return false;
        }
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        int count = Pipe.read(taken.socket(), buffer);
        if (count < 0 && count != Pipe.WOULD_BLOCK) {
            throw new IOException("QEMU has ended");
        }
        if (count > 0) {
            byte[] bytes = new byte[count];
            buffer.flip().get(bytes);
            qmp.accept(bytes, count);
        }
        return true;
    }
}
