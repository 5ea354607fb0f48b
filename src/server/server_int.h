/* server/server_int.h - what the server's files share: the server, one exchange, the doors. */
#ifndef SERVER_SERVER_INT_H
#define SERVER_SERVER_INT_H

#include "config/keys.h"
#include "engine/engine.h"
#include "server/http_int.h"
#include "server/server.h"

#define SERVER_COUNTS_MAX 200 /* models on the status page */
#define OWN_HASH S("own")     /* the server's own schema among the kept ones: no upload can have this hash */

typedef struct server {
    const server_opts *opts;
    const mem *m;
    engine *e;
    keys *keys;
    http_server *http;
    io_loop *loop;
    uint64_t keys_seen; /* keys_changes when the open transactions were last looked at */
    bool loopback;      /* every listener is on a loopback address */
    char token[33];     /* what the status page's own calls carry; new at each start */
    /* rows of the own schema's models, looked up at most every two seconds */
    int64_t counts[SERVER_COUNTS_MAX];
    int64_t counted_us;
    bool counting;
} server;

/* One request being answered. */
typedef struct exchange {
    server *s;
    http_request *rq;
    http_response *rs;
    nicol_str request_id;
    nicol_str key_id; /* of the API key, or "any" on a loopback server without keys */
    uint32_t operations;
    const char *door; /* for the log: "json", "plan", "page" */
} exchange;

/* guard.c: who may. Each answers 401 or 403 itself and returns false. */
bool guard_stranger(exchange *x);            /* a web page of a stranger, a proxy before a loopback server */
bool guard_key(exchange *x, unsigned scope); /* needs a Bearer key with this scope */
bool guard_admin(exchange *x);               /* the status page's data, /metrics */
bool guard_page(exchange *x);                /* the status page itself: browsers may use Basic */

/* The doors. Each returns true when the path is its own (and it has answered). */
bool json_door(exchange *x, nicol_str path);   /* /V/H/graphql ... */
bool plan_door(exchange *x, nicol_str path);   /* /query, /transaction/... */
bool status_page(exchange *x, nicol_str path); /* /, /status.json, /metrics */

#define STATUS_FIGURES_MAX 48
typedef struct status_figure {
    const char *name; /* in /status.json */
    const char *metric, *kind, *help;
    double value;
} status_figure;
size_t status_figures(const server *s, const engine_figures *f, status_figure out[STATUS_FIGURES_MAX]);
void metrics_answer(exchange *x); /* metrics.c */

/* An answer with a JSON error body that both protocols read: {"code","error","meta"}. */
void answer_error(exchange *x, int status, const char *code, const char *fmt, ...) NICOL_PRINTF(4, 5);
void answer_nicol_error(exchange *x, const nicol_error *err);
bool method_is(exchange *x, http_method m); /* else answers 405 */
engine_call call_of(exchange *x);
/* What the client wants to see of this request, or NULL: into `t`. Give it to show_telemetry when the answer stands. */
engine_telemetry *want_telemetry(exchange *x, engine_telemetry *t);
void show_telemetry(exchange *x, engine_telemetry *t, bool good); /* `t` may be NULL */
void show_transaction(exchange *x, const char *name);             /* start_transaction ...: a span, when asked for */
/* Takes the next part of a path: "/a/b" gives "a" and leaves "/b". */
nicol_str path_part(nicol_str *path);

extern const unsigned char status_html[];
extern const size_t status_html_len;

#endif
