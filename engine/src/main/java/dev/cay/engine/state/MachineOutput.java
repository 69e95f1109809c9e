package dev.cay.engine.state;

import dev.cay.OutputKind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What is written beside the record of a microVM that outlives its maker: what its machine says, and whoever gives it files of this one.
 *
 * @param directory of the sandbox
 */
public record MachineOutput(Path directory) {
    private static final String CONSOLE = "console";
    private static final String FILES = "files";
    private static final int SIZE = 64 * 1024;

    /** After its reason the kernel may say something. */
    private static final int LAST_LINES = 8;

    /** Where what a machine says is to be kept. */
    public ExecutionRecord makeConsole() throws IOException {
        return make(CONSOLE);
    }

    /** The last that a guest's console, and then its VMM, have said; control characters are left out. */
    public String console() throws IOException {
        return text(CONSOLE);
    }

    /** Where what is said by whoever gives it files is to be kept. */
    public ExecutionRecord makeFiles() throws IOException {
        return make(FILES);
    }

    /** The last that has been said there; control characters are left out. */
    public String files() throws IOException {
        return text(FILES);
    }

    /** Where the first process of the container listens that gives it files. */
    public Path filesSocket() {
        return directory.resolve(FILES + "-socket");
    }

    /** Where that says why it ends. */
    public Path filesMessages() {
        return directory.resolve(FILES + "-messages");
    }

    /** Why the machine ended: a guest's first process says it on the console. */
    Death lastWords() throws IOException {
        String[] lines = console().split("\n");
        for (int i = lines.length - 1; i >= Math.max(0, lines.length - LAST_LINES); i--) {
            Optional<Death> said = Death.said(lines[i]);
            if (said.isPresent()) {
                return said.get();
            }
        }
        return Death.MACHINE_ENDED;
    }

    private ExecutionRecord make(String name) throws IOException {
        Path file = directory.resolve(name);
        ExecutionRecord.create(file, ExecutionRecord.ringFor(SIZE));
        return new ExecutionRecord(file);
    }

    private String text(String name) throws IOException {
        ExecutionRecord record = new ExecutionRecord(directory.resolve(name));
        StringBuilder text = new StringBuilder();
        for (OutputKind kind : OutputKind.values()) {
            byte[] bytes = record.log(kind, 0, SIZE).bytes();
            for (char c : new String(bytes, StandardCharsets.UTF_8).toCharArray()) {
                if (c == '\n' || c == '\t' || !Character.isISOControl(c)) {
                    text.append(c);
                }
            }
        }
        return text.toString();
    }
}
