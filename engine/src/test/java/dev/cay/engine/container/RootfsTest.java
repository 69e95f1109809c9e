package dev.cay.engine.container;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.cay.SandboxSpec;
import dev.cay.Size;
import dev.cay.Writable;
import dev.cay.linux.Errno;
import dev.cay.linux.Fd;
import dev.cay.linux.OpList;
import dev.cay.linux.SyscallException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class RootfsTest {
    private static final int FIRST_ID = 0x7003_0000;

    private final Fakes fakes = new Fakes();
    private final Layers layers = new Layers(fakes.kernel(), Optional.empty());
    private final List<Fd> imageLayers = List.of(fakes.fd("lowest"), fakes.fd("uppermost"));

    @TempDir
    private Path image;

    @BeforeEach
    void fillLayers() throws IOException {
        for (String name : Layers.MOUNT_POINTS) {
            Files.createDirectory(image.resolve(name));
        }
        layers.get(Layers.Layer.MOUNT_POINTS);
        layers.get(Layers.Layer.NAMES);
    }

    private List<SandboxSpec> specs() {
        return List.of(
                SandboxSpec.directory(image).build(),
                SandboxSpec.directory(image).readOnly().build(),
                SandboxSpec.directory(image.getParent()).build(),
                SandboxSpec.directory(image.getParent()).readOnly().build(),
                SandboxSpec.image("debian:12").build(),
                SandboxSpec.image("debian:12").readOnly().build(),
                SandboxSpec.directory(image)
                        .writable(new Writable.Directory(Path.of("/srv/changes")))
                        .build());
    }

    /** What else of the host it may use. */
    private Set<HostDevice> devices = Set.of();

    private Rootfs create(SandboxSpec spec, Optional<WritableDirectory> writable) throws IOException {
        return Rootfs.create(
                fakes.kernel(),
                new Rootfs.Plan(
                        spec,
                        layers,
                        imageLayers,
                        Optional.empty(),
                        Optional.of(fakes.fd("user")),
                        IdRanges.Range.of(FIRST_ID, () -> {}),
                        writable,
                        false,
                        devices));
    }

    private Optional<WritableDirectory> changes(SandboxSpec spec) {
        return spec.writable() instanceof Writable.Directory(var path)
                ? Optional.of(new WritableDirectory(path, fakes.fd("changes")))
                : Optional.empty();
    }

    @Test
    void whoeverClosesItHoldsNothingAnyMore() throws IOException {
        for (SandboxSpec spec : specs()) {
            Optional<WritableDirectory> changes = changes(spec);
            int before = fakes.kernel().openDescriptors();
            create(spec, changes).close();
            assertThat(fakes.kernel().openDescriptors()).as(spec.toString()).isEqualTo(before + 1); // "user" is ours
        }
    }

    @Test
    void whateverStepFailsNothingIsLeftOpen() throws IOException {
        for (SandboxSpec spec : specs()) {
            Optional<WritableDirectory> changes = changes(spec);
            create(spec, changes).close();
            int steps = fakes.kernel().runs().getLast().size();
            int before = fakes.kernel().openDescriptors();
            for (int step = 0; step < steps; step++) {
                fakes.kernel().fail(fakes.kernel().operations() + 1 + step, Errno.EIO); // the first opens "user"
                assertThatThrownBy(() -> create(spec, changes))
                        .isInstanceOf(SyscallException.class)
                        .hasMessageContaining("EIO");
            }
            assertThat(fakes.kernel().openDescriptors()).isEqualTo(before + steps);
        }
    }

    private List<String> lines(SandboxSpec spec) throws IOException {
        create(spec, changes(spec)).close();
        OpList list = fakes.kernel().runs().getLast();
        return fakes.text(list);
    }

    @Test
    void aDeviceOfTheHostIsThereForWhomItIsGivenTo() throws IOException {
        SandboxSpec spec = SandboxSpec.host().build();
        assertThat(lines(spec)).noneMatch(line -> line.contains("kvm"));

        devices = Set.of(HostDevice.KVM);

        assertThat(lines(spec)).anyMatch(line -> line.startsWith("mknodat(kvm)"));
    }

    @Test
    void aTmpfsForChangesHasItsSizeAndBelongsToTheSandbox() throws IOException {
        assertThat(lines(SandboxSpec.directory(image).tmpfs(Size.mib(3)).build()))
                .containsSubsequence(
                        "fsopen(tmpfs)",
                        "fsconfig(size=3m)",
                        "fsconfig(mode=0700)",
                        "fsconfig(uid=" + FIRST_ID + ")",
                        "fsconfig(gid=" + FIRST_ID + ")",
                        "fsconfig(create)",
                        "fsmount(tmpfs)",
                        "open_tree(" + image + ")",
                        "mount_setattr(" + image + ")",
                        "fsopen(overlay)")
                .contains("fsconfig(volatile)");
    }

    @Test
    void theLayersOfAnImageLieBetweenOurs() throws IOException {
        List<String> lines = lines(SandboxSpec.image("debian:12").build());
        assertThat(lines)
                .containsSubsequence(
                        "open_tree(NAMES) <?>",
                        "mount_setattr(NAMES)",
                        "open_tree(layer 1) <uppermost>",
                        "mount_setattr(layer 1)",
                        "open_tree(layer 0) <lowest>",
                        "mount_setattr(layer 0)",
                        "open_tree(MOUNT_POINTS) <?>",
                        "mount_setattr(MOUNT_POINTS)",
                        "fsopen(overlay)",
                        "fsconfig(redirect_dir=nofollow)",
                        "fsconfig(metacopy=off)");
        assertThat(lines.stream().filter(line -> line.startsWith("fsconfig(lowerdir+")))
                .hasSize(4);
    }

    @Test
    void aCompleteImageNeedsNoFurtherLayer() throws IOException {
        assertThat(lines(SandboxSpec.directory(image).build())).noneMatch(line -> line.contains("MOUNT_POINTS"));
        Files.delete(image.resolve("sys"));
        Files.createSymbolicLink(image.resolve("sys"), Path.of("proc"));
        assertThat(lines(SandboxSpec.directory(image).build())).anyMatch(line -> line.contains("MOUNT_POINTS"));
    }

    @Test
    void aReadOnlyImageOfOneLayerIsNoOverlay() throws IOException {
        assertThat(lines(SandboxSpec.directory(image).readOnly().build()))
                .noneMatch(line -> line.startsWith("fsconfig(upperdir") || line.startsWith("fsmount(overlay"));
    }

    @Test
    void onlyHarmlessDevicesAreMade() throws IOException {
        assertThat(lines(SandboxSpec.directory(image).build()).stream().filter(line -> line.startsWith("mknodat")))
                .containsExactly(
                        "mknodat(null)",
                        "mknodat(zero)",
                        "mknodat(full)",
                        "mknodat(random)",
                        "mknodat(urandom)",
                        "mknodat(tty)");
    }
}
