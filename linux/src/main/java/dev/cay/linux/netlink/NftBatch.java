package dev.cay.linux.netlink;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * Changes of the packet filter that are made all together, or not at all: the requests of one transaction, in order.
 * Not thread-safe.
 *
 * <p>"Add" is content with what is there already, "create" is not: then the transaction fails with EEXIST.
 */
public final class NftBatch {
    /** So that the list of elements, itself an attribute, stays below 64 KiB. */
    private static final int MAXIMUM_ELEMENTS = 48 * 1024;

    private final List<NetlinkMessage> messages = new ArrayList<>();
    private OptionalInt generation = OptionalInt.empty();
    private int sets;

    /** Of nothing. */
    public NftBatch() {}

    /** The transaction fails with ERESTART if the rules are not of this generation any more. */
    public NftBatch onlyIf(int expectedGeneration) {
        generation = OptionalInt.of(expectedGeneration);
        return this;
    }

    public NftBatch addTable(NftTable table) {
        return table("NFT_MSG_NEWTABLE", NftMessages.NFT_MSG_NEWTABLE, NetlinkMessage.NLM_F_CREATE, table);
    }

    public NftBatch createTable(NftTable table) {
        return table(
                "NFT_MSG_NEWTABLE",
                NftMessages.NFT_MSG_NEWTABLE,
                NetlinkMessage.NLM_F_CREATE | NetlinkMessage.NLM_F_EXCL,
                table);
    }

    /** A table that nobody else may change, and that goes when the socket is closed by which it is made. */
    public NftBatch createOwnedTable(NftTable table) {
        MessageWriter body = NftMessages.head(table.family().number())
                .text(NftMessages.NFTA_TABLE_NAME, table.name())
                .network32(NftMessages.NFTA_TABLE_FLAGS, NftMessages.NFT_TABLE_F_OWNER);
        return add(
                "NFT_MSG_NEWTABLE",
                table,
                NftMessages.NFT_MSG_NEWTABLE,
                NetlinkMessage.NLM_F_CREATE | NetlinkMessage.NLM_F_EXCL,
                body);
    }

    /** With all that is in it. */
    public NftBatch deleteTable(NftTable table) {
        return table("NFT_MSG_DELTABLE", NftMessages.NFT_MSG_DELTABLE, 0, table);
    }

    private NftBatch table(String name, int message, int flags, NftTable table) {
        MessageWriter body = NftMessages.head(table.family().number()).text(NftMessages.NFTA_TABLE_NAME, table.name());
        return add(name, table, message, flags, body);
    }

    /** A chain, or another policy for one that there is. */
    public NftBatch addChain(NftChain chain) {
        MessageWriter body = NftMessages.head(chain.table().family().number())
                .text(NftMessages.NFTA_CHAIN_TABLE, chain.table().name())
                .text(NftMessages.NFTA_CHAIN_NAME, chain.name());
        chain.base()
                .ifPresent(base -> body.nest(
                                NftMessages.NFTA_CHAIN_HOOK,
                                hook -> hook.network32(
                                                NftMessages.NFTA_HOOK_HOOKNUM,
                                                base.hook().number())
                                        .network32(NftMessages.NFTA_HOOK_PRIORITY, base.priority()))
                        .text(NftMessages.NFTA_CHAIN_TYPE, base.kind().text())
                        .network32(
                                NftMessages.NFTA_CHAIN_POLICY,
                                base.accepts() ? ExpressionWriter.NF_ACCEPT : ExpressionWriter.NF_DROP));
        return add("NFT_MSG_NEWCHAIN", chain, NftMessages.NFT_MSG_NEWCHAIN, NetlinkMessage.NLM_F_CREATE, body);
    }

    /** With its rules; EBUSY if a rule or an element still leads there. */
    public NftBatch deleteChain(NftChain chain) {
        MessageWriter body = NftMessages.head(chain.table().family().number())
                .text(NftMessages.NFTA_CHAIN_TABLE, chain.table().name())
                .text(NftMessages.NFTA_CHAIN_NAME, chain.name());
        return flushChain(chain).add("NFT_MSG_DELCHAIN", chain, NftMessages.NFT_MSG_DELCHAIN, 0, body);
    }

    /** A rule behind all others of its chain. */
    public NftBatch addRule(NftRule rule) {
        return rule(rule, NetlinkMessage.NLM_F_CREATE | NetlinkMessage.NLM_F_APPEND);
    }

    /** A rule before all others of its chain. */
    public NftBatch insertRule(NftRule rule) {
        return rule(rule, NetlinkMessage.NLM_F_CREATE);
    }

    /** A rule in place of the one that has its handle. */
    public NftBatch replaceRule(NftRule rule) {
        if (rule.handle().isEmpty()) {
            throw new IllegalArgumentException("handle: is missing");
        }
        return rule(rule, NetlinkMessage.NLM_F_REPLACE);
    }

    private NftBatch rule(NftRule rule, int flags) {
        MessageWriter body = ruleHead(rule.chain());
        if ((flags & NetlinkMessage.NLM_F_REPLACE) != 0) {
            body.network64(NftMessages.NFTA_RULE_HANDLE, rule.handle().getAsLong());
        }
        body.nest(
                NftMessages.NFTA_RULE_EXPRESSIONS,
                list -> rule.expressions()
                        .forEach(expression ->
                                ExpressionWriter.write(list, ExpressionWriter.NFTA_LIST_ELEM, expression)));
        if (!rule.comment().isEmpty()) {
            body.attribute(NftMessages.NFTA_RULE_USERDATA, NftMessages.note(rule.comment()));
        }
        return add("NFT_MSG_NEWRULE", rule.chain(), NftMessages.NFT_MSG_NEWRULE, flags, body);
    }

    public NftBatch deleteRule(NftChain chain, long handle) {
        return add(
                "NFT_MSG_DELRULE",
                chain + " handle " + handle,
                NftMessages.NFT_MSG_DELRULE,
                0,
                ruleHead(chain).network64(NftMessages.NFTA_RULE_HANDLE, handle));
    }

    /** Without its rules. */
    public NftBatch flushChain(NftChain chain) {
        return add("NFT_MSG_DELRULE", chain, NftMessages.NFT_MSG_DELRULE, 0, ruleHead(chain));
    }

    private static MessageWriter ruleHead(NftChain chain) {
        return NftMessages.head(chain.table().family().number())
                .text(NftMessages.NFTA_RULE_TABLE, chain.table().name())
                .text(NftMessages.NFTA_RULE_CHAIN, chain.name());
    }

    public NftBatch addSet(NftSet set) {
        MessageWriter body = NftMessages.head(set.table().family().number());
        SetCodec.write(body, set, ++sets);
        return add("NFT_MSG_NEWSET", set, NftMessages.NFT_MSG_NEWSET, NetlinkMessage.NLM_F_CREATE, body);
    }

    /** EBUSY if a rule still looks into it. */
    public NftBatch deleteSet(NftSet set) {
        MessageWriter body = NftMessages.head(set.table().family().number())
                .text(NftMessages.NFTA_SET_TABLE, set.table().name())
                .text(NftMessages.NFTA_SET_NAME, set.name());
        return add("NFT_MSG_DELSET", set, NftMessages.NFT_MSG_DELSET, 0, body);
    }

    /** Elements; one that is there already stays as it is, and before Linux 6.12 so does the time that it has left. */
    public NftBatch addElements(NftSet set, List<NftElement> elements) {
        return elements(
                "NFT_MSG_NEWSETELEM", NftMessages.NFT_MSG_NEWSETELEM, NetlinkMessage.NLM_F_CREATE, set, elements);
    }

    public NftBatch addElements(NftSet set, NftElement... elements) {
        return addElements(set, List.of(elements));
    }

    /** Elements, in place of those with their keys: the time that they have begins anew. */
    public NftBatch renewElements(NftSet set, List<NftElement> elements) {
        // One that is not there cannot be deleted, and one that has been may just have left by itself.
        return addElements(set, elements).deleteElements(set, elements).addElements(set, elements);
    }

    public NftBatch renewElements(NftSet set, NftElement... elements) {
        return renewElements(set, List.of(elements));
    }

    /** Elements; EEXIST if one is there already. */
    public NftBatch createElements(NftSet set, List<NftElement> elements) {
        return elements(
                "NFT_MSG_NEWSETELEM",
                NftMessages.NFT_MSG_NEWSETELEM,
                NetlinkMessage.NLM_F_CREATE | NetlinkMessage.NLM_F_EXCL,
                set,
                elements);
    }

    public NftBatch createElements(NftSet set, NftElement... elements) {
        return createElements(set, List.of(elements));
    }

    /** By their keys; ENOENT if one is not there. */
    public NftBatch deleteElements(NftSet set, List<NftElement> elements) {
        return elements("NFT_MSG_DELSETELEM", NftMessages.NFT_MSG_DELSETELEM, 0, set, elements);
    }

    public NftBatch deleteElements(NftSet set, NftElement... elements) {
        return deleteElements(set, List.of(elements));
    }

    /** All elements. */
    public NftBatch flushSet(NftSet set) {
        return add("NFT_MSG_DELSETELEM", set, NftMessages.NFT_MSG_DELSETELEM, 0, elementsHead(set));
    }

    static MessageWriter elementsHead(NftSet set) {
        return NftMessages.head(set.table().family().number())
                .text(NftMessages.NFTA_SET_ELEM_LIST_TABLE, set.table().name())
                .text(NftMessages.NFTA_SET_ELEM_LIST_SET, set.name());
    }

    private NftBatch elements(String name, int message, int flags, NftSet set, List<NftElement> elements) {
        boolean adding = message == NftMessages.NFT_MSG_NEWSETELEM;
        for (int next = 0; next < elements.size(); ) {
            MessageWriter body = elementsHead(set);
            int first = next;
            int[] end = {next};
            body.nest(NftMessages.NFTA_SET_ELEM_LIST_ELEMENTS, list -> {
                int i = first;
                do {
                    SetCodec.write(list, set, elements.get(i++), adding);
                } while (i < elements.size() && list.size() < MAXIMUM_ELEMENTS);
                end[0] = i;
            });
            next = end[0];
            add(name, set, message, flags, body);
        }
        return this;
    }

    private NftBatch add(String name, Object object, int message, int flags, MessageWriter body) {
        messages.add(NftMessages.message(name, object.toString(), message, flags, body));
        return this;
    }

    /** Whether there is nothing to be changed. */
    public boolean isEmpty() {
        return messages.isEmpty();
    }

    /**
     * The messages of the transaction, its beginning and its end among them, for lists that run elsewhere. The last
     * change is acknowledged, and so is whatever fails.
     */
    public List<NetlinkMessage> messages() {
        MessageWriter begin = NftMessages.batch();
        generation.ifPresent(number -> begin.network32(NftMessages.NFNL_BATCH_GENID, number));
        List<NetlinkMessage> all = new ArrayList<>();
        all.add(new NetlinkMessage("NFNL_MSG_BATCH_BEGIN", "", NftMessages.NFNL_MSG_BATCH_BEGIN, 0, begin));
        all.addAll(messages);
        if (!messages.isEmpty()) {
            all.set(messages.size(), messages.getLast().with(NetlinkMessage.NLM_F_ACK));
        }
        all.add(new NetlinkMessage("NFNL_MSG_BATCH_END", "", NftMessages.NFNL_MSG_BATCH_END, 0, NftMessages.batch()));
        return all;
    }
}
