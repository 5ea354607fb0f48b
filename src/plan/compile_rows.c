/* plan/compile_rows.c - one row with everything nested in it: what must stand before the row (rows that its own foreign
 * keys refer to), the row, and what hangs on it.
 */
#include "plan/compile_write_int.h"

/* --- foreign keys of the row itself ----------------------------------------------------------------------------------- */

bool w_is_inline(const query_nested *n)
{
    if (n->field->relation->kind == RELATION_MANY_MANY || !schema_holds_fk(n->field)) return false;
    return n->kind == NESTED_CREATE || n->kind == NESTED_CONNECT || n->kind == NESTED_CONNECT_OR_CREATE;
}

uint32_t w_inline_columns(const query_write *w)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->nested_n; i++) {
        if (w_is_inline(&w->nested[i])) n += (uint32_t)w->nested[i].field->relation->fk_n;
    }
    return n;
}

bool w_has_inline(const query_write *w)
{
    for (uint32_t i = 0; i < w->nested_n; i++) {
        if (w_is_inline(&w->nested[i]) && w->nested[i].items_n) return true;
    }
    return false;
}

static wneed inline_need(cc *c, const query_nested *n, bool creating)
{
    const schema_relation *r = n->field->relation;
    const schema_model *m = n->field->model;
    bool one = r->kind == RELATION_ONE_ONE;
    wneed need = {.relation = n->field, .model = n->field->target};
    if (n->kind == NESTED_CREATE) {
        need.operation = S("a nested create");
        need.needed_for = cc_printf(
            c, one ? "create inlined relation for '%.*s' record(s)" : "inline the relation on '%.*s' record(s)",
            STR_FMT(m->name));
    } else {
        need.operation = n->kind == NESTED_CONNECT ? S("a nested connect") : S("a nested connect or create");
        if (one && !creating) return need;
        need.needed_for = cc_printf(c,
                                    one ? "create or connect inlined relation for '%.*s' record(s)"
                                        : "inline the relation on '%.*s' record(s)",
                                    STR_FMT(m->name));
    }
    return need;
}

/* The row that the foreign key will refer to. */
static wrow referred(wblock *b, const query_nested *n, const wfields *ref, bool creating)
{
    cc *c = b->c;
    const query_nested_item *it = &n->items[0];
    wfields fields = w_identity(n->field->target);
    w_fields_add(c, &fields, ref->v, ref->n);
    if (n->kind == NESTED_CREATE) return w_create_row(b, it->create, NULL, 0, &fields);
    wwhere where = {.filter = it->where};
    wrow cur = wb_row(b, n->field->target, cc_unique(c, w_select(c, n->field->target, &fields, &where)), false);
    if (n->kind == NESTED_CONNECT_OR_CREATE) {
        wblock other;
        wb_open(c, &other);
        wrow made = w_create_row(&other, it->create, NULL, 0, &fields);
        const plan_node *x = wb_close(&other, cc_get(c, made.slot));
        x = cc_if(c, cc_get(c, cur.slot), (plan_rule){RULE_COUNT_NEQ, 0}, cc_get(c, cur.slot), x);
        return wb_row(b, n->field->target, x, true);
    }
    wneed need = inline_need(c, n, creating);
    return wb_require(b, &cur, &need);
}

/* One-to-one: the row that referred to the same row until now must let it go, or may not. */
static void release_other(wblock *b, const schema_relation *r, const pval *ref, const wwhere *self)
{
    cc *c = b->c;
    wwhere other = {.keys = r->fk, .vals = ref, .keys_n = (uint32_t)r->fk_n, .but = self};
    if (r->fk_required) {
        wfields id = w_identity(r->model[1]);
        wb_do(b, w_no_rows(c, w_select(c, r->model[1], &id, &other), r));
    } else {
        wb_do(b, w_clear_fk(c, r, &other));
    }
}

/* Writes to `out` the foreign key columns that nested create, connect and connectOrCreate give to a row of w.
 * self: the row that is updated; NULL when it is new. The last field comes first: rows of one table that are made so get their ids
 * in the reference's order. */
uint32_t w_inline(wblock *b, const query_write *w, const wwhere *self, wassign *out)
{
    uint32_t n = 0;
    for (uint32_t i = w->nested_n; i-- > 0;) {
        const query_nested *x = &w->nested[i];
        if (!w_is_inline(x) || x->items_n == 0) continue;
        const schema_relation *r = x->field->relation;
        wfields ref = {r->ref, (uint32_t)r->fk_n};
        wrow row = referred(b, x, &ref, !self);
        const pval *v = wb_cols(b, &row, ref.v, ref.n);
        if (!v) return n;
        /* A connectOrCreate does not ask whether the row hangs there already. */
        if (r->kind == RELATION_ONE_ONE && x->kind != NESTED_CREATE) {
            release_other(b, r, v, x->kind == NESTED_CONNECT || !r->fk_required ? self : NULL);
        }
        for (size_t k = 0; k < r->fk_n; k++) out[n++] = (wassign){.field = r->fk[k], .op = SET_VALUE, .v = v[k]};
    }
    return n;
}

/* One-to-one: an update whose own foreign key a nested connect decides misses its row by another name than others. */
static wrow require_updated(wblock *b, const query_write *w, const wrow *row)
{
    wrow r = *row;
    for (uint32_t i = 0; i < w->nested_n && !r.sure; i++) {
        const query_nested *n = &w->nested[i];
        if (!w_is_inline(n) || n->kind == NESTED_CREATE || n->field->relation->kind != RELATION_ONE_ONE) continue;
        bool connect = n->kind == NESTED_CONNECT;
        const schema_model *from = connect ? n->field->target : w->model;
        wneed need = {.relation = n->field,
                      .model = connect ? w->model : n->field->target,
                      .operation = connect ? S("a nested connect") : S("a nested connect or create"),
                      .needed_for =
                          cc_printf(b->c, "update inlined relation for '%.*s' record(s)", STR_FMT(from->name))};
        r = wb_require(b, &r, &need);
    }
    return r;
}

/* One-to-one: a row to connect is looked for before the new row that it will refer to is made. */
static const wrow *look_ahead(wblock *b, const query_write *w)
{
    wrow *rows = CC_ARRAY(b->c, w->nested_n, wrow);
    for (uint32_t i = 0; rows && i < w->nested_n; i++) {
        const query_nested *n = &w->nested[i];
        if (n->kind != NESTED_CONNECT || w_is_inline(n) || n->field->relation->kind != RELATION_ONE_ONE ||
            n->items_n == 0)
            continue;
        wnested x = {.b = b, .n = n, .r = n->field->relation, .child = n->field->target, .creating = true};
        wneed need =
            w_need(&x, x.child, S("a nested connect"),
                   cc_printf(b->c, "create or connect inlined relation for '%.*s' record(s)", STR_FMT(w->model->name)));
        wrow row = w_nested_current(b, &x, n->items[0].where, false, NULL);
        rows[i] = wb_require(b, &row, &need);
    }
    return rows;
}

/* --- the row ------------------------------------------------------------------------------------------------------------ */

wrow w_create_row(wblock *b, const query_write *w, const wassign *fixed, uint32_t fixed_n, const wfields *ret)
{
    cc *c = b->c;
    wrow none = {.model = w->model};
    wassign *all = CC_ARRAY(c, fixed_n + w_inline_columns(w), wassign);
    if (!all || !cc_enter(c)) return none;
    uint32_t n = w_inline(b, w, NULL, all);
    for (uint32_t i = 0; i < fixed_n; i++) all[n++] = fixed[i];
    const wrow *ahead = look_ahead(b, w);
    wfields fields = w_row_fields(c, w, ret);
    const plan_node *x = w_insert(c, w->model, &w, 1, all, n, false, &fields);
    wrow row = wb_row(b, w->model, cc_unique(c, x), true);
    if (ahead) w_nested(b, w, &row, ahead);
    cc_leave(c);
    return row;
}

wrow w_update_row(wblock *b, const query_write *w, const wwhere *where, const wfields *ret, const wneed *need)
{
    cc *c = b->c;
    wrow none = {.model = w->model};
    wassign *own = CC_ARRAY(c, w_inline_columns(w), wassign);
    if (!own || !cc_enter(c)) return none;
    uint32_t n = 0, own_n = w_inline(b, w, where, own);
    const wassign *v = w_assigns(c, w, own, own_n, &n);
    wfields fields = w_row_fields(c, w, ret);
    const plan_node *x;
    if (n) {
        w_before_update(b, w->model, v, n, where, false);
        x = w_update(c, w->model, v, n, where, &fields);
    } else {
        x = w_select(c, w->model, &fields, where);
    }
    wrow row = wb_row(b, w->model, cc_unique(c, x), false);
    if (need) {
        row = wb_require(b, &row, need);
    } else if (c->op->schema->relation_mode_emulated) { /* the reference reads the row first then */
        row = wb_row(b, w->model, w_must_exist(c, cc_get(c, row.slot), S("an update")), true);
    }
    row = require_updated(b, w, &row);
    w_nested(b, w, &row, NULL);
    cc_leave(c);
    return row;
}
