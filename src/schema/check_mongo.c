/* schema/check_mongo.c - what only MongoDB asks of a schema: its ids, names of fields, indexes that are there already, and
 * relations whose keys stand in lists.
 */
#include "schema/schema_int.h"

#define AT_INDEX(c, x, ...) error_attr_at((c), attr_title((c), (x)), (x)->at, __VA_ARGS__)

static void check_fields(sc_ctx *c, const model_info *m)
{
    for (size_t i = 0; i < m->m->fields_n; i++) {
        const field_info *f = &m->fields[i];
        bool in_id = false;
        if (f->f->kind == FIELD_RELATION) continue;
        for (size_t k = 0; m->id != NULL && k < m->id->cols_n; k++) in_id = in_id || m->id->cols[k].f == f;
        if (f->f->def->kind == DEFAULT_AUTO && !(f->has_native && str_eq(f->f->native->name, S("ObjectId"))))
            error_field(c, f, "MongoDB `@default(auto())` fields must have `ObjectId` native type.");
        if (f->f->def->kind == DEFAULT_AUTO && !in_id)
            error_field(c, f, "MongoDB `@default(auto())` fields must have the `@id` attribute.");
        if (f->f->def->kind == DEFAULT_DBGENERATED)
            error_field(c, f, "The `dbgenerated()` function is not allowed with MongoDB. Please use `auto()` instead.");
        if (f->has_map && str_starts(f->f->db_name, S("$")))
            error_attr(c, field_attr(c, f, S("map")), "The field name cannot start with a `$` character");
        if (f->has_map && str_find_char(f->f->db_name, '.', 0) != SIZE_MAX)
            error_attr(c, field_attr(c, f, S("map")), "The field name cannot contain a `.` character");
    }
}

static void check_id_name(sc_ctx *c, const model_info *m)
{
    if (m->id == NULL || m->id->cols_n != 1) return;
    const field_info *f = m->id->cols[0].f;
    if (str_eq(f->f->db_name, S("_id"))) return;
    if (!f->has_map) error_field(c, f, "MongoDB model IDs must have an @map(\"_id\") annotation.");
    else
        error_field(c, f, "MongoDB model IDs must have an @map(\"_id\") annotation, found @map(\"%.*s\").",
                    STR_FMT(f->f->db_name));
}

static bool same_text(const nicol_str *a, const nicol_str *b)
{
    return a == NULL || b == NULL ? a == b : str_eq(*a, *b);
}

static bool same_columns(const index_info *a, const index_info *b)
{
    if (a->cols_n != b->cols_n) return false;
    for (size_t i = 0; i < a->cols_n; i++) {
        const index_col *x = &a->cols[i], *y = &b->cols[i];
        if (x->f != y->f || x->sort != y->sort || x->length != y->length || !same_text(x->ops, y->ops) ||
            !same_text(x->path == NULL ? NULL : &x->path->text, y->path == NULL ? NULL : &y->path->text))
            return false;
    }
    return true;
}

static void check_indexes(sc_ctx *c, const model_info *m)
{
    for (const index_info *x = m->indexes; x != NULL && !c->oom; x = x->next) {
        bool again = false;
        for (const index_info *y = m->indexes; y != NULL && !again; y = y->next) again = y != x && same_columns(x, y);
        if (again)
            error_attr_at(c,
                          x->kind == INDEX_UNIQUE     ? S("@@unique")
                          : x->kind == INDEX_FULLTEXT ? S("@@fulltext")
                                                      : S("@@index"),
                          x->at, "Index already exists in the model.");
        if (x->kind == INDEX_UNIQUE && x->cols_n == 1 && x->cols[0].path == NULL && m->id != NULL &&
            m->id->cols_n == 1 && x->cols[0].f == m->id->cols[0].f)
            AT_INDEX(c, x, "The same field cannot be an id and unique on MongoDB.");
    }
}

void check_mongo(sc_ctx *c, const model_info *m)
{
    if (m->id == NULL)
        diag_line(&c->diags, m->ast->at,
                  S("Invalid model: MongoDB models require exactly one identity field annotated with @id"));
    check_id_name(c, m);
    check_fields(c, m);
    check_indexes(c, m);
}

/* --- many-to-many relations with the keys of each side in a list on the other ------------------------------------------- */

/* Of the argument, else the attribute, else the field. */
static span relation_span(sc_ctx *c, const field_info *f, const char *arg)
{
    if (f->rel->attr_at == 0) return field_at(f);
    const ast_attr *a = relation_attr(c, f);
    return arg == NULL ? a->at : arg_span(a, str_c(arg));
}

static void one_field(sc_ctx *c, const field_info *f, const char *arg, size_t n)
{
    if (n == 1) return;
    error_attr_at(c, S("@relation"), relation_span(c, f, arg),
                  "The `%s` argument must be defined and must point to exactly one scalar field. "
                  "https://pris.ly/d/many-to-many-relations",
                  arg);
}

static void references_id(sc_ctx *c, const field_info *f)
{
    const model_info *to = f->rel->target;
    if (f->rel->refs_n == 0) return;
    if (to->id != NULL && to->id->cols_n == 1 && to->id->cols[0].f->f == f->rel->refs[0]) return;
    error_attr_at(c, S("@relation"), relation_span(c, f, "references"),
                  "The `references` argument must point to a singular `id` field");
}

static nicol_str native_name(const schema_field *f)
{
    return f->native == NULL ? (nicol_str){0} : f->native->name;
}

static void list_of_keys(sc_ctx *c, const field_info *f)
{
    if (f->rel->fields_n == 0 || f->rel->refs_n == 0) return;
    const schema_field *key = f->rel->fields[0], *ref = f->rel->refs[0];
    if (key->arity == ARITY_LIST && ref->arity != ARITY_LIST && same_type(key, ref) &&
        str_eq(native_name(key), native_name(ref)))
        return;
    error_attr_at(
        c, S("@relation"), relation_span(c, f, NULL),
        "The scalar field defined in `fields` argument must be an array of the same type defined in `references`");
}

static span value_span(sc_ctx *c, const field_info *f, const char *arg)
{
    const ast_arg *x = arg_find(relation_attr(c, f), str_c(arg));
    return x == NULL ? field_at(f) : x->value->at;
}

static void no_actions(sc_ctx *c, const field_info *f)
{
    static const nicol_str text =
        NICOL_STR("Error validating: Referential actions on two-way embedded many-to-many relations are not supported");
    if (f->rel->on_delete != ACTION_UNSET) diag_line(&c->diags, value_span(c, f, "onDelete"), text);
    if (f->rel->on_update != ACTION_UNSET) diag_line(&c->diags, value_span(c, f, "onUpdate"), text);
}

void check_embedded(sc_ctx *c, const relation_info *r)
{
    const field_info *ends[2] = {r->fwd, r->back};
    for (int i = 0; i < 2; i++) {
        const field_info *f = ends[i];
        one_field(c, f, "references", f->rel->refs_n);
        one_field(c, f, "fields", f->rel->fields_n);
        references_id(c, f);
        list_of_keys(c, f);
        no_actions(c, f);
    }
}

/* --- native types of keys -------------------------------------------------------------------------------------------------- */

static nicol_str native_of(sc_ctx *c, const schema_field *f)
{
    const field_info *i = &model_of(c, f->model)->fields[f->index];
    return i->has_native ? native_attr(c, i)->name.name : (nicol_str){0};
}

void check_mongo_relation_field(sc_ctx *c, const field_info *f)
{
    const rel_info *rel = f->rel;
    for (size_t i = 0; i < rel->fields_n && i < rel->refs_n; i++) {
        const schema_field *key = rel->fields[i], *ref = rel->refs[i];
        nicol_str a = native_of(c, key), b = native_of(c, ref), what;
        if (str_eq(a, b)) continue;
        nicol_str key_name = ctx_text(c, "%.*s.%.*s", STR_FMT(key->model->name), STR_FMT(key->name));
        nicol_str ref_name = ctx_text(c, "%.*s.%.*s", STR_FMT(ref->model->name), STR_FMT(ref->name));
        if (a.len != 0 && b.len != 0)
            what = ctx_text(c, "updating those fields to either use '@%.*s' or '@%.*s'", STR_FMT(a), STR_FMT(b));
        else if (a.len == 0)
            what = ctx_text(c, "either removing %.*s's native type attribute or adding '@%.*s' to %.*s",
                            STR_FMT(ref_name), STR_FMT(b), STR_FMT(key_name));
        else
            what = ctx_text(c, "either removing %.*s's native type attribute or adding '@%.*s' to %.*s",
                            STR_FMT(key_name), STR_FMT(a), STR_FMT(ref_name));
        diag_warn(
            &c->diags, field_at(&model_of(c, key->model)->fields[key->index]),
            "Warning validating field `%.*s` in model `%.*s`: Field %.*s and %.*s must have the same native type for "
            "MongoDB to join those collections correctly. Consider %.*s. Beware that this will become an error in the "
            "future.",
            STR_FMT(f->f->name), STR_FMT(f->owner->m->name), STR_FMT(key_name), STR_FMT(ref_name), STR_FMT(what));
    }
}
