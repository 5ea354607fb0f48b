/* schema/again.c - attributes and types, read again from their places when somebody needs them.
 *
 * The tree of a large schema's attributes would take several times its text, and almost all of it is looked at once. What
 * the checks ask for later is read for a message, or for the few rules that look at arguments.
 */
#include "schema/schema_int.h"

/* What a check gets when memory ran out, so that it need not ask. */
static const ast_expr NO_EXPR = {.kind = EXPR_PATH};
static const ast_attr NO_ATTR = {.comment = 0};

const ast_decl *decl_of(const field_info *f)
{
    return &f->owner->ast->fields[f->f->index];
}

span field_at(const field_info *f)
{
    const ast_decl *d = decl_of(f);
    const char *text = f->f->name.ptr - d->start; /* names are slices of it */
    lex line = {.p = text, .at = d->start, .end = UINT32_MAX};
    lex_line(&line); /* it was read to its end, so it has one */
    lex_newline(&line);
    return (span){f->owner->ast->at.file, d->start, line.at};
}

ast_attr *attrs_read(sc_ctx *c, uint32_t file, uint32_t at)
{
    ast_attr *list = NULL;
    if (at == 0) return NULL;
    if (!ast_attrs_again(c->files, file, at, c->line, c->a, &list)) c->oom = true;
    return c->oom ? NULL : list;
}

/* In c->t, strings included. */
static const ast_attr *read_for_check(sc_ctx *c, uint32_t file, uint32_t at)
{
    ast_attr *list = NULL;
    if (at != 0 && !ast_attrs_again(c->files, file, at, c->t, c->t, &list)) c->oom = true;
    return list;
}

const ast_attr *attr_again(sc_ctx *c, uint32_t file, uint32_t at)
{
    const ast_attr *a = read_for_check(c, file, at);
    return a != NULL ? a : &NO_ATTR;
}

const ast_attr *field_attr(sc_ctx *c, const field_info *f, nicol_str name)
{
    const ast_attr *a = read_for_check(c, f->owner->ast->at.file, decl_of(f)->attrs);
    while (a != NULL && !str_eq(a->name.name, name)) a = a->next;
    return a != NULL ? a : &NO_ATTR;
}

/* The last one, as the rule takes it. */
const ast_attr *native_attr(sc_ctx *c, const field_info *f)
{
    const ast_attr *a = read_for_check(c, f->owner->ast->at.file, decl_of(f)->attrs), *found = &NO_ATTR;
    for (; a != NULL; a = a->next)
        if (str_find_char(a->name.name, '.', 0) != SIZE_MAX) found = a;
    return found;
}

const ast_attr *index_attr(sc_ctx *c, const index_info *x)
{
    return attr_again(c, x->at.file, x->at.start);
}

const ast_attr *relation_attr(sc_ctx *c, const field_info *f)
{
    return attr_again(c, f->owner->ast->at.file, f->rel->attr_at);
}

const ast_expr *default_expr(sc_ctx *c, const field_info *f)
{
    const ast_attr *a = field_attr(c, f, S("default"));
    for (const ast_arg *x = a->args.first; x != NULL; x = x->next)
        if (x->name.name.len == 0 || str_eq(x->name.name, S("value"))) return x->value;
    return &NO_EXPR;
}

nicol_str default_map(sc_ctx *c, const field_info *f)
{
    const ast_arg *x = f->has_default_map ? arg_find(field_attr(c, f, S("default")), S("map")) : NULL;
    return x == NULL ? (nicol_str){0} : x->value->text;
}

span arg_span(const ast_attr *a, nicol_str name)
{
    const ast_arg *x = arg_find(a, name);
    return x != NULL ? x->at : a->at;
}

ast_field type_again(sc_ctx *c, uint32_t file, const ast_decl *d)
{
    ast_field f;
    if (!ast_type_again(c->files, file, d, c->line, c->a, &f)) c->oom = true;
    return f;
}
