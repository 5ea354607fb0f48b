/* base/log.c - log lines.
 *
 * A line is put together on the stack and leaves with one write(), so that lines of several threads never mix and
 * logging needs no lock and no memory. Everything that could end a line, start a terminal escape or leave a JSON
 * string is escaped; bytes that are no UTF-8 become U+FFFD. A line that would be too long is cut inside its longest
 * part, still well-formed, and says "cut".
 */
#include "base/log.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

#define LINE_MAX_BYTES 4096
#define TAIL_BYTES 16 /* kept free for the mark and the end of the line */

static atomic_int log_fd = 2;
static atomic_int log_form = LOG_FORMAT_TEXT;
static atomic_int log_least = LOG_WARN;

typedef struct line {
    char text[LINE_MAX_BYTES];
    size_t len;
    size_t max;
    bool cut;
} line;

void log_setup(int fd, log_format format, log_level least)
{
    atomic_store(&log_form, (int)format);
    atomic_store(&log_least, (int)least);
    atomic_store(&log_fd, fd);
}

bool log_wants(log_level level)
{
    return atomic_load_explicit(&log_fd, memory_order_relaxed) >= 0 &&
           (int)level >= atomic_load_explicit(&log_least, memory_order_relaxed);
}

/* All or nothing: half a number or half an escape would be wrong, not short. */
static bool put(line *l, const char *p, size_t n)
{
    if (n > l->max - l->len) {
        l->cut = true;
        return false;
    }
    memcpy(l->text + l->len, p, n);
    l->len += n;
    return true;
}

static bool put_z(line *l, const char *z)
{
    return put(l, z, strlen(z));
}

/* Length of the printable piece at s[i], or 0 when it has to be escaped; *code is what to escape. */
static size_t piece(nicol_str s, size_t i, unsigned *code)
{
    unsigned char c = (unsigned char)s.ptr[i];
    *code = c;
    if (c < 0x80) return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f ? 1 : 0;
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (n > s.len - i || str_utf8_bad(str_sub(s, i, i + n)) != SIZE_MAX) {
        *code = 0xfffd;
        return 0;
    }
    if (c == 0xc2 && (unsigned char)s.ptr[i + 1] < 0xa0) { /* C1 control characters: some terminals obey them */
        *code = (unsigned char)s.ptr[i + 1];
        return 0;
    }
    return n;
}

/* A string with its quotes; false when it had to be cut. */
static bool put_quoted(line *l, nicol_str s)
{
    size_t full = l->max;
    if (l->max - l->len < 8) { /* not even room for a mark in quotes */
        l->cut = true;
        return false;
    }
    l->max -= 4; /* "..." and the quote after a cut, kept while the text is written */
    put(l, "\"", 1);
    bool whole = true;
    for (size_t i = 0; whole && i < s.len;) {
        unsigned code;
        size_t n = piece(s, i, &code);
        if (n) {
            whole = put(l, s.ptr + i, n);
            i += n;
            continue;
        }
        char esc[8];
        if (code == '"' || code == '\\') snprintf(esc, sizeof esc, "\\%c", (int)code);
        else if (code == '\n') snprintf(esc, sizeof esc, "\\n");
        else snprintf(esc, sizeof esc, "\\u%04x", code);
        whole = put_z(l, esc);
        i += code >= 0x80 && code < 0xa0 ? 2 : 1;
    }
    l->max = full;
    if (!whole) put(l, "...", 3);
    put(l, "\"", 1);
    return whole;
}

/* For people: a value that has no blanks or specials stands bare. */
static bool put_plain(line *l, nicol_str s)
{
    bool bare = s.len > 0;
    for (size_t i = 0; bare && i < s.len;) {
        unsigned code;
        size_t n = piece(s, i, &code);
        bare = n > 0 && code != ' ' && code != '=';
        i += n;
    }
    if (bare && s.len < l->max - l->len) return put(l, s.ptr, s.len);
    return put_quoted(l, s);
}

static bool put_value(line *l, const log_field *f, bool json)
{
    char text[48];
    switch (f->kind) {
    case LOG_STR:
        return json ? put_quoted(l, f->s) : put_plain(l, f->s);
    case LOG_I64:
        snprintf(text, sizeof text, "%lld", (long long)f->i);
        return put_z(l, text);
    case LOG_BOOL:
        return put_z(l, f->i ? "true" : "false");
    case LOG_F64:
        if (!isfinite(f->f)) return put_z(l, "null");
        snprintf(text, sizeof text, "%.12g", f->f);
        for (char *p = text; *p; p++) {
            if (*p == ',') *p = '.'; /* a program that embeds us may have set a locale */
        }
        return put_z(l, text);
    case LOG_END:
        break;
    }
    return true;
}

static void put_time(line *l, bool json)
{
    int64_t ms = clock_wall_ms();
    int64_t part = ms % 1000;
    if (part < 0) part += 1000;
    time_t sec = (time_t)((ms - part) / 1000);
    struct tm t;
    if (!gmtime_r(&sec, &t)) memset(&t, 0, sizeof t);
    char text[64];
    size_t n = strftime(text, sizeof text, json ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &t);
    snprintf(text + n, sizeof text - n, ".%03d%s", (int)part, json ? "Z" : "");
    put_z(l, text);
}

static void put_head(line *l, bool json, log_level level, const char *event, nicol_str request_id)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    static const char *const wide[] = {" DEBUG ", " INFO  ", " WARN  ", " ERROR "};
    size_t i = (unsigned)level < 4 ? (size_t)level : 3;
    if (json) put_z(l, "{\"ts\":\"");
    put_time(l, json);
    if (json) {
        put_z(l, "\",\"level\":\"");
        put_z(l, names[i]);
        put_z(l, "\",\"event\":");
        put_quoted(l, str_c(event));
    } else {
        put_z(l, wide[i]);
        put_z(l, event);
    }
    if (request_id.len) {
        put_z(l, json ? ",\"request_id\":" : " request_id=");
        log_field f = LOG_S("", request_id);
        put_value(l, &f, json);
    }
}

/* One write(); the rest of a partial one follows, since half a line is worth less than a mixed one. */
static void emit(const line *l)
{
    int fd = atomic_load_explicit(&log_fd, memory_order_relaxed);
    for (size_t done = 0; fd >= 0 && done < l->len;) {
        ssize_t n = write(fd, l->text + done, l->len - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return; /* a log that can't be written must not stop the work */
        done += (size_t)n;
    }
}

void log_event(log_level level, const char *event, nicol_str request_id, const log_field *fields)
{
    if (!log_wants(level)) return;
    int saved = errno; /* a caller may log before it looks at errno */
    bool json = atomic_load_explicit(&log_form, memory_order_relaxed) == LOG_FORMAT_JSON;
    line l;
    l.len = 0;
    l.max = sizeof l.text - TAIL_BYTES;
    l.cut = false;
    put_head(&l, json, level, event, request_id);
    for (const log_field *f = fields; f && f->kind != LOG_END && !l.cut; f++) {
        size_t before = l.len;
        bool named = put(&l, json ? ",\"" : " ", json ? 2 : 1) && put_z(&l, f->name) && put_z(&l, json ? "\":" : "=");
        size_t value_at = l.len;
        if (!named || (!put_value(&l, f, json) && l.len == value_at)) l.len = before; /* no name without a value */
    }
    l.max = sizeof l.text;
    if (l.cut) put_z(&l, json ? ",\"cut\":true" : " cut=true");
    put_z(&l, json ? "}\n" : "\n");
    emit(&l);
    errno = saved;
}
