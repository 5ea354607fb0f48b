/* io/tls.c - TLS for streams, by OpenSSL 3.
 *
 * The socket is reached through a BIO of our own, because OpenSSL's writes without MSG_NOSIGNAL: a client that has gone
 * would end the process. A fiber never leaves the thread between an SSL call and SSL_get_error, and the error queue,
 * which all fibers of the thread share, is emptied before each call.
 */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "io/io_int.h"

struct io_tls {
    SSL_CTX *ctx;
    BIO_METHOD *bio;
};

struct io_tls_conn {
    const mem *m;
    SSL *ssl;
    int fd;
};

/* --- the BIO ---------------------------------------------------------------------------------------------------------- */

static int bio_fd(BIO *b)
{
    return (int)(intptr_t)BIO_get_data(b);
}

static int bio_write(BIO *b, const char *p, int n)
{
    BIO_clear_retry_flags(b);
    ssize_t put = send(bio_fd(b), p, n > 0 ? (size_t)n : 0, MSG_NOSIGNAL);
    if (put < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(b);
    return (int)put;
}

static int bio_read(BIO *b, char *p, int n)
{
    BIO_clear_retry_flags(b);
    ssize_t got = recv(bio_fd(b), p, n > 0 ? (size_t)n : 0, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(b);
    if (got == 0) BIO_set_flags(b, BIO_FLAGS_IN_EOF);
    return (int)got;
}

static long bio_ctrl(BIO *b, int cmd, long num, void *ptr)
{
    (void)num;
    (void)ptr;
    switch (cmd) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return BIO_test_flags(b, BIO_FLAGS_IN_EOF) != 0;
    default:
        return 0;
    }
}

static BIO_METHOD *make_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "nicol socket");
    if (!m) return NULL;
    if (BIO_meth_set_write(m, bio_write) == 1 && BIO_meth_set_read(m, bio_read) == 1 &&
        BIO_meth_set_ctrl(m, bio_ctrl) == 1)
        return m;
    BIO_meth_free(m);
    return NULL;
}

/* --- the certificate -------------------------------------------------------------------------------------------------- */

static const char *ssl_reason(char *text, size_t n)
{
    unsigned long e = ERR_peek_last_error();
    if (e == 0) return "unknown reason";
    ERR_error_string_n(e, text, n);
    ERR_clear_error();
    return text;
}

/* Offers http/1.1 and nothing else; a client that offers neither goes on without ALPN. */
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                       unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl;
    (void)arg;
    unsigned char *got = NULL;
    int r = SSL_select_next_proto(&got, out_len, ours, sizeof ours - 1, in, in_len);
    *out = got;
    return r == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

io_tls *io_tls_server_new(const char *cert_file, const char *key_file, nicol_error *err)
{
    char text[256];
    io_tls *t = mem_default->alloc(mem_default->ctx, sizeof *t);
    if (!t) {
        nicol_fail_oom(err);
        return NULL;
    }
    *t = (io_tls){0};
    ERR_clear_error();
    t->bio = make_bio_method();
    t->ctx = SSL_CTX_new(TLS_server_method());
    if (!t->bio || !t->ctx || SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1) {
        nicol_fail(err, NICOL_E_SYSTEM, "cannot set up TLS: %s", ssl_reason(text, sizeof text));
        goto failed;
    }
    SSL_CTX_set_mode(t->ctx,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_alpn_select_cb(t->ctx, choose_alpn, NULL);
    if (SSL_CTX_use_certificate_chain_file(t->ctx, cert_file) != 1) {
        nicol_fail(err, NICOL_E_SYSTEM, "cannot read the TLS certificate \"%s\": %s", cert_file,
                   ssl_reason(text, sizeof text));
        goto failed;
    }
    if (SSL_CTX_use_PrivateKey_file(t->ctx, key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(t->ctx) != 1) {
        nicol_fail(err, NICOL_E_SYSTEM, "cannot use the TLS key \"%s\" with that certificate: %s", key_file,
                   ssl_reason(text, sizeof text));
        goto failed;
    }
    return t;
failed:
    io_tls_free(t);
    return NULL;
}

void io_tls_free(io_tls *t)
{
    if (!t) return;
    SSL_CTX_free(t->ctx);
    BIO_meth_free(t->bio);
    mem_default->free(mem_default->ctx, t, sizeof *t);
}

/* --- a connection ----------------------------------------------------------------------------------------------------- */

/* After an SSL call that returned r: waits when it wants a descriptor. IO_READY: try again. */
static io_result after(io_tls_conn *c, int r, int64_t deadline_us, bool *ended)
{
    int e = SSL_get_error(c->ssl, r);
    *ended = false;
    switch (e) {
    case SSL_ERROR_WANT_READ:
        return io_wait(c->fd, IO_READ, deadline_us);
    case SSL_ERROR_WANT_WRITE:
        return io_wait(c->fd, IO_WRITE, deadline_us);
    case SSL_ERROR_ZERO_RETURN:
        *ended = true;
        return IO_READY;
    default:
        return IO_FAILED;
    }
}

io_tls_conn *io_tls_open(io_tls *t, int fd, int64_t deadline_us, nicol_error *err)
{
    const mem *m = io_mem_here();
    io_tls_conn *c = m->alloc(m->ctx, sizeof *c);
    if (!c) {
        nicol_fail_oom(err);
        return NULL;
    }
    *c = (io_tls_conn){.m = m, .fd = fd};
    ERR_clear_error();
    c->ssl = SSL_new(t->ctx);
    BIO *b = c->ssl ? BIO_new(t->bio) : NULL;
    if (!b) {
        nicol_fail_oom(err);
        io_tls_close(c, false);
        return NULL;
    }
    BIO_set_data(b, (void *)(intptr_t)fd);
    BIO_set_init(b, 1);
    SSL_set_bio(c->ssl, b, b);
    SSL_set_accept_state(c->ssl);
    for (;;) {
        ERR_clear_error();
        int r = SSL_do_handshake(c->ssl);
        if (r == 1) return c;
        bool ended = false;
        io_result why = after(c, r, deadline_us, &ended);
        if (why == IO_READY && !ended) continue;
        char text[256];
        const char *reason = why == IO_TIMEOUT ? "time limit" : ssl_reason(text, sizeof text);
        nicol_fail(err, NICOL_E_SYSTEM, "the TLS handshake failed: %s", reason);
        io_tls_close(c, false);
        return NULL;
    }
}

void io_tls_close(io_tls_conn *c, bool polite)
{
    if (c->ssl && polite && SSL_is_init_finished(c->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(c->ssl); /* sends our close_notify if there is room; nobody waits for theirs */
    }
    SSL_free(c->ssl);
    ERR_clear_error();
    c->m->free(c->m->ctx, c, sizeof *c);
}

ptrdiff_t io_tls_read(io_tls_conn *c, void *p, size_t n, int64_t deadline_us, io_result *why)
{
    int want = n > INT32_MAX ? INT32_MAX : (int)n;
    for (;;) {
        ERR_clear_error();
        int r = SSL_read(c->ssl, p, want);
        if (r > 0) {
            *why = IO_READY;
            io_tick();
            return r;
        }
        bool ended = false;
        *why = after(c, r, deadline_us, &ended);
        if (ended) return 0;
        if (*why != IO_READY) return -1;
    }
}

ptrdiff_t io_tls_write(io_tls_conn *c, const void *p, size_t n, int64_t deadline_us, io_result *why)
{
    int want = n > INT32_MAX ? INT32_MAX : (int)n;
    for (;;) {
        ERR_clear_error();
        int r = SSL_write(c->ssl, p, want);
        if (r > 0) {
            *why = IO_READY;
            io_tick();
            return r;
        }
        bool ended = false;
        *why = after(c, r, deadline_us, &ended);
        if (ended) *why = IO_FAILED;
        if (*why != IO_READY) return -1;
    }
}

bool io_tls_pending(const io_tls_conn *c)
{
    return SSL_has_pending(c->ssl) == 1;
}
