/* schema/model.c - the finished model: the public structs filled, and looking things up in them. */
#include "base/id.h"
#include "base/limits.h"
#include "schema/schema_int.h"

/* --- looking up -------------------------------------------------------------------------------------------------------- */

enum { FIELDS_BY_HAND = 12 }; /* up to here a loop beats a hash */

const schema_model *schema_model_get(const schema *s, nicol_str name)
{
    return map_get(s->models_by_name, name);
}

const schema_enum *schema_enum_get(const schema *s, nicol_str name)
{
    return map_get(s->enums_by_name, name);
}

/* Fields of one model by name or column: indexes into its array in two bytes each, open addressing. A general map takes
 * fifty bytes an entry, twice, which for a schema of many models was most of its memory. */
typedef struct schema_field_table {
    uint64_t seed; /* names come from outside: nobody should be able to choose some that collide */
    uint32_t mask;
    uint16_t slot[]; /* index + 1; 0: free */
} schema_field_table;
_Static_assert(NICOL_SCHEMA_FIELDS_MAX < UINT16_MAX, "an index fits its slot");

static nicol_str key_of(const schema_field *f, bool column)
{
    return column ? f->db_name : f->name;
}

/* The slot of the key, or the free one where it belongs. */
static uint32_t table_find(const schema_field_table *t, const schema_field *fields, nicol_str key, bool column)
{
    uint32_t i = (uint32_t)hash_bytes(key.ptr, key.len, t->seed) & t->mask;
    while (t->slot[i] != 0 && !str_eq(key_of(&fields[t->slot[i] - 1], column), key)) i = (i + 1) & t->mask;
    return i;
}

static schema_field_table *table_new(sc_ctx *c, const schema_model *m, bool column)
{
    uint32_t n = 16;
    while (n / 3 * 2 < m->fields_n) n *= 2;
    schema_field_table *t = ctx_alloc(c, c->a, 1, sizeof(*t) + n * sizeof(t->slot[0]));
    if (t == NULL) return NULL;
    rand_bytes(&t->seed, sizeof t->seed);
    t->mask = n - 1;
    for (size_t i = 0; i < m->fields_n; i++) {
        const schema_field *f = &m->fields[i];
        if (column && f->kind == FIELD_RELATION) continue;
        uint32_t at = table_find(t, m->fields, key_of(f, column), column);
        if (t->slot[at] == 0) t->slot[at] = (uint16_t)(i + 1);
    }
    return t;
}

static const schema_field *table_get(const schema_field_table *t, const schema_field *fields, nicol_str key,
                                     bool column)
{
    uint16_t i = t->slot[table_find(t, fields, key, column)];
    return i == 0 ? NULL : &fields[i - 1];
}

const schema_field *schema_field_get(const schema_model *m, nicol_str name)
{
    if (m->fields_by_name != NULL) return table_get(m->fields_by_name, m->fields, name, false);
    for (size_t i = 0; i < m->fields_n; i++)
        if (str_eq(m->fields[i].name, name)) return &m->fields[i];
    return NULL;
}

const schema_field *schema_field_by_column(const schema_model *m, nicol_str column)
{
    if (m->fields_by_column != NULL) return table_get(m->fields_by_column, m->fields, column, true);
    for (size_t i = 0; i < m->fields_n; i++)
        if (m->fields[i].kind != FIELD_RELATION && str_eq(m->fields[i].db_name, column)) return &m->fields[i];
    return NULL;
}

const schema_enum_value *schema_enum_value_get(const schema_enum *e, nicol_str name)
{
    if (e->by_name != NULL) return map_get(e->by_name, name);
    for (size_t i = 0; i < e->values_n; i++)
        if (str_eq(e->values[i].name, name)) return &e->values[i];
    return NULL;
}

const schema_enum_value *schema_enum_value_by_db(const schema_enum *e, nicol_str db_name)
{
    if (e->by_db != NULL) return map_get(e->by_db, db_name);
    for (size_t i = 0; i < e->values_n; i++)
        if (str_eq(e->values[i].db_name, db_name)) return &e->values[i];
    return NULL;
}

bool schema_preview(const schema *s, nicol_str feature)
{
    for (size_t i = 0; i < s->previews_n; i++)
        if (str_eq(s->previews[i], feature)) return true;
    return false;
}

const schema_field *schema_opposite(const schema_field *f)
{
    return f->relation->field[1 - f->side];
}

bool schema_holds_fk(const schema_field *f)
{
    return f->relation->kind != RELATION_MANY_MANY && f->side == 1;
}

/* --- names of constraints ------------------------------------------------------------------------------------------------ */

static size_t cut_at_char(nicol_str s, size_t most)
{
    if (s.len <= most) return s.len;
    while (most > 0 && ((unsigned char)s.ptr[most] & 0xC0) == 0x80) most--;
    return most;
}

/* Table, columns and suffix joined by "_"; table and columns are cut so that the whole fits the provider. */
nicol_str default_name(sc_ctx *c, arena *a, const schema_model *m, const nicol_str *columns, size_t n,
                       const char *suffix)
{
    size_t room = c->prov == NULL ? SIZE_MAX : c->prov->name_max, tail = strlen(suffix), bytes = m->db_name.len;
    for (size_t i = 0; i < n; i++) bytes += 1 + columns[i].len;
    char *p = arena_alloc(a, bytes + tail + 1);
    if (p == NULL) {
        c->oom = true;
        return (nicol_str){0};
    }
    size_t at = m->db_name.len;
    memcpy(p, m->db_name.ptr, at);
    for (size_t i = 0; i < n; i++) {
        p[at++] = '_';
        memcpy(p + at, columns[i].ptr, columns[i].len);
        at += columns[i].len;
    }
    at = cut_at_char(str_of(p, at), room - tail);
    memcpy(p + at, suffix, tail);
    return str_of(p, at + tail);
}

nicol_str join_names(sc_ctx *c, arena *a, const schema_field *const *f, size_t n, const char *between)
{
    size_t bytes = 0, gap = strlen(between), at = 0;
    for (size_t i = 0; i < n; i++) bytes += f[i]->name.len + gap;
    char *p = arena_alloc(a, bytes + 1);
    if (p == NULL) {
        c->oom = true;
        return (nicol_str){0};
    }
    for (size_t i = 0; i < n; i++) {
        if (i != 0) memcpy(p + at, between, gap);
        at += i != 0 ? gap : 0;
        memcpy(p + at, f[i]->name.ptr, f[i]->name.len);
        at += f[i]->name.len;
    }
    return str_of(p, at);
}

nicol_str index_algorithm(const index_info *x)
{
    return str_c(x->algorithm);
}

nicol_str index_db_name(sc_ctx *c, const schema_model *m, index_info *x)
{
    static const char *const suffix[] = {
        [INDEX_ID] = "_pkey", [INDEX_UNIQUE] = "_key", [INDEX_NORMAL] = "_idx", [INDEX_FULLTEXT] = "_idx"};
    if (x->db_name.ptr != NULL) return x->db_name;
    nicol_str columns[NICOL_SCHEMA_COLUMNS_MAX];
    for (size_t i = 0; i < x->cols_n; i++)
        columns[i] = x->cols[i].path != NULL ? x->cols[i].path->db : x->cols[i].f->f->db_name;
    x->db_name = default_name(c, c->a, m, columns, x->kind == INDEX_ID ? 0 : x->cols_n, suffix[x->kind]);
    return x->db_name;
}

/* --- filling ------------------------------------------------------------------------------------------------------------- */

static bool finish_columns(sc_ctx *c, const index_info *x, schema_index *out)
{
    bool plain = true;
    for (size_t i = 0; i < x->cols_n; i++)
        plain = plain && x->cols[i].sort == SORT_NONE && x->cols[i].length < 0 && x->cols[i].ops == NULL &&
                x->cols[i].path == NULL;
    if (plain) return true;
    schema_index_col *cols = KEEP_ARRAY(c, x->cols_n, schema_index_col);
    for (size_t i = 0; cols != NULL && i < x->cols_n; i++) {
        cols[i] = (schema_index_col){.sort = x->cols[i].sort, .length = x->cols[i].length};
        if (x->cols[i].ops != NULL) cols[i].ops = *x->cols[i].ops;
        if (x->cols[i].path != NULL) cols[i].path = x->cols[i].path->text;
    }
    out->cols = cols;
    return cols != NULL;
}

static bool finish_index(sc_ctx *c, const schema_model *m, index_info *x, schema_index *out)
{
    out->kind = x->partial ? INDEX_NORMAL : x->kind; /* a partial unique is no key */
    out->compound = x->source == NULL;
    out->fields = KEEP_ARRAY(c, x->cols_n, const schema_field *);
    if (out->fields == NULL && x->cols_n != 0) return false;
    for (size_t i = 0; i < x->cols_n; i++) out->fields[i] = x->cols[i].f->f;
    out->fields_n = x->cols_n;
    out->name = x->name.len != 0     ? x->name
                : out->fields_n == 1 ? out->fields[0]->name
                                     : join_names(c, c->a, out->fields, out->fields_n, "_");
    out->db_name = index_db_name(c, m, x);
    out->named = x->name.len != 0;
    out->mapped = x->mapped;
    out->partial = x->partial && x->kind == INDEX_UNIQUE;
    out->clustered = x->clustered;
    out->algorithm = index_algorithm(x);
    return finish_columns(c, x, out) && !c->oom;
}

static bool in_text_order(const index_info *a, const index_info *b)
{
    if ((a->source != NULL) != (b->source != NULL)) return a->source != NULL;
    return a->at.start <= b->at.start;
}

static bool all_required(const schema_index *x)
{
    for (size_t i = 0; i < x->fields_n; i++)
        if (x->fields[i]->arity != ARITY_REQUIRED || x->fields[i]->kind == FIELD_UNSUPPORTED) return false;
    return x->fields_n != 0;
}

/* The block attributes were gathered kind by kind; here they come in the order of the text. */
static void sort_indexes(index_info **v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        index_info *x = v[i];
        size_t k = i;
        for (; k > 0 && !in_text_order(v[k - 1], x); k--) v[k] = v[k - 1];
        v[k] = x;
    }
}

static bool finish_indexes(sc_ctx *c, model_info *m)
{
    schema_model *pub = m->m;
    size_t n = 0;
    for (const index_info *x = m->indexes; x != NULL; x = x->next) n++;
    index_info **v = NEW_ARRAY(c, n, index_info *);
    pub->indexes = KEEP_ARRAY(c, n + 1, schema_index);
    if (pub->indexes == NULL || (v == NULL && n != 0)) return false;
    n = 0;
    for (index_info *x = m->indexes; x != NULL; x = x->next) v[n++] = x;
    sort_indexes(v, n);
    if (m->id != NULL) {
        if (!finish_index(c, pub, m->id, &pub->indexes[0])) return false;
        pub->id = pub->identity = &pub->indexes[0];
        pub->indexes_n = 1;
    }
    for (size_t i = 0; i < n; i++) {
        schema_index *x = &pub->indexes[pub->indexes_n++];
        if (!finish_index(c, pub, v[i], x)) return false;
        if (pub->identity == NULL && x->kind == INDEX_UNIQUE && all_required(x)) pub->identity = x;
    }
    return true;
}

static bool finish_lookups(sc_ctx *c, schema_model *m)
{
    if (m->fields_n <= FIELDS_BY_HAND) return true;
    m->fields_by_name = table_new(c, m, false);
    m->fields_by_column = table_new(c, m, true);
    return !c->oom;
}

static bool is_mapped(const schema_enum *e)
{
    for (size_t i = 0; i < e->values_n; i++)
        if (!str_eq(e->values[i].name, e->values[i].db_name)) return true;
    return false;
}

static bool finish_enum(sc_ctx *c, schema_enum *e)
{
    if (e->values_n <= SMALL_SET) return true;
    if (!is_mapped(e)) {
        e->by_db = e->by_name;
        return true;
    }
    e->by_db = map_for(c->amem, e->values_n);
    if (e->by_db == NULL) return false;
    for (size_t i = 0; i < e->values_n; i++)
        if (map_get(e->by_db, e->values[i].db_name) == NULL) map_add(c, e->by_db, e->values[i].db_name, &e->values[i]);
    return !c->oom;
}

static bool finish_model(sc_ctx *c, model_info *m)
{
    for (size_t i = 0; i < m->m->fields_n; i++) default_finish(c, &m->fields[i]);
    return finish_indexes(c, m) && !c->oom;
}

/* What happens to children when the schema does not say: a required key keeps the parent, an optional one lets go. */
schema_action relation_on_delete(const sc_ctx *c, const relation_info *r)
{
    const rel_info *rel = r->fwd->rel;
    if (rel->on_delete != ACTION_UNSET) return rel->on_delete;
    bool required = r->fwd->f->arity == ARITY_REQUIRED;
    for (size_t i = 0; i < rel->fields_n; i++) required = required || rel->fields[i]->arity == ARITY_REQUIRED;
    if (!required) return ACTION_SET_NULL;
    unsigned actions = c->prov == NULL                ? ~0u
                       : c->s->relation_mode_emulated ? c->prov->actions_emulated
                                                      : c->prov->actions_fk;
    return (actions & ACTION_BIT(ACTION_RESTRICT)) != 0 ? ACTION_RESTRICT : ACTION_NO_ACTION;
}

schema_action relation_on_update(const relation_info *r)
{
    return r->fwd->rel->on_update != ACTION_UNSET ? r->fwd->rel->on_update : ACTION_CASCADE;
}

nicol_str relation_fk_name(sc_ctx *c, relation_info *r)
{
    const rel_info *rel = r->fwd->rel;
    if (rel->map.len != 0) return rel->map;
    if (r->fk_name.ptr != NULL) return r->fk_name;
    nicol_str columns[NICOL_SCHEMA_COLUMNS_MAX];
    for (size_t i = 0; i < rel->fields_n; i++) columns[i] = rel->fields[i]->db_name;
    r->fk_name = default_name(c, c->a, r->fwd->owner->m, columns, rel->fields_n, "_fkey");
    return r->fk_name;
}

static bool finish_relation(sc_ctx *c, relation_info *r, schema_relation *out)
{
    field_info *side[2] = {r->back, r->fwd};
    if (r->kind == RELATION_MANY_MANY) {
        side[0] = r->fwd;
        side[1] = r->back;
    }
    out->kind = r->kind;
    out->named = side[0]->rel->name.len != 0;
    out->name = relation_name_of(c, side[0]);
    for (int i = 0; i < 2; i++) {
        out->model[i] = side[i]->owner->m;
        out->field[i] = side[i]->f;
        side[i]->f->relation = out;
        side[i]->f->side = (int8_t)i;
    }
    if (r->kind == RELATION_MANY_MANY) {
        char *p = arena_alloc(c->a, out->name.len + 1);
        if (p == NULL) return false;
        p[0] = '_';
        memcpy(p + 1, out->name.ptr, out->name.len);
        out->join_table = str_of(p, out->name.len + 1);
        return !c->oom;
    }
    const rel_info *rel = r->fwd->rel;
    out->fk = rel->fields;
    out->ref = rel->refs;
    out->fk_n = rel->fields_n;
    out->fk_required = r->fwd->f->arity == ARITY_REQUIRED;
    out->on_delete = relation_on_delete(c, r);
    out->on_update = relation_on_update(r);
    out->on_delete_set = rel->on_delete != ACTION_UNSET;
    out->on_update_set = rel->on_update != ACTION_UNSET;
    out->fk_name = relation_fk_name(c, r);
    return !c->oom;
}

bool lookups_finish(sc_ctx *c)
{
    schema *s = c->s;
    s->models_by_name = map_for(c->amem, s->models_n);
    s->enums_by_name = map_for(c->amem, s->enums_n);
    if (s->models_by_name == NULL || s->enums_by_name == NULL) return false;
    for (size_t i = 0; i < s->enums_n && !c->oom; i++) {
        map_add(c, s->enums_by_name, s->enums[i].name, &s->enums[i]);
        if (!finish_enum(c, &s->enums[i])) return false;
    }
    for (size_t i = 0; i < s->models_n && !c->oom; i++) {
        map_add(c, s->models_by_name, s->models[i].name, &s->models[i]);
        if (!finish_lookups(c, &s->models[i])) return false;
    }
    return !c->oom;
}

bool model_finish(sc_ctx *c)
{
    schema *s = c->s;
    s->relations = KEEP_ARRAY(c, c->rels_n, schema_relation);
    if (s->relations == NULL && c->rels_n != 0) return false;
    for (size_t i = 0; i < s->models_n; i++)
        if (!finish_model(c, &c->models[i])) return false;
    for (size_t i = 0; i < s->types_n; i++)
        for (size_t k = 0; k < s->types[i].fields_n; k++) default_finish(c, &c->types[i].fields[k]);
    for (size_t i = 0; i < c->rels_n; i++)
        if (!finish_relation(c, &c->rels[i], &s->relations[s->relations_n++])) return false;
    return !c->oom;
}
