/* pool/pool.h - the connections of one database that many requests share.
 *
 * A connection is taken for one operation, batch or transaction and given back. When all are busy, whoever comes waits in
 * line: first come, first served, nobody overtakes. A connection that is given back goes straight to the first in
 * line. Broken ones are dropped and replaced; one that lay idle is looked at before it is handed out; none lives for ever.
 *
 * A pool belongs to one thread. On a loop its calls park the fiber (deadlines are clock_mono_us() values); elsewhere
 * nobody could give a connection back while the caller waits, so a full pool is an error at once.
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include "base/hist.h"
#include "driver/driver.h"

typedef struct pool pool;

/* What a connection is used for: told to whoever waits in vain. */
typedef enum pool_use { POOL_READ = 0, POOL_WRITE, POOL_BATCH, POOL_TRANSACTION, POOL_USES_N } pool_use;

/* A taken connection. Only `c` is for the holder. */
typedef struct pool_conn {
    driver_conn *c;
    pool *pool;
    struct pool_conn *next, *prev; /* among the busy or the idle ones */
    pool_use use;
    int64_t since_us;  /* taken, or given back */
    int64_t opened_us; /* for its life time */
} pool_conn;

typedef struct pool_opts {
    const driver *d;
    driver_opts db;  /* the url is copied */
    unsigned size;   /* most connections at once; 0: POOL_SIZE_DEFAULT */
    int64_t wait_us; /* longest wait in line, whatever the asker's deadline; 0: 10 s; IO_NEVER: the deadline alone */
    int64_t idle_us; /* idle for longer: closed; 0: 5 minutes; IO_NEVER: kept */
    int64_t life_us; /* older: closed when given back; 0: an hour; IO_NEVER: kept */
    const mem *m;
} pool_opts;

#define POOL_SIZE_DEFAULT 10

/* Counts are exact at every moment: open == busy + idle, and open is what the database sees of this pool. */
typedef struct pool_figures {
    unsigned size;
    uint32_t open, busy, idle, opening, waiting;
    uint32_t used[POOL_USES_N]; /* of the busy ones */
    int64_t longest_wait_us;    /* of those who wait now */
    uint64_t opened, closed;    /* since the start; opened - closed == open */
    uint64_t open_failures, takes, waits, timeouts;
    hist waited; /* by those who took one */
} pool_figures;

/* Opens no connection yet. NULL: *err. */
pool *pool_open(const pool_opts *o, nicol_error *err) NICOL_MUST_CHECK;
/* Every connection must have been given back; whoever waits gets NICOL_E_CANCELLED. On a loop: from a fiber. */
void pool_close(pool *p);

/* Takes a connection, opening one when there is room. deadline_us bounds the wait in line, not the opening, which has its
 * own time (connect_timeout in the URL). Fails with NICOL_E_POOL_TIMEOUT (P2024: who is busy, with what, for how long),
 * with what opening failed with, or NICOL_E_CANCELLED. `a` holds the texts of the error. */
bool pool_take(pool *p, pool_use use, int64_t deadline_us, arena *a, pool_conn **out,
               nicol_error *err) NICOL_MUST_CHECK;
/* Gives it back. A transaction that is open is rolled back; a connection that is broken, or no longer as it was when it was
 * taken, is closed. */
void pool_give(pool_conn *c);
/* True when one could be taken at once, without opening a new one. */
bool pool_has_idle(const pool *p);
/* Closes the idle connections: the database has ended them, or will. */
void pool_drop_idle(pool *p);

void pool_get_figures(const pool *p, pool_figures *f);

#endif
