/* query/names.c - small facts about actions and schema that both readings of a request use. */
#include "query/query_int.h"

static const struct {
    nicol_str name;
    bool writes;
} actions[QUERY_ACTION_N] = {
    [QUERY_FIND_UNIQUE] = {NICOL_STR("findUnique"), false},
    [QUERY_FIND_UNIQUE_OR_THROW] = {NICOL_STR("findUniqueOrThrow"), false},
    [QUERY_FIND_FIRST] = {NICOL_STR("findFirst"), false},
    [QUERY_FIND_FIRST_OR_THROW] = {NICOL_STR("findFirstOrThrow"), false},
    [QUERY_FIND_MANY] = {NICOL_STR("findMany"), false},
    [QUERY_CREATE_ONE] = {NICOL_STR("createOne"), true},
    [QUERY_CREATE_MANY] = {NICOL_STR("createMany"), true},
    [QUERY_CREATE_MANY_RETURN] = {NICOL_STR("createManyAndReturn"), true},
    [QUERY_UPDATE_ONE] = {NICOL_STR("updateOne"), true},
    [QUERY_UPDATE_MANY] = {NICOL_STR("updateMany"), true},
    [QUERY_UPDATE_MANY_RETURN] = {NICOL_STR("updateManyAndReturn"), true},
    [QUERY_UPSERT_ONE] = {NICOL_STR("upsertOne"), true},
    [QUERY_DELETE_ONE] = {NICOL_STR("deleteOne"), true},
    [QUERY_DELETE_MANY] = {NICOL_STR("deleteMany"), true},
    [QUERY_AGGREGATE] = {NICOL_STR("aggregate"), false},
    [QUERY_GROUP_BY] = {NICOL_STR("groupBy"), false},
    /* queryRaw may hold INSERT ... RETURNING: it counts as a write. */
    [QUERY_RAW] = {NICOL_STR("queryRaw"), true},
    [QUERY_EXECUTE_RAW] = {NICOL_STR("executeRaw"), true},
};

query_action query_action_of(nicol_str name)
{
    for (int i = 1; i < QUERY_ACTION_N; i++) {
        if (str_eq(name, actions[i].name)) return (query_action)i;
    }
    return (query_action)0;
}

nicol_str query_action_name(query_action action)
{
    bool known = (int)action > 0 && action < QUERY_ACTION_N;
    return known ? actions[action].name : S("");
}

bool query_action_writes(query_action action)
{
    return (int)action > 0 && action < QUERY_ACTION_N && actions[action].writes;
}

bool query_visible(const schema_field *f)
{
    if (f->is_ignored || f->kind == FIELD_UNSUPPORTED) return false;
    return f->kind != FIELD_RELATION || (f->relation != NULL && f->target != NULL && !f->target->is_ignored);
}

bool query_is_fk_of(const schema_field *f, const schema_field *relation)
{
    if (!schema_holds_fk(relation)) return false;
    for (size_t i = 0; i < relation->relation->fk_n; i++) {
        if (relation->relation->fk[i] == f) return true;
    }
    return false;
}

bool query_is_fk(const schema_field *f)
{
    const schema_model *m = f->model;
    for (size_t i = 0; i < m->fields_n; i++) {
        const schema_field *r = &m->fields[i];
        if (r->kind == FIELD_RELATION && query_visible(r) && query_is_fk_of(f, r)) return true;
    }
    return false;
}

bool query_is_auto_id(const schema_field *f)
{
    if (f->def->kind != DEFAULT_AUTOINCREMENT) return false;
    if (f->is_id) return true;
    const schema_index *id = f->model->id;
    for (size_t i = 0; id && i < id->fields_n; i++) {
        if (id->fields[i] == f) return true;
    }
    return false;
}

bool query_is_numeric(scalar_type t)
{
    return t == SCALAR_INT || t == SCALAR_BIGINT || t == SCALAR_FLOAT || t == SCALAR_DECIMAL;
}

bool query_scalar_needed(const schema_field *f)
{
    return f->arity == ARITY_REQUIRED && f->def->kind == DEFAULT_NONE && !f->is_updated_at;
}

bool query_relation_needed(const schema_field *f)
{
    if (f->arity != ARITY_REQUIRED || !schema_holds_fk(f)) return false;
    /* Columns that all fill themselves make the relation optional too. */
    for (size_t i = 0; i < f->relation->fk_n; i++) {
        if (f->relation->fk[i]->def->kind == DEFAULT_NONE) return true;
    }
    return false;
}

bool query_field_unique(const schema_field *f)
{
    if (f->is_id || f->is_unique) return true;
    /* A @@unique or @@id over one field serves as that field's own. */
    for (size_t i = 0; i < f->model->indexes_n; i++) {
        const schema_index *x = &f->model->indexes[i];
        if ((x->kind == INDEX_ID || x->kind == INDEX_UNIQUE) && x->fields_n == 1 && x->fields[0] == f) return true;
    }
    return false;
}

bool query_compound_usable(const schema_index *x)
{
    return (x->kind == INDEX_ID || x->kind == INDEX_UNIQUE) && x->fields_n > 1;
}

const schema_index *query_compound(const schema_model *m, nicol_str name)
{
    for (size_t i = 0; i < m->indexes_n; i++) {
        if (query_compound_usable(&m->indexes[i]) && str_eq(m->indexes[i].name, name)) return &m->indexes[i];
    }
    return NULL;
}

bool query_has_insensitive(const schema *s)
{
    return s->provider == PROVIDER_POSTGRESQL || s->provider == PROVIDER_COCKROACHDB || s->provider == PROVIDER_MONGODB;
}

bool query_has_lists(const schema *s)
{
    return query_has_insensitive(s);
}

bool query_has_json_compare(const schema *s)
{
    return s->provider == PROVIDER_POSTGRESQL || s->provider == PROVIDER_COCKROACHDB || s->provider == PROVIDER_MYSQL;
}

bool query_has_search(const schema *s)
{
    if (s->provider == PROVIDER_MYSQL) return true;
    if (s->provider != PROVIDER_POSTGRESQL) return false;
    return schema_preview(s, S("fullTextSearchPostgres")) || schema_preview(s, S("fullTextSearch"));
}

bool query_has_skip_duplicates(const schema *s)
{
    return s->provider == PROVIDER_POSTGRESQL || s->provider == PROVIDER_COCKROACHDB || s->provider == PROVIDER_MYSQL;
}

bool query_json_path_is_list(const schema *s)
{
    return s->provider == PROVIDER_POSTGRESQL || s->provider == PROVIDER_COCKROACHDB;
}

bool query_has_strategy(const schema *s)
{
    return schema_preview(s, S("relationJoins"));
}
