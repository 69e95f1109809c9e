package dev.cay.engine.network;

import dev.cay.engine.state.NetworkStore;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The settings of this machine that networks need: that it forwards packets at all. What they were is written down before the first
 * is changed, and restored by whoever takes the last network down. Whoever calls this holds the store's lock.
 */
final class HostSettings {
    private static final Path SETTINGS = Path.of("/proc/sys/net");
    private static final String FORWARD4 = "ipv4/ip_forward";
    private static final String FORWARD6 = "ipv6/conf/all/forwarding";
    private static final String REDIRECTS = "ipv4/conf/all/send_redirects";
    private static final String IPV6_LINKS = "ipv6/conf";
    private static final List<String> FILTERED_BRIDGES =
            List.of("bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables");

    private final NetworkStore store;

    HostSettings(NetworkStore store) {
        this.store = store;
    }

    /**
     * Lets this machine forward packets.
     *
     * @param bridgesOfOthers whether there are other bridges than ours. If not, packets are not filtered on their way over a
     *     bridge as well: nothing of ours passes a bridge without being forwarded, and the kernel would hand those that one
     *     sandbox sends to another one's published port from port to port, where they do not get through.
     */
    void forward(boolean bridgesOfOthers) throws IOException {
        Map<String, String> wanted = new LinkedHashMap<>();
        if (!bridgesOfOthers) {
            for (String name : FILTERED_BRIDGES) {
                if (Files.exists(SETTINGS.resolve(name)) && !read(name).equals("0")) {
                    wanted.put(name, "0");
                }
            }
        }
        // Switched off for a bridge of ours, which counts only if it is for "all" too; other links have their own. The
        // kernel would tell neighbours of a way that they do not have, and then be silent when one is refused
        // something.
        if (!read(REDIRECTS).equals("0")) {
            wanted.put(REDIRECTS, "0");
        }
        if (wanted.isEmpty()
                && read(FORWARD4).equals("1")
                && (!hasIpv6() || read(FORWARD6).equals("1"))) {
            return;
        }
        Map<String, String> before = new LinkedHashMap<>(store.settings());
        if (hasIpv6() && !read(FORWARD6).equals("1")) {
            // A machine that forwards forgets the way out that a router told it, unless it is told to listen all the
            // same.
            try (DirectoryStream<Path> links = Files.newDirectoryStream(SETTINGS.resolve(IPV6_LINKS))) {
                for (Path link : links) {
                    String name = IPV6_LINKS + "/" + link.getFileName() + "/accept_ra";
                    if (!link.endsWith("all")
                            && !link.endsWith("default")
                            && read(name).equals("1")) {
                        wanted.put(name, "2");
                    }
                }
            }
            wanted.put(FORWARD6, "1");
        }
        wanted.put(FORWARD4, "1");
        for (String name : wanted.keySet()) {
            before.putIfAbsent(name, read(name));
        }
        store.settings(before);
        for (Map.Entry<String, String> setting : wanted.entrySet()) {
            write(setting.getKey(), setting.getValue());
        }
    }

    /** Puts back what it was. */
    void restore() throws IOException {
        for (Map.Entry<String, String> setting : store.settings().entrySet()) {
            try {
                if (!read(setting.getKey()).equals(setting.getValue())) {
                    write(setting.getKey(), setting.getValue());
                }
            } catch (NoSuchFileException e) {
                // the link is gone
            }
        }
        store.settings(Map.of());
    }

    /** The settings of a bridge of ours. */
    static void bridge(String name) throws IOException {
        // Connections of this machine to 127.0.0.1 may go on to a sandbox; what sandboxes send there is dropped.
        write("ipv4/conf/" + name + "/route_localnet", "1");
        // Who has which address is written down on both sides: no question is answered, nothing is learnt.
        write("ipv4/conf/" + name + "/arp_ignore", "8");
        write("ipv4/conf/" + name + "/send_redirects", "0");
        if (hasIpv6()) {
            write("ipv6/conf/" + name + "/accept_ra", "0");
        }
    }

    static boolean hasIpv6() {
        return Files.exists(SETTINGS.resolve(FORWARD6));
    }

    private static String read(String name) throws IOException {
        return Files.readString(SETTINGS.resolve(name)).strip();
    }

    private static void write(String name, String value) throws IOException {
        Files.writeString(SETTINGS.resolve(name), value);
    }
}
