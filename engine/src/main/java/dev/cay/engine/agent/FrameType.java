package dev.cay.engine.agent;

import static java.util.Objects.requireNonNull;

import java.util.Optional;

/**
 * The frames of ports 52 and 53. Those below 0x80 are the published format of a sandbox manager; those from there on are ours,
 * for peers that have said HELLO.
 */
enum FrameType {
    START(0x01, Port.EXECUTIONS, Role.RUN, Form.JSON),
    STDIN(0x02, Port.EXECUTIONS, Role.INPUT, Form.DATA),
    RESIZE(0x03, Port.EXECUTIONS, Role.STEERING, Form.FOUR_BYTES),
    EOF(0x04, Port.EXECUTIONS, Role.INPUT_END, Form.EMPTY),
    CLOCK_SYNC(0x05, Port.EXECUTIONS, Role.REQUEST, Form.TWELVE_BYTES),
    NET_RECONFIG(0x06, Port.EXECUTIONS, Role.REQUEST, Form.JSON),
    SIGNAL(0x07, Port.EXECUTIONS, Role.STEERING, Form.FOUR_BYTES),
    WAIT_PORT(0x08, Port.EXECUTIONS, Role.REQUEST, Form.JSON),
    STDOUT(0x10, Port.EXECUTIONS, Role.ANSWER, Form.DATA),
    STDERR(0x11, Port.EXECUTIONS, Role.ANSWER, Form.DATA),
    EXIT(0x12, Port.EXECUTIONS, Role.ANSWER, Form.EIGHT_BYTES),
    FILE_WRITE_REQ(0x20, Port.FILES, Role.UPLOAD, Form.JSON),
    FILE_DATA(0x21, Port.FILES, Role.CONTENT, Form.DATA),
    FILE_DONE(0x22, Port.FILES, Role.CONTENT_END, Form.EMPTY),
    FILE_READ_REQ(0x23, Port.FILES, Role.REQUEST, Form.JSON),
    FILE_STAT_REQ(0x24, Port.FILES, Role.REQUEST, Form.JSON),
    FILE_LIST_REQ(0x25, Port.FILES, Role.REQUEST, Form.JSON),
    FILE_MKDIR_REQ(0x26, Port.FILES, Role.REQUEST, Form.JSON),
    FILE_REMOVE_REQ(0x27, Port.FILES, Role.REQUEST, Form.JSON),
    FILE_MOVE_REQ(0x28, Port.FILES, Role.REQUEST, Form.JSON),
    FILE_WATCH_REQ(0x29, Port.FILES, Role.REQUEST, Form.JSON),
    FILE_ACK(0x30, Port.FILES, Role.ANSWER, Form.EMPTY),
    FILE_ERR(0x31, Port.FILES, Role.ANSWER, Form.DATA),
    FILE_STAT(0x32, Port.FILES, Role.ANSWER, Form.JSON),
    FILE_LIST(0x33, Port.FILES, Role.ANSWER, Form.JSON),
    FILE_EVENT(0x34, Port.FILES, Role.ANSWER, Form.JSON),
    /** On both ports, though it is listed with the executions. */
    HELLO(0x80, Port.EXECUTIONS, Role.GREETING, Form.JSON),
    EXIT_DETAIL(0x81, Port.EXECUTIONS, Role.ANSWER, Form.JSON),
    ATTACH(0x82, Port.EXECUTIONS, Role.RUN, Form.JSON),
    STARTED(0x83, Port.EXECUTIONS, Role.ANSWER, Form.JSON),
    TAR_WRITE(0x90, Port.FILES, Role.UPLOAD, Form.JSON),
    TAR_READ(0x91, Port.FILES, Role.REQUEST, Form.JSON);

    /** What a frame is for. */
    enum Role {
        GREETING,
        /** Begins an execution. */
        RUN,
        /** Is answered, and that is all. */
        REQUEST,
        /** Is followed by content, and then answered. */
        UPLOAD,
        INPUT,
        INPUT_END,
        /** Does something to an execution that runs. */
        STEERING,
        CONTENT,
        CONTENT_END,
        /** Goes to the peer and never comes from it. */
        ANSWER
    }

    /** What a payload is, and so how long it can be. */
    enum Form {
        EMPTY(0, 0),
        FOUR_BYTES(4, 4),
        EIGHT_BYTES(8, 8),
        TWELVE_BYTES(12, 12),
        /** Is read as a whole. No kernel takes arguments and variables of that size. */
        JSON(2, 4 << 20),
        /** Is passed on piece by piece. */
        DATA(0, 16 << 20);

        private final int minimum;
        private final int maximum;

        Form(int minimum, int maximum) {
            this.minimum = minimum;
            this.maximum = maximum;
        }

        int minimum() {
            return minimum;
        }

        int maximum() {
            return maximum;
        }
    }

    private static final int FIRST_OF_OURS = 0x80;
    private static final FrameType[] BY_CODE = new FrameType[256];

    static {
        for (FrameType type : values()) {
            BY_CODE[type.code] = type;
        }
    }

    private final int code;
    private final Port port;
    private final Role role;
    private final Form form;

    FrameType(int code, Port port, Role role, Form form) {
        this.code = code;
        this.port = requireNonNull(port, "port is null");
        this.role = requireNonNull(role, "role is null");
        this.form = requireNonNull(form, "form is null");
    }

    static Optional<FrameType> of(int code) {
        return Optional.ofNullable(BY_CODE[code & 0xFF]);
    }

    int code() {
        return code;
    }

    Role role() {
        return role;
    }

    Form form() {
        return form;
    }

    /** Whether it has a meaning at a port. */
    boolean belongsTo(Port where) {
        return this == HELLO ? where != Port.CONTROL : where == port;
    }

    /** Whether it is for those only that have said HELLO. */
    boolean isOurs() {
        return code >= FIRST_OF_OURS && this != HELLO;
    }
}
