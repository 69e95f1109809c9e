package dev.cay.engine.microvm;

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

/** QEMU's monitor, taken for as long as one command takes. Not thread-safe. */
final class Monitor {
    private static final long PATIENCE_NANOSECONDS = TimeUnit.SECONDS.toNanos(20);
    private static final int BUFFER = 8 * 1024;

    private final MachineDoors.Taken taken;
    private final long deadline = System.nanoTime() + PATIENCE_NANOSECONDS;
    private final Queue<Qmp.Message> messages = new ArrayDeque<>();
    private final Qmp qmp = new Qmp(messages::add);
    private long ids;

    private Monitor(MachineDoors.Taken taken) {
        this.taken = taken;
    }

    /**
     * Has a command without arguments carried out.
     *
     * @throws IOException if QEMU refuses it, has ended or does not answer
     */
    static void execute(Kernel host, MachineDoors doors, String command) throws IOException {
        try (MachineDoors.Taken taken = doors.monitor(host, System.nanoTime() + PATIENCE_NANOSECONDS)) {
            Monitor monitor = new Monitor(taken);
            while (!(monitor.next() instanceof Qmp.Message.Greeting)) {
                // what it had to say to whoever was there before
            }
            monitor.execute("qmp_capabilities");
            monitor.execute(command);
        }
    }

    private void execute(String command) throws IOException {
        long id = ++ids;
        byte[] line = Qmp.command(command, _ -> {}, id);
        if (UnixSocket.send(taken.socket(), line, 0, line.length, List.of()) != line.length) {
            throw new IOException("QEMU takes no commands");
        }
        while (true) {
            Qmp.Message message = next();
            if (message instanceof Qmp.Message.Refused refused && refused.id() == id) {
                throw new IOException("QEMU refuses " + command + ": " + refused.why());
            }
            if (message instanceof Qmp.Message.Done done && done.id() == id) {
                return;
            }
        }
    }

    private Qmp.Message next() throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        while (messages.isEmpty()) {
            long left = deadline - System.nanoTime();
            if (left <= 0 || Poll.await(left, Poll.Interest.reading(taken.socket())) == 0) {
                throw new IOException("QEMU does not answer");
            }
            buffer.clear();
            int count = Pipe.read(taken.socket(), buffer);
            if (count < 0 && count != Pipe.WOULD_BLOCK) {
                throw new IOException("QEMU has ended");
            }
            if (count > 0) {
                byte[] bytes = new byte[count];
                buffer.flip().get(bytes);
                qmp.accept(bytes, count);
            }
        }
        return messages.remove();
    }
}
