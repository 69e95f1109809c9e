package dev.cay;

import static java.util.Objects.requireNonNull;

/**
 * Why something could not be done. The {@link #code()} is stable: the same text is the CLI's and, later, the HTTP API's.
 * The message says what failed and why; the {@link #hint()} what to do about it.
 */
public abstract sealed class SandboxException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String hint;

    private SandboxException(String message, String hint, Throwable cause) {
        super(requireNonNull(message, "message is null"), cause);
        this.hint = requireNonNull(hint, "hint is null");
    }

    /** A stable, machine-readable name of this kind of failure. */
    public abstract String code();

    /** What a person, or a model, can do about it; empty if there is nothing to be said. */
    public String hint() {
        return hint;
    }

    /** A specification was refused before anything was done. */
    public static final class InvalidSpec extends SandboxException {
        private static final long serialVersionUID = 1;

        public InvalidSpec(String message, String hint) {
            super(message, hint, null);
        }

        @Override
        public String code() {
            return "invalid-spec";
        }
    }

    /** This machine, or this version of Cay, cannot do what was asked. Nothing was done. */
    public static final class Unsupported extends SandboxException {
        private static final long serialVersionUID = 1;

        public Unsupported(String message, String hint) {
            super(message, hint, null);
        }

        @Override
        public String code() {
            return "unsupported";
        }
    }

    /** A step of a sandbox's set-up failed; the steps before it have been undone. */
    public static final class SetupFailed extends SandboxException {
        private static final long serialVersionUID = 1;

        public SetupFailed(String message, String hint, Throwable cause) {
            super(message, hint, cause);
        }

        @Override
        public String code() {
            return "setup-failed";
        }
    }

    /** The sandbox or the engine has been closed, or has died. */
    public static final class Closed extends SandboxException {
        private static final long serialVersionUID = 1;

        public Closed(String message) {
            super(message, "make a new one", null);
        }

        @Override
        public String code() {
            return "closed";
        }
    }

    /** Something on the host failed that has to do with neither the specification nor the command. */
    public static final class HostFailed extends SandboxException {
        private static final long serialVersionUID = 1;

        public HostFailed(String message, String hint, Throwable cause) {
            super(message, hint, cause);
        }

        @Override
        public String code() {
            return "host-failed";
        }
    }

    /** There is no sandbox, execution, volume or image of this name. */
    public static final class NotFound extends SandboxException {
        private static final long serialVersionUID = 1;

        public NotFound(String message, String hint) {
            super(message, hint, null);
        }

        @Override
        public String code() {
            return "not-found";
        }
    }

    /** The name is taken, or the state that a sandbox is in does not allow it. Nothing was done. */
    public static final class Conflict extends SandboxException {
        private static final long serialVersionUID = 1;

        public Conflict(String message, String hint) {
            super(message, hint, null);
        }

        @Override
        public String code() {
            return "conflict";
        }
    }

    /** So much is going on already that no more is taken on. Nothing was done; later it may be. */
    public static final class Busy extends SandboxException {
        private static final long serialVersionUID = 1;

        public Busy(String message, String hint) {
            super(message, hint, null);
        }

        @Override
        public String code() {
            return "busy";
        }
    }

    /** An image is damaged, is not what its digest says, or asks for more than it may. Nothing of it was kept. */
    public static final class BadImage extends SandboxException {
        private static final long serialVersionUID = 1;

        public BadImage(String message, String hint, Throwable cause) {
            super(message, hint, cause);
        }

        @Override
        public String code() {
            return "bad-image";
        }
    }

    /** A registry could not be reached, refused what was asked, or gave an answer that makes no sense. */
    public static final class RegistryFailed extends SandboxException {
        private static final long serialVersionUID = 1;

        private final int status;

        /** @param status the status of its HTTP answer; 0 if there was none */
        public RegistryFailed(String message, String hint, int status, Throwable cause) {
            super(message, hint, cause);
            this.status = status;
        }

        @Override
        public String code() {
            return "registry-failed";
        }

        /** The status of its HTTP answer; 0 if there was none. */
        public int status() {
            return status;
        }
    }

    /** A file of a sandbox could not be worked on. */
    public static final class FileFailed extends SandboxException {
        private static final long serialVersionUID = 1;

        private final int errno;

        /** @param errno the error number of the system call that failed, 0 if none did */
        public FileFailed(String message, int errno, Throwable cause) {
            super(message, "errno(3) says what the error means", cause);
            this.errno = errno;
        }

        @Override
        public String code() {
            return "file-failed";
        }

        /** The error number of the system call that failed, 0 if none did. */
        public int errno() {
            return errno;
        }
    }
}
