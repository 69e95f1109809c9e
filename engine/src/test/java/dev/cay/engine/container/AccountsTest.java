package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import dev.cay.engine.Seeded;
import dev.cay.engine.container.Accounts.Identity;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Op;
import dev.cay.linux.SyscallException;
import dev.cay.linux.SystemCall;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class AccountsTest {
    private static final String PASSWD = """
        root:x:0:0:root:/root:/bin/sh
        app:x:1000:1001:An App,,,:/home/app:/bin/sh
        nohome:x:7:8:::
        42:x:500:500::/home/42:/bin/sh
        app:x:0:0:a second one:/root:/bin/sh
        same:x:1000:2000::/home/same:/bin/sh
        """;

    private static final String GROUP = """
        root:x:0:
        staff:x:50:app,root
        audio:x:29:root,app
        twice:x:50:app
        app:x:1001:app
        43:x:600:
        others:x:51:apple,xapp, app
        """;

    private final Accounts accounts = accounts(PASSWD, GROUP);

    static Accounts accounts(String passwd, String group) {
        return new Accounts(passwd.getBytes(StandardCharsets.UTF_8), group.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void aNameIsAUserWithAllItsGroups() {
        assertThat(accounts.resolve("app"))
                .hasValue(new Identity(1000, 1001, List.of(1001, 50, 29), "/home/app", "app", "/bin/sh"));
        assertThat(accounts.resolve("root"))
                .hasValue(new Identity(0, 0, List.of(0, 50, 29), "/root", "root", "/bin/sh"));
    }

    @Test
    void anIdIsTheFirstUserThatHasIt() {
        assertThat(accounts.resolve("1000"))
                .hasValue(new Identity(1000, 1001, List.of(1001, 50, 29), "/home/app", "app", "/bin/sh"));
        assertThat(accounts.resolve("7")).hasValue(new Identity(7, 8, List.of(8), "/", "nohome", "/bin/sh"));
    }

    @Test
    void anIdNeedsNoEntry() {
        assertThat(accounts.resolve("12345")).hasValue(new Identity(12345, 0, List.of(0), "/"));
        assertThat(accounts.resolve("65534:65534")).hasValue(new Identity(65534, 65534, List.of(65534), "/"));
    }

    @Test
    void aNameGoesBeforeAnId() {
        assertThat(accounts.resolve("42")).hasValue(new Identity(500, 500, List.of(500), "/home/42", "42", "/bin/sh"));
        assertThat(accounts.resolve("root:43"))
                .hasValue(new Identity(0, 600, List.of(600), "/root", "root", "/bin/sh"));
    }

    @Test
    void aGroupThatIsNamedIsTheOnlyOne() {
        assertThat(accounts.resolve("app:audio"))
                .hasValue(new Identity(1000, 29, List.of(29), "/home/app", "app", "/bin/sh"));
        assertThat(accounts.resolve("app:7"))
                .hasValue(new Identity(1000, 7, List.of(7), "/home/app", "app", "/bin/sh"));
        assertThat(accounts.resolve("9:staff")).hasValue(new Identity(9, 50, List.of(50), "/"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "nobody",
                "nobody:root",
                "app:nobody",
                "app:",
                ":app",
                ":",
                "",
                "app:staff:x",
                "-1",
                "+1",
                "0x10",
                "1.0",
                "65535", // the first process's
                "65536",
                "4294967295",
                "99999999999999999999",
                "0:65535",
                "0:65536",
                "0:-1",
                "\u0661",
                "APP",
                "app ",
                "root\0"
            })
    void whoeverIsNotThereIsNobody(String text) {
        assertThat(accounts.resolve(text)).isEmpty();
        assertThatThrownBy(() -> accounts.require(text))
                .isInstanceOfSatisfying(SandboxException.InvalidSpec.class, refusal -> {
                    assertThat(refusal).hasMessageContaining("'" + text + "'");
                    assertThat(refusal.hint()).contains("UID:GID");
                });
    }

    @Test
    void aRootFileSystemWithoutUsersHasARootAllTheSame() {
        Accounts none = accounts("", "");
        assertThat(none.require("root")).isEqualTo(new Identity(0, 0, List.of(0), "/", "root", "/bin/sh"));
        assertThat(none.require("0:0")).isEqualTo(new Identity(0, 0, List.of(0), "/"));
        assertThat(none.resolve("root:wheel")).isEmpty();
    }

    @Test
    void linesThatAreNoneArePassedOver() {
        Accounts some = accounts("""

            # a:comment:1:2:3:4:5
            short:x:1:1::/
            :x:2:2::/:/bin/sh
            noid:x::2::/:/bin/sh
            nogroup:x:3:::/:/bin/sh
            word:x:abc:3::/:/bin/sh
            minus:x:-3:3::/:/bin/sh
            blank:x: 3:3::/:/bin/sh
            +::::::
            large:x:65535:0::/:/bin/sh
            larger:x:4294967296:0::/:/bin/sh
            wraps:x:4294967296000000000:0::/:/bin/sh
            largegroup:x:5:65535::/:/bin/sh
            good:x:4:4::/good:/bin/sh
            last:x:6:6::/last:/bin/sh\
            """, "");

        for (String name : List.of(
                "short",
                "noid",
                "nogroup",
                "word",
                "minus",
                "blank",
                "+",
                "large",
                "larger",
                "wraps",
                "largegroup",
                "#")) {
            assertThat(some.resolve(name)).as(name).isEmpty();
        }
        assertThat(some.require("good").home()).isEqualTo("/good");
        assertThat(some.require("last").home()).isEqualTo("/last");
    }

    @Test
    void aHomeThatNoVariableCanHoldIsNone() {
        String tooLong = "/" + "x".repeat(200_000);
        Accounts hostile = accounts("a:x:1:1::/a\0b:/bin/sh\nb:x:2:2::" + tooLong + ":/bin/sh\n", "");

        assertThat(hostile.require("a").home()).isEqualTo("/");
        assertThat(hostile.require("b").home()).isEqualTo("/");
    }

    @Test
    void manyLinesCostNoTime() {
        StringBuilder passwd = new StringBuilder();
        StringBuilder group = new StringBuilder();
        for (int i = 0; i < 100_000; i++) {
            passwd.append("u").append(i).append(":x:").append(i).append(":0::/:\n");
            group.append("g").append(i).append(":x:").append(i % 65_536).append(":u1,u2\n");
        }
        long began = System.nanoTime();
        Accounts many = accounts(passwd.toString(), group.toString());

        assertThat(many.require("u65534").user()).isEqualTo(65_534);
        assertThat(many.resolve("u65535")).isEmpty();
        assertThat(many.require("u1").groups()).hasSize(65_535).doesNotHaveDuplicates();
        assertThat(System.nanoTime() - began).as("nanoseconds").isLessThan(20_000_000_000L);
    }

    @Test
    void whateverTheFilesHoldNobodyGetsAnIdThatIsNotTheSandboxs() {
        String[] pieces = {
            ":",
            ":",
            ":",
            ":",
            "\n",
            "\n",
            "0",
            "1",
            "65534",
            "65535",
            "-1",
            "4294967295",
            "99999999999",
            "root",
            "app",
            "x",
            ",",
            "#",
            "\0",
            " ",
            "\r",
            "\u00e9",
            "\ud800",
            "/",
            "+",
            "::::::\n",
            ":x:1:2:::\n"
        };
        Seeded.run(random -> {
            for (int i = 0; i < 2_000; i++) {
                StringBuilder passwd = new StringBuilder();
                StringBuilder group = new StringBuilder();
                for (int j = 0; j < 60; j++) {
                    passwd.append(pieces[random.nextInt(pieces.length)]);
                    group.append(pieces[random.nextInt(pieces.length)]);
                }
                byte[] bytes = new byte[40];
                random.nextBytes(bytes);
                Accounts hostile = accounts(passwd + new String(bytes, StandardCharsets.ISO_8859_1), group.toString());
                for (String user : pieces) {
                    for (String text : List.of(user, user + ":" + pieces[random.nextInt(pieces.length)])) {
                        hostile.resolve(text).ifPresent(AccountsTest::isOfTheSandbox);
                    }
                }
            }
        });
    }

    private static void isOfTheSandbox(Identity identity) {
        assertThat(identity.user()).isBetween(0, 65_535);
        assertThat(identity.group()).isBetween(0, 65_535);
        assertThat(identity.groups()).allMatch(group -> group >= 0 && group <= 65_535);
        assertThat(identity.home()).isNotEmpty().doesNotContain("\0");
    }

    /** openat2(2) says so of a path with two dots while something is renamed elsewhere. */
    @Test
    void readsAgainWhatTheKernelWasNotSureOf() throws SyscallException {
        byte[] file = "app:x:7:8:::\n".getBytes(StandardCharsets.UTF_8);
        Fakes fakes = new Fakes();
        fakes.kernel().fill(SystemCall.READ, file).answer(SystemCall.READ, file.length);
        Fd root = fakes.fd("root");
        fakes.kernel().fail(fakes.kernel().operations(), Errno.EAGAIN);

        assertThat(Accounts.read(fakes.kernel(), root).resolve("app"))
                .hasValue(new Identity(7, 8, List.of(8), "/", "app", "/bin/sh"));
        assertThat(fakes.kernel().openDescriptors()).isEqualTo(1);
        fakes.kernel().answer(SystemCall.OPENAT2, -Errno.EAGAIN.number());
        assertThatThrownBy(() -> Accounts.read(fakes.kernel(), root)).isInstanceOf(SyscallException.class);
    }

    @Test
    void theFilesOfASandboxAreOpenedWithoutLeavingIt() throws SyscallException {
        Fakes fakes = new Fakes();
        byte[] file = "app:x:1:2::/home/app:/bin/sh\n".getBytes(StandardCharsets.US_ASCII);
        fakes.kernel().fill(SystemCall.READ, file).answer(SystemCall.READ, file.length);

        Accounts read = Accounts.read(fakes.kernel(), fakes.fd("root"));

        assertThat(read.require("app").home()).isEqualTo("/home/app");
        assertThat(fakes.kernel().runs().subList(1, 3))
                .extracting(fakes::text)
                .containsExactly(
                        List.of("openat2(etc/passwd) <root>", "read", "close"),
                        List.of("openat2(etc/group) <root>", "read", "close"));
        assertThat(fakes.kernel().openDescriptors()).as("the root's own").isEqualTo(1);
    }

    @Test
    void aFileThatIsMissingOrNoneIsEmpty() throws SyscallException {
        for (Errno errno : List.of(Errno.ENOENT, Errno.ENOTDIR, Errno.ELOOP, Errno.ENXIO)) {
            Fakes fakes = new Fakes();
            fakes.kernel().answer(SystemCall.OPENAT2, -errno.number()).answer(SystemCall.READ, -Errno.EBADF.number());
            assertThat(Accounts.read(fakes.kernel(), fakes.fd("root"))
                            .require("root")
                            .home())
                    .isEqualTo("/");
        }
        for (Errno errno : List.of(Errno.EISDIR, Errno.EAGAIN, Errno.EINVAL)) {
            Fakes fakes = new Fakes();
            fakes.kernel().answer(SystemCall.READ, -errno.number());
            assertThat(Accounts.read(fakes.kernel(), fakes.fd("root")).resolve("app"))
                    .isEmpty();
        }
    }

    @Test
    void aLongFileIsReadUpToItsLimit() throws SyscallException {
        Fakes fakes = new Fakes();
        int longFile = 8 * 1024;
        byte[] line = "app:x:1:2::/home/app:/bin/sh\n".getBytes(StandardCharsets.US_ASCII);
        fakes.kernel().fill(SystemCall.READ, line).answer(SystemCall.READ, longFile);

        Accounts.read(fakes.kernel(), fakes.fd("root"));

        assertThat(fakes.kernel().runs()).as("the root, and each file twice").hasSize(1 + 4);
        List<Op> last = fakes.kernel().runs().getLast().operations();
        assertThat(last.get(1).arguments().get(2)).isEqualTo(dev.cay.linux.Arg.of(1 << 20));
    }
}
