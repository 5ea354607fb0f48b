/* driver/pg.c - PostgreSQL behind the driver table: statements.
 *
 * A text that is seen for the first time runs unnamed, in one round trip; most texts that are seen once are never seen
 * again. From its second run on it is a prepared statement of the connection, named by a hash of its text, so that even
 * behind a pooler that hands sessions around a name can't stand for another text. Results come in the database's binary
 * form when every column is of a type that we read so, which the first run has told; otherwise as text.
 *
 * Rows come one by one (libpq's single-row mode) unless the statement's last result was small: that mode costs half a
 * microsecond a row, and the other one keeps the whole result in memory that nobody limits.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "driver/pg_int.h"

#define SQL_BYTES_MAX ((size_t)16 << 20)
#define WHOLE_BYTES_MAX ((size_t)256 << 10) /* a result that may come at once, by what it was last time */
#define ROW_KEPT_BYTES ((size_t)1 << 20)    /* of a connection's memory for rows between statements */
#define DRAIN_ROWS_MAX 1000                 /* rows that are dropped rather than cancelled */

struct driver_stmt {
    driver_conn *c;
    driver_stmt *older, *newer;
    PGresult *head; /* the first result of the run: it has the columns */
    PGresult *res;  /* the current one; may be the same */
    int row, rows;  /* of `res`; the current row, -1 before the first */
    pg_args args;
    pg_column *columns;
    unsigned columns_cap, cols;
    int64_t deadline_us;
    int64_t affected;
    uint64_t shape_id;
    uint32_t generation; /* in which it was prepared; 0: never */
    size_t last_bytes;   /* of its last result */
    pg_look look;
    bool ran;       /* its columns are known */
    bool named;     /* this run's form */
    bool single;    /* this run gives rows one by one */
    bool binary_ok; /* every column is of a type that is read in binary form */
    bool busy, cached;
    bool sent;    /* results are still to be received */
    bool started; /* a result of this run was looked at */
    bool failed;  /* a cell could not be read: told by the next step */
    bool no_memory;
    char name[PG_NAME_BYTES];
    size_t sql_len;
    char sql[];
};

/* --- the cache ------------------------------------------------------------------------------------------------------- */

static void stmt_unlink(driver_conn *c, driver_stmt *s)
{
    *(s->older ? &s->older->newer : &c->oldest) = s->newer;
    *(s->newer ? &s->newer->older : &c->newest) = s->older;
    s->older = s->newer = NULL;
}

static void stmt_link(driver_conn *c, driver_stmt *s)
{
    s->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = s;
    c->newest = s;
}

static void drop_results(driver_stmt *s)
{
    if (s->head != s->res) PQclear(s->head);
    PQclear(s->res);
    s->head = s->res = NULL;
}

static void stmt_free(driver_conn *c, driver_stmt *s)
{
    drop_results(s);
    if (s->columns) c->m->free(c->m->ctx, s->columns, s->columns_cap * sizeof *s->columns);
    c->m->free(c->m->ctx, s, sizeof *s + s->sql_len + 1);
}

void pg_statements_free(driver_conn *c)
{
    c->running = NULL;
    for (driver_stmt *s = c->oldest; s;) {
        driver_stmt *next = s->newer;
        stmt_free(c, s);
        s = next;
    }
    c->oldest = c->newest = NULL;
}

/* The server is told later, together with others. With no place left the name just stays until the connection ends. */
static void drop_later(driver_conn *c, const driver_stmt *s)
{
    if (s->generation != c->generation || c->drops_n == PG_DROPS_MAX) return;
    memcpy(c->drops[c->drops_n++], s->name, PG_NAME_BYTES);
}

static void cache_make_room(driver_conn *c)
{
    for (driver_stmt *s = c->oldest; s && map_len(c->cache) >= c->cache_max;) {
        driver_stmt *next = s->newer;
        if (!s->busy && s->cached) {
            map_del(c->cache, str_of(s->sql, s->sql_len));
            stmt_unlink(c, s);
            drop_later(c, s);
            stmt_free(c, s);
        }
        s = next;
    }
}

static hash128 text_hash(nicol_str sql)
{
    static _Atomic uint64_t seed;
    uint64_t s = seed;
    if (s == 0) {
        uint64_t made;
        rand_bytes(&made, sizeof made);
        made |= 1;
        seed = made;
        s = seed;
    }
    return hash_bytes128(sql.ptr, sql.len, s);
}

static driver_stmt *stmt_new(driver_conn *c, nicol_str sql, arena *a, nicol_error *err)
{
    if (sql.len > SQL_BYTES_MAX) {
        nicol_fail(err, NICOL_E_LIMIT, "the SQL text has %zu bytes; the limit is %zu", sql.len, SQL_BYTES_MAX);
        return NULL;
    }
    if (sql.len && memchr(sql.ptr, '\0', sql.len)) {
        pg_fail_text(a, err, NICOL_E_RAW_FAILED, "42601", "postgres", "the SQL text contains a NUL byte");
        return NULL;
    }
    pg_look look = pg_look_at(sql);
    if (look.refused) {
        pg_fail_text(a, err, NICOL_E_RAW_FAILED, "0A000", "postgres", look.refused);
        return NULL;
    }
    driver_stmt *s = c->m->alloc(c->m->ctx, sizeof *s + sql.len + 1);
    if (!s) {
        nicol_fail_oom(err);
        return NULL;
    }
    *s = (driver_stmt){.c = c, .sql_len = sql.len, .look = look, .row = -1};
    if (sql.len) memcpy(s->sql, sql.ptr, sql.len);
    s->sql[sql.len] = '\0';
    hash128 h = text_hash(sql);
    snprintf(s->name, sizeof s->name, "nicol_%016llx%016llx", (unsigned long long)h.hi, (unsigned long long)h.lo);
    return s;
}

static driver_stmt *pg_prepare(driver_conn *c, nicol_str sql, arena *a, nicol_error *err)
{
    driver_stmt *s = map_get(c->cache, sql);
    if (s && !s->busy) {
        if (s != c->newest) {
            stmt_unlink(c, s);
            stmt_link(c, s);
        }
        s->busy = true;
        return s;
    }
    bool cached = !s && !c->unnamed;
    s = stmt_new(c, sql, a, err);
    if (!s) return NULL;
    if (cached) {
        cache_make_room(c);
        s->cached = map_put(c->cache, str_of(s->sql, s->sql_len), s);
    }
    stmt_link(c, s);
    s->busy = true;
    return s;
}

static bool pg_is_read(const driver_stmt *s)
{
    return s->look.read;
}

static unsigned pg_cols(const driver_stmt *s)
{
    return s->cols;
}

static nicol_str pg_col_name(const driver_stmt *s, unsigned i)
{
    return str_c(PQfname(s->head, (int)i));
}

static uint64_t pg_shape_id(const driver_stmt *s)
{
    return s->shape_id;
}

static int64_t pg_affected(driver_stmt *s)
{
    return s->affected;
}

static int64_t pg_last_id(driver_conn *c)
{
    (void)c;
    return 0;
}

/* --- sending --------------------------------------------------------------------------------------------------------- */

static bool drop_now(driver_conn *c, arena *a, nicol_error *err)
{
    char sql[PG_DROPS_MAX * (PG_NAME_BYTES + 16)];
    size_t n = 0;
    if (c->drops_n < PG_DROPS_MAX || PQtransactionStatus(c->pg) != PQTRANS_IDLE) return true;
    for (unsigned i = 0; i < c->drops_n; i++) {
        n += (size_t)snprintf(sql + n, sizeof sql - n, "DEALLOCATE %s;", c->drops[i]);
    }
    c->drops_n = 0;
    nicol_error ignored = {0};
    /* One that is gone already is no harm; a connection that is gone is. */
    return pg_simple(c, sql, clock_mono_us() + 10000000, NULL, &ignored) || !c->broken || pg_fail_lost(c, a, err);
}

/* Prepares the statement under its name. *same: the name stands for the text, now or since before. */
static bool make_named(driver_stmt *s, arena *a, nicol_error *err)
{
    driver_conn *c = s->c;
    if (s->generation == c->generation) return true;
    if (!PQsendPrepare(c->pg, s->name, s->sql, 0, NULL)) return pg_fail_lost(c, a, err);
    bool good = true, exists = false;
    for (PGresult *r;;) {
        if (!pg_result(c, s->deadline_us, &r, a, err)) return false;
        if (!r) break;
        exists = exists || pg_state_is(r, "42P05");
        if (PQresultStatus(r) == PGRES_FATAL_ERROR && !exists && good) good = pg_fail(c, r, a, err);
        PQclear(r);
    }
    pg_settle_stop(c);
    /* A name that exists is of this text: somebody else's session behind a pooler prepared it. In a transaction the
     * failed attempt has ended it, and the next statement says so. */
    if (good) s->generation = c->generation;
    return good;
}

static bool send_it(driver_stmt *s, arena *a, nicol_error *err)
{
    driver_conn *c = s->c;
    const pg_args *x = &s->args;
    s->single = !s->ran || s->last_bytes > WHOLE_BYTES_MAX;
    int form = s->named && s->binary_ok;
    int sent = s->named ? PQsendQueryPrepared(c->pg, s->name, x->n, x->values, x->lengths, x->formats, form)
                        : PQsendQueryParams(c->pg, s->sql, x->n, NULL, x->values, x->lengths, x->formats, form);
    if (!sent) return pg_fail_lost(c, a, err);
    if (s->single) (void)PQsetSingleRowMode(c->pg);
    c->whole = !s->single;
    c->running = s;
    c->received = 0;
    s->sent = true;
    return true;
}

static bool pg_run(driver_stmt *s, const val *args, const driver_arg_type *types, size_t n, int64_t deadline_us,
                   arena *a, nicol_error *err)
{
    driver_conn *c = s->c;
    if (c->running) pg_finish_running(c);
    drop_results(s);
    if (c->broken) return pg_fail_lost(c, a, err);
    s->row = -1;
    s->rows = 0;
    s->affected = 0;
    s->started = s->failed = s->no_memory = false;
    if (!pg_encode(args, types, n, c->m, a, &s->args, err) || !drop_now(c, a, err)) return false;
    s->deadline_us = deadline_us;
    c->late = STOP_DEADLINE;
    int64_t mine = c->socket_timeout_us == IO_NEVER ? IO_NEVER : clock_mono_us() + c->socket_timeout_us;
    if (mine < deadline_us) {
        s->deadline_us = mine;
        c->late = STOP_SOCKET_TIMEOUT;
    }
    if (s->look.session) c->dirty = true;
    s->named = s->cached && s->ran && !c->unnamed;
    if (s->named && !make_named(s, a, err)) return false;
    return send_it(s, a, err);
}

/* --- receiving ------------------------------------------------------------------------------------------------------- */

/* Process-wide, since a plan's notes may outlive a connection, whose memory the next one gets. */
static uint64_t next_shape_id(void)
{
    static _Atomic uint64_t last;
    return ++last;
}

/* The columns of a run. The server keeps those of a prepared statement as they were. */
static bool look_at_columns(driver_stmt *s, nicol_error *err)
{
    const mem *m = s->c->m;
    unsigned n = (unsigned)PQnfields(s->head);
    bool same = s->ran && n == s->cols;
    for (unsigned i = 0; same && i < n; i++) same = s->columns[i].oid == PQftype(s->head, (int)i);
    if (same && s->named) return true;
    s->shape_id = next_shape_id();
    if (n > s->columns_cap) {
        pg_column *v = m->resize(m->ctx, s->columns, s->columns_cap * sizeof *v, n * sizeof *v);
        if (!v) return nicol_fail_oom(err);
        s->columns = v;
        s->columns_cap = n;
    }
    s->cols = n;
    s->binary_ok = true;
    for (unsigned i = 0; i < n; i++) {
        s->columns[i] = pg_column_of(PQftype(s->head, (int)i));
        s->binary_ok = s->binary_ok && s->columns[i].type->binary;
    }
    return true;
}

/* Nothing more comes for this run. */
static void ended(driver_stmt *s)
{
    driver_conn *c = s->c;
    s->sent = false;
    s->last_bytes = c->received;
    if (c->running == s) c->running = NULL;
    pg_settle_stop(c);
}

/* Drops what is still to come; the first error among it is the statement's. */
static bool receive_rest(driver_stmt *s, int64_t deadline_us, unsigned *rows_left, arena *a, nicol_error *err)
{
    bool good = true;
    for (PGresult *r; s->sent;) {
        if (!pg_result(s->c, deadline_us, &r, a, err)) {
            ended(s);
            return false;
        }
        if (!r) {
            ended(s);
            break;
        }
        if (PQresultStatus(r) == PGRES_FATAL_ERROR && good) good = pg_fail(s->c, r, a, err);
        PQclear(r);
        if (rows_left && (*rows_left)-- == 0) return good;
    }
    return good;
}

void pg_finish_running(driver_conn *c)
{
    driver_stmt *s = c->running;
    nicol_error ignored = {0};
    if (!s) return;
    unsigned rows = DRAIN_ROWS_MAX;
    if (!c->broken) {
        /* What has arrived, and a little more. */
        while (s->sent && rows > 0 && !PQisBusy(c->pg)) {
            unsigned one = 0;
            (void)receive_rest(s, IO_NEVER, &one, NULL, &ignored);
            rows--;
        }
        if (s->sent && !c->broken) {
            pg_interrupt(c, STOP_CANCELLED);
            (void)receive_rest(s, IO_NEVER, NULL, NULL, &ignored);
        }
    }
    s->sent = false;
    c->running = NULL;
}

/* The prepared statement is gone (a pooler gave us another session, or somebody said DISCARD), or its table has changed.
 * Nothing has happened yet, so outside a transaction it can simply run anew. */
static bool may_rerun(driver_stmt *s, const PGresult *r)
{
    if (!s->named || s->started) return false;
    bool gone = pg_state_is(r, "26000"), stale = pg_state_is(r, "0A000");
    if (stale) {
        nicol_str text = str_c(PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
        nicol_str routine = str_c(PQresultErrorField(r, PG_DIAG_SOURCE_FUNCTION));
        stale = str_eq(routine, S("RevalidateCachedQuery")) || str_find(text, S("cached plan"), 0) != SIZE_MAX;
    }
    if (!gone && !stale) return false;
    if (stale && s->generation == s->c->generation) drop_later(s->c, s);
    s->generation = 0;
    s->ran = false;
    if (gone) s->c->unnamed = true;
    return true;
}

static bool step_failed(driver_stmt *s, PGresult *r, arena *a, nicol_error *err)
{
    driver_conn *c = s->c;
    bool again = may_rerun(s, r);
    nicol_error ignored = {0};
    if (!again) pg_fail(c, r, a, err);
    PQclear(r);
    (void)receive_rest(s, s->deadline_us, NULL, NULL, &ignored);
    if (!again) return false;
    if (c->broken || PQtransactionStatus(c->pg) != PQTRANS_IDLE)
        return pg_fail_text(
            a, err, NICOL_E_DB_OTHER, "26000", "postgres",
            "a prepared statement was lost within a transaction: behind a pooler such as PgBouncer, add "
            "pgbouncer=true to the database URL");
    s->named = false;
    return send_it(s, a, err);
}

/* The next result becomes the current one. *more false: there is none. */
static bool next_result(driver_stmt *s, bool *more, arena *a, nicol_error *err)
{
    PGresult *r;
    *more = false;
    for (;;) {
        if (!s->sent) return true;
        if (!pg_result(s->c, s->deadline_us, &r, a, err)) {
            ended(s);
            return false;
        }
        if (!r) {
            ended(s);
            return true;
        }
        if (PQresultStatus(r) != PGRES_FATAL_ERROR) break;
        if (!step_failed(s, r, a, err)) return false;
    }
    if (s->res && s->res != s->head) PQclear(s->res);
    s->res = r;
    s->row = -1;
    s->rows = PQntuples(r);
    *more = true;
    bool first = !s->started;
    s->started = true;
    if (!first) return true;
    s->head = r;
    if (!look_at_columns(s, err)) return false;
    s->ran = true;
    return true;
}

static void note_affected(driver_stmt *s)
{
    int64_t n;
    if (str_to_i64(str_c(PQcmdTuples(s->res)), &n)) s->affected = n;
}

static bool cell_failed(driver_stmt *s, nicol_error *err)
{
    s->failed = false;
    if (s->no_memory) return nicol_fail_oom(err);
    return nicol_fail(err, NICOL_E_COLUMN_DATA, "the database sent a value that is none of its column's type");
}

static bool pg_step(driver_stmt *s, bool *row, arena *a, nicol_error *err)
{
    *row = false;
    if (s->failed) return cell_failed(s, err);
    arena_reset(s->c->row);
    while (s->row + 1 >= s->rows) {
        bool more;
        if (!next_result(s, &more, a, err)) return false;
        if (!more) return !s->c->broken || pg_fail_lost(s->c, a, err);
        ExecStatusType st = PQresultStatus(s->res);
        if (st == PGRES_COPY_IN || st == PGRES_COPY_OUT || st == PGRES_COPY_BOTH) {
            s->c->broken = true;
            return pg_fail_text(a, err, NICOL_E_RAW_FAILED, "0A000", "postgres", "COPY is not possible here");
        }
        if (st == PGRES_EMPTY_QUERY)
            return pg_fail_text(a, err, NICOL_E_RAW_FAILED, "42601", "postgres", "the text holds no statement");
        if (st == PGRES_SINGLE_TUPLE) continue;
        note_affected(s);
        /* To the end, so that a failing commit is known before a row is handed out. */
        if (!receive_rest(s, s->deadline_us, NULL, a, err)) return false;
    }
    s->row++;
    *row = true;
    return true;
}

/* What the cells of a row were made in. One large value must not make the connection large for ever. */
static void renew_row(driver_conn *c)
{
    arena *fresh = arena_bytes(c->row) > ROW_KEPT_BYTES ? arena_new(c->m, PG_ROW_BYTES_MAX) : NULL;
    if (!fresh) {
        arena_reset(c->row);
        return;
    }
    arena_free(c->row);
    c->row = fresh;
}

static void pg_stmt_done(driver_stmt *s)
{
    driver_conn *c = s->c;
    if (s->sent) pg_finish_running(c);
    drop_results(s);
    renew_row(c);
    s->busy = s->started = false;
    s->row = -1;
    s->rows = 0;
    if (s->cached) return;
    stmt_unlink(c, s);
    stmt_free(c, s);
}

/* --- cells ----------------------------------------------------------------------------------------------------------- */

static bool read_cell(driver_stmt *s, unsigned i, bool raw, arena *a, val *out)
{
    int at = (int)i;
    if (s->row < 0 || i >= s->cols || PQgetisnull(s->res, s->row, at)) {
        *out = val_null();
        return true;
    }
    nicol_str bytes = {PQgetvalue(s->res, s->row, at), (size_t)PQgetlength(s->res, s->row, at)};
    return pg_decode(&s->columns[i], PQfformat(s->res, at) == 1, bytes, raw, a, out);
}

static val pg_cell(driver_stmt *s, unsigned i)
{
    val v;
    if (read_cell(s, i, false, s->c->row, &v)) return v;
    s->failed = true;
    s->no_memory = arena_failed(s->c->row);
    return val_null();
}

static void pg_cells(driver_stmt *s, val *out, unsigned n)
{
    for (unsigned i = 0; i < n; i++) out[i] = pg_cell(s, i);
}

static driver_col_type pg_col_type(driver_stmt *s, unsigned i, val first_value)
{
    (void)first_value;
    return (driver_col_type)(s->columns[i].type->col | (s->columns[i].list ? COL_LIST : 0));
}

static bool pg_raw_cell(driver_stmt *s, unsigned i, driver_col_type t, arena *a, val *out, nicol_error *err)
{
    (void)t;
    if (read_cell(s, i, true, a, out)) return true;
    s->no_memory = arena_failed(a);
    return cell_failed(s, err);
}

const driver driver_postgres = {
    .version = DRIVER_VERSION,
    .name = "postgresql",
    .provider = "postgres",
    .binds_max = NICOL_PG_BINDS_MAX,
    .url_facts = pg_url_facts,
    .open = pg_open,
    .close = pg_close,
    .prepare = pg_prepare,
    .stmt_done = pg_stmt_done,
    .is_read = pg_is_read,
    .cols = pg_cols,
    .col_name = pg_col_name,
    .run = pg_run,
    .step = pg_step,
    .cell = pg_cell,
    .cells = pg_cells,
    .list_of = pg_list_of,
    .col_type = pg_col_type,
    .raw_cell = pg_raw_cell,
    .affected = pg_affected,
    .last_id = pg_last_id,
    .begin = pg_begin,
    .commit = pg_commit,
    .rollback = pg_rollback,
    .savepoint = pg_savepoint,
    .savepoint_release = pg_savepoint_release,
    .savepoint_rollback = pg_savepoint_rollback,
    .in_transaction = pg_in_transaction,
    .script = pg_script,
    .shape_id = pg_shape_id,
    .healthy = pg_healthy,
};
