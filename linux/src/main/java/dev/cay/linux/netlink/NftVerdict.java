package dev.cay.linux.netlink;

/** What becomes of a packet, or of its way through the rules. */
public sealed interface NftVerdict extends NftData {
    /** It passes this hook's chain; chains of later priorities still see it. */
    record Accept() implements NftVerdict {}

    /** It is gone. */
    record Drop() implements NftVerdict {}

    /** The next rule sees it. */
    record Continue() implements NftVerdict {}

    /** The chain that jumped here goes on with it. */
    record Return() implements NftVerdict {}

    /** Another chain of the table sees it, and then this one again. */
    record Jump(String chain) implements NftVerdict {
        public Jump {
            NftTable.checkName(chain);
        }
    }

    /** Another chain of the table sees it, and this one no more. */
    record Goto(String chain) implements NftVerdict {
        public Goto {
            NftTable.checkName(chain);
        }
    }
}
