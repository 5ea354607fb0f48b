/* engine/engine.c - opening and closing, schemas, figures. */
#include "engine/engine_int.h"

#include "base/clock.h"

#define SLOW_DEFAULT_US 50000

void engine_cut(char *to, size_t size, nicol_str s)
{
    size_t n = s.len < size - 1 ? s.len : size - 1;
    while (n < s.len && n > 0 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80) n--; /* not inside a character */
    memcpy(to, s.ptr ? s.ptr : "", n);
    to[n] = '\0';
}

static void on_statement(void *ctx, nicol_str sql, int64_t start_us, int64_t took_us, int64_t rows)
{
    engine *e = ctx;
    hist_add(&e->fig.statements_took, took_us);
    if (e->opts.exec.on_statement) e->opts.exec.on_statement(e->opts.exec.ctx, sql, start_us, took_us, rows);
}

engine *engine_open(const engine_opts *opts, nicol_error *err)
{
    const mem *m = opts->m ? opts->m : mem_default;
    engine *e = m->alloc(m->ctx, sizeof *e);
    if (!e) {
        nicol_fail_oom(err);
        return NULL;
    }
    memset(e, 0, sizeof *e);
    e->m = m;
    e->opts = *opts;
    if (!e->opts.plan_cache_max) e->opts.plan_cache_max = NICOL_PLAN_CACHE_MAX;
    e->budget.bytes_max = opts->plan_bytes_max ? opts->plan_bytes_max : NICOL_PLAN_CACHE_BYTES_MAX;
    if (!e->opts.schemas_max) e->opts.schemas_max = NICOL_SCHEMAS_MAX;
    if (!e->opts.slow_us) e->opts.slow_us = SLOW_DEFAULT_US;
    e->fig.started_wall_ms = clock_wall_ms();
    exec_opts x = opts->exec;
    x.m = m;
    if (!e->opts.untimed || x.on_statement) {
        x.on_statement = on_statement;
        x.ctx = e;
    }
    e->schemas = map_new(m, (size_t)e->opts.schemas_max + 2);
    if (!e->schemas) nicol_fail_oom(err);
    bool good = e->schemas && keep_init(&e->plans, &e->budget, m, e->opts.plan_cache_max, err);
    if (good) e->x = exec_open(&x, err);
    if (!e->x) {
        engine_close(e);
        return NULL;
    }
    return e;
}

static void schema_drop(engine_schema *s)
{
    const mem *m = s->e->m;
    keep_free(&s->shapes);
    schema_free(s->s);
    m->free(m->ctx, s, sizeof *s);
}

void engine_close(engine *e)
{
    if (!e) return;
    exec_close(e->x);
    if (e->plans.by_key) keep_free(&e->plans);
    size_t at = 0;
    nicol_str key;
    void *s;
    while (e->schemas && map_next(e->schemas, &at, &key, &s)) schema_drop(s);
    map_free(e->schemas);
    e->m->free(e->m->ctx, e, sizeof *e);
}

exec *engine_exec(engine *e)
{
    return e->x;
}

/* --- schemas -------------------------------------------------------------------------------------------------------- */

static bool provider_fits(const engine *e, const schema *s, nicol_error *err)
{
    const char *db = exec_driver(e->x)->provider;
    bool fits =
        (s->provider == PROVIDER_SQLITE && strcmp(db, "sqlite") == 0) ||
        ((s->provider == PROVIDER_POSTGRESQL || s->provider == PROVIDER_COCKROACHDB) && strcmp(db, "postgres") == 0) ||
        (s->provider == PROVIDER_MYSQL && strcmp(db, "mysql") == 0);
    if (fits) return true;
    return nicol_fail(
        err, NICOL_E_SCHEMA_INVALID,
        "the schema's datasource provider is not this server's database (%s): set provider = \"%s\" in the "
        "datasource block, or start the server on the other database",
        db, strcmp(db, "postgres") == 0 ? "postgresql" : db);
}

static void make_room(engine *e)
{
    while (map_len(e->schemas) >= e->opts.schemas_max) {
        engine_schema *oldest = NULL;
        size_t at = 0;
        nicol_str key;
        void *v;
        while (map_next(e->schemas, &at, &key, &v)) {
            engine_schema *s = v;
            if (!s->own && s->refs == 0 && (!oldest || s->used_at < oldest->used_at)) oldest = s;
        }
        if (!oldest) return; /* all in use: the map refuses the new one */
        map_del(e->schemas, oldest->hash);
        schema_drop(oldest);
    }
}

bool engine_schema_add(engine *e, nicol_str hash, const schema_file *files, size_t files_n, arena *a,
                       schema_diags *diags, engine_schema **out, nicol_error *err)
{
    schema_diags unused;
    if (hash.len == 0 || hash.len > 64) return nicol_fail(err, NICOL_E_USAGE, "a schema's hash is 64 hex digits");
    engine_schema *have = map_get(e->schemas, hash);
    if (have) {
        have->used_at = ++e->tick;
        if (out) *out = have;
        return true;
    }
    schema *s = schema_parse(files, files_n, &(schema_opts){.version = 0, .m = e->m}, a, diags ? diags : &unused, err);
    if (!s) return false;
    engine_schema *es = NULL;
    if (provider_fits(e, s, err)) {
        es = e->m->alloc(e->m->ctx, sizeof *es);
        if (!es) nicol_fail_oom(err);
    }
    if (!es) {
        schema_free(s);
        return false;
    }
    *es = (engine_schema){.e = e, .s = s, .used_at = ++e->tick};
    memcpy(es->hash_text, hash.ptr, hash.len);
    es->hash = str_of(es->hash_text, hash.len);
    make_room(e);
    if (!keep_init(&es->shapes, &e->budget, e->m, e->opts.plan_cache_max, err)) {
        schema_drop(es);
        return false;
    }
    if (!map_put(e->schemas, es->hash, es)) {
        schema_drop(es);
        return nicol_fail(err, NICOL_E_LIMIT, "too many schemas are in use at once (limit %u)", e->opts.schemas_max);
    }
    if (out) *out = es;
    return true;
}

engine_schema *engine_schema_take(engine *e, nicol_str hash)
{
    engine_schema *s = map_get(e->schemas, hash);
    if (!s) return NULL;
    s->used_at = ++e->tick;
    s->refs++;
    return s;
}

void engine_schema_give(engine *e, engine_schema *s)
{
    (void)e;
    s->refs--;
}

const schema *engine_schema_model(const engine_schema *s)
{
    return s->s;
}

void engine_schema_set_own(engine *e, engine_schema *s)
{
    s->own = true;
    e->own = s;
}

engine_schema *engine_schema_own(engine *e)
{
    return e->own;
}

/* --- figures -------------------------------------------------------------------------------------------------------- */

void engine_get_figures(engine *e, engine_figures *f)
{
    *f = e->fig;
    f->slow_n = e->slow_seen < ENGINE_SLOW_N ? (uint32_t)e->slow_seen : ENGINE_SLOW_N;
    for (uint32_t i = 0; i < f->slow_n; i++) {
        f->slow[i] = e->fig.slow[(e->slow_at + ENGINE_SLOW_N - 1 - i) % ENGINE_SLOW_N];
    }
    f->schemas = (uint32_t)map_len(e->schemas);
    f->plans = keep_count(&e->plans);
    f->plan_bytes = e->budget.bytes;
    f->plans_evicted = e->budget.evicted;
    size_t at = 0;
    nicol_str key;
    void *v;
    while (map_next(e->schemas, &at, &key, &v)) f->plans += keep_count(&((engine_schema *)v)->shapes);
    exec_get_figures(e->x, &f->exec);
}
