package dev.cay.engine.container;

import dev.cay.SandboxSpec;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.RecordingKernel;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import dev.cay.linux.SystemCall;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A container without walls, which needs no root: its commands are ordinary processes, its control group is their process
 * group, and nothing else of it is real.
 */
public final class Unconfined implements Kernel, AutoCloseable {
    private static final SandboxSpec SPEC = SandboxSpec.host().build();
    private static final String KILL = "/cgroup.kill";
    private static final Set<SystemCall> REAL = Set.of(
            SystemCall.SETSID, SystemCall.DUP3, SystemCall.CLOSE_RANGE, SystemCall.RT_SIGPROCMASK, SystemCall.EXECVE);

    private final RecordingKernel recorded = new RecordingKernel();
    private final HostKernel host = new HostKernel();
    private final Map<String, Integer> processGroups = new LinkedHashMap<>();
    private final Child first;
    private final Container container;

    /** Nobody answers, so it only stands for a first process that lives. */
    private final Stub stub;

    private final Fd otherEnd;
    private String group = "box";

    public Unconfined() throws SyscallException {
        Birth birth = new Birth(0, Optional.empty());
        first = spawn(
                OpList.of(
                        Processes.setsid(),
                        Processes.unblockSignals(),
                        Processes.execve("/bin/sleep", List.of("sleep", "1000"), List.of())),
                birth);
        List<Fd> connection = UnixSocket.pair();
        stub = new Stub(connection.getFirst());
        otherEnd = connection.getLast();
        CgroupParent parent = new CgroupParent(
                this,
                new Hierarchies(Path.of("/nowhere"), Map.of()),
                "engine",
                new Fakes().fd("unified"),
                Map.of(),
                false);
        Preparation preparation = new Preparation(
                "box",
                "box",
                IdRanges.hostIds(),
                new Accounts(new byte[0], new byte[0]),
                Cgroup.create(parent, "box", false, 0),
                first,
                stub,
                Optional.empty(),
                new Cleanup());
        container = new Container(
                this,
                this,
                this,
                preparation,
                Optional.empty(),
                new ExecutionList.Walls(SPEC, 0, Optional.empty()),
                new Accounts.Identity(0, 0, List.of(0), "/"));
    }

    public SandboxSpec spec() {
        return SPEC;
    }

    public Container container() {
        return container;
    }

    /** What the kernel does from now on when it is asked for memory. */
    public void runOutOfMemory() {
        byte[] events = "oom_kill 1\n".getBytes(StandardCharsets.US_ASCII);
        recorded.fill(SystemCall.READ, events).answer(SystemCall.READ, events.length);
    }

    @Override
    public synchronized Results run(OpList list) throws SyscallException {
        for (Op operation : list.operations()) {
            if (operation.call() == SystemCall.MKDIRAT) {
                group = operation.operands();
            } else if (operation.call() == SystemCall.WRITE
                    && operation.operands().endsWith(KILL)) {
                kill(operation.operands().substring(0, operation.operands().length() - KILL.length()));
            }
        }
        return recorded.run(list);
    }

    @Override
    public synchronized Child spawn(OpList list, Birth birth) throws SyscallException {
        OpList.Builder real = OpList.builder();
        list.operations().stream().filter(op -> REAL.contains(op.call())).forEach(real::add);
        Child child = host.spawn(real.build(), new Birth(0, Optional.empty()));
        processGroups.put(group, child.pid());
        return child;
    }

    private void kill(String name) {
        processGroups.forEach((member, pid) -> {
            if (member.equals(name) || member.startsWith(name + "/")) {
                kill(pid);
            }
        });
    }

    /** The Java way to a process group. */
    private static void kill(int processGroup) {
        try {
            new ProcessBuilder("/bin/sh", "-c", "kill -9 -" + processGroup)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start()
                    .waitFor();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Ends everything that is left. */
    @Override
    public synchronized void close() {
        kill("box");
        first.await();
        stub.close();
        otherEnd.close();
        host.close();
    }
}
