package dev.cay.engine.container;

import dev.cay.engine.container.Hierarchies.Controller;
import dev.cay.engine.state.HostFailure;
import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The control groups under which one engine makes those of its sandboxes: {@code cay/ENGINE} in every tree. Thread-safe.
 *
 * @param unified the directory in the version 2 tree
 * @param legacy the directories in the version 1 trees
 * @param borrowed whether it is for one sandbox of another engine, and goes when that is let go of
 */
record CgroupParent(
        Kernel kernel, Hierarchies hierarchies, String engine, Fd unified, Map<Controller, Fd> legacy, boolean borrowed)
        implements Group.Source {
    private static final long LOOK_NANOSECONDS = 5_000_000;

    /** For how long what has just been killed may take to end. */
    private static final long PATIENCE_NANOSECONDS = 1_000_000_000L;

    static final String GROUP = "cay";

    /** In place of an engine: where the groups of those sandboxes are that outlive theirs. */
    static final String DETACHED = "detached";

    static CgroupParent create(Kernel kernel, Hierarchies hierarchies, String engine) throws IOException {
        enableControllers(hierarchies, engine);
        return open(kernel, hierarchies, engine, false);
    }

    /** Those of another engine, which has made them; only to open what it made there. */
    static CgroupParent borrow(Kernel kernel, Hierarchies hierarchies, String engine) throws SyscallException {
        return open(kernel, hierarchies, engine, true);
    }

    private static CgroupParent open(Kernel kernel, Hierarchies hierarchies, String engine, boolean borrowed)
            throws SyscallException {
        OpList.Builder list = OpList.builder();
        Op unified = openGroup(list, hierarchies.unified(), engine, borrowed);
        Map<Controller, Op> legacy = new EnumMap<>(Controller.class);
        hierarchies
                .legacy()
                .forEach((controller, tree) -> legacy.put(controller, openGroup(list, tree, engine, borrowed)));
        Results results = kernel.run(list.build());
        Map<Controller, Fd> descriptors = new EnumMap<>(Controller.class);
        legacy.forEach((controller, op) -> descriptors.put(controller, results.fd(op)));
        return new CgroupParent(kernel, hierarchies, engine, results.fd(unified), descriptors, borrowed);
    }

    private static Op openGroup(OpList.Builder list, Path tree, String engine, boolean made) {
        Op root = list.add(FileOps.open(tree.toString(), FileOps.O_PATH | FileOps.O_DIRECTORY));
        String path = GROUP + "/" + engine;
        if (!made) {
            list.add(FileOps.mkdir(Arg.of(root), GROUP, 0755).tolerating(Errno.EEXIST));
            list.add(FileOps.mkdir(Arg.of(root), path, 0755).tolerating(Errno.EEXIST));
        }
        Op group = list.add(FileOps.openAt(Arg.of(root), path, FileOps.O_PATH | FileOps.O_DIRECTORY, 0));
        list.add(FileOps.close(root));
        return group;
    }

    /** Version 2 hands controllers down from group to group; the sandboxes' own groups are leaves as far as limits go. */
    private static void enableControllers(Hierarchies hierarchies, String engine) throws IOException {
        Path group = hierarchies.unified();
        Set<String> available = Set.of(
                Files.readString(group.resolve("cgroup.controllers")).trim().split(" "));
        StringBuilder wanted = new StringBuilder();
        for (Controller controller : Controller.values()) {
            if (!hierarchies.isLegacy(controller) && available.contains(controller.unifiedName())) {
                wanted.append('+').append(controller.unifiedName()).append(' ');
            }
        }
        if (wanted.isEmpty()) {
            return;
        }
        for (String name : new String[] {"", GROUP, engine}) {
            group = group.resolve(name);
            Files.createDirectories(group);
            Files.writeString(
                    group.resolve("cgroup.subtree_control"), wanted.toString().trim());
        }
    }

    /** Where a controller's files of a group are. */
    Fd directory(Controller controller) {
        return legacy.getOrDefault(controller, unified);
    }

    boolean isLegacy(Controller controller) {
        return legacy.containsKey(controller);
    }

    /**
     * Kills whatever still runs in the groups of an engine that is gone, and removes them.
     *
     * @param deadline of {@link System#nanoTime}, until when what has been killed may take to end
     * @throws IOException the first failure, when the others have been removed
     */
    static void sweep(Hierarchies hierarchies, String engine, long deadline) throws IOException {
        List<Path> trees = new ArrayList<>(Set.copyOf(hierarchies.legacy().values()));
        trees.addFirst(hierarchies.unified());
        removeAll(
                trees.stream().map(tree -> tree.resolve(GROUP).resolve(engine)).toList(), deadline);
    }

    private static void removeAll(Iterable<Path> groups, long deadline) throws IOException {
        IOException failure = null;
        for (Path group : groups) {
            try {
                removeTree(group, deadline);
            } catch (IOException e) {
                failure = failure == null ? e : failure;
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    @Override
    public Group create(String name, boolean limitedIo, int stubId) throws SyscallException {
        return Cgroup.create(this, name, limitedIo, stubId);
    }

    @Override
    public Group open(String name, boolean limitedIo, int stubId) {
        return Cgroup.open(this, name, limitedIo, stubId);
    }

    @Override
    public boolean exists(String name) {
        return hierarchies.exists(name);
    }

    @Override
    public void remove(String name) throws IOException {
        sweep(hierarchies, engine + "/" + name, System.nanoTime() + PATIENCE_NANOSECONDS);
    }

    /** Where one of ours is in the version 2 tree. */
    Path path(String name) {
        return hierarchies.unified().resolve(GROUP).resolve(engine).resolve(name);
    }

    /** The names of the groups in one of ours. */
    List<String> children(String name) {
        List<String> children = new ArrayList<>();
        Path group = path(name);
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(group, Files::isDirectory)) {
            entries.forEach(entry -> children.add(entry.getFileName().toString()));
        } catch (NoSuchFileException e) {
            // it has just been removed
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return children;
    }

    private static void removeTree(Path group, long deadline) throws IOException {
        try {
            Files.deleteIfExists(group); // most are empty by then
            return;
        } catch (IOException e) {
            // it is not
        }
        Path kill = group.resolve("cgroup.kill");
        try {
            Files.writeString(kill, "1", StandardOpenOption.WRITE);
        } catch (IOException e) {
            if (Files.exists(kill)) { // a version 1 tree has none, and another may be removing the same
                throw e;
            }
        }
        try (DirectoryStream<Path> children = Files.newDirectoryStream(group, Files::isDirectory)) {
            removeAll(children, deadline);
        } catch (NoSuchFileException e) {
            return; // another was faster
        }
        removeGroup(group, deadline);
    }

    /** A group whose processes have just been killed is busy for a moment. */
    private static void removeGroup(Path group, long deadline) throws IOException {
        while (true) {
            try {
                Files.delete(group);
                return;
            } catch (NoSuchFileException e) {
                return;
            } catch (IOException e) {
                if (System.nanoTime() - deadline >= 0) {
                    throw new IOException(
                            "what has been killed in the control group " + group + " does not end: "
                                    + HostFailure.text(e),
                            e);
                }
                java.util.concurrent.locks.LockSupport.parkNanos(LOOK_NANOSECONDS);
            }
        }
    }

    @Override
    public void close() {
        closeDescriptors();
        if (engine.equals(DETACHED)) {
            return; // they are nobody's
        }
        try {
            sweep(hierarchies, engine, System.nanoTime() + PATIENCE_NANOSECONDS);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private void closeDescriptors() {
        unified.close();
        legacy.values().forEach(Fd::close);
    }

    /** Nobody needs the groups of a sandbox any more. */
    void letGo() {
        if (borrowed) {
            closeDescriptors();
        }
    }

    /** Throws a failure to write a limit as what it is: the limit and the kernel's answer. */
    Results run(OpList list) throws SyscallException {
        return kernel.run(list);
    }
}
