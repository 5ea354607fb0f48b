/* exec/rows.c - compact rows: typed cells by position, with the column names kept once per statement.
 *
 * Rows live in the request's arena. Names and positions that were found once are kept with the plan, so that the next
 * run of it looks nothing up.
 */
#include "exec/exec_int.h"

uint32_t shape_find(const exec_shape *s, nicol_str name)
{
    for (uint32_t i = s->n; i > 0; i--) {
        if (str_eq(s->names[i - 1], name)) return i - 1;
    }
    return EXEC_NO_COLUMN;
}

exec_shape *shape_new(arena *a, const nicol_str *names, uint32_t n)
{
    exec_shape *s = ARENA_NEW(a, exec_shape);
    if (s) *s = (exec_shape){.names = names, .n = n};
    return s;
}

bool shape_same(const exec_shape *a, const exec_shape *b)
{
    if (a == b) return true;
    if (a->n != b->n) return false;
    for (uint32_t i = 0; i < a->n; i++) {
        if (!str_eq(a->names[i], b->names[i])) return false;
    }
    return true;
}

exec_rows *rows_new(arena *a, uint32_t n)
{
    exec_rows *rows = ARENA_NEW(a, exec_rows);
    if (!rows) return NULL;
    rows->v = ARENA_ARRAY(a, n ? n : 1, exec_record);
    rows->n = n;
    return rows->v ? rows : NULL;
}

/* --- shapes of statements ------------------------------------------------------------------------------------------- */

static exec_site *site_of(run *r, uint32_t site)
{
    return r->memory && site < r->memory->sites_n ? &r->memory->sites[site] : NULL;
}

/* A plan that has learnt all that its memory holds goes on with the request's. */
static bool may_keep(run *r, const exec_site *here)
{
    return here && here->renewed < EXEC_RENEW_MAX && !arena_failed(r->memory->a);
}

static bool still_fits(const run *r, const exec_shape *s, driver_stmt *st)
{
    if (r->d->cols(st) != s->n) return false;
    for (uint32_t i = 0; i < s->n; i++) {
        if (!str_eq(s->names[i], r->d->col_name(st, i))) return false;
    }
    return true;
}

const exec_shape *shape_of(run *r, uint32_t site, driver_stmt *st)
{
    exec_site *here = site_of(r, site);
    uint64_t id = r->d->shape_id(st);
    if (here && here->shape) {
        if (here->shape_id == id) return here->shape;
        if (still_fits(r, here->shape, st)) {
            here->shape_id = id;
            return here->shape;
        }
    }
    bool keep = may_keep(r, here);
    arena *a = keep ? r->memory->a : r->a;
    uint32_t n = r->d->cols(st);
    nicol_str *names = ARENA_ARRAY(a, n ? n : 1, nicol_str);
    exec_shape *s = names ? shape_new(a, names, n) : NULL;
    for (uint32_t i = 0; s && i < n; i++) {
        names[i] = arena_str(a, r->d->col_name(st, i));
        if (!names[i].ptr) s = NULL;
    }
    if (!s) {
        run_oom(r);
        return NULL;
    }
    s->kept = keep;
    if (keep) {
        here->shape = s;
        here->shape_id = id;
        here->renewed++;
    }
    return s;
}

static bool same_row(const plan_shape *s)
{
    return s->type == SHAPE_OBJECT && s->same_row;
}

static bool field_lead(arena *a, exec_field *f, bool first, nicol_str key)
{
    size_t n = key.len + 1;
    char *text = arena_zalloc(a, (n + EXEC_LEAD_BLOCK - 1) / EXEC_LEAD_BLOCK * EXEC_LEAD_BLOCK);
    if (!text || n > UINT32_MAX) return false;
    text[0] = first ? '{' : ',';
    memcpy(text + 1, key.ptr, key.len);
    f->lead = text;
    f->lead_n = (uint32_t)n;
    return true;
}

static const exec_field *fields_in(arena *a, const plan_shape *s, const exec_shape *rows)
{
    exec_field *fields = ARENA_ARRAY(a, s->fields_n ? s->fields_n : 1, exec_field);
    for (uint32_t i = 0; fields && i < s->fields_n; i++) {
        const plan_shape *f = s->fields[i];
        exec_field *to = &fields[i];
        *to = (exec_field){.shape = f, .pos = EXEC_NO_COLUMN};
        if (!field_lead(a, to, i == 0, s->keys[i])) return NULL;
        if (same_row(f)) {
            to->inner = fields_in(a, f, rows);
            if (!to->inner) return NULL;
        } else if (f->type != SHAPE_AFFECTED) {
            to->pos = shape_find(rows, f->type == SHAPE_OBJECT ? f->row_name : f->db_name);
        }
        to->plain = f->type == SHAPE_FIELD && !f->list && to->pos != EXEC_NO_COLUMN;
    }
    return fields;
}

const exec_field *shape_fields(run *r, const plan_shape *s, const exec_shape *rows)
{
    exec_site *here = site_of(r, s->site);
    if (here && here->base == rows && here->fields) return here->fields;
    bool keep = rows->kept && may_keep(r, here);
    const exec_field *fields = keep ? fields_in(r->memory->a, s, rows) : NULL;
    if (!fields) {
        keep = false;
        fields = fields_in(r->a, s, rows);
    }
    if (!fields) {
        run_oom(r);
        return NULL;
    }
    if (keep) {
        here->base = rows;
        here->fields = fields;
        here->renewed++;
    }
    return fields;
}

/* --- reading a query's rows ----------------------------------------------------------------------------------------- */

typedef struct row_reader {
    exec_rows *rows;
    uint32_t cap;
    val *cells; /* of the current row, as the driver gives them */
} row_reader;

/* A row takes one piece of memory: its cells, then their texts. */
#define LIST_DEPTH_MAX 16 /* dimensions of an array; databases have 6 */

/* An array's items are borrowed from the driver, as texts are. */
static bool keep_list(arena *a, val *v, unsigned depth)
{
    val *items = depth ? ARENA_ARRAY(a, v->n ? v->n : 1, val) : NULL;
    if (!items) return false;
    for (uint32_t i = 0; i < v->n; i++) {
        items[i] = v->u.list[i];
        if (items[i].type == VAL_LIST && !keep_list(a, &items[i], depth - 1)) return false;
        if (!val_is_text(items[i])) continue;
        items[i].u.p = arena_str(a, val_str(items[i])).ptr;
        if (!items[i].u.p) return false;
    }
    v->u.list = items;
    return true;
}

static bool add_row(run *r, row_reader *rr, const exec_shape *shape, driver_stmt *st)
{
    exec_rows *rows = rr->rows;
    if (rows->n == rr->cap) {
        if (rr->cap > UINT32_MAX / 2) return false;
        uint32_t cap = rr->cap ? rr->cap * 2 : 8;
        exec_record *v = arena_grow(r->a, rows->v, rr->cap * sizeof *v, cap * sizeof *v);
        if (!v) return false;
        rows->v = v;
        rr->cap = cap;
    }
    r->d->cells(st, rr->cells, shape->n);
    size_t room = shape->n * sizeof *rr->cells;
    for (uint32_t i = 0; i < shape->n; i++) room += val_is_text(rr->cells[i]) ? rr->cells[i].n : 0;
    val *cells = arena_alloc(r->a, room ? room : 1);
    if (!cells) return false;
    char *text = (char *)(cells + shape->n);
    for (uint32_t i = 0; i < shape->n; i++) {
        val v = rr->cells[i];
        if (val_is_text(v)) {
            memcpy(text, v.u.p, v.n);
            v.u.p = text;
            text += v.n;
        } else if (v.type == VAL_LIST && !keep_list(r->a, &v, LIST_DEPTH_MAX)) {
            return false;
        }
        cells[i] = v;
    }
    rows->v[rows->n++] = (exec_record){shape, cells};
    return true;
}

static bool read_rows(run *r, const plan_stmt *s, driver_stmt *st, void *ctx)
{
    row_reader *rr = ctx;
    const exec_shape *shape = NULL;
    for (bool row;;) {
        if (!r->d->step(st, &row, r->a, r->err)) return false;
        if (!row) return true;
        /* After the first step: only then is it certain that SQLite did not compile the statement anew. */
        if (!shape) {
            shape = shape_of(r, s->site, st);
            if (!shape) return false;
            rr->cells = arena_alloc(r->a, (shape->n ? shape->n : 1) * sizeof *rr->cells);
            if (!rr->cells) return run_oom(r);
        }
        if (!add_row(r, rr, shape, st)) return run_oom(r);
        r->rows++;
    }
}

bool rows_read(run *r, const plan_stmt *s, val *out)
{
    row_reader rr = {.rows = ARENA_NEW(r->a, exec_rows)};
    if (!rr.rows) return run_oom(r);
    if (!stmt_run(r, s, read_rows, &rr)) return false;
    *out = val_rows(rr.rows);
    return true;
}

/* --- views ---------------------------------------------------------------------------------------------------------- */

static bool list_as_rows(run *r, val v, exec_rows *out)
{
    out->v = ARENA_ARRAY(r->a, v.n ? v.n : 1, exec_record);
    out->n = v.n;
    if (!out->v) return run_oom(r);
    for (uint32_t i = 0; i < v.n; i++) {
        val item = v.u.list[i];
        if (item.type == VAL_RECORD) out->v[i] = *item.u.rec;
        else if (!val_is_nullish(item))
            return nicol_fail(r->err, NICOL_E_INTERNAL, "expected records, found other values");
    }
    return true;
}

bool rows_of(run *r, val v, exec_rows *out)
{
    *out = (exec_rows){0};
    switch ((val_type)v.type) {
    case VAL_UNDEF:
    case VAL_NULL:
        return true;
    case VAL_ROWS:
        *out = *v.u.rows;
        return true;
    case VAL_RECORD:
        *out = (exec_rows){v.u.rec, 1};
        return true;
    case VAL_LIST:
        return list_as_rows(r, v, out);
    case VAL_JSON:
    case VAL_STR: {
        val parsed;
        if (!val_from_json(r, val_str(v), &parsed)) return false;
        if (parsed.type == VAL_STR || parsed.type == VAL_JSON) break;
        return rows_of(r, parsed, out);
    }
    case VAL_BOOL:
    case VAL_INT:
    case VAL_FLOAT:
    case VAL_DECIMAL:
    case VAL_DATETIME:
    case VAL_BYTES:
        break;
    }
    return nicol_fail(r->err, NICOL_E_INTERNAL, "expected records, found a plain value");
}

static bool map_rows(run *r, nicol_str field, const exec_rows *rows, val *out)
{
    val *list = arena_alloc(r->a, (rows->n ? rows->n : 1) * sizeof *list);
    if (!list) return run_oom(r);
    const exec_shape *last = NULL;
    uint32_t at = EXEC_NO_COLUMN;
    for (uint32_t i = 0; i < rows->n; i++) {
        const exec_record *rec = &rows->v[i];
        if (!rec->cells) {
            list[i] = val_null();
            continue;
        }
        if (rec->shape != last) {
            last = rec->shape;
            at = shape_find(last, field);
        }
        list[i] = at == EXEC_NO_COLUMN ? val_null() : rec->cells[at];
    }
    *out = (val){.type = VAL_LIST, .n = rows->n, .u.list = list};
    return true;
}

bool map_field(run *r, nicol_str field, val v, val *out)
{
    if (v.type == VAL_ROWS) return map_rows(r, field, v.u.rows, out);
    if (v.type == VAL_RECORD) {
        uint32_t at = v.u.rec->cells ? shape_find(v.u.rec->shape, field) : EXEC_NO_COLUMN;
        *out = at == EXEC_NO_COLUMN ? val_null() : v.u.rec->cells[at];
        return true;
    }
    if (v.type == VAL_JSON && v.flags & EXEC_RAW_JSON) {
        val parsed;
        return val_from_json(r, val_str(v), &parsed) && map_field(r, field, parsed, out);
    }
    if (v.type != VAL_LIST) {
        *out = v;
        return true;
    }
    val *list = ARENA_ARRAY(r->a, v.n ? v.n : 1, val);
    if (!list) return run_oom(r);
    for (uint32_t i = 0; i < v.n; i++) {
        if (!map_field(r, field, v.u.list[i], &list[i])) return false;
    }
    *out = (val){.type = VAL_LIST, .n = v.n, .u.list = list};
    return true;
}
