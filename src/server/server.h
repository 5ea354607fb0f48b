/* server/server.h - `nicol serve`: HTTP in front of an engine, on one loop. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "engine/engine.h"

typedef struct server_opts {
    const mem *m;            /* NULL: mem_default */
    const char *schema_path; /* NULL: none (clients of version 7 need none, those of 5 and 6 upload theirs) */
    nicol_str url;           /* of the database */
    bool create;             /* make the database file when it is missing */
    bool sync_normal;
    driver_timestamps timestamps;
    nicol_str host; /* of the plain listener */
    uint16_t port;  /* 0: picked */
    bool has_tls;
    nicol_str tls_host;
    uint16_t tls_port;
    const char *tls_cert, *tls_key;
    const char *state_dir;   /* where nicol.db with the API keys is */
    size_t body_bytes_max;   /* 0: NICOL_BODY_BYTES_MAX */
    size_t result_bytes_max; /* 0: NICOL_RESULT_BYTES_MAX */
    unsigned connections_max;
    int64_t drain_ms;             /* how long running requests may take after SIGTERM; 0: 10,000 */
    int64_t slow_ms;              /* what takes longer is logged and shown; 0: 50 */
    int64_t slow_plan_ms;         /* what takes longer is logged with plan and statements; 0: nothing */
    bool slow_values;             /* and with their values */
    int64_t statement_timeout_ms; /* 0: none */
    /* Called once for each listener when it accepts: "http://127.0.0.1:4466". */
    void (*ready)(void *ctx, const char *url);
    void *ctx;
} server_opts;

/* Serves until SIGTERM or SIGINT, then drains. False when it could not start. */
bool server_run(const server_opts *opts, nicol_error *err) NICOL_MUST_CHECK;

#endif
