/* nicol/nicol.h - the C door: a database behind a schema, in your own process.
 *
 * No server, no thread, no callback: calls run on the caller's thread and return when they are done. Requests are
 * operations of the JSON protocol that Prisma-compatible clients speak:
 *
 *     {"modelName": "User", "action": "findMany",
 *      "query": {"arguments": {"where": {"email": "a@x.io"}}, "selection": {"$scalars": true}}}
 *
 * Threads: a nicol_db is used by one thread at a time; any number may be open. Results are independent of their
 * handle's later calls, but not of its thread. Strings in are UTF-8 and are copied; strings out live until their
 * result is freed.
 */
#ifndef NICOL_NICOL_H
#define NICOL_NICOL_H

#include "nicol/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NICOL_VERSION "0.1.0"

typedef struct nicol_db nicol_db;
typedef struct nicol_result nicol_result;
typedef struct nicol_tx nicol_tx;

typedef struct nicol_open_opts {
    size_t size;             /* sizeof(nicol_open_opts) */
    const char *schema_path; /* a file, or a folder of *.prisma files; or NULL with schema_text */
    const char *schema_text; /* NUL-terminated schema, or NULL */
    const char *url;         /* "file:PATH"; NULL: the schema's datasource url (env() is read) */
    bool create;             /* make the database file when it is missing (an empty one: no tables) */
    bool read_only;
    bool sync_normal;        /* SQLite synchronous=NORMAL: faster commits that a power cut may lose */
    bool timestamps_unix_ms; /* DateTime is written as Unix milliseconds instead of ISO text */
    size_t result_bytes_max; /* one result; 0: 256 MB */
} nicol_open_opts;

/* Opens a schema and its database. Returns a handle always, unless memory is out (NULL): check nicol_ok(db), read
 * nicol_last_error(db), and free it with nicol_close either way. */
NICOL_API nicol_db *nicol_open(const nicol_open_opts *opts);
NICOL_API void nicol_close(nicol_db *db); /* rolls back what is open; NULL is fine */

/* Whether the last call on this handle succeeded, and its error otherwise (valid until the next call). */
NICOL_API bool nicol_ok(const nicol_db *db);
NICOL_API const nicol_error *nicol_last_error(const nicol_db *db);
NICOL_API const char *nicol_error_code(const nicol_error *err); /* "P2002", or "" */
NICOL_API const char *nicol_version(void);

/* Runs one operation, or a batch ({"batch": [...], "transaction": {}}; without `transaction` the operations run one
 * by one and fail alone). The answer is the protocol's: {"data": {...}}, {"batchResult": [...]}. NULL: see
 * nicol_last_error (a batch without `transaction` answers errors in its list instead). */
NICOL_API nicol_result *nicol_query(nicol_db *db, const char *json, size_t len);
/* The same inside a transaction; NULL tx is nicol_query. */
NICOL_API nicol_result *nicol_query_in(nicol_db *db, nicol_tx *tx, const char *json, size_t len);

/* The whole answer as JSON text (NUL-terminated after its length). */
NICOL_API nicol_str nicol_result_json(const nicol_result *r);

/* Reading rows without a JSON library. A cursor over the answer of a find, create, ... : rows of the first key of `data`
 * (one object counts as one row, null as none). */
typedef struct nicol_rows {
    const nicol_result *result;
    uint32_t list, next, row; /* private */
} nicol_rows;
NICOL_API nicol_rows nicol_result_rows(const nicol_result *r);
NICOL_API bool nicol_rows_next(nicol_rows *rows); /* false after the last row */
/* Fields of the current row by name; nested objects by a dotted path ("user.email"). False: absent, null, or of another
 * type. Text works on every scalar (numbers as written, DateTime as ISO text, Bytes as base64). */
NICOL_API bool nicol_row_text(const nicol_rows *rows, const char *field, nicol_str *out);
NICOL_API bool nicol_row_int(const nicol_rows *rows, const char *field, int64_t *out);   /* Int, BigInt */
NICOL_API bool nicol_row_double(const nicol_rows *rows, const char *field, double *out); /* any number, Decimal too */
NICOL_API bool nicol_row_bool(const nicol_rows *rows, const char *field, bool *out);
NICOL_API bool nicol_row_is_null(const nicol_rows *rows, const char *field);
/* A cursor over the nested rows of the current row: a list (an object counts as one row). No rows when there is no such field. */
NICOL_API nicol_rows nicol_row_rows(const nicol_rows *rows, const char *field);
/* {"count": n} of the Many forms; the number of executeRaw. False when the answer has none. */
NICOL_API bool nicol_result_count(const nicol_result *r, int64_t *out);

NICOL_API void nicol_free(nicol_result *r); /* NULL is fine */

typedef enum nicol_isolation {
    NICOL_ISOLATION_DEFAULT = 0,
    NICOL_READ_UNCOMMITTED,
    NICOL_READ_COMMITTED,
    NICOL_REPEATABLE_READ,
    NICOL_SNAPSHOT,
    NICOL_SERIALIZABLE
} nicol_isolation;

/* An interactive transaction; while it is open, operations outside it that write wait or fail with P1008. timeout_ms 0: none. After the timeout every call
 * in it fails with P2028 and it is rolled back. */
NICOL_API nicol_tx *nicol_begin(nicol_db *db, nicol_isolation isolation, int64_t timeout_ms);
NICOL_API bool nicol_commit(nicol_db *db, nicol_tx *tx);   /* frees tx, whatever happens */
NICOL_API bool nicol_rollback(nicol_db *db, nicol_tx *tx); /* frees tx */

#ifdef __cplusplus
}
#endif
#endif
