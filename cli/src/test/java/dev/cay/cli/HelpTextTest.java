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
    void wrapsAtBlanks() {
        assertThat(HelpText.wrap("aa bb cc", 5)).containsExactly("aa bb", "cc");
        assertThat(HelpText.wrap("aa bb cc", 4)).containsExactly("aa", "bb", "cc");
        assertThat(HelpText.wrap("aaaaaaaa bb", 4)).containsExactly("aaaaaaaa", "bb");
        assertThat(HelpText.wrap("aaaaaaaa", 4)).containsExactly("aaaaaaaa");
        assertThat(HelpText.wrap("", 4)).containsExactly("");
    }
}
