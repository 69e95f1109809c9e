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
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * A VMM that runs. A virtual thread listens to it for as long as it lives: so the console never stalls the guest, and the end is
 * seen when it comes. Thread-safe.
 */
final class VmmProcess implements AutoCloseable {
    private static final int BUFFER = 8 * 1024;

    /** After a full buffer of console: a guest that writes without an end gets 8 KiB for so long. */
    private static final long BREATH_NANOSECONDS = 4_000_000;

    private final Home.Guarded process;
    private final ConsoleTail tail = new ConsoleTail();
    private final List<Source> sources;
    private final Verdict verdict;
    private final CompletableFuture<MachineEnd> end = new CompletableFuture<>();
    private Thread listener;
    private volatile boolean broken;

    /** What a VMM says on a socket of its own. */
    interface Listening {
        /**
         * Takes what has come, on the thread that listens.
         *
         * @throws IOException if that is nothing that a VMM says: it is killed then
         */
        void accept(byte[] bytes, int length) throws IOException;
    }

    /** Where it says something; closed with the process. */
    record Source(Fd fd, Listening listening) {}

    /** How a machine ended whose VMM did so by itself. */
    interface Verdict {
        MachineEnd of(Child.Status status);
    }

    /**
     * @param process ended with this object
     * @param consoles of the guest, together with what the VMM itself has to say
     * @param others where else it says something
     */
    VmmProcess(Home.Guarded process, List<Fd> consoles, List<Source> others, Verdict verdict) {
        this.process = process;
        this.verdict = verdict;
        sources = new ArrayList<>(others);
        consoles.forEach(console -> sources.add(new Source(console, tail::add)));
    }

    /** Begins to listen, once. */
    void begin() {
        listener = Thread.ofVirtual().name("cay-machine").start(this::listen);
    }

    private void listen() {
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        List<Source> open = new ArrayList<>(sources);
        try {
            for (boolean over = false; !over; ) {
                List<Poll.Interest> interests = new ArrayList<>(List.of(process.end()));
                open.forEach(source -> interests.add(Poll.Interest.reading(source.fd())));
                // What was said before the end is there when the end is.
                over = (Poll.await(Poll.FOREVER, interests.toArray(Poll.Interest[]::new)) & 1) != 0;
                for (Source source : List.copyOf(open)) {
                    if (!drain(source, buffer, over)) {
                        open.remove(source);
                    }
                }
            }
        } catch (IOException | RuntimeException e) {
            broken = true;
            process.kill();
            Poll.await(Poll.FOREVER, process.end());
        } finally {
            end.complete(process.poll().map(this::judge).orElse(new MachineEnd.Failed(-1)));
        }
    }

    /** Reads what is there, once or to the end. Returns whether more may come. */
    private boolean drain(Source source, ByteBuffer buffer, boolean all) throws IOException {
        int rounds = 0;
        do {
            buffer.clear();
            int count;
            try {
                count = Pipe.read(source.fd(), buffer);
            } catch (SyscallException e) {
                return false; // the other side is gone with a reset
            }
            if (count < 0) {
                return count == Pipe.WOULD_BLOCK;
            }
            byte[] bytes = new byte[count];
            buffer.flip().get(bytes);
            source.listening().accept(bytes, count);
            if (count == BUFFER && !all) {
                LockSupport.parkNanos(BREATH_NANOSECONDS);
            }
            rounds++;
        } while (all && rounds < ConsoleTail.SIZE);
        return true;
    }

    private MachineEnd judge(Child.Status status) {
        MachineEnd said = verdict.of(status);
        return broken && status.exited() ? new MachineEnd.Failed(status.number()) : said;
    }

    /** The last that was said. */
    String console() {
        return tail.text();
    }

    /** Waits for an answer of the VMM; its end is one too. */
    <T> T await(CompletableFuture<T> answer, String what, long seconds) throws IOException {
        try {
            // Not a stage behind the end: of each question one would be kept until then.
            CompletableFuture.anyOf(answer, end).get(seconds, TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            throw new IOException("the VMM does not " + what + " within " + seconds + " seconds", e);
        } catch (ExecutionException e) {
            throw explained(String.valueOf(e.getCause().getMessage()), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        if (!answer.isDone()) {
            IOException over = ended(end.join());
            throw explained(over.getMessage(), over);
        }
        return answer.join();
    }

    /**
     * Waits until something can be read, if need be as long as the VMM runs.
     *
     * @param deadline a value of {@link System#nanoTime}
     * @throws IOException if the time is over, or the machine has ended
     */
    void awaitReadable(Fd fd, long deadline) throws IOException {
        long left = deadline - System.nanoTime();
        int ready = left <= 0 ? 0 : Poll.await(left, Poll.Interest.reading(fd), process.end());
        if ((ready & 1) == 0) {
            if (ready != 0) {
                end.join();
            }
            requireRunning();
            throw new IOException("the guest does not come in time");
        }
    }

    /** What went wrong, with the last that was said. */
    IOException explained(String message, Exception cause) {
        String said = ConsoleTail.lastLines(console());
        return new IOException(message + (said.isEmpty() ? "" : "; it said: " + said), cause);
    }

    /** Refuses what only one that runs can be told. */
    void requireRunning() throws IOException {
        if (end.isDone()) {
            throw ended(end.join());
        }
    }

    private static IOException ended(MachineEnd how) {
        return new IOException("the machine has ended: " + how.text());
    }

    Home.Guarded home() {
        return process;
    }

    void kill() {
        if (!end.isDone()) {
            process.kill();
        }
    }

    long pid() {
        return process.pid();
    }

    Usage usage() {
        return process.usage();
    }

    Optional<MachineEnd> end() {
        return Optional.ofNullable(end.getNow(null));
    }

    Optional<MachineEnd> await(Duration limit) {
        try {
            return Optional.of(end.get(limit.toNanos(), TimeUnit.NANOSECONDS));
        } catch (TimeoutException | ExecutionException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }

    void onEnd(Consumer<MachineEnd> action) {
        CompletableFuture<Void> unused = end.thenAccept(action);
    }

    /** Kills it if it runs, and gives back all that it had. */
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
        sources.forEach(source -> source.fd().close());
        process.close();
    }
}
