/* The kernel's interface without a libc: system calls, the entry point, the start of a child. All that depends on the architecture is here. */
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <linux/types.h>
#include <linux/wait.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 i32;
typedef __s64 i64;

/* What the kernel's exported headers leave to a libc. */
enum { SOL_SOCKET_ = 1, SO_TYPE_ = 3, SO_ACCEPTCONN_ = 30, STREAM_SOCKET = 1, SHUT_BOTH = 2, SCM_RIGHTS_ = 1 };
enum { MSG_CTRUNC_ = 8, MSG_DONTWAIT_ = 0x40, MSG_NOSIGNAL_ = 0x4000, MSG_CMSG_CLOEXEC_ = 0x40000000 };

struct io_vector {
    const void *base;
    u64 length;
};

struct message {
    void *name;
    u32 name_length;
    struct io_vector *vectors;
    u64 vector_count;
    void *control;
    u64 control_length;
    u32 flags;
};

struct time {
    i64 seconds, nanoseconds;
};

#ifdef FAKED /* by a test, which is the kernel, see guided.c; what lists call it tells apart */
enum { MACHINE = 62, LARGEST_PAGE = 4096 };
i64 system_call(i64 number, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f);
i64 listed_call(i64 number, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f);
#else
#define listed_call system_call
#endif

#if defined(FAKED)
#elif defined(__x86_64__)
enum { MACHINE = 62, LARGEST_PAGE = 4096 };

static inline i64 system_call(i64 number, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f) {
    register i64 r10 __asm__("r10") = d;
    register i64 r8 __asm__("r8") = e;
    register i64 r9 __asm__("r9") = f;
    i64 result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

/* The child has a stack of its own from its first instruction on: nothing is returned to twice, so the compiler need not
 * know what clone3 does. */
__asm__(".text\n"
        "spawn: mov %rdx, %r8\n mov %rcx, %r9\n mov $435, %eax\n syscall\n test %rax, %rax\n jz 1f\n ret\n"
        "1: xor %ebp, %ebp\n mov %r9, %rdi\n call *%r8\n hlt\n");
#define ENTRY "_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n mov %rax, %rsp\n call go_on\n hlt\n"

#elif defined(__aarch64__)
enum { MACHINE = 183, LARGEST_PAGE = 65536 };

static inline i64 system_call(i64 number, i64 a, i64 b, i64 c, i64 d, i64 e, i64 f) {
    register i64 x8 __asm__("x8") = number;
    register i64 x0 __asm__("x0") = a;
    register i64 x1 __asm__("x1") = b;
    register i64 x2 __asm__("x2") = c;
    register i64 x3 __asm__("x3") = d;
    register i64 x4 __asm__("x4") = e;
    register i64 x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

__asm__(".text\n"
        "spawn: mov x4, x2\n mov x5, x3\n mov x8, #435\n svc #0\n cbz x0, 1f\n ret\n"
        "1: mov x29, xzr\n mov x30, xzr\n mov x0, x5\n blr x4\n brk #0\n");
#define ENTRY "_start: mov x29, xzr\n mov x30, xzr\n mov x0, sp\n bl begin\n mov sp, x0\n bl go_on\n brk #0\n"

#else
#error "another architecture needs system_call, spawn and _start"
#endif

/* The child's process id or -errno; the child runs function(argument), which must not return. */
i64 spawn(struct clone_args *arguments, u64 size, void (*function)(void *), void *argument) __asm__("spawn");

#define CALL1(number, a) system_call(number, (i64)(a), 0, 0, 0, 0, 0)
#define CALL2(number, a, b) system_call(number, (i64)(a), (i64)(b), 0, 0, 0, 0)
#define CALL3(number, a, b, c) system_call(number, (i64)(a), (i64)(b), (i64)(c), 0, 0, 0)
#define CALL4(number, a, b, c, d) system_call(number, (i64)(a), (i64)(b), (i64)(c), (i64)(d), 0, 0)

/* Code of a child, which shares the memory but is not a thread that a sanitizer knows. */
#define IN_CHILD __attribute__((no_sanitize("address", "undefined"), noinline))

static inline int is_error(i64 result) {
    return result < 0 && result >= -4095;
}

_Noreturn static void stub(int count, char **arguments);

#ifdef HOSTED
void *memcpy(void *to, const void *from, __SIZE_TYPE__ count);
void *memmove(void *to, const void *from, __SIZE_TYPE__ count);
void *memset(void *to, int value, __SIZE_TYPE__ count);
int memcmp(const void *left, const void *right, __SIZE_TYPE__ count);
#else
/* The compiler calls these by itself. */
typedef u64 __attribute__((may_alias, aligned(1))) any_u64;

void *memmove(void *to, const void *from, __SIZE_TYPE__ count) {
    u8 *target = to;
    const u8 *source = from;
    if ((u64)to - (u64)from >= count) { /* also where the target lies before the source: the difference wraps */
        for (; count >= 8; count -= 8, target += 8, source += 8) {
            *(any_u64 *)target = *(const any_u64 *)source;
        }
        while (count-- > 0) {
            *target++ = *source++;
        }
    } else {
        while (count-- > 0) {
            target[count] = source[count];
        }
    }
    return to;
}

void *memcpy(void *to, const void *from, __SIZE_TYPE__ count) {
    return memmove(to, from, count);
}

void *memset(void *to, int value, __SIZE_TYPE__ count) {
    u8 *target = to;
    u64 eight = (u8)value * 0x0101010101010101ull;
    for (; count >= 8; count -= 8, target += 8) {
        *(any_u64 *)target = eight;
    }
    while (count-- > 0) {
        *target++ = (u8)value;
    }
    return to;
}

int memcmp(const void *left, const void *right, __SIZE_TYPE__ count) {
    const u8 *a = left, *b = right;
    for (; count > 0; count--, a++, b++) {
        if (*a != *b) {
            return *a - *b;
        }
    }
    return 0;
}
#endif
