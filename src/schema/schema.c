/* schema/schema.c - schema_parse: the phases one after the other, and the helpers that they share. */
#include "base/limits.h"
#include "schema/schema_int.h"

/* The tree and the infos take about this many bytes for each of the source's, at most. */
enum { TREE_FACTOR = 64 };

void *ctx_alloc(sc_ctx *c, arena *a, size_t n, size_t size)
{
    if (n == 0) return NULL;
    void *p = arena_array(a, n, size);
    if (p == NULL) c->oom = true;
    return p;
}

static void *arena_mem_alloc(void *ctx, size_t size)
{
    return arena_alloc(ctx, size);
}

static void *arena_mem_resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    return arena_grow(ctx, p, old_size, new_size);
}

static void arena_mem_free(void *ctx, void *p, size_t size)
{
    (void)ctx;
    (void)p;
    (void)size;
}

mem mem_in_arena(arena *a)
{
    return (mem){.alloc = arena_mem_alloc, .resize = arena_mem_resize, .free = arena_mem_free, .ctx = a};
}

map *map_for(const mem *m, size_t entries)
{
    map *h = map_new(m, SIZE_MAX / 64);
    return h != NULL && (entries == 0 || map_reserve(h, entries)) ? h : NULL;
}

bool map_add(sc_ctx *c, map *h, nicol_str key, void *value)
{
    if (map_put(h, key, value)) return true;
    c->oom = true;
    return false;
}

nicol_str ctx_source(const sc_ctx *c, span at)
{
    return str_sub(c->files[at.file].text, at.start, at.end);
}

field_info *field_find(const model_info *m, nicol_str name)
{
    if (m->by_name != NULL) return map_get(m->by_name, name);
    for (size_t i = m->m->fields_n; i > 0; i--) /* of two by one name the later counts, as in a map */
        if (str_eq(m->m->fields[i - 1].name, name)) return &m->fields[i - 1];
    return NULL;
}

model_info *model_of(const sc_ctx *c, const schema_model *m)
{
    return &c->models[m->index];
}

model_info *composite_of(const sc_ctx *c, const field_info *f)
{
    return &c->types[f->f->target->index];
}

const field_info *last_field(const index_col *col)
{
    return col->path != NULL ? col->path->leaf : col->f;
}

bool is_required(const field_info *f)
{
    return f->f->arity == ARITY_REQUIRED;
}

/* --- the phases ---------------------------------------------------------------------------------------------------------- */

static bool failed(const sc_ctx *c)
{
    return c->oom || c->diags.errors != 0;
}

/* Whoever corrects a schema wants to see all that is wrong with it at once. Only the checks on the finished model wait until
 * nothing else is wrong, since they would tell the consequences of a mistake, not the mistake. */
static void run(sc_ctx *c)
{
    if (!names_resolve(c)) return;
    types_resolve(c);
    if (!c->oom) attrs_resolve(c);
    if (!c->oom && !relations_infer(c)) c->oom = true;
    if (!c->oom) config_resolve(c);
    if (failed(c)) return;
    checks_run(c);
    if (failed(c)) return;
    /* What is not needed any more goes before the result takes its full size. */
    arena_free(c->tree);
    c->tree = NULL;
    if (!model_finish(c) || arena_failed(c->t)) c->oom = true;
    if (c->oom) return;
    arena_free(c->t);
    c->t = NULL;
    if (!lookups_finish(c)) c->oom = true;
}

/* Copies the texts, so that names may point into them as long as the schema lives. */
static bool take_files(sc_ctx *c, const schema_file *files, size_t n, nicol_error *err)
{
    size_t bytes = 0;
    schema_file *own = KEEP_ARRAY(c, n, schema_file);
    for (size_t i = 0; i < n; i++) {
        bytes += files[i].text.len;
        if (files[i].text.len > NICOL_SCHEMA_BYTES_MAX || bytes > NICOL_SCHEMA_BYTES_MAX)
            return nicol_fail(err, NICOL_E_LIMIT,
                              "the schema is larger than %zu bytes: split the application or its schema",
                              NICOL_SCHEMA_BYTES_MAX);
    }
    if (own == NULL && n != 0) return nicol_fail_oom(err);
    for (size_t i = 0; i < n; i++) {
        own[i].path = files[i].path;
        own[i].text = arena_str(c->a, files[i].text);
        if (own[i].text.ptr == NULL) return nicol_fail_oom(err);
        size_t bad = str_utf8_bad(own[i].text);
        if (bad == SIZE_MAX) continue;
        span at = {(uint32_t)i, (uint32_t)bad, (uint32_t)bad + 1};
        diag_error(&c->diags, at, "Error validating: The file is not valid UTF-8 (byte %zu). Save it as UTF-8.", bad);
    }
    c->files = own;
    c->files_n = n;
    return true;
}

static bool say_errors(sc_ctx *c, schema_diags *diags, nicol_error *err)
{
    const schema_diag *first = NULL;
    if (c->diags.full) {
        /* Room was kept for nothing more; the count below is still right. */
        diags->v[diags->n - 1].message = S("Too many errors: the rest is not shown.");
    }
    for (size_t i = 0; i < diags->n && first == NULL; i++)
        if (!diags->v[i].warning) first = &diags->v[i];
    if (first == NULL) return true;
    return nicol_fail(err, NICOL_E_SCHEMA_INVALID, "The schema has %zu error%s. The first: %.*s", c->diags.errors,
                      c->diags.errors == 1 ? "" : "s", STR_FMT(first->message));
}

bool ctx_begin(sc_ctx *c, const schema_file *files, size_t n, arena *diags, nicol_error *err)
{
    c->t = arena_new(c->m, NICOL_SCHEMA_BYTES_MAX * TREE_FACTOR);
    c->tree = c->t == NULL ? NULL : arena_new(c->m, NICOL_SCHEMA_BYTES_MAX * TREE_FACTOR);
    c->line = c->tree == NULL ? NULL : arena_new(c->m, NICOL_SCHEMA_BYTES_MAX * TREE_FACTOR);
    c->a = c->line == NULL ? NULL : arena_new(c->m, NICOL_SCHEMA_BYTES_MAX * TREE_FACTOR);
    c->s = c->a == NULL ? NULL : ARENA_NEW(c->a, schema);
    c->amem = c->s == NULL ? NULL : ARENA_NEW(c->a, mem);
    if (c->amem == NULL) return nicol_fail_oom(err);
    *c->amem = mem_in_arena(c->a);
    c->tmem = mem_in_arena(c->t);
    c->s->a = c->a;
    diag_init(&c->diags, diags != NULL ? diags : c->t);
    if (!take_files(c, files, n, err)) return false;
    ast_memory memory = {.tree = c->tree, .keep = c->a, .line = c->line, .m = c->m};
    return c->diags.errors != 0 || ast_parse(c->files, n, c->keep_lines, &memory, &c->diags, &c->tops, err);
}

void ctx_end(sc_ctx *c)
{
    arena_free(c->t);
    arena_free(c->tree);
    arena_free(c->line);
    arena_free(c->a);
}

schema *schema_parse(const schema_file *files, size_t files_n, const schema_opts *opts, arena *a, schema_diags *diags,
                     nicol_error *err)
{
    sc_ctx c = {.m = opts->m != NULL ? opts->m : mem_default, .version = opts->version};
    schema *result = NULL;
    schema_diags none;
    if (diags == NULL) diags = &none;
    *diags = (schema_diags){0};
    if (ctx_begin(&c, files, files_n, a, err)) {
        if (c.tops != NULL) run(&c);
        else if (c.diags.errors == 0 && !lookups_finish(&c)) c.oom = true;
        if (c.oom || arena_failed(a) || arena_failed(c.a) || (c.t != NULL && arena_failed(c.t)) ||
            arena_failed(c.line) || !diag_array(&c.diags, diags))
            nicol_fail_oom(err);
        else if (say_errors(&c, diags, err)) result = c.s;
    }
    if (result != NULL)
        c.a = NULL; /* the schema outlives the caller's arena: it has one of its own, which goes with it */
    ctx_end(&c);
    return result;
}

/* Names, types, attributes and relations, without the rules that a provider adds. */
bool ctx_link(sc_ctx *c)
{
    if (c->tops == NULL || failed(c) || !names_resolve(c) || failed(c)) return false;
    types_resolve(c);
    if (failed(c)) return false;
    attrs_resolve(c);
    if (failed(c)) return false;
    if (!relations_infer(c)) c->oom = true;
    return !failed(c);
}

void schema_free(schema *s)
{
    if (s != NULL) arena_free(s->a); /* everything, the maps and itself included, lives there */
}
