/* The SQLite driver: values, errors, guards against hostile SQL, waiting, transactions, files that are not as they should. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "driver/driver.h"

#include "tap.h"

static const driver *const d = &driver_sqlite;
static char dir[] = "/tmp/nicol-test-driver-XXXXXX";
static arena *a;

static nicol_str file(const char *name)
{
    static char url[8][256];
    static unsigned k;
    char *u = url[k++ % 8];
    snprintf(u, 256, "file:%s/%s", dir, name);
    return str_c(u);
}

static const char *path(nicol_str url)
{
    return url.ptr + 5;
}

static driver_conn *open_opts(driver_opts o)
{
    nicol_error err = {0};
    driver_conn *c = d->open(&o, a, &err);
    if (!c) {
        diag("open: %.*s", STR_FMT(err.message));
        abort();
    }
    return c;
}

static driver_conn *open_file(nicol_str url)
{
    return open_opts((driver_opts){.url = url, .create = true});
}

/* Runs a statement to its end and keeps the first cell of its first row as text in the arena. */
static bool exec_args(driver_conn *c, const char *sql, const val *args, const driver_arg_type *types, size_t n,
                      int64_t deadline, val *first, nicol_error *err)
{
    driver_stmt *s = d->prepare(c, str_c(sql), a, err);
    if (first) *first = (val){0};
    if (!s) return false;
    bool good = d->run(s, args, types, n, deadline, a, err), row = true;
    for (bool top = true; good && row; top = false) {
        good = d->step(s, &row, a, err);
        if (!good || !row || !top || !first) continue;
        *first = d->cell(s, 0);
        if (val_is_text(*first)) *first = val_text((val_type)first->type, arena_str(a, val_str(*first)));
    }
    d->stmt_done(s);
    return good;
}

static bool exec_sql(driver_conn *c, const char *sql, val *first, nicol_error *err)
{
    return exec_args(c, sql, NULL, NULL, 0, IO_NEVER, first, err);
}

static int64_t number(driver_conn *c, const char *sql)
{
    nicol_error err = {0};
    val v;
    if (!exec_sql(c, sql, &v, &err)) diag("%s: %.*s", sql, STR_FMT(err.message));
    return v.type == VAL_INT ? v.u.i : -999;
}

static void must(driver_conn *c, const char *sql)
{
    nicol_error err = {0};
    ok(exec_sql(c, sql, NULL, &err), "%s", sql);
    no_err(&err);
}

/* --- values --------------------------------------------------------------------------------------------------------- */

static const struct {
    scalar_type scalar;
    val v;
    const char *shown; /* typeof() and the value, as SQLite has it; NULL: refused */
} binds[] = {
    {SCALAR_UNKNOWN, {.type = VAL_NULL}, "null|"},
    {SCALAR_INT, {.type = VAL_UNDEF}, "null|"},
    {SCALAR_BOOLEAN, {.type = VAL_BOOL, .u.i = 1}, "integer|1"},
    {SCALAR_UNKNOWN, {.type = VAL_BOOL, .u.i = 0}, "integer|0"},
    {SCALAR_INT, {.type = VAL_INT, .u.i = -5}, "integer|-5"},
    {SCALAR_BIGINT, {.type = VAL_INT, .u.i = INT64_MIN}, "integer|-9223372036854775808"},
    {SCALAR_DECIMAL, {.type = VAL_INT, .u.i = 3}, "real|3.0"},
    {SCALAR_FLOAT, {.type = VAL_FLOAT, .u.f = 1.5}, "real|1.5"},
    {SCALAR_DATETIME, {.type = VAL_DATETIME, .u.i = 1704164645678}, "text|2024-01-02T03:04:05.678+00:00"},
    {SCALAR_DATETIME, {.type = VAL_INT, .u.i = 0}, "text|1970-01-01T00:00:00.000+00:00"},
    {SCALAR_UNKNOWN, {.type = VAL_LIST}, NULL},
};
static const struct {
    scalar_type scalar;
    const char *text;
    const char *shown;
} text_binds[] = {
    {SCALAR_STRING, "12", "text|12"},
    {SCALAR_STRING, "", "text|"},
    {SCALAR_UNKNOWN, "x", "text|x"},
    {SCALAR_ENUM, "RED", "text|RED"},
    {SCALAR_JSON, "{\"a\":1}", "text|{\"a\":1}"},
    {SCALAR_INT, "12", "integer|12"},
    {SCALAR_INT, " -12abc", "integer|-12"},
    {SCALAR_INT, "1e3", "integer|1"},
    {SCALAR_INT, "abc", NULL},
    {SCALAR_INT, "--1", NULL},
    {SCALAR_INT, "", NULL},
    {SCALAR_BIGINT, "9223372036854775807", "integer|9223372036854775807"},
    {SCALAR_BIGINT, "9223372036854775808", NULL},
    {SCALAR_BIGINT, "1.5", NULL},
    {SCALAR_FLOAT, "1.25e1", "real|12.5"},
    {SCALAR_FLOAT, "+007.5x", "real|7.5"},
    {SCALAR_DECIMAL, "12.50", "real|12.5"},
    {SCALAR_DECIMAL, "-0.125", "real|-0.125"},
    {SCALAR_DECIMAL, "1e400", NULL},
    {SCALAR_DATETIME, "2024-01-02T03:04:05.678Z", "text|2024-01-02T03:04:05.678+00:00"},
    {SCALAR_DATETIME, "2024-01-02T03:04:05.678+01:00", "text|2024-01-02T02:04:05.678+00:00"},
    {SCALAR_DATETIME, "yesterday", NULL},
    {SCALAR_BYTES, "AQI=", "blob|0102"},
    {SCALAR_BYTES, "", "blob|"},
    {SCALAR_BYTES, "A", NULL},
};

#define SHOW \
    "SELECT typeof(x) || '|' || CASE typeof(x) WHEN 'blob' THEN hex(x) ELSE coalesce(x, '') END FROM (SELECT ? AS x)"

static void check_bind(driver_conn *c, val v, scalar_type scalar, const char *shown, const char *what)
{
    nicol_error err = {0};
    val got;
    driver_arg_type t = {.scalar = scalar};
    bool good = exec_args(c, SHOW, &v, &t, 1, IO_NEVER, &got, &err);
    ok(good == (shown != NULL), "bind %s as %d", what, (int)scalar);
    if (good && shown) is_strz(val_str(got), shown);
}

static void test_binds(void)
{
    driver_conn *c = open_file(file("binds.db"));
    for (size_t i = 0; i < sizeof binds / sizeof *binds; i++)
        check_bind(c, binds[i].v, binds[i].scalar, binds[i].shown, "a value");
    for (size_t i = 0; i < sizeof text_binds / sizeof *text_binds; i++) {
        check_bind(c, val_text(VAL_STR, str_c(text_binds[i].text)), text_binds[i].scalar, text_binds[i].shown,
                   text_binds[i].text);
    }
    check_bind(c, val_text(VAL_BYTES, S("\x01\xff")), SCALAR_UNKNOWN, "blob|01FF", "raw bytes");
    check_bind(c, val_text(VAL_DECIMAL, S("2.50")), SCALAR_UNKNOWN, "real|2.5", "a decimal");
    d->close(c);
    c = open_opts((driver_opts){.url = file("binds.db"), .timestamps = TIMESTAMPS_UNIX_MS});
    check_bind(c, val_text(VAL_STR, S("2024-01-02T03:04:05.678Z")), SCALAR_DATETIME, "integer|1704164645678",
               "a date as a number");
    nicol_error err = {0};
    ok(!exec_args(c, "SELECT ?", NULL, NULL, 0, IO_NEVER, NULL, &err), "a missing parameter");
    ok(err.message.len > 0 && str_find(err.message, S("takes 1 parameters, 0 were given"), 0) != SIZE_MAX,
       "is counted");
    d->close(c);
}

static const struct {
    const char *declared, *inserted, *type;
    val_type got;
} columns[] = {
    {"INTEGER", "1", "int", VAL_INT},
    {"INT", "1.5", "int", VAL_INT},
    {"BIGINT", "9007199254740993", "bigint", VAL_INT},
    {"REAL", "1.5", "double", VAL_FLOAT},
    {"FLOAT", "1.5", "float", VAL_FLOAT},
    {"DECIMAL", "12.5", "decimal", VAL_DECIMAL},
    {"BOOLEAN", "1", "bool", VAL_BOOL},
    {"DATETIME", "1704164645678", "datetime", VAL_DATETIME},
    {"DATETIME", "'2024-01-02T03:04:05.678+00:00'", "datetime", VAL_DATETIME},
    {"TEXT", "'x'", "string", VAL_STR},
    {"varchar", "'x'", "string", VAL_STR},
    {"BLOB", "x'0102'", "bytes", VAL_BYTES},
    {"JSONB", "'{\"a\":1}'", "json", VAL_JSON},
    {"JSONB", "NULL", "json", VAL_NULL},
    {"", "7", "bigint", VAL_INT},
    {"", "'t'", "string", VAL_STR},
    {"", "1.5", "unknown", VAL_FLOAT},
    {"", "x'00'", "bytes", VAL_BYTES},
    {"", "NULL", "int", VAL_NULL},
    {"GEOMETRY", "'t'", "string", VAL_STR},
};

static void test_columns(void)
{
    driver_conn *c = open_file(file("columns.db"));
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        char sql[200];
        nicol_error err = {0};
        snprintf(sql, sizeof sql, "CREATE TABLE t%zu (x %s)", i, columns[i].declared);
        must(c, sql);
        snprintf(sql, sizeof sql, "INSERT INTO t%zu VALUES (%s)", i, columns[i].inserted);
        must(c, sql);
        snprintf(sql, sizeof sql, "SELECT x AS \"the name\" FROM main.t%zu", i);
        driver_stmt *s = d->prepare(c, str_c(sql), a, &err);
        bool row = false;
        val got;
        ok(s && d->run(s, NULL, NULL, 0, IO_NEVER, a, &err) && d->step(s, &row, a, &err) && row, "%s %s",
           columns[i].declared, columns[i].inserted);
        if (!s) continue;
        ok(d->is_read(s) && d->cols(s) == 1, "one column is read");
        is_strz(d->col_name(s, 0), "the name");
        driver_col_type t = d->col_type(s, 0, d->cell(s, 0));
        is_strz(driver_col_type_name(t), columns[i].type);
        ok(d->raw_cell(s, 0, t, a, &got, &err), "a raw cell");
        is_int(got.type, columns[i].got);
        d->stmt_done(s);
    }
    d->close(c);
}

/* --- errors --------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *sql;
    nicol_code code;
    const char *kind, *original, *table, *column, *fields;
} failures[] = {
    {"INSERT INTO u VALUES (1, 'z', 1, NULL)", NICOL_E_UNIQUE_VIOLATION, "UniqueConstraintViolation",
     "SQLITE_CONSTRAINT_PRIMARYKEY", "u", "", "id,"},
    {"INSERT INTO u VALUES (2, 'a', 1, NULL)", NICOL_E_UNIQUE_VIOLATION, "UniqueConstraintViolation",
     "SQLITE_CONSTRAINT_UNIQUE", "u", "", "a,b,"},
    {"INSERT INTO u VALUES (3, NULL, 2, NULL)", NICOL_E_NULL_VIOLATION, "NullConstraintViolation",
     "SQLITE_CONSTRAINT_NOTNULL", "", "", "a,"},
    {"INSERT INTO u VALUES (4, 'q', 3, 99)", NICOL_E_FOREIGN_KEY, "ForeignKeyConstraintViolation",
     "SQLITE_CONSTRAINT_FOREIGNKEY", "", "", ""},
    {"INSERT INTO u VALUES (5, 'q', -1, NULL)", NICOL_E_DB_OTHER, "sqlite", "SQLITE_CONSTRAINT_CHECK", "", "", ""},
    {"SELECT * FROM main.nope", NICOL_E_TABLE_MISSING, "TableDoesNotExist", "SQLITE_ERROR", "main.nope", "", ""},
    {"SELECT nope FROM u", NICOL_E_COLUMN_MISSING, "ColumnNotFound", "SQLITE_ERROR", "", "nope", ""},
    {"INSERT INTO u (nope) VALUES (1)", NICOL_E_COLUMN_MISSING, "ColumnNotFound", "SQLITE_ERROR", "", "nope", ""},
    {"SELEC 1", NICOL_E_DB_OTHER, "sqlite", "SQLITE_ERROR", "", "", ""},
    {"SELECT abs(-9223372036854775808)", NICOL_E_DB_OTHER, "sqlite", "SQLITE_ERROR", "", "", ""},
    {"SELECT \"no such literal\"", NICOL_E_COLUMN_MISSING, "ColumnNotFound", "SQLITE_ERROR", "", "no such literal", ""},
};

static void test_errors(void)
{
    driver_conn *c = open_file(file("errors.db"));
    must(
        c,
        "CREATE TABLE u (id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INT CHECK (b > 0), p INT REFERENCES u(id), UNIQUE (a, b))");
    must(c, "INSERT INTO u VALUES (1, 'a', 1, NULL)");
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        nicol_error err = {0};
        ok(!exec_sql(c, failures[i].sql, NULL, &err), "%s", failures[i].sql);
        is_err(&err, failures[i].code);
        ok(err.db != NULL, "has facts");
        if (!err.db) continue;
        is_strz(err.db->kind, failures[i].kind);
        is_strz(err.db->original_code, failures[i].original);
        is_strz(err.db->table, failures[i].table);
        is_strz(err.db->column, failures[i].column);
        char fields[100] = "";
        for (size_t k = 0; k < err.db->fields_n; k++) {
            snprintf(fields + strlen(fields), sizeof fields - strlen(fields), "%.*s,", STR_FMT(err.db->fields[k]));
        }
        is_z(fields, failures[i].fields);
        ok(!d->in_transaction(c) && d->healthy(c), "the connection is as before");
    }
    is_int(number(c, "SELECT count(*) FROM u"), 1);
    d->close(c);
}

/* --- hostile SQL ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *sql, *why; /* NULL: allowed */
} hostile[] = {
    {"ATTACH DATABASE '/tmp/other.db' AS o", "ATTACH and DETACH are refused"},
    {"attach '/etc/passwd' as p", "ATTACH and DETACH are refused"},
    {"DETACH main", "ATTACH and DETACH are refused"},
    {"BEGIN", "use the client's $transaction"},
    {"BEGIN IMMEDIATE", "use the client's $transaction"},
    {"COMMIT", "use the client's $transaction"},
    {"END", "use the client's $transaction"},
    {"ROLLBACK", "use the client's $transaction"},
    {"SAVEPOINT x", "use the client's $transaction"},
    {"RELEASE x", "use the client's $transaction"},
    {"ROLLBACK TO nicol_sp_1", "use the client's $transaction"},
    {"EXPLAIN COMMIT", "use the client's $transaction"},
    {"PRAGMA journal_mode=DELETE", "this PRAGMA is refused"},
    {"PRAGMA synchronous=OFF", "this PRAGMA is refused"},
    {"PRAGMA foreign_keys(0)", "this PRAGMA is refused"},
    {"PRAGMA writable_schema=1", "this PRAGMA is refused"},
    {"PRAGMA main.user_version=7", "this PRAGMA is refused"},
    {"PRAGMA busy_timeout=0", "this PRAGMA is refused"},
    {"PRAGMA wal_checkpoint(TRUNCATE)", "this PRAGMA is refused"},
    {"PRAGMA temp_store_directory='/tmp'", "this PRAGMA is refused"},
    {"PRAGMA hard_heap_limit=1", "this PRAGMA is refused"},
    {"PRAGMA trusted_schema=1", "this PRAGMA is refused"},
    {"PRAGMA mmap_size=1", "this PRAGMA is refused"},
    {"PRAGMA locking_mode=EXCLUSIVE", "this PRAGMA is refused"},
    {"PRAGMA optimize", "this PRAGMA is refused"},
    {"PRAGMA foreign_keys", NULL},
    {"PRAGMA table_info(t)", NULL},
    {"PRAGMA integrity_check", NULL},
    {"SELECT * FROM pragma_table_info('t')", NULL},
    {"VACUUM", "VACUUM is refused"},
    {" /* x */ -- y\n ; vacuum INTO '/tmp/stolen.db'", "VACUUM is refused"},
    {"CREATE TEMP TABLE x (a)", "TEMP tables"},
    {"CREATE TEMPORARY VIEW x AS SELECT 1", "TEMP tables"},
    {"CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN DELETE FROM t; END", "TEMP tables"},
    {"CREATE TABLE temp.x (a)", "TEMP tables"},
    {"SELECT load_extension('/tmp/x.so')", "not authorized"},
    {"INSERT INTO sqlite_master VALUES (1,2,3,4,5)", "may not be modified"},
    {"UPDATE sqlite_schema SET sql = ''", "may not be modified"},
    {"SELECT 1; SELECT 2", "more than one statement"},
    {"SELECT 1; COMMIT", "more than one statement"},
    {"SELECT 1; -- and\n /* no */ x", "more than one statement"},
    {"SELECT 1; /**/; -- fine", NULL},
    {"SELECT 1 /* open", NULL},
    {"", "no statement"},
    {" -- nothing", "no statement"},
    {";", "no statement"},
    {"SELECT zeroblob(1073741824)", "too big"},
    {"SELECT count(*) FROM t", NULL},
    {"WITH x AS (SELECT 1) SELECT * FROM x", NULL},
    {"CREATE TABLE plain (a)", NULL},
    {"DROP TABLE plain", NULL},
};

static void test_hostile(void)
{
    driver_conn *c = open_file(file("hostile.db"));
    nicol_error err = {0};
    must(c, "CREATE TABLE t (a)");
    /* So that the engine's own commands have been prepared, and the transaction state would show. */
    ok(d->begin(c, ISOLATION_DEFAULT, true, IO_NEVER, a, &err) && d->savepoint(c, 1, a, &err), "a transaction");
    ok(d->savepoint_release(c, 1, a, &err) && d->commit(c, a, &err), "ends");
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
            nicol_error e = {0};
            bool good = exec_sql(c, hostile[i].sql, NULL, &e);
            ok(good == (hostile[i].why == NULL), "%s %s", hostile[i].why ? "refused:" : "allowed:", hostile[i].sql);
            if (hostile[i].why) {
                ok(str_find(e.message, str_c(hostile[i].why), 0) != SIZE_MAX, "says why: %.*s", STR_FMT(e.message));
            }
            ok(d->in_transaction(c) == (round == 1), "the transaction is as it was");
        }
        if (round == 0) ok(d->begin(c, ISOLATION_DEFAULT, true, IO_NEVER, a, &err), "the same inside a transaction");
    }
    ok(d->commit(c, a, &err), "which is still there");
    nicol_error e = {0};
    driver_stmt *s = d->prepare(c, (nicol_str){"SELECT 1\0; DROP TABLE t", 23}, a, &e);
    ok(!s && str_find(e.message, S("NUL"), 0) != SIZE_MAX, "a NUL byte");
    size_t n = 16 << 20;
    char *big = malloc(n + 1);
    if (!big) abort();
    memset(big, ' ', n);
    memcpy(big, "SELECT 1", 8);
    nicol_error e2 = {0}, e3 = {0};
    s = d->prepare(c, str_of(big, n), a, &e2);
    ok(!s, "a text past the limit");
    is_err(&e2, NICOL_E_LIMIT);
    s = d->prepare(c, str_of(big, n - 1), a, &e3);
    ok(s != NULL, "a text at the limit");
    if (s) d->stmt_done(s);
    free(big);
    is_int(number(c, "PRAGMA foreign_keys"), 1);
    ok(access("/tmp/stolen.db", F_OK) != 0, "nothing was written elsewhere");
    d->close(c);
}

/* --- deep statements on the stack of a fiber ------------------------------------------------------------------------ */

static char *repeat(const char *head, const char *part, int n, const char *tail)
{
    size_t size = strlen(head) + strlen(part) * (size_t)n + strlen(tail) + 1, at;
    char *out = malloc(size);
    if (!out) abort();
    at = (size_t)snprintf(out, size, "%s", head);
    for (int i = 0; i < n; i++) at += (size_t)snprintf(out + at, size - at, "%s", part);
    snprintf(out + at, size - at, "%s", tail);
    return out;
}

static void deep(driver_conn *c, const char *name, char *sql, bool allowed)
{
    nicol_error err = {0};
    val v;
    bool good = exec_sql(c, sql, &v, &err);
    ok(good == allowed, "%s: %.*s", name, STR_FMT(err.message));
    free(sql);
}

static void make(driver_conn *c, const char *fmt, ...) NICOL_PRINTF(2, 3);
static void make(driver_conn *c, const char *fmt, ...)
{
    char sql[200];
    nicol_error err = {0};
    va_list args;
    va_start(args, fmt);
    vsnprintf(sql, sizeof sql, fmt, args);
    va_end(args);
    if (!exec_sql(c, sql, NULL, &err)) fail("%s: %.*s", sql, STR_FMT(err.message));
}

/* Many small changes of the schema: one transaction for all, or each would wait for the disk. */
static void make_chains(driver_conn *c)
{
    nicol_error err = {0};
    ok(d->begin(c, ISOLATION_DEFAULT, true, IO_NEVER, a, &err), "begin");
    make(c, "CREATE VIEW v0 AS SELECT a FROM t");
    make(c, "CREATE TABLE w0 (a)");
    make(c, "CREATE TABLE f0 (id INTEGER PRIMARY KEY)");
    for (int i = 1; i <= 700; i++) make(c, "CREATE VIEW v%d AS SELECT a FROM v%d LIMIT 5", i, i - 1);
    for (int i = 1; i <= 300; i++) {
        make(c, "CREATE TABLE w%d (a)", i);
        make(c, "CREATE TRIGGER g%d AFTER INSERT ON w%d BEGIN INSERT INTO w%d VALUES (1); END", i, i, i - 1);
        make(c, "CREATE TABLE f%d (id INTEGER PRIMARY KEY, p REFERENCES f%d (id) ON DELETE CASCADE)", i, i - 1);
    }
    ok(d->commit(c, a, &err), "commit");
}

static void deep_fiber(void *arg)
{
    driver_conn *c = arg;
    deep(c, "an expression at the limit", repeat("SELECT 1", "+1", 999, ""), true);
    deep(c, "an expression past it", repeat("SELECT 1", "+1", 1000, ""), false);
    deep(c, "a wide OR", repeat("SELECT 1 FROM t WHERE a=1", " OR a=2", 990, ""), true);
    deep(c, "brackets", repeat("SELECT ", "(", 5000, "1"), false);
    deep(c, "UNION of 400", repeat("SELECT a FROM t", " UNION SELECT a FROM t", 399, ""), true);
    deep(c, "UNION of 501", repeat("SELECT a FROM t", " UNION SELECT a FROM t", 500, ""), false);
    char *text = repeat("", "a", 9000, ""), *half = repeat("", "%a", 4095, "");
    char *like = malloc(40000);
    if (!like) abort();
    snprintf(like, 40000, "SELECT '%s' LIKE '%s'", text, half);
    deep(c, "a LIKE pattern at the limit", strdup(like), true);
    snprintf(like, 40000, "SELECT '%s' LIKE '%s%%a%%a'", text, half);
    deep(c, "a LIKE pattern past it", like, false);
    free(text);
    free(half);
    char *json = repeat("SELECT json('", "[", 900, "");
    deep(c, "nested JSON", repeat(json, "]", 900, "')"), true);
    free(json);
    make_chains(c);
    deep(c, "views over views", strdup("SELECT * FROM v300"), true);
    deep(c, "far too many views over views", strdup("SELECT * FROM v700"), false);
    deep(c, "triggers that fire triggers", strdup("INSERT INTO w50 VALUES (1)"), true);
    deep(c, "far too many of them", strdup("INSERT INTO w300 VALUES (1)"), false);
    deep(c, "cascades", strdup("DELETE FROM f220"), true);
    deep(c, "far too many cascades", strdup("DELETE FROM f0"), false);
    size_t size = 64 * 1024, at;
    char *sql = malloc(size);
    if (!sql) abort();
    at = (size_t)snprintf(sql, size, "CREATE TABLE gen (c0");
    for (int i = 1; i < 990; i++) at += (size_t)snprintf(sql + at, size - at, ", c%d AS (c%d + 1)", i, i - 1);
    snprintf(sql + at, size - at, ")");
    deep(c, "columns made of columns", sql, true);
    must(c, "INSERT INTO gen VALUES (1)");
    is_int(number(c, "SELECT c989 FROM gen"), 990);
}

typedef struct fibers {
    void (*fn)(void *arg);
    void *arg;
} fibers;

/* Runs up to four functions as fibers of one loop. */
static void on_loop(const fibers *f, size_t n)
{
    nicol_error err = {0};
    io_loop *l = io_loop_new(&(io_loop_opts){.stack_bytes = NICOL_FIBER_STACK_BYTES}, &err);
    if (!l) abort();
    for (size_t i = 0; i < n; i++) ok(io_spawn(l, "test", f[i].fn, f[i].arg, &err), "spawned");
    io_loop_stop(l);
    ok(io_loop_run(l, &err), "the loop ran");
    io_loop_free(l);
}

static void test_deep(void)
{
    driver_conn *c = open_file(file("deep.db"));
    must(c, "CREATE TABLE t (a)");
    on_loop((fibers[]){{deep_fiber, c}}, 1);
    d->close(c);
}

/* --- waiting -------------------------------------------------------------------------------------------------------- */

typedef struct pair {
    driver_conn *x, *y;
    int ticks;
    bool done;
    bool wrote;
    io_fiber *waiter;
    nicol_error err;
} pair;

static void hold_lock(void *arg)
{
    pair *p = arg;
    nicol_error err = {0};
    ok(d->begin(p->x, ISOLATION_DEFAULT, true, IO_NEVER, a, &err), "one holds the lock");
    io_sleep_until(clock_mono_us() + 60000);
    ok(!p->wrote, "the other has not got it meanwhile");
    ok(exec_sql(p->x, "INSERT INTO t VALUES (1)", NULL, &err) && d->commit(p->x, a, &err), "and lets go");
}

static void want_lock(void *arg)
{
    pair *p = arg;
    io_sleep_until(clock_mono_us() + 5000);
    p->wrote = exec_sql(p->y, "INSERT INTO t VALUES (2)", NULL, &p->err);
    p->done = true;
}

static void tick(void *arg)
{
    pair *p = arg;
    while (!p->done) {
        p->ticks++;
        io_sleep_until(clock_mono_us() + 1000);
    }
}

static void busy_fiber(void *arg)
{
    pair *p = arg;
    p->waiter = io_self();
    exec_sql(p->y, "INSERT INTO t VALUES (3)", NULL, &p->err);
    p->done = true;
}

static void cancel_it(void *arg)
{
    pair *p = arg;
    io_sleep_until(clock_mono_us() + 20000);
    if (!p->done) io_cancel(p->waiter);
}

static void long_fiber(void *arg)
{
    pair *p = arg;
    p->waiter = io_self();
    exec_sql(p->y, "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r", NULL,
             &p->err);
    p->done = true;
}

static void test_waiting(void)
{
    nicol_str url = file("busy.db");
    pair p = {open_file(url), open_file(url), 0, false, false, NULL, {0}};
    must(p.x, "CREATE TABLE t (a)");
    on_loop((fibers[]){{hold_lock, &p}, {want_lock, &p}, {tick, &p}}, 3);
    ok(p.wrote, "a writer waits its turn: %.*s", STR_FMT(p.err.message));
    ok(p.ticks > 10, "and others run meanwhile (%d ticks)", p.ticks);
    is_int(number(p.x, "SELECT count(*) FROM t"), 2);

    pair q = {p.x, open_opts((driver_opts){.url = url, .busy_timeout_us = 40000}), 0, false, false, NULL, {0}};
    nicol_error err = {0};
    ok(d->begin(q.x, ISOLATION_DEFAULT, true, IO_NEVER, a, &err), "the lock is held for good");
    int64_t start = clock_mono_us();
    ok(!exec_sql(q.y, "INSERT INTO t VALUES (3)", NULL, &q.err), "another connection gives up");
    is_err(&q.err, NICOL_E_DB_TIMEOUT);
    is_strz(q.err.db->kind, "SocketTimeout");
    is_strz(q.err.db->original_code, "SQLITE_BUSY");
    int64_t took = clock_mono_us() - start;
    ok(took >= 39000, "after its time (%d us)", (int)took);
    is_int(number(q.y, "SELECT count(*) FROM t"), 2);
    nicol_error late = {0};
    ok(!exec_args(p.y, "INSERT INTO t VALUES (3)", NULL, NULL, 0, clock_mono_us() + 20000, NULL, &late),
       "a deadline ends the wait");
    is_err(&late, NICOL_E_QUERY_TIMEOUT);
    pair r = {q.x, p.y, 0, false, false, NULL, {0}};
    on_loop((fibers[]){{busy_fiber, &r}, {cancel_it, &r}}, 2);
    is_err(&r.err, NICOL_E_CANCELLED);
    ok(d->rollback(q.x, a, &err) && d->rollback(q.x, a, &err), "rolled back, twice is fine");

    nicol_error slow = {0};
    start = clock_mono_us();
    ok(!exec_args(p.y, "WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r) SELECT count(*) FROM r", NULL,
                  NULL, 0, start + 30000, NULL, &slow),
       "an endless statement ends at its deadline");
    is_err(&slow, NICOL_E_QUERY_TIMEOUT);
    pair u = {q.x, p.y, 0, false, false, NULL, {0}};
    on_loop((fibers[]){{long_fiber, &u}, {cancel_it, &u}, {tick, &u}}, 3);
    is_err(&u.err, NICOL_E_CANCELLED);
    ok(u.ticks >= 1, "an endless statement lets others run (%d ticks), until it is cancelled", u.ticks);
    d->close(q.y);
    d->close(p.x);
    d->close(p.y);
}

/* --- transactions --------------------------------------------------------------------------------------------------- */

static void tx_fiber(void *arg)
{
    pair *p = arg;
    nicol_error err = {0};
    bool row = false;
    val v;
    ok(exec_sql(p->x, "INSERT INTO t VALUES (1) RETURNING a", &v, &err), "a write with rows");
    is_int(v.u.i, 1);
    ok(!d->in_transaction(p->x), "has ended");
    is_int(number(p->y, "SELECT count(*) FROM t"), 1);
    driver_stmt *s = d->prepare(p->x, S("INSERT INTO t VALUES (2), (3) RETURNING a"), a, &err);
    ok(s && !d->is_read(s) && d->run(s, NULL, NULL, 0, IO_NEVER, a, &err) && d->step(s, &row, a, &err) && row,
       "a write begins");
    if (s) d->stmt_done(s);
    ok(!d->in_transaction(p->x) && d->healthy(p->x), "and is given back before its end");
    is_int(number(p->y, "SELECT count(*) FROM t"), 1);
    ok(!exec_sql(p->x, "INSERT INTO child VALUES (1, 77)", NULL, &err), "a deferred foreign key fails at the commit");
    is_err(&err, NICOL_E_FOREIGN_KEY);
    ok(!d->in_transaction(p->x), "and leaves no transaction");
    is_int(number(p->y, "SELECT count(*) FROM child"), 0);
}

static int64_t in_an_hour(void *ctx)
{
    (void)ctx;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 + (int64_t)3600000000;
}

static int64_t no_wall_clock(void *ctx)
{
    (void)ctx;
    return 0;
}

static void test_transactions(void)
{
    nicol_str url = file("tx.db");
    pair p = {.x = open_file(url), .y = open_file(url)};
    nicol_error err = {0};
    must(p.x, "CREATE TABLE t (a INTEGER PRIMARY KEY)");
    must(p.x, "CREATE TABLE child (a INTEGER PRIMARY KEY, t INT REFERENCES t (a) DEFERRABLE INITIALLY DEFERRED)");
    tx_fiber(&p);
    must(p.x, "DELETE FROM t");
    on_loop((fibers[]){{tx_fiber, &p}}, 1);
    must(p.x, "DELETE FROM t");

    ok(d->begin(p.x, ISOLATION_SERIALIZABLE, true, IO_NEVER, a, &err), "begin");
    must(p.x, "INSERT INTO t VALUES (10)");
    ok(d->savepoint(p.x, 1, a, &err), "savepoint");
    must(p.x, "INSERT INTO t VALUES (11)");
    ok(d->savepoint(p.x, 2, a, &err), "a second one");
    must(p.x, "INSERT INTO t VALUES (12)");
    ok(d->savepoint_rollback(p.x, 2, a, &err), "back to it");
    ok(d->savepoint_release(p.x, 1, a, &err), "the first is kept");
    ok(d->in_transaction(p.x) && !d->healthy(p.x), "still open");
    is_int(number(p.y, "SELECT count(*) FROM t"), 0);
    ok(d->commit(p.x, a, &err), "commit");
    is_int(number(p.y, "SELECT sum(a) FROM t"), 21);
    nicol_error none = {0};
    ok(!d->commit(p.x, a, &none), "nothing to commit");
    ok(str_find(none.message, S("rolled back"), 0) != SIZE_MAX, "is said");

    /* A schema change that is rolled back makes SQLite compile its statements anew, the engine's own ones too. */
    ok(d->begin(p.x, ISOLATION_DEFAULT, true, IO_NEVER, a, &err), "begin");
    must(p.x, "CREATE TABLE passing (a)");
    ok(d->rollback(p.x, a, &err), "rollback of a schema change");
    ok(d->begin(p.x, ISOLATION_DEFAULT, true, IO_NEVER, a, &err), "begin again");
    must(p.x, "INSERT INTO t VALUES (20)");
    ok(d->commit(p.x, a, &err), "commit again");
    no_err(&err);
    driver_stmt *s = d->prepare(p.x, S("UPDATE t SET a = a + 100 WHERE a > 10"), a, &err);
    bool row = true;
    ok(s && d->run(s, NULL, NULL, 0, IO_NEVER, a, &err) && d->step(s, &row, a, &err) && !row, "an update");
    is_int(d->affected(s), 2);
    ok(d->run(s, NULL, NULL, 0, IO_NEVER, a, &err) && d->step(s, &row, a, &err), "the same statement again");
    d->stmt_done(s);
    must(p.x, "INSERT INTO t VALUES (5000)");
    is_int(d->last_id(p.x), 5000);
    ok(d->script(p.x, S("CREATE TABLE s1 (a); BEGIN; INSERT INTO s1 VALUES (1); COMMIT; PRAGMA user_version=3"), a,
                 &err),
       "a script");
    is_int(number(p.x, "PRAGMA user_version"), 3);
    clock_set(
        &(clock_src){.mono_us = in_an_hour, .wall_ms = no_wall_clock}); /* the file is looked at a few times a second */
    ok(unlink(path(url)) == 0 && !d->healthy(p.x), "a connection to a deleted file is not healthy");
    clock_set(NULL);
    d->close(p.x);
    d->close(p.y);
}

static void test_cache(void)
{
    driver_conn *c = open_opts((driver_opts){.url = file("cache.db"), .create = true, .stmt_cache_max = 3});
    nicol_error err = {0};
    driver_stmt *one = d->prepare(c, S("SELECT 1"), a, &err);
    driver_stmt *two = d->prepare(c, S("SELECT 1"), a, &err);
    ok(one && two && one != two, "a statement in use is not handed out twice");
    d->stmt_done(two);
    d->stmt_done(one);
    ok(d->prepare(c, S("SELECT 1"), a, &err) == one, "an idle one is");
    for (int i = 0; i < 50; i++) {
        char sql[40];
        snprintf(sql, sizeof sql, "SELECT %d", i + 100);
        is_int(number(c, sql), i + 100);
    }
    two = d->prepare(c, S("SELECT 1"), a, &err);
    ok(two != NULL && two != one, "one in use stays out of reach");
    d->close(c); /* with statements in use: that must not leak either */
}

/* Rows that a statement changes must not decide which others it finds; it still says how many it changed, and gives no rows. */
static void test_look_first(void)
{
    static const struct {
        const char *sql;
        int64_t affected, left; /* rows with n = 5 */
    } cases[] = {
        {"UPDATE t SET n = 5 WHERE NOT EXISTS(SELECT 1 FROM t AS p WHERE p.id = t.up AND p.n > 3)", 3, 3},
        {" -- why\n update t set n = 5 where not exists(select 1 from t p where p.id = t.up and p.n > 3) ; -- end", 3,
         3},
        {"UPDATE t SET n = 5 WHERE n IS NULL OR (SELECT COUNT(*) FROM t WHERE n = 5) > 0 /* end */", 1, 1},
        {"WITH x AS (SELECT 1 AS one) UPDATE t SET n = 5 WHERE n IS NULL OR (SELECT COUNT(*) FROM t WHERE n = 5) >= "
         "(SELECT one FROM x)",
         1, 1},
        {"DELETE FROM t WHERE n = 2 OR (SELECT COUNT(*) FROM t) < 3", 1, 0},
        {"UPDATE t SET n = 5 WHERE id IN (SELECT id FROM t WHERE n = 99)", 0, 0},
        {"UPDATE t SET n = 5", 3, 3},
    };
    driver_conn *c = open_file(file("look.db"));
    must(c, "CREATE TABLE t (n INTEGER, id INTEGER PRIMARY KEY, up INTEGER)");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        nicol_error err = {0};
        for (int again = 0; again < 2; again++) { /* the second time the kept statement */
            must(c, "DELETE FROM t");
            must(c, "INSERT INTO t VALUES (NULL, 1, NULL), (2, 2, 1), (3, 3, 2)");
            driver_stmt *s = d->prepare(c, str_c(cases[i].sql), a, &err);
            bool row = true;
            if (!ok(s != NULL, "%s", cases[i].sql)) break;
            is_int((int64_t)d->cols(s), 0);
            ok(d->run(s, NULL, NULL, 0, IO_NEVER, a, &err) && d->step(s, &row, a, &err) && !row, "it gives no rows");
            is_int((int64_t)d->cols(s), 0);
            is_int(d->affected(s), cases[i].affected);
            d->stmt_done(s);
            is_int(number(c, "SELECT COUNT(*) FROM t WHERE n = 5"), cases[i].left);
        }
        no_err(&err);
    }
    d->close(c);
}

/* --- files that are not as they should ------------------------------------------------------------------------------- */

static void refused(driver_opts o, nicol_code code, const char *says)
{
    nicol_error err = {0};
    driver_conn *c = d->open(&o, a, &err);
    ok(!c, "%.*s is refused", STR_FMT(o.url));
    is_err(&err, code);
    ok(str_find(err.message, str_c(says), 0) != SIZE_MAX, "says '%s': %.*s", says, STR_FMT(err.message));
    d->close(c);
}

static void write_file(const char *name, const void *p, size_t n)
{
    FILE *f = fopen(name, "wb");
    if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0) abort();
}

/* Runs fn in a child that is nobody (a superuser may write everything); its checks are the child's exit status. */
static void as_nobody(const char *what, bool (*fn)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(3);
        _exit(fn() ? 0 : 1);
    }
    int status = 0;
    bool ended = pid > 0 && waitpid(pid, &status, 0) == pid;
    ok(ended && WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s (status %d)", what, status);
}

static bool says(nicol_error *err, nicol_code code, const char *text)
{
    if (err->code == code && str_find(err->message, str_c(text), 0) != SIZE_MAX) return true;
    diag("got %d: %.*s", (int)err->code, STR_FMT(err->message));
    return false;
}

static bool read_only_file(void)
{
    nicol_error err = {0}, err2 = {0};
    driver_conn *c = d->open(&(driver_opts){.url = file("readonly.db")}, a, &err);
    if (c || !says(&err, NICOL_E_DB_ACCESS, "not writable")) return false;
    c = d->open(&(driver_opts){.url = file("new.db"), .create = true}, a, &err2);
    return !c && says(&err2, NICOL_E_DB_UNREACHABLE, "not writable");
}

static bool size_limit(void)
{
    nicol_error err = {0}, err2 = {0};
    signal(SIGXFSZ, SIG_IGN);
    driver_conn *c = d->open(&(driver_opts){.url = file("small.db")}, a, &err);
    struct rlimit r = {60000, 60000};
    if (!c || setrlimit(RLIMIT_FSIZE, &r) != 0) return false;
    bool failed = false;
    for (int i = 0; i < 200 && !failed; i++) failed = !exec_sql(c, "INSERT INTO t VALUES (zeroblob(4000))", NULL, &err);
    if (!failed || (err.code != NICOL_E_DB_OTHER) || !err.db) return says(&err, NICOL_E_DB_OTHER, "never");
    bool clear =
        str_find(err.message, S("disk"), 0) != SIZE_MAX || str_find(err.message, S("operating system"), 0) != SIZE_MAX;
    if (!clear || d->in_transaction(c)) return says(&err, NICOL_E_OK, "clear");
    val v;
    return exec_sql(c, "SELECT count(*) FROM t", &v, &err2) && v.type == VAL_INT;
}

static void test_files(void)
{
    char other[300];
    refused((driver_opts){.url = file("missing.db")}, NICOL_E_DB_MISSING, "does not exist");
    refused((driver_opts){.url = file("nowhere/x.db"), .create = true}, NICOL_E_DB_UNREACHABLE, "folder is missing");
    refused((driver_opts){.url = file("nowhere/x.db")}, NICOL_E_DB_MISSING, "does not exist");
    refused((driver_opts){.url = file(".")}, NICOL_E_DB_UNREACHABLE, "is a folder");
    refused((driver_opts){.url = S("file:")}, NICOL_E_USAGE, "no usable path");
    refused((driver_opts){.url = S("file:?x=1")}, NICOL_E_USAGE, "no usable path");
    char *text = repeat("", "this is no database. ", 200, "");
    write_file(path(file("text.db")), text, strlen(text));
    free(text);
    refused((driver_opts){.url = file("text.db")}, NICOL_E_DB_OTHER, "not an SQLite database");
    write_file(path(file("empty.db")), "", 0);
    driver_conn *c = open_file(file("empty.db"));
    must(c, "CREATE TABLE t (a)");
    d->close(c);

    nicol_str url = file("corrupt.db");
    c = open_file(url);
    must(c, "CREATE TABLE t (a)");
    must(
        c,
        "INSERT INTO t SELECT zeroblob(100) FROM (WITH RECURSIVE r(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM r LIMIT 2000) SELECT x FROM r)");
    d->close(c); /* the last one out writes the log back */
    int fd = open(path(url), O_WRONLY);
    char junk[8192];
    memset(junk, 0x5a, sizeof junk);
    ok(fd >= 0 && pwrite(fd, junk, sizeof junk, 4096) == (ssize_t)sizeof junk && close(fd) == 0, "a file is damaged");
    nicol_error err = {0};
    c = open_opts((driver_opts){.url = url});
    ok(!exec_sql(c, "SELECT sum(length(a)) FROM t", NULL, &err), "and read");
    is_strz(err.db ? err.db->original_code : S(""), "SQLITE_CORRUPT");
    ok(str_find(err.message, S("restore a backup"), 0) != SIZE_MAX, "with a remedy: %.*s", STR_FMT(err.message));
    d->close(c);

    c = open_file(file("full.db"));
    must(c, "CREATE TABLE t (a)");
    nicol_error full = {0};
    ok(d->script(c, S("PRAGMA max_page_count=20"), a, &full), "a small file");
    bool failed = false;
    for (int i = 0; i < 100 && !failed; i++)
        failed = !exec_sql(c, "INSERT INTO t VALUES (zeroblob(4000))", NULL, &full);
    is_strz(full.db ? full.db->original_code : S(""), "SQLITE_FULL");
    ok(str_find(full.message, S("free space"), 0) != SIZE_MAX, "a full disk: %.*s", STR_FMT(full.message));
    ok(d->healthy(c) && number(c, "SELECT count(*) FROM t") > 5, "reads go on");
    d->close(c);

    c = open_file(file("readonly.db"));
    must(c, "CREATE TABLE t (a)");
    d->close(c);
    c = open_file(file("small.db"));
    must(c, "CREATE TABLE t (a)");
    d->close(c);
    snprintf(other, sizeof other, "%s", path(file("readonly.db")));
    ok(chmod(other, 0444) == 0 && chmod(dir, 0555) == 0, "no longer writable");
    as_nobody("a read-only file is named", read_only_file);
    ok(chmod(dir, 0777) == 0 && chmod(path(file("small.db")), 0666) == 0, "writable again");
    as_nobody("a file that may not grow", size_limit);

    /* A reader's connection says what a write on it is. */
    c = open_opts((driver_opts){.url = file("full.db"), .read_only = true});
    nicol_error ro = {0};
    ok(number(c, "SELECT count(*) FROM t") > 5, "a connection for reading reads");
    ok(!exec_sql(c, "DELETE FROM t", NULL, &ro) && str_find(ro.message, S("not writable"), 0) != SIZE_MAX,
       "and does not write");
    d->close(c);
}

static void test_urls(void)
{
    static const struct {
        const char *url;
        nicol_code code;
    } urls[] = {
        {"file:x.db", NICOL_E_OK},   {"sqlite:x.db", NICOL_E_OK},      {"postgresql://h/d", NICOL_E_OK},
        {"mysql://h/d", NICOL_E_OK}, {"mongodb://h/d", NICOL_E_USAGE}, {"x.db", NICOL_E_USAGE},
        {"", NICOL_E_USAGE},
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        nicol_error err = {0};
        ok((driver_for_url(str_c(urls[i].url), &err) != NULL) == (urls[i].code == NICOL_E_OK), "%s", urls[i].url);
        is_err(&err, urls[i].code);
    }
}

/* --- faults --------------------------------------------------------------------------------------------------------- */

static void test_faults(void)
{
    nicol_str url = file("faults.db");
    driver_conn *setup = open_file(url);
    must(setup, "CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT UNIQUE)");
    must(setup, "INSERT INTO t VALUES (1, 'x')");
    FOR_EACH_FAULT(m, "sqlite: open, read, fail, write") {
        arena *mine = arena_new(m, 1 << 20);
        if (!mine) continue;
        nicol_error err = {0};
        driver_conn *c = d->open(&(driver_opts){.url = url, .m = m}, mine, &err);
        if (!c) {
            is_err(&err, NICOL_E_NO_MEMORY);
            arena_free(mine);
            continue;
        }
        static const char *const texts[] = {"SELECT s FROM t", "INSERT INTO t VALUES (2, 'x')",
                                            "UPDATE t SET s = 'x' WHERE id = 1", "SELECT s FROM t"};
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            nicol_error e = {0};
            driver_stmt *s = d->prepare(c, str_c(texts[i]), mine, &e);
            bool row = true, good = s && d->run(s, NULL, NULL, 0, IO_NEVER, mine, &e);
            while (good && row) {
                val out;
                good = d->step(s, &row, mine, &e) && (!row || d->raw_cell(s, 0, COL_STRING, mine, &out, &e));
            }
            if (s) d->stmt_done(s);
            ok(good || e.code == NICOL_E_UNIQUE_VIOLATION || (tap_faulted(m) && e.code == NICOL_E_NO_MEMORY),
               "%s: %.*s", texts[i], STR_FMT(e.message));
            ok(d->healthy(c), "still healthy");
        }
        d->close(c);
        arena_free(mine);
    }
    d->close(setup);
}

/* With synchronous=NORMAL commits don't wait for the disk, and the log is still taken back into the file. */
static void test_lazy_commits(void)
{
    nicol_error err = {0};
    nicol_str url = file("lazy.db");
    driver_conn *c = open_opts((driver_opts){.url = url, .create = true, .sync_normal = true});
    ok(d->script(c, S("CREATE TABLE t(x BLOB)"), a, &err), "a table");
    bool good = true;
    for (int i = 0; i < 3000 && good; i++) {
        good = d->begin(c, ISOLATION_DEFAULT, true, IO_NEVER, a, &err) &&
               exec_args(c, "INSERT INTO t VALUES (zeroblob(4000))", NULL, NULL, 0, IO_NEVER, NULL, &err) &&
               d->commit(c, a, &err);
    }
    ok(good, "3,000 transactions");
    no_err(&err);
    struct stat wal = {0};
    char name[300];
    snprintf(name, sizeof name, "%s-wal", path(url));
    ok(stat(name, &wal) == 0, "there is a log");
    ok(wal.st_size > (off_t)1 << 20 && wal.st_size < (off_t)16 << 20,
       "the log stays small: %lld bytes of the 12 MB and more that were written", (long long)wal.st_size);
    d->close(c);
}

int main(void)
{
    if (!mkdtemp(dir) || chmod(dir, 0777) != 0) return skip_all("no temporary folder");
    a = arena_new(mem_default, (size_t)256 << 20);
    if (!a) return 1;
    test_lazy_commits();
    test_urls();
    test_binds();
    test_columns();
    test_errors();
    test_hostile();
    test_deep();
    test_waiting();
    test_transactions();
    test_cache();
    test_look_first();
    test_files();
    test_faults();
    arena_free(a);
    char clean[300];
    snprintf(clean, sizeof clean, "rm -rf '%s'", dir);
    if (system(clean) != 0) diag("%s is left behind", dir);
    return done_testing();
}
