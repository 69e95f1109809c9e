package dev.cay.cli;

import dev.cay.Exit;
import dev.cay.Root;
import dev.cay.SandboxInfo;
import java.util.Optional;

/** Puts what is known of a sandbox into a few words. */
final class Descriptions {
    /** In place of running: it ends with the process that made it. */
    private static final String ATTACHED = "attached";

    private Descriptions() {}

    static String root(Root root) {
        if (root instanceof Root.Image image) {
            return image.reference();
        }
        return root instanceof Root.Directory directory ? directory.path().toString() : "host";
    }

    static String command(SandboxInfo info) {
        return info.spec().command().isPresent()
                ? String.join(" ", info.spec().command().get().command())
                : "-";
    }

    /** For programs; one that is paused is where it was in its life, but halted. */
    static String stateText(SandboxInfo info) {
        return info.paused() ? "paused" : info.state().text();
    }

    /** The state, and how it came to it. */
    static Table.Cell state(SandboxInfo info) {
        String text = stateText(info);
        if (info.paused()) {
            return new Table.Cell(text, Table.Mood.PLAIN);
        }
        return switch (info.state()) {
            case RUNNING -> new Table.Cell(info.spec().lifetime().detached() ? text : ATTACHED, Table.Mood.GOOD);
            case CREATING, CREATED, REMOVING -> new Table.Cell(text, Table.Mood.PLAIN);
            case EXITED -> exited(text, info.exit());
            case DEAD -> new Table.Cell(text, Table.Mood.BAD);
        };
    }

    private static Table.Cell exited(String text, Optional<Exit> exit) {
        if (exit.isEmpty()) {
            return Table.cell(text);
        }
        int code = exit.get().shellCode();
        return new Table.Cell(text + " " + code, code == 0 ? Table.Mood.PLAIN : Table.Mood.ODD);
    }
}
