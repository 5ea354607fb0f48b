/* io/stack.c - stacks for fibers: mapped with a guard page below, kept for reuse.
 *
 * Only the pages that were touched cost memory, so a parked fiber holds one or two. A stack that goes back to the pool
 * keeps its pages, so that the next fiber starts warm: giving them up at once would cost a busy server a system call
 * and a page fault for each request. What lay unused for a whole sweep interval is given up, all but the top page, and
 * beyond a larger number the stack altogether.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "io/io_int.h"

#ifdef IO_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

enum { POOL_WARM = 64, POOL_MAX = 256 };

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
        if (p->free_n < p->low) p->low = p->free_n;
        s->next = NULL;
        s->trimmed = false;
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
    s->next = p->free;
    p->free = s;
    p->free_n++;
}

bool io_stack_pool_is_large(const io_stack_pool *p)
{
    return p->free_n > POOL_WARM;
}

bool io_stack_pool_sweep(io_stack_pool *p)
{
    /* The pool is a stack itself: what was not needed since the last sweep lies at its far end. */
    size_t unused = p->low, keep = p->free_n - unused;
    p->low = p->free_n;
    if (keep < POOL_WARM) keep = POOL_WARM;
    io_stack **at = &p->free;
    for (size_t i = 0; *at && i < keep; i++) at = &(*at)->next;
    for (size_t i = keep; *at; i++) {
        io_stack *s = *at;
        if (i >= POOL_MAX) {
            *at = s->next;
            p->free_n--;
            unmap(s);
            continue;
        }
        if (!s->trimmed) (void)madvise(s->lo, p->bytes - page_bytes(), MADV_DONTNEED);
        s->trimmed = true;
        at = &s->next;
    }
    if (p->low > p->free_n) p->low = p->free_n;
    return unused + POOL_WARM < p->free_n; /* some were in use: look again */
}

void io_stack_pool_free(io_stack_pool *p)
{
    while (p->free) {
        io_stack *s = p->free;
        p->free = s->next;
        unmap(s);
    }
    p->free_n = p->low = 0;
}
