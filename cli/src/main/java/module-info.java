/**
 * The command line of Cay: everything it does, it does through the public API.
 *
 * <p>The engine is found as a service. {@code java -m} resolves it by itself; {@code jlink} must be told with
 * {@code --add-modules dev.cay.engine}.
 */
module dev.cay.cli {
    requires dev.cay;
}
