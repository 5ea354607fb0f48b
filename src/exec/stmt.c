/* exec/stmt.c - runs one database statement of a plan: evaluates its arguments, renders its text, splits it when it has
 * more binds than the database takes, and hands each started statement to whoever reads its rows.
 *
 * A template without tuples has its text from the plan, so the usual statement costs an array of arguments and a look-up
 * in the connection's statement cache.
 */
#include "exec/exec_int.h"

#include <stdio.h>

/* What a statement is sent with. */
typedef struct sending {
    nicol_str sql;
    const val *args;
    const driver_arg_type *types;
    size_t n;
} sending;

static bool malformed(run *r, const char *what)
{
    return nicol_fail(r->err, NICOL_E_INTERNAL, "Malformed query template. %s", what);
}

static driver_arg_type type_of(const plan_arg_type *t)
{
    return (driver_arg_type){.scalar = t->scalar, .list = t->list, .db_type = t->db_type};
}

static const driver_arg_type *plain_types(run *r, const plan_stmt *s)
{
    exec_site *here = r->memory && s->site < r->memory->sites_n ? &r->memory->sites[s->site] : NULL;
    if (here && here->types) return here->types;
    driver_arg_type *types = ARENA_ARRAY(here ? r->memory->a : r->a, s->args_n ? s->args_n : 1, driver_arg_type);
    if (!types) return NULL;
    for (uint32_t i = 0; i < s->args_n; i++) types[i] = type_of(&s->types[i]);
    if (here) here->types = types;
    return types;
}

static bool eval_args(run *r, const plan_stmt *s, val **out)
{
    val *args = *out = arena_alloc(r->a, (s->args_n ? s->args_n : 1) * sizeof *args);
    if (!args) return run_oom(r);
    for (uint32_t i = 0; i < s->args_n; i++) {
        if (!eval_pval(r, &s->args[i], &args[i])) return false;
    }
    return true;
}

/* --- sending one text ----------------------------------------------------------------------------------------------- */

static bool with_comment(run *r, sending *x)
{
    if (r->comment.len == 0) return true;
    x->sql = arena_printf(r->a, "%.*s %.*s", (int)x->sql.len, x->sql.ptr, (int)r->comment.len, r->comment.ptr);
    return x->sql.ptr || run_oom(r);
}

/* Only the database can tell for sure whether a text writes. One that does moves to the writer, while nothing has run. */
static bool prepare_where_it_belongs(run *r, const plan_stmt *s, nicol_str sql, driver_stmt **st)
{
    *st = r->d->prepare(r->conn->c, sql, r->a, r->err);
    if (!*st) return fail_database(r, s);
    if (r->may_write || r->d->is_read(*st)) return true;
    r->d->stmt_done(*st);
    if (!run_fresh_writer(r)) return false;
    *st = r->d->prepare(r->conn->c, sql, r->a, r->err);
    return *st || fail_database(r, s);
}

static bool send_one(run *r, const plan_stmt *s, sending *x, stmt_sink sink, void *ctx)
{
    driver_stmt *st;
    if (!with_comment(r, x) || !run_conn(r) || !prepare_where_it_belongs(r, s, x->sql, &st)) return false;
    bool watched = r->e->o.on_statement || r->rq->seen;
    int64_t start = watched ? clock_mono_us() : 0;
    r->e->figures.statements++;
    r->rows = 0;
    bool good = r->d->run(st, x->args, x->types, x->n, conn_deadline(r->e, r->deadline_us), r->a, r->err);
    good = good && sink(r, s, st, ctx);
    if (!good) fail_database(r, s);
    int64_t took = watched ? clock_mono_us() - start : 0;
    if (r->e->o.on_statement) {
        r->e->o.on_statement(r->e->o.ctx, x->sql, start, took, good ? r->rows : -1);
    }
    if (r->rq->seen) r->rq->seen(r->rq->seen_ctx, x->sql, x->args, x->n, start, took, good ? r->rows : -1);
    r->d->stmt_done(st);
    return good;
}

/* --- templates with tuples ------------------------------------------------------------------------------------------ */

/* How many binds an argument takes. */
static bool count_binds(run *r, const plan_frag *f, val v, size_t *out)
{
    *out = 1;
    if (f->type == FRAG_TUPLE && v.type == VAL_LIST) *out = v.n;
    if (f->type != FRAG_TUPLE_LIST) return true;
    if (v.type != VAL_LIST || v.n == 0) return malformed(r, "A tuple list needs a list with at least one tuple");
    *out = 0;
    for (uint32_t i = 0; i < v.n; i++) *out += v.u.list[i].type == VAL_LIST ? v.u.list[i].n : 1;
    return true;
}

typedef struct renderer {
    run *r;
    const plan_stmt *s;
    buf sql;
    val *args;
    driver_arg_type *types;
    size_t n;
} renderer;

static void put_bind(renderer *w, val v, const plan_arg_type *t)
{
    buf_str(&w->sql, w->s->ph_prefix);
    if (w->s->ph_numbered) buf_u64(&w->sql, w->n + 1);
    w->args[w->n] = v;
    w->types[w->n] = type_of(t);
    w->n++;
}

static void put_tuple(renderer *w, const plan_frag *f, val v, const plan_arg_type *t)
{
    const val *items = v.type == VAL_LIST ? v.u.list : &v;
    uint32_t n = v.type == VAL_LIST ? v.n : 1;
    if (n == 0) {
        buf_lit(&w->sql, "(NULL)");
        return;
    }
    buf_char(&w->sql, '(');
    for (uint32_t i = 0; i < n; i++) {
        if (i) buf_str(&w->sql, f->separator);
        buf_str(&w->sql, f->prefix);
        put_bind(w, items[i], t);
        buf_str(&w->sql, f->suffix);
    }
    buf_char(&w->sql, ')');
}

static bool put_tuple_list(renderer *w, const plan_frag *f, val v, const plan_arg_type *t)
{
    for (uint32_t g = 0; g < v.n; g++) {
        val group = v.u.list[g];
        const val *items = group.type == VAL_LIST ? group.u.list : &v.u.list[g];
        uint32_t n = group.type == VAL_LIST ? group.n : 1;
        if (t->elements_n && n % t->elements_n != 0) return malformed(w->r, "A tuple and its types differ in length");
        if (g) buf_str(&w->sql, f->group_separator);
        buf_str(&w->sql, f->prefix);
        for (uint32_t i = 0; i < n; i++) {
            if (i) buf_str(&w->sql, f->separator);
            put_bind(w, items[i], t->elements_n ? &t->elements[i % t->elements_n] : t);
        }
        buf_str(&w->sql, f->suffix);
    }
    return true;
}

static bool render(renderer *w, const val *args)
{
    uint32_t arg = 0;
    w->n = 0;
    buf_clear(&w->sql);
    for (uint32_t i = 0; i < w->s->frags_n; i++) {
        const plan_frag *f = &w->s->frags[i];
        if (f->type == FRAG_TEXT) {
            buf_str(&w->sql, f->text);
            continue;
        }
        val v = args[arg];
        const plan_arg_type *t = &w->s->types[arg++];
        if (f->type == FRAG_PARAM) put_bind(w, v, t);
        else if (f->type == FRAG_TUPLE) put_tuple(w, f, v, t);
        else if (!put_tuple_list(w, f, v, t)) return false;
    }
    return !buf_failed(&w->sql) || nicol_fail_oom(w->r->err);
}

/* How long the text becomes at most, so that it is made in the request's arena at once. */
static size_t text_bound(const plan_stmt *s, size_t binds)
{
    size_t len = 0, each = s->ph_prefix.len + 10;
    for (uint32_t i = 0; i < s->frags_n; i++) {
        const plan_frag *f = &s->frags[i];
        size_t affixes = f->prefix.len + f->separator.len + f->suffix.len + f->group_separator.len;
        len += f->type == FRAG_TEXT ? f->text.len : 6;
        if (affixes && binds > (SIZE_MAX >> 20) / (affixes + each)) return SIZE_MAX;
        len += f->type == FRAG_TUPLE || f->type == FRAG_TUPLE_LIST ? affixes * binds : 0;
    }
    return len + each * binds + 1;
}

static bool render_and_send(run *r, const plan_stmt *s, const val *args, size_t binds, stmt_sink sink, void *ctx)
{
    renderer w = {.r = r, .s = s};
    w.args = ARENA_ARRAY(r->a, binds ? binds : 1, val);
    w.types = ARENA_ARRAY(r->a, binds ? binds : 1, driver_arg_type);
    size_t bound = text_bound(s, binds);
    char *text = bound == SIZE_MAX ? NULL : arena_alloc(r->a, bound);
    if (!w.args || !w.types || !text) return run_oom(r);
    w.sql = (buf){.ptr = text, .cap = bound, .max = bound}; /* borrowed: never grown, never freed */
    if (!render(&w, args)) return false;
    sending x = {buf_view(&w.sql), w.args, w.types, w.n};
    return send_one(r, s, &x, sink, ctx);
}

/* The list without the items that it holds a second time: a row that two parts of it name would come twice, or be changed
 * twice. */
static bool drop_repeated(run *r, val *list)
{
    size_t slots = 16;
    while (slots < (size_t)list->n * 2) slots *= 2;
    uint32_t *table = ARENA_ARRAY(r->a, slots, uint32_t), n = 0;
    val *items = ARENA_ARRAY(r->a, list->n, val);
    if (!table || !items) return run_oom(r);
    memset(table, 0, slots * sizeof *table);
    for (uint32_t i = 0; i < list->n; i++) {
        size_t at = (size_t)val_hash(list->u.list[i], 0) & (slots - 1);
        while (table[at] && !val_same(items[table[at] - 1], list->u.list[i])) at = (at + 1) & (slots - 1);
        if (table[at]) continue;
        items[n++] = list->u.list[i];
        table[at] = n;
    }
    list->u.list = items;
    list->n = n;
    return true;
}

static bool inserts(const plan_stmt *s)
{
    return s->frags_n > 0 && s->frags[0].type == FRAG_TEXT && str_starts(s->frags[0].text, NICOL_STR("INSERT "));
}

/* Splits the largest list so that each statement fits. Only where the plan says that the parts add up to the whole. */
static bool send_in_parts(run *r, const plan_stmt *s, val *args, size_t total, uint32_t largest, size_t of_largest,
                          stmt_sink sink, void *ctx)
{
    size_t max = r->d->binds_max;
    val whole = args[largest];
    if (!s->chunkable || whole.type != VAL_LIST || total - of_largest >= max)
        return nicol_fail(r->err, NICOL_E_BIND_LIMIT, NULL);
    size_t room = max - (total - of_largest);
    if (!inserts(s) && !drop_repeated(r, &whole)) return false;
    if (!run_begin_read(r)) return false;
    for (uint32_t from = 0; from < whole.n;) {
        size_t binds = 0;
        uint32_t to = from;
        while (to < whole.n) {
            size_t one = whole.u.list[to].type == VAL_LIST ? whole.u.list[to].n : 1;
            if (binds + one > room) break;
            binds += one;
            to++;
        }
        if (to == from) return nicol_fail(r->err, NICOL_E_BIND_LIMIT, NULL);
        args[largest].u.list = whole.u.list + from;
        args[largest].n = to - from;
        if (!render_and_send(r, s, args, total - of_largest + binds, sink, ctx)) return false;
        from = to;
    }
    return true;
}

bool stmt_run(run *r, const plan_stmt *s, stmt_sink sink, void *ctx)
{
    val *args;
    if (!eval_args(r, s, &args)) return false;
    if (s->raw || s->sql.len) {
        sending x = {s->sql, args, plain_types(r, s), s->args_n};
        if (!x.types) return run_oom(r);
        if (s->args_n > r->d->binds_max) return nicol_fail(r->err, NICOL_E_BIND_LIMIT, NULL);
        return send_one(r, s, &x, sink, ctx);
    }
    size_t total = 0, of_largest = 0;
    uint32_t arg = 0, largest = 0;
    for (uint32_t i = 0; i < s->frags_n; i++) {
        size_t n;
        if (s->frags[i].type == FRAG_TEXT) continue;
        if (arg >= s->args_n) return malformed(r, "Too few arguments");
        if (!count_binds(r, &s->frags[i], args[arg], &n)) return false;
        if (s->frags[i].type != FRAG_PARAM && n > of_largest) {
            of_largest = n;
            largest = arg;
        }
        total += n;
        arg++;
    }
    if (total <= r->d->binds_max) return render_and_send(r, s, args, total, sink, ctx);
    return send_in_parts(r, s, args, total, largest, of_largest, sink, ctx);
}

/* --- statements whose rows nobody reads ----------------------------------------------------------------------------- */

static bool add_affected(run *r, const plan_stmt *s, driver_stmt *st, void *ctx)
{
    (void)s;
    for (bool row = true; row;) {
        if (!r->d->step(st, &row, r->a, r->err)) return false;
    }
    r->rows = r->d->affected(st);
    *(int64_t *)ctx += r->rows;
    return true;
}

bool stmt_affected(run *r, const plan_stmt *s, int64_t *out)
{
    *out = 0;
    return stmt_run(r, s, add_affected, out);
}
