package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.linux.RecordingKernel;
import dev.cay.linux.SyscallException;
import dev.cay.linux.SystemCall;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import org.junit.jupiter.api.Test;

final class GuestClockTest {
    private static final Instant NOW = Instant.parse("2026-03-04T05:06:07.5Z");

    private static RecordingKernel guest(Instant time) {
        ByteBuffer timespec = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN);
        timespec.putLong(time.getEpochSecond()).putLong(time.getNano());
        return new RecordingKernel().fill(SystemCall.CLOCK_GETTIME, timespec.array());
    }

    private static boolean isSet(Instant there, Instant here) throws SyscallException {
        RecordingKernel kernel = guest(there);
        boolean set = GuestClock.correct(kernel, InstantSource.fixed(here));
        assertThat(kernel.runs()).hasSize(set ? 2 : 1);
        return set;
    }

    @Test
    void aClockIsSetWhenItIsOff() throws SyscallException {
        assertThat(isSet(NOW, NOW)).isFalse();
        assertThat(isSet(NOW.plusMillis(99), NOW)).isFalse();
        assertThat(isSet(NOW.minusMillis(99), NOW)).isFalse();
        assertThat(isSet(NOW.plusMillis(101), NOW)).isTrue();
        assertThat(isSet(NOW.minusMillis(101), NOW)).isTrue();
        assertThat(isSet(Instant.EPOCH, NOW)).isTrue();
        assertThat(isSet(Instant.parse("2106-02-07T06:28:15Z"), NOW)).isTrue();
    }

    @Test
    void aHostThatDoesNotKnowTheTimeIsNotBelieved() throws SyscallException {
        assertThat(isSet(NOW, GuestClock.EARLIEST.minusSeconds(1))).isFalse();
    }

    private static List<String> awake(Instant here) throws SyscallException {
        RecordingKernel kernel = new RecordingKernel();
        GuestClock.awake(kernel, new byte[32], InstantSource.fixed(here));
        assertThat(kernel.openDescriptors()).isZero();
        assertThat(kernel.runs()).hasSize(1);
        return kernel.runs().getFirst().operations().stream()
                .map(Object::toString)
                .toList();
    }

    @Test
    void oneThatStoodStillGetsRandomnessAndTheTimeTogether() throws SyscallException {
        assertThat(awake(NOW))
                .containsExactly("openat2(/dev/urandom)", "ioctl(entropy)", "ioctl(reseed)", "close", "clock_settime");
        assertThat(awake(GuestClock.EARLIEST.minusSeconds(1))).doesNotContain("clock_settime");
    }
}
