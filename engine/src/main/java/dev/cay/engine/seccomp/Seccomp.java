package dev.cay.engine.seccomp;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.util.Objects.requireNonNull;

import dev.cay.SeccompPolicy;
import dev.cay.linux.Architecture;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/**
 * Filters for policies. {@link #compile} gives what {@code seccomp(SECCOMP_SET_MODE_FILTER)} takes; whoever installs it
 * must have set no_new_privs, and must make no call afterwards that the policy refuses.
 */
public final class Seccomp {
    /** How many compiled profiles are kept. With each goes its text: this bounds them to some 16 MiB, if they are huge. */
    private static final int KEPT_PROFILES = 8;

    private static final SequencedMap<Key, byte[]> COMPILED = new LinkedHashMap<>(16, 0.75f, true);

    private record Key(String json, Architecture architecture, Set<String> capabilities) {}

    private Seccomp() {}

    /**
     * The filter for a policy.
     *
     * @param capabilities of the sandbox, with or without {@code CAP_}: profiles in Docker's form can depend on them
     * @return an array of {@code struct sock_filter}, little-endian, at most 4096 of 8 bytes each, the caller's to keep;
     *     empty if the policy is to have no filter
     * @throws dev.cay.SandboxException.InvalidSpec if a profile cannot be read or is too large to be compiled
     * @throws dev.cay.SandboxException.Unsupported if a profile asks for what Cay does not do
     */
    public static Optional<byte[]> compile(SeccompPolicy policy, Architecture architecture, Set<String> capabilities) {
        requireNonNull(architecture, "architecture is null");
        // Not left to the switch: preparing one over types takes a cold JVM many milliseconds.
        if (policy instanceof SeccompPolicy.Standard) {
            return Optional.of(standard(architecture));
        }
        return switch (policy) {
            case SeccompPolicy.Unconfined _ -> Optional.empty();
            case SeccompPolicy.Standard _ -> Optional.of(standard(architecture));
            case SeccompPolicy.Profile profile ->
                Optional.of(profile(new Key(profile.json(), architecture, Set.copyOf(capabilities))));
        };
    }

    private static byte[] standard(Architecture architecture) {
        return switch (architecture) {
            case X86_64 -> StandardFilters.X86_64.getBytes(ISO_8859_1);
            case AARCH64 -> StandardFilters.AARCH64.getBytes(ISO_8859_1);
        };
    }

    private static byte[] profile(Key key) {
        synchronized (COMPILED) {
            byte[] known = COMPILED.get(key);
            if (known != null) {
                return known.clone();
            }
        }
        byte[] program =
                SeccompCompiler.compile(SeccompProfile.parse(key.json(), key.architecture(), key.capabilities()));
        synchronized (COMPILED) {
            COMPILED.put(key, program);
            if (COMPILED.size() > KEPT_PROFILES) {
                COMPILED.pollFirstEntry();
            }
        }
        return program.clone();
    }
}
