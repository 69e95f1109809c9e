package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.Network;
import dev.cay.ResourceLimit;
import dev.cay.SandboxSpec;
import dev.cay.linux.Arg;
import dev.cay.linux.Credentials;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.Op;
import dev.cay.linux.OpList;
import dev.cay.linux.SystemCall;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class ExecutionListTest {
    private static final Accounts.Identity ROOT = new Accounts.Identity(0, 0, List.of(0), "/root");
    private static final String DOCKERS_CAPABILITIES = "00000000a80425fb";

    private final Fakes fakes = new Fakes();

    private static final int FIRST_ID = 0x7000_0000;

    private static ExecutionList.Command command(String program, Map<String, String> environment) {
        return new ExecutionList.Command(List.of(program, "-x", ""), environment, "/srv", ROOT);
    }

    private OpList list(SandboxSpec spec, ExecutionList.Command command) {
        return ExecutionList.of(walls(spec), command, streams(false));
    }

    private static ExecutionList.Walls walls(SandboxSpec spec) {
        return new ExecutionList.Walls(spec, FIRST_ID, Optional.of(Credentials.filterSystemCalls(new byte[8])));
    }

    private Container.Streams streams(boolean terminal) {
        return new Container.Streams(fakes.fd("in"), fakes.fd("out"), fakes.fd("err"), terminal);
    }

    private List<String> text(SandboxSpec spec) {
        return fakes.text(list(spec, command("/bin/true", Map.of())));
    }

    private static Op find(OpList list, SystemCall call) {
        return list.operations().stream()
                .filter(op -> op.call() == call)
                .findFirst()
                .orElseThrow();
    }

    private static List<String> operands(OpList list, SystemCall call) {
        return list.operations().stream()
                .filter(op -> op.call() == call)
                .map(Op::operands)
                .toList();
    }

    @Test
    void aCommandPutsOnWhatItDoesNotInheritBeforeItsProgramBegins() {
        assertThat(text(SandboxSpec.host().build()))
                .containsExactlyElementsOf("""
                    setsid
                    prlimit64(CORE)
                    dup3(to 0) <in>
                    dup3(to 1) <out>
                    dup3(to 2) <err>
                    close_range(from 3)
                    setgroups
                    setresgid(0)
                    setresuid(0)
                    capset
                    openat2(/srv)
                    fchdir(/srv)
                    rt_sigprocmask
                    openat2(/bin/true)
                    seccomp
                    execve(/bin/true)
                    """.lines().toList());
    }

    /** It has its namespaces, its capability bounds, Landlock and no new privileges by birth; see {@link CreationList}. */
    @Test
    void nothingOfTheWallsDependsOnTheSandboxsNamespaces() {
        List<String> lines = text(SandboxSpec.host().build());

        assertThat(text(SandboxSpec.host().network(Network.host()).build())).isEqualTo(lines);
        assertThat(text(SandboxSpec.host().userNamespace(false).build())).isEqualTo(lines);
        assertThat(lines).noneMatch(line -> line.startsWith("setns") || line.startsWith("unshare"));
    }

    @Test
    void withoutAFilterTheOtherWallsRemain() {
        SandboxSpec spec = SandboxSpec.host().build();
        OpList bare = ExecutionList.of(
                new ExecutionList.Walls(spec, FIRST_ID, Optional.empty()),
                command("/bin/true", Map.of()),
                streams(false));

        assertThat(fakes.text(bare))
                .isEqualTo(text(spec).stream()
                        .filter(line -> !line.startsWith("seccomp"))
                        .toList());
    }

    @Test
    void aTerminalBecomesThatOfTheSession() {
        SandboxSpec spec = SandboxSpec.host().build();
        List<String> lines = fakes.text(ExecutionList.of(walls(spec), command("/bin/true", Map.of()), streams(true)));

        assertThat(lines.indexOf("ioctl(controlling terminal)"))
                .isGreaterThan(lines.indexOf("setsid"))
                .isEqualTo(lines.indexOf("dup3(to 2) <err>") + 1);
        assertThat(text(spec)).noneMatch(line -> line.startsWith("ioctl"));
    }

    @Test
    void furtherDescriptorsComeBehindTheStreamsAndAreNobodys() {
        SandboxSpec spec = SandboxSpec.host().build();
        Container.Streams streams = new Container.Streams(
                fakes.fd("in"), fakes.fd("out"), fakes.fd("err"), false, List.of(fakes.fd("one"), fakes.fd("two")));
        assertThat(fakes.text(ExecutionList.of(walls(spec), command("/bin/true", Map.of()), streams)))
                .containsSequence(
                        "dup3(to 2) <err>",
                        "fcntl(copy from 5) <one>",
                        "fcntl(copy from 5) <two>",
                        "dup3(to 3)",
                        "dup3(to 4)",
                        "close_range(from 5)");
        assertThat(fakes.text(ExecutionList.own(walls(spec), ROOT, streams)))
                .containsExactlyInAnyOrder("fchownat <in>", "fchownat <out>", "fchownat <err>");
    }

    @Test
    void theStreamsBelongToTheCommandsUser() {
        Accounts.Identity user = new Accounts.Identity(1000, 100, List.of(100), "/");
        OpList list = ExecutionList.own(walls(SandboxSpec.host().build()), user, streams(false));

        assertThat(fakes.text(list)).containsExactlyInAnyOrder("fchownat <in>", "fchownat <out>", "fchownat <err>");
        assertThat(list.operations())
                .allSatisfy(chown -> assertThat(chown.arguments().subList(2, 4))
                        .containsExactly(Arg.of(FIRST_ID + 1000), Arg.of(FIRST_ID + 100)));
        Fd terminal = fakes.fd("terminal");
        Container.Streams one = new Container.Streams(terminal, terminal, terminal, true);
        assertThat(fakes.text(ExecutionList.own(walls(SandboxSpec.host().build()), user, one)))
                .containsExactly("fchownat <terminal>");
    }

    @Test
    void limitsAreSetWhileTheProcessStillMayRaiseThem() {
        SandboxSpec spec = SandboxSpec.host()
                .resourceLimit(ResourceLimit.OPEN_FILES, 1024)
                .resourceLimit(ResourceLimit.CORE, 77)
                .build();
        List<String> lines = text(spec);

        assertThat(lines).containsOnlyOnce("prlimit64(CORE)").containsOnlyOnce("prlimit64(OPEN_FILES)");
        assertThat(lines.indexOf("prlimit64(OPEN_FILES)"))
                .isLessThan(lines.indexOf("setresuid(0)"))
                .isLessThan(lines.indexOf("capset"));
    }

    @Test
    void everyLimitHasItsNumber() {
        List<ResourceLimit> numbers = List.of(
                ResourceLimit.CPU_SECONDS,
                ResourceLimit.FILE_SIZE,
                ResourceLimit.DATA,
                ResourceLimit.STACK,
                ResourceLimit.CORE,
                ResourceLimit.RESIDENT_MEMORY,
                ResourceLimit.PROCESSES,
                ResourceLimit.OPEN_FILES,
                ResourceLimit.LOCKED_MEMORY,
                ResourceLimit.ADDRESS_SPACE,
                ResourceLimit.FILE_LOCKS,
                ResourceLimit.PENDING_SIGNALS,
                ResourceLimit.MESSAGE_QUEUES,
                ResourceLimit.NICE,
                ResourceLimit.REAL_TIME_PRIORITY,
                ResourceLimit.REAL_TIME);
        for (ResourceLimit limit : ResourceLimit.values()) {
            SandboxSpec spec = SandboxSpec.host().resourceLimit(limit, 4321).build();
            Op set = list(spec, command("/bin/true", Map.of())).operations().stream()
                    .filter(op ->
                            op.call() == SystemCall.PRLIMIT64 && op.operands().equals(limit.name()))
                    .findFirst()
                    .orElseThrow();

            assertThat(set.arguments().get(1)).isEqualTo(Arg.of(numbers.indexOf(limit)));
            ByteBuffer value = struct(set.arguments().get(2));
            assertThat(value.getLong(0)).isEqualTo(4321);
            assertThat(value.getLong(8)).isEqualTo(4321);
        }
    }

    private static ByteBuffer struct(Arg argument) {
        return ByteBuffer.wrap(((Arg.Bytes) argument).value()).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Test
    void onlyRootKeepsCapabilities() {
        SandboxSpec spec = SandboxSpec.host().build();
        assertThat(permitted(list(spec, command("/bin/true", Map.of())))).isEqualTo(DOCKERS_CAPABILITIES);
        Accounts.Identity user = new Accounts.Identity(1000, 1000, List.of(1000, 5), "/home/user");
        OpList list = list(spec, new ExecutionList.Command(List.of("/bin/true"), Map.of(), "/", user));

        assertThat(permitted(list)).isEqualTo("0000000000000000");
        assertThat(operands(list, SystemCall.SETRESUID)).containsExactly("1000");
        assertThat(operands(list, SystemCall.SETRESGID)).containsExactly("1000");
        Op setgroups = find(list, SystemCall.SETGROUPS);
        assertThat(setgroups.arguments().getFirst()).isEqualTo(Arg.of(2));
        assertThat(struct(setgroups.arguments().get(1)).getInt(0)).isEqualTo(1000);
        assertThat(struct(setgroups.arguments().get(1)).getInt(4)).isEqualTo(5);
    }

    /** Of the two halves of what capset gets: effective and permitted must be alike, and nothing is inherited. */
    private static String permitted(OpList list) {
        ByteBuffer data = struct(find(list, SystemCall.CAPSET).arguments().get(1));
        assertThat(data.getInt(0)).isEqualTo(data.getInt(4));
        assertThat(data.getInt(12)).isEqualTo(data.getInt(16));
        assertThat(data.getInt(8)).isZero();
        assertThat(data.getInt(20)).isZero();
        return String.format("%08x%08x", data.getInt(16), data.getInt(4));
    }

    @Test
    void theHostsRootCannotMakeDevices() {
        SandboxSpec spec = SandboxSpec.host().userNamespace(false).build();
        assertThat(permitted(list(spec, command("/bin/true", Map.of())))).isEqualTo("00000000a00425fb");
    }

    @Test
    void aProgramWithoutASlashIsLookedForInThePath() {
        OpList list = list(SandboxSpec.host().build(), command("true", Map.of("PATH", "/a:relative:/b")));

        assertThat(operands(list, SystemCall.OPENAT2)).containsExactly("/srv", "/a/true", "relative/true", "/b/true");
        assertThat(operands(list, SystemCall.EXECVE)).containsExactly("/a/true", "relative/true", "/b/true");
        List<Op> execves = list.operations().stream()
                .filter(op -> op.call() == SystemCall.EXECVE)
                .toList();
        assertThat(execves.get(0).tolerated()).containsExactly(Errno.ENOENT, Errno.ENOTDIR, Errno.EACCES);
        assertThat(execves.getLast().tolerated()).as("the last failure is told").isEmpty();
        assertThat(list.operations()).last().isSameAs(execves.getLast());
    }

    @Test
    void aProgramWithASlashIsNotLookedFor() {
        for (String program : List.of("/bin/true", "./true", "bin/true")) {
            OpList list = list(SandboxSpec.host().build(), command(program, Map.of("PATH", "/a:/b")));
            assertThat(operands(list, SystemCall.EXECVE)).containsExactly(program);
        }
    }

    @Test
    void anEmptyPartOfThePathIsTheWorkingDirectory() {
        Map<String, String> paths = Map.of(
                "", "./true",
                ":/a", "./true /a/true",
                "/a:", "/a/true ./true",
                ":", "./true",
                "/a::/b", "/a/true ./true /b/true");
        paths.forEach((path, candidates) -> {
            OpList list = list(SandboxSpec.host().build(), command("true", Map.of("PATH", path)));
            assertThat(operands(list, SystemCall.EXECVE)).as(path).containsExactly(candidates.split(" "));
        });
    }

    @Test
    void withoutAPathTheUsualOneIsSearched() {
        OpList list = list(SandboxSpec.host().build(), command("true", Map.of()));
        assertThat(operands(list, SystemCall.EXECVE))
                .containsExactly(
                        "/usr/local/sbin/true",
                        "/usr/local/bin/true",
                        "/usr/sbin/true",
                        "/usr/bin/true",
                        "/sbin/true",
                        "/bin/true");
    }

    @Test
    void theProgramGetsItsArgumentsAndVariablesInOrder() {
        Map<String, String> environment = new LinkedHashMap<>();
        environment.put("B", "2=3");
        environment.put("A", "");
        Op execve = find(list(SandboxSpec.host().build(), command("/bin/true", environment)), SystemCall.EXECVE);

        assertThat(strings(execve.arguments().get(1))).containsExactly("/bin/true", "-x", "");
        assertThat(strings(execve.arguments().get(2))).containsExactly("B=2=3", "A=");
    }

    private static List<String> strings(Arg vector) {
        return ((Arg.Struct) vector)
                .pointers().stream()
                        .map(pointer -> new String(pointer.target(), StandardCharsets.UTF_8))
                        .map(text -> text.substring(0, text.length() - 1))
                        .toList();
    }

    @Test
    void noPathOfTheSandboxIsFollowedThroughALinkOfProc() {
        long noMagicLinks = 2;
        OpList list = list(SandboxSpec.host().build(), command("true", Map.of()));
        List<Op> opens = list.operations().stream()
                .filter(op -> op.call() == SystemCall.OPENAT2)
                .toList();

        assertThat(opens).hasSize(1 + 6);
        assertThat(opens).allMatch(open -> struct(open.arguments().get(2)).getLong(16) == noMagicLinks);
    }

    /** None outlives the execve, and none is used once a path of the sandbox has been followed. */
    @Test
    void noDescriptorOfTheEngineIsLeftForTheProgram() {
        List<Op> operations =
                list(SandboxSpec.host().build(), command("true", Map.of())).operations();
        int close = operations.stream().map(Op::call).toList().indexOf(SystemCall.CLOSE_RANGE);
        long onExec = 4;

        assertThat(operations.get(close).arguments()).containsExactly(Arg.of(3), Arg.of(0xffff_ffffL), Arg.of(onExec));
        assertThat(operations.subList(0, close))
                .noneMatch(op -> op.call() == SystemCall.OPENAT2 || op.call() == SystemCall.CHDIR);
        assertThat(operations.subList(close, operations.size()))
                .noneMatch(op -> op.arguments().stream().anyMatch(Arg.Descriptor.class::isInstance)
                        || op.call() == SystemCall.DUP3);
    }
}
