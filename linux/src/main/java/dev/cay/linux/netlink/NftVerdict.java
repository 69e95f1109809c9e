package dev.cay.linux.netlink;

import java.util.Optional;

/** What becomes of a packet, or of its way through the rules. */
public sealed interface NftVerdict extends NftData {
    /** The kernel's number of it. */
    int code();

    /** The chain that it leads to. */
    default Optional<String> target() {
        return Optional.empty();
    }

    /** It passes this hook's chain; chains of later priorities still see it. */
    record Accept() implements NftVerdict {
        @Override
        public int code() {
            return ExpressionWriter.NF_ACCEPT;
        }
    }

    /** It is gone. */
    record Drop() implements NftVerdict {
        @Override
        public int code() {
            return ExpressionWriter.NF_DROP;
        }
    }

    /** The next rule sees it. */
    record Continue() implements NftVerdict {
        @Override
        public int code() {
            return ExpressionWriter.NFT_CONTINUE;
        }
    }

    /** The chain that jumped here goes on with it. */
    record Return() implements NftVerdict {
        @Override
        public int code() {
            return ExpressionWriter.NFT_RETURN;
        }
    }

    /** Another chain of the table sees it, and then this one again. */
    record Jump(String chain) implements NftVerdict {
        public Jump {
            NftTable.checkName(chain);
        }

        @Override
        public int code() {
            return ExpressionWriter.NFT_JUMP;
        }

        @Override
        public Optional<String> target() {
            return Optional.of(chain);
        }
    }

    /** Another chain of the table sees it, and this one no more. */
    record Goto(String chain) implements NftVerdict {
        public Goto {
            NftTable.checkName(chain);
        }

        @Override
        public int code() {
            return ExpressionWriter.NFT_GOTO;
        }

        @Override
        public Optional<String> target() {
            return Optional.of(chain);
        }
    }
}
