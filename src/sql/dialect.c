/* sql/dialect.c - the table of what differs between databases. One row a database: code that needs to know a difference
 * reads a column here, so that a new database is a new row. */
#include "sql/sql.h"

#include "base/str.h"

const sql_dialect sql_sqlite = {
    .name = "sqlite",
    .quote = '`',
    .ph_prefix = {"?", 1},
    .limit_all = {"-1", 2},
    .returning = true,
    .update_limit_self = true,
    .nulls_order = true,
    .default_row = {" DEFAULT VALUES", 15},
    .insert = {"INSERT INTO ", 12},
    .insert_ignore = {"INSERT OR IGNORE INTO ", 22},
    .upsert_on_conflict = true,
    .cat_open = {"(", 1},
    .cat_sep = {" || ", 4},
    .cat_close = {")", 1},
};

const sql_dialect sql_postgresql = {
    .name = "postgresql",
    .quote = '"',
    .ph_prefix = {"$", 1},
    .ph_numbered = true,
    .returning = true,
    .update_limit_self = true,
    .ilike = true,
    .nulls_order = true,
    .default_row = {" DEFAULT VALUES", 15},
    .insert = {"INSERT INTO ", 12},
    .insert_ignore = {"INSERT INTO ", 12},
    .ignore_suffix = {" ON CONFLICT DO NOTHING", 23},
    .upsert_on_conflict = true,
    .cat_open = {"(", 1},
    .cat_sep = {" || ", 4},
    .cat_close = {")", 1},
    .lock_update = {" FOR UPDATE", 11},
};

const sql_dialect sql_mysql = {
    .name = "mysql",
    .quote = '`',
    .ph_prefix = {"?", 1},
    .limit_all = {"18446744073709551615", 20},
    .default_row = {" () VALUES ()", 13},
    .insert = {"INSERT INTO ", 12},
    .insert_ignore = {"INSERT IGNORE INTO ", 19},
    .cat_open = {"CONCAT(", 7},
    .cat_sep = {", ", 2},
    .cat_close = {")", 1},
    .lock_update = {" FOR UPDATE", 11},
};
