package dev.cay.linux.netlink;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** What the messages of nf_tables have in common: their numbers, their head, and the notes of nft(8). */
final class NftMessages {
    static final int NFNL_SUBSYS_NFTABLES = 10;
    static final int NFNL_MSG_BATCH_BEGIN = 0x10;
    static final int NFNL_MSG_BATCH_END = 0x11;
    static final int NFNL_BATCH_GENID = 1;
    static final int NFT_MSG_NEWTABLE = 0;
    static final int NFT_MSG_GETTABLE = 1;
    static final int NFT_MSG_DELTABLE = 2;
    static final int NFT_MSG_NEWCHAIN = 3;
    static final int NFT_MSG_GETCHAIN = 4;
    static final int NFT_MSG_DELCHAIN = 5;
    static final int NFT_MSG_NEWRULE = 6;
    static final int NFT_MSG_GETRULE = 7;
    static final int NFT_MSG_DELRULE = 8;
    static final int NFT_MSG_NEWSET = 9;
    static final int NFT_MSG_GETSET = 10;
    static final int NFT_MSG_DELSET = 11;
    static final int NFT_MSG_NEWSETELEM = 12;
    static final int NFT_MSG_GETSETELEM = 13;
    static final int NFT_MSG_DELSETELEM = 14;
    static final int NFT_MSG_GETGEN = 16;
    static final int NFTA_TABLE_NAME = 1;
    static final int NFTA_TABLE_FLAGS = 2;
    static final int NFT_TABLE_F_OWNER = 2;
    static final int NFTA_CHAIN_TABLE = 1;
    static final int NFTA_CHAIN_NAME = 3;
    static final int NFTA_CHAIN_HOOK = 4;
    static final int NFTA_CHAIN_POLICY = 5;
    static final int NFTA_CHAIN_TYPE = 7;
    static final int NFTA_HOOK_HOOKNUM = 1;
    static final int NFTA_HOOK_PRIORITY = 2;
    static final int NFTA_RULE_TABLE = 1;
    static final int NFTA_RULE_CHAIN = 2;
    static final int NFTA_RULE_HANDLE = 3;
    static final int NFTA_RULE_EXPRESSIONS = 4;
    static final int NFTA_RULE_USERDATA = 7;
    static final int NFTA_SET_TABLE = 1;
    static final int NFTA_SET_NAME = 2;
    static final int NFTA_SET_FLAGS = 3;
    static final int NFTA_SET_KEY_TYPE = 4;
    static final int NFTA_SET_KEY_LEN = 5;
    static final int NFTA_SET_DATA_TYPE = 6;
    static final int NFTA_SET_DATA_LEN = 7;
    static final int NFTA_SET_DESC = 9;
    static final int NFTA_SET_ID = 10;
    static final int NFTA_SET_TIMEOUT = 11;
    static final int NFTA_SET_EXPR = 17;
    static final int NFTA_SET_DESC_CONCAT = 2;
    static final int NFTA_SET_FIELD_LEN = 1;
    static final int NFT_SET_CONSTANT = 0x2;
    static final int NFT_SET_INTERVAL = 0x4;
    static final int NFT_SET_MAP = 0x8;
    static final int NFT_SET_TIMEOUT = 0x10;
    static final int NFT_SET_CONCAT = 0x80;
    static final int NFT_SET_ANONYMOUS = 0x1;
    static final int NFT_SET_OBJECT = 0x40;
    static final int NFT_DATA_VERDICT = 0xffffff00;
    static final int NFTA_SET_ELEM_LIST_TABLE = 1;
    static final int NFTA_SET_ELEM_LIST_SET = 2;
    static final int NFTA_SET_ELEM_LIST_ELEMENTS = 3;
    static final int NFTA_SET_ELEM_KEY = 1;
    static final int NFTA_SET_ELEM_DATA = 2;
    static final int NFTA_SET_ELEM_FLAGS = 3;
    static final int NFTA_SET_ELEM_TIMEOUT = 4;
    static final int NFTA_SET_ELEM_EXPIRATION = 5;
    static final int NFTA_SET_ELEM_USERDATA = 6;
    static final int NFTA_SET_ELEM_EXPR = 7;
    static final int NFTA_SET_ELEM_KEY_END = 10;
    static final int NFT_SET_ELEM_INTERVAL_END = 1;
    static final int NFT_SET_ELEM_CATCHALL = 2;
    static final int NFTA_GEN_ID = 1;

    /** {@code struct nfgenmsg { __u8 family, version; __be16 res_id; }}. */
    static final int NFGENMSG_SIZE = 4;

    private static final int NFNETLINK_V0 = 0;

    /** The note that nft(8) keeps a comment in: this type, a length, a C string. */
    private static final byte NOTE_COMMENT = 0;

    private NftMessages() {}

    static MessageWriter head(int family) {
        return new MessageWriter().u8(family).u8(NFNETLINK_V0).u16(0);
    }

    static NetlinkMessage message(String name, String object, int message, int flags, MessageWriter body) {
        return new NetlinkMessage(name, object, NFNL_SUBSYS_NFTABLES << 8 | message, flags, body);
    }

    /** The beginning or the end of a transaction. */
    static MessageWriter batch() {
        return new MessageWriter().u8(0).u8(NFNETLINK_V0).networkU16(NFNL_SUBSYS_NFTABLES);
    }

    static byte[] note(String comment) {
        byte[] text = comment.getBytes(StandardCharsets.UTF_8);
        byte[] note = new byte[text.length + 3];
        note[0] = NOTE_COMMENT;
        note[1] = (byte) (text.length + 1);
        System.arraycopy(text, 0, note, 2, text.length);
        return note;
    }

    /** The comment among the notes, which are whatever somebody has written there. */
    static String comment(byte[] notes) {
        for (int at = 0; at + 2 <= notes.length; at += 2 + (notes[at + 1] & 0xff)) {
            int end = at + 2 + (notes[at + 1] & 0xff);
            if (notes[at] == NOTE_COMMENT && end <= notes.length) {
                String text = new Payload(Arrays.copyOfRange(notes, at + 2, end)).text();
                return text.getBytes(StandardCharsets.UTF_8).length <= NftElement.MAXIMUM_COMMENT ? text : "";
            }
        }
        return "";
    }
}
