package dev.cay.engine.seccomp;

import dev.cay.linux.Architecture;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.stream.Collectors;

/** A system call as the kernel shows it to a filter. */
record Call(int number, int auditArchitecture, long[] arguments) {
    static Call of(Architecture architecture, int number, long... arguments) {
        return new Call(number, AuditArchitecture.of(architecture), Arrays.copyOf(arguments, 6));
    }

    static Call of(Architecture architecture, String name, long... arguments) {
        return of(architecture, SystemCalls.of(architecture).number(name).orElseThrow(), arguments);
    }

    /** {@code struct seccomp_data}, 64 bytes. */
    ByteBuffer data() {
        ByteBuffer data = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
        data.putInt(number).putInt(auditArchitecture).putLong(0x7FFF_1234_5678L);
        Arrays.stream(arguments).forEach(data::putLong);
        return data;
    }

    @Override
    public String toString() {
        return "call " + Integer.toUnsignedString(number) + " of " + Integer.toHexString(auditArchitecture)
                + Arrays.stream(arguments).mapToObj(Long::toHexString).collect(Collectors.joining(", ", "(", ")"));
    }
}
