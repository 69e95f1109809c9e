package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What kernels have been seen to say about their timer, and what comes of it. */
@Timeout(60)
class TimerWatchTest {
    /** A machine whose boots say one thing after the other; the last one is as many as are wanted. */
    private static final class Boots implements TimerWatch.Boot {
        private final List<String> clocks;
        private int resets;
        private boolean up;
        private int looks;

        Boots(String... clocks) {
            this.clocks = List.of(clocks);
        }

        private String clock(int boot) {
            return clocks.get(Math.min(boot, clocks.size() - 1));
        }

        @Override
        public String console() {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i <= resets; i++) {
                String clock = clock(i);
                boolean whole = i < resets || ++looks % 3 == 0; // the last line comes in pieces
                text.append("[    0.268911] ..... CPU clock speed is 2445.1762 MHz.\n");
                if (!clock.isEmpty()) {
                    text.append("[    0.268911] ..... host bus clock speed is ")
                            .append(whole ? clock + " MHz.\n" : clock.substring(0, looks % 3));
                }
            }
            return text.toString();
        }

        @Override
        public boolean isUp() {
            return up;
        }

        @Override
        public void reset() {
            resets++;
            looks = 0;
        }
    }

    private static int resets(String... clocks) throws IOException {
        Boots boots = new Boots(clocks);
        TimerWatch.settle(boots, soon());
        return boots.resets;
    }

    private static long soon() {
        return System.nanoTime() + Duration.ofSeconds(30).toNanos();
    }

    @Test
    void aKernelThatMeasuresWronglyBootsAgain() throws IOException {
        assertThat(resets("1000.0053")).isZero();
        assertThat(resets("1099.2176")).isZero();
        assertThat(resets("0.0828", "101.1968", "1415.2566", "997.3967")).isEqualTo(3);
    }

    /** One that is far too busy to measure anything well gets a timer that is not too bad. */
    @Test
    void whatDoesNotGetBetterIsEndured() throws IOException {
        assertThat(resets("688.0195")).isEqualTo(5);
        Boots hopeless = new Boots("0.0536");
        assertThatThrownBy(() -> TimerWatch.settle(hopeless, soon())).hasMessageContaining("wrongly 16 times");
    }

    @Test
    void aKernelThatSaysNothingIsLeftAlone() throws IOException {
        Boots silent = new Boots("");
        silent.up = true;
        TimerWatch.settle(silent, soon());
        assertThat(silent.resets).isZero();
        silent.up = false;
        assertThatThrownBy(() -> TimerWatch.settle(silent, System.nanoTime()))
                .hasMessage("the guest does not come in time");
    }

    @Test
    void aMachineThatEndsIsNotWaitedFor() {
        List<String> asked = new ArrayList<>();
        assertThatThrownBy(() -> TimerWatch.settle(
                        new TimerWatch.Boot() {
                            @Override
                            public String console() {
                                return "";
                            }

                            @Override
                            public boolean isUp() throws IOException {
                                asked.add("up");
                                throw new IOException("the machine has ended");
                            }

                            @Override
                            public void reset() {
                                asked.add("reset");
                            }
                        },
                        soon()))
                .hasMessage("the machine has ended");
        assertThat(asked).containsExactly("up");
    }
}
