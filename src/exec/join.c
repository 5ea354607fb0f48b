/* exec/join.c - `join` and `diff`: both match rows by the typed values of some columns, by hashing.
 *
 * The parents are hashed, since every parent of a key gets the same children: one list per key, shared. The children
 * are walked once to count and once to place, so a list is allocated at its exact size.
 */
#include "exec/exec_int.h"

#include <math.h>

/* --- keys ----------------------------------------------------------------------------------------------------------- */

typedef struct key_set {
    uint32_t *table; /* group + 1; 0: free. A power of two */
    uint32_t mask;
    uint64_t *hashes; /* by group */
    val *keys;        /* by group, width cells each */
    uint32_t width;
    uint32_t groups;
} key_set;

static bool keys_init(run *r, key_set *k, uint32_t entries, uint32_t width)
{
    uint64_t size = 8;
    while (size < (uint64_t)entries * 2) size *= 2;
    *k = (key_set){.mask = (uint32_t)(size - 1), .width = width};
    k->table = ARENA_ARRAY(r->a, size, uint32_t);
    k->hashes = ARENA_ARRAY(r->a, entries ? entries : 1, uint64_t);
    k->keys = ARENA_ARRAY(r->a, entries && width ? (size_t)entries * width : 1, val);
    return (k->table && k->hashes && k->keys) || run_oom(r);
}

static uint64_t key_hash(const val *key, uint32_t n)
{
    uint64_t h = n;
    for (uint32_t i = 0; i < n; i++) h = val_hash(key[i], h);
    return h;
}

static bool key_same(const val *a, const val *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!val_same(a[i], b[i])) return false;
    }
    return true;
}

/* The group of a key, or UINT32_MAX. */
static uint32_t key_find(const key_set *k, const val *key, uint64_t hash)
{
    for (uint32_t at = (uint32_t)hash & k->mask;; at = (at + 1) & k->mask) {
        uint32_t g = k->table[at];
        if (g == 0) return UINT32_MAX;
        if (k->hashes[g - 1] == hash && key_same(&k->keys[(size_t)(g - 1) * k->width], key, k->width)) return g - 1;
    }
}

static uint32_t key_add(key_set *k, const val *key)
{
    uint64_t hash = key_hash(key, k->width);
    uint32_t g = key_find(k, key, hash);
    if (g != UINT32_MAX) return g;
    uint32_t at = (uint32_t)hash & k->mask;
    while (k->table[at]) at = (at + 1) & k->mask;
    g = k->groups++;
    k->table[at] = g + 1;
    k->hashes[g] = hash;
    if (k->width) memcpy(&k->keys[(size_t)g * k->width], key, k->width * sizeof *key);
    return g;
}

/* Columns of a row as a key. The positions are looked up when the shape is another than the row before had. */
typedef struct key_reader {
    const nicol_str *names;
    uint32_t n;
    const exec_shape *shape;
    uint32_t *pos;
    val *key;
} key_reader;

static bool key_reader_init(run *r, key_reader *k, const nicol_str *names, uint32_t n)
{
    *k = (key_reader){.names = names, .n = n};
    k->pos = ARENA_ARRAY(r->a, n ? n : 1, uint32_t);
    k->key = ARENA_ARRAY(r->a, n ? n : 1, val);
    return (k->pos && k->key) || run_oom(r);
}

static const val *key_read(key_reader *k, const exec_record *rec)
{
    if (rec->shape != k->shape) {
        k->shape = rec->shape;
        for (uint32_t i = 0; i < k->n; i++) k->pos[i] = shape_find(rec->shape, k->names[i]);
    }
    for (uint32_t i = 0; i < k->n; i++) k->key[i] = k->pos[i] == EXEC_NO_COLUMN ? val_null() : rec->cells[k->pos[i]];
    return k->key;
}

/* --- coercion ------------------------------------------------------------------------------------------------------- */

/* Without strict equality a child's key is first turned into the kind of value that the parents have. */
static bool coerce(run *r, val *v, val_type like)
{
    double f;
    char text[32];
    if (v->type == like || val_is_nullish(*v)) return true;
    if (like == VAL_INT || like == VAL_FLOAT) {
        int64_t i;
        if (v->type == VAL_STR && str_to_i64(val_str(*v), &i)) *v = val_int(i);
        else if (val_number(*v, &f)) *v = val_float(f);
    } else if (like == VAL_STR && (v->type == VAL_INT || v->type == VAL_FLOAT || v->type == VAL_DECIMAL)) {
        if (v->type == VAL_DECIMAL) {
            v->type = VAL_STR;
            return true;
        }
        size_t n = 0;
        if (v->type == VAL_FLOAT && isfinite(v->u.f)) n = float_format(text, v->u.f);
        nicol_str s =
            v->type == VAL_INT ? arena_printf(r->a, "%lld", (long long)v->u.i) : arena_str(r->a, str_of(text, n));
        if (!s.ptr) return run_oom(r);
        *v = val_text(VAL_STR, s);
    } else if (like == VAL_BOOL && val_number(*v, &f)) {
        *v = val_bool(f != 0);
    }
    return true;
}

/* The kind of each key column among the parents: that of its first value. */
static void kinds_of(const key_set *k, val_type *kinds)
{
    for (uint32_t i = 0; i < k->width; i++) {
        kinds[i] = VAL_NULL;
        for (uint32_t g = 0; g < k->groups && kinds[i] == VAL_NULL; g++) {
            val v = k->keys[(size_t)g * k->width + i];
            if (!val_is_nullish(v)) kinds[i] = (val_type)v.type;
        }
    }
}

/* --- join ----------------------------------------------------------------------------------------------------------- */

/* The parents' shape with a column for every child. */
static const exec_shape *widened(run *r, const plan_node *n, const exec_shape *base)
{
    uint32_t site = n->u.join.site;
    exec_site *here = r->memory && site < r->memory->sites_n ? &r->memory->sites[site] : NULL;
    if (here && here->base == base && here->shape) return here->shape;
    bool keep = here && base->kept && here->renewed < EXEC_RENEW_MAX;
    arena *a = keep ? r->memory->a : r->a;
    nicol_str *names = ARENA_ARRAY(a, (size_t)base->n + n->u.join.n + 1, nicol_str);
    exec_shape *s = names ? shape_new(a, names, base->n) : NULL;
    if (!s) return NULL;
    if (base->n) memcpy(names, base->names, base->n * sizeof *names);
    for (uint32_t i = 0; i < n->u.join.n; i++) {
        if (shape_find(s, n->u.join.v[i].field) == EXEC_NO_COLUMN) names[s->n++] = n->u.join.v[i].field;
    }
    s->kept = keep;
    if (keep) {
        here->base = base;
        here->shape = s;
        here->renewed++;
    }
    return s;
}

static bool widen(run *r, const plan_node *n, const exec_rows *from, exec_rows *to)
{
    to->v = ARENA_ARRAY(r->a, from->n ? from->n : 1, exec_record);
    to->n = from->n;
    if (!to->v) return run_oom(r);
    const exec_shape *base = NULL, *wide = NULL;
    for (uint32_t i = 0; i < from->n; i++) {
        const exec_record *rec = &from->v[i];
        if (!rec->cells) continue;
        if (rec->shape != base) {
            base = rec->shape;
            wide = widened(r, n, base);
            if (!wide) return run_oom(r);
        }
        val *cells = arena_alloc(r->a, (wide->n ? wide->n : 1) * sizeof *cells);
        if (!cells) return run_oom(r);
        if (base->n) memcpy(cells, rec->cells, base->n * sizeof *cells);
        for (uint32_t c = base->n; c < wide->n; c++) cells[c] = val_null();
        to->v[i] = (exec_record){wide, cells};
    }
    return true;
}

/* Which group every child belongs to, and the children of each group, in order. */
static bool group_children(run *r, const plan_join_child *c, bool strict, const key_set *keys, const exec_rows *kids,
                           exec_rows *lists)
{
    key_reader reader;
    uint32_t *group = ARENA_ARRAY(r->a, kids->n ? kids->n : 1, uint32_t);
    val_type *kinds = ARENA_ARRAY(r->a, c->on_n ? c->on_n : 1, val_type);
    if (!group || !kinds) return run_oom(r);
    if (!key_reader_init(r, &reader, c->on_child, c->on_n)) return false;
    kinds_of(keys, kinds);
    for (uint32_t i = 0; i < kids->n; i++) {
        group[i] = UINT32_MAX;
        if (!kids->v[i].cells) continue;
        key_read(&reader, &kids->v[i]);
        for (uint32_t k = 0; !strict && k < c->on_n; k++) {
            if (!coerce(r, &reader.key[k], kinds[k])) return false;
        }
        group[i] = key_find(keys, reader.key, key_hash(reader.key, c->on_n));
        if (group[i] != UINT32_MAX) lists[group[i]].n++;
    }
    for (uint32_t g = 0; g < keys->groups; g++) {
        lists[g].v = ARENA_ARRAY(r->a, lists[g].n ? lists[g].n : 1, exec_record);
        if (!lists[g].v) return run_oom(r);
        lists[g].n = 0;
    }
    for (uint32_t i = 0; i < kids->n; i++) {
        if (group[i] != UINT32_MAX) lists[group[i]].v[lists[group[i]].n++] = kids->v[i];
    }
    return true;
}

static val joined_value(const plan_join_child *c, exec_rows *list)
{
    if (!c->unique) return val_rows(list);
    return list->n ? val_record(&list->v[list->n - 1]) : val_null();
}

static bool attach(run *r, const plan_join_child *c, bool strict, exec_rows *parents, const exec_rows *kids)
{
    key_set keys;
    key_reader reader;
    uint32_t *group = ARENA_ARRAY(r->a, parents->n ? parents->n : 1, uint32_t);
    if (!group) return run_oom(r);
    if (!keys_init(r, &keys, parents->n, c->on_n) || !key_reader_init(r, &reader, c->on_parent, c->on_n)) return false;
    for (uint32_t i = 0; i < parents->n; i++) {
        if (parents->v[i].cells) group[i] = key_add(&keys, key_read(&reader, &parents->v[i]));
    }
    exec_rows *lists = ARENA_ARRAY(r->a, keys.groups ? keys.groups : 1, exec_rows);
    if (!lists) return run_oom(r);
    if (!group_children(r, c, strict, &keys, kids, lists)) return false;
    const exec_shape *shape = NULL;
    uint32_t at = 0;
    for (uint32_t i = 0; i < parents->n; i++) {
        exec_record *rec = &parents->v[i];
        if (!rec->cells) continue;
        if (rec->shape != shape) {
            shape = rec->shape;
            at = shape_find(shape, c->field);
        }
        rec->cells[at] = joined_value(c, &lists[group[i]]);
    }
    return true;
}

bool run_join(run *r, const plan_node *n, val *out)
{
    val parent;
    if (!run_eval(r, n->u.join.parent, &parent)) return false;
    if (val_is_nullish(parent)) {
        *out = val_null();
        return true;
    }
    bool has_lid = r->has_lid;
    int64_t lid = r->lid;
    exec_rows from;
    exec_rows *to = ARENA_NEW(r->a, exec_rows);
    if (!to) return run_oom(r);
    if (!rows_of(r, parent, &from) || !widen(r, n, &from, to)) return false;
    for (uint32_t i = 0; i < n->u.join.n; i++) {
        const plan_join_child *c = &n->u.join.v[i];
        exec_rows kids;
        val child;
        if (!run_eval(r, c->child, &child) || !rows_of(r, child, &kids)) return false;
        if (!attach(r, c, n->u.join.strict, to, &kids)) return false;
    }
    r->has_lid = has_lid;
    r->lid = lid;
    *out = parent.type == VAL_RECORD ? val_record(&to->v[0]) : val_rows(to);
    return true;
}

/* --- diff ----------------------------------------------------------------------------------------------------------- */

/* Items of any kind as a list of values. */
static bool items_of(run *r, val v, const val **items, uint32_t *n)
{
    val *list;
    switch ((val_type)v.type) {
    case VAL_UNDEF:
    case VAL_NULL:
        *n = 0;
        *items = NULL;
        return true;
    case VAL_LIST:
        *items = v.u.list;
        *n = v.n;
        return true;
    case VAL_ROWS:
        list = ARENA_ARRAY(r->a, v.u.rows->n ? v.u.rows->n : 1, val);
        if (!list) return run_oom(r);
        for (uint32_t i = 0; i < v.u.rows->n; i++)
            list[i] = v.u.rows->v[i].cells ? val_record(&v.u.rows->v[i]) : val_null();
        *items = list;
        *n = v.u.rows->n;
        return true;
    case VAL_BOOL:
    case VAL_INT:
    case VAL_FLOAT:
    case VAL_STR:
    case VAL_DECIMAL:
    case VAL_DATETIME:
    case VAL_JSON:
    case VAL_BYTES:
    case VAL_RECORD:
        break;
    }
    list = ARENA_NEW(r->a, val);
    if (!list) return run_oom(r);
    *list = v;
    *items = list;
    *n = 1;
    return true;
}

static const val *diff_key(key_reader *k, const plan_node *n, const val *item)
{
    if (n->u.diff.whole) return item;
    if (item->type == VAL_RECORD && item->u.rec->cells) return key_read(k, item->u.rec);
    for (uint32_t i = 0; i < k->n; i++) k->key[i] = val_null();
    return k->key;
}

static val items_back(run *r, val *kept, uint32_t n, bool records, bool *good)
{
    if (!records) return (val){.type = VAL_LIST, .n = n, .u.list = kept};
    exec_rows *rows = rows_new(r->a, n);
    *good = rows || run_oom(r);
    for (uint32_t i = 0; rows && i < n; i++) {
        if (kept[i].type == VAL_RECORD) rows->v[i] = *kept[i].u.rec;
    }
    return rows ? val_rows(rows) : val_null();
}

bool run_diff(run *r, const plan_node *n, val *out)
{
    val from, to;
    const val *a, *b;
    uint32_t an, bn, kept_n = 0;
    if (!run_eval(r, n->u.diff.from, &from) || !run_eval(r, n->u.diff.to, &to)) return false;
    if (!items_of(r, from, &a, &an) || !items_of(r, to, &b, &bn)) return false;
    key_set keys;
    key_reader reader;
    uint32_t width = n->u.diff.whole ? 1 : n->u.diff.n;
    if (!keys_init(r, &keys, bn, width) || !key_reader_init(r, &reader, n->u.diff.fields, n->u.diff.n)) return false;
    for (uint32_t i = 0; i < bn; i++) key_add(&keys, diff_key(&reader, n, &b[i]));
    val *kept = ARENA_ARRAY(r->a, an ? an : 1, val);
    if (!kept) return run_oom(r);
    bool records = true;
    for (uint32_t i = 0; i < an; i++) {
        const val *key = diff_key(&reader, n, &a[i]);
        if (key_find(&keys, key, key_hash(key, width)) != UINT32_MAX) continue;
        records = records && (a[i].type == VAL_RECORD || val_is_nullish(a[i]));
        kept[kept_n++] = a[i];
    }
    bool good = true;
    *out = items_back(r, kept, kept_n, records, &good);
    r->has_lid = false;
    return good;
}
