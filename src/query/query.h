/* query/query.h - one operation, checked against the schema: the request tree.
 *
 * The JSON protocol's `{modelName, action, query: {arguments, selection}}` (protocol.md 2.4) goes in; a tree of plain
 * structs comes out, in which every name is a pointer into the schema and every user value is a typed parameter. All
 * user errors of a query end here (P2009, P2012, P2019 ... with the validation tree in meta), but those that only the
 * database can tell.
 *
 * Values never stand in the tree: they are in `params`, by index, so that the same tree (and so the same plan) serves
 * every request of the same shape. What changes the SQL (null or not, how many items a list of writes has, take and
 * skip, which keys are there) is in the tree.
 */
#ifndef QUERY_QUERY_H
#define QUERY_QUERY_H

#include "schema/schema.h"
#include "json/json.h"

typedef enum query_action {
    QUERY_FIND_UNIQUE = 1,
    QUERY_FIND_UNIQUE_OR_THROW,
    QUERY_FIND_FIRST,
    QUERY_FIND_FIRST_OR_THROW,
    QUERY_FIND_MANY,
    QUERY_CREATE_ONE,
    QUERY_CREATE_MANY,
    QUERY_CREATE_MANY_RETURN,
    QUERY_UPDATE_ONE,
    QUERY_UPDATE_MANY,
    QUERY_UPDATE_MANY_RETURN,
    QUERY_UPSERT_ONE,
    QUERY_DELETE_ONE,
    QUERY_DELETE_MANY,
    QUERY_AGGREGATE,
    QUERY_GROUP_BY,
    QUERY_RAW,
    QUERY_EXECUTE_RAW,
    QUERY_ACTION_N
} query_action;

/* --- values --------------------------------------------------------------------------------------------------------- */

typedef enum query_value_kind {
    QVAL_NULL,      /* database NULL (null, DbNull) */
    QVAL_PARAM,     /* params[param]; a VAL_LIST for `in` and list fields (then without its nulls: see has_null) */
    QVAL_FIELD,     /* another column of the same model: `ref` */
    QVAL_JSON_NULL, /* the JSON value null */
    QVAL_ANY_NULL   /* filters: database NULL or JSON null */
} query_value_kind;

typedef struct query_value {
    query_value_kind kind;
    uint32_t param;
    bool has_null; /* a list that also held null */
    bool list;     /* the parameter is a VAL_LIST */
    const schema_field *ref;
} query_value;

/* --- filters -------------------------------------------------------------------------------------------------------- */

typedef enum query_op_kind {
    QOP_EQ = 1,
    QOP_NE,
    QOP_IN,
    QOP_NOT_IN,
    QOP_LT,
    QOP_LTE,
    QOP_GT,
    QOP_GTE,
    QOP_CONTAINS,
    QOP_NOT_CONTAINS,
    QOP_STARTS_WITH,
    QOP_NOT_STARTS_WITH,
    QOP_ENDS_WITH,
    QOP_NOT_ENDS_WITH,
    QOP_HAS,
    QOP_HAS_EVERY,
    QOP_HAS_SOME,
    QOP_IS_EMPTY,
    QOP_SEARCH,
    QOP_NOT_SEARCH,
    QOP_JSON_STRING_CONTAINS,
    QOP_JSON_STRING_STARTS_WITH,
    QOP_JSON_STRING_ENDS_WITH,
    QOP_JSON_ARRAY_CONTAINS,
    QOP_JSON_ARRAY_STARTS_WITH,
    QOP_JSON_ARRAY_ENDS_WITH
} query_op_kind;

typedef enum query_aggregate { AGG_NONE = 0, AGG_COUNT, AGG_SUM, AGG_AVG, AGG_MIN, AGG_MAX } query_aggregate;
typedef enum query_quantifier { QUANT_SOME = 1, QUANT_EVERY, QUANT_NONE, QUANT_IS, QUANT_IS_NOT } query_quantifier;

typedef enum query_filter_kind {
    QFILTER_AND = 1, /* no children: true */
    QFILTER_OR,      /* no children: false */
    QFILTER_NOT,     /* NOT (each child), all of them: no children: true */
    QFILTER_SCALAR,  /* field op value */
    QFILTER_RELATION /* quantifier over the related rows; `sub` NULL with IS / IS_NOT: the related row is null / is not null */
} query_filter_kind;

typedef struct query_filter query_filter;
struct query_filter {
    query_filter_kind kind;
    query_filter **kids;
    uint32_t kids_n;
    /* QFILTER_SCALAR, and QFILTER_RELATION's field */
    const schema_field *field;
    query_op_kind op;
    query_value value;
    bool insensitive;          /* mode: insensitive */
    query_aggregate aggregate; /* having: the operand is AGG(field); `field` NULL: _count of _all */
    bool has_path;             /* Json: `path` (a VAL_LIST of strings, or a VAL_STR in MySQL's form) is params[path] */
    uint32_t path;
    /* QFILTER_RELATION */
    query_quantifier quantifier;
    query_filter *sub;
};

/* --- reading -------------------------------------------------------------------------------------------------------- */

typedef enum query_nulls { NULLS_DEFAULT = 0, NULLS_FIRST, NULLS_LAST } query_nulls;

typedef struct query_order {
    const schema_field **path; /* to-one relations walked from the model to the field's owner; 0 for its own fields */
    uint32_t path_n;
    const schema_field *field; /* scalar; or, with aggregate AGG_COUNT and of_relation, the list relation counted */
    query_aggregate aggregate; /* groupBy: AGG(field), field NULL: _count _all is not allowed by the reference */
    bool of_relation;
    bool descending;
    query_nulls nulls;
} query_order;

typedef struct query_find {
    query_filter *where; /* NULL: all */
    query_order *order;
    uint32_t order_n;
    const schema_field **cursor_fields;
    query_value *cursor_values;
    uint32_t cursor_n; /* 0: no cursor */
    bool has_take, has_skip;
    int64_t take; /* negative: from the end */
    int64_t skip;
    const schema_field **distinct;
    uint32_t distinct_n;
    nicol_str load_strategy; /* "join", "query" or empty */
} query_find;

typedef enum query_select_kind { SELECT_SCALAR = 1, SELECT_RELATION, SELECT_COUNT } query_select_kind;
typedef struct query_select query_select;
typedef struct query_select_item {
    query_select_kind kind;
    const schema_field *field;    /* SCALAR, RELATION */
    query_find find;              /* RELATION: of lists; to-one relations may have a where */
    query_select *select;         /* RELATION */
    const schema_field **counts;  /* COUNT: `_count` of these list relations ... */
    query_filter **count_filters; /* ... each with its filter or NULL */
    uint32_t counts_n;
} query_select_item;
struct query_select { /* in the order of the answer */
    const schema_model *model;
    query_select_item *items;
    uint32_t items_n;
};

/* An aggregate's output: {"_sum": {"age": ...}} is {AGG_SUM, age}; _count: {_all} has field NULL. For groupBy, AGG_NONE is
 * a `by` field. A bare `_count: true` ("_count": n, groupBy and count without select) has `flat`. */
typedef struct query_agg_item {
    query_aggregate fn;
    const schema_field *field;
    bool flat;
} query_agg_item;

/* --- writing -------------------------------------------------------------------------------------------------------- */

typedef enum query_set_op {
    SET_VALUE = 1,
    SET_INCREMENT,
    SET_DECREMENT,
    SET_MULTIPLY,
    SET_DIVIDE,
    SET_PUSH
} query_set_op;
typedef struct query_set {
    const schema_field *field;
    query_set_op op;
    query_value value;
} query_set;

typedef enum query_nested_kind {
    NESTED_CREATE = 1,
    NESTED_CREATE_MANY,
    NESTED_CONNECT,
    NESTED_CONNECT_OR_CREATE,
    NESTED_DISCONNECT,
    NESTED_SET,
    NESTED_UPDATE,
    NESTED_UPDATE_MANY,
    NESTED_UPSERT,
    NESTED_DELETE,
    NESTED_DELETE_MANY
} query_nested_kind;

typedef struct query_write query_write;
typedef struct query_nested_item {
    query_filter *
        where; /* connect, set, connectOrCreate, disconnect, delete, update, upsert of lists: the unique filter; updateMany, deleteMany: the filter; to-one disconnect, delete, update, upsert: an extra filter or NULL */
    query_write *create; /* create, connectOrCreate, upsert; createMany: one item a row */
    query_write *update; /* update, updateMany, upsert */
} query_nested_item;

/* One `field: {kind: items}` of a nested write. Kinds of one field come in the order in which the request names them: the
 * reference runs them so. `disconnect: true`, `delete: true` have one
 * item without a filter; `disconnect: false` is left out; `set: []` has no items. */
typedef struct query_nested {
    const schema_field *field; /* the relation field on the parent model */
    query_nested_kind kind;
    query_nested_item *items;
    uint32_t items_n;
    bool skip_duplicates; /* createMany */
} query_nested;

struct query_write {
    const schema_model *model;
    query_set *sets; /* scalar fields that the request names; defaults and @updatedAt are the compiler's */
    uint32_t sets_n;
    query_nested *nested;
    uint32_t nested_n;
};

/* --- the operation -------------------------------------------------------------------------------------------------- */

/* A user value, and how to take it anew from another request of the same shape. */
typedef struct query_param {
    val value;
    uint32_t token; /* of the JSON document it came from; UINT32_MAX: not from one token alone */
    scalar_type type;
    bool list;
    const schema_field *field; /* enum: which one; may be NULL */
} query_param;

typedef struct query_op {
    query_action action;
    const schema *schema;
    const schema_model *model; /* NULL for raw */
    nicol_str key;             /* "findManyUser", "queryRaw": the key of the answer */
    query_find find;      /* find forms, aggregate, groupBy; where of update, delete, upsert and their Many forms */
    query_select *select; /* rows that come back; NULL for counts and raw */
    query_write *create;  /* createOne, upsertOne */
    query_write *update;  /* updateOne, updateMany(Return), upsertOne */
    query_write **rows;   /* createMany(Return) */
    uint32_t rows_n;
    bool skip_duplicates;
    bool has_limit;
    int64_t limit;        /* updateMany, deleteMany */
    query_agg_item *aggs; /* aggregate, groupBy */
    uint32_t aggs_n;
    const schema_field **by; /* groupBy */
    uint32_t by_n;
    query_filter *having;
    nicol_str raw_sql; /* raw */
    val *raw_args;     /* typed: prisma__type tags decoded */
    uint32_t raw_args_n;
    query_param *params;
    uint32_t params_n;
    bool reusable; /* every parameter came from one token: the plan can serve other requests of this shape */
} query_op;

/* Checks one JSON-protocol operation against the schema. Everything lives in `a`; strings may point into the document.
 * s may be NULL for raw actions. */
bool query_parse(const schema *s, json_val request, arena *a, query_op *op, nicol_error *err) NICOL_MUST_CHECK;

/* Takes one user value from JSON as `type` (tagged or plain, as the protocol allows), for parameters of a known shape. False with *err empty
 * of detail when it does not fit: run query_parse then, for the full error. Explicit null never fits. */
bool query_take_value(json_val v, scalar_type type, const schema_field *field, bool list, arena *a,
                      val *out) NICOL_MUST_CHECK;

/* The action by its protocol name ("findMany"), 0 when unknown; and back. */
query_action query_action_of(nicol_str name);
nicol_str query_action_name(query_action action);
bool query_action_writes(query_action action);

/* The tree in one short line, for tests and for people. Values stand in it as $0, $1, ... */
void query_print(const query_op *op, buf *out);

#endif
