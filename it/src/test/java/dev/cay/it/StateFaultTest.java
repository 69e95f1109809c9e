package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Sandboxes;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** No room is left where the state of sandboxes is kept: one process sees a small file system there, and fills it. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class StateFaultTest {
    private static final String NAME = "cay-it-full";
    /** More than any of what is done here makes. */
    private static final int WRITES = 30;

    private static final String FILLER = DetachedState.SANDBOXES + "/filler";

    /** A process with a mount namespace of its own, of which nobody else sees anything. */
    private static OtherProcess withSmallStore() {
        return OtherProcess.start(
                List.of(
                        "unshare",
                        "-m",
                        "sh",
                        "-c",
                        "mount -t tmpfs -o size=256k,mode=0700 tmpfs " + DetachedState.SANDBOXES + " && exec \"$@\"",
                        "sh"),
                Map.of());
    }

    private static String answer(OtherProcess other, String... order) {
        other.order(order);
        return other.answer().orElse("dead");
    }

    @Test
    void whatCannotBeWrittenDownIsNotDone(Sandboxes engine) {
        Lab.need("unshare");
        DetachedState before = DetachedState.now();
        try (OtherProcess other = withSmallStore()) {
            other.tell("create", NAME);
            other.tell("remove", NAME);
            assertThat(other.tell("fill", FILLER)).containsIgnoringCase("space");
            assertThat(answer(other, "create", NAME)).startsWith("failed host-failed");
            assertThat(before.differenceFromNow()).isEmpty();
            other.tell("free", FILLER);
            other.tell("create", NAME);
            assertThat(other.tell("exec", NAME, "echo on")).isEqualTo("exited 0 on");
            other.tell("remove", NAME);
            assertThat(before.differenceFromNow()).isEmpty();
        }
    }

    /** What is done while there is no room, and what must be true afterwards. */
    private enum Work {
        CREATE("create", ""),
        CREATE_ATTACHED("create-attached", ""),
        EXEC("exec", "create"),
        EXEC_ATTACHED("exec", "create-attached"),
        REMOVE("remove", "create"),
        CLOSE_ATTACHED("close-attached", "create-attached");

        private final String order;
        private final String before;

        Work(String order, String before) {
            this.order = order;
            this.before = before;
        }

        boolean ends() {
            return this == REMOVE || this == CLOSE_ATTACHED;
        }

        boolean isAttached() {
            return order.endsWith("attached") || before.endsWith("attached");
        }
    }

    /** From every single write on there is no room: it works, or it is refused, leaves nothing, and works again when there is. */
    @ParameterizedTest
    @EnumSource
    void fullFromAnyWriteOn(Work work, Sandboxes engine) {
        DetachedState before = DetachedState.now();
        Set<String> wrong = new TreeSet<>();
        int refused = 0;
        try (OtherProcess other = OtherProcess.start(List.of(), FatalShim.environment())) {
            other.tell("engine");
            for (int write = 1; write <= WRITES; write++) {
                if (!work.before.isEmpty()) {
                    other.tell(work.before, NAME);
                }
                other.tell("look", "/cay-it-full-" + write);
                String answer = answer(other, work.order, NAME, "echo on");
                other.tell("look", "/cay-it-full-0");
                boolean done = answer.startsWith("ok");
                refused += done ? 0 : 1;
                if (!done && !answer.matches("failed (host|setup)-failed .*No space left.*") || work.ends() && !done) {
                    wrong.add("full from write " + write + " on: " + answer);
                }
                if (!work.ends()) {
                    if (!done && work.before.isEmpty()) {
                        String again = answer(other, work.order, NAME); // nothing is in its way
                        if (!again.startsWith("ok")) {
                            wrong.add("after no room from write " + write + " on: " + again + ", as before: " + answer);
                            break;
                        }
                    }
                    String on = answer(other, "exec", NAME, "echo on");
                    if (!on.equals("ok exited 0 on")) {
                        wrong.add("after no room from write " + write + " on: " + on);
                    }
                }
                if (!work.ends() || !done) {
                    other.tell(work.isAttached() ? "close-attached" : "remove", NAME);
                }
                String left = before.differenceFromNow();
                if (!left.isEmpty()) {
                    wrong.add("after no room from write " + write + " on: " + left);
                    before = DetachedState.now();
                }
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(refused > 0).as("something is refused").isEqualTo(!work.ends());
    }

    /** It goes on; what cannot be written down is refused, and works again when there is room. */
    @Test
    void aSandboxThatLivesWithoutRoomForItsState(Sandboxes engine) {
        Lab.need("unshare");
        DetachedState before = DetachedState.now();
        try (OtherProcess other = withSmallStore()) {
            other.tell("create", NAME);
            assertThat(other.tell("start", NAME, "while read x; do echo got $x; done; echo over"))
                    .isNotEmpty();
            other.tell("fill", FILLER);
            other.tell("write", "0", "one");
            assertThat(other.tell("line", "0")).isEqualTo("got one"); // its record may lose it, we do not
            assertThat(answer(other, "exec", NAME, "echo on")).startsWith("failed host-failed");
            assertThat(answer(other, "state", NAME)).isEqualTo("ok running");
            other.tell("free", FILLER);
            assertThat(other.tell("exec", NAME, "echo on")).isEqualTo("exited 0 on");
            other.tell("write", "0", "two");
            assertThat(other.tell("line", "0")).isEqualTo("got two");
            other.tell("remove", NAME);
            assertThat(before.differenceFromNow()).isEmpty();
        }
    }

    /** Above all it can be removed: that is what makes room. */
    @Test
    void removedWithoutRoom(Sandboxes engine) {
        Lab.need("unshare");
        DetachedState before = DetachedState.now();
        try (OtherProcess other = withSmallStore()) {
            other.tell("create", NAME);
            other.tell("fill", FILLER);
            String removed = answer(other, "remove", NAME);
            other.tell("free", FILLER);
            if (!removed.startsWith("ok")) {
                other.tell("remove", NAME);
            }
            assertThat(before.differenceFromNow()).isEmpty();
            assertThat(removed).isEqualTo("ok ");
        }
    }
}
