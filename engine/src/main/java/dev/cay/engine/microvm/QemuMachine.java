package dev.cay.engine.microvm;

import dev.cay.Usage;
import dev.cay.engine.json.JsonWriter;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.MemoryFile;
import dev.cay.linux.Poll;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/** A QEMU that runs, and its monitor. */
final class QemuMachine implements Machine {
    /** How long QEMU may take to answer; on a busy machine it takes seconds to begin. */
    private static final long PATIENCE_SECONDS = 60;

    private final VmmProcess process;
    private final Fd monitor;
    private final Fd channel;
    private final CompletableFuture<Boolean> greeting = new CompletableFuture<>();
    private final Map<Long, CompletableFuture<Qmp.Message>> commands = new ConcurrentHashMap<>();
    private final AtomicLong ids = new AtomicLong();
    private final AtomicInteger sets = new AtomicInteger();
    private final ReentrantLock writing = new ReentrantLock();
    private final ReentrantLock settling = new ReentrantLock();
    private boolean settled;
    private volatile boolean up;
    private volatile String shutdown = "";
    private volatile Consumer<Boolean> halting = _ -> {};

    /** @param measures whether its guest measures its timer, see {@link TimerWatch}: nobody gets its channel before that is settled */
    QemuMachine(Home.Guarded guarded, Fd monitor, Fd channel, Fd console, boolean measures) {
        this.monitor = monitor;
        settled = !measures;
        this.channel = channel;
        Qmp qmp = new Qmp(this::onMessage);
        process = new VmmProcess(
                guarded, List.of(console), List.of(new VmmProcess.Source(monitor, qmp::accept)), this::end);
        process.begin();
    }

    @Override
    public void hold(HostKernel host, Fd disk, Path socket) throws IOException {
        process.home().hold(host, disk, socket);
    }

    /** Waits until QEMU takes commands. */
    void greet() throws IOException {
        process.await(greeting, "begin", PATIENCE_SECONDS);
        execute("qmp_capabilities");
    }

    private void onMessage(Qmp.Message message) {
        switch (message) {
            case Qmp.Message.Greeting _ -> greeting.complete(true);
            case Qmp.Message.Done done -> answer(done.id(), done);
            case Qmp.Message.Refused refused -> answer(refused.id(), refused);
            case Qmp.Message.Shutdown(String reason) -> shutdown = reason;
            case Qmp.Message.Halted(boolean still) -> halting.accept(still);
            case Qmp.Message.Opened(boolean open) -> up = open;
            case Qmp.Message.Other _ -> {}
        }
    }

    private void answer(long id, Qmp.Message message) {
        CompletableFuture<Qmp.Message> waiting = commands.remove(id);
        if (waiting != null) {
            waiting.complete(message);
        }
    }

    private MachineEnd end(Child.Status status) {
        if (!status.exited()) {
            return new MachineEnd.Killed(status.number());
        }
        if (status.number() != 0) {
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
        process.requireRunning();
        send(Qmp.command(command, arguments, id), passed);
        Qmp.Message message;
        try {
            message = process.await(answer, command, PATIENCE_SECONDS);
        } finally {
            commands.remove(id);
        }
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
                    process.await(new CompletableFuture<Boolean>(), "end", PATIENCE_SECONDS);
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

    @Override
    public Fd channel(long deadline) throws IOException {
        settling.lock();
        try {
            if (!settled) {
                TimerWatch.settle(new Booting(), deadline);
                settled = true;
            }
        } finally {
            settling.unlock();
        }
        return channel;
    }

    private final class Booting implements TimerWatch.Boot {
        @Override
        public String console() {
            return process.console();
        }

        @Override
        public boolean isUp() throws IOException {
            process.requireRunning();
            return up;
        }

        @Override
        public void reset() throws IOException {
            up = false;
            QemuMachine.reset(QemuMachine.this::execute);
        }
    }

    /** Has a machine that ends instead of restarting begin anew. */
    static void reset(QemuMigration.Commands monitor) throws IOException {
        monitor.execute("set-action", arguments -> arguments.field("reboot", "reset"), List.of());
        monitor.execute("system_reset");
        monitor.execute("set-action", arguments -> arguments.field("reboot", "shutdown"), List.of());
    }

    @Override
    public String console() {
        return process.console();
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
        migration().receive(state.reader(), false);
    }

    /**
     * Waits until a spare one has read its state.
     *
     * @param deadline a value of {@link System#nanoTime}
     */
    void awaitReceived(long deadline) throws IOException {
        migration().awaitHalted(deadline);
    }

    /**
     * Gives a spare one its disks, and has it go on.
     *
     * @param disks from the first place on, read-only ones
     */
    void furnish(HostKernel host, List<Disk> disks) throws IOException {
        for (int i = 0; i < disks.size(); i++) {
            try (Fd file = MachineKeeping.open(host, disks.get(i).file())) {
                insert(i, disks.get(i).serial(), file);
            }
        }
        execute("cont");
    }

    /**
     * Puts a disk that is only read in a place, instead of what is there.
     *
     * @param name of the disk, which no other one has or had
     */
    void insert(int place, String name, Fd file) throws IOException {
        int set = sets.incrementAndGet();
        execute("add-fd", arguments -> arguments.field("fdset-id", set), List.of(file));
        execute(
                "blockdev-add",
                arguments -> arguments
                        .field("driver", "raw")
                        .field("node-name", name)
                        .field("read-only", true)
                        .object(
                                "file",
                                source -> source.field("driver", "file")
                                        .field("filename", "/dev/fdset/" + set)
                                        .field("read-only", true)),
                List.of());
        execute(
                "qom-set",
                arguments -> arguments
                        .field("path", "/machine/peripheral/" + Disk.place(place))
                        .field("property", "drive")
                        .field("value", name),
                List.of());
    }

    /** The same with a machine whose memory is a part of its state. */
    void receiveWhole(Fd state) throws IOException {
        migration().receive(state, true);
    }

    @Override
    public void save(MemoryFile state) throws IOException {
        // QEMU halts it when it writes. A machine that was halted before would have to be told to go on, each time.
        migration().save(state.copy(), false, () -> {});
        state.seal();
    }

    @Override
    public void saveWhole(Fd state) throws IOException {
        migration().save(state, true, () -> {});
    }

    private QemuMigration migration() {
        return new QemuMigration(this::execute);
    }

    @Override
    public void quit() throws IOException {
        execute("quit");
    }

    @Override
    public void kill() {
        process.kill();
    }

    @Override
    public long pid() {
        return process.pid();
    }

    @Override
    public void onHalt(Consumer<Boolean> action) {
        halting = action;
    }

    @Override
    public Optional<String> group() {
        return process.home().group();
    }

    @Override
    public Usage usage() {
        return process.usage();
    }

    @Override
    public Optional<MachineEnd> end() {
        return process.end();
    }

    @Override
    public Optional<MachineEnd> await(Duration limit) {
        return process.await(limit);
    }

    @Override
    public void onEnd(Runnable action) {
        process.onEnd(_ -> action.run());
    }

    @Override
    public void close() {
        process.close();
        channel.close();
    }
}
