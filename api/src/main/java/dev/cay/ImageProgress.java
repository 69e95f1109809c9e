package dev.cay;

import static java.util.Objects.requireNonNull;

import java.time.Duration;

/** How far an image has come that is being pulled or loaded. */
public sealed interface ImageProgress {
    /**
     * It is known what has to come.
     *
     * @param name of the image
     * @param digest of its manifest
     * @param layers how many it has
     */
    record Found(String name, String digest, int layers) implements ImageProgress {
        public Found {
            requireNonNull(name, "name is null");
            requireNonNull(digest, "digest is null");
        }
    }

    /** What becomes of a layer. */
    enum Step {
        /** It is here already. */
        PRESENT("present"),
        /** Somebody else is bringing it here. */
        WAITING("waiting"),
        /** It is on its way. */
        PULLING("pulling"),
        /** It is here now. */
        DONE("done");

        private final String text;

        Step(String text) {
            this.text = text;
        }

        /** A stable name of it. */
        public String text() {
            return text;
        }
    }

    /**
     * A layer.
     *
     * @param digest of its archive as it comes
     * @param step what becomes of it
     * @param bytes how much of it has come
     * @param total how much there is; 0 if that is not known
     */
    record Layer(String digest, Step step, long bytes, long total) implements ImageProgress {
        public Layer {
            requireNonNull(digest, "digest is null");
            requireNonNull(step, "step is null");
        }
    }

    /**
     * Something has failed that is tried again.
     *
     * @param what has failed, and why
     * @param delay when it is tried again
     */
    record Retry(String what, Duration delay) implements ImageProgress {
        public Retry {
            requireNonNull(what, "what is null");
            requireNonNull(delay, "delay is null");
        }
    }
}
