/* driver/my_conn.c - connections to MariaDB and MySQL: opening, waiting, stopping what runs, transactions.
 *
 * The library's calls are plain ones; where it would wait for its socket it asks a function of ours, which parks the fiber
 * (MARIADB_OPT_IO_WAIT). That function is told the descriptor and nothing else, so a table by descriptor says whose it is.
 * Over TLS the library asks only on a non-blocking socket, and for the wrong direction: there both are waited for.
 *
 * A statement that is to end early is stopped by a second connection (KILL QUERY), from a helper thread; the first one stays
 * usable. When the server does not answer even then, the connection is given up.
 */
#include <errmsg.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/limits.h"
#include "driver/my_int.h"

#define DESCRIPTORS_MAX 65536
#define GRACE_US 2000000 /* for the server's answer after it was told to stop */
#define END_US 10000000  /* for a commit, a rollback, a reset */
#define STMT_CACHE_DEFAULT 100
#define PACKET_BYTES_MAX (256UL << 20)
#define ROW_BYTES_MAX ((size_t)64 << 20)
#define URL_BYTES_MAX ((size_t)64 << 10)

static _Atomic(driver_conn *) owner_of[DESCRIPTORS_MAX];

/* --- options, the same for a connection and for the one that stops it ------------------------------------------------ */

static unsigned whole_seconds(int64_t us)
{
    if (us == IO_NEVER) return 0;
    int64_t s = (us + 999999) / 1000000;
    return s > 86400 ? 86400 : (unsigned)s;
}

static bool set_options(MYSQL *my, const my_url *u)
{
    my_bool yes = 1, no = 0;
    unsigned connect = whole_seconds(u->connect_timeout_us);
    unsigned long packet = PACKET_BYTES_MAX;
    int bad = mysql_options(my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    bad |= mysql_options(my, MYSQL_INIT_COMMAND, "SET time_zone = '+00:00'");
    bad |= mysql_options(my, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
    bad |= mysql_options(my, MYSQL_OPT_RECONNECT, &no);
    bad |= mysql_options(my, MYSQL_OPT_LOCAL_INFILE, NULL);
    if (connect) bad |= mysql_options(my, MYSQL_OPT_CONNECT_TIMEOUT, &connect);
    if (u->tls) {
        bad |= mysql_options(my, MYSQL_OPT_SSL_ENFORCE, &yes);
        bad |= mysql_options(my, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, u->verify ? &yes : &no);
        if (u->ca) bad |= mysql_options(my, MYSQL_OPT_SSL_CA, u->ca);
        if (u->cert) bad |= mysql_options(my, MYSQL_OPT_SSL_CERT, u->cert);
        if (u->key) bad |= mysql_options(my, MYSQL_OPT_SSL_KEY, u->key);
    }
    return bad == 0;
}

/* "localhost" would mean a socket file to the library; in a URL it is a name with a port. */
static const char *host_of(const my_url *u)
{
    if (u->socket) return NULL;
    return strcmp(u->host, "localhost") == 0 ? "127.0.0.1" : u->host;
}

static bool dial(MYSQL *my, const my_url *u)
{
    return set_options(my, u) && mysql_real_connect(my, host_of(u), u->user, u->password, u->database, u->port,
                                                    u->socket, CLIENT_FOUND_ROWS) != NULL;
}

/* --- waiting --------------------------------------------------------------------------------------------------------- */

typedef struct kill_job {
    const my_url *u;
    unsigned long id;
} kill_job;

static void kill_query(void *arg)
{
    const kill_job *job = arg;
    char sql[48];
    MYSQL *my = mysql_init(NULL);
    if (!my) return;
    if (dial(my, job->u)) {
        int n = snprintf(sql, sizeof sql, "KILL QUERY %lu", job->id);
        (void)mysql_real_query(my, sql, (unsigned long)n);
    }
    mysql_close(my);
}

static void interrupt(driver_conn *c, my_stop why)
{
    c->stop = why;
    kill_job job = {&c->url, c->id};
    io_offload(kill_query, &job);
    c->deadline_us = clock_mono_us() + GRACE_US;
}

/* The library's own time limits are not used: a deadline of ours is exact, and does not break the connection. */
static int wait_for(my_socket fd, my_bool is_read, int timeout_ms)
{
    driver_conn *c = fd >= 0 && fd < DESCRIPTORS_MAX ? owner_of[fd] : NULL;
    int events = is_read ? IO_READ : IO_WRITE;
    (void)timeout_ms;
    if (c && c->tls) events = IO_READ | IO_WRITE;
    for (;;) {
        switch (io_wait(fd, events, c ? c->deadline_us : IO_NEVER)) {
        case IO_READY:
            return 1;
        case IO_TIMEOUT:
            if (!c || c->stop != MY_STOP_NONE) {
                errno = ETIMEDOUT;
                return 0;
            }
            interrupt(c, MY_STOP_DEADLINE);
            break;
        case IO_CANCELLED:
            if (!c || c->stop != MY_STOP_NONE) return -1;
            interrupt(c, MY_STOP_CANCELLED);
            break;
        case IO_CLOSED:
        case IO_FAILED:
            return -1;
        }
    }
}

bool my_ready(driver_conn *c, int64_t deadline_us, arena *a, nicol_error *err)
{
    if (c->running) my_finish_running(c);
    c->stop = MY_STOP_NONE;
    c->deadline_us = deadline_us;
    if (!c->broken) return true;
    return my_fail_text(a, err, NICOL_E_DB_CLOSED, "2013", "ConnectionClosed", "Server has closed the connection.");
}

/* --- opening and closing -------------------------------------------------------------------------------------------- */

/* On a helper thread: looking up names and handshakes block. */
typedef struct open_job {
    driver_conn *c;
    bool good;
} open_job;

static void open_there(void *arg)
{
    open_job *job = arg;
    job->good = dial(job->c->my, &job->c->url);
}

static bool take_over(driver_conn *c, nicol_error *err)
{
    c->fd = mysql_get_socket(c->my);
    if (c->fd < 0 || c->fd >= DESCRIPTORS_MAX)
        return nicol_fail(err, NICOL_E_LIMIT, "no descriptor below %d is free for a database connection",
                          DESCRIPTORS_MAX);
    int flags = fcntl(c->fd, F_GETFL);
    if (flags < 0 || fcntl(c->fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(c->fd, F_SETFD, FD_CLOEXEC) < 0)
        return nicol_fail(err, NICOL_E_SYSTEM, "cannot set up the socket of a database connection: %s",
                          strerror(errno));
    if (mysql_optionsv(c->my, MARIADB_OPT_IO_WAIT, wait_for) != 0)
        return nicol_fail(err, NICOL_E_SYSTEM,
                          "this libmariadb cannot wait through a function: 3.3 or newer is needed");
    c->tls = mysql_get_ssl_cipher(c->my) != NULL;
    c->id = mysql_thread_id(c->my);
    owner_of[c->fd] = c;
    return true;
}

driver_conn *my_open(const driver_opts *o, arena *a, nicol_error *err)
{
    const mem *m = o->m ? o->m : mem_default;
    driver_conn *c = m->alloc(m->ctx, sizeof *c);
    if (!c) {
        nicol_fail_oom(err);
        return NULL;
    }
    *c = (driver_conn){.m = m, .fd = -1, .generation = 1, .deadline_us = IO_NEVER};
    c->kept = arena_new(m, URL_BYTES_MAX);
    c->row = arena_new(m, ROW_BYTES_MAX);
    bool good = (c->kept && c->row) || nicol_fail_oom(err);
    good = good && my_url_read(o->url, c->kept, &c->url, err);
    if (good) {
        c->cache_max = o->stmt_cache_max ? o->stmt_cache_max : STMT_CACHE_DEFAULT;
        if (c->url.cache_max >= 0) c->cache_max = (size_t)c->url.cache_max;
        c->cache = map_new(m, c->cache_max + 1);
        c->my = c->cache ? mysql_init(NULL) : NULL;
        good = c->my || nicol_fail_oom(err);
    }
    if (good) {
        open_job job = {.c = c};
        io_offload(open_there, &job);
        good = job.good || my_fail_connect(&c->url, mysql_errno(c->my), mysql_error(c->my), a, err);
    }
    if (good && take_over(c, err)) return c;
    err_keep(err); /* texts of the URL go */
    my_close(c);
    return NULL;
}

void my_close(driver_conn *c)
{
    c->deadline_us = clock_mono_us() + GRACE_US;
    c->stop = MY_STOP_CANCELLED; /* nothing more is waited for, and nothing is killed */
    if (c->fd >= 0) {
        /* What is unread would be waited for: the server sees the end of the connection instead. */
        if (c->running || c->broken) (void)shutdown(c->fd, SHUT_RDWR);
    }
    my_statements_free(c);
    if (c->fd >= 0) {
        io_forget(c->fd);
        if (c->fd < DESCRIPTORS_MAX) owner_of[c->fd] = NULL;
    }
    if (c->my) mysql_close(c->my);
    map_free(c->cache);
    arena_free(c->row);
    arena_free(c->kept);
    c->m->free(c->m->ctx, c, sizeof *c);
}

/* Bytes or an end that nobody asked for: the server has shut down, or has thrown us out. */
static bool heard_nothing(const driver_conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    return poll(&p, 1, 0) == 0;
}

bool my_healthy(driver_conn *c)
{
    if (c->running) my_finish_running(c);
    if (c->broken || my_in_transaction(c) || !heard_nothing(c)) return false;
    if (!c->dirty) return true;
    nicol_error ignored = {0};
    if (!my_ready(c, clock_mono_us() + END_US, NULL, &ignored)) return false;
    c->generation++; /* a reset drops the prepared statements */
    if (mysql_reset_connection(c->my) != 0) return false;
    if (!my_simple(c, S("SET NAMES utf8mb4, time_zone = '+00:00'"), c->deadline_us, NULL, &ignored)) return false;
    c->dirty = false;
    return true;
}

/* --- texts of our own ------------------------------------------------------------------------------------------------ */

/* An error inside a transaction may have ended it, and the error packet does not tell. A ping's answer does. */
static void look_at_transaction(driver_conn *c)
{
    if (c->broken || !my_in_transaction(c)) return;
    c->stop = MY_STOP_NONE;
    c->deadline_us = clock_mono_us() + END_US;
    if (mysql_ping(c->my) != 0) c->broken = true;
}

static bool fail_here(driver_conn *c, arena *a, nicol_error *err)
{
    my_fail(c, mysql_errno(c->my), mysql_error(c->my), a, err);
    look_at_transaction(c);
    return false;
}

/* Drops what a text gave, all results of it. */
static bool drop_results(driver_conn *c, arena *a, nicol_error *err)
{
    for (;;) {
        MYSQL_RES *res = mysql_use_result(c->my);
        if (res) {
            while (mysql_fetch_row(res)) {
            }
            mysql_free_result(res);
        }
        if (mysql_errno(c->my)) return fail_here(c, a, err);
        int more = mysql_next_result(c->my);
        if (more > 0) return fail_here(c, a, err);
        if (more < 0) return true;
    }
}

bool my_simple(driver_conn *c, nicol_str sql, int64_t deadline_us, arena *a, nicol_error *err)
{
    if (!my_ready(c, deadline_us, a, err)) return false;
    if (mysql_real_query(c->my, sql.ptr, (unsigned long)sql.len) != 0) return fail_here(c, a, err);
    return drop_results(c, a, err);
}

bool my_script(driver_conn *c, nicol_str sql, arena *a, nicol_error *err)
{
    nicol_error ignored = {0};
    if (!my_ready(c, IO_NEVER, a, err)) return false;
    c->dirty = true;
    if (mysql_set_server_option(c->my, MYSQL_OPTION_MULTI_STATEMENTS_ON) != 0) return fail_here(c, a, err);
    bool good = my_simple(c, sql, IO_NEVER, a, err);
    if (my_ready(c, clock_mono_us() + END_US, a, &ignored) &&
        mysql_set_server_option(c->my, MYSQL_OPTION_MULTI_STATEMENTS_OFF) != 0)
        c->broken = true;
    return good;
}

/* --- transactions ---------------------------------------------------------------------------------------------------- */

bool my_in_transaction(const driver_conn *c)
{
    return !c->broken && (c->my->server_status & SERVER_STATUS_IN_TRANS) != 0;
}

static const char *level_name(driver_isolation iso)
{
    switch (iso) {
    case ISOLATION_READ_UNCOMMITTED:
        return "READ UNCOMMITTED";
    case ISOLATION_READ_COMMITTED:
        return "READ COMMITTED";
    case ISOLATION_REPEATABLE_READ:
        return "REPEATABLE READ";
    case ISOLATION_SERIALIZABLE:
        return "SERIALIZABLE";
    case ISOLATION_SNAPSHOT:
    case ISOLATION_DEFAULT:
        break;
    }
    return NULL;
}

bool my_begin(driver_conn *c, driver_isolation iso, bool write, int64_t deadline_us, arena *a, nicol_error *err)
{
    char sql[64];
    const char *level = level_name(iso);
    if (level) {
        int n = snprintf(sql, sizeof sql, "SET TRANSACTION ISOLATION LEVEL %s", level);
        if (!my_simple(c, str_of(sql, (size_t)n), deadline_us, a, err)) return false;
    }
    return my_simple(c, write ? S("START TRANSACTION") : S("START TRANSACTION READ ONLY"), deadline_us, a, err);
}

bool my_commit(driver_conn *c, arena *a, nicol_error *err)
{
    /* The server would say yes to a COMMIT of nothing, also when it has rolled everything back before. */
    if (!c->broken && !my_in_transaction(c))
        return my_fail_text(a, err, NICOL_E_DB_OTHER, "1305", "mysql", "there is no open transaction to commit");
    if (my_simple(c, S("COMMIT"), IO_NEVER, a, err)) return true;
    nicol_error second = {0};
    if (my_in_transaction(c)) (void)!my_rollback(c, a, &second);
    return false;
}

bool my_rollback(driver_conn *c, arena *a, nicol_error *err)
{
    return my_simple(c, S("ROLLBACK"), clock_mono_us() + END_US, a, err);
}

static bool savepoint(driver_conn *c, const char *verb, unsigned n, arena *a, nicol_error *err)
{
    char sql[64];
    int len = snprintf(sql, sizeof sql, "%s s%u", verb, n);
    return my_simple(c, str_of(sql, (size_t)len), clock_mono_us() + END_US, a, err);
}

bool my_savepoint(driver_conn *c, unsigned n, arena *a, nicol_error *err)
{
    return savepoint(c, "SAVEPOINT", n, a, err);
}

bool my_savepoint_release(driver_conn *c, unsigned n, arena *a, nicol_error *err)
{
    return savepoint(c, "RELEASE SAVEPOINT", n, a, err);
}

bool my_savepoint_rollback(driver_conn *c, unsigned n, arena *a, nicol_error *err)
{
    return savepoint(c, "ROLLBACK TO SAVEPOINT", n, a, err) && savepoint(c, "RELEASE SAVEPOINT", n, a, err);
}
