/* engine/keep.c - plans kept by a 128-bit key, dropped in order of use when there are too many. */
#include "engine/engine_int.h"

bool keep_init(plan_keep *k, const mem *m, uint32_t max, nicol_error *err)
{
    *k = (plan_keep){.max = max};
    k->by_key = map_new(m, (size_t)max + 1);
    return k->by_key || nicol_fail_oom(err);
}

kept *kept_new(const mem *m, plan *p, hash128 key)
{
    arena *a = arena_new(m, NICOL_REQUEST_ARENA_BYTES_MAX);
    kept *e = a ? ARENA_NEW(a, kept) : NULL;
    if (!e) {
        arena_free(a);
        return NULL;
    }
    e->a = a;
    e->plan = p;
    e->key = key;
    return e;
}

static void kept_free(kept *e)
{
    plan_free(e->plan);
    plan_free(e->lookup);
    arena_free(e->a); /* e itself lives there */
}

static nicol_str key_str(const hash128 *key)
{
    return str_of((const char *)key, sizeof *key);
}

static void unlink_use(plan_keep *k, kept *e)
{
    *(e->older ? &e->older->newer : &k->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &k->newest) = e->older;
    e->older = e->newer = NULL;
}

static void link_newest(plan_keep *k, kept *e)
{
    e->older = k->newest;
    *(k->newest ? &k->newest->newer : &k->oldest) = e;
    k->newest = e;
}

/* --- by text -------------------------------------------------------------------------------------------------------- */

#define HEAD_BYTES 48 /* all texts of one form begin alike: that many bytes find them */
#define FORM_BYTES_MAX ((size_t)64 << 10)
#define FORMS_TRIED_MAX 16 /* of one bucket: comparing more would cost what parsing does */

static uint64_t head_of(const char *text)
{
    uint64_t h = 0, word;
    for (unsigned i = 0; i < HEAD_BYTES; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        h = (h ^ word) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    return h;
}

static void list_form(plan_keep *k, kept *e)
{
    kept **bucket = &k->by_head[e->head % KEEP_HEADS];
    e->same_head = *bucket;
    *bucket = e;
}

static void unlist_form(plan_keep *k, kept *e)
{
    if (!e->form) return;
    for (kept **at = &k->by_head[e->head % KEEP_HEADS]; *at; at = &(*at)->same_head) {
        if (*at != e) continue;
        *at = e->same_head;
        return;
    }
}

void keep_form(plan_keep *k, kept *e, const json_doc *doc, const uint32_t *values, uint32_t n)
{
    if (e->dropped || e->form || doc->len < HEAD_BYTES || doc->len > FORM_BYTES_MAX) return;
    const json_form *f = json_form_new(doc, values, n, e->a);
    if (!f || json_form_head(f) < HEAD_BYTES) return;
    e->form = f;
    e->head = head_of(doc->text);
    list_form(k, e);
}

kept *keep_by_text(plan_keep *k, nicol_str text, arena *a, bool (*fits)(const kept *e, const json_doc *doc, void *ctx),
                   void *ctx)
{
    if (text.len < HEAD_BYTES) return NULL;
    uint64_t head = head_of(text.ptr);
    unsigned tried = 0;
    for (kept **at = &k->by_head[head % KEEP_HEADS], *e; (e = *at) != NULL && tried < FORMS_TRIED_MAX;
         at = &e->same_head, tried++) {
        json_doc doc;
        if (e->head != head || e->dropped) continue;
        arena_mark mark = arena_save(a);
        if (json_form_read(e->form, text, a, &doc) && fits(e, &doc, ctx)) {
            *at = e->same_head;
            list_form(k, e);
            keep_used(k, e);
            return e;
        }
        arena_rewind(a, mark);
    }
    return NULL;
}

/* --- dropping ------------------------------------------------------------------------------------------------------- */

static void drop(plan_keep *k, kept *e)
{
    unlist_form(k, e);
    kept *head = map_get(k->by_key, key_str(&e->key));
    if (head == e) {
        map_del(k->by_key, key_str(&e->key));
        /* The key's bytes live in the entry: the next one's take over. A failure only forgets plans. */
        if (e->same && !map_put(k->by_key, key_str(&e->same->key), e->same)) {
            for (kept *s = e->same; s; s = s->same) s->dropped = true;
        }
    } else {
        for (kept *s = head; s; s = s->same) {
            if (s->same == e) s->same = e->same;
        }
    }
    unlink_use(k, e);
    k->n--;
    e->dropped = true;
    e->same = NULL;
    if (e->refs == 0) kept_free(e);
}

kept *keep_first(plan_keep *k, hash128 key)
{
    return map_get(k->by_key, key_str(&key));
}

void keep_used(plan_keep *k, kept *e)
{
    e->refs++;
    if (k->newest == e) return;
    unlink_use(k, e);
    link_newest(k, e);
}

void keep_add(plan_keep *k, kept *e)
{
    e->refs = 1;
    while (k->n >= k->max && k->oldest) drop(k, k->oldest);
    kept *head = map_get(k->by_key, key_str(&e->key));
    if (head) {
        e->same = head->same;
        head->same = e;
    } else if (!map_put(k->by_key, key_str(&e->key), e)) {
        e->dropped = true;
        return;
    }
    link_newest(k, e);
    k->n++;
}

void keep_give(kept *e)
{
    if (--e->refs == 0 && e->dropped) kept_free(e);
}

void keep_free(plan_keep *k)
{
    for (kept *e = k->oldest; e;) {
        kept *next = e->newer;
        kept_free(e);
        e = next;
    }
    map_free(k->by_key);
    *k = (plan_keep){0};
}
