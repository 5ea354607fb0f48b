/* base/hist.c - durations in steps. */
#include "base/hist.h"

const int64_t hist_edges_ms[HIST_EDGES_N] = {0, 1, 5, 10, 50, 100, 500, 1000, 5000, 50000};

void hist_add(hist *h, int64_t took_us)
{
    unsigned i = 0;
    if (took_us < 0) took_us = 0;
    while (i < HIST_EDGES_N && took_us > hist_edges_ms[i] * 1000) i++;
    h->counts[i]++;
    h->sum_us += (uint64_t)took_us;
    h->n++;
}

void hist_merge(hist *to, const hist *from)
{
    for (unsigned i = 0; i <= HIST_EDGES_N; i++) to->counts[i] += from->counts[i];
    to->sum_us += from->sum_us;
    to->n += from->n;
}
