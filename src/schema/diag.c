/* schema/diag.c - what is wrong and where: gathering diagnostics, and showing them to people. */
#include <stddef.h>
#include <stdio.h>

#include "schema/ast_int.h"

void diag_init(diag_list *l, arena *a)
{
    *l = (diag_list){.a = a};
    l->tail = &l->first;
}

static void diag_add(diag_list *l, bool warning, span at, nicol_str text)
{
    if (l->n >= SCHEMA_DIAGS_MAX) {
        l->full = true;
        l->errors += !warning;
        return;
    }
    diag_node *node = ARENA_NEW(l->a, diag_node);
    l->errors += !warning;
    if (node == NULL || text.ptr == NULL) return; /* the arena remembers; schema_parse says so at its end */
    node->d = (schema_diag){.warning = warning, .file = at.file, .start = at.start, .end = at.end, .message = text};
    *l->tail = node;
    l->tail = &node->next;
    l->n++;
}

static NICOL_PRINTF(2, 0) nicol_str text_of(arena *a, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    char *p = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (p != NULL) vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p == NULL ? (nicol_str){0} : str_of(p, (size_t)n);
}

void diag_error_va(diag_list *l, span at, const char *fmt, va_list args)
{
    diag_add(l, false, at, l->n < SCHEMA_DIAGS_MAX ? text_of(l->a, fmt, args) : (nicol_str){0});
}

void diag_error(diag_list *l, span at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    diag_error_va(l, at, fmt, args);
    va_end(args);
}

void diag_warn(diag_list *l, span at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    diag_add(l, true, at, l->n < SCHEMA_DIAGS_MAX ? text_of(l->a, fmt, args) : (nicol_str){0});
    va_end(args);
}

void diag_line(diag_list *l, span at, nicol_str text)
{
    diag_add(l, false, at, arena_str(l->a, text)); /* the text's own arena may go before the diagnostics do */
}

void diag_help(diag_list *l, const char *fmt, ...)
{
    va_list args;
    if (l->n == 0 || l->full) return;
    diag_node *last = (diag_node *)(void *)((char *)l->tail - offsetof(diag_node, next));
    va_start(args, fmt);
    last->d.help = text_of(l->a, fmt, args);
    va_end(args);
}

bool diag_array(const diag_list *l, schema_diags *out)
{
    *out = (schema_diags){0};
    if (l->n == 0) return true;
    out->v = ARENA_ARRAY(l->a, l->n, schema_diag);
    if (out->v == NULL) return false;
    for (const diag_node *d = l->first; d != NULL; d = d->next) out->v[out->n++] = d->d;
    return true;
}

/* --- for people ------------------------------------------------------------------------------------------------------ */

static size_t char_len(unsigned char c)
{
    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

size_t schema_utf16_offset(nicol_str text, size_t offset)
{
    size_t units = 0;
    if (offset > text.len) offset = text.len;
    for (size_t i = 0; i < offset;) {
        size_t n = char_len((unsigned char)text.ptr[i]);
        units += n == 4 ? 2 : 1;
        i += n;
    }
    return units;
}

typedef struct place {
    size_t line, column; /* from 1 */
    size_t from, to;     /* of the line, without its end */
} place;

static place place_of(nicol_str text, size_t offset)
{
    place p = {.line = 1};
    if (offset > text.len) offset = text.len;
    for (size_t i = 0; i < offset; i++) {
        bool lone_cr = text.ptr[i] == '\r' && (i + 1 >= text.len || text.ptr[i + 1] != '\n');
        if (text.ptr[i] != '\n' && !lone_cr) continue;
        p.line++;
        p.from = i + 1;
    }
    p.to = p.from;
    while (p.to < text.len && text.ptr[p.to] != '\n' && text.ptr[p.to] != '\r') p.to++;
    p.column = 1;
    for (size_t i = p.from; i < offset; i += char_len((unsigned char)text.ptr[i])) p.column++;
    return p;
}

/* The line with control characters made visible as '?', so that a schema cannot play with the terminal. */
static void line_text(buf *out, nicol_str line)
{
    for (size_t i = 0; i < line.len; i++) {
        unsigned char c = (unsigned char)line.ptr[i];
        buf_char(out, c == '\t' ? ' ' : c < 0x20 || c == 0x7F ? '?' : (char)c);
    }
}

/* Columns that the line number takes; the marks stand below the text because all lines have the same margin. */
static int margin_of(size_t line)
{
    int n = 2;
    for (; line > 99; line /= 10) n++;
    return n;
}

void schema_diag_render(const schema_file *files, const schema_diag *d, bool colour, buf *out)
{
    const char *tone = !colour ? "" : d->warning ? "\x1b[1;33m" : "\x1b[1;31m";
    const char *bold = colour ? "\x1b[1m" : "", *frame = colour ? "\x1b[1;34m" : "", *plain = colour ? "\x1b[0m" : "";
    nicol_str text = files[d->file].text;
    place p = place_of(text, d->start);
    int margin = margin_of(p.line);
    buf_printf(out, "%s%s%s%s: ", tone, d->warning ? "warning" : "error", plain, bold);
    buf_str(out, d->message);
    buf_printf(out, "%s\n%*s%s-->%s ", plain, margin, "", frame, plain);
    line_text(out, files[d->file].path);
    buf_printf(out, ":%zu:%zu\n", p.line, p.column);
    buf_printf(out, "%s%*s |\n%*zu |%s ", frame, margin, "", margin, p.line, plain);
    line_text(out, str_sub(text, p.from, p.to));
    buf_printf(out, "\n%s%*s |%s ", frame, margin, "", plain);
    for (size_t i = 1; i < p.column; i++) buf_char(out, ' ');
    buf_str(out, str_c(tone));
    size_t end = d->end < p.to ? d->end : p.to, at = d->start;
    do {
        buf_char(out, '^');
        at += at < text.len ? char_len((unsigned char)text.ptr[at]) : 1;
    } while (at < end);
    buf_printf(out, "%s\n%s%*s |%s\n", plain, frame, margin, "", plain);
    if (d->help.len == 0) return;
    buf_printf(out, "%s%*s =%s %shelp%s: ", frame, margin, "", plain, bold, plain);
    line_text(out, d->help);
    buf_char(out, '\n');
}
