package dev.cay.engine.container;

/** As whom a guest's commands run, known before there is a guest that could say it. */
public record GuestUser(int user, int group) {
    /** No longer file of accounts is read. */
    public static final int MAXIMUM_FILE = 1 << 20;

    /** The guest's root. */
    public static final GuestUser ROOT = new GuestUser(0, 0);

    /**
     * That of a name.
     *
     * @param passwd what the guest's passwd(5) has
     * @param group what its group(5) has
     * @param name as a specification has it
     * @throws dev.cay.SandboxException.InvalidSpec if there is no such user
     */
    public static GuestUser of(byte[] passwd, byte[] group, String name) {
        Accounts.Identity identity = new Accounts(passwd, group).require(name);
        return new GuestUser(identity.user(), identity.group());
    }

    /** As a specification names him. */
    public String text() {
        return user + ":" + group;
    }
}
