package dev.cay;

import static java.util.Objects.requireNonNull;

/** Which system calls a sandbox may make. Whatever the policy, none of them kills an ordinary program by default. */
public sealed interface SeccompPolicy {
    /** The built-in allow-list: ordinary programs run unmodified, what is not on it fails with EPERM or ENOSYS. */
    record Standard() implements SeccompPolicy {}

    /**
     * A profile in the JSON form of Docker and of the OCI runtime specification.
     *
     * @param json the text of the profile
     */
    record Profile(String json) implements SeccompPolicy {
        public Profile {
            requireNonNull(json, "json is null");
        }
    }

    /** No filter. The other walls remain. */
    record Unconfined() implements SeccompPolicy {}

    static SeccompPolicy standard() {
        return new Standard();
    }

    static SeccompPolicy profile(String json) {
        return new Profile(json);
    }

    static SeccompPolicy unconfined() {
        return new Unconfined();
    }
}
