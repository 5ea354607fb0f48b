/* sql/sql.h - writing SQL text: what differs between databases stands in one table, names are always quoted, values
 * are never text.
 *
 * Knows no schema and no plan: callers say names, this module spells them. A writer collects text; where a bound value
 * belongs, its user cuts the text (sql_take) and goes on after the gap, so that no function here ever sees a value.
 */
#ifndef SQL_SQL_H
#define SQL_SQL_H

#include "base/arena.h"
#include "base/err.h"

typedef struct sql_dialect {
    const char *name;    /* "sqlite" */
    char quote;          /* of identifiers, doubled inside */
    nicol_str ph_prefix; /* placeholder: prefix, and a number from 1 when numbered */
    bool ph_numbered;
    nicol_str limit_all;                    /* what LIMIT needs so that OFFSET may stand alone; empty: nothing */
    bool returning;                         /* INSERT, UPDATE and DELETE ... RETURNING */
    bool update_limit_self;                 /* a subquery of UPDATE or DELETE may read the table that is written */
    bool ilike;                             /* has ILIKE; else LIKE ignores case by itself, or never asks */
    bool nulls_order;                       /* has NULLS FIRST and NULLS LAST */
    nicol_str default_row;                  /* after INSERT INTO t: a row of defaults alone */
    nicol_str insert;                       /* "INSERT INTO " */
    nicol_str insert_ignore;                /* "INSERT OR IGNORE INTO " */
    nicol_str ignore_suffix;                /* " ON CONFLICT DO NOTHING", where the database has it there */
    bool upsert_on_conflict;                /* ON CONFLICT (columns) DO UPDATE SET */
    nicol_str cat_open, cat_sep, cat_close; /* text concatenation of several operands */
    nicol_str lock_update;                  /* " FOR UPDATE"; empty: rows can't be locked one by one */
} sql_dialect;

extern const sql_dialect sql_sqlite, sql_postgresql, sql_mysql;

typedef struct sql_writer {
    const sql_dialect *d;
    arena *a;
    char *p;
    size_t len, cap;
    bool failed; /* no memory, or past SQL_TEXT_BYTES_MAX (`over`) */
    bool over;
} sql_writer;

#define SQL_TEXT_BYTES_MAX \
    ((size_t)1 << 20) /* of one statement without its values: SQLite's own default limit is 10^6 */
#define SQL_IDENT_BYTES_MAX 1024

void sql_begin(sql_writer *w, const sql_dialect *d, arena *a);
void sql_text(sql_writer *w, nicol_str text); /* keywords and punctuation: literals of this program only */
#define sql_lit(w, literal) sql_text((w), NICOL_STR(literal))
/* A quoted name. A name with a NUL byte or longer than the limit fails the writer. */
void sql_ident(sql_writer *w, nicol_str name);
void sql_column(sql_writer *w, nicol_str qualifier,
                nicol_str name);        /* qualifier.name; an empty qualifier is left out */
void sql_i64(sql_writer *w, int64_t n); /* a number that the compiler chose */
/* The text since the last take; the writer goes on empty. .ptr NULL (and failed) when memory ran out. */
nicol_str sql_take(sql_writer *w);
bool sql_empty(const sql_writer *w);

#endif
