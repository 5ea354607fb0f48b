/* base/mem.c - the default source of memory. The only file that calls the C library's allocator: everybody else is
 * handed a mem, so that a test can make any single allocation fail. */
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/arena.h"

static void *sys_alloc(void *ctx, size_t size)
{
    (void)ctx;
    return malloc(size ? size : 1); /* malloc(0) may give NULL, which would read as failure */
}

static void *sys_resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    (void)ctx;
    (void)old_size;
    return realloc(p, new_size ? new_size : 1);
}

static void sys_free(void *ctx, void *p, size_t size)
{
    (void)ctx;
    (void)size;
    free(p);
}

static const mem sys_mem = {sys_alloc, sys_resize, sys_free, NULL};
const mem *const mem_default = &sys_mem;

#define LARGE_BYTES (512 << 10)

void mem_give_back_large(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, 2 * LARGE_BYTES);
#endif
}
