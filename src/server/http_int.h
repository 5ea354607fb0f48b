/* server/http_int.h - the server's HTTP/1.1 core: a strict parser, the connection fiber, the handler's API.
 *
 * One http_server lives on one loop and belongs to its thread; a server on several cores has several, on the same
 * listening sockets. Each connection is a fiber: read, parse, call the handler, write, again. The handler is
 * straight-line code on that fiber; it may wait. A connection that is idle holds neither buffer nor arena.
 *
 * A handler fills the response and returns; head and body then leave in one write:
 *
 *     static void hello(void *ctx, http_request *rq, http_response *rs)
 *     {
 *         rs->content_type = S("text/plain; charset=utf-8");
 *         buf_lit(&rs->out, "hello\n");
 *     }
 */
#ifndef SERVER_HTTP_INT_H
#define SERVER_HTTP_INT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "io/io.h"

typedef struct http_server http_server;
typedef struct http_conn http_conn;

typedef enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_OTHER /* any other token: see method_text */
} http_method;

typedef struct http_header {
    nicol_str name;  /* lower case */
    nicol_str value; /* without blanks around it */
} http_header;

/* A complete request, body included. Every slice is valid until the handler returns. */
typedef struct http_request {
    http_method method;
    nicol_str method_text; /* as sent: "GET" */
    nicol_str path;        /* percent-decoded, starts with '/'; no NUL, valid UTF-8; "*" only for OPTIONS */
    nicol_str path_raw;    /* as sent */
    nicol_str query;       /* after the '?', as sent: see http_query_get */
    nicol_str host;        /* authority of the request: Host, or the absolute target's; may hold a port */
    const http_header *headers;
    size_t headers_n;
    nicol_str body;   /* decoded when it came in chunks */
    bool is_loopback; /* the peer's address is 127.0.0.0/8, ::1 or a unix socket */
    bool is_tls;
    const char *peer; /* numeric address of the peer, without the port */
    arena *arena;     /* lives as long as the request; limit NICOL_REQUEST_ARENA_BYTES_MAX */
    int64_t start_us; /* clock_mono_us when its first byte was seen */
    uint64_t conn_id; /* of the connection, unique in this server */
    http_conn *conn;
} http_request;

/* What the handler fills. Status 200 and an empty body at the start. */
typedef struct http_response {
    int status;
    nicol_str content_type; /* empty: no Content-Type; a literal or in the request's arena */
    buf out;                /* body, when `body` is not set; limit: http_limits.response_bytes */
    nicol_str body;         /* body by reference when .ptr is not NULL: in the arena, static, or kept by the handler */
    bool close;             /* ask for the end of the connection after this answer */
    buf extra;              /* header lines, written by http_add_header */
    http_conn *conn;
} http_response;

/* --- for handlers --------------------------------------------------------------------------------------------------- */

/* The first header with that name (give it in lower case), or {NULL, 0}. An empty value has a non-NULL ptr. Of Host,
 * Content-Length, Content-Type, Authorization and Origin there is at most one: more are refused. */
nicol_str http_header_get(const http_request *rq, nicol_str name_lower);
/* Value of a query parameter, percent- and '+'-decoded into the arena. False when absent or badly encoded. */
bool http_query_get(const http_request *rq, nicol_str name, nicol_str *value) NICOL_MUST_CHECK;
/* Percent-decodes into the arena; false on a bad escape, a NUL byte or no memory. */
bool http_percent_decode(arena *a, nicol_str s, bool plus_is_blank, nicol_str *out) NICOL_MUST_CHECK;
/* Adds a response header. False (nothing added) when the name is not a token or the value has a control character, so
 * that no answer can be split by what came from outside. Content-Length, Transfer-Encoding, Connection, Content-Type
 * and Date are written by the server; don't add them. */
bool http_add_header(http_response *rs, nicol_str name, nicol_str value);
/* True when the client has closed or reset its connection: nobody will read the answer. */
bool http_client_gone(http_request *rq);
/* True when the server is draining: long work may be refused. */
bool http_draining(const http_request *rq);

/* An answer of unknown length (events, exports): sends the head now; pieces follow; returning from the handler ends
 * it. In chunks, or up to the connection's end when rs->close is set (for one that will be taken over). Pieces of a HEAD request are counted as sent. False when the client is gone or does not read: stop then. */
bool http_stream_begin(http_request *rq, http_response *rs, io_result *why) NICOL_MUST_CHECK;
bool http_stream_write(http_response *rs, nicol_str piece, io_result *why) NICOL_MUST_CHECK;
/* Takes the connection out of HTTP (WebSocket, a subscriber kept without a stack): the handler owns the stream from
 * here and closes it with io_stream_close; nothing is answered when it returns. *unread (in the request's arena):
 * bytes that the client sent after its request. The server's drain waits for the handler's return only. */
io_stream *http_take_over(http_request *rq, http_response *rs, nicol_str *unread) NICOL_MUST_CHECK;

const char *http_status_text(int status);

/* --- for the one who starts it -------------------------------------------------------------------------------------- */

/* 0 in any field means the default. Times in milliseconds. */
typedef struct http_limits {
    size_t head_bytes;     /* NICOL_HEAD_BYTES_MAX */
    size_t body_bytes;     /* NICOL_BODY_BYTES_MAX */
    size_t response_bytes; /* NICOL_RESULT_BYTES_MAX plus 64 KB; of http_response.out */
    size_t arena_bytes;    /* NICOL_REQUEST_ARENA_BYTES_MAX */
    unsigned connections;  /* NICOL_CONNECTIONS_MAX; one more is answered 503 and closed */
    unsigned head_ms;      /* 10,000: from the first byte of a request to the end of its head; also TLS handshake */
    unsigned body_ms;      /* 60,000: the whole body (a client below body_bytes / body_ms is not served) */
    unsigned idle_ms;      /* 75,000: between requests, and before the first */
    unsigned write_ms;     /* 30,000: without one byte of the answer being taken by the client */
} http_limits;

typedef struct http_listener {
    int fd;      /* from io_listen; stays the caller's, who closes it after the server was freed */
    io_tls *tls; /* NULL: plain */
} http_listener;

typedef struct http_server_opts {
    const mem *m;                   /* NULL: mem_default */
    const http_listener *listeners; /* copied */
    size_t listeners_n;             /* at most 8 */
    http_limits limits;
    void (*handle)(void *ctx, http_request *rq, http_response *rs);
    void *ctx;
    const char *server_name; /* value of the Server header; NULL: none. A literal. */
} http_server_opts;

typedef struct http_stats {
    uint64_t accepted;   /* connections since the start */
    uint64_t open;       /* connections now */
    uint64_t busy;       /* of those: with a request in work (first byte seen, answer not written) */
    uint64_t requests;   /* answered by the handler */
    uint64_t refused;    /* bad requests answered by the core itself */
    uint64_t timeouts;   /* connections ended by a time limit other than idle */
    uint64_t over_limit; /* connections refused since `connections` were open */
    uint64_t bytes_in, bytes_out;
} http_stats;

/* Starts accepting: one fiber for each listener on `l`, which may be running already (same thread) or not yet. */
http_server *http_server_new(io_loop *l, const http_server_opts *opts, nicol_error *err) NICOL_MUST_CHECK;
/* Stops accepting, closes idle connections at once, lets running requests finish (answered with Connection: close)
 * and after the deadline closes what is left. Does not wait; on the loop's thread (e.g. from io_post). Later calls
 * can only bring the deadline forward. */
void http_server_drain(http_server *s, int64_t deadline_us);
/* True when no fiber of the server is left. */
bool http_server_drained(const http_server *s);
/* Waits on a fiber until drained or the deadline: IO_READY or IO_TIMEOUT. */
io_result http_server_wait(http_server *s, int64_t deadline_us);
/* Only when drained. */
void http_server_free(http_server *s);
http_stats http_server_stats(const http_server *s);

/* --- the parser: pure, resumable, over one contiguous buffer --------------------------------------------------------- */

typedef enum http_parse_result {
    HTTP_PARSE_MORE, /* needs more bytes */
    HTTP_PARSE_HEAD, /* the head is complete and there is a body to come (told once, so that 100 can be sent) */
    HTTP_PARSE_DONE, /* the request is complete; p->consumed bytes of the buffer belong to it */
    HTTP_PARSE_BAD   /* refused: p->status and p->reason; the connection must be closed after the answer */
} http_parse_result;

typedef struct http_span {
    uint32_t at, len; /* offsets in the buffer, so that it may move between calls */
} http_span;

typedef enum http_parse_state {
    HTTP_PS_REQUEST_LINE,
    HTTP_PS_HEADERS,
    HTTP_PS_BODY_LENGTH,
    HTTP_PS_CHUNK_SIZE,
    HTTP_PS_CHUNK_DATA,
    HTTP_PS_CHUNK_END,
    HTTP_PS_TRAILERS,
    HTTP_PS_DONE,
    HTTP_PS_BAD
} http_parse_state;

typedef struct http_parser {
    size_t head_max, body_max;
    http_parse_state state;
    size_t line;     /* where the line, or the chunk's data, that is being read starts */
    size_t scan;     /* where to go on looking for the line's end */
    size_t head_end; /* first byte after the head; the body is joined here */
    size_t consumed;
    uint64_t length; /* Content-Length */
    uint64_t chunk_left;
    size_t trailer_bytes;
    bool http10, chunked, has_length, has_host, expect_continue;
    bool said_close, said_keep_alive;
    bool keep_alive;    /* the connection may be used again after this request */
    bool absolute;      /* the target was in absolute form */
    unsigned seen_once; /* of the headers that may come only once */
    int status;         /* of a refusal: 400, 413, 414, 417, 431, 505 */
    const char *reason; /* the same, a literal */
    http_span method, target, host, path, query, body;
    uint32_t headers_n;
    struct {
        http_span name, value;
    } headers[NICOL_HEADERS_MAX];
} http_parser;

void http_parser_init(http_parser *p, size_t head_max, size_t body_max);
/* Goes on with the request that starts at data[0]; data[0..n) holds what was given before and perhaps more. Header
 * names are lowered and chunks are joined in place. After DONE or BAD call http_parser_init for the next one. */
http_parse_result http_parse(http_parser *p, char *data, size_t n);
/* Between calls: closes the gap that joined chunks have left, so that a body in small chunks takes no more than its
 * bytes. Returns the new n. */
size_t http_parser_compact(http_parser *p, char *data, size_t n);

#endif
