package dev.cay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import dev.cay.Exit.Reason;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;
import org.junit.jupiter.params.provider.ValueSource;

final class ExitTest {
    private static final int ENOENT = 2;
    private static final int EACCES = 13;

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 127, 128, 255})
    void whoExitsByItselfHasACode(int code) {
        Exit exit = Exit.exited(code);

        assertThat(exit).isEqualTo(new Exit(Reason.EXITED, code, 0, 0, ""));
        assertThat(exit.shellCode()).isEqualTo(code);
        assertThat(exit.success()).isEqualTo(code == 0);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, -2, 256, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void aCodeIsAByte(int code) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Exit.exited(code))
                .withMessageContaining(Integer.toString(code));
    }

    @ParameterizedTest
    @EnumSource(mode = Mode.EXCLUDE, names = "EXITED")
    void whoDoesNotExitByItselfHasNoCode(Reason reason) {
        for (int code : new int[] {0, 1, 255, 256}) {
            assertThatIllegalArgumentException().isThrownBy(() -> exit(reason, code));
        }
        assertThat(exit(reason, -1).success()).isFalse();
    }

    private static Exit exit(Reason reason, int code) {
        return reason == Reason.SPAWN_FAILED ? new Exit(reason, code, 0, EACCES, "") : new Exit(reason, code, 9, 0, "");
    }

    @Test
    void aSignalAndAnErrnoStandWithTheirReasonsOnly() {
        assertThatIllegalArgumentException().isThrownBy(() -> new Exit(Reason.EXITED, 0, 9, 0, ""));
        assertThatIllegalArgumentException().isThrownBy(() -> new Exit(Reason.SIGNALLED, -1, 0, 0, ""));
        assertThatIllegalArgumentException().isThrownBy(() -> new Exit(Reason.KILLED, -1, 9, EACCES, ""));
        assertThatIllegalArgumentException().isThrownBy(() -> Exit.spawnFailed(0, ""));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 9, 15, 64})
    void aShellAdds128ToASignal(int signal) {
        for (Reason reason : new Reason[] {Reason.SIGNALLED, Reason.KILLED, Reason.OOM}) {
            Exit exit = Exit.signalled(reason, signal);
            assertThat(exit).isEqualTo(new Exit(reason, -1, signal, 0, ""));
            assertThat(exit.shellCode()).isEqualTo(128 + signal);
        }
    }

    @Test
    void aTimeoutIs124WhateverEndedTheCommand() {
        assertThat(Exit.signalled(Reason.TIMEOUT, 9).shellCode()).isEqualTo(124);
        assertThat(Exit.signalled(Reason.TIMEOUT, 15).shellCode()).isEqualTo(124);
    }

    @Test
    void whatIsNotFoundIs127AndWhatCannotBeStartedIs126() {
        Exit missing = Exit.spawnFailed(ENOENT, "execve: ENOENT (step 21)");

        assertThat(missing).isEqualTo(new Exit(Reason.SPAWN_FAILED, -1, 0, ENOENT, "execve: ENOENT (step 21)"));
        assertThat(missing.shellCode()).isEqualTo(127);
        assertThat(missing.success()).isFalse();
        assertThat(Exit.spawnFailed(EACCES, "execve: EACCES").shellCode()).isEqualTo(126);
    }

    @Test
    void theNamesOfReasonsAreStable() {
        assertThat(Arrays.stream(Reason.values()).map(Reason::text))
                .containsExactly("exited", "signalled", "timeout", "oom", "killed", "spawn-failed");
    }

    @Test
    void nothingIsNull() {
        assertThatNullPointerException().isThrownBy(() -> new Exit(null, -1, 0, 0, ""));
        assertThatNullPointerException().isThrownBy(() -> new Exit(Reason.EXITED, 0, 0, 0, null));
    }
}
