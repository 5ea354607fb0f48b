/* schema/check_names.c - names that must differ: tables, constraints, and the keys of the client's where clauses.
 *
 * Which constraints share a namespace is the provider's; a scope says who is counted in it and who complains.
 */
#include "base/id.h"
#include "schema/schema_int.h"

enum { PK = 1, INDEX = 2, FK = 4, DEFAULT = 8 };

static const struct {
    bool global;
    unsigned counted, reports;
    const char *text; /* per-model ones go on after "on model `M` " */
} SCOPES[] = {
    [SCOPE_GLOBAL_INDEX] = {true, INDEX, INDEX, "global for indexes and unique constraints"},
    [SCOPE_GLOBAL_FK] = {true, FK, FK, "global for foreign keys"},
    [SCOPE_GLOBAL_PK_INDEX] = {true, PK | INDEX, PK | INDEX, "global for primary key, indexes and unique constraints"},
    [SCOPE_GLOBAL_PK_FK_DEFAULT] = {true, PK | FK | DEFAULT, PK | FK | DEFAULT,
                                    "global for primary keys, foreign keys and default constraints"},
    [SCOPE_MODEL_INDEX] = {false, INDEX, INDEX, "for indexes and unique constraints"},
    [SCOPE_MODEL_PK_INDEX] = {false, PK | INDEX, PK | INDEX, "for primary key, indexes and unique constraints"},
    [SCOPE_MODEL_PK_INDEX_FK] = {false, PK | INDEX | FK, PK | FK,
                                 "for primary key, indexes, unique constraints and foreign keys"},
};

/* A key of c->taken: a letter, whom it is for (a model's number or a schema's name) and a name. Most are looked up once and
 * are short, so they are put together by hand and on the stack. */
typedef struct name_key {
    char small[160];
    nicol_str text;
} name_key;

static void key_make(sc_ctx *c, name_key *k, char letter, nicol_str whom, nicol_str name)
{
    size_t n = 1 + sizeof(whom.len) + whom.len + name.len;
    char *p = n <= sizeof(k->small) ? k->small : arena_alloc(c->t, n);
    k->text = (nicol_str){0};
    if (p == NULL) {
        c->oom = true;
        return;
    }
    k->text = str_of(p, n);
    *p++ = letter;
    memcpy(p, &whom.len, sizeof(whom.len));
    p += sizeof(whom.len);
    if (whom.len != 0) memcpy(p, whom.ptr, whom.len);
    if (name.len != 0) memcpy(p + whom.len, name.ptr, name.len);
}

static void scope_key(sc_ctx *c, name_key *k, int scope, const schema_model *m, nicol_str name)
{
    nicol_str own = SCOPES[scope].global ? m->db_schema : str_of((const char *)&m->index, sizeof(m->index));
    key_make(c, k, (char)scope, own, name);
}

static void custom_key(sc_ctx *c, name_key *k, const schema_model *m, nicol_str name)
{
    key_make(c, k, 'c', str_of((const char *)&m->index, sizeof(m->index)), name);
}

static size_t counted(const sc_ctx *c, const name_key *k)
{
    return c->taken == NULL ? 0 : (size_t)(uintptr_t)map_get(c->taken, k->text);
}

/* The map's values are the counts themselves. */
static void count_key(sc_ctx *c, const name_key *k)
{
    nicol_str key = k->text.ptr == k->small ? arena_str(c->t, k->text) : k->text;
    if (c->oom || key.ptr == NULL) c->oom = true;
    else map_add(c, c->taken, key, (void *)(uintptr_t)(counted(c, k) + 1));
}

/* Names as hashes, which is enough to say that none of them is there twice; almost always that is all there is to know. */
typedef struct name_hashes {
    uint64_t *slots; /* 0: free */
    size_t mask;
    uint64_t seed; /* names come from outside: nobody should be able to choose some that collide */
    bool clash;
} name_hashes;

static bool hashes_begin(sc_ctx *c, name_hashes *h, size_t names)
{
    size_t n = 16;
    while (n < names + names / 2) n *= 2;
    *h = (name_hashes){.mask = n - 1, .slots = ctx_alloc(c, c->line, n, sizeof(*h->slots))};
    rand_bytes(&h->seed, sizeof(h->seed));
    return h->slots != NULL;
}

static void hashes_add(name_hashes *h, nicol_str key)
{
    uint64_t hash = hash_bytes(key.ptr, key.len, h->seed) | 1;
    size_t i = (size_t)(hash >> 32) & h->mask;
    while (h->slots[i] != 0 && h->slots[i] != hash) i = (i + 1) & h->mask;
    if (h->slots[i] != 0) h->clash = true;
    h->slots[i] = hash;
}

/* Where a name goes: the hashes first; the counts only when two of those were the same. */
typedef struct gatherer {
    sc_ctx *c;
    name_hashes hashes;
} gatherer;

static void take_key(gatherer *g, const name_key *k)
{
    if (g->c->oom) return;
    if (g->c->taken != NULL) count_key(g->c, k);
    else hashes_add(&g->hashes, k->text);
}

static void take_name(gatherer *g, unsigned kind, const schema_model *m, nicol_str name)
{
    name_key k;
    for (unsigned s = 0; s < SCOPES_N && !g->c->oom; s++) {
        if ((g->c->prov->scopes & (1u << s)) == 0 || (SCOPES[s].counted & kind) == 0) continue;
        scope_key(g->c, &k, (int)s, m, name);
        take_key(g, &k);
    }
}

static void take_custom(gatherer *g, const schema_model *m, nicol_str name)
{
    name_key k;
    if (name.len == 0) return;
    custom_key(g->c, &k, m, name);
    take_key(g, &k);
}

static nicol_str default_constraint(sc_ctx *c, const field_info *f)
{
    return f->has_default_map ? default_map(c, f) : default_name(c, c->t, f->owner->m, &f->f->db_name, 1, "_df");
}

static bool names_defaults(const sc_ctx *c)
{
    return (c->prov->scopes & (1u << SCOPE_GLOBAL_PK_FK_DEFAULT)) != 0;
}

static void take_names(gatherer *g)
{
    sc_ctx *c = g->c;
    for (size_t i = 0; i < c->s->models_n && !c->oom; i++) {
        model_info *m = &c->models[i];
        if (m->id != NULL && (c->prov->caps & CAP_NAMED_PK) != 0) take_name(g, PK, m->m, index_db_name(c, m->m, m->id));
        if (m->id != NULL) take_custom(g, m->m, m->id->name);
        for (index_info *x = m->indexes; x != NULL; x = x->next) {
            take_name(g, INDEX, m->m, index_db_name(c, m->m, x));
            take_custom(g, m->m, x->name);
        }
        for (size_t k = 0; k < m->m->fields_n && names_defaults(c); k++)
            if (m->fields[k].has_default) take_name(g, DEFAULT, m->m, default_constraint(c, &m->fields[k]));
    }
    for (size_t i = 0; i < c->rels_n && !c->oom; i++) {
        relation_info *r = &c->rels[i];
        if (r->kind == RELATION_MANY_MANY || r->fwd == NULL) continue;
        take_name(g, FK, r->fwd->owner->m, relation_fk_name(c, r));
    }
}

/* At least as many keys as take_names finds. */
static size_t names_most(const sc_ctx *c)
{
    size_t n = c->rels_n, custom = 0;
    for (size_t i = 0; i < c->s->models_n; i++) {
        const model_info *m = &c->models[i];
        n += m->id != NULL;
        custom += m->id != NULL && m->id->name.len != 0;
        for (const index_info *x = m->indexes; x != NULL; x = x->next, n++) custom += x->name.len != 0;
        for (size_t k = 0; k < m->m->fields_n && names_defaults(c); k++) n += m->fields[k].has_default;
    }
    return n * (size_t)__builtin_popcount(c->prov->scopes) + custom;
}

void names_gather(sc_ctx *c)
{
    gatherer g = {.c = c};
    const arena_mark before = arena_save(c->line);
    if (!hashes_begin(c, &g.hashes, names_most(c))) return;
    take_names(&g);
    if (c->oom) return;
    arena_rewind(c->line, before);
    if (!g.hashes.clash) return;
    c->taken = map_new(&c->tmem, SIZE_MAX / 64);
    if (c->taken == NULL) c->oom = true;
    else take_names(&g);
}

nicol_str attr_title(sc_ctx *c, const index_info *x)
{
    return ctx_text(c, "%s%.*s", x->source != NULL ? "@" : "@@", STR_FMT(index_attr(c, x)->name.name));
}

/* What a name of a constraint comes from, so that a message can point at its place. */
typedef struct name_source {
    const index_info *x; /* an index, else: */
    const field_info *f; /* the field with @relation or @default */
} name_source;

static span source_span(sc_ctx *c, name_source s, unsigned kind)
{
    if (s.x != NULL) {
        const ast_attr *a = index_attr(c, s.x);
        return arg_span(a, kind == PK || arg_find(a, S("map")) != NULL ? S("map") : S("name"));
    }
    const ast_attr *a = field_attr(c, s.f, kind == FK ? S("relation") : S("default"));
    const ast_arg *name = arg_find(a, S("map"));
    return name != NULL ? name->at : field_at(s.f);
}

static nicol_str source_title(sc_ctx *c, name_source s, unsigned kind)
{
    return s.x != NULL ? attr_title(c, s.x) : kind == FK ? S("@relation") : S("@default");
}

static void report_name(sc_ctx *c, unsigned kind, const schema_model *m, nicol_str name, name_source source)
{
    name_key k;
    for (unsigned s = 0; s < SCOPES_N && c->taken != NULL && !c->oom; s++) {
        if ((c->prov->scopes & (1u << s)) == 0 || (SCOPES[s].reports & kind) == 0) continue;
        scope_key(c, &k, (int)s, m, name);
        if (counted(c, &k) < 2) continue;
        nicol_str where = SCOPES[s].global ? (nicol_str){0} : ctx_text(c, "on model `%.*s` ", STR_FMT(m->name));
        error_attr_at(
            c, source_title(c, source, kind), source_span(c, source, kind),
            "The given constraint name `%.*s` has to be unique in the following namespace: %.*s%s. Please provide a "
            "different name using the `map` argument.",
            STR_FMT(name), STR_FMT(where), SCOPES[s].text);
    }
}

void check_index_name(sc_ctx *c, const model_info *m, index_info *x)
{
    if (x->kind == INDEX_ID) {
        if ((c->prov->caps & CAP_NAMED_PK) == 0) return;
        nicol_str name = index_db_name(c, m->m, x);
        if (name_too_long(c, name)) check_name_length(c, m, index_attr(c, x), name, x->source == NULL);
        report_name(c, PK, m->m, name, (name_source){.x = x});
        return;
    }
    report_name(c, INDEX, m->m, index_db_name(c, m->m, x), (name_source){.x = x});
}

void check_custom_name(sc_ctx *c, const model_info *m, const index_info *x)
{
    name_key k;
    if (x->name.len == 0 || c->taken == NULL) return;
    custom_key(c, &k, m->m, x->name);
    if (counted(c, &k) < 2) return;
    error_attr_at(
        c, attr_title(c, x), arg_span(index_attr(c, x), S("name")),
        "The given custom name `%.*s` has to be unique on the model. Please provide a different name for the `name` "
        "argument.",
        STR_FMT(x->name));
}

void check_default_name(sc_ctx *c, const field_info *f)
{
    if (!f->has_default || !names_defaults(c)) return;
    report_name(c, DEFAULT, f->owner->m, default_constraint(c, f), (name_source){.f = f});
}

void check_fk_name(sc_ctx *c, relation_info *r)
{
    report_name(c, FK, r->fwd->owner->m, relation_fk_name(c, r), (name_source){.f = r->fwd});
}

bool name_too_long(const sc_ctx *c, nicol_str name)
{
    return name.len > c->prov->name_max;
}

void check_name_length(sc_ctx *c, const model_info *m, const ast_attr *a, nicol_str name, bool block)
{
    if (!name_too_long(c, name)) return;
    error_model(
        c, m, a->at,
        "The constraint name '%.*s' specified in the `map` argument for the `%s%.*s` constraint is too long for your "
        "chosen provider. The maximum allowed length is %zu bytes.",
        STR_FMT(name), block ? "@@" : "@", STR_FMT(a->name.name), c->prov->name_max);
}

static bool tables_differ(sc_ctx *c)
{
    name_hashes h;
    name_key k;
    const arena_mark before = arena_save(c->line);
    if (!hashes_begin(c, &h, c->s->models_n)) return true;
    for (size_t i = 0; i < c->s->models_n && !c->oom; i++) {
        key_make(c, &k, 't', c->s->models[i].db_schema, c->s->models[i].db_name);
        if (!c->oom) hashes_add(&h, k.text);
    }
    if (!c->oom) arena_rewind(c->line, before);
    return !h.clash;
}

/* Two models on one table. The message stands at the @@map that causes it, on whichever model it is. */
void check_tables(sc_ctx *c)
{
    if (tables_differ(c)) return;
    map *seen = map_new(&c->tmem, SIZE_MAX / 64);
    if (seen == NULL) {
        c->oom = true;
        return;
    }
    for (size_t i = 0; i < c->s->models_n && !c->oom; i++) {
        model_info *m = &c->models[i];
        name_key k;
        key_make(c, &k, 't', m->m->db_schema, m->m->db_name);
        const model_info *old = map_get(seen, k.text);
        const model_info *mapped = m->map_at != 0 || old == NULL ? m : old, *other = mapped == m ? old : m;
        if (old == NULL || mapped->map_at == 0) {
            nicol_str key = arena_str(c->t, k.text);
            if (key.ptr == NULL) c->oom = true;
            else map_add(c, seen, key, m);
            continue;
        }
        diag_error(
            &c->diags, attr_again(c, mapped->ast->at.file, mapped->map_at)->at,
            "The model with database name \"%.*s\" could not be defined because another model or view with this name "
            "exists: \"%.*s\"",
            STR_FMT(m->m->db_name), STR_FMT(other->m->name));
    }
}
