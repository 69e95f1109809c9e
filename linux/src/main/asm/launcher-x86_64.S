# The launcher for x86-64: walks a list of system calls, in this thread or in a vfork-like child, up to an execve.
#
# Position independent and free of data. Its bytes are checked in as a resource, made by ./assemble; a test compares them.
# The child runs on the parent's memory while the parent's thread waits in the kernel (CLONE_VM|CLONE_VFORK). So between
# clone3 and execve it touches no stack, no thread-local storage, no libc and nothing of Java but the list itself.
#
# struct operation (80 bytes)         struct control (56 bytes)
#    0  number, negative = end           0  struct clone_args *
#    8  six arguments                    8  its size
#   56  bit i: argument i is the         16  struct operation *
#       address of the value;            24  out: index of the operation that failed; the caller sets -1
#   64  four tolerated errnos (u16)      32  out: its errno
#   72  out: result                      40  a signal mask of all ones
#                                        48  room for the caller's signal mask
        .intel_syntax noprefix
        .text

# long system_call(number, a, b, c, d, e, f): the kernel's result, -errno on failure.
system_call:
        mov     rax, rdi
        mov     rdi, rsi
        mov     rsi, rdx
        mov     rdx, rcx
        mov     r10, r8
        mov     r8, r9
        mov     r9, [rsp + 8]
        syscall
        ret

# long run_list(struct control *): walks the list in this thread.
        .org    0x20
run_list:
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        mov     rbx, rdi
        xor     ebp, ebp                # 0: return at the end of the list
        jmp     walk

# long spawn(struct control *): the child's process id, or -errno of clone3. It returns when the child has called execve or
# has ended.
        .org    0x40
spawn:
        push    rbx
        push    rbp
        push    r12
        push    r13
        push    r14
        mov     rbx, rdi
        mov     edi, 2                  # rt_sigprocmask(SIG_SETMASK, all, saved): a handler of the JVM must not run in
        lea     rsi, [rbx + 40]         # the child, and a Java thread must not keep its signals blocked for longer
        lea     rdx, [rbx + 48]
        mov     r10d, 8
        mov     eax, 14
        syscall
        mov     rdi, [rbx]
        mov     rsi, [rbx + 8]
        mov     eax, 435                # clone3
        syscall
        test    rax, rax
        jz      child
        mov     r12, rax
        mov     edi, 2
        lea     rsi, [rbx + 48]
        xor     edx, edx
        mov     r10d, 8
        mov     eax, 14
        syscall
        mov     rax, r12
leave:
        pop     r14
        pop     r13
        pop     r12
        pop     rbp
        pop     rbx
        ret

child:
        mov     ebp, 1                  # 1: exit at the end of the list
walk:
        mov     r12, [rbx + 16]
        xor     r13d, r13d
next:
        mov     rax, [r12]
        test    rax, rax
        js      finished
        mov     r14, [r12 + 56]
        mov     rdi, [r12 + 8]
        test    r14b, 1
        jz      1f
        mov     rdi, [rdi]
1:      mov     rsi, [r12 + 16]
        test    r14b, 2
        jz      1f
        mov     rsi, [rsi]
1:      mov     rdx, [r12 + 24]
        test    r14b, 4
        jz      1f
        mov     rdx, [rdx]
1:      mov     r10, [r12 + 32]
        test    r14b, 8
        jz      1f
        mov     r10, [r10]
1:      mov     r8, [r12 + 40]
        test    r14b, 16
        jz      1f
        mov     r8, [r8]
1:      mov     r9, [r12 + 48]
        test    r14b, 32
        jz      1f
        mov     r9, [r9]
1:      syscall
        mov     [r12 + 72], rax
        cmp     rax, -4095              # unsigned: above are the negated errnos
        jb      advance
        neg     rax
        cmp     [r12 + 64], ax
        je      advance
        cmp     [r12 + 66], ax
        je      advance
        cmp     [r12 + 68], ax
        je      advance
        cmp     [r12 + 70], ax
        je      advance
        mov     [rbx + 24], r13
        mov     [rbx + 32], rax
        mov     edi, 127
        jmp     stop
advance:
        test    r14b, 64                # the maker of a process has no more to do, the process goes on
        jz      1f
        test    rax, rax
        jnz     finished
1:      add     r12, 80
        inc     r13
        jmp     next
finished:
        xor     edi, edi
stop:
        xor     eax, eax
        test    ebp, ebp
        jz      leave
        mov     eax, 231                # exit_group
        syscall

# Where this process may not have executable memory, the same code is a program: a process of its own that does spawn() for
# us, with a child that is ours (CLONE_PARENT). Its first argument is the number, octal, of the descriptor that the list is in.
#
# struct request (24 bytes), at the beginning of the shared memory; the control block follows
#    0  the address where the memory belongs
#    8  its size
#   16  out: what spawn() returned; the caller sets 0
#
# It ends with 0 if spawn() has been called, else with 1 and the errno where spawn() would return it.
        .org    0x180
program:
        mov     edi, 4                  # prctl(PR_SET_DUMPABLE, 0): its child shares its memory
        xor     esi, esi
        mov     eax, 157
        syscall
        mov     rsi, [rsp + 8]
        xor     r12d, r12d
digit:
        movzx   eax, byte ptr [rsi]
        test    eax, eax
        jz      parsed
        and     eax, 7
        shl     r12d, 3
        or      r12d, eax
        inc     rsi
        jmp     digit
parsed:
        sub     rsp, 16
        mov     edi, r12d               # pread64: where the memory belongs
        mov     rsi, rsp
        mov     edx, 16
        xor     r10d, r10d
        mov     eax, 17
        syscall
        cmp     rax, 16
        jne     refused
        mov     rdi, [rsp]              # mmap(.., PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED_NOREPLACE, ..)
        mov     rsi, [rsp + 8]
        mov     edx, 3
        mov     r10d, 0x100001
        mov     r8d, r12d
        xor     r9d, r9d
        mov     eax, 9
        syscall
        cmp     rax, [rsp]
        jne     refused
        mov     rbx, rax
        mov     edi, 3                  # close_range(3, all, CLOSE_RANGE_CLOEXEC): as it was before they were handed over
        mov     esi, -1
        mov     edx, 4
        mov     eax, 436
        syscall
        test    rax, rax
        js      failed
        lea     rdi, [rbx + 24]
        call    spawn
        mov     [rbx + 16], rax
        xor     edi, edi
        jmp     quit
failed:
        mov     [rbx + 16], rax
refused:
        mov     edi, 1
quit:
        mov     eax, 231                # exit_group
        syscall
