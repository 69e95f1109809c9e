package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Lists in the layout of design/002-stub.md, whose numbers stand here once more. */
class StubListTest {
    private static final int HEADER = 80;
    private static final int OPERATION = 80;
    private static final int ARGUMENTS = 8;
    private static final int MASK = 56;
    private static final int TOLERATED = 64;
    private static final int RESULT = 72;
    private static final long SENT = 1 << 25;
    private static final Birth PLAIN = new Birth(0, Optional.empty());

    private final RecordingKernel kernel = new RecordingKernel();

    private Fd fd() throws SyscallException {
        Op open = FileOps.open("x", FileOps.O_RDONLY);
        return kernel.run(OpList.of(open)).fd(open);
    }

    private static ByteBuffer bytes(StubList list) throws SyscallException {
        return ByteBuffer.wrap(list.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static ByteBuffer child(OpList list) throws SyscallException {
        return bytes(StubList.of(list, StubList.Mode.CHILD, PLAIN));
    }

    private static long argument(ByteBuffer list, int operation, int index) {
        return list.getLong(HEADER + OPERATION * operation + ARGUMENTS + 8 * index);
    }

    private static long mask(ByteBuffer list, int operation) {
        return list.getLong(HEADER + OPERATION * operation + MASK);
    }

    private static String text(ByteBuffer list, long at, int length) throws SyscallException {
        return new String(list.array(), (int) at, length, StandardCharsets.UTF_8);
    }

    /** What an archive without entries becomes. */
    @Test
    void aListMayHaveNoOperation() throws SyscallException {
        assertThat(child(OpList.builder().build()).capacity()).isEqualTo(HEADER);
    }

    @Test
    void theHeaderOfAListThatIsNoExecution() throws SyscallException {
        Arg.Buffer buffer = new Arg.Buffer(10);
        OpList list = OpList.of(
                FileOps.write(Arg.of(fd()), "", "text"),
                FileOps.read(Arg.of(fd()), buffer),
                Processes.execve("/x", List.of("a", "b"), List.of()));
        StubList encoded = StubList.of(list, StubList.Mode.INLINE, PLAIN);
        ByteBuffer header = bytes(encoded);

        assertThat(header.getInt(0)).as("total").isEqualTo(encoded.bytes().length);
        assertThat(header.getInt(4)).as("room").isEqualTo(16);
        assertThat(header.getShort(8)).as("operations").isEqualTo((short) 3);
        assertThat(header.getShort(10)).as("relocations").isEqualTo((short) 2);
        assertThat(header.getShort(12)).as("descriptors").isEqualTo((short) 2);
        assertThat(header.getShort(14)).as("mode").isZero();
        assertThat(header.getLong(16)).as("flags").isZero();
        assertThat(header.getInt(24)).as("cgroup").isEqualTo(-1);
        assertThat(header.getInt(28)).as("reply").isEqualTo(encoded.bytes().length);
        assertThat(header.getInt(32)).as("its length").isEqualTo(16);
        assertThat(header.getInt(36)).as("execution").isZero();
        for (int none : List.of(40, 44, 56, 60, 64)) {
            assertThat(header.getInt(none)).as("at %d", none).isEqualTo(-1);
        }
        for (int zero : List.of(48, 52, 68, 72, 76)) {
            assertThat(header.getInt(zero)).as("at %d", zero).isZero();
        }
        assertThat(encoded.bytes().length % 8).isZero();
    }

    @Test
    void modesAreNumberedAsAgreed() throws SyscallException {
        OpList list = OpList.of(Processes.setsid());
        assertThat(bytes(StubList.of(list, StubList.Mode.INLINE, PLAIN)).getShort(14))
                .isEqualTo((short) 0);
        assertThat(bytes(StubList.of(list, StubList.Mode.CHILD, PLAIN)).getShort(14))
                .isEqualTo((short) 1);
        assertThat(bytes(StubList.of(list, StubList.Mode.EXECUTION, PLAIN)).getShort(14))
                .isEqualTo((short) 2);
    }

    @Test
    void numbersStandAsTheyAre() throws SyscallException {
        ByteBuffer list = child(OpList.of(Op.of(SystemCall.EXIT_GROUP, "", Arg.of(-7), Arg.of(1L << 40))));

        assertThat(list.getLong(HEADER)).isEqualTo(SystemCall.EXIT_GROUP.number(Native.ARCHITECTURE));
        assertThat(argument(list, 0, 0)).isEqualTo(-7);
        assertThat(argument(list, 0, 1)).isEqualTo(1L << 40);
        assertThat(argument(list, 0, 2)).isZero();
        assertThat(mask(list, 0)).isZero();
    }

    @Test
    void bytesAndTextsAreOffsets() throws SyscallException {
        ByteBuffer list = child(OpList.of(FileOps.chdir("/over/there"), FileOps.chdir("/x")));

        assertThat(mask(list, 0)).isEqualTo(1 << 8);
        assertThat(argument(list, 0, 0) % 8).isZero();
        assertThat(text(list, argument(list, 0, 0), 12)).isEqualTo("/over/there\0");
        assertThat(text(list, argument(list, 1, 0), 3)).isEqualTo("/x\0");
    }

    @Test
    void aResultIsTheAddressOfAValueAndALocationOnlyAnAddress() throws SyscallException {
        Op first = Op.of(SystemCall.GETPID, "");
        ByteBuffer list = child(OpList.of(
                Op.of(SystemCall.GETPID, ""),
                first,
                Op.of(SystemCall.EXIT_GROUP, "", Arg.of(0), Arg.of(first), new Arg.Location(first))));

        assertThat(mask(list, 2)).isEqualTo(1 << 1 | 1 << 8 + 1 | 1 << 8 + 2);
        assertThat(argument(list, 2, 1)).isEqualTo(HEADER + OPERATION + RESULT);
        assertThat(argument(list, 2, 2)).isEqualTo(HEADER + OPERATION + RESULT);
    }

    @Test
    void descriptorsAreIndexesAndTravelOnce() throws SyscallException {
        Fd one = fd();
        Fd other = fd();
        Op dup = Op.of(SystemCall.DUP3, "", Arg.of(other), Arg.of(one), Arg.of(other));
        StubList encoded = StubList.of(OpList.of(FileOps.duplicate(Arg.of(one), 5), dup), StubList.Mode.CHILD, PLAIN);
        ByteBuffer list = bytes(encoded);

        assertThat(encoded.descriptors()).containsExactly(one, other);
        assertThat(list.getShort(12)).isEqualTo((short) 2);
        assertThat(mask(list, 0)).isEqualTo(1 << 16);
        assertThat(mask(list, 1)).isEqualTo(7 << 16);
        assertThat(argument(list, 0, 0)).isZero();
        assertThat(List.of(argument(list, 1, 0), argument(list, 1, 1), argument(list, 1, 2)))
                .containsExactly(1L, 0L, 1L);
    }

    @Test
    void pointersInsideOfStructsAreRelocated() throws SyscallException {
        ByteBuffer list = child(OpList.of(Processes.execve("/bin/x", List.of("a", "bc"), List.of("D=1"))));
        int relocations = HEADER + OPERATION;
        Map<Integer, String> targets = new TreeMap<>();
        for (int i = 0; i < 3; i++) {
            int to = list.getInt(relocations + 8 * i + 4);
            targets.put(list.getInt(relocations + 8 * i), text(list, to, 4).split("\0")[0]);
        }
        int arguments = (int) argument(list, 0, 1);
        int environment = (int) argument(list, 0, 2);

        assertThat(list.getShort(10)).isEqualTo((short) 3);
        assertThat(targets)
                .containsExactlyInAnyOrderEntriesOf(Map.of(arguments, "a", arguments + 8, "bc", environment, "D=1"));
        assertThat(list.getLong(arguments + 16)).as("the end of the arguments").isZero();
        assertThat(mask(list, 0)).isEqualTo(7 << 8);
    }

    @Test
    void buffersStandBehindAllThatIsSentAndComeBack() throws SyscallException {
        Arg.Buffer small = new Arg.Buffer(3);
        Arg.Buffer large = new Arg.Buffer(100);
        Fd fd = fd();
        StubList encoded = StubList.of(
                OpList.of(
                        FileOps.read(Arg.of(fd), small),
                        FileOps.chdir("/behind the buffer"),
                        FileOps.read(Arg.of(fd), large),
                        FileOps.read(Arg.of(fd), small)),
                StubList.Mode.CHILD,
                PLAIN);
        ByteBuffer list = bytes(encoded);
        int total = encoded.bytes().length;

        assertThat(argument(list, 0, 1)).isEqualTo(total);
        assertThat(argument(list, 2, 1)).isEqualTo(total + 8);
        assertThat(argument(list, 3, 1)).as("the same one").isEqualTo(total);
        assertThat(mask(list, 0)).isEqualTo(1 << 16 | 1 << 8 + 1);
        assertThat(list.getInt(4)).isEqualTo(8 + 104);

        ByteBuffer reply = reply(encoded, 4, -1);
        reply.put(8 + 4 * 8, new byte[] {1, 2, 3}).put(8 + 4 * 8 + 8, (byte) 4);
        Results results = encoded.results(reply, List.of());
        assertThat(results.bytes(small)).containsExactly(1, 2, 3);
        assertThat(results.bytes(large)).hasSize(100).startsWith(4, 0, 0);
    }

    /** An answer of the stub in which all results are 0. */
    private static ByteBuffer reply(StubList list, int operations, int failed) throws SyscallException {
        int length = 8 + 8 * operations + bytes(list).getInt(32);
        return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN).putInt(0, failed);
    }

    @Test
    void toleratedErrorsStandBehindTheMask() throws SyscallException {
        ByteBuffer list = child(OpList.of(FileOps.chdir("/").tolerating(Errno.EPERM, Errno.ENOENT, Errno.EACCES)));

        List<Integer> errors = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            errors.add((int) list.getShort(HEADER + TOLERATED + 2 * i));
        }
        assertThat(errors).containsExactly(1, 2, 13, 0);
    }

    @Test
    void whatIsOpenedIsSentUnlessTheListClosesItOrIsAnExecution() throws SyscallException {
        Op kept = FileOps.open("/a", 0);
        Op closed = FileOps.open("/b", 0);
        OpList list = OpList.of(kept, closed, FileOps.close(closed));

        ByteBuffer child = child(list);
        assertThat(mask(child, 0) & SENT).isNotZero();
        assertThat(mask(child, 1) & SENT).isZero();
        assertThat(mask(child, 2) & SENT).isZero();
        ByteBuffer execution = bytes(StubList.of(list, StubList.Mode.EXECUTION, PLAIN));
        assertThat(mask(execution, 0) & SENT).isZero();
    }

    @Test
    void aBirthNamesItsNamespacesAndItsGroup() throws SyscallException {
        Fd group = fd();
        Birth birth = new Birth(Namespaces.UTS | Namespaces.IPC, Optional.of(group));
        StubList encoded = StubList.of(OpList.of(FileOps.duplicate(Arg.of(fd()), 0)), StubList.Mode.EXECUTION, birth);

        assertThat(bytes(encoded).getLong(16)).isEqualTo(0x0c00_0000L);
        assertThat(encoded.descriptors().get(bytes(encoded).getInt(24))).isSameAs(group);
    }

    @Test
    void whatIsKeptIsDescribed() throws SyscallException {
        Fd record = fd();
        Fd kill = fd();
        Fd terminal = fd();
        KeptExecution.Plan plan =
                new KeptExecution.Plan(7, record, Optional.of(kill), 1000, 200, List.of(terminal, terminal), 8192);
        OpList list = OpList.of(FileOps.duplicate(Arg.of(fd()), 0));
        StubList encoded = StubList.of(list, StubList.Mode.EXECUTION, PLAIN).keep(plan);
        ByteBuffer header = bytes(encoded);

        assertThat(header.getInt(36)).isEqualTo(7);
        assertThat(encoded.descriptors().get(header.getInt(40))).isSameAs(record);
        assertThat(encoded.descriptors().get(header.getInt(44))).isSameAs(kill);
        assertThat(header.getInt(48)).isEqualTo(1000);
        assertThat(header.getInt(52)).isEqualTo(200);
        assertThat(encoded.descriptors().get(header.getInt(56))).isSameAs(terminal);
        assertThat(header.getInt(60)).isEqualTo(header.getInt(56));
        assertThat(header.getInt(64)).as("no error of its own").isEqualTo(-1);
        assertThat(header.getInt(68)).isEqualTo(8192);
        assertThat(header.getShort(12)).isEqualTo((short) encoded.descriptors().size());
    }

    @Test
    void whoeverFailedHasSentWhatItOpenedBefore() throws SyscallException {
        Op first = FileOps.open("/a", 0);
        Op missing = FileOps.open("/b", 0).tolerating(Errno.ENOENT);
        Op closed = FileOps.open("/c", 0);
        OpList list =
                OpList.of(first, missing, closed, FileOps.chdir("/"), FileOps.close(closed), FileOps.open("/", 0));
        StubList encoded = StubList.of(list, StubList.Mode.CHILD, PLAIN);
        ByteBuffer reply = reply(encoded, 6, -1)
                .putLong(8, 9)
                .putLong(16, -2)
                .putLong(24, 11)
                .putLong(48, 12);

        assertThat(encoded.received(reply)).isEqualTo(2);
        reply.putInt(0, 3);
        assertThat(encoded.received(reply)).isEqualTo(1);
        assertThat(encoded.undo(reply))
                .singleElement()
                .satisfies(close -> assertThat(close.arguments()).containsExactly(Arg.of(11)));
        reply.putInt(0, 5);
        assertThat(encoded.undo(reply)).isEmpty();
        reply.putInt(0, 0);
        assertThat(encoded.received(reply)).isZero();
        assertThat(encoded.undo(reply)).isEmpty();
    }

    @Test
    void anAnswerThatIsNoneIsToldApart() throws SyscallException {
        StubList encoded = StubList.of(OpList.of(FileOps.open("/a", 0)), StubList.Mode.CHILD, PLAIN);
        ByteBuffer reply = reply(encoded, 1, -1);

        assertThat(encoded.received(reply)).isEqualTo(1);
        assertThat(encoded.received(
                        reply.duplicate().order(ByteOrder.LITTLE_ENDIAN).putInt(0, 2)))
                .isNegative();
        assertThat(encoded.received(reply.putInt(0, -3))).isNegative();
        assertThat(encoded.received(reply.putInt(0, -2)))
                .as("a refusal is short")
                .isNegative();
        for (int length = 0; length < 40; length++) {
            ByteBuffer other = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
            assertThat(encoded.received(other) >= 0).as("length %d", length).isEqualTo(length == 16);
        }
        ByteBuffer refusal = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(encoded.received(refusal.putInt(0, -2))).isZero();
    }

    @Test
    void anExecutionComesWithItsPidfd() throws SyscallException {
        StubList encoded = StubList.of(OpList.of(Processes.setsid()), StubList.Mode.EXECUTION, PLAIN);

        assertThat(encoded.received(reply(encoded, 1, -1))).isEqualTo(1);
        assertThat(encoded.received(reply(encoded, 1, 0))).isZero();
        assertThat(encoded.received(reply(encoded, 1, 1)))
                .as("ended without an execve")
                .isZero();
        assertThat(encoded.undo(reply(encoded, 1, 0))).isEmpty();
    }

    @Test
    void kindsAreThoseOfTheContract() throws IOException, IllegalAccessException {
        String contract = Files.readString(Path.of(System.getProperty("cay.root", ".."), "design/002-stub.md"));
        Matcher row = Pattern.compile("(?m)^\\| (\\d+) \\| ([A-Z]+) \\|").matcher(contract);
        Map<String, Integer> kinds = new TreeMap<>();
        while (row.find()) {
            kinds.put(row.group(2), Integer.valueOf(row.group(1)));
        }
        assertThat(kinds).hasSize(21);
        kinds.keySet().removeAll(List.of("HELLO", "PONG")); // which are not used here
        for (Map.Entry<String, Integer> kind : kinds.entrySet()) {
            assertThat(constant(kind.getKey())).as(kind.getKey()).isEqualTo(kind.getValue());
        }
    }

    private static int constant(String name) throws IllegalAccessException {
        try {
            return StubConnection.class.getDeclaredField(name).getInt(null);
        } catch (NoSuchFieldException e) {
            throw new AssertionError(name, e);
        }
    }
}
