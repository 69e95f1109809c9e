package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Exit;
import dev.cay.SandboxEvent;
import dev.cay.SandboxState;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class LifecycleTest {
    private static final int GENERATIONS = 3;

    /** A sandbox and what can be seen of it: whether its command runs, what its journal holds, whether it has been deleted. */
    private record World(Life life, int starts, boolean commandRuns, boolean holds, int undone, boolean deleted) {}

    private static Stream<Event> events() {
        return Stream.concat(
                Stream.of(
                        new Event.Made(new ProcessIdentity(1, 1, "boot")),
                        new Event.SetupFailed(),
                        new Event.StartRequested(),
                        new Event.StopRequested(Duration.ofSeconds(1)),
                        new Event.Died(Death.KILLED),
                        new Event.Died(Death.EXPIRED),
                        new Event.RemoveRequested(),
                        new Event.Undone()),
                Stream.iterate(0, generation -> generation + 1)
                        .limit(GENERATIONS + 1)
                        .flatMap(generation -> Stream.of(
                                new Event.CommandStarted(generation),
                                new Event.CommandEnded(generation, Exit.exited(0)),
                                new Event.Stopped(generation))));
    }

    /** What the world's undoers may do between two events: all or nothing. */
    private static World act(World world, Life life, List<Effect> effects, boolean undoFails) {
        World now = new World(life, world.starts, world.commandRuns, world.holds, world.undone, world.deleted);
        for (Effect effect : effects) {
            now = switch (effect) {
                case Effect.StartCommand start -> {
                    assertThat(now.commandRuns).as("two starts in " + world).isFalse();
                    assertThat(start.generation()).isEqualTo(now.starts + 1);
                    yield new World(life, now.starts + 1, true, now.holds, now.undone, now.deleted);
                }
                case Effect.KillEverything _ -> new World(life, now.starts, false, now.holds, now.undone, now.deleted);
                case Effect.RunUndo _ -> {
                    assertThat(now.commandRuns)
                            .as("undo under a living command in " + world)
                            .isFalse();
                    yield undoFails || !now.holds
                            ? now
                            : new World(life, now.starts, false, false, now.undone + 1, now.deleted);
                }
                case Effect.DeleteRecord _ -> {
                    assertThat(life.state()).isEqualTo(SandboxState.REMOVING);
                    yield new World(life, now.starts, now.commandRuns, now.holds, now.undone, true);
                }
                case Effect.TerminateCommand terminate -> {
                    assertThat(terminate.generation()).isEqualTo(life.generation());
                    yield now;
                }
                case Effect.KillCommands _, Effect.Publish _ -> now;
            };
        }
        return now;
    }

    @ParameterizedTest
    @CsvSource({"false,false", "false,true", "true,false", "true,true"})
    void everyStateThatCanBeReachedStandsEveryEvent(boolean ownCommand, boolean removedAtEnd) {
        World first = new World(Life.creating(ownCommand, removedAtEnd), 0, false, true, 0, false);
        Set<World> seen = new HashSet<>(Set.of(first));
        Deque<World> todo = new ArrayDeque<>(seen);
        while (!todo.isEmpty()) {
            World world = todo.pop();
            events().filter(event -> canHappen(world, event)).forEach(event -> {
                for (boolean undoFails : new boolean[] {false, true}) {
                    World next = next(world, event, undoFails);
                    check(world, event, next);
                    if (!next.deleted && next.life().generation() <= GENERATIONS && seen.add(next)) {
                        todo.push(next);
                    }
                }
            });
        }
        Set<SandboxState> reached = EnumSet.noneOf(SandboxState.class);
        seen.forEach(world -> reached.add(world.life().state()));
        Set<SandboxState> expected = EnumSet.allOf(SandboxState.class);
        if (!ownCommand) {
            expected.removeAll(EnumSet.of(SandboxState.CREATED, SandboxState.EXITED));
        }
        if (removedAtEnd) {
            expected.remove(SandboxState.DEAD);
        }
        assertThat(reached).isEqualTo(expected);
    }

    /** Whoever says that all is undone has looked; news of a start or an end come only of what has been started. */
    private static boolean canHappen(World world, Event event) {
        return switch (event) {
            case Event.Undone _ -> !world.holds || world.life().state() != SandboxState.REMOVING;
            case Event.CommandStarted started -> started.generation() <= world.starts;
            case Event.CommandEnded ended -> ended.generation() <= world.starts;
            case Event.Made _, Event.SetupFailed _, Event.StartRequested _ -> true;
            case Event.StopRequested _, Event.Stopped _, Event.Died _, Event.RemoveRequested _ -> true;
        };
    }

    private static World next(World world, Event event, boolean undoFails) {
        return switch (Lifecycle.next(world.life(), event)) {
            case Transition.Refused refused -> {
                assertThat(refused.message()).isNotBlank();
                yield world;
            }
            case Transition.Moved moved -> {
                World ended = event instanceof Event.CommandEnded end && end.generation() == world.starts
                        ? new World(world.life, world.starts, false, world.holds, world.undone, world.deleted)
                        : world;
                yield act(ended, moved.life(), moved.effects(), undoFails);
            }
        };
    }

    private static void check(World before, Event event, World after) {
        String step = before + " -- " + event + " -> " + after;
        SandboxState state = after.life().state();
        if (before.life().state() == SandboxState.REMOVING) {
            assertThat(state).as(step).isEqualTo(SandboxState.REMOVING);
            assertThat(after.deleted).as(step).isEqualTo(event instanceof Event.Undone);
        }
        if (before.life().state() == SandboxState.DEAD) {
            assertThat(state).as(step).isIn(SandboxState.DEAD, SandboxState.REMOVING);
        }
        if (state == SandboxState.CREATING) {
            assertThat(before.life().state()).as(step).isEqualTo(SandboxState.CREATING);
        }
        if (after.commandRuns) {
            assertThat(state).as(step).isEqualTo(SandboxState.RUNNING);
        }
        if (after.deleted) {
            assertThat(after.undone).as(step).isOne();
        }
        boolean lives = EnumSet.of(SandboxState.CREATED, SandboxState.RUNNING, SandboxState.EXITED)
                .contains(state);
        if (lives) {
            assertThat(after.undone).as(step).isZero();
        }
        assertThat(after.life().generation()).as(step).isEqualTo(after.starts);
    }

    private static Life life(SandboxState state, int generation) {
        return new Life(state, true, false, generation);
    }

    private static List<Effect> effects(Life life, Event event, SandboxState expected) {
        Transition.Moved moved = (Transition.Moved) Lifecycle.next(life, event);
        assertThat(moved.life().state()).isEqualTo(expected);
        return moved.effects();
    }

    @Test
    void anOldNewsOfAnEndIsNoEnd() {
        Life second = life(SandboxState.RUNNING, 2);
        assertThat(effects(second, new Event.CommandEnded(1, Exit.exited(0)), SandboxState.RUNNING))
                .isEmpty();
        assertThat(effects(second, new Event.CommandEnded(2, Exit.exited(1)), SandboxState.EXITED))
                .singleElement()
                .isInstanceOfSatisfying(Effect.Publish.class, event -> {
                    assertThat(event.kind()).isEqualTo(SandboxEvent.Kind.EXITED);
                    assertThat(event.execution()).hasValue(1);
                    assertThat(event.detail()).isEqualTo("exit code 1");
                });
    }

    @Test
    void aStopLeavesTheSandbox() {
        Duration grace = Duration.ofSeconds(3);
        assertThat(effects(life(SandboxState.RUNNING, 2), new Event.StopRequested(grace), SandboxState.RUNNING))
                .containsExactly(new Effect.TerminateCommand(2, grace), new Effect.KillCommands(2));
        assertThat(effects(life(SandboxState.CREATED, 0), new Event.StopRequested(grace), SandboxState.CREATED))
                .containsExactly(new Effect.KillCommands(0));
    }

    @Test
    void aStopIsToldOfWhenAllHasEnded() {
        assertThat(effects(life(SandboxState.EXITED, 2), new Event.Stopped(2), SandboxState.EXITED))
                .containsExactly(new Effect.Publish(SandboxEvent.Kind.STOPPED, OptionalInt.empty(), ""));
        assertThat(effects(life(SandboxState.RUNNING, 3), new Event.Stopped(2), SandboxState.RUNNING))
                .as("it has been started anew since")
                .isEmpty();
        assertThat(effects(life(SandboxState.DEAD, 2), new Event.Stopped(2), SandboxState.DEAD))
                .isEmpty();
    }

    @Test
    void aSandboxRemovedWhileItIsMadeIsNotMade() {
        Life life = life(SandboxState.CREATING, 0);
        assertThat(effects(life, new Event.RemoveRequested(), SandboxState.REMOVING))
                .containsExactly(new Effect.KillEverything(), new Effect.RunUndo());
        assertThat(Lifecycle.next(life(SandboxState.REMOVING, 0), new Event.Made(new ProcessIdentity(1, 1, "boot"))))
                .isEqualTo(new Transition.Refused("it was removed while it was made", "make a new one"));
    }

    @Test
    void aRunningCommandIsNotStartedAgain() {
        assertThat(Lifecycle.next(life(SandboxState.RUNNING, 1), new Event.StartRequested()))
                .isEqualTo(new Transition.Refused("its command runs already", "stop it first, or attach to it"));
        assertThat(Lifecycle.next(new Life(SandboxState.RUNNING, false, false, 0), new Event.StartRequested()))
                .isInstanceOf(Transition.Refused.class);
    }
}
