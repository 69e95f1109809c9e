package dev.cay.it;

import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.FileInfo;
import dev.cay.FileKind;
import dev.cay.FilePath;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.WriteOptions;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
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
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The files of a sandbox that does all it can to lead whoever works on them out of it, or to hold him up. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FilesTest {
    private static final int MANY =
            Integer.parseInt(Optional.ofNullable(System.getenv("CAY_MANY")).orElse("100000"));

    private static String text(SandboxFiles files, String path) throws IOException {
        try (InputStream in = files.read(path)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    /** A file of the host that no sandbox has; what is looked for. */
    private static Path secret() throws IOException {
        return Files.writeString(Lab.directory().resolve("secret"), "the secret of the host");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void readAndWritten(boolean detached, Sandboxes engine) throws IOException {
        SandboxSpec.Builder builder = SandboxSpec.host();
        Sandbox sandbox = engine.create(detached ? builder.detached().build() : builder.build());
        SandboxFiles files = sandbox.files();
        byte[] content = new byte[3_000_000];
        new Random(3).nextBytes(content);
        files.write("/tmp/a/b/c.bin", content);
        assertThat(sandbox.exec("sh", "-c", "cksum < /tmp/a/b/c.bin").stdout()).endsWith(" 3000000\n");
        try (InputStream in = files.read("/tmp/a/b/c.bin")) {
            assertThat(in.readAllBytes()).isEqualTo(content);
        }
        FileInfo info = files.stat(FilePath.of("/tmp/a/b/c.bin"), true);
        assertThat(info.kind()).isEqualTo(FileKind.FILE);
        assertThat(info.size()).isEqualTo(content.length);
        assertThat(info.user()).isZero();
        files.move(FilePath.of("/tmp/a/b/c.bin"), FilePath.of("/tmp/a/moved"));
        assertThat(sh(sandbox, "find /tmp/a | sort")).isEqualTo("/tmp/a\n/tmp/a/b\n/tmp/a/moved");
        files.remove(FilePath.of("/tmp/a"), true);
        assertThatThrownBy(() -> files.stat(FilePath.of("/tmp/a"), true))
                .isInstanceOf(SandboxException.FileFailed.class);
        sandbox.remove();
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

    /** What is no regular file is refused at once, and never waited for. */
    @Test
    void nothingIsWaitedFor(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            sh(
                    sandbox,
                    "mkdir /tmp/odd; cd /tmp/odd; mkfifo fifo; ln -s fifo link; ln -s /dev/zero zero; ln -s /dev/tty tty; "
                            + "ln -s /proc/kmsg kmsg");
            SandboxFiles files = sandbox.files();
            for (String name : new String[] {"fifo", "link", "zero", "tty", ".", "/dev/null"}) {
                assertThatThrownBy(() -> text(files, name.startsWith("/") ? name : "/tmp/odd/" + name))
                        .as(name)
                        .isInstanceOf(SandboxException.FileFailed.class);
            }
            assertThat(files.stat(FilePath.of("/tmp/odd/fifo"), true).kind()).isEqualTo(FileKind.FIFO);
            ByteArrayOutputStream packed = new ByteArrayOutputStream();
            files.pack(FilePath.of("/tmp/odd"), packed);
            assertThat(packed.size()).isPositive();
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

    /** Names are bytes: new lines, control characters, what is not UTF-8, leading dashes. */
    @Test
    void namesOfAllKinds(Sandboxes engine) throws IOException {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            SandboxFiles files = sandbox.files();
            Random random = new Random(5);
            Set<FilePath> names = new HashSet<>();
            names.add(FilePath.of("new\nline"));
            names.add(FilePath.of("-rf"));
            names.add(FilePath.of("..."));
            names.add(FilePath.of(" "));
            names.add(FilePath.of(new byte[] {(byte) 0xff, (byte) 0xfe, 1, 27}));
            while (names.size() < 60) {
                byte[] name = new byte[1 + random.nextInt(200)];
                random.nextBytes(name);
                for (int i = 0; i < name.length; i++) {
                    name[i] = name[i] == 0 || name[i] == '/' ? (byte) 'x' : name[i];
                }
                names.add(FilePath.of(name));
            }
            FilePath directory = FilePath.of("/tmp/names");
            for (FilePath name : names) {
                files.write(directory.resolve(name), new ByteArrayInputStream(name.bytes()), WriteOptions.STANDARD);
            }
            Set<FilePath> listed = new HashSet<>();
            try (SandboxFiles.Listing listing = files.list(directory)) {
                listing.forEachRemaining(info -> listed.add(info.name()));
            }
            assertThat(listed).isEqualTo(names);
            ByteArrayOutputStream packed = new ByteArrayOutputStream();
            files.pack(directory, packed);
            files.unpack(FilePath.of("/tmp"), new ByteArrayInputStream(bytes("")));
            files.makeDirectory(FilePath.of("/tmp/again"), 0755, true);
            files.unpack(FilePath.of("/tmp/again"), new ByteArrayInputStream(packed.toByteArray()));
            for (FilePath name : names) {
                FilePath copy = FilePath.of("/tmp/again/names").resolve(name);
                try (InputStream in = files.read(copy, 0, Long.MAX_VALUE)) {
                    assertThat(in.readAllBytes()).isEqualTo(name.bytes());
                }
            }
            assertThat(sh(sandbox, "diff -r /tmp/names /tmp/again/names && echo same"))
                    .isEqualTo("same");
        }
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
