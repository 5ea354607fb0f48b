/* plan/compile_insert.c - INSERT: one row, many rows, and insert-or-update.
 *
 * Values that the engine makes (ids, times) are generator calls right in the arguments: each row gets its own id, and
 * now() is the same moment all through a run of the plan. Constant defaults are written by the engine too, as the
 * database may not know them. Only what the database makes (autoincrement, dbgenerated) is left out of the columns; so
 * rows that differ in such a column go into different statements.
 */
#include "plan/compile_write_int.h"

typedef enum cell_kind { CELL_LEFT_OUT, CELL_NULL, CELL_VALUE } cell_kind;

typedef struct inserter {
    cc *c;
    const schema_model *m;
    const query_write *const *rows;
    uint32_t rows_n;
    const wassign *fixed; /* the same in all rows */
    uint32_t fixed_n;
    bool skip_duplicates;
    const wfields *ret;
    const query_set **sets;    /* of the current row, by field index */
    const wassign **fixed_at;  /* by field index */
    const schema_field **cols; /* of the current statement */
    uint32_t cols_n;
    uint32_t *group; /* of each row */
} inserter;

static bool stored(const schema_field *f)
{
    return f->kind == FIELD_SCALAR || f->kind == FIELD_ENUM;
}

static bool made_by_database(const schema_field *f)
{
    switch (f->def->kind) {
    case DEFAULT_AUTOINCREMENT:
    case DEFAULT_DBGENERATED:
    case DEFAULT_SEQUENCE:
    case DEFAULT_AUTO:
        return true;
    case DEFAULT_NONE:
    case DEFAULT_VALUE:
    case DEFAULT_NOW:
    case DEFAULT_UUID4:
    case DEFAULT_UUID7:
    case DEFAULT_CUID:
    case DEFAULT_CUID2:
    case DEFAULT_ULID:
    case DEFAULT_NANOID:
        break;
    }
    return false;
}

static cell_kind default_of(cc *c, const schema_field *f, pval *v)
{
    switch (f->def->kind) {
    case DEFAULT_VALUE:
        *v = cc_const(c, f->def->value);
        return CELL_VALUE;
    case DEFAULT_NOW:
        *v = cc_generator(c, GEN_NOW, NULL, 0, 0);
        return CELL_VALUE;
    case DEFAULT_UUID4:
        *v = cc_generator(c, GEN_UUID4, NULL, 0, 0);
        return CELL_VALUE;
    case DEFAULT_UUID7:
        *v = cc_generator(c, GEN_UUID7, NULL, 0, 0);
        return CELL_VALUE;
    case DEFAULT_CUID:
        *v = cc_generator(c, GEN_CUID, NULL, 0, 0);
        return CELL_VALUE;
    case DEFAULT_CUID2:
        *v = cc_generator(c, GEN_CUID2, NULL, 0, 0);
        return CELL_VALUE;
    case DEFAULT_ULID:
        *v = cc_generator(c, GEN_ULID, NULL, 0, 0);
        return CELL_VALUE;
    case DEFAULT_NANOID:
        *v = cc_generator(c, GEN_NANOID, NULL, 0, f->def->arg > 0 ? (uint32_t)f->def->arg : 21);
        return CELL_VALUE;
    case DEFAULT_NONE:
    case DEFAULT_AUTOINCREMENT:
    case DEFAULT_DBGENERATED:
    case DEFAULT_SEQUENCE:
    case DEFAULT_AUTO:
        break;
    }
    return CELL_LEFT_OUT;
}

static void take_row(inserter *in, const query_write *w)
{
    memset(in->sets, 0, in->m->fields_n * sizeof *in->sets);
    for (uint32_t i = 0; w && i < w->sets_n; i++) in->sets[w->sets[i].field->index] = &w->sets[i];
}

/* Whether field f of the current row is in the columns, without making its value. */
static cell_kind cell_of(const inserter *in, const schema_field *f)
{
    if (in->fixed_at[f->index]) return CELL_VALUE;
    const query_set *s = in->sets[f->index];
    if (s) return s->value.kind == QVAL_NULL ? CELL_NULL : CELL_VALUE;
    if (f->is_updated_at) return CELL_VALUE;
    return f->def->kind == DEFAULT_NONE || made_by_database(f) ? CELL_LEFT_OUT : CELL_VALUE;
}

static cell_kind cell_value(cc *c, const wassign *fixed, const query_set *s, const schema_field *f, pval *v)
{
    if (fixed) {
        *v = fixed->v;
        return fixed->null ? CELL_NULL : CELL_VALUE;
    }
    if (s) {
        if (s->value.kind == QVAL_NULL) return CELL_NULL;
        *v = cc_value_of(c, &s->value);
        return CELL_VALUE;
    }
    if (!f->is_updated_at || f->def->kind != DEFAULT_NONE) return default_of(c, f, v);
    *v = cc_generator(c, GEN_NOW, NULL, 0, 0);
    return CELL_VALUE;
}

static void write_cell(inserter *in, cc_stmt *st, const schema_field *f)
{
    pval v = {0};
    cell_kind kind = cell_value(in->c, in->fixed_at[f->index], in->sets[f->index], f, &v);
    if (kind == CELL_VALUE) cc_bindv(st, v, cc_type(in->c, f));
    else cc_lit(st, "NULL");
}

bool w_new_value(cc *c, const query_write *w, const wassign *fixed, uint32_t fixed_n, const schema_field *f,
                 wassign *out)
{
    const wassign *given = NULL;
    const query_set *set = NULL;
    for (uint32_t i = 0; i < fixed_n && !given; i++) given = fixed[i].field == f ? &fixed[i] : NULL;
    for (uint32_t i = 0; i < w->sets_n && !set; i++) set = w->sets[i].field == f ? &w->sets[i] : NULL;
    *out = (wassign){.field = f, .op = SET_VALUE};
    cell_kind kind = cell_value(c, given, set, f, &out->v);
    out->null = kind == CELL_NULL;
    if (out->null) out->v = cc_null();
    return kind != CELL_LEFT_OUT;
}

static void write_row(inserter *in, cc_stmt *st, const query_write *w)
{
    take_row(in, w);
    cc_lit(st, "(");
    for (uint32_t i = 0; i < in->cols_n; i++) {
        if (i) cc_lit(st, ",");
        write_cell(in, st, in->cols[i]);
    }
    cc_lit(st, ")");
}

static void write_head(inserter *in, cc_stmt *st)
{
    const sql_dialect *d = in->c->d;
    cc_sql(st, in->skip_duplicates ? d->insert_ignore : d->insert);
    cc_table(st, in->m);
    if (in->cols_n == 0) {
        cc_sql(st, d->default_row);
        return;
    }
    cc_lit(st, " (");
    for (uint32_t i = 0; i < in->cols_n; i++) {
        if (i) cc_lit(st, ", ");
        cc_ident(st, in->cols[i]->db_name);
    }
    cc_lit(st, ") VALUES ");
}

/* The rows of one group, up to `max` of them from *at on, as one statement. */
static const plan_node *statement(inserter *in, uint32_t group, uint32_t *at, uint32_t max)
{
    cc_stmt st;
    cc_stmt_begin(in->c, &st);
    st.chunkable = false;
    write_head(in, &st);
    uint32_t n = 0;
    for (; *at < in->rows_n && n < max && !in->c->failed; (*at)++) {
        if (in->group[*at] != group) continue;
        if (in->cols_n) {
            if (n) cc_lit(&st, ", ");
            write_row(in, &st, in->rows ? in->rows[*at] : NULL);
        }
        n++;
    }
    if (in->skip_duplicates) cc_sql(&st, in->c->d->ignore_suffix);
    if (!in->ret) return cc_execute(in->c, &st);
    w_returning(&st, in->ret);
    return cc_query(in->c, &st);
}

/* Columns that some row of the group has something for. */
static void find_columns(inserter *in, uint32_t group)
{
    bool *used = CC_ARRAY(in->c, in->m->fields_n, bool);
    if (!used) return;
    for (uint32_t r = 0; r < in->rows_n; r++) {
        if (in->group[r] != group) continue;
        take_row(in, in->rows ? in->rows[r] : NULL);
        for (size_t i = 0; i < in->m->fields_n; i++) {
            const schema_field *f = &in->m->fields[i];
            if (stored(f) && !used[i]) used[i] = cell_of(in, f) != CELL_LEFT_OUT;
        }
    }
    in->cols_n = 0;
    for (size_t i = 0; i < in->m->fields_n; i++) {
        if (used[i]) in->cols[in->cols_n++] = &in->m->fields[i];
    }
}

/* Puts rows that leave the same columns to the database into one group; returns how many groups there are. */
static uint32_t find_groups(inserter *in)
{
    cc *c = in->c;
    size_t words = in->m->fields_n / 64 + 1;
    uint64_t *mask = CC_ARRAY(c, words, uint64_t);
    uint64_t *masks = NULL; /* of the groups */
    uint32_t n = 0, cap = 0;
    for (uint32_t r = 0; mask && r < in->rows_n; r++) {
        take_row(in, in->rows ? in->rows[r] : NULL);
        memset(mask, 0, words * sizeof *mask);
        for (size_t i = 0; i < in->m->fields_n; i++) {
            const schema_field *f = &in->m->fields[i];
            if (stored(f) && made_by_database(f) && cell_of(in, f) == CELL_LEFT_OUT)
                mask[i / 64] |= (uint64_t)1 << (i % 64);
        }
        uint32_t g = 0;
        while (g < n && memcmp(masks + g * words, mask, words * sizeof *mask) != 0) g++;
        if (g == n) {
            if (n == cap) {
                uint64_t *more =
                    arena_grow(c->a, masks, cap * words * sizeof *mask, (cap + 4) * 2 * words * sizeof *mask);
                if (!more) {
                    cc_oom(c);
                    return 0;
                }
                masks = more;
                cap = (cap + 4) * 2;
            }
            memcpy(masks + n++ * words, mask, words * sizeof *mask);
        }
        in->group[r] = g;
    }
    return n;
}

static bool start(inserter *in)
{
    cc *c = in->c;
    in->sets = CC_ARRAY(c, in->m->fields_n, const query_set *);
    in->fixed_at = CC_ARRAY(c, in->m->fields_n, const wassign *);
    in->cols = CC_ARRAY(c, in->m->fields_n, const schema_field *);
    in->group = CC_ARRAY(c, in->rows_n, uint32_t);
    if (!in->sets || !in->fixed_at || !in->cols || !in->group) return false;
    for (uint32_t i = 0; i < in->fixed_n; i++) in->fixed_at[in->fixed[i].field->index] = &in->fixed[i];
    return true;
}

typedef struct node_list {
    const plan_node **v;
    uint32_t n, cap;
} node_list;

static void append(cc *c, node_list *l, const plan_node *x)
{
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 4;
        const plan_node **v = arena_grow(c->a, l->v, l->cap * sizeof *v, cap * sizeof *v);
        if (!v) {
            cc_oom(c);
            return;
        }
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = x;
}

const plan_node *w_insert(cc *c, const schema_model *m, const query_write *const *rows, uint32_t rows_n,
                          const wassign *fixed, uint32_t fixed_n, bool skip_duplicates, const wfields *ret)
{
    if (ret && !c->d->returning) return w_insert_then_read(c, rows, rows_n, fixed, fixed_n, skip_duplicates, ret);
    inserter in = {.c = c,
                   .m = m,
                   .rows = rows,
                   .rows_n = rows_n,
                   .fixed = fixed,
                   .fixed_n = fixed_n,
                   .skip_duplicates = skip_duplicates,
                   .ret = ret};
    if (!start(&in)) return NULL;
    node_list list = {0};
    uint32_t groups = find_groups(&in);
    for (uint32_t g = 0; g < groups && !c->failed; g++) {
        find_columns(&in, g);
        uint32_t max = in.cols_n ? c->binds_max / in.cols_n : 1;
        if (max == 0) max = 1;
        uint32_t at = 0;
        for (;;) {
            while (at < rows_n && in.group[at] != g) at++;
            if (at == rows_n || c->failed) break;
            append(c, &list, statement(&in, g, &at, max));
        }
    }
    if (list.n == 1) return list.v[0];
    return ret ? cc_concat(c, list.v, list.n) : cc_sum(c, list.v, list.n);
}

const plan_node *w_insert_or_update(cc *c, const query_write *create, const query_write *update,
                                    const schema_index *conflict, const query_filter *where, const wfields *ret)
{
    const schema_model *m = create->model;
    inserter in = {.c = c, .m = m, .rows = &create, .rows_n = 1, .ret = ret};
    if (!start(&in)) return NULL;
    find_columns(&in, 0);
    cc_stmt st;
    cc_stmt_begin(c, &st);
    st.chunkable = false;
    write_head(&in, &st);
    write_row(&in, &st, create);
    cc_lit(&st, " ON CONFLICT (");
    for (size_t i = 0; i < conflict->fields_n; i++) {
        if (i) cc_lit(&st, ", ");
        cc_ident(&st, conflict->fields[i]->db_name);
    }
    cc_lit(&st, ") DO UPDATE SET ");
    uint32_t n = 0;
    const wassign *v = w_assigns(c, update, NULL, 0, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (i) cc_lit(&st, ", ");
        w_assign(&st, m, &v[i]);
    }
    if (n == 0) { /* nothing to change, but RETURNING gives a row only when there is a change */
        cc_ident(&st, conflict->fields[0]->db_name);
        cc_lit(&st, " = ");
        cc_column(&st, cc_root_alias(m), conflict->fields[0]);
    }
    cc_lit(&st, " WHERE ");
    cc_where(&st, m, cc_root_alias(m), where);
    w_returning(&st, ret);
    return cc_query(c, &st);
}
