package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.EventStream;
import dev.cay.ExecSpec;
import dev.cay.Execution;
import dev.cay.FilePath;
import dev.cay.Mount;
import dev.cay.Sandbox;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SandboxState;
import dev.cay.Sandboxes;
import dev.cay.linux.Errno;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What makes a call about files stand still in a sandbox holds up that call, not for long, and neither the engine nor the end. */
@ExtendWith({RootLane.class, DetachedLane.class})
@Timeout(value = 180, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class StallTest {
    /** A little more than any call waits. */
    private static final int PATIENCE_SECONDS = 60;

    private static final int CALLS = 400;

    /** More than the first process has at work at once. */
    private static final int WORKERS = 20;

    private interface Call {
        void run() throws IOException;
    }

    /** The error number of a call; 0 if it succeeds. */
    private static int errno(Call call) {
        try {
            call.run();
            return 0;
        } catch (SandboxException.FileFailed e) {
            return e.errno();
        } catch (IOException e) {
            return e.getCause() instanceof SandboxException.FileFailed failed ? failed.errno() : -1;
        }
    }

    private static String text(SandboxFiles files, String path) throws IOException {
        try (InputStream in = files.read(FilePath.of(path), 0, Long.MAX_VALUE)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    /** All stand still for as long as calls may, and one does not hold up the other. */
    @Test
    void whatStandsStillHoldsUpNobodyElse(Sandboxes engine) throws Exception {
        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            Future<Void> stopped = threads.submit(() -> whoWorksOnFilesIsStoppedFromInside(engine));
            Future<Void> unanswered = threads.submit(() -> aFileSystemDoesNotAnswer(engine));
            Future<Void> unkillable = threads.submit(() -> whatCannotBeKilledIsTold(engine));
            stopped.get();
            unanswered.get();
            unkillable.get();
        }
    }

    /** The children of the first process that work on files are root of the sandbox, whom root of the sandbox may stop. */
    private static Void whoWorksOnFilesIsStoppedFromInside(Sandboxes engine) throws Exception {
        Sandbox hostile = engine.create(SandboxSpec.host().build());
        Execution pestering = hostile.start(ExecSpec.of(Lab.install(hostile, "pester"), "19"));
        assertThat(Lab.line(pestering.stdout())).isEqualTo("pestering");
        List<Future<Integer>> calls = new ArrayList<>();
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < WORKERS; i++) {
                calls.add(threads.submit(() -> {
                    int errno = 0;
                    for (int call = 0; call < CALLS && errno == 0; call++) {
                        errno = errno(() -> hostile.files().stat(FilePath.of("/tmp"), true));
                    }
                    return errno;
                }));
            }
            try (Sandbox calm = engine.create(SandboxSpec.host().build())) {
                assertThat(calm.exec("true").exit().success()).isTrue();
                assertThat(errno(() -> calm.files().stat(FilePath.of("/tmp"), true)))
                        .isZero();
            }
            for (Future<Integer> call : calls) {
                assertThat(call.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isIn(0, Errno.ETIMEDOUT.number());
            }
            pestering.kill();
            pestering.await();
            assertThat(errno(() -> hostile.files().stat(FilePath.of("/tmp"), true)))
                    .as("who stands still has made room for others")
                    .isZero();
            assertThat(calls).as("it is tried").anyMatch(call -> call.resultNow() != 0);
            Thread closes = Thread.ofPlatform().daemon().start(hostile::close);
            assertThat(closes.join(Duration.ofSeconds(PATIENCE_SECONDS))).isTrue();
        }
        return null;
    }

    /** A process that serves the files below a directory and does not answer for some. */
    private record Server(Process process, Path place) implements AutoCloseable {
        static Server start(Path place) throws IOException {
            Assumptions.assumeTrue(Files.exists(Path.of("/dev/fuse")), "there is no /dev/fuse");
            Process process = new ProcessBuilder(Lab.probe("fuse").toString(), place.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            assertThat(Lab.line(process.getInputStream())).isEqualTo("mounted");
            return new Server(process, place);
        }

        /** {@inheritDoc} Whoever still waits is told that there is no such file system any more. */
        @Override
        public void close() {
            try {
                process.getOutputStream().close();
                process.waitFor();
                process.getInputStream().close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** A process whose question has been taken and is not answered is one that the kernel does not end. */
    private static Void whatCannotBeKilledIsTold(Sandboxes engine) throws Exception {
        String name = Lab.PREFIX + "unkillable";
        try (Server server = Server.start(Lab.directory());
                OtherProcess owner = OtherProcess.start();
                EventStream events = engine.events()) {
            owner.tell("create-attached-bound", name + "-owned", server.place().toString());
            owner.order("exec-attached", "-", "cat /far/stall");
            assertThat(Lab.line(server.process().getInputStream())).isEqualTo("unanswered");
            owner.kill();
            Sandbox sandbox = engine.create(SandboxSpec.host()
                    .name(name)
                    .detached()
                    .mount(Mount.bind(server.place(), "/far"))
                    .build());
            Execution reading = sandbox.start(ExecSpec.of("cat", "/far/stall"));
            assertThat(Lab.line(server.process().getInputStream())).isEqualTo("unanswered");

            assertThatThrownBy(() -> sandbox.stop(Duration.ZERO))
                    .isInstanceOf(SandboxException.HostFailed.class)
                    .hasMessageContaining("command 2 has been killed and does not end");
            assertThat(reading.await(Duration.ZERO)).isEmpty();
            assertThat(Lab.sh(sandbox, "echo on")).isEqualTo("on");
            reading.detach();

            assertThatThrownBy(sandbox::remove)
                    .isInstanceOf(SandboxException.HostFailed.class)
                    .hasMessageContaining("the sandbox has been killed and does not end");
            assertThat(engine.list())
                    .as("also of one whose owner is dead")
                    .filteredOn(info -> info.name().startsWith(name))
                    .extracting(SandboxInfo::state)
                    .containsExactly(SandboxState.REMOVING, SandboxState.REMOVING);
            List<String> failures = engine.sweep().failures();
            assertThat(failures).filteredOn(what -> what.startsWith("sandbox ")).hasSize(2);
            assertThat(failures).anyMatch(what -> what.startsWith("engine ") && what.contains("does not end"));
            assertThat(told(events, name)).doesNotContain(SandboxEvent.Kind.STOPPED);
        }
        assertThat(engine.sweep().failures()).isEmpty();
        assertThatThrownBy(() -> engine.open(name)).isInstanceOf(SandboxException.NotFound.class);
        return null;
    }

    /** What has happened up to now to a sandbox that has been made meanwhile. */
    private static Set<SandboxEvent.Kind> told(EventStream events, String name) throws IOException {
        Set<SandboxEvent.Kind> kinds = EnumSet.noneOf(SandboxEvent.Kind.class);
        do {
            for (SandboxEvent event : events.next(Duration.ofMillis(100))) {
                if (event.name().equals(name)) {
                    kinds.add(event.kind());
                }
            }
        } while (!kinds.contains(SandboxEvent.Kind.CREATED));
        return kinds;
    }

    private static Void aFileSystemDoesNotAnswer(Sandboxes engine) throws Exception {
        try (Server server = Server.start(Lab.directory());
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            Sandbox sandbox = engine.create(
                    SandboxSpec.host().mount(Mount.bind(server.place(), "/far")).build());
            SandboxFiles files = sandbox.files();
            assertThat(text(files, "/far/file")).isEqualTo("fine\n");
            List<Future<Integer>> held = new ArrayList<>();
            held.add(threads.submit(() -> errno(() -> files.stat(FilePath.of("/far/gone"), true))));
            held.add(threads.submit(() -> errno(() -> text(files, "/far/stall"))));
            held.add(threads.submit(() -> errno(() -> {
                try (SandboxFiles.Listing listing = files.list(FilePath.of("/far/dir"))) {
                    assertThat(listing.hasNext()).isFalse();
                }
            })));
            for (int i = 0; i < 20; i++) {
                assertThat(text(files, "/far/file")).isEqualTo("fine\n");
                assertThat(sandbox.exec("true").exit().success()).isTrue();
            }
            try (Sandbox other = engine.create(SandboxSpec.host().build())) {
                assertThat(Lab.sh(other, "echo on")).isEqualTo("on");
            }
            for (Future<Integer> call : held) {
                assertThat(call.get(PATIENCE_SECONDS, TimeUnit.SECONDS)).isEqualTo(Errno.ETIMEDOUT.number());
            }
            // Who works for them is killed, and ends when it is answered: that is told instead of waited for.
            assertThatThrownBy(sandbox::close)
                    .isInstanceOf(SandboxException.HostFailed.class)
                    .hasMessageContaining("does not end");
            assertThatThrownBy(() -> text(files, "/far/file")).isInstanceOf(SandboxException.class);
        }
        return null;
    }
}
