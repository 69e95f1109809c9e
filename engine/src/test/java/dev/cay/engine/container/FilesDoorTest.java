package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FilesDoorTest {
    private static final String LOCAL = """
            21 20 0:19 / / rw - overlay overlay rw,lowerdir=/a - nfs b
            22 21 0:20 / /proc rw,nosuid shared:3 - proc proc rw
            23 21 8:1 /data /data rw,relatime - ext4 /dev/sda1 rw
            """;

    @Test
    void theKernelAnswersForItself() {
        assertThat(FilesDoor.mayStall(LOCAL)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"fuse", "fuse.sshfs", "nfs4", "9p", "somethingnew"})
    void othersMayNot(String type) {
        assertThat(FilesDoor.mayStall(LOCAL + "24 21 0:30 / /far rw - " + type + " host:/x rw\n"))
                .isTrue();
    }

    @Test
    void whatCannotBeReadMay() {
        assertThat(FilesDoor.mayStall("")).isTrue();
        assertThat(FilesDoor.mayStall(LOCAL + "24 21 0:30 / /far rw\n")).isTrue();
    }
}
