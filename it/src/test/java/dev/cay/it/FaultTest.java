package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Exit;
import dev.cay.Network;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.linux.Errno;
import dev.cay.linux.Faults;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** K6: whichever step of a set-up fails, the error names it and nothing is left. */
@ExtendWith(RootLane.class)
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FaultTest {
    private static final int ENOUGH = 1000;

    /** Looking at the whole machine takes longer than a create. */
    private static final int LOOK_EVERY = 10;

    /** The operations of all lists in the order they are run, of which one fails; those of the background are not counted. */
    private static final class OneFault implements Faults {
        private final int number;
        private int seen;
        private Optional<String> expected = Optional.empty();
        private boolean tolerated;

        OneFault(int number) {
            this.number = number;
        }

        @Override
        public synchronized int failing(OpList list) {
            if (Thread.currentThread().getName().equals("cay-background") || expected.isPresent()) {
                return NONE;
            }
            int index = number - seen;
            seen += list.size();
            if (index >= list.size()) {
                return NONE;
            }
            Op operation = list.operations().get(index);
            expected = Optional.of(operation + ": ENOSYS (step " + index + ")");
            tolerated = operation.tolerated().contains(Errno.ENOSYS);
            return index;
        }
    }

    @AfterEach
    void noMoreFaults() {
        HostKernel.inject(list -> Faults.NONE);
    }

    @ParameterizedTest
    @ValueSource(strings = {"standard", "host network, no user namespace", "read-only, directory"})
    void k6ACreateThatFailsAtAnyStepNamesItAndLeavesNothing(String kind, Sandboxes engine) {
        SandboxSpec.Builder builder =
                kind.startsWith("read-only") ? SandboxSpec.directory(Lab.smallRoot()) : SandboxSpec.host();
        if (kind.startsWith("host network")) {
            builder.network(Network.host()).userNamespace(false);
        }
        builder.memory(Size.mib(64));
        engine.create(builder.build()).close(); // makes what the engine makes once
        MachineState before = MachineState.now();
        Set<String> wrong = new TreeSet<>();
        int number = 0;
        while (number < ENOUGH) {
            // A size of its own each time: nothing comes out of the pool, where no fault would find it.
            Size size = Size.kib(1024 + 4L * number);
            SandboxSpec spec = kind.startsWith("read-only")
                    ? builder.writable(new dev.cay.Writable.Nothing(size)).build()
                    : builder.tmpfs(size).build();
            OneFault fault = new OneFault(number++);
            HostKernel.inject(fault);
            try (Sandbox sandbox = engine.create(spec)) {
                HostKernel.inject(list -> Faults.NONE);
                if (fault.expected.isEmpty()) {
                    break;
                }
                if (!fault.tolerated) {
                    wrong.add("no failure at " + fault.expected.get());
                }
                assertThat(sandbox.id()).isNotEmpty();
            } catch (SandboxException.SetupFailed e) {
                if (!e.getMessage().endsWith(fault.expected.orElse("?"))) {
                    wrong.add("wrong failure at " + fault.expected + ": " + e.getMessage());
                }
            } catch (RuntimeException e) {
                wrong.add("wrong exception at " + fault.expected + ": " + e);
            }
            HostKernel.inject(list -> Faults.NONE);
            if (fault.expected.isEmpty()) {
                break;
            }
            String difference = number % LOOK_EVERY == 0 ? before.differenceFromNow() : "";
            if (!difference.isEmpty()) {
                wrong.add("left by one of the " + LOOK_EVERY + " before " + fault.expected + ": " + difference);
                before = MachineState.now();
            }
        }
        assertThat(number).as("operations tried").isBetween(80, ENOUGH);
        assertThat(wrong).as("of " + number + " operations").isEmpty();
    }

    @Test
    void k6AnExecutionThatFailsAtAnyStepNamesItAndLeavesNothing(Sandboxes engine) {
        // One without a name would be written down a moment later, in the midst of this.
        try (Sandbox sandbox =
                engine.create(SandboxSpec.host().name("cay-it-fault").build())) {
            ExecSpec command = ExecSpec.builder("/bin/true").user("user").build();
            assertThat(sandbox.exec(command).exit().success()).isTrue();
            MachineState before = MachineState.now();
            Set<String> wrong = new TreeSet<>();
            int number = 0;
            while (number < ENOUGH) {
                OneFault fault = new OneFault(number++);
                HostKernel.inject(fault);
                try {
                    ExecResult result = sandbox.exec(command);
                    HostKernel.inject(list -> Faults.NONE);
                    if (fault.expected.isEmpty()) {
                        break;
                    }
                    if (result.exit().reason() == Exit.Reason.SPAWN_FAILED) {
                        if (!result.exit().step().equals(fault.expected.get())) {
                            wrong.add("wrong failure at " + fault.expected + ": " + result.exit());
                        }
                    } else if (!fault.tolerated) {
                        wrong.add("no failure at " + fault.expected.get());
                    }
                } catch (SandboxException.HostFailed e) {
                    if (!e.getMessage().endsWith(fault.expected.orElse("?"))) {
                        wrong.add("wrong failure at " + fault.expected + ": " + e.getMessage());
                    }
                } catch (RuntimeException e) {
                    wrong.add("wrong exception at " + fault.expected + ": " + e);
                }
                HostKernel.inject(list -> Faults.NONE);
                if (fault.expected.isEmpty()) {
                    break;
                }
                if (fault.expected.get().startsWith("unlinkat(")) {
                    before = MachineState.now(); // what could not be removed goes with the sandbox
                    continue;
                }
                String difference = number % LOOK_EVERY == 0 ? before.differenceFromNow() : "";
                if (!difference.isEmpty()) {
                    wrong.add("left by one of the " + LOOK_EVERY + " before " + fault.expected + ": " + difference);
                    before = MachineState.now();
                }
            }
            assertThat(number).as("operations tried").isBetween(25, ENOUGH);
            assertThat(wrong).as("of " + number + " operations").isEmpty();
            assertThat(sandbox.exec(command).exit().success()).isTrue();
        }
    }
}
