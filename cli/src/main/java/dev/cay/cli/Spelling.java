package dev.cay.cli;

import java.util.List;
import java.util.Optional;

/** Guesses what somebody meant to type. */
final class Spelling {
    private Spelling() {}

    /** The candidate that a few wrong, missing, added or swapped letters turn into the word, if there is one. */
    static Optional<String> closest(String word, List<String> candidates) {
        Optional<String> closest = Optional.empty();
        int least = Math.max(1, word.length() / 3) + 1;
        for (String candidate : candidates) {
            int distance = distance(word, candidate);
            if (distance < least) {
                least = distance;
                closest = Optional.of(candidate);
            }
        }
        return closest;
    }

    /** How many letters must be changed, removed, added or swapped with their neighbour. */
    static int distance(String from, String to) {
        int[][] distances = new int[from.length() + 1][to.length() + 1];
        for (int i = 0; i <= from.length(); i++) {
            for (int j = 0; j <= to.length(); j++) {
                distances[i][j] = i == 0 || j == 0 ? i + j : least(distances, from, to, i, j);
            }
        }
        return distances[from.length()][to.length()];
    }

    private static int least(int[][] distances, String from, String to, int i, int j) {
        int changed = distances[i - 1][j - 1] + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
        int least = Math.min(changed, Math.min(distances[i - 1][j], distances[i][j - 1]) + 1);
        boolean swapped =
                i > 1 && j > 1 && from.charAt(i - 1) == to.charAt(j - 2) && from.charAt(i - 2) == to.charAt(j - 1);
        return swapped ? Math.min(least, distances[i - 2][j - 2] + 1) : least;
    }
}
