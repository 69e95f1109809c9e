package dev.cay.engine.microvm;

import dev.cay.Usage;
import dev.cay.engine.microvm.ApiClient.Answer;
import dev.cay.engine.microvm.ApiClient.Call;
import dev.cay.linux.Child;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.MemoryFile;
import dev.cay.linux.SyscallException;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A machine of a VMM that has an HTTP API and a hybrid vsock: what the guest calls at a port of its host appears at the unix socket
 * {@code vsock_PORT} where the VMM runs. The stub calls as soon as it can; one call is taken, then nobody listens any more, so
 * no command of the guest is ever taken for the stub.
 */
final class ApiMachine implements Machine {
    /** Where the API is, where the VMM runs. */
    static final String API = "api";

    /** What the names of the sockets begin with that are behind the guest's vsock. */
    static final String VSOCK = "vsock";

    /** What the guest is called there; 0 to 2 are taken, see vsock(7). */
    static final int CONTEXT = 3;

    /** The port of its host that the stub calls; see design/002-stub.md. */
    private static final int PORT = 3239;

    private static final long PATIENCE_SECONDS = 60;

    /** How long the end of a VMM takes to be seen after that of its connections. */
    private static final Duration MOMENT = Duration.ofSeconds(1);

    /** Of what is shown of it, in characters. */
    private static final int MAXIMUM_FAULT = 512;

    private static final long LOOK_AGAIN_NANOSECONDS = 2_000_000;

    private final Manner manner;
    private final VmmProcess process;
    private final List<Fd> kept;
    private volatile Optional<ApiClient> api = Optional.empty();
    private Optional<Fd> door = Optional.empty();
    private Optional<Fd> channel = Optional.empty();
    private volatile boolean quits;
    private volatile boolean restarts;

    /** In what the VMMs differ. */
    interface Manner {
        /** What the VMM is called. */
        String name();

        Call pause();

        Call resume();

        /** How it is told to end; empty if it has to be killed. */
        Optional<Call> quit();

        /** What an answer says that went wrong. */
        String fault(String body);

        /** How a machine came to its end whose VMM ended by itself with code 0. */
        MachineEnd guestsEnd();
    }

    /** What is said to a VMM that has begun, until its guest boots. */
    interface Conversation {
        void with(ApiMachine machine) throws IOException;
    }

    /**
     * Starts a VMM and a machine. Of its descriptors 0 stays silent, and 1 and 2 are heard.
     *
     * @param tellsEvents whether it has {@link Home#FURTHER} for them
     * @throws IOException if that fails; nothing is left then
     */
    static Machine start(
            Manner manner,
            Home home,
            List<String> command,
            Home.Needs needs,
            boolean tellsEvents,
            Conversation conversation)
            throws IOException {
        List<Fd> ours = new ArrayList<>();
        List<Fd> theirs = new ArrayList<>();
        ApiMachine machine;
        try {
            for (int i = 0; i < (tellsEvents ? 4 : 3); i++) {
                List<Fd> pair = UnixSocket.pair();
                ours.add(pair.getFirst());
                theirs.add(pair.getLast());
            }
            Home.Guarded process = home.start(_ -> command, needs, List.copyOf(theirs));
            Optional<Fd> events = tellsEvents ? Optional.of(ours.getLast()) : Optional.empty();
            machine = new ApiMachine(manner, process, ours.subList(1, 3), events, List.of(ours.getFirst()));
        } catch (IOException | RuntimeException e) {
            ours.forEach(Fd::close);
            theirs.forEach(Fd::close);
            throw e;
        }
        try {
            machine.open();
            conversation.with(machine);
            return machine;
        } catch (IOException | RuntimeException e) {
            machine.close();
            throw e;
        }
    }

    /**
     * @param consoles where the guest's console and the VMM are heard
     * @param events where the VMM says what happens to its machine, if it does
     * @param kept closed with the machine
     */
    private ApiMachine(Manner manner, Home.Guarded guarded, List<Fd> consoles, Optional<Fd> events, List<Fd> kept) {
        this.manner = manner;
        this.kept = List.copyOf(kept);
        VmmEvents listening = new VmmEvents(this::onRestart);
        List<VmmProcess.Source> sources = events.stream()
                .map(fd -> new VmmProcess.Source(fd, listening::accept))
                .toList();
        process = new VmmProcess(guarded, consoles, sources, this::end);
        process.begin();
    }

    /** Waits until the VMM can be talked to, and listens to the guest. */
    private void open() throws IOException {
        long deadline = deadline();
        while (api.isEmpty()) {
            process.requireRunning();
            try {
                api = Optional.of(new ApiClient(process.home().connect(API)));
            } catch (SyscallException e) {
                if (!e.is(Errno.ENOENT) && !e.is(Errno.ECONNREFUSED)) {
                    throw e;
                }
                if (System.nanoTime() - deadline >= 0) {
                    throw process.explained(manner.name() + " does not begin", e);
                }
                LockSupport.parkNanos(LOOK_AGAIN_NANOSECONDS);
            }
        }
        door = Optional.of(process.home().listen(VSOCK + "_" + PORT));
    }

    /** How a file of the machine is called where the VMM runs. */
    String seen(Path file) {
        return process.home().seen(file).toString();
    }

    void call(Call call) throws IOException {
        call(call, List.of());
    }

    /**
     * Has the VMM do something.
     *
     * @param passed go with it
     * @throws IOException says why it refuses, or that it has ended
     */
    void call(Call call, List<Fd> passed) throws IOException {
        process.requireRunning();
        Answer answer;
        try {
            answer = api.orElseThrow().send(call, passed, deadline());
        } catch (IOException e) {
            throw broken(call, e);
        }
        if (!answer.isGood()) {
            throw process.explained(
                    manner.name() + " refuses " + call.text() + ": " + shown(manner.fault(answer.body())), null);
        }
    }

    /** What a VMM says, as far as a terminal can show it. */
    private static String shown(String text) {
        StringBuilder shown = new StringBuilder();
        text.chars()
                .filter(c -> !Character.isISOControl(c))
                .limit(MAXIMUM_FAULT)
                .forEach(c -> shown.append((char) c));
        return shown.toString();
    }

    /** What does not answer as it should has ended, or is in somebody else's hands: then it is killed. */
    private IOException broken(Call call, IOException failure) {
        if (process.await(MOMENT).isEmpty()) {
            process.kill();
            return process.explained(manner.name() + " at " + call.text() + ": " + failure.getMessage(), failure);
        }
        MachineEnd how = process.end().orElseThrow();
        return process.explained("the machine has ended: " + how.text(), failure);
    }

    private static long deadline() {
        return System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
    }

    /** These VMMs start a machine anew that restarts itself. */
    private void onRestart() {
        restarts = true;
        process.kill();
    }

    private MachineEnd end(Child.Status status) {
        if (restarts) {
            return new MachineEnd.Reset();
        }
        if (quits && (!status.exited() || status.number() == 0)) {
            return new MachineEnd.Quit();
        }
        if (!status.exited()) {
            return new MachineEnd.Killed(status.number());
        }
        return status.number() == 0 ? manner.guestsEnd() : new MachineEnd.Failed(status.number());
    }

    @Override
    public Fd channel(long deadline) throws IOException {
        synchronized (this) {
            if (channel.isEmpty()) {
                Fd listener = door.orElseThrow(() -> new IOException("nobody listens to the guest"));
                process.awaitReadable(listener, deadline);
                channel = Optional.of(UnixSocket.accept(listener));
                listener.close();
                door = Optional.empty();
            }
            return channel.get();
        }
    }

    @Override
    public String console() {
        return process.console();
    }

    @Override
    public void pause() throws IOException {
        call(manner.pause());
    }

    @Override
    public void resume() throws IOException {
        call(manner.resume());
    }

    @Override
    public void save(MemoryFile state) {
        throw new UnsupportedOperationException("a machine of " + manner.name() + " is no mould");
    }

    @Override
    public void saveWhole(Fd state) {
        throw new UnsupportedOperationException("a machine of " + manner.name() + " is not kept");
    }

    @Override
    public void quit() throws IOException {
        quits = true;
        Optional<Call> call = manner.quit();
        if (call.isPresent()) {
            call(call.get());
        } else {
            process.kill();
        }
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
        process.close(); // whoever waits for the guest or the VMM waits no more
        synchronized (this) {
            channel.ifPresent(Fd::close);
            door.ifPresent(Fd::close);
        }
        api.ifPresent(ApiClient::close);
        kept.forEach(Fd::close);
    }
}
