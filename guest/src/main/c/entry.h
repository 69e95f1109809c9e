/* From the first instruction to stub(): where the program stands in its memory. A hosted build has a libc for that. */
#ifdef HOSTED
int main(int count, char **arguments) {
    stub(count, arguments);
}
#else
__asm__(".globl _start\n" ENTRY);

/* The stack that the kernel gives is far from the program, and so is its vDSO: the pages that lead there, and its own, are a third of
 * what a process takes that waits. So the stub has one beside its data, and lets go of all that is not the program's. */
enum { OWN_STACK = 16384, NAME_LIMIT = 64, ARGUMENT_LIMIT = 4 };
static u8 own_stack[OWN_STACK] __attribute__((aligned(LARGEST_PAGE)));
static int argument_count;
static char *argument_list[ARGUMENT_LIMIT];
extern char __executable_start[], etext[], end[];

/* What ps(1) shows is read where the arguments are, prctl(2). 0 if they do not fit, or if the kernel cannot be told. */
static int keep_arguments(int count, char **arguments) {
    static char names[NAME_LIMIT];
    u64 length = 0;
    if (count >= ARGUMENT_LIMIT) {
        return 0;
    }
    for (int i = 0; i < count; i++) {
        argument_list[i] = names + length;
        for (const char *byte = arguments[i];; byte++) {
            if (length == sizeof names) {
                return 0;
            }
            names[length++] = *byte;
            if (!*byte) {
                break;
            }
        }
    }
    argument_count = count;
    u64 after = ((u64)end | (LARGEST_PAGE - 1)) + 1;
    struct prctl_mm_map map = {.start_code = (u64)__executable_start, .end_code = (u64)etext, .start_data = (u64)own_stack,
                               .end_data = (u64)end, .start_brk = after, .brk = after, .start_stack = (u64)own_stack + OWN_STACK,
                               .arg_start = (u64)names, .arg_end = (u64)names + length, .env_start = (u64)names + length,
                               .env_end = (u64)names + length, .exe_fd = (u32)-1};
    return !is_error(system_call(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, (i64)&map, sizeof map, 0, 0));
}

/* Returns the stack to go on with. */
__attribute__((used)) static void *begin(i64 *stack) {
    int count = (int)stack[0];
    char **arguments = (char **)(stack + 1);
    if (keep_arguments(count, arguments)) {
        return own_stack + OWN_STACK;
    }
    argument_count = count < ARGUMENT_LIMIT ? count : ARGUMENT_LIMIT;
    memcpy(argument_list, arguments, (u64)argument_count * sizeof *arguments);
    return (void *)((u64)stack & ~15ull);
}

/* Everything beyond the program; how far that goes depends on the processor. And an end of the stack that can be noticed. */
static void let_go_of_the_rest(void) {
    u64 first = ((u64)end | (LARGEST_PAGE - 1)) + 1;
    i64 result = -EINVAL;
    for (int bits = 52; is_error(result) && bits >= 36; bits--) {
        result = CALL2(__NR_munmap, first, (1ull << bits) - LARGEST_PAGE - first);
    }
    CALL2(__NR_munmap, own_stack, 4096);
}

__attribute__((used)) _Noreturn static void go_on(void) {
    u8 here;
    if (&here > own_stack && &here < own_stack + OWN_STACK) {
        let_go_of_the_rest();
    }
    stub(argument_count, argument_list);
}
#endif
