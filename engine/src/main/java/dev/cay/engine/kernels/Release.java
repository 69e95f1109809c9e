package dev.cay.engine.kernels;

import java.util.regex.Pattern;

/** The name of a kernel's version, as {@code uname -r} prints it. It becomes part of paths, so it is taken from nobody unseen. */
final class Release {
    private static final Pattern FORM = Pattern.compile("[0-9][A-Za-z0-9.+~_-]{0,63}");

    private Release() {}

    static boolean isOne(String text) {
        return FORM.matcher(text).matches();
    }

    static String check(String text) throws BadKernelException {
        if (!isOne(text)) {
            throw new BadKernelException("what it gives as its version is none");
        }
        return text;
    }
}
