/* io/timer.c - the loop's deadlines: a binary heap of waits, each of which knows its place, so that a wait that ends
 * early leaves at once. Deadlines of connections are mostly far and similar, so both ends of a wait are cheap. */
#include "io/timer_int.h"

enum { FIRST = 1, CAP_START = 64 };

static void put(io_loop *l, size_t at, io_watch *w)
{
    l->timers[at] = w;
    w->timer = at;
}

static void sift_up(io_loop *l, size_t at, io_watch *w)
{
    while (at > FIRST && l->timers[at / 2]->deadline_us > w->deadline_us) {
        put(l, at, l->timers[at / 2]);
        at /= 2;
    }
    put(l, at, w);
}

static void sift_down(io_loop *l, size_t at, io_watch *w)
{
    for (;;) {
        size_t child = at * 2;
        if (child > l->timers_n) break;
        if (child < l->timers_n && l->timers[child + 1]->deadline_us < l->timers[child]->deadline_us) child++;
        if (l->timers[child]->deadline_us >= w->deadline_us) break;
        put(l, at, l->timers[child]);
        at = child;
    }
    put(l, at, w);
}

bool io_timer_add(io_loop *l, io_watch *w)
{
    if (l->timers_n + FIRST + 1 > l->timers_cap) {
        size_t cap = l->timers_cap ? l->timers_cap * 2 : CAP_START;
        io_watch **grown =
            l->m->resize(l->m->ctx, l->timers, l->timers_cap * sizeof(io_watch *), cap * sizeof(io_watch *));
        if (!grown) return false;
        l->timers = grown;
        l->timers_cap = cap;
    }
    l->timers_n++;
    sift_up(l, l->timers_n, w);
    return true;
}

void io_timer_remove(io_loop *l, io_watch *w)
{
    size_t at = w->timer;
    if (at == 0) return;
    w->timer = 0;
    io_watch *last = l->timers[l->timers_n--];
    if (last == w) return;
    if (at > FIRST && l->timers[at / 2]->deadline_us > last->deadline_us) sift_up(l, at, last);
    else sift_down(l, at, last);
}

io_watch *io_timer_first(const io_loop *l)
{
    return l->timers_n ? l->timers[FIRST] : NULL;
}
