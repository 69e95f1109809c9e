package dev.cay.linux.netlink;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What the C headers say about every number of this package: constants have the names they have there, structs are
 * {@code NAME_SIZE}. They are the same on both architectures, as the headers of both have to say.
 */
class NetlinkOracleTest {
    /** Numbers that the kernel does not know. */
    private static final List<String> OURS = List.of(
            ".*\\.MAXIMUM(_.*)?",
            "Connections\\.FILTER_SOURCE",
            "Families\\.WITHOUT_SCOPE",
            "NetlinkException\\.serialVersionUID",
            "NftExpression\\.REGISTERS",
            "NftMessages\\.NOTE_COMMENT",
            "SetCodec\\.TYPE_.*");

    private static final List<String> HEADERS = List.of(
            "net/if.h",
            "sys/socket.h",
            "linux/if_ether.h",
            "linux/rtnetlink.h",
            "linux/if_link.h",
            "linux/if_addr.h",
            "linux/neighbour.h",
            "linux/veth.h",
            "linux/netlink.h",
            "linux/netfilter.h",
            "linux/netfilter_bridge.h",
            "linux/netfilter/nfnetlink.h",
            "linux/netfilter/nfnetlink_log.h",
            "linux/netfilter/nf_tables.h",
            "linux/netfilter/nfnetlink_conntrack.h",
            "linux/netfilter/nf_conntrack_common.h");

    /** glibc hides some constants of linux/if.h behind its own header. */
    private static final String MORE = """
        #ifndef IFF_LOWER_UP
        #define IFF_LOWER_UP (1 << 16)
        #endif
        """;

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"x86_64", "aarch64"})
    void constants(String architecture) throws Exception {
        Map<String, Long> expected = new LinkedHashMap<>();
        for (Class<?> type : types()) {
            for (Field field : type.getDeclaredFields()) {
                String name = type.getSimpleName() + "." + field.getName();
                if (isNumber(field) && OURS.stream().noneMatch(name::matches)) {
                    field.setAccessible(true);
                    long value = ((Number) field.get(null)).longValue();
                    Long other = expected.put(expression(field.getName()), value);
                    assertThat(other).as(name).isIn(null, value);
                }
            }
        }
        assertThat(expected)
                .containsKeys("RTM_NEWLINK", "NFTA_SET_ELEM_KEY", "sizeof(struct ifinfomsg)")
                .hasSizeGreaterThan(200);
        assertThat(expected).isEqualTo(asked(architecture, expected));
    }

    @ParameterizedTest
    @ValueSource(strings = {"x86_64", "aarch64"})
    void numbersOfOtherNames(String architecture) throws Exception {
        Map<String, Long> expected = new LinkedHashMap<>();
        expected.put("sizeof(struct sockaddr_nl)", 12L); // of connect in NetlinkOps
        expected.put("NFPROTO_INET", (long) NftFamily.INET.number());
        expected.put("NFPROTO_IPV4", (long) NftFamily.IPV4.number());
        expected.put("NFPROTO_IPV6", (long) NftFamily.IPV6.number());
        expected.put("NFPROTO_BRIDGE", (long) NftFamily.BRIDGE.number());
        expected.put("NF_INET_PRE_ROUTING", (long) NftChain.Hook.PREROUTING.number());
        expected.put("NF_INET_LOCAL_IN", (long) NftChain.Hook.INPUT.number());
        expected.put("NF_INET_FORWARD", (long) NftChain.Hook.FORWARD.number());
        expected.put("NF_INET_LOCAL_OUT", (long) NftChain.Hook.OUTPUT.number());
        expected.put("NF_INET_POST_ROUTING", (long) NftChain.Hook.POSTROUTING.number());
        expected.put("NF_BR_PRE_ROUTING", (long) NftChain.Hook.PREROUTING.number());
        expected.put("NF_BR_LOCAL_IN", (long) NftChain.Hook.INPUT.number());
        expected.put("NF_BR_FORWARD", (long) NftChain.Hook.FORWARD.number());
        expected.put("NF_BR_LOCAL_OUT", (long) NftChain.Hook.OUTPUT.number());
        expected.put("NF_BR_POST_ROUTING", (long) NftChain.Hook.POSTROUTING.number());
        expected.put("NFT_PAYLOAD_LL_HEADER", (long) NftExpression.Header.LINK.number());
        expected.put("NFT_PAYLOAD_NETWORK_HEADER", (long) NftExpression.Header.NETWORK.number());
        expected.put("NFT_PAYLOAD_TRANSPORT_HEADER", (long) NftExpression.Header.TRANSPORT.number());
        expected.put("NFT_META_PROTOCOL", (long) NftExpression.MetaKey.ETHERNET_TYPE.number());
        expected.put("NFT_META_MARK", (long) NftExpression.MetaKey.MARK.number());
        expected.put("NFT_META_IIFNAME", (long) NftExpression.MetaKey.INPUT_NAME.number());
        expected.put("NFT_META_OIFNAME", (long) NftExpression.MetaKey.OUTPUT_NAME.number());
        expected.put("NFT_META_NFPROTO", (long) NftExpression.MetaKey.NFPROTO.number());
        expected.put("NFT_META_L4PROTO", (long) NftExpression.MetaKey.PROTOCOL.number());
        expected.put("NFT_CMP_EQ", (long) NftExpression.Comparison.EQUAL.number());
        expected.put("NFT_CMP_NEQ", (long) NftExpression.Comparison.NOT_EQUAL.number());
        expected.put("NFT_CMP_LT", (long) NftExpression.Comparison.LESS.number());
        expected.put("NFT_CMP_LTE", (long) NftExpression.Comparison.LESS_OR_EQUAL.number());
        expected.put("NFT_CMP_GT", (long) NftExpression.Comparison.GREATER.number());
        expected.put("NFT_CMP_GTE", (long) NftExpression.Comparison.GREATER_OR_EQUAL.number());
        expected.put("NFT_REG32_15 - NFT_REG32_00 + 1", (long) NftExpression.REGISTERS);
        for (Route.Kind kind : Route.Kind.values()) {
            expected.put("RTN_" + kind.name(), (long) kind.number());
        }
        expected.put("IPPROTO_ICMP", (long) NftRuleBuilder.Protocol.ICMP.number());
        expected.put("IPPROTO_TCP", (long) NftRuleBuilder.Protocol.TCP.number());
        expected.put("IPPROTO_UDP", (long) NftRuleBuilder.Protocol.UDP.number());
        expected.put("IPPROTO_ICMPV6", (long) NftRuleBuilder.Protocol.ICMPV6.number());
        expected.put("NF_CT_STATE_INVALID_BIT", (long) NftRuleBuilder.State.INVALID.bit());
        expected.put("NF_CT_STATE_BIT(IP_CT_ESTABLISHED)", (long) NftRuleBuilder.State.ESTABLISHED.bit());
        expected.put("NF_CT_STATE_BIT(IP_CT_RELATED)", (long) NftRuleBuilder.State.RELATED.bit());
        expected.put("NF_CT_STATE_BIT(IP_CT_NEW)", (long) NftRuleBuilder.State.NEW.bit());
        expected.put("NF_CT_STATE_UNTRACKED_BIT", (long) NftRuleBuilder.State.UNTRACKED.bit());

        assertThat(expected).isEqualTo(asked(architecture, expected));
    }

    @Test
    void localAddressesAreOfTheTypeThatRoutesHave() {
        assertThat(NftField.LOCAL).isEqualTo(NftValue.u32(Route.Kind.LOCAL.number()));
    }

    private static boolean isNumber(Field field) {
        Class<?> type = field.getType();
        return Modifier.isStatic(field.getModifiers())
                && (type == int.class || type == long.class || type == short.class || type == byte.class);
    }

    private static String expression(String name) {
        return name.endsWith("_SIZE")
                ? "sizeof(struct " + name.substring(0, name.length() - 5).toLowerCase(Locale.ROOT) + ")"
                : name;
    }

    /** All classes of the package, those within others too. */
    private static List<Class<?>> types() throws IOException, ClassNotFoundException {
        Path folder = Path.of(URI.create(String.valueOf(NetlinkSocket.class.getResource("NetlinkSocket.class"))))
                .getParent();
        List<Class<?>> types = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.sorted().toList()) {
                String name = file.getFileName().toString();
                if (name.endsWith(".class") && !name.equals("package-info.class") && !name.matches(".*\\$[0-9].*")) {
                    types.add(Class.forName(
                            "dev.cay.linux.netlink." + name.substring(0, name.length() - ".class".length())));
                }
            }
        }
        return types;
    }

    /** What a C program says the values of these expressions are. */
    private Map<String, Long> asked(String architecture, Map<String, Long> expressions) throws Exception {
        StringBuilder source = new StringBuilder("#define _GNU_SOURCE\n#include <netinet/in.h>\n");
        HEADERS.forEach(header -> source.append("#include <").append(header).append(">\n"));
        source.append(MORE).append("int printf(const char *, ...);\nint main(void) {\n");
        for (String expression : expressions.keySet()) {
            source.append("    printf(\"%lld\\n\", (long long) (int) (")
                    .append(expression)
                    .append("));\n");
        }
        Files.writeString(directory.resolve("oracle.c"), source.append("    return 0;\n}\n"));
        List<String> command = new ArrayList<>(List.of("gcc", "-o", "oracle", "oracle.c"));
        String own = System.getProperty("os.arch").equals("aarch64") ? "aarch64" : "x86_64";
        if (!architecture.equals(own)) {
            command.addAll(List.of(
                    "-nostdinc",
                    "-isystem",
                    run("gcc", "-print-file-name=include").strip(),
                    "-isystem",
                    "/usr/" + architecture + "-linux-gnu/include",
                    "-U__" + own + "__",
                    "-D__" + architecture + "__",
                    "-D__" + architecture.toUpperCase(Locale.ROOT) + "EL__"));
        }
        run(command.toArray(String[]::new));
        List<Long> values = run("./oracle").lines().map(Long::valueOf).toList();
        Map<String, Long> answers = new LinkedHashMap<>();
        for (String expression : expressions.keySet()) {
            answers.put(expression, values.get(answers.size()));
        }
        return answers;
    }

    private String run(String... command) throws Exception {
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue())
                .as("a constant that is ours belongs into OURS, its header into HEADERS: %s", output)
                .isZero();
        return output;
    }
}
