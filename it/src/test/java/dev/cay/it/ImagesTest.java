package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Images from real registries, by processes that have a store of their own: in a mount namespace with a small file system over
 * /var/lib/cay.
 */
@ExtendWith(RootLane.class)
class ImagesTest {
    /** What a sandbox of it sees; the last words are those of the command. */
    private static final String LOOK =
            "stat -c '%n %a %u:%g %h %F' /first /second /pipe; cat /first /hidden/* /long/*/*;"
                    + " readlink /escape; ls /hidden /etc/gone /device /hidden/below; tail -n 1 /kept/numbers; wc -c < /kept/zeros";

    private static Path folder;
    private static Path image;
    private static RegistryLab registry;
    private static RegistryLab secure;

    @BeforeAll
    static void start() throws IOException {
        folder = Lab.directory();
        image = ImageArchives.ODD.make();
        registry = RegistryLab.open();
        secure = RegistryLab.secure();
        String archive = "docker-archive:" + image;
        registry.push(archive, "a/odd:1");
        registry.push(archive, "a/odd:zstd", "--format", "oci", "--dest-compress-format", "zstd");
        secure.push(archive, "a/odd:1");
        Path settings = Files.createDirectories(folder.resolve("etc/cay"));
        Files.writeString(
                settings.resolve("registries.json"),
                "{\"registries\":[{\"name\":\"" + secure.name() + "\",\"authorities\":\"" + secure.authorities()
                        + "\"},{\"name\":\"" + secure.name().replace("127.0.0.1", "localhost")
                        + "\",\"authorities\":\"" + RegistryLab.certificate(folder.resolve("other.pem")) + "\"}]}");
        Files.createDirectories(Path.of("/var/lib/cay"));
    }

    @AfterAll
    static void end() {
        registry.close();
        secure.close();
    }

    private static String run(String... command) {
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            String output;
            try (InputStream in = process.getInputStream()) {
                output = new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
            }
            process.getErrorStream().close();
            if (process.waitFor() != 0) {
                throw new AssertionError(String.join(" ", command) + ": " + output);
            }
            return output;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A process with an empty store, which sees our settings of registries. */
    private static OtherProcess process() {
        return process("mount --bind " + Lab.directory() + " /var/lib/cay");
    }

    private static OtherProcess process(String mount) {
        String script = mount + " && mount -t overlay -o lowerdir=" + folder.resolve("etc")
                + ":/etc overlay /etc && exec \"$@\"";
        return OtherProcess.start(
                List.of("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"),
                Map.of("HOME", folder.toString()));
    }

    private static String odd(RegistryLab of, String tag) {
        return of.name() + "/a/odd:" + tag;
    }

    @Test
    void whatIsPulledRuns() {
        try (OtherProcess process = process()) {
            String digest = process.tell("image", "pull", odd(registry, "1"));

            assertThat(process.tell("image", "check")).isEqualTo("[]");
            assertThat(process.tell("image", "pull", odd(registry, "1"))).isEqualTo(digest);
            assertThat(process.tell("image", "pull", registry.name() + "/a/odd@" + digest))
                    .isEqualTo(digest);
            String seen = process.tell("image", "run", odd(registry, "1") + " " + LOOK);
            assertThat(seen)
                    .contains("/first 4751 12345:54321 3 regular file")
                    .contains("/second 4751 12345:54321 3 regular file")
                    .contains("/pipe 644 0:0 1 fifo")
                    .contains("twice above deep ../../../../etc/shadow")
                    .contains("40000 300000")
                    .contains("ls: /etc/gone: No such file")
                    .contains("ls: /device: No such file")
                    .contains("ls: /hidden/below: No such file");
            // The same layers, compressed otherwise.
            process.tell("image", "pull", odd(registry, "zstd"));
            assertThat(process.tell("image", "remove", odd(registry, "1"))).contains("freed=0");
            assertThat(process.tell("image", "run", odd(registry, "zstd") + " " + LOOK))
                    .isEqualTo(seen);
            process.tell("image", "remove", odd(registry, "zstd"));
            process.tell("image", "remove", registry.name() + "/a/odd@" + digest);
            assertThat(process.tell("image", "list")).isEqualTo("[]");
        }
    }

    @Test
    void registriesWithCertificatesAndPasswords() {
        try (OtherProcess process = process()) {
            process.order("image", "pull", odd(secure, "1"));
            assertThat(process.answer().orElseThrow())
                    .startsWith("failed registry-failed")
                    .contains("who asks");
            process.order("image", "login", secure.name() + " cay wrong");
            assertThat(process.answer().orElseThrow())
                    .startsWith("failed registry-failed")
                    .contains("credentials");
            process.tell("image", "login", secure.name() + " " + RegistryLab.USER + " " + RegistryLab.PASSWORD);
            process.tell("image", "pull", odd(secure, "1"));
            assertThat(process.tell("image", "check")).isEqualTo("[]");
            process.tell("image", "logout", secure.name());
            process.order("image", "pull", odd(secure, "1"));
            assertThat(process.answer().orElseThrow()).startsWith("failed registry-failed");
        }
        try (OtherProcess process = process()) {
            process.order("image", "login", secure.name().replace("127.0.0.1", "localhost") + " a b");
            assertThat(process.answer().orElseThrow())
                    .startsWith("failed registry-failed")
                    .contains("PKIX");
        }
    }

    @Test
    void whatIsSavedIsReadByOthers() {
        Path saved = folder.resolve("saved.tar");
        try (OtherProcess process = process()) {
            process.tell("image", "load", image.toString());
            process.tell("image", "save", "odd:1 " + saved);
        }
        for (String form : List.of("docker-archive:" + saved, "oci-archive:" + saved)) {
            run(
                    "skopeo",
                    "--insecure-policy",
                    "copy",
                    "-q",
                    form,
                    "dir:" + Lab.directory().resolve("copy"));
        }
        try (OtherProcess process = process()) {
            assertThat(process.tell("image", "load", saved.toString())).isEqualTo("[[odd:1]]");
            assertThat(process.tell("image", "run", "odd:1 " + LOOK))
                    .contains("twice above deep")
                    .contains("300000");
            Path again = folder.resolve("again.tar");
            process.tell("image", "save", "odd:1 " + again);
            assertThat(again).hasSameBinaryContentAs(saved);
        }
    }

    @Test
    void aFullDiskLeavesNothingHalfDone() {
        try (OtherProcess process = process("mount -t tmpfs -o size=1m tmpfs /var/lib/cay")) {
            process.order("image", "pull", odd(registry, "1"));
            assertThat(process.answer().orElseThrow())
                    .startsWith("failed host-failed")
                    .contains("No space left");
            assertThat(process.tell("image", "list")).isEqualTo("[]");
            assertThat(process.tell("image", "check")).isEqualTo("[]");
            process.tell("image", "prune");
            assertThat(process.tell("image", "check")).isEqualTo("[]");
        }
    }

    /** Two processes with one store, and one that is killed in the middle. */
    @Test
    void processesShareTheWork() throws IOException {
        Path store = Lab.directory();
        try (Stall stall = new Stall(registry)) {
            String name = stall.name() + "/a/odd:1";
            OtherProcess killed = process("mount --bind " + store + " /var/lib/cay");
            killed.order("image", "pull", name);
            stall.await();
            killed.kill();
            assertThat(half(store)).isNotEmpty();
            try (OtherProcess first = process("mount --bind " + store + " /var/lib/cay");
                    OtherProcess second = process("mount --bind " + store + " /var/lib/cay")) {
                assertThat(first.tell("image", "check")).isEqualTo("[]");
                stall.flow();
                first.order("image", "pull", name);
                second.order("image", "pull", name);
                assertThat(first.answer().orElseThrow()).startsWith("ok sha256:");
                assertThat(second.answer().orElseThrow()).startsWith("ok sha256:");
                assertThat(first.tell("image", "check")).isEqualTo("[]");
                first.tell("image", "prune");
                assertThat(half(store)).isEmpty();
                assertThat(second.tell("image", "run", name + " " + LOOK)).contains("twice above deep");
            }
        }
    }

    private static List<String> half(Path store) throws IOException {
        try (var files = Files.walk(store.resolve("images"), 2)) {
            return files.map(Path::getFileName)
                    .map(Path::toString)
                    .filter(name -> name.startsWith(".new-") || name.startsWith(".gone-"))
                    .toList();
        }
    }

    /** Stands before a registry; of a layer it passes on only the beginning, until it is told otherwise. */
    private static final class Stall implements AutoCloseable {
        private static final int BEGINNING = 4096;

        private final RegistryLab registry;
        private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        private final CountDownLatch stalled = new CountDownLatch(1);
        private final ExecutorService threads = Executors.newCachedThreadPool();
        private final List<Socket> open = new CopyOnWriteArrayList<>();
        private volatile boolean flowing;

        Stall(RegistryLab registry) throws IOException {
            this.registry = registry;
            threads.execute(this::accept);
        }

        String name() {
            return "127.0.0.1:" + socket.getLocalPort();
        }

        void await() {
            try {
                stalled.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }

        void flow() {
            flowing = true;
        }

        private void accept() {
            try {
                while (true) {
                    Socket client = socket.accept();
                    Socket server = new Socket(
                            "127.0.0.1", Integer.parseInt(registry.name().replaceFirst(".*:", "")));
                    open.add(client);
                    open.add(server);
                    threads.execute(() -> pass(client, server, false));
                    threads.execute(() -> pass(server, client, true));
                }
            } catch (IOException e) {
                // closed
            }
        }

        private void pass(Socket from, Socket to, boolean answers) {
            byte[] buffer = new byte[BEGINNING];
            long passed = 0;
            try (from;
                    to) {
                InputStream in = from.getInputStream();
                OutputStream out = to.getOutputStream();
                for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                    if (answers && !flowing && passed > 4 * BEGINNING) {
                        stalled.countDown();
                        in.transferTo(OutputStream.nullOutputStream());
                        Thread.sleep(60_000);
                    }
                    out.write(buffer, 0, count);
                    passed += count;
                }
            } catch (IOException | InterruptedException e) {
                // one of them has gone
            }
        }

        @Override
        public void close() throws IOException {
            socket.close();
            for (Socket one : open) {
                one.close();
            }
            threads.shutdownNow();
            threads.close();
        }
    }
}
