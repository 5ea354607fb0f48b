/* config/settings.c - the table of settings, and how a value gets from a file, the environment or a flag into its place.
 *
 * Whatever its source, a value goes through one function (take), so a default, a flag and a line of the file can't mean
 * different things. Messages name the place and the remedy: a setting that does not exist gets its nearest neighbour.
 */
#include "config/settings.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/limits.h"

#define AT(field) offsetof(config_settings, field)
#define HOUR_MS 3600000
#define SIZE_MIN 1024
#define SIZE_MAX_BYTES ((int64_t)1 << 30)

const config_row config_rows[CONFIG_ROWS_N] = {
    {"server", "listen", "listen", CONFIG_LISTEN, false, "127.0.0.1:4466", 0, 0, NULL,
     "where to listen; port 0 picks a free one", AT(listen)},
    {"server", "schema", "schema", CONFIG_PATH, false, NULL, 0, 0, NULL,
     "schema, or a folder of them (clients of version 7 need none)", AT(schema)},
    {"server", "state", "state", CONFIG_PATH, false, ".nicol", 0, 0, NULL, "state folder with the API keys", AT(state)},
    {"server", "body_max", "body-max", CONFIG_SIZE, false, "64MB", SIZE_MIN, SIZE_MAX_BYTES, NULL,
     "longest request body", AT(body_max)},
    {"server", "result_max", "result-max", CONFIG_SIZE, false, "256MB", SIZE_MIN, SIZE_MAX_BYTES, NULL,
     "longest result", AT(result_max)},
    {"server", "connections_max", "connections-max", CONFIG_COUNT, false, "20000", 1, NICOL_CONNECTIONS_MAX, NULL,
     "client connections", AT(connections_max)},
    {"server", "drain_ms", "drain-ms", CONFIG_MS, false, "10000", 1, HOUR_MS, NULL,
     "how long running requests may take after SIGTERM", AT(drain_ms)},
    {"server", "slow_ms", "slow-ms", CONFIG_MS, false, "50", 1, HOUR_MS, NULL, "what takes longer is logged and shown",
     AT(slow_ms)},
    {"server", "slow_plan_ms", "slow-plan-ms", CONFIG_MS, false, "1000", 0, HOUR_MS, NULL,
     "what takes longer is logged with its plan and statements; 0: nothing", AT(slow_plan_ms)},
    {"server", "slow_values", "slow-values", CONFIG_SWITCH, false, "false", 0, 0, NULL,
     "and with the values of the statements", AT(slow_values)},
    {"server", "statement_timeout_ms", "statement-timeout-ms", CONFIG_MS, false, NULL, 1, HOUR_MS, NULL,
     "longest run of one statement", AT(statement_timeout_ms)},
    {"server", "log_format", "log-format", CONFIG_WORD, false, "json", 0, 0, "json|text",
     "one line an event, on standard error", AT(log_format)},
    {"server", "log_level", "log-level", CONFIG_WORD, false, "info", 0, 0, "debug|info|warn|error",
     "the least that is logged", AT(log_level)},
    {"tls", "listen", "tls-listen", CONFIG_LISTEN, true, NULL, 0, 0, NULL, "a second listener, with TLS",
     AT(tls_listen)},
    {"tls", "cert", "tls-cert", CONFIG_PATH, true, NULL, 0, 0, NULL, "its certificate chain, PEM", AT(tls_cert)},
    {"tls", "key", "tls-key", CONFIG_PATH, true, NULL, 0, 0, NULL, "its private key, PEM", AT(tls_key)},
    {"database", "url", "url", CONFIG_URL, false, NULL, 0, 0, NULL,
     "database: file:PATH, postgresql://... or mysql://...; without it, the schema's url", AT(url)},
    {"database", "create", "create", CONFIG_SWITCH, false, "false", 0, 0, NULL,
     "make the database file when it is missing", AT(create)},
    {"database", "sqlite_sync", "sqlite-sync", CONFIG_WORD, false, "full", 0, 0, "full|normal",
     "full: a commit is on the disk when it is answered", AT(sqlite_sync)},
    {"database", "timestamp_format", "timestamp-format", CONFIG_WORD, false, "iso", 0, 0, "iso|unix-ms",
     "how a DateTime is written to SQLite", AT(timestamp_format)},
};

/* --- what a setting may be ------------------------------------------------------------------------------------------- */

/* The index of `text` in "a|b|c", or -1. */
static int word_index(const char *words, nicol_str text)
{
    nicol_str rest = str_c(words);
    for (int i = 0; rest.len != 0; i++)
        if (str_eq(str_cut(&rest, '|'), text)) return i;
    return -1;
}

static void put_words(const char *words, buf *out)
{
    nicol_str rest = str_c(words);
    for (bool first = true; rest.len != 0; first = false) {
        nicol_str word = str_cut(&rest, '|');
        if (!first) buf_str(out, rest.len != 0 ? S(", ") : S(" or "));
        buf_str(out, word);
    }
}

/* Bytes as people write them: "64MB", or a plain number when it is no whole one of a unit. */
static void put_size(int64_t n, buf *out)
{
    static const char *const units[] = {"", "KB", "MB", "GB"};
    size_t u = 0;
    while (u < 3 && n != 0 && n % 1024 == 0) {
        n /= 1024;
        u++;
    }
    buf_i64(out, n);
    buf_str(out, str_c(units[u]));
}

void config_expects(const config_row *r, buf *out)
{
    switch (r->type) {
    case CONFIG_TEXT:
        buf_lit(out, "a text");
        break;
    case CONFIG_PATH:
        buf_lit(out, "a path");
        break;
    case CONFIG_URL:
        buf_lit(out, "a database URL such as file:app.db");
        break;
    case CONFIG_LISTEN:
        buf_lit(out, "HOST:PORT, for example 127.0.0.1:4466");
        break;
    case CONFIG_SWITCH:
        buf_lit(out, "true or false");
        break;
    case CONFIG_COUNT:
    case CONFIG_MS:
        buf_printf(out, "a whole number %sfrom %lld to %lld", r->type == CONFIG_MS ? "of milliseconds " : "",
                   (long long)r->min, (long long)r->max);
        break;
    case CONFIG_SIZE:
        buf_lit(out, "a size from ");
        put_size(r->min, out);
        buf_lit(out, " to ");
        put_size(r->max, out);
        buf_lit(out, ": a number of bytes, or a text with KB, MB or GB");
        break;
    case CONFIG_WORD:
        put_words(r->words, out);
        break;
    }
}

const char *config_placeholder(const config_row *r)
{
    switch (r->type) {
    case CONFIG_TEXT:
        return "TEXT";
    case CONFIG_PATH:
        return strcmp(r->name, "state") == 0 ? "DIR" : "FILE";
    case CONFIG_URL:
        return "URL";
    case CONFIG_LISTEN:
        return "HOST:PORT";
    case CONFIG_SWITCH:
        return NULL;
    case CONFIG_COUNT:
    case CONFIG_MS:
        return "N";
    case CONFIG_SIZE:
        return "BYTES";
    case CONFIG_WORD:
        return r->words;
    }
    return NULL;
}

bool config_listen_split(nicol_str text, nicol_str *host, uint16_t *port)
{
    size_t colon = SIZE_MAX;
    uint64_t n = 0;
    for (size_t i = 0; i < text.len; i++) colon = text.ptr[i] == ':' ? i : colon;
    if (colon == SIZE_MAX || colon == 0 || !str_to_u64(str_sub(text, colon + 1, text.len), &n) || n > UINT16_MAX)
        return false;
    *host = str_sub(text, 0, colon);
    if (host->len > 2 && host->ptr[0] == '[' && host->ptr[host->len - 1] == ']')
        *host = str_sub(*host, 1, host->len - 1);
    *port = (uint16_t)n;
    return true;
}

/* --- values ---------------------------------------------------------------------------------------------------------- */

/* "65536", "64KB", "64 MB". */
static bool size_of(nicol_str text, int64_t *out)
{
    static const nicol_str units[] = {NICOL_STR("KB"), NICOL_STR("MB"), NICOL_STR("GB")};
    int64_t unit = 1, n;
    for (size_t i = 0; i < 3; i++) {
        if (!str_ends(text, units[i])) continue;
        unit = (int64_t)1 << (10 * (i + 1));
        text = str_trim(str_sub(text, 0, text.len - 2));
        break;
    }
    if (!str_to_i64(text, &n) || n < 0 || n > INT64_MAX / unit) return false;
    *out = n * unit;
    return true;
}

/* Puts a value in its place; `copy` is the text with its NUL. False: it is not what the setting may be. */
static bool take(const config_row *r, const char *copy, config_settings *s)
{
    char *place = (char *)s + r->at;
    nicol_str text = str_c(copy), host;
    uint16_t port;
    int64_t n = 0;
    switch (r->type) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
    case CONFIG_URL:
    case CONFIG_LISTEN:
        if (text.len == 0 || (r->type == CONFIG_LISTEN && !config_listen_split(text, &host, &port))) return false;
        memcpy(place, &copy, sizeof copy);
        return true;
    case CONFIG_SWITCH:
        *(bool *)place = str_eq(text, S("true"));
        return *(bool *)place || str_eq(text, S("false"));
    case CONFIG_COUNT:
    case CONFIG_MS:
        if (!str_to_i64(text, &n)) return false;
        break;
    case CONFIG_SIZE:
        if (!size_of(text, &n)) return false;
        break;
    case CONFIG_WORD:
        n = word_index(r->words, text);
        if (n < 0) return false;
        break;
    }
    if (r->type != CONFIG_WORD && (n < r->min || n > r->max)) return false;
    memcpy(place, &n, sizeof n);
    return true;
}

void config_initial(config_settings *s)
{
    *s = (config_settings){0};
    for (size_t i = 0; i < CONFIG_ROWS_N; i++)
        if (config_rows[i].initial != NULL) (void)take(&config_rows[i], config_rows[i].initial, s);
}

bool config_flags(config_settings *s, const config_opts *opts, arena *a, nicol_error *err)
{
    for (size_t i = 0; opts->flags != NULL && i < CONFIG_ROWS_N; i++) {
        const config_row *r = &config_rows[i];
        const char *text = opts->flags[i];
        if (text == NULL || take(r, r->type == CONFIG_SWITCH ? "true" : text, s)) continue;
        buf why;
        buf_init(&why, opts->m != NULL ? opts->m : mem_default, 4096);
        config_expects(r, &why);
        if (buf_failed(&why)) nicol_fail_oom(err);
        else nicol_fail_in(a, err, NICOL_E_USAGE, "--%s is %.*s, not '%s'", r->flag, STR_FMT(buf_view(&why)), text);
        buf_free(&why);
        return false;
    }
    return true;
}

/* --- the file -------------------------------------------------------------------------------------------------------- */

typedef struct reader {
    config_settings *s;
    const schema_file *file;
    const config_opts *opts;
    const mem *m;
    arena *a;
    schema_conf conf;
    const schema_setting *given[CONFIG_ROWS_N]; /* where a setting was given */
    bool oom;
} reader;

static size_t line_of(const reader *r, schema_span at)
{
    size_t line = 1;
    for (size_t i = 0; i < at.start && i < r->file->text.len; i++) line += r->file->text.ptr[i] == '\n';
    return line;
}

/* The name that somebody meant, or NULL. block NULL: among the blocks. */
static const char *nearest(nicol_str name, const char *block)
{
    const char *best = NULL;
    size_t least = name.len / 3 + 2;
    for (size_t i = 0; i < CONFIG_ROWS_N; i++) {
        const config_row *r = &config_rows[i];
        if (block != NULL && strcmp(block, r->block) != 0) continue;
        const char *known = block != NULL ? r->name : r->block;
        size_t d = schema_name_distance(name, str_c(known));
        if (d >= least) continue;
        least = d;
        best = known;
    }
    return best;
}

static void put_known(const char *block, buf *out)
{
    const char *last = "";
    for (size_t i = 0; i < CONFIG_ROWS_N; i++) {
        const config_row *r = &config_rows[i];
        const char *known = block != NULL ? r->name : r->block;
        if ((block != NULL && strcmp(block, r->block) != 0) || strcmp(known, last) == 0) continue;
        buf_printf(out, "%s`%s`", *last ? ", " : "", known);
        last = known;
    }
}

static void unknown_block(reader *r, const schema_block *b)
{
    const char *near = nearest(b->name, NULL);
    buf known;
    buf_init(&known, r->m, 4096);
    put_known(NULL, &known);
    if (buf_failed(&known)) r->oom = true;
    else if (near != NULL)
        schema_conf_error(&r->conf, b->at, "There is no block `%.*s`. Did you mean `%s`?", STR_FMT(b->name), near);
    else
        schema_conf_error(&r->conf, b->at, "There is no block `%.*s`. The blocks are %.*s.", STR_FMT(b->name),
                          STR_FMT(buf_view(&known)));
    buf_free(&known);
}

static schema_span name_span(const schema_setting *s)
{
    return (schema_span){s->at.start, s->at.start + (uint32_t)s->name.len};
}

static void unknown_setting(reader *r, const char *block, const schema_setting *s)
{
    const char *near = nearest(s->name, block), *home = NULL;
    for (size_t i = 0; i < CONFIG_ROWS_N && home == NULL; i++)
        if (str_eq(str_c(config_rows[i].name), s->name)) home = config_rows[i].block;
    buf known;
    buf_init(&known, r->m, 4096);
    put_known(block, &known);
    if (buf_failed(&known)) r->oom = true;
    else if (home != NULL)
        schema_conf_error(&r->conf, name_span(s), "`%.*s` is not a setting of `%s`: it belongs in the block `%s`.",
                          STR_FMT(s->name), block, home);
    else if (near != NULL)
        schema_conf_error(&r->conf, name_span(s), "There is no setting `%.*s` in `%s`. Did you mean `%s`?",
                          STR_FMT(s->name), block, near);
    else
        schema_conf_error(&r->conf, name_span(s), "There is no setting `%.*s` in `%s`. Its settings are %.*s.",
                          STR_FMT(s->name), block, STR_FMT(buf_view(&known)));
    buf_free(&known);
}

static bool kind_fits(config_type t, schema_setting_kind k)
{
    switch (t) {
    case CONFIG_TEXT:
    case CONFIG_PATH:
    case CONFIG_URL:
    case CONFIG_LISTEN:
        return k == SETTING_STRING;
    case CONFIG_SWITCH:
        return k == SETTING_WORD;
    case CONFIG_COUNT:
    case CONFIG_MS:
        return k == SETTING_NUMBER;
    case CONFIG_SIZE:
        return k == SETTING_NUMBER || k == SETTING_STRING;
    case CONFIG_WORD:
        return k == SETTING_WORD || k == SETTING_STRING;
    }
    return false;
}

/* A path of the file is meant from where the file lies, so that it works wherever the server is started. */
static nicol_str from_folder(reader *r, config_type t, nicol_str text)
{
    nicol_str scheme = t == CONFIG_URL ? S("file:") : S("");
    nicol_str path = str_sub(text, scheme.len, text.len), folder = r->file->path;
    while (folder.len != 0 && folder.ptr[folder.len - 1] != '/') folder.len--;
    bool moves = (t == CONFIG_PATH || t == CONFIG_URL) && str_starts(text, scheme) && folder.len != 0 &&
                 path.len != 0 && path.ptr[0] != '/' && path.ptr[0] != ':';
    return moves ? arena_printf(r->a, "%.*s%.*s%.*s", STR_FMT(scheme), STR_FMT(folder), STR_FMT(path))
                 : arena_str(r->a, text);
}

static void wrong_value(reader *r, const config_row *row, const schema_setting *s, const char *env)
{
    buf why;
    buf_init(&why, r->m, 4096);
    config_expects(row, &why);
    bool quoted = row->type <= CONFIG_LISTEN && s->kind != SETTING_STRING && s->kind != SETTING_ENV;
    nicol_str value = str_sub(r->file->text, s->value_at.start, s->value_at.end);
    if (buf_failed(&why)) r->oom = true;
    else if (env != NULL)
        schema_conf_error(&r->conf, s->value_at, "`%s` is %.*s, not `%s`, which is what %.*s holds.", row->name,
                          STR_FMT(buf_view(&why)), env, STR_FMT(s->text));
    else
        schema_conf_error(&r->conf, s->value_at, "`%s` is %.*s%s, not `%.*s`.", row->name, STR_FMT(buf_view(&why)),
                          quoted ? ", in double quotes" : "", STR_FMT(value));
    buf_free(&why);
}

static bool overridden(const reader *r, size_t i)
{
    return r->opts->flags != NULL && r->opts->flags[i] != NULL;
}

static void take_env(reader *r, size_t i, const schema_setting *s)
{
    const config_row *row = &config_rows[i];
    nicol_error none = {0};
    const char *name = nicol_cstr(r->a, s->text, &none), *text = NULL;
    if (name != NULL) text = r->opts->env != NULL ? r->opts->env(r->opts->ctx, name) : getenv(name);
    if (text != NULL && *text != '\0') {
        nicol_str copy = arena_str(r->a, str_c(text));
        if (copy.ptr != NULL && !take(row, copy.ptr, r->s)) wrong_value(r, row, s, copy.ptr);
    } else if (!overridden(r, i)) {
        schema_conf_error(&r->conf, s->value_at, "The environment variable %.*s is not set. Set it, or give --%s.",
                          STR_FMT(s->text), row->flag);
    }
}

static void take_setting(reader *r, size_t i, const schema_setting *s)
{
    const config_row *row = &config_rows[i];
    if (s->kind == SETTING_ENV) {
        take_env(r, i, s);
    } else if (s->kind == SETTING_MISSING) {
        schema_conf_error(&r->conf, s->at, "`%s` has no value.", row->name);
    } else if (!kind_fits(row->type, s->kind) || str_find_char(s->text, '\0', 0) != SIZE_MAX) {
        wrong_value(r, row, s, NULL);
    } else {
        nicol_str text = s->text.len != 0 ? from_folder(r, row->type, s->text) : S("");
        if (text.ptr != NULL && !take(row, text.ptr, r->s)) wrong_value(r, row, s, NULL);
    }
}

static void read_setting(reader *r, const char *block, const schema_setting *s)
{
    size_t i = 0;
    while (i < CONFIG_ROWS_N &&
           !(strcmp(config_rows[i].block, block) == 0 && str_eq(str_c(config_rows[i].name), s->name)))
        i++;
    if (i == CONFIG_ROWS_N) {
        unknown_setting(r, block, s);
        return;
    }
    if (r->given[i] != NULL) {
        schema_conf_error(&r->conf, name_span(s), "`%.*s` is set twice: first on line %zu.", STR_FMT(s->name),
                          line_of(r, r->given[i]->at));
        return;
    }
    r->given[i] = s;
    take_setting(r, i, s);
}

static void read_block(reader *r, size_t n)
{
    const schema_block *b = &r->conf.blocks[n];
    const char *known = NULL;
    for (size_t i = 0; i < CONFIG_ROWS_N && known == NULL; i++)
        if (str_eq(str_c(config_rows[i].block), b->name)) known = config_rows[i].block;
    if (known == NULL) {
        unknown_block(r, b);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(r->conf.blocks[i].name, b->name)) continue;
        schema_conf_error(&r->conf, b->at, "There are two blocks `%s`: put these settings into the one on line %zu.",
                          known, line_of(r, r->conf.blocks[i].at));
        return;
    }
    for (size_t i = 0; i < b->settings_n; i++) read_setting(r, known, &b->settings[i]);
    for (size_t i = 0; i < CONFIG_ROWS_N; i++) {
        const config_row *row = &config_rows[i];
        if (!row->needed || strcmp(row->block, known) != 0 || r->given[i] != NULL || overridden(r, i)) continue;
        schema_conf_error(&r->conf, b->at, "The block `%s` lacks `%s`: %s.", known, row->name, row->help);
    }
}

bool config_file(config_settings *s, const schema_file *file, const config_opts *opts, arena *a, schema_diags *diags,
                 nicol_error *err)
{
    reader r = {.s = s, .file = file, .opts = opts, .m = opts->m != NULL ? opts->m : mem_default, .a = a};
    *diags = (schema_diags){0};
    if (!schema_conf_parse(file, a, r.m, &r.conf, err)) return false;
    for (size_t i = 0; i < r.conf.blocks_n; i++) read_block(&r, i);
    if (r.oom || arena_failed(a)) return nicol_fail_oom(err);
    if (!schema_conf_diags(&r.conf, diags, err)) return false;
    if (diags->n == 0) return true;
    return nicol_fail_in(a, err, NICOL_E_INPUT, "%.*s has %zu error%s. The first: %.*s", STR_FMT(file->path), diags->n,
                         diags->n == 1 ? "" : "s", STR_FMT(diags->v[0].message));
}
