package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OptionSetTest {
    private static final Option ENV = Option.valued("e", "env", "NAME=VALUE", "Sets a variable.");
    private static final Option MEMORY = Option.valued("memory", "SIZE", "Limits memory.");
    private static final Option QUIET = Option.flag("q", "quiet", "Says nothing.");
    private static final Option VERBOSE = Option.flag("v", "verbose", "Says everything.");
    private static final OptionSet SET = OptionSet.of(
            List.of(new OptionSet.Group("All", List.of(ENV, MEMORY, QUIET, VERBOSE))),
            List.of(new OptionSet.Foreign("--rm", "leave it out"), new OptionSet.Foreign("-i", "no need")));

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            emptyValue = "",
            value = {
                "''                            | ''                       | ''",
                "ls -l                         | ''                       | ls,-l",
                "-- ls                         | ''                       | ls",
                "-- --memory                   | ''                       | --memory",
                "--                            | ''                       | ''",
                "-                             | ''                       | -",
                "--memory 1m ls                | memory=1m                | ls",
                "--memory=1m ls --quiet        | memory=1m                | ls,--quiet",
                "--memory=--quiet ls           | memory=--quiet           | ls",
                "--memory= ls                  | memory=                  | ls",
                "--memory=a=b                  | memory=a=b               | ''",
                "--memory -5 ls                | memory=-5                | ls",
                "-e K=V -eL=W -e=M=X --env N=Y | env=K=V,env=L=W,env=M=X,env=N=Y | ''",
                "-qv ls                        | quiet=,verbose=          | ls",
                "-qve K=V ls                   | quiet=,verbose=,env=K=V  | ls",
                "-qveK=V ls                    | quiet=,verbose=,env=K=V  | ls",
                "--quiet -- -- ls              | quiet=                   | --,ls",
                "-h --help                     | help=,help=              | ''",
                "--quiet a --quiet b           | quiet=                   | a,--quiet,b",
            })
    void readsOptionsUpToTheFirstOperand(String line, String given, String operands) {
        Arguments arguments = SET.parse(words(line));

        assertThat(arguments.given().stream().map(one -> one.option().name() + "=" + one.value()))
                .isEqualTo(given.isEmpty() ? List.of() : List.of(given.split(",")));
        assertThat(arguments.operands()).isEqualTo(operands.isEmpty() ? List.of() : List.of(operands.split(",")));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--memroy 1m    | unknown option --memroy   | did you mean --memory?",
                "--memory-x=1m  | unknown option --memory-x | did you mean --memory?",
                "--quite        | unknown option --quite    | did you mean --quiet?",
                "--xyzzyx       | unknown option --xyzzyx   | add --help for a list",
                "--rm           | unknown option --rm       | leave it out",
                "-it            | unknown option -i         | no need",
                "-x             | unknown option -x         | add --help for a list",
                "-qx            | unknown option -x         | add --help for a list",
                "--quiet=yes    | --quiet takes no value    | leave out '=yes'",
                "--memory       | --memory needs a value    | write --memory=SIZE",
                "-e             | -e needs a value          | write --env=NAME=VALUE",
                "-qe            | -e needs a value          | write --env=NAME=VALUE",
                "--memory -- ls | --memory needs a value, but is followed by --      | write --memory=SIZE",
                "--memory -q    | --memory needs a value, but is followed by -q      | write --memory=SIZE",
                "-e --quiet     | -e needs a value, but is followed by --quiet       | write --env=NAME=VALUE",
                "--e K=V        | unknown option --e        | add --help for a list",
                "--=x           | unknown option --         | add --help for a list",
            })
    void refusesWhatItDoesNotKnow(String line, String message, String hint) {
        UsageException refused = catchThrowableOfType(UsageException.class, () -> SET.parse(words(line)));

        assertThat(refused).hasMessage(message);
        assertThat(refused.hint()).isEqualTo(hint);
    }

    @Test
    void theLastOneCountsUnlessAllDo() {
        Arguments arguments = SET.parse(words("--memory 1m -e A=1 --memory 2m -e B=2 ls"));

        assertThat(arguments.last(MEMORY)).contains("2m");
        assertThat(arguments.all(ENV)).containsExactly("A=1", "B=2");
        assertThat(arguments.has(QUIET)).isFalse();
        assertThat(arguments.last(QUIET)).isEmpty();
    }

    @Test
    void refusesTwoOptionsOfOneName() {
        Option other = Option.flag("q", "question", "Asks.");

        assertThatIllegalArgumentException()
                .isThrownBy(() -> OptionSet.of(List.of(new OptionSet.Group("All", List.of(QUIET, other))), List.of()));
        assertThatIllegalArgumentException().isThrownBy(() -> Option.flag("", "--x", "Does."));
        assertThatIllegalArgumentException().isThrownBy(() -> Option.flag("", "name", " "));
        assertThatIllegalArgumentException().isThrownBy(() -> Option.valued("name", "", "Does."));
    }

    /** Whatever is written, in whichever form, is what is read. */
    @Test
    void readsBackEveryCommandLine() {
        for (long seed = 0; seed < 2_000; seed++) {
            Random random = new Random(seed);
            List<Arguments.Given> given = new ArrayList<>();
            List<String> line = new ArrayList<>();
            for (int i = random.nextInt(6); i > 0; i--) {
                Option option = List.of(ENV, MEMORY, QUIET, VERBOSE).get(random.nextInt(4));
                String value = option.takesValue() ? value(random) : "";
                given.add(new Arguments.Given(option, value));
                write(line, option, value, random);
            }
            List<String> operands = new ArrayList<>();
            for (int i = random.nextInt(4); i > 0; i--) {
                operands.add(value(random));
            }
            boolean separated = (!operands.isEmpty() && operands.get(0).startsWith("-")) || random.nextBoolean();
            if (separated) {
                line.add("--");
            }
            line.addAll(operands);

            assertThat(SET.parse(line))
                    .as("seed %s: %s", seed, line)
                    .isEqualTo(new Arguments(given, operands, separated));
        }
    }

    private static void write(List<String> line, Option option, String value, Random random) {
        boolean ambiguous = value.startsWith("-") || value.startsWith("=") || value.isEmpty();
        if (!option.takesValue()) {
            line.add(random.nextBoolean() && !option.letter().isEmpty() ? "-" + option.letter() : option.spelling());
        } else if (ambiguous || random.nextInt(3) == 0) {
            line.add(option.spelling() + "=" + value);
        } else if (option.letter().isEmpty() || random.nextBoolean()) {
            line.addAll(List.of(option.spelling(), value));
        } else if (random.nextBoolean()) {
            line.addAll(List.of("-" + option.letter(), value));
        } else {
            line.add("-" + option.letter() + value);
        }
    }

    private static String value(Random random) {
        String letters = "abc-=e q\u00e4\u20ac\n";
        StringBuilder value = new StringBuilder();
        for (int i = random.nextInt(5); i > 0; i--) {
            value.append(letters.charAt(random.nextInt(letters.length())));
        }
        return value.toString();
    }

    private static List<String> words(String line) {
        return line.isEmpty() ? List.of() : List.of(line.split(" "));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            emptyValue = "",
            value = {
                "lab -q          | quiet=        | lab",
                "a --memory 1m b | memory=1m     | a,b",
                "a -- -q         | ''            | a,-q",
                "-q - a          | quiet=        | -,a",
            })
    void optionsMayStandAnywhereIfTheSetSaysSo(String line, String given, String operands) {
        Arguments arguments = OptionSet.anywhere(ENV, MEMORY, QUIET).parse(words(line));

        assertThat(arguments.given().stream().map(one -> one.option().name() + "=" + one.value()))
                .isEqualTo(given.isEmpty() ? List.of() : List.of(given.split(",")));
        assertThat(arguments.operands()).isEqualTo(List.of(operands.split(",")));
    }
}
