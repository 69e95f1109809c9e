package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.ResourceLimit;
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

    /** With less the first process of a guest could run out of them. */
    private static final long FEW_FILES = 1024;

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
    }

    public ProcessLimit {
        requireNonNull(resource, "resource is null");
        GuestSpec.require(soft >= UNLIMITED && hard >= UNLIMITED, "a negative limit of " + resource.text());
        GuestSpec.require(
                Long.compareUnsigned(soft, hard) <= 0, "a soft limit of " + resource.text() + " above the hard one");
    }

    /** Whether the first process of a guest can live with it: whoever takes its memory or its time away ends the guest. */
    boolean isHarmless() {
        return switch (resource) {
            case CPU, FSIZE, DATA, STACK, AS, RTTIME -> false;
            case NOFILE -> Long.compareUnsigned(soft, FEW_FILES) >= 0;
            case CORE, RSS, NPROC, MEMLOCK, LOCKS, SIGPENDING, MSGQUEUE, NICE, RTPRIO -> true;
        };
    }

    /** That of a sandbox's specification, soft and hard alike. */
    static ProcessLimit of(ResourceLimit limit, long value) {
        Resource resource = switch (limit) {
            case ADDRESS_SPACE -> Resource.AS;
            case CORE -> Resource.CORE;
            case CPU_SECONDS -> Resource.CPU;
            case DATA -> Resource.DATA;
            case FILE_LOCKS -> Resource.LOCKS;
            case FILE_SIZE -> Resource.FSIZE;
            case LOCKED_MEMORY -> Resource.MEMLOCK;
            case MESSAGE_QUEUES -> Resource.MSGQUEUE;
            case NICE -> Resource.NICE;
            case OPEN_FILES -> Resource.NOFILE;
            case PENDING_SIGNALS -> Resource.SIGPENDING;
            case PROCESSES -> Resource.NPROC;
            case REAL_TIME -> Resource.RTTIME;
            case REAL_TIME_PRIORITY -> Resource.RTPRIO;
            case RESIDENT_MEMORY -> Resource.RSS;
            case STACK -> Resource.STACK;
        };
        return new ProcessLimit(resource, value, value);
    }

    /** Puts it on the process that makes the call. */
    Op put() {
        return Credentials.limit(resource.ordinal(), resource.name(), soft, hard);
    }
}
