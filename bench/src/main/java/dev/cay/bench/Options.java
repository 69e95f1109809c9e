package dev.cay.bench;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What the command line asks for.
 *
 * @param only the cases to run; all if empty
 */
record Options(String bench, OptionalInt n, OptionalInt warmup, Set<String> only) {
    static final String USAGE = """
            usage: ./dev bench NAME [--n N] [--warmup N] [--only CASE,...]

              start    create + run + exit + teardown of a sandbox, beside crun, runc, bwrap, unshare
              exec     a command in a running sandbox, beside crun exec, runc exec, nsenter
              io       round trips and throughput, beside ProcessBuilder
              scale    many sandboxes alive at once; --n says how many
              cli      the command line from a shell, beside podman; a pool, beside crun
              files    copies in and out, large and many, beside podman cp
              image    an image from a registry to its first command, beside podman, skopeo and umoci
              dns      the resolver of sandboxes by itself
              net      sandboxes on a network: their life, streams, connections
              vm       a microVM up to its first command, beside the same QEMU and kernel with busybox alone
              phases   where our microseconds go

            Needs root. Writes target/bench/NAME.json.""";

    private static final int MAXIMUM = 1_000_000;

    /**
     * @throws IllegalArgumentException if they make no sense
     */
    static Options parse(List<String> arguments) {
        if (arguments.isEmpty()) {
            throw new IllegalArgumentException("which benchmark?");
        }
        OptionalInt n = OptionalInt.empty();
        OptionalInt warmup = OptionalInt.empty();
        Set<String> only = new LinkedHashSet<>();
        for (int i = 1; i < arguments.size(); i += 2) {
            String option = arguments.get(i);
            if (i + 1 == arguments.size()) {
                throw new IllegalArgumentException(option + " needs a value");
            }
            String value = arguments.get(i + 1);
            switch (option) {
                case "--n" -> n = OptionalInt.of(number(option, value, 1));
                case "--warmup" -> warmup = OptionalInt.of(number(option, value, 0));
                case "--only" -> only.addAll(List.of(value.split(",")));
                default -> throw new IllegalArgumentException("there is no option " + option);
            }
        }
        return new Options(arguments.getFirst(), n, warmup, only);
    }

    private static int number(String option, String value, int least) {
        try {
            int number = Integer.parseInt(value);
            if (number >= least && number <= MAXIMUM) {
                return number;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new IllegalArgumentException(option + " " + value + " is not a number from " + least + " to " + MAXIMUM);
    }

    /**
     * Makes sure that only cases that exist are asked for.
     *
     * @throws IllegalArgumentException otherwise
     */
    void check(List<String> cases) {
        for (String one : only) {
            if (!cases.contains(one)) {
                throw new IllegalArgumentException(
                        "bench " + bench + " has no case '" + one + "'; it has: " + String.join(", ", cases));
            }
        }
    }

    boolean wants(String name) {
        return only.isEmpty() || only.contains(name);
    }
}
