/* query/parse.c - one operation: the arguments of each action, and what is checked across them. */
#include <stdarg.h>
#include <stdio.h>

#include "query/query_int.h"

void *reader_array(reader *r, size_t n, size_t item)
{
    void *p = arena_array(r->a, n, item);
    if (!p) (void)nicol_fail_oom(r->err);
    return p;
}

void *reader_grow(reader *r, void *array, uint32_t n, uint32_t *cap, size_t item)
{
    if (n < *cap) return array;
    uint32_t more = *cap ? *cap * 2 : 4;
    void *p = arena_grow(r->a, array, (size_t)*cap * item, (size_t)more * item);
    if (!p) (void)nicol_fail_oom(r->err);
    else *cap = more;
    return p;
}

bool reader_enter(reader *r)
{
    if (r->work == 0) return nicol_fail(r->err, NICOL_E_LIMIT, "The query can be read in too many ways.");
    r->work--;
    if (r->depth < NICOL_QUERY_DEPTH_MAX) {
        r->depth++;
        return true;
    }
    return nicol_fail(r->err, NICOL_E_LIMIT,
                      "The query is nested more than %d levels deep; split it into several queries.",
                      NICOL_QUERY_DEPTH_MAX);
}

bool query_fail_input(arena *a, nicol_error *err, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n < 0 || err_is(err)) return false;
    nicol_str s = {text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1};
    (void)nicol_fail_in(a, err, NICOL_E_INPUT, "Input error. %.*s", (int)s.len, s.ptr);
    buf b;
    buf_init(&b, mem_default, sizeof text * 8);
    buf_lit(&b, "{\"details\":");
    json_put_str(&b, s);
    buf_char(&b, '}');
    if (!buf_failed(&b)) err->meta = arena_str(a, buf_view(&b));
    buf_free(&b);
    return false;
}

/* --- arguments --- */

static const struct argument {
    const char *name;
    uint8_t slot;
} arguments[] = {{"where", 0},   {"data", 1},           {"create", 2}, {"update", 3},
                 {"limit", 4},   {"skipDuplicates", 5}, {"by", 6},     {"having", 7},
                 {"orderBy", 8}, {"take", 9},           {"skip", 10},  {"relationLoadStrategy", 11}};
enum {
    A_WHERE,
    A_DATA,
    A_CREATE,
    A_UPDATE,
    A_LIMIT,
    A_SKIP_DUPLICATES,
    A_BY,
    A_HAVING,
    A_ORDER,
    A_TAKE,
    A_SKIP,
    A_STRATEGY,
    A_N
};
#define BIT(a) (1u << (a))

static bool take_arguments(reader *r, json_val args, unsigned allowed, json_val vals[A_N])
{
    if (json_kind(args) != JSON_OBJECT) return json_kind(args) == JSON_NULL || !json_present(args);
    if (!query_has_strategy(r->s)) allowed &= ~BIT(A_STRATEGY);
    if (!query_has_skip_duplicates(r->s)) allowed &= ~BIT(A_SKIP_DUPLICATES);
    json_iter it = json_first(args);
    while (reader_more(r, &it)) {
        size_t i = 0;
        while (i < A_N && !reader_key_is(it.key, arguments[i].name)) i++;
        if (i == A_N || !(allowed & BIT(arguments[i].slot))) return false;
        vals[arguments[i].slot] = it.value;
    }
    return !err_is(r->err);
}

static bool take_strategy(json_val v, query_find *find)
{
    if (!json_present(v)) return true;
    find->load_strategy = json_text(v);
    return str_eq(find->load_strategy, S("join")) || str_eq(find->load_strategy, S("query"));
}

static bool take_limit(reader *r, json_val v)
{
    query_op *op = r->op;
    if (!json_present(v)) return true;
    if (!reader_int(v, &op->limit)) return false;
    op->has_limit = true;
    if (op->limit >= 0) return true;
    return query_fail_input(r->a, r->err, "Provided limit (%lld) must be a positive integer.", (long long)op->limit);
}

static bool take_rows(reader *r, json_val data)
{
    query_op *op = r->op;
    bool list = json_kind(data) == JSON_ARRAY;
    if (!list && json_kind(data) != JSON_OBJECT) return false;
    op->rows = READER_ARRAY(r, list ? json_count(data) + 1 : 1, query_write *);
    if (!op->rows) return false;
    if (!list) return reader_create_row(r, data, op->model, NULL, &op->rows[op->rows_n++]);
    json_iter it = json_first(data);
    while (json_more(&it)) {
        if (!reader_create_row(r, it.value, op->model, NULL, &op->rows[op->rows_n++])) return false;
    }
    return true;
}

/* The selection of createManyAndReturn and updateManyAndReturn reaches only relations whose key the row holds. */
static bool select_returned(reader *r, json_val sel)
{
    query_op *op = r->op;
    if (!reader_select(r, sel, op->model, &op->select)) return false;
    for (uint32_t i = 0; i < op->select->items_n; i++) {
        const query_select_item *item = &op->select->items[i];
        if (item->kind == SELECT_COUNT) return false;
        if (item->kind == SELECT_RELATION && !schema_holds_fk(item->field)) return false;
    }
    return true;
}

/* --- actions --- */

static bool read_find(reader *r, json_val args, json_val sel)
{
    query_op *op = r->op;
    bool unique = op->action == QUERY_FIND_UNIQUE || op->action == QUERY_FIND_UNIQUE_OR_THROW;
    unsigned allowed = unique ? FIND_UNIQUE : FIND_MANY;
    return reader_find_args(r, args, op->model, allowed, &op->find) && reader_select(r, sel, op->model, &op->select);
}

static bool read_create(reader *r, json_val args, json_val sel)
{
    query_op *op = r->op;
    json_val v[A_N] = {{0}};
    if (!take_arguments(r, args, BIT(A_DATA) | BIT(A_STRATEGY), v) || !take_strategy(v[A_STRATEGY], &op->find)) {
        return false;
    }
    if (json_present(v[A_DATA])) {
        if (!reader_create(r, v[A_DATA], op->model, NULL, &op->create)) return false;
    } else { /* a model whose fields all fill themselves needs no data */
        for (size_t i = 0; i < op->model->fields_n; i++) {
            const schema_field *f = &op->model->fields[i];
            if (query_visible(f) && f->kind != FIELD_RELATION && query_scalar_needed(f)) return false;
        }
        op->create = READER_NEW(r, query_write);
        if (!op->create) return false;
        op->create->model = op->model;
    }
    return reader_select(r, sel, op->model, &op->select);
}

static bool read_create_many(reader *r, json_val args, json_val sel)
{
    query_op *op = r->op;
    json_val v[A_N] = {{0}};
    if (!take_arguments(r, args, BIT(A_DATA) | BIT(A_SKIP_DUPLICATES), v)) return false;
    if (json_present(v[A_SKIP_DUPLICATES]) && !json_bool(v[A_SKIP_DUPLICATES], &op->skip_duplicates)) return false;
    if (!take_rows(r, v[A_DATA])) return false;
    return op->action == QUERY_CREATE_MANY ? reader_counts_only(sel) : select_returned(r, sel);
}

static bool read_update_many(reader *r, json_val args, json_val sel)
{
    query_op *op = r->op;
    json_val v[A_N] = {{0}};
    if (!take_arguments(r, args, BIT(A_WHERE) | BIT(A_DATA) | BIT(A_LIMIT), v)) return false;
    if (json_present(v[A_WHERE]) && !reader_where(r, v[A_WHERE], op->model, WHERE_ALL, &op->find.where)) return false;
    if (!reader_update_row(r, v[A_DATA], op->model, NULL, &op->update)) return false;
    if (!(op->action == QUERY_UPDATE_MANY ? reader_counts_only(sel) : select_returned(r, sel))) return false;
    return take_limit(r, v[A_LIMIT]);
}

static bool read_delete_many(reader *r, json_val args, json_val sel)
{
    query_op *op = r->op;
    json_val v[A_N] = {{0}};
    if (!take_arguments(r, args, BIT(A_WHERE) | BIT(A_LIMIT), v)) return false;
    if (json_present(v[A_WHERE]) && !reader_where(r, v[A_WHERE], op->model, WHERE_ALL, &op->find.where)) return false;
    return reader_counts_only(sel) && take_limit(r, v[A_LIMIT]);
}

/* updateOne, upsertOne, deleteOne */
static bool read_one(reader *r, json_val args, json_val sel)
{
    query_op *op = r->op;
    json_val v[A_N] = {{0}};
    bool update = op->action == QUERY_UPDATE_ONE, upsert = op->action == QUERY_UPSERT_ONE;
    unsigned allowed = BIT(A_WHERE) | BIT(A_STRATEGY);
    if (update) allowed |= BIT(A_DATA);
    if (upsert) allowed |= BIT(A_CREATE) | BIT(A_UPDATE);
    if (!take_arguments(r, args, allowed, v) || !take_strategy(v[A_STRATEGY], &op->find)) return false;
    if (!reader_where(r, v[A_WHERE], op->model, WHERE_UNIQUE, &op->find.where)) return false;
    if (upsert && !reader_create(r, v[A_CREATE], op->model, NULL, &op->create)) return false;
    if (update || upsert) {
        if (!reader_update(r, v[update ? A_DATA : A_UPDATE], op->model, NULL, &op->update)) return false;
    }
    return reader_select(r, sel, op->model, &op->select);
}

/* --- groupBy: checks across its arguments --- */

static bool is_by(const query_op *op, const schema_field *f)
{
    for (uint32_t i = 0; i < op->by_n; i++) {
        if (op->by[i] == f) return true;
    }
    return false;
}

typedef struct name_list {
    char text[1024];
    size_t len;
} name_list;

static void add_name(name_list *l, nicol_str name)
{
    const char *sep = l->len ? ", " : "";
    size_t room = sizeof l->text - l->len;
    int n = snprintf(l->text + l->len, room, "%s%.*s", sep, STR_FMT(name));
    if (n > 0 && (size_t)n < room) l->len += (size_t)n;
    else l->text[l->len] = 0;
}

static void having_names(const query_op *op, const query_filter *f, name_list *l)
{
    for (uint32_t i = 0; i < f->kids_n; i++) having_names(op, f->kids[i], l);
    if (f->kind == QFILTER_SCALAR && f->aggregate == AGG_NONE && !is_by(op, f->field)) add_name(l, f->field->name);
}

static bool check_group(reader *r)
{
    query_op *op = r->op;
    name_list selected = {.len = 0}, ordered = {.len = 0}, having = {.len = 0};
    if (op->by_n == 0) {
        return query_fail_input(r->a, r->err, "At least one selection is required for the `by` argument.");
    }
    for (uint32_t i = 0; i < op->aggs_n; i++) {
        if (op->aggs[i].fn == AGG_NONE && !is_by(op, op->aggs[i].field)) add_name(&selected, op->aggs[i].field->name);
    }
    if (selected.len) {
        return query_fail_input(r->a, r->err,
                                "Every selected scalar field that is not part of an aggregation must be "
                                "included in the by-arguments of the query. Missing fields: %s",
                                selected.text);
    }
    for (uint32_t i = 0; i < op->find.order_n; i++) {
        const query_order *o = &op->find.order[i];
        if (o->aggregate == AGG_NONE && !is_by(op, o->field)) add_name(&ordered, o->field->name);
    }
    /* Paging without an order sorts by the identity. */
    const schema_index *id = op->model->identity;
    bool paged = op->find.has_take || op->find.has_skip;
    for (size_t i = 0; paged && op->find.order_n == 0 && id && i < id->fields_n; i++) {
        if (!is_by(op, id->fields[i])) add_name(&ordered, id->fields[i]->name);
    }
    if (ordered.len) {
        return query_fail_input(r->a, r->err,
                                "Every field used for orderBy must be included in the by-arguments of the "
                                "query. Missing fields: %s",
                                ordered.text);
    }
    if (op->having) having_names(op, op->having, &having);
    if (having.len) {
        return query_fail_input(r->a, r->err,
                                "Every field used in `having` filters must either be an aggregation filter "
                                "or be included in the selection of the query. Missing fields: %s",
                                having.text);
    }
    return true;
}

static bool read_aggregate(reader *r, json_val args, json_val sel)
{
    query_op *op = r->op;
    unsigned allowed = FIND_WHERE | FIND_ORDER | FIND_CURSOR | FIND_TAKE;
    return reader_find_args(r, args, op->model, allowed, &op->find) && reader_aggregates(r, sel, op->model, false);
}

static bool read_group(reader *r, json_val args, json_val sel)
{
    query_op *op = r->op;
    json_val v[A_N] = {{0}};
    unsigned allowed = BIT(A_WHERE) | BIT(A_ORDER) | BIT(A_BY) | BIT(A_HAVING) | BIT(A_TAKE) | BIT(A_SKIP);
    if (!take_arguments(r, args, allowed, v) || !json_present(v[A_BY])) return false;
    if (!reader_field_names(r, v[A_BY], op->model, &op->by, &op->by_n)) return false;
    if (json_present(v[A_WHERE]) && !reader_where(r, v[A_WHERE], op->model, WHERE_ALL, &op->find.where)) return false;
    if (json_present(v[A_ORDER]) && !reader_order(r, v[A_ORDER], op->model, true, &op->find)) return false;
    if (json_present(v[A_HAVING]) && !reader_having(r, v[A_HAVING], op->model, &op->having)) return false;
    if (json_present(v[A_TAKE]) && !(op->find.has_take = reader_int(v[A_TAKE], &op->find.take))) return false;
    if (json_present(v[A_SKIP]) && !(op->find.has_skip = reader_int(v[A_SKIP], &op->find.skip))) return false;
    return reader_aggregates(r, sel, op->model, true) && check_group(r);
}

static bool read_action(reader *r, json_val args, json_val sel)
{
    switch (r->op->action) {
    case QUERY_FIND_UNIQUE:
    case QUERY_FIND_UNIQUE_OR_THROW:
    case QUERY_FIND_FIRST:
    case QUERY_FIND_FIRST_OR_THROW:
    case QUERY_FIND_MANY:
        return read_find(r, args, sel);
    case QUERY_CREATE_ONE:
        return read_create(r, args, sel);
    case QUERY_CREATE_MANY:
    case QUERY_CREATE_MANY_RETURN:
        return read_create_many(r, args, sel);
    case QUERY_UPDATE_ONE:
    case QUERY_UPSERT_ONE:
    case QUERY_DELETE_ONE:
        return read_one(r, args, sel);
    case QUERY_UPDATE_MANY:
    case QUERY_UPDATE_MANY_RETURN:
        return read_update_many(r, args, sel);
    case QUERY_DELETE_MANY:
        return read_delete_many(r, args, sel);
    case QUERY_AGGREGATE:
        return read_aggregate(r, args, sel);
    case QUERY_GROUP_BY:
        return read_group(r, args, sel);
    case QUERY_RAW:
    case QUERY_EXECUTE_RAW:
        return reader_raw(r, args);
    case QUERY_ACTION_N:
        break;
    }
    return false;
}

/* "findManyUser"; the ...AndReturn forms put the model in the middle. */
static nicol_str answer_key(reader *r)
{
    const query_op *op = r->op;
    nicol_str name = query_action_name(op->action), model = op->model ? op->model->name : S("");
    if (!op->model) return name;
    const char *tail = "";
    if (op->action == QUERY_CREATE_MANY_RETURN || op->action == QUERY_UPDATE_MANY_RETURN) {
        name.len -= sizeof "AndReturn" - 1;
        tail = "AndReturn";
    } else if (op->action == QUERY_FIND_UNIQUE_OR_THROW || op->action == QUERY_FIND_FIRST_OR_THROW) {
        name.len -= sizeof "OrThrow" - 1;
        tail = "OrThrow";
    }
    size_t tail_n = strlen(tail), n = name.len + model.len + tail_n;
    char *key = arena_alloc(r->a, n);
    if (!key) {
        (void)nicol_fail_oom(r->err);
        return (nicol_str){0};
    }
    memcpy(key, name.ptr, name.len);
    memcpy(key + name.len, model.ptr, model.len);
    memcpy(key + name.len + model.len, tail, tail_n);
    return str_of(key, n);
}

static bool read_head(reader *r, json_val request)
{
    query_op *op = r->op;
    json_val action = json_get(request, S("action")), model = json_get(request, S("modelName"));
    if (json_kind(request) != JSON_OBJECT || json_kind(action) != JSON_STRING ||
        json_kind(json_get(request, S("query"))) != JSON_OBJECT) {
        return nicol_fail(r->err, NICOL_E_QUERY_INVALID,
                          "A query must be an object {\"modelName\", \"action\", \"query\": {\"arguments\", "
                          "\"selection\"}}.");
    }
    op->action = query_action_of(json_text(action));
    if (op->action == 0) {
        return nicol_fail_in(r->a, r->err, NICOL_E_QUERY_INVALID, "Unknown action `%.*s`.", STR_FMT(json_text(action)));
    }
    if (op->action == QUERY_RAW || op->action == QUERY_EXECUTE_RAW) return true;
    if (r->s == NULL) {
        return nicol_fail(r->err, NICOL_E_QUERY_INVALID, "Only raw queries can run without a schema.");
    }
    if (json_kind(model) == JSON_STRING) op->model = schema_model_get(r->s, json_text(model));
    if (!op->model || op->model->is_ignored) {
        return nicol_fail_in(r->a, r->err, NICOL_E_QUERY_INVALID, "Model `%.*s` does not exist in the schema.",
                             STR_FMT(json_text(model)));
    }
    return true;
}

bool query_parse(const schema *s, json_val request, arena *a, query_op *op, nicol_error *err)
{
    *op = (query_op){.schema = s};
    nicol_error local = {0};
    reader r = {.s = s, .a = a, .op = op, .err = err ? err : &local, .work = 1000};
    if (json_present(request)) r.work += 8 * (size_t)request.doc->n;
    if (!read_head(&r, request)) return false;
    op->key = answer_key(&r);
    if (op->key.ptr == NULL) return false;
    json_val query = json_get(request, S("query"));
    json_val args = json_get(query, S("arguments")), sel = json_get(query, S("selection"));
    bool raw = op->model == NULL;
    if (read_action(&r, args, sel) && !err_is(r.err)) {
        op->reusable = !raw;
        for (uint32_t i = 0; i < op->params_n; i++) {
            if (op->params[i].token == UINT32_MAX) op->reusable = false;
        }
        return true;
    }
    if (err_is(r.err)) return false;
    if (arena_failed(a)) return nicol_fail_oom(r.err);
    if (!raw) query_explain(s, op->action, op->model, args, sel, op->key, a, r.err);
    if (!err_is(r.err)) return nicol_fail(r.err, NICOL_E_QUERY_INVALID, NULL);
    return false;
}
