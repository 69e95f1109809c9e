package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole processes that are worse off than the one that runs the other tests. */
class CircumstancesTest {
    @TempDir
    private Path directory;

    /** The kernel refuses it, really: children are made by a process of their own. */
    @Test
    void listsRunAndChildrenAreBornWithoutExecutableMemory() {
        List<String> command = Tools.java(
                Confined.class,
                "-XX:-SegmentedCodeCache",
                "-XX:InitialCodeCacheSize=16m",
                "-XX:ReservedCodeCacheSize=16m");
        command.add("refuse");

        String output = Tools.run(directory, command.toArray(String[]::new));

        assertThat(output.lines())
                .containsExactly(
                        "prctl 0",
                        "code false",
                        "run true",
                        "spawn ours",
                        "first 1",
                        "chdir(/missing): ENOENT (step 0)",
                        "left 0");
    }

    @Test
    void withALibraryOfNativeMethodsNothingIsWrittenAtRunTime() throws IOException {
        Path library = Files.write(
                directory.resolve("methods.so"),
                Native.resource("native-methods-" + Native.ARCHITECTURE.text() + ".so"));
        Path loaded = directory.resolve("loaded");
        List<String> command = Tools.java(
                Confined.class, "-D" + NativeMethods.LIBRARY + "=" + library, "-Xlog:class+load:file=" + loaded);

        String output = Tools.run(directory, command.toArray(String[]::new));

        assertThat(output.lines())
                .containsExactly(
                        "code true", "run true", "spawn ours", "first 1", "chdir(/missing): ENOENT (step 0)", "left 0");
        assertThat(loaded)
                .content()
                .contains(NativeMethods.class.getName())
                .doesNotContain(Downcalls.class.getName())
                .doesNotContain("java.lang.foreign.Linker");
    }

    @Test
    void aLibraryThatIsNamedHasToBeThere() {
        List<String> command = Tools.java(Confined.class, "-D" + NativeMethods.LIBRARY + "=" + directory + "/none.so");

        Tools.Outcome outcome = Tools.outcome(directory, command.toArray(String[]::new));

        assertThat(outcome.exit()).isEqualTo(1);
        assertThat(outcome.errors()).contains("UnsatisfiedLinkError", "none.so");
    }

    /** As a careless parent may have left it; no shell can, so we do. */
    @Test
    void childrenCanBeAwaitedThoughTheirSignalWasIgnored() throws IOException {
        String output;
        try (HostKernel kernel = new HostKernel()) {
            output = Children.output(
                    kernel, Children.PLAIN, Children.program(Tools.java(Confined.class)), ignoreChildren());
        }

        assertThat(output.lines())
                .containsExactly(
                        "code true", "run true", "spawn ours", "first 1", "chdir(/missing): ENOENT (step 0)", "left 0");
    }

    private static Op ignoreChildren() {
        int children = 17;
        ByteBuffer action = Arg.struct(Processes.SIGACTION_SIZE).putLong(0, Processes.SIG_IGN);
        return Op.of(
                SystemCall.RT_SIGACTION, "", Arg.of(children), new Arg.Bytes(action.array()), Arg.of(0), Arg.of(8));
    }
}
