package dev.cay.engine.files;

import dev.cay.engine.archive.ByteString;
import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OpenFile;
import dev.cay.linux.Results;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The extended attributes of files that are packed. */
final class ExtendedAttributes {
    /** XATTR_LIST_MAX and XATTR_SIZE_MAX. */
    private static final int MAXIMUM = 64 * 1024;

    /** Of one file, together. */
    private static final int MAXIMUM_TOTAL = 512 * 1024;

    private ExtendedAttributes() {}

    static Op list(Arg fd, String text, Arg.Buffer names) {
        return OpenFile.attributes(fd, text, names)
                .tolerating(Errno.EOPNOTSUPP, Errno.ERANGE, Errno.EBADF, Errno.E2BIG);
    }

    /** Whether a list of names, or that it did not fit, calls for a closer look. */
    static boolean isOfInterest(long length, byte[] names) {
        return length == -Errno.ERANGE.number()
                || length > 0 && !kept(names, (int) length).isEmpty();
    }

    private static List<String> kept(byte[] names, int length) {
        List<String> kept = new ArrayList<>();
        for (int start = 0, end; start < length; start = end + 1) {
            end = start;
            while (end < length && names[end] != 0) {
                end++;
            }
            // One that is not text cannot be written into a pax record.
            ByteString.of(names, start, end).text().filter(Attributes::isKept).ifPresent(kept::add);
        }
        return kept;
    }

    /** The attributes of an open file that are packed. */
    static Map<String, ByteString> of(FileAccess access, Fd file, String text) {
        Arg.Buffer room = new Arg.Buffer(MAXIMUM);
        Op list = list(Arg.of(file), text, room);
        Results results = access.inside(OpList.of(list), text);
        Map<String, ByteString> attributes = new HashMap<>();
        int total = 0;
        for (String name : kept(results.bytes(room), (int) Math.max(0, results.value(list)))) {
            Arg.Buffer content = new Arg.Buffer(MAXIMUM);
            Op get = FileOps.getAttribute(Arg.of(file), name, content)
                    .tolerating(Errno.ENODATA, Errno.ERANGE, Errno.EOPNOTSUPP, Errno.EPERM);
            Results got = access.inside(OpList.of(get), text);
            if (!got.failed(get)) {
                ByteString attribute = ByteString.of(got.bytes(content), 0, (int) got.value(get));
                total += name.getBytes(StandardCharsets.UTF_8).length + attribute.length();
                if (total > MAXIMUM_TOTAL) {
                    throw Failures.of(text, Errno.E2BIG, "a file has too many extended attributes");
                }
                attributes.put(name, attribute);
            }
        }
        return attributes;
    }
}
