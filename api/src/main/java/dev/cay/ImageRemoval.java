package dev.cay;

import static java.util.Objects.requireNonNull;

import java.util.List;

/**
 * What has been removed of the images of this machine.
 *
 * @param names that are nobody's now
 * @param digests of the images that are gone
 * @param freed what their layers took of the disk
 */
public record ImageRemoval(List<String> names, List<String> digests, Size freed) {
    public ImageRemoval {
        names = List.copyOf(names);
        digests = List.copyOf(digests);
        requireNonNull(freed, "freed is null");
    }
}
