/* From bytes to frames: of sockets, and of a channel, whose frames bear the mark of their session. */

/* Reads behind the bytes that are in the inbox already; their number, 0 none for now, negative: the connection is over. */
static i64 receive_bytes(struct connection *connection, u32 length) {
    struct {
        u64 length;
        i32 level, type;
        i32 descriptors[LIST_DESCRIPTORS];
    } control;
    struct io_vector vector = {inbox + length, sizeof inbox - length};
    struct message message = {
        .vectors = &vector, .vector_count = 1, .control = &control, .control_length = sizeof control};
    i64 received = CALL3(__NR_recvmsg, connection->descriptor, &message, MSG_DONTWAIT_ | MSG_CMSG_CLOEXEC_);
    if (received == -EAGAIN || received == -EINTR) {
        return 0;
    }
    if (is_error(received)) {
        return -1;
    }
    u32 count = 0;
    if (message.control_length >= 16 && control.level == SOL_SOCKET_ && control.type == SCM_RIGHTS_) {
        count = (u32)(control.length - 16) / 4;
    }
    int too_many = connection->queued + count > QUEUED_DESCRIPTORS || (message.flags & MSG_CTRUNC_);
    for (u32 i = 0; i < count; i++) {
        if (too_many) {
            close_descriptor(control.descriptors[i]);
        } else {
            connection->queue[connection->queued++] = control.descriptors[i];
        }
    }
    return too_many || received == 0 ? -1 : received;
}

/* How many of the bytes in the inbox are done with; negative: the connection is over, as it broke the rules. */
static i64 take_frames(struct connection *connection, u32 length) {
    u32 at = 0;
    while (connection->open && !connection->stalled && length - at >= sizeof(struct frame)) {
        struct frame frame;
        memcpy(&frame, inbox + at, sizeof frame);
        if (frame.length > FRAME_SIZE) {
            return -1;
        }
        if (length - at < sizeof frame + frame.length) {
            break;
        }
        if (!receive_frame(connection, &frame, inbox + at + sizeof frame)) {
            return -1;
        }
        at += sizeof frame + frame.length;
        flush(connection);
    }
    return at;
}

/* A session begins. Asked for once more it is the same one. */
static void begin_session(struct connection *connection, const struct frame *frame, const u8 *bytes, u64 nonce) {
    if (!connection->greeted || connection->nonce != nonce) {
        end_connection(connection);
        open_channel(connection);
        connection->greeted = 1;
        connection->looks_on = frame->flags & ONLOOKER;
        connection->nonce = nonce;
        connection_count += !connection->looks_on;
    }
    greet(connection, frame, bytes);
}

/* The same on a channel. What broke off there is completed by what the next session sends first, zeros, and then lacks the mark
 * of its own session. It is passed over as a whole: what stands in it is not looked at. */
static i64 take_marked_frames(struct connection *connection, u32 length) {
    u32 at = 0;
    while (connection->open && !connection->stalled && length - at >= sizeof(struct frame)) {
        struct frame frame;
        struct greeting greeting;
        const u8 *payload = inbox + at + sizeof frame;
        memcpy(&frame, inbox + at, sizeof frame);
        if (frame.kind == HELLO && frame.length == sizeof greeting) {
            if (length - at < sizeof frame + sizeof greeting) {
                break;
            }
            memcpy(&greeting, payload, sizeof greeting);
            if (memcmp(greeting.magic, GREETING, 8) == 0 && (u32)greeting.nonce != 0) {
                begin_session(connection, &frame, payload, greeting.nonce);
                at += sizeof frame + sizeof greeting;
                flush(connection);
                continue;
            }
        }
        if (!connection->greeted || frame.length > FRAME_SIZE) {
            if (connection->greeted) {
                end_connection(connection);
                open_channel(connection);
            }
            at++;
            continue;
        }
        if (length - at < sizeof frame + frame.length + MARK) {
            break;
        }
        at += sizeof frame + frame.length + MARK;
        if (memcmp(payload + frame.length, &connection->nonce, MARK) != 0 || !receive_frame(connection, &frame, payload)) {
            end_connection(connection);
            open_channel(connection);
        }
        flush(connection);
    }
    return at;
}

static i64 receive_more(struct connection *connection, u32 length) {
    if (!is_channel(connection)) {
        return receive_bytes(connection, length);
    }
    i64 received = read_channel(connection->descriptor, inbox + length, sizeof inbox - length);
    if (received > 0) {
        heard = milliseconds();
    }
    /* Perhaps there is more, but others have their turn; the end, too, is told once. */
    if (received > 0) {
        watch_connection(connection, EPOLLIN);
    }
    return received;
}

static void receive(struct connection *connection) {
    u32 length = connection->held_length;
    if (connection->held) {
        memcpy(inbox, connection->held, length);
        give_block(connection->held);
        connection->held = 0;
        connection->held_length = 0;
    }
    if (length < sizeof inbox) {
        i64 received = receive_more(connection, length);
        if (received < 0) {
            break_off(connection);
            return;
        }
        length += (u32)received;
    }
    i64 at = is_channel(connection) ? take_marked_frames(connection, length) : take_frames(connection, length);
    if (at < 0) {
        end_connection(connection);
    }
    if (!connection->open) {
        return;
    }
    if (at == length) {
        if (connection->queued > 0 && connection->header_received == 0) { /* the bytes that they came with are all used up */
            end_connection(connection);
        }
        return;
    }
    connection->held = take_block();
    if (!connection->held) {
        end_connection(connection);
        return;
    }
    memcpy(connection->held, inbox + at, length - (u32)at);
    connection->held_length = length - (u32)at;
}

/* The socket has room again. */
static void resume(struct connection *connection) {
    u32 index = (u32)(connection - connections);
    if (connection->pending) {
        struct io_vector vector = {connection->pending + connection->pending_start,
                                   connection->pending_end - connection->pending_start};
        struct message message = {.vectors = &vector, .vector_count = 1};
        i64 sent = is_channel(connection)
                       ? write_channel(connection->descriptor, vector.base, vector.length)
                       : CALL3(__NR_sendmsg, connection->descriptor, &message, MSG_DONTWAIT_ | MSG_NOSIGNAL_);
        if (sent == -EAGAIN) {
            return;
        }
        if (is_error(sent)) {
            break_off(connection);
            return;
        }
        connection->pending_start += (u32)sent;
        if (connection->pending_start < connection->pending_end) {
            return;
        }
        give_block(connection->pending);
        connection->pending = 0;
    }
    connection->stalled = 0;
    for (u32 i = 0; i < executions_end && !connection->stalled; i++) {
        if (executions[i].used && executions[i].reaped && executions[i].connection == (i32)index) {
            drain(&executions[i]);
        }
    }
    flush(connection);
    if (connection->open && !connection->stalled && connection->held) {
        receive(connection);
    }
    if (!connection->open || connection->stalled) {
        return;
    }
    watch_connection(connection, EPOLLIN);
    for (u32 i = 0; i < executions_end; i++) {
        if (executions[i].used && executions[i].connection == (i32)index) {
            watch_outputs(&executions[i]);
        }
    }
}
