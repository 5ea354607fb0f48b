/* bench/bench_json.c - reading and writing JSON against jansson, side by side in one run.
 *
 * Rounds of both alternate, and medians of CPU time are compared, so that a busy machine weighs on both alike. Reading
 * is what each library does from bytes to something that can be looked into; writing is from that to bytes again
 * (ours decodes each string and number of its tape and writes it anew).
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Both call their kinds JSON_OBJECT and so on: theirs get other names here. */
#define json_type jansson_type
#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY JANSSON_ARRAY
#define JSON_STRING JANSSON_STRING
#define JSON_TRUE JANSSON_TRUE
#define JSON_FALSE JANSSON_FALSE
#define JSON_NULL JANSSON_NULL
#include <jansson.h>
#undef json_type
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_STRING
#undef JSON_TRUE
#undef JSON_FALSE
#undef JSON_NULL

#include "json/json.h"

#define ROUNDS 15
#define ROUND_BYTES ((size_t)8 << 20) /* text handled in one round */

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v)
{
    qsort(v, ROUNDS, sizeof *v, by_value);
    return v[ROUNDS / 2];
}

/* --- bodies --------------------------------------------------------------------------------------------------------- */

/* A request as version 7 clients send it: a small plan, its parameters, long SQL texts. */
static void make_request(buf *b)
{
    buf_lit(
        b,
        "{\"plan\":{\"type\":\"dataMap\",\"args\":{\"expr\":{\"type\":\"join\",\"args\":{\"parent\":{\"type\":\"query\",\"args\":"
        "{\"type\":\"templateSql\",\"fragments\":[{\"type\":\"stringChunk\",\"chunk\":\"SELECT `main`.`Order`.`id`, "
        "`main`.`Order`.`product`, `main`.`Order`.`amount`, `main`.`Order`.`status` FROM `main`.`Order` WHERE "
        "(`main`.`Order`.`userId` = \"},{\"type\":\"parameter\"},{\"type\":\"stringChunk\",\"chunk\":\" AND 1=1) ORDER BY "
        "`main`.`Order`.`createdAt` DESC LIMIT \"},{\"type\":\"parameter\"}],\"args\":[{\"prisma__type\":\"param\","
        "\"prisma__value\":{\"name\":\"query1\",\"type\":\"String\"}},20],\"argTypes\":[{\"arity\":\"scalar\",\"scalarType\":"
        "\"string\"},{\"arity\":\"scalar\",\"scalarType\":\"int\"}],\"placeholderFormat\":{\"prefix\":\"?\",\"hasNumbering\":"
        "false},\"chunkable\":true}},\"children\":[]}},\"structure\":{\"type\":\"object\",\"serializedName\":null,\"skipNulls\":"
        "false,\"fields\":{\"id\":{\"type\":\"field\",\"dbName\":\"id\",\"fieldType\":{\"type\":\"int\",\"arity\":\"scalar\"}},"
        "\"product\":{\"type\":\"field\",\"dbName\":\"product\",\"fieldType\":{\"type\":\"string\",\"arity\":\"scalar\"}},"
        "\"status\":{\"type\":\"field\",\"dbName\":\"status\",\"fieldType\":{\"type\":\"enum\",\"arity\":\"scalar\",\"name\":"
        "\"Status\"}}}},\"enums\":{}}},\"operation\":\"findMany\",\"params\":{\"query1\":\"user_0123456789abcdef\"}}");
}

static void make_rows(buf *b, unsigned rows)
{
    buf_char(b, '[');
    for (unsigned i = 0; i < rows; i++) {
        if (i != 0) buf_char(b, ',');
        buf_printf(
            b,
            "{\"id\":%u,\"product\":\"A product with a name %u\",\"amount\":%u,\"price\":%u.%02u,\"status\":\"CONFIRMED\","
            "\"userId\":\"user_%08x\",\"note\":%s,\"paid\":%s,\"createdAt\":\"2024-05-%02uT10:20:30.123Z\"}",
            i + 1, i * 7919 % 1000, i % 10, i % 300, i % 100, i * 2654435761u,
            i % 3 == 0   ? "null"
            : i % 3 == 1 ? "\"call before\\n\\\"delivery\\\"\""
                         : "\"\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82\"",
            i % 2 ? "true" : "false", i % 28 + 1);
    }
    buf_char(b, ']');
}

/* --- work ----------------------------------------------------------------------------------------------------------- */

static void write_value(buf *b, json_val v)
{
    int64_t i;
    double f;
    bool first = true;
    switch (json_kind(v)) {
    case JSON_NULL:
        buf_lit(b, "null");
        break;
    case JSON_TRUE:
        buf_lit(b, "true");
        break;
    case JSON_FALSE:
        buf_lit(b, "false");
        break;
    case JSON_STRING:
        json_put_str(b, json_text(v));
        break;
    case JSON_NUMBER:
        if (json_i64(v, &i)) buf_i64(b, i);
        else if (json_f64(v, &f)) json_put_f64(b, f);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        buf_char(b, json_kind(v) == JSON_ARRAY ? '[' : '{');
        for (json_iter it = json_first(v); json_more(&it); first = false) {
            if (!first) buf_char(b, ',');
            if (it.object) {
                json_put_str(b, it.key);
                buf_char(b, ':');
            }
            write_value(b, it.value);
        }
        buf_char(b, json_kind(v) == JSON_ARRAY ? ']' : '}');
        break;
    }
}

static double our_read(nicol_str text, size_t times)
{
    arena *a = arena_new(mem_default, (size_t)1 << 30);
    double start = cpu_s();
    for (size_t i = 0; i < times; i++) {
        json_doc doc;
        nicol_error err = {0};
        arena_reset(a);
        if (!json_parse(a, text, 64, &doc, &err)) abort();
    }
    double took = cpu_s() - start;
    arena_free(a);
    return took;
}

static double their_read(nicol_str text, size_t times)
{
    double start = cpu_s();
    for (size_t i = 0; i < times; i++) {
        json_error_t err;
        json_t *doc = json_loadb(text.ptr, text.len, 0, &err);
        if (doc == NULL) abort();
        json_decref(doc);
    }
    return cpu_s() - start;
}

static double our_write(nicol_str text, size_t times, buf *b)
{
    arena *a = arena_new(mem_default, (size_t)1 << 30), *scratch = arena_new(mem_default, (size_t)1 << 30);
    json_doc doc;
    nicol_error err = {0};
    if (!json_parse(a, text, 64, &doc, &err)) abort();
    doc.a = scratch;
    double start = cpu_s();
    for (size_t i = 0; i < times; i++) {
        buf_clear(b);
        arena_reset(scratch);
        write_value(b, json_root(&doc));
    }
    double took = cpu_s() - start;
    arena_free(a);
    arena_free(scratch);
    return took;
}

static double their_write(nicol_str text, size_t times, char *out, size_t out_size)
{
    json_error_t err;
    json_t *doc = json_loadb(text.ptr, text.len, 0, &err);
    double start = cpu_s();
    for (size_t i = 0; i < times; i++) {
        if (json_dumpb(doc, out, out_size, JSON_COMPACT) == 0) abort();
    }
    double took = cpu_s() - start;
    json_decref(doc);
    return took;
}

static void compare(const char *name, nicol_str text)
{
    size_t times = ROUND_BYTES / text.len + 1;
    double ours_r[ROUNDS], ours_w[ROUNDS], theirs_r[ROUNDS], theirs_w[ROUNDS];
    size_t out_size = text.len * 2 + 1024;
    char *out = malloc(out_size);
    buf b;
    buf_init(&b, mem_default, (size_t)1 << 30);
    if (out == NULL) abort();
    size_t theirs = times / 8 + 1; /* enough to measure; a round of theirs takes far longer */
    for (int i = 0; i < ROUNDS; i++) {
        ours_r[i] = our_read(text, times) / (double)times;
        theirs_r[i] = their_read(text, theirs) / (double)theirs;
        ours_w[i] = our_write(text, times, &b) / (double)times;
        theirs_w[i] = their_write(text, theirs, out, out_size) / (double)theirs;
    }
    double mb = (double)text.len / 1e6, wr = (double)b.len / 1e6;
    double r = median(ours_r), w = median(ours_w), tr = median(theirs_r), tw = median(theirs_w);
    printf("%-14s %8zu bytes  read %7.0f MB/s (jansson %5.0f)  write %7.0f MB/s (jansson %5.0f)\n", name, text.len,
           mb / r, mb / tr, wr / w, wr / tw);
    printf("RATIO json_read_%s_speed_vs_jansson %.2f\n", name, tr / r);
    printf("RATIO json_write_%s_speed_vs_jansson %.2f\n", name, tw / w);
    buf_free(&b);
    free(out);
}

int main(void)
{
    buf b;
    buf_init(&b, mem_default, (size_t)64 << 20);
    make_request(&b);
    compare("request", buf_view(&b));
    buf_clear(&b);
    make_rows(&b, 25);
    compare("rows25", buf_view(&b));
    buf_clear(&b);
    make_rows(&b, 5000);
    compare("rows5000", buf_view(&b));
    buf_free(&b);
    return 0;
}
