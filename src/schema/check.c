/* schema/check.c - the order of the checks on the finished model: models, enums, relations, as the reference has it. */
#include "schema/schema_int.h"

static void check_enum(sc_ctx *c, const enum_info *e)
{
    bool given = e->schema_at.end != 0, known = false, schemas = (c->prov->caps & CAP_SCHEMAS) != 0;
    bool old_sqlite = c->prov->id == PROVIDER_SQLITE && c->version != 0 && c->version < 6;
    if ((c->prov->caps & CAP_ENUMS) == 0 || old_sqlite)
        diag_error(&c->diags, e->ast->at,
                   "Error validating: You defined the enum `%.*s`. But the current connector does not support enums.",
                   STR_FMT(e->e->name));
    if (given && !schemas) {
        diag_line(&c->diags, e->schema_at, S("@@schema is not supported on the current datasource provider"));
        return;
    }
    for (size_t i = 0; i < c->schema_names_n; i++) known = known || str_eq(c->schema_names[i], e->schema);
    if (given && !known)
        diag_line(
            &c->diags, e->schema_at,
            S("This schema is not defined in the datasource. Read more on `@@schema` at https://pris.ly/d/multi-schema"));
    if (!given && schemas && c->schemas != NULL)
        diag_line(&c->diags, e->ast->at, S("This enum is missing an `@@schema` attribute."));
}

/* Two enums of one database name. */
static void check_enum_names(sc_ctx *c)
{
    map *seen = map_new(&c->tmem, SIZE_MAX / 64);
    if (seen == NULL) {
        c->oom = true;
        return;
    }
    for (size_t i = 0; i < c->s->enums_n && !c->oom; i++) {
        const enum_info *e = &c->enums[i];
        nicol_str key = ctx_text(c, "'%.*s' %.*s", STR_FMT(e->schema), STR_FMT(e->e->db_name));
        if (map_get(seen, key) != NULL)
            diag_line(&c->diags, e->ast->at, S("An enum with the same database name is already defined."));
        map_add(c, seen, key, &c->enums[i]);
    }
}

/* False: a relation is ambiguous, and everything after it would only repeat that. */
static bool check_models(sc_ctx *c)
{
    for (size_t i = 0; i < c->s->models_n && !c->oom; i++) {
        model_info *m = &c->models[i];
        arena_mark here = arena_save(c->t); /* what one model's checks write there, nobody reads afterwards */
        check_model(c, m);
        for (size_t k = 0; k < m->m->fields_n && !c->oom; k++) {
            if (m->fields[k].f->kind != FIELD_RELATION) continue;
            if (check_ambiguity(c, &m->fields[k])) return false;
            check_relation_field(c, &m->fields[k]);
        }
        for (index_info *x = m->indexes; x != NULL && !c->oom; x = x->next) check_index(c, m, x);
        if (!c->oom) arena_rewind(c->t, here);
    }
    return true;
}

void checks_run(sc_ctx *c)
{
    if (c->prov == NULL) c->prov = provider_by_name(S("postgresql")); /* no datasource: judged by the most capable */
    names_gather(c);
    if (c->oom) return;
    check_extensions(c);
    check_composites(c);
    for (size_t i = 0; i < c->s->models_n; i++) {
        sum_indexes(&c->models[i]);
        check_model_functions(c, &c->models[i]);
    }
    check_tables(c);
    check_enum_names(c);
    if (!check_models(c)) return;
    for (size_t i = 0; i < c->s->enums_n; i++) check_enum(c, &c->enums[i]);
    if ((c->prov->caps & CAP_SCHEMAS) == 0 && c->schemas != NULL)
        diag_line(&c->diags, c->schemas->at, S("The `schemas` property is not supported on the current connector."));
    for (size_t i = 0; i < c->rels_n && !c->oom; i++) check_relation(c, &c->rels[i]);
}
