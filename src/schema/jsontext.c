/* schema/jsontext.c - whether the text of a Json default is JSON, with the reason and place when it is not.
 *
 * The reader in json/ says the same in other words; here the words are the reference's, since they are part of its
 * message. Depth is bounded, nothing is allocated but the reason.
 */
#include "base/limits.h"
#include "schema/schema_int.h"

typedef struct jt {
    const char *p;
    size_t at, len;
    size_t line, column; /* of what was last read */
    int depth;
    const char *why;
} jt;

static int peek(const jt *j)
{
    return j->at < j->len ? (unsigned char)j->p[j->at] : -1;
}

static void take(jt *j)
{
    if (j->p[j->at] == '\n') {
        j->line++;
        j->column = 0;
    } else {
        j->column++;
    }
    j->at++;
}

/* The wrong character is part of the place, the end of the text is not. */
static bool wrong(jt *j, const char *why)
{
    if (j->at < j->len) take(j);
    j->why = why;
    return false;
}

static void blanks(jt *j)
{
    int c;
    while ((c = peek(j)) == ' ' || c == '\n' || c == '\t' || c == '\r') take(j);
}

static bool word(jt *j, const char *rest)
{
    take(j);
    for (; *rest != 0; rest++) {
        if (peek(j) == -1) return wrong(j, "EOF while parsing a value");
        if (peek(j) != *rest) return wrong(j, "expected ident");
        take(j);
    }
    return true;
}

static bool digits(jt *j)
{
    if (peek(j) == -1) return wrong(j, "EOF while parsing a value");
    if (peek(j) < '0' || peek(j) > '9') return wrong(j, "invalid number");
    while (peek(j) >= '0' && peek(j) <= '9') take(j);
    return true;
}

static bool number(jt *j)
{
    if (peek(j) == '-') take(j);
    if (peek(j) == '0') {
        take(j);
        if (peek(j) >= '0' && peek(j) <= '9') return wrong(j, "invalid number");
    } else if (!digits(j)) {
        return false;
    }
    if (peek(j) == '.') {
        take(j);
        if (!digits(j)) return false;
    }
    if (peek(j) != 'e' && peek(j) != 'E') return true;
    take(j);
    if (peek(j) == '+' || peek(j) == '-') take(j);
    return digits(j);
}

static bool string(jt *j)
{
    for (take(j);;) {
        int c = peek(j);
        if (c == -1) return wrong(j, "EOF while parsing a string");
        if (c < 0x20) return wrong(j, "control character (\\u0000-\\u001F) found while parsing a string");
        take(j);
        if (c == '"') return true;
        if (c != '\\') continue;
        c = peek(j);
        if (c == -1) return wrong(j, "EOF while parsing a string");
        if (strchr("\"\\/bfnrtu", c) == NULL) return wrong(j, "invalid escape");
        take(j);
        for (int i = 0; c == 'u' && i < 4; i++) {
            int h = peek(j);
            if (h == -1) return wrong(j, "EOF while parsing a string");
            bool hex = (h >= '0' && h <= '9') || (h >= 'a' && h <= 'f') || (h >= 'A' && h <= 'F');
            if (!hex) return wrong(j, "invalid escape");
            take(j);
        }
    }
}

static bool value(jt *j);

static bool array(jt *j)
{
    take(j);
    blanks(j);
    if (peek(j) == ']') {
        take(j);
        return true;
    }
    for (;;) {
        if (peek(j) == -1) return wrong(j, "EOF while parsing a list");
        if (!value(j)) return false;
        blanks(j);
        if (peek(j) == -1) return wrong(j, "EOF while parsing a list");
        if (peek(j) == ']') {
            take(j);
            return true;
        }
        if (peek(j) != ',') return wrong(j, "expected `,` or `]`");
        take(j);
        blanks(j);
        if (peek(j) == ']') return wrong(j, "trailing comma");
    }
}

static bool object(jt *j)
{
    take(j);
    blanks(j);
    if (peek(j) == '}') {
        take(j);
        return true;
    }
    for (;;) {
        if (peek(j) == -1) return wrong(j, "EOF while parsing an object");
        if (peek(j) != '"') return wrong(j, "key must be a string");
        if (!string(j)) return false;
        blanks(j);
        if (peek(j) == -1) return wrong(j, "EOF while parsing an object");
        if (peek(j) != ':') return wrong(j, "expected `:`");
        take(j);
        blanks(j);
        if (!value(j)) return false;
        blanks(j);
        if (peek(j) == -1) return wrong(j, "EOF while parsing an object");
        if (peek(j) == '}') {
            take(j);
            return true;
        }
        if (peek(j) != ',') return wrong(j, "expected `,` or `}`");
        take(j);
        blanks(j);
        if (peek(j) == '}') return wrong(j, "trailing comma");
    }
}

static bool value(jt *j)
{
    bool ok;
    switch (peek(j)) {
    case -1:
        return wrong(j, "EOF while parsing a value");
    case 'n':
        return word(j, "ull");
    case 't':
        return word(j, "rue");
    case 'f':
        return word(j, "alse");
    case '"':
        return string(j);
    case '[':
    case '{':
        if (++j->depth > NICOL_JSON_DEPTH_MAX - 1) return wrong(j, "recursion limit exceeded");
        ok = peek(j) == '[' ? array(j) : object(j);
        j->depth--;
        return ok;
    default:
        if (peek(j) == '-' || (peek(j) >= '0' && peek(j) <= '9')) return number(j);
        return wrong(j, "expected value");
    }
}

bool jsontext_valid(nicol_str s, buf *why)
{
    jt j = {.p = s.ptr, .len = s.len, .line = 1};
    blanks(&j);
    bool ok = value(&j);
    if (ok) {
        blanks(&j);
        if (j.at >= j.len) return true;
        wrong(&j, "trailing characters");
    }
    buf_printf(why, "%s at line %zu column %zu", j.why, j.line, j.column);
    return false;
}
