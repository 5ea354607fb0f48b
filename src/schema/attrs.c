/* schema/attrs.c - attributes and their arguments: each is taken once, and what nobody took is reported.
 *
 * attr_one and attr_next hand out an attribute, arg_opt and arg_main its arguments; args_done and attrs_done report the
 * rest. So a rule only says what it wants, and typos, duplicates and leftovers are found in one place.
 */
#include <stdarg.h>
#include <stdio.h>

#include "schema/schema_int.h"

static NICOL_PRINTF(2, 0) nicol_str format_text(sc_ctx *c, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    char *p = n < 0 ? NULL : arena_alloc(c->t, (size_t)n + 1);
    if (p != NULL) vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    if (p == NULL) c->oom = true;
    return p == NULL ? (nicol_str){0} : str_of(p, (size_t)n);
}

nicol_str ctx_text(sc_ctx *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    nicol_str s = format_text(c, fmt, args);
    va_end(args);
    return s;
}

const char *block_word(const model_info *m)
{
    return m->is_type ? "composite type" : m->m->is_view ? "view" : "model";
}

void error_attr(sc_ctx *c, const ast_attr *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    nicol_str s = format_text(c, fmt, args);
    va_end(args);
    diag_error(&c->diags, a->at, "Error parsing attribute \"@%.*s\": %.*s", STR_FMT(a->name.name), STR_FMT(s));
}

void error_attr_at(sc_ctx *c, nicol_str attr, span at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    nicol_str s = format_text(c, fmt, args);
    va_end(args);
    diag_error(&c->diags, at, "Error parsing attribute \"%.*s\": %.*s", STR_FMT(attr), STR_FMT(s));
}

void error_model(sc_ctx *c, const model_info *m, span at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    nicol_str s = format_text(c, fmt, args);
    va_end(args);
    diag_error(&c->diags, at, "Error validating %s \"%.*s\": %.*s", m->m->is_view ? "view" : "model",
               STR_FMT(m->m->name), STR_FMT(s));
}

void error_field(sc_ctx *c, const field_info *f, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    nicol_str s = format_text(c, fmt, args);
    va_end(args);
    diag_error(&c->diags, field_at(f), "Error validating field `%.*s` in %s `%.*s`: %.*s", STR_FMT(f->f->name),
               f->owner->m->is_view ? "view" : "model", STR_FMT(f->owner->m->name), STR_FMT(s));
}

static nicol_str label(sc_ctx *c, const ast_attr *a)
{
    return ctx_text(c, "@%.*s", STR_FMT(a->name.name));
}

/* Arguments without a value spoil their attribute; a trailing comma is reported but does no harm. */
static bool args_sound(sc_ctx *c, const ast_attr *a, const ast_args *args)
{
    for (const ast_arg *e = args->empty; e != NULL; e = e->next)
        error_attr_at(c, label(c, a), e->name.at, "The `%.*s` argument is missing a value.", STR_FMT(e->name.name));
    for (const ast_arg *x = args->first; x != NULL; x = x->next) {
        if (x->value->kind != EXPR_ARRAY) continue;
        for (const ast_expr *i = x->value->items; i != NULL; i = i->next) {
            for (const ast_arg *e = i->kind == EXPR_CALL ? i->args.empty : NULL; e != NULL; e = e->next) {
                nicol_str name = label(c, a);
                error_attr_at(c, ctx_text(c, "@%.*s", STR_FMT(name)), e->name.at,
                              "The `%.*s` argument is missing a value.", STR_FMT(e->name.name));
            }
        }
    }
    if (args->comma.end != 0) {
        error_attr_at(c, label(c, a), args->comma,
                      "Trailing commas are not valid in attribute arguments, please remove the comma.");
    }
    return args->empty == NULL;
}

/* Of arguments given twice the last one counts; each further one is reported. */
static void args_unique(sc_ctx *c, ast_attr *a)
{
    size_t unnamed = 0;
    for (ast_arg *x = a->args.first; x != NULL; x = x->next) {
        unnamed += x->name.name.len == 0;
        if (x->name.name.len == 0) continue;
        for (ast_arg *y = a->args.first; y != x; y = y->next) {
            if (y->used || !str_eq(x->name.name, y->name.name)) continue;
            diag_error(&c->diags, x->at, "Argument \"%.*s\" is already specified.", STR_FMT(x->name.name));
            y->used = true;
            break;
        }
    }
    if (unnamed < 2) return;
    buf list;
    size_t left = unnamed;
    buf_init(&list, &c->tmem, SIZE_MAX / 2);
    for (ast_arg *x = a->args.first; x != NULL; x = x->next) {
        if (x->name.name.len != 0) continue;
        if (list.len != 0) buf_lit(&list, ", ");
        buf_str(&list, expr_text(c, x->value));
        if (--left != 0) x->used = true;
    }
    if (buf_failed(&list)) c->oom = true;
    nicol_str joined = buf_view(&list);
    error_attr(
        c, a,
        "You provided multiple unnamed arguments. This is not possible. Did you forget the brackets? Did you mean "
        "`[%.*s]`?",
        STR_FMT(joined));
}

/* Whether the attribute's arguments are good enough for its rule to look at them. */
static bool attr_sound(sc_ctx *c, ast_attr *a)
{
    bool sound = args_sound(c, a, &a->args);
    for (const ast_arg *x = a->args.first; x != NULL; x = x->next)
        if (x->value->kind == EXPR_CALL) sound = args_sound(c, a, &x->value->args) && sound;
    if (sound) args_unique(c, a);
    return sound;
}

static bool matches(const ast_attr *a, nicol_str name)
{
    return !a->used && str_eq(a->name.name, name);
}

ast_attr *attr_one(sc_ctx *c, ast_attr *list, nicol_str name)
{
    ast_attr *first = NULL;
    size_t n = 0;
    for (ast_attr *a = list; a != NULL; a = a->next) {
        if (!matches(a, name)) continue;
        if (n++ == 0) first = a;
    }
    if (n == 0) return NULL;
    if (n == 1) {
        first->used = true;
        return attr_sound(c, first) ? first : NULL;
    }
    for (ast_attr *a = first; a != NULL; a = a->next) {
        if (!matches(a, name)) continue;
        a->used = true;
        diag_error(&c->diags, a->at, "Attribute \"@%.*s\" can only be defined once.", STR_FMT(name));
    }
    return NULL;
}

ast_attr *attr_next(sc_ctx *c, ast_attr *list, nicol_str name)
{
    for (ast_attr *a = list; a != NULL; a = a->next) {
        if (!matches(a, name)) continue;
        a->used = true;
        if (attr_sound(c, a)) return a;
    }
    return NULL;
}

const ast_expr *arg_opt(ast_attr *a, nicol_str name)
{
    for (ast_arg *x = a->args.first; x != NULL; x = x->next) {
        if (x->used || !str_eq(x->name.name, name)) continue;
        x->used = true;
        return x->value;
    }
    return NULL;
}

const ast_arg *arg_find(const ast_attr *a, nicol_str name)
{
    const ast_arg *x = a->args.first;
    while (x != NULL && !str_eq(x->name.name, name)) x = x->next;
    return x;
}

/* The argument that may stand without its name. */
const ast_expr *arg_main(sc_ctx *c, ast_attr *a, nicol_str name, bool required)
{
    ast_arg *named = NULL, *bare = NULL;
    for (ast_arg *x = a->args.first; x != NULL; x = x->next) {
        if (x->used) continue;
        if (named == NULL && str_eq(x->name.name, name)) named = x;
        if (bare == NULL && x->name.name.len == 0) bare = x;
    }
    if (named != NULL) named->used = true;
    if (bare != NULL) bare->used = true;
    if (named != NULL && bare != NULL) {
        if (required) {
            diag_error(&c->diags, named->at, "Argument \"%.*s\" is already specified as unnamed argument.",
                       STR_FMT(name));
        }
        return NULL;
    }
    if (named == NULL && bare == NULL) {
        if (required) diag_error(&c->diags, a->at, "Argument \"%.*s\" is missing.", STR_FMT(name));
        return NULL;
    }
    return named != NULL ? named->value : bare->value;
}

void args_done(sc_ctx *c, ast_attr *a)
{
    for (ast_arg *x = a->args.first; x != NULL; x = x->next) {
        if (x->used) continue;
        diag_line(&c->diags, x->at, S("No such argument."));
    }
}

static void help_attr(sc_ctx *c, const ast_attr *a)
{
    static const char *const field[] = {"id", "unique", "default", "map", "updatedAt", "relation", "ignore"};
    static const char *const block[] = {"id", "unique", "index", "fulltext", "map", "ignore", "schema"};
    bool of_block = str_starts(ctx_source(c, a->at), S("@@"));
    const char *const *list = of_block ? block : field, *const *other = of_block ? field : block;
    const char *ats = of_block ? "@@" : "@";
    if (c->diags.n > HELPED) return;
    near n = near_of(a->name.name);
    for (size_t i = 0; i < sizeof(field) / sizeof(field[0]); i++) {
        near_try(&n, str_c(list[i]));
        if (!str_eq(a->name.name, str_c(other[i]))) continue;
        if (of_block) diag_help(&c->diags, "`@%s` stands behind a field", other[i]);
        else diag_help(&c->diags, "`@@%s` stands on a line of its own, and names its fields", other[i]);
        return;
    }
    if (n.best.len != 0) diag_help(&c->diags, "did you mean `%s%.*s`?", ats, STR_FMT(n.best));
}

void attrs_done(sc_ctx *c, ast_attr *list)
{
    for (const ast_attr *a = list; a != NULL; a = a->next) {
        if (a->used) continue;
        diag_error(&c->diags, a->at, "Attribute not known: \"@%.*s\".", STR_FMT(a->name.name));
        help_attr(c, a);
    }
}
