/* json/form.c - texts that are alike but for some strings and numbers, read by comparing.
 *
 * Programs send one text again and again with other values in it. What stands between the values is compared as it is,
 * many bytes at a time; only the values themselves are scanned. A text that fits has, by construction, the structure of
 * the one that the form was made from, so its tokens are those of that one, moved.
 */
#include "json/json_int.h"

typedef struct form_tok {
    json_tok tok; /* as in the first text, but for `next`, which counts in the form */
    bool open;    /* another string or number may stand here */
} form_tok;

struct json_form {
    nicol_str text;
    form_tok *tok;
    uint32_t n;
    uint32_t *at; /* where each of the wanted values begins among the tokens */
};

static bool is_container(const json_tok *t)
{
    return t->type == JSON_OBJECT || t->type == JSON_ARRAY;
}

/* A value and all within it. Keys stay as they are. */
static void add_value(json_form *f, const json_tok *from, uint32_t root)
{
    uint32_t first = f->n;
    for (uint32_t i = root; i < from[root].next; i++) {
        form_tok *to = &f->tok[f->n++];
        *to = (form_tok){from[i], from[i].type == JSON_STRING || from[i].type == JSON_NUMBER};
        to->tok.next = from[i].next - root + first;
    }
    for (uint32_t i = first; i < f->n; i++) {
        if (f->tok[i].tok.type != JSON_OBJECT) continue;
        uint32_t key = i + 1;
        for (uint32_t left = f->tok[i].tok.n; left > 0; left--) {
            f->tok[key].open = false;
            key = f->tok[key + 1].tok.next;
        }
    }
}

json_form *json_form_new(const json_doc *doc, const uint32_t *values, uint32_t n, arena *a)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0 && values[i] < doc->tok[values[i - 1]].next) return NULL; /* in order, none within another */
        total += doc->tok[values[i]].next - values[i];
    }
    json_form *f = ARENA_NEW(a, json_form);
    if (f == NULL) return NULL;
    f->text = arena_str(a, str_of(doc->text, doc->len));
    f->tok = ARENA_ARRAY(a, (size_t)total + 1, form_tok);
    f->at = ARENA_ARRAY(a, (size_t)n + 1, uint32_t);
    if (f->text.ptr == NULL || f->tok == NULL || f->at == NULL) return NULL;
    for (uint32_t i = 0; i < n; i++) {
        f->at[i] = f->n;
        add_value(f, doc->tok, values[i]);
    }
    return f;
}

size_t json_form_head(const json_form *f)
{
    for (uint32_t i = 0; i < f->n; i++) {
        if (f->tok[i].open) return f->tok[i].tok.at;
    }
    return f->text.len;
}

json_val json_form_value(const json_form *f, const json_doc *doc, uint32_t i)
{
    return (json_val){doc, f->at[i]};
}

/* The end of the string or number at p, or NULL. */
static const char *scan_open(const char *p, const char *end, json_tok *t)
{
    json_bad bad;
    t->escaped = 0;
    if (t->type == JSON_STRING) return json_scan_string_fast(p, end, &t->escaped, &bad);
    return p < end ? json_scan_number(p, end, &t->escaped, &bad) : NULL;
}

/* The length of a container follows from where the last token within it went. Those inside come later, so backwards. */
static void set_lengths(const json_form *f, json_tok *tok)
{
    for (uint32_t i = f->n; i > 0; i--) {
        json_tok *t = &tok[i - 1];
        if (!is_container(t)) continue;
        const json_tok *was = &f->tok[i - 1].tok, *last = &f->tok[t->next - 1].tok;
        const json_tok *now = &tok[t->next - 1];
        if (t->next == i) continue; /* empty */
        t->len = now->at + now->len + (was->at + was->len - last->at - last->len) - t->at;
    }
}

bool json_form_read(const json_form *f, nicol_str text, arena *a, json_doc *doc)
{
    if (text.len > NICOL_JSON_BYTES_MAX) return false;
    json_tok *tok = arena_alloc(a, ((size_t)f->n + 1) * sizeof *tok);
    if (tok == NULL) return false;
    const char *const was = f->text.ptr;
    size_t done = 0, at = 0; /* compared so far: in the form's text, in this one */
    bool nested = false;
    for (uint32_t i = 0; i < f->n; i++) {
        json_tok *t = &tok[i];
        *t = f->tok[i].tok;
        size_t same = t->at - done;
        if (!f->tok[i].open) {
            t->at = (uint32_t)(at + same);
            nested = nested || is_container(t);
            continue;
        }
        if (text.len - at < same || memcmp(text.ptr + at, was + done, same) != 0) return false;
        at += same;
        done = t->at + t->len;
        const char *end = scan_open(text.ptr + at, text.ptr + text.len, t);
        if (end == NULL) return false;
        t->at = (uint32_t)at;
        t->len = (uint32_t)(end - text.ptr) - t->at;
        at += t->len;
    }
    size_t rest = f->text.len - done;
    if (text.len - at != rest || memcmp(text.ptr + at, was + done, rest) != 0) return false;
    if (nested) set_lengths(f, tok);
    *doc = (json_doc){.text = text.ptr, .len = text.len, .tok = tok, .n = f->n, .a = a};
    return true;
}
