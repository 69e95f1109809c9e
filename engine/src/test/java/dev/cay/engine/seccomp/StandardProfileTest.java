package dev.cay.engine.seccomp;

import static java.util.stream.Collectors.toCollection;
import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.engine.seccomp.SeccompProfile.Rule;
import dev.cay.linux.Architecture;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class StandardProfileTest {
    private static final int ALLOW = 0x7FFF0000;
    private static final int EPERM = 0x00050001;
    private static final int ENOSYS = 0x00050026;
    private static final int EAFNOSUPPORT = 0x00050061;

    /** What an upper half of a register may hold that the kernel does not look at. */
    private static final long[] RUBBISH = {0, 1L << 32, 1L << 63, 0xFFFF_FFFF_0000_0000L, 0x1234_5678_0000_0000L};

    @ParameterizedTest
    @EnumSource
    void everyNumberIsAnsweredAsTheRulesSay(Architecture architecture) {
        SeccompProfile profile = SeccompProfile.standard(architecture);
        ClassicBpf program = program(architecture);
        Random random = new Random(1);
        for (int number = 0; number <= 600; number++) {
            for (int bits : new int[] {0, 0x40000000, 0x80000000}) {
                for (int audit : new int[] {AuditArchitecture.of(architecture), 0x40000003, 0x40000028}) {
                    long[] arguments = random.longs(6, 0, 64).toArray();
                    Call call = new Call(bits | number, audit, arguments);
                    assertThat(program.run(call)).as(call.toString()).isEqualTo(Oracle.verdict(profile, call));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void itIsSmallAndQuick(Architecture architecture) {
        ClassicBpf program = program(architecture);
        assertThat(program.size()).isLessThan(150);
        assertThat(program.unreachable()).isZero();
        for (int number = 0; number <= 600; number++) {
            int[] steps = new int[1];
            program.run(Call.of(architecture, number, -1, -1, -1), steps);
            assertThat(steps[0]).as("instructions for call " + number).isLessThan(20);
        }
    }

    @Test
    void everyKnownCallStandsInOneGroup() {
        List<Rule> rules = SeccompProfile.standard(Architecture.X86_64).rules();
        TreeSet<String> known = Arrays.stream(Architecture.values())
                .flatMap(architecture -> SystemCalls.of(architecture).byNumber().values().stream())
                .collect(toCollection(TreeSet::new));
        TreeSet<String> decided =
                rules.stream().flatMap(rule -> rule.names().stream()).collect(toCollection(TreeSet::new));
        assertThat(decided).isEqualTo(known);
        List<String> conditional = List.of("clone", "unshare", "ioctl", "personality", "socket", "socketpair");
        assertThat(rules.stream().flatMap(rule -> rule.names().stream()).filter(name -> !conditional.contains(name)))
                .doesNotHaveDuplicates();
    }

    @ParameterizedTest
    @EnumSource
    void nothingIsKilled(Architecture architecture) {
        assertThat(Stream.concat(
                        SeccompProfile.standard(architecture).rules().stream().map(Rule::action),
                        Stream.of(
                                StandardProfile.DEFAULT,
                                SeccompProfile.standard(architecture).unknownAction())))
                .allMatch(action -> action instanceof Action.Allow || action instanceof Action.Errno);
    }

    @ParameterizedTest
    @EnumSource
    void ordinaryProgramsGetWhatTheyNeed(Architecture architecture) {
        for (String name : """
            read write openat close newfstatat statx mmap mprotect munmap brk futex execve execveat exit_group wait4 waitid
            rt_sigaction rt_sigreturn restart_syscall pipe2 dup3 fcntl getdents64 chroot mknodat fchownat fchmodat
            fchmodat2 renameat2 linkat symlinkat utimensat setxattr epoll_create1 epoll_ctl epoll_pwait eventfd2 signalfd4
            timerfd_create inotify_init1 getrandom memfd_create membarrier rseq set_robust_list prctl prlimit64
            sched_getaffinity sched_setaffinity setpriority capget capset setuid setgid setgroups connect accept4 bind
            listen sendmsg recvmsg sendmmsg recvmmsg setsockopt ptrace process_vm_readv kill tgkill pidfd_open
            pidfd_send_signal pidfd_getfd process_madvise landlock_restrict_self seccomp copy_file_range splice sendfile
            fallocate semget shmget mq_open clock_nanosleep clock_gettime adjtimex close_range openat2 statmount mseal
            """.strip().split("\\s+")) {
            assertThat(program(architecture).run(Call.of(architecture, name, -1, -1, -1)))
                    .as(name)
                    .isEqualTo(ALLOW);
        }
    }

    @ParameterizedTest
    @EnumSource
    void whatReachesTheMachineIsRefused(Architecture architecture) {
        for (String name : """
            mount umount2 pivot_root fsopen fsmount move_mount open_tree mount_setattr open_by_handle_at setns bpf
            perf_event_open kexec_load kexec_file_load init_module finit_module delete_module keyctl add_key request_key
            userfaultfd io_uring_setup io_uring_enter io_uring_register swapon swapoff reboot settimeofday clock_settime
            acct quotactl quotactl_fd lookup_dcookie nfsservctl sethostname setdomainname syslog vhangup fanotify_init
            mbind set_mempolicy move_pages migrate_pages kcmp
            """.strip().split("\\s+")) {
            assertThat(program(architecture).run(Call.of(architecture, name)))
                    .as(name)
                    .isEqualTo(EPERM);
        }
        assertThat(program(architecture).run(Call.of(architecture, "clone3"))).isEqualTo(ENOSYS);
        assertThat(program(architecture).run(Call.of(architecture, 470))).isEqualTo(ENOSYS);
        assertThat(program(architecture).run(Call.of(architecture, 0x3FFF_FFFF)))
                .isEqualTo(ENOSYS);
    }

    @Test
    void portsOfTheMachineAreRefused() {
        ClassicBpf program = program(Architecture.X86_64);
        assertThat(program.run(Call.of(Architecture.X86_64, "iopl", 3))).isEqualTo(EPERM);
        assertThat(program.run(Call.of(Architecture.X86_64, "ioperm", 0x70, 2, 1)))
                .isEqualTo(EPERM);
        assertThat(program.run(Call.of(Architecture.X86_64, "modify_ldt", 1))).isEqualTo(ENOSYS);
        assertThat(program.run(Call.of(Architecture.X86_64, "arch_prctl", 0x1002)))
                .isEqualTo(ALLOW);
    }

    @ParameterizedTest
    @EnumSource
    void namespacesCannotBeMade(Architecture architecture) {
        ClassicBpf program = program(architecture);
        long thread = 0x3D0F00; // what pthread_create asks for
        long process = 0x01200011; // what fork asks for
        for (long upper : RUBBISH) {
            for (long flags : new long[] {thread, process, 0x4111 /* vfork, SIGCHLD */, 0x11}) {
                assertThat(program.run(Call.of(architecture, "clone", upper | flags)))
                        .isEqualTo(ALLOW);
            }
            // NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
            for (long flag :
                    new long[] {0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000}) {
                for (long others : new long[] {0, process, thread}) {
                    assertThat(program.run(Call.of(architecture, "clone", upper | flag | others)))
                            .isEqualTo(EPERM);
                }
                assertThat(program.run(Call.of(architecture, "unshare", upper | flag)))
                        .isEqualTo(EPERM);
                assertThat(program.run(Call.of(architecture, "unshare", upper | flag | 0x200)))
                        .isEqualTo(EPERM);
            }
            for (long flags : new long[] {0, 0x200, 0x400, 0x600, 0x40000, 0x50F00}) {
                assertThat(program.run(Call.of(architecture, "unshare", upper | flags)))
                        .isEqualTo(ALLOW);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void terminalsCannotBeTypedInto(Architecture architecture) {
        ClassicBpf program = program(architecture);
        for (long upper : RUBBISH) {
            assertThat(program.run(Call.of(architecture, "ioctl", 0, upper | 0x5412)))
                    .isEqualTo(EPERM);
            assertThat(program.run(Call.of(architecture, "ioctl", 0, upper | 0x541C)))
                    .isEqualTo(EPERM);
            for (long request : new long[] {0x5401, 0x5411, 0x5413, 0x541B, 0x541D, 0x80045430L}) {
                assertThat(program.run(Call.of(architecture, "ioctl", 0x5412, upper | request, 0x541C)))
                        .isEqualTo(ALLOW);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void personalitiesAreThoseOfToday(Architecture architecture) {
        ClassicBpf program = program(architecture);
        for (long upper : RUBBISH) {
            for (long allowed : new long[] {0, 8, 0x20000, 0x20008, 0xFFFFFFFFL}) {
                assertThat(program.run(Call.of(architecture, "personality", upper | allowed)))
                        .isEqualTo(ALLOW);
            }
            for (long refused : new long[] {1, 0x40000, 0x400000, 0x100000, 0x20009, 0xFFFFFFFEL, 0x7FFFFFFF}) {
                assertThat(program.run(Call.of(architecture, "personality", upper | refused)))
                        .isEqualTo(EPERM);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void fourFamiliesOfSocketsExist(Architecture architecture) {
        ClassicBpf program = program(architecture);
        List<Integer> families = List.of(1, 2, 10, 16);
        for (long upper : RUBBISH) {
            for (int family = 0; family < 64; family++) {
                assertThat(program.run(Call.of(architecture, "socket", upper | family, 1, 0)))
                        .as("socket of family " + family)
                        .isEqualTo(families.contains(family) ? ALLOW : EAFNOSUPPORT);
                assertThat(program.run(Call.of(architecture, "socketpair", upper | family, 1, 0)))
                        .as("socketpair of family " + family)
                        .isEqualTo(family == 1 ? ALLOW : EAFNOSUPPORT);
            }
        }
    }

    private static ClassicBpf program(Architecture architecture) {
        return ClassicBpf.load(SeccompCompiler.compile(SeccompProfile.standard(architecture)));
    }
}
