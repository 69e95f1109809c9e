package dev.cay.engine.microvm;

import dev.cay.linux.Arg;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.MachineOps;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * What a guest has to be told that goes on in a machine where it was in another one. All its processes but the first stand still
 * meanwhile: they were halted before it was saved.
 */
final class GuestReturn {
    private static final String CARDS = "bus/virtio/drivers/virtio_net/";
    private static final String MACHINE_ID = "/etc/machine-id";
    private static final int MACHINE_ID_SIZE = 16;
    private static final long NO_DEVICES = Mount.MS_NOSUID | Mount.MS_NODEV;
    private static final SecureRandom RANDOM = new SecureRandom();

    private GuestReturn() {}

    /**
     * The steps to what is its own.
     *
     * @param wanted what it is to be; of that its names
     * @param network its port, if it has one
     */
    static List<GuestStep> steps(GuestSpec wanted, Optional<GuestNetwork> network) {
        List<GuestStep> steps = new ArrayList<>(GuestPlaces.awake());
        if (wanted.changesDisk()) { // somebody may have had the other one's stand still, and names are written to it
            steps.add(new GuestStep.Talk("file systems", true, GuestFreezer::thaw));
        }
        if (network.isPresent()) {
            steps.add(new GuestStep.Talk("network card", true, GuestReturn::plugCard));
        }
        steps.add(new GuestStep.Calls("names", true, names(wanted)));
        steps.add(new GuestStep.Talk("machine id", true, guest -> identify(guest, wanted.isSealed())));
        network.ifPresent(port -> steps.add(port.step()));
        return steps;
    }

    /** Its processes go on. */
    static void goOn(Kernel guest) throws IOException {
        guest.run(OpList.of(MachineOps.continueAll()));
    }

    /** The card is another one, which the kernel sees when it looks again; of the old one's addresses nothing is left then. */
    private static void plugCard(Kernel guest) throws IOException {
        String device = GuestPlaces.devices(guest, List.of("/sys/class/net/eth0/device")).stream()
                .findFirst()
                .orElseThrow(() -> new IOException("it has none"));
        // Its /sys cannot be written to: this is one that nobody sees.
        OpList.Builder list = OpList.builder();
        Op context = list.add(Mount.fsopen("sysfs"));
        list.add(Mount.create(context));
        Op sys = list.add(Mount.fsmount(context, 0));
        for (String order : List.of("unbind", "bind")) {
            Op file = list.add(FileOps.openAt(Arg.of(sys), CARDS + order, FileOps.O_WRONLY, 0));
            list.add(FileOps.write(Arg.of(file), order, device));
            list.add(FileOps.close(file));
        }
        list.add(FileOps.close(sys));
        list.add(FileOps.close(context));
        guest.run(list.build());
    }

    private static OpList names(GuestSpec wanted) {
        return unsealed(wanted.isSealed(), GuestPlan.names(wanted));
    }

    /** One that is nobody else's, if it has any; see machine-id(5). */
    private static void identify(Kernel guest, boolean sealed) throws IOException {
        if (GuestFiles.read(guest, MACHINE_ID).filter(id -> !id.isBlank()).isEmpty()) {
            return;
        }
        byte[] id = new byte[MACHINE_ID_SIZE];
        RANDOM.nextBytes(id);
        GuestFiles files = new GuestFiles();
        Op etc = files.directory("/etc", 0755);
        files.replace(etc, "machine-id", HexFormat.of().formatHex(id) + "\n");
        files.add(FileOps.close(etc));
        guest.run(unsealed(sealed, files.build()));
    }

    /** A root that nobody may change is changed by its owner, while nobody else does anything. */
    static OpList unsealed(boolean sealed, OpList calls) {
        if (!sealed) {
            return calls;
        }
        long flags = Mount.MS_REMOUNT | Mount.MS_BIND | NO_DEVICES;
        OpList.Builder list = OpList.builder();
        list.add(Mount.mount("", "/", flags));
        list.addAll(calls.operations());
        list.add(Mount.mount("", "/", flags | Mount.MS_RDONLY));
        return list.build();
    }
}
