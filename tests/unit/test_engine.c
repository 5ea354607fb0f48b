/* The engine's doors: both protocols from text to text, kept plans and shapes, schemas, the C functions; with every allocation
 * failing in turn. */
#include <stdlib.h>
#include <unistd.h>

#include "engine/engine.h"
#include "nicol/nicol.h"
#include "tap.h"

static const char schema_text[] =
    "datasource db {\n  provider = \"sqlite\"\n}\n"
    "model User {\n  id Int @id @default(autoincrement())\n  email String @unique\n  age Int?\n  posts Post[]\n}\n"
    "model Post {\n  id Int @id @default(autoincrement())\n  title String\n  author User @relation(fields: [authorId], references: [id])\n"
    "  authorId Int\n}\n";
static const char ddl[] =
    "CREATE TABLE \"User\" (\"id\" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, \"email\" TEXT NOT NULL, \"age\" INTEGER);"
    "CREATE UNIQUE INDEX \"User_email_key\" ON \"User\"(\"email\");"
    "CREATE TABLE \"Post\" (\"id\" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, \"title\" TEXT NOT NULL, \"authorId\" INTEGER NOT NULL,"
    " CONSTRAINT \"Post_authorId_fkey\" FOREIGN KEY (\"authorId\") REFERENCES \"User\" (\"id\"));";

static char dir[] = "/tmp/nicol-test-engine-XXXXXX";
static char url[128];

#define CREATE(email, age)                                                                                    \
    "{\"modelName\":\"User\",\"action\":\"createOne\",\"query\":{\"arguments\":{\"data\":{\"email\":\"" email \
    "\",\"age\":" age "}},\"selection\":{\"$scalars\":true}}}"
#define FIND(where)                                                                              \
    "{\"modelName\":\"User\",\"action\":\"findMany\",\"query\":{\"arguments\":{\"where\":" where \
    "},\"selection\":{\"email\":true}}}"

/* --- a database of its own for each test ---------------------------------------------------------------------------- */

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
    buf out;
    nicol_error err;
    bool failed;
} bench;

static bool begin(bench *b, const mem *m)
{
    *b = (bench){.a = arena_new(m, 16 << 20)};
    buf_init(&b->out, m, 1 << 20);
    if (!b->a) return false;
    engine_opts o = {
        .m = m, .plan_cache_max = 4, .schemas_max = 2, .exec = {.db = {.url = str_c(url), .sync_normal = true}}};
    schema_file file = {.path = S("schema.prisma"), .text = str_c(schema_text)};
    b->e = engine_open(&o, &b->err);
    return b->e && engine_schema_add(b->e, S("own"), &file, 1, b->a, NULL, &b->s, &b->err);
}

static void end(bench *b)
{
    engine_close(b->e);
    buf_free(&b->out);
    arena_free(b->a);
}

static nicol_str ask(bench *b, const char *text)
{
    buf_clear(&b->out);
    err_clear(&b->err);
    engine_call call = {.a = b->a, .deadline_us = IO_NEVER};
    if (!engine_query(b->e, b->s, str_c(text), &call, &b->out, &b->failed, &b->err)) return S("");
    return buf_view(&b->out);
}

static nicol_str run_plan(bench *b, const char *text)
{
    buf_clear(&b->out);
    err_clear(&b->err);
    engine_call call = {.a = b->a, .deadline_us = IO_NEVER};
    if (!engine_plan(b->e, str_c(text), &call, &b->out, &b->err)) return S("");
    return buf_view(&b->out);
}

/* --- the JSON protocol ---------------------------------------------------------------------------------------------- */

static void test_json_door(void)
{
    bench b;
    engine_figures f;
    fresh();
    ok(begin(&b, mem_default));
    is_strz(ask(&b, CREATE("a@x.io", "3")), "{\"data\":{\"createOneUser\":{\"id\":1,\"email\":\"a@x.io\",\"age\":3}}}");
    is_strz(ask(&b, CREATE("b@x.io", "null")),
            "{\"data\":{\"createOneUser\":{\"id\":2,\"email\":\"b@x.io\",\"age\":null}}}");
    is_strz(ask(&b, FIND("{\"age\":3}")), "{\"data\":{\"findManyUser\":[{\"email\":\"a@x.io\"}]}}");
    is_strz(ask(&b, FIND("{\"age\":4}")), "{\"data\":{\"findManyUser\":[]}}");
    is_strz(ask(&b, FIND("{\"age\":null}")), "{\"data\":{\"findManyUser\":[{\"email\":\"b@x.io\"}]}}");
    is_strz(ask(&b, FIND("{\"email\":{\"in\":[\"a@x.io\",\"b@x.io\"]}}")),
            "{\"data\":{\"findManyUser\":[{\"email\":\"a@x.io\"},{\"email\":\"b@x.io\"}]}}");
    engine_get_figures(b.e, &f);
    ok(f.shape_hits >= 1, "the second request of a shape finds its plan");
    ask(&b, CREATE("a@x.io", "5"));
    ok(b.failed && str_find(buf_view(&b.out), S("\"error_code\":\"P2002\""), 0) != SIZE_MAX,
       "a user error is an answer");
    ask(&b, FIND("{\"nope\":1}"));
    ok(b.failed && str_find(buf_view(&b.out), S("\"error_code\":\"P2009\""), 0) != SIZE_MAX,
       "so is a mistake in the query");
    ask(&b,
        "{\"modelName\":\"User\",\"action\":\"findFirst\",\"query\":{\"arguments\":{\"take\":3},\"selection\":{\"id\":true}}}");
    ok(str_find(buf_view(&b.out), S("\"meta\":{\"details\":\"The 'findFirst' operation"), 0) != SIZE_MAX &&
           str_find(buf_view(&b.out), S("\"error_code\":\"P2019\""), 0) != SIZE_MAX,
       "a mistake that the compiler finds has its details: %.*s", STR_FMT(buf_view(&b.out)));
    ask(&b,
        "{\"modelName\":\"User\",\"action\":\"findMany\",\"query\":{\"arguments\":{\"skip\":-3},\"selection\":{\"id\":true}}}");
    ok(str_find(buf_view(&b.out), S("Value can only be positive, found: -3"), 0) != SIZE_MAX &&
           str_find(buf_view(&b.out), S("error_code"), 0) == SIZE_MAX,
       "without a validation tree no code that promises one: %.*s", STR_FMT(buf_view(&b.out)));
    is_strz(ask(&b, "{\"batch\":["), "");
    is_err(&b.err, NICOL_E_BAD_JSON);
    ask(&b, "7");
    ok(b.failed, "a number is no request");
    end(&b);
}

/* Values that must not be taken for one another although their requests have one structure. */
static void test_shapes(void)
{
    bench b;
    fresh();
    ok(begin(&b, mem_default));
    ask(&b, CREATE("a@x.io", "1"));
    ask(&b, CREATE("b@x.io", "2"));
    for (int round = 0; round < 2; round++) {
        is_strz(
            ask(&b,
                "{\"modelName\":\"User\",\"action\":\"findMany\",\"query\":{\"arguments\":{\"take\":1,\"orderBy\":{\"id\":\"asc\"}},"
                "\"selection\":{\"id\":true}}}"),
            "{\"data\":{\"findManyUser\":[{\"id\":1}]}}");
        is_strz(
            ask(&b,
                "{\"modelName\":\"User\",\"action\":\"findMany\",\"query\":{\"arguments\":{\"take\":2,\"orderBy\":{\"id\":\"asc\"}},"
                "\"selection\":{\"id\":true}}}"),
            "{\"data\":{\"findManyUser\":[{\"id\":1},{\"id\":2}]}}");
        is_strz(
            ask(&b,
                "{\"modelName\":\"User\",\"action\":\"findMany\",\"query\":{\"arguments\":{\"take\":1,\"orderBy\":{\"id\":\"desc\"}},"
                "\"selection\":{\"id\":true}}}"),
            "{\"data\":{\"findManyUser\":[{\"id\":2}]}}");
        is_strz(
            ask(&b,
                "{\"modelName\":\"Post\",\"action\":\"findMany\",\"query\":{\"arguments\":{\"take\":1,\"orderBy\":{\"id\":\"desc\"}},"
                "\"selection\":{\"id\":true}}}"),
            "{\"data\":{\"findManyPost\":[]}}");
    }
    /* A value of another type in a known shape is checked as the first was. */
    is_strz(ask(&b, FIND("{\"age\":1}")), "{\"data\":{\"findManyUser\":[{\"email\":\"a@x.io\"}]}}");
    ask(&b, FIND("{\"age\":\"1\"}"));
    ok(b.failed, "text is no Int");
    /* In a batch the same shape stands elsewhere in the text. */
    is_strz(
        ask(&b, "{\"batch\":[" FIND("{\"age\":2}") "," FIND("{\"age\":1}") "]}"),
        "{\"batchResult\":[{\"data\":{\"findManyUser\":[{\"email\":\"b@x.io\"}]}},{\"data\":{\"findManyUser\":[{\"email\":\"a@x.io\"}]}}]}");
    engine_figures f;
    engine_get_figures(b.e, &f);
    ok(f.plans <= 4, "no more plans are kept than the limit says (%u)", f.plans);
    end(&b);
}

/* Requests whose texts differ in values only are compared with the first of them instead of parsed. More forms than are kept,
 * in turns, and values that another form would take. */
static void test_texts(void)
{
    static const char *const wheres[][3] = {{"{\"id\":", "}", NULL},
                                            {"{\"age\":", "}", NULL},
                                            {"{\"id\":{\"gte\":", ",\"lte\":", "}}"},
                                            {"{\"OR\":[{\"id\":", "},{\"age\":", "}]}"},
                                            {"{\"AND\":[{\"id\":", "},{\"age\":", "}]}"},
                                            {"{\"age\":{\"in\":[", ",", "]}}"}};
    bench b;
    engine_figures f;
    char where[128], text[512], email[64], want[128];
    fresh();
    ok(begin(&b, mem_default));
    for (int i = 1; i <= 9; i++) {
        snprintf(email, sizeof email, "u%d@x.io", i);
        snprintf(text, sizeof text, CREATE("%s%d@x.io", "%d"), i % 3 ? "u" : "\\u0075", i, i);
        snprintf(want, sizeof want, "{\"data\":{\"createOneUser\":{\"id\":%d,\"email\":\"%s\",\"age\":%d}}}", i, email,
                 i);
        is_strz(ask(&b, text), want);
    }
    engine_get_figures(b.e, &f);
    is_int(f.shape_misses, 1);
    for (int round = 1; round <= 9; round++) {
        snprintf(want, sizeof want, "{\"data\":{\"findManyUser\":[{\"email\":\"u%d@x.io\"}]}}", round);
        for (size_t i = 0; i < sizeof wheres / sizeof *wheres; i++) {
            const char *const *w = wheres[i];
            if (w[2]) snprintf(where, sizeof where, "%s%d%s%d%s", w[0], round, w[1], round, w[2]);
            else snprintf(where, sizeof where, "%s%d%s", w[0], round, w[1]);
            snprintf(text, sizeof text, FIND("%s"), where);
            is_strz(ask(&b, text), want);
        }
    }
    ask(&b, FIND("{\"id\":99999999999999999999}"));
    ok(b.failed, "a value of the wrong kind is told as ever: %.*s", STR_FMT(buf_view(&b.out)));
    is_strz(ask(&b, FIND("{\"id\":2}") " "), "{\"data\":{\"findManyUser\":[{\"email\":\"u2@x.io\"}]}}");
    ask(&b, FIND("{\"id\":2}") "x");
    is_err(&b.err, NICOL_E_BAD_JSON);
    end(&b);
}

static void test_batches(void)
{
    bench b;
    fresh();
    ok(begin(&b, mem_default));
    ask(&b, "{\"batch\":[" CREATE("a@x.io", "1") "," CREATE("a@x.io", "2") "," CREATE("b@x.io", "3") "]}");
    ok(str_find(buf_view(&b.out), S("P2002"), 0) != SIZE_MAX && str_find(buf_view(&b.out), S("b@x.io"), 0) != SIZE_MAX,
       "operations of a plain batch fail alone");
    ask(&b, "{\"transaction\":{},\"batch\":[" CREATE("c@x.io", "1") "," CREATE("a@x.io", "2") "]}");
    ok(b.failed && str_find(buf_view(&b.out), S("\"batch_request_idx\":1"), 0) != SIZE_MAX, "the failing one is named");
    is_strz(ask(&b, FIND("{\"email\":\"c@x.io\"}")), "{\"data\":{\"findManyUser\":[]}}");
    is_strz(ask(&b, "{\"transaction\":{},\"batch\":[]}"), "{\"batchResult\":[]}");
    ask(&b, "{\"transaction\":{\"isolationLevel\":\"Nope\"},\"batch\":[]}");
    ok(b.failed, "an unknown isolation level is refused");
    end(&b);
}

/* --- the plan protocol ---------------------------------------------------------------------------------------------- */

#define PLAN                                                                                                                                    \
    "{\"type\":\"dataMap\",\"args\":{\"expr\":{\"type\":\"query\",\"args\":{\"type\":\"templateSql\",\"fragments\":[{\"type\":\"stringChunk\"," \
    "\"chunk\":\"SELECT id, email FROM User WHERE age = \"},{\"type\":\"parameter\"}],\"placeholderFormat\":{\"prefix\":\"?\","                 \
    "\"hasNumbering\":false},\"args\":[{\"prisma__type\":\"param\",\"prisma__value\":{\"name\":\"%1\",\"type\":\"Int\"}}],"                     \
    "\"argTypes\":[{\"arity\":\"scalar\",\"scalarType\":\"int\",\"dbType\":null}],\"chunkable\":true}},\"structure\":{\"type\":"                \
    "\"object\",\"serializedName\":null,\"skipNulls\":false,\"fields\":{\"email\":{\"type\":\"field\",\"dbName\":\"email\","                    \
    "\"fieldType\":{\"arity\":\"scalar\",\"type\":\"string\"}}}},\"enums\":{}}}"

static void test_plan_door(void)
{
    bench b;
    engine_figures f;
    fresh();
    ok(begin(&b, mem_default));
    ask(&b, CREATE("a@x.io", "1"));
    is_strz(run_plan(&b, "{\"plan\":" PLAN ",\"params\":{\"%1\":1}}"), "{\"data\":[{\"email\":\"a@x.io\"}]}");
    is_strz(run_plan(&b, "{\"plan\":" PLAN ",\"params\":{\"other\":0,\"%1\":2}}"), "{\"data\":[]}");
    engine_get_figures(b.e, &f);
    is_int(f.plan_hits, 1);
    is_int(f.plan_misses, 1);
    is_strz(run_plan(&b, "{\"plan\":" PLAN ",\"params\":{\"%1\":2}}"), "{\"data\":[]}");
    is_strz(run_plan(&b, "{\"plan\":" PLAN ",\"params\":{\"%1\":1}}"), "{\"data\":[{\"email\":\"a@x.io\"}]}");
    is_strz(run_plan(&b, "{\"plan\":" PLAN ",\"params\":{\"%1\":1}"), "");
    is_err(&b.err, NICOL_E_BAD_JSON);
    engine_get_figures(b.e, &f);
    is_int(f.plan_hits, 3);
    is_strz(run_plan(&b, "{\"plan\":" PLAN ",\"params\":{\"%1\":1},\"comments\":{\"b\":\"*/ DROP\",\"a\":\"it's\"}}"),
            "{\"data\":[{\"email\":\"a@x.io\"}]}");
    is_strz(run_plan(&b, "{\"plan\":" PLAN "}"), "");
    ok(str_find(b.err.message, S("%1"), 0) != SIZE_MAX, "a missing parameter is named: %.*s", STR_FMT(b.err.message));
    is_strz(run_plan(&b, "{\"plan\":{\"type\":\"nope\"}}"), "");
    is_err(&b.err, NICOL_E_BAD_PLAN);
    is_strz(run_plan(&b, "{\"plan\":7}"), "");
    is_err(&b.err, NICOL_E_BAD_PLAN);
    is_strz(run_plan(&b, "{\"plan\":{\"type\":\"unit\"}}"), "{}");
    buf_clear(&b.out);
    nicol_error e = {0};
    nicol_fail(&e, NICOL_E_QUERY_INVALID, "x");
    engine_put_error_v7(&e, &b.out);
    ok(str_find(buf_view(&b.out), S("P2009"), 0) == SIZE_MAX, "version 7 clients never see P2009: it would crash them");
    end(&b);
}

/* --- schemas -------------------------------------------------------------------------------------------------------- */

static void test_schemas(void)
{
    bench b;
    fresh();
    ok(begin(&b, mem_default));
    schema_file good = {.path = S("a"), .text = str_c(schema_text)}, bad = {.path = S("b"), .text = S("model {")};
    schema_file other = {.path = S("c"),
                         .text = S("datasource db {\n  provider = \"postgresql\"\n}\nmodel A {\n  id Int @id\n}\n")};
    schema_diags diags = {0};
    engine_schema *out = NULL;
    ok(!engine_schema_add(b.e, S("bad"), &bad, 1, b.a, &diags, NULL, &b.err) && diags.n > 0,
       "a schema with mistakes is refused");
    err_clear(&b.err);
    ok(!engine_schema_add(b.e, S("other"), &other, 1, b.a, &diags, NULL, &b.err), "so is one of another database");
    ok(str_find(b.err.message, S("provider"), 0) != SIZE_MAX, "and it is said why: %.*s", STR_FMT(b.err.message));
    err_clear(&b.err);
    engine_schema_set_own(b.e, b.s);
    for (int i = 0; i < 5; i++) {
        char hash[8];
        snprintf(hash, sizeof hash, "h%d", i);
        ok(engine_schema_add(b.e, str_c(hash), &good, 1, b.a, &diags, &out, &b.err), "upload %d", i);
    }
    ok(engine_schema_take(b.e, S("h0")) == NULL, "the oldest upload went");
    engine_schema *kept = engine_schema_take(b.e, S("h4")), *own = engine_schema_take(b.e, S("own"));
    ok(kept && own == b.s, "the newest and the server's own are there");
    ok(!engine_schema_add(b.e, S("h9"), &good, 1, b.a, &diags, &out, &b.err) || engine_schema_take(b.e, S("h4")),
       "one in use never goes");
    err_clear(&b.err);
    int64_t rows = -1;
    ok(engine_count(b.e, schema_model_get(engine_schema_model(b.s), S("User")), b.a, &rows, &b.err), "count");
    is_int(rows, 0);
    b.s = NULL; /* raw SQL needs no schema: the readiness probe has none */
    is_strz(
        ask(&b,
            "{\"action\":\"queryRaw\",\"query\":{\"arguments\":{\"query\":\"SELECT 1 AS a\",\"parameters\":\"[]\"},\"selection\":{}}}"),
        "{\"data\":{\"queryRaw\":{\"columns\":[\"a\"],\"types\":[\"bigint\"],\"rows\":[[\"1\"]]}}}");
    ask(&b, FIND("{}"));
    ok(b.failed, "a model without a schema is a mistake");
    end(&b);
}

/* --- the C functions ------------------------------------------------------------------------------------------------ */

static nicol_result *q(nicol_db *db, nicol_tx *tx, const char *text)
{
    return nicol_query_in(db, tx, text, strlen(text));
}

static void test_nested_rows(nicol_db *db)
{
    nicol_str s = {0};
    nicol_result *r = q(
        db, NULL,
        "{\"modelName\":\"User\",\"action\":\"createOne\",\"query\":{\"arguments\":{\"data\":{\"email\":\"n@x.io\",\"posts\":"
        "{\"create\":[{\"title\":\"one\"},{\"title\":\"two\"}]}}},\"selection\":{\"id\":true,"
        "\"posts\":{\"selection\":{\"title\":true,\"author\":{\"selection\":{\"email\":true}}}}}}}");
    nicol_rows rows = nicol_result_rows(r);
    ok(nicol_rows_next(&rows));
    nicol_rows posts = nicol_row_rows(&rows, "posts");
    ok(nicol_rows_next(&posts) && nicol_row_text(&posts, "title", &s));
    is_strz(s, "one");
    ok(nicol_rows_next(&posts) && nicol_row_text(&posts, "author.email", &s));
    is_strz(s, "n@x.io");
    nicol_rows author = nicol_row_rows(&posts, "author");
    ok(nicol_rows_next(&author) && nicol_row_text(&author, "email", &s) && !nicol_rows_next(&author));
    ok(!nicol_rows_next(&posts) && !nicol_rows_next(&rows));
    nicol_free(r);
}

static void test_c_door(void)
{
    fresh();
    nicol_open_opts o = {.size = sizeof o, .schema_text = schema_text, .url = url, .sync_normal = true};
    nicol_db *db = nicol_open(&o);
    ok(db && nicol_ok(db));
    nicol_result *r = q(db, NULL, CREATE("a@x.io", "41"));
    ok(r != NULL);
    nicol_rows rows = nicol_result_rows(r);
    int64_t n = 0;
    double d = 0;
    nicol_str s = {0};
    ok(nicol_rows_next(&rows) && nicol_row_int(&rows, "age", &n) && n == 41);
    ok(nicol_row_double(&rows, "age", &d) && d == 41 && nicol_row_text(&rows, "age", &s));
    is_strz(s, "41");
    ok(nicol_row_text(&rows, "email", &s));
    is_strz(s, "a@x.io");
    ok(!nicol_row_int(&rows, "email", &n) && !nicol_row_text(&rows, "nope", &s) && !nicol_row_is_null(&rows, "nope"));
    ok(!nicol_rows_next(&rows), "one object is one row");
    ok(nicol_result_json(r).ptr[nicol_result_json(r).len] == '\0', "the text ends with a NUL");
    nicol_free(r);

    ok(q(db, NULL, CREATE("a@x.io", "1")) == NULL && !nicol_ok(db));
    is_z(nicol_error_code(nicol_last_error(db)), "P2002");
    nicol_tx *tx = nicol_begin(db, NICOL_ISOLATION_DEFAULT, 5000);
    ok(tx != NULL);
    nicol_free(q(db, tx, CREATE("b@x.io", "null")));
    r = q(db, tx, FIND("{}"));
    rows = nicol_result_rows(r);
    for (n = 0; nicol_rows_next(&rows);) n++;
    is_int(n, 2);
    nicol_free(r);
    ok(nicol_rollback(db, tx), "rolled back");
    r = q(
        db, NULL,
        "{\"modelName\":\"User\",\"action\":\"updateMany\",\"query\":{\"arguments\":{\"data\":{\"age\":null}},\"selection\":{\"count\":true}}}");
    ok(nicol_result_count(r, &n) && n == 1);
    nicol_free(r);
    r = q(
        db, NULL,
        "{\"modelName\":\"User\",\"action\":\"findFirst\",\"query\":{\"arguments\":{},\"selection\":{\"$scalars\":true,"
        "\"posts\":{\"selection\":{\"id\":true}}}}}");
    rows = nicol_result_rows(r);
    ok(nicol_rows_next(&rows) && nicol_row_is_null(&rows, "age") && !nicol_row_int(&rows, "age", &n));
    nicol_rows posts = nicol_row_rows(&rows, "posts");
    ok(!nicol_rows_next(&posts), "an empty list has no rows");
    posts = nicol_row_rows(&rows, "nope");
    ok(!nicol_rows_next(&posts), "what is not there has none");
    nicol_free(r);
    test_nested_rows(db);
    tx = nicol_begin(db, NICOL_ISOLATION_DEFAULT, 0);
    nicol_free(q(db, tx, CREATE("left@x.io", "1")));
    nicol_close(db); /* with a transaction open: it is rolled back, nothing leaks */

    db = nicol_open(&o);
    r = q(db, NULL, FIND("{\"email\":\"left@x.io\"}"));
    is_strz(nicol_result_json(r), "{\"data\":{\"findManyUser\":[]}}");
    nicol_free(r);
    nicol_close(db);

    o.url = "file:/nowhere/at/all.db";
    db = nicol_open(&o);
    ok(db && !nicol_ok(db) && q(db, NULL, FIND("{}")) == NULL && nicol_begin(db, NICOL_ISOLATION_DEFAULT, 0) == NULL);
    ok(str_find(nicol_last_error(db)->message, S("/nowhere/at/all.db"), 0) != SIZE_MAX,
       "the error names the file: %.*s", STR_FMT(nicol_last_error(db)->message));
    nicol_close(db);
    db = nicol_open(&(nicol_open_opts){.size = 3});
    ok(db && !nicol_ok(db), "a struct of a wrong size is refused");
    nicol_close(db);
    db = nicol_open(&(nicol_open_opts){.size = sizeof o, .schema_text = "model {", .url = url});
    ok(db && !nicol_ok(db), "a schema with mistakes is refused");
    nicol_close(db);
    nicol_close(NULL);
    nicol_free(NULL);
}

/* --- faults --------------------------------------------------------------------------------------------------------- */

static void test_faults(void)
{
    fresh();
    FOR_EACH_FAULT(m, "engine: open, both doors, batches") {
        bench b;
        if (begin(&b, m)) {
            nicol_str answer = ask(&b, FIND("{\"age\":77}"));
            ok(b.failed || err_is(&b.err) || str_eq(answer, S("{\"data\":{\"findManyUser\":[]}}")),
               "right, or an error");
            ask(&b, FIND("{\"age\":78}"));
            ask(&b, "{\"transaction\":{},\"batch\":[" FIND("{\"age\":1}") "," FIND("{\"age\":2}") "]}");
            run_plan(&b, "{\"plan\":" PLAN ",\"params\":{\"%1\":1},\"comments\":{\"a\":\"b\"}}");
            run_plan(&b, "{\"plan\":" PLAN ",\"params\":{\"%1\":2}}");
        }
        end(&b);
    }
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    snprintf(url, sizeof url, "file:%s/t.db", dir);
    test_json_door();
    test_shapes();
    test_texts();
    test_batches();
    test_plan_door();
    test_schemas();
    test_c_door();
    test_faults();
    remove_files();
    rmdir(dir);
    return done_testing();
}
