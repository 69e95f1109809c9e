package dev.cay.cli;

import dev.cay.Sandboxes;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/** {@code cay registry}: who one is to registries. */
final class RegistryCommand implements Command {
    private static final String HINT = "write login or logout";
    private static final int MAXIMUM = 64 * 1024;

    private static final Option USER = Option.valued("u", "user", "USER", "With login: the user's name.");
    private static final Option PASSWORD =
            Option.flag("", "password-stdin", "With login: read the password from stdin, up to the end of the line.");

    private static final OptionSet OPTIONS = OptionSet.anywhere(USER, PASSWORD, Format.OPTION);

    @Override
    public String name() {
        return "registry";
    }

    @Override
    public String summary() {
        return "Log in to registries of images, and out";
    }

    @Override
    public String synopsis() {
        return "login [OPTIONS] [REGISTRY] | logout [REGISTRY]";
    }

    @Override
    public List<String> description() {
        return List.of(
                "login asks the registry whether it takes the user's name and password, then keeps them beside"
                        + " the images (/var/lib/cay/credentials.json, or ~/.local/share/cay), for their owner to read. logout forgets them. Without a name it is"
                        + " docker.io. The files of podman and Docker, and their credential helpers, are asked too.",
                "/etc/cay/registries.json tells what is special of registries: {\"registries\": [{\"name\":"
                        + " \"docker.io\", \"mirrors\": [\"mirror.example:5000\"]}, {\"name\": \"r.example\","
                        + " \"authorities\": \"/etc/ssl/ca.pem\"}, {\"name\": \"old.example:5000\", \"insecure\": true}]}."
                        + " Mirrors are asked first; one that gives something else than was meant is asked no more. Authorities are certificates that are trusted besides those of this"
                        + " machine. An insecure registry may have no trusted certificate, or no encryption at all.",
                "HTTPS_PROXY, HTTP_PROXY and ALL_PROXY name proxies, as in http://[USER:PASSWORD@]HOST:PORT, where special"
                        + " characters of a password are written as in %40. NO_PROXY lists hosts, domains and networks that are"
                        + " asked directly, separated by commas.");
    }

    @Override
    public OptionSet options() {
        return OPTIONS;
    }

    @Override
    public List<Example> examples() {
        return List.of(
                new Example("In a script", "cay registry login -u robot --password-stdin r.example < password"),
                new Example("No more", "cay registry logout r.example"));
    }

    @Override
    public int run(Arguments arguments, Context context) {
        Format format = Format.of(arguments);
        List<String> operands = arguments.operands();
        if (operands.isEmpty()) {
            throw new UsageException("what to do with registries is missing", HINT);
        }
        if (operands.size() > 2) {
            throw Operands.unexpected(operands.get(2), "one registry is enough");
        }
        String registry = operands.size() == 2 ? operands.get(1) : "docker.io";
        switch (operands.get(0)) {
            case "login" -> login(arguments, registry, context);
            case "logout" -> logout(arguments, registry, context);
            default -> throw new UsageException("unknown action '" + operands.get(0) + "'", HINT);
        }
        if (format == Format.JSON) {
            String result = operands.get(0).equals("login") ? "logged in" : "logged out";
            JsonLine.print(
                    context.streams(), json -> json.field("name", registry).field("result", result));
        }
        return ExitCode.SUCCESS;
    }

    private static void login(Arguments arguments, String registry, Context context) {
        Optional<String> user = arguments.last(USER);
        if (user.isEmpty() || !arguments.has(PASSWORD)) {
            throw new UsageException(
                    "a user and a password are needed",
                    "write: cay registry login -u USER --password-stdin " + registry + " < FILE");
        }
        String password = password(context);
        try (Sandboxes engine = context.engine().open()) {
            engine.images().login(registry, user.get(), password);
        }
    }

    /** The first line of standard input. */
    private static String password(Context context) {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        try {
            for (int next = context.streams().in().read();
                    next >= 0 && next != '\n' && line.size() < MAXIMUM;
                    next = context.streams().in().read()) {
                line.write(next);
            }
        } catch (IOException e) {
            throw HostFiles.failed("cannot read the password", e);
        }
        String text = line.toString(StandardCharsets.UTF_8);
        return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
    }

    private static void logout(Arguments arguments, String registry, Context context) {
        for (Option option : List.of(USER, PASSWORD)) {
            if (arguments.has(option)) {
                throw new UsageException(option.spelling() + " has no effect with logout", "leave it out");
            }
        }
        try (Sandboxes engine = context.engine().open()) {
            engine.images().logout(registry);
        }
    }
}
