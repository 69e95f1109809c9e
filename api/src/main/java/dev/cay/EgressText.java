package dev.cay;

import dev.cay.EgressRule.Action;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** A policy as lines of text, both ways. Not thread-safe. */
final class EgressText {
    private Action fallback = Action.DENY;
    private final List<EgressRule> rules = new ArrayList<>();
    private boolean allowDns;
    private boolean logDenied = true;
    private OptionalInt connections = OptionalInt.empty();
    private Optional<Size> bandwidth = Optional.empty();

    /** Reads a line; false if it says nothing. */
    boolean read(String line) {
        String[] words = line.split("\\s+");
        if (words.length != 2) {
            return false;
        }
        String value = words[1];
        switch (words[0]) {
            case "allow":
                return rules.add(EgressRule.parse(Action.ALLOW, value));
            case "deny":
                return rules.add(EgressRule.parse(Action.DENY, value));
            case "default":
                fallback = value.equals("allow") ? Action.ALLOW : Action.DENY;
                return value.equals(fallback.text());
            case "dns":
                allowDns = value.equals("on");
                return allowDns || value.equals("off");
            case "log":
                logDenied = value.equals("on");
                return logDenied || value.equals("off");
            case "connections":
                if (!value.matches("[1-9][0-9]{0,8}")) {
                    return false;
                }
                connections = OptionalInt.of(Integer.parseInt(value));
                return true;
            case "bandwidth":
                try {
                    bandwidth = Optional.of(Size.parse(value));
                    return true;
                } catch (IllegalArgumentException e) {
                    return false;
                }
            default:
                return false;
        }
    }

    EgressPolicy policy() {
        return new EgressPolicy(fallback, rules, allowDns, logDenied, connections, bandwidth);
    }

    static String of(EgressPolicy policy) {
        StringBuilder text = new StringBuilder();
        text.append("default ").append(policy.fallback().text()).append('\n');
        for (EgressRule rule : policy.rules()) {
            text.append(rule).append('\n');
        }
        text.append("dns ").append(policy.allowDns() ? "on" : "off").append('\n');
        text.append("log ").append(policy.logDenied() ? "on" : "off").append('\n');
        policy.connections()
                .ifPresent(count -> text.append("connections ").append(count).append('\n'));
        policy.bandwidth()
                .ifPresent(size -> text.append("bandwidth ").append(size).append('\n'));
        return text.toString();
    }
}
