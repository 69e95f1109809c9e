package dev.cay.bench;

import dev.cay.Kernels;
import dev.cay.linux.HostKernel;
import dev.cay.linux.TimestampCounter;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The same QEMU and the same kernel with nothing but busybox. */
final class BareGuest {
    /** Where the engine keeps kernels: of the bare one only the file is needed. */
    private static final Path KERNELS = Path.of("/var/lib/cay/kernels");

    private static final String INIT = """
            #!/bin/busybox sh
            /bin/busybox mount -t devtmpfs d /dev
            while read -r module; do /bin/busybox insmod "$module"; done < /modules
            /bin/busybox true && echo first-command > /dev/console
            while :; do /bin/busybox sleep 1000; done
            """;

    private BareGuest() {}

    static List<String> command(Workbench bench, Kernels.Info kernel) throws IOException {
        Path home = KERNELS.resolve(kernel.name());
        Path tree = Files.createDirectories(bench.directory().resolve("bare"));
        Files.createDirectories(tree.resolve("dev"));
        Files.createDirectories(tree.resolve("bin"));
        Files.copy(bench.root().resolve("bin/busybox"), tree.resolve("bin/busybox"));
        Files.writeString(tree.resolve("init"), INIT);
        StringBuilder modules = new StringBuilder();
        try (var files = Files.list(home.resolve("modules"))) {
            for (Path module : files.sorted().toList()) {
                Files.copy(module, tree.resolve(module.getFileName().toString()));
                modules.append('/').append(module.getFileName()).append('\n');
            }
        }
        Files.writeString(tree.resolve("modules"), modules.toString());
        Path initramfs = bench.directory().resolve("bare.cpio");
        execute(List.of(
                "sh",
                "-c",
                "cd \"$1\" && chmod 755 init bin/busybox && find . | busybox cpio -o -H newc > \"$2\"",
                "sh",
                tree.toString(),
                initramfs.toString()));
        long kilohertz;
        try (HostKernel host = new HostKernel()) {
            kilohertz = TimestampCounter.kilohertz(host);
        }
        return List.of(
                "qemu-system-x86_64",
                "-nodefaults",
                "-no-user-config",
                "-no-reboot",
                "-display",
                "none",
                "-machine",
                "microvm,acpi=on,rtc=on,isa-serial=on",
                "-accel",
                "tcg,tb-size=128",
                "-cpu",
                "max",
                "-m",
                "256M",
                "-kernel",
                home.resolve("vmlinux").toString(),
                "-initrd",
                initramfs.toString(),
                "-append",
                "console=ttyS0 quiet panic=-1 tsc_early_khz=" + kilohertz + " tsc=reliable cryptomgr.notests"
                        + " initcall_blacklist=init_kprobe_trace,load_system_certificate_list",
                "-serial",
                "stdio");
    }

    static Process untilFirstCommand(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        BufferedReader console =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        StringBuilder said = new StringBuilder();
        for (String line = console.readLine(); line != null; line = console.readLine()) {
            if (line.contains("first-command")) {
                return process;
            }
            said.append(line).append('\n');
        }
        throw new IOException("the bare guest did not come up: " + said);
    }

    static void execute(List<String> command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.onExit().join().exitValue() != 0) {
            throw new IOException(command.getFirst() + ": " + said);
        }
    }
}
