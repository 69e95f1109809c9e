package dev.cay.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProductTest {
    @TempDir
    Path folder;

    @Test
    void runsTheProgramThatIsInstalled() throws IOException {
        Path program = Files.createFile(
                Files.createDirectory(folder.resolve("bin")).resolve("cay"),
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));

        assertThat(Product.in(folder).command("run", "--", "true").arguments())
                .containsExactly(program.toString(), "run", "--", "true");
        assertThat(Product.in(folder).jvm().arguments()).containsExactly(program.toString(), "version");
    }

    @Test
    void saysWhatIsMissing() {
        assertThatThrownBy(() -> Product.in(folder))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("bin/cay");
    }
}
