package dev.cay.engine.container;

import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.ArrayList;
import java.util.List;

/**
 * The lower layer of a sandbox that sees the machine's own programs: directories, links like the host's {@code /bin}, and an
 * {@code /etc} with what programs need. It is a file system in memory, filled once per engine and shared, read-only, by all
 * its sandboxes. Of {@code /etc} only what is listed here is copied, and of that only what every user may read.
 */
final class HostSkeleton {
    /** Directories of the host that come as a layer of their own, and links that are made as they are there. */
    private static final List<String> PROGRAMS = List.of("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32");

    private static final List<String> DIRECTORIES = List.of(
            "dev",
            "etc",
            "home",
            "media",
            "mnt",
            "opt",
            "proc",
            "run",
            "run/lock",
            "srv",
            "sys",
            "var",
            "var/cache",
            "var/lib",
            "var/log",
            "var/spool");

    private static final List<String> FILES = List.of(
            "bash.bashrc",
            "debian_version",
            "ethertypes",
            "gai.conf",
            "host.conf",
            "inputrc",
            "ld.so.cache",
            "ld.so.conf",
            "localtime",
            "login.defs",
            "lsb-release",
            "magic",
            "mime.types",
            "networks",
            "os-release",
            "profile",
            "protocols",
            "rpc",
            "services",
            "shells",
            "ssl/cert.pem",
            "ssl/openssl.cnf",
            "timezone");

    private static final List<String> TREES = List.of(
            "alternatives",
            "crypto-policies",
            "ld.so.conf.d",
            "perl",
            "pki/ca-trust/extracted",
            "pki/tls/certs",
            "ssl/certs",
            "terminfo");

    /** Trees whose names carry a version. */
    private static final List<String> VERSIONED = List.of("java", "python");

    private static final String PASSWD = """
            root:x:0:0:root:/root:/bin/sh
            daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
            bin:x:2:2:bin:/bin:/usr/sbin/nologin
            sys:x:3:3:sys:/dev:/usr/sbin/nologin
            user:x:1000:1000:user:/home/user:/bin/sh
            nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
            """;

    private static final String GROUP = """
            root:x:0:
            daemon:x:1:
            bin:x:2:
            sys:x:3:
            adm:x:4:
            tty:x:5:
            disk:x:6:
            mail:x:8:
            utmp:x:43:
            staff:x:50:
            users:x:100:
            user:x:1000:
            nogroup:x:65534:
            """;

    private static final String NSSWITCH = """
            passwd:    files
            group:     files
            shadow:    files
            hosts:     files dns
            networks:  files
            protocols: files
            services:  files
            """;

    private static final int MAXIMUM_DEPTH = 8;
    private static final Path ETC = Path.of("/etc");

    private final OpList.Builder list = OpList.builder();
    private final Op mount;

    private HostSkeleton() {
        Op context = list.add(Mount.fsopen("tmpfs"));
        list.add(Mount.set(context, "mode", "0755"));
        list.add(Mount.create(context));
        mount = list.add(Mount.fsmount(context, Mount.ATTR_NOSUID | Mount.ATTR_NODEV));
        list.add(FileOps.close(context));
    }

    /** The directories of the host that are visible besides the skeleton: those of {@link #PROGRAMS} that are no links. */
    static List<String> programDirectories() {
        return PROGRAMS.stream()
                .filter(name -> Files.isDirectory(Path.of("/" + name), LinkOption.NOFOLLOW_LINKS))
                .toList();
    }

    /** Builds it: a detached mount. */
    static Fd build(Kernel kernel, boolean hostNetwork) throws SyscallException, IOException {
        HostSkeleton skeleton = new HostSkeleton();
        skeleton.directories();
        skeleton.generated(hostNetwork);
        for (String name : FILES) {
            skeleton.copy(ETC.resolve(name), 0);
        }
        for (String name : TREES) {
            skeleton.copy(ETC.resolve(name), 0);
        }
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(ETC)) {
            for (Path entry : entries) {
                String name = entry.getFileName().toString();
                if (VERSIONED.stream().anyMatch(name::startsWith)) {
                    skeleton.copy(entry, 0);
                }
            }
        }
        return kernel.run(skeleton.list.build()).fd(skeleton.mount);
    }

    /** The layer that lies over whatever root a sandbox has that is on a network of this machine. */
    static Fd names(Kernel kernel, NameFiles names) throws SyscallException {
        HostSkeleton skeleton = new HostSkeleton();
        for (String name : List.of("dev", "etc", "proc", "sys")) {
            skeleton.directory(name, 0755);
        }
        skeleton.text("etc/hosts", names.hosts());
        skeleton.text("etc/resolv.conf", names.resolver());
        skeleton.text("etc/hostname", names.hostname());
        return kernel.run(skeleton.list.build()).fd(skeleton.mount);
    }

    private void text(String path, String content) {
        file(path, content.getBytes(StandardCharsets.US_ASCII), 0644);
    }

    /**
     * The layer that lies over an image: the directories that a sandbox mounts on and that nobody else fills, and the files of
     * {@code /etc} that are about the sandbox.
     */
    static Fd names(Kernel kernel, boolean hostNetwork) throws SyscallException, IOException {
        HostSkeleton skeleton = new HostSkeleton();
        for (String name : List.of("dev", "etc", "proc", "sys")) {
            skeleton.directory(name, 0755);
        }
        skeleton.names(hostNetwork);
        return kernel.run(skeleton.list.build()).fd(skeleton.mount);
    }

    private void directories() throws IOException {
        for (String name : DIRECTORIES) {
            directory(name, 0755);
        }
        directory("root", 0700);
        directory("tmp", 01777);
        directory("var/tmp", 01777);
        directory("home/user", 0755);
        // Where an ordinary user has a single id there is no such one.
        list.add(FileOps.chown(Arg.of(mount), "home/user", 1000, 1000).tolerating(Errno.EINVAL));
        link("/run", "var/run");
        link("/run/lock", "var/lock");
        link("/proc/self/mounts", "etc/mtab");
        for (String name : PROGRAMS) {
            Path path = Path.of("/" + name);
            if (Files.isSymbolicLink(path)) {
                link(Files.readSymbolicLink(path).toString(), name);
            } else if (Files.isDirectory(path)) {
                directory(name, 0755);
            }
        }
    }

    private void generated(boolean hostNetwork) throws IOException {
        file("etc/passwd", PASSWD.getBytes(StandardCharsets.US_ASCII), 0644);
        file("etc/group", GROUP.getBytes(StandardCharsets.US_ASCII), 0644);
        file("etc/nsswitch.conf", NSSWITCH.getBytes(StandardCharsets.US_ASCII), 0644);
        names(hostNetwork);
    }

    private void names(boolean hostNetwork) throws IOException {
        text("etc/hosts", NameFiles.LOOPBACK);
        Path resolver = ETC.resolve("resolv.conf");
        file(
                "etc/resolv.conf",
                hostNetwork && Files.exists(resolver) ? Files.readAllBytes(resolver) : new byte[0],
                0644);
    }

    /** Copies a file, a link as a link, or a directory with what is in it. */
    private void copy(Path source, int depth) throws IOException {
        String target = source.toString().substring(1);
        if (!Files.exists(source, LinkOption.NOFOLLOW_LINKS) || depth > MAXIMUM_DEPTH) {
            return;
        }
        if (depth == 0) {
            parents(ETC.relativize(source));
        }
        PosixFileAttributes attributes =
                Files.readAttributes(source, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        if (attributes.isSymbolicLink()) {
            link(Files.readSymbolicLink(source).toString(), target);
        } else if (!attributes.permissions().contains(PosixFilePermission.OTHERS_READ)) {
            return;
        } else if (attributes.isRegularFile()) {
            file(
                    target,
                    Files.readAllBytes(source),
                    attributes.permissions().contains(PosixFilePermission.OTHERS_EXECUTE) ? 0755 : 0644);
        } else if (attributes.isDirectory()) {
            directory(target, 0755);
            try (DirectoryStream<Path> entries = Files.newDirectoryStream(source)) {
                for (Path entry : entries) {
                    copy(entry, depth + 1);
                }
            }
        }
    }

    private final List<Path> made = new ArrayList<>();

    private void parents(Path relative) {
        for (int names = 1; names < relative.getNameCount(); names++) {
            Path parent = relative.subpath(0, names);
            if (!made.contains(parent)) {
                made.add(parent);
                directory("etc/" + parent, 0755);
            }
        }
    }

    private void directory(String path, int mode) {
        list.add(FileOps.mkdir(Arg.of(mount), path, 0700));
        list.add(FileOps.chmod(Arg.of(mount), path, mode));
    }

    private void link(String target, String path) {
        list.add(FileOps.symlink(target, Arg.of(mount), path));
    }

    private void file(String path, byte[] content, int mode) {
        Op file = list.add(
                FileOps.openAt(Arg.of(mount), path, FileOps.O_WRONLY | FileOps.O_CREAT | FileOps.O_EXCL, 0600));
        list.add(FileOps.write(Arg.of(file), path, content));
        list.add(FileOps.close(file));
        list.add(FileOps.chmod(Arg.of(mount), path, mode));
    }
}
