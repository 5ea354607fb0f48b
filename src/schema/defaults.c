/* schema/defaults.c - @default: one row per function, one rule per scalar type.
 *
 * Two steps, as in the reference: whether the expression fits the field's type (with the other attributes), and whether
 * a literal's text is a value of the type and the provider knows the function (with the checks).
 */
#include "schema/schema_int.h"

#define T(t) (1u << (t))
#define T_ANY 0xFFFFFFFFu

const schema_default NO_DEFAULT = {.kind = DEFAULT_NONE};

typedef struct fn_rule {
    nicol_str name;
    schema_default_kind kind;
    unsigned types;
    int args;            /* 0: none; 1: an optional integer */
    int64_t least, most; /* of the integer */
    int64_t absent;      /* when it is left out */
    const char *range;   /* how messages say it */
} fn_rule;

static const fn_rule FUNCTIONS[] = {
    {NICOL_STR("autoincrement"), DEFAULT_AUTOINCREMENT, T(SCALAR_INT) | T(SCALAR_BIGINT), 0, 0, 0, 0, NULL},
    {NICOL_STR("cuid"), DEFAULT_CUID, T(SCALAR_STRING), 1, 1, 2, 1, "which is either 1 or 2"},
    {NICOL_STR("uuid"), DEFAULT_UUID4, T(SCALAR_STRING), 1, 4, 7, 4, "which is either 4 or 7"},
    {NICOL_STR("ulid"), DEFAULT_ULID, T(SCALAR_STRING), 0, 0, 0, 0, NULL},
    {NICOL_STR("nanoid"), DEFAULT_NANOID, T(SCALAR_STRING), 1, 2, 255, 21, "between 2 and 255"},
    {NICOL_STR("now"), DEFAULT_NOW, T(SCALAR_DATETIME), 0, 0, 0, 0, NULL},
    {NICOL_STR("auto"), DEFAULT_AUTO, T_ANY, 0, 0, 0, 0, NULL},
};

static const fn_rule *function_rule(nicol_str name)
{
    for (size_t i = 0; i < sizeof(FUNCTIONS) / sizeof(FUNCTIONS[0]); i++)
        if (str_eq(name, FUNCTIONS[i].name)) return &FUNCTIONS[i];
    return NULL;
}

/* --- does it fit? ------------------------------------------------------------------------------------------------------ */

static bool dbgenerated_fits(sc_ctx *c, const ast_attr *a, const ast_expr *e)
{
    const ast_arg *arg = e->args.first;
    if (e->args.n > 1) error_attr(c, a, "`dbgenerated()` takes a single String argument");
    if (arg == NULL) return true;
    if (arg->value->kind != EXPR_STRING) {
        error_attr(c, a, "`dbgenerated()` takes a single String argument");
        return false;
    }
    if (arg->value->text.len != 0) return e->args.n == 1;
    error_attr(c, a, "dbgenerated() takes either no argument, or a single nonempty string argument.");
    return false;
}

static bool integer_in(const fn_rule *r, const ast_expr *e)
{
    int64_t v;
    if (!str_to_i64(e->text, &v) || v < r->least || v > r->most) return false;
    return r->kind != DEFAULT_UUID4 || v == 4 || v == 7;
}

static bool function_fits(sc_ctx *c, const field_info *f, const ast_attr *a, const ast_expr *e, const fn_rule *r)
{
    nicol_str name = r->name;
    if ((r->types & T(f->f->type)) == 0) {
        nicol_str type = schema_scalar_name(f->f->type);
        error_attr(c, a, "The function `%.*s()` cannot be used on fields of type `%.*s`.", STR_FMT(name),
                   STR_FMT(type));
        return false;
    }
    if (r->kind == DEFAULT_AUTO && e->args.n != 0) {
        error_attr(c, a, "`auto()` takes no arguments");
        return false;
    }
    if (r->args == 0 && e->args.n != 0) {
        error_attr(c, a, "The `%.*s` function does not take any argument. Consider changing this default to `%.*s()`.",
                   STR_FMT(name), STR_FMT(name));
        return false;
    }
    if (e->args.n == 0) return true;
    if (e->args.n > 1) error_attr(c, a, "`%.*s()` takes a single Int argument.", STR_FMT(name));
    if (e->args.first->value->kind != EXPR_NUMBER) {
        error_attr(c, a, "`%.*s()` takes a single Int argument.", STR_FMT(name));
        return false;
    }
    if (integer_in(r, e->args.first->value)) return e->args.n == 1;
    error_attr(c, a, "`%.*s()` takes either no argument, or a single integer argument %s.", STR_FMT(name), r->range);
    return false;
}

/* A literal's kind against the type; its text is read later. */
static bool literal_fits(sc_ctx *c, const field_info *f, const ast_attr *a, const ast_expr *e)
{
    static const unsigned strings =
        T(SCALAR_STRING) | T(SCALAR_JSON) | T(SCALAR_BYTES) | T(SCALAR_DATETIME) | T(SCALAR_DECIMAL);
    static const unsigned numbers = T(SCALAR_INT) | T(SCALAR_BIGINT) | T(SCALAR_FLOAT) | T(SCALAR_DECIMAL);
    unsigned type = T(f->f->type);
    if (e->kind == EXPR_STRING && (strings & type) != 0) return true;
    if (e->kind == EXPR_NUMBER && (numbers & type) != 0) return true;
    if (e->kind == EXPR_PATH && f->f->type == SCALAR_BOOLEAN) {
        if (str_eq(e->text, S("true")) || str_eq(e->text, S("false"))) return true;
        error_attr_at(c, S("@default"), e->at, "A boolean literal must be `true` or `false`.");
        return false;
    }
    nicol_str name = schema_scalar_name(f->f->type), text = expr_text(c, e);
    error_attr(c, a, "Expected a %.*s value, but found `%.*s`.", STR_FMT(name), STR_FMT(text));
    if (e->kind == EXPR_STRING &&
        (f->f->type == SCALAR_INT || f->f->type == SCALAR_BIGINT || f->f->type == SCALAR_FLOAT))
        diag_help(&c->diags, "write a number, without quotes");
    else if (e->kind != EXPR_STRING && f->f->type == SCALAR_STRING)
        diag_help(&c->diags, "texts stand in double quotes: `@default(\"...\")`");
    return false;
}

static bool enum_value_fits(sc_ctx *c, const field_info *f, const ast_attr *a, const ast_expr *e)
{
    if (e->kind != EXPR_PATH) {
        nicol_str text = expr_text(c, e);
        error_attr(c, a, "Expected an enum value, but found `%.*s`.", STR_FMT(text));
        return false;
    }
    if (schema_enum_value_get(f->f->en, e->text) != NULL) return true;
    near n = near_of(e->text);
    error_attr(c, a, "The defined default value `%.*s` is not a valid value of the enum specified for the field.",
               STR_FMT(e->text));
    for (size_t i = 0; i < f->f->en->values_n && c->diags.n <= HELPED; i++) near_try(&n, f->f->en->values[i].name);
    if (n.best.len != 0) {
        diag_help(&c->diags, "did you mean `%.*s`?", STR_FMT(n.best));
    } else if (c->diags.n <= HELPED && f->f->en->values_n != 0) {
        buf list;
        buf_init(&list, &c->tmem, SIZE_MAX / 2);
        for (size_t i = 0; i < f->f->en->values_n && i < 8; i++)
            buf_printf(&list, "%s`%.*s`", i != 0 ? ", " : "", STR_FMT(f->f->en->values[i].name));
        if (buf_failed(&list)) c->oom = true;
        else
            diag_help(&c->diags, "the values of `%.*s` are %.*s%s", STR_FMT(f->f->en->name), STR_FMT(buf_view(&list)),
                      f->f->en->values_n > 8 ? ", ..." : "");
    }
    return false;
}

static bool enum_fits(sc_ctx *c, const field_info *f, const ast_attr *a, const ast_expr *e)
{
    bool ok = true;
    if (f->f->arity != ARITY_LIST) return enum_value_fits(c, f, a, e);
    if (e->kind != EXPR_ARRAY) {
        nicol_str text = expr_text(c, e);
        error_attr(c, a, "Expected an enum value, but found `%.*s`.", STR_FMT(text));
        return false;
    }
    for (const ast_expr *i = e->items; i != NULL; i = i->next) ok = enum_value_fits(c, f, a, i) && ok;
    return ok;
}

static bool scalar_fits(sc_ctx *c, field_info *f, const ast_attr *a, const ast_expr *e)
{
    bool ok = true;
    if (e->kind == EXPR_CALL) {
        const fn_rule *r = function_rule(e->text);
        if (r == NULL) {
            f->unknown_function = true; /* the provider may know it */
            return true;
        }
        if (r->kind == DEFAULT_AUTOINCREMENT && f->has_default_map) {
            error_attr(c, a, "Naming an autoincrement default value is not allowed.");
            return false;
        }
        return function_fits(c, f, a, e, r);
    }
    if (f->f->arity != ARITY_LIST) {
        if (e->kind != EXPR_ARRAY) return literal_fits(c, f, a, e);
        error_attr(c, a, "The default value of a non-list field cannot be a list.");
        return false;
    }
    if (e->kind != EXPR_ARRAY) {
        error_attr(c, a, "The default value of a list field must be a list.");
        return false;
    }
    for (const ast_expr *i = e->items; i != NULL; i = i->next) ok = literal_fits(c, f, a, i) && ok;
    return ok;
}

static void take_value(sc_ctx *c, schema_field *f, const ast_expr *e);

/* Whether a field of a composite type can have this default at all: only what a client can make. */
static bool in_composite(sc_ctx *c, const field_info *f, const ast_attr *a, const ast_expr *e)
{
    if (is_call(e, S("dbgenerated"))) {
        error_attr(c, a, "Fields of composite types cannot have `dbgenerated()` as default.");
        return false;
    }
    if (f->f->kind == FIELD_UNSUPPORTED && !f->composite) {
        error_attr(c, a, "Composite field of type `Unsupported` cannot have default values.");
        return false;
    }
    if (f->f->kind != FIELD_SCALAR || e->kind != EXPR_CALL) return true;
    if (is_call(e, S("auto")) || is_call(e, S("autoincrement"))) {
        error_attr(c, a, "The function `%.*s()` is not supported on composite fields.", STR_FMT(e->text));
        return false;
    }
    if (function_rule(e->text) != NULL) return true;
    default_unknown_function(c, e);
    return false;
}

void default_unknown_function(sc_ctx *c, const ast_expr *e)
{
    diag_error(&c->diags, e->at,
               "Unknown function in @default(): `%.*s` is not known. You can read about the available functions here: "
               "https://pris.ly/d/attribute-functions",
               STR_FMT(e->text));
}

void default_resolve(sc_ctx *c, field_info *f, ast_attr *a)
{
    const ast_expr *e = arg_main(c, a, S("value"), true);
    bool ok = false;
    if (e == NULL) return;
    if (f->owner->is_type) {
        if (arg_opt(a, S("map")) != NULL)
            error_attr(c, a, "The `map` argument is not allowed on a composite type field.");
    } else {
        f->has_default_map = arg_string(c, a, S("map")).len != 0;
    }
    if (f->owner->is_type && !in_composite(c, f, a, e)) return;
    if (is_call(e, S("dbgenerated"))) {
        ok = dbgenerated_fits(c, a, e);
    } else if (f->composite) {
        diag_error(
            &c->diags, a->at,
            "Error validating field `%.*s` in composite type `%.*s`: Defaults on fields of type composite are not "
            "supported. Please remove the `@default` attribute.",
            STR_FMT(f->f->name), STR_FMT(type_again(c, a->at.file, decl_of(f)).type.name));
    } else if (f->f->kind == FIELD_UNSUPPORTED) {
        error_attr(c, a, "Only @default(dbgenerated(\"...\")) can be used for Unsupported types.");
    } else {
        ok = f->f->kind == FIELD_ENUM ? enum_fits(c, f, a, e) : scalar_fits(c, f, a, e);
    }
    if (!ok) return;
    f->has_default = true;
    take_value(c, f->f, e);
}

/* --- is it a value? --------------------------------------------------------------------------------------------------- */

static bool is_base64(nicol_str s)
{
    size_t pad = 0;
    if (s.len % 4 != 0) return false;
    for (size_t i = 0; i < s.len; i++) {
        char ch = s.ptr[i];
        if (ch == '=' && i + 2 >= s.len) {
            pad++;
            continue;
        }
        bool letter =
            (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') || ch == '+' || ch == '/';
        if (!letter || pad != 0) return false;
    }
    return true;
}

static void bad_text(sc_ctx *c, const ast_expr *e, const char *attr, const char *what, nicol_str why)
{
    error_attr_at(c, str_c(attr), e->at, "Parse error: \"%.*s\" is not a valid %s. (%.*s)", STR_FMT(e->text), what,
                  STR_FMT(why));
}

static nicol_str integer_wrong(nicol_str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((s.ptr[i] < '0' || s.ptr[i] > '9') && !(i == 0 && s.ptr[i] == '-'))
            return S("invalid digit found in string");
    return s.len != 0 && s.ptr[0] == '-' ? S("number too small to fit in target type")
                                         : S("number too large to fit in target type");
}

static nicol_str datetime_wrong(nicol_str s)
{
    /* The form YYYY-MM-DDThh:mm:ss with a fraction and a zone, letter by letter; what stops the reading is the reason. */
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    for (size_t i = 0; i < sizeof(form) - 1; i++) {
        if (i >= s.len) return S("premature end of input");
        char ch = s.ptr[i];
        bool digit = ch >= '0' && ch <= '9';
        bool good = form[i] == 'd' ? digit : form[i] == 'T' ? ch == 'T' || ch == 't' || ch == ' ' : ch == form[i];
        if (good) continue;
        /* A number that starts with a letter but is long enough is wrong; one that is cut short has ended. */
        return form[i] == 'd' && s.len - i < 4 && i == 0 ? S("premature end of input")
                                                         : S("input contains invalid characters");
    }
    size_t at = sizeof(form) - 1;
    if (at < s.len && s.ptr[at] == '.')
        for (at++; at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9';) at++;
    if (at >= s.len) return S("premature end of input");
    return S("input is out of range");
}

static void check_literal(sc_ctx *c, const field_info *f, const ast_expr *e)
{
    int64_t i;
    double d;
    buf json;
    switch (f->f->type) {
    case SCALAR_INT:
    case SCALAR_BIGINT:
        if (!str_to_i64(e->text, &i)) bad_text(c, e, "@default", "integer", integer_wrong(e->text));
        break;
    case SCALAR_FLOAT:
        if (!float_parse(e->text, &d) && str_to_i64(e->text, &i)) break;
        break;
    case SCALAR_DECIMAL:
        if (e->kind == EXPR_STRING && !decimal_valid(e->text))
            bad_text(c, e, "default", "decimal",
                     e->text.len == 0 ? S("Failed to parse empty string") : S("invalid digit found in string"));
        break;
    case SCALAR_DATETIME:
        if (!datetime_parse_rfc3339(e->text, &i))
            bad_text(c, e, "@default", "rfc3339 datetime string", datetime_wrong(e->text));
        break;
    case SCALAR_BYTES:
        if (!is_base64(e->text))
            bad_text(c, e, "@default", "base64 string",
                     S("Could not convert from `base64 encoded bytes` to `PrismaValue::Bytes`"));
        break;
    case SCALAR_JSON:
        buf_init(&json, &c->tmem, SIZE_MAX / 2);
        if (!jsontext_valid(e->text, &json)) bad_text(c, e, "@default", "JSON string", buf_view(&json));
        if (buf_failed(&json)) c->oom = true;
        break;
    case SCALAR_STRING:
    case SCALAR_BOOLEAN:
    case SCALAR_ENUM:
    case SCALAR_UUID:
    case SCALAR_UNKNOWN:
    case SCALAR_N:
        break;
    }
}

/* Whether the value that was taken tells that there is nothing wrong with the text. */
static bool surely_good(const schema_field *f)
{
    if (f->def->kind != DEFAULT_VALUE) return f->def->kind != DEFAULT_AUTO;
    if (f->arity == ARITY_LIST) return false;
    uint8_t type = f->def->value.type;
    return type == VAL_INT || type == VAL_BOOL || type == VAL_STR || type == VAL_FLOAT || type == VAL_DATETIME;
}

void default_check(sc_ctx *c, field_info *f)
{
    if (!f->has_default || f->f->kind != FIELD_SCALAR || surely_good(f->f)) return;
    const ast_expr *e = default_expr(c, f);
    if (e->kind == EXPR_ARRAY) {
        for (const ast_expr *i = e->items; i != NULL; i = i->next) check_literal(c, f, i);
    } else if (e->kind == EXPR_CALL) {
        if (is_call(e, S("auto")) && c->prov != NULL && c->prov->id != PROVIDER_MONGODB)
            error_attr_at(c, S("@default"), e->at, "The current connector does not support the `auto()` function.");
    } else {
        check_literal(c, f, e);
    }
}

/* --- the value itself -------------------------------------------------------------------------------------------------- */

static val literal_value(sc_ctx *c, const schema_field *f, const ast_expr *e)
{
    int64_t i = 0;
    double d = 0;
    nicol_str s = e->text;
    switch (f->type) {
    case SCALAR_INT:
    case SCALAR_BIGINT:
        return str_to_i64(s, &i) ? val_int(i) : val_null();
    case SCALAR_FLOAT:
        return float_parse(s, &d) ? val_float(d) : val_null();
    case SCALAR_DECIMAL:
        return val_text(VAL_DECIMAL, s);
    case SCALAR_BOOLEAN:
        return val_bool(str_eq(s, S("true")));
    case SCALAR_DATETIME:
        return datetime_parse_rfc3339(s, &i) ? (val){.type = VAL_DATETIME, .u.i = i} : val_null();
    case SCALAR_JSON:
        return val_text(VAL_JSON, s);
    case SCALAR_BYTES:
        if (!is_base64(s)) return val_null(); /* the check says so */
        if (base64_read(c->a, s, &s)) return val_text(VAL_BYTES, s);
        c->oom = true;
        return val_null();
    case SCALAR_STRING:
    case SCALAR_ENUM:
    case SCALAR_UUID:
    case SCALAR_UNKNOWN:
    case SCALAR_N:
        break;
    }
    return val_text(VAL_STR, s);
}

static void function_value(schema_default *d, const ast_expr *e)
{
    const fn_rule *r = function_rule(e->text);
    const ast_expr *arg = e->args.n == 0 ? NULL : e->args.first->value;
    if (r == NULL) {
        d->kind = is_call(e, S("dbgenerated")) ? DEFAULT_DBGENERATED : DEFAULT_SEQUENCE;
        return;
    }
    d->kind = r->kind;
    d->arg = r->absent;
    if (arg != NULL && !str_to_i64(arg->text, &d->arg)) d->arg = r->absent;
    if (d->kind == DEFAULT_UUID4 && d->arg == 7) d->kind = DEFAULT_UUID7;
    if (d->kind == DEFAULT_CUID && d->arg == 2) d->kind = DEFAULT_CUID2;
}

/* The texts; a single one, as there mostly is, needs no array. */
static void keep_literals(sc_ctx *c, schema_default *d, const ast_expr *e)
{
    size_t n = e->kind == EXPR_CALL ? e->args.n : e->kind != EXPR_ARRAY;
    for (const ast_expr *i = e->items; i != NULL; i = i->next) n++;
    nicol_str *v = n == 1 ? &d->text : KEEP_ARRAY(c, n, nicol_str);
    if (v == NULL) return;
    d->literals = v;
    if (e->kind == EXPR_CALL) {
        for (const ast_arg *a = e->args.first; a != NULL; a = a->next) v[d->literals_n++] = a->value->text;
    } else if (e->kind == EXPR_ARRAY) {
        for (const ast_expr *i = e->items; i != NULL; i = i->next) v[d->literals_n++] = i->text;
    } else {
        v[d->literals_n++] = e->text;
    }
    d->text = v[0];
}

/* Functions that are mostly called without arguments, and then mean the same everywhere. */
static const schema_default *shared_default(const ast_expr *e)
{
    static const schema_default autoincrement = {.kind = DEFAULT_AUTOINCREMENT}, now = {.kind = DEFAULT_NOW};
    if (e->kind != EXPR_CALL || e->args.n != 0) return NULL;
    if (str_eq(e->text, S("autoincrement"))) return &autoincrement;
    return str_eq(e->text, S("now")) ? &now : NULL;
}

static val list_value(sc_ctx *c, const schema_field *f, const ast_expr *e)
{
    size_t n = 0;
    for (const ast_expr *i = e->items; i != NULL; i = i->next) n++;
    val *items = KEEP_ARRAY(c, n, val);
    if (items == NULL) return (val){.type = VAL_LIST};
    n = 0;
    for (const ast_expr *i = e->items; i != NULL; i = i->next) items[n++] = literal_value(c, f, i);
    return (val){.type = VAL_LIST, .n = (uint32_t)n, .u.list = items};
}

static void take_value(sc_ctx *c, schema_field *f, const ast_expr *e)
{
    const schema_default *shared = shared_default(e);
    if (shared != NULL) {
        f->def = shared;
        return;
    }
    schema_default *d = KEEP_ARRAY(c, 1, schema_default);
    if (d == NULL) return;
    f->def = d;
    keep_literals(c, d, e);
    d->kind = DEFAULT_VALUE;
    if (e->kind == EXPR_CALL) function_value(d, e);
    else if (f->kind == FIELD_ENUM) d->value = val_null(); /* default_finish knows its name in the database */
    else d->value = e->kind == EXPR_ARRAY ? list_value(c, f, e) : literal_value(c, f, e);
}

static val enum_value(const schema_enum *e, nicol_str name)
{
    const schema_enum_value *v = schema_enum_value_get(e, name);
    return v == NULL ? val_null() : val_text(VAL_STR, v->db_name);
}

/* Names of enum values in the database are known only when all attributes are. */
void default_finish(sc_ctx *c, field_info *f)
{
    if (f->f->kind != FIELD_ENUM || f->f->def->kind != DEFAULT_VALUE) return;
    schema_default *d = (schema_default *)f->f->def; /* take_value made it */
    if (f->f->arity != ARITY_LIST) {
        d->value = enum_value(f->f->en, d->text);
        return;
    }
    val *items = KEEP_ARRAY(c, d->literals_n, val);
    for (size_t i = 0; items != NULL && i < d->literals_n; i++) items[i] = enum_value(f->f->en, d->literals[i]);
    d->value = (val){.type = VAL_LIST, .n = items == NULL ? 0 : d->literals_n, .u.list = items};
}
