package dev.cay.engine.seccomp;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.linux.Architecture;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The table against the headers: needs gcc, linux-libc-dev of x86-64 and linux-libc-dev-arm64-cross. */
final class SystemCallsTest {
    private static final int NEWEST = 469;
    private static final Pattern DEFINITION = Pattern.compile("#define __NR_(\\w+) (\\w+)");

    @Test
    void x86NumbersAreThoseOfTheHeaders() throws Exception {
        compare(Architecture.X86_64, headers("asm/unistd_64.h", "/usr/include/x86_64-linux-gnu", "/usr/include"));
    }

    @Test
    void aarch64NumbersAreThoseOfTheHeaders() throws Exception {
        compare(Architecture.AARCH64, headers("asm/unistd.h", "/usr/aarch64-linux-gnu/include"));
    }

    @Test
    void newCallsHaveTheSameNumbersEverywhere() {
        SystemCalls x86 = SystemCalls.of(Architecture.X86_64);
        SystemCalls arm = SystemCalls.of(Architecture.AARCH64);
        assertThat(x86.byNumber().tailMap(424)).isEqualTo(arm.byNumber().tailMap(424));
        assertThat(x86.byNumber().lastKey()).isEqualTo(NEWEST);
        assertThat(x86.byNumber().tailMap(424)).hasSize(NEWEST - 424 + 1);
    }

    private static void compare(Architecture architecture, Map<String, Integer> headers) {
        Map<Integer, String> known = new TreeMap<>(SystemCalls.of(architecture).byNumber());
        int newest = headers.values().stream().mapToInt(Integer::intValue).max().orElseThrow();
        assertThat(newest).as("the newest call in the installed headers").isGreaterThanOrEqualTo(450);
        headers.forEach((name, number) -> {
            if (number <= NEWEST) {
                assertThat(SystemCalls.of(architecture).number(name)).as(name).hasValue(number);
                known.remove(number);
            }
        });
        known.keySet().removeIf(number -> number > newest);
        known.remove(335, "uretprobe"); // Linux 6.11 and 6.18, in a gap
        known.remove(336, "uprobe");
        assertThat(known).as("calls that the headers do not have").isEmpty();
    }

    private static Map<String, Integer> headers(String header, String... directories)
            throws IOException, InterruptedException {
        List<String> command = new java.util.ArrayList<>(List.of("gcc", "-E", "-dM", "-nostdinc"));
        for (String directory : directories) {
            command.add("-I" + directory);
        }
        command.addAll(List.of("-x", "c", "-"));
        Process gcc = new ProcessBuilder(command).redirectErrorStream(true).start();
        try (var input = gcc.getOutputStream()) {
            input.write(("#include <" + header + ">\n").getBytes(UTF_8));
        }
        String output = new String(gcc.getInputStream().readAllBytes(), UTF_8);
        assertThat(gcc.waitFor()).as(output).isZero();
        Map<String, String> definitions = new HashMap<>();
        Matcher matcher = DEFINITION.matcher(output);
        while (matcher.find()) {
            definitions.put(matcher.group(1), matcher.group(2));
        }
        // How many there are, and where those of one architecture begin: not calls.
        definitions.keySet().removeAll(List.of("syscalls", "arch_specific_syscall"));
        Map<String, Integer> numbers = new HashMap<>();
        definitions.forEach((name, value) -> numbers.put(name, number(value, output)));
        return numbers;
    }

    /** aarch64 defines some by a name of their own: __NR_mmap is __NR3264_mmap. */
    private static int number(String value, String output) {
        Matcher alias = Pattern.compile("#define " + value + " (\\w+)").matcher(output);
        return alias.find() ? number(alias.group(1), output) : Integer.parseInt(value);
    }
}
