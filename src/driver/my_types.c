/* driver/my_types.c - values of MariaDB and MySQL, both ways.
 *
 * Rows come in the binary protocol of prepared statements and are read in place, from the packet that the library holds.
 * Arguments go as the library binds them: whole numbers and doubles in binary, decimals as decimals (a comparison with a
 * text would be made in doubles), instants as texts in UTC, which is the session's time zone.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "driver/my_int.h"

#define CHARSET_BINARY 63
#define DAY_US INT64_C(86400000000)

/* --- columns --------------------------------------------------------------------------------------------------------- */

static bool is_json(const MYSQL_FIELD *f)
{
#ifdef MARIADB_BASE_VERSION
    MARIADB_CONST_STRING format = {0};
    if (f->extension && mariadb_field_attr(&format, f, MARIADB_FIELD_ATTR_FORMAT_NAME) == 0)
        return str_eq(str_of(format.str, format.length), S("json"));
#endif
    return f->type == MYSQL_TYPE_JSON;
}

static my_column text_column(const MYSQL_FIELD *f)
{
    if (is_json(f)) return (my_column){.class_ = MY_JSON, .col = COL_JSON};
    if (f->flags & ENUM_FLAG) return (my_column){.class_ = MY_TEXT, .col = COL_ENUM};
    if (f->charsetnr == CHARSET_BINARY && !(f->flags & SET_FLAG))
        return (my_column){.class_ = MY_BYTES, .col = COL_BYTES};
    return (my_column){.class_ = MY_TEXT, .col = COL_STRING};
}

static my_column int_column(const MYSQL_FIELD *f, uint8_t width)
{
    bool is_unsigned = (f->flags & UNSIGNED_FLAG) != 0;
    bool big = width == 8 || (f->type == MYSQL_TYPE_LONG && is_unsigned);
    return (my_column){.class_ = MY_INT, .col = big ? COL_BIGINT : COL_INT, .width = width, .is_unsigned = is_unsigned};
}

my_column my_column_of(const MYSQL_FIELD *f)
{
    switch ((int)f->type) {
    case MYSQL_TYPE_TINY:
        return int_column(f, 1);
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_YEAR:
        return int_column(f, 2);
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
        return int_column(f, 4);
    case MYSQL_TYPE_LONGLONG:
        return int_column(f, 8);
    case MYSQL_TYPE_FLOAT:
        return (my_column){.class_ = MY_FLOAT, .col = COL_FLOAT, .width = 4};
    case MYSQL_TYPE_DOUBLE:
        return (my_column){.class_ = MY_DOUBLE, .col = COL_DOUBLE, .width = 8};
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL:
        return (my_column){.class_ = MY_DECIMAL, .col = COL_DECIMAL};
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_NEWDATE:
        return (my_column){.class_ = MY_DATE, .col = COL_DATE};
    case MYSQL_TYPE_TIME:
    case MYSQL_TYPE_TIME2:
        return (my_column){.class_ = MY_TIME, .col = COL_TIME};
    case MYSQL_TYPE_DATETIME:
    case MYSQL_TYPE_DATETIME2:
    case MYSQL_TYPE_TIMESTAMP:
    case MYSQL_TYPE_TIMESTAMP2:
        return (my_column){.class_ = MY_DATETIME, .col = COL_DATETIME};
    case MYSQL_TYPE_BIT:
    case MYSQL_TYPE_GEOMETRY:
        return (my_column){.class_ = MY_BYTES, .col = COL_BYTES};
    case MYSQL_TYPE_NULL:
        return (my_column){.class_ = MY_TEXT, .col = COL_INT};
    default:
        return text_column(f);
    }
}

/* --- cells ----------------------------------------------------------------------------------------------------------- */

static uint64_t little_endian(const char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = n; i > 0; i--) v = v << 8 | (uint8_t)p[i - 1];
    return v;
}

nicol_str my_cell_bytes(const my_column *c, unsigned char **row)
{
    const char *p = (const char *)*row;
    size_t n = c->width;
    if (n == 0) {
        uint8_t first = (uint8_t)*p++;
        unsigned more = first == 252 ? 2 : first == 253 ? 3 : first == 254 ? 8 : 0;
        n = more ? (size_t)little_endian(p, more) : first;
        p += more;
    }
    *row += (size_t)(p - (const char *)*row) + n;
    return str_of(p, n);
}

static my_read made(arena *a, val_type type, const char *p, size_t n, val *out)
{
    nicol_str copy = arena_str(a, str_of(p, n));
    *out = val_text(type, copy);
    return copy.ptr ? MY_READ_OK : MY_READ_NO_MEMORY;
}

static my_read whole_number(const my_column *c, nicol_str s, arena *a, val *out)
{
    uint64_t u = little_endian(s.ptr, s.len);
    char text[24];
    if (c->is_unsigned && u > INT64_MAX) /* past what an Int can hold: as digits */
        return made(a, VAL_DECIMAL, text, str_digits(text, u), out);
    unsigned shift = 64 - 8 * (unsigned)s.len;
    *out = val_int(c->is_unsigned ? (int64_t)u : (int64_t)(u << shift) >> shift);
    return MY_READ_OK;
}

/* A FLOAT is told as the shortest decimal that means it: 0.1, not 0.10000000149011612. */
static double widened(float f)
{
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)f);
        if (strtof(text, NULL) == f) break;
    }
    return strtod(text, NULL);
}

static my_read floating(const my_column *c, nicol_str s, val *out)
{
    uint64_t bits = little_endian(s.ptr, s.len);
    if (c->class_ == MY_DOUBLE) {
        double d;
        memcpy(&d, &bits, sizeof d);
        *out = val_float(d);
    } else {
        float f;
        uint32_t narrow = (uint32_t)bits;
        memcpy(&f, &narrow, sizeof f);
        *out = val_float(isfinite(f) ? widened(f) : (double)f);
    }
    return MY_READ_OK;
}

typedef struct my_instant {
    bool minus;
    uint32_t days; /* of a TIME */
    unsigned year, month, day, hour, minute, second, micros;
} my_instant;

static size_t put_fraction(char *out, unsigned micros, unsigned digits)
{
    char six[8];
    snprintf(six, sizeof six, "%06u", micros);
    unsigned n = 6;
    while (n > digits && six[n - 1] == '0') n--;
    if (n == 0) return 0;
    out[0] = '.';
    memcpy(out + 1, six, n);
    return n + 1;
}

static my_read put_time(const my_instant *t, bool raw, arena *a, val *out)
{
    unsigned hours = t->days * 24 + t->hour;
    char text[64];
    int64_t ms = ((int64_t)(hours * 60 + t->minute) * 60 + t->second) * 1000 + t->micros / 1000;
    if (!raw && !t->minus && hours < 24 && t->micros % 1000 == 0) {
        *out = (val){.type = VAL_DATETIME, .u.i = ms};
        return MY_READ_OK;
    }
    /* An instant of 1970-01-01 with microseconds; a duration, which is no time of a day, stays what it is. */
    bool day = !raw && !t->minus && hours < 24;
    size_t n = (size_t)snprintf(text, sizeof text, "%s%s%02u:%02u:%02u", day ? "1970-01-01T" : "", t->minus ? "-" : "",
                                hours, t->minute, t->second);
    n += put_fraction(text + n, t->micros, 0);
    if (day) n += (size_t)snprintf(text + n, sizeof text - n, "+00:00");
    return made(a, VAL_STR, text, n, out);
}

static my_read put_datetime(const my_instant *t, bool raw, bool date, arena *a, val *out)
{
    char text[64];
    int64_t ms;
    if (t->month == 0 || t->day == 0) return MY_READ_ZERO_DATE;
    if (raw && date) {
        int len = snprintf(text, sizeof text, "%04u-%02u-%02u", t->year, t->month, t->day);
        return made(a, VAL_STR, text, (size_t)len, out);
    }
    size_t n = (size_t)snprintf(text, sizeof text, "%04u-%02u-%02uT%02u:%02u:%02u", t->year, t->month, t->day, t->hour,
                                t->minute, t->second);
    n += put_fraction(text + n, t->micros, 0);
    n += (size_t)snprintf(text + n, sizeof text - n, "+00:00");
    if (raw || t->micros % 1000 != 0) return made(a, VAL_STR, text, n, out);
    if (!datetime_parse(str_of(text, n), &ms)) return MY_READ_BROKEN;
    *out = (val){.type = VAL_DATETIME, .u.i = ms};
    return MY_READ_OK;
}

/* Parts that are zero are left out of the packet, from the end. */
static my_read instant(const my_column *c, nicol_str s, bool raw, arena *a, val *out)
{
    my_instant t = {0};
    const char *p = s.ptr;
    if (c->class_ == MY_TIME) {
        if (s.len != 0 && s.len != 8 && s.len != 12) return MY_READ_BROKEN;
        if (s.len) {
            t.minus = p[0] != 0;
            t.days = (uint32_t)little_endian(p + 1, 4);
            t.hour = (uint8_t)p[5];
            t.minute = (uint8_t)p[6];
            t.second = (uint8_t)p[7];
        }
        if (s.len == 12) t.micros = (unsigned)little_endian(p + 8, 4);
        if (t.days > 10000 || t.micros > 999999) return MY_READ_BROKEN;
        return put_time(&t, raw, a, out);
    }
    if (s.len != 0 && s.len != 4 && s.len != 7 && s.len != 11) return MY_READ_BROKEN;
    if (s.len >= 4) {
        t.year = (unsigned)little_endian(p, 2);
        t.month = (uint8_t)p[2];
        t.day = (uint8_t)p[3];
    }
    if (s.len >= 7) {
        t.hour = (uint8_t)p[4];
        t.minute = (uint8_t)p[5];
        t.second = (uint8_t)p[6];
    }
    if (s.len == 11) t.micros = (unsigned)little_endian(p + 7, 4);
    if (t.micros > 999999) return MY_READ_BROKEN;
    return put_datetime(&t, raw, c->class_ == MY_DATE, a, out);
}

my_read my_decode(const my_column *c, nicol_str s, bool raw, arena *a, val *out)
{
    switch ((my_class)c->class_) {
    case MY_INT:
        return whole_number(c, s, a, out);
    case MY_FLOAT:
    case MY_DOUBLE:
        return floating(c, s, out);
    case MY_DECIMAL:
        *out = val_text(VAL_DECIMAL, s);
        return MY_READ_OK;
    case MY_DATE:
    case MY_TIME:
    case MY_DATETIME:
        return instant(c, s, raw, a, out);
    case MY_JSON:
        *out = val_text(VAL_JSON, s);
        return MY_READ_OK;
    case MY_BYTES:
        *out = val_text(VAL_BYTES, s);
        return MY_READ_OK;
    case MY_TEXT:
        break;
    }
    *out = val_text(VAL_STR, s);
    return MY_READ_OK;
}

/* --- arguments ------------------------------------------------------------------------------------------------------- */

static bool db_type_is(const driver_arg_type *t, nicol_str name)
{
    if (!t || t->db_type.len == 0) return false;
    return str_ieq(str_sub(t->db_type, 0, str_find_char(t->db_type, '(', 0)), name);
}

static bool bind_text(MYSQL_BIND *b, enum enum_field_types type, nicol_str s)
{
    b->buffer_type = type;
    b->buffer = (void *)(uintptr_t)(s.ptr ? s.ptr : "");
    b->buffer_length = s.len;
    b->length_value = s.len;
    b->length = &b->length_value;
    return true;
}

/* "YYYY-MM-DD HH:MM:SS.mmm", or the part of it that the column's type has. */
static bool bind_instant(MYSQL_BIND *b, int64_t ms, const driver_arg_type *t, arena *a, nicol_error *err)
{
    char text[32];
    size_t n = datetime_format(text, ms);
    if (n != 24)
        return nicol_fail(err, NICOL_E_INVALID_VALUE,
                          "Invalid input value: this database keeps dates of the years 0000 to 9999 only, not %.*s",
                          (int)n, text);
    text[10] = ' ';
    nicol_str s = str_of(text, n - 1); /* without the Z */
    if (db_type_is(t, S("DATE"))) s = str_sub(s, 0, 10);
    else if (db_type_is(t, S("TIME"))) s = str_sub(s, 11, s.len);
    s = arena_str(a, s);
    if (!s.ptr) return nicol_fail_oom(err);
    if (db_type_is(t, S("YEAR"))) s = str_sub(s, 0, 4);
    return bind_text(b, MYSQL_TYPE_STRING, s);
}

static bool bind_number(MYSQL_BIND *b, val v, arena *a, nicol_error *err)
{
    int64_t *p = ARENA_NEW(a, int64_t); /* as large as a double */
    if (!p) return nicol_fail_oom(err);
    if (v.type == VAL_FLOAT) memcpy(p, &v.u.f, sizeof v.u.f);
    else *p = v.u.i;
    b->buffer_type = v.type == VAL_FLOAT ? MYSQL_TYPE_DOUBLE : MYSQL_TYPE_LONGLONG;
    b->buffer = p;
    return true;
}

static bool refuse(nicol_error *err, const char *what)
{
    return nicol_fail(err, NICOL_E_INVALID_VALUE, "Invalid input value: %s", what);
}

static bool bind_str(MYSQL_BIND *b, val v, const driver_arg_type *t, arena *a, nicol_error *err)
{
    int64_t ms;
    nicol_str s = val_str(v), bytes;
    scalar_type as = t ? t->scalar : SCALAR_UNKNOWN;
    if (as == SCALAR_DATETIME && datetime_parse(s, &ms)) return bind_instant(b, ms, t, a, err);
    if ((as == SCALAR_DECIMAL || as == SCALAR_BIGINT || as == SCALAR_INT) && decimal_valid(s))
        return bind_text(b, MYSQL_TYPE_NEWDECIMAL, s);
    if (as != SCALAR_BYTES) return bind_text(b, MYSQL_TYPE_STRING, s);
    if (base64_read(a, s, &bytes)) return bind_text(b, MYSQL_TYPE_BLOB, bytes);
    return arena_failed(a) ? nicol_fail_oom(err) : refuse(err, "not base64");
}

static bool bind_one(MYSQL_BIND *b, val v, const driver_arg_type *t, arena *a, nicol_error *err)
{
    switch ((val_type)v.type) {
    case VAL_UNDEF:
    case VAL_NULL:
        b->buffer_type = MYSQL_TYPE_NULL;
        return true;
    case VAL_INT: /* also beside a date: the count of a `having` is told with its field's type */
    case VAL_BOOL:
        return bind_number(b, v, a, err);
    case VAL_FLOAT:
        if (!isfinite(v.u.f)) return refuse(err, "this database has no infinity and no NaN");
        return bind_number(b, v, a, err);
    case VAL_STR:
        return bind_str(b, v, t, a, err);
    case VAL_DECIMAL:
        return bind_text(b, MYSQL_TYPE_NEWDECIMAL, val_str(v));
    case VAL_DATETIME:
        return bind_instant(b, v.u.i, t, a, err);
    case VAL_JSON:
        return bind_text(b, MYSQL_TYPE_STRING, val_str(v));
    case VAL_BYTES:
        return bind_text(b, MYSQL_TYPE_BLOB, val_str(v));
    case VAL_LIST:
        return refuse(err, "this database has no arrays");
    case VAL_RECORD:
    case VAL_ROWS:
        break;
    }
    return refuse(err, "a row is no value");
}

bool my_encode(const val *args, const driver_arg_type *types, size_t n, arena *a, MYSQL_BIND **out, nicol_error *err)
{
    MYSQL_BIND *binds = ARENA_ARRAY(a, n ? n : 1, MYSQL_BIND);
    if (!binds) return nicol_fail_oom(err);
    memset(binds, 0, (n ? n : 1) * sizeof *binds);
    for (size_t i = 0; i < n; i++) {
        if (!bind_one(&binds[i], args[i], types ? &types[i] : NULL, a, err)) return false;
    }
    *out = binds;
    return true;
}
