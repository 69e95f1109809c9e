package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.engine.microvm.Disk;
import dev.cay.engine.microvm.Machine;
import dev.cay.engine.microvm.MachineEnd;
import dev.cay.engine.microvm.MachineSpec;
import dev.cay.engine.microvm.Vmm;
import dev.cay.linux.Arg;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.Stub;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What every VMM promises, whichever it is. The guest's first process is the stub, or answers as that does. */
@Timeout(600)
abstract class VmmContract {
    static final Duration LONG = Duration.ofSeconds(240);

    abstract Vmm vmm();

    /** A machine that boots. */
    abstract MachineSpec spec(List<Disk> disks) throws IOException;

    /** A file of 1 MiB that can be a disk. */
    abstract Path disk() throws IOException;

    private Machine start() throws IOException {
        return vmm().start(spec(List.of(new Disk(disk(), "first", false))));
    }

    static long deadline(Duration limit) {
        return System.nanoTime() + limit.toNanos();
    }

    private static Stub greet(HostKernel host, Machine machine) throws IOException {
        Op copy = FileOps.copy(Arg.of(machine.channel(deadline(LONG))), "channel");
        return Stub.ofMachine(host.run(OpList.of(copy)).fd(copy), deadline(LONG));
    }

    /** From the first instruction to a panic. */
    @Test
    void aGuestIsReachedPausedReachedAgainAndItsEndIsExplained() throws IOException {
        CompletableFuture<Boolean> told = new CompletableFuture<>();
        try (HostKernel host = new HostKernel();
                Machine machine = start()) {
            machine.onEnd(() -> told.complete(true));
            try (Stub first = greet(host, machine)) {
                assertThat(first.ping(deadline(LONG))).isTrue();

                machine.pause();
                assertThat(first.ping(deadline(Duration.ofMillis(300)))).isFalse();
                machine.resume();
                assertThat(first.ping(deadline(LONG))).isTrue();
                assertThat(machine.end()).isEmpty();

                // Another session over the same channel; the one before ends with it, the guest does not.
                try (Stub second = greet(host, machine)) {
                    assertThat(second.ping(deadline(LONG))).isTrue();
                    assertThatThrownBy(() -> second.runInside(OpList.of(Processes.exit(3))))
                            .isInstanceOf(IOException.class);
                }
            } catch (IOException | AssertionError e) {
                throw new AssertionError(e.getMessage() + "\nconsole:\n" + machine.console(), e);
            }
            assertThat(machine.await(LONG)).contains(new MachineEnd.Reset());
            assertThat(machine.end()).contains(new MachineEnd.Reset());
            assertThat(machine.console()).contains("Kernel panic - not syncing: Attempted to kill init!");
            assertThat(told.orTimeout(60, TimeUnit.SECONDS).join()).isTrue();
            assertThatThrownBy(machine::pause).isInstanceOf(IOException.class).hasMessageContaining("panicked");
        }
    }

    @Test
    void aMachineIsKilled() throws IOException {
        try (Machine machine = start()) {
            assertThat(machine.end()).isEmpty();
            assertThat(ProcessHandle.of(machine.pid())).isPresent();
            machine.kill();
            assertThat(machine.await(LONG)).contains(new MachineEnd.Killed(9));
            assertThatThrownBy(machine::resume).isInstanceOf(IOException.class);
        }
    }

    @Test
    void aMachineEndsWhenItIsTold() throws IOException {
        Machine machine = start();
        machine.quit();
        assertThat(machine.await(LONG)).contains(new MachineEnd.Quit());
        machine.close();
        try (Machine other = start()) {
            assertThat(other.end()).isEmpty();
        } // with it its process, which the next assertion of the lane looks for
    }

    /** It is not even begun, or all of it is taken back. */
    @Test
    void aMachineWithoutItsKernelLeavesNothing() throws IOException {
        MachineSpec good = spec(List.of());
        MachineSpec spec = new MachineSpec(
                good.kernel().resolveSibling("no-kernel"),
                good.initramfs(),
                good.acpi(),
                good.memory(),
                good.processors(),
                good.acceleration(),
                good.disks(),
                Optional.empty());
        assertThatThrownBy(() -> vmm().start(spec).close()).hasMessageContaining("no-kernel");
    }

    /** Who waits for a guest that does not come is told when its machine ends, or when the time is over. */
    @Test
    void nobodyWaitsForEver() throws IOException {
        try (HostKernel host = new HostKernel();
                Machine machine = start()) {
            machine.kill();
            machine.await(LONG);
            assertThatThrownBy(() -> greet(host, machine).close()).isInstanceOf(IOException.class);
        }
    }
}
