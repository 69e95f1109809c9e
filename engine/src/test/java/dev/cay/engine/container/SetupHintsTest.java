package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.cay.SandboxSpec;
import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.SyscallException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

final class SetupHintsTest {
    private static final SandboxSpec HOST = SandboxSpec.host().build();
    private static final SandboxSpec DIRECTORY =
            SandboxSpec.directory(Path.of("/srv/image")).build();

    private final Fakes fakes = new Fakes();
    private final Arg somewhere = Arg.of(fakes.fd("somewhere"));
    private final Op mkdir = FileOps.mkdir(somewhere, "box", 0755);
    private final Op restrict = Mount.restrict(somewhere, "usr", Mount.ATTR_RDONLY);

    private SyscallException failure(Op operation, Errno errno) {
        fakes.kernel().fail(fakes.kernel().operations(), errno);
        return catchThrowableOfType(SyscallException.class, () -> fakes.kernel().run(OpList.of(operation)));
    }

    @Test
    void whoMayNotIsToldToBeRoot() {
        for (Op operation : List.of(mkdir, restrict)) {
            for (Errno errno : List.of(Errno.EPERM, Errno.EACCES)) {
                assertThat(SetupHints.of(failure(operation, errno), HOST)).contains("root");
            }
        }
    }

    @Test
    void anOldKernelIsCalledOld() {
        assertThat(SetupHints.of(failure(restrict, Errno.ENOSYS), HOST)).contains("Linux 6.15");
    }

    @Test
    void aFileSystemThatCannotShiftIdsIsNamed() {
        SyscallException failure = failure(restrict, Errno.EINVAL);
        assertThat(SetupHints.of(failure, HOST)).contains("/usr").contains("ext4");
        assertThat(SetupHints.of(failure, DIRECTORY)).contains("/srv/image").contains("ext4");
    }

    @Test
    void everyUsualFailureHasAHint() {
        Op write = FileOps.write(somewhere, "memory.max = 1", "1");
        assertThat(SetupHints.of(failure(write, Errno.EINVAL), HOST)).contains("limit");
        Op attach = Mount.attach(somewhere, somewhere, "dev");
        assertThat(SetupHints.of(failure(attach, Errno.ENOTDIR), DIRECTORY)).contains("directory");
        assertThat(SetupHints.of(failure(mkdir, Errno.ENOSPC), HOST)).contains("control groups");
    }

    @Test
    void whatNothingCanBeDoneAboutHasNoHint() {
        assertThat(SetupHints.of(failure(mkdir, Errno.EIO), HOST)).isEmpty();
        assertThat(SetupHints.of(failure(FileOps.umask(0), Errno.EIO), HOST)).isEmpty();
    }
}
