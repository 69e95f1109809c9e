package dev.cay.engine.microvm;

import dev.cay.Usage;
import dev.cay.engine.json.JsonWriter;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.MemoryFile;
import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.SyscallException;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * A QEMU that runs. A virtual thread listens to it for as long as it lives: so the console never stalls the guest, and the end is
 * seen when it comes.
 */
final class QemuMachine implements Machine {
    /** How long QEMU may take to answer; on a busy machine it takes seconds to begin. */
    private static final long PATIENCE_SECONDS = 60;

    private static final int BUFFER = 8 * 1024;

    /** After a full buffer of console: a guest that writes without an end gets 8 KiB for so long. */
    private static final long BREATH_NANOSECONDS = 4_000_000;

    /** What QEMU calls a descriptor that it is given. */
    private static final String STATE = "state";

    private final Home.Guarded process;
    private final Fd monitor;
    private final Fd channel;
    private final Fd console;
    private final ConsoleTail tail = new ConsoleTail();
    private final Qmp qmp = new Qmp(this::onMessage);
    private final CompletableFuture<Boolean> greeting = new CompletableFuture<>();
    private final Map<Long, CompletableFuture<Qmp.Message>> commands = new ConcurrentHashMap<>();
    private final AtomicLong ids = new AtomicLong();
    private final ReentrantLock writing = new ReentrantLock();
    private final CompletableFuture<MachineEnd> end = new CompletableFuture<>();
    private final Thread listener;
    private volatile String shutdown = "";
    private volatile boolean killed;

    QemuMachine(Home.Guarded process, Fd monitor, Fd channel, Fd console) {
        this.process = process;
        this.monitor = monitor;
        this.channel = channel;
        this.console = console;
        listener = Thread.ofVirtual().name("cay-machine").start(this::listen);
    }

    /** Waits until QEMU takes commands. */
    void greet() throws IOException {
        await(greeting, "begin");
        execute("qmp_capabilities");
    }

    private void onMessage(Qmp.Message message) {
        switch (message) {
            case Qmp.Message.Greeting _ -> greeting.complete(true);
            case Qmp.Message.Done done -> answer(done.id(), done);
            case Qmp.Message.Refused refused -> answer(refused.id(), refused);
            case Qmp.Message.Shutdown(String reason) -> shutdown = reason;
            case Qmp.Message.Other _ -> {}
        }
    }

    private void answer(long id, Qmp.Message message) {
        CompletableFuture<Qmp.Message> waiting = commands.remove(id);
        if (waiting != null) {
            waiting.complete(message);
        }
    }

    private void listen() {
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        List<Fd> sources = new ArrayList<>(List.of(console, monitor));
        try {
            for (boolean over = false; !over; ) {
                List<Poll.Interest> interests = new ArrayList<>(List.of(process.end()));
                sources.forEach(source -> interests.add(Poll.Interest.reading(source)));
                // What was said before the end is there when the end is.
                over = (Poll.await(Poll.FOREVER, interests.toArray(Poll.Interest[]::new)) & 1) != 0;
                for (Fd source : List.copyOf(sources)) {
                    if (!drain(source, buffer, over)) {
                        sources.remove(source);
                    }
                }
            }
        } catch (IOException | RuntimeException e) {
            killed = true;
            process.kill();
            Poll.await(Poll.FOREVER, process.end());
        } finally {
            finish();
        }
    }

    /** Reads what is there, once or to the end. Returns whether more may come. */
    private boolean drain(Fd source, ByteBuffer buffer, boolean all) throws IOException {
        int rounds = 0;
        do {
            buffer.clear();
            int count;
            try {
                count = Pipe.read(source, buffer);
            } catch (SyscallException e) {
                return false; // the other side is gone with a reset
            }
            if (count < 0) {
                return count == Pipe.WOULD_BLOCK;
            }
            byte[] bytes = new byte[count];
            buffer.flip().get(bytes);
            if (source == console) {
                tail.add(bytes, count);
            } else {
                qmp.accept(bytes, count);
            }
            if (count == BUFFER && !all) {
                LockSupport.parkNanos(BREATH_NANOSECONDS);
            }
            rounds++;
        } while (all && rounds < ConsoleTail.SIZE);
        return true;
    }

    private void finish() {
        MachineEnd how = process.poll().map(this::end).orElse(new MachineEnd.Failed(-1));
        end.complete(how);
        IOException over = new IOException("the machine has ended: " + how.text());
        greeting.completeExceptionally(over);
        commands.values().forEach(waiting -> waiting.completeExceptionally(over));
    }

    private MachineEnd end(Child.Status status) {
        if (!status.exited()) {
            return new MachineEnd.Killed(status.number());
        }
        if (status.number() != 0 || killed) {
            return new MachineEnd.Failed(status.number());
        }
        return switch (shutdown) {
            case "guest-shutdown" -> new MachineEnd.PoweredOff();
            case "guest-reset", "guest-panic" -> new MachineEnd.Reset();
            case "host-qmp-quit" -> new MachineEnd.Quit();
            default -> new MachineEnd.Failed(0);
        };
    }

    private void execute(String command) throws IOException {
        execute(command, _ -> {}, List.of());
    }

    /**
     * Has a command carried out.
     *
     * @param passed goes with it
     * @return what the answer says as the status
     */
    private String execute(String command, Consumer<JsonWriter> arguments, List<Fd> passed) throws IOException {
        long id = ids.incrementAndGet();
        CompletableFuture<Qmp.Message> answer = new CompletableFuture<>();
        commands.put(id, answer);
        if (end.isDone()) {
            throw new IOException("the machine has ended: " + end.join().text());
        }
        send(Qmp.command(command, arguments, id), passed);
        Qmp.Message message = await(answer, command);
        if (message instanceof Qmp.Message.Refused(long _, String why)) {
            throw new IOException("QEMU refuses " + command + ": " + why);
        }
        return message instanceof Qmp.Message.Done(long _, String status) ? status : "";
    }

    private void send(byte[] line, List<Fd> passed) throws IOException {
        writing.lock();
        try {
            for (int done = 0; done < line.length; ) {
                int length = Math.min(UnixSocket.CHUNK, line.length - done);
                int count = UnixSocket.send(monitor, line, done, length, done == 0 ? passed : List.of());
                if (count == UnixSocket.END) {
                    // It ends, and has said why.
                    await(
                            end.thenCompose(how -> CompletableFuture.failedFuture(
                                    new IOException("the machine has ended: " + how.text()))),
                            "end");
                    throw new IOException("QEMU's monitor is closed");
                }
                done += Math.max(0, count);
                if (count == UnixSocket.WOULD_BLOCK
                        && Poll.await(TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS), Poll.Interest.writing(monitor))
                                == 0) {
                    throw new IOException("QEMU takes no commands");
                }
            }
        } finally {
            writing.unlock();
        }
    }

    private <T> T await(CompletableFuture<T> future, String what) throws IOException {
        try {
            return future.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new IOException("QEMU does not " + what + " within " + PATIENCE_SECONDS + " seconds", e);
        } catch (ExecutionException e) {
            String said = ConsoleTail.lastLines(console());
            throw new IOException(e.getCause().getMessage() + (said.isEmpty() ? "" : "; it said: " + said), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    @Override
    public Fd channel() {
        return channel;
    }

    @Override
    public String console() {
        return tail.text();
    }

    @Override
    public void pause() throws IOException {
        execute("stop");
    }

    @Override
    public void resume() throws IOException {
        execute("cont");
    }

    /** Goes on where another machine was saved; one whose state does not fit ends, and says why. */
    void receive(MemoryFile state) throws IOException {
        migration(state.reader());
        execute("migrate-incoming", arguments -> arguments.field("uri", "fd:" + STATE), List.of());
    }

    @Override
    public void save(MemoryFile state) throws IOException {
        // QEMU halts it when it writes. A machine that was halted before would have to be told to go on, each time.
        migration(state.copy());
        execute("migrate", arguments -> arguments.field("uri", "fd:" + STATE), List.of());
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        for (String status = ""; !status.equals("completed"); status = execute("query-migrate", _ -> {}, List.of())) {
            if (List.of("failed", "cancelled").contains(status) || System.nanoTime() - deadline >= 0) {
                throw new IOException("QEMU cannot save the machine: " + status);
            }
            LockSupport.parkNanos(BREATH_NANOSECONDS);
        }
        state.seal();
    }

    /** What is said before the state of a machine is written or read: the memory is not a part of it. */
    private void migration(Fd state) throws IOException {
        try (state) {
            execute(
                    "migrate-set-capabilities",
                    arguments -> arguments.objects(
                            "capabilities",
                            List.of("x-ignore-shared"),
                            (out, name) -> out.field("capability", name).field("state", true)),
                    List.of());
            execute("getfd", arguments -> arguments.field("fdname", STATE), List.of(state));
        }
    }

    @Override
    public void quit() throws IOException {
        execute("quit");
    }

    @Override
    public void kill() {
        if (!end.isDone()) {
            process.kill();
        }
    }

    @Override
    public long pid() {
        return process.pid();
    }

    @Override
    public Usage usage() {
        return process.usage();
    }

    @Override
    public Optional<MachineEnd> end() {
        return Optional.ofNullable(end.getNow(null));
    }

    @Override
    public Optional<MachineEnd> await(Duration limit) {
        try {
            return Optional.of(end.get(limit.toNanos(), TimeUnit.NANOSECONDS));
        } catch (TimeoutException | ExecutionException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }

    @Override
    public void onEnd(Runnable action) {
        CompletableFuture<Void> unused = end.thenRun(action);
    }

    @Override
    public void close() {
        kill();
        end.join();
        boolean interrupted = false;
        while (listener.isAlive()) { // it has the descriptors
            try {
                listener.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        List.of(monitor, console, channel).forEach(Fd::close);
        process.close();
    }
}
