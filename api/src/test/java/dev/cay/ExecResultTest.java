package dev.cay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class ExecResultTest {
    private static final byte[] NOTHING = {};

    private static ExecResult result(byte[] stdout, byte[] stderr) {
        return new ExecResult(Exit.exited(0), stdout, stderr, false, Duration.ofMillis(3), Optional.empty());
    }

    @Test
    void outputIsUtf8WhateverTheLocale() {
        String text = "gr\u00fc\u00df \u4f60 \ud83d\ude00\n";
        ExecResult result = result(text.getBytes(StandardCharsets.UTF_8), "err\0".getBytes(StandardCharsets.UTF_8));

        assertThat(result.stdout()).isEqualTo(text);
        assertThat(result.stderr()).isEqualTo("err\0");
    }

    @Test
    void outputThatIsNotUtf8IsReplacedNotRefused() {
        byte[] cutInTheMiddle = {'a', (byte) 0xe4, (byte) 0xbd};

        assertThat(result(new byte[] {(byte) 0xff, 'x'}, NOTHING).stdout()).isEqualTo("\ufffdx");
        assertThat(result(NOTHING, cutInTheMiddle).stderr()).isEqualTo("a\ufffd");
        assertThat(result(NOTHING, cutInTheMiddle).stderrBytes()).isEqualTo(cutInTheMiddle);
    }

    @Test
    void noOutputIsEmptyText() {
        assertThat(result(NOTHING, NOTHING).stdout()).isEmpty();
        assertThat(result(NOTHING, NOTHING).stderr()).isEmpty();
    }

    @Test
    void nothingIsNull() {
        Exit exit = Exit.exited(0);
        assertThatNullPointerException()
                .isThrownBy(() -> new ExecResult(null, NOTHING, NOTHING, false, Duration.ZERO, Optional.empty()));
        assertThatNullPointerException()
                .isThrownBy(() -> new ExecResult(exit, null, NOTHING, false, Duration.ZERO, Optional.empty()));
        assertThatNullPointerException()
                .isThrownBy(() -> new ExecResult(exit, NOTHING, null, false, Duration.ZERO, Optional.empty()));
        assertThatNullPointerException()
                .isThrownBy(() -> new ExecResult(exit, NOTHING, NOTHING, false, null, Optional.empty()));
    }
}
