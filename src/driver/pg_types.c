/* driver/pg_types.c - values from PostgreSQL: from its binary form for the types that queries mostly return, from text
 * for all of them.
 *
 * Plans compare values and clients get milliseconds, so an instant becomes one number; one with microseconds stays text,
 * since rounding it would make it unequal to itself in the next query. Raw results get dates as text, all digits kept.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "driver/pg_int.h"

#define ARRAY_DIMS_MAX 6
#define EPOCH_DAYS 10957 /* from 1970 to 2000 */
#define DAY_US 86400000000
#define EPOCH_US (EPOCH_DAYS * DAY_US)

static const pg_type types[] = {
    {16, 1000, PG_BOOL, COL_BOOL, true},
    {17, 1001, PG_BYTEA, COL_BYTES, true},
    {18, 1002, PG_TEXT, COL_CHAR, true},
    {19, 1003, PG_TEXT, COL_STRING, true},
    {20, 1016, PG_INT8, COL_BIGINT, true},
    {21, 1005, PG_INT2, COL_INT, true},
    {23, 1007, PG_INT4, COL_INT, true},
    {25, 1009, PG_TEXT, COL_STRING, true},
    {26, 1028, PG_OID, COL_BIGINT, true},
    {114, 199, PG_JSON, COL_JSON, true},
    {142, 143, PG_TEXT, COL_STRING, false},
    {650, 651, PG_TEXT, COL_STRING, false},
    {700, 1021, PG_FLOAT4, COL_FLOAT, true},
    {701, 1022, PG_FLOAT8, COL_DOUBLE, true},
    {790, 791, PG_MONEY, COL_DECIMAL, false},
    {829, 1040, PG_TEXT, COL_STRING, false},
    {869, 1041, PG_TEXT, COL_STRING, false},
    {1042, 1014, PG_TEXT, COL_STRING, true},
    {1043, 1015, PG_TEXT, COL_STRING, true},
    {1082, 1182, PG_DATE, COL_DATE, true},
    {1083, 1183, PG_TIME, COL_TIME, true},
    {1114, 1115, PG_TIMESTAMP, COL_DATETIME, true},
    {1184, 1185, PG_TIMESTAMPTZ, COL_DATETIME, true},
    {1186, 1187, PG_TEXT, COL_STRING, false},
    {1266, 1270, PG_TIMETZ, COL_TIME, true},
    {1560, 1561, PG_TEXT, COL_STRING, false},
    {1562, 1563, PG_TEXT, COL_STRING, false},
    {1700, 1231, PG_NUMERIC, COL_DECIMAL, true},
    {2950, 2951, PG_UUID, COL_UUID, true},
    {3802, 3807, PG_JSONB, COL_JSON, true},
};
/* Enums, types of extensions and everything else: as the database spells it. */
static const pg_type any_type = {0, 0, PG_TEXT, COL_STRING, false};

pg_column pg_column_of(Oid oid)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].oid == oid) return (pg_column){&types[i], oid, false};
        if (types[i].list == oid) return (pg_column){&types[i], oid, true};
    }
    return (pg_column){&any_type, oid, false};
}

/* --- bytes ----------------------------------------------------------------------------------------------------------- */

static uint64_t big_endian(const char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) v = v << 8 | (uint8_t)p[i];
    return v;
}

static bool made(arena *a, val_type type, const char *p, size_t n, val *out)
{
    nicol_str copy = arena_str(a, str_of(p, n));
    *out = val_text(type, copy);
    return copy.ptr != NULL;
}

/* --- instants -------------------------------------------------------------------------------------------------------- */

typedef enum instant_kind { INSTANT_DATE, INSTANT_TIME, INSTANT_BOTH } instant_kind;

/* Unix microseconds as ISO text; digits of the fraction as many as there are. */
static size_t format_micros(char out[48], int64_t us, instant_kind kind)
{
    char text[32];
    int64_t ms = us >= 0 ? us / 1000 : -((-us + 999) / 1000);
    unsigned micros = (unsigned)(us - ms * 1000);
    size_t n = datetime_format(text, ms) - 1; /* without the Z */
    nicol_str s = str_of(text, n);
    size_t t = str_find_char(s, 'T', 0);
    if (kind == INSTANT_DATE) {
        memcpy(out, text, t);
        return t;
    }
    size_t from = kind == INSTANT_TIME ? t + 1 : 0;
    memcpy(out, text + from, n - from);
    n -= from;
    n += (size_t)snprintf(out + n, 48 - n, "%03u", micros);
    while (out[n - 1] == '0') n--;
    if (out[n - 1] == '.') n--;
    if (kind == INSTANT_BOTH) {
        memcpy(out + n, "+00:00", 6);
        n += 6;
    }
    return n;
}

static bool put_instant(int64_t us, instant_kind kind, bool raw, arena *a, val *out)
{
    char text[48];
    if (!raw && us % 1000 == 0) {
        *out = (val){.type = VAL_DATETIME, .u.i = us / 1000};
        return true;
    }
    if (raw && kind == INSTANT_TIME && us == DAY_US) return made(a, VAL_STR, "24:00:00", 8, out);
    return made(a, VAL_STR, text, format_micros(text, us, raw ? kind : INSTANT_BOTH), out);
}

static bool put_infinity(bool minus, arena *a, val *out)
{
    return made(a, VAL_STR, minus ? "-infinity" : "infinity", minus ? 9 : 8, out);
}

/* Days of the proleptic Gregorian calendar since 1970, for any year (0 is 1 BC). */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (int64_t)(m + (m > 2 ? -3U : 9U)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* Takes up to `max` digits. */
static bool take_digits(nicol_str *s, size_t max, int64_t *out)
{
    size_t n = 0;
    for (*out = 0; n < s->len && n < max && s->ptr[n] >= '0' && s->ptr[n] <= '9'; n++)
        *out = *out * 10 + (s->ptr[n] - '0');
    *s = str_sub(*s, n, s->len);
    return n > 0;
}

static bool take_char(nicol_str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c) return false;
    *s = str_sub(*s, 1, s->len);
    return true;
}

static bool take_date(nicol_str *s, int64_t *days)
{
    int64_t y, m, d;
    bool good = take_digits(s, 7, &y) && take_char(s, '-') && take_digits(s, 2, &m) && take_char(s, '-') &&
                take_digits(s, 2, &d);
    if (!good || m < 1 || m > 12 || d < 1 || d > 31) return false;
    if (str_ends(*s, S(" BC"))) {
        y = 1 - y;
        s->len -= 3;
    }
    *days = days_from_civil(y, (unsigned)m, (unsigned)d);
    return true;
}

static bool take_time(nicol_str *s, int64_t *us)
{
    int64_t h, m, sec = 0, scale = 100000;
    if (!take_digits(s, 2, &h) || !take_char(s, ':') || !take_digits(s, 2, &m)) return false;
    if (take_char(s, ':') && !take_digits(s, 2, &sec)) return false;
    *us = ((h * 60 + m) * 60 + sec) * 1000000;
    if (!take_char(s, '.')) return true;
    for (int64_t digit; scale && take_digits(s, 1, &digit); scale /= 10) *us += digit * scale;
    return true;
}

/* "+00", "-03:30", "+05:30:20": what to add to get to UTC. None: 0. */
static bool take_zone(nicol_str *s, int64_t *us)
{
    int64_t h, m = 0, sec = 0;
    *us = 0;
    bool minus = s->len && s->ptr[0] == '-';
    if (!take_char(s, '+') && !take_char(s, '-')) return true;
    if (!take_digits(s, 2, &h)) return false;
    if (take_char(s, ':') && !take_digits(s, 2, &m)) return false;
    if (take_char(s, ':') && !take_digits(s, 2, &sec)) return false;
    *us = ((h * 60 + m) * 60 + sec) * (minus ? 1000000 : -1000000);
    return true;
}

static bool instant_text(nicol_str s, pg_class cls, bool raw, arena *a, val *out)
{
    int64_t days = 0, us = 0, zone = 0;
    instant_kind kind = cls == PG_DATE                       ? INSTANT_DATE
                        : cls == PG_TIME || cls == PG_TIMETZ ? INSTANT_TIME
                                                             : INSTANT_BOTH;
    if (str_eq(s, S("infinity")) || str_eq(s, S("-infinity"))) return put_infinity(s.ptr[0] == '-', a, out);
    if (kind != INSTANT_TIME && !take_date(&s, &days)) return false;
    if (kind == INSTANT_BOTH && !take_char(&s, ' ')) return false;
    if (kind != INSTANT_DATE && !take_time(&s, &us)) return false;
    /* The zone of a time alone is left out: without a date it says nothing of an instant. */
    if (!take_zone(&s, &zone) || s.len) return false;
    if (cls == PG_TIMETZ) zone = 0;
    return put_instant(days * DAY_US + us + zone, kind, raw, a, out);
}

static bool instant_binary(nicol_str s, pg_class cls, bool raw, arena *a, val *out)
{
    if (cls == PG_DATE) {
        if (s.len != 4) return false;
        int32_t days = (int32_t)big_endian(s.ptr, 4);
        if (days == INT32_MIN || days == INT32_MAX) return put_infinity(days == INT32_MIN, a, out);
        return put_instant(((int64_t)days + EPOCH_DAYS) * DAY_US, INSTANT_DATE, raw, a, out);
    }
    if (s.len != (cls == PG_TIMETZ ? 12 : 8)) return false;
    int64_t us = (int64_t)big_endian(s.ptr, 8);
    if (cls == PG_TIME || cls == PG_TIMETZ) return put_instant(us, INSTANT_TIME, raw, a, out);
    if (us == INT64_MIN || us == INT64_MAX) return put_infinity(us == INT64_MIN, a, out);
    if (__builtin_add_overflow(us, EPOCH_US, &us)) return false;
    return put_instant(us, INSTANT_BOTH, raw, a, out);
}

/* --- numbers --------------------------------------------------------------------------------------------------------- */

/* Base-10000 digits with the place of the point and the number of decimals to show. */
static bool numeric_binary(nicol_str s, arena *a, val *out)
{
    if (s.len < 8) return false;
    size_t n = (size_t)big_endian(s.ptr, 2);
    int weight = (int16_t)big_endian(s.ptr + 2, 2);
    unsigned sign = (unsigned)big_endian(s.ptr + 4, 2), scale = (unsigned)big_endian(s.ptr + 6, 2);
    if (sign == 0xC000) return made(a, VAL_DECIMAL, "NaN", 3, out);
    if (sign == 0xD000 || sign == 0xF000)
        return made(a, VAL_DECIMAL, sign == 0xD000 ? "Infinity" : "-Infinity", sign == 0xD000 ? 8 : 9, out);
    if (s.len != 8 + 2 * n || (sign != 0 && sign != 0x4000)) return false;
    size_t cap = (size_t)(weight > 0 ? weight + 1 : 1) * 4 + scale + 8;
    char *p = arena_alloc(a, cap);
    if (!p) return false;
    size_t len = 0;
    if (sign) p[len++] = '-';
    size_t start = len;
    for (int i = 0; i <= weight; i++) {
        unsigned d = (size_t)i < n ? (unsigned)big_endian(s.ptr + 8 + 2 * i, 2) : 0;
        if (d > 9999) return false;
        len += (size_t)snprintf(p + len, cap - len, len == start ? "%u" : "%04u", d);
    }
    if (len == start) p[len++] = '0';
    if (scale) p[len++] = '.';
    for (unsigned done = 0, k = 0; done < scale; k++) {
        int at = weight + 1 + (int)k;
        char four[8];
        unsigned d = at >= 0 && (size_t)at < n ? (unsigned)big_endian(s.ptr + 8 + 2 * at, 2) : 0;
        if (d > 9999) return false;
        snprintf(four, sizeof four, "%04u", d);
        for (unsigned j = 0; j < 4 && done < scale; j++, done++) p[len++] = four[j];
    }
    *out = val_text(VAL_DECIMAL, str_of(p, len));
    return true;
}

/* "$1,234.50", "-$0.05": the locale of the session is C. */
static bool money_text(nicol_str s, arena *a, val *out)
{
    char *p = arena_alloc(a, s.len + 1);
    size_t n = 0;
    if (!p) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i] == '(' ? '-' : s.ptr[i];
        if ((c >= '0' && c <= '9') || c == '.' || (c == '-' && n == 0)) p[n++] = c;
    }
    *out = val_text(VAL_DECIMAL, str_of(p, n));
    return true;
}

static bool float_text(nicol_str s, val *out)
{
    double f;
    if (str_eq(s, S("NaN"))) f = NAN;
    else if (str_eq(s, S("Infinity"))) f = INFINITY;
    else if (str_eq(s, S("-Infinity"))) f = -INFINITY;
    else if (!float_parse(s, &f)) return false;
    *out = val_float(f);
    return true;
}

/* A float4 is told as the shortest decimal that means it: 0.1, not 0.10000000149011612. */
static double widened(float f)
{
    char text[32];
    if (!isfinite(f)) return (double)f;
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)f);
        if (strtof(text, NULL) == f) break;
    }
    return strtod(text, NULL);
}

static bool float_binary(nicol_str s, pg_class cls, val *out)
{
    if (cls == PG_FLOAT4) {
        uint32_t bits = (uint32_t)big_endian(s.ptr, s.len == 4 ? 4 : 0);
        float f;
        memcpy(&f, &bits, sizeof f);
        *out = val_float(widened(f));
        return s.len == 4;
    }
    uint64_t bits = big_endian(s.ptr, s.len == 8 ? 8 : 0);
    double f;
    memcpy(&f, &bits, sizeof f);
    *out = val_float(f);
    return s.len == 8;
}

static bool int_text(nicol_str s, val *out)
{
    int64_t i;
    if (!str_to_i64(s, &i)) return false;
    *out = val_int(i);
    return true;
}

/* --- one value ------------------------------------------------------------------------------------------------------- */

static bool uuid_binary(nicol_str s, arena *a, val *out)
{
    static const char hex[] = "0123456789abcdef";
    char *p = arena_alloc(a, 37);
    size_t n = 0;
    if (!p || s.len != 16) return false;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) p[n++] = '-';
        p[n++] = hex[(uint8_t)s.ptr[i] >> 4];
        p[n++] = hex[(uint8_t)s.ptr[i] & 15];
    }
    *out = val_text(VAL_STR, str_of(p, n));
    return true;
}

static bool scalar_text(pg_class cls, nicol_str s, bool raw, arena *a, val *out)
{
    nicol_str bytes;
    switch (cls) {
    case PG_BOOL:
        *out = val_bool(s.len && s.ptr[0] == 't');
        return true;
    case PG_INT2:
    case PG_INT4:
    case PG_INT8:
    case PG_OID:
        return int_text(s, out);
    case PG_FLOAT4:
    case PG_FLOAT8:
        return float_text(s, out);
    case PG_NUMERIC:
        *out = val_text(VAL_DECIMAL, s);
        return true;
    case PG_MONEY:
        return money_text(s, a, out);
    case PG_BYTEA:
        if (!str_starts(s, S("\\x")) || !hex_read(a, str_sub(s, 2, s.len), &bytes)) return false;
        *out = val_text(VAL_BYTES, bytes);
        return true;
    case PG_JSON:
    case PG_JSONB:
        *out = val_text(VAL_JSON, s);
        return true;
    case PG_DATE:
    case PG_TIME:
    case PG_TIMETZ:
    case PG_TIMESTAMP:
    case PG_TIMESTAMPTZ:
        return instant_text(s, cls, raw, a, out);
    case PG_TEXT:
    case PG_UUID:
        break;
    }
    *out = val_text(VAL_STR, s);
    return true;
}

static bool scalar_binary(pg_class cls, nicol_str s, bool raw, arena *a, val *out)
{
    switch (cls) {
    case PG_BOOL:
        *out = val_bool(s.len == 1 && s.ptr[0] != 0);
        return s.len == 1;
    case PG_INT2:
        *out = val_int((int16_t)big_endian(s.ptr, s.len == 2 ? 2 : 0));
        return s.len == 2;
    case PG_INT4:
        *out = val_int((int32_t)big_endian(s.ptr, s.len == 4 ? 4 : 0));
        return s.len == 4;
    case PG_OID:
        *out = val_int((int64_t)big_endian(s.ptr, s.len == 4 ? 4 : 0));
        return s.len == 4;
    case PG_INT8:
        *out = val_int((int64_t)big_endian(s.ptr, s.len == 8 ? 8 : 0));
        return s.len == 8;
    case PG_FLOAT4:
    case PG_FLOAT8:
        return float_binary(s, cls, out);
    case PG_NUMERIC:
        return numeric_binary(s, a, out);
    case PG_BYTEA:
        *out = val_text(VAL_BYTES, s);
        return true;
    case PG_JSONB:
        if (s.len == 0 || s.ptr[0] != 1) return false;
        *out = val_text(VAL_JSON, str_sub(s, 1, s.len));
        return true;
    case PG_JSON:
        *out = val_text(VAL_JSON, s);
        return true;
    case PG_UUID:
        return uuid_binary(s, a, out);
    case PG_DATE:
    case PG_TIME:
    case PG_TIMETZ:
    case PG_TIMESTAMP:
    case PG_TIMESTAMPTZ:
        return instant_binary(s, cls, raw, a, out);
    case PG_MONEY:
        return false;
    case PG_TEXT:
        break;
    }
    *out = val_text(VAL_STR, s);
    return true;
}

/* --- arrays ---------------------------------------------------------------------------------------------------------- */

typedef struct array_reader {
    nicol_str left;
    const uint32_t *sizes;
    unsigned dims;
    pg_class cls;
    bool raw;
    arena *a;
} array_reader;

static bool take_bytes(array_reader *r, size_t n, nicol_str *out)
{
    if (n > r->left.len) return false;
    *out = str_sub(r->left, 0, n);
    r->left = str_sub(r->left, n, r->left.len);
    return true;
}

static bool take_u32(array_reader *r, uint32_t *out)
{
    nicol_str s;
    if (!take_bytes(r, 4, &s)) return false;
    *out = (uint32_t)big_endian(s.ptr, 4);
    return true;
}

static bool dimension(array_reader *r, unsigned d, val *out)
{
    uint32_t n = r->sizes[d], len;
    nicol_str s;
    if (n > r->left.len / 4) return false; /* each item takes four bytes or more */
    val *v = ARENA_ARRAY(r->a, n ? n : 1, val);
    if (!v) return false;
    for (uint32_t i = 0; i < n; i++) {
        if (d + 1 < r->dims) {
            if (!dimension(r, d + 1, &v[i])) return false;
            continue;
        }
        if (!take_u32(r, &len)) return false;
        v[i] = val_null();
        if (len == UINT32_MAX) continue;
        if (!take_bytes(r, len, &s) || !scalar_binary(r->cls, s, r->raw, r->a, &v[i])) return false;
    }
    *out = (val){.type = VAL_LIST, .n = n, .u.list = v};
    return true;
}

static bool array_binary(pg_class cls, nicol_str s, bool raw, arena *a, val *out)
{
    uint32_t dims, skipped, sizes[ARRAY_DIMS_MAX];
    array_reader r = {.left = s, .sizes = sizes, .cls = cls, .raw = raw, .a = a};
    if (!take_u32(&r, &dims) || dims > ARRAY_DIMS_MAX || !take_u32(&r, &skipped) || !take_u32(&r, &skipped))
        return false;
    r.dims = dims;
    for (uint32_t i = 0; i < dims; i++) {
        if (!take_u32(&r, &sizes[i]) || !take_u32(&r, &skipped)) return false;
    }
    if (dims == 0) {
        *out = (val){.type = VAL_LIST};
        return true;
    }
    return dimension(&r, 0, out) && r.left.len == 0;
}

/* One item of an array's text: quoted, or up to the next comma or brace. *null: an unquoted NULL. */
static bool take_item(array_reader *r, nicol_str *out, bool *null)
{
    nicol_str s = r->left;
    bool quoted = s.len && s.ptr[0] == '"';
    size_t end = quoted, n = 0;
    for (; end < s.len; end++) {
        char c = s.ptr[end];
        if (quoted ? c == '"' : c == ',' || c == '}') break;
        if (c == '\\') end++;
    }
    if (end >= s.len) return false;
    char *p = arena_alloc(r->a, end + 1);
    if (!p) return false;
    for (size_t i = quoted; i < end; i++) {
        if (s.ptr[i] == '\\') i++;
        p[n++] = s.ptr[i];
    }
    r->left = str_sub(s, end + quoted, s.len);
    *out = str_of(p, n);
    *null = !quoted && str_ieq(*out, S("NULL"));
    return true;
}

static size_t count_items(nicol_str s)
{
    unsigned depth = 0;
    bool quoted = false;
    size_t n = 1;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '\\') i++;
        else if (c == '"') quoted = !quoted;
        else if (quoted) continue;
        else if (c == '{') depth++;
        else if (c == '}' && depth-- == 0) break;
        else if (c == ',' && depth == 0) n++;
    }
    return n;
}

static bool braces(array_reader *r, unsigned depth, val *out)
{
    *out = (val){.type = VAL_LIST};
    if (depth == 0 || !take_char(&r->left, '{')) return false;
    if (take_char(&r->left, '}')) return true;
    size_t n = count_items(r->left);
    val *v = n > UINT32_MAX ? NULL : ARENA_ARRAY(r->a, n, val);
    if (!v) return false;
    for (size_t i = 0; i < n; i++) {
        nicol_str item;
        bool null = false;
        if (i && !take_char(&r->left, ',')) return false;
        if (r->left.len && r->left.ptr[0] == '{') {
            if (!braces(r, depth - 1, &v[i])) return false;
            continue;
        }
        if (!take_item(r, &item, &null)) return false;
        v[i] = val_null();
        if (!null && !scalar_text(r->cls, item, r->raw, r->a, &v[i])) return false;
    }
    *out = (val){.type = VAL_LIST, .n = (uint32_t)n, .u.list = v};
    return take_char(&r->left, '}');
}

static bool array_text(pg_class cls, nicol_str s, bool raw, arena *a, val *out)
{
    if (s.len && s.ptr[0] == '[') { /* "[0:2]={...}": bounds that don't start at 1 */
        size_t at = str_find_char(s, '=', 0);
        if (at == SIZE_MAX) return false;
        s = str_sub(s, at + 1, s.len);
    }
    array_reader r = {.left = s, .cls = cls, .raw = raw, .a = a};
    return braces(&r, ARRAY_DIMS_MAX + 1, out) && r.left.len == 0;
}

bool pg_list_of(nicol_str text, arena *a, val *out)
{
    return array_text(PG_TEXT, text, false, a, out);
}

bool pg_decode(const pg_column *c, bool binary, nicol_str bytes, bool raw, arena *a, val *out)
{
    pg_class cls = (pg_class)c->type->class_;
    if (bytes.len > VAL_TEXT_BYTES_MAX) return false;
    if (c->list) return binary ? array_binary(cls, bytes, raw, a, out) : array_text(cls, bytes, raw, a, out);
    return binary ? scalar_binary(cls, bytes, raw, a, out) : scalar_text(cls, bytes, raw, a, out);
}
