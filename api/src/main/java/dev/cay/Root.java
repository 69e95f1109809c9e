package dev.cay;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/** The root file system of a sandbox: what it sees before it writes anything. */
public sealed interface Root {
    /**
     * The programs of this machine: its {@code /usr}, {@code /bin} and {@code /lib*}, and of {@code /etc} only what programs
     * need to run. Nothing of {@code /home}, {@code /root}, {@code /var}, {@code /run} or {@code /opt} is visible.
     */
    record Host() implements Root {}

    /**
     * A directory of this machine that holds a whole root file system. It is never written to.
     *
     * @param path an absolute path
     */
    record Directory(Path path) implements Root {
        public Directory {
            requireNonNull(path, "path is null");
        }
    }

    /**
     * An image of the local store.
     *
     * @param reference its name, as in {@code debian:12}, or how its digest begins
     * @param digest of its manifest, if it is known: of a sandbox it always is, since the name can be given to another image
     */
    record Image(String reference, Optional<String> digest) implements Root {
        private static final int MAXIMUM_LENGTH = 1024;
        private static final Pattern DIGEST = Pattern.compile("sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}");

        public Image {
            Check.text("the image", reference);
            Check.that(
                    !reference.isEmpty() && reference.length() <= MAXIMUM_LENGTH,
                    "the name of an image has 1 to " + MAXIMUM_LENGTH + " characters",
                    "write NAME[:TAG][@DIGEST]");
            digest.ifPresent(value ->
                    Check.that(DIGEST.matcher(value).matches(), "'" + value + "' is no digest", "write sha256:HEX"));
        }

        /** What finds exactly this image. */
        public String exact() {
            return digest.orElse(reference);
        }
    }

    static Root host() {
        return new Host();
    }

    static Root directory(Path path) {
        return new Directory(path);
    }

    static Root image(String reference) {
        return new Image(reference, Optional.empty());
    }
}
