/* io/stream.c - sockets: listen, accept, connect, and byte streams over them, plain or TLS. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io/io_int.h"

struct io_stream {
    const mem *m;
    int fd;
    io_tls_conn *tls;
    bool drained; /* the last read took all there was: look only after an edge */
    bool broken;
};

enum { HOST_MAX = 255, ADDRESSES_MAX = 16 };

typedef union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} address;

static socklen_t address_len(const address *a)
{
    return a->any.sa_family == AF_INET6 ? sizeof a->v6 : sizeof a->v4;
}

/* "127.0.0.1", "::1", "[::1]", "localhost"; z: the same as a C string. */
static bool numeric_address(nicol_str host, uint16_t port, address *out, char z[HOST_MAX + 1])
{
    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') host = str_sub(host, 1, host.len - 1);
    if (host.len > HOST_MAX || (host.len && memchr(host.ptr, 0, host.len))) return false;
    if (host.len) memcpy(z, host.ptr, host.len);
    z[host.len] = 0;
    memset(out, 0, sizeof *out);
    const char *text = str_ieq(host, S("localhost")) ? "127.0.0.1" : z;
    if (inet_pton(AF_INET, text, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(port);
        return true;
    }
    if (inet_pton(AF_INET6, text, &out->v6.sin6_addr) == 1) {
        out->v6.sin6_family = AF_INET6;
        out->v6.sin6_port = htons(port);
        return true;
    }
    return false;
}

bool io_listen(nicol_str host, uint16_t port, int backlog, int *fd, uint16_t *port_got, nicol_error *err)
{
    char z[HOST_MAX + 1];
    address a;
    *fd = -1;
    if (!numeric_address(host, port, &a, z))
        return nicol_fail(err, NICOL_E_USAGE,
                          "\"%.*s\" is not a numeric address to listen on (try 127.0.0.1, 0.0.0.0 or ::)",
                          STR_FMT(host));
    int s = socket(a.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s < 0) return nicol_fail(err, NICOL_E_SYSTEM, "cannot make a socket: %s", strerror(errno));
    int on = 1;
    address got = a;
    socklen_t got_len = sizeof got;
    if (setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 || bind(s, &a.any, address_len(&a)) != 0 ||
        listen(s, backlog) != 0 || getsockname(s, &got.any, &got_len) != 0) {
        nicol_fail(err, NICOL_E_SYSTEM, "cannot listen on %s port %u: %s", z, (unsigned)port, strerror(errno));
        (void)close(s);
        return false;
    }
    io_fd_fresh(s);
    *fd = s;
    if (port_got) *port_got = ntohs(got.any.sa_family == AF_INET6 ? got.v6.sin6_port : got.v4.sin_port);
    return true;
}

int io_accept(int listen_fd, int64_t deadline_us, io_result *why)
{
    for (;;) {
        int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            io_fd_fresh(fd);
            io_tick();
            *why = IO_READY;
            return fd;
        }
        /* Errors of the connection that was waiting, not of the listening socket: accept(2). */
        if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO || errno == ENETDOWN || errno == EHOSTDOWN ||
            errno == ENETUNREACH || errno == EHOSTUNREACH || errno == ENONET || errno == EPERM)
            continue;
        if (errno != EAGAIN) {
            *why = errno == EBADF ? IO_CLOSED : IO_FAILED;
            return -1;
        }
        *why = io_wait(listen_fd, IO_READ, deadline_us);
        if (*why != IO_READY) return -1;
    }
}

/* --- connecting ------------------------------------------------------------------------------------------------------- */

typedef struct lookup {
    char host[HOST_MAX + 1];
    uint16_t port;
    address found[ADDRESSES_MAX];
    size_t found_n;
    int failed; /* getaddrinfo's code */
} lookup;

static void look_up(void *arg)
{
    lookup *q = arg;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", (unsigned)q->port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    q->failed = getaddrinfo(q->host, port, &hints, &list);
    if (q->failed != 0) return;
    for (struct addrinfo *a = list; a && q->found_n < ADDRESSES_MAX; a = a->ai_next) {
        if (a->ai_addrlen > sizeof q->found[0]) continue;
        memset(&q->found[q->found_n], 0, sizeof q->found[0]);
        memcpy(&q->found[q->found_n++], a->ai_addr, a->ai_addrlen);
    }
    freeaddrinfo(list);
}

/* -1 and errno. */
static int connect_one(const address *a, int64_t deadline_us)
{
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    io_fd_fresh(fd);
    int failed = 0;
    if (connect(fd, &a->any, address_len(a)) != 0) {
        failed = errno;
        if (failed == EINPROGRESS || failed == EINTR) {
            io_result r = io_wait(fd, IO_WRITE, deadline_us);
            socklen_t n = sizeof failed;
            if (r == IO_READY) {
                if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &n) != 0) failed = errno;
            } else {
                failed = r == IO_TIMEOUT ? ETIMEDOUT : r == IO_CANCELLED ? ECANCELED : EIO;
            }
        }
    }
    if (failed == 0) return fd;
    io_close(fd);
    errno = failed;
    return -1;
}

int io_connect(nicol_str host, uint16_t port, int64_t deadline_us, nicol_error *err)
{
    lookup q = {.port = port};
    if (host.len == 0 || host.len > HOST_MAX || memchr(host.ptr, 0, host.len)) {
        nicol_fail(err, NICOL_E_USAGE, "\"%.*s\" is not a host name", STR_FMT(host));
        return -1;
    }
    if (numeric_address(host, port, &q.found[0], q.host)) {
        q.found_n = 1;
    } else {
        memcpy(q.host, host.ptr, host.len);
        q.host[host.len] = 0;
        io_offload(look_up, &q);
    }
    if (q.found_n == 0) {
        nicol_fail(err, NICOL_E_SYSTEM, "cannot find host \"%s\": %s", q.host, gai_strerror(q.failed));
        return -1;
    }
    for (size_t i = 0; i < q.found_n; i++) {
        int fd = connect_one(&q.found[i], deadline_us);
        if (fd >= 0) return fd;
    }
    nicol_fail(err, NICOL_E_SYSTEM, "cannot connect to %s port %u: %s", q.host, (unsigned)port, strerror(errno));
    return -1;
}

/* --- streams ---------------------------------------------------------------------------------------------------------- */

io_stream *io_stream_open(int fd, io_tls *tls, int64_t deadline_us, nicol_error *err)
{
    io_fd_fresh(fd);
    const mem *m = io_mem_here();
    io_stream *s = m->alloc(m->ctx, sizeof *s);
    if (!s) {
        nicol_fail_oom(err);
        io_close(fd);
        return NULL;
    }
    *s = (io_stream){.m = m, .fd = fd};
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)) {
        nicol_fail(err, NICOL_E_SYSTEM, "cannot use a descriptor as a stream: %s", strerror(errno));
        io_stream_close(s);
        return NULL;
    }
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* not TCP: fine */
    if (tls) {
        s->tls = io_tls_open(tls, fd, deadline_us, err);
        if (!s->tls) {
            io_stream_close(s);
            return NULL;
        }
    }
    return s;
}

void io_stream_close(io_stream *s)
{
    if (!s) return;
    if (s->tls) io_tls_close(s->tls, !s->broken);
    io_close(s->fd);
    s->m->free(s->m->ctx, s, sizeof *s);
}

ptrdiff_t io_read(io_stream *s, void *p, size_t n, int64_t deadline_us, io_result *why)
{
    *why = IO_READY;
    if (n == 0) return 0;
    if (s->tls) {
        ptrdiff_t got = io_tls_read(s->tls, p, n, deadline_us, why);
        if (got < 0 && *why == IO_FAILED) s->broken = true;
        return got;
    }
    for (;;) {
        if (!s->drained || io_fd_hup(s->fd)) {
            ssize_t got = recv(s->fd, p, n, 0);
            if (got >= 0) {
                s->drained = (size_t)got < n;
                io_tick();
                return got;
            }
            if (errno == EINTR) continue;
            if (errno != EAGAIN) {
                *why = errno == EBADF ? IO_CLOSED : IO_FAILED;
                s->broken = true;
                return -1;
            }
        }
        s->drained = false;
        *why = io_wait(s->fd, IO_READ, deadline_us);
        if (*why != IO_READY) {
            s->drained = true;
            return -1;
        }
    }
}

/* Some of the pieces; -1 with *why. */
static ptrdiff_t write_some(io_stream *s, struct iovec *v, size_t n, int64_t deadline_us, io_result *why)
{
    if (s->tls) return io_tls_write(s->tls, v->iov_base, v->iov_len, deadline_us, why);
    struct msghdr msg = {.msg_iov = v, .msg_iovlen = n};
    for (;;) {
        ssize_t put = sendmsg(s->fd, &msg, MSG_NOSIGNAL);
        if (put >= 0) {
            io_tick();
            return put;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) {
            *why = errno == EBADF ? IO_CLOSED : IO_FAILED;
            return -1;
        }
        *why = io_wait(s->fd, IO_WRITE, deadline_us);
        if (*why != IO_READY) return -1;
    }
}

/* All of them, or false. */
static bool write_pieces(io_stream *s, struct iovec *v, size_t n, int64_t deadline_us, io_result *why)
{
    *why = IO_READY;
    while (n > 0) {
        if (v->iov_len == 0) {
            v++;
            n--;
            continue;
        }
        ptrdiff_t put = write_some(s, v, n, deadline_us, why);
        if (put < 0) {
            s->broken = true; /* half an answer is on its way: nothing sensible can follow */
            return false;
        }
        size_t left = (size_t)put;
        while (n > 0 && left >= v->iov_len) {
            left -= v->iov_len;
            v++;
            n--;
        }
        if (n > 0) {
            v->iov_base = (char *)v->iov_base + left;
            v->iov_len -= left;
        }
    }
    return true;
}

bool io_write_all(io_stream *s, const void *p, size_t n, int64_t deadline_us, io_result *why)
{
    struct iovec v = {.iov_base = (void *)(uintptr_t)p, .iov_len = n};
    return write_pieces(s, &v, 1, deadline_us, why);
}

enum { TLS_JOIN_BYTES = 4096 };

bool io_write_two(io_stream *s, nicol_str a, nicol_str b, int64_t deadline_us, io_result *why)
{
    char joined[TLS_JOIN_BYTES];
    struct iovec v[2] = {{.iov_base = (void *)(uintptr_t)a.ptr, .iov_len = a.len},
                         {.iov_base = (void *)(uintptr_t)b.ptr, .iov_len = b.len}};
    if (s->tls && a.len && b.len && a.len < sizeof joined) {
        /* One record and one segment instead of two: the body's beginning travels with the head. */
        size_t take = sizeof joined - a.len < b.len ? sizeof joined - a.len : b.len;
        memcpy(joined, a.ptr, a.len);
        memcpy(joined + a.len, b.ptr, take);
        v[0] = (struct iovec){.iov_base = joined, .iov_len = a.len + take};
        v[1] = (struct iovec){.iov_base = (char *)v[1].iov_base + take, .iov_len = b.len - take};
    }
    return write_pieces(s, v, 2, deadline_us, why);
}

bool io_stream_is_tls(const io_stream *s)
{
    return s->tls != NULL;
}

int io_stream_fd(const io_stream *s)
{
    return s->fd;
}

bool io_stream_gone(io_stream *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLRDHUP};
    int n;
    do n = poll(&p, 1, 0);
    while (n < 0 && errno == EINTR);
    return n != 0; /* an error of poll itself counts: the descriptor is not usable */
}

bool io_stream_watch(io_stream *s, io_watch *w, int64_t deadline_us, void (*fn)(void *arg, io_result why), void *arg,
                     io_result *why)
{
    bool look = s->tls || !s->drained || io_fd_hup(s->fd);
    bool ready = s->tls && io_tls_pending(s->tls);
    if (look && !ready) {
        char c;
        ssize_t n;
        do n = recv(s->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        ready = n >= 0 || errno != EAGAIN;
    }
    if (ready) {
        s->drained = false;
        *why = IO_READY;
        return false;
    }
    /* The next read is not to wait for a second edge. */
    s->drained = false;
    return io_watch_start(w, s->fd, IO_READ, deadline_us, fn, arg, why);
}
