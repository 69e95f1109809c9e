package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.linux.SyscallException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

final class GroupReserveTest {
    private final AtomicInteger made = new AtomicInteger();
    private final Set<String> there = ConcurrentHashMap.newKeySet();
    private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
    private volatile boolean fails;

    private final GroupReserve reserve = new GroupReserve(new GroupReserve.Maker() {
        @Override
        public Cgroup.Entrance make() {
            if (fails) {
                events.add("fails");
                throw new IllegalStateException("no room");
            }
            String name = Integer.toString(made.incrementAndGet());
            there.add(name);
            events.add("made " + name);
            return new Cgroup.Entrance(Optional.of(name), Optional.empty(), List.of());
        }

        @Override
        public void remove(String group) {
            there.remove(group);
            events.add("removed " + group);
        }
    });

    private String run() throws SyscallException {
        try (Cgroup.Entrance entrance = reserve.take()) {
            String name = entrance.execution().orElseThrow();
            assertThat(there).contains(name);
            reserve.leave(name);
            return name;
        }
    }

    private void await(String event) throws InterruptedException {
        String seen = "";
        while (!event.equals(seen)) {
            seen = events.poll(30, TimeUnit.SECONDS);
            assertThat(seen).as("an event before '%s'", event).isNotNull();
        }
    }

    @Test
    void aFewAreMadeAndRemovedOneByOneAndTheOthersAhead() throws Exception {
        for (int i = 1; i < 4; i++) {
            assertThat(run()).isEqualTo(Integer.toString(i));
            assertThat(there).isEmpty();
        }
        run();
        await("made 12"); // eight more, by somebody else
        List<String> names = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            names.add(run());
        }
        assertThat(names).doesNotHaveDuplicates().startsWith("5", "6", "7", "8");
        for (int i = 0; i < 10_000 && there.contains(names.getFirst()); i++) { // whoever tends is slower than this
            run();
            Thread.sleep(1);
        }
        assertThat(there).doesNotContain(names.getFirst()).hasSizeLessThan(100);
    }

    @Test
    void whatCannotBeMadeAheadIsMadeWhenItIsAskedFor() throws Exception {
        for (int i = 0; i < 3; i++) {
            run();
        }
        Cgroup.Entrance last = reserve.take();
        fails = true;
        reserve.leave(last.execution().orElseThrow());
        await("fails");
        fails = false;
        assertThat(run()).isNotEmpty();
    }

    @Test
    void nothingIsMadeOrRemovedAfterTheEnd() throws Exception {
        for (int i = 0; i < 4; i++) {
            run();
        }
        await("made 12");
        reserve.close();
        int before = made.get();
        String late = run();
        assertThat(made).hasValue(before + 1);
        assertThat(there).doesNotContain(late);
    }
}
