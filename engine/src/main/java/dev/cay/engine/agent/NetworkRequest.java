package dev.cay.engine.agent;

import dev.cay.FilePath;
import dev.cay.SandboxException;
import dev.cay.SandboxFiles;
import dev.cay.engine.json.JsonReader;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * What NET_RECONFIG asks for. A sandbox has the addresses that its network gave it, so what is asked for can only be so already.
 *
 * @param address of the sandbox, IPv4 as all of them
 * @param netmask of its network; empty if that is not said
 * @param gateway its way out; empty if that is not said
 */
record NetworkRequest(int address, OptionalInt netmask, OptionalInt gateway) {
    /** See proc_pid_net(5). */
    private static final FilePath ADDRESSES = FilePath.of("/proc/1/net/fib_trie");

    private static final FilePath ROUTES = FilePath.of("/proc/1/net/route");
    private static final long MAXIMUM_TABLE = 1 << 20;
    private static final int GATEWAY_FIELD = 2;
    private static final int MASK_FIELD = 7;
    private static final String EVERYTHING = "00000000";

    static NetworkRequest read(byte[] payload) throws RefusalException {
        String[] texts = {"", "", ""};
        JsonRequest.read(payload, "NET_RECONFIG", (field, value) -> {
            int which = List.of("ip", "netmask", "gateway").indexOf(field);
            if (which >= 0) {
                texts[which] = value.text(field);
            }
            return which >= 0;
        });
        return new NetworkRequest(
                address(texts[0]).orElseThrow(() -> new RefusalException("NET_RECONFIG has no ip")),
                address(texts[1]),
                address(texts[2]));
    }

    /** Its four numbers, the first one in the highest bits; empty if there is no text. */
    private static OptionalInt address(String text) throws RefusalException {
        if (text.isEmpty()) {
            return OptionalInt.empty();
        }
        String[] numbers = text.split("\\.", -1);
        int address = 0;
        for (String number : numbers) {
            if (numbers.length != 4 || !number.matches("[0-9]{1,3}") || Integer.parseInt(number) > 255) {
                throw new RefusalException("not an IPv4 address: " + JsonReader.shown(text));
            }
            address = address << 8 | Integer.parseInt(number);
        }
        return OptionalInt.of(address);
    }

    /** Whether it is so. */
    boolean isSo(SandboxFiles files) throws IOException {
        try {
            return isSo(lines(files, ADDRESSES), lines(files, ROUTES));
        } catch (SandboxException.FileFailed e) {
            return false; // it has no network at all
        }
    }

    /** Who may write to these is nobody in the sandbox. */
    boolean isSo(List<String> addresses, List<String> routes) {
        boolean isOurs = false;
        String leaf = "";
        for (String line : addresses) {
            String text = line.strip();
            if (text.startsWith("|-- ")) {
                leaf = text.substring("|-- ".length());
            } else if (text.equals("/32 host LOCAL")) {
                isOurs |= leaf.equals(text(address));
            }
        }
        boolean hasGateway = gateway.isEmpty();
        for (String line : routes) {
            String[] fields = line.strip().split("\\s+");
            if (fields.length > MASK_FIELD && fields[MASK_FIELD].equals(EVERYTHING)) {
                int next = number(fields[GATEWAY_FIELD]);
                hasGateway |= next != 0 && next == gateway.orElse(0);
            }
        }
        return isOurs && hasGateway && fits();
    }

    /** Nobody goes by a netmask here, as all goes by way of the gateway; but it has to be one, of a network that has both. */
    private boolean fits() {
        int mask = netmask.orElse(-1);
        boolean isMask = mask != 0 && mask == -Integer.lowestOneBit(mask);
        return netmask.isEmpty() || isMask && (address & mask) == (gateway.orElse(address) & mask);
    }

    /** The kernel prints the bytes of an address as one number of this machine, which is little endian. */
    private static int number(String hexadecimal) {
        return Integer.reverseBytes(Integer.parseUnsignedInt(hexadecimal, 16));
    }

    private static String text(int address) {
        return (address >>> 24) + "." + (address >>> 16 & 255) + "." + (address >>> 8 & 255) + "." + (address & 255);
    }

    private static List<String> lines(SandboxFiles files, FilePath file) throws IOException {
        List<String> lines = new ArrayList<>();
        try (BufferedReader reader = new BufferedReader(
                new InputStreamReader(files.read(file, 0, MAXIMUM_TABLE), StandardCharsets.US_ASCII))) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                lines.add(line);
            }
        }
        return lines;
    }
}
