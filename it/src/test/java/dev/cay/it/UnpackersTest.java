package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a sandbox sees of an image is, file by file, what podman and umoci unpack of the same image. */
@ExtendWith(RootLane.class)
final class UnpackersTest {
    /** In a world of its own, because it leaves things in /run and /dev/shm; its store stays, unpacked files all of it. */
    private static final String PODMAN = """
            mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /dev/shm || exit
            run() { podman --root "$1/podman" --runroot /run/podman --storage-driver vfs "${@:2}" 2> "$1/podman.log" ||
                cat "$1/podman.log"; }
            run "$1" load -q -i "$2" > /dev/null && run "$1" image mount "localhost/$3:1"
            """;

    private static final String UMOCI = """
            skopeo --insecure-policy copy -q "docker-archive:$2" "oci:$1/layout:1" &&
                umoci unpack --image "$1/layout:1" "$1/bundle" > /dev/null && echo "$1/bundle/rootfs"
            """;

    /** What a sandbox has of its own. */
    private static final Pattern OWN = Pattern.compile(
            "\\|(?:dev|proc|sys|etc/hosts|etc/hostname|etc/resolv\\.conf)\\||  \\./etc/(?:hosts|hostname|resolv\\.conf)$");

    /** The time of the root, and of /etc, into which the sandbox's own files are put. */
    private static final Pattern TIME = Pattern.compile("\\|d\\|([0-7]+)\\|[-0-9.]+\\|(|etc)\\|$");

    private static final Pattern DEVICE = Pattern.compile("^[0-9]+\\|[0-9]+\\|[bc]\\|.*");
    private static final Pattern OWNER = Pattern.compile("^([0-9]+)\\|([0-9]+)\\|");

    /** A capability of a file that holds in a user namespace: vfs_ns_cap_data, capabilities(7). */
    private static final Pattern CAPABILITY = Pattern.compile("0x0100000([0-9a-f]{33})([0-9a-f]{8})$");

    private static String unpacked(String script, Path folder, Path archive, String title) {
        return Lab.onHost(
                "unshare",
                "--mount",
                "--propagation",
                "private",
                "bash",
                "-c",
                script,
                "bash",
                folder.toString(),
                archive.toString(),
                title);
    }

    /** Without what is a sandbox's own, in the ids of the image. */
    private static List<String> normal(String listing, long firstId) {
        List<String> lines = new ArrayList<>();
        for (String line : listing.split("\n")) {
            if (!OWN.matcher(line).find()) {
                lines.add(TIME.matcher(imageIds(line, firstId)).replaceFirst("|d|$1|$2|"));
            }
        }
        return lines;
    }

    private static String imageIds(String line, long firstId) {
        Matcher owner = OWNER.matcher(line);
        if (owner.find()) {
            return (Long.parseLong(owner.group(1)) - firstId) + "|" + (Long.parseLong(owner.group(2)) - firstId) + "|"
                    + line.substring(owner.end());
        }
        String root = String.format("%08x", Integer.reverseBytes((int) firstId));
        Matcher capability = CAPABILITY.matcher(line.strip());
        if (capability.find() && capability.group(2).equals(root)) {
            return line.replace(
                    capability.group(), "0x0100000" + "2" + capability.group(1).substring(1));
        }
        return line;
    }

    private static List<String> withoutDevices(List<String> lines) {
        return lines.stream().filter(line -> !DEVICE.matcher(line).matches()).toList();
    }

    @ParameterizedTest
    @EnumSource
    void eachFileIsWhatOthersUnpack(ImageArchives image, Sandboxes engine) throws IOException {
        Path archive = image.make();
        Path folder = Lab.directory();
        List<String> podman = normal(FileListing.of(Path.of(unpacked(PODMAN, folder, archive, image.title()))), 0);
        List<String> umoci = normal(FileListing.of(Path.of(unpacked(UMOCI, folder, archive, image.title()))), 0);
        List<String> ours;
        try (InputStream in = Files.newInputStream(archive)) {
            engine.images().load(in, progress -> {});
        }
        try (Sandbox sandbox =
                engine.create(SandboxSpec.image(image.title() + ":1").build())) {
            long first = sandbox.info().firstProcess().orElseThrow();
            Path root = Path.of("/proc/" + first + "/root");
            ours = normal(FileListing.of(root), ((Number) Files.getAttribute(root, "unix:uid")).longValue());
        }
        engine.images().remove(image.title() + ":1");

        Lab.delete(folder);
        expected(image, podman);
        assertSame(umoci, podman);
        assertSame(ours, withoutDevices(podman));
    }

    /** The lists are long: what is told is what differs. */
    private static void assertSame(List<String> actual, List<String> expected) {
        Set<String> both = new HashSet<>(actual);
        both.retainAll(new HashSet<>(expected));
        assertThat(actual)
                .filteredOn(line -> !both.contains(line))
                .containsExactlyElementsOf(
                        expected.stream().filter(line -> !both.contains(line)).toList());
        assertThat(actual).hasSameSizeAs(expected);
    }

    /** So that nothing is compared with nothing. */
    private static void expected(ImageArchives image, List<String> podman) {
        String all = String.join("\n", podman);
        switch (image) {
            case BUSYBOX -> assertThat(all).contains("|bin/busybox|").contains("|bin/sh|busybox");
            case DEBIAN -> {
                assertThat(podman).hasSizeGreaterThan(2000);
                assertThat(all).contains("|srv/env|").contains("|4755|").doesNotContain("|etc/group|");
            }
            case ODD -> {
                assertThat(all)
                        .contains("12345|54321|f|4751|3|6|1700000000.0000000000|first|")
                        .contains("12345|54321|f|4751|3|6|1700000000.0000000000|tree/third|")
                        .contains("65534|60000|d|755|1700000000.0000000000|opt|")
                        .contains("# file: kept/one\rsecurity.capability=0x0100000200240000000000000000000000000000")
                        .contains("# file: kept/numbers\ruser.origin=0x6f6e65")
                        .contains("2208988800.1234567890|kept/late|")
                        .contains("|root/x/file|")
                        .contains("|hidden/above|")
                        .doesNotContain("hidden/below")
                        .doesNotContain("etc/gone")
                        .doesNotContain("|cut");
                assertThat(podman)
                        .filteredOn(line -> DEVICE.matcher(line).matches())
                        .hasSize(2);
            }
        }
    }
}
