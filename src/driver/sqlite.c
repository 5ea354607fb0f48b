/* driver/sqlite.c - SQLite behind the driver table.
 *
 * One connection serves one fiber at a time, so the library runs without its own mutexes. Three things may take long and
 * none of them may stop the loop: a statement (the progress handler yields), a lock held by another process (the busy
 * handler parks), and the fsync of a commit (it runs on a helper thread).
 *
 * Text from outside reaches prepare(). The guards against it: one statement per text, ATTACH limit 0, defensive mode, no
 * extensions, untrusted schema, and an authorizer that refuses transaction control and PRAGMAs that change state.
 */
#include "driver/sqlite_int.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"

#define BUSY_DEFAULT_US 5000000
#define BUSY_STEP_US 2000    /* between tries while another process holds the lock; grows to BUSY_STEP_MAX_US */
#define BUSY_STEP_MAX_US 25000
#define PROGRESS_OPS 10000   /* virtual machine steps between yields: about 150 microseconds */
#define SQL_BYTES_MAX (16 << 20)
#define PATH_BYTES_MAX 4096

/* --- the authorizer ------------------------------------------------------------------------------------------------- */

/* PRAGMAs that only tell. With an argument they are allowed only where the argument names what to look at. */
static const struct {
    const char *name;
    bool arg_ok;
} pragmas_allowed[] = {
    {"table_info", true},       {"table_xinfo", true},       {"table_list", true},      {"index_list", true},
    {"index_info", true},       {"index_xinfo", true},       {"foreign_key_list", true}, {"database_list", false},
    {"collation_list", false},  {"function_list", false},    {"module_list", false},    {"pragma_list", false},
    {"compile_options", false}, {"user_version", false},     {"application_id", false}, {"schema_version", false},
    {"encoding", false},        {"page_size", false},        {"page_count", false},     {"freelist_count", false},
    {"journal_mode", false},    {"synchronous", false},      {"foreign_keys", false},   {"busy_timeout", false},
    {"cache_size", false},      {"data_version", false},     {"integrity_check", true}, {"quick_check", true},
    {"foreign_key_check", true}, {"max_page_count", false},  {"auto_vacuum", false},    {"query_only", false},
};

static bool pragma_is_allowed(const char *name, const char *arg)
{
    for (size_t i = 0; i < sizeof pragmas_allowed / sizeof *pragmas_allowed; i++) {
        if (sqlite3_stricmp(name, pragmas_allowed[i].name) == 0) return !arg || pragmas_allowed[i].arg_ok;
    }
    return false;
}

static int authorize(void *ctx, int action, const char *one, const char *two, const char *db, const char *trigger)
{
    (void)db;
    (void)trigger;
    driver_conn *c = ctx;
    if (c->internal) return SQLITE_OK;
    switch (action) {
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        c->denied = "ATTACH and DETACH are refused: a request reaches only the database that the server was started with";
        return SQLITE_DENY;
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
        c->denied = "BEGIN, COMMIT, ROLLBACK and SAVEPOINT are refused in a query: use the client's $transaction";
        return SQLITE_DENY;
    case SQLITE_PRAGMA:
        if (pragma_is_allowed(one, two)) return SQLITE_OK;
        c->denied = "this PRAGMA is refused: a query may not change the state of the connection or of the database file";
        return SQLITE_DENY;
    default: return SQLITE_OK;
    }
}

/* --- waiting -------------------------------------------------------------------------------------------------------- */

static int on_busy(void *ctx, int tries)
{
    driver_conn *c = ctx;
    int64_t now = clock_mono_us();
    if (tries == 0) c->busy_since_us = now;
    int64_t until = c->busy_since_us + c->busy_timeout_us;
    if (c->deadline_us < until) until = c->deadline_us;
    if (now >= until) return 0;
    int64_t step = BUSY_STEP_US * (int64_t)(tries < 10 ? tries + 1 : 12);
    if (step > BUSY_STEP_MAX_US) step = BUSY_STEP_MAX_US;
    int64_t wake = now + step < until ? now + step : until;
    return io_sleep_until(wake) == IO_TIMEOUT;
}

static int on_progress(void *ctx)
{
    driver_conn *c = ctx;
    if (c->deadline_us != IO_NEVER && clock_mono_us() >= c->deadline_us) {
        c->timed_out = true;
        return 1;
    }
    io_yield();
    return 0;
}

/* --- opening -------------------------------------------------------------------------------------------------------- */

static bool pragma_exec(driver_conn *c, const char *sql, arena *a, nicol_error *err)
{
    c->internal = true;
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    c->internal = false;
    return rc == SQLITE_OK || sqlite_fail(c, a, err);
}

static void set_limits(sqlite3 *db)
{
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 512 << 20);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, SQL_BYTES_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 100);
    sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* A string in double quotes is a mistake that should be seen, not a literal. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
}

static bool configure(driver_conn *c, const driver_opts *o, arena *a, nicol_error *err)
{
    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_busy_handler(c->db, on_busy, c);
    if (!pragma_exec(c, "PRAGMA foreign_keys=ON", a, err)) return false;
    /* The first look at the file: says here whether it is a database at all. */
    if (!pragma_exec(c, "PRAGMA schema_version", a, err)) return false;
    if (!o->read_only && !pragma_exec(c, "PRAGMA journal_mode=WAL", a, err)) return false;
    if (!pragma_exec(c, o->sync_normal ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL", a, err)) return false;
    if (!o->trusted) {
        set_limits(c->db);
        sqlite3_set_authorizer(c->db, authorize, c);
    }
    sqlite3_progress_handler(c->db, PROGRESS_OPS, on_progress, c);
    return true;
}

/* "file:PATH?query" to a path. Everything after '?' is Prisma's (connection_limit=...), none of it SQLite's own. */
static const char *url_path(nicol_str url, arena *a, nicol_error *err)
{
    nicol_str s = url;
    if (str_starts(s, S("file:"))) s = str_sub(s, 5, s.len);
    else if (str_starts(s, S("sqlite:"))) s = str_sub(s, 7, s.len);
    size_t q = str_find_char(s, '?', 0);
    if (q != SIZE_MAX) s.len = q;
    if (str_starts(s, S("//"))) s = str_sub(s, 2, s.len);
    if (s.len == 0 || s.len > PATH_BYTES_MAX) {
        nicol_fail(err, NICOL_E_USAGE, "the database URL has no usable path: write file:PATH, for example file:./shop.db");
        return NULL;
    }
    return nicol_cstr(a, s, err);
}

static driver_conn *sqlite_open(const driver_opts *o, arena *a, nicol_error *err)
{
    const mem *m = o->m ? o->m : mem_default;
    const char *path = url_path(o->url, a, err);
    if (!path) return NULL;
    driver_conn *c = m->alloc(m->ctx, sizeof *c);
    if (!c) {
        nicol_fail_oom(err);
        return NULL;
    }
    *c = (driver_conn){.m = m, .deadline_us = IO_NEVER, .timestamps = o->timestamps, .memory = strcmp(path, ":memory:") == 0};
    c->busy_timeout_us = o->busy_timeout_us ? o->busy_timeout_us : BUSY_DEFAULT_US;
    c->cache_max = o->stmt_cache_max ? o->stmt_cache_max : NICOL_STMT_CACHE_MAX;
    int flags = o->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | (o->create ? SQLITE_OPEN_CREATE : 0);
    int rc = sqlite3_open_v2(path, &c->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (rc != SQLITE_OK) {
        sqlite_fail_open(c, path, o, a, err);
        sqlite3_close_v2(c->db);
        m->free(m->ctx, c, sizeof *c);
        return NULL;
    }
    c->cache = map_new(m, c->cache_max + 1);
    if (!c->cache) nicol_fail_oom(err);
    if (!c->cache || !configure(c, o, a, err)) {
        driver_sqlite.close(c);
        return NULL;
    }
    return c;
}

/* --- statements ----------------------------------------------------------------------------------------------------- */

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

static void stmt_free(driver_conn *c, driver_stmt *s)
{
    sqlite3_finalize(s->st);
    c->m->free(c->m->ctx, s, sizeof *s + s->sql_len + 1);
}

/* Drops the statement that was used least recently and is not in use. */
static void cache_trim(driver_conn *c)
{
    for (driver_stmt *s = c->oldest; s && map_len(c->cache) >= c->cache_max;) {
        driver_stmt *next = s->newer;
        if (!s->busy) {
            map_del(c->cache, str_of(s->sql, s->sql_len));
            stmt_unlink(c, s);
            stmt_free(c, s);
        }
        s = next;
    }
}

static bool tail_is_blank(const char *p, const char *end)
{
    while (p < end) {
        if (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r' || *p == ';') {
            p++;
        } else if (end - p > 1 && p[0] == '-' && p[1] == '-') {
            while (p < end && *p != '\n') p++;
        } else if (end - p > 1 && p[0] == '/' && p[1] == '*') {
            const char *q = p + 2;
            while (end - q > 1 && !(q[0] == '*' && q[1] == '/')) q++;
            p = end - q > 1 ? q + 2 : end;
        } else {
            return false;
        }
    }
    return true;
}

static driver_stmt *stmt_new(driver_conn *c, nicol_str sql, arena *a, nicol_error *err)
{
    if (sql.len > SQL_BYTES_MAX) {
        nicol_fail(err, NICOL_E_LIMIT, "the SQL text has %zu bytes; the limit is %d", sql.len, SQL_BYTES_MAX);
        return NULL;
    }
    driver_stmt *s = c->m->alloc(c->m->ctx, sizeof *s + sql.len + 1);
    if (!s) {
        nicol_fail_oom(err);
        return NULL;
    }
    *s = (driver_stmt){.c = c, .sql_len = sql.len};
    memcpy(s->sql, sql.ptr, sql.len);
    s->sql[sql.len] = '\0';
    const char *tail = NULL;
    int rc = SQLITE_ERROR;
    c->denied = NULL;
    if (memchr(s->sql, '\0', sql.len)) {
        nicol_fail(err, NICOL_E_RAW_FAILED, "the SQL text contains a NUL byte");
    } else {
        /* The length includes the NUL, so that SQLite does not copy the text. */
        rc = sqlite3_prepare_v3(c->db, s->sql, (int)(sql.len + 1), SQLITE_PREPARE_PERSISTENT, &s->st, &tail);
        if (rc != SQLITE_OK) sqlite_fail(c, a, err);
    }
    if (rc == SQLITE_OK && !tail_is_blank(tail, s->sql + sql.len)) {
        sqlite_fail_text(a, err, NICOL_E_RAW_FAILED, "SQLITE_ERROR",
                         "the text holds more than one statement: send them one by one, in a $transaction if they belong together");
        rc = SQLITE_ERROR;
    }
    if (rc == SQLITE_OK && !s->st) {
        sqlite_fail_text(a, err, NICOL_E_RAW_FAILED, "SQLITE_ERROR", "the text holds no statement");
        rc = SQLITE_ERROR;
    }
    if (rc != SQLITE_OK) {
        stmt_free(c, s);
        return NULL;
    }
    s->params = sqlite3_bind_parameter_count(s->st);
    s->cols = (unsigned)sqlite3_column_count(s->st);
    return s;
}

static driver_stmt *sqlite_prepare(driver_conn *c, nicol_str sql, arena *a, nicol_error *err)
{
    driver_stmt *s = map_get(c->cache, sql);
    if (s && !s->busy) {
        stmt_unlink(c, s);
        stmt_link(c, s);
        s->busy = true;
        return s;
    }
    bool cached = !s;
    s = stmt_new(c, sql, a, err);
    if (!s) return NULL;
    if (cached) {
        cache_trim(c);
        cached = map_put(c->cache, str_of(s->sql, s->sql_len), s);
    }
    s->cached = cached;
    if (cached) stmt_link(c, s);
    s->busy = true;
    return s;
}

static void sqlite_stmt_done(driver_stmt *s)
{
    driver_conn *c = s->c;
    sqlite3_reset(s->st);
    sqlite3_clear_bindings(s->st);
    s->busy = s->has_row = false;
    c->deadline_us = IO_NEVER;
    if (!s->cached) stmt_free(c, s);
}

static bool sqlite_is_read(const driver_stmt *s)
{
    return sqlite3_stmt_readonly(s->st) != 0;
}

static unsigned sqlite_cols(const driver_stmt *s)
{
    return s->cols;
}

static nicol_str sqlite_col_name(const driver_stmt *s, unsigned i)
{
    return str_c(sqlite3_column_name(s->st, (int)i));
}

static bool sqlite_run(driver_stmt *s, const val *args, const driver_arg_type *types, size_t n, int64_t deadline_us, arena *a,
                       nicol_error *err)
{
    driver_conn *c = s->c;
    if (s->has_row) sqlite3_reset(s->st);
    s->has_row = false;
    c->deadline_us = deadline_us;
    c->timed_out = false;
    if ((size_t)s->params != n) {
        char text[160];
        snprintf(text, sizeof text, "the statement takes %d parameters, %zu were given", s->params, n);
        return sqlite_fail_text(a, err, NICOL_E_RAW_FAILED, "SQLITE_RANGE", text);
    }
    for (size_t i = 0; i < n; i++) {
        if (!sqlite_bind(s, (int)i + 1, args[i], types ? &types[i] : NULL, a, err)) return false;
    }
    s->changes_before = sqlite3_total_changes64(c->db);
    return true;
}

static bool sqlite_step(driver_stmt *s, bool *row, arena *a, nicol_error *err)
{
    int rc = sqlite3_step(s->st);
    *row = s->has_row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW || rc == SQLITE_DONE) {
        s->cols = (unsigned)sqlite3_column_count(s->st); /* may change when the schema did */
        return true;
    }
    return sqlite_fail(s->c, a, err);
}

static int64_t sqlite_affected(driver_stmt *s)
{
    if (sqlite3_stmt_readonly(s->st)) return 0;
    return sqlite3_total_changes64(s->c->db) == s->changes_before ? 0 : sqlite3_changes64(s->c->db);
}

static int64_t sqlite_last_id(driver_conn *c)
{
    return sqlite3_last_insert_rowid(c->db);
}

/* --- transactions --------------------------------------------------------------------------------------------------- */

/* Runs one of the engine's own commands through the statement cache. */
static bool command(driver_conn *c, const char *sql, bool offload, int64_t deadline_us, arena *a, nicol_error *err);

typedef struct step_job {
    sqlite3_stmt *st;
    int rc;
} step_job;

static void step_on_helper(void *arg)
{
    step_job *j = arg;
    j->rc = sqlite3_step(j->st);
}

static bool command(driver_conn *c, const char *sql, bool offload, int64_t deadline_us, arena *a, nicol_error *err)
{
    c->internal = true;
    driver_stmt *s = sqlite_prepare(c, str_c(sql), a, err);
    c->internal = false;
    if (!s) return false;
    c->deadline_us = deadline_us;
    c->timed_out = false;
    step_job j = {.st = s->st};
    if (offload) io_offload(step_on_helper, &j);
    else step_on_helper(&j);
    bool good = j.rc == SQLITE_DONE || j.rc == SQLITE_ROW || sqlite_fail(c, a, err);
    sqlite_stmt_done(s);
    return good;
}

static bool sqlite_begin(driver_conn *c, driver_isolation iso, bool write, int64_t deadline_us, arena *a, nicol_error *err)
{
    (void)iso; /* SQLite's transactions are serializable; every weaker level is kept by it */
    return command(c, write ? "BEGIN IMMEDIATE" : "BEGIN", false, deadline_us, a, err);
}

static bool sqlite_rollback(driver_conn *c, arena *a, nicol_error *err)
{
    if (sqlite3_get_autocommit(c->db)) return true; /* SQLite has rolled back by itself (disk full, corrupt) */
    return command(c, "ROLLBACK", false, IO_NEVER, a, err);
}

static bool sqlite_commit(driver_conn *c, arena *a, nicol_error *err)
{
    if (sqlite3_get_autocommit(c->db)) {
        return sqlite_fail_text(a, err, NICOL_E_DB_OTHER, "SQLITE_ABORT",
                                "the transaction had been rolled back by the database before its commit");
    }
    /* A transaction that wrote nothing has nothing to wait for. */
    bool wrote = sqlite3_txn_state(c->db, NULL) == SQLITE_TXN_WRITE;
    if (command(c, "COMMIT", wrote && !c->memory, IO_NEVER, a, err)) return true;
    nicol_error second = {0};
    if (!sqlite_rollback(c, a, &second)) c->broken = true;
    return false;
}

static bool savepoint_command(driver_conn *c, const char *verb, unsigned n, arena *a, nicol_error *err)
{
    char sql[64];
    snprintf(sql, sizeof sql, "%s nicol_sp_%u", verb, n);
    return command(c, sql, false, IO_NEVER, a, err);
}

static bool sqlite_savepoint(driver_conn *c, unsigned n, arena *a, nicol_error *err)
{
    return savepoint_command(c, "SAVEPOINT", n, a, err);
}

static bool sqlite_savepoint_release(driver_conn *c, unsigned n, arena *a, nicol_error *err)
{
    return savepoint_command(c, "RELEASE", n, a, err);
}

static bool sqlite_savepoint_rollback(driver_conn *c, unsigned n, arena *a, nicol_error *err)
{
    return savepoint_command(c, "ROLLBACK TO", n, a, err) && savepoint_command(c, "RELEASE", n, a, err);
}

static bool sqlite_in_transaction(const driver_conn *c)
{
    return !sqlite3_get_autocommit(c->db);
}

static bool sqlite_script(driver_conn *c, nicol_str sql, arena *a, nicol_error *err)
{
    const char *z = nicol_cstr(a, sql, err);
    return z && pragma_exec(c, z, a, err);
}

static bool sqlite_healthy(driver_conn *c)
{
    return !c->broken && sqlite3_get_autocommit(c->db);
}

static void sqlite_close(driver_conn *c)
{
    if (!c) return;
    for (driver_stmt *s = c->oldest; s;) {
        driver_stmt *next = s->newer;
        stmt_free(c, s);
        s = next;
    }
    map_free(c->cache);
    sqlite3_close_v2(c->db); /* rolls back what is open */
    c->m->free(c->m->ctx, c, sizeof *c);
}

const driver driver_sqlite = {
    .version = DRIVER_VERSION,
    .name = "sqlite",
    .provider = "sqlite",
    .binds_max = NICOL_SQLITE_BINDS_MAX,
    .open = sqlite_open,
    .close = sqlite_close,
    .prepare = sqlite_prepare,
    .stmt_done = sqlite_stmt_done,
    .is_read = sqlite_is_read,
    .cols = sqlite_cols,
    .col_name = sqlite_col_name,
    .run = sqlite_run,
    .step = sqlite_step,
    .cell = sqlite_cell,
    .col_type = sqlite_col_type,
    .raw_cell = sqlite_raw_cell,
    .affected = sqlite_affected,
    .last_id = sqlite_last_id,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .savepoint = sqlite_savepoint,
    .savepoint_release = sqlite_savepoint_release,
    .savepoint_rollback = sqlite_savepoint_rollback,
    .in_transaction = sqlite_in_transaction,
    .script = sqlite_script,
    .healthy = sqlite_healthy,
};
