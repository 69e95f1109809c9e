package dev.cay.engine.container;

import dev.cay.SandboxException;
import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Printable;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Finds the places in a sandbox that mounts go to, while its file systems still hang nowhere. Every name of a path is looked up on
 * its own, beneath a descriptor of ours, and every symlink is followed by hand: so it is known where in the sandbox a path really
 * leads, none leads out of it, and what is missing can be made there. Not thread-safe.
 *
 * <p>Names are bytes of which each is a character here, since those of an image need not be text.
 */
final class MountTargets {
    /** What every sandbox has of its own and mounts last, over whatever is there. */
    private static final Set<String> RESERVED = Set.of("dev", "proc", "sys");

    private static final int MAXIMUM_LINKS = 40;
    private static final int MAXIMUM_PATH = 4096;
    private static final byte[] ITSELF = {};

    private final Kernel kernel;
    private final Maker rootMaker;
    private final Map<String, Tree> trees = new HashMap<>();
    private final Set<String> taken = new HashSet<>();

    /** What is mounted at a place, and who makes what is missing in it. */
    private record Tree(Fd root, Maker maker) {}

    /**
     * As whom what is missing is made.
     *
     * @param asItself whether the host's root cannot make files there, as its id is none of those of the mount
     */
    record Maker(int user, int group, boolean asItself) {}

    /**
     * Where a mount goes to.
     *
     * @param path where that is in the sandbox, all symlinks followed
     */
    record Place(String path, Fd file) {}

    /** A file or directory on the way. */
    private record Step(String path, Fd file, boolean borrowed, Tree tree, FileStatus status) implements AutoCloseable {
        @Override
        public void close() {
            if (!borrowed) {
                file.close();
            }
        }
    }

    /** @param firstId the host's id of the sandbox's root, which owns what is made */
    MountTargets(Kernel kernel, Rootfs rootfs, int firstId) {
        this.kernel = kernel;
        rootMaker = new Maker(firstId, firstId, false);
        trees.put("", new Tree(rootfs.root(), rootMaker));
        rootfs.parts().forEach(part -> trees.put("/" + part.path(), new Tree(part.mount(), rootMaker)));
    }

    /** Who makes what is missing in the sandbox's own file systems. */
    Maker rootMaker() {
        return rootMaker;
    }

    /** Puts a mount at a place, so that others can go beneath it. */
    void put(Place place, Fd mount, Maker maker) {
        trees.put(place.path(), new Tree(mount, maker));
        taken.add(place.path());
    }

    /**
     * Finds a place and makes it if it is missing.
     *
     * @param directory whether a directory goes there
     * @throws SandboxException.InvalidSpec if nothing of the kind can go there
     */
    Place resolve(String target, boolean directory) throws SyscallException {
        Walk walk = new Walk(target, directory);
        try {
            return walk.run();
        } finally {
            walk.steps.forEach(Step::close);
        }
    }

    private final class Walk {
        private final String target;
        private final boolean directory;
        private final Deque<String> pending = new ArrayDeque<>();
        private final Deque<Step> steps = new ArrayDeque<>();
        private int links;

        Walk(String target, boolean directory) {
            this.target = target;
            this.directory = directory;
            push(new String(target.getBytes(StandardCharsets.UTF_8), StandardCharsets.ISO_8859_1));
        }

        /** Goes along a path before everything else. */
        private void push(String path) {
            List<String> names = Arrays.asList(path.split("/"));
            for (String name : names.reversed()) {
                pending.push(name);
            }
        }

        Place run() throws SyscallException {
            steps.push(mounted("", trees.get("")));
            while (!pending.isEmpty()) {
                String name = pending.pop();
                if (name.equals("..")) {
                    leave();
                } else if (!name.isEmpty() && !name.equals(".")) {
                    enter(name);
                }
            }
            Step end = steps.peek();
            if (end.status().isDirectory() != directory) {
                throw refused(
                        directory ? "there is no directory at that place" : "there is a directory at that place",
                        "mount " + (directory ? "a directory over a directory" : "a file over a file"));
            }
            if (end.path().isEmpty() || taken.stream().anyMatch(path -> isBeneath(path, end.path()))) {
                throw refused(
                        "it would cover another mount at " + text(end.path() + "/"),
                        "symlinks of the root file system lead there; choose another place");
            }
            return end.borrowed()
                    ? new Place(end.path(), reopen(end.file()))
                    : new Place(end.path(), steps.pop().file());
        }

        private void leave() {
            if (steps.size() > 1) {
                steps.pop().close();
            }
        }

        private void enter(String name) throws SyscallException {
            Step here = steps.peek();
            if (!here.status().isDirectory()) {
                throw refused(text(here.path()) + " is no directory", "choose another place");
            }
            if (here.path().isEmpty() && RESERVED.contains(name)) {
                throw refused(
                        "it leads to /" + name + ", which every sandbox has of its own",
                        "symlinks of the root file system lead there; choose another place");
            }
            String path = here.path() + "/" + name;
            Tree mounted = trees.get(path);
            if (mounted != null) {
                steps.push(mounted(path, mounted));
                return;
            }
            Step next = open(here, name, path).orElse(null);
            if (next == null) {
                make(here, name);
                next = open(here, name, path).orElseThrow(() -> refused(text(path) + " vanished", "try again"));
            }
            if (next.status().isLink()) {
                follow(next);
            } else {
                steps.push(next);
            }
        }

        private void follow(Step link) throws SyscallException {
            String path;
            try (link) {
                Arg.Buffer buffer = new Arg.Buffer(MAXIMUM_PATH);
                Op read = DirectoryOps.readLink(Arg.of(link.file()), ITSELF, buffer);
                Results results = kernel.run(OpList.of(read));
                path = new String(results.bytes(buffer), 0, (int) results.value(read), StandardCharsets.ISO_8859_1);
            }
            links++;
            if (links > MAXIMUM_LINKS) {
                throw refused("there are too many symlinks on the way", "choose another place");
            }
            while (path.startsWith("/") && steps.size() > 1) {
                leave();
            }
            push(path);
        }

        private Step mounted(String path, Tree tree) throws SyscallException {
            return new Step(path, tree.root(), true, tree, status(tree.root()));
        }

        private Optional<Step> open(Step here, String name, String path) throws SyscallException {
            Op open = DirectoryOps.open(
                            Arg.of(here.file()),
                            bytes(name),
                            FileOps.O_PATH | FileOps.O_NOFOLLOW,
                            FileOps.RESOLVE_BENEATH | FileOps.RESOLVE_NO_MAGICLINKS)
                    .tolerating(Errno.ENOENT);
            Arg.Buffer room = FileStatus.room();
            Op status = DirectoryOps.status(Arg.of(open), ITSELF, room).tolerating(Errno.EBADF);
            Results results = kernel.run(OpList.of(open, status));
            return results.failed(open)
                    ? Optional.empty()
                    : Optional.of(
                            new Step(path, results.fd(open), false, here.tree(), FileStatus.of(results.bytes(room))));
        }

        private void make(Step here, String name) throws SyscallException {
            boolean last = pending.stream().allMatch(rest -> rest.isEmpty() || rest.equals("."));
            Creation creation = new Creation(kernel, here.tree().maker());
            try {
                creation.make(here.file(), bytes(name), directory || !last);
            } catch (SyscallException e) {
                if (e.is(Errno.EROFS)) {
                    throw refused(
                            text(here.path() + "/" + name) + " does not exist, and nothing can be made there",
                            "make it beforehand, or choose a place that exists");
                }
                if (e.is(Errno.EACCES) || e.is(Errno.EOVERFLOW)) {
                    throw refused(
                            text(here.path() + "/" + name) + " does not exist, and the sandbox's user may not make it",
                            "make it in the directory that is mounted there");
                }
                throw e;
            }
        }

        private SandboxException refused(String reason, String hint) {
            return new SandboxException.InvalidSpec("nothing can be mounted at " + target + ": " + reason, hint);
        }
    }

    private FileStatus status(Fd file) throws SyscallException {
        Arg.Buffer room = FileStatus.room();
        return FileStatus.of(kernel.run(OpList.of(DirectoryOps.status(Arg.of(file), ITSELF, room)))
                .bytes(room));
    }

    /** A descriptor of its own of the root of a mount. */
    private Fd reopen(Fd root) throws SyscallException {
        Op open = DirectoryOps.open(Arg.of(root), bytes("."), FileOps.O_PATH, FileOps.RESOLVE_BENEATH);
        return kernel.run(OpList.of(open)).fd(open);
    }

    private static boolean isBeneath(String path, String top) {
        return path.equals(top) || path.startsWith(top + "/");
    }

    private static byte[] bytes(String name) {
        return name.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** For a message: what could move a terminal's cursor is not passed on. */
    private static String text(String path) {
        return Printable.text(bytes(path));
    }
}
