/* schema/names.c - the first phase: what is called how. Makes the public models and enums, with their fields and values,
 * and reports names that are reserved, malformed or taken. */
#include "schema/schema_int.h"

/* Names that the generated clients cannot use for a model or enum. */
static const char *const RESERVED[] = {
    "PrismaClient", "async",      "await",     "break",  "case",     "catch", "class",      "const",
    "continue",     "debugger",   "default",   "delete", "do",       "else",  "enum",       "export",
    "extends",      "false",      "finally",   "for",    "function", "if",    "implements", "import",
    "in",           "instanceof", "interface", "let",    "new",      "null",  "package",    "private",
    "protected",    "public",     "return",    "super",  "switch",   "this",  "throw",      "true",
    "try",          "using",      "typeof",    "var",    "void",     "while", "with",       "yield",
};

static bool reserved(nicol_str name)
{
    for (size_t i = 0; i < sizeof(RESERVED) / sizeof(RESERVED[0]); i++)
        if (str_eq(name, str_c(RESERVED[i]))) return true;
    return false;
}

static const char *top_word(ast_top_kind k)
{
    static const char *const words[] = {
        [TOP_MODEL] = "model",     [TOP_VIEW] = "view",         [TOP_TYPE] = "composite type",
        [TOP_ENUM] = "enum",       [TOP_DATASOURCE] = "source", [TOP_GENERATOR] = "generator",
        [TOP_COMMENT] = "comment", [TOP_BLANK] = "line",        [TOP_BAD] = "line"};
    return words[k];
}

/* Letters that a line may hold but a name may not. `what`: "Model", "Field", ... */
static void check_spelling(sc_ctx *c, nicol_str name, span at, const char *what)
{
    if (name.ptr[0] >= '0' && name.ptr[0] <= '9') {
        diag_error(&c->diags, at, "Error validating: The name of a %s must not start with a number.", what);
    } else if (str_find_char(name, '-', 0) != SIZE_MAX) {
        diag_error(&c->diags, at, "Error validating: The character `-` is not allowed in %s names.", what);
    }
}

static span name_at(const ast_top *t, const ast_decl *d, nicol_str name)
{
    return (span){t->at.file, d->start, d->start + (uint32_t)name.len};
}

static void check_top_name(sc_ctx *c, const ast_top *t)
{
    if (!reserved(t->name.name)) return;
    if (t->kind == TOP_ENUM) {
        diag_error(
            &c->diags, t->at,
            "Error validating enum `%.*s`: The enum name `%.*s` is invalid. It is a reserved name. Please change it. "
            "Read more at "
            "https://www.prisma.io/docs/reference/tools-and-interfaces/prisma-schema/data-model#naming-enums",
            STR_FMT(t->name.name), STR_FMT(t->name.name));
        return;
    }
    const char *block = t->kind == TOP_VIEW ? "view" : "model";
    diag_error(
        &c->diags, t->at,
        "Error validating %s \"%.*s\": The %s name `%.*s` is invalid. It is a reserved name. Please change it. Read "
        "more at https://pris.ly/d/naming-models",
        block, STR_FMT(t->name.name), block, STR_FMT(t->name.name));
}

static void add_top(sc_ctx *c, map *names, ast_top *t)
{
    const ast_top *old = map_get(names, t->name.name);
    if (old != NULL)
        diag_error(&c->diags, t->name.at,
                   "The %s \"%.*s\" cannot be defined because a %s with that name already exists.", top_word(t->kind),
                   STR_FMT(t->name.name), top_word(old->kind));
    map_add(c, names, t->name.name, t);
}

static bool defined_before(const model_info *m, nicol_str name, size_t n)
{
    if (m->by_name != NULL) return map_get(m->by_name, name) != NULL;
    for (size_t i = 0; i < n; i++)
        if (str_eq(m->m->fields[i].name, name)) return true;
    return false;
}

static void resolve_model(sc_ctx *c, ast_top *t, model_info *m)
{
    schema_model *pub = m->m;
    size_t n = 0;
    m->ast = t;
    m->indexes_tail = &m->indexes;
    pub->name = pub->db_name = t->name.name;
    pub->doc = t->doc;
    pub->owner = c->s;
    pub->is_view = t->kind == TOP_VIEW;
    m->is_type = t->kind == TOP_TYPE;
    pub->fields = KEEP_ARRAY(c, t->fields_n, schema_field);
    pub->fields_n = pub->fields == NULL ? 0 : t->fields_n;
    m->fields = NEW_ARRAY(c, pub->fields_n, field_info);
    if (pub->fields_n > SMALL_SET) m->by_name = map_new(&c->tmem, SIZE_MAX / 64);
    if ((m->by_name == NULL && pub->fields_n > SMALL_SET) || (m->fields == NULL && pub->fields_n != 0)) {
        c->oom = true;
        return;
    }
    const char *text = c->files[t->at.file].text.ptr;
    for (const ast_decl *d = t->fields; n < pub->fields_n; d++, n++) {
        schema_field *f = &pub->fields[n];
        lex l = {.p = text, .at = d->start, .end = t->at.end};
        (void)lex_ident(&l, &f->name);
        f->doc = d->doc;
        f->def = &NO_DEFAULT;
        f->model = pub;
        f->index = (uint32_t)n;
        f->arity = (schema_arity)d->arity;
        m->fields[n].f = f;
        m->fields[n].owner = m;
        if (!m->is_type) check_spelling(c, f->name, name_at(t, d, f->name), pub->is_view ? "field" : "Field");
        if (defined_before(m, f->name, n)) {
            diag_error(&c->diags, name_at(t, d, f->name), "Field \"%.*s\" is already defined on %s \"%.*s\".",
                       STR_FMT(f->name), block_word(m), STR_FMT(pub->name));
            diag_help(&c->diags, "rename or remove one of the two");
        }
        if (m->by_name != NULL) map_add(c, m->by_name, f->name, &m->fields[n]);
    }
}

static void resolve_enum(sc_ctx *c, ast_top *t, enum_info *e)
{
    size_t n = 0;
    e->ast = t;
    *e->e = (schema_enum){.name = t->name.name, .db_name = t->name.name, .doc = t->doc};
    e->e->values = KEEP_ARRAY(c, t->values_n, schema_enum_value);
    if (e->e->values == NULL && t->values_n != 0) return;
    if (t->values_n > SMALL_SET) {
        e->e->by_name = map_for(c->amem, t->values_n);
        if (e->e->by_name == NULL) c->oom = true;
        if (c->oom) return;
    }
    for (ast_value *v = t->values; v != NULL; v = v->next, n++) {
        e->e->values[n] = (schema_enum_value){.name = v->name.name, .db_name = v->name.name, .doc = v->doc};
        check_spelling(c, v->name.name, v->name.at, "Enum Value");
        if (schema_enum_value_get(e->e, v->name.name) != NULL)
            diag_error(&c->diags, v->at, "Value \"%.*s\" is already defined on enum \"%.*s\".", STR_FMT(v->name.name),
                       STR_FMT(t->name.name));
        else if (e->e->by_name != NULL) map_add(c, e->e->by_name, v->name.name, &e->e->values[n]);
        e->e->values_n = n + 1;
    }
    if (n == 0) diag_line(&c->diags, t->at, S("Error validating: An enum must have at least one value."));
}

static void resolve_config(sc_ctx *c, ast_top *t)
{
    const char *what = t->kind == TOP_DATASOURCE ? "source" : "generator";
    for (const ast_prop *p = t->props; p != NULL; p = p->next) {
        for (const ast_prop *q = t->props; q != p; q = q->next) {
            if (!str_eq(p->name.name, q->name.name)) continue;
            diag_error(&c->diags, p->name.at, "Key \"%.*s\" is already defined in %s \"%.*s\".", STR_FMT(p->name.name),
                       what, STR_FMT(t->name.name));
            break;
        }
    }
}

static bool make_room(sc_ctx *c)
{
    schema *s = c->s;
    for (const ast_top *t = c->tops; t != NULL; t = t->next) {
        s->models_n += t->kind == TOP_MODEL || t->kind == TOP_VIEW;
        s->enums_n += t->kind == TOP_ENUM;
        s->types_n += t->kind == TOP_TYPE;
    }
    s->models = KEEP_ARRAY(c, s->models_n, schema_model);
    s->enums = KEEP_ARRAY(c, s->enums_n, schema_enum);
    s->types = KEEP_ARRAY(c, s->types_n, schema_model);
    c->models = NEW_ARRAY(c, s->models_n, model_info);
    c->types = NEW_ARRAY(c, s->types_n, model_info);
    c->enums = NEW_ARRAY(c, s->enums_n, enum_info);
    c->names = map_for(&c->tmem, s->models_n + s->enums_n + s->types_n);
    if (c->names == NULL) c->oom = true;
    return !c->oom;
}

bool names_resolve(sc_ctx *c)
{
    size_t models = 0, enums = 0, types = 0;
    map *sources = map_new(&c->tmem, SIZE_MAX / 64), *generators = map_new(&c->tmem, SIZE_MAX / 64);
    if (sources == NULL || generators == NULL) c->oom = true;
    if (c->oom || !make_room(c)) return false;
    for (ast_top *t = c->tops; t != NULL && !c->oom; t = t->next) {
        static const char *const words[] = {[TOP_MODEL] = "Model",
                                            [TOP_VIEW] = "view",
                                            [TOP_TYPE] = "Composite type",
                                            [TOP_ENUM] = "Enum",
                                            [TOP_GENERATOR] = NULL};
        scalar_type scalar;
        if (t->kind == TOP_COMMENT || t->kind == TOP_BLANK || t->kind == TOP_BAD) continue;
        if (scalar_of(t->name.name, &scalar))
            diag_error(&c->diags, t->name.at, "\"%.*s\" is a reserved scalar type name and cannot be used.",
                       STR_FMT(t->name.name));
        if (words[t->kind] != NULL) check_spelling(c, t->name.name, t->name.at, words[t->kind]);
        switch (t->kind) {
        case TOP_MODEL:
        case TOP_VIEW:
            c->models[models].m = &c->s->models[models];
            c->s->models[models].index = (uint32_t)models;
            check_top_name(c, t);
            resolve_model(c, t, &c->models[models++]);
            add_top(c, c->names, t);
            break;
        case TOP_ENUM:
            c->enums[enums].e = &c->s->enums[enums];
            check_top_name(c, t);
            resolve_enum(c, t, &c->enums[enums++]);
            add_top(c, c->names, t);
            break;
        case TOP_TYPE:
            c->types[types].m = &c->s->types[types];
            c->s->types[types].index = (uint32_t)types;
            resolve_model(c, t, &c->types[types++]);
            add_top(c, c->names, t);
            break;
        case TOP_DATASOURCE:
            resolve_config(c, t);
            add_top(c, sources, t);
            break;
        case TOP_GENERATOR:
            resolve_config(c, t);
            add_top(c, generators, t);
            break;
        case TOP_COMMENT:
        case TOP_BLANK:
        case TOP_BAD:
            break;
        }
    }
    return !c->oom;
}
