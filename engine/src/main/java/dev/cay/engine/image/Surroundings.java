package dev.cay.engine.image;

import static java.util.Objects.requireNonNull;

import java.nio.file.Path;
import java.util.function.UnaryOperator;

/**
 * What this machine says of registries.
 *
 * @param settings the administrator's file, see {@link RegistrySettings}
 * @param credentials our file of credentials, see {@link Credentials}
 * @param variables gives the value of a variable of the environment, or null
 * @param patience how long registries are waited for
 */
record Surroundings(Path settings, Path credentials, UnaryOperator<String> variables, Patience patience) {
    private static final Path SETTINGS = Path.of("/etc/cay/registries.json");

    Surroundings {
        requireNonNull(settings, "settings is null");
        requireNonNull(credentials, "credentials is null");
        requireNonNull(variables, "variables is null");
        requireNonNull(patience, "patience is null");
    }

    /** Those of this process; passwords are beside the images. */
    static Surroundings of(Path images) {
        return new Surroundings(SETTINGS, images.resolveSibling("credentials.json"), System::getenv, Patience.STANDARD);
    }
}
