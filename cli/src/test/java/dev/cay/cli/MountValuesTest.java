package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.cay.Mount;
import dev.cay.Size;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MountValuesTest {
    @Test
    void readsVolumes() {
        assertThat(MountValues.volume("/a:/b", false)).isEqualTo(Mount.bind(Path.of("/a"), "/b"));
        assertThat(MountValues.volume("/a:/b:rw", false)).isEqualTo(Mount.bind(Path.of("/a"), "/b"));
        assertThat(MountValues.volume("/a:/b:ro", true))
                .isEqualTo(new Mount.Bind(Path.of("/a"), "/b", true, true, true));
        assertThat(MountValues.volume(".:/b:noexec:ro", false))
                .isEqualTo(new Mount.Bind(Path.of("").toAbsolutePath(), "/b", true, false, false));
        assertThat(MountValues.volume("data:/b", false)).isEqualTo(Mount.volume("data", "/b"));
        assertThat(MountValues.volume("data:/b:ro", false)).isEqualTo(new Mount.Named("data", "/b", true));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "/a", ":/b", "/a:", "/a::ro", "/a:/b:", "/a:/b:wo", "data:/b:noexec", "/a:/b:ro,x"})
    void refusesVolumesThatAreNone(String text) {
        UsageException refused = catchThrowableOfType(UsageException.class, () -> MountValues.volume(text, false));
        assertThat(refused).hasMessageStartingWith("--volume: ");
        assertThat(refused.hint()).isNotEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "/t,64m,1777",
        "/t:1m,1m,1777",
        "/t:1m:700,1m,700",
        "'/t:size=1m,mode=0755',1m,755",
        "/t:mode=755,64m,755",
        "/t:mode=755:2m,2m,755"
    })
    void readsTmpfs(String text, String size, String mode) {
        assertThat(MountValues.tmpfs(text))
                .isEqualTo(new Mount.Tmpfs("/t", Size.parse(size), Integer.parseInt(mode, 8)));
    }

    @ParameterizedTest
    @ValueSource(strings = {"/t:", "/t:x", "/t:1m:", "/t:1m:8", "/t:1m:700:x", "/t:mode=rwx", "/t:1m:1234567"})
    void refusesTmpfsThatAreNone(String text) {
        UsageException refused = catchThrowableOfType(UsageException.class, () -> MountValues.tmpfs(text));
        assertThat(refused).hasMessageStartingWith("--tmpfs: ");
    }

    @ParameterizedTest
    @CsvSource({"KILL,9", "sigterm,15", "Hup,1", "SIGSYS,31", "1,1", "64,64", "34,34"})
    void readsSignals(String text, int number) {
        assertThat(Signals.number(Option.valued("signal", "S", "Help."), text)).isEqualTo(number);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0", "65", "-1", "SIG", "TREM", "007"})
    void refusesSignalsThatAreNone(String text) {
        UsageException refused = catchThrowableOfType(
                UsageException.class, () -> Signals.number(Option.valued("signal", "S", "Help."), text));
        assertThat(refused).hasMessageStartingWith("--signal: ");
    }
}
