/* query/where.c - filters: where, having, cursors.
 *
 * A `not: {...}` turns each condition in it round (lt becomes gte), as the reference does, so it leaves no NOT node;
 * NOT of an empty filter is true, which is why empty parts are dropped (see logical).
 */
#include "query/query_int.h"

static bool add_filter(reader *r, filter_list *l, query_filter *f)
{
    query_filter **v = reader_grow(r, l->v, l->n, &l->cap, sizeof *v);
    if (!v) return false;
    l->v = v;
    v[l->n++] = f;
    return true;
}

static query_filter *group(reader *r, query_filter_kind kind, const filter_list *l)
{
    if (kind == QFILTER_AND && l->n == 1) return l->v[0];
    query_filter *f = READER_NEW(r, query_filter);
    if (f) *f = (query_filter){.kind = kind, .kids = l->v, .kids_n = l->n};
    return f;
}

/* --- conditions on one scalar --- */

typedef struct scalar_ctx {
    const schema_field *field;
    scalar_type type; /* of the operand: the field's, or an aggregate's */
    query_aggregate aggregate;
    bool nullable;
    bool reversed;
    bool nested; /* inside `not` */
    bool insensitive;
    bool has_path;
    uint32_t path;
} scalar_ctx;

static bool add_scalar(reader *r, const scalar_ctx *c, query_op_kind op, query_value value, filter_list *l)
{
    query_filter *f = READER_NEW(r, query_filter);
    if (!f) return false;
    *f = (query_filter){.kind = QFILTER_SCALAR,
                        .field = c->field,
                        .op = op,
                        .value = value,
                        .insensitive = c->insensitive,
                        .aggregate = c->aggregate,
                        .has_path = c->has_path,
                        .path = c->path};
    return add_filter(r, l, f);
}

enum { ANY_T = 1, ORDERED = 2, MEMBER = 4, TEXT = 8, JSON_T = 16, JSON_CMP = 32, SEARCH = 64 };
enum { ARG_VALUE = 0, ARG_LIST, ARG_TEXT, ARG_JSON };

static const struct scalar_operator {
    const char *name;
    query_op_kind op, reverse;
    uint8_t of; /* the kinds of type that have it */
    uint8_t arg;
    bool null; /* null is an operand of optional fields */
} operators[] = {
    {"equals", QOP_EQ, QOP_NE, ANY_T, ARG_VALUE, true},
    {"in", QOP_IN, QOP_NOT_IN, MEMBER, ARG_LIST, true},
    {"notIn", QOP_NOT_IN, QOP_IN, MEMBER, ARG_LIST, true},
    {"lt", QOP_LT, QOP_GTE, ORDERED | JSON_CMP, ARG_VALUE, false},
    {"lte", QOP_LTE, QOP_GT, ORDERED | JSON_CMP, ARG_VALUE, false},
    {"gt", QOP_GT, QOP_LTE, ORDERED | JSON_CMP, ARG_VALUE, false},
    {"gte", QOP_GTE, QOP_LT, ORDERED | JSON_CMP, ARG_VALUE, false},
    {"contains", QOP_CONTAINS, QOP_NOT_CONTAINS, TEXT, ARG_TEXT, false},
    {"startsWith", QOP_STARTS_WITH, QOP_NOT_STARTS_WITH, TEXT, ARG_TEXT, false},
    {"endsWith", QOP_ENDS_WITH, QOP_NOT_ENDS_WITH, TEXT, ARG_TEXT, false},
    {"search", QOP_SEARCH, QOP_NOT_SEARCH, SEARCH, ARG_TEXT, false},
    {"string_contains", QOP_JSON_STRING_CONTAINS, 0, JSON_T, ARG_TEXT, false},
    {"string_starts_with", QOP_JSON_STRING_STARTS_WITH, 0, JSON_T, ARG_TEXT, false},
    {"string_ends_with", QOP_JSON_STRING_ENDS_WITH, 0, JSON_T, ARG_TEXT, false},
    {"array_contains", QOP_JSON_ARRAY_CONTAINS, 0, JSON_CMP, ARG_JSON, true},
    {"array_starts_with", QOP_JSON_ARRAY_STARTS_WITH, 0, JSON_T, ARG_JSON, true},
    {"array_ends_with", QOP_JSON_ARRAY_ENDS_WITH, 0, JSON_T, ARG_JSON, true},
};

static unsigned type_kinds(const reader *r, scalar_type t)
{
    switch (t) {
    case SCALAR_INT:
    case SCALAR_BIGINT:
    case SCALAR_FLOAT:
    case SCALAR_DECIMAL:
    case SCALAR_DATETIME:
        return ANY_T | ORDERED | MEMBER;
    case SCALAR_STRING:
    case SCALAR_UUID:
        return ANY_T | ORDERED | MEMBER | TEXT | (query_has_search(r->s) ? SEARCH : 0u);
    case SCALAR_ENUM:
    case SCALAR_BYTES:
        return ANY_T | MEMBER;
    case SCALAR_JSON:
        return ANY_T | JSON_T | (query_has_json_compare(r->s) ? JSON_CMP : 0u);
    case SCALAR_BOOLEAN:
        return ANY_T;
    case SCALAR_UNKNOWN:
    case SCALAR_N:
        break;
    }
    return 0;
}

static bool scalar_operand(reader *r, const scalar_ctx *c, const struct scalar_operator *o, json_val v,
                           query_value *out)
{
    bool list = o->arg == ARG_LIST;
    scalar_type type = o->arg == ARG_TEXT ? SCALAR_STRING : o->arg == ARG_JSON ? SCALAR_JSON : c->type;
    if (query_is_ref(v)) {
        if (list && !query_has_lists(r->s)) return false;
        return reader_ref(r, v, c->field, type, list, out);
    }
    if (json_kind(v) == JSON_NULL && type != SCALAR_JSON) {
        *out = (query_value){.kind = QVAL_NULL};
        return o->null && c->nullable;
    }
    return reader_typed(r, v, type, c->field, list, out);
}

static bool filter_object(reader *r, scalar_ctx *c, json_val v, bool having, filter_list *l);

/* `not`: a value, null, or a filter whose conditions are turned round. A value is always one to differ from: in
 * `not: {not: 1}` too, clients know it so. */
static bool scalar_not(reader *r, const scalar_ctx *c, json_val v, bool having, filter_list *l)
{
    query_value value;
    query_op_kind op = QOP_NE;
    if (c->type == SCALAR_JSON) {
        if (query_is_ref(v)) {
            return reader_ref(r, v, c->field, c->type, false, &value) && add_scalar(r, c, op, value, l);
        }
        return reader_typed(r, v, c->type, c->field, false, &value) && add_scalar(r, c, op, value, l);
    }
    if (query_is_ref(v)) return false;
    if (json_kind(v) == JSON_NULL) {
        return c->nullable && add_scalar(r, c, op, (query_value){.kind = QVAL_NULL}, l);
    }
    if (json_kind(v) == JSON_OBJECT && query_tag(v, NULL).len == 0) {
        if (!reader_enter(r)) return false;
        scalar_ctx inner = *c;
        inner.reversed = !c->reversed;
        inner.nested = true;
        bool good = filter_object(r, &inner, v, having, l);
        reader_leave(r);
        return good;
    }
    return reader_typed(r, v, c->type, c->field, false, &value) && add_scalar(r, c, op, value, l);
}

/* {_count: {...}, _min: {...}} beside the conditions of a having. */
static bool aggregate_filter(reader *r, const scalar_ctx *c, query_aggregate fn, json_val v, filter_list *l)
{
    scalar_ctx inner = *c;
    inner.aggregate = fn;
    if (fn == AGG_COUNT) {
        inner.type = SCALAR_INT;
    } else if ((fn == AGG_SUM || fn == AGG_AVG) && !query_is_numeric(c->type)) {
        return false;
    } else if (fn == AGG_AVG && (c->type == SCALAR_INT || c->type == SCALAR_BIGINT)) {
        inner.type = SCALAR_FLOAT;
    }
    if (json_kind(v) != JSON_OBJECT || query_tag(v, NULL).len != 0) return false;
    if (!reader_enter(r)) return false;
    bool good = filter_object(r, &inner, v, false, l);
    reader_leave(r);
    return good;
}

static query_aggregate aggregate_of(nicol_str key)
{
    if (reader_key_is(key, "_count")) return AGG_COUNT;
    if (reader_key_is(key, "_avg")) return AGG_AVG;
    if (reader_key_is(key, "_sum")) return AGG_SUM;
    if (reader_key_is(key, "_min")) return AGG_MIN;
    if (reader_key_is(key, "_max")) return AGG_MAX;
    return AGG_NONE;
}

/* `mode` and `path` hold for all their neighbours, so they are read first. */
static bool scalar_modes(reader *r, scalar_ctx *c, json_val v)
{
    json_val mode = json_get(v, S("mode")), path = json_get(v, S("path"));
    if (json_present(mode)) {
        bool text = c->type == SCALAR_STRING && query_has_insensitive(r->s) && !c->nested;
        if (!text && c->type != SCALAR_JSON) return false;
        json_val inner = mode;
        (void)query_tag(mode, &inner);
        if (json_is(inner, S("insensitive"))) c->insensitive = true;
        else if (!json_is(inner, S("default"))) return false;
    }
    if (json_present(path)) {
        if (c->type != SCALAR_JSON) return false;
        query_value p;
        if (!reader_typed(r, path, SCALAR_STRING, NULL, query_json_path_is_list(r->s), &p)) return false;
        c->has_path = true;
        c->path = p.param;
    }
    return true;
}

static bool scalar_condition(reader *r, scalar_ctx *c, nicol_str key, json_val v, bool having, filter_list *l)
{
    unsigned kinds = type_kinds(r, c->type);
    if (reader_key_is(key, "not")) return scalar_not(r, c, v, having, l);
    if (reader_key_is(key, "mode") || reader_key_is(key, "path")) return true;
    if (having && c->aggregate == AGG_NONE && key.len && key.ptr[0] == '_') {
        query_aggregate fn = aggregate_of(key);
        return fn != AGG_NONE && aggregate_filter(r, c, fn, v, l);
    }
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        const struct scalar_operator *o = &operators[i];
        if (!(o->of & kinds) || !reader_key_is(key, o->name)) continue;
        query_value value;
        if (!scalar_operand(r, c, o, v, &value)) return false;
        query_op_kind op = c->reversed ? o->reverse : o->op;
        if (value.kind == QVAL_NULL && o->arg == ARG_LIST) op = op == QOP_IN ? QOP_EQ : QOP_NE;
        return op != 0 && add_scalar(r, c, op, value, l);
    }
    return false;
}

static bool filter_object(reader *r, scalar_ctx *c, json_val v, bool having, filter_list *l)
{
    if (json_kind(v) != JSON_OBJECT || !scalar_modes(r, c, v)) return false;
    json_iter it = json_first(v);
    while (reader_more(r, &it)) {
        if (!scalar_condition(r, c, it.key, it.value, having, l)) return false;
    }
    return !err_is(r->err);
}

/* Conditions on a list column: exactly one. */
static bool list_filter(reader *r, const schema_field *f, json_val v, filter_list *l)
{
    static const struct {
        const char *name;
        query_op_kind op;
        bool list;
    } ops[] = {{"equals", QOP_EQ, true},
               {"has", QOP_HAS, false},
               {"hasEvery", QOP_HAS_EVERY, true},
               {"hasSome", QOP_HAS_SOME, true}};
    if (json_kind(v) != JSON_OBJECT || json_count(v) != 1 || query_tag(v, NULL).len != 0) return false;
    scalar_ctx c = {.field = f, .type = f->type, .nullable = true};
    json_iter it = json_first(v);
    if (!reader_more(r, &it)) return false;
    query_value value;
    if (reader_key_is(it.key, "isEmpty")) {
        return reader_typed(r, it.value, SCALAR_BOOLEAN, NULL, false, &value) &&
               add_scalar(r, &c, QOP_IS_EMPTY, value, l);
    }
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (!reader_key_is(it.key, ops[i].name)) continue;
        bool null = json_kind(it.value) == JSON_NULL;
        if (query_is_ref(it.value)) {
            if (!reader_ref(r, it.value, f, f->type, ops[i].list, &value)) return false;
        } else if (null && f->type != SCALAR_JSON) {
            if (ops[i].op != QOP_EQ && ops[i].op != QOP_HAS) return false;
            value = (query_value){.kind = QVAL_NULL};
        } else if (!reader_typed(r, it.value, f->type, f, ops[i].list, &value)) {
            return false;
        }
        return add_scalar(r, &c, ops[i].op, value, l);
    }
    return false;
}

static bool scalar_field(reader *r, const schema_field *f, json_val v, filter_list *l)
{
    if (f->arity == ARITY_LIST) return list_filter(r, f, v, l);
    scalar_ctx c = {.field = f, .type = f->type, .nullable = f->arity == ARITY_OPTIONAL};
    query_value value;
    if (f->type == SCALAR_JSON) return query_tag(v, NULL).len == 0 && filter_object(r, &c, v, false, l);
    if (json_kind(v) == JSON_OBJECT && query_tag(v, NULL).len == 0) return filter_object(r, &c, v, false, l);
    return reader_value(r, v, f, false, c.nullable, &value) && add_scalar(r, &c, QOP_EQ, value, l);
}

/* --- relations --- */

static bool add_relation(reader *r, const schema_field *f, query_quantifier q, query_filter *sub, filter_list *l)
{
    query_filter *n = READER_NEW(r, query_filter);
    if (!n) return false;
    *n = (query_filter){.kind = QFILTER_RELATION, .field = f, .quantifier = q, .sub = sub};
    return add_filter(r, l, n);
}

static query_quantifier quantifier_of(nicol_str key, bool list)
{
    if (list) {
        if (reader_key_is(key, "some")) return QUANT_SOME;
        if (reader_key_is(key, "every")) return QUANT_EVERY;
        if (reader_key_is(key, "none")) return QUANT_NONE;
    } else {
        if (reader_key_is(key, "is")) return QUANT_IS;
        if (reader_key_is(key, "isNot")) return QUANT_IS_NOT;
    }
    return (query_quantifier)0;
}

static bool relation_envelope(reader *r, const schema_field *f, json_val v, filter_list *l)
{
    json_iter it = json_first(v);
    while (reader_more(r, &it)) {
        query_quantifier q = quantifier_of(it.key, f->arity == ARITY_LIST);
        query_filter *sub = NULL;
        if (q == 0) return false;
        if (json_kind(it.value) == JSON_NULL) {
            if (f->arity != ARITY_OPTIONAL) return false;
        } else if (!reader_where(r, it.value, f->target, WHERE_ALL, &sub)) {
            return false;
        }
        if (!add_relation(r, f, q, sub, l)) return false;
    }
    return !err_is(r->err);
}

static bool relation_field(reader *r, const schema_field *f, json_val v, filter_list *l)
{
    if (json_kind(v) == JSON_NULL) {
        return f->arity == ARITY_OPTIONAL && add_relation(r, f, QUANT_IS, NULL, l);
    }
    if (json_kind(v) != JSON_OBJECT) return false;
    /* The envelope {is, isNot} goes first: an empty object is one, and says nothing. */
    uint32_t filters = l->n, params = r->op->params_n;
    if (relation_envelope(r, f, v, l)) return true;
    if (err_is(r->err) || f->arity == ARITY_LIST) return false;
    l->n = filters;
    r->op->params_n = params;
    query_filter *sub;
    return reader_where(r, v, f->target, WHERE_ALL, &sub) && add_relation(r, f, QUANT_IS, sub, l);
}

/* --- whole filters --- */

typedef bool (*filter_reader)(reader *r, json_val v, const schema_model *m, unsigned flags, query_filter **out);

/* Inside AND, OR and NOT a part that says nothing is passed over, an empty OR included: it is false only where it stands in
 * the filter itself. NULL: nothing is left. */
static query_filter *prune(query_filter *f)
{
    if (f->kind != QFILTER_AND && f->kind != QFILTER_OR && f->kind != QFILTER_NOT) return f;
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->kids_n; i++) {
        query_filter *kid = prune(f->kids[i]);
        if (kid) f->kids[n++] = kid;
    }
    f->kids_n = n;
    return n ? f : NULL;
}

static bool logical(reader *r, json_val v, const schema_model *m, query_filter_kind kind, unsigned flags,
                    filter_reader read, filter_list *l)
{
    filter_list kids = {0};
    if (json_kind(v) == JSON_OBJECT) {
        query_filter *one;
        if (kind == QFILTER_OR || !read(r, v, m, flags, &one)) return false;
        one = prune(one);
        if (one && !add_filter(r, &kids, one)) return false;
    } else if (json_kind(v) == JSON_ARRAY) {
        json_iter it = json_first(v);
        while (json_more(&it)) {
            query_filter *one;
            if (!read(r, it.value, m, flags, &one)) return false;
            one = prune(one);
            if (one && !add_filter(r, &kids, one)) return false;
        }
    } else {
        return false;
    }
    query_filter *g = group(r, kind, &kids);
    return g && add_filter(r, l, g);
}

static query_filter_kind logical_of(nicol_str key)
{
    if (reader_key_is(key, "AND")) return QFILTER_AND;
    if (reader_key_is(key, "OR")) return QFILTER_OR;
    if (reader_key_is(key, "NOT")) return QFILTER_NOT;
    return (query_filter_kind)0;
}

/* {a: 1, b: 2} for the key a_b. */
static bool compound(reader *r, const schema_index *x, json_val v, filter_list *l)
{
    if (json_kind(v) != JSON_OBJECT || json_count(v) != x->fields_n) return false;
    for (size_t i = 0; i < x->fields_n; i++) {
        json_val item = json_get(v, x->fields[i]->name);
        query_value value;
        if (!json_present(item) || !reader_value(r, item, x->fields[i], false, false, &value)) return false;
        scalar_ctx c = {.field = x->fields[i], .type = x->fields[i]->type};
        if (!add_scalar(r, &c, QOP_EQ, value, l)) return false;
    }
    return true;
}

static bool where_field(reader *r, nicol_str key, json_val v, const schema_model *m, unsigned flags, filter_list *l,
                        bool *unique)
{
    query_filter_kind kind = key.len <= 3 ? logical_of(key) : (query_filter_kind)0;
    const schema_field *f = schema_field_get(m, key);
    if (kind && !f) return logical(r, v, m, kind, flags & ~(unsigned)WHERE_UNIQUE, reader_where, l);
    if (f && query_visible(f)) {
        if (f->kind == FIELD_RELATION) return !(flags & WHERE_SCALARS) && relation_field(r, f, v, l);
        if ((flags & WHERE_UNIQUE) && f->arity != ARITY_LIST && query_field_unique(f)) {
            query_value value;
            scalar_ctx c = {.field = f, .type = f->type};
            *unique = true;
            return json_kind(v) != JSON_NULL && reader_value(r, v, f, false, false, &value) &&
                   add_scalar(r, &c, QOP_EQ, value, l);
        }
        return scalar_field(r, f, v, l);
    }
    if (!(flags & WHERE_UNIQUE)) return false;
    const schema_index *x = query_compound(m, key);
    if (!x) return false;
    *unique = true;
    return compound(r, x, v, l);
}

bool reader_where(reader *r, json_val v, const schema_model *m, unsigned flags, query_filter **out)
{
    if (json_kind(v) != JSON_OBJECT || !reader_enter(r)) return false;
    filter_list l = {0};
    bool unique = !(flags & WHERE_UNIQUE), good = true;
    json_iter it = json_first(v);
    while (good && reader_more(r, &it)) good = where_field(r, it.key, it.value, m, flags, &l, &unique);
    reader_leave(r);
    if (!good || !unique || err_is(r->err)) return false;
    *out = group(r, QFILTER_AND, &l);
    return *out != NULL;
}

static bool having_inner(reader *r, json_val v, const schema_model *m, unsigned flags, query_filter **out)
{
    if (json_kind(v) != JSON_OBJECT || !reader_enter(r)) return false;
    filter_list l = {0};
    bool good = true;
    json_iter it = json_first(v);
    while (good && reader_more(r, &it)) {
        query_filter_kind kind = logical_of(it.key);
        const schema_field *f = schema_field_get(m, it.key);
        if (kind && !f) {
            good = logical(r, it.value, m, kind, flags, having_inner, &l);
        } else if (!f || !query_visible(f) || f->kind == FIELD_RELATION) {
            good = false;
        } else if (f->arity != ARITY_LIST && json_kind(it.value) == JSON_OBJECT && query_tag(it.value, NULL).len == 0) {
            scalar_ctx c = {.field = f, .type = f->type, .nullable = f->arity == ARITY_OPTIONAL};
            good = filter_object(r, &c, it.value, true, &l);
        } else {
            good = scalar_field(r, f, it.value, &l);
        }
    }
    reader_leave(r);
    if (!good || err_is(r->err)) return false;
    *out = group(r, QFILTER_AND, &l);
    return *out != NULL;
}

bool reader_having(reader *r, json_val v, const schema_model *m, query_filter **out)
{
    return having_inner(r, v, m, 0, out);
}

bool reader_cursor(reader *r, json_val v, const schema_model *m, query_find *find)
{
    query_filter *where;
    if (!reader_where(r, v, m, WHERE_UNIQUE, &where)) return false;
    query_filter *one[1] = {where}, **kids = where->kind == QFILTER_AND ? where->kids : one;
    uint32_t n = where->kind == QFILTER_AND ? where->kids_n : 1;
    find->cursor_fields = READER_ARRAY(r, n, const schema_field *);
    find->cursor_values = READER_ARRAY(r, n, query_value);
    if (!find->cursor_fields || !find->cursor_values) return false;
    for (uint32_t i = 0; i < n; i++) {
        /* Other filters beside the key do not move a cursor. */
        if (kids[i]->kind != QFILTER_SCALAR || kids[i]->op != QOP_EQ || kids[i]->has_path) continue;
        find->cursor_fields[find->cursor_n] = kids[i]->field;
        find->cursor_values[find->cursor_n++] = kids[i]->value;
    }
    return true;
}
