package dev.cay.engine.state;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.Size;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ScratchDisksTest {
    @TempDir
    private Path base;

    private ScratchDisks open(Set<String> lives) throws IOException {
        return ScratchDisks.open(base, lives::contains, (file, size) -> {
            Files.writeString(file, "image of " + size);
            if (size.equals(Size.mib(13))) {
                throw new IOException("no room");
            }
        });
    }

    @Test
    void whatTheDeadHaveLeftIsRemovedAndNothingElse() throws IOException {
        ScratchDisks disks = open(Set.of());
        assertThat(disks.make("aaaa", Size.mib(9))).hasContent("image of 9m");
        disks.make("bbbb", Size.mib(9));
        assertThatThrownBy(() -> disks.make("cccc", Size.mib(13))).isInstanceOf(IOException.class);
        assertThat(Directories.names(base)).containsExactlyInAnyOrder("aaaa", "bbbb");
        ScratchDisks later = open(Set.of("bbbb"));
        assertThat(Directories.names(base)).containsExactly("bbbb");
        later.forget("bbbb");
        later.forget("bbbb");
        assertThat(Directories.names(base)).isEmpty();
    }
}
