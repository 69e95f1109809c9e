package dev.cay.cli;

import dev.cay.Root;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.Snapshots;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Snapshots that are but names; what goes on there is a new sandbox. */
final class FakeSnapshots implements Snapshots {
    final List<Info> snapshots = new ArrayList<>();
    private final FakeSandboxes sandboxes;

    FakeSnapshots(FakeSandboxes sandboxes) {
        this.sandboxes = sandboxes;
    }

    @Override
    public Info create(Sandbox sandbox, String name) {
        String image = sandbox.info().spec().root() instanceof Root.Image root ? root.reference() : "";
        Info made = new Info(name, image, Size.mib(512), Size.mib(80), Duration.ofMillis(250), Instant.EPOCH);
        snapshots.add(made);
        return made;
    }

    @Override
    public Sandbox restore(String snapshot, Copy copy) {
        require(snapshots.stream().anyMatch(info -> info.name().equals(snapshot)), snapshot);
        return sandboxes.create(
                SandboxSpec.image(snapshot).build().withName(copy.name()).withLifetime(copy.lifetime()));
    }

    @Override
    public Sandbox fork(Sandbox sandbox, Copy copy) {
        return sandboxes.create(sandbox.info().spec().withName(copy.name()).withLifetime(copy.lifetime()));
    }

    @Override
    public List<Info> list() {
        return snapshots;
    }

    @Override
    public void remove(String name) {
        require(snapshots.removeIf(snapshot -> snapshot.name().equals(name)), name);
    }

    private static void require(boolean there, String name) {
        if (!there) {
            throw new SandboxException.NotFound("there is no snapshot " + name, "see: cay snapshot ls");
        }
    }
}
