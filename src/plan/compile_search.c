/* plan/compile_search.c - full-text search: on PostgreSQL a query over a vector of words, on MariaDB and MySQL MATCH ... AGAINST,
 * which needs a full-text index of exactly the columns that are searched together.
 *
 * Fields that are searched for the same text in one AND are searched together, as the reference does: a row fits when the
 * words are found in all of the columns taken as one text.
 */
#include "plan/compile_write_int.h"

static bool is_search(const query_filter *f)
{
    return f->kind == QFILTER_SCALAR && (f->op == QOP_SEARCH || f->op == QOP_NOT_SEARCH) && f->field &&
           f->aggregate == AGG_NONE;
}

/* f with the other searches for its text as its kids, which are taken out of the list; or f itself. */
static query_filter *with_others(cc *c, query_filter *f, query_filter **v, uint32_t *n)
{
    query_filter *all = CC_NEW(c, query_filter);
    query_filter **kids = CC_ARRAY(c, *n, query_filter *);
    if (!all || !kids) return f;
    *all = *f;
    all->kids = kids;
    all->kids_n = 0;
    uint32_t left = 0;
    for (uint32_t i = 0; i < *n; i++) {
        bool same = is_search(v[i]) && v[i]->op == f->op && w_same_value(c, &v[i]->value, &f->value);
        if (same) kids[all->kids_n++] = v[i];
        else v[left++] = v[i];
    }
    *n = left;
    return all->kids_n ? all : f;
}

void cc_join_searches(cc *c, query_filter **kids, uint32_t *n)
{
    for (uint32_t i = 0; i < *n && !c->failed; i++) {
        if (!is_search(kids[i])) continue;
        uint32_t rest = *n - i - 1;
        kids[i] = with_others(c, kids[i], kids + i + 1, &rest);
        *n = i + 1 + rest;
    }
}

static void put_columns(cc_stmt *st, nicol_str alias, const query_filter *f)
{
    cc_column(st, alias, f->field);
    for (uint32_t i = 0; i < f->kids_n; i++) {
        cc_lit(st, ", ");
        cc_column(st, alias, f->kids[i]->field);
    }
}

bool cc_search(cc_stmt *st, nicol_str alias, const query_filter *f)
{
    bool not = f->op == QOP_NOT_SEARCH;
    if (!is_search(f) || f->value.kind != QVAL_PARAM) return false;
    if (st->c->dialect == DIALECT_POSTGRESQL) {
        cc_sql(st, not ? S("(NOT to_tsvector(concat_ws(' ', ") : S("to_tsvector(concat_ws(' ', "));
        put_columns(st, alias, f);
        cc_lit(st, ")) @@ to_tsquery(");
        cc_bindv(st, cc_value_of(st->c, &f->value), cc_type_item(st->c, f->field));
        cc_sql(st, not ? S("))") : S(")"));
        return true;
    }
    if (st->c->dialect != DIALECT_MYSQL) return false;
    cc_sql(st, not ? S("(NOT MATCH (") : S("MATCH ("));
    put_columns(st, alias, f);
    cc_lit(st, ") AGAINST (");
    cc_bindv(st, cc_value_of(st->c, &f->value), cc_type_item(st->c, f->field));
    cc_sql(st, not ? S(" IN BOOLEAN MODE))") : S(" IN BOOLEAN MODE)"));
    return true;
}
