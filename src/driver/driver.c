/* driver/driver.c - which driver serves a URL, and the names of column types. */
#include "driver/driver.h"

const driver *driver_for_url(nicol_str url, nicol_error *err)
{
    if (str_starts(url, S("file:")) || str_starts(url, S("sqlite:"))) return &driver_sqlite;
    size_t at = str_find(url, S("://"), 0);
    nicol_str scheme = at == SIZE_MAX ? (nicol_str){0} : str_sub(url, 0, at);
    if (str_eq(scheme, S("postgresql")) || str_eq(scheme, S("postgres"))) return &driver_postgres;
    if (str_eq(scheme, S("mysql")) || str_eq(scheme, S("mariadb"))) return &driver_mysql;
    nicol_fail(err, NICOL_E_USAGE,
               "the database URL must start with file: (for example file:./shop.db), postgresql:// or mysql://");
    return NULL;
}

bool driver_isolation_parse(nicol_str name, driver_isolation *out)
{
    /* The two protocols spell the levels differently: compare them without blanks and case. */
    static const char *const names[] = {
        [ISOLATION_READ_UNCOMMITTED] = "readuncommitted", [ISOLATION_READ_COMMITTED] = "readcommitted",
        [ISOLATION_REPEATABLE_READ] = "repeatableread",   [ISOLATION_SNAPSHOT] = "snapshot",
        [ISOLATION_SERIALIZABLE] = "serializable",
    };
    char plain[32];
    size_t n = 0;
    for (size_t i = 0; i < name.len && n < sizeof plain; i++) {
        if (name.ptr[i] != ' ') plain[n++] = name.ptr[i];
    }
    for (size_t i = 1; i < sizeof names / sizeof *names; i++) {
        if (!str_ieq(str_of(plain, n), str_c(names[i]))) continue;
        *out = (driver_isolation)i;
        return true;
    }
    return false;
}

nicol_str driver_col_type_name(driver_col_type t)
{
    static const char *const names[COL_N] = {
        [COL_UNKNOWN] = "unknown", [COL_INT] = "int",         [COL_BIGINT] = "bigint", [COL_FLOAT] = "float",
        [COL_DOUBLE] = "double",   [COL_DECIMAL] = "decimal", [COL_BOOL] = "bool",     [COL_CHAR] = "char",
        [COL_STRING] = "string",   [COL_DATE] = "date",       [COL_TIME] = "time",     [COL_DATETIME] = "datetime",
        [COL_JSON] = "json",       [COL_ENUM] = "enum",       [COL_BYTES] = "bytes",   [COL_UUID] = "uuid",
    };
    static const char *const lists[COL_N] = {
        [COL_UNKNOWN] = "string-array", [COL_INT] = "int-array",       [COL_BIGINT] = "bigint-array",
        [COL_FLOAT] = "float-array",    [COL_DOUBLE] = "double-array", [COL_DECIMAL] = "decimal-array",
        [COL_BOOL] = "bool-array",      [COL_CHAR] = "char-array",     [COL_STRING] = "string-array",
        [COL_DATE] = "date-array",      [COL_TIME] = "time-array",     [COL_DATETIME] = "datetime-array",
        [COL_JSON] = "json-array",      [COL_ENUM] = "string-array",   [COL_BYTES] = "bytes-array",
        [COL_UUID] = "uuid-array",
    };
    unsigned base = (unsigned)t & (COL_LIST - 1);
    return str_c((unsigned)t & COL_LIST ? lists[base] : names[base]);
}
