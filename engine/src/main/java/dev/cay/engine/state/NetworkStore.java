package dev.cay.engine.state;

import dev.cay.Cidr;
import dev.cay.Network;
import dev.cay.SandboxException;
import dev.cay.engine.json.JsonWriter;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;

/**
 * The networks of this machine and what sandboxes have of them. Thread-safe, also between processes; whoever changes anything does
 * it {@link #locked}.
 *
 * <pre>
 * DEFINITIONS/NAME.json     a network; kept when the machine is restarted
 * LEASES/lock               held by whoever changes any of this
 * LEASES/leases/ADDRESS     a {@link Lease}
 * LEASES/quarantine/ADDRESS one that has been given back, while something in the kernel may still remember it
 * LEASES/holds/ENGINE       empty; a living engine that makes sandboxes with networks
 * LEASES/cursors/NAME       the address that was leased last
 * LEASES/changing           empty; while a lease and what the sandbox has in the kernel may differ
 * LEASES/settings.json      what the machine's settings were before the first of them was changed
 * </pre>
 */
public final class NetworkStore {
    public static final Path DEFINITIONS = Path.of("/var/lib/cay/networks");
    public static final Path LEASES = Path.of("/run/cay/networks");

    private static final int DEFAULT_PREFIX = 16;
    private static final int FIRST_DEFAULT = 88;
    private static final int LAST_DEFAULT = 127;
    private static final int VERSION = 1;

    private final Path definitions;
    private final Path leases;
    private final Path quarantine;
    private final Path holds;
    private final Path cursors;
    private final Path settings;
    private final Path lock;
    private final Path changing;
    private final ParsedFiles<NetworkDefinition> parsedNetworks = new ParsedFiles<>();
    private final ParsedFiles<Lease> parsedLeases = new ParsedFiles<>();

    private NetworkStore(Path definitions, Path base) throws IOException {
        this.definitions = Directories.make(definitions).toRealPath();
        Path real = Directories.make(base).toRealPath();
        leases = Directories.make(real.resolve("leases"));
        quarantine = Directories.make(real.resolve("quarantine"));
        holds = Directories.make(real.resolve("holds"));
        cursors = Directories.make(real.resolve("cursors"));
        settings = real.resolve("settings.json");
        lock = real.resolve("lock");
        changing = real.resolve("changing");
    }

    /** Opens the store of this machine. */
    public static NetworkStore open() throws IOException {
        return open(DEFINITIONS, LEASES);
    }

    /** Opens a store somewhere else; it is made if it is missing. */
    public static NetworkStore open(Path definitions, Path leases) throws IOException {
        return new NetworkStore(definitions, leases);
    }

    /** Does something while nobody else of this machine changes networks or leases. The thread may already have the lock. */
    public <T> T locked(SandboxStore.Action<T> action) throws IOException {
        return FileLocks.locked(lock, action::run);
    }

    /** All networks that have been made, by their names. */
    public List<NetworkDefinition> networks() throws IOException {
        List<NetworkDefinition> networks = new ArrayList<>();
        for (String file : Directories.names(definitions)) {
            if (file.endsWith(".json")) {
                network(file.substring(0, file.length() - ".json".length())).ifPresent(networks::add);
            }
        }
        networks.sort((one, other) -> one.name().compareTo(other.name()));
        return networks;
    }

    public Optional<NetworkDefinition> network(String name) throws IOException {
        return read(definitions.resolve(name + ".json"))
                .map(json -> parsedNetworks.of(json, () -> NetworkDefinition.read(json, "the network " + name)));
    }

    private static Optional<String> read(Path file) throws IOException {
        try {
            return Optional.of(new String(Files.readAllBytes(file), StandardCharsets.UTF_8));
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
    }

    /**
     * Makes a network.
     *
     * @param subnet its IPv4 addresses; a free block of 10.0.0.0/8 if empty
     * @param occupied what this machine has routes to
     * @param links the names that links of this machine have
     * @throws SandboxException.Conflict if there is one of this name, or its addresses are somebody else's
     */
    public NetworkDefinition create(String name, Optional<Cidr> subnet, List<Cidr> occupied, Set<String> links)
            throws IOException {
        return locked(() -> {
            if (network(name).isPresent()) {
                throw new SandboxException.Conflict("there is a network " + name + " already", "choose another name");
            }
            List<NetworkDefinition> others = networks();
            Map<Cidr, String> taken = new LinkedHashMap<>();
            others.forEach(other -> taken.put(other.subnet(), "the network " + other.name()));
            occupied.forEach(block -> taken.putIfAbsent(block, "a route of this machine"));
            Cidr block = subnet.isPresent() ? subnet.get() : free(taken.keySet());
            taken.forEach((other, owner) -> {
                if (overlap(block, other)) {
                    throw new SandboxException.Conflict(
                            "the subnet " + block + " overlaps " + other + ", " + owner, "choose another subnet");
                }
            });
            NetworkDefinition made = new NetworkDefinition(
                    name, block, uniqueLocal(), bridge(others, links), !name.equals(Network.BRIDGE));
            Directories.replace(definitions.resolve(name + ".json"), made.json().getBytes(StandardCharsets.UTF_8));
            return made;
        });
    }

    private static boolean overlap(Cidr one, Cidr other) {
        return one.contains(other) || other.contains(one);
    }

    private static Cidr free(Set<Cidr> taken) {
        for (int i = FIRST_DEFAULT; i <= LAST_DEFAULT; i++) {
            Cidr block = Cidr.parse("10." + i + ".0.0/" + DEFAULT_PREFIX);
            if (taken.stream().noneMatch(other -> overlap(block, other))) {
                return block;
            }
        }
        throw new SandboxException.Conflict(
                "all of 10." + FIRST_DEFAULT + ".0.0 to 10." + LAST_DEFAULT + ".255.255 is in use", "choose a subnet");
    }

    /** RFC 4193: 40 random bits, so that two machines hardly ever have the same. */
    private static Cidr uniqueLocal() {
        long bits = ThreadLocalRandom.current().nextLong(1L << 40);
        return Cidr.parse("fd%02x:%04x:%04x::/64".formatted(bits >> 32, bits >> 16 & 0xffff, bits & 0xffff));
    }

    private static String bridge(List<NetworkDefinition> others, Set<String> links) {
        Set<String> taken = others.stream().map(NetworkDefinition::bridge).collect(Collectors.toSet());
        int number = 0;
        while (taken.contains("cay" + number) || links.contains("cay" + number)) {
            number++;
        }
        return "cay" + number;
    }

    /**
     * A network that no sandbox has an address of.
     *
     * @throws SandboxException.NotFound if there is none of this name
     * @throws SandboxException.Conflict if a sandbox has
     */
    public NetworkDefinition unused(String name) throws IOException {
        NetworkDefinition network = network(name)
                .orElseThrow(() -> new SandboxException.NotFound("there is no network " + name, "see: cay network ls"));
        List<Lease> users = leases().stream()
                .filter(lease -> lease.network().equals(name)
                        && lease.egress().isPresent()) // those kept ready are told when they are needed
                .toList();
        if (!users.isEmpty()) {
            throw new SandboxException.Conflict(
                    "the network " + name + " is used by "
                            + users.stream().map(Lease::sandbox).collect(Collectors.joining(", ")),
                    "remove the sandbox first");
        }
        return network;
    }

    /** Removes a network; as {@link #unused} if that cannot be. */
    public void remove(String name) throws IOException {
        locked(() -> {
            unused(name);
            Files.delete(definitions.resolve(name + ".json"));
            Files.deleteIfExists(cursors.resolve(name));
            return name;
        });
    }

    public static SandboxException notFound(String name) {
        return new SandboxException.NotFound(
                "there is no network " + name, "make it with 'cay network create " + name + "'");
    }

    /** What is free of a network: asked when an address has to be found. */
    public interface Quarantine {
        /** Whether the kernel remembers nothing any more of a lease that has been given back. */
        boolean isOver(Lease lease) throws IOException;
    }

    /**
     * Takes an address of a network.
     *
     * @param wanted the address it must be; any if empty
     * @param quarantine asked if nothing else is free
     * @throws SandboxException.Conflict if it is taken, or all are
     */
    public InetAddress address(NetworkDefinition network, Optional<InetAddress> wanted, Quarantine quarantine)
            throws IOException {
        AddressPool pool = network.pool();
        if (wanted.isPresent()) {
            pool.check(wanted.get());
            Optional<Lease> holder = lease(wanted.get());
            if (holder.isPresent()) {
                throw new SandboxException.Conflict(
                        "the address " + wanted.get().getHostAddress() + " is that of the sandbox "
                                + holder.get().sandbox(),
                        "choose another address, or none");
            }
            Path resting = quarantine(wanted.get());
            Optional<Lease> before = readLease(resting);
            if (before.isPresent() && !quarantine.isOver(before.get())) {
                throw new SandboxException.Conflict(
                        "the address " + wanted.get().getHostAddress() + " has just been given back",
                        "try again in a moment, or choose another one");
            }
            Files.deleteIfExists(resting);
            return wanted.get();
        }
        Path cursor = cursors.resolve(network.name());
        int after = read(cursor)
                .filter(text -> text.matches("[0-9]{1,9}"))
                .map(Integer::parseInt)
                .orElse(0);
        TreeSet<Integer> taken = numbers(pool, leases);
        TreeSet<Integer> resting = numbers(pool, quarantine());
        TreeSet<Integer> both = new TreeSet<>(taken);
        both.addAll(resting);
        OptionalInt found = pool.next(both, after);
        if (found.isEmpty()) {
            for (int number : resting) {
                Path file = quarantine(pool.address(number));
                Optional<Lease> before = readLease(file);
                if (before.isEmpty() || quarantine.isOver(before.get())) {
                    Files.deleteIfExists(file);
                    found = OptionalInt.of(number);
                    break;
                }
            }
        }
        if (found.isEmpty()) {
            throw new SandboxException.Conflict(
                    "all " + pool.capacity() + " addresses of the network " + network.name() + " are taken",
                    "remove sandboxes, or make a larger network");
        }
        Directories.replace(cursor, Integer.toString(found.getAsInt()).getBytes(StandardCharsets.US_ASCII));
        return pool.address(found.getAsInt());
    }

    private Path quarantine() {
        return quarantine;
    }

    private Path quarantine(InetAddress address) {
        return quarantine.resolve(address.getHostAddress());
    }

    private static TreeSet<Integer> numbers(AddressPool pool, Path directory) throws IOException {
        TreeSet<Integer> numbers = new TreeSet<>();
        for (String name : Directories.names(directory)) {
            if (!name.endsWith(".new")) {
                InetAddress address = InetAddress.ofLiteral(name);
                if (pool.subnet().contains(address)) {
                    numbers.add(pool.number(address));
                }
            }
        }
        return numbers;
    }

    /** Writes a lease down, in place of what is written of it. */
    public void put(Lease lease) throws IOException {
        String json = lease.json();
        parsedLeases.put(json, lease);
        Directories.replace(leases.resolve(lease.address().getHostAddress()), json.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Whether what is written of sandboxes and what they have in the kernel may differ from now on: to be said before one of them is changed,
     * and after both were.
     */
    public void changing(boolean is) throws IOException {
        if (is) {
            Files.write(changing, new byte[0]);
        } else {
            Files.deleteIfExists(changing);
        }
    }

    /** For who holds the lock: whether somebody died between the two. */
    public boolean isChanging() {
        return Files.exists(changing);
    }

    /** All that sandboxes have now. */
    public List<Lease> leases() throws IOException {
        return leases(leases);
    }

    /** When a lease was last made, changed or given back. Times are coarse: two changes may have the same. */
    public FileTime changed() throws IOException {
        return Files.getLastModifiedTime(leases);
    }

    /** How many addresses have been given back and are not free yet. */
    public int restingCount() throws IOException {
        return Directories.names(quarantine).size();
    }

    /** What has been given back and is not free yet. */
    public List<Lease> resting() throws IOException {
        return leases(quarantine);
    }

    private List<Lease> leases(Path directory) throws IOException {
        List<Lease> all = new ArrayList<>();
        for (String name : Directories.names(directory)) {
            if (!name.endsWith(".new")) {
                readLease(directory.resolve(name)).ifPresent(all::add);
            }
        }
        return all;
    }

    private Optional<Lease> readLease(Path file) throws IOException {
        return read(file)
                .map(json -> parsedLeases.of(json, () -> Lease.read(json, "the lease of " + file.getFileName())));
    }

    public Optional<Lease> lease(InetAddress address) throws IOException {
        return readLease(leases.resolve(address.getHostAddress()));
    }

    /** What a sandbox has. */
    public Optional<Lease> lease(String sandbox) throws IOException {
        return leases().stream()
                .filter(lease -> lease.sandbox().equals(sandbox))
                .findFirst();
    }

    /** Gives a lease back; without effect if it has been, or if somebody else has the address by now. */
    public void release(Lease lease) throws IOException {
        Path file = leases.resolve(lease.address().getHostAddress());
        if (readLease(file).filter(now -> now.sandbox().equals(lease.sandbox())).isPresent()) {
            Files.move(file, quarantine(lease.address()), StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** Its quarantine is over. */
    public void forget(Lease lease) throws IOException {
        Files.deleteIfExists(quarantine(lease.address()));
    }

    /** An engine may make sandboxes with networks: nothing is taken down while it lives. */
    public void hold(String engine) throws IOException {
        Files.write(holds.resolve(engine), new byte[0]);
    }

    public void letGo(String engine) throws IOException {
        Files.deleteIfExists(holds.resolve(engine));
    }

    public List<String> holders() throws IOException {
        return Directories.names(holds);
    }

    /** What the machine's settings were, by the names of their files; empty if nothing has been changed. */
    public Map<String, String> settings() throws IOException {
        Optional<String> json = read(settings);
        return json.isEmpty()
                ? Map.of()
                : StateJson.read(json.get(), "the settings before networks", in -> {
                    StateJson.checkVersion(in, VERSION);
                    return in.map("before");
                });
    }

    /** To be called before a setting is changed. */
    public void settings(Map<String, String> before) throws IOException {
        if (before.isEmpty()) {
            Files.deleteIfExists(settings);
            return;
        }
        String json = JsonWriter.object(out -> out.field("version", VERSION).map("before", before));
        Directories.replace(settings, json.getBytes(StandardCharsets.UTF_8));
    }
}
