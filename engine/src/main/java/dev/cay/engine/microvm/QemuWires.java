package dev.cay.engine.microvm;

import java.util.ArrayList;
import java.util.List;

/** By what a QEMU is spoken with. */
sealed interface QemuWires {
    String console();

    String channel();

    String monitor();

    /** Options for more channels than the first. */
    List<String> furtherChannels();

    /**
     * By the one process with which it ends: descriptor 0 is a socket for QMP, 1 one for the channel, 2 one for the guest's console
     * together with what QEMU itself has to say.
     */
    record Held() implements QemuWires {
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
            return List.of();
        }
    }

    /**
     * By any process that can connect to sockets on which it listens, one at a time to each. The console is descriptor 1, which
     * must not be one of those that block.
     *
     * @param first the descriptor that listens for QMP; those of the channels come behind it
     */
    record Open(int first) implements QemuWires {
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
                String name = "channel" + i;
                options.addAll(List.of("-chardev", listening(name, first + 1 + i)));
                options.addAll(List.of("-device", "virtserialport,chardev=" + name + ",name=" + MachineDoors.port(i)));
            }
            return options;
        }

        private static String listening(String name, int descriptor) {
            return "socket,id=" + name + ",fd=" + descriptor + ",server=on,wait=off";
        }
    }
}
