/* schema/check_relation.c - relations: both ends there, keys well-formed, actions possible. */
#include "schema/schema_int.h"

#define MODEL(end) STR_FMT((end)->owner->m->name)
#define NAME(end) STR_FMT((end)->f->name)

static void at_field(sc_ctx *c, const field_info *f, nicol_str text)
{
    error_attr_at(c, S("@relation"), field_at(f), "%.*s", STR_FMT(text));
}

static bool no_fields(const field_info *f)
{
    return f->rel->fields_n == 0;
}

static bool no_refs(const field_info *f)
{
    return f->rel->refs_n == 0;
}

static bool has_actions(const field_info *f)
{
    return f->rel->on_delete != ACTION_UNSET || f->rel->on_update != ACTION_UNSET;
}

/* --- keys ---------------------------------------------------------------------------------------------------------------- */

static bool same_set(const schema_field *const *a, const index_info *x, size_t n)
{
    if (x->cols_n != n) return false;
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < n && x->cols[k].f->f != a[i]) k++;
        if (k == n) return false;
    }
    return true;
}

static bool same_order(const schema_field *const *a, const index_info *x, size_t n)
{
    if (x->cols_n != n) return false;
    for (size_t i = 0; i < n; i++)
        if (x->cols[i].f->f != a[i]) return false;
    return true;
}

typedef bool (*same_fn)(const schema_field *const *a, const index_info *x, size_t n);

/* A sum over the columns tells most keys apart, so that many wide keys cost little. */
static void sum_columns(index_info *x)
{
    x->set_sum = 0;
    for (size_t i = 0; i < x->cols_n; i++) {
        const schema_field *f = x->cols[i].f->f;
        x->set_sum += hash_bytes(&f, sizeof(f), 0);
    }
}

void sum_indexes(model_info *m)
{
    if (m->id != NULL) sum_columns(m->id);
    for (index_info *x = m->indexes; x != NULL; x = x->next) sum_columns(x);
}

static bool unique_criterion(const model_info *m, const schema_field *const *f, size_t n, same_fn same)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += hash_bytes(&f[i], sizeof(f[i]), 0);
    if (m->id != NULL && m->id->set_sum == sum && same(f, m->id, n)) return true;
    for (const index_info *x = m->indexes; x != NULL; x = x->next)
        if (x->kind == INDEX_UNIQUE && !x->partial && x->set_sum == sum && same(f, x, n)) return true;
    return false;
}

static void same_length(sc_ctx *c, const relation_info *r)
{
    const rel_info *rel = r->fwd->rel;
    if (!rel->has_fields || !rel->has_refs || rel->fields_n == rel->refs_n) return;
    diag_line(&c->diags, relation_attr(c, r->fwd)->at,
              S("Error validating: You must specify the same number of fields in `fields` and `references`."));
}

static void references_unique(sc_ctx *c, const relation_info *r)
{
    const rel_info *rel = r->fwd->rel;
    const model_info *to = r->fwd->rel->target;
    if (rel->refs_n == 0) return;
    bool unique = unique_criterion(to, rel->refs, rel->refs_n, same_set);
    if (unique && rel->refs_n == 1) return;
    nicol_str names = join_names(c, c->t, rel->refs, rel->refs_n, ", ");
    if (!unique) {
        static const char text[] =
            "The argument `references` must refer to a unique criterion in the related model. Consider adding an";
        if (rel->refs_n == 1)
            error_attr_at(c, S("@relation"), field_at(r->fwd),
                          "%s `@unique` attribute to the field `%.*s` in the model `%.*s`.", text, STR_FMT(names),
                          STR_FMT(to->m->name));
        else
            error_attr_at(c, S("@relation"), field_at(r->fwd), "%s `@@unique([%.*s])` attribute to the model `%.*s`.",
                          text, STR_FMT(names), STR_FMT(to->m->name));
        return;
    }
    if (rel->refs_n == 1 || (c->prov->caps & CAP_RELATION_FIELDS_IN_ANY_ORDER) != 0) return;
    if (unique_criterion(to, rel->refs, rel->refs_n, same_order)) return;
    diag_error(
        &c->diags, field_at(r->fwd),
        "Error validating: The argument `references` must refer to a unique criterion in the related model `%.*s` using "
        "the same order of fields. Please check the ordering in the following fields: `%.*s`.",
        STR_FMT(to->m->name), STR_FMT(names));
}

static void field_arity(sc_ctx *c, const relation_info *r)
{
    const rel_info *rel = r->fwd->rel;
    bool optional = false;
    if (!is_required(r->fwd)) return;
    for (size_t i = 0; i < rel->fields_n; i++) optional = optional || rel->fields[i]->arity == ARITY_OPTIONAL;
    if (!optional) return;
    nicol_str names = join_names(c, c->t, rel->fields, rel->fields_n, ", ");
    diag_error(
        &c->diags, field_at(r->fwd),
        "Error validating: The relation field `%.*s` uses the scalar fields %.*s. At least one of those fields is "
        "optional. Hence the relation field must be optional as well.",
        NAME(r->fwd), STR_FMT(names));
}

bool same_type(const schema_field *a, const schema_field *b)
{
    if (a->kind != b->kind) return false;
    return a->kind == FIELD_ENUM ? a->en == b->en : a->type == b->type;
}

static void scalar_types(sc_ctx *c, const relation_info *r)
{
    const rel_info *rel = r->fwd->rel;
    if (rel->fields_n != rel->refs_n) return;
    for (size_t i = 0; i < rel->fields_n; i++) {
        if (same_type(rel->fields[i], rel->refs[i])) continue;
        error_attr_at(
            c, S("@relation"), field_at(r->fwd),
            "The type of the field `%.*s` in the model `%.*s` is not matching the type of the referenced field "
            "`%.*s` in model `%.*s`.",
            STR_FMT(rel->fields[i]->name), MODEL(r->fwd), STR_FMT(rel->refs[i]->name),
            STR_FMT(r->fwd->rel->target->m->name));
    }
}

/* --- both ends ------------------------------------------------------------------------------------------------------------ */

static bool both_ends(sc_ctx *c, const relation_info *r)
{
    const field_info *f = r->fwd == NULL ? r->back : r->fwd;
    if (r->fwd != NULL && r->back != NULL) return true;
    error_field(
        c, f,
        "The relation field `%.*s` on %s `%.*s` is missing an opposite relation field on the model `%.*s`. Either run "
        "`prisma format` or add it manually.",
        NAME(f), f->owner->m->is_view ? "view" : "model", MODEL(f), STR_FMT(f->rel->target->m->name));
    if (f->f->arity != ARITY_LIST)
        diag_help(&c->diags, "add a field of type `%.*s[]` to the model `%.*s`; `nicol format` does it for you",
                  MODEL(f), STR_FMT(f->rel->target->m->name));
    else
        diag_help(&c->diags,
                  "add the other end, a field of type `%.*s`, to the model `%.*s`; `nicol format` does it for you",
                  MODEL(f), STR_FMT(f->rel->target->m->name));
    return false;
}

/* --- one-to-one ----------------------------------------------------------------------------------------------------------- */

/* "The relation fields `a` on Model `A` and `b` on Model `B` ..." */
static void pair(sc_ctx *c, const field_info *at, const field_info *a, const field_info *b, const char *rest)
{
    nicol_str text = ctx_text(c, "The relation fields `%.*s` on Model `%.*s` and `%.*s` on Model `%.*s` %s", NAME(a),
                              MODEL(a), NAME(b), MODEL(b), rest);
    at_field(c, at, text);
}

#define ONE_OF "argument in the @relation attribute. You have to provide it on one of the two fields."
#define ONLY_ONE "argument in the @relation attribute. You have to provide it only on one of the two fields."

static void one_one_defined(sc_ctx *c, const relation_info *r)
{
    if (no_fields(r->fwd) && no_fields(r->back)) {
        pair(c, r->fwd, r->fwd, r->back, "do not provide the `fields` " ONE_OF);
        pair(c, r->back, r->back, r->fwd, "do not provide the `fields` " ONE_OF);
    }
    if (no_refs(r->fwd) && no_refs(r->back)) {
        pair(c, r->fwd, r->fwd, r->back, "do not provide the `references` " ONE_OF);
        pair(c, r->back, r->back, r->fwd, "do not provide the `references` " ONE_OF);
    }
}

static void one_one_once(sc_ctx *c, const relation_info *r)
{
    if (!no_refs(r->fwd) && !no_refs(r->back)) {
        pair(c, r->fwd, r->fwd, r->back, "both provide the `references` " ONLY_ONE);
        pair(c, r->back, r->fwd, r->back, "both provide the `references` " ONLY_ONE);
    }
    if (!no_fields(r->fwd) && !no_fields(r->back)) {
        pair(c, r->fwd, r->fwd, r->back, "both provide the `fields` " ONLY_ONE);
        pair(c, r->back, r->fwd, r->back, "both provide the `fields` " ONLY_ONE);
    }
}

static void one_one_actions(sc_ctx *c, const relation_info *r)
{
    if (has_actions(r->fwd) && has_actions(r->back)) {
        pair(c, r->back, r->back, r->fwd, "both provide the `onDelete` or `onUpdate` " ONLY_ONE);
        pair(c, r->fwd, r->fwd, r->back, "both provide the `onDelete` or `onUpdate` " ONLY_ONE);
    } else if (has_actions(r->back)) {
        error_attr_at(
            c, S("@relation"), field_at(r->back),
            "The relation field `%.*s` on Model `%.*s` must not specify the `onDelete` or `onUpdate` argument in the "
            "@relation attribute. You must only specify it on the opposite field `%.*s` on model `%.*s`.",
            NAME(r->back), MODEL(r->back), NAME(r->fwd), MODEL(r->fwd));
    }
}

static void one_one_unique(sc_ctx *c, const relation_info *r)
{
    const rel_info *rel = r->fwd->rel;
    if (!rel->has_fields || unique_criterion(r->fwd->owner, rel->fields, rel->fields_n, same_set)) return;
    nicol_str names = join_names(c, c->t, rel->fields, rel->fields_n, ", ");
    static const char text[] = "A one-to-one relation must use unique fields on the defining side. Either add an";
    if (rel->fields_n == 1)
        error_attr_at(c, S("@relation"), field_at(r->fwd),
                      "%s `@unique` attribute to the field `%.*s`, or change the relation to one-to-many.", text,
                      STR_FMT(names));
    else
        error_attr_at(c, S("@relation"), field_at(r->fwd),
                      "%s `@@unique([%.*s])` attribute to the model, or change the relation to one-to-many.", text,
                      STR_FMT(names));
}

/* `fields` on one end and `references` on the other. */
static void one_one_mixed(sc_ctx *c, const relation_info *r)
{
    static const char both[] = "You must provide both arguments on the same side.";
    if (!no_fields(r->fwd) && !no_refs(r->back)) {
        nicol_str text =
            ctx_text(c,
                     "The relation field `%.*s` on Model `%.*s` provides the `fields` argument in the @relation "
                     "attribute. And the related field `%.*s` on Model `%.*s` provides the `references` argument. %s",
                     NAME(r->fwd), MODEL(r->fwd), NAME(r->back), MODEL(r->back), both);
        at_field(c, r->fwd, text);
        at_field(c, r->back, text);
    }
    if (!no_refs(r->fwd) && !no_fields(r->back)) {
        at_field(
            c, r->fwd,
            ctx_text(c,
                     "The relation field `%.*s` on Model `%.*s` provides the `references` argument in the @relation "
                     "attribute. And the related field `%.*s` on Model `%.*s` provides the `fields` argument. %s",
                     NAME(r->fwd), MODEL(r->fwd), NAME(r->back), MODEL(r->back), both));
    }
}

static void one_one_back_optional(sc_ctx *c, const relation_info *r)
{
    if (!is_required(r->back)) return;
    error_attr_at(
        c, S("@relation"), field_at(r->back),
        "The relation field `%.*s` on Model `%.*s` is required. This is not valid because it's not possible to enforce "
        "this constraint on the database level. Please change the field type from `%.*s` to `%.*s?` to fix this.",
        NAME(r->back), MODEL(r->back), MODEL(r->fwd), MODEL(r->fwd));
}

static void one_one_wrong_side(sc_ctx *c, const relation_info *r)
{
    if (!is_required(r->fwd) || (!r->back->rel->has_fields && !r->back->rel->has_refs)) return;
    error_attr_at(
        c, S("@relation"), field_at(r->back),
        "The relation field `%.*s.%.*s` defines the `fields` and/or `references` argument. You must set them on the "
        "required side of the relation (`%.*s.%.*s`) in order for the constraints to be enforced. Alternatively, you can "
        "change this field to be required and the opposite optional, or make both sides of the relation optional.",
        MODEL(r->back), NAME(r->back), MODEL(r->fwd), NAME(r->fwd));
}

/* --- one-to-many ---------------------------------------------------------------------------------------------------------- */

static void one_many_defined(sc_ctx *c, const relation_info *r)
{
    if (no_fields(r->fwd))
        error_attr_at(
            c, S("@relation"), field_at(r->fwd),
            "The relation field `%.*s` on Model `%.*s` must specify the `fields` argument in the @relation attribute. "
            "You can run `prisma format` to fix this automatically.",
            NAME(r->fwd), MODEL(r->fwd));
    if (no_refs(r->fwd))
        error_attr_at(
            c, S("@relation"), field_at(r->fwd),
            "The relation field `%.*s` on Model `%.*s` must specify the `references` argument in the @relation "
            "attribute.",
            NAME(r->fwd), MODEL(r->fwd));
    if (!no_fields(r->back) || !no_refs(r->back))
        error_attr_at(
            c, S("@relation"), field_at(r->back),
            "The relation field `%.*s` on Model `%.*s` must not specify the `fields` or `references` argument in the "
            "@relation attribute. You must only specify it on the opposite field `%.*s` on model `%.*s`.",
            NAME(r->back), MODEL(r->back), NAME(r->fwd), MODEL(r->fwd));
}

static void one_many_actions(sc_ctx *c, const relation_info *r)
{
    if (!has_actions(r->back)) return;
    error_attr_at(
        c, S("@relation"), field_at(r->back),
        "The relation field `%.*s` on Model `%.*s` must not specify the `onDelete` or `onUpdate` argument in the "
        "@relation attribute. You must only specify it on the opposite field `%.*s` on model `%.*s`, or in case of a "
        "many to many relation, in an explicit join table.",
        NAME(r->back), MODEL(r->back), NAME(r->fwd), MODEL(r->fwd));
}

/* --- many-to-many --------------------------------------------------------------------------------------------------------- */

static void many_many_id(sc_ctx *c, const field_info *f)
{
    const model_info *to = f->rel->target;
    if (to->id == NULL || to->id->cols_n != 1) {
        error_field(
            c, f,
            "The relation field `%.*s` on %s `%.*s` references `%.*s` which does not have an `@id` field. Models without "
            "`@id` cannot be part of a many to many relation. Use an explicit intermediate Model to represent this "
            "relationship.",
            NAME(f), to->m->is_view ? "view" : "model", MODEL(f), STR_FMT(to->m->name));
        return;
    }
    const rel_info *rel = f->rel;
    if (!rel->has_refs || (rel->refs_n == 1 && rel->refs[0] == to->id->cols[0].f->f)) return;
    nicol_str names = join_names(c, c->t, rel->refs, rel->refs_n, ", ");
    diag_error(
        &c->diags, field_at(f),
        "Error validating: Implicit many-to-many relations must always reference the id field of the related model. "
        "Change the argument `references` to use the id field of the related model `%.*s`. But it is referencing the "
        "following fields that are not the id: %.*s",
        STR_FMT(to->m->name), STR_FMT(names));
}

/* Of the action's name. */
static span action_at(sc_ctx *c, const field_info *f, nicol_str name)
{
    const ast_attr *a = relation_attr(c, f);
    const ast_arg *x = arg_find(a, name);
    return x != NULL ? x->value->at : a->at;
}

static void many_many_actions(sc_ctx *c, const field_info *f)
{
    static const nicol_str text =
        NICOL_STR("Error validating: Referential actions on implicit many-to-many relations are not supported");
    if (f->rel->on_delete != ACTION_UNSET) diag_line(&c->diags, action_at(c, f, S("onDelete")), text);
    if (f->rel->on_update != ACTION_UNSET) diag_line(&c->diags, action_at(c, f, S("onUpdate")), text);
}

static void many_many_references(sc_ctx *c, const field_info *f)
{
    if (!f->rel->has_refs) return;
    error_attr_at(
        c, S("@relation"), field_at(f),
        "Implicit many-to-many relation should not have references argument defined. Either remove it, or change the "
        "relation to one-to-many.");
}

static void many_many(sc_ctx *c, const relation_info *r)
{
    const field_info *ends[2] = {r->fwd, r->back};
    if (r->embedded) {
        for (int i = 0; i < 2 && (c->prov->caps & CAP_EMBEDDED_M2M) == 0; i++)
            diag_error(
                &c->diags, field_at(ends[i]),
                "Error validating: Embedded many-to-many relations are not supported on %s. Please use the syntax "
                "defined in https://pris.ly/d/relational-database-many-to-many",
                c->prov->label);
        if ((c->prov->caps & CAP_EMBEDDED_M2M) != 0) check_embedded(c, r);
        return;
    }
    for (int i = 0; i < 2 && (c->prov->caps & CAP_IMPLICIT_M2M) == 0; i++)
        diag_error(
            &c->diags, field_at(ends[i]),
            "Error validating: Implicit many-to-many relations are not supported on %s. Please use the syntax defined "
            "in https://pris.ly/d/document-database-many-to-many",
            c->prov->label);
    for (int i = 0; i < 2; i++) many_many_id(c, ends[i]);
    for (int i = 0; i < 2; i++) many_many_actions(c, ends[i]);
    for (int i = 0; i < 2; i++) many_many_references(c, ends[i]);
}

/* --- a relation ------------------------------------------------------------------------------------------------------------ */

void check_relation(sc_ctx *c, relation_info *r)
{
    if (r->kind == RELATION_MANY_MANY) {
        many_many(c, r);
        return;
    }
    if (r->fwd != NULL) {
        references_unique(c, r);
        same_length(c, r);
        field_arity(c, r);
        scalar_types(c, r);
        check_fk_name(c, r);
        check_cascade(c, r);
    }
    bool both = both_ends(c, r);
    if (r->kind == RELATION_ONE_MANY) {
        if (!both) return;
        one_many_defined(c, r);
        one_many_actions(c, r);
        return;
    }
    if (both) {
        one_one_defined(c, r);
        one_one_once(c, r);
        one_one_actions(c, r);
    }
    one_one_unique(c, r);
    /* These three speak only when nothing else is wrong. */
    if (both && c->diags.errors == 0) one_one_mixed(c, r);
    if (both && c->diags.errors == 0) one_one_back_optional(c, r);
    if (both && c->diags.errors == 0) one_one_wrong_side(c, r);
}

/* --- a relation field ------------------------------------------------------------------------------------------------------ */

static nicol_str quote_fields(sc_ctx *c, const field_info *first)
{
    buf b;
    size_t i = 0;
    buf_init(&b, &c->tmem, SIZE_MAX / 2);
    for (const field_info *f = first; f != NULL; f = f->rel->next, i++) {
        if (i != 0) buf_str(&b, f->rel->next == NULL ? S(" and ") : S(", "));
        buf_char(&b, '`');
        buf_str(&b, f->f->name);
        buf_char(&b, '`');
    }
    if (buf_failed(&b)) c->oom = true;
    return buf_failed(&b) ? (nicol_str){0} : buf_view(&b);
}

/* True when the field shares its name with others, so that nobody can tell which belong together. */
bool check_ambiguity(sc_ctx *c, const field_info *f)
{
    const field_info *first = rel_group_of(c, f->owner, f->f->target, f->rel->name);
    size_t n = first == NULL ? 0 : first->rel->group_n;
    bool self = f->owner == f->rel->target, named = f->rel->name.len != 0;
    if (n < 2 || (self && named && n == 2)) return false;
    nicol_str names = quote_fields(c, first);
    const model_info *m = f->owner;
    span at = field_at(f);
    if (self && !named && n == 2)
        error_model(
            c, m, at,
            "Ambiguous self relation detected. The fields %.*s in model `%.*s` both refer to `%.*s`. If they are part of "
            "the same relation add the same relation name for them with `@relation(<name>)`.",
            STR_FMT(names), MODEL(f), STR_FMT(f->rel->target->m->name));
    else if (self && !named)
        error_model(
            c, m, at,
            "Unnamed self relation detected. The fields %.*s in model `%.*s` have no relation name. Please provide a "
            "relation name for one of them by adding `@relation(<name>).",
            STR_FMT(names), MODEL(f));
    else if (self)
        error_model(
            c, m, at,
            "Wrongly named self relation detected. The fields %.*s in model `%.*s` have the same relation name. At most "
            "two relation fields can belong to the same relation and therefore have the same name. Please assign a "
            "different relation name to one of them.",
            STR_FMT(names), MODEL(f));
    else if (!named)
        error_model(
            c, m, at,
            "Ambiguous relation detected. The fields %.*s in model `%.*s` both refer to `%.*s`. Please provide different "
            "relation names for them by adding `@relation(<name>).",
            STR_FMT(names), MODEL(f), STR_FMT(f->rel->target->m->name));
    else
        error_model(
            c, m, at,
            "Wrongly named relation detected. The fields %.*s in model `%.*s` both use the same relation name. Please "
            "provide different relation names for them through `@relation(<name>).",
            STR_FMT(names), MODEL(f));
    return true;
}

static void ignored_target(sc_ctx *c, const field_info *f)
{
    if (!f->rel->target->m->is_ignored || f->f->is_ignored || f->owner->m->is_ignored) return;
    error_attr_at(
        c, S("@ignore"), field_at(f),
        "The relation field `%.*s` on Model `%.*s` must specify the `@ignore` attribute, because the model %.*s it is "
        "pointing to is marked ignored.",
        NAME(f), MODEL(f), STR_FMT(f->rel->target->m->name));
}

const char *action_name(schema_action a)
{
    static const char *const names[] = {[ACTION_UNSET] = "",
                                        [ACTION_CASCADE] = "Cascade",
                                        [ACTION_RESTRICT] = "Restrict",
                                        [ACTION_NO_ACTION] = "NoAction",
                                        [ACTION_SET_NULL] = "SetNull",
                                        [ACTION_SET_DEFAULT] = "SetDefault"};
    return names[a];
}

static void action_allowed(sc_ctx *c, const field_info *f, schema_action a, nicol_str arg)
{
    bool emulated = c->s->relation_mode_emulated;
    unsigned allowed = emulated ? c->prov->actions_emulated : c->prov->actions_fk;
    if (a == ACTION_UNSET) return;
    span at = arg_span(relation_attr(c, f), arg);
    if ((allowed & ACTION_BIT(a)) != 0) {
        if (c->prov->id == PROVIDER_MYSQL && !emulated && a == ACTION_SET_DEFAULT)
            diag_warn(
                &c->diags, at,
                "MySQL does not actually support the `SetDefault` referential action, so using it may result in unexpected "
                "errors. Read more at https://pris.ly/d/mysql-set-default ");
        return;
    }
    buf b;
    buf_init(&b, &c->tmem, SIZE_MAX / 2);
    for (schema_action x = ACTION_CASCADE; x <= ACTION_SET_DEFAULT; x++) {
        if ((allowed & ACTION_BIT(x)) == 0) continue;
        if (b.len != 0) buf_lit(&b, ", ");
        buf_printf(&b, "`%s`", action_name(x));
    }
    nicol_str list = buf_failed(&b) ? (nicol_str){0} : buf_view(&b), more = {0};
    if (emulated && a == ACTION_NO_ACTION && (allowed & ACTION_BIT(ACTION_RESTRICT)) != 0)
        more = ctx_text(
            c,
            ". `NoAction` is not implemented for %s when using `relationMode = \"prisma\"`, you could try using "
            "`Restrict` instead. Learn more at https://pris.ly/d/relation-mode",
            c->prov->label);
    diag_error(&c->diags, at, "Error validating: Invalid referential action: `%s`. Allowed values: (%.*s)%.*s",
               action_name(a), STR_FMT(list), STR_FMT(more));
}

static bool starts_with(const index_info *x, const rel_info *r)
{
    if (x->cols_n < r->fields_n) return false;
    for (size_t i = 0; i < r->fields_n; i++)
        if (x->cols[i].f->f != r->fields[i]) return false;
    return true;
}

/* Without foreign keys no database makes an index for the key. */
static void missing_index(sc_ctx *c, const field_info *f)
{
    const model_info *m = f->owner;
    if (!c->s->relation_mode_emulated || c->prov->id == PROVIDER_MONGODB || !f->rel->has_fields) return;
    if (m->id != NULL && starts_with(m->id, f->rel)) return;
    for (const index_info *x = m->indexes; x != NULL; x = x->next)
        if (starts_with(x, f->rel)) return;
    diag_warn(
        &c->diags, relation_attr(c, f)->at,
        "With `relationMode = \"prisma\"`, no foreign keys are used, so relation fields will not benefit from the index "
        "usually created by the relational database under the hood. This can lead to poor performance when querying these "
        "fields. We recommend adding an index manually. Learn more at https://pris.ly/d/relation-mode-prisma-indexes\" ");
}

static void map_allowed(sc_ctx *c, const field_info *f)
{
    if (f->rel->map.len == 0) return;
    if ((c->prov->caps & CAP_NAMED_FK) == 0) {
        error_attr(c, relation_attr(c, f), "Your provider does not support named foreign keys.");
        return;
    }
    if (name_too_long(c, f->rel->map)) check_name_length(c, f->owner, relation_attr(c, f), f->rel->map, false);
}

void check_relation_field(sc_ctx *c, field_info *f)
{
    check_client_name(c, f);
    ignored_target(c, f);
    action_allowed(c, f, f->rel->on_delete, S("onDelete"));
    action_allowed(c, f, f->rel->on_update, S("onUpdate"));
    map_allowed(c, f);
    missing_index(c, f);
    if (c->prov->id == PROVIDER_MONGODB) check_mongo_relation_field(c, f);
}
