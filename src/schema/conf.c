/* schema/conf.c - configuration blocks: the schema language's lines and values for settings.
 *
 * The reader of the settings sees plain arrays, not the syntax tree, and reports through schema_conf_error, so that what
 * the parser and the reader found comes out as one list.
 */
#include <stdlib.h>

#include "base/limits.h"
#include "schema/ast_int.h"

static schema_span span_of(span at)
{
    return (schema_span){at.start, at.end};
}

static void take_value(schema_setting *s, const ast_prop *q)
{
    const ast_expr *e = q->value;
    s->name = q->name.name;
    s->at = span_of(q->at);
    s->value_at = span_of(e != NULL ? e->at : q->at);
    if (e == NULL) return;
    s->text = e->text;
    s->kind = e->kind == EXPR_STRING   ? SETTING_STRING
              : e->kind == EXPR_NUMBER ? SETTING_NUMBER
              : e->kind == EXPR_PATH   ? SETTING_WORD
                                       : SETTING_OTHER;
    if (e->kind != EXPR_CALL || !str_eq(e->text, S("env")) || e->args.n != 1) return;
    const ast_arg *only = e->args.first;
    if (only->name.name.len != 0 || only->value->kind != EXPR_STRING) return;
    s->kind = SETTING_ENV;
    s->text = only->value->text;
}

static bool take_blocks(const ast_top *tops, arena *a, schema_conf *out)
{
    for (const ast_top *t = tops; t != NULL; t = t->next) out->blocks_n++;
    out->blocks = ARENA_ARRAY(a, out->blocks_n, schema_block);
    if (out->blocks == NULL) return false;
    schema_block *b = out->blocks;
    for (const ast_top *t = tops; t != NULL; t = t->next, b++) {
        *b = (schema_block){.name = t->name.name, .at = span_of(t->name.at)};
        size_t n = 0;
        for (const ast_prop *q = t->props; q != NULL; q = q->next) n++;
        b->settings = ARENA_ARRAY(a, n, schema_setting);
        if (b->settings == NULL) return false;
        for (const ast_prop *q = t->props; q != NULL; q = q->next) take_value(&b->settings[b->settings_n++], q);
    }
    return true;
}

bool schema_conf_parse(const schema_file *file, arena *a, const mem *m, schema_conf *out, nicol_error *err)
{
    ast_top *tops = NULL;
    *out = (schema_conf){.diags = ARENA_NEW(a, diag_list)};
    if (out->diags == NULL) return nicol_fail_oom(err);
    if (file->text.len > NICOL_CONFIG_BYTES_MAX)
        return nicol_fail(err, NICOL_E_LIMIT, "%.*s: a configuration has at most %zu bytes", STR_FMT(file->path),
                          NICOL_CONFIG_BYTES_MAX);
    diag_init(out->diags, a);
    size_t bad = str_utf8_bad(file->text);
    if (bad != SIZE_MAX) {
        diag_error(out->diags, (span){0, (uint32_t)bad, (uint32_t)bad + 1},
                   "The file is not valid UTF-8 (byte %zu). Save it as UTF-8.", bad);
        return !arena_failed(a) || nicol_fail_oom(err);
    }
    arena *tree = arena_new(m, NICOL_CONFIG_BYTES_MAX * 64);
    if (tree == NULL) return nicol_fail_oom(err);
    bool good = ast_parse_conf(file, tree, a, out->diags, &tops, err);
    if (good && !take_blocks(tops, a, out)) good = nicol_fail_oom(err);
    arena_free(tree);
    return good;
}

void schema_conf_error(schema_conf *c, schema_span at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    diag_error_va(c->diags, (span){0, at.start, at.end}, fmt, args);
    va_end(args);
}

static int by_place(const void *x, const void *y)
{
    const schema_diag *a = x, *b = y;
    if (a->start != b->start) return a->start < b->start ? -1 : 1;
    return (a->end > b->end) - (a->end < b->end);
}

bool schema_conf_diags(schema_conf *c, schema_diags *out, nicol_error *err)
{
    if (arena_failed(c->diags->a) || !diag_array(c->diags, out)) return nicol_fail_oom(err);
    if (out->n > 1) qsort(out->v, out->n, sizeof(*out->v), by_place);
    return true;
}
