package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The machine code that is checked in is what its sources say, and a child that runs it leaves no trace in its parent. */
class LauncherCodeTest {
    private static final Pattern INSTRUCTION = Pattern.compile("^ *([0-9a-f]+):\\t(.*)$");
    private static final Pattern ADDRESS = Pattern.compile(".*\\b([0-9a-f]+) <[^>]+>.*");

    @TempDir
    private static Path assembled;

    @BeforeAll
    static void assemble() {
        Tools.run(
                assembled, Tools.assembly().resolve("assemble").toAbsolutePath().toString(), assembled.toString());
    }

    /** An instruction and the address it stands at. */
    private record Instruction(int address, String text) {
        boolean isSystemCall() {
            return text.equals("syscall") || text.startsWith("svc");
        }

        boolean jumps() {
            return text.matches("(j[a-z]+|b|b\\.[a-z]+|cbn?z|tbn?z)\\s.*");
        }

        int target() {
            Matcher address = ADDRESS.matcher(text);
            assertThat(address.matches()).as("the target of %s", text).isTrue();
            return Integer.parseInt(address.group(1), 16);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "launcher-x86_64.bin",
                "launcher-aarch64.bin",
                "timestamp-x86_64.bin",
                "native-methods-x86_64.so",
                "native-methods-aarch64.so"
            })
    void theBytesThatAreCheckedInAreThoseOfTheSource(String name) throws IOException {
        assertThat(Native.resource(name))
                .as("%s; renew it with linux/src/main/asm/assemble", name)
                .isEqualTo(Files.readAllBytes(assembled.resolve(name)));
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void theEntriesStandWhereTheyAreCalled(Architecture architecture) {
        int stride = architecture == Architecture.X86_64 ? 0x20 : 0x40;
        assertThat(symbols(architecture))
                .containsEntry("system_call", 0)
                .containsEntry("run_list", stride)
                .containsEntry("spawn", 2 * stride)
                .containsEntry("program", ProcessLauncher.entry(architecture));
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void theLibraryHasTheNativeMethodsAndNeedsNothing(Architecture architecture) {
        String library = "native-methods-" + architecture.text() + ".so";
        String symbols = Tools.run(assembled, architecture.text() + "-linux-gnu-nm", "-D", library);

        assertThat(symbols.lines().map(line -> line.replaceFirst(".* ", "")))
                .containsExactlyInAnyOrderElementsOf(Arrays.stream(NativeMethods.class.getDeclaredMethods())
                        .filter(method -> Modifier.isNative(method.getModifiers()))
                        .map(method -> "Java_dev_cay_linux_NativeMethods_" + method.getName())
                        .toList());
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void theChildTouchesNoStackAndNeverReturns(Architecture architecture) {
        assertThat(childPath(architecture))
                .isNotEmpty()
                .allSatisfy(one -> assertThat(one.text())
                        .doesNotContainPattern("\\b([re]?sp|push|pop|call|ret|bl|blr|br|x29|x30|rbp)\\b"));
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void theChildStaysOnItsPath(Architecture architecture) {
        List<Instruction> path = childPath(architecture);
        int first = path.getFirst().address();
        int last = path.getLast().address();
        int leave = symbols(architecture).get("leave");
        // The one way out is that of run_list, which comes to `walk` with a 0 where the child has a 1.
        assertThat(path.stream().filter(Instruction::jumps).map(Instruction::target))
                .allMatch(target -> target >= first && target <= last || target == leave)
                .containsOnlyOnce(leave);
        assertThat(path.getLast().isSystemCall()).as("ends with exit_group").isTrue();
    }

    @ParameterizedTest
    @EnumSource(Architecture.class)
    void itMakesNoOtherSystemCallsThanTheseInThisOrder(Architecture architecture) {
        List<String> all = disassembled(architecture).stream()
                .filter(Instruction::isSystemCall)
                .map(one -> nameOfPart(architecture, one.address()))
                .toList();
        assertThat(all)
                .containsExactly(
                        "system_call",
                        "spawn",
                        "spawn",
                        "spawn",
                        "next",
                        "stop", // mask, clone3, mask; operation, exit
                        "program",
                        "parsed",
                        "parsed",
                        "parsed",
                        "quit");
    }

    /** The symbol before an address. */
    private static String nameOfPart(Architecture architecture, int address) {
        return symbols(architecture).entrySet().stream()
                .filter(symbol -> symbol.getValue() <= address)
                .max(Map.Entry.comparingByValue())
                .orElseThrow()
                .getKey();
    }

    /** All instructions from where clone3 has returned 0 up to the exit. */
    private static List<Instruction> childPath(Architecture architecture) {
        Map<String, Integer> symbols = symbols(architecture);
        List<Instruction> path = disassembled(architecture).stream()
                .filter(one -> one.address() >= symbols.get("child") && one.address() < symbols.get("program"))
                .toList();
        int end = 0;
        for (int i = 0; i < path.size(); i++) {
            end = path.get(i).isSystemCall() ? i + 1 : end;
        }
        return path.subList(0, end); // behind it is nothing but what fills up to the next entry
    }

    private static List<Instruction> disassembled(Architecture architecture) {
        String text = tool(architecture, "objdump", "-d", "--no-show-raw-insn", "-M", flavour(architecture));
        return text.lines()
                .map(INSTRUCTION::matcher)
                .filter(Matcher::matches)
                .map(line -> new Instruction(
                        Integer.parseInt(line.group(1), 16),
                        line.group(2).replaceFirst("\\s*//.*", "").strip()))
                .toList();
    }

    private static String flavour(Architecture architecture) {
        return architecture == Architecture.X86_64 ? "intel" : "no-aliases";
    }

    private static Map<String, Integer> symbols(Architecture architecture) {
        Map<String, Integer> symbols = new HashMap<>();
        tool(architecture, "nm")
                .lines()
                .map(line -> line.split(" "))
                .filter(line -> !line[2].startsWith("$"))
                .forEach(line -> symbols.put(line[2], Integer.parseInt(line[0], 16)));
        return symbols;
    }

    private static String tool(Architecture architecture, String name, String... options) {
        List<String> command = new java.util.ArrayList<>(List.of(architecture.text() + "-linux-gnu-" + name));
        command.addAll(List.of(options));
        command.add("launcher-" + architecture.text() + ".o");
        return Tools.run(assembled, command.toArray(String[]::new));
    }
}
