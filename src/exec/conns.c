/* exec/conns.c - the roles of connections to SQLite.
 *
 * SQLite has one writer at a time, so there is one connection for writing, handed over first come, first served: a
 * second one would only be told SQLITE_BUSY. In WAL mode readers don't wait for it, so reads go to a few connections of
 * their own, opened when first needed. Without a loop there is nobody to hand over to, and one connection serves
 * everything while it is free; a reader is opened only for reads beside an open interactive transaction.
 */
#include "exec/exec_int.h"

#define READERS_DEFAULT 4
#define WAIT_DEFAULT_US 30000000 /* for a connection, when the request has no deadline and there is a loop */

int64_t conn_deadline(const exec *e, int64_t deadline_us)
{
    if (e->o.statement_timeout_us <= 0) return deadline_us;
    int64_t mine = clock_mono_us() + e->o.statement_timeout_us;
    return mine < deadline_us ? mine : deadline_us;
}

static bool open_into(exec *e, exec_conn *c, bool read_only, arena *a, nicol_error *err)
{
    driver_opts o = e->o.db;
    if (read_only) {
        o.read_only = true;
        o.create = false;
    }
    c->c = e->d->open(&o, a, err);
    if (c->c) e->figures.connections++;
    return c->c != NULL;
}

static void shut(exec *e, exec_conn *c)
{
    if (!c->c) return;
    e->d->close(c->c);
    c->c = NULL;
    e->figures.connections--;
}

bool conns_open(exec *e, nicol_error *err)
{
    nicol_str url = e->o.db.url;
    e->one_connection = str_find(url, S(":memory:"), 0) != SIZE_MAX || str_find(url, S("mode=memory"), 0) != SIZE_MAX;
    if (e->o.readers_max == 0) e->o.readers_max = READERS_DEFAULT;
    e->writer.writer = true;
    arena_reset(e->scratch);
    return open_into(e, &e->writer, false, e->scratch, err);
}

void conns_close(exec *e)
{
    while (e->idle) {
        exec_conn *c = e->idle;
        e->idle = c->next;
        shut(e, c);
        e->m->free(e->m->ctx, c, sizeof *c);
    }
    shut(e, &e->writer);
}

static bool no_turn(exec *e, io_result why, nicol_error *err)
{
    (void)e;
    if (why == IO_CANCELLED || why == IO_CLOSED) return nicol_fail(err, NICOL_E_CANCELLED, NULL);
    if (!io_loop_here()) {
        return nicol_fail(err, NICOL_E_POOL_TIMEOUT,
                          "Timed out fetching a new connection from the connection pool. An open transaction of this "
                          "thread holds the only connection: end it first, or run the operation inside it");
    }
    return nicol_fail(
        err, NICOL_E_POOL_TIMEOUT,
        "Timed out fetching a new connection from the connection pool. The database was busy with other writers");
}

bool conn_take_writer(exec *e, int64_t deadline_us, arena *a, exec_conn **out, nicol_error *err)
{
    if (e->writer_lock.held) e->figures.busy_waits++;
    e->waiting++;
    io_result got = io_lock_take(&e->writer_lock, deadline_us);
    e->waiting--;
    if (got != IO_READY) return no_turn(e, got, err);
    /* It was shut because something went wrong with it: open it anew. */
    if (!e->writer.c && !open_into(e, &e->writer, false, a, err)) {
        io_lock_give(&e->writer_lock);
        return false;
    }
    *out = &e->writer;
    return true;
}

static bool new_reader(exec *e, arena *a, exec_conn **out, nicol_error *err)
{
    exec_conn *c = e->m->alloc(e->m->ctx, sizeof *c);
    if (!c) return nicol_fail_oom(err);
    *c = (exec_conn){0};
    e->readers++;
    if (open_into(e, c, true, a, err)) {
        *out = c;
        return true;
    }
    e->readers--;
    e->m->free(e->m->ctx, c, sizeof *c);
    io_queue_wake(&e->readers_queue);
    return false;
}

bool conn_take_reader(exec *e, int64_t deadline_us, arena *a, exec_conn **out, nicol_error *err)
{
    bool loop = io_loop_here() != NULL;
    if (e->one_connection || (!loop && !e->writer_lock.held)) return conn_take_writer(e, deadline_us, a, out, err);
    for (;;) {
        if (e->idle) {
            *out = e->idle;
            e->idle = e->idle->next;
            return true;
        }
        if (e->readers < e->o.readers_max) return new_reader(e, a, out, err);
        e->figures.busy_waits++;
        e->waiting++;
        io_result got = io_queue_wait(&e->readers_queue, deadline_us);
        e->waiting--;
        if (got != IO_READY) return no_turn(e, got, err);
    }
}

void conn_give(exec *e, exec_conn *c)
{
    nicol_error lost = {0};
    arena_reset(e->scratch);
    bool good = c->c != NULL;
    if (good && e->d->in_transaction(c->c)) {
        good = e->d->rollback(c->c, e->scratch, &lost);
        e->figures.rollbacks++;
    }
    if (good) good = e->d->healthy(c->c);
    if (!good) shut(e, c);
    if (c->writer) {
        io_lock_give(&e->writer_lock);
        return;
    }
    if (good) {
        c->next = e->idle;
        e->idle = c;
    } else {
        e->readers--;
        e->m->free(e->m->ctx, c, sizeof *c);
    }
    io_queue_wake(&e->readers_queue);
}
