package dev.cay.engine.archive;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Where the name of an entry leads, seen from the root that it is unpacked to: component by component, never upwards. Leading
 * slashes, empty components and "." mean nothing. The root itself, as of "./", has no components. Immutable.
 *
 * <p>This is about names alone. A component can still be a symbolic link, so open one after the other without following any.
 */
public record EntryPath(List<ByteString> components) {
    /** NAME_MAX. */
    public static final int MAXIMUM_COMPONENT = 255;

    /** PATH_MAX, without the NUL; counted as the archive has it. */
    public static final int MAXIMUM_LENGTH = 4095;

    public static final int MAXIMUM_DEPTH = 512;

    private static final ByteString CURRENT = ByteString.of(".");
    private static final ByteString PARENT = ByteString.of("..");

    public EntryPath {
        components = List.copyOf(components);
        for (ByteString component : components) {
            if (component.isEmpty()
                    || component.length() > MAXIMUM_COMPONENT
                    || component.equals(CURRENT)
                    || component.equals(PARENT)
                    || component.contains('/')
                    || component.contains(0)) {
                throw new IllegalArgumentException("not a component: " + component.quoted());
            }
        }
        if (components.size() > MAXIMUM_DEPTH) {
            throw new IllegalArgumentException("too deep");
        }
    }

    /**
     * The path that a name, or the target of a hard link, means.
     *
     * @throws TarException with BAD_NAME if it contains ".." or NUL, with NAME_TOO_LONG if it is too long or too deep
     */
    public static EntryPath of(ByteString name) throws TarException {
        if (name.contains(0)) {
            throw new TarException(TarException.Reason.BAD_NAME, name.quoted() + " contains NUL");
        }
        if (name.length() > MAXIMUM_LENGTH) {
            throw tooLong(name, MAXIMUM_LENGTH + " bytes");
        }
        List<ByteString> components = new ArrayList<>();
        for (int start = 0, end; start < name.length(); start = end + 1) {
            int slash = name.indexOf('/', start);
            end = slash < 0 ? name.length() : slash;
            if (end - start > MAXIMUM_COMPONENT) {
                throw tooLong(name, MAXIMUM_COMPONENT + " bytes in a component");
            }
            ByteString component = name.slice(start, end);
            if (component.equals(PARENT)) {
                throw new TarException(TarException.Reason.BAD_NAME, name.quoted() + " leads upwards");
            }
            if (!component.isEmpty() && !component.equals(CURRENT)) {
                components.add(component);
            }
        }
        if (components.size() > MAXIMUM_DEPTH) {
            throw tooLong(name, MAXIMUM_DEPTH + " components");
        }
        return new EntryPath(components);
    }

    private static TarException tooLong(ByteString name, String limit) {
        return new TarException(TarException.Reason.NAME_TOO_LONG, name.quoted() + " has more than " + limit);
    }

    public boolean isRoot() {
        return components.isEmpty();
    }

    /** Relative, with {@code \xNN} for what is not printable ASCII. */
    @Override
    public String toString() {
        return isRoot() ? "." : components.stream().map(ByteString::toString).collect(Collectors.joining("/"));
    }
}
