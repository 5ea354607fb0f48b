/* exec/data_map.c - result structures: database values to the JSON text that clients get.
 *
 * A row's cells come either from kept rows or straight from the statement that is being stepped; both look the same
 * here, so the usual read is decoded once, from the database's form into text. The usual scalar is written in one go with
 * the name before it, where the buffer has the room; everything else takes the general way. Types that JSON lacks go out as
 * {"$type": ..., "value": "..."}, normalised: clients accept many spellings, so the choice is ours and stays one.
 */
#include <math.h>

#include "exec/exec_int.h"

#include "json/json.h"

/* --- errors --------------------------------------------------------------------------------------------------------- */

/* A value as JavaScript would print it, for messages. */
static nicol_str shown(run *r, val v)
{
    char text[32];
    switch ((val_type)v.type) {
    case VAL_BOOL:
        return v.u.i ? S("true") : S("false");
    case VAL_INT:
        return arena_printf(r->a, "%lld", (long long)v.u.i);
    case VAL_FLOAT:
        return isfinite(v.u.f) ? arena_str(r->a, str_of(text, float_format(text, v.u.f))) : S("NaN");
    case VAL_STR:
    case VAL_DECIMAL:
    case VAL_JSON: {
        nicol_str s = str_sub(val_str(v), 0, 100);
        size_t bad = str_utf8_bad(s);
        return bad == SIZE_MAX ? s : str_sub(s, 0, bad);
    }
    case VAL_UNDEF:
        return S("undefined");
    case VAL_NULL:
        return S("null");
    case VAL_DATETIME:
        return S("a date");
    case VAL_BYTES:
        return S("bytes");
    case VAL_LIST:
    case VAL_ROWS:
        return S("a list");
    case VAL_RECORD:
        break;
    }
    return S("[object Object]");
}

static const char *js_type(val v)
{
    switch ((val_type)v.type) {
    case VAL_BOOL:
        return "boolean";
    case VAL_INT:
    case VAL_FLOAT:
        return "number";
    case VAL_STR:
    case VAL_DECIMAL:
        return "string";
    case VAL_UNDEF:
        return "undefined";
    case VAL_NULL:
    case VAL_DATETIME:
    case VAL_JSON:
    case VAL_BYTES:
    case VAL_LIST:
    case VAL_RECORD:
    case VAL_ROWS:
        break;
    }
    return "object";
}

static bool wrong_type(run *r, const plan_shape *s, const char *wanted, val v)
{
    nicol_str text = shown(r, v);
    nicol_fail_in(r->a, r->err, NICOL_E_COLUMN_DATA, "Expected %s in column '%.*s', got %s: %.*s", wanted,
                  STR_FMT(s->db_name), js_type(v), STR_FMT(text));
    if (r->err && r->err->code == NICOL_E_COLUMN_DATA && !r->err->meta.ptr) r->err->meta = S("{}");
    return false;
}

static bool missing(run *r, const char *what, nicol_str name)
{
    nicol_fail_in(r->a, r->err, NICOL_E_COLUMN_DATA, "Missing data field (%s): '%.*s'", what, STR_FMT(name));
    if (r->err && r->err->code == NICOL_E_COLUMN_DATA && !r->err->meta.ptr) r->err->meta = S("{}");
    return false;
}

/* --- fields --------------------------------------------------------------------------------------------------------- */

#define JS_SAFE_INT 9007199254740991.0

static bool put_int(run *r, const plan_shape *s, val v, buf *out)
{
    double f;
    if (v.type == VAL_INT) {
        buf_i64(out, v.u.i);
        return true;
    }
    if (v.type == VAL_FLOAT) f = v.u.f;
    else if ((v.type != VAL_STR && v.type != VAL_DECIMAL) || !val_number(v, &f))
        return wrong_type(r, s, "an integer", v);
    f = trunc(f);
    if (!isfinite(f)) return wrong_type(r, s, "an integer", v);
    if (fabs(f) > JS_SAFE_INT) {
        nicol_str text = shown(r, v);
        nicol_fail_in(r->a, r->err, NICOL_E_COLUMN_DATA,
                      "Integer value in column '%.*s' is too large to represent as a JavaScript number without loss of "
                      "precision, got: %.*s. Consider using BigInt type.",
                      STR_FMT(s->db_name), STR_FMT(text));
        if (r->err && r->err->code == NICOL_E_COLUMN_DATA && !r->err->meta.ptr) r->err->meta = S("{}");
        return false;
    }
    buf_i64(out, (int64_t)f);
    return true;
}

static bool put_bigint(run *r, const plan_shape *s, val v, buf *out)
{
    if (v.type == VAL_FLOAT && isfinite(v.u.f)) {
        double f = trunc(v.u.f);
        buf_lit(out, "{\"$type\":\"BigInt\",\"value\":\"");
        if (fabs(f) < 9.2e18) buf_i64(out, (int64_t)f);
        else buf_printf(out, "%.0f", f);
    } else if (v.type == VAL_INT) {
        buf_lit(out, "{\"$type\":\"BigInt\",\"value\":\"");
        buf_i64(out, v.u.i);
    } else if (v.type == VAL_STR || v.type == VAL_DECIMAL) {
        buf_lit(out, "{\"$type\":\"BigInt\",\"value\":\"");
        json_put_escaped(out, val_str(v));
    } else {
        return wrong_type(r, s, "a bigint", v);
    }
    buf_lit(out, "\"}");
    return true;
}

static bool put_float(run *r, const plan_shape *s, val v, buf *out)
{
    double f;
    if (v.type == VAL_INT && v.u.i > -(1LL << 53) && v.u.i < (1LL << 53)) {
        buf_i64(out, v.u.i);
        return true;
    }
    if (v.type == VAL_INT) f = (double)v.u.i;
    else if (v.type == VAL_FLOAT) f = v.u.f;
    else if ((v.type != VAL_STR && v.type != VAL_DECIMAL) || !val_number(v, &f)) return wrong_type(r, s, "a float", v);
    json_put_f64(out, f);
    return true;
}

static bool put_boolean(run *r, const plan_shape *s, val v, buf *out)
{
    bool is;
    nicol_str t = val_is_text(v) ? val_str(v) : (nicol_str){0};
    if (v.type == VAL_BOOL || v.type == VAL_INT) {
        is = v.u.i == 1;
    } else if (v.type == VAL_FLOAT) {
        is = v.u.f == 1;
    } else if (v.type == VAL_BYTES) {
        is = false;
        for (size_t i = 0; i < t.len; i++) is = is || t.ptr[i] != 0;
    } else if (v.type == VAL_STR && (str_eq(t, S("true")) || str_eq(t, S("TRUE")) || str_eq(t, S("1")))) {
        is = true;
    } else if (v.type == VAL_STR && (str_eq(t, S("false")) || str_eq(t, S("FALSE")) || str_eq(t, S("0")))) {
        is = false;
    } else {
        return wrong_type(r, s, "a boolean", v);
    }
    buf_str(out, is ? S("true") : S("false"));
    return true;
}

static bool put_decimal(run *r, const plan_shape *s, val v, buf *out)
{
    char text[32];
    nicol_str t;
    size_t at = out->len;
    buf_lit(out, "{\"$type\":\"Decimal\",\"value\":\"");
    if (v.type == VAL_INT) {
        buf_i64(out, v.u.i);
    } else {
        if (v.type == VAL_FLOAT && isfinite(v.u.f)) t = str_of(text, float_format(text, v.u.f));
        else if (v.type == VAL_STR || v.type == VAL_DECIMAL) t = val_str(v);
        else t = (nicol_str){0};
        if (v.type == VAL_DECIMAL && (str_eq(t, S("NaN")) || str_ends(t, S("Infinity")))) {
            buf_str(out, t); /* PostgreSQL's numeric has them, and so have clients' decimals */
        } else if (!decimal_canonical(out, t) && !buf_failed(out)) {
            out->len = at;
            return wrong_type(r, s, "a decimal", v);
        }
    }
    buf_lit(out, "\"}");
    return true;
}

static bool two_digits(const char *p, unsigned max)
{
    unsigned a = (unsigned)(p[0] - '0'), b = (unsigned)(p[1] - '0');
    return a <= 9 && b <= 9 && a * 10 + b <= max;
}

/* Text that is the answer already, but for its zone: what is written by us and by most. Days past the 28th are left to
 * the general reader. */
static bool is_plain_instant(nicol_str t)
{
    const char *p = t.ptr;
    if (t.len == 29 ? memcmp(p + 23, "+00:00", 6) != 0 : t.len != 24 || p[23] != 'Z') return false;
    if (p[4] != '-' || p[7] != '-' || p[10] != 'T' || p[13] != ':' || p[16] != ':' || p[19] != '.') return false;
    return two_digits(p, 99) && two_digits(p + 2, 99) && two_digits(p + 5, 12) && two_digits(p + 8, 28) &&
           (p[5] != '0' || p[6] != '0') && (p[8] != '0' || p[9] != '0') && two_digits(p + 11, 23) &&
           two_digits(p + 14, 59) && two_digits(p + 17, 59) && two_digits(p + 20, 99) && p[22] >= '0' && p[22] <= '9';
}

static bool put_datetime(run *r, const plan_shape *s, val v, buf *out)
{
    int64_t ms;
    if (v.type == VAL_STR && is_plain_instant(val_str(v))) {
        buf_lit(out, "{\"$type\":\"DateTime\",\"value\":\"");
        buf_bytes(out, v.u.p, 23);
        buf_lit(out, "Z\"}");
        return true;
    }
    if (v.type == VAL_DATETIME || v.type == VAL_INT) ms = v.u.i;
    else if (v.type == VAL_FLOAT && fabs(v.u.f) < 9e15) ms = (int64_t)v.u.f;
    else if (v.type != VAL_STR || !datetime_parse(val_str(v), &ms)) return wrong_type(r, s, "a date", v);
    char text[32];
    if (ms < -8640000000000000 || ms > 8640000000000000) return wrong_type(r, s, "a date", v);
    size_t n = datetime_format(text, ms);
    buf_lit(out, "{\"$type\":\"DateTime\",\"value\":\"");
    buf_bytes(out, text, n);
    buf_lit(out, "\"}");
    return true;
}

/* The JSON text of a cell: what a JSON column holds, or a number that the column's affinity made of it. */
static bool put_json(run *r, const plan_shape *s, val v, buf *out)
{
    buf *tmp = &r->e->tmp;
    buf_clear(tmp);
    if (v.type == VAL_STR || v.type == VAL_JSON) {
        if (!json_put_minified(tmp, val_str(v), NICOL_JSON_DEPTH_MAX) && !buf_failed(tmp))
            return wrong_type(r, s, "JSON", v);
    } else if (!emit_value(r, v, tmp)) {
        return false;
    }
    if (buf_failed(tmp)) return nicol_fail_oom(r->err);
    buf_lit(out, "{\"$type\":\"Json\",\"value\":");
    json_put_str(out, buf_view(tmp));
    buf_char(out, '}');
    return true;
}

static bool put_bytes(run *r, const plan_shape *s, val v, buf *out)
{
    nicol_str bytes;
    if (v.type == VAL_BYTES) {
        bytes = val_str(v);
    } else if (v.type == VAL_STR && s->bytes != BYTES_HEX) {
        if (!base64_read(r->a, val_str(v), &bytes)) return wrong_type(r, s, "a base64-encoded byte array", v);
    } else if (v.type == VAL_STR && str_starts(val_str(v), S("\\x"))) {
        if (!hex_read(r->a, str_sub(val_str(v), 2, v.n), &bytes))
            return wrong_type(r, s, "a hex-encoded byte array", v);
    } else {
        return wrong_type(r, s, s->bytes == BYTES_HEX ? "a hex-encoded byte array" : "a byte array", v);
    }
    buf_lit(out, "{\"$type\":\"Bytes\",\"value\":\"");
    base64_write(out, bytes.ptr, bytes.len);
    buf_lit(out, "\"}");
    return true;
}

static bool put_enum(run *r, const plan_shape *s, val v, buf *out)
{
    if (!s->en) return nicol_fail(r->err, NICOL_E_COLUMN_DATA, "Unknown enum '%.*s'", STR_FMT(s->en_name));
    nicol_str text = v.type == VAL_STR ? val_str(v) : shown(r, v);
    for (uint32_t i = 0; i < s->en->n; i++) {
        if (!str_eq(s->en->from[i], text)) continue;
        json_put_str(out, s->en->to[i]);
        return true;
    }
    nicol_fail_in(r->a, r->err, NICOL_E_COLUMN_DATA, "Value '%.*s' not found in enum '%.*s'", STR_FMT(shown(r, v)),
                  STR_FMT(s->en_name));
    if (r->err && r->err->code == NICOL_E_COLUMN_DATA && !r->err->meta.ptr) r->err->meta = S("{}");
    return false;
}

static bool put_scalar(run *r, const plan_shape *s, val v, buf *out)
{
    switch (s->out) {
    case OUT_STRING:
        if (v.type != VAL_STR && v.type != VAL_DECIMAL) return wrong_type(r, s, "a string", v);
        json_put_str(out, val_str(v));
        return true;
    case OUT_INT:
        return put_int(r, s, v, out);
    case OUT_BIGINT:
        return put_bigint(r, s, v, out);
    case OUT_FLOAT:
        return put_float(r, s, v, out);
    case OUT_BOOLEAN:
        return put_boolean(r, s, v, out);
    case OUT_DECIMAL:
        return put_decimal(r, s, v, out);
    case OUT_DATETIME:
        return put_datetime(r, s, v, out);
    case OUT_JSON:
        return put_json(r, s, v, out);
    case OUT_OBJECT:
        if (v.type == VAL_STR) {
            /* A string inside a joined relation's JSON: its text is a JSON string. */
            buf *tmp = &r->e->tmp;
            buf_clear(tmp);
            json_put_str(tmp, val_str(v));
            buf_lit(out, "{\"$type\":\"Json\",\"value\":");
            json_put_str(out, buf_view(tmp));
            buf_char(out, '}');
            return !buf_failed(tmp) || nicol_fail_oom(r->err);
        }
        return put_json(r, s, v, out);
    case OUT_BYTES:
        return put_bytes(r, s, v, out);
    case OUT_ENUM:
        return put_enum(r, s, v, out);
    case OUT_UNSUPPORTED:
        return emit_value(r, v, out);
    }
    return nicol_fail(r->err, NICOL_E_INTERNAL, "unknown type of a result field");
}

/* A list that came as text: the database's own spelling of an array whose type the driver did not know, or JSON. */
static bool list_from_text(run *r, val *v)
{
    nicol_str text = val_str(*v);
    if (r->d->list_of && text.len && text.ptr[0] == '{') {
        if (r->d->list_of(text, r->a, v)) return true;
        if (arena_failed(r->a)) return run_oom(r);
    }
    return val_from_json(r, text, v);
}

bool map_field_value(run *r, const plan_shape *s, val v, buf *out)
{
    if (val_is_nullish(v)) {
        buf_str(out, s->list ? S("[]") : S("null"));
        return true;
    }
    if (!s->list) return put_scalar(r, s, v, out);
    if (v.type == VAL_STR && !list_from_text(r, &v)) return false;
    if (v.type == VAL_ROWS && v.u.rows->n == 0) v = (val){.type = VAL_LIST};
    if (v.type != VAL_LIST) return wrong_type(r, s, "a list", v);
    buf_char(out, '[');
    for (uint32_t i = 0; i < v.n; i++) {
        if (i) buf_char(out, ',');
        if (val_is_nullish(v.u.list[i])) buf_lit(out, "null");
        else if (!put_scalar(r, s, v.u.list[i], out)) return false;
    }
    buf_char(out, ']');
    return true;
}

/* --- objects -------------------------------------------------------------------------------------------------------- */

#define VALUE_ROOM 64 /* the longest of put_plain's values, texts aside */

static inline char *put_lead(char *to, const exec_field *f)
{
    /* Whole blocks: what is copied too much is written over. */
    for (uint32_t i = 0; i < f->lead_n; i += EXEC_LEAD_BLOCK) memcpy(to + i, f->lead + i, EXEC_LEAD_BLOCK);
    return to + f->lead_n;
}

#define PUT(to, literal) (memcpy((to), (literal), sizeof(literal) - 1), (to) + sizeof(literal) - 1)

static inline char *put_number(char *to, int64_t i)
{
    if (i < 0) *to++ = '-';
    return to + str_digits(to, i < 0 ? 0 - (uint64_t)i : (uint64_t)i);
}

/* Name and value in one go, when the value is of the usual kind and there is room for it. False: nothing was written. */
static inline bool put_plain(const exec_field *f, val v, buf *out)
{
    size_t room = out->cap - out->len, need = (size_t)f->lead_n + EXEC_LEAD_BLOCK + VALUE_ROOM;
    if (need > room || out->failed) return false;
    char *to = put_lead(out->ptr + out->len, f);
    if (v.type == VAL_NULL) {
        to = PUT(to, "null");
    } else if (f->shape->out == OUT_STRING && v.type == VAL_STR) {
        out->len = (size_t)(to - out->ptr);
        json_put_str(out, val_str(v));
        return true;
    } else if (f->shape->out == OUT_INT && v.type == VAL_INT) {
        to = put_number(to, v.u.i);
    } else if (f->shape->out == OUT_DATETIME && v.type == VAL_STR && is_plain_instant(val_str(v))) {
        to = PUT(to, "{\"$type\":\"DateTime\",\"value\":\"");
        memcpy(to, v.u.p, 23);
        to = PUT(to + 23, "Z\"}");
    } else if (f->shape->out == OUT_BOOLEAN && v.type == VAL_INT) {
        to = v.u.i == 1 ? PUT(to, "true") : PUT(to, "false");
    } else if (f->shape->out == OUT_FLOAT && v.type == VAL_FLOAT && isfinite(v.u.f)) {
        to += json_f64_format(to, v.u.f);
    } else if (f->shape->out == OUT_BIGINT && v.type == VAL_INT) {
        to = put_number(PUT(to, "{\"$type\":\"BigInt\",\"value\":\""), v.u.i);
        to = PUT(to, "\"}");
    } else {
        return false;
    }
    out->len = (size_t)(to - out->ptr);
    return true;
}

static bool put_object(run *r, const plan_shape *s, const exec_field *fields, const val *cells, buf *out)
{
    if (s->fields_n == 0) buf_char(out, '{');
    for (uint32_t i = 0; i < s->fields_n; i++) {
        const exec_field *x = &fields[i];
        const plan_shape *f = x->shape;
        if (x->plain && put_plain(x, cells[x->pos], out)) continue;
        buf_bytes(out, x->lead, x->lead_n);
        if (x->inner) {
            if (!put_object(r, f, x->inner, cells, out)) return false;
        } else if (x->pos == EXEC_NO_COLUMN) {
            return f->type == SHAPE_OBJECT ? missing(r, "Object", f->row_name) : missing(r, "Value", f->db_name);
        } else if (f->type == SHAPE_OBJECT) {
            if (!map_value(r, f, cells[x->pos], out)) return false;
        } else if (!map_field_value(r, f, cells[x->pos], out)) {
            return false;
        }
    }
    buf_char(out, '}');
    return true;
}

static bool put_record(run *r, const plan_shape *s, const exec_record *rec, buf *out)
{
    const exec_field *fields = shape_fields(r, s, rec->shape);
    return fields && put_object(r, s, fields, rec->cells, out);
}

static bool put_rows(run *r, const plan_shape *s, const exec_rows *rows, buf *out)
{
    const exec_shape *shape = NULL;
    const exec_field *fields = NULL;
    bool first = true;
    buf_char(out, '[');
    for (uint32_t i = 0; i < rows->n; i++) {
        const exec_record *rec = &rows->v[i];
        if (!rec->cells && s->skip_nulls) continue;
        if (!first) buf_char(out, ',');
        first = false;
        if (!rec->cells) {
            buf_lit(out, "null");
            continue;
        }
        if (rec->shape != shape) {
            shape = rec->shape;
            fields = shape_fields(r, s, shape);
            if (!fields) return false;
        }
        if (!put_object(r, s, fields, rec->cells, out)) return false;
        if (buf_failed(out) || !run_breathe(r, out)) return false;
    }
    buf_char(out, ']');
    return true;
}

static bool put_shaped(run *r, const plan_shape *s, val v, buf *out)
{
    exec_rows rows;
    switch ((val_type)v.type) {
    case VAL_UNDEF:
    case VAL_NULL:
        buf_lit(out, "null");
        return true;
    case VAL_ROWS:
        return put_rows(r, s, v.u.rows, out);
    case VAL_RECORD:
        if (v.u.rec->cells) return put_record(r, s, v.u.rec, out);
        buf_lit(out, "null");
        return true;
    case VAL_LIST:
        return rows_of(r, v, &rows) && put_rows(r, s, &rows, out);
    case VAL_STR:
    case VAL_JSON: {
        val parsed;
        if (!val_from_json(r, val_str(v), &parsed)) return false;
        if (parsed.type != VAL_STR && parsed.type != VAL_JSON) return put_shaped(r, s, parsed, out);
        break;
    }
    case VAL_BOOL:
    case VAL_INT:
    case VAL_FLOAT:
    case VAL_DECIMAL:
    case VAL_DATETIME:
    case VAL_BYTES:
        break;
    }
    return nicol_fail(r->err, NICOL_E_COLUMN_DATA, "Expected an array or an object, got: %s", js_type(v));
}

static bool put_affected(run *r, val v, buf *out)
{
    if (v.type != VAL_INT)
        return nicol_fail(r->err, NICOL_E_COLUMN_DATA, "Expected an affected rows count, got: %s", js_type(v));
    buf_lit(out, "{\"count\":");
    buf_i64(out, v.u.i);
    buf_char(out, '}');
    return true;
}

bool map_value(run *r, const plan_shape *s, val v, buf *out)
{
    bool good = s->type == SHAPE_AFFECTED ? put_affected(r, v, out)
                : s->type == SHAPE_FIELD  ? map_field_value(r, s, v, out)
                                          : put_shaped(r, s, v, out);
    return good && !buf_failed(out);
}

/* --- straight from the database ------------------------------------------------------------------------------------- */

typedef struct stream {
    const plan_shape *shape;
    const exec_field *fields; /* of the shape, for the statement's rows */
    val *cells;               /* of the current row */
    uint32_t cols;
    buf *out;
    bool unique;
    uint64_t rows;
} stream;

/* After the first step: only then is it certain that the database did not compile the statement anew. */
static bool stream_starts(run *r, const plan_stmt *s, driver_stmt *st, stream *t)
{
    const exec_shape *rows = shape_of(r, s->site, st);
    if (!rows) return false;
    t->cols = rows->n;
    t->fields = shape_fields(r, t->shape, rows);
    t->cells = arena_alloc(r->a, (rows->n ? rows->n : 1) * sizeof *t->cells);
    return t->fields && (t->cells || run_oom(r));
}

static bool stream_rows(run *r, const plan_stmt *s, driver_stmt *st, void *ctx)
{
    stream *t = ctx;
    t->cells = NULL; /* a statement that was split: each part has its own */
    for (bool row;;) {
        if (!r->d->step(st, &row, r->a, r->err)) return false;
        if (!row) return true;
        r->rows++;
        if (t->rows++) {
            if (t->unique) {
                /* Counting to the end, for the message. */
                continue;
            }
            buf_char(t->out, ',');
        }
        if (!t->cells && !stream_starts(r, s, st, t)) return false;
        r->d->cells(st, t->cells, t->cols);
        if (!put_object(r, t->shape, t->fields, t->cells, t->out) || buf_failed(t->out)) return false;
    }
}

bool map_stream(run *r, const plan_stmt *s, const plan_shape *shape, bool unique, buf *out)
{
    stream t = {.shape = shape, .out = out, .unique = unique};
    if (!unique) buf_char(out, '[');
    if (!stmt_run(r, s, stream_rows, &t)) return false;
    if (!unique) buf_char(out, ']');
    else if (t.rows == 0) buf_lit(out, "null");
    else if (t.rows > 1) {
        return nicol_fail(r->err, NICOL_E_INTERNAL, "Expected zero or one element, got %llu",
                          (unsigned long long)t.rows);
    }
    return !buf_failed(out);
}
