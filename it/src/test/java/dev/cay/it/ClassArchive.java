package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The engine's classes and ours as the JVM keeps them (an AOT cache): a process that has them so takes a third of the time to begin, and
 * the tests that kill processes need hundreds. The JVM keeps no classes of directories, so each is a jar here. All of it is where every
 * user may read it.
 *
 * @param modules of the engine
 * @param classes of the tests
 * @param nativeMethods the library
 * @param file the cache
 */
record ClassArchive(List<Path> modules, Path classes, Path nativeMethods, Path file) {
    private static final List<String> TRAINING =
            List.of("engine", "create-attached " + Lab.PREFIX + "training", "close-attached");

    /** The option of the JVM that does the same is one that no cache can be used with. */
    private static final String MANIFEST = """
            Main-Class: %s
            Add-Exports: dev.cay.engine/dev.cay.engine.microvm
            """.formatted(ChildOperator.class.getName());

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
            Path jar = directory.resolve("module-" + modules.size() + ".jar");
            modules.add(Files.isDirectory(place) ? jar(place, jar, List.of()) : OtherProcess.copied(place, jar));
        }
        try {
            Path manifest = Files.writeString(directory.resolve("manifest"), MANIFEST);
            ClassArchive archive = new ClassArchive(
                    modules,
                    jar(classes, directory.resolve("tests.jar"), List.of("--manifest", manifest.toString())),
                    OtherProcess.copied(OtherProcess.NATIVE_METHODS, directory.resolve("native-methods.so")),
                    directory.resolve("classes.aot"));
            archive.train();
            return archive;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Path jar(Path place, Path jar, List<String> more) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin/jar").toString(),
                "--create",
                "--no-compress",
                "--file",
                jar.toString()));
        command.addAll(more);
        command.addAll(List.of("-C", place.toString(), "."));
        assertThat(Lab.onHost(command.toArray(String[]::new))).isEmpty();
        return jar;
    }

    /** The command of a process that has it. */
    List<String> java() {
        return java(List.of("-Xlog:disable", "-Xlog:all=warning,cds*=off,aot*=off:stderr", "-XX:AOTCache=" + file));
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
                "-Ddev.cay.linux.library=" + nativeMethods,
                "-jar",
                classes.toString()));
        return command;
    }

    private void train() {
        try {
            Process process = new ProcessBuilder(java(List.of("-Xlog:disable", "-XX:AOTCacheOutput=" + file)))
                    .redirectErrorStream(true)
                    .start();
            process.getOutputStream().write((String.join("\n", TRAINING) + "\n").getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().close();
            String answers = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor()).as(answers).isZero();
            assertThat(answers.lines().filter(answer -> answer.startsWith("ok")))
                    .as(answers)
                    .hasSize(TRAINING.size());
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
