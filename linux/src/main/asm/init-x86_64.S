# The first process of a sandbox on x86-64. It holds the sandbox's namespaces open until the engine that made it is gone.
#
# Its descriptor 0 is a pipe that nobody writes: when its other end, which only the engine has, is closed, it exits, and
# with it everything in the sandbox. Orphans need no code: the list that started it has SIGCHLD ignored, so the kernel reaps
# them. It makes itself undumpable, so that nobody of the same user can attach to it; signals from inside the sandbox do not
# reach a first process.
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
        push    0                       # struct pollfd { fd = 0, events = 0, revents }: the end of a pipe is always told
        mov     rdi, rsp
        mov     esi, 1
        xor     edx, edx                # for ever
        xor     r10d, r10d
        mov     r8d, 8
        mov     eax, 271                # ppoll
        syscall
        xor     edi, edi
        mov     eax, 231                # exit_group
        syscall
name:   .asciz  "cay-init"
