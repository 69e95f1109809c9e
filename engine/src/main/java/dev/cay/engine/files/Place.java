package dev.cay.engine.files;

import dev.cay.FilePath;
import dev.cay.linux.Errno;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Where a name is or is to be: its directory, which may be reached by links, and the name, which is never followed.
 *
 * @param parent the path of the directory, from the root of the sandbox
 * @param name one component, neither "." nor ".."
 * @param text the whole path, for messages
 */
record Place(byte[] parent, byte[] name, String text) {
    private static final byte[] HERE = {'.'};

    /** A place that can be made, removed or renamed. */
    static Place of(FilePath path) {
        byte[] bytes = withoutSlashes(path.bytes());
        int slash = lastSlash(bytes);
        byte[] name = Arrays.copyOfRange(bytes, slash + 1, bytes.length);
        String text = Failures.text(path);
        if (name.length == 0 || isDots(name)) {
            throw Failures.of(text, Errno.EINVAL, "does not end with a name");
        }
        return new Place(parent(bytes, slash), name, text);
    }

    private static byte[] parent(byte[] path, int slash) {
        return slash < 0 ? HERE : slash == 0 ? new byte[] {'/'} : Arrays.copyOf(path, slash);
    }

    /** The paths of all directories on the way to the name, each with its own name, the first one first. */
    List<Place> parents() {
        List<Place> parents = new ArrayList<>();
        int start = 0;
        for (int i = 0; i <= parent.length; i++) {
            if (i == parent.length || parent[i] == '/') {
                byte[] component = Arrays.copyOfRange(parent, start, i);
                if (component.length > 0 && !isDots(component)) {
                    parents.add(new Place(parent(parent, start - 1), component, text));
                }
                start = i + 1;
            }
        }
        return parents;
    }

    /** The last component of a path; "/" if it has none. */
    static FilePath lastName(FilePath path) {
        byte[] bytes = withoutSlashes(path.bytes());
        byte[] name = Arrays.copyOfRange(bytes, lastSlash(bytes) + 1, bytes.length);
        return name.length == 0 || Arrays.equals(name, HERE) ? FilePath.of("/") : FilePath.of(name);
    }

    private static byte[] withoutSlashes(byte[] path) {
        int length = path.length;
        while (length > 0 && path[length - 1] == '/') {
            length--;
        }
        return Arrays.copyOf(path, length);
    }

    private static int lastSlash(byte[] path) {
        int slash = path.length - 1;
        while (slash >= 0 && path[slash] != '/') {
            slash--;
        }
        return slash;
    }

    static boolean isDots(byte[] name) {
        return name.length == 1 && name[0] == '.' || name.length == 2 && name[0] == '.' && name[1] == '.';
    }
}
