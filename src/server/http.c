/* server/http.c - connections: from accepted socket to answered requests.
 *
 * A connection that waits for its next request is an io_watch: no fiber, no buffer, no arena. When bytes come, a fiber
 * starts on a pooled stack and takes a pooled set of working memory (http_work); when the answer is out and nothing
 * more has come, both go back. So memory follows the requests in work, not the clients connected, and a busy server
 * keeps using the same few warm stacks.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/http_int.h"

enum {
    LISTENERS_MAX = 8,
    READ_BYTES = 8192, /* asked for at once; more when a body's length is known */
    READ_BYTES_MAX = 256 << 10,
    WRITE_BYTES = 128 << 10,    /* written under one time limit */
    WORK_KEEP = 64,             /* sets of working memory kept however long nobody needs them */
    WORK_SWEEP_MS = 1000,       /* more are kept for as long as they were all in use within this time */
    WORK_KEEP_BYTES = 64 << 10, /* a buffer above this is not kept */
    HEAD_OUT_MAX = 64 << 10,    /* bytes of one answer's head */
    LINGER_MS = 1000,           /* how long a refused client's remaining bytes are read */
    LINGER_BYTES = 1 << 20,
    GONE_SWEEP_MS = 250,  /* how often the clients of long requests are looked at */
    ACCEPT_PAUSE_MS = 50, /* after a failure such as "too many open files" */
    KILL_AGAIN_MS = 100,
    PEER_MAX = INET6_ADDRSTRLEN,
};

/* Memory of one request in work. */
typedef struct http_work {
    struct http_work *next;
    buf in;   /* bytes from the client; a request starts at index 0 */
    buf head; /* of the answer */
    arena *arena;
    http_request rq;
    http_response rs;
    http_parser parser;
    http_header headers[NICOL_HEADERS_MAX];
} http_work;

typedef enum conn_state {
    CONN_OPENING, /* a fiber shakes hands */
    CONN_IDLE,    /* a watch waits for bytes */
    CONN_BUSY,    /* a fiber reads, works or writes */
} conn_state;

typedef enum answer_state { ANSWER_NONE, ANSWER_CHUNKS, ANSWER_TO_END, ANSWER_TAKEN, ANSWER_FAILED } answer_state;

struct http_conn {
    http_server *server;
    http_conn *next, *prev;
    io_stream *stream;
    io_fiber *fiber; /* NULL while idle */
    http_work *work; /* the same */
    io_watch watch;
    uint64_t id;
    int fd; /* until the stream is open */
    io_tls *tls;
    conn_state state;
    answer_state answer;
    bool loopback, handling;
    char peer[PEER_MAX];
};

typedef struct acceptor {
    http_server *server;
    http_listener listener;
    io_fiber *fiber;
    bool running;
} acceptor;

struct http_server {
    const mem *m;
    io_loop *loop;
    http_limits lim;
    void (*handle)(void *ctx, http_request *rq, http_response *rs);
    void *ctx;
    const char *name;
    acceptor acceptors[LISTENERS_MAX];
    size_t acceptors_n;
    http_conn *conns;
    http_work *works;
    size_t works_n, works_low; /* free ones; the fewest since the last sweep */
    io_watch work_watch, gone_watch;
    http_stats stats;
    bool draining, killing;
    bool orphan; /* its start failed halfway */
    int64_t drain_deadline_us;
    io_watch drain_watch;
    io_queue waiters;
    int64_t date_s; /* the second that `date` was written for */
    char date[32];
};

static int64_t after_ms(unsigned ms)
{
    return clock_mono_us() + (int64_t)ms * 1000;
}

/* --- working memory --------------------------------------------------------------------------------------------------- */

static void work_free(http_server *s, http_work *w)
{
    buf_free(&w->in);
    buf_free(&w->head);
    buf_free(&w->rs.out);
    buf_free(&w->rs.extra);
    arena_free(w->arena);
    s->m->free(s->m->ctx, w, sizeof *w);
}

static http_work *work_take(http_server *s)
{
    http_work *w = s->works;
    if (w) {
        s->works = w->next;
        s->works_n--;
        if (s->works_n < s->works_low) s->works_low = s->works_n;
        return w;
    }
    w = s->m->alloc(s->m->ctx, sizeof *w);
    if (!w) return NULL;
    memset(w, 0, offsetof(http_work, parser));
    w->arena = arena_new(s->m, s->lim.arena_bytes);
    if (!w->arena) {
        s->m->free(s->m->ctx, w, sizeof *w);
        return NULL;
    }
    /* Room for one request of the largest size and a read's worth of the next. */
    buf_init(&w->in, s->m, s->lim.head_bytes + s->lim.body_bytes + READ_BYTES_MAX);
    buf_init(&w->head, s->m, HEAD_OUT_MAX);
    buf_init(&w->rs.out, s->m, s->lim.response_bytes);
    buf_init(&w->rs.extra, s->m, HEAD_OUT_MAX / 2);
    return w;
}

static void sweep_works_later(http_server *s);

static void trim(buf *b)
{
    if (b->cap > WORK_KEEP_BYTES) buf_free(b);
    else buf_clear(b);
}

static void work_give(http_server *s, http_work *w)
{
    trim(&w->in);
    trim(&w->head);
    trim(&w->rs.out);
    trim(&w->rs.extra);
    arena_reset(w->arena);
    w->next = s->works;
    s->works = w;
    s->works_n++;
    if (s->works_n > WORK_KEEP && !s->work_watch.armed) sweep_works_later(s);
}

static void sweep_works(void *arg, io_result why)
{
    http_server *s = arg;
    (void)why;
    size_t unused = s->works_low;
    for (; unused > 0 && s->works_n > WORK_KEEP; unused--) {
        http_work *w = s->works;
        s->works = w->next;
        s->works_n--;
        work_free(s, w);
    }
    s->works_low = s->works_n;
    if (s->works_n > WORK_KEEP) sweep_works_later(s);
}

static void sweep_works_later(http_server *s)
{
    io_result why;
    s->works_low = s->works_n;
    if (!io_watch_start(&s->work_watch, -1, 0, after_ms(WORK_SWEEP_MS), sweep_works, s, &why)) s->works_low = 0;
}

/* --- connections: begin and end --------------------------------------------------------------------------------------- */

static void tell_waiters(http_server *s)
{
    if (http_server_drained(s)) io_queue_wake_all(&s->waiters);
}

static void conn_close(http_conn *c)
{
    http_server *s = c->server;
    io_watch_stop(&c->watch);
    io_stream_close(c->stream);
    if (!c->stream) io_close(c->fd);
    if (c->work) work_give(s, c->work);
    if (c->prev) c->prev->next = c->next;
    else s->conns = c->next;
    if (c->next) c->next->prev = c->prev;
    s->stats.open--;
    if (c->state == CONN_BUSY) s->stats.busy--;
    s->m->free(s->m->ctx, c, sizeof *c);
    tell_waiters(s);
}

static void set_peer(http_conn *c, int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    } a;
    socklen_t n = sizeof a;
    memcpy(c->peer, "?", 2);
    if (getpeername(fd, &a.any, &n) != 0) return;
    if (a.any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &a.v4.sin_addr, c->peer, sizeof c->peer);
        c->loopback = ntohl(a.v4.sin_addr.s_addr) >> 24 == 127;
    } else if (a.any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &a.v6.sin6_addr, c->peer, sizeof c->peer);
        c->loopback = IN6_IS_ADDR_LOOPBACK(&a.v6.sin6_addr) ||
                      (IN6_IS_ADDR_V4MAPPED(&a.v6.sin6_addr) && a.v6.sin6_addr.s6_addr[12] == 127);
    } else if (a.any.sa_family == AF_UNIX) {
        memcpy(c->peer, "unix", 5);
        c->loopback = true;
    }
}

/* NULL: no memory; the descriptor is still the caller's. */
static http_conn *conn_new(http_server *s, int fd, io_tls *tls)
{
    http_conn *c = s->m->alloc(s->m->ctx, sizeof *c);
    if (!c) return NULL;
    *c = (http_conn){.server = s, .fd = fd, .tls = tls, .next = s->conns, .id = s->stats.accepted};
    set_peer(c, fd);
    if (s->conns) s->conns->prev = c;
    s->conns = c;
    s->stats.open++;
    return c;
}

static void conn_fiber(void *arg);

static void on_idle_end(void *arg, io_result why)
{
    http_conn *c = arg;
    nicol_error err = {0};
    if (why == IO_READY && io_spawn(c->server->loop, "http", conn_fiber, c, &err)) {
        c->state = CONN_BUSY;
        c->server->stats.busy++;
        return;
    }
    if (why == IO_READY) LOG(LOG_WARN, "http_no_fiber", S(""), LOG_S("error", err.message));
    conn_close(c);
}

/* Leaves the connection to a watch. False: bytes are there already, or it was closed (*closed). */
static bool conn_idle(http_conn *c, bool *closed)
{
    http_server *s = c->server;
    io_result why = IO_READY;
    *closed = false;
    if (s->draining) why = IO_CLOSED;
    if (!s->draining && io_stream_watch(c->stream, &c->watch, after_ms(s->lim.idle_ms), on_idle_end, c, &why)) {
        if (c->state == CONN_BUSY) s->stats.busy--;
        c->state = CONN_IDLE;
        c->fiber = NULL;
        return true;
    }
    if (why == IO_READY) return false;
    *closed = true;
    conn_close(c);
    return false;
}

/* --- answers ---------------------------------------------------------------------------------------------------------- */

/* "Sun, 06 Nov 1994 08:49:37 GMT", once a second. */
static nicol_str date_now(http_server *s)
{
    static const char days[] = "ThuFriSatSunMonTueWed", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t now = clock_wall_ms() / 1000;
    if (now == s->date_s && s->date[0]) return str_of(s->date, 29);
    int64_t day = now / 86400, rest = now % 86400;
    /* Days since 0000-03-01, so that the leap day ends the year. */
    int64_t z = day + 719468, era = z / 146097, doe = z % 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    int64_t d = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9, year = yoe + era * 400 + (month <= 2);
    buf b;
    buf_init(&b, s->m, 64);
    buf_printf(&b, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + day % 7 * 3, (int)d, months + (month - 1) * 3,
               (int)year, (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60));
    bool good = !buf_failed(&b) && b.len == 29;
    if (good) memcpy(s->date, b.ptr, 29);
    buf_free(&b);
    if (!good) return (nicol_str){NULL, 0};
    s->date_s = now;
    return str_of(s->date, 29);
}

static bool has_no_body(int status)
{
    return status == 204 || status == 304 || status < 200;
}

enum { LENGTH_CHUNKED = -1, LENGTH_TO_END = -2 };

/* Writes the head of an answer into `out`. length: bytes of the body, or one of the two above. */
static void write_head(http_conn *c, buf *out, const http_response *rs, int64_t length, bool close)
{
    buf_clear(out);
    buf_lit(out, "HTTP/1.1 ");
    buf_i64(out, rs->status);
    buf_char(out, ' ');
    buf_str(out, str_c(http_status_text(rs->status)));
    buf_lit(out, "\r\n");
    nicol_str date = date_now(c->server);
    if (date.len) {
        buf_lit(out, "Date: ");
        buf_str(out, date);
        buf_lit(out, "\r\n");
    }
    if (c->server->name) {
        buf_lit(out, "Server: ");
        buf_str(out, str_c(c->server->name));
        buf_lit(out, "\r\n");
    }
    if (rs->content_type.len) {
        buf_lit(out, "Content-Type: ");
        buf_str(out, rs->content_type);
        buf_lit(out, "\r\n");
    }
    if (length >= 0 && !has_no_body(rs->status)) {
        buf_lit(out, "Content-Length: ");
        buf_i64(out, length);
        buf_lit(out, "\r\n");
    }
    if (length == LENGTH_CHUNKED) buf_lit(out, "Transfer-Encoding: chunked\r\n");
    buf_str(out, buf_view(&rs->extra));
    if (close) buf_lit(out, "Connection: close\r\n");
    if (!close && c->work && c->work->parser.http10) buf_lit(out, "Connection: keep-alive\r\n");
    buf_lit(out, "\r\n");
}

/* Head and body, each stretch of bytes under its own time limit, so that a slow reader is served and a stopped one is
 * dropped. */
static bool send_two(http_conn *c, nicol_str head, nicol_str body, io_result *why)
{
    http_server *s = c->server;
    do {
        nicol_str part = str_sub(body, 0, WRITE_BYTES);
        if (!io_write_two(c->stream, head, part, after_ms(s->lim.write_ms), why)) {
            if (*why == IO_TIMEOUT) s->stats.timeouts++;
            c->answer = ANSWER_FAILED;
            return false;
        }
        s->stats.bytes_out += head.len + part.len;
        head = (nicol_str){NULL, 0};
        body = str_sub(body, part.len, body.len);
    } while (body.len);
    return true;
}

/* An answer of the core itself: says why and that the connection ends. */
static void send_refusal(http_conn *c, int status, const char *reason)
{
    http_response *rs = &c->work->rs;
    buf_clear(&rs->extra);
    buf_clear(&rs->out);
    rs->status = status;
    rs->content_type = S("text/plain; charset=utf-8");
    buf_str(&rs->out, str_c(reason));
    buf_char(&rs->out, '\n');
    nicol_str body = buf_view(&rs->out);
    write_head(c, &c->work->head, rs, (int64_t)body.len, true);
    io_result why;
    if (buf_failed(&c->work->head) || buf_failed(&rs->out)) return;
    (void)!send_two(c, buf_view(&c->work->head), body, &why);
}

/* Reads on for a moment after the last answer: closing with unread bytes would reset the connection, and the client
 * might never see the answer. */
static void linger(http_conn *c)
{
    if (!io_stream_is_tls(c->stream) && shutdown(io_stream_fd(c->stream), SHUT_WR) != 0) return;
    buf *in = &c->work->in;
    int64_t deadline = after_ms(LINGER_MS);
    io_result why;
    ptrdiff_t n = 1;
    buf_clear(in);
    if (!buf_reserve(in, READ_BYTES)) return;
    for (size_t total = 0; n > 0 && total < LINGER_BYTES; total += (size_t)n) {
        n = io_read(c->stream, in->ptr, READ_BYTES, deadline, &why);
        if (n < 0) break;
    }
}

/* --- reading a request ------------------------------------------------------------------------------------------------ */

typedef enum read_result { READ_DONE, READ_REFUSED, READ_ENDED } read_result;

static size_t wanted_bytes(const http_work *w)
{
    const http_parser *p = &w->parser;
    if (p->state != HTTP_PS_BODY_LENGTH) return READ_BYTES;
    uint64_t left = p->head_end + p->length - w->in.len;
    return left < READ_BYTES ? READ_BYTES : left > READ_BYTES_MAX ? READ_BYTES_MAX : (size_t)left;
}

static read_result read_more(http_conn *c, int64_t deadline_us)
{
    http_work *w = c->work;
    if (w->parser.chunked) w->in.len = http_parser_compact(&w->parser, w->in.ptr, w->in.len);
    size_t want = wanted_bytes(w);
    if (!buf_reserve(&w->in, want)) {
        send_refusal(c, 503, "there is not enough memory for this request; try again later");
        return READ_REFUSED;
    }
    io_result why;
    ptrdiff_t n = io_read(c->stream, w->in.ptr + w->in.len, want, deadline_us, &why);
    if (n > 0) {
        w->in.len += (size_t)n;
        c->server->stats.bytes_in += (uint64_t)n;
        return READ_DONE;
    }
    if (n < 0 && why == IO_TIMEOUT) {
        c->server->stats.timeouts++;
        if (w->in.len == 0) return READ_ENDED;
        send_refusal(c, 408, "the request did not arrive in time");
        return READ_REFUSED;
    }
    return READ_ENDED;
}

static read_result read_request(http_conn *c)
{
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    http_server *s = c->server;
    http_work *w = c->work;
    http_parser_init(&w->parser, s->lim.head_bytes, s->lim.body_bytes);
    w->rq.start_us = clock_mono_us();
    int64_t deadline = w->rq.start_us + (int64_t)s->lim.head_ms * 1000;
    for (;;) {
        io_result why;
        /* Nothing to look at before the first read. */
        http_parse_result r = w->in.len ? http_parse(&w->parser, w->in.ptr, w->in.len) : HTTP_PARSE_MORE;
        switch (r) {
        case HTTP_PARSE_DONE:
            return READ_DONE;
        case HTTP_PARSE_BAD:
            s->stats.refused++;
            send_refusal(c, w->parser.status, w->parser.reason);
            return READ_REFUSED;
        case HTTP_PARSE_HEAD:
            deadline = after_ms(s->lim.body_ms);
            if (w->parser.expect_continue && w->in.len == w->parser.head_end &&
                !send_two(c, str_of(go_on, sizeof go_on - 1), S(""), &why))
                return READ_ENDED;
            continue;
        case HTTP_PARSE_MORE:
            break;
        }
        read_result more = read_more(c, deadline);
        if (more != READ_DONE) return more;
    }
}

/* --- from parsed to answered ------------------------------------------------------------------------------------------ */

static http_method method_of(nicol_str m)
{
    static const struct {
        nicol_str name;
        http_method method;
    } known[] = {
        {{"GET", 3}, HTTP_GET},         {{"POST", 4}, HTTP_POST},   {{"HEAD", 4}, HTTP_HEAD},
        {{"PUT", 3}, HTTP_PUT},         {{"PATCH", 5}, HTTP_PATCH}, {{"DELETE", 6}, HTTP_DELETE},
        {{"OPTIONS", 7}, HTTP_OPTIONS},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (str_eq(known[i].name, m)) return known[i].method;
    }
    return HTTP_OTHER;
}

/* Spans become slices: the buffer stays where it is until the answer is out. False: the path is no text. */
static bool fill_request(http_conn *c)
{
    http_work *w = c->work;
    const http_parser *p = &w->parser;
    const char *d = w->in.ptr;
    http_request *rq = &w->rq;
    int64_t start = rq->start_us;
    *rq = (http_request){.headers = w->headers,
                         .headers_n = p->headers_n,
                         .arena = w->arena,
                         .start_us = start,
                         .conn = c,
                         .conn_id = c->id,
                         .is_loopback = c->loopback,
                         .peer = c->peer,
                         .is_tls = io_stream_is_tls(c->stream)};
    for (uint32_t i = 0; i < p->headers_n; i++) {
        w->headers[i].name = str_of(d + p->headers[i].name.at, p->headers[i].name.len);
        w->headers[i].value = str_of(d + p->headers[i].value.at, p->headers[i].value.len);
    }
    rq->method_text = str_of(d + p->method.at, p->method.len);
    rq->method = method_of(rq->method_text);
    rq->path_raw = str_of(d + p->path.at, p->path.len);
    rq->query = str_of(d + p->query.at, p->query.len);
    rq->host = str_of(d + p->host.at, p->host.len);
    rq->body = str_of(d + p->body.at, p->body.len);
    rq->path = rq->path_raw;
    if (!memchr(rq->path_raw.ptr, '%', rq->path_raw.len)) return true; /* the parser lets only ASCII through */
    return http_percent_decode(w->arena, rq->path_raw, false, &rq->path) && str_utf8_bad(rq->path) == SIZE_MAX;
}

static bool send_answer(http_conn *c, bool close)
{
    http_work *w = c->work;
    http_response *rs = &w->rs;
    if (buf_failed(&rs->out) || buf_failed(&rs->extra)) {
        bool over = rs->out.over || rs->extra.over;
        send_refusal(c, over ? 500 : 503, over ? "the answer is larger than the limit" : "there is not enough memory");
        return false;
    }
    nicol_str body = rs->body.ptr ? rs->body : buf_view(&rs->out);
    write_head(c, &w->head, rs, (int64_t)body.len, close);
    if (buf_failed(&w->head)) {
        send_refusal(c, 500, "the head of the answer is larger than the limit");
        return false;
    }
    if (w->rq.method == HTTP_HEAD || has_no_body(rs->status)) body = (nicol_str){NULL, 0};
    io_result why;
    return send_two(c, buf_view(&w->head), body, &why);
}

/* Ends what http_stream_begin began. True when the connection may go on. */
static bool end_stream(http_conn *c)
{
    io_result why;
    if (c->answer != ANSWER_CHUNKS) return false;
    if (c->work->rq.method == HTTP_HEAD) return true;
    return send_two(c, S("0\r\n\r\n"), S(""), &why);
}

/* Whoever has gone reads no answer: what still runs for it is cancelled, or one client could fill the server with
 * endless work and leave. Short requests are never looked at. */
static void sweep_gone(void *arg, io_result why)
{
    http_server *s = arg;
    bool handling = false;
    int64_t since = after_ms(0) - GONE_SWEEP_MS * 1000;
    for (http_conn *c = s->conns; c; c = c->next) {
        if (!c->handling || c->answer == ANSWER_TAKEN) continue;
        handling = true;
        if (c->work->rq.start_us < since && io_stream_gone(c->stream)) io_cancel(c->fiber);
    }
    if (handling) (void)!io_watch_start(&s->gone_watch, -1, 0, after_ms(GONE_SWEEP_MS), sweep_gone, s, &why);
}

static void handle(http_conn *c)
{
    http_server *s = c->server;
    io_result why;
    c->handling = true;
    if (!s->gone_watch.armed) {
        (void)!io_watch_start(&s->gone_watch, -1, 0, after_ms(GONE_SWEEP_MS), sweep_gone, s, &why);
    }
    s->handle(s->ctx, &c->work->rq, &c->work->rs);
    c->handling = false;
    s->stats.requests++;
}

/* True when the connection may carry another request. */
static bool serve_one(http_conn *c)
{
    http_server *s = c->server;
    http_work *w = c->work;
    http_response *rs = &w->rs;
    if (!fill_request(c)) {
        s->stats.refused++;
        send_refusal(c, 400, "the path is not valid UTF-8 text");
        return false;
    }
    rs->status = 200;
    rs->content_type = rs->body = (nicol_str){NULL, 0};
    rs->close = false;
    rs->conn = c;
    buf_clear(&rs->out);
    buf_clear(&rs->extra);
    c->answer = ANSWER_NONE;
    handle(c);
    bool close = rs->close || s->draining || !w->parser.keep_alive;
    bool good = c->answer == ANSWER_NONE ? send_answer(c, close) : end_stream(c);
    return good && !close;
}

/* Cuts the answered request off the front of the buffer. */
static void next_in_buffer(http_work *w)
{
    size_t used = w->parser.consumed;
    if (used < w->in.len) memmove(w->in.ptr, w->in.ptr + used, w->in.len - used);
    w->in.len -= used;
    if (w->in.len == 0) trim(&w->in);
    if (w->rs.out.cap > WORK_KEEP_BYTES) buf_free(&w->rs.out);
    arena_reset(w->arena);
}

static bool open_stream(http_conn *c)
{
    nicol_error err = {0};
    int fd = c->fd;
    c->fd = -1; /* io_stream_open takes it, or closes it */
    c->stream = io_stream_open(fd, c->tls, after_ms(c->server->lim.head_ms), &err);
    if (!c->stream)
        LOG(LOG_DEBUG, "http_open_failed", S(""), LOG_S("peer", str_c(c->peer)), LOG_S("error", err.message));
    return c->stream != NULL;
}

/* Serves while there is something to serve, then leaves the connection to a watch or ends it. */
static void conn_fiber(void *arg)
{
    http_conn *c = arg;
    http_server *s = c->server;
    bool closed = false;
    c->fiber = io_self();
    if (!c->stream) {
        if (!open_stream(c)) {
            conn_close(c);
            return;
        }
        if (conn_idle(c, &closed) || closed) return;
        c->state = CONN_BUSY;
        s->stats.busy++;
    }
    for (;;) {
        if (!c->work) c->work = work_take(s);
        if (!c->work) break; /* no memory: the client sees its connection close and may come again */
        read_result r = read_request(c);
        if (r == READ_REFUSED && c->answer != ANSWER_FAILED) linger(c);
        if (r != READ_DONE) break;
        bool more = serve_one(c);
        if (c->answer == ANSWER_TAKEN) {
            c->stream = NULL;
            c->fd = -1;
            break;
        }
        size_t unread = c->work->in.len - c->work->parser.consumed;
        if (!more) {
            if (unread && c->answer != ANSWER_FAILED) linger(c);
            break;
        }
        next_in_buffer(c->work);
        if (unread) {
            io_yield(); /* a client that sends many requests at once takes its turn like the others */
            continue;
        }
        work_give(s, c->work);
        c->work = NULL;
        if (conn_idle(c, &closed) || closed) return;
    }
    conn_close(c);
}

/* --- handlers' calls on the connection -------------------------------------------------------------------------------- */

bool http_client_gone(http_request *rq)
{
    return rq->conn->answer == ANSWER_FAILED || rq->conn->server->killing || io_stream_gone(rq->conn->stream);
}

bool http_draining(const http_request *rq)
{
    return rq->conn->server->draining;
}

bool http_stream_begin(http_request *rq, http_response *rs, io_result *why)
{
    http_conn *c = rq->conn;
    http_work *w = c->work;
    bool chunks = !w->parser.http10 && !rs->close;
    bool close = !chunks || c->server->draining || !w->parser.keep_alive;
    if (close) rs->close = true;
    write_head(c, &w->head, rs, chunks ? LENGTH_CHUNKED : LENGTH_TO_END, close);
    *why = IO_FAILED;
    if (buf_failed(&w->head) || buf_failed(&rs->extra)) {
        c->answer = ANSWER_FAILED;
        return false;
    }
    c->answer = chunks ? ANSWER_CHUNKS : ANSWER_TO_END;
    return send_two(c, buf_view(&w->head), S(""), why);
}

bool http_stream_write(http_response *rs, nicol_str piece, io_result *why)
{
    http_conn *c = rs->conn;
    http_work *w = c->work;
    *why = IO_READY;
    if (c->answer == ANSWER_FAILED || c->answer == ANSWER_NONE || c->answer == ANSWER_TAKEN) {
        *why = IO_FAILED;
        return false;
    }
    if (piece.len == 0 || w->rq.method == HTTP_HEAD) return true; /* an empty chunk would be the last one */
    if (c->answer == ANSWER_TO_END) return send_two(c, piece, S(""), why);
    /* A small piece leaves in one write with its frame. */
    buf_clear(&w->head);
    buf_printf(&w->head, "%zx\r\n", piece.len);
    bool small = piece.len < HEAD_OUT_MAX / 4;
    if (small) {
        buf_str(&w->head, piece);
        buf_lit(&w->head, "\r\n");
    }
    if (buf_failed(&w->head)) {
        c->answer = ANSWER_FAILED;
        *why = IO_FAILED;
        return false;
    }
    if (small) return send_two(c, buf_view(&w->head), S(""), why);
    return send_two(c, buf_view(&w->head), piece, why) && send_two(c, S("\r\n"), S(""), why);
}

io_stream *http_take_over(http_request *rq, http_response *rs, nicol_str *unread)
{
    http_conn *c = rq->conn;
    const http_work *w = c->work;
    (void)rs;
    if (c->answer == ANSWER_TAKEN || c->answer == ANSWER_FAILED) return NULL;
    nicol_str rest = str_of(w->in.ptr + w->parser.consumed, w->in.len - w->parser.consumed);
    *unread = arena_str(rq->arena, rest);
    if (!unread->ptr) return NULL;
    c->answer = ANSWER_TAKEN;
    return c->stream;
}

/* --- accepting -------------------------------------------------------------------------------------------------------- */

static void turn_away(http_server *s, int fd)
{
    static const char full[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n"
                               "Connection: close\r\n\r\n";
    s->stats.over_limit++;
    (void)!send(fd, full, sizeof full - 1, MSG_NOSIGNAL | MSG_DONTWAIT); /* as good as it gets: it is closed anyway */
    io_close(fd);
}

static void welcome(http_server *s, int fd, io_tls *tls)
{
    nicol_error err = {0};
    bool closed = false;
    s->stats.accepted++;
    if (s->stats.open >= s->lim.connections) {
        turn_away(s, fd);
        return;
    }
    http_conn *c = conn_new(s, fd, tls);
    if (!c) {
        io_close(fd);
        return;
    }
    /* TLS shakes hands, which may wait; a plain connection is idle at once, unless its request has come with it. */
    if (!tls) {
        if (!open_stream(c)) {
            conn_close(c);
            return;
        }
        if (conn_idle(c, &closed) || closed) return;
        c->state = CONN_BUSY;
        s->stats.busy++;
    }
    if (io_spawn(s->loop, "http", conn_fiber, c, &err)) return;
    LOG(LOG_WARN, "http_no_fiber", S(""), LOG_S("error", err.message));
    conn_close(c);
}

static void accept_fiber(void *arg)
{
    acceptor *a = arg;
    http_server *s = a->server;
    a->fiber = io_self();
    while (!s->draining) {
        io_result why;
        int fd = io_accept(a->listener.fd, IO_NEVER, &why);
        if (fd >= 0) {
            welcome(s, fd, a->listener.tls);
            continue;
        }
        if (why == IO_CLOSED || s->draining) break;
        if (why != IO_FAILED) continue;
        LOG(LOG_WARN, "http_accept_failed", S(""), LOG_S("error", str_c(strerror(errno))));
        (void)io_sleep_until(after_ms(ACCEPT_PAUSE_MS));
    }
    io_forget(a->listener.fd); /* the descriptor is its owner's again */
    a->running = false;
    a->fiber = NULL;
    tell_waiters(s);
    if (s->orphan && http_server_drained(s)) http_server_free(s);
}

/* --- start, drain, end ------------------------------------------------------------------------------------------------ */

static http_limits with_defaults(http_limits l)
{
    if (!l.head_bytes) l.head_bytes = NICOL_HEAD_BYTES_MAX;
    if (!l.body_bytes) l.body_bytes = NICOL_BODY_BYTES_MAX;
    if (!l.response_bytes) l.response_bytes = NICOL_RESULT_BYTES_MAX + (64u << 10);
    if (!l.arena_bytes) l.arena_bytes = NICOL_REQUEST_ARENA_BYTES_MAX;
    if (!l.connections) l.connections = NICOL_CONNECTIONS_MAX;
    if (!l.head_ms) l.head_ms = 10000;
    if (!l.body_ms) l.body_ms = 60000;
    if (!l.idle_ms) l.idle_ms = 75000;
    if (!l.write_ms) l.write_ms = 30000;
    return l;
}

http_server *http_server_new(io_loop *l, const http_server_opts *opts, nicol_error *err)
{
    const mem *m = opts->m ? opts->m : mem_default;
    if (opts->listeners_n > LISTENERS_MAX) {
        nicol_fail(err, NICOL_E_USAGE, "more than %d addresses to listen on", LISTENERS_MAX);
        return NULL;
    }
    http_server *s = m->alloc(m->ctx, sizeof *s);
    if (!s) {
        nicol_fail_oom(err);
        return NULL;
    }
    *s = (http_server){.m = m,
                       .loop = l,
                       .lim = with_defaults(opts->limits),
                       .handle = opts->handle,
                       .ctx = opts->ctx,
                       .name = opts->server_name,
                       .acceptors_n = opts->listeners_n};
    for (size_t i = 0; i < s->acceptors_n; i++) {
        acceptor *a = &s->acceptors[i];
        *a = (acceptor){.server = s, .listener = opts->listeners[i], .running = true};
        if (io_spawn(l, "accept", accept_fiber, a, err)) continue;
        /* Fibers that were started can't be taken back: the last of them frees the server. */
        s->acceptors_n = i;
        s->draining = s->orphan = true;
        if (i == 0) http_server_free(s);
        return NULL;
    }
    return s;
}

static void kill_rest(void *arg, io_result why)
{
    http_server *s = arg;
    (void)why;
    s->killing = true;
    for (http_conn *c = s->conns, *next; c; c = next) {
        next = c->next;
        if (c->fiber) io_cancel(c->fiber);
    }
    /* A handler may swallow one cancel, or start a wait after it. */
    io_result ignored;
    if (!http_server_drained(s))
        (void)!io_watch_start(&s->drain_watch, -1, 0, after_ms(KILL_AGAIN_MS), kill_rest, s, &ignored);
}

void http_server_drain(http_server *s, int64_t deadline_us)
{
    if (s->draining && deadline_us >= s->drain_deadline_us) return;
    s->draining = true;
    s->drain_deadline_us = deadline_us;
    for (size_t i = 0; i < s->acceptors_n; i++) {
        if (s->acceptors[i].fiber) io_cancel(s->acceptors[i].fiber);
    }
    for (http_conn *c = s->conns, *next; c; c = next) {
        next = c->next;
        if (c->state == CONN_IDLE) conn_close(c);
    }
    io_watch_stop(&s->drain_watch);
    io_result why;
    if (http_server_drained(s)) tell_waiters(s);
    else if (!io_watch_start(&s->drain_watch, -1, 0, deadline_us, kill_rest, s, &why)) kill_rest(s, why);
}

bool http_server_drained(const http_server *s)
{
    for (size_t i = 0; i < s->acceptors_n; i++) {
        if (s->acceptors[i].running) return false;
    }
    return s->conns == NULL;
}

io_result http_server_wait(http_server *s, int64_t deadline_us)
{
    while (!http_server_drained(s)) {
        io_result r = io_queue_wait(&s->waiters, deadline_us);
        if (r != IO_READY) return r;
    }
    return IO_READY;
}

void http_server_free(http_server *s)
{
    if (!s) return;
    io_watch_stop(&s->drain_watch);
    io_watch_stop(&s->work_watch);
    io_watch_stop(&s->gone_watch);
    while (s->works) {
        http_work *w = s->works;
        s->works = w->next;
        work_free(s, w);
    }
    s->m->free(s->m->ctx, s, sizeof *s);
}

http_stats http_server_stats(const http_server *s)
{
    return s->stats;
}
