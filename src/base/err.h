/* base/err.h - filling the one error object (nicol/types.h has the object and the table). */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/arena.h"

/* Raises an error: fills *err when it holds none yet. Always returns false, so that a fallible function can
 * `return nicol_fail(...)`. The text is printf's; NULL takes the table's template. Text past the inline buffer is cut
 * at a character boundary; use nicol_fail_in for long ones. `err` may be NULL (then nothing is recorded). */
#define nicol_fail(err, code_, ...) err_raise((err), (code_), NULL, __FILE__, __LINE__, __VA_ARGS__)
/* The same with the text in the arena, so that any length fits. */
#define nicol_fail_in(arena_, err, code_, ...) err_raise((err), (code_), (arena_), __FILE__, __LINE__, __VA_ARGS__)
#define nicol_fail_oom(err) err_raise((err), NICOL_E_NO_MEMORY, NULL, __FILE__, __LINE__, NULL)

bool err_raise(nicol_error *err, nicol_code code, arena *a, const char *file, int line, const char *fmt, ...)
    NICOL_PRINTF(6, 7);

static inline bool err_is(const nicol_error *err)
{
    return err->code != NICOL_E_OK;
}
/* Empties it, also one that was never set: its text need not be wiped, since nothing points there. */
static inline void err_clear(nicol_error *err)
{
    err->code = NICOL_E_OK;
    err->line = 0;
    err->file = NULL;
    err->message = err->meta = (nicol_str){NULL, 0};
    err->db = NULL;
}
/* Copies an error so that it outlives its request: text, meta and facts are copied into `a`. */
void err_copy(nicol_error *to, const nicol_error *from, arena *a);

/* Makes an error own its text, cut to the inline buffer, and drops meta and facts: for one whose arena ends before it. */
void err_keep(nicol_error *err);

const char *err_name(nicol_code code);   /* "UNIQUE_VIOLATION" */
const char *err_client(nicol_code code); /* "P2002"; "" when clients have no code for it */
int err_status(nicol_code code);         /* HTTP status */
bool err_retryable(nicol_code code);
const char *err_template(nicol_code code);

#endif
