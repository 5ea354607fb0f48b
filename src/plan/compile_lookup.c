/* plan/compile_lookup.c - many findUnique operations of one shape as one statement a level.
 *
 * The keys of all operations become a table with one row an operation, numbered, and each row of the answer carries the
 * number of the operation that it is for. So it is the database that compares keys with columns, with whatever collation
 * and affinity the column has, exactly as it would for one operation; nothing is matched in memory.
 *
 * SQLite has two such tables. json_each(?) takes all keys as one bound JSON text: the statement is the same for any
 * number of them, so it is compiled once, and no limit on bound values is met. But only integers and text come out of
 * JSON as they went in. For every other type the table is VALUES (?, ?), (?, ?), ..., whose values are bound as usual.
 */
#include "plan/compile_int.h"

/* --- compiling ------------------------------------------------------------------------------------------------------ */

static bool is_key(const query_filter *f)
{
    return f->kind == QFILTER_SCALAR && f->op == QOP_EQ && f->value.kind == QVAL_PARAM && !f->value.list &&
           !f->insensitive && !f->has_path && f->aggregate == AGG_NONE && f->field->arity != ARITY_LIST &&
           f->field->type != SCALAR_JSON;
}

static bool travels_as_json(const schema_field *f)
{
    return f->kind == FIELD_ENUM || f->type == SCALAR_INT || f->type == SCALAR_BIGINT || f->type == SCALAR_STRING;
}

/* A cursor of an included list counts from its row even where that row hangs on another parent, which only a statement
 * for one parent can say. */
static bool has_cursor(const query_select *sel)
{
    for (uint32_t i = 0; i < sel->items_n; i++) {
        const query_select_item *it = &sel->items[i];
        if (it->kind == SELECT_RELATION && (it->find.cursor_n > 0 || has_cursor(it->select))) return true;
    }
    return false;
}

/* The conditions on the row itself: those with a value become keys, the others stay. */
static bool split(cc *c, const query_filter *where, cc_lookup *k, query_filter *rest)
{
    query_filter *one = (query_filter *)(uintptr_t)where, **kids = where->kind == QFILTER_AND ? where->kids : &one;
    uint32_t n = where->kind == QFILTER_AND ? where->kids_n : 1;
    k->keys = CC_ARRAY(c, n, const query_filter *);
    rest->kids = CC_ARRAY(c, n, query_filter *);
    if (!k->keys || !rest->kids) return false;
    rest->kind = QFILTER_AND;
    k->rest = rest;
    k->json = true;
    for (uint32_t i = 0; i < n; i++) {
        if (!is_key(kids[i])) {
            rest->kids[rest->kids_n++] = kids[i];
            continue;
        }
        k->keys[k->n++] = kids[i];
        k->json = k->json && travels_as_json(kids[i]->field);
    }
    return k->n > 0;
}

const plan_node *cc_compile_lookup(cc *c)
{
    const query_op *op = c->op;
    bool unique = op->action == QUERY_FIND_UNIQUE || op->action == QUERY_FIND_UNIQUE_OR_THROW;
    if (!unique || !op->reusable || !op->find.where || c->dialect != DIALECT_SQLITE || has_cursor(op->select))
        return NULL;
    cc_lookup k = {.param = op->params_n};
    query_filter rest = {0};
    if (!split(c, op->find.where, &k, &rest)) return NULL;
    plan_lookup *to = &c->p->lookup;
    to->params = CC_ARRAY(c, k.n, uint32_t);
    if (!to->params) return NULL;
    for (uint32_t i = 0; i < k.n; i++) to->params[i] = k.keys[i]->value.param;
    to->n = k.n;
    to->json = k.json;
    c->p->params_n = op->params_n + 1;
    if (op->action == QUERY_FIND_UNIQUE_OR_THROW) to->missing = cc_must_find(c, cc_unit(c));
    return cc_data_map(c, cc_lookup_rows(c, op->model, op->select, &k), cc_shape(c, op->select));
}

/* --- the keys of a request ------------------------------------------------------------------------------------------ */

/* How long a key can become as JSON; 0: it must not travel so. SQLite cuts text that comes out of JSON at a NUL
 * character; bound text it does not. */
static size_t json_bound(val v)
{
    if (v.type == VAL_INT) return 21;
    if (v.type != VAL_STR || str_find_char(val_str(v), '\0', 0) != SIZE_MAX) return 0;
    return (size_t)v.n * 6 + 3;
}

static void put_json_key(buf *b, val v)
{
    if (v.type == VAL_INT) buf_i64(b, v.u.i);
    else json_put_str(b, val_str(v));
}

static bool json_keys(const plan_lookup *k, const val *const *params, uint32_t n, arena *a, val *out)
{
    size_t bound = 64; /* writers ask for a little more room than they use */
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < k->n; j++) {
            size_t one = json_bound(params[i][k->params[j]]);
            if (one == 0) return false;
            bound += one;
        }
        bound += 3;
    }
    char *text = bound <= VAL_TEXT_BYTES_MAX ? arena_alloc(a, bound) : NULL;
    if (!text) return false;
    buf b = {.ptr = text, .cap = bound, .max = bound}; /* borrowed: never grown, never freed */
    buf_char(&b, '[');
    for (uint32_t i = 0; i < n; i++) {
        if (i) buf_char(&b, ',');
        if (k->n > 1) buf_char(&b, '[');
        for (uint32_t j = 0; j < k->n; j++) {
            if (j) buf_char(&b, ',');
            put_json_key(&b, params[i][k->params[j]]);
        }
        if (k->n > 1) buf_char(&b, ']');
    }
    buf_char(&b, ']');
    *out = val_text(VAL_STR, buf_view(&b));
    return !buf_failed(&b);
}

bool plan_lookup_keys(const plan *p, const val *const *params, uint32_t n, arena *a, val *out)
{
    const plan_lookup *k = &p->lookup;
    if (k->json) return json_keys(k, params, n, a, out);
    uint32_t width = k->n + 1;
    val *groups = ARENA_ARRAY(a, n, val), *cells = ARENA_ARRAY(a, (size_t)n * width, val);
    if (!groups || !cells) return false;
    for (uint32_t i = 0; i < n; i++) {
        val *row = &cells[(size_t)i * width];
        row[0] = val_int(i);
        for (uint32_t j = 0; j < k->n; j++) row[j + 1] = params[i][k->params[j]];
        groups[i] = (val){.type = VAL_LIST, .n = width, .u.list = row};
    }
    *out = (val){.type = VAL_LIST, .n = n, .u.list = groups};
    return true;
}
