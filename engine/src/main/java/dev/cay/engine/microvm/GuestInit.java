package dev.cay.engine.microvm;

import dev.cay.Furnishing;
import dev.cay.guest.GuestProgram;
import dev.cay.linux.Architecture;
import dev.cay.linux.Arg;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HandOver;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.Results;
import dev.cay.linux.Stub;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Makes the init of an image the first process of its guest. */
final class GuestInit {
    /** Where images have it. */
    private static final List<String> USUAL = List.of("/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd");

    private static final String PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    private GuestInit() {}

    /**
     * Hands over.
     *
     * @param socket the host's end of the channel
     * @param stub that is the first process; of no use any more
     * @return that which is its child
     */
    static Stub start(HostKernel host, Fd socket, Stub stub, Furnishing.Init init, long deadline) throws IOException {
        String program = program(stub, init.command().getFirst());
        Op copy = FileOps.copy(Arg.of(socket), "channel");
        Fd channel = host.run(OpList.of(copy)).fd(copy);
        byte[] image = GuestProgram.of(Architecture.current().text());
        try {
            // The session before is not ended: that would end the channel, which is the machine's.
            return HandOver.to(stub, channel, image, list(program, init), deadline);
        } catch (SyscallException e) {
            throw new IOException("the guest's init " + program + ": " + e.getMessage(), e);
        }
    }

    private static String program(Stub stub, String wanted) throws IOException {
        List<String> candidates = wanted.equals(Furnishing.Init.AUTO) ? USUAL : List.of(wanted);
        OpList.Builder list = OpList.builder();
        List<Op> opens = new ArrayList<>();
        for (String path : candidates) {
            Op open = list.add(FileOps.openResolved(path, FileOps.O_PATH, FileOps.RESOLVE_NO_MAGICLINKS)
                    .tolerating(Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP));
            opens.add(open);
            list.add(FileOps.close(open).tolerating(Errno.EBADF));
        }
        Results results = stub.run(list.build());
        for (int i = 0; i < opens.size(); i++) {
            if (!results.failed(opens.get(i))) {
                return candidates.get(i);
            }
        }
        throw new IOException("the image has no " + String.join(", ", candidates));
    }

    /** What it writes goes to the console. */
    private static OpList list(String program, Furnishing.Init init) {
        List<String> arguments = new ArrayList<>(init.command());
        arguments.set(0, program);
        Map<String, String> environment = new LinkedHashMap<>();
        environment.put("PATH", PATH);
        environment.put("HOME", "/");
        environment.put("TERM", "linux");
        environment.putAll(init.environment());
        List<String> variables = new ArrayList<>();
        environment.forEach((name, value) -> variables.add(name + "=" + value));
        return OpList.of(
                FileOps.keepOpen(Arg.of(0)),
                FileOps.duplicate(Arg.of(2), 1),
                FileOps.keepOpen(Arg.of(2)),
                FileOps.umask(022),
                FileOps.chdir(init.workingDirectory().orElse("/")),
                Processes.unblockSignals(),
                Processes.execve(program, arguments, variables));
    }
}
