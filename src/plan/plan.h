/* plan/plan.h - the plan language in memory, its reader, its compiler, its cache.
 *
 * A plan is a tree of nodes: those of the version 7 query plan (23 types, four dialects), which clients of version 7 send
 * as JSON and our own compiler emits from a request tree, and a few of our own. Names are resolved while a plan is built: a `let` binding gets a
 * slot number of its own (an inner binding of the same name gets another), a placeholder becomes a slot or a
 * parameter index. A finished plan is immutable, holds no values of a request, and may be run many times.
 *
 * Pure: nothing here sees a connection.
 */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "query/query.h"
#include "value/value.h"
#include "json/json.h"

typedef enum plan_type {
    PLAN_VALUE = 1,
    PLAN_UNIT,
    PLAN_GET,
    PLAN_GET_FIRST,
    PLAN_LET,
    PLAN_SEQ,
    PLAN_CONCAT,
    PLAN_SUM,
    PLAN_UNIQUE,
    PLAN_REQUIRED,
    PLAN_REVERSE,
    PLAN_MAP_FIELD,
    PLAN_JOIN,
    PLAN_DIFF,
    PLAN_IF,
    PLAN_VALIDATE,
    PLAN_PROCESS,
    PLAN_DATA_MAP,
    PLAN_INIT_RECORD,
    PLAN_MAP_RECORD,
    PLAN_QUERY,
    PLAN_EXECUTE,
    PLAN_TRANSACTION,
    PLAN_N
} plan_type;

#define PLAN_NO_SLOT UINT32_MAX

/* --- values --------------------------------------------------------------------------------------------------------- */

typedef enum pval_kind {
    PVAL_CONST,     /* `c` (may be a VAL_LIST of constants) */
    PVAL_PARAM,     /* parameter `slot` of the request */
    PVAL_VAR,       /* let-bound `slot`; PLAN_NO_SLOT: unbound, an error when read */
    PVAL_GENERATOR, /* `gen` over items[0..n) */
    PVAL_LIST       /* items[0..n) */
} pval_kind;

typedef enum plan_generator {
    GEN_NOW,
    GEN_UUID4,
    GEN_UUID7,
    GEN_CUID,
    GEN_CUID2,
    GEN_ULID,
    GEN_NANOID,
    GEN_PRODUCT,
    GEN_N
} plan_generator;

typedef struct pval {
    uint8_t kind;        /* pval_kind */
    uint8_t gen;         /* plan_generator */
    uint8_t to_datetime; /* placeholder of type DateTime: a string becomes an instant (as does each item of a list) */
    uint8_t spare;
    uint32_t slot;
    uint32_t n; /* items; nanoid: its length */
    val c;
    struct pval *items;
    nicol_str name; /* of a placeholder, for errors */
} pval;

/* --- database statements -------------------------------------------------------------------------------------------- */

typedef enum plan_frag_type { FRAG_TEXT, FRAG_PARAM, FRAG_TUPLE, FRAG_TUPLE_LIST } plan_frag_type;
typedef struct plan_frag {
    plan_frag_type type;
    nicol_str text;                      /* FRAG_TEXT */
    nicol_str prefix, separator, suffix; /* of items: FRAG_TUPLE, FRAG_TUPLE_LIST */
    nicol_str group_separator;           /* FRAG_TUPLE_LIST */
} plan_frag;

/* As driver_arg_type, which plan must not see: scalar, list, native type; or a tuple of them. */
typedef struct plan_arg_type {
    scalar_type scalar;
    bool list;
    nicol_str db_type;
    const struct plan_arg_type *elements; /* tuple: elements[0..elements_n) */
    uint32_t elements_n;
} plan_arg_type;

typedef struct plan_stmt {
    bool raw; /* rawSql: sent as it is; its rows come out in the raw shape, its errors are P2010 */
    bool chunkable;
    bool reads;    /* the text starts with SELECT or VALUES: it may run outside the write lock */
    nicol_str sql; /* raw; or a template without tuples, rendered once; else empty */
    plan_frag *frags;
    uint32_t frags_n;
    nicol_str ph_prefix; /* placeholder: prefix [+ number] */
    bool ph_numbered;
    pval *args;
    plan_arg_type *types; /* args_n of them */
    uint32_t args_n;
    uint32_t site; /* 0..plan->sites_n: where the executor keeps what it learnt about this statement */
} plan_stmt;

/* --- structure nodes' details --------------------------------------------------------------------------------------- */

typedef struct plan_node plan_node;

typedef struct plan_binding {
    uint32_t slot;
    nicol_str name;
    const plan_node *expr;
} plan_binding;

typedef struct plan_join_child {
    const plan_node *child;
    nicol_str *on_parent; /* columns, pairwise with on_child */
    nicol_str *on_child;
    uint32_t on_n;
    nicol_str field; /* "@nested$posts" */
    bool unique;
} plan_join_child;

typedef enum plan_rule_type { RULE_COUNT_EQ, RULE_COUNT_NEQ, RULE_AFFECTED_EQ, RULE_NEVER } plan_rule_type;
typedef struct plan_rule {
    plan_rule_type type;
    int64_t n;
} plan_rule;

typedef enum plan_violation {
    VIOLATION_RELATION,
    VIOLATION_NOT_CONNECTED,
    VIOLATION_CONNECT_OUTPUT,
    VIOLATION_MISSING_RECORD,
    VIOLATION_MISSING_RELATED,
    VIOLATION_CONNECT_INPUT,
    VIOLATION_UNKNOWN
} plan_violation;

/* The context of a validate node: each may be empty; `json` is the object as clients get it in meta. */
typedef struct plan_context {
    nicol_str operation, model, relation, relation_type, needed_for, model_a, model_b, parent, child;
    int64_t expected_rows;
    nicol_str json;
} plan_context;

typedef struct plan_ops plan_ops; /* in-memory operations of `process` */
struct plan_ops {
    bool has_pagination;
    bool has_cursor, has_take, has_skip;
    nicol_str *cursor_fields;
    pval *cursor_values;
    uint32_t cursor_n;
    int64_t take, skip;
    nicol_str *distinct;
    uint32_t distinct_n; /* 0: no distinct */
    bool has_distinct;
    bool reverse;
    nicol_str *linking;
    uint32_t linking_n;
    bool has_linking;
    nicol_str *nested_fields;
    const plan_ops **nested;
    uint32_t nested_n;
};

/* What clients get for a field. */
typedef enum plan_out_type {
    OUT_STRING,
    OUT_INT,
    OUT_BIGINT,
    OUT_FLOAT,
    OUT_BOOLEAN,
    OUT_DECIMAL,
    OUT_DATETIME,
    OUT_JSON,
    OUT_OBJECT,
    OUT_BYTES,
    OUT_ENUM,
    OUT_UNSUPPORTED
} plan_out_type;
typedef enum plan_bytes_form { BYTES_ARRAY, BYTES_BASE64, BYTES_HEX } plan_bytes_form;

typedef struct plan_enum_map { /* database name -> client's name */
    nicol_str name;
    nicol_str *from, *to;
    uint32_t n;
} plan_enum_map;

typedef enum plan_shape_type { SHAPE_AFFECTED, SHAPE_FIELD, SHAPE_OBJECT } plan_shape_type;
typedef struct plan_shape plan_shape;
struct plan_shape {
    plan_shape_type type;
    /* SHAPE_FIELD */
    nicol_str db_name;
    plan_out_type out;
    bool list;
    plan_bytes_form bytes;
    const plan_enum_map *en; /* NULL when the plan names an enum it does not define */
    nicol_str en_name;
    /* SHAPE_OBJECT */
    bool same_row;      /* serializedName is null: the fields read the same row */
    nicol_str row_name; /* serializedName */
    bool skip_nulls;
    nicol_str *names; /* out names, in order */
    nicol_str *keys;  /* the same as JSON text: "name": (quoted, escaped, with the colon) */
    const plan_shape **fields;
    uint32_t fields_n;
    uint32_t site; /* where the executor keeps the column positions it found */
};

typedef enum plan_field_op { OP_SET, OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE } plan_field_op;
typedef struct plan_init_field {
    nicol_str name;
    bool last_id;     /* the value is the statement's last insert id */
    plan_field_op op; /* mapRecord */
    pval value;
} plan_init_field;

struct plan_node {
    plan_type type;
    union {
        pval value; /* VALUE */
        struct {
            uint32_t slot;
            nicol_str name;
        } get; /* GET; PLAN_NO_SLOT: undefined. Slots count params_n.. see plan */
        struct {
            uint32_t *slots;
            uint32_t n;
        } first; /* GET_FIRST */
        struct {
            plan_binding *v;
            uint32_t n;
            const plan_node *expr;
        } let; /* LET */
        struct {
            const plan_node **v;
            uint32_t n;
        } list;               /* SEQ, CONCAT, SUM */
        const plan_node *one; /* UNIQUE, REQUIRED, REVERSE, TRANSACTION */
        struct {
            nicol_str field;
            const plan_node *records;
            uint32_t site;
        } map_field;
        struct {
            const plan_node *parent;
            plan_join_child *v;
            uint32_t n;
            bool strict;
            uint32_t site;
        } join;
        struct {
            const plan_node *from, *to;
            nicol_str *fields;
            uint32_t n;
            bool whole;
        } diff; /* whole: dialect D0, no fields */
        struct {
            const plan_node *value;
            plan_rule rule;
            const plan_node *then, *otherwise;
        } cond; /* IF */
        struct {
            const plan_node *expr;
            plan_rule *rules;
            uint32_t n;
            plan_violation violation;
            nicol_str violation_name;
            plan_context *context;
        } validate;
        struct {
            const plan_node *expr;
            const plan_ops *ops;
        } process;
        struct {
            const plan_node *expr;
            const plan_shape *shape;
        } data_map;
        struct {
            const plan_node *expr;
            plan_init_field *v;
            uint32_t n;
        } record;        /* INIT_RECORD, MAP_RECORD */
        plan_stmt *stmt; /* QUERY, EXECUTE */
    } u;
};

/* What a compiled plan takes for granted about the user values: parameters a and b are equal, or differ. */
typedef struct plan_guard {
    uint32_t a, b;
    bool equal;
} plan_guard;

/* Which user values of one operation are its key, where a plan answers many operations at once. */
typedef struct plan_lookup {
    uint32_t *params;
    uint32_t n;               /* 0: an ordinary plan */
    bool json;                /* the keys travel as one JSON text */
    const plan_node *missing; /* findUniqueOrThrow: the `validate` that fails for an operation without a row */
} plan_lookup;
#define PLAN_ITEM_COLUMN "@item" /* the column that says for which operation a row is */

typedef struct plan {
    arena *a; /* holds everything of the plan */
    const plan_node *root;
    uint32_t slots_n;  /* let-bound variables; their slots are 0..slots_n */
    nicol_str *params; /* names of the parameters, by index; of compiled plans: unused */
    uint32_t params_n;
    uint32_t sites_n;
    uint32_t statements_n;
    bool writes; /* some statement may write, or there is a transaction node */
    bool root_is_transaction;
    bool raw_query, raw_execute; /* the root is a raw statement */
    /* What the executor has learnt about this plan (shapes of rows, positions of columns); plan_free gives it to
     * runtime_free. A plan is run by one thread at a time. */
    void *runtime;
    void (*runtime_free)(void *runtime);
    size_t (*runtime_bytes)(const void *runtime);
    /* A `get` of a parameter (legal in the plan language: the scope starts as the parameters) has slot
     * PLAN_PARAM_SLOT | index. */
    plan_guard *guards; /* see plan_fits */
    uint32_t guards_n;
    bool one_shot; /* serves only the request that it was compiled from */
    plan_lookup lookup;
} plan;
#define PLAN_PARAM_SLOT 0x80000000u

/* Reads a plan as a version 7 client sends it (all four dialects). The plan owns its memory. *err: BAD_PLAN with the
 * path of the node ("plan.args.expr: unknown node type 'x'"), LIMIT. Free with plan_free. */
plan *plan_read(json_val node, const mem *m, nicol_error *err) NICOL_MUST_CHECK;
/* The parameters of a plan from the `params` object of a request, by plan->params; those that the request does not give
 * are VAL_UNDEF. out: plan->params_n cells; lists and decoded text live in `a`, plain text stays where the document has it. */
bool plan_take_params(const plan *p, json_val params, arena *a, val *out, nicol_error *err) NICOL_MUST_CHECK;
/* Compiles a checked request for a database. dialect decides the SQL. */
typedef enum plan_dialect { DIALECT_SQLITE, DIALECT_POSTGRESQL, DIALECT_MYSQL } plan_dialect;
typedef struct plan_compile_opts {
    plan_dialect dialect;
    unsigned binds_max; /* of one statement: createMany is split by it */
    const mem *m;
    arena *a; /* of the request: where the meta of an error lives; NULL: errors have none */
} plan_compile_opts;
plan *plan_compile(const query_op *op, const plan_compile_opts *opts, nicol_error *err) NICOL_MUST_CHECK;
/* Compiles findUnique (OrThrow) operations of one shape into one statement a level: a plan with one parameter more than
 * op has, the last, which holds the keys of all of them (plan_lookup_keys). The database itself says which row is whose,
 * so nothing depends on how it compares. The rows carry PLAN_ITEM_COLUMN, the number of their operation, ascending, and
 * an operation takes the first of its rows; one without rows found nothing. NULL with *err empty: this operation must
 * run alone. */
plan *plan_compile_lookup(const query_op *op, const plan_compile_opts *opts, nicol_error *err) NICOL_MUST_CHECK;
/* The last parameter of a lookup plan, for n operations whose user values are params[i]. False: a value among them does
 * not travel so, or there is no memory; run the operations one by one. */
bool plan_lookup_keys(const plan *p, const val *const *params, uint32_t n, arena *a, val *out) NICOL_MUST_CHECK;
void plan_free(plan *p);
size_t plan_bytes(const plan *p); /* memory that it takes now, with what the executor has learnt; of NULL 0 */
/* May a compiled plan serve another request of the same shape, with these parameters? Some writes depend on whether two
 * user values are equal (an upsert whose where is what it would create); ask before a plan is taken from a cache. */
bool plan_fits(const plan *p, const val *params) NICOL_MUST_CHECK;

/* Text of a plan for people (explain, logs, tests): one node a line, indented. */
void plan_print(const plan *p, buf *out);
void plan_print_bare(const plan *p, buf *out); /* without constants, which may be a user's values */

#endif
