package dev.cay.engine.network;

import dev.cay.SandboxException;
import dev.cay.engine.names.Netd;
import java.io.IOException;

/** The process that answers the questions of detached sandboxes, see {@link Netd}. */
public final class NetdMain {
    private NetdMain() {}

    /** Runs it in a session of its own. */
    public static void main(String[] arguments) {
        try {
            run(true);
        } catch (IOException | SandboxException e) {
            System.err.println(e.getMessage());
            System.exit(1);
        }
    }

    /** Runs it in this thread, until no detached sandbox has a network; returns at once if another process does. */
    public static void run(boolean detach) throws IOException {
        Netd.run(NameRules::open, detach);
    }
}
