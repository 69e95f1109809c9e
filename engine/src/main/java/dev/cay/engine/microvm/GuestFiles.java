package dev.cay.engine.microvm;

import dev.cay.engine.container.GuestUser;
import dev.cay.engine.microvm.GuestMount.Options;
import dev.cay.linux.Arg;
import dev.cay.linux.Credentials;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OpenFile;
import dev.cay.linux.Results;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Operations on a guest's root file system, which is an image's and so nobody's friend: no path is followed out of it or through a
 * link of /proc, and what is written is never written into a file that was there.
 */
final class GuestFiles {
    private static final long RESOLVE = FileOps.RESOLVE_IN_ROOT | FileOps.RESOLVE_NO_MAGICLINKS;
    private static final int DIRECTORY = FileOps.O_PATH | FileOps.O_DIRECTORY;
    private static final String NEW = ".cay-new";
    private static final int REMOVE_DIRECTORY = 0x200;
    private static final int NAMES = 16 * 1024;
    private static final int PIECE = 64 * 1024;
    private static final int MAXIMUM_FILE = 4 << 20;

    private final OpList.Builder list = OpList.builder();
    private final Op root;
    private final Set<String> mounted;

    GuestFiles() {
        this("/");
    }

    /** @param root what is to become the guest's root */
    GuestFiles(String root) {
        this(root, Set.of());
    }

    /** @param mounted where nothing is mounted, as something is already */
    GuestFiles(Set<String> mounted) {
        this("/", mounted);
    }

    private GuestFiles(String root, Set<String> mounted) {
        this.mounted = mounted;
        this.root = list.add(FileOps.openResolved(root, DIRECTORY, FileOps.RESOLVE_NO_MAGICLINKS));
    }

    Op add(Op operation) {
        return list.add(operation);
    }

    /** All of it; nothing that it opened is open afterwards, and the working directory is the root. */
    OpList build() {
        list.add(FileOps.chdir("/"));
        list.add(FileOps.close(root));
        return list.build();
    }

    /** Opens a directory, to be closed by the caller; it and those above it are made where they are missing. */
    Op directory(String path, int mode) {
        Op above = root;
        for (int from = 1; from < path.length(); ) {
            int slash = path.indexOf('/', from);
            int to = slash < 0 ? path.length() : slash;
            list.add(FileOps.mkdir(Arg.of(above), path.substring(from, to), slash < 0 ? mode : 0755)
                    .tolerating(Errno.EEXIST));
            Op next = open(path.substring(0, to), DIRECTORY);
            if (above != root) {
                list.add(FileOps.close(above));
            }
            above = next;
            from = to + 1;
        }
        return above;
    }

    /** Makes a directory, and those above it, where they are missing. */
    void make(String path) {
        list.add(FileOps.close(directory(path, 0755)));
    }

    /** Makes a directory or an empty file, and the directories above it, where they are missing: they are somebody's. */
    void make(String path, boolean directory, GuestUser maker) {
        list.addAll(Credentials.makeFilesOf(maker.user(), maker.group()));
        list.add(FileOps.close(directory ? directory(path, 0755) : file(path)));
        list.addAll(Credentials.makeFilesOf(GuestUser.ROOT.user(), GuestUser.ROOT.group()));
    }

    /** A directory with exactly this mode; anything else that is there is an error. */
    void make(String path, int mode) {
        Op directory = directory(path, mode);
        list.add(FileOps.chmod(Arg.of(directory), ".", mode));
        list.add(FileOps.close(directory));
    }

    /** Opens what is there. */
    Op open(String path, int flags) {
        return list.add(FileOps.openBeneath(Arg.of(root), path.substring(1), flags, RESOLVE));
    }

    /** Mounts a file system on a directory, which is made if it is missing; no error if that very one is there already. */
    void mount(String source, String path, String type, long flags, String data) {
        if (mounted.contains(path)) { // the kernel makes a new /proc and a new tmpfs each time
            return;
        }
        enter(path);
        list.add(mountHere(source, path, type, flags, data).tolerating(Errno.EBUSY));
    }

    static Op mountHere(String source, String path, String type, long flags, String data) {
        return Mount.mountHere(source, type, flags, data, type + " -> " + path);
    }

    /** Takes down what is mounted on a directory, and removes that. */
    void unmount(String directory, String name) {
        enter(directory);
        list.add(Mount.unmount(name));
        Op above = directory(directory, 0755);
        list.add(FileOps.unlink(Arg.of(above), name, REMOVE_DIRECTORY));
        list.add(FileOps.close(above));
    }

    /** The same, with all that is mounted below it. */
    void detach(String directory, String name) {
        enter(directory);
        list.add(Mount.detach(name));
        Op above = directory(directory, 0755);
        list.add(FileOps.unlink(Arg.of(above), name, REMOVE_DIRECTORY));
        list.add(FileOps.close(above));
    }

    /**
     * Mounts a file or a directory of another mount there.
     *
     * @param source a path that is nobody's but the kernel's and ours
     */
    void share(String source, GuestMount.Share share) {
        String path = share.path();
        Op tree = list.add(Mount.cloneTree(source));
        list.add(Mount.isolate(Arg.of(tree), path, attributes(share.options())));
        Op place = share.directory() ? directory(path, 0755) : file(path);
        list.add(Mount.attachAt(Arg.of(tree), Arg.of(place), path));
        list.add(FileOps.close(place));
        list.add(FileOps.close(tree));
    }

    /** Makes a directory, which is made if it is missing, a mount of its own, of which the same can be changed as before. */
    void mountOnItself(String path) {
        Op place = directory(path, 0755);
        Op tree = list.add(Mount.cloneTree(Arg.of(place), path));
        list.add(Mount.attachAt(Arg.of(tree), Arg.of(place), path));
        list.add(FileOps.close(tree));
        list.add(FileOps.close(place));
    }

    private static long attributes(Options options) {
        return Mount.ATTR_NOSUID
                | Mount.ATTR_NODEV
                | (options.readOnly() ? Mount.ATTR_RDONLY : 0)
                | (options.executable() ? 0 : Mount.ATTR_NOEXEC);
    }

    /** Opens a file, to be closed by the caller; it is made empty, and the directories above it, where they are missing. */
    private Op file(String path) {
        int slash = path.lastIndexOf('/');
        Op above = slash == 0 ? root : directory(path.substring(0, slash), 0755);
        provide(above, path.substring(slash + 1), "");
        if (above != root) {
            list.add(FileOps.close(above));
        }
        return open(path, FileOps.O_PATH);
    }

    /** Mounts a disk there, which must have one of these file systems. */
    void mountDisk(String device, String path, List<String> types, Options options) {
        enter(path);
        disk(device, path, types, options).forEach(list::add);
        enter(path); // what has been mounted there, and then this is no error
        long flags = Mount.MS_REMOUNT | Mount.MS_BIND | GuestPlan.flags(options);
        list.add(Mount.changeHere(flags, device + " -> " + path));
    }

    /**
     * Tries to mount a disk on the working directory. One that is mounted is nobody else's, so after the first success the others
     * fail; and whether there was one has to be found out.
     */
    static List<Op> disk(String device, String path, List<String> types, Options options) {
        return types.stream()
                .map(type -> mountHere(device, path, type, GuestPlan.flags(options), data(type, options)))
                .map(mount -> mount.tolerating(Errno.EINVAL, Errno.EBUSY, Errno.ENODEV, Errno.EUCLEAN))
                .toList();
    }

    /** A journal is not played back onto what must not change. */
    private static String data(String type, Options options) {
        return List.of("ext4", "ext3").contains(type) && options.readOnly() ? "noload" : "";
    }

    /** Changes into a directory, which is made if it is missing. */
    void enter(String path) {
        Op directory = directory(path, 0755);
        list.add(FileOps.fchdir(Arg.of(directory), path));
        list.add(FileOps.close(directory));
    }

    /** Puts a file there, whole and on the disk, in the place of whatever has its name. */
    void replace(Op directory, String name, byte[] content, int mode) {
        Arg at = Arg.of(directory);
        list.add(FileOps.unlink(at, NEW, 0).tolerating(Errno.ENOENT));
        Op file = list.add(create(at, NEW, mode));
        list.add(OpenFile.changeMode(Arg.of(file), name, mode)); // the umask has had its say
        list.add(FileOps.write(Arg.of(file), name, content));
        list.add(OpenFile.sync(Arg.of(file), name));
        list.add(FileOps.close(file));
        byte[] from = NEW.getBytes(StandardCharsets.US_ASCII);
        list.add(DirectoryOps.rename(at, from, at, name.getBytes(StandardCharsets.UTF_8)));
    }

    void replace(Op directory, String name, String text) {
        replace(directory, name, text.getBytes(StandardCharsets.UTF_8), 0644);
    }

    /**
     * What a file of the guest has, byte for byte; empty if there is none that can be opened.
     *
     * @throws IOException if it cannot be read, or is longer than anything of its kind
     */
    static Optional<String> read(Kernel guest, String path) throws IOException {
        Op root = FileOps.openResolved("/", DIRECTORY, FileOps.RESOLVE_NO_MAGICLINKS);
        Op open = FileOps.openBeneath(Arg.of(root), path.substring(1), FileOps.O_RDONLY | FileOps.O_NONBLOCK, RESOLVE)
                .tolerating(Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.EACCES);
        Results opened = guest.run(OpList.of(root, open, FileOps.close(root)));
        if (opened.failed(open)) {
            return Optional.empty();
        }
        StringBuilder text = new StringBuilder();
        try (Fd file = opened.fd(open)) {
            while (true) {
                Arg.Buffer piece = new Arg.Buffer(PIECE);
                Op read = FileOps.read(Arg.of(file), piece);
                Results results = guest.run(OpList.of(read));
                int length = (int) results.value(read);
                if (length == 0) {
                    return Optional.of(text.toString());
                }
                text.append(new String(results.bytes(piece), 0, length, StandardCharsets.ISO_8859_1));
                if (text.length() > MAXIMUM_FILE) {
                    throw new IOException(path + " has more than " + MAXIMUM_FILE + " bytes");
                }
            }
        }
    }

    /** The names in a directory, of those that are ordinary text and as many as fit into some kilobytes; none if there is no directory. */
    static List<String> list(Kernel guest, String path) throws IOException {
        Op root = FileOps.openResolved("/", DIRECTORY, FileOps.RESOLVE_NO_MAGICLINKS);
        Op open = FileOps.openBeneath(Arg.of(root), path.substring(1), FileOps.O_RDONLY | FileOps.O_DIRECTORY, RESOLVE)
                .tolerating(Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.EACCES);
        Arg.Buffer entries = new Arg.Buffer(NAMES);
        Op read = DirectoryOps.entries(Arg.of(open), entries).tolerating(Errno.EBADF);
        Op close = FileOps.close(open).tolerating(Errno.EBADF);
        Results results = guest.run(OpList.of(root, open, FileOps.close(root), read, close));
        List<DirectoryOps.Entry> found = results.failed(read)
                ? List.of()
                : DirectoryOps.entries(results.bytes(entries), (int) results.value(read));
        return found.stream()
                .map(entry -> new String(entry.name(), StandardCharsets.US_ASCII))
                .filter(name -> name.matches("[A-Za-z0-9._+-]+"))
                .sorted()
                .toList();
    }

    /** Puts a file there if nothing has its name. */
    void provide(Op directory, String name, String text) {
        Op file = list.add(create(Arg.of(directory), name, 0644).tolerating(Errno.EEXIST));
        list.add(FileOps.write(Arg.of(file), name, text).tolerating(Errno.EBADF));
        list.add(FileOps.close(file).tolerating(Errno.EBADF));
    }

    private static Op create(Arg directory, String name, int mode) {
        int flags = FileOps.O_WRONLY | FileOps.O_CREAT | FileOps.O_EXCL | FileOps.O_NOFOLLOW;
        return FileOps.openAt(directory, name, flags, mode);
    }

    /** Writes to a file of the kernel's. */
    void tell(String path, String text) {
        Op file = list.add(FileOps.open(path, FileOps.O_WRONLY));
        list.add(FileOps.write(Arg.of(file), path, text));
        list.add(FileOps.close(file));
    }
}
