/* findUnique operations of one batch: answered by one statement a level, and each as if it had run alone. Every check
 * compares a batch with the same operations one by one, on keys of every type and on columns that compare otherwise than
 * memory would: a collation without case, numbers in a column of text, text in a column of numbers. */
#include <stdlib.h>
#include <unistd.h>

#include "engine/engine.h"
#include "tap.h"

static const char schema_text[] =
    "generator client {\n  provider = \"prisma-client-js\"\n  previewFeatures = [\"relationJoins\"]\n}\n"
    "datasource db {\n  provider = \"sqlite\"\n}\n"
    "enum Color {\n  RED @map(\"r\")\n  BLUE\n}\n"
    "model Thing {\n  id Int @id @default(autoincrement())\n  name String @unique\n  folded String? @unique\n"
    "  big BigInt? @unique\n  price Decimal? @unique\n  at DateTime? @unique\n  raw Bytes? @unique\n  f Float? @unique\n"
    "  color Color? @unique\n  code Int? @unique\n  mixed Int? @unique\n  a Int?\n  b String?\n  owner Owner? @relation(fields: [ownerId], references: [id])\n"
    "  ownerId Int?\n  parts Part[]\n  tags Tag[]\n  @@unique([a, b])\n  @@unique([b, at])\n}\n"
    "model Owner {\n  id Int @id\n  name String\n  things Thing[]\n}\n"
    "model Part {\n  id Int @id\n  label String\n  thing Thing @relation(fields: [thingId], references: [id])\n  thingId Int\n}\n"
    "model Tag {\n  id Int @id\n  word String\n  things Thing[]\n}\n";

static const char ddl[] =
    "CREATE TABLE \"Owner\" (\"id\" INTEGER PRIMARY KEY, \"name\" TEXT NOT NULL);"
    "CREATE TABLE \"Thing\" (\"id\" INTEGER PRIMARY KEY AUTOINCREMENT, \"name\" TEXT NOT NULL UNIQUE, \"folded\" TEXT COLLATE NOCASE UNIQUE,"
    " \"big\" BIGINT UNIQUE, \"price\" DECIMAL UNIQUE, \"at\" DATETIME UNIQUE, \"raw\" BLOB UNIQUE, \"f\" REAL UNIQUE, \"color\" TEXT UNIQUE,"
    " \"code\" TEXT UNIQUE, \"mixed\" BLOB, \"a\" INTEGER, \"b\" TEXT, \"ownerId\" INTEGER, UNIQUE (\"a\", \"b\"), UNIQUE (\"b\", \"at\"));"
    "CREATE TABLE \"Part\" (\"id\" INTEGER PRIMARY KEY, \"label\" TEXT NOT NULL, \"thingId\" INTEGER NOT NULL);"
    "CREATE TABLE \"Tag\" (\"id\" INTEGER PRIMARY KEY, \"word\" TEXT NOT NULL);"
    "CREATE TABLE \"_TagToThing\" (\"A\" INTEGER NOT NULL, \"B\" INTEGER NOT NULL);"
    "INSERT INTO \"Owner\" VALUES (1, 'Ann'), (2, 'Bob');"
    "INSERT INTO \"Thing\" VALUES"
    " (1, 'one', 'Alpha', 9007199254740993, 1.5, '2024-01-02T03:04:05.678+00:00', x'00ff', 0.1, 'r', '5', 7, 1, 'x', 1),"
    " (2, 'TWO', 'beta', -9223372036854775808, 0.1, '2024-01-02T03:04:05.679+00:00', x'', 1e300, 'BLUE', NULL, 7, 1, 'y', 1),"
    " (3, 'quote\"\\ and \xc3\xa9\xf0\x9f\x98\x80', 'Straße', 9223372036854775807, 100, '2025-01-01T00:00:00.000+00:00', x'00', -2.5, NULL, '6', 7.5, 2, 'x', 2),"
    " (4, '', NULL, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),"
    " (5, 'line\nbreak\ttab\x01', 'x y', 5, 7, '1969-12-31T23:59:59.999+00:00', x'01', 3, NULL, '7', '8', 3, '', 2);"
    "INSERT INTO \"Part\" VALUES (1, 'p1', 1), (2, 'p2', 1), (3, 'p3', 2), (4, 'p4', 3), (5, 'p5', 3), (6, 'p6', 3);"
    "INSERT INTO \"Tag\" VALUES (1, 'red'), (2, 'old'), (3, 'new');"
    "INSERT INTO \"_TagToThing\" VALUES (1, 1), (2, 1), (2, 2), (3, 3), (1, 3);";

static char dir[] = "/tmp/nicol-test-lookup-XXXXXX";
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
    engine_schema *s;
    arena *a;
    buf out, text;
    nicol_error err;
} bench;

static bool begin(bench *b, const mem *m)
{
    *b = (bench){.a = arena_new(m, 64 << 20)};
    buf_init(&b->out, m, 16 << 20);
    buf_init(&b->text, m, 16 << 20);
    if (!b->a) return false;
    engine_opts o = {.m = m, .exec = {.db = {.url = str_c(url), .sync_normal = true}}};
    schema_file file = {.path = S("schema.prisma"), .text = str_c(schema_text)};
    b->e = engine_open(&o, &b->err);
    return b->e && engine_schema_add(b->e, S("own"), &file, 1, b->a, NULL, &b->s, &b->err);
}

static void end(bench *b)
{
    engine_close(b->e);
    buf_free(&b->out);
    buf_free(&b->text);
    arena_free(b->a);
}

static bool ask_in(bench *b, nicol_str text, exec_tx *tx)
{
    bool failed;
    engine_call call = {.a = b->a, .deadline_us = IO_NEVER, .tx = tx};
    return engine_query(b->e, b->s, text, &call, &b->out, &failed, &b->err);
}

static uint64_t statements(bench *b)
{
    engine_figures f;
    engine_get_figures(b->e, &f);
    return f.exec.statements;
}

static uint64_t compacted(bench *b)
{
    engine_figures f;
    engine_get_figures(b->e, &f);
    return f.compacted;
}

#define SCALARS "{\"$scalars\":true}"

static void put_one(buf *out, const char *action, const char *where, const char *selection)
{
    buf_printf(out,
               "{\"modelName\":\"Thing\",\"action\":\"%s\",\"query\":{\"arguments\":{\"where\":%s},\"selection\":%s}}",
               action, where, selection);
}

/* What the batch must answer: the answers one by one, with the errors' places put in. */
static bool one_by_one(bench *b, const char *action, const char *const *wheres, size_t n, const char *selection,
                       nicol_str *out)
{
    buf one, all;
    buf_init(&one, b->out.m, 1 << 20);
    buf_init(&all, b->out.m, 16 << 20);
    bool good = true;
    buf_lit(&all, "{\"batchResult\":[");
    for (size_t i = 0; good && i < n; i++) {
        buf_clear(&one);
        buf_clear(&b->out);
        put_one(&one, action, wheres[i], selection);
        good = ask_in(b, buf_view(&one), NULL);
        if (i > 0) buf_char(&all, ',');
        if (str_starts(buf_view(&b->out), S("{\"errors\""))) {
            b->out.len -= 4; /* }}]} */
            buf_str(&all, buf_view(&b->out));
            buf_printf(&all, ",\"batch_request_idx\":%zu}}]}", i);
        } else {
            buf_str(&all, buf_view(&b->out));
        }
    }
    buf_lit(&all, "]}");
    *out = arena_str(b->a, buf_view(&all));
    buf_free(&one);
    buf_free(&all);
    return good && out->ptr;
}

static bool together(bench *b, const char *action, const char *const *wheres, size_t n, const char *selection,
                     exec_tx *tx)
{
    buf_clear(&b->text);
    buf_clear(&b->out);
    buf_lit(&b->text, "{\"batch\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0) buf_char(&b->text, ',');
        put_one(&b->text, action, wheres[i], selection);
    }
    buf_lit(&b->text, "]}");
    return ask_in(b, buf_view(&b->text), tx);
}

/* A batch answers what its operations answer alone, with this many statements. */
static void same(bench *b, const char *name, const char *action, const char *const *wheres, size_t n,
                 const char *selection, uint64_t expected)
{
    nicol_str alone;
    if (!ok(one_by_one(b, action, wheres, n, selection, &alone))) return;
    uint64_t before = statements(b);
    ok(together(b, action, wheres, n, selection, NULL));
    is_str(buf_view(&b->out), alone);
    ok(statements(b) - before == expected, "%s %s: %" PRIu64 " statements, not %" PRIu64, name, action, expected,
       statements(b) - before);
}

#define BOTH(b, name, selection, expected, ...)                               \
    do {                                                                      \
        const char *const wheres_[] = {__VA_ARGS__};                          \
        size_t n_ = sizeof wheres_ / sizeof *wheres_;                         \
        same(b, name, "findUnique", wheres_, n_, selection, expected);        \
        same(b, name, "findUniqueOrThrow", wheres_, n_, selection, expected); \
    } while (0)

static void test_keys(bench *b)
{
    uint64_t were = compacted(b);
    BOTH(b, "Int", SCALARS, 1, "{\"id\":3}", "{\"id\":1}", "{\"id\":99}", "{\"id\":1}", "{\"id\":-1}");
    ok(compacted(b) - were == 10, "the figures tell how many were answered together");
    BOTH(b, "String", SCALARS, 1, "{\"name\":\"TWO\"}", "{\"name\":\"two\"}", "{\"name\":\"\"}", "{\"name\":\"one\"}",
         "{\"name\":\"quote\\\"\\\\ and \\u00e9\\ud83d\\ude00\"}", "{\"name\":\"line\\nbreak\\ttab\\u0001\"}");
    BOTH(b, "a column without case", SCALARS, 1, "{\"folded\":\"ALPHA\"}", "{\"folded\":\"Alpha\"}",
         "{\"folded\":\"BETA\"}", "{\"folded\":\"STRASSE\"}", "{\"folded\":\"STRAßE\"}", "{\"folded\":\"x Y\"}");
    BOTH(b, "BigInt", SCALARS, 1, "{\"big\":{\"$type\":\"BigInt\",\"value\":\"9007199254740993\"}}",
         "{\"big\":{\"$type\":\"BigInt\",\"value\":\"9007199254740992\"}}",
         "{\"big\":{\"$type\":\"BigInt\",\"value\":\"-9223372036854775808\"}}",
         "{\"big\":{\"$type\":\"BigInt\",\"value\":\"9223372036854775807\"}}",
         "{\"big\":{\"$type\":\"BigInt\",\"value\":\"9223372036854775806\"}}");
    BOTH(b, "Decimal", SCALARS, 1, "{\"price\":{\"$type\":\"Decimal\",\"value\":\"1.50\"}}",
         "{\"price\":{\"$type\":\"Decimal\",\"value\":\"0.1\"}}",
         "{\"price\":{\"$type\":\"Decimal\",\"value\":\"1e2\"}}",
         "{\"price\":{\"$type\":\"Decimal\",\"value\":\"0.10000000000000000001\"}}");
    BOTH(b, "DateTime", SCALARS, 1, "{\"at\":{\"$type\":\"DateTime\",\"value\":\"2024-01-02T03:04:05.678Z\"}}",
         "{\"at\":{\"$type\":\"DateTime\",\"value\":\"2024-01-02T04:04:05.679+01:00\"}}",
         "{\"at\":{\"$type\":\"DateTime\",\"value\":\"1969-12-31T23:59:59.999Z\"}}",
         "{\"at\":{\"$type\":\"DateTime\",\"value\":\"2024-01-02T03:04:05.677Z\"}}");
    BOTH(b, "Bytes", SCALARS, 1, "{\"raw\":{\"$type\":\"Bytes\",\"value\":\"AP8=\"}}",
         "{\"raw\":{\"$type\":\"Bytes\",\"value\":\"\"}}", "{\"raw\":{\"$type\":\"Bytes\",\"value\":\"AA==\"}}",
         "{\"raw\":{\"$type\":\"Bytes\",\"value\":\"AAA=\"}}");
    BOTH(b, "Float", SCALARS, 1, "{\"f\":0.1}", "{\"f\":1e300}", "{\"f\":-2.5}", "{\"f\":0.10000000000000002}");
    BOTH(b, "enum", SCALARS, 1, "{\"color\":\"RED\"}", "{\"color\":\"BLUE\"}");
    BOTH(b, "numbers in a column of text", "{\"id\":true}", 1, "{\"code\":5}", "{\"code\":6}", "{\"code\":55}");
    BOTH(b, "a column of anything", "{\"id\":true}", 1, "{\"mixed\":7}", "{\"mixed\":8}", "{\"mixed\":9}");
    BOTH(b, "compound", SCALARS, 1, "{\"a_b\":{\"a\":1,\"b\":\"x\"}}", "{\"a_b\":{\"a\":1,\"b\":\"y\"}}",
         "{\"a_b\":{\"a\":2,\"b\":\"y\"}}", "{\"a_b\":{\"a\":3,\"b\":\"\"}}");
    BOTH(b, "compound with a DateTime", SCALARS, 1,
         "{\"b_at\":{\"b\":\"x\",\"at\":{\"$type\":\"DateTime\",\"value\":\"2024-01-02T03:04:05.678Z\"}}}",
         "{\"b_at\":{\"b\":\"y\",\"at\":{\"$type\":\"DateTime\",\"value\":\"2024-01-02T03:04:05.678Z\"}}}");
    BOTH(b, "with a filter", SCALARS, 1, "{\"id\":1,\"b\":{\"contains\":\"x\"}}",
         "{\"id\":2,\"b\":{\"contains\":\"x\"}}", "{\"id\":3,\"b\":{\"contains\":\"x\"}}");
    BOTH(b, "with equal fields", SCALARS, 1, "{\"id\":1,\"b\":\"x\"}", "{\"id\":2,\"b\":\"x\"}",
         "{\"id\":2,\"b\":\"y\"}");
    BOTH(b, "with a relation filter", SCALARS, 1, "{\"id\":1,\"owner\":{\"is\":{\"name\":\"Ann\"}}}",
         "{\"id\":3,\"owner\":{\"is\":{\"name\":\"Ann\"}}}");
}

static void test_selections(bench *b)
{
    static const char *const ids[] = {"{\"id\":3}",  "{\"id\":1}", "{\"id\":4}",
                                      "{\"id\":99}", "{\"id\":1}", "{\"id\":2}"};
    static const struct {
        const char *name, *selection;
        uint64_t levels;
    } cases[] = {
        {"to one", "{\"id\":true,\"owner\":{\"selection\":{\"$scalars\":true}}}", 2},
        {"to many", "{\"id\":true,\"parts\":{\"selection\":{\"$scalars\":true}}}", 2},
        {"to many, a page",
         "{\"id\":true,\"parts\":{\"arguments\":{\"orderBy\":{\"label\":\"desc\"},\"take\":1,\"skip\":1},\"selection\":{\"label\":true}}}",
         2},
        {"many to many",
         "{\"name\":true,\"tags\":{\"arguments\":{\"orderBy\":{\"id\":\"asc\"}},\"selection\":{\"word\":true}}}", 2},
        {"counts", "{\"id\":true,\"_count\":{\"selection\":{\"parts\":true,\"tags\":true}}}", 1},
        {"three levels",
         "{\"$scalars\":true,\"owner\":{\"selection\":{\"name\":true,\"things\":{\"arguments\":{\"orderBy\":{\"id\":\"asc\"}},"
         "\"selection\":{\"id\":true,\"parts\":{\"selection\":{\"label\":true}}}}}},\"tags\":{\"selection\":{\"word\":true}}}",
         5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        same(b, cases[i].name, "findUnique", ids, 6, cases[i].selection, cases[i].levels);
        same(b, cases[i].name, "findUniqueOrThrow", ids, 6, cases[i].selection, cases[i].levels);
    }
}

/* What must not be answered together, or not all of it. */
static void test_apart(bench *b)
{
    BOTH(b, "one alone", SCALARS, 1, "{\"id\":3}");
    BOTH(b, "a NUL character does not travel as JSON", SCALARS, 2, "{\"name\":\"one\\u0000\"}", "{\"name\":\"one\"}");
    BOTH(b, "two shapes", "{\"id\":true}", 2, "{\"id\":3}", "{\"name\":\"one\"}", "{\"id\":1}", "{\"name\":\"TWO\"}");
    BOTH(b, "another value that is no key", "{\"id\":true}", 3, "{\"id\":3,\"b\":{\"contains\":\"x\"}}",
         "{\"id\":1,\"b\":{\"contains\":\"x\"}}", "{\"id\":1,\"b\":{\"contains\":\"y\"}}",
         "{\"id\":2,\"b\":{\"contains\":\"y\"}}", "{\"id\":2,\"b\":{\"contains\":\"z\"}}");
    BOTH(b, "a mistake among them", "{\"id\":true}", 1, "{\"id\":3}", "{\"id\":\"three\"}", "{\"nope\":3}",
         "{\"id\":1}", "{}");
    static const char *const ids[] = {"{\"id\":1}", "{\"id\":3}", "{\"id\":2}"};
    /* A cursor's row may hang on another parent: only a statement for one parent can say what comes after it. */
    same(
        b, "a cursor", "findUnique", ids, 3,
        "{\"id\":true,\"parts\":{\"arguments\":{\"orderBy\":{\"id\":\"asc\"},\"cursor\":{\"id\":5}},\"selection\":{\"id\":true}}}",
        6);
    /* The row of 5 holds text where a number is wanted: it fails alone, the others do not. */
    static const char *const mixed[] = {"{\"id\":1}", "{\"id\":2}", "{\"id\":3}", "{\"id\":4}"};
    same(b, "all can be shown", "findUnique", mixed, 4, "{\"id\":true,\"a\":true}", 1);
}

/* Whatever a request asks for, relations are loaded as is best here, and the answer is the same. */
static void test_strategies(bench *b)
{
    static const char *const asked[] = {"", "\"relationLoadStrategy\":\"query\"", "\"relationLoadStrategy\":\"join\""};
    nicol_str first = {0};
    for (size_t i = 0; i < 3; i++) {
        buf_clear(&b->text);
        buf_clear(&b->out);
        buf_printf(
            &b->text,
            "{\"modelName\":\"Thing\",\"action\":\"findMany\",\"query\":{\"arguments\":{%s},\"selection\":{\"$scalars\":true,"
            "\"owner\":true,\"tags\":true,\"parts\":{\"arguments\":{\"take\":2},\"selection\":{\"label\":true}}}}}",
            asked[i]);
        ok(ask_in(b, buf_view(&b->text), NULL));
        if (i == 0) first = arena_str(b->a, buf_view(&b->out));
        is_str(buf_view(&b->out), first);
    }
    ok(str_find(first, S("9007199254740993"), 0) != SIZE_MAX && str_find(first, S("\"label\":\"p5\""), 0) != SIZE_MAX);
    buf_clear(&b->out);
    ok(ask_in(
        b,
        S("{\"modelName\":\"Thing\",\"action\":\"findMany\",\"query\":{\"arguments\":{\"relationLoadStrategy\":\"guess\"},"
          "\"selection\":{\"id\":true}}}"),
        NULL));
    ok(str_find(buf_view(&b->out), S("P2009"), 0) != SIZE_MAX, "another word is a mistake");
}

static void test_bad_row(bench *b)
{
    nicol_error err = {0};
    driver_conn *c =
        driver_sqlite.open(&(driver_opts){.url = str_c(url), .trusted = true, .sync_normal = true}, b->a, &err);
    ok(c && driver_sqlite.script(c, S("UPDATE \"Thing\" SET \"at\" = 'no date' WHERE \"id\" = 2"), b->a, &err));
    driver_sqlite.close(c);
    static const char *const ids[] = {"{\"id\":1}", "{\"id\":2}", "{\"id\":3}"};
    nicol_str alone;
    ok(one_by_one(b, "findUnique", ids, 3, SCALARS, &alone));
    ok(together(b, "findUnique", ids, 3, SCALARS, NULL));
    is_str(buf_view(&b->out), alone);
    ok(str_find(buf_view(&b->out), S("\"batch_request_idx\":1"), 0) != SIZE_MAX,
       "only the row that cannot be shown fails");
    ok(str_find(buf_view(&b->out), S("\"id\":3"), 0) != SIZE_MAX, "the one after it is answered");
}

/* A write between reads: what stands after it sees it. */
static void test_order(bench *b)
{
#define FIND_1 \
    "{\"modelName\":\"Owner\",\"action\":\"findUnique\",\"query\":{\"arguments\":{\"where\":{\"id\":1}},\"selection\":{\"name\":true}}}"
#define FIND_2 \
    "{\"modelName\":\"Owner\",\"action\":\"findUnique\",\"query\":{\"arguments\":{\"where\":{\"id\":2}},\"selection\":{\"name\":true}}}"
#define RENAME                                                                                                   \
    "{\"modelName\":\"Owner\",\"action\":\"updateMany\",\"query\":{\"arguments\":{\"data\":{\"name\":\"New\"}}," \
    "\"selection\":{\"count\":true}}}"
    buf_clear(&b->out);
    uint64_t before = statements(b);
    ok(ask_in(b, S("{\"batch\":[" FIND_1 "," FIND_2 "," RENAME "," FIND_1 "," FIND_2 "]}"), NULL));
    is_strz(
        buf_view(&b->out),
        "{\"batchResult\":[{\"data\":{\"findUniqueOwner\":{\"name\":\"Ann\"}}},{\"data\":{\"findUniqueOwner\":{\"name\":\"Bob\"}}},"
        "{\"data\":{\"updateManyOwner\":{\"count\":2}}},"
        "{\"data\":{\"findUniqueOwner\":{\"name\":\"New\"}}},{\"data\":{\"findUniqueOwner\":{\"name\":\"New\"}}}]}");
    ok(statements(b) - before == 3, "one statement on each side of the write");
}

static void test_in_transaction(bench *b)
{
    nicol_error err = {0};
    nicol_str id;
    ok(exec_tx_start(engine_exec(b->e), &(exec_tx_opts){0}, b->a, &id, &err));
    exec_tx *t = exec_tx_take(engine_exec(b->e), id, S(""), "query", b->a, &err);
    ok(t != NULL);
    buf_clear(&b->out);
    ok(ask_in(
        b,
        S("{\"modelName\":\"Thing\",\"action\":\"updateOne\",\"query\":{\"arguments\":{\"where\":{\"id\":1},\"data\":{\"b\":\"z\"}},\"selection\":{\"id\":true}}}"),
        t));
    static const char *const ids[] = {"{\"id\":1}", "{\"id\":3}"};
    uint64_t before = statements(b);
    ok(together(b, "findUnique", ids, 2, "{\"b\":true}", t));
    is_strz(
        buf_view(&b->out),
        "{\"batchResult\":[{\"data\":{\"findUniqueThing\":{\"b\":\"z\"}}},{\"data\":{\"findUniqueThing\":{\"b\":\"x\"}}}]}");
    ok(statements(b) - before == 1);
    exec_tx_give(t);
    ok(exec_tx_rollback(engine_exec(b->e), id, S(""), b->a, &err));
}

/* More keys than a statement binds: as JSON they are one value, else the statement is split. */
static void test_many(bench *b)
{
    enum { N = 9000 };
    for (int kind = 0; kind < 2; kind++) {
        buf_clear(&b->text);
        buf_clear(&b->out);
        buf_lit(&b->text, "{\"batch\":[");
        for (int i = 0; i < N; i++) {
            if (i > 0) buf_char(&b->text, ',');
            char where[160];
            if (kind == 0) snprintf(where, sizeof where, "{\"id\":%d}", i % 7);
            else
                snprintf(
                    where, sizeof where,
                    "{\"b_at\":{\"b\":\"%s\",\"at\":{\"$type\":\"DateTime\",\"value\":\"2024-01-02T03:04:05.678Z\"}}}",
                    i % 3 ? "x" : "none");
            put_one(&b->text, "findUnique", where, "{\"id\":true}");
        }
        buf_lit(&b->text, "]}");
        uint64_t before = statements(b);
        arena *keep = b->a;
        b->a = arena_new(b->out.m, (size_t)256 << 20);
        ok(b->a && ask_in(b, buf_view(&b->text), NULL));
        uint64_t took = statements(b) - before;
        ok(took == 1, "%d operations: %" PRIu64 " statements", N, took);
        size_t found = 0, at = 0;
        nicol_str out = buf_view(&b->out);
        while ((at = str_find(out, S("\"findUniqueThing\":{"), at)) != SIZE_MAX) {
            found++;
            at++;
        }
        size_t expected = 0;
        for (int i = 0; i < N; i++) expected += kind == 0 ? i % 7 >= 1 && i % 7 <= 5 : i % 3 != 0;
        ok(found == expected, "%zu of %d found, not %zu", expected, N, found);
        arena_free(b->a);
        b->a = keep;
    }
}

static void test_faults(void)
{
    static const char *const ids[] = {"{\"id\":3}", "{\"id\":1}", "{\"id\":99}"};
    FOR_EACH_FAULT(m, "lookup: a batch, twice") {
        bench b;
        bool good = begin(&b, m);
        for (int i = 0; good && i < 2; i++) {
            good = together(&b, "findUniqueOrThrow", ids, 3, "{\"id\":true,\"parts\":{\"selection\":{\"label\":true}}}",
                            NULL);
            if (good && !tap_faulted(m)) ok(b.out.len > 100);
        }
        end(&b);
    }
}

int main(void)
{
    bench b;
    if (!mkdtemp(dir)) return 1;
    snprintf(url, sizeof url, "file:%s/l.db", dir);
    fresh();
    ok(begin(&b, mem_default));
    test_keys(&b);
    test_selections(&b);
    test_apart(&b);
    test_many(&b);
    test_strategies(&b);
    test_in_transaction(&b);
    test_bad_row(&b);
    test_order(&b);
    end(&b);
    fresh();
    test_faults();
    remove_files();
    rmdir(dir);
    return done_testing();
}
