# How fast the time stamp counter counts, measured: a program that writes two bursts of samples, a tenth of a second apart, to its
# standard output and ends. A sample is 32 bytes: the counter, CLOCK_MONOTONIC_RAW (seconds, nanoseconds), the counter again.
# Whoever reads them takes those between whose two values the least time lies: nothing interrupted them.
        .text
program:
        sub     $512, %rsp
        mov     %rsp, %rbx
        call    burst
        lea     pause(%rip), %rdi
        xor     %esi, %esi
        mov     $35, %eax               # nanosleep
        syscall
        call    burst
        mov     $1, %edi
        mov     %rsp, %rsi
        mov     $512, %edx
        mov     $1, %eax                # write
        syscall
        xor     %edi, %edi
        mov     $231, %eax              # exit_group
        syscall
burst:
        mov     $8, %ebp
1:      rdtsc
        shl     $32, %rdx
        or      %rdx, %rax
        mov     %rax, (%rbx)
        mov     $4, %edi                # CLOCK_MONOTONIC_RAW
        lea     8(%rbx), %rsi
        mov     $228, %eax              # clock_gettime
        syscall
        rdtsc
        shl     $32, %rdx
        or      %rdx, %rax
        mov     %rax, 24(%rbx)
        add     $32, %rbx
        dec     %ebp
        jnz     1b
        ret
        .balign 8
pause:  .quad   0, 100000000
