package dev.cay.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/**
 * A library that sets the clock of one process by {@code CAY_CLOCK} seconds, or when it attempts to open {@code /cay-it-clock-SECONDS},
 * which nothing of the kernel's can: a time namespace has no real-time clock of its own.
 */
final class ClockShim {
    private static final String SOURCE = """
            #define _GNU_SOURCE
            #include <fcntl.h>
            #include <stdarg.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/syscall.h>
            #include <sys/time.h>
            #include <time.h>
            #include <unistd.h>
            static volatile long offset;
            __attribute__((constructor)) static void begin(void) {
                if (getenv("CAY_CLOCK")) offset = atol(getenv("CAY_CLOCK"));
            }
            int open64(const char *path, int flags, ...) {
                va_list more; va_start(more, flags); int mode = va_arg(more, int); va_end(more);
                if (!strncmp(path, "/cay-it-clock-", 14)) offset = atol(path + 14);
                return openat(AT_FDCWD, path, flags, mode);
            }
            int clock_gettime(clockid_t clock, struct timespec *time) {
                int result = syscall(SYS_clock_gettime, clock, time);
                if (clock == CLOCK_REALTIME) time->tv_sec += offset;
                return result;
            }
            int gettimeofday(struct timeval *time, void *zone) {
                struct timespec now;
                clock_gettime(CLOCK_REALTIME, &now);
                time->tv_sec = now.tv_sec;
                time->tv_usec = now.tv_nsec / 1000;
                return 0;
            }
            """;

    private ClockShim() {}

    /** The library; the test is skipped without a compiler. */
    static Path library() throws IOException, InterruptedException {
        Assumptions.assumeTrue(Files.exists(Path.of("/usr/bin/gcc")), "gcc is not installed");
        Path directory = Lab.directory();
        Path source = Files.writeString(directory.resolve("clock.c"), SOURCE);
        Path library = directory.resolve("clock.so");
        Process gcc = new ProcessBuilder(
                        "gcc", "-shared", "-fPIC", "-O1", "-w", "-o", library.toString(), source.toString())
                .inheritIO()
                .start();
        assertThat(gcc.waitFor()).isZero();
        return library;
    }
}
