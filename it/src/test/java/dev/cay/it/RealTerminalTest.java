package dev.cay.it;

import dev.cay.ExecSpec;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.TerminalSize;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The command line at a real terminal, as a person uses it. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 300, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RealTerminalTest {
    private static final String NAME = "cay-it-terminal";

    @TempDir
    private Path directory;

    private Tmux terminal;

    @BeforeEach
    void open() {
        terminal = new Tmux(directory);
        terminal.run("stty -g > " + directory + "/before");
    }

    @AfterEach
    void close() {
        terminal.close();
    }

    /** A shell with job control, in which {@code cay} was left. */
    private enum Way {
        RUN("cay run -it --name " + NAME + " -- busybox ash"),
        EXEC("cay exec -it " + NAME + " -- busybox ash"),
        ATTACH("cay attach " + NAME);

        private final String line;

        Way(String line) {
            this.line = line;
        }
    }

    private void enter(Way way, Sandboxes engine) {
        if (way != Way.RUN) {
            Sandbox sandbox = engine.create(SandboxSpec.host()
                    .name(NAME)
                    .detached()
                    .command(ExecSpec.builder("busybox", "ash")
                            .environment("PS1", "inner> ")
                            .terminal(TerminalSize.STANDARD)
                            .build())
                    .build());
            sandbox.start().detach();
        }
        terminal.line(way.line);
        String prompt = way == Way.ATTACH ? "inner>" : "#";
        terminal.await("a prompt inside", screen -> screen.stripTrailing().endsWith(prompt));
        terminal.run("PS1='inner> '");
    }

    private void remove(Way way, Sandboxes engine) {
        if (way != Way.RUN) {
            engine.open(NAME).remove();
        }
    }

    /** The shell that cay was started from answers, and finds its terminal as it left it. */
    private void checkRestored() {
        terminal.await("the outer prompt", screen -> screen.stripTrailing().endsWith("outer>"));
        terminal.clear();
        terminal.run("stty -g | cmp - " + directory + "/before && echo restored")
                .see("restored");
    }

    private static long blank(String screen) {
        return screen.lines().filter("~"::equals).count();
    }

    @ParameterizedTest
    @EnumSource
    void anEditorKeysAndJobs(Way way, Sandboxes engine) {
        enter(way, engine);
        terminal.run("stty size").see("24 80");
        terminal.line("busybox vi /tmp/file");
        terminal.await("an empty screen of vi", screen -> blank(screen) > 20);
        // What is typed while vi draws its screen anew is lost.
        terminal.type("ihello from vi");
        terminal.await(
                "the insertion", screen -> screen.startsWith("hello from vi") && screen.contains("\nI /tmp/file"));
        terminal.press("Escape").await("its end", screen -> screen.contains("\n- /tmp/file"));
        terminal.resize(100, 30);
        terminal.await("vi at the new size", screen -> blank(screen) > 25 && screen.startsWith("hello from vi"));
        terminal.line(":wq");
        terminal.await("the shell", screen -> screen.stripTrailing().endsWith("inner>"));
        terminal.clear();
        terminal.run("cat /tmp/file").see("hello from vi");
        terminal.run("until stty size | grep '30 100'; do sleep 0.1; done").see("30 100");
        // What is pressed before a job is in front is for the shell, so each says when it is.
        terminal.line("sh -c 'echo sle\"\"eps; exec sleep 1000'").see("sleeps").press("C-c");
        terminal.run("echo code $?").see("code 130");
        terminal.line("sh -c 'trap \"echo goes on\" CONT; echo be\"\"gins; while :; do sleep 0.1; done'")
                .see("begins")
                .press("C-z")
                .await("a stopped job", screen -> screen.contains("Stopped"));
        terminal.line("fg").see("goes on").press("C-c");
        terminal.run("echo again $?").see("again 130");
        terminal.line("exit 7");
        checkRestored();
        remove(way, engine);
    }

    /** The two keys that leave leave the command as it is, and whoever comes back goes on with it; all others are the command's. */
    @ParameterizedTest
    @EnumSource(names = {"EXEC", "ATTACH"})
    void leftAndTakenUpAgain(Way way, Sandboxes engine) {
        enter(way, engine);
        terminal.run("x=kept");
        terminal.line("sh -c 'echo rea\"\"dy; exec sleep 1000'").see("ready").press("C-\\");
        terminal.run("echo code $?").see("code 131");
        terminal.run("echo once");
        terminal.clear();
        terminal.press("C-p", "Enter").see("once"); // the line before, in the shell's editor
        terminal.press("C-p", "C-q");
        checkRestored();

        int number = engine.open(NAME).executions().getLast().id();
        terminal.line("cay attach --execution " + number + " " + NAME);
        terminal.await("the shell", screen -> screen.stripTrailing().endsWith("inner>"));
        terminal.run("echo is $x").see("is kept");
        terminal.line("exit 7");
        checkRestored();
        remove(way, engine);
    }

    /** How cay comes to its end while the terminal is raw, other than by its command. */
    private enum End {
        TERMINATED,
        INTERRUPTED,
        HUNG_UP,
        REMOVED,
        UNSTARTED
    }

    @ParameterizedTest
    @EnumSource
    void howeverItEndsTheTerminalIsRestored(End end, Sandboxes engine) {
        for (Way way : List.of(Way.RUN, Way.EXEC)) {
            enter(way, engine);
            if (end == End.UNSTARTED) {
                terminal.line("exit 7");
                checkRestored();
                terminal.run((way == Way.RUN ? "cay run -it" : "cay exec -it " + NAME)
                                + " -- no-such-program; echo code $?")
                        .see("code 127");
            } else if (end == End.REMOVED) {
                engine.open(NAME).remove();
            } else {
                Lab.onHost("kill", "-" + signal(end), Long.toString(client()));
            }
            checkRestored();
            if (end != End.REMOVED) {
                remove(way, engine);
            }
        }
    }

    private static String signal(End end) {
        return switch (end) {
            case TERMINATED -> "TERM";
            case INTERRUPTED -> "INT";
            case HUNG_UP -> "HUP";
            case REMOVED, UNSTARTED -> throw new IllegalArgumentException(end + " is no signal");
        };
    }

    /** The process that runs cay in the terminal. */
    private long client() {
        return ProcessHandle.allProcesses()
                .filter(process -> process.info().commandLine().orElse("").contains("dev.cay.cli.Main"))
                .filter(process -> process.info().commandLine().orElse("").contains(NAME))
                .mapToLong(ProcessHandle::pid)
                .max()
                .orElseThrow();
    }
}
