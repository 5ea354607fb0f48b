/* bench/bench_strategy.c - relations by one statement a level against one statement with JSON aggregation.
 *
 * Both by hand over the sqlite3 C interface, statements prepared once, the answer written as JSON text, its bytes compared
 * before anything is timed. A level: the parents, then their children in one statement with the parents' keys as one JSON
 * text, put to their parents by a table of the keys. The join: correlated subqueries of json_group_array(json_object(...)),
 * whose text is copied into the answer as it comes: the most favourable case, for Int and String columns alone. What a
 * server must do in earnest (take the text apart, since dates and big numbers have another form in an answer) costs more;
 * `taken apart` adds only the first half of that, reading the JSON.
 *
 * CPU time of the process; the best of some rounds, sides taking turns.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/buf.h"
#include "json/json.h"

#define ROUNDS 9
#define COLUMNS_MAX 21

typedef struct shape {
    const char *name;
    int parents, kids, grandkids; /* grandkids 0: two levels */
    int columns;                  /* of text beside id and the key */
} shape;

static const shape shapes[] = {
    {"10 x 5", 10, 5, 0, 3},
    {"100 x 10", 100, 10, 0, 3},
    {"1 x 1,000", 1, 1000, 0, 3},
    {"three levels, 20 x 5 x 4", 20, 5, 4, 3},
    {"10 x 5, twenty columns", 10, 5, 0, 20},
    {"100 x 10, twenty columns", 100, 10, 0, 20},
    {"1,000 x 1", 1000, 1, 0, 3},
};

static sqlite3 *db;
static const shape *sh;

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s\n%s\n", sqlite3_errmsg(db), sql);
        exit(1);
    }
    return s;
}

static void fill(const char *table, int n, int per)
{
    char sql[4000];
    size_t at = (size_t)snprintf(
        sql, sizeof sql, "DROP TABLE IF EXISTS %s; CREATE TABLE %s (id INTEGER PRIMARY KEY, up INTEGER", table, table);
    for (int c = 0; c < sh->columns; c++) at += (size_t)snprintf(sql + at, sizeof sql - at, ", c%d TEXT", c);
    at += (size_t)snprintf(sql + at, sizeof sql - at,
                           "); CREATE INDEX %s_up ON %s (up); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
                           " FROM n WHERE i < %d) INSERT INTO %s SELECT i, (i - 1) / %d + 1",
                           table, table, n, table, per);
    for (int c = 0; c < sh->columns; c++) at += (size_t)snprintf(sql + at, sizeof sql - at, ", 'text %d of ' || i", c);
    snprintf(sql + at, sizeof sql - at, " FROM n;");
    char *e = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &e) != SQLITE_OK) {
        fprintf(stderr, "%s\n", e);
        exit(1);
    }
}

/* --- one statement a level ------------------------------------------------------------------------------------------ */

/* The rows of a level: where each one's text is, and whose it is. */
typedef struct rows {
    int *id, *up, n, cap;
    size_t *at, *len;
    buf text;
} rows;

static rows levels[3];
static sqlite3_stmt *level_stmt[3];

static void put_row(sqlite3_stmt *s, buf *b)
{
    buf_lit(b, "{\"id\":");
    buf_i64(b, sqlite3_column_int64(s, 0));
    for (int c = 0; c < sh->columns; c++) {
        buf_printf(b, ",\"c%d\":", c);
        json_put_str(b, str_of((const char *)sqlite3_column_text(s, c + 2), (size_t)sqlite3_column_bytes(s, c + 2)));
    }
}

static void read_level(int level)
{
    rows *r = &levels[level];
    sqlite3_stmt *s = level_stmt[level];
    r->n = 0;
    buf_clear(&r->text);
    while (sqlite3_step(s) == SQLITE_ROW) {
        if (r->n == r->cap) {
            r->cap = r->cap ? r->cap * 2 : 64;
            r->id = realloc(r->id, (size_t)r->cap * sizeof *r->id);
            r->up = realloc(r->up, (size_t)r->cap * sizeof *r->up);
            r->at = realloc(r->at, (size_t)r->cap * sizeof *r->at);
            r->len = realloc(r->len, (size_t)r->cap * sizeof *r->len);
            if (!r->id || !r->up || !r->at || !r->len) exit(1);
        }
        r->id[r->n] = sqlite3_column_int(s, 0);
        r->up[r->n] = sqlite3_column_int(s, 1);
        r->at[r->n] = r->text.len;
        put_row(s, &r->text);
        r->len[r->n] = r->text.len - r->at[r->n];
        r->n++;
    }
    sqlite3_reset(s);
}

/* By parent: the first child and the next of each, in a table by key. */
static int *first_of[3], *next_of[3], table_size[3];

static void group(int level)
{
    const rows *r = &levels[level];
    int size = 16;
    while (size < r->n * 2) size *= 2;
    if (size > table_size[level]) {
        first_of[level] = realloc(first_of[level], (size_t)size * sizeof(int));
        next_of[level] = realloc(next_of[level], (size_t)size * sizeof(int));
        if (!first_of[level] || !next_of[level]) exit(1);
        table_size[level] = size;
    }
    size = table_size[level];
    memset(first_of[level], -1, (size_t)size * sizeof(int));
    for (int i = r->n - 1; i >= 0; i--) {
        int at = (int)((unsigned)r->up[i] * 2654435761u & (unsigned)(size - 1));
        while (first_of[level][at] >= 0 && r->up[first_of[level][at]] != r->up[i]) at = (at + 1) & (size - 1);
        next_of[level][i] = first_of[level][at];
        first_of[level][at] = i;
    }
}

static void put_list(int level, int up, buf *out)
{
    const rows *r = &levels[level];
    int size = table_size[level], at = (int)((unsigned)up * 2654435761u & (unsigned)(size - 1));
    while (first_of[level][at] >= 0 && r->up[first_of[level][at]] != up) at = (at + 1) & (size - 1);
    buf_char(out, '[');
    for (int i = first_of[level][at], n = 0; i >= 0; i = next_of[level][i], n++) {
        if (n) buf_char(out, ',');
        buf_bytes(out, r->text.ptr + r->at[i], r->len[i]);
        if (level == 1 && sh->grandkids) {
            buf_lit(out, ",\"kids\":");
            put_list(2, r->id[i], out);
        }
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

static void by_level(buf *out)
{
    buf keys;
    buf_init(&keys, mem_default, 1 << 24);
    read_level(0);
    for (int level = 1; level < (sh->grandkids ? 3 : 2); level++) {
        buf_clear(&keys);
        for (int i = 0; i < levels[level - 1].n; i++) {
            buf_char(&keys, i ? ',' : '[');
            buf_i64(&keys, levels[level - 1].id[i]);
        }
        buf_char(&keys, ']');
        sqlite3_bind_text(level_stmt[level], 1, keys.ptr, (int)keys.len, SQLITE_STATIC);
        read_level(level);
        group(level);
    }
    buf_char(out, '[');
    for (int i = 0; i < levels[0].n; i++) {
        if (i) buf_char(out, ',');
        buf_bytes(out, levels[0].text.ptr + levels[0].at[i], levels[0].len[i]);
        buf_lit(out, ",\"kids\":");
        put_list(1, levels[0].id[i], out);
        buf_char(out, '}');
    }
    buf_char(out, ']');
    buf_free(&keys);
}

/* --- one statement ---------------------------------------------------------------------------------------------------- */

static sqlite3_stmt *join_stmt;

static void join_sql(buf *b, const char *table, const char *up, int level)
{
    char next[16];
    snprintf(next, sizeof next, "t%d", level + 1);
    buf_printf(b, "(SELECT json_group_array(json_object('id', id");
    for (int c = 0; c < sh->columns; c++) buf_printf(b, ", 'c%d', c%d", c, c);
    if (level == 1 && sh->grandkids) buf_lit(b, ", 'kids', json(kids)");
    buf_lit(b, ")) FROM (SELECT id");
    for (int c = 0; c < sh->columns; c++) buf_printf(b, ", c%d", c);
    if (level == 1 && sh->grandkids) {
        buf_lit(b, ", ");
        join_sql(b, "t2", "t1.id", 2);
        buf_lit(b, " AS kids");
    }
    buf_printf(b, " FROM %s WHERE up = %s ORDER BY id))", table, up);
}

static void by_join(buf *out)
{
    buf_char(out, '[');
    for (int n = 0; sqlite3_step(join_stmt) == SQLITE_ROW; n++) {
        if (n) buf_char(out, ',');
        put_row(join_stmt, out);
        buf_lit(out, ",\"kids\":");
        int at = sh->columns + 2;
        buf_bytes(out, (const char *)sqlite3_column_text(join_stmt, at), (size_t)sqlite3_column_bytes(join_stmt, at));
        buf_char(out, '}');
    }
    buf_char(out, ']');
    sqlite3_reset(join_stmt);
}

static arena *scratch;

static void by_join_read(buf *out)
{
    buf_char(out, '[');
    for (int n = 0; sqlite3_step(join_stmt) == SQLITE_ROW; n++) {
        json_doc doc;
        nicol_error err = {0};
        if (n) buf_char(out, ',');
        put_row(join_stmt, out);
        buf_lit(out, ",\"kids\":");
        int at = sh->columns + 2;
        nicol_str text =
            str_of((const char *)sqlite3_column_text(join_stmt, at), (size_t)sqlite3_column_bytes(join_stmt, at));
        if (!json_parse(scratch, text, 64, &doc, &err)) exit(1);
        buf_str(out, text);
        buf_char(out, '}');
        arena_reset(scratch);
    }
    buf_char(out, ']');
    sqlite3_reset(join_stmt);
}

/* --- measuring ---------------------------------------------------------------------------------------------------------- */

static double timed(void (*f)(buf *), buf *out, int calls)
{
    double start = now_us();
    for (int i = 0; i < calls; i++) {
        buf_clear(out);
        f(out);
    }
    return (now_us() - start) / calls;
}

static void measure(void)
{
    fill("t0", sh->parents, 1);
    /* Ten times as many rows as are asked for. */
    fill("t1", sh->parents * sh->kids * 10, sh->kids);
    fill("t2", sh->grandkids ? sh->parents * sh->kids * sh->grandkids * 10 : 1, sh->grandkids ? sh->grandkids : 1);
    for (int level = 0; level < 3; level++) {
        char sql[2000];
        size_t at = (size_t)snprintf(sql, sizeof sql, "SELECT id, up");
        for (int c = 0; c < sh->columns; c++) at += (size_t)snprintf(sql + at, sizeof sql - at, ", c%d", c);
        snprintf(sql + at, sizeof sql - at, " FROM t%d%s ORDER BY id", level,
                 level ? " WHERE up IN (SELECT value FROM json_each(?))" : "");
        level_stmt[level] = prepare(sql);
    }
    buf sql, a, b;
    buf_init(&sql, mem_default, 1 << 20);
    buf_init(&a, mem_default, 1 << 26);
    buf_init(&b, mem_default, 1 << 26);
    buf_lit(&sql, "SELECT id, up");
    for (int c = 0; c < sh->columns; c++) buf_printf(&sql, ", c%d", c);
    buf_lit(&sql, ", ");
    join_sql(&sql, "t1", "t0.id", 1);
    buf_lit(&sql, " FROM t0 ORDER BY id");
    buf_char(&sql, '\0');
    join_stmt = prepare(sql.ptr);
    by_level(&a);
    by_join(&b);
    if (!str_eq(buf_view(&a), buf_view(&b))) {
        fprintf(stderr, "bench_strategy: the answers differ\n%.300s\n%.300s\n", a.ptr, b.ptr);
        exit(1);
    }
    int rows_n = sh->parents * (1 + sh->kids * (1 + sh->grandkids)), calls = 40000 / rows_n + 1;
    double best[3] = {1e12, 1e12, 1e12};
    for (int r = 0; r < ROUNDS; r++) {
        void (*const sides[])(buf *) = {by_level, by_join, by_join_read};
        for (int i = 0; i < 3; i++) {
            double t = timed(sides[i], &b, calls);
            best[i] = t < best[i] ? t : best[i];
        }
    }
    printf("| %s | %.0f | %.0f | %.0f | %.2f |\n", sh->name, best[0], best[1], best[2], best[2] / best[0]);
    for (int level = 0; level < 3; level++) sqlite3_finalize(level_stmt[level]);
    sqlite3_finalize(join_stmt);
    buf_free(&sql);
    buf_free(&a);
    buf_free(&b);
}

int main(void)
{
    scratch = arena_new(mem_default, 1 << 28);
    if (!scratch || sqlite3_open(":memory:", &db) != SQLITE_OK) return 1;
    printf(
        "SQLite %s, microseconds an answer\n\n| | a statement a level | one statement | its JSON taken apart | ratio |\n"
        "|---|---|---|---|---|\n",
        sqlite3_libversion());
    for (int level = 0; level < 3; level++) buf_init(&levels[level].text, mem_default, 1 << 26);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        sh = &shapes[i];
        measure();
    }
    for (int level = 0; level < 3; level++) {
        buf_free(&levels[level].text);
        free(levels[level].id);
        free(levels[level].up);
        free(levels[level].at);
        free(levels[level].len);
        free(first_of[level]);
        free(next_of[level]);
    }
    sqlite3_close(db);
    arena_free(scratch);
    return 0;
}
