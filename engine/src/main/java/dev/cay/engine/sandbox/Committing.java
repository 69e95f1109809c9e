package dev.cay.engine.sandbox;

import dev.cay.FilePath;
import dev.cay.ImageConfig;
import dev.cay.ImageInfo;
import dev.cay.Mount;
import dev.cay.Root;
import dev.cay.Sandbox;
import dev.cay.SandboxException;
import dev.cay.SandboxSpec;
import dev.cay.Writable;
import dev.cay.engine.archive.ByteString;
import dev.cay.engine.archive.EntryPath;
import dev.cay.engine.erofs.LayerDiff;
import dev.cay.engine.image.LocalImages;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PipedInputStream;
import java.io.PipedOutputStream;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;

/** Makes an image of what a sandbox has changed in its own. */
final class Committing {
    private static final int PIPE = 256 * 1024;

    /** What every sandbox has of its own, image or not. */
    private static final List<String> OURS =
            List.of("/dev", "/proc", "/sys", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname");

    private final Sandbox sandbox;
    private final LocalImages images;

    Committing(Sandbox sandbox, LocalImages images) {
        this.sandbox = sandbox;
        this.images = images;
    }

    /**
     * Makes it: a layer more on the sandbox's image, and the config that this has.
     *
     * @throws SandboxException.Unsupported if the sandbox is made of no image
     */
    ImageInfo run(Optional<String> name) {
        SandboxSpec spec = sandbox.info().spec();
        if (!(spec.root() instanceof Root.Image root)) {
            throw new SandboxException.Unsupported(
                    "the sandbox " + sandbox.id() + " is made of no image, so there is none to add its changes to",
                    "take its files with: cay cp " + sandbox.id() + ":/ -, and make an image with: cay image import");
        }
        ImageConfig config = images.config(root.exact());
        try (Pipe layer =
                new Pipe(target -> LayerDiff.write(images.layers(root.exact()), this::tree, ours(spec), target))) {
            return images.extend(root.exact(), layer.input, name, config);
        } catch (IOException e) {
            throw new SandboxException.HostFailed("cannot read the sandbox's changes: " + e.getMessage(), "", e);
        }
    }

    private static Set<EntryPath> ours(SandboxSpec spec) throws IOException {
        Set<EntryPath> ours = new HashSet<>();
        for (String path : OURS) {
            ours.add(EntryPath.of(ByteString.of(path)));
        }
        for (Mount mount : spec.mounts()) {
            ours.add(EntryPath.of(ByteString.of(mount.target())));
        }
        if (spec.writable() instanceof Writable.Nothing) {
            ours.add(EntryPath.of(ByteString.of("/tmp")));
        }
        return ours;
    }

    private InputStream tree() throws IOException {
        Pipe pipe = new Pipe(target -> sandbox.files().pack(FilePath.of("/"), target));
        return pipe.input;
    }

    private interface Source {
        void writeTo(OutputStream target) throws IOException;
    }

    /** What somebody writes, to be read: his failure is the reader's. */
    private static final class Pipe implements AutoCloseable {
        private final AtomicReference<Optional<Throwable>> failure = new AtomicReference<>(Optional.empty());
        private final InputStream input;

        Pipe(Source source) throws IOException {
            PipedInputStream in = new PipedInputStream(PIPE) {
                @Override
                public synchronized int read() throws IOException {
                    return checked(super.read());
                }

                @Override
                public synchronized int read(byte[] target, int offset, int length) throws IOException {
                    return checked(super.read(target, offset, length));
                }
            };
            PipedOutputStream out = new PipedOutputStream(in);
            input = in;
            Thread.ofPlatform().name("cay-commit").daemon().start(() -> {
                try (out) {
                    pass(source, out);
                } catch (IOException e) {
                    // the reader has gone
                }
            });
        }

        /** Whoever reads sees the end after the failure. */
        private void pass(Source source, OutputStream out) {
            try {
                source.writeTo(out);
            } catch (IOException | RuntimeException | Error e) {
                failure.set(Optional.of(e));
            }
        }

        private int checked(int count) throws IOException {
            if (count < 0 && failure.get().isPresent()) {
                Throwable cause = failure.get().get();
                if (cause instanceof SandboxException known) {
                    throw known;
                }
                throw new IOException(cause.getMessage(), cause);
            }
            return count;
        }

        @Override
        public void close() throws IOException {
            input.close();
        }
    }
}
