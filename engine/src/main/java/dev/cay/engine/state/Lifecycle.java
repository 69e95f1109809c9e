package dev.cay.engine.state;

import dev.cay.Exit;
import dev.cay.SandboxEvent.Kind;
import dev.cay.SandboxState;
import dev.cay.engine.state.Transition.Moved;
import dev.cay.engine.state.Transition.Refused;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * The life of a sandbox as a pure function.
 *
 * <pre>{@code
 * CREATING ──Made──> CREATED ──StartRequested──> RUNNING ──CommandEnded──> EXITED ──StartRequested──> RUNNING
 *     └─Made, without a command of its own──────────^
 * CREATED, RUNNING, EXITED ──Died──> DEAD, or REMOVING if it is removed at its end
 * all ──RemoveRequested──> REMOVING ──Undone──> nothing
 * CREATING ──SetupFailed, Died──> REMOVING
 * }</pre>
 *
 * <p>Each event says by itself which of these functions it is: a cold JVM makes a class for every switch over types.
 *
 * <p>A start is written down before it is made, so nobody can make it twice; if it comes to nothing, that is an end of the
 * command. A dead sandbox gives back at once what it holds of this machine. Only its record and its output wait for removal.
 */
public final class Lifecycle {
    private static final OptionalInt OWN = OptionalInt.of(Executions.OWN);

    private Lifecycle() {}

    /** What an event means. */
    public static Transition next(Life life, Event event) {
        return event.happenTo(life);
    }

    static Transition made(Life life) {
        return switch (life.state()) {
            case CREATING ->
                moved(
                        life.in(life.ownCommand() ? SandboxState.CREATED : SandboxState.RUNNING),
                        publish(Kind.CREATED, ""));
            case CREATED, RUNNING, EXITED, DEAD -> new Refused("it has been made already", "");
            case REMOVING -> new Refused("it was removed while it was made", "make a new one");
        };
    }

    static Transition setupFailed(Life life) {
        return switch (life.state()) {
            case CREATING, REMOVING -> removing(life);
            case CREATED, RUNNING, EXITED, DEAD -> new Refused("it has been made already", "remove it instead");
        };
    }

    static Transition startRequested(Life life) {
        if (!life.ownCommand()) {
            return new Refused("it has no command of its own", "name one when you make it, or run one in it with exec");
        }
        return switch (life.state()) {
            case CREATED, EXITED -> {
                Life started = life.started();
                yield moved(started, new Effect.StartCommand(started.generation()));
            }
            case RUNNING -> new Refused("its command runs already", "stop it first, or attach to it");
            case CREATING -> beingMade();
            case DEAD -> new Refused("it is dead", "remove it and make a new one");
            case REMOVING -> beingRemoved();
        };
    }

    static Transition commandStarted(Life life, int generation) {
        return isRunning(life, generation)
                ? moved(life, new Effect.Publish(Kind.STARTED, OWN, ""))
                : moved(life); // the news of its end was faster
    }

    static Transition commandEnded(Life life, Event.CommandEnded ended) {
        return isRunning(life, ended.generation())
                ? moved(life.in(SandboxState.EXITED), new Effect.Publish(Kind.EXITED, OWN, text(ended.exit())))
                : moved(life); // somebody else has told it before, or it died
    }

    private static boolean isRunning(Life life, int generation) {
        return life.ownCommand() && life.state() == SandboxState.RUNNING && life.generation() == generation;
    }

    static Transition stopRequested(Life life, Event.StopRequested stop) {
        return switch (life.state()) {
            case RUNNING -> {
                List<Effect> effects = new ArrayList<>();
                if (life.ownCommand()) {
                    effects.add(new Effect.TerminateCommand(life.generation(), stop.grace()));
                }
                effects.add(new Effect.KillCommands(life.generation()));
                yield new Moved(life, effects);
            }
            case CREATED, EXITED -> moved(life, new Effect.KillCommands(life.generation()));
            case DEAD -> moved(life);
            case CREATING -> beingMade();
            case REMOVING -> beingRemoved();
        };
    }

    static Transition stopped(Life life, int generation) {
        return switch (life.state()) {
            case CREATED, RUNNING, EXITED ->
                life.generation() == generation
                        ? moved(life, publish(Kind.STOPPED, ""))
                        : moved(life); // it has been started anew since
            case CREATING, DEAD, REMOVING -> moved(life); // which is told as that
        };
    }

    static Transition died(Life life, Death death) {
        return switch (life.state()) {
            case CREATING, REMOVING -> removing(life);
            case CREATED, RUNNING, EXITED ->
                moved(
                        life.in(life.removedAtEnd() ? SandboxState.REMOVING : SandboxState.DEAD),
                        new Effect.KillEverything(),
                        new Effect.RunUndo(),
                        publish(Kind.DIED, death.text()));
            case DEAD -> moved(life, new Effect.KillEverything(), new Effect.RunUndo()); // what failed the first time
        };
    }

    /** The same in every state: the journal knows what is still to be undone. */
    static Transition removing(Life life) {
        return moved(life.in(SandboxState.REMOVING), new Effect.KillEverything(), new Effect.RunUndo());
    }

    static Transition undone(Life life) {
        return switch (life.state()) {
            case REMOVING -> moved(life, publish(Kind.REMOVED, ""), new Effect.DeleteRecord());
            case DEAD -> moved(life);
            case CREATING -> beingMade();
            case CREATED, RUNNING, EXITED -> new Refused("it lives", "remove it first");
        };
    }

    private static Transition beingMade() {
        return new Refused("it is being made", "try again in a moment");
    }

    private static Transition beingRemoved() {
        return new Refused("it is being removed", "make a new one");
    }

    private static Moved moved(Life life, Effect... effects) {
        return new Moved(life, List.of(effects));
    }

    private static Effect publish(Kind kind, String detail) {
        return new Effect.Publish(kind, OptionalInt.empty(), detail);
    }

    static String text(Exit exit) {
        return switch (exit.reason()) {
            case EXITED -> "exit code " + exit.code();
            case SIGNALLED, TIMEOUT, OOM, KILLED -> exit.reason().text() + ", signal " + exit.signal();
            case SPAWN_FAILED -> exit.reason().text() + ", " + exit.step();
        };
    }
}
