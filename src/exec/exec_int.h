/* exec/exec_int.h - what the parts of the executor share: rows, one run of a plan, connections, transactions. */
#ifndef EXEC_EXEC_INT_H
#define EXEC_EXEC_INT_H

#include "base/clock.h"
#include "base/id.h"
#include "base/map.h"
#include "exec/exec.h"

/* --- rows ----------------------------------------------------------------------------------------------------------- */

/* The column names of rows, shared by all rows of a statement. Shapes are compared by pointer first. */
typedef struct exec_shape {
    const nicol_str *names;
    uint32_t n;
    bool kept; /* lives as long as the plan: what is learnt about it may be kept, too */
} exec_shape;

/* One row. cells NULL: a null among the items of a list. */
typedef struct exec_record {
    const exec_shape *shape;
    val *cells;
} exec_record;

struct exec_rows {
    exec_record *v;
    uint32_t n;
};
typedef struct exec_rows exec_rows;

static inline val val_rows(exec_rows *rows)
{
    return (val){.type = VAL_ROWS, .n = rows->n, .u.rows = rows};
}
static inline val val_record(exec_record *rec)
{
    return (val){.type = VAL_RECORD, .n = 1, .u.rec = rec};
}

/* flags of a VAL_JSON: it is a finished result, which goes into the output as it stands. */
#define EXEC_RAW_JSON 1

#define EXEC_NO_COLUMN UINT32_MAX
uint32_t shape_find(const exec_shape *s, nicol_str name);            /* the last of that name; EXEC_NO_COLUMN: none */
exec_shape *shape_new(arena *a, const nicol_str *names, uint32_t n); /* names are not copied; NULL: out of memory */
bool shape_same(const exec_shape *a, const exec_shape *b);
exec_rows *rows_new(arena *a, uint32_t n); /* zeroed records; NULL: out of memory */

/* Typed keys: 1 and 1.0 are equal, 1 and "1" are not, null equals null. */
uint64_t val_hash(val v, uint64_t seed);
bool val_same(val a, val b);

/* --- what a plan remembers between runs ----------------------------------------------------------------------------- */

/* A field of a result structure, ready to be written from the cells of one shape of rows. */
typedef struct exec_field {
    const plan_shape *shape;
    const struct exec_field *inner; /* of an object that reads the same row */
    const char *lead;               /* what stands before the value, {"name": or ,"name": and padding to whole blocks */
    uint32_t lead_n;
    uint32_t pos; /* column; EXEC_NO_COLUMN: none */
    bool plain;   /* one scalar from one cell */
} exec_field;
#define EXEC_LEAD_BLOCK 16

typedef struct exec_site {
    const exec_shape *shape; /* of a statement: its rows; of a join: the widened rows */
    const exec_shape *base;  /* whom `fields` are about, or whom `shape` widens */
    const exec_field *fields;
    const driver_arg_type *types;
    uint64_t shape_id; /* the driver's, of the statement whose columns `shape` was last compared with */
    uint32_t renewed;  /* how often it was learnt anew; past a limit it no longer is */
} exec_site;

typedef struct exec_memory {
    const mem *m;
    arena *a;
    exec_site *sites;
    uint32_t sites_n;
} exec_memory;

#define EXEC_RENEW_MAX 16

/* --- connections ---------------------------------------------------------------------------------------------------- */

typedef pool_conn exec_conn;

struct exec {
    const mem *m;
    const driver *d;
    exec_opts o;
    char *url; /* o.db.url points here */
    size_t url_len;
    bool one_connection;     /* an in-memory database: nobody else could see it */
    pool *writers, *readers; /* the same one on the network, and for a database in memory */
    arena *scratch;          /* of what happens outside any request */
    buf tmp;                 /* JSON texts between reading and escaping */
    exec_tx *open;
    unsigned open_n;
    struct exec_closed *closed; /* ring of EXEC_CLOSED_MAX */
    unsigned closed_at;
    bool sweeping; /* the fiber that ends overdue transactions is alive */
    io_queue sweeper_queue;
    bool closing;
    exec_figures figures;
};

bool conn_take(exec *e, pool_use use, int64_t deadline_us, arena *a, exec_conn **out,
               nicol_error *err) NICOL_MUST_CHECK;
void conn_give(exec *e, exec_conn *c); /* rolls back whatever is open */
#define CONNS_AGAIN_MAX 2              /* takes anew when the database had closed an idle connection */
void conns_lost(exec *e);              /* the database has closed one: the idle ones are hardly better */
void conns_figures(const exec *e, exec_figures *f);
void conns_close(exec *e);
bool conns_open(exec *e, nicol_error *err) NICOL_MUST_CHECK;
int64_t conn_deadline(const exec *e, int64_t deadline_us); /* with the statement timeout */

/* --- one run -------------------------------------------------------------------------------------------------------- */

typedef struct run {
    exec *e;
    const driver *d;
    const plan *p;
    const val *params;
    const exec_request *rq;
    nicol_str comment;
    arena *a;
    nicol_error *err;
    val *slots;
    exec_memory *memory; /* the plan's; NULL: nothing is kept */
    exec_conn *conn;     /* taken at the first statement */
    exec_tx *tx;
    bool owns_conn;
    bool batch;
    driver_isolation iso; /* of the transaction that this run begins */
    bool began;
    bool may_write; /* the open transaction is one that writes */
    bool alone;     /* a single statement that reads: no transaction around it */
    bool wants_writer;
    bool has_lid;
    int64_t lid;
    int64_t now_ms; /* of the generator `now`: the same for the whole run */
    int64_t deadline_us;
    int64_t rows;    /* that the running statement has given or changed */
    size_t breathed; /* length of the output at the last pause */
} run;

/* Between rows of a long answer: lets the others run once in a while, and tells of a cancel. Must not be called while
 * e->tmp is in use. */
bool run_breathe(run *r, const buf *out) NICOL_MUST_CHECK;
bool run_oom(run *r);                           /* memory or the request's limit; false */
bool run_conn(run *r) NICOL_MUST_CHECK;         /* takes the connection and begins, when not done yet */
bool run_fresh_writer(run *r) NICOL_MUST_CHECK; /* gives the reader back, goes on with the writer */
bool run_begin_read(run *r) NICOL_MUST_CHECK;   /* from here on all statements see one state */

bool run_eval(run *r, const plan_node *n, val *out) NICOL_MUST_CHECK;
bool run_emit(run *r, const plan_node *n, buf *out, bool *has_value) NICOL_MUST_CHECK;

/* values.c */
bool eval_pval(run *r, const pval *v, val *out) NICOL_MUST_CHECK;
bool val_number(val v, double *out);            /* numbers, booleans and number-like text, as JavaScript's Number() */
bool val_matches(run *r, val cell, val wanted); /* a cursor's value against a cell */
bool val_from_json(run *r, nicol_str text, val *out) NICOL_MUST_CHECK;
uint32_t val_count(run *r, val v); /* of rows: the length of a list, 0 for null, else 1 */
val val_get_slot(run *r, uint32_t slot);

/* rows.c */
bool rows_of(run *r, val v,
             exec_rows *out) NICOL_MUST_CHECK; /* a list of records, a record or null as rows; other values fail */
bool rows_read(run *r, const plan_stmt *s, val *out) NICOL_MUST_CHECK; /* runs a query, keeps its rows */
bool map_field(run *r, nicol_str field, val v, val *out) NICOL_MUST_CHECK;
const exec_shape *shape_of(run *r, uint32_t site, driver_stmt *st); /* NULL: out of memory */
const exec_field *shape_fields(run *r, const plan_shape *s, const exec_shape *rows);

/* stmt.c: evaluates arguments, renders, splits when there are too many binds, runs, gives each started statement to
 * `sink`, which steps it to its end. */
typedef bool (*stmt_sink)(run *r, const plan_stmt *s, driver_stmt *st, void *ctx);
bool stmt_run(run *r, const plan_stmt *s, stmt_sink sink, void *ctx) NICOL_MUST_CHECK;
bool stmt_affected(run *r, const plan_stmt *s, int64_t *out) NICOL_MUST_CHECK;

/* join.c, process.c */
bool run_join(run *r, const plan_node *n, val *out) NICOL_MUST_CHECK;
bool run_diff(run *r, const plan_node *n, val *out) NICOL_MUST_CHECK;
bool run_process(run *r, val v, const plan_ops *ops, val *out) NICOL_MUST_CHECK;

/* items.c */
bool emit_items(run *r, const plan_node *data_map, buf *out) NICOL_MUST_CHECK; /* the answer of a lookup plan */

/* data_map.c, emit.c */
bool map_value(run *r, const plan_shape *s, val v, buf *out) NICOL_MUST_CHECK;
bool map_stream(run *r, const plan_stmt *s, const plan_shape *shape, bool unique, buf *out) NICOL_MUST_CHECK;
bool map_field_value(run *r, const plan_shape *s, val v, buf *out) NICOL_MUST_CHECK;
bool emit_raw_rows(run *r, const plan_stmt *s, buf *out) NICOL_MUST_CHECK;
bool emit_value(run *r, val v, buf *out) NICOL_MUST_CHECK; /* VAL_UNDEF gives null */

/* errors.c */
bool fail_database(run *r, const plan_stmt *s); /* chooses code and text for an error of the driver; false */
void error_settle(nicol_error *err, bool raw, arena *a);
bool fail_rule(run *r, const plan_node *validate, val v);
bool fail_tx(nicol_error *err, arena *a, const char *fmt, ...) NICOL_PRINTF(3, 4);

/* --- interactive transactions --------------------------------------------------------------------------------------- */

#define EXEC_TX_ID 34
#define EXEC_CLOSED_MAX 1000
#define EXEC_SAVEPOINTS_MAX 64

typedef enum tx_end { TX_COMMITTED = 1, TX_ROLLED_BACK, TX_EXPIRED } tx_end;

typedef struct exec_closed {
    char id[EXEC_TX_ID];
    uint8_t how; /* tx_end; 0: free */
    int64_t timeout_ms, started_us;
    uint64_t owner;
} exec_closed;

struct exec_tx {
    exec *e;
    char id[EXEC_TX_ID];
    uint64_t owner; /* hash of who may use it */
    exec_conn *conn;
    int64_t started_us, timeout_ms, deadline_us;
    io_lock lock; /* one operation at a time, first come, first served */
    unsigned refs;
    bool closed;
    unsigned depth; /* open savepoints */
    unsigned counter;
    unsigned savepoints[EXEC_SAVEPOINTS_MAX];
    exec_tx *next, *prev;
};

bool tx_expired(exec_tx *t, const char *op, arena *a, nicol_error *err); /* rolls back and fails. The lock is held */
/* False, and the transaction is closed, when the database has rolled it back by itself (INSERT OR ROLLBACK, a full disk):
 * the next statement would be committed on its own. The lock is held. */
bool tx_alive(exec_tx *t, const char *op, arena *a, nicol_error *err) NICOL_MUST_CHECK;
bool txs_open(exec *e, nicol_error *err) NICOL_MUST_CHECK;
void txs_close(exec *e);

#endif
