package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import dev.cay.engine.Seeded;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** On directories of this machine: to look names up in them takes no root. */
final class MountTargetsTest {
    @TempDir
    private Path temporary;

    private Path root;
    private HostKernel kernel;
    private Rootfs rootfs;
    private MountTargets targets;
    private int owner;

    @BeforeEach
    void open() throws IOException {
        root = Files.createDirectory(temporary.resolve("root"));
        for (String name : new String[] {"dev", "proc", "sys", "etc", "var", "usr"}) {
            Files.createDirectory(root.resolve(name));
        }
        Path part = Files.createDirectory(temporary.resolve("part"));
        Files.createDirectory(part.resolve("share"));
        Files.writeString(root.resolve("etc/passwd"), "");
        owner = (int) Files.getAttribute(root, "unix:uid");
        kernel = new HostKernel();
        rootfs = new Rootfs(
                fd(root), List.of(new Rootfs.Part("usr", fd(part))), fd(root), fd(root), fd(root), List.of());
        targets = new MountTargets(kernel, rootfs, owner);
    }

    @AfterEach
    void close() {
        rootfs.close();
        kernel.close();
    }

    private Fd fd(Path directory) throws SyscallException {
        Op open = FileOps.open(directory.toString(), FileOps.O_PATH | FileOps.O_DIRECTORY);
        return kernel.run(OpList.of(open)).fd(open);
    }

    private String resolve(String target, boolean directory) throws SyscallException {
        MountTargets.Place place = targets.resolve(target, directory);
        place.file().close();
        return place.path();
    }

    private void link(String name, String target) throws IOException {
        Files.createSymbolicLink(root.resolve(name), Path.of(target));
    }

    @ParameterizedTest
    @CsvSource({
        "/var, /var", "/new/deep, /new/deep", "//var/./x/, /var/x", "/usr/share/x, /usr/share/x", "/usr, /usr",
        "/to-var/x, /var/x", "/to-root/var, /var", "/up/var, /var", "/to-usr/share, /usr/share", "/dangling/y, /none/y",
        "/around, /var/made"
    })
    void linksAreFollowedWithinTheRoot(String target, String expected) throws IOException {
        link("to-var", "/var");
        link("to-root", "/");
        link("up", "../../../..");
        link("to-usr", "var/../usr");
        link("dangling", "none");
        link("around", "etc/../var/made");
        assertThat(resolve(target, true)).isEqualTo(expected);
        assertThat(temporary.resolve(expected.startsWith("/usr") ? "part" + expected.substring(4) : "root" + expected))
                .isDirectory();
        assertThat(root.resolve("usr")).isEmptyDirectory();
    }

    @Test
    void aMissingFileIsMadeAsOne() throws IOException {
        assertThat(resolve("/a/b/file", false)).isEqualTo("/a/b/file");
        assertThat(root.resolve("a/b/file")).isEmptyFile();
        assertThat(resolve("/etc/passwd", false)).isEqualTo("/etc/passwd");
    }

    @ParameterizedTest
    @ValueSource(strings = {"/proc", "/dev/x", "/sys", "/to-proc", "/to-proc/1/root", "/back/shm", "/through"})
    void whatTheSandboxHasOfItsOwnIsRefused(String target) throws IOException {
        link("to-proc", "proc");
        link("back", "/var/../dev");
        link("through", "proc/../var");
        assertRefused(target, true, "which every sandbox has of its own");
    }

    private void assertRefused(String target, boolean directory, String message) {
        assertThatThrownBy(() -> resolve(target, directory))
                .isInstanceOf(SandboxException.InvalidSpec.class)
                .hasMessageContaining(message);
    }

    @Test
    void whatCannotBeMountedOnIsRefused() throws IOException {
        link("loop", "loop");
        assertRefused("/loop", true, "too many symlinks");
        assertRefused("/etc/passwd", true, "there is no directory");
        assertRefused("/etc", false, "there is a directory");
        assertRefused("/etc/passwd/x", true, "is no directory");
        link("top", "etc/..");
        assertRefused("/top", true, "cover another");
    }

    @Test
    void oneMountGoesBeneathAnotherButNotOverIt() throws IOException {
        Path mounted = Files.createDirectory(temporary.resolve("mounted"));
        try (Fd mount = fd(mounted)) {
            MountTargets.Place place = targets.resolve("/var/lib", true);
            place.file().close();
            targets.put(place, mount, targets.rootMaker());
            assertThat(resolve("/var/lib/x", true)).isEqualTo("/var/lib/x");
            assertThat(mounted.resolve("x")).isDirectory();
            assertThat(root.resolve("var/lib")).isEmptyDirectory();
            link("again", "var/lib");
            assertRefused("/again", true, "cover another");
            assertRefused("/var", true, "cover another");
        }
    }

    /** Whatever links there are: nothing is made outside, and what is found is where the path says. */
    @Test
    void noLinkLeadsOut() throws IOException {
        Path outside = Files.createDirectory(temporary.resolve("outside"));
        String[] pieces = {"a", "b", "..", "/", "../..", outside.toString(), "etc", "proc", ".", "b/../a", "usr"};
        Seeded.run(random -> {
            for (int i = 0; i < 200; i++) {
                String name = "l" + i;
                try {
                    link(name, path(random, pieces, i));
                    String path = resolve("/" + name + "/" + path(random, pieces, i), true);
                    assertThat(path).startsWith("/").doesNotContain("..").doesNotStartWith("/proc");
                } catch (SandboxException.InvalidSpec e) {
                    assertThat(e.getMessage()).startsWith("nothing can be mounted at");
                } catch (IOException e) {
                    throw new AssertionError(e);
                }
                assertThat(outside).isEmptyDirectory();
            }
        });
        try (var names = Files.list(temporary)) {
            assertThat(names.map(path -> path.getFileName().toString()).sorted())
                    .containsExactly("outside", "part", "root");
        }
    }

    private static String path(Random random, String[] pieces, int links) {
        List<String> names = new ArrayList<>();
        for (int i = random.nextInt(5); i >= 0; i--) {
            names.add(
                    random.nextInt(3) == 0 && links > 0
                            ? "l" + random.nextInt(links)
                            : pieces[random.nextInt(pieces.length)]);
        }
        return String.join("/", names);
    }
}
