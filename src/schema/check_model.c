/* schema/check_model.c - models, views, their ids, fields and indexes, one rule a function. */
#include "schema/schema_int.h"

static bool can(const sc_ctx *c, unsigned cap)
{
    return (c->prov->caps & cap) != 0;
}

/* --- ids ------------------------------------------------------------------------------------------------------------------ */

static bool usable(const index_info *x)
{
    for (size_t i = 0; i < x->cols_n; i++)
        if (!is_required(x->cols[i].f) || (x->cols[i].f->f->kind == FIELD_UNSUPPORTED && !x->cols[i].f->composite))
            return false;
    return true;
}

static void put_criterion(buf *b, const index_info *x)
{
    buf_lit(b, "\n- ");
    for (size_t i = 0; i < x->cols_n; i++) {
        if (i != 0) buf_lit(b, ", ");
        buf_str(b, x->cols[i].f->f->name);
    }
}

static void strict_criterion(sc_ctx *c, model_info *m)
{
    buf loose;
    if (m->m->is_ignored || m->m->is_view) return;
    if (m->id != NULL && usable(m->id)) return;
    for (const index_info *x = m->indexes; x != NULL; x = x->next)
        if (x->kind == INDEX_UNIQUE && !x->partial && usable(x)) return;
    buf_init(&loose, &c->tmem, SIZE_MAX / 2);
    if (m->id != NULL) put_criterion(&loose, m->id);
    for (const index_info *x = m->indexes; x != NULL; x = x->next)
        if (x->kind == INDEX_UNIQUE) put_criterion(&loose, x);
    if (buf_failed(&loose)) c->oom = true;
    nicol_str list = loose.len == 0 || loose.failed ? (nicol_str){0} : buf_view(&loose);
    error_model(
        c, m, m->ast->at,
        "Each %s must have at least one unique criteria that has only required fields. Either mark a single field with "
        "`@id`, `@unique` or add a multi field criterion with `@@id([])` or `@@unique([])` to the %s.%s%.*s",
        block_word(m), block_word(m),
        list.len == 0
            ? ""
            : " The following unique criterias were not considered as they contain fields that are not required:",
        STR_FMT(list));
    if (list.len == 0) diag_help(&c->diags, "for example, as its first line: `id Int @id @default(autoincrement())`");
}

static nicol_str cols_joined(sc_ctx *c, const index_info *x)
{
    const schema_field **f = NEW_ARRAY(c, x->cols_n, const schema_field *);
    if (f == NULL) return (nicol_str){0};
    for (size_t i = 0; i < x->cols_n; i++) f[i] = x->cols[i].f->f;
    return join_names(c, c->t, f, x->cols_n, "_");
}

/* The key of a compound id or unique in where clauses is its fields' names; no field may be called so. */
static void name_clash(sc_ctx *c, const model_info *m, const index_info *x)
{
    if (x->cols_n < 2 || (x->kind != INDEX_ID && x->kind != INDEX_UNIQUE)) return;
    nicol_str key = cols_joined(c, x);
    const field_info *f = field_find(m, key);
    if (f == NULL || f->f->kind == FIELD_RELATION) return;
    error_model(
        c, m, x->at,
        "The field `%.*s` clashes with the `@@%s` %s. Please resolve the conflict by providing a custom id name: "
        "`@@%s([...], name: \"custom_name\")`",
        STR_FMT(key), x->kind == INDEX_ID ? "id" : "unique", x->kind == INDEX_ID ? "attribute's name" : "name",
        x->kind == INDEX_ID ? "id" : "unique");
}

static bool any_length(const index_info *x)
{
    for (size_t i = 0; i < x->cols_n; i++)
        if (x->cols[i].length >= 0) return true;
    return false;
}

static bool any_sort(const index_info *x)
{
    for (size_t i = 0; i < x->cols_n; i++)
        if (x->cols[i].sort != SORT_NONE) return true;
    return false;
}

#define AT_INDEX(c, x, ...) error_attr_at((c), attr_title((c), (x)), (x)->at, __VA_ARGS__)

/* Lengths are for text and bytes. */
static void length_types(sc_ctx *c, const index_info *x)
{
    if (!can(c, CAP_LENGTH_PREFIX)) return;
    for (size_t i = 0; i < x->cols_n; i++) {
        const schema_field *f = last_field(&x->cols[i])->f;
        if (x->cols[i].length < 0 || f->kind == FIELD_UNSUPPORTED || f->type == SCALAR_STRING ||
            f->type == SCALAR_BYTES)
            continue;
        AT_INDEX(c, x, "The length argument is only allowed with field types `String` or `Bytes`.");
    }
}

static void native_in_id(sc_ctx *c, const index_info *x)
{
    for (size_t i = 0; i < x->cols_n; i++) {
        const field_info *f = x->cols[i].f;
        native_key use = native_key_use(c, f);
        if (use == NATIVE_KEY_OK || (use == NATIVE_KEY_WITH_LENGTH && x->cols[i].length >= 0)) continue;
        if (c->prov->id == PROVIDER_POSTGRESQL) continue; /* the reference leaves that to the database */
        nicol_str native = native_text(c, f);
        diag_error(&c->diags, x->at, "Native type `%.*s` of %s cannot be used on a field that is `@id` or `@@id`.%s",
                   STR_FMT(native), c->prov->label,
                   use == NATIVE_KEY_WITH_LENGTH
                       ? " Please use the `length` argument to the field in the index definition to allow this."
                       : "");
    }
}

static void bytes_in_id(sc_ctx *c, const index_info *x)
{
    if (c->prov->id != PROVIDER_SQLSERVER) return;
    for (size_t i = 0; i < x->cols_n; i++) {
        if (x->cols[i].f->f->kind != FIELD_SCALAR || x->cols[i].f->f->type != SCALAR_BYTES) continue;
        diag_line(&c->diags, x->at, S("Invalid model: Using Bytes type is not allowed in the model's id."));
        return;
    }
}

static void clustered_id(sc_ctx *c, const model_info *m)
{
    const index_info *id = m->id;
    if (!can(c, CAP_CLUSTERED)) {
        if (id->clustered >= 0) AT_INDEX(c, id, "Defining clustering is not supported in the current connector.");
        return;
    }
    for (const index_info *x = m->indexes; x != NULL && id->clustered != 0; x = x->next) {
        if (x->clustered != 1) continue;
        AT_INDEX(c, id, "A model can only hold one clustered index or id.");
        return;
    }
}

static void check_id(sc_ctx *c, model_info *m)
{
    index_info *id = m->id;
    check_index_name(c, m, id);
    check_custom_name(c, m, id);
    if (id->cols_n == 0)
        AT_INDEX(c, id,
                 "The list of fields in an `@@id()` attribute cannot be empty. Please specify at least one field.");
    name_clash(c, m, id);
    if (id->mapped && !can(c, CAP_NAMED_PK))
        error_model(
            c, m, m->ast->at,
            "You defined a database name for the primary key on the model. This is not supported by the provider.");
    if (id->cols_n > 1 && !can(c, CAP_COMPOUND_IDS))
        error_model(c, m, id->at, "The current connector does not support compound ids.");
    if (any_length(id) && !can(c, CAP_LENGTH_PREFIX))
        AT_INDEX(c, id, "The length argument is not supported in the primary key with the current connector");
    if (any_sort(id) && !can(c, CAP_PK_SORT))
        AT_INDEX(c, id, "The sort argument is not supported in the primary key with the current connector");
    native_in_id(c, id);
    bytes_in_id(c, id);
    length_types(c, id);
    clustered_id(c, m);
}

/* --- autoincrement --------------------------------------------------------------------------------------------------------- */

static bool is_autoincrement(const field_info *f)
{
    return f->f->def->kind == DEFAULT_AUTOINCREMENT;
}

static bool first_of_index(const model_info *m, const field_info *f)
{
    if (m->id != NULL && m->id->cols_n != 0 && m->id->cols[0].f == f) return true;
    for (const index_info *x = m->indexes; x != NULL; x = x->next)
        if (x->cols_n != 0 && x->cols[0].f == f) return true;
    return false;
}

static void check_autoincrement(sc_ctx *c, model_info *m)
{
    static const nicol_str attr = NICOL_STR("@default");
    size_t n = 0;
    for (size_t i = 0; i < m->m->fields_n; i++) n += is_autoincrement(&m->fields[i]);
    if (n == 0) return;
    if (n > 1 && can(c, CAP_AUTOINC) && !can(c, CAP_AUTOINC_MULTIPLE))
        error_attr_at(
            c, attr, m->ast->at,
            "The `autoincrement()` default value is used multiple times on this model even though the underlying "
            "datasource only supports one instance per table.");
    for (size_t i = 0; i < m->m->fields_n; i++) {
        const field_info *f = &m->fields[i];
        if (!is_autoincrement(f)) continue;
        if (!can(c, CAP_AUTOINC)) {
            error_attr(c, field_attr(c, f, S("default")),
                       "The `autoincrement()` default value is used with a datasource that does not support it.");
            continue;
        }
        if (c->prov->id == PROVIDER_COCKROACHDB && f->f->type == SCALAR_INT)
            error_attr_at(
                c, S("default"), field_attr(c, f, S("default"))->at,
                "The `autoincrement()` default function is defined only on BigInt fields on CockroachDB. Use sequence() "
                "if you want an autoincrementing Int field.");
        bool single_id = m->id != NULL && m->id->cols_n == 1 && m->id->cols[0].f == f;
        if (!can(c, CAP_AUTOINC_NON_ID) && !single_id)
            error_attr_at(
                c, attr, field_at(f),
                "The `autoincrement()` default value is used on a non-id field even though the datasource does not "
                "support this.");
        if (!can(c, CAP_AUTOINC_NON_INDEXED) && !first_of_index(m, f))
            error_attr_at(
                c, attr, field_at(f),
                "The `autoincrement()` default value is used on a non-indexed field even though the datasource does "
                "not support this.");
    }
}

/* --- fields --------------------------------------------------------------------------------------------------------------- */

static void field_type(sc_ctx *c, const field_info *f)
{
    const char *block = block_word(f->owner);
    nicol_str name = f->f->name, model = f->owner->m->name;
    if (f->f->kind == FIELD_SCALAR && f->f->type == SCALAR_JSON) {
        if (!can(c, CAP_JSON))
            error_field(
                c, f,
                "Field `%.*s` in %s `%.*s` can't be of type Json. The current connector does not support the Json type.",
                STR_FMT(name), block, STR_FMT(model));
        if (f->f->arity == ARITY_LIST && !can(c, CAP_JSON_LISTS))
            error_field(
                c, f,
                "Field `%.*s` in %s `%.*s` can't be of type Json[]. The current connector does not support the Json List "
                "type.",
                STR_FMT(name), block, STR_FMT(model));
    }
    if (f->f->kind == FIELD_SCALAR && f->f->type == SCALAR_DECIMAL && !can(c, CAP_DECIMAL))
        error_field(
            c, f,
            "Field `%.*s` in %s `%.*s` can't be of type Decimal. The current connector does not support the Decimal type.",
            STR_FMT(name), block, STR_FMT(model));
    if (f->f->arity == ARITY_LIST && !can(c, CAP_SCALAR_LISTS))
        diag_error(
            &c->diags, field_at(f),
            "Field \"%.*s\" in %s \"%.*s\" can't be a list. The current connector does not support lists of primitive "
            "types.",
            STR_FMT(name), block, STR_FMT(model));
}

/* A custom name: of a key that a field is called by already. */
void check_client_name(sc_ctx *c, const field_info *f)
{
    model_info *m = f->owner;
    bool by_unique = false;
    for (const index_info *x = m->indexes; x != NULL; x = x->next)
        by_unique = by_unique || (x->name.len != 0 && str_eq(x->name, f->f->name));
    bool by_id = m->id != NULL && m->id->name.len != 0 && str_eq(m->id->name, f->f->name);
    for (int i = 0; i < 2; i++) {
        if (i == 0 ? !by_unique : !by_id) continue;
        error_model(
            c, m, m->ast->at,
            "The custom name `%.*s` specified for the `%s` attribute is already used as a name for a field. Please choose "
            "a different name.",
            STR_FMT(f->f->name), i == 0 ? "@@unique" : "@@id");
    }
}

static void default_name_allowed(sc_ctx *c, const field_info *f)
{
    if (!f->has_default_map) return;
    const ast_attr *a = field_attr(c, f, S("default"));
    if (!can(c, CAP_NAMED_DEFAULT))
        error_attr(
            c, a,
            "You defined a database name for the default value of a field on the model. This is not supported by the "
            "provider.");
    check_name_length(c, f->owner, a, default_map(c, f), false);
}

static void sequence_args(sc_ctx *c, const ast_expr *e)
{
    static const char *const numbers[] = {"cache", "increment", "minValue", "maxValue", "start"};
    for (const ast_arg *a = e->args.first; a != NULL; a = a->next) {
        int64_t n;
        bool on, known = str_eq(a->name.name, S("virtual"));
        if (known) (void)expr_boolean(c, a->value, &on);
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
            if (!str_eq(a->name.name, str_c(numbers[i]))) continue;
            known = true;
            (void)expr_integer(c, a->value, &n);
        }
        if (!known) diag_line(&c->diags, a->at, S("Unexpected argument in `sequence()` function call"));
    }
}

static void unknown_function(sc_ctx *c, const field_info *f)
{
    if (!f->unknown_function || !f->has_default) return;
    const ast_expr *e = default_expr(c, f);
    if (c->prov->id == PROVIDER_COCKROACHDB && is_call(e, S("sequence"))) {
        sequence_args(c, e);
        return;
    }
    default_unknown_function(c, e);
}

static void check_scalar(sc_ctx *c, field_info *f)
{
    field_type(c, f);
    check_client_name(c, f);
    check_default_name(c, f);
    native_check(c, f);
    default_name_allowed(c, f);
    default_check(c, f);
    native_unsupported_check(c, f);
}

/* --- indexes -------------------------------------------------------------------------------------------------------------- */

static void algorithm_allowed(sc_ctx *c, const index_info *x)
{
    nicol_str type = index_algorithm(x);
    if (type.len == 0) return;
    bool ok = str_eq(type, S("BTree")) || (c->prov->id == PROVIDER_POSTGRESQL) ||
              (c->prov->id == PROVIDER_COCKROACHDB && str_eq(type, S("Gin")));
    if (!ok)
        error_attr_at(c, attr_title(c, x), arg_span(index_attr(c, x), S("type")),
                      "The given index type is not supported with the current connector");
    else if (str_eq(type, S("Hash")) && any_sort(x)) AT_INDEX(c, x, "Hash type does not support sort option.");
}

static void fulltext(sc_ctx *c, const index_info *x)
{
    if (x->kind != INDEX_FULLTEXT) return;
    if (!can(c, CAP_FULLTEXT)) {
        AT_INDEX(c, x, "Defining fulltext indexes is not supported with the current connector.");
        return;
    }
    if (any_length(x)) AT_INDEX(c, x, "The length argument is not supported in a @@fulltext attribute.");
    if (c->prov->id != PROVIDER_MONGODB) {
        if (any_sort(x))
            AT_INDEX(c, x, "The sort argument is not supported in a @@fulltext attribute in the current connector.");
        return;
    }
    /* MongoDB wants the text columns next to each other: sorted ones before or after. */
    bool text = false, tail = false;
    for (size_t i = 0; i < x->cols_n; i++) {
        bool sorted = x->cols[i].sort != SORT_NONE;
        if (tail && !sorted) {
            AT_INDEX(c, x, "All index fields must be listed adjacently in the fields argument.");
            return;
        }
        tail = sorted && text;
        text = text || !sorted;
    }
}

static void clustered_index(sc_ctx *c, const model_info *m, const index_info *x)
{
    if (!can(c, CAP_CLUSTERED)) {
        if (x->clustered >= 0) AT_INDEX(c, x, "Defining clustering is not supported in the current connector.");
        return;
    }
    if (x->clustered != 1) return;
    if (m->id != NULL && m->id->clustered != 0) AT_INDEX(c, x, "A model can only hold one clustered index or key.");
    for (const index_info *y = m->indexes; y != NULL; y = y->next) {
        if (y == x || y->clustered != 1) continue;
        AT_INDEX(c, x, "A model can only hold one clustered index.");
        return;
    }
}

static void operator_classes(sc_ctx *c, const index_info *x)
{
    if (x->kind == INDEX_NORMAL) return;
    for (size_t i = 0; i < x->cols_n; i++) {
        if (x->cols[i].ops == NULL) continue;
        AT_INDEX(c, x, "Operator classes can only be defined to fields in an @@index attribute.");
        return;
    }
}

static void partial(sc_ctx *c, const index_info *x)
{
    if (!x->partial) return;
    if (schema_preview(c->s, S("partialIndexes")) && can(c, CAP_PARTIAL_INDEXES)) return;
    span at = arg_span(index_attr(c, x), S("where"));
    if (!schema_preview(c->s, S("partialIndexes")))
        error_attr_at(
            c, attr_title(c, x), at,
            "Partial indexes are a preview feature. Add \"partialIndexes\" to previewFeatures in your generator block.");
    else
        error_attr_at(c, attr_title(c, x), at,
                      "Partial indexes (with a `where` clause) are not supported by the current connector.");
}

static void composite_in_unique(sc_ctx *c, const index_info *x)
{
    if (x->kind != INDEX_UNIQUE || x->cols_n < 2) return;
    for (size_t i = 0; i < x->cols_n; i++) {
        const field_info *f = last_field(&x->cols[i]);
        if (!f->composite) continue;
        AT_INDEX(c, x,
                 "Prisma does not currently support composite types in compound unique indices, please remove \"%.*s\" "
                 "from the index. See https://pris.ly/d/mongodb-composite-compound-indices for more details",
                 STR_FMT(f->f->name));
        return;
    }
}

static void native_in_index(sc_ctx *c, const index_info *x)
{
    if (x->kind == INDEX_FULLTEXT) return;
    for (size_t i = 0; i < x->cols_n; i++) {
        const field_info *f = last_field(&x->cols[i]);
        native_key use = native_key_use(c, f);
        if (use == NATIVE_KEY_OK || (use == NATIVE_KEY_WITH_LENGTH && x->cols[i].length >= 0)) continue;
        nicol_str native = native_text(c, f);
        span at = use == NATIVE_KEY_WITH_LENGTH || x->source == NULL ? x->at : field_at(f);
        const char *hint = use == NATIVE_KEY_WITH_LENGTH
                               ? " Please use the `length` argument to the field in the index definition to allow this."
                               : "";
        if (x->kind == INDEX_UNIQUE)
            diag_error(&c->diags, at, "Native type `%.*s` cannot be unique in %s.%s", STR_FMT(native), c->prov->label,
                       hint);
        else
            diag_error(&c->diags, at, "You cannot define an index on fields with native type `%.*s` of %s.%s",
                       STR_FMT(native), c->prov->label, hint);
    }
}

void check_index(sc_ctx *c, model_info *m, index_info *x)
{
    if (x->cols_n == 0)
        AT_INDEX(c, x, "The list of fields in an index cannot be empty. Please specify at least one field.");
    check_index_name(c, m, x);
    name_clash(c, m, x);
    check_custom_name(c, m, x);
    if (any_length(x) && !can(c, CAP_LENGTH_PREFIX))
        AT_INDEX(c, x, "The length argument is not supported in an index definition with the current connector");
    algorithm_allowed(c, x);
    fulltext(c, x);
    if (x->mapped) check_name_length(c, m, index_attr(c, x), x->db_name, x->source == NULL);
    clustered_index(c, m, x);
    operator_classes(c, x);
    partial(c, x);
    composite_in_unique(c, x);
    native_in_index(c, x);
    check_index_classes(c, x);
    length_types(c, x);
}

/* --- whole models --------------------------------------------------------------------------------------------------------- */

static void check_schema_name(sc_ctx *c, const model_info *m)
{
    bool given = m->schema_at.end != 0, known = false;
    if (given && !can(c, CAP_SCHEMAS)) {
        diag_line(&c->diags, m->schema_at, S("@@schema is not supported on the current datasource provider"));
        return;
    }
    for (size_t i = 0; i < c->schema_names_n; i++) known = known || str_eq(c->schema_names[i], m->m->db_schema);
    if (given && !known)
        diag_line(
            &c->diags, m->schema_at,
            S("This schema is not defined in the datasource. Read more on `@@schema` at https://pris.ly/d/multi-schema"));
    if (!given && c->schemas != NULL && can(c, CAP_SCHEMAS))
        error_model(c, m, m->ast->at, "This %s is missing an `@@schema` attribute.", block_word(m));
}

static void one_fulltext(sc_ctx *c, const model_info *m)
{
    size_t n = 0;
    if (c->prov->id != PROVIDER_MONGODB) return;
    for (const index_info *x = m->indexes; x != NULL; x = x->next) n += x->kind == INDEX_FULLTEXT;
    for (const index_info *x = m->indexes; n > 1 && x != NULL; x = x->next)
        if (x->kind == INDEX_FULLTEXT)
            AT_INDEX(c, x, "The current connector only allows one fulltext attribute per model");
}

static void shard_key(sc_ctx *c, const model_info *m)
{
    if (m->shard_at == 0) return;
    const ast_attr *a = attr_again(c, m->ast->at.file, m->shard_at);
    if (!schema_preview(c->s, S("shardKeys")))
        error_attr(c, a, "Defining shard keys requires enabling the `shardKeys` preview feature");
    if (c->prov->id != PROVIDER_MYSQL) /* its cluster edition has them */
        error_attr(c, a, "Shard keys are not currently supported for provider %s", c->prov->name);
}

static void check_view(sc_ctx *c, const model_info *m)
{
    if (!m->m->is_view) return;
    if (!schema_preview(c->s, S("views")))
        diag_line(&c->diags, m->ast->at,
                  S("Error validating: View definitions are only available with the `views` preview feature."));
    if (m->id != NULL) diag_line(&c->diags, m->id->at, S("Error validating: Views cannot have primary keys."));
    for (const index_info *x = m->indexes; x != NULL; x = x->next)
        if (x->kind != INDEX_UNIQUE) diag_line(&c->diags, x->at, S("Error validating: Views cannot have indexes."));
}

void check_model(sc_ctx *c, model_info *m)
{
    strict_criterion(c, m);
    if (m->id != NULL) check_id(c, m);
    one_fulltext(c, m);
    check_schema_name(c, m);
    shard_key(c, m);
    if (c->prov->id == PROVIDER_MONGODB && !m->m->is_view) check_mongo(c, m);
    check_view(c, m);
    check_autoincrement(c, m);
    for (size_t i = 0; i < m->m->fields_n && !c->oom; i++)
        if (m->fields[i].f->kind != FIELD_RELATION) check_scalar(c, &m->fields[i]);
}

void check_model_functions(sc_ctx *c, model_info *m)
{
    for (size_t i = 0; i < m->m->fields_n; i++) unknown_function(c, &m->fields[i]);
}
