package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SubmountsTest {
    private static final String TABLE = """
        26 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
        27 26 0:25 / /srv rw - xfs /dev/vdb rw
        28 27 0:26 / /srv/data/a\\040b rw,nosuid shared:2 master:3 - fuse.sshfs x rw
        29 27 0:27 / /srv/database rw - tmpfs none rw
        30 27 0:28 / /srv/data/deep/er rw - overlay none rw
        31 26 0:29
        32 26 0:30 net:[4026] /run/netns/x rw
        """;

    @Test
    void theMountOfASourceComesFirstThenThoseBelow() {
        assertThat(Submounts.of(TABLE, Path.of("/srv/data")))
                .containsExactly(
                        new Submounts.Entry(Path.of("/srv"), "xfs"),
                        new Submounts.Entry(Path.of("/srv/data/a b"), "fuse.sshfs"),
                        new Submounts.Entry(Path.of("/srv/data/deep/er"), "overlay"));
    }

    @Test
    void whereNothingIsMountedItIsTheRoots() {
        assertThat(Submounts.of(TABLE, Path.of("/home/x")))
                .isEqualTo(List.of(new Submounts.Entry(Path.of("/"), "ext4")));
    }
}
