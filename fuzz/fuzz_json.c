/* fuzz/fuzz_json.c - hostile text into the reader.
 *
 * Two implementations of the grammar must agree on every input: the tape reader and the minifier. What was accepted is
 * copied without blanks, read again and must give the same tape; its strings are decoded, written and decoded again.
 */
#include <stdlib.h>

#include "json/json.h"

#define MUST(cond)            \
    do {                      \
        if (!(cond)) abort(); \
    } while (0)

static void check_tape(const json_doc *doc)
{
    for (uint32_t i = 0; i < doc->n; i++) {
        const json_tok *t = &doc->tok[i];
        MUST(t->type >= JSON_NULL && t->type <= JSON_OBJECT);
        MUST(t->next > i && t->next <= doc->n);
        MUST((size_t)t->at + t->len <= doc->len);
        bool container = t->type == JSON_ARRAY || t->type == JSON_OBJECT;
        MUST(container || (t->next == i + 1 && t->n == 0));
    }
    MUST(doc->tok[0].next == doc->n);
}

static void same_tape(const json_doc *x, const json_doc *y)
{
    MUST(x->n == y->n);
    for (uint32_t i = 0; i < x->n; i++) {
        const json_tok *a = &x->tok[i], *b = &y->tok[i];
        MUST(a->type == b->type && a->escaped == b->escaped && a->next == b->next && a->n == b->n);
        bool container = a->type == JSON_ARRAY || a->type == JSON_OBJECT;
        MUST(container || (a->len == b->len && memcmp(x->text + a->at, y->text + b->at, a->len) == 0));
    }
}

static void check_values(const json_doc *doc, buf *b)
{
    for (uint32_t i = 0; i < doc->n; i++) {
        json_val v = {doc, i};
        if (json_kind(v) == JSON_STRING) {
            nicol_str s = json_text(v);
            MUST(s.ptr != NULL && str_utf8_bad(s) == SIZE_MAX && json_is(v, s));
            buf_clear(b);
            json_put_str(b, s);
            MUST(!buf_failed(b));
            json_doc again;
            nicol_error err = {0};
            MUST(json_parse(doc->a, buf_view(b), 0, &again, &err));
            MUST(str_eq(json_text(json_root(&again)), s));
        } else if (json_kind(v) == JSON_NUMBER) {
            double f = 0;
            int64_t n = 0;
            if (json_i64(v, &n)) MUST(json_f64(v, &f) && f == (double)n);
            if (json_f64(v, &f)) {
                char text[32];
                double back = 0;
                MUST(json_f64_read((nicol_str){text, json_f64_format(text, f)}, &back) && back == f);
            }
        }
    }
    size_t walked = 0;
    for (json_iter it = json_first(json_root(doc)); json_more(&it); walked++) {
        if (it.object) MUST(it.key.ptr != NULL && json_present(json_get(json_root(doc), it.key)));
    }
    MUST(walked == json_count(json_root(doc)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static arena *a;
    static buf b, c;
    if (a == NULL) {
        a = arena_new(mem_default, (size_t)256 << 20);
        MUST(a != NULL);
        buf_init(&b, mem_default, (size_t)64 << 20);
        buf_init(&c, mem_default, (size_t)64 << 20);
    }
    arena_reset(a);
    buf_clear(&b);
    nicol_str text = {(const char *)data, size};
    json_doc doc, again;
    nicol_error err = {0};
    bool good = json_parse(a, text, 20, &doc, &err);
    MUST(good == (err.code == NICOL_E_OK));
    MUST(json_put_minified(&b, text, 20) == good);
    if (!good) return 0;
    check_tape(&doc);
    MUST(json_parse(a, buf_view(&b), 20, &again, &err));
    same_tape(&doc, &again);
    if (size < 4096) check_values(&doc, &c);
    return 0;
}
