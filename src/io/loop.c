/* io/loop.c - the loop and its fibers: who runs next, who waits for what.
 *
 * The loop runs on the thread's own stack and switches to a fiber and back. A generation of runnable fibers runs
 * once each, then descriptors, deadlines and posted functions are looked at: no fiber can keep the others from it.
 * Every wait, a fiber's or a stackless one, is an io_watch in a descriptor's slot, in the timer heap, or in both.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/io_int.h"
#include "io/timer_int.h"

enum {
    STACK_BYTES = 64 * 1024,
    STACK_BYTES_SANITIZED = 256 * 1024,
    STACK_BYTES_MIN = 16 * 1024,
    FIBERS_MAX = 20000,
    HELPERS_MAX = 4,
    EVENTS_BATCH = 256,
    BUDGET = 64, /* operations that a fiber may do in a row without waiting */
    SLOTS_START = 64,
    SLOTS_MAX = 1 << 22,    /* beyond any descriptor limit in use */
    SWEEP_US = 1000000,     /* between looks at unused stacks */
    SLEEP_MS_MAX = 3600000, /* the longest sleep in the kernel; longer deadlines just take another round */
};

static _Thread_local io_loop *here;

io_loop *io_loop_here(void)
{
    return here;
}

const mem *io_mem_here(void)
{
    return here ? here->m : mem_default;
}

io_fiber *io_self(void)
{
    return here ? here->running : NULL;
}

size_t io_fibers(const io_loop *l)
{
    return l->fibers;
}

static void sweep_later(io_loop *l);

/* --- making and ending ------------------------------------------------------------------------------------------------ */

static void close_fds(io_loop *l)
{
    if (l->epoll_fd >= 0) (void)close(l->epoll_fd);
    if (l->wake_fd >= 0) (void)close(l->wake_fd);
}

io_loop *io_loop_new(const io_loop_opts *opts, nicol_error *err)
{
    io_loop_opts o = opts ? *opts : (io_loop_opts){0};
    const mem *m = o.m ? o.m : mem_default;
    io_loop *l = m->alloc(m->ctx, sizeof *l);
    if (!l) {
        nicol_fail_oom(err);
        return NULL;
    }
    *l = (io_loop){.m = m};
    l->fibers_max = o.fibers_max ? o.fibers_max : FIBERS_MAX;
    size_t stack = o.stack_bytes;
#if defined(IO_ASAN) || defined(IO_TSAN)
    if (stack < STACK_BYTES_SANITIZED) stack = STACK_BYTES_SANITIZED;
#else
    if (stack == 0) stack = STACK_BYTES;
#endif
    if (stack < STACK_BYTES_MIN) stack = STACK_BYTES_MIN;
    io_stack_pool_init(&l->stacks, stack);
    atomic_init(&l->posted_any, false);
    atomic_init(&l->stop, false);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = l->wake_fd};
    if (l->epoll_fd < 0 || l->wake_fd < 0 || epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev) != 0) {
        nicol_fail(err, NICOL_E_SYSTEM, "cannot make an event loop: %s; raise the limit of open files (ulimit -n)",
                   strerror(errno));
        goto failed;
    }
    if (pthread_mutex_init(&l->post_lock, NULL) != 0) {
        nicol_fail(err, NICOL_E_SYSTEM, "cannot make a lock for the event loop");
        goto failed;
    }
    if (!io_helpers_init(l, o.helpers_max ? o.helpers_max : HELPERS_MAX)) {
        (void)pthread_mutex_destroy(&l->post_lock);
        nicol_fail_oom(err);
        goto failed;
    }
    return l;
failed:
    close_fds(l);
    m->free(m->ctx, l, sizeof *l);
    return NULL;
}

static void fiber_release(io_loop *l, io_fiber *f)
{
    if (f->all_prev) f->all_prev->all_next = f->all_next;
    else l->all = f->all_next;
    if (f->all_next) f->all_next->all_prev = f->all_prev;
    l->fibers--;
    io_context_drop(&f->context);
    io_stack_give(&l->stacks, f->stack);
}

void io_loop_free(io_loop *l)
{
    if (!l) return;
    io_helpers_free(l);
    /* Only fibers that never ran can be left here by a caller that keeps the contract. */
    while (l->all) fiber_release(l, l->all);
    io_stack_pool_free(&l->stacks);
    while (l->posted.head) {
        io_job *j = l->posted.head;
        l->posted.head = j->next;
        if (!j->fiber) l->m->free(l->m->ctx, j, sizeof *j);
    }
    (void)pthread_mutex_destroy(&l->post_lock);
    close_fds(l);
    const mem *m = l->m;
    m->free(m->ctx, l->slots, l->slots_n * sizeof *l->slots);
    m->free(m->ctx, l->timers, l->timers_cap * sizeof(io_watch *));
    m->free(m->ctx, l, sizeof *l);
}

/* --- running ---------------------------------------------------------------------------------------------------------- */

static void run_push(io_loop *l, io_fiber *f)
{
    f->run_next = NULL;
    if (l->run_tail) l->run_tail->run_next = f;
    else l->run_head = f;
    l->run_tail = f;
}

/* A fiber's first and only frame. */
static void fiber_main(void *arg)
{
    io_fiber *f = arg;
    io_context_entered(&f->loop->context);
    f->fn(f->arg);
    f->fn = NULL; /* tells the loop that it has ended */
    io_context_switch(&f->context, &f->loop->context, true);
    abort(); /* nobody resumes an ended fiber */
}

bool io_spawn(io_loop *l, const char *name, void (*fn)(void *arg), void *arg, nicol_error *err)
{
    if (l->fibers >= l->fibers_max)
        return nicol_fail(err, NICOL_E_LIMIT, "more than %zu fibers on one loop; raise its limit or lower the load",
                          l->fibers_max);
    io_stack *s = io_stack_take(&l->stacks);
    if (!s)
        return nicol_fail(err, NICOL_E_NO_MEMORY,
                          "no memory for the stack of a fiber (%zu run); raise vm.max_map_count or the memory limit",
                          l->fibers);
    size_t own = (sizeof(io_fiber) + 15) & ~(size_t)15;
    io_fiber *f = (io_fiber *)(void *)((char *)s - own);
    *f = (io_fiber){.loop = l, .stack = s, .name = name, .fn = fn, .arg = arg};
    f->watch.fd = -1;
    if (!io_context_make(&f->context, s->lo, (size_t)((char *)f - s->lo), fiber_main, f)) {
        io_stack_give(&l->stacks, s);
        return nicol_fail_oom(err);
    }
    f->all_next = l->all;
    if (l->all) l->all->all_prev = f;
    l->all = f;
    l->fibers++;
    run_push(l, f);
    return true;
}

static void sweep_stacks(void *arg, io_result why)
{
    io_loop *l = arg;
    (void)why;
    if (io_stack_pool_sweep(&l->stacks)) sweep_later(l);
}

/* Without memory for the timer the stacks just stay. */
static void sweep_later(io_loop *l)
{
    l->sweep = (io_watch){.fn = sweep_stacks, .arg = l, .fd = -1, .deadline_us = clock_mono_us() + SWEEP_US};
    l->sweep.armed = io_timer_add(l, &l->sweep);
}

static void run_fiber(io_loop *l, io_fiber *f)
{
    f->budget = BUDGET;
    l->running = f;
    io_context_switch(&l->context, &f->context, false);
    l->running = NULL;
    if (f->fn) return;
    fiber_release(l, f);
    if (!l->sweep.armed && io_stack_pool_is_large(&l->stacks)) sweep_later(l);
}

static void run_generation(io_loop *l)
{
    io_fiber *f = l->run_head;
    l->run_head = l->run_tail = NULL;
    while (f) {
        io_fiber *next = f->run_next;
        run_fiber(l, f);
        f = next;
    }
}

/* Gives the thread to the loop. errno belongs to the fiber, not to the thread. */
static void leave(io_fiber *f)
{
    int saved = errno;
    io_context_switch(&f->context, &f->loop->context, false);
    errno = saved;
}

void io_yield(void)
{
    io_fiber *f = io_self();
    if (!f) return;
    run_push(f->loop, f);
    leave(f);
}

void io_tick(void)
{
    io_fiber *f = io_self();
    if (f && --f->budget == 0) io_yield();
}

/* --- parking and waking ----------------------------------------------------------------------------------------------- */

static void queue_unlink(io_queue *q, struct io_waiter *w)
{
    if (w->prev) w->prev->next = w->next;
    else q->head = w->next;
    if (w->next) w->next->prev = w->prev;
    else q->tail = w->prev;
}

static void disarm(io_loop *l, io_watch *w)
{
    if (w->fd >= 0 && (size_t)w->fd < l->slots_n) {
        io_slot *s = &l->slots[w->fd];
        if (s->rd == w) s->rd = NULL;
        if (s->wr == w) s->wr = NULL;
    }
    io_timer_remove(l, w);
    w->armed = false;
}

static void fiber_wake(io_loop *l, io_fiber *f, io_result why)
{
    if (!f->parked) return;
    f->parked = false;
    f->result = why;
    if (f->queue) {
        queue_unlink(f->queue, f->waiter);
        f->queue = NULL;
    }
    disarm(l, &f->watch);
    run_push(l, f);
}

static void watch_fire(io_loop *l, io_watch *w, io_result why)
{
    if (!w->fn) {
        fiber_wake(l, w->arg, why);
        return;
    }
    disarm(l, w);
    w->fn(w->arg, why);
}

static io_result park(io_fiber *f)
{
    f->parked = true;
    leave(f);
    return f->result;
}

void io_cancel(io_fiber *f)
{
    if (f->parked && !f->fixed) fiber_wake(f->loop, f, IO_CANCELLED);
    else f->cancel = true;
}

static bool cancelled(io_fiber *f)
{
    bool c = f->cancel;
    f->cancel = false;
    return c;
}

/* --- descriptors ------------------------------------------------------------------------------------------------------ */

static io_slot *slot_of(io_loop *l, int fd)
{
    size_t i = (size_t)fd;
    if (i < l->slots_n) return &l->slots[i];
    if (i >= SLOTS_MAX) {
        errno = EMFILE;
        return NULL;
    }
    size_t n = l->slots_n ? l->slots_n : SLOTS_START;
    while (n <= i) n *= 2;
    io_slot *grown = l->m->resize(l->m->ctx, l->slots, l->slots_n * sizeof *grown, n * sizeof *grown);
    if (!grown) {
        errno = ENOMEM;
        return NULL;
    }
    memset(grown + l->slots_n, 0, (n - l->slots_n) * sizeof *grown);
    l->slots = grown;
    l->slots_n = n;
    return &grown[i];
}

static unsigned epoll_bits(int events)
{
    return ((events & IO_READ) ? EPOLLIN | EPOLLRDHUP : 0u) | ((events & IO_WRITE) ? EPOLLOUT : 0u);
}

/* 1: registered; 0: a kind of file that is always ready; -1: errno. */
static int epoll_set(io_loop *l, int fd, unsigned bits, int first, int second, int second_if)
{
    struct epoll_event ev = {.events = bits, .data.fd = fd};
    if (epoll_ctl(l->epoll_fd, first, fd, &ev) == 0) return 1;
    if (errno == second_if && epoll_ctl(l->epoll_fd, second, fd, &ev) == 0) return 1;
    return errno == EPERM ? 0 : -1;
}

int io_poll_ms(int64_t deadline_us)
{
    if (deadline_us == IO_NEVER) return -1;
    int64_t left = deadline_us - clock_mono_us();
    if (left <= 0) return 0;
    int64_t ms = left / 1000 + (left % 1000 != 0);
    return ms > SLEEP_MS_MAX ? SLEEP_MS_MAX : (int)ms;
}

static short poll_bits(int events)
{
    int bits = ((events & IO_READ) ? POLLIN : 0) | ((events & IO_WRITE) ? POLLOUT : 0);
    return (short)bits;
}

static io_result poll_now(int fd, int events)
{
    struct pollfd p = {.fd = fd, .events = poll_bits(events)};
    int n = poll(&p, 1, 0);
    if (n > 0) return (p.revents & POLLNVAL) ? IO_CLOSED : IO_READY;
    return n == 0 || errno == EINTR ? IO_TIMEOUT : IO_FAILED;
}

/* What a wait on fd finds before it parks: IO_TIMEOUT means that there is something to wait for. */
static io_result slot_arm(io_loop *l, io_slot *s, int fd, int events)
{
    if (events & IO_LIB) {
        /* A library may have left bytes unread, or closed the number and opened it anew: an edge would not come. */
        int both = (events & (IO_READ | IO_WRITE)) | (s->rd ? IO_READ : 0) | (s->wr ? IO_WRITE : 0);
        s->own = false;
        int set = epoll_set(l, fd, epoll_bits(both) | EPOLLET, EPOLL_CTL_MOD, EPOLL_CTL_ADD, ENOENT);
        return set > 0 ? IO_TIMEOUT : set == 0 ? IO_READY : IO_FAILED;
    }
    if (!s->own) {
        int set = epoll_set(l, fd, epoll_bits(IO_READ | IO_WRITE) | EPOLLET, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EEXIST);
        if (set <= 0) return set == 0 ? IO_READY : IO_FAILED;
        s->own = true;
        s->hup = false;
        s->ready = 0;
        return IO_TIMEOUT;
    }
    if (s->ready & events) {
        s->ready &= (unsigned char)~events;
        return IO_READY;
    }
    if (s->hup) return poll_now(fd, events);
    return IO_TIMEOUT;
}

static bool watch_arm(io_loop *l, io_watch *w, io_result *why)
{
    io_slot *s = NULL;
    if (w->fd >= 0) {
        s = slot_of(l, w->fd);
        if (!s) {
            *why = IO_FAILED;
            return false;
        }
        if (((w->events & IO_READ) && s->rd) || ((w->events & IO_WRITE) && s->wr)) {
            errno = EBUSY; /* two waits for one direction: one of them would sleep for ever */
            *why = IO_FAILED;
            return false;
        }
        io_result r = slot_arm(l, s, w->fd, w->events);
        if (r != IO_TIMEOUT) {
            *why = r;
            return false;
        }
    }
    if (w->deadline_us != IO_NEVER) {
        if (w->deadline_us <= clock_mono_us()) {
            *why = s ? poll_now(w->fd, w->events) : IO_TIMEOUT;
            return false;
        }
        if (!io_timer_add(l, w)) {
            errno = ENOMEM;
            *why = IO_FAILED;
            return false;
        }
    }
    if (s && (w->events & IO_READ)) s->rd = w;
    if (s && (w->events & IO_WRITE)) s->wr = w;
    w->armed = true;
    return true;
}

static io_result wait_poll(int fd, int events, int64_t deadline_us)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = poll_bits(events)};
        int ms = io_poll_ms(deadline_us);
        int n = poll(&p, 1, ms);
        if (n > 0) return (p.revents & POLLNVAL) ? IO_CLOSED : IO_READY;
        if (n < 0 && errno != EINTR) return IO_FAILED;
        if (n == 0 && ms < SLEEP_MS_MAX && ms >= 0) return IO_TIMEOUT;
    }
}

io_result io_wait(int fd, int events, int64_t deadline_us)
{
    if (fd < 0) return IO_CLOSED;
    io_fiber *f = io_self();
    if (!f) return wait_poll(fd, events, deadline_us);
    if (cancelled(f)) return IO_CANCELLED;
    io_result why = IO_FAILED;
    f->watch = (io_watch){.arg = f, .fd = fd, .events = events, .deadline_us = deadline_us};
    if (!watch_arm(f->loop, &f->watch, &why)) {
        if (why == IO_READY) io_tick();
        return why;
    }
    return park(f);
}

bool io_watch_start(io_watch *w, int fd, int events, int64_t deadline_us, void (*fn)(void *arg, io_result why),
                    void *arg, io_result *why)
{
    if (!here) {
        errno = EINVAL;
        *why = IO_FAILED;
        return false;
    }
    *w = (io_watch){.fn = fn, .arg = arg, .fd = fd, .events = events, .deadline_us = deadline_us};
    return watch_arm(here, w, why);
}

void io_watch_stop(io_watch *w)
{
    if (here && w->armed) disarm(here, w);
}

bool io_fd_hup(int fd)
{
    return here && fd >= 0 && (size_t)fd < here->slots_n && here->slots[fd].own && here->slots[fd].hup;
}

void io_fd_fresh(int fd)
{
    if (here && fd >= 0 && (size_t)fd < here->slots_n) here->slots[fd] = (io_slot){0};
}

void io_forget(int fd)
{
    if (!here || fd < 0 || (size_t)fd >= here->slots_n) return;
    io_slot *s = &here->slots[fd];
    io_watch *rd = s->rd, *wr = s->wr;
    *s = (io_slot){0};
    (void)epoll_ctl(here->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* not there: fine */
    if (rd) watch_fire(here, rd, IO_CLOSED);
    if (wr && wr != rd) watch_fire(here, wr, IO_CLOSED);
}

void io_close(int fd)
{
    if (fd < 0) return;
    int saved = errno;
    if (here && (size_t)fd < here->slots_n) {
        io_slot *s = &here->slots[fd];
        io_watch *rd = s->rd, *wr = s->wr;
        *s = (io_slot){0};
        /* Closed before anyone is told, who might open another under the same number. */
        (void)close(fd);
        if (rd) watch_fire(here, rd, IO_CLOSED);
        if (wr && wr != rd) watch_fire(here, wr, IO_CLOSED);
    } else {
        (void)close(fd);
    }
    errno = saved;
}

io_result io_sleep_until(int64_t deadline_us)
{
    io_fiber *f = io_self();
    if (!f) {
        struct pollfd none = {.fd = -1};
        for (;;) {
            int ms = io_poll_ms(deadline_us);
            int n = poll(&none, 1, ms);
            if (n == 0 && ms >= 0 && ms < SLEEP_MS_MAX) return IO_TIMEOUT;
            if (n < 0 && errno != EINTR) return IO_FAILED;
        }
    }
    if (cancelled(f)) return IO_CANCELLED;
    io_result why = IO_FAILED;
    f->watch = (io_watch){.arg = f, .fd = -1, .deadline_us = deadline_us};
    if (!watch_arm(f->loop, &f->watch, &why)) {
        io_yield(); /* a sleeper in a loop must not starve the others, however short it sleeps */
        return why;
    }
    return park(f);
}

/* --- queues and locks ------------------------------------------------------------------------------------------------- */

io_result io_queue_wait(io_queue *q, int64_t deadline_us)
{
    io_fiber *f = io_self();
    if (!f) return IO_TIMEOUT;
    if (cancelled(f)) return IO_CANCELLED;
    io_result why = IO_FAILED;
    f->watch = (io_watch){.arg = f, .fd = -1, .deadline_us = deadline_us};
    if (!watch_arm(f->loop, &f->watch, &why)) return why;
    struct io_waiter w = {.fiber = f, .prev = q->tail};
    if (q->tail) q->tail->next = &w;
    else q->head = &w;
    q->tail = &w;
    f->queue = q;
    f->waiter = &w;
    return park(f);
}

bool io_queue_wake(io_queue *q)
{
    if (!q->head) return false;
    io_fiber *f = q->head->fiber;
    fiber_wake(f->loop, f, IO_READY);
    return true;
}

void io_queue_wake_all(io_queue *q)
{
    while (io_queue_wake(q)) {
    }
}

io_result io_lock_take(io_lock *l, int64_t deadline_us)
{
    if (l->held) return io_queue_wait(&l->queue, deadline_us); /* READY: handed over, still held */
    l->held = true;
    return IO_READY;
}

void io_lock_give(io_lock *l)
{
    if (!io_queue_wake(&l->queue)) l->held = false;
}

/* --- from other threads ----------------------------------------------------------------------------------------------- */

static void wake_loop(io_loop *l)
{
    int saved = errno;
    uint64_t one = 1;
    ssize_t n;
    do n = write(l->wake_fd, &one, sizeof one);
    while (n < 0 && errno == EINTR); /* EAGAIN: enough wakes are pending already */
    errno = saved;
}

void io_loop_stop(io_loop *l)
{
    atomic_store(&l->stop, true);
    wake_loop(l);
}

void io_loop_give(io_loop *l, io_job *job)
{
    job->next = NULL;
    (void)pthread_mutex_lock(&l->post_lock);
    bool first = l->posted.head == NULL;
    if (first) l->posted.head = job;
    else l->posted.tail->next = job;
    l->posted.tail = job;
    atomic_store(&l->posted_any, true);
    /* Written under the lock: once it is released the loop may take the job, end and be freed. */
    if (first) wake_loop(l);
    (void)pthread_mutex_unlock(&l->post_lock);
}

bool io_post(io_loop *l, void (*fn)(void *arg), void *arg)
{
    io_job *j = l->m->alloc(l->m->ctx, sizeof *j);
    if (!j) return false;
    *j = (io_job){.fn = fn, .arg = arg};
    io_loop_give(l, j);
    return true;
}

void io_park_for_job(io_loop *l)
{
    io_fiber *f = l->running;
    f->watch = (io_watch){.arg = f, .fd = -1, .deadline_us = IO_NEVER};
    f->fixed = true; /* the job lies on this fiber's stack */
    (void)park(f);
    f->fixed = false;
}

static void run_posted(io_loop *l)
{
    if (!atomic_load(&l->posted_any)) return;
    (void)pthread_mutex_lock(&l->post_lock);
    io_job *j = l->posted.head;
    l->posted = (io_job_list){0};
    atomic_store(&l->posted_any, false);
    (void)pthread_mutex_unlock(&l->post_lock);
    while (j) {
        io_job *next = j->next;
        if (j->fiber) {
            fiber_wake(l, j->fiber, IO_READY); /* from here on the job is its fiber's */
        } else {
            io_job copy = *j;
            l->m->free(l->m->ctx, j, sizeof *j);
            copy.fn(copy.arg);
        }
        j = next;
    }
}

/* --- the loop --------------------------------------------------------------------------------------------------------- */

static void run_timers(io_loop *l)
{
    io_watch *w = io_timer_first(l);
    if (!w) return;
    int64_t now = clock_mono_us();
    for (; w && w->deadline_us <= now; w = io_timer_first(l)) watch_fire(l, w, IO_TIMEOUT);
}

static void drain_wakes(io_loop *l)
{
    uint64_t n;
    (void)!read(l->wake_fd, &n, sizeof n); /* EAGAIN: another round has taken it */
}

static void on_event(io_loop *l, int fd, unsigned bits)
{
    if (fd == l->wake_fd) {
        drain_wakes(l);
        return;
    }
    if (fd < 0 || (size_t)fd >= l->slots_n) return;
    int ready = 0;
    if (bits & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI)) ready |= IO_READ;
    if (bits & (EPOLLOUT | EPOLLHUP | EPOLLERR)) ready |= IO_WRITE;
    io_slot *s = &l->slots[fd];
    if (bits & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) s->hup = true;
    io_watch *rd = (ready & IO_READ) ? s->rd : NULL, *wr = (ready & IO_WRITE) ? s->wr : NULL;
    if (s->own) s->ready |= (unsigned char)(ready & ~(rd ? IO_READ : 0) & ~(wr ? IO_WRITE : 0));
    if (rd) watch_fire(l, rd, IO_READY);
    /* The first may have closed the descriptor or stopped the other wait. */
    if (wr && wr != rd && l->slots[fd].wr == wr) watch_fire(l, wr, IO_READY);
}

static int poll_events(io_loop *l, struct epoll_event *events)
{
    bool now = l->run_head != NULL || atomic_load(&l->posted_any);
    io_watch *first = io_timer_first(l);
    int64_t deadline = now ? 0 : first ? first->deadline_us : IO_NEVER;
#if defined(__GLIBC__) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 35))
    if (!now && first && !l->coarse_timer) {
        int64_t left = deadline - clock_mono_us();
        if (left < 0) left = 0;
        struct timespec ts = {.tv_sec = left / 1000000, .tv_nsec = (long)(left % 1000000) * 1000};
        int n = epoll_pwait2(l->epoll_fd, events, EVENTS_BATCH, &ts, NULL);
        if (n >= 0 || (errno != ENOSYS && errno != EPERM)) return n;
        l->coarse_timer = true;
    }
#endif
    return epoll_wait(l->epoll_fd, events, EVENTS_BATCH, now ? 0 : io_poll_ms(deadline));
}

static bool run(io_loop *l, nicol_error *err)
{
    struct epoll_event events[EVENTS_BATCH];
    for (;;) {
        run_posted(l);
        run_timers(l);
        run_generation(l);
        if (l->fibers == 0 && atomic_load(&l->stop) && !atomic_load(&l->posted_any)) return true;
        int n = poll_events(l, events);
        if (n < 0 && errno != EINTR)
            return nicol_fail(err, NICOL_E_SYSTEM, "the event loop cannot wait: %s", strerror(errno));
        for (int i = 0; i < n; i++) on_event(l, events[i].data.fd, events[i].events);
    }
}

bool io_loop_run(io_loop *l, nicol_error *err)
{
    if (here) return nicol_fail(err, NICOL_E_INTERNAL, "this thread runs a loop already");
    if (!io_guard_thread_begin(l, err)) return false;
    here = l;
    bool ok = run(l, err);
    here = NULL;
    io_guard_thread_end(l);
    atomic_store(&l->stop, false);
    return ok;
}
