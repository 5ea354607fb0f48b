/* server/server.c - `nicol serve`: opens the engine and the listeners, runs the loop, drains on a signal. */
#include "server/server_int.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"

#define DRAIN_DEFAULT_MS 10000
#define DRAIN_TX_GRACE_MS 300 /* for a commit that is on its way */
#define BACKLOG 1024
#define FEW_DESCRIPTORS 4096
#define DESCRIPTORS_OWN 256 /* database files, listeners, epoll */

void server_handle(void *ctx, http_request *rq, http_response *rs);

/* --- starting ------------------------------------------------------------------------------------------------------- */

static bool is_loopback_host(nicol_str host)
{
    return str_starts(host, S("127.")) || str_eq(host, S("localhost")) || str_eq(host, S("::1")) ||
           str_eq(host, S("[::1]"));
}

static bool open_schema(server *s, arena *a, nicol_error *err)
{
    schema_file *files = NULL;
    size_t n = 0;
    if (!s->opts->schema_path) return true;
    if (!schema_load(s->opts->schema_path, a, &files, &n, err)) return false;
    schema_diags diags = {0};
    engine_schema *es = NULL;
    if (engine_schema_add(s->e, OWN_HASH, files, n, a, &diags, &es, err)) {
        engine_schema_set_own(s->e, es);
        return true;
    }
    buf text;
    buf_init(&text, s->m, 65536);
    for (size_t i = 0; i < diags.n && i < 20; i++) schema_diag_render(files, &diags.v[i], false, &text);
    if (text.len > 0) {
        nicol_error first = *err;
        err_clear(err);
        nicol_fail_in(a, err, first.code, "the schema %s is not valid:\n%.*s", s->opts->schema_path,
                      STR_FMT(buf_view(&text)));
    }
    buf_free(&text);
    return false;
}

static bool check_keys(server *s, nicol_error *err)
{
    s->loopback = is_loopback_host(s->opts->host) && (!s->opts->has_tls || is_loopback_host(s->opts->tls_host));
    s->keys = keys_open(s->opts->state_dir, false, s->m, err);
    if (!s->keys) return false;
    if (keys_count(s->keys) > 0) return true;
    if (s->loopback) {
        LOG(LOG_WARN, "no_keys", (nicol_str){0},
            LOG_S(
                "note",
                S("no API key is configured: any key is accepted from this machine; make one with `nicol keys create`")));
        return true;
    }
    return nicol_fail(
        err, NICOL_E_USAGE,
        "refusing to listen on %.*s without an API key: make one with `nicol keys create --state %s --scope query`, "
        "or listen on 127.0.0.1",
        STR_FMT(s->opts->host), s->opts->state_dir);
}

static bool open_engine(server *s, nicol_error *err)
{
    const server_opts *o = s->opts;
    engine_opts eo = {
        .m = s->m,
        .slow_us = o->slow_ms * 1000,
        .slow_plan_us = o->slow_plan_ms * 1000,
        .slow_values = o->slow_values,
        .exec = {.db = {.url = o->url,
                        .create = o->create,
                        .sync_normal = o->sync_normal,
                        .timestamps = o->timestamps,
                        .m = s->m},
                 .result_bytes_max = o->result_bytes_max,
                 .statement_timeout_us = o->statement_timeout_ms * 1000},
    };
    s->e = engine_open(&eo, err);
    return s->e != NULL;
}

/* A shell's soft limit is 1,024 descriptors, far below the connections that are allowed; the hard one is ours to use. */
static void raise_descriptors(const server *s)
{
    struct rlimit l;
    rlim_t want = (s->opts->connections_max ? s->opts->connections_max : NICOL_CONNECTIONS_MAX) + DESCRIPTORS_OWN;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= want) return;
    rlim_t most = l.rlim_max < want ? l.rlim_max : want;
    l.rlim_cur = most;
    if (setrlimit(RLIMIT_NOFILE, &l) == 0 && most >= FEW_DESCRIPTORS) return;
    LOG(LOG_WARN, "few_descriptors", (nicol_str){0}, LOG_I("limit", (int64_t)most), LOG_I("wanted", (int64_t)want),
        LOG_S("note", S("more connections than that wait: raise the limit of open files (ulimit -n, LimitNOFILE)")));
}

static void make_token(server *s)
{
    unsigned char raw[16];
    rand_bytes(raw, sizeof raw);
    for (size_t i = 0; i < sizeof raw; i++) snprintf(s->token + 2 * i, 3, "%02x", raw[i]);
}

/* --- running -------------------------------------------------------------------------------------------------------- */

typedef struct listening {
    http_listener v[2];
    uint16_t port[2];
    size_t n;
    io_tls *tls;
} listening;

static bool listen_all(server *s, listening *l, nicol_error *err)
{
    const server_opts *o = s->opts;
    if (!io_listen(o->host, o->port, BACKLOG, &l->v[0].fd, &l->port[0], err)) return false;
    l->n = 1;
    if (!o->has_tls) return true;
    l->tls = io_tls_server_new(o->tls_cert, o->tls_key, err);
    if (!l->tls || !io_listen(o->tls_host, o->tls_port, BACKLOG, &l->v[1].fd, &l->port[1], err)) return false;
    l->v[1].tls = l->tls;
    l->n = 2;
    return true;
}

static void say_ready(const server *s, const listening *l)
{
    for (size_t i = 0; i < l->n; i++) {
        nicol_str host = i == 0 ? s->opts->host : s->opts->tls_host;
        bool bare6 = str_find_char(host, ':', 0) != SIZE_MAX && !str_starts(host, S("["));
        char url[300];
        snprintf(url, sizeof url, "%s://%s%.*s%s:%u", i == 0 ? "http" : "https", bare6 ? "[" : "", STR_FMT(host),
                 bare6 ? "]" : "", l->port[i]);
        if (s->opts->ready) s->opts->ready(s->opts->ctx, url);
        LOG(LOG_INFO, "listening", (nicol_str){0}, LOG_S("url", str_c(url)));
    }
}

/* Waits for SIGTERM or SIGINT, then drains; a second signal ends at once. */
static void wait_for_signal(void *arg)
{
    server *s = arg;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    struct signalfd_siginfo info;
    while (fd >= 0 && read(fd, &info, sizeof info) != (ssize_t)sizeof info) {
        if (io_wait(fd, IO_READ, IO_NEVER) == IO_FAILED) break;
    }
    int64_t drain_ms = s->opts->drain_ms ? s->opts->drain_ms : DRAIN_DEFAULT_MS;
    int64_t deadline = clock_mono_us() + drain_ms * 1000;
    LOG(LOG_INFO, "draining", (nicol_str){0}, LOG_I("open", (int64_t)http_server_stats(s->http).open));
    http_server_drain(s->http, deadline);
    int64_t tx_end = clock_mono_us() + DRAIN_TX_GRACE_MS * 1000;
    while (!http_server_drained(s->http)) {
        int64_t step = clock_mono_us() + 50000;
        if (http_server_wait(s->http, step) == IO_READY) break;
        /* Connections end with their answers and no new ones come, so nobody can go on with an open transaction; but
         * others may be waiting for the lock that it holds. */
        if (clock_mono_us() >= tx_end) exec_tx_end_others(engine_exec(s->e), NULL, 0);
        if (fd >= 0 && read(fd, &info, sizeof info) == (ssize_t)sizeof info)
            http_server_drain(s->http, clock_mono_us());
    }
    if (fd >= 0) io_close(fd);
    /* Here, on the loop: open transactions are rolled back and the engine's own fibers end. */
    engine_close(s->e);
    s->e = NULL;
    io_loop_stop(s->loop);
}

static bool run_loop(server *s, listening *l, nicol_error *err)
{
    const server_opts *o = s->opts;
    http_server_opts ho = {.m = s->m,
                           .listeners = l->v,
                           .listeners_n = l->n,
                           .limits = {.body_bytes = o->body_bytes_max,
                                      .response_bytes = o->result_bytes_max ? o->result_bytes_max + 65536 : 0,
                                      .connections = o->connections_max},
                           .handle = server_handle,
                           .ctx = s};
    s->http = http_server_new(s->loop, &ho, err);
    if (!s->http) return false;
    if (!io_spawn(s->loop, "signals", wait_for_signal, s, err)) return false;
    say_ready(s, l);
    return io_loop_run(s->loop, err);
}

static void close_all(server *s, listening *l)
{
    for (size_t i = 0; i < l->n; i++) close(l->v[i].fd);
    if (s->http && http_server_drained(s->http)) http_server_free(s->http);
    engine_close(s->e);
    keys_close(s->keys);
    io_tls_free(l->tls);
    if (s->loop) io_loop_free(s->loop);
}

bool server_run(const server_opts *opts, nicol_error *err)
{
    server s = {.opts = opts, .m = opts->m ? opts->m : mem_default};
    listening l = {0};
    /* Before any thread starts, so that all of them leave the signals to the loop. A client that goes away is an
     * error of its own write, not the end of the process. */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file at its size limit is an error of that write */
    raise_descriptors(&s);
    mem_give_back_large();
    make_token(&s);
    arena *a = arena_new(s.m, NICOL_REQUEST_ARENA_BYTES_MAX);
    bool good = a != NULL || nicol_fail_oom(err);
    good = good && open_engine(&s, err) && open_schema(&s, a, err) && check_keys(&s, err) && listen_all(&s, &l, err);
    if (good) {
        s.loop = io_loop_new(
            &(io_loop_opts){.m = s.m, .fibers_max = NICOL_CONNECTIONS_MAX + 64, .stack_bytes = NICOL_FIBER_STACK_BYTES},
            err);
        good = s.loop && run_loop(&s, &l, err);
    }
    if (!good) err_keep(err); /* the text may live in what is closed now */
    close_all(&s, &l);
    arena_free(a);
    return good;
}
