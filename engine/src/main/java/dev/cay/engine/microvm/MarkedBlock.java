package dev.cay.engine.microvm;

/** Text of ours in a file of somebody else: between two marks, so that it is found again and never there twice. */
final class MarkedBlock {
    private MarkedBlock() {}

    /**
     * A file with a block at its end, and without an earlier one of this name.
     *
     * @param text what the file has
     * @param name a word
     * @param lines each with its end; an empty text for no block
     */
    static String put(String text, String name, String lines) {
        String begin = "# cay " + name + " begin\n";
        String end = "# cay " + name + " end\n";
        StringBuilder kept = new StringBuilder(text);
        for (int from = kept.indexOf(begin); from >= 0; from = kept.indexOf(begin)) {
            int to = kept.indexOf(end, from);
            kept.delete(from, to < 0 ? from + begin.length() : to + end.length()); // half a block is none of ours
        }
        if (lines.isEmpty()) {
            return kept.toString();
        }
        if (!kept.isEmpty() && kept.charAt(kept.length() - 1) != '\n') {
            kept.append('\n');
        }
        return kept.append(begin).append(lines).append(end).toString();
    }
}
