/* schema/expr.c - reading typed values out of expressions; each failure says what was expected and what was found. */
#include "schema/schema_int.h"

const char *expr_kind_name(const ast_expr *e)
{
    static const char *const names[] = {[EXPR_NUMBER] = "numeric",  [EXPR_STRING] = "string", [EXPR_PATH] = "literal",
                                        [EXPR_CALL] = "functional", [EXPR_ARRAY] = "array",   [EXPR_OBJECT] = "object"};
    return names[e->kind];
}

typedef struct texter {
    sc_ctx *c;
    buf b;
} texter;

static void put_expr(texter *t, const ast_expr *e);

static void put_args(texter *t, const ast_args *args, char open, char close)
{
    buf_char(&t->b, open);
    for (const ast_arg *a = args->first; a != NULL; a = a->next) {
        if (a != args->first) buf_char(&t->b, ',');
        if (a->name.name.len != 0) {
            buf_str(&t->b, a->name.name);
            buf_lit(&t->b, ": ");
        }
        put_expr(t, a->value);
    }
    buf_char(&t->b, close);
}

/* As it would be written with the fewest escapes. */
static void put_string(buf *b, nicol_str text)
{
    static const char from[] = "\"\\\n\r\t", to[] = "\"\\nrt";
    buf_char(b, '"');
    for (size_t i = 0; i < text.len; i++) {
        const char *known = memchr(from, text.ptr[i], sizeof(from) - 1);
        if (known != NULL) buf_char(b, '\\');
        buf_char(b, known != NULL ? to[known - from] : text.ptr[i]);
    }
    buf_char(b, '"');
}

static void put_object(texter *t, const ast_args *members)
{
    buf_lit(&t->b, "{ ");
    for (const ast_arg *a = members->first; a != NULL; a = a->next) {
        if (a != members->first) buf_lit(&t->b, ", ");
        buf_str(&t->b, a->name.name);
        buf_lit(&t->b, ": ");
        put_expr(t, a->value);
    }
    buf_lit(&t->b, " }");
}

static void put_expr(texter *t, const ast_expr *e)
{
    switch (e->kind) {
    case EXPR_NUMBER:
    case EXPR_PATH:
        buf_str(&t->b, e->text);
        break;
    case EXPR_STRING:
        put_string(&t->b, e->text);
        break;
    case EXPR_CALL:
        buf_str(&t->b, e->text);
        put_args(t, &e->args, '(', ')');
        break;
    case EXPR_OBJECT:
        put_object(t, &e->args);
        break;
    case EXPR_ARRAY:
        buf_char(&t->b, '[');
        for (const ast_expr *i = e->items; i != NULL; i = i->next) {
            if (i != e->items) buf_char(&t->b, ',');
            put_expr(t, i);
        }
        buf_char(&t->b, ']');
        break;
    }
}

nicol_str expr_text(sc_ctx *c, const ast_expr *e)
{
    texter t = {.c = c};
    buf_init(&t.b, &c->tmem, SIZE_MAX / 2);
    put_expr(&t, e);
    if (buf_failed(&t.b)) c->oom = true;
    return buf_failed(&t.b) ? (nicol_str){0} : buf_view(&t.b);
}

nicol_str expr_text_keep(sc_ctx *c, const ast_expr *e)
{
    if (e->kind == EXPR_NUMBER || e->kind == EXPR_PATH) return e->text; /* of the source, which is kept */
    nicol_str s = arena_str(c->a, expr_text(c, e));
    if (s.ptr == NULL) c->oom = true;
    return s;
}

static bool mismatch(sc_ctx *c, const ast_expr *e, const char *expected)
{
    nicol_str text = expr_text(c, e);
    diag_error(&c->diags, e->at, "Expected a %s value, but received %s value `%.*s`.", expected, expr_kind_name(e),
               STR_FMT(text));
    return false;
}

bool expr_string(sc_ctx *c, const ast_expr *e, nicol_str *out)
{
    if (e->kind != EXPR_STRING) return mismatch(c, e, "string");
    *out = e->text;
    return true;
}

bool expr_constant(sc_ctx *c, const ast_expr *e, nicol_str *out)
{
    if (e->kind != EXPR_PATH) return mismatch(c, e, "constant");
    *out = e->text;
    return true;
}

bool expr_boolean(sc_ctx *c, const ast_expr *e, bool *out)
{
    *out = str_eq(e->text, S("true"));
    if (e->kind == EXPR_PATH && (*out || str_eq(e->text, S("false")))) return true;
    return mismatch(c, e, "boolean");
}

bool expr_integer(sc_ctx *c, const ast_expr *e, int64_t *out)
{
    if (e->kind == EXPR_NUMBER && str_to_i64(e->text, out)) return true;
    return mismatch(c, e, "numeric");
}

bool is_call(const ast_expr *e, nicol_str name)
{
    return e != NULL && e->kind == EXPR_CALL && str_eq(e->text, name);
}

nicol_str arg_string(sc_ctx *c, ast_attr *a, nicol_str name)
{
    nicol_str out = {0};
    const ast_expr *e = arg_opt(a, name);
    if (e == NULL || !expr_string(c, e, &out)) return out;
    if (out.len == 0) error_attr(c, a, "The `%.*s` argument cannot be an empty string.", STR_FMT(name));
    return out;
}
