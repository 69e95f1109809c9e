package dev.cay;

import static dev.cay.Refusals.refused;
import static dev.cay.Refusals.refusedBriefly;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class ExecSpecTest {
    private static final String LONGEST = "x".repeat(Check.MAXIMUM_TEXT);

    private static ExecSpec.Builder builder() {
        return ExecSpec.builder("true");
    }

    @Test
    void aCommandAloneHasTheDefaults() {
        ExecSpec spec = ExecSpec.of("echo", "", "two words");

        assertThat(spec.command()).containsExactly("echo", "", "two words");
        assertThat(spec.environment()).isEmpty();
        assertThat(spec.workingDirectory()).isEmpty();
        assertThat(spec.user()).isEmpty();
        assertThat(spec.stdin()).isEmpty();
        assertThat(spec.timeout()).isEmpty();
        assertThat(spec.grace()).isEqualTo(Duration.ofSeconds(2));
        assertThat(spec.outputLimit()).isEqualTo(Size.mib(16));
    }

    @Test
    void everythingTheBuilderIsToldStandsInTheSpecification() {
        byte[] stdin = {1, 2, 3};
        ExecSpec spec = ExecSpec.builder(List.of("sh", "-c", "exit 3"))
                .environment("B", "2")
                .environment("A", "1")
                .environment("B", "3")
                .workingDirectory("/srv")
                .user("app:staff")
                .stdin(stdin)
                .timeout(Duration.ofSeconds(7))
                .grace(Duration.ZERO)
                .outputLimit(Size.bytes(0))
                .build();

        assertThat(spec.command()).containsExactly("sh", "-c", "exit 3");
        assertThat(spec.environment()).isEqualTo(Map.of("A", "1", "B", "3"));
        assertThat(spec.environment().keySet()).containsExactly("B", "A");
        assertThat(spec.workingDirectory()).hasValue("/srv");
        assertThat(spec.user()).hasValue("app:staff");
        assertThat(spec.stdin()).containsExactly(1, 2, 3);
        assertThat(spec.timeout()).hasValue(Duration.ofSeconds(7));
        assertThat(spec.grace()).isZero();
        assertThat(spec.outputLimit()).isEqualTo(Size.bytes(0));
    }

    @Test
    void aCommandNamesAProgram() {
        refused(ExecSpec::of);
        refused(() -> ExecSpec.of(""));
        refused(() -> ExecSpec.of("", "argument"));
        refused(() -> ExecSpec.builder(List.of()).build());
    }

    @Test
    void anArgumentIsWhatExecveTakes() {
        assertThat(ExecSpec.of("echo", "\n\t\u00e9\ud83d\ude00 $HOME").command())
                .hasSize(2);
        assertThat(ExecSpec.of("echo", LONGEST).command()).hasSize(2);
        refusedBriefly(() -> ExecSpec.of("echo", "a\0b"));
        refusedBriefly(() -> ExecSpec.of("e\0cho"));
        refusedBriefly(() -> ExecSpec.of("echo", LONGEST + "x"));
    }

    @Test
    void aVariableIsWhatTheEnvironmentCanHold() {
        assertThat(builder().environment("a b.\u00e9", "x=y\n\"").build().environment())
                .containsEntry("a b.\u00e9", "x=y\n\"");
        assertThat(builder().environment("A", "").build().environment()).containsEntry("A", "");
        refused(() -> builder().environment("", "x").build());
        refused(() -> builder().environment("A=B", "x").build());
        refused(() -> builder().environment("=", "x").build());
        refused(() -> builder().environment("A\0", "x").build());
        refused(() -> builder().environment("A", "x\0y").build());
        refusedBriefly(() -> builder().environment("A", LONGEST + "x").build());
        refused(() -> builder().environment(LONGEST + "x", "y").build());
    }

    @ParameterizedTest
    @ValueSource(strings = {"/", "/srv", "/a/../b", "/with\nnewline", "/with space", "//", "/\u00e9"})
    void theWorkingDirectoryIsAnyAbsolutePathOfTheSandbox(String path) {
        assertThat(builder().workingDirectory(path).build().workingDirectory()).hasValue(path);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "srv", "../srv", "~", " /srv", "/a\0b", "\0"})
    void theWorkingDirectoryIsNothingElse(String path) {
        refusedBriefly(() -> builder().workingDirectory(path).build());
    }

    @Test
    void theWorkingDirectoryIsNoLongerThanAPathCanBe() {
        String longest = "/" + "x".repeat(4094);
        assertThat(builder().workingDirectory(longest).build().workingDirectory())
                .hasValue(longest);
        refusedBriefly(() -> builder().workingDirectory(longest + "x").build());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"root", "0", "app:staff", "1000:1000", "0:root", "www-data", "_apt", "a.b@c", "machine$", "65536"
            })
    void aUserIsANameOrAnIdWithOrWithoutAGroup(String user) {
        assertThat(builder().user(user).build().user()).hasValue(user);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ":",
                "root:",
                ":root",
                "a:b:c",
                "a b",
                "root\n",
                "\nroot",
                "root:x\n",
                "a/b",
                "../x",
                "r\0",
                "\u00e9",
                "a,b",
                "a;b"
            })
    void aUserIsNothingElse(String user) {
        refusedBriefly(() -> builder().user(user).build());
    }

    @Test
    void aUserIsNotLong() {
        String longest = "x".repeat(256);
        assertThat(builder().user(longest + ":" + longest).build().user()).isPresent();
        refusedBriefly(() -> builder().user(longest + "x").build());
        refusedBriefly(() -> builder().user("x:" + longest + "x").build());
    }

    @Test
    void aTimeoutIsFromAMillisecondToAYear() {
        Duration year = Duration.ofDays(365);
        for (Duration good : List.of(Duration.ofMillis(1), Duration.ofSeconds(1), year)) {
            assertThat(builder().timeout(good).build().timeout()).hasValue(good);
        }
        for (Duration bad : List.of(
                Duration.ZERO,
                Duration.ofNanos(999_999),
                Duration.ofMillis(-1),
                year.plusNanos(1),
                Duration.ofSeconds(Long.MAX_VALUE),
                Duration.ofSeconds(Long.MIN_VALUE))) {
            refused(() -> builder().timeout(bad).build());
        }
    }

    @Test
    void aGraceIsFromNothingToAnHour() {
        Duration hour = Duration.ofHours(1);
        for (Duration good : List.of(Duration.ZERO, Duration.ofNanos(1), hour)) {
            assertThat(builder().grace(good).build().grace()).isEqualTo(good);
        }
        for (Duration bad : List.of(Duration.ofNanos(-1), hour.plusNanos(1), Duration.ofSeconds(Long.MAX_VALUE))) {
            refused(() -> builder().grace(bad).build());
        }
    }

    @Test
    void theOutputLimitFitsIntoAnArray() {
        assertThat(builder().outputLimit(Size.gib(1)).build().outputLimit().bytes())
                .isLessThan(Integer.MAX_VALUE);
        refused(() -> builder().outputLimit(Size.bytes((1L << 30) + 1)).build());
        refused(() -> builder().outputLimit(Size.bytes(Long.MAX_VALUE)).build());
    }

    @Test
    void outputIsKeptUpToALimit() {
        assertThat(builder().build().kept()).isEqualTo(Size.mib(1));
        assertThat(builder().kept(Size.mib(64)).build().kept()).isEqualTo(Size.mib(64));
        refused(() -> builder().kept(Size.bytes((64L << 20) + 1)).build());
    }

    @Test
    void aTerminalHasASize() {
        assertThat(builder().build().terminal()).isEmpty();
        assertThat(builder().terminal(TerminalSize.STANDARD).build().terminal()).hasValue(new TerminalSize(80, 24));
        refused(() -> new TerminalSize(0, 24));
        refused(() -> new TerminalSize(80, 65_536));
    }

    @Test
    void aSpecificationDoesNotChangeWhenItsIngredientsDo() {
        List<String> command = new ArrayList<>(List.of("echo", "a"));
        Map<String, String> environment = new HashMap<>(Map.of("A", "1"));
        ExecSpec spec = new ExecSpec(
                command,
                environment,
                Optional.empty(),
                Optional.empty(),
                new byte[0],
                Optional.empty(),
                Duration.ZERO,
                Optional.empty(),
                Size.bytes(0),
                Size.bytes(0),
                false);
        ExecSpec.Builder builder = ExecSpec.builder("true").environment("A", "1");
        ExecSpec built = builder.build();

        command.set(0, "rm");
        environment.put("A", "2");
        builder.environment("B", "2");

        assertThat(spec.command()).containsExactly("echo", "a");
        assertThat(spec.environment()).isEqualTo(Map.of("A", "1"));
        assertThat(built.environment()).isEqualTo(Map.of("A", "1"));
    }

    @Test
    void aSpecificationCannotBeChanged() {
        ExecSpec spec = builder().environment("A", "1").build();

        assertThatThrownBy(() -> spec.command().add("x")).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> spec.environment().put("A", "2")).isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    void nothingIsNull() {
        assertThatNullPointerException().isThrownBy(() -> ExecSpec.of((String[]) null));
        assertThatNullPointerException().isThrownBy(() -> ExecSpec.builder((List<String>) null));
        assertThatNullPointerException()
                .isThrownBy(() -> ExecSpec.builder(Arrays.asList("a", null)).build());
        assertThatNullPointerException()
                .isThrownBy(() -> builder().environment("A", null).build());
        assertThatNullPointerException()
                .isThrownBy(() -> builder().environment(null, "x").build());
        assertThatNullPointerException().isThrownBy(() -> builder().workingDirectory(null));
        assertThatNullPointerException().isThrownBy(() -> builder().user(null));
        assertThatNullPointerException().isThrownBy(() -> builder().timeout(null));
        assertThatNullPointerException().isThrownBy(() -> builder().stdin(null).build());
        assertThatNullPointerException().isThrownBy(() -> builder().grace(null).build());
        assertThatNullPointerException()
                .isThrownBy(() -> builder().outputLimit(null).build());
    }
}
