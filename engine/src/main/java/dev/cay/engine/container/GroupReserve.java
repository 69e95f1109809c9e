package dev.cay.engine.container;

import dev.cay.linux.SyscallException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;

/**
 * Control groups of executions, made some at a time before they are asked for and removed some at a time: one takes the kernel and us
 * some 150 µs, a tenth of a short command, which whoever runs one after the other need not wait for. A sandbox gets them when it has run
 * a few. Thread-safe.
 */
final class GroupReserve implements AutoCloseable {
    /** Who has run so many commands most likely runs more. */
    private static final int BEFORE = 4;

    private static final int SIZE = 8;

    /** Makes and removes one. */
    interface Maker {
        Cgroup.Entrance make() throws SyscallException;

        /** Without effect while something lives in it. */
        void remove(String group);
    }

    private final Maker maker;
    private final Deque<Cgroup.Entrance> ready = new ArrayDeque<>();
    private List<String> left = new ArrayList<>();
    private int ended;
    private boolean tending;
    private boolean closed;

    GroupReserve(Maker maker) {
        this.maker = maker;
    }

    /** One that nobody has had. */
    Cgroup.Entrance take() throws SyscallException {
        Optional<Cgroup.Entrance> first = first();
        return first.isPresent() ? first.get() : maker.make();
    }

    private synchronized Optional<Cgroup.Entrance> first() {
        return Optional.ofNullable(ready.pollFirst());
    }

    /** Takes one back whose execution has ended. */
    void leave(String group) {
        if (!isKept(group)) {
            maker.remove(group);
        }
    }

    /** Whether it is removed later. Others are made then too: whoever has just waited for a command is not held up by that. */
    private synchronized boolean isKept(String group) {
        if (closed || ++ended < BEFORE) {
            return false;
        }
        left.add(group);
        if (!tending && (left.size() >= SIZE || ready.size() <= SIZE / 2)) {
            tending = true;
            Thread.startVirtualThread(this::tend);
        }
        return true;
    }

    private void tend() {
        try {
            allLeft().forEach(maker::remove);
            while (wants()) {
                add(maker.make());
            }
        } catch (SyscallException | RuntimeException e) {
            // whoever asks for one makes it himself, and is told; or the engine has just been closed
        } finally {
            stopTending();
        }
    }

    private synchronized List<String> allLeft() {
        List<String> all = left;
        left = new ArrayList<>();
        return closed ? List.of() : all;
    }

    private synchronized boolean wants() {
        return !closed && ready.size() < SIZE;
    }

    private synchronized void add(Cgroup.Entrance entrance) {
        if (closed) {
            entrance.close();
        } else {
            ready.addLast(entrance);
        }
    }

    private synchronized void stopTending() {
        tending = false;
    }

    /** Lets go of those that are ready; the groups themselves go with the sandbox's. */
    @Override
    public synchronized void close() {
        closed = true;
        ready.forEach(Cgroup.Entrance::close);
        ready.clear();
    }
}
