package dev.cay.engine.container;

/**
 * The files by which a sandbox knows names, in {@code /etc}.
 *
 * @param hosts names and addresses, see hosts(5)
 * @param resolver who is asked for all others, see resolv.conf(5)
 * @param hostname its own name; empty if there is no such file
 */
record NameFiles(String hosts, String resolver, String hostname) {
    static final String LOOPBACK = """
            127.0.0.1 localhost
            ::1       localhost ip6-localhost ip6-loopback
            """;

    /** Those of a sandbox on a network of this machine. */
    static NameFiles of(NetworkSource.Connection network, String hostname) {
        String hosts = LOOPBACK + network.address().getHostAddress() + " " + hostname + "\n"
                + network.address6().getHostAddress() + " " + hostname + "\n";
        String resolver = "nameserver " + network.gateways().getFirst().getHostAddress() + "\n";
        return new NameFiles(hosts, resolver, hostname + "\n");
    }
}
