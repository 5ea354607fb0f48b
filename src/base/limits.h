/* base/limits.h - every limit in one place. Each is tested at the limit and one past it. Units last in the name. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#define NICOL_JSON_DEPTH_MAX 128                          /* nesting of arrays and objects in any JSON we read */
#define NICOL_JSON_BYTES_MAX ((size_t)1 << 30)            /* one JSON text; the server's body limit is far below */
#define NICOL_BODY_BYTES_MAX ((size_t)64 << 20)           /* default of one HTTP request body */
#define NICOL_HEAD_BYTES_MAX ((size_t)32 << 10)           /* request line and headers */
#define NICOL_HEADERS_MAX 100                             /* header fields in one request */
#define NICOL_REQUEST_ARENA_BYTES_MAX ((size_t)512 << 20) /* working memory of one request */
#define NICOL_RESULT_BYTES_MAX ((size_t)256 << 20)        /* one encoded result */
#define NICOL_SCHEMA_BYTES_MAX ((size_t)4 << 20)          /* one schema, all files together */
#define NICOL_CONFIG_BYTES_MAX ((size_t)64 << 10)         /* one configuration file */
#define NICOL_SCHEMA_DEPTH_MAX 64                         /* nesting of expressions in a schema */
#define NICOL_SCHEMAS_MAX 64                              /* schemas uploaded by clients that are kept */
#define NICOL_SCHEMA_FIELDS_MAX 4096  /* fields of one model, and its block attributes; properties of one block */
#define NICOL_SCHEMA_VALUES_MAX 10000 /* values of one enum */
#define NICOL_SCHEMA_ARGS_MAX 128     /* arguments in one pair of parentheses */
#define NICOL_SCHEMA_COLUMNS_MAX 128  /* columns of one key or index */
#define NICOL_PLAN_NODES_MAX 200000
#define NICOL_PLAN_DEPTH_MAX 256
#define NICOL_QUERY_DEPTH_MAX 64     /* nesting of filters, selections and nested writes in one operation */
#define NICOL_BATCH_MAX 10000        /* operations in one batch */
#define NICOL_SQLITE_BINDS_MAX 32766 /* bound values of one statement; more are split where that is exact */
#define NICOL_PG_BINDS_MAX 32767     /* the same on PostgreSQL, where the reference splits */
#define NICOL_MYSQL_BINDS_MAX 65535  /* the same on MariaDB and MySQL: what their protocol can count */
#define NICOL_PLAN_CACHE_MAX 1000    /* plans kept: of version 7 clients, and for each schema */
#define NICOL_PLAN_CACHE_BYTES_MAX ((size_t)128 << 20) /* memory of all plans kept by an engine */
/* Stack of a fiber that runs statements: SQLite compiles by recursion (driver/sqlite_guard.c has the figures). Only what is
 * touched costs memory. */
#define NICOL_FIBER_STACK_BYTES ((size_t)2 << 20)
#define NICOL_STMT_CACHE_MAX 256    /* prepared statements kept per connection */
#define NICOL_CONNECTIONS_MAX 20000 /* client connections of one server */
#define NICOL_TX_MAX 1000           /* open interactive transactions of one engine */
#define NICOL_TX_TIMEOUT_MS_MAX 600000

#endif
