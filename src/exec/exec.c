/* exec/exec.c - opening a database, running one plan, running a batch of plans.
 *
 * A plan that may write runs in a transaction of its own on the writer, from its first statement on: all of it or nothing, and
 * the commit (which waits for the disk) is the driver's explicit one. A plan that only reads runs on a reader; several
 * statements see one state. The connection is taken at the first statement, so a plan without any takes none.
 */
#include "exec/exec_int.h"

#define MEMORY_BYTES_MAX ((size_t)8 << 20) /* what one plan may remember */
#define SCRATCH_BYTES_MAX ((size_t)16 << 20)

/* --- opening -------------------------------------------------------------------------------------------------------- */

static void exec_free(exec *e)
{
    const mem *m = e->m;
    buf_free(&e->tmp);
    arena_free(e->scratch);
    if (e->closed) m->free(m->ctx, e->closed, EXEC_CLOSED_MAX * sizeof *e->closed);
    if (e->url) m->free(m->ctx, e->url, e->url_len + 1);
    m->free(m->ctx, e, sizeof *e);
}

exec *exec_open(const exec_opts *opts, nicol_error *err)
{
    const mem *m = opts->m ? opts->m : mem_default;
    const driver *d = driver_for_url(opts->db.url, err);
    if (!d) return NULL;
    exec *e = m->alloc(m->ctx, sizeof *e);
    if (!e) {
        nicol_fail_oom(err);
        return NULL;
    }
    *e = (exec){.m = m, .d = d, .o = *opts};
    if (e->o.request_bytes_max == 0) e->o.request_bytes_max = NICOL_REQUEST_ARENA_BYTES_MAX;
    if (e->o.result_bytes_max == 0) e->o.result_bytes_max = NICOL_RESULT_BYTES_MAX;
    if (e->o.tx_max == 0) e->o.tx_max = NICOL_TX_MAX;
    if (!e->o.db.m) e->o.db.m = m;
    buf_init(&e->tmp, m, e->o.result_bytes_max);
    e->scratch = arena_new(m, SCRATCH_BYTES_MAX);
    e->url_len = opts->db.url.len;
    e->url = m->alloc(m->ctx, e->url_len + 1);
    if (e->url) {
        if (e->url_len) memcpy(e->url, opts->db.url.ptr, e->url_len);
        e->url[e->url_len] = '\0';
        e->o.db.url = str_of(e->url, e->url_len);
    }
    bool good = (e->scratch && e->url) || nicol_fail_oom(err);
    if (good && txs_open(e, err) && conns_open(e, err)) return e;
    err_keep(err); /* its text may be in the scratch arena */
    exec_free(e);
    return NULL;
}

void exec_close(exec *e)
{
    if (!e) return;
    e->closing = true;
    txs_close(e);
    conns_close(e);
    exec_free(e);
}

const driver *exec_driver(const exec *e)
{
    return e->d;
}

void exec_get_figures(const exec *e, exec_figures *f)
{
    *f = e->figures;
    f->tx_open = e->open_n;
    conns_figures(e, f);
}

/* --- what a plan remembers ------------------------------------------------------------------------------------------ */

static void memory_free(void *runtime)
{
    exec_memory *k = runtime;
    const mem *m = k->m;
    arena_free(k->a);
    m->free(m->ctx, k, sizeof *k);
}

static size_t memory_bytes(const void *runtime)
{
    return arena_bytes(((const exec_memory *)runtime)->a);
}

/* NULL when there is no memory for it: the run then works without. */
static exec_memory *memory_of(const exec *e, const plan *p)
{
    if (p->runtime || p->sites_n == 0) return p->runtime;
    exec_memory *k = e->m->alloc(e->m->ctx, sizeof *k);
    if (!k) return NULL;
    *k = (exec_memory){.m = e->m, .a = arena_new(e->m, MEMORY_BYTES_MAX), .sites_n = p->sites_n};
    if (k->a) k->sites = ARENA_ARRAY(k->a, p->sites_n, exec_site);
    if (!k->sites) {
        memory_free(k);
        return NULL;
    }
    /* The plan stays what it is; this is a note beside it. */
    plan *note = (plan *)(uintptr_t)p;
    note->runtime = k;
    note->runtime_free = memory_free;
    note->runtime_bytes = memory_bytes;
    return k;
}

/* --- the connection of a run ---------------------------------------------------------------------------------------- */

static bool begin(run *r, bool write)
{
    if (!r->d->begin(r->conn->c, r->iso, write, conn_deadline(r->e, r->deadline_us), r->a, r->err)) {
        if (r->err) error_settle(r->err, r->p->raw_query || r->p->raw_execute, r->a);
        return false;
    }
    r->e->figures.transactions++;
    r->began = true;
    r->may_write = write;
    return true;
}

bool run_conn(run *r)
{
    if (r->conn) return true;
    pool_use use = r->batch ? POOL_BATCH : r->wants_writer ? POOL_WRITE : POOL_READ;
    if (use == POOL_BATCH && !r->wants_writer) use = POOL_READ;
    for (unsigned again = 0;; again++) {
        if (!conn_take(r->e, use, r->deadline_us, r->a, &r->conn, r->err)) return false;
        r->owns_conn = true;
        if ((!r->wants_writer && r->alone) || begin(r, r->wants_writer)) return true;
        /* The database had closed it while it was idle. Nothing ran, so another one may do. */
        if (again == CONNS_AGAIN_MAX || r->err->code != NICOL_E_DB_CLOSED) return false;
        conns_lost(r->e);
        conn_give(r->e, r->conn);
        r->conn = NULL;
        err_clear(r->err);
    }
}

bool run_fresh_writer(run *r)
{
    conn_give(r->e, r->conn);
    r->conn = NULL;
    r->began = r->alone = r->owns_conn = false;
    r->wants_writer = true;
    return run_conn(r);
}

bool run_begin_read(run *r)
{
    if (!run_conn(r)) return false;
    return r->began || r->tx || begin(r, false);
}

/* --- a run ---------------------------------------------------------------------------------------------------------- */

static bool run_setup(run *r, exec *e, const exec_request *rq, nicol_error *err)
{
    *r = (run){.e = e,
               .d = e->d,
               .rq = rq,
               .comment = rq->sql_comment,
               .a = rq->a,
               .err = err,
               .tx = rq->tx,
               .now_ms = INT64_MIN};
    r->deadline_us = rq->deadline_us;
    if (!rq->tx) return true;
    r->conn = rq->tx->conn;
    r->began = r->may_write = true;
    if (rq->tx->deadline_us < r->deadline_us) r->deadline_us = rq->tx->deadline_us;
    if (rq->tx->closed)
        return fail_tx(err, rq->a,
                       "Transaction already closed: A query cannot be executed on a transaction that was rolled back.");
    return tx_alive(rq->tx, "query", rq->a, err);
}

static bool run_plan(run *r, const plan *p, const val *params, buf *out, bool *has_value)
{
    r->p = p;
    r->params = params;
    r->memory = memory_of(r->e, p);
    r->slots = ARENA_ARRAY(r->a, p->slots_n ? p->slots_n : 1, val);
    if (!r->slots) return run_oom(r);
    if (p->writes) r->e->figures.writes++;
    else r->e->figures.reads++;
    bool good = run_emit(r, p->root, out, has_value);
    if (good && !buf_failed(out)) return true;
    if (!buf_failed(out) || err_is(r->err)) return false;
    if (!out->over) return nicol_fail_oom(r->err);
    return nicol_fail(r->err, NICOL_E_RESULT_TOO_LARGE,
                      "The result is larger than the limit of %zu MB: ask for fewer rows or fields",
                      r->e->o.result_bytes_max >> 20);
}

static bool run_commit(run *r)
{
    if (!r->owns_conn || !r->began) return true;
    r->began = false;
    if (r->d->commit(r->conn->c, r->a, r->err)) {
        r->e->figures.commits += r->may_write;
        return true;
    }
    error_settle(r->err, false, r->a);
    return false;
}

/* Whatever happened, the connection goes back; a transaction that is still open is rolled back there. */
static void run_end(run *r)
{
    if (r->owns_conn && r->conn) conn_give(r->e, r->conn);
    r->conn = NULL;
}

/* The output's own limit, lowered to that of one result while a plan runs. */
typedef struct out_guard {
    size_t len, max;
    bool failed, over;
} out_guard;

static out_guard guard_out(const exec *e, buf *out)
{
    out_guard g = {out->len, out->max, out->failed, out->over};
    size_t room = e->o.result_bytes_max;
    if (out->len < SIZE_MAX - room && out->len + room < out->max) out->max = out->len + room;
    return g;
}

static void unguard_out(buf *out, out_guard g, bool good)
{
    out->max = g.max;
    if (good) return;
    out->len = g.len;
    out->failed = g.failed;
    out->over = g.over;
}

/* In an interactive transaction whose time is over, that is the news, not the interrupted statement. */
static void tell_expiry(run *r)
{
    if (!r->tx || r->tx->closed || clock_mono_us() < r->tx->deadline_us) return;
    err_clear(r->err);
    tx_expired(r->tx, "query", r->a, r->err);
}

/* A single read whose connection broke has changed nothing: it may run once more, on another connection. */
static bool may_repeat(const run *r, const nicol_error *err)
{
    return err->code == NICOL_E_DB_CLOSED && r->alone && !r->tx && !r->p->writes && !r->p->raw_query;
}

static bool run_once(exec *e, const exec_request *rq, buf *out, bool *has_value, bool *repeat, nicol_error *err)
{
    run r;
    *has_value = false;
    *repeat = false;
    if (!run_setup(&r, e, rq, err)) return false;
    const plan *p = rq->plan;
    /* What the text of a raw query does is known when the database has compiled it, not before. */
    r.wants_writer = p->writes && !p->raw_query;
    r.alone = p->statements_n <= 1;
    out_guard g = guard_out(e, out);
    bool good = run_plan(&r, p, rq->params, out, has_value) && run_commit(&r);
    run_end(&r);
    unguard_out(out, g, good);
    if (!good) {
        *has_value = false;
        *repeat = may_repeat(&r, err);
        tell_expiry(&r);
    }
    return good;
}

bool exec_run(exec *e, const exec_request *rq, buf *out, bool *has_value, nicol_error *err)
{
    nicol_error mine;
    bool repeat;
    if (!err) {
        err_clear(&mine);
        err = &mine;
    }
    if (run_once(e, rq, out, has_value, &repeat, err)) return true;
    if (!repeat) return false;
    conns_lost(e);
    err_clear(err);
    return run_once(e, rq, out, has_value, &repeat, err);
}

/* --- batches -------------------------------------------------------------------------------------------------------- */

static bool batch_items(run *r, const exec_batch_item *items, size_t n,
                        void (*each)(void *ctx, size_t i, bool before, buf *out), void *ctx, buf *out, size_t *failed)
{
    for (size_t i = 0; i < n; i++) {
        bool has_value;
        *failed = i;
        if (each) each(ctx, i, true, out);
        r->has_lid = false;
        if (!run_plan(r, items[i].plan, items[i].params, out, &has_value)) return false;
        if (!has_value) buf_lit(out, "null");
        if (each) each(ctx, i, false, out);
        if (buf_failed(out)) return false;
    }
    return true;
}

bool exec_batch(exec *e, const exec_batch_item *items, size_t n, driver_isolation iso, const exec_request *common,
                void (*each)(void *ctx, size_t i, bool before, buf *out), void *ctx, buf *out, size_t *failed,
                nicol_error *err)
{
    run r;
    nicol_error mine = {0};
    if (!err) err = &mine;
    *failed = 0;
    if (!run_setup(&r, e, common, err)) return false;
    r.batch = true;
    r.iso = iso;
    for (size_t i = 0; i < n; i++) r.wants_writer = r.wants_writer || items[i].plan->writes;
    unsigned savepoint = 0;
    if (common->tx) {
        savepoint = ++common->tx->counter;
        if (!r.d->savepoint(r.conn->c, savepoint, r.a, err)) return false;
    }
    out_guard g = guard_out(e, out);
    bool good = batch_items(&r, items, n, each, ctx, out, failed);
    if (!good && !err_is(err)) nicol_fail(err, out->over ? NICOL_E_RESULT_TOO_LARGE : NICOL_E_NO_MEMORY, NULL);
    if (common->tx && !common->tx->closed) {
        nicol_error second = {0};
        if (good) good = r.d->savepoint_release(r.conn->c, savepoint, r.a, err);
        else if (!r.d->savepoint_rollback(r.conn->c, savepoint, r.a, &second)) good = false;
    }
    good = good && run_commit(&r);
    run_end(&r);
    unguard_out(out, g, good);
    if (!good) tell_expiry(&r);
    return good;
}
