/* pool/pool.c - taking, giving, waiting in line.
 *
 * Idle connections form a stack, so that the ones that are not needed grow old at its bottom and are closed. Waiters form a
 * queue; a waiter stands on its own stack and is given either a connection or a slot, the right to open one. Both are
 * handed over by whoever gives, before the waiter runs again: nobody who comes in between can take them away.
 */
#include "pool/pool.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/num.h"

#define WAIT_DEFAULT_US 10000000
#define IDLE_DEFAULT_US 300000000
#define LIFE_DEFAULT_US 3600000000
#define LOOK_AFTER_US 200000 /* an embedded database needs a look only when the connection was left alone for a while */
#define GIVE_BACK_BYTES ((size_t)64 << 10) /* memory for the errors of a rollback */

typedef struct pool_waiter {
    io_queue queue; /* of this one fiber */
    pool_conn *got;
    bool slot;
    int64_t since_us;
    struct pool_waiter *next;
} pool_waiter;

typedef struct conn_list {
    pool_conn *first, *last;
} conn_list;

struct pool {
    const mem *m;
    pool_opts o;
    char *url; /* o.db.url points here */
    size_t url_len;
    conn_list idle, busy;
    pool_waiter *first, *last;
    arena *scratch; /* of what happens outside any request */
    bool closing;
    bool tidying; /* the fiber that closes idle connections is alive */
    io_queue tidy_queue;
    pool_figures f;
};

/* --- opening and closing -------------------------------------------------------------------------------------------- */

pool *pool_open(const pool_opts *o, nicol_error *err)
{
    const mem *m = o->m ? o->m : mem_default;
    pool *p = m->alloc(m->ctx, sizeof *p);
    if (!p) {
        nicol_fail_oom(err);
        return NULL;
    }
    memset(p, 0, sizeof *p);
    p->m = m;
    p->o = *o;
    if (!p->o.size) p->o.size = POOL_SIZE_DEFAULT;
    if (!p->o.wait_us) p->o.wait_us = WAIT_DEFAULT_US;
    if (!p->o.idle_us) p->o.idle_us = IDLE_DEFAULT_US;
    if (!p->o.life_us) p->o.life_us = LIFE_DEFAULT_US;
    p->o.db.m = m;
    p->f.size = p->o.size;
    p->url_len = o->db.url.len;
    p->url = m->alloc(m->ctx, p->url_len + 1);
    p->scratch = arena_new(m, GIVE_BACK_BYTES);
    if (!p->url || !p->scratch) {
        nicol_fail_oom(err);
        pool_close(p);
        return NULL;
    }
    memcpy(p->url, o->db.url.ptr ? o->db.url.ptr : "", p->url_len);
    p->url[p->url_len] = '\0';
    p->o.db.url = str_of(p->url, p->url_len);
    return p;
}

static void list_add(conn_list *l, pool_conn *c)
{
    c->prev = NULL;
    c->next = l->first;
    *(l->first ? &l->first->prev : &l->last) = c;
    l->first = c;
}

static void list_del(conn_list *l, pool_conn *c)
{
    *(c->prev ? &c->prev->next : &l->first) = c->next;
    *(c->next ? &c->next->prev : &l->last) = c->prev;
    c->next = c->prev = NULL;
}

/* The connection is in no list. Counted as closed first: closing may wait, and others ask for figures meanwhile. */
static void shut(pool *p, pool_conn *c)
{
    p->f.open--;
    p->f.closed++;
    p->o.d->close(c->c);
    p->m->free(p->m->ctx, c, sizeof *c);
}

void pool_drop_idle(pool *p)
{
    while (p->idle.first) {
        pool_conn *c = p->idle.first;
        list_del(&p->idle, c);
        p->f.idle--;
        shut(p, c);
    }
}

void pool_close(pool *p)
{
    if (!p) return;
    p->closing = true;
    for (pool_waiter *w = p->first; w; w = w->next) io_queue_wake(&w->queue);
    io_queue_wake_all(&p->tidy_queue);
    while ((p->first || p->tidying || p->f.opening) && io_self()) io_yield();
    pool_drop_idle(p);
    arena_free(p->scratch);
    if (p->url) p->m->free(p->m->ctx, p->url, p->url_len + 1);
    p->m->free(p->m->ctx, p, sizeof *p);
}

/* --- idle connections that are no longer needed --------------------------------------------------------------------- */

static int64_t later(int64_t from_us, int64_t by_us)
{
    return by_us > IO_NEVER - from_us ? IO_NEVER : from_us + by_us;
}

static void close_old(pool *p)
{
    int64_t now = clock_mono_us();
    while (p->idle.last && later(p->idle.last->since_us, p->o.idle_us) <= now) {
        pool_conn *c = p->idle.last;
        list_del(&p->idle, c);
        p->f.idle--;
        shut(p, c);
    }
}

static void tidy(void *arg)
{
    pool *p = arg;
    while (p->idle.last && !p->closing) {
        if (io_queue_wait(&p->tidy_queue, later(p->idle.last->since_us, p->o.idle_us)) == IO_CANCELLED) break;
        if (!p->closing) close_old(p);
    }
    p->tidying = false;
}

/* When no fiber can be had, connections merely stay open for longer. */
static void ensure_tidy(pool *p)
{
    nicol_error unused;
    io_loop *loop = p->o.idle_us == IO_NEVER ? NULL : io_loop_here();
    err_clear(&unused);
    if (!loop || p->tidying || p->closing) return;
    p->tidying = io_spawn(loop, "pool", tidy, p, &unused);
}

/* --- errors --------------------------------------------------------------------------------------------------------- */

static const char *const use_text[POOL_USES_N] = {
    [POOL_READ] = "with reads",
    [POOL_WRITE] = "with writes",
    [POOL_BATCH] = "with batches",
    [POOL_TRANSACTION] = "in interactive transactions",
};

/* "busy connections: 5 of 5, 4 in interactive transactions (the longest for 12.3 s), ..." */
static void say_who(const pool *p, char *to, size_t size)
{
    int64_t now = clock_mono_us(), oldest[POOL_USES_N] = {0};
    for (const pool_conn *c = p->busy.first; c; c = c->next) {
        if (now - c->since_us > oldest[c->use]) oldest[c->use] = now - c->since_us;
    }
    int n = snprintf(to, size, "busy connections: %u of %u", p->f.busy, p->o.size);
    const char *between = ",";
    for (unsigned use = 0; use < POOL_USES_N && n > 0 && (size_t)n < size; use++) {
        if (!p->f.used[use]) continue;
        n += snprintf(to + n, size - (size_t)n, "%s %u %s (the longest for %.1f s)", between, p->f.used[use],
                      use_text[use], (double)oldest[use] / 1e6);
        between = ",";
    }
    if (p->f.opening && n > 0 && (size_t)n < size)
        n += snprintf(to + n, size - (size_t)n, "; %u are being opened", p->f.opening);
    if (p->f.waiting && n > 0 && (size_t)n < size)
        snprintf(to + n, size - (size_t)n, "; %u more requests wait", p->f.waiting);
}

static bool fail_full(pool *p, int64_t waited_for_us, arena *a, nicol_error *err)
{
    char who[320];
    p->f.timeouts++;
    say_who(p, who, sizeof who);
    if (!io_loop_here())
        return nicol_fail(err, NICOL_E_POOL_TIMEOUT,
                          "Timed out fetching a new connection from the connection pool: %s. An open transaction of "
                          "this thread holds one: end it first, or run the operation inside it",
                          who);
    double seconds = (double)waited_for_us / 1e6;
    err_raise(err, NICOL_E_POOL_TIMEOUT, a, __FILE__, __LINE__,
              "Timed out fetching a new connection from the connection pool. More info: "
              "http://pris.ly/d/connection-pool (Current connection pool timeout: %g, connection limit: %u). %s",
              seconds, p->o.size, who);
    if (!err || err->code != NICOL_E_POOL_TIMEOUT || err->meta.len) return false;
    nicol_str meta = arena_printf(a, "{\"connection_limit\":%u,\"timeout\":%g}", p->o.size, seconds);
    if (meta.ptr) err->meta = meta;
    return false;
}

/* --- taking --------------------------------------------------------------------------------------------------------- */

static void now_busy(pool *p, pool_conn *c, pool_use use, int64_t now)
{
    c->use = use;
    c->since_us = now;
    list_add(&p->busy, c);
    p->f.busy++;
    p->f.used[use]++;
}

/* Lets the first in line open a connection in place of one that is gone. */
static void grant_slot(pool *p)
{
    pool_waiter *w = p->first;
    if (!w || p->closing || p->f.open + p->f.opening >= p->o.size) return;
    p->first = w->next;
    if (!p->first) p->last = NULL;
    p->f.waiting--;
    p->f.opening++;
    w->slot = true;
    io_queue_wake(&w->queue);
}

/* The slot, opening++, is the caller's. */
static bool open_one(pool *p, pool_use use, arena *a, pool_conn **out, nicol_error *err)
{
    pool_conn *c = p->m->alloc(p->m->ctx, sizeof *c);
    if (c) {
        *c = (pool_conn){.pool = p};
        c->c = p->o.d->open(&p->o.db, a, err);
    } else {
        nicol_fail_oom(err);
    }
    p->f.opening--;
    if (c && c->c) {
        c->opened_us = clock_mono_us();
        p->f.open++;
        p->f.opened++;
        now_busy(p, c, use, c->opened_us);
        *out = c;
        return true;
    }
    if (c) p->m->free(p->m->ctx, c, sizeof *c);
    p->f.open_failures++;
    grant_slot(p);
    return false;
}

static void wait_del(pool *p, pool_waiter *gone)
{
    pool_waiter *before = NULL, *w = p->first;
    while (w && w != gone) {
        before = w;
        w = w->next;
    }
    if (!w) return;
    *(before ? &before->next : &p->first) = w->next;
    if (p->last == w) p->last = before;
    p->f.waiting--;
}

static bool wait_in_line(pool *p, pool_use use, int64_t deadline_us, arena *a, pool_conn **out, nicol_error *err)
{
    pool_waiter w = {.since_us = clock_mono_us()};
    int64_t until = later(w.since_us, p->o.wait_us);
    if (deadline_us < until) until = deadline_us;
    *(p->last ? &p->last->next : &p->first) = &w;
    p->last = &w;
    p->f.waiting++;
    p->f.waits++;
    io_result got = io_queue_wait(&w.queue, until);
    if (w.got) { /* even when the deadline came at the same moment */
        if (got != IO_CANCELLED) {
            *out = w.got;
            w.got->use = use;
            p->f.used[POOL_READ]--; /* handed over as such */
            p->f.used[use]++;
            return true;
        }
        pool_give(w.got);
    } else if (w.slot) {
        if (got != IO_CANCELLED) return open_one(p, use, a, out, err);
        p->f.opening--;
        grant_slot(p);
    } else {
        wait_del(p, &w);
        if (got == IO_TIMEOUT && !p->closing) return fail_full(p, until == IO_NEVER ? 0 : until - w.since_us, a, err);
    }
    return nicol_fail(err, NICOL_E_CANCELLED, NULL);
}

bool pool_take(pool *p, pool_use use, int64_t deadline_us, arena *a, pool_conn **out, nicol_error *err)
{
    if (p->closing) return nicol_fail(err, NICOL_E_CANCELLED, NULL);
    p->f.takes++;
    int64_t start = clock_mono_us();
    while (!p->first && p->idle.first) {
        pool_conn *c = p->idle.first;
        bool look = !p->o.d->one_writer || start - c->since_us > LOOK_AFTER_US;
        list_del(&p->idle, c);
        p->f.idle--;
        now_busy(p, c, use, start);
        if (!look || p->o.d->healthy(c->c)) {
            hist_add(&p->f.waited, 0);
            *out = c;
            return true;
        }
        list_del(&p->busy, c);
        p->f.busy--;
        p->f.used[use]--;
        shut(p, c);
    }
    bool good;
    if (!p->first && p->f.open + p->f.opening < p->o.size) {
        p->f.opening++;
        good = open_one(p, use, a, out, err);
    } else {
        good = wait_in_line(p, use, deadline_us, a, out, err);
    }
    if (good) hist_add(&p->f.waited, clock_mono_us() - start);
    return good;
}

bool pool_has_idle(const pool *p)
{
    return p->idle.first != NULL;
}

/* --- giving back ---------------------------------------------------------------------------------------------------- */

static bool fit_again(pool *p, pool_conn *c)
{
    nicol_error lost;
    err_clear(&lost);
    if (p->closing) return false;
    if (p->o.d->in_transaction(c->c)) {
        arena_reset(p->scratch);
        if (!p->o.d->rollback(c->c, p->scratch, &lost)) return false;
    }
    if (!p->o.d->healthy(c->c)) return false;
    return p->o.life_us == IO_NEVER || clock_mono_us() < later(c->opened_us, p->o.life_us);
}

void pool_give(pool_conn *c)
{
    pool *p = c->pool;
    bool fit = fit_again(p, c); /* may wait; the connection counts as busy meanwhile */
    list_del(&p->busy, c);
    p->f.busy--;
    p->f.used[c->use]--;
    if (!fit) {
        shut(p, c);
        grant_slot(p);
        return;
    }
    pool_waiter *w = p->first;
    if (!w) {
        if (p->o.idle_us != IO_NEVER) c->since_us = clock_mono_us();
        list_add(&p->idle, c);
        p->f.idle++;
        ensure_tidy(p);
        return;
    }
    p->first = w->next;
    if (!p->first) p->last = NULL;
    p->f.waiting--;
    now_busy(p, c, POOL_READ, clock_mono_us());
    w->got = c;
    io_queue_wake(&w->queue);
}

/* --- figures -------------------------------------------------------------------------------------------------------- */

void pool_get_figures(const pool *p, pool_figures *f)
{
    *f = p->f;
    f->longest_wait_us = p->first ? clock_mono_us() - p->first->since_us : 0;
}
