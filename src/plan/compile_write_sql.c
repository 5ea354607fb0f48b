/* plan/compile_write_sql.c - the conditions of writes, and UPDATE, DELETE and SELECT statements over them. */
#include "plan/compile_write_int.h"

/* --- conditions ----------------------------------------------------------------------------------------------------- */

static void keys(cc_stmt *st, nicol_str alias, const wwhere *w)
{
    if (w->not_keys) cc_lit(st, "(");
    cc_where_keys(st, alias, w->keys, w->vals, w->keys_n, false);
    if (w->not_keys) cc_lit(st, ") IS NOT TRUE");
}

/* The equality that a unique filter of one field is, or NULL. */
static const query_filter *one_equality(const query_filter *f)
{
    while (f && f->kind == QFILTER_AND && f->kids_n == 1) f = f->kids[0];
    if (!f || f->kind != QFILTER_SCALAR || f->op != QOP_EQ || f->insensitive || f->has_path || f->aggregate != AGG_NONE)
        return NULL;
    return f->value.kind == QVAL_PARAM && !f->value.list ? f : NULL;
}

/* Many rows named by the same field are a list, so that no number of them is too deep an expression. */
static bool any_in_list(cc_stmt *st, nicol_str alias, const wwhere *w)
{
    const query_filter *first = one_equality(w->any[0]->where);
    if (!first || w->any_n < 2) return false;
    for (uint32_t i = 1; i < w->any_n; i++) {
        const query_filter *f = one_equality(w->any[i]->where);
        if (!f || f->field != first->field) return false;
    }
    cc_column(st, alias, first->field);
    cc_lit(st, " IN ");
    for (uint32_t i = 0; i < w->any_n; i++) {
        cc_sql(st, i ? S(",") : S("("));
        cc_bindv(st, cc_value_of(st->c, &one_equality(w->any[i]->where)->value), cc_type(st->c, first->field));
    }
    cc_lit(st, ")");
    return true;
}

#define OR_GROUP 100 /* SQLite allows expressions 1000 deep, and a chain of ORs is as deep as it is long */

static void any(cc_stmt *st, const schema_model *m, nicol_str alias, const wwhere *w)
{
    if (w->any_n == 0) {
        cc_sql(st, w->none_of ? S("1=1") : S("1=0"));
        return;
    }
    bool groups = w->any_n > OR_GROUP;
    cc_lit(st, "(");
    if (!any_in_list(st, alias, w)) {
        for (uint32_t i = 0; i < w->any_n; i++) {
            bool cut = groups && i % OR_GROUP == 0;
            if (i) cc_sql(st, cut ? S(") OR (") : S(" OR "));
            else if (cut) cc_lit(st, "(");
            cc_where(st, m, alias, w->any[i]->where);
        }
        if (groups) cc_lit(st, ")");
    }
    cc_lit(st, ")");
    if (w->none_of) {
        cc_lit(st, " IS NOT TRUE");
        st->chunkable = false;
    }
}

static void linked(cc_stmt *st, nicol_str alias, const wwhere *w)
{
    cc_link link;
    cc_link_columns(w->link, &link);
    if (!link.many_many) {
        cc_where_keys(st, alias, link.child, w->link_vals, link.n, false);
        return;
    }
    cc_column(st, alias, link.child[0]);
    cc_lit(st, " IN (SELECT ");
    cc_ident(st, link.other);
    cc_lit(st, " FROM ");
    sql_column(&st->w, w->link->model->db_schema, w->link->relation->join_table);
    cc_lit(st, " WHERE ");
    cc_ident(st, link.own);
    cc_lit(st, " = ");
    cc_bindv(st, w->link_vals[0], cc_type(st->c, link.parent[0]));
    cc_lit(st, ")");
}

/* (a, b) of columns; one column stands alone, so that every database takes it. */
static void column_tuple(cc_stmt *st, nicol_str alias, const schema_field *const *f, uint32_t n)
{
    if (n > 1) cc_lit(st, "(");
    cc_columns(st, alias, f, n);
    if (n > 1) cc_lit(st, ")");
}

static void refers(cc_stmt *st, nicol_str alias, const wwhere *w)
{
    const schema_relation *r = w->fk_of;
    nicol_str parent = cc_alias(st->c);
    column_tuple(st, alias, r->fk, (uint32_t)r->fk_n);
    st->chunkable = false;
    cc_lit(st, " IN (SELECT ");
    cc_columns(st, parent, r->ref, (uint32_t)r->fk_n);
    cc_lit(st, " FROM ");
    cc_table_as(st, r->model[0], parent);
    cc_lit(st, " WHERE ");
    if (cc_enter(st->c)) {
        w_where(st, r->model[0], parent, w->fk_to);
        cc_leave(st->c);
    }
    cc_lit(st, ")");
}

static void parts(cc_stmt *st, const schema_model *m, nicol_str alias, const wwhere *w)
{
    bool some = false;
#define PART(given, write)             \
    if (given) {                       \
        if (some) cc_lit(st, " AND "); \
        some = true;                   \
        write;                         \
    }
    PART(w->keys_n, keys(st, alias, w))
    PART(w->filter && !cc_filter_trivial(w->filter), cc_where(st, m, alias, w->filter))
    PART(w->has_any, any(st, m, alias, w))
    PART(w->link, linked(st, alias, w))
    PART(w->fk_of, refers(st, alias, w))
    if (w->but) {
        if (some) cc_lit(st, " AND ");
        some = true;
        cc_lit(st, "(");
        w_where(st, m, alias, w->but);
        cc_lit(st, ") IS NOT TRUE");
    }
#undef PART
    if (!some) cc_lit(st, "1=1");
}

static void limited(cc_stmt *st, const schema_model *m, nicol_str alias, const wwhere *w)
{
    wfields id = w_identity(m);
    nicol_str inner = cc_alias(st->c);
    /* Some databases take neither a LIMIT in a subquery of IN nor one that reads the table that is written: one level more
     * hides both. */
    bool wrap = !st->c->d->update_limit_self;
    column_tuple(st, alias, id.v, id.n);
    cc_lit(st, " IN (SELECT ");
    if (wrap) cc_lit(st, "* FROM (SELECT ");
    cc_columns(st, inner, id.v, id.n);
    cc_lit(st, " FROM ");
    cc_table_as(st, m, inner);
    cc_lit(st, " WHERE ");
    parts(st, m, inner, w);
    cc_lit(st, " LIMIT ");
    sql_i64(&st->w, w->limit);
    if (wrap) {
        cc_lit(st, ") AS ");
        cc_ident(st, cc_alias(st->c));
    }
    cc_lit(st, ")");
    st->chunkable = false;
}

void w_where(cc_stmt *st, const schema_model *m, nicol_str alias, const wwhere *w)
{
    if (st->c->failed) return; /* values that w points to may be missing */
    if (w->has_limit) limited(st, m, alias, w);
    else parts(st, m, alias, w);
}

/* --- equal values ----------------------------------------------------------------------------------------------------- */

static bool same_val(const val *a, const val *b, unsigned depth)
{
    if (a->type != b->type) return false;
    switch ((val_type)a->type) {
    case VAL_UNDEF:
    case VAL_NULL:
        return true;
    case VAL_BOOL:
    case VAL_INT:
    case VAL_DATETIME:
        return a->u.i == b->u.i;
    case VAL_FLOAT:
        return a->u.f == b->u.f;
    case VAL_STR:
    case VAL_DECIMAL:
    case VAL_JSON:
    case VAL_BYTES:
        return str_eq(val_str(*a), val_str(*b));
    case VAL_LIST:
        if (a->n != b->n || depth > 4) return false;
        for (uint32_t i = 0; i < a->n; i++) {
            if (!same_val(&a->u.list[i], &b->u.list[i], depth + 1)) return false;
        }
        return true;
    case VAL_RECORD:
    case VAL_ROWS:
        break;
    }
    return false;
}

bool plan_fits(const plan *p, const val *params)
{
    if (p->one_shot) return false;
    for (uint32_t i = 0; i < p->guards_n; i++) {
        const plan_guard *g = &p->guards[i];
        if (same_val(&params[g->a], &params[g->b], 0) != g->equal) return false;
    }
    return true;
}

#define GUARDS_MAX 256

static void guard(cc *c, uint32_t a, uint32_t b, bool equal)
{
    plan *p = c->p;
    if (p->one_shot) return;
    if (p->guards_n == GUARDS_MAX) {
        p->one_shot = true;
        return;
    }
    if ((p->guards_n & (p->guards_n - 1)) == 0) { /* grows at powers of two */
        size_t cap = p->guards_n ? (size_t)p->guards_n * 2 : 1;
        plan_guard *v = arena_grow(c->a, p->guards, p->guards_n * sizeof *v, cap * sizeof *v);
        if (!v) {
            cc_oom(c);
            return;
        }
        p->guards = v;
    }
    p->guards[p->guards_n++] = (plan_guard){a, b, equal};
}

bool w_same_value(cc *c, const query_value *a, const query_value *b)
{
    if (a->kind != b->kind) return false;
    if (a->kind == QVAL_FIELD) return a->ref == b->ref;
    if (a->kind != QVAL_PARAM || a->param == b->param) return true;
    bool same = same_val(&c->op->params[a->param].value, &c->op->params[b->param].value, 0);
    guard(c, a->param, b->param, same);
    return same;
}

static bool same_filter(cc *c, const query_filter *a, const query_filter *b, unsigned depth)
{
    if (!a || !b) return a == b;
    if (depth > NICOL_QUERY_DEPTH_MAX || a->kind != b->kind || a->kids_n != b->kids_n || a->field != b->field ||
        a->op != b->op || a->insensitive != b->insensitive || a->has_path || b->has_path ||
        a->quantifier != b->quantifier) {
        return false;
    }
    if (a->kind == QFILTER_SCALAR && !w_same_value(c, &a->value, &b->value)) return false;
    for (uint32_t i = 0; i < a->kids_n; i++) {
        if (!same_filter(c, a->kids[i], b->kids[i], depth + 1)) return false;
    }
    return a->kind != QFILTER_RELATION || same_filter(c, a->sub, b->sub, depth + 1);
}

#define DISTINCT_ITEMS_MAX 1000

const query_nested_item *const *w_distinct_items(cc *c, const query_nested *n, uint32_t *out_n)
{
    const query_nested_item **v = CC_ARRAY(c, n->items_n, const query_nested_item *);
    *out_n = 0;
    if (!v) return NULL;
    for (uint32_t i = 0; i < n->items_n; i++) {
        bool seen = false;
        for (uint32_t k = 0; k < *out_n && !seen && *out_n <= DISTINCT_ITEMS_MAX; k++) {
            seen = same_filter(c, v[k]->where, n->items[i].where, 0);
        }
        if (!seen) v[(*out_n)++] = &n->items[i];
    }
    return v;
}

/* --- lists of fields --------------------------------------------------------------------------------------------------- */

wfields w_identity(const schema_model *m)
{
    return (wfields){m->identity->fields, (uint32_t)m->identity->fields_n};
}

void w_fields_add(cc *c, wfields *to, const schema_field *const *fields, uint32_t n)
{
    const schema_field **v = CC_ARRAY(c, to->n + n, const schema_field *);
    if (!v) return;
    uint32_t len = 0;
    for (uint32_t i = 0; i < to->n; i++) v[len++] = to->v[i];
    for (uint32_t i = 0; i < n; i++) {
        bool seen = false;
        for (uint32_t k = 0; k < len && !seen; k++) seen = v[k] == fields[i];
        if (!seen) v[len++] = fields[i];
    }
    *to = (wfields){v, len};
}

wfields w_row_fields(cc *c, const query_write *w, const wfields *extra)
{
    wfields f = w_identity(w->model);
    if (extra) w_fields_add(c, &f, extra->v, extra->n);
    for (uint32_t i = 0; i < w->nested_n; i++) {
        if (w_is_inline(&w->nested[i])) continue;
        cc_link link;
        cc_link_columns(w->nested[i].field, &link);
        w_fields_add(c, &f, link.parent, link.n);
    }
    return f;
}

/* --- statements --------------------------------------------------------------------------------------------------------- */

void w_returning(cc_stmt *st, const wfields *ret)
{
    for (uint32_t i = 0; i < ret->n; i++) {
        cc_sql(st, i ? S(", ") : S(" RETURNING "));
        cc_ident(st, ret->v[i]->db_name);
        cc_lit(st, " AS ");
        cc_ident(st, ret->v[i]->db_name);
    }
}

static const plan_node *finish(cc_stmt *st, const wfields *ret)
{
    if (!ret) return cc_execute(st->c, st);
    w_returning(st, ret);
    return cc_query(st->c, st);
}

static void where_clause(cc_stmt *st, const schema_model *m, const wwhere *w)
{
    cc_lit(st, " WHERE ");
    w_where(st, m, cc_root_alias(m), w);
}

static const plan_node *select_rows(cc *c, const schema_model *m, const wfields *fields, const wwhere *w, bool lock)
{
    cc_stmt st;
    cc_stmt_begin(c, &st);
    cc_lit(&st, "SELECT ");
    cc_columns(&st, cc_root_alias(m), fields->v, fields->n);
    cc_lit(&st, " FROM ");
    cc_table(&st, m);
    where_clause(&st, m, w);
    if (lock) cc_sql(&st, c->d->lock_update);
    return cc_query(c, &st);
}

const plan_node *w_select(cc *c, const schema_model *m, const wfields *fields, const wwhere *w)
{
    return select_rows(c, m, fields, w, false);
}

const plan_node *w_select_locked(cc *c, const schema_model *m, const wfields *fields, const wwhere *w)
{
    return select_rows(c, m, fields, w, true);
}

void w_assign(cc_stmt *st, const schema_model *m, const wassign *a)
{
    cc_ident(st, a->field->db_name);
    cc_lit(st, " = ");
    if (a->null) {
        cc_lit(st, "NULL");
        return;
    }
    if (a->op == SET_VALUE) {
        cc_bindv(st, a->v, cc_type(st->c, a->field));
        return;
    }
    cc_lit(st, "(");
    cc_column(st, cc_root_alias(m), a->field);
    switch (a->op) {
    case SET_INCREMENT:
        cc_lit(st, " + ");
        break;
    case SET_DECREMENT:
        cc_lit(st, " - ");
        break;
    case SET_MULTIPLY:
        cc_lit(st, " * ");
        break;
    case SET_DIVIDE:
        cc_lit(st, " / ");
        break;
    case SET_VALUE:
    case SET_PUSH:
        cc_lit(st, " || ");
        break;
    }
    cc_bindv(st, a->v, cc_type(st->c, a->field));
    cc_lit(st, ")");
}

const plan_node *w_update(cc *c, const schema_model *m, const wassign *v, uint32_t n, const wwhere *w,
                          const wfields *ret)
{
    if (ret && !c->d->returning) return w_update_then_read(c, m, v, n, w, ret);
    cc_stmt st;
    cc_stmt_begin(c, &st);
    cc_lit(&st, "UPDATE ");
    cc_table(&st, m);
    cc_lit(&st, " SET ");
    for (uint32_t i = 0; i < n; i++) {
        if (i) cc_lit(&st, ", ");
        w_assign(&st, m, &v[i]);
    }
    where_clause(&st, m, w);
    return finish(&st, ret);
}

const plan_node *w_delete(cc *c, const schema_model *m, const wwhere *w, const wfields *ret)
{
    if (ret && !c->d->returning) return w_read_then_delete(c, m, w, ret);
    cc_stmt st;
    cc_stmt_begin(c, &st);
    cc_lit(&st, "DELETE FROM ");
    cc_table(&st, m);
    where_clause(&st, m, w);
    return finish(&st, ret);
}

static bool assigned(const wassign *v, uint32_t n, const schema_field *f)
{
    for (uint32_t i = 0; i < n; i++) {
        if (v[i].field == f) return true;
    }
    return false;
}

/* Adds the time of the change to an update that changes something; v has room for every field. */
static uint32_t touch(cc *c, const schema_model *m, wassign *v, uint32_t n)
{
    if (n == 0) return 0;
    for (size_t i = 0; i < m->fields_n; i++) {
        const schema_field *f = &m->fields[i];
        if (!f->is_updated_at || f->kind != FIELD_SCALAR || assigned(v, n, f)) continue;
        v[n++] = (wassign){.field = f, .op = SET_VALUE, .v = cc_generator(c, GEN_NOW, NULL, 0, 0)};
    }
    return n;
}

const wassign *w_assigns(cc *c, const query_write *w, const wassign *fixed, uint32_t fixed_n, uint32_t *n)
{
    *n = 0;
    wassign *v = CC_ARRAY(c, fixed_n + w->sets_n + w->model->fields_n, wassign);
    if (!v) return NULL;
    for (uint32_t i = 0; i < w->sets_n; i++) {
        const query_set *s = &w->sets[i];
        if (assigned(fixed, fixed_n, s->field)) continue;
        bool null = s->value.kind == QVAL_NULL;
        v[(*n)++] =
            (wassign){.field = s->field, .op = s->op, .null = null, .v = null ? cc_null() : cc_value_of(c, &s->value)};
    }
    for (uint32_t i = 0; i < fixed_n; i++) v[(*n)++] = fixed[i];
    *n = touch(c, w->model, v, *n);
    return v;
}

/* To be tied to another row is a change of the row, which @updatedAt shows; to be cut off from it is none, as with the
 * database's own ON DELETE SET NULL. */
static const plan_node *write_fk(cc *c, const schema_relation *r, const pval *to, const wwhere *w)
{
    const schema_model *m = r->model[1];
    wassign *v = CC_ARRAY(c, r->fk_n + m->fields_n, wassign);
    if (!v) return NULL;
    uint32_t n = 0;
    for (size_t i = 0; i < r->fk_n; i++) {
        if (!to && r->fk[i]->arity == ARITY_REQUIRED) continue; /* of a compound key, what can be null goes */
        v[n++] = (wassign){.field = r->fk[i], .op = SET_VALUE, .null = !to, .v = to ? to[i] : cc_null()};
    }
    if (to) n = touch(c, m, v, n);
    return w_update(c, m, v, n, w, NULL);
}

const plan_node *w_clear_fk(cc *c, const schema_relation *r, const wwhere *w)
{
    return write_fk(c, r, NULL, w);
}

const plan_node *w_set_fk(cc *c, const schema_relation *r, const pval *to, const wwhere *w)
{
    return write_fk(c, r, to, w);
}
