package dev.cay.engine.state;

import dev.cay.SandboxException;
import dev.cay.engine.json.JsonObject;
import dev.cay.engine.json.JsonWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What has to be undone when a sandbox ends. An undo is written down <em>before</em> what it undoes is done, so it may find
 * nothing to undo; afterwards its number is written down, so it does not run again. Only a process that is killed between the two
 * leaves an undo that runs twice.
 *
 * <p>Whoever calls this holds the sandbox's lock.
 */
public final class Journal {
    private static final String NAME = "the journal of a sandbox";

    private final String sandbox;
    private final Path file;

    Journal(String sandbox, Path file) {
        this.sandbox = sandbox;
        this.file = file;
    }

    /** To be called before the thing is done. If it fails, the thing must not be done. */
    public void add(Undo undo) throws IOException {
        LineFile.append(file, JsonWriter.object(undo::writeTo));
    }

    /** What is still to be undone, in the order it was done. */
    public List<Undo> pending() throws IOException {
        return List.copyOf(numbered().values());
    }

    /**
     * Undoes everything, last things first, whatever fails on the way. What has failed is tried again the next time.
     *
     * @throws IOException the first failure; the others are suppressed in it
     */
    public void undoAll(Undoer undoer) throws IOException {
        IOException first = null;
        for (var entry : new TreeMap<>(numbered()).descendingMap().entrySet()) {
            try {
                undoer.undo(sandbox, entry.getValue());
                LineFile.append(file, JsonWriter.object(out -> out.field("done", entry.getKey())));
            } catch (IOException | RuntimeException e) {
                IOException failure = e instanceof IOException io ? io : new IOException(e);
                if (first == null) {
                    first = failure;
                } else {
                    first.addSuppressed(failure);
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }

    /**
     * What one line says: one of both.
     *
     * @param done the number of what has been undone
     */
    private record Line(Optional<Undo> undo, OptionalLong done) {}

    /** By the order of their lines, from 0 on. */
    private SortedMap<Integer, Undo> numbered() throws IOException {
        List<Undo> undos = new ArrayList<>();
        List<Integer> done = new ArrayList<>();
        for (String text : LineFile.read(file)) { // what a torn one would have undone was not done
            Line line = line(text);
            if (line.undo().isPresent()) {
                undos.add(line.undo().get());
            } else {
                done.add((int) line.done().orElseThrow());
            }
        }
        SortedMap<Integer, Undo> pending = new TreeMap<>();
        for (int i = 0; i < undos.size(); i++) {
            pending.put(i, undos.get(i));
        }
        done.forEach(pending::remove);
        return pending;
    }

    private static Line line(String json) {
        return StateJson.read(json, NAME, in -> {
            OptionalLong done = in.optionalNumber("done", 0, Integer.MAX_VALUE);
            return new Line(done.isPresent() ? Optional.empty() : Optional.of(undo(in)), done);
        });
    }

    private static Undo undo(JsonObject in) {
        String name = in.text("undo");
        return switch (name) {
            case "remove-cgroup" -> new Undo.RemoveCgroup(in.text("name"));
            case "release-ids" -> new Undo.ReleaseIds();
            case "kill-process" -> new Undo.KillProcess(in.object("process", StateJson::readProcess));
            case "release-name" -> new Undo.ReleaseName(in.text("name"));
            case "unmount-volume" -> new Undo.UnmountVolume(in.text("volume"), in.text("path"));
            case "leave-network" -> new Undo.LeaveNetwork(in.text("network"));
            case "release-image" -> new Undo.ReleaseImage();
            default ->
                throw new SandboxException.Unsupported(
                        "another version of Cay has written '" + name + "' into " + NAME,
                        "remove the sandbox with the version of Cay that made it");
        };
    }
}
