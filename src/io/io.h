/* io/io.h - one way to wait: fibers on one loop per thread, and the single function that waits.
 *
 * Engine code is straight-line. When it must wait it calls io_wait (or one of the few things built on it below). On a
 * thread that runs a loop, io_wait parks the running fiber and others run; on any other thread it is poll(), so the
 * same code serves a plain C program that has no loop. A fiber never changes thread.
 *
 * Hazards that the implementation keeps away from callers: errno is saved across a wait; stacks have guard pages;
 * stacks are annotated for the sanitizers; a closed descriptor wakes its waiters. Left to callers: two fibers may not
 * wait on one descriptor and direction; no lock of the operating system is held across a wait; ERR_clear_error before
 * each OpenSSL call.
 */
#ifndef IO_IO_H
#define IO_IO_H

#include "base/err.h"

/* --- loop and fibers ------------------------------------------------------------------------------------------------ */

typedef struct io_loop io_loop;
typedef struct io_fiber io_fiber;

typedef struct io_loop_opts {
    const mem *m;         /* NULL: mem_default */
    size_t stack_bytes;   /* 0: 64 KB (256 KB under a sanitizer) */
    unsigned fibers_max;  /* 0: 20,000 */
    unsigned helpers_max; /* helper threads for io_offload; 0: 4 */
} io_loop_opts;

io_loop *io_loop_new(const io_loop_opts *opts, nicol_error *err) NICOL_MUST_CHECK;
void io_loop_free(io_loop *l); /* every fiber must have ended */
/* Runs the calling thread's loop until io_loop_stop and until every fiber has ended. */
bool io_loop_run(io_loop *l, nicol_error *err) NICOL_MUST_CHECK;
void io_loop_stop(io_loop *l); /* any thread, and from a signal handler */
io_loop *io_loop_here(void);   /* the loop that runs on this thread, or NULL */

/* Starts fn(arg) on its own stack, soon. False when the limit is reached or there is no memory. From outside the
 * loop's thread only before io_loop_run. */
bool io_spawn(io_loop *l, const char *name, void (*fn)(void *arg), void *arg, nicol_error *err) NICOL_MUST_CHECK;
io_fiber *io_self(void); /* NULL when not on a fiber */
void io_yield(void);     /* lets the others run once; does nothing without a loop */
size_t io_fibers(const io_loop *l);
/* Makes a stack overflow of a fiber end the process with one line that names it, instead of a bare SIGSEGV. For
 * programs, not for libraries: it takes the process's SIGSEGV and SIGBUS. Does nothing under a sanitizer. */
bool io_guard_report(nicol_error *err) NICOL_MUST_CHECK;

/* --- waiting -------------------------------------------------------------------------------------------------------- */

enum { IO_READ = 1, IO_WRITE = 2, IO_LIB = 4 };
#define IO_NEVER INT64_MAX /* deadlines are clock_mono_us() values */

typedef enum io_result { IO_READY, IO_TIMEOUT, IO_CLOSED, IO_CANCELLED, IO_FAILED } io_result;

/* Waits until fd is readable (IO_READ), writable (IO_WRITE) or either, or until the deadline. Call it after the
 * operation said EAGAIN. IO_LIB: the descriptor belongs to a library that may not have read it dry; it is armed anew. */
io_result io_wait(int fd, int events, int64_t deadline_us);
/* Sleeps; IO_TIMEOUT is the normal end, IO_CANCELLED the other. */
io_result io_sleep_until(int64_t deadline_us);
/* Closes a descriptor and wakes whoever waits on it (they get IO_CLOSED). */
void io_close(int fd);
/* Forgets what the loop knows of a descriptor that stays open but leaves this thread, or that someone else will close. */
void io_forget(int fd);
/* Makes the fiber's current wait, or its next one, return IO_CANCELLED. Same thread only. */
void io_cancel(io_fiber *f);

/* A wait without a stack, for what is idle in thousands: when fd is ready, closed, or at the deadline, fn runs once on
 * the loop's own stack (it must not wait; it usually spawns). The caller owns the zero-initialised struct, which must
 * stay where it is until fn was called or io_watch_stop. Same rule as for io_wait: the operation said EAGAIN. */
typedef struct io_watch {
    void (*fn)(void *arg, io_result why); /* NULL inside io: the wait of a fiber */
    void *arg;
    int64_t deadline_us;
    size_t timer; /* place in the loop's timer heap, from 1; 0: none */
    int fd, events;
    bool armed;
} io_watch;
/* True: armed, fn will be called. False: not armed, *why says what a wait would have returned (IO_READY, ...). Needs a
 * loop on this thread. fd -1: only the deadline. */
bool io_watch_start(io_watch *w, int fd, int events, int64_t deadline_us, void (*fn)(void *arg, io_result why),
                    void *arg, io_result *why) NICOL_MUST_CHECK;
void io_watch_stop(io_watch *w); /* fn will not be called; not armed is fine */

/* Runs fn(arg) on a helper thread while the fiber is parked; inline when there is no loop. For what blocks without a
 * descriptor: fsync, name look-ups, TLS handshakes of libraries. fn must not wait through io. */
void io_offload(void (*fn)(void *arg), void *arg);
/* Runs fn(arg) soon on the loop's own thread, from any thread (not on a fiber: it must not wait). */
bool io_post(io_loop *l, void (*fn)(void *arg), void *arg) NICOL_MUST_CHECK;

/* A queue of waiting fibers, first come, first served. Zero-initialised is empty. Same thread only. */
typedef struct io_queue {
    struct io_waiter *head, *tail;
} io_queue;
/* Parks until woken (IO_READY), the deadline or a cancel. Without a loop: returns IO_TIMEOUT at once, since nobody
 * could wake it. */
io_result io_queue_wait(io_queue *q, int64_t deadline_us);
bool io_queue_wake(io_queue *q); /* the first waiter; false when there is none */
void io_queue_wake_all(io_queue *q);

/* A lock that parks instead of blocking, handed over first come, first served. Zero-initialised is free. */
typedef struct io_lock {
    bool held;
    io_queue queue;
} io_lock;
io_result io_lock_take(io_lock *l, int64_t deadline_us); /* IO_READY: taken. Without a loop a held lock is IO_TIMEOUT */
void io_lock_give(io_lock *l);

/* --- sockets and TLS ------------------------------------------------------------------------------------------------ */

/* A byte stream: a socket, with TLS or not. Calls return bytes moved, 0 at the peer's end (read only), or -1 with the
 * reason in *why (IO_TIMEOUT, IO_CLOSED, IO_CANCELLED, IO_FAILED). */
typedef struct io_stream io_stream;
typedef struct io_tls io_tls; /* a server's certificate and key; shared by its streams */

/* TLS 1.2 and newer. The files are PEM; cert may hold the chain. */
io_tls *io_tls_server_new(const char *cert_file, const char *key_file, nicol_error *err) NICOL_MUST_CHECK;
void io_tls_free(io_tls *t);

/* Listens on host:port (numeric address or "localhost"; port 0 picks one, told in *port_got). Non-blocking, CLOEXEC. */
bool io_listen(nicol_str host, uint16_t port, int backlog, int *fd, uint16_t *port_got,
               nicol_error *err) NICOL_MUST_CHECK;
/* Connects to host:port, trying each address of a name in turn (names are looked up on a helper thread). -1 on
 * failure. Non-blocking, CLOEXEC. */
int io_connect(nicol_str host, uint16_t port, int64_t deadline_us, nicol_error *err) NICOL_MUST_CHECK;
/* Waits for the next connection; -1 and *why at the deadline, cancel or close. */
int io_accept(int listen_fd, int64_t deadline_us, io_result *why);
/* Takes over fd. tls NULL: plain. The TLS handshake happens here, bounded by the deadline. NULL on failure (fd closed). */
io_stream *io_stream_open(int fd, io_tls *tls, int64_t deadline_us, nicol_error *err) NICOL_MUST_CHECK;
void io_stream_close(io_stream *s);
ptrdiff_t io_read(io_stream *s, void *p, size_t n, int64_t deadline_us, io_result *why);
/* Writes all n bytes; false with *why otherwise. */
bool io_write_all(io_stream *s, const void *p, size_t n, int64_t deadline_us, io_result *why) NICOL_MUST_CHECK;
/* Two pieces in one go (head and body). */
bool io_write_two(io_stream *s, nicol_str a, nicol_str b, int64_t deadline_us, io_result *why) NICOL_MUST_CHECK;
bool io_stream_is_tls(const io_stream *s);
int io_stream_fd(const io_stream *s);
/* True when the peer has closed or reset (peeks; never reads). */
bool io_stream_gone(io_stream *s);
/* io_watch_start for the next bytes of a stream, TLS or not, whatever was read before. */
bool io_stream_watch(io_stream *s, io_watch *w, int64_t deadline_us, void (*fn)(void *arg, io_result why), void *arg,
                     io_result *why) NICOL_MUST_CHECK;

#endif
