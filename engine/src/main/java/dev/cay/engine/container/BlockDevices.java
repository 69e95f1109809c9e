package dev.cay.engine.container;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The block devices that throughput limits apply to: those with hardware, or a hypervisor, behind them. */
final class BlockDevices {
    private BlockDevices() {}

    /** Their numbers as {@code MAJOR:MINOR}. Partitions are throttled with their disk; see sysfs(5). */
    static List<String> numbers() {
        List<String> numbers = new ArrayList<>();
        try (DirectoryStream<Path> devices = Files.newDirectoryStream(Path.of("/sys/block"))) {
            for (Path device : devices) {
                if (Files.exists(device.resolve("device"))) {
                    numbers.add(Files.readString(device.resolve("dev")).trim());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return numbers;
    }
}
