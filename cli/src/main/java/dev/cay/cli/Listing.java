package dev.cay.cli;

import java.io.IOException;
import java.util.List;
import java.util.function.Function;

/**
 * What there is of a kind, one after the other: a table, names only, or an object for each.
 *
 * @param titles of the table's columns
 * @param name what is printed of each where names are asked for
 * @param row the cells of each
 * @param json the fields of each
 */
record Listing<T>(List<String> titles, Function<T, String> name, Function<T, List<String>> row, Fields<T> json) {
    /** Writes the fields of one of them. */
    interface Fields<T> {
        void write(Json json, T one) throws IOException;
    }

    /** Refuses names where all there is is printed. */
    static void requireNone(List<String> operands) {
        if (!operands.isEmpty()) {
            throw Operands.unexpected(operands.get(0), "leave it out");
        }
    }

    int print(List<T> all, boolean quiet, Format format, Context context) {
        Table table = new Table(titles.toArray(String[]::new));
        StringBuilder names = new StringBuilder();
        for (T one : all) {
            if (format == Format.JSON) {
                JsonLine.print(context.streams(), out -> json.write(out, one));
            }
            names.append(name.apply(one)).append('\n');
            table.row(row.apply(one).stream().map(Table::cell).toArray(Table.Cell[]::new));
        }
        if (format == Format.TEXT) {
            context.streams().print(quiet ? names.toString() : table.text(context));
        }
        return ExitCode.SUCCESS;
    }
}
