package dev.cay.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Our command line as a shell starts it: the script {@code ./cay}, and the Java command that it becomes. */
final class Product {
    private static final String MAIN = "dev.cay.cli/dev.cay.cli.Main";

    private final Path script;
    private final Launch launch;

    /**
     * What the script finds in {@code target/cay/launch}.
     *
     * @param java the JVM
     * @param jars the folder of the modules and the AOT cache
     * @param flags of the JVM
     */
    record Launch(String java, String jars, List<String> flags) {
        Launch {
            flags = List.copyOf(flags);
        }

        /**
         * Reads lines of the form {@code name='value'}; others are ignored.
         *
         * @throws IOException if one is missing
         */
        static Launch parse(String text) throws IOException {
            Map<String, String> values = new LinkedHashMap<>();
            for (String line : text.lines().toList()) {
                int equals = line.indexOf("='");
                if (equals > 0 && line.length() > equals + 2 && line.endsWith("'")) {
                    values.put(line.substring(0, equals), line.substring(equals + 2, line.length() - 1));
                }
            }
            return new Launch(
                    value(values, "java"),
                    value(values, "jars"),
                    List.of(value(values, "flags").strip().split("\\s+")));
        }

        private static String value(Map<String, String> values, String name) throws IOException {
            String value = values.getOrDefault(name, "");
            if (value.isEmpty()) {
                throw new IOException("target/cay/launch does not tell '" + name + "': ./dev build makes it anew");
            }
            return value;
        }

        /** The command line that the script executes in the end. */
        List<String> command(List<String> arguments) {
            List<String> command = new ArrayList<>(List.of(java, "-XX:AOTCache=" + jars + "/cay.aot"));
            command.addAll(flags);
            command.addAll(List.of("-Ddev.cay.linux.library=" + jars + "/native-methods.so", "-p", jars, "-m", MAIN));
            command.addAll(arguments);
            return command;
        }
    }

    private Product(Path script, Launch launch) {
        this.script = script;
        this.launch = launch;
    }

    /**
     * Runs it once, so that it is built if it was not or a source is newer. That may take a minute.
     *
     * @throws IOException if it does not work
     */
    static Product built() throws IOException {
        Path script = Path.of("cay").toAbsolutePath();
        Process process = new ProcessBuilder(script.toString(), "version")
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        process.getOutputStream().close();
        int code;
        try {
            code = process.waitFor();
        } catch (InterruptedException e) {
            process.destroyForcibly();
            throw new IOException("interrupted while ./cay was built", e);
        }
        if (code != 0) {
            throw new IOException("'./cay version' ended with exit code " + code);
        }
        return new Product(script, Launch.parse(Files.readString(Path.of("target/cay/launch"))));
    }

    /** What somebody types: {@code ./cay ARGUMENTS}. */
    Tools.Command command(String... arguments) {
        List<String> command = new ArrayList<>(List.of(script.toString()));
        command.addAll(List.of(arguments));
        return new Tools.Command(command, Optional.empty(), Optional.empty());
    }

    /** A JVM with our command line in it that touches no sandbox. */
    Tools.Command jvm() {
        return new Tools.Command(launch.command(List.of("version")), Optional.empty(), Optional.empty());
    }
}
