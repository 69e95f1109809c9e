package dev.cay.engine.container;

import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

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

    /** The first of the permissions; the others follow bit by bit. */
    private static final int OWNER_READ = 0400;

    static final int PERMISSIONS = 0777;
    private static final Path ETC = Path.of("/etc");

    /** In the place of a {@link #status}: there is no such file. */
    static final String MISSING = "-";

    private final OpList.Builder list;
    private final Arg place;
    private final ByteArrayOutputStream content = new ByteArrayOutputStream();
    private final Map<String, String> sources = new LinkedHashMap<>();

    /** @param list what has been done before, among it what makes the place */
    private HostSkeleton(OpList.Builder list, Arg place) {
        this.list = list;
        this.place = place;
    }

    /** Makes the list that fills a file system in memory. */
    private interface Filling {
        void fill(HostSkeleton skeleton) throws IOException;
    }

    private static Fd inMemory(Kernel kernel, Filling filling) throws IOException {
        OpList.Builder list = OpList.builder();
        Op context = list.add(Mount.fsopen("tmpfs"));
        list.add(Mount.set(context, "mode", "0755"));
        list.add(Mount.create(context));
        Op mount = list.add(Mount.fsmount(context, Mount.ATTR_NOSUID | Mount.ATTR_NODEV));
        list.add(FileOps.close(context));
        filling.fill(new HostSkeleton(list, Arg.of(mount)));
        return kernel.run(list.build()).fd(mount);
    }

    /**
     * A skeleton, and what it was made of.
     *
     * @param content the same if and only if the skeleton is
     * @param sources for each file and directory of the host its {@link #status}, or {@link #MISSING}
     */
    record Made(byte[] content, Map<String, String> sources) {}

    /** By what it is seen that a file has changed: its size, the time of its last change and who may do what with it. */
    static String status(long size, Instant modified, int permissions) {
        return size + ":" + modified.getEpochSecond() + "." + modified.getNano() + ":"
                + Integer.toOctalString(permissions);
    }

    private static String status(PosixFileAttributes attributes) {
        int permissions = 0;
        for (PosixFilePermission permission : attributes.permissions()) {
            permissions |= OWNER_READ >> permission.ordinal();
        }
        return status(attributes.size(), attributes.lastModifiedTime().toInstant(), permissions);
    }

    /** The directories of the host that are visible besides the skeleton: those of {@link #PROGRAMS} that are no links. */
    static List<String> programDirectories() {
        return PROGRAMS.stream()
                .filter(name -> Files.isDirectory(Path.of("/" + name), LinkOption.NOFOLLOW_LINKS))
                .toList();
    }

    /** Builds it: a detached mount. */
    static Fd build(Kernel kernel, boolean hostNetwork) throws IOException {
        return inMemory(kernel, skeleton -> skeleton.everything(hostNetwork));
    }

    /** Builds it in an empty directory. */
    static Made build(Kernel kernel, Fd directory) throws IOException {
        HostSkeleton skeleton = new HostSkeleton(OpList.builder(), Arg.of(directory));
        skeleton.everything(false);
        kernel.run(skeleton.list.build());
        return new Made(skeleton.content.toByteArray(), skeleton.sources);
    }

    private void everything(boolean hostNetwork) throws IOException {
        directories();
        generated(hostNetwork);
        for (String name : FILES) {
            copy(ETC.resolve(name), 0);
        }
        for (String name : TREES) {
            copy(ETC.resolve(name), 0);
        }
        note(ETC);
        List<Path> versioned = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(ETC)) {
            for (Path entry : entries) {
                String name = entry.getFileName().toString();
                if (VERSIONED.stream().anyMatch(name::startsWith)) {
                    versioned.add(entry);
                }
            }
        }
        versioned.sort(null);
        for (Path path : versioned) {
            copy(path, 0);
        }
    }

    /** Remembers how a file is before it is looked into. */
    private void note(Path source) throws IOException {
        try {
            sources.put(
                    source.toString(),
                    status(Files.readAttributes(source, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS)));
        } catch (NoSuchFileException e) {
            sources.put(source.toString(), MISSING);
        }
    }

    /** The layer that lies over whatever root a sandbox has that is on a network of this machine. */
    static Fd names(Kernel kernel, NameFiles names) throws IOException {
        return inMemory(kernel, skeleton -> {
            for (String name : List.of("dev", "etc", "proc", "sys")) {
                skeleton.directory(name, 0755);
            }
            skeleton.text("etc/hosts", names.hosts());
            skeleton.text("etc/resolv.conf", names.resolver());
            skeleton.text("etc/hostname", names.hostname());
        });
    }

    private void text(String path, String content) {
        file(path, content.getBytes(StandardCharsets.US_ASCII), 0644);
    }

    /**
     * The layer that lies over an image: the directories that a sandbox mounts on and that nobody else fills, and the files of
     * {@code /etc} that are about the sandbox.
     */
    static Fd names(Kernel kernel, boolean hostNetwork) throws IOException {
        return inMemory(kernel, skeleton -> {
            for (String name : List.of("dev", "etc", "proc", "sys")) {
                skeleton.directory(name, 0755);
            }
            skeleton.names(hostNetwork);
        });
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
        list.add(FileOps.chown(place, "home/user", 1000, 1000).tolerating(Errno.EINVAL));
        link("/run", "var/run");
        link("/run/lock", "var/lock");
        link("/proc/self/mounts", "etc/mtab");
        for (String name : PROGRAMS) {
            Path path = Path.of("/" + name);
            note(path);
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
        if (depth > MAXIMUM_DEPTH) {
            return;
        }
        PosixFileAttributes attributes;
        try {
            attributes = Files.readAttributes(source, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        } catch (NoSuchFileException e) {
            sources.put(source.toString(), MISSING);
            return;
        }
        if (depth == 0) {
            parents(ETC.relativize(source));
        }
        if (depth == 0 || !attributes.isSymbolicLink()) { // a link is never changed, but replaced
            sources.put(source.toString(), status(attributes));
        }
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
        list.add(FileOps.mkdir(place, path, 0700));
        list.add(FileOps.chmod(place, path, mode));
        tell("directory", path, mode, new byte[0]);
    }

    /** Lengths before texts, so that no two contents look alike. */
    private void tell(String kind, String path, int mode, byte[] bytes) {
        byte[] name = path.getBytes(StandardCharsets.UTF_8);
        content.writeBytes((kind + " " + mode + " " + name.length + " " + bytes.length + "\n")
                .getBytes(StandardCharsets.US_ASCII));
        content.writeBytes(name);
        content.writeBytes(bytes);
    }

    private void link(String target, String path) {
        list.add(FileOps.symlink(target, place, path));
        tell("link", path, 0, target.getBytes(StandardCharsets.UTF_8));
    }

    private void file(String path, byte[] bytes, int mode) {
        Op file = list.add(FileOps.openAt(place, path, FileOps.O_WRONLY | FileOps.O_CREAT | FileOps.O_EXCL, 0600));
        list.add(FileOps.write(Arg.of(file), path, bytes));
        list.add(FileOps.close(file));
        list.add(FileOps.chmod(place, path, mode));
        tell("file", path, mode, bytes);
    }
}
