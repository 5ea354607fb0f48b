/* driver/sqlite_values.c - values between requests and SQLite: how arguments are bound, how cells come back, what type a
 * raw result's column has. SQLite has no column types in results but the declared ones, so a computed column is typed
 * by its first value, as the reference's adapter for SQLite does it. */
#include <math.h>

#include "driver/sqlite_int.h"

/* --- arguments ------------------------------------------------------------------------------------------------------ */

static bool bound(driver_stmt *s, int rc, arena *a, nicol_error *err)
{
    return rc == SQLITE_OK || sqlite_fail(s->c, a, err);
}

static int bind_datetime(driver_stmt *s, int at, int64_t unix_ms)
{
    if (s->c->timestamps == TIMESTAMPS_UNIX_MS) return sqlite3_bind_int64(s->st, at, unix_ms);
    char text[40];
    size_t n = datetime_format_offset(text, unix_ms);
    return sqlite3_bind_text(s->st, at, text, (int)n, SQLITE_TRANSIENT);
}

/* Where the number at the start of a text ends: digits, and unless `integer` a fraction and an exponent. Arguments of the
 * types Int, Float and Decimal may be spelled with something behind the number, as JavaScript's parseInt and parseFloat
 * take them. */
static size_t number_end(nicol_str t, bool integer)
{
    size_t i = 0;
    while (i < t.len && t.ptr[i] >= '0' && t.ptr[i] <= '9') i++;
    if (integer || i == 0) return i;
    if (i + 1 < t.len && t.ptr[i] == '.' && t.ptr[i + 1] >= '0' && t.ptr[i + 1] <= '9') {
        for (i++; i < t.len && t.ptr[i] >= '0' && t.ptr[i] <= '9';) i++;
    }
    size_t e = i;
    if (e < t.len && (t.ptr[e] == 'e' || t.ptr[e] == 'E')) {
        e++;
        if (e < t.len && (t.ptr[e] == '-' || t.ptr[e] == '+')) e++;
        if (e < t.len && t.ptr[e] >= '0' && t.ptr[e] <= '9') {
            while (e < t.len && t.ptr[e] >= '0' && t.ptr[e] <= '9') e++;
            i = e;
        }
    }
    return i;
}

/* The leading number as a double. A Decimal is stored as one: SQLite has nothing better, and files written by others
 * hold them so. */
static bool leading_double(nicol_str text, bool integer, double *out)
{
    nicol_str t = str_trim(text);
    if (t.len > 0 && t.ptr[0] == '+') t = str_sub(t, 1, t.len);
    bool minus = t.len > 0 && t.ptr[0] == '-';
    if (minus) t = str_sub(t, 1, t.len);
    t = str_sub(t, 0, number_end(t, integer));
    while (t.len > 1 && t.ptr[0] == '0' && t.ptr[1] >= '0' && t.ptr[1] <= '9') t = str_sub(t, 1, t.len);
    if (!float_parse(t, out)) return false;
    if (minus) *out = -*out;
    return true;
}

static bool bind_text_as(driver_stmt *s, int at, nicol_str t, scalar_type as, arena *a, nicol_error *err)
{
    double f = 0;
    int64_t i = 0;
    nicol_str bytes;
    switch (as) {
    case SCALAR_INT:
    case SCALAR_BIGINT:
        if (str_to_i64(t, &i)) return bound(s, sqlite3_bind_int64(s->st, at, i), a, err);
        if (as == SCALAR_INT && leading_double(t, true, &f)) {
            if (fabs(f) < 9.2e18) return bound(s, sqlite3_bind_int64(s->st, at, (int64_t)f), a, err);
            return bound(s, sqlite3_bind_double(s->st, at, f), a, err);
        }
        return nicol_fail(err, NICOL_E_NUMBER_FIT, NULL);
    case SCALAR_FLOAT:
    case SCALAR_DECIMAL:
        if (leading_double(t, false, &f)) return bound(s, sqlite3_bind_double(s->st, at, f), a, err);
        return nicol_fail(err, NICOL_E_INVALID_VALUE, "Invalid input value: '%.*s' is not a number", STR_FMT(t));
    case SCALAR_DATETIME:
        if (datetime_parse(t, &i)) return bound(s, bind_datetime(s, at, i), a, err);
        return nicol_fail(err, NICOL_E_INVALID_VALUE, "Invalid input value: '%.*s' is not a date and time", STR_FMT(t));
    case SCALAR_BYTES:
        if (base64_read(a, t, &bytes)) {
            return bound(s, sqlite3_bind_blob64(s->st, at, bytes.len ? bytes.ptr : "", bytes.len, SQLITE_STATIC), a,
                         err);
        }
        if (arena_failed(a)) return nicol_fail_oom(err);
        return nicol_fail(err, NICOL_E_INVALID_VALUE, "Invalid input value: not base64");
    case SCALAR_UNKNOWN:
    case SCALAR_BOOLEAN:
    case SCALAR_STRING:
    case SCALAR_JSON:
    case SCALAR_ENUM:
    case SCALAR_UUID:
    case SCALAR_N:
        break;
    }
    /* Arguments outlive the statement's run: they are in the request's arena or in the plan. */
    return bound(s, sqlite3_bind_text64(s->st, at, t.len ? t.ptr : "", t.len, SQLITE_STATIC, SQLITE_UTF8), a, err);
}

bool sqlite_bind(driver_stmt *s, int at, val v, const driver_arg_type *t, arena *a, nicol_error *err)
{
    scalar_type as = t ? t->scalar : SCALAR_UNKNOWN;
    switch ((val_type)v.type) {
    case VAL_UNDEF:
    case VAL_NULL:
        return bound(s, sqlite3_bind_null(s->st, at), a, err);
    case VAL_BOOL:
        return bound(s, sqlite3_bind_int(s->st, at, v.u.i != 0), a, err);
    case VAL_INT:
        if (as == SCALAR_DATETIME) return bound(s, bind_datetime(s, at, v.u.i), a, err);
        if (as == SCALAR_FLOAT || as == SCALAR_DECIMAL) {
            double f = (double)v.u.i;
            if ((int64_t)f == v.u.i || as == SCALAR_FLOAT) return bound(s, sqlite3_bind_double(s->st, at, f), a, err);
        }
        return bound(s, sqlite3_bind_int64(s->st, at, v.u.i), a, err);
    case VAL_FLOAT:
        if (as == SCALAR_BIGINT && v.u.f == trunc(v.u.f) && fabs(v.u.f) < 9.2e18) {
            return bound(s, sqlite3_bind_int64(s->st, at, (int64_t)v.u.f), a, err);
        }
        return bound(s, sqlite3_bind_double(s->st, at, v.u.f), a, err);
    case VAL_DATETIME:
        return bound(s, bind_datetime(s, at, v.u.i), a, err);
    case VAL_BYTES:
        return bound(s, sqlite3_bind_blob64(s->st, at, v.n ? v.u.p : "", v.n, SQLITE_STATIC), a, err);
    case VAL_DECIMAL:
        return bind_text_as(s, at, val_str(v), SCALAR_DECIMAL, a, err);
    case VAL_STR:
    case VAL_JSON:
        return bind_text_as(s, at, val_str(v), as, a, err);
    case VAL_LIST:
    case VAL_RECORD:
    case VAL_ROWS:
        break;
    }
    return nicol_fail(err, NICOL_E_INVALID_VALUE, "Invalid input value: SQLite takes no list or object as a parameter");
}

/* --- cells ---------------------------------------------------------------------------------------------------------- */

/* The value is asked for once, and then told apart: each of the sqlite3_column functions would look it up again and take
 * the connection's mutex. Without a mutex (every connection here) what is said of unprotected values does not apply. */
static inline val cell_of(sqlite3_value *v)
{
    const char *p;
    switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
        return val_int(sqlite3_value_int64(v));
    case SQLITE_FLOAT:
        return val_float(sqlite3_value_double(v));
    case SQLITE_TEXT:
        p = (const char *)sqlite3_value_text(v);
        return val_text(VAL_STR, str_of(p ? p : "", p ? (size_t)sqlite3_value_bytes(v) : 0));
    case SQLITE_BLOB:
        p = sqlite3_value_blob(v);
        return val_text(VAL_BYTES, str_of(p ? p : "", p ? (size_t)sqlite3_value_bytes(v) : 0));
    default:
        return val_null();
    }
}

val sqlite_cell(driver_stmt *s, unsigned i)
{
    return cell_of(sqlite3_column_value(s->st, (int)i));
}

void sqlite_cells(driver_stmt *s, val *out, unsigned n)
{
    for (unsigned i = 0; i < n; i++) out[i] = cell_of(sqlite3_column_value(s->st, (int)i));
}

static const struct {
    const char *declared;
    driver_col_type type;
} declared_types[] = {
    {"DECIMAL", COL_DECIMAL},
    {"FLOAT", COL_FLOAT},
    {"DOUBLE", COL_DOUBLE},
    {"DOUBLE PRECISION", COL_DOUBLE},
    {"NUMERIC", COL_DOUBLE},
    {"REAL", COL_DOUBLE},
    {"TINYINT", COL_INT},
    {"SMALLINT", COL_INT},
    {"MEDIUMINT", COL_INT},
    {"INT", COL_INT},
    {"INTEGER", COL_INT},
    {"SERIAL", COL_INT},
    {"INT2", COL_INT},
    {"BIGINT", COL_BIGINT},
    {"UNSIGNED BIG INT", COL_BIGINT},
    {"INT8", COL_BIGINT},
    {"DATETIME", COL_DATETIME},
    {"TIMESTAMP", COL_DATETIME},
    {"TIME", COL_TIME},
    {"DATE", COL_DATE},
    {"TEXT", COL_STRING},
    {"CLOB", COL_STRING},
    {"CHARACTER", COL_STRING},
    {"VARCHAR", COL_STRING},
    {"VARYING CHARACTER", COL_STRING},
    {"NCHAR", COL_STRING},
    {"NATIVE CHARACTER", COL_STRING},
    {"NVARCHAR", COL_STRING},
    {"BLOB", COL_BYTES},
    {"BOOLEAN", COL_BOOL},
    {"JSONB", COL_JSON},
};

driver_col_type sqlite_col_type(driver_stmt *s, unsigned i, val first_value)
{
    const char *declared = sqlite3_column_decltype(s->st, (int)i);
    for (size_t k = 0; declared && k < sizeof declared_types / sizeof *declared_types; k++) {
        if (sqlite3_stricmp(declared, declared_types[k].declared) == 0) return declared_types[k].type;
    }
    switch ((val_type)first_value.type) {
    case VAL_INT:
        return COL_BIGINT;
    case VAL_STR:
        return COL_STRING;
    case VAL_BYTES:
        return COL_BYTES;
    case VAL_FLOAT:
        return COL_UNKNOWN; /* a number of no declared type */
    case VAL_UNDEF:
    case VAL_NULL:
    case VAL_BOOL:
    case VAL_DECIMAL:
    case VAL_DATETIME:
    case VAL_JSON:
    case VAL_LIST:
    case VAL_RECORD:
    case VAL_ROWS:
        break;
    }
    return COL_INT; /* only NULLs: nothing to infer from */
}

static bool copied(arena *a, val_type type, nicol_str s, val *out, nicol_error *err)
{
    nicol_str c = arena_str(a, s);
    if (!c.ptr) return nicol_fail_oom(err);
    *out = val_text(type, c);
    return true;
}

static bool number_text(arena *a, val v, val *out, nicol_error *err)
{
    char text[32];
    size_t n;
    if (v.type == VAL_INT) n = strlen(sqlite3_snprintf(sizeof text, text, "%lld", (long long)v.u.i));
    else n = float_format(text, v.u.f);
    return copied(a, VAL_DECIMAL, str_of(text, n), out, err);
}

/* A number cut to an integer, kept within 64 bits. */
static val truncated(val v)
{
    if (v.type != VAL_FLOAT) return v;
    if (!(fabs(v.u.f) < 9.2e18)) return v;
    return val_int((int64_t)v.u.f);
}

bool sqlite_raw_cell(driver_stmt *s, unsigned i, driver_col_type t, arena *a, val *out, nicol_error *err)
{
    val v = sqlite_cell(s, i);
    int64_t ms;
    *out = v;
    switch ((val_type)v.type) {
    case VAL_NULL:
        return true;
    case VAL_INT:
    case VAL_FLOAT:
        if (t == COL_BOOL) *out = val_bool(v.type == VAL_INT ? v.u.i != 0 : v.u.f != 0);
        else if (t == COL_DATETIME) *out = (val){.type = VAL_DATETIME, .u.i = truncated(v).u.i};
        else if (t == COL_DECIMAL) return number_text(a, v, out, err);
        else if (t == COL_INT || t == COL_BIGINT) *out = truncated(v);
        return true;
    case VAL_STR:
        if (t == COL_DATETIME && datetime_parse(val_str(v), &ms)) {
            *out = (val){.type = VAL_DATETIME, .u.i = ms};
            return true;
        }
        return copied(a, t == COL_JSON ? VAL_JSON : VAL_STR, val_str(v), out, err);
    case VAL_BYTES:
        return copied(a, VAL_BYTES, val_str(v), out, err);
    case VAL_UNDEF:
    case VAL_BOOL:
    case VAL_DECIMAL:
    case VAL_DATETIME:
    case VAL_JSON:
    case VAL_LIST:
    case VAL_RECORD:
    case VAL_ROWS:
        break;
    }
    return nicol_fail(err, NICOL_E_INTERNAL, "SQLite returned a cell of an unknown type");
}
