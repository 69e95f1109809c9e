package dev.cay.engine.image;

import dev.cay.ImageConfig.Platform;
import dev.cay.linux.Architecture;
import java.util.List;
import java.util.Optional;

/** Which image of an index is meant. */
final class PlatformChoice {
    private static final String DEFAULT_ARM64 = "v8";
    private static final String DEFAULT_AMD64 = "v1";

    private PlatformChoice() {}

    /** This machine's. */
    static Platform current() {
        String architecture = switch (Architecture.current()) {
            case X86_64 -> "amd64";
            case AARCH64 -> "arm64";
        };
        return new Platform("linux", architecture, Optional.empty());
    }

    /**
     * The first image that fits best: with just that variant, or without one. One that says nothing of its platform fits if it is
     * alone.
     */
    static Optional<Descriptor> choose(List<Descriptor> images, Platform wanted) {
        if (images.size() == 1 && images.get(0).platform().isEmpty()) {
            return Optional.of(images.get(0));
        }
        Optional<Descriptor> other = Optional.empty();
        for (Descriptor image : images) {
            if (image.platform().isEmpty()) {
                continue;
            }
            Platform platform = image.platform().get();
            if (platform.os().equals(wanted.os()) && platform.architecture().equals(wanted.architecture())) {
                if (variant(platform).equals(variant(wanted))) {
                    return Optional.of(image);
                }
                if (wanted.variant().isEmpty() && variant(wanted).isEmpty() && other.isEmpty()) {
                    other = Optional.of(image);
                }
            }
        }
        return other;
    }

    private static String variant(Platform platform) {
        return platform.variant()
                .orElse(
                        switch (platform.architecture()) {
                            case "arm64" -> DEFAULT_ARM64;
                            case "amd64" -> DEFAULT_AMD64;
                            default -> "";
                        });
    }
}
