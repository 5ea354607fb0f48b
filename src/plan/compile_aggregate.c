/* plan/compile_aggregate.c - aggregate and groupBy: one statement, whose columns are named after what they compute, so that
 * the answer's nesting ({"_sum": {"age": 3}}) is only a shape. */
#include <stdio.h>

#include "plan/compile_int.h"

static nicol_str fn_name(query_aggregate fn)
{
    switch (fn) {
    case AGG_COUNT:
        return NICOL_STR("_count");
    case AGG_SUM:
        return NICOL_STR("_sum");
    case AGG_AVG:
        return NICOL_STR("_avg");
    case AGG_MIN:
        return NICOL_STR("_min");
    case AGG_MAX:
        return NICOL_STR("_max");
    case AGG_NONE:
        break;
    }
    return NICOL_STR("");
}

static nicol_str fn_sql(query_aggregate fn)
{
    switch (fn) {
    case AGG_COUNT:
        return NICOL_STR("COUNT(");
    case AGG_SUM:
        return NICOL_STR("SUM(");
    case AGG_AVG:
        return NICOL_STR("AVG(");
    case AGG_MIN:
        return NICOL_STR("MIN(");
    case AGG_MAX:
        return NICOL_STR("MAX(");
    case AGG_NONE:
        break;
    }
    return NICOL_STR("");
}

static nicol_str column_of(cc *c, const query_agg_item *it)
{
    if (it->fn == AGG_NONE) return it->field->db_name;
    nicol_str fn = fn_name(it->fn), of = it->field ? it->field->name : NICOL_STR("_all");
    return cc_printf(c, "%.*s$%.*s", STR_FMT(fn), STR_FMT(of));
}

static void put_items(cc *c, cc_stmt *st, nicol_str alias)
{
    const query_op *op = c->op;
    for (uint32_t i = 0; i < op->aggs_n; i++) {
        const query_agg_item *it = &op->aggs[i];
        if (i) cc_lit(st, ", ");
        if (it->fn == AGG_NONE) {
            cc_column(st, alias, it->field);
            continue;
        }
        cc_sql(st, fn_sql(it->fn));
        if (it->field) cc_column(st, alias, it->field);
        else cc_lit(st, "*");
        cc_lit(st, ") AS ");
        cc_ident(st, column_of(c, it));
    }
    if (op->aggs_n == 0) cc_lit(st, "1");
}

static const plan_shape *item_shape(cc *c, const query_agg_item *it)
{
    nicol_str column = column_of(c, it);
    if (it->fn == AGG_COUNT) return cc_shape_scalar(c, OUT_INT, column);
    if (it->fn == AGG_AVG) {
        return cc_shape_scalar(c, it->field->type == SCALAR_DECIMAL ? OUT_DECIMAL : OUT_FLOAT, column);
    }
    return cc_shape_field(c, it->field, column);
}

/* Items of one function share an object, which stands where the first of them does. */
static const plan_shape *agg_shape(cc *c)
{
    const query_op *op = c->op;
    plan_shape *s = cc_shape_object(c, NICOL_STR(""), op->aggs_n);
    plan_shape *of[AGG_MAX + 1] = {NULL};
    for (uint32_t i = 0; s && i < op->aggs_n; i++) {
        const query_agg_item *it = &op->aggs[i];
        if (it->fn == AGG_NONE) {
            cc_shape_add(c, s, it->field->name, item_shape(c, it));
        } else if (it->flat) {
            cc_shape_add(c, s, fn_name(it->fn), item_shape(c, it));
        } else {
            if (!of[it->fn]) {
                of[it->fn] = cc_shape_object(c, NICOL_STR(""), op->aggs_n);
                cc_shape_add(c, s, fn_name(it->fn), of[it->fn]);
            }
            cc_shape_add(c, of[it->fn], it->field ? it->field->name : NICOL_STR("_all"), item_shape(c, it));
        }
    }
    return c->failed ? NULL : s;
}

static void put_where(cc_stmt *st, const cc_order *o, const query_find *find)
{
    bool filtered = !cc_filter_trivial(find->where);
    cc_where_clause(st, o->m, o->alias, find->where);
    if (!find->cursor_n) return;
    cc_sql(st, filtered ? NICOL_STR(" AND ") : NICOL_STR(" WHERE "));
    cc_order_cursor(st, o);
}

const plan_node *cc_compile_aggregate(cc *c)
{
    const query_op *op = c->op;
    const query_find *find = &op->find;
    nicol_str alias = cc_root_alias(op->model), sub = NICOL_STR("sub");
    bool pages = find->has_take || find->cursor_n || (find->has_skip && find->skip > 0);
    cc_order o;
    cc_order_init(c, &o, op->model, alias, find);
    if (find->cursor_n && !cc_order_exact(&o)) {
        cc_input_error(
            c, NICOL_STR("Unable to process combination of query arguments for aggregation query. Please note that "
                         "it is not possible at the moment to have a null-cursor, or a cursor and orderBy "
                         "combination that not stable (unique)."));
        return NULL;
    }
    cc_stmt st;
    cc_stmt_begin(c, &st);
    st.chunkable = false;
    cc_lit(&st, "SELECT ");
    put_items(c, &st, pages ? sub : alias);
    cc_lit(&st, " FROM ");
    if (pages) {
        const schema_field **v = CC_ARRAY(c, op->aggs_n + 1, const schema_field *);
        uint32_t n = 0;
        for (uint32_t i = 0; v && i < op->aggs_n; i++) {
            uint32_t j = 0;
            while (j < n && v[j] != op->aggs[i].field) j++;
            if (j == n && op->aggs[i].field) v[n++] = op->aggs[i].field;
        }
        cc_lit(&st, "(SELECT ");
        if (n) cc_columns(&st, alias, v, n);
        else cc_lit(&st, "1");
        cc_lit(&st, " FROM ");
    }
    cc_table_as(&st, op->model, alias);
    if (pages) cc_order_joins(&st, &o);
    put_where(&st, &o, find);
    if (pages) {
        cc_order_by(&st, &o);
        cc_limit(&st, find->has_take, find->take, find->has_skip, find->skip);
        cc_lit(&st, ") AS ");
        cc_ident(&st, sub);
    }
    return cc_data_map(c, cc_unique(c, cc_query(c, &st)), agg_shape(c));
}

/* What groups are ordered by must be one of the columns they are made of; paging without an order is by id. */
static bool order_in_groups(cc *c, const cc_order *o)
{
    char text[400];
    size_t len = 0;
    for (uint32_t i = 0; i < o->n; i++) {
        const query_order *t = &o->v[i];
        bool found = t->aggregate != AGG_NONE;
        for (uint32_t j = 0; j < c->op->by_n && !found; j++) found = c->op->by[j] == t->field;
        if (found || len >= sizeof text) continue;
        int n = snprintf(text + len, sizeof text - len, "%s%.*s", len ? ", " : "", STR_FMT(t->field->name));
        len += n > 0 ? (size_t)n : 0;
    }
    if (len == 0) return true;
    nicol_str names = str_of(text, len < sizeof text ? len : sizeof text - 1);
    return cc_input_error(c,
                          cc_printf(c,
                                    "Every field used for orderBy must be included in the by-arguments of the query. "
                                    "Missing fields: %.*s",
                                    STR_FMT(names)));
}

const plan_node *cc_compile_group_by(cc *c)
{
    const query_op *op = c->op;
    const query_find *find = &op->find;
    nicol_str alias = cc_root_alias(op->model);
    cc_order o;
    cc_order_init(c, &o, op->model, alias, find);
    if (!order_in_groups(c, &o)) return NULL;
    for (uint32_t i = 0; i < o.n; i++) o.join[i] = alias;
    cc_stmt st;
    cc_stmt_begin(c, &st);
    st.chunkable = false;
    cc_lit(&st, "SELECT ");
    put_items(c, &st, alias);
    cc_lit(&st, " FROM ");
    cc_table_as(&st, op->model, alias);
    cc_where_clause(&st, op->model, alias, find->where);
    cc_lit(&st, " GROUP BY ");
    cc_columns(&st, alias, op->by, op->by_n);
    if (!cc_filter_trivial(op->having)) {
        cc_lit(&st, " HAVING ");
        cc_where(&st, op->model, alias, op->having);
    }
    cc_order_by(&st, &o);
    cc_limit(&st, find->has_take, find->take, find->has_skip, find->skip);
    /* With a negative take, groups come from the end and stay in that order: so clients know it. */
    return cc_data_map(c, cc_query(c, &st), agg_shape(c));
}
