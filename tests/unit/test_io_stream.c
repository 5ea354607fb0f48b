/* Sockets and TLS: listen, connect, accept, streams, in fibers and without a loop. */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "io/io.h"
#include "tap.h"
#include "tls_cert.h"

static int64_t in_ms(int ms)
{
    return clock_mono_us() + ms * 1000;
}

static io_loop *new_loop(void)
{
    nicol_error err = {0};
    io_loop *l = io_loop_new(NULL, &err);
    if (!l) abort();
    return l;
}

static void run_to_end(io_loop *l)
{
    nicol_error err = {0};
    io_loop_stop(l);
    ok(io_loop_run(l, &err), "the loop ran");
    io_loop_free(l);
}

static void spawn(io_loop *l, void (*fn)(void *), void *arg)
{
    nicol_error err = {0};
    ok(io_spawn(l, "test", fn, arg, &err), "spawn");
}

/* --- plain ------------------------------------------------------------------------------------------------------------ */

enum { BIG = 8 << 20 };

typedef struct plain {
    int listen_fd;
    uint16_t port;
    nicol_str host;
    size_t echoed;
} plain;

static void echo_server(void *arg)
{
    plain *p = arg;
    io_result why;
    nicol_error err = {0};
    int fd = io_accept(p->listen_fd, in_ms(5000), &why);
    ok(fd >= 0 && why == IO_READY, "accepted");
    io_stream *s = io_stream_open(fd, NULL, in_ms(5000), &err);
    ok(s && !io_stream_is_tls(s) && io_stream_fd(s) == fd, "a plain stream");
    char b[10000];
    ptrdiff_t n;
    while ((n = io_read(s, b, sizeof b, in_ms(5000), &why)) > 0) {
        if (!io_write_all(s, b, (size_t)n, in_ms(5000), &why)) break;
        p->echoed += (size_t)n;
    }
    ok(n == 0, "the client's end is seen");
    ok(io_stream_gone(s), "and told by io_stream_gone");
    io_stream_close(s);
    io_close(p->listen_fd);
}

typedef struct reader {
    io_stream *s;
    size_t want, got;
    bool wrong;
} reader;

static void read_back(void *arg)
{
    reader *r = arg;
    char b[20000];
    io_result why;
    while (r->got < r->want) {
        ptrdiff_t n = io_read(r->s, b, sizeof b, in_ms(5000), &why);
        if (n <= 0) break;
        for (ptrdiff_t i = 0; i < n; i++) r->wrong = r->wrong || b[i] != (char)((r->got + (size_t)i) * 7 >> 3);
        r->got += (size_t)n;
    }
    io_stream_close(r->s);
}

static void echo_client(void *arg)
{
    plain *p = arg;
    nicol_error err = {0};
    io_result why;
    int fd = io_connect(p->host, p->port, in_ms(5000), &err);
    ok(fd >= 0, "connected to %.*s %s", STR_FMT(p->host), err.text);
    io_stream *s = io_stream_open(fd, NULL, in_ms(5000), &err);
    ok(s && !io_stream_gone(s), "a stream whose peer is there");
    char *data = malloc(BIG);
    if (!data) abort();
    for (size_t i = 0; i < BIG; i++) data[i] = (char)(i * 7 >> 3);
    char c;
    ok(io_read(s, &c, 1, in_ms(5), &why) == -1 && why == IO_TIMEOUT, "nothing to read: a time out");
    io_cancel(io_self());
    ok(io_read(s, &c, 1, IO_NEVER, &why) == -1 && why == IO_CANCELLED, "a cancelled read");
    /* A reader and a writer on one stream. */
    static reader r;
    r = (reader){.s = s, .want = BIG};
    spawn(io_loop_here(), read_back, &r);
    ok(io_write_two(s, str_of(data, 1000), str_of(data + 1000, BIG - 1000), in_ms(20000), &why), "8 MB written");
    while (r.got < r.want && !r.wrong) (void)io_sleep_until(in_ms(1));
    ok(r.got == BIG && !r.wrong, "and read back");
    free(data);
}

static void test_plain(const char *host)
{
    plain p = {.host = str_c(host)};
    nicol_error err = {0};
    if (!io_listen(p.host, 0, 16, &p.listen_fd, &p.port, &err)) {
        diag("%s: %s", host, err.text);
        return;
    }
    ok(p.port != 0, "listening on %s port %u", host, p.port);
    io_loop *l = new_loop();
    spawn(l, echo_server, &p);
    spawn(l, echo_client, &p);
    run_to_end(l);
    ok(p.echoed == BIG, "all echoed");
}

static void no_reader(void *arg)
{
    int *fds = arg;
    nicol_error err = {0};
    io_result why;
    io_stream *s = io_stream_open(fds[0], NULL, IO_NEVER, &err);
    char *big = calloc(1, BIG);
    if (!s || !big) abort();
    ok(!io_write_all(s, big, BIG, in_ms(30), &why) && why == IO_TIMEOUT, "a peer that does not read: a time out");
    (void)close(fds[1]);
    ok(!io_write_all(s, big, BIG, in_ms(30), &why) && why == IO_FAILED, "a peer that is gone: a failure, no SIGPIPE");
    ok(io_stream_gone(s), "gone");
    free(big);
    io_stream_close(s);
}

static void closes_listener(void *arg)
{
    (void)io_sleep_until(in_ms(3));
    io_close(*(int *)arg);
}

static void accept_ends(void *arg)
{
    io_result why;
    int fd = *(int *)arg;
    ok(io_accept(fd, in_ms(2), &why) == -1 && why == IO_TIMEOUT, "no connection: a time out");
    ok(io_accept(fd, IO_NEVER, &why) == -1 && why == IO_CLOSED, "the listening socket is closed");
}

static void refused(void *arg)
{
    nicol_error err = {0};
    ok(io_connect(S("127.0.0.1"), *(uint16_t *)arg, in_ms(1000), &err) == -1 && err.code == NICOL_E_SYSTEM,
       "refused: %s", err.text);
    nicol_error err2 = {0};
    ok(io_connect(S("no-such-host.invalid"), 1, in_ms(10000), &err2) == -1, "no such host: %s", err2.text);
    nicol_error err3 = {0};
    ok(io_connect(S(""), 1, in_ms(100), &err3) == -1 && err3.code == NICOL_E_USAGE, "an empty host");
}

static void test_failures(void)
{
    int fds[2], fd;
    uint16_t port;
    nicol_error err = {0};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) abort();
    io_loop *l = new_loop();
    spawn(l, no_reader, fds);
    ok(io_listen(S("127.0.0.1"), 0, 4, &fd, &port, &err), "listen");
    spawn(l, accept_ends, &fd);
    spawn(l, closes_listener, &fd);
    uint16_t closed = 1; /* a port where nobody listens */
    spawn(l, refused, &closed);
    run_to_end(l);
    nicol_error err1 = {0}, err2 = {0};
    ok(!io_listen(S("example.com"), 0, 4, &fd, &port, &err1) && err1.code == NICOL_E_USAGE, "a name: %s", err1.text);
    int first;
    ok(io_listen(S("127.0.0.1"), 0, 4, &first, &port, &err), "listen");
    ok(!io_listen(S("127.0.0.1"), port, 4, &fd, &port, &err2) && err2.code == NICOL_E_SYSTEM, "taken: %s", err2.text);
    io_close(first);
    ok(io_stream_open(-1, NULL, IO_NEVER, &err) == NULL, "no descriptor, no stream");
}

/* --- TLS -------------------------------------------------------------------------------------------------------------- */

typedef struct tls_test {
    io_tls *tls;
    int listen_fd;
    uint16_t port;
    bool client_good;
    int idle_calls;
    io_watch watch;
} tls_test;

/* A plain blocking client on a thread of its own. */
static void *tls_client(void *arg)
{
    tls_test *t = arg;
    nicol_error err = {0};
    int fd = io_connect(S("127.0.0.1"), t->port, in_ms(5000), &err);
    if (fd < 0) return NULL;
    int flags = 0;
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    (void)poll(&p, 1, 1000);
    (void)flags;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    SSL_set_fd(ssl, fd);
    char *data = malloc(1 << 20), *back = malloc(1 << 20);
    if (!data || !back) abort();
    for (size_t i = 0; i < 1 << 20; i++) data[i] = (char)(i * 13 >> 2);
    size_t put = 0, got = 0;
    bool shaken = false, failed = false;
    while (!failed && got < 1 << 20) {
        int r;
        ERR_clear_error();
        if (!shaken) {
            r = SSL_connect(ssl);
            shaken = r == 1;
        } else {
            if (put < 1 << 20) {
                size_t part = (1 << 20) - put > 16384 ? 16384 : (1 << 20) - put;
                r = SSL_write(ssl, data + put, (int)part);
                if (r > 0) put += (size_t)r;
                if (r <= 0 && SSL_get_error(ssl, r) != SSL_ERROR_WANT_READ &&
                    SSL_get_error(ssl, r) != SSL_ERROR_WANT_WRITE)
                    failed = true;
            }
            ERR_clear_error();
            r = SSL_read(ssl, back + got, (int)((1 << 20) - got));
            if (r > 0) got += (size_t)r;
        }
        if (r <= 0) {
            int e = SSL_get_error(ssl, r);
            if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
                struct pollfd w = {.fd = fd,
                                   .events = POLLIN | (e == SSL_ERROR_WANT_WRITE || put < 1 << 20 ? POLLOUT : 0)};
                if (poll(&w, 1, 5000) <= 0) failed = true;
            } else {
                failed = true;
            }
        }
    }
    t->client_good = !failed && got == 1 << 20 && memcmp(data, back, 1 << 20) == 0;
    (void)SSL_shutdown(ssl);
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    (void)close(fd);
    free(data);
    free(back);
    return NULL;
}

static void tls_echo(void *arg)
{
    tls_test *t = arg;
    io_result why;
    nicol_error err = {0};
    int fd = io_accept(t->listen_fd, in_ms(5000), &why);
    io_stream *s = io_stream_open(fd, t->tls, in_ms(5000), &err);
    ok(s && io_stream_is_tls(s), "a TLS stream %s", err.text);
    if (!s) return;
    char b[5000];
    ptrdiff_t n;
    size_t total = 0;
    while ((n = io_read(s, b, sizeof b, in_ms(5000), &why)) > 0) {
        nicol_str a = str_of(b, (size_t)n / 3), rest = str_of(b + n / 3, (size_t)n - (size_t)n / 3);
        if (!io_write_two(s, a, rest, in_ms(5000), &why)) break;
        total += (size_t)n;
    }
    ok(n == 0 && total == 1 << 20, "1 MB echoed over TLS, then the client's end (%zd, %zu)", (ssize_t)n, total);
    io_stream_close(s);
}

static void tls_plain_client(void *arg)
{
    tls_test *t = arg;
    nicol_error err = {0};
    io_result why;
    int fd = io_connect(S("127.0.0.1"), t->port, in_ms(1000), &err);
    io_stream *s = io_stream_open(fd, NULL, IO_NEVER, &err);
    ok(s && io_write_all(s, "GET / HTTP/1.1\r\n\r\n", 18, in_ms(1000), &why), "plain text to a TLS port");
    char c;
    while (io_read(s, &c, 1, in_ms(2000), &why) > 0) {
    }
    io_stream_close(s);
}

static void tls_refuses(void *arg)
{
    tls_test *t = arg;
    io_result why;
    nicol_error err = {0}, err2 = {0};
    int fd = io_accept(t->listen_fd, in_ms(5000), &why);
    ok(io_stream_open(fd, t->tls, in_ms(1000), &err) == NULL && err.code == NICOL_E_SYSTEM, "is refused: %s", err.text);
    int other = io_connect(S("127.0.0.1"), t->port, in_ms(1000), &err2);
    fd = io_accept(t->listen_fd, in_ms(5000), &why);
    ok(io_stream_open(fd, t->tls, in_ms(20), &err2) == NULL, "a silent client: %s", err2.text);
    io_close(other);
}

static void test_tls(void)
{
    tls_files f;
    tls_files_make(&f);
    nicol_error err = {0}, err1 = {0}, err2 = {0};
    ok(io_tls_server_new("/nonexistent", f.key, &err1) == NULL && err1.code == NICOL_E_SYSTEM, "no certificate: %s",
       err1.text);
    ok(io_tls_server_new(f.cert, f.cert, &err2) == NULL && err2.code == NICOL_E_SYSTEM, "no key: %s", err2.text);
    tls_test t = {.tls = io_tls_server_new(f.cert, f.key, &err)};
    ok(t.tls != NULL, "certificate and key");
    ok(io_listen(S("127.0.0.1"), 0, 16, &t.listen_fd, &t.port, &err), "listen");
    io_loop *l = new_loop();
    pthread_t client;
    if (pthread_create(&client, NULL, tls_client, &t) != 0) abort();
    spawn(l, tls_echo, &t);
    run_to_end(l);
    (void)pthread_join(client, NULL);
    ok(t.client_good, "the client got back what it sent");
    l = new_loop();
    spawn(l, tls_refuses, &t);
    spawn(l, tls_plain_client, &t);
    run_to_end(l);
    /* Without a loop the same code serves a plain program. */
    if (pthread_create(&client, NULL, tls_client, &t) != 0) abort();
    t.client_good = false;
    tls_echo(&t);
    (void)pthread_join(client, NULL);
    ok(t.client_good, "without a loop too");
    io_close(t.listen_fd);
    io_tls_free(t.tls);
    tls_files_remove(&f);
}

int main(void)
{
    test_plain("127.0.0.1");
    test_plain("localhost");
    test_plain("::1");
    test_failures();
    test_tls();
    return done_testing();
}
