package dev.cay.engine.fuse;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.FileOps;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Asks as a guest's kernel does, for files in a directory of this machine. */
final class FakeGuest implements AutoCloseable {
    static final long ROOT = 1;

    private final HostKernel kernel = new HostKernel();
    private final FuseServer server;
    private long unique;

    FakeGuest(Path directory) throws IOException {
        Op open = FileOps.open(directory.toString(), FileOps.O_PATH | FileOps.O_DIRECTORY);
        Fd root = kernel.run(OpList.of(open)).fd(open);
        server = new FuseServer(new Place(kernel, root, (_, _) -> List.of(), 0, 0));
    }

    /** One whose kernel has introduced itself. */
    static FakeGuest greeted(Path directory) throws Exception {
        FakeGuest guest = new FakeGuest(directory);
        guest.ok(Operation.INIT, 0, numbers(7, 38, 128 * 1024, -1));
        return guest;
    }

    FuseServer server() {
        return server;
    }

    /** An answer: an errno, 0 if it is none, and what is behind the header. */
    record Answer(int errno, ByteBuffer body) {}

    static byte[] message(int opcode, long unique, long node, byte[]... arguments) {
        int length = Request.HEADER_SIZE;
        for (byte[] argument : arguments) {
            length += argument.length;
        }
        ByteBuffer message = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        message.putInt(length).putInt(opcode).putLong(unique).putLong(node);
        message.position(Request.HEADER_SIZE);
        for (byte[] argument : arguments) {
            message.put(argument);
        }
        return message.array();
    }

    static byte[] numbers(int... values) {
        ByteBuffer buffer = ByteBuffer.allocate(Integer.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (int value : values) {
            buffer.putInt(value);
        }
        return buffer.array();
    }

    static byte[] large(long... values) {
        ByteBuffer buffer = ByteBuffer.allocate(Long.BYTES * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (long value : values) {
            buffer.putLong(value);
        }
        return buffer.array();
    }

    static byte[] text(String text) {
        return (text + "\0").getBytes(StandardCharsets.UTF_8);
    }

    Answer ask(int opcode, long node, byte[]... arguments) throws MalformedRequestException {
        unique++;
        byte[] reply = server.answer(message(opcode, unique, node, arguments)).orElseThrow();
        return parse(reply, unique);
    }

    static Answer parse(byte[] reply, long unique) {
        ByteBuffer buffer = ByteBuffer.wrap(reply).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(buffer.getInt()).isEqualTo(reply.length);
        int error = buffer.getInt();
        assertThat(error).isBetween(-511, 0);
        assertThat(buffer.getLong()).isEqualTo(unique);
        assertThat(error == 0 || reply.length == Reply.HEADER_SIZE).isTrue();
        return new Answer(-error, buffer.slice().order(ByteOrder.LITTLE_ENDIAN));
    }

    ByteBuffer ok(int opcode, long node, byte[]... arguments) throws MalformedRequestException {
        Answer answer = ask(opcode, node, arguments);
        assertThat(Errno.nameOf(answer.errno())).isEqualTo("errno 0");
        return answer.body();
    }

    String refused(int opcode, long node, byte[]... arguments) throws MalformedRequestException {
        return Errno.nameOf(ask(opcode, node, arguments).errno());
    }

    /** The node of a path below the root. */
    long find(String path) throws MalformedRequestException {
        long node = ROOT;
        for (String name : path.split("/")) {
            node = ok(Operation.LOOKUP, node, text(name)).getLong(0);
        }
        return node;
    }

    long open(long node, int flags) throws MalformedRequestException {
        return ok(Operation.OPEN, node, numbers(flags, 0)).getLong(0);
    }

    String read(long node) throws MalformedRequestException {
        long handle = open(node, 0);
        ByteBuffer body = ok(Operation.READ, node, large(handle, 0), numbers(65536, 0), new byte[16]);
        ok(Operation.RELEASE, node, large(handle), new byte[16]);
        return StandardCharsets.UTF_8.decode(body).toString();
    }

    int write(long node, long handle, long offset, String text) throws MalformedRequestException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        byte[] header = numbers(bytes.length, 0);
        return ok(Operation.WRITE, node, large(handle, offset), header, new byte[16], bytes)
                .getInt(0);
    }

    /** What READDIR says from a place on, and where it goes on: names, then the place. */
    List<String> list(long node, boolean plus) throws MalformedRequestException {
        long handle = ok(Operation.OPENDIR, node, numbers(0, 0)).getLong(0);
        List<String> names = new ArrayList<>();
        long place = 0;
        while (true) {
            int opcode = plus ? Operation.READDIRPLUS : Operation.READDIR;
            ByteBuffer body = ok(opcode, node, large(handle, place), numbers(4096, 0), new byte[16]);
            if (!body.hasRemaining()) {
                ok(Operation.RELEASEDIR, node, large(handle), new byte[16]);
                return names;
            }
            while (body.hasRemaining()) {
                body.position(body.position() + (plus ? Tree.ENTRY_SIZE : 0));
                body.getLong();
                place = body.getLong();
                byte[] name = new byte[body.getInt()];
                body.getInt();
                body.get(name);
                body.position(body.position() + 7 & ~7);
                names.add(new String(name, StandardCharsets.UTF_8));
            }
        }
    }

    @Override
    public void close() {
        server.close();
        kernel.close();
    }
}
