/* engine/engine_int.h - what the engine's files share: kept plans, kept schemas, figures. */
#ifndef ENGINE_ENGINE_INT_H
#define ENGINE_ENGINE_INT_H

#include "base/map.h"
#include "engine/engine.h"

/* A plan that is kept for the next request like it. Counted, since a fiber may be running it when it is dropped. */
typedef struct kept {
    hash128 key;
    struct kept *older, *newer; /* order of use */
    struct kept *same;          /* next with the same key */
    plan *plan;
    arena *a; /* what follows lives here */
    unsigned refs;
    bool dropped;
    nicol_str text; /* plan protocol: the plan's bytes */
    /* JSON protocol: the first request of this shape, token by token, and which tokens were its values */
    const char *doc_text;
    const json_tok *tok;
    uint32_t tok_n;
    const query_param *params;
    uint32_t params_n;
    nicol_str answer_key;
    nicol_str model;
    query_action action;
    nicol_str operation; /* plan protocol: as the client names it */
    /* The form of the first text, when that was one request: the next one like it is compared, not parsed */
    const json_form *form;
    const uint32_t *value_of;      /* JSON protocol: by parameter, which of the form's values */
    bool has_params, has_comments; /* plan protocol: the form's values */
    uint64_t head;
    struct kept *same_head; /* next in its bucket */
} kept;

#define KEEP_HEADS 256

typedef struct plan_keep {
    map *by_key;
    kept *oldest, *newest;
    uint32_t n, max;
    kept *by_head[KEEP_HEADS]; /* those with a form, by the first bytes of their text, newest use first */
} plan_keep;

bool keep_init(plan_keep *k, const mem *m, uint32_t max, nicol_error *err) NICOL_MUST_CHECK;
void keep_free(plan_keep *k);
kept *keep_first(plan_keep *k, hash128 key); /* walk ->same */
void keep_used(plan_keep *k, kept *e);       /* it was found: takes a reference, makes it the newest */
/* Owns e from here (also when it could not be kept: it then goes when given back). Takes a reference for the caller. */
void keep_add(plan_keep *k, kept *e);
void keep_give(kept *e);
/* Gives a kept plan the form of the text that it was made from; `values` are the tokens whose texts may differ. */
void keep_form(plan_keep *k, kept *e, const json_doc *doc, const uint32_t *values, uint32_t n);
/* The plan whose form the text has and that `fits` takes, as keep_used; NULL when there is none. */
kept *keep_by_text(plan_keep *k, nicol_str text, arena *a, bool (*fits)(const kept *e, const json_doc *doc, void *ctx),
                   void *ctx);
/* NULL when there is no memory; the plan then still is the caller's. */
kept *kept_new(const mem *m, plan *p, hash128 key);

#define ENGINE_STMTS_N 16

struct engine_schema {
    engine *e;
    nicol_str hash;
    char hash_text[65];
    schema *s;
    plan_keep shapes;
    unsigned refs;
    bool dropped;
    bool own;
    uint64_t used_at;
};

struct engine {
    const mem *m;
    engine_opts opts;
    exec *x;
    plan_keep plans;
    map *schemas;
    engine_schema *own;
    uint64_t tick;
    engine_figures fig;
    uint32_t slow_at; /* where the next slow operation goes in the ring */
    uint64_t slow_seen;
    /* The slowest statement of each of the last fibers that ran a slow one: the operation's end looks its own up. */
    struct engine_stmt {
        const void *fiber;
        int64_t took_us;
        char sql[512];
    } stmts[ENGINE_STMTS_N];
    uint32_t stmt_at;
};

void engine_note(engine *e, nicol_str action, nicol_str model, nicol_str request_id, int64_t start_us, bool failed);

/* telemetry.c: what exec calls after a statement; ctx is an engine_telemetry. Sets both fields of rq. */
void telemetry_watch(const engine_call *call, exec_request *rq);

/* explain.c */
void explain_compiled(buf *out, const query_op *op, const plan *p); /* out NULL: nothing */
void explain_watch(const engine_call *call, exec_request *rq);

/* shape.c: the shape of a request, everything but its values. */
hash128 shape_hash(json_val request);
bool shape_matches(const kept *k, json_val request);

#endif
