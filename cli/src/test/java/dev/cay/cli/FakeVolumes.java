package dev.cay.cli;

import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.Volumes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Volumes that are but names. */
final class FakeVolumes implements Volumes {
    final List<Info> volumes = new ArrayList<>();

    @Override
    public Info create(String name, Optional<Size> limit) {
        if (volumes.stream().anyMatch(volume -> volume.name().equals(name))) {
            throw new SandboxException.Conflict("there is a volume '" + name + "'", "choose another name");
        }
        Info made = new Info(name, limit, List.of());
        volumes.add(made);
        return made;
    }

    @Override
    public List<Info> list() {
        return volumes;
    }

    @Override
    public void remove(String name) {
        if (!volumes.removeIf(volume -> volume.name().equals(name))) {
            throw new SandboxException.NotFound("there is no volume '" + name + "'", "see: cay volume ls");
        }
    }
}
