/* driver/sqlite_int.h - what the files of the SQLite driver share. */
#ifndef DRIVER_SQLITE_INT_H
#define DRIVER_SQLITE_INT_H

#include <sqlite3.h>

#include "base/map.h"
#include "driver/driver.h"

/* The engine's own transaction commands. They are prepared apart from the statement cache: a text from outside that
 * spells the same must go through the authorizer, never find one of these. */
typedef enum sqlite_command { CMD_BEGIN, CMD_BEGIN_WRITE, CMD_COMMIT, CMD_ROLLBACK, CMD_N } sqlite_command;

#define RECENT_N 64

struct driver_conn {
    const mem *m;
    sqlite3 *db;
    sqlite3_stmt *commands[CMD_N];
    map *cache;                    /* SQL text -> driver_stmt */
    driver_stmt *oldest, *newest;  /* all statements, in order of use */
    driver_stmt *recent[RECENT_N]; /* cached ones, by the address of the text that asked for them */
    size_t cache_max;
    size_t cache_bytes; /* what the cached statements take, by SQLite's count */
    int wal_pages;      /* in the write-ahead log at the last commit; lazy only */
    int64_t busy_timeout_us;
    int64_t busy_since_us;
    int64_t file_seen_us; /* when the file was last seen in its place */
    int64_t deadline_us;  /* of the statement that runs */
    driver_timestamps timestamps;
    const char *stack_at; /* the stack where SQLite was entered; see guard_enter */
    const char *denied;   /* why the authorizer said no, or NULL */
    bool internal;        /* the engine's own command: the authorizer lets it pass */
    bool trusted;
    bool timed_out;
    bool cancelled;
    bool broken; /* a rollback failed: never reuse */
    bool lazy;   /* synchronous=NORMAL: only checkpoints wait for the disk */
    bool memory;
};

struct driver_stmt {
    driver_conn *c;
    sqlite3_stmt *st;
    driver_stmt *older, *newer;
    int64_t changes_before;
    int64_t deadline_us;
    size_t bytes; /* memory that SQLite holds for it */
    uint64_t shape_id;
    int recompiled; /* how often, when shape_id was given */
    int params;
    unsigned cols;
    bool busy, cached;
    bool started; /* stepped since it was bound */
    bool silent;  /* its rows are not told: see stmt_look_first */
    bool own_tx;  /* runs in a transaction of its own, which its last step commits */
    size_t sql_len;
    char sql[];
};

/* sqlite_guard.c: what keeps hostile SQL and long waits from hurting anybody else. */
void guard_open(driver_conn *c);          /* limits, handlers, authorizer */
void guard_enter(driver_conn *c);         /* before each call that may compile SQL */
const char *guard_refuses(nicol_str sql); /* why a text is refused before SQLite sees it, or NULL */

/* sqlite_errors.c: the connection's last error as neutral facts. All return false. */
bool sqlite_fail(driver_conn *c, arena *a, nicol_error *err);
bool sqlite_fail_text(arena *a, nicol_error *err, nicol_code code, const char *sqlite_code, const char *text);
bool sqlite_fail_open(driver_conn *c, const char *path, const driver_opts *o, nicol_error *err);

/* sqlite_values.c */
bool sqlite_bind(driver_stmt *s, int at, val v, const driver_arg_type *t, arena *a, nicol_error *err);
val sqlite_cell(driver_stmt *s, unsigned i);
void sqlite_cells(driver_stmt *s, val *out, unsigned n);
driver_col_type sqlite_col_type(driver_stmt *s, unsigned i, val first_value);
bool sqlite_raw_cell(driver_stmt *s, unsigned i, driver_col_type t, arena *a, val *out, nicol_error *err);

#endif
