package dev.cay.cli;

import dev.cay.AgentSocket;
import dev.cay.AgentSpec;
import dev.cay.EventStream;
import dev.cay.ExecSpec;
import dev.cay.Exit;
import dev.cay.ImageInfo;
import dev.cay.Images;
import dev.cay.Kernels;
import dev.cay.Networks;
import dev.cay.Sandbox;
import dev.cay.SandboxEvent;
import dev.cay.SandboxException;
import dev.cay.SandboxInfo;
import dev.cay.SandboxPool;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Size;
import dev.cay.Snapshots;
import dev.cay.SweepReport;
import dev.cay.Templates;
import dev.cay.Usage;
import dev.cay.Volumes;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;

/** An engine in which Java code plays the commands. */
final class FakeSandboxes implements Sandboxes {
    static final Usage USAGE =
            new Usage(Duration.ofMillis(5), Size.mib(2), Size.mib(3), 1, Optional.of(Size.kib(4)), Optional.empty(), 0);

    /** What is run instead of a command. */
    interface Program {
        Exit run(InputStream stdin, OutputStream stdout, OutputStream stderr) throws IOException, InterruptedException;
    }

    final Program program;
    final List<SandboxSpec> created = new ArrayList<>();
    final List<ExecSpec> started = new ArrayList<>();
    final List<String> served = new CopyOnWriteArrayList<>();
    final List<String> closed = new CopyOnWriteArrayList<>();
    final List<FakeExecution> executions = new CopyOnWriteArrayList<>();
    final List<FakeSandbox> boxes = new CopyOnWriteArrayList<>();
    final Deque<List<SandboxEvent>> events = new ArrayDeque<>();
    final FakeVolumes volumes = new FakeVolumes();
    final FakeKernels kernels = new FakeKernels();
    final FakeTemplates templates = new FakeTemplates();
    final FakeSnapshots snapshots = new FakeSnapshots(this);
    final FakeNetworks networks = new FakeNetworks();
    final FakeImages images = new FakeImages();
    SweepReport swept = new SweepReport(List.of(), List.of(), List.of());
    Runnable noMoreEvents = () -> {};
    Optional<Exit> spawnFailure = Optional.empty();
    Optional<RuntimeException> createFailure = Optional.empty();
    Optional<RuntimeException> closeFailure = Optional.empty();

    FakeSandboxes(Program program) {
        this.program = program;
    }

    static FakeSandboxes exiting(int code) {
        return ending(Exit.exited(code));
    }

    static FakeSandboxes ending(Exit exit) {
        return new FakeSandboxes((stdin, stdout, stderr) -> exit);
    }

    /** One that somebody has made before, without a word about it in {@link #created}. */
    FakeSandbox box(String id, SandboxSpec spec) {
        FakeSandbox box = new FakeSandbox(this, id, spec);
        boxes.add(box);
        return box;
    }

    @Override
    public Sandbox create(SandboxSpec spec) {
        if (createFailure.isPresent()) {
            throw createFailure.get();
        }
        created.add(spec);
        return box("box-" + created.size(), spec);
    }

    @Override
    public List<SandboxInfo> list() {
        return boxes.stream().map(FakeSandbox::info).toList();
    }

    @Override
    public Sandbox open(String name) {
        for (FakeSandbox box : boxes) {
            if (box.id().equals(name) || box.info().name().equals(name)) {
                return box;
            }
        }
        throw new SandboxException.NotFound("there is no sandbox '" + name + "'", "see: cay ps -a");
    }

    @Override
    public SweepReport sweep() {
        return swept;
    }

    @Override
    public EventStream events() {
        return new EventStream() {
            @Override
            public List<SandboxEvent> next(Duration timeout) {
                if (events.isEmpty()) {
                    noMoreEvents.run();
                    return List.of();
                }
                return events.remove();
            }

            @Override
            public void close() {
                closed.add("events");
            }
        };
    }

    @Override
    public ImageInfo commit(Sandbox sandbox, Optional<String> name) {
        images.calls.add("commit " + sandbox.id() + " " + name.orElse(""));
        ImageInfo image = FakeImages.info(name.orElse(""), 'c');
        images.images.add(image);
        return image;
    }

    @Override
    public Images images() {
        return images;
    }

    @Override
    public AgentSocket serve(Sandbox sandbox, AgentSpec spec) {
        Path path = spec.path().orElse(Path.of("/run/cay/agents", sandbox.id() + ".sock"));
        served.add(sandbox.id() + " " + path + " " + spec.connections());
        return new AgentSocket() {
            @Override
            public Path path() {
                return path;
            }

            @Override
            public void close() {
                served.add("closed");
            }
        };
    }

    @Override
    public Kernels kernels() {
        return kernels;
    }

    @Override
    public Templates templates() {
        return templates;
    }

    @Override
    public Snapshots snapshots() {
        return snapshots;
    }

    @Override
    public Volumes volumes() {
        return volumes;
    }

    @Override
    public Networks networks() {
        return networks;
    }

    @Override
    public SandboxPool pool(SandboxSpec spec, int size) {
        throw new UnsupportedOperationException("the command line needs no pool");
    }

    @Override
    public void close() {
        boxes.stream().filter(box -> !box.spec().lifetime().detached()).forEach(FakeSandbox::killAll);
        closed.add("engine");
        if (closeFailure.isPresent()) {
            throw closeFailure.get();
        }
    }

    int executionsAlive() {
        return (int) executions.stream().filter(FakeExecution::alive).count();
    }

    void awaitStart() throws InterruptedException {
        while (executions.isEmpty()) {
            Thread.sleep(1);
        }
    }
}
