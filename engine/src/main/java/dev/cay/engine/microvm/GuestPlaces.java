package dev.cay.engine.microvm;

import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Loopback;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The places for a guest's disks and network card, of which a mould has as many as there can be: nothing can be plugged in later. Its kernel lets go
 * of them before it is saved. In a clone it takes those that have a disk, and sees that as if it had just been plugged in: how
 * large it is, and its serial. The others it never sees.
 */
final class GuestPlaces {
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
     * @param disks its names of their devices, in the order of the places
     * @param card that of the network card; empty if it has no driver for it
     */
    record Left(List<String> disks, Optional<String> card) {}

    /**
     * Has the guest's kernel let go of all of them.
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
        List<String> links = new ArrayList<>();
        for (String serial : serials) {
            links.add("/sys/block/" + disks.found().name(serial) + "/device");
        }
        links.add("/sys/class/net/eth0/device");
        List<String> devices = devices(inside, links);
        List<String> found = devices.subList(0, places);
        Optional<String> card = devices.stream().skip(places).findFirst();
        OpList.Builder list = OpList.builder();
        found.forEach(device -> tell(list, DISKS + "unbind", device));
        card.ifPresent(device -> tell(list, CARDS + "unbind", device));
        inside.run(list.build());
        return new Left(found, card);
    }

    /** What every guest has done to it, done once: the first look at each part of the kernel is what takes an emulated one its time. */
    private static OpList ahead() {
        OpList.Builder list = OpList.builder();
        list.add(FileOps.mkdir(HERE, "/proc", 0755));
        list.add(Mount.mount("proc", "/proc", "proc", 0, ""));
        list.addAll(Loopback.up());
        return list.build();
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
     * @param disks how many
     * @param card whether there is a network card
     */
    static List<GuestStep> resume(Template template, int disks, boolean card) {
        OpList.Builder list = OpList.builder();
        template.places().subList(0, disks).forEach(device -> tell(list, DISKS + "bind", device));
        template.card().filter(_ -> card).ifPresent(device -> tell(list, CARDS + "bind", device));
        List<GuestStep> steps = new ArrayList<>(awake());
        steps.add(new GuestStep.Calls("devices", true, list.build()));
        return steps;
    }

    /** What comes first in every guest that has the past of another one. */
    static List<GuestStep> awake() {
        byte[] secret = new byte[SECRET_SIZE];
        RANDOM.nextBytes(secret);
        return List.of(
                new GuestStep.Talk("random numbers", true, guest -> GuestClock.reseed(guest, secret)),
                new GuestStep.Talk(
                        "clock of a clone", true, guest -> GuestClock.correct(guest, InstantSource.system())));
    }

    private static void tell(OpList.Builder list, String path, String text) {
        Op file = list.add(FileOps.open(path, FileOps.O_WRONLY));
        list.add(FileOps.write(Arg.of(file), path, text));
        list.add(FileOps.close(file));
    }
}
