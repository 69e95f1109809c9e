package dev.cay.cli;

import dev.cay.ImageConfig;
import dev.cay.ImageInfo;
import dev.cay.Sandboxes;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;

/** Archives of images: {@code cay image load}, {@code import} and {@code save}. */
final class ImageTransfer {
    private static final String STANDARD = "-";

    private ImageTransfer() {}

    static int load(Arguments arguments, List<String> operands, Format format, Context context) {
        Listing.requireNone(operands);
        try (Sandboxes engine = context.engine().open();
                InputStream archive = open(arguments, "docker save debian:12 | cay image load", context)) {
            List<ImageInfo> images = engine.images().load(archive, new ImageProgressReport(format, context));
            images.forEach(image -> print(image, "loaded", format, context));
        } catch (IOException e) {
            throw HostFiles.failed("cannot read the archive", e);
        }
        return ExitCode.SUCCESS;
    }

    static int importRoot(Arguments arguments, List<String> operands, Format format, Context context) {
        if (operands.size() > 1) {
            throw Operands.unexpected(operands.get(1), "one name is enough, and the archive is given by --file");
        }
        ImageConfig config = ImageImport.config(arguments);
        try (Sandboxes engine = context.engine().open();
                InputStream archive = open(arguments, "cay image import NAME -f root.tar", context)) {
            Optional<String> name = operands.stream().findFirst();
            print(engine.images().importRoot(archive, name, config), "imported", format, context);
        } catch (IOException e) {
            throw HostFiles.failed("cannot read the archive", e);
        }
        return ExitCode.SUCCESS;
    }

    private static InputStream open(Arguments arguments, String example, Context context) throws IOException {
        String file = arguments.last(ImageCommand.FILE).orElse(STANDARD);
        if (!file.equals(STANDARD)) {
            return Files.newInputStream(Path.of(file));
        }
        if (context.terminal().isTerminal(Streams.IN)) {
            throw new UsageException("nobody types an archive", "write: " + example);
        }
        return ArchiveInput.of(context.streams(), example);
    }

    private static void print(ImageInfo image, String event, Format format, Context context) {
        if (format == Format.JSON) {
            JsonLine.print(context.streams(), json -> {
                json.field("event", event);
                ImageJson.write(json, image);
            });
        } else {
            context.streams()
                    .print((image.names().isEmpty() ? image.digest() : String.join(" ", image.names())) + "\n");
        }
    }

    static int save(Arguments arguments, List<String> images, Context context) {
        if (images.isEmpty()) {
            throw new UsageException("an image is missing", "write: cay image save IMAGE -f image.tar");
        }
        String file = arguments.last(ImageCommand.FILE).orElse(STANDARD);
        try (Sandboxes engine = context.engine().open()) {
            if (file.equals(STANDARD)) {
                if (context.printsToTerminal()) {
                    throw new UsageException(
                            "an archive is nothing to look at", "write: cay image save IMAGE -f image.tar");
                }
                write(engine, images, context.streams());
            } else {
                save(engine, images, Path.of(file));
            }
        } catch (IOException e) {
            throw HostFiles.failed("cannot write the archive", e);
        }
        return ExitCode.SUCCESS;
    }

    /** Whether it was we who could not write is told as with all that is written to standard output. */
    private static void write(Sandboxes engine, List<String> images, Streams streams) {
        HostFiles.Noting noting = new HostFiles.Noting(streams.out());
        try {
            OutputStream out = new BufferedOutputStream(noting, 64 * 1024);
            engine.images().save(images, out);
            out.flush();
        } catch (IOException e) {
            throw streams.failure(Streams.OUT, e);
        } catch (RuntimeException e) {
            if (noting.failure().isPresent()) {
                throw streams.failure(Streams.OUT, noting.failure().get());
            }
            throw e;
        }
    }

    /** The file is there when it is whole. */
    private static void save(Sandboxes engine, List<String> images, Path file) throws IOException {
        Path born = file.resolveSibling(file.getFileName() + ".part");
        try {
            try (OutputStream out = new BufferedOutputStream(create(born, file), 64 * 1024)) {
                engine.images().save(images, out);
            }
            Files.move(born, file, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(born);
        }
    }

    /** What cannot be made is told by the name that was given. */
    private static OutputStream create(Path born, Path file) throws IOException {
        try {
            return Files.newOutputStream(born);
        } catch (NoSuchFileException e) {
            throw new NoSuchFileException(file.toString());
        } catch (AccessDeniedException e) {
            throw new AccessDeniedException(file.toString());
        }
    }
}
