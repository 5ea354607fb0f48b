/* schema/config.c - datasource and generator blocks. */
#include "schema/schema_int.h"

static const ast_prop *prop(const ast_top *t, nicol_str name)
{
    const ast_prop *found = NULL;
    for (const ast_prop *p = t->props; p != NULL; p = p->next)
        if (str_eq(p->name.name, name)) found = p;
    return found;
}

/* False when a property lacks its value: the block is not looked at any further. */
static bool values_present(sc_ctx *c, const ast_top *t, const char *kind)
{
    for (const ast_prop *p = t->props; p != NULL; p = p->next) {
        if (p->value != NULL) continue;
        diag_error(&c->diags, t->at, "Property %.*s in %s %.*s needs to be assigned a value", STR_FMT(p->name.name),
                   kind, STR_FMT(t->name.name));
        return false;
    }
    return true;
}

static void type_wrong(sc_ctx *c, const ast_expr *e, const char *expected)
{
    nicol_str text = expr_text(c, e);
    diag_error(&c->diags, e->at, "Expected a %s value, but received %s value `%.*s`.", expected, expr_kind_name(e),
               STR_FMT(text));
}

/* A string, or env("NAME"). */
static bool string_or_env(sc_ctx *c, const ast_expr *e, nicol_str *text, nicol_str *env)
{
    if (e->kind == EXPR_STRING) {
        *text = e->text;
        return true;
    }
    if (!is_call(e, S("env"))) {
        type_wrong(c, e, "String");
        return false;
    }
    if (e->args.n != 1 || e->args.first->name.name.len != 0 || e->args.first->value->kind != EXPR_STRING) {
        diag_line(&c->diags, e->at, S("The env function expects a singular, unnamed, string argument."));
        return false;
    }
    *env = e->args.first->value->text;
    return true;
}

/* The same in a generator, where mistakes are told otherwise. */
static void setting_string(sc_ctx *c, const ast_expr *e)
{
    nicol_str text;
    if (e->kind == EXPR_STRING) return;
    if (!is_call(e, S("env"))) {
        type_wrong(c, e, "String");
        return;
    }
    if (e->args.n != 1) {
        diag_line(&c->diags, e->at, S("Exactly one string parameter must be passed to the env function."));
        return;
    }
    const ast_arg *arg = e->args.first;
    if (arg->name.name.len != 0) diag_warn(&c->diags, arg->at, "The env function doesn't expect named arguments");
    (void)expr_string(c, arg->value, &text);
}

/* --- datasource -------------------------------------------------------------------------------------------------------- */

static const provider_row *read_provider(sc_ctx *c, const ast_top *t)
{
    const ast_prop *p = prop(t, S("provider"));
    if (p == NULL) {
        diag_error(&c->diags, t->at, "Argument \"provider\" is missing in data source block \"%.*s\".",
                   STR_FMT(t->name.name));
        return NULL;
    }
    if (is_call(p->value, S("env"))) {
        diag_line(&c->diags, t->at, S("A datasource must not use the env() function in the provider argument."));
        return NULL;
    }
    if (p->value->kind != EXPR_STRING || p->value->text.len == 0) {
        diag_error(&c->diags, p->value->at,
                   "Error validating datasource `%.*s`: The provider argument in a datasource must %s",
                   STR_FMT(t->name.name), p->value->kind != EXPR_STRING ? "be a string literal" : "not be empty");
        return NULL;
    }
    const provider_row *row = provider_by_name(p->value->text);
    if (row == NULL)
        diag_error(&c->diags, p->value->at, "Datasource provider not known: \"%.*s\".", STR_FMT(p->value->text));
    return row;
}

static void read_relation_mode(sc_ctx *c, const ast_top *t)
{
    const ast_prop *p = prop(t, S("relationMode")), *old = prop(t, S("referentialIntegrity"));
    nicol_str mode;
    if (old != NULL)
        diag_warn(
            &c->diags, old->at,
            "The `referentialIntegrity` attribute is deprecated. Please use `relationMode` instead. Learn more at "
            "https://pris.ly/d/relation-mode");
    c->s->relation_mode_emulated = c->prov->emulated_default;
    if (p != NULL && old != NULL) {
        diag_line(&c->diags, old->at,
                  S("The `referentialIntegrity` and `relationMode` attributes cannot be used together. Please use only "
                    "`relationMode` instead."));
        return;
    }
    if (p == NULL) p = old;
    if (p == NULL || !expr_string(c, p->value, &mode)) return;
    bool emulated = str_eq(mode, S("prisma"));
    if (!emulated && !str_eq(mode, S("foreignKeys"))) {
        diag_error(
            &c->diags, t->at,
            "Error validating datasource `relationMode`: Invalid relation mode setting: \"%.*s\". Supported values: "
            "\"prisma\", \"foreignKeys\"",
            STR_FMT(mode));
        return;
    }
    if (!emulated && c->prov->emulated_default) {
        diag_error(
            &c->diags, p->value->at,
            "Error validating datasource `relationMode`: Invalid relation mode setting: \"foreignKeys\". Supported "
            "values: \"prisma\"");
        return;
    }
    c->s->relation_mode_emulated = emulated;
}

static void help_version(sc_ctx *c)
{
    diag_help(&c->diags, "this is a rule of version 7: `--schema-version 6` checks by those of version 6, and a server "
                         "takes both");
}

static void read_urls(sc_ctx *c, const ast_top *t)
{
    static const nicol_str others[] = {NICOL_STR("directUrl"), NICOL_STR("shadowDatabaseUrl")};
    const ast_prop *p = prop(t, S("url"));
    nicol_str text = {0}, env = {0};
    if (c->version >= 7) {
        if (p != NULL) {
            diag_line(
                &c->diags, p->at,
                S("The datasource property `url` is no longer supported in schema files. Move connection URLs for Migrate "
                  "to `prisma.config.ts` and pass either `adapter` for a direct database connection or `accelerateUrl` for "
                  "Accelerate to the `PrismaClient` constructor. See https://pris.ly/d/config-datasource and "
                  "https://pris.ly/d/prisma7-client-config"));
            help_version(c);
        }
    } else if (p != NULL && string_or_env(c, p->value, &text, &env)) {
        c->s->url = text;
        c->s->url_env = env;
    }
    for (size_t i = 0; i < 2; i++) {
        p = prop(t, others[i]);
        if (p == NULL) continue;
        if (c->version >= 7) {
            diag_error(&c->diags, p->at,
                       "The datasource property `%.*s` is no longer supported in schema files. Move connection URLs to "
                       "`prisma.config.ts`. See https://pris.ly/d/config-datasource",
                       STR_FMT(others[i]));
            help_version(c);
        } else (void)string_or_env(c, p->value, &text, &env);
    }
}

static void read_schemas(sc_ctx *c, const ast_top *t)
{
    const ast_prop *p = prop(t, S("schemas"));
    if (p == NULL) return;
    const ast_expr *whole = p->value;
    size_t n = 0;
    bool ok = true;
    if (whole->kind == EXPR_ARRAY && whole->items == NULL) {
        diag_line(&c->diags, whole->at, S("If provided, the schemas array can not be empty."));
        return;
    }
    const ast_expr *first = whole->kind == EXPR_ARRAY ? whole->items : whole;
    for (const ast_expr *e = first; e != NULL; e = whole->kind == EXPR_ARRAY ? e->next : NULL) n++;
    c->schema_names = NEW_ARRAY(c, n, nicol_str);
    c->schema_names_n = 0; /* a second datasource, which is an error of its own, brings its own list */
    if (c->schema_names == NULL) return;
    for (const ast_expr *e = first; e != NULL; e = whole->kind == EXPR_ARRAY ? e->next : NULL) {
        nicol_str name;
        if (!expr_string(c, e, &name)) {
            ok = false;
            continue;
        }
        for (const ast_expr *later = whole->kind == EXPR_ARRAY ? e->next : NULL; later != NULL; later = later->next) {
            if (later->kind != EXPR_STRING || !str_eq(later->text, name)) continue;
            diag_line(&c->diags, e->at, S("Duplicated schema names are not allowed"));
            break;
        }
        c->schema_names[c->schema_names_n++] = name;
    }
    if (ok) c->schemas = whole;
}

static void extension_args(sc_ctx *c, const ast_expr *e)
{
    static const nicol_str known[] = {NICOL_STR("map"), NICOL_STR("schema"), NICOL_STR("version")};
    for (const ast_arg *x = e->args.first; x != NULL; x = x->next) {
        nicol_str name = x->name.name, text;
        bool again = false, is_known = false;
        for (const ast_arg *y = e->args.first; y != x; y = y->next) again = again || str_eq(y->name.name, name);
        for (size_t i = 0; i < 3; i++) is_known = is_known || str_eq(name, known[i]);
        if (name.len == 0) {
            diag_line(&c->diags, x->at, S("Error validating: The argument must have a name"));
        } else if (again) {
            diag_error(&c->diags, x->at, "Error validating: The argument `%.*s` can only be defined once",
                       STR_FMT(name));
        } else {
            bool is_text = expr_string(c, x->value, &text);
            if (!is_known) diag_error(&c->diags, x->at, "Argument not known: \"%.*s\".", STR_FMT(name));
            else if (!is_text)
                diag_error(&c->diags, x->at, "Error validating: The `%.*s` argument must be a string literal",
                           STR_FMT(name));
        }
    }
}

/* extensions = [postgis, uuidOssp(map: "uuid-ossp", schema: "s", version: "1")] */
static void read_extensions(sc_ctx *c, const ast_top *t)
{
    const ast_prop *p = prop(t, S("extensions"));
    if (p == NULL || c->prov->id != PROVIDER_POSTGRESQL) return;
    const ast_expr *whole = p->value;
    c->extensions = p;
    for (const ast_expr *e = whole->kind == EXPR_ARRAY ? whole->items : whole; e != NULL;
         e = whole->kind == EXPR_ARRAY ? e->next : NULL) {
        if (e->kind == EXPR_CALL) extension_args(c, e);
        else if (e->kind != EXPR_PATH) type_wrong(c, e, "constant or function");
    }
}

/* What is left to say of them when everything else is right. */
void check_extensions(sc_ctx *c)
{
    if (c->extensions == NULL) return;
    const ast_expr *whole = c->extensions->value;
    if (!schema_preview(c->s, S("postgresqlExtensions")))
        diag_line(&c->diags, c->extensions->at,
                  S("The `extensions` property is only available with the `postgresqlExtensions` preview feature."));
    for (const ast_expr *e = whole->kind == EXPR_ARRAY ? whole->items : whole; e != NULL;
         e = whole->kind == EXPR_ARRAY ? e->next : NULL)
        if (str_find_char(e->text, '-', 0) != SIZE_MAX)
            diag_line(&c->diags, e->at, S("Error validating: The character `-` is not allowed in extension names."));
}

/* Properties that some provider takes beside the common ones. */
static bool known_property(const sc_ctx *c, nicol_str name)
{
    static const nicol_str common[] = {NICOL_STR("provider"),        NICOL_STR("url"),
                                       NICOL_STR("directUrl"),       NICOL_STR("shadowDatabaseUrl"),
                                       NICOL_STR("relationMode"),    NICOL_STR("referentialIntegrity"),
                                       NICOL_STR("previewFeatures"), NICOL_STR("schemas")};
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        if (str_eq(name, common[i])) return true;
    return c->prov->id == PROVIDER_POSTGRESQL && str_eq(name, S("extensions"));
}

static bool read_datasource(sc_ctx *c, const ast_top *t)
{
    if (!values_present(c, t, "datasource")) return false;
    const provider_row *row = read_provider(c, t);
    if (row == NULL) return false;
    c->prov = row;
    c->datasource = t;
    c->s->provider = row->id;
    c->s->datasource_name = t->name.name;
    read_relation_mode(c, t);
    read_urls(c, t);
    const ast_prop *p = prop(t, S("previewFeatures"));
    if (p != NULL)
        diag_line(
            &c->diags, p->at,
            S("Preview features are only supported in the generator block. Please move this field to the generator "
              "block."));
    read_schemas(c, t);
    read_extensions(c, t);
    for (p = t->props; p != NULL; p = p->next)
        if (!known_property(c, p->name.name))
            diag_error(&c->diags, p->at, "Property not known: \"%.*s\".", STR_FMT(p->name.name));
    return true;
}

/* --- generators -------------------------------------------------------------------------------------------------------- */

/* PostgreSQL has one more. */
#define ACTIVE_FEATURES                                                                                            \
    "nativeDistinct, partialIndexes, postgresqlExtensions, relationJoins, schemaEngineDriverAdapters, shardKeys, " \
    "strictUndefinedChecks, typedSql, views"
#define POSTGRESQL_FEATURES "fullTextSearchPostgres, " ACTIVE_FEATURES

/* Taken without a word, or known to version 6 and gone in 7. */
static const char *const SILENT_FEATURES[] = {"reactNative"}, *const GONE_FEATURES[] = {"metrics"};

/* Features that older versions had behind a switch: still written in many schemas, without effect. */
static const char *const OLD_FEATURES[] = {
    "aggregateApi",
    "atomicNumberOperations",
    "clientExtensions",
    "cockroachdb",
    "connectOrCreate",
    "createMany",
    "dataProxy",
    "deno",
    "distinct",
    "driverAdapters",
    "extendedIndexes",
    "extendedWhereUnique",
    "fieldReference",
    "filteredRelationCount",
    "filterJson",
    "fullTextIndex",
    "fullTextSearch",
    "groupBy",
    "improvedQueryRaw",
    "interactiveTransactions",
    "jsonProtocol",
    "microsoftSqlServer",
    "middlewares",
    "mongoDb",
    "multiSchema",
    "namedConstraints",
    "nApi",
    "nativeTypes",
    "omitApi",
    "orderByAggregateGroup",
    "orderByNulls",
    "orderByRelation",
    "prismaSchemaFolder",
    "queryCompiler",
    "referentialActions",
    "referentialIntegrity",
    "selectRelationCount",
    "tracing",
    "transactionApi",
    "uncheckedScalarInputs",
};

/* The name as it is spelled in a list, or empty. Nobody minds capitals. */
static nicol_str listed(nicol_str list, nicol_str name)
{
    while (list.len != 0) {
        nicol_str one = str_trim(str_cut(&list, ','));
        if (str_ieq(one, name)) return one;
    }
    return (nicol_str){0};
}

static bool among(const char *const *list, size_t n, nicol_str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_ieq(name, str_c(list[i]))) return true;
    return false;
}
#define AMONG(list, name) among((list), sizeof(list) / sizeof((list)[0]), (name))

static void help_feature(sc_ctx *c, nicol_str name)
{
    nicol_str rest = S(POSTGRESQL_FEATURES);
    near n = near_of(name);
    while (rest.len != 0) near_try(&n, str_trim(str_cut(&rest, ',')));
    if (n.best.len != 0) diag_help(&c->diags, "did you mean `%.*s`?", STR_FMT(n.best));
}

/* Version 7 says of each name whether it is one; of 5 and 6 only what no version ever had is refused, and a server that is
 * to serve whatever a client has takes them all. Returns the name as it is spelled. */
static nicol_str check_feature(sc_ctx *c, nicol_str name, span at)
{
    bool postgresql = c->prov != NULL && c->prov->id == PROVIDER_POSTGRESQL;
    nicol_str active = listed(S(POSTGRESQL_FEATURES), name);
    bool renamed = postgresql && str_ieq(name, S("fullTextSearch"));
    if (c->version == 0 || AMONG(SILENT_FEATURES, name)) return active.len != 0 ? active : name;
    if (c->version < 7) {
        if (active.len != 0 || AMONG(OLD_FEATURES, name) || AMONG(GONE_FEATURES, name)) return name;
        diag_error(&c->diags, at, "The preview feature \"%.*s\" is not known.", STR_FMT(name));
        help_feature(c, name);
        return name;
    }
    if (active.len != 0 && (postgresql || !str_eq(active, S("fullTextSearchPostgres")))) return active;
    if (renamed) {
        diag_warn(
            &c->diags, at,
            "On `provider = \"postgresql\"`, preview feature \"%.*s\" has been renamed to \"fullTextSearchPostgres\". "
            "Learn more at https://pris.ly/d/fts-postgres.",
            STR_FMT(name));
        return S("fullTextSearchPostgres");
    }
    if (AMONG(OLD_FEATURES, name)) {
        diag_warn(
            &c->diags, at,
            "Preview feature \"%.*s\" is deprecated. The functionality can be used without specifying it as a preview "
            "feature.",
            STR_FMT(name));
        return name;
    }
    diag_error(&c->diags, at, "The preview feature \"%.*s\" is not known. Expected one of: %s", STR_FMT(name),
               postgresql ? POSTGRESQL_FEATURES : ACTIVE_FEATURES);
    help_feature(c, name);
    return name;
}

static void read_features(sc_ctx *c, const ast_expr *whole)
{
    size_t n = 0;
    const ast_expr *first = whole->kind == EXPR_ARRAY ? whole->items : whole;
    for (const ast_expr *e = first; e != NULL; e = whole->kind == EXPR_ARRAY ? e->next : NULL) n++;
    nicol_str *all = KEEP_ARRAY(c, c->s->previews_n + n, nicol_str);
    if (all == NULL) return;
    if (c->s->previews_n != 0) memcpy(all, c->s->previews, c->s->previews_n * sizeof(*all));
    c->s->previews = all;
    for (const ast_expr *e = first; e != NULL; e = whole->kind == EXPR_ARRAY ? e->next : NULL) {
        nicol_str name;
        if (!expr_string(c, e, &name)) continue;
        all[c->s->previews_n++] = check_feature(c, name, whole->at);
    }
}

/* In a generator's own settings anything may stand; only env() must be right. */
static void check_setting(sc_ctx *c, const ast_expr *e)
{
    if (is_call(e, S("env"))) setting_string(c, e);
    for (const ast_expr *i = e->kind == EXPR_ARRAY ? e->items : NULL; i != NULL; i = i->next) check_setting(c, i);
}

/* Settings that mean something to everybody. */
static bool common_setting(nicol_str name)
{
    static const nicol_str names[] = {NICOL_STR("provider"), NICOL_STR("output"), NICOL_STR("binaryTargets"),
                                      NICOL_STR("engineType"), NICOL_STR("previewFeatures")};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_eq(name, names[i])) return true;
    return false;
}

static void read_generator(sc_ctx *c, const ast_top *t)
{
    if (!values_present(c, t, "generator")) return;
    const ast_prop *p = prop(t, S("engineType"));
    if (p != NULL && p->value->kind != EXPR_STRING) type_wrong(c, p->value, "String");
    p = prop(t, S("provider"));
    if (p == NULL) {
        diag_error(&c->diags, t->at, "Argument \"provider\" is missing in generator block \"%.*s\".",
                   STR_FMT(t->name.name));
        return;
    }
    size_t errors = c->diags.errors;
    setting_string(c, p->value);
    if (c->diags.errors != errors) return;
    if ((p = prop(t, S("output"))) != NULL) setting_string(c, p->value);
    if ((p = prop(t, S("binaryTargets"))) != NULL) {
        const ast_expr *whole = p->value;
        for (const ast_expr *e = whole->kind == EXPR_ARRAY ? whole->items : whole; e != NULL;
             e = whole->kind == EXPR_ARRAY ? e->next : NULL)
            setting_string(c, e);
    }
    if ((p = prop(t, S("previewFeatures"))) != NULL) read_features(c, p->value);
    for (p = t->props; p != NULL; p = p->next)
        if (!common_setting(p->name.name)) check_setting(c, p->value);
}

/* Each file is its own configuration in the reference: two datasources are too many only within one file, two of the
 * same name always. */
void config_resolve(sc_ctx *c)
{
    for (uint32_t file = 0; file < c->files_n; file++) {
        size_t good = 0;
        for (const ast_top *t = c->tops; t != NULL; t = t->next)
            if (t->kind == TOP_DATASOURCE && t->at.file == file) good += read_datasource(c, t);
        for (const ast_top *t = c->tops; good > 1 && t != NULL; t = t->next) {
            if (t->kind != TOP_DATASOURCE || t->at.file != file) continue;
            diag_error(
                &c->diags, t->at,
                "Error validating datasource `%.*s`: You defined more than one datasource. This is not allowed yet "
                "because support for multiple databases has not been implemented yet.",
                STR_FMT(t->name.name));
        }
    }
    for (const ast_top *t = c->tops; t != NULL; t = t->next)
        if (t->kind == TOP_GENERATOR) read_generator(c, t);
}
