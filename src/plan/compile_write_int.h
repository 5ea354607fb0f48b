/* plan/compile_write_int.h - what the parts of the write compiler share.
 *
 * A write is compiled as a block: bindings and effects in the order in which they happen, which wb_close turns into
 * `let` and `seq` nodes. Rows that a later step needs are held by a variable (wrow), and their columns are taken from
 * it by name.
 */
#ifndef PLAN_COMPILE_WRITE_INT_H
#define PLAN_COMPILE_WRITE_INT_H

#include "base/str.h"
#include "plan/compile_int.h"

/* --- blocks --------------------------------------------------------------------------------------------------------- */

typedef struct wstep {
    bool binds;
    plan_binding bind; /* binds; else only its expr: an effect */
} wstep;

typedef struct wblock {
    cc *c;
    wstep *v;
    uint32_t n, cap;
} wblock;

void wb_open(cc *c, wblock *b);
uint32_t wb_bind(wblock *b, nicol_str name, const plan_node *expr); /* the new variable; an empty name: its number */
void wb_do(wblock *b, const plan_node *effect);
const plan_node *wb_close(wblock *b, const plan_node *result); /* result NULL: nobody reads the block's value */

/* One row in a variable (or null, unless `sure`). */
typedef struct wrow {
    const schema_model *model;
    uint32_t slot;
    nicol_str name;
    bool sure;
} wrow;

wrow wb_row(wblock *b, const schema_model *m, const plan_node *expr, bool sure);
/* Variables with the values of these columns of the row. */
const pval *wb_cols(wblock *b, const wrow *r, const schema_field *const *fields, uint32_t n);
const pval *wb_identity(wblock *b, const wrow *r);

/* Why a row must be there: "No 'Post' record (needed to ...) was found for a nested update on one-to-many relation". */
typedef struct wneed {
    const schema_field *relation;
    const schema_model *model;
    nicol_str operation;
    nicol_str needed_for;
} wneed;
wrow wb_require(wblock *b, const wrow *r, const wneed *need);
const plan_node *w_must_exist(cc *c, const plan_node *x,
                              nicol_str operation); /* "No record was found for an update." */
const plan_node *w_no_rows(cc *c, const plan_node *x,
                           const schema_relation *r);  /* or the required relation is violated */
void w_fail_required(cc *c, const schema_relation *r); /* the same, known while compiling */
nicol_str w_relation_kind(const schema_relation *r);

/* --- conditions ----------------------------------------------------------------------------------------------------- */

/* Which rows of a model: all parts that are given must hold. */
typedef struct wwhere wwhere;
struct wwhere {
    const query_filter *filter;
    const query_nested_item *const *any; /* has_any: one of these items' filters; none of them: no row */
    uint32_t any_n;
    bool has_any, none_of;           /* none_of: not one of them */
    const schema_field *const *keys; /* keys[i] = vals[i] */
    const pval *vals;
    uint32_t keys_n;
    bool not_keys;                /* other rows than the one with these keys */
    const schema_field *link;     /* the rows that hang on a parent by this field of the parent's model ... */
    const pval *link_vals;        /* ... whose link columns these are */
    const wwhere *but;            /* not the rows that fit this */
    const schema_relation *fk_of; /* rows whose foreign key refers to rows of model[0] that fit *fk_to */
    const wwhere *fk_to;
    bool has_limit;
    int64_t limit;
};
void w_where(cc_stmt *st, const schema_model *m, nicol_str alias, const wwhere *w);
/* Items with the same unique filter count once, as they do for the number of rows that a connect expects. */
const query_nested_item *const *w_distinct_items(cc *c, const query_nested *n, uint32_t *out_n);
bool w_same_value(cc *c, const query_value *a, const query_value *b);

/* --- statements ----------------------------------------------------------------------------------------------------- */

typedef struct wassign {
    const schema_field *field;
    query_set_op op;
    bool null;
    pval v;
} wassign;

/* A list of fields without repetition. */
typedef struct wfields {
    const schema_field **v;
    uint32_t n;
} wfields;
wfields w_identity(const schema_model *m);
void w_fields_add(cc *c, wfields *to, const schema_field *const *fields, uint32_t n);
/* What a row must carry so that the nested writes of w can hang on it, and `extra`. */
wfields w_row_fields(cc *c, const query_write *w, const wfields *extra);

void w_returning(cc_stmt *st, const wfields *ret);
void w_assign(cc_stmt *st, const schema_model *m, const wassign *a);
const plan_node *w_select(cc *c, const schema_model *m, const wfields *fields, const wwhere *w);
/* ret NULL: the number of rows, else the rows. */
const plan_node *w_update(cc *c, const schema_model *m, const wassign *v, uint32_t n, const wwhere *w,
                          const wfields *ret);
const plan_node *w_delete(cc *c, const schema_model *m, const wwhere *w, const wfields *ret);
/* Sets the foreign key columns of rows, to null or to values. */
const plan_node *w_clear_fk(cc *c, const schema_relation *r, const wwhere *w);
const plan_node *w_set_fk(cc *c, const schema_relation *r, const pval *to, const wwhere *w);
/* What an update writes: the request's sets, `fixed`, and @updatedAt when there is anything at all. */
const wassign *w_assigns(cc *c, const query_write *w, const wassign *fixed, uint32_t fixed_n, uint32_t *n);

const plan_node *w_insert(cc *c, const schema_model *m, const query_write *const *rows, uint32_t rows_n,
                          const wassign *fixed, uint32_t fixed_n, bool skip_duplicates, const wfields *ret);
/* What a new row gets in this field: false when that is left to the database. */
bool w_new_value(cc *c, const query_write *w, const wassign *fixed, uint32_t fixed_n, const schema_field *f,
                 wassign *out);
const plan_node *w_insert_or_update(cc *c, const query_write *create, const query_write *update,
                                    const schema_index *conflict, const query_filter *where, const wfields *ret);

/* --- the same where the database has no RETURNING (compile_no_returning.c) ---------------------------------------------- */

const plan_node *w_insert_then_read(cc *c, const query_write *const *rows, uint32_t rows_n, const wassign *fixed,
                                    uint32_t fixed_n, bool skip_duplicates, const wfields *ret);
const plan_node *w_update_then_read(cc *c, const schema_model *m, const wassign *v, uint32_t n, const wwhere *w,
                                    const wfields *ret);
const plan_node *w_read_then_delete(cc *c, const schema_model *m, const wwhere *w, const wfields *ret);
/* w_select whose rows stay locked to the transaction's end. */
const plan_node *w_select_locked(cc *c, const schema_model *m, const wfields *fields, const wwhere *w);

/* --- referential actions where the database has none (relationMode = "prisma") ------------------------------------------ */

/* many: the order in which relations are looked at, and so which error comes first, is the reverse of that for one row. */
void w_before_delete(wblock *b, const schema_model *m, const wwhere *w, bool many);
void w_before_update(wblock *b, const schema_model *m, const wassign *v, uint32_t n, const wwhere *w, bool many);

/* --- records with everything nested in them -------------------------------------------------------------------------------- */

wrow w_create_row(wblock *b, const query_write *w, const wassign *fixed, uint32_t fixed_n, const wfields *ret);
/* need: checked before the nested writes run; NULL: the caller checks. */
wrow w_update_row(wblock *b, const query_write *w, const wwhere *where, const wfields *ret, const wneed *need);

bool w_is_inline(const query_nested *n); /* it decides foreign key columns of the parent's own row */
bool w_has_inline(const query_write *w);
uint32_t w_inline(wblock *b, const query_write *w, const wwhere *self, wassign *out);
uint32_t w_inline_columns(const query_write *w);
/* ahead: of a new row, for each nested write the row that was looked up before it (`sure`), if any; NULL: an update. */
void w_nested(wblock *b, const query_write *w, const wrow *parent, const wrow *ahead);

/* New rows that come after everything else that hangs on their parent, the last of them first. */
typedef struct wlate {
    const plan_node **v;
    uint32_t n;
} wlate;

/* The parts of w_nested by where the foreign key is. */
typedef struct wnested {
    wblock *b;
    wlate *late;
    const query_nested *n;
    const schema_relation *r;
    const schema_model *child;
    const wrow *parent;
    const wrow *found; /* the row to connect, where it was looked up before */
    bool creating;     /* the parent row was made by this request */
} wnested;
void w_nested_child(const wnested *x);  /* on the child */
void w_nested_parent(const wnested *x); /* on the parent, what w_inline does not do */
void w_nested_many(const wnested *x);   /* many-to-many */
/* One row of a nested create: at once, or late. */
void w_nested_made(const wnested *x, const query_write *w, const plan_node *made);
/* Kinds that are alike for all three. */
void w_nested_update(const wnested *x, const query_nested_item *it);
void w_nested_update_many(const wnested *x, const query_nested_item *it);
void w_nested_delete(const wnested *x);
void w_nested_delete_many(const wnested *x, const query_nested_item *it);
/* The related row in a variable, if there is one: for upsert and the like. */
wrow w_nested_current(wblock *b, const wnested *x, const query_filter *filter, bool related, const wfields *fields);
/* A row is looked for, and one of two blocks runs: `found` with it, `missing` without. */
typedef struct wchoice {
    wblock look, found, missing;
    wrow row;
} wchoice;
void w_choice_open(wchoice *k, const wnested *x, const query_filter *filter, bool related);
void w_choice_update(wchoice *k, const wnested *x, const query_write *update); /* of the row that was found */
void w_choice_close(wchoice *k, const wnested *x);
wneed w_need(const wnested *x, const schema_model *m, nicol_str operation, nicol_str needed_for);
const pval *w_parent_vals(wblock *b, const wnested *x);

#endif
