package dev.cay.engine.agent;

/** How far a connection has come, and so what its peer may send next. A pure function. */
enum Stage {
    NEW,
    GREETED,
    RUNNING,
    /** The end of a terminal's input is something that is typed: more can follow. */
    RUNNING_IN_TERMINAL,
    INPUT_ENDED,
    RECEIVING,
    /** Nothing more is read. */
    ANSWERED;

    /** Where a frame leads. */
    sealed interface Step {
        record To(Stage stage) implements Step {}

        record Refused(String reason) implements Step {}
    }

    /** Where a frame of this type leads that comes now. */
    Step after(Port port, FrameType type) {
        if (!type.belongsTo(port)) {
            return new Step.Refused("unsupported: " + type + " means nothing at port " + port.number());
        }
        if (type.isOurs() && this == NEW) {
            return new Step.Refused(type + " is for those who have said HELLO");
        }
        return switch (type.role()) {
            case GREETING -> to(GREETED, this == NEW, type);
            case RUN -> to(RUNNING, isFree(), type);
            case REQUEST -> to(ANSWERED, isFree(), type);
            case UPLOAD -> to(RECEIVING, isFree(), type);
            case INPUT -> to(this, takesInput(), type);
            case INPUT_END -> to(this == RUNNING ? INPUT_ENDED : this, takesInput(), type);
            case STEERING -> to(this, takesInput() || this == INPUT_ENDED, type);
            case CONTENT -> to(this, this == RECEIVING, type);
            case CONTENT_END -> to(ANSWERED, this == RECEIVING, type);
            case ANSWER -> new Step.Refused(type + " goes the other way");
        };
    }

    private Step to(Stage next, boolean allowed, FrameType type) {
        return allowed ? new Step.To(next) : new Step.Refused(type + " is out of order");
    }

    private boolean isFree() {
        return this == NEW || this == GREETED;
    }

    private boolean takesInput() {
        return this == RUNNING || this == RUNNING_IN_TERMINAL;
    }

    /** The same, or a refusal as an exception. */
    Stage next(Port port, FrameType type) throws RefusalException {
        return switch (after(port, type)) {
            case Step.To(Stage stage) -> stage;
            case Step.Refused(String reason) -> throw new RefusalException(reason);
        };
    }
}
