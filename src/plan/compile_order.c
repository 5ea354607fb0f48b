/* plan/compile_order.c - ORDER BY, cursors, and what of paging SQL can do by itself.
 *
 * A cursor is a row that the page starts at. In SQL that is a lexicographic comparison of the order's columns with the
 * cursor row's own. It is exact when the order tells all rows apart and none of its columns is NULL; otherwise the
 * condition only leaves out what surely comes before (rows with NULLs stay), and the page is cut in memory.
 */
#include "plan/compile_int.h"

void cc_order_init(cc *c, cc_order *o, const schema_model *m, nicol_str alias, const query_find *find)
{
    *o = (cc_order){.m = m, .alias = alias, .find = find, .reversed = find->has_take && find->take < 0};
    o->v = find->order;
    o->n = find->order_n;
    /* Paging without an order pages by the id, so that pages fit together. */
    if (o->n == 0 && (find->has_take || (find->has_skip && find->skip > 0) || find->cursor_n) && m->identity) {
        o->n = (uint32_t)m->identity->fields_n;
        query_order *v = CC_ARRAY(c, o->n, query_order);
        for (uint32_t i = 0; v && i < o->n; i++) v[i].field = m->identity->fields[i];
        o->v = v;
        if (!v) o->n = 0;
    }
    o->join = CC_ARRAY(c, o->n, nicol_str);
    o->counts = CC_ARRAY(c, o->n, nicol_str);
    if (!o->join || !o->counts) o->n = 0;
}

static bool nullable(const query_order *t)
{
    return t->aggregate == AGG_NONE && t->field->arity == ARITY_OPTIONAL;
}

static bool covers(const cc_order *o, const schema_index *x)
{
    for (size_t i = 0; i < x->fields_n; i++) {
        bool found = false;
        for (uint32_t j = 0; j < o->n && !found; j++) {
            const query_order *t = &o->v[j];
            found = t->path_n == 0 && t->aggregate == AGG_NONE && t->field == x->fields[i];
        }
        if (!found) return false;
    }
    return x->fields_n > 0;
}

/* Whether a cursor's page can be cut by SQL alone. */
bool cc_order_exact(const cc_order *o)
{
    bool unique = false;
    for (size_t i = 0; i < o->m->indexes_n && !unique; i++) {
        /* A compound id does not count, though it would do: whether a row that the filter leaves out may be the cursor
         * depends on this, and clients know it so. */
        const schema_index *x = &o->m->indexes[i];
        unique = ((x->kind == INDEX_ID && x->fields_n == 1) || x->kind == INDEX_UNIQUE) && covers(o, x);
    }
    for (uint32_t i = 0; i < o->n; i++) {
        if (nullable(&o->v[i]) || (o->v[i].path_n && !o->v[i].of_relation)) return false;
    }
    return unique;
}

/* LEFT JOINs along a path of to-one relations; the alias of its end. */
static nicol_str path_joins(cc_stmt *st, nicol_str from, const query_order *t)
{
    for (uint32_t i = 0; i < t->path_n; i++) {
        nicol_str to = cc_alias(st->c);
        cc_link k;
        cc_link_columns(t->path[i], &k);
        cc_lit(st, " LEFT JOIN ");
        cc_table_as(st, t->path[i]->target, to);
        cc_lit(st, " ON ");
        for (uint32_t j = 0; j < k.n; j++) {
            if (j) cc_lit(st, " AND ");
            cc_column(st, to, k.child[j]);
            cc_lit(st, " = ");
            cc_column(st, from, k.parent[j]);
        }
        from = to;
    }
    return from;
}

void cc_order_joins(cc_stmt *st, cc_order *o)
{
    for (uint32_t i = 0; i < o->n; i++) {
        const query_order *t = &o->v[i];
        o->join[i] = path_joins(st, o->alias, t);
        if (!t->of_relation || !cc_count_joins(t->field)) continue;
        o->counts[i] = cc_alias(st->c);
        cc_count_join(st, t->field, o->join[i], o->counts[i], NULL);
    }
}

static void term(cc_stmt *st, const query_order *t, nicol_str alias, nicol_str counts)
{
    if (t->of_relation) {
        cc_relation_count(st, t->field, alias, counts, NULL);
        return;
    }
    static const char *const fn[] = {
        [AGG_COUNT] = "COUNT(", [AGG_SUM] = "SUM(", [AGG_AVG] = "AVG(", [AGG_MIN] = "MIN(", [AGG_MAX] = "MAX("};
    if (t->aggregate != AGG_NONE) cc_sql(st, str_c(fn[t->aggregate]));
    if (t->field) cc_column(st, alias, t->field);
    else cc_lit(st, "*");
    if (t->aggregate != AGG_NONE) cc_lit(st, ")");
}

void cc_order_by(cc_stmt *st, const cc_order *o)
{
    for (uint32_t i = 0; i < o->n; i++) {
        const query_order *t = &o->v[i];
        cc_sql(st, i ? NICOL_STR(", ") : NICOL_STR(" ORDER BY "));
        bool first = (t->nulls == NULLS_FIRST) != o->reversed;
        if (t->nulls != NULLS_DEFAULT && !st->c->d->nulls_order) {
            term(st, t, o->join[i], o->counts[i]);
            cc_sql(st, first ? NICOL_STR(" IS NULL DESC, ") : NICOL_STR(" IS NULL ASC, "));
        }
        term(st, t, o->join[i], o->counts[i]);
        cc_sql(st, t->descending != o->reversed ? NICOL_STR(" DESC") : NICOL_STR(" ASC"));
        if (t->nulls != NULLS_DEFAULT && st->c->d->nulls_order) {
            cc_sql(st, first ? NICOL_STR(" NULLS FIRST") : NICOL_STR(" NULLS LAST"));
        }
    }
}

/* --- the cursor ------------------------------------------------------------------------------------------------------- */

/* The cursor row's value of an order term: a subquery of one value. */
static void cursor_value(cc_stmt *st, const cc_order *o, const query_order *t)
{
    cc *c = st->c;
    nicol_str alias = cc_alias(c);
    cc_stmt joins;
    cc_stmt_begin(c, &joins);
    nicol_str end = path_joins(&joins, alias, t);
    cc_lit(st, "(SELECT ");
    term(st, t, end, NICOL_STR(""));
    cc_lit(st, " FROM ");
    cc_table_as(st, o->m, alias);
    cc_sql(st, sql_take(&joins.w));
    cc_lit(st, " WHERE ");
    for (uint32_t i = 0; i < o->find->cursor_n; i++) {
        if (i) cc_lit(st, " AND ");
        cc_column(st, alias, o->find->cursor_fields[i]);
        cc_lit(st, " = ");
        cc_bindv(st, cc_value_of(c, &o->find->cursor_values[i]), cc_type_item(c, o->find->cursor_fields[i]));
    }
    cc_lit(st, ")");
}

/* Whether a row may have no value here: its own is NULL, or the path to it ends early. */
static bool may_lack(const query_order *t)
{
    if (t->of_relation) return false;
    for (uint32_t i = 0; i < t->path_n; i++) {
        if (t->path[i]->arity == ARITY_OPTIONAL) return true;
    }
    return nullable(t);
}

/* Rows that cannot be compared with the cursor's stay: the page is cut in memory then. */
static void cursor_compare(cc_stmt *st, const cc_order *o, uint32_t i, const char *op)
{
    const query_order *t = &o->v[i];
    bool null = may_lack(t);
    if (null) cc_lit(st, "(");
    term(st, t, o->join[i], o->counts[i]);
    cc_sql(st, str_c(op));
    cursor_value(st, o, t);
    if (null) {
        cc_lit(st, " OR ");
        term(st, t, o->join[i], o->counts[i]);
        cc_lit(st, " IS NULL OR ");
        cursor_value(st, o, t);
        cc_lit(st, " IS NULL)");
    }
}

void cc_order_cursor(cc_stmt *st, const cc_order *o)
{
    if (o->n == 0) {
        cc_lit(st, "1=1");
        return;
    }
    /* (a = a0 AND b = b0 AND c >= c0) OR (a = a0 AND b > b0) OR (a > a0) */
    if (o->n > 1) cc_lit(st, "(");
    for (uint32_t left = o->n; left > 0; left--) {
        if (left < o->n) cc_lit(st, " OR ");
        if (left > 1) cc_lit(st, "(");
        for (uint32_t i = 0; i + 1 < left; i++) {
            cursor_compare(st, o, i, " = ");
            cc_lit(st, " AND ");
        }
        bool down = o->v[left - 1].descending != o->reversed;
        if (left == o->n) cursor_compare(st, o, left - 1, down ? " <= " : " >= ");
        else cursor_compare(st, o, left - 1, down ? " < " : " > ");
        if (left > 1) cc_lit(st, ")");
    }
    if (o->n > 1) cc_lit(st, ")");
}

int64_t cc_abs(int64_t n)
{
    return n == INT64_MIN ? INT64_MAX : n < 0 ? -n : n;
}

void cc_limit(cc_stmt *st, bool has_take, int64_t take, bool has_skip, int64_t skip)
{
    cc *c = st->c;
    has_skip = has_skip && skip > 0;
    if (!has_take && !has_skip) return;
    st->chunkable = false;
    plan_arg_type big = cc_scalar(SCALAR_BIGINT);
    if (has_take && cc_abs(take) == 1 && !has_skip) { /* one record, the usual read: nothing to bind */
        cc_lit(st, " LIMIT 1");
        return;
    }
    if (has_take || c->d->limit_all.len) cc_lit(st, " LIMIT ");
    if (has_take) cc_bindv(st, cc_int(cc_abs(take)), big);
    else cc_sql(st, c->d->limit_all);
    if (!has_skip) return;
    cc_lit(st, " OFFSET ");
    cc_bindv(st, cc_int(skip), big);
}
