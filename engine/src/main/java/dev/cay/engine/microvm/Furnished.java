package dev.cay.engine.microvm;

import dev.cay.Mount;
import dev.cay.SandboxSpec;
import dev.cay.engine.container.GuestUser;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A sandbox as a machine has it.
 *
 * @param wanted what its guest is to be
 * @param disks that the guest finds by their serials
 */
record Furnished(GuestSpec wanted, List<Disk> disks) {
    /**
     * @param layers of its image, the lowest first
     * @param others its other disks
     * @param owner whose the files of this machine are that it sees
     */
    static Furnished of(
            String id,
            SandboxSpec spec,
            List<Path> layers,
            MicroVms.DiskFiles others,
            Optional<GuestNetwork> network,
            GuestUser owner) {
        List<Disk> disks = new ArrayList<>();
        for (Path layer : layers) {
            disks.add(new Disk(layer, Disk.layer(disks.size()), true));
        }
        List<String> lower = disks.stream().map(Disk::serial).toList();
        Map<String, String> serials = new HashMap<>();
        others.changes().ifPresent(file -> disks.add(new Disk(file, GuestSpec.CHANGES, false)));
        others.volumes().forEach((name, file) -> {
            String serial = "volume" + serials.size();
            serials.put(name, serial);
            disks.add(new Disk(file, serial, isReadOnly(spec, name)));
        });
        List<String> gateways = network.map(GuestNetwork::gateways).orElse(List.of());
        return new Furnished(GuestSpec.of(id, spec, lower, gateways, serials, owner), disks);
    }

    /** Whether a sandbox changes nothing of a volume. */
    private static boolean isReadOnly(SandboxSpec spec, String volume) {
        return spec.mounts().stream()
                .filter(Mount.Named.class::isInstance)
                .map(Mount.Named.class::cast)
                .filter(named -> named.volume().equals(volume))
                .allMatch(Mount.Named::readOnly);
    }
}
