/* exec/process.c - in-memory operations on rows: cursor, distinct, pagination, per parent or over all, reverse.
 *
 * Rows are not changed in place: lists share their rows with whoever else read them.
 */
#include "exec/exec_int.h"

#include <stdlib.h>

#include "json/json.h"

#define DEPTH_MAX 64

static bool process_at(run *r, val v, const plan_ops *ops, unsigned depth, val *out);

static val cell_named(const exec_record *rec, nicol_str name)
{
    uint32_t at = shape_find(rec->shape, name);
    return at == EXEC_NO_COLUMN ? (val){0} : rec->cells[at];
}

/* --- cursor --------------------------------------------------------------------------------------------------------- */

static bool cursor_values(run *r, const plan_ops *ops, val **out)
{
    *out = ARENA_ARRAY(r->a, ops->cursor_n ? ops->cursor_n : 1, val);
    if (!*out) return run_oom(r);
    for (uint32_t i = 0; i < ops->cursor_n; i++) {
        if (!eval_pval(r, &ops->cursor_values[i], &(*out)[i])) return false;
    }
    return true;
}

static bool at_cursor(run *r, const plan_ops *ops, const val *values, const exec_record *rec)
{
    if (!rec->cells) return false;
    for (uint32_t i = 0; i < ops->cursor_n; i++) {
        if (!val_matches(r, cell_named(rec, ops->cursor_fields[i]), values[i])) return false;
    }
    return true;
}

/* --- keys of rows --------------------------------------------------------------------------------------------------- */

static uint64_t row_hash(const exec_record *rec, const nicol_str *names, uint32_t n, uint64_t h)
{
    for (uint32_t i = 0; i < n; i++) h = val_hash(rec->cells ? cell_named(rec, names[i]) : val_null(), h);
    return h;
}

static bool row_same(const exec_record *a, const exec_record *b, const nicol_str *names, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        val x = a->cells ? cell_named(a, names[i]) : val_null(), y = b->cells ? cell_named(b, names[i]) : val_null();
        if (!val_same(x, y)) return false;
    }
    return true;
}

/* Rows by key: a hash table of indexes into `rows`. */
typedef struct row_table {
    uint32_t *table;
    uint64_t *hashes;
    uint32_t mask;
} row_table;

static bool table_init(run *r, row_table *t, uint32_t n)
{
    uint64_t size = 8;
    while (size < (uint64_t)n * 2) size *= 2;
    t->mask = (uint32_t)(size - 1);
    t->table = ARENA_ARRAY(r->a, size, uint32_t);
    t->hashes = ARENA_ARRAY(r->a, size, uint64_t);
    return (t->table && t->hashes) || run_oom(r);
}

/* The place of a row's key: holds index + 1, or 0 when the key is new. */
static uint32_t *table_place(row_table *t, const plan_ops *o, bool distinct, const exec_record *rows,
                             const exec_record *rec)
{
    uint64_t h = row_hash(rec, o->linking, o->linking_n, distinct);
    if (distinct) h = row_hash(rec, o->distinct, o->distinct_n, h);
    for (uint32_t at = (uint32_t)h & t->mask;; at = (at + 1) & t->mask) {
        if (t->table[at] == 0) {
            t->hashes[at] = h;
            return &t->table[at];
        }
        const exec_record *other = &rows[t->table[at] - 1];
        if (t->hashes[at] == h && row_same(rec, other, o->linking, o->linking_n) &&
            (!distinct || row_same(rec, other, o->distinct, o->distinct_n))) {
            return &t->table[at];
        }
    }
}

static bool keep_distinct(run *r, const plan_ops *ops, exec_rows *rows)
{
    row_table t;
    uint32_t n = 0;
    if (!table_init(r, &t, rows->n)) return false;
    for (uint32_t i = 0; i < rows->n; i++) {
        uint32_t *place = table_place(&t, ops, true, rows->v, &rows->v[i]);
        if (*place) continue;
        rows->v[n] = rows->v[i];
        *place = ++n;
    }
    rows->n = n;
    return true;
}

/* --- pagination ----------------------------------------------------------------------------------------------------- */

static void window(run *r, const plan_ops *ops, const val *cursor, exec_rows *rows)
{
    uint64_t from = 0, to = rows->n;
    if (ops->has_cursor) {
        while (from < rows->n && !at_cursor(r, ops, cursor, &rows->v[from])) from++;
    }
    if (ops->has_skip) from += (uint64_t)ops->skip;
    if (from > rows->n) from = rows->n;
    if (ops->has_take && (uint64_t)ops->take < to - from) to = from + (uint64_t)ops->take;
    rows->v += from;
    rows->n = (uint32_t)(to - from);
}

typedef struct group {
    exec_rows rows;
    nicol_str key; /* JSON text of the linking values, which orders the groups */
} group;

/* UTF-16 code unit order, as JavaScript sorts: characters past U+FFFF come before those from U+E000 on. */
static int code_unit_cmp(nicol_str a, nicol_str b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < n; i++) {
        unsigned char x = (unsigned char)a.ptr[i], y = (unsigned char)b.ptr[i];
        if (x == y) continue;
        if (x >= 0xf0 && (y == 0xee || y == 0xef)) return -1;
        if (y >= 0xf0 && (x == 0xee || x == 0xef)) return 1;
        return x < y ? -1 : 1;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

static int group_cmp(const void *a, const void *b)
{
    return code_unit_cmp(((const group *)a)->key, ((const group *)b)->key);
}

static bool group_key(run *r, const plan_ops *ops, const exec_record *rec, group *g)
{
    buf b;
    buf_init(&b, r->e->m, 1 << 24);
    buf_char(&b, '[');
    bool good = true;
    for (uint32_t i = 0; good && i < ops->linking_n; i++) {
        if (i) buf_char(&b, ',');
        good = emit_value(r, rec->cells ? cell_named(rec, ops->linking[i]) : val_null(), &b);
    }
    buf_char(&b, ']');
    good = good && !buf_failed(&b);
    if (good) g->key = arena_str(r->a, buf_view(&b));
    buf_free(&b);
    return (good && g->key.ptr) || run_oom(r);
}

static bool split_groups(run *r, const plan_ops *ops, const exec_rows *rows, group **out, uint32_t *out_n)
{
    row_table t;
    uint32_t n = 0;
    uint32_t *of = ARENA_ARRAY(r->a, rows->n ? rows->n : 1, uint32_t);
    uint32_t *group_of_first = ARENA_ARRAY(r->a, rows->n ? rows->n : 1, uint32_t);
    group *g = ARENA_ARRAY(r->a, rows->n ? rows->n : 1, group);
    if (!of || !group_of_first || !g) return run_oom(r);
    if (!table_init(r, &t, rows->n)) return false;
    for (uint32_t i = 0; i < rows->n; i++) {
        uint32_t *place = table_place(&t, ops, false, rows->v, &rows->v[i]);
        if (*place == 0) {
            *place = i + 1;
            group_of_first[i] = n;
            if (!group_key(r, ops, &rows->v[i], &g[n++])) return false;
        }
        of[i] = group_of_first[*place - 1];
        g[of[i]].rows.n++;
    }
    for (uint32_t i = 0; i < n; i++) {
        g[i].rows.v = ARENA_ARRAY(r->a, g[i].rows.n, exec_record);
        if (!g[i].rows.v) return run_oom(r);
        g[i].rows.n = 0;
    }
    for (uint32_t i = 0; i < rows->n; i++) g[of[i]].rows.v[g[of[i]].rows.n++] = rows->v[i];
    if (n) qsort(g, n, sizeof *g, group_cmp);
    *out = g;
    *out_n = n;
    return true;
}

static bool paginate(run *r, const plan_ops *ops, exec_rows *rows)
{
    val *cursor;
    group *groups = NULL;
    uint32_t n = 0, total = 0;
    if (!cursor_values(r, ops, &cursor)) return false;
    if (!ops->has_linking) {
        window(r, ops, cursor, rows);
        return true;
    }
    if (!split_groups(r, ops, rows, &groups, &n)) return false;
    for (uint32_t i = 0; i < n; i++) {
        window(r, ops, cursor, &groups[i].rows);
        if (groups[i].rows.n) memcpy(&rows->v[total], groups[i].rows.v, groups[i].rows.n * sizeof(exec_record));
        total += groups[i].rows.n;
    }
    rows->n = total;
    return true;
}

/* --- all together --------------------------------------------------------------------------------------------------- */

static bool process_nested(run *r, const plan_ops *ops, unsigned depth, exec_record *rec)
{
    if (!rec->cells || ops->nested_n == 0) return true;
    val *cells = ARENA_ARRAY(r->a, rec->shape->n ? rec->shape->n : 1, val);
    if (!cells) return run_oom(r);
    memcpy(cells, rec->cells, rec->shape->n * sizeof *cells);
    for (uint32_t i = 0; i < ops->nested_n; i++) {
        uint32_t at = shape_find(rec->shape, ops->nested_fields[i]);
        if (at != EXEC_NO_COLUMN && !process_at(r, cells[at], ops->nested[i], depth, &cells[at])) return false;
    }
    rec->cells = cells;
    return true;
}

static bool process_one(run *r, const exec_record *rec, const plan_ops *ops, unsigned depth, val *out)
{
    *out = val_null();
    if (!rec->cells || (ops->has_skip && ops->skip > 0) || (ops->has_take && ops->take == 0)) return true;
    if (ops->has_cursor) {
        val *cursor;
        if (!cursor_values(r, ops, &cursor)) return false;
        if (!at_cursor(r, ops, cursor, rec)) return true;
    }
    exec_record *mine = ARENA_NEW(r->a, exec_record);
    if (!mine) return run_oom(r);
    *mine = *rec;
    *out = val_record(mine);
    return process_nested(r, ops, depth, mine);
}

static bool process_list(run *r, val v, const plan_ops *ops, unsigned depth, val *out)
{
    exec_rows given, *rows = ARENA_NEW(r->a, exec_rows);
    if (!rows) return run_oom(r);
    if (!rows_of(r, v, &given)) return false;
    rows->n = given.n;
    rows->v = ARENA_ARRAY(r->a, given.n ? given.n : 1, exec_record);
    if (!rows->v) return run_oom(r);
    if (given.n) memcpy(rows->v, given.v, given.n * sizeof *given.v);
    if (ops->has_distinct && !keep_distinct(r, ops, rows)) return false;
    if (ops->has_pagination && !paginate(r, ops, rows)) return false;
    for (uint32_t i = 0; ops->reverse && i < rows->n / 2; i++) {
        exec_record swap = rows->v[i];
        rows->v[i] = rows->v[rows->n - 1 - i];
        rows->v[rows->n - 1 - i] = swap;
    }
    for (uint32_t i = 0; i < rows->n; i++) {
        if (!process_nested(r, ops, depth, &rows->v[i])) return false;
    }
    *out = val_rows(rows);
    return true;
}

/* A list of plain values, as mapField makes it: skip, take and reverse are all that can be asked of it. */
static bool process_values(run *r, val v, const plan_ops *ops, val *out)
{
    uint64_t from = ops->has_pagination && ops->has_skip && ops->skip > 0 ? (uint64_t)ops->skip : 0;
    uint64_t n = v.n > from ? v.n - from : 0;
    if (ops->has_pagination && ops->has_take && ops->take >= 0 && (uint64_t)ops->take < n) n = (uint64_t)ops->take;
    val *list = ARENA_ARRAY(r->a, n ? n : 1, val);
    if (!list) return run_oom(r);
    for (uint64_t i = 0; i < n; i++) list[i] = v.u.list[from + (ops->reverse ? n - 1 - i : i)];
    *out = (val){.type = VAL_LIST, .n = (uint32_t)n, .u.list = list};
    return true;
}

static bool process_at(run *r, val v, const plan_ops *ops, unsigned depth, val *out)
{
    if (depth == 0)
        return nicol_fail(r->err, NICOL_E_LIMIT, "in-memory operations are nested deeper than %d", DEPTH_MAX);
    if (v.type == VAL_STR || v.type == VAL_JSON) {
        val parsed;
        if (!val_from_json(r, val_str(v), &parsed)) return false;
        v = parsed;
    }
    *out = v;
    if (val_is_nullish(v)) return true;
    if (v.type == VAL_RECORD) return process_one(r, v.u.rec, ops, depth - 1, out);
    if (v.type == VAL_LIST && v.n && v.u.list[0].type != VAL_RECORD && !ops->has_cursor && !ops->has_linking) {
        return process_values(r, v, ops, out);
    }
    if (v.type == VAL_ROWS || v.type == VAL_LIST) return process_list(r, v, ops, depth - 1, out);
    return nicol_fail(r->err, NICOL_E_INTERNAL, "in-memory operations need records");
}

bool run_process(run *r, val v, const plan_ops *ops, val *out)
{
    return process_at(r, v, ops, DEPTH_MAX, out);
}
