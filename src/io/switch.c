/* io/switch.c - going from one stack to another.
 *
 * A few lines of assembly rather than swapcontext (two system calls a switch, eleven times slower) or
 * sigsetjmp/siglongjmp (aborts under _FORTIFY_SOURCE, and the sanitizer's interceptor unpoisons the stack, so that an
 * overflow of a buffer that lived across a park goes unseen). Only what the calling convention preserves is saved: the
 * compiler has saved the rest, since the switch is an ordinary call. Other processors use swapcontext.
 */
#include "io/io_int.h"

#ifdef IO_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef IO_TSAN
#include <sanitizer/tsan_interface.h>
#endif

#if !defined(IO_SWITCH_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define IO_SWITCH_UCONTEXT 1
#endif

#ifndef IO_SWITCH_UCONTEXT

/* Saves the registers on the running stack, stores the stack pointer in *save, takes `to` and restores from there. */
void io_switch_asm(void **save, void *to);
void io_switch_start(void);

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl io_switch_asm\n"
        ".hidden io_switch_asm\n"
        ".type io_switch_asm,@function\n"
        ".align 16\n"
        "io_switch_asm:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    subq $8, %rsp\n"
        "    stmxcsr (%rsp)\n"
        "    fnstcw 4(%rsp)\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    ldmxcsr (%rsp)\n"
        "    fldcw 4(%rsp)\n"
        "    addq $8, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size io_switch_asm,.-io_switch_asm\n"
        ".globl io_switch_start\n"
        ".hidden io_switch_start\n"
        ".type io_switch_start,@function\n"
        ".align 16\n"
        /* The first frame of a fiber: rbx is the entry function, r12 its argument. Nothing is above it. */
        "io_switch_start:\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined rip\n"
        "    endbr64\n"
        "    movq %r12, %rdi\n"
        "    callq *%rbx\n"
        "    ud2\n"
        "    .cfi_endproc\n"
        ".size io_switch_start,.-io_switch_start\n");

static void *first_frame(char *top, void (*entry)(void *), void *arg)
{
    /* Index 0 is what the switch loads first; after its `ret` the stack is 16-byte aligned, as before a call. */
    uintptr_t at = (uintptr_t)top & ~(uintptr_t)15;
    uint64_t *sp = (uint64_t *)at - 10;
    uint32_t control[2] = {0x1f80, 0x037f}; /* mxcsr and x87 control word at process start */
    memcpy(&sp[0], control, sizeof control);
    sp[1] = sp[2] = sp[3] = 0; /* r15 r14 r13 */
    sp[4] = (uint64_t)(uintptr_t)arg;
    sp[5] = (uint64_t)(uintptr_t)entry;
    sp[6] = 0; /* rbp: ends a walk by frame pointers */
    sp[7] = (uint64_t)(uintptr_t)io_switch_start;
    sp[8] = sp[9] = 0;
    return sp;
}
#else /* aarch64 */
__asm__(".text\n"
        ".globl io_switch_asm\n"
        ".hidden io_switch_asm\n"
        ".type io_switch_asm,%function\n"
        ".align 4\n"
        "io_switch_asm:\n"
        "    .cfi_startproc\n"
        "    hint #34\n" /* bti c */
        "    sub sp, sp, #160\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #160\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size io_switch_asm,.-io_switch_asm\n"
        ".globl io_switch_start\n"
        ".hidden io_switch_start\n"
        ".type io_switch_start,%function\n"
        ".align 4\n"
        "io_switch_start:\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined x30\n"
        "    hint #36\n" /* bti j */
        "    mov x0, x20\n"
        "    blr x19\n"
        "    brk #1\n"
        "    .cfi_endproc\n"
        ".size io_switch_start,.-io_switch_start\n");

static void *first_frame(char *top, void (*entry)(void *), void *arg)
{
    uintptr_t at = (uintptr_t)top & ~(uintptr_t)15;
    uint64_t *sp = (uint64_t *)at - 20;
    memset(sp, 0, 160);
    sp[0] = (uint64_t)(uintptr_t)entry;            /* x19 */
    sp[1] = (uint64_t)(uintptr_t)arg;              /* x20 */
    sp[11] = (uint64_t)(uintptr_t)io_switch_start; /* x30 */
    return sp;
}
#endif

#else /* IO_SWITCH_UCONTEXT */
#include <ucontext.h>

/* sp points to a ucontext_t in the first bytes of the fiber's own stack; the loop's lies in its running frame. */
static void ucontext_start(unsigned entry_hi, unsigned entry_lo, unsigned arg_hi, unsigned arg_lo)
{
    uintptr_t entry = (uintptr_t)(((uint64_t)entry_hi << 32) | entry_lo);
    uintptr_t arg = (uintptr_t)(((uint64_t)arg_hi << 32) | arg_lo);
    ((void (*)(void *))entry)((void *)arg);
}
#endif

bool io_context_make(io_context *c, void *stack_lo, size_t stack_bytes, void (*entry)(void *), void *arg)
{
    c->stack_lo = stack_lo;
    c->stack_bytes = stack_bytes;
    c->fake_stack = NULL;
    c->tsan = NULL;
#ifdef IO_ASAN
    /* Frames of the stack's last user never returned: their red zones are still poisoned. */
    __asan_unpoison_memory_region(stack_lo, stack_bytes);
#endif
#ifdef IO_TSAN
    c->tsan = __tsan_create_fiber(0);
    if (!c->tsan) return false;
#endif
#ifndef IO_SWITCH_UCONTEXT
    c->sp = first_frame((char *)stack_lo + stack_bytes, entry, arg);
#else
    ucontext_t *u = (ucontext_t *)stack_lo;
    if (getcontext(u) != 0) return false;
    size_t own = (sizeof *u + 63) & ~(size_t)63;
    u->uc_stack.ss_sp = (char *)stack_lo + own;
    u->uc_stack.ss_size = stack_bytes - own;
    u->uc_link = NULL;
    uint64_t e = (uint64_t)(uintptr_t)entry, a = (uint64_t)(uintptr_t)arg;
    makecontext(u, (void (*)(void))(uintptr_t)ucontext_start, 4, (unsigned)(e >> 32), (unsigned)e, (unsigned)(a >> 32),
                (unsigned)a);
    c->sp = u;
#endif
    return true;
}

void io_context_drop(io_context *c)
{
#ifdef IO_TSAN
    if (c->tsan) __tsan_destroy_fiber(c->tsan);
#endif
#ifdef IO_ASAN
    __asan_unpoison_memory_region(c->stack_lo, c->stack_bytes);
#endif
    c->sp = NULL;
}

void io_context_switch(io_context *from, io_context *to, bool ends)
{
#ifdef IO_ASAN
    __sanitizer_start_switch_fiber(ends ? NULL : &from->fake_stack, to->stack_lo, to->stack_bytes);
#else
    (void)ends;
#endif
#ifdef IO_TSAN
    if (!from->tsan) from->tsan = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to->tsan, 0);
#endif
#ifndef IO_SWITCH_UCONTEXT
    io_switch_asm(&from->sp, to->sp);
#else
    ucontext_t here;
    if (!from->sp || from->stack_lo != from->sp) from->sp = &here;
    (void)swapcontext(from->sp, to->sp);
#endif
#ifdef IO_ASAN
    __sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
#endif
}

void io_context_entered(io_context *from)
{
#ifdef IO_ASAN
    const void *lo = NULL;
    size_t bytes = 0;
    __sanitizer_finish_switch_fiber(NULL, &lo, &bytes);
    from->stack_lo = (void *)(uintptr_t)lo;
    from->stack_bytes = bytes;
#else
    (void)from;
#endif
}
