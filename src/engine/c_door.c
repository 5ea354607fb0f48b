/* engine/c_door.c - the public C functions (nicol/nicol.h) over the engine. No loop: every wait blocks the caller's thread.
 *
 * One arena per handle serves call after call: what a call leaves in it (its error) lives until the next one, and so does
 * the buffer that answers are written to. A result owns its text, so that it outlives its handle's later calls: a usual
 * answer is copied behind it, a long one takes the buffer with it.
 */
#include "nicol/nicol.h"

#include <stdlib.h>

#include "base/clock.h"
#include "engine/engine_int.h"

#define OWN_HASH S("own")
#define CALL_BYTES_KEPT ((size_t)64 << 10)     /* working memory that stays with the handle */
#define ANSWER_BYTES_COPIED ((size_t)32 << 10) /* a longer answer is not copied */

struct nicol_db {
    const mem *m;
    engine *e;
    engine_schema *s;
    arena *a; /* of the call */
    buf out;  /* answers are written here */
    nicol_error err;
    nicol_tx *txs; /* open ones: freed with the handle */
};

struct nicol_tx {
    nicol_db *db;
    nicol_tx *next;
    char id[64];
    size_t id_len;
};

struct nicol_result {
    const mem *m;
    size_t size; /* of this block */
    buf json;    /* in this block, or with memory of its own */
    arena *a;    /* of the parsed answer, made when rows are first read */
    json_doc doc;
    json_val rows; /* the list or object under the first key of data; absent when there is none */
    bool parsed;
    /* Fields are mostly read in the order in which they stand: where the one after the last that was found begins. */
    uint32_t last_object, next_key;
};

static void begin_call(nicol_db *db)
{
    err_clear(&db->err);
    arena_reset(db->a);
    buf_clear(&db->out);
}

/* --- opening -------------------------------------------------------------------------------------------------------- */

static bool read_schema(nicol_db *db, const nicol_open_opts *o, schema_file **files, size_t *n)
{
    if (o->schema_text) {
        *files = ARENA_NEW(db->a, schema_file);
        if (!*files) return nicol_fail_oom(&db->err);
        **files = (schema_file){.path = S("schema"), .text = str_c(o->schema_text)};
        *n = 1;
        return true;
    }
    if (o->schema_path) return schema_load(o->schema_path, db->a, files, n, &db->err);
    return nicol_fail(&db->err, NICOL_E_USAGE, "nicol_open needs schema_path or schema_text");
}

/* The URL given, or the one that the schema's datasource names. */
static nicol_str url_of(nicol_db *db, const nicol_open_opts *o, const schema_file *files, size_t n)
{
    if (o->url) return str_c(o->url);
    schema_diags diags;
    schema *s = schema_parse(files, n, &(schema_opts){.m = db->m}, db->a, &diags, &db->err);
    if (!s) return (nicol_str){0};
    nicol_str url = arena_str(db->a, s->url);
    const char *env = s->url_env.len ? nicol_cstr(db->a, s->url_env, &db->err) : NULL;
    if (env) {
        const char *v = getenv(env);
        if (v) url = str_c(v);
        else
            nicol_fail(&db->err, NICOL_E_USAGE,
                       "the schema takes its database URL from the environment variable %s, which is not set", env);
    }
    schema_free(s);
    if (url.len == 0)
        nicol_fail(&db->err, NICOL_E_USAGE,
                   "no database URL: set nicol_open_opts.url, or url in the schema's datasource");
    return url;
}

static void open_parts(nicol_db *db, const nicol_open_opts *o)
{
    schema_file *files = NULL;
    size_t n = 0;
    if (!read_schema(db, o, &files, &n)) return;
    nicol_str url = url_of(db, o, files, n);
    if (err_is(&db->err)) return;
    engine_opts eo = {.m = db->m,
                      .untimed = true, /* the caller times its own calls */
                      .exec = {.db = {.url = url,
                                      .create = o->create,
                                      .read_only = o->read_only,
                                      .sync_normal = o->sync_normal,
                                      .timestamps = o->timestamps_unix_ms ? TIMESTAMPS_UNIX_MS : TIMESTAMPS_ISO}}};
    db->e = engine_open(&eo, &db->err);
    if (!db->e || !engine_schema_add(db->e, OWN_HASH, files, n, db->a, NULL, &db->s, &db->err)) return;
    engine_schema_set_own(db->e, db->s);
}

nicol_db *nicol_open(const nicol_open_opts *opts)
{
    const mem *m = mem_default;
    nicol_db *db = m->alloc(m->ctx, sizeof *db);
    if (!db) return NULL;
    memset(db, 0, sizeof *db);
    db->m = m;
    db->a = arena_new_of(m, CALL_BYTES_KEPT, NICOL_REQUEST_ARENA_BYTES_MAX);
    if (!db->a) {
        m->free(m->ctx, db, sizeof *db);
        return NULL;
    }
    if (!opts || opts->size < offsetof(nicol_open_opts, url) || opts->size > sizeof *opts) {
        nicol_fail(&db->err, NICOL_E_USAGE, "nicol_open_opts.size must be sizeof(nicol_open_opts)");
        return db;
    }
    nicol_open_opts o = {0}; /* an older caller's struct is shorter: what it lacks is zero */
    memcpy(&o, opts, opts->size);
    buf_init(&db->out, m, o.result_bytes_max ? o.result_bytes_max : NICOL_RESULT_BYTES_MAX);
    open_parts(db, &o);
    return db;
}

void nicol_close(nicol_db *db)
{
    if (!db) return;
    const mem *m = db->m;
    engine_close(db->e);
    buf_free(&db->out);
    for (nicol_tx *t = db->txs; t;) {
        nicol_tx *next = t->next;
        m->free(m->ctx, t, sizeof *t);
        t = next;
    }
    arena_free(db->a);
    m->free(m->ctx, db, sizeof *db);
}

bool nicol_ok(const nicol_db *db)
{
    return db && !err_is(&db->err);
}

const nicol_error *nicol_last_error(const nicol_db *db)
{
    return &db->err;
}

const char *nicol_error_code(const nicol_error *err)
{
    return err_client(err->code);
}

const char *nicol_version(void)
{
    return NICOL_VERSION;
}

/* --- running -------------------------------------------------------------------------------------------------------- */

static bool usable(nicol_db *db)
{
    return (db->e && db->s) || nicol_fail(&db->err, NICOL_E_USAGE, "the handle was not opened: nicol_open failed");
}

/* The answer in db->out as a result of its own. */
static nicol_result *take_result(nicol_db *db)
{
    bool copied = db->out.len <= ANSWER_BYTES_COPIED;
    size_t size = sizeof(nicol_result) + (copied ? db->out.len : 0);
    nicol_result *r = db->m->alloc(db->m->ctx, size);
    if (!r) {
        nicol_fail_oom(&db->err);
        return NULL;
    }
    *r = (nicol_result){.m = db->m, .size = size, .json = db->out};
    if (copied) {
        r->json.ptr = (char *)(r + 1);
        memcpy(r->json.ptr, db->out.ptr, db->out.len);
    } else {
        buf_init(&db->out, db->m, db->out.max);
    }
    r->json.len--; /* the NUL */
    return r;
}

nicol_result *nicol_query_in(nicol_db *db, nicol_tx *tx, const char *json, size_t len)
{
    if (!db->e || !db->s) return NULL; /* the error of nicol_open stays */
    begin_call(db);
    exec_tx *taken = NULL;
    engine_call call = {.a = db->a, .deadline_us = IO_NEVER, .error = &db->err};
    bool good = true;
    if (tx) {
        taken = exec_tx_take(engine_exec(db->e), str_of(tx->id, tx->id_len), (nicol_str){0}, "query", db->a, &db->err);
        good = taken != NULL;
        call.tx = taken;
    }
    bool failed = false;
    good = good && engine_query(db->e, db->s, str_of(json, len), &call, &db->out, &failed, &db->err);
    if (taken) exec_tx_give(taken);
    buf_char(&db->out, '\0');
    if (good && !err_is(&db->err) && !buf_failed(&db->out)) return take_result(db);
    if (!err_is(&db->err)) nicol_fail(&db->err, db->out.over ? NICOL_E_RESULT_TOO_LARGE : NICOL_E_NO_MEMORY, NULL);
    return NULL;
}

nicol_result *nicol_query(nicol_db *db, const char *json, size_t len)
{
    return nicol_query_in(db, NULL, json, len);
}

nicol_str nicol_result_json(const nicol_result *r)
{
    return buf_view(&r->json);
}

void nicol_free(nicol_result *r)
{
    if (!r) return;
    const mem *m = r->m;
    arena_free(r->a);
    if (r->json.ptr != (char *)(r + 1)) buf_free(&r->json);
    m->free(m->ctx, r, r->size);
}

/* --- transactions --------------------------------------------------------------------------------------------------- */

nicol_tx *nicol_begin(nicol_db *db, nicol_isolation isolation, int64_t timeout_ms)
{
    if (!db->e) return NULL;
    begin_call(db);
    if (!usable(db)) return NULL;
    nicol_tx *t = db->m->alloc(db->m->ctx, sizeof *t);
    if (!t) {
        nicol_fail_oom(&db->err);
        return NULL;
    }
    *t = (nicol_tx){.db = db};
    exec_tx_opts o = {.timeout_ms = timeout_ms > 0 ? timeout_ms : NICOL_TX_TIMEOUT_MS_MAX,
                      .isolation = (driver_isolation)isolation};
    nicol_str id;
    if (!exec_tx_start(engine_exec(db->e), &o, db->a, &id, &db->err) || id.len > sizeof t->id) {
        db->m->free(db->m->ctx, t, sizeof *t);
        return NULL;
    }
    memcpy(t->id, id.ptr, id.len);
    t->id_len = id.len;
    t->next = db->txs;
    db->txs = t;
    return t;
}

static bool end(nicol_db *db, nicol_tx *tx, bool commit)
{
    begin_call(db);
    nicol_str id = str_of(tx->id, tx->id_len);
    exec *x = engine_exec(db->e);
    bool good = commit ? exec_tx_commit(x, id, (nicol_str){0}, db->a, &db->err)
                       : exec_tx_rollback(x, id, (nicol_str){0}, db->a, &db->err);
    for (nicol_tx **at = &db->txs; *at; at = &(*at)->next) {
        if (*at == tx) {
            *at = tx->next;
            break;
        }
    }
    db->m->free(db->m->ctx, tx, sizeof *tx);
    return good;
}

bool nicol_commit(nicol_db *db, nicol_tx *tx)
{
    return end(db, tx, true);
}

bool nicol_rollback(nicol_db *db, nicol_tx *tx)
{
    return end(db, tx, false);
}

/* --- reading rows --------------------------------------------------------------------------------------------------- */

/* The answer is parsed when its rows are first read: who only passes the text on never pays for it. */
static bool parse_answer(nicol_result *r)
{
    if (r->parsed) return json_present(r->rows);
    r->parsed = true;
    r->a = arena_new(r->m, NICOL_REQUEST_ARENA_BYTES_MAX);
    nicol_error err = {0};
    if (!r->a || !json_parse(r->a, buf_view(&r->json), NICOL_JSON_DEPTH_MAX, &r->doc, &err)) return false;
    json_iter it = json_first(json_get(json_root(&r->doc), S("data")));
    if (json_more(&it)) r->rows = it.value;
    return json_present(r->rows);
}

/* `list` of a cursor: the token of its rows, or one of these. */
#define LIST_OF_RESULT 0 /* token 0 is the whole answer, which is never a list of rows */
#define LIST_NONE UINT32_MAX

nicol_rows nicol_result_rows(const nicol_result *r)
{
    return (nicol_rows){.result = r, .list = LIST_OF_RESULT};
}

bool nicol_rows_next(nicol_rows *rows)
{
    nicol_result *r = (nicol_result *)(uintptr_t)rows->result; /* the parsed answer is a cache inside the result */
    if (!r || rows->list == LIST_NONE || !parse_answer(r)) return false;
    json_val list = rows->list == LIST_OF_RESULT ? r->rows : (json_val){&r->doc, rows->list};
    json_type t = json_kind(list);
    if (t == JSON_ARRAY) {
        uint32_t at = rows->next == 0 ? list.i + 1 : rows->next;
        if (at >= json_token(list)->next) return false;
        rows->row = at;
        rows->next = r->doc.tok[at].next;
        return true;
    }
    if (t != JSON_OBJECT || rows->next != 0) return false;
    rows->row = list.i;
    rows->next = UINT32_MAX;
    return true;
}

static bool key_is(const json_doc *d, const json_tok *t, const char *name, size_t len)
{
    return t->len == len && memcmp(d->text + t->at, name, len) == 0;
}

/* Is this the key that `field` begins with: all of it, or up to a point? */
static bool key_begins(const json_doc *d, const json_tok *t, const char *field)
{
    const char *key = d->text + t->at;
    uint32_t i = 0;
    while (i < t->len && field[i] == key[i]) i++; /* names are short: shorter than a call */
    return i == t->len && (field[i] == '\0' || field[i] == '.');
}

/* A member of an object of our own answer: its keys are all different and have no escapes. */
static json_val member(nicol_result *r, uint32_t object, const char *field)
{
    const json_tok *tok = r->doc.tok;
    if (tok[object].type != JSON_OBJECT) return (json_val){0};
    uint32_t first = object + 1, end = tok[object].next;
    uint32_t at = r->last_object == object && r->next_key < end ? r->next_key : first;
    for (uint32_t left = tok[object].n; left > 0; left--) {
        if (key_begins(&r->doc, &tok[at], field)) {
            r->last_object = object;
            r->next_key = tok[at + 1].next;
            return (json_val){&r->doc, at + 1};
        }
        at = tok[at + 1].next;
        if (at >= end) at = first;
    }
    return (json_val){0};
}

static json_val member_of(const nicol_rows *rows, const char *field)
{
    nicol_result *r = (nicol_result *)(uintptr_t)rows->result;
    if (!r || rows->next == 0) return (json_val){0};
    json_val v = {&r->doc, rows->row};
    while (json_present(v)) {
        v = member(r, v.i, field);
        if (!json_present(v)) break;
        field += r->doc.tok[v.i - 1].len;
        if (*field++ == '\0') break;
    }
    return v;
}

static json_val field_of(const nicol_rows *rows, const char *field)
{
    json_val v = member_of(rows, field);
    /* Typed scalars are {"$type": ..., "value": ...}. */
    if (json_kind(v) == JSON_OBJECT && json_count(v) == 2 && key_is(v.doc, &v.doc->tok[v.i + 1], "$type", 5)) v.i += 4;
    return v;
}

nicol_rows nicol_row_rows(const nicol_rows *rows, const char *field)
{
    json_val v = member_of(rows, field);
    return (nicol_rows){.result = rows->result, .list = json_present(v) ? v.i : LIST_NONE};
}

bool nicol_row_text(const nicol_rows *rows, const char *field, nicol_str *out)
{
    json_val v = field_of(rows, field);
    if (!json_present(v) || json_kind(v) == JSON_NULL) return false;
    *out = json_kind(v) == JSON_STRING ? json_text(v) : json_raw(v);
    return out->ptr != NULL;
}

bool nicol_row_int(const nicol_rows *rows, const char *field, int64_t *out)
{
    json_val v = field_of(rows, field);
    return json_kind(v) == JSON_STRING ? str_to_i64(json_text(v), out)
                                       : json_kind(v) == JSON_NUMBER && json_i64(v, out);
}

bool nicol_row_double(const nicol_rows *rows, const char *field, double *out)
{
    json_val v = field_of(rows, field);
    return json_kind(v) == JSON_STRING ? float_parse(json_text(v), out)
                                       : json_kind(v) == JSON_NUMBER && json_f64(v, out);
}

bool nicol_row_bool(const nicol_rows *rows, const char *field, bool *out)
{
    return json_bool(field_of(rows, field), out);
}

bool nicol_row_is_null(const nicol_rows *rows, const char *field)
{
    return json_kind(field_of(rows, field)) == JSON_NULL;
}

bool nicol_result_count(const nicol_result *r, int64_t *out)
{
    nicol_result *own = (nicol_result *)(uintptr_t)r;
    if (!parse_answer(own)) return false;
    json_val v = json_kind(own->rows) == JSON_OBJECT ? json_get(own->rows, S("count")) : own->rows;
    return json_kind(v) == JSON_NUMBER && json_i64(v, out);
}
