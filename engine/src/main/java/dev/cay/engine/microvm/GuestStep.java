package dev.cay.engine.microvm;

import static java.util.Objects.requireNonNull;

import dev.cay.linux.Kernel;
import dev.cay.linux.OpList;
import java.io.IOException;

/** A part of a guest's boot that has a name, so that a failure can say what it was. */
public sealed interface GuestStep {
    String name();

    /** Whether a guest without it is none: then its failure ends the boot, else it is a warning. */
    boolean required();

    /** Calls that need no answer; those of steps that follow each other travel together. */
    record Calls(String name, boolean required, OpList calls) implements GuestStep {
        public Calls {
            requireNonNull(name, "name is null");
            requireNonNull(calls, "calls is null");
        }
    }

    /** Something that depends on what the guest answers. */
    record Talk(String name, boolean required, Conversation conversation) implements GuestStep {
        public Talk {
            requireNonNull(name, "name is null");
            requireNonNull(conversation, "conversation is null");
        }
    }

    /** What is asked and told. */
    @FunctionalInterface
    interface Conversation {
        /** @param guest runs lists in children of the guest's first process */
        void hold(Kernel guest) throws IOException;
    }
}
