// The launcher for aarch64; the same structures and the same rules as in launcher-x86_64.S.
        .text

// long system_call(number, a, b, c, d, e, f): the kernel's result, -errno on failure.
system_call:
        mov     x8, x0
        mov     x0, x1
        mov     x1, x2
        mov     x2, x3
        mov     x3, x4
        mov     x4, x5
        mov     x5, x6
        svc     #0
        ret

// long run_list(struct control *): walks the list in this thread.
        .org    0x40
run_list:
        stp     x19, x20, [sp, #-48]!
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        mov     x19, x0
        mov     x20, #0                 // 0: return at the end of the list
        b       walk

// long spawn(struct control *): the child's process id, or -errno of clone3. It returns when the child has called execve or
// has ended.
        .org    0x80
spawn:
        stp     x19, x20, [sp, #-48]!
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        mov     x19, x0
        mov     x0, #2                  // rt_sigprocmask(SIG_SETMASK, all, saved)
        add     x1, x19, #40
        add     x2, x19, #48
        mov     x3, #8
        mov     x8, #135
        svc     #0
        ldp     x0, x1, [x19]
        mov     x8, #435                // clone3
        svc     #0
        cbz     x0, child
        mov     x21, x0
        mov     x0, #2
        add     x1, x19, #48
        mov     x2, #0
        mov     x3, #8
        mov     x8, #135
        svc     #0
        mov     x0, x21
leave:
        ldp     x23, x24, [sp, #32]
        ldp     x21, x22, [sp, #16]
        ldp     x19, x20, [sp], #48
        ret

child:
        mov     x20, #1                 // 1: exit at the end of the list
walk:
        ldr     x21, [x19, #16]
        mov     x22, #0
next:
        ldr     x8, [x21]
        tbnz    x8, #63, finished
        ldr     x23, [x21, #56]
        ldp     x0, x1, [x21, #8]
        ldp     x2, x3, [x21, #24]
        ldp     x4, x5, [x21, #40]
        tbz     x23, #0, 1f
        ldr     x0, [x0]
1:      tbz     x23, #1, 1f
        ldr     x1, [x1]
1:      tbz     x23, #2, 1f
        ldr     x2, [x2]
1:      tbz     x23, #3, 1f
        ldr     x3, [x3]
1:      tbz     x23, #4, 1f
        ldr     x4, [x4]
1:      tbz     x23, #5, 1f
        ldr     x5, [x5]
1:      svc     #0
        str     x0, [x21, #72]
        cmn     x0, #4095               // unsigned: above are the negated errnos
        b.lo    advance
        neg     x0, x0
        ldrh    w9, [x21, #64]
        cmp     w9, w0
        b.eq    advance
        ldrh    w9, [x21, #66]
        cmp     w9, w0
        b.eq    advance
        ldrh    w9, [x21, #68]
        cmp     w9, w0
        b.eq    advance
        ldrh    w9, [x21, #70]
        cmp     w9, w0
        b.eq    advance
        stp     x22, x0, [x19, #24]
        mov     x1, #127
        b       stop
advance:
        tbz     x23, #6, 1f             // the maker of a process has no more to do, the process goes on
        cbnz    x0, finished
1:      add     x21, x21, #80
        add     x22, x22, #1
        b       next
finished:
        mov     x1, #0
stop:
        mov     x0, #0
        cbz     x20, leave
        mov     x0, x1
        mov     x8, #94                 // exit_group
        svc     #0

// The program, as in launcher-x86_64.S.
        .org    0x1c0
program:
        mov     x0, #4                  // prctl(PR_SET_DUMPABLE, 0)
        mov     x1, #0
        mov     x8, #167
        svc     #0
        ldr     x1, [sp, #8]
        mov     x20, #0
digit:
        ldrb    w0, [x1], #1
        cbz     w0, parsed
        and     w0, w0, #7
        orr     w20, w0, w20, lsl #3
        b       digit
parsed:
        sub     sp, sp, #16
        mov     x0, x20                 // pread64
        mov     x1, sp
        mov     x2, #16
        mov     x3, #0
        mov     x8, #67
        svc     #0
        cmp     x0, #16
        b.ne    refused
        ldp     x0, x1, [sp]            // mmap(.., PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED_NOREPLACE, ..)
        mov     x2, #3
        mov     x3, #1
        movk    x3, #0x10, lsl #16
        mov     x4, x20
        mov     x5, #0
        mov     x8, #222
        svc     #0
        ldr     x1, [sp]
        cmp     x0, x1
        b.ne    refused
        mov     x19, x0
        mov     x0, #3                  // close_range(3, all, CLOSE_RANGE_CLOEXEC)
        mov     w1, #-1
        mov     x2, #4
        mov     x8, #436
        svc     #0
        tbnz    x0, #63, failed
        add     x0, x19, #24
        bl      spawn
        str     x0, [x19, #16]
        mov     x0, #0
        b       quit
failed:
        str     x0, [x19, #16]
refused:
        mov     x0, #1
quit:
        mov     x8, #94                 // exit_group
        svc     #0
