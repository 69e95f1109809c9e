package dev.cay.engine.state;

import dev.cay.SandboxException;
import dev.cay.Size;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Makes the file systems of volumes that have a limit. */
interface VolumeImage {
    /** Makes a file of this size, most of which takes no space yet, and an empty file system in it. */
    void make(Path file, Size size) throws IOException;

    /** By e2fsprogs, which every distribution has. */
    static VolumeImage ext4() {
        return (file, size) -> {
            try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
                out.setLength(size.bytes());
            }
            run("mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-E", "root_owner=0:0", file.toString());
            // Databases refuse a directory that is not empty. It is only ever needed by a repair, which makes it anew.
            run("debugfs", "-w", "-R", "rmdir lost+found", file.toString());
        };
    }

    /** For an ordinary user. */
    static VolumeImage none() {
        return (_, _) -> {
            throw new SandboxException.Unsupported(
                    "only the host's root can mount volumes that have a limit",
                    "run as root, or make the volume without a limit");
        };
    }

    private static void run(String program, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(find(program)));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
        if (process.onExit().join().exitValue() != 0) {
            throw new IOException(program + ": " + output);
        }
    }

    /** A user's PATH may lack the administrator's programs. */
    private static String find(String program) {
        for (String directory : List.of("/usr/sbin", "/sbin", "/usr/bin")) {
            Path path = Path.of(directory, program);
            if (Files.isExecutable(path)) {
                return path.toString();
            }
        }
        throw new SandboxException.Unsupported(
                "this machine has no " + program + ", which makes volumes with a limit",
                "install e2fsprogs, or make the volume without a limit");
    }
}
