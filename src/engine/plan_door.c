/* engine/plan_door.c - the plan protocol: a client of version 7 sends the plan, we run it.
 *
 * Plans of one shape are byte-identical, so a read plan is kept by its bytes: the second request of a shape parses its
 * JSON once and looks its plan up.
 */
#include <stdlib.h>

#include "engine/engine_int.h"

#define PLAN_KEPT_BYTES_MAX ((size_t)64 << 10) /* longer ones (createMany of many rows) are read each time */
#define COMMENTS_MAX 64
#define COMMENT_BYTES_MAX 4096

/* --- finding the plan ----------------------------------------------------------------------------------------------- */

static kept *find_plan(engine *e, json_val node, nicol_error *err)
{
    nicol_str text = json_raw(node);
    hash128 key = hash_bytes128(text.ptr, text.len, 0);
    for (kept *k = keep_first(&e->plans, key); k; k = k->same) {
        if (str_eq(k->text, text)) {
            e->fig.plan_hits++;
            keep_used(&e->plans, k);
            return k;
        }
    }
    e->fig.plan_misses++;
    plan *p = plan_read(node, e->m, err);
    if (!p) return NULL;
    kept *k = kept_new(e->m, p, key);
    if (!k) {
        plan_free(p);
        nicol_fail_oom(err);
        return NULL;
    }
    if (text.len <= PLAN_KEPT_BYTES_MAX) k->text = arena_str(k->a, text);
    if (k->text.ptr) {
        keep_add(&e->plans, k);
    } else {
        k->refs = 1;
        k->dropped = true;
    }
    return k;
}

/* --- comments ------------------------------------------------------------------------------------------------------- */

typedef struct comment {
    nicol_str key, value;
} comment;

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const comment *)a)->key, ((const comment *)b)->key);
}

/* As encodeURIComponent: what it leaves alone holds nothing that could end an SQL comment but the quote. */
static void put_encoded(buf *b, nicol_str s)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("-_.!~()", c));
        if (plain) {
            buf_char(b, (char)c);
        } else if (c == '\'') {
            buf_lit(b, "\\'");
        } else {
            /* '*' is encoded too (encodeURIComponent would not): "*" and "/" must never meet inside a comment. */
            buf_char(b, '%');
            buf_char(b, hex[c >> 4]);
            buf_char(b, hex[c & 15]);
        }
    }
}

static bool sql_comment(engine *e, json_val comments, arena *a, nicol_str *out, nicol_error *err)
{
    *out = (nicol_str){0};
    uint32_t n = json_kind(comments) == JSON_OBJECT ? json_count(comments) : 0;
    if (n == 0) return true;
    if (n > COMMENTS_MAX)
        return nicol_fail(err, NICOL_E_LIMIT, "\"comments\" has %u entries; the limit is %d", n, COMMENTS_MAX);
    comment *v = ARENA_ARRAY(a, n, comment);
    if (!v) return nicol_fail_oom(err);
    uint32_t used = 0;
    json_iter it = json_first(comments);
    while (json_more(&it)) {
        nicol_str value = json_text(it.value);
        if (it.key.ptr && value.ptr) v[used++] = (comment){it.key, value};
    }
    if (used == 0) return true;
    qsort(v, used, sizeof *v, by_key);
    buf b;
    buf_init(&b, e->m, COMMENT_BYTES_MAX);
    buf_lit(&b, "/*");
    for (uint32_t i = 0; i < used; i++) {
        if (i > 0) buf_char(&b, ',');
        put_encoded(&b, v[i].key);
        buf_lit(&b, "='");
        put_encoded(&b, v[i].value);
        buf_char(&b, '\'');
    }
    buf_lit(&b, "*/");
    bool good = !buf_failed(&b);
    bool over = b.over;
    if (good) *out = arena_str(a, buf_view(&b));
    buf_free(&b);
    if (over) return nicol_fail(err, NICOL_E_LIMIT, "\"comments\" is longer than %d bytes", COMMENT_BYTES_MAX);
    return (good && out->ptr) || nicol_fail_oom(err);
}

/* --- the door ------------------------------------------------------------------------------------------------------- */

/* What a request has beside its plan. */
typedef struct beside {
    json_val params, comments;
} beside;

static bool run_plan(engine *e, kept *k, const beside *rest, engine_call *call, watch *w, buf *out, nicol_error *err)
{
    exec_request rq = {.plan = k->plan, .tx = call->tx, .a = call->a, .deadline_us = call->deadline_us};
    watch_run(w, &rq);
    val *params = ARENA_ARRAY(call->a, k->plan->params_n + 1u, val);
    if (!params) return nicol_fail_oom(err);
    if (!plan_take_params(k->plan, rest->params, call->a, params, err)) return false;
    rq.params = params;
    if (!sql_comment(e, rest->comments, call->a, &rq.sql_comment, err)) return false;
    size_t before = out->len;
    buf_lit(out, "{\"data\":");
    bool has_value = true;
    bool good = exec_run(e->x, &rq, out, &has_value, err);
    if (good && !has_value) {
        out->len = before;
        buf_char(out, '{');
    }
    if (good) buf_char(out, '}');
    else out->len = before;
    if (good && buf_failed(out))
        good = out->over ? nicol_fail(err, NICOL_E_RESULT_TOO_LARGE, NULL) : nicol_fail_oom(err);
    return good;
}

/* --- by text -------------------------------------------------------------------------------------------------------- */

static bool any_text(const kept *k, const json_doc *doc, void *ctx)
{
    beside *rest = ctx;
    *rest = (beside){0};
    if (k->has_params) rest->params = json_form_value(k->form, doc, 0);
    if (k->has_comments) rest->comments = json_form_value(k->form, doc, k->has_params);
    /* The values point to their document. */
    json_doc *own = ARENA_NEW(doc->a, json_doc);
    if (!own) return false;
    *own = *doc;
    if (rest->params.doc) rest->params.doc = own;
    if (rest->comments.doc) rest->comments.doc = own;
    return true;
}

static void keep_text(engine *e, kept *k, json_val root, const beside *rest, nicol_str action, nicol_str model)
{
    uint32_t values[2], n = 0;
    if (k->form || (json_present(rest->params) && json_present(rest->comments) && rest->comments.i < rest->params.i))
        return;
    k->operation = arena_str(k->a, action);
    k->model = arena_str(k->a, model);
    if (!k->operation.ptr || !k->model.ptr) return;
    k->has_params = json_present(rest->params);
    k->has_comments = json_present(rest->comments);
    if (k->has_params) values[n++] = rest->params.i;
    if (k->has_comments) values[n++] = rest->comments.i;
    keep_form(&e->plans, k, root.doc, values, n);
}

bool engine_plan(engine *e, nicol_str body, engine_call *call, buf *out, nicol_error *err)
{
    watch w;
    watch_start(&w, e, call);
    beside rest;
    json_doc doc;
    nicol_str action, model;
    bool known = true;
    kept *k = keep_by_text(&e->plans, body, call->a, any_text, &rest);
    if (k) {
        e->fig.plan_hits++;
        action = k->operation;
        model = k->model;
    } else {
        if (!json_parse(call->a, body, NICOL_JSON_DEPTH_MAX, &doc, err)) return false;
        json_val root = json_root(&doc);
        json_val node = json_get(root, S("plan"));
        if (json_kind(root) != JSON_OBJECT || json_kind(node) != JSON_OBJECT) {
            return nicol_fail(err, NICOL_E_BAD_PLAN,
                              "the body must be an object with \"plan\" (an object), \"operation\" and \"params\"");
        }
        rest = (beside){json_get(root, S("params")), json_get(root, S("comments"))};
        action = json_text(json_get(root, S("operation")));
        model = json_text(json_get(root, S("model")));
        k = find_plan(e, node, err);
        known = k != NULL;
        if (known) keep_text(e, k, root, &rest, action, model);
    }
    bool good = known && run_plan(e, k, &rest, call, &w, out, err);
    call->operations++;
    watch_end(&w, action, model, 1, !good);
    if (k) keep_give(k);
    return good;
}

int engine_put_error_v7(const nicol_error *err, buf *out)
{
    const char *code = err_client(err->code);
    /* P2009 and P2012 need path lists in meta that only the other protocol has: a client would crash on them. */
    bool unsafe = strcmp(code, "P2009") == 0 || strcmp(code, "P2012") == 0;
    buf_lit(out, "{\"code\":");
    json_put_str(out, *code && !unsafe ? str_c(code) : S("P6000"));
    buf_lit(out, ",\"error\":");
    json_put_str(out, err->message);
    buf_lit(out, ",\"meta\":");
    exec_error_meta_v7(err, out);
    buf_char(out, '}');
    return err_status(err->code);
}
