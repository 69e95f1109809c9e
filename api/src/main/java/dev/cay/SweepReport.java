package dev.cay;

import java.util.List;

/**
 * What a sweep found.
 *
 * @param adopted sandboxes that live although whoever made them may not
 * @param removed sandboxes of which something was left, and is gone now
 * @param failures what could not be cleaned up, in words; a later sweep tries again
 */
public record SweepReport(List<String> adopted, List<String> removed, List<String> failures) {
    public SweepReport {
        adopted = List.copyOf(adopted);
        removed = List.copyOf(removed);
        failures = List.copyOf(failures);
    }
}
