package dev.cay.it;

import java.lang.module.ResolvedModule;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** What another JVM needs on its module path to have an engine. */
final class EngineModules {
    private EngineModules() {}

    /** Where the modules are that the engine reads, itself included; those of the JDK are left out. */
    static List<Path> places() {
        return places("dev.cay.engine");
    }

    /** Where some modules are, and all that they read. */
    static List<Path> places(String... roots) {
        Set<Path> places = new LinkedHashSet<>();
        Set<ResolvedModule> seen = new LinkedHashSet<>();
        Deque<ResolvedModule> waiting = new ArrayDeque<>();
        for (String root : roots) {
            waiting.add(ModuleLayer.boot().configuration().findModule(root).orElseThrow());
        }
        while (!waiting.isEmpty()) {
            ResolvedModule module = waiting.remove();
            URI location = module.reference().location().orElseThrow();
            if (seen.add(module) && location.getScheme().equals("file")) {
                places.add(Path.of(location));
                waiting.addAll(module.reads());
            }
        }
        return List.copyOf(places);
    }
}
