/* The HTTP parser on any bytes: it stays inside its buffer, and how the bytes are cut into reads changes nothing. */
#include <stdlib.h>

#include "server/http_int.h"

static const size_t head_max = 1024, body_max = 2048;

/* Runs one request from exact-size copies, so that reading one byte too far is seen. */
static http_parse_result run(http_parser *p, const uint8_t *data, size_t n, size_t step, char **kept, size_t *kept_n)
{
    char *d = NULL;
    size_t len = 0, given = 0;
    http_parser_init(p, head_max, body_max);
    http_parse_result r = HTTP_PARSE_MORE;
    while (given < n && r == HTTP_PARSE_MORE) {
        size_t take = n - given < step ? n - given : step;
        len = len ? http_parser_compact(p, d, len) : 0;
        char *moved = malloc(len + take);
        if (!moved) abort();
        if (len) memcpy(moved, d, len);
        memcpy(moved + len, data + given, take);
        free(d);
        d = moved;
        len += take;
        given += take;
        do r = http_parse(p, d, len);
        while (r == HTTP_PARSE_HEAD);
    }
    *kept = d;
    *kept_n = n - given + (r == HTTP_PARSE_DONE ? len - p->consumed : 0);
    return r;
}

static void check(bool good)
{
    if (!good) abort();
}

static bool same(const char *a, http_span x, const char *b, http_span y)
{
    return x.len == y.len && (x.len == 0 || memcmp(a + x.at, b + y.at, x.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0) return 0;
    size_t step = 1 + data[0] % 7;
    data++;
    n--;
    http_parser a, b;
    char *da, *db;
    size_t rest_a, rest_b;
    http_parse_result ra = run(&a, data, n, n ? n : 1, &da, &rest_a), rb = run(&b, data, n, step, &db, &rest_b);
    check(ra == rb);
    if (ra == HTTP_PARSE_DONE) {
        check(rest_a == rest_b && a.headers_n == b.headers_n && a.keep_alive == b.keep_alive);
        check(same(da, a.method, db, b.method) && same(da, a.path, db, b.path) && same(da, a.query, db, b.query));
        check(same(da, a.body, db, b.body) && same(da, a.host, db, b.host) && a.body.len <= body_max);
        for (uint32_t i = 0; i < a.headers_n; i++) {
            check(same(da, a.headers[i].name, db, b.headers[i].name) &&
                  same(da, a.headers[i].value, db, b.headers[i].value));
        }
        check(a.path.len > 0 && (da[a.path.at] == '/' || da[a.path.at] == '*'));
    }
    if (ra == HTTP_PARSE_BAD) check(a.status >= 400 && a.reason);
    free(da);
    free(db);
    return 0;
}
