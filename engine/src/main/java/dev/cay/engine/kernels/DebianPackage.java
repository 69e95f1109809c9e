package dev.cay.engine.kernels;

import dev.cay.engine.archive.TarEntry;
import dev.cay.engine.archive.TarLimits;
import dev.cay.engine.archive.TarReader;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Takes a kernel out of a Debian package, which is not installed and none of whose scripts run: deb(5) is an ar(5) archive whose
 * member {@code data.tar*} has the files.
 */
final class DebianPackage {
    private static final byte[] MAGIC = "!<arch>\n".getBytes(StandardCharsets.US_ASCII);
    private static final int MEMBER_HEADER = 60;
    private static final int MAXIMUM_MEMBERS = 16;
    private static final int MAXIMUM_NAME = 4095;

    private static final Pattern IMAGE = Pattern.compile("(?:\\./)?boot/vmlinuz-([^/]+)");
    private static final Pattern MODULE = Pattern.compile(
            "(?:\\./)?(?:usr/)?lib/modules/([^/]+)/(?:.*/)?([A-Za-z0-9._-]+\\.ko(?:|\\.xz|\\.zst|\\.gz))");
    private static final Pattern BUILT_IN =
            Pattern.compile("(?:\\./)?(?:usr/)?lib/modules/([^/]+)/(modules\\.builtin)");

    private DebianPackage() {}

    static boolean isOne(byte[] start) {
        return start.length >= MAGIC.length && Arrays.equals(start, 0, MAGIC.length, MAGIC, 0, MAGIC.length);
    }

    /**
     * Unpacks the kernel and its modules: {@code vmlinuz} and {@code modules/NAME} in the target, without the package's directories.
     *
     * @param release of what was unpacked from other packages before, which must be the same
     * @return the release of what was unpacked; empty if there was nothing
     */
    static Optional<String> unpack(Path file, Path target, Optional<String> release, KernelLimits limits)
            throws IOException {
        try (InputStream in = new BufferedInputStream(Files.newInputStream(file), 64 * 1024)) {
            if (!isOne(in.readNBytes(MAGIC.length))) {
                throw new BadKernelException("it is no Debian package");
            }
            for (int i = 0; i < MAXIMUM_MEMBERS; i++) {
                Member member = Member.read(in);
                if (member.name().startsWith("data.tar")) {
                    InputStream data = new LimitedInput(in, member.size());
                    try (InputStream tar = Codec.open(data, "the package", limits.modules() + limits.image())) {
                        return new Unpacking(target, limits, release).run(tar);
                    }
                }
                in.skipNBytes(member.size() + (member.size() & 1));
            }
            throw new BadKernelException("the package has no data");
        }
    }

    private record Member(String name, long size) {
        static Member read(InputStream in) throws IOException {
            byte[] header = in.readNBytes(MEMBER_HEADER);
            if (header.length < MEMBER_HEADER || header[58] != '`' || header[59] != '\n') {
                throw new BadKernelException("the package is cut off or damaged");
            }
            String text = new String(header, StandardCharsets.ISO_8859_1);
            String size = text.substring(48, 58).strip();
            if (!size.matches("[0-9]{1,10}")) {
                throw new BadKernelException("the package is damaged");
            }
            return new Member(text.substring(0, 16).strip(), Long.parseLong(size));
        }
    }

    private static final class Unpacking {
        private final Path target;
        private final KernelLimits limits;
        private Optional<String> release;

        Unpacking(Path target, KernelLimits limits, Optional<String> release) {
            this.target = target;
            this.limits = limits;
            this.release = release;
        }

        Optional<String> run(InputStream archive) throws IOException {
            Files.createDirectories(target.resolve("modules"));
            TarReader tar = new TarReader(
                    archive, new TarLimits(limits.files(), MAXIMUM_NAME, 1 << 20, 1 << 20, limits.modules()));
            for (Optional<TarEntry> entry = tar.next(); entry.isPresent(); entry = tar.next()) {
                if (entry.get().kind() instanceof TarEntry.Kind.File(long size)) {
                    unpack(entry.get().name().toString(), size, tar);
                }
            }
            return release;
        }

        private void unpack(String name, long size, TarReader tar) throws IOException {
            Matcher image = IMAGE.matcher(name);
            if (image.matches()) {
                store(image.group(1), target.resolve("vmlinuz"), size, limits.image(), tar);
                return;
            }
            for (Pattern pattern : List.of(MODULE, BUILT_IN)) {
                Matcher module = pattern.matcher(name);
                if (module.matches()) {
                    Path file = target.resolve("modules").resolve(module.group(2));
                    store(module.group(1), file, size, limits.module(), tar);
                }
            }
        }

        /** The target's name is one component that begins with no dot alone, so nothing leads out of the directory. */
        private void store(String of, Path file, long size, long limit, TarReader tar) throws IOException {
            if (release.isEmpty()) {
                release = Optional.of(Release.check(of));
            } else if (!release.get().equals(of)) {
                throw new BadKernelException("the packages have two kernels, " + release.get() + " and another");
            }
            if (size > limit) {
                throw new BadKernelException(file.getFileName() + " has more than " + (limit >> 20) + " MiB");
            }
            Files.deleteIfExists(file);
            Files.copy(tar.content(), file);
        }
    }

    /** So many bytes of another stream. */
    private static final class LimitedInput extends InputStream {
        private final InputStream in;
        private long rest;

        LimitedInput(InputStream in, long rest) {
            this.in = in;
            this.rest = rest;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] target, int offset, int length) throws IOException {
            int count = rest == 0 ? -1 : in.read(target, offset, (int) Math.min(length, rest));
            rest -= Math.max(count, 0);
            return count;
        }
    }
}
