package dev.cay.it;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.ImageConfig;
import dev.cay.ImageConfig.Platform;
import dev.cay.ImageInfo;
import dev.cay.Images;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What {@link ChildOperator} does with images. */
final class ImageOrders {
    private ImageOrders() {}

    static String obey(Sandboxes engine, String order, String name) throws IOException {
        Images images = engine.images();
        String[] words = name.split(" ", 2);
        return switch (order) {
            case "pull" -> images.pull(name, Optional.empty(), progress -> {}).digest();
            case "login" -> {
                String[] who = words[1].split(" ", 2);
                images.login(words[0], who[0], who[1]);
                yield "";
            }
            case "logout" -> {
                images.logout(name);
                yield "";
            }
            case "remove" -> images.remove(name).toString();
            case "prune" -> images.prune(false).freed().toString();
            case "check" -> images.check().toString();
            case "list" -> images.list().stream().map(ImageInfo::names).toList().toString();
            case "load" -> {
                try (InputStream in = Files.newInputStream(Path.of(name))) {
                    yield images.load(in, progress -> {}).stream()
                            .map(ImageInfo::names)
                            .toList()
                            .toString();
                }
            }
            case "save" -> {
                try (OutputStream out = Files.newOutputStream(Path.of(words[1]))) {
                    images.save(List.of(words[0]), out);
                }
                yield "";
            }
            case "run" -> {
                ExecSpec command = ExecSpec.of("/bin/busybox", "sh", "-c", words[1]);
                ExecResult result = engine.run(SandboxSpec.image(words[0]).build(), command);
                String said = result.stdout() + result.stderr();
                yield result.exit() + " " + said.strip().replace('\n', ' ');
            }
            case "import" -> {
                try (InputStream in = Files.newInputStream(Path.of(words[1]))) {
                    yield images.importRoot(in, Optional.of(words[0]), ImageConfig.empty(Platform.parse("linux/amd64")))
                            .digest();
                }
            }
            case "change" -> { // NAME NEW-NAME SCRIPT
                String[] rest = words[1].split(" ", 2);
                try (Sandbox sandbox = engine.create(SandboxSpec.image(words[0]).build())) {
                    sandbox.exec("/bin/busybox", "sh", "-c", rest[1]);
                    yield engine.commit(sandbox, Optional.of(rest[0])).digest();
                }
            }
            default -> throw new IllegalArgumentException("no order: image " + order);
        };
    }
}
