package dev.cay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class SizeTest {
    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "4096, 4096",
        "1k, 1024",
        "64k, 65536",
        "1m, 1048576",
        "256m, 268435456",
        "256M, 268435456",
        "256MiB, 268435456",
        "256mib, 268435456",
        "256mb, 268435456",
        "2g, 2147483648",
        "1t, 1099511627776",
        "0t, 0",
        "00007k, 7168",
        "999999999999999999, 999999999999999999",
        "8388607t, 9223370937343148032",
        "9223372036854775807, 9223372036854775807",
        "5b, 5"
    })
    void everyUnitIsAPowerOf1024(String text, long bytes) {
        assertThat(Size.parse(text)).isEqualTo(Size.bytes(bytes));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "k",
                "-1",
                "+1",
                "1.5g",
                "1,5g",
                "1_000",
                "1 k",
                " 1k",
                "1k ",
                "1k\n",
                "0x10",
                "1e3",
                "1p",
                "1kk",
                "1kibi",
                "1ki",
                "1i",
                "1ib",
                "k1",
                "\u0661k",
                "1\u212a",
                "9999999999999999999999",
                "unlimited",
                "1\0"
            })
    void anythingElseIsNotASize(String text) {
        assertThatThrownBy(() -> Size.parse(text))
                .isExactlyInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("size");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "9223372036854775808",
                "8388608t",
                "999999999999999999k",
                "9007199254740992k",
                "8589934592g",
                "8796093022208m"
            })
    void whatDoesNotFitIsRefusedNotWrapped(String text) {
        assertThatThrownBy(() -> Size.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("larger than any size");
    }

    @Test
    void whatIsPrintedCanBeReadAgain() {
        Seeded.run(random -> {
            for (int i = 0; i < 20_000; i++) {
                Size size = Size.bytes(random.nextLong(Long.MAX_VALUE) >>> random.nextInt(60));
                assertThat(Size.parse(size.toString())).isEqualTo(size);
                assertThat(Size.parse(size.bytes() + "")).isEqualTo(size);
                Size round = Size.bytes(random.nextLong(1L << 53) << 10);
                assertThat(Size.parse(round.toString())).isEqualTo(round);
            }
        });
    }

    @ParameterizedTest
    @CsvSource({
        "0, 0",
        "1, 1",
        "1023, 1023",
        "1024, 1k",
        "1025, 1025",
        "1536, 1536",
        "1047552, 1023k",
        "1048576, 1m",
        "6291456, 6m",
        "1073741824, 1g",
        "1099511627776, 1t",
        "1125899906842624, 1024t"
    })
    void theLargestUnitWithoutAFractionIsPrinted(long bytes, String text) {
        assertThat(Size.bytes(bytes)).hasToString(text);
    }

    @Test
    void factoriesCountInTheirUnit() {
        assertThat(Size.kib(3).bytes()).isEqualTo(3072);
        assertThat(Size.mib(3).bytes()).isEqualTo(3L << 20);
        assertThat(Size.gib(3).bytes()).isEqualTo(3L << 30);
    }

    @Test
    void aFactoryNeverWrapsAround() {
        assertThatThrownBy(() -> Size.kib(1L << 53)).isInstanceOf(ArithmeticException.class);
        assertThatThrownBy(() -> Size.mib(1L << 43)).isInstanceOf(ArithmeticException.class);
        assertThatThrownBy(() -> Size.gib(1L << 33)).isInstanceOf(ArithmeticException.class);
    }

    @Test
    void aSizeIsNeverNegative() {
        assertThatThrownBy(() -> Size.bytes(-1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("-1");
        assertThatThrownBy(() -> Size.mib(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void sizesAreOrderedByTheirBytes() {
        List<Size> sizes =
                new ArrayList<>(List.of(Size.gib(1), Size.bytes(Long.MAX_VALUE), Size.kib(1), Size.bytes(0)));
        Collections.sort(sizes);
        assertThat(sizes).containsExactly(Size.bytes(0), Size.kib(1), Size.gib(1), Size.bytes(Long.MAX_VALUE));
    }
}
