/* engine/lookup.c - findUnique operations of one batch, answered together.
 *
 * Clients gather the findUnique calls of one tick into a batch. Those of one shape that differ in their keys alone run as
 * one plan with one statement a level; each then gets its own row, null or error, as if it had run alone. Whatever does
 * not fit (another shape, a request with a mistake, a value that must not travel so, a row that cannot be shown) runs
 * alone, so that one operation's trouble stays its own.
 */
#include "engine/engine_int.h"

#define GROUPS_MAX 16 /* a client's batch is one group */
#define ALONE UINT32_MAX

typedef struct item {
    json_val request;
    ready r;
    uint32_t group;
    uint32_t at; /* in its group */
} item;

typedef struct group {
    const item *first;
    uint32_t n;
    bool answered;
    exec_span *spans; /* by place in the group, into `texts` */
} group;

typedef struct lookups {
    engine *e;
    engine_schema *s;
    engine_call *call;
    arena *a; /* of the runs: what one of them uses up is not missing for the operations that then run alone */
    item *v;
    uint32_t n;
    group groups[GROUPS_MAX];
    uint32_t groups_n;
    buf texts;
} lookups;

bool is_find_unique(json_val request)
{
    query_action action = query_action_of(json_text(json_get(request, S("action"))));
    return action == QUERY_FIND_UNIQUE || action == QUERY_FIND_UNIQUE_OR_THROW;
}

/* --- groups --------------------------------------------------------------------------------------------------------- */

/* The plan for many operations of a kept shape. NULL: there is none. */
static const plan *lookup_plan(lookups *l, const item *x)
{
    kept *k = x->r.kept;
    if (k->lookup || k->no_lookup) return k->lookup;
    nicol_error ignored = {0};
    query_op op = {0};
    plan_compile_opts o = compile_opts(l->e);
    if (query_parse(l->s->s, x->request, l->a, &op, &ignored)) k->lookup = plan_compile_lookup(&op, &o, &ignored);
    k->no_lookup = !k->lookup;
    return k->lookup;
}

static bool is_key(const plan *p, uint32_t param)
{
    for (uint32_t i = 0; i < p->lookup.n; i++) {
        if (p->lookup.params[i] == param) return true;
    }
    return false;
}

static nicol_str param_text(const item *x, uint32_t param)
{
    json_val v = {x->request.doc, x->request.i + x->r.kept->params[param].token};
    return json_raw(v);
}

/* One shape, and the same values but for the key's. */
static bool same_but_key(const item *a, const item *b)
{
    if (a->r.kept != b->r.kept) return false;
    for (uint32_t i = 0; i < a->r.kept->params_n; i++) {
        if (!is_key(a->r.kept->lookup, i) && !str_eq(param_text(a, i), param_text(b, i))) return false;
    }
    return true;
}

static uint32_t group_of(lookups *l, const item *x)
{
    if (!lookup_plan(l, x)) return ALONE;
    for (uint32_t i = 0; i < l->groups_n; i++) {
        if (same_but_key(l->groups[i].first, x)) return i;
    }
    if (l->groups_n == GROUPS_MAX) return ALONE;
    l->groups[l->groups_n] = (group){.first = x};
    return l->groups_n++;
}

static void make_groups(lookups *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        item *x = &l->v[i];
        nicol_error ignored = {0}; /* it is told when the operation runs alone */
        x->group = ALONE;
        if (!ready_make(l->e, l->s, x->request, l->call->a, NULL, &x->r, &ignored)) continue;
        if (x->r.kept) x->group = group_of(l, x);
        if (x->group != ALONE) x->at = l->groups[x->group].n++;
    }
}

/* --- running -------------------------------------------------------------------------------------------------------- */

static bool make_params(lookups *l, const group *g, const plan *p, val **out)
{
    val *params = *out = ARENA_ARRAY(l->a, p->params_n, val);
    const val **keys = ARENA_ARRAY(l->a, g->n, const val *);
    if (!params || !keys) return false;
    for (uint32_t i = 0; i + 1 < p->params_n; i++) params[i] = g->first->r.params[i];
    for (uint32_t i = 0; i < l->n; i++) {
        const item *x = &l->v[i];
        if (x->group != ALONE && &l->groups[x->group] == g) keys[x->at] = x->r.params;
    }
    return plan_lookup_keys(p, keys, g->n, l->a, &params[p->params_n - 1]);
}

static void explain_group(const lookups *l, const group *g, const plan *p)
{
    buf *b = l->call->explain;
    if (!b) return;
    buf_printf(b, "plan of %u operations at once\n", g->n);
    plan_print(p, b);
    buf_lit(b, "statements\n");
}

static uint32_t count_missing(const group *g)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < g->n; i++) n += g->spans[i].len == 0;
    return n;
}

static void run_group(lookups *l, group *g)
{
    const plan *p = g->first->r.kept->lookup;
    val *params;
    watch w;
    watch_start(&w, l->e, l->call);
    g->spans = ARENA_ARRAY(l->a, g->n, exec_span);
    if (!g->spans || !make_params(l, g, p, &params)) return;
    explain_group(l, g, p);
    exec_request rq = {.plan = p,
                       .params = params,
                       .tx = l->call->tx,
                       .a = l->a,
                       .deadline_us = l->call->deadline_us,
                       .items = g->spans,
                       .items_n = g->n};
    nicol_error ignored = {0};
    bool has_value;
    watch_run(&w, &rq);
    g->answered = exec_run(l->e->x, &rq, &l->texts, &has_value, &ignored);
    if (!g->answered) return;
    l->call->operations += g->n;
    l->e->fig.compacted += g->n;
    watch_end(&w, query_action_name(g->first->r.action), g->first->r.model, g->n,
              p->lookup.missing ? count_missing(g) : 0);
}

/* --- answers -------------------------------------------------------------------------------------------------------- */

static void put_answer(lookups *l, const item *x, int64_t index, buf *out)
{
    const group *g = x->group == ALONE ? NULL : &l->groups[x->group];
    bool failed;
    if (!g || !g->answered) {
        run_one(l->e, l->s, x->request, NULL, l->call, index, out, &failed);
        return;
    }
    exec_span span = g->spans[x->at];
    const plan *p = x->r.kept->lookup;
    if (span.len == 0 && p->lookup.missing) {
        nicol_error err = {0};
        (void)exec_missing(l->e->x, p, l->call->a, &err);
        engine_put_errors_v6(&err, x->r.model, index, out);
        return;
    }
    put_data_start(&x->r, out);
    buf_str(out, span.len ? str_of(l->texts.ptr + span.at, span.len) : S("null"));
    buf_lit(out, "}}");
}

void run_lookups(engine *e, engine_schema *s, const json_val *requests, uint32_t n, engine_call *call, int64_t index,
                 buf *out)
{
    lookups l = {.e = e, .s = s, .call = call, .a = arena_new(e->m, NICOL_REQUEST_ARENA_BYTES_MAX), .n = n};
    buf_init(&l.texts, e->m, SIZE_MAX / 2);
    l.v = l.a ? ARENA_ARRAY(l.a, n, item) : NULL;
    for (uint32_t i = 0; l.v && i < n; i++) l.v[i] = (item){.request = requests[i], .group = ALONE};
    if (l.v && s && n > 1) make_groups(&l);
    for (uint32_t i = 0; i < l.groups_n; i++) {
        if (l.groups[i].n > 1) run_group(&l, &l.groups[i]);
    }
    for (uint32_t i = 0; i < n; i++) {
        bool failed;
        if (index + i > 0) buf_char(out, ',');
        if (l.v) put_answer(&l, &l.v[i], index + i, out);
        else run_one(e, s, requests[i], NULL, call, index + i, out, &failed);
    }
    for (uint32_t i = 0; l.v && i < n; i++) {
        if (l.v[i].r.plan) ready_done(&l.v[i].r);
    }
    buf_free(&l.texts);
    arena_free(l.a);
}
