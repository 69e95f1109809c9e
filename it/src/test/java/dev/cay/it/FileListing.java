package dev.cay.it;

import java.nio.file.Path;

/** All that can be seen of a tree of files, as text to compare. */
final class FileListing {
    /**
     * What stat(2) says but for what differs by file system, all contents, and all extended attributes that layers keep; what is mounted
     * in the tree is left out. Time of a directory last, then its name.
     */
    private static final String SHOW = """
            cd "$1"
            { find . -xdev -type d -printf '%U|%G|%y|%m|%T@|%P|\\0' -o -printf '%U|%G|%y|%m|%n|%s|%T@|%P|%l\\0'
              find . -xdev -type f -print0 | xargs -0 sha256sum -z
              find . -xdev -mindepth 1 -print0 | xargs -0 getfattr -h -d -m - -e hex | tr '\\n' '\\r' | sed 's/\\r\\r/\\x0/g'
            } | LC_ALL=C sort -z | tr '\\0' '\\n'
            """;

    private FileListing() {}

    static String of(Path root) {
        return Lab.onHost("bash", "-c", SHOW, "bash", root.toString());
    }
}
