package dev.cay.engine.seccomp;

import dev.cay.linux.Architecture;
import java.math.BigInteger;
import java.util.Optional;

/** What a profile means, told without a compiler: rule by rule, in numbers of any size. */
final class Oracle {
    private static final int ENOSYS = 0x0005_0026;

    private Oracle() {}

    static int verdict(SeccompProfile profile, Call call) {
        int audit = profile.architecture() == Architecture.X86_64 ? 0xC000003E : 0xC00000B7;
        boolean x32 =
                profile.architecture() == Architecture.X86_64 && Integer.toUnsignedLong(call.number()) >= 0x40000000L;
        if (call.auditArchitecture() != audit || x32) {
            return ENOSYS;
        }
        Optional<String> name = SystemCalls.of(profile.architecture()).name(call.number());
        int otherwise = profile.defaultAction().returnValue();
        if (name.isEmpty()) {
            boolean lenient = otherwise == 0x7FFF0000 || otherwise == 0x7FFC0000;
            return lenient ? otherwise : ENOSYS;
        }
        for (SeccompProfile.Rule rule : profile.rules()) {
            if (rule.names().contains(name.get())
                    && rule.conditions().stream().allMatch(condition -> holds(condition, call))) {
                return rule.action().returnValue();
            }
        }
        return otherwise;
    }

    static boolean holds(Condition condition, Call call) {
        BigInteger argument = unsigned(call.arguments()[condition.argument()]).and(unsigned(condition.mask()));
        int order = argument.compareTo(unsigned(condition.value()));
        return switch (condition.operator()) {
            case EQUAL -> order == 0;
            case NOT_EQUAL -> order != 0;
            case LESS -> order < 0;
            case AT_MOST -> order <= 0;
            case AT_LEAST -> order >= 0;
            case GREATER -> order > 0;
        };
    }

    private static BigInteger unsigned(long number) {
        return new BigInteger(Long.toUnsignedString(number));
    }
}
