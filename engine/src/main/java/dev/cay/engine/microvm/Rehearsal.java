package dev.cay.engine.microvm;

import dev.cay.ExecSpec;
import dev.cay.Isolation;
import dev.cay.SandboxSpec;
import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarWriter;
import dev.cay.engine.container.GuestCommands;
import dev.cay.engine.container.GuestSurroundings;
import dev.cay.engine.container.GuestUser;
import dev.cay.engine.erofs.LayerConverter;
import dev.cay.engine.erofs.LayerLimits;
import dev.cay.linux.Credentials;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Stub;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What takes an emulated clone its time is that QEMU translates each part of its kernel when that is run for the first time, in each
 * QEMU anew. So a spare one does once what every clone does: it is brought up, with an image of ours that has nothing but the first
 * process's program, and runs that. It happens in a process with mounts and a name of its own, and ends with it; whatever the clone is
 * told first, new random numbers and the time, it is told afterwards.
 *
 * @param deadline a value of {@link System#nanoTime}
 */
record Rehearsal(HostKernel host, QemuMachine machine, long deadline) {
    private static final String NAME = "rehearsal";

    /** The first process's program; with an argument that it does not know it ends. */
    private static final String PROGRAM = "init";

    /**
     * Has a machine do it that is halted, and halts it again. After an exception the machine is of no use.
     *
     * @param directory for a file that is gone afterwards
     */
    void hold(Template template, Path directory) throws IOException {
        List<Disk> disks = List.of(new Disk(directory.resolve(NAME), Disk.layer(0), true));
        try {
            LayerConverter.convert(
                    new ByteArrayInputStream(archive()), disks.getFirst().file(), LayerLimits.STANDARD);
            try (Fd file = MachineKeeping.open(host, disks.getFirst().file())) {
                machine.insert(0, NAME, file);
            }
        } finally {
            Files.deleteIfExists(disks.getFirst().file());
        }
        GuestDisks.Found found =
                new GuestDisks(Map.of(), GuestPlaces.groundwork(template, disks).disks()).found();
        machine.resume();
        Stub stub = Stub.ofMachine(machine.channel(deadline), deadline);
        try (SessionLimit limit = new SessionLimit(stub, deadline)) {
            try {
                rehearse(stub, found);
            } catch (IOException e) {
                throw limit.explained(e);
            }
        }
        machine.pause();
        stub.leave();
    }

    private static void rehearse(Stub stub, GuestDisks.Found found) throws IOException {
        SandboxSpec spec = SandboxSpec.image(NAME).isolation(Isolation.MICROVM).build();
        try (GuestCommands commands = GuestCommands.open(stub, NAME, spec, GuestSurroundings.none())) {
            commands.rehearse(bringUp(spec, found), ExecSpec.of("/" + PROGRAM, NAME));
        }
        // Nobody has mounted it any more, and with this its kernel forgets what it has read of it.
        Op disk = FileOps.open("/dev/" + found.name(Disk.layer(0)), FileOps.O_RDONLY | FileOps.O_EXCL);
        stub.run(OpList.of(disk, FileOps.close(disk)));
        stub.ping();
    }

    private static OpList bringUp(SandboxSpec spec, GuestDisks.Found found) {
        GuestSpec wanted = GuestSpec.of(NAME, spec, List.of(Disk.layer(0)), List.of(), Map.of(), GuestUser.ROOT);
        OpList.Builder list = OpList.builder();
        list.add(Namespaces.unshare(Namespaces.MOUNT | Namespaces.UTS));
        list.add(Mount.mount("", "/", Mount.MS_REC | Mount.MS_PRIVATE));
        for (GuestStep step :
                GuestPlan.rest(wanted, found, new GuestTrust(List.of()), true, _ -> {}, Optional.empty())) {
            if (step instanceof GuestStep.Calls calls && calls.required()) {
                list.addAll(calls.calls().operations());
            }
        }
        list.add(Credentials.noNewPrivileges());
        return list.build();
    }

    private static byte[] archive() throws IOException {
        byte[] program = MachineFiles.init();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        TarWriter tar = new TarWriter(bytes);
        TarEntry.Kind file = new TarEntry.Kind.File(program.length);
        tar.add(
                new TarEntry(ByteString.of(PROGRAM), file, 0755, 0, 0, Instant.EPOCH, Map.of()),
                new ByteArrayInputStream(program));
        tar.finish();
        return bytes.toByteArray();
    }
}
