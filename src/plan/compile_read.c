/* plan/compile_read.c - rows: one statement per level of a selection, joined in memory.
 *
 * The rows of a level are read, the keys that its relations hang on are taken from them, and each relation is read with
 * one more statement for all rows of the level (`key IN (...)`). What SQL cannot do per parent in such a statement (take, skip,
 * cursor), or at all in the way clients expect (distinct keeps the first row in order), a `process` node does.
 */
#include "plan/compile_int.h"

/* The rows of one level. */
typedef struct level {
    const schema_model *m;
    const query_select *sel;
    const query_find *find;    /* never NULL */
    bool one;                  /* the result is one record or null */
    bool first;                /* at most one row is wanted, and more may match */
    const query_filter *extra; /* a further condition, or NULL */
    /* keys[i] = v[i], or IN the list v[i]; of a list relation through a join table the key is its `own` column. */
    const schema_field *const *keys;
    const pval *v;
    uint32_t keys_n;
    bool many;                   /* v are lists */
    bool picked;                 /* the record is one of a list (findFirst), not one that a unique key names */
    bool among;                  /* a cursor counts only when it is among the rows: in memory */
    bool joined;                 /* the rows will be joined to parents by the keys: they must carry them */
    const schema_field *through; /* a many-to-many field of the parent's model, or NULL */
    bool required;               /* no row is an error */
    const cc_lookup *lookup;     /* the rows of many operations, or NULL */
} level;

static bool add_field(const schema_field **v, uint32_t *n, const schema_field *f)
{
    for (uint32_t i = 0; i < *n; i++) {
        if (v[i] == f) return false;
    }
    v[(*n)++] = f;
    return true;
}

bool cc_select_has_relations(const query_select *sel)
{
    for (uint32_t i = 0; i < sel->items_n; i++) {
        if (sel->items[i].kind == SELECT_RELATION) return true;
    }
    return false;
}

bool cc_select_flat(const query_select *sel)
{
    for (uint32_t i = 0; i < sel->items_n; i++) {
        if (sel->items[i].kind != SELECT_SCALAR) return false;
    }
    return true;
}

const schema_field **cc_select_columns(cc *c, const query_select *sel, const schema_field *const *extra,
                                       uint32_t extra_n, uint32_t *n)
{
    *n = 0;
    const schema_field **v = CC_ARRAY(c, sel->model->fields_n + extra_n, const schema_field *);
    if (!v) return NULL;
    for (uint32_t i = 0; i < sel->items_n; i++) {
        if (sel->items[i].kind == SELECT_SCALAR) add_field(v, n, sel->items[i].field);
    }
    for (uint32_t i = 0; i < sel->items_n; i++) {
        if (sel->items[i].kind != SELECT_RELATION) continue;
        cc_link k;
        cc_link_columns(sel->items[i].field, &k);
        for (uint32_t j = 0; j < k.n; j++) add_field(v, n, k.parent[j]);
    }
    for (uint32_t i = 0; i < extra_n; i++) add_field(v, n, extra[i]);
    /* A selection of nothing but _count still needs rows. */
    if (*n == 0 && sel->model->identity) add_field(v, n, sel->model->identity->fields[0]);
    return v;
}

/* --- in-memory operations ----------------------------------------------------------------------------------------------- */

/* The name under which a child row carries its parent's key, read from the join table. No column of a schema has it: an
 * '@' is no letter of a name, and a mapped column would have to be spelled so on purpose. */
static nicol_str link_name(cc *c, const schema_field *through)
{
    return cc_printf(c, "@link$%.*s", STR_FMT(through->relation->join_table));
}

typedef struct paging {
    bool memory; /* take, skip and cursor are applied by process */
    bool distinct;
    bool reversed;
    bool has_take;
    int64_t take;
} paging;

/* Where a level's page is cut. */
static paging page_of(const level *l, const cc_order *o)
{
    const query_find *f = l->find;
    paging p = {.distinct = f->distinct_n > 0, .reversed = o->reversed, .has_take = f->has_take, .take = f->take};
    if (l->first) {
        p.has_take = true;
        p.take = o->reversed ? -1 : 1;
    }
    bool pages = p.has_take || (f->has_skip && f->skip > 0) || f->cursor_n > 0;
    bool grouped = l->many && l->keys_n > 0;
    bool cursor_in_memory = f->cursor_n && (l->among || !cc_order_exact(o));
    p.memory = pages && (p.distinct || grouped || cursor_in_memory);
    return p;
}

static const plan_ops *ops_of(cc *c, const level *l, const paging *p)
{
    const query_find *f = l->find;
    plan_ops *ops = CC_NEW(c, plan_ops);
    if (!ops) return NULL;
    ops->reverse = p->reversed;
    if (p->memory) {
        ops->has_pagination = true;
        ops->has_take = p->has_take;
        ops->take = cc_abs(p->take);
        ops->has_skip = f->has_skip;
        ops->skip = f->skip;
        ops->has_cursor = f->cursor_n > 0;
        ops->cursor_n = f->cursor_n;
        ops->cursor_fields = CC_ARRAY(c, f->cursor_n, nicol_str);
        ops->cursor_values = CC_ARRAY(c, f->cursor_n, pval);
        for (uint32_t i = 0; !c->failed && i < f->cursor_n; i++) {
            ops->cursor_fields[i] = cc_str(c, f->cursor_fields[i]->db_name);
            ops->cursor_values[i] = cc_value_of(c, &f->cursor_values[i]);
        }
    }
    if (p->distinct) {
        ops->has_distinct = true;
        ops->distinct = CC_ARRAY(c, f->distinct_n, nicol_str);
        ops->distinct_n = f->distinct_n;
        for (uint32_t i = 0; !c->failed && i < f->distinct_n; i++)
            ops->distinct[i] = cc_str(c, f->distinct[i]->db_name);
    }
    if (l->joined && l->keys_n) {
        ops->has_linking = true;
        ops->linking = CC_ARRAY(c, l->keys_n, nicol_str);
        ops->linking_n = l->keys_n;
        for (uint32_t i = 0; !c->failed && i < l->keys_n; i++) {
            ops->linking[i] = l->through ? link_name(c, l->through) : cc_str(c, l->keys[i]->db_name);
        }
    }
    return c->failed ? NULL : ops;
}

/* --- the statement ------------------------------------------------------------------------------------------------------ */

static bool joins_counts(const level *l, const query_select_item *it, uint32_t j)
{
    return it->kind == SELECT_COUNT && !l->one && cc_count_joins(it->counts[j]);
}

static const query_filter *count_filter(const query_select_item *it, uint32_t j)
{
    return it->count_filters ? it->count_filters[j] : NULL;
}

/* The columns of _count. An alias for each joined table of counts goes to `aliases`, in order. */
static void put_counts(cc_stmt *st, const level *l, nicol_str alias, nicol_str *aliases)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->sel->items_n; i++) {
        const query_select_item *it = &l->sel->items[i];
        for (uint32_t j = 0; it->kind == SELECT_COUNT && j < it->counts_n; j++) {
            nicol_str counts = {"", 0};
            if (joins_counts(l, it, j)) counts = aliases[n++] = cc_alias(st->c);
            cc_lit(st, ", ");
            cc_relation_count(st, it->counts[j], alias, counts, count_filter(it, j));
            cc_lit(st, " AS ");
            cc_ident(st, cc_count_name(st->c, it->counts[j]));
        }
    }
}

static void put_count_joins(cc_stmt *st, const level *l, nicol_str alias, const nicol_str *aliases)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->sel->items_n; i++) {
        const query_select_item *it = &l->sel->items[i];
        for (uint32_t j = 0; it->kind == SELECT_COUNT && j < it->counts_n; j++) {
            if (joins_counts(l, it, j)) cc_count_join(st, it->counts[j], alias, aliases[n++], count_filter(it, j));
        }
    }
}

static nicol_str *count_aliases(cc *c, const level *l)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->sel->items_n; i++) n += l->sel->items[i].counts_n;
    return CC_ARRAY(c, n, nicol_str);
}

static void and_(cc_stmt *st, bool *any)
{
    cc_sql(st, *any ? NICOL_STR(" AND ") : NICOL_STR(" WHERE "));
    *any = true;
}

static void put_keys(cc_stmt *st, const level *l, nicol_str alias, nicol_str join, bool *any)
{
    if (l->keys_n == 0) return;
    and_(st, any);
    if (!l->through) {
        cc_where_keys(st, alias, l->keys, l->v, l->keys_n, l->many);
        return;
    }
    cc_link k;
    cc_link_columns(l->through, &k);
    sql_column(&st->w, join, k.own);
    if (l->many) {
        cc_lit(st, " IN ");
        cc_tuple(st, l->v[0], cc_type_item(st->c, k.parent[0]));
    } else {
        cc_lit(st, " = ");
        cc_bindv(st, l->v[0], cc_type_item(st->c, k.parent[0]));
    }
}

/* The keys of many operations as a table, numbered, and the rows that each finds. CROSS JOIN keeps SQLite from turning
 * the loops round: for each key its rows, as one operation would have found them. `+` takes away what a column has
 * and a bound value has not (an affinity), so that the comparison is the one that the operation alone would make. */
static void put_lookup_from(cc_stmt *st, const level *l, nicol_str alias, nicol_str keys)
{
    const cc_lookup *k = l->lookup;
    cc *c = st->c;
    if (k->json) {
        cc_lit(st, "json_each(");
        cc_bindv(st, cc_param(k->param), cc_scalar(SCALAR_STRING));
        cc_lit(st, ")");
    } else {
        plan_arg_type *types = CC_ARRAY(c, k->n + 1, plan_arg_type);
        if (!types) return;
        types[0] = cc_scalar(SCALAR_INT);
        for (uint32_t i = 0; i < k->n; i++) types[i + 1] = cc_type_item(c, k->keys[i]->field);
        cc_lit(st, "(VALUES ");
        cc_tuple_list(st, cc_param(k->param), types, k->n + 1);
        cc_lit(st, ")");
    }
    cc_lit(st, " AS ");
    cc_ident(st, keys);
    cc_lit(st, " CROSS JOIN ");
    cc_table_as(st, l->m, alias);
    cc_lit(st, " ON ");
    for (uint32_t i = 0; i < k->n; i++) {
        if (i) cc_lit(st, " AND ");
        cc_column(st, alias, k->keys[i]->field);
        cc_lit(st, " = +");
        sql_column(&st->w, keys, k->json ? NICOL_STR("value") : cc_printf(c, "column%u", i + 2));
        if (!k->json || k->n == 1) continue;
        cc_lit(st, " ->> ");
        sql_i64(&st->w, i);
    }
}

static void put_from(cc_stmt *st, const level *l, nicol_str alias, nicol_str join)
{
    cc_lit(st, " FROM ");
    if (l->lookup) {
        put_lookup_from(st, l, alias, join);
        return;
    }
    cc_table_as(st, l->m, alias);
    if (!l->through) return;
    cc_link k;
    cc_link_columns(l->through, &k);
    cc_lit(st, " INNER JOIN ");
    sql_column(&st->w, l->m->db_schema, l->through->relation->join_table);
    cc_lit(st, " AS ");
    cc_ident(st, join);
    cc_lit(st, " ON ");
    sql_column(&st->w, join, k.other);
    cc_lit(st, " = ");
    cc_column(st, alias, k.child[0]);
}

static bool has_tuple(const cc_stmt *st, uint32_t more_than)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < st->frags_n; i++) n += st->frags[i].type == FRAG_TUPLE;
    return n > more_than;
}

static void put_where(cc_stmt *st, const level *l, const cc_order *o, nicol_str alias, nicol_str join)
{
    bool any = false;
    put_keys(st, l, alias, join, &any);
    if (!cc_filter_trivial(l->find->where)) {
        and_(st, &any);
        cc_where(st, l->m, alias, l->find->where);
    }
    if (!cc_filter_trivial(l->extra)) {
        and_(st, &any);
        cc_where(st, l->m, alias, l->extra);
    }
    if (l->find->cursor_n) {
        and_(st, &any);
        cc_order_cursor(st, o);
    }
}

/* The columns of a level: what its selection and its in-memory operations need. */
static const schema_field **columns_of(cc *c, const level *l, const paging *p, uint32_t *n)
{
    uint32_t max = l->keys_n + l->find->distinct_n + l->find->cursor_n, k = 0;
    const schema_field **extra = CC_ARRAY(c, max, const schema_field *);
    if (!extra) return NULL;
    for (uint32_t i = 0; l->joined && !l->through && i < l->keys_n; i++) add_field(extra, &k, l->keys[i]);
    for (uint32_t i = 0; p->distinct && i < l->find->distinct_n; i++) add_field(extra, &k, l->find->distinct[i]);
    for (uint32_t i = 0; p->memory && i < l->find->cursor_n; i++) add_field(extra, &k, l->find->cursor_fields[i]);
    return cc_select_columns(c, l->sel, extra, k, n);
}

const plan_node *cc_must_find(cc *c, const plan_node *rows)
{
    plan_context ctx = {.operation = NICOL_STR("a query")};
    return cc_validate(c, rows, (plan_rule){RULE_COUNT_NEQ, 0}, VIOLATION_MISSING_RECORD, &ctx);
}

/* The rows of a level, without its relations. */
static const plan_node *level_rows(cc *c, const level *l)
{
    nicol_str alias = cc_root_alias(l->m);
    cc_order o;
    cc_order_init(c, &o, l->m, alias, l->find);
    paging p = page_of(l, &o);
    uint32_t n;
    const schema_field **cols = columns_of(c, l, &p, &n);
    nicol_str *counts = count_aliases(c, l);
    if (!cols || !counts) return NULL;
    cc_stmt st;
    cc_stmt_begin(c, &st);
    cc_lit(&st, "SELECT ");
    cc_columns(&st, alias, cols, n);
    nicol_str join = l->through || l->lookup ? cc_alias(c) : NICOL_STR("");
    if (l->lookup) {
        cc_lit(&st, ", ");
        sql_column(&st.w, join, l->lookup->json ? NICOL_STR("key") : NICOL_STR("column1"));
        cc_lit(&st, " AS ");
        cc_ident(&st, NICOL_STR(PLAN_ITEM_COLUMN));
    }
    if (l->through) {
        cc_link k;
        cc_link_columns(l->through, &k);
        cc_lit(&st, ", ");
        sql_column(&st.w, join, k.own);
        cc_lit(&st, " AS ");
        cc_ident(&st, link_name(c, l->through));
    }
    put_counts(&st, l, alias, counts);
    put_from(&st, l, alias, join);
    put_count_joins(&st, l, alias, counts);
    cc_order_joins(&st, &o);
    put_where(&st, l, &o, alias, join);
    cc_order_by(&st, &o);
    if (!p.memory) cc_limit(&st, p.has_take, p.take, l->find->has_skip, l->find->skip);
    /* Split over several statements, rows keep their order per parent, and only there. */
    uint32_t links = l->many ? l->keys_n : 0;
    if ((o.n || p.memory || p.distinct) && has_tuple(&st, links)) st.chunkable = false;
    const plan_node *rows = cc_query(c, &st);
    if (p.memory || p.distinct || p.reversed) rows = cc_process(c, rows, ops_of(c, l, &p));
    if (l->required) rows = cc_must_find(c, rows);
    return l->one ? cc_unique(c, rows) : rows;
}

static const plan_node *with_relations(cc *c, const query_select *sel, const plan_node *rows, bool one, bool among);

static const plan_node *level_all(cc *c, const level *l)
{
    if (!cc_enter(c)) return NULL;
    const plan_node *rows = with_relations(c, l->sel, level_rows(c, l), l->one, l->picked);
    cc_leave(c);
    return rows;
}

/* --- relations ------------------------------------------------------------------------------------------------------------ */

/* Let variables for the keys that a level's relations hang on, one per column. */
typedef struct key_slots {
    const schema_field **fields;
    uint32_t *slots;
    uint32_t n;
} key_slots;

static pval key_var(cc *c, key_slots *k, const schema_field *f)
{
    uint32_t i = 0;
    while (i < k->n && k->fields[i] != f) i++;
    if (i == k->n) {
        k->fields[k->n] = f;
        k->slots[k->n++] = cc_slot(c);
    }
    return cc_var(c, k->slots[i], cc_printf(c, "@parent$%.*s", STR_FMT(f->db_name)));
}

static void child_of(cc *c, const query_select_item *it, key_slots *keys, bool one, bool among, plan_join_child *out)
{
    const schema_field *f = it->field;
    cc_link k;
    cc_link_columns(f, &k);
    pval *v = CC_ARRAY(c, k.n, pval);
    nicol_str *on_parent = CC_ARRAY(c, k.n, nicol_str), *on_child = CC_ARRAY(c, k.n, nicol_str);
    if (!v || !on_parent || !on_child) return;
    for (uint32_t i = 0; i < k.n; i++) {
        v[i] = key_var(c, keys, k.parent[i]);
        on_parent[i] = k.parent[i]->db_name;
        on_child[i] = k.many_many ? link_name(c, f) : k.child[i]->db_name;
    }
    level l = {.m = f->target, .sel = it->select, .find = &it->find, .keys = k.child, .v = v, .keys_n = k.n};
    l.joined = true;
    l.among = among;
    l.many = !one;
    if (k.many_many) l.through = f;
    *out = (plan_join_child){.on_parent = on_parent,
                             .on_child = on_child,
                             .on_n = k.n,
                             .field = cc_nested_name(c, f),
                             .unique = f->arity != ARITY_LIST};
    out->child = level_all(c, &l);
}

static const plan_node *with_relations(cc *c, const query_select *sel, const plan_node *rows, bool one, bool among)
{
    if (!rows || !cc_select_has_relations(sel)) return rows;
    key_slots keys = {.fields = CC_ARRAY(c, sel->model->fields_n, const schema_field *),
                      .slots = CC_ARRAY(c, sel->model->fields_n, uint32_t)};
    plan_join_child *kids = CC_ARRAY(c, sel->items_n, plan_join_child);
    if (!keys.fields || !keys.slots || !kids) return NULL;
    uint32_t parent = cc_slot(c), n = 0;
    for (uint32_t i = 0; i < sel->items_n && !c->failed; i++) {
        if (sel->items[i].kind == SELECT_RELATION) child_of(c, &sel->items[i], &keys, one, among, &kids[n++]);
    }
    plan_binding *b = CC_ARRAY(c, keys.n + 1, plan_binding);
    if (!b) return NULL;
    b[0] = cc_bind(parent, NICOL_STR("@parent"), rows);
    for (uint32_t i = 0; i < keys.n; i++) {
        nicol_str column = keys.fields[i]->db_name;
        b[i + 1] = cc_bind(keys.slots[i], cc_printf(c, "@parent$%.*s", STR_FMT(column)),
                           cc_map_field(c, column, cc_get(c, parent)));
    }
    return cc_let(c, b, keys.n + 1, cc_join(c, cc_get(c, parent), kids, n));
}

const plan_node *cc_with_relations(cc *c, const query_select *sel, const plan_node *rows, bool one)
{
    return with_relations(c, sel, rows, one, false);
}

/* --- the doors -------------------------------------------------------------------------------------------------------------- */

static const query_find all_rows;

const plan_node *cc_find_rows(cc *c, const schema_model *m, const query_find *find, const query_select *sel, bool one)
{
    level l = {.m = m, .sel = sel, .find = find, .one = one};
    return level_all(c, &l);
}

const plan_node *cc_lookup_rows(cc *c, const schema_model *m, const query_select *sel, const cc_lookup *k)
{
    level l = {.m = m, .sel = sel, .find = &all_rows, .extra = k->rest, .lookup = k};
    return level_all(c, &l);
}

const plan_node *cc_read_back(cc *c, const query_select *sel, const schema_field *const *keys, const pval *v,
                              uint32_t n, bool one)
{
    level l = {
        .m = sel->model, .sel = sel, .find = &all_rows, .one = one, .keys = keys, .v = v, .keys_n = n, .many = !one};
    return level_all(c, &l);
}

const plan_node *cc_read_where(cc *c, const query_select *sel, const query_filter *where, bool one)
{
    level l = {.m = sel->model, .sel = sel, .find = &all_rows, .extra = where, .one = one};
    return level_all(c, &l);
}

const plan_node *cc_compile_find(cc *c)
{
    const query_op *op = c->op;
    bool first = op->action == QUERY_FIND_FIRST || op->action == QUERY_FIND_FIRST_OR_THROW;
    if (first && op->find.has_take && op->find.take != 1 && op->find.take != -1) {
        cc_input_error(c,
                       NICOL_STR("The 'findFirst' operation cannot be used with a 'take' argument that isn't 1 or -1"));
        return NULL;
    }
    level l = {.m = op->model, .sel = op->select, .find = &op->find};
    l.one = op->action != QUERY_FIND_MANY;
    l.first = l.one;
    l.picked = first;
    l.required = op->action == QUERY_FIND_UNIQUE_OR_THROW || op->action == QUERY_FIND_FIRST_OR_THROW;
    return cc_data_map(c, level_all(c, &l), cc_shape(c, op->select));
}
