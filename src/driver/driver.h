/* driver/driver.h - one const table of functions over each database. The contract every driver keeps.
 *
 * A connection is used by one fiber (or thread) at a time. Every call may wait, through io only. A driver reports
 * neutral facts (nicol_db_facts in the caller's arena) and never chooses a client's error code beyond the neutral one
 * of its table; `exec` does. Nothing of a database's own types escapes this module. A fiber that runs statements needs
 * NICOL_FIBER_STACK_BYTES of stack.
 */
#ifndef DRIVER_DRIVER_H
#define DRIVER_DRIVER_H

#include "io/io.h"
#include "value/value.h"

typedef struct driver driver;
typedef struct driver_conn driver_conn;
typedef struct driver_stmt driver_stmt;

/* What a bound argument is, as plans say it. */
typedef struct driver_arg_type {
    scalar_type scalar; /* SCALAR_UNKNOWN: by the value itself */
    bool list;          /* one array-valued bind */
    nicol_str db_type;  /* "TIMESTAMP", "DATE", ... or empty */
} driver_arg_type;

/* The type of a result column, by the names that raw results use (protocol.md 5.3). */
typedef enum driver_col_type {
    COL_UNKNOWN = 0,
    COL_INT,
    COL_BIGINT,
    COL_FLOAT,
    COL_DOUBLE,
    COL_DECIMAL,
    COL_BOOL,
    COL_CHAR,
    COL_STRING,
    COL_DATE,
    COL_TIME,
    COL_DATETIME,
    COL_JSON,
    COL_ENUM,
    COL_BYTES,
    COL_UUID,
    COL_N,
    COL_LIST = 64 /* or'ed to one of the others: an array of it */
} driver_col_type;

typedef enum driver_timestamps { TIMESTAMPS_ISO = 0, TIMESTAMPS_UNIX_MS } driver_timestamps;

typedef struct driver_opts {
    nicol_str url; /* "file:PATH" for SQLite; ":memory:" is "file::memory:" */
    bool create;   /* make the database file when it is missing */
    bool read_only;
    bool trusted; /* no guards against hostile SQL: only for the engine's own databases */
    driver_timestamps timestamps;
    bool sync_normal;        /* SQLite: synchronous=NORMAL instead of FULL */
    unsigned stmt_cache_max; /* 0: NICOL_STMT_CACHE_MAX */
    int64_t busy_timeout_us; /* wait for locks held by other processes; 0: 5 s */
    const mem *m;            /* NULL: mem_default */
} driver_opts;

typedef enum driver_isolation {
    ISOLATION_DEFAULT = 0,
    ISOLATION_READ_UNCOMMITTED,
    ISOLATION_READ_COMMITTED,
    ISOLATION_REPEATABLE_READ,
    ISOLATION_SNAPSHOT,
    ISOLATION_SERIALIZABLE
} driver_isolation;

/* What a database URL says about the pool of its connections. Absent: not said. */
typedef struct driver_url_facts {
    unsigned connection_limit; /* 0: absent */
    int64_t pool_timeout_us;   /* -1: absent; 0 in the URL (wait for ever) is IO_NEVER */
} driver_url_facts;

struct driver {
    unsigned version;     /* of this table: DRIVER_VERSION */
    const char *name;     /* "sqlite" */
    const char *provider; /* as clients call it: "sqlite", "postgres", "mysql" */
    unsigned binds_max;   /* bound values of one statement */
    bool one_writer;      /* the database has one writer at a time, beside readers: SQLite */

    /* What the URL asks of the pool. NULL: URLs of this database say nothing of it. */
    bool (*url_facts)(nicol_str url, driver_url_facts *out, nicol_error *err);

    /* Opens one connection. NULL: *err. */
    driver_conn *(*open)(const driver_opts *o, arena *a, nicol_error *err);
    void (*close)(driver_conn *c); /* rolls back what is open */

    /* A prepared statement, from the connection's cache or new; it stays valid until stmt_done. One text holds one
     * statement. The text is copied when needed. A text that is wrong may be refused here or when it runs. */
    driver_stmt *(*prepare)(driver_conn *c, nicol_str sql, arena *a, nicol_error *err);
    void (*stmt_done)(driver_stmt *s);     /* resets it and gives it back to the cache */
    bool (*is_read)(const driver_stmt *s); /* it cannot change the database */

    unsigned (*cols)(const driver_stmt *s);                  /* columns of the result; 0 for statements without rows */
    nicol_str (*col_name)(const driver_stmt *s, unsigned i); /* borrowed until stmt_done */

    /* Binds arguments and starts. types may be NULL. deadline: IO_NEVER for none. */
    bool (*run)(driver_stmt *s, const val *args, const driver_arg_type *types, size_t n, int64_t deadline_us, arena *a,
                nicol_error *err);
    /* The next row: *row says whether there is one. A statement that writes outside a transaction is certain to be
     * committed when a step has said that there is none. Given back before that it is rolled back, on SQLite; elsewhere it
     * may have been committed. */
    bool (*step)(driver_stmt *s, bool *row, arena *a, nicol_error *err);
    /* A cell of the current row, in the database's own terms mapped to val types: integers VAL_INT, doubles VAL_FLOAT,
     * text VAL_STR, blobs VAL_BYTES, NULL. Where the database has types of its own for them: VAL_BOOL, VAL_DECIMAL,
     * VAL_JSON, arrays VAL_LIST; dates, times and instants VAL_DATETIME, or ISO text when they have microseconds. On SQLite
     * a column declared as a date and time that holds a number or text is left as it is (the reader of the result knows
     * what it wants). Text and lists are borrowed until the next step: copy them to keep them. A cell that can't be read is
     * NULL, and the next step fails. */
    val (*cell)(driver_stmt *s, unsigned i);
    /* The first n cells at once: a row is read in one call. */
    void (*cells)(driver_stmt *s, val *out, unsigned n);
    /* A text cell that the reader of the result knows to be a list of texts (an array of an enum), as a list in `a`; false
     * when it is none or memory ran out. NULL: this database has no arrays. */
    bool (*list_of)(nicol_str text, arena *a, val *out);
    /* The type of column i for a raw result. SQLite: by the declared type, else by the first non-NULL value: call it
     * with the first row's (or NULL) cell value. */
    driver_col_type (*col_type)(driver_stmt *s, unsigned i, val first_value);
    /* A raw result's cell converted for column type t (bool from 0/1, datetime text, bytes, decimal text ...). Text is
     * borrowed until the next step, or lies in `a`. */
    bool (*raw_cell)(driver_stmt *s, unsigned i, driver_col_type t, arena *a, val *out, nicol_error *err);
    int64_t (*affected)(driver_stmt *s); /* rows changed, after the last step */
    int64_t (*last_id)(driver_conn *c);  /* last insert id */

    bool (*begin)(driver_conn *c, driver_isolation iso, bool write, int64_t deadline_us, arena *a, nicol_error *err);
    bool (*commit)(driver_conn *c, arena *a, nicol_error *err); /* on failure: rolled back */
    bool (*rollback)(driver_conn *c, arena *a, nicol_error *err);
    bool (*savepoint)(driver_conn *c, unsigned n, arena *a, nicol_error *err);
    bool (*savepoint_release)(driver_conn *c, unsigned n, arena *a, nicol_error *err);
    bool (*savepoint_rollback)(driver_conn *c, unsigned n, arena *a, nicol_error *err); /* and releases it */
    bool (*in_transaction)(const driver_conn *c);
    /* Runs a script of several statements (DDL of our own files; never text from outside). */
    bool (*script)(driver_conn *c, nicol_str sql, arena *a, nicol_error *err);
    /* A number for the statement's columns that this process never gives to others: the one seen before means the columns
     * seen before. Asked after the first step. */
    uint64_t (*shape_id)(const driver_stmt *s);
    bool (*healthy)(driver_conn *c); /* check before reuse: no open transaction, file or server
                                        still there; undoes what statements have changed in the session. May wait */
};

#define DRIVER_VERSION 3
extern const driver driver_sqlite, driver_postgres, driver_mysql;
/* For a program that is Nicol alone, before its first connection: settings of SQLite that are one for the whole process. A
 * library must leave them to its host. */
void driver_own_process(void);

/* The driver for a database URL by its scheme, or NULL with an error that lists what exists. */
const driver *driver_for_url(nicol_str url, nicol_error *err);
/* "ReadCommitted" and "READ COMMITTED" alike; false on an unknown name. */
bool driver_isolation_parse(nicol_str name, driver_isolation *out) NICOL_MUST_CHECK;
nicol_str driver_col_type_name(driver_col_type t); /* "int", "bigint", "int-array", ... as in raw results */

#endif
