/* plan/compile_no_returning.c - rows that a write gives back, on databases without RETURNING.
 *
 * What the other databases say in one statement takes two or three here: the row is found (and locked), written by its key,
 * and read again by the key that it then has. A new row's key is known beforehand, or is the number that the database has
 * just given out. All of it runs in one transaction, as any plan of several statements that writes.
 */
#include "plan/compile_write_int.h"

static const plan_node *read_by_key(cc *c, const schema_model *m, const wfields *ret, const pval *key)
{
    wfields id = w_identity(m);
    wwhere self = {.keys = id.v, .keys_n = id.n, .vals = key};
    return w_select(c, m, ret, &self);
}

static bool only_key(const wfields *ret, const wfields *id)
{
    for (uint32_t i = 0; i < ret->n; i++) {
        bool in = false;
        for (uint32_t k = 0; k < id->n && !in; k++) in = id->v[k] == ret->v[i];
        if (!in) return false;
    }
    return true;
}

static bool fail_key(cc *c, const schema_field *f)
{
    if (c->failed) return false;
    c->failed = true;
    return nicol_fail(
        c->err, NICOL_E_UNSUPPORTED,
        "The field `%.*s` is part of the key and its value is made by an expression of the database: this "
        "database cannot tell which row was made. Give the field a value, or another default",
        STR_FMT(f->name));
}

/* --- insert ----------------------------------------------------------------------------------------------------------- */

/* One row. Its key's values are taken into variables, so that the row can be found by what was written. */
static const plan_node *insert_one(cc *c, const query_write *w, const wassign *fixed, uint32_t fixed_n,
                                   bool skip_duplicates, const wfields *ret)
{
    const schema_model *m = w->model;
    wfields id = w_identity(m);
    wassign *all = CC_ARRAY(c, fixed_n + id.n, wassign);
    plan_init_field *key = CC_ARRAY(c, id.n, plan_init_field);
    if (!all || !key) return NULL;
    wblock b;
    wb_open(c, &b);
    uint32_t n = 0;
    for (uint32_t i = 0; i < id.n; i++) {
        const schema_field *f = id.v[i];
        wassign a;
        key[i].name = f->db_name;
        if (!w_new_value(c, w, fixed, fixed_n, f, &a)) {
            key[i].last_id = f->def->kind == DEFAULT_AUTOINCREMENT;
            if (!key[i].last_id && !fail_key(c, f)) return NULL;
            continue;
        }
        nicol_str name = cc_printf(c, "new$%.*s", STR_FMT(f->db_name));
        uint32_t slot = wb_bind(&b, name, cc_value(c, a.v));
        a.v = key[i].value = cc_var(c, slot, name);
        all[n++] = a;
    }
    for (uint32_t i = 0; i < fixed_n; i++) {
        bool in_key = false;
        for (uint32_t k = 0; k < id.n && !in_key; k++) in_key = id.v[k] == fixed[i].field;
        if (!in_key) all[n++] = fixed[i];
    }
    const plan_node *made = cc_init_record(c, w_insert(c, m, &w, 1, all, n, skip_duplicates, NULL), key, id.n);
    if (only_key(ret, &id)) return wb_close(&b, made);
    wrow row = wb_row(&b, m, made, true);
    return wb_close(&b, read_by_key(c, m, ret, wb_cols(&b, &row, id.v, id.n)));
}

const plan_node *w_insert_then_read(cc *c, const query_write *const *rows, uint32_t rows_n, const wassign *fixed,
                                    uint32_t fixed_n, bool skip_duplicates, const wfields *ret)
{
    const plan_node **list = CC_ARRAY(c, rows_n, const plan_node *);
    for (uint32_t i = 0; list && i < rows_n && !c->failed; i++)
        list[i] = insert_one(c, rows[i], fixed, fixed_n, skip_duplicates, ret);
    if (!list || c->failed) return NULL;
    return rows_n == 1 ? list[0] : cc_concat(c, list, rows_n);
}

/* --- update ----------------------------------------------------------------------------------------------------------- */

static const wassign *assigned_to(const wassign *v, uint32_t n, const schema_field *f)
{
    for (uint32_t i = 0; i < n; i++) {
        if (v[i].field == f) return &v[i];
    }
    return NULL;
}

static plan_field_op field_op(query_set_op op)
{
    switch (op) {
    case SET_INCREMENT:
        return OP_ADD;
    case SET_DECREMENT:
        return OP_SUBTRACT;
    case SET_MULTIPLY:
        return OP_MULTIPLY;
    case SET_DIVIDE:
        return OP_DIVIDE;
    case SET_VALUE:
    case SET_PUSH:
        break;
    }
    return OP_SET;
}

/* The key that the row has after the update. */
static wrow key_after(wblock *b, const wrow *row, const wassign *v, uint32_t n)
{
    cc *c = b->c;
    wfields id = w_identity(row->model);
    plan_init_field *change = CC_ARRAY(c, id.n, plan_init_field);
    uint32_t changed = 0;
    for (uint32_t i = 0; change && i < id.n; i++) {
        const wassign *a = assigned_to(v, n, id.v[i]);
        if (!a) continue;
        change[changed++] =
            (plan_init_field){.name = id.v[i]->db_name, .op = field_op(a->op), .value = a->null ? cc_null() : a->v};
    }
    if (changed == 0) return *row;
    return wb_row(b, row->model, cc_map_record(c, cc_get(c, row->slot), change, changed), row->sure);
}

/* One row, or none. */
const plan_node *w_update_then_read(cc *c, const schema_model *m, const wassign *v, uint32_t n, const wwhere *w,
                                    const wfields *ret)
{
    wblock b;
    wb_open(c, &b);
    wfields id = w_identity(m);
    wrow row = wb_row(&b, m, cc_unique(c, w_select_locked(c, m, &id, w)), false);
    wwhere self = {.keys = id.v, .keys_n = id.n, .vals = wb_cols(&b, &row, id.v, id.n)};
    if (!self.vals) return NULL;
    wb_do(&b, w_update(c, m, v, n, &self, NULL));
    wrow after = key_after(&b, &row, v, n);
    if (only_key(ret, &id)) return wb_close(&b, cc_get(c, after.slot));
    return wb_close(&b, read_by_key(c, m, ret, wb_cols(&b, &after, id.v, id.n)));
}

/* --- delete ----------------------------------------------------------------------------------------------------------- */

const plan_node *w_read_then_delete(cc *c, const schema_model *m, const wwhere *w, const wfields *ret)
{
    wblock b;
    wb_open(c, &b);
    wrow rows = wb_row(&b, m, w_select_locked(c, m, ret, w), false);
    wb_do(&b, w_delete(c, m, w, NULL));
    return wb_close(&b, cc_get(c, rows.slot));
}
