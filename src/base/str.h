/* base/str.h - counted strings: compare, search, cut. Nothing here allocates. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <string.h>

#include "nicol/types.h"

#define S(literal) NICOL_STR(literal)
/* printf: "%.*s", STR_FMT(s) */
#define STR_FMT(s) (int)((s).len > 4096 ? 4096 : (s).len), ((s).ptr ? (s).ptr : "")

static inline nicol_str str_of(const char *ptr, size_t len)
{
    return (nicol_str){ptr, len};
}
static inline nicol_str str_c(const char *z) /* NULL gives the empty string */
{
    return (nicol_str){z, z ? strlen(z) : 0};
}
static inline bool str_eq(nicol_str a, nicol_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
static inline bool str_starts(nicol_str s, nicol_str with)
{
    return s.len >= with.len && (with.len == 0 || memcmp(s.ptr, with.ptr, with.len) == 0);
}
static inline bool str_ends(nicol_str s, nicol_str with)
{
    return s.len >= with.len && (with.len == 0 || memcmp(s.ptr + s.len - with.len, with.ptr, with.len) == 0);
}
int str_cmp(nicol_str a, nicol_str b);  /* bytewise order: <0, 0, >0 */
bool str_ieq(nicol_str a, nicol_str b); /* ASCII case ignored */
/* Index of the first c / needle at or after `from`, or SIZE_MAX. */
size_t str_find_char(nicol_str s, char c, size_t from);
size_t str_find(nicol_str s, nicol_str needle, size_t from);
nicol_str str_sub(nicol_str s, size_t from, size_t to); /* [from, to), both clamped */
nicol_str str_trim(nicol_str s);                        /* ASCII blanks, tabs, CR, LF at both ends */
/* Takes the text before the first c off *rest and returns it; *rest becomes what follows (empty when none). */
nicol_str str_cut(nicol_str *rest, char c);
/* Decimal integer, whole string, optional '-'; false on anything else or overflow. */
bool str_to_i64(nicol_str s, int64_t *out) NICOL_MUST_CHECK;
bool str_to_u64(nicol_str s, uint64_t *out) NICOL_MUST_CHECK;
/* The decimal digits of v, without a NUL; returns how many. */
size_t str_digits(char out[20], uint64_t v);
/* Strict UTF-8 (no surrogates, no overlongs, at most U+10FFFF). SIZE_MAX when valid, else the offset of the first bad byte. */
size_t str_utf8_bad(nicol_str s);

#endif
