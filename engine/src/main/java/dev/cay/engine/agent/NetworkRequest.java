package dev.cay.engine.agent;

import static java.util.Objects.requireNonNull;

import dev.cay.engine.json.JsonReader;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Optional;

/**
 * What NET_RECONFIG asks for: IPv4 as all of it. A sandbox can have again what its network gave it, and nothing else.
 *
 * @param address of the sandbox
 * @param netmask of its network; empty if that is not said
 * @param gateway its way out; empty if that is not said
 */
public record NetworkRequest(InetAddress address, Optional<InetAddress> netmask, Optional<InetAddress> gateway) {
    public NetworkRequest {
        requireNonNull(address, "address is null");
        requireNonNull(netmask, "netmask is null");
        requireNonNull(gateway, "gateway is null");
    }

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

    /** Four numbers; empty if there is no text. */
    private static Optional<InetAddress> address(String text) throws RefusalException {
        if (text.isEmpty()) {
            return Optional.empty();
        }
        String[] numbers = text.split("\\.", -1);
        byte[] address = new byte[4];
        for (int i = 0; i < numbers.length; i++) {
            if (numbers.length != address.length
                    || !numbers[i].matches("[0-9]{1,3}")
                    || Integer.parseInt(numbers[i]) > 255) {
                throw new RefusalException("not an IPv4 address: " + JsonReader.shown(text));
            }
            address[i] = (byte) Integer.parseInt(numbers[i]);
        }
        try {
            return Optional.of(InetAddress.getByAddress(address));
        } catch (UnknownHostException e) {
            throw new IllegalStateException(e);
        }
    }
}
