/* schema/where.c - the condition of a partial index: raw("...") as the database reads it, or { field: value }.
 *
 * The object form is told in the schema's own terms, so it is checked like everything else in it. Only the first mistake
 * is told: what follows it in the object would be judged by guesswork.
 */
#include "schema/schema_int.h"

static bool raw_condition(sc_ctx *c, const ast_attr *a, const ast_expr *e)
{
    nicol_str text;
    const ast_arg *arg = e->args.first;
    if (arg == NULL || !expr_string(c, arg->value, &text)) {
        error_attr(c, a,
                   "The `where` argument must be a raw() function with a string argument, e.g. `where: raw(\"status = "
                   "'active'\")`.");
        return false;
    }
    if (text.len == 0) error_attr(c, a, "The `where` argument cannot contain an empty string.");
    return text.len != 0;
}

#define T(t) (1u << (t))

/* Whether a value of this kind ("a Number") can be compared with the field. */
static bool fits(sc_ctx *c, const ast_attr *a, const field_info *f, unsigned types, const char *kind)
{
    nicol_str name = f->f->name;
    if (f->f->kind == FIELD_SCALAR) {
        if ((types & T(f->f->type)) != 0) return true;
        nicol_str type = schema_scalar_name(f->f->type);
        error_attr(c, a, "Type mismatch: field '%.*s' is of type %.*s, but the value is %s.", STR_FMT(name),
                   STR_FMT(type), kind);
    } else if (f->f->kind != FIELD_ENUM) {
        error_attr(c, a,
                   "Field '%.*s' is %s and cannot be used in the object syntax of a where clause. Use raw() instead.",
                   STR_FMT(name), f->composite ? "a composite type" : "an unsupported type");
    } else if ((types & T(SCALAR_STRING)) == 0) {
        error_attr(c, a, "Type mismatch: field '%.*s' is an Enum and only accepts String values in the where clause.",
                   STR_FMT(name));
    } else {
        return true;
    }
    return false;
}

static bool value_fits(sc_ctx *c, const ast_attr *a, const field_info *f, const ast_expr *e, bool negated)
{
    static const unsigned texts = T(SCALAR_STRING) | T(SCALAR_DATETIME);
    static const unsigned numbers = T(SCALAR_INT) | T(SCALAR_BIGINT) | T(SCALAR_FLOAT) | T(SCALAR_DECIMAL);
    if (e->kind == EXPR_STRING) return fits(c, a, f, texts, "a String");
    if (e->kind == EXPR_NUMBER) return fits(c, a, f, numbers, "a Number");
    if (e->kind == EXPR_PATH) {
        if (str_eq(e->text, S("true")) || str_eq(e->text, S("false")))
            return fits(c, a, f, T(SCALAR_BOOLEAN), "Boolean");
        if (str_eq(e->text, S("null"))) return true;
        error_attr(
            c, a,
            "Invalid value '%.*s' in where clause. Expected true, false, null, a string, a number, or an object like "
            "{ not: null }.",
            STR_FMT(e->text));
        return false;
    }
    if (e->kind != EXPR_OBJECT || negated) {
        error_attr(
            c, a,
            "Invalid value in where clause. Expected true, false, null, a string, a number, or an object like { not: "
            "null }.");
        return false;
    }
    if (e->args.n != 1) {
        error_attr(
            c, a,
            "Nested object in where clause must have exactly one key. Use `{ not: null }` or `{ not: \"value\" }`.");
        return false;
    }
    const ast_arg *inner = e->args.first;
    if (str_eq(inner->name.name, S("not"))) return value_fits(c, a, f, inner->value, true);
    error_attr(c, a, "Unknown key '%.*s' in nested where clause object. Only 'not' is supported.",
               STR_FMT(inner->name.name));
    return false;
}

static bool member_fits(sc_ctx *c, const model_info *m, const ast_attr *a, const ast_arg *member)
{
    nicol_str name = member->name.name;
    const field_info *f = field_find(m, name);
    if (f == NULL) {
        error_attr(c, a, "Field '%.*s' does not exist in model '%.*s'.", STR_FMT(name), STR_FMT(m->m->name));
        return false;
    }
    if (f->f->kind == FIELD_RELATION || f->unknown_type) {
        error_attr(c, a, "Field '%.*s' is a relation field. Only scalar fields can be used in the where clause.",
                   STR_FMT(name));
        return false;
    }
    return value_fits(c, a, f, member->value, false);
}

void where_check(sc_ctx *c, const model_info *m, const ast_attr *a, const ast_expr *e)
{
    if (e->kind == EXPR_OBJECT) {
        if (e->args.n == 0) error_attr(c, a, "The `where` argument cannot be an empty object.");
        for (const ast_arg *x = e->args.first; x != NULL; x = x->next)
            if (!member_fits(c, m, a, x)) return;
        return;
    }
    if (is_call(e, S("raw"))) {
        (void)raw_condition(c, a, e);
        return;
    }
    if (e->kind != EXPR_CALL) {
        nicol_str text = expr_text(c, e);
        diag_error(&c->diags, e->at, "Expected a function value, but received %s value `%.*s`.", expr_kind_name(e),
                   STR_FMT(text));
    }
    error_attr(
        c, a,
        "The `where` argument must be either a raw() function call or an object literal, e.g. `where: raw(\"status = "
        "'active'\")` or `where: { active: true }`.");
}
