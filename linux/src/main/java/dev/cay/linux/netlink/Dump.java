package dev.cay.linux.netlink;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The answer to a question that has many parts, as far as it has come. Not thread-safe. */
final class Dump {
    private final NetlinkMessage question;
    private final int sequence;
    private final List<Frame> frames = new ArrayList<>();
    private boolean ended;
    private boolean consistent = true;

    Dump(NetlinkMessage question, int sequence) {
        this.question = question;
        this.sequence = sequence;
    }

    int sequence() {
        return sequence;
    }

    void accept(NetlinkSocket.Received received) throws IOException {
        consistent &= !received.lost();
        for (Frame frame : received.frames()) {
            if (frame.sequence() == sequence && !ended) {
                accept(frame);
            }
        }
    }

    private void accept(Frame frame) throws IOException {
        consistent &= !frame.interrupted();
        switch (frame.type()) {
            case Frame.NLMSG_ERROR -> {
                Answer answer = Answer.ofError(frame);
                ended = true;
                if (answer.errno() != 0) {
                    throw NetlinkSocket.failure(question, answer);
                }
            }
            case Frame.NLMSG_DONE -> {
                ended = true;
                Answer answer = Answer.ofDone(frame);
                if (answer.errno() != 0) {
                    throw NetlinkSocket.failure(question, answer);
                }
            }
            case Frame.NLMSG_NOOP -> {}
            default -> frames.add(frame);
        }
    }

    boolean ended() {
        return ended;
    }

    /** Whether nothing changed while it was made. */
    boolean consistent() {
        return consistent;
    }

    List<Frame> frames() {
        return frames;
    }
}
