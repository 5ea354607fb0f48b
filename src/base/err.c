/* base/err.c - the error object, filled from the one table in nicol/types.h. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *name;
    const char *client;
    const char *text;
    int status;
    bool retryable;
} table[NICOL_E_COUNT] = {
#define NICOL_X(name_, client_, status_, retryable_, text_) \
    [NICOL_E_##name_] = {#name_, client_, text_, status_, retryable_},
    NICOL_ERROR_LIST(NICOL_X)
#undef NICOL_X
};

/* A code that is not in the table is our own bug: say so instead of reading past it. */
static nicol_code known(nicol_code code)
{
    return (unsigned)code < NICOL_E_COUNT ? code : NICOL_E_INTERNAL;
}

const char *err_name(nicol_code code)
{
    return table[known(code)].name;
}

const char *err_client(nicol_code code)
{
    return table[known(code)].client;
}

int err_status(nicol_code code)
{
    return table[known(code)].status;
}

bool err_retryable(nicol_code code)
{
    return table[known(code)].retryable;
}

const char *err_template(nicol_code code)
{
    return table[known(code)].text;
}

/* How much of the first n bytes of a longer text to keep, so that no character is split at the end. */
static size_t whole_chars(const char *text, size_t n)
{
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = (unsigned char)text[n - back];
        if ((c & 0xc0) == 0x80) continue;
        size_t wants = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
        return wants > back ? n - back : n;
    }
    return n; /* a four-byte character that is whole, or no UTF-8 at all */
}

bool err_raise(nicol_error *err, nicol_code code, arena *a, const char *file, int line, const char *fmt, ...)
{
    if (!err || err_is(err)) return false;
    code = known(code);
    if (code == NICOL_E_OK) code = NICOL_E_INTERNAL; /* a failure without a code must not read as success */
    err->code = code;
    err->file = file;
    err->line = line;
    err->meta = (nicol_str){NULL, 0};
    err->db = NULL;
    if (!fmt) {
        err->message = str_c(table[code].text);
        return false;
    }
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n;
    if (n < 0) {
        err->message = str_c(table[code].text);
    } else if (len < sizeof err->text) {
        err->message = str_of(err->text, len);
    } else {
        char *p = a ? arena_alloc(a, len + 1) : NULL;
        if (p && vsnprintf(p, len + 1, fmt, again) == n) {
            err->message = str_of(p, len);
        } else {
            len = whole_chars(err->text, sizeof err->text - 1);
            err->text[len] = '\0';
            err->message = str_of(err->text, len);
        }
    }
    va_end(again);
    return false;
}

static nicol_str copy_or_empty(arena *a, nicol_str s)
{
    if (s.len == 0) return (nicol_str){NULL, 0};
    return arena_str(a, s); /* {NULL, 0} without memory: a poorer error, never a wrong pointer */
}

static const nicol_db_facts *copy_facts(arena *a, const nicol_db_facts *from)
{
    nicol_db_facts *to = ARENA_NEW(a, nicol_db_facts);
    if (!to) return NULL;
    to->kind = copy_or_empty(a, from->kind);
    to->original_code = copy_or_empty(a, from->original_code);
    to->original_text = copy_or_empty(a, from->original_text);
    to->constraint = copy_or_empty(a, from->constraint);
    to->table = copy_or_empty(a, from->table);
    to->column = copy_or_empty(a, from->column);
    to->severity = copy_or_empty(a, from->severity);
    to->detail = copy_or_empty(a, from->detail);
    to->hint = copy_or_empty(a, from->hint);
    nicol_str *fields = from->fields_n ? ARENA_ARRAY(a, from->fields_n, nicol_str) : NULL;
    if (fields) {
        for (size_t i = 0; i < from->fields_n; i++) fields[i] = copy_or_empty(a, from->fields[i]);
        to->fields = fields;
        to->fields_n = from->fields_n;
    }
    return to;
}

void err_copy(nicol_error *to, const nicol_error *from, arena *a)
{
    if (to == from) return;
    *to = (nicol_error){.code = from->code, .file = from->file, .line = from->line};
    size_t n = from->message.len;
    if (n < sizeof to->text) {
        if (n) memcpy(to->text, from->message.ptr, n);
        to->message = str_of(to->text, n);
    } else {
        to->message = copy_or_empty(a, from->message);
        if (!to->message.ptr) {
            n = whole_chars(from->message.ptr, sizeof to->text - 1);
            memcpy(to->text, from->message.ptr, n);
            to->message = str_of(to->text, n);
        }
    }
    to->meta = copy_or_empty(a, from->meta);
    if (from->db) to->db = copy_facts(a, from->db);
}

void err_keep(nicol_error *err)
{
    if (!err || !err_is(err)) return;
    size_t n = err->message.len;
    if (n >= sizeof err->text) n = whole_chars(err->message.ptr, sizeof err->text - 1);
    if (n && err->message.ptr != err->text) memmove(err->text, err->message.ptr, n);
    err->text[n] = '\0';
    err->message = str_of(err->text, n);
    err->meta = (nicol_str){NULL, 0};
    err->db = NULL;
}
