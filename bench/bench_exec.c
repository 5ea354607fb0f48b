/* bench/bench_exec.c - the executor against the sqlite3 C API by hand, in one run.
 *
 * Both read the same rows by prepared statements with one bound key; by hand each column is taken from the statement
 * (and for the lists written as JSON text, since that is what a list is read for). Rounds alternate and medians of CPU
 * time are compared.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "exec/exec.h"

#define ROUNDS 15
#define ROWS 5000

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v)
{
    qsort(v, ROUNDS, sizeof *v, by_value);
    return v[ROUNDS / 2];
}

static void die(const char *what, const nicol_error *err)
{
    fprintf(stderr, "bench_exec: %s: %.*s\n", what, err ? (int)err->message.len : 0,
            err && err->message.ptr ? err->message.ptr : "");
    exit(1);
}

#define DDL                                                                                                                            \
    "CREATE TABLE o(id INTEGER PRIMARY KEY, product TEXT, amount INTEGER, status TEXT, userId TEXT, createdAt DATETIME, a INTEGER, b " \
    "TEXT, c REAL, d BOOLEAN);"                                                                                                        \
    "WITH RECURSIVE x(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM x WHERE i<5000) INSERT INTO o SELECT i, 'product ' || i, i%9, "        \
    "'PENDING', 'user_' || (i%100), '2024-01-02T03:04:05.678+00:00', i, 'text of row ' || i, i/8.0, i%2 FROM x;"
#define COLUMNS "`id`,`product`,`amount`,`status`,`userId`,`createdAt`,`a`,`b`,`c`,`d`"
#define FIELD(name, type)                                                                                             \
    "\"" name "\":{\"type\":\"field\",\"dbName\":\"" name "\",\"fieldType\":{\"arity\":\"required\",\"type\":\"" type \
    "\"}}"
#define STRUCTURE                                                                                                                                       \
    "{\"type\":\"object\",\"serializedName\":null,\"fields\":{" FIELD("id", "int") "," FIELD("product", "string") "," FIELD("amount", "int") "," FIELD( \
        "status",                                                                                                                                       \
        "string") "," FIELD("userId",                                                                                                                   \
                            "string") "," FIELD("createdAt",                                                                                            \
                                                "datetime") "," FIELD("a",                                                                              \
                                                                      "int") "," FIELD("b",                                                             \
                                                                                       "string") "," FIELD("c",                                         \
                                                                                                           "float") "," FIELD("d",                      \
                                                                                                                              "boolean") "},\"skipNulls\":false}"
#define QUERY(where)                                                                                                              \
    "{\"type\":\"query\",\"args\":{\"type\":\"templateSql\",\"fragments\":[{\"type\":\"stringChunk\",\"chunk\":\"SELECT " COLUMNS \
    " FROM `main`.`o` WHERE " where                                                                                               \
    "\"},{\"type\":\"parameter\"}],\"args\":[{\"prisma__type\":\"param\",\"prisma__value\":{\"name\":\"%1\",\"type\":\"Int\"}}]," \
    "\"argTypes\":[{\"arity\":\"scalar\",\"scalarType\":\"int\",\"dbType\":null}],\"placeholderFormat\":{\"prefix\":\"?\","       \
    "\"hasNumbering\":false},\"chunkable\":true}}"
#define POINT                                                                        \
    "{\"type\":\"dataMap\",\"args\":{\"expr\":{\"type\":\"unique\",\"args\":" QUERY( \
        "`id` = ") "},\"structure\":" STRUCTURE ",\"enums\":{}}}"
#define MANY \
    "{\"type\":\"dataMap\",\"args\":{\"expr\":" QUERY("`id` >= 1 LIMIT ") ",\"structure\":" STRUCTURE ",\"enums\":{}}}"

typedef struct bench {
    exec *e;
    const plan *p;
    arena *a;
    buf out;
    sqlite3_stmt *st;
    buf text;
    uint64_t sum;
} bench;

static void ours(bench *b, int64_t key)
{
    nicol_error err;
    bool has;
    val param = val_int(key);
    err.code = NICOL_E_OK;
    err.db = NULL;
    exec_request rq = {.plan = b->p, .params = &param, .a = b->a, .deadline_us = IO_NEVER};
    buf_clear(&b->out);
    if (!exec_run(b->e, &rq, &b->out, &has, &err)) die("run", &err);
    b->sum += b->out.len;
    arena_reset(b->a);
}

/* Every column is taken, none is turned into anything. */
static void by_hand(bench *b, int64_t key)
{
    sqlite3_bind_int64(b->st, 1, key);
    while (sqlite3_step(b->st) == SQLITE_ROW) {
        for (int i = 0; i < 10; i++) {
            switch (sqlite3_column_type(b->st, i)) {
            case SQLITE_INTEGER:
                b->sum += (uint64_t)sqlite3_column_int64(b->st, i);
                break;
            case SQLITE_FLOAT:
                b->sum += (uint64_t)sqlite3_column_double(b->st, i);
                break;
            default:
                b->sum += (uint64_t)sqlite3_column_text(b->st, i)[0];
                b->sum += (uint64_t)sqlite3_column_bytes(b->st, i);
            }
        }
    }
    sqlite3_reset(b->st);
}

/* As a programmer would write it: printf and plain copying, trusting the text to need no escapes. */
static void by_hand_json(bench *b, int64_t key)
{
    static const char *const names[] = {"id", "product", "amount", "status", "userId", "createdAt", "a", "b", "c", "d"};
    sqlite3_bind_int64(b->st, 1, key);
    buf_clear(&b->text);
    while (sqlite3_step(b->st) == SQLITE_ROW) {
        for (int i = 0; i < 10; i++) {
            buf_str(&b->text, i ? S(",\"") : S("{\""));
            buf_str(&b->text, str_c(names[i]));
            buf_lit(&b->text, "\":");
            switch (sqlite3_column_type(b->st, i)) {
            case SQLITE_INTEGER:
                buf_i64(&b->text, sqlite3_column_int64(b->st, i));
                break;
            case SQLITE_FLOAT:
                buf_printf(&b->text, "%.17g", sqlite3_column_double(b->st, i));
                break;
            default:
                buf_char(&b->text, '"');
                buf_bytes(&b->text, sqlite3_column_text(b->st, i), (size_t)sqlite3_column_bytes(b->st, i));
                buf_char(&b->text, '"');
            }
        }
        buf_char(&b->text, '}');
    }
    sqlite3_reset(b->st);
    b->sum += b->text.len;
}

static double per_call(bench *b, void (*fn)(bench *b, int64_t key), int calls, int64_t fixed)
{
    double start = cpu_us();
    for (int i = 0; i < calls; i++) fn(b, fixed ? fixed : 1 + (i * 7919) % ROWS);
    return (cpu_us() - start) / calls;
}

static void compare(bench *b, const char *what, void (*hand)(bench *b, int64_t key), int calls, int64_t fixed)
{
    double mine[ROUNDS], theirs[ROUNDS];
    per_call(b, ours, calls / 10 + 1, fixed);
    for (int i = 0; i < ROUNDS; i++) {
        theirs[i] = per_call(b, hand, calls, fixed);
        mine[i] = per_call(b, ours, calls, fixed);
    }
    double m = median(mine), t = median(theirs);
    printf("%-44s %8.2f us, by hand %8.2f us, RATIO %.2f\n", what, m, t, m / t);
}

static plan *read_plan(const char *text, arena *a)
{
    json_doc doc;
    nicol_error err = {0};
    if (!json_parse(a, str_c(text), NICOL_JSON_DEPTH_MAX, &doc, &err)) die("plan", &err);
    plan *p = plan_read(json_root(&doc), mem_default, &err);
    if (!p) die("plan", &err);
    return p;
}

static sqlite3_stmt *prepared(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *st = NULL;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK)
        die(sqlite3_errmsg(db), NULL);
    return st;
}

int main(void)
{
    char path[100], url[120];
    snprintf(path, sizeof path, "/tmp/nicol-bench-exec-%d.db", (int)getpid());
    snprintf(url, sizeof url, "file:%s", path);
    sqlite3 *db;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
            SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA journal_mode=WAL;" DDL, NULL, NULL, NULL) != SQLITE_OK) {
        die(sqlite3_errmsg(db), NULL);
    }
    nicol_error err = {0};
    exec *e = exec_open(&(exec_opts){.db = {.url = str_c(url)}}, &err);
    if (!e) die("open", &err);
    bench b = {.e = e, .a = arena_new(mem_default, 64 << 20)};
    buf_init(&b.out, mem_default, 64 << 20);
    buf_init(&b.text, mem_default, 64 << 20);
    plan *point = read_plan(POINT, b.a), *many = read_plan(MANY, b.a);
    b.p = point;
    b.st = prepared(db, "SELECT " COLUMNS " FROM `main`.`o` WHERE `id` = ?");
    compare(&b, "point read, 10 columns, to JSON / to C values", by_hand, 20000, 0);
    compare(&b, "point read, 10 columns, to JSON / to JSON", by_hand_json, 20000, 0);
    sqlite3_finalize(b.st);
    b.p = many;
    b.st = prepared(db, "SELECT " COLUMNS " FROM `main`.`o` WHERE `id` >= 1 LIMIT ?");
    compare(&b, "100 rows of 10 columns, to JSON / to JSON", by_hand_json, 500, 100);
    sqlite3_finalize(b.st);
    plan_free(point);
    plan_free(many);
    exec_close(e);
    sqlite3_close(db);
    buf_free(&b.out);
    buf_free(&b.text);
    arena_free(b.a);
    unlink(path);
    return b.sum == 0;
}
