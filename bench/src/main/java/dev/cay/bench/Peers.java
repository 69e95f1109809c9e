package dev.cay.bench;

import dev.cay.SeccompPolicy;
import dev.cay.engine.seccomp.Seccomp;
import dev.cay.linux.Architecture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The small ones among the other programs: command lines without a state. */
final class Peers {
    private Peers() {}

    static Optional<Case> bwrap(Workbench bench, Report report) throws IOException {
        Path filter = bench.directory().resolve("standard.bpf");
        Optional<byte[]> program = Seccomp.compile(SeccompPolicy.standard(), Architecture.current(), Set.of());
        Files.write(filter, program.orElseThrow());
        List<String> options = new ArrayList<>(List.of(
                "--unshare-all",
                "--uid",
                "0",
                "--gid",
                "0",
                "--bind",
                bench.root().toString(),
                "/",
                "--proc",
                "/proc",
                "--dev",
                "/dev",
                "--tmpfs",
                "/tmp",
                "--cap-drop",
                "ALL",
                "--die-with-parent",
                "--new-session",
                "--seccomp",
                Integer.toString(Tools.FILE_DESCRIPTOR)));
        return tried(
                bench,
                report,
                "bwrap",
                options,
                Optional.of(filter),
                "a control group; masked paths; /sys; more than one id; an overlay for changes; Landlock");
    }

    static Optional<Case> unshare(Workbench bench, Report report) throws IOException {
        return tried(
                bench,
                report,
                "unshare",
                List.of(
                        "--user",
                        "--map-root-user",
                        "--mount",
                        "--pid",
                        "--ipc",
                        "--net",
                        "--uts",
                        "--cgroup",
                        "--fork",
                        "--root=" + bench.root(),
                        "--mount-proc=/proc"),
                Optional.empty(),
                "a control group; masked paths; /dev; /sys; more than one id; dropping capabilities; seccomp;"
                        + " an overlay for changes; Landlock");
    }

    /** Runs the command in the namespaces of a process. */
    static Optional<Case> nsenter(Workbench bench, Report report, long pid) throws IOException {
        return tried(
                bench,
                report,
                "nsenter",
                List.of("--target", Long.toString(pid), "--all"),
                Optional.empty(),
                "joining the control group; dropping capabilities; seccomp; Landlock");
    }

    private static Optional<Case> tried(
            Workbench bench, Report report, String name, List<String> options, Optional<Path> file, String leftOut)
            throws IOException {
        Optional<Path> program = Tools.find(name);
        if (program.isEmpty()) {
            report.missing(name);
            return Optional.empty();
        }
        List<String> arguments = new ArrayList<>(List.of(program.get().toString()));
        arguments.addAll(options);
        arguments.addAll(Workbench.COMMAND);
        Tools.Command command = new Tools.Command(arguments, Optional.empty(), file);
        Optional<String> failure = bench.tools().attempt(command);
        if (failure.isPresent()) {
            report.failed(name, failure.get());
            return Optional.empty();
        }
        report.leftOut(name, leftOut);
        return Optional.of(Case.program(name, () -> bench.tools().run(command)));
    }
}
