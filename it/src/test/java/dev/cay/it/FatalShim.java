package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A library that kills its process before it changes the files of sandboxes, or below {@code CAY_FATAL_PLACE}, for the {@code CAY_FATAL}-th time: what Java does there is no
 * list of system calls, before which {@link ChildOperator} could die.
 */
final class FatalShim {
    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <dlfcn.h>
            #include <fcntl.h>
            #include <signal.h>
            #include <stdarg.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/stat.h>
            #include <unistd.h>
            static int steps;
            static void step(const char *path) {
                const char *fatal = getenv("CAY_FATAL");
                const char *place = getenv("CAY_FATAL_PLACE");
                if (fatal && path && strstr(path, place ? place : "/run/cay/sandboxes/") && __sync_add_and_fetch(&steps, 1) == atoi(fatal)) {
                    kill(getpid(), SIGKILL);
                    for (;;) pause();
                }
            }
            #define WRAP(name, parameters, path, arguments) \\
                int name parameters { \\
                    static int (*real) parameters; \\
                    if (!real) real = dlsym(RTLD_NEXT, #name); \\
                    step(path); \\
                    return real arguments; \\
                }
            WRAP(mkdir, (const char *path, mode_t mode), path, (path, mode))
            WRAP(rmdir, (const char *path), path, (path))
            WRAP(unlink, (const char *path), path, (path))
            WRAP(rename, (const char *from, const char *to), from, (from, to))
            WRAP(symlink, (const char *to, const char *path), path, (to, path))
            static int opened(const char *name, const char *path, int flags, int mode) {
                int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, name);
                if ((flags & O_ACCMODE) != O_RDONLY) step(path);
                return real(path, flags, mode);
            }
            int open(const char *path, int flags, ...) {
                va_list more; va_start(more, flags); int mode = va_arg(more, int); va_end(more);
                return opened("open", path, flags, mode);
            }
            int open64(const char *path, int flags, ...) {
                va_list more; va_start(more, flags); int mode = va_arg(more, int); va_end(more);
                return opened("open64", path, flags, mode);
            }
            """;

    private FatalShim() {}

    static Path library() throws IOException, InterruptedException {
        Lab.need("gcc");
        Path directory = Lab.directory();
        Path source = Files.writeString(directory.resolve("fatal.c"), SOURCE);
        Path library = directory.resolve("fatal.so");
        Process gcc = new ProcessBuilder(
                        "gcc", "-shared", "-fPIC", "-O1", "-w", "-o", library.toString(), source.toString())
                .inheritIO()
                .start();
        assertThat(gcc.waitFor()).isZero();
        return library;
    }
}
