package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** A process is killed before every change of a file by which others are told of its sandbox, or are told no more. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class AttachedKillTest {
    private static final String NAME = "cay-it-told";
    private static final int ENOUGH = 100;

    /** Whether it came to its end. */
    private static boolean lives(OtherProcess other, int fatal) {
        try (other) {
            other.tell("look", "/cay-it-fatal-" + fatal);
            other.order("create-attached", NAME);
            if (other.answer().isPresent()) {
                other.order("close-attached");
                other.answer();
            }
        }
        return other.await() == 0;
    }

    @Test
    void whoeverComesNextFindsNothingOfIt() throws Exception {
        Map<String, String> shim = FatalShim.environment();
        DetachedState before = DetachedState.now();
        Set<String> wrong = new TreeSet<>();
        int step = 1;
        try (OtherProcess.Succession others = new OtherProcess.Succession(() -> OtherProcess.start(List.of(), shim))) {
            for (; step < ENOUGH && !lives(others.next(), step); step++) {
                try (Sandboxes engine = Sandboxes.local()) {
                    assertThat(engine.sweep().failures()).isEmpty();
                    assertThat(engine.list()).extracting(SandboxInfo::name).doesNotContain(NAME);
                    assertThatThrownBy(() -> engine.open(NAME)).isInstanceOf(SandboxException.NotFound.class);
                    engine.create(SandboxSpec.host().name(NAME).build()).close();
                } catch (AssertionError | SandboxException e) {
                    wrong.add("killed before step " + step + ": " + e);
                }
                String difference = before.differenceFromNow();
                if (!difference.isEmpty()) {
                    wrong.add("killed before step " + step + ": " + difference);
                    before = DetachedState.now();
                }
            }
        }
        assertThat(wrong).as("of " + step + " steps").isEmpty();
        assertThat(step).as("the steps are seen").isGreaterThan(15);
    }
}
