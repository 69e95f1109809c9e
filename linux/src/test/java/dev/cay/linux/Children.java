package dev.cay.linux;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Small programs for tests that spawn. */
final class Children {
    static final Birth PLAIN = new Birth(0, Optional.empty());

    private Children() {}

    /** A list that ends in a shell. */
    static OpList shell(String script, Op... before) {
        return list(program(List.of("/bin/sh", "-c", script)), before);
    }

    private static OpList list(Op program, Op... before) {
        List<Op> operations = new ArrayList<>(List.of(before));
        operations.add(Processes.unblockSignals());
        operations.add(program);
        return OpList.of(operations.toArray(Op[]::new));
    }

    static Op program(List<String> command) {
        return Processes.execve(command.getFirst(), command, List.of("PATH=/usr/bin:/bin"));
    }

    /** What a script prints. */
    static String output(Kernel kernel, Birth birth, String script, Op... before) throws IOException {
        return output(kernel, birth, program(List.of("/bin/sh", "-c", script)), before);
    }

    /** What a program prints. */
    static String output(Kernel kernel, Birth birth, Op program, Op... before) throws IOException {
        try (Pipe pipe = Pipe.reading()) {
            List<Op> operations = new ArrayList<>(List.of(before));
            operations.add(FileOps.duplicate(Arg.of(pipe.theirs()), 1));
            try (Child child = kernel.spawn(list(program, operations.toArray(Op[]::new)), birth)) {
                pipe.theirs().close();
                StringBuilder output = new StringBuilder();
                ByteBuffer buffer = ByteBuffer.allocateDirect(8192);
                while (true) {
                    Poll.readable(pipe.ours());
                    if (Pipe.read(pipe.ours(), buffer.clear()) == Pipe.END) {
                        break;
                    }
                    output.append(StandardCharsets.UTF_8.decode(buffer.flip()));
                }
                child.await();
                return output.toString();
            }
        }
    }
}
