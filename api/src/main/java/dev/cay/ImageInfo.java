package dev.cay;

import static java.util.Objects.requireNonNull;

import dev.cay.ImageConfig.Platform;
import java.time.Instant;
import java.util.List;

/**
 * An image of this machine.
 *
 * @param digest of its manifest: its name where all names can change
 * @param id the digest of its config, which other tools call the id of an image
 * @param names what it can be called; none if its last name has gone to another image
 * @param platform for which machines it is
 * @param added when it came here
 * @param size what its layers take of the disk
 * @param unshared how much of that no other image shares: what is won when it is removed
 * @param users the ids of the sandboxes that are made of it
 */
public record ImageInfo(
        String digest,
        String id,
        List<String> names,
        Platform platform,
        Instant added,
        Size size,
        Size unshared,
        List<String> users) {
    public ImageInfo {
        requireNonNull(digest, "digest is null");
        requireNonNull(id, "id is null");
        names = List.copyOf(names);
        requireNonNull(platform, "platform is null");
        requireNonNull(added, "added is null");
        requireNonNull(size, "size is null");
        requireNonNull(unshared, "unshared is null");
        users = List.copyOf(users);
    }
}
