/* One list of checks for every driver: what driver.h promises, asked of each database the same way.
 *
 * SQLite is always there. The others need a server: NICOL_TEST_PG_URL and NICOL_TEST_MY_URL name it, as tools/test.sh does.
 * Without the name the program says so and fails in CI; elsewhere it leaves that database out. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "driver/driver.h"

#include "tap.h"

typedef struct subject {
    const char *name;
    const driver *d;
    nicol_str url;
    const char *ph;                       /* a placeholder; "$": numbered */
    const char *blob, *boolean, *instant; /* column types */
} subject;

static char dir[] = "/tmp/nicol-test-conformance-XXXXXX";
static arena *a;
static const subject *su;
static const driver *d;

static driver_conn *open_it(void)
{
    nicol_error err = {0};
    driver_conn *c = d->open(&(driver_opts){.url = su->url, .create = true}, a, &err);
    if (!c) {
        diag("%s: open: %.*s", su->name, STR_FMT(err.message));
        abort();
    }
    return c;
}

/* "INSERT INTO t VALUES (?, ?)" with the database's own placeholders. */
static nicol_str sql_of(const char *text)
{
    char *p = arena_alloc(a, strlen(text) * 3 + 1);
    size_t n = 0;
    unsigned k = 0;
    for (; p && *text; text++) {
        if (*text == '?' && su->ph[0] == '$') n += (size_t)snprintf(p + n, 3, "$%u", ++k);
        else p[n++] = *text;
    }
    return str_of(p, p ? n : 0);
}

static void show(buf *b, val v)
{
    char text[32];
    switch ((val_type)v.type) {
    case VAL_UNDEF:
    case VAL_NULL:
        buf_lit(b, "NULL");
        return;
    case VAL_BOOL:
        buf_str(b, v.u.i ? S("true") : S("false"));
        return;
    case VAL_INT:
        buf_i64(b, v.u.i);
        return;
    case VAL_FLOAT:
        if (isfinite(v.u.f)) buf_bytes(b, text, float_format(text, v.u.f));
        else buf_printf(b, "%g", v.u.f);
        return;
    case VAL_DATETIME:
        buf_bytes(b, text, datetime_format(text, v.u.i));
        return;
    case VAL_BYTES:
        buf_lit(b, "x");
        for (uint32_t i = 0; i < v.n; i++) buf_printf(b, "%02x", (uint8_t)v.u.p[i]);
        return;
    case VAL_STR:
    case VAL_DECIMAL:
    case VAL_JSON:
        buf_str(b, val_str(v));
        return;
    case VAL_LIST:
        buf_char(b, '[');
        for (uint32_t i = 0; i < v.n; i++) {
            if (i) buf_char(b, ',');
            show(b, v.u.list[i]);
        }
        buf_char(b, ']');
        return;
    case VAL_RECORD:
    case VAL_ROWS:
        break;
    }
    buf_lit(b, "?");
}

/* Runs a statement to its end; the cells of all rows as one text: "1|a;2|b". False: it failed. */
static bool all_of(driver_conn *c, const char *text, const val *args, const driver_arg_type *types, size_t n,
                   int64_t deadline, buf *out, int64_t *affected, nicol_error *err)
{
    driver_stmt *s = d->prepare(c, sql_of(text), a, err);
    if (!s) return false;
    bool row = true, good = d->run(s, args, types, n, deadline, a, err);
    for (bool first = true; good && row; first = false) {
        good = d->step(s, &row, a, err);
        if (!good || !row) break;
        if (out && !first) buf_char(out, ';');
        for (unsigned i = 0; out && i < d->cols(s); i++) {
            if (i) buf_char(out, '|');
            show(out, d->cell(s, i));
        }
    }
    if (good && affected) *affected = d->affected(s);
    d->stmt_done(s);
    return good;
}

static nicol_str rows(driver_conn *c, const char *text)
{
    buf b;
    nicol_error err = {0};
    buf_init(&b, mem_default, 1 << 20);
    if (!all_of(c, text, NULL, NULL, 0, IO_NEVER, &b, NULL, &err)) {
        buf_clear(&b);
        buf_printf(&b, "failed: %.*s", STR_FMT(err.message));
    }
    nicol_str copy = arena_str(a, buf_view(&b));
    buf_free(&b);
    return copy;
}

static bool does(driver_conn *c, const char *text, nicol_error *err)
{
    *err = (nicol_error){0};
    return all_of(c, text, NULL, NULL, 0, IO_NEVER, NULL, NULL, err);
}

static void must(driver_conn *c, const char *text)
{
    nicol_error err;
    ok(does(c, text, &err), "%s: %s", su->name, text);
    no_err(&err);
}

static void must_fail(driver_conn *c, const char *text, nicol_code code)
{
    nicol_error err;
    ok(!does(c, text, &err), "%s refuses: %s", su->name, text);
    is_err(&err, code);
}

/* --- values ---------------------------------------------------------------------------------------------------------- */

static void test_values(driver_conn *c)
{
    char text[400];
    must(c, "DROP TABLE IF EXISTS conf_values");
    snprintf(text, sizeof text,
             "CREATE TABLE conf_values (id BIGINT PRIMARY KEY, f DOUBLE PRECISION, s TEXT, y %s, t %s, o %s)", su->blob,
             su->instant, su->boolean);
    must(c, text);
    static const struct {
        val v[6];
        const char *want;
    } cases[] = {
        {{{.type = VAL_INT, .u.i = 1},
          {.type = VAL_NULL},
          {.type = VAL_NULL},
          {.type = VAL_NULL},
          {.type = VAL_NULL},
          {.type = VAL_NULL}},
         "1|NULL|NULL|NULL|NULL|NULL"},
        {{{.type = VAL_INT, .u.i = INT64_MAX},
          {.type = VAL_FLOAT, .u.f = 0.1},
          {.type = VAL_STR, .n = 0, .u.p = ""},
          {.type = VAL_BYTES, .n = 0, .u.p = ""},
          {.type = VAL_DATETIME, .u.i = 0},
          {.type = VAL_BOOL, .u.i = 1}},
         "9223372036854775807|0.1||x|1970-01-01T00:00:00.000Z|1"},
        {{{.type = VAL_INT, .u.i = INT64_MIN},
          {.type = VAL_FLOAT, .u.f = -1.7976931348623157e308},
          {.type = VAL_STR, .n = 14, .u.p = "h\xc3\xa9llo' \"\\\xf0\x9f\x98\x80"},
          {.type = VAL_BYTES, .n = 4, .u.p = "\0\xff'\\"},
          {.type = VAL_DATETIME, .u.i = 1704164645678},
          {.type = VAL_BOOL, .u.i = 0}},
         "-9223372036854775808|-1.7976931348623157e+308|h\xc3\xa9llo' \"\\\xf0\x9f\x98\x80|x00ff275c|2024-01-02T03:04:05.678Z|0"},
    };
    static const driver_arg_type types[6] = {{.scalar = SCALAR_BIGINT},   {.scalar = SCALAR_FLOAT},
                                             {.scalar = SCALAR_STRING},   {.scalar = SCALAR_BYTES},
                                             {.scalar = SCALAR_DATETIME}, {.scalar = SCALAR_BOOLEAN}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nicol_error err = {0};
        int64_t affected = -1;
        must(c, "DELETE FROM conf_values");
        ok(all_of(c, "INSERT INTO conf_values VALUES (?, ?, ?, ?, ?, ?)", cases[i].v, types, 6, IO_NEVER, NULL,
                  &affected, &err),
           "%s: insert %zu", su->name, i);
        no_err(&err);
        is_int(affected, 1);
        for (int again = 0; again < 3; again++) { /* the forms of a statement's first and later runs are alike */
            buf b;
            buf_init(&b, mem_default, 1 << 16);
            driver_stmt *s = d->prepare(c, S("SELECT id, f, s, y, t, o FROM conf_values"), a, &err);
            bool row = false;
            ok(s && d->run(s, NULL, NULL, 0, IO_NEVER, a, &err) && d->step(s, &row, a, &err) && row, "a row");
            if (!s) return;
            is_int(d->cols(s), 6);
            is_strz(d->col_name(s, 3), "y");
            for (unsigned k = 0; k < 6; k++) {
                val v = d->cell(s, k);
                int64_t ms;
                if (k) buf_char(&b, '|');
                /* SQLite has text there, and numbers for truth. */
                if (k == 4 && v.type == VAL_STR && datetime_parse(val_str(v), &ms))
                    v = (val){.type = VAL_DATETIME, .u.i = ms};
                if (v.type == VAL_BOOL) v.type = VAL_INT;
                show(&b, v);
            }
            is_strz(buf_view(&b), cases[i].want);
            ok(d->step(s, &row, a, &err) && !row, "and no more");
            d->stmt_done(s);
            buf_free(&b);
        }
    }
    must(c, "DROP TABLE conf_values");
}

/* --- statements ------------------------------------------------------------------------------------------------------ */

static void test_statements(driver_conn *c)
{
    nicol_error err = {0};
    must(c, "DROP TABLE IF EXISTS conf_child");
    must(c, "DROP TABLE IF EXISTS conf_t");
    must(c, "CREATE TABLE conf_t (id INT PRIMARY KEY, s VARCHAR(20) UNIQUE, n INT NOT NULL DEFAULT 0)");
    must(
        c,
        "CREATE TABLE conf_child (id INT PRIMARY KEY, t INT REFERENCES conf_t(id), FOREIGN KEY (t) REFERENCES conf_t(id))");
    must(c, "INSERT INTO conf_t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)");
    is_strz(rows(c, "SELECT id, s FROM conf_t ORDER BY id"), "1|a;2|b;3|c");

    int64_t affected = 0;
    ok(all_of(c, "UPDATE conf_t SET n = n + 1 WHERE id > 1", NULL, NULL, 0, IO_NEVER, NULL, &affected, &err),
       "an update");
    is_int(affected, 2);

    must_fail(c, "INSERT INTO conf_t VALUES (1, 'z', 1)", NICOL_E_UNIQUE_VIOLATION);
    must_fail(c, "INSERT INTO conf_t VALUES (9, 'a', 1)", NICOL_E_UNIQUE_VIOLATION);
    must_fail(c, "INSERT INTO conf_t VALUES (9, 'z', NULL)", NICOL_E_NULL_VIOLATION);
    must_fail(c, "INSERT INTO conf_child VALUES (1, 99)", NICOL_E_FOREIGN_KEY);
    must_fail(c, "SELECT * FROM conf_nothing", NICOL_E_TABLE_MISSING);
    must_fail(c, "SELECT absent FROM conf_t", NICOL_E_COLUMN_MISSING);
    is_strz(rows(c, "SELECT count(*) FROM conf_t"), "3");

    ok(!does(c, "SELEC 1", &err) && err.db && err.db->original_text.len, "what is no SQL is refused, with a text");
    ok(!does(c, "SELECT 1; SELECT 2", &err), "one text is one statement");
    ok(!does(c, "", &err), "an empty text is refused");
    val two[2] = {{.type = VAL_INT, .u.i = 1}, {.type = VAL_INT, .u.i = 2}};
    err = (nicol_error){0};
    ok(!all_of(c, "SELECT * FROM conf_t WHERE id = ?", two, NULL, 2, IO_NEVER, NULL, NULL, &err),
       "arguments are counted");
    is_strz(rows(c, "SELECT count(*) FROM conf_t"), "3");

    /* Given back in the middle of its rows, it disturbs nothing. */
    driver_stmt *s = d->prepare(c, S("SELECT id FROM conf_t"), a, &err);
    bool row = false;
    ok(s && d->run(s, NULL, NULL, 0, IO_NEVER, a, &err) && d->step(s, &row, a, &err) && row, "the first row");
    if (s) d->stmt_done(s);
    is_strz(rows(c, "SELECT max(id) FROM conf_t"), "3");
    ok(d->healthy(c), "healthy");

    /* The columns of a table that changes between runs. */
    is_strz(rows(c, "SELECT * FROM conf_t WHERE id = 1"), "1|a|1");
    is_strz(rows(c, "SELECT * FROM conf_t WHERE id = 1"), "1|a|1");
    is_strz(rows(c, "SELECT * FROM conf_t WHERE id = 1"), "1|a|1");
    must(c, "ALTER TABLE conf_t ADD COLUMN extra INT DEFAULT 7");
    is_strz(rows(c, "SELECT * FROM conf_t WHERE id = 1"), "1|a|1|7");
    is_strz(rows(c, "SELECT * FROM conf_t WHERE id = 1"), "1|a|1|7");
    is_strz(rows(c, "SELECT * FROM conf_t WHERE id = 1"), "1|a|1|7");
    must(c, "DROP TABLE conf_child");
}

static void test_cache(void)
{
    nicol_error err = {0};
    driver_conn *c = d->open(&(driver_opts){.url = su->url, .create = true, .stmt_cache_max = 4}, a, &err);
    bool same = c != NULL;
    if (!c) return;
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 40; i++) {
            char sql[64], want[16];
            snprintf(sql, sizeof sql, "SELECT %d + 1", i);
            snprintf(want, sizeof want, "%d", i + 1);
            same = same && str_eq(rows(c, sql), str_c(want)) && str_eq(rows(c, sql), str_c(want));
        }
    }
    ok(same, "%s: more statements than are kept", su->name);
    d->close(c);
}

/* --- transactions ---------------------------------------------------------------------------------------------------- */

static void test_transactions(driver_conn *c)
{
    nicol_error err = {0};
    must(c, "DELETE FROM conf_t");
    ok(!d->in_transaction(c), "none yet");
    ok(d->begin(c, ISOLATION_DEFAULT, true, IO_NEVER, a, &err) && d->in_transaction(c), "begin");
    must(c, "INSERT INTO conf_t (id, s, n) VALUES (1, 'a', 1)");
    ok(d->savepoint(c, 1, a, &err), "savepoint 1");
    must(c, "INSERT INTO conf_t (id, s, n) VALUES (2, 'b', 1)");
    ok(d->savepoint(c, 2, a, &err), "savepoint 2");
    must(c, "INSERT INTO conf_t (id, s, n) VALUES (3, 'c', 1)");
    ok(d->savepoint_rollback(c, 2, a, &err), "back to 2");
    ok(d->savepoint(c, 3, a, &err), "savepoint 3");
    must_fail(c, "INSERT INTO conf_t (id, s, n) VALUES (1, 'z', 1)", NICOL_E_UNIQUE_VIOLATION);
    ok(d->savepoint_rollback(c, 3, a, &err), "a savepoint outlives a failure");
    ok(d->savepoint_release(c, 1, a, &err), "savepoint 1 is kept");
    is_strz(rows(c, "SELECT id FROM conf_t ORDER BY id"), "1;2");
    ok(d->commit(c, a, &err) && !d->in_transaction(c), "commit");
    no_err(&err);
    is_strz(rows(c, "SELECT id FROM conf_t ORDER BY id"), "1;2");

    ok(d->begin(c, ISOLATION_SERIALIZABLE, true, IO_NEVER, a, &err), "begin");
    must(c, "DELETE FROM conf_t");
    ok(!d->healthy(c), "an open transaction is not fit for others");
    ok(d->rollback(c, a, &err) && !d->in_transaction(c) && d->rollback(c, a, &err), "rollback, and once more");
    is_strz(rows(c, "SELECT id FROM conf_t ORDER BY id"), "1;2");
    ok(d->healthy(c), "fit again");

    static const char *const refused[] = {
        "BEGIN", "  begin", "COMMIT", "/* x */ ROLLBACK", "-- x\nSAVEPOINT a", "RELEASE SAVEPOINT a"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        ok(!does(c, refused[i], &err), "%s refuses: %zu", su->name, i);
        ok(d->healthy(c), "and nothing is open");
    }
    err = (nicol_error){0};
    ok(!d->commit(c, a, &err) && err.code != NICOL_E_OK, "there is nothing to commit");
}

static void test_two(driver_conn *c)
{
    nicol_error err = {0};
    driver_conn *other = open_it();
    must(c, "DELETE FROM conf_t");
    ok(d->begin(c, ISOLATION_DEFAULT, true, IO_NEVER, a, &err), "begin");
    must(c, "INSERT INTO conf_t (id, s, n) VALUES (1, 'a', 1)");
    is_strz(rows(other, "SELECT count(*) FROM conf_t"), "0");
    d->close(c);
    is_strz(rows(other, "SELECT count(*) FROM conf_t"), "0");
    ok(d->script(other, S("CREATE TABLE conf_a (x INT); INSERT INTO conf_a VALUES (1); DROP TABLE conf_a;"), a, &err),
       "a script of several statements");
    no_err(&err);
    must(other, "DROP TABLE conf_t");
    d->close(other);
}

/* --- memory ---------------------------------------------------------------------------------------------------------- */

static void test_faults(void)
{
    driver_conn *setup = open_it();
    must(setup, "DROP TABLE IF EXISTS conf_f");
    must(setup, "CREATE TABLE conf_f (id INT PRIMARY KEY, s VARCHAR(20))");
    must(setup, "INSERT INTO conf_f VALUES (1, 'x'), (2, 'y')");
    FOR_EACH_FAULT(m, "open, read, fail, write") {
        arena *mine = arena_new(m, 1 << 20);
        if (!mine) continue;
        nicol_error err = {0};
        driver_conn *c = d->open(&(driver_opts){.url = su->url, .m = m}, mine, &err);
        if (!c) {
            is_err(&err, NICOL_E_NO_MEMORY);
            arena_free(mine);
            continue;
        }
        static const char *const texts[] = {"SELECT s FROM conf_f ORDER BY id", "INSERT INTO conf_f VALUES (2, 'x')",
                                            "UPDATE conf_f SET s = 'x' WHERE id = 1",
                                            "SELECT s FROM conf_f ORDER BY id", "SELECT s FROM conf_f ORDER BY id"};
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
    must(setup, "DROP TABLE conf_f");
    d->close(setup);
}

static void conforms(const subject *s)
{
    su = s;
    d = s->d;
    diag("%s", s->name);
    ok(d->version == DRIVER_VERSION && d->binds_max > 1000, "%s: the table is of this version", s->name);
    driver_conn *c = open_it();
    test_values(c);
    test_statements(c);
    test_cache();
    test_transactions(c);
    test_two(c);
    test_faults();
    arena_reset(a);
}

/* False: this database is left out. */
static bool has_server(const char *name, const char *variable, nicol_str *url)
{
    const char *text = getenv(variable);
    if (text && *text) {
        *url = str_c(text);
        return true;
    }
    if (getenv("CI")) fail("%s: %s is not set", name, variable);
    else diag("%s is left out: %s is not set (tools/test.sh sets it)", name, variable);
    return false;
}

int main(void)
{
    char path[64];
    nicol_str url;
    a = arena_new(mem_default, (size_t)256 << 20);
    if (!a || !mkdtemp(dir)) return 1;
    snprintf(path, sizeof path, "file:%s/x.db", dir);
    conforms(&(subject){.name = "sqlite",
                        .d = &driver_sqlite,
                        .url = str_c(path),
                        .ph = "?",
                        .blob = "BLOB",
                        .boolean = "BOOLEAN",
                        .instant = "DATETIME"});
    if (has_server("postgresql", "NICOL_TEST_PG_URL", &url)) {
        conforms(&(subject){.name = "postgresql",
                            .d = &driver_postgres,
                            .url = url,
                            .ph = "$",
                            .blob = "BYTEA",
                            .boolean = "BOOLEAN",
                            .instant = "TIMESTAMP(3)"});
    }
    if (has_server("mariadb", "NICOL_TEST_MY_URL", &url)) {
        conforms(&(subject){.name = "mariadb",
                            .d = &driver_mysql,
                            .url = url,
                            .ph = "?",
                            .blob = "LONGBLOB",
                            .boolean = "BOOLEAN",
                            .instant = "DATETIME(3)"});
    }
    arena_free(a);
    char clean[100];
    snprintf(clean, sizeof clean, "rm -rf '%s'", dir);
    if (system(clean) != 0) diag("%s is left behind", dir);
    return done_testing();
}
