package dev.cay;

import static java.util.Objects.requireNonNull;

import java.util.Locale;
import java.util.regex.Pattern;

/** Where a connection goes to, as a rule of an {@link EgressPolicy} says it. */
public sealed interface EgressTarget {
    /** The addresses of a block. */
    record Block(Cidr cidr) implements EgressTarget {
        public Block {
            requireNonNull(cidr, "cidr is null");
        }

        @Override
        public String toString() {
            return cidr.toString();
        }
    }

    /** The addresses of a group. */
    record Group(AddressGroup group) implements EgressTarget {
        public Group {
            requireNonNull(group, "group is null");
        }

        @Override
        public String toString() {
            return group.text();
        }
    }

    /**
     * The addresses that the sandbox has been told for a name, for as long as it was told that they are good.
     *
     * @param name a fully qualified domain name of at least two labels, or {@code *.} and a suffix of at least two: then all
     *     names below the suffix; in lower case
     */
    record Domain(String name) implements EgressTarget {
        private static final Pattern FORM =
                Pattern.compile("(?=.{1,253}$)(\\*\\.)?(?!-)[a-z0-9_-]{1,63}(?<!-)(\\.(?!-)[a-z0-9_-]{1,63}(?<!-))+");
        private static final Pattern NUMBER = Pattern.compile(".*\\.[0-9]+");

        public Domain {
            name = name.toLowerCase(Locale.ROOT);
            if (name.endsWith(".")) {
                name = name.substring(0, name.length() - 1);
            }
            Check.that(
                    FORM.matcher(name).matches() && !NUMBER.matcher(name).matches(),
                    "'" + name + "' is no domain",
                    "write example.com or *.example.com: at least two labels of 1 to 63 letters, digits and hyphens");
        }

        /** Whether the rule speaks of a name, given in any case and with or without a dot at its end. */
        public boolean matches(String queried) {
            String asked = queried.toLowerCase(Locale.ROOT);
            if (asked.endsWith(".")) {
                asked = asked.substring(0, asked.length() - 1);
            }
            return name.startsWith("*.") ? asked.endsWith(name.substring(1)) : asked.equals(name);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    /**
     * Reads a block, the name of a group or a domain.
     *
     * @throws SandboxException.InvalidSpec if it is none of them
     */
    static EgressTarget parse(String text) {
        for (AddressGroup group : AddressGroup.values()) {
            if (group.text().equals(text)) {
                return new Group(group);
            }
        }
        boolean address = text.indexOf(':') >= 0
                || text.indexOf('/') >= 0
                || Domain.NUMBER.matcher(text).matches();
        return address ? new Block(Cidr.parse(text)) : new Domain(text);
    }
}
