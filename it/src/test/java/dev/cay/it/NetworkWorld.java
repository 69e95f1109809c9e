package dev.cay.it;

import static dev.cay.it.NetlinkLab.address;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Sandbox;
import dev.cay.Sandboxes;
import dev.cay.linux.HostKernel;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.IpPrefix;
import dev.cay.linux.netlink.LinkKind;
import dev.cay.linux.netlink.LinkMessages;
import dev.cay.linux.netlink.LinkSettings;
import dev.cay.linux.netlink.Route;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.Closeable;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;

/**
 * A machine with the engine, the internet and the network around it, each a network namespace of the test's own. Everywhere somebody
 * answers on port 7000 and says who asked, over TCP and UDP.
 */
final class NetworkWorld implements AutoCloseable {
    static final String INTERNET = "93.184.215.2";
    static final String INTERNET6 = "2a00:77::2";
    static final String HOST = "93.184.215.1";
    static final String HOST6 = "2a00:77::1";
    static final String LAN = "192.168.77.2";
    static final String LAN6 = "fd77::2";
    static final String METADATA = "169.254.169.254";
    static final int PORT = 7000;

    /** Tries each PROTOCOL,ADDRESS,PORT, all at once, as nobody answers for what is dropped. */
    static final String PROBE = """
            import errno, os, socket, sys
            from concurrent.futures import ThreadPoolExecutor
            def attempt(target):
                protocol, address, port = target.split(',')
                family = socket.AF_INET6 if ':' in address else socket.AF_INET
                s = socket.socket(family, socket.SOCK_STREAM if protocol == 'tcp' else socket.SOCK_DGRAM)
                s.settimeout(float(os.environ.get('PATIENCE', '20')))
                try:
                    s.connect((address, int(port)))
                    if protocol == 'udp': s.send(b'?')
                    return s.recv(100).decode() or 'nothing'
                except socket.timeout: return 'timeout'
                except OSError as e: return errno.errorcode[e.errno]
            with ThreadPoolExecutor(len(sys.argv)) as threads:
                for target, said in zip(sys.argv[1:], threads.map(attempt, sys.argv[1:])): print(target, said)
            """;

    /** Asks for an echo until somebody answers, from a place that may: ours prints who did, or that it was refused. */
    private static final String PING = """
            import os, select, socket, struct, sys, time
            def checksum(data):
                s = sum(struct.unpack('!%dH' % (len(data) // 2), data))
                s = (s >> 16) + (s & 0xffff); s += s >> 16
                return ~s & 0xffff
            for address in sys.argv[1:]:
                six = ':' in address
                s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, 58 if six else 1)
                ask, answer, refused = (128, 129, 1) if six else (8, 0, 3)
                body = struct.pack('!HH', os.getpid() & 0xffff, 1) + b'cay-ping'
                head = struct.pack('!BBH', ask, 0, 0)
                if not six: head = struct.pack('!BBH', ask, 0, checksum(head + body))
                said = 'timeout'; end = time.time() + 20; again = 0
                while said == 'timeout' and time.time() < end:
                    if time.time() > again:
                        again = time.time() + 0.5; s.sendto(head + body, (address, 0))
                    if select.select([s], [], [], 0.1)[0]:
                        data, who = s.recvfrom(2000)
                        part = data if six else data[(data[0] & 15) * 4:]
                        if part[0] == answer and part[4:] == body: said = who[0]
                        elif part[0] == refused and body in part: said = 'refused'
                print('icmp,%s,0' % address, said)
            """;

    final HostKernel kernel = new HostKernel();
    final NetlinkLab host;
    final NetlinkLab internet;
    final NetlinkLab lan;
    private final List<Closeable> servers = new ArrayList<>();

    private NetworkWorld() throws Exception {
        host = NetlinkLab.create(kernel);
        internet = NetlinkLab.create(kernel);
        lan = NetlinkLab.create(kernel);
        link("internet", internet, HOST, INTERNET, 24, HOST6, INTERNET6);
        link("lan", lan, "192.168.77.1", LAN, 24, "fd77::1", LAN6);
        try (Rtnetlink here = host.rtnetlink();
                Rtnetlink there = lan.rtnetlink()) {
            there.execute(InterfaceAddress.of(2, address(METADATA), 32).add());
            here.execute(Route.direct(
                            new IpPrefix(address(METADATA), 32),
                            here.link("lan").orElseThrow().index())
                    .add());
        }
        // An answer over UDP has to come from the address that was asked.
        serve(internet, INTERNET, INTERNET6);
        serve(lan, LAN, LAN6, METADATA);
        serve(host, HOST, HOST6);
    }

    static NetworkWorld create() throws Exception {
        return new NetworkWorld();
    }

    private void link(String name, NetlinkLab other, String here, String there, int length, String here6, String there6)
            throws IOException {
        try (Rtnetlink ours = host.rtnetlink();
                Rtnetlink theirs = other.rtnetlink()) {
            ours.execute(LinkMessages.create(
                    LinkSettings.named(name),
                    new LinkKind.Veth(LinkSettings.named("eth0").withIndex(2), Optional.of(other.namespace()))));
            int link = ours.link(name).orElseThrow().index();
            ours.execute(
                    LinkMessages.change(link, LinkSettings.none().withUp(true)),
                    InterfaceAddress.of(link, address(here), length).add(),
                    InterfaceAddress.of(link, address(here6), 64).add());
            theirs.execute(
                    LinkMessages.change(2, LinkSettings.none().withUp(true)),
                    InterfaceAddress.of(2, address(there), length).add(),
                    InterfaceAddress.of(2, address(there6), 64).add(),
                    Route.via(new IpPrefix(address("0.0.0.0"), 0), address(here), 2)
                            .add(),
                    Route.via(new IpPrefix(address("::"), 0), address(here6), 2).add());
        }
    }

    private void serve(NetlinkLab lab, String... addresses) throws Exception {
        serve(lab, PORT, addresses);
    }

    /** Answers on a port, over TCP and UDP, with the address of whoever asks. */
    void serve(NetlinkLab lab, int port, String... addresses) throws Exception {
        serve(lab.inside(() -> new ServerSocket(port, 50, address("::"))));
        for (String address : addresses) {
            serve(lab.inside(() -> new DatagramSocket(port, address(address))));
        }
    }

    private void serve(ServerSocket tcp) {
        servers.add(tcp);
        daemon(() -> {
            while (true) {
                try (Socket client = tcp.accept()) {
                    client.getOutputStream().write(text(client.getInetAddress()));
                }
            }
        });
    }

    private void serve(DatagramSocket udp) {
        servers.add(udp);
        daemon(() -> {
            while (true) {
                DatagramPacket packet = new DatagramPacket(new byte[100], 100);
                udp.receive(packet);
                byte[] answer = text(packet.getAddress());
                udp.send(new DatagramPacket(answer, answer.length, packet.getSocketAddress()));
            }
        });
    }

    private static byte[] text(InetAddress address) {
        return address.getHostAddress().getBytes(StandardCharsets.US_ASCII);
    }

    private static void daemon(Callable<Void> loop) {
        Thread.ofPlatform().daemon().name("network-world").start(() -> {
            try {
                loop.call();
            } catch (Exception e) {
                // the socket has been closed
            }
        });
    }

    /** What a test does with an engine on the machine. */
    interface Use {
        void with(Sandboxes engine) throws Exception;
    }

    /** An engine that lives on the machine, for as long as it is used. */
    void engine(Use use) throws Exception {
        host.inside(() -> {
            try (Sandboxes engine = Sandboxes.local()) {
                use.with(engine);
            }
            return null;
        });
    }

    /** What comes of connecting, to all targets at once: {@code tcp,ADDRESS,PORT}. */
    static Map<String, String> probe(Sandbox sandbox, String... targets) {
        return probe(sandbox, Duration.ofSeconds(20), targets);
    }

    /** @param patience how long an answer is waited for: shorter where none is expected */
    static Map<String, String> probe(Sandbox sandbox, Duration patience, String... targets) {
        List<String> command = new ArrayList<>(List.of("python3", "-c", PROBE));
        command.addAll(List.of(targets));
        ExecResult result = sandbox.exec(ExecSpec.builder(command.toArray(String[]::new))
                .environment("PATIENCE", Long.toString(patience.toSeconds()))
                .build());
        assertThat(result.exit().success())
                .as(result.stdout() + result.stderr())
                .isTrue();
        Map<String, String> answers = new LinkedHashMap<>();
        result.stdout().lines().forEach(line -> answers.put(line.split(" ")[0], line.split(" ")[1]));
        return answers;
    }

    /**
     * What comes of asking places for an echo: who answers, {@code refused} or {@code timeout}. As the machine's root in the sandbox's
     * namespace, since nobody in a sandbox may.
     */
    Map<String, String> ping(Sandbox sandbox, List<String> places) throws IOException {
        List<String> command = new ArrayList<>(List.of("python3", "-c", PING));
        command.addAll(places);
        Map<String, String> answers = new LinkedHashMap<>();
        try (NetlinkLab inside =
                NetlinkLab.of(kernel, sandbox.info().firstProcess().orElseThrow())) {
            inside.output(command.toArray(String[]::new))
                    .lines()
                    .forEach(line -> answers.put(line.split(" ")[0], line.split(" ")[1]));
        }
        return answers;
    }

    /** The same for one TCP target. */
    static String connect(Sandbox sandbox, String address, int port) {
        return probe(sandbox, "tcp," + address + "," + port).values().iterator().next();
    }

    /** What comes of connecting from one of the namespaces: what was said, or why not. */
    static String connect(NetlinkLab from, String address, int port) throws Exception {
        return connect(from, address, port, Duration.ofSeconds(20));
    }

    /** @param patience how long an answer is waited for: shorter where none is expected */
    static String connect(NetlinkLab from, String address, int port, Duration patience) throws Exception {
        return from.inside(() -> {
            try (Socket socket = new Socket()) {
                int milliseconds = Math.toIntExact(patience.toMillis());
                socket.connect(new InetSocketAddress(address(address), port), milliseconds);
                socket.setSoTimeout(milliseconds);
                return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            } catch (IOException e) {
                return String.valueOf(e.getMessage());
            }
        });
    }

    /** The process that answers the questions of detached sandboxes. */
    static Optional<ProcessHandle> netd() {
        return ProcessHandle.allProcesses()
                .filter(process -> commandLine(process).contains("\0dev.cay.engine/dev.cay.engine.network.NetdMain\0"))
                .findFirst();
    }

    /** The JDK knows of one page of it only. */
    private static String commandLine(ProcessHandle process) {
        try {
            return new String(
                    Files.readAllBytes(Path.of("/proc", Long.toString(process.pid()), "cmdline")),
                    StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return ""; // it has just ended
        }
    }

    @Override
    public void close() throws IOException {
        for (Closeable server : servers) {
            server.close();
        }
        lan.close();
        internet.close();
        host.close();
        kernel.close();
    }
}
