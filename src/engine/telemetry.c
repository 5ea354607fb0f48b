/* engine/telemetry.c - what a client sees of its own request: the statements that ran for it, as query logs and as spans
 * of its trace. Both go into the answer's `extensions`, so nothing is kept on this side.
 *
 * Versions read different names (spanId and span_id, spans and traces): every entry carries all of them. A client walks
 * the spans from those without a parent, and walks for ever where an id is its own ancestor: so ids are random and
 * ours have no parent among each other.
 */
#include "base/clock.h"
#include "base/id.h"
#include "engine/engine_int.h"

#define TELEMETRY_BYTES_MAX ((size_t)1 << 20) /* of logs, and of spans; what comes later is counted only */
#define PARAMS_BYTES_MAX 65536

/* --- what is asked for ---------------------------------------------------------------------------------------------- */

static bool names(nicol_str list, nicol_str word)
{
    for (size_t at = 0; at < list.len;) {
        size_t end = str_find_char(list, ',', at);
        if (end == SIZE_MAX) end = list.len;
        if (str_ieq(str_trim(str_sub(list, at, end)), word)) return true;
        at = end + 1;
    }
    return false;
}

static void random_hex(char *out, size_t digits)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[16];
    rand_bytes(raw, digits / 2);
    for (size_t i = 0; i < digits; i++) out[i] = hex[(raw[i / 2] >> (i % 2 ? 0 : 4)) & 15];
    out[digits] = '\0';
}

static bool is_id(nicol_str s, size_t digits)
{
    bool zero = true;
    if (s.len != digits) return false;
    for (size_t i = 0; i < digits; i++) {
        char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
        zero = zero && c == '0';
    }
    return !zero;
}

bool engine_telemetry_init(engine_telemetry *t, engine *e, nicol_str asked, nicol_str traceparent)
{
    *t = (engine_telemetry){.logs = names(asked, S("query")), .spans = names(asked, S("tracing"))};
    if (!t->logs && !t->spans) return false;
    t->system = exec_driver(e->x)->name;
    nicol_str trace = str_sub(traceparent, 3, 35), parent = str_sub(traceparent, 36, 52);
    if (traceparent.len >= 55 && is_id(trace, 32) && is_id(parent, 16)) {
        memcpy(t->trace_id, trace.ptr, 32);
        memcpy(t->parent_id, parent.ptr, 16);
    } else {
        random_hex(t->trace_id, 32);
    }
    buf_init(&t->log_text, e->m, TELEMETRY_BYTES_MAX);
    buf_init(&t->span_text, e->m, TELEMETRY_BYTES_MAX);
    return true;
}

void engine_telemetry_free(engine_telemetry *t)
{
    buf_free(&t->log_text);
    buf_free(&t->span_text);
}

/* --- arguments as JSON ---------------------------------------------------------------------------------------------- */

/* What to add to a monotonic time to have Unix time, both in microseconds. */
static int64_t to_wall(void)
{
    return clock_wall_ms() * 1000 - clock_mono_us();
}

static void put_time(buf *b, int64_t wall_us)
{
    buf_printf(b, "[%lld,%lld]", (long long)(wall_us / 1000000), (long long)(wall_us % 1000000 * 1000));
}

static void put_arg(buf *b, val v)
{
    char text[32];
    switch ((val_type)v.type) {
    case VAL_BOOL:
        buf_str(b, v.u.i ? S("true") : S("false"));
        break;
    case VAL_INT:
        buf_i64(b, v.u.i);
        break;
    case VAL_FLOAT:
        json_put_f64(b, v.u.f);
        break;
    case VAL_STR:
    case VAL_DECIMAL:
    case VAL_JSON:
        json_put_str(b, val_str(v));
        break;
    case VAL_DATETIME:
        json_put_str(b, str_of(text, datetime_format(text, v.u.i)));
        break;
    case VAL_BYTES:
        buf_char(b, '"');
        base64_write(b, v.u.p, v.n);
        buf_char(b, '"');
        break;
    case VAL_LIST:
        buf_char(b, '[');
        for (uint32_t i = 0; i < v.n && !buf_failed(b); i++) {
            if (i > 0) buf_char(b, ',');
            put_arg(b, v.u.list[i]);
        }
        buf_char(b, ']');
        break;
    case VAL_UNDEF:
    case VAL_NULL:
    case VAL_RECORD:
    case VAL_ROWS:
        buf_lit(b, "null");
        break;
    }
}

/* --- entries -------------------------------------------------------------------------------------------------------- */

/* An entry is there whole or not at all. */
static void keep_whole(engine_telemetry *t, buf *b, size_t before)
{
    if (!buf_failed(b)) return;
    b->len = before;
    b->failed = b->over = false;
    t->left_out++;
}

static void put_ids(const engine_telemetry *t, buf *b, char span[17])
{
    random_hex(span, 16);
    buf_printf(b, "\"trace_id\":\"%s\",\"span_id\":\"%s\"", t->trace_id, span);
}

static void put_log(engine_telemetry *t, nicol_str sql, const val *args, size_t n, int64_t start_us, int64_t took_us)
{
    buf *b = &t->log_text, params;
    size_t before = b->len;
    char span[17];
    buf_init(&params, b->m, PARAMS_BYTES_MAX);
    put_arg(&params, (val){.type = VAL_LIST, .n = (uint32_t)n, .u.list = args});
    bool cut = buf_failed(&params);
    if (before > 0) buf_char(b, ',');
    buf_lit(b, "{\"level\":\"query\",");
    put_ids(t, b, span);
    buf_printf(b, ",\"spanId\":\"%s\",\"timestamp\":", span);
    put_time(b, to_wall() + start_us);
    buf_lit(b, ",\"target\":\"nicol\",\"attributes\":{\"query\":");
    json_put_str(b, sql);
    buf_lit(b, ",\"params\":");
    json_put_str(b, cut ? S("[\"too long to be shown\"]") : buf_view(&params));
    buf_lit(b, ",\"duration_ms\":");
    json_put_f64(b, (double)took_us / 1000);
    buf_lit(b, ",\"target\":\"nicol\"}}");
    buf_free(&params);
    keep_whole(t, b, before);
}

static void put_span(engine_telemetry *t, const char *name, nicol_str sql, int64_t start_us, int64_t end_us)
{
    buf *b = &t->span_text;
    size_t before = b->len;
    int64_t wall = to_wall();
    char span[17];
    if (before > 0) buf_char(b, ',');
    buf_char(b, '{');
    put_ids(t, b, span);
    buf_printf(
        b,
        ",\"id\":\"%s-%s\",\"parentId\":null,\"parent_span_id\":\"%s\",\"name\":\"prisma:accelerate:%s\",\"kind\":\"%s\"",
        t->trace_id, span, t->parent_id, name, sql.ptr ? "client" : "internal");
    buf_lit(b, ",\"span\":true,\"links\":[],\"startTime\":");
    put_time(b, wall + start_us);
    buf_lit(b, ",\"endTime\":");
    put_time(b, wall + end_us);
    buf_lit(b, ",\"start_time\":");
    put_time(b, wall + start_us);
    buf_lit(b, ",\"end_time\":");
    put_time(b, wall + end_us);
    buf_lit(b, ",\"attributes\":{");
    if (sql.ptr) {
        buf_lit(b, "\"db.query.text\":");
        json_put_str(b, sql);
        buf_printf(b, ",\"db.system.name\":\"%s\"", t->system);
    }
    buf_lit(b, "}}");
    keep_whole(t, b, before);
}

void telemetry_seen(engine_telemetry *t, nicol_str sql, const val *args, size_t n, int64_t start_us, int64_t took_us)
{
    if (t->left_out > 0) {
        t->left_out++;
        return;
    }
    if (t->logs) put_log(t, sql, args, n, start_us, took_us);
    if (t->spans) put_span(t, "db_query", sql, start_us, start_us + took_us);
}

void engine_telemetry_span(engine_telemetry *t, const char *name, int64_t start_us)
{
    if (t->spans) put_span(t, name, (nicol_str){0}, start_us, clock_mono_us());
}

/* A log of our own: how many statements there was no room for. */
static void put_left_out(engine_telemetry *t, buf *out)
{
    char span[17];
    if (t->log_text.len > 0) buf_char(out, ',');
    buf_lit(out, "{\"level\":\"warn\",");
    put_ids(t, out, span);
    buf_printf(out, ",\"spanId\":\"%s\",\"timestamp\":", span);
    put_time(out, clock_wall_ms() * 1000);
    buf_printf(
        out,
        ",\"target\":\"nicol\",\"attributes\":{\"message\":\"%u more statements ran; they are too many or too long to be shown\"}}",
        t->left_out);
}

/* --- the answer ----------------------------------------------------------------------------------------------------- */

void engine_telemetry_put(engine_telemetry *t, buf *out)
{
    if (buf_failed(out) || out->len < 2 || out->ptr[out->len - 1] != '}') return;
    /* The answer matters more than what is told about it. */
    if (!buf_reserve(out, t->log_text.len + 2 * t->span_text.len + 512)) {
        out->failed = out->over = false;
        return;
    }
    out->len--;
    if (out->ptr[out->len - 1] != '{') buf_char(out, ',');
    buf_lit(out, "\"extensions\":{");
    if (t->logs) {
        buf_lit(out, "\"logs\":[");
        buf_str(out, buf_view(&t->log_text));
        if (t->left_out > 0) put_left_out(t, out);
        buf_char(out, ']');
        if (t->spans) buf_char(out, ',');
    }
    if (t->spans) {
        buf_lit(out, "\"spans\":[");
        buf_str(out, buf_view(&t->span_text));
        buf_lit(out, "],\"traces\":[");
        buf_str(out, buf_view(&t->span_text));
        buf_char(out, ']');
    }
    buf_lit(out, "}}");
}
