package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The engine's classes and ours as the JVM keeps them (class data sharing): a process that has them so takes half the time to begin, and
 * the tests that kill processes need hundreds. The JVM archives no classes of directories, so each is a jar here. All of it is where every
 * user may read it.
 *
 * @param modules of the engine
 * @param classes of the tests
 * @param nativeMethods the library
 * @param file the archive
 */
record ClassArchive(List<Path> modules, Path classes, Path nativeMethods, Path file) {
    private static final List<String> TRAINING =
            List.of("engine", "create-attached " + Lab.PREFIX + "training", "close-attached");

    private static ClassArchive made;

    /** Makes it when it is first asked for. */
    static synchronized ClassArchive get(Path classes) {
        if (made == null) {
            made = make(classes);
        }
        return made;
    }

    private static ClassArchive make(Path classes) {
        Path directory = Lab.directory();
        List<Path> modules = new ArrayList<>();
        for (Path place : EngineModules.places()) {
            modules.add(jar(place, directory.resolve("module-" + modules.size() + ".jar")));
        }
        ClassArchive archive = new ClassArchive(
                modules,
                jar(classes, directory.resolve("tests.jar")),
                OtherProcess.copied(OtherProcess.NATIVE_METHODS, directory.resolve("native-methods.so")),
                directory.resolve("classes.jsa"));
        archive.train();
        return archive;
    }

    private static Path jar(Path place, Path jar) {
        if (!Files.isDirectory(place)) {
            return OtherProcess.copied(place, jar);
        }
        String tool = Path.of(System.getProperty("java.home"), "bin/jar").toString();
        assertThat(Lab.onHost(tool, "--create", "--no-compress", "--file", jar.toString(), "-C", place.toString(), "."))
                .isEmpty();
        return jar;
    }

    /** The command of a process that has it. */
    List<String> java() {
        return java(List.of(
                "-Xlog:disable", "-Xlog:all=warning,cds*=off,aot*=off:stderr", "-XX:SharedArchiveFile=" + file));
    }

    /** With native methods, as the command line has them. */
    private List<String> java(List<String> options) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:-UsePerfData",
                "-Xmx96m"));
        command.addAll(options);
        command.addAll(List.of(
                "-p",
                modules.stream().map(Path::toString).collect(Collectors.joining(":")),
                "--add-modules",
                "dev.cay.engine",
                "--enable-native-access=dev.cay.linux",
                "--add-exports=dev.cay.engine/dev.cay.engine.microvm=ALL-UNNAMED",
                "-Ddev.cay.linux.library=" + nativeMethods,
                "-cp",
                classes.toString(),
                ChildOperator.class.getName()));
        return command;
    }

    private void train() {
        try {
            Process process = new ProcessBuilder(java(List.of("-Xlog:disable", "-XX:ArchiveClassesAtExit=" + file)))
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            process.getOutputStream().write((String.join("\n", TRAINING) + "\n").getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().close();
            String answers = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor()).isZero();
            assertThat(answers.lines()).hasSize(TRAINING.size()).allMatch(answer -> answer.startsWith("ok"));
            assertThat(file).exists();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
