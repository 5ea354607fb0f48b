/* plan/compile_emulate.c - referential actions for schemas with relationMode = "prisma", whose databases have no foreign
 * keys: what a delete or an update of a referred row does to the rows that refer to it, as statements that run before
 * it. Each names its rows by a subquery over the condition of the statement that it precedes, so nothing is read into
 * variables, and a cascade is a chain of subqueries.
 */
#include "plan/compile_write_int.h"

static bool emulated(const cc *c)
{
    return c->op->schema->relation_mode_emulated;
}

/* The relations whose foreign keys refer to m, in the order of the schema's text. */
typedef struct referrers {
    const schema_relation **v;
    uint32_t n;
} referrers;

static referrers find_referrers(cc *c, const schema_model *m)
{
    const schema *s = c->op->schema;
    referrers out = {CC_ARRAY(c, s->relations_n, const schema_relation *), 0};
    if (!out.v) return out;
    for (size_t i = 0; i < s->models_n; i++) {
        for (size_t k = 0; k < s->models[i].fields_n; k++) {
            const schema_field *f = &s->models[i].fields[k];
            if (f->kind != FIELD_RELATION || f->target != m || f->relation->kind == RELATION_MANY_MANY) continue;
            if (schema_holds_fk(f)) out.v[out.n++] = f->relation;
        }
    }
    return out;
}

static void before_delete_of(wblock *b, const schema_relation *r, const wwhere *w);

static void each_child(wblock *b, const schema_model *m, const wwhere *w, bool backwards)
{
    referrers r = find_referrers(b->c, m);
    for (uint32_t i = 0; i < r.n; i++) before_delete_of(b, r.v[backwards ? r.n - 1 - i : i], w);
}

static void before_delete_of(wblock *b, const schema_relation *r, const wwhere *w)
{
    cc *c = b->c;
    if (!cc_enter(c)) return;
    wwhere rows = {.fk_of = r, .fk_to = w};
    wfields id = w_identity(r->model[1]);
    switch (r->on_delete) {
    case ACTION_CASCADE:
        each_child(b, r->model[1], &rows, false);
        wb_do(b, w_delete(c, r->model[1], &rows, NULL));
        break;
    case ACTION_SET_NULL:
        wb_do(b, w_clear_fk(c, r, &rows));
        break;
    case ACTION_RESTRICT:
        wb_do(b, w_no_rows(c, w_select(c, r->model[1], &id, &rows), r));
        break;
    case ACTION_UNSET:
    case ACTION_NO_ACTION:
    case ACTION_SET_DEFAULT:
        break;
    }
    cc_leave(c);
}

void w_before_delete(wblock *b, const schema_model *m, const wwhere *w, bool many)
{
    if (!emulated(b->c)) return;
    each_child(b, m, w, many);
}

static const wassign *assign_of(const wassign *v, uint32_t n, const schema_field *f)
{
    for (uint32_t i = 0; i < n; i++) {
        if (v[i].field == f) return &v[i];
    }
    return NULL;
}

static void before_update_of(wblock *b, const schema_relation *r, const wassign *v, uint32_t n, const wwhere *w)
{
    cc *c = b->c;
    wassign *fk = CC_ARRAY(c, r->fk_n, wassign);
    uint32_t fk_n = 0;
    if (!fk) return;
    for (size_t i = 0; i < r->fk_n; i++) {
        const wassign *a = assign_of(v, n, r->ref[i]);
        if (!a) continue;
        fk[fk_n] = *a;
        fk[fk_n++].field = r->fk[i];
    }
    if (fk_n == 0 || !cc_enter(c)) return;
    wwhere rows = {.fk_of = r, .fk_to = w};
    wfields id = w_identity(r->model[1]);
    switch (r->on_update) {
    case ACTION_CASCADE:
        w_before_update(b, r->model[1], fk, fk_n, &rows, true);
        wb_do(b, w_update(c, r->model[1], fk, fk_n, &rows, NULL));
        break;
    case ACTION_SET_NULL:
        wb_do(b, w_clear_fk(c, r, &rows));
        break;
    case ACTION_RESTRICT:
        wb_do(b, w_no_rows(c, w_select(c, r->model[1], &id, &rows), r));
        break;
    case ACTION_UNSET:
    case ACTION_NO_ACTION:
    case ACTION_SET_DEFAULT:
        break;
    }
    cc_leave(c);
}

void w_before_update(wblock *b, const schema_model *m, const wassign *v, uint32_t n, const wwhere *w, bool many)
{
    if (!emulated(b->c)) return;
    referrers r = find_referrers(b->c, m);
    for (uint32_t i = 0; i < r.n; i++) before_update_of(b, r.v[many ? i : r.n - 1 - i], v, n, w);
}
