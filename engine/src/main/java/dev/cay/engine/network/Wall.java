package dev.cay.engine.network;

import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import dev.cay.linux.netlink.NftBatch;
import dev.cay.linux.netlink.NftChain;
import dev.cay.linux.netlink.NftDataType;
import dev.cay.linux.netlink.NftElement;
import dev.cay.linux.netlink.NftFamily;
import dev.cay.linux.netlink.NftField;
import dev.cay.linux.netlink.NftRule;
import dev.cay.linux.netlink.NftSet;
import dev.cay.linux.netlink.NftTable;
import dev.cay.linux.netlink.NftValue;
import dev.cay.linux.netlink.NftVerdict;
import dev.cay.linux.netlink.Nftables;
import java.io.IOException;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A second table of the packet filter, for the case that somebody takes the first one away ({@code nft flush ruleset}): what comes
 * from or goes to a bridge of ours and has not passed {@link Ruleset}, which marks it, goes no further. The kernel lets nobody but
 * the socket that made it change this table, and takes it away with the socket: so it needs no sweep. Each process that owns
 * sandboxes has one; that of detached sandboxes is held by their first processes too, and lasts as long as one of them. Thread-safe.
 */
final class Wall implements AutoCloseable {
    static final String PREFIX = "cay-wall-";

    /** One bit of the mark of packets, beside what others use of it; it does not leave the network namespace. */
    static final int PASSED = 0x0200_0000;

    private static final int AFTER_THE_RULES = 50;

    /** The descriptor by which a first process holds the socket: above those that it has in ordinary operation. */
    private static final int HELD = 250;

    private final Nftables nftables;
    private final NftTable table = new NftTable(
            NftFamily.INET,
            PREFIX + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextInt()));
    private final NftSet bridges = NftSet.of(table, "bridges", NftDataType.LINK_NAME);
    private final Set<String> guarded = new HashSet<>();

    Wall(Nftables nftables) {
        this.nftables = nftables;
    }

    /** Stands for a bridge from now on. */
    synchronized void guard(String bridge) throws IOException {
        if (guarded.contains(bridge)) {
            return;
        }
        NftBatch batch = new NftBatch();
        if (guarded.isEmpty()) {
            make(batch);
        }
        nftables.commit(batch.addElements(bridges, NftElement.of(NftValue.link(bridge))));
        guarded.add(bridge);
    }

    private void make(NftBatch batch) {
        NftChain gate = table.chain("gate");
        NftChain forward = base("forward", NftChain.Hook.FORWARD);
        NftChain input = base("input", NftChain.Hook.INPUT);
        NftVerdict toGate = new NftVerdict.Goto(gate.name());
        batch.createOwnedTable(table).addSet(bridges);
        List.of(gate, forward, input).forEach(batch::addChain);
        // The mark stays: there may be other processes' walls.
        batch.addRule(NftRule.in(gate).unmarked(PASSED).counted().drop())
                .addRule(NftRule.in(forward).in(bridges, NftField.INPUT).verdict(toGate))
                .addRule(NftRule.in(forward).in(bridges, NftField.OUTPUT).verdict(toGate))
                .addRule(NftRule.in(input).in(bridges, NftField.INPUT).verdict(toGate));
    }

    private NftChain base(String name, NftChain.Hook hook) {
        return new NftChain(
                table, name, Optional.of(new NftChain.Base(hook, AFTER_THE_RULES, NftChain.Kind.FILTER, true)));
    }

    /** Stands from now on for as long as a sandbox does, whatever happens to this process; in place of a dead one's. */
    void entrust(Stub first) throws SyscallException {
        nftables.share(first, HELD);
    }

    /** Sooner than the kernel would do it when the socket is closed, which takes it a while. */
    @Override
    public synchronized void close() throws IOException {
        if (!guarded.isEmpty()) {
            guarded.clear();
            nftables.commit(new NftBatch().deleteTable(table));
        }
    }
}
