package dev.cay.engine.container;

import dev.cay.linux.OwnedNamespaces.Extent;
import dev.cay.linux.OwnedNamespaces.Maps;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * As whom the users of a sandbox work on a directory of the host: its default user is the owner of the directory, and whoever has
 * that user's id on the disk has the owner's id in the sandbox. All others have the same id here and there.
 *
 * <p>Only the owner may be root: in the name of the host's root nobody else writes, or a sandbox could leave programs for the
 * users of the host that run as root. What belongs to root appears as nobody's, and its modes hold.
 */
final class IdExchange {
    private static final long ROOT = 0;

    /**
     * Ids that no process has and no sandbox can have: systemd's table leaves all from here on to nobody. Files whose ids were not
     * mapped at all could not be written even where everybody may.
     */
    private static final int UNATTAINABLE = 0x8000_0000;

    private IdExchange() {}

    /**
     * The maps of a mount, from ids on the disk to those of the host that the sandbox's are.
     *
     * @param firstId the host's id of the sandbox's root
     * @param count how many ids the sandbox has
     */
    static Maps maps(int firstId, int count, long ownerUser, long ownerGroup, Accounts.Identity identity) {
        return new Maps(
                extents(firstId, count, ownerUser, identity.user()),
                extents(firstId, count, ownerGroup, identity.group()));
    }

    /**
     * @param owner the id on the disk that becomes
     * @param member the sandbox's
     */
    static List<Extent> extents(int firstId, long count, long owner, int member) {
        List<Extent> extents = new ArrayList<>();
        // Somebody who has no id in the sandbox owns nothing there.
        extents.add(new Extent((int) owner, member < count ? firstId + member : UNATTAINABLE + 1, 1));
        if (owner != ROOT) {
            extents.add(new Extent((int) ROOT, UNATTAINABLE, 1));
        }
        if (member != owner && member != ROOT && member < count) {
            extents.add(new Extent(member, owner < count ? firstId + (int) owner : UNATTAINABLE + 1, 1));
        }
        long next = 0;
        for (long special : new TreeSet<>(List.of(ROOT, Math.min(member, count), Math.min(owner, count), count))) {
            if (next < special) {
                extents.add(new Extent((int) next, firstId + (int) next, (int) (special - next)));
            }
            next = special + 1;
        }
        return extents;
    }
}
