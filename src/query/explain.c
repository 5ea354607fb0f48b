/* query/explain.c - the second reading: matches a request that the first one refused against the typed description of
 * the language, and raises what is wrong.
 *
 * A value is tried against each type that its place allows; the faults of all of them make a Union. Within one object
 * the order matters, because only its first fault is told: members that are missing, then those given, in the order of
 * the request, then how many there are. Recursion is bounded by the depth of the JSON document.
 */
#include "query/fault_int.h"

typedef struct matcher {
    const schema *s;
    arena *a;
    const place *selection;
    size_t bytes_max; /* of the arena: the two forms of nested data are both told, so faults double at every level */
    bool failed;      /* memory or size: no verdict */
} matcher;

#define EXPLAIN_BYTES_MAX ((size_t)32 << 20)

static fault *no_verdict(matcher *m)
{
    static fault none = {.kind = FAULT_UNION};
    m->failed = true;
    return &none;
}

static fault *new_fault(matcher *m, fault_kind kind, const place *argument)
{
    fault *f = ARENA_NEW(m->a, fault);
    if (!f) return no_verdict(m);
    f->kind = kind;
    f->selection = m->selection;
    f->argument = argument;
    return f;
}

static const in_type *keep_types(matcher *m, const in_type *t, uint32_t n)
{
    in_type *copy = ARENA_ARRAY(m->a, n ? n : 1, in_type);
    if (!copy) m->failed = true;
    else memcpy(copy, t, n * sizeof *t);
    return copy;
}

static const place *step(matcher *m, const place *up, nicol_str name)
{
    place *p = ARENA_NEW(m->a, place);
    if (!p) m->failed = true;
    else *p = (place){up, name};
    return p;
}

/* --- what a JSON value is --- */

typedef enum shape { SHAPE_NULL, SHAPE_SCALAR, SHAPE_LIST, SHAPE_OBJECT, SHAPE_REF } shape;

static shape shape_of(json_val v, scalar_type *type, bool *word, json_val *inner)
{
    *word = false;
    *type = SCALAR_UNKNOWN;
    *inner = v;
    switch (json_kind(v)) {
    case JSON_NULL:
        return SHAPE_NULL;
    case JSON_FALSE:
    case JSON_TRUE:
        *type = SCALAR_BOOLEAN;
        return SHAPE_SCALAR;
    case JSON_NUMBER:
        *type = json_token(v)->escaped ? SCALAR_FLOAT : SCALAR_INT;
        return SHAPE_SCALAR;
    case JSON_STRING:
        *type = SCALAR_STRING;
        return SHAPE_SCALAR;
    case JSON_ARRAY:
        return SHAPE_LIST;
    case JSON_OBJECT:
        break;
    }
    nicol_str tag = query_tag(v, inner);
    if (str_eq(tag, S("FieldRef"))) return SHAPE_REF;
    if (str_eq(tag, S("DateTime"))) *type = SCALAR_DATETIME;
    else if (str_eq(tag, S("BigInt"))) *type = SCALAR_BIGINT;
    else if (str_eq(tag, S("Decimal"))) *type = SCALAR_FLOAT;
    else if (str_eq(tag, S("Bytes"))) *type = SCALAR_BYTES;
    else if (str_eq(tag, S("Json"))) *type = SCALAR_JSON;
    else if (str_eq(tag, S("Enum"))) *word = true;
    else if (str_eq(tag, S("Raw"))) return SHAPE_OBJECT;
    else {
        *inner = v;
        return SHAPE_OBJECT;
    }
    return SHAPE_SCALAR;
}

static nicol_str inferred(matcher *m, json_val v)
{
    scalar_type type;
    bool word;
    json_val inner;
    switch (shape_of(v, &type, &word, &inner)) {
    case SHAPE_NULL:
        return S("Null");
    case SHAPE_SCALAR:
        return word ? S("Enum") : schema_scalar_name(type);
    case SHAPE_OBJECT:
        return S("Object");
    case SHAPE_REF:
        return S("FieldRef");
    case SHAPE_LIST:
        break;
    }
    nicol_str s = S("(");
    json_iter it = json_first(v);
    for (uint32_t i = 0; json_more(&it); i++) {
        bool deep = json_kind(it.value) == JSON_ARRAY;
        s = arena_printf(m->a, "%.*s%s%.*s", (int)s.len, s.ptr, i ? ", " : "",
                         STR_FMT(deep ? S("List") : inferred(m, it.value)));
        if (s.ptr == NULL || s.len > 4000) break;
    }
    if (s.ptr) s = arena_printf(m->a, "%.*s)", (int)s.len, s.ptr);
    if (s.ptr == NULL) m->failed = true;
    return s;
}

/* --- scalars --- */

static fault *wrong_type(matcher *m, const in_type *t, nicol_str name, json_val v, const place *at)
{
    fault *f = new_fault(m, FAULT_TYPE, at);
    if (m->failed) return f;
    f->types = keep_types(m, t, 1);
    f->types_n = 1;
    f->name = name;
    f->text = inferred(m, v);
    return f;
}

static fault *wrong_value(matcher *m, nicol_str name, nicol_str value, nicol_str expected, const char *why,
                          const place *at)
{
    fault *f = new_fault(m, FAULT_VALUE, at);
    if (m->failed) return f;
    f->name = name;
    f->text = value;
    f->expected = expected;
    f->underlying = str_c(why);
    return f;
}

static fault *too_large(matcher *m, const in_type *t, nicol_str name, nicol_str value, const place *at)
{
    fault *f = new_fault(m, FAULT_TOO_LARGE, at);
    if (m->failed) return f;
    f->types = keep_types(m, t, 1);
    f->types_n = 1;
    f->name = name;
    f->text = value;
    return f;
}

static fault *missing(matcher *m, const in_type *types, uint32_t n, const place *at)
{
    fault *f = new_fault(m, FAULT_MISSING, at);
    if (m->failed) return f;
    f->types = keep_types(m, types, n);
    f->types_n = n;
    return f;
}

/* Why a text is no 64-bit integer. */
static const char *integer_problem(nicol_str s)
{
    size_t at = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0;
    if (s.len == 0) return "cannot parse integer from empty string";
    bool digits = at < s.len;
    for (size_t i = at; i < s.len; i++) digits = digits && s.ptr[i] >= '0' && s.ptr[i] <= '9';
    if (!digits) return "invalid digit found in string";
    return s.ptr[0] == '-' ? "number too small to fit in target type" : "number too large to fit in target type";
}

/* A text that should have been a DateTime, BigInt, Decimal or Bytes. */
static fault *wrong_text(matcher *m, const in_type *t, nicol_str name, nicol_str text, const place *at)
{
    switch (t->scalar) {
    case SCALAR_DATETIME:
        return wrong_value(m, name, text, S("ISO-8601 DateTime"), query_datetime_problem(text), at);
    case SCALAR_BIGINT:
        return wrong_value(m, name, text, S("big integer String"), integer_problem(text), at);
    case SCALAR_DECIMAL:
        return wrong_value(m, name, text, S("decimal String"),
                           text.len ? "invalid digit found in string" : "Failed to parse empty string", at);
    case SCALAR_BYTES:
        return wrong_value(m, name, text, S("base64 String"), "Invalid base64 text", at);
    default:
        return NULL;
    }
}

static fault *match_scalar(matcher *m, const in_type *t, nicol_str name, json_val v, shape sh, const place *at)
{
    val out;
    if (sh == SHAPE_LIST) return wrong_type(m, t, name, v, at);
    if (query_take_value(v, (scalar_type)t->scalar, NULL, false, m->a, &out)) return NULL;
    if (arena_failed(m->a)) return no_verdict(m);
    if (sh != SHAPE_SCALAR) return wrong_type(m, t, name, v, at);
    json_val inner = v;
    nicol_str tag = query_tag(v, &inner);
    bool fits = tag.len == 0 || str_eq(tag, schema_scalar_name((scalar_type)t->scalar));
    if (json_kind(v) == JSON_NUMBER && (t->scalar == SCALAR_INT || t->scalar == SCALAR_BIGINT)) {
        int64_t fitting;
        if (!reader_int(v, &fitting)) return too_large(m, t, name, json_raw(v), at);
    }
    fault *f = fits && json_kind(inner) == JSON_STRING ? wrong_text(m, t, name, json_text(inner), at) : NULL;
    return f ? f : wrong_type(m, t, name, v, at);
}

static fault *match_words(matcher *m, const in_type *t, nicol_str name, json_val v, const place *at)
{
    json_val inner = v;
    nicol_str tag = query_tag(v, &inner);
    if ((tag.len != 0 && !str_eq(tag, S("Enum"))) || json_kind(inner) != JSON_STRING)
        return wrong_type(m, t, name, v, at);
    nicol_str word = json_text(inner);
    bool known = t->kind == TYPE_ENUM ? schema_enum_value_get(t->en, word) != NULL : words_have(t, word);
    return known ? NULL : wrong_value(m, name, word, type_name(m->a, t), NULL, at);
}

/* --- objects and unions --- */

static fault *match_any(matcher *m, const in_type *types, uint32_t n, nicol_str name, json_val v, const place *at);

static const in_field *find_field(const in_object *o, nicol_str name)
{
    for (uint32_t i = 0; i < o->n; i++) {
        if (str_eq(o->fields[i].name, name)) return &o->fields[i];
    }
    return NULL;
}

static fault *check_bounds(matcher *m, const in_type *t, const in_object *o, json_val v, const place *at)
{
    uint32_t given = 0;
    json_iter it = json_first(v);
    while (json_more(&it)) {
        const in_field *f = find_field(o, it.key);
        if (f && (o->any_of == 0 || (uint32_t)(f - o->fields) < o->any_of)) given++;
    }
    fault_kind kind = given < o->min ? FAULT_TOO_FEW : given > o->max ? FAULT_TOO_MANY : (fault_kind)0;
    if (!o->bounded || kind == 0) return NULL;
    fault *f = new_fault(m, kind, at);
    in_object *copy = ARENA_NEW(m->a, in_object);
    if (!copy || m->failed) return no_verdict(m);
    *copy = *o;
    f->object = copy;
    f->types = keep_types(m, t, 1);
    f->types_n = 1;
    f->given = given;
    return f;
}

static fault *match_object(matcher *m, const in_type *t, json_val v, const place *at)
{
    in_object o;
    if (!type_fields(m->a, m->s, t, &o)) return no_verdict(m);
    for (uint32_t i = 0; i < o.n; i++) {
        if (o.fields[i].required && !json_present(json_get(v, o.fields[i].name))) {
            const place *p = step(m, at, o.fields[i].name);
            return missing(m, o.fields[i].types, o.fields[i].types_n, p);
        }
    }
    json_iter it = json_first(v);
    while (json_more(&it)) {
        if (it.key.ptr == NULL) return no_verdict(m);
        const in_field *f = find_field(&o, it.key);
        const place *p = step(m, at, it.key);
        if (m->failed) return no_verdict(m);
        fault *bad;
        if (f) {
            bad = match_any(m, f->types, f->types_n, f->name, it.value, p);
        } else {
            bad = new_fault(m, FAULT_UNKNOWN_FIELD, p);
            if (!m->failed) bad->types = keep_types(m, t, 1);
        }
        if (bad) return bad;
    }
    return check_bounds(m, t, &o, v, at);
}

static fault *match_list(matcher *m, const in_type *t, nicol_str name, json_val v, const place *at)
{
    in_type element = *t;
    element.list = false;
    json_iter it = json_first(v);
    while (json_more(&it)) {
        fault *f = match_any(m, &element, 1, name, it.value, at);
        if (f) return f;
    }
    return NULL;
}

static fault *match_one(matcher *m, const in_type *t, nicol_str name, json_val v, const place *at)
{
    scalar_type type;
    bool word;
    json_val inner;
    shape sh = shape_of(v, &type, &word, &inner);
    /* Nearly anything is JSON. */
    if (t->kind == TYPE_SCALAR && t->scalar == SCALAR_JSON && !t->list && !word && sh != SHAPE_REF) return NULL;
    if (sh == SHAPE_NULL) return t->kind == TYPE_NULL ? NULL : missing(m, t, 1, at);
    if (t->list) return sh == SHAPE_LIST ? match_list(m, t, name, v, at) : wrong_type(m, t, name, v, at);
    switch ((type_kind)t->kind) {
    case TYPE_NULL:
        break;
    case TYPE_SCALAR:
        return match_scalar(m, t, name, v, sh, at);
    case TYPE_ENUM:
    case TYPE_WORDS:
        return sh == SHAPE_SCALAR ? match_words(m, t, name, v, at) : wrong_type(m, t, name, v, at);
    case TYPE_OBJECT:
        if (sh == SHAPE_OBJECT || sh == SHAPE_REF) return match_object(m, t, inner, at);
        break;
    }
    return wrong_type(m, t, name, v, at);
}

static fault *match_any(matcher *m, const in_type *types, uint32_t n, nicol_str name, json_val v, const place *at)
{
    fault *bad[FIELD_TYPES_MAX];
    if (m->failed || arena_bytes(m->a) > m->bytes_max) return no_verdict(m);
    uint32_t found = 0;
    while (found < n) {
        fault *f = match_one(m, &types[found], name, v, at);
        if (!f || m->failed) return f;
        bad[found++] = f;
    }
    if (found == 1) return bad[0];
    fault *u = new_fault(m, FAULT_UNION, at);
    if (m->failed) return u;
    u->kids = ARENA_ARRAY(m->a, found, fault *);
    if (!u->kids) return no_verdict(m);
    memcpy(u->kids, bad, found * sizeof *bad);
    u->kids_n = found;
    return u;
}

/* --- arguments --- */

static fault *match_arguments(matcher *m, const in_object *o, json_val args, bool create)
{
    static const json_tok empty_token = {.type = JSON_OBJECT, .len = 2, .next = 1};
    static const json_doc empty_doc = {.text = "{}", .len = 2, .tok = &empty_token, .n = 1};
    json_iter it = json_first(args);
    while (json_kind(args) == JSON_OBJECT && json_more(&it)) {
        if (it.key.ptr == NULL) return no_verdict(m);
        if (find_field(o, it.key)) continue;
        fault *f = new_fault(m, FAULT_UNKNOWN_ARGUMENT, step(m, NULL, it.key));
        in_object *copy = ARENA_NEW(m->a, in_object);
        if (!copy || m->failed) return no_verdict(m);
        *copy = *o;
        f->object = copy;
        return f;
    }
    for (uint32_t i = 0; i < o->n; i++) {
        const in_field *f = &o->fields[i];
        json_val v = json_get(args, f->name);
        const place *at = step(m, NULL, f->name);
        if (m->failed) return no_verdict(m);
        /* The data of a create may be left out when every field fills itself: it counts as empty. */
        if (!json_present(v) && create && i == 0) v = json_root(&empty_doc);
        fault *bad = NULL;
        if (json_present(v)) bad = match_any(m, f->types, f->types_n, f->name, v, at);
        else if (f->required) bad = missing(m, f->types, f->types_n, at);
        if (bad) return bad;
    }
    return NULL;
}

/* --- selections --- */

typedef struct target {
    out_kind kind;
    const schema_model *model;
    query_aggregate fn;
    query_action action;
} target;

static fault *match_selection(matcher *m, const target *t, json_val sel);

static fault *selection_fault(matcher *m, fault_kind kind, const target *t, nicol_str name)
{
    fault *f = new_fault(m, kind, NULL);
    out_object *o = ARENA_NEW(m->a, out_object);
    if (!o || m->failed || !type_output(m->a, t->kind, t->model, t->fn, t->action, o)) return no_verdict(m);
    f->output = o;
    f->name = name;
    return f;
}

/* Where a member of a selection leads: a scalar (false), or into `next`. Unknown members set *unknown. */
static bool leads_to(const target *t, nicol_str key, target *next, const schema_field **relation, bool *unknown)
{
    static const struct {
        const char *key;
        query_aggregate fn;
    } parts[] = {{"_count", AGG_COUNT}, {"_sum", AGG_SUM}, {"_avg", AGG_AVG}, {"_min", AGG_MIN}, {"_max", AGG_MAX}};
    const schema_field *f = schema_field_get(t->model, key);
    bool field = f && query_visible(f), is_relation = field && f->kind == FIELD_RELATION;
    *relation = NULL;
    *unknown = false;
    *next = (target){.kind = OUT_MODEL, .model = t->model, .action = t->action};
    switch (t->kind) {
    case OUT_MODEL:
    case OUT_RETURNED:
        if (is_relation && (t->kind == OUT_MODEL || schema_holds_fk(f))) {
            *relation = f;
            next->model = f->target;
            return true;
        }
        if (field && !is_relation) return false;
        next->kind = OUT_COUNTS;
        *unknown = t->kind != OUT_MODEL || !reader_key_is(key, "_count");
        return !*unknown;
    case OUT_COUNTS:
        *relation = f;
        *unknown = !is_relation || f->arity != ARITY_LIST;
        return false;
    case OUT_AFFECTED:
        *unknown = !reader_key_is(key, "count");
        return false;
    case OUT_AGGREGATE_PART:
        *unknown = !(f && out_aggregate_takes(t->fn, f)) && !(t->fn == AGG_COUNT && reader_key_is(key, "_all"));
        return false;
    case OUT_GROUP:
        if (field && !is_relation) return false;
        break;
    case OUT_AGGREGATE:
        break;
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!reader_key_is(key, parts[i].key)) continue;
        next->kind = OUT_AGGREGATE_PART;
        next->fn = parts[i].fn;
        return true;
    }
    *unknown = true;
    return false;
}

static fault *match_nested(matcher *m, const target *next, const schema_field *relation, json_val v)
{
    in_object args = {0};
    if (relation && !type_relation_arguments(m->a, m->s, relation, &args)) return no_verdict(m);
    fault *f = match_arguments(m, &args, json_get(v, S("arguments")), false);
    return f ? f : match_selection(m, next, json_get(v, S("selection")));
}

/* {arguments: {where}} of one relation inside _count. */
static fault *match_count(matcher *m, const schema_field *relation, json_val v)
{
    in_object all, args = {0};
    if (!type_relation_arguments(m->a, m->s, relation, &all)) return no_verdict(m);
    for (uint32_t i = 0; i < all.n; i++) {
        if (!reader_key_is(all.fields[i].name, "where")) continue;
        args.fields = &all.fields[i];
        args.n = 1;
    }
    return match_arguments(m, &args, json_get(v, S("arguments")), false);
}

static fault *match_member(matcher *m, const target *t, nicol_str key, json_val v, bool *selected)
{
    target next;
    const schema_field *relation;
    bool unknown;
    if (reader_key_is(key, "$scalars") || reader_key_is(key, "$composites")) {
        if (json_kind(v) == JSON_TRUE && key.ptr[1] == 's') *selected = *selected || t->kind != OUT_AGGREGATE;
        return NULL;
    }
    bool deeper = leads_to(t, key, &next, &relation, &unknown);
    const place *outside = m->selection;
    m->selection = step(m, outside, key);
    fault *f = NULL;
    if (m->failed) {
        f = no_verdict(m);
    } else if (unknown) {
        f = selection_fault(m, FAULT_UNKNOWN_SELECTION, t, key);
    } else if (json_kind(v) == JSON_OBJECT) {
        *selected = true;
        if (deeper) f = match_nested(m, &next, relation, v);
        else if (t->kind == OUT_COUNTS && json_count(json_get(v, S("selection"))) == 0) f = match_count(m, relation, v);
        else f = new_fault(m, FAULT_SCALAR_SELECTION, NULL);
        if (f && f->kind == FAULT_SCALAR_SELECTION) f->name = key;
    } else if (json_kind(v) == JSON_TRUE) {
        *selected = true;
    }
    m->selection = outside;
    return f;
}

static fault *match_selection(matcher *m, const target *t, json_val sel)
{
    bool selected = false;
    json_iter it = json_first(sel);
    fault *f = NULL;
    while (!f && json_more(&it)) {
        if (it.key.ptr == NULL) f = no_verdict(m);
        else f = match_member(m, t, it.key, it.value, &selected);
    }
    if (f) return f;
    /* Everything that is selected may have been taken out again. */
    json_val all = json_get(sel, S("$scalars"));
    if (selected && json_kind(all) == JSON_TRUE && t->kind == OUT_MODEL) {
        uint32_t left = 0;
        for (size_t i = 0; i < t->model->fields_n; i++) {
            const schema_field *x = &t->model->fields[i];
            if (!query_visible(x)) continue;
            json_type kind = json_kind(json_get(sel, x->name));
            if (x->kind == FIELD_RELATION ? kind == JSON_TRUE || kind == JSON_OBJECT : kind != JSON_FALSE) left++;
        }
        json_type count = json_kind(json_get(sel, S("_count")));
        if (left == 0 && count != JSON_TRUE && count != JSON_OBJECT) selected = false;
    }
    return selected ? NULL : selection_fault(m, FAULT_EMPTY_SELECTION, t, S(""));
}

static target action_target(query_action action, const schema_model *model)
{
    target t = {.kind = OUT_MODEL, .model = model, .action = action};
    if (action == QUERY_AGGREGATE) t.kind = OUT_AGGREGATE;
    else if (action == QUERY_GROUP_BY) t.kind = OUT_GROUP;
    else if (action == QUERY_CREATE_MANY_RETURN || action == QUERY_UPDATE_MANY_RETURN) t.kind = OUT_RETURNED;
    else if (action == QUERY_CREATE_MANY || action == QUERY_UPDATE_MANY || action == QUERY_DELETE_MANY)
        t.kind = OUT_AFFECTED;
    return t;
}

void query_explain(const schema *s, query_action action, const schema_model *model, json_val args, json_val sel,
                   nicol_str key, arena *a, nicol_error *err)
{
    place root = {NULL, key};
    matcher m = {.s = s, .a = a, .selection = &root, .bytes_max = arena_bytes(a) + EXPLAIN_BYTES_MAX};
    in_object o;
    target t = action_target(action, model);
    fault *f = NULL;
    if (!type_arguments(a, s, action, model, &o)) m.failed = true;
    if (!m.failed) f = match_arguments(&m, &o, args, action == QUERY_CREATE_ONE);
    if (!m.failed && !f) f = match_selection(&m, &t, sel);
    if (arena_failed(a)) (void)nicol_fail_oom(err);
    else if (m.failed)
        (void)nicol_fail(err, NICOL_E_QUERY_INVALID,
                         "The query does not match the schema; it is too large to say where.");
    else if (f) (void)fault_raise(f, s, a, err);
}
