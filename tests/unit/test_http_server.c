/* The HTTP server over real sockets: answers, time limits, slow and silent clients, thousands of idle ones, drain. The
 * client is a fiber on the same loop. */
#include <errno.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "server/http_int.h"
#include "tap.h"
#include "tls_cert.h"

typedef struct site {
    io_loop *loop;
    http_server *server;
    int fd;
    uint16_t port;
    int gone;      /* handlers that saw their client go */
    int cancelled; /* handlers whose wait was cancelled */
    int working;
    nicol_str taken;
    char taken_text[64];
} site;

static int64_t in_ms(int ms)
{
    return clock_mono_us() + ms * 1000;
}

static void sleep_ms(int ms)
{
    (void)io_sleep_until(in_ms(ms));
}

/* --- the handler ------------------------------------------------------------------------------------------------------ */

static void answer_stream(http_request *rq, http_response *rs)
{
    io_result why;
    rs->content_type = S("text/plain");
    rs->close = str_eq(rq->query, S("close"));
    if (!http_stream_begin(rq, rs, &why)) return;
    static char big[100000];
    memset(big, 'b', sizeof big);
    if (!http_stream_write(rs, S("one,"), &why) || !http_stream_write(rs, S(""), &why) ||
        !http_stream_write(rs, str_of(big, sizeof big), &why))
        return;
    sleep_ms(2);
    (void)!http_stream_write(rs, S(",two"), &why);
}

static void answer_taken(site *t, http_request *rq, http_response *rs)
{
    nicol_str unread;
    io_result why;
    io_stream *s = http_take_over(rq, rs, &unread);
    if (!s) return;
    memcpy(t->taken_text, unread.ptr, unread.len);
    t->taken = str_of(t->taken_text, unread.len);
    char c;
    (void)!io_write_all(s, "HTTP/1.1 101 Switching Protocols\r\n\r\n", 36, in_ms(1000), &why);
    while (io_read(s, &c, 1, in_ms(1000), &why) == 1) (void)!io_write_all(s, &c, 1, in_ms(1000), &why);
    io_stream_close(s);
}

static void handle(void *ctx, http_request *rq, http_response *rs)
{
    site *t = ctx;
    t->working++;
    rs->content_type = S("text/plain");
    if (str_eq(rq->path, S("/echo"))) {
        rs->body = rq->body;
    } else if (str_eq(rq->path, S("/big"))) {
        static char big[32 << 20];
        rs->body = str_of(big, sizeof big);
    } else if (str_eq(rq->path, S("/slow"))) {
        if (io_sleep_until(in_ms(60)) == IO_CANCELLED) t->cancelled++;
        buf_lit(&rs->out, "slow");
    } else if (str_eq(rq->path, S("/stuck"))) {
        while (io_sleep_until(in_ms(100000)) != IO_CANCELLED) {
        }
        t->cancelled++;
    } else if (str_eq(rq->path, S("/wait"))) {
        for (int i = 0; i < 500 && !http_client_gone(rq); i++) sleep_ms(2);
        t->gone += http_client_gone(rq);
    } else if (str_eq(rq->path, S("/stream"))) {
        answer_stream(rq, rs);
    } else if (str_eq(rq->path, S("/take"))) {
        answer_taken(t, rq, rs);
    } else if (str_eq(rq->path, S("/204"))) {
        rs->status = 204;
        buf_lit(&rs->out, "not sent");
    } else if (str_eq(rq->path, S("/too-big"))) {
        for (int i = 0; i < 3000; i++) buf_lit(&rs->out, "0123456789012345678901234567890123456789");
    } else if (str_eq(rq->path, S("/a b/\xc3\xa9"))) {
        buf_lit(&rs->out, "decoded");
    } else if (str_starts(rq->path, S("/n/"))) {
        buf_str(&rs->out, str_sub(rq->path, 3, SIZE_MAX));
        (void)!http_add_header(rs, S("x-n"), str_sub(rq->path, 3, SIZE_MAX));
        io_yield();
    } else if (str_eq(rq->path, S("/about"))) {
        buf_printf(&rs->out, "%d %d %s %.*s", rq->is_loopback, rq->is_tls, rq->peer, STR_FMT(rq->host));
    } else {
        rs->status = 404;
    }
    t->working--;
}

/* --- the client ------------------------------------------------------------------------------------------------------- */

static char got[40 << 20];
static size_t got_n;

static io_stream *dial(site *t)
{
    nicol_error err = {0};
    int fd = io_connect(S("127.0.0.1"), t->port, in_ms(5000), &err);
    io_stream *s = fd >= 0 ? io_stream_open(fd, NULL, in_ms(1000), &err) : NULL;
    if (!s && !tap.quiet) diag("dial: %s", err.text);
    return s;
}

static bool send_text(io_stream *s, const char *text)
{
    io_result why;
    return s && io_write_all(s, text, strlen(text), in_ms(5000), &why);
}

/* Reads until `until` was seen, or to the end when it is NULL. */
static nicol_str read_until(io_stream *s, const char *until, int ms)
{
    got_n = 0;
    io_result why;
    int64_t deadline = in_ms(ms);
    while (s && got_n < sizeof got) {
        ptrdiff_t n = io_read(s, got + got_n, sizeof got - got_n, deadline, &why);
        if (n < 0 && why == IO_TIMEOUT && !tap.quiet) diag("client: time limit after %zu bytes", got_n);
        if (n <= 0) break;
        got_n += (size_t)n;
        if (until && str_find(str_of(got, got_n), str_c(until), 0) != SIZE_MAX) break;
    }
    return str_of(got, got_n);
}

static bool has(nicol_str s, const char *part)
{
    bool found = str_find(s, str_c(part), 0) != SIZE_MAX;
    if (!found) diag("looked for %s in\n%.*s", part, (int)(s.len > 600 ? 600 : s.len), s.ptr);
    return found;
}

/* One connection, one text, all that comes back until the server closes. */
static nicol_str ask_to_end(site *t, const char *text, int ms)
{
    io_stream *s = dial(t);
    (void)!send_text(s, text);
    nicol_str r = read_until(s, NULL, ms);
    io_stream_close(s);
    return r;
}

#define H "Host: 127.0.0.1\r\n"
#define BYE H "Connection: close\r\n\r\n"

/* --- a site around each test ------------------------------------------------------------------------------------------ */

typedef struct trial {
    site site;
    void (*test)(site *t);
} trial;

static void driver(void *arg)
{
    trial *x = arg;
    x->test(&x->site);
    if (!http_server_drained(x->site.server)) {
        http_server_drain(x->site.server, in_ms(2000));
        ok(http_server_wait(x->site.server, IO_NEVER) == IO_READY, "drained");
    }
    http_stats st = http_server_stats(x->site.server);
    ok(st.open == 0 && st.busy == 0, "no connection is counted any more (%" PRIu64 ", %" PRIu64 ")", st.open, st.busy);
    http_server_free(x->site.server);
    io_loop_stop(x->site.loop);
}

static void run_site(void (*test)(site *t), http_limits limits, io_tls *tls, const mem *m)
{
    nicol_error err = {0};
    trial x = {.test = test};
    x.site.loop = io_loop_new(&(io_loop_opts){.m = m}, &err);
    if (!x.site.loop) {
        ok(m && tap_faulted(m), "no loop without memory");
        return;
    }
    if (!io_listen(S("127.0.0.1"), 0, 4096, &x.site.fd, &x.site.port, &err)) abort();
    http_listener listener = {x.site.fd, tls};
    http_server_opts o = {.m = m,
                          .listeners = &listener,
                          .listeners_n = 1,
                          .limits = limits,
                          .handle = handle,
                          .ctx = &x.site,
                          .server_name = "test"};
    x.site.server = http_server_new(x.site.loop, &o, &err);
    if (x.site.server) {
        ok(io_spawn(x.site.loop, "driver", driver, &x, &err), "spawn");
        ok(io_loop_run(x.site.loop, &err), "the loop ran");
    } else {
        ok(m && tap_faulted(m), "no server without memory");
    }
    io_close(x.site.fd);
    io_loop_free(x.site.loop);
}

/* --- tests ------------------------------------------------------------------------------------------------------------ */

static void test_answers(site *t)
{
    nicol_str r = ask_to_end(t, "GET /n/1 HTTP/1.1\r\n" BYE, 2000);
    ok(str_starts(r, S("HTTP/1.1 200 OK\r\nDate: ")) && has(r, " GMT\r\nServer: test\r\n") && has(r, "\r\n\r\n1") &&
           has(r, "Content-Type: text/plain\r\nContent-Length: 1\r\nx-n: 1\r\nConnection: close\r\n\r\n"),
       "an answer");
    r = ask_to_end(t, "GET /about HTTP/1.1\r\n" BYE, 2000);
    ok(has(r, "1 0 127.0.0.1 127.0.0.1"), "what the handler is told");
    r = ask_to_end(t, "GET /a%20b/%c3%a9 HTTP/1.1\r\n" BYE, 2000);
    ok(has(r, "decoded"), "a decoded path");
    r = ask_to_end(t, "GET /%ff HTTP/1.1\r\n" BYE, 2000);
    ok(str_starts(r, S("HTTP/1.1 400 ")), "a path that is no text");
    r = ask_to_end(t, "GET /%00 HTTP/1.1\r\n" BYE, 2000);
    ok(str_starts(r, S("HTTP/1.1 400 ")), "a NUL in the path");
    r = ask_to_end(t, "HEAD /n/123 HTTP/1.1\r\n" BYE, 2000);
    ok(has(r, "Content-Length: 3\r\n") && str_ends(r, S("\r\n\r\n")), "HEAD has a head only");
    r = ask_to_end(t, "GET /204 HTTP/1.1\r\n" BYE, 2000);
    ok(str_starts(r, S("HTTP/1.1 204 ")) && str_ends(r, S("\r\n\r\n")) &&
           str_find(r, S("Content-Length"), 0) == SIZE_MAX,
       "204 has no body");
    r = ask_to_end(t, "GET /none HTTP/1.1\r\n" BYE, 2000);
    ok(str_starts(r, S("HTTP/1.1 404 Not Found\r\n")) && has(r, "Content-Length: 0\r\n"), "404");
    r = ask_to_end(t, "GET /too-big HTTP/1.1\r\n" BYE, 2000);
    ok(str_starts(r, S("HTTP/1.1 500 ")) && has(r, "larger than the limit"), "an answer over its limit");
    r = ask_to_end(t, "GET /n/1 HTTP/1.0\r\n\r\n", 2000);
    ok(has(r, "Connection: close\r\n"), "HTTP/1.0 ends");
    r = ask_to_end(t, "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n" BYE "hello", 2000);
    ok(has(r, "\r\n\r\nhello"), "a body");
    r = ask_to_end(t, "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" BYE "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
                   2000);
    ok(has(r, "Content-Length: 5\r\n") && has(r, "\r\n\r\nhello"), "a body in chunks");
    r = ask_to_end(t, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 2000);
    ok(str_starts(r, S("HTTP/1.1 400 Bad Request\r\n")) && has(r, "Connection: close\r\n") && has(r, "stands twice\n"),
       "a refusal says why and closes");
    r = ask_to_end(t, "POST /echo HTTP/1.1\r\n" H "Content-Length: 2000000\r\n\r\n....", 3000);
    ok(str_starts(r, S("HTTP/1.1 413 ")), "a body over the limit");
    r = ask_to_end(t, "GET /stream HTTP/1.1\r\n" BYE, 3000);
    ok(has(r, "Transfer-Encoding: chunked\r\n") && has(r, "\r\n\r\n4\r\none,\r\n186a0\r\nbbb") &&
           str_ends(r, S("b\r\n4\r\n,two\r\n0\r\n\r\n")),
       "a stream in chunks");
    r = ask_to_end(t, "GET /stream?close HTTP/1.1\r\n" H "\r\n", 3000);
    ok(has(r, "Connection: close\r\n\r\none,bbb") && str_ends(r, S("b,two")), "a stream to the end");
    r = ask_to_end(t, "HEAD /stream HTTP/1.1\r\n" BYE, 3000);
    ok(has(r, "Transfer-Encoding: chunked\r\n") && str_ends(r, S("\r\n\r\n")), "HEAD of a stream");

    io_stream *s = dial(t);
    ok(send_text(s, "POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n" H "\r\n"), "expect");
    is_str(read_until(s, "\r\n\r\n", 2000), S("HTTP/1.1 100 Continue\r\n\r\n"));
    ok(send_text(s, "ok") && has(read_until(s, "\r\n\r\nok", 2000), "HTTP/1.1 200 OK"), "then the answer");
    ok(send_text(s, "GET /take HTTP/1.1\r\nUpgrade: x\r\nConnection: upgrade\r\n" H "\r\nearly"), "upgrade");
    ok(has(read_until(s, "\r\n\r\n", 2000), "HTTP/1.1 101 "), "taken over");
    is_str(t->taken, S("early"));
    ok(send_text(s, "x"), "write");
    is_str(read_until(s, "x", 2000), S("x"));
    io_stream_close(s);
    sleep_ms(5); /* the last handler ends after its client */
    http_stats st = http_server_stats(t->server);
    ok(st.requests == 15 && st.refused == 4 && st.bytes_in > 0 && st.bytes_out > 0,
       "counted (%" PRIu64 " answered, %" PRIu64 " refused)", st.requests, st.refused);
}

static void test_keep_alive(site *t)
{
    io_stream *s = dial(t);
    for (int i = 0; i < 20; i++) {
        char text[100], want[20];
        snprintf(text, sizeof text, "GET /n/%d HTTP/1.1\r\n" H "\r\n", i);
        snprintf(want, sizeof want, "\r\n\r\n%d", i);
        if (!send_text(s, text) || !has(read_until(s, want, 2000), want)) ok(false, "request %d", i);
        if (i % 5 == 0) sleep_ms(2);
    }
    ok(true, "20 requests on one connection");
    /* All at once, cut at odd places. */
    static char text[20000];
    size_t n = 0;
    for (int i = 0; i < 100; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "POST /echo HTTP/1.1\r\n" H "Content-Length: 4\r\n\r\n<%02d>",
                              i % 100);
    }
    n += (size_t)snprintf(text + n, sizeof text - n, "GET /n/last HTTP/1.1\r\n" BYE);
    io_result why;
    for (size_t at = 0; at < n; at += 777) {
        if (!io_write_all(s, text + at, n - at < 777 ? n - at : 777, in_ms(2000), &why)) ok(false, "write");
        io_yield();
    }
    nicol_str r = read_until(s, NULL, 3000);
    size_t at = 0;
    bool in_order = true;
    for (int i = 0; i < 100 && in_order; i++) {
        char want[16];
        snprintf(want, sizeof want, "\r\n\r\n<%02d>", i);
        at = str_find(r, str_c(want), at);
        in_order = at != SIZE_MAX;
    }
    ok(in_order && str_ends(r, S("\r\n\r\nlast")), "101 pipelined requests are answered in order");
    io_stream_close(s);
    s = dial(t);
    ok(send_text(s, "GET /n/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") &&
           has(read_until(s, "\r\n\r\n1", 2000), "Connection: keep-alive\r\n"),
       "keep-alive in 1.0");
    io_stream_close(s);
}

static void test_time_limits(site *t)
{
    int64_t start = clock_mono_us();
    nicol_str r = ask_to_end(t, "GET / HT", 3000);
    ok(str_starts(r, S("HTTP/1.1 408 ")) && clock_mono_us() - start > 140000, "half a head: 408 after its time");
    r = ask_to_end(t, "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n" H "\r\nab", 3000);
    ok(str_starts(r, S("HTTP/1.1 408 ")), "half a body: 408");
    r = ask_to_end(t, "", 3000);
    ok(r.len == 0, "no request: closed without a word");
    r = ask_to_end(t, "GET /n/1 HTTP/1.1\r\n" H "\r\n", 3000);
    ok(str_ends(r, S("\r\n\r\n1")), "idle after a request: closed without a word");
    /* Slow loris: a byte now and then never completes a head, however many bytes come. */
    io_stream *s = dial(t);
    static const char head[] =
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    size_t i = 0;
    io_result why;
    while (i < sizeof head - 1 && !io_stream_gone(s) && io_write_all(s, head + i, 1, in_ms(1000), &why)) {
        i++;
        sleep_ms(10);
    }
    ok(i < sizeof head - 1, "a slow loris is dropped (after %zu bytes)", i);
    io_stream_close(s);
    /* Stops reading: the answer does not fit the sockets' buffers. */
    s = dial(t);
    int small = 4096;
    (void)setsockopt(io_stream_fd(s), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    uint64_t before = http_server_stats(t->server).timeouts;
    ok(send_text(s, "GET /big HTTP/1.1\r\n" H "\r\n"), "asked for 32 MB");
    for (int k = 0; k < 200 && http_server_stats(t->server).timeouts == before; k++) sleep_ms(10);
    ok(http_server_stats(t->server).timeouts == before + 1 && http_server_stats(t->server).busy == 0,
       "a client that stops reading is dropped");
    io_stream_close(s);
    /* Reads slowly but steadily: served to the end, although all of it takes longer than the limit. */
    s = dial(t);
    ok(send_text(s, "GET /big HTTP/1.1\r\n" BYE), "asked for 32 MB");
    size_t total = 0;
    start = clock_mono_us();
    for (ptrdiff_t n; (n = io_read(s, got, 1 << 20, in_ms(3000), &why)) > 0; total += (size_t)n) sleep_ms(10);
    ok(total > 32 << 20, "a slow reader is served to the end (%" PRId64 " ms)", (clock_mono_us() - start) / 1000);
    io_stream_close(s);
}

static void test_client_gone(site *t)
{
    io_stream *s = dial(t);
    ok(send_text(s, "GET /wait HTTP/1.1\r\n" H "\r\n"), "asked");
    sleep_ms(10);
    ok(t->working == 1, "at work");
    io_stream_close(s);
    for (int i = 0; i < 100 && t->working; i++) sleep_ms(2);
    ok(t->gone == 1 && t->working == 0, "the handler sees that its client has gone");
}

static void test_connection_limit(site *t)
{
    io_stream *s[3];
    for (int i = 0; i < 3; i++) s[i] = dial(t);
    sleep_ms(5);
    ok(has(read_until(s[2], "\r\n\r\n", 2000), "HTTP/1.1 503 "), "one connection too many: 503");
    ok(send_text(s[0], "GET /n/1 HTTP/1.1\r\n" H "\r\n") && has(read_until(s[0], "\r\n\r\n1", 2000), "200 OK"),
       "the others work");
    for (int i = 0; i < 3; i++) io_stream_close(s[i]);
    sleep_ms(5);
    s[0] = dial(t);
    ok(send_text(s[0], "GET /n/1 HTTP/1.1\r\n" H "\r\n") && has(read_until(s[0], "\r\n\r\n1", 2000), "200 OK"),
       "room again");
    io_stream_close(s[0]);
    ok(http_server_stats(t->server).over_limit == 1, "counted");
}

static size_t rss_bytes(void)
{
    char text[128] = "";
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f) return 0;
    if (!fgets(text, sizeof text, f)) text[0] = 0;
    (void)fclose(f);
    char *second = strchr(text, ' ');
    return second ? strtoul(second, NULL, 10) * 4096 : 0;
}

enum { IDLE = 5000 };
static void test_idle(site *t)
{
    static int fds[IDLE];
    struct rlimit lim;
    if (getrlimit(RLIMIT_NOFILE, &lim) != 0 || lim.rlim_max < 2 * IDLE + 100) {
        diag("not enough descriptors for %d idle connections", IDLE);
        return;
    }
    lim.rlim_cur = 2 * IDLE + 100;
    (void)setrlimit(RLIMIT_NOFILE, &lim);
    nicol_error err = {0};
    size_t before = rss_bytes();
    static const char ask[] = "GET /n/1 HTTP/1.1\r\n" H "\r\n";
    int bad = 0;
    for (int i = 0; i < IDLE; i++) {
        fds[i] = io_connect(S("127.0.0.1"), t->port, in_ms(5000), &err);
        if (fds[i] < 0) bad++;
    }
    for (int i = 0; i < 200 && http_server_stats(t->server).open < IDLE; i++) sleep_ms(5);
    ok(bad == 0 && http_server_stats(t->server).open == IDLE, "%d connections are open", IDLE);
    size_t fresh = rss_bytes();
    /* Every one asks once, all in work together, and goes back to sleep. */
    for (int i = 0; i < IDLE; i++) bad += write(fds[i], ask, sizeof ask - 1) != sizeof ask - 1;
    char b[512];
    for (int i = 0; i < IDLE; i++) {
        ssize_t n = read(fds[i], b, sizeof b);
        if (n < 0 && errno == EAGAIN && io_wait(fds[i], IO_READ, in_ms(5000)) == IO_READY)
            n = read(fds[i], b, sizeof b);
        bad += n < 100 || memcmp(b, "HTTP/1.1 200", 12) != 0;
    }
    for (int i = 0; i < 1000 && http_server_stats(t->server).busy; i++) sleep_ms(5);
    ok(bad == 0 && http_server_stats(t->server).busy == 0, "each has asked once and is idle");
    sleep_ms(2300); /* unused stacks and buffers are given up after a second or two */
    size_t after = rss_bytes();
    diag("idle connections, bytes of RSS each (client's side and both sockets' descriptors in this process): "
         "%zu before, %zu after their first request",
         (fresh - before) / IDLE, (after > before ? after - before : 0) / IDLE);
    for (int i = 0; i < IDLE; i++) io_close(fds[i]);
    for (int i = 0; i < 400 && http_server_stats(t->server).open; i++) sleep_ms(5);
    ok(http_server_stats(t->server).open == 0, "and their ends are seen");
}

static void test_drain(site *t)
{
    io_stream *idle = dial(t), *running = dial(t), *stuck = dial(t);
    ok(send_text(idle, "GET /n/1 HTTP/1.1\r\n" H "\r\n") && has(read_until(idle, "\r\n\r\n1", 2000), "200"),
       "one idle");
    ok(send_text(running, "GET /slow HTTP/1.1\r\n" H "\r\n"), "one running");
    ok(send_text(stuck, "GET /stuck HTTP/1.1\r\n" H "\r\n"), "one stuck");
    sleep_ms(10);
    int64_t start = clock_mono_us();
    http_server_drain(t->server, in_ms(200));
    ok(!http_server_drained(t->server), "not at once");
    ok(read_until(idle, NULL, 1000).len == 0 && !http_server_drained(t->server), "the idle one is closed at once");
    nicol_str r = read_until(running, NULL, 1000);
    ok(has(r, "Connection: close\r\n") && str_ends(r, S("slow")) && t->cancelled == 0,
       "the running one is answered and closed");
    ok(http_server_wait(t->server, in_ms(5)) == IO_TIMEOUT, "the stuck one is waited for");
    ok(http_server_wait(t->server, in_ms(3000)) == IO_READY, "until the deadline");
    int64_t took = clock_mono_us() - start;
    ok(took > 190000 && t->cancelled == 1, "then it is cancelled (%" PRId64 " ms)", took / 1000);
    io_stream_close(idle), io_stream_close(running), io_stream_close(stuck);
}

/* --- TLS -------------------------------------------------------------------------------------------------------------- */

typedef struct tls_client {
    uint16_t port;
    char text[4096];
    bool good;
} tls_client;

static void tls_ask(void *arg)
{
    tls_client *c = arg;
    nicol_error err = {0};
    int fd = io_connect(S("127.0.0.1"), c->port, in_ms(5000), &err);
    int flags = 0;
    (void)flags;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    int r;
    while ((r = SSL_connect(ssl)) != 1 && SSL_get_error(ssl, r) == SSL_ERROR_WANT_READ)
        (void)io_wait(fd, IO_READ, in_ms(3000));
    size_t n = 0;
    for (int i = 0; r == 1 && i < 3; i++) {
        static const char ask[] = "GET /about HTTP/1.1\r\n" H "\r\n";
        if (SSL_write(ssl, ask, sizeof ask - 1) != sizeof ask - 1) break;
        int m;
        while ((m = SSL_read(ssl, c->text + n, (int)(sizeof c->text - 1 - n))) <= 0 &&
               SSL_get_error(ssl, m) == SSL_ERROR_WANT_READ && io_wait(fd, IO_READ, in_ms(3000)) == IO_READY) {
        }
        if (m <= 0) break;
        n += (size_t)m;
        c->good = i == 2;
        (void)usleep(3000);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    io_close(fd);
}

static void test_tls(site *t)
{
    tls_client c = {.port = t->port};
    io_offload(tls_ask, &c); /* on a thread: there io_wait is poll() */
    ok(c.good && has(str_c(c.text), "1 1 127.0.0.1 127.0.0.1"), "three requests over TLS on one connection");
    nicol_str r = ask_to_end(t, "GET / HTTP/1.1\r\n" BYE, 3000);
    ok(str_find(r, S("HTTP/1.1 200"), 0) == SIZE_MAX, "plain text on the TLS port gets no answer");
    io_stream *s = dial(t);
    sleep_ms(10);
    http_server_drain(t->server, in_ms(50));
    ok(http_server_wait(t->server, in_ms(2000)) == IO_READY, "a handshake that never comes ends with the drain");
    io_stream_close(s);
}

/* --- memory ----------------------------------------------------------------------------------------------------------- */

static void test_faults(site *t)
{
    /* Whatever fails, the client gets an answer or an end, and nothing leaks. */
    nicol_str r = ask_to_end(t, "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n" BYE "hello", 2000);
    ok(r.len == 0 || str_starts(r, S("HTTP/1.1 ")), "an answer or an end");
    io_stream *s = dial(t);
    if (send_text(s, "GET /n/1%20 HTTP/1.1\r\n" H "\r\nGET /stream HTTP/1.1\r\n" BYE)) (void)read_until(s, NULL, 2000);
    io_stream_close(s);
}

int main(void)
{
    http_limits usual = {.body_bytes = 1 << 20, .response_bytes = 100000};
    run_site(test_answers, usual, NULL, NULL);
    run_site(test_keep_alive, usual, NULL, NULL);
    run_site(test_time_limits, (http_limits){.head_ms = 150, .body_ms = 150, .idle_ms = 150, .write_ms = 150}, NULL,
             NULL);
    run_site(test_client_gone, usual, NULL, NULL);
    run_site(test_connection_limit, (http_limits){.connections = 2}, NULL, NULL);
    run_site(test_idle, usual, NULL, NULL);
    run_site(test_drain, usual, NULL, NULL);
    tls_files f;
    tls_files_make(&f);
    nicol_error err = {0};
    io_tls *tls = io_tls_server_new(f.cert, f.key, &err);
    ok(tls != NULL, "certificate");
    run_site(test_tls, usual, tls, NULL);
    io_tls_free(tls);
    tls_files_remove(&f);
    FOR_EACH_FAULT(m, "requests under faults") run_site(test_faults, usual, NULL, m);
    return done_testing();
}
