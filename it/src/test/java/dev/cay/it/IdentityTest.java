package dev.cay.it;

import static dev.cay.it.Lab.attempt;
import static dev.cay.it.Lab.sh;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecSpec;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Sandboxes;
import dev.cay.Writable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Who a command is inside, and who it is for the host. */
@ExtendWith(RootLane.class)
class IdentityTest extends ContainerSandboxes implements UserContract {
    private static final long FIRST_ID = 0x7000_0000L;
    private static final long LAST_ID = 0x7fff_ffffL;

    @Test
    void rootInsideIsNobodyOutside(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            assertThat(sh(sandbox, "id -u")).isEqualTo("0");
            assertThat(hostUser(JoinTest.initOf(sandbox))).isBetween(FIRST_ID, LAST_ID);
            for (String file : new String[] {"uid_map", "gid_map"}) {
                long next = 0;
                for (String line : sh(sandbox, "cat /proc/self/" + file).split("\n")) {
                    String[] fields = line.trim().split("\\s+");
                    assertThat(Long.parseLong(fields[0])).isEqualTo(next);
                    assertThat(Long.parseLong(fields[1])).isBetween(FIRST_ID, LAST_ID);
                    next += Long.parseLong(fields[2]);
                }
                assertThat(next).isEqualTo(65535);
            }
        }
    }

    private static long hostUser(long pid) {
        return Long.parseLong(Lab.onHost("stat", "-c", "%u", "/proc/" + pid));
    }

    @Test
    void noTwoSandboxesShareAnId(Sandboxes engine) {
        Set<String> maps = new HashSet<>();
        java.util.List<Sandbox> sandboxes = new java.util.ArrayList<>();
        try {
            for (int i = 0; i < 10; i++) {
                sandboxes.add(engine.create(SandboxSpec.host().build()));
                maps.add(sh(sandboxes.getLast(), "cat /proc/self/uid_map"));
            }
            assertThat(maps).hasSize(10);
        } finally {
            sandboxes.forEach(Sandbox::close);
        }
    }

    @Test
    void twoEnginesShareNoIdEither(Sandboxes engine) {
        try (Sandboxes second = Sandboxes.local();
                Sandbox one = engine.create(SandboxSpec.host().build());
                Sandbox other = second.create(SandboxSpec.host().build())) {
            assertThat(sh(one, "cat /proc/self/uid_map")).isNotEqualTo(sh(other, "cat /proc/self/uid_map"));
        }
    }

    @Test
    void filesItMakesBelongToItsRangeAndComeBack(Sandboxes engine) throws IOException {
        Path changes = Lab.directory();
        SandboxSpec spec =
                SandboxSpec.host().writable(new Writable.Directory(changes)).build();
        try {
            try (Sandbox sandbox = engine.create(spec)) {
                sh(
                        sandbox,
                        "echo kept > /root/kept; chown 1000:1000 /root/kept; echo x > /usr/local/mine; rm /usr/bin/id");
                try (var files = Files.walk(changes)) {
                    assertThat(files.filter(file -> !file.equals(changes)))
                            .isNotEmpty()
                            .allSatisfy(file -> {
                                if (!Lab.onHost("stat", "-c", "%F", file.toString())
                                        .startsWith("character")) {
                                    assertThat(owner(file))
                                            .as("%s", file)
                                            .satisfiesAnyOf(
                                                    id -> assertThat(id).isBetween(FIRST_ID, LAST_ID),
                                                    id -> assertThat(file.toString())
                                                            .contains("work/"));
                                }
                            });
                }
                assertThatThrownBy(() -> engine.create(spec))
                        .isInstanceOf(SandboxException.class)
                        .hasMessageContaining("another sandbox is using");
            }
            try (Sandbox again = engine.create(spec)) {
                assertThat(sh(again, "cat /root/kept /usr/local/mine; stat -c %u /root/kept"))
                        .isEqualTo("kept\nx\n1000");
                assertThat(attempt(again, "/usr/bin/id")).contains("not found");
            }
            assertThat(Path.of("/usr/local/mine")).doesNotExist();
        } finally {
            Lab.delete(changes);
        }
    }

    private static long owner(Path file) {
        try {
            return ((Number) Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS)).longValue();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void theHostsFilesAppearAsOwnedByTheSandboxsIds(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().build())) {
            assertThat(sh(sandbox, "stat -c '%u %g' /usr /usr/bin/sh /etc/passwd /tmp /dev/null /root"))
                    .doesNotContain("65534");
            sh(
                    sandbox,
                    "mv /usr/bin/perl /usr/bin/perl5-moved; rm -rf /usr/share/doc; echo '#!/bin/sh' > /usr/bin/new");
        }
        assertThat(Path.of("/usr/bin/perl")).exists();
        assertThat(Path.of("/usr/bin/new")).doesNotExist();
    }

    @Test
    void withoutUserNamespaceRootIsTheHostsRootBehindTheWalls(Sandboxes engine) {
        try (Sandbox sandbox =
                engine.create(SandboxSpec.host().userNamespace(false).build())) {
            assertThat(sh(sandbox, "cat /proc/self/uid_map").trim().replaceAll("\\s+", " "))
                    .isEqualTo("0 0 4294967295");
            assertThat(hostUser(JoinTest.initOf(sandbox))).isZero();
            sh(sandbox, "touch /usr/bin/made-in-a-sandbox");
        }
        assertThat(Path.of("/usr/bin/made-in-a-sandbox")).doesNotExist();
    }

    @Override
    public Sandbox sandboxOfUsers() {
        try {
            return make(
                    SandboxSpec.directory(UserContract.peopled(Lab.smallRoot())).build());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void v4AnUnknownDefaultUserFailsClosed(Sandboxes engine) {
        SandboxSpec spec = SandboxSpec.host().user("nobody-at-all").build();
        assertThatThrownBy(() -> engine.run(spec, ExecSpec.of("id")))
                .isInstanceOfSatisfying(SandboxException.InvalidSpec.class, e -> {
                    assertThat(e).hasMessageContaining("nobody-at-all");
                    assertThat(e.hint()).isNotEmpty();
                });
    }

    @Test
    void aUserHasNoCapabilitiesAndCannotRegainThem(Sandboxes engine) {
        try (Sandbox sandbox = engine.create(SandboxSpec.host().user("user").build())) {
            assertThat(sh(sandbox, "id -un; grep Cap /proc/self/status | tr -d '\\n'"))
                    .contains("user")
                    .contains("CapEff:\t0000000000000000")
                    .contains("CapPrm:\t0000000000000000");
            assertThat(attempt(sandbox, "touch /usr/bin/x /etc/x /root/x")).contains("denied");
            sh(sandbox, "touch /home/user/x /tmp/x");
        }
    }
}
