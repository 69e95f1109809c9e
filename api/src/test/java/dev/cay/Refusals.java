package dev.cay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;

/** What every refusal of a specification has to be like. */
final class Refusals {
    private static final int MAXIMUM_MESSAGE = 1_000;

    private Refusals() {}

    /** It is an InvalidSpec that says what is wrong and what to do about it. */
    static SandboxException.InvalidSpec refused(ThrowingCallable attempt) {
        Throwable thrown = catchThrowable(attempt);
        assertThat(thrown).isInstanceOf(SandboxException.InvalidSpec.class);
        SandboxException.InvalidSpec refusal = (SandboxException.InvalidSpec) thrown;
        assertThat(refusal.code()).isEqualTo("invalid-spec");
        assertThat(refusal.getMessage()).isNotBlank();
        assertThat(refusal.hint()).isNotBlank();
        return refusal;
    }

    /** The same, and its message can be shown to a person whatever was put in. */
    static void refusedBriefly(ThrowingCallable attempt) {
        assertThat(refused(attempt).getMessage()).hasSizeLessThan(MAXIMUM_MESSAGE);
    }
}
