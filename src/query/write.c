/* query/write.c - the data of creates and updates, and the writes nested in them.
 *
 * A model's data comes in two forms: "checked" names relations, "unchecked" names the foreign key columns (and ids
 * that the database numbers). A row must be wholly of one form, and so must all rows of one nested list: `forms` says
 * which are still possible.
 *
 * Several kinds of nested write on one field run in the order in which the request names them: the reference walks the
 * object's keys, and so does the tree.
 */
#include "query/query_int.h"

typedef struct forms {
    bool checked, unchecked;
} forms;

typedef enum row_mode { ROW_CREATE, ROW_CREATE_MANY, ROW_UPDATE, ROW_UPDATE_MANY } row_mode;

static bool row(reader *r, json_val v, const schema_model *m, const schema_field *without, row_mode mode,
                query_write **out, forms *both);

static bool creates(row_mode mode)
{
    return mode == ROW_CREATE || mode == ROW_CREATE_MANY;
}

/* --- scalar columns --- */

static bool column_value(reader *r, const schema_field *f, json_val v, query_value *out)
{
    bool list = f->arity == ARITY_LIST, nullable = f->arity == ARITY_OPTIONAL;
    if (list && query_tag(v, NULL).len != 0) return false;
    if (!reader_value(r, v, f, list, nullable, out)) return false;
    if (f->type == SCALAR_JSON && !list) {
        if (out->kind == QVAL_ANY_NULL || (out->kind == QVAL_NULL && !nullable)) return false;
    }
    return true;
}

static bool is_operation(const schema_field *f, json_val v)
{
    if (json_kind(v) != JSON_OBJECT) return false;
    if (f->type == SCALAR_JSON && f->arity != ARITY_LIST) return false;
    return query_tag(v, NULL).len == 0;
}

static bool operation(reader *r, const schema_field *f, json_val v, row_mode mode, query_set *set)
{
    static const struct {
        const char *name;
        query_set_op op;
    } ops[] = {
        {"increment", SET_INCREMENT}, {"decrement", SET_DECREMENT}, {"multiply", SET_MULTIPLY}, {"divide", SET_DIVIDE}};
    bool list = f->arity == ARITY_LIST;
    if (json_count(v) != 1 || (creates(mode) && !list)) return false;
    json_iter it = json_first(v);
    if (!reader_more(r, &it)) return false;
    if (reader_key_is(it.key, "set")) return column_value(r, f, it.value, &set->value);
    if (creates(mode)) return false;
    if (list) {
        set->op = SET_PUSH;
        bool many = json_kind(it.value) == JSON_ARRAY;
        return reader_key_is(it.key, "push") && reader_value(r, it.value, f, many, false, &set->value);
    }
    for (size_t i = 0; i < sizeof ops / sizeof ops[0] && query_is_numeric(f->type); i++) {
        if (!reader_key_is(it.key, ops[i].name)) continue;
        set->op = ops[i].op;
        return reader_value(r, it.value, f, false, false, &set->value);
    }
    return false;
}

static bool column(reader *r, const schema_field *f, json_val v, const schema_field *without, row_mode mode,
                   query_write *w, forms *both)
{
    if (without && query_is_fk_of(f, without)) return false;
    if (query_is_fk(f) || query_is_auto_id(f)) both->checked = false;
    query_set *set = &w->sets[w->sets_n++];
    *set = (query_set){.field = f, .op = SET_VALUE};
    return is_operation(f, v) ? operation(r, f, v, mode, set) : column_value(r, f, v, &set->value);
}

/* --- nested writes --- */

enum { IN_CREATE = 1, TO_ONE = 2, TO_MANY = 4, OPTIONAL_ONLY = 8, NOT_MANY_MANY = 16 };

static const struct nested_kind {
    const char *name;
    query_nested_kind kind;
    unsigned where;
} nested_kinds[] = {
    {"create", NESTED_CREATE, IN_CREATE | TO_ONE | TO_MANY},
    {"connect", NESTED_CONNECT, IN_CREATE | TO_ONE | TO_MANY},
    {"connectOrCreate", NESTED_CONNECT_OR_CREATE, IN_CREATE | TO_ONE | TO_MANY},
    {"createMany", NESTED_CREATE_MANY, IN_CREATE | TO_MANY | NOT_MANY_MANY},
    {"update", NESTED_UPDATE, TO_ONE | TO_MANY},
    {"upsert", NESTED_UPSERT, TO_ONE | TO_MANY},
    {"disconnect", NESTED_DISCONNECT, TO_ONE | TO_MANY | OPTIONAL_ONLY},
    {"delete", NESTED_DELETE, TO_ONE | TO_MANY | OPTIONAL_ONLY},
    {"set", NESTED_SET, TO_MANY},
    {"updateMany", NESTED_UPDATE_MANY, TO_MANY},
    {"deleteMany", NESTED_DELETE_MANY, TO_MANY},
};

/* One nested write being read. */
typedef struct nested_ctx {
    const schema_field *field; /* on the parent */
    const schema_model *model; /* the child */
    const schema_field *back;  /* the child's field that leads to the parent */
    bool list;
    forms rows;    /* of all `create` items of this kind */
    forms updates; /* of all `update` items */
} nested_ctx;

/* Takes members of `v` by name into vals[0..n); false when v holds any other. */
static bool members(reader *r, json_val v, const char *const *names, json_val *vals, size_t n)
{
    if (json_kind(v) != JSON_OBJECT) return false;
    json_iter it = json_first(v);
    while (reader_more(r, &it)) {
        size_t i = 0;
        while (i < n && !reader_key_is(it.key, names[i])) i++;
        if (i == n) return false;
        vals[i] = it.value;
    }
    return !err_is(r->err);
}

static bool item_create(reader *r, const nested_ctx *c, json_val v, query_nested_item *item)
{
    forms one = {true, true};
    return row(r, v, c->model, c->back, ROW_CREATE, &item->create, &one);
}

static bool item_update(reader *r, const nested_ctx *c, json_val v, query_nested_item *item)
{
    forms one = {true, true};
    return row(r, v, c->model, c->back, ROW_UPDATE, &item->update, &one);
}

static bool item_connect_or_create(reader *r, const nested_ctx *c, json_val v, query_nested_item *item)
{
    static const char *const names[] = {"where", "create"};
    json_val vals[2] = {{0}};
    return members(r, v, names, vals, 2) && reader_where(r, vals[0], c->model, WHERE_UNIQUE, &item->where) &&
           item_create(r, c, vals[1], item);
}

static bool item_upsert(reader *r, const nested_ctx *c, json_val v, query_nested_item *item)
{
    static const char *const names[] = {"where", "create", "update"};
    json_val vals[3] = {{0}};
    if (!members(r, v, names, vals, 3)) return false;
    bool has_where = json_present(vals[0]);
    if (c->list || has_where) {
        if (!reader_where(r, vals[0], c->model, c->list ? WHERE_UNIQUE : WHERE_ALL, &item->where)) return false;
    }
    return item_create(r, c, vals[1], item) && item_update(r, c, vals[2], item);
}

static bool item_with_where(reader *r, const nested_ctx *c, json_val v, query_nested_item *item)
{
    static const char *const names[] = {"where", "data"};
    json_val vals[2] = {{0}};
    if (!members(r, v, names, vals, 2) || !json_present(vals[1])) return false;
    if (c->list || json_present(vals[0])) {
        if (!reader_where(r, vals[0], c->model, c->list ? WHERE_UNIQUE : WHERE_ALL, &item->where)) return false;
    }
    return item_update(r, c, vals[1], item);
}

static bool item_update_any(reader *r, const nested_ctx *c, json_val v, query_nested_item *item)
{
    uint32_t params = r->op->params_n;
    if (item_with_where(r, c, v, item)) return true;
    if (c->list || err_is(r->err)) return false;
    /* To-one: the bare form, {name: "x"} instead of {data: {name: "x"}}. */
    r->op->params_n = params;
    item->where = NULL;
    return item_update(r, c, v, item);
}

static bool item_update_many(reader *r, const nested_ctx *c, json_val v, query_nested_item *item)
{
    static const char *const names[] = {"where", "data"};
    json_val vals[2] = {{0}};
    return members(r, v, names, vals, 2) && reader_where(r, vals[0], c->model, WHERE_SCALARS, &item->where) &&
           reader_update_row(r, vals[1], c->model, c->back, &item->update);
}

/* `true`, a filter, or (of lists) a unique filter. */
static bool item_remove(reader *r, const nested_ctx *c, json_val v, query_nested_item *item)
{
    if (c->list) return reader_where(r, v, c->model, WHERE_UNIQUE, &item->where);
    if (json_kind(v) == JSON_TRUE) return true;
    return reader_where(r, v, c->model, WHERE_ALL, &item->where);
}

static bool nested_item(reader *r, nested_ctx *c, query_nested_kind kind, json_val v, query_nested_item *item)
{
    forms one = {true, true};
    switch (kind) {
    case NESTED_CREATE:
        if (!row(r, v, c->model, c->back, ROW_CREATE, &item->create, &one)) return false;
        c->rows.checked = c->rows.checked && one.checked;
        c->rows.unchecked = c->rows.unchecked && one.unchecked;
        return c->rows.checked || c->rows.unchecked;
    case NESTED_CREATE_MANY:
        return reader_create_row(r, v, c->model, c->back, &item->create);
    case NESTED_CONNECT:
    case NESTED_SET:
        return reader_where(r, v, c->model, WHERE_UNIQUE, &item->where);
    case NESTED_CONNECT_OR_CREATE:
        return item_connect_or_create(r, c, v, item);
    case NESTED_DISCONNECT:
    case NESTED_DELETE:
        return item_remove(r, c, v, item);
    case NESTED_UPDATE:
        return item_update_any(r, c, v, item);
    case NESTED_UPDATE_MANY:
        return item_update_many(r, c, v, item);
    case NESTED_UPSERT:
        return item_upsert(r, c, v, item);
    case NESTED_DELETE_MANY:
        return reader_where(r, v, c->model, WHERE_SCALARS, &item->where);
    }
    return false;
}

static bool take_flag(const reader *r, json_val v, bool *out)
{
    if (!json_present(v)) return true;
    return query_has_skip_duplicates(r->s) && json_bool(v, out);
}

static bool nested_items(reader *r, nested_ctx *c, json_val v, query_nested *n)
{
    static const char *const envelope[] = {"data", "skipDuplicates"};
    bool list = c->list;
    if (n->kind == NESTED_CREATE_MANY) {
        json_val vals[2] = {{0}};
        if (!members(r, v, envelope, vals, 2) || !take_flag(r, vals[1], &n->skip_duplicates)) return false;
        v = vals[0];
    }
    uint32_t count = json_kind(v) == JSON_ARRAY ? json_count(v) : 1;
    if (json_kind(v) == JSON_ARRAY && !list) return false;
    n->items = READER_ARRAY(r, count ? count : 1, query_nested_item);
    if (!n->items) return false;
    if (json_kind(v) != JSON_ARRAY) {
        n->items_n = 1;
        return nested_item(r, c, n->kind, v, n->items);
    }
    json_iter it = json_first(v);
    while (json_more(&it)) {
        if (!nested_item(r, c, n->kind, it.value, &n->items[n->items_n++])) return false;
    }
    return true;
}

static const struct nested_kind *nested_kind_of(const schema_field *f, nicol_str key, row_mode mode)
{
    bool list = f->arity == ARITY_LIST;
    for (size_t i = 0; i < sizeof nested_kinds / sizeof nested_kinds[0]; i++) {
        const struct nested_kind *k = &nested_kinds[i];
        if (!reader_key_is(key, k->name)) continue;
        if (creates(mode) && !(k->where & IN_CREATE)) return NULL;
        if (!(k->where & (list ? TO_MANY : TO_ONE))) return NULL;
        if ((k->where & OPTIONAL_ONLY) && f->arity == ARITY_REQUIRED) return NULL;
        if ((k->where & NOT_MANY_MANY) && f->relation->kind == RELATION_MANY_MANY) return NULL;
        return k;
    }
    return NULL;
}

static bool relation(reader *r, const schema_field *f, json_val v, row_mode mode, query_write *w, uint32_t *cap)
{
    if (json_kind(v) != JSON_OBJECT) return false;
    json_iter it = json_first(v);
    while (reader_more(r, &it)) {
        const struct nested_kind *k = nested_kind_of(f, it.key, mode);
        if (!k) return false;
        nested_ctx c = {.field = f,
                        .model = f->target,
                        .back = schema_opposite(f),
                        .list = f->arity == ARITY_LIST,
                        .rows = {true, true},
                        .updates = {true, true}};
        bool removes = k->kind == NESTED_DISCONNECT || k->kind == NESTED_DELETE;
        if (removes && !c.list && json_kind(it.value) == JSON_FALSE) continue;
        query_nested n = {.field = f, .kind = k->kind};
        if (!nested_items(r, &c, it.value, &n)) return false;
        if (n.items_n == 0 && n.kind != NESTED_SET) continue;
        query_nested *all = reader_grow(r, w->nested, w->nested_n, cap, sizeof *all);
        if (!all) return false;
        w->nested = all;
        all[w->nested_n++] = n;
    }
    return !err_is(r->err);
}

/* --- rows --- */

static bool missing(const schema_model *m, const uint8_t *seen, const schema_field *without, forms *both)
{
    for (size_t i = 0; i < m->fields_n; i++) {
        const schema_field *f = &m->fields[i];
        if (seen[i] || f == without || !query_visible(f)) continue;
        if (f->kind == FIELD_RELATION) {
            if (query_relation_needed(f)) both->checked = false;
        } else if (query_scalar_needed(f) && !(without && query_is_fk_of(f, without))) {
            both->unchecked = false;
            if (!query_is_fk(f) && !query_is_auto_id(f)) both->checked = false;
        }
    }
    return both->checked || both->unchecked;
}

static bool row_members(reader *r, json_val v, const schema_model *m, const schema_field *without, row_mode mode,
                        query_write *w, forms *both)
{
    uint8_t *seen = reader_array(r, m->fields_n + 1, 1);
    uint32_t cap = 0;
    if (!seen) return false;
    json_iter it = json_first(v);
    while (reader_more(r, &it)) {
        const schema_field *f = schema_field_get(m, it.key);
        if (!f || !query_visible(f) || seen[f->index]) return false;
        seen[f->index] = 1;
        if (f->kind != FIELD_RELATION) {
            if (!column(r, f, it.value, without, mode, w, both)) return false;
            continue;
        }
        if (f == without || mode == ROW_CREATE_MANY || mode == ROW_UPDATE_MANY) return false;
        if (schema_holds_fk(f)) both->unchecked = false;
        if (!relation(r, f, it.value, mode, w, &cap)) return false;
    }
    if (err_is(r->err)) return false;
    if (mode == ROW_CREATE_MANY || mode == ROW_UPDATE_MANY) *both = (forms){false, true};
    if (creates(mode)) return missing(m, seen, without, both);
    return both->checked || both->unchecked;
}

static bool row(reader *r, json_val v, const schema_model *m, const schema_field *without, row_mode mode,
                query_write **out, forms *both)
{
    if (json_kind(v) != JSON_OBJECT || !reader_enter(r)) return false;
    query_write *w = READER_NEW(r, query_write);
    query_set *sets = READER_ARRAY(r, json_count(v) + 1, query_set);
    if (!w || !sets) return false;
    *w = (query_write){.model = m, .sets = sets};
    bool good = row_members(r, v, m, without, mode, w, both);
    reader_leave(r);
    *out = w;
    return good;
}

bool reader_create(reader *r, json_val v, const schema_model *m, const schema_field *without, query_write **out)
{
    forms both = {true, true};
    return row(r, v, m, without, ROW_CREATE, out, &both);
}

bool reader_update(reader *r, json_val v, const schema_model *m, const schema_field *without, query_write **out)
{
    forms both = {true, true};
    return row(r, v, m, without, ROW_UPDATE, out, &both);
}

bool reader_create_row(reader *r, json_val v, const schema_model *m, const schema_field *without, query_write **out)
{
    forms both = {true, true};
    return row(r, v, m, without, ROW_CREATE_MANY, out, &both);
}

bool reader_update_row(reader *r, json_val v, const schema_model *m, const schema_field *without, query_write **out)
{
    forms both = {true, true};
    return row(r, v, m, without, ROW_UPDATE_MANY, out, &both);
}
