/* query/find.c - what a read asks for: order, paging, the selected fields, aggregates. */
#include "query/query_int.h"

/* --- orderBy --- */

typedef struct order_list {
    query_order *v;
    uint32_t n, cap;
} order_list;

static bool add_order(reader *r, order_list *l, const query_order *o)
{
    query_order *v = reader_grow(r, l->v, l->n, &l->cap, sizeof *v);
    if (!v) return false;
    l->v = v;
    v[l->n++] = *o;
    return true;
}

static bool direction(json_val v, bool nullable, query_order *o)
{
    json_val inner = v;
    nicol_str tag = query_tag(v, &inner);
    if (tag.len == 0 && json_kind(v) == JSON_OBJECT) {
        json_val sort = json_get(v, S("sort")), nulls = json_get(v, S("nulls"));
        if (!nullable || json_count(v) != 1u + (json_present(nulls) ? 1u : 0u)) return false;
        if (json_present(nulls)) {
            if (json_is(nulls, S("first"))) o->nulls = NULLS_FIRST;
            else if (json_is(nulls, S("last"))) o->nulls = NULLS_LAST;
            else return false;
        }
        inner = sort;
    }
    o->descending = json_is(inner, S("desc"));
    return o->descending || json_is(inner, S("asc"));
}

/* One step of an order: {name: "asc"}, {author: {name: "asc"}}, {posts: {_count: "desc"}}. */
static bool order_step(reader *r, json_val v, const schema_model *m, const schema_field **path, uint32_t path_n,
                       order_list *l)
{
    if (json_kind(v) != JSON_OBJECT || json_count(v) > 1) return false;
    json_iter it = json_first(v);
    if (!reader_more(r, &it)) return !err_is(r->err); /* {} orders by nothing */
    const schema_field *f = schema_field_get(m, it.key);
    if (!f && reader_key_is(it.key, "_relevance") && query_has_search(r->s)) {
        return nicol_fail(r->err, NICOL_E_UNSUPPORTED,
                          "Ordering by `_relevance` is not supported; order by a field instead.");
    }
    if (!f || !query_visible(f)) return false;
    query_order o = {.field = f, .path_n = path_n};
    if (path_n != 0) {
        o.path = READER_ARRAY(r, path_n, const schema_field *);
        if (!o.path) return false;
        memcpy(o.path, path, path_n * sizeof *path);
    }
    if (f->kind != FIELD_RELATION) {
        return direction(it.value, f->arity == ARITY_OPTIONAL, &o) && add_order(r, l, &o);
    }
    if (f->arity == ARITY_LIST) {
        json_val count = json_get(it.value, S("_count"));
        if (json_kind(it.value) != JSON_OBJECT || json_count(it.value) > 1) return false;
        if (json_count(it.value) == 0) return true;
        o.aggregate = AGG_COUNT;
        o.of_relation = true;
        return json_present(count) && direction(count, false, &o) && add_order(r, l, &o);
    }
    if (path_n >= NICOL_QUERY_DEPTH_MAX || !reader_enter(r)) return false;
    path[path_n] = f;
    bool good = order_step(r, it.value, f->target, path, path_n + 1, l);
    reader_leave(r);
    return good;
}

static query_aggregate order_aggregate(nicol_str key)
{
    if (reader_key_is(key, "_count")) return AGG_COUNT;
    if (reader_key_is(key, "_avg")) return AGG_AVG;
    if (reader_key_is(key, "_sum")) return AGG_SUM;
    if (reader_key_is(key, "_min")) return AGG_MIN;
    if (reader_key_is(key, "_max")) return AGG_MAX;
    return AGG_NONE;
}

/* groupBy: a field, or {_count: {field: "asc"}}. */
static bool order_grouped(reader *r, json_val v, const schema_model *m, order_list *l)
{
    if (json_kind(v) != JSON_OBJECT || json_count(v) > 1) return false;
    json_iter it = json_first(v);
    if (!reader_more(r, &it)) return !err_is(r->err);
    query_order o = {.aggregate = order_aggregate(it.key)};
    json_val dir = it.value;
    nicol_str name = it.key;
    if (o.aggregate != AGG_NONE && !schema_field_get(m, it.key)) {
        if (json_kind(it.value) != JSON_OBJECT || json_count(it.value) > 1) return false;
        json_iter in = json_first(it.value);
        if (!reader_more(r, &in)) return !err_is(r->err);
        name = in.key;
        dir = in.value;
    } else {
        o.aggregate = AGG_NONE;
    }
    o.field = schema_field_get(m, name);
    if (!o.field || !query_visible(o.field) || o.field->kind == FIELD_RELATION) return false;
    bool numeric = query_is_numeric(o.field->type) && o.field->arity != ARITY_LIST;
    if ((o.aggregate == AGG_SUM || o.aggregate == AGG_AVG) && !numeric) return false;
    bool nulls = o.aggregate == AGG_NONE && o.field->arity == ARITY_OPTIONAL;
    return direction(dir, nulls, &o) && add_order(r, l, &o);
}

bool reader_order(reader *r, json_val v, const schema_model *m, bool grouped, query_find *find)
{
    order_list l = {0};
    const schema_field *path[NICOL_QUERY_DEPTH_MAX + 1];
    if (json_kind(v) == JSON_ARRAY) {
        json_iter it = json_first(v);
        while (json_more(&it)) {
            bool good = grouped ? order_grouped(r, it.value, m, &l) : order_step(r, it.value, m, path, 0, &l);
            if (!good) return false;
        }
    } else if (!(grouped ? order_grouped(r, v, m, &l) : order_step(r, v, m, path, 0, &l))) {
        return false;
    }
    find->order = l.v;
    find->order_n = l.n;
    return true;
}

/* --- the arguments of reads --- */

bool reader_field_names(reader *r, json_val v, const schema_model *m, const schema_field ***out, uint32_t *n)
{
    uint32_t cap = json_kind(v) == JSON_ARRAY ? json_count(v) : 1;
    const schema_field **fields = READER_ARRAY(r, cap ? cap : 1, const schema_field *);
    if (!fields) return false;
    json_iter it = json_first(v);
    *n = 0;
    for (uint32_t i = 0; i < cap; i++) {
        json_val item = v;
        if (json_kind(v) == JSON_ARRAY) {
            if (!json_more(&it)) break;
            item = it.value;
        }
        json_val inner = item;
        (void)query_tag(item, &inner);
        nicol_str name = json_text(inner);
        const schema_field *f = name.ptr ? schema_field_get(m, name) : NULL;
        if (!f || !query_visible(f) || f->kind == FIELD_RELATION) return false;
        bool seen = false;
        for (uint32_t k = 0; k < *n; k++) seen = seen || fields[k] == f;
        if (!seen) fields[(*n)++] = f;
    }
    *out = fields;
    return true;
}

bool reader_find_args(reader *r, json_val args, const schema_model *m, unsigned allowed, query_find *find)
{
    json_iter it = json_first(args);
    while (reader_more(r, &it)) {
        nicol_str key = it.key;
        json_val v = it.value;
        bool good = false;
        if (reader_key_is(key, "where") && (allowed & (FIND_WHERE | FIND_UNIQUE))) {
            good = reader_where(r, v, m, allowed & FIND_UNIQUE ? WHERE_UNIQUE : WHERE_ALL, &find->where);
        } else if (reader_key_is(key, "orderBy") && (allowed & FIND_ORDER)) {
            good = reader_order(r, v, m, false, find);
        } else if (reader_key_is(key, "cursor") && (allowed & FIND_CURSOR)) {
            good = reader_cursor(r, v, m, find);
        } else if (reader_key_is(key, "take") && (allowed & FIND_TAKE)) {
            good = find->has_take = reader_int(v, &find->take);
        } else if (reader_key_is(key, "skip") && (allowed & FIND_TAKE)) {
            good = find->has_skip = reader_int(v, &find->skip);
            if (good && find->skip < 0) {
                return nicol_fail(r->err, NICOL_E_QUERY_INVALID,
                                  "Invalid value for skip argument: Value can only be positive, found: %lld",
                                  (long long)find->skip);
            }
        } else if (reader_key_is(key, "distinct") && (allowed & FIND_DISTINCT)) {
            good = reader_field_names(r, v, m, &find->distinct, &find->distinct_n);
        } else if (reader_key_is(key, "relationLoadStrategy") && query_has_strategy(r->s)) {
            find->load_strategy = json_text(v);
            good = str_eq(find->load_strategy, S("join")) || str_eq(find->load_strategy, S("query"));
        }
        if (!good) return false;
    }
    return !err_is(r->err) && (!(allowed & FIND_UNIQUE) || find->where != NULL);
}

/* --- selections --- */

static bool is_scalar(const schema_field *f)
{
    return query_visible(f) && f->kind != FIELD_RELATION;
}

static bool select_has(const query_select *s, const schema_field *f)
{
    for (uint32_t i = 0; i < s->items_n; i++) {
        if (s->items[i].field == f && s->items[i].kind == SELECT_SCALAR) return true;
    }
    return false;
}

static bool select_all(reader *r, const schema_model *m, query_select **out)
{
    query_select *s = READER_NEW(r, query_select);
    query_select_item *items = READER_ARRAY(r, m->fields_n ? m->fields_n : 1, query_select_item);
    if (!s || !items) return false;
    *s = (query_select){.model = m, .items = items};
    for (size_t i = 0; i < m->fields_n; i++) {
        if (!is_scalar(&m->fields[i])) continue;
        items[s->items_n++] = (query_select_item){.kind = SELECT_SCALAR, .field = &m->fields[i]};
    }
    *out = s;
    return true;
}

static bool is_wildcard(nicol_str key)
{
    return reader_key_is(key, "$scalars") || reader_key_is(key, "$composites");
}

/* {arguments, selection} of a nested field; absent parts count as empty. */
static bool nested_parts(json_val v, json_val *args, json_val *sel)
{
    if (json_kind(v) != JSON_OBJECT) return false;
    *args = json_get(v, S("arguments"));
    *sel = json_get(v, S("selection"));
    return !json_present(*args) || json_kind(*args) == JSON_OBJECT || json_kind(*args) == JSON_NULL;
}

static bool count_field(reader *r, const schema_field *f, json_val v, query_select_item *item)
{
    query_filter *where = NULL;
    if (json_kind(v) == JSON_OBJECT) {
        json_val args, sel;
        if (!nested_parts(v, &args, &sel)) return false;
        if (json_count(sel) != 0) return false;
        query_find find = {0};
        if (json_kind(args) == JSON_OBJECT && !reader_find_args(r, args, f->target, FIND_WHERE, &find)) return false;
        where = find.where;
    } else if (json_kind(v) != JSON_TRUE) {
        return false;
    }
    item->counts[item->counts_n] = f;
    item->count_filters[item->counts_n++] = where;
    return true;
}

static bool select_count(reader *r, json_val v, const schema_model *m, query_select_item *item)
{
    *item = (query_select_item){.kind = SELECT_COUNT};
    item->counts = READER_ARRAY(r, m->fields_n + 1, const schema_field *);
    item->count_filters = READER_ARRAY(r, m->fields_n + 1, query_filter *);
    if (!item->counts || !item->count_filters) return false;
    json_val args, sel = {0};
    bool all = json_kind(v) == JSON_TRUE;
    if (!all && (!nested_parts(v, &args, &sel) || json_count(args) != 0)) return false;
    if (!all && json_kind(sel) != JSON_OBJECT) return false;
    for (size_t i = 0; i < m->fields_n && (all || json_kind(json_get(sel, S("$scalars"))) == JSON_TRUE); i++) {
        const schema_field *f = &m->fields[i];
        if (!query_visible(f) || f->kind != FIELD_RELATION || f->arity != ARITY_LIST) continue;
        item->counts[item->counts_n++] = f;
    }
    json_iter it = json_first(sel);
    while (!all && reader_more(r, &it)) {
        if (is_wildcard(it.key)) continue;
        const schema_field *f = schema_field_get(m, it.key);
        if (!f || !query_visible(f) || f->kind != FIELD_RELATION || f->arity != ARITY_LIST) return false;
        if (json_kind(it.value) == JSON_FALSE) continue;
        if (item->counts_n > m->fields_n || !count_field(r, f, it.value, item)) return false;
    }
    return !err_is(r->err) && item->counts_n != 0;
}

static bool select_relation(reader *r, const schema_field *f, json_val v, query_select_item *item)
{
    *item = (query_select_item){.kind = SELECT_RELATION, .field = f};
    if (json_kind(v) == JSON_TRUE) return select_all(r, f->target, &item->select);
    json_val args, sel;
    if (!nested_parts(v, &args, &sel)) return false;
    unsigned allowed = f->arity == ARITY_LIST ? FIND_MANY : f->arity == ARITY_OPTIONAL ? FIND_WHERE : 0;
    if (json_kind(args) == JSON_OBJECT && !reader_find_args(r, args, f->target, allowed, &item->find)) return false;
    return reader_select(r, sel, f->target, &item->select);
}

static bool select_key(reader *r, nicol_str key, json_val v, const schema_model *m, query_select *s, bool dollar)
{
    if (json_kind(v) == JSON_FALSE) return true; /* dropped below, and never added */
    if (reader_key_is(key, "$scalars") || reader_key_is(key, "$composites")) {
        if (json_kind(v) != JSON_TRUE) return false;
        for (size_t i = 0; key.ptr[1] == 's' && i < m->fields_n; i++) {
            if (!is_scalar(&m->fields[i]) || select_has(s, &m->fields[i])) continue;
            s->items[s->items_n++] = (query_select_item){.kind = SELECT_SCALAR, .field = &m->fields[i]};
        }
        return true;
    }
    const schema_field *f = schema_field_get(m, key);
    if (!f && reader_key_is(key, "_count")) {
        if (!select_count(r, v, m, &s->items[s->items_n])) return false;
        s->items_n++;
        return true;
    }
    if (!f || !query_visible(f)) return false;
    if (f->kind == FIELD_RELATION) {
        if (!select_relation(r, f, v, &s->items[s->items_n])) return false;
        s->items_n++;
        return true;
    }
    if (json_kind(v) != JSON_TRUE) return false;
    if (dollar && select_has(s, f)) return true;
    s->items[s->items_n++] = (query_select_item){.kind = SELECT_SCALAR, .field = f};
    return true;
}

static void select_drop(query_select *s, const schema_field *f)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->items_n; i++) {
        if (s->items[i].field != f || s->items[i].kind == SELECT_COUNT) s->items[kept++] = s->items[i];
    }
    s->items_n = kept;
}

bool reader_select(reader *r, json_val sel, const schema_model *m, query_select **out)
{
    if (json_kind(sel) != JSON_OBJECT || !reader_enter(r)) return false;
    query_select *s = READER_NEW(r, query_select);
    query_select_item *items = READER_ARRAY(r, m->fields_n + json_count(sel), query_select_item);
    if (!s || !items) return false;
    *s = (query_select){.model = m, .items = items};
    bool good = true, dollar = json_present(json_get(sel, S("$scalars"))), excluded = false;
    json_iter it = json_first(sel);
    while (good && reader_more(r, &it)) {
        good = select_key(r, it.key, it.value, m, s, dollar);
        excluded = excluded || json_kind(it.value) == JSON_FALSE;
    }
    it = json_first(sel);
    while (good && excluded && reader_more(r, &it)) {
        if (json_kind(it.value) != JSON_FALSE) continue;
        const schema_field *f = schema_field_get(m, it.key);
        if (f) select_drop(s, f);
        else if (!reader_key_is(it.key, "_count") && !is_wildcard(it.key)) good = false;
    }
    reader_leave(r);
    if (!good || err_is(r->err) || s->items_n == 0) return false;
    *out = s;
    return true;
}

bool reader_counts_only(json_val sel)
{
    if (json_kind(sel) != JSON_OBJECT) return false;
    bool any = false;
    json_iter it = json_first(sel);
    while (json_more(&it)) {
        bool dollar = reader_key_is(it.key, "$scalars") || reader_key_is(it.key, "$composites");
        if (!dollar && !reader_key_is(it.key, "count")) return false;
        if (json_kind(it.value) == JSON_TRUE) any = any || it.key.ptr[1] != 'c';
        else if (json_kind(it.value) != JSON_FALSE) return false;
    }
    return any;
}

/* --- aggregates --- */

static bool add_agg(reader *r, query_aggregate fn, const schema_field *f, uint32_t *cap)
{
    query_op *op = r->op;
    for (uint32_t i = 0; i < op->aggs_n; i++) {
        if (op->aggs[i].fn == fn && op->aggs[i].field == f) return true;
    }
    query_agg_item *v = reader_grow(r, op->aggs, op->aggs_n, cap, sizeof *v);
    if (!v) return false;
    op->aggs = v;
    v[op->aggs_n++] = (query_agg_item){.fn = fn, .field = f};
    return true;
}

static bool agg_takes(query_aggregate fn, const schema_field *f)
{
    if (!query_visible(f) || f->kind == FIELD_RELATION) return false;
    if (fn == AGG_SUM || fn == AGG_AVG) return query_is_numeric(f->type) && f->arity != ARITY_LIST;
    if (fn == AGG_MIN || fn == AGG_MAX) return f->type != SCALAR_JSON && f->arity != ARITY_LIST;
    return true;
}

static bool agg_all(reader *r, query_aggregate fn, const schema_model *m, uint32_t *cap)
{
    for (size_t i = 0; i < m->fields_n; i++) {
        if (agg_takes(fn, &m->fields[i]) && !add_agg(r, fn, &m->fields[i], cap)) return false;
    }
    return fn != AGG_COUNT || add_agg(r, fn, NULL, cap);
}

static bool agg_selection(reader *r, query_aggregate fn, json_val v, const schema_model *m, uint32_t *cap)
{
    if (json_kind(v) == JSON_TRUE) return agg_all(r, fn, m, cap);
    json_val args, sel;
    if (!nested_parts(v, &args, &sel) || json_count(args) != 0 || json_kind(sel) != JSON_OBJECT) return false;
    uint32_t before = r->op->aggs_n;
    json_iter it = json_first(sel);
    while (reader_more(r, &it)) {
        const schema_field *f = schema_field_get(m, it.key);
        bool named_all = !f && fn == AGG_COUNT && reader_key_is(it.key, "_all");
        if (reader_key_is(it.key, "$composites")) continue;
        if (reader_key_is(it.key, "$scalars")) {
            if (json_kind(it.value) == JSON_TRUE && !agg_all(r, fn, m, cap)) return false;
            continue;
        }
        if (!named_all && (!f || !agg_takes(fn, f))) return false;
        if (json_kind(it.value) == JSON_FALSE) continue;
        if (json_kind(it.value) != JSON_TRUE || !add_agg(r, fn, f, cap)) return false;
    }
    return !err_is(r->err) && r->op->aggs_n > before;
}

bool reader_aggregates(reader *r, json_val sel, const schema_model *m, bool grouped)
{
    uint32_t cap = 0;
    if (json_kind(sel) != JSON_OBJECT) return false;
    json_iter it = json_first(sel);
    while (reader_more(r, &it)) {
        query_aggregate fn = order_aggregate(it.key);
        const schema_field *f = grouped ? schema_field_get(m, it.key) : NULL;
        bool dollar = it.key.len != 0 && it.key.ptr[0] == '$';
        if (json_kind(it.value) == JSON_FALSE && (f || fn != AGG_NONE)) continue;
        if (dollar) {
            bool all = grouped && reader_key_is(it.key, "$scalars");
            if (!all && !reader_key_is(it.key, "$scalars") && !reader_key_is(it.key, "$composites")) return false;
            for (size_t i = 0; all && i < m->fields_n; i++) {
                if (is_scalar(&m->fields[i]) && !add_agg(r, AGG_NONE, &m->fields[i], &cap)) return false;
            }
        } else if (f && is_scalar(f)) {
            if (json_kind(it.value) != JSON_TRUE || !add_agg(r, AGG_NONE, f, &cap)) return false;
        } else if (fn == AGG_NONE || !agg_selection(r, fn, it.value, m, &cap)) {
            return false;
        }
    }
    return !err_is(r->err) && r->op->aggs_n != 0;
}
