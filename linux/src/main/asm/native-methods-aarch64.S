// The launcher for aarch64 as a library of native methods; see native-methods-x86_64.S.
        .include "launcher-aarch64.S"

// long systemCall(long number, long a, long b, long c, long d, long e, long f): the kernel's result, -errno on failure.
        .globl  Java_dev_cay_linux_NativeMethods_systemCall
        .type   Java_dev_cay_linux_NativeMethods_systemCall, %function
Java_dev_cay_linux_NativeMethods_systemCall:
        mov     x8, x2
        mov     x0, x3
        mov     x1, x4
        mov     x2, x5
        mov     x3, x6
        mov     x4, x7
        ldr     x5, [sp]
        svc     #0
        ret

// void runList(long control)
        .globl  Java_dev_cay_linux_NativeMethods_runList
        .type   Java_dev_cay_linux_NativeMethods_runList, %function
Java_dev_cay_linux_NativeMethods_runList:
        mov     x0, x2
        b       run_list

// long spawn(long control): the child's process id, or -errno of clone3.
        .globl  Java_dev_cay_linux_NativeMethods_spawn
        .type   Java_dev_cay_linux_NativeMethods_spawn, %function
Java_dev_cay_linux_NativeMethods_spawn:
        mov     x0, x2
        b       spawn

// ByteBuffer memory(long address, long size): the JVM's NewDirectByteBuffer(env, address, size).
        .globl  Java_dev_cay_linux_NativeMethods_memory
        .type   Java_dev_cay_linux_NativeMethods_memory, %function
Java_dev_cay_linux_NativeMethods_memory:
        mov     x1, x2
        mov     x2, x3
        ldr     x9, [x0]
        ldr     x9, [x9, #229 * 8]
        br      x9

// long address(Buffer direct): the JVM's GetDirectBufferAddress(env, direct).
        .globl  Java_dev_cay_linux_NativeMethods_address
        .type   Java_dev_cay_linux_NativeMethods_address, %function
Java_dev_cay_linux_NativeMethods_address:
        mov     x1, x2
        ldr     x9, [x0]
        ldr     x9, [x9, #230 * 8]
        br      x9
