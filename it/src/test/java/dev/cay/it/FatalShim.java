package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * A library that lets its process be killed, or find no room, when it changes a file below {@code /run/cay}: what Java does there is
 * no list of system calls, before which {@link ChildOperator} could die. It is told by an attempt to open {@code /cay-it-fatal-N}:
 * the N-th change from then on is the last thing that it does not do; or {@code /cay-it-full-N}: from the N-th on nothing that needs
 * room succeeds. Or from its beginning, by {@code CAY_FATAL}, and elsewhere, by {@code CAY_FATAL_PLACE}.
 */
final class FatalShim {
    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <errno.h>
            #include <fcntl.h>
            #include <signal.h>
            #include <stdarg.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/stat.h>
            #include <unistd.h>
            static int steps, fatal, full;
            static const char *place = "/run/cay/";
            __attribute__((constructor)) static void begin(void) {
                if (getenv("CAY_FATAL")) fatal = atoi(getenv("CAY_FATAL"));
                if (getenv("CAY_FATAL_PLACE")) place = getenv("CAY_FATAL_PLACE");
            }
            static void arm(const char *path) {
                const char *at;
                if ((at = strstr(path, "/cay-it-fatal-"))) { full = 0; steps = 0; fatal = atoi(at + 14); }
                if ((at = strstr(path, "/cay-it-full-"))) { fatal = 0; steps = 0; full = atoi(at + 13); }
            }
            static int step(const char *path, int room) {
                if (!path || strncmp(path, place, strlen(place)) || !(fatal || (full && room))) return 0;
                int step = __sync_add_and_fetch(&steps, 1);
                if (step == fatal) {
                    kill(getpid(), SIGKILL);
                    for (;;) pause();
                }
                if (!full || step < full) return 0;
                errno = ENOSPC;
                return 1;
            }
            static int step_of(int file, int room) {
                if (!fatal && !full) return 0;
                char link[64], path[4096];
                snprintf(link, sizeof link, "/proc/self/fd/%d", file);
                ssize_t length = readlink(link, path, sizeof path - 1);
                if (length < 0) return 0;
                path[length] = 0;
                return step(path, room);
            }
            #define WRAP(type, name, parameters, refused, arguments) \\
                type name parameters { \\
                    static type (*real) parameters; \\
                    if (!real) real = dlsym(RTLD_NEXT, #name); \\
                    return refused ? -1 : real arguments; \\
                }
            WRAP(int, mkdir, (const char *path, mode_t mode), step(path, 1), (path, mode))
            WRAP(int, rmdir, (const char *path), step(path, 0), (path))
            WRAP(int, unlink, (const char *path), step(path, 0), (path))
            WRAP(int, rename, (const char *from, const char *to), step(from, 0), (from, to))
            WRAP(int, symlink, (const char *to, const char *path), step(path, 1), (to, path))
            WRAP(int, link, (const char *from, const char *to), step(to, 1), (from, to))
            WRAP(int, ftruncate64, (int file, off_t size), step_of(file, 0), (file, size))
            WRAP(ssize_t, write, (int file, const void *from, size_t size), step_of(file, 1), (file, from, size))
            WRAP(ssize_t, pwrite64, (int file, const void *from, size_t size, off_t at), step_of(file, 1),
                (file, from, size, at))
            static int opened(const char *name, const char *path, int flags, int mode) {
                int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, name);
                arm(path);
                int makes = (flags & O_CREAT) && access(path, F_OK);
                if ((flags & O_ACCMODE) != O_RDONLY && step(path, makes)) return -1;
                return real(path, flags, mode);
            }
            #define OPEN(name) \\
                int name(const char *path, int flags, ...) { \\
                    va_list more; va_start(more, flags); int mode = va_arg(more, int); va_end(more); \\
                    return opened(#name, path, flags, mode); \\
                }
            OPEN(open)
            OPEN(open64)
            """;

    private FatalShim() {}

    /** With what a process has it. */
    static Map<String, String> environment() {
        return Map.of("LD_PRELOAD", library().toString());
    }

    static Path library() {
        Lab.need("gcc");
        try {
            Path directory = Lab.directory();
            Path source = Files.writeString(directory.resolve("fatal.c"), SOURCE);
            Path library = directory.resolve("fatal.so");
            Process gcc = new ProcessBuilder(
                            "gcc", "-shared", "-fPIC", "-O1", "-w", "-o", library.toString(), source.toString())
                    .inheritIO()
                    .start();
            assertThat(gcc.waitFor()).isZero();
            return library;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
