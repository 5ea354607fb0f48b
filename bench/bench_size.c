/* bench/bench_size.c - what an operation costs against its size: rows, and levels of include. Both must be linear.
 *
 * Each size runs in a process of its own, which opens the library, runs the operation many times and tells CPU time of
 * the fastest run and its peak of resident memory. Memory of a row is what the peak grows by from the smallest
 * size, divided by the rows; the answer's text is part of it.
 *
 * The tree of the includes has 200 roots, and each row two below it, for five levels: at level 5 the answer has 12,600 rows.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nicol/nicol.h"

#define LEVELS 5
#define ROOTS 200
#define PASSES 9        /* over all sizes: a busy minute of the machine then hits all of them */
#define RUNS_ROWS 40000 /* as many runs as read so many rows, but */
#define RUNS_LEAST 4

static void must(bool good, const char *what)
{
    if (good) return;
    fprintf(stderr, "bench_size: %s\n", what);
    exit(1);
}

#define NODE(name, up, down)                                                            \
    "model " name " {\n  id Int @id\n  name String\n  size Float\n  upId Int\n  up " up \
    " @relation(fields: [upId], references: [id])\n  down " down "[]\n}\n"
static const char schema_text[] =
    "datasource db {\n  provider = \"sqlite\"\n}\n"
    "model Row {\n  id Int @id\n  name String\n  about String?\n  n Int\n  size Float\n  done Boolean\n  at DateTime\n  big BigInt\n}\n"
    "model L0 {\n  id Int @id\n  name String\n  size Float\n  down L1[]\n}\n" NODE("L1", "L0", "L2")
        NODE("L2", "L1", "L3") NODE("L3", "L2", "L4") NODE(
            "L4", "L3",
            "L5") "model L5 {\n  id Int @id\n  name String\n  size Float\n  upId Int\n  up L4 @relation(fields: [upId], references: [id])\n}\n";

static const char rows_ddl[] =
    "CREATE TABLE Row(id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, about TEXT, n INTEGER NOT NULL, size REAL NOT NULL,"
    " done BOOLEAN NOT NULL, at DATETIME NOT NULL, big BIGINT NOT NULL);"
    "WITH RECURSIVE x(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM x WHERE i < 10000) INSERT INTO Row SELECT i, 'name ' || i,"
    " 'something about the row number ' || i, i % 90, (i * 37 % 10000) / 100.0, i % 2, '2026-01-02T03:04:05.678+00:00',"
    " 9007199254740993 + i FROM x;"
    "CREATE TABLE L0(id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, size REAL NOT NULL);";

static void make_database(const char *file)
{
    sqlite3 *c = NULL;
    char sql[1000];
    must(sqlite3_open_v2(file, &c, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK, "open");
    must(sqlite3_exec(c, "PRAGMA journal_mode=WAL; BEGIN", NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(c));
    must(sqlite3_exec(c, rows_ddl, NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(c));
    for (int i = 0, n = ROOTS; i <= LEVELS; i++, n *= 2) {
        if (i > 0) {
            snprintf(
                sql, sizeof sql,
                "CREATE TABLE L%d(id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, size REAL NOT NULL, upId INTEGER NOT"
                " NULL REFERENCES L%d(id)); CREATE INDEX L%d_up ON L%d(upId);",
                i, i - 1, i, i);
            must(sqlite3_exec(c, sql, NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(c));
        }
        snprintf(sql, sizeof sql,
                 "WITH RECURSIVE x(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM x WHERE i < %d) INSERT INTO L%d"
                 " SELECT i, 'a node with the number ' || i, i / 4.0%s FROM x",
                 n, i, i ? ", (i + 1) / 2" : "");
        must(sqlite3_exec(c, sql, NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(c));
    }
    must(sqlite3_exec(c, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(c));
    sqlite3_close(c);
}

typedef struct cost {
    double us;    /* of CPU, the fastest run */
    long peak_kb; /* resident */
    uint64_t bytes, rows;
} cost;

static double cpu_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Rows of the answer: each has one "id". */
static uint64_t rows_in(nicol_str s)
{
    uint64_t n = 0;
    for (const char *p = s.ptr; (p = memmem(p, (size_t)(s.ptr + s.len - p), "\"id\":", 5)) != NULL; p += 5) n++;
    return n;
}

static void run_here(const char *url, const char *ask, unsigned rows, cost *c)
{
    nicol_open_opts o = {.size = sizeof o, .schema_text = schema_text, .url = url};
    nicol_db *db = nicol_open(&o);
    must(db && nicol_ok(db), db ? nicol_last_error(db)->message.ptr : "out of memory");
    unsigned runs = RUNS_ROWS / rows > RUNS_LEAST ? RUNS_ROWS / rows : RUNS_LEAST;
    for (unsigned i = 0; i < runs; i++) {
        double start = cpu_us();
        nicol_result *r = nicol_query(db, ask, strlen(ask));
        double us = cpu_us() - start;
        must(r != NULL, "no result");
        if (i == 0 || us < c->us) c->us = us;
        c->bytes = nicol_result_json(r).len;
        if (i == 0) c->rows = rows_in(nicol_result_json(r));
        nicol_free(r);
    }
    nicol_close(db);
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    c->peak_kb = u.ru_maxrss;
}

static cost measure(const char *url, const char *ask, unsigned rows)
{
    int ends[2];
    cost c = {0};
    must(pipe(ends) == 0, "pipe");
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        close(ends[0]);
        run_here(url, ask, rows, &c);
        _exit(write(ends[1], &c, sizeof c) == (ssize_t)sizeof c ? 0 : 1);
    }
    close(ends[1]);
    must(read(ends[0], &c, sizeof c) == (ssize_t)sizeof c, "the measuring process failed");
    close(ends[0]);
    waitpid(child, NULL, 0);
    return c;
}

/* The fastest run of all passes. */
static void keep(cost *c, int pass, cost now)
{
    double us = pass > 0 && c->us < now.us ? c->us : now.us;
    *c = now;
    c->us = us;
}

static const char *many(char *out, size_t cap, int rows)
{
    snprintf(
        out, cap,
        "{\"modelName\":\"Row\",\"action\":\"findMany\",\"query\":{\"arguments\":{\"orderBy\":[{\"id\":\"asc\"}],\"take\":%d},"
        "\"selection\":{\"$composites\":true,\"$scalars\":true}}}",
        rows);
    return out;
}

static const char *deep(char *out, size_t cap, int levels)
{
    size_t n = (size_t)snprintf(
        out, cap,
        "{\"modelName\":\"L0\",\"action\":\"findMany\",\"query\":{\"arguments\":{},\"selection\":{\"$scalars\":true");
    for (int i = 0; i < levels; i++)
        n += (size_t)snprintf(out + n, cap - n, ",\"down\":{\"arguments\":{},\"selection\":{\"$scalars\":true");
    for (int i = 0; i < levels; i++) n += (size_t)snprintf(out + n, cap - n, "}}");
    snprintf(out + n, cap - n, "}}}");
    return out;
}

static double per_row(const cost *c)
{
    return c->us / (double)c->rows;
}

static void tell(const char *what, const cost *c, const cost *least)
{
    printf("%-24s %6llu rows: %9.0f us, %6.3f us a row; %6.1f MB at the peak", what, (unsigned long long)c->rows, c->us,
           per_row(c), (double)c->peak_kb / 1024);
    if (c->rows > least->rows)
        printf(", %4.0f bytes a row", (double)(c->peak_kb - least->peak_kb) * 1024 / (double)(c->rows - least->rows));
    printf("; the text has %.0f bytes a row\n", (double)c->bytes / (double)c->rows);
}

int main(void)
{
    char dir[] = "/tmp/nicol-bench-XXXXXX", file[64], url[80], ask[2000], name[40];
    static const int sizes[] = {10, 100, 1000, 10000};
    cost rows[4], levels[LEVELS];
    must(mkdtemp(dir) != NULL, "no temporary folder");
    snprintf(file, sizeof file, "%s/size.db", dir);
    snprintf(url, sizeof url, "file:%s", file);
    make_database(file);
    for (int pass = 0; pass < PASSES; pass++) {
        for (int i = 0; i < 4; i++)
            keep(&rows[i], pass, measure(url, many(ask, sizeof ask, sizes[i]), (unsigned)sizes[i]));
        for (int i = 0; i < LEVELS; i++)
            keep(&levels[i], pass, measure(url, deep(ask, sizeof ask, i + 1), (unsigned)ROOTS * ((4u << i) - 1)));
    }
    for (int i = 0; i < 4; i++) {
        must(rows[i].rows == (uint64_t)sizes[i], "another number of rows than asked for");
        tell("findMany", &rows[i], &rows[0]);
    }
    for (int i = 0; i < LEVELS; i++) {
        must(levels[i].rows == (uint64_t)ROOTS * ((4u << i) - 1), "another number of nested rows than there are");
        snprintf(name, sizeof name, "include, %d level%s", i + 1, i ? "s" : "");
        tell(name, &levels[i], &rows[0]);
    }
    printf("RATIO of a row's cost, 10,000 rows to 100: %.2f; 5 levels of include to 1: %.2f (linear is 1)\n",
           per_row(&rows[3]) / per_row(&rows[1]), per_row(&levels[LEVELS - 1]) / per_row(&levels[0]));
    static const char *const left[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char path[80];
        snprintf(path, sizeof path, "%s%s", file, left[i]);
        unlink(path);
    }
    rmdir(dir);
    return 0;
}
