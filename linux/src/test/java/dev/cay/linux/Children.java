package dev.cay.linux;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Small programs for tests that spawn. */
final class Children {
    static final Birth PLAIN = new Birth(0, Optional.empty(), Optional.empty(), false);
    static final Birth TIED = new Birth(0, Optional.empty(), Optional.empty(), true);

    private Children() {}

    /** A list that ends in a shell. */
    static OpList shell(String script, Op... before) {
        List<Op> operations = new ArrayList<>(List.of(before));
        operations.add(Processes.unblockSignals());
        operations.add(Processes.execve("/bin/sh", List.of("sh", "-c", script), List.of("PATH=/usr/bin:/bin")));
        return OpList.of(operations.toArray(Op[]::new));
    }

    /** What a script prints. */
    static String output(Kernel kernel, Birth birth, String script, Op... before) throws IOException {
        try (Pipe pipe = Pipe.reading()) {
            List<Op> operations = new ArrayList<>(List.of(before));
            operations.add(FileOps.duplicate(Arg.of(pipe.theirs()), 1));
            try (Child child = kernel.spawn(shell(script, operations.toArray(Op[]::new)), birth)) {
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
