package dev.cay.engine.microvm;

import dev.cay.Usage;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.SyscallException;
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

    private final Home.Guarded process;
    private final Fd monitor;
    private final Fd channel;
    private final Fd console;
    private final ConsoleTail tail = new ConsoleTail();
    private final Qmp qmp = new Qmp(this::onMessage);
    private final CompletableFuture<Boolean> greeting = new CompletableFuture<>();
    private final Map<Long, CompletableFuture<Optional<String>>> commands = new ConcurrentHashMap<>();
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
            case Qmp.Message.Done(long id) -> answer(id, Optional.empty());
            case Qmp.Message.Refused(long id, String why) -> answer(id, Optional.of(why));
            case Qmp.Message.Shutdown(String reason) -> shutdown = reason;
            case Qmp.Message.Other _ -> {}
        }
    }

    private void answer(long id, Optional<String> failure) {
        CompletableFuture<Optional<String>> waiting = commands.remove(id);
        if (waiting != null) {
            waiting.complete(failure);
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
        long id = ids.incrementAndGet();
        CompletableFuture<Optional<String>> answer = new CompletableFuture<>();
        commands.put(id, answer);
        if (end.isDone()) {
            throw new IOException("the machine has ended: " + end.join().text());
        }
        send(Qmp.command(command, id));
        Optional<String> failure = await(answer, command);
        if (failure.isPresent()) {
            throw new IOException("QEMU refuses " + command + ": " + failure.get());
        }
    }

    private void send(byte[] line) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(line.length).put(line).flip();
        writing.lock();
        try {
            while (buffer.hasRemaining()) {
                int count = Pipe.write(monitor, buffer);
                if (count == Pipe.END) {
                    throw new IOException("QEMU's monitor is closed");
                }
                if (count == Pipe.WOULD_BLOCK
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
