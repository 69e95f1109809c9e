package dev.cay.engine.dns;

import static java.util.Objects.requireNonNull;

/** What is asked for. */
record Question(DnsName name, int type, int recordClass) {
    Question {
        requireNonNull(name, "name is null");
    }
}
