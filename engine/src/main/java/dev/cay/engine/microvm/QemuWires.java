package dev.cay.engine.microvm;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/** By what a QEMU is spoken with. */
sealed interface QemuWires {
    String console();

    String channel();

    String monitor();

    /** Options for more channels than the first, and for those who come by them. */
    List<String> furtherChannels();

    /** What QEMU calls the host's end of a channel behind the first. */
    static String wire(int channel) {
        return "channel" + channel;
    }

    private static String device(int channel) {
        return "virtserialport,chardev=" + wire(channel) + ",name=" + MachineDoors.port(channel);
    }

    /** What QEMU calls the host's end of the channel by which files are relayed. */
    String RELAY = "relay";

    /** Plugs in the guest's end of the channel by which files are relayed. */
    static void plugRelay(QemuMigration.Commands monitor) throws IOException {
        plug(monitor, RELAY, MachineDoors.RELAY_PORT);
    }

    /** The guest's end of the first channel, of which QEMU tells when it is opened there: it does so of devices that have a name. */
    static String firstDevice() {
        return "virtserialport,chardev=channel,name=" + Machine.PORT + ",id=first";
    }

    private static String listening(String name, int descriptor) {
        return "socket,id=" + name + ",fd=" + descriptor + ",server=on,wait=off";
    }

    /** Plugs in the guest's end of a channel behind the first. */
    static void plug(QemuMigration.Commands monitor, int channel) throws IOException {
        plug(monitor, wire(channel), MachineDoors.port(channel));
    }

    private static void plug(QemuMigration.Commands monitor, String wire, String port) throws IOException {
        monitor.execute(
                "device_add",
                arguments -> arguments
                        .field("driver", "virtserialport")
                        .field("chardev", wire)
                        .field("name", port),
                List.of());
    }

    /**
     * By the one process with which it ends: descriptor 0 is a socket for QMP, 1 one for the channel, 2 one for the guest's console
     * together with what QEMU itself has to say.
     *
     * @param doors the first of the descriptors that listen for others, one for QMP, then those of further channels; empty if nobody else
     *     can come
     * @param ports how many channels its guest has; if others can come the rest can be plugged in
     */
    record Held(OptionalInt doors, int ports) implements QemuWires {
        @Override
        public String console() {
            return "socket,id=console,fd=2";
        }

        @Override
        public String channel() {
            return "socket,id=channel,fd=1";
        }

        @Override
        public String monitor() {
            return "socket,id=monitor,fd=0";
        }

        @Override
        public List<String> furtherChannels() {
            List<String> options = new ArrayList<>();
            if (doors.isPresent()) {
                options.addAll(List.of("-chardev", listening("door", doors.getAsInt())));
                options.addAll(List.of("-mon", "chardev=door,mode=control"));
            }
            for (int i = 1; i < (doors.isPresent() ? MachineDoors.CHANNELS : ports); i++) {
                String end = doors.isPresent() ? listening(wire(i), doors.getAsInt() + i) : "null,id=" + wire(i);
                options.addAll(List.of("-chardev", end));
                if (i < ports) {
                    options.addAll(List.of("-device", device(i)));
                }
            }
            return options;
        }
    }

    /**
     * By any process that can connect to sockets on which it listens, one at a time to each. The console is descriptor 1, which
     * must not be one of those that block.
     *
     * @param first the descriptor that listens for QMP; those of the channels come behind it
     * @param ports how many channels its guest has; the others can be plugged in
     * @param relayed whether there is one more, connected already, by which files are relayed when it has been plugged in: the descriptor behind
     *     those of the channels
     */
    record Open(int first, int ports, boolean relayed) implements QemuWires {
        @Override
        public String console() {
            return "stdio,id=console,signal=off";
        }

        @Override
        public String channel() {
            return listening("channel", first + 1);
        }

        @Override
        public String monitor() {
            return listening("monitor", first);
        }

        @Override
        public List<String> furtherChannels() {
            List<String> options = new ArrayList<>();
            for (int i = 1; i < MachineDoors.CHANNELS; i++) {
                options.addAll(List.of("-chardev", listening(wire(i), first + 1 + i)));
                if (i < ports) {
                    options.addAll(List.of("-device", device(i)));
                }
            }
            if (relayed) {
                options.addAll(
                        List.of("-chardev", "socket,id=" + RELAY + ",fd=" + (first + 1 + MachineDoors.CHANNELS)));
            }
            return options;
        }
    }
}
