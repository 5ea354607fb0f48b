/* engine/watch.c - one operation while it runs: how long it took, what its statements cost, and what of it goes to the
 * log when it was slow.
 *
 * Of an operation its first statements are kept by reference (text and arguments stay where they are until it ends), so
 * a quick operation pays a few stores a statement. A slow one is told in one line, a very slow one in further lines with
 * its plan and statements. Both are limited in number, so that a database in trouble does not drown its own log.
 */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "engine/engine_int.h"

#define WINDOW_US ((int64_t)10000000)
#define LINES_MAX 100   /* slow operations logged in a window */
#define EXPLAINED_MAX 5 /* of them with plan and statements */
#define TEXT_MAX 2600   /* of a plan or a statement in one line, which has 4,096 bytes */
#define VALUES_MAX 1000

/* --- statements ----------------------------------------------------------------------------------------------------- */

static void seen(void *ctx, nicol_str sql, const val *args, size_t n, int64_t start_us, int64_t took_us, int64_t rows)
{
    watch *w = ctx;
    watched now = {sql, args, n, took_us, rows};
    if (w->n < WATCH_N) w->v[w->n] = now;
    w->n++;
    if (took_us > w->slowest.took_us || w->n == 1) w->slowest = now;
    if (w->call->telemetry) telemetry_seen(w->call->telemetry, sql, args, n, start_us, took_us);
    if (w->call->explain) explain_statement(w->call->explain, sql, args, n, took_us, rows);
}

void watch_start(watch *w, engine *e, const engine_call *call)
{
    w->e = e;
    w->call = call;
    w->start_us = e->opts.untimed ? 0 : clock_mono_us();
    w->n = w->plans_n = 0;
    w->slowest = (watched){0};
}

void watch_run(watch *w, exec_request *rq)
{
    if (w->e->opts.untimed && !w->call->telemetry && !w->call->explain) return;
    if (rq->plan) watch_plan(w, rq->plan);
    rq->seen = seen;
    rq->seen_ctx = w;
}

void watch_plan(watch *w, const plan *p)
{
    for (uint32_t i = 0; i < w->plans_n && i < WATCH_PLANS_N; i++) {
        if (w->plans[i] == p) return;
    }
    if (w->plans_n < WATCH_PLANS_N) w->plans[w->plans_n] = p;
    w->plans_n++;
}

/* --- the log -------------------------------------------------------------------------------------------------------- */

/* Whether one more may be told now. *left_out: how many were not, since the last that was. */
static bool may_tell(engine_rate *r, uint32_t max, int64_t *left_out)
{
    int64_t now = clock_mono_us();
    if (now - r->since_us >= WINDOW_US || r->since_us == 0) {
        r->since_us = now;
        r->told = 0;
    }
    if (r->told >= max) {
        r->left_out++;
        return false;
    }
    r->told++;
    *left_out = r->left_out;
    r->left_out = 0;
    return true;
}

static void tell_statement(const watch *w, const watched *s, uint32_t i)
{
    char sql[TEXT_MAX];
    engine_cut(sql, sizeof sql, s->sql);
    if (!w->e->opts.slow_values) {
        LOG(LOG_WARN, "slow_statement", w->call->request_id, LOG_I("n", i + 1), LOG_I("took_us", s->took_us),
            LOG_I("rows", s->rows), LOG_S("sql", str_c(sql)));
        return;
    }
    char values[VALUES_MAX];
    buf b;
    buf_init(&b, w->e->m, VALUES_MAX * 4);
    explain_values(&b, s->args, s->args_n);
    engine_cut(values, sizeof values, buf_view(&b));
    buf_free(&b);
    LOG(LOG_WARN, "slow_statement", w->call->request_id, LOG_I("n", i + 1), LOG_I("took_us", s->took_us),
        LOG_I("rows", s->rows), LOG_S("values", str_c(values)), LOG_S("sql", str_c(sql)));
}

/* What `nicol query --explain` shows, piece by piece: a line of the log has its limit. */
static void tell_everything(const watch *w)
{
    for (uint32_t i = 0; i < w->plans_n && i < WATCH_PLANS_N; i++) {
        char text[TEXT_MAX];
        buf b;
        buf_init(&b, w->e->m, (size_t)64 << 10);
        if (w->e->opts.slow_values) plan_print(w->plans[i], &b);
        else plan_print_bare(w->plans[i], &b);
        engine_cut(text, sizeof text, buf_view(&b));
        buf_free(&b);
        LOG(LOG_WARN, "slow_plan", w->call->request_id, LOG_I("n", i + 1), LOG_I("of", w->plans_n),
            LOG_S("plan", str_c(text)));
    }
    for (uint32_t i = 0; i < w->n && i < WATCH_N; i++) tell_statement(w, &w->v[i], i);
}

static void tell_slow(const watch *w, const char *what, const char *sql, int64_t took, bool explained, int64_t left_out)
{
    log_field f[6] = {LOG_S("operation", str_c(what)), LOG_I("took_us", took), LOG_I("statements", w->n),
                      LOG_S("sql", str_c(sql))};
    if (left_out) f[4] = LOG_I("slow_ones_left_out_before", left_out);
    log_event(LOG_WARN, "slow", w->call->request_id, f);
    if (explained) tell_everything(w);
}

static void note_slow(const watch *w, nicol_str action, nicol_str model, int64_t took, bool failed)
{
    engine *e = w->e;
    engine_slow *s = &e->fig.slow[e->slow_at];
    e->slow_at = (e->slow_at + 1) % ENGINE_SLOW_N;
    e->slow_seen++;
    s->wall_ms = clock_wall_ms();
    s->took_us = took;
    s->failed = failed;
    snprintf(s->what, sizeof s->what, "%.*s %.*s", (int)(action.len > 39 ? 39 : action.len),
             action.ptr ? action.ptr : "", (int)(model.len > 55 ? 55 : model.len), model.ptr ? model.ptr : "");
    engine_cut(s->request_id, sizeof s->request_id, w->call->request_id);
    engine_cut(s->sql, sizeof s->sql, w->slowest.sql);
    int64_t left_out = 0, unused;
    if (!log_wants(LOG_WARN) || !may_tell(&e->slow_lines, LINES_MAX, &left_out)) return;
    bool explained =
        e->opts.slow_plan_us && took >= e->opts.slow_plan_us && may_tell(&e->slow_plans, EXPLAINED_MAX, &unused);
    tell_slow(w, s->what, s->sql, took, explained, left_out);
}

/* --- the end of an operation ---------------------------------------------------------------------------------------- */

static unsigned bucket_of(int64_t took_us)
{
    int64_t edge = 10;
    unsigned i = 0;
    while (i + 2 < ENGINE_LATENCY_N && took_us >= edge * 2) {
        edge *= 2;
        i += 2;
    }
    /* Between 2^(i/2) and 2^(i/2 + 1): the half step is a factor of 1.414. */
    if (took_us >= edge + edge * 414 / 1000 && i + 1 < ENGINE_LATENCY_N) i++;
    return took_us < 10 ? 0 : i;
}

void watch_end(const watch *w, nicol_str action, nicol_str model, uint32_t n, uint32_t failed)
{
    engine_figures *f = &w->e->fig;
    f->operations += n;
    f->failed += failed;
    if (w->e->opts.untimed) return;
    int64_t took = clock_mono_us() - w->start_us;
    f->latency[bucket_of(took)] += n;
    for (uint32_t i = 0; i < n; i++) hist_add(&f->operations_took, took);
    if (took >= w->e->opts.slow_us) note_slow(w, action, model, took, failed == n);
}
