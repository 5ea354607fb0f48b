/* plan/compile_nested_other.c - nested writes over a join table, and over a foreign key on the parent as far as they
 * come after the parent's own row (w_inline does the others). */
#include "plan/compile_write_int.h"

/* --- the foreign key is on the parent ------------------------------------------------------------------------------------ */

static wwhere parent_row(wblock *b, const wrow *parent, wfields *id)
{
    *id = w_identity(parent->model);
    return (wwhere){.keys = id->v, .keys_n = id->n, .vals = wb_identity(b, parent)};
}

static void parent_disconnect(const wnested *x)
{
    cc *c = x->b->c;
    if (x->n->items_n == 0) return;
    if (x->r->fk_required) {
        w_fail_required(c, x->r);
        return;
    }
    wblock b;
    wb_open(c, &b);
    const query_filter *only = x->n->items[0].where;
    wfields id;
    if (!only || cc_filter_trivial(only)) {
        wwhere self = parent_row(&b, x->parent, &id);
        wb_do(&b, w_clear_fk(c, x->r, &self));
    } else {
        wblock then;
        wb_open(c, &then);
        wrow row = w_nested_current(&b, x, only, true, NULL);
        wwhere self = parent_row(&then, x->parent, &id);
        wb_do(&then, w_clear_fk(c, x->r, &self));
        wb_do(&b, cc_if(c, cc_get(c, row.slot), (plan_rule){RULE_COUNT_NEQ, 0}, wb_close(&then, NULL), cc_unit(c)));
    }
    wb_do(x->b, wb_close(&b, NULL));
}

static void parent_upsert(const wnested *x)
{
    cc *c = x->b->c;
    if (x->n->items_n == 0) return;
    const query_nested_item *it = &x->n->items[0];
    wchoice k;
    w_choice_open(&k, x, it->where, true);
    w_choice_update(&k, x, it->update);

    wfields ref = {x->r->ref, (uint32_t)x->r->fk_n};
    wrow made = w_create_row(&k.missing, it->create, NULL, 0, &ref);
    nicol_str needed = cc_printf(c, "update inlined relation for '%.*s' record(s)", STR_FMT(x->parent->model->name));
    wneed need = w_need(x, x->parent->model, S("a nested upsert"), needed);
    wrow parent = wb_require(&k.missing, x->parent, &need);
    wfields pid;
    wwhere self = parent_row(&k.missing, &parent, &pid);
    const pval *v = wb_cols(&k.missing, &made, ref.v, ref.n);
    if (v) wb_do(&k.missing, w_set_fk(c, x->r, v, &self));
    w_choice_close(&k, x);
}

void w_nested_parent(const wnested *x)
{
    if (x->n->kind == NESTED_DISCONNECT) parent_disconnect(x);
    else if (x->n->kind == NESTED_UPSERT) parent_upsert(x);
}

/* --- many-to-many ------------------------------------------------------------------------------------------------------------ */

static void join_table(cc_stmt *st, const wnested *x)
{
    sql_column(&st->w, x->n->field->model->db_schema, x->r->join_table);
}

static const pval *connected_parent(wblock *b, const wnested *x, nicol_str operation, nicol_str needed_for)
{
    wneed need = w_need(x, x->parent->model, operation, needed_for);
    wrow parent = wb_require(b, x->parent, &need);
    cc_link link;
    cc_link_columns(x->n->field, &link);
    return wb_cols(b, &parent, link.parent, link.n);
}

/* Ties every row in variable `rows` (a row or a list) to the parent. Pairs that exist stay as they are. */
static void tie(wblock *b, const wnested *x, const wrow *rows)
{
    cc *c = b->c;
    cc_link link;
    cc_link_columns(x->n->field, &link);
    const pval *parent = connected_parent(b, x, S("a connect"), (nicol_str){0});
    const pval *child = wb_cols(b, rows, link.child, 1);
    if (!parent || !child) return;
    const pval pair[2] = {parent[0], child[0]};
    plan_arg_type types[2] = {cc_type(c, link.parent[0]), cc_type(c, link.child[0])};
    cc_stmt st;
    cc_stmt_begin(c, &st);
    cc_sql(&st, c->d->insert_ignore);
    join_table(&st, x);
    cc_lit(&st, " (");
    cc_ident(&st, link.own);
    cc_lit(&st, ", ");
    cc_ident(&st, link.other);
    cc_lit(&st, ") VALUES ");
    cc_tuple_list(&st, cc_generator(c, GEN_PRODUCT, pair, 2, 0), types, 2);
    cc_sql(&st, c->d->ignore_suffix);
    wb_do(b, cc_execute(c, &st));
}

/* Cuts the ties between the parent and the children that fit `any` (of n items), or all. */
static void untie(wblock *b, const wnested *x, const pval *parent, const query_nested_item *const *items, uint32_t n,
                  bool all)
{
    cc *c = b->c;
    cc_link link;
    cc_link_columns(x->n->field, &link);
    if (!parent) return;
    cc_stmt st;
    cc_stmt_begin(c, &st);
    cc_lit(&st, "DELETE FROM ");
    join_table(&st, x);
    cc_lit(&st, " WHERE ");
    cc_ident(&st, link.own);
    cc_lit(&st, " = ");
    cc_bindv(&st, parent[0], cc_type(c, link.parent[0]));
    if (!all) {
        nicol_str t = cc_alias(c);
        st.chunkable = false;
        cc_lit(&st, " AND ");
        cc_ident(&st, link.other);
        cc_lit(&st, " IN (SELECT ");
        cc_column(&st, t, link.child[0]);
        cc_lit(&st, " FROM ");
        cc_table_as(&st, x->child, t);
        cc_lit(&st, " WHERE ");
        wwhere where = {.any = items, .any_n = n, .has_any = true};
        w_where(&st, x->child, t, &where);
        cc_lit(&st, ")");
    }
    wb_do(b, cc_execute(c, &st));
}

/* All the named rows must exist. */
static void connect_rows(wblock *b, const wnested *x, const query_nested_item *const *items, uint32_t n)
{
    cc *c = b->c;
    if (n == 0) return;
    wfields id = w_identity(x->child);
    wwhere where = {.any = items, .any_n = n, .has_any = true};
    plan_context ctx = {.expected_rows = n};
    const plan_node *rows = cc_validate(c, w_select(c, x->child, &id, &where), (plan_rule){RULE_COUNT_EQ, n},
                                        VIOLATION_CONNECT_INPUT, &ctx);
    wrow found = wb_row(b, x->child, rows, true);
    tie(b, x, &found);
}

static void many_create(wblock *b, const wnested *x, const query_write *w)
{
    wfields id = w_identity(x->child);
    wrow made = w_create_row(b, w, NULL, 0, &id);
    tie(b, x, &made);
}

static void many_connect_or_create(const wnested *x, const query_nested_item *it)
{
    wchoice k;
    w_choice_open(&k, x, it->where, false);
    tie(&k.found, x, &k.row);
    many_create(&k.missing, x, it->create);
    w_choice_close(&k, x);
}

static void many_upsert(const wnested *x, const query_nested_item *it)
{
    wchoice k;
    w_choice_open(&k, x, it->where, true);
    w_choice_update(&k, x, it->update);
    many_create(&k.missing, x, it->create);
    w_choice_close(&k, x);
}

static void many_block(const wnested *x)
{
    cc *c = x->b->c;
    const query_nested *n = x->n;
    uint32_t items_n = 0;
    wblock b;
    wb_open(c, &b);
    const query_nested_item *const *items = w_distinct_items(c, n, &items_n);
    if (n->kind == NESTED_CONNECT) {
        connect_rows(&b, x, items, items_n);
    } else if (n->kind == NESTED_DISCONNECT) {
        if (items_n) untie(&b, x, connected_parent(&b, x, S("a disconnect"), (nicol_str){0}), items, items_n, false);
    } else {
        const pval *parent = connected_parent(&b, x, S("a nested set"), S("disconnect existing child records"));
        untie(&b, x, parent, NULL, 0, true);
        connect_rows(&b, x, items, items_n);
    }
    wb_do(x->b, wb_close(&b, NULL));
}

void w_nested_many(const wnested *x)
{
    const query_nested *n = x->n;
    switch (n->kind) {
    case NESTED_CREATE:
        for (uint32_t i = 0; i < n->items_n; i++) {
            wblock b;
            wb_open(x->b->c, &b);
            many_create(&b, x, n->items[i].create);
            w_nested_made(x, n->items[i].create, wb_close(&b, NULL));
        }
        return;
    case NESTED_CONNECT:
    case NESTED_DISCONNECT:
    case NESTED_SET:
        many_block(x);
        return;
    case NESTED_CONNECT_OR_CREATE:
        for (uint32_t i = 0; i < n->items_n; i++) many_connect_or_create(x, &n->items[i]);
        return;
    case NESTED_UPSERT:
        for (uint32_t i = 0; i < n->items_n; i++) many_upsert(x, &n->items[i]);
        return;
    case NESTED_CREATE_MANY:
    case NESTED_UPDATE:
    case NESTED_UPDATE_MANY:
    case NESTED_DELETE:
    case NESTED_DELETE_MANY:
        return;
    }
}
