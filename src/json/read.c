/* json/read.c - text to tape in one pass, without recursion.
 *
 * The machine has two states, "a value is due" and "a value has ended"; an open container keeps the index of its
 * parent in its own `next` field until it is closed, so the tape is its own stack. Everything hot lives in locals:
 * tokens hold bytes, which may alias anything, and would force each pointer back to memory.
 */
#include "json/json_int.h"

#define NO_PARENT UINT32_MAX
#define FIRST_TOKENS_MAX ((size_t)1 << 18)

typedef struct reader {
    const char *text, *end;
    arena *a;
    nicol_error *err;
    json_tok *tok;
    uint32_t cap;
    unsigned depth_max;
} reader;

static bool fail_at(const reader *r, const char *at, const char *expected)
{
    size_t off = (size_t)(at - r->text);
    if (at >= r->end)
        return nicol_fail(r->err, NICOL_E_BAD_JSON, "Invalid JSON at byte %zu: expected %s, found the end of the text",
                          off, expected);
    unsigned char c = (unsigned char)*at;
    if (c > 0x20 && c < 0x7F)
        return nicol_fail(r->err, NICOL_E_BAD_JSON, "Invalid JSON at byte %zu: expected %s, found '%c'", off, expected,
                          c);
    return nicol_fail(r->err, NICOL_E_BAD_JSON, "Invalid JSON at byte %zu: expected %s, found byte 0x%02X", off,
                      expected, c);
}

static bool fail_bad(const reader *r, const json_bad *bad)
{
    return fail_at(r, bad->at, bad->expected);
}

static bool fail_depth(const reader *r, const char *at)
{
    return nicol_fail(r->err, NICOL_E_LIMIT, "JSON is nested deeper than %u levels at byte %zu", r->depth_max,
                      (size_t)(at - r->text));
}

/* Room for a key and a value. Growing doubles, but never past what the text could still need: a token takes at least
 * one byte of text. */
static bool grow(reader *r, uint32_t n)
{
    size_t most = (size_t)(r->end - r->text) + 2, cap = r->cap;
    cap = cap > most / 2 ? most : cap * 2;
    if (cap < (size_t)n + 2) cap = (size_t)n + 2;
    json_tok *t = arena_grow(r->a, r->tok, (size_t)r->cap * sizeof *t, cap * sizeof *t);
    if (t == NULL) return nicol_fail_oom(r->err);
    r->tok = t;
    r->cap = (uint32_t)cap;
    return true;
}

static inline void put(json_tok *t, uint8_t type, uint8_t mark, uint32_t at, uint32_t len, uint32_t next)
{
    *t = (json_tok){.type = type, .escaped = mark, .at = at, .len = len, .next = next};
}

static bool run(reader *r, uint32_t *n_out)
{
    const char *const text = r->text, *const end = r->end;
    const char *p = text;
    json_tok *tok = r->tok;
    uint32_t n = 0, cap = r->cap, open = NO_PARENT;
    unsigned depth = 0;
    json_bad bad = {NULL, NULL};

value_due:
    p = json_skip_blanks(p, end);
    if (JSON_UNLIKELY(p == end)) return fail_at(r, p, "a value");
    if (JSON_UNLIKELY(cap - n < 2)) {
        if (!grow(r, n)) return false;
        tok = r->tok;
        cap = r->cap;
    }
    {
        const char *q;
        uint8_t mark = 0, type = JSON_STRING;
        char c = *p;
        if (c == '"') {
            q = json_scan_string_fast(p + 1, end, &mark, &bad);
            if (JSON_UNLIKELY(q == NULL)) return fail_bad(r, &bad);
            put(&tok[n], type, mark, (uint32_t)(p + 1 - text), (uint32_t)(q - p - 1), n + 1);
            p = q + 1;
        } else if (c == '{' || c == '[') {
            if (JSON_UNLIKELY(depth == r->depth_max)) return fail_depth(r, p);
            depth++;
            put(&tok[n], c == '{' ? JSON_OBJECT : JSON_ARRAY, 0, (uint32_t)(p - text), 0, open);
            open = n++;
            p = json_skip_blanks(p + 1, end);
            if (p < end && *p == (c == '{' ? '}' : ']')) goto close;
            if (c == '{') goto key_due;
            goto value_due;
        } else if (c == '-' || (c >= '0' && c <= '9')) {
            q = json_scan_number(p, end, &mark, &bad);
            if (JSON_UNLIKELY(q == NULL)) return fail_bad(r, &bad);
            put(&tok[n], JSON_NUMBER, mark, (uint32_t)(p - text), (uint32_t)(q - p), n + 1);
            p = q;
        } else {
            q = json_scan_literal(p, end, &type, &bad);
            if (JSON_UNLIKELY(q == NULL)) return fail_bad(r, &bad);
            put(&tok[n], type, 0, (uint32_t)(p - text), (uint32_t)(q - p), n + 1);
            p = q;
        }
        n++;
    }

value_ended:
    p = json_skip_blanks(p, end);
    if (open == NO_PARENT) {
        *n_out = n;
        return p == end ? true : fail_at(r, p, "nothing after the value");
    }
    tok[open].n++;
    if (JSON_UNLIKELY(p == end)) return fail_at(r, p, tok[open].type == JSON_OBJECT ? "',' or '}'" : "',' or ']'");
    if (tok[open].type == JSON_ARRAY) {
        if (JSON_LIKELY(*p == ',')) {
            p++;
            goto value_due;
        }
        if (*p != ']') return fail_at(r, p, "',' or ']'");
        goto close;
    }
    if (*p == '}') goto close;
    if (JSON_UNLIKELY(*p != ',')) return fail_at(r, p, "',' or '}'");
    p = json_skip_blanks(p + 1, end);

key_due:
    if (JSON_UNLIKELY(p == end || *p != '"')) return fail_at(r, p, "a member name in quotes");
    if (JSON_UNLIKELY(cap - n < 2)) {
        if (!grow(r, n)) return false;
        tok = r->tok;
        cap = r->cap;
    }
    {
        uint8_t mark = 0;
        const char *q = json_scan_string_fast(p + 1, end, &mark, &bad);
        if (JSON_UNLIKELY(q == NULL)) return fail_bad(r, &bad);
        put(&tok[n], JSON_STRING, mark, (uint32_t)(p + 1 - text), (uint32_t)(q - p - 1), n + 1);
        n++;
        p = json_skip_blanks(q + 1, end);
        if (JSON_UNLIKELY(p == end || *p != ':')) return fail_at(r, p, "':' after a member name");
        p++;
    }
    goto value_due;

close:
    p++;
    {
        json_tok *t = &tok[open];
        uint32_t parent = t->next;
        t->len = (uint32_t)(p - text) - t->at;
        t->next = n;
        open = parent;
        depth--;
    }
    goto value_ended;
}

bool json_parse(arena *a, nicol_str text, unsigned depth_max, json_doc *doc, nicol_error *err)
{
    *doc = (json_doc){.text = text.ptr, .len = text.len, .a = a};
    if (text.len > NICOL_JSON_BYTES_MAX)
        return nicol_fail(err, NICOL_E_LIMIT, "JSON text of %zu bytes is longer than the limit of %zu", text.len,
                          NICOL_JSON_BYTES_MAX);
    if (depth_max > NICOL_JSON_DEPTH_MAX) depth_max = NICOL_JSON_DEPTH_MAX;
    const char *ptr = text.ptr != NULL ? text.ptr : "";
    reader r = {.text = ptr, .end = ptr + text.len, .a = a, .err = err, .depth_max = depth_max};
    /* Typical bodies have a token in 8 to 13 bytes, so most never grow; a huge text may be one long string, so it has
     * to show its tokens first. */
    r.cap = (uint32_t)(text.len / 8 < FIRST_TOKENS_MAX ? text.len / 8 : FIRST_TOKENS_MAX) + 8;
    r.tok = arena_alloc(a, (size_t)r.cap * sizeof *r.tok);
    if (r.tok == NULL) return nicol_fail_oom(err);
    uint32_t n = 0;
    if (!run(&r, &n)) return false;
    doc->tok = r.tok;
    doc->n = n;
    return true;
}

/* --- looking at values ---------------------------------------------------------------------------------------------- */

static inline nicol_str tok_text(const json_doc *doc, const json_tok *t)
{
    return (nicol_str){doc->text + t->at, t->len};
}

static bool escaped_eq(nicol_str raw, nicol_str want)
{
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
    size_t at = 0;
    while (p < end) {
        char c[4];
        unsigned k = 1;
        if (*p == '\\') k = json_unescape(&p, c);
        else c[0] = *p++;
        if (want.len - at < k || memcmp(want.ptr + at, c, k) != 0) return false;
        at += k;
    }
    return at == want.len;
}

static bool tok_eq(const json_doc *doc, const json_tok *t, nicol_str want)
{
    if (JSON_UNLIKELY(t->escaped)) return escaped_eq(tok_text(doc, t), want);
    return t->len == want.len && (want.len == 0 || memcmp(doc->text + t->at, want.ptr, want.len) == 0);
}

json_val json_get(json_val obj, nicol_str key)
{
    json_val found = {NULL, 0};
    if (json_kind(obj) != JSON_OBJECT) return found;
    const json_tok *tok = obj.doc->tok;
    uint32_t at = obj.i + 1;
    for (uint32_t left = tok[obj.i].n; left > 0; left--) {
        if (tok_eq(obj.doc, &tok[at], key)) found = (json_val){obj.doc, at + 1};
        at = tok[at + 1].next;
    }
    return found;
}

json_iter json_first(json_val container)
{
    json_iter it = {.doc = container.doc};
    json_type k = json_kind(container);
    if (k != JSON_OBJECT && k != JSON_ARRAY) return it;
    it.left = json_count(container);
    it.at = container.i + 1;
    it.object = k == JSON_OBJECT;
    return it;
}

bool json_more(json_iter *it)
{
    if (it->left == 0) return false;
    it->left--;
    if (it->object) it->key = json_text((json_val){it->doc, it->at++});
    it->value = (json_val){it->doc, it->at};
    it->at = it->doc->tok[it->at].next;
    return true;
}

nicol_str json_text(json_val v)
{
    if (json_kind(v) != JSON_STRING) return (nicol_str){NULL, 0};
    const json_tok *t = json_token(v);
    nicol_str raw = tok_text(v.doc, t);
    if (JSON_LIKELY(!t->escaped)) return raw;
    char *out = arena_alloc(v.doc->a, raw.len); /* an escape is never shorter than what it stands for */
    if (out == NULL) return (nicol_str){NULL, 0};
    size_t n = 0;
    const char *p = raw.ptr, *end = raw.ptr + raw.len;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t clean = (size_t)((slash != NULL ? slash : end) - p);
        memcpy(out + n, p, clean);
        n += clean;
        p += clean;
        if (p < end) {
            char c[4];
            unsigned k = json_unescape(&p, c);
            memcpy(out + n, c, k);
            n += k;
        }
    }
    return (nicol_str){out, n};
}

nicol_str json_raw(json_val v)
{
    if (!json_present(v)) return (nicol_str){NULL, 0};
    const json_tok *t = json_token(v);
    if (t->type == JSON_STRING) return (nicol_str){v.doc->text + t->at - 1, (size_t)t->len + 2};
    return tok_text(v.doc, t);
}

bool json_is(json_val string, nicol_str text)
{
    return json_kind(string) == JSON_STRING && tok_eq(string.doc, json_token(string), text);
}

bool json_i64(json_val v, int64_t *out)
{
    if (json_kind(v) != JSON_NUMBER || json_token(v)->escaped) return false;
    nicol_str s = tok_text(v.doc, json_token(v));
    bool neg = s.ptr[0] == '-';
    uint64_t u = 0;
    for (size_t i = neg; i < s.len; i++) {
        uint64_t d = (uint64_t)(s.ptr[i] - '0');
        if (__builtin_mul_overflow(u, 10, &u) || __builtin_add_overflow(u, d, &u)) return false;
    }
    if (u > (uint64_t)INT64_MAX + neg) return false;
    *out = neg ? (int64_t)(0 - u) : (int64_t)u;
    return true;
}

bool json_f64(json_val v, double *out)
{
    return json_kind(v) == JSON_NUMBER && json_f64_read(tok_text(v.doc, json_token(v)), out);
}

bool json_bool(json_val v, bool *out)
{
    json_type k = json_kind(v);
    if (k != JSON_TRUE && k != JSON_FALSE) return false;
    *out = k == JSON_TRUE;
    return true;
}
