package dev.cay.it;

import dev.cay.ExecSpec;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import java.util.ArrayList;
import java.util.List;

/** Another JVM with sandboxes of its own, for tests that end it; prints a line when all of them run, and waits. */
public final class ChildEngine {
    private ChildEngine() {}

    public static void main(String[] arguments) throws InterruptedException {
        Sandboxes engine = Sandboxes.local();
        List<Sandbox> sandboxes = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            Sandbox sandbox = engine.create(SandboxSpec.host().build());
            sandbox.start(ExecSpec.of("sh", "-c", "trap '' TERM HUP; setsid sleep 7777 & sleep 7777"));
            sandboxes.add(sandbox);
        }
        System.out.println("running " + sandboxes.size());
        Thread.sleep(Long.MAX_VALUE);
    }
}
