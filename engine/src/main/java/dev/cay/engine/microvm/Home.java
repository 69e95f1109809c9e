package dev.cay.engine.microvm;

import dev.cay.Limits;
import dev.cay.Size;
import dev.cay.Usage;
import dev.cay.engine.container.Container;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Poll;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Where a VMM runs. */
public interface Home {
    /** The first of the further descriptors that a program is given. */
    int FURTHER = Container.Streams.FURTHER;

    /**
     * What a VMM needs.
     *
     * @param readOnly files that it reads
     * @param writable files that it changes
     * @param limits the most it may use
     * @param kvm whether it uses KVM
     */
    record Needs(List<Path> readOnly, List<Path> writable, Limits limits, boolean kvm) {
        /** Threads of a VMM: one for each processor of the guest, and those that do its input and output. */
        private static final int PIDS = 256;

        public Needs {
            readOnly = List.copyOf(readOnly);
            writable = List.copyOf(writable);
        }

        /**
         * What it takes to run a machine.
         *
         * @param boots whether its kernel is read
         * @param more what the VMM needs besides the guest's memory
         */
        static Needs of(MachineSpec spec, boolean boots, Size more) {
            List<Path> readOnly = new ArrayList<>(boots ? List.of(spec.kernel(), spec.initramfs()) : List.of());
            List<Path> writable = new ArrayList<>();
            for (Disk disk : spec.disks()) {
                (disk.readOnly() ? readOnly : writable).add(disk.file());
            }
            Size memory = Size.bytes(spec.memory().bytes() + more.bytes());
            Limits limits = new Limits(
                    Optional.of(memory),
                    PIDS,
                    spec.limits().cpus(),
                    spec.limits().cpuWeight(),
                    spec.limits().io());
            return new Needs(readOnly, writable, limits, spec.acceleration() instanceof Acceleration.Kvm);
        }
    }

    /** Makes a command line, of how the files are called where it is read. */
    interface CommandLine {
        List<String> of(UnaryOperator<Path> seen);
    }

    /** A program that was started. */
    interface Guarded extends AutoCloseable {
        /** What to wait for: then {@link #poll} says how it ended. */
        Poll.Interest end();

        Optional<Child.Status> poll();

        void kill();

        /** How a file that it needs is called where it runs. */
        Path seen(Path file);

        /**
         * Listens where it runs, so that it, and nobody outside, can connect.
         *
         * @param name of the socket, in the directory in which it was started
         */
        Fd listen(String name) throws IOException;

        /** Connects to a socket of its own, called by the name that it has in the directory in which it was started. */
        Fd connect(String name) throws IOException;

        /** The number of the process with which it ends, and that ends with it. */
        long pid();

        /**
         * Has that process keep a file open for others of its owner, who find it by {@link HeldDisk#open}.
         *
         * @param socket where they come, in a directory that only its owner may enter
         */
        default void hold(HostKernel host, Fd file, Path socket) throws IOException {
            throw new IOException("nobody else can come to it");
        }

        /** The name of the control groups that it is in, if it has some of its own. */
        default Optional<String> group() {
            return Optional.empty();
        }

        /** What it has used so far. */
        Usage usage();

        /** Kills it if it runs, and takes its home away. */
        @Override
        void close();
    }

    /**
     * Starts a program.
     *
     * @param streams become its descriptors 0, 1 and 2, what is more than these those from {@link #FURTHER} on; the home's from now on
     */
    Guarded start(CommandLine command, Needs needs, List<Fd> streams) throws IOException;
}
