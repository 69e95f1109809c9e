package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.EventStream;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.Exit;
import dev.cay.Furnishing;
import dev.cay.ImageConfig;
import dev.cay.ImageConfig.Platform;
import dev.cay.Isolation;
import dev.cay.Lifetime;
import dev.cay.Mount;
import dev.cay.Sandbox;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import dev.cay.Size;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What can be asked for of a microVM that outlives its maker is there, from its start over its stops to its end. */
@ExtendWith({RootLane.class, DetachedLane.class})
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class DetachedMachineLifeTest {
    private static final String NAME = "cay-it-life";
    private static final String VOLUME = "cay-it-life-disk";
    private static final Duration LONG = Duration.ofSeconds(60);

    /** What some image might have: it knows how to end. */
    private static final String INIT = """
            #!/bin/sh
            trap 'echo asked > /data/asked; sync; while :; do sleep 1; done' 38
            echo "$$ $1 $GREETING $(pwd)" > /tmp/init
            while :; do sleep 1; done
            """;

    @BeforeAll
    void make() throws IOException {
        Path root = Lab.smallRoot();
        Path init = Files.createDirectory(root.resolve("sbin")).resolve("init");
        Files.writeString(init, INIT);
        Files.setPosixFilePermissions(init, PosixFilePermissions.fromString("rwxr-xr-x"));
        Path archive = Lab.directory().resolve("root.tar");
        Lab.onHost("tar", "-C", root.toString(), "--numeric-owner", "-cf", archive.toString(), ".");
        try (Sandboxes maker = Sandboxes.local();
                InputStream stream = Files.newInputStream(archive)) {
            GuestKernels.debian();
            maker.images().importRoot(stream, Optional.of(NAME), ImageConfig.empty(Platform.parse("linux/amd64")));
        }
    }

    @AfterAll
    void remove() {
        try (Sandboxes last = Sandboxes.local()) {
            last.images().remove(NAME);
        }
    }

    private static SandboxSpec.Builder spec() {
        return SandboxSpec.image(NAME).isolation(Isolation.MICROVM).name(NAME).memory(Size.mib(256));
    }

    /** Its command is started, stopped and started again, by processes that know nothing of each other; its disk is the same. */
    @Test
    void stoppedAndStartedAgain(Sandboxes engine) throws Exception {
        List<String> told = new ArrayList<>();
        try (EventStream events = engine.events()) {
            engine.create(spec().disk(Size.mib(24))
                            .detached()
                            .command(
                                    ExecSpec.of(
                                            "sh",
                                            "-c",
                                            "trap 'echo bye; exit 5' TERM; echo run >> /runs; wc -l < /runs; while :; do sleep 0.1; done"))
                            .build())
                    .close();
            for (int run = 1; run <= 2; run++) {
                try (Sandbox sandbox = engine.open(NAME);
                        Execution execution = sandbox.start()) {
                    assertThat(Lab.line(execution.stdout()).strip()).isEqualTo(Integer.toString(run));
                    assertThat(sandbox.info().state()).isEqualTo(SandboxState.RUNNING);
                    assertThatThrownBy(sandbox::start).isInstanceOf(SandboxException.Conflict.class);
                    execution.detach();
                }
                try (Sandboxes other = Sandboxes.local();
                        Sandbox sandbox = other.open(NAME)) {
                    sandbox.stop(LONG);
                    assertThat(sandbox.info().state()).isEqualTo(SandboxState.EXITED);
                    assertThat(sandbox.info().exit()).contains(Exit.exited(5));
                    assertThat(Lab.sh(sandbox, "echo it lives")).isEqualTo("it lives");
                }
            }
            try (OtherProcess other = OtherProcess.start()) {
                other.tell("remove", NAME);
            }
            while (!told.contains("removed ")) {
                for (SandboxEvent event : events.next(LONG)) {
                    if (event.name().equals(NAME) && event.execution().orElse(1) == 1) { // not of what else runs in it
                        told.add(event.kind().text() + " " + event.detail());
                    }
                }
            }
        }
        assertThat(told)
                .containsExactly(
                        "created ",
                        "started ",
                        "exited exit code 5",
                        "stopped ",
                        "started ",
                        "exited exit code 5",
                        "stopped ",
                        "removed ");
    }

    /** When nobody has been in it for a while it ends, and what was written is on its volume. */
    @Test
    void theImagesInitIsThereUntilNobodyHasBeenForAWhile(Sandboxes engine) {
        engine.volumes().create(VOLUME, Optional.of(Size.mib(16)));
        try {
            Furnishing.Init init =
                    new Furnishing.Init(List.of("auto", "word"), Map.of("GREETING", "hello"), Optional.of("/etc"));
            try (Sandbox sandbox = engine.create(spec().tmpfs(Size.mib(64))
                    .mount(Mount.volume(VOLUME, "/data"))
                    .imageInit(init)
                    .lifetime(Lifetime.untilRemoved().idle(Duration.ofSeconds(6)))
                    .build())) {
                assertThat(Lab.sh(sandbox, "until [ -s /tmp/init ]; do sleep 0.1; done; cat /tmp/init"))
                        .isEqualTo("1 word hello /etc");
                Lab.sh(sandbox, "sleep 8; echo kept > /data/kept"); // who is in it keeps it
                assertThat(sandbox.exec("sh", "-c", "exit 7").exit()).isEqualTo(Exit.exited(7));
            }
            long deadline = System.nanoTime() + LONG.toNanos();
            while (engine.open(NAME).info().state() != SandboxState.DEAD) {
                assertThat(System.nanoTime()).isLessThan(deadline);
                LockSupport.parkNanos(500_000_000); // whoever only looks does not keep it
            }
            assertThat(engine.open(NAME).info().exit()).isEmpty();
            engine.open(NAME).remove();
            try (Sandbox container = engine.create(
                    SandboxSpec.host().mount(Mount.volume(VOLUME, "/srv")).build())) {
                assertThat(Lab.sh(container, "cat /srv/kept")).isEqualTo("kept");
            }
        } finally {
            engine.list().stream()
                    .filter(info -> info.name().equals(NAME))
                    .forEach(info -> engine.open(info.id()).remove());
            engine.volumes().remove(VOLUME);
        }
    }
}
