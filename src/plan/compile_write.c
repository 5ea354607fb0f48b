/* plan/compile_write.c - writes: blocks, rows in variables, and the operations that work on many rows at once.
 *
 * Where the reference reads rows into variables and writes them back by key, this compiler says the same in one
 * statement with a condition whenever no client can tell the difference: fewer round trips, and nothing between
 * looking and writing.
 */
#include "plan/compile_write_int.h"

/* --- blocks --------------------------------------------------------------------------------------------------------- */

void wb_open(cc *c, wblock *b)
{
    *b = (wblock){.c = c};
}

static wstep *step(wblock *b)
{
    if (b->c->failed) return NULL;
    if (b->n == b->cap) {
        uint32_t cap = b->cap ? b->cap * 2 : 8;
        wstep *v = arena_grow(b->c->a, b->v, b->cap * sizeof *v, cap * sizeof *v);
        if (!v) {
            cc_oom(b->c);
            return NULL;
        }
        b->v = v;
        b->cap = cap;
    }
    return &b->v[b->n++];
}

uint32_t wb_bind(wblock *b, nicol_str name, const plan_node *expr)
{
    uint32_t slot = cc_slot(b->c);
    if (name.len == 0) name = cc_printf(b->c, "%u", (unsigned)slot);
    wstep *s = step(b);
    if (s) *s = (wstep){.binds = true, .bind = cc_bind(slot, name, expr)};
    return slot;
}

void wb_do(wblock *b, const plan_node *effect)
{
    wstep *s = step(b);
    if (s) *s = (wstep){.bind.expr = effect};
}

/* The n steps before `result` that are all bindings, or all effects, as one node around it. */
static const plan_node *wrap(cc *c, const wstep *v, uint32_t n, const plan_node *result)
{
    if (v[0].binds) {
        plan_binding *lets = CC_ARRAY(c, n, plan_binding);
        if (!lets) return NULL;
        for (uint32_t i = 0; i < n; i++) lets[i] = v[i].bind;
        return cc_let(c, lets, n, result);
    }
    const plan_node **list = CC_ARRAY(c, n + 1, const plan_node *);
    if (!list) return NULL;
    for (uint32_t i = 0; i < n; i++) list[i] = v[i].bind.expr;
    if (result) list[n++] = result;
    return n == 1 ? list[0] : cc_seq(c, list, n);
}

static bool is_get(const plan_node *x, uint32_t slot)
{
    return x && x->type == PLAN_GET && x->u.get.slot == slot;
}

/* A last variable that only the result reads is not worth a variable: its value takes the place of the `get`. */
static const plan_node *without_last(cc *c, const plan_binding *last, const plan_node *result)
{
    if (!result || is_get(result, last->slot)) return last->expr;
    if (result->type != PLAN_VALIDATE || !is_get(result->u.validate.expr, last->slot)) return NULL;
    plan_node *x = CC_NEW(c, plan_node);
    if (!x) return NULL;
    *x = *result;
    x->u.validate.expr = last->expr;
    return x;
}

const plan_node *wb_close(wblock *b, const plan_node *result)
{
    cc *c = b->c;
    uint32_t n = b->n;
    if (n && b->v[n - 1].binds) {
        const plan_node *x = without_last(c, &b->v[n - 1].bind, result);
        if (x) {
            result = x;
            n--;
        }
    } else if (!n && !result) {
        result = cc_unit(c);
    }
    while (n && !c->failed) {
        uint32_t from = n;
        while (from && b->v[from - 1].binds == b->v[n - 1].binds) from--;
        result = wrap(c, b->v + from, n - from, result);
        n = from;
    }
    return c->failed ? NULL : result;
}

/* --- rows in variables ------------------------------------------------------------------------------------------------ */

wrow wb_row(wblock *b, const schema_model *m, const plan_node *expr, bool sure)
{
    wrow r = {.model = m, .sure = sure};
    r.slot = wb_bind(b, (nicol_str){0}, expr);
    r.name = cc_printf(b->c, "%u", (unsigned)r.slot);
    return r;
}

const pval *wb_cols(wblock *b, const wrow *r, const schema_field *const *fields, uint32_t n)
{
    cc *c = b->c;
    pval *v = CC_ARRAY(c, n, pval);
    for (uint32_t i = 0; v && i < n; i++) {
        nicol_str name = cc_printf(c, "%.*s$%.*s", STR_FMT(r->name), STR_FMT(fields[i]->db_name));
        uint32_t slot = wb_bind(b, name, cc_map_field(c, fields[i]->db_name, cc_get(c, r->slot)));
        v[i] = cc_var(c, slot, name);
        v[i].to_datetime = fields[i]->type == SCALAR_DATETIME;
    }
    return v;
}

const pval *wb_identity(wblock *b, const wrow *r)
{
    wfields id = w_identity(r->model);
    return wb_cols(b, r, id.v, id.n);
}

nicol_str w_relation_kind(const schema_relation *r)
{
    switch (r->kind) {
    case RELATION_ONE_ONE:
        return S("one-to-one");
    case RELATION_ONE_MANY:
        return S("one-to-many");
    case RELATION_MANY_MANY:
        break;
    }
    return S("many-to-many");
}

wrow wb_require(wblock *b, const wrow *r, const wneed *need)
{
    if (r->sure) return *r;
    cc *c = b->c;
    plan_context ctx = {.model = need->model->name,
                        .relation = need->relation->relation->name,
                        .relation_type = w_relation_kind(need->relation->relation),
                        .operation = need->operation,
                        .needed_for = need->needed_for};
    const plan_node *x =
        cc_validate(c, cc_get(c, r->slot), (plan_rule){RULE_COUNT_NEQ, 0}, VIOLATION_MISSING_RELATED, &ctx);
    return wb_row(b, r->model, x, true);
}

const plan_node *w_must_exist(cc *c, const plan_node *x, nicol_str operation)
{
    plan_context ctx = {.operation = operation};
    return cc_validate(c, x, (plan_rule){RULE_COUNT_NEQ, 0}, VIOLATION_MISSING_RECORD, &ctx);
}

/* In these errors the model with the foreign key comes first. */
const plan_node *w_no_rows(cc *c, const plan_node *x, const schema_relation *r)
{
    plan_context ctx = {.relation = r->name, .model_a = r->model[1]->name, .model_b = r->model[0]->name};
    return cc_validate(c, x, (plan_rule){RULE_COUNT_EQ, 0}, VIOLATION_RELATION, &ctx);
}

/* The plan's arena goes with the failed plan, so the error's `meta` is put into the error object, behind its message. */
void w_fail_required(cc *c, const schema_relation *r)
{
    if (c->failed) return;
    c->failed = true;
    nicol_fail(
        c->err, NICOL_E_RELATION_VIOLATION,
        "The change you are trying to make would violate the required relation '%.*s' between the `%.*s` and `%.*s` models.",
        STR_FMT(r->name), STR_FMT(r->model[1]->name), STR_FMT(r->model[0]->name));
    nicol_str meta = arena_printf(c->a, "{\"relation\":\"%.*s\",\"modelA\":\"%.*s\",\"modelB\":\"%.*s\"}",
                                  STR_FMT(r->name), STR_FMT(r->model[1]->name), STR_FMT(r->model[0]->name));
    nicol_error *e = c->err;
    if (!e || !meta.ptr || e->message.ptr != e->text || e->message.len + 1 + meta.len >= sizeof e->text) return;
    char *at = e->text + e->message.len + 1;
    memcpy(at, meta.ptr, meta.len);
    e->meta = (nicol_str){at, meta.len};
}

/* --- operations on many rows -------------------------------------------------------------------------------------------- */

static bool select_counts(const query_select *sel)
{
    for (uint32_t i = 0; i < sel->items_n; i++) {
        if (sel->items[i].kind == SELECT_COUNT) return true;
    }
    return false;
}

static wfields select_fields(cc *c, const query_select *sel, bool with_id)
{
    wfields id = with_id ? w_identity(sel->model) : (wfields){0};
    wfields f = {0};
    f.v = cc_select_columns(c, sel, id.v, id.n, &f.n);
    if (!f.v) f.n = 0;
    return f;
}

/* Rows that a statement returned, completed with what the selection asks for beyond them. */
static const plan_node *complete(cc *c, const query_select *sel, const plan_node *rows, bool one)
{
    return cc_select_flat(sel) ? rows : cc_with_relations(c, sel, rows, one);
}

static const plan_node *create_many(cc *c)
{
    const query_op *op = c->op;
    const plan_node *x =
        w_insert(c, op->model, (const query_write *const *)op->rows, op->rows_n, NULL, 0, op->skip_duplicates, NULL);
    return cc_data_map(c, x, cc_shape_affected(c));
}

static const plan_node *create_many_return(cc *c)
{
    const query_op *op = c->op;
    wfields ret = select_fields(c, op->select, true);
    const plan_node *x =
        w_insert(c, op->model, (const query_write *const *)op->rows, op->rows_n, NULL, 0, op->skip_duplicates, &ret);
    return cc_data_map(c, complete(c, op->select, x, false), cc_shape(c, op->select));
}

/* An update that sets nothing: the reference counts what it would have updated on PostgreSQL, and nothing elsewhere. */
static const plan_node *found_count(cc *c, const schema_model *m, const wwhere *where)
{
    if (c->dialect != DIALECT_POSTGRESQL) return cc_value(c, cc_int(0));
    wfields id = w_identity(m);
    const plan_node *query = w_select(c, m, &id, where);
    plan_node *n = CC_NEW(c, plan_node);
    if (!query || !n) return NULL;
    *n = (plan_node){.type = PLAN_EXECUTE, .u.stmt = query->u.stmt};
    return n;
}

static const plan_node *update_many(cc *c)
{
    const query_op *op = c->op;
    wblock b;
    wb_open(c, &b);
    bool rows = op->action == QUERY_UPDATE_MANY_RETURN;
    wwhere where = {.filter = op->find.where, .has_limit = op->has_limit, .limit = op->limit};
    uint32_t n = 0;
    const wassign *v = w_assigns(c, op->update, NULL, 0, &n);
    wfields ret = rows ? select_fields(c, op->select, true) : (wfields){0};
    const plan_node *x;
    if (n) {
        w_before_update(&b, op->model, v, n, &where, true);
        x = w_update(c, op->model, v, n, &where, rows ? &ret : NULL);
    } else if (rows) {
        x = w_select(c, op->model, &ret, &where);
    } else {
        x = found_count(c, op->model, &where);
    }
    if (rows) {
        x = wb_close(&b, complete(c, op->select, x, false));
        return cc_data_map(c, x, cc_shape(c, op->select));
    }
    return cc_data_map(c, wb_close(&b, x), cc_shape_affected(c));
}

static const plan_node *delete_many(cc *c)
{
    const query_op *op = c->op;
    wblock b;
    wb_open(c, &b);
    wwhere where = {.filter = op->find.where, .has_limit = op->has_limit, .limit = op->limit};
    w_before_delete(&b, op->model, &where, true);
    return cc_data_map(c, wb_close(&b, w_delete(c, op->model, &where, NULL)), cc_shape_affected(c));
}

/* --- operations on one row ------------------------------------------------------------------------------------------------ */

/* Nested writes that run after the row itself: they may change what a selection of it shows. */
static bool has_later(const query_write *w)
{
    for (uint32_t i = 0; i < w->nested_n; i++) {
        if (!w_is_inline(&w->nested[i])) return true;
    }
    return false;
}

/* Can the statement that writes the row give the answer, but for the relations in it? */
static bool answers(const query_write *w, const query_select *sel)
{
    return !has_later(w) && !select_counts(sel);
}

static const plan_node *read_back(wblock *b, const query_select *sel, const wrow *row)
{
    wfields id = w_identity(row->model);
    const pval *v = wb_cols(b, row, id.v, id.n);
    return cc_read_back(b->c, sel, id.v, v, id.n, true);
}

/* The answer for a row that was just written with the columns that its selection (or re-reading it) needs. */
static const plan_node *answer(wblock *b, const query_write *w, const query_select *sel, const wrow *row,
                               nicol_str operation)
{
    cc *c = b->c;
    wrow r = *row;
    const plan_node *x = r.sure ? cc_get(c, r.slot) : w_must_exist(c, cc_get(c, r.slot), operation);
    if (answers(w, sel) && cc_select_flat(sel)) return x;
    if (!r.sure) r = wb_row(b, r.model, x, true);
    return answers(w, sel) ? complete(c, sel, cc_get(c, r.slot), true) : read_back(b, sel, &r);
}

static wfields answer_fields(cc *c, const query_write *w, const query_select *sel)
{
    return answers(w, sel) ? select_fields(c, sel, true) : w_identity(sel->model);
}

static const plan_node *create_one(cc *c)
{
    const query_op *op = c->op;
    wblock b;
    wb_open(c, &b);
    wfields ret = answer_fields(c, op->create, op->select);
    wrow row = w_create_row(&b, op->create, NULL, 0, &ret);
    const plan_node *x = answer(&b, op->create, op->select, &row, S("a query"));
    return cc_data_map(c, wb_close(&b, x), cc_shape(c, op->select));
}

static const plan_node *update_one(cc *c)
{
    const query_op *op = c->op;
    wblock b;
    wb_open(c, &b);
    wwhere where = {.filter = op->find.where};
    wfields ret = answer_fields(c, op->update, op->select);
    wrow row = w_update_row(&b, op->update, &where, &ret, NULL);
    const plan_node *x = answer(&b, op->update, op->select, &row, S("an update"));
    return cc_data_map(c, wb_close(&b, x), cc_shape(c, op->select));
}

static const plan_node *delete_one(cc *c)
{
    const query_op *op = c->op;
    wblock b;
    wb_open(c, &b);
    wwhere where = {.filter = op->find.where};
    const plan_node *x;
    if (cc_select_flat(op->select)) {
        w_before_delete(&b, op->model, &where, false);
        wfields ret = select_fields(c, op->select, false);
        if (ret.n == 0) ret = w_identity(op->model);
        x = w_must_exist(c, cc_unique(c, w_delete(c, op->model, &where, &ret)), S("a delete"));
    } else {
        wrow row = wb_row(&b, op->model, cc_read_where(c, op->select, op->find.where, true), false);
        wb_do(&b, w_must_exist(c, cc_get(c, row.slot), S("a delete")));
        w_before_delete(&b, op->model, &where, false);
        wb_do(&b, w_delete(c, op->model, &where, NULL));
        x = cc_get(c, row.slot);
    }
    return cc_data_map(c, wb_close(&b, x), cc_shape(c, op->select));
}

/* --- upsert ------------------------------------------------------------------------------------------------------------------ */

/* Collects the equalities of a filter that is a conjunction of them. */
static bool equalities(const query_filter *f, const query_filter **out, uint32_t *n, uint32_t max)
{
    if (!f) return true;
    if (f->kind == QFILTER_AND) {
        for (uint32_t i = 0; i < f->kids_n; i++) {
            if (!equalities(f->kids[i], out, n, max)) return false;
        }
        return true;
    }
    if (f->kind != QFILTER_SCALAR || f->op != QOP_EQ || f->insensitive || f->has_path || f->value.kind != QVAL_PARAM ||
        *n == max) {
        return false;
    }
    out[(*n)++] = f;
    return true;
}

static const query_set *set_of(const query_write *w, const schema_field *f)
{
    for (uint32_t i = 0; i < w->sets_n; i++) {
        if (w->sets[i].field == f) return &w->sets[i];
    }
    return NULL;
}

#define UPSERT_KEY_MAX 16

/* The unique key that the filter is exactly, with the values that create would insert: then the database itself can
 * decide between the two, in one statement. */
static const schema_index *conflict_key(cc *c, const query_filter *where, const query_write *create)
{
    const query_filter *eq[UPSERT_KEY_MAX];
    uint32_t n = 0;
    if (!equalities(where, eq, &n, UPSERT_KEY_MAX) || n == 0) return NULL;
    const schema_model *m = create->model;
    const schema_index *found = NULL;
    for (size_t i = 0; i < m->indexes_n && !found; i++) {
        const schema_index *x = &m->indexes[i];
        if ((x->kind != INDEX_ID && x->kind != INDEX_UNIQUE) || x->fields_n != n) continue;
        uint32_t hit = 0;
        for (size_t k = 0; k < x->fields_n; k++) {
            for (uint32_t j = 0; j < n; j++) hit += eq[j]->field == x->fields[k];
        }
        if (hit == n) found = x;
    }
    if (!found) return NULL;
    for (uint32_t j = 0; j < n; j++) {
        const query_set *s = set_of(create, eq[j]->field);
        if (!s || s->op != SET_VALUE || !w_same_value(c, &s->value, &eq[j]->value)) return NULL;
    }
    return found;
}

static const plan_node *upsert_native(cc *c, const schema_index *key)
{
    const query_op *op = c->op;
    wblock b;
    wb_open(c, &b);
    bool direct = !select_counts(op->select);
    wfields ret = direct ? select_fields(c, op->select, true) : w_identity(op->model);
    const plan_node *x = cc_unique(c, w_insert_or_update(c, op->create, op->update, key, op->find.where, &ret));
    if (cc_select_flat(op->select)) return cc_data_map(c, x, cc_shape(c, op->select));
    wrow row = wb_row(&b, op->model, x, true);
    x = direct ? complete(c, op->select, cc_get(c, row.slot), true) : read_back(&b, op->select, &row);
    return cc_data_map(c, wb_close(&b, x), cc_shape(c, op->select));
}

static const plan_node *upsert_one(cc *c)
{
    const query_op *op = c->op;
    if (op->create->nested_n == 0 && op->update->nested_n == 0 && c->d->upsert_on_conflict && c->d->returning &&
        !op->schema->relation_mode_emulated) {
        const schema_index *key = conflict_key(c, op->find.where, op->create);
        if (key) return upsert_native(c, key);
    }
    wblock b, then, otherwise;
    wb_open(c, &b);
    wwhere where = {.filter = op->find.where};
    wfields id = w_identity(op->model);
    wrow cur = wb_row(&b, op->model, cc_unique(c, w_select(c, op->model, &id, &where)), false);

    wb_open(c, &then);
    wwhere same = {.filter = op->find.where, .keys = id.v, .keys_n = id.n, .vals = wb_identity(&then, &cur)};
    wfields ret = answer_fields(c, op->update, op->select);
    wrow row = w_update_row(&then, op->update, &same, &ret, NULL);
    const plan_node *updated = answer(&then, op->update, op->select, &row, S("an upsert"));
    updated = wb_close(&then, updated);

    wb_open(c, &otherwise);
    ret = answer_fields(c, op->create, op->select);
    row = w_create_row(&otherwise, op->create, NULL, 0, &ret);
    const plan_node *created = answer(&otherwise, op->create, op->select, &row, S("an upsert"));
    created = wb_close(&otherwise, created);

    const plan_node *x = cc_if(c, cc_get(c, cur.slot), (plan_rule){RULE_COUNT_NEQ, 0}, updated, created);
    return cc_data_map(c, wb_close(&b, x), cc_shape(c, op->select));
}

/* --- entry ----------------------------------------------------------------------------------------------------------------------- */

static const plan_node *by_action(cc *c)
{
    switch (c->op->action) {
    case QUERY_CREATE_ONE:
        return create_one(c);
    case QUERY_CREATE_MANY:
        return create_many(c);
    case QUERY_CREATE_MANY_RETURN:
        return create_many_return(c);
    case QUERY_UPDATE_ONE:
        return update_one(c);
    case QUERY_UPDATE_MANY:
    case QUERY_UPDATE_MANY_RETURN:
        return update_many(c);
    case QUERY_UPSERT_ONE:
        return upsert_one(c);
    case QUERY_DELETE_ONE:
        return delete_one(c);
    case QUERY_DELETE_MANY:
        return delete_many(c);
    case QUERY_FIND_UNIQUE:
    case QUERY_FIND_UNIQUE_OR_THROW:
    case QUERY_FIND_FIRST:
    case QUERY_FIND_FIRST_OR_THROW:
    case QUERY_FIND_MANY:
    case QUERY_AGGREGATE:
    case QUERY_GROUP_BY:
    case QUERY_RAW:
    case QUERY_EXECUTE_RAW:
    case QUERY_ACTION_N:
        break;
    }
    c->failed = true;
    nicol_fail(c->err, NICOL_E_INTERNAL, "the write compiler was given a reading action");
    return NULL;
}

const plan_node *cc_compile_write(cc *c)
{
    const plan_node *x = by_action(c);
    c->p->writes = true;
    return c->p->statements_n > 1 ? cc_transaction(c, x) : x;
}
