package dev.cay.engine.agent;

import static java.util.Objects.requireNonNull;

import java.io.IOException;
import java.nio.channels.Channel;

/** A peer at one port. Thread-safe. */
final class Connection {
    private final FrameInput input;
    private final FrameOutput output;
    private final Channel channel;
    private volatile Runnable onEnd = () -> {};

    /** @param channel what both go over; closing it wakes whoever waits for the peer */
    Connection(FrameInput input, FrameOutput output, Channel channel) {
        this.input = requireNonNull(input, "input is null");
        this.output = requireNonNull(output, "output is null");
        this.channel = requireNonNull(channel, "channel is null");
    }

    /** For one thread at a time. */
    FrameInput input() {
        return input;
    }

    FrameOutput output() {
        return output;
    }

    /** What has to be done when we leave the peer, for those who wait for something else than him. */
    void onEnd(Runnable action) {
        onEnd = action;
    }

    /** Leaves the peer in the middle of whatever it is. */
    void end() {
        close();
        onEnd.run();
    }

    /** Lets go of the peer, who may have left already. */
    void close() {
        try {
            channel.close();
        } catch (IOException _) {
            // nothing more can be done for him
        }
    }
}
