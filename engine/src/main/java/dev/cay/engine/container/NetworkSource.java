package dev.cay.engine.container;

import dev.cay.Network;
import dev.cay.SandboxException;
import dev.cay.linux.Fd;
import java.io.IOException;
import java.net.InetAddress;
import java.util.List;

/** Where networks come from. Thread-safe. */
public interface NetworkSource {
    /**
     * Connects a sandbox with a network: it has addresses, and nothing passes.
     *
     * @param detached whether it outlives this engine
     * @param namespace its network namespace
     */
    Connection connect(String sandbox, boolean detached, Network.Named network, Fd namespace) throws IOException;

    /** What a sandbox has of a network. */
    interface Connection extends AutoCloseable {
        InetAddress address();

        InetAddress address6();

        /** Who answers its questions for names. */
        InetAddress resolver();

        /**
         * Lets packets pass as far as the policy allows, all of which is in force before the first one.
         *
         * @param network what was asked for, its policy and its ports among it
         * @param names what the sandbox is called
         */
        void open(Network.Named network, List<String> names) throws IOException;

        /** Takes the sandbox off the network; without effect if it is. */
        @Override
        void close() throws IOException;
    }

    /** Where there are none. */
    static NetworkSource none() {
        return (sandbox, detached, network, namespace) -> {
            throw new SandboxException.Unsupported(
                    "there are no networks here: '" + network.name() + "'", "use none or host");
        };
    }
}
