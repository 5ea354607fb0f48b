/* json/json.h - the JSON reader and writer. RFC 8259, strict UTF-8, bounded in depth and size.
 *
 * Reading gives a tape: one flat array of tokens in document order, pointing into the text, that knows where each
 * value ends; nothing is copied but strings with escapes, which are decoded into the arena when asked for. Writing
 * goes straight to a buf: the caller writes structure, the helpers escape. A reply is never built as a tree.
 *
 * Duplicate keys of one object: the last wins in json_get, as in JavaScript; all are seen when walking.
 */
#ifndef JSON_JSON_H
#define JSON_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"

typedef enum json_type {
    JSON_NULL = 1,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
} json_type;

/* One token. In an object, each member is a key token (JSON_STRING) followed by its value. */
typedef struct json_tok {
    uint8_t type;    /* json_type */
    uint8_t escaped; /* a string with backslashes: json_text decodes it; a number: 1 when it has '.', 'e' or 'E' */
    uint16_t spare;
    uint32_t at;   /* offset of the first byte in the text; of a string: after the quote */
    uint32_t len;  /* bytes in the text; of a string: without quotes; of a container: of its whole text */
    uint32_t next; /* index of the token after this value (and all within it) */
    uint32_t n;    /* items of an array, members of an object */
} json_tok;

typedef struct json_doc {
    const char *text; /* the caller's: must outlive the document */
    size_t len;
    const json_tok *tok; /* tok[0] is the root */
    uint32_t n;
    arena *a;
} json_doc;

/* Parses the whole text (blanks around it are fine, anything else after it is not). The tape lives in `a`. depth_max
 * at most NICOL_JSON_DEPTH_MAX. On failure the error (BAD_JSON or LIMIT) names the byte offset and what was expected. */
bool json_parse(arena *a, nicol_str text, unsigned depth_max, json_doc *doc, nicol_error *err) NICOL_MUST_CHECK;

/* A value in a document. doc NULL means "absent". */
typedef struct json_val {
    const json_doc *doc;
    uint32_t i;
} json_val;

static inline json_val json_root(const json_doc *doc)
{
    return (json_val){doc, 0};
}
static inline bool json_present(json_val v)
{
    return v.doc != NULL;
}
static inline const json_tok *json_token(json_val v)
{
    return &v.doc->tok[v.i];
}
static inline json_type json_kind(json_val v) /* 0 when absent */
{
    return v.doc ? (json_type)v.doc->tok[v.i].type : (json_type)0;
}
static inline uint32_t json_count(json_val v) /* of an array or object, else 0 */
{
    return v.doc ? v.doc->tok[v.i].n : 0;
}

/* The member `key` of an object; absent when v is no object or has none. */
json_val json_get(json_val obj, nicol_str key);
/* Walking: it = json_first(v); while (json_more(&it)) { it.key (objects; decoded), it.value; } */
typedef struct json_iter {
    json_val value;
    nicol_str key; /* .ptr NULL when decoding it ran out of memory */
    uint32_t left;
    uint32_t at;
    const json_doc *doc;
    bool object;
} json_iter;
json_iter json_first(json_val container);
bool json_more(json_iter *it);

/* The decoded text of a string (in place when it has no escapes, else in the document's arena). .ptr is NULL when v is
 * no string or memory ran out. Lone surrogate escapes are refused when parsing. */
nicol_str json_text(json_val v);
/* The text of the value as it stands in the document (a string with its quotes). */
nicol_str json_raw(json_val v);
bool json_is(json_val string, nicol_str text); /* a string equal to text */
/* Integer in range, no fraction and no exponent; 1e3 and 1.0 are no integers here. */
bool json_i64(json_val v, int64_t *out) NICOL_MUST_CHECK;
bool json_f64(json_val v, double *out) NICOL_MUST_CHECK; /* any number that is finite as a double */
bool json_bool(json_val v, bool *out) NICOL_MUST_CHECK;

/* --- the same text with other values -------------------------------------------------------------------------------- */

/* What texts have in common that differ only in the strings and numbers within some of their values. Reading such a text
 * is a comparison and a scan of those, many times faster than json_parse, and gives the same tokens. */
typedef struct json_form json_form;
/* The form of a parsed text; `values` are the tokens of the n values, in order and none within another. Keys, literals and
 * structure stay part of the form. It lives in `a`, the text is copied. NULL: no memory, or values out of order. */
json_form *json_form_new(const json_doc *doc, const uint32_t *values, uint32_t n, arena *a) NICOL_MUST_CHECK;
size_t json_form_head(const json_form *f); /* bytes that all texts of the form begin with */
/* Has the text this form? Then doc holds the values, and only those: ask json_form_value. False also without memory. */
bool json_form_read(const json_form *f, nicol_str text, arena *a, json_doc *doc) NICOL_MUST_CHECK;
json_val json_form_value(const json_form *f, const json_doc *doc, uint32_t i); /* the i-th value */

/* --- writing -------------------------------------------------------------------------------------------------------- */

/* "text" with quotes and escapes. Text must be UTF-8; invalid bytes come out as U+FFFD, so output is always valid. */
void json_put_str(buf *b, nicol_str text);
/* The same without the quotes, for strings written in parts. */
void json_put_escaped(buf *b, nicol_str text);
void json_put_f64(buf *b, double f); /* as JavaScript spells it; NaN and infinities become null */
/* Shortest text that reads back as the same double, spelled as JavaScript does. Not for NaN or infinities. Returns the
 * length; out needs 32. */
size_t json_f64_format(char out[32], double f);
/* A whole number text in JSON's grammar to the nearest double; false when it is none or not finite. Independent of the
 * host program's locale. */
bool json_f64_read(nicol_str s, double *out) NICOL_MUST_CHECK;
/* Copies a valid JSON text without its insignificant blanks. False (appends nothing) when text is not valid JSON. */
bool json_put_minified(buf *b, nicol_str text, unsigned depth_max) NICOL_MUST_CHECK;

#endif
