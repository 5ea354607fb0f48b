/* schema/check_cascade.c - referential actions as a graph: cycles, several paths to one table, nulls where none may be.
 *
 * SQL Server refuses tables whose cascades meet; with emulated relations nobody stops a cycle. A relation counts as an
 * edge from the child to the parent when one of its actions changes children.
 */
#include "schema/schema_int.h"

enum { RELATIONS_MAX = 4000 }; /* beyond this the graph is not searched: each search looks at every relation */

static bool changes(schema_action a)
{
    return a != ACTION_NO_ACTION && a != ACTION_RESTRICT;
}

static bool is_edge(const sc_ctx *c, const relation_info *r)
{
    if (r->kind == RELATION_MANY_MANY || r->fwd == NULL || r->back == NULL || r->fwd->rel->fields_n == 0) return false;
    return changes(relation_on_delete(c, r)) || changes(relation_on_update(r));
}

static void report(sc_ctx *c, const relation_info *r, nicol_str text)
{
    const rel_info *rel = r->fwd->rel;
    const char *on_delete = action_name(relation_on_delete(c, r)), *on_update = action_name(relation_on_update(r));
    bool tell_delete = rel->on_delete == ACTION_UNSET && changes(relation_on_delete(c, r));
    bool tell_update = rel->on_update == ACTION_UNSET && changes(relation_on_update(r));
    nicol_str defaults = {0};
    if (tell_delete && tell_update)
        defaults = ctx_text(c, " (Implicit default `onDelete`: `%s`, and `onUpdate`: `%s`)", on_delete, on_update);
    else if (tell_delete) defaults = ctx_text(c, " (Implicit default `onDelete`: `%s`)", on_delete);
    else if (tell_update) defaults = ctx_text(c, " (Implicit default `onUpdate`: `%s`)", on_update);
    diag_error(&c->diags, field_at(r->fwd),
               "Error validating: %.*s%.*s Read more at https://pris.ly/d/cyclic-referential-actions", STR_FMT(text),
               STR_FMT(defaults));
}

/* --- a search over edges ---------------------------------------------------------------------------------------------- */

typedef struct search {
    sc_ctx *c;
    uint32_t *stack;  /* relations to look at */
    uint32_t *before; /* per relation: the one it was reached from, plus 1 */
    bool *seen;       /* per relation */
    size_t n;
} search;

static bool search_begin(sc_ctx *c, search *s)
{
    *s = (search){.c = c};
    s->stack = NEW_ARRAY(c, c->rels_n, uint32_t);
    s->before = NEW_ARRAY(c, c->rels_n, uint32_t);
    s->seen = NEW_ARRAY(c, c->rels_n, bool);
    return !c->oom;
}

/* Edges that leave `from`. */
static void push_edges(search *s, const model_info *from, uint32_t before)
{
    for (size_t i = 0; i < from->m->fields_n; i++) {
        const field_info *f = &from->fields[i];
        if (f->f->kind != FIELD_RELATION || f->rel->relation == UINT32_MAX || s->seen[f->rel->relation]) continue;
        const relation_info *r = &s->c->rels[f->rel->relation];
        if (r->fwd != f || r->kind == RELATION_MANY_MANY || r->back == NULL) continue;
        s->seen[f->rel->relation] = true;
        s->before[f->rel->relation] = before;
        s->stack[s->n++] = f->rel->relation;
    }
}

static void put_path(search *s, buf *b, uint32_t at)
{
    uint32_t *path = NEW_ARRAY(s->c, s->c->rels_n, uint32_t);
    size_t n = 0;
    if (path == NULL) return;
    for (uint32_t i = at + 1; i != 0 && n < s->c->rels_n; i = s->before[i - 1]) path[n++] = i - 1;
    while (n-- > 0) {
        const field_info *f = s->c->rels[path[n]].fwd;
        if (b->len != 0) buf_lit(b, " \xE2\x86\x92 ");
        buf_printf(b, "%.*s.%.*s", STR_FMT(f->owner->m->name), STR_FMT(f->f->name));
    }
}

static void check_cycles(sc_ctx *c, const relation_info *root)
{
    search s;
    buf path;
    if (!search_begin(c, &s)) return;
    uint32_t index = (uint32_t)(root - c->rels);
    s.seen[index] = true;
    s.stack[s.n++] = index;
    while (s.n > 0) {
        uint32_t at = s.stack[--s.n];
        const relation_info *r = &c->rels[at];
        if (!is_edge(c, r)) continue;
        if (r->fwd->owner == r->fwd->rel->target) {
            report(
                c, root,
                S("A self-relation must have `onDelete` and `onUpdate` referential actions set to `NoAction` in one of the "
                  "@relation attributes."));
            return;
        }
        if (r->fwd->rel->target == root->fwd->owner) {
            buf_init(&path, &c->tmem, SIZE_MAX / 2);
            put_path(&s, &path, at);
            nicol_str text = path.len == 0 ? (nicol_str){0} : buf_view(&path);
            report(
                c, root,
                ctx_text(
                    c,
                    "Reference causes a cycle. One of the @relation attributes in this cycle must have `onDelete` and "
                    "`onUpdate` referential actions set to `NoAction`. Cycle path: %.*s.",
                    STR_FMT(text)));
            return;
        }
        push_edges(&s, r->fwd->rel->target, at + 1);
    }
}

/* Models that changes reach from `root` on, without coming back to its own model. */
static bool *reached_from(sc_ctx *c, const relation_info *root)
{
    search s;
    bool *reached = NEW_ARRAY(c, c->s->models_n, bool);
    if (reached == NULL || !search_begin(c, &s)) return NULL;
    uint32_t index = (uint32_t)(root - c->rels);
    s.seen[index] = true;
    s.stack[s.n++] = index;
    while (s.n > 0) {
        const relation_info *r = &c->rels[s.stack[--s.n]];
        if (!is_edge(c, r) || r->fwd->owner == r->fwd->rel->target || r->fwd->rel->target == root->fwd->owner) continue;
        reached[r->fwd->rel->target->m->index] = true;
        push_edges(&s, r->fwd->rel->target, 0);
    }
    return reached;
}

static void check_paths(sc_ctx *c, const relation_info *root)
{
    const model_info *m = root->fwd->owner;
    buf list;
    size_t n = 0;
    bool *own = reached_from(c, root), *both = NEW_ARRAY(c, c->s->models_n, bool);
    if (own == NULL || both == NULL) return;
    for (size_t i = 0; i < m->m->fields_n; i++) {
        const field_info *f = &m->fields[i];
        if (f->f->kind != FIELD_RELATION || f->rel->relation == UINT32_MAX) continue;
        const relation_info *r = &c->rels[f->rel->relation];
        if (r == root || r->fwd != f || !is_edge(c, r)) continue;
        const bool *other = reached_from(c, r);
        for (size_t k = 0; other != NULL && k < c->s->models_n; k++) both[k] = both[k] || (own[k] && other[k]);
    }
    buf_init(&list, &c->tmem, SIZE_MAX / 2);
    for (size_t k = 0; k < c->s->models_n; k++) {
        if (!both[k]) continue;
        buf_printf(&list, "%s`%.*s`", n++ == 0 ? "" : ", ", STR_FMT(c->s->models[k].name));
    }
    if (n == 0 || buf_failed(&list)) return;
    nicol_str models = buf_view(&list);
    report(
        c, root,
        ctx_text(
            c,
            "When any of the records in model%s %.*s %s updated or deleted, the referential actions on the relations "
            "cascade to model `%.*s` through multiple paths. Please break one of these paths by setting the `onUpdate` "
            "and `onDelete` to `NoAction`.",
            n == 1 ? "" : "s", STR_FMT(models), n == 1 ? "is" : "are", STR_FMT(m->m->name)));
}

/* --- SetNull ------------------------------------------------------------------------------------------------------------ */

static void set_null(sc_ctx *c, const relation_info *r, schema_action a, const char *arg)
{
    if (a != ACTION_SET_NULL) return;
    span at = arg_span(relation_attr(c, r->fwd), str_c(arg));
    if (c->prov->id == PROVIDER_POSTGRESQL && !c->s->relation_mode_emulated) {
        diag_warn(
            &c->diags, at,
            "The `%s` referential action of a relation should not be set to `SetNull` when a referenced field is required. "
            "We recommend either to choose another referential action, or to make the referenced fields optional. Read more "
            "at https://pris.ly/d/postgres-set-null ",
            arg);
        return;
    }
    error_attr_at(
        c, S("@relation"), at,
        "The `%s` referential action of a relation must not be set to `SetNull` when a referenced field is required.\n"
        "Either choose another referential action, or make the referenced fields optional.\n",
        arg);
}

void check_cascade(sc_ctx *c, const relation_info *r)
{
    const rel_info *rel = r->fwd->rel;
    bool required = false;
    for (size_t i = 0; i < rel->fields_n; i++) required = required || rel->fields[i]->arity == ARITY_REQUIRED;
    if (required && rel->attr_at != 0) {
        set_null(c, r, rel->on_delete, "onDelete");
        set_null(c, r, rel->on_update, "onUpdate");
    }
    bool server = c->prov->id == PROVIDER_SQLSERVER;
    if (r->back == NULL || rel->fields_n == 0 || c->rels_n > RELATIONS_MAX) return;
    arena_mark here = arena_save(c->t);
    size_t said = c->diags.n;
    if (server || c->s->relation_mode_emulated) check_cycles(c, r);
    if (server && !c->s->relation_mode_emulated && is_edge(c, r)) check_paths(c, r);
    if (c->diags.n == said && !c->oom) arena_rewind(c->t, here); /* one search's memory serves the next */
}
