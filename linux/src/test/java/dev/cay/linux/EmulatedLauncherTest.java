package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The code for aarch64, run on an emulated processor.
 *
 * <p>What cannot be tested so: the emulator (qemu-user 7.2) answers clone3 with ENOSYS, so no child is ever born; its path is
 * the loop that the list walks here, preceded by two instructions that {@link LauncherCodeTest} looks at.
 */
class EmulatedLauncherTest {
    private static final String EMULATOR = "qemu-aarch64-static";
    private static final int CONTROL_SIZE = 56;
    private static final int OPERATION_SIZE = 80;

    /** Calls an entry with a control block and prints the memory as it is afterwards. */
    private static final String DRIVER = """
                .globl  _start
                .text
        _start: ldr     x0, =control
                mov     x19, #19
                mov     x24, #24
                bl      launcher + %ENTRY
                ldr     x1, =returned
                str     x0, [x1]
                str     x19, [x1, #8]
                str     x24, [x1, #16]
                mov     x0, #2
                ldr     x1, =control
                mov     x2, #end - control
                mov     x8, #64
                svc     #0
                mov     x0, #0
                mov     x8, #94
                svc     #0
                .balign 64
        launcher:
                .incbin "launcher-aarch64.bin"
                .data
        control:
                .quad   clone, 88, list, -1, 0, -1, 0
                .macro  operation number, a=0, b=0, c=0, d=0, indirect=0, tolerated=0
                .quad   \\number, \\a, \\b, \\c, \\d, 0, 0, \\indirect
                .hword  0, 0, 0, \\tolerated
                .quad   0x5555
                .endm
        list:
        %LIST
                .quad   -1
        returned:
                .quad   0, 0, 0
        end:
        clone:  .quad   0x100004100, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0
        text:   .ascii  "walked "
        one:    .quad   1
        """;

    /** Calls native methods as a JVM does and prints what they return. The environment's functions add their arguments. */
    private static final String METHODS_DRIVER = """
                .include "native-methods-aarch64.S"
                .globl  _start
        _start: ldr     x20, =returned
                sub     sp, sp, #16
                mov     x0, #1                  // moved into the place of f
                str     x0, [sp]
                bl      map
                str     x0, [x20]
                str     xzr, [sp]
                bl      map
                str     x0, [x20, #8]
                ldr     x0, =environment
                mov     x2, #5
                mov     x3, #7
                bl      Java_dev_cay_linux_NativeMethods_memory
                str     x0, [x20, #16]
                ldr     x0, =environment
                mov     x2, #9
                bl      Java_dev_cay_linux_NativeMethods_address
                str     x0, [x20, #24]
                mov     x0, #2
                mov     x1, x20
                mov     x2, #32
                mov     x8, #64
                svc     #0
                mov     x0, #0
                mov     x8, #94
                svc     #0
        map:    mov     x0, #0
                mov     x1, #0
                mov     x2, #222                // mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, f)
                mov     x3, #0
                mov     x4, #4096
                mov     x5, #3
                mov     x6, #0x22
                mov     x7, #-1
                b       Java_dev_cay_linux_NativeMethods_systemCall
        create: add     x0, x1, x2
                ret
        begin:  mov     x0, x1
                ret
                .data
        environment:
                .quad   functions
        functions:
                .fill   229, 8, 0
                .quad   create, begin
        returned:
                .quad   0, 0, 0, 0
        """;

    @TempDir
    private Path directory;

    /** The memory after the run. */
    private record Memory(ByteBuffer bytes, int operations, String printed) {
        long result(int operation) {
            return bytes.getLong(CONTROL_SIZE + OPERATION_SIZE * operation + 72);
        }

        long failed() {
            return bytes.getLong(24);
        }

        long errno() {
            return bytes.getLong(32);
        }

        long returned(int index) {
            return bytes.getLong(CONTROL_SIZE + OPERATION_SIZE * operations + Long.BYTES * (1 + index));
        }
    }

    @Test
    void walksAListToItsEnd() throws IOException {
        Memory memory = run(
                0x40,
                "operation 172", // getpid
                "operation 64, one, text, 7, 0, 1", // write, to the descriptor that stands at `one`
                "operation 57, 9999, 0, 0, 0, 0, 9", // close, tolerating EBADF
                "operation 167, 4, 1"); // prctl(PR_SET_DUMPABLE, 1)

        assertThat(memory.printed()).isEqualTo("walked ");
        assertThat(memory.result(0)).isPositive();
        assertThat(memory.result(1)).isEqualTo(7);
        assertThat(memory.result(2)).isEqualTo(-Errno.EBADF.number());
        assertThat(memory.result(3)).isZero();
        assertThat(memory.failed()).isEqualTo(-1);
        assertThat(memory.returned(0)).isZero();
        assertThat(memory.returned(1)).as("x19, which belongs to the caller").isEqualTo(19);
        assertThat(memory.returned(2)).as("x24, which belongs to the caller").isEqualTo(24);
    }

    @Test
    void stopsAtTheOperationThatFails() throws IOException {
        Memory memory = run(0x40, "operation 172", "operation 57, 9999, 0, 0, 0, 0, 2", "operation 64, 1, text, 7");

        assertThat(memory.printed()).isEmpty();
        assertThat(memory.failed()).isEqualTo(1);
        assertThat(memory.errno()).isEqualTo(Errno.EBADF.number());
        assertThat(memory.result(2)).as("not reached").isEqualTo(0x5555);
    }

    @Test
    void spawnGivesBackTheErrnoOfClone3() throws IOException {
        Memory memory = run(0x80, "operation 172");

        assertThat(memory.returned(0)).isEqualTo(-Errno.ENOSYS.number());
        assertThat(memory.returned(1)).isEqualTo(19);
        assertThat(memory.returned(2)).isEqualTo(24);
        assertThat(memory.result(0)).isEqualTo(0x5555);
    }

    @Test
    void systemCallShiftsItsArguments() throws IOException {
        // The control block's address is the number of a call that no kernel has.
        assertThat(run(0, "operation 172").returned(0)).isEqualTo(-Errno.ENOSYS.number());
    }

    @Test
    void nativeMethodsShiftTheirArguments() throws IOException {
        Files.writeString(directory.resolve("methods.S"), METHODS_DRIVER);
        String sources = Tools.assembly().toAbsolutePath().toString();
        Tools.run(directory, "aarch64-linux-gnu-as", "-I", sources, "-o", "methods.o", "methods.S");
        Tools.run(directory, "aarch64-linux-gnu-ld", "-static", "-o", "methods", "methods.o");
        Path returned = directory.resolve("returned");

        assertThat(exit(Tools.start(directory, returned, EMULATOR, "./methods")))
                .isZero();

        ByteBuffer values = ByteBuffer.wrap(Files.readAllBytes(returned)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(values.getLong())
                .as("an offset that is no multiple of a page")
                .isEqualTo(-Errno.EINVAL.number());
        assertThat(values.getLong()).as("a page").isPositive();
        assertThat(values.getLong()).as("NewDirectByteBuffer(5, 7)").isEqualTo(12);
        assertThat(values.getLong()).as("GetDirectBufferAddress(9)").isEqualTo(9);
    }

    private Memory run(int entry, String... operations) throws IOException {
        Path source = directory.resolve("driver.S");
        Files.writeString(
                source,
                DRIVER.replace("%ENTRY", Integer.toString(entry)).replace("%LIST", String.join("\n", operations)));
        Files.write(directory.resolve("launcher-aarch64.bin"), Native.resource("launcher-aarch64.bin"));
        Tools.run(directory, "aarch64-linux-gnu-as", "-o", "driver.o", "driver.S");
        Tools.run(directory, "aarch64-linux-gnu-ld", "-static", "-o", "driver", "driver.o");
        Path after = directory.resolve("memory");
        Process process = Tools.start(directory, after, EMULATOR, "./driver");
        String printed =
                new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.US_ASCII);
        byte[] bytes = Files.readAllBytes(after);
        assertThat(bytes).as("what the driver writes").hasSizeGreaterThanOrEqualTo(CONTROL_SIZE);
        return new Memory(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN), operations.length, printed);
    }

    @Test
    void theProgramFindsItsMemoryAndSaysWhatSpawnReturned() throws IOException {
        Path request = directory.resolve("request");
        ByteBuffer memory = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
        long address = 0x20_0000_0000L;
        memory.putLong(address).putLong(memory.capacity());
        memory.putLong(24, address + 256)
                .putLong(32, 88)
                .putLong(40, address + 512)
                .putLong(48, -1)
                .putLong(64, -1);
        memory.putLong(512, -1);
        Files.write(request, memory.array());

        Process process = program(request, "\"$0\" -0 3 ./program 3<>request");

        assertThat(exit(process)).isZero();
        ByteBuffer after = ByteBuffer.wrap(Files.readAllBytes(request)).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(after.getLong(16)).isEqualTo(-Errno.ENOSYS.number());
        assertThat(after.getLong(48)).isEqualTo(-1);
    }

    @Test
    void theProgramEndsWhereItsMemoryIsNot() throws IOException {
        Path request = directory.resolve("request");
        Files.write(request, new byte[8]);

        assertThat(exit(program(request, "\"$0\" -0 3 ./program 3<>request"))).isEqualTo(1);
        assertThat(exit(program(request, "\"$0\" -0 17 ./program 3<>request"))).isEqualTo(1);
    }

    private Process program(Path request, String script) throws IOException {
        executable("program", ProcessLauncher.image(Architecture.AARCH64));
        assertThat(request).isNotEmptyFile();
        return Tools.start(directory, directory.resolve("errors"), "sh", "-c", script, EMULATOR);
    }

    private void executable(String name, byte[] image) throws IOException {
        Path file = Files.write(directory.resolve(name), image);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private static int exit(Process process) {
        try {
            assertThat(process.waitFor(20, TimeUnit.SECONDS)).as("ended").isTrue();
            return process.exitValue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
