/* exec/conns.c - which connections a run may take.
 *
 * A database on the network has one pool for everything. SQLite has one writer at a time, so there is a pool of one
 * connection for writing, handed over first come, first served: a second one would only be told SQLITE_BUSY. In WAL mode
 * readers don't wait for the writer, so reads go to a few connections of their own, opened when first needed. Without a
 * loop there is nobody to hand over to, and one connection serves everything while it is free; a reader is opened only
 * for reads beside an open interactive transaction.
 */
#include "base/log.h"
#include "exec/exec_int.h"

#define READERS_DEFAULT 4

int64_t conn_deadline(const exec *e, int64_t deadline_us)
{
    if (e->o.statement_timeout_us <= 0) return deadline_us;
    int64_t mine = clock_mono_us() + e->o.statement_timeout_us;
    return mine < deadline_us ? mine : deadline_us;
}

static pool *embedded_pool(exec *e, unsigned size, bool read_only, nicol_error *err)
{
    pool_opts o = {.d = e->d,
                   .db = e->o.db,
                   .size = size,
                   .wait_us = IO_NEVER,
                   .idle_us = IO_NEVER,
                   .life_us = IO_NEVER,
                   .m = e->m};
    o.db.read_only = o.db.read_only || read_only;
    o.db.create = o.db.create && !read_only;
    return pool_open(&o, err);
}

static bool open_embedded(exec *e, nicol_error *err)
{
    nicol_str url = e->o.db.url;
    e->one_connection = str_find(url, S(":memory:"), 0) != SIZE_MAX || str_find(url, S("mode=memory"), 0) != SIZE_MAX;
    unsigned readers = e->o.readers_max ? e->o.readers_max : READERS_DEFAULT;
    e->writers = embedded_pool(e, 1, false, err);
    if (!e->writers) return false;
    e->readers = e->one_connection ? e->writers : embedded_pool(e, readers, true, err);
    return e->readers != NULL;
}

static bool open_network(exec *e, nicol_error *err)
{
    driver_url_facts facts = {.pool_timeout_us = -1};
    if (e->d->url_facts && !e->d->url_facts(e->o.db.url, &facts, err)) return false;
    pool_opts o = {.d = e->d, .db = e->o.db, .size = facts.connection_limit, .m = e->m};
    if (facts.pool_timeout_us >= 0) o.wait_us = facts.pool_timeout_us;
    e->writers = e->readers = pool_open(&o, err);
    return e->writers != NULL;
}

/* A wrong address, name or password is told at once. A server that is merely not up yet is not an error: it may be started
 * at the same time as we are. */
static bool first_connection(exec *e, nicol_error *err)
{
    exec_conn *c;
    nicol_error mine = {0};
    arena_reset(e->scratch);
    if (pool_take(e->writers, POOL_WRITE, IO_NEVER, e->scratch, &c, &mine)) {
        pool_give(c);
        return true;
    }
    bool later = !e->d->one_writer && (mine.code == NICOL_E_DB_UNREACHABLE || mine.code == NICOL_E_DB_CLOSED ||
                                       mine.code == NICOL_E_DB_TIMEOUT || mine.code == NICOL_E_DB_CONNECT_TIMEOUT);
    if (!later) {
        if (err && !err_is(err)) err_copy(err, &mine, e->scratch);
        return false;
    }
    LOG(LOG_WARN, "database_unreachable", S(""), LOG_S("error", mine.message));
    return true;
}

bool conns_open(exec *e, nicol_error *err)
{
    bool good = e->d->one_writer ? open_embedded(e, err) : open_network(e, err);
    if (good && first_connection(e, err)) return true;
    err_keep(err);
    conns_close(e);
    return false;
}

void conns_close(exec *e)
{
    if (e->readers != e->writers) pool_close(e->readers);
    pool_close(e->writers);
    e->readers = e->writers = NULL;
}

bool conn_take(exec *e, pool_use use, int64_t deadline_us, arena *a, exec_conn **out, nicol_error *err)
{
    bool read = use == POOL_READ && !e->one_connection;
    /* Without a loop the writer's connection serves reads, too, when it is free. */
    if (read && e->readers != e->writers && !io_loop_here() && pool_has_idle(e->writers)) read = false;
    return pool_take(read ? e->readers : e->writers, use, deadline_us, a, out, err);
}

void conn_give(exec *e, exec_conn *c)
{
    if (e->d->in_transaction(c->c)) e->figures.rollbacks++;
    pool_give(c);
}

void conns_lost(exec *e)
{
    if (!e->d->one_writer) pool_drop_idle(e->writers);
}

void conns_figures(const exec *e, exec_figures *f)
{
    pool_figures w, r = {0};
    pool_get_figures(e->writers, &w);
    if (e->readers != e->writers) pool_get_figures(e->readers, &r);
    f->pool = w;
    f->pool.size += r.size;
    f->pool.open += r.open;
    f->pool.busy += r.busy;
    f->pool.idle += r.idle;
    f->pool.opening += r.opening;
    f->pool.waiting += r.waiting;
    f->pool.opened += r.opened;
    f->pool.closed += r.closed;
    f->pool.open_failures += r.open_failures;
    f->pool.takes += r.takes;
    f->pool.waits += r.waits;
    f->pool.timeouts += r.timeouts;
    hist_merge(&f->pool.waited, &r.waited);
    if (r.longest_wait_us > w.longest_wait_us) f->pool.longest_wait_us = r.longest_wait_us;
    for (unsigned i = 0; i < POOL_USES_N; i++) f->pool.used[i] += r.used[i];
}
