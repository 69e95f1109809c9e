package dev.cay.engine.archive;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

final class ByteStringTest {
    @Test
    void isAValue() {
        byte[] bytes = {'a', 'b'};
        ByteString value = ByteString.of(bytes);
        bytes[0] = 'x';
        value.toBytes()[1] = 'x';

        assertThat(value).isEqualTo(ByteString.of("ab")).hasSameHashCodeAs(ByteString.of("ab"));
        assertThat(value).isNotEqualTo(ByteString.of("a"));
        assertThat(value.slice(1, 2)).isEqualTo(ByteString.of("b"));
    }

    @Test
    void isOrderedAsUnsignedBytes() {
        List<ByteString> ordered = List.of(
                ByteString.EMPTY, ByteString.of("a"), ByteString.of("ab"), ByteString.of("b"), ByteString.of("\u00e9"));

        assertThat(Stream.of(4, 2, 0, 3, 1).map(ordered::get).sorted()).isEqualTo(ordered);
    }

    @Test
    void textIsUtf8OrNone() {
        assertThat(ByteString.of("\u00e9").text()).contains("\u00e9");
        assertThat(ByteString.of(new byte[] {(byte) 0xE9}).text()).isEmpty();
    }

    @Test
    void isShownInPrintableCharacters() {
        assertThat(ByteString.of("a \n\\\u00e9")).hasToString("a \\x0a\\x5c\\xc3\\xa9");
        assertThat(ByteString.of("x".repeat(100)).quoted()).isEqualTo("'" + "x".repeat(64) + "...'");
    }
}
