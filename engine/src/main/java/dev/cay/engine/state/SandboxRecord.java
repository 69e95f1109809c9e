package dev.cay.engine.state;

import static java.util.Objects.requireNonNull;

import dev.cay.Exit;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.engine.json.JsonWriter;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/**
 * All that is known of a sandbox but its journal and its executions.
 *
 * @param id its id: 4 to 32 hexadecimal digits
 * @param state where it is in its life
 * @param generation how often its own command has been started
 * @param spec what it was to be
 * @param created when it was made
 * @param firstProcess its first process; empty only while it is made
 * @param owner the engine with which it ends; {@link #DETACHED} if it has been made and is detached
 * @param cgroup the name of its control group; empty until it has one
 * @param firstId the first of the host's user ids that are its own; empty until it has some
 * @param exit how its own command ended the last time; empty if that runs or was never started
 * @param lastExecution the highest number that one of its commands has been given; the first is its own command's, if it
 *     has one or not
 */
public record SandboxRecord(
        String id,
        SandboxState state,
        int generation,
        SandboxSpec spec,
        Instant created,
        Optional<ProcessIdentity> firstProcess,
        String owner,
        Optional<String> cgroup,
        OptionalLong firstId,
        Optional<Exit> exit,
        int lastExecution) {
    /** The owner of a sandbox that belongs to nobody. */
    public static final String DETACHED = "detached";

    static final Pattern ID = Pattern.compile("[0-9a-f]{4,32}");

    private static final int VERSION = 1;

    public SandboxRecord {
        if (!ID.matcher(id).matches()) {
            throw new IllegalArgumentException("'" + id + "' is not the id of a sandbox");
        }
        requireNonNull(state, "state is null");
        requireNonNull(spec, "spec is null");
        requireNonNull(created, "created is null");
        requireNonNull(owner, "owner is null");
        requireNonNull(cgroup, "cgroup is null");
        requireNonNull(firstId, "firstId is null");
        requireNonNull(exit, "exit is null");
        boolean lives = state == SandboxState.CREATED || state == SandboxState.RUNNING || state == SandboxState.EXITED;
        if (lives && firstProcess.isEmpty()) {
            throw new IllegalArgumentException("a sandbox without a process cannot be " + state.text());
        }
        if (generation < 0 || lastExecution < 0) {
            throw new IllegalArgumentException("a counter is negative: " + generation + ", " + lastExecution);
        }
    }

    /** A sandbox that an engine begins to make. */
    public static SandboxRecord creating(String id, SandboxSpec spec, Instant created, String engine) {
        return new SandboxRecord(
                id,
                SandboxState.CREATING,
                0,
                spec,
                created,
                Optional.empty(),
                engine,
                Optional.empty(),
                OptionalLong.empty(),
                Optional.empty(),
                Executions.OWN);
    }

    /** One that lives and ends with the engine that has made it. */
    public static SandboxRecord attached(
            String id, SandboxSpec spec, Instant created, ProcessIdentity firstProcess, String engine, long firstId) {
        return new SandboxRecord(
                id,
                SandboxState.RUNNING,
                spec.command().isPresent() ? 1 : 0,
                spec,
                created,
                Optional.of(firstProcess),
                engine,
                Optional.empty(),
                OptionalLong.of(firstId),
                Optional.empty(),
                Executions.OWN);
    }

    /** Whether it ends with its owner. */
    public boolean isAttached() {
        return !spec.lifetime().detached();
    }

    public Life life() {
        return new Life(state, spec.command().isPresent(), spec.lifetime().removedAtEnd(), generation);
    }

    public SandboxInfo info() {
        boolean gone = state == SandboxState.DEAD;
        return new SandboxInfo(
                id, state, spec, created, gone ? Optional.empty() : firstProcess.map(ProcessIdentity::pid), exit);
    }

    /** The name it was given, or its id. */
    public String name() {
        return spec.name().orElse(id);
    }

    /** The same with a control group. */
    public SandboxRecord cgroup(String value) {
        return with(state, generation, firstProcess, owner, Optional.of(value), firstId, exit, lastExecution);
    }

    /** The same with user ids of its own. */
    public SandboxRecord firstId(long value) {
        return with(state, generation, firstProcess, owner, cgroup, OptionalLong.of(value), exit, lastExecution);
    }

    SandboxRecord lastExecution(int value) {
        return with(state, generation, firstProcess, owner, cgroup, firstId, exit, value);
    }

    /** The same after an event that has brought it where it is now. */
    SandboxRecord after(Event event, Life life) {
        boolean ended = state == SandboxState.RUNNING && life.state() != SandboxState.RUNNING;
        boolean started = life.generation() != generation;
        Optional<ProcessIdentity> process = firstProcess;
        String keeper = owner;
        Optional<Exit> outcome = started ? Optional.empty() : exit;
        if (event instanceof Event.Made made) {
            process = Optional.of(made.firstProcess());
            keeper = spec.lifetime().detached() ? DETACHED : owner;
        } else if (event instanceof Event.CommandEnded end && ended) {
            outcome = Optional.of(end.exit());
        } else if (event instanceof Event.Died died && ended && spec.command().isPresent()) {
            outcome = Optional.of(died.death().exit());
        }
        return with(life.state(), life.generation(), process, keeper, cgroup, firstId, outcome, lastExecution);
    }

    private SandboxRecord with(
            SandboxState newState,
            int newGeneration,
            Optional<ProcessIdentity> newProcess,
            String newOwner,
            Optional<String> newCgroup,
            OptionalLong newFirstId,
            Optional<Exit> newExit,
            int newLastExecution) {
        return new SandboxRecord(
                id,
                newState,
                newGeneration,
                spec,
                created,
                newProcess,
                newOwner,
                newCgroup,
                newFirstId,
                newExit,
                newLastExecution);
    }

    String toJson() {
        return JsonWriter.object(out -> out.field("version", VERSION)
                .field("id", id)
                .field("state", state.text())
                .field("generation", generation)
                .field("created", StateJson.nanos(created))
                .object("firstProcess", firstProcess, StateJson::write)
                .field("owner", owner)
                .field("cgroup", cgroup)
                .field("firstId", firstId)
                .object("exit", exit, StateJson::write)
                .field("lastExecution", lastExecution)
                .object("spec", fields -> SpecJson.write(fields, spec)));
    }

    /**
     * Reads what {@link #toJson} has written.
     *
     * @throws SandboxException.Unsupported if another version of Cay has written it
     * @throws SandboxException.HostFailed if it is damaged
     */
    static SandboxRecord fromJson(String json) {
        return StateJson.read(json, "the record of a sandbox", in -> {
            StateJson.checkVersion(in, VERSION);
            return new SandboxRecord(
                    in.text("id"),
                    StateJson.constant(in, "state", SandboxState.values(), SandboxState::text),
                    (int) in.number("generation", 0, Integer.MAX_VALUE),
                    in.object("spec", SpecJson::readSandbox),
                    StateJson.instant(in.number("created", Long.MIN_VALUE, Long.MAX_VALUE)),
                    in.optionalObject("firstProcess", StateJson::readProcess),
                    in.text("owner"),
                    in.optionalText("cgroup"),
                    in.optionalNumber("firstId", 0, 0xFFFF_FFFFL),
                    in.optionalObject("exit", StateJson::readExit),
                    (int) in.number("lastExecution", 0, Integer.MAX_VALUE));
        });
    }
}
