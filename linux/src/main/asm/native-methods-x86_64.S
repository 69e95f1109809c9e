# The launcher for x86-64 as a library of native methods: what the JVM calls where it is told of this file, instead of making a
# downcall at run time. The methods are those of NativeMethods.java; each gets a JNIEnv * and a class before its arguments.
#
# A library of its own, linked with nothing. Made by ./assemble; a test compares the bytes.
        .include "launcher-x86_64.S"

# long systemCall(long number, long a, long b, long c, long d, long e, long f): the kernel's result, -errno on failure.
        .globl  Java_dev_cay_linux_NativeMethods_systemCall
        .type   Java_dev_cay_linux_NativeMethods_systemCall, @function
Java_dev_cay_linux_NativeMethods_systemCall:
        mov     rax, rdx
        mov     rdi, rcx
        mov     rsi, r8
        mov     rdx, r9
        mov     r10, [rsp + 8]
        mov     r8, [rsp + 16]
        mov     r9, [rsp + 24]
        syscall
        ret

# void runList(long control)
        .globl  Java_dev_cay_linux_NativeMethods_runList
        .type   Java_dev_cay_linux_NativeMethods_runList, @function
Java_dev_cay_linux_NativeMethods_runList:
        mov     rdi, rdx
        jmp     run_list

# long spawn(long control): the child's process id, or -errno of clone3.
        .globl  Java_dev_cay_linux_NativeMethods_spawn
        .type   Java_dev_cay_linux_NativeMethods_spawn, @function
Java_dev_cay_linux_NativeMethods_spawn:
        mov     rdi, rdx
        jmp     spawn

# ByteBuffer memory(long address, long size): the JVM's NewDirectByteBuffer(env, address, size).
        .globl  Java_dev_cay_linux_NativeMethods_memory
        .type   Java_dev_cay_linux_NativeMethods_memory, @function
Java_dev_cay_linux_NativeMethods_memory:
        mov     rax, [rdi]
        mov     rsi, rdx
        mov     rdx, rcx
        jmp     [rax + 229 * 8]

# long address(Buffer direct): the JVM's GetDirectBufferAddress(env, direct).
        .globl  Java_dev_cay_linux_NativeMethods_address
        .type   Java_dev_cay_linux_NativeMethods_address, @function
Java_dev_cay_linux_NativeMethods_address:
        mov     rax, [rdi]
        mov     rsi, rdx
        jmp     [rax + 230 * 8]
