package dev.cay.cli;

import dev.cay.OutputKind;
import dev.cay.OutputLog;
import dev.cay.Sandbox;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/** {@code cay logs}: what a command has written. */
final class LogsCommand implements Command {
    private static final Option FOLLOW =
            Option.flag("f", "follow", "Go on with what it writes from now on, until it ends.");
    private static final Option TAIL = Option.valued(
            "n",
            "tail",
            "N|SIZE",
            "Only the last so many lines of each stream or, with a unit such as k, so many bytes.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(FOLLOW, TAIL, AttachCommand.EXECUTION, Format.OPTION);

    private static final Duration INTERVAL = Duration.ofMillis(200);
    private static final int MAXIMUM_DIGITS = 18;

    @Override
    public String name() {
        return "logs";
    }

    @Override
    public String summary() {
        return "Print what a command has written";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] NAME";
    }

    @Override
    public List<String> description() {
        return List.of("Prints what is kept of what a command has written, its standard output to"
                + " standard output, then its standard error to standard error. How much is kept is said with"
                + " --kept when the command is started. Of the own command of a sandbox that is not detached nothing"
                + " is kept.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("Watch it work", "cay logs -f web"),
                new Example(
                        "The last of the second command's errors", "cay logs --execution 2 --tail 4k web >/dev/null"));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        String name = Operands.one(arguments, "cay logs NAME");
        int number = AttachCommand.execution(arguments);
        boolean follow = arguments.has(FOLLOW);
        if (follow && format == Format.JSON) {
            throw new UsageException("--follow and --format json contradict each other", "leave out one of them");
        }
        Optional<String> text = arguments.last(TAIL);
        Optional<Last> tail = text.isPresent() ? Optional.of(Last.of(text.get())) : Optional.empty();
        try (Sandboxes engine = context.engine().open();
                Sandbox sandbox = engine.open(name)) {
            if (format == Format.JSON) {
                printJson(sandbox, number, tail, context);
                return ExitCode.SUCCESS;
            }
            long out = print(sandbox, number, OutputKind.STDOUT, tail, context);
            long err = print(sandbox, number, OutputKind.STDERR, tail, context);
            if (follow) {
                follow(sandbox, name, number, out, err, context);
            }
        }
        return ExitCode.SUCCESS;
    }

    private static void follow(Sandbox sandbox, String name, int number, long out, long err, Context context) {
        long nextOut = out;
        long nextErr = err;
        while (!context.engine().stopping()) {
            // Asked before the last look at the streams: nothing is written after the end.
            boolean ended = AttachCommand.find(sandbox, number, name).exit().isPresent();
            long seen = nextOut + nextErr;
            nextOut = pass(sandbox, number, OutputKind.STDOUT, nextOut, context);
            nextErr = pass(sandbox, number, OutputKind.STDERR, nextErr, context);
            if (seen != nextOut + nextErr) {
                continue;
            }
            if (ended) {
                return;
            }
            context.time().pause(INTERVAL);
        }
    }

    /** Prints what is there now; returns where to go on. */
    private static long print(Sandbox sandbox, int number, OutputKind kind, Optional<Last> tail, Context context) {
        if (tail.isEmpty()) {
            return pass(sandbox, number, kind, 0, context);
        }
        OutputStream to = stream(kind, context);
        try {
            return new Tail(tail.get()).read(sandbox, number, kind, to);
        } catch (IOException e) {
            throw failure(kind, context, e);
        }
    }

    private static long pass(Sandbox sandbox, int number, OutputKind kind, long from, Context context) {
        long next = from;
        OutputStream to = stream(kind, context);
        try {
            while (!context.engine().stopping()) {
                OutputLog piece = sandbox.log(number, kind, next);
                if (piece.bytes().length == 0) {
                    break;
                }
                to.write(piece.bytes());
                next = piece.next();
            }
            to.flush();
        } catch (IOException e) {
            throw failure(kind, context, e);
        }
        return next;
    }

    private static OutputStream stream(OutputKind kind, Context context) {
        return kind == OutputKind.STDOUT
                ? context.streams().out()
                : context.streams().err();
    }

    private static OutputFailure failure(OutputKind kind, Context context, IOException cause) {
        return context.streams().failure(kind == OutputKind.STDOUT ? Streams.OUT : Streams.ERR, cause);
    }

    /** All is read before the first byte is written: a failure is an object of its own. */
    private static void printJson(Sandbox sandbox, int number, Optional<Last> tail, Context context) {
        Last last = tail.isPresent() ? tail.get() : Last.ALL;
        Capture stdout = capture(sandbox, number, OutputKind.STDOUT, last);
        Capture stderr = capture(sandbox, number, OutputKind.STDERR, last);
        JsonLine.print(context.streams(), json -> {
            json.field("id", sandbox.id()).field("execution", number);
            stdout.writeTo(json, "stdout");
            stderr.writeTo(json, "stderr");
        });
    }

    private static Capture capture(Sandbox sandbox, int number, OutputKind kind, Last last) {
        Capture capture = new Capture(Integer.MAX_VALUE);
        try {
            new Tail(last).read(sandbox, number, kind, capture);
        } catch (IOException e) {
            throw new UncheckedIOException("memory cannot be written to", e);
        }
        return capture;
    }

    /**
     * How much of the end.
     *
     * @param bytes at the most so many
     * @param lines at the most so many; what stands behind the last line feed is one too
     */
    private record Last(long bytes, long lines) {
        static final Last ALL = new Last(Long.MAX_VALUE, Long.MAX_VALUE);

        static Last of(String text) {
            boolean digits = !text.isEmpty() && text.length() <= MAXIMUM_DIGITS;
            for (int i = 0; i < text.length(); i++) {
                digits &= text.charAt(i) >= '0' && text.charAt(i) <= '9';
            }
            return digits
                    ? new Last(Long.MAX_VALUE, Long.parseLong(text))
                    : new Last(Values.size(TAIL, text).bytes(), Long.MAX_VALUE);
        }
    }

    /** The end of a stream. */
    private static final class Tail {
        private final Last last;
        private final long limit;
        private final Deque<byte[]> pieces = new ArrayDeque<>();
        private long held;

        Tail(Last last) {
            this.last = last;
            limit = last.bytes();
        }

        /** How many bytes at the end are so many lines. */
        private long lines() {
            long feeds = 0;
            long bytes = 0;
            for (Iterator<byte[]> backwards = pieces.descendingIterator(); backwards.hasNext(); ) {
                byte[] piece = backwards.next();
                for (int i = piece.length - 1; i >= 0; i--) {
                    if (piece[i] == '\n' && bytes > 0) { // the very last one ends its line
                        feeds++;
                    }
                    if (feeds == last.lines()) {
                        return bytes;
                    }
                    bytes++;
                }
            }
            return bytes;
        }

        /** Returns where the stream goes on. */
        long read(Sandbox sandbox, int number, OutputKind kind, OutputStream to) throws IOException {
            long next = 0;
            while (true) {
                OutputLog piece = sandbox.log(number, kind, next);
                if (piece.bytes().length == 0) {
                    break;
                }
                add(piece.bytes());
                next = piece.next();
            }
            long surplus = Math.max(0, held - Math.min(limit, last.lines() == 0 ? 0 : lines()));
            for (byte[] piece : pieces) {
                int skipped = (int) Math.min(surplus, piece.length);
                to.write(piece, skipped, piece.length - skipped);
                surplus -= skipped;
            }
            to.flush();
            return next;
        }

        private void add(byte[] piece) {
            pieces.add(piece);
            held += piece.length;
            while (held - pieces.peek().length >= limit && pieces.size() > 1) {
                held -= pieces.remove().length;
            }
        }
    }
}
