package dev.cay.engine.container;

import static java.util.Objects.requireNonNull;

import dev.cay.SandboxException;
import dev.cay.engine.state.HostFailure;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;

/**
 * Where the engines of a user keep what the others must find; see the XDG Base Directory Specification.
 *
 * @param user the user's id: 0 for the host's root
 * @param run what does not outlive the machine's next start
 * @param data what does
 */
public record Places(long user, Path run, Path data) {
    /** As after su(1), which leaves the variable as it was. */
    private static final String FOR_USERS =
            "set XDG_RUNTIME_DIR to a directory of this user, or unset it for one in /tmp";

    public Places {
        requireNonNull(run, "run is null");
        requireNonNull(data, "data is null");
    }

    /** Those of whoever runs this process. */
    public static Places ofThisUser() throws IOException {
        return of(effectiveUser(), System.getenv(), Path.of(System.getProperty("user.home", "/")));
    }

    static Places of(long user, Map<String, String> environment, Path home) {
        if (user == 0) {
            return new Places(0, Path.of("/run/cay"), Path.of("/var/lib/cay"));
        }
        Path runtime = Path.of(environment.getOrDefault("XDG_RUNTIME_DIR", ""));
        Path data = Path.of(environment.getOrDefault("XDG_DATA_HOME", ""));
        return new Places(
                user,
                runtime.isAbsolute() && Files.isDirectory(runtime)
                        ? runtime.resolve("cay")
                        : Path.of("/tmp/cay-" + user),
                (data.isAbsolute() ? data : home.resolve(".local/share")).resolve("cay"));
    }

    public boolean isRoot() {
        return user == 0;
    }

    /** From proc_pid_status(5): the owner of {@code /proc/self} is another one when this process is not dumpable. */
    private static long effectiveUser() throws IOException {
        for (String line : Files.readString(Path.of("/proc/self/status"), StandardCharsets.ISO_8859_1)
                .split("\n")) {
            if (line.startsWith("Uid:")) {
                return Long.parseLong(line.split("\\s+")[2]);
            }
        }
        throw new IOException("/proc/self/status does not tell the user");
    }

    /**
     * Makes the directory for what does not last. In /tmp anybody could have been there before.
     *
     * @throws SandboxException.Unsupported if it belongs to somebody else, or cannot be made where it is to be
     */
    void makeRun() throws IOException {
        try {
            Files.createDirectory(
                    run, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        } catch (FileAlreadyExistsException e) {
            Map<String, Object> is = Files.readAttributes(run, "unix:uid,mode", LinkOption.NOFOLLOW_LINKS);
            if (((Number) is.get("uid")).longValue() != user || ((Integer) is.get("mode") & 0170022) != 0040000) {
                throw new SandboxException.Unsupported(
                        run + " belongs to somebody else, or others may write there",
                        "remove it, or set XDG_RUNTIME_DIR to a directory of this user");
            }
        } catch (IOException e) {
            throw new SandboxException.Unsupported(
                    "what is known of sandboxes has no place: cannot make " + HostFailure.text(e),
                    isRoot() ? "see to it that " + run.getParent() + " can be written to" : FOR_USERS);
        }
    }
}
