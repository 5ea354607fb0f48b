/* bench/bench_point.c - a point read through the C library against the sqlite3 C API by hand, on the same file.
 *
 * By hand: one prepared statement; bind, step, read every column, reset, as a careful C programmer would. The library: a
 * JSON-protocol findUnique, text in and text out, with another id each time. Rounds alternate; the ratio of each round's CPU
 * times is taken, and the median of those printed.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "nicol/nicol.h"

#define ROUNDS 15
#define READS 20000
#define ROWS 1000

static const char schema_text[] =
    "datasource db {\n  provider = \"sqlite\"\n}\n"
    "model User {\n  id Int @id @default(autoincrement())\n  email String @unique\n  name String?\n  age Int\n  score Float\n"
    "  active Boolean\n  createdAt DateTime\n  about String?\n  big BigInt\n}\n";

static const char ddl[] =
    "CREATE TABLE \"User\" (\"id\" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, \"email\" TEXT NOT NULL, \"name\" TEXT,"
    " \"age\" INTEGER NOT NULL, \"score\" REAL NOT NULL, \"active\" BOOLEAN NOT NULL, \"createdAt\" DATETIME NOT NULL,"
    " \"about\" TEXT, \"big\" BIGINT NOT NULL);"
    "CREATE UNIQUE INDEX \"User_email_key\" ON \"User\"(\"email\");"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT INTO \"User\""
    " SELECT i, 'user' || i || '@example.com', 'Name ' || i, i % 90, (i * 37 % 10000) / 100.0, i % 2, '2026-01-02T03:04:05.678+00:00',"
    " 'something about the user number ' || i, 9007199254740993 + i FROM n;";

static double cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void must(bool good, const char *what)
{
    if (good) return;
    fprintf(stderr, "bench_point: %s\n", what);
    exit(1);
}

static uint64_t by_hand(sqlite3_stmt *s, unsigned at)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < READS; i++) {
        sqlite3_bind_int(s, 1, (int)((at + i * 7) % ROWS + 1));
        must(sqlite3_step(s) == SQLITE_ROW, "no row by hand");
        for (int c = 0; c < 9; c++) {
            int type = sqlite3_column_type(s, c);
            if (type == SQLITE_INTEGER) sum += (uint64_t)sqlite3_column_int64(s, c);
            else if (type == SQLITE_FLOAT) sum += (uint64_t)sqlite3_column_double(s, c);
            else if (sqlite3_column_text(s, c)) sum += (uint64_t)sqlite3_column_bytes(s, c);
        }
        must(sqlite3_step(s) == SQLITE_DONE, "more than one row by hand");
        sqlite3_reset(s);
    }
    return sum;
}

static uint64_t by_library(nicol_db *db, unsigned at)
{
    uint64_t sum = 0;
    char q[256];
    for (unsigned i = 0; i < READS; i++) {
        int n = snprintf(
            q, sizeof q,
            "{\"modelName\":\"User\",\"action\":\"findUnique\",\"query\":{\"arguments\":{\"where\":{\"id\":%u}},"
            "\"selection\":{\"$composites\":true,\"$scalars\":true}}}",
            (at + i * 7) % ROWS + 1);
        nicol_result *r = nicol_query(db, q, (size_t)n);
        must(r != NULL, "no result from the library");
        sum += nicol_result_json(r).len;
        nicol_free(r);
    }
    return sum;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    char dir[] = "/tmp/nicol-bench-XXXXXX", file[128], url[160];
    must(mkdtemp(dir) != NULL, "no temporary folder");
    snprintf(file, sizeof file, "%s/point.db", dir);
    snprintf(url, sizeof url, "file:%s", file);
    sqlite3 *c = NULL;
    must(sqlite3_open_v2(file, &c, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK,
         "open");
    must(sqlite3_exec(c, "PRAGMA journal_mode=WAL", NULL, NULL, NULL) == SQLITE_OK, "journal_mode");
    must(sqlite3_exec(c, ddl, NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(c));
    sqlite3_stmt *s = NULL;
    must(sqlite3_prepare_v3(c,
                            "SELECT id, email, name, age, score, active, createdAt, about, big FROM User WHERE id = ?",
                            -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) == SQLITE_OK,
         sqlite3_errmsg(c));
    nicol_open_opts o = {.size = sizeof o, .schema_text = schema_text, .url = url};
    nicol_db *db = nicol_open(&o);
    must(db && nicol_ok(db), db ? nicol_last_error(db)->message.ptr : "out of memory");
    double hand[ROUNDS], lib[ROUNDS], ratio[ROUNDS];
    volatile uint64_t sink = by_hand(s, 0) + by_library(db, 0); /* warm */
    (void)sink;                                                 /* written so that the reads are not optimised away */
    for (unsigned r = 0; r < ROUNDS; r++) {
        double t0 = cpu_us();
        sink += by_hand(s, r);
        double t1 = cpu_us();
        sink += by_library(db, r);
        double t2 = cpu_us();
        hand[r] = (t1 - t0) / READS;
        lib[r] = (t2 - t1) / READS;
        ratio[r] = lib[r] / hand[r];
    }
    qsort(hand, ROUNDS, sizeof *hand, by_value);
    qsort(lib, ROUNDS, sizeof *lib, by_value);
    qsort(ratio, ROUNDS, sizeof *ratio, by_value);
    printf("point read: sqlite3 by hand %.2f us, C library %.2f us of CPU (medians of %d rounds)\n", hand[ROUNDS / 2],
           lib[ROUNDS / 2], ROUNDS);
    printf("RATIO point read, C library to sqlite3 by hand: %.2f (least %.2f, most %.2f; to be at most 1.5)\n",
           ratio[ROUNDS / 2], ratio[0], ratio[ROUNDS - 1]);
    nicol_close(db);
    sqlite3_finalize(s);
    sqlite3_close(c);
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s%s", file, ends[i]);
        unlink(path);
    }
    rmdir(dir);
    return 0;
}
