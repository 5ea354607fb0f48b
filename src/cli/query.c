/* cli/query.c - `nicol query`: operations of the JSON protocol, one a line in, one answer a line out.
 *
 *   {"modelName": ..., "action": ..., "query": ...}      or {"batch": [...], "transaction": {}}
 *   {"itx": "start", "tx": "name", "options": {"maxWait": ms, "timeout": ms, "isolationLevel": ...}}
 *   {"tx": "name", "request": {...}}                     or {"tx": "name", "batch": [...]}
 *   {"itx": "commit", "tx": "name"}                      or rollback
 *
 * A user error is an answer ({"errors": [...]}), not the end; the exit status is 1 when there was one.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cli/settings_int.h"
#include "engine/engine.h"

#define TX_NAMES_MAX 64
#define EXPLAIN_BYTES_MAX ((size_t)1 << 20)
#define REQUEST_BYTES_MAX NICOL_BODY_BYTES_MAX

typedef struct session {
    engine *e;
    engine_schema *s;
    arena *a; /* of the line */
    struct {
        char name[65], id[65];
    } tx[TX_NAMES_MAX];
    size_t tx_n;
    bool failed;
    bool explain;
} session;

static const char *tx_id(session *q, nicol_str name, nicol_error *err)
{
    for (size_t i = q->tx_n; i-- > 0;) {
        if (str_eq(name, str_c(q->tx[i].name))) return q->tx[i].id;
    }
    nicol_fail(err, NICOL_E_INPUT, "no transaction '%.*s' was started here", STR_FMT(name));
    return NULL;
}

static bool tx_start(session *q, json_val line, nicol_str name, nicol_error *err)
{
    json_val o = json_get(line, S("options"));
    exec_tx_opts opts = {0};
    double ms = 0;
    if (json_f64(json_get(o, S("maxWait")), &ms) && ms > 0 && ms < 1e12) opts.max_wait_ms = (int64_t)ms;
    if (json_f64(json_get(o, S("timeout")), &ms) && ms > 0 && ms < 1e12) opts.timeout_ms = (int64_t)ms;
    json_val iso = json_get(o, S("isolationLevel"));
    if (json_kind(iso) == JSON_STRING && !driver_isolation_parse(json_text(iso), &opts.isolation)) {
        return nicol_fail(err, NICOL_E_TRANSACTION, "Transaction API error: Invalid isolation level: %.*s",
                          STR_FMT(json_text(iso)));
    }
    nicol_str id;
    if (q->tx_n == TX_NAMES_MAX)
        return nicol_fail(err, NICOL_E_LIMIT, "at most %d transactions in one run", TX_NAMES_MAX);
    if (name.len == 0 || name.len > 64)
        return nicol_fail(err, NICOL_E_INPUT, "a transaction needs a name of 1 to 64 bytes in \"tx\"");
    if (!exec_tx_start(engine_exec(q->e), &opts, q->a, &id, err)) return false;
    snprintf(q->tx[q->tx_n].name, sizeof q->tx[0].name, "%.*s", STR_FMT(name));
    snprintf(q->tx[q->tx_n].id, sizeof q->tx[0].id, "%.*s", STR_FMT(id));
    q->tx_n++;
    return true;
}

static bool control(session *q, json_val line, nicol_str verb, buf *out, nicol_error *err)
{
    nicol_str name = json_text(json_get(line, S("tx")));
    bool good;
    if (str_eq(verb, S("start"))) {
        good = tx_start(q, line, name, err);
    } else {
        const char *id = tx_id(q, name, err);
        exec *x = engine_exec(q->e);
        if (!id) return false;
        if (str_eq(verb, S("commit"))) good = exec_tx_commit(x, str_c(id), (nicol_str){0}, q->a, err);
        else if (str_eq(verb, S("rollback"))) good = exec_tx_rollback(x, str_c(id), (nicol_str){0}, q->a, err);
        else return nicol_fail(err, NICOL_E_INPUT, "\"itx\" is start, commit or rollback");
    }
    if (good) buf_lit(out, "{\"data\":null}");
    return good;
}

static bool operations(session *q, json_val line, nicol_str text, buf *out, nicol_error *err)
{
    buf told;
    buf_init(&told, mem_default, EXPLAIN_BYTES_MAX);
    engine_call call = {.a = q->a, .deadline_us = IO_NEVER, .explain = q->explain ? &told : NULL};
    json_val in = json_get(line, S("tx")), request = json_get(line, S("request"));
    if (json_present(request)) text = json_raw(request);
    if (json_kind(in) == JSON_STRING) {
        const char *id = tx_id(q, json_text(in), err);
        if (id) call.tx = exec_tx_take(engine_exec(q->e), str_c(id), (nicol_str){0}, "query", q->a, err);
        if (!call.tx) return false; /* nothing was told yet */
    }
    bool failed = false;
    bool good = engine_query(q->e, q->s, text, &call, out, &failed, err);
    if (call.tx) exec_tx_give(call.tx);
    if (told.len > 0) fwrite(told.ptr, 1, told.len, stderr);
    buf_free(&told);
    q->failed |= failed;
    return good;
}

static void answer(session *q, nicol_str text, buf *out)
{
    nicol_error err = {0};
    json_doc doc;
    arena_reset(q->a);
    buf_clear(out);
    bool good = json_parse(q->a, text, NICOL_JSON_DEPTH_MAX, &doc, &err);
    if (good) {
        json_val line = json_root(&doc), verb = json_get(line, S("itx"));
        if (json_kind(verb) == JSON_STRING) good = control(q, line, json_text(verb), out, &err);
        else good = operations(q, line, text, out, &err);
    }
    if (!good) {
        q->failed = true;
        buf_clear(out);
        engine_put_errors_v6(&err, (nicol_str){0}, -1, out);
    }
    buf_char(out, '\n');
    fwrite(out->ptr, 1, out->len, stdout);
    fflush(stdout);
}

/* The next line without its end, in `line`. False at the end of the input; a line past the limit is cut, and `over`. */
static bool read_line(buf *line)
{
    int c;
    buf_clear(line);
    while ((c = getc_unlocked(stdin)) != EOF && c != '\n') buf_char(line, (char)c);
    return c != EOF || line->len > 0;
}

static int run_lines(session *q)
{
    buf out, line;
    buf_init(&out, mem_default, NICOL_RESULT_BYTES_MAX + 65536);
    buf_init(&line, mem_default, REQUEST_BYTES_MAX);
    int rc = CLI_OK;
    while (rc == CLI_OK && read_line(&line)) {
        nicol_str text = str_trim(buf_view(&line));
        if (buf_failed(&line))
            rc = cli_usage("a line is longer than the limit of %zu bytes", (size_t)REQUEST_BYTES_MAX);
        else if (text.len > 0) answer(q, text, &out);
    }
    buf_free(&line);
    buf_free(&out);
    return rc != CLI_OK ? rc : q->failed ? CLI_FAILED : CLI_OK;
}

static bool open_session(session *q, const settings *s, bool create, nicol_error *err)
{
    schema_file *files = NULL;
    size_t n = 0;
    schema_diags diags = {0};
    engine_opts o = {.exec = {.db = {.url = s->url_text, .create = create}}, .slow_us = INT64_MAX / 8};
    q->e = engine_open(&o, err);
    if (!q->e) return false;
    if (!s->schema) return nicol_fail(err, NICOL_E_USAGE, "which schema? give --schema FILE");
    if (!schema_load(s->schema, q->a, &files, &n, err)) return false;
    if (engine_schema_add(q->e, S("own"), files, n, q->a, &diags, &q->s, err)) return true;
    settings_print_diags(files, &diags);
    return false;
}

int cmd_query(int argc, char **argv)
{
    settings s = {.default_schema = true};
    const char *create = NULL, *level = "warn", *explain = NULL;
    const cli_flag flags[] = {
        {"schema", "FILE", "schema, or a folder of them (default schema.prisma)", &s.schema},
        {"url", "URL", "database: file:PATH (default: the schema's url)", &s.url},
        {"create", NULL, "make the database file when it is missing", &create},
        {"explain", NULL, "tell each operation's request tree, plan and statements on standard error", &explain},
        {"log-level", "LEVEL", "debug, info, warn or error (default warn)", &level},
        {0},
    };
    int rc =
        cli_parse(argc, argv, flags, "query [flags]",
                  "Runs operations of the JSON protocol, one a line on standard input, one answer a line.", NULL, 0);
    if (rc != CLI_OK) return rc < 0 ? CLI_OK : rc;
    rc = cli_log("text", level);
    if (rc != CLI_OK) return rc;
    nicol_error err = {0};
    session q = {.a = arena_new(mem_default, NICOL_REQUEST_ARENA_BYTES_MAX)};
    if (!q.a) return CLI_FAILED;
    q.explain = explain != NULL;
    rc = settings_resolve(&s, q.a, &err);
    if (rc == CLI_OK) {
        arena *keep = arena_new(mem_default, 65536); /* the URL must outlive the lines' arena */
        s.url_text = keep ? arena_str(keep, s.url_text) : s.url_text;
        rc = open_session(&q, &s, create != NULL, &err) ? run_lines(&q) : cli_fail(&err);
        engine_close(q.e);
        arena_free(keep);
    }
    arena_free(q.a);
    return rc;
}
