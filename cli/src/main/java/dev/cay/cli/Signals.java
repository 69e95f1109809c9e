package dev.cay.cli;

import java.util.List;
import java.util.Locale;

/** The names of signals, from signal(7); the numbers are those of x86 and ARM. */
final class Signals {
    static final int KILL = 9;
    private static final int MAXIMUM = 64;

    /** In the order of their numbers, from 1. */
    private static final List<String> NAMES = List.of(
            "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
            "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
            "WINCH", "IO", "PWR", "SYS");

    private Signals() {}

    static int number(Option option, String text) {
        String name = text.toUpperCase(Locale.ROOT);
        String plain = name.startsWith("SIG") ? name.substring("SIG".length()) : name;
        int index = NAMES.indexOf(plain);
        if (index >= 0) {
            return index + 1;
        }
        boolean digits = !text.isEmpty() && text.length() <= 2;
        for (int i = 0; i < text.length(); i++) {
            digits &= text.charAt(i) >= '0' && text.charAt(i) <= '9';
        }
        int number = digits ? Integer.parseInt(text) : 0;
        if (number < 1 || number > MAXIMUM) {
            String closest = Spelling.closest(plain, NAMES).orElse("a name, such as TERM, or a number from 1 to 64");
            throw Values.refuse(option, "'" + text + "' is not a signal", "write " + closest);
        }
        return number;
    }
}
