/* Fibers, waits, timers, queues, helpers and the loop's ways out. Sockets and TLS are in test_io_stream.c. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/io.h"
#include "tap.h"

static io_loop *new_loop(const mem *m)
{
    nicol_error err = {0};
    io_loop *l = io_loop_new(&(io_loop_opts){.m = m}, &err);
    return l;
}

static void run_to_end(io_loop *l)
{
    nicol_error err = {0};
    io_loop_stop(l);
    ok(io_loop_run(l, &err), "the loop ran (%s)", err.text);
}

static bool spawn(io_loop *l, void (*fn)(void *), void *arg)
{
    nicol_error err = {0};
    return io_spawn(l, "test", fn, arg, &err);
}

/* --- switching -------------------------------------------------------------------------------------------------------- */

typedef struct ping {
    char *log;
    char mark;
    int rounds;
} ping;

static void ping_fiber(void *arg)
{
    ping *p = arg;
    for (int i = 0; i < p->rounds; i++) {
        size_t n = strlen(p->log);
        p->log[n] = p->mark;
        p->log[n + 1] = 0;
        io_yield();
    }
}

static void test_ping_pong(void)
{
    FOR_EACH_FAULT(m, "ping-pong") {
        char text[64] = "";
        io_loop *l = new_loop(m);
        if (!l) continue;
        ping a = {text, 'a', 3}, b = {text, 'b', 3};
        ok(spawn(l, ping_fiber, &a) && spawn(l, ping_fiber, &b), "spawn");
        run_to_end(l);
        is_str(str_c(text), S("ababab"));
        ok(io_fibers(l) == 0, "no fiber left");
        io_loop_free(l);
    }
}

static double kept;
static void float_fiber(void *arg)
{
    double x = *(double *)arg, y = x;
    for (int i = 0; i < 100; i++) {
        y = y * 1.5 + x;
        io_yield();
        y = (y - x) / 1.5;
    }
    kept += y;
}

static void test_registers_survive(void)
{
    io_loop *l = new_loop(NULL);
    double v[4] = {1, 2, 4, 8};
    for (int i = 0; i < 4; i++) ok(spawn(l, float_fiber, &v[i]), "spawn");
    kept = 0;
    run_to_end(l);
    ok(fabs(kept - 15.0) < 1e-6, "floating-point state survives switches (%g)", kept);
    io_loop_free(l);
}

static void count_switches(void *arg)
{
    int n = *(int *)arg;
    while (n-- > 0) io_yield();
}

static void test_switch_cost(void)
{
    io_loop *l = new_loop(NULL);
    int n = 10000;
    for (int i = 0; i < 200; i++) ok(spawn(l, count_switches, &n), "spawn");
    int64_t t = clock_mono_us();
    run_to_end(l);
    int64_t us = clock_mono_us() - t;
    diag("200 fibers: %.1f ns a yield (two switches, run queue, epoll_wait once a generation)",
         (double)us * 1000 / 2e6);
    io_loop_free(l);
}

/* --- timers ----------------------------------------------------------------------------------------------------------- */

static int order[64], order_n;
static void sleeper(void *arg)
{
    int ms = *(int *)arg;
    io_result r = io_sleep_until(clock_mono_us() + ms * 1000);
    if (r == IO_TIMEOUT) order[order_n++] = ms;
}

static void test_timers(void)
{
    FOR_EACH_FAULT(m, "timers") {
        static int ms[] = {20, 5, 15, 1, 10, 25, 3, 0};
        order_n = 0;
        io_loop *l = new_loop(m);
        if (!l) continue;
        for (size_t i = 0; i < 8; i++) ok(spawn(l, sleeper, &ms[i]), "spawn");
        run_to_end(l);
        if (!tap_faulted(m)) {
            static const int want[] = {0, 1, 3, 5, 10, 15, 20, 25};
            ok(order_n == 8 && memcmp(order, want, sizeof want) == 0, "in order of their deadlines");
        }
        io_loop_free(l);
    }
}

/* --- descriptors ------------------------------------------------------------------------------------------------------ */

typedef struct waiter {
    int fd;
    int events;
    int64_t deadline;
    io_result got;
    io_fiber *self;
    int done;
} waiter;

static void wait_fiber(void *arg)
{
    waiter *w = arg;
    w->self = io_self();
    errno = 4242;
    w->got = io_wait(w->fd, w->events, w->deadline);
    w->done = w->got == IO_FAILED || errno == 4242 ? 1 : -1;
}

static void make_pair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) abort();
}

static void disturb(void *arg)
{
    (void)arg;
    for (int i = 0; i < 10; i++) {
        errno = i;
        io_yield();
    }
}

static void writer_fiber(void *arg)
{
    io_yield();
    io_yield();
    ok(write(*(int *)arg, "x", 1) == 1, "write");
}

static void closer_fiber(void *arg)
{
    io_yield();
    io_yield();
    io_close(*(int *)arg);
}

static void cancel_fiber(void *arg)
{
    waiter *w = arg;
    io_yield();
    io_yield();
    io_cancel(w->self);
}

static void test_wait(void)
{
    FOR_EACH_FAULT(m, "wait, close, cancel, time out") {
        int a[2], b[2], c[2], d[2];
        io_loop *l = new_loop(m);
        if (!l) continue;
        make_pair(a), make_pair(b), make_pair(c), make_pair(d);
        waiter wa = {.fd = a[0], .events = IO_READ, .deadline = IO_NEVER};
        waiter wb = {.fd = b[0], .events = IO_READ, .deadline = IO_NEVER};
        waiter wc = {.fd = c[0], .events = IO_READ, .deadline = clock_mono_us() + 60000000};
        waiter wd = {.fd = d[0], .events = IO_READ, .deadline = clock_mono_us() + 3000};
        waiter we = {.fd = d[1], .events = IO_WRITE, .deadline = IO_NEVER};
        ok(spawn(l, wait_fiber, &wa) && spawn(l, writer_fiber, &a[1]) && spawn(l, disturb, NULL), "spawn");
        ok(spawn(l, wait_fiber, &wb) && spawn(l, closer_fiber, &b[0]), "spawn");
        ok(spawn(l, wait_fiber, &wc) && spawn(l, cancel_fiber, &wc), "spawn");
        ok(spawn(l, wait_fiber, &wd) && spawn(l, wait_fiber, &we), "spawn");
        run_to_end(l);
        if (!tap_faulted(m)) {
            ok(wa.got == IO_READY && wa.done == 1, "ready, errno kept");
            ok(wb.got == IO_CLOSED, "closed under the waiter");
            ok(wc.got == IO_CANCELLED, "cancelled");
            ok(wd.got == IO_TIMEOUT, "timed out");
            ok(we.got == IO_READY, "writable");
        } else {
            /* Without memory for its bookkeeping a wait fails; it never hangs and never lies. */
            ok(wa.got == IO_READY || wa.got == IO_FAILED, "ready or failed");
            ok(wb.got == IO_CLOSED || wb.got == IO_FAILED, "closed or failed");
        }
        io_loop_free(l);
        (void)close(a[0]), (void)close(a[1]), (void)close(b[1]), (void)close(c[0]), (void)close(c[1]);
        (void)close(d[0]), (void)close(d[1]);
    }
}

/* A library that leaves bytes unread: an edge would never come again. */
static void lib_fiber(void *arg)
{
    int *fd = arg;
    char c;
    for (int i = 0; i < 3; i++) {
        ok(io_wait(fd[0], IO_READ | IO_LIB, clock_mono_us() + 2000000) == IO_READY, "unread bytes are seen, round %d",
           i);
        ok(read(fd[0], &c, 1) == 1, "one byte read");
    }
    /* The number is closed and opened again behind our back. */
    int other[2];
    make_pair(other);
    (void)dup2(other[0], fd[0]);
    (void)close(other[0]);
    ok(write(other[1], "y", 1) == 1, "write");
    ok(io_wait(fd[0], IO_READ | IO_LIB, clock_mono_us() + 2000000) == IO_READY, "a reopened number is armed anew");
    (void)close(other[1]);
}

static void test_lib(void)
{
    io_loop *l = new_loop(NULL);
    int a[2];
    make_pair(a);
    ok(write(a[1], "abc", 3) == 3, "write");
    ok(spawn(l, lib_fiber, a), "spawn");
    run_to_end(l);
    io_loop_free(l);
    (void)close(a[0]), (void)close(a[1]);
}

static void edge_cases(void *arg)
{
    (void)arg;
    int fds[2];
    make_pair(fds);
    ok(io_wait(-1, IO_READ, IO_NEVER) == IO_CLOSED, "descriptor -1");
    ok(io_wait(fds[0], IO_READ, 0) == IO_TIMEOUT, "a deadline in the past, nothing there");
    ok(write(fds[1], "x", 1) == 1, "write");
    ok(io_wait(fds[0], IO_READ, 0) == IO_READY, "a deadline in the past, something there");
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    ok(io_wait(file, IO_READ, IO_NEVER) == IO_READY, "a regular file is always ready");
    (void)close(file);
    (void)close(fds[1]);
    char c;
    ok(io_wait(fds[0], IO_READ, IO_NEVER) == IO_READY && read(fds[0], &c, 1) == 1, "last byte");
    ok(io_wait(fds[0], IO_READ, clock_mono_us() + 1000000) == IO_READY && read(fds[0], &c, 1) == 0, "then the end");
    io_cancel(io_self());
    ok(io_sleep_until(clock_mono_us() + 60000000) == IO_CANCELLED, "a cancel waits for the next wait");
    ok(io_sleep_until(clock_mono_us() + 1000) == IO_TIMEOUT, "and is spent by it");
    io_close(fds[0]);
}

static void second_waiter(void *arg)
{
    int fd = *(int *)arg;
    io_yield();
    errno = 0;
    ok(io_wait(fd, IO_READ, clock_mono_us() + 1000) == IO_FAILED && errno == EBUSY,
       "two readers of one descriptor: refused");
    io_close(fd);
}

static void test_edges(void)
{
    io_loop *l = new_loop(NULL);
    ok(spawn(l, edge_cases, NULL), "spawn");
    run_to_end(l);
    int a[2];
    make_pair(a);
    waiter w = {.fd = a[0], .events = IO_READ, .deadline = IO_NEVER};
    ok(spawn(l, wait_fiber, &w) && spawn(l, second_waiter, &a[0]), "spawn");
    run_to_end(l);
    ok(w.got == IO_CLOSED, "the first got its end");
    io_loop_free(l);
    (void)close(a[1]);
}

/* --- waits without a stack -------------------------------------------------------------------------------------------- */

typedef struct idle {
    io_watch w;
    io_result got;
    int calls;
} idle;

static void idle_done(void *arg, io_result why)
{
    idle *i = arg;
    i->got = why;
    i->calls++;
}

static void watch_fiber(void *arg)
{
    int *fds = arg;
    idle a = {0}, b = {0}, c = {0}, d = {0};
    io_result why;
    int64_t now = clock_mono_us();
    ok(io_watch_start(&a.w, fds[0], IO_READ, IO_NEVER, idle_done, &a, &why), "armed");
    ok(io_watch_start(&b.w, -1, 0, now + 2000, idle_done, &b, &why), "armed, only a deadline");
    ok(io_watch_start(&c.w, -1, 0, now + 3000, idle_done, &c, &why), "armed, to be stopped");
    io_watch_stop(&c.w);
    ok(!io_watch_start(&d.w, -1, 0, now - 1, idle_done, &d, &why) && why == IO_TIMEOUT, "too late to arm");
    ok(write(fds[1], "x", 1) == 1, "write");
    ok(io_sleep_until(now + 8000) == IO_TIMEOUT, "sleep");
    ok(a.calls == 1 && a.got == IO_READY, "ready");
    ok(b.calls == 1 && b.got == IO_TIMEOUT, "timed out");
    ok(c.calls == 0 && d.calls == 0, "not called");
    char ch;
    ok(read(fds[0], &ch, 1) == 1, "read");
    ok(io_watch_start(&a.w, fds[0], IO_READ, IO_NEVER, idle_done, &a, &why), "armed again");
    io_close(fds[0]);
    ok(a.calls == 2 && a.got == IO_CLOSED, "closed");
}

static void test_watch(void)
{
    io_loop *l = new_loop(NULL);
    int a[2];
    make_pair(a);
    ok(spawn(l, watch_fiber, a), "spawn");
    run_to_end(l);
    io_loop_free(l);
    (void)close(a[1]);
    idle i = {0};
    io_result why;
    ok(!io_watch_start(&i.w, a[0], IO_READ, IO_NEVER, idle_done, &i, &why) && why == IO_FAILED, "no loop: not armed");
}

/* --- queues and locks ------------------------------------------------------------------------------------------------- */

typedef struct locked {
    io_lock lock;
    char log[64];
    int inside, most;
} locked;

typedef struct locker {
    locked *shared;
    char mark;
} locker;

static void lock_fiber(void *arg)
{
    locker *k = arg;
    locked *s = k->shared;
    for (int i = 0; i < 3; i++) {
        if (io_lock_take(&s->lock, IO_NEVER) != IO_READY) return;
        if (++s->inside > s->most) s->most = s->inside;
        size_t n = strlen(s->log);
        s->log[n] = k->mark;
        io_yield();
        s->inside--;
        io_lock_give(&s->lock);
    }
}

static void test_lock(void)
{
    FOR_EACH_FAULT(m, "io_lock") {
        locked s = {0};
        io_loop *l = new_loop(m);
        if (!l) continue;
        locker a = {&s, 'a'}, b = {&s, 'b'}, c = {&s, 'c'};
        ok(spawn(l, lock_fiber, &a) && spawn(l, lock_fiber, &b) && spawn(l, lock_fiber, &c), "spawn");
        run_to_end(l);
        is_str(str_c(s.log), S("abcabcabc"));
        ok(s.most == 1 && !s.lock.held && !s.lock.queue.head && !s.lock.queue.tail, "one at a time, free at the end");
        io_loop_free(l);
    }
}

typedef struct queued {
    io_queue q;
    io_fiber *who[4];
    io_result got[4];
    int64_t deadline[4];
} queued;

typedef struct queued_one {
    queued *s;
    int i;
} queued_one;

static void queue_fiber(void *arg)
{
    queued_one *o = arg;
    o->s->who[o->i] = io_self();
    o->s->got[o->i] = io_queue_wait(&o->s->q, o->s->deadline[o->i]);
}

static void queue_driver(void *arg)
{
    queued *s = arg;
    io_yield();
    io_cancel(s->who[1]);
    ok(io_queue_wake(&s->q), "the first is woken");
    ok(io_sleep_until(clock_mono_us() + 4000) == IO_TIMEOUT, "sleep");
    io_queue_wake_all(&s->q);
    ok(!io_queue_wake(&s->q), "nobody is left");
}

static void test_queue(void)
{
    queued s = {.deadline = {IO_NEVER, IO_NEVER, clock_mono_us() + 2000, IO_NEVER}};
    queued_one o[4] = {{&s, 0}, {&s, 1}, {&s, 2}, {&s, 3}};
    io_loop *l = new_loop(NULL);
    for (int i = 0; i < 4; i++) ok(spawn(l, queue_fiber, &o[i]), "spawn");
    ok(spawn(l, queue_driver, &s), "spawn");
    run_to_end(l);
    ok(s.got[0] == IO_READY && s.got[1] == IO_CANCELLED && s.got[2] == IO_TIMEOUT && s.got[3] == IO_READY,
       "woken, cancelled, timed out, woken with all");
    io_loop_free(l);
}

/* --- threads ---------------------------------------------------------------------------------------------------------- */

typedef struct heavy {
    pthread_t ran_on;
    int ran;
    bool fiber_here;
} heavy;

static void heavy_work(void *arg)
{
    heavy *h = arg;
    h->ran_on = pthread_self();
    h->fiber_here = io_self() != NULL;
    (void)usleep(2000);
    h->ran++;
}

static void offload_fiber(void *arg)
{
    heavy *h = arg;
    io_cancel(io_self()); /* must not cut the offload short: the job lies on this stack */
    io_offload(heavy_work, h);
    ok(h->ran == 1, "finished when io_offload returns");
    ok(!h->fiber_here, "not on a fiber");
    ok(io_sleep_until(clock_mono_us() + 60000000) == IO_CANCELLED, "the cancel is for the next wait");
}

static void test_offload(void)
{
    FOR_EACH_FAULT(m, "offload") {
        heavy h[8] = {0};
        io_loop *l = new_loop(m);
        if (!l) continue;
        for (int i = 0; i < 8; i++) ok(spawn(l, offload_fiber, &h[i]), "spawn");
        run_to_end(l);
        ok(!pthread_equal(h[0].ran_on, pthread_self()), "on another thread");
        io_loop_free(l);
    }
}

typedef struct posts {
    io_loop *l;
    int n;
    int failed;
    pthread_t loop_thread;
} posts;

static void posted(void *arg)
{
    posts *p = arg;
    if (!pthread_equal(pthread_self(), p->loop_thread) || io_self()) p->failed++;
    p->n++;
    if (p->n == 4000) io_loop_stop(p->l);
}

static void *poster(void *arg)
{
    posts *p = arg;
    for (int i = 0; i < 1000; i++) {
        if (!io_post(p->l, posted, p)) abort();
    }
    return NULL;
}

static void test_post(void)
{
    posts p = {.l = new_loop(NULL), .loop_thread = pthread_self()};
    pthread_t t[4];
    for (int i = 0; i < 4; i++) {
        if (pthread_create(&t[i], NULL, poster, &p) != 0) abort();
    }
    nicol_error err = {0};
    ok(io_loop_run(p.l, &err), "the loop ran until it was stopped by a posted function");
    for (int i = 0; i < 4; i++) (void)pthread_join(t[i], NULL);
    ok(p.n == 4000 && p.failed == 0, "4,000 functions from 4 threads ran on the loop's thread (%d)", p.n);
    io_loop_free(p.l);
    FOR_EACH_FAULT(m, "a function posted and never run") {
        io_loop *l = new_loop(m);
        if (!l) continue;
        (void)!io_post(l, posted, &p);
        io_loop_free(l);
    }
}

static io_loop *signalled;
static void on_alarm(int sig)
{
    (void)sig;
    io_loop_stop(signalled);
}

static void parked_until_stop(void *arg)
{
    (void)arg;
    ok(io_sleep_until(clock_mono_us() + 30000) == IO_TIMEOUT, "slept through the stop");
}

static void test_stop_from_signal(void)
{
    signalled = new_loop(NULL);
    struct sigaction sa = {.sa_handler = on_alarm}, old;
    (void)sigaction(SIGALRM, &sa, &old);
    ok(spawn(signalled, parked_until_stop, NULL), "spawn");
    struct itimerval t = {.it_value.tv_usec = 5000};
    (void)setitimer(ITIMER_REAL, &t, NULL);
    nicol_error err = {0};
    ok(io_loop_run(signalled, &err), "a signal handler stops the loop while everything is parked");
    (void)sigaction(SIGALRM, &old, NULL);
    io_loop_free(signalled);
}

/* --- many, and too deep ----------------------------------------------------------------------------------------------- */

static int parked_n;
static void park_fiber(void *arg)
{
    io_queue *q = arg;
    parked_n++;
    if (io_queue_wait(q, clock_mono_us() + 60000000) == IO_READY) parked_n--;
}

static size_t rss_bytes(void)
{
    char text[128] = "";
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f) return 0;
    if (!fgets(text, sizeof text, f)) text[0] = 0;
    (void)fclose(f);
    char *second = strchr(text, ' ');
    return second ? strtoul(second, NULL, 10) * 4096 : 0;
}

static size_t rss_before;
static void wake_when_all(void *arg)
{
    while (parked_n < 5000) io_yield();
    diag("5,000 parked fibers: %zu bytes of RSS each", (rss_bytes() - rss_before) / 5000);
    io_queue_wake_all(arg);
}

static void test_many(void)
{
    io_loop *l = new_loop(NULL);
    io_queue q = {0};
    rss_before = rss_bytes();
    for (int i = 0; i < 5000; i++) {
        if (!spawn(l, park_fiber, &q)) ok(false, "spawn %d", i);
    }
    ok(spawn(l, wake_when_all, &q), "spawn");
    run_to_end(l);
    ok(parked_n == 0, "5,000 fibers parked and woken");
    /* Once more, on pooled stacks. */
    for (int i = 0; i < 5000; i++) {
        if (!spawn(l, park_fiber, &q)) ok(false, "spawn %d", i);
    }
    ok(spawn(l, wake_when_all, &q), "spawn");
    run_to_end(l);
    ok(parked_n == 0, "and again");
    io_loop_free(l);

    nicol_error err = {0};
    l = io_loop_new(&(io_loop_opts){.fibers_max = 2}, &err);
    io_queue none = {0};
    (void)none;
    int rounds = 0;
    ok(io_spawn(l, "a", count_switches, &rounds, &err) && io_spawn(l, "b", count_switches, &rounds, &err), "two");
    ok(!io_spawn(l, "c", count_switches, &rounds, &err) && err.code == NICOL_E_LIMIT, "the limit: %s", err.text);
    run_to_end(l);
    io_loop_free(l);
}

static int deep(int n)
{
    volatile char frame[1024];
    frame[0] = (char)n;
    return n > 1000000 ? 0 : deep(n + 1) + frame[0];
}

static void overflow_fiber(void *arg)
{
    *(volatile int *)arg = deep(0);
}

static void test_overflow(void)
{
    int fds[2];
    if (pipe(fds) != 0) abort();
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)dup2(fds[1], 2);
        (void)dup2(fds[1], 1);
        nicol_error err = {0};
        int x = 0;
        io_loop *l = new_loop(NULL);
        if (!io_guard_report(&err) || !io_spawn(l, "too-deep", overflow_fiber, &x, &err)) _exit(0);
        _exit(io_loop_run(l, &err) ? 0 : 3);
    }
    (void)close(fds[1]);
    char text[65536];
    size_t n = 0;
    ssize_t got;
    while (n < sizeof text - 1 && (got = read(fds[0], text + n, sizeof text - 1 - n)) > 0) n += (size_t)got;
    text[n] = 0;
    (void)close(fds[0]);
    int status = 0;
    (void)waitpid(pid, &status, 0);
    bool sanitized = strstr(text, "Sanitizer") != NULL;
    ok(sanitized || (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV), "a stack overflow ends the process");
    ok(strstr(text, "fiber \"too-deep\"") || strstr(text, "stack-overflow"), "and says so");
}

/* --- fairness --------------------------------------------------------------------------------------------------------- */

static bool greedy_done, modest_ran;
static void greedy(void *arg)
{
    int *fds = arg;
    nicol_error err = {0};
    io_stream *s = io_stream_open(fds[0], NULL, IO_NEVER, &err), *w = io_stream_open(fds[1], NULL, IO_NEVER, &err);
    io_result why;
    char c;
    for (int i = 0; i < 1000 && !modest_ran; i++) {
        if (!io_write_all(w, "ab", 2, IO_NEVER, &why)) break;
        if (io_read(s, &c, 1, IO_NEVER, &why) != 1 || io_read(s, &c, 1, IO_NEVER, &why) != 1) break;
    }
    ok(modest_ran, "a fiber whose operations never wait lets the others run");
    greedy_done = true;
    io_stream_close(s);
    io_stream_close(w);
}

static void modest(void *arg)
{
    (void)arg;
    modest_ran = true;
}

static void test_budget(void)
{
    io_loop *l = new_loop(NULL);
    int fds[2];
    make_pair(fds);
    greedy_done = modest_ran = false;
    ok(spawn(l, greedy, fds) && spawn(l, modest, NULL), "spawn");
    run_to_end(l);
    ok(greedy_done, "done");
    io_loop_free(l);
}

/* --- without a loop --------------------------------------------------------------------------------------------------- */

static void test_no_loop(void)
{
    int a[2];
    make_pair(a);
    ok(io_self() == NULL && io_loop_here() == NULL, "no fiber, no loop");
    io_yield();
    int64_t t = clock_mono_us();
    ok(io_wait(a[0], IO_READ, t + 5000) == IO_TIMEOUT && clock_mono_us() - t >= 5000, "io_wait is poll: time out");
    ok(write(a[1], "x", 1) == 1, "write");
    ok(io_wait(a[0], IO_READ | IO_LIB, IO_NEVER) == IO_READY, "io_wait is poll: ready");
    t = clock_mono_us();
    ok(io_sleep_until(t + 3000) == IO_TIMEOUT && clock_mono_us() - t >= 3000, "sleep");
    ok(io_sleep_until(t) == IO_TIMEOUT, "sleep until the past");
    heavy h = {0};
    io_offload(heavy_work, &h);
    ok(h.ran == 1 && pthread_equal(h.ran_on, pthread_self()), "io_offload runs inline");
    io_lock k = {0};
    ok(io_lock_take(&k, IO_NEVER) == IO_READY, "a free lock is taken");
    ok(io_lock_take(&k, IO_NEVER) == IO_TIMEOUT, "a held one cannot be waited for");
    io_lock_give(&k);
    ok(!k.held, "given back");
    io_queue q = {0};
    ok(io_queue_wait(&q, IO_NEVER) == IO_TIMEOUT && !io_queue_wake(&q), "a queue neither");
    io_close(a[0]);
    io_close(a[1]);
    ok(io_wait(a[0], IO_READ, IO_NEVER) == IO_CLOSED, "a closed descriptor");
    nicol_error err = {0};
    io_loop *l = new_loop(NULL);
    ok(l && io_loop_here() == NULL, "a loop that does not run is not here");
    ok(spawn(l, modest, NULL), "a fiber that never runs");
    io_loop_free(l);
    (void)err;
}

static void nested_fiber(void *arg)
{
    (void)arg;
    nicol_error err = {0};
    io_loop *l = new_loop(NULL);
    ok(!io_loop_run(l, &err), "a loop inside a loop is refused: %s", err.text);
    io_loop_free(l);
}

static void test_nested(void)
{
    io_loop *l = new_loop(NULL);
    ok(spawn(l, nested_fiber, NULL), "spawn");
    run_to_end(l);
    io_loop_free(l);
}

int main(void)
{
    test_ping_pong();
    test_registers_survive();
    test_switch_cost();
    test_timers();
    test_wait();
    test_lib();
    test_edges();
    test_watch();
    test_lock();
    test_queue();
    test_offload();
    test_post();
    test_stop_from_signal();
    test_many();
    test_overflow();
    test_budget();
    test_no_loop();
    test_nested();
    return done_testing();
}
