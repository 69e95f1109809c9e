package dev.cay.engine.files;

import dev.cay.linux.Arg;
import dev.cay.linux.DirectoryOps;
import dev.cay.linux.Fd;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.OpenFile;
import dev.cay.linux.Results;
import java.util.List;

/**
 * Reads the names in an open directory page by page.
 *
 * @param directory opened for reading; it remembers how far it has been read
 */
record DirectoryPages(FileAccess access, Fd directory, String text) {
    private static final int PAGE = 32 * 1024;

    /** The next names; none at the end. A page that holds nothing but "." and ".." is passed over. */
    List<DirectoryOps.Entry> next() {
        while (true) {
            Arg.Buffer room = new Arg.Buffer(PAGE);
            Op read = DirectoryOps.entries(Arg.of(directory), room);
            Results results = access.io(OpList.of(read), text);
            int length = (int) results.value(read);
            List<DirectoryOps.Entry> entries = DirectoryOps.entries(results.bytes(room), length);
            if (!entries.isEmpty() || length == 0) {
                return entries;
            }
        }
    }

    void rewind() {
        access.io(OpenFile.rewind(Arg.of(directory)), text);
    }
}
