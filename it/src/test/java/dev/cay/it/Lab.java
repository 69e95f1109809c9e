package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Sandbox;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Assumptions;

/** Where tests build small root file systems and compile the C programs that they try the walls with. */
final class Lab {
    static final String PREFIX = "cay-it-";

    private static final Path DIRECTORY = makeDirectory();
    private static final Map<String, Path> PROBES = new ConcurrentHashMap<>();

    private Lab() {}

    /** Makes sure that its directory exists before a test looks at the machine. */
    static void open() {
        assertThat(DIRECTORY).isDirectory();
    }

    private static Path makeDirectory() {
        try {
            Path directory = Files.createTempDirectory(PREFIX);
            Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
            Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(directory)));
            return directory;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** An empty directory that is removed at the end at the latest. */
    static Path directory() {
        try {
            Path directory = Files.createTempDirectory(DIRECTORY, "d");
            Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
            return directory;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void delete(Path directory) {
        try {
            Files.walkFileTree(directory, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.delete(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path visited, IOException failure) throws IOException {
                    Files.delete(visited);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A root file system of one static busybox with its usual links, and a passwd; the test is skipped without busybox. */
    static Path smallRoot() {
        Path busybox = Path.of("/usr/bin/busybox");
        Assumptions.assumeTrue(Files.exists(busybox), "busybox-static is not installed");
        try {
            Path root = directory();
            for (String name : new String[] {"bin", "dev", "etc", "proc", "sys", "tmp"}) {
                Files.createDirectory(root.resolve(name));
            }
            Files.copy(busybox, root.resolve("bin/busybox"));
            for (String name : new String[] {
                "sh",
                "cat",
                "ls",
                "id",
                "echo",
                "mount",
                "readlink",
                "touch",
                "stat",
                "sleep",
                "true",
                "mkdir",
                "env",
                "pwd",
                "head",
                "wc",
                "kill",
                "ps",
                "hostname",
                "test",
                "chmod",
                "rm"
            }) {
                Files.createSymbolicLink(root.resolve("bin/" + name), Path.of("busybox"));
            }
            Files.writeString(root.resolve("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n");
            Files.writeString(root.resolve("etc/group"), "root:x:0:\n");
            return root;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The static program that {@code probes/NAME.c} of the test resources compiles to; made once. */
    static Path probe(String name) {
        return PROBES.computeIfAbsent(name, Lab::compile);
    }

    private static Path compile(String name) {
        Assumptions.assumeTrue(Files.exists(Path.of("/usr/bin/gcc")), "gcc is not installed");
        try (var source = Lab.class.getResourceAsStream("probes/" + name + ".c")) {
            Path file = DIRECTORY.resolve(name + ".c");
            Files.write(file, source.readAllBytes());
            Path program = DIRECTORY.resolve(name);
            Process gcc = new ProcessBuilder(
                            "gcc", "-static", "-O1", "-w", "-pthread", "-o", program.toString(), file.toString())
                    .redirectErrorStream(true)
                    .start();
            String output = new String(gcc.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(gcc.waitFor()).as(output).isZero();
            return program;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** Puts a probe into a sandbox and says where it is. */
    static String install(Sandbox sandbox, String name) {
        return install(sandbox, probe(name), "/tmp/" + name);
    }

    static String install(Sandbox sandbox, Path file, String path) {
        try {
            ExecResult result = sandbox.exec(ExecSpec.builder("sh", "-c", "cat > " + path + " && chmod 755 " + path)
                    .stdin(Files.readAllBytes(file))
                    .build());
            assertThat(result.exit().success()).as(result.stderr()).isTrue();
            return path;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What a shell script prints, which must succeed. */
    static String sh(Sandbox sandbox, String script) {
        ExecResult result = sandbox.exec("sh", "-c", script);
        assertThat(result.exit().success())
                .as("%s%nstdout: %s%nstderr: %s%n%s", script, result.stdout(), result.stderr(), result.exit())
                .isTrue();
        return result.stdout().stripTrailing();
    }

    /** What a shell script prints to both its streams, whether it succeeds or not. */
    static String attempt(Sandbox sandbox, String script) {
        ExecResult result = sandbox.exec("sh", "-c", "exec 2>&1\n" + script);
        return result.stdout().stripTrailing();
    }

    /** Runs a probe with arguments; it prints one line for each thing that it tries. */
    static Map<String, String> answers(ExecResult result) {
        assertThat(result.exit().success())
                .as("%s %s %s", result.exit(), result.stdout(), result.stderr())
                .isTrue();
        Map<String, String> answers = new java.util.TreeMap<>();
        result.stdout().lines().forEach(line -> {
            int blank = line.lastIndexOf(' ');
            answers.put(line.substring(0, blank), line.substring(blank + 1));
        });
        return answers;
    }

    static boolean has(String program) {
        for (String directory : new String[] {"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"}) {
            if (Files.isExecutable(Path.of(directory + program))) {
                return true;
            }
        }
        return false;
    }

    /** Skips the test where a program is missing. */
    static void need(String program) {
        Assumptions.assumeTrue(has(program), program + " is not installed");
    }

    /** What a program prints outside of any sandbox. */
    static String onHost(String... command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            try (var stream = process.getInputStream()) {
                return new String(stream.readAllBytes(), StandardCharsets.UTF_8).strip();
            } finally {
                process.getErrorStream().close();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The next line of a stream that nobody else reads; empty at its end. */
    static String line(java.io.InputStream stream) {
        StringBuilder line = new StringBuilder();
        try {
            for (int c = stream.read(); c >= 0 && c != '\n'; c = stream.read()) {
                line.append((char) c);
            }
            return line.toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The rest of a stream as text. */
    static String rest(java.io.InputStream stream) {
        try {
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Closes a command's input. */
    static void end(dev.cay.Execution execution) {
        try {
            execution.stdin().close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
