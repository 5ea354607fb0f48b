/* exec/emit.c - results without a structure: plain values as JSON, and the rows of raw queries. */
#include <math.h>

#include "exec/exec_int.h"

#include "json/json.h"

/* --- plain values --------------------------------------------------------------------------------------------------- */

#define DEPTH_MAX 100

static bool emit_at(run *r, val v, unsigned depth, buf *out);

static bool emit_record(run *r, const exec_record *rec, unsigned depth, buf *out)
{
    if (!rec->cells) {
        buf_lit(out, "null");
        return true;
    }
    bool first = true;
    buf_char(out, '{');
    for (uint32_t i = 0; i < rec->shape->n; i++) {
        /* Of columns with one name the last counts. */
        if (shape_find(rec->shape, rec->shape->names[i]) != i || rec->cells[i].type == VAL_UNDEF) continue;
        if (!first) buf_char(out, ',');
        first = false;
        json_put_str(out, rec->shape->names[i]);
        buf_char(out, ':');
        if (!emit_at(r, rec->cells[i], depth, out)) return false;
    }
    buf_char(out, '}');
    return true;
}

static bool emit_list(run *r, val v, unsigned depth, buf *out)
{
    buf_char(out, '[');
    uint32_t n = v.type == VAL_ROWS ? v.u.rows->n : v.n;
    for (uint32_t i = 0; i < n; i++) {
        if (i) buf_char(out, ',');
        bool good =
            v.type == VAL_ROWS ? emit_record(r, &v.u.rows->v[i], depth, out) : emit_at(r, v.u.list[i], depth, out);
        if (!good || buf_failed(out)) return false;
    }
    buf_char(out, ']');
    return true;
}

static bool emit_at(run *r, val v, unsigned depth, buf *out)
{
    char text[32];
    if (depth == 0) return nicol_fail(r->err, NICOL_E_LIMIT, "the result is nested deeper than %d", DEPTH_MAX);
    switch ((val_type)v.type) {
    case VAL_UNDEF:
    case VAL_NULL:
        buf_lit(out, "null");
        break;
    case VAL_BOOL:
        buf_str(out, v.u.i ? S("true") : S("false"));
        break;
    case VAL_INT:
        buf_i64(out, v.u.i);
        break;
    case VAL_FLOAT:
        json_put_f64(out, v.u.f);
        break;
    case VAL_STR:
    case VAL_DECIMAL:
        json_put_str(out, val_str(v));
        break;
    case VAL_DATETIME:
        json_put_str(out, str_of(text, datetime_format(text, v.u.i)));
        break;
    case VAL_JSON:
        if (v.flags & EXEC_RAW_JSON) buf_str(out, val_str(v));
        else if (!json_put_minified(out, val_str(v), NICOL_JSON_DEPTH_MAX) && !buf_failed(out))
            json_put_str(out, val_str(v));
        break;
    case VAL_BYTES:
        buf_char(out, '"');
        base64_write(out, v.u.p, v.n);
        buf_char(out, '"');
        break;
    case VAL_LIST:
    case VAL_ROWS:
        return emit_list(r, v, depth - 1, out);
    case VAL_RECORD:
        return emit_record(r, v.u.rec, depth - 1, out);
    }
    return !buf_failed(out);
}

bool emit_value(run *r, val v, buf *out)
{
    return emit_at(r, v, DEPTH_MAX, out);
}

/* --- raw queries ---------------------------------------------------------------------------------------------------- */

typedef struct raw_rows {
    buf *out;
    driver_col_type *types;
    val *first; /* cells of the first row: columns without a declared type get the type of a value */
    unsigned cols;
    bool started;
} raw_rows;

static void put_time(buf *out, val v, driver_col_type t)
{
    char text[32];
    size_t n = datetime_format(text, v.u.i);
    nicol_str s = str_of(text, n);
    size_t at = str_find_char(s, 'T', 0);
    if (t == COL_DATE && at != SIZE_MAX) s = str_sub(s, 0, at);
    else if (t == COL_TIME && at != SIZE_MAX) s = str_sub(s, at + 1, n - 1);
    json_put_str(out, s);
}

static bool put_raw_cell(run *r, val v, driver_col_type t, buf *out);

static bool put_raw_list(run *r, val v, driver_col_type t, buf *out)
{
    buf_char(out, '[');
    for (uint32_t i = 0; i < v.n; i++) {
        if (i) buf_char(out, ',');
        if (!put_raw_cell(r, v.u.list[i], t, out)) return false;
    }
    buf_char(out, ']');
    return true;
}

/* One cell, as its column's type has it. */
static bool put_raw_cell(run *r, val v, driver_col_type t, buf *out)
{
    char text[32];
    if (v.type == VAL_LIST && t & COL_LIST) return put_raw_list(r, v, t, out);
    t = (driver_col_type)((unsigned)t & ~(unsigned)COL_LIST);
    switch ((val_type)v.type) {
    case VAL_INT:
    case VAL_FLOAT:
        if (t != COL_BIGINT && t != COL_DECIMAL && t != COL_JSON) break;
        if (t != COL_JSON) buf_char(out, '"');
        if (v.type == VAL_INT) buf_i64(out, v.u.i);
        else buf_bytes(out, text, isfinite(v.u.f) ? float_format(text, v.u.f) : 0);
        if (t != COL_JSON) buf_char(out, '"');
        return true;
    case VAL_STR:
        if (t == COL_JSON && json_put_minified(out, val_str(v), NICOL_JSON_DEPTH_MAX)) return true;
        break;
    case VAL_DATETIME:
        put_time(out, v, t);
        return true;
    case VAL_UNDEF:
    case VAL_NULL:
    case VAL_BOOL:
    case VAL_DECIMAL:
    case VAL_JSON:
    case VAL_BYTES:
    case VAL_LIST:
    case VAL_RECORD:
    case VAL_ROWS:
        break;
    }
    return emit_value(r, v, out);
}

static bool put_heads(run *r, driver_stmt *st, bool row, raw_rows *w)
{
    w->cols = r->d->cols(st);
    w->types = ARENA_ARRAY(r->a, w->cols ? w->cols : 1, driver_col_type);
    if (!w->types) return run_oom(r);
    buf_lit(w->out, "{\"columns\":[");
    for (unsigned i = 0; i < w->cols; i++) {
        if (i) buf_char(w->out, ',');
        json_put_str(w->out, r->d->col_name(st, i));
    }
    buf_lit(w->out, "],\"types\":[");
    for (unsigned i = 0; i < w->cols; i++) {
        w->types[i] = r->d->col_type(st, i, row ? r->d->cell(st, i) : val_null());
        if (i) buf_char(w->out, ',');
        json_put_str(w->out, driver_col_type_name(w->types[i]));
    }
    buf_lit(w->out, "],\"rows\":[");
    w->started = true;
    return true;
}

static bool put_raw_row(run *r, driver_stmt *st, raw_rows *w)
{
    buf_char(w->out, '[');
    for (unsigned i = 0; i < w->cols; i++) {
        val v;
        arena_mark mark = arena_save(r->a);
        if (i) buf_char(w->out, ',');
        if (!r->d->raw_cell(st, i, w->types[i], r->a, &v, r->err)) return false;
        if (!put_raw_cell(r, v, w->types[i], w->out)) return false;
        arena_rewind(r->a, mark);
    }
    buf_char(w->out, ']');
    return !buf_failed(w->out);
}

static bool read_raw(run *r, const plan_stmt *s, driver_stmt *st, void *ctx)
{
    (void)s;
    raw_rows *w = ctx;
    bool first = true;
    for (bool row;;) {
        if (!r->d->step(st, &row, r->a, r->err)) return false;
        if (!w->started && !put_heads(r, st, row, w)) return false;
        if (!row) return true;
        if (!first) buf_char(w->out, ',');
        first = false;
        if (!put_raw_row(r, st, w)) return false;
        r->rows++;
    }
}

bool emit_raw_rows(run *r, const plan_stmt *s, buf *out)
{
    raw_rows w = {.out = out};
    if (!stmt_run(r, s, read_raw, &w)) return false;
    buf_lit(out, "]}");
    return !buf_failed(out);
}
