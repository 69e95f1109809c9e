package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.cay.ExecSpec;
import dev.cay.IoLimits;
import dev.cay.Network;
import dev.cay.OnHang;
import dev.cay.ResourceLimit;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.SeccompPolicy;
import dev.cay.Size;
import dev.cay.VmmKind;
import dev.cay.Writable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunRequestTest {
    private static final Map<String, String> VARIABLES = Map.of("HOME", "/home/me", "EMPTY", "");

    @TempDir
    private Path folder;

    @Test
    void asksForTheDefaultsOfTheApiIfNothingIsSaid() {
        RunRequest request = request("--", "ls", "-l");

        assertThat(request.sandbox().withCommand(Optional.empty()))
                .isEqualTo(SandboxSpec.host().build());
        assertThat(request.sandbox().command()).as("for others to see").contains(request.command());
        assertThat(same(request.command(), ExecSpec.of("ls", "-l"))).isTrue();
        assertThat(request.format()).isEqualTo(Format.TEXT);
    }

    @Test
    void passesOnWhatIsSaidAboutTheSandbox() {
        SandboxSpec expected = SandboxSpec.directory(Path.of("/roots/alpine"))
                .writable(new Writable.Directory(Path.of("/changes")))
                .memory(Size.mib(64))
                .cpus(0.5)
                .cpuWeight(50)
                .pids(20)
                .io(new IoLimits(OptionalLong.of(1024), OptionalLong.empty(), OptionalLong.empty(), OptionalLong.of(9)))
                .resourceLimit(ResourceLimit.OPEN_FILES, 64)
                .resourceLimit(ResourceLimit.CORE, 0)
                .network(Network.host())
                .seccomp(SeccompPolicy.unconfined())
                .userNamespace(false)
                .init(false)
                .hostname("box")
                .build();

        assertThat(sandbox(
                        "--rootfs=/roots/alpine --writable /changes --memory 64m --cpus 0.5 --cpu-weight 50 --pids 20"
                                + " --io read=1k,writes=9 --ulimit open-files=64 --ulimit core=0 --network host"
                                + " --seccomp unconfined --no-userns --no-init --hostname box ls"))
                .isEqualTo(expected);
    }

    @Test
    void passesOnWhatIsSaidAboutTheCommand() {
        ExecSpec expected = ExecSpec.builder("ls", "--memory")
                .environment("A", "b=c")
                .environment("HOME", "/home/me")
                .environment("EMPTY", "")
                .workingDirectory("/tmp")
                .user("nobody:nogroup")
                .timeout(Duration.ofMillis(1500))
                .grace(Duration.ZERO)
                .outputLimit(Size.kib(1))
                .build();

        RunRequest request = request(
                "-e A=b=c -e HOME -e EMPTY -e MISSING -w /tmp -u nobody:nogroup --timeout 1.5 --grace 0s --output-limit 1k"
                        .concat(" --format json -- ls --memory")
                        .split(" "));

        assertThat(same(request.command(), expected))
                .as("%s", request.command())
                .isTrue();
        assertThat(request.format()).isEqualTo(Format.JSON);
    }

    @Test
    void whatIsDoneWithAHungGuestIsChosen() {
        assertThat(sandbox("--isolation microvm --on-hang kill --rootfs /x ls").onHang())
                .isEqualTo(OnHang.KILL);
        assertThat(sandbox("--isolation microvm --on-hang report --rootfs /x ls")
                        .onHang())
                .isEqualTo(OnHang.REPORT);
        assertThat(catchThrowableOfType(UsageException.class, () -> request("--on-hang", "cry", "--", "ls")))
                .hasMessageContaining("'cry' is nothing to be done");
    }

    @Test
    void whatRunsAMachineIsChosen() {
        assertThat(sandbox("--isolation microvm --rootfs /x ls").vmm()).isEqualTo(VmmKind.QEMU);
        for (VmmKind kind : VmmKind.values()) {
            assertThat(sandbox("--isolation microvm --vmm " + kind.text() + " --rootfs /x ls")
                            .vmm())
                    .isEqualTo(kind);
        }
        assertThat(catchThrowableOfType(UsageException.class, () -> request("--vmm", "abacus", "--", "ls")))
                .hasMessageContaining("'abacus' runs no machines");
    }

    @Test
    void withoutAnInitNobodyWaitsInIt() {
        for (String with : List.of("-d", "-t", "-it")) {
            assertThat(catchThrowableOfType(
                            SandboxException.InvalidSpec.class, () -> request((with + " --no-init -- sh").split(" "))))
                    .hasMessageMatching(".*(init|first process).*");
        }
    }

    @Test
    void understandsAllFormsOfARoot() {
        assertThat(sandbox("--rootfs host ls").root())
                .isEqualTo(SandboxSpec.host().build().root());
        assertThat(sandbox("--rootfs dir:/host ls"))
                .isEqualTo(SandboxSpec.directory(Path.of("/host")).build());
        assertThat(sandbox("--rootfs dir:host ls"))
                .isEqualTo(
                        SandboxSpec.directory(Path.of("host").toAbsolutePath()).build());
        assertThat(sandbox("--rootfs ./host ls"))
                .isEqualTo(
                        SandboxSpec.directory(Path.of("host").toAbsolutePath()).build());
    }

    @Test
    void understandsAllFormsOfWritable() {
        assertThat(sandbox("--tmpfs-size 1m -- ls").writable()).isEqualTo(new Writable.Tmpfs(Size.mib(1)));
        assertThat(sandbox("--read-only -- ls").writable()).isEqualTo(new Writable.Nothing(SandboxSpec.DEFAULT_TMPFS));
        assertThat(sandbox("--read-only --tmpfs-size 1m -- ls").writable())
                .isEqualTo(new Writable.Nothing(Size.mib(1)));
    }

    @Test
    void readsASeccompProfile() throws IOException {
        Path profile = Files.writeString(folder.resolve("profile.json"), "{\"defaultAction\": \"SCMP_ACT_ERRNO\"}");

        assertThat(sandbox("--seccomp " + profile + " -- ls").seccomp())
                .isEqualTo(SeccompPolicy.profile("{\"defaultAction\": \"SCMP_ACT_ERRNO\"}"));
        assertThat(sandbox("--seccomp default -- ls").seccomp()).isEqualTo(SeccompPolicy.standard());
    }

    @Test
    void refusesASeccompProfileThatCannotBeRead() throws IOException {
        Path large = Files.write(folder.resolve("large.json"), new byte[1024 * 1024 + 1]);

        assertRefused("--seccomp " + folder.resolve("missing.json") + " ls", "there is no file");
        assertRefused("--seccomp " + folder + " ls", "cannot be read: Is a directory");
        assertRefused("--seccomp " + large + " ls", "has more than 1048576 bytes");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--read-only                       | no command to run",
                "--                                | no command to run",
                "--output-limit 1m ls              | --output-limit has no effect without --format json",
                "--format yaml ls                  | --format: 'yaml' is not a format",
                "-p 80:80 ls                       | --publish has no effect with --network none",
                "--read-only --writable /x ls      | --writable and --read-only contradict each other",
                "--tmpfs-size 1m --writable /x ls  | --writable and --tmpfs-size contradict each other",
                "--memory lots ls                  | --memory: 'lots' is not a size",
                "--tmpfs-size -1 ls                | --tmpfs-size: '-1' is not a size",
                "--cpus all ls                     | --cpus: 'all' is not a number",
                "--cpu-weight 1.5 ls               | --cpu-weight: '1.5' is not a whole number",
                "--pids -1 ls                      | --pids: '-1' is not a whole number",
                "--timeout 1d ls                   | --timeout: '1d' is not a duration",
                "--grace never ls                  | --grace: 'never' is not a duration",
                "-e =x ls                          | --env: '=x' has no name",
                "--env= ls                         | --env: '' has no name",
                "--rootfs= ls                      | --rootfs: the path is empty",
                "--rootfs dir: ls                  | --rootfs: the path is empty",
                "--writable= ls                    | --writable: the path is empty",
            })
    void refusesWhatMakesNoSense(String line, String message) {
        assertRefused(line, message);
    }

    /** The CLI has no opinion about ranges; the API's refusal, with its hint, is the user's. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--memory 1k ls          | memory limit 1k is below",
                "--cpus 0 ls             | cpus limit",
                "--pids 0 ls             | pids limit 0",
                "--cpu-weight 0 ls       | cpu weight 0",
                "--io read=0 ls          | io limit 0",
                "--tmpfs-size 1 ls       | tmpfs size 1 is below",
                "--hostname a_b ls       | a_b is not a host name",
                "--timeout 0 ls          | timeout",
                "--grace 2h ls           | grace",
                "-w tmp ls               | the working directory tmp is not absolute",
                "-u a:b:c ls             | a:b:c is not a user",
                "--network Br! ls        | Br! is no name for a network",
                "--rootfs /a/../b ls     | the root directory /a/../b contains ..",
                "--format json --output-limit 2g ls | output limit 2g",
            })
    void leavesRangesToTheApi(String line, String message) {
        SandboxException.InvalidSpec refused =
                catchThrowableOfType(SandboxException.InvalidSpec.class, () -> request(line.split(" ")));

        assertThat(refused.getMessage().replace("'", "")).startsWith(message);
        assertThat(refused.hint()).isNotEmpty();
    }

    @Test
    void theFirstWordIsAnImage() {
        RunRequest request = request("--entrypoint", "sh", "--pull=never", "debian:12", "-c", "ls");

        assertThat(request.sandbox().withCommand(Optional.empty()))
                .isEqualTo(SandboxSpec.image("debian:12").build());
        assertThat(request.image())
                .contains(new ImageRequest(
                        "debian:12", ImageRequest.Pull.NEVER, Optional.of(List.of("sh")), List.of("-c", "ls"), false));
        assertThat(request("debian", "--", "ls").image().orElseThrow().arguments())
                .containsExactly("ls");
        assertThat(request("--rootfs", "/alpine", "ls").image()).isEmpty();
        assertThat(request("--", "debian").image()).isEmpty();
        assertRefused("--entrypoint sh -- ls", "--entrypoint has no effect");
        assertRefused("--rootfs host --pull never ls", "--pull has no effect");
        assertRefused("--network bridge -P -- ls", "--publish-all has no effect");
        assertRefused("-P debian", "--publish-all has no effect");
        assertRefused("--pull sometimes debian", "sometimes");
    }

    private static void assertRefused(String line, String message) {
        UsageException refused = catchThrowableOfType(UsageException.class, () -> request(line.split(" ")));

        assertThat(refused).hasMessageContaining(message);
        assertThat(refused.hint()).isNotEmpty();
    }

    /** But for its command. */
    private static SandboxSpec sandbox(String line) {
        return request(line.split(" ")).sandbox().withCommand(Optional.empty());
    }

    private static RunRequest request(String... line) {
        Arguments arguments = RunOptions.SET.parse(Arrays.asList(line));
        return RunRequest.of(arguments, name -> Optional.ofNullable(VARIABLES.get(name)));
    }

    /** Arrays in records are compared by identity. */
    private static boolean same(ExecSpec one, ExecSpec other) {
        return one.command().equals(other.command())
                && one.environment().equals(other.environment())
                && one.workingDirectory().equals(other.workingDirectory())
                && one.user().equals(other.user())
                && Arrays.equals(one.stdin(), other.stdin())
                && one.timeout().equals(other.timeout())
                && one.grace().equals(other.grace())
                && one.outputLimit().equals(other.outputLimit());
    }
}
