/* server/routes.c - one request, from its id to its log line. */
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "server/server_int.h"

#define REQUEST_ID_MAX 128

static bool id_is_clean(nicol_str s)
{
    if (s.len == 0 || s.len > REQUEST_ID_MAX) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool fine = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' ||
                    c == '_' || c == '-';
        if (!fine) return false;
    }
    return true;
}

/* The caller's own id when it is harmless, else a new one. */
static nicol_str request_id_of(http_request *rq)
{
    nicol_str given = http_header_get(rq, S("x-request-id"));
    if (id_is_clean(given)) return given;
    char *made = arena_alloc(rq->arena, 36);
    if (!made) return S("none");
    id_uuid7(made, clock_wall_ms());
    return str_of(made, 36);
}

nicol_str path_part(nicol_str *path)
{
    if (path->len > 0 && path->ptr[0] == '/') *path = str_sub(*path, 1, path->len);
    size_t end = str_find_char(*path, '/', 0);
    if (end == SIZE_MAX) end = path->len;
    nicol_str part = str_sub(*path, 0, end);
    *path = str_sub(*path, end, path->len);
    return part;
}

void answer_error(exchange *x, int status, const char *code, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    x->rs->status = status;
    x->rs->content_type = S("application/json");
    buf_clear(&x->rs->out);
    buf_lit(&x->rs->out, "{\"code\":");
    json_put_str(&x->rs->out, str_c(code));
    buf_lit(&x->rs->out, ",\"error\":");
    json_put_str(&x->rs->out, str_c(text));
    buf_lit(&x->rs->out, ",\"meta\":{}}");
}

void answer_nicol_error(exchange *x, const nicol_error *err)
{
    buf_clear(&x->rs->out);
    x->rs->content_type = S("application/json");
    x->rs->status = engine_put_error_v7(err, &x->rs->out);
}

bool method_is(exchange *x, http_method m)
{
    if (x->rq->method == m) return true;
    static const char *const names[] = {
        [HTTP_GET] = "GET",     [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",       [HTTP_PUT] = "PUT",
        [HTTP_PATCH] = "PATCH", [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS", [HTTP_OTHER] = ""};
    http_add_header(x->rs, S("Allow"), str_c(names[m]));
    answer_error(x, 405, "P6000", "%s needs the method %s", "this path", names[m]);
    return false;
}

engine_call call_of(exchange *x)
{
    return (engine_call){.request_id = x->request_id, .a = x->rq->arena, .deadline_us = IO_NEVER};
}

static void health(exchange *x)
{
    if (x->rq->method != HTTP_HEAD && !method_is(x, HTTP_GET)) return;
    x->rs->content_type = S("application/json");
    buf_lit(&x->rs->out, "{\"status\":\"ok\"}");
}

/* Ready: not draining, and the database answers. */
static void ready(exchange *x)
{
    if (x->rq->method != HTTP_HEAD && !method_is(x, HTTP_GET)) return;
    if (http_draining(x->rq)) {
        answer_error(x, 503, "P6000", "the server is draining");
        return;
    }
    static const char probe[] =
        "{\"action\":\"queryRaw\",\"query\":{\"arguments\":{\"query\":\"SELECT 1\",\"parameters\":\"[]\"},\"selection\":{}}}";
    engine_schema *own = engine_schema_own(x->s->e);
    engine_call call = call_of(x);
    call.deadline_us = clock_mono_us() + 1000000;
    bool failed = false;
    nicol_error err = {0};
    buf out;
    buf_init(&out, x->s->m, 65536);
    bool good = engine_query(x->s->e, own, str_c(probe), &call, &out, &failed, &err) && !failed;
    buf_free(&out);
    if (!good) {
        answer_error(x, 503, "P1001", "the database does not answer");
        return;
    }
    x->rs->content_type = S("application/json");
    buf_lit(&x->rs->out, "{\"status\":\"ready\"}");
}

engine_telemetry *want_telemetry(exchange *x, engine_telemetry *t)
{
    nicol_str asked = http_header_get(x->rq, S("x-capture-telemetry"));
    if (asked.len == 0) return NULL;
    return engine_telemetry_init(t, x->s->e, asked, http_header_get(x->rq, S("traceparent"))) ? t : NULL;
}

void show_telemetry(exchange *x, engine_telemetry *t, bool good)
{
    if (!t) return;
    if (good) engine_telemetry_put(t, &x->rs->out);
    engine_telemetry_free(t);
}

void show_transaction(exchange *x, const char *name)
{
    engine_telemetry t;
    if (!want_telemetry(x, &t)) return;
    engine_telemetry_span(&t, name, x->rq->start_us);
    show_telemetry(x, &t, true);
}

static void route(exchange *x)
{
    nicol_str path = x->rq->path;
    if (str_eq(path, S("/health"))) {
        health(x);
        return;
    }
    if (str_eq(path, S("/ready"))) {
        ready(x);
        return;
    }
    if (!guard_stranger(x)) return;
    if (status_page(x, path) || plan_door(x, path) || json_door(x, path)) return;
    answer_error(x, 404, "P6000",
                 "there is nothing at this path: version 7 clients use /query, versions 5 and 6 /VERSION/HASH/graphql");
}

void server_handle(void *ctx, http_request *rq, http_response *rs);

void server_handle(void *ctx, http_request *rq, http_response *rs)
{
    exchange x = {.s = ctx, .rq = rq, .rs = rs, .door = ""};
    x.request_id = request_id_of(rq);
    http_add_header(rs, S("x-request-id"), x.request_id);
    route(&x);
    if (!log_wants(LOG_INFO)) return;
    LOG(rs->status >= 500   ? LOG_ERROR
        : rs->status >= 400 ? LOG_WARN
                            : LOG_INFO,
        "request", x.request_id, LOG_S("method", rq->method_text), LOG_S("path", rq->path), LOG_I("status", rs->status),
        LOG_S("door", str_c(x.door)), LOG_S("key", x.key_id), LOG_I("operations", x.operations),
        LOG_I("took_us", clock_mono_us() - rq->start_us), LOG_I("bytes_in", (int64_t)rq->body.len),
        LOG_I("bytes_out", (int64_t)rs->out.len), LOG_S("peer", str_c(rq->peer)));
}
