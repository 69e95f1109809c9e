package dev.cay.engine.agent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.util.List;
import org.junit.jupiter.api.Test;

class NetworkRequestTest {
    private static NetworkRequest request(String address, String netmask, String gateway) throws RefusalException {
        String json = "{\"ip\":\"" + address + "\",\"netmask\":\"" + netmask + "\",\"gateway\":\"" + gateway + "\"}";
        return NetworkRequest.read(json.getBytes(UTF_8));
    }

    @Test
    void whatIsNotSaidIsEmpty() throws RefusalException {
        NetworkRequest whole = request("10.88.0.7", "255.255.0.0", "10.88.0.1");
        assertThat(whole.address()).isEqualTo(InetAddress.ofLiteral("10.88.0.7"));
        assertThat(whole.netmask()).contains(InetAddress.ofLiteral("255.255.0.0"));
        assertThat(whole.gateway()).contains(InetAddress.ofLiteral("10.88.0.1"));
        NetworkRequest brief = request("255.255.255.255", "", "");
        assertThat(brief.address()).isEqualTo(InetAddress.ofLiteral("255.255.255.255"));
        assertThat(brief.netmask()).isEmpty();
        assertThat(brief.gateway()).isEmpty();
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
