package dev.cay.it;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** A place that processes see as their own /var/lib/cay; they see settings of registries of their own too. */
final class OwnStore {
    private final String mount;
    private final Path directory;
    private final Path settings = Lab.directory();

    private OwnStore(String mount, Path directory) {
        this.mount = mount;
        this.directory = directory;
        try {
            Files.createDirectories(Path.of("/var/lib/cay"));
            Files.createDirectory(settings.resolve("cay"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static OwnStore open() {
        Path directory = Lab.directory();
        return new OwnStore("mount --bind " + directory + " /var/lib/cay", directory);
    }

    /** One in memory, for one process. */
    static OwnStore small(String size) {
        return new OwnStore("mount -t tmpfs -o size=" + size + " tmpfs /var/lib/cay", Path.of("/nowhere"));
    }

    /** Writes what /etc/cay/registries.json says. */
    OwnStore registries(String entries) {
        try {
            Files.writeString(settings.resolve("cay/registries.json"), "{\"registries\":[" + entries + "]}");
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What a command stands behind to see all this. */
    List<String> wrapper() {
        String script = mount + " && mount -t overlay -o lowerdir=" + settings + ":/etc overlay /etc && exec \"$@\"";
        return List.of("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh");
    }

    /** What is half done, or half gone, and who is said to be at it. */
    List<String> half() {
        try (Stream<Path> files = Files.walk(directory.resolve("images"), 2)) {
            return files.map(
                            file -> directory.resolve("images").relativize(file).toString())
                    .filter(name -> name.contains(".new-") || name.contains(".gone-") || name.startsWith("pins/"))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
