/* plan/read_int.h - what the two halves of the plan reader share: its state, the path of a node, and the checked look-ups
 * in the JSON. */
#ifndef PLAN_READ_INT_H
#define PLAN_READ_INT_H

#include "plan/plan.h"

/* One binding of a name while its scope is open. */
typedef struct plan_scope {
    uint32_t slot;
    struct plan_scope *outer; /* the same name further out; NULL: none */
} plan_scope;

typedef struct plan_reader {
    plan *p;
    arena *a; /* the plan's */
    const mem *m;
    map *params; /* name -> index + 1 */
    map *scope;  /* name -> plan_scope */
    uint32_t params_cap;
    uint32_t nodes;
    unsigned depth;
    nicol_error *err;
} plan_reader;

/* Where in the document the reader is: a chain on the stack, spelled only when an error names it. */
typedef struct plan_where {
    const struct plan_where *up;
    const char *name; /* NULL: an index */
    uint32_t index;
} plan_where;

#define WHERE(up_, name_) (&(const plan_where){.up = (up_), .name = (name_)})
#define WHERE_AT(up_, index_) (&(const plan_where){.up = (up_), .index = (index_)})

/* BAD_PLAN with the path in front. Always false. */
bool plan_bad(plan_reader *r, const plan_where *at, const char *fmt, ...) NICOL_PRINTF(3, 4);

/* Members of an object, of a required kind. */
bool plan_member(plan_reader *r, json_val obj, const char *name, json_type kind, const plan_where *at,
                 json_val *out) NICOL_MUST_CHECK;
/* A string's text, copied into the plan. */
bool plan_text(plan_reader *r, json_val v, const plan_where *at, nicol_str *out) NICOL_MUST_CHECK;
bool plan_text_member(plan_reader *r, json_val obj, const char *name, const plan_where *at,
                      nicol_str *out) NICOL_MUST_CHECK;
/* Absent or null gives the empty string. */
bool plan_text_optional(plan_reader *r, json_val obj, const char *name, const plan_where *at,
                        nicol_str *out) NICOL_MUST_CHECK;
/* A list of strings. */
bool plan_texts(plan_reader *r, json_val v, const plan_where *at, nicol_str **out, uint32_t *n) NICOL_MUST_CHECK;
bool plan_key(plan_reader *r, const json_iter *it, nicol_str *out) NICOL_MUST_CHECK;
/* Counts one more node and one more level; plan_leave after it. */
bool plan_enter(plan_reader *r, const plan_where *at) NICOL_MUST_CHECK;
static inline void plan_leave(plan_reader *r)
{
    r->depth--;
}

/* A name to a let-bound slot or a parameter (added when new). */
bool plan_resolve(plan_reader *r, nicol_str name, uint32_t *slot, bool *param) NICOL_MUST_CHECK;

/* read_values.c */
bool plan_read_value(plan_reader *r, json_val v, const plan_where *at, pval *out) NICOL_MUST_CHECK;
bool plan_read_stmt(plan_reader *r, json_val v, const plan_where *at, plan_stmt **out) NICOL_MUST_CHECK;
bool plan_read_shape(plan_reader *r, json_val v, json_val enums, const plan_where *at,
                     const plan_shape **out) NICOL_MUST_CHECK;
bool plan_read_ops(plan_reader *r, json_val v, const plan_where *at, const plan_ops **out) NICOL_MUST_CHECK;

#endif
