/* base/clock.c - the system's clocks behind a replaceable source. */
#include "base/clock.h"

#include <time.h>

static int64_t sys_mono_us(void *ctx)
{
    (void)ctx;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t); /* can't fail with this clock and a valid pointer */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t sys_wall_ms(void *ctx)
{
    (void)ctx;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const clock_src system_clock = {sys_mono_us, sys_wall_ms, NULL};
static clock_src current = {sys_mono_us, sys_wall_ms, NULL};

void clock_set(const clock_src *c)
{
    current = c ? *c : system_clock;
}

int64_t clock_mono_us(void)
{
    return current.mono_us(current.ctx);
}

int64_t clock_coarse_us(void)
{
    struct timespec t;
    if (current.mono_us != sys_mono_us) return clock_mono_us();
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return current.wall_ms(current.ctx);
}
