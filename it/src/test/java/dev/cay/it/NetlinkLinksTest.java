package dev.cay.it;

import static dev.cay.it.NetlinkLab.address;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.cay.linux.Arg;
import dev.cay.linux.Birth;
import dev.cay.linux.Child;
import dev.cay.linux.Errno;
import dev.cay.linux.HostKernel;
import dev.cay.linux.Namespaces;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.Processes;
import dev.cay.linux.SyscallException;
import dev.cay.linux.netlink.BridgePort;
import dev.cay.linux.netlink.InterfaceAddress;
import dev.cay.linux.netlink.IpPrefix;
import dev.cay.linux.netlink.Link;
import dev.cay.linux.netlink.LinkKind;
import dev.cay.linux.netlink.LinkMessages;
import dev.cay.linux.netlink.LinkSettings;
import dev.cay.linux.netlink.MacAddress;
import dev.cay.linux.netlink.Neighbour;
import dev.cay.linux.netlink.NetlinkException;
import dev.cay.linux.netlink.NetlinkMessage;
import dev.cay.linux.netlink.NetlinkSocket;
import dev.cay.linux.netlink.Route;
import dev.cay.linux.netlink.Rtnetlink;
import java.io.IOException;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Links, addresses, routes and neighbours, as the kernel takes them and as ip(8) sees them. */
@ExtendWith(RootLane.class)
class NetlinkLinksTest {
    private static final MacAddress STATION = MacAddress.parse("02:ca:00:00:00:07");

    private HostKernel kernel;
    private NetlinkLab host;
    private Rtnetlink rtnetlink;

    @BeforeEach
    void open() throws SyscallException {
        kernel = new HostKernel();
        host = NetlinkLab.create(kernel);
        rtnetlink = host.rtnetlink();
    }

    @AfterEach
    void close() {
        rtnetlink.close();
        host.close();
        kernel.close();
    }

    private Link link(String name) throws IOException {
        return rtnetlink.link(name).orElseThrow();
    }

    /** A cable with both its ends here. */
    private static NetlinkMessage cable(String name) {
        return LinkMessages.create(
                LinkSettings.named(name), new LinkKind.Veth(LinkSettings.named(name + "-other"), Optional.empty()));
    }

    @Test
    void aNewNamespaceHasLoopbackOnly() throws IOException {
        List<Link> links = rtnetlink.links();

        assertThat(links).hasSize(1);
        assertThat(links.getFirst().name()).isEqualTo("lo");
        assertThat(links.getFirst().up()).isTrue();
        assertThat(rtnetlink.addresses())
                .extracting(InterfaceAddress::toString)
                .containsExactlyInAnyOrder("127.0.0.1/8 on 1", "0:0:0:0:0:0:0:1/128 on 1");
        assertThat(rtnetlink.link("eth0")).isEmpty();
        assertThat(rtnetlink.link(77)).isEmpty();
    }

    @Test
    void aSocketOpenedHereSeesThisNamespace() throws IOException {
        try (Rtnetlink own = Rtnetlink.open(kernel)) {
            assertThat(own.links())
                    .extracting(Link::name)
                    .containsExactlyInAnyOrderElementsOf(names(Lab.onHost("ip", "-o", "link")));
        }
    }

    private static List<String> names(String listing) {
        return listing.lines()
                .map(line -> line.split(":? +")[1].replaceAll("@.*", ""))
                .toList();
    }

    @Test
    void bridgeAndPort() throws IOException {
        Lab.need("ip");
        rtnetlink.execute(LinkMessages.create(
                LinkSettings.named("br0").withUp(true).withMtu(1400).withAddress(STATION), LinkKind.Bridge.PLAIN));
        Link bridge = link("br0");
        rtnetlink.execute(cable("d0"));
        int cable = link("d0").index();
        rtnetlink.execute(
                LinkMessages.change(
                        cable, LinkSettings.none().withMaster(bridge.index()).withLinkLocal(false)),
                LinkMessages.port(cable, new BridgePort(true, true, false, false, true)),
                LinkMessages.change(cable, LinkSettings.none().withUp(true)));

        assertThat(bridge.kind()).isEqualTo("bridge");
        assertThat(bridge.mtu()).isEqualTo(1400);
        assertThat(bridge.address()).contains(STATION);
        Link port = link("d0");
        assertThat(port.master()).hasValue(bridge.index());
        assertThat(port.port()).contains(new BridgePort(true, true, false, false, true));
        assertThat(rtnetlink.addresses()).noneMatch(address -> address.link() == cable);
        assertThat(host.output("ip", "-d", "-j", "link", "show", "d0"))
                .contains("\"isolated\":true", "\"hairpin\":true", "\"learning\":false", "\"flood\":false")
                .contains("\"master\":\"br0\"");
        assertThat(host.output("ip", "-d", "-j", "link", "show", "br0"))
                .contains("\"mcast_snooping\":0", "\"stp_state\":0");

        rtnetlink.execute(LinkMessages.change(cable, LinkSettings.none().withMaster(0)));
        assertThat(link("d0").master()).isEmpty();
        rtnetlink.execute(LinkMessages.delete("d0"), LinkMessages.delete(bridge.index()));
        assertThat(rtnetlink.link("d0")).isEmpty();
        assertThat(rtnetlink.links()).hasSize(1);
    }

    @Test
    void theOtherEndOfACableIsBornInItsNamespaceAndCarriesConnections() throws Exception {
        try (NetlinkLab left = NetlinkLab.create(kernel);
                NetlinkLab right = NetlinkLab.create(kernel)) {
            int bridge = host.bridge("cay0", "10.88.0.1", 16);
            int port = host.plug(bridge, "v-left", left, "10.88.0.2", 16, "10.88.0.1");
            host.plug(bridge, "v-right", right, "10.88.0.3", 16, "10.88.0.1");

            assertThat(link("v-left").kind()).isEqualTo("veth");
            assertThat(link("v-left").running()).isTrue();
            assertThat(link("v-left").peer()).hasValue(2);
            try (ServerSocket server = right.listen(address("10.88.0.3"), 7000)) {
                assertThat(left.connect(server, address("10.88.0.3"), 7000)).isEqualTo("connected 10.88.0.2");
            }
            try (ServerSocket server = host.listen(address("10.88.0.1"), 7001)) {
                assertThat(left.connect(server, address("10.88.0.1"), 7001)).isEqualTo("connected 10.88.0.2");
            }
            assertThat(link("v-left").statistics().orElseThrow().receivedPackets())
                    .isPositive();

            rtnetlink.execute(LinkMessages.port(port, new BridgePort(true, false, true, true, false)));
            rtnetlink.execute(
                    LinkMessages.port(link("v-right").index(), new BridgePort(true, false, true, true, false)));
            try (ServerSocket server = right.listen(address("10.88.0.3"), 7000)) {
                assertThat(left.connect(server, address("10.88.0.3"), 7000)).doesNotStartWith("connected");
            }
        }
    }

    @Test
    void ipv6WorksAtOnce() throws Exception {
        try (NetlinkLab box = NetlinkLab.create(kernel)) {
            int bridge = host.bridge("cay0", "fd00:ca::1", 64);
            host.plug(bridge, "v-box", box, "fd00:ca::2", 64, "fd00:ca::1");

            try (ServerSocket server = host.listen(address("fd00:ca::1"), 7000)) {
                assertThat(box.connect(server, address("fd00:ca::1"), 7000)).isEqualTo("connected fd00:ca:0:0:0:0:0:2");
            }
        }
    }

    @Test
    void addressesAndRoutes() throws IOException {
        Lab.need("ip");
        rtnetlink.execute(cable("d0"));
        int d0 = link("d0").index();
        rtnetlink.execute(LinkMessages.change(d0, LinkSettings.none().withUp(true)));
        InterfaceAddress plain = InterfaceAddress.of(d0, address("10.1.0.5"), 24);
        InterfaceAddress bare = new InterfaceAddress(d0, address("fd00::5"), 64, true, true);
        Route direct = Route.direct(new IpPrefix(address("10.9.0.0"), 16), d0);
        Route fallback = Route.via(new IpPrefix(address("0.0.0.0"), 0), address("10.1.0.1"), d0);
        Route onLink = Route.via(new IpPrefix(address("10.8.0.0"), 16), address("192.0.2.1"), d0)
                .withOnLink()
                .withMetric(70);
        Route direct6 = Route.direct(new IpPrefix(address("fd00::"), 64), d0).withMetric(5);
        Route nowhere = Route.refusing(new IpPrefix(address("169.254.169.254"), 32), Route.Kind.PROHIBIT);
        rtnetlink.execute(
                plain.add(), bare.add(), direct.add(), fallback.add(), onLink.add(), direct6.add(), nowhere.add());

        assertThat(rtnetlink.addresses())
                .contains(new InterfaceAddress(d0, address("10.1.0.5"), 24, false, false), bare);
        assertThat(rtnetlink.routes()).contains(direct, fallback, onLink, direct6, nowhere);
        assertThat(host.output("ip", "route"))
                .contains("default via 10.1.0.1 dev d0 proto static")
                .contains("10.9.0.0/16 dev d0 proto static scope link")
                .contains("10.8.0.0/16 via 192.0.2.1 dev d0 proto static metric 70 onlink")
                .contains("prohibit 169.254.169.254")
                .contains("10.1.0.0/24 dev d0 proto kernel scope link src 10.1.0.5");

        rtnetlink.execute(fallback.delete(), nowhere.delete(), plain.delete());
        assertThat(host.output("ip", "route")).doesNotContain("default", "prohibit", "10.1.0.5");
    }

    @Test
    void permanentNeighbours() throws IOException {
        rtnetlink.execute(LinkMessages.create(LinkSettings.named("br0").withUp(true), LinkKind.Bridge.PLAIN));
        int bridge = link("br0").index();
        Neighbour four = Neighbour.permanent(bridge, address("10.88.0.7"), STATION);
        Neighbour six = Neighbour.permanent(bridge, address("fd00::7"), STATION);
        rtnetlink.execute(four.set(), six.set(), four.set());

        assertThat(rtnetlink.neighbours()).contains(four, six);

        rtnetlink.execute(four.delete());
        assertThat(rtnetlink.neighbours()).doesNotContain(four).contains(six);
    }

    @Test
    void failuresSayWhatWasAskedAndWhatTheKernelSays() throws IOException {
        NetlinkMessage create = LinkMessages.create(LinkSettings.named("br0"), LinkKind.Bridge.PLAIN);
        rtnetlink.execute(create);

        assertThatThrownBy(() -> rtnetlink.execute(create))
                .isInstanceOf(NetlinkException.class)
                .hasMessage("RTM_NEWLINK(br0): EEXIST");
        NetlinkException refused = catchThrowableOfType(
                NetlinkException.class,
                () -> rtnetlink.execute(LinkMessages.change(
                        link("br0").index(), LinkSettings.none().withMaster(1))));
        assertThat(refused.is(Errno.EOPNOTSUPP)).isTrue();
        NetlinkException noRoute = catchThrowableOfType(
                NetlinkException.class,
                () -> rtnetlink.execute(Route.via(
                                new IpPrefix(address("10.0.0.0"), 8),
                                address("192.0.2.1"),
                                link("br0").index())
                        .add()));
        assertThat(noRoute.text()).isNotEmpty();
        assertThat(noRoute).hasMessageContaining("RTM_NEWROUTE(10.0.0.0/8 via 192.0.2.1 on ");
    }

    @Test
    void theFirstFailureIsReportedAndTheRestIsDone() throws IOException {
        assertThatThrownBy(() -> rtnetlink.execute(
                        cable("d1"), LinkMessages.delete("nothing1"), LinkMessages.delete("nothing2"), cable("d2")))
                .hasMessageContaining("RTM_DELLINK(nothing1): ENODEV");
        assertThat(rtnetlink.link("d1")).isPresent();
        assertThat(rtnetlink.link("d2")).isPresent();
    }

    @Test
    void messagesCanBePartOfAListThatRunsInAChild() throws IOException {
        rtnetlink.execute(cable("d0"));
        int d0 = link("d0").index();
        List<Op> opening = NetlinkSocket.opening(NetlinkSocket.Protocol.ROUTE);
        OpList.Builder list = OpList.builder();
        list.add(Namespaces.enter(host.namespace(), Namespaces.NETWORK));
        list.addAll(opening);
        list.add(NetlinkMessage.send(
                Arg.of(opening.getFirst()),
                List.of(
                        LinkMessages.change(d0, LinkSettings.none().withUp(true)),
                        InterfaceAddress.of(d0, address("10.1.0.1"), 24).add()),
                1));
        list.add(Processes.exit(0));
        try (Child child = kernel.spawn(list.build(), new Birth(0, Optional.empty()))) {
            assertThat(child.await()).isEqualTo(new Child.Status(true, 0));
        }

        assertThat(link("d0").up()).isTrue();
        assertThat(rtnetlink.addresses()).anyMatch(one -> one.link() == d0 && one.prefixLength() == 24);
    }

    @Test
    void manyRequestsAndLongListings() throws IOException {
        List<NetlinkMessage> requests = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            requests.add(cable("d" + i));
        }
        rtnetlink.execute(requests);

        assertThat(rtnetlink.links())
                .hasSize(201)
                .extracting(Link::name)
                .contains("d0", "d99")
                .doesNotHaveDuplicates();
        assertThat(rtnetlink.link("d50").flatMap(Link::address)).isPresent();
    }
}
