package dev.cay.cli;

import java.util.ArrayList;
import java.util.List;

/**
 * Rows of texts: for a person a table with a headline, 80 columns wide at the most, for a program values separated by tabs,
 * whole and without a headline.
 */
final class Table {
    static final int WIDTH = 80;
    private static final int GAP = 2;
    private static final int LEAST = 4;
    private static final String CUT = "\u2026";

    /** What a colour means. */
    enum Mood {
        PLAIN(""),
        GOOD("\u001b[32m"),
        ODD("\u001b[33m"),
        BAD("\u001b[31m");

        private final String begin;

        Mood(String begin) {
            this.begin = begin;
        }

        String paint(String text) {
            return begin.isEmpty() ? text : begin + text + "\u001b[0m";
        }
    }

    /**
     * A text in a row.
     *
     * @param text what it says
     * @param mood its colour, where there are colours
     */
    record Cell(String text, Mood mood) {
        Cell {
            text = Problem.printable(text);
        }
    }

    private final List<String> titles;
    private final List<List<Cell>> rows = new ArrayList<>();

    Table(String... titles) {
        this.titles = List.of(titles);
    }

    static Cell cell(String text) {
        return new Cell(text, Mood.PLAIN);
    }

    void row(Cell... cells) {
        if (cells.length != titles.size()) {
            throw new IllegalArgumentException(cells.length + " cells for " + titles.size() + " columns");
        }
        rows.add(List.of(cells));
    }

    /** As the reader of standard output wants it. */
    String text(Context context) {
        return context.printsToTerminal() ? forPeople(context.printsColours()) : forPrograms();
    }

    private String forPrograms() {
        StringBuilder text = new StringBuilder();
        for (List<Cell> row : rows) {
            for (int i = 0; i < row.size(); i++) {
                text.append(i == 0 ? "" : "\t").append(row.get(i).text());
            }
            text.append('\n');
        }
        return text.toString();
    }

    private String forPeople(boolean colours) {
        int[] widths = widths();
        StringBuilder text = new StringBuilder();
        List<Cell> headline = new ArrayList<>();
        for (String title : titles) {
            headline.add(cell(title));
        }
        line(text, headline, widths, false);
        for (List<Cell> row : rows) {
            line(text, row, widths, colours);
        }
        return text.toString();
    }

    /** As wide as the widest text; while that is too much for a line, the widest column gives way. */
    private int[] widths() {
        int[] widths = new int[titles.size()];
        int total = GAP * (titles.size() - 1);
        for (int i = 0; i < widths.length; i++) {
            widths[i] = titles.get(i).length();
            for (List<Cell> row : rows) {
                widths[i] = Math.max(widths[i], row.get(i).text().length());
            }
            total += widths[i];
        }
        while (total > WIDTH) {
            int widest = 0;
            for (int i = 1; i < widths.length; i++) {
                widest = widths[i] > widths[widest] ? i : widest;
            }
            if (widths[widest] <= LEAST) {
                break;
            }
            widths[widest]--;
            total--;
        }
        return widths;
    }

    private static void line(StringBuilder text, List<Cell> row, int[] widths, boolean colours) {
        for (int i = 0; i < widths.length; i++) {
            String shown = cut(row.get(i).text(), widths[i]);
            text.append(colours ? row.get(i).mood().paint(shown) : shown);
            if (i < widths.length - 1) {
                text.append(" ".repeat(widths[i] - shown.length() + GAP));
            }
        }
        while (text.charAt(text.length() - 1) == ' ') {
            text.setLength(text.length() - 1);
        }
        text.append('\n');
    }

    private static String cut(String text, int width) {
        if (text.length() <= width) {
            return text;
        }
        int end = width - 1;
        // No half of a character that is made of two.
        end -= Character.isHighSurrogate(text.charAt(end - 1)) ? 1 : 0;
        return text.substring(0, end) + CUT;
    }
}
