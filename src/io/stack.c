/* io/stack.c - stacks for fibers: mapped with a guard page below, kept for reuse.
 *
 * Only the pages that were touched cost memory, so a parked fiber holds one or two. A stack that goes back to the pool
 * keeps its pages when few are there (the next fiber starts warm) and gives them up, all but the top one, above that.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "io/io_int.h"

#ifdef IO_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

enum { POOL_WARM = 64, POOL_MAX = 1024 };

static size_t page_bytes(void)
{
    long n = sysconf(_SC_PAGESIZE);
    return n > 0 ? (size_t)n : 4096;
}

void io_stack_pool_init(io_stack_pool *p, size_t bytes)
{
    size_t page = page_bytes();
    *p = (io_stack_pool){.bytes = (bytes + page - 1) / page * page};
}

static void unmap(io_stack *s)
{
    void *map = s->map;
    size_t bytes = s->map_bytes;
#ifdef IO_ASAN
    __lsan_unregister_root_region(s->lo, bytes - (size_t)(s->lo - s->map));
#endif
    (void)munmap(map, bytes); /* can only fail on bad arguments */
}

io_stack *io_stack_take(io_stack_pool *p)
{
    if (p->free) {
        io_stack *s = p->free;
        p->free = s->next;
        p->free_n--;
        s->next = NULL;
        return s;
    }
    size_t page = page_bytes();
    size_t total = p->bytes + page;
    char *map =
        mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return NULL;
    /* The guard first: without it an overflow would run into the neighbour's stack. */
    if (mprotect(map, page, PROT_NONE) != 0) {
        (void)munmap(map, total);
        return NULL;
    }
    /* A stack is touched sparsely: one huge page for it would cost all of it. */
    (void)madvise(map + page, p->bytes, MADV_NOHUGEPAGE);
#ifdef IO_ASAN
    /* Leak detection does not look at parked fibers' stacks by itself. */
    __asan_unpoison_memory_region(map + page, p->bytes);
    __lsan_register_root_region(map + page, p->bytes);
#endif
    io_stack *s = (io_stack *)(void *)(map + total - ((sizeof *s + 15) & ~(size_t)15));
    *s = (io_stack){.map = map, .map_bytes = total, .lo = map + page};
    return s;
}

void io_stack_give(io_stack_pool *p, io_stack *s)
{
    if (p->free_n >= POOL_MAX) {
        unmap(s);
        return;
    }
    if (p->free_n >= POOL_WARM) {
        size_t page = page_bytes();
        (void)madvise(s->lo, p->bytes - page, MADV_DONTNEED);
    }
    s->next = p->free;
    p->free = s;
    p->free_n++;
}

void io_stack_pool_free(io_stack_pool *p)
{
    while (p->free) {
        io_stack *s = p->free;
        p->free = s->next;
        unmap(s);
    }
    p->free_n = 0;
}
