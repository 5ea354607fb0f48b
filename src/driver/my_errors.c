/* driver/my_errors.c - what MariaDB or MySQL says went wrong, as neutral facts.
 *
 * The number decides, never the words: those are in the server's language. Words are only looked into for names, which
 * the protocol has no field for, at the places where the reference looks for them.
 */
#include <errmsg.h>
#include <mysqld_error.h>
#include <stdio.h>

#include "driver/my_int.h"

#ifndef ER_NEW_ABORTING_CONNECTION
#define ER_NEW_ABORTING_CONNECTION 1184
#endif
#define ER_CONNECTION_KILLED_MARIADB 1927
#define ER_CLIENT_INTERACTION_TIMEOUT_MYSQL 4031

/* --- names from texts ------------------------------------------------------------------------------------------------ */

/* Word n, from 0, of a text divided by single blanks. */
static nicol_str word(nicol_str text, unsigned n)
{
    nicol_str w = str_cut(&text, ' ');
    while (n-- > 0) w = str_cut(&text, ' ');
    return w;
}

static nicol_str last_word(nicol_str text)
{
    for (size_t i = text.len; i > 0; i--) {
        if (text.ptr[i - 1] == ' ') return str_sub(text, i, text.len);
    }
    return text;
}

/* What stands between the first two quotes, behind the last point. */
static nicol_str in_quotes(nicol_str w, char quote, bool behind_point)
{
    (void)str_cut(&w, quote);
    nicol_str s = str_cut(&w, quote);
    for (size_t i = s.len; behind_point && i > 0; i--) {
        if (s.ptr[i - 1] == '.') return str_sub(s, i, s.len);
    }
    return s;
}

/* The column of "... FOREIGN KEY (`a`) REFERENCES ...": behind the words FOREIGN KEY. */
static nicol_str foreign_column(nicol_str text)
{
    size_t at = str_find(text, S("FOREIGN KEY ("), 0);
    return at == SIZE_MAX ? (nicol_str){0} : in_quotes(str_sub(text, at, text.len), '`', false);
}

static void one_field(nicol_str column, nicol_db_facts *f, arena *a)
{
    nicol_str *fields = column.len ? ARENA_NEW(a, nicol_str) : NULL;
    if (!fields) return;
    *fields = column;
    f->fields = fields;
    f->fields_n = 1;
}

/* --- codes ----------------------------------------------------------------------------------------------------------- */

typedef struct known {
    unsigned number;
    nicol_code code;
    const char *kind;
} known;

static const known numbers[] = {
    {ER_DUP_ENTRY, NICOL_E_UNIQUE_VIOLATION, "UniqueConstraintViolation"},
    {ER_DUP_ENTRY_WITH_KEY_NAME, NICOL_E_UNIQUE_VIOLATION, "UniqueConstraintViolation"},
    {ER_ROW_IS_REFERENCED_2, NICOL_E_FOREIGN_KEY, "ForeignKeyConstraintViolation"},
    {ER_NO_REFERENCED_ROW_2, NICOL_E_FOREIGN_KEY, "ForeignKeyConstraintViolation"},
    {ER_WARN_NULL_TO_NOTNULL, NICOL_E_NULL_VIOLATION, "NullConstraintViolation"},
    {ER_NO_DEFAULT_FOR_FIELD, NICOL_E_NULL_VIOLATION, "NullConstraintViolation"},
    {ER_BAD_NULL_ERROR, NICOL_E_NULL_VIOLATION, "NullConstraintViolation"},
    {ER_WARN_DATA_OUT_OF_RANGE, NICOL_E_OUT_OF_RANGE, "ValueOutOfRange"},
    {ER_DATA_TOO_LONG, NICOL_E_VALUE_TOO_LONG, "LengthMismatch"},
    {ER_NO_SUCH_TABLE, NICOL_E_TABLE_MISSING, "TableDoesNotExist"},
    {ER_BAD_FIELD_ERROR, NICOL_E_COLUMN_MISSING, "ColumnNotFound"},
    {ER_LOCK_DEADLOCK, NICOL_E_WRITE_CONFLICT, "TransactionWriteConflict"},
    {ER_CHECKREAD, NICOL_E_WRITE_CONFLICT, "TransactionWriteConflict"},
    {ER_CON_COUNT_ERROR, NICOL_E_TOO_MANY_CONNECTIONS, "TooManyConnections"},
    {ER_TOO_MANY_USER_CONNECTIONS, NICOL_E_TOO_MANY_CONNECTIONS, "TooManyConnections"},
    {ER_BAD_DB_ERROR, NICOL_E_DB_MISSING, "DatabaseDoesNotExist"},
    {ER_DBACCESS_DENIED_ERROR, NICOL_E_DB_ACCESS, "DatabaseAccessDenied"},
    {ER_ACCESS_DENIED_ERROR, NICOL_E_AUTH_DB, "AuthenticationFailed"},
    {ER_QUERY_INTERRUPTED, NICOL_E_QUERY_TIMEOUT, "mysql"},
    {ER_SERVER_SHUTDOWN, NICOL_E_DB_CLOSED, "ConnectionClosed"},
    {ER_CONNECTION_KILLED_MARIADB, NICOL_E_DB_CLOSED, "ConnectionClosed"},
    {ER_NEW_ABORTING_CONNECTION, NICOL_E_DB_CLOSED, "ConnectionClosed"},
    {ER_CLIENT_INTERACTION_TIMEOUT_MYSQL, NICOL_E_DB_CLOSED, "ConnectionClosed"},
    {CR_SERVER_GONE_ERROR, NICOL_E_DB_CLOSED, "ConnectionClosed"},
    {CR_SERVER_LOST, NICOL_E_DB_CLOSED, "ConnectionClosed"},
};

static const known *known_of(unsigned number)
{
    static const known other = {0, NICOL_E_DB_OTHER, "mysql"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i].number == number) return &numbers[i];
    }
    return &other;
}

static void name_things(unsigned number, nicol_db_facts *f, arena *a)
{
    nicol_str text = f->original_text;
    switch (number) {
    case ER_DUP_ENTRY:
    case ER_DUP_ENTRY_WITH_KEY_NAME:
        f->constraint = in_quotes(last_word(text), '\'', true);
        break;
    case ER_ROW_IS_REFERENCED_2:
    case ER_NO_REFERENCED_ROW_2:
        one_field(foreign_column(text), f, a);
        break;
    case ER_WARN_NULL_TO_NOTNULL:
    case ER_NO_DEFAULT_FOR_FIELD:
    case ER_BAD_NULL_ERROR:
        one_field(in_quotes(text, '\'', false), f, a);
        break;
    case ER_DATA_TOO_LONG:
    case ER_WARN_DATA_OUT_OF_RANGE:
        f->column = in_quotes(text, '\'', false);
        break;
    case ER_NO_SUCH_TABLE:
        f->table = in_quotes(word(text, 1), '\'', true);
        break;
    case ER_BAD_FIELD_ERROR:
        f->column = in_quotes(word(text, 2), '\'', false);
        break;
    default:
        break;
    }
}

static bool raise(arena *a, nicol_error *err, nicol_code code, const nicol_db_facts *f, nicol_str text)
{
    nicol_fail_in(a, err, code, "%.*s", STR_FMT(text));
    if (err && err->code == code && !err->db) err->db = f;
    return false;
}

static nicol_db_facts *facts_of(arena *a, const char *number, const char *kind, nicol_str text)
{
    nicol_db_facts *f = a ? ARENA_NEW(a, nicol_db_facts) : NULL;
    if (!f) return NULL;
    f->kind = str_c(kind);
    f->original_code = arena_str(a, str_c(number));
    f->original_text = arena_str(a, text);
    return f;
}

bool my_fail_text(arena *a, nicol_error *err, nicol_code code, const char *number, const char *kind, const char *text)
{
    return raise(a, err, code, facts_of(a, number, kind, str_c(text)), str_c(text));
}

bool my_fail(driver_conn *c, unsigned number, const char *text, arena *a, nicol_error *err)
{
    char code[16];
    const known *k = known_of(number);
    /* The library's own numbers: the exchange with the server is out of step. */
    bool lost = (number >= CR_MIN_ERROR && number <= CR_MAX_ERROR) || k->code == NICOL_E_DB_CLOSED;
    if (number == CR_OUT_OF_MEMORY) {
        c->broken = true;
        return nicol_fail_oom(err);
    }
    if (lost) c->broken = true;
    if (c->stop == MY_STOP_CANCELLED) return nicol_fail(err, NICOL_E_CANCELLED, NULL);
    if (c->stop == MY_STOP_DEADLINE && (lost || number == ER_QUERY_INTERRUPTED))
        return nicol_fail(err, NICOL_E_QUERY_TIMEOUT, NULL);
    if (c->stop == MY_STOP_SOCKET_TIMEOUT && (lost || number == ER_QUERY_INTERRUPTED))
        return nicol_fail(err, NICOL_E_DB_TIMEOUT, NULL);
    if (lost) return nicol_fail(err, NICOL_E_DB_CLOSED, NULL);
    snprintf(code, sizeof code, "%u", number);
    nicol_db_facts *f = facts_of(a, code, k->kind, str_c(text));
    if (f) name_things(number, f, a);
    return raise(a, err, k->code, f, str_c(text));
}

bool my_fail_connect(const my_url *u, unsigned number, const char *text, arena *a, nicol_error *err)
{
    const char *host = u->socket ? u->socket : u->host;
    switch (number) {
    case ER_ACCESS_DENIED_ERROR:
        return nicol_fail_in(a, err, NICOL_E_AUTH_DB,
                             "Authentication failed against the database server, the provided database credentials for "
                             "`%s` are not valid",
                             u->user ? u->user : "");
    case ER_BAD_DB_ERROR:
        return nicol_fail_in(a, err, NICOL_E_DB_MISSING, "Database `%s` does not exist",
                             u->database ? u->database : "");
    case ER_DBACCESS_DENIED_ERROR:
        return nicol_fail_in(a, err, NICOL_E_DB_ACCESS, "User was denied access on the database `%s`",
                             u->database ? u->database : "");
    case ER_CON_COUNT_ERROR:
    case ER_TOO_MANY_USER_CONNECTIONS:
        return nicol_fail_in(a, err, NICOL_E_TOO_MANY_CONNECTIONS, "Too many database connections opened: %s", text);
    case CR_OUT_OF_MEMORY:
        return nicol_fail_oom(err);
    case CR_SSL_CONNECTION_ERROR:
        return nicol_fail_in(a, err, NICOL_E_DB_UNREACHABLE, "Error opening a TLS connection: %s", text);
    default:
        return nicol_fail_in(a, err, NICOL_E_DB_UNREACHABLE, "Can't reach database server at `%s:%u` (%s)", host,
                             u->port, text);
    }
}
