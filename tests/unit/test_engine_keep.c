/* Kept plans stay bounded, and useful, whatever is asked; slow operations are told with plan and statements, without the
 * values of a query, and not more than a log can take. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "engine/engine.h"
#include "tap.h"

static const char schema_text[] =
    "datasource db {\n  provider = \"sqlite\"\n}\n"
    "model User {\n  id Int @id @default(autoincrement())\n  email String @unique\n  age Int?\n  posts Post[]\n}\n"
    "model Post {\n  id Int @id\n  title String\n  author User @relation(fields: [authorId], references: [id])\n  authorId Int\n}\n";
static const char ddl[] =
    "CREATE TABLE \"User\" (\"id\" INTEGER PRIMARY KEY AUTOINCREMENT, \"email\" TEXT NOT NULL UNIQUE, \"age\" INTEGER);"
    "CREATE TABLE \"Post\" (\"id\" INTEGER PRIMARY KEY, \"title\" TEXT NOT NULL, \"authorId\" INTEGER NOT NULL);"
    "INSERT INTO \"User\" VALUES (1, 'secret@x.io', 7); INSERT INTO \"Post\" VALUES (1, 'p', 1);";

static char dir[] = "/tmp/nicol-test-keep-XXXXXX";
static char url[128];

static void remove_files(void)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s%s", url + 5, ends[i]);
        unlink(path);
    }
}

static void fresh(void)
{
    nicol_error err = {0};
    arena *a = arena_new(mem_default, 1 << 20);
    remove_files();
    driver_conn *c = driver_sqlite.open(
        &(driver_opts){.url = str_c(url), .create = true, .trusted = true, .sync_normal = true}, a, &err);
    if (!c || !driver_sqlite.script(c, str_c(ddl), a, &err)) {
        fprintf(stderr, "no test database: %.*s\n", STR_FMT(err.message));
        exit(1);
    }
    driver_sqlite.close(c);
    arena_free(a);
}

typedef struct bench {
    engine *e;
    engine_schema *s[2];
    arena *a;
    buf out, text;
    nicol_error err;
} bench;

static bool begin(bench *b, engine_opts o)
{
    *b = (bench){.a = arena_new(mem_default, 64 << 20)};
    buf_init(&b->out, mem_default, 16 << 20);
    buf_init(&b->text, mem_default, 16 << 20);
    if (!o.slow_us) o.slow_us = INT64_MAX / 8; /* nothing is slow that is not to be */
    o.exec.db.url = str_c(url);
    o.exec.db.sync_normal = true;
    schema_file file = {.path = S("schema.prisma"), .text = str_c(schema_text)};
    b->e = engine_open(&o, &b->err);
    return ok(b->e && engine_schema_add(b->e, S("one"), &file, 1, b->a, NULL, &b->s[0], &b->err) &&
              engine_schema_add(b->e, S("two"), &file, 1, b->a, NULL, &b->s[1], &b->err));
}

static void end(bench *b)
{
    engine_close(b->e);
    buf_free(&b->out);
    buf_free(&b->text);
    arena_free(b->a);
}

static engine_figures figures(bench *b)
{
    engine_figures f;
    engine_get_figures(b->e, &f);
    return f;
}

static bool ask(bench *b, unsigned which, nicol_str text)
{
    bool failed;
    buf_clear(&b->out);
    arena *a = arena_new(mem_default, 16 << 20);
    engine_call call = {.a = a, .deadline_us = IO_NEVER, .request_id = S("request-1")};
    bool good = engine_query(b->e, b->s[which], text, &call, &b->out, &failed, &b->err);
    arena_free(a);
    return good;
}

/* A shape of its own for each n: the number of conditions. */
static nicol_str shape(bench *b, unsigned n, int value)
{
    buf_clear(&b->text);
    buf_lit(&b->text, "{\"modelName\":\"User\",\"action\":\"findMany\",\"query\":{\"arguments\":{\"where\":{\"OR\":[");
    for (unsigned i = 0; i <= n; i++) buf_printf(&b->text, "%s{\"age\":%d}", i ? "," : "", value + (int)i);
    buf_lit(&b->text, "]}},\"selection\":{\"id\":true}}}");
    return buf_view(&b->text);
}

/* One structure, and a literal that is part of the statement. */
static nicol_str literal(bench *b, unsigned n)
{
    buf_clear(&b->text);
    buf_printf(
        &b->text,
        "{\"modelName\":\"User\",\"action\":\"findMany\",\"query\":{\"arguments\":{\"skip\":%u},\"selection\":{\"id\":true}}}",
        n);
    return buf_view(&b->text);
}

/* --- kept plans ----------------------------------------------------------------------------------------------------- */

static void test_count(void)
{
    bench b;
    begin(&b, (engine_opts){.plan_cache_max = 32});
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned n = 0; n < 8; n++) ok(ask(&b, 0, shape(&b, n, 1)));
    }
    engine_figures f = figures(&b);
    ok(f.shape_misses == 8 && f.shape_hits == 8 && f.plans == 8 && f.plan_bytes > 0);
    for (unsigned n = 8; n < 200; n++) ok(ask(&b, 0, shape(&b, n, 1)));
    f = figures(&b);
    ok(f.plans == 32, "as many as may be kept: %u", f.plans);
    ok(f.plans_evicted == 200 - 32, "the others went: %" PRIu64, f.plans_evicted);
    uint64_t hits = f.shape_hits;
    for (unsigned n = 0; n < 8; n++) ok(ask(&b, 0, shape(&b, n, 5)));
    f = figures(&b);
    ok(f.shape_hits - hits == 8, "what is asked for once does not push out what is used: %" PRIu64,
       f.shape_hits - hits);
    end(&b);
}

static void test_literals(void)
{
    bench b;
    begin(&b, (engine_opts){.plan_cache_max = 1000});
    for (unsigned n = 0; n < 300; n++) ok(ask(&b, 0, literal(&b, n)));
    engine_figures f = figures(&b);
    ok(f.plans == 32, "requests that differ in a literal alone are few among the kept: %u", f.plans);
    uint64_t hits = f.shape_hits;
    ok(ask(&b, 0, literal(&b, 299)) && ask(&b, 0, literal(&b, 290)));
    ok(figures(&b).shape_hits - hits == 2, "the newest of them are there");
    end(&b);
}

static void test_bytes(void)
{
    bench b;
    size_t max = (size_t)512 << 10;
    begin(&b, (engine_opts){.plan_bytes_max = max});
    uint64_t most = 0;
    for (unsigned n = 0; n < 150; n++) {
        ok(ask(&b, n % 2, shape(&b, n, 1)));
        uint64_t now = figures(&b).plan_bytes;
        most = now > most ? now : most;
    }
    engine_figures f = figures(&b);
    ok(most > max / 2 && most <= max, "memory of all plans of both schemas: %" PRIu64 " of %zu", most, max);
    ok(f.plans_evicted > 0 && f.plans > 0);
    ok(ask(&b, 1, shape(&b, 149, 3)));
    ok(figures(&b).shape_hits - f.shape_hits == 1, "the newest is there");
    end(&b);
    /* Room for no plan at all: everything runs, nothing stays. */
    begin(&b, (engine_opts){.plan_bytes_max = 1});
    for (unsigned n = 0; n < 6; n++) ok(ask(&b, 0, shape(&b, n / 2, 1)));
    f = figures(&b);
    ok(f.plans == 0 && f.plan_bytes == 0 && f.shape_hits == 0);
    end(&b);
}

/* --- the log -------------------------------------------------------------------------------------------------------- */

static int log_fds[2];

static nicol_str logged(buf *out)
{
    char text[4096];
    ssize_t n;
    buf_clear(out);
    while ((n = read(log_fds[0], text, sizeof text)) > 0) buf_bytes(out, text, (size_t)n);
    return buf_view(out);
}

static unsigned count(nicol_str text, nicol_str what)
{
    unsigned n = 0;
    for (size_t at = 0; (at = str_find(text, what, at)) != SIZE_MAX; at++) n++;
    return n;
}

#define INCLUDE                                                                                                         \
    "{\"modelName\":\"User\",\"action\":\"findMany\",\"query\":{\"arguments\":{\"where\":{\"email\":\"secret@x.io\"}}," \
    "\"selection\":{\"id\":true,\"posts\":{\"selection\":{\"title\":true}}}}}"

static void test_slow(void)
{
    bench b;
    buf log;
    buf_init(&log, mem_default, 8 << 20);
    for (int values = 0; values < 2; values++) {
        begin(&b, (engine_opts){.slow_us = 1, .slow_plan_us = 1, .slow_values = values});
        ok(ask(&b, 0, S(INCLUDE)));
        nicol_str text = logged(&log);
        ok(count(text, S("\"event\":\"slow\"")) == 1 && count(text, S("\"operation\":\"findMany User\"")) == 1);
        ok(count(text, S("\"event\":\"slow_plan\"")) == 1 && count(text, S("mapField")) == 1, "the plan: %.*s",
           STR_FMT(text));
        ok(count(text, S("\"event\":\"slow_statement\"")) == 2 && count(text, S("\"rows\":1")) == 2,
           "both statements with their rows");
        ok(count(text, S("FROM `Post`")) >= 1 && count(text, S("\"request_id\":\"request-1\"")) == 4);
        ok(count(text, S("secret")) == (unsigned)values, "values only on request");
        end(&b);
    }
    begin(&b, (engine_opts){.slow_us = 1});
    ok(ask(&b, 0, S(INCLUDE)));
    nicol_str text = logged(&log);
    ok(count(text, S("\"event\":\"slow\"")) == 1 && count(text, S("slow_plan")) == 0,
       "without a limit for plans: none");
    end(&b);
    buf_free(&log);
}

static void test_flood(void)
{
    bench b;
    buf log;
    buf_init(&log, mem_default, 8 << 20);
    begin(&b, (engine_opts){.slow_us = 1, .slow_plan_us = 1});
    unsigned lines = 0, plans = 0, statements = 0;
    for (unsigned n = 0; n < 300; n++) {
        ok(ask(&b, 0, literal(&b, n % 20)));
        nicol_str text = logged(&log);
        lines += count(text, S("\"event\":\"slow\""));
        plans += count(text, S("\"event\":\"slow_plan\""));
        statements += count(text, S("\"event\":\"slow_statement\""));
    }
    /* A new window may have begun meanwhile on a machine that is busy. */
    ok(lines >= 100 && lines < 300 && plans >= 5 && plans < 30 && statements == plans, "%u lines, %u plans", lines,
       plans);
    engine_figures f = figures(&b);
    ok(f.slow_n == ENGINE_SLOW_N, "the status page has the last ones all the same");
    end(&b);
    buf_free(&log);
}

static void test_batch_explained(void)
{
    bench b;
    buf told;
    begin(&b, (engine_opts){0});
    buf_init(&told, mem_default, 1 << 20);
    bool failed;
    engine_call call = {.a = b.a, .deadline_us = IO_NEVER, .explain = &told};
#define BY_ID(id)                                                                                             \
    "{\"modelName\":\"User\",\"action\":\"findUnique\",\"query\":{\"arguments\":{\"where\":{\"id\":" id "}}," \
    "\"selection\":{\"email\":true}}}"
    ok(engine_query(b.e, b.s[0], S("{\"batch\":[" BY_ID("1") "," BY_ID("2") "]}"), &call, &b.out, &failed, &b.err));
    nicol_str text = buf_view(&told);
    ok(count(text, S("plan of 2 operations at once")) == 1 && count(text, S("json_each(?)")) == 2 &&
           count(text, S("1 row,")) == 1,
       "%.*s", STR_FMT(text));
    buf_free(&told);
    end(&b);
}

int main(void)
{
    if (!mkdtemp(dir) || pipe(log_fds) != 0) return 1;
    if (fcntl(log_fds[0], F_SETFL, O_NONBLOCK) != 0) return 1;
    log_setup(log_fds[1], LOG_FORMAT_JSON, LOG_WARN);
    snprintf(url, sizeof url, "file:%s/k.db", dir);
    fresh();
    test_count();
    test_literals();
    test_bytes();
    test_slow();
    test_flood();
    test_batch_explained();
    remove_files();
    rmdir(dir);
    return done_testing();
}
