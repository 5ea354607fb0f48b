/* Durations in steps: edges belong below, nothing is lost at either end, sums add up. */
#include "tap.h"

#include "base/hist.h"

int main(void)
{
    hist h = {0}, sum = {0};
    for (unsigned i = 0; i < HIST_EDGES_N; i++) {
        hist_add(&h, hist_edges_ms[i] * 1000);     /* at the edge */
        hist_add(&h, hist_edges_ms[i] * 1000 + 1); /* one past it */
    }
    is_int((int64_t)h.counts[0], 1);
    for (unsigned i = 1; i < HIST_EDGES_N; i++) is_int((int64_t)h.counts[i], 2);
    is_int((int64_t)h.counts[HIST_EDGES_N], 1);
    is_int((int64_t)h.n, 2 * HIST_EDGES_N);
    hist_add(&h, -5); /* a clock that was set back */
    is_int((int64_t)h.counts[0], 2);
    hist_add(&h, INT64_MAX);
    is_int((int64_t)h.counts[HIST_EDGES_N], 2);
    hist_merge(&sum, &h);
    hist_merge(&sum, &h);
    is_int((int64_t)sum.n, (int64_t)(2 * h.n));
    ok(sum.sum_us == 2 * h.sum_us, "sums");
    return done_testing();
}
