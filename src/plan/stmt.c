/* plan/stmt.c - the statement builder: SQL text with gaps for values, and the values with their types beside it.
 *
 * A statement whose gaps are all single values is rendered to its final text here, once, so that running it touches no
 * text at all. One with lists of unknown length keeps its fragments; the executor renders those per length.
 */
#include "base/limits.h"
#include "plan/compile_int.h"

void cc_stmt_begin(cc *c, cc_stmt *st)
{
    *st = (cc_stmt){.c = c, .chunkable = true};
    sql_begin(&st->w, c->d, c->a);
}

static bool stmt_good(cc_stmt *st)
{
    if (st->c->failed) return false;
    if (!st->w.failed) return true;
    if (!st->w.over) return cc_oom(st->c);
    st->c->failed = true;
    return nicol_fail(st->c->err, NICOL_E_LIMIT,
                      "The query's SQL text is larger than %zu bytes, or a name in it longer than %d: split the query",
                      SQL_TEXT_BYTES_MAX, SQL_IDENT_BYTES_MAX);
}

void cc_sql(cc_stmt *st, nicol_str text)
{
    sql_text(&st->w, text);
}

void cc_ident(cc_stmt *st, nicol_str name)
{
    sql_ident(&st->w, name);
}

void cc_column(cc_stmt *st, nicol_str alias, const schema_field *f)
{
    sql_column(&st->w, alias, f->db_name);
}

void cc_table(cc_stmt *st, const schema_model *m)
{
    sql_column(&st->w, m->db_schema, m->db_name);
}

void cc_table_as(cc_stmt *st, const schema_model *m, nicol_str alias)
{
    cc_table(st, m);
    if (alias.len && !str_eq(alias, m->db_name)) {
        cc_lit(st, " AS ");
        cc_ident(st, alias);
    }
}

void cc_columns(cc_stmt *st, nicol_str alias, const schema_field *const *fields, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i) cc_lit(st, ", ");
        cc_column(st, alias, fields[i]);
    }
}

static plan_frag *frag(cc_stmt *st, plan_frag_type type)
{
    if (!stmt_good(st)) return NULL;
    if (st->frags_n == st->frags_cap) {
        uint32_t cap = st->frags_cap ? st->frags_cap * 2 : 8;
        plan_frag *v = arena_grow(st->c->a, st->frags, st->frags_cap * sizeof *v, cap * sizeof *v);
        if (!v) {
            cc_oom(st->c);
            return NULL;
        }
        st->frags = v;
        st->frags_cap = cap;
    }
    plan_frag *f = &st->frags[st->frags_n++];
    *f = (plan_frag){.type = type};
    return f;
}

static void flush_text(cc_stmt *st)
{
    if (sql_empty(&st->w)) return;
    plan_frag *f = frag(st, FRAG_TEXT);
    if (f) f->text = sql_take(&st->w);
}

static void push_arg(cc_stmt *st, pval v, plan_arg_type t)
{
    if (st->c->failed) return;
    if (st->args_n == st->args_cap) {
        uint32_t cap = st->args_cap ? st->args_cap * 2 : 8;
        pval *args = arena_grow(st->c->a, st->args, st->args_cap * sizeof *args, cap * sizeof *args);
        plan_arg_type *types =
            args ? arena_grow(st->c->a, st->types, st->args_cap * sizeof *types, cap * sizeof *types) : NULL;
        if (!types) {
            cc_oom(st->c);
            return;
        }
        st->args = args;
        st->types = types;
        st->args_cap = cap;
    }
    st->args[st->args_n] = v;
    st->types[st->args_n++] = t;
}

void cc_bindv(cc_stmt *st, pval v, plan_arg_type t)
{
    flush_text(st);
    if (frag(st, FRAG_PARAM)) push_arg(st, v, t);
}

void cc_tuple_within(cc_stmt *st, pval v, plan_arg_type item, nicol_str before, nicol_str after)
{
    flush_text(st);
    plan_frag *f = frag(st, FRAG_TUPLE);
    if (!f) return;
    f->prefix = before;
    f->separator = NICOL_STR(",");
    f->suffix = after;
    st->tuples = true;
    push_arg(st, v, item);
}

void cc_tuple(cc_stmt *st, pval v, plan_arg_type item)
{
    cc_tuple_within(st, v, item, (nicol_str){0}, (nicol_str){0});
}

void cc_tuple_list(cc_stmt *st, pval v, const plan_arg_type *elements, uint32_t n)
{
    flush_text(st);
    plan_frag *f = frag(st, FRAG_TUPLE_LIST);
    plan_arg_type *types = CC_ARRAY(st->c, n, plan_arg_type);
    if (!f || !types) return;
    f->prefix = NICOL_STR("(");
    f->separator = NICOL_STR(",");
    f->suffix = NICOL_STR(")");
    f->group_separator = NICOL_STR(",");
    if (n) memcpy(types, elements, n * sizeof *types);
    st->tuples = true;
    push_arg(st, v, (plan_arg_type){.elements = types, .elements_n = n});
}

static nicol_str render(cc_stmt *st)
{
    sql_writer w;
    sql_begin(&w, st->c->d, st->c->a);
    int64_t number = 0;
    for (uint32_t i = 0; i < st->frags_n; i++) {
        if (st->frags[i].type == FRAG_TEXT) {
            sql_text(&w, st->frags[i].text);
            continue;
        }
        sql_text(&w, st->c->d->ph_prefix);
        if (st->c->d->ph_numbered) sql_i64(&w, ++number);
    }
    if (w.failed) st->w.failed = true, st->w.over = w.over;
    return stmt_good(st) ? sql_take(&w) : (nicol_str){"", 0};
}

plan_stmt *cc_stmt_finish(cc_stmt *st)
{
    flush_text(st);
    plan_stmt *s = CC_NEW(st->c, plan_stmt);
    if (!s) return NULL;
    cc *c = st->c;
    nicol_str head = st->frags_n ? st->frags[0].text : (nicol_str){"", 0};
    s->reads = str_starts(head, NICOL_STR("SELECT ")) || str_starts(head, NICOL_STR("VALUES "));
    s->chunkable = st->chunkable && st->tuples;
    s->frags = st->frags;
    s->frags_n = st->frags_n;
    s->ph_prefix = c->d->ph_prefix;
    s->ph_numbered = c->d->ph_numbered;
    s->args = st->args;
    s->types = st->types;
    s->args_n = st->args_n;
    s->site = cc_site(c);
    if (!st->tuples) s->sql = render(st);
    c->p->statements_n++;
    if (!s->reads) c->p->writes = true;
    return c->failed ? NULL : s;
}

static const plan_node *stmt_node(cc *c, cc_stmt *st, plan_type type)
{
    plan_stmt *s = cc_stmt_finish(st);
    plan_node *n = CC_NEW(c, plan_node);
    if (!s || !n) return NULL;
    n->type = type;
    n->u.stmt = s;
    return n;
}

const plan_node *cc_query(cc *c, cc_stmt *st)
{
    return stmt_node(c, st, PLAN_QUERY);
}

const plan_node *cc_execute(cc *c, cc_stmt *st)
{
    return stmt_node(c, st, PLAN_EXECUTE);
}
