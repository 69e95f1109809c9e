package dev.cay.engine.microvm;

import dev.cay.ExecSpec;
import dev.cay.Mount;
import dev.cay.engine.container.GuestUser;
import java.io.File;
import java.io.IOException;
import java.lang.module.Configuration;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ResolvedModule;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The program that relays files to a microVM that outlives its maker: this Java with the engine's modules, or jars, as a container with the host's
 * programs can run it.
 *
 * @param mounts what it needs there
 * @param line its command
 */
record RelayProgram(List<Mount.Bind> mounts, ExecSpec line) {
    private static final String MODULE = "dev.cay.engine";
    private static final String LIBRARY = "dev.cay.linux.library";

    /** What such a container has anyway. */
    private static final Path PROGRAMS = Path.of("/usr");

    private static final String JAVA = "/tmp/java";
    private static final String MODULES = "/tmp/modules";
    private static final String NATIVE_METHODS = "/tmp/library";

    /**
     * It mostly waits, as that for names does (NetdStarter), and is spared the same. Its heap may grow, as its guest may know a quarter of a
     * million files; when that is not enough, it ends, and its machine with it. The young part of it is large enough for all requests that can
     * be on their way: what was moved to the old one made that grow to 140 MB, which are 9 now.
     */
    private static final List<String> FLAGS = List.of(
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-Xms6m",
            "-Xmn4m",
            "-XX:SurvivorRatio=2",
            "-Xmx128m",
            "-Xss256k",
            "-Xshare:off",
            "-XX:CompileThresholdScaling=10",
            "-XX:ReservedCodeCacheSize=16m",
            "-XX:+ExitOnOutOfMemoryError",
            "-Xlog:disable");

    /** @param owner who the owner of what it serves is there */
    static RelayProgram of(GuestUser owner) throws IOException {
        List<Mount.Bind> mounts = new ArrayList<>();
        Path home = Path.of(System.getProperty("java.home")).toRealPath();
        List<String> command = new ArrayList<>();
        if (home.startsWith(PROGRAMS)) {
            command.add(home.resolve("bin/java").toString());
        } else {
            command.add(seen(mounts, home, JAVA) + "/bin/java");
        }
        command.addAll(FLAGS);
        Optional<String> library = Optional.ofNullable(System.getProperty(LIBRARY));
        if (library.isPresent()) {
            command.add(
                    "-D" + LIBRARY + "=" + seen(mounts, Path.of(library.get()).toAbsolutePath(), NATIVE_METHODS));
        }
        String main = FileRelayMain.class.getName();
        if (RelayProgram.class.getModule().isNamed()) {
            String path = seen(mounts, modules());
            command.addAll(List.of("--enable-native-access=dev.cay.linux", "-p", path));
            command.addAll(List.of("-m", MODULE + "/" + main));
        } else {
            String path = seen(mounts, classPath());
            command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp", path, main));
        }
        command.add(Integer.toString(owner.user()));
        command.add(Integer.toString(owner.group()));
        ExecSpec line = ExecSpec.builder(command)
                .environment("MALLOC_ARENA_MAX", "1") // it has time: memory is worth more
                .build();
        return new RelayProgram(List.copyOf(mounts), line);
    }

    /** Where it finds a file of this machine, to be read and run. */
    private static String seen(List<Mount.Bind> mounts, Path file, String place) {
        mounts.add(new Mount.Bind(file, place, true, true, true));
        return place;
    }

    /** Where it finds several, under their own names, as that of a jar can be that of its module. */
    private static String seen(List<Mount.Bind> mounts, List<Path> files) {
        List<String> places = new ArrayList<>();
        for (Path file : files) {
            places.add(seen(mounts, file, MODULES + "/" + places.size() + "/" + file.getFileName()));
        }
        return String.join(File.pathSeparator, places);
    }

    /** Where the engine's module is, and those that it requires, but for Java's own. */
    private static List<Path> modules() {
        Map<String, Path> found = new LinkedHashMap<>();
        add(ModuleLayer.boot().configuration(), MODULE, found);
        return List.copyOf(found.values());
    }

    private static void add(Configuration modules, String name, Map<String, Path> found) {
        Optional<ResolvedModule> module = modules.findModule(name)
                .filter(one -> one.reference()
                        .location()
                        .filter(location -> location.getScheme().equals("file"))
                        .isPresent());
        if (module.isEmpty() || found.containsKey(name)) {
            return;
        }
        found.put(name, Path.of(module.get().reference().location().orElseThrow()));
        for (ModuleDescriptor.Requires required :
                module.get().reference().descriptor().requires()) {
            add(modules, required.name(), found);
        }
    }

    private static List<Path> classPath() {
        List<Path> entries = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (!entry.isEmpty() && Files.exists(Path.of(entry))) {
                entries.add(Path.of(entry).toAbsolutePath());
            }
        }
        return entries;
    }
}
