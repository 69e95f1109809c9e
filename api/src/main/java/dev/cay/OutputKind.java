package dev.cay;

/** Which of the streams that a command writes. */
public enum OutputKind {
    STDOUT,
    STDERR
}
