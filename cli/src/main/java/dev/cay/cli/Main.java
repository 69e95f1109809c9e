package dev.cay.cli;

import dev.cay.Finding;
import dev.cay.Sandboxes;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** The entry: connects {@link Cli} with this process, its signals and its exit code. */
public final class Main {
    private Main() {}

    /** Runs one command and ends the process with its exit code. */
    public static void main(String[] arguments) {
        EngineGuard guard = new EngineGuard(new LocalEngine());
        Runtime.getRuntime().addShutdownHook(new CleanUp(guard));
        Context context = new Context(
                Streams.ofProcess(),
                new ProcessVariables(),
                guard,
                new ProcessTerminal(),
                new Time.OfProcess(),
                new Diagnosis());
        List<String> line = List.of(NativeText.arguments(arguments));
        boolean training = Training.isAsked(line);
        int code = training ? Training.run(context, line) : new Cli(context).run(line);
        if (guard.finish()) { // everything has been closed
            if (training) {
                Runtime.getRuntime().halt(code); // at which the JVM writes down what it has seen
            }
            guard.leave(code);
        }
        // A signal has begun to end this process, with 128 + its number. System.exit would wait for that too, but wants
        // to log first, which by then may fail and says so.
        while (true) {
            LockSupport.park();
        }
    }

    private static final class LocalEngine implements Supplier<Sandboxes> {
        @Override
        public Sandboxes get() {
            return Sandboxes.local();
        }
    }

    private static final class Diagnosis implements Supplier<List<Finding>> {
        @Override
        public List<Finding> get() {
            return Sandboxes.diagnose();
        }
    }

    private static final class ProcessVariables implements Variables {
        @Override
        public Optional<String> variable(String name) {
            return NativeText.variable(name);
        }
    }

    /** Runs when SIGINT, SIGTERM or SIGHUP arrives. */
    private static final class CleanUp extends Thread {
        /** After that the process ends anyway, and the kernel kills what is left of its sandboxes. */
        private static final long MAXIMUM_MILLIS = 5_000;

        private final EngineGuard guard;

        CleanUp(EngineGuard guard) {
            super("cay-clean-up");
            this.guard = guard;
        }

        @Override
        public void run() {
            Thread stopper = new Thread("cay-stop") {
                @Override
                public void run() {
                    guard.stop();
                }
            };
            stopper.setDaemon(true);
            stopper.start();
            try {
                stopper.join(MAXIMUM_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
