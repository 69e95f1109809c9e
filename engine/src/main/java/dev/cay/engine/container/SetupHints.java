package dev.cay.engine.container;

import dev.cay.Root;
import dev.cay.SandboxSpec;
import dev.cay.linux.Errno;
import dev.cay.linux.SyscallException;

/** What to do about a step of a set-up that failed. */
final class SetupHints {
    private SetupHints() {}

    static String of(SyscallException failure, SandboxSpec spec) {
        if (failure.is(Errno.EPERM) || failure.is(Errno.EACCES)) {
            return "run as root, outside of other containers";
        }
        if (failure.is(Errno.ENOSYS)) {
            return "this needs Linux 6.15 or newer";
        }
        return switch (failure.call()) {
            case "mount_setattr" ->
                spec.root() instanceof Root.Directory(var path)
                        ? "the file system of " + path + " cannot shift ids; use ext4, xfs, btrfs or tmpfs"
                        : "the file system of /usr cannot shift ids; use a root directory on ext4, xfs, btrfs or tmpfs";
            case "write" -> "the kernel refused the limit";
            case "move_mount" -> "the root file system has something else than a directory at this place";
            case "mkdirat" -> failure.is(Errno.ENOSPC) ? "the machine has no room for more control groups" : "";
            default -> "";
        };
    }
}
