package dev.cay.engine.kernels;

import java.io.IOException;

/** A file that is no kernel, or none that can be booted. The message says what is wrong with it. */
final class BadKernelException extends IOException {
    private static final long serialVersionUID = 1;

    BadKernelException(String message) {
        super(message);
    }
}
