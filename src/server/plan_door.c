/* server/plan_door.c - the paths of the plan protocol: clients of version 7, and of 6 with engineType "client". */
#include "server/server_int.h"

static void answer_json(exchange *x, const char *text)
{
    x->rs->content_type = S("application/json");
    buf_str(&x->rs->out, str_c(text));
}

static void connection_info(exchange *x)
{
    if (!method_is(x, HTTP_GET) || !guard_key(x, KEY_QUERY)) return;
    const driver *d = exec_driver(engine_exec(x->s->e));
    x->rs->content_type = S("application/json");
    buf_printf(&x->rs->out,
               "{\"provider\":\"%s\",\"connectionInfo\":{\"maxBindValues\":%u,\"supportsRelationJoins\":false}}",
               d->provider, d->binds_max);
}

static void run_query(exchange *x, nicol_str tx_id)
{
    if (!method_is(x, HTTP_POST) || !guard_key(x, KEY_QUERY)) return;
    engine_call call = call_of(x);
    engine_telemetry t;
    nicol_error err = {0};
    bool good = true;
    call.telemetry = want_telemetry(x, &t);
    if (tx_id.len > 0) {
        call.tx = exec_tx_take(engine_exec(x->s->e), tx_id, x->key_id, "query", x->rq->arena, &err);
        good = call.tx != NULL;
    }
    good = good && engine_plan(x->s->e, x->rq->body, &call, &x->rs->out, &err);
    if (call.tx) exec_tx_give(call.tx);
    x->operations = call.operations;
    show_telemetry(x, call.telemetry, good);
    if (good) x->rs->content_type = S("application/json");
    else answer_nicol_error(x, &err);
}

/* A time in whole milliseconds, or absent. */
static bool take_ms(json_val v, const char *what, int64_t *out, nicol_error *err)
{
    double f = 0;
    *out = 0;
    if (!json_present(v) || json_kind(v) == JSON_NULL) return true;
    if (json_f64(v, &f) && f >= 0 && f <= 1e12) {
        *out = (int64_t)f;
        return true;
    }
    return nicol_fail(err, NICOL_E_TRANSACTION, "Transaction API error: %s must be a number of milliseconds", what);
}

static bool start(exchange *x, nicol_str *id, nicol_error *err)
{
    json_doc doc;
    if (!json_parse(x->rq->arena, x->rq->body, NICOL_JSON_DEPTH_MAX, &doc, err)) return false;
    json_val root = json_root(&doc);
    if (json_kind(root) != JSON_OBJECT) {
        return nicol_fail(err, NICOL_E_BAD_JSON, "the body must be an object with \"maxWait\" and \"timeout\"");
    }
    exec *e = engine_exec(x->s->e);
    nicol_str outer = json_text(json_get(root, S("newTxId")));
    if (outer.len > 0) {
        *id = outer;
        return exec_tx_nest(e, outer, x->key_id, x->rq->arena, err);
    }
    exec_tx_opts o = {.owner = x->key_id};
    json_val iso = json_get(root, S("isolationLevel"));
    if (!take_ms(json_get(root, S("maxWait")), "maxWait", &o.max_wait_ms, err)) return false;
    if (!take_ms(json_get(root, S("timeout")), "timeout", &o.timeout_ms, err)) return false;
    if (json_present(iso) && json_kind(iso) != JSON_NULL &&
        (json_kind(iso) != JSON_STRING || !driver_isolation_parse(json_text(iso), &o.isolation))) {
        nicol_str shown = json_kind(iso) == JSON_STRING ? json_text(iso) : json_raw(iso);
        nicol_fail(err, NICOL_E_TRANSACTION, "Transaction API error: Invalid isolation level: %.*s", STR_FMT(shown));
        err->meta = arena_printf(x->rq->arena, "{\"isolationLevel\":%.*s}", STR_FMT(json_raw(iso)));
        return false;
    }
    return exec_tx_start(e, &o, x->rq->arena, id, err);
}

static void tx_start(exchange *x)
{
    if (!method_is(x, HTTP_POST) || !guard_key(x, KEY_QUERY)) return;
    nicol_error err = {0};
    nicol_str id;
    if (!start(x, &id, &err)) {
        answer_nicol_error(x, &err);
        return;
    }
    x->rs->content_type = S("application/json");
    buf_lit(&x->rs->out, "{\"id\":");
    json_put_str(&x->rs->out, id);
    buf_char(&x->rs->out, '}');
    show_transaction(x, "start_transaction");
    if (http_client_gone(x->rq)) { /* nobody will ever end it */
        nicol_error ignored = {0};
        (void)!exec_tx_rollback(engine_exec(x->s->e), id, x->key_id, x->rq->arena, &ignored);
    }
}

static void tx_end(exchange *x, nicol_str id, bool commit)
{
    if (!method_is(x, HTTP_POST) || !guard_key(x, KEY_QUERY)) return;
    nicol_error err = {0};
    exec *e = engine_exec(x->s->e);
    bool good = commit ? exec_tx_commit(e, id, x->key_id, x->rq->arena, &err)
                       : exec_tx_rollback(e, id, x->key_id, x->rq->arena, &err);
    if (!good) {
        answer_nicol_error(x, &err);
        return;
    }
    answer_json(x, "{}");
    show_transaction(x, commit ? "commit_transaction" : "rollback_transaction");
}

bool plan_door(exchange *x, nicol_str path)
{
    nicol_str first = path_part(&path);
    bool last = path.len == 0;
    x->door = "plan";
    if (last && str_eq(first, S("query"))) {
        run_query(x, (nicol_str){0});
        return true;
    }
    if (last && str_eq(first, S("connection-info"))) {
        connection_info(x);
        return true;
    }
    if (last && str_eq(first, S("invalidate"))) { /* nothing is cached yet, so nothing can be stale */
        if (method_is(x, HTTP_POST) && guard_key(x, KEY_INVALIDATE)) answer_json(x, "{}");
        return true;
    }
    if (!last && str_eq(first, S("transaction"))) {
        nicol_str id = path_part(&path), what = path_part(&path);
        if (str_eq(id, S("start")) && what.len == 0 && path.len == 0) {
            tx_start(x);
            return true;
        }
        if (path.len == 0 && str_eq(what, S("query"))) {
            run_query(x, id);
            return true;
        }
        if (path.len == 0 && (str_eq(what, S("commit")) || str_eq(what, S("rollback")))) {
            tx_end(x, id, str_eq(what, S("commit")));
            return true;
        }
    }
    x->door = "";
    return false;
}
