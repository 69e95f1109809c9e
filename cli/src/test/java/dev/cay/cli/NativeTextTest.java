package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class NativeTextTest {
    @Test
    void splitsAtNulCharacters() {
        assertThat(NativeText.split("")).isEmpty();
        assertThat(NativeText.split("a\0\0b c\0")).containsExactly("a", "", "b c");
        assertThat(NativeText.split("a\0cut")).containsExactly("a");
    }

    @Test
    void theArgumentsOfTheProgramAreTheLastOnes() {
        String[] commandLine = {"java", "-m", "cay", "run", "gr\u00fcn"};

        assertThat(NativeText.lastOf(commandLine, new String[] {"run", "gr\ufffd\ufffdn"}))
                .containsExactly("run", "gr\u00fcn");
        assertThat(NativeText.lastOf(new String[0], new String[] {"\ufffd"})).containsExactly("\ufffd");
    }

    @Test
    void findsVariables() {
        String[] environment = {"AB=1", "A=2=3", "A=4", "odd"};

        assertThat(NativeText.valueIn(environment, "A")).contains("2=3");
        assertThat(NativeText.valueIn(environment, "B")).isEmpty();
        assertThat(NativeText.variable("CAY_NO_SUCH_VARIABLE")).isEmpty();
        assertThat(NativeText.variable("PATH")).contains(System.getenv("PATH"));
    }

    @Test
    void takesWhatIsWholeAsItIs() {
        String[] whole = {"run", "gr\u00fcn"};

        assertThat(NativeText.arguments(whole)).isSameAs(whole);
    }
}
