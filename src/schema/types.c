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
    lex l = {.p = c->files[t->at.file].text.ptr, .at = d->type, .end = (uint32_t)c->files[t->at.file].text.len};
    ast_ident type = {.at = {t->at.file, d->type, d->type}};
    if (d->unsupported) return type_again(c, t->at.file, d).type;
    (void)lex_ident(&l, &type.name);
    type.at.end = l.at;
    return type;
}

static void resolve_field(sc_ctx *c, field_info *i, map *models, map *enums)
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
    model_info *target = map_get(models, type.name);
    if (target != NULL) {
        f->kind = FIELD_RELATION;
        f->target = target->m;
        f->db_name = (nicol_str){0};
        i->rel = NEW(c, rel_info);
        if (i->rel != NULL) *i->rel = (rel_info){.target = target, .relation = UINT32_MAX};
        return;
    }
    const enum_info *e = map_get(enums, type.name);
    const ast_top *top = map_get(c->names, type.name);
    if (e != NULL) {
        f->kind = FIELD_ENUM;
        f->type = SCALAR_ENUM;
        f->en = e->e;
    } else if (top != NULL && top->kind == TOP_TYPE) {
        f->kind = FIELD_UNSUPPORTED;
        i->composite = true;
    } else {
        unknown_type(c, &type);
    }
}

static void resolve_composite(sc_ctx *c, const ast_top *t)
{
    scalar_type scalar;
    for (size_t i = 0; i < t->fields_n; i++) {
        const ast_decl *d = &t->fields[i];
        ast_ident type = type_of(c, t, d);
        const ast_top *top = map_get(c->names, type.name);
        if (d->unsupported || scalar_of(type.name, &scalar)) continue;
        if (top == NULL) {
            unknown_type(c, &type);
        } else if (top->kind == TOP_MODEL || top->kind == TOP_VIEW) {
            span at = {t->at.file, d->start, d->end};
            diag_error(
                &c->diags, at,
                "Error validating composite type \"%.*s\": Relations are not supported in composite types. Please "
                "remove the field `%.*s`.",
                STR_FMT(t->name.name), STR_FMT(str_sub(ctx_source(c, at), 0, d->name_len)));
        }
    }
}

void types_resolve(sc_ctx *c)
{
    map *models = map_new(&c->tmem, SIZE_MAX / 64), *enums = map_new(&c->tmem, SIZE_MAX / 64);
    if (models == NULL || enums == NULL) {
        c->oom = true;
        return;
    }
    for (size_t i = 0; i < c->s->models_n; i++) map_add(c, models, c->models[i].m->name, &c->models[i]);
    for (size_t i = 0; i < c->s->enums_n; i++) map_add(c, enums, c->enums[i].e->name, &c->enums[i]);
    size_t at = 0;
    for (const ast_top *t = c->tops; t != NULL && !c->oom; t = t->next) {
        if (t->kind == TOP_TYPE) resolve_composite(c, t);
        if (t->kind != TOP_MODEL && t->kind != TOP_VIEW) continue;
        model_info *m = &c->models[at++];
        for (size_t i = 0; i < m->m->fields_n && !c->oom; i++) resolve_field(c, &m->fields[i], models, enums);
    }
}
