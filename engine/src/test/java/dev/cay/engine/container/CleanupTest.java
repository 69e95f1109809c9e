package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class CleanupTest {
    private final List<String> undone = new ArrayList<>();
    private final Cleanup cleanup = new Cleanup();

    private AutoCloseable undo(String name) {
        return () -> undone.add(name);
    }

    private AutoCloseable failing(Exception failure) {
        return () -> {
            undone.add(failure.getMessage());
            throw failure;
        };
    }

    @Test
    void lastThingsAreUndoneFirst() {
        cleanup.push(undo("a"));
        cleanup.push(undo("b"));
        cleanup.push(undo("c"));

        cleanup.close();

        assertThat(undone).containsExactly("c", "b", "a");
    }

    @Test
    void whatIsPushedIsReturned() {
        AutoCloseable undo = undo("a");
        assertThat(cleanup.push(undo)).isSameAs(undo);
    }

    @Test
    void eachUndoRunsOnce() {
        cleanup.push(undo("a"));
        cleanup.close();
        cleanup.close();
        cleanup.push(undo("b"));
        cleanup.close();

        assertThat(undone).containsExactly("a", "b");
    }

    @Test
    void aFailureStopsNothingAndIsTold() {
        RuntimeException first = new IllegalStateException("first");
        IOException second = new IOException("second");
        cleanup.push(undo("a"));
        cleanup.push(failing(second));
        cleanup.push(undo("b"));
        cleanup.push(failing(first));
        cleanup.push(undo("c"));

        Throwable thrown = catchThrowable(cleanup::close);

        assertThat(undone).containsExactly("c", "first", "b", "second", "a");
        assertThat(thrown).isSameAs(first);
        assertThat(thrown.getSuppressed()).hasSize(1);
        assertThat(thrown.getSuppressed()[0]).hasCause(second);
    }

    @Test
    void aFailedUndoIsNotTriedAgain() {
        cleanup.push(failing(new IOException("broken")));

        assertThatThrownBy(cleanup::close)
                .isInstanceOf(IllegalStateException.class)
                .hasRootCauseMessage("broken");
        cleanup.close();

        assertThat(undone).containsExactly("broken");
    }

    @Test
    void whoeverTakesTheUndosOverRunsThemInTheSameOrder() {
        cleanup.push(undo("a"));
        cleanup.push(undo("b"));
        Cleanup other = cleanup.release();
        other.push(undo("c"));

        cleanup.close();
        assertThat(undone).isEmpty();

        other.close();
        assertThat(undone).containsExactly("c", "b", "a");
    }

    @Test
    void anUndoMayAddAnother() {
        cleanup.push(() -> {
            undone.add("a");
            cleanup.push(undo("b"));
        });

        cleanup.close();

        assertThat(undone).containsExactly("a", "b");
    }
}
