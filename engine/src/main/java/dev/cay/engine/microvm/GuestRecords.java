package dev.cay.engine.microvm;

import dev.cay.Size;
import dev.cay.engine.state.ExecutionRecord;
import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Mount;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.util.Arrays;

/**
 * Where the first process of a guest that outlives its maker writes what becomes of executions: files in a file system in memory that is
 * mounted nowhere, so that nobody else in the guest can reach them. Their names are the numbers of the executions.
 */
final class GuestRecords {
    /** The first process has it open under this number, as long as it lives. */
    private static final int DESCRIPTOR = 1000;

    static final Arg DIRECTORY = Arg.of(DESCRIPTOR);

    /** Of the guest's memory. When it is full, output is kept no more; the ends of commands are. */
    private static final int SHARE = 8;

    private GuestRecords() {}

    /** Makes the place. */
    static GuestStep make(Size memory) {
        Op context = Mount.fsopen("tmpfs");
        Op mount = Mount.fsmount(context, Mount.ATTR_NOSUID | Mount.ATTR_NOEXEC);
        return new GuestStep.Calls(
                "records",
                true,
                OpList.of(
                        context,
                        Mount.set(context, "mode", "0700"),
                        Mount.set(context, "size", Long.toString(memory.bytes() / SHARE)),
                        Mount.create(context),
                        mount,
                        FileOps.copyTo(Arg.of(mount), DESCRIPTOR),
                        FileOps.close(mount),
                        FileOps.close(context)));
    }

    /** Makes the record of an execution, in place of one that had its number before; its first page is there from now on. */
    static void create(Kernel guest, int number) throws SyscallException {
        Op file = FileOps.openAt(
                DIRECTORY, Integer.toString(number), FileOps.O_RDWR | FileOps.O_CREAT | FileOps.O_EXCL, 0600);
        guest.run(OpList.of(
                remove(number),
                file,
                FileOps.write(Arg.of(file), "record", ExecutionRecord.blank()),
                FileOps.close(file)));
    }

    static Op open(int number) {
        return FileOps.openAt(DIRECTORY, Integer.toString(number), FileOps.O_RDWR, 0);
    }

    static Op remove(int number) {
        return FileOps.unlink(DIRECTORY, Integer.toString(number), 0).tolerating(Errno.ENOENT);
    }

    /** Reads of a record what is there, up to so many bytes; nothing if there is no record. */
    static byte[] read(Kernel guest, int number, long at, int length) throws SyscallException {
        Op file = open(number);
        Arg.Buffer buffer = new Arg.Buffer(length);
        Op read = FileOps.readAt(Arg.of(file), buffer, at);
        try {
            Results results = guest.run(OpList.of(file, read, FileOps.close(file)));
            return Arrays.copyOf(results.bytes(buffer), (int) results.value(read));
        } catch (SyscallException e) {
            if (e.is(Errno.ENOENT)) {
                return new byte[0];
            }
            throw e;
        }
    }
}
