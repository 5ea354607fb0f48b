/* server/status.c - the page that shows what is going on, the figures behind it, and the same as metrics text. */
#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "nicol/nicol.h"
#include "server/server_int.h"

#define COUNT_EVERY_US 2000000
#define COUNT_TIME_US 300000 /* for all models together: on a big database some stay uncounted */

/* --- rows of each model --------------------------------------------------------------------------------------------- */

static void count_models(exchange *x)
{
    server *s = x->s;
    engine_schema *own = engine_schema_own(s->e);
    int64_t now = clock_mono_us();
    if (!own || s->counting || (s->counted_us && now - s->counted_us < COUNT_EVERY_US)) return;
    s->counting = true;
    const schema *m = engine_schema_model(own);
    for (size_t i = 0; i < m->models_n && i < SERVER_COUNTS_MAX; i++) {
        nicol_error err = {0};
        if (clock_mono_us() - now > COUNT_TIME_US) break;
        if (!engine_count(s->e, &m->models[i], x->rq->arena, &s->counts[i], &err)) s->counts[i] = -1;
    }
    s->counted_us = clock_mono_us();
    s->counting = false;
}

static void put_models(exchange *x, buf *out)
{
    engine_schema *own = engine_schema_own(x->s->e);
    buf_lit(out, ",\"models\":[");
    const schema *m = own ? engine_schema_model(own) : NULL;
    for (size_t i = 0; m && i < m->models_n && i < SERVER_COUNTS_MAX; i++) {
        if (i > 0) buf_char(out, ',');
        buf_lit(out, "{\"name\":");
        json_put_str(out, m->models[i].name);
        buf_lit(out, ",\"fields\":");
        buf_u64(out, m->models[i].fields_n);
        buf_lit(out, ",\"rows\":");
        if (x->s->counts[i] >= 0 && x->s->counted_us) buf_i64(out, x->s->counts[i]);
        else buf_lit(out, "null");
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

/* --- figures -------------------------------------------------------------------------------------------------------- */

static void put_slow(const engine_figures *f, buf *out)
{
    buf_lit(out, ",\"slow\":[");
    for (uint32_t i = 0; i < f->slow_n; i++) {
        const engine_slow *s = &f->slow[i];
        buf_printf(out, "%s{\"at\":%lld,\"took_us\":%lld,\"failed\":%s,\"what\":", i ? "," : "", (long long)s->wall_ms,
                   (long long)s->took_us, s->failed ? "true" : "false");
        json_put_str(out, str_c(s->what));
        buf_lit(out, ",\"request_id\":");
        json_put_str(out, str_c(s->request_id));
        buf_lit(out, ",\"sql\":");
        json_put_str(out, str_c(s->sql));
        buf_char(out, '}');
    }
    buf_char(out, ']');
}

/* One list serves the page and the metrics text. */
size_t status_figures(const server *s, const engine_figures *f, status_figure out[STATUS_FIGURES_MAX])
{
    http_stats h = http_server_stats(s->http);
    const status_figure list[] = {
        {"operations", "nicol_operations_total", "counter", "Operations that ran", (double)f->operations},
        {"failed", "nicol_operations_failed_total", "counter", "Operations that failed", (double)f->failed},
        {"statements", "nicol_statements_total", "counter", "Database statements", (double)f->exec.statements},
        {"reads", "nicol_plans_read_total", "counter", "Plans that only read", (double)f->exec.reads},
        {"writes", "nicol_plans_write_total", "counter", "Plans that wrote", (double)f->exec.writes},
        {"commits", "nicol_commits_total", "counter", "Transactions committed", (double)f->exec.commits},
        {"rollbacks", "nicol_rollbacks_total", "counter", "Transactions rolled back", (double)f->exec.rollbacks},
        {"expired", "nicol_transactions_expired_total", "counter", "Interactive transactions that timed out",
         (double)f->exec.expired},
        {"tx_open", "nicol_transactions_open", "gauge", "Interactive transactions open now", f->exec.tx_open},
        {"db_connections", "nicol_database_connections", "gauge", "Database connections open now", f->exec.pool.open},
        {"waiting", "nicol_requests_waiting", "gauge", "Requests that wait for a database connection",
         f->exec.pool.waiting},
        {"plan_hits", "nicol_plan_cache_hits_total", "counter", "Clients' plans found in the cache",
         (double)f->plan_hits},
        {"plan_misses", "nicol_plan_cache_misses_total", "counter", "Clients' plans read anew", (double)f->plan_misses},
        {"shape_hits", "nicol_shape_cache_hits_total", "counter", "Operations whose shape was known",
         (double)f->shape_hits},
        {"shape_misses", "nicol_shape_cache_misses_total", "counter", "Operations that were compiled",
         (double)f->shape_misses},
        {"plans", "nicol_plans_kept", "gauge", "Plans kept", f->plans},
        {"plan_bytes", "nicol_plans_kept_bytes", "gauge", "Memory of the plans kept", (double)f->plan_bytes},
        {"plans_evicted", "nicol_plans_evicted_total", "counter", "Plans dropped to make room",
         (double)f->plans_evicted},
        {"compacted", "nicol_operations_compacted_total", "counter",
         "findUnique operations answered together with others of their batch", (double)f->compacted},
        {"schemas", "nicol_schemas_kept", "gauge", "Schemas kept", f->schemas},
        {"connections", "nicol_http_connections", "gauge", "Client connections open now", (double)h.open},
        {"busy", "nicol_http_requests_running", "gauge", "Requests in work now", (double)h.busy},
        {"requests", "nicol_http_requests_total", "counter", "HTTP requests answered", (double)h.requests},
        {"refused", "nicol_http_requests_refused_total", "counter", "HTTP requests refused as malformed",
         (double)h.refused},
        {"bytes_in", "nicol_http_bytes_in_total", "counter", "Bytes read from clients", (double)h.bytes_in},
        {"bytes_out", "nicol_http_bytes_out_total", "counter", "Bytes written to clients", (double)h.bytes_out},
    };
    size_t n = sizeof list / sizeof *list;
    _Static_assert(sizeof list / sizeof *list <= STATUS_FIGURES_MAX, "room for the figures");
    memcpy(out, list, sizeof list);
    return n;
}

static void status_json(exchange *x)
{
    if (!method_is(x, HTTP_GET) || !guard_admin(x)) return;
    count_models(x);
    engine_figures f;
    engine_get_figures(x->s->e, &f);
    status_figure list[STATUS_FIGURES_MAX];
    size_t n = status_figures(x->s, &f, list);
    buf *out = &x->rs->out;
    x->rs->content_type = S("application/json");
    buf_printf(out,
               "{\"version\":\"%s\",\"database\":\"%s\",\"started\":%lld,\"now\":%lld,\"mono_us\":%lld,\"keys\":%s",
               NICOL_VERSION, exec_driver(engine_exec(x->s->e))->name, (long long)f.started_wall_ms,
               (long long)clock_wall_ms(), (long long)clock_mono_us(), keys_none_ever(x->s->keys) ? "false" : "true");
    for (size_t i = 0; i < n; i++) buf_printf(out, ",\"%s\":%.0f", list[i].name, list[i].value);
    buf_lit(out, ",\"latency\":[");
    for (size_t i = 0; i < ENGINE_LATENCY_N; i++)
        buf_printf(out, "%s%llu", i ? "," : "", (unsigned long long)f.latency[i]);
    buf_char(out, ']');
    put_models(x, out);
    put_slow(&f, out);
    buf_char(out, '}');
}

/* --- the page ------------------------------------------------------------------------------------------------------- */

static void page(exchange *x)
{
    if (x->rq->method != HTTP_HEAD && !method_is(x, HTTP_GET)) return;
    if (!guard_page(x)) return;
    char nonce[33], policy[256];
    unsigned char raw[16];
    rand_bytes(raw, sizeof raw);
    for (size_t i = 0; i < sizeof raw; i++) snprintf(nonce + 2 * i, 3, "%02x", raw[i]);
    snprintf(policy, sizeof policy,
             "default-src 'none'; style-src 'nonce-%s'; script-src 'nonce-%s'; connect-src 'self'; img-src data:; "
             "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
             nonce, nonce);
    http_add_header(x->rs, S("Content-Security-Policy"), str_c(policy));
    http_add_header(x->rs, S("Cache-Control"), S("no-store"));
    http_add_header(x->rs, S("X-Content-Type-Options"), S("nosniff"));
    http_add_header(x->rs, S("Referrer-Policy"), S("no-referrer"));
    x->rs->content_type = S("text/html; charset=utf-8");
    nicol_str html = str_of((const char *)status_html, status_html_len);
    /* Off loopback the browser sends its Basic credentials with the page's calls; the token is for loopback only. */
    const char *token = x->s->loopback ? x->s->token : "";
    for (size_t at = 0; at < html.len;) {
        size_t open = str_find(html, S("{{"), at);
        if (open == SIZE_MAX) open = html.len;
        buf_str(&x->rs->out, str_sub(html, at, open));
        if (open == html.len) break;
        bool is_token = str_starts(str_sub(html, open, html.len), S("{{token}}"));
        bool is_nonce = str_starts(str_sub(html, open, html.len), S("{{nonce}}"));
        if (is_token) buf_str(&x->rs->out, str_c(token));
        if (is_nonce) buf_str(&x->rs->out, str_c(nonce));
        if (!is_token && !is_nonce) buf_lit(&x->rs->out, "{{");
        at = open + (is_token || is_nonce ? 9 : 2);
    }
}

bool status_page(exchange *x, nicol_str path)
{
    x->door = "page";
    if (str_eq(path, S("/"))) page(x);
    else if (str_eq(path, S("/status.json"))) status_json(x);
    else if (str_eq(path, S("/metrics"))) metrics_answer(x);
    else return false;
    return true;
}
