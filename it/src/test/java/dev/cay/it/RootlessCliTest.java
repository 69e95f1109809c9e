package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The command line in the hands of a second user of the machine, who has subordinate ids and no control groups. */
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RootlessCliTest extends RootlessLab {
    private static final String SCRIPT = """
            exec 2>&1
            cd "$HOME"
            say() { echo "-- $1"; }
            say run; cay run -- sh -c 'id -u; id -u nobody'
            say detached; cay run -d --name box -v "$HOME:/work" --label kind=test -- sh -c 'echo begun; exec sleep 1000' >/dev/null; echo $?
            say ps; cay ps -q --filter label=kind=test | grep -c .
            say exec; cay exec box -- sh -c 'echo in > /work/file; cat /work/file'; stat -c %U file
            say cp; cay cp file box:/tmp/copy && cay cp box:/tmp/copy back && cmp file back && echo same
            say logs; cay logs box
            say attach; (sleep 1; cay kill -s TERM box) & cay attach box; echo $?; wait
            say start; cay start box
            say inspect; cay inspect box | grep -o '"state":"[a-z]*"'
            say kill; cay kill --execution $(cay exec -d box -- sleep 1000) box
            say stop; cay stop -t 1s box
            say volume; cay volume create kept && cay run -v kept:/v -- sh -c 'echo on > /v/f' && cay run -v kept:/v -- cat /v/f
            cay volume rm kept
            say refused
            cay stats box; cay pause box; cay run --memory 64m -- true; cay volume create small --limit 10m
            say rm; cay rm box; cay ps -aq; cay sweep
            """;

    private Optional<Process> shell = Optional.empty();

    /** After a time-out its next commands would be what other tests find. */
    @AfterEach
    void endTheShell() throws IOException, InterruptedException {
        if (shell.isPresent() && shell.get().isAlive()) {
            shell.get().descendants().forEach(ProcessHandle::destroyForcibly);
            shell.get().destroyForcibly().waitFor();
            for (String process : processes()) {
                ProcessHandle.of(Long.parseLong(process.split("[/ ]")[2])).ifPresent(ProcessHandle::destroyForcibly);
            }
        }
    }

    private String shellFunction() {
        String modules = EngineModules.places("dev.cay.cli", "dev.cay.engine").stream()
                .map(path -> readable(path))
                .collect(Collectors.joining(":"));
        return "cay() { " + Path.of(System.getProperty("java.home"), "bin/java")
                + " -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -Xmx96m -p " + modules
                + " --add-modules dev.cay.engine --enable-native-access=dev.cay.linux -Ddev.cay.linux.library="
                + readable(OtherProcess.NATIVE_METHODS)
                + " -m dev.cay.cli/dev.cay.cli.Main \"$@\" </dev/null; }\n";
    }

    private String readable(Path path) {
        Path copy = place().resolve(Integer.toHexString(path.hashCode()) + "-" + path.getFileName());
        return OtherProcess.copied(path, copy).toString();
    }

    @Test
    void allOfItWorksOrSaysWhyNot() throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(asUser(true, Optional.empty(), ""));
        command.addAll(List.of("sh", "-c", shellFunction() + SCRIPT));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().putAll(environment());
        Process process = builder.start();
        shell = Optional.of(process);
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
        assertThat(said)
                .startsWith(
                        "-- run\n0\n65534\n-- detached\n0\n-- ps\n1\n-- exec\nin\ncaller\n-- cp\nsame\n-- logs\nbegun\n")
                .contains("-- attach\n")
                .contains("143\n-- start\nbox\n-- inspect\n\"state\":\"running\"\n-- kill\nbox\n")
                .contains("-- stop\nbox\n-- volume\nkept\non\nkept\n-- refused\n")
                .contains("what a sandbox uses is not known", "a sandbox cannot be paused", "memory cannot be limited")
                .contains("only the host's root can mount volumes that have a limit")
                .endsWith("-- rm\nbox\nnothing to clean up\n");
        assertThat(said.split("hint: ", -1)).as("each refusal says what to do").hasSize(5);
        try (var files = Files.walk(place().resolve("run"))) {
            assertThat(files.map(Path::toString)
                            .filter(path -> path.contains("/sandboxes/"))
                            .filter(path -> path.matches(".*/sandboxes/[0-9a-f]{12}.*")))
                    .isEmpty();
        }
    }
}
