package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import org.junit.jupiter.api.Test;

final class ProcessIdentityTest {
    @Test
    void thisProcessIsItself() throws IOException {
        long pid = ProcessHandle.current().pid();
        ProcessIdentity self = ProcessIdentity.of(pid).orElseThrow();
        assertThat(ProcessIdentity.of(pid)).hasValue(self);
        assertThat(self.pid()).isEqualTo(pid);
        assertThat(self.startTime()).isPositive();
        assertThat(self.bootId()).matches("[0-9a-f-]{36}");
        assertThat(ProcessIdentity.of(1)).isPresent().get().isNotEqualTo(self);
    }

    @Test
    void thereAreNumbersOfNobody() throws IOException {
        assertThat(ProcessIdentity.of(Integer.MAX_VALUE)).isEmpty();
        assertThatThrownBy(() -> new ProcessIdentity(0, 1, "boot")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aNameIsNoField() {
        String stat =
                "42 (a) S (b) 1) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 2000 100 18446744073709551615\n";
        assertThat(ProcessIdentity.startTime(stat)).isEqualTo(4711);
    }
}
