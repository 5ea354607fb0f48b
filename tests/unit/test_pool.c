/* The pool over a driver that keeps a tally: who gets a connection and in which order, what is counted, what happens to
 * connections that break, grow old or can't be opened, and to those who wait in vain. */
#include "tap.h"

#include "base/clock.h"
#include "pool/pool.h"

/* --- a driver that only keeps a tally ------------------------------------------------------------------------------- */

struct driver_conn {
    const mem *m;
    int number;
    bool tx, broken;
};

static struct {
    int opened, open, rolled_back;
    bool refuse, rollback_fails;
    int64_t open_takes_us;
} db;

static driver_conn *tally_open(const driver_opts *o, arena *a, nicol_error *err)
{
    (void)a;
    if (db.open_takes_us) (void)io_sleep_until(clock_mono_us() + db.open_takes_us);
    if (db.refuse) {
        nicol_fail(err, NICOL_E_DB_UNREACHABLE, "nobody at %.*s", STR_FMT(o->url));
        return NULL;
    }
    driver_conn *c = o->m->alloc(o->m->ctx, sizeof *c);
    if (!c) {
        nicol_fail_oom(err);
        return NULL;
    }
    *c = (driver_conn){.m = o->m, .number = ++db.opened};
    db.open++;
    return c;
}

static void tally_close(driver_conn *c)
{
    db.open--;
    c->m->free(c->m->ctx, c, sizeof *c);
}

static bool tally_in_transaction(const driver_conn *c)
{
    return c->tx;
}

static bool tally_rollback(driver_conn *c, arena *a, nicol_error *err)
{
    (void)a;
    db.rolled_back++;
    if (db.rollback_fails) return nicol_fail(err, NICOL_E_DB_CLOSED, NULL);
    c->tx = false;
    return true;
}

static bool tally_healthy(driver_conn *c)
{
    return !c->broken && !c->tx;
}

static const driver tally = {.version = DRIVER_VERSION,
                             .name = "tally",
                             .open = tally_open,
                             .close = tally_close,
                             .in_transaction = tally_in_transaction,
                             .rollback = tally_rollback,
                             .healthy = tally_healthy};

static pool *new_pool(const mem *m, unsigned size, int64_t wait_us, nicol_error *err)
{
    memset(&db, 0, sizeof db);
    return pool_open(&(pool_opts){.d = &tally, .db = {.url = S("tally:x")}, .size = size, .wait_us = wait_us, .m = m},
                     err);
}

static pool_figures figures(const pool *p)
{
    pool_figures f;
    pool_get_figures(p, &f);
    return f;
}

/* What holds at every moment, whatever happened. */
static bool exact(const pool *p)
{
    pool_figures f = figures(p);
    uint32_t used = 0;
    for (unsigned i = 0; i < POOL_USES_N; i++) used += f.used[i];
    return f.open == f.busy + f.idle && used == f.busy && f.opened - f.closed == f.open && (int)f.open == db.open &&
           f.open + f.opening <= f.size;
}

/* --- without a loop ------------------------------------------------------------------------------------------------- */

static void test_plain(void)
{
    nicol_error err = {0};
    arena *a = arena_new(mem_default, 100000);
    pool *p = new_pool(NULL, 2, 0, &err);
    pool_conn *one = NULL, *two = NULL, *three = NULL;
    ok(!pool_has_idle(p), "nothing is opened before it is needed");
    ok(pool_take(p, POOL_READ, IO_NEVER, a, &one, &err), "the first");
    ok(pool_take(p, POOL_TRANSACTION, IO_NEVER, a, &two, &err), "the second");
    ok(exact(p), "counts");
    ok(!pool_take(p, POOL_READ, IO_NEVER, a, &three, &err), "the third is one too many");
    is_int(err.code, NICOL_E_POOL_TIMEOUT);
    is_str(
        err.message,
        S("Timed out fetching a new connection from the connection pool: busy connections: 2 of 2, 1 with reads (the "
          "longest for 0.0 s), 1 in interactive transactions (the longest for 0.0 s). An open transaction of this "
          "thread holds one: end it first, or run the operation inside it"));
    is_int(figures(p).timeouts, 1);
    err_clear(&err);
    pool_give(one);
    ok(pool_has_idle(p), "it is idle");
    ok(pool_take(p, POOL_WRITE, IO_NEVER, a, &three, &err) && three == one, "and serves again");
    is_int(db.opened, 2);
    two->c->tx = true;
    pool_give(two);
    is_int(db.rolled_back, 1);
    is_int(db.open, 2);
    three->c->broken = true;
    pool_give(three);
    is_int(db.open, 1);
    ok(exact(p), "counts after a broken one");
    ok(pool_take(p, POOL_READ, IO_NEVER, a, &one, &err), "again");
    one->c->tx = db.rollback_fails = true;
    pool_give(one);
    is_int(db.open, 0);
    db.refuse = true;
    ok(!pool_take(p, POOL_READ, IO_NEVER, a, &one, &err), "nobody there");
    is_int(err.code, NICOL_E_DB_UNREACHABLE);
    is_str(err.message, S("nobody at tally:x"));
    is_int(figures(p).open_failures, 1);
    ok(exact(p), "counts after a failure");
    pool_close(p);
    arena_free(a);
}

/* One that broke while it was idle is not handed out. */
static void test_broken_idle(void)
{
    nicol_error err = {0};
    arena *a = arena_new(mem_default, 100000);
    pool *p = new_pool(NULL, 3, 0, &err);
    pool_conn *c[3];
    for (int i = 0; i < 3; i++) ok(pool_take(p, POOL_READ, IO_NEVER, a, &c[i], &err), "take %d", i);
    for (int i = 0; i < 3; i++) {
        pool_give(c[i]);
        c[i]->c->broken = i != 0;
    }
    pool_conn *got = NULL;
    ok(pool_take(p, POOL_READ, IO_NEVER, a, &got, &err) && got == c[0], "the sound one");
    is_int(db.open, 1);
    ok(exact(p), "counts");
    pool_give(got);
    pool_drop_idle(p);
    is_int(db.open, 0);
    ok(exact(p), "counts after the drop");
    pool_close(p);
    arena_free(a);
}

static void test_faults(void)
{
    FOR_EACH_FAULT(m, "pool: open, take, give, close") {
        nicol_error err = {0};
        arena *a = arena_new(m, 100000);
        pool *p = a ? new_pool(m, 2, 0, &err) : NULL;
        pool_conn *one = NULL, *two = NULL;
        if (p && pool_take(p, POOL_READ, IO_NEVER, a, &one, &err)) {
            if (pool_take(p, POOL_BATCH, IO_NEVER, a, &two, &err)) {
                nicol_error full = {0};
                pool_conn *three;
                ok(!pool_take(p, POOL_READ, IO_NEVER, a, &three, &full), "full");
                pool_give(two);
            }
            pool_give(one);
        }
        if (p) ok(exact(p), "counts");
        pool_close(p);
        arena_free(a);
    }
}

/* --- on a loop ------------------------------------------------------------------------------------------------------ */

static struct {
    io_loop *loop;
    pool *p;
    char order[64]; /* of those who were served */
    size_t order_n;
    int timeouts, cancelled, unreachable, wrong;
    int running;
} t;

typedef struct guest {
    char name;
    int64_t waits_us; /* at most; 0: for ever */
    int64_t stays_us;
    bool breaks; /* gives a broken one back */
    bool nobody; /* cancels itself while it waits */
} guest;

static void visit(void *arg)
{
    const guest *g = arg;
    nicol_error err = {0};
    arena *a = arena_new(mem_default, 100000);
    pool_conn *c = NULL;
    int64_t until = g->waits_us ? clock_mono_us() + g->waits_us : IO_NEVER;
    if (pool_take(t.p, POOL_READ, until, a, &c, &err)) {
        t.order[t.order_n++] = g->name;
        if (g->stays_us) (void)io_sleep_until(clock_mono_us() + g->stays_us);
        c->c->broken = g->breaks;
        pool_give(c);
    } else if (err.code == NICOL_E_POOL_TIMEOUT) {
        t.timeouts++;
        if (str_find(err.message, S("(Current connection pool timeout: "), 0) == SIZE_MAX || err.meta.len == 0)
            t.wrong++;
    } else if (err.code == NICOL_E_CANCELLED) {
        t.cancelled++;
    } else if (err.code == NICOL_E_DB_UNREACHABLE) {
        t.unreachable++;
    } else {
        t.wrong++;
    }
    if (!exact(t.p)) t.wrong++;
    arena_free(a);
    t.running--;
}

static void come(const guest *g)
{
    nicol_error err = {0};
    t.running++;
    ok(io_spawn(t.loop, "guest", visit, (void *)(uintptr_t)g, &err), "guest %c comes", g->name);
    io_yield();
}

static void wait_all(void)
{
    while (t.running) (void)io_sleep_until(clock_mono_us() + 1000);
}

static void reset(unsigned size, int64_t wait_us)
{
    nicol_error err = {0};
    io_loop *loop = t.loop;
    memset(&t, 0, sizeof t);
    t.loop = loop;
    t.p = new_pool(NULL, size, wait_us, &err);
}

static void leave(const char *order)
{
    wait_all();
    is_z(t.order, order);
    is_int(t.wrong, 0);
    ok(exact(t.p), "counts at the end");
    is_int(figures(t.p).waiting, 0);
    pool_close(t.p);
    is_int(db.open, 0);
}

/* First come, first served, also when somebody comes at the very moment at which one is given back. */
static void test_order(void)
{
    static const guest g[] = {{'a', 0, 20000, false, false},
                              {'b', 0, 1000, false, false},
                              {'c', 0, 1000, false, false},
                              {'d', 0, 1000, false, false},
                              {'e', 0, 1000, false, false}};
    reset(1, 0);
    for (size_t i = 0; i < 4; i++) come(&g[i]);
    is_int(figures(t.p).waiting, 3);
    ok(figures(t.p).longest_wait_us >= 0, "the longest wait is known");
    while (t.order_n == 1) io_yield(); /* 'b' was just handed it: 'e' must not overtake 'c' and 'd' */
    come(&g[4]);
    leave("abcde");
    is_int(db.opened, 1);
}

static void test_timeout(void)
{
    static const guest g[] = {{'a', 0, 60000, false, false}, {'b', 5000, 0, false, false}, {'c', 0, 0, false, false}};
    reset(1, 0);
    for (size_t i = 0; i < 3; i++) come(&g[i]);
    wait_all();
    is_int(t.timeouts, 1);
    is_int(figures(t.p).timeouts, 1);
    leave("ac");
    reset(1, 3000); /* the pool's own limit */
    come(&g[0]);
    come(&g[2]);
    wait_all();
    is_int(t.timeouts, 1);
    leave("a");
}

/* Those in line get the places of connections that broke, each opening its own. */
static void test_replaced(void)
{
    static const guest g[] = {{'a', 0, 5000, true, false},
                              {'b', 0, 5000, true, false},
                              {'c', 0, 1000, true, false},
                              {'d', 0, 1000, false, false}};
    reset(2, 0);
    db.open_takes_us = 500;
    for (size_t i = 0; i < 4; i++) come(&g[i]);
    wait_all();
    is_int(db.opened, 4);
    is_int(t.order_n, 4);
    t.order[0] = '\0';
    leave("");
    ok(t.cancelled + t.timeouts == 0, "all were served");
}

/* The database goes away and comes back: everybody is told, nobody is stuck, and the pool needs no help. */
static void test_outage(void)
{
    static const guest g[] = {
        {'a', 0, 5000, true, false}, {'b', 0, 0, false, false}, {'c', 0, 0, false, false}, {'d', 0, 0, false, false}};
    reset(1, 0);
    come(&g[0]);
    db.refuse = true;
    come(&g[1]);
    come(&g[2]);
    wait_all();
    is_int(t.unreachable, 2);
    db.refuse = false;
    come(&g[3]);
    wait_all();
    leave("ad");
}

static void cancel_it(void *arg)
{
    io_cancel(arg);
}

static io_fiber *caught;
static void visit_and_tell(void *arg)
{
    caught = io_self();
    visit(arg);
}

static void test_cancel(void)
{
    static const guest g[] = {{'a', 0, 20000, false, false}, {'b', 0, 0, false, false}, {'c', 0, 0, false, false}};
    nicol_error err = {0};
    reset(1, 0);
    come(&g[0]);
    t.running++;
    ok(io_spawn(t.loop, "guest", visit_and_tell, (void *)(uintptr_t)&g[1], &err), "guest b comes");
    io_yield();
    come(&g[2]);
    cancel_it(caught);
    wait_all();
    is_int(t.cancelled, 1);
    leave("ac");
}

/* Closing while others wait: they are told, not left. */
static void close_it(void *arg)
{
    pool_give(arg);
    pool_close(t.p);
}

static void test_close(void)
{
    static const guest g[] = {{'b', 0, 0, false, false}, {'c', 0, 0, false, false}};
    nicol_error err = {0};
    arena *a = arena_new(mem_default, 100000);
    pool_conn *c = NULL;
    reset(1, 0);
    ok(pool_take(t.p, POOL_TRANSACTION, IO_NEVER, a, &c, &err), "taken");
    pool_figures before = figures(t.p);
    is_int(before.used[POOL_TRANSACTION], 1);
    come(&g[0]);
    come(&g[1]);
    /* The pool is gone when the guests look at its counts: so they don't. */
    close_it(c);
    is_int(db.open, 0);
    is_int(t.order_n + (size_t)t.cancelled, 2);
    t.running = 0;
    arena_free(a);
}

/* Connections that nobody needs are closed after a while, the others stay. */
static void test_idle(void)
{
    static const guest g[] = {{'a', 0, 2000, false, false}, {'b', 0, 2000, false, false}, {'c', 0, 2000, false, false}};
    nicol_error err = {0};
    reset(3, 0);
    pool_close(t.p);
    memset(&db, 0, sizeof db);
    t.p = pool_open(&(pool_opts){.d = &tally, .db = {.url = S("tally:x")}, .size = 3, .idle_us = 10000}, &err);
    for (size_t i = 0; i < 3; i++) come(&g[i]);
    wait_all();
    is_int(db.opened, 3);
    for (int i = 0; i < 5000 && db.open > 0; i++) (void)io_sleep_until(clock_mono_us() + 1000);
    is_int(db.open, 0);
    leave("abc");
}

static void on_loop(void *arg)
{
    (void)arg;
    test_order();
    test_timeout();
    test_replaced();
    test_outage();
    test_cancel();
    test_close();
    test_idle();
    io_loop_stop(t.loop);
}

int main(void)
{
    nicol_error err = {0};
    test_plain();
    test_broken_idle();
    test_faults();
    t.loop = io_loop_new(&(io_loop_opts){0}, &err);
    io_loop *loop = t.loop;
    ok(loop && io_spawn(loop, "tests", on_loop, NULL, &err), "a loop");
    ok(io_loop_run(loop, &err), "it ran");
    io_loop_free(loop);
    return done_testing();
}
