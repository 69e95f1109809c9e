package dev.cay.engine.seccomp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.cay.SandboxException;
import dev.cay.engine.Seeded;
import dev.cay.linux.Architecture;
import dev.cay.linux.KernelVersion;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Profiles are not to be trusted: whatever they are, they end in a filter that the kernel takes, or in a SandboxException. */
final class HostileProfileTest {
    private static final String HEAD = "{\"defaultAction\": \"SCMP_ACT_ERRNO\", ";
    private static final String RULE = HEAD + "\"syscalls\": [{\"names\": [\"read\"], \"action\": \"SCMP_ACT_ALLOW\", ";
    private static final List<String> ACTIONS = List.of("ALLOW", "LOG", "ERRNO", "TRAP", "KILL", "KILL_PROCESS");
    private static final List<String> OPERATORS = List.of("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ");

    static List<Named<String>> tooMuch() {
        int maximum = ProfileParser.MAXIMUM_TEXT;
        return List.of(
                Named.of("only spaces", " ".repeat(maximum + 1)),
                Named.of("a long tail", "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}" + " ".repeat(maximum)),
                Named.of("deep arrays", "[".repeat(maximum)),
                Named.of("deep objects", "{\"a\":".repeat(maximum / 5)),
                Named.of("deep rules", HEAD + "\"syscalls\": " + "[".repeat(900_000)),
                Named.of("deep conditions", RULE + "\"args\": " + "[{\"index\":".repeat(90_000)),
                Named.of("many digits", RULE + "\"args\": [{\"index\": " + "9".repeat(900_000) + "}]}]}"),
                Named.of("a large exponent", RULE + "\"args\": [{\"index\": 1e900000000}]}]}"),
                Named.of("an endless string", RULE + "\"comment\": \"" + "x".repeat(900_000)),
                Named.of("a long name", HEAD + "\"" + "x".repeat(900_000) + "\": 1}"),
                Named.of("empty rules", HEAD + "\"syscalls\": [" + "{},".repeat(300_000) + "{}]}"),
                Named.of("conditions in one rule", RULE + "\"args\": [" + alternatives(15_000) + "]}]}"),
                Named.of(
                        "conditions in many rules",
                        HEAD + "\"syscalls\": [" + repeat(8_000, HostileProfileTest::rule) + "]}"));
    }

    @ParameterizedTest
    @MethodSource
    void tooMuch(String json) {
        assertTimeoutPreemptively(
                Duration.ofSeconds(20),
                () -> assertThatThrownBy(() -> compile(json))
                        .isInstanceOf(SandboxException.InvalidSpec.class)
                        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(300)));
    }

    static List<Named<String>> large() {
        String rule = HEAD + "\"syscalls\": [{\"action\": \"SCMP_ACT_ALLOW\", ";
        String all = SystemCalls.of(Architecture.X86_64).byNumber().values().stream()
                .map(name -> '"' + name + '"')
                .collect(Collectors.joining(","));
        String allowAll = "{\"names\": [" + all + "], \"action\": \"SCMP_ACT_ALLOW\"}";
        return List.of(
                Named.of("one name often", rule + "\"names\": [" + repeat(120_000, _ -> "\"read\"") + "]}]}"),
                Named.of("names of one hash", rule + "\"names\": [" + repeat(25_000, i -> quoted(i)) + "]}]}"),
                Named.of(
                        "fields of one hash",
                        "{" + repeat(25_000, i -> quoted(i) + ":null") + "," + HEAD.substring(1) + "\"syscalls\": []}"),
                Named.of(
                        "many rules",
                        HEAD + "\"syscalls\": ["
                                + repeat(12_000, _ -> "{\"name\": \"read\", \"action\": \"SCMP_ACT_ALLOW\"}") + "]}"),
                Named.of("many rules for all", HEAD + "\"syscalls\": [" + repeat(150, _ -> allowAll) + "]}"),
                Named.of(
                        "conditions for all",
                        rule + "\"args\": [" + alternatives(500) + "], \"names\": [" + all + "]}]}"));
    }

    @ParameterizedTest
    @MethodSource
    void large(String json) {
        assertThat(json.length()).isLessThan(ProfileParser.MAXIMUM_TEXT);
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> compile(json));
    }

    @Test
    void damagedProfilesAreReadOrRefused() {
        Seeded.run(random -> {
            for (int i = 0; i < 1_500; i++) {
                StringBuilder json =
                        new StringBuilder(random(random, 1 + random.nextInt(4)).json());
                for (int j = random.nextInt(3); j >= 0; j--) {
                    damage(json, random);
                }
                try {
                    compile(json.toString());
                } catch (SandboxException.InvalidSpec | SandboxException.Unsupported e) {
                    assertThat(e.getMessage()).isNotEmpty();
                }
            }
        });
    }

    @Test
    void theStrictestRuleThatMatchesDecides() {
        Seeded.run(random -> {
            for (int i = 0; i < 60; i++) {
                Sample sample = random(random, 1 + random.nextInt(12));
                ClassicBpf program = compile(sample.json());
                for (int number = 0; number < 24; number++) {
                    for (int j = 0; j < 20; j++) {
                        Call call = Call.of(
                                Architecture.X86_64,
                                number,
                                random.longs(6, 0, 6).toArray());
                        assertThat(program.run(call))
                                .as("%s of %s", call, sample.json())
                                .isEqualTo(sample.verdict(call));
                    }
                }
            }
        });
    }

    private record SampleRule(int call, int action, int[] comparison) {}

    /** A profile for calls 0 to 19, as text and as numbers. A comparison is operator, index, value and valueTwo. */
    private record Sample(int defaultAction, List<SampleRule> rules) {
        String json() {
            return "{\"defaultAction\": \"SCMP_ACT_" + ACTIONS.get(defaultAction) + "\", \"syscalls\": ["
                    + rules.stream().map(Sample::json).collect(Collectors.joining(",")) + "]}";
        }

        private static String json(SampleRule rule) {
            String name = SystemCalls.of(Architecture.X86_64).name(rule.call()).orElseThrow();
            int[] c = rule.comparison();
            return "{\"names\": [\"" + name + "\", \"unheard_of\"], \"action\": \"SCMP_ACT_"
                    + ACTIONS.get(rule.action()) + "\""
                    + (c.length == 0
                            ? ""
                            : ", \"args\": [{\"op\": \"SCMP_CMP_" + OPERATORS.get(c[0]) + "\", \"index\": " + c[1]
                                    + ", \"value\": " + c[2] + ", \"valueTwo\": " + c[3] + "}]")
                    + "}";
        }

        /** Actions stand from lenient to strict. */
        int verdict(Call call) {
            int[] values = {0x7FFF0000, 0x7FFC0000, 0x00050001, 0x00030000, 0, 0x80000000};
            return values[
                    rules.stream()
                            .filter(rule -> rule.call() == call.number() && holds(rule.comparison(), call.arguments()))
                            .mapToInt(SampleRule::action)
                            .max()
                            .orElse(defaultAction)];
        }

        private static boolean holds(int[] c, long[] arguments) {
            return c.length == 0
                    || switch (OPERATORS.get(c[0])) {
                        case "NE" -> arguments[c[1]] != c[2];
                        case "LT" -> arguments[c[1]] < c[2];
                        case "LE" -> arguments[c[1]] <= c[2];
                        case "EQ" -> arguments[c[1]] == c[2];
                        case "GE" -> arguments[c[1]] >= c[2];
                        case "GT" -> arguments[c[1]] > c[2];
                        default -> (arguments[c[1]] & c[2]) == (c[3] & c[2]);
                    };
        }
    }

    private static Sample random(Random random, int count) {
        List<SampleRule> rules = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int[] comparison = random.nextInt(4) == 0
                    ? new int[0]
                    : new int[] {
                        random.nextInt(OPERATORS.size()), random.nextInt(6), random.nextInt(6), random.nextInt(6)
                    };
            rules.add(new SampleRule(random.nextInt(20), random.nextInt(ACTIONS.size()), comparison));
        }
        return new Sample(random.nextInt(ACTIONS.size()), rules);
    }

    private static void damage(StringBuilder json, Random random) {
        int at = random.nextInt(json.length());
        String characters = "{}[]\",:0-9.eE\\\u0000\u00e9\ud800nulltrue";
        switch (random.nextInt(4)) {
            case 0 -> json.deleteCharAt(at);
            case 1 -> json.setCharAt(at, characters.charAt(random.nextInt(characters.length())));
            case 2 -> json.insert(at, characters.charAt(random.nextInt(characters.length())));
            default -> json.setLength(at + 1);
        }
        if (json.isEmpty()) {
            json.append('{');
        }
    }

    private static ClassicBpf compile(String json) {
        SeccompProfile profile = new ProfileParser(Architecture.X86_64, Set.of(), new KernelVersion(6, 18)).parse(json);
        return ClassicBpf.load(SeccompCompiler.compile(profile));
    }

    private static String repeat(int count, IntFunction<String> element) {
        return IntStream.range(0, count).mapToObj(element).collect(Collectors.joining(","));
    }

    private static String alternatives(int count) {
        return repeat(count, HostileProfileTest::alternative);
    }

    private static String alternative(int value) {
        return "{\"index\": 0, \"op\": \"SCMP_CMP_EQ\", \"value\": " + value + "}";
    }

    private static String rule(int value) {
        return "{\"names\": [\"read\", \"write\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [" + alternative(value)
                + "]}";
    }

    /** Names that all have the same hash, as "Aa" and "BB" have. */
    private static String quoted(int number) {
        return IntStream.range(0, 15)
                .mapToObj(bit -> (number >> bit & 1) == 0 ? "Aa" : "BB")
                .collect(Collectors.joining("", "\"", "\""));
    }
}
