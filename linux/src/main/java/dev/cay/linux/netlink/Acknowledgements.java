package dev.cay.linux.netlink;

import dev.cay.linux.Errno;
import java.io.IOException;
import java.net.ProtocolException;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** What the kernel has said so far of the messages of one datagram. Not thread-safe. */
final class Acknowledgements {
    private final List<NetlinkMessage> messages;
    private final int first;
    private final SortedMap<Integer, Answer> answers = new TreeMap<>();
    private boolean lost;

    /** @param first the sequence number of the first message */
    Acknowledgements(List<NetlinkMessage> messages, int first) {
        this.messages = messages;
        this.first = first;
    }

    int first() {
        return first;
    }

    void accept(NetlinkSocket.Received received) throws ProtocolException {
        lost |= received.lost();
        for (Frame frame : received.frames()) {
            int index = frame.sequence() - first;
            // What an earlier exchange, one that broke off, has left unread is nobody's any more.
            if (index >= 0 && index < messages.size() && frame.type() == Frame.NLMSG_ERROR) {
                answers.merge(index, Answer.ofError(frame), (one, other) -> one.errno() != 0 ? one : other);
            }
        }
    }

    /** Whether every message has its answer. */
    boolean complete() {
        return answers.size() == messages.size();
    }

    /** Throws what the first message that failed deserves, or what it deserves that one is not answered. */
    void check() throws IOException {
        for (Map.Entry<Integer, Answer> entry : answers.entrySet()) {
            if (entry.getValue().errno() != 0) {
                throw NetlinkSocket.failure(messages.get(entry.getKey()), entry.getValue());
            }
        }
        for (int i = 0; i < messages.size(); i++) {
            if ((messages.get(i).flags() & NetlinkMessage.NLM_F_ACK) != 0 && !answers.containsKey(i)) {
                if (lost) {
                    throw new NetlinkException(messages.get(i), Errno.ENOBUFS.number(), "the answer was lost");
                }
                throw new ProtocolException(messages.get(i) + ": no answer");
            }
        }
    }
}
