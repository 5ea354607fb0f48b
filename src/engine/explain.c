/* engine/explain.c - what an operation becomes: its request tree, its plan, the statements that ran with their values
 * and times. For `nicol query --explain`: an operation that is explained is compiled anew, whatever is kept. */
#include "engine/engine_int.h"

#define VALUES_SHOWN 8
#define TEXT_SHOWN 60

void explain_compiled(buf *out, const query_op *op, const plan *p)
{
    if (!out) return;
    buf_lit(out, "request\n");
    query_print(op, out);
    if (out->len > 0 && out->ptr[out->len - 1] != '\n') buf_char(out, '\n');
    buf_lit(out, "plan\n");
    plan_print(p, out);
    if (out->len > 0 && out->ptr[out->len - 1] != '\n') buf_char(out, '\n');
    buf_lit(out, "statements\n");
}

static void put_value(buf *out, val v)
{
    if (v.type == VAL_BYTES) {
        buf_printf(out, "%u bytes", v.n);
        return;
    }
    if (val_is_text(v)) {
        nicol_str s = val_str(v);
        json_put_str(out, str_sub(s, 0, TEXT_SHOWN));
        if (s.len > TEXT_SHOWN) buf_lit(out, "...");
        return;
    }
    char text[40];
    if (v.type == VAL_INT) buf_i64(out, v.u.i);
    else if (v.type == VAL_FLOAT) json_put_f64(out, v.u.f);
    else if (v.type == VAL_BOOL) buf_str(out, v.u.i ? S("true") : S("false"));
    else if (v.type == VAL_DATETIME) buf_bytes(out, text, datetime_format(text, v.u.i));
    else buf_lit(out, "null");
}

void explain_values(buf *out, const val *args, size_t n)
{
    buf_char(out, '[');
    for (size_t i = 0; i < n && i < VALUES_SHOWN; i++) {
        if (i > 0) buf_lit(out, ", ");
        put_value(out, args[i]);
    }
    if (n > VALUES_SHOWN) buf_printf(out, ", ... %zu in all", n);
    buf_char(out, ']');
}

void explain_statement(buf *out, nicol_str sql, const val *args, size_t n, int64_t took_us, int64_t rows)
{
    buf_lit(out, "  ");
    buf_str(out, sql);
    buf_lit(out, "\n    values ");
    explain_values(out, args, n);
    if (rows < 0) buf_printf(out, ", failed, %lld us\n", (long long)took_us);
    else buf_printf(out, ", %lld row%s, %lld us\n", (long long)rows, rows == 1 ? "" : "s", (long long)took_us);
}
