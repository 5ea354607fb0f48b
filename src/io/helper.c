/* io/helper.c - a few threads for what blocks without a descriptor. Started when first needed; a job lies on the stack
 * of the fiber that waits for it, so handing it over allocates nothing and cannot fail. */
#include <signal.h>

#include "io/io_int.h"

enum { HELPERS_LIMIT = 64 };
#if defined(IO_ASAN) || defined(IO_TSAN)
enum { HELPER_STACK_BYTES = 4 << 20 };
#else
enum { HELPER_STACK_BYTES = 1 << 20 };
#endif

bool io_helpers_init(io_loop *l, unsigned max)
{
    io_helpers *h = &l->helpers;
    h->max = max > HELPERS_LIMIT ? HELPERS_LIMIT : max;
    h->threads = l->m->alloc(l->m->ctx, h->max * sizeof *h->threads);
    if (!h->threads) return false;
    if (pthread_mutex_init(&h->lock, NULL) == 0) {
        if (pthread_cond_init(&h->work, NULL) == 0) return true;
        (void)pthread_mutex_destroy(&h->lock);
    }
    l->m->free(l->m->ctx, h->threads, h->max * sizeof *h->threads);
    return false;
}

void io_helpers_free(io_loop *l)
{
    io_helpers *h = &l->helpers;
    (void)pthread_mutex_lock(&h->lock);
    h->stop = true;
    (void)pthread_cond_broadcast(&h->work);
    (void)pthread_mutex_unlock(&h->lock);
    for (unsigned i = 0; i < h->started; i++) (void)pthread_join(h->threads[i], NULL);
    (void)pthread_cond_destroy(&h->work);
    (void)pthread_mutex_destroy(&h->lock);
    l->m->free(l->m->ctx, h->threads, h->max * sizeof *h->threads);
}

static void *helper_main(void *arg)
{
    io_loop *l = arg;
    io_helpers *h = &l->helpers;
    (void)pthread_mutex_lock(&h->lock);
    for (;;) {
        while (!h->jobs.head && !h->stop) {
            h->idle++;
            (void)pthread_cond_wait(&h->work, &h->lock);
            h->idle--;
        }
        io_job *j = h->jobs.head;
        if (!j) break;
        h->jobs.head = j->next;
        if (!h->jobs.head) h->jobs.tail = NULL;
        (void)pthread_mutex_unlock(&h->lock);
        j->fn(j->arg);
        io_loop_give(l, j); /* not ours any more */
        (void)pthread_mutex_lock(&h->lock);
    }
    (void)pthread_mutex_unlock(&h->lock);
    return NULL;
}

/* One more helper, if allowed. Under the lock. Signals stay with the program's own threads. */
static bool start_helper(io_loop *l)
{
    io_helpers *h = &l->helpers;
    if (h->started >= h->max) return false;
    pthread_attr_t attr;
    if (pthread_attr_init(&attr) != 0) return false;
    sigset_t all, old;
    (void)sigfillset(&all);
    bool ok = pthread_attr_setstacksize(&attr, HELPER_STACK_BYTES) == 0;
    ok = ok && pthread_sigmask(SIG_SETMASK, &all, &old) == 0;
    if (ok) {
        ok = pthread_create(&h->threads[h->started], &attr, helper_main, l) == 0;
        (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    }
    (void)pthread_attr_destroy(&attr);
    if (ok) h->started++;
    return ok;
}

void io_offload(void (*fn)(void *arg), void *arg)
{
    io_fiber *f = io_self();
    if (!f) {
        fn(arg);
        return;
    }
    io_loop *l = io_loop_here();
    io_helpers *h = &l->helpers;
    io_job job = {.fn = fn, .arg = arg, .fiber = f};
    (void)pthread_mutex_lock(&h->lock);
    size_t waiting = 1;
    for (io_job *j = h->jobs.head; j && waiting <= h->idle; j = j->next) waiting++;
    if (waiting > h->idle) (void)start_helper(l);
    bool helped = h->started > 0;
    if (helped) {
        if (h->jobs.tail) h->jobs.tail->next = &job;
        else h->jobs.head = &job;
        h->jobs.tail = &job;
        (void)pthread_cond_signal(&h->work);
    }
    (void)pthread_mutex_unlock(&h->lock);
    if (helped) io_park_for_job(l);
    else fn(arg); /* no thread to be had: slow is better than not at all */
}
