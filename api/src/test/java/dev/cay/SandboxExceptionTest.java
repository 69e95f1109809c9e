package dev.cay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SandboxExceptionTest {
    private static final Throwable CAUSE = new IOException("mount: EPERM");

    private static final List<SandboxException> ALL = List.of(
            new SandboxException.InvalidSpec("message", "hint"),
            new SandboxException.Unsupported("message", "hint"),
            new SandboxException.SetupFailed("message", "hint", CAUSE),
            new SandboxException.Closed("message"),
            new SandboxException.HostFailed("message", "hint", CAUSE),
            new SandboxException.NotFound("message", "hint"),
            new SandboxException.Conflict("message", "hint"),
            new SandboxException.Busy("message", "hint"),
            new SandboxException.BadImage("message", "hint", CAUSE),
            new SandboxException.RegistryFailed("message", "hint", 503, CAUSE),
            new SandboxException.FileFailed("message", 2, CAUSE));

    @Test
    void codesAreStableAndDifferent() {
        assertThat(ALL)
                .extracting(SandboxException::code)
                .containsExactly(
                        "invalid-spec",
                        "unsupported",
                        "setup-failed",
                        "closed",
                        "host-failed",
                        "not-found",
                        "conflict",
                        "busy",
                        "bad-image",
                        "registry-failed",
                        "file-failed");
    }

    @Test
    void everyKindOfFailureIsKnownHere() {
        assertThat(SandboxException.class.getPermittedSubclasses())
                .containsExactlyInAnyOrderElementsOf(
                        ALL.stream().map(Object::getClass).toList());
    }

    @Test
    void aFailureSaysWhatHappenedAndWhatToDo() {
        for (SandboxException failure : ALL) {
            assertThat(failure).hasMessage("message");
            assertThat(failure.hint()).isNotBlank();
        }
        assertThat(new SandboxException.Closed("gone").hint()).isEqualTo("make a new one");
    }

    @Test
    void theCauseIsKept() {
        assertThat(new SandboxException.SetupFailed("message", "", CAUSE)).hasCause(CAUSE);
        assertThat(new SandboxException.HostFailed("message", "", CAUSE)).hasCause(CAUSE);
    }

    @Test
    void nothingIsNull() {
        assertThatNullPointerException().isThrownBy(() -> new SandboxException.InvalidSpec(null, ""));
        assertThatNullPointerException().isThrownBy(() -> new SandboxException.Unsupported("message", null));
        assertThatNullPointerException().isThrownBy(() -> new SandboxException.Closed(null));
    }
}
