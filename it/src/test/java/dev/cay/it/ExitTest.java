package dev.cay.it;

import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.ResourceLimit;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** How a command of a container ends is reported as what it was, and its streams carry every byte. */
@ExtendWith(RootLane.class)
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ExitTest extends ContainerSandboxes implements CommandContract {
    /** Where memory may be written to a file, and is. */
    @Test
    void aCoreFileIsTold(Sandboxes engine) throws IOException {
        assumeTrue(
                Files.readString(Path.of("/proc/sys/kernel/core_pattern")).startsWith("core"),
                "no files of this machine's");
        SandboxSpec spec = SandboxSpec.host()
                .resourceLimit(ResourceLimit.CORE, Size.mib(16).bytes())
                .build();
        try (Sandbox sandbox = engine.create(spec)) {
            Exit exit = sandbox.exec("sh", "-c", "cd /tmp; kill -SEGV $$").exit();
            assertThat(exit).isEqualTo(Exit.signalled(Exit.Reason.SIGNALLED, 11).withCore(true));
            assertThat(sh(sandbox, "ls /tmp")).startsWith("core");
            assertThat(sandbox.exec("sh", "-c", "kill -9 $$").exit().core()).isFalse();
        }
    }

    /** Streams that go over a first process are another matter: design/006-microvm.md says what happens there. */
    @Test
    void aStreamThatIsClosedGivesTheCommandSigpipe() throws IOException {
        try (Execution yes = sandbox(false).start(ExecSpec.of("yes"))) {
            assertThat(Lab.line(yes.stdout())).isEqualTo("y");
            yes.stdout().close();
            assertThat(yes.await()).isEqualTo(Exit.signalled(Exit.Reason.SIGNALLED, 13));
        }
    }
}
