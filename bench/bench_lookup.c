/* bench/bench_lookup.c - findUnique operations of one batch: one by one against together.
 *
 * Both sides are the engine, in process, on the same file with 20,000 rows; a batch of N operations against N requests. Keys
 * are in random order, some twice. Both are warm, and their answers are compared before anything is timed. CPU time of the
 * process, so that neighbours on the machine matter little; the best of some rounds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "engine/engine.h"

#define ROWS 20000
#define ROUNDS 7
#define OPERATIONS 6000 /* in a round */

static const char schema_text[] =
    "datasource db {\n  provider = \"sqlite\"\n}\n"
    "model User {\n  id Int @id\n  email String @unique\n  name String?\n  bio String\n  at DateTime @unique\n  posts Post[]\n}\n"
    "model Post {\n  id Int @id\n  title String\n  likes Int\n  author User @relation(fields: [authorId], references: [id])\n"
    "  authorId Int\n  @@index([authorId])\n}\n";
static const char ddl[] =
    "CREATE TABLE \"User\" (\"id\" INTEGER PRIMARY KEY, \"email\" TEXT NOT NULL, \"name\" TEXT, \"bio\" TEXT NOT NULL, \"at\" DATETIME NOT NULL);"
    "CREATE UNIQUE INDEX \"e\" ON \"User\"(\"email\"); CREATE UNIQUE INDEX \"a\" ON \"User\"(\"at\");"
    "CREATE TABLE \"Post\" (\"id\" INTEGER PRIMARY KEY, \"title\" TEXT NOT NULL, \"likes\" INTEGER NOT NULL, \"authorId\" INTEGER NOT NULL);"
    "CREATE INDEX \"p\" ON \"Post\"(\"authorId\"); BEGIN;"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO \"User\""
    " SELECT i, 'user' || i || '@example.com', 'Name ' || i, 'some text about ' || i,"
    " strftime('%Y-%m-%dT%H:%M:%S', 1700000000 + i, 'unixepoch') || '.000+00:00' FROM n;"
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) INSERT INTO \"Post\""
    " SELECT i, 'title ' || i, i % 97, i % 20000 + 1 FROM n; COMMIT;";

static const char *const whats[] = {"Int key", "String key", "DateTime key", "Int key, five posts each"};

static void fail(const char *what, const nicol_error *err)
{
    fprintf(stderr, "bench_lookup: %s: %.*s\n", what, STR_FMT(err->message));
    exit(1);
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void put_request(buf *b, int what, unsigned id)
{
    buf_lit(b, "{\"modelName\":\"User\",\"action\":\"findUnique\",\"query\":{\"arguments\":{\"where\":{");
    if (what == 1) {
        buf_printf(b, "\"email\":\"user%u@example.com\"", id);
    } else if (what == 2) {
        char text[32];
        size_t n = datetime_format(text, ((int64_t)1700000000 + id) * 1000);
        buf_printf(b, "\"at\":{\"$type\":\"DateTime\",\"value\":\"%.*s\"}", (int)n, text);
    } else {
        buf_printf(b, "\"id\":%u", id);
    }
    buf_lit(b, "}},\"selection\":{\"$scalars\":true");
    if (what == 3) buf_lit(b, ",\"posts\":{\"selection\":{\"$scalars\":true}}");
    buf_lit(b, "}}}");
}

typedef struct side {
    engine *e;
    engine_schema *s;
    arena *a;
    buf *texts, out;
    unsigned n;
} side;

static void ask(side *x, nicol_str body)
{
    nicol_error err = {0};
    bool failed;
    engine_call call = {.a = x->a, .deadline_us = IO_NEVER};
    if (!engine_query(x->e, x->s, body, &call, &x->out, &failed, &err) || failed) fail("a request", &err);
    arena_reset(x->a);
}

static double run(side *x, bool together, unsigned rounds)
{
    double start = now_us();
    for (unsigned r = 0; r < rounds; r++) {
        buf_clear(&x->out);
        if (together) ask(x, buf_view(&x->texts[x->n]));
        else
            for (unsigned i = 0; i < x->n; i++) ask(x, buf_view(&x->texts[i]));
    }
    return (now_us() - start) / (rounds * x->n);
}

static uint64_t statements(side *x)
{
    engine_figures f;
    engine_get_figures(x->e, &f);
    return f.exec.statements;
}

static void measure(side *x, int what, unsigned n)
{
    buf whole, *texts = calloc(n + 1, sizeof *texts);
    if (!texts) exit(1);
    x->texts = texts;
    x->n = n;
    unsigned seed = 12345;
    for (unsigned i = 0; i <= n; i++) buf_init(&texts[i], mem_default, 64 << 20);
    buf_lit(&texts[n], "{\"batch\":[");
    for (unsigned i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        put_request(&texts[i], what, seed / 65536 % ROWS + 1);
        if (i) buf_char(&texts[n], ',');
        buf_str(&texts[n], buf_view(&texts[i]));
    }
    buf_lit(&texts[n], "]}");
    run(x, false, 1);
    buf_init(&whole, mem_default, 256 << 20);
    buf_str(&whole, buf_view(&x->out));
    uint64_t before = statements(x);
    run(x, true, 1);
    uint64_t took = statements(x) - before;
    /* The batch's answer is the others' with commas between and a frame around. */
    size_t frame = strlen("{\"batchResult\":[]}");
    if (x->out.len != whole.len + n - 1 + frame) {
        fprintf(stderr, "bench_lookup: the answers differ\n");
        exit(1);
    }
    double apart = 1e9, together = 1e9;
    for (int r = 0; r < ROUNDS; r++) {
        double a = run(x, false, OPERATIONS / n), b = run(x, true, OPERATIONS / n);
        apart = a < apart ? a : apart;
        together = b < together ? b : together;
    }
    printf("| %s | %u | %.2f | %.2f | %.1f | %llu |\n", whats[what], n, apart, together, apart / together,
           (unsigned long long)took);
    for (unsigned i = 0; i <= n; i++) buf_free(&texts[i]);
    buf_free(&whole);
    free(texts);
}

int main(void)
{
    char dir[] = "/tmp/nicol-bench-lookup-XXXXXX", url[100];
    nicol_error err = {0};
    side x = {.a = arena_new(mem_default, (size_t)512 << 20)};
    if (!mkdtemp(dir) || !x.a) return 1;
    snprintf(url, sizeof url, "file:%s/l.db", dir);
    driver_conn *c = driver_sqlite.open(
        &(driver_opts){.url = str_c(url), .create = true, .trusted = true, .sync_normal = true}, x.a, &err);
    if (!c || !driver_sqlite.script(c, str_c(ddl), x.a, &err)) fail("the database", &err);
    driver_sqlite.close(c);
    schema_file file = {.path = S("schema.prisma"), .text = str_c(schema_text)};
    engine_opts o = {.slow_us = INT64_MAX / 8, .exec = {.db = {.url = str_c(url), .sync_normal = true}}};
    x.e = engine_open(&o, &err);
    arena *a = arena_new(mem_default, 16 << 20);
    if (!x.e || !engine_schema_add(x.e, S("own"), &file, 1, a, NULL, &x.s, &err)) fail("the engine", &err);
    buf_init(&x.out, mem_default, 256 << 20);
    printf("| | operations | one by one | together | ratio | statements |\n|---|---|---|---|---|---|\n");
    static const unsigned sizes[] = {2, 10, 100, 1000};
    for (int what = 0; what < 4; what++) {
        for (unsigned i = 0; i < 4; i++) measure(&x, what, sizes[i]);
    }
    engine_close(x.e);
    buf_free(&x.out);
    arena_free(a);
    arena_free(x.a);
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s%s", url + 5, ends[i]);
        unlink(path);
    }
    rmdir(dir);
    return 0;
}
