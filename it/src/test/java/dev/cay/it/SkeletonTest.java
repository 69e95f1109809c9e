package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Engines share what they have gathered of this machine's /etc, as long as it is as it was. */
@ExtendWith(RootLane.class)
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SkeletonTest {
    private static final Path SKELETONS = Path.of("/run/cay/skeletons");

    private static String listing() {
        try (Sandboxes engine = Sandboxes.local();
                Sandbox box = engine.create(SandboxSpec.host().build())) {
            return box.exec(
                            "sh",
                            "-c",
                            "cd /; find etc bin var home -printf '%p %m %U:%G %l\\n' | sort; cat /etc/os-release")
                    .stdout();
        }
    }

    private static List<Path> skeletons() throws IOException {
        try (Stream<Path> all = Files.list(SKELETONS)) {
            return all.filter(path -> path.getFileName().toString().matches("[0-9a-f]{32}"))
                    .toList();
        }
    }

    @Test
    void whatAnEarlierEngineGatheredIsWhatThisOneSees() throws IOException {
        String gathered = listing();
        assertThat(gathered)
                .contains("etc/passwd 644 0:0", "home/user 755 1000:1000", "etc/mtab 777 0:0 /proc/self/mounts");
        List<Path> before = skeletons();
        assertThat(before).isNotEmpty();
        assertThat(listing()).isEqualTo(gathered);
        assertThat(skeletons()).isEqualTo(before);

        Files.writeString(SKELETONS.resolve("manifest"), "0123\n0:0.0:644 /etc/os-release\n"); // as if it had changed
        assertThat(listing()).isEqualTo(gathered);
        assertThat(skeletons()).as("the same content is the same skeleton").containsExactlyInAnyOrderElementsOf(before);

        Files.writeString(SKELETONS.resolve("manifest"), "");
        Files.createDirectories(SKELETONS.resolve(".new/etc")); // of somebody who was killed
        assertThat(listing()).isEqualTo(gathered);
        assertThat(SKELETONS.resolve(".new")).doesNotExist();
    }

    @Test
    void noSandboxChangesIt() {
        String gathered = listing();
        try (Sandboxes engine = Sandboxes.local()) {
            for (SandboxSpec spec : new SandboxSpec[] {
                SandboxSpec.host().build(),
                SandboxSpec.host().readOnly().build(),
                SandboxSpec.host().userNamespace(false).build()
            }) {
                try (Sandbox box = engine.create(spec)) {
                    box.exec(
                            "sh",
                            "-c",
                            "rm -rf /etc/alternatives /etc/passwd; echo evil >> /etc/os-release; chmod 777 /etc; mount -o remount,rw /");
                }
            }
        }
        assertThat(listing()).isEqualTo(gathered);
    }
}
