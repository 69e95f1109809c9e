package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

final class BlockDevicesTest {
    static boolean isSysMounted() {
        return Files.isDirectory(Path.of("/sys/block"));
    }

    @Test
    @EnabledIf("isSysMounted")
    void devicesAreNumbersAsTheKernelTakesThem() {
        assertThat(BlockDevices.numbers())
                .allMatch(number -> number.matches("[0-9]+:[0-9]+"))
                .doesNotHaveDuplicates();
    }
}
