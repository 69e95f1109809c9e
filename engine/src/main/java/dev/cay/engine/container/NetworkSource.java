package dev.cay.engine.container;

import dev.cay.Network;
import dev.cay.SandboxException;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.LocalKernel;
import dev.cay.linux.netlink.MacAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.util.List;

/** Where networks come from. Thread-safe. */
public interface NetworkSource {
    /**
     * Refuses what it cannot do, before anything is done.
     *
     * @throws SandboxException.Unsupported says what, and what to do instead
     */
    default void check(Network.Named network, boolean detached) {}

    /** What tells a network from another one that is made under its name when it has been removed. */
    default Object identity(String name) throws IOException {
        return name;
    }

    /**
     * Connects a sandbox with a network: it has addresses, and nothing passes.
     *
     * @param detached whether it outlives this engine
     */
    Connection connect(String sandbox, boolean detached, Network.Named network, Port port) throws IOException;

    /** How a sandbox's frames reach its network. What may pass beyond the port does not depend on it. */
    sealed interface Port {
        /**
         * A cable whose other end is born in a network namespace, with all that the sandbox is to know of the network.
         *
         * @param kernel as whose root the namespace can be entered
         * @param namespace in which nothing runs yet; not to be used once the sandbox is connected
         */
        record Cable(LocalKernel kernel, Fd namespace) implements Port {}

        /**
         * A tap device. Whoever is at its other end is told by {@link Connection#configure}.
         *
         * @param device of {@link dev.cay.linux.Tap#open}; the port is there as long as anybody has it open
         */
        record Tap(Fd device) implements Port {}
    }

    /** What a sandbox has of a network. */
    interface Connection extends AutoCloseable {
        InetAddress address();

        InetAddress address6();

        /** This machine on that network; the first address answers questions for names. */
        List<InetAddress> gateways();

        /** The Ethernet address of the sandbox's end. */
        MacAddress station();

        /**
         * Tells another kernel, which has the other end of a {@link Port.Tap}, its addresses and its ways.
         *
         * @param guest runs lists there as root
         */
        void configure(Kernel guest) throws IOException;

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
        return (sandbox, detached, network, port) -> {
            throw new SandboxException.Unsupported(
                    "there are no networks here: '" + network.name() + "'", "use none or host");
        };
    }
}
