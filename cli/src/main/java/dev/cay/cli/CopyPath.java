package dev.cay.cli;

/**
 * What the spelling of a path says, on either side of a copy.
 *
 * @param path without slashes and {@code /.} at its end
 * @param contents whether it ended with {@code /.}: what is in it is meant
 * @param directory whether it ended with a slash: it must be a directory
 */
record CopyPath(String path, boolean contents, boolean directory) {
    static CopyPath of(String text) {
        boolean contents = text.equals(".") || text.endsWith("/.");
        boolean directory = contents || text.endsWith("/");
        int end = contents && text.length() > 1 ? text.length() - 1 : text.length();
        while (end > 1 && text.charAt(end - 1) == '/') {
            end--;
        }
        return new CopyPath(text.substring(0, end), contents || text.equals("/"), directory);
    }

    /** Its last name. */
    String name() {
        String name = path.substring(path.lastIndexOf('/') + 1);
        if (name.isEmpty() || name.equals("..")) {
            throw new UsageException("'" + path + "' has no name of its own", "add /. to copy what is in it");
        }
        return name;
    }
}
