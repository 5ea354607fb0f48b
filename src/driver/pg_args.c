/* driver/pg_args.c - arguments on their way to PostgreSQL.
 *
 * They go as text without a type: the server infers from the statement what each is, as it does for the reference's
 * client, and reads every spelling that it would read in SQL. Bytes go as they are, in binary form. An instant is spelled by
 * the column's type that the plan tells, in UTC.
 */
#include "driver/pg_int.h"

#include <math.h>
#include <stdio.h>

#include "base/limits.h"

#define LIST_BYTES_MAX ((size_t)256 << 20)
#define LIST_DEPTH_MAX 16

static bool db_type_is(const driver_arg_type *t, nicol_str a, nicol_str b)
{
    /* "TIMESTAMP", "Timestamp", "Timestamp(3)" alike. */
    if (!t || t->db_type.len == 0) return false;
    nicol_str name = str_sub(t->db_type, 0, str_find_char(t->db_type, '(', 0));
    return str_ieq(name, a) || str_ieq(name, b);
}

/* The digits 4 to 6 behind the point of a time, which milliseconds lose. */
static unsigned micro_digits(nicol_str t)
{
    size_t dot = str_find_char(t, '.', 0);
    unsigned n = 0;
    if (dot == SIZE_MAX) return 0;
    for (size_t i = dot + 1; i < dot + 7; i++) {
        bool digit = i < t.len && t.ptr[i] >= '0' && t.ptr[i] <= '9';
        if (!digit) t.len = i;
        if (i > dot + 3) n = n * 10 + (digit ? (unsigned)(t.ptr[i] - '0') : 0);
    }
    return n;
}

/* YYYY-MM-DD HH:MM:SS.mmm[uuu], DATE and TIME their part of it. */
static void put_instant(buf *b, int64_t ms, unsigned micros, const driver_arg_type *t)
{
    char text[32];
    size_t n = datetime_format(text, ms);
    nicol_str s = str_of(text, n - 1); /* without the Z */
    size_t at = str_find_char(s, 'T', 0);
    nicol_str date = str_sub(s, 0, at), time = str_sub(s, at + 1, s.len);
    bool before = date.ptr[0] == '-';
    if (date.ptr[0] == '+' || before) date = str_sub(date, 1, date.len);
    while (date.len > 10 && date.ptr[0] == '0') date = str_sub(date, 1, date.len);
    bool zone = db_type_is(t, S("TIMESTAMPTZ"), S("TIMETZ"));
    bool only_time = db_type_is(t, S("TIME"), S("TIMETZ"));
    bool year_zero = !before && str_starts(date, S("0000-"));
    if (!only_time) {
        if (before) { /* year -1 is 2 BC */
            int64_t year = 0;
            size_t dash = str_find_char(date, '-', 0);
            (void)!str_to_i64(str_sub(date, 0, dash), &year);
            buf_printf(b, "%04lld", (long long)year + 1);
            buf_str(b, str_sub(date, dash, date.len));
        } else if (year_zero) {
            buf_lit(b, "0001");
            buf_str(b, str_sub(date, 4, date.len));
        } else {
            buf_str(b, date);
        }
    }
    if (!db_type_is(t, S("DATE"), S("DATE"))) {
        if (!only_time) buf_char(b, ' ');
        buf_str(b, time);
        if (micros) buf_printf(b, "%03u", micros);
        if (zone) buf_lit(b, "+00");
    }
    if (!only_time && (before || year_zero)) buf_lit(b, " BC");
}

static bool is_instant(val v, const driver_arg_type *t)
{
    /* A number beside a date stays one: the count of a `having` is told with its field's type. */
    return v.type == VAL_DATETIME || (t && t->scalar == SCALAR_DATETIME && v.type == VAL_STR);
}

static void put_datetime(buf *b, val v, const driver_arg_type *t)
{
    int64_t ms;
    if (v.type != VAL_STR) put_instant(b, v.u.i, 0, t);
    else if (datetime_parse(val_str(v), &ms)) put_instant(b, ms, micro_digits(val_str(v)), t);
    else buf_str(b, val_str(v)); /* the server's own spellings (infinity), or its own complaint */
}

static void put_float(buf *b, double f)
{
    char text[32];
    if (isnan(f)) buf_lit(b, "NaN");
    else if (isinf(f)) buf_str(b, f < 0 ? S("-Infinity") : S("Infinity"));
    else buf_bytes(b, text, float_format(text, f));
}

static bool refuse(nicol_error *err, const char *what)
{
    return nicol_fail(err, NICOL_E_INVALID_VALUE, "Invalid input value: %s", what);
}

static bool as_bytes(val v, const driver_arg_type *t, arena *a, bool *is, nicol_str *bytes, nicol_error *err)
{
    *is = v.type == VAL_BYTES;
    *bytes = val_is_text(v) ? val_str(v) : (nicol_str){0};
    if (*is || v.type != VAL_STR || !t || t->scalar != SCALAR_BYTES) return true;
    *is = true;
    if (base64_read(a, val_str(v), bytes)) return true;
    return arena_failed(a) ? nicol_fail_oom(err) : refuse(err, "not base64");
}

/* The text of a value that is neither bytes nor a list. */
static bool put_plain(buf *b, val v, const driver_arg_type *t, nicol_error *err)
{
    if (is_instant(v, t)) {
        put_datetime(b, v, t);
        return true;
    }
    switch ((val_type)v.type) {
    case VAL_BOOL:
        buf_str(b, v.u.i ? S("true") : S("false"));
        return true;
    case VAL_INT:
        buf_i64(b, v.u.i);
        return true;
    case VAL_FLOAT:
        put_float(b, v.u.f);
        return true;
    case VAL_STR:
    case VAL_DECIMAL:
    case VAL_JSON:
        buf_str(b, val_str(v));
        return true;
    case VAL_UNDEF:
    case VAL_NULL:
    case VAL_DATETIME:
    case VAL_BYTES:
    case VAL_LIST:
    case VAL_RECORD:
    case VAL_ROWS:
        break;
    }
    return refuse(err, "a record cannot be a parameter");
}

static void put_quoted(buf *b, nicol_str s)
{
    buf_char(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\') buf_char(b, '\\');
        buf_char(b, s.ptr[i]);
    }
    buf_char(b, '"');
}

static void put_hex(buf *b, nicol_str bytes)
{
    static const char hex[] = "0123456789abcdef";
    buf_lit(b, "\"\\\\x");
    for (size_t i = 0; i < bytes.len; i++) {
        buf_char(b, hex[(uint8_t)bytes.ptr[i] >> 4]);
        buf_char(b, hex[(uint8_t)bytes.ptr[i] & 15]);
    }
    buf_char(b, '"');
}

/* An array literal. */
static bool put_list(buf *b, val v, const driver_arg_type *t, unsigned depth, arena *a, nicol_error *err)
{
    if (depth == 0) return refuse(err, "a list is nested too deep");
    buf_char(b, '{');
    for (uint32_t i = 0; i < v.n; i++) {
        val item = v.u.list[i];
        nicol_str bytes;
        bool is_bytes;
        if (i) buf_char(b, ',');
        if (val_is_nullish(item)) {
            buf_lit(b, "NULL");
        } else if (item.type == VAL_LIST) {
            if (!put_list(b, item, t, depth - 1, a, err)) return false;
        } else if (!as_bytes(item, t, a, &is_bytes, &bytes, err)) {
            return false;
        } else if (is_bytes) {
            put_hex(b, bytes);
        } else if (val_is_text(item) && !is_instant(item, t)) {
            put_quoted(b, val_str(item));
        } else {
            buf_char(b, '"');
            if (!put_plain(b, item, t, err)) return false;
            buf_char(b, '"');
        }
        if (buf_failed(b)) return false;
    }
    buf_char(b, '}');
    return true;
}

static bool encode_one(pg_args *x, int i, val v, const driver_arg_type *t, buf *b, arena *a, nicol_error *err)
{
    nicol_str bytes;
    bool is_bytes;
    if (val_is_nullish(v)) return true;
    /* A list is expected: one value is a list of it (what is pushed to a list). */
    val whole = {.type = VAL_LIST, .n = 1, .u.list = &v};
    if (t && t->list && v.type != VAL_LIST) return encode_one(x, i, whole, t, b, a, err);
    if (!as_bytes(v, t, a, &is_bytes, &bytes, err)) return false;
    if (is_bytes) {
        if (bytes.len > INT32_MAX) return refuse(err, "more bytes than the database takes");
        x->values[i] = bytes.len ? bytes.ptr : "";
        x->lengths[i] = (int)bytes.len;
        x->formats[i] = 1;
        return true;
    }
    nicol_str text;
    if (val_is_text(v) && !is_instant(v, t)) {
        text = val_str(v);
    } else {
        buf_clear(b);
        bool good = v.type == VAL_LIST ? put_list(b, v, t, LIST_DEPTH_MAX, a, err) : put_plain(b, v, t, err);
        if (!good || buf_failed(b)) {
            if (b->over) return nicol_fail(err, NICOL_E_LIMIT, "a list parameter is larger than 256 MB");
            return good || buf_failed(b) ? nicol_fail_oom(err) : false;
        }
        text = buf_view(b);
    }
    if (text.len && memchr(text.ptr, '\0', text.len)) {
        return pg_fail_text(a, err, NICOL_E_DB_OTHER, "22021", "postgres",
                            "invalid byte sequence for encoding \"UTF8\": 0x00");
    }
    nicol_str copy = arena_str(a, text); /* with a NUL behind it */
    x->values[i] = copy.ptr;
    return copy.ptr || nicol_fail_oom(err);
}

bool pg_encode(const val *args, const driver_arg_type *types, size_t n, const mem *m, arena *a, pg_args *out,
               nicol_error *err)
{
    if (n > NICOL_PG_BINDS_MAX) return nicol_fail(err, NICOL_E_BIND_LIMIT, NULL);
    *out = (pg_args){.n = (int)n};
    if (n == 0) return true;
    out->values = ARENA_ARRAY(a, n, const char *);
    out->lengths = ARENA_ARRAY(a, n, int);
    out->formats = ARENA_ARRAY(a, n, int);
    if (!out->values || !out->lengths || !out->formats) return nicol_fail_oom(err);
    buf b;
    buf_init(&b, m, LIST_BYTES_MAX);
    bool good = true;
    for (size_t i = 0; i < n && good; i++)
        good = encode_one(out, (int)i, args[i], types ? &types[i] : NULL, &b, a, err);
    buf_free(&b);
    return good;
}
