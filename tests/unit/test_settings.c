/* Settings: every row of the table from the file, from a flag and by itself; what people write wrong; the documentation
 * against the table; everything with each allocation failing in turn. */
#include <unistd.h>

#include "base/err.h"
#include "config/settings.h"
#include "tap.h"

static const char *const *env_pairs; /* name, value, ..., NULL */

static const char *env_of(void *ctx, const char *name)
{
    (void)ctx;
    for (const char *const *p = env_pairs; p && *p; p += 2)
        if (strcmp(p[0], name) == 0) return p[1];
    return NULL;
}

typedef struct got {
    arena *a;
    config_settings s;
    schema_diags d;
    nicol_error err;
    bool good;
} got;

static bool read_with(got *g, const char *path, const char *text, const char *const *flags, const mem *m)
{
    *g = (got){.a = arena_new(m, (size_t)16 << 20)};
    if (!g->a) return false;
    config_opts o = {.flags = flags, .env = env_of, .m = m};
    schema_file f = {str_c(path), str_c(text)};
    config_initial(&g->s);
    g->good = config_file(&g->s, &f, &o, g->a, &g->d, &g->err) && config_flags(&g->s, &o, g->a, &g->err);
    return g->good;
}

/* The file has exactly this error, over exactly this text. */
static void wrong(const char *text, const char *at, const char *message)
{
    got g;
    ok(!read_with(&g, "nicol.conf", text, NULL, mem_default), "refused: %s", message);
    if (is_int(g.d.n, 1) && is_strz(g.d.v[0].message, message))
        is_strz(str_sub(str_c(text), g.d.v[0].start, g.d.v[0].end), at);
    else
        for (size_t i = 0; i < g.d.n; i++) diag("  %.*s", STR_FMT(g.d.v[i].message));
    is_err(&g.err, NICOL_E_INPUT);
    arena_free(g.a);
}

static void test_table(void)
{
    config_settings s;
    config_initial(&s);
    is_z(s.listen, "127.0.0.1:4466");
    is_int(s.body_max, 64 << 20);
    is_int(s.result_max, 256 << 20);
    is_int(s.log_level, 1);
    ok(!s.create && !s.url && s.statement_timeout_ms == 0);
    for (size_t i = 0; i < CONFIG_ROWS_N; i++) {
        const config_row *r = &config_rows[i];
        buf b;
        buf_init(&b, mem_default, 4096);
        config_expects(r, &b);
        ok(b.len > 0 && *r->help && *r->flag && *r->block, "%s.%s says what it is", r->block, r->name);
        buf_free(&b);
        for (size_t k = i + 1; k < CONFIG_ROWS_N; k++)
            if (strcmp(r->flag, config_rows[k].flag) == 0 || r->at == config_rows[k].at)
                fail("%s and %s are one", r->flag, config_rows[k].flag);
    }
}

static const char WHOLE[] = "// a shop\n"
                            "server {\n"
                            "  listen = \"[::1]:80\" // all\n"
                            "  schema = \"schema.prisma\"\n"
                            "  state = \"/var/lib/nicol\"\n"
                            "  body_max = \"1 MB\"\n"
                            "  result_max = 2048\n"
                            "  connections_max = 10\n"
                            "  drain_ms = 1\n"
                            "  slow_ms = env(\"SLOW\")\n"
                            "  statement_timeout_ms = 3600000\n"
                            "  log_format = text\n"
                            "  log_level = \"warn\"\n"
                            "}\n"
                            "\n"
                            "tls {\n  listen = \"h:1\"\n  cert = \"c.pem\"\n  key = env(\"KEY\")\n}\n"
                            "database {\n"
                            "  url = \"file:data/shop.db\"\n"
                            "  create = true\n"
                            "  sqlite_sync = normal\n"
                            "  timestamp_format = unix-ms\n"
                            "}";
static const char *const WHOLE_ENV[] = {"SLOW", "77", "KEY", "k.pem", NULL};

static void test_whole(void)
{
    got g;
    env_pairs = WHOLE_ENV;
    ok(read_with(&g, "/etc/nicol/nicol.conf", WHOLE, NULL, mem_default), "every setting");
    for (size_t i = 0; i < g.d.n; i++) diag("  %.*s", STR_FMT(g.d.v[i].message));
    is_z(g.s.listen, "[::1]:80");
    is_z(g.s.schema, "/etc/nicol/schema.prisma");
    is_z(g.s.state, "/var/lib/nicol");
    is_int(g.s.body_max, 1 << 20);
    is_int(g.s.result_max, 2048);
    is_int(g.s.connections_max, 10);
    is_int(g.s.drain_ms, 1);
    is_int(g.s.slow_ms, 77);
    is_int(g.s.statement_timeout_ms, 3600000);
    is_int(g.s.log_format, CONFIG_LOG_TEXT);
    is_int(g.s.log_level, 2);
    is_z(g.s.tls_cert, "/etc/nicol/c.pem");
    is_z(g.s.tls_key, "k.pem");
    is_z(g.s.url, "file:/etc/nicol/data/shop.db");
    ok(g.s.create);
    is_int(g.s.sqlite_sync, CONFIG_SYNC_NORMAL);
    is_int(g.s.timestamp_format, CONFIG_TIMES_UNIX_MS);
    arena_free(g.a);
    env_pairs = NULL;
}

static size_t row_of(const char *flag)
{
    size_t i = 0;
    while (i < CONFIG_ROWS_N && strcmp(config_rows[i].flag, flag) != 0) i++;
    return i;
}

static void test_flags(void)
{
    const char *flags[CONFIG_ROWS_N] = {NULL};
    got g;
    flags[row_of("url")] = "file:b.db";
    flags[row_of("body-max")] = "2GB";
    ok(!read_with(&g, "c", "database {\n  url = env(\"NOT_SET\")\n}\n", flags, mem_default));
    is_strz(g.err.message,
            "--body-max is a size from 1KB to 1GB: a number of bytes, or a text with KB, MB or GB, not '2GB'");
    is_err(&g.err, NICOL_E_USAGE);
    arena_free(g.a);
    flags[row_of("body-max")] = "1GB";
    flags[row_of("create")] = "";
    ok(read_with(&g, "c", "database {\n  url = env(\"NOT_SET\")\n}\n", flags, mem_default),
       "an overridden variable need not be set");
    is_z(g.s.url, "file:b.db");
    ok(g.s.create && g.s.body_max == 1 << 30);
    arena_free(g.a);
    ok(read_with(&g, "d/c", "", NULL, mem_default), "an empty file");
    arena_free(g.a);
    ok(read_with(&g, "d/c", "database {\n  url = \"file::memory:\"\n}\n", NULL, mem_default));
    is_z(g.s.url, "file::memory:");
    arena_free(g.a);
}

/* A number or a size at each end of its range, and one past it. */
static void test_ranges(void)
{
    for (size_t i = 0; i < CONFIG_ROWS_N; i++) {
        const config_row *r = &config_rows[i];
        if (r->type != CONFIG_COUNT && r->type != CONFIG_MS && r->type != CONFIG_SIZE) continue;
        for (int k = 0; k < 4; k++) {
            int64_t n = k < 2 ? r->min - k : r->max + (k - 2);
            char text[128];
            got g;
            snprintf(text, sizeof text, "%s {\n %s = %lld\n}\n", r->block, r->name, (long long)n);
            ok(read_with(&g, "c", text, NULL, mem_default) == (k == 0 || k == 2), "%s = %lld", r->name, (long long)n);
            arena_free(g.a);
        }
    }
}

static void test_wrong(void)
{
    static const char *const odd[] = {"FORMAT", "yaml", "EMPTY", "", NULL};
    env_pairs = odd;
    wrong("serve {\n}\n", "serve", "There is no block `serve`. Did you mean `server`?");
    wrong("logging {\n}\n", "logging", "There is no block `logging`. The blocks are `server`, `tls`, `database`.");
    wrong("server {\n  lisetn = \"a:1\"\n}\n", "lisetn",
          "There is no setting `lisetn` in `server`. Did you mean `listen`?");
    wrong("server {\n  url = \"file:a\"\n}\n", "url",
          "`url` is not a setting of `server`: it belongs in the block `database`.");
    wrong("database {\n  password = \"x\"\n}\n", "password",
          "There is no setting `password` in `database`. Its settings are `url`, `create`, `sqlite_sync`, "
          "`timestamp_format`.");
    wrong("server {\n  listen = 4466\n}\n", "4466",
          "`listen` is HOST:PORT, for example 127.0.0.1:4466, in double quotes, not `4466`.");
    wrong("server {\n  listen = 127.0.0.1:4466\n}\n", "127.0.0.1:4466",
          "The value of `listen` cannot be read. Texts stand in double quotes: `listen = \"...\"`.");
    wrong("server {\n  listen = \"4466\"\n}\n", "\"4466\"",
          "`listen` is HOST:PORT, for example 127.0.0.1:4466, not `\"4466\"`.");
    wrong("server {\n  slow_ms = \"50\"\n}\n", "\"50\"",
          "`slow_ms` is a whole number of milliseconds from 1 to 3600000, not `\"50\"`.");
    wrong("server {\n  slow_ms = 1.5\n}\n", "1.5",
          "`slow_ms` is a whole number of milliseconds from 1 to 3600000, not `1.5`.");
    wrong("server {\n  body_max = \"64XB\"\n}\n", "\"64XB\"",
          "`body_max` is a size from 1KB to 1GB: a number of bytes, or a text with KB, MB or GB, not `\"64XB\"`.");
    wrong("server {\n  log_format = yaml\n}\n", "yaml", "`log_format` is json or text, not `yaml`.");
    wrong("server {\n  log_format = env(\"FORMAT\")\n}\n", "env(\"FORMAT\")",
          "`log_format` is json or text, not `yaml`, which is what FORMAT holds.");
    wrong("server {\n  schema = env(\"EMPTY\")\n}\n", "env(\"EMPTY\")",
          "The environment variable EMPTY is not set. Set it, or give --schema.");
    wrong("database {\n  create = \"true\"\n}\n", "\"true\"", "`create` is true or false, not `\"true\"`.");
    wrong("database {\n  url = [\"a\"]\n}\n", "[\"a\"]",
          "`url` is a database URL such as file:app.db, in double quotes, not `[\"a\"]`.");
    wrong("database {\n  url = \"\"\n}\n", "\"\"", "`url` is a database URL such as file:app.db, not `\"\"`.");
    wrong("database {\n  url = \"a\\u0000b\"\n}\n", "\"a\\u0000b\"",
          "`url` is a database URL such as file:app.db, not `\"a\\u0000b\"`.");
    wrong("database {\n  url =\n}\n", "url =", "`url` has no value.");
    wrong("server {\n  slow_ms = 1\n  slow_ms = 2\n}\n", "slow_ms", "`slow_ms` is set twice: first on line 2.");
    wrong("server {\n}\nserver {\n}\n", "server",
          "There are two blocks `server`: put these settings into the one on line 1.");
    wrong("server {\n  slow_ms = 1\n", "server", "The block `server` is not closed: write `}` after its last setting.");
    wrong("server {\n  slow_ms = 1\n\ndatabase {\n}\n", "server",
          "The block `server` is not closed: write `}` after its last setting.");
    wrong("server { slow_ms = 1\n}\n", "slow_ms = 1", "Settings begin on the line after `{`, one a line.");
    wrong("server {\n} database\n", "database", "Nothing may stand after `}` on its line: begin a new one.");
    wrong("listen = \"a:1\"\n", "listen = \"a:1\"",
          "This line belongs to no block. A block begins with its name, as in `server {`.");
    wrong(
        "server {\n  verbose\n}\n", "verbose",
        "This line is not a setting. Write one a line, as in `name = \"value\"`; a block ends with `}` on a line of its "
        "own.");
    wrong("tls {\n  listen = \"a:1\"\n  cert = \"c\"\n}\n", "tls",
          "The block `tls` lacks `key`: its private key, PEM.");
    wrong("server {\n  state = \"\xff\"\n}\n", "\xff", "The file is not valid UTF-8 (byte 20). Save it as UTF-8.");
    env_pairs = NULL;
}

static void test_limits(void)
{
    size_t n = (size_t)64 << 10;
    char *text = malloc(n + 2);
    got g;
    memset(text, '\n', n + 1);
    text[n] = '\0';
    ok(read_with(&g, "c", text, NULL, mem_default), "a file of the longest size");
    arena_free(g.a);
    text[n] = '\n';
    text[n + 1] = '\0';
    ok(!read_with(&g, "c", text, NULL, mem_default), "one byte more");
    is_err(&g.err, NICOL_E_LIMIT);
    arena_free(g.a);
    free(text);
}

/* docs/config.md has one row for each setting, made of the table. */
static void test_documentation(void)
{
    char path[512], *text = calloc(1, 100000);
    const char *source = getenv("NICOL_SOURCE");
    snprintf(path, sizeof path, "%s/docs/config.md", source ? source : "../..");
    FILE *f = fopen(path, "r");
    if (ok(f != NULL && text != NULL, "%s is there", path)) {
        size_t n = fread(text, 1, 99999, f);
        text[n] = '\0';
        fclose(f);
    }
    for (size_t i = 0; text && i < CONFIG_ROWS_N; i++) {
        const config_row *r = &config_rows[i];
        char row[512];
        buf what;
        buf_init(&what, mem_default, 4096);
        config_expects(r, &what);
        snprintf(row, sizeof row, "| `%s` | `--%s` | %s | %.*s | %s |\n", r->name, r->flag,
                 r->initial  ? r->initial
                 : r->needed ? "needed"
                             : "none",
                 STR_FMT(buf_view(&what)), r->help);
        buf_free(&what);
        if (!ok(strstr(text, row) != NULL, "documentation of %s.%s", r->block, r->name)) diag("  missing: %s", row);
    }
    free(text);
}

static void test_faults(void)
{
    env_pairs = WHOLE_ENV;
    FOR_EACH_FAULT(m, "a whole file") {
        got g;
        ok(read_with(&g, "/etc/nicol.conf", WHOLE, NULL, m) || tap_faulted(m));
        if (g.a && !g.good) is_err(&g.err, NICOL_E_NO_MEMORY);
        arena_free(g.a);
    }
    FOR_EACH_FAULT(m, "a file of mistakes") {
        got g;
        const char *flags[CONFIG_ROWS_N] = {"x"};
        ok(!read_with(&g, "c", "serve {\n}\nserver {\n  x = 1\n  slow_ms = \"\"\n  log_level = \"\\u00e4\"\n y\n", NULL,
                      m));
        ok(!g.a || g.err.code == NICOL_E_INPUT || (g.err.code == NICOL_E_NO_MEMORY && tap_faulted(m)));
        arena_free(g.a);
        ok(!read_with(&g, "c", "", flags, m));
        ok(!g.a || g.err.code == NICOL_E_USAGE || tap_faulted(m));
        arena_free(g.a);
    }
    env_pairs = NULL;
}

int main(void)
{
    test_table();
    test_whole();
    test_flags();
    test_ranges();
    test_wrong();
    test_limits();
    test_documentation();
    test_faults();
    return done_testing();
}
