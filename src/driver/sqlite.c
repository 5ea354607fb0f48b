/* driver/sqlite.c - SQLite behind the driver table: connections, statements, transactions.
 *
 * One connection serves one fiber at a time, so the library runs without its own mutexes. Three things may take long and
 * none of them may stop the loop: a statement (the progress handler yields), a lock held by another process (the busy
 * handler parks), and the fsync of a commit (it runs on a helper thread). So that a single write can leave its fsync to
 * a helper too, each write outside a transaction gets one of its own, which its last step commits.
 */
#include "driver/sqlite_int.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"

#define FILE_LOOK_US 200000
#define BUSY_DEFAULT_US 5000000
#define PATH_BYTES_MAX 4096
#define CACHE_BYTES_MAX ((size_t)32 << 20)      /* of all cached statements of a connection */
#define CACHED_STMT_BYTES_MAX ((size_t)8 << 20) /* a larger one is not worth the place of many others */

/* --- opening -------------------------------------------------------------------------------------------------------- */

static bool exec_own(driver_conn *c, const char *sql, arena *a, nicol_error *err)
{
    guard_enter(c);
    c->internal = true;
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    c->internal = false;
    return rc == SQLITE_OK || sqlite_fail(c, a, err);
}

/* With synchronous=NORMAL a commit writes to the log and does not wait for the disk. The checkpoint that SQLite would make
 * within a commit does: so it is made apart, on a helper thread. */
#define CHECKPOINT_PAGES 1000 /* SQLite's own default */

static int note_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
    driver_conn *c = arg;
    (void)db;
    (void)name;
    c->wal_pages = pages;
    return SQLITE_OK;
}

static void checkpoint(void *arg)
{
    driver_conn *c = arg;
    guard_enter(c); /* on the stack that it runs on */
    /* Passive: it waits for nobody. What it can't do now, a later one does. */
    (void)sqlite3_wal_checkpoint_v2(c->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static bool configure(driver_conn *c, const char *path, const driver_opts *o, arena *a, nicol_error *err)
{
    sqlite3_extended_result_codes(c->db, 1);
    guard_open(c);
    /* SQLite opens a file that it may not write for reading, and would say so only at the first write. */
    if (!o->read_only && sqlite3_db_readonly(c->db, "main") == 1) {
        return nicol_fail(
            err, NICOL_E_DB_ACCESS,
            "the database file %s is not writable for this process: check its owner, its permissions and those "
            "of its folder",
            path);
    }
    /* The first look at the file: says here whether it is a database at all. */
    if (!exec_own(c, "PRAGMA schema_version", a, err)) return false;
    if (!exec_own(c, "PRAGMA foreign_keys=ON", a, err)) return false;
    if (!o->read_only && !exec_own(c, "PRAGMA journal_mode=WAL", a, err)) return false;
    if (!o->sync_normal) return exec_own(c, "PRAGMA synchronous=FULL", a, err);
    c->lazy = !o->read_only;
    if (c->lazy) sqlite3_wal_hook(c->db, note_wal, c);
    return exec_own(c, "PRAGMA synchronous=NORMAL", a, err);
}

/* SQLite's own texts don't say which file they are about. */
static void name_file(const char *path, arena *a, nicol_error *err)
{
    if (!a || !err || !err->db) return;
    nicol_db_facts *f = ARENA_NEW(a, nicol_db_facts);
    nicol_str text = arena_printf(a, "the database file %s: %.*s", path, STR_FMT(err->db->original_text));
    if (!f || !text.ptr) return;
    *f = *err->db;
    f->original_text = text;
    err->db = f;
    err->message = text;
}

/* "file:PATH?query" to a path. What follows '?' is for clients (connection_limit=...), none of it SQLite's own. */
static const char *url_path(nicol_str url, arena *a, nicol_error *err)
{
    nicol_str s = url;
    if (str_starts(s, S("file:"))) s = str_sub(s, 5, s.len);
    else if (str_starts(s, S("sqlite:"))) s = str_sub(s, 7, s.len);
    size_t q = str_find_char(s, '?', 0);
    if (q != SIZE_MAX) s.len = q;
    if (str_starts(s, S("//"))) s = str_sub(s, 2, s.len);
    if (s.len == 0 || s.len > PATH_BYTES_MAX) {
        nicol_fail(err, NICOL_E_USAGE,
                   "the database URL has no usable path: write file:PATH, for example file:./shop.db");
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
    *c = (driver_conn){.m = m, .deadline_us = IO_NEVER, .timestamps = o->timestamps, .trusted = o->trusted};
    c->memory = strcmp(path, ":memory:") == 0;
    c->busy_timeout_us = o->busy_timeout_us ? o->busy_timeout_us : BUSY_DEFAULT_US;
    c->cache_max = o->stmt_cache_max ? o->stmt_cache_max : NICOL_STMT_CACHE_MAX;
    int flags = o->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | (o->create ? SQLITE_OPEN_CREATE : 0);
    int rc = sqlite3_open_v2(path, &c->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (rc != SQLITE_OK) {
        sqlite_fail_open(c, path, o, err);
        sqlite3_close_v2(c->db);
        m->free(m->ctx, c, sizeof *c);
        return NULL;
    }
    c->cache = map_new(m, c->cache_max + 1);
    if (!c->cache) nicol_fail_oom(err);
    if (!c->cache || !configure(c, path, o, a, err)) {
        name_file(path, a, err);
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

static driver_stmt **recent_of(driver_conn *c, nicol_str sql)
{
    return &c->recent[((uintptr_t)sql.ptr >> 4 ^ (uintptr_t)sql.ptr >> 12) % RECENT_N];
}

static void stmt_free(driver_conn *c, driver_stmt *s)
{
    for (unsigned i = 0; i < RECENT_N; i++) {
        if (c->recent[i] == s) c->recent[i] = NULL;
    }
    sqlite3_finalize(s->st);
    c->m->free(c->m->ctx, s, sizeof *s + s->sql_len + 1);
}

/* Drops statements that are not in use, least recently used first, until one of `bytes` fits. */
static void cache_make_room(driver_conn *c, size_t bytes)
{
    for (driver_stmt *s = c->oldest; s;) {
        if (map_len(c->cache) < c->cache_max && c->cache_bytes + bytes <= CACHE_BYTES_MAX) return;
        driver_stmt *next = s->newer;
        if (!s->busy) {
            map_del(c->cache, str_of(s->sql, s->sql_len));
            c->cache_bytes -= s->bytes;
            stmt_unlink(c, s);
            stmt_free(c, s);
        }
        s = next;
    }
}

/* Behind blanks, semicolons and comments. */
static const char *skip_blank(const char *p, const char *end)
{
    while (p < end) {
        if (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r' || *p == '\f' || *p == ';') {
            p++;
        } else if (end - p > 1 && p[0] == '-' && p[1] == '-') {
            while (p < end && *p != '\n') p++;
        } else if (end - p > 1 && p[0] == '/' && p[1] == '*') {
            const char *q = p + 2;
            while (end - q > 1 && !(q[0] == '*' && q[1] == '/')) q++;
            p = end - q > 1 ? q + 2 : end;
        } else {
            break;
        }
    }
    return p;
}

static bool holds_select(const char *p, const char *end)
{
    for (; end - p >= 6; p++) {
        if (sqlite3_strnicmp(p, "select", 6) == 0) return true;
    }
    return false;
}

/* Older SQLite (3.40 is one) changes the rows of an UPDATE or DELETE while it still looks for more, so that a subquery in
 * the condition may see rows that were changed already. With RETURNING it finds all rows first: the statement gets one, whose
 * rows nobody is told of. */
static bool stmt_look_first(driver_conn *c, driver_stmt *s, const char *tail, arena *a, nicol_error *err)
{
    const char *head = skip_blank(s->sql, tail);
    bool changes = sqlite3_strnicmp(head, "update", 6) == 0 || sqlite3_strnicmp(head, "delete", 6) == 0 ||
                   sqlite3_strnicmp(head, "with", 4) == 0; /* the text ends with a NUL */
    if (!changes || sqlite3_stmt_readonly(s->st) || sqlite3_column_count(s->st) > 0 || !holds_select(head, tail))
        return true;
    while (tail > head && tail[-1] == ';') tail--;
    static const char more[] = "\nRETURNING 1"; /* on a line of its own: the text may end in a comment */
    size_t n = (size_t)(tail - s->sql);
    char *text = arena_alloc(a, n + sizeof more);
    if (!text) return nicol_fail_oom(err);
    memcpy(text, s->sql, n);
    memcpy(text + n, more, sizeof more);
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v3(c->db, text, (int)(n + sizeof more), SQLITE_PREPARE_PERSISTENT, &st, NULL);
    if (rc == SQLITE_NOMEM) return sqlite_fail(c, a, err);
    if (rc != SQLITE_OK) return true; /* a virtual table has no RETURNING, nor this way of changing rows */
    sqlite3_finalize(s->st);
    s->st = st;
    s->silent = true;
    return true;
}

/* Compiles s->sql. */
static bool stmt_compile(driver_conn *c, driver_stmt *s, arena *a, nicol_error *err)
{
    nicol_str sql = str_of(s->sql, s->sql_len);
    const char *why = c->trusted ? NULL : guard_refuses(sql);
    if (why) return sqlite_fail_text(a, err, NICOL_E_RAW_FAILED, "SQLITE_AUTH", why);
    if (memchr(s->sql, '\0', s->sql_len)) {
        return sqlite_fail_text(a, err, NICOL_E_RAW_FAILED, "SQLITE_ERROR", "the SQL text contains a NUL byte");
    }
    const char *tail = NULL;
    guard_enter(c);
    /* The length includes the NUL, so that SQLite does not copy the text. */
    int rc = sqlite3_prepare_v3(c->db, s->sql, (int)(s->sql_len + 1), SQLITE_PREPARE_PERSISTENT, &s->st, &tail);
    if (rc != SQLITE_OK) return sqlite_fail(c, a, err);
    if (skip_blank(tail, s->sql + s->sql_len) < s->sql + s->sql_len) {
        return sqlite_fail_text(
            a, err, NICOL_E_RAW_FAILED, "SQLITE_ERROR",
            "the text holds more than one statement: send them one by one, in a $transaction if they belong together");
    }
    if (!s->st) return sqlite_fail_text(a, err, NICOL_E_RAW_FAILED, "SQLITE_ERROR", "the text holds no statement");
    return stmt_look_first(c, s, tail, a, err);
}

static driver_stmt *stmt_new(driver_conn *c, nicol_str sql, arena *a, nicol_error *err)
{
    int sql_max = sqlite3_limit(c->db, SQLITE_LIMIT_SQL_LENGTH, -1);
    if (sql.len >= (size_t)sql_max) {
        nicol_fail(err, NICOL_E_LIMIT, "the SQL text has %zu bytes; the limit is %d", sql.len, sql_max - 1);
        return NULL;
    }
    driver_stmt *s = c->m->alloc(c->m->ctx, sizeof *s + sql.len + 1);
    if (!s) {
        nicol_fail_oom(err);
        return NULL;
    }
    *s = (driver_stmt){.c = c, .sql_len = sql.len};
    if (sql.len) memcpy(s->sql, sql.ptr, sql.len);
    s->sql[sql.len] = '\0';
    if (!stmt_compile(c, s, a, err)) {
        stmt_free(c, s);
        return NULL;
    }
    s->params = sqlite3_bind_parameter_count(s->st);
    s->cols = s->silent ? 0 : (unsigned)sqlite3_column_count(s->st);
    s->bytes = sizeof *s + sql.len + (size_t)sqlite3_stmt_status(s->st, SQLITE_STMTSTATUS_MEMUSED, 0);
    return s;
}

static driver_stmt *sqlite_prepare(driver_conn *c, nicol_str sql, arena *a, nicol_error *err)
{
    /* A plan asks with one text again and again: comparing costs less than hashing. */
    driver_stmt **recent = recent_of(c, sql), *s = *recent;
    if (!s || !str_eq(str_of(s->sql, s->sql_len), sql)) s = map_get(c->cache, sql);
    if (s && !s->busy) {
        *recent = s;
        if (s != c->newest) {
            stmt_unlink(c, s);
            stmt_link(c, s);
        }
        s->busy = true;
        return s;
    }
    bool cached = !s;
    s = stmt_new(c, sql, a, err);
    if (!s) return NULL;
    if (cached && s->bytes <= CACHED_STMT_BYTES_MAX) {
        cache_make_room(c, s->bytes);
        s->cached = map_put(c->cache, str_of(s->sql, s->sql_len), s);
    }
    if (s->cached) c->cache_bytes += s->bytes;
    stmt_link(c, s);
    s->busy = true;
    return s;
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

typedef struct step_job {
    driver_conn *c;
    sqlite3_stmt *st;
    int rc;
} step_job;

static void step_job_run(void *arg)
{
    step_job *j = arg;
    guard_enter(j->c); /* on the stack that it runs on */
    j->rc = sqlite3_step(j->st);
}

/* Steps one of the engine's own statements. The authorizer must let it pass here too: SQLite compiles a statement anew
 * when the schema has changed. */
static bool step_own(driver_conn *c, sqlite3_stmt *st, bool offload, int64_t deadline_us, arena *a, nicol_error *err)
{
    c->internal = true;
    c->deadline_us = deadline_us;
    step_job j = {.c = c, .st = st};
    if (offload) io_offload(step_job_run, &j);
    else step_job_run(&j);
    bool good = j.rc == SQLITE_DONE || j.rc == SQLITE_ROW || sqlite_fail(c, a, err);
    sqlite3_reset(st);
    c->deadline_us = IO_NEVER;
    c->internal = false;
    return good;
}

static bool command(driver_conn *c, sqlite_command cmd, bool offload, int64_t deadline_us, arena *a, nicol_error *err)
{
    static const char *const texts[CMD_N] = {"BEGIN", "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"};
    if (!c->commands[cmd]) {
        c->internal = true;
        guard_enter(c);
        int rc = sqlite3_prepare_v3(c->db, texts[cmd], -1, SQLITE_PREPARE_PERSISTENT, &c->commands[cmd], NULL);
        c->internal = false;
        if (rc != SQLITE_OK) return sqlite_fail(c, a, err);
    }
    return step_own(c, c->commands[cmd], offload, deadline_us, a, err);
}

static bool sqlite_begin(driver_conn *c, driver_isolation iso, bool write, int64_t deadline_us, arena *a,
                         nicol_error *err)
{
    (void)iso; /* SQLite's transactions are serializable; every weaker level is kept by it */
    return command(c, write ? CMD_BEGIN_WRITE : CMD_BEGIN, false, deadline_us, a, err);
}

static bool sqlite_rollback(driver_conn *c, arena *a, nicol_error *err)
{
    if (sqlite3_get_autocommit(c->db)) return true; /* SQLite has rolled back by itself (disk full, corrupt) */
    if (command(c, CMD_ROLLBACK, false, IO_NEVER, a, err)) return true;
    c->broken = true;
    return false;
}

static bool sqlite_commit(driver_conn *c, arena *a, nicol_error *err)
{
    if (sqlite3_get_autocommit(c->db)) {
        return sqlite_fail_text(a, err, NICOL_E_DB_OTHER, "SQLITE_ABORT",
                                "the transaction had been rolled back by the database before its commit");
    }
    /* A transaction that wrote nothing has nothing to wait for. */
    bool wrote = sqlite3_txn_state(c->db, NULL) == SQLITE_TXN_WRITE;
    if (command(c, CMD_COMMIT, wrote && !c->memory && !c->lazy, IO_NEVER, a, err)) {
        if (c->lazy && c->wal_pages >= CHECKPOINT_PAGES) {
            c->wal_pages = 0;
            io_offload(checkpoint, c);
        }
        return true;
    }
    nicol_error second = {0};
    (void)sqlite_rollback(c, a, &second); /* notes by itself when it fails */
    return false;
}

static bool savepoint_command(driver_conn *c, const char *verb, unsigned n, arena *a, nicol_error *err)
{
    char sql[64];
    sqlite3_stmt *st = NULL;
    snprintf(sql, sizeof sql, "%s nicol_sp_%u", verb, n);
    c->internal = true;
    guard_enter(c);
    int rc = sqlite3_prepare_v3(c->db, sql, -1, 0, &st, NULL);
    c->internal = false;
    bool good = rc == SQLITE_OK ? step_own(c, st, false, IO_NEVER, a, err) : sqlite_fail(c, a, err);
    sqlite3_finalize(st);
    return good;
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

/* --- running -------------------------------------------------------------------------------------------------------- */

/* Ends the transaction that a statement had for itself; `keep` says how. */
static bool end_own_tx(driver_stmt *s, bool keep, arena *a, nicol_error *err)
{
    s->own_tx = false;
    if (!keep) return sqlite_rollback(s->c, a, err);
    return sqlite_commit(s->c, a, err);
}

static bool sqlite_run(driver_stmt *s, const val *args, const driver_arg_type *types, size_t n, int64_t deadline_us,
                       arena *a, nicol_error *err)
{
    driver_conn *c = s->c;
    if (s->started) sqlite3_reset(s->st);
    s->started = false;
    s->deadline_us = deadline_us;
    if ((size_t)s->params != n) {
        char text[160];
        snprintf(text, sizeof text, "the statement takes %d parameters, %zu were given", s->params, n);
        return sqlite_fail_text(a, err, NICOL_E_RAW_FAILED, "SQLITE_RANGE", text);
    }
    guard_enter(c);
    for (size_t i = 0; i < n; i++) {
        if (!sqlite_bind(s, (int)i + 1, args[i], types ? &types[i] : NULL, a, err)) return false;
    }
    s->changes_before = sqlite3_total_changes64(c->db);
    return true;
}

static bool step_failed(driver_stmt *s, arena *a, nicol_error *err)
{
    (void)sqlite_fail(s->c, a, err);
    sqlite3_reset(s->st);
    nicol_error second = {0};
    if (s->own_tx) (void)end_own_tx(s, false, a, &second);
    return false;
}

/* Process-wide, since a plan's notes may outlive a connection, whose memory the next one gets. */
static uint64_t next_shape_id(void)
{
    static _Atomic uint64_t last;
    return ++last;
}

/* SQLite compiles a statement anew when the schema has changed since; only then its columns may be others. */
static void look_at_shape(driver_stmt *s)
{
    int n = sqlite3_stmt_status(s->st, SQLITE_STMTSTATUS_REPREPARE, 0);
    if (s->shape_id && n == s->recompiled) return;
    s->recompiled = n;
    s->cols = s->silent ? 0 : (unsigned)sqlite3_column_count(s->st);
    s->shape_id = next_shape_id();
}

static uint64_t sqlite_shape_id(const driver_stmt *s)
{
    return s->shape_id;
}

static bool sqlite_step(driver_stmt *s, bool *row, arena *a, nicol_error *err)
{
    driver_conn *c = s->c;
    *row = false;
    if (!s->started && !sqlite3_stmt_readonly(s->st) && !c->trusted && sqlite3_get_autocommit(c->db)) {
        if (!command(c, CMD_BEGIN_WRITE, false, s->deadline_us, a, err)) return false;
        s->own_tx = true;
    }
    bool first = !s->started;
    s->started = true;
    guard_enter(c);
    c->deadline_us = s->deadline_us;
    int rc;
    do {
        rc = sqlite3_step(s->st);
    } while (rc == SQLITE_ROW && s->silent);
    c->deadline_us = IO_NEVER;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) return step_failed(s, a, err);
    if (first) look_at_shape(s);
    *row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW || !s->own_tx) return true;
    /* A failed commit says what is wrong with the statement's work (a deferred foreign key), so its cursor goes first. */
    sqlite3_reset(s->st);
    return end_own_tx(s, true, a, err);
}

static void sqlite_stmt_done(driver_stmt *s)
{
    driver_conn *c = s->c;
    sqlite3_reset(s->st);
    sqlite3_clear_bindings(s->st);
    if (s->own_tx) {
        /* Given back before its end: whoever ran it does not know how it ended, so it did not happen. */
        (void)end_own_tx(s, false, NULL, NULL);
    }
    s->busy = s->started = false;
    if (s->cached) return;
    stmt_unlink(c, s);
    stmt_free(c, s);
}

/* --- the rest ------------------------------------------------------------------------------------------------------- */

static bool sqlite_script(driver_conn *c, nicol_str sql, arena *a, nicol_error *err)
{
    const char *z = nicol_cstr(a, sql, err);
    return z && exec_own(c, z, a, err);
}

static bool sqlite_healthy(driver_conn *c)
{
    int moved = 0;
    if (c->broken || !sqlite3_get_autocommit(c->db)) return false;
    if (c->memory) return true;
    /* A file that was deleted or replaced under us: what we would write now, nobody would ever find. Asking costs a
     * system call, so a busy connection asks a few times a second only. */
    int64_t now = clock_coarse_us();
    if (now - c->file_seen_us < FILE_LOOK_US) return true;
    if (sqlite3_file_control(c->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved) return false;
    c->file_seen_us = now;
    return true;
}

static void sqlite_close(driver_conn *c)
{
    if (!c) return;
    for (driver_stmt *s = c->oldest; s;) {
        driver_stmt *next = s->newer;
        stmt_free(c, s);
        s = next;
    }
    for (int i = 0; i < CMD_N; i++) sqlite3_finalize(c->commands[i]);
    map_free(c->cache);
    sqlite3_close_v2(c->db); /* rolls back what is open */
    c->m->free(c->m->ctx, c, sizeof *c);
}

void driver_own_process(void)
{
    /* Its count of memory, which nobody reads, takes a mutex for every allocation and every release. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

const driver driver_sqlite = {
    .version = DRIVER_VERSION,
    .name = "sqlite",
    .provider = "sqlite",
    .binds_max = NICOL_SQLITE_BINDS_MAX,
    .one_writer = true,
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
    .cells = sqlite_cells,
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
    .shape_id = sqlite_shape_id,
    .healthy = sqlite_healthy,
};
