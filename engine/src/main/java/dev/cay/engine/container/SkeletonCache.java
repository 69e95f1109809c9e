package dev.cay.engine.container;

import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.FileStatus;
import dev.cay.linux.Kernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The skeletons that engines have made of this machine since it was started: to gather its hundreds of links and files takes a
 * cold JVM a fifth of its life.
 *
 * <p>{@code HASH/} is a skeleton, called by its content, so a machine whose {@code /etc} is touched often gets no new one. What is
 * there is never changed nor removed: it is the lower layer of sandboxes that outlive their engines. {@code manifest} says which is
 * the current one and how each file and directory was that it was made of: a line {@code SIZE:TIME:MODE PATH} for each.
 *
 * @param directory in memory, and nobody's but the host's root
 */
record SkeletonCache(Kernel kernel, Path directory) {
    private static final String BORN = ".new";

    /** A lock of a file is the whole process's. */
    private static final ReentrantLock RENEWING = new ReentrantLock();

    /** The current one: a detached mount. */
    Fd mount() throws IOException {
        Optional<Fd> known = known();
        return known.isPresent() ? known.get() : renew();
    }

    /** Empty if there is none, or something has changed since it was made. */
    private Optional<Fd> known() throws IOException {
        List<String> lines;
        try {
            lines = Files.readAllLines(directory.resolve("manifest"), StandardCharsets.UTF_8);
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
        OpList.Builder list = OpList.builder();
        List<Op> looks = new ArrayList<>(lines.size());
        List<Arg.Buffer> rooms = new ArrayList<>(lines.size());
        for (String line : lines.subList(Math.min(1, lines.size()), lines.size())) {
            Arg.Buffer room = FileStatus.room();
            byte[] path = line.substring(line.indexOf(' ') + 1).getBytes(StandardCharsets.UTF_8);
            rooms.add(room);
            looks.add(list.add(DirectoryOps.status(Arg.of(0), path, room).tolerating(Errno.ENOENT, Errno.ENOTDIR)));
        }
        if (looks.isEmpty()) {
            return Optional.empty();
        }
        Results results = kernel.run(list.build());
        for (int i = 0; i < looks.size(); i++) {
            String now = results.failed(looks.get(i)) ? HostSkeleton.MISSING : status(results.bytes(rooms.get(i)));
            if (!lines.get(i + 1).startsWith(now + " ")) {
                return Optional.empty();
            }
        }
        return mount(lines.getFirst());
    }

    private static String status(byte[] statx) {
        FileStatus status = FileStatus.of(statx);
        return HostSkeleton.status(status.size(), status.modified(), status.permissions() & HostSkeleton.PERMISSIONS);
    }

    private Optional<Fd> mount(String name) throws SyscallException {
        Op clone = Mount.cloneTree(directory.resolve(name).toString());
        try {
            return Optional.of(kernel.run(OpList.of(
                            clone, Mount.restrict(Arg.of(clone), "skeleton", Mount.ATTR_NOSUID | Mount.ATTR_NODEV)))
                    .fd(clone));
        } catch (SyscallException e) {
            if (e.is(Errno.ENOENT)) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private Fd renew() throws IOException {
        RENEWING.lock();
        try {
            return renewLocked();
        } finally {
            RENEWING.unlock();
        }
    }

    private Fd renewLocked() throws IOException {
        Files.createDirectories(
                directory, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        try (FileChannel lock =
                FileChannel.open(directory.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            lock.lock();
            Path born = directory.resolve(BORN);
            delete(born); // of somebody who was killed meanwhile
            Files.createDirectory(born);
            Op open = FileOps.open(born.toString(), FileOps.O_PATH | FileOps.O_DIRECTORY);
            HostSkeleton.Made made;
            try (Fd place = kernel.run(OpList.of(open)).fd(open)) {
                kernel.run(OpList.of(FileOps.chmod(Arg.of(place), ".", 0755)));
                made = HostSkeleton.build(kernel, place);
            }
            String name = hash(made.content());
            if (Files.exists(directory.resolve(name), LinkOption.NOFOLLOW_LINKS)) {
                delete(born);
            } else {
                Files.move(born, directory.resolve(name), StandardCopyOption.ATOMIC_MOVE);
            }
            StringBuilder manifest = new StringBuilder(name).append('\n');
            for (Map.Entry<String, String> source : made.sources().entrySet()) {
                manifest.append(source.getValue())
                        .append(' ')
                        .append(source.getKey())
                        .append('\n');
            }
            Path written = Files.writeString(directory.resolve("manifest.new"), manifest);
            Files.move(written, directory.resolve("manifest"), StandardCopyOption.ATOMIC_MOVE);
            return mount(name).orElseThrow(() -> new IOException("somebody has removed " + directory.resolve(name)));
        }
    }

    private static String hash(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content), 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    /** As deep as {@link HostSkeleton} goes. */
    private static void delete(Path path) throws IOException {
        if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(path)) {
                for (Path entry : entries) {
                    delete(entry);
                }
            }
        }
        Files.deleteIfExists(path);
    }
}
