// The first process of a sandbox on aarch64; see init-x86_64.S.
        .globl  _start
        .text
_start:
        mov     x0, #4                  // prctl(PR_SET_DUMPABLE, 0)
        mov     x1, #0
        mov     x8, #167
        svc     #0
        mov     x0, #15                 // prctl(PR_SET_NAME, "cay-init")
        adr     x1, name
        mov     x8, #167
        svc     #0
        str     xzr, [sp, #-16]!        // struct pollfd { fd = 0, events = 0, revents }
        mov     x0, sp
        mov     x1, #1
        mov     x2, #0                  // for ever
        mov     x3, #0
        mov     x4, #8
        mov     x8, #73                 // ppoll
        svc     #0
        mov     x0, #0
        mov     x8, #94                 // exit_group
        svc     #0
name:   .asciz  "cay-init"
