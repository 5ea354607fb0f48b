/* query/types.c - the typed description of the query language: the name and the fields of every input type. */
#include "query/types_int.h"

/* --- making types --- */

static in_type scalar(scalar_type t)
{
    return (in_type){.kind = TYPE_SCALAR, .scalar = (uint8_t)t};
}

static in_type words(word_set w, const schema_model *m)
{
    return (in_type){.kind = TYPE_WORDS, .words = (uint8_t)w, .model = m};
}

static in_type object(object_kind k, const schema_model *m)
{
    return (in_type){.kind = TYPE_OBJECT, .object = (uint8_t)k, .model = m};
}

static in_type list_of(in_type t)
{
    t.list = true;
    return t;
}

/* The type of one value of a field. */
static in_type value_type(const schema_field *f)
{
    if (f->kind == FIELD_ENUM) return (in_type){.kind = TYPE_ENUM, .en = f->en, .field = f};
    return scalar(f->type);
}

/* Field types (filters, references, operations) are of a scalar or an enum; `like` says which. */
static in_type typed_object(object_kind k, const in_type *like)
{
    return (in_type){.kind = TYPE_OBJECT,
                     .object = (uint8_t)k,
                     .scalar = like->kind == TYPE_ENUM ? SCALAR_ENUM : like->scalar,
                     .en = like->en};
}

static in_type like_of(const in_type *t)
{
    if (t->en) return (in_type){.kind = TYPE_ENUM, .en = t->en};
    return scalar((scalar_type)t->scalar);
}

static in_type ref_to(const in_type *like, bool many)
{
    in_type t = typed_object(OBJ_REF, like);
    t.many = many;
    return t;
}

static const in_type null_type = {.kind = TYPE_NULL};

/* --- collecting fields --- */

typedef struct builder {
    arena *a;
    const schema *s;
    in_object *o;
    bool failed;
} builder;

static in_field *add(builder *b, nicol_str name, bool required)
{
    static in_field spare; /* written to when memory is out, never read */
    in_object *o = b->o;
    if (o->n == o->cap) {
        uint32_t cap = o->cap ? o->cap * 2 : 16;
        in_field *v = arena_grow(b->a, o->fields, o->cap * sizeof *v, cap * sizeof *v);
        if (!v) {
            b->failed = true;
            return &spare;
        }
        o->fields = v;
        o->cap = cap;
    }
    in_field *f = &o->fields[o->n++];
    *f = (in_field){.name = name, .required = required};
    return f;
}

static void type(in_field *f, in_type t)
{
    if (f->types_n < FIELD_TYPES_MAX) f->types[f->types_n++] = t;
}

static void add1(builder *b, const char *name, bool required, in_type t)
{
    type(add(b, str_c(name), required), t);
}

static void add2(builder *b, const char *name, bool required, in_type t, in_type u)
{
    in_field *f = add(b, str_c(name), required);
    type(f, t);
    type(f, u);
}

/* Scalar fields come before relations, each in the order of the schema. */
typedef void (*field_visitor)(builder *b, const in_type *t, const schema_field *f);

static void each_field(builder *b, const in_type *t, field_visitor scalars, field_visitor relations)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < t->model->fields_n; i++) {
            const schema_field *f = &t->model->fields[i];
            if (!query_visible(f) || (f->kind == FIELD_RELATION) != (pass == 1)) continue;
            field_visitor visit = pass == 0 ? scalars : relations;
            if (visit) visit(b, t, f);
        }
    }
}

/* --- filters --- */

static void where_scalar(builder *b, const in_type *t, const schema_field *f)
{
    in_type v = value_type(f);
    if (t->object == OBJ_WHERE_UNIQUE && f->arity != ARITY_LIST && query_field_unique(f)) return;
    in_field *x = add(b, f->name, false);
    in_type filter = typed_object(f->arity == ARITY_LIST ? OBJ_LIST_FILTER : OBJ_FILTER, &v);
    filter.nullable = f->arity == ARITY_OPTIONAL;
    filter.groups = t->object == OBJ_WHERE_GROUPS;
    type(x, filter);
    if (f->arity == ARITY_LIST || f->type == SCALAR_JSON) return;
    type(x, v);
    if (f->arity == ARITY_OPTIONAL) type(x, null_type);
}

static void where_relation(builder *b, const in_type *t, const schema_field *f)
{
    (void)t;
    in_field *x = add(b, f->name, false);
    in_type filter = object(f->arity == ARITY_LIST ? OBJ_RELATION_LIST : OBJ_RELATION_ONE, f->target);
    filter.nullable = f->arity == ARITY_OPTIONAL;
    type(x, filter);
    if (f->arity == ARITY_LIST) return;
    type(x, object(OBJ_WHERE, f->target));
    if (f->arity == ARITY_OPTIONAL) type(x, null_type);
}

static void where_unique_keys(builder *b, const in_type *t)
{
    const schema_model *m = t->model;
    for (size_t i = 0; i < m->fields_n; i++) {
        const schema_field *f = &m->fields[i];
        if (!query_visible(f) || f->kind == FIELD_RELATION || f->arity == ARITY_LIST || !query_field_unique(f))
            continue;
        type(add(b, f->name, false), value_type(f));
    }
    for (size_t i = 0; i < m->indexes_n; i++) {
        if (!query_compound_usable(&m->indexes[i])) continue;
        in_type c = object(OBJ_COMPOUND, m);
        c.index = &m->indexes[i];
        type(add(b, m->indexes[i].name, false), c);
    }
    b->o->bounded = true;
    b->o->min = 1;
    b->o->max = UINT32_MAX;
    b->o->any_of = b->o->n;
}

static void where_fields(builder *b, const in_type *t)
{
    in_type w = object(t->object == OBJ_WHERE_UNIQUE ? OBJ_WHERE : (object_kind)t->object, t->model);
    if (t->object == OBJ_WHERE_UNIQUE) where_unique_keys(b, t);
    add2(b, "AND", false, w, list_of(w));
    add1(b, "OR", false, list_of(w));
    add2(b, "NOT", false, w, list_of(w));
    bool relations = t->object == OBJ_WHERE || t->object == OBJ_WHERE_UNIQUE;
    each_field(b, t, where_scalar, relations ? where_relation : NULL);
}

static void filter_operand(builder *b, const char *name, in_type v, bool nullable)
{
    in_field *f = add(b, str_c(name), false);
    type(f, v);
    in_type one = v;
    one.list = false;
    if (!v.list || query_has_lists(b->s)) type(f, ref_to(&one, v.list));
    if (nullable) type(f, null_type);
}

static void json_filter_fields(builder *b)
{
    static const char *const strings[] = {"string_contains", "string_starts_with", "string_ends_with"};
    static const char *const arrays[] = {"array_starts_with", "array_ends_with", "array_contains"};
    static const char *const compare[] = {"lt", "lte", "gt", "gte"};
    in_type json = scalar(SCALAR_JSON), string = scalar(SCALAR_STRING);
    in_field *f = add(b, S("equals"), false);
    type(f, json);
    type(f, ref_to(&json, false));
    type(f, words(WORDS_JSON_FILTER, NULL));
    add1(b, "path", false, query_json_path_is_list(b->s) ? list_of(string) : string);
    in_type mode_ref = object(OBJ_REF, NULL);
    mode_ref.words = WORDS_MODE;
    add2(b, "mode", false, words(WORDS_MODE, NULL), mode_ref);
    for (size_t i = 0; i < 3; i++) filter_operand(b, strings[i], string, false);
    for (size_t i = 0; i < (query_has_json_compare(b->s) ? 3u : 2u); i++) filter_operand(b, arrays[i], json, true);
    for (size_t i = 0; i < 4 && query_has_json_compare(b->s); i++) filter_operand(b, compare[i], json, false);
    f = add(b, S("not"), false);
    type(f, json);
    type(f, ref_to(&json, false));
    type(f, words(WORDS_JSON_FILTER, NULL));
}

static in_type nested_filter(in_type like, bool nullable)
{
    in_type t = typed_object(OBJ_FILTER, &like);
    t.nested = true;
    t.nullable = nullable;
    return t;
}

static void group_filter_fields(builder *b, const in_type *t)
{
    in_type v = like_of(t);
    add1(b, "_count", false, nested_filter(scalar(SCALAR_INT), t->nullable));
    if (!t->en && query_is_numeric((scalar_type)t->scalar)) {
        bool whole = t->scalar == SCALAR_INT || t->scalar == SCALAR_BIGINT;
        add1(b, "_avg", false, nested_filter(whole ? scalar(SCALAR_FLOAT) : v, t->nullable));
        add1(b, "_sum", false, nested_filter(v, t->nullable));
    }
    add1(b, "_min", false, nested_filter(v, t->nullable));
    add1(b, "_max", false, nested_filter(v, t->nullable));
}

static void filter_fields(builder *b, const in_type *t)
{
    static const char *const order[] = {"lt", "lte", "gt", "gte"};
    static const char *const text[] = {"contains", "startsWith", "endsWith"};
    in_type v = like_of(t);
    scalar_type s = (scalar_type)t->scalar;
    bool is_text = s == SCALAR_STRING || s == SCALAR_UUID;
    if (s == SCALAR_JSON) {
        json_filter_fields(b);
    } else {
        filter_operand(b, "equals", v, t->nullable);
        if (s != SCALAR_BOOLEAN) {
            for (int i = 0; i < 2; i++) {
                in_field *f = add(b, i ? S("notIn") : S("in"), false);
                type(f, list_of(v));
                if (query_has_lists(b->s)) type(f, ref_to(&v, true));
                if (t->nullable) type(f, null_type);
            }
        }
        bool ordered = s != SCALAR_BOOLEAN && s != SCALAR_ENUM && s != SCALAR_BYTES;
        for (int i = 0; i < 4 && ordered; i++) filter_operand(b, order[i], v, false);
        for (int i = 0; i < 3 && is_text; i++) filter_operand(b, text[i], v, false);
        if (is_text && query_has_search(b->s)) add1(b, "search", false, v);
        if (is_text && query_has_insensitive(b->s) && !t->nested) add1(b, "mode", false, words(WORDS_MODE, NULL));
        in_field *f = add(b, S("not"), false);
        in_type inner = nested_filter(v, t->nullable);
        inner.groups = t->groups;
        type(f, v);
        type(f, inner);
        if (t->nullable) type(f, null_type);
    }
    if (t->groups) group_filter_fields(b, t);
}

static void list_filter_fields(builder *b, const in_type *t)
{
    in_type v = like_of(t);
    filter_operand(b, "equals", list_of(v), true);
    filter_operand(b, "has", v, true);
    filter_operand(b, "hasEvery", list_of(v), false);
    filter_operand(b, "hasSome", list_of(v), false);
    add1(b, "isEmpty", false, scalar(SCALAR_BOOLEAN));
    b->o->bounded = true;
    b->o->min = b->o->max = 1;
}

static void relation_filter_fields(builder *b, const in_type *t)
{
    static const char *const many[] = {"every", "some", "none"}, *const one[] = {"is", "isNot"};
    in_type w = object(OBJ_WHERE, t->model);
    if (t->object == OBJ_RELATION_LIST) {
        for (int i = 0; i < 3; i++) add1(b, many[i], false, w);
        return;
    }
    for (int i = 0; i < 2; i++) {
        in_field *f = add(b, str_c(one[i]), false);
        type(f, w);
        if (t->nullable) type(f, null_type);
    }
}

/* --- order --- */

static void at_most_one(builder *b)
{
    b->o->bounded = true;
    b->o->max = 1;
}

static void order_scalar(builder *b, const in_type *t, const schema_field *f)
{
    (void)t;
    in_field *x = add(b, f->name, false);
    type(x, words(WORDS_SORT, NULL));
    if (f->arity == ARITY_OPTIONAL) type(x, object(OBJ_ORDER_NULLS, NULL));
}

static void order_relation(builder *b, const in_type *t, const schema_field *f)
{
    (void)t;
    type(add(b, f->name, false), object(f->arity == ARITY_LIST ? OBJ_ORDER_COUNT : OBJ_ORDER, f->target));
}

static void order_aggregate_field(builder *b, const in_type *t, const schema_field *f)
{
    bool numeric = query_is_numeric(f->type) && f->arity != ARITY_LIST;
    if ((t->aggregate == AGG_AVG || t->aggregate == AGG_SUM) && !numeric) return;
    type(add(b, f->name, false), words(WORDS_SORT, NULL));
}

static const struct {
    query_aggregate fn;
    const char *key, *name;
} aggregates[] = {{AGG_COUNT, "_count", "Count"},
                  {AGG_AVG, "_avg", "Avg"},
                  {AGG_SUM, "_sum", "Sum"},
                  {AGG_MIN, "_min", "Min"},
                  {AGG_MAX, "_max", "Max"}};

static bool has_numbers(const schema_model *m)
{
    for (size_t i = 0; i < m->fields_n; i++) {
        const schema_field *f = &m->fields[i];
        if (query_visible(f) && f->kind == FIELD_SCALAR && query_is_numeric(f->type) && f->arity != ARITY_LIST)
            return true;
    }
    return false;
}

static bool has_strings(const schema_model *m)
{
    for (size_t i = 0; i < m->fields_n; i++) {
        const schema_field *f = &m->fields[i];
        if (query_visible(f) && f->kind == FIELD_SCALAR && f->type == SCALAR_STRING) return true;
    }
    return false;
}

static void relevance_fields(builder *b, const in_type *t)
{
    in_type fields = words(WORDS_RELEVANCE, t->model);
    add2(b, "fields", true, fields, list_of(fields));
    add1(b, "sort", true, words(WORDS_SORT, NULL));
    add1(b, "search", true, scalar(SCALAR_STRING));
}

static void order_fields(builder *b, const in_type *t)
{
    each_field(b, t, order_scalar, t->object == OBJ_ORDER ? order_relation : NULL);
    if (t->object == OBJ_ORDER && query_has_search(b->s) && has_strings(t->model)) {
        add1(b, "_relevance", false, object(OBJ_ORDER_RELEVANCE, t->model));
    }
    for (size_t i = 0; i < 5 && t->object == OBJ_ORDER_GROUPS; i++) {
        /* The reference lists the maximum before the minimum and the sum here. */
        static const uint8_t at[] = {0, 1, 4, 3, 2};
        query_aggregate fn = aggregates[at[i]].fn;
        if ((fn == AGG_AVG || fn == AGG_SUM) && !has_numbers(t->model)) continue;
        in_type o = object(OBJ_ORDER_AGGREGATE, t->model);
        o.aggregate = (uint8_t)fn;
        add1(b, aggregates[at[i]].key, false, o);
    }
    at_most_one(b);
}

/* --- data --- */

/* A data type carries its model and, in `field`, the relation field that leads back to the parent (or NULL). */
static in_type data(object_kind k, const schema_model *m, const schema_field *without, bool unchecked)
{
    in_type t = object(k, m);
    t.field = without;
    t.unchecked = unchecked;
    return t;
}

static bool data_has(const in_type *t, const schema_field *f)
{
    if (t->field && query_is_fk_of(f, t->field)) return false;
    return t->unchecked || (!query_is_fk(f) && !query_is_auto_id(f));
}

static void create_scalar(builder *b, const in_type *t, const schema_field *f)
{
    if (!data_has(t, f)) return;
    in_field *x = add(b, f->name, query_scalar_needed(f));
    in_type v = value_type(f);
    if (f->arity == ARITY_LIST) {
        in_type set = object(OBJ_LIST_CREATE, t->model);
        set.field = f;
        type(x, set);
        type(x, list_of(v));
    } else if (f->type == SCALAR_JSON) {
        type(x, words(f->arity == ARITY_OPTIONAL ? WORDS_JSON_NULLABLE : WORDS_JSON_INPUT, NULL));
        type(x, v);
    } else {
        type(x, v);
        if (f->arity == ARITY_OPTIONAL) type(x, null_type);
    }
}

static void update_scalar(builder *b, const in_type *t, const schema_field *f)
{
    if (!data_has(t, f)) return;
    in_field *x = add(b, f->name, false);
    in_type v = value_type(f);
    if (f->arity == ARITY_LIST) {
        in_type set = object(OBJ_LIST_UPDATE, t->model);
        set.field = f;
        type(x, set);
        type(x, list_of(v));
    } else if (f->type == SCALAR_JSON) {
        type(x, words(f->arity == ARITY_OPTIONAL ? WORDS_JSON_NULLABLE : WORDS_JSON_INPUT, NULL));
        type(x, v);
    } else {
        in_type ops = typed_object(OBJ_OPERATIONS, &v);
        ops.nullable = f->arity == ARITY_OPTIONAL;
        type(x, v);
        type(x, ops);
        if (f->arity == ARITY_OPTIONAL) type(x, null_type);
    }
}

static void data_relation(builder *b, const in_type *t, const schema_field *f)
{
    if (f == t->field || (t->unchecked && schema_holds_fk(f))) return;
    bool create = t->object == OBJ_CREATE;
    in_type n = object(create ? OBJ_NESTED_CREATE : OBJ_NESTED_UPDATE, f->target);
    n.field = f; /* the parent's field: its opposite is what the nested data leaves out */
    n.unchecked = t->unchecked;
    type(add(b, f->name, create && query_relation_needed(f)), n);
}

static void operation_fields(builder *b, const in_type *t)
{
    static const char *const arithmetic[] = {"increment", "decrement", "multiply", "divide"};
    in_type v = like_of(t);
    in_field *f = add(b, S("set"), false);
    type(f, v);
    if (t->nullable) type(f, null_type);
    for (int i = 0; i < 4 && !t->en && query_is_numeric((scalar_type)t->scalar); i++) add1(b, arithmetic[i], false, v);
    b->o->bounded = true;
    b->o->min = b->o->max = 1;
}

static void list_data_fields(builder *b, const in_type *t)
{
    in_type v = value_type(t->field);
    bool update = t->object == OBJ_LIST_UPDATE;
    add1(b, "set", !update, list_of(v));
    if (!update) return;
    add2(b, "push", false, v, list_of(v));
    b->o->bounded = true;
    b->o->min = b->o->max = 1;
}

/* --- nested writes --- */

/* Types that hold data of the child: the child's model, and the field that leads back. */
static in_type child(object_kind k, const schema_field *parent_field, bool unchecked)
{
    in_type t = data(k, parent_field->target, schema_opposite(parent_field), unchecked);
    t.many = parent_field->arity == ARITY_LIST;
    return t;
}

static void add_maybe_list(builder *b, const char *name, in_type t, bool many)
{
    in_field *f = add(b, str_c(name), false);
    type(f, t);
    if (many) type(f, list_of(t));
}

static void nested_create_field(builder *b, const schema_field *p, bool many)
{
    in_field *f = add(b, S("create"), false);
    for (int unchecked = 0; unchecked < 2; unchecked++) {
        in_type t = child(OBJ_CREATE, p, unchecked == 1);
        type(f, t);
        if (many) type(f, list_of(t));
    }
}

static void add_removal(builder *b, const char *name, const schema_field *p, bool many)
{
    if (many) {
        add_maybe_list(b, name, object(OBJ_WHERE_UNIQUE, p->target), true);
    } else if (p->arity == ARITY_OPTIONAL) {
        add2(b, name, false, scalar(SCALAR_BOOLEAN), object(OBJ_WHERE, p->target));
    }
}

static void nested_fields(builder *b, const in_type *t)
{
    const schema_field *p = t->field;
    bool many = p->arity == ARITY_LIST, update = t->object == OBJ_NESTED_UPDATE;
    in_type unique = object(OBJ_WHERE_UNIQUE, p->target);
    nested_create_field(b, p, many);
    add_maybe_list(b, "connectOrCreate", child(OBJ_CONNECT_OR_CREATE, p, false), many);
    if (update) add_maybe_list(b, "upsert", child(OBJ_UPSERT, p, false), many);
    if (many && p->relation->kind != RELATION_MANY_MANY) add1(b, "createMany", false, child(OBJ_ENVELOPE, p, false));
    if (update && many) add_maybe_list(b, "set", unique, true);
    if (update) add_removal(b, "disconnect", p, many);
    if (update) add_removal(b, "delete", p, many);
    add_maybe_list(b, "connect", unique, many);
    if (!update) return;
    if (many) {
        add_maybe_list(b, "update", child(OBJ_UPDATE_WHERE, p, false), true);
        add_maybe_list(b, "updateMany", child(OBJ_UPDATE_MANY_WHERE, p, false), true);
        add_maybe_list(b, "deleteMany", object(OBJ_WHERE_SCALARS, p->target), true);
        return;
    }
    in_field *f = add(b, S("update"), false);
    type(f, child(OBJ_UPDATE_WHERE, p, false));
    type(f, child(OBJ_UPDATE, p, false));
    type(f, child(OBJ_UPDATE, p, true));
}

static void add_both(builder *b, const char *name, const in_type *t, object_kind k)
{
    add2(b, name, true, data(k, t->model, t->field, false), data(k, t->model, t->field, true));
}

static void nested_item_fields(builder *b, const in_type *t)
{
    in_type unique = object(OBJ_WHERE_UNIQUE, t->model), any = object(OBJ_WHERE, t->model);
    switch (t->object) {
    case OBJ_CONNECT_OR_CREATE:
        add1(b, "where", true, unique);
        add_both(b, "create", t, OBJ_CREATE);
        break;
    case OBJ_UPSERT:
        if (t->many) add1(b, "where", true, unique);
        add_both(b, "update", t, OBJ_UPDATE);
        add_both(b, "create", t, OBJ_CREATE);
        if (!t->many) add1(b, "where", false, any);
        break;
    case OBJ_UPDATE_WHERE:
        add1(b, "where", t->many, t->many ? unique : any);
        add_both(b, "data", t, OBJ_UPDATE);
        break;
    case OBJ_UPDATE_MANY_WHERE:
        add1(b, "where", true, object(OBJ_WHERE_SCALARS, t->model));
        add2(b, "data", true, data(OBJ_UPDATE_ROW, t->model, NULL, false),
             data(OBJ_UPDATE_ROW, t->model, t->field, true));
        break;
    default: { /* OBJ_ENVELOPE */
        in_type r = data(OBJ_CREATE_ROW, t->model, t->field, true);
        add2(b, "data", true, r, list_of(r));
        if (query_has_skip_duplicates(b->s)) add1(b, "skipDuplicates", false, scalar(SCALAR_BOOLEAN));
        break;
    }
    }
}

static void read_fields(builder *b, const in_type *t)
{
    switch (t->object) {
    case OBJ_WHERE:
    case OBJ_WHERE_UNIQUE:
    case OBJ_WHERE_SCALARS:
    case OBJ_WHERE_GROUPS:
        where_fields(b, t);
        break;
    case OBJ_COMPOUND:
        for (size_t i = 0; i < t->index->fields_n; i++) {
            type(add(b, t->index->fields[i]->name, true), value_type(t->index->fields[i]));
        }
        break;
    case OBJ_FILTER:
        filter_fields(b, t);
        break;
    case OBJ_LIST_FILTER:
        list_filter_fields(b, t);
        break;
    case OBJ_REF:
        add1(b, "_ref", true, scalar(SCALAR_STRING));
        add1(b, "_container", true, scalar(SCALAR_STRING));
        break;
    case OBJ_RELATION_LIST:
    case OBJ_RELATION_ONE:
        relation_filter_fields(b, t);
        break;
    case OBJ_ORDER:
    case OBJ_ORDER_GROUPS:
        order_fields(b, t);
        break;
    case OBJ_ORDER_COUNT:
        add1(b, "_count", false, words(WORDS_SORT, NULL));
        at_most_one(b);
        break;
    case OBJ_ORDER_AGGREGATE:
        each_field(b, t, order_aggregate_field, NULL);
        at_most_one(b);
        break;
    case OBJ_ORDER_NULLS:
        add1(b, "sort", true, words(WORDS_SORT, NULL));
        add1(b, "nulls", false, words(WORDS_NULLS, NULL));
        break;
    case OBJ_ORDER_RELEVANCE:
        relevance_fields(b, t);
        break;
    default:
        break;
    }
}

static void write_fields(builder *b, const in_type *t)
{
    switch (t->object) {
    case OBJ_CREATE:
        each_field(b, t, create_scalar, data_relation);
        break;
    case OBJ_CREATE_ROW:
        each_field(b, t, create_scalar, NULL);
        break;
    case OBJ_UPDATE:
        each_field(b, t, update_scalar, data_relation);
        break;
    case OBJ_UPDATE_ROW:
        each_field(b, t, update_scalar, NULL);
        break;
    case OBJ_OPERATIONS:
        operation_fields(b, t);
        break;
    case OBJ_LIST_CREATE:
    case OBJ_LIST_UPDATE:
        list_data_fields(b, t);
        break;
    case OBJ_NESTED_CREATE:
    case OBJ_NESTED_UPDATE:
        nested_fields(b, t);
        break;
    case OBJ_CONNECT_OR_CREATE:
    case OBJ_ENVELOPE:
    case OBJ_UPSERT:
    case OBJ_UPDATE_WHERE:
    case OBJ_UPDATE_MANY_WHERE:
        nested_item_fields(b, t);
        break;
    default:
        break;
    }
}

bool type_fields(arena *a, const schema *s, const in_type *t, in_object *out)
{
    *out = (in_object){0};
    builder b = {.a = a, .s = s, .o = out};
    if (t->object < OBJ_CREATE) read_fields(&b, t);
    else write_fields(&b, t);
    return !b.failed;
}

/* --- the arguments of actions --- */

static void many_arguments(builder *b, const schema_model *m)
{
    in_type order = object(OBJ_ORDER, m), fields = words(WORDS_FIELDS, m);
    add1(b, "where", false, object(OBJ_WHERE, m));
    add2(b, "orderBy", false, list_of(order), order);
    add1(b, "cursor", false, object(OBJ_WHERE_UNIQUE, m));
    add1(b, "take", false, scalar(SCALAR_INT));
    add1(b, "skip", false, scalar(SCALAR_INT));
    add2(b, "distinct", false, fields, list_of(fields));
}

static void strategy_argument(builder *b)
{
    if (query_has_strategy(b->s)) add1(b, "relationLoadStrategy", false, words(WORDS_STRATEGY, NULL));
}

static void data_argument(builder *b, const char *name, const schema_model *m, object_kind k)
{
    add2(b, name, true, data(k, m, NULL, false), data(k, m, NULL, true));
}

static void group_arguments(builder *b, const schema_model *m)
{
    in_type order = object(OBJ_ORDER_GROUPS, m), fields = words(WORDS_FIELDS, m);
    add1(b, "where", false, object(OBJ_WHERE, m));
    add2(b, "orderBy", false, list_of(order), order);
    add2(b, "by", true, list_of(fields), fields);
    add1(b, "having", false, object(OBJ_WHERE_GROUPS, m));
    add1(b, "take", false, scalar(SCALAR_INT));
    add1(b, "skip", false, scalar(SCALAR_INT));
}

static void write_arguments(builder *b, query_action action, const schema_model *m)
{
    in_type r = data(OBJ_CREATE_ROW, m, NULL, true);
    if (action == QUERY_CREATE_ONE) {
        data_argument(b, "data", m, OBJ_CREATE);
        strategy_argument(b);
    } else if (action == QUERY_CREATE_MANY || action == QUERY_CREATE_MANY_RETURN) {
        add2(b, "data", true, r, list_of(r));
        if (query_has_skip_duplicates(b->s)) add1(b, "skipDuplicates", false, scalar(SCALAR_BOOLEAN));
    } else if (action == QUERY_UPDATE_MANY || action == QUERY_UPDATE_MANY_RETURN || action == QUERY_DELETE_MANY) {
        if (action != QUERY_DELETE_MANY) data_argument(b, "data", m, OBJ_UPDATE_ROW);
        add1(b, "where", false, object(OBJ_WHERE, m));
        add1(b, "limit", false, scalar(SCALAR_INT));
    } else {
        if (action == QUERY_UPDATE_ONE) data_argument(b, "data", m, OBJ_UPDATE);
        add1(b, "where", true, object(OBJ_WHERE_UNIQUE, m));
        if (action == QUERY_UPSERT_ONE) {
            data_argument(b, "create", m, OBJ_CREATE);
            data_argument(b, "update", m, OBJ_UPDATE);
        }
        strategy_argument(b);
    }
}

bool type_arguments(arena *a, const schema *s, query_action action, const schema_model *m, in_object *out)
{
    *out = (in_object){0};
    builder b = {.a = a, .s = s, .o = out};
    if (action == QUERY_FIND_UNIQUE || action == QUERY_FIND_UNIQUE_OR_THROW) {
        add1(&b, "where", true, object(OBJ_WHERE_UNIQUE, m));
        strategy_argument(&b);
    } else if (action == QUERY_FIND_FIRST || action == QUERY_FIND_FIRST_OR_THROW || action == QUERY_FIND_MANY) {
        many_arguments(&b, m);
        strategy_argument(&b);
    } else if (action == QUERY_AGGREGATE) {
        many_arguments(&b, m);
        if (out->n != 0) out->n--; /* no distinct */
    } else if (action == QUERY_GROUP_BY) {
        group_arguments(&b, m);
    } else {
        write_arguments(&b, action, m);
    }
    return !b.failed;
}

bool type_relation_arguments(arena *a, const schema *s, const schema_field *f, in_object *out)
{
    *out = (in_object){0};
    builder b = {.a = a, .s = s, .o = out};
    if (f->arity == ARITY_LIST) many_arguments(&b, f->target);
    else if (f->arity == ARITY_OPTIONAL) add1(&b, "where", false, object(OBJ_WHERE, f->target));
    return !b.failed;
}
