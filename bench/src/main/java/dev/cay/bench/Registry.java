package dev.cay.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A registry on this machine with two images: one layer of some ten thousand files, and that with nineteen small layers more.
 *
 * @param archive the first layer
 * @param contents what is in it, in words
 */
record Registry(String base, String layered, Path archive, String contents) {
    private static final long PATIENCE = 20_000_000_000L;
    private static final int MORE_LAYERS = 19;

    /** Makes the images and serves them until the workbench is closed; none if a program for that is missing. */
    static Optional<Registry> open(Workbench bench) throws IOException {
        for (String program : List.of("docker-registry", "skopeo", "umoci", "dpkg-query", "tar")) {
            if (Tools.find(program).isEmpty()) {
                return Optional.empty();
            }
        }
        Path folder = Files.createDirectory(bench.directory().resolve("registry"));
        int port = freePort();
        serve(bench, folder, port);
        String address = "127.0.0.1:" + port;
        script(bench, folder, ARCHIVE);
        script(bench, folder, images(address));
        String contents = Files.readString(folder.resolve("contents")).strip();
        return Optional.of(new Registry(
                address + "/cay-bench/base:1", address + "/cay-bench/base:20", folder.resolve("base.tar"), contents));
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    private static void serve(Workbench bench, Path folder, int port) throws IOException {
        Path settings = folder.resolve("settings.yml");
        Files.writeString(settings, """
                version: 0.1
                log: {level: error}
                storage: {filesystem: {rootdirectory: %s}}
                http: {addr: "127.0.0.1:%d"}
                """.formatted(folder.resolve("store"), port));
        Process process = new ProcessBuilder("docker-registry", "serve", settings.toString())
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD)
                .start();
        bench.onClose(() -> {
            process.destroyForcibly();
            process.waitFor();
        });
        long deadline = System.nanoTime() + PATIENCE;
        while (true) {
            try (Socket _ = new Socket(InetAddress.getLoopbackAddress(), port)) {
                return;
            } catch (IOException e) {
                if (System.nanoTime() > deadline || !process.isAlive()) {
                    throw new IOException("docker-registry does not listen", e);
                }
                Thread.onSpinWait();
            }
        }
    }

    /** An archive of this machine's packages, as they were installed. */
    private static final String ARCHIVE = """
            set -eu
            dpkg-query -W -f '${Priority} ${Package}\\n' | sed -nE 's/^(required|important|standard) //p' > packages
            dpkg-query -W -f '${Package}\\n' | LC_ALL=C sort -u > installed
            for pass in 1 2 3 4 5 6; do # with what they depend on
                xargs dpkg-query -W -f '${Pre-Depends}, ${Depends}, ' < packages | tr ',|' '\\n\\n' |
                    sed -E 's/^ +//; s/[ (:].*//' | LC_ALL=C sort -u | LC_ALL=C comm -12 - installed > needed
                LC_ALL=C sort -u needed packages > all
                mv all packages
            done
            xargs dpkg-query -L < packages | sed 's|^/||' | LC_ALL=C sort -u | while read -r path; do
                case $path in
                '' | '.' | proc* | sys* | dev*) ;;
                *) if [ -e "/$path" ] || [ -h "/$path" ]; then printf '%s\\n' "$path"; fi ;;
                esac
            done > files
            printf 'etc/passwd\\netc/group\\n' >> files
            # where directories of the root are links into usr, packages know only the names by way of these
            for name in bin sbin lib lib64; do
                if [ -h "/$name" ]; then sed -i "s|^$name/|usr/$name/|" files; printf '%s\\n' "$name" >> files; fi
            done
            LC_ALL=C sort -u files > chosen
            tar -C / --no-recursion --numeric-owner -cf base.tar -T chosen
            printf '%s files, %s MB\\n' "$(wc -l < chosen)" "$(($(stat -c %s base.tar) / 1000000))" > contents
            """;

    private static String images(String address) {
        List<String> lines = new ArrayList<>(List.of(
                "set -eu",
                "umoci --log=error init --layout oci",
                "umoci --log=error new --image oci:1",
                "umoci --log=error raw add-layer --image oci:1 base.tar",
                "umoci --log=error config --image oci:1 --config.cmd true",
                "umoci --log=error tag --image oci:1 20"));
        for (int i = 1; i <= MORE_LAYERS; i++) {
            lines.add("mkdir -p srv/" + i + " && echo " + i + " > srv/" + i + "/file && tar -cf more.tar srv/" + i);
            lines.add("umoci --log=error raw add-layer --image oci:20 more.tar");
        }
        for (String tag : List.of("1", "20")) {
            lines.add("skopeo copy --quiet --insecure-policy --dest-tls-verify=false oci:oci:" + tag + " docker://"
                    + address + "/cay-bench/base:" + tag);
        }
        return String.join("\n", lines);
    }

    private static void script(Workbench bench, Path folder, String script) throws IOException {
        bench.tools().must(Tools.Command.of("/bin/sh", "-c", "cd " + folder + "\n" + script));
    }
}
