/* query/type_names.c - the names of input types, the words of the language's own enums, and output types. */
#include "query/types_int.h"

/* The name with its first letter in upper case. */
static nicol_str capital(arena *a, nicol_str s)
{
    nicol_str copy = arena_str(a, s);
    char *p = (char *)(uintptr_t)copy.ptr;
    if (p && copy.len && p[0] >= 'a' && p[0] <= 'z') p[0] = (char)(p[0] - 'a' + 'A');
    return copy;
}

/* head X middle Y tail */
static nicol_str joined(arena *a, const char *head, nicol_str x, const char *middle, nicol_str y, const char *tail)
{
    if (x.ptr == NULL || y.ptr == NULL) return (nicol_str){0};
    return arena_printf(a, "%s%.*s%s%.*s%s", head, STR_FMT(x), middle, STR_FMT(y), tail);
}

/* What filters and operations are called after: "Int", "Bool", "EnumColor". */
static nicol_str filter_stem(arena *a, const in_type *t, bool ref)
{
    if (t->en) return joined(a, "Enum", t->en->name, "", S(""), "");
    if (t->scalar == SCALAR_BOOLEAN) return ref ? S("Boolean") : S("Bool");
    if (t->scalar == SCALAR_UUID) return S("Uuid");
    return schema_scalar_name((scalar_type)t->scalar);
}

static nicol_str compound_name(arena *a, const in_type *t)
{
    nicol_str parts = S("");
    const schema_index *x = t->index;
    nicol_str plain = S("");
    for (size_t i = 0; i < x->fields_n; i++) {
        parts = joined(a, "", parts, "", capital(a, x->fields[i]->name), "");
        plain = joined(a, "", plain, i ? "_" : "", x->fields[i]->name, "");
        if (parts.ptr == NULL || plain.ptr == NULL) return (nicol_str){0};
    }
    if (!str_eq(plain, x->name)) parts = capital(a, x->name);
    return joined(a, "", t->model->name, "", parts, "CompoundUniqueInput");
}

static nicol_str filter_name(arena *a, const in_type *t)
{
    nicol_str stem = filter_stem(a, t, false);
    if (stem.ptr == NULL) return stem;
    return arena_printf(a, "%s%.*s%s%sFilter", t->nested ? "Nested" : "", STR_FMT(stem), t->nullable ? "Nullable" : "",
                        t->groups ? "WithAggregates" : "");
}

static nicol_str ref_name(arena *a, const in_type *t)
{
    if (t->words == WORDS_MODE && t->scalar == 0) return S("EnumQueryModeFieldRefInput");
    return joined(a, t->many ? "List" : "", filter_stem(a, t, true), "FieldRefInput", S(""), "");
}

/* Names of data types: MODEL [Unchecked] VERB [Without BACK] Input. */
static nicol_str data_name(arena *a, const in_type *t, const char *verb)
{
    nicol_str back = t->field ? capital(a, t->field->name) : S("");
    if (back.ptr == NULL) return back;
    return arena_printf(a, "%.*s%s%s%s%.*sInput", STR_FMT(t->model->name), t->unchecked ? "Unchecked" : "", verb,
                        t->field ? "Without" : "", STR_FMT(back));
}

static nicol_str nested_name(arena *a, const in_type *t)
{
    const schema_field *back = schema_opposite(t->field);
    nicol_str name = back ? capital(a, back->name) : S("");
    bool many = t->field->arity == ARITY_LIST, update = t->object == OBJ_NESTED_UPDATE;
    const char *unchecked = t->unchecked ? "Unchecked" : "";
    if (name.ptr == NULL) return name;
    if (!update) {
        return arena_printf(a, "%.*s%sCreateNested%sWithout%.*sInput", STR_FMT(t->model->name), unchecked,
                            many ? "Many" : "One", STR_FMT(name));
    }
    const char *one = t->field->arity == ARITY_REQUIRED ? "OneRequired" : "One";
    return arena_printf(a, "%.*s%sUpdate%sWithout%.*sNestedInput", STR_FMT(t->model->name), unchecked,
                        many ? "Many" : one, STR_FMT(name));
}

static nicol_str item_name(arena *a, const in_type *t)
{
    nicol_str back = t->field ? capital(a, t->field->name) : S("");
    switch (t->object) {
    case OBJ_CONNECT_OR_CREATE:
        return data_name(a, t, "CreateOrConnect");
    case OBJ_ENVELOPE:
        return joined(a, "", t->model->name, "CreateMany", back, "InputEnvelope");
    case OBJ_UPSERT:
        return data_name(a, t, t->many ? "UpsertWithWhereUnique" : "Upsert");
    case OBJ_UPDATE_WHERE:
        return data_name(a, t, t->many ? "UpdateWithWhereUnique" : "UpdateToOneWithWhere");
    default:
        return data_name(a, t, "UpdateManyWithWhere");
    }
}

static nicol_str row_name(arena *a, const in_type *t)
{
    nicol_str back = t->field ? capital(a, t->field->name) : S("");
    if (t->object == OBJ_CREATE_ROW) return joined(a, "", t->model->name, "CreateMany", back, "Input");
    if (!t->unchecked) return joined(a, "", t->model->name, "UpdateManyMutationInput", S(""), "");
    return data_name(a, t, "UpdateMany");
}

static nicol_str order_aggregate_name(arena *a, const in_type *t)
{
    static const char *const names[] = {[AGG_NONE] = "",   [AGG_COUNT] = "Count", [AGG_SUM] = "Sum",
                                        [AGG_AVG] = "Avg", [AGG_MIN] = "Min",     [AGG_MAX] = "Max"};
    return arena_printf(a, "%.*s%sOrderByAggregateInput", STR_FMT(t->model->name), names[t->aggregate]);
}

static nicol_str model_name(arena *a, const in_type *t, const char *tail)
{
    return arena_printf(a, "%.*s%s", STR_FMT(t->model->name), tail);
}

static nicol_str object_name(arena *a, const in_type *t)
{
    switch ((object_kind)t->object) {
    case OBJ_WHERE:
        return model_name(a, t, "WhereInput");
    case OBJ_WHERE_UNIQUE:
        return model_name(a, t, "WhereUniqueInput");
    case OBJ_WHERE_SCALARS:
        return model_name(a, t, "ScalarWhereInput");
    case OBJ_WHERE_GROUPS:
        return model_name(a, t, "ScalarWhereWithAggregatesInput");
    case OBJ_COMPOUND:
        return compound_name(a, t);
    case OBJ_FILTER:
        return filter_name(a, t);
    case OBJ_LIST_FILTER:
        return joined(a, "", filter_stem(a, t, false), "NullableListFilter", S(""), "");
    case OBJ_REF:
        return ref_name(a, t);
    case OBJ_RELATION_LIST:
        return model_name(a, t, "ListRelationFilter");
    case OBJ_RELATION_ONE:
        return model_name(a, t, t->nullable ? "NullableScalarRelationFilter" : "ScalarRelationFilter");
    case OBJ_ORDER:
        return model_name(a, t, "OrderByWithRelationInput");
    case OBJ_ORDER_GROUPS:
        return model_name(a, t, "OrderByWithAggregationInput");
    case OBJ_ORDER_COUNT:
        return model_name(a, t, "OrderByRelationAggregateInput");
    case OBJ_ORDER_AGGREGATE:
        return order_aggregate_name(a, t);
    case OBJ_ORDER_NULLS:
        return S("SortOrderInput");
    case OBJ_ORDER_RELEVANCE:
        return model_name(a, t, "OrderByRelevanceInput");
    case OBJ_CREATE:
        return data_name(a, t, "Create");
    case OBJ_UPDATE:
        return data_name(a, t, "Update");
    case OBJ_CREATE_ROW:
    case OBJ_UPDATE_ROW:
        return row_name(a, t);
    case OBJ_OPERATIONS:
        return joined(a, t->nullable ? "Nullable" : "", filter_stem(a, t, false), "FieldUpdateOperationsInput", S(""),
                      "");
    case OBJ_LIST_CREATE:
        return joined(a, "", t->model->name, "Create", t->field->name, "Input");
    case OBJ_LIST_UPDATE:
        return joined(a, "", t->model->name, "Update", t->field->name, "Input");
    case OBJ_NESTED_CREATE:
    case OBJ_NESTED_UPDATE:
        return nested_name(a, t);
    case OBJ_CONNECT_OR_CREATE:
    case OBJ_ENVELOPE:
    case OBJ_UPSERT:
    case OBJ_UPDATE_WHERE:
    case OBJ_UPDATE_MANY_WHERE:
        return item_name(a, t);
    }
    return (nicol_str){0};
}

static const struct word_list {
    const char *name;
    const char *words[4];
} word_sets[] = {
    [WORDS_SORT] = {"SortOrder", {"asc", "desc"}},
    [WORDS_NULLS] = {"NullsOrder", {"first", "last"}},
    [WORDS_MODE] = {"QueryMode", {"default", "insensitive"}},
    [WORDS_STRATEGY] = {"RelationLoadStrategy", {"query", "join"}},
    [WORDS_FIELDS] = {"ScalarFieldEnum", {NULL}},
    [WORDS_RELEVANCE] = {"OrderByRelevanceFieldEnum", {NULL}},
    [WORDS_JSON_FILTER] = {"JsonNullValueFilter", {"DbNull", "JsonNull", "AnyNull"}},
    [WORDS_JSON_INPUT] = {"JsonNullValueInput", {"JsonNull"}},
    [WORDS_JSON_NULLABLE] = {"NullableJsonNullValueInput", {"DbNull", "JsonNull"}},
};

bool words_have(const in_type *t, nicol_str word)
{
    if (t->words == WORDS_FIELDS || t->words == WORDS_RELEVANCE) {
        const schema_field *f = schema_field_get(t->model, word);
        if (!f || !query_visible(f) || f->kind == FIELD_RELATION) return false;
        return t->words == WORDS_FIELDS || f->type == SCALAR_STRING;
    }
    for (size_t i = 0; i < 4 && word_sets[t->words].words[i]; i++) {
        if (str_eq(word, str_c(word_sets[t->words].words[i]))) return true;
    }
    return false;
}

nicol_str type_name(arena *a, const in_type *t)
{
    nicol_str name = {0};
    switch ((type_kind)t->kind) {
    case TYPE_NULL:
        name = S("Null");
        break;
    case TYPE_SCALAR:
        name = schema_scalar_name((scalar_type)t->scalar);
        break;
    case TYPE_ENUM:
        name = t->en->name;
        break;
    case TYPE_WORDS:
        name = str_c(word_sets[t->words].name);
        if (t->model) name = model_name(a, t, word_sets[t->words].name);
        break;
    case TYPE_OBJECT:
        name = object_name(a, t);
        break;
    }
    if (name.ptr == NULL || !t->list) return name;
    return arena_printf(a, "%.*s[]", STR_FMT(name));
}

/* --- output types --- */

bool out_aggregate_takes(query_aggregate fn, const schema_field *f)
{
    if (!query_visible(f) || f->kind == FIELD_RELATION) return false;
    if (fn == AGG_SUM || fn == AGG_AVG) return query_is_numeric(f->type) && f->arity != ARITY_LIST;
    if (fn == AGG_MIN || fn == AGG_MAX) return f->type != SCALAR_JSON && f->arity != ARITY_LIST;
    return true;
}

static void out_add(out_object *o, nicol_str name, nicol_str type, bool relation)
{
    o->fields[o->n++] = (out_field){name, type, relation};
}

static nicol_str out_field_type(arena *a, const schema_field *f)
{
    nicol_str name = f->kind == FIELD_RELATION ? f->target->name
                     : f->kind == FIELD_ENUM   ? f->en->name
                                               : schema_scalar_name(f->type);
    return f->arity == ARITY_LIST ? arena_printf(a, "%.*s[]", STR_FMT(name)) : name;
}

static bool has_lists(const schema_model *m)
{
    for (size_t i = 0; i < m->fields_n; i++) {
        const schema_field *f = &m->fields[i];
        if (query_visible(f) && f->kind == FIELD_RELATION && f->arity == ARITY_LIST) return true;
    }
    return false;
}

static void out_model(arena *a, out_kind kind, const schema_model *m, out_object *o)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < m->fields_n; i++) {
            const schema_field *f = &m->fields[i];
            bool relation = f->kind == FIELD_RELATION;
            if (!query_visible(f) || relation != (pass == 1)) continue;
            if (relation && (kind == OUT_GROUP || (kind == OUT_RETURNED && !schema_holds_fk(f)))) continue;
            out_add(o, f->name, out_field_type(a, f), relation);
        }
    }
}

static const struct {
    query_aggregate fn;
    const char *key, *name;
} parts[] = {{AGG_COUNT, "_count", "Count"},
             {AGG_AVG, "_avg", "Avg"},
             {AGG_SUM, "_sum", "Sum"},
             {AGG_MIN, "_min", "Min"},
             {AGG_MAX, "_max", "Max"}};

static void out_parts(arena *a, const schema_model *m, out_object *o)
{
    bool numbers = false;
    for (size_t i = 0; i < m->fields_n; i++) numbers = numbers || out_aggregate_takes(AGG_SUM, &m->fields[i]);
    for (size_t i = 0; i < 5; i++) {
        if (!numbers && (parts[i].fn == AGG_AVG || parts[i].fn == AGG_SUM)) continue;
        out_add(o, str_c(parts[i].key), arena_printf(a, "%.*s%sAggregateOutputType", STR_FMT(m->name), parts[i].name),
                false);
    }
}

static void out_part(arena *a, const schema_model *m, query_aggregate fn, out_object *o)
{
    for (size_t i = 0; i < m->fields_n; i++) {
        const schema_field *f = &m->fields[i];
        if (!out_aggregate_takes(fn, f)) continue;
        nicol_str type = out_field_type(a, f);
        if (fn == AGG_COUNT) type = S("Int");
        else if (fn == AGG_AVG && f->type != SCALAR_DECIMAL) type = S("Float");
        out_add(o, f->name, type, false);
    }
    if (fn == AGG_COUNT) out_add(o, S("_all"), S("Int"), false);
    for (size_t i = 0; i < 5; i++) {
        if (parts[i].fn == fn) o->name = arena_printf(a, "%.*s%sAggregateOutputType", STR_FMT(m->name), parts[i].name);
    }
}

bool type_output(arena *a, out_kind kind, const schema_model *m, query_aggregate fn, query_action action,
                 out_object *out)
{
    *out = (out_object){.fields = ARENA_ARRAY(a, m->fields_n + 8, out_field)};
    if (!out->fields) return false;
    nicol_str model = m->name;
    switch (kind) {
    case OUT_MODEL:
        out->name = model;
        out_model(a, kind, m, out);
        if (has_lists(m)) out_add(out, S("_count"), arena_printf(a, "%.*sCountOutputType", STR_FMT(model)), false);
        break;
    case OUT_RETURNED:
        out->name = arena_printf(a, "%s%.*sAndReturnOutputType",
                                 action == QUERY_CREATE_MANY_RETURN ? "CreateMany" : "UpdateMany", STR_FMT(model));
        out_model(a, kind, m, out);
        break;
    case OUT_COUNTS:
        out->name = arena_printf(a, "%.*sCountOutputType", STR_FMT(model));
        for (size_t i = 0; i < m->fields_n; i++) {
            const schema_field *f = &m->fields[i];
            if (query_visible(f) && f->kind == FIELD_RELATION && f->arity == ARITY_LIST)
                out_add(out, f->name, S("Int"), false);
        }
        break;
    case OUT_AFFECTED:
        out->name = S("AffectedRowsOutput");
        out_add(out, S("count"), S("Int"), false);
        break;
    case OUT_AGGREGATE:
        out->name = arena_printf(a, "Aggregate%.*s", STR_FMT(model));
        out_parts(a, m, out);
        break;
    case OUT_GROUP:
        out->name = arena_printf(a, "%.*sGroupByOutputType", STR_FMT(model));
        out_model(a, kind, m, out);
        out_parts(a, m, out);
        break;
    case OUT_AGGREGATE_PART:
        out_part(a, m, fn, out);
        break;
    }
    return !arena_failed(a);
}
