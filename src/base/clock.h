/* base/clock.h - time. Replaceable: tests set another clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "nicol/types.h"

typedef struct clock_src {
    int64_t (*mono_us)(void *ctx); /* monotonic microseconds, arbitrary origin */
    int64_t (*wall_ms)(void *ctx); /* Unix milliseconds, UTC */
    void *ctx;
} clock_src;

/* The process's clock; NULL restores the system's. Not thread-safe: set it before threads start. */
void clock_set(const clock_src *c);
int64_t clock_mono_us(void);
int64_t clock_coarse_us(void); /* the same to some milliseconds, for less */
int64_t clock_wall_ms(void);

#endif
