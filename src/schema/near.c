/* schema/near.c - which name somebody meant who wrote another one. */
#include "schema/schema_int.h"

/* Three rows of the usual table are enough, the third for letters that were swapped. */
size_t schema_name_distance(nicol_str a, nicol_str b)
{
    enum { LONGEST = 32 };
    size_t row[3][LONGEST + 1];
    if (a.len > LONGEST || b.len > LONGEST) return SIZE_MAX;
    for (size_t k = 0; k <= b.len; k++) row[0][k] = k;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *now = row[i % 3], *last = row[(i + 2) % 3];
        const size_t *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t k = 1; k <= b.len; k++) {
            size_t least = last[k - 1] + (a.ptr[i - 1] != b.ptr[k - 1]);
            if (last[k] + 1 < least) least = last[k] + 1;
            if (now[k - 1] + 1 < least) least = now[k - 1] + 1;
            if (i > 1 && k > 1 && a.ptr[i - 1] == b.ptr[k - 2] && a.ptr[i - 2] == b.ptr[k - 1] &&
                before[k - 2] + 1 < least)
                least = before[k - 2] + 1;
            now[k] = least;
        }
    }
    return row[a.len % 3][b.len];
}

near near_of(nicol_str written)
{
    return (near){.written = written, .least = written.len / 3 + 2};
}

void near_try(near *n, nicol_str known)
{
    size_t gap = n->written.len > known.len ? n->written.len - known.len : known.len - n->written.len;
    if (gap >= n->least) return;
    size_t d = str_ieq(n->written, known) ? 0 : schema_name_distance(n->written, known);
    if (d >= n->least) return;
    n->least = d;
    n->best = known;
}
