package dev.cay;

import java.util.regex.Pattern;

/** The form of a user as {@code docker run --user} takes it. */
final class UserName {
    private static final Pattern FORM = Pattern.compile("[A-Za-z0-9_.@$-]{1,256}(:[A-Za-z0-9_.@$-]{1,256})?");

    private UserName() {}

    static void check(String user) {
        Check.that(
                FORM.matcher(user).matches(), "'" + user + "' is not a user", "write NAME, UID, NAME:GROUP or UID:GID");
    }
}
