package dev.cay.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProductTest {
    @Test
    void startsTheJvmAsTheScriptDoes() throws IOException {
        Product.Launch launch = Product.Launch.parse("""
                java='/opt/jdk/bin/java'
                jars='/work/cay/target/cay/1.2'
                flags='-XX:+UseSerialGC  -Xmx512m'
                trained=run
                """);

        assertThat(launch.command(List.of("version")))
                .containsExactly(
                        "/opt/jdk/bin/java",
                        "-XX:AOTCache=/work/cay/target/cay/1.2/cay.aot",
                        "-XX:+UseSerialGC",
                        "-Xmx512m",
                        "-Ddev.cay.linux.library=/work/cay/target/cay/1.2/native-methods.so",
                        "-p",
                        "/work/cay/target/cay/1.2",
                        "-m",
                        "dev.cay.cli/dev.cay.cli.Main",
                        "version");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "java=''", "java='/j'\njars='/k'", "java='/j'\nflags='-X'", "java=/j\njars=/k\nflags=-X"})
    void saysWhatIsMissing(String text) {
        assertThatThrownBy(() -> Product.Launch.parse(text))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("target/cay/launch does not tell");
    }
}
