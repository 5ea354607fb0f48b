/* server/json_door.c - the paths of the JSON protocol: clients of version 5 and 6.
 *
 *   POST /V/H/graphql                 one operation or a batch        (V: client version, H: hash of its schema)
 *   PUT  /V/H/schema                  the schema, base64
 *   POST /V/H/transaction/start       -> {id, data-proxy: {endpoint: E}}
 *   POST E/graphql, E/commit, E/rollback      E = /V/H/itx/ID
 *   POST /json                        as /graphql, for the server's own schema: for people and scripts
 *
 * A client repeats any request that was answered by a bare 5xx or 429, writes included. So every failure of an operation
 * is an answer of its own: 200 with `errors`, or a body that the client takes as final.
 */
#include <openssl/evp.h>

#include "base/clock.h"
#include "server/server_int.h"

#define HASH_LEN 64

static bool is_hash(nicol_str s)
{
    if (s.len != HASH_LEN) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    }
    return true;
}

static bool is_version(nicol_str s)
{
    return s.len > 0 && s.len <= 64 && s.ptr[0] >= '0' && s.ptr[0] <= '9';
}

/* A failure that the client takes as final, whatever its status: {is_panic, message, error_code}. */
static void answer_final(exchange *x, int status, const nicol_error *err)
{
    buf *out = &x->rs->out;
    buf_clear(out);
    x->rs->status = status;
    x->rs->content_type = S("application/json");
    const char *code = err_client(err->code);
    buf_lit(out, "{\"is_panic\":false,\"message\":");
    exec_error_text_v6(err, out);
    buf_lit(out, ",\"meta\":");
    exec_error_meta_v6(err, (nicol_str){0}, out);
    buf_lit(out, ",\"error_code\":");
    json_put_str(out, *code ? str_c(code) : S("P6000"));
    buf_char(out, '}');
}

/* --- the schema ----------------------------------------------------------------------------------------------------- */

static void schema_missing(exchange *x)
{
    x->rs->status = 404;
    x->rs->content_type = S("application/json");
    buf_lit(&x->rs->out, "{\"EngineNotStarted\":{\"reason\":\"SchemaMissing\"}}");
}

static bool hash_fits(nicol_str text, nicol_str hash)
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    static const char hex[] = "0123456789abcdef";
    if (EVP_Digest(text.ptr, text.len, md, &n, EVP_sha256(), NULL) != 1 || n * 2 != hash.len) return false;
    for (unsigned i = 0; i < n; i++) {
        if (hash.ptr[2 * i] != hex[md[i] >> 4] || hash.ptr[2 * i + 1] != hex[md[i] & 15]) return false;
    }
    return true;
}

static void schema_error(exchange *x, const schema_file *file, const schema_diags *diags, const nicol_error *err)
{
    buf text;
    buf_init(&text, x->s->m, 65536);
    for (size_t i = 0; i < diags->n && i < 20; i++) schema_diag_render(file, &diags->v[i], false, &text);
    nicol_error full = {0};
    if (diags->n > 0 && !buf_failed(&text)) {
        nicol_fail_in(x->rq->arena, &full, err->code, "The uploaded schema is not valid:\n%.*s",
                      STR_FMT(buf_view(&text)));
    }
    answer_final(x, 400, err_is(&full) ? &full : err);
    buf_free(&text);
}

static void put_schema(exchange *x, nicol_str hash)
{
    if (!method_is(x, HTTP_PUT) || !guard_key(x, KEY_QUERY)) return;
    nicol_str body = str_trim(x->rq->body), text;
    nicol_error err = {0};
    if (body.len > NICOL_SCHEMA_BYTES_MAX * 4 / 3) {
        nicol_fail(&err, NICOL_E_LIMIT, "the schema is longer than the limit of %zu bytes", NICOL_SCHEMA_BYTES_MAX);
    } else if (!hash_fits(body, hash)) {
        nicol_fail(&err, NICOL_E_INPUT, "the schema's hash in the path is not the SHA-256 of the body");
    } else if (!base64_read(x->rq->arena, body, &text)) {
        nicol_fail(&err, NICOL_E_INPUT, "the schema must be base64 text");
    }
    if (err_is(&err)) {
        answer_final(x, 400, &err);
        return;
    }
    schema_file file = {.path = S("schema.prisma"), .text = text};
    schema_diags diags = {0};
    if (!engine_schema_add(x->s->e, hash, &file, 1, x->rq->arena, &diags, NULL, &err)) {
        schema_error(x, &file, &diags, &err);
        return;
    }
    x->rs->content_type = S("text/plain");
    buf_str(&x->rs->out, hash);
}

/* --- operations ----------------------------------------------------------------------------------------------------- */

static void run(exchange *x, nicol_str hash, nicol_str tx_id)
{
    if (!method_is(x, HTTP_POST) || !guard_key(x, KEY_QUERY)) return;
    engine_schema *s = engine_schema_take(x->s->e, hash);
    if (!s && str_eq(hash, OWN_HASH)) {
        answer_error(x, 404, "P6000", "this server has no schema of its own: start it with --schema FILE");
        return;
    }
    if (!s) {
        schema_missing(x);
        return;
    }
    engine_call call = call_of(x);
    nicol_error err = {0};
    bool failed = false, good = true;
    engine_telemetry t;
    call.telemetry = want_telemetry(x, &t);
    if (tx_id.len > 0) {
        call.tx = exec_tx_take(engine_exec(x->s->e), tx_id, x->key_id, "query", x->rq->arena, &err);
        good = call.tx != NULL;
    }
    good = good && engine_query(x->s->e, s, x->rq->body, &call, &x->rs->out, &failed, &err);
    if (call.tx) exec_tx_give(call.tx);
    engine_schema_give(x->s->e, s);
    x->operations = call.operations;
    show_telemetry(x, call.telemetry, good);
    x->rs->content_type = S("application/json");
    if (good) return;
    buf_clear(&x->rs->out);
    if (err.code == NICOL_E_BAD_JSON || err.code == NICOL_E_LIMIT) answer_final(x, err_status(err.code), &err);
    else engine_put_errors_v6(&err, (nicol_str){0}, -1, &x->rs->out);
}

/* --- interactive transactions --------------------------------------------------------------------------------------- */

static bool isolation_of(json_val v, driver_isolation *out, nicol_error *err)
{
    if (!json_present(v) || json_kind(v) == JSON_NULL) return true;
    if (json_kind(v) == JSON_STRING && driver_isolation_parse(json_text(v), out)) return true;
    return nicol_fail(err, NICOL_E_TRANSACTION, "Transaction API error: Invalid isolation level: %.*s",
                      STR_FMT(json_raw(v)));
}

static void tx_start(exchange *x, nicol_str version, nicol_str hash)
{
    if (!method_is(x, HTTP_POST) || !guard_key(x, KEY_QUERY)) return;
    nicol_error err = {0};
    json_doc doc;
    exec_tx_opts o = {.owner = x->key_id};
    nicol_str id;
    bool good = json_parse(x->rq->arena, x->rq->body, NICOL_JSON_DEPTH_MAX, &doc, &err);
    if (good && json_kind(json_root(&doc)) != JSON_OBJECT) {
        good = nicol_fail(&err, NICOL_E_BAD_JSON, "the body must be an object with \"max_wait\" and \"timeout\"");
    }
    if (good) {
        json_val root = json_root(&doc);
        double ms = 0;
        if (json_f64(json_get(root, S("max_wait")), &ms) && ms > 0 && ms < 1e12) o.max_wait_ms = (int64_t)ms;
        if (json_f64(json_get(root, S("timeout")), &ms) && ms > 0 && ms < 1e12) o.timeout_ms = (int64_t)ms;
        good = isolation_of(json_get(root, S("isolation_level")), &o.isolation, &err) &&
               exec_tx_start(engine_exec(x->s->e), &o, x->rq->arena, &id, &err);
    }
    if (!good) {
        answer_final(x, 400, &err);
        return;
    }
    buf *out = &x->rs->out;
    x->rs->content_type = S("application/json");
    buf_lit(out, "{\"id\":");
    json_put_str(out, id);
    buf_lit(out, ",\"data-proxy\":{\"endpoint\":\"");
    buf_str(out, x->rq->is_tls ? S("https://") : S("http://"));
    json_put_escaped(out, x->rq->host);
    buf_char(out, '/');
    json_put_escaped(out, version);
    buf_char(out, '/');
    json_put_escaped(out, hash);
    buf_lit(out, "/itx/");
    json_put_escaped(out, id);
    buf_lit(out, "\"}}");
    show_transaction(x, "start_transaction");
    if (http_client_gone(x->rq)) {
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
        answer_final(x, 409, &err);
        return;
    }
    x->rs->content_type = S("application/json");
    buf_lit(&x->rs->out, "{}");
    show_transaction(x, commit ? "commit_transaction" : "rollback_transaction");
}

bool json_door(exchange *x, nicol_str path)
{
    if (str_eq(path, S("/json"))) {
        x->door = "json";
        run(x, OWN_HASH, (nicol_str){0});
        return true;
    }
    nicol_str version = path_part(&path), hash = path_part(&path), what = path_part(&path);
    if (!is_version(version) || !is_hash(hash)) return false;
    x->door = "json";
    if (path.len == 0 && str_eq(what, S("graphql"))) {
        nicol_str tx = http_header_get(x->rq, S("x-transaction-id"));
        run(x, hash, tx);
        return true;
    }
    if (path.len == 0 && str_eq(what, S("schema"))) {
        put_schema(x, hash);
        return true;
    }
    if (str_eq(what, S("transaction")) && str_eq(path, S("/start"))) {
        tx_start(x, version, hash);
        return true;
    }
    if (str_eq(what, S("itx")) || str_eq(what, S("transaction"))) {
        nicol_str id = path_part(&path), verb = path_part(&path);
        if (path.len > 0 || id.len == 0) return false;
        if (str_eq(verb, S("graphql"))) run(x, hash, id);
        else if (str_eq(verb, S("commit"))) tx_end(x, id, true);
        else if (str_eq(verb, S("rollback"))) tx_end(x, id, false);
        else return false;
        return true;
    }
    return false;
}
