/* driver/sqlite_guard.c - what keeps a text from outside, or a long statement, from hurting anybody else.
 *
 * SQL comes from clients and is taken as hostile: an authorizer refuses what would leave the database or the transaction
 * that it was given, limits bound what one text may ask for, and the recursion of SQLite's compiler is bounded by the
 * stack that is there. Fiber stacks are far smaller than a program's: SQLite needs 0.4 KB of stack for each level of an
 * expression, 0.5 KB for each SELECT of a compound and each nested view, 1.3 KB for each trigger that fires another,
 * 1.6 KB for each foreign key that cascades into another, 1 KB for each generated column that uses another and 0.13 KB
 * for each '%' of a LIKE pattern (measured on 3.40). Expressions, columns and patterns have limits of their own. The
 * rest has none, but each level asks the authorizer, and that is where the depth is checked.
 */
#include "base/clock.h"
#include "driver/sqlite_int.h"

#define BUSY_STEP_US 2000 /* between tries while another process holds the lock; grows to BUSY_STEP_MAX_US */
#define BUSY_STEP_MAX_US 25000
#define PROGRESS_OPS 10000 /* virtual machine steps between yields: about 150 microseconds */
#define VALUE_BYTES_MAX (256 << 20)
#define SQL_BYTES_MAX (16 << 20)
#define COLUMNS_MAX 1000
#define PATTERN_BYTES_MAX 8192
#define STACK_NESTING_MAX ((ptrdiff_t)256 << 10)

/* --- the authorizer ------------------------------------------------------------------------------------------------- */

/* PRAGMAs that only tell. With an argument they are allowed only where the argument names what to look at. */
static const struct {
    const char *name;
    bool arg_ok;
} pragmas_allowed[] = {
    {"table_info", true},        {"table_xinfo", true},     {"table_list", true},       {"index_list", true},
    {"index_info", true},        {"index_xinfo", true},     {"foreign_key_list", true}, {"database_list", false},
    {"collation_list", false},   {"function_list", false},  {"module_list", false},     {"pragma_list", false},
    {"compile_options", false},  {"user_version", false},   {"application_id", false},  {"schema_version", false},
    {"encoding", false},         {"page_size", false},      {"page_count", false},      {"freelist_count", false},
    {"journal_mode", false},     {"synchronous", false},    {"foreign_keys", false},    {"busy_timeout", false},
    {"cache_size", false},       {"data_version", false},   {"integrity_check", true},  {"quick_check", true},
    {"foreign_key_check", true}, {"max_page_count", false}, {"auto_vacuum", false},     {"query_only", false},
};

static bool pragma_is_allowed(const char *name, const char *arg)
{
    for (size_t i = 0; i < sizeof pragmas_allowed / sizeof *pragmas_allowed; i++) {
        if (sqlite3_stricmp(name, pragmas_allowed[i].name) == 0) return arg == NULL || pragmas_allowed[i].arg_ok;
    }
    return false;
}

static int deny(driver_conn *c, const char *why)
{
    c->denied = why;
    return SQLITE_DENY;
}

static bool too_deep(const driver_conn *c)
{
    const char *here = __builtin_frame_address(0);
    return c->stack_at != NULL && c->stack_at - here > STACK_NESTING_MAX;
}

static const char no_temp[] =
    "TEMP tables, views and triggers are refused: they would stay on a connection that other requests use; "
    "write WITH name AS (...) in the statement instead";

static int authorize(void *ctx, int action, const char *one, const char *two, const char *db, const char *trigger)
{
    (void)trigger;
    driver_conn *c = ctx;
    if (too_deep(c)) {
        return deny(c, "the statement nests too deeply (compound SELECTs, views, triggers or cascading foreign keys): "
                       "split it into smaller ones");
    }
    if (c->internal || c->trusted) return SQLITE_OK;
    switch (action) {
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
        return deny(
            c, "ATTACH and DETACH are refused: a request reaches only the database that the server was started with");
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
        return deny(c, "BEGIN, COMMIT, ROLLBACK and SAVEPOINT are refused in a query: use the client's $transaction");
    case SQLITE_PRAGMA:
        if (pragma_is_allowed(one, two)) return SQLITE_OK;
        return deny(
            c, "this PRAGMA is refused: a query may not change the state of the connection or of the database file; "
               "the server's options set what can be set");
    case SQLITE_CREATE_INDEX:
    case SQLITE_CREATE_TABLE:
    case SQLITE_CREATE_TRIGGER:
    case SQLITE_CREATE_VIEW:
    case SQLITE_CREATE_VTABLE:
        if (db == NULL || sqlite3_stricmp(db, "temp") != 0) return SQLITE_OK;
        return deny(c, no_temp);
    case SQLITE_CREATE_TEMP_INDEX:
    case SQLITE_CREATE_TEMP_TABLE:
    case SQLITE_CREATE_TEMP_TRIGGER:
    case SQLITE_CREATE_TEMP_VIEW:
        return deny(c, no_temp);
    default:
        return SQLITE_OK;
    }
}

void guard_enter(driver_conn *c)
{
    c->stack_at = __builtin_frame_address(0);
    c->denied = NULL;
    c->cancelled = c->timed_out = false;
}

/* VACUUM asks no authorizer. Its INTO form would write a file of the client's choice. */
const char *guard_refuses(nicol_str sql)
{
    const char *p = sql.ptr, *end = sql.ptr + sql.len;
    for (;;) {
        while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r' || *p == '\f' || *p == ';')) p++;
        if (end - p > 1 && p[0] == '-' && p[1] == '-') {
            while (p < end && *p != '\n') p++;
        } else if (end - p > 1 && p[0] == '/' && p[1] == '*') {
            p += 2;
            while (p < end && !(end - p > 1 && p[0] == '*' && p[1] == '/')) p++;
            p = end - p > 1 ? p + 2 : end;
        } else {
            break;
        }
    }
    if (end - p < 6 || !str_ieq(str_of(p, 6), S("VACUUM"))) return NULL;
    return "VACUUM is refused in a query: it would block every other request and can write files; run it with the sqlite3 "
           "program while the server is stopped";
}

/* --- waiting -------------------------------------------------------------------------------------------------------- */

static int on_busy(void *ctx, int tries)
{
    driver_conn *c = ctx;
    int64_t now = clock_mono_us();
    if (tries == 0) c->busy_since_us = now;
    int64_t until = c->busy_since_us + c->busy_timeout_us;
    bool by_deadline = c->deadline_us < until;
    if (by_deadline) until = c->deadline_us;
    if (now >= until) {
        c->timed_out = by_deadline;
        return 0;
    }
    int64_t step = BUSY_STEP_US * (int64_t)(tries < 10 ? tries + 1 : 12);
    if (step > BUSY_STEP_MAX_US) step = BUSY_STEP_MAX_US;
    int64_t wake = now + step < until ? now + step : until;
    if (io_sleep_until(wake) == IO_TIMEOUT) return 1;
    c->cancelled = true;
    return 0;
}

static int on_progress(void *ctx)
{
    driver_conn *c = ctx;
    if (c->deadline_us != IO_NEVER && clock_mono_us() >= c->deadline_us) {
        c->timed_out = true;
        return 1;
    }
    /* A sleep to a moment that has passed lets the others run once, and tells of a cancel. */
    if (io_self() != NULL && io_sleep_until(0) == IO_CANCELLED) {
        c->cancelled = true;
        return 1;
    }
    return 0;
}

/* --- a new connection ----------------------------------------------------------------------------------------------- */

static void set_limits(sqlite3 *db)
{
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, SQL_BYTES_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_COLUMN, COLUMNS_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 100);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* A string in double quotes is a mistake that should be seen, not a literal. */
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
}

void guard_open(driver_conn *c)
{
    sqlite3_busy_handler(c->db, on_busy, c);
    sqlite3_progress_handler(c->db, PROGRESS_OPS, on_progress, c);
    /* These protect the stack, so they hold for the engine's own texts too. */
    sqlite3_limit(c->db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, PATTERN_BYTES_MAX);
    sqlite3_limit(c->db, SQLITE_LIMIT_WORKER_THREADS, 0);
    if (!c->trusted) set_limits(c->db);
    sqlite3_set_authorizer(c->db, authorize, c);
}
