// Starts Cay: loads the Java virtual machine into this process and calls Main. The JDK's own `java`, behind a shell script that
// finds it, does the same in 4 ms more, of about 60 that a command takes.
//
// Beside this program, whatever links lead to it, are the AOT caches, the library of native methods and a file `options`: the
// path of libjvm.so, relative to that folder or absolute, then an option of the virtual machine in each line.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <jni.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAXIMUM_OPTIONS 64
#define EXIT_OF_CAY 125 // Cay itself failed, as design/architecture has it

static char folder[PATH_MAX];
static char text[16384]; // of the file `options`
static JavaVMOption options[MAXIMUM_OPTIONS];
static int option_count;

static void fail(const char *what, const char *why) {
    fprintf(stderr, "cay: %s: %s\nhint: unpack the distribution again, or call ./dev build\n", what, why);
    exit(EXIT_OF_CAY);
}

// libjvm.so's calls of mmap come here, as the program's symbols precede those of the C library. What it maps of a file to write on is
// an AOT cache's metadata, of which it changes nearly every page; a page that is read first costs two faults (3 to 6 us), one that
// comes with the whole 0.7 us: 3 ms of each start.
__attribute__((visibility("default"))) void *mmap64(void *address, size_t length, int protection, int flags, int file, off_t offset) {
    if (file >= 0 && (protection & PROT_WRITE) && (flags & MAP_PRIVATE)) flags |= MAP_POPULATE;
    return (void *)syscall(SYS_mmap, address, length, protection, flags, file, offset);
}

static void add_option(const char *format, ...) {
    va_list values;
    char *option;
    va_start(values, format);
    int length = vasprintf(&option, format, values);
    va_end(values);
    if (length < 0 || option_count == MAXIMUM_OPTIONS) fail("options", "too many");
    options[option_count++].optionString = option;
}

// What the caller has closed would be the next file that is opened: the sandbox would read the virtual machine's files as its input. Of
// output that goes nowhere those hear who write it.
static void fill_standard_streams(void) {
    for (int file = STDIN_FILENO; file <= STDERR_FILENO; file++) {
        if (fcntl(file, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != file) fail("/dev/null", strerror(errno));
    }
}

static void find_folder(void) {
    ssize_t length = readlink("/proc/self/exe", folder, sizeof folder - 1);
    if (length <= 0) fail("/proc/self/exe", strerror(errno));
    folder[length] = 0;
    *strrchr(folder, '/') = 0;
}

// Returns the path of libjvm.so.
static const char *read_options(void) {
    static char library[2 * PATH_MAX];
    char path[PATH_MAX + 16], *rest = text, *line;
    snprintf(path, sizeof path, "%s/options", folder);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (length < 0) fail(path, strerror(errno));
    if (length == sizeof text - 1) fail(path, "it is too long");
    close(file);
    text[length] = 0;
    line = strsep(&rest, "\n");
    snprintf(library, sizeof library, "%s%s%s", *line == '/' ? "" : folder, *line == '/' ? "" : "/", line);
    while ((line = strsep(&rest, "\n"))) {
        if (*line) add_option("%s", line);
    }
    return library;
}

static int begins(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

static int is_one_of(const char *word, const char *const *words) {
    for (; *words; words++) {
        if (strcmp(word, *words) == 0) return 1;
    }
    return 0;
}

// Whether a `run` is the plain one that the AOT cache of its name has been trained with.
static int is_plain_run(char **words) {
    static const char *const more[] = {"--network", "-p", "--publish", "-d", "--name", "--isolation", NULL};
    for (; *words && strcmp(*words, "--") != 0; words++) {
        if (strcmp(*words, "--detach") == 0) return 0;
        for (const char *const *word = more; *word; word++) {
            if (begins(*words, *word)) return 0;
        }
    }
    return 1;
}

// The virtual machine takes in all classes of its cache at once, so what users run most has small ones of its own; that of
// bringing an image has what the compilers have learned of it too. A wrong guess costs a command 20 ms, a pull a fifth of its time.
static void choose_cache(char **words) {
    static const char *const bring[] = {"pull", "image", "commit", NULL};
    static const char *const small[] = {"exec", "version", NULL};
    static const char *const brief[] = {"ps", "inspect", "logs", "stop", "start", "kill", "rm", NULL};
    const char *command = *words ? *words : "", *cache = "cay";
    if (is_one_of(command, bring)) {
        cache = "pull";
        // What reads hundreds of megabytes is worth the better compiler, for what is hot indeed.
        add_option("-XX:TieredStopAtLevel=4");
        add_option("-XX:+AOTReplayTraining");
        add_option("-XX:CompileThresholdScaling=4");
        add_option("-Djdk.httpclient.bufsize=262144"); // by default 16 KiB, so one thread wakes the other ten thousand times
    } else if (strcmp(command, "cp") == 0) {
        cache = "cp";
        add_option("-XX:CompileThresholdScaling=1");
    } else if (is_one_of(command, small)) {
        cache = "exec";
    } else if (is_one_of(command, brief)) {
        cache = "short";
    } else if (strcmp(command, "run") == 0 && is_plain_run(words + 1)) {
        cache = "run";
    }
    add_option("-XX:AOTCache=%s/%s.aot", folder, cache);
}

// Outside of UTF-8 the virtual machine cannot name all files. It asks for all categories of the locale, each of which is a file or two
// to the C library, and uses the one of characters.
static void use_utf8(void) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG", NULL};
    const char *locale = "";
    for (const char *const *name = names; *name && !*locale; name++) {
        const char *value = getenv(*name);
        if (value) locale = value;
    }
    const char *utf = strcasestr(locale, "utf");
    setenv("LC_CTYPE", utf && locale[strlen(locale) - 1] == '8' ? locale : "C.UTF-8", 1);
    unsetenv("LC_ALL");
    unsetenv("LANG");
}

static jstring to_string(JNIEnv *java, jclass strings, const char *argument) {
    const unsigned char *byte = (const unsigned char *)argument;
    while (*byte && *byte < 128) byte++;
    if (!*byte) return (*java)->NewStringUTF(java, argument);
    jsize length = (jsize)strlen(argument);
    jbyteArray bytes = (*java)->NewByteArray(java, length);
    if (!bytes) return NULL;
    (*java)->SetByteArrayRegion(java, bytes, 0, length, (const jbyte *)argument);
    // The charset that Java has by default is UTF-8 since 18.
    return (*java)->NewObject(java, strings, (*java)->GetMethodID(java, strings, "<init>", "([B)V"), bytes);
}

static void call_main(JNIEnv *java, int count, char **words) {
    jclass main_class = (*java)->FindClass(java, "dev/cay/cli/Main"), strings = (*java)->FindClass(java, "java/lang/String");
    jmethodID method = main_class ? (*java)->GetStaticMethodID(java, main_class, "main", "([Ljava/lang/String;)V") : NULL;
    jobjectArray arguments = method && strings ? (*java)->NewObjectArray(java, count, strings, NULL) : NULL;
    for (int i = 0; arguments && i < count; i++) {
        jstring argument = to_string(java, strings, words[i]);
        if (!argument) break;
        (*java)->SetObjectArrayElement(java, arguments, i, argument);
        (*java)->DeleteLocalRef(java, argument);
    }
    if (!(*java)->ExceptionCheck(java)) (*java)->CallStaticVoidMethod(java, main_class, method, arguments);
    // Main ends the process and does not return.
    (*java)->ExceptionDescribe(java);
}

int main(int count, char **words) {
    fill_standard_streams();
    find_folder();
    use_utf8();
    const char *library = read_options();
    add_option("-Djdk.module.main=dev.cay.cli");
    add_option("-Ddev.cay.linux.library=%s/native-methods.so", folder);
    if (count > 0) words++, count--;
    choose_cache(words);
    void *machine = dlopen(library, RTLD_NOW);
    if (!machine) fail("the Java virtual machine cannot be loaded", dlerror());
    jint (*create)(JavaVM **, void **, void *) = (jint (*)(JavaVM **, void **, void *))dlsym(machine, "JNI_CreateJavaVM");
    if (!create) fail(library, dlerror());
    JavaVMInitArgs arguments = {JNI_VERSION_10, option_count, options, JNI_FALSE};
    JavaVM *java_machine;
    JNIEnv *java;
    jint status = create(&java_machine, (void **)&java, &arguments);
    if (status != JNI_OK) fail(library, status == JNI_ENOMEM ? "there is not enough memory" : "it did not start, see above");
    call_main(java, count, words);
    return EXIT_OF_CAY;
}
