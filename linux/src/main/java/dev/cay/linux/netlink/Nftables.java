package dev.cay.linux.netlink;

import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The packet filter of one network namespace, nf_tables, as nft(8) knows it. Thread-safe.
 *
 * <pre>{@code
 * NftTable table = new NftTable(NftFamily.INET, "cay");
 * NftChain forward = new NftChain(table, "forward", Optional.of(new NftChain.Base(FORWARD, 0, FILTER, true)));
 * NftSet denied = NftSet.of(table, "denied", NftDataType.IPV4_ADDRESS).withIntervals();
 * nftables.commit(new NftBatch()
 *         .addTable(table)
 *         .addChain(forward)
 *         .addSet(denied)
 *         .addElements(denied, NftElement.of(new IpPrefix(InetAddress.ofLiteral("10.0.0.0"), 8)))
 *         .addRule(NftRule.in(forward).in(denied, NftField.IPV4_DESTINATION).counted().reject(ADMIN_PROHIBITED)));
 * }</pre>
 */
public final class Nftables implements AutoCloseable {
    private final NetlinkSocket socket;

    /** @param socket of {@link NetlinkSocket.Protocol#NETFILTER}; closed with this */
    public Nftables(NetlinkSocket socket) {
        this.socket = socket;
    }

    /** Of the network namespace that this process lives in. */
    public static Nftables open(Kernel kernel) throws SyscallException {
        return new Nftables(NetlinkSocket.open(kernel, NetlinkSocket.Protocol.NETFILTER));
    }

    /** Of another network namespace. */
    public static Nftables openIn(Kernel kernel, Fd namespace) throws SyscallException {
        return new Nftables(NetlinkSocket.openIn(kernel, namespace, NetlinkSocket.Protocol.NETFILTER));
    }

    /**
     * Makes all changes at once, or none of them.
     *
     * @throws NetlinkException of the first that cannot be made
     */
    public void commit(NftBatch batch) throws IOException {
        if (!batch.isEmpty()) {
            socket.transact(batch.messages());
        }
    }

    /**
     * Lets the first process of a sandbox have this socket too, as a descriptor of its own: so long as one of both has it the kernel
     * takes no table away that belongs to it. It cannot change one, as nobody can who lacks CAP_NET_ADMIN over this network namespace.
     *
     * @param number of the descriptor there, which must be free or that of another such socket, which is closed
     */
    public void share(Stub first, int number) throws SyscallException {
        first.runInside(OpList.of(socket.holding(number).toArray(Op[]::new)));
    }

    /** The number of the last change. */
    public int generation() throws IOException {
        Frame answer = socket.ask(
                NftMessages.message("NFT_MSG_GETGEN", "", NftMessages.NFT_MSG_GETGEN, 0, NftMessages.head(0)));
        return Payload.reading(() -> Payload.need(
                        answer.body().attributes(NftMessages.NFGENMSG_SIZE), NftMessages.NFTA_GEN_ID, "generation")
                .network32());
    }

    /** The tables of the families that there is a word for. */
    public List<NftTable> tables() throws IOException {
        List<Frame> frames = dump("NFT_MSG_GETTABLE", "", NftMessages.NFT_MSG_GETTABLE, NftMessages.head(0));
        return Payload.reading(() -> {
            List<NftTable> tables = new ArrayList<>();
            for (Frame frame : frames) {
                int number = frame.body().u8(0);
                String name = Payload.need(
                                frame.body().attributes(NftMessages.NFGENMSG_SIZE),
                                NftMessages.NFTA_TABLE_NAME,
                                "name of a table")
                        .text();
                for (NftFamily family : NftFamily.values()) {
                    if (family.number() == number) {
                        tables.add(new NftTable(family, name));
                    }
                }
            }
            return tables;
        });
    }

    /** The chains of a table, apart from those at points or of kinds that there is no word for. */
    public List<NftChain> chains(NftTable table) throws IOException {
        MessageWriter question = NftMessages.head(table.family().number());
        List<Frame> frames = dump("NFT_MSG_GETCHAIN", "", NftMessages.NFT_MSG_GETCHAIN, question);
        return Payload.reading(() -> {
            List<NftChain> chains = new ArrayList<>();
            for (Frame frame : frames) {
                ChainReader.read(table, frame.body()).ifPresent(chains::add);
            }
            return chains;
        });
    }

    /** The rules of a chain, in order, with their handles and counters; none if there is no such chain. */
    public List<NftRule> rules(NftChain chain) throws IOException {
        MessageWriter question = NftMessages.head(chain.table().family().number())
                .text(NftMessages.NFTA_RULE_TABLE, chain.table().name())
                .text(NftMessages.NFTA_RULE_CHAIN, chain.name());
        List<Frame> frames = dump("NFT_MSG_GETRULE", chain, NftMessages.NFT_MSG_GETRULE, question);
        return Payload.reading(() -> {
            List<NftRule> rules = new ArrayList<>();
            for (Frame frame : frames) {
                rules.add(ExpressionReader.readRule(chain, frame.body()));
            }
            return rules;
        });
    }

    /** The sets and maps of a table, apart from those with keys or values that there is no word for. */
    public List<NftSet> sets(NftTable table) throws IOException {
        MessageWriter question =
                NftMessages.head(table.family().number()).text(NftMessages.NFTA_SET_TABLE, table.name());
        List<Frame> frames = dump("NFT_MSG_GETSET", table, NftMessages.NFT_MSG_GETSET, question);
        return Payload.reading(() -> {
            List<NftSet> sets = new ArrayList<>();
            for (Frame frame : frames) {
                SetCodec.readSet(table, frame.body()).ifPresent(sets::add);
            }
            return sets;
        });
    }

    /** The elements of a set or map, in any order. */
    public List<NftElement> elements(NftSet set) throws IOException {
        List<Frame> frames =
                dump("NFT_MSG_GETSETELEM", set, NftMessages.NFT_MSG_GETSETELEM, NftBatch.elementsHead(set));
        return Payload.reading(() -> SetCodec.readElements(set, frames));
    }

    /** The table, if there is one of this family and name. */
    public Optional<NftTable> table(NftTable table) throws IOException {
        MessageWriter question =
                NftMessages.head(table.family().number()).text(NftMessages.NFTA_TABLE_NAME, table.name());
        try {
            socket.ask(NftMessages.message(
                    "NFT_MSG_GETTABLE", table.toString(), NftMessages.NFT_MSG_GETTABLE, 0, question));
            return Optional.of(table);
        } catch (NetlinkException e) {
            if (e.is(Errno.ENOENT)) {
                return Optional.empty();
            }
            throw e;
        }
    }

    private List<Frame> dump(String name, Object object, int message, MessageWriter question) throws IOException {
        return socket.dump(NftMessages.message(name, object.toString(), message, 0, question));
    }

    @Override
    public void close() {
        socket.close();
    }
}
