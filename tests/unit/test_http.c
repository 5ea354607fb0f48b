/* The HTTP parser: tables of good and bad requests, each given whole, split in two at every byte, and byte by byte. */
#include "server/http_int.h"
#include "tap.h"

#define H "Host: a.example\r\n"
#define GET "GET / HTTP/1.1\r\n" H

typedef struct good_case {
    const char *text; /* one request; what follows it is `rest` bytes long */
    const char *method, *path, *query, *host, *body;
    unsigned headers;
    bool keep_alive;
    size_t rest;
} good_case;

static const good_case good[] = {
    {GET "\r\n", "GET", "/", "", "a.example", "", 1, true, 0},
    {"\r\n" GET "\r\n", "GET", "/", "", "a.example", "", 1, true, 0},
    {"GET /a/b?c=d&e=[1]{} HTTP/1.1\r\n" H "\r\n", "GET", "/a/b", "c=d&e=[1]{}", "a.example", "", 1, true, 0},
    {"GET /? HTTP/1.1\r\n" H "\r\n", "GET", "/", "", "a.example", "", 1, true, 0},
    {"GET /%7Eme%2F HTTP/1.1\r\n" H "\r\n", "GET", "/%7Eme%2F", "", "a.example", "", 1, true, 0},
    {"GET http://a.example/x?y HTTP/1.1\r\n" H "\r\n", "GET", "/x", "y", "a.example", "", 1, true, 0},
    {"GET http://A.example HTTP/1.1\r\n" H "\r\n", "GET", "/", "", "A.example", "", 1, true, 0},
    {"GET https://a.example?q HTTP/1.1\r\n" H "\r\n", "GET", "/", "q", "a.example", "", 1, true, 0},
    {"GET / HTTP/1.1\r\nHost: [::1]:4466\r\n\r\n", "GET", "/", "", "[::1]:4466", "", 1, true, 0},
    {"GET / HTTP/1.1\r\nHOST:localhost:80 \t\r\n\r\n", "GET", "/", "", "localhost:80", "", 1, true, 0},
    {"OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS", "*", "", "a.example", "", 1, true, 0},
    {"M-SEARCH /x HTTP/1.1\r\n" H "\r\n", "M-SEARCH", "/x", "", "a.example", "", 1, true, 0},
    {GET "X-Empty:\r\nX-Utf: \xc3\xa9\r\n\r\n", "GET", "/", "", "a.example", "", 3, true, 0},
    {GET "Connection: foo, Close\r\n\r\n", "GET", "/", "", "a.example", "", 2, false, 0},
    {GET "Connection: keep-alive\r\n\r\n", "GET", "/", "", "a.example", "", 2, true, 0},
    {"GET / HTTP/1.0\r\n\r\n", "GET", "/", "", "", "", 0, false, 0},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "GET", "/", "", "", "", 1, true, 0},
    {"POST /p HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello", "POST", "/p", "", "a.example", "hello", 2, true, 0},
    {"POST /p HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\nGET", "POST", "/p", "", "a.example", "", 2, true, 3},
    {"POST /p HTTP/1.1\r\n" H "Content-Length: 005\r\n\r\nhelloGET /", "POST", "/p", "", "a.example", "hello", 2, true,
     5},
    {"POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "POST", "/p", "",
     "a.example", "hello", 2, true, 0},
    {"POST /p HTTP/1.1\r\n" H
     "Transfer-Encoding: Chunked\r\n\r\n1;a;b=c;d=\"\\\" f\"\r\nh\r\n00003\r\nell\r\n1;x=\"y\"\r\no\r\n0;z\r\n"
     "Trailer-One: 1\r\nX: 9\r\n\r\nGET",
     "POST", "/p", "", "a.example", "hello", 2, true, 3},
    {"POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0b\r\n0123456789a\r\n0\r\n\r\n",
     "POST", "/p", "", "a.example", "01234567890123456789a", 2, true, 0},
    {"POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "POST", "/p", "", "a.example", "", 2, true,
     0},
    {"POST /p HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 1\r\n\r\nx", "POST", "/p", "", "a.example", "x",
     3, true, 0},
};

typedef struct bad_case {
    const char *text;
    int status;
    const char *why;
} bad_case;

#define POST "POST / HTTP/1.1\r\n" H
#define CH POST "Transfer-Encoding: chunked\r\n\r\n"

static const bad_case bad[] = {
    {"\r\n\r\n", 400, "two empty lines"},
    {"\n" GET "\r\n", 400, "bare LF first"},
    {" GET / HTTP/1.1\r\n", 400, "blank before the method"},
    {"\x16\x03\x01", 400, "a TLS hello"},
    {"GET\r\n", 400, "a method only"},
    {"GET /\r\n", 400, "HTTP/0.9"},
    {"GET  / HTTP/1.1\r\n", 400, "two blanks"},
    {"GET /  HTTP/1.1\r\n", 400, "two blanks before the version"},
    {"GET / HTTP/1.1 \r\n", 400, "a blank at the end"},
    {"GET / b HTTP/1.1\r\n", 400, "a blank in the target"},
    {"GET\t/ HTTP/1.1\r\n", 400, "a tab"},
    {"G(T / HTTP/1.1\r\n", 400, "a method that is no token"},
    {"ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHI / HTTP/1.1\r\n", 400, "a long method"},
    {"GET / HTTP/1.1\n", 400, "bare LF after the request line"},
    {"GET / http/1.1\r\n", 400, "a version in small letters"},
    {"GET / HTTP/11\r\n", 400, "a version without a dot"},
    {"GET / HTTP/1.10\r\n", 400, "a version of two digits"},
    {"GET / HTTP/2.0\r\n", 505, "version 2.0"},
    {"GET / HTTP/1.2\r\n", 505, "version 1.2"},
    {"GET / HTTP/0.9\r\n", 505, "version 0.9"},
    {"PRI * HTTP/2.0\r\n", 505, "the preface of HTTP/2"},
    {"GET * HTTP/1.1\r\n", 400, "an asterisk for GET"},
    {"GET a HTTP/1.1\r\n", 400, "a relative target"},
    {"GET a.example:80 HTTP/1.1\r\n", 400, "an authority for GET"},
    {"CONNECT a.example:80 HTTP/1.1\r\n", 400, "CONNECT"},
    {"GET ftp://a.example/ HTTP/1.1\r\n", 400, "another scheme"},
    {"GET http:///x HTTP/1.1\r\n", 400, "an empty authority"},
    {"GET http://u@a.example/ HTTP/1.1\r\n", 400, "a user"},
    {"GET http://a.example:99999/ HTTP/1.1\r\n", 400, "a port too large"},
    {"GET /#f HTTP/1.1\r\n", 400, "a fragment"},
    {"GET /?a#f HTTP/1.1\r\n", 400, "a fragment in the query"},
    {"GET /a\\b HTTP/1.1\r\n", 400, "a backslash in the path"},
    {"GET /\xc3\xa9 HTTP/1.1\r\n", 400, "bare UTF-8 in the path"},
    {"GET /%4 HTTP/1.1\r\n", 400, "half an escape"},
    {"GET /%zz HTTP/1.1\r\n", 400, "an escape that is none"},
    {"GET / HTTP/1.1\r\n\r\n", 400, "no Host"},
    {GET H "\r\n", 400, "two Hosts"},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "an empty Host"},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "a Host with a blank"},
    {"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", 400, "a list of Hosts"},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "a Host with a path"},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, "a Host with a user"},
    {"GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400, "a Host of a port only"},
    {"GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", 400, "a Host with a bad port"},
    {"GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400, "a Host with two ports"},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400, "half a bracket"},
    {"GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", 400, "text after a bracket"},
    {"GET / HTTP/1.1\r\nHost: [::g]\r\n\r\n", 400, "no hex in brackets"},
    {"GET http://b.example/ HTTP/1.1\r\n" H "\r\n", 400, "Host and target differ"},
    {GET "A : b\r\n\r\n", 400, "a blank before the colon"},
    {GET "A\t: b\r\n\r\n", 400, "a tab before the colon"},
    {GET " A: b\r\n\r\n", 400, "a folded line"},
    {GET "A: b\r\n c\r\n\r\n", 400, "a folded value"},
    {GET "\tA: b\r\n\r\n", 400, "folded by a tab"},
    {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, "a blank before the first header"},
    {GET "A b\r\n\r\n", 400, "no colon"},
    {GET ": b\r\n\r\n", 400, "no name"},
    {GET "A(: b\r\n\r\n", 400, "a name that is no token"},
    {GET "\xc3\xa9: b\r\n\r\n", 400, "a name outside ASCII"},
    {GET "A: b\n\r\n", 400, "bare LF after a header"},
    {GET "A: b\r\n\n", 400, "bare LF after the head"},
    {GET "A: b\rc\r\n\r\n", 400, "bare CR in a value"},
    {GET "A: b\r\r\n\r\n", 400, "CR CR LF"},
    {GET "A: b\x01\r\n\r\n", 400, "a control character"},
    {GET "A: b\x7f\r\n\r\n", 400, "DEL"},
    {GET "Authorization: a\r\nAuthorization: a\r\n\r\n", 400, "two Authorizations"},
    {GET "Origin: a\r\nOrigin: a\r\n\r\n", 400, "two Origins"},
    {GET "Content-Type: a\r\ncontent-type: a\r\n\r\n", 400, "two Content-Types"},
    {POST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400, "the same length twice"},
    {POST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "two lengths"},
    {POST "Content-Length: 1, 1\r\n\r\n", 400, "a list of lengths"},
    {POST "Content-Length: +1\r\n\r\n", 400, "a sign"},
    {POST "Content-Length: -1\r\n\r\n", 400, "a negative length"},
    {POST "Content-Length: 1 1\r\n\r\n", 400, "a length with a blank"},
    {POST "Content-Length: 0x1\r\n\r\n", 400, "a hex length"},
    {POST "Content-Length:\r\n\r\n", 400, "an empty length"},
    {POST "Content-Length: 18446744073709551617\r\n\r\n", 400, "a length that overflows"},
    {POST "Content-Length: 4097\r\n\r\n", 413, "a body over the limit"},
    {POST "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400, "TE and CL"},
    {POST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "CL and TE"},
    {POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "two codings"},
    {POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 400, "a list of codings"},
    {POST "Transfer-Encoding: identity\r\n\r\n", 400, "identity"},
    {POST "Transfer-Encoding: xchunked\r\n\r\n", 400, "nearly chunked"},
    {POST "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n",
     400, "a vertical tab"},
    {POST "Transfer-Encoding:\r\n\r\n", 400, "an empty coding"},
    {POST "Transfer-Encoding : chunked\r\n\r\n", 400, "a blank before the colon of a coding"},
    {"POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n", 400, "chunks in 1.0"},
    {POST "Expect: 200-ok\r\n\r\n", 417, "another expectation"},
    {CH "\r\n", 400, "an empty size"},
    {CH "g\r\n", 400, "no hex"},
    {CH "0x1\r\n", 400, "a prefix"},
    {CH "-1\r\n", 400, "a negative size"},
    {CH " 1\r\n", 400, "a blank before the size"},
    {CH "1 \r\n", 400, "a blank after the size"},
    {CH "1 ;a\r\n", 400, "a blank before the extension"},
    {CH "1;\r\n", 400, "an empty extension"},
    {CH "1;a=\r\n", 400, "an extension without its value"},
    {CH "1;a=\"b\r\n", 400, "an open quote"},
    {CH "1;a=\"b\\\"\r\n", 400, "an escaped closing quote"},
    {CH "1;a b\r\n", 400, "a blank in an extension"},
    {CH "1;\x01\r\n", 400, "a control character in the extension"},
    {CH "1\n", 400, "bare LF after the size"},
    {CH "1\r\nab\r\n", 400, "a chunk longer than its size"},
    {CH "1\r\na\n", 400, "bare LF after a chunk"},
    {CH "1\r\na\rb", 400, "CR without LF after a chunk"},
    {CH "0000000000000001\r\n", 400, "too many digits"},
    {CH "ffffffffffffffff\r\n", 400, "a size that overflows"},
    {CH "1001\r\n", 413, "a chunk over the limit"},
    {CH "0\r\nA b\r\n\r\n", 400, "a bad trailer"},
    {CH "0\r\nContent-Length: 9\r\n\r\n", 400, "a length in the trailers"},
    {CH "0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "a coding in the trailers"},
    {CH "0\r\nHost: b\r\n\r\n", 400, "a host in the trailers"},
    {CH "0\r\n a: b\r\n\r\n", 400, "a folded trailer"},
    {CH "0\r\n\n", 400, "bare LF after the last chunk"},
};

enum { HEAD_MAX = 2048, BODY_MAX = 4096 };

/* Gives the first `n1` bytes, then `step` more at a time. The buffer moves on every call, and gaps are closed. */
static http_parse_result feed(http_parser *p, char **data, const char *text, size_t n, size_t n1, size_t step,
                              bool compact, size_t *kept)
{
    http_parser_init(p, HEAD_MAX, BODY_MAX);
    char *d = malloc(n + 1);
    if (!d) abort();
    memcpy(d, text, n1);
    size_t given = n1, len = n1;
    http_parse_result r;
    for (;;) {
        r = http_parse(p, d, len);
        if (r == HTTP_PARSE_HEAD) continue;
        if (r != HTTP_PARSE_MORE || given == n) break;
        if (compact) len = http_parser_compact(p, d, len);
        size_t take = n - given < step ? n - given : step;
        char *moved = malloc(len + take);
        if (!moved) abort();
        memcpy(moved, d, len);
        memcpy(moved + len, text + given, take);
        free(d);
        d = moved;
        given += take;
        len += take;
    }
    *data = d;
    *kept = n - given + len - (r == HTTP_PARSE_DONE ? p->consumed : 0);
    return r;
}

static bool same(const char *d, http_span s, const char *want)
{
    return s.len == strlen(want) && (s.len == 0 || memcmp(d + s.at, want, s.len) == 0);
}

static bool check_good(const good_case *c, size_t n1, size_t step, bool compact)
{
    http_parser p;
    char *d;
    size_t rest;
    http_parse_result r = feed(&p, &d, c->text, strlen(c->text), n1, step, compact, &rest);
    bool good_one = r == HTTP_PARSE_DONE && same(d, p.method, c->method) && same(d, p.path, c->path) &&
                    same(d, p.query, c->query) && same(d, p.host, c->host) && same(d, p.body, c->body) &&
                    p.headers_n == c->headers && p.keep_alive == c->keep_alive && rest == c->rest;
    if (!good_one)
        diag("first %zu, step %zu: result %d, status %d, %s, rest %zu", n1, step, r, p.status,
             p.reason ? p.reason : "-", rest);
    free(d);
    return good_one;
}

static void test_good(void)
{
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const good_case *c = &good[i];
        size_t n = strlen(c->text);
        bool all_good = check_good(c, n, 1, false) && check_good(c, 0, 1, false) && check_good(c, 0, 1, true);
        for (size_t k = 0; k <= n && all_good; k++) all_good = check_good(c, k, n, k % 2);
        ok(all_good, "good request %zu: %.40s", i, c->text);
    }
}

static bool check_bad(const bad_case *c, size_t n1, size_t step)
{
    http_parser p;
    char *d;
    size_t rest;
    http_parse_result r = feed(&p, &d, c->text, strlen(c->text), n1, step, true, &rest);
    bool good_one = r == HTTP_PARSE_BAD && p.status == c->status && p.reason && !p.keep_alive;
    if (!good_one)
        diag("first %zu, step %zu: result %d, status %d, %s", n1, step, r, p.status, p.reason ? p.reason : "-");
    if (r == HTTP_PARSE_BAD) good_one = good_one && http_parse(&p, d, strlen(c->text)) == HTTP_PARSE_BAD;
    free(d);
    return good_one;
}

static void test_bad(void)
{
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const bad_case *c = &bad[i];
        size_t n = strlen(c->text);
        bool all_good = check_bad(c, n, 1) && check_bad(c, 0, 1);
        for (size_t k = 0; k <= n && all_good; k++) all_good = check_bad(c, k, n);
        ok(all_good, "refused with %d: %s", c->status, c->why);
    }
    static const char nul[] = GET "A: b\0c\r\n\r\n";
    http_parser p;
    char *d;
    size_t rest;
    ok(feed(&p, &d, nul, sizeof nul - 1, 0, 1, false, &rest) == HTTP_PARSE_BAD, "refused: a NUL byte in a value");
    free(d);
}

/* At the limit and one past it. */
static http_parse_result sized(const char *before, size_t fill, const char *after, int *status)
{
    size_t a = strlen(before), b = strlen(after), n = a + fill + b;
    char *text = malloc(n + 1);
    if (!text) abort();
    memcpy(text, before, a);
    memset(text + a, 'a', fill);
    memcpy(text + a + fill, after, b);
    http_parser p;
    char *d;
    size_t rest;
    http_parse_result whole = feed(&p, &d, text, n, n, 1, true, &rest);
    free(d);
    http_parse_result bytes = feed(&p, &d, text, n, 0, 1, true, &rest);
    free(d);
    free(text);
    *status = p.status;
    return whole == bytes ? whole : HTTP_PARSE_MORE;
}

static void test_limits(void)
{
    int status;
    size_t around = strlen(GET "X: \r\n\r\n");
    ok(sized(GET "X: ", HEAD_MAX - around, "\r\n\r\n", &status) == HTTP_PARSE_DONE, "a head of the limit");
    ok(sized(GET "X: ", HEAD_MAX - around + 1, "\r\n\r\n", &status) == HTTP_PARSE_BAD && status == 431,
       "one byte more");
    ok(sized("GET /", HEAD_MAX, "", &status) == HTTP_PARSE_BAD && status == 414, "a long request line");
    ok(sized(POST "Content-Length: 4096\r\n\r\n", 4096, "", &status) == HTTP_PARSE_DONE, "a body of the limit");
    ok(sized(CH "1000\r\n", 4096, "\r\n0\r\n\r\n", &status) == HTTP_PARSE_DONE, "in one chunk");
    ok(sized(CH "fff\r\n", 4095, "\r\n1\r\nx\r\n0\r\n\r\n", &status) == HTTP_PARSE_DONE, "in two");
    ok(sized(CH "fff\r\n", 4095, "\r\n2\r\n", &status) == HTTP_PARSE_BAD && status == 413, "one byte more");
    ok(sized(CH "1;", 600, "\r\nx\r\n", &status) == HTTP_PARSE_BAD && status == 400, "a long chunk extension");
    ok(sized(CH "0\r\nA: ", HEAD_MAX, "\r\n\r\n", &status) == HTTP_PARSE_BAD && status == 431, "long trailers");

    char many[16 * (NICOL_HEADERS_MAX + 2)] = GET;
    for (int i = 1; i < NICOL_HEADERS_MAX; i++) strcat(many, "a:\r\n");
    http_parser p;
    char *d;
    size_t rest, n = strlen(many);
    memcpy(many + n, "\r\n", 3);
    ok(feed(&p, &d, many, n + 2, n + 2, 1, false, &rest) == HTTP_PARSE_DONE, "100 headers");
    free(d);
    memcpy(many + n, "a:\r\n\r\n", 7);
    ok(feed(&p, &d, many, n + 6, n + 6, 1, false, &rest) == HTTP_PARSE_BAD && p.status == 431, "101 headers");
    free(d);
}

static void test_pipeline(void)
{
    char data[] = GET "\r\n" POST "Content-Length: 2\r\n\r\nhiGET /3 HTTP/1.1\r\n" H "\r\n";
    size_t at = 0, n = sizeof data - 1;
    static const char *const paths[] = {"/", "/", "/3"};
    for (int i = 0; i < 3; i++) {
        http_parser p;
        http_parser_init(&p, HEAD_MAX, BODY_MAX);
        http_parse_result r = http_parse(&p, data + at, n - at);
        if (r == HTTP_PARSE_HEAD) r = http_parse(&p, data + at, n - at);
        ok(r == HTTP_PARSE_DONE && same(data + at, p.path, paths[i]), "request %d of a pipeline", i + 1);
        at += p.consumed;
    }
    ok(at == n, "nothing is left");
    /* A body in one-byte chunks takes its own size, not that of its frames. */
    http_parser p;
    char d[512] = CH;
    size_t len = strlen(CH), most = 0;
    http_parser_init(&p, HEAD_MAX, BODY_MAX);
    ok(http_parse(&p, d, len) == HTTP_PARSE_HEAD, "head");
    bool fine = true;
    for (int i = 0; i < 100; i++) {
        memcpy(d + len, "1\r\nx\r\n", 6);
        len += 6;
        fine = fine && http_parse(&p, d, len) == HTTP_PARSE_MORE;
        len = http_parser_compact(&p, d, len);
        if (len > most) most = len;
    }
    ok(fine && p.body.len == 100 && most <= strlen(CH) + 100, "one-byte chunks are joined in place (%zu)", most);
}

static void test_messages(void)
{
    FOR_EACH_FAULT(m, "decoding and headers") {
        arena *a = arena_new(m, 1 << 20);
        if (!a) continue;
        http_header h[] = {{S("host"), S("x")}, {S("x-empty"), S("")}, {S("accept"), S("1")}, {S("accept"), S("2")}};
        http_request rq = {.headers = h, .headers_n = 4, .arena = a, .query = S("a=1&b%20c=d+e%2B&f&g=%zz&h=%00&a=2")};
        nicol_str v = {NULL, 0};
        is_str(http_header_get(&rq, S("accept")), S("1"));
        ok(http_header_get(&rq, S("x-empty")).ptr != NULL, "an empty header is there");
        ok(http_header_get(&rq, S("none")).ptr == NULL, "an absent one is not");
        if (http_query_get(&rq, S("a"), &v)) is_str(v, S("1"));
        if (http_query_get(&rq, S("b c"), &v)) is_str(v, S("d e+"));
        ok(http_query_get(&rq, S("f"), &v) ? v.len == 0 : tap_faulted(m), "a parameter without a value");
        ok(!http_query_get(&rq, S("g"), &v) && !http_query_get(&rq, S("h"), &v), "bad escapes");
        ok(!http_query_get(&rq, S("none"), &v), "absent");
        http_response rs = {0};
        buf_init(&rs.extra, m, 64);
        bool added = http_add_header(&rs, S("x-a"), S("1"));
        ok(added || tap_faulted(m), "added");
        ok(!http_add_header(&rs, S("x a"), S("1")) && !http_add_header(&rs, S(""), S("1")), "a bad name");
        ok(!http_add_header(&rs, S("x-a"), S("1\r\nSet-Cookie: x")) && !http_add_header(&rs, S("x"), str_of("a\0b", 3)),
           "a value that would split the answer");
        if (added) is_str(buf_view(&rs.extra), S("x-a: 1\r\n"));
        char big[100];
        memset(big, 'a', sizeof big);
        ok(!http_add_header(&rs, S("x-b"), str_of(big, sizeof big)), "past the limit");
        if (added) is_str(buf_view(&rs.extra), S("x-a: 1\r\n"));
        buf_free(&rs.extra);
        arena_free(a);
    }
}

/* `test_http --verdicts`: requests on standard input (a length of four bytes, then the bytes), a line of JSON for each
 * on standard output; tests/e2e/http_against_node.js compares them with what another parser says. */
static void put_hex(const char *name, const char *d, http_span s)
{
    printf("\"%s\":\"", name);
    for (uint32_t i = 0; i < s.len; i++) printf("%02x", (unsigned char)d[s.at + i]);
    printf("\"");
}

static int verdicts(void)
{
    uint32_t n;
    static char d[1 << 20];
    while (fread(&n, sizeof n, 1, stdin) == 1) {
        if (n > sizeof d || fread(d, 1, n, stdin) != n) return 2;
        http_parser p;
        http_parser_init(&p, HEAD_MAX, BODY_MAX);
        http_parse_result r;
        do r = http_parse(&p, d, n);
        while (r == HTTP_PARSE_HEAD);
        printf("{\"verdict\":%d,\"status\":%d,\"consumed\":%zu,\"keep\":%s,", (int)r, p.status, p.consumed,
               p.keep_alive ? "true" : "false");
        if (r == HTTP_PARSE_DONE) {
            put_hex("method", d, p.method), printf(",");
            put_hex("target", d, p.target), printf(",");
            put_hex("body", d, p.body), printf(",\"headers\":[");
            for (uint32_t i = 0; i < p.headers_n; i++) {
                printf("%s{", i ? "," : "");
                put_hex("name", d, p.headers[i].name), printf(",");
                put_hex("value", d, p.headers[i].value), printf("}");
            }
            printf("],");
        }
        printf("\"n\":%u}\n", n);
    }
    return 0;
}

/* The table's requests in the form that --verdicts reads, as seeds. */
static int seeds(void)
{
    for (size_t i = 0; i < sizeof good / sizeof good[0] + sizeof bad / sizeof bad[0]; i++) {
        size_t goods = sizeof good / sizeof good[0];
        const char *text = i < goods ? good[i].text : bad[i - goods].text;
        uint32_t n = (uint32_t)strlen(text);
        if (fwrite(&n, sizeof n, 1, stdout) != 1 || fwrite(text, 1, n, stdout) != n) return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--verdicts") == 0) return verdicts();
    if (argc > 1 && strcmp(argv[1], "--seeds") == 0) return seeds();
    test_good();
    test_bad();
    test_limits();
    test_pipeline();
    test_messages();
    return done_testing();
}
