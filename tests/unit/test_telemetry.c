/* What a client sees of its own request: whole, valid JSON whatever memory there is, and bounded. */
#include "engine/engine.h"
#include "tap.h"
#include "json/json.h"

#define TRACE "2d4992c4f716e705f19ab257d178b5af"
#define SPAN "65f13aff4a69cf6c"
#define RAW(sql, args, types)                                                                               \
    "{\"operation\":\"queryRaw\",\"plan\":{\"type\":\"query\",\"args\":{\"type\":\"rawSql\",\"sql\":\"" sql \
    "\",\"args\":[" args "],\"argTypes\":[" types "]}},\"params\":{}}"
#define STRING "{\"arity\":\"scalar\",\"scalarType\":\"string\",\"dbType\":null}"
#define BYTES "{\"arity\":\"scalar\",\"scalarType\":\"bytes\",\"dbType\":null}"

static engine *open_engine(const mem *m, nicol_error *err)
{
    engine_opts o = {.m = m, .exec = {.db = {.url = S("file::memory:")}}};
    return engine_open(&o, err);
}

/* Runs a plan with telemetry; false when it was not answered. */
static bool run(engine *e, engine_telemetry *t, nicol_str body, arena *a, buf *out)
{
    nicol_error err = {0};
    engine_call call = {.a = a, .deadline_us = IO_NEVER, .telemetry = t};
    return engine_plan(e, body, &call, out, &err);
}

static json_val item(json_val list, uint32_t i)
{
    json_iter it = json_first(list);
    while (json_more(&it)) {
        if (i-- == 0) return it.value;
    }
    return (json_val){0};
}

static json_val extension(arena *a, const buf *out, json_doc *doc, const char *name)
{
    nicol_error err = {0};
    ok(json_parse(a, buf_view(out), 64, doc, &err), "the answer is JSON");
    return json_get(json_get(json_root(doc), S("extensions")), str_c(name));
}

static void test_asked(void)
{
    nicol_error err = {0};
    engine *e = open_engine(mem_default, &err);
    engine_telemetry t;
    static const struct {
        const char *asked;
        bool any, logs, spans;
    } rows[] = {
        {"", false, false, false},       {"error", false, false, false},        {"info, query", true, true, false},
        {"query", true, true, false},    {"tracing, error", true, false, true}, {"TRACING,QUERY", true, true, true},
        {"queryx", false, false, false}, {", ,,", false, false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool any = engine_telemetry_init(&t, e, str_c(rows[i].asked), (nicol_str){0});
        ok(any == rows[i].any && t.logs == rows[i].logs && t.spans == rows[i].spans, "asked for '%s'", rows[i].asked);
        if (any) engine_telemetry_free(&t);
    }
    static const char *const bad[] = {"", "00-" TRACE "-" SPAN, "00-00000000000000000000000000000000-" SPAN "-01",
                                      "00-" TRACE "-0000000000000000-01",
                                      "00-\"D4992C4F716E705F19AB257D178B5AF-" SPAN "-01"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ok(engine_telemetry_init(&t, e, S("tracing"), str_c(bad[i])), "init");
        ok(t.parent_id[0] == '\0' && strlen(t.trace_id) == 32 && !strstr(t.trace_id, "2d4992") &&
               !strchr(t.trace_id, '"'),
           "not taken: '%s'", bad[i]);
        engine_telemetry_free(&t);
    }
    ok(engine_telemetry_init(&t, e, S("tracing"), S("00-" TRACE "-" SPAN "-01")), "init");
    ok(strcmp(t.trace_id, TRACE) == 0 && strcmp(t.parent_id, SPAN) == 0, "a good one is taken");
    engine_telemetry_free(&t);
    engine_close(e);
}

static void test_entries(void)
{
    FOR_EACH_FAULT(m, "an answer with logs and spans") {
        nicol_error err = {0};
        arena *a = arena_new(m, 1 << 20);
        engine *e = open_engine(m, &err);
        buf out;
        buf_init(&out, m, 1 << 20);
        engine_telemetry t;
        bool have = e && a && engine_telemetry_init(&t, e, S("tracing, query"), S("00-" TRACE "-" SPAN "-01"));
        if (have &&
            run(e, &t, S(RAW("SELECT ? AS a, ? AS b", "\"x\\\"\\u00e9\",\"AQL/\"", STRING "," BYTES)), a, &out)) {
            engine_telemetry_span(&t, "commit_transaction", 0);
            engine_telemetry_put(&t, &out);
            json_doc doc;
            arena *b = arena_new(mem_default, 1 << 20);
            json_val logs = extension(b, &out, &doc, "logs");
            if (!tap_faulted(m)) {
                json_val log = item(logs, 0), attributes = json_get(log, S("attributes"));
                ok(json_count(logs) == 1 && json_is(json_get(attributes, S("query")), S("SELECT ? AS a, ? AS b")),
                   "the statement");
                ok(json_is(json_get(attributes, S("params")), S("[\"x\\\"\xc3\xa9\",\"AQL/\"]")),
                   "its arguments as JSON text");
                json_val spans = json_get(json_get(json_root(&doc), S("extensions")), S("spans"));
                ok(json_count(spans) == 2 && json_kind(json_get(item(spans, 0), S("parentId"))) == JSON_NULL,
                   "two spans, no parent");
                ok(json_is(json_get(item(spans, 1), S("name")), S("prisma:accelerate:commit_transaction")),
                   "ours by name");
                ok(json_is(json_get(item(spans, 0), S("parent_span_id")), S(SPAN)), "the client's span");
            }
            arena_free(b);
        }
        if (have) engine_telemetry_free(&t);
        buf_free(&out);
        engine_close(e);
        arena_free(a);
    }
}

static void test_limits(void)
{
    nicol_error err = {0};
    engine *e = open_engine(mem_default, &err);
    arena *a = arena_new(mem_default, 64 << 20);
    buf out, body;
    buf_init(&out, mem_default, 64 << 20);
    buf_init(&body, mem_default, 64 << 20);
    engine_telemetry t;
    ok(engine_telemetry_init(&t, e, S("tracing, query"), (nicol_str){0}), "init");
    /* Arguments past 64 KB are not told; the statement is. */
    buf_lit(
        &body,
        "{\"operation\":\"queryRaw\",\"plan\":{\"type\":\"query\",\"args\":{\"type\":\"rawSql\",\"sql\":\"SELECT length(?) AS n\",\"args\":[\"");
    for (size_t i = 0; i < 70000; i++) buf_char(&body, 'x');
    buf_lit(&body, "\"],\"argTypes\":[" STRING "]}},\"params\":{}}");
    ok(run(e, &t, buf_view(&body), a, &out), "a long argument");
    buf_clear(&out);
    /* Statements of 100 KB each: ten are kept, the rest is counted. */
    for (int i = 0; i < 15; i++) {
        buf_clear(&body);
        buf_clear(&out);
        buf_lit(
            &body,
            "{\"operation\":\"queryRaw\",\"plan\":{\"type\":\"query\",\"args\":{\"type\":\"rawSql\",\"sql\":\"SELECT 1 /*");
        for (size_t k = 0; k < 100000; k++) buf_char(&body, 'x');
        buf_lit(&body, "*/\",\"args\":[],\"argTypes\":[]}},\"params\":{}}");
        ok(run(e, &t, buf_view(&body), a, &out), "statement %d", i);
    }
    engine_telemetry_put(&t, &out);
    json_doc doc;
    json_val logs = extension(a, &out, &doc, "logs");
    uint32_t n = json_count(logs);
    ok(n == 12, "1 + 10 statements and a last entry: %u", n);
    ok(json_is(json_get(json_get(item(logs, 0), S("attributes")), S("params")), S("[\"too long to be shown\"]")),
       "cut arguments");
    ok(json_is(json_get(item(logs, n - 1), S("level")), S("warn")), "the last entry says that there were more");
    ok(out.len < ((size_t)4 << 20), "bounded: %zu", out.len);
    engine_telemetry_free(&t);

    /* An answer that leaves no room for it stays as it is. */
    buf small;
    buf_init(&small, mem_default, 64);
    buf_lit(&small, "{\"data\":1}");
    ok(engine_telemetry_init(&t, e, S("query"), (nicol_str){0}), "init");
    engine_telemetry_put(&t, &small);
    ok(!buf_failed(&small) && str_eq(buf_view(&small), S("{\"data\":1}")), "the answer matters more");
    engine_telemetry_free(&t);
    buf_free(&small);
    buf_free(&out);
    buf_free(&body);
    engine_close(e);
    arena_free(a);
}

int main(void)
{
    test_asked();
    test_entries();
    test_limits();
    return done_testing();
}
