/* query/fault_int.h - one thing that is wrong with a request, and its two faces: a sentence, and the tree in `meta`. */
#ifndef QUERY_FAULT_INT_H
#define QUERY_FAULT_INT_H

#include "query/types_int.h"

/* A place: names from the inside out. NULL is the root. */
typedef struct place {
    const struct place *up;
    nicol_str name;
} place;

typedef enum fault_kind {
    FAULT_EMPTY_SELECTION = 1,
    FAULT_UNKNOWN_SELECTION,
    FAULT_SCALAR_SELECTION,
    FAULT_UNKNOWN_ARGUMENT,
    FAULT_UNKNOWN_FIELD,
    FAULT_MISSING,
    FAULT_TYPE,
    FAULT_VALUE,
    FAULT_TOO_LARGE,
    FAULT_TOO_FEW,
    FAULT_TOO_MANY,
    FAULT_UNION
} fault_kind;

typedef struct fault fault;
struct fault {
    fault_kind kind;
    const place *selection, *argument;
    const in_type *types; /* MISSING: those wanted; TYPE, TOO_LARGE: the one; UNKNOWN_FIELD, TOO_*: the object */
    uint32_t types_n;
    const in_object *object; /* UNKNOWN_ARGUMENT: the arguments; TOO_*: the bounds */
    const out_object *output;
    nicol_str name;       /* of the argument or field */
    nicol_str text;       /* TYPE: the inferred type; VALUE, TOO_LARGE: the value */
    nicol_str expected;   /* VALUE: what it should have been */
    nicol_str underlying; /* VALUE: why, or empty */
    uint32_t given;       /* TOO_*: members found */
    fault **kids;
    uint32_t kids_n;
};

/* Fills err: message, meta, code. */
bool fault_raise(const fault *f, const schema *s, arena *a, nicol_error *err);

#endif
