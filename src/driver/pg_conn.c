/* driver/pg_conn.c - connections to PostgreSQL: opening, waiting, cancelling, transactions, the check before reuse.
 *
 * libpq is used without its waiting functions: everything is sent non-blocking and waited for in one place, pg_result.
 * Two things cannot be done so and run on threads: connecting (name look-ups, TLS, the password's hashing take their
 * time) on a helper, and a cancel on a thread of its own, since libpq's waits for a server that may hang for ever and must
 * not hold a helper meanwhile.
 *
 * A statement that is to be stopped is asked to by a cancel, then it gets a few seconds to come back. One that does not is
 * left alone with its connection, which is closed. One that had ended before the cancel came is told as it ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "driver/pg_int.h"

#define GRACE_US 3000000       /* for a statement to come back after its cancel */
#define CANCEL_WAIT_US 1000000 /* for the cancel itself to be delivered */
#define SILENT_US 60000000     /* for the answer to a command of our own that cannot take long */
#define SCRIPT_US (24LL * 3600 * 1000000)
#define CANCELS_MAX 32 /* threads that deliver cancels; more than that hang with their server */

/* --- waiting -------------------------------------------------------------------------------------------------------- */

static void count_received(driver_conn *c)
{
    int n = 0;
    if (ioctl(c->fd, FIONREAD, &n) == 0 && n > 0) c->received += (size_t)n;
}

bool pg_result(driver_conn *c, int64_t deadline_us, PGresult **out, arena *a, nicol_error *err)
{
    *out = NULL;
    while (!c->broken) {
        int left = PQflush(c->pg);
        if (left < 0) break;
        if (left == 0 && !PQisBusy(c->pg)) {
            *out = PQgetResult(c->pg);
            return true;
        }
        int events = left ? IO_READ | IO_WRITE | IO_LIB : IO_READ | IO_LIB;
        io_result got = io_wait(c->fd, events, c->stop ? c->grace_us : deadline_us);
        if (got == IO_READY) {
            count_received(c);
            if (!PQconsumeInput(c->pg)) c->broken = true;
            if (c->whole && c->received > NICOL_RESULT_BYTES_MAX) pg_interrupt(c, STOP_TOO_LARGE);
        } else if (got == IO_CANCELLED && c->hold) {
            continue;
        } else if (got == IO_CLOSED || got == IO_FAILED || (c->stop && got == IO_TIMEOUT)) {
            c->broken = true;
            if (c->stop) return pg_fail_stopped(c->stop, a, err);
        } else if (!c->stop) {
            pg_interrupt(c, got == IO_TIMEOUT ? c->late : STOP_CANCELLED);
        }
    }
    c->broken = true;
    /* The server's last words, when it had any ("terminating connection due to administrator command"). */
    if (PQstatus(c->pg) == CONNECTION_BAD && !PQisBusy(c->pg)) *out = PQgetResult(c->pg);
    return *out != NULL || pg_fail_lost(c, a, err);
}

/* --- cancelling ----------------------------------------------------------------------------------------------------- */

typedef struct cancel_job {
    atomic_int refs; /* the thread's and the fiber's */
    PGcancel *what;
    int done; /* eventfd */
} cancel_job;

static atomic_int cancels;

static void cancel_unref(cancel_job *j)
{
    if (atomic_fetch_sub(&j->refs, 1) > 1) return;
    PQfreeCancel(j->what);
    if (j->done >= 0) (void)close(j->done);
    mem_default->free(mem_default->ctx, j, sizeof *j);
}

static void *cancel_main(void *arg)
{
    cancel_job *j = arg;
    char ignored[256];
    uint64_t one = 1;
    (void)PQcancel(j->what, ignored, sizeof ignored);
    while (write(j->done, &one, sizeof one) < 0 && errno == EINTR) {
    }
    cancel_unref(j);
    (void)atomic_fetch_sub(&cancels, 1);
    return NULL;
}

static bool cancel_start(cancel_job *j)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, old;
    if (atomic_fetch_add(&cancels, 1) >= CANCELS_MAX || pthread_attr_init(&attr) != 0) {
        (void)atomic_fetch_sub(&cancels, 1);
        return false;
    }
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    bool good = pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
                pthread_create(&thread, &attr, cancel_main, j) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)pthread_attr_destroy(&attr);
    if (!good) (void)atomic_fetch_sub(&cancels, 1);
    return good;
}

void pg_interrupt(driver_conn *c, pg_stop why)
{
    if (c->stop) return;
    c->stop = why;
    c->grace_us = clock_mono_us() + (why == STOP_SILENT ? 0 : GRACE_US);
    if (why == STOP_SILENT) return;
    cancel_job *j = mem_default->alloc(mem_default->ctx, sizeof *j);
    if (!j) return; /* the grace ends, then the connection */
    *j = (cancel_job){.what = PQgetCancel(c->pg), .done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    atomic_init(&j->refs, 2);
    if (j->what && j->done >= 0 && cancel_start(j)) {
        (void)io_wait(j->done, IO_READ | IO_LIB, clock_mono_us() + CANCEL_WAIT_US);
        io_forget(j->done);
    } else {
        cancel_unref(j);
    }
    cancel_unref(j);
}

void pg_settle_stop(driver_conn *c)
{
    PGresult *r;
    nicol_error ignored = {0};
    if (!c->stop || c->broken) return;
    /* Its answer shows that the server has seen the cancel, whether it still met the statement or not. */
    c->grace_us = clock_mono_us() + GRACE_US;
    if (!PQsendQuery(c->pg, "")) {
        c->broken = true;
        return;
    }
    while (pg_result(c, c->grace_us, &r, NULL, &ignored) && r) PQclear(r);
    c->stop = STOP_NONE;
}

/* --- our own commands ----------------------------------------------------------------------------------------------- */

/* Receives everything that a simple text gives. `tag`: the last command's, for 32 bytes; or NULL. */
static bool receive_all(driver_conn *c, int64_t deadline_us, char tag[32], arena *a, nicol_error *err)
{
    bool good = true;
    for (PGresult *r;;) {
        if (!pg_result(c, deadline_us, &r, a, err)) return false;
        if (!r) break;
        ExecStatusType st = PQresultStatus(r);
        if (st == PGRES_COPY_IN || st == PGRES_COPY_OUT || st == PGRES_COPY_BOTH) {
            c->broken = true;
            PQclear(r);
            return pg_fail_text(a, err, NICOL_E_RAW_FAILED, "0A000", "postgres", "COPY is not possible here");
        }
        if (tag && st == PGRES_COMMAND_OK) snprintf(tag, 32, "%s", PQcmdStatus(r));
        if (st == PGRES_FATAL_ERROR && good) good = pg_fail(c, r, a, err);
        PQclear(r);
    }
    pg_settle_stop(c);
    return good;
}

static bool command(driver_conn *c, const char *sql, int64_t deadline_us, char tag[32], arena *a, nicol_error *err)
{
    pg_finish_running(c);
    if (c->broken || !PQsendQuery(c->pg, sql)) return pg_fail_lost(c, a, err);
    c->received = 0;
    c->whole = false;
    c->late = deadline_us == IO_NEVER ? STOP_SILENT : STOP_DEADLINE;
    if (deadline_us == IO_NEVER) deadline_us = clock_mono_us() + SILENT_US;
    return receive_all(c, deadline_us, tag, a, err);
}

bool pg_simple(driver_conn *c, const char *sql, int64_t deadline_us, arena *a, nicol_error *err)
{
    return command(c, sql, deadline_us, NULL, a, err);
}

bool pg_script(driver_conn *c, nicol_str sql, arena *a, nicol_error *err)
{
    const char *z = nicol_cstr(a, sql, err);
    c->dirty = true;
    return z && pg_simple(c, z, clock_mono_us() + SCRIPT_US, a, err);
}

/* --- opening -------------------------------------------------------------------------------------------------------- */

typedef struct connecting {
    const pg_url *u;
    int64_t deadline_us;
    PGconn *pg;
    bool late;
} connecting;

static void no_notice(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

static void connect_job(void *arg)
{
    connecting *j = arg;
    PostgresPollingStatusType st = PGRES_POLLING_WRITING;
    j->pg = PQconnectStartParams(j->u->keys, j->u->values, 0);
    if (!j->pg || PQstatus(j->pg) == CONNECTION_BAD) return;
    PQsetNoticeProcessor(j->pg, no_notice, NULL);
    /* So that the text of a failure has its SQLSTATE: libpq gives it no other way before the connection stands. */
    (void)PQsetErrorVerbosity(j->pg, PQERRORS_VERBOSE);
    while (st != PGRES_POLLING_OK && st != PGRES_POLLING_FAILED) {
        struct pollfd p = {.fd = PQsocket(j->pg), .events = st == PGRES_POLLING_READING ? POLLIN : POLLOUT};
        int64_t left = j->deadline_us == IO_NEVER ? 3600000 : (j->deadline_us - clock_mono_us()) / 1000;
        j->late = left <= 0;
        if (j->late) return;
        int n = poll(&p, 1, left > 3600000 ? 3600000 : (int)left);
        if (n > 0) st = PQconnectPoll(j->pg);
        else if (n < 0 && errno != EINTR) return;
    }
    if (st == PGRES_POLLING_OK) (void)PQsetErrorVerbosity(j->pg, PQERRORS_DEFAULT);
}

/* The settings that reading and writing values relies on. They go with the connection's start, so that RESET comes back
 * to them. */
#define SETTINGS(X)                        \
    X("TimeZone", "UTC")                   \
    X("DateStyle", "ISO")                  \
    X("IntervalStyle", "postgres")         \
    X("bytea_output", "hex")               \
    X("extra_float_digits", "1")           \
    X("standard_conforming_strings", "on") \
    X("lc_monetary", "C")

static void put_search_path(buf *b, nicol_str schema, bool escape)
{
    buf_char(b, '"');
    for (size_t i = 0; i < schema.len; i++) {
        char ch = schema.ptr[i];
        if (escape && (ch == ' ' || ch == '\\' || ch == '\t' || ch == '\n')) buf_char(b, '\\');
        if (ch == '"') buf_char(b, '"');
        buf_char(b, ch);
    }
    buf_char(b, '"');
}

static bool start_options(pg_url *u, arena *a, nicol_error *err)
{
    buf b;
    buf_init(&b, mem_default, 1 << 16);
#define X(name, value) buf_lit(&b, "-c " name "=" value " ");
    SETTINGS(X)
#undef X
    if (u->schema.len) {
        buf_lit(&b, "-c search_path=");
        put_search_path(&b, u->schema, true);
        buf_char(&b, ' ');
    }
    buf_str(&b, u->options);
    nicol_str text = buf_failed(&b) ? (nicol_str){0} : arena_str(a, buf_view(&b));
    buf_free(&b);
    if (!text.ptr) return nicol_fail_oom(err);
    return pg_url_add(u, "options", text.ptr, err);
}

/* The same as SQL, for a server between that takes no options (PgBouncer). */
static bool setup_text(driver_conn *c, const pg_url *u, nicol_error *err)
{
    buf b;
    buf_init(&b, c->m, 1 << 16);
#define X(name, value) buf_lit(&b, "SET " name "='" value "';");
    SETTINGS(X)
#undef X
    if (u->schema.len && !str_eq(u->schema, S("public"))) {
        buf_lit(&b, "SET search_path=");
        put_search_path(&b, u->schema, false);
        buf_char(&b, ';');
    }
    buf_char(&b, '\0');
    char *copy = buf_failed(&b) ? NULL : c->m->alloc(c->m->ctx, b.len);
    if (copy) memcpy(copy, b.ptr, b.len);
    c->setup = copy;
    c->setup_bytes = b.len;
    buf_free(&b);
    return copy || nicol_fail_oom(err);
}

static bool fixed_keywords(pg_url *u, nicol_error *err)
{
    if (!pg_url_get(u, "application_name") && !pg_url_add(u, "fallback_application_name", "nicol", err)) return false;
    return pg_url_add(u, "client_encoding", "UTF8", err) && pg_url_add(u, "gssencmode", "disable", err);
}

static bool connect_once(const pg_url *u, PGconn **out, arena *a, nicol_error *err)
{
    connecting j = {.u = u, .deadline_us = IO_NEVER};
    if (u->connect_timeout_us != IO_NEVER) j.deadline_us = clock_mono_us() + u->connect_timeout_us;
    io_offload(connect_job, &j);
    *out = j.pg;
    if (!j.pg) return nicol_fail_oom(err);
    if (PQstatus(j.pg) == CONNECTION_OK) return true;
    pg_fail_connect(u, PQerrorMessage(j.pg), j.late, a, err);
    PQfinish(j.pg);
    *out = NULL;
    return false;
}

/* A pooler between refuses the options: go on as with pgbouncer=true. */
static bool refuses_options(const nicol_error *err)
{
    return str_find(err->message, S("unsupported startup parameter"), 0) != SIZE_MAX;
}

static bool connect_to(pg_url *u, PGconn **out, arena *a, nicol_error *err)
{
    nicol_error first = {0};
    *out = NULL;
    if (!fixed_keywords(u, err)) return false;
    if (!u->pgbouncer) {
        if (!start_options(u, a, err)) return false;
        if (connect_once(u, out, a, &first)) return true;
        u->pgbouncer = refuses_options(&first);
        if (!u->pgbouncer) {
            err_copy(err, &first, a);
            return false;
        }
    }
    nicol_str own = arena_str(a, u->options);
    if (!own.ptr) return nicol_fail_oom(err);
    if (pg_url_get(u, "options") || own.len) {
        if (!pg_url_add(u, "options", own.ptr, err)) return false;
    }
    return connect_once(u, out, a, err);
}

static void own_socket(driver_conn *c)
{
    int flags = fcntl(PQsocket(c->pg), F_GETFD);
    c->fd = PQsocket(c->pg);
    if (flags >= 0) (void)fcntl(c->fd, F_SETFD, flags | FD_CLOEXEC);
}

driver_conn *pg_open(const driver_opts *o, arena *a, nicol_error *err)
{
    const mem *m = o->m ? o->m : mem_default;
    pg_url u;
    PGconn *pg;
    if (!pg_url_read(o->url, a, &u, err) || !connect_to(&u, &pg, a, err)) return NULL;
    driver_conn *c = m->alloc(m->ctx, sizeof *c);
    if (!c) {
        PQfinish(pg);
        nicol_fail_oom(err);
        return NULL;
    }
    *c = (driver_conn){.m = m, .pg = pg, .generation = 1, .socket_timeout_us = u.socket_timeout_us};
    own_socket(c);
    c->cache_max = o->stmt_cache_max ? o->stmt_cache_max : NICOL_STMT_CACHE_MAX;
    if (u.cache_max > 0) c->cache_max = (size_t)u.cache_max;
    c->unnamed = u.pgbouncer || u.cache_max == 0;
    c->cache = map_new(m, c->cache_max + 1);
    c->row = arena_new(m, PG_ROW_BYTES_MAX);
    bool good = (c->cache && c->row) || nicol_fail_oom(err);
    if (good && PQsetnonblocking(pg, 1) != 0) good = pg_fail_lost(c, a, err);
    if (good && u.pgbouncer) {
        good = setup_text(c, &u, err) && pg_simple(c, c->setup, clock_mono_us() + GRACE_US, a, err);
    }
    if (good) return c;
    pg_close(c);
    return NULL;
}

void pg_close(driver_conn *c)
{
    if (!c) return;
    pg_statements_free(c);
    map_free(c->cache);
    arena_free(c->row);
    if (c->setup) c->m->free(c->m->ctx, (char *)(uintptr_t)c->setup, c->setup_bytes);
    io_forget(c->fd);
    PQfinish(c->pg); /* the server rolls back what is open */
    c->m->free(c->m->ctx, c, sizeof *c);
}

/* --- before reuse --------------------------------------------------------------------------------------------------- */

/* What came in while nobody asked: notices, settings that changed, or the end. */
static bool still_there(driver_conn *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    /* A server that shuts down says why first: only what is read behind that tells the end. */
    for (unsigned i = 0; poll(&p, 1, 0) > 0; i++) {
        if (i == 100 || !PQconsumeInput(c->pg)) return false;
    }
    for (PGnotify *n; (n = PQnotifies(c->pg)) != NULL;) PQfreemem(n);
    return !PQisBusy(c->pg) && PQstatus(c->pg) == CONNECTION_OK && PQtransactionStatus(c->pg) == PQTRANS_IDLE;
}

bool pg_healthy(driver_conn *c)
{
    nicol_error ignored = {0};
    pg_finish_running(c);
    if (c->broken || !still_there(c)) return false;
    if (!c->dirty) return true;
    /* Everything a session can hold goes: settings, temporary tables, locks, channels, cursors, prepared statements. */
    int64_t deadline = clock_mono_us() + GRACE_US;
    c->generation++;
    c->drops_n = 0;
    if (!pg_simple(c, "DISCARD ALL", deadline, NULL, &ignored)) return false;
    if (c->setup && !pg_simple(c, c->setup, deadline, NULL, &ignored)) return false;
    c->dirty = false;
    return true;
}

/* --- transactions --------------------------------------------------------------------------------------------------- */

bool pg_in_transaction(const driver_conn *c)
{
    PGTransactionStatusType st = PQtransactionStatus(c->pg);
    return !c->broken && (st == PQTRANS_INTRANS || st == PQTRANS_INERROR || st == PQTRANS_ACTIVE);
}

bool pg_begin(driver_conn *c, driver_isolation iso, bool write, int64_t deadline_us, arena *a, nicol_error *err)
{
    const char *sql = "BEGIN";
    switch (iso) {
    case ISOLATION_DEFAULT:
        /* Several statements that only read are promised one state. */
        if (!write) sql = "BEGIN ISOLATION LEVEL REPEATABLE READ";
        break;
    case ISOLATION_READ_UNCOMMITTED:
        sql = "BEGIN ISOLATION LEVEL READ UNCOMMITTED";
        break;
    case ISOLATION_READ_COMMITTED:
        sql = "BEGIN ISOLATION LEVEL READ COMMITTED";
        break;
    case ISOLATION_REPEATABLE_READ:
        sql = "BEGIN ISOLATION LEVEL REPEATABLE READ";
        break;
    case ISOLATION_SERIALIZABLE:
        sql = "BEGIN ISOLATION LEVEL SERIALIZABLE";
        break;
    case ISOLATION_SNAPSHOT:
        return nicol_fail(err, NICOL_E_UNSUPPORTED, "PostgreSQL has no isolation level Snapshot: use RepeatableRead");
    }
    return pg_simple(c, sql, deadline_us, a, err);
}

bool pg_rollback(driver_conn *c, arena *a, nicol_error *err)
{
    pg_finish_running(c);
    if (!pg_in_transaction(c)) return true;
    if (pg_simple(c, "ROLLBACK", clock_mono_us() + GRACE_US, a, err)) return true;
    c->broken = true;
    return false;
}

bool pg_commit(driver_conn *c, arena *a, nicol_error *err)
{
    char tag[32] = "";
    if (!pg_in_transaction(c) && !c->broken) {
        return pg_fail_text(a, err, NICOL_E_DB_OTHER, "25P01", "postgres",
                            "the transaction had been rolled back by the database before its commit");
    }
    c->hold = true;
    bool good = command(c, "COMMIT", IO_NEVER, tag, a, err);
    c->hold = false;
    if (!good) {
        nicol_error second = {0};
        (void)pg_rollback(c, NULL, &second); /* notes by itself when it fails */
        return false;
    }
    /* A transaction in which a statement has failed is "committed" by a rollback, and that is no error to the server. */
    if (strcmp(tag, "COMMIT") == 0) return true;
    return pg_fail_text(a, err, NICOL_E_DB_OTHER, "25P02", "postgres",
                        "current transaction is aborted: a statement in it had failed, so it was rolled back instead "
                        "of committed");
}

static bool savepoint_command(driver_conn *c, const char *verb, unsigned n, arena *a, nicol_error *err)
{
    char sql[64];
    snprintf(sql, sizeof sql, "%s nicol_sp_%u", verb, n);
    return pg_simple(c, sql, IO_NEVER, a, err);
}

bool pg_savepoint(driver_conn *c, unsigned n, arena *a, nicol_error *err)
{
    return savepoint_command(c, "SAVEPOINT", n, a, err);
}

bool pg_savepoint_release(driver_conn *c, unsigned n, arena *a, nicol_error *err)
{
    return savepoint_command(c, "RELEASE SAVEPOINT", n, a, err);
}

bool pg_savepoint_rollback(driver_conn *c, unsigned n, arena *a, nicol_error *err)
{
    return savepoint_command(c, "ROLLBACK TO SAVEPOINT", n, a, err) &&
           savepoint_command(c, "RELEASE SAVEPOINT", n, a, err);
}
