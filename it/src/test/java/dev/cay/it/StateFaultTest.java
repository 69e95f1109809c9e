package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Sandboxes;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** No room is left where the state of sandboxes is kept: one process sees a small file system there, and fills it. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class StateFaultTest {
    private static final String NAME = "cay-it-full";
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
