/* exec/items.c - the answers of a lookup plan, which stands for many operations: one text each.
 *
 * A row says by its number for which operation it is. Of several rows the first counts, as it does for an operation
 * alone; rows come in order of their number, and within one as the database finds them.
 */
#include "exec/exec_int.h"

bool emit_items(run *r, const plan_node *n, buf *out)
{
    val v;
    exec_rows rows;
    if (!run_eval(r, n->u.data_map.expr, &v) || !rows_of(r, v, &rows)) return false;
    /* A run may be a second try. */
    for (uint32_t i = 0; i < r->rq->items_n; i++) r->rq->items[i] = (exec_span){0};
    const exec_shape *shape = NULL;
    uint32_t at = EXEC_NO_COLUMN;
    for (uint32_t i = 0; i < rows.n; i++) {
        exec_record *rec = &rows.v[i];
        if (rec->shape != shape) {
            shape = rec->shape;
            at = shape_find(shape, S(PLAN_ITEM_COLUMN));
        }
        if (at == EXEC_NO_COLUMN || rec->cells[at].type != VAL_INT || rec->cells[at].u.i < 0 ||
            rec->cells[at].u.i >= r->rq->items_n)
            return nicol_fail(r->err, NICOL_E_INTERNAL, "a row does not say for which operation it is");
        exec_span *item = &r->rq->items[rec->cells[at].u.i];
        if (item->len) continue;
        item->at = out->len;
        if (!map_value(r, n->u.data_map.shape, val_record(rec), out)) return false;
        item->len = out->len - item->at;
        if (!run_breathe(r, out)) return false;
    }
    return true;
}

bool exec_missing(exec *e, const plan *p, arena *a, nicol_error *err)
{
    run r = {.e = e, .p = p, .a = a, .err = err};
    return fail_rule(&r, p->lookup.missing, val_null());
}
