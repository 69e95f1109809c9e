package dev.cay.cli;

import dev.cay.Kernels;
import dev.cay.SandboxException;
import dev.cay.Size;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Kernels that are but names. */
final class FakeKernels implements Kernels {
    final List<Info> kernels = new ArrayList<>();

    @Override
    public Info add(List<Path> files, Optional<String> name) {
        Info added = new Info(
                name.orElse(files.getFirst().getFileName().toString()),
                "6.1.0",
                17,
                Size.mib(52),
                kernels.isEmpty(),
                files.size() > 1 ? List.of() : List.of("one", "another"));
        kernels.add(added);
        return added;
    }

    @Override
    public List<Info> list() {
        return kernels;
    }

    @Override
    public void prefer(String name) {
        kernels.replaceAll(kernel -> new Info(
                kernel.name(),
                kernel.release(),
                kernel.modules(),
                kernel.size(),
                kernel.name().equals(name),
                kernel.lacking()));
    }

    @Override
    public void remove(String name) {
        if (!kernels.removeIf(kernel -> kernel.name().equals(name))) {
            throw new SandboxException.NotFound("there is no kernel " + name, "see: cay kernel ls");
        }
    }
}
