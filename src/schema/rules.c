/* schema/rules.c - what each attribute means: one row per attribute and place, visited in the tables' order.
 *
 * Relation fields of all models come first, so that an index which names a relation field can suggest its scalar fields.
 */
#include "base/limits.h"
#include "schema/schema_int.h"

typedef struct target { /* what the attributes of a list stand on */
    model_info *m;
    field_info *f;
    enum_info *e;
    schema_enum_value *v;
} target;

typedef struct attr_rule {
    nicol_str name;
    bool repeated;
    void (*apply)(sc_ctx *c, target *t, ast_attr *a);
} attr_rule;

static void visit(sc_ctx *c, const attr_rule *rules, size_t n, target *t, ast_attr *list)
{
    for (size_t i = 0; i < n && list != NULL && !c->oom; i++) {
        ast_attr *a;
        while ((a = rules[i].repeated ? attr_next(c, list, rules[i].name) : attr_one(c, list, rules[i].name)) != NULL) {
            rules[i].apply(c, t, a);
            args_done(c, a);
            if (!rules[i].repeated) break;
        }
    }
    attrs_done(c, list);
}
#define VISIT(c, rules, t, list) visit((c), (rules), sizeof(rules) / sizeof((rules)[0]), (t), (list))

static void discard(ast_attr *a)
{
    for (ast_arg *x = a->args.first; x != NULL; x = x->next) x->used = true;
}

/* --- lists of fields -------------------------------------------------------------------------------------------------- */

typedef struct name_list {
    buf b;
    size_t n;
} name_list;

static void name_push(sc_ctx *c, name_list *l, nicol_str name)
{
    if (l->n++ == 0) buf_init(&l->b, &c->tmem, SIZE_MAX / 2);
    if (l->n > 1) buf_lit(&l->b, ", ");
    buf_str(&l->b, name);
    if (buf_failed(&l->b)) c->oom = true;
}

static nicol_str name_text(const name_list *l)
{
    return l->n == 0 ? (nicol_str){0} : buf_view(&l->b);
}

/* What a list of field names came to. */
typedef struct field_list {
    index_col *cols;
    size_t n;
    name_list unknown, relations;
    field_info **rel_fields; /* those of `relations` */
    bool ok, twice;
} field_list;

/* What a list of fields may name: one with arguments its columns, and of those some also reach into composite types. */
typedef enum list_form { LIST_NAMES, LIST_COLUMNS, LIST_PATHS } list_form;

static const ast_expr *list_first(const ast_expr *e)
{
    return e->kind == EXPR_ARRAY ? e->items : e;
}

static const ast_expr *list_next(const ast_expr *whole, const ast_expr *e)
{
    return whole->kind == EXPR_ARRAY ? e->next : NULL;
}

static bool is_ops_name(nicol_str s);

/* X, or raw("x"); whether there is such a class is looked at by the caller. */
static void read_ops(sc_ctx *c, const ast_expr *e, index_col *col)
{
    nicol_str *ops = NEW(c, nicol_str);
    if (ops == NULL) return;
    col->ops_raw = e->kind == EXPR_CALL;
    *ops = col->ops_raw && e->args.n == 1 ? e->args.first->value->text : e->text;
    col->ops = ops;
}

/* f(sort: Desc, length: 10, ops: X) inside a list of fields. */
static void read_col_args(sc_ctx *c, const ast_expr *e, index_col *col)
{
    for (const ast_arg *a = e->args.first; a != NULL; a = a->next) {
        nicol_str text;
        int64_t length;
        if (str_eq(a->name.name, S("sort")) && expr_constant(c, a->value, &text)) {
            col->sort = str_eq(text, S("Asc")) ? SORT_ASC : str_eq(text, S("Desc")) ? SORT_DESC : SORT_NONE;
            if (col->sort == SORT_NONE) diag_line(&c->diags, a->at, S("Unexpected token. Expected one of: Asc, Desc"));
        } else if (str_eq(a->name.name, S("length")) && expr_integer(c, a->value, &length)) {
            if (length >= 0) col->length = length;
        } else if (str_eq(a->name.name, S("ops"))) {
            read_ops(c, a->value, col);
            if (a->value->kind == EXPR_PATH && !is_ops_name(a->value->text)) {
                diag_error(&c->diags, a->value->at, "Unexpected token. Expected one of: Invalid operator class: %.*s",
                           STR_FMT(a->value->text));
            } else if (a->value->kind == EXPR_CALL && is_call(a->value, S("raw"))) {
                if (a->value->args.n != 1) {
                    diag_error(&c->diags, a->value->at,
                               "Unexpected token. Expected one of: Wrong number of arguments. Expected: 1, got: %u",
                               a->value->args.n);
                } else if (a->value->args.first->value->kind != EXPR_STRING) {
                    diag_line(&c->diags, a->value->at,
                              S("Unexpected token. Expected one of: Invalid parameter type: expected string"));
                }
            } else if (a->value->kind != EXPR_PATH) {
                diag_line(&c->diags, a->at, S("Unexpected token. Expected one of: operator class"));
            }
        }
    }
}

/* Operator classes: a type's name and a family, as PostgreSQL's built-in ones are called. */
static bool is_ops_name(nicol_str s)
{
    static const char *const whole[] = {"InetOps",  "JsonbOps", "JsonbPathOps",
                                        "ArrayOps", "TextOps",  "InetInclusionOps"};
    static const char *const types[] = {"Bit",       "VarBit",      "Bpchar", "Bytea",  "Date",    "Float4", "Float8",
                                        "Inet",      "Int2",        "Int4",   "Int8",   "Numeric", "Oid",    "Text",
                                        "Timestamp", "TimestampTz", "Time",   "TimeTz", "Uuid"};
    static const char *const families[] = {"MinMaxOps", "BloomOps", "MinMaxMultiOps"};
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        if (str_eq(s, str_c(whole[i]))) return true;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        nicol_str t = str_c(types[i]);
        if (!str_starts(s, t)) continue;
        for (size_t k = 0; k < 3; k++)
            if (str_eq(str_sub(s, t.len, s.len), str_c(families[k]))) return true;
    }
    return false;
}

static bool read_col_name(sc_ctx *c, const ast_expr *e, bool args, index_col *col, nicol_str *name)
{
    *col = (index_col){.length = -1};
    *name = e->text;
    if (e->kind == EXPR_CALL && args) {
        read_col_args(c, e, col);
        return true;
    }
    if (!args) return expr_constant(c, e, name);
    if (e->kind == EXPR_PATH) return true;
    nicol_str text = expr_text(c, e);
    diag_error(&c->diags, e->at, "Expected a constant literal value, but received %s value `%.*s`.", expr_kind_name(e),
               STR_FMT(text));
    return false;
}

/* "address.street": the rest of the path, from the field `col->f` into its type. False: it leads nowhere, and that is in
 * `l`. */
static bool follow_path(sc_ctx *c, field_list *l, nicol_str whole, nicol_str rest, index_col *col)
{
    index_path *path = NEW(c, index_path);
    const field_info *at = col->f;
    if (path == NULL) return false;
    *path = (index_path){.text = whole, .db = at->f->db_name};
    for (bool more = true; more;) {
        nicol_str name = rest;
        more = str_find_char(rest, '.', 0) != SIZE_MAX;
        if (more) name = str_cut(&rest, '.');
        if (!at->composite) {
            name_push(c, &l->unknown, whole);
            return false;
        }
        const model_info *type = composite_of(c, at);
        path->leaf = field_find(type, name);
        if (path->leaf == NULL) {
            name_push(c, &l->unknown, ctx_text(c, "%.*s in type %.*s", STR_FMT(name), STR_FMT(type->m->name)));
            return false;
        }
        at = path->leaf;
        path->db = ctx_text(c, "%.*s_%.*s", STR_FMT(path->db), STR_FMT(at->f->db_name));
    }
    col->path = path;
    return true;
}

static bool same_column(const index_col *a, const index_col *b)
{
    if (a->f != b->f || (a->path == NULL) != (b->path == NULL)) return false;
    return a->path == NULL || str_eq(a->path->text, b->path->text);
}

/* Adds the column of this name to `l`, or the name to those that are none. */
static void take_column(sc_ctx *c, field_list *l, const model_info *m, nicol_str name, list_form form, index_col *col)
{
    nicol_str rest = name, first = name;
    bool path = str_find_char(name, '.', 0) != SIZE_MAX;
    if (path && form == LIST_PATHS) first = str_cut(&rest, '.');
    col->f = field_find(m, first);
    if (col->f == NULL || (path && form != LIST_PATHS)) {
        name_push(c, &l->unknown, first);
        return;
    }
    if (col->f->f->kind == FIELD_RELATION || col->f->unknown_type) {
        l->rel_fields[l->relations.n] = col->f;
        name_push(c, &l->relations, first);
        return;
    }
    if (path && !follow_path(c, l, name, rest, col)) return;
    for (size_t k = 0; k < l->n; k++) l->twice = l->twice || same_column(&l->cols[k], col);
    if (!l->twice) l->cols[l->n++] = *col;
}

/* As the reference says it, whatever kind of list or block it is. */
static void report_twice(sc_ctx *c, const model_info *m, const index_col *col, nicol_str name, span at)
{
    if (col->path != NULL)
        name = ctx_text(c, "%.*s in type %.*s", STR_FMT(col->path->leaf->f->name),
                        STR_FMT(col->path->leaf->owner->m->name));
    diag_error(&c->diags, at,
               "Error validating model \"%.*s\": The unique index definition refers to the field %.*s multiple times.",
               STR_FMT(m->m->name), STR_FMT(name));
}

/* Names of m's scalar fields. A single name may stand without brackets. */
static field_list read_fields(sc_ctx *c, model_info *m, const ast_expr *whole, list_form form, span attr_at)
{
    field_list l = {.ok = true};
    size_t n = 0;
    for (const ast_expr *e = list_first(whole); e != NULL; e = list_next(whole, e)) n++;
    if (n > NICOL_SCHEMA_COLUMNS_MAX) {
        diag_error(&c->diags, whole->at, "Error validating: More than %d fields in one list.",
                   NICOL_SCHEMA_COLUMNS_MAX);
        return (field_list){0};
    }
    l.cols = ctx_alloc(c, form != LIST_NAMES ? c->t : c->line, n, sizeof(*l.cols)); /* those of an index stay */
    l.rel_fields = ctx_alloc(c, c->line, n, sizeof(*l.rel_fields));
    nicol_str *names = ctx_alloc(c, c->line, n, sizeof(*names));
    if (c->oom) return (field_list){0};
    size_t read = 0;
    for (const ast_expr *e = list_first(whole); e != NULL; e = list_next(whole, e)) {
        l.ok = read_col_name(c, e, form != LIST_NAMES, &l.cols[read], &names[read]) && l.ok;
        read++;
    }
    for (size_t i = 0; l.ok && i < read; i++) {
        index_col col = l.cols[i];
        take_column(c, &l, m, names[i], form, &col);
        if (!l.twice) continue;
        report_twice(c, m, &col, names[i], attr_at);
        l.ok = false;
    }
    return l;
}

/* --- @relation -------------------------------------------------------------------------------------------------------- */

static const schema_field **cols_fields(sc_ctx *c, const field_list *l, uint32_t *n)
{
    const schema_field **out = KEEP_ARRAY(c, l->n, const schema_field *);
    *n = out == NULL ? 0 : (uint32_t)l->n;
    for (size_t i = 0; i < *n; i++) out[i] = l->cols[i].f->f;
    return out;
}

static void relation_fields(sc_ctx *c, field_info *f, const ast_expr *e, const ast_attr *a)
{
    field_list l = read_fields(c, f->owner, e, LIST_NAMES, a->at);
    f->rel->has_fields = true;
    if (!l.ok) return;
    if (l.unknown.n != 0) {
        diag_error(
            &c->diags, e->at,
            "Error validating: The argument fields must refer only to existing fields. The following fields do not "
            "exist in this model: %.*s",
            STR_FMT(name_text(&l.unknown)));
    }
    if (l.relations.n != 0) {
        diag_error(&c->diags, e->at,
                   "Error validating: The argument fields must refer only to scalar fields. But it is referencing the "
                   "following relation fields: %.*s",
                   STR_FMT(name_text(&l.relations)));
    }
    if (l.unknown.n == 0 && l.relations.n == 0) f->rel->fields = cols_fields(c, &l, &f->rel->fields_n);
}

static void relation_references(sc_ctx *c, field_info *f, const ast_expr *e, const ast_attr *a)
{
    field_list l = read_fields(c, f->rel->target, e, LIST_NAMES, a->at);
    f->rel->has_refs = true;
    if (!l.ok) return;
    if (l.unknown.n != 0) {
        diag_error(
            &c->diags, a->at,
            "Error validating: The argument `references` must refer only to existing fields in the related model "
            "`%.*s`. The following fields do not exist in the related model: %.*s",
            STR_FMT(f->rel->target->m->name), STR_FMT(name_text(&l.unknown)));
    }
    if (l.relations.n != 0) {
        diag_error(&c->diags, a->at,
                   "Error validating: The argument `references` must refer only to scalar fields in the related model "
                   "`%.*s`. But it is referencing the following relation fields: %.*s",
                   STR_FMT(f->rel->target->m->name), STR_FMT(name_text(&l.relations)));
    }
    if (l.unknown.n == 0 && l.relations.n == 0) f->rel->refs = cols_fields(c, &l, &f->rel->refs_n);
}

static void relation_action(sc_ctx *c, ast_attr *a, nicol_str arg, schema_action *action)
{
    static const struct {
        nicol_str name;
        schema_action action;
    } rows[] = {{NICOL_STR("Cascade"), ACTION_CASCADE},
                {NICOL_STR("Restrict"), ACTION_RESTRICT},
                {NICOL_STR("NoAction"), ACTION_NO_ACTION},
                {NICOL_STR("SetNull"), ACTION_SET_NULL},
                {NICOL_STR("SetDefault"), ACTION_SET_DEFAULT}};
    nicol_str text;
    const ast_expr *e = arg_opt(a, arg);
    if (e == NULL || !expr_constant(c, e, &text)) return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!str_eq(text, rows[i].name)) continue;
        *action = rows[i].action;
        return;
    }
    error_attr_at(c, S("@relation"), e->at, "Invalid referential action: `%.*s`", STR_FMT(text));
}

static void apply_relation(sc_ctx *c, target *t, ast_attr *a)
{
    rel_info *r = t->f->rel;
    const ast_expr *e;
    r->attr_at = a->at.start;
    if ((e = arg_opt(a, S("fields"))) != NULL) relation_fields(c, t->f, e, a);
    if ((e = arg_opt(a, S("references"))) != NULL) relation_references(c, t->f, e, a);
    e = arg_main(c, a, S("name"), false);
    if (e != NULL && expr_string(c, e, &r->name) && r->name.len == 0)
        error_attr(c, a, "A relation cannot have an empty name.");
    relation_action(c, a, S("onDelete"), &r->on_delete);
    relation_action(c, a, S("onUpdate"), &r->on_update);
    r->map = arg_string(c, a, S("map"));
}

static void apply_relation_id(sc_ctx *c, target *t, ast_attr *a)
{
    error_attr(
        c, a,
        "The field `%.*s` is a relation field and cannot be marked with `@id`. Only scalar fields can be declared as "
        "id.",
        STR_FMT(t->f->f->name));
    discard(a);
}

static void apply_relation_ignore(sc_ctx *c, target *t, ast_attr *a)
{
    (void)c;
    (void)a;
    t->f->f->is_ignored = true;
}

static void apply_relation_default(sc_ctx *c, target *t, ast_attr *a)
{
    (void)t;
    error_attr(c, a, "Cannot set a default value on a relation field.");
    discard(a);
}

static void apply_relation_map(sc_ctx *c, target *t, ast_attr *a)
{
    (void)t;
    error_attr(c, a, "The attribute `@map` cannot be used on relation fields.");
    (void)arg_main(c, a, S("name"), true);
    discard(a);
}

static void apply_relation_unique(sc_ctx *c, target *t, ast_attr *a)
{
    const rel_info *r = t->f->rel;
    nicol_str names = join_names(c, c->t, r->fields, r->fields_n, ", "), hint = {0};
    if (r->fields_n == 1) hint = ctx_text(c, " Did you mean to put it on `%.*s`?", STR_FMT(names));
    if (r->fields_n > 1) hint = ctx_text(c, " Did you mean to provide `@@unique([%.*s])`?", STR_FMT(names));
    error_attr(
        c, a,
        "The field `%.*s` is a relation field and cannot be marked with `unique`. Only scalar fields can be made "
        "unique.%.*s",
        STR_FMT(t->f->f->name), STR_FMT(hint));
    discard(a);
}

static const attr_rule RELATION_RULES[] = {
    {NICOL_STR("relation"), false, apply_relation},      {NICOL_STR("id"), false, apply_relation_id},
    {NICOL_STR("ignore"), false, apply_relation_ignore}, {NICOL_STR("default"), false, apply_relation_default},
    {NICOL_STR("map"), false, apply_relation_map},       {NICOL_STR("unique"), false, apply_relation_unique},
};

/* --- scalar fields ---------------------------------------------------------------------------------------------------- */

static bool map_name(sc_ctx *c, ast_attr *a, nicol_str *out)
{
    const ast_expr *e = arg_main(c, a, S("name"), true);
    return e != NULL && expr_string(c, e, out);
}

static void apply_map(sc_ctx *c, target *t, ast_attr *a)
{
    if (map_name(c, a, &t->f->f->db_name)) t->f->has_map = true;
}

static void apply_ignore(sc_ctx *c, target *t, ast_attr *a)
{
    if (t->f->f->kind == FIELD_UNSUPPORTED && !t->f->composite)
        error_attr(
            c, a,
            "Fields of type `Unsupported` cannot take an `@ignore` attribute. They are already treated as ignored by "
            "the client due to their type.");
    else t->f->f->is_ignored = true;
}

static void apply_scalar_relation(sc_ctx *c, target *t, ast_attr *a)
{
    (void)t;
    error_attr(c, a, "Invalid field type, not a relation.");
}

static int8_t read_clustered(sc_ctx *c, ast_attr *a)
{
    bool on;
    const ast_expr *e = arg_opt(a, S("clustered"));
    return e != NULL && expr_boolean(c, e, &on) ? on : -1;
}

/* where: raw("...") or { field: value } (where.c). */
static bool read_where(sc_ctx *c, const model_info *m, ast_attr *a)
{
    const ast_expr *e = arg_opt(a, S("where"));
    if (e != NULL) where_check(c, m, a, e);
    return e != NULL;
}

static void take_map(sc_ctx *c, ast_attr *a, index_info *x)
{
    x->db_name = arg_string(c, a, S("map"));
    x->mapped = x->db_name.len != 0;
}

/* length:, sort:, clustered: of @id and @unique on a field. */
static index_info *field_index(sc_ctx *c, target *t, ast_attr *a, schema_index_kind kind)
{
    index_info *x = NEW(c, index_info);
    index_col *col = NEW(c, index_col);
    nicol_str text;
    if (x == NULL || col == NULL) return NULL;
    *x = (index_info){.kind = kind, .at = a->at, .source = t->f, .cols = col, .cols_n = 1};
    *col = (index_col){.f = t->f, .length = -1};
    take_map(c, a, x);
    const ast_expr *e = arg_opt(a, S("length"));
    if (e != NULL && expr_integer(c, e, &col->length)) col->length &= UINT32_MAX; /* 32 bits, as in the reference */
    else col->length = -1;
    e = arg_opt(a, S("sort"));
    if (e != NULL && expr_constant(c, e, &text)) {
        col->sort = str_eq(text, S("Asc")) ? SORT_ASC : str_eq(text, S("Desc")) ? SORT_DESC : SORT_NONE;
        if (col->sort == SORT_NONE)
            error_attr(c, a, "The `sort` argument can only be `Asc` or `Desc` you provided: %.*s.", STR_FMT(text));
    }
    x->clustered = read_clustered(c, a);
    x->partial = kind == INDEX_UNIQUE && read_where(c, t->m, a);
    return x;
}

static void apply_id(sc_ctx *c, target *t, ast_attr *a)
{
    if (t->m->id != NULL) {
        error_model(c, t->m, t->m->ast->at,
                    "At most one field must be marked as the id field with the `@id` attribute.");
        return;
    }
    t->m->id = field_index(c, t, a, INDEX_ID);
    t->f->f->is_id = true;
}

static void apply_updated_at(sc_ctx *c, target *t, ast_attr *a)
{
    if (t->f->f->kind != FIELD_SCALAR || t->f->f->type != SCALAR_DATETIME)
        error_attr(c, a, "Fields that are marked with @updatedAt must be of type DateTime.");
    if (t->f->f->arity == ARITY_LIST) error_attr(c, a, "Fields that are marked with @updatedAt cannot be lists.");
    t->f->f->is_updated_at = true;
}

static void apply_default(sc_ctx *c, target *t, ast_attr *a)
{
    default_resolve(c, t->f, a);
}

static void add_index(model_info *m, index_info *x)
{
    if (x == NULL) return;
    *m->indexes_tail = x;
    m->indexes_tail = &x->next;
}

static void apply_unique(sc_ctx *c, target *t, ast_attr *a)
{
    index_info *x = field_index(c, t, a, INDEX_UNIQUE);
    add_index(t->m, x);
    t->f->f->is_unique = x != NULL && !x->partial;
}

static void apply_shard_key(sc_ctx *c, target *t, ast_attr *a)
{
    if (t->m->shard_at != 0)
        error_model(c, t->m, t->m->ast->at,
                    "At most one field must be marked as the shard key with the `@shardKey` attribute.");
    else if (!is_required(t->f)) error_attr(c, a, "Fields that are marked as shard keys must be required.");
    t->m->shard_at = a->at.start; /* which provider and preview feature it takes is checked later */
}

static const attr_rule FIELD_RULES[] = {
    {NICOL_STR("map"), false, apply_map},
    {NICOL_STR("ignore"), false, apply_ignore},
    {NICOL_STR("relation"), false, apply_scalar_relation},
    {NICOL_STR("id"), false, apply_id},
    {NICOL_STR("shardKey"), false, apply_shard_key},
    {NICOL_STR("updatedAt"), false, apply_updated_at},
    {NICOL_STR("default"), false, apply_default},
    {NICOL_STR("unique"), false, apply_unique},
};

static const schema_native *native_type(sc_ctx *c, nicol_str name, const ast_attr *a)
{
    schema_native *native = KEEP_ARRAY(c, 1, schema_native);
    size_t n = 0;
    if (native == NULL) return NULL;
    native->name = name;
    for (const ast_arg *x = a->args.first; x != NULL && n < 2; x = x->next)
        native->args[n++] = expr_text_keep(c, x->value);
    return native;
}

/* @datasource.Type: at most one. */
static void take_native(sc_ctx *c, field_info *f, ast_attr *list)
{
    if (f->f->kind != FIELD_SCALAR) return;
    for (ast_attr *a = list; a != NULL; a = a->next) {
        size_t dot = str_find_char(a->name.name, '.', 0);
        if (dot == SIZE_MAX) continue;
        a->used = true;
        nicol_str prefix = str_sub(a->name.name, 0, dot);
        if (f->has_native)
            diag_error(&c->diags, a->at, "Attribute \"@%.*s\" can only be defined once.", STR_FMT(prefix));
        f->f->native = native_type(c, str_sub(a->name.name, dot + 1, a->name.name.len), a);
        f->has_native = f->f->native != NULL;
    }
}

/* --- models ----------------------------------------------------------------------------------------------------------- */

static void apply_model_ignore(sc_ctx *c, target *t, ast_attr *a)
{
    (void)a;
    for (size_t i = 0; i < t->m->m->fields_n; i++) {
        const field_info *f = &t->m->fields[i];
        if (f->f->kind == FIELD_RELATION || !f->f->is_ignored) continue;
        error_attr_at(c, S("@ignore"), field_at(f),
                      "Fields on an already ignored Model do not need an `@ignore` annotation.");
    }
    t->m->m->is_ignored = true;
}

static void check_key_name(sc_ctx *c, const model_info *m, const ast_attr *a, nicol_str name, const char *attr)
{
    for (size_t i = 0; i < name.len; i++) {
        char ch = name.ptr[i];
        if (ch == '_' || (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')) continue;
        error_model(
            c, m, a->at,
            "The `name` property within the `%s` attribute only allows for the following characters: `_a-zA-Z0-9`.",
            attr);
        return;
    }
}

static const char *plural(size_t n)
{
    return n == 1 ? "field" : "fields";
}

static nicol_str quoted(sc_ctx *c, nicol_str joined)
{
    buf b;
    buf_init(&b, &c->tmem, SIZE_MAX / 2);
    buf_char(&b, '`');
    for (size_t i = 0; i < joined.len; i++) {
        if (joined.ptr[i] == ',' && i + 1 < joined.len && joined.ptr[i + 1] == ' ') {
            buf_lit(&b, "`, `");
            i++;
        } else {
            buf_char(&b, joined.ptr[i]);
        }
    }
    buf_char(&b, '`');
    if (buf_failed(&b)) c->oom = true;
    return buf_failed(&b) ? (nicol_str){0} : buf_view(&b);
}

static void apply_model_id(sc_ctx *c, target *t, ast_attr *a)
{
    model_info *m = t->m;
    const ast_expr *e = arg_main(c, a, S("fields"), true);
    if (e == NULL) return;
    field_list l = read_fields(c, m, e, LIST_COLUMNS, a->at);
    if (!l.ok) return;
    if (l.unknown.n != 0)
        error_model(c, m, e->at, "The multi field id declaration refers to the unknown %s %.*s.", plural(l.unknown.n),
                    STR_FMT(quoted(c, name_text(&l.unknown))));
    if (l.relations.n != 0)
        error_model(
            c, m, a->at,
            "The id definition refers to the relation %s %.*s. ID definitions must reference only scalar fields.",
            plural(l.relations.n), STR_FMT(quoted(c, name_text(&l.relations))));
    if (l.unknown.n != 0 || l.relations.n != 0) return;
    name_list optional = {0};
    for (size_t i = 0; i < l.n; i++)
        if (!is_required(l.cols[i].f)) name_push(c, &optional, l.cols[i].f->f->name);
    if (optional.n != 0 && !m->m->is_ignored)
        error_model(
            c, m, a->at,
            "The id definition refers to the optional %s %.*s. ID definitions must reference only required fields.",
            plural(optional.n), STR_FMT(quoted(c, name_text(&optional))));
    if (m->id != NULL)
        error_model(c, m, m->ast->at,
                    "Each model must have at most one id criteria. You can't have `@id` and `@@id` at the same time.");
    index_info *x = NEW(c, index_info);
    if (x == NULL) return;
    *x = (index_info){.kind = INDEX_ID, .at = a->at, .cols = l.cols, .cols_n = (uint32_t)l.n};
    take_map(c, a, x);
    x->name = arg_string(c, a, S("name"));
    if (x->name.len != 0) check_key_name(c, m, a, x->name, "@@id");
    x->clustered = read_clustered(c, a);
    m->id = x;
}

static void apply_model_map(sc_ctx *c, target *t, ast_attr *a)
{
    if (map_name(c, a, &t->m->m->db_name)) t->m->map_at = a->at.start;
}

static void read_schema(sc_ctx *c, ast_attr *a, nicol_str *name, span *at)
{
    const ast_expr *e = arg_main(c, a, S("map"), true);
    if (e != NULL && expr_string(c, e, name)) *at = e->at;
}

static void apply_model_schema(sc_ctx *c, target *t, ast_attr *a)
{
    read_schema(c, a, &t->m->m->db_schema, &t->m->schema_at);
}

static void apply_model_shard_key(sc_ctx *c, target *t, ast_attr *a)
{
    model_info *m = t->m;
    const ast_expr *e = arg_main(c, a, S("fields"), true);
    field_list l = {0};
    if (e != NULL) l = read_fields(c, m, e, LIST_NAMES, a->at);
    if (!l.ok) return;
    if (l.unknown.n != 0)
        error_model(c, m, e->at, "The multi field shard key declaration refers to the unknown %s %.*s.",
                    plural(l.unknown.n), STR_FMT(quoted(c, name_text(&l.unknown))));
    if (l.relations.n != 0)
        error_model(
            c, m, a->at,
            "The shard key definition refers to the relation %s %.*s. Shard key definitions must reference only scalar "
            "fields.",
            plural(l.relations.n), STR_FMT(quoted(c, name_text(&l.relations))));
    if (l.unknown.n != 0 || l.relations.n != 0) return;
    name_list optional = {0};
    for (size_t i = 0; i < l.n; i++)
        if (!is_required(l.cols[i].f)) name_push(c, &optional, l.cols[i].f->f->name);
    if (optional.n != 0)
        error_model(
            c, m, a->at,
            "The shard key definition refers to the optional %s %.*s. Shard key definitions must reference only required "
            "fields.",
            plural(optional.n), STR_FMT(quoted(c, name_text(&optional))));
    if (m->shard_at != 0)
        error_model(
            c, m, m->ast->at,
            "Each model must have at most one shard key. You can't have `@shardKey` and `@@shardKey` at the same "
            "time.");
    m->shard_at = a->at.start;
}

/* The fields of @@index, @@unique and @@fulltext. */
static index_info *model_index(sc_ctx *c, target *t, ast_attr *a, schema_index_kind kind)
{
    const char *what = kind == INDEX_UNIQUE ? "unique " : "", *attr = kind == INDEX_UNIQUE ? "unique" : "index";
    index_info *x = NEW(c, index_info);
    if (x == NULL) return NULL;
    *x = (index_info){.kind = kind, .at = a->at, .clustered = -1};
    const ast_expr *e = arg_main(c, a, S("fields"), true);
    if (e == NULL) return x;
    field_list l = read_fields(c, t->m, e, LIST_PATHS, a->at);
    if (!l.ok) return x;
    /* As the reference says it: "model" and the plural, whatever it is. */
    if (l.unknown.n != 0)
        diag_error(&c->diags, a->at,
                   "Error validating model \"%.*s\": The %sindex definition refers to the unknown fields: %.*s.",
                   STR_FMT(t->m->m->name), what, STR_FMT(name_text(&l.unknown)));
    if (l.relations.n != 0) {
        name_list scalars = {0};
        nicol_str hint = {0};
        for (size_t i = 0; i < l.relations.n; i++) {
            const rel_info *rel = l.rel_fields[i]->rel;
            for (size_t k = 0; rel != NULL && k < rel->fields_n; k++) name_push(c, &scalars, rel->fields[k]->name);
        }
        if (scalars.n != 0) hint = ctx_text(c, " Did you mean `@@%s([%.*s])`?", attr, STR_FMT(name_text(&scalars)));
        diag_error(&c->diags, a->at,
                   "Error validating model \"%.*s\": The %sindex definition refers to the relation fields %.*s. Index "
                   "definitions must reference only scalar fields.%.*s",
                   STR_FMT(t->m->m->name), what, STR_FMT(name_text(&l.relations)), STR_FMT(hint));
    }
    if (l.unknown.n == 0 && l.relations.n == 0) {
        x->cols = l.cols;
        x->cols_n = (uint32_t)l.n;
    }
    return x;
}

static void apply_index(sc_ctx *c, target *t, ast_attr *a)
{
    static const char *const types[] = {"BTree", "Hash", "Gist", "Gin", "SpGist", "Brin"};
    index_info *x = model_index(c, t, a, INDEX_NORMAL);
    if (x == NULL) return;
    nicol_str name = arg_string(c, a, S("name"));
    take_map(c, a, x);
    if (name.len != 0 && x->mapped) {
        error_attr(
            c, a,
            "The `@@index` attribute accepts the `name` argument as an alias for the `map` argument for legacy "
            "reasons. It does not accept both though. Please use the `map` argument to specify the database name of "
            "the index.");
        x->mapped = false;
        x->db_name = (nicol_str){0};
    } else if (name.len != 0) {
        x->mapped = true;
        x->db_name = name;
    }
    const ast_expr *e = arg_opt(a, S("type"));
    nicol_str type;
    if (e != NULL && expr_constant(c, e, &type)) {
        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
            if (str_eq(type, str_c(types[i]))) x->algorithm = types[i];
        if (x->algorithm == NULL) error_attr(c, a, "Unknown index type: %.*s.", STR_FMT(type));
    }
    x->clustered = read_clustered(c, a);
    x->partial = read_where(c, t->m, a);
    add_index(t->m, x);
}

static void apply_model_unique(sc_ctx *c, target *t, ast_attr *a)
{
    index_info *x = model_index(c, t, a, INDEX_UNIQUE);
    if (x == NULL) return;
    x->name = arg_string(c, a, S("name"));
    take_map(c, a, x);
    if (x->name.len != 0) check_key_name(c, t->m, a, x->name, "@@unique");
    x->clustered = read_clustered(c, a);
    x->partial = read_where(c, t->m, a);
    add_index(t->m, x);
}

static void apply_fulltext(sc_ctx *c, target *t, ast_attr *a)
{
    index_info *x = model_index(c, t, a, INDEX_FULLTEXT);
    if (x == NULL) return;
    take_map(c, a, x);
    add_index(t->m, x);
}

static const attr_rule MODEL_RULES[] = {
    {NICOL_STR("ignore"), false, apply_model_ignore}, {NICOL_STR("id"), false, apply_model_id},
    {NICOL_STR("map"), false, apply_model_map},       {NICOL_STR("schema"), false, apply_model_schema},
    {NICOL_STR("index"), true, apply_index},          {NICOL_STR("unique"), true, apply_model_unique},
    {NICOL_STR("fulltext"), true, apply_fulltext},    {NICOL_STR("shardKey"), false, apply_model_shard_key},
};

/* --- enums ------------------------------------------------------------------------------------------------------------ */

static void apply_value_map(sc_ctx *c, target *t, ast_attr *a)
{
    map_name(c, a, &t->v->db_name);
}

static void apply_enum_map(sc_ctx *c, target *t, ast_attr *a)
{
    map_name(c, a, &t->e->e->db_name);
}

static void apply_enum_schema(sc_ctx *c, target *t, ast_attr *a)
{
    read_schema(c, a, &t->e->schema, &t->e->schema_at);
}

static const attr_rule VALUE_RULES[] = {{NICOL_STR("map"), false, apply_value_map}};
static const attr_rule ENUM_RULES[] = {{NICOL_STR("map"), false, apply_enum_map},
                                       {NICOL_STR("schema"), false, apply_enum_schema}};

/* --- all of them ------------------------------------------------------------------------------------------------------ */

/* Columns of one model: a mapped name may not be another field's column. */
static void column_taken(sc_ctx *c, const model_info *m, const field_info *f)
{
    diag_error(&c->diags, field_at(f), "Field \"%.*s\" is already defined on %s \"%.*s\".", STR_FMT(f->f->name),
               block_word(m), STR_FMT(m->m->name));
}

/* Whether a field without @map, or one with @map further up, has this field's column. */
static bool column_shared(const model_info *m, size_t at)
{
    for (size_t i = 0; i < m->m->fields_n; i++) {
        const field_info *f = &m->fields[i];
        if (i == at || f->f->kind == FIELD_RELATION || (f->has_map && i > at)) continue;
        if (str_eq(f->f->db_name, m->fields[at].f->db_name)) return true;
    }
    return false;
}

static void check_columns(sc_ctx *c, model_info *m)
{
    map *columns = NULL;
    bool mapped = false;
    for (size_t i = 0; i < m->m->fields_n; i++) {
        const field_info *f = &m->fields[i];
        if (f->f->kind == FIELD_RELATION || !f->has_map) continue;
        mapped = true;
        if (m->m->fields_n <= SMALL_SET && column_shared(m, i)) column_taken(c, m, f);
    }
    if (!mapped || m->m->fields_n <= SMALL_SET) return;
    columns = map_new(&c->tmem, SIZE_MAX / 64);
    if (columns == NULL) {
        c->oom = true;
        return;
    }
    for (size_t i = 0; i < m->m->fields_n; i++) {
        field_info *f = &m->fields[i];
        if (f->f->kind != FIELD_RELATION && !f->has_map) map_add(c, columns, f->f->db_name, f);
    }
    for (size_t i = 0; i < m->m->fields_n; i++) {
        field_info *f = &m->fields[i];
        if (f->f->kind == FIELD_RELATION || !f->has_map) continue;
        if (map_get(columns, f->f->db_name) != NULL) column_taken(c, m, f);
        else map_add(c, columns, f->f->db_name, f);
    }
}

static const attr_rule COMPOSITE_RULES[] = {{NICOL_STR("map"), false, apply_map},
                                            {NICOL_STR("default"), false, apply_default}};

static void field_attrs(sc_ctx *c, model_info *m, field_info *f)
{
    const arena_mark before = arena_save(c->line);
    ast_attr *list = attrs_read(c, m->ast->at.file, decl_of(f)->attrs);
    target t = {.m = m, .f = f};
    if (f->f->kind == FIELD_RELATION) {
        VISIT(c, RELATION_RULES, &t, list);
    } else if (m->is_type) {
        composite_refuse_field_attrs(c, f, list);
        if (!f->unknown_type) {
            take_native(c, f, list);
            VISIT(c, COMPOSITE_RULES, &t, list);
        }
    } else if (!f->unknown_type) {
        take_native(c, f, list);
        VISIT(c, FIELD_RULES, &t, list);
    }
    if (!c->oom) arena_rewind(c->line, before);
}

/* The attributes of a block, as one list. */
static ast_attr *block_attrs(sc_ctx *c, const ast_top *t)
{
    ast_attr *list = NULL, **tail = &list;
    for (size_t i = 0; i < t->attrs_n && !c->oom; i++) {
        *tail = attrs_read(c, t->at.file, t->attrs[i]);
        if (*tail != NULL) tail = &(*tail)->next;
    }
    return list;
}

static void composite_attrs(sc_ctx *c, model_info *m)
{
    const arena_mark before = arena_save(c->line);
    composite_refuse_attrs(c, block_attrs(c, m->ast));
    if (!c->oom) arena_rewind(c->line, before);
    for (size_t i = 0; i < m->m->fields_n && !c->oom; i++) field_attrs(c, m, &m->fields[i]);
    check_columns(c, m);
}

static void model_attrs(sc_ctx *c, model_info *m)
{
    for (size_t i = 0; i < m->m->fields_n && !c->oom; i++)
        if (m->fields[i].f->kind != FIELD_RELATION) field_attrs(c, m, &m->fields[i]);
    check_columns(c, m);
    const arena_mark before = arena_save(c->line);
    target t = {.m = m};
    VISIT(c, MODEL_RULES, &t, block_attrs(c, m->ast));
    if (!c->oom) arena_rewind(c->line, before);
    if (!m->m->is_ignored && m->id != NULL && m->id->source != NULL && !is_required(m->id->source))
        error_attr_at(c, S("@id"), m->id->at, "Fields that are marked as id must be required.");
}

static void enum_attrs(sc_ctx *c, enum_info *e)
{
    size_t i = 0;
    for (const ast_value *v = e->ast->values; v != NULL; v = v->next) {
        target t = {.e = e, .v = &e->e->values[i++]};
        VISIT(c, VALUE_RULES, &t, v->attrs);
    }
    target t = {.e = e};
    const arena_mark before = arena_save(c->line);
    VISIT(c, ENUM_RULES, &t, block_attrs(c, e->ast));
    if (!c->oom) arena_rewind(c->line, before);
}

void attrs_resolve(sc_ctx *c)
{
    for (size_t i = 0; i < c->s->models_n && !c->oom; i++) {
        model_info *m = &c->models[i];
        for (size_t k = 0; k < m->m->fields_n && !c->oom; k++)
            if (m->fields[k].f->kind == FIELD_RELATION) field_attrs(c, m, &m->fields[k]);
    }
    size_t models = 0, enums = 0, types = 0;
    for (const ast_top *t = c->tops; t != NULL && !c->oom; t = t->next) {
        if (t->kind == TOP_ENUM) enum_attrs(c, &c->enums[enums++]);
        if (t->kind == TOP_TYPE) composite_attrs(c, &c->types[types++]);
        if (t->kind != TOP_MODEL && t->kind != TOP_VIEW) continue;
        model_attrs(c, &c->models[models++]);
    }
}
