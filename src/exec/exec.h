/* exec/exec.h - runs plans: rows, shaping, transactions, error codes. The only executor, whoever asked.
 *
 * An `exec` owns the connections of one database (SQLite: one for writing, handed over first come, first served, and a few
 * for reading) and the open interactive transactions. It belongs to one thread; on a server loop its calls park the
 * fiber, elsewhere they block.
 */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include "driver/driver.h"
#include "plan/plan.h"
#include "pool/pool.h"

typedef struct exec exec;
typedef struct exec_tx exec_tx;

typedef struct exec_opts {
    driver_opts db;
    unsigned readers_max;         /* SQLite read connections; 0: 4 */
    unsigned tx_max;              /* 0: NICOL_TX_MAX */
    unsigned loop_number;         /* 0 to 99: the first two digits of transaction ids */
    size_t request_bytes_max;     /* arena of one request; 0: the default of limits.h */
    size_t result_bytes_max;      /* 0: the default */
    int64_t statement_timeout_us; /* 0: none */
    const mem *m;
    /* Called after each statement, for logs and figures. May be NULL. */
    void (*on_statement)(void *ctx, nicol_str sql, int64_t start_us, int64_t took_us, int64_t rows);
    void *ctx;
} exec_opts;

exec *exec_open(const exec_opts *opts, nicol_error *err) NICOL_MUST_CHECK;
void exec_close(exec *e); /* rolls back open transactions */
const driver *exec_driver(const exec *e);

/* How errors of the database are spelled: clients of version 7 get code, message and driverAdapterError facts; the
 * older protocol wants P2002 with meta.target and so on. The codes are the same. */
/* A piece of an answer's text. */
typedef struct exec_span {
    size_t at, len;
} exec_span;

typedef struct exec_request {
    const plan *plan;
    const val *params;   /* plan->params_n of them */
    exec_tx *tx;         /* run inside this transaction; NULL: outside any */
    arena *a;            /* working memory, and whatever the error points to */
    int64_t deadline_us; /* IO_NEVER: none */
    /* A lookup plan: gets for each of items_n operations where in `out` its row stands; len 0: it found none. */
    exec_span *items;
    uint32_t items_n;
    /* Called after each statement of this request, for who wants to see them. Or NULL. Text and arguments stay where they
     * are until the plan and the arena go. rows: given or changed; -1: the statement failed. */
    void (*seen)(void *ctx, nicol_str sql, const val *args, size_t args_n, int64_t start_us, int64_t took_us,
                 int64_t rows);
    void *seen_ctx;
    nicol_str
        sql_comment; /* appended to every statement after a blank (then statements are not kept prepared); or empty */
} exec_request;

/* Runs a plan and appends its result as JSON text to `out` ("null", {...}, [...], 3). *has_value false: the result is
 * undefined, nothing was appended. On failure `out` is as it was, and a transaction that the plan opened is rolled back. */
bool exec_run(exec *e, const exec_request *rq, buf *out, bool *has_value, nicol_error *err) NICOL_MUST_CHECK;

/* What a findUniqueOrThrow among the operations of a lookup plan is told when it found no row. Always false. */
bool exec_missing(exec *e, const plan *p, arena *a, nicol_error *err);

/* --- transactions --------------------------------------------------------------------------------------------------- */

/* Several plans in one transaction, all or nothing. results: appended to `out` as a JSON list is the caller's business:
 * each() is called before and after each item (`before` true first) with its index, so that the caller writes what stands between. *failed: the index of
 * the item that failed. */
typedef struct exec_batch_item {
    const plan *plan;
    const val *params;
} exec_batch_item;
bool exec_batch(exec *e, const exec_batch_item *items, size_t n, driver_isolation iso, const exec_request *common,
                void (*each)(void *ctx, size_t i, bool before, buf *out), void *ctx, buf *out, size_t *failed,
                nicol_error *err) NICOL_MUST_CHECK;

typedef struct exec_tx_opts {
    int64_t max_wait_ms; /* to get the connection and begin; 0: 2,000 */
    int64_t timeout_ms;  /* from begin; 0: 5,000; at most NICOL_TX_TIMEOUT_MS_MAX */
    driver_isolation isolation;
    nicol_str owner; /* who may use it: the API key's id, or empty */
} exec_tx_opts;

/* Interactive transactions, by id (loop number and 128 random bits). An id that timed out, was committed or rolled back is
 * remembered for a while so that later calls get the precise error (protocol.md 3.4). `op` of the errors: query, commit, rollback, start. */
bool exec_tx_start(exec *e, const exec_tx_opts *o, arena *a, nicol_str *id, nicol_error *err) NICOL_MUST_CHECK;
/* A nested transaction in `id`: a savepoint (version 7.5's newTxId). */
bool exec_tx_nest(exec *e, nicol_str id, nicol_str owner, arena *a, nicol_error *err) NICOL_MUST_CHECK;
/* Takes the transaction for one operation ("query"): waits its turn behind others on the same id. Give it back. */
exec_tx *exec_tx_take(exec *e, nicol_str id, nicol_str owner, const char *op, arena *a,
                      nicol_error *err) NICOL_MUST_CHECK;
void exec_tx_give(exec_tx *t);
bool exec_tx_commit(exec *e, nicol_str id, nicol_str owner, arena *a, nicol_error *err) NICOL_MUST_CHECK;
/* Ends the open transactions of everybody but these owners, as if their time was up: a key that was revoked must not
 * keep the others from writing. Does not wait. */
void exec_tx_end_others(exec *e, const nicol_str *owners, size_t n);
bool exec_tx_rollback(exec *e, nicol_str id, nicol_str owner, arena *a, nicol_error *err) NICOL_MUST_CHECK;

/* --- errors at the doors -------------------------------------------------------------------------------------------- */

/* `meta` of an error for each protocol: version 7 ({"driverAdapterError": {...}} or the context object) and the older one
 * ({"target": [...]}, {"cause": ...}). Appends a JSON object. */
void exec_error_meta_v7(const nicol_error *err, buf *out);
void exec_error_text_v6(const nicol_error *err, buf *out); /* the message, as a JSON string */
void exec_error_meta_v6(const nicol_error *err, nicol_str model, buf *out);

typedef struct exec_figures {
    uint64_t statements, reads, writes, transactions, commits, rollbacks, expired;
    uint32_t tx_open;
    pool_figures pool; /* of all connections together */
} exec_figures;
void exec_get_figures(const exec *e, exec_figures *f);

#endif
