/* value/value.h - typed scalars, and the one cell type that parameters, rows and results are made of.
 *
 * A `val` is 16 bytes. Text and bytes are borrowed: they live in the arena, plan or statement that made them.
 * Number-like types that do not fit a machine word travel as text (Decimal), as in the protocols.
 */
#ifndef VALUE_VALUE_H
#define VALUE_VALUE_H

#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

typedef enum val_type {
    VAL_UNDEF = 0, /* no value at all (JavaScript's undefined); zero-initialised cells are this */
    VAL_NULL,
    VAL_BOOL,     /* u.i: 0 or 1 */
    VAL_INT,      /* u.i: Int and BigInt alike */
    VAL_FLOAT,    /* u.f */
    VAL_STR,      /* UTF-8 text: String, enum (database name), uuid, DateTime or Decimal not yet parsed */
    VAL_DECIMAL,  /* text of a number: [-]digits[.digits][e[+-]digits] */
    VAL_DATETIME, /* u.i: Unix milliseconds, UTC */
    VAL_JSON,     /* text of one JSON value */
    VAL_BYTES,    /* raw bytes */
    VAL_LIST,     /* u.list, n */
    VAL_RECORD,   /* u.rec: one row, exec's own */
    VAL_ROWS      /* u.rows: many rows, exec's own */
} val_type;

typedef struct val {
    uint8_t type;  /* val_type */
    uint8_t flags; /* the owner's use */
    uint16_t spare;
    uint32_t n; /* bytes of text, or items of a list */
    union {
        int64_t i;
        double f;
        const char *p;
        const struct val *list;
        struct exec_record *rec;
        struct exec_rows *rows;
    } u;
} val;

#define VAL_TEXT_BYTES_MAX UINT32_MAX

static inline val val_null(void)
{
    return (val){.type = VAL_NULL};
}
static inline val val_int(int64_t i)
{
    return (val){.type = VAL_INT, .u.i = i};
}
static inline val val_bool(bool b)
{
    return (val){.type = VAL_BOOL, .u.i = b};
}
static inline val val_float(double f)
{
    return (val){.type = VAL_FLOAT, .u.f = f};
}
static inline val val_text(val_type type, nicol_str s) /* s.len must be at most VAL_TEXT_BYTES_MAX */
{
    return (val){.type = (uint8_t)type, .n = (uint32_t)s.len, .u.p = s.ptr};
}
static inline nicol_str val_str(val v) /* of the text-carrying types */
{
    return (nicol_str){v.u.p, v.n};
}
static inline bool val_is_text(val v)
{
    return v.type == VAL_STR || v.type == VAL_DECIMAL || v.type == VAL_JSON || v.type == VAL_BYTES;
}
static inline bool val_is_nullish(val v)
{
    return v.type == VAL_NULL || v.type == VAL_UNDEF;
}

/* A JSON scalar as it is: a whole number is a VAL_INT, one that no double holds is VAL_DECIMAL, text is borrowed from the
 * document. Lists, objects and what is absent give VAL_UNDEF. False: no memory to decode a text. */
bool val_of_json(json_val v, val *out) NICOL_MUST_CHECK;

/* The scalar types of the schema language and of plans. */
typedef enum __attribute__((packed)) scalar_type { /* one byte: a large schema has many */
                                                   SCALAR_UNKNOWN = 0,
                                                   SCALAR_INT,
                                                   SCALAR_BIGINT,
                                                   SCALAR_FLOAT,
                                                   SCALAR_DECIMAL,
                                                   SCALAR_BOOLEAN,
                                                   SCALAR_STRING,
                                                   SCALAR_DATETIME,
                                                   SCALAR_JSON,
                                                   SCALAR_BYTES,
                                                   SCALAR_ENUM,
                                                   SCALAR_UUID,
                                                   SCALAR_N
} scalar_type;

/* --- DateTime: proleptic Gregorian calendar, years 0000 to 9999 and the +-YYYYYY form, UTC ------------------------ */

/* Reads RFC 3339 / ISO 8601 text: date, 'T' or blank, time to seconds with any fraction (cut to milliseconds), zone Z,
 * +hh, +hhmm, +hh:mm or none (UTC); a date alone; a time alone (on 1970-01-01). False when it is none of these. */
bool datetime_parse(nicol_str s, int64_t *unix_ms) NICOL_MUST_CHECK;
/* The strict form that requests must use: RFC 3339 date-time with zone (Z or +hh:mm). */
bool datetime_parse_rfc3339(nicol_str s, int64_t *unix_ms) NICOL_MUST_CHECK;
/* YYYY-MM-DDTHH:MM:SS.mmmZ (24 characters; +-YYYYYY years take 27). Returns the length; out needs 32. */
size_t datetime_format(char out[32], int64_t unix_ms);
/* The form stored in SQLite: YYYY-MM-DDTHH:MM:SS.mmm+00:00. Returns the length; out needs 40. */
size_t datetime_format_offset(char out[40], int64_t unix_ms);

/* --- Decimal: text in, text out ------------------------------------------------------------------------------------ */

bool decimal_valid(nicol_str s);
/* Canonical text, as decimal.js prints it: no trailing zeros, no leading '+', exponent form (d.ddde+x) from exponent
 * 21 up and -7 down. False when s is no decimal; appends nothing then. */
bool decimal_canonical(buf *out, nicol_str s) NICOL_MUST_CHECK;
/* Plain form without exponent ("123.45"); false also when it would take more than 1,100 characters. */
bool decimal_plain(buf *out, nicol_str s) NICOL_MUST_CHECK;
/* <0, 0, >0 by numeric value; both must be valid. */
int decimal_cmp(nicol_str a, nicol_str b);

/* --- numbers as text ------------------------------------------------------------------------------------------------ */

/* Shortest text that reads back as the same double, spelled as JavaScript's Number::toString does (1e21, 5e-7, -0 is
 * "0"). Not for NaN or infinities. Returns the length; out needs 32. */
size_t float_format(char out[32], double f);
/* Whole-string number of the JSON grammar (leading '+' or blanks refused); false otherwise or when not finite. */
bool float_parse(nicol_str s, double *out) NICOL_MUST_CHECK;

/* --- base64 (RFC 4648, padded) and hex ------------------------------------------------------------------------------ */

size_t base64_len(size_t bytes);
void base64_write(buf *out, const void *p, size_t n);
/* Accepts the standard and the URL alphabet, padded or not. Bytes go to the arena. */
bool base64_read(arena *a, nicol_str s, nicol_str *bytes) NICOL_MUST_CHECK;
bool hex_read(arena *a, nicol_str s, nicol_str *bytes) NICOL_MUST_CHECK; /* even number of hex digits */

#endif
