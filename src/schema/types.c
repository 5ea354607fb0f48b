/* schema/types.c - the second phase: what each field is. */
#include "schema/schema_int.h"

static const struct {
    nicol_str name;
    scalar_type type;
} SCALARS[] = {
    {NICOL_STR("Int"), SCALAR_INT},         {NICOL_STR("BigInt"), SCALAR_BIGINT},
    {NICOL_STR("Float"), SCALAR_FLOAT},     {NICOL_STR("Boolean"), SCALAR_BOOLEAN},
    {NICOL_STR("String"), SCALAR_STRING},   {NICOL_STR("DateTime"), SCALAR_DATETIME},
    {NICOL_STR("Json"), SCALAR_JSON},       {NICOL_STR("Bytes"), SCALAR_BYTES},
    {NICOL_STR("Decimal"), SCALAR_DECIMAL},
};
enum { SCALARS_N = sizeof(SCALARS) / sizeof(SCALARS[0]) };

bool scalar_of(nicol_str name, scalar_type *out)
{
    for (size_t i = 0; i < SCALARS_N; i++) {
        if (!str_eq(name, SCALARS[i].name)) continue;
        *out = SCALARS[i].type;
        return true;
    }
    return false;
}

nicol_str schema_scalar_name(scalar_type t)
{
    for (size_t i = 0; i < SCALARS_N; i++)
        if (SCALARS[i].type == t) return SCALARS[i].name;
    return t == SCALAR_ENUM ? S("Enum") : t == SCALAR_UUID ? S("Uuid") : S("Unknown");
}

static void unknown_type(sc_ctx *c, const ast_ident *type)
{
    for (size_t i = 0; i < SCALARS_N; i++) {
        if (!str_ieq(type->name, SCALARS[i].name)) continue;
        diag_error(
            &c->diags, type->at,
            "Type \"%.*s\" is neither a built-in type, nor refers to another model, composite type, or enum. Did you "
            "mean \"%.*s\"?",
            STR_FMT(type->name), STR_FMT(SCALARS[i].name));
        return;
    }
    diag_error(&c->diags, type->at,
               "Type \"%.*s\" is neither a built-in type, nor refers to another model, composite type, or enum.",
               STR_FMT(type->name));
    if (c->diags.n > HELPED) return;
    near n = near_of(type->name);
    for (size_t i = 0; i < SCALARS_N; i++) near_try(&n, SCALARS[i].name);
    for (const ast_top *t = c->tops; t != NULL; t = t->next)
        if (t->kind == TOP_MODEL || t->kind == TOP_ENUM || t->kind == TOP_TYPE || t->kind == TOP_VIEW)
            near_try(&n, t->name.name);
    if (n.best.len != 0) diag_help(&c->diags, "did you mean `%.*s`?", STR_FMT(n.best));
}

static ast_ident type_of(sc_ctx *c, const ast_top *t, const ast_decl *d)
{
    lex l = {.p = c->files[t->at.file].text.ptr, .at = d->start, .end = t->at.end};
    nicol_str name = {0};
    if (d->unsupported) return type_again(c, t->at.file, d).type;
    ast_decl_type(&l);
    uint32_t start = l.at;
    (void)lex_ident(&l, &name);
    return (ast_ident){name, {t->at.file, start, l.at}};
}

typedef struct type_maps {
    map *models, *enums, *types;
} type_maps;

static void resolve_field(sc_ctx *c, field_info *i, const type_maps *maps)
{
    schema_field *f = i->f;
    ast_ident type = type_of(c, i->owner->ast, decl_of(i));
    f->kind = FIELD_SCALAR;
    f->db_name = f->name;
    if (decl_of(i)->unsupported) {
        f->kind = FIELD_UNSUPPORTED;
        schema_native *native = KEEP_ARRAY(c, 1, schema_native);
        if (native != NULL) native->name = type.name;
        f->native = native;
        return;
    }
    if (scalar_of(type.name, &f->type)) return;
    model_info *target = map_get(maps->models, type.name);
    if (target != NULL && i->owner->is_type) {
        diag_error(&c->diags, type.at,
                   "Error validating composite type \"%.*s\": %.*s refers to a model, making this a relation field. "
                   "Relation fields inside composite types are not supported.",
                   STR_FMT(i->owner->m->name), STR_FMT(type.name));
        i->unknown_type = true;
        return;
    }
    if (target != NULL) {
        f->kind = FIELD_RELATION;
        f->target = target->m;
        f->db_name = (nicol_str){0};
        i->rel = NEW(c, rel_info);
        if (i->rel != NULL) *i->rel = (rel_info){.target = target, .relation = UINT32_MAX};
        return;
    }
    const enum_info *e = map_get(maps->enums, type.name);
    target = map_get(maps->types, type.name);
    if (e != NULL) {
        f->kind = FIELD_ENUM;
        f->type = SCALAR_ENUM;
        f->en = e->e;
    } else if (target != NULL) {
        f->kind = FIELD_UNSUPPORTED;
        f->target = target->m;
        i->composite = true;
    } else {
        unknown_type(c, &type);
        i->unknown_type = true;
    }
}

static void add_types(sc_ctx *c, map *to, model_info *from, size_t n)
{
    for (size_t i = 0; i < n && !c->oom; i++) map_add(c, to, from[i].m->name, &from[i]);
}

static void resolve_fields(sc_ctx *c, model_info *m, const type_maps *maps)
{
    for (size_t i = 0; i < m->m->fields_n && !c->oom; i++) resolve_field(c, &m->fields[i], maps);
}

void types_resolve(sc_ctx *c)
{
    const arena_mark before = arena_save(c->line);
    mem m = mem_in_arena(c->line);
    const schema *s = c->s;
    type_maps maps = {map_for(&m, s->models_n), map_for(&m, s->enums_n), map_for(&m, s->types_n)};
    if (maps.models == NULL || maps.enums == NULL || maps.types == NULL) {
        c->oom = true;
        return;
    }
    add_types(c, maps.models, c->models, c->s->models_n);
    add_types(c, maps.types, c->types, c->s->types_n);
    for (size_t i = 0; i < c->s->enums_n; i++) map_add(c, maps.enums, c->enums[i].e->name, &c->enums[i]);
    size_t models = 0, types = 0;
    for (const ast_top *t = c->tops; t != NULL && !c->oom; t = t->next) {
        if (t->kind == TOP_TYPE) resolve_fields(c, &c->types[types++], &maps);
        if (t->kind == TOP_MODEL || t->kind == TOP_VIEW) resolve_fields(c, &c->models[models++], &maps);
    }
    if (!c->oom) arena_rewind(c->line, before);
}
