package dev.cay;

import java.util.OptionalLong;

/**
 * How a file is written.
 *
 * @param mode its permissions, 0 to 07777; a file that is replaced gets them too
 * @param user its owner, an id in the sandbox; root if empty
 * @param group its group, an id in the sandbox; root's if empty
 * @param parents whether missing directories on the way are made, with mode 0755
 */
public record WriteOptions(int mode, OptionalLong user, OptionalLong group, boolean parents) {
    public static final WriteOptions STANDARD =
            new WriteOptions(0644, OptionalLong.empty(), OptionalLong.empty(), true);

    private static final long MAXIMUM_ID = 65_534;

    public WriteOptions {
        Check.that(
                mode >= 0 && mode <= 07777,
                "mode " + Integer.toOctalString(mode) + " is out of range",
                "0 to 7777, octal");
        for (OptionalLong id : new OptionalLong[] {user, group}) {
            id.ifPresent(value ->
                    Check.that(value >= 0 && value <= MAXIMUM_ID, "id " + value + " is out of range", "0 to 65534"));
        }
    }
}
