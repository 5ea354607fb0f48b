/* driver/my.c - MariaDB and MySQL behind the driver table: statements.
 *
 * Every text is a prepared statement of its connection, kept for its next run. Rows are read one by one from the socket, in
 * place from the packet (the library's callback for rows hands us each cell's bytes), never as a whole result.
 */
#include <errmsg.h>
#include <mysqld_error.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "driver/my_int.h"

#define SQL_BYTES_MAX ((size_t)16 << 20)
#define DRAIN_ROWS_MAX 1000 /* rows that are dropped; with more to come the connection is given up */

struct driver_stmt {
    driver_conn *c;
    driver_stmt *older, *newer;
    MYSQL_STMT *my;
    my_column *columns;
    nicol_str *cells; /* of the current row: ptr NULL is NULL */
    char *names;      /* of the columns, one after another, each with a NUL */
    const char **name_of;
    size_t names_bytes;
    unsigned cols, cap;
    uint32_t generation; /* in which it was prepared; 0: never */
    int64_t affected;
    uint64_t shape_id;
    my_look look;
    bool busy, cached;
    bool rows; /* rows are still to be received */
    bool cells_read;
    my_read bad; /* a cell that could not be read: told by the next step */
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

static void columns_free(driver_stmt *s)
{
    const mem *m = s->c->m;
    if (s->columns) m->free(m->ctx, s->columns, s->cap * sizeof *s->columns);
    if (s->cells) m->free(m->ctx, s->cells, s->cap * sizeof *s->cells);
    if (s->name_of) m->free(m->ctx, s->name_of, s->cap * sizeof *s->name_of);
    if (s->names) m->free(m->ctx, s->names, s->names_bytes);
    s->columns = NULL;
    s->cells = NULL;
    s->name_of = NULL;
    s->names = NULL;
    s->cap = s->cols = 0;
    s->names_bytes = 0;
}

static void handle_close(driver_stmt *s)
{
    if (s->my) mysql_stmt_close(s->my);
    s->my = NULL;
    s->generation = 0;
}

static void stmt_free(driver_conn *c, driver_stmt *s)
{
    handle_close(s);
    columns_free(s);
    c->m->free(c->m->ctx, s, sizeof *s + s->sql_len + 1);
}

void my_statements_free(driver_conn *c)
{
    c->running = NULL;
    for (driver_stmt *s = c->oldest; s;) {
        driver_stmt *next = s->newer;
        stmt_free(c, s);
        s = next;
    }
    c->oldest = c->newest = NULL;
}

static void cache_make_room(driver_conn *c)
{
    for (driver_stmt *s = c->oldest; s && map_len(c->cache) >= c->cache_max;) {
        driver_stmt *next = s->newer;
        if (!s->busy && s->cached) {
            map_del(c->cache, str_of(s->sql, s->sql_len));
            stmt_unlink(c, s);
            stmt_free(c, s);
        }
        s = next;
    }
}

static driver_stmt *stmt_new(driver_conn *c, nicol_str sql, arena *a, nicol_error *err)
{
    if (sql.len > SQL_BYTES_MAX) {
        nicol_fail(err, NICOL_E_LIMIT, "the SQL text has %zu bytes; the limit is %zu", sql.len, SQL_BYTES_MAX);
        return NULL;
    }
    my_look look = my_look_at(sql);
    if (look.refused) {
        my_fail_text(a, err, NICOL_E_RAW_FAILED, "1295", "mysql", look.refused);
        return NULL;
    }
    driver_stmt *s = c->m->alloc(c->m->ctx, sizeof *s + sql.len + 1);
    if (!s) {
        nicol_fail_oom(err);
        return NULL;
    }
    *s = (driver_stmt){.c = c, .sql_len = sql.len, .look = look};
    if (sql.len) memcpy(s->sql, sql.ptr, sql.len);
    s->sql[sql.len] = '\0';
    return s;
}

static driver_stmt *my_prepare(driver_conn *c, nicol_str sql, arena *a, nicol_error *err)
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
    bool cached = !s && c->cache_max > 0;
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

static bool my_is_read(const driver_stmt *s)
{
    return s->look.read;
}

static unsigned my_cols(const driver_stmt *s)
{
    return s->cols;
}

static nicol_str my_col_name(const driver_stmt *s, unsigned i)
{
    return str_c(s->name_of[i]);
}

static uint64_t my_shape_id(const driver_stmt *s)
{
    return s->shape_id;
}

static int64_t my_affected(driver_stmt *s)
{
    return s->affected;
}

static int64_t my_last_id(driver_conn *c)
{
    return c->last_id;
}

/* --- running --------------------------------------------------------------------------------------------------------- */

static void take_cell(void *data, unsigned int column, unsigned char **row)
{
    driver_stmt *s = data;
    if (column >= s->cols) return;
    s->cells[column] = row ? my_cell_bytes(&s->columns[column], row) : (nicol_str){0};
}

static bool fail_stmt(driver_stmt *s, arena *a, nicol_error *err)
{
    driver_conn *c = s->c;
    /* An error between the rows is told to the connection alone. */
    bool own = mysql_stmt_errno(s->my) != 0;
    my_fail(c, own ? mysql_stmt_errno(s->my) : mysql_errno(c->my), own ? mysql_stmt_error(s->my) : mysql_error(c->my),
            a, err);
    s->rows = false;
    if (c->running == s) c->running = NULL;
    if (c->broken || !my_in_transaction(c)) return false;
    /* The error may have ended the transaction, which its packet does not tell. The answer to a ping does. */
    c->stop = MY_STOP_NONE;
    c->deadline_us = clock_mono_us() + 10000000;
    if (mysql_ping(c->my) != 0) c->broken = true;
    return false;
}

static bool make_ready(driver_stmt *s, arena *a, nicol_error *err)
{
    driver_conn *c = s->c;
    if (s->my && s->generation == c->generation) return true;
    handle_close(s);
    s->my = mysql_stmt_init(c->my);
    if (!s->my) return nicol_fail_oom(err);
    if (mysql_stmt_prepare(s->my, s->sql, (unsigned long)s->sql_len) != 0) {
        fail_stmt(s, a, err);
        handle_close(s);
        return false;
    }
    if (mysql_stmt_attr_set(s->my, STMT_ATTR_CB_USER_DATA, s) != 0 ||
        mysql_stmt_attr_set(s->my, STMT_ATTR_CB_RESULT, (const void *)(uintptr_t)take_cell) != 0) {
        handle_close(s);
        return nicol_fail(err, NICOL_E_SYSTEM, "this libmariadb cannot hand out rows: 3.1 or newer is needed");
    }
    s->generation = c->generation;
    return true;
}

/* Process-wide, since a plan's notes may outlive a connection, whose memory the next one gets. */
static uint64_t next_shape_id(void)
{
    static _Atomic uint64_t last;
    return ++last;
}

static bool same_columns(const driver_stmt *s, const MYSQL_FIELD *f, unsigned n)
{
    if (!s->shape_id || n != s->cols) return false;
    for (unsigned i = 0; i < n; i++) {
        my_column now = my_column_of(&f[i]);
        const my_column *had = &s->columns[i];
        if (now.class_ != had->class_ || now.col != had->col || now.width != had->width ||
            now.is_unsigned != had->is_unsigned || strcmp(f[i].name, s->name_of[i]) != 0)
            return false;
    }
    return true;
}

/* The columns of a run, copied: the library may move its own when a table has changed. */
static bool look_at_columns(driver_stmt *s, nicol_error *err)
{
    const mem *m = s->c->m;
    const MYSQL_FIELD *f = s->my->fields;
    unsigned n = mysql_stmt_field_count(s->my);
    size_t bytes = 0;
    if (same_columns(s, f, n)) return true;
    columns_free(s);
    for (unsigned i = 0; i < n; i++) bytes += strlen(f[i].name) + 1;
    s->cap = n;
    s->names_bytes = bytes;
    if (n) {
        s->columns = m->alloc(m->ctx, n * sizeof *s->columns);
        s->cells = m->alloc(m->ctx, n * sizeof *s->cells);
        s->name_of = m->alloc(m->ctx, n * sizeof *s->name_of);
        s->names = m->alloc(m->ctx, bytes);
        if (!s->columns || !s->cells || !s->name_of || !s->names) {
            columns_free(s);
            s->shape_id = 0;
            return nicol_fail_oom(err);
        }
    }
    char *p = s->names;
    for (unsigned i = 0; i < n; i++) {
        size_t len = strlen(f[i].name) + 1;
        memcpy(p, f[i].name, len);
        s->name_of[i] = p;
        p += len;
        s->columns[i] = my_column_of(&f[i]);
        s->cells[i] = (nicol_str){0};
    }
    s->cols = n;
    s->shape_id = next_shape_id();
    return true;
}

/* The server has forgotten the statement, or wants it anew, or a table has other columns than before: then it has run, but
 * nothing of the answer was looked at. Only a statement that changes nothing may do so twice. */
static bool forgotten(const driver_stmt *s)
{
    unsigned e = mysql_stmt_errno(s->my);
    return e == ER_UNKNOWN_STMT_HANDLER || e == ER_NEED_REPREPARE || (e == CR_NEW_STMT_METADATA && s->look.read);
}

static bool execute(driver_stmt *s, MYSQL_BIND *binds, size_t n, arena *a, nicol_error *err)
{
    for (unsigned again = 0;; again++) {
        if (!make_ready(s, a, err)) return false;
        if (mysql_stmt_param_count(s->my) != n) {
            char text[96];
            snprintf(text, sizeof text, "the statement has %lu parameters, %zu were given",
                     mysql_stmt_param_count(s->my), n);
            return my_fail_text(a, err, NICOL_E_RAW_FAILED, "1210", "mysql", text);
        }
        if (n && mysql_stmt_bind_param(s->my, binds) != 0) return fail_stmt(s, a, err);
        if (mysql_stmt_execute(s->my) == 0) return true;
        if (again > 0 || !forgotten(s)) return fail_stmt(s, a, err);
        handle_close(s);
    }
}

static bool my_run(driver_stmt *s, const val *args, const driver_arg_type *types, size_t n, int64_t deadline_us,
                   arena *a, nicol_error *err)
{
    driver_conn *c = s->c;
    MYSQL_BIND *binds;
    s->affected = 0;
    s->bad = MY_READ_OK;
    s->cells_read = false;
    if (c->url.socket_timeout_us != IO_NEVER) {
        int64_t mine = clock_mono_us() + c->url.socket_timeout_us;
        if (mine < deadline_us) deadline_us = mine;
    }
    if (!my_ready(c, deadline_us, a, err) || !my_encode(args, types, n, a, &binds, err)) return false;
    if (s->look.session) c->dirty = true;
    if (!execute(s, binds, n, a, err)) return false;
    s->rows = mysql_stmt_field_count(s->my) > 0;
    c->running = s;
    if (!look_at_columns(s, err)) return false;
    int64_t affected = (int64_t)mysql_stmt_affected_rows(s->my);
    s->affected = affected < 0 ? 0 : affected;
    if (!s->rows) c->last_id = (int64_t)mysql_stmt_insert_id(s->my);
    return true;
}

/* A procedure gives several results; the first one was the answer. */
static bool rest(driver_stmt *s, arena *a, nicol_error *err)
{
    s->rows = false;
    if (s->c->running == s) s->c->running = NULL;
    while (mysql_stmt_more_results(s->my)) {
        if (mysql_stmt_next_result(s->my) > 0) return fail_stmt(s, a, err);
        if (mysql_stmt_field_count(s->my) == 0) continue;
        unsigned cols = s->cols;
        s->cols = 0; /* nobody reads these cells */
        int got = 0;
        /* The callback must move over cells that it does not know: their columns are others. So: the library's own way. */
        (void)mysql_stmt_attr_set(s->my, STMT_ATTR_CB_RESULT, NULL);
        while (got == 0 || got == MYSQL_DATA_TRUNCATED) got = mysql_stmt_fetch(s->my);
        s->cols = cols;
        s->generation = 0; /* prepared anew at its next run, with the callback */
        if (got == 1) return fail_stmt(s, a, err);
    }
    return true;
}

static bool fail_cell(driver_stmt *s, nicol_error *err)
{
    my_read why = s->bad;
    s->bad = MY_READ_OK;
    if (why == MY_READ_NO_MEMORY) return nicol_fail_oom(err);
    if (why == MY_READ_ZERO_DATE)
        return nicol_fail(err, NICOL_E_OUT_OF_RANGE,
                          "Value out of range for the type: a column holds a date whose month or day is zero "
                          "(0000-00-00), which is no date. Change it to NULL or to a date");
    return nicol_fail(err, NICOL_E_COLUMN_DATA, "the database sent a value that is none of its column's type");
}

static bool my_step(driver_stmt *s, bool *row, arena *a, nicol_error *err)
{
    *row = false;
    s->cells_read = false;
    if (s->bad != MY_READ_OK) return fail_cell(s, err);
    if (!s->rows) {
        if (s->c->running == s) return rest(s, a, err);
        return true;
    }
    arena_reset(s->c->row);
    switch (mysql_stmt_fetch(s->my)) {
    case 0:
    case MYSQL_DATA_TRUNCATED:
        *row = s->cells_read = true;
        return true;
    case MYSQL_NO_DATA:
        return rest(s, a, err);
    default:
        return fail_stmt(s, a, err);
    }
}

void my_finish_running(driver_conn *c)
{
    driver_stmt *s = c->running;
    nicol_error ignored = {0};
    if (!s) return;
    c->running = NULL;
    bool more = s->rows;
    s->rows = s->cells_read = false;
    if (c->broken || !s->my) return;
    for (unsigned i = 0; more && i < DRAIN_ROWS_MAX; i++) {
        int got = mysql_stmt_fetch(s->my);
        if (got == 1) {
            (void)!fail_stmt(s, NULL, &ignored);
            return;
        }
        more = got != MYSQL_NO_DATA;
    }
    if (more) c->broken = true;
    else (void)!rest(s, NULL, &ignored);
}

static void my_stmt_done(driver_stmt *s)
{
    driver_conn *c = s->c;
    if (c->running == s) my_finish_running(c);
    arena_reset(c->row);
    s->busy = s->cells_read = false;
    if (s->cached) return;
    stmt_unlink(c, s);
    stmt_free(c, s);
}

/* --- cells ----------------------------------------------------------------------------------------------------------- */

static val read_cell(driver_stmt *s, unsigned i, bool raw, arena *a)
{
    val v = val_null();
    if (!s->cells_read || i >= s->cols || !s->cells[i].ptr) return v;
    my_read got = my_decode(&s->columns[i], s->cells[i], raw, a, &v);
    if (got == MY_READ_OK) return v;
    s->bad = got;
    return val_null();
}

static val my_cell(driver_stmt *s, unsigned i)
{
    return read_cell(s, i, false, s->c->row);
}

static void my_cells(driver_stmt *s, val *out, unsigned n)
{
    for (unsigned i = 0; i < n; i++) out[i] = read_cell(s, i, false, s->c->row);
}

static driver_col_type my_col_type(driver_stmt *s, unsigned i, val first_value)
{
    (void)first_value;
    return (driver_col_type)s->columns[i].col;
}

static bool my_raw_cell(driver_stmt *s, unsigned i, driver_col_type t, arena *a, val *out, nicol_error *err)
{
    (void)t;
    *out = read_cell(s, i, true, a);
    return s->bad == MY_READ_OK || fail_cell(s, err);
}

const driver driver_mysql = {
    .version = DRIVER_VERSION,
    .name = "mysql",
    .provider = "mysql",
    .binds_max = NICOL_MYSQL_BINDS_MAX,
    .url_facts = my_url_facts,
    .open = my_open,
    .close = my_close,
    .prepare = my_prepare,
    .stmt_done = my_stmt_done,
    .is_read = my_is_read,
    .cols = my_cols,
    .col_name = my_col_name,
    .run = my_run,
    .step = my_step,
    .cell = my_cell,
    .cells = my_cells,
    .col_type = my_col_type,
    .raw_cell = my_raw_cell,
    .affected = my_affected,
    .last_id = my_last_id,
    .begin = my_begin,
    .commit = my_commit,
    .rollback = my_rollback,
    .savepoint = my_savepoint,
    .savepoint_release = my_savepoint_release,
    .savepoint_rollback = my_savepoint_rollback,
    .in_transaction = my_in_transaction,
    .script = my_script,
    .shape_id = my_shape_id,
    .healthy = my_healthy,
};
