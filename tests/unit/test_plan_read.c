/* The reader of version 7 plans: every recorded plan of every dialect, plans that must be refused with the place, names
 * and slots, and all of it with memory that fails. */
#include "tap.h"

#include <dirent.h>

#include "plan/plan.h"

/* --- recorded plans ------------------------------------------------------------------------------------------------- */

static char *slurp_gz(const char *path, size_t *len)
{
    char cmd[1400];
    snprintf(cmd, sizeof cmd, "gzip -dc '%s'", path);
    FILE *f = popen(cmd, "r");
    char *text = NULL;
    size_t cap = 0;
    *len = 0;
    while (f) {
        if (cap - *len < 65536) text = realloc(text, cap += 1 << 20);
        size_t n = text ? fread(text + *len, 1, 65536, f) : 0;
        if (n == 0) break;
        *len += n;
    }
    if (f) pclose(f);
    return text;
}

static int read_lines(const char *name, nicol_str text)
{
    int plans = 0, bad = 0;
    buf shown;
    buf_init(&shown, mem_default, 1 << 24);
    while (text.len) {
        nicol_str line = str_trim(str_cut(&text, '\n'));
        if (line.len == 0) continue;
        arena *a = arena_new(mem_default, 64 << 20);
        json_doc doc;
        nicol_error err = {0};
        plan *p = NULL;
        if (json_parse(a, line, NICOL_JSON_DEPTH_MAX, &doc, &err))
            p = plan_read(json_get(json_root(&doc), S("plan")), mem_default, &err);
        if (!p) {
            diag("%s: %.*s", name, STR_FMT(err.message));
            bad++;
        } else {
            buf_clear(&shown);
            plan_print(p, &shown);
            if (shown.len < 10 || buf_failed(&shown)) bad++;
            val params[64];
            if (p->params_n <= 64 && !plan_take_params(p, json_get(json_root(&doc), S("params")), a, params, &err))
                bad++;
        }
        plan_free(p);
        arena_free(a);
        plans++;
    }
    buf_free(&shown);
    ok(bad == 0 && plans > 60, "%s: %d plans", name, plans);
    return plans;
}

static void test_census(void)
{
    const char *root = getenv("NICOL_SOURCE");
    char dir[1000];
    snprintf(dir, sizeof dir, "%s/tests/corpus/census", root ? root : ".");
    DIR *d = opendir(dir);
    if (!ok(d != NULL, "the recorded plans are there")) return;
    int total = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (!strstr(e->d_name, ".jsonl.gz")) continue;
        char path[1300];
        size_t len;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        char *text = slurp_gz(path, &len);
        total += read_lines(e->d_name, (nicol_str){text, len});
        free(text);
    }
    closedir(d);
    ok(total > 850, "%d plans in all", total);
}

/* --- by hand -------------------------------------------------------------------------------------------------------- */

static plan *read_text(const char *text, const mem *m, nicol_error *err)
{
    arena *a = arena_new(mem_default, 16 << 20);
    json_doc doc;
    plan *p = NULL;
    if (json_parse(a, str_c(text), NICOL_JSON_DEPTH_MAX, &doc, err)) p = plan_read(json_root(&doc), m, err);
    arena_free(a);
    return p;
}

static void refused(const char *text, const char *message)
{
    nicol_error err = {0};
    plan *p = read_text(text, mem_default, &err);
    ok(!p, "refused: %.60s", text);
    is_err(&err, NICOL_E_BAD_PLAN);
    is_strz(err.message, message);
    plan_free(p);
}

#define Q(args, types) \
    "{\"type\":\"query\",\"args\":{\"type\":\"rawSql\",\"sql\":\"SELECT 1\",\"args\":" args ",\"argTypes\":" types "}}"

static void test_bad(void)
{
    refused("[]", "plan: expected a node, found a list");
    refused("{}", "plan: 'type' must be a string, found nothing");
    refused("{\"type\":\"zap\"}", "plan: unknown node type 'zap'");
    refused(
        "{\"type\":\"let\",\"args\":{\"bindings\":[{\"name\":\"a\",\"expr\":{\"type\":\"x\"}}],\"expr\":{\"type\":\"unit\"}}}",
        "plan.args.bindings[0].expr: unknown node type 'x'");
    refused("{\"type\":\"unique\"}", "plan.args: expected a node, found nothing");
    refused("{\"type\":\"seq\",\"args\":[{\"type\":\"unit\"},5]}", "plan.args[1]: expected a node, found a number");
    refused("{\"type\":\"get\",\"args\":{\"name\":5}}", "plan.args: 'name' must be a string, found a number");
    refused("{\"type\":\"value\"}", "plan.args: expected a value, found nothing");
    refused(
        "{\"type\":\"value\",\"args\":{\"prisma__type\":\"generatorCall\",\"prisma__value\":{\"name\":\"uuid\",\"args\":[5]}}}",
        "plan.args: unknown generator 'uuid', or its arguments are wrong");
    refused("{\"type\":\"value\",\"args\":{\"prisma__type\":\"what\",\"prisma__value\":\"x\"}}",
            "plan.args: unknown value type 'what', or its value does not fit");
    refused(
        "{\"type\":\"if\",\"args\":{\"value\":{\"type\":\"unit\"},\"rule\":{\"type\":\"odd\"},\"then\":{\"type\":\"unit\"},\"else\":{\"type\":\"unit\"}}}",
        "plan.args.rule: unknown rule 'odd'");
    refused(
        "{\"type\":\"dataMap\",\"args\":{\"expr\":{\"type\":\"unit\"},\"structure\":{\"type\":\"object\",\"fields\":{\"a\":{\"type\":\"field\","
        "\"dbName\":\"a\",\"fieldType\":{\"type\":\"quux\"}}}}}}",
        "plan.args.structure.fields.a: unknown field type 'quux'");
    refused(Q("[1]", "[]"), "plan.args: 1 arguments, but types for 0");
    refused(
        "{\"type\":\"query\",\"args\":{\"type\":\"templateSql\",\"fragments\":[{\"type\":\"parameter\"}],\"args\":[],\"argTypes\":[],"
        "\"placeholderFormat\":{\"prefix\":\"?\",\"hasNumbering\":false}}}",
        "plan.args: Malformed query template. The fragments take 1 arguments, 0 are given");
    refused(
        "{\"type\":\"join\",\"args\":{\"parent\":{\"type\":\"unit\"},\"children\":[{\"child\":{\"type\":\"unit\"},\"on\":[[\"a\"]],\"parentField\":\"x\"}]}}",
        "plan.args.children[0].on[0]: expected a pair of column names, found 1");
    refused(
        "{\"type\":\"process\",\"args\":{\"expr\":{\"type\":\"unit\"},\"operations\":{\"pagination\":{\"take\":-1}}}}",
        "plan.args.operations.pagination: 'take' must be a whole number of at least 0");
    refused(
        "{\"type\":\"mapRecord\",\"args\":{\"expr\":{\"type\":\"unit\"},\"fields\":{\"n\":{\"type\":\"pow\",\"value\":1}}}}",
        "plan.args.fields.n: unknown field operation 'pow'");
}

static void test_depth(void)
{
    nicol_error err = {0};
    char text[20000];
    size_t n = 0;
    /* JSON's own limit holds first. */
    for (int i = 0; i < 130; i++) n += (size_t)snprintf(text + n, sizeof text - n, "{\"type\":\"unique\",\"args\":");
    ok(!read_text(text, mem_default, &err), "nested too deep");
    ok(err.code == NICOL_E_LIMIT || err.code == NICOL_E_BAD_JSON, "depth is a limit");
    n = 0;
    for (int i = 0; i < 120; i++) n += (size_t)snprintf(text + n, sizeof text - n, "{\"type\":\"unique\",\"args\":");
    n += (size_t)snprintf(text + n, sizeof text - n, "{\"type\":\"unit\"}");
    for (int i = 0; i < 120; i++) n += (size_t)snprintf(text + n, sizeof text - n, "}");
    err_clear(&err);
    plan *p = read_text(text, mem_default, &err);
    ok(p != NULL, "120 levels are fine");
    plan_free(p);
}

#define GET(name) "{\"type\":\"get\",\"args\":{\"name\":\"" name "\"}}"

static void test_names(void)
{
    nicol_error err = {0};
    /* a shadows itself; b sees the first a; c is a parameter */
    plan *p = read_text(
        "{\"type\":\"let\",\"args\":{\"bindings\":[{\"name\":\"a\",\"expr\":{\"type\":\"value\",\"args\":1}},"
        "{\"name\":\"b\",\"expr\":" GET("a") "},{\"name\":\"a\",\"expr\":" GET(
            "a") "}],"
                 "\"expr\":{\"type\":\"seq\",\"args\":[" GET("a") "," GET("b") "," GET("c") "," GET("c") "]}}}",
        mem_default, &err);
    no_err(&err);
    if (!p) return;
    const plan_node *let = p->root, *seq = let->u.let.expr;
    is_int(p->slots_n, 3);
    is_int(p->params_n, 1);
    is_strz(p->params[0], "c");
    is_int(let->u.let.v[1].expr->u.get.slot, 0);
    is_int(let->u.let.v[2].expr->u.get.slot, 0);
    is_int(seq->u.list.v[0]->u.get.slot, 2);
    is_int(seq->u.list.v[1]->u.get.slot, 1);
    is_int(seq->u.list.v[2]->u.get.slot, PLAN_PARAM_SLOT);
    is_int(seq->u.list.v[3]->u.get.slot, PLAN_PARAM_SLOT);
    plan_free(p);
    /* A name is not seen past its let. */
    p = read_text(
        "{\"type\":\"seq\",\"args\":[{\"type\":\"let\",\"args\":{\"bindings\":[{\"name\":\"a\",\"expr\":{\"type\":\"unit\"}}],\"expr\":" GET(
            "a") "}}," GET("a") "]}",
        mem_default, &err);
    is_int(p ? p->root->u.list.v[1]->u.get.slot : 0, PLAN_PARAM_SLOT);
    plan_free(p);
}

static void is_reads(const char *sql, bool reads)
{
    char text[500];
    nicol_error err = {0};
    snprintf(text, sizeof text,
             "{\"type\":\"query\",\"args\":{\"type\":\"rawSql\",\"sql\":\"%s\",\"args\":[],\"argTypes\":[]}}", sql);
    plan *p = read_text(text, mem_default, &err);
    ok(p && p->root->u.stmt->reads == reads && p->writes == !reads && p->raw_query, "%s: %s", sql,
       reads ? "reads" : "may write");
    plan_free(p);
}

static void test_statements(void)
{
    is_reads("SELECT 1", true);
    is_reads(" /* c */ -- d\\n ( select 1)", true);
    is_reads("values (1)", true);
    is_reads("selects", false);
    is_reads("INSERT INTO t SELECT 1", false);
    is_reads("WITH x AS (SELECT 1) DELETE FROM t", false);
    is_reads("-- SELECT", false);
    is_reads("", false);
    nicol_error err = {0};
    plan *p = read_text(
        "{\"type\":\"execute\",\"args\":{\"type\":\"templateSql\",\"fragments\":[{\"type\":\"stringChunk\",\"chunk\":\"UPDATE t SET a=\"},"
        "{\"type\":\"parameter\"},{\"type\":\"stringChunk\",\"chunk\":\" WHERE b=\"},{\"type\":\"parameter\"}],\"args\":[\"12\",\"x\"],"
        "\"argTypes\":[{\"arity\":\"scalar\",\"scalarType\":\"bigint\",\"dbType\":null},{\"scalarType\":\"string\",\"arity\":\"scalar\"}],"
        "\"placeholderFormat\":{\"prefix\":\"$\",\"hasNumbering\":true},\"chunkable\":true}}",
        mem_default, &err);
    no_err(&err);
    if (!p) return;
    const plan_stmt *s = p->root->u.stmt;
    is_strz(s->sql, "UPDATE t SET a=$1 WHERE b=$2");
    ok(s->args[0].c.type == VAL_INT && s->args[0].c.u.i == 12, "a constant of a whole number type is a number");
    ok(s->args[1].c.type == VAL_STR && s->chunkable && !s->reads && p->writes && !p->raw_execute, "the rest");
    plan_free(p);
}

static void test_dialects(void)
{
    nicol_error err = {0};
    plan *p = read_text(
        "{\"type\":\"validate\",\"args\":{\"expr\":{\"type\":\"diff\",\"args\":{\"from\":{\"type\":\"unit\"},\"to\":{\"type\":\"unit\"}}},"
        "\"rules\":[{\"type\":\"rowCountEq\",\"args\":0},{\"type\":\"never\"}],\"error_identifier\":\"MISSING_RECORD\",\"context\":{\"operation\":\"a query\"}}}",
        mem_default, &err);
    no_err(&err);
    if (!p) return;
    ok(p->root->u.validate.violation == VIOLATION_MISSING_RECORD && p->root->u.validate.n == 2, "the older spelling");
    ok(p->root->u.validate.expr->u.diff.whole, "diff without fields");
    is_strz(p->root->u.validate.context->operation, "a query");
    is_strz(p->root->u.validate.context->json, "{\"operation\":\"a query\"}");
    plan_free(p);
    p = read_text(
        "{\"type\":\"value\",\"args\":[{\"prisma__type\":\"bytes\",\"prisma__value\":\"AQI=\"},{\"prisma__type\":\"bigint\",\"prisma__value\":\"9007199254740993\"},"
        "{\"prisma__type\":\"decimal\",\"prisma__value\":\"1.50\"},{\"prisma__type\":\"date\",\"prisma__value\":\"1970-01-01T00:00:01Z\"},{\"a\":[1]}]}",
        mem_default, &err);
    no_err(&err);
    if (!p) return;
    const val *v = p->root->u.value.c.u.list;
    ok(p->root->u.value.c.n == 5 && v[0].type == VAL_BYTES && v[0].n == 2 && v[1].u.i == 9007199254740993,
       "inlined bytes and bigint");
    ok(v[2].type == VAL_DECIMAL && v[3].type == VAL_DATETIME && v[3].u.i == 1000 && v[4].type == VAL_JSON,
       "inlined decimal, date, object");
    plan_free(p);
}

static void test_faults(void)
{
    static const char text[] =
        "{\"type\":\"dataMap\",\"args\":{\"expr\":{\"type\":\"let\",\"args\":{\"bindings\":[{\"name\":\"a\",\"expr\":" Q(
            "[{\"prisma__type\":\"param\",\"prisma__value\":{\"name\":\"p\",\"type\":\"Int\"}}]",
            "[{\"scalarType\":\"int\",\"arity\":\"scalar\"}]") "}],"
                                                               "\"expr\":{\"type\":\"join\",\"args\":{\"parent\":" GET("a") ",\"children\":[{\"child\":" GET(
                                                                   "b") ",\"on\":[[\"x\",\"y\"]],\"parentField\":\"f\",\"isRelationUnique\":true}]}}}},"
                                                                        "\"structure\":{\"type\":\"object\",\"serializedName\":null,\"fields\":{\"e\":{\"type\":\"field\",\"dbName\":\"e\",\"fieldType\":{\"type\":\"enum\",\"name\":\"E\",\"arity\":\"required\"}}}},"
                                                                        "\"enums\":{\"E\":{\"a\":\"A\"}}}}";
    FOR_EACH_FAULT(m, "plan: read and free") {
        nicol_error err = {0};
        plan *p = read_text(text, m, &err);
        ok(p || tap_faulted(m), "read");
        if (!p) is_err(&err, NICOL_E_NO_MEMORY);
        plan_free(p);
    }
}

int main(void)
{
    test_census();
    test_bad();
    test_depth();
    test_names();
    test_statements();
    test_dialects();
    test_faults();
    return done_testing();
}
