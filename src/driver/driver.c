/* driver/driver.c - which driver serves a URL, and the names of column types. */
#include "driver/driver.h"

const driver *driver_for_url(nicol_str url, nicol_error *err)
{
    if (str_starts(url, S("file:")) || str_starts(url, S("sqlite:"))) return &driver_sqlite;
    size_t at = str_find(url, S("://"), 0);
    nicol_str scheme = at == SIZE_MAX ? (nicol_str){0} : str_sub(url, 0, at);
    if (str_eq(scheme, S("postgresql")) || str_eq(scheme, S("postgres")) || str_eq(scheme, S("mysql")) ||
        str_eq(scheme, S("mariadb"))) {
        nicol_fail(err, NICOL_E_UNSUPPORTED, "this build serves SQLite only: the database URL must be file:PATH, not %.*s://...",
                   STR_FMT(scheme));
    } else {
        nicol_fail(err, NICOL_E_USAGE, "the database URL must start with file: (for example file:./shop.db)");
    }
    return NULL;
}

nicol_str driver_col_type_name(driver_col_type t)
{
    static const char *const names[COL_N] = {
        [COL_UNKNOWN] = "unknown", [COL_INT] = "int",   [COL_BIGINT] = "bigint", [COL_FLOAT] = "float",
        [COL_DOUBLE] = "double",   [COL_DECIMAL] = "decimal", [COL_BOOL] = "bool", [COL_CHAR] = "char",
        [COL_STRING] = "string",   [COL_DATE] = "date", [COL_TIME] = "time",     [COL_DATETIME] = "datetime",
        [COL_JSON] = "json",       [COL_ENUM] = "enum", [COL_BYTES] = "bytes",   [COL_UUID] = "uuid",
    };
    return str_c(names[t]);
}
