package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class HelpTextTest {
    @Test
    void everyLineFitsATerminalOf80Columns() {
        List<String> texts = new ArrayList<>(List.of(HelpText.overview()));
        Command.all().forEach(command -> texts.add(HelpText.of(command)));

        for (String text : texts) {
            assertThat(text)
                    .endsWith("\n")
                    .doesNotEndWith("\n\n")
                    .doesNotContain("\t")
                    .doesNotContain(" \n");
            assertThat(text.lines()).allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(HelpText.WIDTH));
        }
    }

    @Test
    void everyOptionIsExplained() {
        for (Command command : Command.all()) {
            String text = HelpText.of(command);
            for (OptionSet.Group group : command.options().groups()) {
                assertThat(text).contains("\n" + group.title() + ":\n");
                for (Option option : group.options()) {
                    assertThat(text).contains(" " + option.spelling());
                    assertThat(text.replaceAll("\\s+", " ")).contains(option.help());
                }
            }
            assertThat(text).contains("-h, --help");
        }
    }

    @Test
    void everyCommandIsListedAndFound() {
        for (Command command : Command.all()) {
            assertThat(HelpText.overview())
                    .contains("\n  " + command.name() + " ")
                    .contains(command.summary());
            assertThat(Command.named(command.name()))
                    .hasValueSatisfying(found -> assertThat(found).hasSameClassAs(command));
        }
    }

    /** An example that cannot be typed teaches the wrong thing. */
    @Test
    void everyExampleOfRunCanBeParsed() {
        for (Command.Example example : new RunCommand().examples()) {
            if (example.text().contains("\ncay ")) {
                continue;
            }
            String line = example.text().replace("\\\n", "").replaceAll("'[^']*'", "quoted");
            List<String> words = List.of(line.trim().split("\\s+"));

            assertThat(words.subList(0, 2)).containsExactly("cay", "run");
            Arguments arguments = RunOptions.SET.parse(words.subList(2, words.size()));
            assertThat(RunRequest.of(arguments, name -> java.util.Optional.empty())
                            .command()
                            .command())
                    .isNotEmpty();
        }
    }

    @Test
    void everyExampleHasOptionsThatExist() {
        for (Command command : Command.all()) {
            assertThat(command.examples()).as(command.name()).isNotEmpty();
            for (Command.Example example : command.examples()) {
                example.text().replace("\\\n", "").lines().forEach(HelpTextTest::parse);
            }
        }
    }

    private static void parse(String line) {
        String typed = line.substring(line.indexOf("cay "))
                .replaceAll("'[^']*'", "quoted")
                .replaceAll("\\$\\([^)]*\\)", "NAME")
                .replaceAll(" [|<>].*|\\)$", "");
        List<String> words = List.of(typed.trim().split("\\s+"));
        Command command = Cli.command(words.get(1));
        assertThat(command.options().parse(words.subList(2, words.size()))).isNotNull();
    }

    @Test
    void wrapsAtBlanks() {
        assertThat(HelpText.wrap("aa bb cc", 5)).containsExactly("aa bb", "cc");
        assertThat(HelpText.wrap("aa bb cc", 4)).containsExactly("aa", "bb", "cc");
        assertThat(HelpText.wrap("aaaaaaaa bb", 4)).containsExactly("aaaaaaaa", "bb");
        assertThat(HelpText.wrap("aaaaaaaa", 4)).containsExactly("aaaaaaaa");
        assertThat(HelpText.wrap("", 4)).containsExactly("");
    }
}
