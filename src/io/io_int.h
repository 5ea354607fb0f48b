/* io/io_int.h - what the files of io share. */
#ifndef IO_IO_INT_H
#define IO_IO_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "io/io.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IO_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define IO_TSAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define IO_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define IO_TSAN 1
#endif

/* --- switch.c: two stacks, one thread ------------------------------------------------------------------------------- */

/* A place to come back to. Everything else is on the stack that sp points into. */
typedef struct io_context {
    void *sp;
    void *stack_lo; /* the stack's bounds, for the sanitizers */
    size_t stack_bytes;
    void *fake_stack; /* ASan's */
    void *tsan;
} io_context;

/* Prepares `c` so that the first switch to it calls entry(arg) on the given stack; entry must never return. */
bool io_context_make(io_context *c, void *stack_lo, size_t stack_bytes, void (*entry)(void *), void *arg);
/* Gives up what the sanitizers hold for a context that has ended. */
void io_context_drop(io_context *c);
/* Saves the running context in `from` and goes on in `to`. ends: `from` will never be resumed. */
void io_context_switch(io_context *from, io_context *to, bool ends);
/* First thing in an entry function. `from`: the context that switched here. */
void io_context_entered(io_context *from);

/* --- stack.c: stacks with guard pages, pooled ------------------------------------------------------------------------- */

typedef struct io_stack {
    struct io_stack *next; /* lies at the top of its own stack: no memory of its own */
    char *map;             /* guard page first */
    size_t map_bytes;
    char *lo;     /* lowest usable byte */
    bool trimmed; /* only its top page is left */
} io_stack;

typedef struct io_stack_pool {
    io_stack *free;
    size_t free_n;
    size_t low;   /* the fewest that were free since the last sweep */
    size_t bytes; /* usable bytes of one stack */
} io_stack_pool;

void io_stack_pool_init(io_stack_pool *p, size_t bytes);
io_stack *io_stack_take(io_stack_pool *p);
void io_stack_give(io_stack_pool *p, io_stack *s);
/* True when sweeping is worth while. */
bool io_stack_pool_is_large(const io_stack_pool *p);
/* Gives up memory of stacks that nobody needed since the last call; true when a later one would give up more. */
bool io_stack_pool_sweep(io_stack_pool *p);
void io_stack_pool_free(io_stack_pool *p);

/* --- loop.c ----------------------------------------------------------------------------------------------------------- */

/* Lies at the top of its stack, above the io_stack. */
struct io_fiber {
    io_context context;
    io_loop *loop;
    io_stack *stack;
    const char *name;
    void (*fn)(void *arg);
    void *arg;
    io_fiber *run_next; /* in the run queue */
    io_fiber *all_next, *all_prev;
    io_watch watch;  /* descriptor and deadline of the current wait */
    io_queue *queue; /* the queue it waits in */
    struct io_waiter *waiter;
    io_result result;
    unsigned budget; /* operations left before it must let the others run */
    bool parked;
    bool fixed;  /* the current wait can't be cancelled */
    bool cancel; /* the next wait is to be cancelled */
};

struct io_waiter {
    struct io_waiter *next, *prev;
    io_fiber *fiber;
};

/* What the loop knows of one descriptor. */
typedef struct io_slot {
    io_watch *rd, *wr;
    unsigned char ready; /* IO_READ, IO_WRITE: an edge that nobody has waited for yet */
    bool own;            /* registered once, edge-triggered */
    bool hup;            /* the peer's end was reported: no further edge will tell */
} io_slot;

typedef struct io_job {
    struct io_job *next;
    void (*fn)(void *arg);
    void *arg;
    io_fiber *fiber; /* of an offload; NULL for a posted function */
} io_job;

typedef struct io_job_list {
    io_job *head, *tail;
} io_job_list;

typedef struct io_helpers {
    pthread_mutex_t lock;
    pthread_cond_t work;
    io_job_list jobs;
    unsigned max, started, idle;
    bool stop;
    pthread_t *threads;
} io_helpers;

struct io_loop {
    const mem *m;
    int epoll_fd, wake_fd;
    io_context context;
    io_fiber *running;
    io_fiber *run_head, *run_tail;
    io_fiber *all;
    size_t fibers, fibers_max;
    io_slot *slots;
    size_t slots_n;
    io_watch **timers; /* binary heap, earliest first; timers[0] is unused */
    size_t timers_n, timers_cap;
    io_stack_pool stacks;
    io_watch sweep; /* the next look at unused stacks */
    io_helpers helpers;
    pthread_mutex_t post_lock;
    io_job_list posted; /* under post_lock */
    atomic_bool posted_any;
    atomic_bool stop;
    void *signal_stack; /* see guard.c */
    bool coarse_timer;  /* the kernel has no epoll_pwait2 */
};

/* Where the memory of what belongs to this thread's loop comes from; the default without a loop. */
const mem *io_mem_here(void);
/* Counts an operation that did not wait; lets the others run when the fiber has had its share. */
void io_tick(void);
/* True when the peer's end was reported on fd, so that its reader must look before it waits. */
bool io_fd_hup(int fd);
/* A descriptor that was just opened: whatever is remembered of its number was another's. */
void io_fd_fresh(int fd);
/* Milliseconds for poll(), rounded up; -1 for IO_NEVER. */
int io_poll_ms(int64_t deadline_us);
/* Gives a finished job back to the loop. Any thread. */
void io_loop_give(io_loop *l, io_job *job);
/* Parks the running fiber until io_loop_give brings its job back. */
void io_park_for_job(io_loop *l);

/* --- guard.c: see io_guard_report -------------------------------------------------------------------------------------- */

bool io_guard_thread_begin(io_loop *l, nicol_error *err);
void io_guard_thread_end(io_loop *l);

/* --- helper.c --------------------------------------------------------------------------------------------------------- */

bool io_helpers_init(io_loop *l, unsigned max);
void io_helpers_free(io_loop *l);

/* --- tls.c ------------------------------------------------------------------------------------------------------------ */

typedef struct io_tls_conn io_tls_conn;
io_tls_conn *io_tls_open(io_tls *t, int fd, int64_t deadline_us, nicol_error *err);
void io_tls_close(io_tls_conn *c, bool polite);
ptrdiff_t io_tls_read(io_tls_conn *c, void *p, size_t n, int64_t deadline_us, io_result *why);
/* Writes some of it (at least one byte). */
ptrdiff_t io_tls_write(io_tls_conn *c, const void *p, size_t n, int64_t deadline_us, io_result *why);

/* True when bytes were read from the socket that were not given out yet. */
bool io_tls_pending(const io_tls_conn *c);

#endif
