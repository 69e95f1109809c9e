package dev.cay.engine.microvm;

import dev.cay.linux.Arg;
import dev.cay.linux.FileOps;
import dev.cay.linux.Kernel;
import dev.cay.linux.Op;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Programs that a guest gets, on the path of its commands and of its login shells. */
final class GuestScripts {
    /** Where they are. */
    static final String DIRECTORY = "/.cay/scripts";

    private static final int PROGRAM = 0755;
    private static final int TEXT = 0644;

    /** A shell that reads it twice has the directory once. */
    private static final String PROFILE =
            "case \":$PATH:\" in *:" + DIRECTORY + ":*) ;; *) PATH=\"" + DIRECTORY + ":$PATH\"; export PATH ;; esac\n";

    private GuestScripts() {}

    /** Puts them there. */
    static void install(Kernel guest, Map<String, String> scripts) throws IOException {
        String profile = GuestFiles.read(guest, "/etc/profile").orElse("");
        GuestFiles files = new GuestFiles();
        Op directory = files.directory(DIRECTORY, 0755);
        files.add(FileOps.chmod(Arg.of(directory), ".", 0755));
        scripts.forEach((name, body) -> files.replace(directory, name, body.getBytes(StandardCharsets.UTF_8), PROGRAM));
        files.add(FileOps.close(directory));
        Op etc = files.directory("/etc", 0755);
        String text = MarkedBlock.put(profile, "scripts", PROFILE);
        files.replace(etc, "profile", text.getBytes(StandardCharsets.ISO_8859_1), TEXT);
        files.add(FileOps.close(etc));
        guest.run(files.build());
    }
}
