/* base/num.h - checked arithmetic. Sizes are size_t, never int; each function says whether the result fits. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include "nicol/types.h"

static inline bool num_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
static inline bool num_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}
static inline bool num_add_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}
static inline bool num_mul_i64(int64_t a, int64_t b, int64_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}
/* Narrowing; false when v does not fit. */
static inline bool num_to_u32(size_t v, uint32_t *out)
{
    *out = (uint32_t)v;
    return v <= UINT32_MAX;
}
static inline bool num_to_i32(int64_t v, int32_t *out)
{
    *out = (int32_t)v;
    return v >= INT32_MIN && v <= INT32_MAX;
}

#endif
