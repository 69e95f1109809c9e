package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.cay.engine.erofs.LayerConverter;
import dev.cay.engine.erofs.LayerLimits;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The kernel, and the tools of those who made the format, read the file systems that layers become as tar unpacked them. */
@ExtendWith(RootLane.class)
final class LayerTest {
    private static final String MAKE = """
            set -eu
            cd "$1"
            : > empty
            for size in 1 59 4031 4032 4033 4095 4096 4097 8191 8193 65535 65536 65537 131072 200001; do
                head -c $size /dev/urandom > random-$size
                yes "line $size" | head -c $size > text-$size
            done
            (head -c 100000 /dev/urandom; yes abc | head -c 300000; head -c 5000 /dev/urandom) > random-first
            (yes abc | head -c 300000; head -c 100001 /dev/urandom; yes def | head -c 70000) > text-first
            mkdir -p deep/a/b large case Case -- -odd '!odd'
            : > deep/a/b/file
            (cd large; seq -f 'a-name-that-is-rather-long-for-a-file-%.0f' 1 1500 | xargs touch)
            echo 1 > case/x; echo 2 > Case/x
            : > "$(printf 'new\\nline')"; : > "$(printf 'bytes\\377\\376')"; : > "$(printf '%0255d' 0)"
            ln random-4097 hard; ln hard deep/a/hard
            ln -s "$(printf '%04000d' 0)" long-link; ln -s /absolute/../x link; mkfifo fifo
            chmod 4755 text-1; chmod 2755 deep; chmod 1777 large; chmod 0 empty
            chown 1000:100 text-59; chown 100000:200000 text-4031; chown -h 5:6 link
            touch -d '2001-02-03 04:05:06.123456789' random-1; touch -d '1960-01-01 00:00:00.5' random-59
            touch -h -d '2100-01-01' link
            setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 text-4095
            # not all file systems have these
            setfattr -n user.a -v hello random-4031 || :; setfattr -n user.empty random-4031 || :
            setfattr -n user.big -v "$(printf '%03000d' 0)" text-8193 || :
            setfattr -n user.big -v "$(printf '%03500d' 0)" random-65537 || :
            setfattr -n user.d -v d deep || :; setfattr -n trusted.t -v t text-4096 || :
            """;

    private static String script(String script, Path... arguments) {
        String[] command = new String[4 + arguments.length];
        System.arraycopy(new String[] {"bash", "-c", script, "bash"}, 0, command, 0, 4);
        for (int i = 0; i < arguments.length; i++) {
            command[4 + i] = arguments[i].toString();
        }
        return Lab.onHost(command);
    }

    @Test
    void aLayerIsWhatTarUnpacks() throws IOException {
        Lab.need("setfattr");
        Path work = Lab.directory();
        Path tree = Files.createDirectory(work.resolve("tree"));
        Path mounted = Files.createDirectory(work.resolve("mounted"));
        Path archive = work.resolve("layer.tar");
        assertThat(script(MAKE + "echo made", tree)).endsWith("made");
        script("tar -C \"$1\" --xattrs --xattrs-include='*' --format=pax -cf \"$2\" .", tree, archive);
        for (String compress : new String[] {"cat", "gzip -1", "zstd -1 -q"}) {
            if (!Lab.has(compress.split(" ")[0])) {
                continue;
            }
            Path compressed = work.resolve("compressed");
            script(compress + " < \"$1\" > \"$2\"", archive, compressed);
            Path layer = work.resolve("layer");
            try (InputStream stream = Files.newInputStream(compressed)) {
                LayerConverter.convert(stream, layer, LayerLimits.STANDARD);
            }
            if (Lab.has("fsck.erofs")) {
                assertThat(script("fsck.erofs \"$1\" && echo fine", layer)).endsWith("fine");
            }
            assertThat(script("mount -t erofs -o ro \"$1\" \"$2\"", layer, mounted))
                    .isEmpty();
            try {
                assertThat(FileListing.of(mounted))
                        .isEqualTo(FileListing.of(tree))
                        .contains("text-first", "security.capability");
            } finally {
                script("umount \"$1\"", mounted);
            }
            Files.delete(layer);
        }
        Lab.delete(work);
    }
}
