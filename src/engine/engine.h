/* engine/engine.h - the objects behind every door: a database, the schemas it is asked through, the plan caches, the
 * figures. The server, the command line and the public C functions (nicol/nicol.h) are thin over this.
 *
 * An engine belongs to one thread. On a server loop its calls park the fiber, elsewhere they block. Requests and answers are
 * JSON text; an answer is appended to a buf and nothing is appended on failure unless a function says so.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "exec/exec.h"
#include "schema/schema.h"

typedef struct engine engine;
typedef struct engine_schema engine_schema;

typedef struct engine_opts {
    exec_opts exec;          /* the database */
    unsigned plan_cache_max; /* plans kept, of each kind; 0: NICOL_PLAN_CACHE_MAX */
    size_t plan_bytes_max;   /* memory of all plans kept; 0: NICOL_PLAN_CACHE_BYTES_MAX */
    unsigned schemas_max;    /* uploaded schemas kept; 0: NICOL_SCHEMAS_MAX */
    int64_t slow_us;         /* operations that take longer are logged and kept for the status page; 0: 50 ms */
    int64_t slow_plan_us;    /* those that take longer than this too are logged with plan and statements; 0: none */
    bool slow_values;        /* and with the values of their statements */
    bool untimed;            /* nobody looks at the figures: operations are counted, not timed; none is slow */
    const mem *m;
} engine_opts;

engine *engine_open(const engine_opts *opts, nicol_error *err) NICOL_MUST_CHECK;
void engine_close(engine *e); /* NULL is fine */
exec *engine_exec(engine *e);

/* --- schemas --------------------------------------------------------------------------------------------------------- */

/* Parses and keeps a schema under `hash` (64 hex digits; of uploads: sha256 of the base64 text, checked by the caller). The oldest
 * upload that no request uses goes when there are too many. diags may be NULL. The provider must be the database's. */
bool engine_schema_add(engine *e, nicol_str hash, const schema_file *files, size_t files_n, arena *a,
                       schema_diags *diags, engine_schema **out, nicol_error *err) NICOL_MUST_CHECK;
/* Takes a kept schema for a request, NULL when there is none. Give it back. */
engine_schema *engine_schema_take(engine *e, nicol_str hash);
void engine_schema_give(engine *e, engine_schema *s);
const schema *engine_schema_model(const engine_schema *s);
/* The server's own schema (--schema), or NULL. Set once. */
void engine_schema_set_own(engine *e, engine_schema *s);
engine_schema *engine_schema_own(engine *e);

/* --- the JSON protocol (clients of version 5 and 6, C, nicol query) -------------------------------------------------- */

/* What a client wants to see of its own request: the `extensions` of an answer. Statements are noted while it runs. */
typedef struct engine_telemetry {
    bool logs, spans;   /* asked for */
    char trace_id[33];  /* of the client's trace, else a new one */
    char parent_id[17]; /* the client's span, or empty */
    const char *system; /* the driver's name */
    buf log_text, span_text;
    uint32_t left_out; /* statements past the limit */
} engine_telemetry;
/* asked: the client's list ("tracing, info, query"); traceparent: as in W3C Trace Context, may be empty. False when
 * nothing is wanted: then there is nothing to free. */
bool engine_telemetry_init(engine_telemetry *t, engine *e, nicol_str asked, nicol_str traceparent);
/* A span of our own around something else than a statement: "commit_transaction". */
void engine_telemetry_span(engine_telemetry *t, const char *name, int64_t start_us);
/* Puts "extensions" into a finished answer, the JSON object at the end of `out`. */
void engine_telemetry_put(engine_telemetry *t, buf *out);
void engine_telemetry_free(engine_telemetry *t);

typedef struct engine_call {
    nicol_str request_id;        /* for logs; may be empty */
    exec_tx *tx;                 /* run inside it; or NULL */
    arena *a;                    /* of the request */
    int64_t deadline_us;         /* IO_NEVER: none */
    uint32_t operations;         /* out: how many ran */
    engine_telemetry *telemetry; /* or NULL */
    buf *explain;                /* gets the request tree, the plan and the statements as text for people; or NULL */
    nicol_error *error;          /* out, may be NULL: the error that the answer holds, unless operations failed apart */
} engine_call;

/* Runs a request body: one operation or a batch. Appends the protocol's answer: {"data":{...}}, {"batchResult":[...]} or
 * {"errors":[...]} (user errors are answers: true). False only for what is no user error of a query: memory, limits, a body that is no
 * request, the database out of reach ... *err says. *failed: the answer holds an error. */
bool engine_query(engine *e, engine_schema *s, nicol_str body, engine_call *call, buf *out, bool *failed,
                  nicol_error *err) NICOL_MUST_CHECK;
/* Appends {"errors":[{"error":..., "user_facing_error":{...}}]} for an error. batch_index -1: none. */
void engine_put_errors_v6(const nicol_error *err, nicol_str model, int64_t batch_index, buf *out);

/* --- the plan protocol (clients of version 7) ------------------------------------------------------------------------ */

/* Runs {"plan":..., "params":..., ...}. Appends {"data":VALUE} or {}. False: *err, for engine_put_error_v7. */
bool engine_plan(engine *e, nicol_str body, engine_call *call, buf *out, nicol_error *err) NICOL_MUST_CHECK;
/* Appends {"code":..., "error":..., "meta":{...}}. Returns the HTTP status. */
int engine_put_error_v7(const nicol_error *err, buf *out);

/* --- figures --------------------------------------------------------------------------------------------------------- */

#define ENGINE_SLOW_N 20
#define ENGINE_LATENCY_N 40 /* buckets: bucket i counts operations that took less than 2^(i/2) * 10 microseconds */

typedef struct engine_slow {
    int64_t wall_ms, took_us;
    bool failed;
    char what[96]; /* "findMany User" */
    char request_id[64];
    char sql[512]; /* its slowest statement, cut */
} engine_slow;

typedef struct engine_figures {
    int64_t started_wall_ms;
    uint64_t operations, failed;
    uint64_t plan_hits, plan_misses, shape_hits, shape_misses;
    uint64_t compacted; /* findUnique operations that were answered together with others */
    uint64_t latency[ENGINE_LATENCY_N];
    hist operations_took, statements_took;
    uint32_t schemas, plans;
    uint64_t plan_bytes, plans_evicted;
    exec_figures exec;
    engine_slow slow[ENGINE_SLOW_N]; /* newest first */
    uint32_t slow_n;
} engine_figures;
void engine_get_figures(engine *e, engine_figures *f);

/* Rows of a table of the engine's own schema (SELECT COUNT), for the status page. */
bool engine_count(engine *e, const schema_model *m, arena *a, int64_t *rows, nicol_error *err) NICOL_MUST_CHECK;

#endif
