/* cli/tools.c - validate, keys, db execute. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/settings_int.h"
#include "config/keys.h"
#include "driver/driver.h"
#include "json/json.h"

#define WORK_BYTES_MAX ((size_t)256 << 20)
#define SCRIPT_BYTES_MAX ((size_t)64 << 20)

/* --- validate ------------------------------------------------------------------------------------------------------- */

void settings_print_json(const schema_file *files, const schema_diags *d, bool valid)
{
    buf out;
    buf_init(&out, mem_default, (size_t)64 << 20);
    buf_printf(&out, "{\"valid\":%s,\"diagnostics\":[", valid ? "true" : "false");
    for (size_t i = 0; i < d->n; i++) {
        const schema_diag *one = &d->v[i];
        const schema_file *f = &files[one->file];
        buf_printf(&out, "%s{\"severity\":\"%s\",\"file\":", i ? "," : "", one->warning ? "warning" : "error");
        json_put_str(&out, f->path);
        buf_printf(&out, ",\"start\":%zu,\"end\":%zu,\"message\":", schema_utf16_offset(f->text, one->start),
                   schema_utf16_offset(f->text, one->end));
        json_put_str(&out, one->message);
        buf_char(&out, '}');
    }
    buf_lit(&out, "]}\n");
    fwrite(out.ptr, 1, out.len, stdout);
    buf_free(&out);
}

int cmd_validate(int argc, char **argv)
{
    const char *path = "schema.prisma", *json = NULL, *version = "7";
    const cli_flag flags[] = {
        {"schema", "FILE", "schema, or a folder of them (default schema.prisma)", &path},
        {"schema-version", "5|6|7", "whose rules (default 7)", &version},
        {"json", NULL, "print the diagnostics as JSON", &json},
        {0},
    };
    int rc = cli_parse(argc, argv, flags, "validate [flags]", "Checks a schema and reports every error with its place.",
                       NULL, 0);
    if (rc != CLI_OK) return rc < 0 ? CLI_OK : rc;
    int64_t v = 7;
    rc = cli_number("schema-version", version, 5, 7, &v);
    if (rc != CLI_OK) return rc;
    arena *a = arena_new(mem_default, WORK_BYTES_MAX);
    nicol_error err = {0};
    schema_file *files = NULL;
    size_t n = 0;
    schema_diags diags = {0};
    if (!a) return CLI_FAILED;
    if (!schema_load(path, a, &files, &n, &err)) {
        rc = cli_fail(&err);
        arena_free(a);
        return rc;
    }
    schema *s = schema_parse(files, n, &(schema_opts){.version = (int)v}, a, &diags, &err);
    if (json) settings_print_json(files, &diags, s != NULL);
    else settings_print_diags(files, &diags);
    if (s && !json) printf("The schema at %s is valid.\n", path);
    if (!s && !json && diags.n == 0) cli_fail(&err);
    rc = s ? CLI_OK : CLI_FAILED;
    schema_free(s);
    arena_free(a);
    return rc;
}

/* --- keys ----------------------------------------------------------------------------------------------------------- */

static int keys_do(keys *k, const char *verb, const char *what, const char *scope, const char *label, nicol_error *err)
{
    char text[KEY_TEXT_LEN + 1], names[64];
    key_info info;
    if (strcmp(verb, "create") == 0) {
        unsigned scopes = 0;
        if (!keys_scopes_parse(str_c(scope), &scopes, err)) return cli_fail(err);
        if (!keys_create(k, scopes, str_c(label), &info, text, err)) return cli_fail(err);
        printf("%s\n", text);
        fprintf(stderr, "key %s made; it is shown this once: only its hash is kept\n", info.id);
        return CLI_OK;
    }
    if (strcmp(verb, "revoke") == 0) {
        if (keys_revoke(k, str_c(what), err)) return CLI_OK;
        if (!err_is(err))
            nicol_fail(err, NICOL_E_NOT_FOUND, "there is no key with the id '%s'; `nicol keys list` shows them", what);
        return cli_fail(err);
    }
    const key_info *list = NULL;
    size_t n = 0;
    if (!keys_list(k, &list, &n, err)) return cli_fail(err);
    for (size_t i = 0; i < n; i++) {
        char when[32];
        time_t t = (time_t)(list[i].created_ms / 1000);
        struct tm tm;
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
        keys_scopes_print(list[i].scopes, names);
        printf("%s  %s  %-30s %s\n", list[i].id, when, names, list[i].label);
    }
    return CLI_OK;
}

int cmd_keys(int argc, char **argv)
{
    const char *state = ".nicol", *scope = "query", *label = "", *rest[2] = {NULL, NULL};
    const cli_flag flags[] = {
        {"state", "DIR", "state folder (default .nicol)", &state},
        {"scope", "LIST", "query, stream, invalidate, admin, joined by commas (default query)", &scope},
        {"label", "TEXT", "a name for people", &label},
        {0},
    };
    int rc = cli_parse(argc, argv, flags, "keys create|list|revoke ID [flags]",
                       "API keys. Only their hashes are kept; a running server sees changes within a second.", rest, 2);
    if (rc != CLI_OK) return rc < 0 ? CLI_OK : rc;
    bool create = rest[0] && strcmp(rest[0], "create") == 0, revoke = rest[0] && strcmp(rest[0], "revoke") == 0;
    if (!create && !revoke && !(rest[0] && strcmp(rest[0], "list") == 0))
        return cli_usage("usage: nicol keys create|list|revoke ID");
    if (revoke != (rest[1] != NULL))
        return cli_usage(revoke ? "revoke needs the id of a key: see `nicol keys list`" : "unexpected argument '%s'",
                         rest[1]);
    nicol_error err = {0};
    keys *k = keys_open(state, create, NULL, &err);
    if (!k) return cli_fail(&err);
    rc = keys_do(k, rest[0], rest[1], scope, label, &err);
    keys_close(k);
    return rc;
}

/* --- db execute ----------------------------------------------------------------------------------------------------- */

static bool read_all(const char *path, buf *out, nicol_error *err)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!f) return nicol_fail(err, NICOL_E_SYSTEM, "%s cannot be read", path);
    char part[65536];
    size_t n;
    while ((n = fread(part, 1, sizeof part, f)) > 0) buf_bytes(out, part, n);
    bool good = !ferror(f);
    if (f != stdin) fclose(f);
    if (!good) return nicol_fail(err, NICOL_E_SYSTEM, "%s cannot be read", path);
    return !buf_failed(out) || nicol_fail(err, NICOL_E_LIMIT, "%s is longer than %zu bytes", path, SCRIPT_BYTES_MAX);
}

static bool run_script(nicol_str url, bool create, nicol_str sql, arena *a, nicol_error *err)
{
    const driver *d = driver_for_url(url, err);
    if (!d) return false;
    driver_conn *c = d->open(&(driver_opts){.url = url, .create = create, .trusted = true}, a, err);
    if (!c) return false;
    nicol_error second = {0};
    bool good = d->begin(c, ISOLATION_DEFAULT, true, IO_NEVER, a, err);
    if (good) good = d->script(c, sql, a, err) ? d->commit(c, a, err) : (d->rollback(c, a, &second), false);
    d->close(c);
    return good;
}

int cmd_db(int argc, char **argv)
{
    settings s = {.default_schema = true};
    const char *file = NULL, *create = NULL, *rest[1] = {NULL};
    const cli_flag flags[] = {
        {"file", "FILE", "SQL to run, all of it in one transaction; - is standard input", &file},
        {"schema", "FILE", "schema whose url names the database", &s.schema},
        {"url", "URL", "database: file:PATH", &s.url},
        {"create", NULL, "make the database file when it is missing", &create},
        {0},
    };
    int rc = cli_parse(argc, argv, flags, "db execute --file FILE [flags]", "Runs a file of SQL statements.", rest, 1);
    if (rc != CLI_OK) return rc < 0 ? CLI_OK : rc;
    if (rest[0] && (strcmp(rest[0], "push") == 0 || strcmp(rest[0], "pull") == 0))
        return cli_usage("`nicol db %s` is not in this version yet", rest[0]);
    if (!rest[0] || strcmp(rest[0], "execute") != 0 || !file)
        return cli_usage("usage: nicol db execute --file FILE [--url URL] [--create]");
    nicol_error err = {0};
    arena *a = arena_new(mem_default, WORK_BYTES_MAX);
    if (!a) return CLI_FAILED;
    buf sql;
    buf_init(&sql, mem_default, SCRIPT_BYTES_MAX);
    rc = settings_resolve(&s, a, &err);
    if (rc == CLI_OK &&
        !(read_all(file, &sql, &err) && run_script(s.url_text, create != NULL, buf_view(&sql), a, &err)))
        rc = cli_fail(&err);
    buf_free(&sql);
    arena_free(a);
    return rc;
}
