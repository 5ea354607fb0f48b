/* engine/keep.c - plans kept by a 128-bit key, dropped in order of use when they are too many or take too much memory.
 *
 * Who may ask may also ask for ever new shapes, so three things are bounded: the plans of one kind, the memory of all
 * plans of an engine together, and the plans of one key (requests that differ in a literal alone have one). And a plan
 * that was never asked for again cannot push out one that was: the new ones have an eighth of the room, and go first.
 */
#include "engine/engine_int.h"

#define SAME_KEY_MAX 32 /* each is compared with a request until one fits */
#define FRESH_SHARE 8   /* of the room: what is left to plans that were not asked for again */

bool keep_init(plan_keep *k, keep_budget *b, const mem *m, uint32_t max, nicol_error *err)
{
    *k = (plan_keep){.max = max, .budget = b};
    k->by_key = map_new(m, (size_t)max + 1);
    if (!k->by_key) return nicol_fail_oom(err);
    k->next = b->keeps;
    b->keeps = k;
    return true;
}

uint32_t keep_count(const plan_keep *k)
{
    return k->fresh.n + k->proven.n;
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

static keep_order *order_of(kept *e)
{
    return e->proven ? &e->in->proven : &e->in->fresh;
}

static void unlink_use(kept *e)
{
    keep_order *o = order_of(e);
    *(e->older ? &e->older->newer : &o->oldest) = e->newer;
    *(e->newer ? &e->newer->older : &o->newest) = e->older;
    e->older = e->newer = NULL;
    o->n--;
}

static void link_newest(kept *e)
{
    keep_order *o = order_of(e);
    e->older = o->newest;
    *(o->newest ? &o->newest->newer : &o->oldest) = e;
    o->newest = e;
    o->n++;
    e->used_at = ++e->in->budget->tick;
}

/* Plans grow while they are used: by what the executor learns about them, and by their lookup. */
static void count_bytes(kept *e)
{
    size_t now = arena_bytes(e->a) + plan_bytes(e->plan) + plan_bytes(e->lookup);
    e->in->budget->bytes += now - e->bytes;
    e->bytes = now;
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

static void drop(kept *e)
{
    plan_keep *k = e->in;
    unlist_form(k, e);
    kept *head = map_get(k->by_key, key_str(&e->key));
    if (head == e) {
        map_del(k->by_key, key_str(&e->key));
        /* The key's bytes live in the entry: the next one's take over. Without memory for that they are lost, too. */
        if (e->same && !map_put(k->by_key, key_str(&e->same->key), e->same)) {
            for (kept *s = e->same, *next; s; s = next) {
                next = s->same;
                s->same = NULL;
                drop(s);
            }
        }
    } else {
        for (kept *s = head; s; s = s->same) {
            if (s->same == e) s->same = e->same;
        }
    }
    unlink_use(e);
    k->budget->bytes -= e->bytes;
    k->budget->evicted++;
    e->dropped = true;
    e->same = NULL;
    if (e->refs == 0) kept_free(e);
}

/* Who goes next: of those that were not asked for again the oldest, while they have more than their share. */
static kept *victim(const plan_keep *k)
{
    bool proven = k->fresh.n == 0 || (k->proven.n && k->fresh.n <= keep_count(k) / FRESH_SHARE);
    return proven ? k->proven.oldest : k->fresh.oldest;
}

/* The memory is everyone's: the plan that nobody used for longest goes, whatever schema it is of. */
static void make_room(keep_budget *b, const kept *but)
{
    while (b->bytes > b->bytes_max) {
        kept *oldest = NULL;
        for (plan_keep *k = b->keeps; k; k = k->next) {
            kept *v = victim(k);
            if (v && v != but && (!oldest || v->used_at < oldest->used_at)) oldest = v;
        }
        if (!oldest) return;
        drop(oldest);
    }
}

static void limit_same(kept *head)
{
    uint32_t n = 1;
    kept *oldest = head;
    for (kept *s = head->same; s; s = s->same, n++) {
        if (s->used_at < oldest->used_at) oldest = s;
    }
    if (n >= SAME_KEY_MAX) drop(oldest);
}

/* --- using ---------------------------------------------------------------------------------------------------------- */

kept *keep_first(plan_keep *k, hash128 key)
{
    return map_get(k->by_key, key_str(&key));
}

void keep_used(plan_keep *k, kept *e)
{
    e->refs++;
    if (k->proven.newest == e) return;
    unlink_use(e);
    e->proven = true;
    link_newest(e);
}

void keep_add(plan_keep *k, kept *e)
{
    e->refs = 1;
    e->in = k;
    while (keep_count(k) >= k->max && keep_count(k)) drop(victim(k));
    kept *head = keep_first(k, e->key);
    if (head) limit_same(head);
    head = keep_first(k, e->key);
    if (head) {
        e->same = head->same;
        head->same = e;
    } else if (!map_put(k->by_key, key_str(&e->key), e)) {
        e->dropped = true;
        return;
    }
    link_newest(e);
    count_bytes(e);
    make_room(k->budget, e);
}

void keep_give(kept *e)
{
    if (!e->dropped) {
        count_bytes(e);
        make_room(e->in->budget, NULL); /* it may be this one that goes */
    }
    if (--e->refs == 0 && e->dropped) kept_free(e);
}

static void free_all(keep_order *o)
{
    for (kept *e = o->oldest; e;) {
        kept *next = e->newer;
        e->in->budget->bytes -= e->bytes;
        kept_free(e);
        e = next;
    }
}

void keep_free(plan_keep *k)
{
    free_all(&k->fresh);
    free_all(&k->proven);
    for (plan_keep **at = k->budget ? &k->budget->keeps : NULL; at && *at; at = &(*at)->next) {
        if (*at != k) continue;
        *at = k->next;
        break;
    }
    map_free(k->by_key);
    *k = (plan_keep){0};
}
