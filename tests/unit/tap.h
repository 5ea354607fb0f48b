/* tests/unit/tap.h - what every unit test is written with: checks that print TAP, and memory that fails on demand.
 *
 *     #include "tap.h"
 *
 *     static void test_map(void)
 *     {
 *         FOR_EACH_FAULT(m, "map: put and get") {    // runs the body again and again; allocation k fails in run k
 *             map *h = map_new(m, 10);
 *             if (!h) continue;                      // the leak check still happens
 *             ok(map_put(h, S("a"), h) || tap_faulted(m), "put");
 *             map_free(h);
 *         }
 *     }
 *     int main(void)
 *     {
 *         test_map();
 *         return done_testing();
 *     }
 *
 * Inside FOR_EACH_FAULT a passing check prints nothing (there would be thousands); the loop itself is one line of
 * output, which fails when something leaked. Texts of checks are printf formats and may be left out.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "nicol/types.h"

static struct {
    int run;
    int failed;
    bool quiet; /* inside a fault loop */
} tap;

static inline void tap_vdiag(const char *fmt, va_list args) NICOL_PRINTF(1, 0);
static inline void tap_vdiag(const char *fmt, va_list args)
{
    char text[4096];
    vsnprintf(text, sizeof text, fmt, args);
    for (const char *line = text; *line;) {
        int n = (int)strcspn(line, "\n");
        printf("# %.*s\n", n, line);
        line += n + (line[n] == '\n');
    }
    fflush(stdout);
}

static inline void diag(const char *fmt, ...) NICOL_PRINTF(1, 2);
static inline void diag(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tap_vdiag(fmt, args);
    va_end(args);
}

static inline bool tap_check(bool good, const char *file, int line, const char *what, const char *fmt, ...)
    NICOL_PRINTF(5, 6);
static inline bool tap_check(bool good, const char *file, int line, const char *what, const char *fmt, ...)
{
    if (good && tap.quiet) return true;
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (char *p = text; *p; p++) {
        if (*p == '\n' || *p == '#') *p = ' '; /* either would end or comment out the TAP line */
    }
    tap.run++;
    if (!good) tap.failed++;
    printf("%s %d - %s\n", good ? "ok" : "not ok", tap.run, *text ? text : "check");
    if (!good) printf("#   at %s:%d: %s\n", file, line, what);
    fflush(stdout);
    return good;
}

static inline bool tap_is_int(intmax_t got, intmax_t want, const char *file, int line, const char *what)
{
    bool good = tap_check(got == want, file, line, what, "%s is %" PRIdMAX, what, want);
    if (!good) diag("  got %" PRIdMAX ", want %" PRIdMAX, got, want);
    return good;
}

static inline bool tap_is_dbl(double got, double want, const char *file, int line, const char *what)
{
    bool same = memcmp(&got, &want, sizeof got) == 0 || (isnan(got) && isnan(want));
    bool good = tap_check(same, file, line, what, "%s is %.17g", what, want);
    if (!good) diag("  got %.17g, want %.17g", got, want);
    return good;
}

static inline bool tap_is_str(nicol_str got, nicol_str want, const char *file, int line, const char *what)
{
    bool same = got.len == want.len && (got.len == 0 || (got.ptr && memcmp(got.ptr, want.ptr, got.len) == 0));
    bool good = tap_check(same, file, line, what, "%.200s", what);
    if (!good) {
        diag("  got  (%zu) %.*s\n  want (%zu) %.*s", got.len, (int)(got.len > 1500 ? 1500 : got.len),
             got.ptr ? got.ptr : "", want.len, (int)(want.len > 1500 ? 1500 : want.len), want.ptr ? want.ptr : "");
    }
    return good;
}

static inline bool tap_is_z(const char *got, const char *want, const char *file, int line, const char *what)
{
    if (!got || !want) {
        bool good = tap_check(!got && !want, file, line, what, "%.200s", what);
        if (!good) diag("  got %s, want %s", got ? got : "NULL", want ? want : "NULL");
        return good;
    }
    return tap_is_str((nicol_str){got, strlen(got)}, (nicol_str){want, strlen(want)}, file, line, what);
}

static inline bool tap_is_err(const nicol_error *err, nicol_code want, const char *file, int line, const char *what)
{
    bool good = tap_check(err->code == want, file, line, what, "%s has code %d", what, (int)want);
    if (!good) {
        diag("  got %d from %s:%d: %.*s", (int)err->code, err->file ? err->file : "-", err->line,
             (int)(err->message.len > 1500 ? 1500 : err->message.len), err->message.ptr ? err->message.ptr : "");
    }
    return good;
}

/* The checks. Each evaluates its arguments once and returns whether it passed. */
#define ok(cond, ...) tap_check((cond), __FILE__, __LINE__, #cond, "" __VA_ARGS__)
#define fail(...) tap_check(false, __FILE__, __LINE__, "fail", "" __VA_ARGS__)
#define pass(...) tap_check(true, __FILE__, __LINE__, "pass", "" __VA_ARGS__)
#define is_int(got, want) tap_is_int((intmax_t)(got), (intmax_t)(want), __FILE__, __LINE__, #got)
#define is_dbl(got, want) tap_is_dbl((got), (want), __FILE__, __LINE__, #got)       /* by bits: 0.0 is not -0.0 */
#define is_str(got, want) tap_is_str((got), (want), __FILE__, __LINE__, #got)       /* two nicol_str */
#define is_strz(got, want_z) is_str((got), ((nicol_str){(want_z), strlen(want_z)})) /* nicol_str and C string */
#define is_z(got, want) tap_is_z((got), (want), __FILE__, __LINE__, #got)           /* two C strings */
#define is_err(err, code) tap_is_err((err), (code), __FILE__, __LINE__, #err)       /* nicol_error * */
#define no_err(err) tap_is_err((err), NICOL_E_OK, __FILE__, __LINE__, #err)

/* The plan line and the exit status: `return done_testing();` ends main. */
static inline int done_testing(void)
{
    printf("1..%d\n", tap.run);
    if (tap.failed) diag("%d of %d failed", tap.failed, tap.run);
    fflush(stdout);
    return tap.failed ? 1 : 0;
}

/* Leaves the whole program out, with a reason. */
static inline int skip_all(const char *why)
{
    printf("1..0 # SKIP %s\n", why);
    return 0;
}

/* Memory that fails: a mem whose fail_at-th allocation (an alloc or a resize, counted from 1) gives NULL; with
 * `forever` all later ones too. It counts what is alive, checks that the sizes given back are the sizes taken, and
 * always moves a resized block, so that a pointer kept across a resize is seen. Not thread-safe. */
typedef struct faulty {
    mem m;
    size_t fail_at; /* 0: never */
    bool forever;
    size_t calls;
    size_t hits; /* allocations refused so far */
    size_t live_blocks;
    size_t live_bytes;
    size_t wrong_sizes;
} faulty;

typedef struct tap_block {
    size_t size;
    size_t magic;
} tap_block; /* 16 bytes, so that what follows stays aligned */
#define TAP_MAGIC ((size_t)0x6e69636f6c5f6f6b)

static inline bool faulty_refuses(faulty *f)
{
    f->calls++;
    bool no = f->fail_at && (f->calls == f->fail_at || (f->forever && f->calls > f->fail_at));
    f->hits += no;
    return no;
}

static inline void *faulty_take(faulty *f, size_t size)
{
    tap_block *b = malloc(sizeof *b + size);
    if (!b) abort();
    *b = (tap_block){size, TAP_MAGIC};
    memset(b + 1, 0xa5, size); /* nobody may count on zeroes */
    f->live_blocks++;
    f->live_bytes += size;
    return b + 1;
}

static inline void *faulty_alloc(void *ctx, size_t size)
{
    faulty *f = ctx;
    return faulty_refuses(f) ? NULL : faulty_take(f, size);
}

static inline void faulty_free(void *ctx, void *p, size_t size)
{
    faulty *f = ctx;
    if (!p) return;
    tap_block *b = (tap_block *)p - 1;
    if (b->magic != TAP_MAGIC) {
        fprintf(stderr, "tap: free of a block that is not alive\n");
        abort();
    }
    f->wrong_sizes += b->size != size;
    f->live_blocks--;
    f->live_bytes -= b->size;
    b->magic = 0;
    free(b);
}

static inline void *faulty_resize(void *ctx, void *p, size_t old_size, size_t new_size)
{
    faulty *f = ctx;
    if (faulty_refuses(f)) return NULL;
    void *q = faulty_take(f, new_size);
    if (p) {
        memcpy(q, p, old_size < new_size ? old_size : new_size);
        faulty_free(f, p, old_size);
    }
    return q;
}

static inline void faulty_init(faulty *f, size_t fail_at, bool forever)
{
    *f = (faulty){.fail_at = fail_at, .forever = forever};
    f->m = (mem){faulty_alloc, faulty_resize, faulty_free, f};
}

/* Whether this run has met its fault: results that need all memory are expected only when not. */
static inline bool tap_faulted(const mem *m)
{
    return ((const faulty *)m->ctx)->hits > 0;
}

/* The fault loop: run k fails allocation k alone; when a run meets no fault any more, a second round fails k and all
 * that follow. */
typedef struct tap_fault_loop {
    faulty f;
    const char *name;
    size_t runs;
    int failed_before;
    bool finished;
    bool bad;
} tap_fault_loop;

#define TAP_FAULTS_MAX 100000 /* more allocations than any scenario has: a scenario that never gets through */

static inline void tap_faults_begin(tap_fault_loop *l, const char *name)
{
    *l = (tap_fault_loop){.name = name, .failed_before = tap.failed};
    faulty_init(&l->f, 1, false);
    tap.quiet = true;
}

static inline void tap_faults_step(tap_fault_loop *l)
{
    faulty *f = &l->f;
    l->runs++;
    if (f->live_blocks || f->live_bytes || f->wrong_sizes) {
        diag("%s: allocation %zu failing%s: %zu blocks (%zu bytes) leaked, %zu wrong sizes", l->name, f->fail_at,
             f->forever ? " for good" : "", f->live_blocks, f->live_bytes, f->wrong_sizes);
        l->bad = true;
    }
    if (tap.failed > l->failed_before) {
        diag("%s: this was with allocation %zu failing%s", l->name, f->fail_at, f->forever ? " for good" : "");
        l->bad = true;
    }
    if (l->bad || l->runs > TAP_FAULTS_MAX) l->finished = true;
    else if (f->hits) faulty_init(f, f->fail_at + 1, f->forever);
    else if (!f->forever) faulty_init(f, 1, true);
    else l->finished = true;
    if (l->finished) {
        tap.quiet = false;
        tap_check(!l->bad && l->runs <= TAP_FAULTS_MAX, __FILE__, __LINE__, l->name, "%s (%zu runs under faults)",
                  l->name, l->runs);
    }
}

/* FOR_EACH_FAULT(m, "name") { body }: `m` is the const mem * of the run. `continue` ends a run; don't `return` or
 * `break` out of the body. */
#define FOR_EACH_FAULT(m, text)                                                                                    \
    for (tap_fault_loop *tap_l_##m = &(tap_fault_loop){.name = NULL}; !tap_l_##m->finished;                        \
         tap_faults_step(tap_l_##m))                                                                               \
        for (const mem *m = (tap_l_##m->name ? (void)0 : tap_faults_begin(tap_l_##m, (text)), &tap_l_##m->f.m); m; \
             m = NULL)

/* The same for a function: it returns when it is through or when an allocation failed. */
static inline void for_each_fault(const char *name, void (*scenario)(const mem *m, void *ctx), void *ctx)
{
    FOR_EACH_FAULT(m, name) scenario(m, ctx);
}

#endif
