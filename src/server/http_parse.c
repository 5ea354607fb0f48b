/* server/http_parse.c - HTTP/1.1 requests, read strictly (RFC 9112), a line at a time.
 *
 * Where the standard lets a recipient be generous this one is not: two readers of one byte stream that differ in their
 * generosity are how requests are smuggled. So a length may be said once and in one way, lines end in CR LF, nothing
 * stands between a name and its colon, and no line is folded. Pure: bytes in, spans out, no memory taken.
 */
#include "server/http_int.h"

#define SPAN_MAX ((size_t)1 << 31) /* spans are 32 bits wide: head and body together fit */
enum { METHOD_MAX = 32, CHUNK_LINE_MAX = 512, CHUNK_DIGITS_MAX = 15, LENGTH_DIGITS_MAX = 18 };

/* --- characters ------------------------------------------------------------------------------------------------------- */

enum {
    C_TOKEN = 1, /* RFC 9110 tchar */
    C_VALUE = 2, /* field-vchar, blank, tab */
    C_PATH = 4,  /* RFC 3986 pchar, '/', '%' */
    C_QUERY = 8, /* any visible ASCII but '#': clients send brackets and braces bare */
    C_HOST = 16, /* names and addresses: no user, no escape */
    C_HEX = 32,
};

static const unsigned char kinds[256] = {
    0,  0,  0,  0,  0,  0,  0,  0,  0,  2,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
    0,  0,  0,  2,  15, 10, 3,  15, 15, 15, 15, 14, 14, 15, 15, 14, 31, 31, 14, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
    30, 14, 10, 14, 10, 10, 14, 63, 63, 63, 63, 63, 63, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31,
    31, 31, 31, 31, 26, 10, 26, 11, 31, 11, 63, 63, 63, 63, 63, 63, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31, 31,
    31, 31, 31, 31, 31, 31, 31, 10, 11, 10, 15, 0,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
    2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
    2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
    2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
    2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,  2,
};

static bool all(const char *p, size_t n, unsigned kind)
{
    unsigned char left = (unsigned char)kind;
    for (size_t i = 0; i < n; i++) left &= kinds[(unsigned char)p[i]];
    return left != 0;
}

static bool is_kind(char c, unsigned kind)
{
    return (kinds[(unsigned char)c] & kind) != 0;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static nicol_str text_of(const char *data, http_span s)
{
    return str_of(data + s.at, s.len);
}

static http_span span(size_t at, size_t len)
{
    return (http_span){(uint32_t)at, (uint32_t)len};
}

/* --- refusing --------------------------------------------------------------------------------------------------------- */

static http_parse_result refuse(http_parser *p, int status, const char *reason)
{
    p->state = HTTP_PS_BAD;
    p->status = status;
    p->reason = reason;
    p->keep_alive = false;
    return HTTP_PARSE_BAD;
}

void http_parser_init(http_parser *p, size_t head_max, size_t body_max)
{
    /* The table of headers is not cleared: headers_n says how much of it counts. */
    memset(p, 0, offsetof(http_parser, headers));
    p->head_max = head_max < SPAN_MAX ? head_max : SPAN_MAX;
    p->body_max = body_max < SPAN_MAX ? body_max : SPAN_MAX;
}

/* --- lines ------------------------------------------------------------------------------------------------------------ */

typedef struct line {
    char *at;
    size_t len;
    size_t offset;
} line;

/* 1: a whole line, without its CR LF; 0: not there yet; -1: it ends in a bare LF. */
static int next_line(http_parser *p, char *data, size_t n, line *out)
{
    char *lf = n > p->scan ? memchr(data + p->scan, '\n', n - p->scan) : NULL;
    if (!lf) {
        p->scan = n;
        return 0;
    }
    size_t end = (size_t)(lf - data);
    if (end == p->line || lf[-1] != '\r') return -1;
    *out = (line){data + p->line, end - 1 - p->line, p->line};
    p->line = p->scan = end + 1;
    return 1;
}

/* --- the request line ------------------------------------------------------------------------------------------------- */

/* host[:port], where host is a name, an IPv4 address or a bracketed IPv6 address. */
static bool authority_is_good(const char *s, size_t n)
{
    if (n == 0 || n > 255 || !all(s, n, C_HOST)) return false;
    size_t i = 0;
    if (s[0] == '[') {
        while (i < n && s[i] != ']') i++;
        if (i == n || i < 3) return false;
        if (memchr(s + 1, '[', i - 1)) return false;
        for (size_t k = 1; k < i; k++) {
            if (!is_kind(s[k], C_HEX) && s[k] != ':' && s[k] != '.') return false;
        }
        i++;
    } else {
        while (i < n && s[i] != ':') {
            if (s[i] == '[' || s[i] == ']') return false;
            i++;
        }
        if (i == 0) return false;
    }
    if (i == n) return true;
    if (s[i] != ':') return false;
    size_t digits = n - i - 1;
    if (digits > 5) return false;
    unsigned port = 0;
    for (i++; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return false;
        port = port * 10 + (unsigned)(s[i] - '0');
    }
    return port <= 65535;
}

/* Escapes must be whole; what they stand for is the caller's to judge. */
static bool path_is_good(const char *s, size_t n)
{
    if (n == 0 || s[0] != '/' || !all(s, n, C_PATH)) return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] != '%') continue;
        if (n - i < 3 || !is_kind(s[i + 1], C_HEX) || !is_kind(s[i + 2], C_HEX)) return false;
        i += 2;
    }
    return true;
}

static bool read_target(http_parser *p, const char *data)
{
    size_t at = p->target.at, n = p->target.len;
    const char *t = data + at;
    if (n == 1 && t[0] == '*') {
        p->path = p->target;
        return str_eq(text_of(data, p->method), S("OPTIONS"));
    }
    size_t path = 0;
    if (t[0] != '/') {
        size_t scheme = n > 7 && str_ieq(str_of(t, 7), S("http://"))    ? 7
                        : n > 8 && str_ieq(str_of(t, 8), S("https://")) ? 8
                                                                        : 0;
        if (scheme == 0) return false;
        path = scheme;
        while (path < n && t[path] != '/' && t[path] != '?') path++;
        if (!authority_is_good(t + scheme, path - scheme)) return false;
        p->host = span(at + scheme, path - scheme);
        p->absolute = true;
    }
    const char *q = memchr(t + path, '?', n - path);
    size_t end = q ? (size_t)(q - t) : n;
    /* "http://host" means its root: the scheme lends a '/'. */
    p->path = end > path || !p->absolute ? span(at + path, end - path) : span((size_t)p->host.at - 1, 1);
    if (q) p->query = span(at + end + 1, n - end - 1);
    return path_is_good(data + p->path.at, p->path.len) &&
           (!q || p->query.len == 0 || all(q + 1, p->query.len, C_QUERY));
}

static http_parse_result read_request_line(http_parser *p, const char *data, line l)
{
    const char *blank = memchr(l.at, ' ', l.len);
    size_t method = blank ? (size_t)(blank - l.at) : l.len;
    if (!blank || method == 0 || method > METHOD_MAX || !all(l.at, method, C_TOKEN))
        return refuse(p, 400, "the request line does not start with a method");
    const char *target = blank + 1;
    size_t rest = l.len - method - 1;
    const char *second = memchr(target, ' ', rest);
    if (!second || second == target) return refuse(p, 400, "the request line has no target or no version");
    size_t target_len = (size_t)(second - target);
    nicol_str version = str_of(second + 1, rest - target_len - 1);
    if (version.len != 8 || !str_starts(version, S("HTTP/")) || version.ptr[5] < '0' || version.ptr[5] > '9' ||
        version.ptr[6] != '.' || version.ptr[7] < '0' || version.ptr[7] > '9')
        return refuse(p, 400, "the request line does not end with a version");
    if (version.ptr[5] != '1' || version.ptr[7] > '1')
        return refuse(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    p->http10 = version.ptr[7] == '0';
    p->method = span(l.offset, method);
    p->target = span(l.offset + method + 1, target_len);
    if (str_eq(text_of(data, p->method), S("CONNECT"))) return refuse(p, 400, "this is not a proxy");
    if (!read_target(p, data)) return refuse(p, 400, "the target of the request is not valid");
    p->state = HTTP_PS_HEADERS;
    return HTTP_PARSE_MORE;
}

/* --- header fields ---------------------------------------------------------------------------------------------------- */

enum {
    ONCE_HOST = 1,
    ONCE_LENGTH = 2,
    ONCE_CODING = 4,
    ONCE_TYPE = 8,
    ONCE_AUTH = 16,
    ONCE_ORIGIN = 32,
    ONCE_EXPECT = 64
};

/* The members of a list of tokens that matter; anything else in it is somebody else's business. */
static void read_connection(http_parser *p, nicol_str value)
{
    while (value.len) {
        nicol_str item = str_trim(str_cut(&value, ','));
        if (str_ieq(item, S("close"))) p->said_close = true;
        if (str_ieq(item, S("keep-alive"))) p->said_keep_alive = true;
    }
}

static bool read_length(http_parser *p, nicol_str value)
{
    if (value.len == 0 || value.len > LENGTH_DIGITS_MAX) return false;
    uint64_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9') return false;
        n = n * 10 + (unsigned)(value.ptr[i] - '0');
    }
    p->length = n;
    p->has_length = true;
    return true;
}

/* What the core itself must know. NULL, or the reason for a refusal (400 unless p->status says otherwise). */
static const char *read_known(http_parser *p, nicol_str name, http_span at, nicol_str value)
{
    unsigned once = 0;
    const char *bad = NULL;
    switch (name.len) {
    case 4:
        if (!str_eq(name, S("host"))) break;
        once = ONCE_HOST;
        if (!authority_is_good(value.ptr, value.len)) bad = "the Host header is not valid";
        if (!p->absolute) p->host = at;
        p->has_host = true;
        break;
    case 6:
        if (str_eq(name, S("origin"))) once = ONCE_ORIGIN;
        if (!str_eq(name, S("expect"))) break;
        once = ONCE_EXPECT;
        p->expect_continue = true;
        if (!str_ieq(value, S("100-continue"))) {
            p->status = 417;
            bad = "the only expectation that can be met is 100-continue";
        }
        break;
    case 10:
        if (str_eq(name, S("connection"))) read_connection(p, value);
        break;
    case 12:
        if (str_eq(name, S("content-type"))) once = ONCE_TYPE;
        break;
    case 13:
        if (str_eq(name, S("authorization"))) once = ONCE_AUTH;
        break;
    case 14:
        if (!str_eq(name, S("content-length"))) break;
        once = ONCE_LENGTH;
        if (!read_length(p, value)) bad = "the Content-Length header is not a number";
        break;
    case 17:
        if (!str_eq(name, S("transfer-encoding"))) break;
        once = ONCE_CODING;
        p->chunked = true;
        if (!str_ieq(value, S("chunked"))) bad = "the only transfer coding that is understood is chunked";
        break;
    default:
        break;
    }
    if (!bad && (p->seen_once & once)) bad = "a header that may stand once stands twice";
    p->seen_once |= once;
    return bad;
}

/* name ":" OWS value OWS. NULL or the reason for a refusal. Lowers the name. */
static const char *split_field(line l, size_t *name_len, size_t *value_at, size_t *value_len)
{
    if (l.at[0] == ' ' || l.at[0] == '\t') return "a header line is folded";
    char *colon = memchr(l.at, ':', l.len);
    if (!colon) return "a header line has no colon";
    size_t name = (size_t)(colon - l.at);
    if (name == 0 || !all(l.at, name, C_TOKEN)) return "the name of a header is not valid";
    for (size_t i = 0; i < name; i++) l.at[i] = lower(l.at[i]);
    size_t from = name + 1, to = l.len;
    while (from < to && (l.at[from] == ' ' || l.at[from] == '\t')) from++;
    while (to > from && (l.at[to - 1] == ' ' || l.at[to - 1] == '\t')) to--;
    if (to > from && !all(l.at + from, to - from, C_VALUE)) return "the value of a header holds a control character";
    *name_len = name;
    *value_at = from;
    *value_len = to - from;
    return NULL;
}

static http_parse_result read_header(http_parser *p, const char *data, line l)
{
    size_t name = 0, at = 0, len = 0;
    const char *bad = split_field(l, &name, &at, &len);
    if (bad) return refuse(p, 400, bad);
    if (p->headers_n == NICOL_HEADERS_MAX) return refuse(p, 431, "the request has too many headers");
    http_span value = span(l.offset + at, len);
    p->headers[p->headers_n].name = span(l.offset, name);
    p->headers[p->headers_n++].value = value;
    bad = read_known(p, str_of(l.at, name), value, text_of(data, value));
    return bad ? refuse(p, p->status ? p->status : 400, bad) : HTTP_PARSE_MORE;
}

/* The empty line after the head: what the headers say together. */
static http_parse_result end_head(http_parser *p, const char *data)
{
    p->head_end = p->line;
    p->body = span(p->head_end, 0);
    p->keep_alive = p->http10 ? p->said_keep_alive && !p->said_close : !p->said_close;
    if (!p->has_host && !p->http10) return refuse(p, 400, "the Host header is missing");
    if (p->absolute && p->has_host) {
        for (uint32_t i = 0; i < p->headers_n; i++) {
            if (str_eq(text_of(data, p->headers[i].name), S("host")) &&
                !str_ieq(text_of(data, p->headers[i].value), text_of(data, p->host)))
                return refuse(p, 400, "the Host header and the target name different hosts");
        }
    }
    if (p->chunked && p->has_length) return refuse(p, 400, "Content-Length and Transfer-Encoding exclude each other");
    if (p->chunked && p->http10) return refuse(p, 400, "HTTP/1.0 has no Transfer-Encoding");
    if (p->http10) p->expect_continue = false;
    if (p->chunked) {
        p->state = HTTP_PS_CHUNK_SIZE;
        return HTTP_PARSE_HEAD;
    }
    if (p->length == 0) {
        p->state = HTTP_PS_DONE;
        p->consumed = p->head_end;
        return HTTP_PARSE_DONE;
    }
    if (p->length > p->body_max) return refuse(p, 413, "the body of the request is larger than the limit");
    p->state = HTTP_PS_BODY_LENGTH;
    return HTTP_PARSE_HEAD;
}

static http_parse_result read_head(http_parser *p, char *data, size_t n)
{
    while (p->state == HTTP_PS_REQUEST_LINE || p->state == HTTP_PS_HEADERS) {
        bool first = p->state == HTTP_PS_REQUEST_LINE;
        /* Another protocol on this port is told at once, not when its time is up. */
        if (first && n > p->line && !is_kind(data[p->line], C_TOKEN) && data[p->line] != '\r')
            return refuse(p, 400, "this is not an HTTP request");
        line l;
        int got = next_line(p, data, n, &l);
        if (got < 0) return refuse(p, 400, "a line does not end in CR LF");
        if (got == 0 ? n > p->head_max : p->line > p->head_max)
            return first ? refuse(p, 414, "the request line is too long") : refuse(p, 431, "the head is too long");
        if (got == 0) return HTTP_PARSE_MORE;
        http_parse_result r;
        if (first && l.len == 0) r = l.offset == 0 ? HTTP_PARSE_MORE : refuse(p, 400, "empty lines before the request");
        else if (first) r = read_request_line(p, data, l);
        else if (l.len == 0) return end_head(p, data);
        else r = read_header(p, data, l);
        if (r == HTTP_PARSE_BAD) return r;
    }
    return HTTP_PARSE_MORE;
}

/* --- the body --------------------------------------------------------------------------------------------------------- */

static http_parse_result read_body_length(http_parser *p, size_t n)
{
    if (n - p->head_end < p->length) return HTTP_PARSE_MORE;
    p->body = span(p->head_end, (size_t)p->length);
    p->consumed = p->head_end + (size_t)p->length;
    p->state = HTTP_PS_DONE;
    return HTTP_PARSE_DONE;
}

/* *( ";" token [ "=" ( token / quoted-string ) ] ) */
static bool extensions_are_good(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n) {
        if (s[i++] != ';') return false;
        size_t from = i;
        while (i < n && is_kind(s[i], C_TOKEN)) i++;
        if (i == from) return false;
        if (i == n || s[i] != '=') continue;
        from = ++i;
        if (i < n && s[i] == '"') {
            for (i++; i < n && s[i] != '"'; i++) {
                if (s[i] == '\\') i++;
            }
            if (i >= n) return false;
            i++;
        } else {
            while (i < n && is_kind(s[i], C_TOKEN)) i++;
            if (i == from) return false;
        }
    }
    return true;
}

/* hex *extension. Extensions are passed over, as the standard asks. */
static http_parse_result read_chunk_size(http_parser *p, line l)
{
    size_t i = 0;
    uint64_t size = 0;
    for (; i < l.len && i < CHUNK_DIGITS_MAX && is_kind(l.at[i], C_HEX); i++) {
        char c = lower(l.at[i]);
        size = size << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (i == 0) return refuse(p, 400, "the size of a chunk is not valid");
    if (i < l.len && (!all(l.at + i, l.len - i, C_VALUE) || !extensions_are_good(l.at + i, l.len - i)))
        return refuse(p, 400, "the size of a chunk is not valid");
    if (size > p->body_max - p->body.len) return refuse(p, 413, "the body of the request is larger than the limit");
    p->chunk_left = size;
    p->state = size ? HTTP_PS_CHUNK_DATA : HTTP_PS_TRAILERS;
    return HTTP_PARSE_MORE;
}

/* Moves what is there of the chunk to the end of the body. True when the chunk is complete. */
static bool join_chunk(http_parser *p, char *data, size_t n)
{
    size_t there = n - p->line;
    size_t take = there < p->chunk_left ? there : (size_t)p->chunk_left;
    char *to = data + p->body.at + p->body.len;
    if (take && to != data + p->line) memmove(to, data + p->line, take);
    p->body.len += (uint32_t)take;
    p->chunk_left -= take;
    p->line += take;
    p->scan = p->line;
    return p->chunk_left == 0;
}

/* Trailers are checked and dropped: nothing here looks at them, and merging them into the headers is a known trap. */
static http_parse_result read_trailer(http_parser *p, line l)
{
    if (l.len == 0) {
        p->consumed = p->line;
        p->state = HTTP_PS_DONE;
        return HTTP_PARSE_DONE;
    }
    size_t name = 0, at = 0, len = 0;
    const char *bad = split_field(l, &name, &at, &len);
    if (bad) return refuse(p, 400, bad);
    nicol_str n = str_of(l.at, name);
    if (str_eq(n, S("content-length")) || str_eq(n, S("transfer-encoding")) || str_eq(n, S("host")))
        return refuse(p, 400, "a trailer that belongs in the head");
    p->trailer_bytes += l.len + 2;
    if (p->trailer_bytes > p->head_max) return refuse(p, 431, "the trailers are too long");
    return HTTP_PARSE_MORE;
}

static http_parse_result read_chunked(http_parser *p, char *data, size_t n)
{
    for (;;) {
        if (p->state == HTTP_PS_CHUNK_DATA) {
            if (!join_chunk(p, data, n)) return HTTP_PARSE_MORE;
            p->state = HTTP_PS_CHUNK_END;
        }
        if (p->state == HTTP_PS_CHUNK_END) {
            size_t there = n - p->line;
            if ((there > 0 && data[p->line] != '\r') || (there > 1 && data[p->line + 1] != '\n'))
                return refuse(p, 400, "a chunk is longer than its size");
            if (there < 2) return HTTP_PARSE_MORE;
            p->line += 2;
            p->scan = p->line;
            p->state = HTTP_PS_CHUNK_SIZE;
        }
        line l;
        int got = next_line(p, data, n, &l);
        if (got < 0) return refuse(p, 400, "a line does not end in CR LF");
        size_t max = p->state == HTTP_PS_CHUNK_SIZE ? CHUNK_LINE_MAX : p->head_max;
        if ((got == 0 ? n - p->line : l.len) > max)
            return p->state == HTTP_PS_CHUNK_SIZE ? refuse(p, 400, "the size of a chunk is not valid")
                                                  : refuse(p, 431, "the trailers are too long");
        if (got == 0) return HTTP_PARSE_MORE;
        http_parse_result r = p->state == HTTP_PS_CHUNK_SIZE ? read_chunk_size(p, l) : read_trailer(p, l);
        if (r != HTTP_PARSE_MORE) return r;
    }
}

http_parse_result http_parse(http_parser *p, char *data, size_t n)
{
    switch (p->state) {
    case HTTP_PS_REQUEST_LINE:
    case HTTP_PS_HEADERS:
        return read_head(p, data, n);
    case HTTP_PS_BODY_LENGTH:
        return read_body_length(p, n);
    case HTTP_PS_CHUNK_SIZE:
    case HTTP_PS_CHUNK_DATA:
    case HTTP_PS_CHUNK_END:
    case HTTP_PS_TRAILERS:
        return read_chunked(p, data, n);
    case HTTP_PS_DONE:
        return HTTP_PARSE_DONE;
    case HTTP_PS_BAD:
        break;
    }
    return HTTP_PARSE_BAD;
}

size_t http_parser_compact(http_parser *p, char *data, size_t n)
{
    bool joining = p->state == HTTP_PS_CHUNK_SIZE || p->state == HTTP_PS_CHUNK_DATA || p->state == HTTP_PS_CHUNK_END ||
                   p->state == HTTP_PS_TRAILERS;
    size_t end = (size_t)p->body.at + p->body.len;
    if (!joining || p->line <= end) return n;
    size_t gap = p->line - end;
    memmove(data + end, data + p->line, n - p->line);
    p->line -= gap;
    p->scan -= gap;
    return n - gap;
}
