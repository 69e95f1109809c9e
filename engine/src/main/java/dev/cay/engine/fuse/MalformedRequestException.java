package dev.cay.engine.fuse;

/** Something that no kernel asks which keeps to the protocol: there is nobody to be served any more. */
public final class MalformedRequestException extends Exception {
    private static final long serialVersionUID = 1;

    MalformedRequestException(String message) {
        super("the guest breaks the protocol of FUSE: " + message);
    }
}
