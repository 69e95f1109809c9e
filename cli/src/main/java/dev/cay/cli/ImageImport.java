package dev.cay.cli;

import dev.cay.ImageConfig;
import dev.cay.ImageConfig.Platform;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What {@code cay image import} says of the containers of an image. */
final class ImageImport {
    private static final Option CMD =
            Option.valued("cmd", "WORD", "A word of the command that is run by default; give one for each word.");
    private static final Option ENTRYPOINT =
            Option.valued("entrypoint", "WORD", "A word of what each command begins with; give one for each word.");
    private static final Option ENV = Option.valued("e", "env", "NAME=VALUE", "A variable of each process.");
    private static final Option WORKDIR = Option.valued("w", "workdir", "PATH", "Where commands begin.");
    private static final Option USER = Option.valued("u", "user", "USER[:GROUP]", "As whom commands run.");
    private static final Option LABEL = Option.valued("l", "label", "NAME=VALUE", "Something to know about the image.");
    private static final Option PLATFORM =
            Option.valued("platform", "OS/ARCH", "For which machines it is; by default for this one.");

    static final List<Option> OPTIONS = List.of(CMD, ENTRYPOINT, ENV, WORKDIR, USER, LABEL, PLATFORM);

    private ImageImport() {}

    static ImageConfig config(Arguments arguments) {
        return new ImageConfig(
                Platform.parse(arguments.last(PLATFORM).orElseGet(ImageImport::current)),
                Optional.empty(),
                arguments.all(ENTRYPOINT),
                arguments.all(CMD),
                pairs(arguments, ENV),
                arguments.last(WORKDIR),
                arguments.last(USER),
                Optional.empty(),
                List.of(),
                List.of(),
                pairs(arguments, LABEL));
    }

    private static String current() {
        String name = System.getProperty("os.arch");
        return "linux/" + (name.equals("aarch64") ? "arm64" : name.equals("x86_64") ? "amd64" : name);
    }

    private static Map<String, String> pairs(Arguments arguments, Option option) {
        Map<String, String> pairs = new LinkedHashMap<>();
        for (String text : arguments.all(option)) {
            int equals = text.indexOf('=');
            if (equals <= 0) {
                throw Values.refuse(option, "'" + text + "' has no value", "write NAME=VALUE");
            }
            pairs.put(text.substring(0, equals), text.substring(equals + 1));
        }
        return pairs;
    }
}
