/* schema/composite.c - composite types (MongoDB's embedded documents): what they cannot have, and types that contain
 * themselves. Their fields are read and checked by the same code as those of models.
 */
#include "schema/schema_int.h"

/* --- attributes that are a model's business -------------------------------------------------------------------------- */

static const char *refused(nicol_str attr)
{
    if (str_eq(attr, S("map")))
        return "The name of a composite type is not persisted in the database, therefore it does not need a mapped "
               "database name.";
    if (str_eq(attr, S("unique"))) return "A unique constraint should be defined in the model containing the embed.";
    if (str_eq(attr, S("index"))) return "An index should be defined in the model containing the embed.";
    if (str_eq(attr, S("fulltext"))) return "A fulltext index should be defined in the model containing the embed.";
    if (str_eq(attr, S("id"))) return "A composite type cannot define an id.";
    return "A composite type cannot have block-level attributes.";
}

void composite_refuse_attrs(sc_ctx *c, const ast_attr *list)
{
    for (const ast_attr *a = list; a != NULL; a = a->next)
        diag_error(&c->diags, a->at, "Error validating: %s", refused(a->name.name));
}

void composite_refuse_field_attrs(sc_ctx *c, const field_info *f, const ast_attr *list)
{
    static const nicol_str names[] = {NICOL_STR("relation"), NICOL_STR("unique"), NICOL_STR("id")};
    for (const ast_attr *a = list; a != NULL; a = a->next) {
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
            if (str_eq(a->name.name, names[k]))
                diag_error(
                    &c->diags, field_at(f),
                    "Error validating: Defining `@%.*s` attribute for a field in a composite type is not allowed.",
                    STR_FMT(names[k]));
    }
}

/* --- types that contain themselves ---------------------------------------------------------------------------------------- */

/* The search goes from type to type along required fields, depth first; `path` is the way to where it is. A schema can be
 * made so that it has very many ways, so their number is limited: nobody draws such types by hand. */
enum { WAYS_MAX = 20000, PATH_MAX_TYPES = 64 };

typedef struct cycle_search {
    sc_ctx *c;
    const model_info *path[PATH_MAX_TYPES];
    size_t n;
    size_t ways;
    const model_info *first; /* the type of the field with which the search began */
} cycle_search;

static void report_cycle(const cycle_search *s, const field_info *f)
{
    buf text;
    buf_init(&text, &s->c->tmem, SIZE_MAX / 2);
    for (size_t i = s->n; i > 0; i--) {
        nicol_str name = s->path[i - 1]->m->name;
        buf_printf(&text, "%s`%.*s`", i == s->n ? "" : " \xE2\x86\x92 ", STR_FMT(name));
    }
    if (buf_failed(&text)) {
        s->c->oom = true;
        return;
    }
    nicol_str path = buf_view(&text);
    diag_error(
        &s->c->diags, field_at(f),
        "Error validating field `%.*s` in composite type `%.*s`: The types cause an endless cycle in the path %.*s. "
        "Please change one of the fields to be either optional or a list to break the cycle.",
        STR_FMT(f->f->name), STR_FMT(f->owner->m->name), STR_FMT(path));
}

static bool on_path(const cycle_search *s, const model_info *type)
{
    for (size_t i = 1; i < s->n; i++)
        if (s->path[i] == type) return true;
    return false;
}

static void search_type(cycle_search *s, const model_info *type);

static void search_field(cycle_search *s, const field_info *f)
{
    if (!f->composite || !is_required(f) || s->c->oom || s->ways >= WAYS_MAX) return;
    s->ways++;
    const model_info *type = composite_of(s->c, f);
    if (type == f->owner) {
        diag_error(
            &s->c->diags, field_at(f),
            "Error validating field `%.*s` in composite type `%.*s`: The type is the same as the parent and causes an "
            "endless cycle. Please change the field to be either optional or a list.",
            STR_FMT(f->f->name), STR_FMT(f->owner->m->name));
    } else if (s->n > 1 && type == s->first) {
        report_cycle(s, f);
    } else if (!on_path(s, type) && s->n < PATH_MAX_TYPES) {
        if (s->n == 1) s->first = type;
        search_type(s, type);
    }
}

static void search_type(cycle_search *s, const model_info *type)
{
    s->path[s->n++] = type;
    for (size_t i = type->m->fields_n; i > 0; i--) search_field(s, &type->fields[i - 1]);
    s->n--;
}

static void check_cycles(sc_ctx *c)
{
    cycle_search s = {.c = c};
    for (size_t i = 0; i < c->s->types_n; i++) search_type(&s, &c->types[i]);
}

/* --- all of them ------------------------------------------------------------------------------------------------------------ */

void check_composites(sc_ctx *c)
{
    check_cycles(c);
    for (size_t i = 0; i < c->s->types_n && !c->oom; i++) {
        model_info *type = &c->types[i];
        if ((c->prov->caps & CAP_COMPOSITE_TYPES) == 0)
            diag_error(&c->diags, type->ast->at, "Error validating: Composite types are not supported on %s.",
                       c->prov->label);
        if (c->diags.errors != 0) continue;
        if (type->m->fields_n == 0)
            diag_line(&c->diags, type->ast->at, S("Error validating: A type must have at least one field defined."));
        for (size_t k = 0; k < type->m->fields_n; k++) {
            default_check(c, &type->fields[k]);
            native_check(c, &type->fields[k]);
        }
    }
}
