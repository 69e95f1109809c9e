package dev.cay.engine.microvm;

import dev.cay.Usage;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/** Where no VMM runs, but a test that does as one: it has the sockets, and says when and how "the process" ends. */
final class FakeHome implements Home {
    private static final long PATIENCE_NANOSECONDS = 60_000_000_000L;

    /** What it says when it begins; by default what QEMU says. */
    String greeting = "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n";

    /** What it answers to each command, with {@code ID} for its number. */
    String answer = "{\"return\": {STATUS}, \"id\": ID}\r\n";

    /** What it says about a migration. */
    String migration = "";

    final List<String> commands = new ArrayList<>();
    final List<Fd> sockets = new ArrayList<>();

    /** Whether "the process" has been started, and so can say something. */
    final CompletableFuture<Boolean> started = new CompletableFuture<>();

    private Pipe life;
    private volatile Optional<Child.Status> status = Optional.empty();
    volatile boolean killed;
    volatile boolean closed;
    List<String> commandLine = List.of();
    Needs needs;

    @Override
    public Guarded start(CommandLine command, Needs wanted, List<Fd> streams) throws IOException {
        commandLine = command.of(FakeHome::commandSees);
        needs = wanted;
        life = Pipe.reading();
        sockets.addAll(streams);
        if (!greeting.isEmpty()) {
            say(0, greeting);
        }
        Thread.ofPlatform().daemon().name("fake-vmm").start(this::listen);
        started.complete(true);
        return new Guarded() {
            @Override
            public Poll.Interest end() {
                return Poll.Interest.reading(life.ours());
            }

            @Override
            public Optional<Child.Status> poll() {
                return status;
            }

            @Override
            public Path seen(Path file) {
                return commandSees(file);
            }

            @Override
            public Fd listen(String name) {
                throw new IllegalStateException("QEMU has no socket with a name");
            }

            @Override
            public Fd connect(String name) {
                throw new IllegalStateException("QEMU has no socket with a name");
            }

            @Override
            public long pid() {
                return ProcessHandle.current().pid();
            }

            @Override
            public Usage usage() {
                throw new IllegalStateException("nobody keeps accounts");
            }

            @Override
            public void kill() {
                killed = true;
                FakeHome.this.end(new Child.Status(false, 9));
            }

            @Override
            public void close() {
                closed = true;
                FakeHome.this.end(new Child.Status(false, 9));
                life.close();
                sockets.forEach(Fd::close);
            }
        };
    }

    private static Path commandSees(Path file) {
        return Path.of("/seen").resolve(file.getFileName());
    }

    /** Says something: 0 on the monitor, 1 on the channel, 2 on the console. */
    void say(int socket, String text) throws SyscallException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        ByteBuffer buffer = ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
        while (buffer.hasRemaining()) {
            if (Pipe.write(sockets.get(socket), buffer) == Pipe.WOULD_BLOCK) {
                Poll.await(PATIENCE_NANOSECONDS, Poll.Interest.writing(sockets.get(socket)));
            }
        }
    }

    synchronized void end(Child.Status how) {
        if (status.isEmpty()) {
            status = Optional.of(how);
            life.theirs().close();
        }
    }

    private void listen() {
        ByteBuffer buffer = ByteBuffer.allocateDirect(4096);
        StringBuilder text = new StringBuilder();
        try {
            while (status.isEmpty()) {
                Poll.await(PATIENCE_NANOSECONDS, Poll.Interest.reading(sockets.getFirst()));
                buffer.clear();
                if (Pipe.read(sockets.getFirst(), buffer) == Pipe.END) {
                    return;
                }
                buffer.flip();
                text.append(StandardCharsets.UTF_8.decode(buffer));
                for (int end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
                    String line = text.substring(0, end);
                    text.delete(0, end + 1);
                    synchronized (commands) {
                        commands.add(line.replaceAll(".*\"execute\":\"([a-z_-]*)\".*", "$1"));
                    }
                    say(
                            0,
                            answer.replace("STATUS", migration.isEmpty() ? "" : "\"status\": \"" + migration + "\"")
                                    .replace("ID", line.replaceAll(".*\"id\":([0-9]+).*", "$1")));
                }
            }
        } catch (SyscallException | IllegalStateException e) {
            // the test is over
        }
    }
}
