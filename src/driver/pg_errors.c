/* driver/pg_errors.c - what PostgreSQL says went wrong, as neutral facts.
 *
 * The SQLSTATE decides, never the words: those are in the server's language. Words are only looked into for a name that the
 * protocol has no field for.
 */
#include <stdio.h>

#include "driver/pg_int.h"

#include "base/limits.h"

static nicol_str field(const PGresult *res, int code, arena *a)
{
    const char *text = res ? PQresultErrorField(res, code) : NULL;
    return text && *text ? arena_str(a, str_c(text)) : (nicol_str){0};
}

bool pg_state_is(const PGresult *res, const char *sqlstate)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    return state && strcmp(state, sqlstate) == 0;
}

static bool raise(arena *a, nicol_error *err, nicol_code code, const nicol_db_facts *f, nicol_str text)
{
    nicol_fail_in(a, err, code, "%.*s", STR_FMT(text));
    if (err && err->code == code && !err->db) err->db = f;
    return false;
}

/* --- names from texts ------------------------------------------------------------------------------------------------ */

/* `Key (a, b)=(1, 2) already exists.`: the columns. */
static void detail_fields(nicol_str detail, nicol_db_facts *f, arena *a)
{
    size_t from = str_find_char(detail, '(', 0), to = str_find(detail, S(")=("), 0);
    if (from == SIZE_MAX || to == SIZE_MAX || to <= from + 1) return;
    nicol_str list = str_sub(detail, from + 1, to);
    size_t n = 1;
    for (size_t i = 0; i < list.len; i++) n += list.ptr[i] == ',';
    nicol_str *fields = ARENA_ARRAY(a, n, nicol_str);
    if (!fields) return;
    for (size_t i = 0; i < n; i++) {
        nicol_str one = str_trim(str_cut(&list, ','));
        if (one.len > 1 && one.ptr[0] == '"' && one.ptr[one.len - 1] == '"') one = str_sub(one, 1, one.len - 1);
        fields[i] = one;
    }
    f->fields = fields;
    f->fields_n = n;
}

static void one_field(nicol_str column, nicol_db_facts *f, arena *a)
{
    nicol_str *fields = column.len ? ARENA_NEW(a, nicol_str) : NULL;
    if (!fields) return;
    *fields = column;
    f->fields = fields;
    f->fields_n = 1;
}

/* The table of `relation "public.nope" does not exist`: in the first quotes of the second word, as the reference takes
 * it. */
static nicol_str table_in(nicol_str text)
{
    (void)str_cut(&text, ' ');
    nicol_str word = str_cut(&text, ' ');
    (void)str_cut(&word, '"');
    return str_cut(&word, '"');
}

/* The column of `column u.nope does not exist`, without quotes. */
static nicol_str column_in(nicol_str text, arena *a)
{
    nicol_str head = S("column "), tail = S(" does not exist");
    if (str_starts(text, head)) text = str_sub(text, head.len, text.len);
    if (str_ends(text, tail)) text = str_sub(text, 0, text.len - tail.len);
    char *p = arena_alloc(a, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; p && i < text.len; i++) {
        if (text.ptr[i] != '"') p[n++] = text.ptr[i];
    }
    return (nicol_str){p, p ? n : 0};
}

/* --- codes ----------------------------------------------------------------------------------------------------------- */

typedef struct state {
    const char *sqlstate;
    nicol_code code;
    const char *kind;
} state;

static const state states[] = {
    {"23505", NICOL_E_UNIQUE_VIOLATION, "UniqueConstraintViolation"},
    {"23503", NICOL_E_FOREIGN_KEY, "ForeignKeyConstraintViolation"},
    {"23001", NICOL_E_FOREIGN_KEY, "RestrictViolation"},
    {"23502", NICOL_E_NULL_VIOLATION, "NullConstraintViolation"},
    {"22001", NICOL_E_VALUE_TOO_LONG, "LengthMismatch"},
    {"22003", NICOL_E_OUT_OF_RANGE, "ValueOutOfRange"},
    {"22P02", NICOL_E_INVALID_VALUE, "InvalidInputValue"},
    {"42P01", NICOL_E_TABLE_MISSING, "TableDoesNotExist"},
    {"42703", NICOL_E_COLUMN_MISSING, "ColumnNotFound"},
    {"40001", NICOL_E_WRITE_CONFLICT, "TransactionWriteConflict"},
    {"40P01", NICOL_E_WRITE_CONFLICT, "TransactionWriteConflict"},
    {"53300", NICOL_E_TOO_MANY_CONNECTIONS, "TooManyConnections"},
    {"3D000", NICOL_E_DB_MISSING, "DatabaseDoesNotExist"},
    {"42P04", NICOL_E_DB_EXISTS, "DatabaseAlreadyExists"},
    {"28000", NICOL_E_DB_ACCESS, "DatabaseAccessDenied"},
    {"42501", NICOL_E_DB_OTHER, "postgres"},
    {"28P01", NICOL_E_AUTH_DB, "AuthenticationFailed"},
    {"57P01", NICOL_E_DB_CLOSED, "ConnectionClosed"},
    {"57P02", NICOL_E_DB_CLOSED, "ConnectionClosed"},
    {"57P03", NICOL_E_DB_UNREACHABLE, "DatabaseNotReachable"},
    {"57P05", NICOL_E_DB_CLOSED, "ConnectionClosed"},
};

static const state *state_of(const char *sqlstate)
{
    static const state other = {"", NICOL_E_DB_OTHER, "postgres"};
    static const state closed = {"", NICOL_E_DB_CLOSED, "ConnectionClosed"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (strcmp(states[i].sqlstate, sqlstate) == 0) return &states[i];
    }
    return strncmp(sqlstate, "08", 2) == 0 && strcmp(sqlstate, "08P01") != 0 ? &closed : &other;
}

static void name_things(nicol_code code, const PGresult *res, nicol_db_facts *f, arena *a)
{
    nicol_str text = f->original_text;
    switch ((unsigned)code) {
    case NICOL_E_UNIQUE_VIOLATION:
        f->constraint = field(res, PG_DIAG_CONSTRAINT_NAME, a);
        f->table = field(res, PG_DIAG_TABLE_NAME, a);
        detail_fields(f->detail, f, a);
        break;
    case NICOL_E_FOREIGN_KEY:
        f->constraint = field(res, PG_DIAG_CONSTRAINT_NAME, a);
        break;
    case NICOL_E_NULL_VIOLATION:
        one_field(field(res, PG_DIAG_COLUMN_NAME, a), f, a);
        break;
    case NICOL_E_TABLE_MISSING:
        f->table = table_in(text);
        break;
    case NICOL_E_COLUMN_MISSING:
        f->column = column_in(text, a);
        break;
    default:
        f->column = field(res, PG_DIAG_COLUMN_NAME, a);
        break;
    }
}

bool pg_fail_stopped(pg_stop why, arena *a, nicol_error *err)
{
    switch (why) {
    case STOP_SOCKET_TIMEOUT:
        return pg_fail_text(a, err, NICOL_E_DB_TIMEOUT, "57014", "SocketTimeout",
                            "the statement took longer than the socket_timeout of the database URL");
    case STOP_TOO_LARGE:
        return nicol_fail(err, NICOL_E_RESULT_TOO_LARGE, NULL);
    case STOP_DEADLINE:
        return nicol_fail(err, NICOL_E_QUERY_TIMEOUT, NULL);
    case STOP_SILENT:
        return pg_fail_text(
            a, err, NICOL_E_DB_CLOSED, "08006", "ConnectionClosed",
            "Server has closed the connection. It gave no answer for 60 seconds; whether it did what it was "
            "asked is not known");
    case STOP_CANCELLED:
    case STOP_NONE:
        break;
    }
    return nicol_fail(err, NICOL_E_CANCELLED, NULL);
}

bool pg_fail(driver_conn *c, const PGresult *res, arena *a, nicol_error *err)
{
    const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    if (!sqlstate || PQstatus(c->pg) == CONNECTION_BAD) c->broken = true;
    if (!sqlstate) return pg_fail_lost(c, a, err);
    if (c->stop && strcmp(sqlstate, "57014") == 0) return pg_fail_stopped(c->stop, a, err);
    const state *s = state_of(sqlstate);
    if (s->code == NICOL_E_DB_CLOSED || s->code == NICOL_E_DB_UNREACHABLE) c->broken = true;
    const char *primary = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    if (!a) return nicol_fail(err, s->code, "%s", primary ? primary : "");
    nicol_db_facts *f = ARENA_NEW(a, nicol_db_facts);
    if (!f) return nicol_fail_oom(err);
    *f = (nicol_db_facts){.kind = str_c(s->kind),
                          .original_code = field(res, PG_DIAG_SQLSTATE, a),
                          .original_text = field(res, PG_DIAG_MESSAGE_PRIMARY, a),
                          .severity = field(res, PG_DIAG_SEVERITY_NONLOCALIZED, a),
                          .detail = field(res, PG_DIAG_MESSAGE_DETAIL, a),
                          .hint = field(res, PG_DIAG_MESSAGE_HINT, a)};
    name_things(s->code, res, f, a);
    if (arena_failed(a)) return nicol_fail_oom(err);
    nicol_str text = f->original_text;
    if (s->code == NICOL_E_INVALID_VALUE) text = arena_printf(a, "Invalid input value: %.*s", STR_FMT(text));
    if (s->code == NICOL_E_TOO_MANY_CONNECTIONS)
        text = arena_printf(a, "Too many database connections opened: %.*s", STR_FMT(text));
    if (s->code == NICOL_E_DB_CLOSED) text = arena_printf(a, "Server has closed the connection. %.*s", STR_FMT(text));
    return raise(a, err, s->code, f, text);
}

bool pg_fail_text(arena *a, nicol_error *err, nicol_code code, const char *sqlstate, const char *kind, const char *text)
{
    if (!a) return nicol_fail(err, code, "%s", text);
    nicol_db_facts *f = ARENA_NEW(a, nicol_db_facts);
    nicol_str t = arena_str(a, str_c(text));
    if (!f || !t.ptr) return nicol_fail_oom(err);
    *f = (nicol_db_facts){.kind = str_c(kind), .original_code = str_c(sqlstate), .original_text = t};
    return raise(a, err, code, f, t);
}

/* libpq's words without the line break at their end, and without line breaks inside. */
static nicol_str one_line(arena *a, const char *text)
{
    size_t n = strlen(text);
    char *p = arena_alloc(a, n + 1);
    if (!p) return (nicol_str){0};
    for (size_t i = 0; i < n; i++) p[i] = text[i] == '\n' ? ' ' : text[i];
    return str_trim(str_of(p, n));
}

bool pg_fail_lost(driver_conn *c, arena *a, nicol_error *err)
{
    bool lost = c->broken || PQstatus(c->pg) == CONNECTION_BAD;
    const char *why = PQerrorMessage(c->pg);
    char text[300];
    c->broken = true;
    snprintf(text, sizeof text, "%s%.*s", lost ? "Server has closed the connection. " : "", 200, why ? why : "");
    for (size_t n = strlen(text); n && (text[n - 1] == '\n' || text[n - 1] == ' ');) text[--n] = '\0';
    return pg_fail_text(a, err, lost ? NICOL_E_DB_CLOSED : NICOL_E_DB_OTHER, lost ? "08006" : "XX000",
                        lost ? "ConnectionClosed" : "postgres", text);
}

/* --- connecting ------------------------------------------------------------------------------------------------------ */

/* The SQLSTATE in "FATAL:  28P01: password authentication failed", as verbose texts have it; the last one, since libpq may
 * have tried more than once. What stands behind it up to the end of the line is the server's message. */
static bool find_state(nicol_str text, char out[6], nicol_str *message)
{
    bool found = false;
    for (size_t i = 0; i + 8 < text.len; i++) {
        const char *p = text.ptr + i;
        bool here = p[0] == ' ' && p[6] == ':' && p[7] == ' ';
        for (int k = 1; here && k < 6; k++) here = (p[k] >= '0' && p[k] <= '9') || (p[k] >= 'A' && p[k] <= 'Z');
        if (!here || i < 2 || (p[-1] != ' ' && p[-1] != ':')) continue;
        memcpy(out, p + 1, 5);
        out[5] = '\0';
        *message = str_sub(text, i + 8, str_find_char(text, '\n', i));
        found = true;
    }
    return found;
}

static bool about_tls(nicol_str text)
{
    return str_find(text, S("SSL"), 0) != SIZE_MAX || str_find(text, S("certificate"), 0) != SIZE_MAX;
}

static nicol_str connect_text(nicol_code code, const pg_url *u, nicol_str why, arena *a)
{
    const char *host = pg_url_get(u, "host"), *port = pg_url_get(u, "port"), *user = pg_url_get(u, "user");
    const char *db = pg_url_get(u, "dbname");
    db = db ? db : user ? user : "";
    switch ((unsigned)code) {
    case NICOL_E_AUTH_DB:
        return arena_printf(a,
                            "Authentication failed against the database server, the provided database credentials for "
                            "`%s` are not valid",
                            user ? user : "(not available)");
    case NICOL_E_DB_ACCESS:
        return arena_printf(a, "User was denied access on the database `%s` (%.*s)", db, STR_FMT(why));
    case NICOL_E_DB_MISSING:
        return arena_printf(a, "Database `%s` does not exist on the database server", db);
    case NICOL_E_TOO_MANY_CONNECTIONS:
        return arena_printf(a, "Too many database connections opened: %.*s", STR_FMT(why));
    case NICOL_E_DB_TLS:
        return arena_printf(a, "Error opening a TLS connection: %.*s", STR_FMT(why));
    case NICOL_E_DB_CONNECT_TIMEOUT:
        return arena_printf(a,
                            "The database server at %s:%s was reached but timed out: it did not answer within "
                            "connect_timeout=%lld seconds",
                            host ? host : "localhost", port ? port : "5432",
                            (long long)(u->connect_timeout_us / 1000000));
    case NICOL_E_DB_UNREACHABLE:
        return arena_printf(a, "Can't reach database server at %s:%s (%.*s)", host ? host : "localhost",
                            port ? port : "5432", STR_FMT(why));
    default:
        return why;
    }
}

bool pg_fail_connect(const pg_url *u, const char *words, bool late, arena *a, nicol_error *err)
{
    char sqlstate[6] = "";
    nicol_str all = one_line(a, words ? words : ""), message = {0};
    const state *s = NULL;
    nicol_code code = NICOL_E_DB_UNREACHABLE;
    const char *kind = "DatabaseNotReachable";
    if (words && find_state(str_c(words), sqlstate, &message)) {
        s = state_of(sqlstate);
        code = s->code;
        kind = s->kind;
    } else if (late) {
        code = NICOL_E_DB_CONNECT_TIMEOUT;
        kind = "SocketTimeout";
    } else if (about_tls(all)) {
        code = NICOL_E_DB_TLS;
        kind = "TlsConnectionError";
    }
    nicol_db_facts *f = ARENA_NEW(a, nicol_db_facts);
    nicol_str why = message.len ? arena_str(a, str_trim(message)) : all;
    nicol_str text = connect_text(code, u, why, a);
    nicol_str state_text = sqlstate[0] ? arena_str(a, str_c(sqlstate)) : (nicol_str){0};
    if (!f || !text.ptr || arena_failed(a)) return nicol_fail_oom(err);
    *f = (nicol_db_facts){.kind = str_c(kind), .original_code = state_text, .original_text = why};
    return raise(a, err, code, f, text);
}
