/* nicol/types.h - the types that every Nicol header shares: strings, error codes, the error object.
 *
 * Part of the installed headers. Plain C11, usable from C++.
 */
#ifndef NICOL_TYPES_H
#define NICOL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define NICOL_API __attribute__((visibility("default")))
#define NICOL_MUST_CHECK __attribute__((warn_unused_result))
#define NICOL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define NICOL_API
#define NICOL_MUST_CHECK
#define NICOL_PRINTF(fmt, args)
#endif

/* A counted string: UTF-8 unless a function says "bytes". Not NUL-terminated. {NULL, 0} is the empty string. */
typedef struct nicol_str {
    const char *ptr;
    size_t len;
} nicol_str;

/* A nicol_str from a string literal. */
#define NICOL_STR(literal) ((nicol_str){(literal), sizeof(literal) - 1})

/* The one table of errors: X(C name, code that clients see, HTTP status, retryable, message template).
 * "Retryable" says that the same request may succeed later without any change to it, and did nothing so far.
 * The template is what `nicol_fail` uses when it is given no text of its own. */
/* clang-format off */
#define NICOL_ERROR_LIST(X)                                                                                            \
    X(OK,                   "",      200, false, "")                                                                   \
    X(AUTH_DB,              "P1000", 400, false, "Authentication failed against the database server")                  \
    X(DB_UNREACHABLE,       "P1001", 400, true,  "Can't reach database server")                                        \
    X(DB_CONNECT_TIMEOUT,   "P1002", 400, true,  "The database server was reached but timed out")                      \
    X(DB_TIMEOUT,           "P1008", 400, true,  "Operation has timed out")                                            \
    X(DB_EXISTS,            "P1009", 400, false, "The database already exists on the database server")                 \
    X(DB_ACCESS,            "P1010", 400, false, "User was denied access on the database")                             \
    X(DB_TLS,               "P1011", 400, false, "Error opening a TLS connection")                                     \
    X(DB_MISSING,           "P1003", 400, false, "The database file does not exist")                                   \
    X(SCHEMA_INVALID,       "P1012", 400, false, "The schema is not valid")                                            \
    X(DB_CLOSED,            "P1017", 400, true,  "Server has closed the connection.")                                  \
    X(VALUE_TOO_LONG,       "P2000", 400, false, "The provided value for the column is too long for the column's type")\
    X(UNIQUE_VIOLATION,     "P2002", 400, false, "Unique constraint failed")                                           \
    X(FOREIGN_KEY,          "P2003", 400, false, "Foreign key constraint violated")                                    \
    X(CONSTRAINT,           "P2004", 400, false, "A constraint failed on the database")                                \
    X(INVALID_VALUE,        "P2007", 400, false, "Invalid input value")                                                \
    X(QUERY_INVALID,        "P2009", 400, false, "The query does not match the schema")                                \
    X(RAW_FAILED,           "P2010", 400, false, "Raw query failed.")                                                  \
    X(NULL_VIOLATION,       "P2011", 400, false, "Null constraint violation")                                          \
    X(VALUE_REQUIRED,       "P2012", 400, false, "A value is required but not set")                                    \
    X(RELATION_VIOLATION,   "P2014", 400, false, "The change you are trying to make would violate a required relation")\
    X(NOT_CONNECTED,        "P2017", 400, false, "The records for the relation are not connected.")                    \
    X(CONNECT_INCOMPLETE,   "P2018", 400, false, "The required connected records were not found.")                     \
    X(INPUT,                "P2019", 400, false, "Input error.")                                                       \
    X(OUT_OF_RANGE,         "P2020", 400, false, "Value out of range for the type")                                    \
    X(TABLE_MISSING,        "P2021", 400, false, "The table does not exist in the current database.")                  \
    X(COLUMN_MISSING,       "P2022", 400, false, "The column does not exist in the current database.")                 \
    X(COLUMN_DATA,          "P2023", 400, false, "Inconsistent column data")                                           \
    X(POOL_TIMEOUT,         "P2024", 400, true,  "Timed out fetching a new connection from the connection pool.")      \
    X(NOT_FOUND,            "P2025", 400, false, "An operation failed because it depends on one or more records that were required but not found.") \
    X(UNSUPPORTED,          "P2026", 400, false, "The current database provider doesn't support a feature that the query used") \
    X(TRANSACTION,          "P2028", 409, false, "Transaction API error")                                              \
    X(BIND_LIMIT,           "P2029", 400, false, "The query parameter limit supported by your database is exceeded.")  \
    X(NUMBER_FIT,           "P2033", 400, false, "A number used in the query does not fit into a 64 bit signed integer.") \
    X(WRITE_CONFLICT,       "P2034", 400, true,  "Transaction failed due to a write conflict or a deadlock. Please retry your transaction") \
    X(ASSERTION,            "P2035", 500, false, "Assertion violation on the database")                                \
    X(TOO_MANY_CONNECTIONS, "P2037", 400, true,  "Too many database connections opened")                               \
    X(DB_OTHER,             "P2039", 400, false, "Database error.")                                                    \
    X(UNAUTHORIZED,         "P6002", 401, false, "The API key is not valid for this server")                           \
    X(QUERY_TIMEOUT,        "P6004", 422, false, "Query timeout exceeded")                                             \
    X(RESULT_TOO_LARGE,     "P6009", 400, false, "The result is larger than the limit")                                \
    X(NO_MEMORY,            "P6000", 503, true,  "The request needs more memory than its limit allows")                \
    X(LIMIT,                "P6000", 413, false, "A limit was exceeded")                                               \
    X(BAD_JSON,             "P6000", 400, false, "The request is not valid JSON")                                      \
    X(BAD_PLAN,             "P6000", 400, false, "The query plan is not valid")                                        \
    X(INTERNAL,             "P6000", 500, false, "Internal error")                                                     \
    X(SYSTEM,               "P6000", 500, false, "The operating system refused an operation")                          \
    X(USAGE,                "",      400, false, "Wrong usage")                                                        \
    X(CANCELLED,            "P6000", 503, true,  "The operation was cancelled")
/* clang-format on */

typedef enum nicol_code {
#define NICOL_X(name, code, status, retryable, text) NICOL_E_##name,
    NICOL_ERROR_LIST(NICOL_X)
#undef NICOL_X
        NICOL_E_COUNT
} nicol_code;

/* Neutral facts of a database error, as the driver reports them. Any string may be empty. Strings live as long as
 * the error object that points here (see nicol_error). */
typedef struct nicol_db_facts {
    nicol_str kind; /* "UniqueConstraintViolation", "TableDoesNotExist", ... "sqlite", "postgres" for any other */
    nicol_str original_code; /* "SQLITE_CONSTRAINT_UNIQUE", an SQLSTATE, ... */
    nicol_str original_text; /* the database's own message */
    nicol_str constraint;    /* index or constraint name */
    nicol_str table;
    nicol_str column;
    const nicol_str *fields; /* columns of the violated constraint */
    size_t fields_n;
    nicol_str severity, detail, hint; /* PostgreSQL's */
} nicol_db_facts;

/* The one error object. Zero-initialise it ({0}) or take it from a handle. The first error wins: filling an object
 * that holds an error already changes nothing. No field needs freeing: `message`, `meta` and `db` point into the
 * object itself or into the arena of the request that failed, and are valid as long as that is. */
typedef struct nicol_error {
    nicol_code code;
    int line;         /* where it was raised */
    const char *file; /* the same */
    nicol_str message;
    nicol_str meta;           /* JSON object text for the client's `meta`, or empty: the door makes it from `db` */
    const nicol_db_facts *db; /* NULL unless a database raised it */
    char text[512];           /* holds `message` when it fits */
} nicol_error;

#ifdef __cplusplus
}
#endif
#endif
