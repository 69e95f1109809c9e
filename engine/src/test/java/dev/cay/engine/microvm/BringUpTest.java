package dev.cay.engine.microvm;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.Isolation;
import dev.cay.MachineInfo;
import dev.cay.SandboxSpec;
import dev.cay.engine.container.GuestUser;
import dev.cay.linux.Fd;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Pipe;
import dev.cay.linux.Poll;
import dev.cay.linux.UnixSocket;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A guest that answers, and then does not go on. */
@Timeout(60)
class BringUpTest {
    /** How long a greeting is: a header of 8 bytes, a magic word and a nonce, behind as many zeros as complete any other frame. */
    private static final int HELLO = 24;

    private static final int X86_64 = 62;
    private static final int AARCH64 = 183;

    /** Answers the greeting as a first process does. */
    private static void greet(Fd socket) throws IOException {
        ByteBuffer come = ByteBuffer.allocateDirect(1 << 17);
        byte[] hello = new byte[HELLO];
        while (hello[4] != 1) {
            Poll.readable(socket);
            if (Pipe.read(socket, come) > 0 && come.position() >= HELLO) {
                come.get(come.position() - HELLO, hello);
            }
            if (!new String(hello, 8, 8, java.nio.charset.StandardCharsets.US_ASCII).equals("CaySTUB1")) {
                Arrays.fill(hello, (byte) 0);
            }
        }
        int machine = System.getProperty("os.arch").equals("aarch64") ? AARCH64 : X86_64;
        ByteBuffer answer = ByteBuffer.allocateDirect(HELLO + 4 * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        answer.put(hello).putInt(1).putInt(machine).putInt(1).putInt(0).putShort(6, (short) (answer.position() - 8));
        Pipe.write(socket, answer.flip());
    }

    @Test
    void aGuestThatStandsStillWhileItIsBroughtUpIsGivenUp() throws Exception {
        SandboxSpec spec =
                SandboxSpec.image("image").isolation(Isolation.MICROVM).build();
        GuestSpec wanted = GuestSpec.of("id", spec, List.of(Disk.layer(0)), List.of(), Map.of(), GuestUser.ROOT);
        List<Fd> channel = UnixSocket.pair();
        try (HostKernel host = new HostKernel();
                Fd theirs = channel.getLast()) {
            Thread guest = Thread.ofPlatform().daemon().start(() -> {
                try {
                    greet(theirs);
                } catch (IOException e) {
                    throw new IllegalStateException(e);
                }
            });
            long now = System.nanoTime();
            MachineKind kind =
                    new MachineKind(true, MachineInfo.Beginning.values()[0], Optional.empty(), Optional.empty());
            BringUp.Begun begun =
                    new BringUp.Begun(now, Map.of(), true, kind, Groundwork.NONE, List.of(), Optional.empty());
            long deadline = now + Duration.ofSeconds(5).toNanos();
            BringUp bringUp =
                    new BringUp(host, channel.getFirst(), wanted, Optional.empty(), Optional.empty(), deadline);
            assertThatThrownBy(() -> bringUp.run(begun, _ -> List.of()))
                    .isInstanceOf(IOException.class)
                    .hasMessage("the guest does not come up in time");
            guest.join();
        }
    }
}
