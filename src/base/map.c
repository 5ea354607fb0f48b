/* base/map.c - the hash map. Linear probing over a power-of-two table at most 3/4 full, hashes stored beside the
 * keys so that a miss rarely touches a key, and backward-shift deletion so that no tombstones pile up. The seed is
 * random per map: names come from outside, and nobody should be able to choose names that collide. */
#include "base/map.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/id.h"
#include "base/num.h"

#define SLOTS_FIRST ((size_t)16)

typedef struct slot {
    nicol_str key;
    void *value; /* NULL: free */
    uint64_t hash;
} slot;

struct map {
    slot *slots;
    size_t slots_n; /* 0 or a power of two */
    size_t len;
    size_t max;
    uint64_t seed;
    const mem *m;
};

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(n ? p : "", n, seed);
}

hash128 hash_bytes128(const void *p, size_t n, uint64_t seed)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(n ? p : "", n, seed);
    return (hash128){h.low64, h.high64};
}

map *map_new(const mem *m, size_t entries_max)
{
    map *h = m->alloc(m->ctx, sizeof *h);
    if (!h) return NULL;
    *h = (map){.max = entries_max, .m = m};
    rand_bytes(&h->seed, sizeof h->seed);
    return h;
}

void map_free(map *h)
{
    if (!h) return;
    if (h->slots) h->m->free(h->m->ctx, h->slots, h->slots_n * sizeof *h->slots);
    h->m->free(h->m->ctx, h, sizeof *h);
}

/* The slot that holds the key, or the free one where it belongs. The table is never full. */
static slot *find(slot *slots, size_t slots_n, nicol_str key, uint64_t hash)
{
    size_t mask = slots_n - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        slot *s = &slots[i];
        if (!s->value || (s->hash == hash && str_eq(s->key, key))) return s;
    }
}

void *map_get(const map *h, nicol_str key)
{
    if (h->len == 0) return NULL;
    return find(h->slots, h->slots_n, key, hash_bytes(key.ptr, key.len, h->seed))->value;
}

/* n slots: a power of two, more than there are. */
static bool resize(map *h, size_t n)
{
    size_t size;
    if (!num_mul(n, sizeof(slot), &size)) return false;
    slot *slots = h->m->alloc(h->m->ctx, size);
    if (!slots) return false;
    memset(slots, 0, size);
    for (size_t i = 0; i < h->slots_n; i++) {
        const slot *old = &h->slots[i];
        if (old->value) *find(slots, n, old->key, old->hash) = *old;
    }
    if (h->slots) h->m->free(h->m->ctx, h->slots, h->slots_n * sizeof *h->slots);
    h->slots = slots;
    h->slots_n = n;
    return true;
}

static bool grow(map *h)
{
    size_t n = h->slots_n ? h->slots_n * 2 : SLOTS_FIRST;
    return n > h->slots_n && resize(h, n);
}

bool map_reserve(map *h, size_t entries)
{
    size_t n = SLOTS_FIRST;
    while (n / 4 * 3 < entries && n <= SIZE_MAX / 2) n *= 2;
    return n <= h->slots_n || resize(h, n);
}

bool map_put(map *h, nicol_str key, void *value)
{
    if (!value) return false;
    uint64_t hash = hash_bytes(key.ptr, key.len, h->seed);
    if (h->slots) {
        slot *s = find(h->slots, h->slots_n, key, hash);
        if (s->value) {
            s->key = key; /* the new key may outlive the old one */
            s->value = value;
            return true;
        }
    }
    if (h->len >= h->max) return false;
    if (h->len + 1 > h->slots_n / 4 * 3 && !grow(h)) return false;
    *find(h->slots, h->slots_n, key, hash) = (slot){key, value, hash};
    h->len++;
    return true;
}

void *map_del(map *h, nicol_str key)
{
    if (h->len == 0) return NULL;
    slot *hole = find(h->slots, h->slots_n, key, hash_bytes(key.ptr, key.len, h->seed));
    void *value = hole->value;
    if (!value) return NULL;
    size_t mask = h->slots_n - 1, at = (size_t)(hole - h->slots);
    for (size_t i = (at + 1) & mask; h->slots[i].value; i = (i + 1) & mask) {
        /* An entry may move back into the hole unless the hole lies before the place where its probing starts. */
        size_t home = h->slots[i].hash & mask;
        if (((i - home) & mask) >= ((i - at) & mask)) {
            h->slots[at] = h->slots[i];
            at = i;
        }
    }
    h->slots[at] = (slot){.value = NULL};
    h->len--;
    return value;
}

size_t map_len(const map *h)
{
    return h->len;
}

bool map_next(const map *h, size_t *pos, nicol_str *key, void **value)
{
    for (; *pos < h->slots_n; ++*pos) {
        const slot *s = &h->slots[*pos];
        if (!s->value) continue;
        *key = s->key;
        *value = s->value;
        ++*pos;
        return true;
    }
    return false;
}
