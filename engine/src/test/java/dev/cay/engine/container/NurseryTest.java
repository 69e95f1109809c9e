package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.linux.Errno;
import dev.cay.linux.Namespaces;
import dev.cay.linux.RecordingKernel;
import dev.cay.linux.SyscallException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

final class NurseryTest {
    private static final Path PLACE = Path.of("/run/cay/mount");

    private final Fakes fakes = new Fakes();
    private final RecordingKernel kernel = fakes.kernel();

    @Test
    void theHoldersNamespaceHasNothingInItButAnEmptyRoot() throws SyscallException {
        try (Nursery _ = Nursery.create(kernel, PLACE)) {
            RecordingKernel.Spawned holder = kernel.births().getFirst();

            assertThat(holder.birth().namespaces()).isEqualTo(Namespaces.MOUNT);
            assertThat(fakes.text(holder.list()))
                    .containsExactlyElementsOf("""
                        prctl(parent-death signal)
                        getppid
                        tgkill(parent)
                        mount(/)
                        mount(tmpfs -> /run/cay/mount)
                        chdir(/run/cay/mount)
                        pivot_root(.)
                        umount2(.)
                        mount(/)
                        dup3(to 0) <?>
                        dup3(to 1) <?>
                        dup3(to 2) <?>
                        close_range(from 3)
                        execveat(cay-init) <?>
                        """.lines().toList());
        }
    }

    @Test
    void closingItClosesAllOfIt() throws SyscallException {
        Nursery nursery = Nursery.create(kernel, PLACE);
        assertThat(kernel.openDescriptors())
                .as("the namespace, the program and nothing")
                .isEqualTo(3);

        nursery.close();

        assertThat(kernel.openDescriptors()).isZero();
    }

    @Test
    void whateverStepFailsNothingIsLeftOpen() throws SyscallException {
        Nursery.create(kernel, PLACE).close();
        int steps = kernel.operations();
        for (int step = 1; step < steps; step++) { // the first has a second try
            RecordingKernel failing = new RecordingKernel().fail(step, Errno.EIO);
            assertThatThrownBy(() -> Nursery.create(failing, PLACE).close())
                    .as("step " + step)
                    .isInstanceOf(SyscallException.class)
                    .hasMessageContaining("EIO");
            assertThat(failing.openDescriptors()).as("step " + step).isZero();
        }
    }
}
