package dev.cay.linux;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PrintableTest {
    @Test
    void eachControlCharacterOfAsciiBecomesAQuestionMark() {
        for (char c = 0; c < 0x100; c++) {
            String text = "a" + c + "b";
            assertThat(Printable.text(text)).as("U+%04X", (int) c).isEqualTo(text.replaceAll("\\p{Cntrl}", "?"));
        }
    }

    @Test
    void textWithoutAnyStaysAndBytesAreUtf8() {
        assertThat(Printable.text("grüße")).isEqualTo("grüße");
        assertThat(Printable.text(new byte[] {'a', 0x1B, '[', (byte) 0xC3, (byte) 0xBC, (byte) 0xFF}))
                .isEqualTo("a?[ü\uFFFD");
    }
}
