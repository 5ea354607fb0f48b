/* base/arena.h - memory with one lifetime: a bump allocator with a byte limit, over a replaceable source of memory.
 *
 * A request or event owns one arena and everything in it goes at once. Failure (the limit, or no memory) returns NULL,
 * is sticky (arena_failed), and every later allocation fails too, so that code may check at a phase boundary; it may
 * never dereference without a check. Memory is 16-byte aligned, not zeroed unless the function says so.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

/* Where memory comes from. The default (mem_default) is malloc; tests pass one that fails on demand. */
typedef struct mem {
    void *(*alloc)(void *ctx, size_t size);
    void *(*resize)(void *ctx, void *p, size_t old_size, size_t new_size); /* as realloc; NULL leaves p as it was */
    void (*free)(void *ctx, void *p, size_t size);
    void *ctx;
} mem;
extern const mem *const mem_default;
/* For a long-running process: large pieces go back to the operating system when they are freed. The C library would keep
 * them after the first few, and a server that has once had a large request would stay large. */
void mem_give_back_large(void);

typedef struct arena arena;

/* A position to come back to. Everything allocated after it is given up by arena_rewind. */
typedef struct arena_mark {
    void *chunk;
    size_t used;
    size_t total;
} arena_mark;

/* bytes_max: limit on what the arena may take from `m` in all. NULL when there is no memory for the first chunk. */
arena *arena_new(const mem *m, size_t bytes_max) NICOL_MUST_CHECK;
/* The same with a first chunk of that size, which arena_reset keeps: for one that serves call after call. */
arena *arena_new_of(const mem *m, size_t first_bytes, size_t bytes_max) NICOL_MUST_CHECK;
void arena_free(arena *a); /* NULL is fine */
/* Empties the arena for the next request; keeps one chunk, clears the sticky failure. */
void arena_reset(arena *a);

void *arena_alloc(arena *a, size_t size) NICOL_MUST_CHECK;
void *arena_zalloc(arena *a, size_t size) NICOL_MUST_CHECK;               /* zeroed */
void *arena_array(arena *a, size_t n, size_t item_size) NICOL_MUST_CHECK; /* zeroed; overflow of n * size fails */
/* Grows an array in the arena: in place when it is the last allocation, else by copying. */
void *arena_grow(arena *a, void *p, size_t old_size, size_t new_size) NICOL_MUST_CHECK;
bool arena_failed(const arena *a);
size_t arena_bytes(const arena *a); /* taken from the source so far */
size_t arena_limit(const arena *a);

arena_mark arena_save(const arena *a);
void arena_rewind(arena *a, arena_mark at);

#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_array((a), (n), sizeof(type)))

/* Copies; .ptr is NULL when the arena is out of memory. The copy is NUL-terminated after its end. */
nicol_str arena_str(arena *a, nicol_str s) NICOL_MUST_CHECK;
/* NUL-terminated copy for C libraries. NULL when out of memory or when s contains a NUL byte (err says which). */
const char *nicol_cstr(arena *a, nicol_str s, nicol_error *err) NICOL_MUST_CHECK;
/* printf into the arena. .ptr is NULL on failure. */
nicol_str arena_printf(arena *a, const char *fmt, ...) NICOL_MUST_CHECK NICOL_PRINTF(2, 3);

#endif
