package dev.cay.cli;

import dev.cay.Finding;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A person at a terminal: types command lines and reads what comes back. */
final class Terminal {
    final ByteArrayOutputStream out = new ByteArrayOutputStream();
    final ByteArrayOutputStream err = new ByteArrayOutputStream();
    final Map<String, String> variables = new HashMap<>();
    InputStream in = new ByteArrayInputStream(new byte[0]);
    Optional<OutputStream> brokenOut = Optional.empty();
    Optional<OutputStream> brokenErr = Optional.empty();
    boolean pipes;
    final FakeDevice device = new FakeDevice();
    final FakeTime time = new FakeTime();
    List<Finding> findings = List.of();
    final EngineGuard guard;

    Terminal(FakeSandboxes engine) {
        this(new EngineGuard(() -> engine));
    }

    private Terminal(EngineGuard guard) {
        this.guard = guard;
    }

    static Terminal failing(RuntimeException failure) {
        return new Terminal(new EngineGuard(() -> {
            throw failure;
        }));
    }

    int run(String... arguments) {
        return run(Arrays.asList(arguments));
    }

    int run(List<String> arguments) {
        Streams streams = new Streams(in, brokenOut.orElse(out), brokenErr.orElse(err), descriptor -> pipes);
        Context context = new Context(
                streams, name -> Optional.ofNullable(variables.get(name)), guard, device, time, () -> findings);
        return new Cli(context).run(arguments);
    }

    /** Sits at a terminal now. */
    Terminal interactive() {
        device.terminals.addAll(List.of(Streams.IN, Streams.OUT, Streams.ERR));
        return this;
    }

    String out() {
        return out.toString(StandardCharsets.UTF_8);
    }

    String err() {
        return err.toString(StandardCharsets.UTF_8);
    }

    /** A stream that takes so many bytes and then fails. */
    static OutputStream failingAfter(int bytes, String message) {
        return new OutputStream() {
            private int left = bytes;

            @Override
            public void write(int value) throws IOException {
                if (left-- <= 0) {
                    throw new IOException(message);
                }
            }
        };
    }
}
