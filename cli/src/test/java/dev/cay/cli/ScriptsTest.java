package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is written for other programs: completion scripts and the manual page. */
class ScriptsTest {
    private final FakeSandboxes engine = FakeSandboxes.exiting(0);
    private final Terminal terminal = new Terminal(engine);

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"bash", "zsh", "fish"})
    void scriptsKnowAllCommandsAndOptions(String shell) {
        assertThat(terminal.run("completion", shell)).isZero();
        for (Command command : Command.all()) {
            assertThat(terminal.out()).contains(command.name());
            for (Option option : Completions.options(command)) {
                assertThat(terminal.out())
                        .contains(shell.equals("fish") ? " -l " + option.name() + " " : option.spelling());
            }
        }
        assertThat(engine.closed).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"bash", "zsh", "fish"})
    void scriptsCanBeParsed(String shell) throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/" + shell)), shell + " is not installed");
        terminal.run("completion", shell);
        Path script = Files.write(folder.resolve("script"), terminal.out.toByteArray());

        assertThat(output(shell, "-n", script.toString())).isEmpty();
    }

    /** Words of a command line, and what bash offers for the last of them. */
    @ParameterizedTest
    @CsvSource({
        "cay st,start stop stats",
        "cay stop '',lab web",
        "cay stop w,web",
        "cay run --mem,--memory",
        "cay ps --format '',text json",
        "cay run --network h,host",
        "cay volume '',create ls rm",
        "cay volume rm '',vol",
        "cay completion z,zsh",
        "cay help exe,exec",
        "cay cp l,lab:",
        "cay image '',check import inspect load ls prune rm save tag",
        "cay image rm deb,debian:12 debian:13",
        "cay image rm debian:,12 13",
        "cay image rm a:5000/t,5000/team/tool:1",
        "cay pull py,python:3.13",
        "cay run --rm pyth,python:3.13",
        "cay create debian:1,12 13",
        "cay run -- deb,''",
        "cay network '',create ls inspect rm",
    })
    void bashOffersWhatFits(String line, String offered) throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/bash")), "bash is not installed");
        terminal.run("completion", "bash");
        String test = terminal.out() + """
            cay() {
                case $2 in
                volumes) echo vol ;;
                images) printf '%s\\n' debian:12 debian:13 python:3.13 a:5000/team/tool:1 ;;
                *) printf 'lab\\nweb\\n' ;;
                esac
            }
            compopt() { :; }
            PATH=/nowhere # each machine has other programs
            COMP_LINE=${1%"''"} COMP_POINT=${#1}
            eval "COMP_WORDS=(${1//:/ : })" # as readline breaks a line into words
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _cay
            echo "${COMPREPLY[*]}"
            """;
        Path script = Files.writeString(folder.resolve("script"), test);

        assertThat(output("bash", script.toString(), line)).isEqualTo(offered + "\n");
    }

    /** Words of a command line, and what zsh and fish offer for the last of them. */
    @ParameterizedTest
    @CsvSource({
        "cay st,start stats stop",
        "cay stop '',lab web",
        "cay run --mem,--memory",
        "cay ps --format '',json text",
        "cay volume rm '',vol",
        "cay completion z,zsh",
        "cay help exe,exec",
        "cay image rm deb,debian:12 debian:13",
        "cay pull py,python:3.13",
        "cay create debian:1,debian:12 debian:13",
    })
    void othersOfferTheSame(String line, String offered) throws IOException, InterruptedException {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/zsh")), "zsh is not installed");
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/fish")), "fish is not installed");
        terminal.run("completion", "zsh");
        Path zsh = Files.writeString(folder.resolve("zsh"), """
            compdef() { : }
            _files() { : }
            _command_names() { : }
            offer() { for word; do [[ $word != ${words[CURRENT]}* ]] || print -r -- $word; done }
            _describe() { offer ${${(P)@[-1]}%%:*} }
            compadd() { if [[ $1 == -a ]]; then offer ${(P)2}; else offer "${@:2}"; fi }
            cay() {
                case $2 in
                volumes) print vol ;;
                images) print -l debian:12 debian:13 python:3.13 ;;
                *) print -l lab web ;;
                esac
            }
            """ + terminal.out() + """
            words=("${(Q)${(z)1}[@]}") CURRENT=$#words
            _cay
            """);
        terminal.out.reset();
        terminal.run("completion", "fish");
        Path fish = Files.writeString(folder.resolve("fish"), """
            set PATH /nowhere # each machine has other programs
            function cay
                switch $argv[2]
                    case volumes
                        echo vol
                    case images
                        printf '%s\\n' debian:12 debian:13 python:3.13
                    case '*'
                        printf '%s\\n' lab web
                end
            end
            """ + terminal.out() + """
            complete -C (string replace "''" "" -- $argv[1]) | string split -f1 \\t
            """);

        assertThat(sorted(output("zsh", "-f", zsh.toString(), line))).isEqualTo(offered);
        assertThat(sorted(output("fish", "--no-config", fish.toString(), line))).isEqualTo(offered);
    }

    private static String sorted(String lines) {
        return lines.lines().sorted().collect(Collectors.joining(" "));
    }

    private String output(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return output;
    }

    @Test
    void scriptsAreToldNames() {
        engine.box("0001", SandboxSpec.host().detached().name("lab").build());
        engine.box("0002", SandboxSpec.host().build());
        engine.volumes.create("data", Optional.empty());

        terminal.run("completion", "sandboxes");
        terminal.run("completion", "volumes");
        engine.images.images.add(FakeImages.info("debian:12", 'b'));
        terminal.run("completion", "images");
        assertThat(terminal.out()).isEqualTo("lab\n0002\ndata\ndebian:12\n");
    }

    @Test
    void scriptsSeeNoErrors() {
        Terminal without = Terminal.failing(new SandboxException.Unsupported("no root", ""));

        assertThat(without.run("completion", "sandboxes")).isZero();
        assertThat(without.run("completion", "volumes")).isZero();
        assertThat(without.run("completion", "images")).isZero();
        assertThat(without.out() + without.err()).isEmpty();
    }

    @Test
    void choicesAreThoseThatAreWrittenOut() {
        assertThat(Completions.choices(Format.OPTION)).containsExactly("text", "json");
        assertThat(Completions.choices(RunOptions.SECCOMP)).containsExactly("default", "unconfined");
        assertThat(Completions.choices(RunOptions.VOLUME)).isEmpty();
        assertThat(Completions.choices(RunOptions.MEMORY)).isEmpty();
        assertThat(Completions.brief("One thing. Another.")).isEqualTo("One thing");
        assertThat(Completions.quoted("it's")).isEqualTo("'it'\\''s'");
    }

    @Test
    void theManualPageHasEverything() {
        assertThat(terminal.run("help", "--man")).isZero();
        String page = terminal.out();

        assertThat(page).startsWith(".TH CAY 1 ").endsWith("\n");
        assertThat(page.lines().filter(line -> line.startsWith(".SH")))
                .containsExactly(
                        ".SH NAME",
                        ".SH SYNOPSIS",
                        ".SH DESCRIPTION",
                        ".SH COMMANDS",
                        ".SH EXIT STATUS",
                        ".SH ENVIRONMENT");
        for (Command command : Command.all()) {
            assertThat(page).contains("\n.SS \"cay " + command.name() + " ");
            for (Option option : Completions.options(command)) {
                assertThat(page).contains("\\fB" + option.spelling().replace("-", "\\-") + "\\fR");
            }
        }
    }

    /** A page that groff would complain about, or show otherwise than it was meant. */
    @Test
    void theManualPageIsWellFormed() {
        terminal.run("help", "--man");
        List<String> known = List.of(".TH", ".SH", ".SS", ".TP", ".PP", ".RS", ".RE", ".EX", ".EE", ".B");
        int examples = 0;
        int indents = 0;
        for (String line : terminal.out().split("\n")) {
            assertThat(line)
                    .isNotEmpty()
                    .doesNotStartWith("'")
                    .doesNotContain("\t")
                    .doesNotEndWith(" ");
            if (line.startsWith(".")) {
                assertThat(known).contains(line.split(" ")[0]);
            }
            examples += line.equals(".EX") ? 1 : line.equals(".EE") ? -1 : 0;
            indents += line.startsWith(".RS") ? 1 : line.equals(".RE") ? -1 : 0;
            assertThat(examples).isBetween(0, 1);
            assertThat(line.replaceAll("\\\\(f[BIR]|-|&|\\((rs|aq|ga|ha|ti|dq))", ""))
                    .doesNotContain("\\");
        }
        assertThat(examples + indents).isZero();
    }
}
