package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.Mount;
import dev.cay.Network;
import dev.cay.Root;
import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.Writable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.Callable;
import java.util.concurrent.Delayed;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

final class PreparationPoolTest {
    private static final SandboxSpec SPEC = SandboxSpec.host().build();
    private static final int SIZE = 4;

    private final Workshop workshop = new Workshop();
    private final Later background = new Later();
    private final Tags images = new Tags();
    private final Definitions networks = new Definitions();
    private final PreparationPool pool = new PreparationPool(workshop, images, networks, background);

    /** Makes preparations of nothing and counts them. */
    private static final class Workshop implements Preparation.Maker {
        private final Fakes fakes = new Fakes();
        private final List<SandboxSpec> made = Collections.synchronizedList(new ArrayList<>());
        private final List<Integer> closed = Collections.synchronizedList(new ArrayList<>());
        private boolean broken;

        @Override
        public Preparation make(SandboxSpec spec) throws IOException {
            if (broken) {
                throw new IOException("fsopen(overlay): ENODEV");
            }
            int number;
            synchronized (made) {
                made.add(spec);
                number = made.size();
            }
            return fakes.preparation(IdRanges.Range.of(number, () -> closed.add(number)));
        }
    }

    /** Images whose names can be given to others. */
    private static final class Tags implements ImageSource {
        private String digest = "sha256:1";

        @Override
        public String digest(String reference) {
            return digest;
        }

        @Override
        public Found find(String reference) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Image use(String reference, String sandbox) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void release(String sandbox) {
            throw new UnsupportedOperationException();
        }
    }

    /** Networks that can be removed and made again. */
    private static final class Definitions implements NetworkSource {
        private String subnet = "fd00::/64";

        @Override
        public Object identity(String name) {
            return subnet;
        }

        @Override
        public Connection connect(String sandbox, boolean detached, Network.Named network, Port port) {
            throw new UnsupportedOperationException();
        }
    }

    private void work() {
        for (Runnable task = background.tasks.poll(); task != null; task = background.tasks.poll()) {
            task.run();
        }
    }

    /** Keeps what it is given until somebody runs it, and for how long each was to be delayed. */
    private static final class Later extends AbstractExecutorService implements ScheduledExecutorService {
        private final Queue<Runnable> tasks = new ArrayDeque<>();
        private final List<Long> delays = new ArrayList<>();
        private boolean ended;

        @Override
        public void execute(Runnable task) {
            if (ended) {
                throw new RejectedExecutionException();
            }
            tasks.add(task);
        }

        @Override
        public ScheduledFuture<?> schedule(Runnable task, long delay, TimeUnit unit) {
            execute(task);
            delays.add(unit.toMillis(delay));
            return new Never();
        }

        @Override
        public <V> ScheduledFuture<V> schedule(Callable<V> task, long delay, TimeUnit unit) {
            throw new UnsupportedOperationException();
        }

        @Override
        public ScheduledFuture<?> scheduleAtFixedRate(Runnable task, long delay, long period, TimeUnit unit) {
            throw new UnsupportedOperationException();
        }

        @Override
        public ScheduledFuture<?> scheduleWithFixedDelay(Runnable task, long initial, long delay, TimeUnit unit) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void shutdown() {
            ended = true;
        }

        @Override
        public List<Runnable> shutdownNow() {
            ended = true;
            return List.copyOf(tasks);
        }

        @Override
        public boolean isShutdown() {
            return ended;
        }

        @Override
        public boolean isTerminated() {
            return ended;
        }

        @Override
        public boolean awaitTermination(long timeout, TimeUnit unit) {
            return ended;
        }
    }

    /** The future of what is not waited for. */
    private record Never() implements ScheduledFuture<Void> {
        @Override
        public long getDelay(TimeUnit unit) {
            return 0;
        }

        @Override
        public int compareTo(Delayed other) {
            return 0;
        }

        @Override
        public boolean cancel(boolean interrupting) {
            return false;
        }

        @Override
        public boolean isCancelled() {
            return false;
        }

        @Override
        public boolean isDone() {
            return false;
        }

        @Override
        public Void get() {
            throw new UnsupportedOperationException();
        }

        @Override
        public Void get(long timeout, TimeUnit unit) {
            throw new UnsupportedOperationException();
        }
    }

    private void fill(SandboxSpec spec) throws IOException {
        pool.take(spec);
        pool.take(spec);
        work();
    }

    @Test
    void whoeverAsksOncePaysForOne() throws IOException {
        pool.take(SPEC);
        work();

        assertThat(workshop.made).hasSize(1);
    }

    @Test
    void fromTheSecondOnSomeAreKeptReady() throws IOException {
        pool.take(SPEC);
        assertThat(background.tasks).isEmpty();
        pool.take(SPEC);
        assertThat(background.tasks).hasSize(1);
        assertThat(workshop.made).hasSize(2);

        work();

        assertThat(workshop.made).hasSize(2 + SIZE);
    }

    @Test
    void whatIsReadyIsTakenInOrderAndReplaced() throws IOException {
        fill(SPEC);

        assertThat(pool.take(SPEC).range().first()).isEqualTo(3);
        assertThat(pool.take(SPEC).range().first()).isEqualTo(4);
        assertThat(workshop.made).hasSize(6);
        work();
        assertThat(workshop.made).hasSize(8);
    }

    /** Whoever takes one is about to use it: the next are made when he has. */
    @Test
    void whatIsTakenIsReplacedAfterAWhileUnlessNoneIsLeft() throws IOException {
        fill(SPEC);
        assertThat(background.delays).as("when there were none").containsExactly(0L);

        for (int i = 1; i < SIZE; i++) {
            pool.take(SPEC);
        }
        assertThat(background.delays)
                .hasSize(2)
                .last()
                .satisfies(delay -> assertThat(delay).isPositive());
        work();
        for (int i = 0; i < SIZE; i++) {
            pool.take(SPEC);
            work();
        }
        assertThat(workshop.made).hasSize(2 + SIZE + (SIZE - 1) + SIZE);
    }

    @Test
    void thePoolIsBoundedHoweverManyAsk() throws IOException {
        for (int i = 0; i < 50; i++) {
            pool.take(SPEC);
        }
        work();
        work();

        assertThat(workshop.made).hasSize(50 + SIZE);
        assertThat(workshop.closed).isEmpty();
    }

    @Test
    void whatAPreparationDoesNotDependOnMakesNoKind() throws IOException {
        fill(SPEC);
        SandboxSpec other = SandboxSpec.host()
                .memory(Size.mib(64))
                .pids(3)
                .user("user")
                .hostname("other")
                .environment("A", "1")
                .workingDirectory("/tmp")
                .build();

        assertThat(pool.take(other).range().first()).isEqualTo(3);
    }

    @Test
    void anotherKindTakesThePlaceOfTheOneBefore() throws IOException {
        for (SandboxSpec other : List.of(
                SandboxSpec.directory(Path.of("/srv")).build(),
                SandboxSpec.host().readOnly().build(),
                SandboxSpec.host().tmpfs(Size.mib(1)).build(),
                SandboxSpec.host().network(Network.host()).build(),
                SandboxSpec.host().userNamespace(false).build())) {
            fill(SPEC);
            int ready = workshop.made.size();
            workshop.closed.clear();

            assertThat(pool.take(other).range().first()).isEqualTo(ready + 1);
            work();

            assertThat(workshop.closed).containsExactly(ready - 3, ready - 2, ready - 1, ready);
            assertThat(workshop.made).last().isEqualTo(other);
            assertThat(workshop.made).hasSize(ready + 1);
        }
    }

    @Test
    void whatIsFinishedTooLateIsThrownAway() throws IOException {
        SandboxSpec other = SandboxSpec.host().readOnly().build();
        pool.take(SPEC);
        pool.take(SPEC);
        pool.take(other);

        work();

        assertThat(workshop.made).hasSize(4);
        assertThat(workshop.closed).containsExactly(4);
        pool.take(other);
        work();
        assertThat(workshop.made).hasSize(5 + SIZE);
    }

    @Test
    void aDirectoryForChangesIsNeverPreparedInAdvance() throws IOException {
        SandboxSpec unique = SandboxSpec.host()
                .writable(new Writable.Directory(Path.of("/srv/changes")))
                .build();
        fill(SPEC);
        for (int i = 0; i < 3; i++) {
            assertThat(pool.take(unique).range().first()).isEqualTo(7 + i);
        }
        work();

        assertThat(workshop.made).hasSize(9);
        assertThat(pool.take(SPEC).range().first()).as("the pool is as it was").isEqualTo(3);
    }

    @Test
    void whoeverAsksAfterAFailureInTheBackgroundIsTold() throws IOException {
        pool.take(SPEC);
        pool.take(SPEC);
        workshop.broken = true;
        work();

        assertThatThrownBy(() -> pool.take(SPEC)).hasMessage("fsopen(overlay): ENODEV");

        workshop.broken = false;
        work();
        assertThat(workshop.made).hasSize(2 + SIZE);
        assertThat(pool.take(SPEC).range().first()).isEqualTo(3);
    }

    @Test
    void closingClosesAllThatNobodyTook() throws IOException {
        fill(SPEC);
        List<Preparation> taken = List.of(pool.take(SPEC), pool.take(SPEC));

        pool.close();
        work();
        pool.close();

        assertThat(workshop.closed).hasSize(workshop.made.size() - 4).doesNotHaveDuplicates();
        assertThat(taken)
                .allMatch(preparation ->
                        !workshop.closed.contains(preparation.range().first()));
    }

    @Test
    void aPreparationThatIsClosedHoldsNothing() throws IOException {
        fill(SPEC);
        int open = workshop.fakes.kernel().openDescriptors();

        pool.take(SPEC).close();

        assertThat(workshop.fakes.kernel().openDescriptors()).isLessThan(open);
        pool.close();
        assertThat(workshop.fakes.kernel().openDescriptors())
                .as("those of the two that were taken without an end, and the parents of all groups")
                .isEqualTo(2 * (Fakes.DESCRIPTORS_OF_A_PREPARATION - 1) + workshop.made.size());
    }

    @Test
    void aPoolWhoseBackgroundHasEndedStillMakes() throws IOException {
        background.shutdown();
        for (int i = 1; i <= 3; i++) {
            assertThat(pool.take(SPEC).range().first()).isEqualTo(i);
        }
    }

    /** They are made on the spot, since what they are bound to may be another thing by then. */
    @Test
    void oneWithMountsIsNeverPreparedInAdvance() throws IOException {
        SandboxSpec mounting =
                SandboxSpec.host().mount(Mount.bind(Path.of("/srv"), "/data")).build();
        for (int i = 0; i < 3; i++) {
            pool.take(mounting);
        }
        work();

        assertThat(workshop.made).hasSize(3);
    }

    @Test
    void manyTakersGetOneEach() throws Exception {
        Set<Preparation> taken = Collections.newSetFromMap(new IdentityHashMap<>());
        try (ScheduledExecutorService filler = Executors.newSingleThreadScheduledExecutor();
                ExecutorService takers = Executors.newFixedThreadPool(4)) {
            PreparationPool shared = new PreparationPool(workshop, images, networks, filler);
            Callable<Preparation> take = () -> shared.take(SPEC);
            List<Future<Preparation>> results = takers.invokeAll(Collections.nCopies(400, take));
            for (Future<Preparation> result : results) {
                assertThat(taken.add(result.get())).isTrue();
            }
            takers.shutdown();
            filler.submit(shared::close).get();
        }
        assertThat(workshop.closed).hasSize(workshop.made.size() - 400).doesNotHaveDuplicates();
        assertThat(workshop.closed.size()).isLessThanOrEqualTo(SIZE);
        assertThat(taken)
                .noneMatch(preparation ->
                        workshop.closed.contains(preparation.range().first()));
    }

    @Test
    void kindsOfRootsAreToldApart() throws IOException {
        fill(SandboxSpec.directory(Path.of("/usr")).build());
        assertThat(pool.take(SandboxSpec.directory(Path.of("/etc")).build())
                        .range()
                        .first())
                .isEqualTo(7);
        assertThat(workshop.made).last().extracting(SandboxSpec::root).isEqualTo(Root.directory(Path.of("/etc")));
    }

    @Test
    void anImageIsKnownByItsDigest() throws IOException {
        SandboxSpec spec = SandboxSpec.image("debian").build();
        fill(spec);
        int made = workshop.made.size();
        images.digest = "sha256:2";
        assertThat(pool.take(spec).range().first()).isEqualTo(made + 1);
        work();
        assertThat(workshop.closed).hasSize(SIZE);
    }

    /** What is kept ready has a lease of the network that was there before. */
    @Test
    void aNetworkThatIsMadeAgainIsAnother() throws IOException {
        SandboxSpec spec = SandboxSpec.host().network(Network.named("lab")).build();
        fill(spec);
        int made = workshop.made.size();
        networks.subnet = "fd01::/64";
        assertThat(pool.take(spec).range().first()).isEqualTo(made + 1);
        work();
        assertThat(workshop.closed).hasSize(SIZE);
    }

    /** The name is given to another image while preparations are made of the first. */
    @Test
    void whatWasMadeOfAnotherImageIsThrownAway() throws IOException {
        SandboxSpec spec = SandboxSpec.image("debian").build();
        pool.take(spec);
        pool.take(spec);
        images.digest = "sha256:2";
        work();
        assertThat(workshop.made).hasSize(3);
        assertThat(workshop.closed).containsExactly(3);
    }
}
