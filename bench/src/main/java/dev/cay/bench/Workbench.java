package dev.cay.bench;

import dev.cay.linux.Child;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Processes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What the cases of a run share: a directory of their own with a root file system, and programs to run. Closing it, or
 * the end of the process, removes all that was made, the last first.
 */
final class Workbench implements AutoCloseable {
    /** The command that everybody runs. */
    static final List<String> COMMAND = List.of("/bin/busybox", "true");

    private final Deque<Case.Step> undo = new ArrayDeque<>();
    private final Thread atExit = Thread.ofPlatform().name("bench-exit").unstarted(this::undoAll);
    private final Path directory;
    private final Path root;
    private final HostKernel kernel;
    private final Tools tools;
    private final Optional<Child> cgroup2Only;

    private Workbench() throws IOException {
        Path busybox = Tools.find("busybox")
                .orElseThrow(() -> new IOException("busybox is missing: apt-get install busybox-static"));
        directory = Files.createTempDirectory(
                "cay-bench-", PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        // Sandboxes with ids of their own have to get in, whatever the umask.
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
        onClose(() -> delete(directory));
        Runtime.getRuntime().addShutdownHook(atExit);
        root = rootFileSystem(directory.resolve("root"), busybox);
        kernel = new HostKernel();
        onClose(kernel::close);
        tools = new Tools(kernel);
        onClose(tools::close);
        Optional<Path> hybrid = Machine.hybridCgroups();
        cgroup2Only = hybrid.isEmpty()
                ? Optional.empty()
                : Optional.of(Machine.withCgroup2Only(kernel, hybrid.get(), hostBusybox()));
        cgroup2Only.ifPresent(holder -> onClose(() -> end(holder)));
    }

    static Workbench open() throws IOException {
        return new Workbench();
    }

    private static Path rootFileSystem(Path root, Path busybox) throws IOException {
        for (String folder : List.of("bin", "dev", "etc", "proc", "root", "sys", "tmp")) {
            Files.createDirectories(root.resolve(folder));
        }
        Files.copy(busybox, root.resolve("bin/busybox"));
        Files.writeString(root.resolve("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
        Files.writeString(root.resolve("etc/group"), "root:x:0:\n");
        try (Stream<Path> all = Files.walk(root)) {
            for (Path path : all.toList()) {
                boolean readable = !Files.isDirectory(path) && path.startsWith(root.resolve("etc"));
                Files.setPosixFilePermissions(
                        path, PosixFilePermissions.fromString(readable ? "rw-r--r--" : "rwxr-xr-x"));
            }
        }
        return root;
    }

    /** Packs what is in a directory as a tar archive in the directory of the run. */
    Path archive(Path contents, String name) throws IOException {
        Path archive = directory.resolve(name);
        tools.must(Tools.Command.of(
                hostBusybox().toString(), "tar", "-C", contents.toString(), "-cf", archive.toString(), "."));
        return archive;
    }

    Path directory() {
        return directory;
    }

    /** The root file system of every sandbox. */
    Path root() {
        return root;
    }

    Tools tools() {
        return tools;
    }

    /** The program of every sandbox, as seen from outside. */
    Path hostBusybox() {
        return root.resolve("bin/busybox");
    }

    /** On a machine with both versions of cgroups: a process that sees version 2 alone. */
    Optional<Child> cgroup2Only() {
        return cgroup2Only;
    }

    /** The floor of everything: vfork, execve, exit. */
    Case bareExec() {
        Tools.Command command = Tools.Command.of(hostBusybox().toString(), "true");
        return Case.here(Report.BARE_EXEC, () -> tools.run(command));
    }

    /** What Java offers. */
    Case processBuilder() {
        return Case.here("ProcessBuilder", () -> {
            int code =
                    new ProcessBuilder(hostBusybox().toString(), "true").start().waitFor();
            if (code != 0) {
                throw new IOException("exit code " + code);
            }
        });
    }

    /** Notes what is to be done in the end. */
    synchronized void onClose(Case.Step step) {
        undo.push(step);
    }

    private static void end(Child holder) throws IOException {
        holder.signal(Processes.SIGKILL);
        holder.await();
        holder.close();
    }

    /** Removes a file, or a directory with all that is in it. */
    static void delete(Path directory) throws IOException {
        try (Stream<Path> all = Files.walk(directory)) {
            for (Path path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    /**
     * Moves a file or directory out of the way, if there is one, to be removed in the end only: where many files have just been removed,
     * ext4 looks for an inode that is not one of theirs, for each new file again (recently_deleted() in its ialloc.c), and whatever makes
     * many files takes three times as long, whoever it is.
     */
    void setAside(Path path) throws IOException {
        if (Files.exists(path)) {
            Files.move(path, Files.createTempDirectory(directory, "aside").resolve("kept"));
        }
    }

    private synchronized void undoAll() {
        while (!undo.isEmpty()) {
            try {
                undo.pop().run();
            } catch (Exception e) {
                System.err.println("bench: cannot clean up: " + e);
            }
        }
    }

    @Override
    public void close() {
        undoAll();
        try {
            Runtime.getRuntime().removeShutdownHook(atExit);
        } catch (IllegalStateException e) {
            // the process is ending already, and the hook finds nothing to do
        }
    }
}
