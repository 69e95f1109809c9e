package dev.cay.engine.agent;

import java.io.IOException;

/** The peer did what it may not. That ends its connection; the message is for the peer. */
final class RefusalException extends IOException {
    private static final long serialVersionUID = 1;

    RefusalException(String reason) {
        super(reason);
    }
}
