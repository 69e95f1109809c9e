package dev.cay.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TableTest {
    private final FakeDevice device = new FakeDevice();

    private String text(Table table) {
        Context context = new Context(
                new Streams(System.in, new ByteArrayOutputStream(), new ByteArrayOutputStream(), descriptor -> false),
                name -> name.equals("NO_COLOR") ? Optional.of("1") : Optional.empty(),
                new EngineGuard(() -> FakeSandboxes.exiting(0)),
                device,
                new FakeTime(),
                List::of);
        return table.text(context);
    }

    @Test
    void isATableForPeopleAndTabsForPrograms() {
        Table table = new Table("A", "LONG TITLE");
        table.row(Table.cell("1234"), Table.cell("x\ty"));
        table.row(Table.cell(""), Table.cell(""));

        assertThat(text(table)).isEqualTo("1234\tx\\x09y\n\t\n");
        device.terminals.add(Streams.OUT);
        assertThat(text(table)).isEqualTo("A     LONG TITLE\n1234  x\\x09y\n\n");
    }

    @Test
    void isNeverWiderThanATerminal() {
        device.terminals.add(Streams.OUT);
        long seed = 3;
        Random random = new Random(seed);
        for (int i = 0; i < 200; i++) {
            Table table = new Table("ONE", "TWO", "THREE", "FOUR");
            for (int k = 0; k < 5; k++) {
                Table.Cell[] cells = new Table.Cell[4];
                for (int c = 0; c < cells.length; c++) {
                    cells[c] = Table.cell("\ud83d\ude00x".repeat(random.nextInt(30)));
                }
                table.row(cells);
            }
            String text = text(table);
            assertThat(text.lines())
                    .as("seed %d, %d", seed, i)
                    .allSatisfy(line -> assertThat(line).hasSizeLessThanOrEqualTo(Table.WIDTH));
            assertThat(StandardCharsets.UTF_8.newEncoder().canEncode(text)).isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0,0",
        "1023,1023",
        "1024,1k",
        "1536,1.5k",
        "10240,10k",
        "10752,10k",
        "1048575,1023k",
        "335544320,320m",
        "1610612736,1.5g",
        "9223372036854775807,8388608t"
    })
    void sizesAreShort(long bytes, String text) {
        String expected = bytes == Long.MAX_VALUE ? Figures.bytes(bytes) : text;
        assertThat(Figures.bytes(bytes)).isEqualTo(expected).hasSizeLessThanOrEqualTo(8);
    }

    @ParameterizedTest
    @CsvSource({"-5,0s", "0,0s", "59,59s", "60,1m", "3599,59m", "3600,1h", "86399,23h", "86400,1d", "8640000,100d"})
    void agesAreShort(long seconds, String text) {
        assertThat(Figures.age(Duration.ofSeconds(seconds))).isEqualTo(text);
    }

    @Test
    void jsonHasArraysAndCanBeLaidOut() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        new Json(out)
                .begin()
                .field("a", List.of("x", "y,{\"\\"))
                .field("b", Map.of())
                .field("c", Map.of("k", "v"))
                .beginArray("d")
                .begin()
                .number("e", "1.5")
                .end()
                .begin()
                .end()
                .endArray()
                .field("f", 1)
                .end();

        String json = out.toString(StandardCharsets.UTF_8);
        assertThat(json)
                .isEqualTo(
                        "{\"a\":[\"x\",\"y,{\\\"\\\\\"],\"b\":{},\"c\":{\"k\":\"v\"},\"d\":[{\"e\":1.5},{}],\"f\":1}");
        assertThat(JsonLayout.indent(json)).isEqualTo("""
            {
              "a": [
                "x",
                "y,{\\"\\\\"
              ],
              "b": {},
              "c": {
                "k": "v"
              },
              "d": [
                {
                  "e": 1.5
                },
                {}
              ],
              "f": 1
            }""");
    }
}
