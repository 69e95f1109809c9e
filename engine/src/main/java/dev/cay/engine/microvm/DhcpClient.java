package dev.cay.engine.microvm;

import dev.cay.linux.Arg;
import dev.cay.linux.Datagrams;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.netlink.Link;
import dev.cay.linux.netlink.MacAddress;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/**
 * Gets a guest its address from a DHCP server (RFC 2131), and keeps it: from here, over a socket in the guest. Thread-safe. Nobody asks
 * whether the address that a server gives is somebody else's.
 */
public final class DhcpClient implements AutoCloseable {
    private static final int SERVER_PORT = 67;
    private static final int CLIENT_PORT = 68;
    private static final InetAddress NONE = DhcpMessage.address(new byte[4]);
    private static final InetAddress ALL = DhcpMessage.address(new byte[] {-1, -1, -1, -1});
    private static final SecureRandom RANDOM = new SecureRandom();

    /** For how long an answer is waited for first; then for twice as long, and so on. */
    private static final Duration FIRST_WAIT = Duration.ofSeconds(1);

    private static final Duration LAST_WAIT = Duration.ofSeconds(16);
    private static final long FIRST_LOOK_NANOSECONDS = 1_000_000;
    private static final long LAST_LOOK_NANOSECONDS = 50_000_000;

    /** Messages that are looked at in one look: whoever floods us does not keep us from asking again. */
    private static final int MAXIMUM_PER_LOOK = 16;

    private final Kernel guest;
    private final Link link;
    private final String hostname;
    private final Naming naming;
    private final Fd socket;
    private final AtomicInteger renewals = new AtomicInteger();
    private final Thread keeper;
    private volatile DhcpLease lease;
    private volatile boolean closed;

    /** Is told of new addresses: the guest's files are to say so too. */
    interface Naming {
        void name(GuestAddressing.Fixed addresses) throws IOException;
    }

    private DhcpClient(Kernel guest, Link link, String hostname, Naming naming, Fd socket, DhcpLease lease) {
        this.guest = guest;
        this.link = link;
        this.hostname = hostname;
        this.naming = naming;
        this.socket = socket;
        this.lease = lease;
        keeper = Thread.ofVirtual().name("cay-dhcp").unstarted(this::keep);
    }

    /**
     * Gets an address for the first device of a guest.
     *
     * @param hostname what the guest is called, which a server may tell others
     * @param deadline a value of {@link System#nanoTime}
     * @throws IOException if nobody gives it one in time
     */
    static DhcpClient acquire(Kernel guest, String hostname, Naming naming, long deadline) throws IOException {
        Link link = GuestInterface.first(guest);
        GuestInterface.raise(guest, link);
        List<Op> opening = Datagrams.open(link.name(), CLIENT_PORT);
        Fd socket = guest.run(OpList.of(opening.toArray(Op[]::new))).fd(opening.getFirst());
        try {
            Wire wire = new Wire(guest, socket, link.address().orElseThrow(), hostname, () -> false);
            DhcpLease lease = wire.discover(deadline)
                    .orElseThrow(() -> new IOException("no DHCP server gives " + link.name() + " an address"));
            DhcpClient client = new DhcpClient(guest, link, hostname, naming, socket, lease);
            client.take(Optional.empty(), lease);
            client.keeper.start();
            return client;
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    /** What the guest has at the moment. */
    public DhcpLease lease() {
        return lease;
    }

    /** How often it has been given more time. */
    public int renewals() {
        return renewals.get();
    }

    private void take(Optional<DhcpLease> before, DhcpLease after) throws IOException {
        if (before.isEmpty() || !before.get().address().equals(after.address())) {
            GuestInterface.exchange(guest, link, before.map(DhcpLease::address), Optional.of(after.address()));
            naming.name(new GuestAddressing.Fixed(
                    Optional.of(link.name()),
                    Optional.empty(),
                    link.mtu(),
                    Optional.of(after.address()),
                    Optional.empty()));
        }
        lease = after;
    }

    private void keep() {
        Wire wire = new Wire(guest, socket, link.address().orElseThrow(), hostname, () -> closed);
        try {
            long since = System.nanoTime();
            while (sleep(since + lease.renewal().toNanos())) {
                DhcpLease before = lease;
                Optional<DhcpLease> more = wire.renew(before, since);
                since = System.nanoTime();
                if (more.isPresent()) {
                    take(Optional.of(before), more.get());
                    renewals.incrementAndGet();
                } else if (!closed) { // it is somebody else's now
                    GuestInterface.exchange(guest, link, Optional.of(before.address()), Optional.empty());
                    Optional<DhcpLease> other = Optional.empty();
                    while (other.isEmpty() && !closed) {
                        other = wire.discover(System.nanoTime() + LAST_WAIT.toNanos());
                    }
                    since = System.nanoTime();
                    if (other.isPresent()) {
                        take(Optional.empty(), other.get());
                    }
                }
            }
        } catch (IOException e) {
            return; // the guest has ended, or is being left
        } finally {
            socket.close();
        }
    }

    /** Whether it goes on afterwards. */
    private boolean sleep(long until) {
        for (long rest = until - System.nanoTime(); rest > 0 && !closed; rest = until - System.nanoTime()) {
            LockSupport.parkNanos(rest);
        }
        return !closed;
    }

    /** Asks for no more. The guest keeps the address as long as it lives: its server may give it to somebody else when it is over. */
    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(keeper);
    }

    /** Questions and answers. */
    private record Wire(Kernel guest, Fd socket, MacAddress station, String hostname, Leaving leaving) {
        interface Leaving {
            boolean isNow();
        }

        Optional<DhcpLease> discover(long deadline) throws IOException {
            while (deadline - System.nanoTime() > 0 && !leaving.isNow()) {
                int transaction = RANDOM.nextInt();
                Optional<DhcpMessage> offer = ask(
                        question(transaction, NONE, DhcpMessage.DISCOVER, Map.of()),
                        ALL,
                        deadline,
                        answer -> answer.transaction() == transaction
                                && answer.type() == DhcpMessage.OFFER
                                && DhcpLease.of(answer).isPresent());
                if (offer.isEmpty()) {
                    return Optional.empty();
                }
                DhcpLease offered = DhcpLease.of(offer.get()).orElseThrow();
                Map<Integer, byte[]> wanted = Map.of(
                        DhcpMessage.WANTED_ADDRESS, offered.address().address().getAddress(),
                        DhcpMessage.SERVER, offered.server().getAddress());
                long patience = Math.min(
                        deadline - System.nanoTime(), FIRST_WAIT.multipliedBy(4).toNanos());
                Optional<DhcpMessage> answer = ask(
                        question(transaction, NONE, DhcpMessage.REQUEST, wanted),
                        ALL,
                        System.nanoTime() + patience,
                        one -> isEnd(one, transaction, offered));
                if (answer.isPresent() && answer.get().type() == DhcpMessage.ACK) {
                    return DhcpLease.of(answer.get());
                }
            }
            return Optional.empty();
        }

        /**
         * Asks who gave an address for more time, later on everybody.
         *
         * @param since when it was given
         * @return empty if it is over
         */
        Optional<DhcpLease> renew(DhcpLease lease, long since) throws IOException {
            InetAddress own = lease.address().address();
            int transaction = RANDOM.nextInt();
            for (boolean asksAll : new boolean[] {false, true}) {
                Optional<DhcpMessage> answer = ask(
                        question(transaction, own, DhcpMessage.REQUEST, Map.of()),
                        asksAll ? ALL : lease.server(),
                        since + (asksAll ? lease.end() : lease.rebinding()).toNanos(),
                        one -> isEnd(one, transaction, lease));
                if (answer.isPresent()) {
                    return answer.filter(one -> one.type() == DhcpMessage.ACK).flatMap(DhcpLease::of);
                }
            }
            return Optional.empty();
        }

        /** Whether it is the address that was asked for, or a no. */
        private static boolean isEnd(DhcpMessage answer, int transaction, DhcpLease wanted) {
            boolean isGranted = answer.type() == DhcpMessage.ACK
                    && DhcpLease.of(answer)
                            .filter(lease -> lease.address()
                                    .address()
                                    .equals(wanted.address().address()))
                            .isPresent();
            boolean isRefused = answer.type() == DhcpMessage.NAK
                    && answer.addresses(DhcpMessage.SERVER).contains(wanted.server());
            return answer.transaction() == transaction && (isGranted || isRefused);
        }

        private DhcpMessage question(int transaction, InetAddress own, int type, Map<Integer, byte[]> more) {
            Map<Integer, byte[]> options = new TreeMap<>(more);
            options.put(DhcpMessage.TYPE, new byte[] {(byte) type});
            options.put(
                    DhcpMessage.CLIENT_ID,
                    ByteBuffer.allocate(7).put((byte) 1).put(station.bytes()).array());
            options.put(DhcpMessage.HOST_NAME, hostname.getBytes(StandardCharsets.US_ASCII));
            options.put(
                    DhcpMessage.MAXIMUM_SIZE,
                    ByteBuffer.allocate(2).putShort((short) DhcpMessage.SIZE).array());
            options.put(DhcpMessage.WANTED_OPTIONS, new byte[] {
                DhcpMessage.MASK,
                DhcpMessage.ROUTER,
                DhcpMessage.NAME_SERVER,
                DhcpMessage.LEASE_TIME,
                DhcpMessage.SERVER,
                DhcpMessage.RENEWAL_TIME,
                DhcpMessage.REBINDING_TIME
            });
            return new DhcpMessage(false, transaction, own.equals(NONE), own, NONE, station, options);
        }

        /** Asks until somebody answers, less and less often. */
        private Optional<DhcpMessage> ask(
                DhcpMessage question, InetAddress to, long deadline, Predicate<DhcpMessage> isAnswer)
                throws IOException {
            Duration wait = FIRST_WAIT;
            byte[] message = question.encoded();
            while (deadline - System.nanoTime() > 0 && !leaving.isNow()) {
                guest.run(OpList.of(Datagrams.send(socket, message, to, SERVER_PORT)));
                long again = System.nanoTime() + wait.toNanos();
                Optional<DhcpMessage> answer = listen(deadline - again < 0 ? deadline : again, isAnswer);
                if (answer.isPresent()) {
                    return answer;
                }
                wait = wait.multipliedBy(2).compareTo(LAST_WAIT) < 0 ? wait.multipliedBy(2) : LAST_WAIT;
            }
            return Optional.empty();
        }

        private Optional<DhcpMessage> listen(long until, Predicate<DhcpMessage> isAnswer) throws IOException {
            long pause = FIRST_LOOK_NANOSECONDS;
            while (!leaving.isNow()) {
                for (int i = 0; i < MAXIMUM_PER_LOOK; i++) {
                    Arg.Buffer buffer = new Arg.Buffer(DhcpMessage.SIZE);
                    Op receive = Datagrams.receive(socket, buffer);
                    Results results = guest.run(OpList.of(receive));
                    if (results.failed(receive)) {
                        break;
                    }
                    Optional<DhcpMessage> found = DhcpMessage.parse(results.bytes(buffer), (int) results.value(receive))
                            .filter(one -> one.reply() && one.station().equals(station))
                            .filter(isAnswer);
                    if (found.isPresent()) {
                        return found;
                    }
                }
                long rest = until - System.nanoTime();
                if (rest <= 0) {
                    return Optional.empty();
                }
                LockSupport.parkNanos(Math.min(rest, pause));
                pause = Math.min(2 * pause, LAST_LOOK_NANOSECONDS);
            }
            return Optional.empty();
        }
    }
}
