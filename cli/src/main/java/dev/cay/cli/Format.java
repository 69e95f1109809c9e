package dev.cay.cli;

import java.util.List;

/** In which form a command writes its result. */
enum Format {
    TEXT,
    JSON;

    static final Option OPTION =
            Option.valued("format", "text|json", "How to write the result: text (the default) or json.");

    static Format of(Arguments arguments) {
        String name = arguments.last(OPTION).orElse("text");
        return switch (name) {
            case "text" -> TEXT;
            case "json" -> JSON;
            default -> throw new UsageException("--format: '" + name + "' is not a format", "write text or json");
        };
    }

    /** Whether JSON was asked for on a command line that may be beyond parsing. */
    static boolean wantsJson(List<String> arguments) {
        for (int i = 0; i < arguments.size() && !arguments.get(i).equals("--"); i++) {
            boolean split = arguments.get(i).equals("--format")
                    && i + 1 < arguments.size()
                    && arguments.get(i + 1).equals("json");
            if (split || arguments.get(i).equals("--format=json")) {
                return true;
            }
        }
        return false;
    }
}
