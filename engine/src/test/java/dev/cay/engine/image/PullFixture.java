package dev.cay.engine.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ImageInfo;
import dev.cay.ImageProgress;
import dev.cay.SandboxException;
import dev.cay.engine.state.Directories;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A registry that does as it is told, and a store of images that pulls from it. */
abstract class PullFixture {
    static final Patience SHORT = new Patience(4, Duration.ofMillis(1), Duration.ofMillis(20), Duration.ofMillis(500));

    @TempDir
    Path folder;

    final List<ImageProgress> progress = new CopyOnWriteArrayList<>();
    final Map<String, String> variables = new HashMap<>();
    HostileRegistry registry;
    LocalImages images;

    @BeforeEach
    void here() throws IOException {
        registry = new HostileRegistry();
        images = open();
    }

    @AfterEach
    void end() {
        images.close();
        registry.close();
    }

    LocalImages open() throws IOException {
        Surroundings surroundings = new Surroundings(
                folder.resolve("registries.json"), folder.resolve("credentials.json"), variables::get, SHORT);
        return LocalImages.open(folder.resolve("images"), _ -> false, Bytes.MAKER, surroundings);
    }

    ImageInfo pull(String name) {
        return images.pull(registry.name() + "/" + name, Optional.empty(), progress::add);
    }

    /** What is half done, or there for nothing; a layer that has come whole stays for the next attempt. */
    List<String> left() throws IOException {
        List<String> left = new ArrayList<>();
        for (String part : List.of("layers", "images", "pins", "users")) {
            left.addAll(Directories.names(folder.resolve("images").resolve(part)));
        }
        left.removeIf(name -> Files.exists(folder.resolve("images/layers").resolve(name)) && !name.startsWith("."));
        return left;
    }

    void refused(String name, Class<? extends SandboxException> type, String message) throws IOException {
        assertThatThrownBy(() -> pull(name)).isInstanceOf(type).hasMessageContaining(message);
        assertThat(images.list()).isEmpty();
        assertThat(left()).isEmpty();
    }
}
