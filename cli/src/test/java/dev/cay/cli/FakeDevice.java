package dev.cay.cli;

import dev.cay.TerminalSize;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A terminal that notes what is done to it. */
final class FakeDevice implements TerminalDevice {
    final Set<Integer> terminals = new HashSet<>();
    final List<String> done = new ArrayList<>();
    private TerminalSize size = new TerminalSize(100, 30);
    private Optional<RawTerminal.Listener> listener = Optional.empty();
    Optional<RuntimeException> failure = Optional.empty();

    @Override
    public boolean isTerminal(int descriptor) {
        return terminals.contains(descriptor);
    }

    synchronized void resize(TerminalSize now) {
        size = now;
        listener.ifPresent(follower -> follower.resized(now));
    }

    synchronized boolean isRaw() {
        return !done.isEmpty() && done.get(done.size() - 1).equals("raw");
    }

    synchronized boolean followed() {
        return listener.isPresent();
    }

    @Override
    public synchronized RawTerminal raw() {
        if (failure.isPresent()) {
            throw failure.get();
        }
        done.add("raw");
        return new RawTerminal() {
            @Override
            public TerminalSize size() {
                return size;
            }

            @Override
            public void follow(Listener follower) {
                synchronized (FakeDevice.this) {
                    listener = Optional.of(follower);
                    follower.resized(size);
                }
            }

            @Override
            public void close() {
                synchronized (FakeDevice.this) {
                    if (isRaw()) {
                        done.add("restored");
                    }
                }
            }
        };
    }
}
