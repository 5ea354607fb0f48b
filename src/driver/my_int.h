/* driver/my_int.h - what the files of the MariaDB and MySQL driver share. */
#ifndef DRIVER_MY_INT_H
#define DRIVER_MY_INT_H

#include <mysql.h>

#include "base/map.h"
#include "driver/driver.h"

/* --- URLs (my_url.c) ------------------------------------------------------------------------------------------------ */

typedef struct my_url {
    const char *user, *password, *host, *database, *socket; /* NULL: not said */
    unsigned port;
    const char *ca, *cert, *key; /* files */
    bool tls, verify;
    driver_url_facts pool;
    int64_t connect_timeout_us; /* IO_NEVER: none */
    int64_t socket_timeout_us;  /* IO_NEVER: none */
    int64_t cache_max;          /* -1: absent */
} my_url;

bool my_url_read(nicol_str url, arena *a, my_url *out, nicol_error *err) NICOL_MUST_CHECK;
bool my_url_facts(nicol_str url, driver_url_facts *out, nicol_error *err);

/* --- types (my_types.c) --------------------------------------------------------------------------------------------- */

typedef enum my_class {
    MY_TEXT,
    MY_BYTES,
    MY_INT, /* of `width` bytes */
    MY_FLOAT,
    MY_DOUBLE,
    MY_DECIMAL,
    MY_DATE,
    MY_TIME,
    MY_DATETIME,
    MY_JSON
} my_class;

typedef struct my_column {
    uint8_t class_;
    uint8_t col;   /* driver_col_type */
    uint8_t width; /* bytes in a row of the binary protocol; 0: a length stands before them */
    bool is_unsigned;
} my_column;

my_column my_column_of(const MYSQL_FIELD *f);
/* The bytes of one cell in a row of the binary protocol; moves *row behind them. */
nicol_str my_cell_bytes(const my_column *c, unsigned char **row);

typedef enum my_read { MY_READ_OK, MY_READ_NO_MEMORY, MY_READ_ZERO_DATE, MY_READ_BROKEN } my_read;
my_read my_decode(const my_column *c, nicol_str bytes, bool raw, arena *a, val *out);

/* Arguments as the library binds them, in `a`. */
bool my_encode(const val *args, const driver_arg_type *types, size_t n, arena *a, MYSQL_BIND **out,
               nicol_error *err) NICOL_MUST_CHECK;

/* --- guards against what would reach the next request (my_guard.c) --------------------------------------------------- */

typedef struct my_look {
    const char *refused; /* why, or NULL */
    bool session;        /* may change the session */
    bool read;           /* cannot change the database, as far as the text tells */
} my_look;
my_look my_look_at(nicol_str sql);

/* --- connections (my_conn.c) ---------------------------------------------------------------------------------------- */

typedef enum my_stop { MY_STOP_NONE = 0, MY_STOP_DEADLINE, MY_STOP_SOCKET_TIMEOUT, MY_STOP_CANCELLED } my_stop;

struct driver_conn {
    const mem *m;
    MYSQL *my;
    arena *kept; /* the URL's texts: needed again to stop a statement from outside */
    my_url url;
    int fd;
    unsigned long id; /* the server's number of this connection */
    map *cache;       /* SQL text -> driver_stmt */
    driver_stmt *oldest, *newest;
    size_t cache_max;
    arena *row;           /* what was made of the current row's cells */
    driver_stmt *running; /* its rows are not all received */
    int64_t deadline_us;  /* of what runs */
    my_stop stop;         /* why it was stopped */
    uint32_t generation;  /* statements that were prepared in an older one are gone */
    int64_t last_id;
    bool tls;
    bool dirty;  /* a statement may have changed the session */
    bool broken; /* never reuse */
};

driver_conn *my_open(const driver_opts *o, arena *a, nicol_error *err);
void my_close(driver_conn *c);
bool my_healthy(driver_conn *c);
/* Before each exchange with the server: until when it may take. False: the connection is of no use. */
bool my_ready(driver_conn *c, int64_t deadline_us, arena *a, nicol_error *err) NICOL_MUST_CHECK;
bool my_simple(driver_conn *c, nicol_str sql, int64_t deadline_us, arena *a, nicol_error *err) NICOL_MUST_CHECK;
bool my_begin(driver_conn *c, driver_isolation iso, bool write, int64_t deadline_us, arena *a, nicol_error *err);
bool my_commit(driver_conn *c, arena *a, nicol_error *err);
bool my_rollback(driver_conn *c, arena *a, nicol_error *err);
bool my_savepoint(driver_conn *c, unsigned n, arena *a, nicol_error *err);
bool my_savepoint_release(driver_conn *c, unsigned n, arena *a, nicol_error *err);
bool my_savepoint_rollback(driver_conn *c, unsigned n, arena *a, nicol_error *err);
bool my_in_transaction(const driver_conn *c);
bool my_script(driver_conn *c, nicol_str sql, arena *a, nicol_error *err);

/* --- statements (my.c) ---------------------------------------------------------------------------------------------- */

void my_statements_free(driver_conn *c);
void my_finish_running(driver_conn *c);

/* --- errors (my_errors.c); all return false ------------------------------------------------------------------------- */

/* What the server or the library says went wrong; the connection is marked broken when it is lost. */
bool my_fail(driver_conn *c, unsigned number, const char *text, arena *a, nicol_error *err);
bool my_fail_text(arena *a, nicol_error *err, nicol_code code, const char *number, const char *kind, const char *text);
bool my_fail_connect(const my_url *u, unsigned number, const char *text, arena *a, nicol_error *err);

#endif
