package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.EgressPolicy;
import dev.cay.Network;
import dev.cay.PublishedPort;
import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code network}, {@code port}, {@code net}, and what {@code run} says of networks. */
class NetworkCommandsTest {
    private final FakeSandboxes engine = FakeSandboxes.exiting(0);
    private final Terminal terminal = new Terminal(engine);

    private Network.Named made(String... options) {
        String[] command = new String[options.length + 3];
        command[0] = "run";
        System.arraycopy(options, 0, command, 1, options.length);
        command[options.length + 1] = "--";
        command[options.length + 2] = "true";
        assertThat(terminal.run(command)).as(terminal.err()).isZero();
        return (Network.Named) engine.created.get(engine.created.size() - 1).network();
    }

    @Test
    void aSandboxHasTheNetworkThatIsAskedFor() {
        assertThat(made("--network", "bridge")).isEqualTo(Network.bridge());
        Network.Named network = made(
                "--network=lab",
                "-p",
                "8080:80",
                "-p0.0.0.0:53:53/udp",
                "--deny",
                "93.184.0.0/16",
                "--allow=10.0.0.5:tcp:5432",
                "--connections=9",
                "--bandwidth=1m",
                "--ip=10.88.0.9");
        assertThat(network.name()).isEqualTo("lab");
        assertThat(network.ports())
                .containsExactly(PublishedPort.parse("8080:80"), PublishedPort.parse("0.0.0.0:53:53/udp"));
        assertThat(network.egress().toString())
                .isEqualTo(
                        "default deny\ndeny 93.184.0.0/16\nallow 10.0.0.5:tcp:5432\nallow public\nallow network\ndns on\nlog on\n"
                                + "connections 9\nbandwidth 1m\n");
        assertThat(network.address().orElseThrow().getHostAddress()).isEqualTo("10.88.0.9");
    }

    private List<PublishedPort> ports(String... line) {
        engine.images.images.add(FakeImages.info("debian:12", 'a'));
        assertThat(terminal.run(line)).as(terminal.err()).isZero();
        return ((Network.Named) engine.created.get(engine.created.size() - 1).network()).ports();
    }

    /** The image has one, 80/tcp. */
    @Test
    void whatAnImageExposesIsPublishedIfThatIsAskedFor() {
        assertThat(ports("run", "--network=bridge", "debian:12")).isEmpty();
        assertThat(ports("run", "--network=bridge", "-P", "debian:12"))
                .singleElement()
                .satisfies(port -> {
                    assertThat(port.bind().isLoopbackAddress()).isTrue();
                    assertThat(port.hostPort()).isPositive();
                    assertThat(port.guestPort()).isEqualTo(80);
                });
        assertThat(ports("create", "--network=bridge", "--publish-all", "-p", "8080:80/udp", "debian:12"))
                .hasSize(2)
                .contains(PublishedPort.parse("8080:80/udp"));
        assertThat(ports("run", "-d", "--network=bridge", "-P", "-p8080:80", "debian:12"))
                .containsExactly(PublishedPort.parse("8080:80"));
    }

    @Test
    void portsOfSeveralKindsAreExposed() {
        Network.Named network = ExposedPorts.published(Network.bridge(), List.of("53", "53/udp", "54/tcp", "54/udp"));

        assertThat(network.ports())
                .extracting(port -> port.guestPort() + "/" + port.transport().text())
                .containsExactly("53/tcp", "53/udp", "54/tcp", "54/udp");
        for (String wrong : List.of("80/sctp", "0", "1-9/tcp", "", "/tcp", "99999999999")) {
            assertThatThrownBy(() -> ExposedPorts.published(Network.bridge(), List.of(wrong)))
                    .as(wrong)
                    .isInstanceOf(UsageException.class);
        }
        assertThatThrownBy(() -> ExposedPorts.published(Network.bridge(), List.of("70000")))
                .isInstanceOf(SandboxException.InvalidSpec.class);
    }

    @Test
    void aPolicyIsAFileOrAName(@TempDir Path directory) throws IOException {
        assertThat(made("--network", "bridge", "--egress", "all").egress()).isEqualTo(EgressPolicy.allowAll());
        Path file = Files.writeString(directory.resolve("policy"), "# mine\ndefault allow\ndeny metadata\n");
        assertThat(made("--network", "bridge", "--egress", file.toString())
                        .egress()
                        .toString())
                .isEqualTo("default allow\ndeny metadata\ndns off\nlog on\n");
        assertThat(terminal.run("run", "--network", "bridge", "--egress", "nothing", "--", "true"))
                .isEqualTo(125);
        assertThat(terminal.err()).contains("there is no file 'nothing'");
    }

    @Test
    void whatHasNoEffectIsRefused() {
        for (String option : new String[] {"-p=80:80", "--egress=all", "--allow=any", "--deny=any", "--ip=10.0.0.1"}) {
            assertThat(terminal.run("run", option, "--", "true")).as(option).isEqualTo(125);
            assertThat(terminal.run("run", "--network=host", option, "--", "true"))
                    .as(option)
                    .isEqualTo(125);
        }
        assertThat(terminal.err())
                .contains("--publish has no effect with --network none")
                .contains("add --network bridge");
    }

    @Test
    void networksAreMadeListedAndRemoved() {
        assertThat(terminal.run("network", "create", "lab", "--subnet", "10.5.0.0/24"))
                .isZero();
        terminal.run("network", "ls");
        terminal.run("network", "ls", "-q");
        terminal.run("network", "inspect", "lab");
        assertThat(terminal.out())
                .isEqualTo(
                        "lab\nlab\t10.5.0.0/24\tfd00::/64\tcay0\t0\nlab\n"
                                + "{\"name\":\"lab\",\"subnet\":\"10.5.0.0/24\",\"gateway\":\"10.88.0.1\",\"subnet6\":\"fd00::/64\","
                                + "\"gateway6\":\"fd00:0:0:0:0:0:0:1\",\"bridge\":\"cay0\",\"mutual\":true,\"sandboxes\":[]}\n");
        assertThat(terminal.run("network", "rm", "lab")).isZero();
        assertThat(terminal.run("network", "rm", "lab")).isEqualTo(1);
        assertThat(terminal.run("network", "inspect", "lab")).isEqualTo(125);
        assertThat(terminal.run("network", "make")).isEqualTo(125);
        assertThat(terminal.run("network")).isEqualTo(125);
    }

    @Test
    void portsComeAndGo() {
        assertThat(terminal.run("port", "add", "box", "8080:80", "0.0.0.0:53:53/udp"))
                .isZero();
        assertThat(terminal.run("port", "rm", "box", "0.0.0.0:53:53/udp")).isZero();
        terminal.out.reset();
        assertThat(terminal.run("port", "ls", "box")).isZero();
        assertThat(terminal.run("port", "ls", "box", "--format", "json")).isZero();
        assertThat(terminal.out())
                .isEqualTo("127.0.0.1:8080:80/tcp\n{\"address\":\"127.0.0.1\",\"host_port\":8080,\"sandbox_port\":80,"
                        + "\"protocol\":\"tcp\"}\n");
        assertThat(terminal.run("port", "rm", "box", "1:1")).isEqualTo(125);
        assertThat(terminal.run("port", "add", "box")).isEqualTo(125);
        assertThat(terminal.run("port", "ls", "box", "1:1")).isEqualTo(125);
        assertThat(terminal.run("port", "open", "box")).isEqualTo(125);
    }

    @Test
    void policiesAreShownChangedAndExplained() {
        assertThat(terminal.run("net", "set", "box", "--allow", "10.0.0.5")).isZero();
        terminal.run("net", "show", "box");
        assertThat(terminal.run("net", "explain", "box", "10.0.0.5:80")).isEqualTo(1);
        terminal.run("net", "denied");
        terminal.run("net", "denied", "box", "--format=json");
        terminal.run("net", "repair");
        assertThat(terminal.out())
                .isEqualTo("default deny\nallow 10.0.0.5\nallow public\nallow network\ndns on\nlog on\n"
                        + "denied: rule 1 says 'deny 10.0.0.5:80'\n"
                        + "1970-01-01T00:00:00Z box lab tcp 10.0.0.5 5432 - no rule (and 2 more before)\n"
                        + "{\"time\":\"1970-01-01T00:00:00Z\",\"id\":\"box\",\"name\":\"lab\",\"protocol\":\"tcp\","
                        + "\"address\":\"10.0.0.5\",\"port\":5432,\"rule\":\"no rule\",\"suppressed\":2}\n"
                        + "the packet filter of 1 sandbox\n");
        terminal.out.reset();
        terminal.interactive();
        terminal.run("net", "denied");
        assertThat(terminal.out())
                .matches("19[67]\\d-[0-9-]+ [0-9:]+  box  lab  tcp 10.0.0.5 5432: no rule \\(and 2 more before\\)\\n");
        assertThat(terminal.run("net", "set", "box")).isEqualTo(125);
        assertThat(terminal.run("net", "explain", "box")).isEqualTo(125);
        assertThat(terminal.run("net", "open")).isEqualTo(125);
    }
}
