package dev.cay.engine.microvm;

import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Loopback;
import dev.cay.linux.MachineOps;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The places for a guest's disks and network card, of which a mould has as many as there can be: nothing can be plugged in later. Its kernel lets go
 * of them before it is saved. In a clone it takes those that have a disk, and sees that as if it had just been plugged in: how
 * large it is, and its serial. The others it never sees.
 *
 * <p>The first it does not let go of, as every image has a layer and taking a disk takes a kernel long. It has read nothing of it but
 * zeros, which it does not remember; and it goes on believing that disk as large as a layer can be.
 */
final class GuestPlaces {
    /** How many disks a guest's kernel does not let go of: read-only ones in the first places. */
    static final int KEPT = 1;

    private static final String DISKS = "/sys/bus/virtio/drivers/virtio_blk/";
    private static final String CARDS = "/sys/bus/virtio/drivers/virtio_net/";
    private static final Arg HERE = Arg.of(0);
    private static final int LINK_SIZE = 256;
    private static final int SECRET_SIZE = 64;
    private static final SecureRandom RANDOM = new SecureRandom();

    private GuestPlaces() {}

    /**
     * What a guest's kernel has let go of.
     *
     * @param disks its names of the devices of disks, in the order of the places
     * @param kept the names of those disks that it has not let go of, in the first places
     * @param card that of the network card; empty if it has no driver for it
     */
    record Left(List<String> disks, List<String> kept, Optional<String> card) {}

    /**
     * Has the guest's kernel let go of all of them but the first.
     *
     * @param inside runs lists in the guest's first process
     * @param places how many there are
     * @param deadline a value of {@link System#nanoTime}
     */
    static Left leave(Kernel inside, int places, long deadline) throws IOException {
        Set<String> serials = new LinkedHashSet<>();
        for (int i = 0; i < places; i++) {
            serials.add(Disk.place(i));
        }
        GuestDisks disks = new GuestDisks();
        inside.run(ahead());
        disks.find(inside, serials, deadline);
        List<String> names = serials.stream().map(disks.found()::name).toList();
        List<String> links = new ArrayList<>();
        names.forEach(name -> links.add("/sys/block/" + name + "/device"));
        links.add("/sys/class/net/eth0/device");
        List<String> devices = devices(inside, links);
        List<String> found = devices.subList(0, places);
        Optional<String> card = devices.stream().skip(places).findFirst();
        OpList.Builder list = OpList.builder();
        found.stream().skip(KEPT).forEach(device -> tell(list, DISKS + "unbind", device));
        card.ifPresent(device -> tell(list, CARDS + "unbind", device));
        inside.run(list.build());
        return new Left(found, names.subList(0, KEPT), card);
    }

    /** What every guest has done to it, done once: the first look at each part of the kernel is what takes an emulated one its time. */
    private static OpList ahead() {
        OpList.Builder list = OpList.builder();
        list.add(FileOps.mkdir(HERE, "/proc", 0755));
        list.add(Mount.mount("proc", "/proc", "proc", 0, ""));
        list.addAll(Loopback.up());
        list.add(MachineOps.beforeOthers());
        list.addAll(GuestPlan.lay().operations());
        return list.build();
    }

    /** Of what {@link #ahead} has done, and of the disks that are in places which the kernel has not let go of. */
    static Groundwork groundwork(Template template, List<Disk> disks) {
        Map<String, String> known = new HashMap<>();
        for (int i = 0; i < template.kept().size() && isKept(template, disks, i); i++) {
            known.put(disks.get(i).serial(), template.kept().get(i));
        }
        return new Groundwork(true, known);
    }

    /** What the kernel knows of a disk, and keeps believing, is that it cannot be written to. */
    private static boolean isKept(Template template, List<Disk> disks, int place) {
        return place < template.kept().size()
                && place < disks.size()
                && disks.get(place).readOnly();
    }

    /** What is behind a link such as {@code /sys/block/vda/device} is called {@code .../virtio3}; those that are there. */
    static List<String> devices(Kernel inside, List<String> paths) throws IOException {
        OpList.Builder list = OpList.builder();
        List<Op> links = new ArrayList<>();
        List<Arg.Buffer> targets = new ArrayList<>();
        for (String path : paths) {
            Arg.Buffer target = new Arg.Buffer(LINK_SIZE);
            targets.add(target);
            links.add(list.add(DirectoryOps.readLink(HERE, path.getBytes(StandardCharsets.US_ASCII), target)
                    .tolerating(Errno.ENOENT)));
        }
        Results results = inside.run(list.build());
        List<String> devices = new ArrayList<>();
        for (int i = 0; i < links.size(); i++) {
            if (!results.failed(links.get(i))) {
                int length = (int) results.value(links.get(i));
                String target = new String(results.bytes(targets.get(i)), 0, length, StandardCharsets.US_ASCII);
                devices.add(target.substring(target.lastIndexOf('/') + 1));
            }
        }
        return devices;
    }

    /**
     * What comes first in a clone: it learns what time it is, gets random numbers that no other clone has, and its kernel takes the
     * devices that it has.
     *
     * @param disks in the order of their places
     * @param card whether there is a network card
     */
    static List<GuestStep> resume(Template template, List<Disk> disks, boolean card) {
        OpList.Builder list = OpList.builder();
        for (int i = 0; i < template.places().size(); i++) {
            String device = template.places().get(i);
            if (i < template.kept().size() && !isKept(template, disks, i)) {
                tell(list, DISKS + "unbind", device);
            }
            if (i < disks.size() && !isKept(template, disks, i)) {
                tell(list, DISKS + "bind", device);
            }
        }
        template.card().filter(_ -> card).ifPresent(device -> tell(list, CARDS + "bind", device));
        List<GuestStep> steps = new ArrayList<>(awake());
        OpList devices = list.build();
        if (devices.size() > 0) {
            steps.add(new GuestStep.Calls("devices", true, devices));
        }
        return steps;
    }

    /** What comes first in every guest that has the past of another one. */
    static List<GuestStep> awake() {
        byte[] secret = new byte[SECRET_SIZE];
        RANDOM.nextBytes(secret);
        return List.of(new GuestStep.Talk(
                "random numbers and time", true, guest -> GuestClock.awake(guest, secret, InstantSource.system())));
    }

    private static void tell(OpList.Builder list, String path, String text) {
        Op file = list.add(FileOps.open(path, FileOps.O_WRONLY));
        list.add(FileOps.write(Arg.of(file), path, text));
        list.add(FileOps.close(file));
    }
}
