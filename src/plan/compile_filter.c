/* plan/compile_filter.c - filters to SQL conditions.
 *
 * Scalars are written as SQL compares them, with SQL's three truth values, NOT included: `NOT (a = 1)` does not find rows
 * whose a is NULL, as clients expect.
 *
 * A relation is a subquery, and EXISTS knows only two truth values. What a condition on one related row means under
 * NOT is decided by three, though: a related row on which the condition is NULL is found neither by `is` nor by its
 * negation, while a missing row is found by the negation. So each condition is written for the side of negation it
 * stands on: `neg` false asks "is it true", `neg` true asks "is it not false"; NOT flips the question. Each half of that
 * is exact with EXISTS, and AND and OR keep it exact.
 */
#include "plan/compile_int.h"

typedef struct place {
    const schema_model *m;
    nicol_str alias;
    bool neg;  /* the question is "not false" */
    bool odd;  /* under an odd number of NOTs, relations included: see type_test */
    bool two;  /* two truth values: an UPDATE's or DELETE's own condition */
    bool flat; /* only ANDs of the statement's own WHERE stand above: a list here may be split over statements */
} place;

static void put(cc_stmt *st, place at, const query_filter *f);

nicol_str cc_root_alias(const schema_model *m)
{
    return m->db_name;
}

bool cc_filter_trivial(const query_filter *f)
{
    if (!f) return true;
    if (f->kind == QFILTER_NOT) return f->kids_n == 0;
    if (f->kind != QFILTER_AND) return false;
    for (uint32_t i = 0; i < f->kids_n; i++) {
        if (!cc_filter_trivial(f->kids[i])) return false;
    }
    return true;
}

/* --- scalars -------------------------------------------------------------------------------------------------------- */

static const char *aggregate_name(query_aggregate a)
{
    switch (a) {
    case AGG_COUNT:
        return "COUNT(";
    case AGG_SUM:
        return "SUM(";
    case AGG_AVG:
        return "AVG(";
    case AGG_MIN:
        return "MIN(";
    case AGG_MAX:
        return "MAX(";
    case AGG_NONE:
        break;
    }
    return "(";
}

/* ILIKE is for patterns and equality; where order or a list counts, both sides are put into one case. */
static bool in_one_case(const cc_stmt *st, const query_filter *f)
{
    if (!f->insensitive) return false;
    if (!st->c->d->ilike) return true;
    if (f->op == QOP_IN || f->op == QOP_NOT_IN) return f->value.kind == QVAL_PARAM;
    return f->op == QOP_LT || f->op == QOP_LTE || f->op == QOP_GT || f->op == QOP_GTE;
}

static nicol_str case_function(const cc_stmt *st)
{
    return st->c->d->ilike ? NICOL_STR("LOWER(") : NICOL_STR("UPPER(");
}

static void operand(cc_stmt *st, place at, const query_filter *f)
{
    bool upper = in_one_case(st, f);
    if (upper) cc_sql(st, case_function(st));
    if (f->aggregate != AGG_NONE) cc_sql(st, str_c(aggregate_name(f->aggregate)));
    if (f->field) cc_column(st, at.alias, f->field);
    else cc_lit(st, "*");
    if (f->aggregate != AGG_NONE) cc_lit(st, ")");
    if (upper) cc_lit(st, ")");
}

/* An aggregate is compared as what the request said it is (an average of integers is none); a column as itself. */
static plan_arg_type value_type(cc *c, const query_filter *f)
{
    if (f->aggregate != AGG_NONE && f->value.kind == QVAL_PARAM) return cc_scalar(c->op->params[f->value.param].type);
    return f->field ? cc_type_item(c, f->field) : cc_scalar(SCALAR_INT);
}

static void value(cc_stmt *st, place at, const query_filter *f)
{
    bool upper = in_one_case(st, f);
    if (upper) cc_sql(st, case_function(st));
    if (f->value.kind == QVAL_FIELD) {
        /* In `having`, a reference is to the same aggregate of the other column's group. */
        if (f->aggregate != AGG_NONE) cc_sql(st, str_c(aggregate_name(f->aggregate)));
        cc_column(st, at.alias, f->value.ref);
        if (f->aggregate != AGG_NONE) cc_lit(st, ")");
    } else {
        cc_bindv(st, cc_value_of(st->c, &f->value), value_type(st->c, f));
    }
    if (upper) cc_lit(st, ")");
}

static void compare(cc_stmt *st, place at, const query_filter *f, nicol_str op)
{
    operand(st, at, f);
    cc_sql(st, op);
    value(st, at, f);
}

static void like(cc_stmt *st, place at, const query_filter *f, bool not, bool before, bool after)
{
    const sql_dialect *d = st->c->d;
    operand(st, at, f);
    if (not ) cc_lit(st, " NOT");
    if (f->insensitive && d->ilike) cc_lit(st, " ILIKE ");
    else cc_lit(st, " LIKE ");
    cc_sql(st, d->cat_open);
    if (before) {
        cc_lit(st, "'%'");
        cc_sql(st, d->cat_sep);
    }
    value(st, at, f);
    if (after) {
        cc_sql(st, d->cat_sep);
        cc_lit(st, "'%'");
    }
    cc_sql(st, d->cat_close);
}

/* A list's NULLs are not in the parameter: with one, what is not found is NULL instead of false. An empty list is said as
 * such, since IN () is no SQL everywhere and IN (NULL) is something else. */
static void in_list(cc_stmt *st, place at, const query_filter *f, bool not )
{
    cc *c = st->c;
    if (f->value.kind == QVAL_FIELD) { /* a list column */
        operand(st, at, f);
        if (not ) cc_lit(st, " <> ALL(");
        else cc_lit(st, " = ANY(");
        cc_column(st, at.alias, f->value.ref);
        cc_lit(st, ")");
        return;
    }
    if (f->value.kind != QVAL_PARAM) {
        operand(st, at, f);
        if (not ) cc_lit(st, " IS NOT NULL");
        else cc_lit(st, " IS NULL");
        return;
    }
    const val *list = &c->op->params[f->value.param].value;
    if (f->value.has_null) cc_lit(st, "(");
    if (list->type == VAL_LIST && list->n == 0) {
        if (not ) cc_lit(st, "1=1");
        else cc_lit(st, "1=0");
    } else {
        operand(st, at, f);
        if (not ) cc_lit(st, " NOT IN ");
        else cc_lit(st, " IN ");
        bool lower = in_one_case(st, f);
        cc_tuple_within(st, cc_param(f->value.param), value_type(c, f), lower ? case_function(st) : (nicol_str){0},
                        lower ? NICOL_STR(")") : (nicol_str){0});
        if (not || !at.flat || f->aggregate != AGG_NONE) st->chunkable = false;
    }
    if (f->value.has_null) {
        if (not ) cc_lit(st, " AND NULL)");
        else cc_lit(st, " OR NULL)");
    }
}

static void scalar_list(cc_stmt *st, place at, const query_filter *f)
{
    plan_arg_type whole = cc_type(st->c, f->field);
    pval v = f->value.kind == QVAL_FIELD ? cc_null() : cc_value_of(st->c, &f->value);
    switch ((int)f->op) {
    case QOP_HAS:
        if (f->value.kind == QVAL_FIELD) cc_column(st, at.alias, f->value.ref);
        else cc_bindv(st, v, cc_type_item(st->c, f->field));
        cc_lit(st, " = ANY(");
        operand(st, at, f);
        cc_lit(st, ")");
        return;
    case QOP_IS_EMPTY:
        cc_lit(st, "(cardinality(");
        operand(st, at, f);
        cc_lit(st, ") = 0) = ");
        cc_bindv(st, v, cc_scalar(SCALAR_BOOLEAN));
        return;
    default:
        operand(st, at, f);
        if (f->op == QOP_HAS_EVERY) cc_lit(st, " @> ");
        else cc_lit(st, " && ");
        if (f->value.kind == QVAL_FIELD) cc_column(st, at.alias, f->value.ref);
        else cc_bindv(st, v, whole);
        return;
    }
}

/* --- Json ------------------------------------------------------------------------------------------------------------- */

static void path_of(cc_stmt *st, const query_filter *f)
{
    bool list = st->c->dialect == DIALECT_POSTGRESQL;
    plan_arg_type text = cc_scalar(SCALAR_STRING);
    text.list = list;
    if (f->has_path) cc_bindv(st, cc_param(f->path), text);
    else if (list) cc_lit(st, "'{}'");
    else cc_lit(st, "'$'");
}

/* The JSON text at the path (SQLite, MySQL: `->` and JSON_EXTRACT; PostgreSQL: #>), or its text as a string. Without a path,
 * the column as it is. */
static void json_at(cc_stmt *st, place at, const query_filter *f, bool as_text)
{
    cc *c = st->c;
    if (!f->has_path && !as_text) {
        cc_column(st, at.alias, f->field);
        return;
    }
    cc_lit(st, "(");
    if (c->dialect == DIALECT_MYSQL) {
        if (as_text) cc_lit(st, "JSON_UNQUOTE(");
        cc_lit(st, "JSON_EXTRACT(");
    }
    cc_column(st, at.alias, f->field);
    if (c->dialect == DIALECT_MYSQL) cc_lit(st, ", ");
    else if (c->dialect == DIALECT_POSTGRESQL) cc_sql(st, as_text ? NICOL_STR("#>>") : NICOL_STR("#>"));
    else cc_sql(st, as_text ? NICOL_STR(" ->> ") : NICOL_STR(" -> "));
    path_of(st, f);
    if (c->dialect == DIALECT_MYSQL) cc_sql(st, as_text ? NICOL_STR("))") : NICOL_STR(")"));
    cc_lit(st, ")");
}

/* The first or last item of the list there. */
static void json_item(cc_stmt *st, place at, const query_filter *f, bool last)
{
    if (st->c->dialect == DIALECT_MYSQL) {
        cc_lit(st, "JSON_EXTRACT(");
        json_at(st, at, f, false);
        cc_sql(st, last ? NICOL_STR(", '$[last]')") : NICOL_STR(", '$[0]')"));
        return;
    }
    cc_lit(st, "(");
    json_at(st, at, f, false);
    if (st->c->dialect == DIALECT_POSTGRESQL) cc_sql(st, last ? NICOL_STR(" -> -1)") : NICOL_STR(" -> 0)"));
    else cc_sql(st, last ? NICOL_STR(" -> '$[#-1]')") : NICOL_STR(" -> '$[0]')"));
}

/* What is no string (or no list) is found neither by a condition on strings nor by its negation: the test of the type
 * stands beside the condition, turned round under NOT. Clients know it with the NOTs counted through relations. */
static void type_test(cc_stmt *st, place at, const query_filter *f, bool array)
{
    cc_sql(st, at.odd ? NICOL_STR(" OR ") : NICOL_STR(" AND "));
    if (st->c->dialect == DIALECT_POSTGRESQL) cc_lit(st, "JSONB_TYPEOF(");
    else cc_lit(st, "JSON_TYPE(");
    json_at(st, at, f, false);
    cc_sql(st, at.odd ? NICOL_STR(") <> ") : NICOL_STR(") = "));
    if (st->c->dialect == DIALECT_MYSQL) cc_sql(st, array ? NICOL_STR("'ARRAY'") : NICOL_STR("'STRING'"));
    else if (array) cc_lit(st, "'array'");
    else if (st->c->dialect == DIALECT_POSTGRESQL) cc_lit(st, "'string'");
    else cc_lit(st, "'text'");
    cc_lit(st, ")");
}

static void json_value(cc_stmt *st, place at, const query_filter *f)
{
    if (f->value.kind == QVAL_FIELD) {
        cc_column(st, at.alias, f->value.ref);
        return;
    }
    if (st->c->dialect == DIALECT_MYSQL) cc_lit(st, "CAST(");
    cc_bindv(st, cc_value_of(st->c, &f->value), cc_scalar(SCALAR_JSON));
    if (st->c->dialect == DIALECT_MYSQL) cc_lit(st, " AS JSON)");
    if (st->c->dialect == DIALECT_POSTGRESQL) cc_lit(st, "::jsonb");
}

static void json_like(cc_stmt *st, place at, const query_filter *f, bool before, bool after)
{
    const sql_dialect *d = st->c->d;
    cc_lit(st, "(");
    json_at(st, at, f, f->has_path || st->c->dialect != DIALECT_SQLITE);
    cc_sql(st, f->insensitive && d->ilike ? NICOL_STR(" ILIKE ") : NICOL_STR(" LIKE "));
    cc_sql(st, d->cat_open);
    if (before) {
        cc_lit(st, "'%'");
        cc_sql(st, d->cat_sep);
    }
    if (f->value.kind == QVAL_FIELD) cc_column(st, at.alias, f->value.ref);
    else cc_bindv(st, cc_value_of(st->c, &f->value), cc_scalar(SCALAR_STRING));
    if (after) {
        cc_sql(st, d->cat_sep);
        cc_lit(st, "'%'");
    }
    cc_sql(st, d->cat_close);
    type_test(st, at, f, false);
}

/* Databases order JSON of different types, too (a string is less than any number); who asks for less than 5 means
 * numbers. */
static void json_order(cc_stmt *st, place at, const query_filter *f)
{
    bool postgres = st->c->dialect == DIALECT_POSTGRESQL;
    if (postgres) cc_lit(st, "(");
    json_at(st, at, f, false);
    cc_sql(st, f->op == QOP_LT    ? NICOL_STR(" < ")
               : f->op == QOP_LTE ? NICOL_STR(" <= ")
               : f->op == QOP_GT  ? NICOL_STR(" > ")
                                  : NICOL_STR(" >= "));
    json_value(st, at, f);
    if (!postgres) return;
    cc_sql(st, at.odd ? NICOL_STR(" OR JSONB_TYPEOF(") : NICOL_STR(" AND JSONB_TYPEOF("));
    json_at(st, at, f, false);
    cc_sql(st, at.odd ? NICOL_STR(") <> JSONB_TYPEOF(") : NICOL_STR(") = JSONB_TYPEOF("));
    json_value(st, at, f);
    cc_lit(st, "))");
}

static bool json_filter(cc_stmt *st, place at, const query_filter *f)
{
    switch ((int)f->op) {
    case QOP_EQ:
    case QOP_NE:
        if (f->value.kind == QVAL_ANY_NULL || f->value.kind == QVAL_NULL) {
            bool any = f->value.kind == QVAL_ANY_NULL;
            if (any) cc_lit(st, "(");
            json_at(st, at, f, false);
            cc_sql(st, f->op == QOP_EQ ? NICOL_STR(" IS NULL") : NICOL_STR(" IS NOT NULL"));
            if (!any) return true;
            cc_sql(st, f->op == QOP_EQ ? NICOL_STR(" OR ") : NICOL_STR(" AND "));
            json_at(st, at, f, false);
            cc_sql(st, f->op == QOP_EQ ? NICOL_STR(" = 'null')") : NICOL_STR(" <> 'null')"));
            return true;
        }
        json_at(st, at, f, false);
        cc_sql(st, f->op == QOP_EQ ? NICOL_STR(" = ") : NICOL_STR(" <> "));
        json_value(st, at, f);
        return true;
    case QOP_JSON_STRING_CONTAINS:
        json_like(st, at, f, true, true);
        return true;
    case QOP_JSON_STRING_STARTS_WITH:
        json_like(st, at, f, false, true);
        return true;
    case QOP_JSON_STRING_ENDS_WITH:
        json_like(st, at, f, true, false);
        return true;
    case QOP_JSON_ARRAY_STARTS_WITH:
    case QOP_JSON_ARRAY_ENDS_WITH:
        cc_lit(st, "(");
        json_item(st, at, f, f->op == QOP_JSON_ARRAY_ENDS_WITH);
        cc_lit(st, " = ");
        json_value(st, at, f);
        type_test(st, at, f, true);
        return true;
    case QOP_JSON_ARRAY_CONTAINS:
        if (st->c->dialect == DIALECT_SQLITE) return false;
        if (st->c->dialect == DIALECT_MYSQL) cc_lit(st, "JSON_CONTAINS(");
        json_at(st, at, f, false);
        cc_sql(st, st->c->dialect == DIALECT_MYSQL ? NICOL_STR(", ") : NICOL_STR(" @> "));
        json_value(st, at, f);
        if (st->c->dialect == DIALECT_MYSQL) cc_lit(st, ")");
        return true;
    case QOP_LT:
    case QOP_LTE:
    case QOP_GT:
    case QOP_GTE:
        if (st->c->dialect == DIALECT_SQLITE) return false;
        json_order(st, at, f);
        return true;
    default:
        return false;
    }
}

static void unsupported(cc_stmt *st, const query_filter *f)
{
    cc *c = st->c;
    if (c->failed) return;
    c->failed = true;
    nicol_str name = f->field ? f->field->name : NICOL_STR("_all");
    nicol_fail(c->err, NICOL_E_UNSUPPORTED, "The filter on the field `%.*s` is not supported on %s", STR_FMT(name),
               c->d->name);
}

/* --- one condition on a field ----------------------------------------------------------------------------------------- */

static bool is_null_value(const query_value *v)
{
    return v->kind == QVAL_NULL;
}

static void equal(cc_stmt *st, place at, const query_filter *f, bool not )
{
    if (is_null_value(&f->value)) {
        operand(st, at, f);
        if (not ) cc_lit(st, " IS NOT NULL");
        else cc_lit(st, " IS NULL");
        return;
    }
    if (f->value.kind == QVAL_ANY_NULL) {
        cc_lit(st, "(");
        operand(st, at, f);
        if (not ) cc_lit(st, " IS NOT NULL AND ");
        else cc_lit(st, " IS NULL OR ");
        operand(st, at, f);
        if (not ) cc_lit(st, " <> 'null')");
        else cc_lit(st, " = 'null')");
        return;
    }
    bool ilike = f->insensitive && st->c->d->ilike;
    if (not ) compare(st, at, f, ilike ? NICOL_STR(" NOT ILIKE ") : NICOL_STR(" <> "));
    else compare(st, at, f, ilike ? NICOL_STR(" ILIKE ") : NICOL_STR(" = "));
}

static void scalar(cc_stmt *st, place at, const query_filter *f)
{
    bool json = f->field && f->field->type == SCALAR_JSON && f->field->kind == FIELD_SCALAR;
    bool ordered = f->op == QOP_LT || f->op == QOP_LTE || f->op == QOP_GT || f->op == QOP_GTE;
    bool order = json && ordered && st->c->dialect == DIALECT_POSTGRESQL;
    if (f->has_path || order || (json && f->op >= QOP_JSON_STRING_CONTAINS)) {
        if (!json_filter(st, at, f)) unsupported(st, f);
        return;
    }
    switch (f->op) {
    case QOP_EQ:
        equal(st, at, f, false);
        return;
    case QOP_NE:
        equal(st, at, f, true);
        return;
    case QOP_IN:
        in_list(st, at, f, false);
        return;
    case QOP_NOT_IN:
        in_list(st, at, f, true);
        return;
    case QOP_LT:
        compare(st, at, f, NICOL_STR(" < "));
        return;
    case QOP_LTE:
        compare(st, at, f, NICOL_STR(" <= "));
        return;
    case QOP_GT:
        compare(st, at, f, NICOL_STR(" > "));
        return;
    case QOP_GTE:
        compare(st, at, f, NICOL_STR(" >= "));
        return;
    case QOP_CONTAINS:
    case QOP_NOT_CONTAINS:
        like(st, at, f, f->op == QOP_NOT_CONTAINS, true, true);
        return;
    case QOP_STARTS_WITH:
    case QOP_NOT_STARTS_WITH:
        like(st, at, f, f->op == QOP_NOT_STARTS_WITH, false, true);
        return;
    case QOP_ENDS_WITH:
    case QOP_NOT_ENDS_WITH:
        like(st, at, f, f->op == QOP_NOT_ENDS_WITH, true, false);
        return;
    case QOP_HAS:
    case QOP_HAS_EVERY:
    case QOP_HAS_SOME:
    case QOP_IS_EMPTY:
        if (st->c->dialect == DIALECT_POSTGRESQL) scalar_list(st, at, f);
        else unsupported(st, f);
        return;
    case QOP_SEARCH:
    case QOP_NOT_SEARCH:
        if (!cc_search(st, at.alias, f)) unsupported(st, f);
        return;
    case QOP_JSON_STRING_CONTAINS:
    case QOP_JSON_STRING_STARTS_WITH:
    case QOP_JSON_STRING_ENDS_WITH:
    case QOP_JSON_ARRAY_CONTAINS:
    case QOP_JSON_ARRAY_STARTS_WITH:
    case QOP_JSON_ARRAY_ENDS_WITH:
        unsupported(st, f);
        return;
    }
    unsupported(st, f);
}

/* --- relations -------------------------------------------------------------------------------------------------------- */

/* The question that the subquery asks of a related row. */
typedef enum asked { ASK_TRUE, ASK_NOT_FALSE, ASK_FALSE } asked;

static void put_sub(cc_stmt *st, const schema_model *m, nicol_str alias, const query_filter *sub, asked what, bool odd)
{
    place at = {.m = m, .alias = alias, .neg = what != ASK_TRUE, .odd = odd};
    if (what == ASK_TRUE) {
        if (cc_filter_trivial(sub)) return;
        cc_lit(st, " AND ");
        put(st, at, sub);
    } else if (what == ASK_NOT_FALSE) {
        if (cc_filter_trivial(sub)) return;
        cc_lit(st, " AND (");
        put(st, at, sub);
        cc_lit(st, ") IS NOT FALSE");
    } else {
        cc_lit(st, " AND NOT ");
        if (cc_filter_trivial(sub)) cc_lit(st, "1=1");
        else put(st, at, sub);
    }
}

/* Whether rows of m are found quickly by f: without an index, a correlated subquery would read the whole table for each
 * row. */
static bool indexed(const schema_model *m, const schema_field *f)
{
    for (size_t i = 0; i < m->indexes_n; i++) {
        const schema_index *x = &m->indexes[i];
        if (x->kind != INDEX_FULLTEXT && x->fields_n && x->fields[0] == f) return true;
    }
    return false;
}

void cc_link_columns(const schema_field *f, cc_link *k)
{
    const schema_relation *r = f->relation;
    *k = (cc_link){.many_many = r->kind == RELATION_MANY_MANY};
    if (k->many_many) {
        k->parent = f->model->identity->fields;
        k->child = f->target->identity->fields;
        k->n = 1;
        k->own = f->side == 0 ? NICOL_STR("A") : NICOL_STR("B");
        k->other = f->side == 0 ? NICOL_STR("B") : NICOL_STR("A");
    } else {
        bool holds = schema_holds_fk(f);
        k->parent = holds ? r->fk : r->ref;
        k->child = holds ? r->ref : r->fk;
        k->n = (uint32_t)r->fk_n;
    }
}

/* FROM ... WHERE: the related rows of f for the row at `alias`; their own alias comes back. */
static nicol_str related(cc_stmt *st, const schema_field *f, const cc_link *k, nicol_str alias, bool target_needed)
{
    cc *c = st->c;
    nicol_str t = cc_alias(c);
    if (k->many_many) {
        nicol_str j = cc_alias(c);
        /* Without foreign keys, ties may outlive the rows that they tie. */
        target_needed = target_needed || c->op->schema->relation_mode_emulated;
        sql_column(&st->w, f->model->db_schema, f->relation->join_table);
        cc_lit(st, " AS ");
        cc_ident(st, j);
        if (target_needed) {
            cc_lit(st, " INNER JOIN ");
            cc_table_as(st, f->target, t);
            cc_lit(st, " ON ");
            cc_column(st, t, k->child[0]);
            cc_lit(st, " = ");
            sql_column(&st->w, j, k->other);
        }
        cc_lit(st, " WHERE ");
        sql_column(&st->w, j, k->own);
        cc_lit(st, " = ");
        cc_column(st, alias, k->parent[0]);
        return t;
    }
    cc_table_as(st, f->target, t);
    cc_lit(st, " WHERE ");
    for (uint32_t i = 0; i < k->n; i++) {
        if (i) cc_lit(st, " AND ");
        cc_column(st, t, k->child[i]);
        cc_lit(st, " = ");
        cc_column(st, alias, k->parent[i]);
    }
    return t;
}

static void exists(cc_stmt *st, place at, const schema_field *f, const query_filter *sub, asked what)
{
    cc_link k;
    cc_link_columns(f, &k);
    bool set = st->c->dialect == DIALECT_SQLITE && !k.many_many && k.n == 1 && k.parent[0]->arity == ARITY_REQUIRED &&
               !indexed(f->target, k.child[0]);
    if (!set) {
        cc_lit(st, "EXISTS(SELECT 1 FROM ");
        nicol_str t = related(st, f, &k, at.alias, what == ASK_FALSE || !cc_filter_trivial(sub));
        put_sub(st, f->target, t, sub, what, at.odd);
        cc_lit(st, ")");
        return;
    }
    nicol_str t = cc_alias(st->c);
    cc_column(st, at.alias, k.parent[0]);
    cc_lit(st, " IN (SELECT ");
    cc_column(st, t, k.child[0]);
    cc_lit(st, " FROM ");
    cc_table_as(st, f->target, t);
    cc_lit(st, " WHERE ");
    cc_column(st, t, k.child[0]);
    cc_lit(st, " IS NOT NULL");
    put_sub(st, f->target, t, sub, what, at.odd);
    cc_lit(st, ")");
}

/* `is: null`: no related row. A foreign key that is NULL says so without a look at the other table. */
static void is_null(cc_stmt *st, place at, const schema_field *f)
{
    if (!schema_holds_fk(f)) {
        cc_lit(st, "NOT ");
        exists(st, at, f, NULL, ASK_TRUE);
        return;
    }
    cc_lit(st, "(");
    for (size_t i = 0; i < f->relation->fk_n; i++) {
        if (i) cc_lit(st, " AND ");
        cc_column(st, at.alias, f->relation->fk[i]);
        cc_lit(st, " IS NULL");
    }
    cc_lit(st, ")");
}

static void relation(cc_stmt *st, place at, const query_filter *f)
{
    switch (f->quantifier) {
    case QUANT_SOME:
        exists(st, at, f->field, f->sub, ASK_TRUE);
        return;
    case QUANT_NONE:
        cc_lit(st, "NOT ");
        exists(st, at, f->field, f->sub, ASK_TRUE);
        return;
    case QUANT_EVERY:
        if (cc_filter_trivial(f->sub)) {
            cc_lit(st, "1=1");
            return;
        }
        cc_lit(st, "NOT ");
        exists(st, at, f->field, f->sub, ASK_FALSE);
        return;
    case QUANT_IS:
        if (f->sub) exists(st, at, f->field, f->sub, at.neg && !at.two ? ASK_NOT_FALSE : ASK_TRUE);
        else is_null(st, at, f->field);
        return;
    case QUANT_IS_NOT:
        if (!at.two) at.odd = !at.odd;
        cc_lit(st, "NOT ");
        if (f->sub) exists(st, at, f->field, f->sub, at.neg || at.two ? ASK_TRUE : ASK_NOT_FALSE);
        else is_null(st, at, f->field);
        return;
    }
}

/* --- the tree ---------------------------------------------------------------------------------------------------------- */

#define BALANCE_MIN 100 /* a longer list is written as a tree: databases limit the depth that a OR b OR c ... makes */

/* The kids [from, to) of a list of which none may be left out. */
static void put_range(cc_stmt *st, place at, query_filter *const *kids, uint32_t from, uint32_t to, bool or)
{
    if (to - from > BALANCE_MIN) {
        uint32_t mid = from + (to - from) / 2;
        cc_lit(st, "(");
        put_range(st, at, kids, from, mid, or);
        cc_sql(st, or ? NICOL_STR(") OR (") : NICOL_STR(") AND ("));
        put_range(st, at, kids, mid, to, or);
        cc_lit(st, ")");
        return;
    }
    for (uint32_t i = from; i < to && !st->c->failed; i++) {
        if (i > from) cc_sql(st, or ? NICOL_STR(" OR ") : NICOL_STR(" AND "));
        put(st, at, kids[i]);
    }
}

static void put_list(cc_stmt *st, place at, const query_filter *f, bool or)
{
    query_filter **kids = CC_ARRAY(st->c, f->kids_n, query_filter *);
    uint32_t n = 0;
    for (uint32_t i = 0; kids && i < f->kids_n; i++) {
        if (or || !cc_filter_trivial(f->kids[i])) kids[n++] = f->kids[i];
    }
    if (n == 0) {
        cc_sql(st, or ? NICOL_STR("1=0") : NICOL_STR("1=1"));
        return;
    }
    if (! or) cc_join_searches(st->c, kids, &n);
    if (or &&n > 1) at.flat = false;
    if (n > 1) cc_lit(st, "(");
    put_range(st, at, kids, 0, n, or);
    if (n > 1) cc_lit(st, ")");
}

static void put_not(cc_stmt *st, place at, const query_filter *f)
{
    at.neg = !at.neg;
    at.odd = !at.odd;
    at.flat = false;
    if (f->kids_n == 0) {
        cc_lit(st, "1=1");
        return;
    }
    /* NOT a AND NOT b is NOT (a OR b), in three truth values too. */
    cc_lit(st, "(NOT ");
    if (f->kids_n > 1) cc_lit(st, "(");
    put_range(st, at, f->kids, 0, f->kids_n, true);
    if (f->kids_n > 1) cc_lit(st, ")");
    cc_lit(st, ")");
}

static void put(cc_stmt *st, place at, const query_filter *f)
{
    if (st->c->failed || !cc_enter(st->c)) return;
    if (!f) {
        cc_lit(st, "1=1");
    } else {
        switch (f->kind) {
        case QFILTER_AND:
            put_list(st, at, f, false);
            break;
        case QFILTER_OR:
            put_list(st, at, f, true);
            break;
        case QFILTER_NOT:
            put_not(st, at, f);
            break;
        case QFILTER_SCALAR:
            scalar(st, at, f);
            break;
        case QFILTER_RELATION:
            relation(st, at, f);
            break;
        }
    }
    cc_leave(st->c);
}

static bool changes(const cc_stmt *st)
{
    nicol_str head = st->frags_n ? st->frags[0].text : str_of(st->w.p, st->w.len);
    return str_starts(head, NICOL_STR("UPDATE ")) || str_starts(head, NICOL_STR("DELETE "));
}

void cc_where(cc_stmt *st, const schema_model *m, nicol_str alias, const query_filter *f)
{
    put(st, (place){.m = m, .alias = alias, .two = changes(st), .flat = true}, f);
}

void cc_where_nested(cc_stmt *st, const schema_model *m, nicol_str alias, const query_filter *f)
{
    put(st, (place){.m = m, .alias = alias, .two = changes(st)}, f);
}

void cc_where_clause(cc_stmt *st, const schema_model *m, nicol_str alias, const query_filter *f)
{
    if (cc_filter_trivial(f)) return;
    cc_lit(st, " WHERE ");
    cc_where(st, m, alias, f);
}

void cc_where_keys(cc_stmt *st, nicol_str alias, const schema_field *const *keys, const pval *v, uint32_t n, bool many)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i) cc_lit(st, " AND ");
        cc_column(st, alias, keys[i]);
        if (many) {
            cc_lit(st, " IN ");
            cc_tuple(st, v[i], cc_type_item(st->c, keys[i]));
        } else {
            cc_lit(st, " = ");
            cc_bindv(st, v[i], cc_type_item(st->c, keys[i]));
        }
    }
    if (n > 1 && many) st->chunkable = false; /* a split of one list would repeat rows that the other list finds */
}

/* Without an index, counting for each of many rows would read the other table as many times. */
bool cc_count_joins(const schema_field *f)
{
    cc_link k;
    cc_link_columns(f, &k);
    return !k.many_many && !indexed(f->target, k.child[0]);
}

void cc_count_join(cc_stmt *st, const schema_field *f, nicol_str alias, nicol_str counts, const query_filter *filter)
{
    cc_link k;
    cc_link_columns(f, &k);
    nicol_str t = cc_alias(st->c);
    cc_lit(st, " LEFT JOIN (SELECT ");
    cc_columns(st, t, k.child, k.n);
    cc_lit(st, ", COUNT(*) AS ");
    cc_ident(st, NICOL_STR(CC_COUNT_COLUMN));
    cc_lit(st, " FROM ");
    cc_table_as(st, f->target, t);
    cc_lit(st, " WHERE ");
    cc_column(st, t, k.child[0]);
    cc_lit(st, " IS NOT NULL");
    put_sub(st, f->target, t, filter, ASK_TRUE, false);
    cc_lit(st, " GROUP BY ");
    cc_columns(st, t, k.child, k.n);
    cc_lit(st, ") AS ");
    cc_ident(st, counts);
    cc_lit(st, " ON ");
    for (uint32_t i = 0; i < k.n; i++) {
        if (i) cc_lit(st, " AND ");
        cc_column(st, counts, k.child[i]);
        cc_lit(st, " = ");
        cc_column(st, alias, k.parent[i]);
    }
}

void cc_relation_count(cc_stmt *st, const schema_field *f, nicol_str alias, nicol_str counts,
                       const query_filter *filter)
{
    if (counts.len) {
        cc_lit(st, "COALESCE(");
        sql_column(&st->w, counts, NICOL_STR(CC_COUNT_COLUMN));
        cc_lit(st, ", 0)");
        return;
    }
    cc_link k;
    cc_link_columns(f, &k);
    cc_lit(st, "(SELECT COUNT(*) FROM ");
    nicol_str t = related(st, f, &k, alias, !cc_filter_trivial(filter));
    put_sub(st, f->target, t, filter, ASK_TRUE, false);
    cc_lit(st, ")");
}
