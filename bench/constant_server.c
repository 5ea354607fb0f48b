/* bench/constant_server.c - the server's own HTTP core with a constant answer: the floor under every request.
 * constant_server FILE: answers each request with FILE's bytes; prints "ready PORT"; ends on SIGTERM. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "server/http_int.h"

static char body[1 << 20];
static size_t body_len;
static http_server *http;
static io_loop *loop;

static void answer(void *ctx, http_request *rq, http_response *rs)
{
    (void)ctx;
    (void)rq;
    rs->content_type = S("application/json");
    buf_bytes(&rs->out, body, body_len);
}

static void wait_for_signal(void *arg)
{
    sigset_t *set = arg;
    int fd = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
    struct signalfd_siginfo info;
    while (read(fd, &info, sizeof info) != (ssize_t)sizeof info) {
        if (io_wait(fd, IO_READ, IO_NEVER) == IO_FAILED) break;
    }
    io_close(fd);
    http_server_drain(http, 0);
    http_server_wait(http, IO_NEVER);
    io_loop_stop(loop);
}

int main(int argc, char **argv)
{
    nicol_error err = {0};
    http_listener listener = {0};
    uint16_t port = 0;
    FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!f) return 2;
    body_len = fread(body, 1, sizeof body, f);
    fclose(f);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    loop = io_loop_new(&(io_loop_opts){0}, &err);
    if (!loop || !io_listen(S("127.0.0.1"), 0, 1024, &listener.fd, &port, &err)) return 1;
    http = http_server_new(loop, &(http_server_opts){.listeners = &listener, .listeners_n = 1, .handle = answer}, &err);
    if (!http || !io_spawn(loop, "signals", wait_for_signal, &set, &err)) return 1;
    printf("ready %u\n", port);
    fflush(stdout);
    bool good = io_loop_run(loop, &err);
    http_server_free(http);
    close(listener.fd);
    io_loop_free(loop);
    return good ? 0 : 1;
}
