package dev.cay.engine.dns;

import java.net.ProtocolException;

/** Bytes that are no DNS message. */
final class MalformedMessageException extends ProtocolException {
    private static final long serialVersionUID = 1;

    MalformedMessageException(String message) {
        super("dns: " + message);
    }
}
