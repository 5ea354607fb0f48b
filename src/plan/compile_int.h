/* plan/compile_int.h - what the parts of the compiler share: the context, node constructors, the statement builder,
 * filters, selections.
 *
 * Failure is sticky. Whatever goes wrong (no memory, a limit) is recorded once in c->err and sets c->failed; from then
 * on every constructor returns NULL and every writer does nothing, and constructors take NULL children quietly. So the
 * parts build trees without a check after each step; plan_compile looks once, at the end. What must be checked is only
 * memory taken directly (CC_ARRAY returns NULL).
 *
 * Arrays handed to constructors are copied into the plan, so they may be on the stack. A plan may outlive the request and
 * the schema that it was made from, so constructors copy every string that they keep, too.
 */
#ifndef PLAN_COMPILE_INT_H
#define PLAN_COMPILE_INT_H

#include "base/arena.h"
#include "base/err.h"
#include "plan/plan.h"
#include "sql/sql.h"

typedef struct cc_enum { /* an enum's names, made once per plan */
    const schema_enum *of;
    const plan_enum_map *map;
    struct cc_enum *next;
} cc_enum;

typedef struct cc {
    arena *a; /* the plan's: all that is built here stays */
    const mem *m;
    arena *request; /* the request's, for errors; or NULL */
    const query_op *op;
    plan *p;
    const sql_dialect *d;
    plan_dialect dialect;
    unsigned binds_max;
    nicol_error *err;
    bool failed;
    uint32_t nodes;
    uint32_t depth;   /* of the recursion: cc_enter, cc_leave */
    uint32_t aliases; /* table aliases given out */
    cc_enum *enums;
} cc;

bool cc_oom(cc *c);                            /* records it; false */
bool cc_input_error(cc *c, nicol_str details); /* records P2019, which says `details`; false */
bool cc_enter(cc *c);                          /* one level deeper; false past NICOL_PLAN_DEPTH_MAX */
void cc_leave(cc *c);
#define CC_NEW(c, type) ((type *)cc_zalloc((c), 1, sizeof(type)))
#define CC_ARRAY(c, n, type) \
    ((type *)cc_zalloc((c), (n), sizeof(type))) /* zeroed; n 0 gives a valid pointer; NULL: failed */
void *cc_zalloc(cc *c, size_t n, size_t size);
nicol_str cc_str(cc *c, nicol_str s); /* a copy in the plan */
nicol_str cc_printf(cc *c, const char *fmt, ...) NICOL_PRINTF(2, 3);
uint32_t cc_slot(cc *c); /* a new let variable */
uint32_t cc_site(cc *c);
nicol_str cc_alias(cc *c); /* a new table alias ("t0") that is no table's name */

/* --- values --------------------------------------------------------------------------------------------------------- */

pval cc_const(cc *c, val v); /* deep copy */
pval cc_int(int64_t n);
pval cc_null(void);
pval cc_text(cc *c, nicol_str s);
pval cc_param(uint32_t param);                     /* a user value of the request */
pval cc_var(cc *c, uint32_t slot, nicol_str name); /* let variable */
pval cc_generator(cc *c, plan_generator g, const pval *items, uint32_t n, uint32_t len); /* len: of a nanoid */
pval cc_list(cc *c, const pval *items, uint32_t n);
/* QVAL_PARAM, QVAL_NULL, QVAL_JSON_NULL (the JSON text null). QVAL_FIELD is no value: it fails. */
pval cc_value_of(cc *c, const query_value *v);
/* What a bound value for this field is to the driver. cc_type_item: one item of a list field, or of an `in` list. */
plan_arg_type cc_type(cc *c, const schema_field *f);
plan_arg_type cc_type_item(cc *c, const schema_field *f);
plan_arg_type cc_scalar(scalar_type t);

/* --- nodes ---------------------------------------------------------------------------------------------------------- */

const plan_node *cc_value(cc *c, pval v);
const plan_node *cc_unit(cc *c);
const plan_node *cc_get(cc *c, uint32_t slot);
const plan_node *cc_first(cc *c, const uint32_t *slots, uint32_t n);
plan_binding cc_bind(uint32_t slot, nicol_str name, const plan_node *expr);               /* name: for people only */
const plan_node *cc_let(cc *c, const plan_binding *v, uint32_t n, const plan_node *expr); /* n 0: expr itself */
const plan_node *cc_let1(cc *c, uint32_t slot, nicol_str name, const plan_node *value, const plan_node *expr);
const plan_node *cc_seq(cc *c, const plan_node *const *v, uint32_t n);
const plan_node *cc_concat(cc *c, const plan_node *const *v, uint32_t n);
const plan_node *cc_sum(cc *c, const plan_node *const *v, uint32_t n);
const plan_node *cc_unique(cc *c, const plan_node *x);
const plan_node *cc_required(cc *c, const plan_node *x);
const plan_node *cc_reverse(cc *c, const plan_node *x);
const plan_node *cc_transaction(cc *c, const plan_node *x); /* inside: x. Sets plan->writes */
const plan_node *cc_map_field(cc *c, nicol_str column, const plan_node *records);
const plan_node *cc_join(cc *c, const plan_node *parent, const plan_join_child *v, uint32_t n); /* n 0: parent itself */
const plan_node *cc_diff(cc *c, const plan_node *from, const plan_node *to, const nicol_str *columns, uint32_t n);
const plan_node *cc_if(cc *c, const plan_node *value, plan_rule rule, const plan_node *then,
                       const plan_node *otherwise);
/* Only the strings and numbers of ctx need be set; the JSON object of the error is made from them. */
const plan_node *cc_validate(cc *c, const plan_node *x, plan_rule rule, plan_violation v, const plan_context *ctx);
const plan_node *cc_process(cc *c, const plan_node *x, const plan_ops *ops); /* ops is kept, not copied */
const plan_node *cc_data_map(cc *c, const plan_node *x, const plan_shape *shape);
const plan_node *cc_init_record(cc *c, const plan_node *x, const plan_init_field *v, uint32_t n);
const plan_node *cc_map_record(cc *c, const plan_node *x, const plan_init_field *v, uint32_t n);

/* --- statements ----------------------------------------------------------------------------------------------------- */

/* One statement in the making: text, names and gaps for values in the order in which they stand in the SQL. */
typedef struct cc_stmt {
    cc *c;
    sql_writer w;
    plan_frag *frags;
    uint32_t frags_n, frags_cap;
    pval *args;
    plan_arg_type *types;
    uint32_t args_n, args_cap;
    bool tuples;    /* has a FRAG_TUPLE or FRAG_TUPLE_LIST */
    bool chunkable; /* true at the start; whoever adds what makes splitting wrong (LIMIT, NOT IN, ...) clears it */
} cc_stmt;

void cc_stmt_begin(cc *c, cc_stmt *st);
#define cc_lit(st, literal) sql_lit(&(st)->w, literal)
void cc_sql(cc_stmt *st, nicol_str text); /* text of this program, never of a request */
void cc_ident(cc_stmt *st, nicol_str name);
void cc_column(cc_stmt *st, nicol_str alias,
               const schema_field *f);             /* `alias`.`column`; empty alias: the column alone */
void cc_table(cc_stmt *st, const schema_model *m); /* `table`, with its schema where one is given */
void cc_table_as(cc_stmt *st, const schema_model *m,
                 nicol_str alias); /* ... AS `alias` unless it is the table's name */
/* `a`.`x`, `a`.`y` of the n fields, each after the separator ", ". */
void cc_columns(cc_stmt *st, nicol_str alias, const schema_field *const *fields, uint32_t n);
void cc_bindv(cc_stmt *st, pval v, plan_arg_type t);    /* one bound value */
void cc_tuple(cc_stmt *st, pval v, plan_arg_type item); /* (?, ?, ...) of a list; an empty list gives (NULL) */
/* The same with something around each item: (LOWER(?), LOWER(?)). */
void cc_tuple_within(cc_stmt *st, pval v, plan_arg_type item, nicol_str before, nicol_str after);
/* (?, ?), (?, ?) of a list of lists; elements: the types of one group. */
void cc_tuple_list(cc_stmt *st, pval v, const plan_arg_type *elements, uint32_t n);
/* The finished statement; reads and statements_n of the plan are set. Not yet a node. */
plan_stmt *cc_stmt_finish(cc_stmt *st);
const plan_node *cc_query(cc *c, cc_stmt *st);   /* finishes; rows */
const plan_node *cc_execute(cc *c, cc_stmt *st); /* finishes; count */

/* --- conditions ----------------------------------------------------------------------------------------------------- */

/* The alias under which a model's own columns are read when nothing is said: the table's name, so that the same text fits
 * SELECT, UPDATE and DELETE. */
nicol_str cc_root_alias(const schema_model *m);
/* Writes the condition of f over the rows of m at `alias`, always in a form that may stand after WHERE or AND. NULL and trivial
 * filters write 1=1 (cc_filter_trivial tells them before). */
void cc_where(cc_stmt *st, const schema_model *m, nicol_str alias, const query_filter *f);
bool cc_filter_trivial(const query_filter *f); /* always true */
/* Full-text search: false where the database has none. Conditions of one AND that search for the same text become one. */
bool cc_search(cc_stmt *st, nicol_str alias, const query_filter *f);
void cc_join_searches(cc *c, query_filter **kids, uint32_t *n);
/* " WHERE ..." or nothing */
void cc_where_clause(cc_stmt *st, const schema_model *m, nicol_str alias, const query_filter *f);
/* `alias`.`x` = v [AND ...], pairwise; a slot that holds a list becomes IN with list[i]. */
void cc_where_keys(cc_stmt *st, nicol_str alias, const schema_field *const *keys, const pval *v, uint32_t n, bool many);

/* The same inside a subquery, where a list may not be split over statements. */
void cc_where_nested(cc_stmt *st, const schema_model *m, nicol_str alias, const query_filter *f);

/* How rows of a relation field's target hang on rows of its model: pairwise equal columns; many-to-many: by the join table,
 * whose columns `own` and `other` hold parent[0] and child[0]. */
typedef struct cc_link {
    bool many_many;
    const schema_field *const *parent;
    const schema_field *const *child;
    uint32_t n;
    nicol_str own, other;
} cc_link;
void cc_link_columns(const schema_field *f, cc_link *k);
/* The number of rows of list relation f that belong to the row at alias: a subquery; or, where cc_count_joins says that this
 * would be slow over many rows, a column of a joined table of counts at alias `counts` (else empty). */
#define CC_COUNT_COLUMN "@count"
bool cc_count_joins(const schema_field *f);
void cc_count_join(cc_stmt *st, const schema_field *f, nicol_str alias, nicol_str counts, const query_filter *filter);
void cc_relation_count(cc_stmt *st, const schema_field *f, nicol_str alias, nicol_str counts,
                       const query_filter *filter);

/* --- rows ------------------------------------------------------------------------------------------------------------ */

/* How the result of a selection looks to the client, for cc_data_map. */
const plan_shape *cc_shape(cc *c, const query_select *sel);
const plan_shape *cc_shape_affected(cc *c);
const plan_shape *cc_shape_field(cc *c, const schema_field *f, nicol_str column);
const plan_shape *cc_shape_scalar(cc *c, plan_out_type out, nicol_str column);
plan_shape *cc_shape_object(cc *c, nicol_str row_name,
                            uint32_t fields_max); /* row_name empty: fields of the same row */
void cc_shape_add(cc *c, plan_shape *s, nicol_str name, const plan_shape *field);
nicol_str cc_count_name(cc *c, const schema_field *f); /* the column of a relation's _count */

/* The column under which a row carries a relation's rows: "@nested$posts". */
nicol_str cc_nested_name(cc *c, const schema_field *f);
/* The columns that rows of `sel` must carry: its scalars, and what its relations are joined by. *n of them. The same list for
 * RETURNING (names bare) as for SELECT. `extra` are added when missing. Returned array is the plan's. */
const schema_field **cc_select_columns(cc *c, const query_select *sel, const schema_field *const *extra,
                                       uint32_t extra_n, uint32_t *n);
/* True when a row of sel can come from RETURNING alone: neither relations nor _count. */
bool cc_select_flat(const query_select *sel);
/* Whether sel has relations whose rows must be loaded after the rows themselves. */
bool cc_select_has_relations(const query_select *sel);
/* The rows of an operation's find form: what findMany does, before data_map. */
const plan_node *cc_find_rows(cc *c, const schema_model *m, const query_find *find, const query_select *sel, bool one);
/* Rows of many operations at once, by their keys: see plan_compile_lookup. */
typedef struct cc_lookup {
    const query_filter **keys; /* field = value; the values come from `param` instead */
    uint32_t n;
    const query_filter *rest; /* what else must hold, the same for all */
    uint32_t param;
    bool json;
} cc_lookup;
const plan_node *cc_must_find(cc *c, const plan_node *rows); /* no row is an error */
const plan_node *cc_lookup_rows(cc *c, const schema_model *m, const query_select *sel, const cc_lookup *k);
/* Reads rows back by key: those with keys[i] = v[i] (many: keys[i] IN the list v[i]), with all that sel asks for. one: result is
 * the record or null, else a list. For the answer of writes, and for loading the state before a delete. */
const plan_node *cc_read_back(cc *c, const query_select *sel, const schema_field *const *keys, const pval *v,
                              uint32_t n, bool one);
/* The same by a filter (for deletes with relations in the answer). */
const plan_node *cc_read_where(cc *c, const query_select *sel, const query_filter *where, bool one);
/* Adds the relations that sel asks for to rows that exist already (from RETURNING), which must carry cc_select_columns.
 * Without relations: rows itself. one: rows is one record or null. */
const plan_node *cc_with_relations(cc *c, const query_select *sel, const plan_node *rows, bool one);

/* --- order, cursors, paging -------------------------------------------------------------------------------------------- */

typedef struct cc_order {
    const schema_model *m;
    nicol_str alias;
    const query_find *find;
    const query_order *v; /* the order to use: the request's, or by id where paging needs one */
    uint32_t n;
    nicol_str *join;   /* per term: the alias that its column is read from */
    nicol_str *counts; /* per term: the joined table of counts, or empty */
    bool reversed;     /* take is negative: the order is turned round, and the rows back after reading */
} cc_order;

void cc_order_init(cc *c, cc_order *o, const schema_model *m, nicol_str alias, const query_find *find);
bool cc_order_exact(const cc_order *o);
void cc_order_joins(cc_stmt *st, cc_order *o); /* after the table; before cc_order_by and cc_order_cursor */
void cc_order_by(cc_stmt *st, const cc_order *o);
void cc_order_cursor(cc_stmt *st, const cc_order *o); /* a condition */
void cc_limit(cc_stmt *st, bool has_take, int64_t take, bool has_skip, int64_t skip);
int64_t cc_abs(int64_t n);

/* --- the parts -------------------------------------------------------------------------------------------------------- */

const plan_node *cc_compile_find(cc *c);      /* find forms, with data_map */
const plan_node *cc_compile_lookup(cc *c);    /* many findUnique at once; NULL and not failed: not possible */
const plan_node *cc_compile_aggregate(cc *c); /* aggregate */
const plan_node *cc_compile_group_by(cc *c);  /* groupBy */
const plan_node *cc_compile_raw(cc *c);       /* queryRaw, executeRaw */
const plan_node *cc_compile_write(
    cc *c); /* all writes: compile_write.c. Includes data_map and, where needed, transaction */

#endif
