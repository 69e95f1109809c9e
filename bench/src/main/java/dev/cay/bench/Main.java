package dev.cay.bench;

import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** {@code ./dev bench NAME}. Exits with 0 though a goal be missed, 1 if something did not work, 2 if asked for nonsense. */
public final class Main {
    private static final Path RESULTS = Path.of("target", "bench");

    private Main() {}

    /** A benchmark. */
    private interface Bench {
        Report run(Options options) throws IOException;
    }

    public static void main(String[] arguments) {
        System.exit(run(List.of(arguments)));
    }

    private static int run(List<String> arguments) {
        try {
            Options options = Options.parse(arguments);
            return run(bench(options), options);
        } catch (IllegalArgumentException e) {
            System.err.println("bench: " + e.getMessage());
            System.err.println(Options.USAGE);
            return 2;
        } catch (IOException | SandboxException e) {
            System.err.println("bench: " + e.getMessage());
            return 1;
        }
    }

    private static Bench bench(Options options) {
        return switch (options.bench()) {
            case "start" -> StartBench::run;
            case "exec" -> ExecBench::run;
            case "io" -> IoBench::run;
            case "phases" -> PhasesBench::run;
            case "scale" -> ScaleBench::run;
            case "cli" -> CliBench::run;
            case "files" -> FilesBench::run;
            case "image" -> ImageBench::run;
            case "dns" -> ResolverBench::run;
            case "net" -> NetBench::run;
            case "vm" -> VmBench::run;
            default -> throw new IllegalArgumentException("there is no benchmark '" + options.bench() + "'");
        };
    }

    private static int run(Bench bench, Options options) throws IOException {
        double before = Machine.load();
        Report report = bench.run(options);
        double after = Machine.load();
        report.figure("cores", Machine.cores());
        report.figure("load_before", before);
        report.figure("load_after", after);
        report.note(Machine.cores() + " cores; load average " + Numbers.text(before) + " before, " + Numbers.text(after)
                + " after.");
        report.print(System.out);
        System.out.println(report.write(RESULTS));
        return report.hasFailed() ? 1 : 0;
    }
}
