package dev.cay.it;

import static dev.cay.it.FilesContract.bytes;
import static dev.cay.it.FilesContract.text;
import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.FilePath;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.WriteOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** The files of a sandbox that does all it can to lead whoever works on them out of it, or to hold him up. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FilesTest extends ContainerSandboxes implements FilesContract {
    private static final int MANY =
            Integer.parseInt(Optional.ofNullable(System.getenv("CAY_MANY")).orElse("100000"));

    /** A file of the host that no sandbox has; what is looked for. */
    private static Path secret() throws IOException {
        return Files.writeString(Lab.directory().resolve("secret"), "the secret of the host");
    }

    /** Links lead where they lead for the sandbox's root; none leads out. */
    @Test
    void noLinkLeadsOut(Sandboxes engine) throws IOException {
        Path secret = secret();
        try (Sandbox sandbox =
                engine.create(SandboxSpec.directory(Lab.smallRoot()).build())) {
            SandboxFiles files = sandbox.files();
            String up = "../".repeat(40);
            sh(
                    sandbox,
                    "mkdir /tmp/farm; cd /tmp/farm; ln() { busybox ln \"$@\"; }; ln -s " + secret + " direct; ln -s "
                            + up + secret + " above; ln -s / root; ln -s " + up + " dots; ln -s /proc/1/root init; "
                            + "ln -s /proc/self/root self; ln -s /proc/1/cwd cwd; ln -s loop loop; "
                            + "i=0; ln -s . link0; while [ $i -lt 60 ]; do ln -s link$i link$((i+1)); i=$((i+1)); done");
            for (String name : new String[] {
                "direct",
                "above",
                "root" + secret,
                "dots" + secret,
                "init" + secret,
                "self" + secret,
                "cwd" + secret,
                "loop",
                "link60/x"
            }) {
                FilePath path = FilePath.of("/tmp/farm/" + name);
                assertThatThrownBy(() -> text(files, path.toString()))
                        .as(name)
                        .satisfiesAnyOf(
                                e -> assertThat(e).isInstanceOf(SandboxException.FileFailed.class),
                                e -> assertThat(e).isInstanceOf(IOException.class));
                assertThatThrownBy(() -> files.stat(path, true))
                        .as(name)
                        .isInstanceOf(SandboxException.FileFailed.class);
                assertThatThrownBy(() -> files.list(path)).as(name).isInstanceOf(SandboxException.FileFailed.class);
            }
            // Written through a link to a directory it lands inside; a link in the place of the file is replaced.
            files.write("/tmp/farm/direct", bytes("mine"));
            files.write("/tmp/farm/root/tmp/inside", bytes("mine"));
            assertThat(sh(sandbox, "cat /tmp/inside /tmp/farm/direct")).isEqualTo("minemine");
            assertThat(Files.readString(secret)).isEqualTo("the secret of the host");
            files.remove(FilePath.of("/tmp/farm"), true);
            assertThat(sh(sandbox, "ls /bin/busybox /tmp"))
                    .contains("/bin/busybox")
                    .doesNotContain("farm");
        }
        assertThat(secret).exists();
        Files.delete(secret);
    }

    /** A directory is swapped for a link to / again and again while files are written, listed and removed below it. */
    @Test
    void swappedDirectories(Sandboxes engine) throws Exception {
        Path root = Lab.smallRoot();
        Path secret = secret();
        try (Sandbox sandbox = engine.create(SandboxSpec.directory(root).build())) {
            String swapper = "cd /tmp; mkdir -p a; busybox ln -s /../../../../.. b; echo on; "
                    + "while :; do busybox mv -T a c 2>/dev/null; busybox mv -T b a 2>/dev/null; "
                    + "busybox mv -T a b 2>/dev/null; busybox mv -T c a 2>/dev/null; done";
            try (Execution execution = sandbox.start(ExecSpec.of("sh", "-c", swapper))) {
                assertThat(Lab.line(execution.stdout())).isEqualTo("on");
                SandboxFiles files = sandbox.files();
                Set<String> names = new HashSet<>();
                for (int i = 0; i < 150; i++) {
                    String below = "/tmp/a" + secret.getParent();
                    attempt(() -> files.write("/tmp/a/written", bytes("x")));
                    attempt(() -> files.write(below + "/secret", bytes("overwritten")));
                    attempt(() -> files.remove(FilePath.of(below), true));
                    attempt(() -> text(files, below + "/secret"));
                    attempt(() -> {
                        try (SandboxFiles.Listing listing = files.list(FilePath.of("/tmp/a"))) {
                            listing.forEachRemaining(
                                    info -> names.add(info.name().toString()));
                        }
                    });
                }
                assertThat(names).doesNotContain("boot", "run", "var");
                execution.kill();
            }
        }
        assertThat(Files.readString(secret)).isEqualTo("the secret of the host");
        assertThat(Path.of("/written")).doesNotExist();
        Files.delete(secret);
    }

    private interface Attempt {
        void run() throws IOException;
    }

    /** Fails or not, but in no other way than it says. */
    private static void attempt(Attempt attempt) {
        try {
            attempt.run();
        } catch (SandboxException.FileFailed | IOException e) {
            // what is swapped is sometimes not there
        }
    }

    /** Something in the sandbox that hangs, as a FUSE file system can, holds up one call and no other, and not the end. */
    @Test
    void aStallHoldsUpOneCall(Sandboxes engine) throws Exception {
        Sandbox sandbox = engine.create(SandboxSpec.host().build());
        sh(sandbox, "echo fine > /tmp/fine");
        SandboxFiles files = sandbox.files();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            // Content that does not come: the file that is being written is held up by its source.
            java.io.PipedOutputStream never = new java.io.PipedOutputStream();
            java.io.PipedInputStream stalled = new java.io.PipedInputStream(never);
            Future<Long> held =
                    threads.submit(() -> files.write(FilePath.of("/tmp/held"), stalled, WriteOptions.STANDARD));
            for (int i = 0; i < 20; i++) {
                assertThat(text(files, "/tmp/fine")).isEqualTo("fine\n");
            }
            assertThat(held.isDone()).isFalse();
            assertThatThrownBy(() -> files.stat(FilePath.of("/tmp/held"), true))
                    .isInstanceOf(SandboxException.FileFailed.class);
            never.write(bytes("late"));
            never.close();
            assertThat(held.get(20, TimeUnit.SECONDS)).isEqualTo(4);
            assertThat(text(files, "/tmp/held")).isEqualTo("late");
        }
        sandbox.close();
        assertThatThrownBy(() -> text(files, "/tmp/fine")).isInstanceOf(SandboxException.class);
    }

    /**
     * Of any number of entries some thousand are in memory at a time. A million takes minutes on a small machine, so it is asked for: by
     * {@code CAY_MANY=1000000}.
     */
    @Test
    @Timeout(value = 900, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aDirectoryOfAnyNumberOfEntries(Sandboxes engine) throws IOException {
        try (Sandbox sandbox =
                engine.create(SandboxSpec.host().tmpfs(Size.gib(2)).build())) {
            // Names with line feeds, and with bytes that are no UTF-8.
            sh(
                    sandbox,
                    "mkdir /tmp/many; cd /tmp/many; seq -f \"$(printf 'l\\nf-\\377-')%07.0f\" 1 " + MANY
                            + " | sed -z 's/\\nl\\nf/\\x00l\\nf/g' | xargs -0 touch --");
            SandboxFiles files = sandbox.files();
            FilePath many = FilePath.of("/tmp/many");
            BitSet seen = new BitSet(MANY + 1);
            try (SandboxFiles.Listing listing = files.list(many)) {
                while (listing.hasNext()) {
                    number(listing.next().name().bytes(), seen);
                }
            }
            assertThat(seen.cardinality()).isEqualTo(MANY);
            try (InputStream packed = packed(files, many)) {
                files.makeDirectory(FilePath.of("/tmp/again"), 0755, false);
                files.unpack(FilePath.of("/tmp/again"), packed);
            }
            assertThat(sh(sandbox, "ls -U --zero /tmp/again/many | tr -dc '\\000' | wc -c"))
                    .isEqualTo(Integer.toString(MANY));
            files.remove(many, true);
            files.remove(FilePath.of("/tmp/again"), true);
            assertThat(sh(sandbox, "ls -a /tmp")).doesNotContain("many", "again");
        }
    }

    /** The number at the end of a name is one that has not been seen. */
    private static void number(byte[] name, BitSet seen) {
        String text = new String(name, StandardCharsets.ISO_8859_1).strip();
        assertThat(text).startsWith("l\nf-\u00ff-");
        int number = Integer.parseInt(text.substring(6));
        assertThat(seen.get(number)).isFalse();
        seen.set(number);
    }

    /** Packed by another thread while it is read. */
    private static InputStream packed(SandboxFiles files, FilePath path) throws IOException {
        PipedInputStream in = new PipedInputStream(1 << 20);
        PipedOutputStream out = new PipedOutputStream(in);
        Thread.ofPlatform().start(() -> {
            try (out) {
                files.pack(path, out);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        return in;
    }

    /** An archive cannot put anything outside, whatever is in it. */
    @Test
    void anArchiveStaysInItsDirectory(Sandboxes engine) throws Exception {
        Lab.need("tar");
        Path directory = Lab.directory();
        Files.writeString(directory.resolve("f"), "evil");
        Process tar = new ProcessBuilder(
                        "tar",
                        "-C",
                        directory.toString(),
                        "-cPf",
                        directory + "/a.tar",
                        "--transform",
                        "s#^f$#../../../escaped#",
                        "f")
                .inheritIO()
                .start();
        assertThat(tar.waitFor()).isZero();
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            sandbox.files().makeDirectory(FilePath.of("/tmp/a/b"), 0755, true);
            try (InputStream in = Files.newInputStream(directory.resolve("a.tar"))) {
                sandbox.files().unpack(FilePath.of("/tmp/a/b"), in);
            } catch (SandboxException.FileFailed e) {
                // to refuse it is as good
            }
            assertThat(sh(sandbox, "ls -d /escaped /tmp/escaped /tmp/a/escaped 2>/dev/null | wc -l"))
                    .isEqualTo("0");
        }
        assertThat(Path.of("/escaped")).doesNotExist();
        Lab.delete(directory);
    }
}
