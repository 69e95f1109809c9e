package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.BootStep;
import dev.cay.Furnishing;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.OpList;
import dev.cay.linux.RecordingKernel;
import dev.cay.linux.SystemCall;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

final class GuestBootTest {
    private final RecordingKernel inside = new RecordingKernel();
    private final RecordingKernel guest = new RecordingKernel();
    private final GuestBoot boot = new GuestBoot(inside, guest);

    private static GuestStep calls(String name, boolean required) {
        return new GuestStep.Calls(name, required, OpList.of(FileOps.chdir("/" + name), FileOps.umask(0)));
    }

    private static GuestStep talk(String name, boolean required) {
        return new GuestStep.Talk(name, required, kernel -> kernel.run(OpList.of(FileOps.chroot("/" + name))));
    }

    @Test
    void whatIsRequiredTravelsTogether() throws IOException {
        boot.take(List.of(calls("a", true), calls("b", true), calls("c", false), talk("d", true), calls("e", true)));
        assertThat(inside.runs()).extracting(OpList::size).containsExactly(7, 4, 4);
        assertThat(guest.runs()).hasSize(1);
        assertThat(boot.steps()).extracting(BootStep::name).containsExactly("a", "b", "c", "d", "e");
        assertThat(boot.steps()).allMatch(step -> step.warning().isEmpty());
    }

    @Test
    void aStepThatIsRequiredAndFailsEndsTheBootAndIsNamed() {
        inside.fail(5, Errno.ENOTDIR); // time, a, a, time, b, the second of b
        assertThatThrownBy(() -> boot.take(List.of(calls("a", true), calls("b", true), talk("c", true))))
                .isInstanceOf(IOException.class)
                .hasMessage("the guest's b: umask: ENOTDIR (step 5)");
        assertThat(guest.runs()).isEmpty();
        assertThatThrownBy(() -> new GuestBoot(inside, new RecordingKernel().answer(SystemCall.CHROOT, -5))
                        .take(List.of(talk("talk", true))))
                .hasMessage("the guest's talk: chroot(/talk): EIO (step 0)");
    }

    @Test
    void oneThatIsNotIsAWarning() throws IOException {
        inside.answer(SystemCall.CHDIR, -Errno.ENODEV.number());
        guest.answer(SystemCall.CHROOT, -Errno.EPERM.number());
        boot.take(List.of(calls("a", false), talk("b", false), new GuestStep.Talk("c", true, kernel -> {})));
        assertThat(boot.steps().stream().flatMap(step -> step.warning().stream()))
                .containsExactly("chdir(/a): ENODEV (step 1)", "chroot(/b): EPERM (step 0)");
        assertThat(boot.steps()).hasSize(3);
    }

    /** What a kernel's command line says wrongly is an error before anything is mounted that would not be there anyway. */
    @Test
    void aWrongCommandLineEndsTheBoot() {
        byte[] line = "ip=1.0.0.2::1.0.0.1:::eth0:off\n".getBytes(StandardCharsets.US_ASCII);
        guest.fill(SystemCall.READ, line).answer(SystemCall.READ, line.length);
        GuestSpec spec = new GuestSpec(
                new GuestSpec.Root.Initramfs(),
                false,
                List.of(),
                "guest",
                GuestSpec.HOST_ALIAS,
                new GuestAddressing.CommandLine(),
                List.of(),
                List.of(),
                OptionalInt.empty(),
                Furnishing.none());
        assertThatThrownBy(() -> boot.bringUp(spec, System.nanoTime()))
                .isInstanceOf(IOException.class)
                .hasMessage("the guest's command line: no guest has ip=1.0.0.2::1.0.0.1:::eth0:off: '' for an address");
        assertThat(inside.runs()).hasSize(1);
        assertThat(boot.steps()).extracting(BootStep::name).containsExactly("limits", "process table", "disks");
    }
}
