package dev.cay;

import java.util.List;
import java.util.Optional;

/** The named volumes of this machine: directories that outlive sandboxes. Thread-safe, also between processes. */
public interface Volumes {
    /**
     * A volume.
     *
     * @param name its name
     * @param limit the most it can hold; empty for as much as the disk does
     * @param users the ids of the sandboxes that have it mounted
     */
    record Info(String name, Optional<Size> limit, List<String> users) {
        public Info {
            Check.name("the volume's name", name);
            users = List.copyOf(users);
        }
    }

    /**
     * Makes a volume.
     *
     * @throws SandboxException.Conflict if there is one of this name
     */
    Info create(String name, Optional<Size> limit);

    List<Info> list();

    /**
     * Removes a volume with all that is in it.
     *
     * @throws SandboxException.NotFound if there is none
     * @throws SandboxException.Conflict if a sandbox has it mounted
     */
    void remove(String name);
}
