package dev.cay.it;

import static dev.cay.it.NetlinkLab.address;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.linux.HostKernel;
import dev.cay.linux.netlink.BridgePort;
import dev.cay.linux.netlink.BridgeStation;
import dev.cay.linux.netlink.Connections;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.IpPrefix;
import dev.cay.linux.netlink.Link;
import dev.cay.linux.netlink.LinkMessages;
import dev.cay.linux.netlink.LinkSettings;
import dev.cay.linux.netlink.MacAddress;
import dev.cay.linux.netlink.NftBatch;
import dev.cay.linux.netlink.NftChain;
import dev.cay.linux.netlink.NftDataType;
import dev.cay.linux.netlink.NftElement;
import dev.cay.linux.netlink.NftExpression;
import dev.cay.linux.netlink.NftFamily;
import dev.cay.linux.netlink.NftField;
import dev.cay.linux.netlink.NftRule;
import dev.cay.linux.netlink.NftRuleBuilder.Protocol;
import dev.cay.linux.netlink.NftRuleBuilder.State;
import dev.cay.linux.netlink.NftSet;
import dev.cay.linux.netlink.NftTable;
import dev.cay.linux.netlink.NftValue;
import dev.cay.linux.netlink.NftVerdict;
import dev.cay.linux.netlink.Nftables;
import dev.cay.linux.netlink.Route;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Rules decide about real connections between a box, the machine in the middle, and somebody outside. */
@ExtendWith(RootLane.class)
class NftablesTrafficTest {
    private static final NftTable TABLE = new NftTable(NftFamily.INET, "cay");
    private static final NftChain FORWARD = base("forward", NftChain.Hook.FORWARD, 0, NftChain.Kind.FILTER);
    private static final NftChain PREROUTING = base("prerouting", NftChain.Hook.PREROUTING, -100, NftChain.Kind.NAT);
    private static final NftChain POSTROUTING = base("postrouting", NftChain.Hook.POSTROUTING, 100, NftChain.Kind.NAT);
    private static final NftChain POLICY = TABLE.chain("policy-1");
    private static final NftSet BOXES = NftSet.of(TABLE, "boxes", NftDataType.IPV4_ADDRESS);
    private static final NftSet POLICIES =
            NftSet.of(TABLE, "policies", NftDataType.IPV4_ADDRESS).toVerdicts();
    private static final NftSet DENIED =
            NftSet.of(TABLE, "denied", NftDataType.IPV4_ADDRESS).withIntervals().withCounters();
    private static final NftSet PUBLISHED = NftSet.of(TABLE, "published", NftDataType.PROTOCOL, NftDataType.PORT)
            .toValues(NftDataType.IPV4_ADDRESS, NftDataType.PORT);
    private static final String BOX = "10.88.0.2";
    private static final String OUTSIDE = "192.0.2.2";

    private HostKernel kernel;
    private NetlinkLab host;
    private NetlinkLab box;
    private NetlinkLab outside;
    private Nftables nftables;

    private static NftChain base(String name, NftChain.Hook hook, int priority, NftChain.Kind kind) {
        return new NftChain(TABLE, name, Optional.of(new NftChain.Base(hook, priority, kind, true)));
    }

    private static NftValue ip(String literal) {
        return NftValue.of(address(literal));
    }

    @BeforeEach
    void build() throws Exception {
        kernel = new HostKernel();
        host = NetlinkLab.create(kernel);
        box = NetlinkLab.create(kernel);
        outside = NetlinkLab.create(kernel);
        host.plug(host.bridge("cay0", "10.88.0.1", 16), "v-box", box, BOX, 16, "10.88.0.1");
        host.plug(host.bridge("up0", "192.0.2.1", 24), "v-outside", outside, OUTSIDE, 24, "192.0.2.1");
        host.inside(() -> Files.writeString(Path.of("/proc/sys/net/ipv4/ip_forward"), "1"));
        nftables = Nftables.openIn(kernel, host.namespace());
        nftables.commit(new NftBatch()
                .addTable(TABLE)
                .addSet(BOXES)
                .addSet(DENIED)
                .addSet(PUBLISHED)
                .addSet(POLICIES)
                .addChain(POLICY)
                .addChain(FORWARD)
                .addChain(PREROUTING)
                .addChain(POSTROUTING)
                .addRule(NftRule.in(FORWARD)
                        .state(State.ESTABLISHED, State.RELATED)
                        .accept())
                .addRule(NftRule.in(FORWARD).decide(POLICIES, NftField.IPV4_SOURCE))
                .addRule(NftRule.in(PREROUTING)
                        .is(NftField.DESTINATION_TYPE, NftField.LOCAL)
                        .redirectTo(PUBLISHED, NftField.PROTOCOL, NftField.DESTINATION_PORT))
                .addRule(NftRule.in(POSTROUTING)
                        .in(BOXES, NftField.IPV4_SOURCE)
                        .isNot(NftField.OUTPUT, NftValue.link("cay0"))
                        .masquerade()));
    }

    @AfterEach
    void close() {
        nftables.close();
        outside.close();
        box.close();
        host.close();
        kernel.close();
    }

    private String fromBoxToOutside() throws Exception {
        try (ServerSocket server = outside.listen(address(OUTSIDE), 7000)) {
            return box.connect(server, address(OUTSIDE), 7000);
        }
    }

    @Test
    void onlyBoxesInTheSetGetTheAddressOfTheMachine() throws Exception {
        assertThat(fromBoxToOutside()).isEqualTo("connected " + BOX);

        nftables.commit(new NftBatch().addElements(BOXES, NftElement.of(ip(BOX))));
        assertThat(fromBoxToOutside()).isEqualTo("connected 192.0.2.1");
    }

    @Test
    void aPublishedPortLeadsIntoTheBox() throws Exception {
        assertThat(outside.attempt(address("192.0.2.1"), 8080)).isEqualTo("Connection refused");

        nftables.commit(new NftBatch()
                .addElements(
                        PUBLISHED,
                        NftElement.of(Protocol.TCP.value(), NftValue.u16(8080)).to(ip(BOX), NftValue.u16(80))));
        try (ServerSocket server = box.listen(address(BOX), 80)) {
            assertThat(outside.connect(server, address("192.0.2.1"), 8080)).isEqualTo("connected " + OUTSIDE);
        }

        nftables.commit(new NftBatch().flushSet(PUBLISHED));
        assertThat(outside.attempt(address("192.0.2.1"), 8080)).isEqualTo("Connection refused");
    }

    @Test
    void whatIsDeniedFailsAtOnceAndIsCounted() throws Exception {
        nftables.commit(new NftBatch()
                .addElements(POLICIES, NftElement.of(ip(BOX)).to(new NftVerdict.Jump(POLICY.name())))
                .addElements(DENIED, NftElement.of(new IpPrefix(address("192.0.2.0"), 24)))
                .addRule(NftRule.in(POLICY)
                        .in(DENIED, NftField.IPV4_DESTINATION)
                        .protocol(Protocol.TCP)
                        .counted()
                        .logged(4242, "denied", 64)
                        .reject(NftExpression.Reject.Answer.TCP_RESET))
                .addRule(NftRule.in(POLICY)
                        .in(DENIED, NftField.IPV4_DESTINATION)
                        .reject(NftExpression.Reject.Answer.ADMIN_PROHIBITED)));

        assertThat(fromBoxToOutside()).isEqualTo("Connection refused");
        assertThat(fromBoxToOutside()).isEqualTo("Connection refused");
        assertThat(packets()).isEqualTo(2);
        assertThat(nftables.elements(DENIED).getFirst().counter().orElseThrow().packets())
                .isEqualTo(2);

        nftables.commit(new NftBatch().flushSet(DENIED));
        assertThat(fromBoxToOutside()).startsWith("connected");
        assertThat(packets()).isEqualTo(2);
    }

    private long packets() throws IOException {
        return nftables.rules(POLICY).getFirst().counter().orElseThrow().packets();
    }

    @Test
    void aPolicyIsExchangedInOneTransaction() throws Exception {
        nftables.commit(new NftBatch()
                .addElements(POLICIES, NftElement.of(ip(BOX)).to(new NftVerdict.Goto(POLICY.name())))
                .addRule(NftRule.in(POLICY).reject(NftExpression.Reject.Answer.ADMIN_PROHIBITED)));
        assertThat(fromBoxToOutside()).isEqualTo("No route to host");

        nftables.commit(new NftBatch()
                .flushChain(POLICY)
                .addRule(NftRule.in(POLICY)
                        .protocol(Protocol.TCP)
                        .between(NftField.DESTINATION_PORT, NftValue.u16(6999), NftValue.u16(7001))
                        .accept())
                .addRule(NftRule.in(POLICY).drop()));
        assertThat(fromBoxToOutside()).startsWith("connected");
    }

    @Test
    void connectionsOfAnAddressAreForgotten() throws Exception {
        nftables.commit(new NftBatch().addElements(BOXES, NftElement.of(ip(BOX))));
        try (Connections connections = host.inside(() -> Connections.open(kernel));
                ServerSocket server = outside.listen(address(OUTSIDE), 7000)) {
            for (int listed : new int[] {0, 1000}) { // the kernel searches, or everything is looked at
                assertThat(box.connect(server, address(OUTSIDE), 7000)).startsWith("connected");
                assertThat(connections.count()).isPositive();

                assertThat(connections.forget(List.of(address("10.88.0.3"), address("fd00::3")), listed))
                        .isZero();
                assertThat(connections.forget(List.of(address("10.88.0.3"), address(BOX)), listed))
                        .isEqualTo(1);
                assertThat(connections.forget(List.of(address(BOX)), listed)).isZero();
            }
        }
    }

    /** With no bridge filter at all: the bridge knows who is behind its ports, and nobody can claim to be another. */
    @Test
    void aLockedPortTakesFramesOfItsStationOnly() throws Exception {
        try (Rtnetlink here = host.rtnetlink();
                Rtnetlink there = box.rtnetlink()) {
            int port = here.link("v-box").orElseThrow().index();
            MacAddress station = there.link("eth0").flatMap(Link::address).orElseThrow();
            here.execute(LinkMessages.port(port, new BridgePort(true, false, false, false, true)));
            here.execute(new BridgeStation(port, station).set());
            assertThat(box.attempt(address("10.88.0.1"), 7003)).isEqualTo("Connection refused");

            there.execute(
                    LinkMessages.change(2, LinkSettings.none().withAddress(MacAddress.parse("02:ca:0a:58:00:63"))));
            assertThat(box.attempt(address("10.88.0.1"), 7003))
                    .as("another one's")
                    .isNotEqualTo("Connection refused");
        }
    }

    @Test
    void aBoxCannotSpeakForOthers() throws Exception {
        NftTable bridge = new NftTable(NftFamily.BRIDGE, "cay");
        NftChain prerouting = new NftChain(
                bridge,
                "prerouting",
                Optional.of(new NftChain.Base(NftChain.Hook.PREROUTING, -300, NftChain.Kind.FILTER, true)));
        NftSet ports = NftSet.of(bridge, "ports", NftDataType.LINK_NAME);
        NftSet owners = NftSet.of(
                bridge, "owners", NftDataType.LINK_NAME, NftDataType.ETHERNET_ADDRESS, NftDataType.IPV4_ADDRESS);
        try (Rtnetlink there = box.rtnetlink()) {
            MacAddress station = there.link("eth0").flatMap(Link::address).orElseThrow();
            nftables.commit(new NftBatch()
                    .addTable(bridge)
                    .addChain(prerouting)
                    .addSet(ports)
                    .addSet(owners)
                    .addElements(ports, NftElement.of(NftValue.link("v-box")))
                    .addElements(owners, NftElement.of(NftValue.link("v-box"), NftValue.of(station), ip(BOX)))
                    .addRule(NftRule.in(prerouting)
                            .in(ports, NftField.INPUT)
                            .notIn(owners, NftField.INPUT, NftField.ETHERNET_SOURCE, NftField.IPV4_SOURCE)
                            .counted()
                            .drop())
                    .addRule(NftRule.in(prerouting)
                            .in(ports, NftField.INPUT)
                            .notIn(owners, NftField.INPUT, NftField.ARP_SENDER_STATION, NftField.ARP_SENDER)
                            .counted()
                            .drop()));
            assertThat(fromBoxToOutside()).startsWith("connected");

            there.execute(InterfaceAddress.of(2, address("10.88.0.9"), 16).add());
            try (ServerSocket server = host.listen(address("10.88.0.1"), 7001)) {
                assertThat(box.inside(() -> connects(server))).isFalse();
            }
            assertThat(fromBoxToOutside()).as("in its own name").startsWith("connected");
            assertThat(nftables.rules(prerouting))
                    .anyMatch(rule -> rule.counter().orElseThrow().packets() > 0);
        }
    }

    private static boolean connects(ServerSocket server) {
        try (Socket socket = new Socket()) {
            socket.bind(new InetSocketAddress(address("10.88.0.9"), 0));
            socket.connect(server.getLocalSocketAddress(), 500);
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void allOfItWorksForIpv6() throws Exception {
        NftSet published6 = NftSet.of(TABLE, "published6", NftDataType.PROTOCOL, NftDataType.PORT)
                .toValues(NftDataType.IPV6_ADDRESS, NftDataType.PORT);
        NftSet denied6 = NftSet.of(TABLE, "denied6", NftDataType.IPV6_ADDRESS).withIntervals();
        try (Rtnetlink here = host.rtnetlink();
                Rtnetlink inBox = box.rtnetlink();
                Rtnetlink out = outside.rtnetlink()) {
            here.execute(
                    InterfaceAddress.of(here.link("cay0").orElseThrow().index(), address("fd00:1::1"), 64)
                            .add(),
                    InterfaceAddress.of(here.link("up0").orElseThrow().index(), address("fd00:2::1"), 64)
                            .add());
            IpPrefix all = new IpPrefix(address("::"), 0);
            inBox.execute(
                    InterfaceAddress.of(2, address("fd00:1::2"), 64).add(),
                    Route.via(all, address("fd00:1::1"), 2).add());
            out.execute(
                    InterfaceAddress.of(2, address("fd00:2::2"), 64).add(),
                    Route.via(all, address("fd00:2::1"), 2).add());
        }
        host.inside(() -> Files.writeString(Path.of("/proc/sys/net/ipv6/conf/all/forwarding"), "1"));
        nftables.commit(new NftBatch()
                .addSet(published6)
                .addSet(denied6)
                .addElements(
                        published6,
                        NftElement.of(Protocol.TCP.value(), NftValue.u16(8080)).to(ip("fd00:1::2"), NftValue.u16(80)))
                .addRule(NftRule.in(PREROUTING)
                        .is(NftField.DESTINATION_TYPE, NftField.LOCAL)
                        .redirectTo(published6, NftField.PROTOCOL, NftField.DESTINATION_PORT))
                .addRule(NftRule.in(FORWARD)
                        .in(denied6, NftField.IPV6_DESTINATION)
                        .protocol(Protocol.TCP)
                        .reject(NftExpression.Reject.Answer.TCP_RESET)));
        try (ServerSocket server = box.listen(address("fd00:1::2"), 80)) {
            assertThat(outside.connect(server, address("fd00:2::1"), 8080)).isEqualTo("connected fd00:2:0:0:0:0:0:2");
        }
        try (ServerSocket server = outside.listen(address("fd00:2::2"), 7000)) {
            assertThat(box.connect(server, address("fd00:2::2"), 7000)).startsWith("connected");
        }
        nftables.commit(new NftBatch().addElements(denied6, NftElement.of(new IpPrefix(address("fd00:2::"), 64))));
        assertThat(box.attempt(address("fd00:2::2"), 7000)).isEqualTo("Connection refused");
    }
}
