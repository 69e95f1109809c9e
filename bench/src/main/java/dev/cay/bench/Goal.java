package dev.cay.bench;

/** What a number has to reach. */
record Goal(Direction direction, double limit) {
    enum Direction {
        AT_MOST,
        AT_LEAST
    }

    static Goal atMost(double limit) {
        return new Goal(Direction.AT_MOST, limit);
    }

    static Goal atLeast(double limit) {
        return new Goal(Direction.AT_LEAST, limit);
    }

    boolean reachedBy(double value) {
        return switch (direction) {
            case AT_MOST -> value <= limit;
            case AT_LEAST -> value >= limit;
        };
    }

    /** As a table shows it. */
    String text() {
        return switch (direction) {
            case AT_MOST -> "<= " + Numbers.text(limit);
            case AT_LEAST -> ">= " + Numbers.text(limit);
        };
    }
}
