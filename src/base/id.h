/* base/id.h - random bytes and identifiers.
 *
 * uuid: RFC 9562 versions 4 and 7, lower case. cuid: the 25-character form of version 1 ("c", time, counter,
 * fingerprint, random). cuid2: 24 characters, hashed with SHA3-512 and encoded in base 36, first a letter. ulid:
 * 26 characters of Crockford's base 32. nanoid: characters of A-Za-z0-9_-, 21 by default.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include "nicol/types.h"

/* n bytes from the system's generator (getrandom, in batches per thread). Aborts when the system has none: there is
 * no safe way on. Tests may replace the source (NULL restores it). */
void rand_bytes(void *out, size_t n);
void rand_set_source(void (*fill)(void *ctx, void *out, size_t n), void *ctx);

/* Each writes exactly the stated number of characters, no NUL. wall_ms: Unix milliseconds, for those that hold a time. */
void id_uuid4(char out[36]);
void id_uuid7(char out[36], int64_t wall_ms);
void id_cuid(char out[25], int64_t wall_ms);
bool id_cuid2(char out[24], int64_t wall_ms) NICOL_MUST_CHECK; /* false: the hash is not available */
void id_ulid(char out[26], int64_t wall_ms);
void id_nanoid(char *out, size_t len); /* len 1 to 256 */

#endif
