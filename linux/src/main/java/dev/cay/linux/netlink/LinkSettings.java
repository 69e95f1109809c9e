package dev.cay.linux.netlink;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a link shall be; what is empty is left to the kernel, or left as it is. Immutable.
 *
 * @param name 1 to 15 bytes, no slash, no colon, no blanks
 * @param index the number it shall have; of a new link only
 * @param mtu in bytes
 * @param master the number of the bridge it shall be a port of; 0 for none
 * @param linkLocal whether the kernel may give it an IPv6 address of its own; of an existing link only
 */
public record LinkSettings(
        Optional<String> name,
        OptionalInt index,
        Optional<MacAddress> address,
        OptionalInt mtu,
        OptionalInt master,
        Optional<Boolean> up,
        Optional<Boolean> linkLocal) {
    private static final int IFNAMSIZ = 16;
    private static final int MAXIMUM_MTU = 65535;

    public LinkSettings {
        name.ifPresent(LinkSettings::checkName);
        if (index.isPresent() && index.getAsInt() <= 0) {
            throw new IllegalArgumentException("index: " + index.getAsInt() + " is not positive");
        }
        if (mtu.isPresent() && (mtu.getAsInt() < 68 || mtu.getAsInt() > MAXIMUM_MTU)) {
            throw new IllegalArgumentException("mtu: " + mtu.getAsInt() + " is not between 68 and " + MAXIMUM_MTU);
        }
        if (master.isPresent() && master.getAsInt() < 0) {
            throw new IllegalArgumentException("master: " + master.getAsInt() + " is negative");
        }
    }

    static void checkName(String name) {
        int size = name.getBytes(StandardCharsets.UTF_8).length;
        if (size == 0 || size >= IFNAMSIZ || !name.matches("[^\\s/:\\p{Cntrl}%]+") || name.matches("\\.\\.?")) {
            throw new IllegalArgumentException("not a name for a link: '" + name + "'");
        }
    }

    /** Nothing in particular. */
    public static LinkSettings none() {
        return new LinkSettings(
                Optional.empty(),
                OptionalInt.empty(),
                Optional.empty(),
                OptionalInt.empty(),
                OptionalInt.empty(),
                Optional.empty(),
                Optional.empty());
    }

    public static LinkSettings named(String name) {
        return none().withName(name);
    }

    public LinkSettings withName(String newName) {
        return new LinkSettings(Optional.of(newName), index, address, mtu, master, up, linkLocal);
    }

    public LinkSettings withIndex(int newIndex) {
        return new LinkSettings(name, OptionalInt.of(newIndex), address, mtu, master, up, linkLocal);
    }

    public LinkSettings withAddress(MacAddress newAddress) {
        return new LinkSettings(name, index, Optional.of(newAddress), mtu, master, up, linkLocal);
    }

    public LinkSettings withMtu(int newMtu) {
        return new LinkSettings(name, index, address, OptionalInt.of(newMtu), master, up, linkLocal);
    }

    public LinkSettings withMaster(int newMaster) {
        return new LinkSettings(name, index, address, mtu, OptionalInt.of(newMaster), up, linkLocal);
    }

    public LinkSettings withUp(boolean newUp) {
        return new LinkSettings(name, index, address, mtu, master, Optional.of(newUp), linkLocal);
    }

    public LinkSettings withLinkLocal(boolean newLinkLocal) {
        return new LinkSettings(name, index, address, mtu, master, up, Optional.of(newLinkLocal));
    }
}
