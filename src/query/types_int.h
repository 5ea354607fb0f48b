/* query/types_int.h - input types as values: what types.c describes and explain.c matches.
 *
 * The language is a large family of generated types (UserWhereInput, IntNullableFilter, PostCreateNestedManyWithoutUserInput).
 * None of them is kept: a type is a small value that says which member of the family it is, and its name and fields are
 * worked out when an error needs them.
 */
#ifndef QUERY_TYPES_INT_H
#define QUERY_TYPES_INT_H

#include "query/query_int.h"

typedef enum type_kind { TYPE_NULL, TYPE_SCALAR, TYPE_ENUM, TYPE_WORDS, TYPE_OBJECT } type_kind;

/* Enums of the language itself. */
typedef enum word_set {
    WORDS_SORT,
    WORDS_NULLS,
    WORDS_MODE,
    WORDS_STRATEGY,
    WORDS_FIELDS,    /* the scalar fields of `model` */
    WORDS_RELEVANCE, /* its String fields */
    WORDS_JSON_FILTER,
    WORDS_JSON_INPUT,
    WORDS_JSON_NULLABLE
} word_set;

typedef enum object_kind {
    OBJ_WHERE,
    OBJ_WHERE_UNIQUE,
    OBJ_WHERE_SCALARS,
    OBJ_WHERE_GROUPS,
    OBJ_COMPOUND,
    OBJ_FILTER,
    OBJ_LIST_FILTER,
    OBJ_REF,
    OBJ_RELATION_LIST,
    OBJ_RELATION_ONE,
    OBJ_ORDER,
    OBJ_ORDER_GROUPS,
    OBJ_ORDER_COUNT,
    OBJ_ORDER_AGGREGATE,
    OBJ_ORDER_NULLS,
    OBJ_ORDER_RELEVANCE,
    OBJ_CREATE, /* from here on: data */
    OBJ_CREATE_ROW,
    OBJ_UPDATE,
    OBJ_UPDATE_ROW,
    OBJ_OPERATIONS,
    OBJ_LIST_CREATE,
    OBJ_LIST_UPDATE,
    OBJ_NESTED_CREATE,
    OBJ_NESTED_UPDATE,
    OBJ_CONNECT_OR_CREATE,
    OBJ_ENVELOPE,
    OBJ_UPSERT,
    OBJ_UPDATE_WHERE,
    OBJ_UPDATE_MANY_WHERE
} object_kind;

typedef struct in_type {
    uint8_t kind;      /* type_kind */
    uint8_t scalar;    /* scalar_type */
    uint8_t words;     /* word_set */
    uint8_t object;    /* object_kind */
    uint8_t aggregate; /* query_aggregate: of an order */
    bool list;         /* a list of these */
    bool nullable;     /* filters and operations of optional fields */
    bool nested;       /* filters below `not` */
    bool groups;       /* filters of a having */
    bool unchecked;    /* data: the form with foreign keys */
    bool many;         /* of a list relation; FieldRef: to a list */
    const schema_model *model;
    const schema_field
        *field; /* `without` of data types; the field of scalar types; the parent's field of nested ones */
    const schema_enum *en;
    const schema_index *index;
} in_type;

#define FIELD_TYPES_MAX 4
typedef struct in_field {
    nicol_str name;
    in_type types[FIELD_TYPES_MAX];
    uint8_t types_n;
    bool required;
} in_field;

typedef struct in_object {
    in_field *fields;
    uint32_t n, cap;
    bool bounded;      /* min and max say how many members; `any_of` which count */
    uint32_t min, max; /* max UINT32_MAX: none */
    uint32_t any_of;   /* the first any_of fields are those that count; 0: all */
} in_object;

typedef struct out_field {
    nicol_str name, type;
    bool relation;
} out_field;
typedef struct out_object {
    nicol_str name;
    out_field *fields;
    uint32_t n;
} out_object;

/* Each gives .ptr NULL, or false, when the arena is out of memory. */
nicol_str type_name(arena *a, const in_type *t);
bool type_fields(arena *a, const schema *s, const in_type *t, in_object *out);
bool type_arguments(arena *a, const schema *s, query_action action, const schema_model *m, in_object *out);
bool type_relation_arguments(arena *a, const schema *s, const schema_field *f, in_object *out);
bool words_have(const in_type *t, nicol_str word);

typedef enum out_kind {
    OUT_MODEL,
    OUT_RETURNED,
    OUT_COUNTS,
    OUT_AFFECTED,
    OUT_AGGREGATE,
    OUT_GROUP,
    OUT_AGGREGATE_PART
} out_kind;
/* The output type of a selection; `fn` for OUT_AGGREGATE_PART, `action` for OUT_RETURNED. */
bool type_output(arena *a, out_kind kind, const schema_model *m, query_aggregate fn, query_action action,
                 out_object *out);
bool out_aggregate_takes(query_aggregate fn, const schema_field *f);

#endif
