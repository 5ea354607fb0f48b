/* base/hist.h - durations counted by the steps that dashboards of Prisma-compatible servers know: 0, 1, 5, 10, 50, 100, 500, 1000,
 * 5000 and 50000 milliseconds. Plain data: zero-initialised is empty, copied by assignment.
 */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include "nicol/types.h"

#define HIST_EDGES_N 10

typedef struct hist {
    uint64_t counts[HIST_EDGES_N + 1]; /* not cumulative; the last one has no edge */
    uint64_t sum_us, n;
} hist;

extern const int64_t hist_edges_ms[HIST_EDGES_N];

void hist_add(hist *h, int64_t took_us); /* at an edge: counted below it */
void hist_merge(hist *to, const hist *from);

#endif
