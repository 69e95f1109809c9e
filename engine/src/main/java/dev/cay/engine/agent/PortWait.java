package dev.cay.engine.agent;

import static java.util.Objects.requireNonNull;

import dev.cay.FilePath;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.engine.json.JsonReader;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

/**
 * Waits until something in a sandbox listens at a TCP port. Asks the kernel, as seen by the sandbox's first process: nothing is
 * connected to, so that the server is not disturbed, and no program of the sandbox is needed.
 *
 * @param port 1 to 65535
 * @param timeout how long to wait
 */
record PortWait(int port, Duration timeout) {
    /** See proc_pid_net(5). A kernel without IPv6 has the first alone. */
    private static final List<FilePath> TABLES =
            List.of(FilePath.of("/proc/1/net/tcp"), FilePath.of("/proc/1/net/tcp6"));

    private static final int MAXIMUM_PORT = 65_535;
    private static final int ADDRESS_FIELD = 1;
    private static final int STATE_FIELD = 3;
    private static final String LISTENING = "0A";

    /** A sandbox can have very many sockets: more of a table than this is not read. */
    private static final long MAXIMUM_TABLE = 16 << 20;

    PortWait {
        requireNonNull(timeout, "timeout is null");
        if (port < 1 || port > MAXIMUM_PORT) {
            throw new IllegalArgumentException("port " + port);
        }
    }

    static PortWait read(byte[] payload) throws RefusalException {
        int[] numbers = new int[2];
        JsonRequest.read(payload, "WAIT_PORT", (field, value) -> field(field, value, numbers));
        if (numbers[0] == 0) {
            throw new RefusalException("WAIT_PORT has no port");
        }
        return new PortWait(numbers[0], Duration.ofMillis(numbers[1]));
    }

    private static boolean field(String field, JsonReader value, int[] numbers) {
        switch (field) {
            case "port" -> numbers[0] = value.number(field, MAXIMUM_PORT);
            case "timeout_ms" -> numbers[1] = value.number(field, Integer.MAX_VALUE);
            default -> {
                return false;
            }
        }
        return true;
    }

    /** Whether something listens now. */
    boolean isOver(SandboxFiles files) throws IOException {
        for (FilePath table : TABLES) {
            try (BufferedReader lines = new BufferedReader(
                    new InputStreamReader(files.read(table, 0, MAXIMUM_TABLE), StandardCharsets.US_ASCII))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    if (isListener(line)) {
                        return true;
                    }
                }
            } catch (SandboxException.FileFailed e) {
                if (table.equals(TABLES.getFirst())) {
                    throw e;
                }
            }
        }
        return false;
    }

    /** One line of a table: its number, the local address, the remote one, the state and more. */
    boolean isListener(String line) {
        String[] fields = line.strip().split(" +");
        if (fields.length <= STATE_FIELD || !fields[STATE_FIELD].equals(LISTENING)) {
            return false;
        }
        String address = fields[ADDRESS_FIELD];
        return address.substring(address.indexOf(':') + 1).equalsIgnoreCase("%04X".formatted(port));
    }
}
