package dev.cay.engine.seccomp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import dev.cay.engine.seccomp.Condition.Operator;
import dev.cay.engine.seccomp.SeccompProfile.Rule;
import dev.cay.linux.Architecture;
import dev.cay.linux.KernelVersion;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ProfileParserTest {
    private static final Action ALLOW = new Action.Allow();
    private static final Action EPERM = new Action.Errno(1);

    /** Every construct of Docker's form, and what the containers project adds. */
    private static final String DOCKER = """
        {
          "defaultAction": "SCMP_ACT_ERRNO",
          "defaultErrnoRet": 38,
          "defaultErrno": "ENOSYS",
          "archMap": [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": null}
          ],
          "syscalls": [
            {"names": ["read", "write", "clock_gettime64"], "action": "SCMP_ACT_ALLOW", "args": [],
             "comment": "", "includes": {}, "excludes": {}},
            {"name": "close", "action": "SCMP_ACT_ALLOW", "args": null, "includes": null, "excludes": null},
            {"names": ["ptrace"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "4.8"}},
            {"names": ["futex_waitv"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "7.0"}},
            {"names": ["arch_prctl"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64", "x32"]}},
            {"names": ["fadvise64"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["arm", "arm64"]}},
            {"names": ["mount", "setns"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["reboot"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_BOOT", "CAP_SYS_ADMIN"]}},
            {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
             "excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": ["s390", "s390x"]}},
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "errno": "ENOSYS",
             "excludes": {"caps": ["CAP_SYS_ADMIN", "CAP_SYS_BOOT"]}},
            {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]},
            {"names": ["personality"], "action": "SCMP_ACT_ALLOW",
             "args": [{"index": 0, "value": 4294967295, "valueTwo": 7, "op": "SCMP_CMP_EQ"}]},
            {"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 22, "errno": "EINVAL",
             "args": [{"index": 0, "value": 16, "op": "SCMP_CMP_EQ"}, {"index": 2, "value": 9, "op": "SCMP_CMP_EQ"}]},
            {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 2, "value": 9, "op": "SCMP_CMP_NE"}]},
            {"names": ["openat"], "action": "SCMP_ACT_LOG", "excludes": {"minKernel": "6.19"}},
            {"names": ["openat2"], "action": "SCMP_ACT_LOG", "excludes": {"minKernel": "6.18"}}
          ]
        }
        """;

    @Test
    void dockersFormIsUnderstood() {
        ClassicBpf none = program(DOCKER, Architecture.X86_64, Set.of("CHOWN"));
        assertVerdict(none, 0x7FFF0000, "read");
        assertVerdict(none, 0x7FFF0000, "close");
        assertVerdict(none, 0x7FFF0000, "ptrace");
        assertVerdict(none, 0x50026, "futex_waitv");
        assertVerdict(none, 0x7FFF0000, "arch_prctl");
        assertVerdict(none, 0x50026, "fadvise64");
        assertVerdict(none, 0x50026, "mount");
        assertVerdict(none, 0x7FFF0000, "clone", 0x01200011);
        assertVerdict(none, 0x50026, "clone", 0x01200011 | 0x10000000);
        assertVerdict(none, 0x50026, "clone3");
        assertVerdict(none, 0x7FFF0000, "personality", 8);
        assertVerdict(none, 0x7FFF0000, "personality", 0xFFFFFFFFL);
        assertVerdict(none, 0x50026, "personality", 9);
        assertVerdict(none, 0x50016, "socket", 16, 3, 9);
        assertVerdict(none, 0x7FFF0000, "socket", 16, 3, 0);
        assertVerdict(none, 0x7FFC0000, "openat");
        assertVerdict(none, 0x50026, "openat2");
        ClassicBpf admin = program(DOCKER, Architecture.X86_64, Set.of("CAP_SYS_ADMIN"));
        assertVerdict(admin, 0x7FFF0000, "mount");
        assertVerdict(admin, 0x50026, "reboot");
        assertVerdict(admin, 0x50026, "clone", 0);
        ClassicBpf boot = program(DOCKER, Architecture.X86_64, Set.of("SYS_ADMIN", "SYS_BOOT"));
        assertVerdict(boot, 0x7FFF0000, "reboot");
    }

    @Test
    void rulesAreThoseOfTheArchitecture() {
        SeccompProfile profile = parse(DOCKER, Architecture.AARCH64, Set.of());
        assertThat(profile.rules())
                .flatExtracting(Rule::names)
                .contains("fadvise64")
                .doesNotContain("arch_prctl");
    }

    @Test
    void theFormOfTheSpecificationIsUnderstood() {
        SeccompProfile profile = parse("""
            {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
             "flags": ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"],
             "syscalls": [
               {"names": ["getcwd", "chmod"], "action": "SCMP_ACT_ERRNO"},
               {"names": ["mkdir"], "action": "SCMP_ACT_KILL_PROCESS", "args": [
                 {"index": 0, "value": 18446744073709551615, "op": "SCMP_CMP_LT"},
                 {"index": 5, "value": 3, "valueTwo": 18446744073709551615, "op": "SCMP_CMP_MASKED_EQ"}]}]}
            """, Architecture.X86_64, Set.of());
        assertThat(profile.defaultAction()).isEqualTo(ALLOW);
        assertThat(profile.rules())
                .containsExactlyInAnyOrder(
                        new Rule(Set.of("getcwd", "chmod"), EPERM, List.of()),
                        new Rule(
                                Set.of("mkdir"),
                                new Action.KillProcess(),
                                List.of(
                                        new Condition(0, -1, Operator.LESS, -1),
                                        new Condition(5, 3, Operator.EQUAL, 3))));
    }

    @ParameterizedTest
    @CsvSource({
        "SCMP_CMP_NE, NOT_EQUAL", "SCMP_CMP_LT, LESS", "SCMP_CMP_LE, AT_MOST",
        "SCMP_CMP_EQ, EQUAL", "SCMP_CMP_GE, AT_LEAST", "SCMP_CMP_GT, GREATER"
    })
    void operatorsAreThoseOfLibseccomp(String name, Operator operator) {
        assertThat(rule("\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 4, \"value\": 77, \"op\": \"" + name
                        + "\"}]"))
                .isEqualTo(new Rule(Set.of("read"), ALLOW, List.of(Condition.of(4, operator, 77))));
    }

    @ParameterizedTest
    @CsvSource({
        "SCMP_ACT_ALLOW, 0x7FFF0000",
        "SCMP_ACT_LOG, 0x7FFC0000",
        "SCMP_ACT_ERRNO, 0x50009",
        "SCMP_ACT_TRAP, 0x30000",
        "SCMP_ACT_KILL, 0",
        "SCMP_ACT_KILL_THREAD, 0",
        "SCMP_ACT_KILL_PROCESS, 0x80000000"
    })
    void actionsAreThoseOfTheKernel(String name, String value) {
        assertThat(rule("\"errnoRet\": 9, \"action\": \"" + name + "\"")
                        .action()
                        .returnValue())
                .isEqualTo(Long.decode(value).intValue());
    }

    @Test
    void whereRulesContradictTheStrictestDecides() {
        ClassicBpf program = program("""
            {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
              {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
              {"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5,
               "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_EQ"}]},
              {"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 6,
               "args": [{"index": 0, "value": 40, "op": "SCMP_CMP_GE"}]},
              {"names": ["read"], "action": "SCMP_ACT_KILL",
               "args": [{"index": 1, "value": 1, "op": "SCMP_CMP_EQ"}]},
              {"names": ["read"], "action": "SCMP_ACT_LOG"}]}
            """, Architecture.X86_64, Set.of());
        assertVerdict(program, 0x7FFC0000, "read", 39);
        assertVerdict(program, 0x50005, "read", 40);
        assertVerdict(program, 0x50006, "read", 41);
        assertVerdict(program, 0, "read", 40, 1);
    }

    @Test
    void severalValuesOfOneArgumentAreAlternatives() {
        ClassicBpf program = program("""
            {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
              {"names": ["personality"], "action": "SCMP_ACT_ALLOW", "args": [
                {"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 8, "op": "SCMP_CMP_EQ"}]}]}
            """, Architecture.X86_64, Set.of());
        assertVerdict(program, 0x7FFF0000, "personality", 0);
        assertVerdict(program, 0x7FFF0000, "personality", 8);
        assertVerdict(program, 0x50001, "personality", 1);
    }

    @Test
    void callsThatNobodyKnowsAreAnsweredAsByAnOldKernelUnlessTheProfileIsLenient() {
        for (String name : List.of("ERRNO", "KILL", "KILL_PROCESS", "TRAP")) {
            ClassicBpf program =
                    program("{\"defaultAction\": \"SCMP_ACT_" + name + "\"}", Architecture.X86_64, Set.of());
            assertThat(program.run(Call.of(Architecture.X86_64, 500))).as(name).isEqualTo(0x50026);
        }
        for (String name : List.of("ALLOW", "LOG")) {
            ClassicBpf program =
                    program("{\"defaultAction\": \"SCMP_ACT_" + name + "\"}", Architecture.X86_64, Set.of());
            assertThat(program.run(Call.of(Architecture.X86_64, 500)) & 0xFFF00000)
                    .as(name)
                    .isEqualTo(0x7FF00000);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"action\": \"SCMP_ACT_PERMIT\"",
                "\"action\": \"\"",
                "\"action\": 7",
                "\"errnoRet\": 1",
                "\"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 4096",
                "\"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": -1",
                "\"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 1.5",
                "\"action\": \"SCMP_ACT_ERRNO\", \"errno\": \"ENOSYS\"",
                "\"action\": \"SCMP_ACT_ALLOW\", \"arg\": []",
                "\"action\": \"SCMP_ACT_ALLOW\", \"Args\": []",
                "\"action\": \"SCMP_ACT_ALLOW\", \"name\": \"write\"",
                "\"action\": \"SCMP_ACT_ALLOW\", \"action\": \"SCMP_ACT_ALLOW\"",
                "\"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"cap\": []}",
                "\"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"caps\": [\"SYS_ADMIN\"]}",
                "\"action\": \"SCMP_ACT_ALLOW\", \"includes\": {\"minKernel\": \"new\"}",
                "\"action\": \"SCMP_ACT_ALLOW\", \"excludes\": {\"minKernel\": \"4\"}",
                "\"action\": \"SCMP_ACT_ALLOW\", \"excludes\": []",
                "\"action\": \"SCMP_ACT_ALLOW\", \"args\": {}",
                "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [null]",
                "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 6, \"value\": 0, \"op\": \"SCMP_CMP_EQ\"}]",
                "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": -1, \"value\": 0, \"op\": \"SCMP_CMP_EQ\"}]",
                "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"value\": 0, \"op\": \"SCMP_CMP_EQ\"}]",
                "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"op\": \"SCMP_CMP_EQ\"}]",
                "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 0}]",
                "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 0, \"op\": \"SCMP_CMP_IS\"}]",
                "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": \"0\", \"op\": \"SCMP_CMP_EQ\"}]",
                "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 18446744073709551616, \"op\":"
                        + " \"SCMP_CMP_EQ\"}]",
                "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 1, \"value2\": 1, \"op\":"
                        + " \"SCMP_CMP_MASKED_EQ\"}]",
                "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_GE\"},"
                        + " {\"index\": 0, \"value\": 3, \"op\": \"SCMP_CMP_LE\"}]",
                "\"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"},"
                        + " {\"index\": 0, \"value\": 3, \"op\": \"SCMP_CMP_EQ\"}, {\"index\": 1, \"value\": 3, \"op\":"
                        + " \"SCMP_CMP_EQ\"}]",
            })
    void rulesThatAreNotUnderstoodAreRefused(String fields) {
        assertInvalid(
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": [\"read\"], " + fields + "}]}");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "null",
                "7",
                "[]",
                "\"x\"",
                "{",
                "{}",
                "{\"defaultAction\": null}",
                "nonsense",
                "{\"defaultAction\"",
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\"} {}",
                "{\"defaultAction\": \"SCMP_ACT_ALLOW\"} x",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultAction\": \"SCMP_ACT_ALLOW\"}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscall\": []}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": {}}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [[]]}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"action\": \"SCMP_ACT_ALLOW\"}]}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": [1], \"action\":"
                        + " \"SCMP_ACT_ALLOW\"}]}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrno\": \"ENOSYS\"}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"architectures\": [\"amd64\"]}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"archMap\": [{}]}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"archMap\": [{\"architecture\": \"SCMP_ARCH_X86\", \"sub\":"
                        + " []}]}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"flags\": [\"SECCOMP_FILTER_FLAG_OTHER\"]}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"architectures\": [\"SCMP_ARCH_X86\"],"
                        + " \"archMap\": [{\"architecture\": \"SCMP_ARCH_X86\"}]}",
                "{'defaultAction': 'SCMP_ACT_ERRNO'}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\",}",
                "// comment\n{\"defaultAction\": \"SCMP_ACT_ERRNO\"}",
            })
    void profilesThatAreNotUnderstoodAreRefused(String json) {
        assertInvalid(json);
    }

    @ParameterizedTest
    @ValueSource(strings = {"SCMP_ACT_TRACE", "SCMP_ACT_NOTIFY"})
    void whatNeedsAnotherProcessIsUnsupported(String action) {
        for (String json : List.of(
                "{\"defaultAction\": \"" + action + "\"}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": [\"read\"], \"action\": \"" + action
                        + "\"}]}",
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"listenerPath\": \"/run/" + action + "\"}")) {
            assertThatThrownBy(() -> parse(json, Architecture.X86_64, Set.of()))
                    .isInstanceOf(SandboxException.Unsupported.class)
                    .hasMessageContaining("another process");
        }
    }

    @Test
    void errorsSayWhatAndWhere() {
        assertThatThrownBy(() -> parse("""
            {"defaultAction": "SCMP_ACT_ERRNO",
             "syscalls": [{"names": ["read"], "action": "SCMP_ACT_\\u0007PERMIT"}]}
            """, Architecture.X86_64, Set.of()))
                .hasMessage("the seccomp profile: there is no action 'SCMP_ACT_?PERMIT' (line 2, column 45)");
    }

    private static void assertInvalid(String json) {
        assertThatThrownBy(() -> parse(json, Architecture.X86_64, Set.of()))
                .isInstanceOfSatisfying(
                        SandboxException.InvalidSpec.class,
                        e -> assertThat(e.hint()).isNotEmpty());
    }

    private static Rule rule(String fields) {
        String json =
                "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": [{\"names\": [\"read\"], " + fields + "}]}";
        return parse(json, Architecture.X86_64, Set.of()).rules().getFirst();
    }

    private static SeccompProfile parse(String json, Architecture architecture, Set<String> capabilities) {
        return new ProfileParser(architecture, capabilities, new KernelVersion(6, 18)).parse(json);
    }

    private static ClassicBpf program(String json, Architecture architecture, Set<String> capabilities) {
        return ClassicBpf.load(SeccompCompiler.compile(parse(json, architecture, capabilities)));
    }

    private static void assertVerdict(ClassicBpf program, int verdict, String name, long... arguments) {
        Call call = Call.of(Architecture.X86_64, name, arguments);
        assertThat(program.run(call)).as(name + " " + call).isEqualTo(verdict);
    }
}
