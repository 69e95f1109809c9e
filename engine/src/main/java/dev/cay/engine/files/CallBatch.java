package dev.cay.engine.files;

import dev.cay.SandboxException.FileFailed;
import dev.cay.linux.Errno;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Results;
import dev.cay.linux.SyscallException;
import java.util.ArrayList;
import java.util.List;

/** Calls about many files, gathered to be run inside in one list. Not thread-safe. */
final class CallBatch {
    private static final int MAXIMUM_FILES = 64;
    private static final int MAXIMUM_BYTES = 256 * 1024;

    private final FileAccess access;
    private final List<Subject> subjects = new ArrayList<>();
    private final List<Write> writes = new ArrayList<>();
    private OpList.Builder list = OpList.builder();
    private int size;
    private int bytes;

    CallBatch(FileAccess access) {
        this.access = access;
    }

    /** What the calls from here on are about. */
    private record Subject(int first, String text) {}

    private record Write(Op op, int length, String text) {}

    void begin(String text) {
        subjects.add(new Subject(size, text));
    }

    Op add(Op operation) {
        size++;
        return list.add(operation);
    }

    /** Adds a write(2), which must not be cut short. */
    void addWrite(Op write, int length) {
        add(write);
        bytes += length;
        writes.add(new Write(write, length, subjects.getLast().text()));
    }

    boolean isFull() {
        return subjects.size() >= MAXIMUM_FILES || bytes >= MAXIMUM_BYTES;
    }

    Results run() {
        OpList built = list.build();
        List<Subject> about = List.copyOf(subjects);
        List<Write> written = List.copyOf(writes);
        clear();
        Results results;
        try {
            results = access.inside().run(built);
        } catch (SyscallException e) {
            throw failed(about, e);
        }
        for (Write write : written) {
            if (results.value(write.op()) < write.length()) {
                throw Failures.of(write.text(), Errno.ENOSPC); // whatever it is, the file is not complete
            }
        }
        return results;
    }

    private static FileFailed failed(List<Subject> subjects, SyscallException cause) {
        String text = "";
        for (Subject subject : subjects) {
            text = subject.first() <= cause.step() ? subject.text() : text;
        }
        return Failures.of(text, cause);
    }

    /** Forgets what has not been run. */
    void clear() {
        list = OpList.builder();
        subjects.clear();
        writes.clear();
        size = 0;
        bytes = 0;
    }
}
