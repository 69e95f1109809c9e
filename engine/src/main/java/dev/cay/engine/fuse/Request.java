package dev.cay.engine.fuse;

import dev.cay.linux.Errno;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What is asked: {@code struct fuse_in_header}, and arguments that are taken in the order in which they stand there. Not thread-safe.
 */
final class Request {
    static final int HEADER_SIZE = 40;

    /** NAME_MAX: file systems here know no longer ones. */
    private static final int LONGEST_NAME = 255;

    /** PATH_MAX, of what a link leads to; without the NUL at its end. */
    private static final int LONGEST_TARGET = 4095;

    private static final int AT_OPCODE = 4;
    private static final int AT_UNIQUE = 8;
    private static final int AT_NODE = 16;
    private static final int AT_USER = 24;
    private static final int AT_GROUP = 28;

    private final ByteBuffer buffer;

    private Request(ByteBuffer buffer) {
        this.buffer = buffer;
    }

    /** @param message as it came: all of it is one request */
    static Request of(byte[] message) throws MalformedRequestException {
        ByteBuffer buffer = ByteBuffer.wrap(message).order(ByteOrder.LITTLE_ENDIAN);
        if (message.length < HEADER_SIZE || buffer.getInt(0) != message.length) {
            throw new MalformedRequestException("a message of " + message.length + " bytes");
        }
        buffer.position(HEADER_SIZE);
        return new Request(buffer);
    }

    int opcode() {
        return buffer.getInt(AT_OPCODE);
    }

    /** By which the answer is known. */
    long unique() {
        return buffer.getLong(AT_UNIQUE);
    }

    /** The number of the node that it is about. */
    long node() {
        return buffer.getLong(AT_NODE);
    }

    /** Who asks. */
    int user() {
        return buffer.getInt(AT_USER);
    }

    int group() {
        return buffer.getInt(AT_GROUP);
    }

    int number() throws MalformedRequestException {
        require(Integer.BYTES);
        return buffer.getInt();
    }

    long large() throws MalformedRequestException {
        require(Long.BYTES);
        return buffer.getLong();
    }

    void skip(int bytes) throws MalformedRequestException {
        require(bytes);
        buffer.position(buffer.position() + bytes);
    }

    private void require(int bytes) throws MalformedRequestException {
        if (buffer.remaining() < bytes) {
            throw new MalformedRequestException("operation " + opcode() + " is too short");
        }
    }

    /** All the rest, which must be so many bytes. */
    byte[] rest(int length) throws MalformedRequestException {
        if (length != buffer.remaining()) {
            throw new MalformedRequestException(
                    "operation " + opcode() + " has " + buffer.remaining() + " bytes and says " + length);
        }
        byte[] bytes = new byte[length];
        buffer.get(bytes);
        return bytes;
    }

    /** There is nothing more. */
    void end() throws MalformedRequestException {
        if (buffer.hasRemaining()) {
            throw new MalformedRequestException("operation " + opcode() + " is too long");
        }
    }

    /**
     * One component of a path.
     *
     * @throws Refusal if it is longer than any name here
     */
    byte[] name() throws MalformedRequestException, Refusal {
        byte[] name = text();
        boolean dots = name.length == 1 && name[0] == '.' || name.length == 2 && name[0] == '.' && name[1] == '.';
        if (name.length == 0 || dots || contains(name, '/')) {
            throw new MalformedRequestException("operation " + opcode() + " with a name that is none");
        }
        if (name.length > LONGEST_NAME) {
            throw new Refusal(Errno.ENAMETOOLONG);
        }
        return name;
    }

    /** What a link leads to: anything, as nobody here follows it. */
    byte[] target() throws MalformedRequestException, Refusal {
        byte[] target = text();
        if (target.length == 0) {
            throw new Refusal(Errno.ENOENT);
        }
        if (target.length > LONGEST_TARGET) {
            throw new Refusal(Errno.ENAMETOOLONG);
        }
        return target;
    }

    private byte[] text() throws MalformedRequestException {
        int end = buffer.position();
        while (end < buffer.limit() && buffer.get(end) != 0) {
            end++;
        }
        require(end + 1 - buffer.position());
        byte[] text = new byte[end - buffer.position()];
        buffer.get(text);
        buffer.get(); // the NUL
        return text;
    }

    private static boolean contains(byte[] bytes, char wanted) {
        for (byte one : bytes) {
            if (one == wanted) {
                return true;
            }
        }
        return false;
    }
}
