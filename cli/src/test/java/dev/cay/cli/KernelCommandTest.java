package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class KernelCommandTest {
    private final FakeSandboxes engine = FakeSandboxes.exiting(0);
    private final Terminal terminal = new Terminal(engine);

    @Test
    void kernelsAreTakenListedAndRemoved() {
        assertThat(terminal.run("kernel", "add", "vmlinux")).isZero();
        assertThat(terminal.run("kernel", "add", "a.deb", "b.deb", "--name=two", "--format=json"))
                .isZero();
        terminal.run("kernel", "default", "two");
        terminal.run("kernel", "ls");
        terminal.run("kernel", "ls", "-q");
        assertThat(terminal.out())
                .isEqualTo("vmlinux\n{\"name\":\"two\",\"release\":\"6.1.0\",\"modules\":17,\"bytes\":54525952,"
                        + "\"default\":false,\"lacking\":[]}\ntwo\n"
                        + "vmlinux\t6.1.0\t17\t52m\t-\tone,another: add it again\n"
                        + "two\t6.1.0\t17\t52m\tyes\t-\nvmlinux\ntwo\n");
        assertThat(terminal.run("kernel", "rm", "two")).isZero();
        assertThat(terminal.run("kernel", "rm", "two")).isEqualTo(1);
    }

    @Test
    void whatIsMissingIsSaid() {
        assertThat(terminal.run("kernel")).isEqualTo(125);
        assertThat(terminal.run("kernel", "make")).isEqualTo(125);
        assertThat(terminal.run("kernel", "add")).isEqualTo(125);
        assertThat(terminal.run("kernel", "rm")).isEqualTo(125);
        assertThat(terminal.run("kernel", "default", "a", "b")).isEqualTo(125);
        assertThat(terminal.run("kernel", "ls", "a")).isEqualTo(125);
        assertThat(terminal.err()).contains("write add, ls, default or rm").contains("cay kernel add FILE...");
    }
}
