/* server/metrics.c - /metrics, the text that Prometheus reads (text format 0.0.4).
 *
 * Three families: our own names, the list that the status page shows, too; the names that clients' engines had up to version 6,
 * which dashboards still ask for; and those of PgBouncer's exporter, for whoever watched a pool before. All are read from
 * the same counters at the same moment.
 */
#include "server/server_int.h"

static void line(buf *out, const char *name, const char *kind, const char *help, double value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, kind, name, value);
}

static void histogram(buf *out, const char *name, const char *help, const hist *h)
{
    uint64_t below = 0;
    buf_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name);
    for (unsigned i = 0; i < HIST_EDGES_N; i++) {
        below += h->counts[i];
        buf_printf(out, "%s_bucket{le=\"%lld\"} %llu\n", name, (long long)hist_edges_ms[i], (unsigned long long)below);
    }
    buf_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.3f\n%s_count %llu\n", name, (unsigned long long)h->n, name,
               (double)h->sum_us / 1000, name, (unsigned long long)h->n);
}

static void engine_names(buf *out, const engine_figures *f, uint64_t running)
{
    const pool_figures *p = &f->exec.pool;
    line(out, "prisma_client_queries_total", "counter", "The total number of client queries executed",
         (double)f->operations);
    line(out, "prisma_datasource_queries_total", "counter", "The total number of datasource queries executed",
         (double)f->exec.statements);
    line(out, "prisma_pool_connections_opened_total", "counter", "The total number of pool connections opened",
         (double)p->opened);
    line(out, "prisma_pool_connections_closed_total", "counter", "The total number of pool connections closed",
         (double)p->closed);
    line(out, "prisma_client_queries_active", "gauge", "The number of currently active client queries",
         (double)running);
    line(out, "prisma_client_queries_wait", "gauge", "The number of client queries currently waiting for a connection",
         p->waiting);
    line(out, "prisma_pool_connections_busy", "gauge", "The number of pool connections currently executing queries",
         p->busy);
    line(out, "prisma_pool_connections_idle", "gauge", "The number of pool connections that are not busy", p->idle);
    line(out, "prisma_pool_connections_open", "gauge", "The number of pool connections currently open", p->open);
    histogram(out, "prisma_client_queries_wait_histogram_ms",
              "The distribution of the time all client queries spent waiting for a connection", &p->waited);
    histogram(out, "prisma_client_queries_duration_histogram_ms",
              "The distribution of the time all client queries took to execute", &f->operations_took);
    histogram(out, "prisma_datasource_queries_duration_histogram_ms",
              "The distribution of the time datasource queries took to execute", &f->statements_took);
}

typedef struct labelled {
    const char *name, *kind, *help;
    double value;
} labelled;

static void bouncer_names(buf *out, const engine_figures *f, const char *database, uint64_t running)
{
    const pool_figures *p = &f->exec.pool;
    const labelled list[] = {
        {"pgbouncer_pools_client_active_connections", "gauge", "Requests that have a server connection",
         running > p->waiting ? (double)(running - p->waiting) : 0},
        {"pgbouncer_pools_client_waiting_connections", "gauge", "Requests that wait for a server connection",
         p->waiting},
        {"pgbouncer_pools_server_active_connections", "gauge", "Server connections in use", p->busy},
        {"pgbouncer_pools_server_idle_connections", "gauge", "Server connections ready for use", p->idle},
        {"pgbouncer_pools_server_login_connections", "gauge", "Server connections being opened", p->opening},
        {"pgbouncer_pools_client_maxwait_seconds", "gauge", "How long the first in line has waited",
         (double)p->longest_wait_us / 1e6},
        {"pgbouncer_databases_pool_size", "gauge", "Most server connections", p->size},
        {"pgbouncer_databases_current_connections", "gauge", "Server connections now", p->open},
        {"pgbouncer_stats_queries_pooled_total", "counter", "Statements", (double)f->exec.statements},
        {"pgbouncer_stats_queries_duration_seconds_total", "counter", "Time spent in statements",
         (double)f->statements_took.sum_us / 1e6},
        {"pgbouncer_stats_sql_transactions_pooled_total", "counter", "Transactions", (double)f->exec.transactions},
        {"pgbouncer_stats_client_wait_seconds_total", "counter", "Time spent waiting for a server connection",
         (double)p->waited.sum_us / 1e6},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s{database=\"%s\",user=\"nicol\"} %.15g\n", list[i].name,
                   list[i].help, list[i].name, list[i].kind, list[i].name, database, list[i].value);
    }
}

void metrics_answer(exchange *x)
{
    if (!method_is(x, HTTP_GET) || !guard_admin(x)) return;
    engine_figures f;
    engine_get_figures(x->s->e, &f);
    status_figure list[STATUS_FIGURES_MAX];
    size_t n = status_figures(x->s, &f, list);
    http_stats h = http_server_stats(x->s->http);
    uint64_t running = h.busy ? h.busy - 1 : 0; /* this request is one of them */
    x->rs->content_type = S("text/plain; version=0.0.4; charset=utf-8");
    for (size_t i = 0; i < n; i++) line(&x->rs->out, list[i].metric, list[i].kind, list[i].help, list[i].value);
    engine_names(&x->rs->out, &f, running);
    bouncer_names(&x->rs->out, &f, exec_driver(engine_exec(x->s->e))->name, running);
}
