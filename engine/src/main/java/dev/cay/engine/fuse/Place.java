package dev.cay.engine.fuse;

import static java.util.Objects.requireNonNull;

import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import java.util.List;

/**
 * Where the files are.
 *
 * @param kernel runs lists that may do there all that the guest may have done
 * @param root the directory that the guest sees as the root of all; its owner's, and open for as long as it is served
 * @param identity how a list goes on as somebody
 * @param owner the user in whose name is renamed and linked, which the kernel looks at whatever the rights
 * @param group his
 */
public record Place(Kernel kernel, Fd root, Identity identity, int owner, int group) {
    /** Becomes somebody, as whose the files are made that follow in the list. */
    @FunctionalInterface
    public interface Identity {
        List<Op> of(int user, int group);
    }

    public Place {
        requireNonNull(kernel, "kernel is null");
        requireNonNull(root, "root is null");
        requireNonNull(identity, "identity is null");
    }

    List<Op> asOwner() {
        return identity.of(owner, group);
    }
}
