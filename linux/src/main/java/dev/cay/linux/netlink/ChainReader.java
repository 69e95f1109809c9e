package dev.cay.linux.netlink;

import java.net.ProtocolException;
import java.util.List;
import java.util.Optional;

/** Chains as the kernel tells them. */
final class ChainReader {
    private ChainReader() {}

    /** Empty if it is of another table, or hooked where there is no word for. */
    static Optional<NftChain> read(NftTable table, Payload body) throws ProtocolException {
        List<Payload.Attribute> attributes = body.attributes(NftMessages.NFGENMSG_SIZE);
        String name = Payload.need(attributes, NftMessages.NFTA_CHAIN_TABLE, "table of a chain")
                .text();
        if (!name.equals(table.name()) || body.u8(0) != table.family().number()) {
            return Optional.empty();
        }
        String chain = Payload.need(attributes, NftMessages.NFTA_CHAIN_NAME, "name of a chain")
                .text();
        Optional<Payload> hook = Payload.find(attributes, NftMessages.NFTA_CHAIN_HOOK);
        if (hook.isEmpty()) {
            return Optional.of(table.chain(chain));
        }
        return base(attributes, hook.get().attributes()).map(base -> new NftChain(table, chain, Optional.of(base)));
    }

    private static Optional<NftChain.Base> base(List<Payload.Attribute> chain, List<Payload.Attribute> hook)
            throws ProtocolException {
        int number = Payload.need(hook, NftMessages.NFTA_HOOK_HOOKNUM, "hook").network32();
        int priority =
                Payload.need(hook, NftMessages.NFTA_HOOK_PRIORITY, "priority").network32();
        String kind = Payload.need(chain, NftMessages.NFTA_CHAIN_TYPE, "type of a chain")
                .text();
        boolean accepts =
                Payload.need(chain, NftMessages.NFTA_CHAIN_POLICY, "policy").network32() == ExpressionWriter.NF_ACCEPT;
        for (NftChain.Hook point : NftChain.Hook.values()) {
            for (NftChain.Kind one : NftChain.Kind.values()) {
                if (point.number() == number && one.text().equals(kind)) {
                    return Optional.of(new NftChain.Base(point, priority, one, accepts));
                }
            }
        }
        return Optional.empty();
    }
}
