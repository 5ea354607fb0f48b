/* sql/writer.c - the text writer. It grows inside an arena and is cut into pieces that stay where they are: a piece
 * once taken is never moved, because the next one starts in fresh memory or right after it. */
#include "sql/sql.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "base/str.h"

#define SQL_FIRST_BYTES 256

void sql_begin(sql_writer *w, const sql_dialect *d, arena *a)
{
    *w = (sql_writer){.d = d, .a = a};
}

static bool reserve(sql_writer *w, size_t n)
{
    if (w->failed) return false;
    size_t need;
    if (!num_add(w->len, n, &need) || need > SQL_TEXT_BYTES_MAX) {
        w->failed = w->over = true;
        return false;
    }
    if (need <= w->cap) return true;
    size_t cap = w->cap ? w->cap * 2 : SQL_FIRST_BYTES;
    while (cap < need) cap *= 2;
    char *p = arena_grow(w->a, w->p, w->cap, cap);
    if (!p) {
        w->failed = true;
        return false;
    }
    w->p = p;
    w->cap = cap;
    return true;
}

void sql_text(sql_writer *w, nicol_str text)
{
    if (text.len == 0 || !reserve(w, text.len)) return;
    memcpy(w->p + w->len, text.ptr, text.len);
    w->len += text.len;
}

void sql_ident(sql_writer *w, nicol_str name)
{
    if (name.len > SQL_IDENT_BYTES_MAX || str_find_char(name, '\0', 0) != SIZE_MAX) {
        w->failed = w->over = true;
        return;
    }
    if (!reserve(w, name.len * 2 + 2)) return;
    char *p = w->p + w->len;
    *p++ = w->d->quote;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == w->d->quote) *p++ = w->d->quote;
        *p++ = name.ptr[i];
    }
    *p++ = w->d->quote;
    w->len = (size_t)(p - w->p);
}

void sql_column(sql_writer *w, nicol_str qualifier, nicol_str name)
{
    if (qualifier.len) {
        sql_ident(w, qualifier);
        sql_lit(w, ".");
    }
    sql_ident(w, name);
}

void sql_i64(sql_writer *w, int64_t n)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRId64, n);
    sql_text(w, str_of(text, (size_t)len));
}

nicol_str sql_take(sql_writer *w)
{
    if (w->failed) return (nicol_str){NULL, 0};
    nicol_str piece = {w->p ? w->p : "", w->len};
    w->p = w->p ? w->p + w->len : NULL;
    w->cap -= w->len;
    w->len = 0;
    return piece;
}

bool sql_empty(const sql_writer *w)
{
    return w->len == 0;
}
