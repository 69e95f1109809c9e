package dev.cay.it;

import dev.cay.ExecSpec;
import dev.cay.Isolation;
import dev.cay.Sandbox;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** A microVM keeps the contracts that containers keep. All of its tests share two, one of which outlives its maker. */
@ExtendWith({RootLane.class, DetachedLane.class})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class MicroVmContractsTest implements CommandContract, FilesContract, TerminalContract, UserContract {
    private static final String NAME = "cay-it-contracts";
    private static final Duration LONG = Duration.ofSeconds(60);

    private Sandboxes maker;
    private Sandbox attached;
    private Sandboxes engine;

    @BeforeAll
    void make() throws IOException {
        GuestKernels.debian();
        maker = Sandboxes.local();
        Path root = UserContract.peopled(Lab.smallRoot());
        GuestKernels.link(
                root, "cut", "diff", "find", "grep", "ln", "mkfifo", "printf", "setsid", "sort", "stty", "tty", "yes");
        Files.createDirectories(root.resolve("usr/bin"));
        Files.createDirectory(
                root.resolve("root"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        GuestKernels.importRoot(maker, NAME, root);
        try (Sandboxes other = Sandboxes.local()) { // an engine that makes two clones has a third one ready
            other.templates().create(NAME, Size.mib(256));
            other.create(spec().name(NAME).detached().build());
        }
        attached = maker.create(spec().build());
        try (Sandbox seen = maker.open(attached.id())) { // others may come: no more is made in the background
            seen.exec("true");
        }
        // What keeps the time is made for the first that has a limit, and stays.
        attached.exec(ExecSpec.builder("true").timeout(LONG).build());
    }

    private static SandboxSpec.Builder spec() {
        return SandboxContract.dressed(SandboxSpec.image(NAME))
                .isolation(Isolation.MICROVM)
                .memory(Size.mib(256));
    }

    @BeforeEach
    void open(Sandboxes opened) {
        engine = opened;
    }

    @AfterAll
    void remove() {
        attached.close();
        maker.open(NAME).remove();
        maker.templates().remove(NAME);
        maker.images().remove(NAME);
        maker.close();
    }

    @Override
    public Sandbox sandbox(boolean detached) {
        return detached ? engine.open(NAME) : attached;
    }

    @Override
    public Sandbox sandboxOfUsers() {
        return attached;
    }

    /** Emulated on a machine that has other things to do. */
    @Override
    public Duration moment() {
        return Duration.ofSeconds(2);
    }
}
