package dev.cay;

/** What a file is. */
public enum FileKind {
    FILE("file"),
    DIRECTORY("directory"),
    SYMBOLIC_LINK("symlink"),
    FIFO("fifo"),
    SOCKET("socket"),
    CHARACTER_DEVICE("character-device"),
    BLOCK_DEVICE("block-device");

    private final String text;

    FileKind(String text) {
        this.text = text;
    }

    /** The stable name of this kind in machine-readable output. */
    public String text() {
        return text;
    }
}
