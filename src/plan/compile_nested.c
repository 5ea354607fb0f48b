/* plan/compile_nested.c - writes nested in a write: the ways in, the kinds that are alike for all relations, and those
 * over a foreign key on the child. compile_nested_other.c has the rest.
 *
 * "Parent" is the row whose data holds the nested write, "child" the related model's row, whichever of them has the
 * foreign key.
 */
#include "plan/compile_write_int.h"

/* --- shared by all kinds ---------------------------------------------------------------------------------------------------- */

wneed w_need(const wnested *x, const schema_model *m, nicol_str operation, nicol_str needed_for)
{
    return (wneed){.relation = x->n->field, .model = m, .operation = operation, .needed_for = needed_for};
}

/* The parent's side of the relation, as variables of this block. */
const pval *w_parent_vals(wblock *b, const wnested *x)
{
    cc_link link;
    cc_link_columns(x->n->field, &link);
    return wb_cols(b, x->parent, link.parent, link.n);
}

/* The parent's columns when the parent must be there. */
static const pval *required_parent(wblock *b, const wnested *x, nicol_str operation, nicol_str needed_for)
{
    wneed need = w_need(x, x->parent->model, operation, needed_for);
    wrow parent = wb_require(b, x->parent, &need);
    cc_link link;
    cc_link_columns(x->n->field, &link);
    return wb_cols(b, &parent, link.parent, link.n);
}

wrow w_nested_current(wblock *b, const wnested *x, const query_filter *filter, bool related, const wfields *fields)
{
    cc *c = b->c;
    wwhere where = {.filter = filter};
    if (related) {
        where.link = x->n->field;
        where.link_vals = w_parent_vals(b, x);
    }
    wfields f = w_identity(x->child);
    if (fields) w_fields_add(c, &f, fields->v, fields->n);
    return wb_row(b, x->child, cc_unique(c, w_select(c, x->child, &f, &where)), false);
}

void w_choice_open(wchoice *k, const wnested *x, const query_filter *filter, bool related)
{
    wb_open(x->b->c, &k->look);
    wb_open(x->b->c, &k->found);
    wb_open(x->b->c, &k->missing);
    k->row = w_nested_current(&k->look, x, filter, related, NULL);
}

void w_choice_update(wchoice *k, const wnested *x, const query_write *update)
{
    wfields id = w_identity(x->child);
    wwhere self = {.keys = id.v, .keys_n = id.n, .vals = wb_identity(&k->found, &k->row)};
    w_update_row(&k->found, update, &self, NULL, NULL);
}

void w_choice_close(wchoice *k, const wnested *x)
{
    cc *c = x->b->c;
    const plan_node *then = wb_close(&k->found, NULL), *otherwise = wb_close(&k->missing, NULL);
    wb_do(&k->look, cc_if(c, cc_get(c, k->row.slot), (plan_rule){RULE_COUNT_NEQ, 0}, then, otherwise));
    wb_do(x->b, wb_close(&k->look, NULL));
}

void w_nested_update(const wnested *x, const query_nested_item *it)
{
    cc *c = x->b->c;
    wblock b;
    if (it->update->sets_n == 0 && it->update->nested_n == 0) return; /* not even a missing row is an error then */
    wb_open(c, &b);
    wwhere where = {.filter = it->where, .link = x->n->field, .link_vals = w_parent_vals(&b, x)};
    wneed need = w_need(x, x->child, S("a nested update"), (nicol_str){0});
    w_update_row(&b, it->update, &where, NULL, &need);
    wb_do(x->b, wb_close(&b, NULL));
}

void w_nested_update_many(const wnested *x, const query_nested_item *it)
{
    cc *c = x->b->c;
    uint32_t n = 0;
    const wassign *v = w_assigns(c, it->update, NULL, 0, &n);
    if (n == 0) return;
    wblock b;
    wb_open(c, &b);
    wwhere where = {.filter = it->where, .link = x->n->field, .link_vals = w_parent_vals(&b, x)};
    w_before_update(&b, x->child, v, n, &where, true);
    wb_do(&b, w_update(c, x->child, v, n, &where, NULL));
    wb_do(x->b, wb_close(&b, NULL));
}

void w_nested_delete_many(const wnested *x, const query_nested_item *it)
{
    cc *c = x->b->c;
    wblock b;
    wb_open(c, &b);
    wwhere where = {.filter = it->where, .link = x->n->field, .link_vals = w_parent_vals(&b, x)};
    w_before_delete(&b, x->child, &where, false);
    wb_do(&b, w_delete(c, x->child, &where, NULL));
    wb_do(x->b, wb_close(&b, NULL));
}

static const query_nested_item *const *all_items(cc *c, const query_nested *n)
{
    const query_nested_item **v = CC_ARRAY(c, n->items_n, const query_nested_item *);
    for (uint32_t i = 0; v && i < n->items_n; i++) v[i] = &n->items[i];
    return v;
}

/* Of a list: as many rows as were named must hang on the parent (one named twice is missing once, as for the reference). Of a to-one relation: there must be one. */
void w_nested_delete(const wnested *x)
{
    cc *c = x->b->c;
    wblock b;
    if (x->n->items_n == 0) return;
    wb_open(c, &b);
    bool list = x->n->field->arity == ARITY_LIST;
    wfields id = w_identity(x->child);
    wwhere where = {0};
    if (list) {
        where = (wwhere){.link = x->n->field, .link_vals = w_parent_vals(&b, x), .has_any = true};
        where.any = all_items(c, x->n);
        where.any_n = where.any ? x->n->items_n : 0;
        plan_context ctx = {.relation = x->r->name, .parent = x->parent->model->name, .child = x->child->name};
        plan_rule rule = {RULE_COUNT_EQ, where.any_n};
        /* Looked at first: a row that refuses to go must not hide that another is not there. */
        wb_do(&b, cc_validate(c, w_select(c, x->child, &id, &where), rule, VIOLATION_NOT_CONNECTED, &ctx));
    } else {
        wrow cur = w_nested_current(&b, x, x->n->items[0].where, true, NULL);
        wneed need = w_need(x, x->child, S("a nested delete"), (nicol_str){0});
        cur = wb_require(&b, &cur, &need);
        where = (wwhere){.keys = id.v, .keys_n = id.n, .vals = wb_identity(&b, &cur)};
    }
    w_before_delete(&b, x->child, &where, false);
    wb_do(&b, w_delete(c, x->child, &where, NULL));
    wb_do(x->b, wb_close(&b, NULL));
}

/* --- the foreign key is on the child -------------------------------------------------------------------------------------------- */

static const wassign *fk_assigns(cc *c, const schema_relation *r, const pval *v)
{
    wassign *out = CC_ARRAY(c, r->fk_n, wassign);
    if (!out || !v) return NULL;
    for (size_t i = 0; i < r->fk_n; i++) out[i] = (wassign){.field = r->fk[i], .op = SET_VALUE, .v = v[i]};
    return out;
}

static nicol_str inline_text(const wnested *x)
{
    if (x->r->kind == RELATION_ONE_ONE) {
        return cc_printf(x->b->c, "create inlined relation for '%.*s' record(s)", STR_FMT(x->child->name));
    }
    return cc_printf(x->b->c, "inline the relation on '%.*s' record(s)", STR_FMT(x->parent->model->name));
}

/* One-to-one: the child that hangs on the parent now must let it go, or may not. */
static void release_current(wblock *b, const wnested *x)
{
    cc *c = b->c;
    if (x->r->kind != RELATION_ONE_ONE || x->creating) return;
    wwhere where = {.link = x->n->field, .link_vals = w_parent_vals(b, x)};
    if (x->r->fk_required) {
        wfields id = w_identity(x->child);
        wb_do(b, w_no_rows(c, w_select(c, x->child, &id, &where), x->r));
    } else {
        wb_do(b, w_clear_fk(c, x->r, &where));
    }
}

static void insert_child(wblock *b, const wnested *x, const query_write *w, nicol_str operation, nicol_str needed_for)
{
    const pval *v = required_parent(b, x, operation, needed_for);
    const wassign *fk = fk_assigns(b->c, x->r, v);
    if (fk) w_create_row(b, w, fk, (uint32_t)x->r->fk_n, NULL);
}

static void child_create_many(const wnested *x)
{
    cc *c = x->b->c;
    if (x->n->items_n == 0) return;
    const query_write **rows = CC_ARRAY(c, x->n->items_n, const query_write *);
    if (!rows) return;
    for (uint32_t i = 0; i < x->n->items_n; i++) rows[i] = x->n->items[i].create;
    wblock b;
    wb_open(c, &b);
    const pval *v = required_parent(&b, x, S("a nested create"), inline_text(x));
    const wassign *fk = fk_assigns(c, x->r, v);
    if (!fk) return;
    wb_do(&b, w_insert(c, x->child, rows, x->n->items_n, fk, (uint32_t)x->r->fk_n, x->n->skip_duplicates, NULL));
    wb_do(x->b, wb_close(&b, NULL));
}

static void child_create(const wnested *x)
{
    bool plain = x->n->items_n > 1 && x->n->field->arity == ARITY_LIST;
    for (uint32_t i = 0; i < x->n->items_n && plain; i++) plain = x->n->items[i].create->nested_n == 0;
    if (plain) {
        child_create_many(x); /* rows with nothing below them go in together */
        return;
    }
    for (uint32_t i = 0; i < x->n->items_n; i++) {
        wblock b;
        wb_open(x->b->c, &b);
        release_current(&b, x);
        insert_child(&b, x, x->n->items[i].create, S("a nested create"), inline_text(x));
        w_nested_made(x, x->n->items[i].create, wb_close(&b, NULL));
    }
}

static void child_connect_list(const wnested *x)
{
    cc *c = x->b->c;
    uint32_t n = 0;
    wblock b;
    wb_open(c, &b);
    const query_nested_item *const *items = w_distinct_items(c, x->n, &n);
    if (n == 0) return;
    nicol_str needed = cc_printf(c, "inline the relation on '%.*s' record(s)", STR_FMT(x->child->name));
    const pval *v = required_parent(&b, x, S("a nested connect"), needed);
    wwhere where = {.any = items, .any_n = n, .has_any = true};
    plan_context ctx = {.expected_rows = n, .relation = x->r->name, .relation_type = w_relation_kind(x->r)};
    const plan_node *done = v ? w_set_fk(c, x->r, v, &where) : NULL;
    wb_do(&b, cc_validate(c, done, (plan_rule){RULE_AFFECTED_EQ, n}, VIOLATION_CONNECT_OUTPUT, &ctx));
    wb_do(x->b, wb_close(&b, NULL));
}

/* One-to-one, the child row is in `row`: moves it to the parent unless it hangs there already. */
static void attach(wblock *b, const wnested *x, const wrow *row, nicol_str operation)
{
    cc *c = b->c;
    wfields id = w_identity(x->child);
    wwhere self = {.keys = id.v, .keys_n = id.n, .vals = wb_identity(b, row)};
    bool finds = x->n->kind == NESTED_CONNECT_OR_CREATE && x->r->kind == RELATION_ONE_ONE;
    nicol_str needed =
        cc_printf(c, "%s '%.*s' record(s)", finds ? "find" : "update inlined relation for", STR_FMT(x->child->name));
    if (x->creating || x->r->kind != RELATION_ONE_ONE) {
        const pval *v = required_parent(b, x, operation, needed);
        if (v) wb_do(b, w_set_fk(c, x->r, v, &self));
        return;
    }
    wrow now = w_nested_current(b, x, NULL, true, NULL);
    nicol_str *columns = CC_ARRAY(c, id.n, nicol_str);
    if (!columns) return;
    for (uint32_t i = 0; i < id.n; i++) columns[i] = id.v[i]->db_name;
    const plan_node *other = cc_diff(c, cc_get(c, row->slot), cc_get(c, now.slot), columns, id.n);
    wblock move;
    wb_open(c, &move);
    release_current(&move, x);
    const pval *v = required_parent(&move, x, operation, needed);
    if (v) wb_do(&move, w_set_fk(c, x->r, v, &self));
    wb_do(b, cc_if(c, other, (plan_rule){RULE_COUNT_NEQ, 0}, wb_close(&move, NULL), cc_unit(c)));
}

static void child_connect_one(const wnested *x)
{
    cc *c = x->b->c;
    if (x->n->items_n == 0) return;
    wblock b;
    wb_open(c, &b);
    if (x->found) {
        attach(&b, x, x->found, S("a nested connect"));
    } else {
        wrow row = w_nested_current(&b, x, x->n->items[0].where, false, NULL);
        wneed need = w_need(x, x->child, S("a nested connect"), (nicol_str){0});
        row = wb_require(&b, &row, &need);
        attach(&b, x, &row, S("a nested connect"));
    }
    wb_do(x->b, wb_close(&b, NULL));
}

/* A new child takes no place that another one holds: one-to-one, that is a unique violation, as with the reference. */
static void child_connect_or_create(const wnested *x)
{
    for (uint32_t i = 0; i < x->n->items_n; i++) {
        const query_nested_item *it = &x->n->items[i];
        wchoice k;
        w_choice_open(&k, x, it->where, false);
        attach(&k.found, x, &k.row, S("a nested connect or create"));
        insert_child(&k.missing, x, it->create, S("a nested connect or create"), inline_text(x));
        w_choice_close(&k, x);
    }
}

static void child_disconnect(const wnested *x)
{
    cc *c = x->b->c;
    if (x->n->items_n == 0) return;
    if (x->r->fk_required) {
        w_fail_required(c, x->r);
        return;
    }
    wblock b;
    wb_open(c, &b);
    wwhere where = {.link = x->n->field, .link_vals = w_parent_vals(&b, x)};
    if (x->n->field->arity == ARITY_LIST) {
        where.any = w_distinct_items(c, x->n, &where.any_n);
        where.has_any = true;
    } else {
        where.filter = x->n->items[0].where;
    }
    wb_do(&b, w_clear_fk(c, x->r, &where));
    wb_do(x->b, wb_close(&b, NULL));
}

static void child_set(const wnested *x)
{
    cc *c = x->b->c;
    wblock b;
    wb_open(c, &b);
    wwhere old = {.link = x->n->field, .link_vals = w_parent_vals(&b, x), .none_of = true, .has_any = true};
    old.any = w_distinct_items(c, x->n, &old.any_n);
    if (old.any_n) {
        const pval *v = required_parent(&b, x, S("a nested set"), (nicol_str){0});
        wwhere here = {.link = x->n->field, .link_vals = v};
        wwhere now = {.any = old.any, .any_n = old.any_n, .has_any = true, .but = &here};
        if (v) wb_do(&b, w_set_fk(c, x->r, v, &now));
    }
    if (x->r->fk_required) {
        wfields id = w_identity(x->child);
        wb_do(&b, w_no_rows(c, w_select(c, x->child, &id, &old), x->r));
    } else {
        wb_do(&b, w_clear_fk(c, x->r, &old));
    }
    wb_do(x->b, wb_close(&b, NULL));
}

static void child_upsert(const wnested *x, const query_nested_item *it)
{
    cc *c = x->b->c;
    wchoice k;
    w_choice_open(&k, x, it->where, true);
    w_choice_update(&k, x, it->update);
    nicol_str needed = cc_printf(c, "update inlined relation for '%.*s' record(s)", STR_FMT(x->child->name));
    const pval *v = required_parent(&k.missing, x, S("a nested upsert"), needed);
    const wassign *fk = fk_assigns(c, x->r, v);
    if (fk) w_create_row(&k.missing, it->create, fk, (uint32_t)x->r->fk_n, NULL);
    w_choice_close(&k, x);
}

void w_nested_child(const wnested *x)
{
    bool list = x->n->field->arity == ARITY_LIST;
    switch (x->n->kind) {
    case NESTED_CREATE:
        child_create(x);
        return;
    case NESTED_CREATE_MANY:
        child_create_many(x);
        return;
    case NESTED_CONNECT:
        if (list) child_connect_list(x);
        else child_connect_one(x);
        return;
    case NESTED_CONNECT_OR_CREATE:
        child_connect_or_create(x);
        return;
    case NESTED_DISCONNECT:
        child_disconnect(x);
        return;
    case NESTED_SET:
        child_set(x);
        return;
    case NESTED_UPSERT:
        for (uint32_t i = 0; i < x->n->items_n; i++) child_upsert(x, &x->n->items[i]);
        return;
    case NESTED_UPDATE:
    case NESTED_UPDATE_MANY:
    case NESTED_DELETE:
    case NESTED_DELETE_MANY:
        return; /* w_nested did it */
    }
}

/* --- the way in -------------------------------------------------------------------------------------------------------------------- */

/* The kinds that need not know where the foreign key is. */
static bool common(const wnested *x)
{
    const query_nested *n = x->n;
    switch (n->kind) {
    case NESTED_UPDATE:
        for (uint32_t i = 0; i < n->items_n; i++) w_nested_update(x, &n->items[i]);
        return true;
    case NESTED_UPDATE_MANY:
        for (uint32_t i = 0; i < n->items_n; i++) w_nested_update_many(x, &n->items[i]);
        return true;
    case NESTED_DELETE:
        w_nested_delete(x);
        return true;
    case NESTED_DELETE_MANY:
        for (uint32_t i = 0; i < n->items_n; i++) w_nested_delete_many(x, &n->items[i]);
        return true;
    case NESTED_CREATE:
    case NESTED_CREATE_MANY:
    case NESTED_CONNECT:
    case NESTED_CONNECT_OR_CREATE:
    case NESTED_DISCONNECT:
    case NESTED_SET:
    case NESTED_UPSERT:
        break;
    }
    return false;
}

/* A new row whose own foreign keys are decided by writes nested in it waits until the end, as with the reference: databases
 * number the rows of a table as they come. */
void w_nested_made(const wnested *x, const query_write *w, const plan_node *made)
{
    if (w_has_inline(w)) x->late->v[x->late->n++] = made;
    else wb_do(x->b, made);
}

static bool may_come_late(const query_nested *n)
{
    return n->kind == NESTED_CREATE && !w_is_inline(n);
}

void w_nested(wblock *b, const query_write *w, const wrow *parent, const wrow *ahead)
{
    uint32_t made = 0;
    for (uint32_t i = 0; i < w->nested_n; i++) made += may_come_late(&w->nested[i]) ? w->nested[i].items_n : 0;
    wlate late = {.v = CC_ARRAY(b->c, made, const plan_node *)};
    if (!late.v) return;
    for (uint32_t i = 0; i < w->nested_n && !b->c->failed; i++) {
        const query_nested *n = &w->nested[i];
        if (w_is_inline(n)) continue;
        wnested x = {.b = b,
                     .late = &late,
                     .n = n,
                     .r = n->field->relation,
                     .child = n->field->target,
                     .parent = parent,
                     .creating = ahead != NULL};
        if (ahead && ahead[i].sure) x.found = &ahead[i];
        if (common(&x)) continue;
        if (x.r->kind == RELATION_MANY_MANY) w_nested_many(&x);
        else if (schema_holds_fk(n->field)) w_nested_parent(&x);
        else w_nested_child(&x);
    }
    while (late.n) wb_do(b, late.v[--late.n]);
}
