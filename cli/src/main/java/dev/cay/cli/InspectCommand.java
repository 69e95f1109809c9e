package dev.cay.cli;

import dev.cay.BootStep;
import dev.cay.ExecutionInfo;
import dev.cay.ExecutionUsage;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.Sandboxes;
import dev.cay.Usage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code cay inspect}: all that is known of a sandbox. */
final class InspectCommand implements Command {
    private static final OptionSet OPTIONS = OptionSet.anywhere(Format.OPTION);

    @Override
    public String name() {
        return "inspect";
    }

    @Override
    public String summary() {
        return "Print all that is known of sandboxes, as JSON";
    }

    @Override
    public String synopsis() {
        return "[OPTIONS] NAME...";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Prints one JSON object for each sandbox: on a terminal laid out for reading, otherwise, and with"
                        + " --format json, on one line.",
                "Of a microVM, 'vmm' says what runs it and 'machine' whether it is emulated, how it began (boot, template,"
                        + " spare: by a VMM that had read the template before; or copy), who gives it the files of -v"
                        + " (virtiofsd, or relay: cay itself, which is slower), and how its guest does.",
                "Of the commands of a sandbox that ends with another process, those are shown that others run in it and"
                        + " its own; each with the processor time and the memory of all its processes, where control groups tell it. The"
                        + " exit code is 1 if some could not be found.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(new Example("The state of a sandbox", "cay inspect lab | jq -r .state"));
    }

    @Override
    public Offer offer() {
        return Offer.SANDBOXES;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        boolean indented = !arguments.has(Format.OPTION) && context.printsToTerminal();
        Format format = Format.of(arguments);
        List<String> names = Operands.some(arguments, "cay inspect NAME");
        int code = ExitCode.SUCCESS;
        try (Sandboxes engine = context.engine().open()) {
            for (String name : names) {
                try {
                    String json = json(engine, name);
                    context.streams().print((indented ? JsonLayout.indent(json) : json) + "\n");
                } catch (SandboxException e) {
                    code = ExitCode.PARTIAL;
                    EachName.sayFailure(name, e, format, context.streams());
                }
            }
        }
        return code;
    }

    private static String json(Sandboxes engine, String name) {
        SandboxInfo info;
        List<ExecutionInfo> executions;
        Map<Integer, ExecutionUsage> usages;
        Optional<Usage> usage;
        List<BootStep> boot;
        try (Sandbox sandbox = engine.open(name)) {
            info = sandbox.info();
            executions = sandbox.executions();
            usages = usages(sandbox);
            usage = usage(sandbox);
            boot = sandbox.boot();
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            Json json = new Json(out).begin();
            InfoJson.writeTo(json, info);
            InfoJson.writeSpec(json, info.spec());
            InfoJson.writeExecutions(json, executions, usages);
            InfoJson.writeBoot(json, boot);
            if (usage.isPresent()) {
                InfoJson.writeUsage(json, usage.get());
            }
            json.end();
        } catch (IOException e) {
            throw new UncheckedIOException("memory cannot be written to", e);
        }
        return out.toString(StandardCharsets.UTF_8);
    }

    /** What its commands have used; of one that has ended meanwhile nothing is known any more. */
    private static Map<Integer, ExecutionUsage> usages(Sandbox sandbox) {
        try {
            return sandbox.usages();
        } catch (SandboxException.NotFound | SandboxException.Closed e) {
            return Map.of();
        }
    }

    /** One that has ended uses nothing, and nobody may keep accounts. */
    static Optional<Usage> usage(Sandbox sandbox) {
        try {
            return Optional.of(sandbox.usage());
        } catch (SandboxException.Closed | SandboxException.Unsupported e) {
            return Optional.empty();
        }
    }
}
