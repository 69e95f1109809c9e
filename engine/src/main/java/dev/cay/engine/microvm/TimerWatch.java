package dev.cay.engine.microvm;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Sees to it that the kernel of an emulated machine has got its processor's timer right, before anything is done with it.
 *
 * <p>How fast that timer counts Linux measures while it boots (calibrate_APIC_clock): in a tenth of a second, by the time stamp counter, which
 * goes on while QEMU waits for a processor of this machine. With a load of fifteen on two processors every second measurement was off by more than a
 * tenth, and one in ten by so much that the kernel did without a timer: such a guest stands still for ever. One whose timer is
 * believed to be slower than it is gets many interrupts for each that it wants, one with a faster one is late for all; and what a template believes all its
 * clones do. So the kernel is asked to say what it has measured, and boots again where that is wrong.
 */
final class TimerWatch {
    /** What it has to measure: QEMU's timer counts nanoseconds. */
    private static final long MEGAHERTZ = 1000;

    private static final long TOLERATED = MEGAHERTZ / 10;

    /** On a machine that does not come to rest a guest with such a timer is better than none. */
    private static final long ENDURED = MEGAHERTZ / 2;

    /** So many boots are to have a timer as it should be, the others one that can be endured. */
    private static final int STRICT = 5;

    private static final int MAXIMUM = 16;
    private static final long LOOK_AGAIN_NANOSECONDS = 10_000_000;
    private static final String MEASURED = "host bus clock speed is ";

    /** Of a number; what is longer is none. */
    private static final int DIGITS = 9;

    private TimerWatch() {}

    /** A machine that boots, and with whose first process nobody has spoken yet. */
    interface Boot {
        /** What its console has said since it was started. */
        String console() throws IOException;

        /**
         * Whether its first process has opened its port.
         *
         * @throws IOException if the machine has ended
         */
        boolean isUp() throws IOException;

        /** Has it boot again. */
        void reset() throws IOException;
    }

    /** What has to be said to a kernel so that it tells what it has measured. */
    static String words() {
        return "apic=verbose loglevel=5";
    }

    /**
     * Returns when the kernel has a timer with which it can go on.
     *
     * @param deadline a value of {@link System#nanoTime}
     * @throws IOException if it has none in time, or the machine has ended
     */
    static void settle(Boot boot, long deadline) throws IOException {
        for (int boots = 1; boots <= MAXIMUM; boots++) {
            OptionalLong measured = measured(boot, boots, deadline);
            long error = Math.abs(measured.orElse(MEGAHERTZ) - MEGAHERTZ); // what is not said is not known to be wrong
            if (error <= (boots <= STRICT ? TOLERATED : ENDURED)) {
                return;
            }
            boot.reset();
        }
        throw new IOException("the guest's kernel has measured its timer wrongly " + MAXIMUM
                + " times: this machine has too much else to do");
    }

    /** What was measured in the last of so many boots; empty if the kernel has come further without a word. */
    private static OptionalLong measured(Boot boot, int boots, long deadline) throws IOException {
        for (boolean wasUp = false; ; ) {
            boolean up = boot.isUp();
            List<Long> said = said(boot.console());
            if (said.size() >= boots) {
                return OptionalLong.of(said.get(boots - 1));
            }
            if (up && wasUp) { // its console is read by others, and what it said before that is there by now
                return OptionalLong.empty();
            }
            wasUp = up;
            if (System.nanoTime() - deadline >= 0) {
                throw new IOException("the guest does not come in time");
            }
            LockSupport.parkNanos(LOOK_AGAIN_NANOSECONDS);
        }
    }

    /** What has been measured so far, in whole megahertz: what stands before the point. */
    private static List<Long> said(String console) {
        List<Long> all = new ArrayList<>();
        for (int at = console.indexOf(MEASURED); at >= 0; at = console.indexOf(MEASURED, at)) {
            at += MEASURED.length();
            long number = 0;
            int end = at;
            while (end < console.length() && end - at < DIGITS && Character.digit(console.charAt(end), 10) >= 0) {
                number = 10 * number + Character.digit(console.charAt(end), 10);
                end++;
            }
            if (end > at && end < console.length() && console.charAt(end) == '.') {
                all.add(number);
            }
        }
        return all;
    }
}
