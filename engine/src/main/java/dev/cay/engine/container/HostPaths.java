package dev.cay.engine.container;

import dev.cay.Mount;
import dev.cay.SandboxException;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.FileStatus;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Which paths of the host a sandbox may see: not those that would give the host away, by mistake or by a symlink. What somebody
 * means he can have all the same, see {@link Mount.Bind#anywhere}.
 */
final class HostPaths {
    /** How much of a directory is refused. */
    private enum Extent {
        /** It and all below it. */
        ALL,
        /** It alone: what is below belongs to whoever mounts it. */
        ITSELF,
        /** It, and what is below for writing. */
        WRITING
    }

    private record Rule(String path, Extent extent, String reason) {}

    private static final String PROGRAMS = "the host's root runs the programs there";

    private static final List<Rule> RULES = List.of(
            new Rule("/", Extent.ITSELF, "that is the whole host"),
            new Rule("/boot", Extent.ALL, "the host boots from it"),
            new Rule("/dev", Extent.ALL, "its devices are those of the host"),
            new Rule("/etc", Extent.ALL, "it holds the host's users, passwords and services"),
            new Rule("/proc", Extent.ALL, "the host's processes are in it"),
            new Rule("/root", Extent.ALL, "the keys of the host's root are there"),
            new Rule("/run", Extent.ALL, "the sockets of the host's services are there"),
            new Rule("/sys", Extent.ALL, "it acts on the host's devices"),
            new Rule("/var/run", Extent.ALL, "the sockets of the host's services are there"),
            new Rule("/var/lib/cay", Extent.ALL, "the files of other sandboxes are there"),
            new Rule("/bin", Extent.WRITING, PROGRAMS),
            new Rule("/lib", Extent.WRITING, PROGRAMS),
            new Rule("/lib32", Extent.WRITING, PROGRAMS),
            new Rule("/lib64", Extent.WRITING, PROGRAMS),
            new Rule("/libx32", Extent.WRITING, PROGRAMS),
            new Rule("/sbin", Extent.WRITING, PROGRAMS),
            new Rule("/usr", Extent.WRITING, PROGRAMS),
            new Rule("/home", Extent.ITSELF, "the files of all users are there"),
            new Rule("/var", Extent.ITSELF, "the state of all the host's services is there"),
            new Rule("/var/lib", Extent.ITSELF, "the state of all the host's services is there"));

    private final Path host;

    /** @param host what the rules take as the host's root directory */
    HostPaths(Path host) {
        this.host = host;
    }

    /** The rules of this machine. */
    static HostPaths ofThisMachine() {
        return new HostPaths(Path.of("/"));
    }

    /**
     * Where a source really is: a path without symlinks, which has been found harmless.
     *
     * @throws SandboxException.InvalidSpec if it is missing, is nothing that can be mounted or gives the host away
     */
    Path require(Mount.Bind bind) {
        Path real;
        try {
            real = bind.source().toRealPath();
            requireKind(bind.source(), real);
            if (!bind.anywhere()) {
                Optional<Rule> broken = broken(real, bind.readOnly());
                if (broken.isPresent()) {
                    throw new SandboxException.InvalidSpec(
                            refusal(bind.source(), real) + ": " + broken.get().reason(),
                            hint(broken.get(), real) + "; --allow-host-path (Mount.Bind.anywhere) lifts this");
                }
            }
        } catch (NoSuchFileException e) {
            throw new SandboxException.InvalidSpec(
                    "the mount's source " + bind.source() + " does not exist", "make it, or correct the path");
        } catch (IOException e) {
            String reason = e instanceof FileSystemException failure && failure.getReason() != null
                    ? failure.getReason()
                    : e.getMessage();
            throw new SandboxException.InvalidSpec(
                    "the mount's source " + bind.source() + " cannot be used: " + reason, "correct the path");
        }
        return real;
    }

    private static void requireKind(Path source, Path real) throws IOException {
        int type = (int) Files.getAttribute(real, "unix:mode", LinkOption.NOFOLLOW_LINKS) & FileStatus.S_IFMT;
        if (!isMountable(type)) {
            throw new SandboxException.InvalidSpec(
                    "the mount's source " + source + " is a device", "a directory, a file or a socket can be mounted");
        }
    }

    /** Whether something of this type, a {@code S_IF*}, can be mounted. */
    static boolean isMountable(int type) {
        return type == FileStatus.S_IFDIR
                || type == FileStatus.S_IFREG
                || type == FileStatus.S_IFSOCK
                || type == DirectoryOps.S_IFIFO;
    }

    private static String refusal(Path source, Path real) {
        return "a sandbox does not get " + source + (source.equals(real) ? "" : ", which is " + real);
    }

    private static String hint(Rule rule, Path real) {
        return rule.extent() == Extent.WRITING && !real.toString().equals(rule.path())
                ? "mount it read-only"
                : "mount what is needed of it from another place";
    }

    /** Compares by the files themselves, too: a directory can be mounted at several places of the host. */
    private Optional<Rule> broken(Path real, boolean readOnly) throws IOException {
        for (Rule rule : RULES) {
            Path refused = host.resolve(rule.path().substring(1));
            boolean below = rule.extent() == Extent.ALL || rule.extent() == Extent.WRITING && !readOnly;
            for (Path path = real; path != null; path = below ? path.getParent() : null) {
                if (path.equals(refused) || Files.exists(refused) && Files.isSameFile(path, refused)) {
                    return Optional.of(rule);
                }
            }
        }
        return Optional.empty();
    }
}
