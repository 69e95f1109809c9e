package dev.cay.cli;

import dev.cay.SandboxException;
import dev.cay.TerminalSize;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Keeps the terminal in raw mode by means of a shell and stty(1).
 *
 * <p>The shell lives as long as the raw mode. It hears of new sizes, which a JVM cannot (SIGWINCH goes to all processes in the
 * foreground), and prints them. It puts the terminal right when its standard input ends, which it does however this process
 * ends, by SIGKILL too.
 */
final class SttyTerminal implements RawTerminal {
    /**
     * Descriptor 4 is the terminal: the parent's standard input, or, where that may not be opened again, /dev/tty. Setting a
     * terminal from the background stops the job, as it should; restoring it does not, since nobody could continue it then.
     */
    private static final String SCRIPT = """
        t=/proc/$PPID/fd/0
        (: <"$t") 2>/dev/null || t=/dev/tty
        exec 3<&0 4<"$t" || exit 1
        saved=$(stty -g <&4) || exit 1
        trap '' INT QUIT TERM HUP TSTP
        trap 'stty size <&4' WINCH
        trap 'trap - TTOU; stty raw -echo <&4; trap "" TTOU; stty size <&4' CONT
        stty raw -echo <&4 && stty size <&4 || { stty "$saved" <&4; exit 1; }
        trap '' TTOU
        cat <&3 >/dev/null 2>&1 &
        while wait $!; [ $? -gt 128 ]; do :; done
        stty "$saved" <&4
        """;

    private static final long MAXIMUM_SECONDS = 2;

    private final Process shell;
    private final BufferedReader sizes;
    private TerminalSize size;
    private Optional<Listener> listener = Optional.empty();

    private SttyTerminal(Process shell) throws IOException {
        this.shell = shell;
        sizes = new BufferedReader(new InputStreamReader(shell.getInputStream(), StandardCharsets.US_ASCII));
        String first = sizes.readLine();
        if (first == null) {
            throw new IOException("stty has failed");
        }
        size = parse(first);
    }

    static SttyTerminal start() {
        return start("/bin/sh", List.of());
    }

    /**
     * @param shell which shell
     * @param path folders to look for stty(1) in before all others
     */
    static SttyTerminal start(String shell, List<String> path) {
        ProcessBuilder builder = new ProcessBuilder(shell, "-c", SCRIPT);
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
        String inherited = builder.environment().getOrDefault("PATH", "/usr/bin:/bin");
        builder.environment().put("PATH", String.join(":", path) + (path.isEmpty() ? "" : ":") + inherited);
        try {
            SttyTerminal terminal = new SttyTerminal(builder.start());
            Thread reader = new Thread("cay-terminal") {
                @Override
                public void run() {
                    terminal.readSizes();
                }
            };
            reader.setDaemon(true);
            reader.start();
            return terminal;
        } catch (IOException e) {
            throw new SandboxException.HostFailed(
                    "the terminal cannot be made raw: " + e.getMessage(), "leave out -t, or install coreutils", e);
        }
    }

    private void readSizes() {
        try {
            for (String line = sizes.readLine(); line != null; line = sizes.readLine()) {
                resized(parse(line));
            }
        } catch (IOException e) {
            // The shell has gone; the terminal keeps its size.
        }
    }

    /** Reads what {@code stty size} prints; a terminal that nobody told its size says 0. */
    static TerminalSize parse(String line) {
        int blank = line.indexOf(' ');
        try {
            int rows = Integer.parseInt(line, 0, Math.max(blank, 0), 10);
            int columns = Integer.parseInt(line, blank + 1, line.length(), 10);
            return rows == 0 || columns == 0 ? TerminalSize.STANDARD : new TerminalSize(columns, rows);
        } catch (NumberFormatException | SandboxException.InvalidSpec e) {
            return TerminalSize.STANDARD;
        }
    }

    private synchronized void resized(TerminalSize now) {
        size = now;
        if (listener.isPresent()) {
            listener.get().resized(now);
        }
    }

    @Override
    public synchronized TerminalSize size() {
        return size;
    }

    @Override
    public synchronized void follow(Listener follower) {
        listener = Optional.of(follower);
        follower.resized(size);
    }

    @Override
    public void close() {
        try {
            shell.getOutputStream().close();
            if (!shell.waitFor(MAXIMUM_SECONDS, TimeUnit.SECONDS)) {
                shell.destroyForcibly();
            }
        } catch (IOException e) {
            // It has gone already.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
