/* cli/serve.c - `nicol serve`, and what it shares with other commands: which schema, which database.
 *
 * Its flags, what they mean and what stands in a configuration file come from one table (config/settings.c). */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/settings_int.h"
#include "config/settings.h"
#include "server/server.h"

static void say_ready(void *ctx, const char *url)
{
    (void)ctx;
    printf("nicol: ready on %s\n", url);
    fflush(stdout);
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
        return diags.n != 0 ? CLI_FAILED : cli_fail(err);
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

/* How many diagnostics from i on say the same of different lines without help of their own: one mistake, such as a
 * missing brace, makes a line of each that follows. */
static size_t same_message(const schema_diags *d, size_t i)
{
    size_t n = 1;
    while (i + n < d->n && d->v[i + n].file == d->v[i].file && str_eq(d->v[i + n].message, d->v[i].message) &&
           (d->v[i + n].help.len == 0 || str_eq(d->v[i + n].help, d->v[i].help)))
        n++;
    return n > 2 ? n : 1;
}

static void print_lines(const schema_file *files, const schema_diag *d, size_t n, buf *out)
{
    nicol_str text = files[d->file].text;
    size_t line = 1, at = 0;
    buf_lit(out, "   = the same of line");
    for (size_t i = 0; i < n; i++) {
        for (; at < d[i].start && at < text.len; at++) line += text.ptr[at] == '\n';
        if (i < 20) buf_printf(out, "%s %zu", i == 0 ? "" : ",", line);
    }
    buf_str(out, n > 20 ? S(", ...\n") : S("\n"));
}

void settings_print_diags(const schema_file *files, const schema_diags *diags)
{
    buf out;
    buf_init(&out, mem_default, 1 << 20);
    bool colour = isatty(2) == 1 && getenv("NO_COLOR") == NULL;
    for (size_t i = 0, n; i < diags->n; i += n) {
        schema_diag_render(files, &diags->v[i], colour, &out);
        n = same_message(diags, i);
        if (n > 1) print_lines(files, &diags->v[i + 1], n - 1, &out);
    }
    fwrite(out.ptr, 1, out.len, stderr);
    buf_free(&out);
    size_t errors = 0;
    for (size_t i = 0; i < diags->n; i++) errors += !diags->v[i].warning;
    if (errors == 0) return;
    fprintf(stderr, "%zu error%s", errors, errors == 1 ? "" : "s");
    if (errors != diags->n) fprintf(stderr, ", %zu warning%s", diags->n - errors, diags->n - errors == 1 ? "" : "s");
    fputc('\n', stderr);
}

/* --- the configuration ------------------------------------------------------------------------------------------------ */

/* A file's settings over *s. Every error is shown with its place; the last line counts them. */
static int read_file(const char *path, const config_opts *opts, config_settings *s, arena *a, nicol_error *err)
{
    schema_file *files = NULL;
    size_t n = 0;
    schema_diags diags = {0};
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return cli_usage("--config is a file, and %s is a folder: give %s/%s", path, path, CONFIG_FILE);
    if (!schema_load(path, a, &files, &n, err)) return cli_fail(err);
    if (n == 1 && config_file(s, &files[0], opts, a, &diags, err)) return CLI_OK;
    settings_print_diags(files, &diags);
    if (diags.n == 0) return cli_fail(err);
    fprintf(stderr, "%s has errors: nothing was started\n", path);
    return CLI_FAILED;
}

/* Defaults, then the file, then the flags. */
static int read_settings(const char *path, const config_opts *opts, config_settings *s, arena *a, nicol_error *err)
{
    config_initial(s);
    if (path == NULL && access(CONFIG_FILE, F_OK) == 0) path = CONFIG_FILE;
    int rc = path != NULL ? read_file(path, opts, s, a, err) : CLI_OK;
    if (rc == CLI_OK && !config_flags(s, opts, a, err)) rc = cli_fail(err);
    return rc;
}

static int take_tls(const config_settings *s, server_opts *o)
{
    int parts = (s->tls_listen != NULL) + (s->tls_cert != NULL) + (s->tls_key != NULL);
    if (parts == 0) return CLI_OK;
    if (parts != 3) return cli_usage("TLS needs all of --tls-listen HOST:PORT, --tls-cert FILE and --tls-key FILE");
    o->has_tls = true;
    o->tls_cert = s->tls_cert;
    o->tls_key = s->tls_key;
    return config_listen_split(str_c(s->tls_listen), &o->tls_host, &o->tls_port) ? CLI_OK : CLI_USAGE;
}

static int take_settings(const config_settings *s, server_opts *o)
{
    log_setup(2, s->log_format == CONFIG_LOG_TEXT ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON, (log_level)s->log_level);
    o->state_dir = s->state;
    o->create = s->create;
    o->sync_normal = s->sqlite_sync == CONFIG_SYNC_NORMAL;
    o->timestamps = s->timestamp_format == CONFIG_TIMES_UNIX_MS ? TIMESTAMPS_UNIX_MS : TIMESTAMPS_ISO;
    o->body_bytes_max = (size_t)s->body_max;
    o->result_bytes_max = (size_t)s->result_max;
    o->connections_max = (unsigned)s->connections_max;
    o->drain_ms = s->drain_ms;
    o->slow_ms = s->slow_ms;
    o->slow_plan_ms = s->slow_plan_ms;
    o->slow_values = s->slow_values;
    o->statement_timeout_ms = s->statement_timeout_ms;
    if (!config_listen_split(str_c(s->listen), &o->host, &o->port))
        return CLI_USAGE; /* it was checked when it was read */
    return take_tls(s, o);
}

/* The flags of the table, with their help: what a setting takes by itself stands behind it. False: no memory. */
static bool make_flags(cli_flag *flags, const char **given, arena *a)
{
    for (size_t i = 0; i < CONFIG_ROWS_N; i++) {
        const config_row *r = &config_rows[i];
        bool shown = r->initial != NULL && r->type != CONFIG_SWITCH;
        nicol_str help = shown ? arena_printf(a, "%s (default %s)", r->help, r->initial) : str_c(r->help);
        if (help.ptr == NULL) return false;
        flags[i] = (cli_flag){r->flag, config_placeholder(r), help.ptr, &given[i]};
    }
    return true;
}

static int serve(const config_settings *c, arena *a, nicol_error *err)
{
    settings s = {.schema = c->schema, .url = c->url, .default_schema = true};
    server_opts o = {.ready = say_ready};
    int rc = take_settings(c, &o);
    if (rc == CLI_OK) rc = settings_resolve(&s, a, err);
    if (rc == CLI_OK && !io_guard_report(err)) rc = cli_fail(err);
    if (rc != CLI_OK) return rc;
    o.schema_path = s.schema;
    o.url = s.url_text;
    return server_run(&o, err) ? CLI_OK : cli_fail(err);
}

int cmd_serve(int argc, char **argv)
{
    const char *file = NULL, *given[CONFIG_ROWS_N] = {NULL};
    cli_flag flags[CONFIG_ROWS_N + 2] = {
        {"config", "FILE", "settings (default " CONFIG_FILE " when it is there); flags win over it", &file}};
    nicol_error err = {0};
    arena *a = arena_new(mem_default, (size_t)64 << 20);
    if (a == NULL || !make_flags(flags + 1, given, a)) {
        arena_free(a);
        nicol_fail_oom(&err);
        return cli_fail(&err);
    }
    int rc = cli_parse(argc, argv, flags, "serve [flags]",
                       "Serves Prisma-compatible clients of versions 5, 6 and 7 over HTTP, with a status page at /.",
                       NULL, 0);
    config_settings c;
    if (rc == CLI_OK) rc = read_settings(file, &(config_opts){.flags = given}, &c, a, &err);
    if (rc == CLI_OK) rc = serve(&c, a, &err);
    arena_free(a);
    return rc < 0 ? CLI_OK : rc;
}
