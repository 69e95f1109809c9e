package dev.cay.engine.state;

import static java.util.Objects.requireNonNull;

import dev.cay.engine.json.JsonWriter;
import java.io.IOException;

/**
 * How something is undone that has been done on this machine for a sandbox. Each says by itself what it is: a cold JVM makes a class for
 * every switch over types.
 */
public sealed interface Undo {
    /** Does it. What is undone already is left alone. */
    void run(String sandbox, Means means) throws IOException;

    /** Writes it down as {@link Journal} reads it. */
    void writeTo(JsonWriter out);

    /** By which it is done. Thread-safe. */
    interface Means {
        void removeCgroup(String name) throws IOException;

        void releaseIds(String sandbox) throws IOException;

        /** Kills a process, if it is still the same, and waits until it is dead. */
        void kill(ProcessIdentity process) throws IOException;

        void releaseVolume(String volume, String sandbox) throws IOException;

        void leaveNetwork(String sandbox) throws IOException;

        void releaseImage(String sandbox) throws IOException;
    }

    /** Removes a control group and those below it. */
    record RemoveCgroup(String name) implements Undo {
        public RemoveCgroup {
            requireNonNull(name, "name is null");
        }

        @Override
        public void run(String sandbox, Means means) throws IOException {
            means.removeCgroup(name);
        }

        @Override
        public void writeTo(JsonWriter out) {
            out.field("undo", "remove-cgroup").field("name", name);
        }
    }

    /** Gives back the user ids that are the sandbox's. */
    record ReleaseIds() implements Undo {
        @Override
        public void run(String sandbox, Means means) throws IOException {
            means.releaseIds(sandbox);
        }

        @Override
        public void writeTo(JsonWriter out) {
            out.field("undo", "release-ids");
        }
    }

    /** Kills a process, if it is still the same. */
    record KillProcess(ProcessIdentity process) implements Undo {
        public KillProcess {
            requireNonNull(process, "process is null");
        }

        @Override
        public void run(String sandbox, Means means) throws IOException {
            means.kill(process);
        }

        @Override
        public void writeTo(JsonWriter out) {
            out.field("undo", "kill-process").object("process", fields -> StateJson.write(fields, process));
        }
    }

    /** Gives back a sandbox's name. */
    record ReleaseName(String name) implements Undo {
        public ReleaseName {
            requireNonNull(name, "name is null");
        }

        @Override
        public void run(String sandbox, Means means) {
            // it goes with the record
        }

        @Override
        public void writeTo(JsonWriter out) {
            out.field("undo", "release-name").field("name", name);
        }
    }

    /** Takes a volume off a place of the host, and the sandbox off the volume's users. */
    record UnmountVolume(String volume, String path) implements Undo {
        public UnmountVolume {
            requireNonNull(volume, "volume is null");
            requireNonNull(path, "path is null");
        }

        @Override
        public void run(String sandbox, Means means) throws IOException {
            means.releaseVolume(volume, sandbox);
        }

        @Override
        public void writeTo(JsonWriter out) {
            out.field("undo", "unmount-volume").field("volume", volume).field("path", path);
        }
    }

    /** Takes the sandbox off its network, and gives back its addresses and ports. */
    record LeaveNetwork(String network) implements Undo {
        public LeaveNetwork {
            requireNonNull(network, "network is null");
        }

        @Override
        public void run(String sandbox, Means means) throws IOException {
            means.leaveNetwork(sandbox);
        }

        @Override
        public void writeTo(JsonWriter out) {
            out.field("undo", "leave-network").field("network", network);
        }
    }

    /** Takes the sandbox off the users of its image. */
    record ReleaseImage() implements Undo {
        @Override
        public void run(String sandbox, Means means) throws IOException {
            means.releaseImage(sandbox);
        }

        @Override
        public void writeTo(JsonWriter out) {
            out.field("undo", "release-image");
        }
    }
}
