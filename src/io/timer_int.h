/* io/timer_int.h - deadlines of one loop. */
#ifndef IO_TIMER_INT_H
#define IO_TIMER_INT_H

#include "io/io_int.h"

/* False when there is no memory. w->deadline_us must not change while it is in. */
bool io_timer_add(io_loop *l, io_watch *w);
void io_timer_remove(io_loop *l, io_watch *w); /* not in: fine */
io_watch *io_timer_first(const io_loop *l);    /* NULL when there is none */

#endif
