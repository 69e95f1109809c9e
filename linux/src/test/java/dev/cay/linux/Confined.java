package dev.cay.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.util.Optional;

/**
 * A program that makes children under difficult circumstances. With an argument it gives up the right to executable memory
 * before: its JVM has to have all of its code cache from the beginning then.
 */
final class Confined {
    /** {@code int prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT, 0, 0, 0)}, Linux 6.3 and 6.6. */
    private static final int PR_SET_MDWE = 65;

    private static final long REFUSE_EXEC_GAIN_NO_INHERIT = 3;

    private Confined() {}

    public static void main(String[] arguments) throws Throwable {
        if (arguments.length > 0) {
            System.out.println("prctl " + refuseExecutableMemory());
        }
        System.out.println("code " + Native.hasMachineCode());
        try (HostKernel kernel = new HostKernel()) {
            Op pid = Op.of(SystemCall.GETPID, "");
            System.out.println("run "
                    + (kernel.run(OpList.of(pid)).value(pid)
                            == ProcessHandle.current().pid()));
            System.out.print("spawn "
                    + Children.output(kernel, Children.PLAIN, "echo $PPID")
                            .replace(Long.toString(ProcessHandle.current().pid()), "ours"));
            Birth birth = new Birth(Namespaces.USER | Namespaces.PID, Optional.empty());
            System.out.print("first " + Children.output(kernel, birth, "echo $$"));
            try {
                kernel.spawn(Children.shell("", FileOps.chdir("/missing")), Children.PLAIN);
            } catch (SyscallException e) {
                System.out.println(e.getMessage());
            }
        }
        System.out.println("left " + ProcessHandle.current().children().count());
    }

    @SuppressWarnings("restricted")
    private static int refuseExecutableMemory() throws Throwable {
        Linker linker = Linker.nativeLinker();
        return (int) linker.downcallHandle(
                        linker.defaultLookup().find("prctl").orElseThrow(),
                        FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG))
                .invokeExact(PR_SET_MDWE, REFUSE_EXEC_GAIN_NO_INHERIT, 0L, 0L, 0L);
    }
}
