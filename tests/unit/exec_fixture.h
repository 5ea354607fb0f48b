/* What the tests of the executor share: a database file of its own, plans from JSON text, results as text. */
#ifndef TESTS_EXEC_FIXTURE_H
#define TESTS_EXEC_FIXTURE_H

#include "tap.h"

#include <unistd.h>

#include "exec/exec.h"

typedef struct fixture {
    exec *e;
    char path[256], url[300];
    const mem *m;
} fixture;

static inline void fixture_forget(const fixture *f)
{
    char name[300];
    const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s%s", f->path, ends[i]);
        unlink(name);
    }
}

/* ddl: a script for a new file. */
static inline bool fixture_make(fixture *f, const char *tag, const char *ddl, nicol_error *err)
{
    const char *tmp = getenv("TMPDIR");
    *f = (fixture){.m = mem_default};
    snprintf(f->path, sizeof f->path, "%s/nicol-exec-%s-%d.db", tmp ? tmp : "/tmp", tag, (int)getpid());
    snprintf(f->url, sizeof f->url, "file:%s", f->path);
    fixture_forget(f);
    arena *a = arena_new(mem_default, 1 << 20);
    driver_opts o = {.url = str_c(f->url), .create = true, .trusted = true};
    driver_conn *c = driver_sqlite.open(&o, a, err);
    bool good = c && driver_sqlite.script(c, str_c(ddl), a, err);
    driver_sqlite.close(c);
    arena_free(a);
    return good;
}

static inline bool fixture_open(fixture *f, const exec_opts *more, nicol_error *err)
{
    exec_opts o = more ? *more : (exec_opts){0};
    o.db.url = str_c(f->url);
    if (!o.m) o.m = f->m;
    f->e = exec_open(&o, err);
    return f->e != NULL;
}

static inline void fixture_close(fixture *f)
{
    exec_close(f->e);
    f->e = NULL;
    fixture_forget(f);
}

static inline plan *fixture_plan(const char *text, const mem *m, nicol_error *err)
{
    arena *a = arena_new(mem_default, 64 << 20);
    json_doc doc;
    plan *p = NULL;
    if (json_parse(a, str_c(text), NICOL_JSON_DEPTH_MAX, &doc, err)) p = plan_read(json_root(&doc), m, err);
    arena_free(a);
    return p;
}

/* Runs a plan with the parameters of a JSON object (or NULL); appends the result, or "undefined". */
static inline bool fixture_run(fixture *f, const plan *p, const char *params, exec_tx *tx, buf *out, nicol_error *err,
                               arena *a)
{
    json_doc doc = {0};
    json_val given = {0};
    bool has = false;
    if (params && !json_parse(a, str_c(params), 64, &doc, err)) return false;
    if (params) given = json_root(&doc);
    val *v = ARENA_ARRAY(a, p->params_n + 1, val);
    if (!v) return nicol_fail_oom(err);
    if (!plan_take_params(p, given, a, v, err)) return false;
    exec_request rq = {.plan = p, .params = v, .tx = tx, .a = a, .deadline_us = IO_NEVER};
    if (!exec_run(f->e, &rq, out, &has, err)) return false;
    if (!has) buf_lit(out, "undefined");
    return true;
}

/* The whole way, for plans that are run once; the answer or "CODE message". Static memory: one result at a time. */
static inline const char *fixture_ask_in(fixture *f, const char *text, const char *params, exec_tx *tx)
{
    static char answer[1 << 16];
    nicol_error err = {0};
    arena *a = arena_new(mem_default, 256 << 20);
    buf out;
    buf_init(&out, mem_default, 64 << 20);
    plan *p = fixture_plan(text, mem_default, &err);
    bool good = p && fixture_run(f, p, params, tx, &out, &err, a);
    if (good) snprintf(answer, sizeof answer, "%.*s", (int)out.len, out.ptr ? out.ptr : "");
    else
        snprintf(answer, sizeof answer, "%s %.*s", err_client(err.code), (int)err.message.len,
                 err.message.ptr ? err.message.ptr : "");
    plan_free(p);
    buf_free(&out);
    arena_free(a);
    return answer;
}
static inline const char *fixture_ask(fixture *f, const char *text, const char *params)
{
    return fixture_ask_in(f, text, params, NULL);
}

/* --- plans in few letters ------------------------------------------------------------------------------------------- */

#define N(type, args) "{\"type\":\"" type "\",\"args\":" args "}"
#define VALUE(v) N("value", v)
#define UNIT "{\"type\":\"unit\"}"
#define GET(name) N("get", "{\"name\":\"" name "\"}")
#define PARAM(name, type) "{\"prisma__type\":\"param\",\"prisma__value\":{\"name\":\"" name "\",\"type\":\"" type "\"}}"
#define GEN(name, args) \
    "{\"prisma__type\":\"generatorCall\",\"prisma__value\":{\"name\":\"" name "\",\"args\":" args "}}"
#define BIND(name, expr) "{\"name\":\"" name "\",\"expr\":" expr "}"
#define LET(bindings, expr) N("let", "{\"bindings\":[" bindings "],\"expr\":" expr "}")
#define SEQ(list) N("seq", "[" list "]")
#define RAW(sql, args, types) "{\"type\":\"rawSql\",\"sql\":\"" sql "\",\"args\":[" args "],\"argTypes\":[" types "]}"
#define T(scalar) "{\"arity\":\"scalar\",\"scalarType\":\"" scalar "\",\"dbType\":null}"
#define CHUNK(text) "{\"type\":\"stringChunk\",\"chunk\":\"" text "\"}"
#define P "{\"type\":\"parameter\"}"
#define TUPLE "{\"type\":\"parameterTuple\"}"
#define TEMPLATE(frags, args, types)                                                               \
    "{\"type\":\"templateSql\",\"fragments\":[" frags "],\"args\":[" args "],\"argTypes\":[" types \
    "],\"placeholderFormat\":{\"prefix\":\"?\",\"hasNumbering\":false},\"chunkable\":true}"
#define SQL(text) TEMPLATE(CHUNK(text), "", "")
#define QUERY(stmt) N("query", stmt)
#define EXECUTE(stmt) N("execute", stmt)
#define FIELD(column, type) \
    "{\"type\":\"field\",\"dbName\":\"" column "\",\"fieldType\":{\"arity\":\"required\",\"type\":\"" type "\"}}"
#define OBJECT(fields) "{\"type\":\"object\",\"serializedName\":null,\"fields\":{" fields "},\"skipNulls\":false}"
#define CHILD(column, fields) \
    "{\"type\":\"object\",\"serializedName\":\"" column "\",\"fields\":{" fields "},\"skipNulls\":false}"
#define DATA_MAP(structure, expr) \
    N("dataMap", "{\"expr\":" expr ",\"structure\":" structure ",\"enums\":{\"E\":{\"db\":\"Client\"}}}")

#endif
