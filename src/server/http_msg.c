/* server/http_msg.c - what handlers use on requests and responses: look-ups, decoding, headers. No I/O. */
#include "server/http_int.h"

nicol_str http_header_get(const http_request *rq, nicol_str name_lower)
{
    for (size_t i = 0; i < rq->headers_n; i++) {
        if (str_eq(rq->headers[i].name, name_lower)) return rq->headers[i].value;
    }
    return (nicol_str){NULL, 0};
}

static int hex(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool http_percent_decode(arena *a, nicol_str s, bool plus_is_blank, nicol_str *out)
{
    char *to = arena_alloc(a, s.len + 1);
    if (!to) return false;
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            int hi = s.len - i >= 3 ? hex(s.ptr[i + 1]) : -1;
            int lo = hi >= 0 ? hex(s.ptr[i + 2]) : -1;
            if (lo < 0) return false;
            c = (char)(hi << 4 | lo);
            i += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        if (c == 0) return false;
        to[n++] = c;
    }
    to[n] = 0;
    *out = str_of(to, n);
    return true;
}

bool http_query_get(const http_request *rq, nicol_str name, nicol_str *value)
{
    nicol_str rest = rq->query;
    while (rest.len) {
        nicol_str item = str_cut(&rest, '&');
        nicol_str key = str_cut(&item, '=');
        arena_mark at = arena_save(rq->arena);
        nicol_str plain;
        if (!http_percent_decode(rq->arena, key, true, &plain)) return false;
        bool same = str_eq(plain, name);
        arena_rewind(rq->arena, at);
        if (same) return http_percent_decode(rq->arena, item, true, value);
    }
    return false;
}

static bool is_token(nicol_str s)
{
    if (s.len == 0) return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (c && strchr("!#$%&'*+-.^_`|~", c));
        if (!good) return false;
    }
    return true;
}

static bool is_value(nicol_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
    }
    return true;
}

bool http_add_header(http_response *rs, nicol_str name, nicol_str value)
{
    if (!is_token(name) || !is_value(value)) return false;
    size_t before = rs->extra.len;
    buf_str(&rs->extra, name);
    buf_lit(&rs->extra, ": ");
    buf_str(&rs->extra, value);
    buf_lit(&rs->extra, "\r\n");
    if (!buf_failed(&rs->extra)) return true;
    rs->extra.len = before; /* no half header; the failure stays and makes the answer a 500 */
    return false;
}

const char *http_status_text(int status)
{
    switch (status) {
    case 100:
        return "Continue";
    case 101:
        return "Switching Protocols";
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 202:
        return "Accepted";
    case 204:
        return "No Content";
    case 206:
        return "Partial Content";
    case 301:
        return "Moved Permanently";
    case 302:
        return "Found";
    case 303:
        return "See Other";
    case 304:
        return "Not Modified";
    case 307:
        return "Temporary Redirect";
    case 308:
        return "Permanent Redirect";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 402:
        return "Payment Required";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 406:
        return "Not Acceptable";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 410:
        return "Gone";
    case 411:
        return "Length Required";
    case 412:
        return "Precondition Failed";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 417:
        return "Expectation Failed";
    case 421:
        return "Misdirected Request";
    case 422:
        return "Unprocessable Content";
    case 426:
        return "Upgrade Required";
    case 428:
        return "Precondition Required";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Unknown";
    }
}
