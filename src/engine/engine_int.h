/* engine/engine_int.h - what the engine's files share: kept plans, kept schemas, figures. */
#ifndef ENGINE_ENGINE_INT_H
#define ENGINE_ENGINE_INT_H

#include "base/map.h"
#include "engine/engine.h"

/* A plan that is kept for the next request like it. Counted, since a fiber may be running it when it is dropped. */
typedef struct kept {
    hash128 key;
    struct plan_keep *in;
    struct kept *older, *newer; /* order of use, among the new or the proven */
    bool proven;                /* it was found again: what is asked for once cannot push it out */
    uint64_t used_at;
    size_t bytes;      /* as counted in the budget */
    struct kept *same; /* next with the same key */
    plan *plan;
    plan *lookup; /* findUnique: the plan for many of this shape at once; made when it is first wanted */
    bool no_lookup;
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

/* What all kept plans of an engine share: the memory they may take. */
typedef struct keep_budget {
    size_t bytes, bytes_max;
    uint64_t tick, evicted;
    struct plan_keep *keeps;
} keep_budget;

typedef struct keep_order {
    kept *oldest, *newest;
    uint32_t n;
} keep_order;

typedef struct plan_keep {
    keep_budget *budget;
    struct plan_keep *next; /* in the budget */
    map *by_key;
    keep_order fresh, proven;
    uint32_t max;              /* plans */
    kept *by_head[KEEP_HEADS]; /* those with a form, by the first bytes of their text, newest use first */
} plan_keep;

bool keep_init(plan_keep *k, keep_budget *b, const mem *m, uint32_t max, nicol_error *err) NICOL_MUST_CHECK;
void keep_free(plan_keep *k);
uint32_t keep_count(const plan_keep *k);
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
    keep_budget budget;
    plan_keep plans;
    map *schemas;
    engine_schema *own;
    uint64_t tick;
    engine_figures fig;
    uint32_t slow_at; /* where the next slow operation goes in the ring */
    uint64_t slow_seen;
    struct engine_rate { /* how often something was logged since, and was not */
        int64_t since_us, left_out;
        uint32_t told;
    } slow_lines, slow_plans;
};
typedef struct engine_rate engine_rate;

/* --- watch.c: one operation while it runs ------------------------------------------------------------------------------ */

#define WATCH_N 24      /* statements kept */
#define WATCH_PLANS_N 4 /* plans of a batch kept */

typedef struct watched { /* text and arguments are borrowed until the operation ends */
    nicol_str sql;
    const val *args;
    size_t args_n;
    int64_t took_us, rows;
} watched;

typedef struct watch {
    engine *e;
    const engine_call *call;
    int64_t start_us;
    uint32_t n, plans_n; /* seen; of which the first are kept */
    watched slowest;
    const plan *plans[WATCH_PLANS_N];
    watched v[WATCH_N];
} watch;

void watch_start(watch *w, engine *e, const engine_call *call);
void watch_run(watch *w, exec_request *rq); /* its statements are seen; its plan, if any, is noted */
void watch_plan(watch *w, const plan *p);   /* which must live until watch_end */
/* Counts n operations that ended together, `failed` of which failed, and tells of them when they were slow. */
void watch_end(const watch *w, nicol_str action, nicol_str model, uint32_t n, uint32_t failed);

/* Copies what fits, whole characters, with a NUL. */
void engine_cut(char *to, size_t size, nicol_str s);

/* --- json_door.c: one operation, ready to run ---------------------------------------------------------------------------- */

typedef struct ready {
    const plan *plan;
    const val *params;
    kept *kept;    /* give back */
    plan *own;     /* free */
    nicol_str key; /* of the answer: "findManyUser" */
    nicol_str model;
    query_action action;
} ready;

plan_compile_opts compile_opts(const engine *e);
bool ready_make(engine *e, engine_schema *s, json_val request, arena *a, buf *explain, ready *r,
                nicol_error *err) NICOL_MUST_CHECK;
void ready_done(ready *r);
void put_data_start(const ready *r, buf *out); /* {"data":{KEY: */
/* Runs one operation and appends {"data":{...}} or {"errors":[...]}. found: what it is, when its text has told; or NULL. */
void run_one(engine *e, engine_schema *s, json_val request, const ready *found, engine_call *call, int64_t index,
             buf *out, bool *failed);

/* lookup.c: the same for findUnique operations that stand one after the other, from `index` of a batch on, with a comma
 * before each but the batch's first. Those of one shape run as one. */
bool is_find_unique(json_val request);
void run_lookups(engine *e, engine_schema *s, const json_val *requests, uint32_t n, engine_call *call, int64_t index,
                 buf *out);

/* telemetry.c */
void telemetry_seen(engine_telemetry *t, nicol_str sql, const val *args, size_t n, int64_t start_us, int64_t took_us);

/* explain.c */
void explain_compiled(buf *out, const query_op *op, const plan *p);
void explain_statement(buf *out, nicol_str sql, const val *args, size_t n, int64_t took_us, int64_t rows);
void explain_values(buf *out, const val *args, size_t n);

/* shape.c: the shape of a request, everything but its values. */
hash128 shape_hash(json_val request);
bool shape_matches(const kept *k, json_val request);

#endif
