package dev.cay.engine.container;

import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.RecordingKernel;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.nio.file.Path;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What containers are made of, without a kernel behind it, and lists of system calls as text. */
final class Fakes {
    static final int DESCRIPTORS_OF_A_PREPARATION = 3;

    private final RecordingKernel kernel = new RecordingKernel();
    private final Map<Fd, String> names = new IdentityHashMap<>();

    RecordingKernel kernel() {
        return kernel;
    }

    /** A descriptor that {@link #text} calls by this name. */
    synchronized Fd fd(String name) {
        Op open = FileOps.open(name, FileOps.O_PATH);
        try {
            Fd fd = kernel.run(OpList.of(open)).fd(open);
            names.put(fd, name);
            return fd;
        } catch (SyscallException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A child whose descriptor {@link #text} calls by this name. */
    Child child(String name) {
        Birth birth = new Birth(0, Optional.empty());
        try {
            Child child = kernel.spawn(OpList.of(Processes.exit(0)), birth);
            names.put(child.pidfd(), name);
            return child;
        } catch (SyscallException e) {
            throw new IllegalStateException(e);
        }
    }

    Rootfs rootfs(String... parts) {
        return new Rootfs(
                fd("root"),
                List.of(parts).stream()
                        .map(path -> new Rootfs.Part(path, fd(path)))
                        .toList(),
                fd("devices"),
                fd("terminals"),
                fd("shared memory"),
                List.of(fd("scaffolding")));
    }

    /** One that holds a range, a first process and the connection to it. */
    Preparation preparation(IdRanges.Range range) {
        Cgroup cgroup = Cgroup.open(
                new CgroupParent(
                        kernel,
                        new Hierarchies(Path.of("/nowhere"), Map.of()),
                        "engine",
                        fd("unified"),
                        Map.of(),
                        false),
                "box",
                false,
                0);
        Cleanup cleanup = new Cleanup();
        cleanup.push(range);
        Child first = cleanup.push(child("first"));
        Stub stub = cleanup.push(new Stub(fd("connection")));
        return new Preparation(
                "box",
                "box",
                range,
                new Accounts(new byte[0], new byte[0]),
                cgroup,
                first,
                stub,
                java.util.Optional.empty(),
                cleanup);
    }

    /** One line for each operation: the call, what it works on, and whose descriptors it gets. */
    List<String> text(OpList list) {
        return list.operations().stream().map(this::text).toList();
    }

    private String text(Op operation) {
        StringBuilder line = new StringBuilder(operation.toString());
        for (Arg argument : operation.arguments()) {
            if (argument instanceof Arg.Descriptor(Fd fd)) {
                line.append(" <").append(names.getOrDefault(fd, "?")).append('>');
            }
        }
        return line.toString();
    }
}
