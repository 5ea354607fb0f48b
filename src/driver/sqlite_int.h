/* driver/sqlite_int.h - what the files of the SQLite driver share. */
#ifndef DRIVER_SQLITE_INT_H
#define DRIVER_SQLITE_INT_H

#include <sqlite3.h>

#include "base/map.h"
#include "driver/driver.h"

struct driver_conn {
    const mem *m;
    sqlite3 *db;
    map *cache;                      /* SQL text -> driver_stmt */
    driver_stmt *oldest, *newest;    /* cached statements in order of use */
    size_t cache_max;
    int64_t busy_timeout_us;
    int64_t busy_since_us;
    int64_t deadline_us;             /* of the statement that runs */
    driver_timestamps timestamps;
    const char *denied;              /* why the authorizer said no, or NULL */
    bool internal;                   /* the engine's own command: the authorizer lets it pass */
    bool timed_out;
    bool broken;                     /* a rollback failed: never reuse */
    bool memory;
};

struct driver_stmt {
    driver_conn *c;
    sqlite3_stmt *st;
    driver_stmt *older, *newer;
    int64_t changes_before;
    int params;
    unsigned cols;
    bool busy, cached, has_row;
    size_t sql_len;
    char sql[];
};

/* sqlite_errors.c: the connection's last error as neutral facts. All return false. */
bool sqlite_fail(driver_conn *c, arena *a, nicol_error *err);
bool sqlite_fail_text(arena *a, nicol_error *err, nicol_code code, const char *sqlite_code, const char *text);
bool sqlite_fail_open(driver_conn *c, const char *path, const driver_opts *o, arena *a, nicol_error *err);

/* sqlite_values.c */
bool sqlite_bind(driver_stmt *s, int at, val v, const driver_arg_type *t, arena *a, nicol_error *err);
val sqlite_cell(driver_stmt *s, unsigned i);
driver_col_type sqlite_col_type(driver_stmt *s, unsigned i, val first_value);
bool sqlite_raw_cell(driver_stmt *s, unsigned i, driver_col_type t, arena *a, val *out, nicol_error *err);

#endif
