package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.linux.Credentials;
import dev.cay.linux.Op;
import java.util.Arrays;
import java.util.Locale;

/**
 * What a single process may have at the most; see setrlimit(2).
 *
 * @param soft where it is refused more; {@link #UNLIMITED} or 0 and more
 * @param hard how far a process may raise that by itself; not below it
 */
public record ProcessLimit(Resource resource, long soft, long hard) {
    /** No limit. */
    public static final long UNLIMITED = -1;

    /** All resources of Linux, in the order of their numbers, which are the same on both architectures. */
    public enum Resource {
        CPU,
        FSIZE,
        DATA,
        STACK,
        CORE,
        RSS,
        NPROC,
        NOFILE,
        MEMLOCK,
        AS,
        LOCKS,
        SIGPENDING,
        MSGQUEUE,
        NICE,
        RTPRIO,
        RTTIME;

        /** Its name in lower case. */
        public String text() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** @throws IllegalArgumentException if there is none of this name */
        public static Resource of(String text) {
            return Arrays.stream(values())
                    .filter(resource -> resource.text().equals(text))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("no guest has a limit of '" + text + "'"));
        }

        /** Whether the first process of a guest can live with less than all of it, whatever that is. */
        boolean isHarmless() {
            return switch (this) {
                case CPU, FSIZE, DATA, STACK, NOFILE, AS, RTTIME -> false;
                case CORE, RSS, NPROC, MEMLOCK, LOCKS, SIGPENDING, MSGQUEUE, NICE, RTPRIO -> true;
            };
        }
    }

    public ProcessLimit {
        requireNonNull(resource, "resource is null");
        GuestSpec.require(soft >= UNLIMITED && hard >= UNLIMITED, "a negative limit of " + resource.text());
        GuestSpec.require(
                Long.compareUnsigned(soft, hard) <= 0, "a soft limit of " + resource.text() + " above the hard one");
    }

    /** Puts it on the process that makes the call. */
    Op put() {
        return Credentials.limit(resource.ordinal(), resource.name(), soft, hard);
    }
}
