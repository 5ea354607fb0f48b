/* exec/values.c - the values of a running plan: placeholders, generators, comparisons, JSON read back into rows.
 *
 * Comparisons follow JavaScript's where the plan language was defined by it: a number is a number whatever its width,
 * text is never equal to a number, except where a plan asks for it (cursors, joins without strict equality).
 */
#include "exec/exec_int.h"

#include <math.h>

#include "json/json.h"

#define DEPTH_MAX 64 /* of lists in values, and of JSON read back */

/* --- placeholders and generators ------------------------------------------------------------------------------------ */

static bool to_datetime(run *r, val *v, unsigned depth)
{
    int64_t ms;
    if (v->type == VAL_STR && datetime_parse(val_str(*v), &ms)) *v = (val){.type = VAL_DATETIME, .u.i = ms};
    if (v->type != VAL_LIST || depth == 0) return true;
    val *list = ARENA_ARRAY(r->a, v->n ? v->n : 1, val);
    if (!list) return run_oom(r);
    for (uint32_t i = 0; i < v->n; i++) {
        list[i] = v->u.list[i];
        if (!to_datetime(r, &list[i], depth - 1)) return false;
    }
    v->u.list = list;
    return true;
}

static bool placeholder(run *r, const pval *v, val *out)
{
    if (v->kind == PVAL_PARAM) *out = v->slot < r->p->params_n ? r->params[v->slot] : (val){0};
    else *out = v->slot < r->p->slots_n ? r->slots[v->slot] : (val){0};
    if (out->type == VAL_UNDEF) {
        return nicol_fail(r->err, NICOL_E_INTERNAL, "Missing value for query variable %.*s", STR_FMT(v->name));
    }
    return !v->to_datetime || to_datetime(r, out, DEPTH_MAX);
}

val val_get_slot(run *r, uint32_t slot)
{
    if (slot == PLAN_NO_SLOT) return (val){0};
    if (slot & PLAN_PARAM_SLOT) {
        slot &= ~PLAN_PARAM_SLOT;
        return slot < r->p->params_n ? r->params[slot] : (val){0};
    }
    return slot < r->p->slots_n ? r->slots[slot] : (val){0};
}

static bool made_text(run *r, const char *text, size_t n, val *out)
{
    nicol_str s = arena_str(r->a, str_of(text, n));
    *out = val_text(VAL_STR, s);
    return s.ptr || run_oom(r);
}

static int64_t now_of(run *r)
{
    if (r->now_ms == INT64_MIN) r->now_ms = clock_wall_ms();
    return r->now_ms;
}

static const val *as_items(const val *v, uint32_t *n)
{
    *n = v->type == VAL_LIST ? v->n : 1;
    return v->type == VAL_LIST ? v->u.list : v;
}

/* All pairs, the left one slowest. */
static bool product(run *r, const pval *v, val *out)
{
    val left, right;
    uint32_t ln, rn;
    if (!eval_pval(r, &v->items[0], &left) || !eval_pval(r, &v->items[1], &right)) return false;
    const val *l = as_items(&left, &ln), *k = as_items(&right, &rn);
    uint64_t total = (uint64_t)ln * rn;
    if (total > UINT32_MAX / 2) return run_oom(r);
    val *list = ARENA_ARRAY(r->a, total ? total : 1, val);
    val *pairs = ARENA_ARRAY(r->a, total ? total * 2 : 1, val);
    if (!list || !pairs) return run_oom(r);
    for (uint64_t i = 0; i < total; i++) {
        pairs[2 * i] = l[i / rn];
        pairs[2 * i + 1] = k[i % rn];
        list[i] = (val){.type = VAL_LIST, .n = 2, .u.list = &pairs[2 * i]};
    }
    *out = (val){.type = VAL_LIST, .n = (uint32_t)total, .u.list = list};
    return true;
}

static bool generate(run *r, const pval *v, val *out)
{
    char text[256];
    int64_t wall = clock_wall_ms();
    switch ((plan_generator)v->gen) {
    case GEN_NOW:
        *out = (val){.type = VAL_DATETIME, .u.i = now_of(r)};
        return true;
    case GEN_UUID4:
        id_uuid4(text);
        return made_text(r, text, 36, out);
    case GEN_UUID7:
        id_uuid7(text, wall);
        return made_text(r, text, 36, out);
    case GEN_CUID:
        id_cuid(text, wall);
        return made_text(r, text, 25, out);
    case GEN_CUID2:
        if (!id_cuid2(text, wall))
            return nicol_fail(r->err, NICOL_E_SYSTEM, "SHA3-512 is not available: cuid(2) cannot be made");
        return made_text(r, text, 24, out);
    case GEN_ULID:
        id_ulid(text, wall);
        return made_text(r, text, 26, out);
    case GEN_NANOID: {
        uint32_t n = v->n >= 1 && v->n <= sizeof text ? v->n : 21;
        id_nanoid(text, n);
        return made_text(r, text, n, out);
    }
    case GEN_PRODUCT:
        return product(r, v, out);
    case GEN_N:
        break;
    }
    return nicol_fail(r->err, NICOL_E_INTERNAL, "unknown generator");
}

bool eval_pval(run *r, const pval *v, val *out)
{
    switch ((pval_kind)v->kind) {
    case PVAL_CONST:
        *out = v->c;
        return true;
    case PVAL_PARAM:
    case PVAL_VAR:
        return placeholder(r, v, out);
    case PVAL_GENERATOR:
        return generate(r, v, out);
    case PVAL_LIST: {
        val *list = ARENA_ARRAY(r->a, v->n ? v->n : 1, val);
        if (!list) return run_oom(r);
        for (uint32_t i = 0; i < v->n; i++) {
            if (!eval_pval(r, &v->items[i], &list[i])) return false;
        }
        *out = (val){.type = VAL_LIST, .n = v->n, .u.list = list};
        return true;
    }
    }
    return nicol_fail(r->err, NICOL_E_INTERNAL, "unknown kind of value in the plan");
}

/* --- comparisons ---------------------------------------------------------------------------------------------------- */

/* A float that is a whole number in range is that number: JavaScript has only one kind. */
static val plain_number(val v)
{
    if (v.type == VAL_FLOAT && v.u.f == trunc(v.u.f) && fabs(v.u.f) < 9.2e18) return val_int((int64_t)v.u.f);
    return v;
}

uint64_t val_hash(val v, uint64_t seed)
{
    v = plain_number(v);
    uint64_t tag = seed * 0x9e3779b97f4a7c15u + v.type;
    switch ((val_type)v.type) {
    case VAL_UNDEF:
    case VAL_NULL:
        return (seed * 0x9e3779b97f4a7c15u + VAL_NULL) * 0xff51afd7ed558ccdu;
    case VAL_BOOL:
    case VAL_INT:
    case VAL_DATETIME: {
        uint64_t h = (tag ^ (uint64_t)v.u.i) * 0xff51afd7ed558ccdu;
        return h ^ (h >> 32);
    }
    case VAL_FLOAT:
        return hash_bytes(&v.u.f, sizeof v.u.f, tag);
    case VAL_STR:
    case VAL_DECIMAL:
    case VAL_JSON:
    case VAL_BYTES:
        return hash_bytes(v.n ? v.u.p : "", v.n, tag);
    case VAL_LIST: {
        uint64_t h = tag + v.n;
        for (uint32_t i = 0; i < v.n; i++) h = val_hash(v.u.list[i], h);
        return h;
    }
    case VAL_RECORD: {
        uint64_t h = tag;
        const exec_record *rec = v.u.rec;
        for (uint32_t i = 0; rec->cells && i < rec->shape->n; i++) h = val_hash(rec->cells[i], h);
        return h;
    }
    case VAL_ROWS:
        return tag + v.u.rows->n; /* equal lists hash alike; telling others apart is val_same's work */
    }
    return tag;
}

static bool records_same(const exec_record *a, const exec_record *b)
{
    if (!a->cells || !b->cells) return !a->cells && !b->cells;
    if (!shape_same(a->shape, b->shape)) return false;
    for (uint32_t i = 0; i < a->shape->n; i++) {
        if (!val_same(a->cells[i], b->cells[i])) return false;
    }
    return true;
}

bool val_same(val a, val b)
{
    if (val_is_nullish(a) || val_is_nullish(b)) return val_is_nullish(a) && val_is_nullish(b);
    a = plain_number(a);
    b = plain_number(b);
    if (a.type != b.type) return false;
    switch ((val_type)a.type) {
    case VAL_UNDEF:
    case VAL_NULL:
        return true;
    case VAL_BOOL:
    case VAL_INT:
    case VAL_DATETIME:
        return a.u.i == b.u.i;
    case VAL_FLOAT:
        return a.u.f == b.u.f;
    case VAL_STR:
    case VAL_DECIMAL:
    case VAL_JSON:
    case VAL_BYTES:
        return str_eq(val_str(a), val_str(b));
    case VAL_LIST:
        if (a.n != b.n) return false;
        for (uint32_t i = 0; i < a.n; i++) {
            if (!val_same(a.u.list[i], b.u.list[i])) return false;
        }
        return true;
    case VAL_RECORD:
        return records_same(a.u.rec, b.u.rec);
    case VAL_ROWS:
        if (a.u.rows->n != b.u.rows->n) return false;
        for (uint32_t i = 0; i < a.u.rows->n; i++) {
            if (!records_same(&a.u.rows->v[i], &b.u.rows->v[i])) return false;
        }
        return true;
    }
    return false;
}

bool val_number(val v, double *out)
{
    switch ((val_type)v.type) {
    case VAL_BOOL:
    case VAL_INT:
    case VAL_DATETIME:
        *out = (double)v.u.i;
        return true;
    case VAL_FLOAT:
        *out = v.u.f;
        return true;
    case VAL_STR:
    case VAL_DECIMAL:
        return float_parse(str_trim(val_str(v)), out);
    case VAL_UNDEF:
    case VAL_NULL:
    case VAL_JSON:
    case VAL_BYTES:
    case VAL_LIST:
    case VAL_RECORD:
    case VAL_ROWS:
        break;
    }
    return false;
}

static bool instant_of(val v, int64_t *ms)
{
    if (v.type == VAL_DATETIME || v.type == VAL_INT) {
        *ms = v.u.i;
        return true;
    }
    return v.type == VAL_STR && datetime_parse(val_str(v), ms);
}

static bool is_number(val v)
{
    return v.type == VAL_INT || v.type == VAL_FLOAT || v.type == VAL_DECIMAL || v.type == VAL_BOOL;
}

static bool numbers_match(val a, val b)
{
    int64_t i;
    if (a.type == VAL_INT && b.type == VAL_STR && str_to_i64(val_str(b), &i)) return a.u.i == i;
    if (b.type == VAL_INT && a.type == VAL_STR && str_to_i64(val_str(a), &i)) return b.u.i == i;
    double x, y;
    return val_number(a, &x) && val_number(b, &y) && x == y;
}

bool val_matches(run *r, val cell, val wanted)
{
    if (val_same(cell, wanted)) return true;
    if (val_is_nullish(cell) || val_is_nullish(wanted)) return false;
    int64_t a, b;
    if (cell.type == VAL_DATETIME || wanted.type == VAL_DATETIME)
        return instant_of(cell, &a) && instant_of(wanted, &b) && a == b;
    if (cell.type == VAL_BYTES && wanted.type == VAL_STR) {
        nicol_str bytes;
        return base64_read(r->a, val_str(wanted), &bytes) && str_eq(bytes, val_str(cell));
    }
    if (is_number(cell) || is_number(wanted)) return numbers_match(cell, wanted);
    /* Two texts of one instant: a file may hold several forms of dates. */
    return cell.type == VAL_STR && wanted.type == VAL_STR && cell.n >= 19 && wanted.n >= 19 && instant_of(cell, &a) &&
           instant_of(wanted, &b) && a == b;
}

uint32_t val_count(run *r, val v)
{
    switch ((val_type)v.type) {
    case VAL_UNDEF:
    case VAL_NULL:
        return 0;
    case VAL_LIST:
        return v.n;
    case VAL_ROWS:
        return v.u.rows->n;
    case VAL_JSON:
        if (v.flags & EXEC_RAW_JSON) {
            json_doc doc;
            nicol_error ignored = {0};
            if (!json_parse(r->a, val_str(v), NICOL_JSON_DEPTH_MAX, &doc, &ignored)) return 1;
            json_type t = json_kind(json_root(&doc));
            return t == JSON_NULL ? 0 : t == JSON_ARRAY ? json_count(json_root(&doc)) : 1;
        }
        return 1;
    case VAL_BOOL:
    case VAL_INT:
    case VAL_FLOAT:
    case VAL_STR:
    case VAL_DECIMAL:
    case VAL_DATETIME:
    case VAL_BYTES:
    case VAL_RECORD:
        break;
    }
    return 1;
}

/* --- JSON read back -------------------------------------------------------------------------------------------------- */

static bool json_to_val(run *r, json_val v, unsigned depth, const exec_shape **last, val *out);

static bool json_record(run *r, json_val v, unsigned depth, const exec_shape **last, exec_record *rec)
{
    uint32_t n = json_count(v), i = 0;
    nicol_str *names = ARENA_ARRAY(r->a, n ? n : 1, nicol_str);
    rec->cells = ARENA_ARRAY(r->a, n ? n : 1, val);
    if (!names || !rec->cells) return run_oom(r);
    const exec_shape *inner = NULL;
    json_iter it = json_first(v);
    while (json_more(&it)) {
        names[i] = it.key;
        if (!it.key.ptr) return run_oom(r);
        if (!json_to_val(r, it.value, depth, &inner, &rec->cells[i++])) return false;
    }
    exec_shape s = {names, n, false};
    if (!*last || !shape_same(*last, &s)) {
        *last = shape_new(r->a, names, n);
        if (!*last) return run_oom(r);
    }
    rec->shape = *last;
    return true;
}

static bool json_list(run *r, json_val v, unsigned depth, val *out)
{
    uint32_t n = json_count(v), i = 0;
    bool records = n > 0;
    const exec_shape *last = NULL;
    json_iter it = json_first(v);
    while (records && json_more(&it)) records = json_kind(it.value) == JSON_OBJECT || json_kind(it.value) == JSON_NULL;
    if (records) {
        exec_rows *rows = rows_new(r->a, n);
        if (!rows) return run_oom(r);
        for (it = json_first(v); json_more(&it); i++) {
            if (json_kind(it.value) == JSON_OBJECT && !json_record(r, it.value, depth, &last, &rows->v[i]))
                return false;
        }
        *out = val_rows(rows);
        return true;
    }
    val *list = ARENA_ARRAY(r->a, n ? n : 1, val);
    if (!list) return run_oom(r);
    for (it = json_first(v); json_more(&it); i++) {
        if (!json_to_val(r, it.value, depth, &last, &list[i])) return false;
    }
    *out = (val){.type = VAL_LIST, .n = n, .u.list = list};
    return true;
}

static bool json_to_val(run *r, json_val v, unsigned depth, const exec_shape **last, val *out)
{
    if (depth == 0)
        return nicol_fail(r->err, NICOL_E_LIMIT, "a JSON value in the database is nested deeper than %d", DEPTH_MAX);
    if (json_kind(v) == JSON_ARRAY) return json_list(r, v, depth - 1, out);
    if (json_kind(v) == JSON_OBJECT) {
        exec_record *rec = ARENA_NEW(r->a, exec_record);
        *out = val_record(rec);
        return rec ? json_record(r, v, depth - 1, last, rec) : run_oom(r);
    }
    return val_of_json(v, out) || run_oom(r);
}

bool val_from_json(run *r, nicol_str text, val *out)
{
    json_doc doc;
    const exec_shape *last = NULL;
    nicol_error why = {0};
    if (!json_parse(r->a, text, NICOL_JSON_DEPTH_MAX, &doc, &why)) {
        if (why.code == NICOL_E_NO_MEMORY) return run_oom(r);
        return nicol_fail(r->err, NICOL_E_COLUMN_DATA,
                          "Inconsistent column data: a column that should hold JSON does not");
    }
    return json_to_val(r, json_root(&doc), DEPTH_MAX, &last, out);
}
