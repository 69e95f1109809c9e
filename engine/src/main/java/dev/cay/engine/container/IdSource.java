package dev.cay.engine.container;

import java.io.IOException;

/** Gives ranges of user ids. */
interface IdSource {
    /** A free range. */
    IdRanges.Range take() throws IOException;

    /**
     * The range that begins with an id: that of files which an earlier sandbox has left.
     *
     * @throws IOException if the id does not begin a range, or somebody has it
     */
    IdRanges.Range take(long first) throws IOException;

    /** Always the same range, which is nobody's to claim. */
    static IdSource always(IdRanges.Range range) {
        return new IdSource() {
            @Override
            public IdRanges.Range take() {
                return range;
            }

            @Override
            public IdRanges.Range take(long first) {
                return range;
            }
        };
    }
}
