package dev.cay.engine.seccomp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxException;
import dev.cay.SeccompPolicy;
import dev.cay.linux.Architecture;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class SeccompTest {
    @ParameterizedTest
    @EnumSource
    void theCheckedInProgramIsWhatTheCompilerMakes(Architecture architecture) {
        assertThat(Seccomp.compile(SeccompPolicy.standard(), architecture, Set.of()))
                .as("after a change run StandardPrograms.main, see there")
                .hasValueSatisfying(program ->
                        assertThat(program).isEqualTo(SeccompCompiler.compile(SeccompProfile.standard(architecture))));
    }

    @Test
    void unconfinedHasNoFilter() {
        assertThat(Seccomp.compile(SeccompPolicy.unconfined(), Architecture.X86_64, Set.of()))
                .isEmpty();
    }

    @Test
    void profilesAreCompiledForTheirCapabilitiesAndArchitecture() {
        SeccompPolicy policy = SeccompPolicy.profile("""
            {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [
              {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}}]}
            """);
        for (Architecture architecture : Architecture.values()) {
            for (int round = 0; round < 2; round++) {
                assertThat(mount(policy, architecture, Set.of("SYS_ADMIN"))).isEqualTo(0x7FFF0000);
                assertThat(mount(policy, architecture, Set.of("CAP_SYS_ADMIN", "CAP_CHOWN")))
                        .isEqualTo(0x7FFF0000);
                assertThat(mount(policy, architecture, Set.of("CAP_CHOWN"))).isEqualTo(0x00050001);
            }
        }
    }

    @Test
    void whatIsKeptCannotBeChangedByCallers() {
        SeccompPolicy policy = SeccompPolicy.profile("{\"defaultAction\": \"SCMP_ACT_ERRNO\"}");
        for (SeccompPolicy each : new SeccompPolicy[] {policy, SeccompPolicy.standard()}) {
            byte[] first = Seccomp.compile(each, Architecture.X86_64, Set.of()).orElseThrow();
            byte[] copy = first.clone();
            first[0]++;
            byte[] second = Seccomp.compile(each, Architecture.X86_64, Set.of()).orElseThrow();
            assertThat(second).isEqualTo(copy);
            second[0]++;
            assertThat(Seccomp.compile(each, Architecture.X86_64, Set.of())).hasValue(copy);
        }
    }

    @Test
    void manyProfilesDoNotDisturbOneAnother() {
        for (int errno = 1; errno < 40; errno++) {
            SeccompPolicy policy = SeccompPolicy.profile(
                    "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \"defaultErrnoRet\": " + errno + "}");
            assertThat(mount(policy, Architecture.X86_64, Set.of())).isEqualTo(0x00050000 | errno);
        }
    }

    @Test
    void aProfileThatCannotBeReadIsRefused() {
        assertThatThrownBy(() -> Seccomp.compile(SeccompPolicy.profile("{}"), Architecture.X86_64, Set.of()))
                .isInstanceOf(SandboxException.InvalidSpec.class)
                .hasMessageContaining("defaultAction is missing");
    }

    private static int mount(SeccompPolicy policy, Architecture architecture, Set<String> capabilities) {
        byte[] program = Seccomp.compile(policy, architecture, capabilities).orElseThrow();
        return ClassicBpf.load(program).run(Call.of(architecture, "mount"));
    }
}
