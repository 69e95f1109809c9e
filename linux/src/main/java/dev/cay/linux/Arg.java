package dev.cay.linux;

import static java.util.Objects.requireNonNull;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** One argument of an {@link Op}: what a register holds when the system call is made. */
public sealed interface Arg {
    /** Puts arguments into the memory of a list, each returned as what stands for it there. */
    interface Encoder {
        long number(long value);

        long descriptor(Fd fd);

        long result(Op of);

        long location(Op of);

        long bytes(byte[] value);

        long buffer(Buffer room);

        long stored(Buffer room, int offset);

        long struct(byte[] value, List<Pointer> pointers);
    }

    /** A method of each kind, and no switch over types: its bootstrap would cost a cold JVM milliseconds. */
    long encode(Encoder encoder);

    /** What it takes up in the memory of a list, besides its register. */
    default int footprint() {
        return 0;
    }

    /** A number. */
    record Number(long value) implements Arg {
        @Override
        public long encode(Encoder encoder) {
            return encoder.number(value);
        }
    }

    /** A descriptor of this process. */
    record Descriptor(Fd fd) implements Arg {
        public Descriptor {
            requireNonNull(fd, "fd is null");
        }

        @Override
        public long encode(Encoder encoder) {
            return encoder.descriptor(fd);
        }
    }

    /** The result of an earlier operation of the same list. */
    record Result(Op of) implements Arg {
        public Result {
            requireNonNull(of, "of is null");
        }

        @Override
        public long encode(Encoder encoder) {
            return encoder.result(of);
        }
    }

    /** The address of the result, eight bytes, of an earlier operation of the same list. */
    record Location(Op of) implements Arg {
        public Location {
            requireNonNull(of, "of is null");
        }

        @Override
        public long encode(Encoder encoder) {
            return encoder.location(of);
        }
    }

    /** The address of bytes: a C string, a struct. Do not modify. */
    record Bytes(byte[] value) implements Arg {
        public Bytes {
            requireNonNull(value, "value is null");
        }

        @Override
        public long encode(Encoder encoder) {
            return encoder.bytes(value);
        }

        @Override
        public int footprint() {
            return Scratch.align(value.length);
        }
    }

    /** The address of so many zero bytes that the kernel fills; read with {@link Results#bytes}. No two are equal. */
    final class Buffer implements Arg {
        private final int size;

        public Buffer(int size) {
            this.size = size;
        }

        int size() {
            return size;
        }

        @Override
        public long encode(Encoder encoder) {
            return encoder.buffer(this);
        }

        @Override
        public int footprint() {
            return Scratch.align(size);
        }
    }

    /**
     * The eight bytes that an earlier operation of the same list left at an offset of its buffer, as a number: whatever takes a
     * descriptor looks at the lower half of them.
     */
    record Stored(Buffer buffer, int offset) implements Arg {
        public Stored {
            requireNonNull(buffer, "buffer is null");
            if (offset < 0 || offset > buffer.size() - Long.BYTES) {
                throw new IllegalArgumentException("not within the buffer: " + offset);
            }
        }

        @Override
        public long encode(Encoder encoder) {
            return encoder.stored(buffer, offset);
        }
    }

    /** The address of bytes into which the addresses of others are written. */
    record Struct(byte[] value, List<Pointer> pointers) implements Arg {
        public Struct {
            requireNonNull(value, "value is null");
            pointers = List.copyOf(pointers);
        }

        @Override
        public long encode(Encoder encoder) {
            return encoder.struct(value, pointers);
        }

        @Override
        public int footprint() {
            int total = Scratch.align(value.length);
            for (Pointer pointer : pointers) {
                total += Scratch.align(pointer.target().length);
            }
            return total;
        }
    }

    /** A pointer inside a {@link Struct}: at this offset stands the address of a copy of the target. */
    record Pointer(int offset, byte[] target) {}

    static Arg of(long value) {
        return new Number(value);
    }

    static Arg of(Fd fd) {
        return new Descriptor(fd);
    }

    static Arg of(Op earlier) {
        return new Result(earlier);
    }

    static Arg text(String text) {
        return new Bytes(cString(text));
    }

    /** Native byte order, which is little on both architectures. */
    static ByteBuffer struct(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A NULL-terminated array of C strings, as execve(2) takes it. */
    static Arg vector(List<String> texts) {
        List<Pointer> pointers = new ArrayList<>(texts.size());
        for (int i = 0; i < texts.size(); i++) {
            pointers.add(new Pointer(i * Long.BYTES, cString(texts.get(i))));
        }
        return new Struct(new byte[(texts.size() + 1) * Long.BYTES], pointers);
    }

    private static byte[] cString(String text) {
        byte[] utf8 = requireNonNull(text, "text is null").getBytes(StandardCharsets.UTF_8);
        byte[] terminated = new byte[utf8.length + 1];
        for (int i = 0; i < utf8.length; i++) {
            if (utf8[i] == 0) {
                throw new IllegalArgumentException("a C string cannot contain NUL");
            }
            terminated[i] = utf8[i];
        }
        return terminated;
    }
}
