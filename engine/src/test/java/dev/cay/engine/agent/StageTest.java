package dev.cay.engine.agent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** All that a peer can do at all, looked at. */
final class StageTest {
    private static final Map<String, String> EXECUTIONS = Map.of(
            "NEW", "CLOCK_SYNC>ANSWERED HELLO>GREETED NET_RECONFIG>ANSWERED START>RUNNING WAIT_PORT>ANSWERED",
            "GREETED", "ATTACH>RUNNING CLOCK_SYNC>ANSWERED NET_RECONFIG>ANSWERED START>RUNNING WAIT_PORT>ANSWERED",
            "RUNNING", "EOF>INPUT_ENDED RESIZE>RUNNING SIGNAL>RUNNING STDIN>RUNNING",
            "RUNNING_IN_TERMINAL",
                    "EOF>RUNNING_IN_TERMINAL RESIZE>RUNNING_IN_TERMINAL SIGNAL>RUNNING_IN_TERMINAL STDIN>RUNNING_IN_TERMINAL",
            "INPUT_ENDED", "RESIZE>INPUT_ENDED SIGNAL>INPUT_ENDED",
            "ANSWERED", "");

    private static final String REQUESTS = "FILE_LIST_REQ>ANSWERED FILE_MKDIR_REQ>ANSWERED FILE_MOVE_REQ>ANSWERED"
            + " FILE_READ_REQ>ANSWERED FILE_REMOVE_REQ>ANSWERED FILE_STAT_REQ>ANSWERED FILE_WATCH_REQ>ANSWERED"
            + " FILE_WRITE_REQ>RECEIVING";

    private static final Map<String, String> FILES = Map.of(
            "NEW",
            REQUESTS + " HELLO>GREETED",
            "GREETED",
            REQUESTS + " TAR_READ>ANSWERED TAR_WRITE>RECEIVING",
            "RECEIVING",
            "FILE_DATA>RECEIVING FILE_DONE>ANSWERED",
            "ANSWERED",
            "");

    /** From each stage that can be reached what leads where. */
    private static Map<String, String> explored(Port port) {
        Map<String, String> explored = new TreeMap<>();
        Deque<Stage> open = new ArrayDeque<>(Set.of(Stage.NEW));
        Set<Stage> seen = EnumSet.of(Stage.NEW);
        while (!open.isEmpty()) {
            Stage stage = open.pop();
            Set<String> steps = new TreeSet<>();
            for (FrameType type : FrameType.values()) {
                switch (stage.after(port, type)) {
                    case Stage.Step.To(Stage next) -> {
                        steps.add(type + ">" + next);
                        if (seen.add(next)) {
                            open.push(next);
                        }
                        if (next == Stage.RUNNING && seen.add(Stage.RUNNING_IN_TERMINAL)) {
                            open.push(Stage.RUNNING_IN_TERMINAL); // which of the two a command says
                        }
                    }
                    case Stage.Step.Refused(String reason) ->
                        assertThat(reason)
                                .contains(type.name())
                                .hasSizeGreaterThan(type.name().length() + 5);
                }
            }
            explored.put(stage.name(), String.join(" ", steps));
        }
        return explored;
    }

    @Test
    void onlyThisIsPossible() {
        assertThat(explored(Port.EXECUTIONS)).isEqualTo(new TreeMap<>(EXECUTIONS));
        assertThat(explored(Port.FILES)).isEqualTo(new TreeMap<>(FILES));
        assertThat(explored(Port.CONTROL)).isEqualTo(Map.of("NEW", ""));
    }
}
