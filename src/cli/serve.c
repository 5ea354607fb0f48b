/* cli/serve.c - `nicol serve` and the settings it shares with other commands: which schema, which database. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/settings_int.h"
#include "server/server.h"

static void say_ready(void *ctx, const char *url)
{
    (void)ctx;
    printf("nicol: ready on %s\n", url);
    fflush(stdout);
}

/* "HOST:PORT", "[::1]:PORT". */
static int split_listen(const char *flag, const char *text, nicol_str *host, uint16_t *port)
{
    nicol_str s = str_c(text);
    size_t colon = SIZE_MAX;
    for (size_t i = 0; i < s.len; i++) colon = s.ptr[i] == ':' ? i : colon;
    uint64_t n = 0;
    if (colon == SIZE_MAX || colon == 0 || !str_to_u64(str_sub(s, colon + 1, s.len), &n) || n > 65535) {
        return cli_usage("--%s must be HOST:PORT, for example 127.0.0.1:4466, not '%s'", flag, text);
    }
    *host = str_sub(s, 0, colon);
    if (host->len > 2 && host->ptr[0] == '[' && host->ptr[host->len - 1] == ']')
        *host = str_sub(*host, 1, host->len - 1);
    *port = (uint16_t)n;
    return CLI_OK;
}

int settings_resolve(settings *s, arena *a, nicol_error *err)
{
    struct stat st;
    if (!s->schema && s->default_schema && stat("schema.prisma", &st) == 0) s->schema = "schema.prisma";
    if (s->url) {
        s->url_text = str_c(s->url);
        return CLI_OK;
    }
    if (!s->schema)
        return cli_usage("which database? give --url file:PATH, or --schema FILE with a url in its datasource");
    schema_file *files = NULL;
    size_t n = 0;
    schema_diags diags = {0};
    if (!schema_load(s->schema, a, &files, &n, err)) return cli_fail(err);
    schema *sc = schema_parse(files, n, &(schema_opts){0}, a, &diags, err);
    if (!sc) {
        settings_print_diags(files, &diags);
        return cli_fail(err);
    }
    s->url_text = arena_str(a, sc->url);
    const char *env = sc->url_env.len ? nicol_cstr(a, sc->url_env, err) : NULL;
    schema_free(sc);
    if (env) {
        const char *v = getenv(env);
        if (!v || !*v)
            return cli_usage(
                "the schema takes its database URL from the environment variable %s, which is not set; --url sets it too",
                env);
        s->url_text = str_c(v);
    }
    if (s->url_text.len == 0) return cli_usage("which database? the schema has no url: give --url file:PATH");
    return CLI_OK;
}

void settings_print_diags(const schema_file *files, const schema_diags *diags)
{
    buf out;
    buf_init(&out, mem_default, 1 << 20);
    for (size_t i = 0; i < diags->n; i++) schema_diag_render(files, &diags->v[i], isatty(2) == 1, &out);
    fwrite(out.ptr, 1, out.len, stderr);
    buf_free(&out);
}

typedef struct serve_flags {
    const char *listen, *tls_listen, *tls_cert, *tls_key, *log_format, *log_level, *state, *create, *sync, *timestamps,
        *body, *result, *connections, *drain, *slow, *timeout;
} serve_flags;

static int take_limits(const serve_flags *f, server_opts *o)
{
    int64_t body = 0, result = 0, connections = 0;
    int rc = cli_number("body-max", f->body, 1024, (int64_t)1 << 30, &body);
    if (rc == CLI_OK) rc = cli_number("result-max", f->result, 1024, (int64_t)1 << 30, &result);
    if (rc == CLI_OK) rc = cli_number("connections-max", f->connections, 1, 20000, &connections);
    if (rc == CLI_OK) rc = cli_number("drain-ms", f->drain, 1, 3600000, &o->drain_ms);
    if (rc == CLI_OK) rc = cli_number("slow-ms", f->slow, 1, 3600000, &o->slow_ms);
    if (rc == CLI_OK) rc = cli_number("statement-timeout-ms", f->timeout, 1, 3600000, &o->statement_timeout_ms);
    o->body_bytes_max = (size_t)body;
    o->result_bytes_max = (size_t)result;
    o->connections_max = (unsigned)connections;
    return rc;
}

static int take_tls(const serve_flags *f, server_opts *o)
{
    int parts = (f->tls_listen != NULL) + (f->tls_cert != NULL) + (f->tls_key != NULL);
    if (parts == 0) return CLI_OK;
    if (parts != 3) return cli_usage("TLS needs all of --tls-listen HOST:PORT, --tls-cert FILE and --tls-key FILE");
    o->has_tls = true;
    o->tls_cert = f->tls_cert;
    o->tls_key = f->tls_key;
    return split_listen("tls-listen", f->tls_listen, &o->tls_host, &o->tls_port);
}

static int take_database(const serve_flags *f, server_opts *o)
{
    o->create = f->create != NULL;
    o->sync_normal = f->sync && strcmp(f->sync, "normal") == 0;
    if (f->sync && !o->sync_normal && strcmp(f->sync, "full") != 0)
        return cli_usage("--sqlite-sync is full or normal, not '%s'", f->sync);
    if (!f->timestamps || strcmp(f->timestamps, "iso") == 0) o->timestamps = TIMESTAMPS_ISO;
    else if (strcmp(f->timestamps, "unix-ms") == 0) o->timestamps = TIMESTAMPS_UNIX_MS;
    else return cli_usage("--timestamp-format is iso or unix-ms, not '%s'", f->timestamps);
    return CLI_OK;
}

int cmd_serve(int argc, char **argv)
{
    serve_flags f = {.listen = "127.0.0.1:4466", .state = ".nicol"};
    settings s = {.default_schema = true};
    const cli_flag flags[] = {
        {"schema", "FILE", "schema, or a folder of them (clients of version 7 need none)", &s.schema},
        {"url", "URL", "database: file:PATH (default: the schema's url)", &s.url},
        {"listen", "HOST:PORT", "default 127.0.0.1:4466; port 0 picks a free one", &f.listen},
        {"tls-listen", "HOST:PORT", "a second listener, with TLS", &f.tls_listen},
        {"tls-cert", "FILE", "certificate chain, PEM", &f.tls_cert},
        {"tls-key", "FILE", "its key, PEM", &f.tls_key},
        {"state", "DIR", "state folder with the API keys (default .nicol)", &f.state},
        {"create", NULL, "make the database file when it is missing", &f.create},
        {"sqlite-sync", "full|normal", "default full: a commit is on the disk when it is answered", &f.sync},
        {"timestamp-format", "iso|unix-ms", "how a DateTime is written to SQLite (default iso)", &f.timestamps},
        {"body-max", "BYTES", "longest request body (default 67108864)", &f.body},
        {"result-max", "BYTES", "longest result (default 268435456)", &f.result},
        {"connections-max", "N", "client connections (default 20000)", &f.connections},
        {"statement-timeout-ms", "N", "longest run of one statement (default: none)", &f.timeout},
        {"slow-ms", "N", "what takes longer is logged and shown (default 50)", &f.slow},
        {"drain-ms", "N", "how long running requests may take after SIGTERM (default 10000)", &f.drain},
        {"log-format", "json|text", "default json, one line an event, on standard error", &f.log_format},
        {"log-level", "LEVEL", "debug, info, warn or error (default info)", &f.log_level},
        {0},
    };
    int rc = cli_parse(argc, argv, flags, "serve [flags]",
                       "Serves Prisma-compatible clients of versions 5, 6 and 7 over HTTP, with a status page at /.",
                       NULL, 0);
    if (rc != CLI_OK) return rc < 0 ? CLI_OK : rc;
    server_opts o = {.state_dir = f.state, .ready = say_ready};
    rc = cli_log(f.log_format, f.log_level);
    if (rc == CLI_OK) rc = split_listen("listen", f.listen, &o.host, &o.port);
    if (rc == CLI_OK) rc = take_tls(&f, &o);
    if (rc == CLI_OK) rc = take_database(&f, &o);
    if (rc == CLI_OK) rc = take_limits(&f, &o);
    if (rc != CLI_OK) return rc;
    nicol_error err = {0};
    arena *a = arena_new(mem_default, (size_t)64 << 20);
    if (!a) return CLI_FAILED;
    rc = settings_resolve(&s, a, &err);
    if (rc == CLI_OK && !io_guard_report(&err)) rc = cli_fail(&err);
    if (rc == CLI_OK) {
        o.schema_path = s.schema;
        o.url = s.url_text;
        if (!server_run(&o, &err)) rc = cli_fail(&err);
    }
    arena_free(a);
    return rc;
}
