package dev.cay.engine.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class NetworkRequestTest {
    private static final List<String> ADDRESSES = """
            Main:
              +-- 0.0.0.0/0 3 0 5
                 |-- 0.0.0.0
                    /0 universe UNICAST
                 +-- 10.88.0.0/16 2 0 2
                    |-- 10.88.0.7
                       /32 host LOCAL
                    |-- 10.88.255.255
                       /32 link BROADCAST
            """.lines().toList();

    private static final List<String> ROUTES = """
            Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
            eth0	00000000	0100580A	0003	0	0	0	00000000	0	0	0
            eth0	0000580A	00000000	0001	0	0	0	0000FFFF	0	0	0
            """.lines().toList();

    private static NetworkRequest request(String address, String netmask, String gateway) throws RefusalException {
        String json = "{\"ip\":\"" + address + "\",\"netmask\":\"" + netmask + "\",\"gateway\":\"" + gateway + "\"}";
        return NetworkRequest.read(json.getBytes(UTF_8));
    }

    private static boolean isSo(String address, String netmask, String gateway) throws RefusalException {
        return request(address, netmask, gateway).isSo(ADDRESSES, ROUTES);
    }

    @Test
    void whatIsAsItIsAskedForIsSo() throws RefusalException {
        assertThat(isSo("10.88.0.7", "255.255.0.0", "10.88.0.1")).isTrue();
        assertThat(isSo("10.88.0.7", "", "")).isTrue();
        assertThat(isSo("10.88.0.8", "255.255.0.0", "10.88.0.1")).isFalse();
        assertThat(isSo("10.88.255.255", "", "")).isFalse();
        assertThat(isSo("10.88.0.7", "255.255.255.248", "10.88.0.1")).isTrue();
        assertThat(isSo("10.88.0.7", "255.255.255.252", "10.88.0.1")).isFalse();
        assertThat(isSo("10.88.0.7", "255.0.255.0", "10.88.0.1")).isFalse();
        assertThat(isSo("10.88.0.7", "0.0.0.0", "10.88.0.1")).isFalse();
        assertThat(isSo("10.88.0.7", "255.255.0.0", "10.88.0.2")).isFalse();
        assertThat(request("10.88.0.7", "", "").isSo(List.of(), List.of())).isFalse();
    }

    @Test
    void whatIsNoAddressIsRefused() {
        for (String wrong :
                List.of("1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-4", "a.b.c.d", "1..2.3", "::1", " 1.2.3.4")) {
            assertThatThrownBy(() -> request(wrong, "", ""))
                    .isInstanceOf(RefusalException.class)
                    .hasMessageContaining("IPv4");
        }
        assertThatThrownBy(() -> request("", "255.0.0.0", ""))
                .isInstanceOf(RefusalException.class)
                .hasMessageContaining("no ip");
    }
}
