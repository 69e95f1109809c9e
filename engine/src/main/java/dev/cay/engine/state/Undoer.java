package dev.cay.engine.state;

import java.io.IOException;

/** Undoes on this machine what has been done for a sandbox. What is undone already is left alone: that is no error. */
public interface Undoer {
    /** @param sandbox the id of the sandbox */
    void undo(String sandbox, Undo undo) throws IOException;
}
