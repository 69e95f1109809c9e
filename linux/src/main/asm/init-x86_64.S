# The first process of a sandbox on x86-64. It holds the sandbox's namespaces open and sleeps.
#
# Orphans need no code: the list that started it has SIGCHLD ignored, so the kernel reaps them. It makes itself undumpable,
# so that nobody of the same user can attach to it; signals from inside the sandbox do not reach a first process.
        .intel_syntax noprefix
        .globl  _start
        .text
_start:
        mov     edi, 4                  # prctl(PR_SET_DUMPABLE, 0)
        xor     esi, esi
        mov     eax, 157
        syscall
        mov     edi, 15                 # prctl(PR_SET_NAME, "cay-init")
        lea     rsi, name[rip]
        mov     eax, 157
        syscall
sleep:
        xor     edi, edi                # ppoll(NULL, 0, NULL, NULL, 0): for ever
        xor     esi, esi
        xor     edx, edx
        xor     r10d, r10d
        mov     r8d, 8
        mov     eax, 271
        syscall
        jmp     sleep
name:   .asciz  "cay-init"
