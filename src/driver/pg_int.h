/* driver/pg_int.h - what the files of the PostgreSQL driver share. */
#ifndef DRIVER_PG_INT_H
#define DRIVER_PG_INT_H

#include <libpq-fe.h>

#include "base/map.h"
#include "driver/driver.h"

/* --- types of columns (pg_types.c) ---------------------------------------------------------------------------------- */

typedef enum pg_class {
    PG_TEXT, /* as the database spells it */
    PG_BOOL,
    PG_INT2,
    PG_INT4,
    PG_INT8,
    PG_OID,
    PG_FLOAT4,
    PG_FLOAT8,
    PG_NUMERIC,
    PG_MONEY,
    PG_BYTEA,
    PG_JSON,
    PG_JSONB,
    PG_UUID,
    PG_DATE,
    PG_TIME,
    PG_TIMETZ,
    PG_TIMESTAMP,
    PG_TIMESTAMPTZ
} pg_class;

typedef struct pg_type {
    Oid oid, list; /* of the type and of arrays of it */
    uint8_t class_;
    uint8_t col;
    bool binary; /* we read its binary form */
} pg_type;

typedef struct pg_column {
    const pg_type *type;
    Oid oid;
    bool list;
} pg_column;

pg_column pg_column_of(Oid oid);
/* One value in the database's form. raw: as raw results spell it (dates as text), otherwise as plans compare it. What is
 * made for it lies in `a`. False: out of memory, or bytes that are none of this type. */
bool pg_decode(const pg_column *c, bool binary, nicol_str bytes, bool raw, arena *a, val *out) NICOL_MUST_CHECK;
/* An array in its text form, of texts. */
bool pg_list_of(nicol_str text, arena *a, val *out) NICOL_MUST_CHECK;

/* --- arguments (pg_args.c) ------------------------------------------------------------------------------------------ */

typedef struct pg_args {
    int n;
    const char **values;
    int *lengths, *formats;
} pg_args;

bool pg_encode(const val *args, const driver_arg_type *types, size_t n, const mem *m, arena *a, pg_args *out,
               nicol_error *err) NICOL_MUST_CHECK;

/* --- URLs (pg_url.c) ------------------------------------------------------------------------------------------------ */

#define PG_KEYWORDS_MAX 40

typedef struct pg_url {
    const char *keys[PG_KEYWORDS_MAX], *values[PG_KEYWORDS_MAX]; /* libpq's keywords, NULL at the end */
    size_t n;
    nicol_str schema;  /* the first of the search path; empty: the server's own */
    nicol_str options; /* the user's */
    driver_url_facts pool;
    int64_t connect_timeout_us; /* IO_NEVER: none */
    int64_t socket_timeout_us;  /* IO_NEVER: none */
    int64_t cache_max;          /* -1: absent */
    bool pgbouncer;
} pg_url;

bool pg_url_read(nicol_str url, arena *a, pg_url *out, nicol_error *err) NICOL_MUST_CHECK;
bool pg_url_facts(nicol_str url, driver_url_facts *out, nicol_error *err);
bool pg_url_add(pg_url *u, const char *key, const char *value, nicol_error *err) NICOL_MUST_CHECK;
const char *pg_url_get(const pg_url *u, const char *key); /* NULL: not said */

/* --- connections (pg_conn.c) ---------------------------------------------------------------------------------------- */

#define PG_ROW_BYTES_MAX ((size_t)512 << 20) /* what may be made of one row's cells */
#define PG_NAME_BYTES 40
#define PG_DROPS_MAX 16

typedef enum pg_stop {
    STOP_NONE = 0,
    STOP_DEADLINE,
    STOP_SOCKET_TIMEOUT,
    STOP_CANCELLED,
    STOP_TOO_LARGE,
    STOP_SILENT /* a server that does not answer what cannot take long; nothing is cancelled, the connection is given up */
} pg_stop;

struct driver_conn {
    const mem *m;
    PGconn *pg;
    int fd;
    map *cache;                   /* SQL text -> driver_stmt */
    driver_stmt *oldest, *newest; /* all statements, in order of use */
    size_t cache_max;
    arena *row;                /* what was made of the current row's cells */
    driver_stmt *running;      /* its results are not all received */
    const char *setup;         /* the session's settings, where they could not be sent while connecting; or NULL */
    size_t setup_bytes;        /* memory of `setup` */
    int64_t socket_timeout_us; /* the longest one statement may take */
    int64_t grace_us;          /* after a cancel: until when the server may take to come back */
    size_t received;           /* bytes since the statement was sent */
    uint32_t generation;       /* statements that were prepared in an older one are gone */
    unsigned drops_n;          /* names of prepared statements that nobody needs any more */
    char drops[PG_DROPS_MAX][PG_NAME_BYTES];
    pg_stop stop; /* why the running statement was stopped */
    pg_stop late; /* what it means when the deadline of what runs passes */
    bool whole;   /* what runs gives its rows at once: libpq keeps them all */
    bool hold;    /* what runs is waited for also when its client is gone: a commit */
    bool unnamed; /* statements are not kept prepared: PgBouncer */
    bool dirty;   /* a statement may have changed the session */
    bool broken;  /* never reuse */
};

/* Waits for the next result of what was sent. *out NULL: there is no more. False: the connection is of no use. */
bool pg_result(driver_conn *c, int64_t deadline_us, PGresult **out, arena *a, nicol_error *err) NICOL_MUST_CHECK;
/* Asks the server to stop what runs, without waiting for its end. */
void pg_interrupt(driver_conn *c, pg_stop why);
/* After a statement that was stopped: a cancel that came late must not meet the next one. */
void pg_settle_stop(driver_conn *c);
/* Runs a text of our own to its end; every result but the last one's tag is dropped. */
bool pg_simple(driver_conn *c, const char *sql, int64_t deadline_us, arena *a, nicol_error *err) NICOL_MUST_CHECK;
driver_conn *pg_open(const driver_opts *o, arena *a, nicol_error *err);
void pg_close(driver_conn *c);
bool pg_healthy(driver_conn *c);
bool pg_begin(driver_conn *c, driver_isolation iso, bool write, int64_t deadline_us, arena *a, nicol_error *err);
bool pg_commit(driver_conn *c, arena *a, nicol_error *err);
bool pg_rollback(driver_conn *c, arena *a, nicol_error *err);
bool pg_savepoint(driver_conn *c, unsigned n, arena *a, nicol_error *err);
bool pg_savepoint_release(driver_conn *c, unsigned n, arena *a, nicol_error *err);
bool pg_savepoint_rollback(driver_conn *c, unsigned n, arena *a, nicol_error *err);
bool pg_in_transaction(const driver_conn *c);
bool pg_script(driver_conn *c, nicol_str sql, arena *a, nicol_error *err);

/* --- statements (pg.c) ---------------------------------------------------------------------------------------------- */

void pg_statements_free(driver_conn *c);
/* Receives and drops what a statement still has to give; cancels it when that is much. */
void pg_finish_running(driver_conn *c);

/* --- guards against what would reach the next request (pg_guard.c) --------------------------------------------------- */

typedef struct pg_look {
    const char *refused; /* why, or NULL */
    bool session;        /* may change the session */
    bool read;           /* cannot change the database, as far as the text tells */
} pg_look;
pg_look pg_look_at(nicol_str sql);

/* --- errors (pg_errors.c); all return false ------------------------------------------------------------------------- */

bool pg_fail(driver_conn *c, const PGresult *res, arena *a, nicol_error *err);
bool pg_fail_lost(driver_conn *c, arena *a, nicol_error *err); /* the connection broke, or libpq refused */
bool pg_fail_text(arena *a, nicol_error *err, nicol_code code, const char *sqlstate, const char *kind,
                  const char *text);
bool pg_fail_connect(const pg_url *u, const char *text, bool late, arena *a, nicol_error *err);
bool pg_fail_stopped(pg_stop why, arena *a, nicol_error *err);
bool pg_state_is(const PGresult *res, const char *sqlstate);

#endif
