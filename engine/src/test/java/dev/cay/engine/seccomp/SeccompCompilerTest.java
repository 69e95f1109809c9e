package dev.cay.engine.seccomp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import dev.cay.engine.Seeded;
import dev.cay.engine.seccomp.Condition.Operator;
import dev.cay.engine.seccomp.SeccompProfile.Rule;
import dev.cay.linux.Architecture;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class SeccompCompilerTest {
    private static final Action ALLOW = new Action.Allow();
    private static final Action EPERM = new Action.Errno(1);

    private static final List<Action> ACTIONS = List.of(
            ALLOW,
            EPERM,
            new Action.Errno(0),
            new Action.Errno(4095),
            new Action.Log(),
            new Action.Trap(),
            new Action.KillThread(),
            new Action.KillProcess());

    @ParameterizedTest
    @EnumSource
    void randomProfilesMeanWhatTheirRulesSay(Architecture architecture) {
        Seeded.run(random -> {
            for (int round = 0; round < 40; round++) {
                SeccompProfile profile = profile(architecture, random, 1 + random.nextInt(60));
                ClassicBpf program = ClassicBpf.load(SeccompCompiler.compile(profile));
                assertThat(program.unreachable()).as("dead instructions").isZero();
                for (int number = 0; number <= 600; number++) {
                    compare(profile, program, Call.of(architecture, number, arguments(random)));
                }
                for (Rule rule : profile.rules()) {
                    for (int i = 0; i < 8; i++) {
                        compare(profile, program, callFor(architecture, rule, random));
                    }
                }
            }
        });
    }

    @ParameterizedTest
    @EnumSource
    void foreignCallsNeverRun(Architecture architecture) {
        SeccompProfile lenient = new SeccompProfile(architecture, ALLOW, List.of());
        ClassicBpf program = ClassicBpf.load(SeccompCompiler.compile(lenient));
        // i386, ARM, big-endian aarch64, riscv64, and none
        for (int audit : new int[] {0x40000003, 0x40000028, 0x800000B7, 0xC00000F3, 0, -1}) {
            for (int number = 0; number <= 600; number++) {
                assertThat(program.run(new Call(number, audit, new long[6]))).isEqualTo(0x00050026);
            }
        }
        Architecture other = architecture == Architecture.X86_64 ? Architecture.AARCH64 : Architecture.X86_64;
        assertThat(program.run(Call.of(other, 0))).isEqualTo(0x00050026);
    }

    @Test
    void x32CallsNeverRun() {
        SeccompProfile lenient = new SeccompProfile(Architecture.X86_64, ALLOW, List.of());
        ClassicBpf program = ClassicBpf.load(SeccompCompiler.compile(lenient));
        for (int number = 0; number <= 600; number++) {
            assertThat(program.run(Call.of(Architecture.X86_64, number))).isEqualTo(0x7FFF0000);
            for (int bits : new int[] {0x40000000, 0x80000000, 0xC0000000}) {
                assertThat(program.run(Call.of(Architecture.X86_64, bits | number)))
                        .isEqualTo(0x00050026);
            }
        }
        assertThat(program.run(Call.of(Architecture.X86_64, 0x3FFFFFFF))).isEqualTo(0x7FFF0000);
        assertThat(program.run(Call.of(Architecture.X86_64, -1))).isEqualTo(0x00050026);
    }

    @Test
    void comparisonsHoldAtTheEdges() {
        long[] edges = LongStream.of(
                        0,
                        1,
                        5,
                        0x7FFF_FFFFL,
                        0x8000_0000L,
                        0xFFFF_FFFFL,
                        0x1_0000_0000L,
                        0x5_0000_0005L,
                        0x7FFF_FFFF_FFFF_FFFFL,
                        0x8000_0000_0000_0000L,
                        0xFFFF_FFFF_0000_0000L,
                        -1)
                .flatMap(edge -> LongStream.of(edge - 1, edge, edge + 1))
                .distinct()
                .toArray();
        for (Operator operator : Operator.values()) {
            for (long mask :
                    new long[] {-1, 0xFFFF_FFFFL, 0xFFFF_FFFF_0000_0000L, 0, 1, 0x8000_0000_8000_0000L, 0x7E02_0000}) {
                for (long value : edges) {
                    Condition condition = new Condition(3, mask, operator, value & mask);
                    SeccompProfile profile = new SeccompProfile(
                            Architecture.X86_64, EPERM, List.of(new Rule(Set.of("read"), ALLOW, List.of(condition))));
                    ClassicBpf program = ClassicBpf.load(SeccompCompiler.compile(profile));
                    for (long argument : edges) {
                        compare(profile, program, Call.of(Architecture.X86_64, "read", 7, 7, 7, argument, 7, 7));
                    }
                }
            }
        }
    }

    @Test
    void theFirstRuleThatMatchesDecides() {
        Condition five = Condition.of(0, Operator.EQUAL, 5);
        SeccompProfile profile = new SeccompProfile(
                Architecture.X86_64,
                new Action.Trap(),
                List.of(
                        new Rule(Set.of("read", "write"), EPERM, List.of(five, Condition.of(1, Operator.GREATER, 0))),
                        new Rule(Set.of("read"), ALLOW, List.of(five)),
                        new Rule(Set.of("read", "no_such_call"), new Action.Log(), List.of()),
                        new Rule(Set.of("read"), new Action.KillProcess(), List.of())));
        ClassicBpf program = ClassicBpf.load(SeccompCompiler.compile(profile));
        assertThat(program.run(Call.of(Architecture.X86_64, "read", 5, 1))).isEqualTo(EPERM.returnValue());
        assertThat(program.run(Call.of(Architecture.X86_64, "read", 5, 0))).isEqualTo(ALLOW.returnValue());
        assertThat(program.run(Call.of(Architecture.X86_64, "read", 6, 1))).isEqualTo(new Action.Log().returnValue());
        assertThat(program.run(Call.of(Architecture.X86_64, "write", 5, 0))).isEqualTo(new Action.Trap().returnValue());
    }

    /** Long blocks between the tree and the results: every jump that is too far needs its stepping stone. */
    @ParameterizedTest
    @EnumSource
    void farJumpsArrive(Architecture architecture) {
        Seeded.run(random -> {
            List<Rule> rules = new ArrayList<>();
            List<String> names =
                    List.copyOf(SystemCalls.of(architecture).byNumber().values());
            for (int i = 0; i < 620; i++) {
                Condition condition = Condition.of(i % 6, Operator.EQUAL, random.nextLong());
                Action action = ACTIONS.get(random.nextInt(ACTIONS.size()));
                rules.add(new Rule(Set.of(names.get(i % 3 * 100 + random.nextInt(4))), action, List.of(condition)));
            }
            SeccompProfile profile = new SeccompProfile(architecture, EPERM, rules);
            ClassicBpf program = ClassicBpf.load(SeccompCompiler.compile(profile));
            assertThat(program.size()).isGreaterThan(2000);
            assertThat(program.unconditionalJumps()).isPositive();
            for (Rule rule : rules) {
                compare(profile, program, callFor(architecture, rule, random));
                compare(profile, program, callFor(architecture, rule, random));
            }
            for (int number = 0; number <= 600; number++) {
                compare(profile, program, Call.of(architecture, number, arguments(random)));
            }
        });
    }

    @Test
    void whatDoesNotFitIsRefused() {
        for (int count : new int[] {1500, 100_000}) {
            List<Rule> rules = IntStream.range(0, count)
                    .mapToObj(i -> new Rule(
                            Set.of("read"), ALLOW, List.of(Condition.of(i % 6, Operator.EQUAL, i * 0x1_0000_0001L))))
                    .toList();
            SeccompProfile profile = new SeccompProfile(Architecture.X86_64, EPERM, rules);
            assertThatThrownBy(() -> SeccompCompiler.compile(profile))
                    .isInstanceOf(SandboxException.InvalidSpec.class)
                    .hasMessageContaining("4096");
        }
    }

    @Test
    void programsAreReproducible() {
        SeccompProfile profile = profile(Architecture.AARCH64, new Random(4), 50);
        assertThat(SeccompCompiler.compile(profile)).isEqualTo(SeccompCompiler.compile(profile));
    }

    private static void compare(SeccompProfile profile, ClassicBpf program, Call call) {
        int verdict = program.run(call);
        int expected = Oracle.verdict(profile, call);
        if (verdict != expected) {
            throw new AssertionError(
                    "%s gives %x, not %x, of %s".formatted(call, verdict, expected, rules(profile, call)));
        }
    }

    private static List<Rule> rules(SeccompProfile profile, Call call) {
        String name = SystemCalls.of(profile.architecture()).name(call.number()).orElse("");
        return profile.rules().stream()
                .filter(rule -> rule.names().contains(name))
                .toList();
    }

    private static SeccompProfile profile(Architecture architecture, Random random, int count) {
        List<String> all = List.copyOf(SystemCalls.of(architecture).byNumber().values());
        List<Rule> rules = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Set<String> names = new HashSet<>();
            for (int j = random.nextInt(6); j >= 0; j--) {
                // Of few calls, so that several rules meet in one.
                names.add(all.get(random.nextInt(4) == 0 ? random.nextInt(all.size()) : random.nextInt(12)));
            }
            List<Condition> conditions = new ArrayList<>();
            for (int j = random.nextInt(4); j > 0; j--) {
                long mask = random.nextBoolean() ? -1 : RandomNumbers.number(random);
                Operator operator = Operator.values()[random.nextInt(Operator.values().length)];
                conditions.add(new Condition(random.nextInt(6), mask, operator, RandomNumbers.number(random) & mask));
            }
            rules.add(new Rule(names, ACTIONS.get(random.nextInt(ACTIONS.size())), conditions));
        }
        return new SeccompProfile(architecture, ACTIONS.get(random.nextInt(ACTIONS.size())), rules);
    }

    private static long[] arguments(Random random) {
        return LongStream.generate(() -> RandomNumbers.number(random)).limit(6).toArray();
    }

    /** A call that the rule is about, with arguments at or near the values that it names. */
    private static Call callFor(Architecture architecture, Rule rule, Random random) {
        long[] arguments = arguments(random);
        for (Condition condition : rule.conditions()) {
            arguments[condition.argument()] = switch (random.nextInt(5)) {
                case 0 -> condition.value() + random.nextInt(3) - 1;
                case 1 -> condition.value() | ~condition.mask() & random.nextLong();
                case 2 -> condition.value() ^ 1L << random.nextInt(64);
                case 3 -> arguments[condition.argument()];
                default -> condition.value();
            };
        }
        String name = rule.names().stream()
                .sorted()
                .skip(random.nextInt(rule.names().size()))
                .findFirst()
                .orElseThrow();
        return Call.of(architecture, name, arguments);
    }
}
