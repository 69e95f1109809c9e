package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.cay.IoLimits;
import dev.cay.ResourceLimit;
import dev.cay.Size;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ValuesTest {
    private static final Option OPTION = Option.valued("thing", "VALUE", "A thing.");

    @Test
    void readsSizesAndDurationsAndNumbers() {
        assertThat(Values.size(OPTION, "64m")).isEqualTo(Size.mib(64));
        assertThat(Values.duration(OPTION, "1.5s")).isEqualTo(Duration.ofMillis(1500));
        assertThat(Values.wholeNumber(OPTION, "0012")).isEqualTo(12);
        assertThat(Values.decimal(OPTION, "0.25")).isEqualTo(0.25);
        assertThat(Values.decimal(OPTION, "2")).isEqualTo(2);
        assertThat(Values.decimal(OPTION, ".5")).isEqualTo(0.5);
        assertThat(Values.decimal(OPTION, "2.")).isEqualTo(2);
    }

    @Test
    void namesTheOptionWhoseValueIsWrong() {
        refused(() -> Values.size(OPTION, "12x"), "--thing: '12x' is not a size");
        refused(() -> Values.size(OPTION, "999999999999t"), "--thing: '999999999999t' is larger");
        refused(() -> Values.duration(OPTION, "soon"), "--thing: 'soon' is not a duration");
        refused(() -> Values.wholeNumber(OPTION, "2147483648"), "--thing: '2147483648' is too large");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-1", "+1", "1.0", "1e3", "0x10", "many", "\u0661", "1 ", "1234567890123456789"})
    void refusesWhatIsNoWholeNumber(String text) {
        refused(() -> Values.wholeNumber(OPTION, text), "--thing: '" + text + "' is not a whole number");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "-1", "+1", "1..2", "1.2.3", "1e3", "NaN", "Infinity", "0x1p3", "1d", "1,5"})
    void refusesWhatIsNoNumber(String text) {
        refused(() -> Values.decimal(OPTION, text), "--thing: '" + text + "' is not a number");
    }

    @ParameterizedTest
    @CsvSource({
        "/a/b, /a/b",
        "/, /",
        "/a/./b, /a/b",
        "a, CWD/a",
        "./a/b, CWD/a/b",
        ".., CWD/..",
        "../../x, CWD/../../x",
        "., CWD",
        ".././../x, CWD/../../x",
    })
    void makesPathsAbsolute(String text, String expected) {
        Path here = Path.of("").toAbsolutePath();

        assertThat(Values.path(OPTION, text))
                .isEqualTo(Path.of(expected.replace("CWD", here.toString())).normalize());
    }

    @Test
    void leavesLaterDotsToTheApi() {
        assertThat(Values.path(OPTION, "/a/../b")).isEqualTo(Path.of("/a/../b"));
        assertThat(Values.path(OPTION, "a/../b").toString()).endsWith("/a/../b");
        assertThat(Values.path(OPTION, "../".repeat(100) + "x")).isEqualTo(Path.of("/x"));
    }

    @Test
    void refusesWhatIsNoPath() {
        refused(() -> Values.path(OPTION, ""), "--thing: the path is empty");
        refused(() -> Values.path(OPTION, "a\0b"), "--thing: 'a\0b' is not a path");
    }

    @Test
    void readsIoLimits() {
        OptionalLong none = OptionalLong.empty();

        assertThat(Values.io(OPTION, List.of("read=1m")))
                .isEqualTo(new IoLimits(OptionalLong.of(1 << 20), none, none, none));
        assertThat(Values.io(OPTION, List.of("writes=7,reads=5", "write=2k,reads=6")))
                .isEqualTo(new IoLimits(none, OptionalLong.of(2048), OptionalLong.of(6), OptionalLong.of(7)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "read", "read=1m,", ",read=1m", "speed=3", "=3", "READ=3"})
    void refusesWhatIsNoIoLimit(String text) {
        refused(() -> Values.io(OPTION, List.of(text)), "is not an io limit");
    }

    @Test
    void refusesIoLimitsWithBadValues() {
        refused(() -> Values.io(OPTION, List.of("read=")), "'' is not a size");
        refused(() -> Values.io(OPTION, List.of("reads=1m")), "'1m' is not a whole number");
        refused(() -> Values.io(OPTION, List.of("read=1=2")), "'1=2' is not a size");
    }

    @ParameterizedTest
    @CsvSource({
        "address-space=1g, ADDRESS_SPACE, 1073741824",
        "core=0, CORE, 0",
        "cpu-seconds=5, CPU_SECONDS, 5",
        "data=1k, DATA, 1024",
        "file-size=10, FILE_SIZE, 10",
        "locked-memory=0, LOCKED_MEMORY, 0",
        "open-files=64, OPEN_FILES, 64",
        "stack=8m, STACK, 8388608",
        "nofile=64, OPEN_FILES, 64",
        "fsize=1k, FILE_SIZE, 1024",
        "cpu=1, CPU_SECONDS, 1",
        "as=1k, ADDRESS_SPACE, 1024",
        "memlock=1k, LOCKED_MEMORY, 1024",
    })
    void readsResourceLimits(String text, ResourceLimit limit, long value) {
        assertThat(Values.resourceLimit(OPTION, text)).isEqualTo(limit);
        assertThat(Values.resourceLimitValue(OPTION, text, limit)).isEqualTo(value);
    }

    @Test
    void everyResourceLimitCanBeTyped() {
        for (ResourceLimit limit : ResourceLimit.values()) {
            String name = limit.name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
            assertThat(Values.resourceLimit(OPTION, name + "=1")).isEqualTo(limit);
            assertThat(RunOptions.ULIMIT.help()).contains(name);
        }
    }

    @Test
    void refusesWhatIsNoResourceLimit() {
        refused(() -> Values.resourceLimit(OPTION, "open-files"), "'open-files' has no value");
        refused(
                () -> Values.resourceLimitValue(OPTION, "nofile=1k", ResourceLimit.OPEN_FILES),
                "'1k' is not a whole number");
        refused(() -> Values.resourceLimitValue(OPTION, "stack=1:2", ResourceLimit.STACK), "'1:2' is not a size");
        assertThat(refused(() -> Values.resourceLimit(OPTION, "open-flies=1"), "'open-flies' is not")
                        .hint())
                .isEqualTo("write open-files");
        assertThat(Values.resourceLimit(OPTION, "nproc=1")).isEqualTo(ResourceLimit.PROCESSES);
        assertThat(Values.resourceLimitValue(OPTION, "rtprio=1", ResourceLimit.REAL_TIME_PRIORITY))
                .isEqualTo(1);
        assertThat(refused(() -> Values.resourceLimit(OPTION, "swap=1"), "'swap' is not")
                        .hint())
                .contains("stack");
    }

    private static UsageException refused(ThrowingCallable read, String message) {
        UsageException refused = catchThrowableOfType(UsageException.class, read);
        assertThat(refused).hasMessageStartingWith("--thing: ").hasMessageContaining(message);
        assertThat(refused.hint()).isNotEmpty();
        return refused;
    }
}
