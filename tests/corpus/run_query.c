/* tests/corpus/run_query.c - reads every request of recorded scenarios and compares what the query module says.
 *
 *     run_query [-v] scenario.json...
 *
 * A scenario holds a schema and steps; a step holds a request (or a batch) and what the reference answered. Requests
 * that the reference accepted, or refused for a reason that only the database knows, must parse; those that it refused
 * as invalid (P2009, P2012, P2019) must be refused with the same code, and message and meta are compared. The typed
 * description of the language is also held against every request: it must refuse exactly what the first reading
 * refuses. Prints figures; exits 1 when anything differs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "query/query_int.h"

static struct {
    int good, good_ok, bad, bad_code, bad_message, bad_meta, disagree;
    bool verbose;
} sum;

static char *slurp(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    size_t cap = 1 << 16, n = 0, got;
    char *p = malloc(cap);
    while (p && (got = fread(p + n, 1, cap - n, f)) > 0) {
        n += got;
        if (n == cap) p = realloc(p, cap *= 2);
    }
    fclose(f);
    *len = n;
    return p;
}

/* Structural equality: objects by key, numbers by text. */
static bool same(json_val a, json_val b)
{
    if (json_kind(a) != json_kind(b) || json_count(a) != json_count(b)) return false;
    if (json_kind(a) == JSON_STRING) return str_eq(json_text(a), json_text(b));
    if (json_kind(a) == JSON_OBJECT) {
        json_iter it = json_first(a);
        while (json_more(&it)) {
            if (!same(it.value, json_get(b, it.key))) return false;
        }
        return true;
    }
    if (json_kind(a) == JSON_ARRAY) {
        json_iter x = json_first(a), y = json_first(b);
        while (json_more(&x) && json_more(&y)) {
            if (!same(x.value, y.value)) return false;
        }
        return true;
    }
    return str_eq(json_raw(a), json_raw(b));
}

static void show(const char *file, json_val step, const char *what, nicol_str text, nicol_str want)
{
    if (!sum.verbose) return;
    const char *base = strrchr(file, '/');
    printf("%s %.*s: %s\n   got  %.*s\n   want %.*s\n", base ? base + 1 : file,
           (int)json_raw(json_get(step, S("id"))).len, json_raw(json_get(step, S("id"))).ptr, what,
           (int)(text.len > 1800 ? 1800 : text.len), text.ptr ? text.ptr : "", (int)(want.len > 1800 ? 1800 : want.len),
           want.ptr ? want.ptr : "");
}

static bool is_validation(nicol_str code)
{
    return str_eq(code, S("P2009")) || str_eq(code, S("P2012")) || str_eq(code, S("P2019"));
}

static void compare_error(const char *file, json_val step, json_val want, const nicol_error *err, arena *a)
{
    nicol_str code = json_text(json_get(want, S("error_code")));
    if (!str_eq(str_c(err_client(err->code)), code)) {
        sum.bad_code++;
        show(file, step, "code", err->message, json_raw(want));
        return;
    }
    nicol_str message = json_text(json_get(want, S("message")));
    if (!str_eq(message, err->message)) {
        sum.bad_message++;
        show(file, step, "message", err->message, message);
    }
    json_doc meta;
    json_val want_meta = json_get(want, S("meta"));
    nicol_error none = {0};
    bool parsed = err->meta.len && json_parse(a, err->meta, NICOL_JSON_DEPTH_MAX, &meta, &none);
    if (!(parsed ? same(json_root(&meta), want_meta) : !json_present(want_meta))) {
        sum.bad_meta++;
        show(file, step, "meta", err->meta, json_raw(want_meta));
    }
}

static void agree(const char *file, json_val step, const schema *s, json_val request, bool parsed, arena *a)
{
    query_action action = query_action_of(json_text(json_get(request, S("action"))));
    if (action == QUERY_RAW || action == QUERY_EXECUTE_RAW) return;
    const schema_model *m = schema_model_get(s, json_text(json_get(request, S("modelName"))));
    json_val q = json_get(request, S("query"));
    nicol_error err = {0};
    if (m) query_explain(s, action, m, json_get(q, S("arguments")), json_get(q, S("selection")), S("x"), a, &err);
    if (parsed != !err_is(&err)) {
        sum.disagree++;
        show(file, step, parsed ? "only the first reading accepts" : "only the typed description accepts", err.message,
             json_raw(request));
    }
}

static void one(const char *file, json_val step, const schema *s, json_val request, json_val expect, arena *a)
{
    arena_mark mark = arena_save(a);
    query_op op;
    nicol_error err = {0};
    json_val error = json_get(expect, S("error"));
    bool bad = json_present(error) && is_validation(json_text(json_get(error, S("error_code"))));
    bool parsed = query_parse(s, request, a, &op, &err);
    if (bad) {
        sum.bad++;
        compare_error(file, step, error, &err, a);
    } else {
        sum.good++;
        sum.good_ok += parsed;
        if (!parsed) show(file, step, "should parse", err.message, json_raw(request));
    }
    if (err.code != NICOL_E_INPUT) agree(file, step, s, request, parsed, a);
    arena_rewind(a, mark);
}

static void time_parse(const schema *s, const char *text, arena *a)
{
    enum { ROUNDS = 200000 };
    struct timespec t0, t1;
    size_t failed = 0;
    for (int pass = 0; pass < 2; pass++) {
        clock_gettime(CLOCK_MONOTONIC, &t0);
        for (int i = 0; i < ROUNDS; i++) {
            arena_reset(a);
            json_doc doc;
            query_op op;
            nicol_error err = {0};
            if (!json_parse(a, str_c(text), NICOL_JSON_DEPTH_MAX, &doc, &err)) failed++;
            else if (pass == 1 && !query_parse(s, json_root(&doc), a, &op, &err)) failed++;
        }
        clock_gettime(CLOCK_MONOTONIC, &t1);
        double us = ((double)(t1.tv_sec - t0.tv_sec) * 1e9 + (double)(t1.tv_nsec - t0.tv_nsec)) / 1e3 / ROUNDS;
        printf("%s: %.3f us (%zu failed)\n", pass ? "JSON and query" : "JSON alone", us, failed);
    }
}

static bool run(const char *file, arena *a)
{
    size_t len;
    char *text = slurp(file, &len);
    json_doc doc;
    nicol_error err = {0};
    if (!text || !json_parse(a, str_of(text, len), NICOL_JSON_DEPTH_MAX, &doc, &err)) {
        fprintf(stderr, "%s: not readable\n", file);
        free(text);
        return false;
    }
    schema_file sf = {str_c("schema.prisma"), json_text(json_get(json_root(&doc), S("schema")))};
    schema_opts opts = {.version = 0, .m = mem_default};
    schema_diags diags;
    schema *s = schema_parse(&sf, 1, &opts, a, &diags, &err);
    if (!s) {
        fprintf(stderr, "%s: schema: %.*s\n", file, (int)err.message.len, err.message.ptr);
        free(text);
        return false;
    }
    json_iter it = json_first(json_get(json_root(&doc), S("steps")));
    while (json_more(&it)) {
        json_val request = json_get(it.value, S("request")), batch = json_get(it.value, S("batch"));
        json_val expect = json_get(it.value, S("expect"));
        if (json_present(request)) one(file, it.value, s, request, expect, a);
        json_iter b = json_first(batch), e = json_first(json_get(expect, S("batch")));
        while (json_present(batch) && json_more(&b)) {
            if (json_more(&e)) one(file, it.value, s, b.value, e.value, a);
        }
    }
    schema_free(s);
    free(text);
    return true;
}

static void bench(void)
{
    static const char model[] = "datasource db {\n provider = \"sqlite\"\n url = \"file:x\"\n}\n"
                                "model User {\n id Int @id\n email String @unique\n name String?\n age Int\n}\n";
    schema_file sf = {str_c("schema.prisma"), str_c(model)};
    schema_opts opts = {.version = 0, .m = mem_default};
    arena *a = arena_new(mem_default, NICOL_REQUEST_ARENA_BYTES_MAX);
    arena *kept = arena_new(mem_default, NICOL_REQUEST_ARENA_BYTES_MAX);
    schema_diags diags;
    nicol_error err = {0};
    schema *s = a && kept ? schema_parse(&sf, 1, &opts, kept, &diags, &err) : NULL;
    if (s) {
        time_parse(s,
                   "{\"modelName\":\"User\",\"action\":\"findUnique\",\"query\":{\"arguments\":{\"where\":{\"id\":1}},"
                   "\"selection\":{\"$composites\":true,\"$scalars\":true}}}",
                   a);
    }
    schema_free(s);
    arena_free(kept);
    arena_free(a);
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0) {
            sum.verbose = true;
            continue;
        }
        if (strcmp(argv[i], "--bench") == 0) {
            bench();
            continue;
        }
        arena *a = arena_new(mem_default, NICOL_REQUEST_ARENA_BYTES_MAX);
        if (!a || !run(argv[i], a)) failed++;
        arena_free(a);
    }
    printf("parsed %d of %d; refused %d: %d wrong codes, %d wrong messages, %d wrong metas; %d disagreements; "
           "%d files failed\n",
           sum.good_ok, sum.good, sum.bad, sum.bad_code, sum.bad_message, sum.bad_meta, sum.disagree, failed);
    int wrong = sum.good - sum.good_ok + sum.bad_code + sum.bad_message + sum.bad_meta + sum.disagree + failed;
    printf("%d passed, %d failed\n", sum.good + sum.bad - wrong, wrong);
    return wrong ? 1 : 0;
}
