package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.linux.Errno;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.RecordingKernel;
import dev.cay.linux.SyscallException;
import dev.cay.linux.SystemCall;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class GuestShutdownTest {
    private static final String TABLE = """
        21 1 0:19 / / rw,nosuid - overlay root rw
        22 21 0:20 / /proc rw - proc proc rw
        23 21 0:21 / /with\\040a\\011blank\\134\\303\\244 rw shared:1 - tmpfs x rw
        24 23 0:22 / /with\\040a/deep rw - tmpfs x rw
        25 21
        26 21 0:23 net:[4026] /backslash\\09 rw - tmpfs x rw
        """;

    private static List<String> texts(OpList list) {
        return list.operations().stream().map(Op::toString).toList();
    }

    @Test
    void mountPointsAreReadAsTheKernelWritesThem() {
        assertThat(GuestShutdown.mountPoints(TABLE))
                .containsExactly("/", "/proc", "/with a\tblank\\ä", "/with a/deep", "/backslash\\09");
    }

    @Test
    void whatWasMountedLastIsTakenDownFirst() throws SyscallException {
        RecordingKernel kernel = new RecordingKernel()
                .fill(
                        SystemCall.READ,
                        "1 0 0:1 / / rw - x x rw\n2 1 0:2 / /a rw - x x rw\n".getBytes(StandardCharsets.US_ASCII))
                .answer(SystemCall.READ, 0);
        // The first page has it all; a fake cannot tell the reads apart, so it has nothing to say.
        assertThat(GuestShutdown.release(kernel)).isEmpty();
        assertThat(texts(kernel.runs().getFirst())).containsExactly("kill(all)", "sync");
        assertThat(texts(kernel.runs().getLast())).containsExactly("sync");
    }

    @Test
    void whatIsBusyIsTold() throws SyscallException {
        String line = "1 0 0:1 / / rw - x x rw\n";
        RecordingKernel kernel = new RecordingKernel()
                .fill(SystemCall.READ, line.getBytes(StandardCharsets.US_ASCII))
                .answer(SystemCall.READ, line.length())
                .answer(SystemCall.UMOUNT2, -Errno.EBUSY.number());
        assertThat(GuestShutdown.release(kernel)).isNotEmpty().containsOnly("/");
        assertThat(texts(kernel.runs().getLast()).subList(0, 2)).containsExactly("umount2(/)", "mount(/)");
    }

    @Test
    void whoIsAloneKillsWritesAndSwitchesOff() {
        assertThat(texts(GuestShutdown.alone(true)))
                .containsExactly("kill(all)", "sync", "mount(/)", "sync", "reboot(power off)");
        assertThat(texts(GuestShutdown.alone(true, Optional.of("/work"))))
                .startsWith("umount2(/work)", "kill(all)", "sync");
    }
}
