package dev.cay.cli;

import dev.cay.SandboxException;
import dev.cay.Size;
import dev.cay.Templates;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** Templates that are but names; the first one fits. */
final class FakeTemplates implements Templates {
    final List<Info> templates = new ArrayList<>();

    @Override
    public Info create(String name, Size memory, int processors) {
        Info made = new Info(name, "6.1.0", memory, processors, Size.mib(63), Instant.EPOCH, templates.isEmpty());
        templates.add(made);
        return made;
    }

    @Override
    public List<Info> list() {
        return templates;
    }

    @Override
    public void remove(String name) {
        if (!templates.removeIf(template -> template.name().equals(name))) {
            throw new SandboxException.NotFound("there is no template " + name, "see: cay template ls");
        }
    }
}
