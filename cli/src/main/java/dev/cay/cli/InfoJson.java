package dev.cay.cli;

import dev.cay.BootStep;
import dev.cay.ExecSpec;
import dev.cay.ExecutionInfo;
import dev.cay.ExecutionUsage;
import dev.cay.Exit;
import dev.cay.Isolation;
import dev.cay.Lifetime;
import dev.cay.Limits;
import dev.cay.MachineInfo;
import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.OnHang;
import dev.cay.ProcessUsage;
import dev.cay.PublishedPort;
import dev.cay.ResourceLimit;
import dev.cay.Root;
import dev.cay.SandboxInfo;
import dev.cay.SandboxSpec;
import dev.cay.SeccompPolicy;
import dev.cay.Usage;
import dev.cay.Writable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/** What is known of a sandbox, for programs. What does not exist has no field; names of fields stay as they are. */
final class InfoJson {
    private InfoJson() {}

    /** The fields of {@code cay ps}, with which {@code cay inspect} begins. */
    static void writeTo(Json json, SandboxInfo info) throws IOException {
        SandboxSpec spec = info.spec();
        json.field("id", info.id())
                .field("name", info.name())
                .field("state", Descriptions.stateText(info))
                .field("attached", !spec.lifetime().detached())
                .field("created", info.created().toString());
        if (info.firstProcess().isPresent()) {
            json.field("pid", info.firstProcess().get());
        }
        if (info.exit().isPresent()) {
            writeExit(json, info.exit().get());
        }
        if (info.machine().isPresent()) {
            writeMachine(json, info.machine().get());
        }
        json.field("root", Descriptions.root(spec.root()));
        if (spec.command().isPresent()) {
            json.field("command", spec.command().get().command());
        }
        json.field("labels", spec.labels());
    }

    private static void writeMachine(Json json, MachineInfo machine) throws IOException {
        json.begin("machine")
                .field("emulated", machine.emulated())
                .field("began", machine.began().text());
        if (machine.template().isPresent()) {
            json.field("template", machine.template().get());
        }
        json.field(
                        "answered_us",
                        TimeUnit.NANOSECONDS.toMicros(machine.answered().toNanos()))
                .field("health", machine.health().text());
        if (machine.files().isPresent()) {
            json.field("files", machine.files().get().text());
        }
        json.end();
    }

    static void writeExit(Json json, Exit exit) throws IOException {
        json.begin("exit")
                .field("reason", exit.reason().text())
                .field("code", exit.code())
                .field("signal", exit.signal())
                .field("errno", exit.errno())
                .field("step", exit.step())
                .field("core", exit.core())
                .end();
    }

    /** How a microVM came up. */
    static void writeBoot(Json json, List<BootStep> steps) throws IOException {
        if (steps.isEmpty()) {
            return;
        }
        json.beginArray("boot");
        for (BootStep step : steps) {
            json.begin()
                    .field("step", step.name())
                    .field("at_us", TimeUnit.NANOSECONDS.toMicros(step.at().toNanos()))
                    .field("took_us", TimeUnit.NANOSECONDS.toMicros(step.took().toNanos()));
            if (step.warning().isPresent()) {
                json.field("warning", step.warning().get());
            }
            json.end();
        }
        json.endArray();
    }

    static void writeUsage(Json json, Usage usage) throws IOException {
        json.begin("usage")
                .field("cpu_us", TimeUnit.NANOSECONDS.toMicros(usage.cpu().toNanos()))
                .field("memory_bytes", usage.memory().bytes())
                .field("memory_peak_bytes", usage.memoryPeak().bytes())
                .field("processes", usage.processes())
                .field("oom_kills", usage.oomKills());
        if (usage.bytesRead().isPresent()) {
            json.field("bytes_read", usage.bytesRead().get().bytes());
        }
        if (usage.bytesWritten().isPresent()) {
            json.field("bytes_written", usage.bytesWritten().get().bytes());
        }
        json.end();
    }

    /** The rest of what was asked for when the sandbox was made. */
    static void writeSpec(Json json, SandboxSpec spec) throws IOException {
        writeWritable(json, spec.writable());
        writeNetwork(json, spec.network());
        writeLimits(json, spec.limits());
        json.begin("ulimits");
        for (Map.Entry<ResourceLimit, Long> limit : spec.resourceLimits().entrySet()) {
            json.field(limit.getKey().name().toLowerCase(Locale.ROOT).replace('_', '-'), limit.getValue());
        }
        json.end();
        json.field("seccomp", seccomp(spec.seccomp())).field("user_namespace", spec.userNamespace());
        if (!spec.init()) {
            json.field("init", false);
        }
        if (spec.onHang() != OnHang.REPORT) {
            json.field("on_hang", spec.onHang().text());
        }
        if (spec.isolation() == Isolation.MICROVM) {
            json.field("vmm", spec.vmm().text());
        }
        if (spec.hostname().isPresent()) {
            json.field("hostname", spec.hostname().get());
        }
        json.field("environment", spec.environment())
                .field("working_directory", spec.workingDirectory().orElse(SandboxSpec.DEFAULT_WORKING_DIRECTORY))
                .field("user", spec.user().orElse(SandboxSpec.DEFAULT_USER));
        if (spec.stopSignal().isPresent()) {
            json.field("stop_signal", spec.stopSignal().getAsInt());
        }
        if (spec.root() instanceof Root.Image image && image.digest().isPresent()) {
            json.field("image", image.digest().get());
        }
        writeMounts(json, spec.mounts());
        writeLifetime(json, spec.lifetime());
        if (spec.command().isPresent()) {
            writeCommand(json, spec.command().get());
        }
    }

    private static void writeNetwork(Json json, Network network) throws IOException {
        if (network instanceof Network.Named named) {
            List<String> ports = new ArrayList<>();
            for (PublishedPort port : named.ports()) {
                ports.add(port.toString());
            }
            json.field("network", named.name())
                    .field("egress", List.of(named.egress().toString().split("\n")))
                    .field("ports", ports);
        } else {
            json.field("network", network instanceof Network.Host ? "host" : "none");
        }
    }

    private static void writeWritable(Json json, Writable writable) throws IOException {
        json.begin("writable");
        if (writable instanceof Writable.Directory directory) {
            json.field("kind", "directory").field("path", directory.path().toString());
        } else if (writable instanceof Writable.Tmpfs tmpfs) {
            json.field("kind", "tmpfs").field("bytes", tmpfs.size().bytes());
        } else if (writable instanceof Writable.Disk disk) {
            json.field("kind", "disk").field("bytes", disk.size().bytes());
        } else if (writable instanceof Writable.Nothing nothing) {
            json.field("kind", "nothing").field("tmp_bytes", nothing.tmp().bytes());
        }
        json.end();
    }

    private static String seccomp(SeccompPolicy policy) {
        if (policy instanceof SeccompPolicy.Standard) {
            return "default";
        }
        return policy instanceof SeccompPolicy.Unconfined ? "unconfined" : "profile";
    }

    private static void writeLimits(Json json, Limits limits) throws IOException {
        json.begin("limits");
        if (limits.memory().isPresent()) {
            json.field("memory_bytes", limits.memory().get().bytes());
        }
        json.field("pids", limits.pids());
        if (limits.cpus().isPresent()) {
            json.number("cpus", Double.toString(limits.cpus().getAsDouble()));
        }
        if (limits.cpuWeight().isPresent()) {
            json.field("cpu_weight", limits.cpuWeight().getAsInt());
        }
        writeIfPresent(json, "read_bytes_per_second", limits.io().readBytes());
        writeIfPresent(json, "write_bytes_per_second", limits.io().writeBytes());
        writeIfPresent(json, "reads_per_second", limits.io().readOperations());
        writeIfPresent(json, "writes_per_second", limits.io().writeOperations());
        json.end();
    }

    private static void writeIfPresent(Json json, String name, OptionalLong value) throws IOException {
        if (value.isPresent()) {
            json.field(name, value.getAsLong());
        }
    }

    private static void writeMounts(Json json, List<Mount> mounts) throws IOException {
        json.beginArray("mounts");
        for (Mount mount : mounts) {
            json.begin().field("target", mount.target());
            if (mount instanceof Mount.Bind bind) {
                json.field("kind", "bind")
                        .field("source", bind.source().toString())
                        .field("read_only", bind.readOnly())
                        .field("executable", bind.executable());
            } else if (mount instanceof Mount.Tmpfs tmpfs) {
                json.field("kind", "tmpfs")
                        .field("bytes", tmpfs.size().bytes())
                        .field("mode", Integer.toOctalString(tmpfs.mode()));
            } else if (mount instanceof Mount.Named named) {
                json.field("kind", "volume").field("volume", named.volume()).field("read_only", named.readOnly());
            }
            json.end();
        }
        json.endArray();
    }

    private static void writeLifetime(Json json, Lifetime lifetime) throws IOException {
        json.begin("lifetime").field("detached", lifetime.detached());
        if (lifetime.limit().isPresent()) {
            json.field("ttl_ms", lifetime.limit().get().toMillis());
        }
        if (lifetime.idle().isPresent()) {
            json.field("idle_ms", lifetime.idle().get().toMillis());
        }
        if (lifetime.removedAtEnd()) {
            json.field("removed_at_end", true);
        }
        json.end();
    }

    private static void writeCommand(Json json, ExecSpec command) throws IOException {
        json.begin("command_settings").field("terminal", command.terminal().isPresent());
        if (command.timeout().isPresent()) {
            json.field("timeout_ms", command.timeout().get().toMillis());
        }
        json.field("grace_ms", command.grace().toMillis())
                .field("kept_bytes", command.kept().bytes())
                .end();
    }

    /** What one command has used. */
    static void writeUsage(Json json, String name, ExecutionUsage usage) throws IOException {
        json.begin(name)
                .field("cpu_us", TimeUnit.NANOSECONDS.toMicros(usage.cpu().toNanos()))
                .field("memory_bytes", usage.memory().bytes())
                .field("processes", usage.processes());
        if (usage.process().isPresent()) {
            writeUsage(json, usage.process().get());
        }
        json.end();
    }

    private static void writeUsage(Json json, ProcessUsage usage) throws IOException {
        json.begin("process")
                .field("user_us", TimeUnit.NANOSECONDS.toMicros(usage.user().toNanos()))
                .field("system_us", TimeUnit.NANOSECONDS.toMicros(usage.system().toNanos()))
                .field("memory_peak_bytes", usage.peakMemory().bytes())
                .field("minor_faults", usage.minorFaults())
                .field("major_faults", usage.majorFaults())
                .field("bytes_read", usage.read().bytes())
                .field("bytes_written", usage.written().bytes())
                .field("voluntary_switches", usage.voluntarySwitches())
                .field("involuntary_switches", usage.involuntarySwitches())
                .end();
    }

    /** @param usages what those have used of whom that is known, by their numbers */
    static void writeExecutions(Json json, List<ExecutionInfo> executions, Map<Integer, ExecutionUsage> usages)
            throws IOException {
        json.beginArray("executions");
        for (ExecutionInfo execution : executions) {
            json.begin()
                    .field("execution", execution.id())
                    .field("command", execution.command())
                    .field("user", execution.user())
                    .field("terminal", execution.terminal());
            if (execution.pid() != 0) {
                json.field("pid", execution.pid());
            }
            json.field("started", execution.started().toString());
            if (execution.exit().isPresent()) {
                writeExit(json, execution.exit().get());
            }
            if (usages.containsKey(execution.id())) {
                writeUsage(json, "usage", usages.get(execution.id()));
            }
            json.end();
        }
        json.endArray();
    }
}
