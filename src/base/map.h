/* base/map.h - open-addressing hash map from byte strings to pointers (XXH3, power-of-two table, linear probing,
 * backward-shift deletion). The map does not own keys or values: keys must outlive their entry. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/arena.h"

typedef struct map map;

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed); /* XXH3, 64 bits */
typedef struct hash128 {
    uint64_t lo, hi;
} hash128;
hash128 hash_bytes128(const void *p, size_t n, uint64_t seed); /* XXH3, 128 bits */

/* entries_max: inserting one more fails. NULL when out of memory. */
map *map_new(const mem *m, size_t entries_max) NICOL_MUST_CHECK;
/* Makes room for so many entries in all, so that they come in without the table growing under them. */
bool map_reserve(map *h, size_t entries) NICOL_MUST_CHECK;
void map_free(map *h);
void *map_get(const map *h, nicol_str key); /* NULL when absent */
/* Inserts or replaces. False when full or out of memory (nothing changed). value must not be NULL. */
bool map_put(map *h, nicol_str key, void *value) NICOL_MUST_CHECK;
void *map_del(map *h, nicol_str key); /* the removed value, or NULL */
size_t map_len(const map *h);
/* Iteration: *pos = 0 at the start; false at the end. The map must not change meanwhile. */
bool map_next(const map *h, size_t *pos, nicol_str *key, void **value);

#endif
