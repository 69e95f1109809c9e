package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The names of this machine's images: a file with a line for each, replaced as a whole. Whoever writes it holds a lock. */
final class References {
    private final Path file;

    /**
     * A name.
     *
     * @param reference how the image is called
     * @param image the digest of its manifest
     * @param origin the digest of what the name meant in the registry: the manifest, or an index that names it
     */
    record Name(Reference reference, Digest image, Digest origin) {
        Name {
            requireNonNull(reference, "reference is null");
            requireNonNull(image, "image is null");
            requireNonNull(origin, "origin is null");
        }

        /** Whether another reference means the same: one with a digest may name the image or its index. */
        boolean isMeantBy(Reference other) {
            if (other.digest().isEmpty()) {
                return reference.equals(other);
            }
            Digest digest = other.digest().get();
            return reference.name().equals(other.name()) && (digest.equals(image) || digest.equals(origin));
        }

        /** Whether somebody who writes this means it. */
        boolean isCalled(String text) {
            try {
                return isMeantBy(Reference.parse(text));
            } catch (SandboxException.InvalidSpec e) {
                return false; // it is a digest
            }
        }

        private String line() {
            return reference + " " + image + " " + origin + "\n";
        }
    }

    References(Path base) {
        file = base.resolve("references");
    }

    /** In the order they were given. */
    List<Name> read() throws IOException {
        List<Name> names = new ArrayList<>();
        String text;
        try {
            text = Files.readString(file);
        } catch (NoSuchFileException e) {
            return names;
        }
        for (String line : text.lines().toList()) {
            names.add(parse(line));
        }
        return names;
    }

    void write(List<Name> names) throws IOException {
        StringBuilder text = new StringBuilder();
        names.forEach(name -> text.append(name.line()));
        Durable.replace(file, text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private Name parse(String line) {
        String[] words = line.split(" ", -1);
        if (words.length == 3) {
            Optional<Digest> image = Digest.parse(words[1]);
            Optional<Digest> origin = Digest.parse(words[2]);
            if (image.isPresent() && origin.isPresent()) {
                return new Name(Reference.parse(words[0]), image.get(), origin.get());
            }
        }
        throw new SandboxException.HostFailed(
                "the names of images cannot be read: " + file + " is damaged",
                "remove that file; then pull the images again, which are still there",
                null);
    }
}
