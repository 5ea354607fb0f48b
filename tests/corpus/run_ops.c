/* tests/corpus/run_ops.c - runs the steps of query scenarios in this process, without a server, and prints what came out.
 *
 *     run_ops scenario.json...
 *
 * Each scenario gets a fresh database file, made by its `ddl`. One line a step: {"file":...,"id":...,"answer":...}, where
 * the answer is the JSON protocol's ({"data":...}, {"errors":...}, {"batchResult":...}) or {"failed":...} for what no
 * door would answer. compare_ops.mjs judges the lines. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/engine.h"

typedef struct run {
    arena *a;
    const char *path; /* of the scenario */
    char db[64];
    engine *e;
    engine_schema *s;
    struct {
        nicol_str name, id;
    } tx[64];
    size_t tx_n;
} run;

static nicol_str read_file(arena *a, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) return (nicol_str){NULL, 0};
    fseek(f, 0, SEEK_END);
    long n = ftell(f);
    rewind(f);
    char *p = n >= 0 ? arena_alloc(a, (size_t)n + 1) : NULL;
    size_t got = p ? fread(p, 1, (size_t)n, f) : 0;
    fclose(f);
    return (nicol_str){p, got};
}

static void die(const run *r, const char *what, const nicol_error *err)
{
    fprintf(stderr, "%s: %s: %.*s (%s:%d)\n", r->path, what, STR_FMT(err->message), err->file ? err->file : "-",
            err->line);
}

static bool make_tables(run *r, nicol_str url, nicol_str ddl)
{
    nicol_error err = {0};
    driver_opts o = {.url = url, .create = true, .trusted = true, .sync_normal = true};
    driver_conn *c = driver_sqlite.open(&o, r->a, &err);
    bool good = c && driver_sqlite.script(c, ddl, r->a, &err);
    if (!good) die(r, "ddl", &err);
    if (c) driver_sqlite.close(c);
    return good;
}

static bool open_all(run *r, json_val root)
{
    nicol_error err = {0};
    nicol_str url = arena_printf(r->a, "file:%s", r->db);
    if (!make_tables(r, url, json_text(json_get(root, S("ddl"))))) return false;
    engine_opts o = {.exec = {.db = {.url = url, .sync_normal = true}}};
    r->e = engine_open(&o, &err);
    if (!r->e) {
        die(r, "open", &err);
        return false;
    }
    schema_file f = {.path = S("schema.prisma"), .text = json_text(json_get(root, S("schema")))};
    if (engine_schema_add(r->e, S("corpus"), &f, 1, r->a, NULL, &r->s, &err)) return true;
    die(r, "schema", &err);
    return false;
}

static nicol_str *tx_of(run *r, nicol_str name)
{
    for (size_t i = 0; i < r->tx_n; i++) {
        if (str_eq(r->tx[i].name, name)) return &r->tx[i].id;
    }
    return NULL;
}

/* {"code":...} of an error that no answer holds. */
static void put_failed(buf *out, const nicol_error *err)
{
    buf_lit(out, "{\"failed\":{\"error_code\":");
    json_put_str(out, str_c(err_client(err->code)));
    buf_lit(out, ",\"message\":");
    json_put_str(out, err->message);
    buf_lit(out, "}}");
}

static driver_isolation isolation(json_val v)
{
    return json_present(v) && json_is(v, S("Serializable")) ? ISOLATION_SERIALIZABLE : ISOLATION_DEFAULT;
}

static void step_itx(run *r, json_val step, arena *a, buf *out)
{
    nicol_error err = {0};
    json_val itx = json_get(step, S("itx"));
    nicol_str name = json_text(json_get(step, S("tx")));
    bool good;
    if (json_is(itx, S("start"))) {
        json_val o = json_get(step, S("options"));
        exec_tx_opts opts = {.isolation = isolation(json_get(o, S("isolationLevel")))};
        if (!json_i64(json_get(o, S("timeout")), &opts.timeout_ms)) opts.timeout_ms = 0;
        if (!json_i64(json_get(o, S("maxWait")), &opts.max_wait_ms)) opts.max_wait_ms = 0;
        nicol_str id;
        good = exec_tx_start(engine_exec(r->e), &opts, a, &id, &err);
        nicol_str *slot = tx_of(r, name);
        if (good && !slot && r->tx_n < 64) {
            r->tx[r->tx_n].name = arena_str(r->a, name);
            slot = &r->tx[r->tx_n++].id;
        }
        if (good && slot) *slot = arena_str(r->a, id);
    } else {
        nicol_str *id = tx_of(r, name), none = S("unknown");
        if (json_is(itx, S("commit"))) good = exec_tx_commit(engine_exec(r->e), id ? *id : none, S(""), a, &err);
        else good = exec_tx_rollback(engine_exec(r->e), id ? *id : none, S(""), a, &err);
    }
    if (good) buf_lit(out, "{\"data\":{}}");
    else put_failed(out, &err);
}

static void step_query(run *r, json_val step, arena *a, buf *out)
{
    nicol_error err = {0};
    json_val tx = json_get(step, S("tx"));
    nicol_str body;
    if (json_present(json_get(step, S("batch")))) {
        nicol_str batch = json_raw(json_get(step, S("batch")));
        json_val t = json_get(step, S("transaction"));
        nicol_str text = json_present(t) ? json_raw(t) : NICOL_STR("null");
        char *p = arena_alloc(a, batch.len + text.len + 64);
        int head = p ? snprintf(p, 16, "{\"batch\":") : 0;
        size_t n = (size_t)head;
        if (!p) return;
        memcpy(p + n, batch.ptr, batch.len);
        n += batch.len;
        if (json_present(t)) {
            memcpy(p + n, ",\"transaction\":", 15);
            n += 15;
            memcpy(p + n, text.ptr, text.len);
            n += text.len;
        }
        p[n++] = '}';
        body = str_of(p, n);
    } else {
        body = json_raw(json_get(step, S("request")));
    }
    engine_call call = {.a = a, .deadline_us = IO_NEVER};
    if (json_present(tx)) {
        nicol_str *id = tx_of(r, json_text(tx)), none = S("unknown");
        call.tx = exec_tx_take(engine_exec(r->e), id ? *id : none, S(""), "query", a, &err);
        if (!call.tx) {
            put_failed(out, &err);
            return;
        }
    }
    bool failed = false;
    if (!engine_query(r->e, r->s, body, &call, out, &failed, &err)) put_failed(out, &err);
    if (call.tx) exec_tx_give(call.tx);
}

static void run_steps(run *r, json_val root)
{
    buf out;
    buf_init(&out, mem_default, (size_t)1 << 30);
    json_iter it = json_first(json_get(root, S("steps")));
    while (json_more(&it)) {
        arena *a = arena_new(mem_default, NICOL_REQUEST_ARENA_BYTES_MAX);
        if (!a) break;
        buf_clear(&out);
        if (json_present(json_get(it.value, S("itx")))) step_itx(r, it.value, a, &out);
        else step_query(r, it.value, a, &out);
        nicol_str id = json_raw(json_get(it.value, S("id")));
        printf("{\"file\":\"%s\",\"id\":%.*s,\"answer\":", r->path, STR_FMT(id));
        if (out.len) fwrite(out.ptr, 1, out.len, stdout);
        else fputs("null", stdout);
        puts("}");
        fflush(stdout);
        arena_free(a);
    }
    buf_free(&out);
}

static bool run_file(const char *path)
{
    run r = {.path = path, .a = arena_new(mem_default, (size_t)1 << 30)};
    nicol_error err = {0};
    json_doc doc;
    snprintf(r.db, sizeof r.db, "/tmp/nicol-ops-%d.db", (int)getpid());
    bool good = r.a && json_parse(r.a, read_file(r.a, path), NICOL_JSON_DEPTH_MAX, &doc, &err);
    if (!good) die(&r, "scenario", &err);
    good = good && open_all(&r, json_root(&doc));
    if (good) run_steps(&r, json_root(&doc));
    engine_close(r.e);
    static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < 4; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s", r.db, tails[i]);
        unlink(name);
    }
    arena_free(r.a);
    return good;
}

int main(int argc, char **argv)
{
    int bad = 0;
    for (int i = 1; i < argc; i++) bad += !run_file(argv[i]);
    return bad ? 1 : 0;
}
