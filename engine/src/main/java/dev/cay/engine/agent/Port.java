package dev.cay.engine.agent;

import java.util.Optional;

/** What is to be had at an agent socket, by the number that the handshake names. */
enum Port {
    EXECUTIONS(52),
    FILES(53),
    CONTROL(54);

    private final int number;

    Port(int number) {
        this.number = number;
    }

    int number() {
        return number;
    }

    static Optional<Port> of(int number) {
        for (Port port : values()) {
            if (port.number == number) {
                return Optional.of(port);
            }
        }
        return Optional.empty();
    }
}
