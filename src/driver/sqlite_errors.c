/* driver/sqlite_errors.c - SQLite's errors as neutral facts: kind, constraint, columns, table, original code and text.
 * The kinds and fields are those that the reference's adapter for SQLite gives its clients. */
#include <stdio.h>
#include <sys/stat.h>

#include "driver/sqlite_int.h"

#define ROW(code)   \
    {               \
        code, #code \
    }
static const struct {
    int code;
    const char *name;
} code_names[] = {
    ROW(SQLITE_ERROR),
    ROW(SQLITE_INTERNAL),
    ROW(SQLITE_PERM),
    ROW(SQLITE_ABORT),
    ROW(SQLITE_BUSY),
    ROW(SQLITE_LOCKED),
    ROW(SQLITE_NOMEM),
    ROW(SQLITE_READONLY),
    ROW(SQLITE_INTERRUPT),
    ROW(SQLITE_IOERR),
    ROW(SQLITE_CORRUPT),
    ROW(SQLITE_NOTFOUND),
    ROW(SQLITE_FULL),
    ROW(SQLITE_CANTOPEN),
    ROW(SQLITE_PROTOCOL),
    ROW(SQLITE_EMPTY),
    ROW(SQLITE_SCHEMA),
    ROW(SQLITE_TOOBIG),
    ROW(SQLITE_CONSTRAINT),
    ROW(SQLITE_MISMATCH),
    ROW(SQLITE_MISUSE),
    ROW(SQLITE_NOLFS),
    ROW(SQLITE_AUTH),
    ROW(SQLITE_FORMAT),
    ROW(SQLITE_RANGE),
    ROW(SQLITE_NOTADB),
    ROW(SQLITE_ERROR_MISSING_COLLSEQ),
    ROW(SQLITE_ERROR_RETRY),
    ROW(SQLITE_ERROR_SNAPSHOT),
    ROW(SQLITE_IOERR_READ),
    ROW(SQLITE_IOERR_SHORT_READ),
    ROW(SQLITE_IOERR_WRITE),
    ROW(SQLITE_IOERR_FSYNC),
    ROW(SQLITE_IOERR_DIR_FSYNC),
    ROW(SQLITE_IOERR_TRUNCATE),
    ROW(SQLITE_IOERR_FSTAT),
    ROW(SQLITE_IOERR_UNLOCK),
    ROW(SQLITE_IOERR_RDLOCK),
    ROW(SQLITE_IOERR_DELETE),
    ROW(SQLITE_IOERR_BLOCKED),
    ROW(SQLITE_IOERR_NOMEM),
    ROW(SQLITE_IOERR_ACCESS),
    ROW(SQLITE_IOERR_CHECKRESERVEDLOCK),
    ROW(SQLITE_IOERR_LOCK),
    ROW(SQLITE_IOERR_CLOSE),
    ROW(SQLITE_IOERR_DIR_CLOSE),
    ROW(SQLITE_IOERR_SHMOPEN),
    ROW(SQLITE_IOERR_SHMSIZE),
    ROW(SQLITE_IOERR_SHMLOCK),
    ROW(SQLITE_IOERR_SHMMAP),
    ROW(SQLITE_IOERR_SEEK),
    ROW(SQLITE_IOERR_DELETE_NOENT),
    ROW(SQLITE_IOERR_MMAP),
    ROW(SQLITE_IOERR_GETTEMPPATH),
    ROW(SQLITE_IOERR_CONVPATH),
    ROW(SQLITE_IOERR_VNODE),
    ROW(SQLITE_IOERR_AUTH),
    ROW(SQLITE_IOERR_BEGIN_ATOMIC),
    ROW(SQLITE_IOERR_COMMIT_ATOMIC),
    ROW(SQLITE_IOERR_ROLLBACK_ATOMIC),
    ROW(SQLITE_IOERR_DATA),
    ROW(SQLITE_IOERR_CORRUPTFS),
    ROW(SQLITE_LOCKED_SHAREDCACHE),
    ROW(SQLITE_LOCKED_VTAB),
    ROW(SQLITE_BUSY_RECOVERY),
    ROW(SQLITE_BUSY_SNAPSHOT),
    ROW(SQLITE_BUSY_TIMEOUT),
    ROW(SQLITE_CANTOPEN_NOTEMPDIR),
    ROW(SQLITE_CANTOPEN_ISDIR),
    ROW(SQLITE_CANTOPEN_FULLPATH),
    ROW(SQLITE_CANTOPEN_CONVPATH),
    ROW(SQLITE_CANTOPEN_DIRTYWAL),
    ROW(SQLITE_CANTOPEN_SYMLINK),
    ROW(SQLITE_CORRUPT_VTAB),
    ROW(SQLITE_CORRUPT_SEQUENCE),
    ROW(SQLITE_CORRUPT_INDEX),
    ROW(SQLITE_READONLY_RECOVERY),
    ROW(SQLITE_READONLY_CANTLOCK),
    ROW(SQLITE_READONLY_ROLLBACK),
    ROW(SQLITE_READONLY_DBMOVED),
    ROW(SQLITE_READONLY_CANTINIT),
    ROW(SQLITE_READONLY_DIRECTORY),
    ROW(SQLITE_ABORT_ROLLBACK),
    ROW(SQLITE_CONSTRAINT_CHECK),
    ROW(SQLITE_CONSTRAINT_COMMITHOOK),
    ROW(SQLITE_CONSTRAINT_FOREIGNKEY),
    ROW(SQLITE_CONSTRAINT_FUNCTION),
    ROW(SQLITE_CONSTRAINT_NOTNULL),
    ROW(SQLITE_CONSTRAINT_PRIMARYKEY),
    ROW(SQLITE_CONSTRAINT_TRIGGER),
    ROW(SQLITE_CONSTRAINT_UNIQUE),
    ROW(SQLITE_CONSTRAINT_VTAB),
    ROW(SQLITE_CONSTRAINT_ROWID),
    ROW(SQLITE_CONSTRAINT_PINNED),
    ROW(SQLITE_CONSTRAINT_DATATYPE),
    ROW(SQLITE_WARNING_AUTOINDEX),
    ROW(SQLITE_AUTH_USER),
};
#undef ROW

/* NULL for a code that is newer than this file. */
static const char *code_name(int code)
{
    for (size_t i = 0; i < sizeof code_names / sizeof *code_names; i++) {
        if (code_names[i].code == code) return code_names[i].name;
    }
    return NULL;
}

/* "... constraint failed: T.a, T.b" -> fields a, b and table T. */
static void split_columns(nicol_str text, nicol_db_facts *f, arena *a)
{
    size_t at = str_find(text, S("constraint failed: "), 0);
    if (at == SIZE_MAX) return;
    nicol_str rest = str_sub(text, at + 19, text.len);
    size_t n = 1;
    for (size_t i = 0; i < rest.len; i++) n += rest.ptr[i] == ',';
    nicol_str *fields = ARENA_ARRAY(a, n, nicol_str);
    if (!fields) return;
    for (size_t i = 0; i < n; i++) {
        nicol_str one = str_trim(str_cut(&rest, ','));
        size_t dot = SIZE_MAX;
        for (size_t k = 0; k < one.len; k++) dot = one.ptr[k] == '.' ? k : dot;
        if (dot != SIZE_MAX && f->table.len == 0) f->table = str_sub(one, 0, dot);
        fields[i] = dot == SIZE_MAX ? one : str_sub(one, dot + 1, one.len);
    }
    f->fields = fields;
    f->fields_n = n;
}

static nicol_str after(nicol_str text, nicol_str mark)
{
    size_t at = str_find(text, mark, 0);
    return at == SIZE_MAX ? (nicol_str){0} : str_sub(text, at + mark.len, text.len);
}

static nicol_code classify(int code, nicol_str text, nicol_db_facts *f, arena *a)
{
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
        f->kind = S("UniqueConstraintViolation");
        split_columns(text, f, a);
        return NICOL_E_UNIQUE_VIOLATION;
    case SQLITE_CONSTRAINT_NOTNULL:
        f->kind = S("NullConstraintViolation");
        split_columns(text, f, a);
        f->table = (nicol_str){0};
        return NICOL_E_NULL_VIOLATION;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
    case SQLITE_CONSTRAINT_TRIGGER:
        f->kind = S("ForeignKeyConstraintViolation");
        return NICOL_E_FOREIGN_KEY;
    default:
        break;
    }
    if ((code & 0xff) == SQLITE_BUSY) {
        f->kind = S("SocketTimeout");
        return NICOL_E_DB_TIMEOUT;
    }
    if (str_starts(text, S("no such table: "))) {
        f->kind = S("TableDoesNotExist");
        f->table = after(text, S(": "));
        return NICOL_E_TABLE_MISSING;
    }
    if (str_starts(text, S("no such column: "))) {
        f->kind = S("ColumnNotFound");
        f->column = after(text, S(": "));
        return NICOL_E_COLUMN_MISSING;
    }
    if (str_find(text, S("has no column named "), 0) != SIZE_MAX) {
        f->kind = S("ColumnNotFound");
        f->column = after(text, S("has no column named "));
        return NICOL_E_COLUMN_MISSING;
    }
    f->kind = S("sqlite");
    return NICOL_E_DB_OTHER;
}

static bool raise(arena *a, nicol_error *err, nicol_code code, const nicol_db_facts *facts, nicol_str text)
{
    nicol_fail_in(a, err, code, "%.*s", STR_FMT(text));
    if (err && err->code == code && !err->db) err->db = facts;
    return false;
}

bool sqlite_fail_text(arena *a, nicol_error *err, nicol_code code, const char *sqlite_code, const char *text)
{
    if (!a) return nicol_fail(err, code, "%s", text);
    nicol_db_facts *f = ARENA_NEW(a, nicol_db_facts);
    nicol_str t = arena_str(a, str_c(text));
    if (!f || !t.ptr) return nicol_fail_oom(err);
    *f = (nicol_db_facts){.kind = S("sqlite"), .original_code = str_c(sqlite_code), .original_text = t};
    return raise(a, err, code, f, t);
}

/* What a person can do about it, where SQLite's own words leave that open. */
static const char *remedy(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
        return "another program has held the lock of the database file for too long: let it commit, or send the request "
               "again";
    case SQLITE_FULL:
        return "the disk (or the size limit of the file) is full: free space and send the request again";
    case SQLITE_READONLY:
        return "the database file or its folder is not writable for this process";
    case SQLITE_CORRUPT:
        return "the database file is damaged: restore a backup, or try `sqlite3 FILE .recover`";
    case SQLITE_NOTADB:
        return "the file is not an SQLite database: check the path in the database URL";
    case SQLITE_IOERR:
        return "the operating system could not read or write the database file";
    case SQLITE_CANTOPEN:
        return "the database file or one beside it (-wal, -shm) cannot be opened: check the folder's permissions";
    case SQLITE_TOOBIG:
        return "a value or the text of the statement is longer than the limit";
    default:
        return NULL;
    }
}

bool sqlite_fail(driver_conn *c, arena *a, nicol_error *err)
{
    int code = sqlite3_extended_errcode(c->db);
    if (c->denied) {
        const char *why = c->denied;
        c->denied = NULL;
        return sqlite_fail_text(a, err, NICOL_E_RAW_FAILED, "SQLITE_AUTH", why);
    }
    bool stopped = (code & 0xff) == SQLITE_INTERRUPT || (code & 0xff) == SQLITE_BUSY;
    if (c->cancelled && stopped) return nicol_fail(err, NICOL_E_CANCELLED, NULL);
    if (c->timed_out && stopped) return nicol_fail(err, NICOL_E_QUERY_TIMEOUT, NULL);
    if ((code & 0xff) == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM) return nicol_fail_oom(err);
    if (!a) return nicol_fail(err, NICOL_E_DB_OTHER, "%s", sqlite3_errmsg(c->db));
    nicol_db_facts *f = ARENA_NEW(a, nicol_db_facts);
    nicol_str text = arena_str(a, str_c(sqlite3_errmsg(c->db)));
    if (!f || !text.ptr) return nicol_fail_oom(err);
    const char *name = code_name(code);
    f->original_code = name ? str_c(name) : arena_printf(a, "UNKNOWN_SQLITE_ERROR_%d", code);
    f->original_text = text;
    nicol_code neutral = classify(code, text, f, a);
    const char *help = remedy(code);
    if (help) {
        nicol_str both = arena_printf(a, "%.*s (%s)", STR_FMT(text), help);
        if (both.ptr) f->original_text = both;
    }
    return raise(a, err, neutral, f, f->original_text);
}

bool sqlite_fail_open(driver_conn *c, const char *path, const driver_opts *o, nicol_error *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        if (!o->create) {
            return nicol_fail(err, NICOL_E_DB_MISSING,
                              "the database file %s does not exist: create it, or check the path in the database URL",
                              path);
        }
        return nicol_fail(err, NICOL_E_DB_UNREACHABLE,
                          "the database file %s cannot be made: its folder is missing or not writable", path);
    }
    if (S_ISDIR(st.st_mode))
        return nicol_fail(err, NICOL_E_DB_UNREACHABLE, "%s is a folder, not a database file", path);
    return nicol_fail(err, NICOL_E_DB_UNREACHABLE, "the database file %s cannot be opened: %s", path,
                      c->db ? sqlite3_errmsg(c->db) : "out of memory");
}
