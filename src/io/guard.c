/* io/guard.c - says which fiber ran off its stack. The guard page stops it in any case; a bare SIGSEGV would not tell
 * that from a wild pointer. The handler needs a stack of its own, since the fiber's is gone. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "io/io_int.h"

enum { SIGNAL_STACK_BYTES = 64 * 1024 };

/* One per process, as the signal's disposition is. */
static atomic_bool wanted;

static void say(const char *s)
{
    size_t n = strlen(s);
    (void)!write(2, s, n); /* nothing can be done about a failure here */
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    (void)sig;
    io_fiber *f = io_self();
    if (f) {
        const char *at = info->si_addr, *guard = f->stack->map;
        if (at >= guard && at < f->stack->lo) {
            say("nicol: the stack of fiber \"");
            say(f->name ? f->name : "?");
            say("\" is used up\n");
        }
    }
    /* SA_RESETHAND: the instruction runs again on return, and ends the process as it would have. */
}

bool io_guard_report(nicol_error *err)
{
#if defined(IO_ASAN) || defined(IO_TSAN)
    (void)err;
    (void)on_fault;
    (void)wanted;
    return true;
#else
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};
    (void)sigemptyset(&sa.sa_mask);
    if (sigaction(SIGSEGV, &sa, NULL) != 0 || sigaction(SIGBUS, &sa, NULL) != 0)
        return nicol_fail(err, NICOL_E_SYSTEM, "cannot handle SIGSEGV: %s", strerror(errno));
    atomic_store(&wanted, true);
    return true;
#endif
}

bool io_guard_thread_begin(io_loop *l, nicol_error *err)
{
    if (!atomic_load(&wanted)) return true;
    l->signal_stack = l->m->alloc(l->m->ctx, SIGNAL_STACK_BYTES);
    if (!l->signal_stack) return nicol_fail_oom(err);
    stack_t ss = {.ss_sp = l->signal_stack, .ss_size = SIGNAL_STACK_BYTES};
    if (sigaltstack(&ss, NULL) == 0) return true;
    l->m->free(l->m->ctx, l->signal_stack, SIGNAL_STACK_BYTES);
    l->signal_stack = NULL;
    return nicol_fail(err, NICOL_E_SYSTEM, "cannot set a signal stack: %s", strerror(errno));
}

void io_guard_thread_end(io_loop *l)
{
    if (!l->signal_stack) return;
    stack_t off = {.ss_flags = SS_DISABLE};
    (void)sigaltstack(&off, NULL);
    l->m->free(l->m->ctx, l->signal_stack, SIGNAL_STACK_BYTES);
    l->signal_stack = NULL;
}
