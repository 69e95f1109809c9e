package dev.cay.cli;

import dev.cay.ImageInfo;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.Sandboxes;
import dev.cay.Volumes;
import java.util.List;

/** {@code cay completion}: scripts with which shells complete command lines of cay. */
final class CompletionCommand implements Command {
    private static final OptionSet OPTIONS = OptionSet.anywhere();

    @Override
    public String name() {
        return "completion";
    }

    @Override
    public String summary() {
        return "Print a script that completes command lines";
    }

    @Override
    public String synopsis() {
        return "bash|zsh|fish";
    }

    @Override
    public List<String> description() {
        return List.of(
                "Prints a script for that shell, which completes commands, options and the names of sandboxes, images and"
                        + " volumes.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("In ~/.bashrc", "source <(cay completion bash)"),
                new Example("In ~/.zshrc, behind compinit", "source <(cay completion zsh)"),
                new Example("Once, for fish", "cay completion fish > ~/.config/fish/completions/cay.fish"));
    }

    @Override
    public Offer offer() {
        return Offer.SHELLS;
    }

    @Override
    public int run(Arguments arguments, Context context) {
        String shell = Operands.one(arguments, "cay completion bash");
        String script = switch (shell) {
            case "bash" -> BashCompletion.script();
            case "zsh" -> ZshCompletion.script();
            case "fish" -> FishCompletion.script();
            // What the scripts ask for.
            case "sandboxes" -> sandboxes(context);
            case "volumes" -> volumes(context);
            case "images" -> images(context);
            default -> throw new UsageException("unknown shell '" + shell + "'", "write bash, zsh or fish");
        };
        context.streams().print(script);
        return ExitCode.SUCCESS;
    }

    /** Nobody wants to see errors while typing. */
    private static String sandboxes(Context context) {
        StringBuilder names = new StringBuilder();
        try (Sandboxes engine = context.engine().open()) {
            for (SandboxInfo info : engine.list()) {
                names.append(Problem.printable(info.name())).append('\n');
            }
        } catch (SandboxException e) {
            return "";
        }
        return names.toString();
    }

    private static String images(Context context) {
        StringBuilder names = new StringBuilder();
        try (Sandboxes engine = context.engine().open()) {
            for (ImageInfo image : engine.images().list()) {
                image.names().forEach(name -> names.append(name).append('\n'));
            }
        } catch (SandboxException e) {
            return "";
        }
        return names.toString();
    }

    private static String volumes(Context context) {
        StringBuilder names = new StringBuilder();
        try (Sandboxes engine = context.engine().open()) {
            for (Volumes.Info volume : engine.volumes().list()) {
                names.append(volume.name()).append('\n');
            }
        } catch (SandboxException e) {
            return "";
        }
        return names.toString();
    }
}
