/* engine/json_door.c - the JSON protocol: operations and batches of it, from text to text.
 *
 * The first request of a shape is checked against the schema, compiled, and its plan kept; the next one of that shape
 * only has its values taken out of the JSON. A user's error is part of the answer, not a failure of the call: a client
 * that saw a bare 5xx after a write would send the write again.
 */
#include "base/clock.h"
#include "engine/engine_int.h"

void ready_done(ready *r)
{
    if (r->kept) keep_give(r->kept);
    plan_free(r->own);
    *r = (ready){0};
}

static nicol_str model_name(json_val request)
{
    return json_text(json_get(request, S("modelName")));
}

/* --- shapes --------------------------------------------------------------------------------------------------------- */

static bool take_values(const kept *k, json_val request, arena *a, const val **params)
{
    val *v = ARENA_ARRAY(a, k->params_n + 1u, val);
    if (!v) return false;
    for (uint32_t i = 0; i < k->params_n; i++) {
        const query_param *p = &k->params[i];
        json_val from = {request.doc, request.i + p->token};
        if (!query_take_value(from, p->type, p->field, p->list, a, &v[i])) return false;
    }
    *params = v;
    return true;
}

static bool find_shape(engine_schema *s, json_val request, hash128 hash, arena *a, ready *r)
{
    for (kept *k = keep_first(&s->shapes, hash); k; k = k->same) {
        if (!shape_matches(k, request)) continue;
        if (!take_values(k, request, a, &r->params)) return false; /* the full check says why */
        if (!plan_fits(k->plan, r->params)) continue;
        keep_used(&s->shapes, k);
        *r = (ready){.plan = k->plan,
                     .params = r->params,
                     .kept = k,
                     .key = k->answer_key,
                     .model = k->model,
                     .action = k->action};
        return true;
    }
    return false;
}

static bool fits_text(const kept *k, const json_doc *doc, void *ctx)
{
    ready *r = ctx;
    val *v = ARENA_ARRAY(doc->a, k->params_n + 1u, val);
    if (!v) return false;
    for (uint32_t i = 0; i < k->params_n; i++) {
        const query_param *p = &k->params[i];
        json_val from = json_form_value(k->form, doc, k->value_of[i]);
        if (!query_take_value(from, p->type, p->field, p->list, doc->a, &v[i])) return false;
    }
    r->params = v;
    return plan_fits(k->plan, v);
}

/* One operation whose text is that of an earlier one but for its values. */
static bool find_text(engine *e, engine_schema *s, nicol_str body, arena *a, ready *r)
{
    *r = (ready){0};
    kept *k = keep_by_text(&s->shapes, body, a, fits_text, r);
    if (!k) return false;
    e->fig.shape_hits++;
    *r = (ready){
        .plan = k->plan, .params = r->params, .kept = k, .key = k->answer_key, .model = k->model, .action = k->action};
    return true;
}

static void keep_text(engine_schema *s, kept *k, const json_doc *doc)
{
    uint32_t *values = ARENA_ARRAY(k->a, k->params_n + 1u, uint32_t), n = 0;
    uint32_t *value_of = ARENA_ARRAY(k->a, k->params_n + 1u, uint32_t);
    if (!values || !value_of) return;
    for (uint32_t i = 0; i < k->params_n; i++) {
        if (n == 0 || values[n - 1] != k->params[i].token) values[n++] = k->params[i].token;
        value_of[i] = n - 1;
    }
    k->value_of = value_of;
    keep_form(&s->shapes, k, doc, values, n);
}

/* Keeps the plan for the next request of this shape. Not keeping it (no memory, a value from no single place) is fine. */
static void keep_shape(engine *e, engine_schema *s, json_val request, hash128 hash, const query_op *op, ready *r)
{
    const json_doc *d = request.doc;
    uint32_t n = d->tok[request.i].next - request.i;
    if (!op->reusable || r->own->one_shot || n > 2000) return;
    kept *k = kept_new(e->m, r->own, hash);
    if (!k) return;
    /* Offsets are counted from the request's own text: in a batch it does not start at 0. */
    uint32_t base = d->tok[request.i].at;
    nicol_str text = arena_str(k->a, json_raw(request));
    json_tok *tok = ARENA_ARRAY(k->a, n, json_tok);
    query_param *params = ARENA_ARRAY(k->a, op->params_n + 1u, query_param);
    k->answer_key = arena_str(k->a, op->key);
    k->model = arena_str(k->a, r->model);
    if (!text.ptr || !tok || !params || arena_failed(k->a)) {
        k->plan = NULL;
        k->refs = 0;
        arena_free(k->a);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        tok[i] = d->tok[request.i + i];
        tok[i].at -= base;
        tok[i].next -= request.i;
    }
    for (uint32_t i = 0; i < op->params_n; i++) {
        params[i] = op->params[i];
        params[i].value = val_null();
        params[i].token -= request.i;
    }
    k->doc_text = text.ptr;
    k->tok = tok;
    k->tok_n = n;
    k->params = params;
    k->params_n = op->params_n;
    k->action = op->action;
    keep_add(&s->shapes, k);
    r->own = NULL; /* the plan is the shape's now */
    r->kept = k;
    if (request.i == 0) keep_text(s, k, d);
}

plan_compile_opts compile_opts(const engine *e)
{
    const driver *d = exec_driver(e->x);
    plan_dialect dialect = DIALECT_SQLITE;
    if (strcmp(d->provider, "postgres") == 0) dialect = DIALECT_POSTGRESQL;
    else if (strcmp(d->provider, "mysql") == 0) dialect = DIALECT_MYSQL;
    return (plan_compile_opts){.dialect = dialect, .binds_max = d->binds_max, .m = e->m};
}

static plan *compile(engine *e, const query_op *op, arena *a, nicol_error *err)
{
    plan_compile_opts o = compile_opts(e);
    o.a = a;
    return plan_compile(op, &o, err);
}

/* An operation that is explained is compiled for that alone, whatever is kept. */
static bool explain_request(engine *e, engine_schema *s, json_val request, arena *a, buf *explain, nicol_error *err)
{
    query_op op = {0};
    if (!query_parse(s ? s->s : NULL, request, a, &op, err)) return false;
    plan *p = compile(e, &op, a, err);
    if (!p) return false;
    explain_compiled(explain, &op, p);
    plan_free(p);
    return true;
}

bool ready_make(engine *e, engine_schema *s, json_val request, arena *a, buf *explain, ready *r, nicol_error *err)
{
    *r = (ready){0};
    hash128 hash = {0};
    bool keep = s && json_kind(request) == JSON_OBJECT;
    if (explain && !explain_request(e, s, request, a, explain, err)) return false;
    if (keep) {
        hash = shape_hash(request);
        if (find_shape(s, request, hash, a, r)) {
            e->fig.shape_hits++;
            return true;
        }
        *r = (ready){0};
    }
    e->fig.shape_misses++;
    query_op op = {0};
    if (!query_parse(s ? s->s : NULL, request, a, &op, err)) return false;
    r->own = compile(e, &op, a, err);
    if (!r->own) return false;
    r->plan = r->own;
    r->key = op.key;
    r->action = op.action;
    r->model = op.model ? op.model->name : (nicol_str){0};
    val *params = ARENA_ARRAY(a, op.params_n + 1u, val);
    if (!params) {
        ready_done(r);
        return nicol_fail_oom(err);
    }
    for (uint32_t i = 0; i < op.params_n; i++) params[i] = op.params[i].value;
    r->params = params;
    if (keep) keep_shape(e, s, request, hash, &op, r);
    return true;
}

/* --- answers -------------------------------------------------------------------------------------------------------- */

/* A client makes a validation error of P2009 and P2012 from the tree in `meta`, and fails itself where there is none. Such
 * an error goes without a code: the client shows its text. */
static bool shows_code(const nicol_error *err, const char *code)
{
    if (*code == '\0') return false;
    bool validation = strcmp(code, "P2009") == 0 || strcmp(code, "P2012") == 0;
    return !validation || str_find(err->meta, S("\"kind\":"), 0) != SIZE_MAX;
}

void engine_put_errors_v6(const nicol_error *err, nicol_str model, int64_t batch_index, buf *out)
{
    buf_lit(out, "{\"errors\":[{\"error\":");
    exec_error_text_v6(err, out);
    buf_lit(out, ",\"user_facing_error\":{\"is_panic\":false,\"message\":");
    exec_error_text_v6(err, out);
    buf_lit(out, ",\"meta\":");
    exec_error_meta_v6(err, model, out);
    const char *code = err_client(err->code);
    if (shows_code(err, code)) {
        buf_lit(out, ",\"error_code\":");
        json_put_str(out, str_c(code));
    }
    if (batch_index >= 0) {
        buf_lit(out, ",\"batch_request_idx\":");
        buf_i64(out, batch_index);
    }
    buf_lit(out, "}}]}");
}

void put_data_start(const ready *r, buf *out)
{
    buf_lit(out, "{\"data\":{");
    json_put_str(out, r->key);
    buf_char(out, ':');
}

void run_one(engine *e, engine_schema *s, json_val request, const ready *found, engine_call *call, int64_t index,
             buf *out, bool *failed)
{
    watch w;
    watch_start(&w, e, call);
    size_t before = out->len;
    nicol_error err;
    err_clear(&err);
    ready r = found ? *found : (ready){0};
    bool good = found || ready_make(e, s, request, call->a, call->explain, &r, &err);
    if (good) {
        put_data_start(&r, out);
        exec_request rq = {
            .plan = r.plan, .params = r.params, .tx = call->tx, .a = call->a, .deadline_us = call->deadline_us};
        bool has_value = true;
        watch_run(&w, &rq);
        good = exec_run(e->x, &rq, out, &has_value, &err);
        if (good && !has_value) buf_lit(out, "null");
        if (good) buf_lit(out, "}}");
    }
    if (!good) {
        out->len = before;
        engine_put_errors_v6(&err, r.plan ? r.model : model_name(request), index, out);
        if (call->error && index < 0) err_copy(call->error, &err, call->a);
        *failed = true;
    }
    call->operations++;
    nicol_str action = r.plan ? query_action_name(r.action) : json_text(json_get(request, S("action")));
    watch_end(&w, action, r.plan ? r.model : model_name(request), 1, !good);
    if (r.plan || r.own) ready_done(&r);
}

/* --- batches -------------------------------------------------------------------------------------------------------- */

typedef struct batch {
    ready *v;
    size_t n;
} batch;

static void put_around(void *ctx, size_t i, bool before, buf *out)
{
    batch *b = ctx;
    if (before) {
        if (i > 0) buf_char(out, ',');
        put_data_start(&b->v[i], out);
    } else {
        buf_lit(out, "}}");
    }
}

static driver_isolation isolation_of(json_val name, nicol_error *err)
{
    driver_isolation level = ISOLATION_DEFAULT;
    if (!json_present(name) || json_kind(name) == JSON_NULL) return level;
    if (json_kind(name) == JSON_STRING && driver_isolation_parse(json_text(name), &level)) return level;
    nicol_fail(err, NICOL_E_COLUMN_DATA, "Conversion failed: Invalid isolation level: %.*s", STR_FMT(json_raw(name)));
    return level;
}

/* All or nothing: one transaction around the whole list. */
static void run_together(engine *e, engine_schema *s, json_val list, json_val options, engine_call *call, buf *out,
                         bool *failed)
{
    watch w;
    watch_start(&w, e, call);
    size_t at = 0, n = json_count(list), before = out->len;
    nicol_error err = {0};
    batch b = {.v = ARENA_ARRAY(call->a, n + 1, ready)};
    exec_batch_item *items = ARENA_ARRAY(call->a, n + 1, exec_batch_item);
    bool good = (b.v && items) || nicol_fail_oom(&err);
    driver_isolation iso = isolation_of(json_get(options, S("isolationLevel")), &err);
    good = good && !err_is(&err);
    json_iter it = json_first(list);
    while (good && json_more(&it)) {
        at = b.n;
        good = ready_make(e, s, it.value, call->a, call->explain, &b.v[b.n], &err);
        if (!good) break;
        watch_plan(&w, b.v[b.n].plan);
        items[b.n] = (exec_batch_item){.plan = b.v[b.n].plan, .params = b.v[b.n].params};
        b.n++;
    }
    if (good) {
        buf_lit(out, "{\"batchResult\":[");
        exec_request common = {.tx = call->tx, .a = call->a, .deadline_us = call->deadline_us};
        watch_run(&w, &common);
        good = exec_batch(e->x, items, b.n, iso, &common, put_around, &b, out, &at, &err);
        if (good) buf_lit(out, "]}");
    }
    if (!good) {
        out->len = before;
        engine_put_errors_v6(&err, at < b.n ? b.v[at].model : (nicol_str){0}, (int64_t)at, out);
        if (call->error) err_copy(call->error, &err, call->a);
        *failed = true;
    }
    call->operations += (uint32_t)n;
    watch_end(&w, S("$transaction"), (nicol_str){0}, 1, !good);
    for (size_t i = 0; i < b.n; i++) ready_done(&b.v[i]);
}

/* Each for itself. What reads by a unique key in a row may be answered together: nothing stands between that could
 * change what it reads. */
static void run_apart(engine *e, engine_schema *s, json_val list, engine_call *call, buf *out)
{
    bool failed = false; /* one failure must not affect the others */
    uint32_t total = json_count(list), n = 0;
    json_val *row = ARENA_ARRAY(call->a, total + 1u, json_val);
    json_iter it = json_first(list);
    buf_lit(out, "{\"batchResult\":[");
    for (uint32_t i = 0; json_more(&it); i++) {
        bool unique = row && is_find_unique(it.value);
        if (unique) row[n++] = it.value;
        if (n && (!unique || i + 1 == total)) {
            run_lookups(e, s, row, n, call, (int64_t)(unique ? i + 1 : i) - n, out);
            n = 0;
        }
        if (unique) continue;
        if (i > 0) buf_char(out, ',');
        run_one(e, s, it.value, NULL, call, i, out, &failed);
    }
    buf_lit(out, "]}");
}

static bool settled(buf *out, nicol_error *err)
{
    if (!buf_failed(out)) return true;
    bool over = out->over;
    buf_clear(out);
    return over ? nicol_fail(err, NICOL_E_RESULT_TOO_LARGE, NULL) : nicol_fail_oom(err);
}

bool engine_query(engine *e, engine_schema *s, nicol_str body, engine_call *call, buf *out, bool *failed,
                  nicol_error *err)
{
    *failed = false;
    json_doc doc;
    ready found;
    if (s && !call->explain && find_text(e, s, body, call->a, &found)) {
        run_one(e, s, (json_val){0}, &found, call, -1, out, failed);
        return settled(out, err);
    }
    if (!json_parse(call->a, body, NICOL_JSON_DEPTH_MAX, &doc, err)) return false;
    json_val root = json_root(&doc);
    json_val list = json_get(root, S("batch"));
    if (json_present(list)) {
        if (json_kind(list) != JSON_ARRAY)
            return nicol_fail(err, NICOL_E_BAD_JSON, "\"batch\" must be a list of operations");
        if (json_count(list) > NICOL_BATCH_MAX) {
            return nicol_fail(err, NICOL_E_LIMIT, "the batch has %u operations; the limit is %d", json_count(list),
                              NICOL_BATCH_MAX);
        }
        json_val together = json_get(root, S("transaction"));
        if (json_kind(together) == JSON_OBJECT) run_together(e, s, list, together, call, out, failed);
        else run_apart(e, s, list, call, out);
    } else {
        run_one(e, s, root, NULL, call, -1, out, failed);
    }
    return settled(out, err);
}

/* --- rows of a model ------------------------------------------------------------------------------------------------ */

bool engine_count(engine *e, const schema_model *m, arena *a, int64_t *rows, nicol_error *err)
{
    nicol_str text =
        arena_printf(a,
                     "{\"modelName\":\"%.*s\",\"action\":\"aggregate\",\"query\":{\"arguments\":{},\"selection\":"
                     "{\"_count\":{\"arguments\":{},\"selection\":{\"_all\":true}}}}}",
                     STR_FMT(m->name));
    json_doc doc;
    ready r;
    if (!text.ptr) return nicol_fail_oom(err);
    if (!json_parse(a, text, 16, &doc, err) || !ready_make(e, e->own, json_root(&doc), a, NULL, &r, err)) return false;
    exec_request rq = {.plan = r.plan, .params = r.params, .a = a, .deadline_us = clock_mono_us() + 1000000};
    buf out;
    buf_init(&out, e->m, 4096);
    bool has_value = false;
    bool good = exec_run(e->x, &rq, &out, &has_value, err);
    json_doc answer;
    good = good && json_parse(a, buf_view(&out), 16, &answer, err);
    if (good && !json_i64(json_get(json_get(json_root(&answer), S("_count")), S("_all")), rows)) {
        good = nicol_fail(err, NICOL_E_INTERNAL, "the count came back without a number");
    }
    buf_free(&out);
    ready_done(&r);
    return good;
}
