package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class TemplateCommandTest {
    private final Terminal terminal = new Terminal(FakeSandboxes.exiting(0));

    @Test
    void templatesAreMadeListedAndRemoved() {
        assertThat(terminal.run("template", "create", "one")).isZero();
        assertThat(terminal.run("template", "create", "two", "--memory=256m", "--cpus=1.5", "--format=json"))
                .isZero();
        terminal.run("template", "ls");
        terminal.run("template", "ls", "-q");
        assertThat(terminal.out())
                .isEqualTo(
                        "one\n{\"name\":\"two\",\"kernel\":\"6.1.0\",\"memory\":268435456,\"cpus\":2,\"bytes\":66060288,"
                                + "\"created\":\"1970-01-01T00:00:00Z\",\"usable\":false}\n"
                                + "one\t6.1.0\t512m\t1\t63m\tyes\ntwo\t6.1.0\t256m\t2\t63m\t-\none\ntwo\n");
        assertThat(terminal.run("template", "rm", "two")).isZero();
        assertThat(terminal.run("template", "rm", "two")).isEqualTo(1);
    }

    @Test
    void whatIsMissingIsSaid() {
        assertThat(terminal.run("template")).isEqualTo(125);
        assertThat(terminal.run("template", "make")).isEqualTo(125);
        assertThat(terminal.run("template", "create")).isEqualTo(125);
        assertThat(terminal.run("template", "create", "a", "b")).isEqualTo(125);
        assertThat(terminal.run("template", "create", "a", "--memory=much")).isEqualTo(125);
        assertThat(terminal.run("template", "create", "a", "--cpus=many")).isEqualTo(125);
        assertThat(terminal.run("template", "rm")).isEqualTo(125);
        assertThat(terminal.run("template", "ls", "a")).isEqualTo(125);
        assertThat(terminal.err()).contains("write create, ls or rm");
    }
}
