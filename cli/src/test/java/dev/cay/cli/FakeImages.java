package dev.cay.cli;

import dev.cay.ImageConfig;
import dev.cay.ImageConfig.Platform;
import dev.cay.ImageDetails;
import dev.cay.ImageInfo;
import dev.cay.ImageProgress;
import dev.cay.ImageRemoval;
import dev.cay.Images;
import dev.cay.SandboxException;
import dev.cay.Size;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/** Images that are but names, and registries that have every one. */
final class FakeImages implements Images {
    final List<ImageInfo> images = new ArrayList<>();
    final List<String> calls = new ArrayList<>();
    final List<ImageProgress> progress = new ArrayList<>();
    final List<String> wrong = new ArrayList<>();
    Optional<SandboxException> failure = Optional.empty();

    static ImageInfo info(String name, char digit) {
        String digest = "sha256:" + String.valueOf(digit).repeat(64);
        return new ImageInfo(
                digest,
                digest,
                List.of(name),
                Platform.parse("linux/amd64"),
                Instant.EPOCH,
                Size.mib(3),
                Size.mib(1),
                List.of());
    }

    private ImageInfo come(String call, String name, Consumer<ImageProgress> listener) {
        calls.add(call);
        progress.forEach(listener);
        failure.ifPresent(problem -> {
            throw problem;
        });
        ImageInfo image = info(name, 'a');
        images.add(image);
        return image;
    }

    private static String read(InputStream archive) {
        try {
            return new String(archive.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public ImageInfo pull(String name, Optional<Platform> platform, Consumer<ImageProgress> listener) {
        return come("pull " + name + platform.map(of -> " for " + of).orElse(""), name, listener);
    }

    @Override
    public List<ImageInfo> load(InputStream archive, Consumer<ImageProgress> listener) {
        return List.of(come("load " + read(archive), "loaded:latest", listener));
    }

    @Override
    public ImageInfo importRoot(InputStream archive, Optional<String> name, ImageConfig config) {
        return come(
                "import " + read(archive) + " " + config.commandLine() + config.environment() + config.labels(),
                name.orElse("none"),
                step -> {});
    }

    @Override
    public void save(List<String> references, OutputStream archive) {
        references.forEach(this::inspect);
        try {
            archive.write(String.join(" ", references).getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public List<ImageInfo> list() {
        return images;
    }

    @Override
    public ImageConfig config(String reference) {
        return inspect(reference).config();
    }

    @Override
    public ImageDetails inspect(String reference) {
        ImageInfo found = images.stream()
                .filter(image -> image.names().contains(reference))
                .findFirst()
                .orElseThrow(() -> new SandboxException.NotFound("there is no image " + reference, "pull it"));
        ImageConfig config = new ImageConfig(
                found.platform(),
                Optional.empty(),
                List.of("/entry"),
                List.of("a", "b"),
                Map.of("PATH", "/bin"),
                Optional.of("/srv"),
                Optional.of("www"),
                Optional.of("SIGINT"),
                List.of("80/tcp"),
                List.of("/data"),
                Map.of("k", "v"));
        return new ImageDetails(found, config, List.of(new ImageDetails.Layer("sha256:b", Size.mib(3), Size.mib(9))));
    }

    @Override
    public void tag(String reference, String name) {
        calls.add("tag " + reference + " " + name);
    }

    @Override
    public ImageRemoval remove(String reference) {
        ImageInfo found = inspect(reference).info();
        images.remove(found);
        return new ImageRemoval(found.names(), List.of(found.digest()), found.unshared());
    }

    @Override
    public ImageRemoval prune(boolean all) {
        calls.add("prune " + all);
        return new ImageRemoval(List.of("old:1"), List.of("sha256:" + "c".repeat(64)), Size.mib(7));
    }

    @Override
    public List<String> check() {
        return wrong;
    }

    @Override
    public void login(String registry, String user, String password) {
        calls.add("login " + registry + " " + user + " " + password);
    }

    @Override
    public void logout(String registry) {
        calls.add("logout " + registry);
    }
}
