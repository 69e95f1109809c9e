package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.ExecResult;
import dev.cay.ExecSpec;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Users are looked up in the sandbox's own files. */
interface UserContract extends SandboxContract {
    /** One that has the users of {@link #peopled}. */
    Sandbox sandboxOfUsers();

    /** Gives a root file system users and groups, some of which are not as they should be. */
    static Path peopled(Path root) throws IOException {
        Files.writeString(root.resolve("etc/passwd"), """
                root:x:0:0:root:/root:/bin/sh

                # a comment
                broken
                ada:x:1001:2001:Ada:/home/ada:/bin/sh
                7:x:1007:2007:a name that looks like a number:/:/bin/sh
                nogroups:x:1002:2002::/:/bin/sh
                user:x:1000:1000::/home/user:/bin/sh
                """);
        Files.writeString(root.resolve("etc/group"), """
                root:x:0:
                ada:x:2001:
                audio:x:29:nogroups2,ada
                wheel:x:10:ada,other
                crew:x:3000:other
                """);
        return root;
    }

    /** V4, N7: the user is resolved in the sandbox's files, with all supplementary groups, and never silently root. */
    @Test
    default void v4CommandsRunAsTheUserAskedForWithAllItsGroups() {
        Sandbox sandbox = sandboxOfUsers();
        assertThat(id(sandbox, "ada")).isEqualTo("1001 2001 10 29 2001");
        assertThat(id(sandbox, "1001")).isEqualTo("1001 2001 10 29 2001");
        assertThat(id(sandbox, "ada:crew")).isEqualTo("1001 3000 3000");
        assertThat(id(sandbox, "ada:77")).isEqualTo("1001 77 77");
        assertThat(id(sandbox, "4000:4001")).isEqualTo("4000 4001 4001");
        assertThat(id(sandbox, "4000")).isEqualTo("4000 0 0");
        assertThat(id(sandbox, "7")).isEqualTo("1007 2007 2007");
        assertThat(id(sandbox, "nogroups")).isEqualTo("1002 2002 2002");
        ExecSpec home = ExecSpec.builder("sh", "-c", "echo $HOME").user("ada").build();
        assertThat(sandbox.exec(home).stdout()).isEqualTo("/home/ada\n");
        for (String user :
                new String[] {"nobody", "ada:nogroup", "broken", "70000", "65535", "65536:0", "ada:65535", "ada:65536"
                }) {
            assertThatThrownBy(() -> id(sandbox, user)).as(user).isInstanceOf(SandboxException.InvalidSpec.class);
        }
    }

    private static String id(Sandbox sandbox, String user) {
        ExecResult result = sandbox.exec(ExecSpec.builder(
                        "sh",
                        "-c",
                        "echo $(id -u) $(id -g) $(grep Groups: /proc/self/status | cut -d: -f2);"
                                + " grep -c CapEff:.*0000000000000000 /proc/self/status")
                .user(user)
                .build());
        String[] lines = result.stdout().split("\n");
        assertThat(lines).as(result.stderr()).hasSizeGreaterThan(1);
        assertThat(lines[1]).as("capabilities of " + user).isEqualTo("1");
        return lines[0];
    }
}
